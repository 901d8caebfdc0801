/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: json_scan_*() and json_check_duplicates().
 *
 * Properties: what we accept json-c accepts, and decodes to the same; what only json-c accepts is
 * one of its known weaknesses; an error's position lies in the text, on the line and column that
 * counting newlines in the original gives; the duplicate check accepts what the scanner accepts.
 */
#include "document/json_scan.h"
#include "fuzz.h"
#include "support/json_check.h"
#include "support/json_oracle.h"

/* A raw newline cannot stand in a string before the first error, so all of them separate lines. */
static void require_position(struct span text, size_t offset, const struct problem *problem)
{
    FUZZ_REQUIRE(offset <= text.len);
    unsigned line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (text.at[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    FUZZ_REQUIRE(problem->line == line);
    FUZZ_REQUIRE(problem->column == offset - line_start + 1);
}

static void compare_refusal(struct span text, const struct json_scan *scan, size_t offset)
{
    struct problem problem = { 0 };
    json_scan_problem(scan, &problem);
    FUZZ_REQUIRE(problem.status == scan->status && problem.text[0]);
    FUZZ_REQUIRE(scan->status == ST_SYNTAX || scan->status == ST_LIMIT);
    require_position(text, offset, &problem);
    json_object *root = NULL;
    if (json_oracle_parse(text, &root)) {
        json_object_put(root);
        FUZZ_REQUIRE(json_oracle_is_lax(text, offset, scan));
    }
}

static void compare_value(struct span text)
{
    json_object *root = NULL;
    FUZZ_REQUIRE(json_oracle_parse(text, &root));
    if (json_oracle_is_comparable(text)) {
        char *copy = fuzz_copy((const uint8_t *)text.at, text.len);
        struct json_scan scan;
        json_scan_begin(&scan, copy, text.len);
        FUZZ_REQUIRE(json_oracle_same(&scan, root));
        FUZZ_REQUIRE(json_scan_end(&scan) == ST_OK);
        free(copy);
    }
    json_object_put(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span text = { .at = (const char *)data, .len = size };
    char *copy = fuzz_copy(data, size);
    struct json_scan scan;
    json_scan_begin(&scan, copy, size);
    const bool skipped = json_scan_skip(&scan);
    const enum status status = json_scan_end(&scan);
    FUZZ_REQUIRE(skipped || status != ST_OK);

    struct problem problem = { 0 };
    const enum status check = json_check_duplicates(text, &problem);
    if (check != ST_OK) {
        FUZZ_REQUIRE(problem.status == check && problem.line > 0 && problem.text[0]);
    }
    if (status == ST_OK) {
        FUZZ_REQUIRE(check == ST_OK || check == ST_DUPLICATE);
        compare_value(text);
    } else {
        compare_refusal(text, &scan, (size_t)(scan.error_at - copy));
    }
    free(copy);
    return 0;
}
