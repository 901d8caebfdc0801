/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --port-file: which ports the kernel gave, for whoever started the server with port 0. */
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"

/**
 * port_file_write() - write {"secure":N,"health":N} to @path, whole
 * @health: 0 without such a listener
 *
 * Written to PATH.tmp and renamed, so that who waits for it never reads half of it. What stands at
 * PATH.tmp is unlinked, never written to or followed.
 * Return: ST_OK; ST_IO with @reterr_problem, which names @path: then PATH is as it was, and
 * PATH.tmp is gone if it was ours
 */
enum status port_file_write(const char *path,
                            uint16_t secure,
                            uint16_t health,
                            struct problem *reterr_problem) NODISCARD NONNULL(1, 4);
