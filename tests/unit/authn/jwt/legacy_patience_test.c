/* SPDX-License-Identifier: Apache-2.0 */
/* One wait a minute for each place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "authn/jwt/legacy_patience.h"

static struct legacy_patience patience;

static void test_legacy_patience_is_one_wait_a_minute(void **state)
{
    (void)state;
    patience = (struct legacy_patience){ 0 };
    assert_true(legacy_patience_take(&patience, 7, 600));
    assert_false(legacy_patience_take(&patience, 7, 600));
    assert_false(legacy_patience_take(&patience, 7, 659));
    assert_true(legacy_patience_take(&patience, 7, 660));
    assert_true(legacy_patience_take(&patience, 7, 599)); /* a clock that was set back */
}

static void test_legacy_patience_of_tokens_that_share_a_place_is_shared(void **state)
{
    (void)state;
    patience = (struct legacy_patience){ 0 };
    assert_true(legacy_patience_take(&patience, 1, 600));
    assert_true(legacy_patience_take(&patience, 2, 600));
    assert_false(legacy_patience_take(&patience, 1 + LEGACY_PATIENCE_PLACES, 600));
}

static void test_legacy_patience_takes_any_instant(void **state)
{
    (void)state;
    patience = (struct legacy_patience){ 0 };
    assert_true(legacy_patience_take(&patience, UINT64_MAX, INT64_MIN));
    assert_false(legacy_patience_take(&patience, UINT64_MAX, -1));
    assert_true(legacy_patience_take(&patience, UINT64_MAX, INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legacy_patience_is_one_wait_a_minute),
        cmocka_unit_test(test_legacy_patience_of_tokens_that_share_a_place_is_shared),
        cmocka_unit_test(test_legacy_patience_takes_any_instant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
