/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many directives stand in front of a YAML document, and how long they are.
 *
 * libyaml reads all of them in one call and bounds neither, so they are counted before that call.
 * Between two documents there are blank lines, comments, `...` and directives, and no scalar that
 * could hold a line that looks like one. Lines end and blanks are where libyaml's scanner sees
 * them, which knows more line breaks than LF; where in doubt a line is looked past, since to stop
 * early would be the mistake that lets directives by.
 *
 * Untrusted: the text. Threads: none.
 */
#include "document/yaml_directives.h"

#include "base/utf8.h"

#define END_OF_DOCUMENT     SPAN_LITERAL("...")
#define NEXT_LINE           SPAN_LITERAL("\xc2\x85")
#define LINE_SEPARATOR      SPAN_LITERAL("\xe2\x80\xa8")
#define PARAGRAPH_SEPARATOR SPAN_LITERAL("\xe2\x80\xa9")

/* Of the line break that @text begins with; 0 for none. CR LF counts as two, with an empty line
 * between them, which is no matter here. */
static size_t break_len(struct span text)
{
    if (text.len == 0) {
        return 0;
    }
    if (text.at[0] == '\n' || text.at[0] == '\r') {
        return 1;
    }
    if (span_starts_with(text, NEXT_LINE)) {
        return NEXT_LINE.len;
    }
    const bool is_separator =
        span_starts_with(text, LINE_SEPARATOR) || span_starts_with(text, PARAGRAPH_SEPARATOR);
    return is_separator ? LINE_SEPARATOR.len : 0;
}

bool yaml_ends_in_break(struct span text)
{
    /* NEL has two bytes, LS and PS have three */
    return (text.len >= 1 && break_len(span_after(text, text.len - 1)) > 0) ||
           (text.len >= 2 && break_len(span_after(text, text.len - 2)) == 2) ||
           (text.len >= 3 && break_len(span_after(text, text.len - 3)) == 3);
}

static struct span first_line(struct span text)
{
    size_t len = 0;
    while (len < text.len && break_len(span_after(text, len)) == 0) {
        len++;
    }
    return (struct span){ .at = text.at, .len = len };
}

/* Blank, or a comment. */
static bool is_empty(struct span line)
{
    while (line.len > 0) {
        if (span_starts_with(line, BYTE_ORDER_MARK)) {
            line = span_after(line, BYTE_ORDER_MARK.len);
        } else if (line.at[0] == ' ' || line.at[0] == '\t') {
            line = span_after(line, 1);
        } else {
            return line.at[0] == '#';
        }
    }
    return true;
}

static bool is_between_documents(struct span line)
{
    const bool is_end = span_starts_with(line, END_OF_DOCUMENT);
    return is_empty(is_end ? span_after(line, END_OF_DOCUMENT.len) : line);
}

bool yaml_directives_check(struct span text, size_t offset, size_t *reterr_offset)
{
    struct span rest = span_after(text, offset);
    for (size_t count = 0; rest.len > 0;) {
        const struct span line = first_line(rest);
        if (line.len > 0 && line.at[0] == '%') {
            if (++count > YAML_MAX_DIRECTIVES || line.len > YAML_MAX_DIRECTIVE_BYTES) {
                *reterr_offset = text.len - rest.len;
                return false;
            }
        } else if (!is_between_documents(line)) {
            break;
        }
        rest = span_after(rest, line.len);
        rest = span_after(rest, break_len(rest));
    }
    return true;
}
