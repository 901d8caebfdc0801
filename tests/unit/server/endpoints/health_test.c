/* SPDX-License-Identifier: Apache-2.0 */
/* Health pages: Kubernetes' texts and codes for each page, query and state of the checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/endpoints/health.h"

struct outcome {
    bool passed;
    const char *remark;
    int runs;
};

static bool run_outcome(void *ctx, char *ret_remark)
{
    struct outcome *outcome = ctx;
    outcome->runs++;
    assert_string_equal(ret_remark, "");
    snprintf(ret_remark, HEALTH_REMARK_MAX, "%s", outcome->remark);
    return outcome->passed;
}

enum state { ALL_OK, SYNC_FAILS, PING_FAILS, REMARK_ON_MANIFESTS };

#define WARN "warn: some health checks cannot be excluded: no matches for "

static const struct {
    const char *name;
    enum state state;
    enum health_page page;
    const char *check;
    const char *query;
    unsigned code;
    const char *want;
} rows[] = {
    { "readyz, all pass", ALL_OK, HEALTH_READYZ, "", "", 200, "ok" },
    { "readyz?verbose", ALL_OK, HEALTH_READYZ, "", "verbose", 200,
      "[+]ping ok\n[+]informer-sync ok\n[+]manifests ok\nreadyz check passed\n" },
    { "verbose with any value", ALL_OK, HEALTH_LIVEZ, "", "verbose=false", 200,
      "[+]ping ok\nlivez check passed\n" },
    { "verbose with an empty value", ALL_OK, HEALTH_LIVEZ, "", "verbose=", 200,
      "[+]ping ok\nlivez check passed\n" },
    { "healthz has livez's checks", ALL_OK, HEALTH_HEALTHZ, "", "verbose", 200,
      "[+]ping ok\nhealthz check passed\n" },
    { "a longer name is not verbose", ALL_OK, HEALTH_LIVEZ, "", "verbosely&averbose", 200, "ok" },
    { "an escaped key counts", ALL_OK, HEALTH_LIVEZ, "", "ver%62os%65", 200,
      "[+]ping ok\nlivez check passed\n" },
    { "a failure is always listed", SYNC_FAILS, HEALTH_READYZ, "", "", 500,
      "[+]ping ok\n[-]informer-sync failed: no sync yet\n[+]manifests ok\nreadyz check failed\n" },
    { "what is not part of livez does not fail it", SYNC_FAILS, HEALTH_LIVEZ, "", "", 200, "ok" },
    { "what is part of livez fails it", PING_FAILS, HEALTH_LIVEZ, "", "", 500,
      "[-]ping failed\nlivez check failed\n" },
    { "a failed check excluded", SYNC_FAILS, HEALTH_READYZ, "", "exclude=informer-sync", 200,
      "ok" },
    { "excluded and verbose", SYNC_FAILS, HEALTH_READYZ, "", "verbose&exclude=informer-sync", 200,
      "[+]ping ok\n[+]informer-sync excluded: ok\n[+]manifests ok\nreadyz check passed\n" },
    { "exclude twice", SYNC_FAILS, HEALTH_READYZ, "", "exclude=ping&exclude=informer-sync&verbose",
      200,
      "[+]ping excluded: ok\n[+]informer-sync excluded: ok\n[+]manifests ok\nreadyz check "
      "passed\n" },
    { "excluding another does not help", SYNC_FAILS, HEALTH_READYZ, "", "exclude=ping", 500,
      "[+]ping excluded: ok\n[-]informer-sync failed: no sync yet\n[+]manifests ok\n"
      "readyz check failed\n" },
    { "an excluded name is decoded", SYNC_FAILS, HEALTH_READYZ, "", "exclude=informer%2Dsync", 200,
      "ok" },
    { "lower-case hex", SYNC_FAILS, HEALTH_READYZ, "", "exclude=informer%2dsync", 200, "ok" },
    { "a prefix excludes nothing", SYNC_FAILS, HEALTH_READYZ, "", "exclude=informer", 500,
      "[+]ping ok\n[-]informer-sync failed: no sync yet\n[+]manifests ok\n" WARN
      "\"informer\"\nreadyz check failed\n" },
    { "unmatched names are sorted, unique and quoted", ALL_OK, HEALTH_LIVEZ, "",
      "exclude=z&verbose&exclude=a%22%0a&exclude=z&exclude=ping", 200,
      "[+]ping excluded: ok\n" WARN "\"a\\\"\\n\",\"z\"\nlivez check passed\n" },
    { "an unmatched name does not show without verbose", ALL_OK, HEALTH_LIVEZ, "", "exclude=x", 200,
      "ok" },
    { "plus is a space", ALL_OK, HEALTH_LIVEZ, "", "exclude=a+b&verbose", 200,
      "[+]ping ok\n" WARN "\"a b\"\nlivez check passed\n" },
    { "an empty name matches nothing", ALL_OK, HEALTH_LIVEZ, "", "exclude&verbose", 200,
      "[+]ping ok\n" WARN "\"\"\nlivez check passed\n" },
    { "a bad escape drops its pair only", ALL_OK, HEALTH_LIVEZ, "", "exclude=p%zzing&verbose", 200,
      "[+]ping ok\nlivez check passed\n" },
    { "an escape cut off", ALL_OK, HEALTH_LIVEZ, "", "verbose&exclude=ping%2", 200,
      "[+]ping ok\nlivez check passed\n" },
    { "a semicolon drops its pair", ALL_OK, HEALTH_LIVEZ, "", "exclude=ping;x=y&verbose", 200,
      "[+]ping ok\nlivez check passed\n" },
    { "empty pairs", ALL_OK, HEALTH_LIVEZ, "", "&&=&&", 200, "ok" },
    { "a remark shows when verbose", REMARK_ON_MANIFESTS, HEALTH_READYZ, "", "verbose", 200,
      "[+]ping ok\n[+]informer-sync ok\n[+]manifests ok: a b.yaml:1: bad\nreadyz check passed\n" },
    { "a remark does not show otherwise", REMARK_ON_MANIFESTS, HEALTH_READYZ, "", "", 200, "ok" },
    { "one check", ALL_OK, HEALTH_READYZ, "ping", "", 200, "ok" },
    { "one check, verbose", REMARK_ON_MANIFESTS, HEALTH_READYZ, "manifests", "verbose", 200,
      "[+]manifests ok: a b.yaml:1: bad\nreadyz check passed\n" },
    { "one check fails", SYNC_FAILS, HEALTH_READYZ, "informer-sync", "", 500,
      "internal server error: no sync yet\n" },
    { "one check fails, verbose", SYNC_FAILS, HEALTH_READYZ, "informer-sync", "verbose", 500,
      "[-]informer-sync failed: no sync yet\nreadyz check failed\n" },
    { "one check passes while another fails", SYNC_FAILS, HEALTH_READYZ, "ping", "", 200, "ok" },
    { "one check cannot be excluded away", SYNC_FAILS, HEALTH_READYZ, "informer-sync",
      "exclude=informer-sync", 500, "internal server error: no sync yet\n" },
    { "an unknown check", ALL_OK, HEALTH_READYZ, "pong", "", 404, "404 page not found\n" },
    { "a check's prefix", ALL_OK, HEALTH_READYZ, "pin", "", 404, "404 page not found\n" },
    { "a check that is not part of livez", ALL_OK, HEALTH_LIVEZ, "informer-sync", "", 404,
      "404 page not found\n" },
};

static void check_row(size_t i)
{
    struct outcome ping = { .passed = rows[i].state != PING_FAILS, .remark = "" };
    struct outcome sync = { .passed = rows[i].state != SYNC_FAILS, .remark = "" };
    struct outcome manifests = { .passed = true, .remark = "" };
    if (rows[i].state == SYNC_FAILS) {
        sync.remark = "no sync yet";
    }
    if (rows[i].state == REMARK_ON_MANIFESTS) {
        manifests.remark = "a\nb.yaml:1: bad";
    }
    const struct health_check checks[] = {
        { .name = "ping", .livez = true, .run = run_outcome, .ctx = &ping },
        { .name = "informer-sync", .run = run_outcome, .ctx = &sync },
        { .name = "manifests", .run = run_outcome, .ctx = &manifests },
    };
    struct buf buf = { 0 };
    buf_append_text(&buf, "before:");
    const unsigned code = health_build(&buf, rows[i].page, span_of(rows[i].check),
                                       span_of(rows[i].query), checks, COUNTOF(checks));
    buf_append_char(&buf, '\0');
    assert_false(buf.failed);
    assert_memory_equal(buf.at, "before:", 7);
    if (code != rows[i].code || strcmp(buf.at + 7, rows[i].want) != 0) {
        fail_msg("%s: got %u %s", rows[i].name, code, buf.at + 7);
    }
    assert_in_range(ping.runs, 0, 1);
    assert_in_range(sync.runs, 0, 1);
    buf_fini(&buf);
}

static void test_health_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        check_row(i);
    }
}

static void test_health_excluded_check_is_not_run(void **state)
{
    (void)state;
    struct outcome ping = { .passed = true, .remark = "" };
    const struct health_check checks[] = {
        { .name = "ping", .livez = true, .run = run_outcome, .ctx = &ping },
    };
    struct buf buf = { 0 };
    assert_int_equal(
        health_build(&buf, HEALTH_LIVEZ, span_of(""), span_of("exclude=ping"), checks, 1), 200);
    assert_int_equal(ping.runs, 0);
    buf_fini(&buf);
}

/* Past the limit a name is ignored, and its check counts. */
static void test_health_too_many_excludes_are_ignored(void **state)
{
    (void)state;
    for (unsigned before = HEALTH_EXCLUDE_MAX - 1; before <= HEALTH_EXCLUDE_MAX; before++) {
        struct buf query = { 0 };
        for (unsigned i = 0; i < before; i++) {
            buf_printf(&query, "exclude=x%u&", i);
        }
        buf_append_text(&query, "exclude=ping");
        struct outcome ping = { .passed = false, .remark = "" };
        const struct health_check checks[] = {
            { .name = "ping", .livez = true, .run = run_outcome, .ctx = &ping },
        };
        struct buf buf = { 0 };
        const unsigned want = before < HEALTH_EXCLUDE_MAX ? 200 : 500;
        assert_int_equal(health_build(&buf, HEALTH_LIVEZ, span_of(""), buf_span(&query), checks, 1),
                         want);
        buf_fini(&buf);
        buf_fini(&query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_rows),
        cmocka_unit_test(test_health_excluded_check_is_not_run),
        cmocka_unit_test(test_health_too_many_excludes_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
