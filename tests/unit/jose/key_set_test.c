/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of keys: one bad key loses no other, a bad text loses all. Keys are TEST-ONLY. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "jose/key_set.h"
#include "support/alloc_fail.h"
#include "support/jose_kit.h"

#define TOLD_MAX 80

struct told {
    struct problem problems[TOLD_MAX];
    size_t count;
};

static void note(void *ctx, const struct problem *problem)
{
    struct told *const told = ctx;
    assert_true(told->count < TOLD_MAX);
    told->problems[told->count++] = *problem;
}

typedef enum status from_fn(struct span text,
                            problem_fn *on_problem,
                            void *ctx,
                            struct key_set **ret_set,
                            struct problem *reterr_problem);

static struct key_set *require_set(from_fn *from, struct span text, struct told *told)
{
    struct key_set *set = NULL;
    struct problem problem = { 0 };
    *told = (struct told){ 0 };
    const enum status status = from(text, note, told, &set, &problem);
    if (status != ST_OK) {
        fail_msg("%s: %s", status_label(status), problem.text);
    }
    assert_int_equal(key_set_skipped(set), told->count);
    return set;
}

static void require_refused(from_fn *from, const char *name, struct span text, enum status want)
{
    struct key_set *set = NULL;
    struct problem problem = { 0 };
    const enum status status = from(text, NULL, NULL, &set, &problem);
    if (status != want || set || problem.status != want || !problem.text[0]) {
        fail_msg("%s: %s: %s", name, status_label(status), problem.text);
    }
}

/* Four keys, as JWKs and PEM texts. */
struct keys {
    EVP_PKEY *pkeys[4];
    char *jwks[4];
    char *pems[4];
};

static void keys_make(struct keys *keys)
{
    keys->pkeys[0] = jose_kit_rsa(2048);
    keys->pkeys[1] = jose_kit_curve("P-256");
    keys->pkeys[2] = jose_kit_curve("P-384");
    keys->pkeys[3] = jose_kit_curve("P-521");
    for (size_t i = 0; i < COUNTOF(keys->pkeys); i++) {
        char more[32];
        (void)snprintf(more, sizeof(more), "\"kid\":\"k%zu\",", i);
        keys->jwks[i] = jose_kit_jwk(keys->pkeys[i], more);
        keys->pems[i] = jose_kit_pem(keys->pkeys[i], false);
    }
}

static void keys_free(struct keys *keys)
{
    for (size_t i = 0; i < COUNTOF(keys->pkeys); i++) {
        EVP_PKEY_free(keys->pkeys[i]);
        free(keys->jwks[i]);
        free(keys->pems[i]);
    }
}

static void test_key_set_from_jwks_one_bad_key_loses_no_other(void **state)
{
    (void)state;
    struct keys keys;
    keys_make(&keys);
    char *text = NULL;
    assert_true(asprintf(&text,
                         "{\"a\":[{}],\"keys\":[%s,\n {\"kty\":\"OKP\"},\n5,%s,{\"use\":\"enc\"},\n"
                         "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"},{\"key_ops\":[]},%s,%s]}",
                         keys.jwks[0], keys.jwks[1], keys.jwks[2], keys.jwks[3]) > 0);
    struct told told;
    struct key_set *set = require_set(key_set_from_jwks, span_of(text), &told);
    assert_int_equal(key_set_count(set), 4);
    for (size_t i = 0; i < 4; i++) {
        const char id[] = { 'k', (char)('0' + i) };
        assert_true(span_equal(jose_key_id(key_set_at(set, i)), (struct span){ id, 2 }));
    }
    assert_int_equal(told.count, 3); /* those that are not for signatures are not told of */
    assert_int_equal(told.problems[0].status, ST_UNSUPPORTED);
    assert_int_equal(told.problems[0].line, 2);
    assert_int_equal(told.problems[0].column, 2);
    assert_string_equal(told.problems[0].text,
                        "key 2 is left out: expected a key of RSA, P-256, P-384 or P-521");
    assert_int_equal(told.problems[1].status, ST_TYPE);
    assert_int_equal(told.problems[1].line, 3);
    assert_string_equal(told.problems[1].text, "key 3 is left out: expected an object");
    assert_int_equal(told.problems[2].line, 4);
    assert_string_equal(told.problems[2].text,
                        "key 6 is left out: expected a modulus of 2048 to 8192 bits");
    /* a key outlives its set for whoever has a reference */
    struct jose_key *const key = jose_key_ref(key_set_at(set, 1));
    assert_ptr_equal(key_set_ref(set), set);
    (void)key_set_unref(set);
    (void)key_set_unref(set);
    assert_true(span_equal(jose_key_id(key), SPAN_LITERAL("k1")));
    (void)jose_key_unref(key);
    free(text);
    keys_free(&keys);
}

