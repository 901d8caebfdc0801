/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What an unquoted word means in YAML, as kubectl sees it.
 *
 * YAML 1.1 as yaml.v2 resolves it (go.yaml.in/yaml/v2 2.4, beneath sigs.k8s.io/yaml 1.6): `yes` and
 * `on` are true, 0777 is octal, 1_000 is a number, 2026-01-02 is text. The differences are named at
 * yaml_scalar_resolve().
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

enum yaml_kind {
    YAML_KIND_NULL = 0,
    YAML_KIND_BOOL,
    YAML_KIND_INT,    /* fits int64_t */
    YAML_KIND_UINT,   /* above INT64_MAX */
    YAML_KIND_FLOAT,  /* may be infinite or no number */
    YAML_KIND_STRING, /* the text as it is */
    YAML_KIND_BINARY, /* the text is base64 of the string */
};

struct yaml_scalar {
    enum yaml_kind kind;
    bool is_true;
    int64_t integer;
    uint64_t unsigned_integer;
    double number;
};

/* bytes with NUL; the longest exact double has 767 digits, none is so written */
#define YAML_NUMBER_MAX 512

#define YAML_KEY_MAX 32 /* bytes with NUL of yaml_scalar_format_key()'s longest output */

/**
 * yaml_scalar_resolve() - type a scalar
 * @text:            its content, escapes decoded; UTF-8
 * @tag:             its tag in full ("tag:yaml.org,2002:int"), or NULL for none
 * @is_plain:        written without quotes and not as a block
 * @ret_scalar:      what it is
 * @reterr_expected: static text, follows "expected "
 *
 * Stricter than yaml.v2: `!!timestamp` is refused, and so are numbers too long to be meant. More
 * lenient: hexadecimal, octal and binary numbers of YAML_NUMBER_MAX digits and more are strings.
 * Return: ST_OK; ST_SYNTAX when @tag does not fit, ST_LIMIT for the length of a number
 */
enum status yaml_scalar_resolve(struct span text,
                                const char *tag,
                                bool is_plain,
                                struct yaml_scalar *ret_scalar,
                                const char **reterr_expected) NODISCARD NONNULL(4, 5);

/**
 * yaml_scalar_format_key() - the JSON key that a scalar other than a string makes, as
 * sigs.k8s.io/yaml has it: `1` gives "1", `yes` "true", `0.10` "0.1"
 * Return: false for what cannot be a key there: null, numbers above INT64_MAX
 */
bool yaml_scalar_format_key(const struct yaml_scalar *scalar,
                            char ret_key[static YAML_KEY_MAX]) NODISCARD NONNULL(1);
