/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Trees for tests, from JSON that needs no backslashes in C. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

/** parse_quoted() - JSON with ' for "; json_object_put() frees it */
static inline json_object *parse_quoted(const char *text)
{
    char quoted[1024];
    enum json_tokener_error error;
    assert_in_range(strlen(text), 1, sizeof(quoted) - 1);
    for (size_t i = 0; i <= strlen(text); i++) {
        quoted[i] = text[i] == '\'' ? '"' : text[i];
    }
    json_object *object = json_tokener_parse_verbose(quoted, &error);
    assert_int_equal(error, json_tokener_success);
    return object;
}
