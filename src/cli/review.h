/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/compiler.h"
#include "cli/options.h"

/**
 * review_run() - `kube-bearer review`: ask the engine, or a running server, whose token this is
 *
 * Return: the exit status: 0 authenticated; 1 not authenticated, whether refused or an error;
 * 2 the question could not be asked
 */
int review_run(const struct options *options) NONNULL(1);
