/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What no option can see alone: what contradicts another, and what is probably not meant. */
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "cli/options.h"

/** options_check() - what no row can see alone. Return: ST_OK; ST_INVALID, ST_NOMEM with
 * @reterr_problem */
enum status options_check(const struct options *options,
                          enum option_command command,
                          struct problem *reterr_problem) NODISCARD NONNULL(1, 3);

/** options_warn() - tell @fn what is allowed but probably not meant (status ST_INVALID) */
void options_warn(const struct options *options,
                  enum option_command command,
                  problem_fn *fn,
                  void *ctx) NONNULL(1, 3);
