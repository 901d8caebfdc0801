/* SPDX-License-Identifier: Apache-2.0 */
/* What a flood of problems, and of their ends, leaves in the log: so many lines, and how many it
 * does not show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/problem_log.h"
#include "support/capture.h"

#define FLOOD 300

static struct capture capture;

struct fixture {
    struct manual_clock manual;
    struct loop *loop;
    struct log *log;
    struct problem_log problems;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){ 0 };
    capture_begin(&capture);
    const struct clock clock = clock_manual(&fixture.manual);
    assert_int_equal(log_new(STDERR_FILENO, LOG_FORMAT_TEXT, 0, clock, &fixture.log), ST_OK);
    assert_int_equal(loop_new(&fixture.loop), ST_OK);
    problem_log_init(&fixture.problems, fixture.log, clock);
    problem_log_open(&fixture.problems, fixture.loop);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    problem_log_close(&fixture->problems);
    fixture->loop = loop_free(fixture->loop);
    fixture->log = log_free(fixture->log);
    return 0;
}

static struct problem problem_of(enum status status, const char *file, const char *text)
{
    struct problem problem = { 0 };
    problem_set_file(&problem, file);
    problem_set(&problem, status, 0, 0, "%s", text);
    return problem;
}

static void flood(const struct fixture *fixture, problem_fn *fn, const struct problem *problem)
{
    for (int i = 0; i < FLOOD; i++) {
        fn((void *)(uintptr_t)&fixture->problems, problem);
    }
}

static size_t count(const char *text, const char *what)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what)) {
        found++;
    }
    return found;
}

/* Lines that begin with @severity. */
static size_t count_severe(const char *text, char severity)
{
    const char rest[] = { '\n', severity, '\0' };
    return (text[0] == severity) + count(text, rest);
}

static void keys(void *ctx, const struct problem *problem)
{
    problem_log_keys(ctx, "north", problem);
}

static void keys_resolved(void *ctx, const struct problem *problem)
{
    problem_log_keys_resolved(ctx, "north", problem);
}

static void keys_remark(void *ctx, const struct problem *problem)
{
    problem_log_keys_remark(ctx, "north", problem);
}

static const struct {
    const char *name;
    problem_fn *fn;
    enum status status;
    const char *line;
    const char *held_back;
    char severity; /* of both */
} rows[] = {
    { "manifests", problem_log_manifest, ST_SYNTAX, "\"Manifest problem\"",
      "\"Manifest problems held back\" dropped=290", 'W' },
    { "manifests resolved", problem_log_manifest_resolved, ST_OK, "\"Manifest problem resolved\"",
      "\"Resolved manifest problems held back\" dropped=290", 'I' },
    { "manifests that others can change", problem_log_manifest_remark, ST_UNSAFE,
      "\"Manifest remark\"", "\"Manifest remarks held back\" dropped=290", 'W' },
    { "objects", problem_log_kubernetes, ST_TYPE, "\"Kubernetes API problem\"",
      "\"Kubernetes API problems held back\" dropped=290", 'W' },
    { "objects resolved", problem_log_kubernetes_resolved, ST_OK,
      "\"Kubernetes API problem resolved\"",
      "\"Resolved Kubernetes API problems held back\" dropped=290", 'I' },
    { "contact", problem_log_kubernetes, ST_UNAVAILABLE, "\"Kubernetes API problem\"",
      "\"Kubernetes API problems held back\" dropped=290", 'W' },
    { "Secrets of the API server", problem_log_secret, ST_SECRET_WRONG_NAME,
      "\"Kubernetes API problem\"", "\"Kubernetes API problems held back\" dropped=290", 'W' },
    { "keys", keys, ST_TIMEOUT, "\"Verification keys problem\"",
      "\"Verification keys problems held back\" dropped=290", 'W' },
    { "keys resolved", keys_resolved, ST_OK, "\"Verification keys problem resolved\"",
      "\"Resolved verification keys problems held back\" dropped=290", 'I' },
    { "keys that cannot be used", keys_remark, ST_UNSUPPORTED,
      "\"Verification key cannot be used\"",
      "\"Verification keys that cannot be used held back\" dropped=290", 'W' },
};

static void test_problem_log_flood_is_cut_and_what_was_cut_is_said(void **state)
{
    struct fixture *fixture = *state;
    capture_end(&capture);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        print_message("# %s\n", rows[i].name);
        tear_down(state);
        set_up(state);
        const struct problem problem = problem_of(rows[i].status, "a.yaml", "bad");
        flood(fixture, rows[i].fn, &problem);
        const bool is_left_at_once = problem_log_tell_held_back(&fixture->problems);
        fixture->manual.monotonic_ns += 1000000000 / LOG_LIMIT_PER_SECOND;
        const bool is_left = problem_log_tell_held_back(&fixture->problems);
        (void)problem_log_tell_held_back(&fixture->problems); /* has nothing more to say */
        capture_end(&capture);
        assert_true(is_left_at_once);
        assert_false(is_left);
        assert_int_equal(count(capture.err, rows[i].line), LOG_LIMIT_BURST);
        assert_int_equal(count(capture.err, rows[i].held_back), 1);
        assert_int_equal(count(capture.err, "\n"), LOG_LIMIT_BURST + 1);
        assert_int_equal(count_severe(capture.err, rows[i].severity), LOG_LIMIT_BURST + 1);
    }
}

