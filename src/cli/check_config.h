/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/compiler.h"
#include "cli/options.h"

/**
 * check_config_run() - `kube-bearer check-config`: do everything serve does before it binds
 *
 * Return: the exit status: 0 when serve would start and every object is fine; 1 at the first thing
 * that would stop the start, when the API server does not answer (which would not), or when a
 * manifest or an object has a problem (each is listed on stderr)
 */
int check_config_run(const struct options *options) NONNULL(1);
