/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/compiler.h"
#include "cli/options.h"

/** version_command_run() - `kube-bearer version`. Return: the exit status */
int version_command_run(const struct options *options) NONNULL(1);
