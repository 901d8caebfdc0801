/* SPDX-License-Identifier: Apache-2.0 */
/* "did you mean": what is near, what is not, and what may be repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/suggest.h"

static const char *const names[] = { "serve",       "check-config",   "review",     "secure-port",
                                     "tlsCertFile", "client-ca-file", "token-file", "v" };

static const struct {
    const char *name;
    const char *word;
    const char *want; /* NULL: nothing is near */
} rows[] = {
    { "the same", "serve", "serve" },
    { "a letter missing", "srve", "serve" },
    { "a letter too many", "servee", "serve" },
    { "another letter", "sarve", "serve" },
    { "neighbours swapped", "sevre", "serve" },
    { "case does not count", "SERVE", "serve" },
    { "dashes do not count", "checkconfig", "check-config" },
    { "underscores do not count", "client_ca_file", "client-ca-file" },
    { "the flag's form of a member", "tls-cert-file", "tlsCertFile" },
    { "a beginning", "token", "token-file" },
    { "a short beginning is not enough", "to", NULL },
    { "far away", "kubectl", NULL },
    { "a third of the letters wrong is near", "secxre-pyrt", "secure-port" },
    { "half of them is not", "sxcxrx-pxrx", NULL },
    { "another letter is not a one-letter name", "x", NULL },
    { "empty", "", NULL },
};

static void test_suggest_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct suggest suggest;
        suggest_begin(&suggest, span_of(rows[i].word));
        for (size_t j = 0; j < COUNTOF(names); j++) {
            suggest_offer(&suggest, names[j]);
        }
        print_message("# %s\n", rows[i].name);
        if (rows[i].want) {
            assert_non_null(suggest_best(&suggest));
            assert_string_equal(suggest_best(&suggest), rows[i].want);
        } else {
            assert_null(suggest_best(&suggest));
        }
    }
}

static void test_suggest_takes_the_nearest_whatever_the_order(void **state)
{
    (void)state;
    struct suggest suggest;
    suggest_begin(&suggest, SPAN_LITERAL("reviev"));
    suggest_offer(&suggest, "revise");
    suggest_offer(&suggest, "review");
    suggest_offer(&suggest, "relief");
    assert_string_equal(suggest_best(&suggest), "review");
}

static const struct {
    const char *name;
    struct span word;
    bool quotable;
} quotable_rows[] = {
    { "a name", SPAN_LITERAL("secure-port"), true },
    { "a member", SPAN_LITERAL("clientCAFile_2"), true },
    { "a bootstrap token", SPAN_LITERAL("abcdef.0123456789abcdef"), false }, /* TEST-ONLY */
    { "a JWT's form", SPAN_LITERAL("eyJh.eyJz.c2ln"), false },
    { "an escape sequence", SPAN_LITERAL("a\033[31m"), false },
    { "a blank", SPAN_LITERAL("a b"), false },
    { "not ASCII", SPAN_LITERAL("\xc3\xa9"), false },
    { "empty", SPAN_LITERAL(""), false },
    { "47 bytes", SPAN_LITERAL("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee"), true },
    { "48 bytes", SPAN_LITERAL("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeee"), false },
};

static void test_suggest_is_quotable_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(quotable_rows); i++) {
        print_message("# %s\n", quotable_rows[i].name);
        assert_int_equal(suggest_is_quotable(quotable_rows[i].word), quotable_rows[i].quotable);
    }
}

static void test_suggest_survives_long_words(void **state)
{
    (void)state;
    char word[500];
    memset(word, 'a', sizeof(word));
    struct suggest suggest;
    suggest_begin(&suggest, (struct span){ word, sizeof(word) });
    suggest_offer(&suggest,
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    suggest_offer(&suggest, "serve");
    assert_true(strlen(suggest.best) < SUGGEST_WORD_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suggest_rows),
        cmocka_unit_test(test_suggest_takes_the_nearest_whatever_the_order),
        cmocka_unit_test(test_suggest_is_quotable_rows),
        cmocka_unit_test(test_suggest_survives_long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
