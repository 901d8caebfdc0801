/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* JSON text into trees with positions. */
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"
#include "document/node.h"
#include "document/tree.h"

/** How far a text was JSON. */
struct document_json_end {
    size_t offset;       /* of the object that is not well-formed, or of what is no object */
    size_t object_count; /* that were handed out before it */
};

/**
 * document_json_read() - read JSON objects that follow each other, with or without white space
 * between them
 * @text: borrows; not changed
 * @left_out: as document_parse_json() has it
 * @tree: hands each object out as a document
 * @reterr_end: written also without memory, but not read then
 *
 * Return: ST_OK; ST_SYNTAX, ST_DUPLICATE, ST_LIMIT, ST_NOMEM with tree->problem filled; what
 * tree->fn returned
 */
enum status document_json_read(struct span text,
                               struct document_path left_out,
                               struct document_tree *tree,
                               struct document_json_end *reterr_end) NODISCARD NONNULL(3, 4);
