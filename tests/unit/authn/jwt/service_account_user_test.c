/* SPDX-License-Identifier: Apache-2.0 */
/* Users of ServiceAccount tokens: name, groups, uid and extras, of this cluster and of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "authn/jwt/service_account_user.h"
#include "base/buf.h"
#include "support/alloc_fail.h"
#include "support/service_account_kit.h"

#define EXTRA "authentication.kubernetes.io/"

struct made {
    char *text; /* owns; to the byte, so that one too many is seen */
    size_t text_len;
    struct service_account_user parts;
    struct user user;
};

static void make(const struct service_account_claims *claims,
                 const struct service_account_policy *policy,
                 struct made *made)
{
    made->text_len = service_account_user_text_len(claims, policy);
    made->text = malloc(made->text_len);
    assert_non_null(made->text);
    service_account_user_make(claims, policy, made->text, &made->parts, &made->user);
    assert_true(made->user.is_rendered_late);
}

/* "name|uid|group,group|key=value,…" */
static void require_user(const struct service_account_claims *claims,
                         const struct service_account_policy *policy,
                         const char *want)
{
    struct made made;
    struct buf text = { 0 };
    make(claims, policy, &made);
    const struct user *user = &made.user;
    buf_append(&text, user->name);
    buf_append_char(&text, '|');
    buf_append(&text, user->uid);
    for (size_t i = 0; i < user->groups->count; i++) {
        buf_append_char(&text, i ? ',' : '|');
        buf_append(&text, user->groups->names[i]);
        assert_true(i == 0 || span_compare(user->groups->names[i - 1], user->groups->names[i]) < 0);
    }
    for (size_t i = 0; i < user->extra_count; i++) {
        buf_append_char(&text, i ? ',' : '|');
        buf_append(&text, user->extras[i].key);
        buf_append_char(&text, '=');
        assert_int_equal(user->extras[i].value_count, 1);
        buf_append(&text, user->extras[i].values[0]);
        assert_true(i == 0 || span_compare(user->extras[i - 1].key, user->extras[i].key) < 0);
    }
    buf_append_char(&text, '\0');
    assert_false(text.failed);
    assert_string_equal(text.at, want);
    buf_fini(&text);
    free(made.text);
}

static struct service_account_claims whole_claims(void)
{
    return (struct service_account_claims){
        .namespace = SPAN_LITERAL("ns"),
        .name = SPAN_LITERAL("builder"),
        .uid = SPAN_LITERAL("sa-uid"),
        .jti = SPAN_LITERAL("c0ffee"),
        .secret = { true, SPAN_LITERAL("secret-1"), SPAN_LITERAL("secret-uid") },
        .pod = { true, SPAN_LITERAL("pod-1"), SPAN_LITERAL("pod-uid") },
        .node = { true, SPAN_LITERAL("node-1"), SPAN_LITERAL("node-uid") },
    };
}

#define PLAIN \
    "system:serviceaccount:ns:builder|sa-uid|system:serviceaccounts,system:serviceaccounts:ns"

static const struct service_account_policy this_cluster = { .lookup = { .is_on = true } };

static void test_service_account_user_of_this_cluster(void **state)
{
    (void)state;
    struct service_account_claims claims = whole_claims();
    require_user(&claims, &this_cluster,
                 PLAIN "|" EXTRA "credential-id=JTI=c0ffee," EXTRA "node-name=node-1," EXTRA
                       "node-uid=node-uid," EXTRA "pod-name=pod-1," EXTRA "pod-uid=pod-uid");
    claims.jti = claims.pod.name = claims.pod.uid = claims.node.name = claims.node.uid =
        (struct span){ 0 };
    require_user(&claims, &this_cluster, PLAIN);
}

static void test_service_account_user_pod_is_name_and_uid_or_nothing(void **state)
{
    (void)state;
    struct service_account_claims claims = whole_claims();
    claims.jti = claims.node.name = (struct span){ 0 }; /* and a node's uid without a name */
    require_user(&claims, &this_cluster, PLAIN "|" EXTRA "pod-name=pod-1," EXTRA "pod-uid=pod-uid");
    claims.pod.uid = (struct span){ 0 };
    require_user(&claims, &this_cluster, PLAIN);
    claims = whole_claims();
    claims.jti = claims.pod.name = claims.node.uid = (struct span){ 0 };
    require_user(&claims, &this_cluster, PLAIN "|" EXTRA "node-name=node-1");
}

