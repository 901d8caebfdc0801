/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's queue of errors: emptied, and read for one thing only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "base/openssl_errors.h"

static void test_openssl_errors_drain_without_any(void **state)
{
    (void)state;
    ERR_clear_error();
    assert_int_equal(openssl_errors_drain(ST_INVALID), ST_INVALID);
    assert_int_equal(openssl_errors_drain(ST_OK), ST_OK);
}

static void test_openssl_errors_drain_tells_memory_from_others(void **state)
{
    (void)state;
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    assert_int_equal(openssl_errors_drain(ST_INVALID), ST_INVALID);
    ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    assert_int_equal(openssl_errors_drain(ST_INVALID), ST_NOMEM);
    assert_int_equal(openssl_errors_drain(ST_INVALID), ST_INVALID);
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openssl_errors_drain_without_any),
        cmocka_unit_test(test_openssl_errors_drain_tells_memory_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
