/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ServiceAccount tokens of three clusters with one issuer's name: whose a token is, what its
 * objects, its keys and the clock make of it, new and from the cache, and what a question waits
 * for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "authn/jwt/service_account_proof.h"
#include "authn/verification_share.h"
#include "base/buf.h"
#include "support/token_kit.h"

#define HEADER "{\"alg\":\"ES256\"}"

/* A bound token of the account ns/sa with uid u1, issued now, good for an hour. */
#define BOUND(more)                                                                                \
    "{\"iss\":\"" TOKEN_KIT_ISSUER "\",\"sub\":\"system:serviceaccount:ns:sa\",\"aud\":[\"api\"]," \
    "\"exp\":1700003600,\"iat\":1700000000,\"nbf\":1700000000,\"jti\":\"j\",\"kubernetes.io\":{"   \
    "\"namespace\":\"ns\",\"serviceaccount\":{\"name\":\"sa\",\"uid\":\"u1\"}" more "}}"

#define LEGACY                                                                        \
    "{\"iss\":\"kubernetes/serviceaccount\",\"sub\":\"system:serviceaccount:ns:sa\"," \
    "\"kubernetes.io/serviceaccount/namespace\":\"ns\","                              \
    "\"kubernetes.io/serviceaccount/secret.name\":\"sec\","                           \
    "\"kubernetes.io/serviceaccount/service-account.name\":\"sa\","                   \
    "\"kubernetes.io/serviceaccount/service-account.uid\":\"u1\"}"

static const struct token_kit_object account = { .kind = &kind_service_account,
                                                 .name = "sa",
                                                 .uid = "u1" };
static const struct token_kit_object other_account = { .kind = &kind_service_account,
                                                       .name = "sa",
                                                       .uid = "u2" };
static const struct token_kit_object pod = { .kind = &kind_pod, .name = "pod", .uid = "p1" };

static int set_up(void **state)
{
    struct token_kit *kit = calloc(1, sizeof(*kit));
    token_kit_sources(kit);
    token_kit_open(kit);
    for (unsigned i = 0; i < TOKEN_KIT_SOURCES; i++) {
        token_kit_put_key(kit, i);
        token_kit_sync(kit, i);
        token_kit_tell(kit, i, STORE_ADDED, &account);
    }
    *state = kit;
    return 0;
}

static int tear_down(void **state)
{
    token_kit_fini(*state);
    free(*state);
    return 0;
}

static char *bound(struct token_kit *kit, unsigned signer, const char *payload)
{
    return signer_sign(&kit->signers[signer], HEADER, payload);
}

static void test_clusters_a_token_is_of_the_cluster_whose_key_signed_it(void **state)
{
    static const char *const names[] = { "system:serviceaccount:ns:sa",
                                         "one:system:serviceaccount:ns:sa",
                                         "two:system:serviceaccount:ns:sa" };
    static const char *const groups[] = { "system:serviceaccounts", "one:system:serviceaccounts",
                                          "two:system:serviceaccounts" };
    struct token_kit *kit = *state;
    for (unsigned i = 0; i < TOKEN_KIT_SOURCES; i++) {
        char *token = bound(kit, i, BOUND(""));
        for (int round = 0; round < 2; round++) {
            assert_int_equal(token_kit_ask(kit, token), ST_OK);
            assert_string_equal(kit->username, names[i]);
            assert_string_equal(kit->first_group, groups[i]);
            assert_string_equal(kit->uid, "u1");
        }
        free(token);
    }
}

