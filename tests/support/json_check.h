/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a JSON parser that builds trees cannot tell afterwards: whether a key appeared twice.
 *
 * json-c lets the last one win in silence. A second opinion for the tests of document/document.h,
 * which finds the same by other means.
 */
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

/**
 * json_check_duplicates() - check a JSON text strictly, and that no object has a key twice
 * @text: borrows; not changed. One value or several that follow each other, with or without white
 *        space between them (a file of JSON objects); none at all is fine too
 *
 * Keys are compared decoded (`"a"` and `"\u0061"` are the same key), at every depth down to
 * JSON_SCAN_MAX_DEPTH. The position of a duplicate is its second occurrence.
 * Return: ST_OK; ST_SYNTAX, ST_LIMIT, ST_DUPLICATE, ST_NOMEM with @reterr_problem (not its file).
 * Cost:   n log n in the keys of one object; memory linear in @text; the copy it works on is wiped,
 *         for the text may be a Secret.
 */
enum status json_check_duplicates(struct span text, struct problem *reterr_problem) NODISCARD
    NONNULL(2);
