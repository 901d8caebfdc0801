/* SPDX-License-Identifier: Apache-2.0 */
/* The grammars of bootstrap tokens, each with what it takes and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "authn/bootstrap_token.h"
#include "support/vectors.h"

#define SUFFIX_16  "xxxxxxxxxxxxxxxx"
#define SUFFIX_64  SUFFIX_16 SUFFIX_16 SUFFIX_16 SUFFIX_16
#define SUFFIX_256 SUFFIX_64 SUFFIX_64 SUFFIX_64 SUFFIX_64

struct row {
    const char *name;
    struct span text;
    bool valid;
};

static bool is_token(struct span text)
{
    struct bootstrap_token token;
    return bootstrap_token_parse(text, &token);
}

static bool is_secret_name(struct span text)
{
    struct span id;
    return bootstrap_secret_name_parse(text, &id);
}

static void check_rows(const struct row *rows, size_t count, bool (*is_valid)(struct span text))
{
    for (size_t i = 0; i < count; i++) {
        if (is_valid(rows[i].text) != rows[i].valid) {
            fail_msg("%s: \"%.*s\"", rows[i].name, (int)rows[i].text.len, rows[i].text.at);
        }
    }
}

/* All tokens here are TEST-ONLY. */
static const struct row token_rows[] = {
    { "plain", SPAN_LITERAL("abcdef.0123456789abcdef"), true },
    { "edges of the alphabet", SPAN_LITERAL("a0z9az.az09az09az09az09"), true },
    { "empty", SPAN_LITERAL(""), false },
    { "upper case ID", SPAN_LITERAL("Abcdef.0123456789abcdef"), false },
    { "upper case secret", SPAN_LITERAL("abcdef.0123456789abcdeF"), false },
    { "before a", SPAN_LITERAL("abcde`.0123456789abcdef"), false },
    { "after z", SPAN_LITERAL("abcde{.0123456789abcdef"), false },
    { "before 0", SPAN_LITERAL("abcde/.0123456789abcdef"), false },
    { "after 9", SPAN_LITERAL("abcde:.0123456789abcdef"), false },
    { "high byte in the secret", SPAN_LITERAL("abcdef.0123456789abcde\xe1"), false },
    { "NUL in the ID", SPAN_LITERAL("abc\0ef.0123456789abcdef"), false },
    { "NUL at the end", SPAN_LITERAL("abcdef.0123456789abcde\0"), false },
    { "NUL behind", SPAN_LITERAL("abcdef.0123456789abcdef\0"), false },
    { "newline behind", SPAN_LITERAL("abcdef.0123456789abcdef\n"), false },
    { "blank in front", SPAN_LITERAL(" abcdef.0123456789abcdef"), false },
    { "ID of five", SPAN_LITERAL("abcde.0123456789abcdefg"), false },
    { "ID of seven", SPAN_LITERAL("abcdefg.0123456789abcde"), false },
    { "secret of fifteen", SPAN_LITERAL("abcdef.0123456789abcde"), false },
    { "secret of seventeen", SPAN_LITERAL("abcdef.0123456789abcdefg"), false },
    { "no dot", SPAN_LITERAL("abcdefg0123456789abcdef"), false },
    { "two dots", SPAN_LITERAL("abcdef..123456789abcdef"), false },
    { "the parts of a JWT", SPAN_LITERAL("eyJhbG.eyJpc3MiOiJh.c2ln"), false },
};

static const struct row id_rows[] = {
    { "plain", SPAN_LITERAL("abc123"), true },   { "five", SPAN_LITERAL("abc12"), false },
    { "seven", SPAN_LITERAL("abc1234"), false }, { "upper case", SPAN_LITERAL("ABC123"), false },
    { "empty", SPAN_LITERAL(""), false },
};

static const struct row secret_rows[] = {
    { "plain", SPAN_LITERAL("0123456789abcdef"), true },
    { "fifteen", SPAN_LITERAL("0123456789abcde"), false },
    { "seventeen", SPAN_LITERAL("0123456789abcdefg"), false },
    { "newline at the end", SPAN_LITERAL("0123456789abcde\n"), false },
    { "empty", SPAN_LITERAL(""), false },
};

static const struct row name_rows[] = {
    { "plain", SPAN_LITERAL("bootstrap-token-abc123"), true },
    { "ID of seven", SPAN_LITERAL("bootstrap-token-abc1234"), false },
    { "ID of five", SPAN_LITERAL("bootstrap-token-abc12"), false },
    { "only the prefix", SPAN_LITERAL("bootstrap-token-"), false },
    { "shorter than the prefix", SPAN_LITERAL("bootstrap"), false },
    { "another prefix of the same length", SPAN_LITERAL("bootstrap_token-abc123"), false },
    { "newline behind", SPAN_LITERAL("bootstrap-token-abc123\n"), false },
    { "upper case", SPAN_LITERAL("bootstrap-token-ABC123"), false },
};

