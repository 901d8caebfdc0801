/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents: which form a text has, and when its trees are handed out.
 *
 * Untrusted: the text. Manifests are written by whoever may write into the directory, and a broken
 * one must not take what it says half: so all of it is read before any of it is told.
 *
 * Threads: none; a call keeps nothing.
 */
#include "base/document.h"

#include "base/document_json.h"
#include "base/document_tree.h"
#include "base/document_yaml.h"
#include "base/utf8.h"

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

static enum status check_utf8(struct span text, struct document_tree *tree)
{
    struct document_place place = { .line = 1, .column = 1 };
    while (text.len > 0) {
        const size_t len = utf8_sequence_len(text);
        if (len == 0) {
            return document_tree_fail(tree, ST_SYNTAX, place, "UTF-8");
        }
        place.column += (unsigned)len;
        if (text.at[0] == '\n') {
            place.line++;
            place.column = 1;
        }
        text = span_after(text, len);
    }
    return ST_OK;
}

static enum status read_documents(struct span text, struct document_tree *tree)
{
    const bool all_ascii = is_ascii(text);
    const enum status status = all_ascii ? ST_OK : check_utf8(text, tree);
    if (status != ST_OK || text.len == 0) {
        return status;
    }
    return is_json(text) ? document_json_read(text, tree)
                         : document_yaml_read(text, all_ascii, tree);
}

static enum status hand_out(struct document_tree *tree, document_fn *fn, void *ctx)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < tree->document_count && status == ST_OK; i++) {
        status = fn(ctx, tree->documents[i]);
        (void)json_object_put(tree->documents[i]); /* at once: a large file is freed as it goes */
        tree->documents[i] = NULL;
    }
    return status;
}

enum status document_parse(struct span text,
                           document_fn *fn,
                           void *ctx,
                           struct problem *reterr_problem)
{
    struct document_tree tree = { .problem = reterr_problem };
    const bool has_mark = span_starts_with(text, BYTE_ORDER_MARK);
    const struct span content = has_mark ? span_after(text, BYTE_ORDER_MARK.len) : text;
    enum status status = read_documents(content, &tree);
    if (status == ST_OK) {
        status = hand_out(&tree, fn, ctx);
    }
    document_tree_fini(&tree);
    return status;
}
