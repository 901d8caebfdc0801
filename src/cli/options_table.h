/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table of all options: one row each. Parser, help, configuration file and documentation read
 * it; nothing else knows an option's name. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "cli/options.h"

enum option_type {
    OPTION_STRING = 0,  /* char * */
    OPTION_PATH,        /* char *; a file or directory */
    OPTION_SECRET_PATH, /* char *; as OPTION_PATH; "-" is standard input. Errors never repeat it:
                           somebody will put the token there */
    OPTION_BOOL,        /* bool */
    OPTION_INT,         /* int64_t */
    OPTION_PORT,        /* uint16_t */
    OPTION_BYTES,       /* int64_t; digits, with Ki or Mi behind them */
    OPTION_DURATION,    /* int64_t in ms; as Go writes it */
    OPTION_ENUM,        /* any enum; one of choices */
    OPTION_LIST,        /* struct option_list; commas, and again */
    OPTION_HOST_PORT,   /* struct host_port */
    OPTION_INSTANT,     /* struct option_instant; RFC 3339 */
};

enum option_group {
    GROUP_OBJECTS = 0,
    GROUP_AUTHENTICATION,
    GROUP_SERVICE_ACCOUNTS,
    GROUP_SERVING,
    GROUP_TLS,
    GROUP_LIMITS,
    GROUP_SHUTDOWN,
    GROUP_QUESTION,
    GROUP_SERVER,
    GROUP_GENERAL,
    GROUP_COUNT_
};

struct option_choice {
    const char *name;
    int value;
};

struct option_row {
    const char *name;    /* as Kubernetes has it, without dashes in front; one letter: -v and --v */
    const char *metavar; /* NULL: by type */
    const char *initial; /* the default, as a user would write it; NULL: none */
    const char *initial_text;            /* what help says instead, when the default is computed */
    const struct option_choice *choices; /* ENUM; ends with a NULL name */
    const char *help;                    /* sentences; Markdown-safe */
    const char *absent; /* "to admit everybody": what leaving it out is for. Then an empty value is
                           an error: a variable that was not set must not open the door */
    void (*append_values)(
        struct buf *buf); /* behind help: every known item, with commas; or NULL */
    int64_t min;          /* INT, BYTES: as they are; DURATION: ms */
    int64_t max;
    size_t offset; /* in struct options */
    enum option_type type;
    enum option_group group;
    unsigned commands; /* bit (1 << enum option_command) */
    char letter;       /* also -f; 0 for none */
    bool in_file;      /* also a member of the configuration file */
    bool keeps_commas; /* LIST: a flag is one item, commas and all, as kube-apiserver has it */
    bool reloads; /* what the path names is followed while serving; any other change needs a restart
                   */
};

/** options_table() - all rows. @ret_count: how many, at most 64 (struct options.given) */
const struct option_row *options_table(size_t *ret_count) NONNULL(1);

/** option_find() - the row that @command knows as @name; NULL when there is none */
const struct option_row *option_find(enum option_command command, struct span name);

/** option_find_letter() - as option_find(), by letter */
const struct option_row *option_find_letter(enum option_command command, char letter);

/** option_find_member() - the row of a member of the configuration file; NULL when there is none */
const struct option_row *option_find_member(struct span member);

#define OPTION_NAME_MAX 48 /* bytes with NUL of the longest name */

/** option_member() - "tls-cert-file" gives "tlsCertFile", "client-ca-file" gives "clientCAFile" */
void option_member(const struct option_row *row, char ret_member[static OPTION_NAME_MAX]);

/** option_group_title() - heading of help and documentation; static storage */
const char *option_group_title(enum option_group group);

/** option_is_given() - by flag or by file */
bool option_is_given(const struct options *options, const struct option_row *row) NONNULL(1, 2);

/** option_mark_given() - remember that @row was given */
void option_mark_given(struct options *options, const struct option_row *row) NONNULL(1, 2);