static void test_clusters_objects_count_for_their_own_tokens_only(void **state)
{
    struct token_kit *kit = *state;
    char *tokens[TOKEN_KIT_SOURCES];
    for (unsigned i = 0; i < TOKEN_KIT_SOURCES; i++) {
        tokens[i] = bound(kit, i, BOUND(""));
        assert_int_equal(token_kit_ask(kit, tokens[i]), ST_OK);
    }
    token_kit_tell(kit, 1, STORE_MODIFIED, &other_account);
    assert_int_equal(token_kit_ask(kit, tokens[1]), ST_OBJECT_UID_MISMATCH);
    assert_int_equal(token_kit_ask(kit, tokens[0]), ST_OK);
    assert_int_equal(token_kit_ask(kit, tokens[2]), ST_OK);
    token_kit_tell(kit, 0, STORE_DELETED, &account);
    assert_int_equal(token_kit_ask(kit, tokens[0]), ST_OBJECT_NOT_TOLD); /* it may come back */
    assert_int_equal(kit->decision.result, DECISION_ERROR);
    for (unsigned i = 0; i < TOKEN_KIT_SOURCES; i++) {
        free(tokens[i]);
    }
}

static void test_clusters_a_key_taken_back_refuses_what_was_cached(void **state)
{
    struct token_kit *kit = *state;
    char *token = bound(kit, 0, BOUND(""));
    char *other = bound(kit, 1, BOUND(""));
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    assert_int_equal(token_kit_ask(kit, other), ST_OK);
    struct signer another = signer_make();
    struct key_set *fresh = signer_jwks(&another, "k");
    assert_int_equal(service_account_put_keys(kit->family, 0, fresh), ST_OK);
    (void)key_set_unref(fresh);
    signer_fini(&another);
    assert_int_equal(token_kit_ask(kit, token), ST_SIGNATURE_INVALID);
    assert_int_equal(token_kit_ask(kit, other), ST_OK);
    token_kit_put_key(kit, 0); /* and back */
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    free(token);
    free(other);
}

static void test_clusters_time_counts_at_every_answer(void **state)
{
    struct token_kit *kit = *state;
    char *token = bound(kit, 0, BOUND(""));
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    kit->now.sec = TOKEN_KIT_NOW + 3660;
    assert_int_equal(token_kit_ask(kit, token), ST_OK); /* the leeway */
    kit->now.sec = TOKEN_KIT_NOW + 3661;
    assert_int_equal(token_kit_ask(kit, token), ST_TOKEN_EXPIRED);
    kit->now.sec = TOKEN_KIT_NOW - 61;
    assert_int_equal(token_kit_ask(kit, token), ST_TOKEN_NOT_YET_VALID);
    assert_int_equal(kit->decision.result, DECISION_ERROR);
    free(token);
}

static void test_clusters_a_pod_being_deleted_has_a_minute(void **state)
{
    struct token_kit *kit = *state;
    struct token_kit_object dying = pod;
    char *token = bound(kit, 0, BOUND(",\"pod\":{\"name\":\"pod\",\"uid\":\"p1\"}"));
    token_kit_tell(kit, 0, STORE_ADDED, &pod);
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    assert_int_equal(kit->extra_count, 3);
    dying.is_being_deleted = true;
    dying.deletion_sec = TOKEN_KIT_NOW - 60;
    token_kit_tell(kit, 0, STORE_MODIFIED, &dying);
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    dying.deletion_sec = TOKEN_KIT_NOW - 61;
    token_kit_tell(kit, 0, STORE_MODIFIED, &dying);
    assert_int_equal(token_kit_ask(kit, token), ST_OBJECT_DELETED);
    free(token);
}

static void test_clusters_of_another_cluster_only_the_credential_is_told(void **state)
{
    struct token_kit *kit = *state;
    char *token = bound(kit, 1, BOUND(",\"pod\":{\"name\":\"pod\",\"uid\":\"p1\"}"));
    token_kit_tell(kit, 1, STORE_ADDED, &pod);
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    assert_int_equal(kit->extra_count, 1);
    free(token);
}

