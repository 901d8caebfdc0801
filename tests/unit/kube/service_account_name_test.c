/* SPDX-License-Identifier: Apache-2.0 */
/* Names of ServiceAccounts as users: split, matched, made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/service_account_name.h"
#include "support/vectors.h"

#define LABEL_63      "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define SUBDOMAIN_252 LABEL_63 LABEL_63 LABEL_63 LABEL_63
#define NAME(rest)    SPAN_LITERAL(SERVICE_ACCOUNT_USER_PREFIX rest)

_Static_assert(sizeof(LABEL_63) == 63 + 1, "as long as its name says");

static const struct {
    const char *name;
    struct span username;
    const char *namespace; /* NULL: it cannot be split */
    const char *account;
} split_rows[] = {
    { "two parts", NAME("ns:name"), "ns", "name" },
    { "dots in the name", NAME("ns:a.b-c"), "ns", "a.b-c" },
    { "the longest namespace", NAME(LABEL_63 ":a"), LABEL_63, "a" },
    { "a longer namespace", NAME(LABEL_63 "n:a"), NULL, NULL },
    { "the longest name", NAME("ns:" SUBDOMAIN_252 "n"), "ns", SUBDOMAIN_252 "n" },
    { "a longer name", NAME("ns:" SUBDOMAIN_252 "nn"), NULL, NULL },
    { "dots in the namespace", NAME("n.s:a"), NULL, NULL },
    { "an empty namespace", NAME(":a"), NULL, NULL },
    { "an empty name", NAME("ns:"), NULL, NULL },
    { "one part", NAME("ns"), NULL, NULL },
    { "no part", NAME(""), NULL, NULL },
    { "three parts", NAME("ns:a:b"), NULL, NULL },
    { "an empty third part", NAME("ns:a:"), NULL, NULL },
    { "capitals", NAME("ns:A"), NULL, NULL },
    { "a blank behind", NAME("ns:a "), NULL, NULL },
    { "a NUL behind", NAME("ns:a\0"), NULL, NULL },
    { "another prefix", SPAN_LITERAL("system:serviceaccounts:ns:a"), NULL, NULL },
    { "a prefix in front", SPAN_LITERAL("x:system:serviceaccount:ns:a"), NULL, NULL },
    { "nothing", { .at = NULL, .len = 0 }, NULL, NULL },
};

static void test_service_account_name_split_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(split_rows); i++) {
        struct span namespace = SPAN_LITERAL("untouched");
        struct span name = SPAN_LITERAL("untouched");
        const bool split = service_account_name_split(split_rows[i].username, &namespace, &name);
        const bool wanted = split_rows[i].namespace != NULL;
        const struct span want_namespace = span_of(wanted ? split_rows[i].namespace : "untouched");
        const struct span want_name = span_of(wanted ? split_rows[i].account : "untouched");
        if (split != wanted || !span_equal(namespace, want_namespace) ||
            !span_equal(name, want_name)) {
            fail_msg("%s", split_rows[i].name);
        }
    }
}

static const struct {
    const char *name;
    struct span namespace;
    struct span account;
    struct span username;
    bool want;
} match_rows[] = {
    { "both", SPAN_LITERAL("ns"), SPAN_LITERAL("a"), NAME("ns:a"), true },
    { "nothing is validated", SPAN_LITERAL("n s"), SPAN_LITERAL(""), NAME("n s:"), true },
    { "both empty", { .at = NULL, .len = 0 }, { .at = NULL, .len = 0 }, NAME(":"), true },
    { "another namespace", SPAN_LITERAL("nt"), SPAN_LITERAL("a"), NAME("ns:a"), false },
    { "another name", SPAN_LITERAL("ns"), SPAN_LITERAL("b"), NAME("ns:a"), false },
    { "the colon elsewhere", SPAN_LITERAL("n"), SPAN_LITERAL("s:a"), NAME("ns::a"), false },
    { "another mark for the colon", SPAN_LITERAL("ns"), SPAN_LITERAL("a"), NAME("ns.a"), false },
    { "longer", SPAN_LITERAL("ns"), SPAN_LITERAL("a"), NAME("ns:ab"), false },
    { "another prefix", SPAN_LITERAL("ns"), SPAN_LITERAL("a"),
      SPAN_LITERAL("system:serviceaccounT:ns:a"), false },
    { "nothing", SPAN_LITERAL(""), SPAN_LITERAL(""), { .at = NULL, .len = 0 }, false },
};

static void test_service_account_name_match_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(match_rows); i++) {
        if (service_account_name_matches(match_rows[i].namespace, match_rows[i].account,
                                         match_rows[i].username) != match_rows[i].want) {
            fail_msg("%s", match_rows[i].name);
        }
    }
}

static void require_made(struct span namespace, struct span name, struct span want)
{
    char made[512];
    assert_true(service_account_name_len(namespace, name) <= sizeof(made));
    const char *end = service_account_name_write(made, namespace, name);
    const struct span written = { .at = made, .len = (size_t)(end - made) };
    assert_int_equal(written.len, service_account_name_len(namespace, name));
    assert_true(span_equal(written, want));
}

static void test_service_account_name_is_made(void **state)
{
    (void)state;
    require_made(SPAN_LITERAL("ns"), SPAN_LITERAL("a"), NAME("ns:a"));
    require_made((struct span){ 0 }, (struct span){ 0 }, NAME(":"));
}

static void test_service_account_name_public_vectors(void **state)
{
    (void)state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *rows = vectors_list(root, "service_account", "username_make_split");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        const struct span username = vectors_text(row, "username");
        struct span namespace;
        struct span name;
        const bool split = service_account_name_split(username, &namespace, &name);
        if (split != json_object_get_boolean(json_object_object_get(row, "split_ok"))) {
            fail_msg("%s", vectors_text(row, "id").at);
        }
        if (json_object_object_get(row, "matches")) {
            const struct span want_namespace = vectors_text(row, "namespace");
            const struct span want_name = vectors_text(row, "name");
            require_made(want_namespace, want_name, username);
            assert_true(service_account_name_matches(want_namespace, want_name, username));
            assert_true(!split ||
                        (span_equal(namespace, want_namespace) && span_equal(name, want_name)));
        }
    }
    rows = vectors_list(root, "service_account", "username_match");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        const bool matches =
            service_account_name_matches(vectors_text(row, "namespace"), vectors_text(row, "name"),
                                         vectors_text(row, "username"));
        if (matches != json_object_get_boolean(json_object_object_get(row, "expect"))) {
            fail_msg("%s", vectors_text(row, "id").at);
        }
    }
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_account_name_split_rows),
        cmocka_unit_test(test_service_account_name_match_rows),
        cmocka_unit_test(test_service_account_name_is_made),
        cmocka_unit_test(test_service_account_name_public_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
