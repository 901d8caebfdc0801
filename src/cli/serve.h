/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/compiler.h"
#include "cli/options.h"

/**
 * serve_run() - `kube-bearer serve`: run until SIGTERM or SIGINT
 * @options: checked; borrows
 *
 * Return: the process's exit status: 0 after an orderly end, 1 when something could not be started
 * (one line on stderr)
 */
int serve_run(const struct options *options) NONNULL(1);