static void test_key_set_from_jwks_same_kid_and_same_key(void **state)
{
    (void)state;
    struct keys keys;
    keys_make(&keys);
    char *const a = jose_kit_jwk(keys.pkeys[0], "\"kid\":\"k\",");
    char *const b = jose_kit_jwk(keys.pkeys[1], "\"kid\":\"k\",");
    char *const c = jose_kit_jwk(keys.pkeys[1], "\"kid\":\"other\",");
    char *text = NULL;
    assert_true(asprintf(&text, "{\"keys\":[%s,%s,%s,%s,%s]}", a, b, a, c, b) > 0);
    struct told told;
    struct key_set *set = require_set(key_set_from_jwks, span_of(text), &told);
    assert_int_equal(key_set_count(set), 3); /* a, b, c: only what is the same in all is one */
    assert_int_equal(told.count, 0);
    (void)key_set_unref(set);
    free(text);
    free(a);
    free(b);
    free(c);
    keys_free(&keys);
}

static void test_key_set_from_jwks_refused_rows(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct span text;
        enum status want;
    } rows[] = {
        { "nothing", SPAN_LITERAL(""), ST_SYNTAX },
        { "no text", { 0 }, ST_SYNTAX },
        { "no keys", SPAN_LITERAL("{\"keys\":[]}"), ST_NOT_FOUND },
        { "no member keys", SPAN_LITERAL("{}"), ST_NOT_FOUND },
        { "another case", SPAN_LITERAL("{\"Keys\":[]}"), ST_NOT_FOUND },
        { "none usable", SPAN_LITERAL("{\"keys\":[{\"kty\":\"OKP\"}]}"), ST_NOT_FOUND },
        { "none for signatures", SPAN_LITERAL("{\"keys\":[{\"use\":\"enc\"}]}"), ST_NOT_FOUND },
        { "a list", SPAN_LITERAL("[]"), ST_TYPE },
        { "keys as an object", SPAN_LITERAL("{\"keys\":{}}"), ST_TYPE },
        { "keys as null", SPAN_LITERAL("{\"keys\":null}"), ST_TYPE },
        { "keys twice", SPAN_LITERAL("{\"keys\":[],\"keys\":[]}"), ST_DUPLICATE },
        { "another member twice", SPAN_LITERAL("{\"a\":1,\"a\":1,\"keys\":[]}"), ST_DUPLICATE },
        { "it ends early", SPAN_LITERAL("{\"keys\":[{\"kty\":\"OKP\"}"), ST_SYNTAX },
        { "something behind it", SPAN_LITERAL("{\"keys\":[]}{}"), ST_SYNTAX },
        { "HTML", SPAN_LITERAL("<html></html>"), ST_SYNTAX },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        require_refused(key_set_from_jwks, rows[i].name, rows[i].text, rows[i].want);
    }
}

static char *repeat(const char *head, const char *text, size_t count, const char *tail)
{
    struct buf buf = { .max_len = SIZE_MAX };
    buf_append(&buf, span_of(head));
    for (size_t i = 0; i < count; i++) {
        buf_append(&buf, i && text[0] == '{' ? SPAN_LITERAL(",") : (struct span){ 0 });
        buf_append(&buf, span_of(text));
    }
    buf_append(&buf, span_of(tail));
    assert_false(buf.failed);
    char *const copy = span_copy((struct span){ buf.at, buf.len });
    assert_non_null(copy);
    buf_fini(&buf);
    return copy;
}

static void test_key_set_limits(void **state)
{
    (void)state;
    struct keys keys;
    struct told told;
    keys_make(&keys);
    char *tail = NULL;
    assert_true(asprintf(&tail, ",%s]}", keys.jwks[1]) > 0);
    char *text = repeat("{\"keys\":[", "{}", KEY_SET_MAX_KEYS - 1, tail);
    struct key_set *set = require_set(key_set_from_jwks, span_of(text), &told);
    assert_int_equal(key_set_count(set), 1);
    assert_int_equal(told.count, KEY_SET_MAX_KEYS - 1);
    set = key_set_unref(set);
    free(text);
    text = repeat("{\"keys\":[", "{}", KEY_SET_MAX_KEYS, tail);
    require_refused(key_set_from_jwks, "one key more", span_of(text), ST_LIMIT);
    free(text);
    free(tail);

    text = repeat("", keys.pems[1], KEY_SET_MAX_KEYS, "");
    set = require_set(key_set_from_pem, span_of(text), &told);
    assert_int_equal(key_set_count(set), 1);
    set = key_set_unref(set);
    free(text);
    text = repeat("", keys.pems[1], KEY_SET_MAX_KEYS + 1, "");
    require_refused(key_set_from_pem, "one key more", span_of(text), ST_LIMIT);
    free(text);

    char *const large = malloc(KEY_SET_MAX_BYTES + 1);
    assert_non_null(large);
    memset(large, ' ', KEY_SET_MAX_BYTES + 1);
    const size_t len = (size_t)snprintf(large, KEY_SET_MAX_BYTES, "{\"keys\":[%s]}", keys.jwks[1]);
    large[len] = ' ';
    set = require_set(key_set_from_jwks, (struct span){ large, KEY_SET_MAX_BYTES }, &told);
    set = key_set_unref(set);
    require_refused(key_set_from_jwks, "a byte more", (struct span){ large, KEY_SET_MAX_BYTES + 1 },
                    ST_LIMIT);
    require_refused(key_set_from_pem, "a byte more", (struct span){ large, KEY_SET_MAX_BYTES + 1 },
                    ST_LIMIT);
    char *const deep = repeat("{\"keys\":[{\"a\":", "[", 100, "");
    require_refused(key_set_from_jwks, "nested", span_of(deep), ST_LIMIT);
    free(deep);
    free(large);
    keys_free(&keys);
}