/* The next line says it as well, when it comes first. */
static void test_problem_log_next_line_says_what_was_cut(void **state)
{
    struct fixture *fixture = *state;
    const struct problem fine = problem_of(ST_OK, "a.yaml", "");
    flood(fixture, problem_log_manifest_resolved, &fine);
    fixture->manual.monotonic_ns += 1000000000;
    problem_log_manifest_resolved(&fixture->problems, &fine);
    const bool is_left = problem_log_tell_held_back(&fixture->problems);
    capture_end(&capture);
    assert_false(is_left);
    assert_int_equal(count(capture.err, "\n"), LOG_LIMIT_BURST + 1);
    assert_int_equal(count(capture.err, "file=\"a.yaml\" dropped=290\n"), 1);
}

static void test_problem_log_contact_is_not_lost_behind_objects(void **state)
{
    struct fixture *fixture = *state;
    struct problem lost = problem_of(ST_UNAVAILABLE, "https://api", "connection refused");
    const struct problem wrong = problem_of(ST_TYPE, "https://api", "Secret a/b: a number");
    const struct problem right = problem_of(ST_OK, "https://api", "Secret a/b: it can be read");
    flood(fixture, problem_log_kubernetes, &wrong);
    problem_log_kubernetes(&fixture->problems, &lost);
    lost.status = ST_OK; /* as the store tells its end */
    flood(fixture, problem_log_kubernetes_resolved, &right);
    problem_log_kubernetes_resolved(&fixture->problems, &lost);
    capture_end(&capture);
    assert_non_null(strstr(capture.err, "problem=\"connection refused\""));
    assert_non_null(strstr(capture.err, "what=\"connection refused\""));
}

static void test_problem_log_secret_of_a_manifest_is_a_manifests_problem(void **state)
{
    struct fixture *fixture = *state;
    struct problem problem = problem_of(ST_SECRET_WRONG_NAMESPACE, "a.yaml", "wrong namespace");
    problem.line = 7;
    problem_log_secret(&fixture->problems, &problem);
    capture_end(&capture);
    assert_non_null(strstr(capture.err, "\"Manifest problem\" file=\"a.yaml\" line=7 "));
}

static void test_problem_log_keys_say_whose_they_are(void **state)
{
    struct fixture *fixture = *state;
    const struct problem problem = problem_of(ST_TIMEOUT, "https://keys", "no answer");
    problem_log_keys(&fixture->problems, "north", &problem);
    problem_log_keys_resolved(&fixture->problems, "north", &problem);
    problem_log_keys_remark(&fixture->problems, "north", &problem);
    problem_log_keys(&fixture->problems, "", &problem);
    capture_end(&capture);
    assert_int_equal(count(capture.err, " cluster=\"north\" source=\"https://keys\" "), 3);
    assert_int_equal(count(capture.err, " cluster=\"\" source=\"https://keys\" "), 1);
}

/* The timer runs while something is held back, and then no more: the loop comes to its end. */
static void test_problem_log_timer_says_it_when_no_line_comes(void **state)
{
    struct fixture *fixture = *state;
    const struct problem fine = problem_of(ST_OK, "a.yaml", "");
    flood(fixture, problem_log_manifest_resolved, &fine);
    fixture->manual.monotonic_ns += 1000000000; /* the limit's clock; the timer has the real one */
    const bool was_active = uv_is_active((uv_handle_t *)&fixture->problems.timer);
    bool is_active = was_active;
    for (int turns = 0; is_active && turns < 5; turns++) { /* one may end a moment too early */
        (void)uv_run(loop_uv(fixture->loop), UV_RUN_ONCE);
        is_active = uv_is_active((uv_handle_t *)&fixture->problems.timer);
    }
    capture_end(&capture);
    assert_true(was_active);
    assert_false(is_active);
    assert_int_equal(count(capture.err, "held back\" dropped=290"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_problem_log_flood_is_cut_and_what_was_cut_is_said),
        TEST(test_problem_log_next_line_says_what_was_cut),
        TEST(test_problem_log_contact_is_not_lost_behind_objects),
        TEST(test_problem_log_secret_of_a_manifest_is_a_manifests_problem),
        TEST(test_problem_log_keys_say_whose_they_are),
        TEST(test_problem_log_timer_says_it_when_no_line_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
