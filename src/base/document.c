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
