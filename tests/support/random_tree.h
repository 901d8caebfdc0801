/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Random json-c trees, small and nasty: strings that YAML could take for something else, every kind
 * of character, empty containers, numbers at their limits. The same seed makes the same tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/compiler.h"

struct random_tree {
    uint64_t state; /* not 0 */
};

static inline uint64_t random_next(struct random_tree *random)
{
    random->state ^= random->state << 13; /* xorshift64 */
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return random->state;
}

static inline size_t random_below(struct random_tree *random, size_t limit)
{
    return (size_t)(random_next(random) >> 11) % limit;
}

static inline void random_text(struct random_tree *random, char ret_text[static 256])
{
    static const char *const words[] = {
        "",
        "~",
        "null",
        "yes",
        "Off",
        "y",
        "true",
        "12",
        "0x1f",
        "0o7",
        "1e3",
        ".5",
        "-",
        "---",
        "...",
        "- a",
        "? a",
        "a: b",
        "a #b",
        "#b",
        "<<",
        "=",
        "!!str",
        "&a",
        "*a",
        "{}",
        "[]",
        "'",
        "\"",
        "\\",
        "%YAML",
        "@a",
        "`a",
        "|",
        ">",
        " a",
        "a ",
        "\n",
        "a\n",
        "\na",
        "a\n\n",
        " a\nb",
        "a\n b",
        "a \nb",
        "a\t",
        "\t",
        "\ta",
        "a\r\nb",
        "\r",
        "a\nb",
        "a:",
        ":a",
        "1:30",
        "2026-01-02",
        ".inf",
        "a,b",
        "\x7f",
        "\xc2\x85",
        "\xe2\x80\xa8",
        "\xef\xbb\xbf",
        "\xc3\xa9",
        "\xf0\x9f\x99\x82",
        "\x01",
        "a\n---\nb",
        "a\n...\n",
        "--- a",
        "\n\n a",
    };
    char *const at = ret_text;
    size_t len = 0;
    const size_t parts =
        random_below(random, 8) == 0 ? 1 + random_below(random, 40) : 1 + random_below(random, 2);
    for (size_t i = 0; i < parts; i++) {
        const char *word = words[random_below(random, COUNTOF(words))];
        if (len + strlen(word) < 255) {
            memcpy(at + len, word, strlen(word));
            len += strlen(word);
        }
        if (random_below(random, 3) == 0 && len < 255) {
            at[len++] = (char)(' ' + random_below(random, 95));
        }
    }
    at[len] = '\0';
}

static inline json_object *random_number(struct random_tree *random)
{
    static const double doubles[] = { 0.0,        -0.0,   0.1,    1.5,
                                      1e22,       1e-300, 5e-324, 1.7976931348623157e308,
                                      123456789.0 };
    static const int64_t integers[] = { 0, 1, -1, INT64_MAX, INT64_MIN, 8, 10 };
    switch (random_below(random, 4)) {
    case 0:
        return json_object_new_double(doubles[random_below(random, COUNTOF(doubles))]);
    case 1:
        return json_object_new_uint64(UINT64_MAX - random_below(random, 3));
    case 2:
        return json_object_new_double((double)random_next(random) / 3.0);
    default:
        return json_object_new_int64(integers[random_below(random, COUNTOF(integers))]);
    }
}

/* NULL is null. */
static inline json_object *random_tree(struct random_tree *random, unsigned depth)
{
    char text[256];
    const size_t kind = random_below(random, depth > 0 ? 10 : 6);
    if (kind >= 8) {
        json_object *array = json_object_new_array();
        for (size_t i = random_below(random, 5); i > 0; i--) {
            assert_int_equal(json_object_array_add(array, random_tree(random, depth - 1)), 0);
        }
        return array;
    }
    if (kind >= 6) {
        json_object *object = json_object_new_object();
        for (size_t i = random_below(random, 6); i > 0; i--) {
            random_text(random, text);
            assert_int_equal(json_object_object_add(object, text, random_tree(random, depth - 1)),
                             0);
        }
        return object;
    }
    switch (kind) {
    case 0:
        return NULL;
    case 1:
        return json_object_new_boolean((int)random_below(random, 2));
    case 2:
        return random_number(random);
    default:
        random_text(random, text);
        return json_object_new_string(text);
    }
}

/* As json_object_equal(), and members are in the same order, and -0.0 is not 0.0. */
static inline bool tree_equal(json_object *a, json_object *b)
{
    return json_object_equal(a, b) &&
           strcmp(json_object_to_json_string(a), json_object_to_json_string(b)) == 0;
}
