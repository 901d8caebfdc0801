/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of Wycheproof's JWS vectors, each as a token under the key set of its group, with its
 * verdict: the set is read as a JWK Set, so that keys which are not to be used count as well.
 *
 * Where we deviate there is a row with the reason, and a row that nothing needs is a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "jose/jws.h"
#include "jose/key_set.h"
#include "support/vectors.h"

#define VECTOR_COUNT 401
#define TOKEN_MAX    8192

/* What Wycheproof calls valid and we refuse. */
static const struct {
    int first; /* tcId */
    int last;
    const char *reason;
} exceptions[] = {
    { 1, 1, "HMAC: a symmetric key is no key that a set publishes" },
    { 259, 259, "an empty payload: no claims, so no JWT" },
    { 264, 264, "the same" },
    { 268, 268, "the same" },
    { 272, 272, "the same" },
    { 320, 320, "the same" },
    { 325, 325, "the same" },
    { 346, 346, "the JWK's alg is PS256, and the token of PS384: a key is for its algorithm" },
    { 347, 347, "the JWK's alg is ES521, which does not exist; RFC 7520 has the key without it" },
    { 348, 348, "HMAC" },
    { 350, 350, "the same as 346" },
    { 351, 351, "the same as 347" },
    { 352, 352, "HMAC" },
    { 357, 359, "HMAC" },
    { 372, 373, "HMAC; and a character that is none of base64url in the token" },
    { 376, 377, "HMAC" },
};

static const char *exception_of(int id)
{
    for (size_t i = 0; i < COUNTOF(exceptions); i++) {
        if (id >= exceptions[i].first && id <= exceptions[i].last) {
            return exceptions[i].reason;
        }
    }
    return NULL;
}

/* As a JWK Set of one: the public half where the group has it, the symmetric key where not. */
static struct key_set *set_of(json_object *group)
{
    json_object *jwk = json_object_object_get(group, "public");
    if (!jwk) {
        jwk = json_object_object_get(group, "private");
    }
    char *text = NULL;
    assert_true(asprintf(&text, "{\"keys\":[%s]}", json_object_to_json_string(jwk)) > 0);
    struct key_set *set = NULL;
    struct problem problem = { 0 };
    const enum status status = key_set_from_jwks(span_of(text), NULL, NULL, &set, &problem);
    assert_true(status == ST_OK || status == ST_NOT_FOUND);
    free(text);
    return set;
}

static enum status verify(const struct key_set *set, struct span token)
{
    struct span pieces[JWS_PIECE_COUNT_];
    char room[TOKEN_MAX];
    struct jws jws;
    assert_true(token.len <= sizeof(room));
    if (!jws_split(token, pieces)) {
        return ST_TOKEN_UNRECOGNIZED;
    }
    const enum status status = jws_parse(pieces, room, sizeof(room), &jws);
    if (status != ST_OK || !set) {
        return status == ST_OK ? ST_KEY_UNKNOWN : status;
    }
    const struct jose_key *const key = key_set_at(set, 0);
    if (!span_equal(jws.kid, jose_key_id(key))) {
        return ST_KEY_UNKNOWN;
    }
    return jose_key_verify(key, jws.algorithm, jws.signing_input, jws.signature);
}

/* Return: how many vectors the group has */
static size_t try_group(json_object *group, size_t *accepted, size_t *excepted)
{
    struct key_set *const set = set_of(group);
    json_object *const tests = json_object_object_get(group, "tests");
    const size_t count = json_object_array_length(tests);
    for (size_t i = 0; i < count; i++) {
        json_object *const test = json_object_array_get_idx(tests, i);
        const int id = json_object_get_int(json_object_object_get(test, "tcId"));
        json_object *const token = json_object_object_get(test, "jws");
        const char *const text = json_object_get_string(token); /* JSON serializations as such */
        const bool is_valid = span_equal(vectors_text(test, "result"), SPAN_LITERAL("valid"));
        const enum status status = verify(set, span_of(text));
        const bool is_exception = exception_of(id) != NULL;
        /* also: an exception that is invalid, or that we accept, is none */
        if ((status == ST_OK) != (is_valid && !is_exception) || (is_exception && !is_valid) ||
            status_fault(status) == FAULT_SELF) {
            fail_msg("%d: %s, and here %s", id, is_valid ? "valid" : "invalid",
                     status_label(status));
        }
        *accepted += status == ST_OK;
        *excepted += is_exception;
    }
    (void)key_set_unref(set);
    return count;
}

static void test_wycheproof_json_web_signature(void **state)
{
    (void)state;
    json_object *const root = vectors_load("wycheproof/json_web_signature_test.json");
    if (!root) {
        return;
    }
    json_object *const groups = json_object_object_get(root, "testGroups");
    assert_true(json_object_is_type(groups, json_type_array));
    size_t count = 0;
    size_t accepted = 0;
    size_t excepted = 0;
    size_t exception_count = 0;
    for (size_t i = 0; i < COUNTOF(exceptions); i++) {
        exception_count += (size_t)(exceptions[i].last - exceptions[i].first + 1);
    }
    for (size_t i = 0; i < json_object_array_length(groups); i++) {
        count += try_group(json_object_array_get_idx(groups, i), &accepted, &excepted);
    }
    print_message("# %zu vectors, %zu accepted, %zu exceptions\n", count, accepted, excepted);
    assert_int_equal(count, VECTOR_COUNT);
    assert_int_equal(excepted, exception_count);
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wycheproof_json_web_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
