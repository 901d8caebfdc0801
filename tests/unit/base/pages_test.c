/* SPDX-License-Identifier: Apache-2.0 */
/* Memory in whole pages: zeroed, huge only where it is large, and gone when it is given back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/pages.h"
#include "support/alloc_fail.h"
#include "support/huge_pages.h"

static const struct {
    const char *name;
    size_t len;
    size_t huge_kib;
} rows[] = {
    { "one byte", 1, 0 },
    { "a page", 4096, 0 },
    { "a huge page's bytes", PAGES_HUGE_BYTES, 0 },
    { "just too small", PAGES_LARGE_BYTES - 1, 0 },
    { "just large enough", PAGES_LARGE_BYTES, 16384 },
    { "and a byte", PAGES_LARGE_BYTES + 1, 16388 },
    { "a hundred of them", 100 * PAGES_LARGE_BYTES, 1638400 },
};

static void test_pages_rows(void **state)
{
    (void)state;
    const bool known = huge_pages_are_known();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const size_t before = huge_pages_kib();
        char *at = pages_new(rows[i].len);
        assert_non_null(at);
        const size_t asked = huge_pages_kib() - before;
        if (known && asked != rows[i].huge_kib) {
            fail_msg("%s: %zu KiB of huge pages", rows[i].name, asked);
        }
        assert_int_equal((uintptr_t)at % (rows[i].huge_kib ? PAGES_HUGE_BYTES : 4096), 0);
        assert_int_equal(at[0] | at[rows[i].len / 2] | at[rows[i].len - 1], 0);
        at[0] = at[rows[i].len - 1] = 1;
        pages_free(at, rows[i].len);
        assert_int_equal(msync(at, 4096, MS_ASYNC), -1);
        assert_int_equal(errno, ENOMEM); /* nothing is mapped there */
    }
    pages_free(NULL, 1);
}

static void test_pages_more_than_there_is_is_refused(void **state)
{
    (void)state;
    assert_null(pages_new(SIZE_MAX));
    assert_null(pages_new(SIZE_MAX / 2));
    assert_null(pages_new((size_t)1 << 60));
    if (!alloc_fail_is_available()) {
        return;
    }
    alloc_fail_arm(1);
    assert_null(pages_new(1));
    assert_true(alloc_fail_disarm());
    alloc_fail_arm(1);
    assert_null(pages_new(PAGES_LARGE_BYTES));
    assert_true(alloc_fail_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_rows),
        cmocka_unit_test(test_pages_more_than_there_is_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
