/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of bytes that are no UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "document/utf8_repair.h"
#include "support/alloc_fail.h"

#define FFFD "\xef\xbf\xbd"

static void test_utf8_repair_rows(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        struct span want;
        size_t damage;
    } repairs[] = {
        { SPAN_LITERAL(""), SPAN_LITERAL(""), 0 },
        { SPAN_LITERAL("a\0\xc3\xa9\xf0\x9f\x98\x80"), SPAN_LITERAL("a\0\xc3\xa9\xf0\x9f\x98\x80"),
          8 },
        { SPAN_LITERAL(FFFD), SPAN_LITERAL(FFFD), 3 },
        { SPAN_LITERAL("caf\xe9\n"), SPAN_LITERAL("caf" FFFD "\n"), 3 },
        { SPAN_LITERAL("a\xff\xff"), SPAN_LITERAL("a" FFFD FFFD), 1 },
        { SPAN_LITERAL("\xc3"), SPAN_LITERAL(FFFD), 0 },
        { SPAN_LITERAL("\xe2\x82\n"), SPAN_LITERAL(FFFD "\n"), 0 },
        { SPAN_LITERAL("\xe2\x82"), SPAN_LITERAL(FFFD), 0 },
        { SPAN_LITERAL("\xf0\x9f\x99 x"), SPAN_LITERAL(FFFD " x"), 0 },
        { SPAN_LITERAL("\xf0\x9f\x99\xff"), SPAN_LITERAL(FFFD FFFD), 0 },
        { SPAN_LITERAL("\xf0\x9f\xc3\xa9"), SPAN_LITERAL(FFFD "\xc3\xa9"), 0 },
        { SPAN_LITERAL("\xc0\xaf \xed\xa0\x80"), SPAN_LITERAL(FFFD FFFD " " FFFD FFFD FFFD), 0 },
        { SPAN_LITERAL("\xe0\x80\xf4\x90"), SPAN_LITERAL(FFFD FFFD FFFD FFFD), 0 },
    };
    for (size_t i = 0; i < COUNTOF(repairs); i++) {
        struct buf got = { 0 };
        size_t damage = 99;
        assert_int_equal(utf8_repair(repairs[i].text, repairs[i].want.len, &got, &damage), ST_OK);
        assert_true(span_equal(buf_span(&got), repairs[i].want));
        assert_int_equal(damage, repairs[i].damage);
        buf_fini(&got);
        damage = 99;
        if (repairs[i].want.len > 0) {
            assert_int_equal(utf8_repair(repairs[i].text, repairs[i].want.len - 1, &got, &damage),
                             ST_LIMIT);
        }
        assert_null(got.at); /* no memory was taken for it */
        assert_int_equal(damage, 99);
    }
}

/* What is longer by its damage takes one allocation, too. */
static void test_utf8_repair_takes_memory_once(void **state)
{
    (void)state;
    char text[4096];
    if (!alloc_fail_is_available()) {
        return;
    }
    memset(text, 0xff, sizeof(text));
    for (size_t nth = 1; nth <= 2; nth++) {
        struct buf got = { .is_secret = true };
        size_t damage;
        alloc_fail_arm(nth);
        const enum status status =
            utf8_repair((struct span){ text, sizeof(text) }, SIZE_MAX, &got, &damage);
        assert_int_equal(alloc_fail_disarm(), nth == 1);
        assert_int_equal(status, nth == 1 ? ST_NOMEM : ST_OK);
        buf_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_repair_rows),
        cmocka_unit_test(test_utf8_repair_takes_memory_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
