/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help and reference from the options table, so that neither can drift from what is parsed.
 * No threads, no state; failure is the buf's.
 */
#include "cli/options_help.h"

#include <string.h>

#include "cli/options_table.h"

#define HELP_INDENT 8 /* of an option's text, below its name */

static const char *metavar_of(const struct option_row *row)
{
    if (row->metavar) {
        return row->metavar;
    }
    switch (row->type) {
    case OPTION_STRING:
        return "TEXT";
    case OPTION_PATH:
    case OPTION_SECRET_PATH:
        return "FILE";
    case OPTION_BOOL:
        return "BOOL";
    case OPTION_INT:
        return "N";
    case OPTION_PORT:
        return "PORT";
    case OPTION_BYTES:
        return "BYTES";
    case OPTION_DURATION:
        return "DURATION";
    case OPTION_ENUM:
        return "CHOICE";
    case OPTION_LIST:
        return "LIST";
    case OPTION_HOST_PORT:
        return "HOST:PORT";
    case OPTION_INSTANT:
        return "TIME";
    }
    return "";
}

static const char *default_of(const struct option_row *row)
{
    return row->initial_text ? row->initial_text : row->initial;
}

/* "--name FILE", "--switch[=BOOL]", "--choice a|b" */
static void append_usage(struct buf *buf, const struct option_row *row)
{
    if (row->letter) {
        buf_printf(buf, "-%c, ", row->letter);
    }
    buf_printf(buf, "--%s", row->name);
    if (row->type == OPTION_BOOL) {
        buf_append_text(buf, default_of(row) ? "[=BOOL]" : "");
    } else if (row->type == OPTION_ENUM) {
        for (const struct option_choice *choice = row->choices; choice->name; choice++) {
            buf_printf(buf, "%s%s", choice == row->choices ? " " : "|", choice->name);
        }
    } else {
        buf_printf(buf, " %s", metavar_of(row));
    }
}

/* The help's sentences, with every possible item of a list that has such, set with blanks. */
static void append_meaning(struct buf *buf, const struct option_row *row)
{
    buf_append_text(buf, row->help);
    if (!row->append_values) {
        return;
    }
    struct buf values = { 0 };
    row->append_values(&values);
    buf->failed = buf->failed || values.failed;
    buf_append_char(buf, ' ');
    for (size_t i = 0; i < values.len; i++) {
        buf_append_char(buf, values.at[i]);
        if (values.at[i] == ',') {
            buf_append_char(buf, ' ');
        }
    }
    buf_append_char(buf, '.');
    buf_fini(&values);
}

/* Bytes of the first line of @text that fit @width: up to the last blank, or a whole long word. */
static size_t line_len(struct span text, size_t width)
{
    size_t fits = 0;
    for (size_t i = 0; i <= text.len; i++) {
        const bool ends = i == text.len || text.at[i] == '\n';
        if (ends || text.at[i] == ' ') {
            if (i > width && fits > 0) {
                return fits;
            }
            fits = i;
        }
        if (ends) {
            break;
        }
    }
    return fits;
}

void options_help_wrap(struct buf *buf, struct span text, size_t indent)
{
    while (text.len > 0) {
        const size_t len = line_len(text, HELP_COLUMNS - indent);
        if (len > 0) {
            buf_printf(buf, "%*s", (int)indent, "");
        }
        buf_append(buf, (struct span){ .at = text.at, .len = len });
        buf_append_char(buf, '\n');
        text = span_after(text, len < text.len ? len + 1 : len); /* the blank or newline goes */
    }
}

static void help_option(struct buf *buf, const struct option_row *row)
{
    struct buf text = { 0 };
    buf_append_text(buf, "  ");
    append_usage(buf, row);
    buf_append_char(buf, '\n');
    append_meaning(&text, row);
    if (default_of(row)) {
        buf_printf(&text, " (default %s)", default_of(row));
    }
    buf->failed = buf->failed || text.failed;
    options_help_wrap(buf, buf_span(&text), HELP_INDENT);
    buf_fini(&text);
}

void options_help(struct buf *buf, enum option_command command)
{
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (enum option_group group = 0; group < GROUP_COUNT_; group++) {
        bool titled = false;
        for (size_t i = 0; i < count; i++) {
            if (rows[i].group != group || !(rows[i].commands & 1U << command)) {
                continue;
            }
            if (!titled) {
                buf_printf(buf, "\n%s:\n", option_group_title(group));
                titled = true;
            }
            help_option(buf, &rows[i]);
        }
    }
}

/* Text in a cell of a Markdown table: a bar would end the cell. */
static void append_cell(struct buf *buf, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '|') {
            buf_append_char(buf, '\\');
        }
        buf_append_char(buf, text.at[i]);
    }
}

static void document_option(struct buf *buf, const struct option_row *row)
{
    struct buf cell = { 0 };
    append_usage(&cell, row);
    buf_append_text(buf, "| `");
    append_cell(buf, buf_span(&cell));
    buf_append_text(buf, "` | ");
    if (row->in_file) {
        char member[OPTION_NAME_MAX];
        option_member(row, member);
        buf_printf(buf, "`%s`", member);
    }
    buf_append_text(buf, " | ");
    if (row->initial_text) {
        buf_append_text(buf, row->initial_text);
    } else if (row->initial) {
        buf_printf(buf, "`%s`", row->initial);
    }
    buf_append_text(buf, " | ");
    buf_fini(&cell);
    append_meaning(&cell, row);
    append_cell(buf, buf_span(&cell));
    buf_append_text(buf, row->reloads ? " Followed while serving. |\n" : " |\n");
    buf->failed = buf->failed || cell.failed;
    buf_fini(&cell);
}

void options_document(struct buf *buf)
{
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (enum option_group group = 0; group < GROUP_COUNT_; group++) {
        buf_printf(buf,
                   "%s**%s**\n\n"
                   "| Flag | Member of the file | Default | Meaning |\n|---|---|---|---|\n",
                   group ? "\n" : "", option_group_title(group));
        for (size_t i = 0; i < count; i++) {
            if (rows[i].group == group) {
                document_option(buf, &rows[i]);
            }
        }
    }
}
