/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files of YAML or JSON documents become json-c trees whose nodes remember where they stood.
 *
 * One decoder then serves both forms, and can say file, line and column. YAML scalars are typed as
 * kubectl types them (document/yaml_scalar.h). Text that starts with `{` is tried as JSON and then
 * as YAML, as in kubectl; several JSON objects may follow each other. Duplicate keys are an error,
 * aliases are expanded up to a bound, `<<` is known. A byte order mark is skipped in front of any
 * document, and one of UTF-16 makes the text UTF-8 first: columns are those of that.
 *
 * A tree is for reading: aliases share nodes. Numbers have type and value, not their spelling (1.50
 * is 1.5). Strings are wiped when json-c frees them.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "document/node.h"

/* A text in which U+FFFD stands for what was no UTF-8: three bytes for one, and no longer than a
 * file of manifests may be. */
#define DOCUMENT_MAX_REPAIRED_BYTES 67108864

/**
 * document_parse() - parse @text and hand out its documents
 * @text: borrows; UTF-8, or UTF-16 with its byte order mark; need not end in NUL
 * @fn:   not called for a document that is null or empty
 *
 * Each document is handed out and freed before the next is parsed. So a file with an error has its
 * documents before the error handed out: who wants all or nothing collects what @fn makes of them,
 * and throws it away when the result is not ST_OK. Return: ST_OK; ST_SYNTAX, ST_DUPLICATE, ST_LIMIT
 * with @reterr_problem filled (not its file); ST_NOMEM; or what @fn returned.
 */
enum status document_parse(struct span text,
                           document_fn *fn,
                           void *ctx,
                           struct problem *reterr_problem) NODISCARD NONNULL(2, 4);

/**
 * document_parse_json() - document_parse() of what a server sends: JSON objects, and nothing else
 * @left_out: a member that nobody will look at: it is checked and no part of the tree, however
 *            often it is there
 */
enum status document_parse_json(struct span text,
                                struct document_path left_out,
                                document_fn *fn,
                                void *ctx,
                                struct problem *reterr_problem) NODISCARD NONNULL(3, 5);

/** What there is to say of a text beside its documents. */
struct document_notes {
    struct document_range range; /* of the document that is handed out; only then */
    bool is_transcoded;          /* the offsets are in another text than the caller's */
    unsigned damage_line;        /* of the first byte that is no UTF-8; 0: there is none */
    unsigned damage_column;
};

/**
 * document_parse_notes() - document_parse() of a manifest, as kubectl reads one: what is no UTF-8
 * becomes U+FFFD
 * @ret_notes: written before the first call of @fn; its range before each
 *
 * In a key that is ST_SYNTAX: whoever looks for the key would not find it. Of values
 * document_is_damaged() tells. Behind a byte order mark of UTF-8, all must be UTF-8.
 */
enum status document_parse_notes(struct span text,
                                 struct document_notes *ret_notes,
                                 document_fn *fn,
                                 void *ctx,
                                 struct problem *reterr_problem) NODISCARD NONNULL(2, 3, 5);