static void test_service_account_user_of_another_cluster(void **state)
{
    (void)state;
    const struct service_account_claims claims = whole_claims();
    const struct service_account_policy another = {
        .is_foreign = true,
        .lookup = { .is_on = true },
        .username_prefix = SPAN_LITERAL("east:"),
        .group_prefix = SPAN_LITERAL("east-groups:"),
    };
    require_user(&claims, &another,
                 "east:system:serviceaccount:ns:builder|sa-uid|"
                 "east-groups:system:serviceaccounts,east-groups:system:serviceaccounts:ns|" EXTRA
                 "credential-id=JTI=c0ffee");
}

/* Names of pods and nodes that nobody has looked up are nobody's business to believe. */
static void test_service_account_user_without_lookups_names_no_pod(void **state)
{
    (void)state;
    const struct service_account_claims claims = whole_claims();
    const struct service_account_policy unfollowed = { .lookup = { .is_on = false } };
    require_user(&claims, &unfollowed, PLAIN "|" EXTRA "credential-id=JTI=c0ffee");
}

static void test_service_account_user_of_a_legacy_token_has_no_extras(void **state)
{
    (void)state;
    struct service_account_claims claims = whole_claims();
    claims.is_legacy = true;
    require_user(&claims, &this_cluster, PLAIN);
}

static void test_service_account_user_allocates_nothing(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return; /* it has said so */
    }
    const struct service_account_claims claims = whole_claims();
    char text[256];
    struct service_account_user parts;
    struct user user;
    alloc_fail_arm(1);
    const size_t len = service_account_user_text_len(&claims, &this_cluster);
    if (len <= sizeof(text)) {
        service_account_user_make(&claims, &this_cluster, text, &parts, &user);
    }
    assert_false(alloc_fail_disarm());
    assert_true(len <= sizeof(text));
    assert_int_equal(user.extra_count, SERVICE_ACCOUNT_EXTRAS_MAX);
}

static void require_list(json_object *want, const struct span *got, size_t count)
{
    assert_int_equal(count, json_object_array_length(want));
    for (size_t i = 0; i < count; i++) {
        json_object *text = json_object_array_get_idx(want, i);
        assert_true(span_equal(got[i], span_of(json_object_get_string(text))));
    }
}

static void require_expected(const struct service_account_claims *claims, json_object *expect)
{
    struct made made;
    make(claims, &this_cluster, &made);
    const struct user *user = &made.user;
    assert_true(span_equal(user->name, vectors_text(expect, "username")));
    assert_true(span_equal(user->uid, vectors_text(expect, "uid")));
    require_list(json_object_object_get(expect, "groups"), user->groups->names,
                 user->groups->count);
    json_object *extra = json_object_object_get(expect, "extra");
    assert_int_equal(user->extra_count, json_object_object_length(extra));
    for (size_t i = 0; i < user->extra_count; i++) {
        char *key = span_copy(user->extras[i].key);
        require_list(json_object_object_get(extra, key), user->extras[i].values,
                     user->extras[i].value_count);
        free(key);
    }
    free(made.text);
}

static void require_validated(json_object *rows, bool is_legacy)
{
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        json_object *expect = json_object_object_get(row, "expect");
        if (json_object_get_boolean(json_object_object_get(expect, "authenticated"))) {
            json_object *written = json_object_object_get(row, "claims");
            struct test_claims test;
            test_claims_read(
                &test, span_of(json_object_to_json_string_ext(written, JSON_C_TO_STRING_PLAIN)),
                is_legacy);
            require_expected(&test.claims, expect);
            test_claims_fini(&test);
        }
    }
}

static void test_service_account_user_public_vectors(void **state)
{
    (void)state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *rows = vectors_list(root, "service_account", "user_info");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        json_object *info = json_object_object_get(row, "info");
        const struct service_account_claims claims = {
            .namespace = vectors_text(info, "namespace"),
            .name = vectors_text(info, "name"),
            .uid = vectors_text(info, "uid"),
            .jti = vectors_text(info, "credentialID"),
            .pod = { true, vectors_text(info, "podName"), vectors_text(info, "podUID") },
            .node = { true, vectors_text(info, "nodeName"), vectors_text(info, "nodeUID") },
        };
        require_expected(&claims, json_object_object_get(row, "expect"));
    }
    require_validated(vectors_list(root, "service_account", "bound_validate"), false);
    require_validated(vectors_list(root, "service_account", "legacy_validate"), true);
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_account_user_of_this_cluster),
        cmocka_unit_test(test_service_account_user_pod_is_name_and_uid_or_nothing),
        cmocka_unit_test(test_service_account_user_of_another_cluster),
        cmocka_unit_test(test_service_account_user_without_lookups_names_no_pod),
        cmocka_unit_test(test_service_account_user_of_a_legacy_token_has_no_extras),
        cmocka_unit_test(test_service_account_user_allocates_nothing),
        cmocka_unit_test(test_service_account_user_public_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
