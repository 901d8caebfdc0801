/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents: which form a text has.
 *
 * Untrusted: the text. Trees take many times the memory of their text, so there is never more than
 * one: each document is freed before the next is read. What came before an error has then been
 * handed out, and is for the caller to throw away.
 *
 * Threads: none; a call keeps nothing.
 */
#include "base/document.h"

#include "base/document_json.h"
#include "base/document_tree.h"
#include "base/document_yaml.h"

#define BYTE_ORDER_MARK SPAN_LITERAL("\xef\xbb\xbf")

/* The form is told by the first byte that is not blank, as kubectl tells it. */
static bool is_json(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            return c == '{';
        }
    }
    return false;
}

/* Nearly every manifest is, and then characters are bytes. */
static bool is_ascii(struct span text)
{
    unsigned char bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        bits |= (unsigned char)text.at[i];
    }
    return bits < 0x80;
}

/* Both readers refuse what is not UTF-8. */
static enum status read_documents(struct span text, struct document_tree *tree)
{
    if (text.len == 0) {
        return ST_OK;
    }
    return is_json(text) ? document_json_read(text, tree)
                         : document_yaml_read(text, is_ascii(text), tree);
}

static enum status parse(struct span text, struct document_tree *tree)
{
    const bool has_mark = span_starts_with(text, BYTE_ORDER_MARK);
    tree->text_offset = has_mark ? BYTE_ORDER_MARK.len : 0;
    const struct span content = has_mark ? span_after(text, BYTE_ORDER_MARK.len) : text;
    const enum status status = read_documents(content, tree);
    document_tree_fini(tree);
    return status;
}

enum status document_parse(struct span text,
                           document_fn *fn,
                           void *ctx,
                           struct problem *reterr_problem)
{
    struct document_tree tree = { .problem = reterr_problem, .fn = fn, .ctx = ctx };
    return parse(text, &tree);
}

enum status document_parse_ranges(struct span text,
                                  struct document_range *ret_range,
                                  document_fn *fn,
                                  void *ctx,
                                  struct problem *reterr_problem)
{
    struct document_tree tree = {
        .problem = reterr_problem,
        .fn = fn,
        .ctx = ctx,
        .range = ret_range,
    };
    return parse(text, &tree);
}