static void test_clusters_a_legacy_token_is_what_its_secret_holds(void **state)
{
    struct token_kit *kit = *state;
    char *token = bound(kit, 1, LEGACY);
    char *again = bound(kit, 1, LEGACY); /* another signature of the same claims */
    struct token_kit_object secret = {
        .kind = &kind_secret, .name = "sec", .uid = "s1", .token = token
    };
    token_kit_tell(kit, 1, STORE_ADDED, &secret);
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    assert_string_equal(kit->username, "one:system:serviceaccount:ns:sa");
    assert_int_equal(token_kit_ask(kit, again), ST_TOKEN_SECRET_MISMATCH);
    secret.is_marked_invalid = true;
    token_kit_tell(kit, 1, STORE_MODIFIED, &secret);
    assert_int_equal(token_kit_ask(kit, token), ST_TOKEN_INVALIDATED);
    secret.is_marked_invalid = false;
    secret.token = again;
    token_kit_tell(kit, 1, STORE_MODIFIED, &secret);
    assert_int_equal(token_kit_ask(kit, token), ST_TOKEN_SECRET_MISMATCH);
    assert_int_equal(token_kit_ask(kit, again), ST_OK);
    token_kit_tell(kit, 1, STORE_DELETED, &secret);
    assert_int_equal(token_kit_ask(kit, again), ST_OBJECT_NOT_TOLD);
    free(token);
    free(again);
}

static void test_clusters_a_question_waits_for_what_it_names(void **state)
{
    struct token_kit *kit = *state;
    char *token = bound(kit, 1, BOUND(",\"pod\":{\"name\":\"pod\",\"uid\":\"p1\"}"));
    assert_int_equal(token_kit_ask(kit, token), ST_OBJECT_NOT_TOLD);
    assert_int_equal(kit->decision.wait.kind, WAIT_NOTHING); /* who asks cannot wait */
    kit->may_wait = true;
    assert_int_equal(token_kit_ask(kit, token), ST_OBJECT_NOT_TOLD);
    assert_int_equal(kit->decision.wait.kind, WAIT_OBJECT);
    assert_int_equal(kit->decision.wait.source, 1);
    const uint64_t what = kit->decision.wait.what;
    token_kit_tell(kit, 2, STORE_ADDED, &pod);
    assert_int_equal(kit->told_source, 2);
    assert_int_equal(token_kit_ask(kit, token), ST_OBJECT_NOT_TOLD);
    kit->told_count = 0;
    token_kit_tell(kit, 1, STORE_ADDED, &pod);
    assert_int_equal(kit->told_count, 1);
    assert_int_equal(kit->told_source, 1);
    assert_int_equal(kit->told_what, what);
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    token_kit_tell(kit, 1, STORE_DELETED, &pod);
    assert_int_equal(kit->told_count, 1); /* nobody waits for that */
    free(token);
}

static void test_clusters_a_legacy_token_waits_once_a_minute(void **state)
{
    struct token_kit *kit = *state;
    char *token = bound(kit, 0, LEGACY);
    kit->may_wait = true;
    assert_int_equal(token_kit_ask(kit, token), ST_OBJECT_NOT_TOLD);
    assert_int_equal(kit->decision.wait.kind, WAIT_OBJECT);
    kit->is_asked_again = true; /* the same question, which goes on waiting */
    assert_int_equal(token_kit_ask(kit, token), ST_OBJECT_NOT_TOLD);
    assert_int_equal(kit->decision.wait.kind, WAIT_OBJECT);
    kit->is_asked_again = false;
    assert_int_equal(token_kit_ask(kit, token), ST_OBJECT_NOT_TOLD);
    assert_int_equal(kit->decision.wait.kind, WAIT_NOTHING);
    kit->now.sec += 60;
    assert_int_equal(token_kit_ask(kit, token), ST_OBJECT_NOT_TOLD);
    assert_int_equal(kit->decision.wait.kind, WAIT_OBJECT);
    free(token);
}

