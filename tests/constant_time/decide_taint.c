/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does anything between a token and its answer branch on a secret, or use one as an address?
 *
 * Run under valgrind's memcheck, which follows undefined bits through every instruction and reports
 * the first branch or address that depends on one. The digests' key and all stored digests are
 * marked undefined; then the real library, as it ships, decides about known and unknown token IDs
 * with right and wrong secrets.
 *
 * The answer itself depends on the comparison, and may: it is public. So there is one place where a
 * result is declared public, the return value of digest_equal(), and it is here and not in the
 * library: the linker (--wrap=digest_equal) sends the library's calls through
 * __wrap_digest_equal() below.
 *
 * The test can fail: modes `memcmp` (an ordinary comparison) and `undeclared` (the result is never
 * declared public) must be reported, and in mode `library` every comparison must have had an
 * undefined result before it was declared public, so lost marks do not pass as success.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/urcu-bp.h>

#include "authn/authenticator.h"
#include "authn/bootstrap.h"
#include "base/digest.h"
#include "constant_time/declared.h"
#include "support/secret_builder.h"

#define NOW_SEC INT64_C(1748779200)

static struct declared_run run;

bool __real_digest_equal(const struct digest *a, const struct digest *b);
bool __wrap_digest_equal(const struct digest *a, const struct digest *b);

static bool real(const void *a, const void *b)
{
    return __real_digest_equal(a, b);
}

bool __wrap_digest_equal(const struct digest *a, const struct digest *b)
{
    return declared_compare(&run, real, a, b, sizeof(a->bytes));
}

static void require(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "not so: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static void tell(struct authenticator *authenticator, const struct test_secret *test)
{
    const struct store_event event = test_secret_event(test, STORE_ADDED);
    authenticator_handle_event(authenticator, &event);
}

static struct authenticator *make(void)
{
    struct authenticator *authenticator = NULL;
    const struct token_family_choice bootstrap = { .ops = &bootstrap_ops };
    const struct authenticator_options options = { .families = &bootstrap, .family_count = 1 };
    require(authenticator_new(&options, &authenticator, NULL) == ST_OK, "an authenticator is made");
    struct test_secret test;
    test_secret_token(&test, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    tell(authenticator, &test);
    test_secret_token(&test, "expird", TEST_TOKEN_SECRET);
    test_secret_set(&test, "expiration", "2025-05-01T12:00:00Z");
    tell(authenticator, &test);
    test_secret_token(&test, "going0", TEST_TOKEN_SECRET);
    test.secret.meta.has_deletion_timestamp = true;
    tell(authenticator, &test);
    test_secret_token(&test, "nogrps", TEST_TOKEN_SECRET);
    test_secret_set(&test, "auth-extra-groups", "system:masters");
    tell(authenticator, &test);
    const struct store_event synced = test_synced_event();
    authenticator_handle_event(authenticator, &synced);
    return authenticator;
}

static const struct {
    struct span token;
    enum status want;
} questions[] = {
    { SPAN_LITERAL(TEST_TOKEN), ST_OK },
    { SPAN_LITERAL("abcdef.0123456789abcdeg"), ST_TOKEN_SECRET_MISMATCH }, /* last byte */
    { SPAN_LITERAL("abcdef.z123456789abcdef"), ST_TOKEN_SECRET_MISMATCH }, /* first byte */
    { SPAN_LITERAL("zzzzzz.0123456789abcdef"), ST_TOKEN_ID_UNKNOWN },
    { SPAN_LITERAL("expird.0123456789abcdef"), ST_TOKEN_EXPIRED },
    { SPAN_LITERAL("expird.zzzzzzzzzzzzzzzz"), ST_TOKEN_SECRET_MISMATCH },
    { SPAN_LITERAL("going0.0123456789abcdef"), ST_SECRET_BEING_DELETED },
    { SPAN_LITERAL("going0.zzzzzzzzzzzzzzzz"), ST_SECRET_BEING_DELETED },
    { SPAN_LITERAL("nogrps.0123456789abcdef"), ST_GROUPS_INVALID },
};

static void ask_all(const struct authenticator *authenticator)
{
    for (size_t i = 0; i < COUNTOF(questions); i++) {
        const struct question question = { .token = questions[i].token, .now = { .sec = NOW_SEC } };
        struct decision decision;
        urcu_bp_read_lock();
        authenticator_decide(authenticator, &question, &decision);
        urcu_bp_read_unlock();
        require(decision.why == questions[i].want, status_label(questions[i].want));
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc == 2 ? argv[1] : "";
    run.mode = declared_mode_of(mode);
    require(run.mode != MODE_NONE, "the mode is library, memcmp or undeclared");
    require(RUNNING_ON_VALGRIND, "this runs under valgrind");
    struct authenticator *authenticator = make();
    size_t pieces = 0;
    authenticator_taint(authenticator, declared_undefined, &pieces);
    require(pieces == 6, "four digests, the dummy's and the key were marked");
    ask_all(authenticator);
    require(run.comparisons == COUNTOF(questions), "every question is one comparison");
    require(run.undefined_results == run.comparisons, "every comparison was of marked bytes");
    authenticator_taint(authenticator, declared_defined, NULL);
    authenticator = authenticator_free(authenticator);
    return EXIT_SUCCESS;
}
