/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The subcommands: which there are, what they are told, how the process ends. */
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "cli/options.h"

struct command {
    const char *name;
    /** Return: the exit status; complains on stderr itself, in one line */
    int (*run)(const struct options *options);
    const char *summary; /* one line */
    const char *help;    /* paragraphs */
    enum option_command options;
    bool holds_secrets; /* process_harden() first */
};

/** commands_table() - all but `help`, in the order of help */
const struct command *commands_table(size_t *ret_count) NONNULL(1);

/** commands_help() - append the page of one command; of NULL, the page of the program */
void commands_help(struct buf *buf, const struct command *command) NONNULL(1);

/**
 * commands_main() - find the subcommand, parse its options, run it
 *
 * A mistake of the caller is one line on stderr and EXIT_STATUS_USAGE; it never repeats an argument
 * that could be a token. Return: the process's exit status
 */
int commands_main(int argc, char *const *argv) NONNULL(2);
