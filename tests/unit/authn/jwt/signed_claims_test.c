/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signed public vectors without their signatures: probe, claims, checks and user of each, as if
 * it had been signed by the key that it needs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "authn/jwt/issuer_probe.h"
#include "authn/jwt/service_account_user.h"
#include "support/service_account_kit.h"

/* What these are refused for is the header or the signature; their claims are good. */
static const char *const of_others[] = {
    "sig-kid-unknown",   "sig-kid-lies",   "sig-foreign-key-nokid",
    "sig-alg-none-case", "sig-hs256-pem",  "sig-alg-missing",
    "sig-crit",          "sig-jwk-header", "sig-sig-trunc",
    "sig-std-alphabet",
};

static bool is_refused_by_others(struct span id)
{
    for (size_t i = 0; i < COUNTOF(of_others); i++) {
        if (span_equal(id, span_of(of_others[i]))) {
            return true;
        }
    }
    return false;
}

/* Between the first dot and the second; empty when there are not two. */
static struct span middle_piece(struct span token)
{
    const char *first = memchr(token.at, '.', token.len);
    const struct span rest = first ? span_after(token, (size_t)(first - token.at) + 1) : token;
    const char *second = first ? memchr(rest.at, '.', rest.len) : NULL;
    return (struct span){ .at = rest.at, .len = second ? (size_t)(second - rest.at) : 0 };
}

struct setting {
    json_object *objects;
    struct instant now;
    struct span issuer;
    struct span api;
    struct span asked;
    struct service_account_policy policy;
};

static void read_setting(json_object *root, struct setting *setting)
{
    json_object *signed_ones = json_object_object_get(root, "service_account_signed");
    *setting = (struct setting){
        .objects = vectors_list(root, "service_account_signed", "objects"),
        .now = { .sec = json_object_get_int64(json_object_object_get(signed_ones, "now_unix")) },
        .policy = { .issuers = &setting->issuer,
                    .issuer_count = 1,
                    .legacy = SERVICE_ACCOUNT_LEGACY_LOOKED_UP,
                    .lookup = { .is_on = true,
                                .follows_pods = true,
                                .follows_nodes = true,
                                .secrets = SERVICE_ACCOUNT_SECRETS_ALL },
                    .api_audiences = { &setting->api, 1 },
                    .audiences = { &setting->api, 1 } },
    };
    assert_int_equal(vectors_texts(signed_ones, "issuers", &setting->issuer, 1), 1);
    assert_int_equal(vectors_texts(signed_ones, "api_audiences", &setting->api, 1), 1);
    assert_int_equal(vectors_texts(signed_ones, "request_audiences", &setting->asked, 1), 1);
}

static enum status judge(const struct setting *setting, const struct service_account_claims *claims)
{
    const struct span none = { 0 };
    const struct service_account_evidence evidence = {
        .claims = claims,
        .policy = &setting->policy,
        .account =
            test_look_up(setting->objects, "ServiceAccount", claims->namespace, claims->name),
        .secret = test_look_up(setting->objects, "Secret", claims->namespace, claims->secret.name),
        .pod = test_look_up(setting->objects, "Pod", claims->namespace, claims->pod.name),
        .node = test_look_up(setting->objects, "Node", none, claims->node.name),
    };
    const struct question question = { .has_audiences = true,
                                       .audiences = &setting->asked,
                                       .audience_count = 1,
                                       .now = setting->now };
    struct audience_set granted;
    const enum status status = service_account_checks_run(&evidence, &question, &granted);
    assert_true(status != ST_OK || audience_set_has(&granted, 0));
    return status;
}

static void require_user(const struct setting *setting,
                         const struct service_account_claims *claims,
                         json_object *expect)
{
    char text[1024];
    struct service_account_user parts;
    struct user user;
    assert_true(service_account_user_text_len(claims, &setting->policy) <= sizeof(text));
    service_account_user_make(claims, &setting->policy, text, &parts, &user);
    assert_true(span_equal(user.name, vectors_text(expect, "username")));
    assert_true(span_equal(user.uid, vectors_text(expect, "uid")));
    json_object *extra = json_object_object_get(expect, "extra");
    assert_int_equal(user.extra_count, json_object_object_length(extra));
    for (size_t i = 0; i < user.extra_count; i++) {
        char *key = span_copy(user.extras[i].key);
        struct span value = { 0 };
        assert_int_equal(vectors_texts(extra, key, &value, 1), 1);
        assert_true(span_equal(user.extras[i].values[0], value));
        free(key);
    }
}

/* Return: accepted? */
static bool ask(const struct setting *setting, struct span token, json_object *expect)
{
    char room[4096];
    struct span issuer;
    size_t len = 0;
    const struct span piece = middle_piece(token);
    if (piece.len == 0 || !jwt_probe_issuer(piece, room, sizeof(room), &issuer)) {
        return false;
    }
    const bool is_legacy = span_equal(issuer, SPAN_LITERAL(SERVICE_ACCOUNT_LEGACY_ISSUER));
    if (!is_legacy && !span_equal(issuer, setting->issuer)) {
        return false;
    }
    assert_int_equal(base64url_decode(piece, room, &len), ST_OK);
    struct span audiences[SERVICE_ACCOUNT_AUDIENCES_MAX];
    struct service_account_claims claims;
    if (service_account_claims_decode(room, len, is_legacy, audiences, &claims, NULL) != ST_OK ||
        judge(setting, &claims) != ST_OK) {
        return false;
    }
    if (json_object_get_boolean(json_object_object_get(expect, "authenticated"))) {
        require_user(setting, &claims, expect);
    }
    return true;
}

static void test_signed_claims_public_vectors(void **state)
{
    (void)state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    struct setting setting;
    read_setting(root, &setting);
    json_object *rows = vectors_list(root, "service_account_signed", "vectors");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        json_object *expect = json_object_object_get(row, "expect");
        const struct span id = vectors_text(row, "id");
        const bool want =
            json_object_get_boolean(json_object_object_get(expect, "authenticated")) ||
            is_refused_by_others(id);
        if (ask(&setting, vectors_text(row, "token"), expect) != want) {
            fail_msg("%s", id.at);
        }
    }
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_claims_public_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
