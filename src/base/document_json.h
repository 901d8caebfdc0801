/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* JSON text into trees with positions. */
#include "base/compiler.h"
#include "base/document_tree.h"
#include "base/span.h"
#include "base/status.h"

/**
 * document_json_read() - read JSON objects that follow each other, with or without white space
 * between them
 * @text: borrows; not changed
 * @tree: hands each object out as a document
 *
 * Return: ST_OK; ST_SYNTAX, ST_DUPLICATE, ST_LIMIT, ST_NOMEM with tree->problem filled
 */
enum status document_json_read(struct span text, struct document_tree *tree) NODISCARD NONNULL(2);
