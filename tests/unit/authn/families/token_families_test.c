/* SPDX-License-Identifier: Apache-2.0 */
/* The table of families: every id has one, and it is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "authn/families/token_families.h"

static void test_token_families_every_id_has_a_whole_one(void **state)
{
    (void)state;
    assert_null(token_families[AUTHENTICATOR_NONE]);
    for (size_t id = AUTHENTICATOR_NONE + 1; id < AUTHENTICATOR_COUNT_; id++) {
        const struct token_family_ops *ops = token_families[id];
        assert_non_null(ops);
        assert_int_equal(ops->id, id);
        assert_non_null(ops->form);
        assert_true(ops->create && ops->free && ops->feeds && ops->handle_event);
        assert_true(ops->is_synced && ops->fits && ops->authenticate && ops->stats && ops->taint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_families_every_id_has_a_whole_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
