/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The command line becomes a struct options. */
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "cli/options.h"

/* Kubernetes sets these in every pod. */
#define POD_HOST_VARIABLE "KUBERNETES_SERVICE_HOST"
#define POD_PORT_VARIABLE "KUBERNETES_SERVICE_PORT"

/**
 * options_parse() - everything between the command line and a checked struct options
 * @argv: arguments behind the subcommand's name, @argc of them; borrows
 *
 * Defaults, then the file of --config, then flags on top; in a pod, --in-cluster when nothing else
 * says where Secrets are; with a client CA, metrics by certificate when nothing else is said; the
 * issuers of ServiceAccount tokens as --api-audiences. Stops at the first error. With --help
 * nothing else is looked at.
 * *@ret_options is owned by the caller on ST_OK only. Return: ST_OK; ST_INVALID, ST_NOT_FOUND,
 * ST_SYNTAX, ST_TYPE, ST_DUPLICATE, ST_LIMIT, ST_IO with
 * @reterr_problem, which names the option or the file, line and column, and what was expected, and
 * never repeats a value: a token pasted in the wrong place must not reach a log; ST_NOMEM
 */
enum status options_parse(enum option_command command,
                          int argc,
                          char *const *argv,
                          struct options *ret_options,
                          struct problem *reterr_problem) NODISCARD NONNULL(4, 5);

/** options_parse_flags() - the part of options_parse() that opens no file: set what @argv says.
 * Return: as options_parse(); @options may be half written and is still the caller's to free */
enum status options_parse_flags(enum option_command command,
                                int argc,
                                char *const *argv,
                                struct options *options,
                                struct problem *reterr_problem) NODISCARD NONNULL(4, 5);
