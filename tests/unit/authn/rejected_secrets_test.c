/* SPDX-License-Identifier: Apache-2.0 */
/* The set of names of Secrets that were rejected for their namespace or name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "authn/rejected_secrets.h"

static bool put(struct rejected_secrets *rejected, const char *namespace, const char *name)
{
    bool is_new;
    assert_int_equal(rejected_secrets_put(rejected, span_of(namespace), span_of(name), &is_new),
                     ST_OK);
    return is_new;
}

static bool take_out(struct rejected_secrets *rejected, const char *namespace, const char *name)
{
    return rejected_secrets_remove(rejected, span_of(namespace), span_of(name));
}

static void test_rejected_secrets_are_new_once(void **state)
{
    (void)state;
    struct rejected_secrets *rejected;
    assert_int_equal(rejected_secrets_new(&rejected), ST_OK);
    assert_true(put(rejected, "default", "a"));
    assert_false(put(rejected, "default", "a"));
    assert_true(put(rejected, "other", "a"));
    assert_true(put(rejected, "default", "b"));
    assert_true(take_out(rejected, "default", "a"));
    assert_false(take_out(rejected, "default", "a"));
    assert_true(put(rejected, "default", "a"));
    rejected = rejected_secrets_free(rejected);
    assert_null(rejected);
}

/* Names that read alike when put behind each other are still two Secrets. */
static void test_rejected_secrets_keep_namespace_and_name_apart(void **state)
{
    (void)state;
    struct rejected_secrets *rejected;
    assert_int_equal(rejected_secrets_new(&rejected), ST_OK);
    assert_true(put(rejected, "ab", "c"));
    assert_true(put(rejected, "a", "bc"));
    assert_true(put(rejected, "", "abc"));
    assert_true(put(rejected, "abc", ""));
    assert_false(take_out(rejected, "", ""));
    assert_true(take_out(rejected, "a", "bc"));
    assert_true(take_out(rejected, "ab", "c"));
    rejected = rejected_secrets_free(rejected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rejected_secrets_are_new_once),
        cmocka_unit_test(test_rejected_secrets_keep_namespace_and_name_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