static const struct row group_rows[] = {
    { "plain", SPAN_LITERAL("system:bootstrappers:workers"), true },
    { "kubeadm's", SPAN_LITERAL("system:bootstrappers:kubeadm:default-node-token"), true },
    { "leading dash", SPAN_LITERAL("system:bootstrappers:-a"), true },
    { "leading colon", SPAN_LITERAL("system:bootstrappers::a"), true },
    { "256 characters", SPAN_LITERAL("system:bootstrappers:" SUFFIX_256), true },
    { "257 characters", SPAN_LITERAL("system:bootstrappers:" SUFFIX_256 "x"), false },
    { "the bare default group", SPAN_LITERAL("system:bootstrappers"), false },
    { "nothing behind the prefix", SPAN_LITERAL("system:bootstrappers:"), false },
    { "trailing colon", SPAN_LITERAL("system:bootstrappers:a:"), false },
    { "trailing dash", SPAN_LITERAL("system:bootstrappers:a-"), false },
    { "upper case", SPAN_LITERAL("system:bootstrappers:A"), false },
    { "blank inside", SPAN_LITERAL("system:bootstrappers:a b"), false },
    { "blank in front", SPAN_LITERAL(" system:bootstrappers:a"), false },
    { "NUL inside", SPAN_LITERAL("system:bootstrappers:a\0b"), false },
    { "another group", SPAN_LITERAL("system:masters"), false },
    { "empty", SPAN_LITERAL(""), false },
};

static void test_bootstrap_token_rows(void **state)
{
    (void)state;
    check_rows(token_rows, COUNTOF(token_rows), is_token);
    check_rows(id_rows, COUNTOF(id_rows), bootstrap_token_id_is_valid);
    check_rows(secret_rows, COUNTOF(secret_rows), bootstrap_token_secret_is_valid);
    check_rows(name_rows, COUNTOF(name_rows), is_secret_name);
    check_rows(group_rows, COUNTOF(group_rows), bootstrap_group_is_valid);
}

static void test_bootstrap_token_parse_splits(void **state)
{
    (void)state;
    struct bootstrap_token token;
    assert_true(bootstrap_token_parse(SPAN_LITERAL("abcdef.0123456789abcdef"), &token));
    assert_true(span_equal(token.id, SPAN_LITERAL("abcdef")));
    assert_true(span_equal(token.secret, SPAN_LITERAL("0123456789abcdef")));
    struct span id;
    assert_true(bootstrap_secret_name_parse(SPAN_LITERAL("bootstrap-token-abc123"), &id));
    assert_true(span_equal(id, SPAN_LITERAL("abc123")));
}

static void check_vectors(json_object *root,
                          const char *list_name,
                          const char *member,
                          bool (*is_valid)(struct span text))
{
    json_object *list = vectors_list(root, "bootstrap", list_name);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *row = json_object_array_get_idx(list, i);
        const bool want = json_object_get_boolean(json_object_object_get(row, "valid"));
        if (is_valid(vectors_text(row, member)) != want) {
            fail_msg("%s", json_object_get_string(json_object_object_get(row, "id")));
        }
    }
}

static void check_secret_name_vectors(json_object *root)
{
    json_object *list = vectors_list(root, "bootstrap", "secret_name");
    size_t parsed = 0;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *row = json_object_array_get_idx(list, i);
        if (!span_equal(vectors_text(row, "op"), SPAN_LITERAL("parse"))) {
            continue; /* building names comes with the token commands */
        }
        struct span id = { 0 };
        const bool ok = bootstrap_secret_name_parse(vectors_text(row, "name"), &id);
        assert_int_equal(ok, json_object_get_boolean(json_object_object_get(row, "ok")));
        assert_true(span_equal(id, vectors_text(row, "expect")));
        parsed++;
    }
    assert_true(parsed > 0);
}

static void test_bootstrap_token_vectors(void **state)
{
    (void)state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    check_vectors(root, "token_format", "token", is_token);
    check_vectors(root, "token_id_format", "token_id", bootstrap_token_id_is_valid);
    check_vectors(root, "group_name", "group", bootstrap_group_is_valid);
    check_secret_name_vectors(root);
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bootstrap_token_rows),
        cmocka_unit_test(test_bootstrap_token_parse_splits),
        cmocka_unit_test(test_bootstrap_token_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