static void test_clusters_an_unknown_key_is_a_no_when_all_that_are_fetched_say_so(void **state)
{
    struct token_kit *kit = *state;
    char *token =
        signer_sign(&kit->signers[0], "{\"alg\":\"ES256\",\"kid\":\"unheard-of\"}", BOUND(""));
    kit->may_wait = true;
    assert_int_equal(token_kit_ask(kit, token), ST_KEYS_UNAVAILABLE);
    assert_int_equal(kit->decision.result, DECISION_ERROR);
    assert_int_equal(kit->decision.wait.kind, WAIT_KEYS);
    assert_int_equal(kit->decision.wait.what, 1 << 1 | 1 << 2); /* the first has its by file */
    kit->is_asked_again = true;
    kit->conclusive_sources = 1 << 1;
    assert_int_equal(token_kit_ask(kit, token), ST_KEYS_UNAVAILABLE);
    kit->conclusive_sources = 1 << 1 | 1 << 2;
    assert_int_equal(token_kit_ask(kit, token), ST_KEY_UNKNOWN);
    assert_int_equal(kit->decision.result, DECISION_DENY);
    free(token);
}

static void test_clusters_one_that_was_never_reached_leaves_doubt(void **state)
{
    struct token_kit *kit = *state;
    char *token = bound(kit, 2, BOUND(""));
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    assert_int_equal(service_account_put_keys(kit->family, 2, NULL), ST_OK);
    assert_int_equal(token_kit_ask(kit, token), ST_KEYS_UNAVAILABLE);
    char *own = bound(kit, 0, BOUND(""));
    assert_int_equal(token_kit_ask(kit, own), ST_OK);
    free(token);
    free(own);
}

static void test_clusters_of_files_only_an_unknown_key_is_a_no_at_once(void **state)
{
    struct token_kit *kit = *state;
    token_kit_fini(kit);
    *kit = (struct token_kit){ 0 };
    token_kit_sources(kit);
    kit->options.source_count = 1;
    token_kit_open(kit);
    token_kit_put_key(kit, 0);
    char *token =
        signer_sign(&kit->signers[0], "{\"alg\":\"ES256\",\"kid\":\"unheard-of\"}", BOUND(""));
    assert_int_equal(token_kit_ask(kit, token), ST_KEY_UNKNOWN);
    free(token);
}

/* Wiping is a part of what an answer takes, so no more is wiped than was used; and all of that is.
 */
static void test_clusters_what_a_question_used_is_wiped(void **state)
{
    struct token_kit *kit = *state;
    char *token = bound(kit, 1, BOUND(""));
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    assert_in_range(kit->scratch_used, strlen(token), 4096);
    const size_t used = kit->scratch_used;
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    assert_in_range(kit->scratch_used, 1, used - 1);
    for (size_t i = 0; i < kit->scratch.len; i++) {
        assert_int_equal(((const unsigned char *)kit->scratch.at)[i], 0);
    }
    free(token);
}

static void test_clusters_only_new_tokens_take_of_the_share(void **state)
{
    struct token_kit *kit = *state;
    struct verification_share share;
    const struct share_limit little = { .percent = 1, .burst_ns = 1 };
    verification_share_init(&share, clock_system(), little, little);
    char *seen = bound(kit, 0, BOUND(""));
    char *fresh = bound(kit, 0, BOUND(""));
    kit->share = &share;
    assert_int_equal(token_kit_ask(kit, seen), ST_OK);
    assert_int_equal(token_kit_ask(kit, fresh), ST_VERIFICATION_BUSY);
    assert_int_equal(kit->decision.result, DECISION_ERROR);
    assert_int_equal(token_kit_ask(kit, seen), ST_OK);
    kit->share = NULL;
    assert_int_equal(token_kit_ask(kit, fresh), ST_OK);
    free(seen);
    free(fresh);
}

#define HEADER_K "{\"alg\":\"ES256\",\"kid\":\"k\"}"

static void put(struct token_kit *kit, unsigned source, struct key_set *set)
{
    assert_int_equal(service_account_put_keys(kit->family, source, set), ST_OK);
    (void)key_set_unref(set);
}

