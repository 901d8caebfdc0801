/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * json-c trees as text that document_parse() reads back as the same tree: YAML for people, as
 * kubectl prints it, or JSON.
 */
#include <json-c/json.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/status.h"

/**
 * document_write_yaml() - append @root as a YAML document in block style, without `---`; it begins
 * and ends with the line
 * @buf: set is_secret beforehand if need be; on failure its content is of no use
 *
 * What another reader could take for something else than a string is quoted (numbers, dates, `yes`,
 * `<<`), several lines become a literal block. Return: ST_OK; ST_NOMEM; ST_LIMIT when it is nested
 * deeper than DOCUMENT_MAX_DEPTH; ST_INVALID for what is not UTF-8, and numbers that JSON does not
 * have
 */
enum status document_write_yaml(const json_object *root, struct buf *buf) NODISCARD NONNULL(1, 2);

/** document_write_json() - append @root as JSON, indented, and a line break. Return: as
 * document_write_yaml() */
enum status document_write_json(const json_object *root, struct buf *buf) NODISCARD NONNULL(1, 2);
