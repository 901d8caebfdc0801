/* SPDX-License-Identifier: Apache-2.0 */
/* What readyz says of keys, from figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/endpoints/keys_remark.h"

/* A server's words, which must not reach the page. */
#define FAILURE(why)                                                      \
    {                                                                     \
        .status = (why), .file = "https://keys.example", .text = "<html>" \
    }

static const struct {
    const char *name;
    struct key_source_state keys;
    const char *want;
} rows[] = {
    { "well", { .has_keys = true, .success_sec = 1700000000, .key_count = 1 }, "" },
    { "well again",
      { .has_keys = true, .success_sec = 1700000000, .failure = FAILURE(ST_TIMEOUT) },
      "" },
    { "not asked yet", { 0 }, "no keys yet; its tokens get an error until then" },
    { "never had",
      { .is_failing = true, .failure_count = 1, .failure = FAILURE(ST_TIMEOUT) },
      "no keys yet: the server did not answer in time; its tokens get an error until then" },
    { "away",
      { .has_keys = true,
        .is_failing = true,
        .success_sec = 1700000000,
        .failure = FAILURE(ST_UNAVAILABLE) },
      "no keys could be had since 2023-11-14T22:13:20Z: the server cannot be reached or does not "
      "answer as it should; those of then are in use" },
    { "away for too long",
      { .is_failing = true, .success_sec = 1700000000, .failure = FAILURE(ST_TIMEOUT) },
      "no keys, for those of 2023-11-14T22:13:20Z are too old: the server did not answer in time; "
      "its tokens get an error" },
    { "asleep for too long",
      { .success_sec = 1700000000 },
      "no keys, for those of 2023-11-14T22:13:20Z are too old; its tokens get an error" },
    { "some that cannot be used",
      { .has_keys = true, .success_sec = 1700000000, .key_count = 1, .skipped_count = 2 },
      "keys that cannot be used: 2 (see the log)" },
};

static void test_keys_remark_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char remark[HEALTH_REMARK_MAX] = "";
        print_message("# %s\n", rows[i].name);
        keys_remark(&rows[i].keys, remark);
        assert_string_equal(remark, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_keys_remark_rows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