/* Many keys of P-256, all of this ID; NULL: of none. The last is @signer's. */
static struct key_set *crowd(size_t count, const char *kid, const struct signer *signer)
{
    struct buf json = { 0 };
    struct key_set *set = NULL;
    struct problem problem = { 0 };
    char *members = NULL;
    assert_true(asprintf(&members, kid ? "\"kid\":\"%s\"," : "%s", kid ? kid : "") >= 0);
    buf_append_text(&json, "{\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        const bool is_last = i + 1 == count;
        EVP_PKEY *key = is_last ? signer->key : jose_kit_curve("P-256");
        char *jwk = jose_kit_jwk(key, members);
        buf_append_text(&json, jwk);
        buf_append_text(&json, is_last ? "]}" : ",");
        free(jwk);
        if (!is_last) {
            EVP_PKEY_free(key);
        }
    }
    assert_int_equal(
        key_set_from_jwks((struct span){ json.at, json.len }, NULL, NULL, &set, &problem), ST_OK);
    buf_fini(&json);
    free(members);
    return set;
}

static void test_clusters_one_cannot_crowd_out_another_that_has_its_key_id(void **state)
{
    struct token_kit *kit = *state;
    struct signer stranger = signer_make();
    char *token = signer_sign(&kit->signers[2], HEADER_K, BOUND(""));
    put(kit, 2, signer_jwks(&kit->signers[2], "k"));
    put(kit, 1, crowd(KEY_SET_MAX_KEYS, "k", &stranger));
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    assert_string_equal(kit->username, "two:system:serviceaccount:ns:sa");
    free(token);
    signer_fini(&stranger);
}

static void test_clusters_of_too_many_keys_without_id_none_is_a_no(void **state)
{
    struct token_kit *kit = *state;
    char *token = bound(kit, 2, BOUND(""));
    put(kit, 2, crowd(PROOF_TRIES_OF_SOURCE_MAX, NULL, &kit->signers[2]));
    assert_int_equal(token_kit_ask(kit, token), ST_OK);
    free(token);
    token = signer_sign(&kit->signers[2], HEADER, BOUND("")); /* another signature: new */
    put(kit, 2, crowd(PROOF_TRIES_OF_SOURCE_MAX + 1, NULL, &kit->signers[2]));
    assert_int_equal(token_kit_ask(kit, token), ST_VERIFICATION_BUSY);
    assert_int_equal(kit->decision.result, DECISION_ERROR);
    free(token);
}

static void test_clusters_a_key_id_of_another_cluster_leaves_doubt(void **state)
{
    struct token_kit *kit = *state;
    struct signer fresh = signer_make(); /* what `two` has just rotated to */
    char *token = signer_sign(&fresh, HEADER_K, BOUND(""));
    kit->may_wait = true;
    put(kit, 2, signer_jwks(&kit->signers[2], "old"));
    put(kit, 1, signer_jwks(&kit->signers[1], "k"));
    assert_int_equal(token_kit_ask(kit, token), ST_KEYS_UNAVAILABLE);
    assert_int_equal(kit->decision.wait.kind, WAIT_KEYS);
    assert_int_equal(kit->decision.wait.what, 1 << 2);
    kit->conclusive_sources = 1 << 2;
    assert_int_equal(token_kit_ask(kit, token), ST_SIGNATURE_INVALID);
    free(token);
    signer_fini(&fresh);
}

static void test_clusters_tries_before_the_good_one_are_not_in_vain(void **state)
{
    struct token_kit *kit = *state;
    struct verification_share share;
    verification_share_init(&share, clock_system(), (struct share_limit){ 100, 1000000000 },
                            (struct share_limit){ 1, 1 });
    put(kit, 2, crowd(PROOF_TRIES_OF_SOURCE_MAX, "k", &kit->signers[2]));
    kit->share = &share;
    for (int i = 0; i < 3; i++) {
        char *token = signer_sign(&kit->signers[2], HEADER_K, BOUND(""));
        assert_int_equal(token_kit_ask(kit, token), ST_OK);
        free(token);
    }
    char *bad = signer_sign(&kit->signers[1], HEADER_K, BOUND(""));
    kit->conclusive_sources = 1 << 1;
    assert_int_equal(token_kit_ask(kit, bad), ST_SIGNATURE_INVALID);
    free(bad);
    char *token = signer_sign(&kit->signers[2], HEADER_K, BOUND(""));
    assert_int_equal(token_kit_ask(kit, token), ST_VERIFICATION_BUSY);
    free(token);
}

