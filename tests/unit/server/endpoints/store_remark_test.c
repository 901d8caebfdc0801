/* SPDX-License-Identifier: Apache-2.0 */
/* What readyz says of a store in each state, and that the longest remark fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/endpoints/store_remark.h"

#define NOT_SYNCED "the first synchronization of Secrets is not complete"
#define PROBLEMS(n) \
    "inputs with problems: " n "; their last good objects, if any, are served (see the log)"
#define UNSAFE(n)    "manifests and directories that others can change: " n " (see the log)"
#define LINKS_OUT(n) "links that lead out of the directory: " n
#define NO_CONTACT   "no contact with the Kubernetes API server since 2026-01-02T03:04:05Z"
#define KNOWN_THEN   "; answering from what was known then"

#define CONTACT_SEC INT64_C(1767323045)

static const struct {
    const char *name;
    struct store_stats stats;
    const char *want;
} rows[] = {
    { "a directory", { .is_synced = true }, "" },
    { "a directory with problems", { .is_synced = true, .problems = 2 }, PROBLEMS("2") },
    { "a directory that is still being written, with problems", { .problems = 2 }, PROBLEMS("2") },
    { "manifests that others can change", { .is_synced = true, .unsafe_files = 2 }, UNSAFE("2") },
    { "links that lead out", { .is_synced = true, .links_out = 3 }, LINKS_OUT("3") },
    { "all three",
      { .is_synced = true, .problems = 1, .unsafe_files = 2, .links_out = 3 },
      PROBLEMS("1") "; " UNSAFE("2") "; " LINKS_OUT("3") },
    { "manifests that others can change, and an API server that is away",
      { .is_synced = true, .is_remote = true, .last_contact_sec = CONTACT_SEC, .unsafe_files = 1 },
      NO_CONTACT KNOWN_THEN "; " UNSAFE("1") },
    { "an API server",
      { .is_synced = true,
        .is_remote = true,
        .is_connected = true,
        .last_contact_sec = CONTACT_SEC },
      "" },
    { "an API server with problems",
      { .is_synced = true,
        .is_remote = true,
        .is_connected = true,
        .problems = 3,
        .last_contact_sec = CONTACT_SEC },
      PROBLEMS("3") },
    { "an API server that is away",
      { .is_synced = true,
        .is_remote = true,
        .last_contact_sec = CONTACT_SEC,
        .last_failure = ST_UNAVAILABLE },
      NO_CONTACT ": the server cannot be reached or does not answer as it should" KNOWN_THEN },
    { "an API server whose watch has just ended",
      { .is_synced = true, .is_remote = true, .last_contact_sec = CONTACT_SEC },
      NO_CONTACT KNOWN_THEN },
    { "lost contact outweighs the other problems",
      { .is_synced = true,
        .is_remote = true,
        .problems = 1,
        .last_contact_sec = CONTACT_SEC,
        .last_failure = ST_FORBIDDEN },
      NO_CONTACT ": the API server does not allow it" KNOWN_THEN },
    { "before the first sync contact is informer-sync's affair",
      { .is_remote = true, .problems = 1, .last_failure = ST_UNAVAILABLE },
      "" },
};

static void test_store_remark_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char remark[HEALTH_REMARK_MAX] = "";
        print_message("# %s\n", rows[i].name);
        store_remark(&rows[i].stats, remark);
        assert_string_equal(remark, rows[i].want);
    }
}

static void test_store_remark_before_sync_names_the_last_failure(void **state)
{
    (void)state;
    char remark[HEALTH_REMARK_MAX] = "";
    struct store_stats stats = { .is_remote = true };
    store_remark_before_sync(&stats, remark);
    assert_string_equal(remark, NOT_SYNCED);
    stats.last_failure = ST_TIMEOUT;
    store_remark_before_sync(&stats, remark);
    assert_string_equal(remark, NOT_SYNCED ": the server did not answer in time");
}

static void test_store_remark_of_a_cluster_says_what_its_tokens_get(void **state)
{
    (void)state;
    char remark[HEALTH_REMARK_MAX] = "";
    struct store_stats stats = { .is_remote = true };
    store_remark_cluster(&stats, remark);
    assert_string_equal(remark, "not everything has been read yet; its tokens get an error until "
                                "then");
    stats.last_failure = ST_TIMEOUT;
    store_remark_cluster(&stats, remark);
    assert_string_equal(remark, "not everything has been read yet: the server did not answer in "
                                "time; its tokens get an error until then");
    stats.is_synced = true;
    stats.last_contact_sec = CONTACT_SEC;
    store_remark_cluster(&stats, remark);
    assert_string_equal(remark, NO_CONTACT ": the server did not answer in time" KNOWN_THEN);
    stats.is_connected = true;
    remark[0] = '\0';
    store_remark_cluster(&stats, remark);
    assert_string_equal(remark, "");
}

static void test_store_remark_fits_whatever_the_failure(void **state)
{
    (void)state;
    for (enum status status = 0; status < STATUS_COUNT_; status++) {
        const struct store_stats stats = {
            .is_synced = true,
            .is_remote = true,
            .last_contact_sec = CONTACT_SEC,
            .last_failure = status,
            .unsafe_files = 200000, /* as many as there may be */
            .links_out = 200000,
        };
        char remark[HEALTH_REMARK_MAX] = "";
        store_remark(&stats, remark);
        const size_t len = strlen(remark);
        static const char end[] = KNOWN_THEN "; " UNSAFE("200000") "; " LINKS_OUT("200000");
        assert_true(len > strlen(end));
        assert_string_equal(remark + len - strlen(end), end); /* nothing was cut */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_remark_rows),
        cmocka_unit_test(test_store_remark_before_sync_names_the_last_failure),
        cmocka_unit_test(test_store_remark_of_a_cluster_says_what_its_tokens_get),
        cmocka_unit_test(test_store_remark_fits_whatever_the_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
