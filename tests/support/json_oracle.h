/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * json-c as a second opinion on JSON, for tests that compare it with our scanner.
 *
 * Its strict mode is laxer than RFC 8259 in a few places; json_oracle_is_lax() knows them, so that
 * every other disagreement is a finding. In two places that of 0.18 is stricter:
 * json_oracle_is_strict().
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/span.h"
#include "document/json_scan.h"
#include "support/json_check.h"

#define JSON_ORACLE_MAX_DEPTH 1000      /* far above ours: depth is not what we compare */
#define JSON_ORACLE_STRICTER  (17 << 8) /* json-c 0.17, as json_c_version_num() says it */

/** json_oracle_is_strict() - is json-c's strict mode no stricter than RFC 8259 about @text? From
 * 0.17 on it refuses integers beyond 64 bits, and from 0.18 on, where char is signed, every string
 * that is not ASCII: it finds bytes from 0x80 on to be below 0x20. Such a text it can only read in
 * its lax mode, for what we accept must still decode to the same */
static inline bool json_oracle_is_strict(struct span text)
{
    size_t digits = 0;
    bool plain = true;
    for (size_t i = 0; i < text.len; i++) {
        digits = text.at[i] >= '0' && text.at[i] <= '9' ? digits + 1 : 0;
        plain = plain && (unsigned char)text.at[i] < 0x80 && digits < 19;
    }
    return plain || json_c_version_num() < JSON_ORACLE_STRICTER;
}

/** json_oracle_parse() - does json-c take @text as one strict JSON value? @ret_root: the caller
 * puts it; NULL for `null` */
static inline bool json_oracle_parse(struct span text, json_object **ret_root)
{
    char *copy = malloc(text.len + 1);
    struct json_tokener *tokener = json_tokener_new_ex(JSON_ORACLE_MAX_DEPTH);
    if (!copy || !tokener) {
        abort();
    }
    if (text.len > 0) {
        memcpy(copy, text.at, text.len);
    }
    copy[text.len] = '\0'; /* the NUL is what ends a bare number */
    json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8 |
                                        (json_oracle_is_strict(text) ? JSON_TOKENER_STRICT : 0));
    json_object *root = json_tokener_parse_ex(tokener, copy, (int)text.len + 1);
    size_t end = json_tokener_get_parse_end(tokener);
    bool accepted = json_tokener_get_error(tokener) == json_tokener_success;
    for (; accepted && end < text.len; end++) {
        accepted = strchr(" \t\r\n", copy[end]) != NULL && copy[end] != '\0';
    }
    json_tokener_free(tokener);
    free(copy);
    if (!accepted) {
        json_object_put(root);
        return false;
    }
    *ret_root = root;
    return true;
}

/** json_oracle_is_lax() - is it a known weakness of json-c's strict mode that it took @text, which
 * @scan refused? @offset: of the error in @text */
static inline bool json_oracle_is_lax(struct span text, size_t offset, const struct json_scan *scan)
{
    if (scan->status == ST_LIMIT /* of depth */ || !json_oracle_is_strict(text)) {
        return true;
    }
    if (offset >= text.len) {
        return false;
    }
    const unsigned char at = (unsigned char)text.at[offset];
    return at < 0x20 ||                             /* control characters in strings */
           at >= 0x80 ||                            /* overlong forms, surrogates, above U+10FFFF */
           at == '-' || (at >= '0' && at <= '9') || /* -01, 2., 0.e1, -Infinity */
           at == 'N' || at == 'I' ||                /* NaN, Infinity */
           at == '\'';                              /* member names in single quotes */
}

static inline bool json_oracle_is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/** json_oracle_is_comparable() - does json-c decode the well-formed @text as Go and we do? It keeps
 * the last of duplicate keys only, cuts keys at NUL, and (0.16) takes an escaped pair for a
 * surrogate when the low 16 bits of its code point look like one: U+1D800 to U+1DFFF and so on,
 * whose high half ends in 36, 37, 76, 77, b6, b7, f6 or f7 */
static inline bool json_oracle_is_comparable(struct span text)
{
    for (size_t i = 0; i + 6 <= text.len; i++) {
        const char *at = text.at + i;
        if (memcmp(at, "\\u0000", 6) == 0) {
            return false;
        }
        if (at[0] == '\\' && at[1] == 'u' && json_oracle_is_one_of(at[2], "dD") &&
            json_oracle_is_one_of(at[3], "89abAB") && json_oracle_is_one_of(at[4], "37bfBF") &&
            json_oracle_is_one_of(at[5], "67")) {
            return false;
        }
    }
    struct problem problem;
    return json_check_duplicates(text, &problem) == ST_OK;
}

/**
 * json_oracle_same() - do @scan and json-c's tree say the same of the value that comes next?
 *
 * Only for texts that json_oracle_is_comparable(). Recursion ends at JSON_SCAN_MAX_DEPTH.
 */
static inline bool json_oracle_same(struct json_scan *scan, json_object *want)
{
    struct span text;
    size_t count = 0;
    bool same = true;
    switch (json_scan_peek(scan)) {
    case JSON_NONE:
        return false;
    case JSON_NULL:
        return json_scan_null(scan) && want == NULL;
    case JSON_BOOL:
        return json_scan_skip(scan) && json_object_is_type(want, json_type_boolean);
    case JSON_NUMBER:
        return json_scan_skip(scan) && (json_object_is_type(want, json_type_int) ||
                                        json_object_is_type(want, json_type_double));
    case JSON_STRING:
        return json_scan_string(scan, &text) && json_object_is_type(want, json_type_string) &&
               span_equal(text, (struct span){ .at = json_object_get_string(want),
                                               .len = (size_t)json_object_get_string_len(want) });
    case JSON_ARRAY:
        same = json_scan_array(scan) && json_object_is_type(want, json_type_array);
        while (same && json_scan_element(scan)) {
            same = count < json_object_array_length(want) &&
                   json_oracle_same(scan, json_object_array_get_idx(want, count));
            count++;
        }
        return same && scan->status == ST_OK && count == json_object_array_length(want);
    case JSON_OBJECT:
        same = json_scan_object(scan) && json_object_is_type(want, json_type_object);
        while (same && json_scan_member(scan, &text)) {
            char *key = calloc(1, text.len + 1); /* strndup() would look for a NUL behind it */
            json_object *value = NULL;
            if (!key) {
                abort();
            }
            memcpy(key, text.at, text.len);
            same = json_object_object_get_ex(want, key, &value) && json_oracle_same(scan, value);
            free(key);
            count++;
        }
        return same && scan->status == ST_OK && count == (size_t)json_object_object_length(want);
    }
    return false;
}
