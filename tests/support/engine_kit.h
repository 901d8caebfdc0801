/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An authenticator that knows one TEST-ONLY token, fed by hand. */
#include <cmocka.h>

#include "authn/authenticator.h"
#include "authn/bootstrap.h"
#include "support/secret_builder.h"

/** engine_kit_make() - it knows TEST_TOKEN, of the user system:bootstrap:abcdef. @is_synced: and
 * has been told that this is all */
static inline struct authenticator *engine_kit_make(bool is_synced)
{
    static const struct span api_audiences[] = { { "api", 3 } };
    static const struct token_family_choice bootstrap = { .ops = &bootstrap_ops };
    const struct authenticator_options options = { .families = &bootstrap,
                                                   .family_count = 1,
                                                   .api_audiences = api_audiences,
                                                   .api_audience_count = 1 };
    struct authenticator *authenticator;
    struct test_secret secret;
    test_secret_token(&secret, TEST_TOKEN_ID, TEST_TOKEN_SECRET);
    const struct store_event added = test_secret_event(&secret, STORE_ADDED);
    const struct store_event synced = test_synced_event();
    assert_int_equal(authenticator_new(&options, &authenticator, NULL), ST_OK);
    authenticator_handle_event(authenticator, &added);
    if (is_synced) {
        authenticator_handle_event(authenticator, &synced);
    }
    return authenticator;
}
