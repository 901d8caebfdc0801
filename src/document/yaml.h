/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* YAML text into trees with positions. */
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"
#include "document/tree.h"

/**
 * document_yaml_read() - read a YAML stream
 * @text:     borrows; valid UTF-8 without a byte order mark, not empty
 * @is_ascii: no byte of it is above 127
 * @tree:     hands each document out that is not null
 *
 * Return: ST_OK; ST_SYNTAX, ST_DUPLICATE, ST_LIMIT, ST_NOMEM with tree->problem filled
 */
enum status document_yaml_read(struct span text,
                               bool is_ascii,
                               struct document_tree *tree) NODISCARD NONNULL(3);