static void test_clusters_a_token_of_nobody_is_none_of_the_family(void **state)
{
    static const char *const payloads[] = {
        "{\"iss\":\"https://elsewhere.example\"}", "{\"iss\":7}", "{}", "[]", "x",
    };
    struct token_kit *kit = *state;
    for (size_t i = 0; i < COUNTOF(payloads); i++) {
        char *token = bound(kit, 0, payloads[i]);
        assert_int_equal(token_kit_ask(kit, token), ST_TOKEN_UNRECOGNIZED);
        free(token);
    }
    assert_int_equal(token_kit_ask(kit, "abcdef.0123456789abcdef"), ST_TOKEN_UNRECOGNIZED);
    assert_int_equal(token_kit_ask(kit, "a.b.c"), ST_TOKEN_UNRECOGNIZED);
}

/* What bootstrap tokens and these have in common is said in words that fit both. */
static void test_clusters_say_no_in_words_of_their_own(void **state)
{
    static const struct token_kit_object secret = {
        .kind = &kind_secret, .name = "sec", .uid = "s1", .token = "another"
    };
    struct token_kit *kit = *state;
    char *token = bound(kit, 1, BOUND(""));
    char *legacy = bound(kit, 0, LEGACY);
    kit->now.sec += 120;
    token_kit_tell(kit, 0, STORE_ADDED, &secret);
    assert_int_equal(token_kit_ask(kit, legacy), ST_TOKEN_SECRET_MISMATCH);
    assert_string_equal(kit->decision.reason_text,
                        "data.token of the Secret that the token names is another token");
    kit->now.sec += 7200;
    assert_int_equal(token_kit_ask(kit, token), ST_TOKEN_EXPIRED);
    assert_string_equal(kit->decision.reason_text, status_text(ST_TOKEN_EXPIRED));
    free(token);
    free(legacy);
}

static void test_clusters_have_numbers_by_their_lookups(void **state)
{
    struct token_kit *kit = *state;
    kit->sources[1].lookup = (struct service_account_lookup){ 0 };
    assert_int_equal(service_account_cluster_of(&kit->options, 0), 0);
    assert_int_equal(service_account_cluster_of(&kit->options, 1), 0);
    assert_int_equal(service_account_cluster_of(&kit->options, 2), 1);
    kit->sources[1].lookup.is_on = true;
    assert_int_equal(service_account_cluster_of(&kit->options, 2), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_clusters_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_of_the_cluster_whose_key_signed_it),
        TEST(objects_count_for_their_own_tokens_only),
        TEST(a_key_taken_back_refuses_what_was_cached),
        TEST(time_counts_at_every_answer),
        TEST(a_pod_being_deleted_has_a_minute),
        TEST(of_another_cluster_only_the_credential_is_told),
        TEST(a_legacy_token_is_what_its_secret_holds),
        TEST(a_question_waits_for_what_it_names),
        TEST(a_legacy_token_waits_once_a_minute),
        TEST(an_unknown_key_is_a_no_when_all_that_are_fetched_say_so),
        TEST(one_that_was_never_reached_leaves_doubt),
        TEST(of_files_only_an_unknown_key_is_a_no_at_once),
        TEST(what_a_question_used_is_wiped),
        TEST(only_new_tokens_take_of_the_share),
        TEST(one_cannot_crowd_out_another_that_has_its_key_id),
        TEST(of_too_many_keys_without_id_none_is_a_no),
        TEST(a_key_id_of_another_cluster_leaves_doubt),
        TEST(tries_before_the_good_one_are_not_in_vain),
        TEST(a_token_of_nobody_is_none_of_the_family),
        TEST(say_no_in_words_of_their_own),
        TEST(have_numbers_by_their_lookups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
