/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for a question: as large as asked for, nothing for nothing, and wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "authn/scratch.h"
#include "support/alloc_fail.h"

static void test_scratch_wipe_leaves_nothing_and_keeps_the_memory(void **state)
{
    (void)state;
    static const char zeroes[64];
    struct scratch scratch;
    assert_int_equal(scratch_init(&scratch, sizeof(zeroes)), ST_OK);
    assert_int_equal(scratch.len, sizeof(zeroes));
    memset(scratch_use(&scratch, sizeof(zeroes)), 0xff, sizeof(zeroes));
    scratch_wipe(&scratch);
    assert_memory_equal(scratch.at, zeroes, sizeof(zeroes));
    scratch_fini(&scratch);
    assert_null(scratch.at);
    assert_int_equal(scratch.len, 0);
    scratch_fini(&scratch);
}

static void test_scratch_wipe_goes_as_far_as_any_use_of_the_question(void **state)
{
    (void)state;
    struct scratch scratch;
    assert_int_equal(scratch_init(&scratch, 64), ST_OK);
    unsigned char *at = scratch_use(&scratch, 32);
    assert_ptr_equal(scratch_use(&scratch, 8), at); /* less than before */
    memset(at, 0xff, 64);
    scratch_wipe(&scratch);
    assert_int_equal(at[31], 0);
    assert_int_equal(at[32], 0xff); /* nobody said so */
    memset(scratch_use(&scratch, 4), 0xff, 4);
    scratch_wipe(&scratch);
    assert_int_equal(at[3], 0);
    scratch_fini(&scratch);
}

static void test_scratch_of_no_bytes_is_none(void **state)
{
    (void)state;
    struct scratch scratch;
    assert_int_equal(scratch_init(&scratch, 0), ST_OK);
    assert_null(scratch.at);
    scratch_wipe(&scratch);
    scratch_fini(&scratch);
}

static void test_scratch_without_memory_is_none(void **state)
{
    (void)state;
    struct scratch scratch;
    if (!alloc_fail_is_available()) {
        return;
    }
    alloc_fail_arm(1);
    assert_int_equal(scratch_init(&scratch, 64), ST_NOMEM);
    assert_true(alloc_fail_disarm());
    assert_null(scratch.at);
    assert_int_equal(scratch.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scratch_wipe_leaves_nothing_and_keeps_the_memory),
        cmocka_unit_test(test_scratch_wipe_goes_as_far_as_any_use_of_the_question),
        cmocka_unit_test(test_scratch_of_no_bytes_is_none),
        cmocka_unit_test(test_scratch_without_memory_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
