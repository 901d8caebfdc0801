/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of a name, and what never is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/shown_name.h"

#define TEN "1234567890"

static void test_shown_name_shows_plain_names_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct span given;
        const char *want;
    } rows[] = {
        { "nothing", { NULL, 0 }, "" },
        { "a name", SPAN_LITERAL("a-1.B"), "a-1.B" },
        { "bytes that a terminal obeys", SPAN_LITERAL("a\x1b[2J\nb\0c"), "a??2J?b?c" },
        { "80 bytes", SPAN_LITERAL(TEN TEN TEN TEN TEN TEN TEN TEN),
          TEN TEN TEN TEN TEN TEN TEN TEN },
        { "81 bytes", SPAN_LITERAL(TEN TEN TEN TEN TEN TEN TEN TEN "1"),
          TEN TEN TEN TEN TEN TEN TEN TEN "..." },
        { "a token's Secret", SPAN_LITERAL("bootstrap-token-abcdef"), "bootstrap-token-abcdef" },
        { "a whole token", SPAN_LITERAL("bootstrap-token-abcdef.0123456789abcdef"),
          "bootstrap-token-abcdef..." },
        { "a short one", SPAN_LITERAL("bootstrap-token-a"), "bootstrap-token-a" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct shown_name shown = shown_name_of(rows[i].given);
        if (strcmp(shown.text, rows[i].want) != 0) {
            fail_msg("%s: %s", rows[i].name, shown.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shown_name_shows_plain_names_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
