/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The configuration file: the same rows as flags, as members of a YAML document. */
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "cli/options.h"

/** options_parse_file() - set what the configuration file's @text says, but for what options->given
 * has already: flags win. On failure @options is unchanged */
enum status options_parse_file(struct span text,
                               struct options *options,
                               struct problem *reterr_problem) NODISCARD NONNULL(2, 3);
