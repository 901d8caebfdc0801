/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Target: authenticator_decide() on arbitrary tokens.
 *
 * Properties: a yes only for a token that is byte for byte one of the live ones, and for each of
 * those; a yes grants the audience asked for and names the right user; an error has a text and
 * nothing else has; nothing but a token ID is ever handed back.
 */
#include <urcu/urcu-bp.h>

#include "authn/authenticator.h"
#include "authn/bootstrap.h"
#include "fuzz.h"
#include "support/secret_builder.h"

#define NOW_SEC INT64_C(1748779200) /* 2025-06-01T12:00:00Z */

/* TEST-ONLY tokens. What is changed in the Secret decides whether they live. */
static const struct {
    const char *id;
    const char *token_secret;
    const char *key; /* NULL: nothing is changed */
    const char *value;
    bool live;
} tokens[] = {
    { "abcdef", "0123456789abcdef", NULL, NULL, true },
    { "000000", "0000000000000000", "expiration", "2109-11-10T23:00:00Z", true },
    { "zzzzzz", "zzzzzzzzzzzzzzzz", "auth-extra-groups", "system:bootstrappers:a", true },
    { "expird", "0123456789abcdef", "expiration", "2025-06-01T12:00:00Z", false },
    { "badexp", "0123456789abcdef", "expiration", "soon", false },
    { "nousag", "0123456789abcdef", "usage-bootstrap-authentication", "True", false },
    { "badgrp", "0123456789abcdef", "auth-extra-groups", "system:masters", false },
    { "badid0", "0123456789abcdef", "token-id", "other0", false },
    { "long00", "0123456789abcdefg", NULL, NULL, false },
    { "upper0", "0123456789ABCDEF", NULL, NULL, false },
    { "empty0", "", NULL, NULL, false },
};

static struct authenticator *make(void)
{
    struct authenticator *authenticator = NULL;
    const struct span api = SPAN_LITERAL("api");
    const struct token_family_choice bootstrap = { .ops = &bootstrap_ops };
    const struct authenticator_options options = {
        .families = &bootstrap, .family_count = 1, .api_audiences = &api, .api_audience_count = 1
    };
    FUZZ_REQUIRE(authenticator_new(&options, &authenticator, NULL) == ST_OK);
    for (size_t i = 0; i < COUNTOF(tokens); i++) {
        struct test_secret test;
        test_secret_token(&test, tokens[i].id, tokens[i].token_secret);
        if (tokens[i].key) {
            test_secret_set(&test, tokens[i].key, tokens[i].value);
        }
        const struct store_event event = test_secret_event(&test, STORE_ADDED);
        authenticator_handle_event(authenticator, &event);
    }
    const struct store_event synced = test_synced_event();
    authenticator_handle_event(authenticator, &synced);
    return authenticator;
}

static bool is_live(struct span token)
{
    for (size_t i = 0; i < COUNTOF(tokens); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%s.%s", tokens[i].id, tokens[i].token_secret);
        if (tokens[i].live && span_equal(token, span_of(text))) {
            return true;
        }
    }
    return false;
}

static void require_whole(const struct decision *decision, struct span token)
{
    if (decision->result == DECISION_ALLOW) {
        FUZZ_REQUIRE(decision->why == ST_OK && decision->granted.words[0] == 1);
        FUZZ_REQUIRE(decision->user.name.len == strlen("system:bootstrap:") + 6);
        FUZZ_REQUIRE(memcmp(decision->user.name.at + strlen("system:bootstrap:"), token.at, 6) ==
                     0);
    } else {
        FUZZ_REQUIRE(decision->why != ST_OK && decision->granted.words[0] == 0);
        FUZZ_REQUIRE(decision->user.name.len == 0 && !decision->user.groups);
    }
    FUZZ_REQUIRE((decision->result == DECISION_ERROR) == (decision->error.len > 0));
    FUZZ_REQUIRE(decision->token_id.len == 0 || (decision->token_id.len == 6 && token.len == 23 &&
                                                 decision->token_id.at == token.at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct authenticator *authenticator; /* one for all inputs: decide() changes nothing */
    if (!authenticator) {
        authenticator = make();
    }
    char *copy = fuzz_copy(data, size);
    const struct span api = SPAN_LITERAL("api");
    const struct question question = { .token = { .at = copy, .len = size },
                                       .has_audiences = true,
                                       .audiences = &api,
                                       .audience_count = 1,
                                       .now = { .sec = NOW_SEC } };
    struct decision decision;
    urcu_bp_read_lock();
    authenticator_decide(authenticator, &question, &decision);
    FUZZ_REQUIRE((decision.result == DECISION_ALLOW) == is_live(question.token));
    require_whole(&decision, question.token);
    urcu_bp_read_unlock();
    free(copy);
    return 0;
}
