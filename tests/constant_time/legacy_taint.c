/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same for legacy ServiceAccount tokens: does anything branch on what a Secret holds, or use it
 * as an address?
 *
 * decide_taint.c says how, and what the modes are. Here the stored digests of data.token are marked
 * undefined, and the result of quick_digest_equal() is declared public. The digest of a question's
 * own token steers, and may: the cache is looked up by it, under a key that nobody knows.
 */
#include <stdio.h>

#include "constant_time/declared.h"
#include "support/token_kit.h"

#define HEADER "{\"alg\":\"ES256\"}"
#define LEGACY                                                                        \
    "{\"iss\":\"kubernetes/serviceaccount\",\"sub\":\"system:serviceaccount:ns:sa\"," \
    "\"kubernetes.io/serviceaccount/namespace\":\"ns\","                              \
    "\"kubernetes.io/serviceaccount/secret.name\":\"sec\","                           \
    "\"kubernetes.io/serviceaccount/service-account.name\":\"sa\","                   \
    "\"kubernetes.io/serviceaccount/service-account.uid\":\"u1\"}"

static struct declared_run run;

bool __real_quick_digest_equal(const struct quick_digest *a, const struct quick_digest *b);
bool __wrap_quick_digest_equal(const struct quick_digest *a, const struct quick_digest *b);

static bool real(const void *a, const void *b)
{
    return __real_quick_digest_equal(a, b);
}

bool __wrap_quick_digest_equal(const struct quick_digest *a, const struct quick_digest *b)
{
    return declared_compare(&run, real, a, b, sizeof(a->bytes));
}

static void test_legacy_taint(void **state)
{
    struct token_kit kit = { 0 };
    (void)state;
    token_kit_sources(&kit);
    token_kit_open(&kit);
    token_kit_put_key(&kit, 0);
    token_kit_sync(&kit, 0);
    char *held = signer_sign(&kit.signers[0], HEADER, LEGACY);
    char *other = signer_sign(&kit.signers[0], HEADER, LEGACY); /* ECDSA is never the same twice */
    const struct token_kit_object account = { .kind = &kind_service_account,
                                              .name = "sa",
                                              .uid = "u1" };
    const struct token_kit_object secret = {
        .kind = &kind_secret, .name = "sec", .uid = "s1", .token = held
    };
    token_kit_tell(&kit, 0, STORE_ADDED, &account);
    token_kit_tell(&kit, 0, STORE_ADDED, &secret);
    size_t pieces = 0;
    authenticator_taint(kit.authenticator, declared_undefined, &pieces);
    assert_int_equal(pieces, 1);
    for (int round = 0; round < 2; round++) { /* new, and from the cache */
        assert_int_equal(token_kit_ask(&kit, held), ST_OK);
        assert_int_equal(token_kit_ask(&kit, other), ST_TOKEN_SECRET_MISMATCH);
    }
    assert_int_equal(run.comparisons, 4);
    assert_int_equal(run.undefined_results, 4);
    authenticator_taint(kit.authenticator, declared_defined, NULL);
    free(held);
    free(other);
    token_kit_fini(&kit);
}

int main(int argc, char **argv)
{
    const char *mode = argc == 2 ? argv[1] : "";
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_legacy_taint) };
    run.mode = declared_mode_of(mode);
    if (!RUNNING_ON_VALGRIND || run.mode == MODE_NONE) {
        (void)fprintf(stderr, "this runs under valgrind, as library, memcmp or undeclared\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
