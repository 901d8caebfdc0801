/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the process does to itself before it touches a secret. */
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"

/**
 * process_harden() - no core files, no debugger of the same user
 *
 * Call before the first secret is read. Children that exec are not affected by the second half.
 * Return: ST_OK; ST_INTERNAL with @reterr_problem when the kernel refuses: then do not go on
 */
enum status process_harden(struct problem *reterr_problem) NODISCARD NONNULL(1);