static void test_key_set_from_pem_several(void **state)
{
    (void)state;
    struct keys keys;
    keys_make(&keys);
    char *const private = jose_kit_pem(keys.pkeys[1], true);
    EVP_PKEY *const weak_pkey = jose_kit_rsa(1024);
    char *const weak = jose_kit_pem(weak_pkey, false);
    char *text = NULL;
    assert_true(asprintf(&text, "%s%s\n%s%s", keys.pems[1], private, weak, keys.pems[0]) > 0);
    struct told told;
    struct key_set *set = require_set(key_set_from_pem, span_of(text), &told);
    assert_int_equal(key_set_count(set), 2); /* both halves are one key */
    assert_int_equal(told.count, 1);
    assert_int_equal(told.problems[0].status, ST_INVALID);
    assert_int_equal(told.problems[0].line, 11);
    assert_string_equal(told.problems[0].text,
                        "key 3 is left out: expected a modulus of 2048 to 8192 bits");

    /* the same key of a JWK Set has another ID, and the same thumbprint */
    char *jwks = NULL;
    assert_true(asprintf(&jwks, "{\"keys\":[%s]}", keys.jwks[0]) > 0);
    struct key_set *other = require_set(key_set_from_jwks, span_of(jwks), &told);
    assert_true(jose_thumbprint_equal(jose_key_thumbprint(key_set_at(set, 1)),
                                      jose_key_thumbprint(key_set_at(other, 0))));
    assert_false(jose_key_is_same(key_set_at(set, 1), key_set_at(other, 0)));
    set = key_set_unref(set);
    other = key_set_unref(other);

    require_refused(key_set_from_pem, "nothing", (struct span){ 0 }, ST_NOT_FOUND);
    require_refused(key_set_from_pem, "no PEM", SPAN_LITERAL("words\n"), ST_NOT_FOUND);
    require_refused(key_set_from_pem, "a weak key alone", span_of(weak), ST_NOT_FOUND);
    free(jwks);
    free(text);
    free(weak);
    free(private);
    EVP_PKEY_free(weak_pkey);
    keys_free(&keys);
}

static void try_out_of_memory(from_fn *from, struct span text)
{
    struct told told;
    (void)key_set_unref(require_set(from, text, &told)); /* OpenSSL loads what it needs once */
    bool is_reached = false;
    size_t nth = 1;
    do {
        struct key_set *set = NULL;
        struct problem problem = { 0 };
        alloc_fail_arm(nth++);
        const enum status status = from(text, NULL, NULL, &set, &problem);
        is_reached = alloc_fail_disarm();
        /* OpenSSL does not say of every failure of a PEM block that memory was the reason */
        const bool is_taken_for_bad = from == key_set_from_pem && status == ST_NOT_FOUND;
        if (status != ST_OK &&
            (!is_reached || (status_fault(status) != FAULT_SELF && !is_taken_for_bad))) {
            fail_msg("allocation %zu: %s %s", nth - 1, status_label(status), problem.text);
        }
        set = key_set_unref(set);
    } while (is_reached);
    print_message("# %zu allocations\n", nth - 2);
}

static void test_key_set_without_memory(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct keys keys;
    keys_make(&keys);
    for (size_t i = 0; i < 2; i++) {
        char *text = NULL;
        assert_true(asprintf(&text, "{\"keys\":[%s]}", keys.jwks[i]) > 0);
        try_out_of_memory(key_set_from_jwks, span_of(text));
        try_out_of_memory(key_set_from_pem, span_of(keys.pems[i]));
        free(text);
    }
    keys_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_set_from_jwks_one_bad_key_loses_no_other),
        cmocka_unit_test(test_key_set_from_jwks_same_kid_and_same_key),
        cmocka_unit_test(test_key_set_from_jwks_refused_rows),
        cmocka_unit_test(test_key_set_limits),
        cmocka_unit_test(test_key_set_from_pem_several),
        cmocka_unit_test(test_key_set_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
