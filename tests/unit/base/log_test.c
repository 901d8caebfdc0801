/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: both formats byte for byte, escaping, bounds, lossy writing, and the rate limit. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/log.h"

#define SITE "../src/server/reviews.c:42"

/* A log that writes into a pipe of ours, at an instant of ours. */
struct sink {
    int read_fd;
    int write_fd;
    struct manual_clock manual;
    struct log *log;
};

static void sink_open(struct sink *sink, enum log_format format, int verbosity)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    *sink = (struct sink){ .read_fd = fds[0], .write_fd = fds[1] };
    sink->manual.wall = (struct instant){ .sec = 1763845855, .nsec = 123456789 };
    assert_int_equal(
        log_new(sink->write_fd, format, verbosity, clock_manual(&sink->manual), &sink->log), ST_OK);
}

static void sink_close(struct sink *sink)
{
    sink->log = log_free(sink->log);
    assert_null(sink->log);
    close(sink->read_fd);
    close(sink->write_fd);
}

/* What was written since the last call, NUL-terminated. */
static size_t sink_read(const struct sink *sink, char *ret, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = read(sink->read_fd, ret + len, size - 1 - len)) > 0) {
        len += (size_t)n;
    }
    ret[len] = '\0';
    return len;
}

static void test_log_text_line_is_klogs(void **state)
{
    (void)state;
    struct sink sink;
    sink_open(&sink, LOG_FORMAT_TEXT, 0);
    char line[512];
    char want[512];

    log_write(sink.log, LOG_WARNING, 0, SITE, "TokenReview refused",
              LOG_FIELDS(LOG_TEXT("reason", "token_expired"), LOG_INT("dropped", -3),
                         LOG_BOOL("cacheable", true), LOG_BOOL("echoed", false),
                         LOG_TEXT("none", NULL)));
    sink_read(&sink, line, sizeof(line));
    snprintf(want, sizeof(want),
             "W1122 21:10:55.123456 %7d reviews.c:42] \"TokenReview refused\" "
             "reason=\"token_expired\" dropped=-3 cacheable=true echoed=false none=\"\"\n",
             (int)gettid());
    assert_string_equal(line, want);

    log_event(sink.log, LOG_ERROR, "Two", LOG_NO_FIELDS);
    sink_read(&sink, line, sizeof(line));
    assert_int_equal(line[0], 'E');
    assert_non_null(strstr(line, " log_test.c:"));
    assert_non_null(strstr(line, "] \"Two\"\n"));
    sink_close(&sink);
}

static void test_log_json_line_is_component_bases(void **state)
{
    (void)state;
    struct sink sink;
    sink_open(&sink, LOG_FORMAT_JSON, 4);
    char line[512];

    log_write(sink.log, LOG_INFO, 4, SITE, "Reload",
              LOG_FIELDS(LOG_TEXT("file", "a\"b"), LOG_INT("n", INT64_MIN), LOG_BOOL("ok", false)));
    sink_read(&sink, line, sizeof(line));
    assert_string_equal(line, "{\"ts\":1763845855123.456,\"caller\":\"reviews.c:42\","
                              "\"msg\":\"Reload\",\"v\":4,\"file\":\"a\\\"b\","
                              "\"n\":-9223372036854775808,\"ok\":false}\n");

    log_write(sink.log, LOG_ERROR, 0, SITE, "Bad", LOG_NO_FIELDS);
    sink_read(&sink, line, sizeof(line));
    assert_string_equal(line, "{\"ts\":1763845855123.456,\"caller\":\"reviews.c:42\","
                              "\"msg\":\"Bad\",\"v\":0,\"severity\":\"error\"}\n");
    sink_close(&sink);
}

static const struct {
    const char *name;
    bool peer;
    struct span value;
    const char *text;
    const char *json;
} escape_rows[] = {
    { "plain", true, SPAN_LITERAL("abc ~"), "\"abc ~\"", "\"abc ~\"" },
    { "empty", true, { NULL, 0 }, "\"\"", "\"\"" },
    { "quote and backslash", true, SPAN_LITERAL("a\"b\\"), "\"a\\\"b\\\\\"", "\"a\\\"b\\\\\"" },
    { "no new line can be made", true, SPAN_LITERAL("x\nI1122 forged"), "\"x\\nI1122 forged\"",
      "\"x\\nI1122 forged\"" },
    { "our texts make no line either", false, SPAN_LITERAL("x\r\n\ty"), "\"x\\r\\n\\ty\"",
      "\"x\\r\\n\\ty\"" },
    { "terminal escapes", true, SPAN_LITERAL("\x1b[2J\x7f"), "\"\\x1b[2J\\x7f\"",
      "\"\\u001b[2J\\u007f\"" },
    { "NUL", true, SPAN_LITERAL("a\0b"), "\"a\\x00b\"", "\"a\\u0000b\"" },
    { "a peer's accent is escaped", true, SPAN_LITERAL("\xc3\xa9"), "\"\\u00e9\"", "\"\\u00e9\"" },
    { "our accent stays", false, SPAN_LITERAL("\xc3\xa9"), "\"\xc3\xa9\"", "\"\xc3\xa9\"" },
    { "our C1 control is escaped", false, SPAN_LITERAL("\xc2\x9b"), "\"\\u009b\"", "\"\\u009b\"" },
    { "our U+00A0 is no control", false, SPAN_LITERAL("\xc2\xa0"), "\"\xc2\xa0\"", "\"\xc2\xa0\"" },
    { "text direction override", true, SPAN_LITERAL("\xe2\x80\xae"), "\"\\u202e\"", "\"\\u202e\"" },
    { "past the BMP", true, SPAN_LITERAL("\xf0\x9f\x99\x82"), "\"\\U0001f642\"",
      "\"\\ud83d\\ude42\"" },
    { "invalid UTF-8", true, SPAN_LITERAL("a\xff\xc3"), "\"a\\xff\\xc3\"", "\"a\\ufffd\\ufffd\"" },
    { "invalid UTF-8 of ours", false, SPAN_LITERAL("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"",
      "\"\\ufffd\\ufffd\\ufffd\"" },
};

static void check_escape(size_t row, enum log_format format, const char *value)
{
    struct sink sink;
    sink_open(&sink, format, 0);
    char line[512];
    char want[256];
    const struct log_field field = { .key = "k",
                                     .kind =
                                         escape_rows[row].peer ? LOG_FIELD_PEER : LOG_FIELD_TEXT,
                                     .text = escape_rows[row].value };
    log_event(sink.log, LOG_INFO, "m", LOG_FIELDS(field));
    sink_read(&sink, line, sizeof(line));
    if (format == LOG_FORMAT_JSON) {
        snprintf(want, sizeof(want), ",\"k\":%s}\n", value);
    } else {
        snprintf(want, sizeof(want), "\"m\" k=%s\n", value);
    }
    const char *tail = strlen(line) > strlen(want) ? line + strlen(line) - strlen(want) : line;
    if (strcmp(tail, want) != 0) {
        fail_msg("%s: got %s, want %s", escape_rows[row].name, line, want);
    }
    sink_close(&sink);
}

static void test_log_escape_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(escape_rows); i++) {
        check_escape(i, LOG_FORMAT_TEXT, escape_rows[i].text);
        check_escape(i, LOG_FORMAT_JSON, escape_rows[i].json);
    }
}

static void test_log_peer_text_is_cut(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t plain; /* a's in front */
        const char *end;
        const char *want; /* behind `plain` a's */
    } rows[] = {
        { "as long as allowed", LOG_PEER_MAX, "", "\"\n" },
        { "one byte more", LOG_PEER_MAX, "b", "\u2026\"\n" },
        { "a character that would straddle the end", LOG_PEER_MAX - 1, "\xc3\xa9", "\u2026\"\n" },
        { "a character that ends there", LOG_PEER_MAX - 2, "\xc3\xa9", "\\u00e9\"\n" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct sink sink;
        sink_open(&sink, LOG_FORMAT_TEXT, 0);
        char value[LOG_PEER_MAX + 8];
        memset(value, 'a', sizeof(value));
        memcpy(value + rows[i].plain, rows[i].end, strlen(rows[i].end) + 1);
        char line[512];
        char want[512];
        log_event(sink.log, LOG_INFO, "m", LOG_FIELDS(LOG_PEER("k", span_of(value))));
        sink_read(&sink, line, sizeof(line));
        snprintf(want, sizeof(want), " k=\"%.*s%s", (int)rows[i].plain, value, rows[i].want);
        if (!strstr(line, want)) {
            fail_msg("%s: got %s", rows[i].name, line);
        }
        sink_close(&sink);
    }
}

/* Whatever the fields are, a line is at most LOG_LINE_MAX bytes, ends properly, and says that it
 * lost something. */
static void check_long_line(enum log_format format, char filler, size_t len, size_t fields)
{
    struct sink sink;
    sink_open(&sink, format, 0);
    char value[LOG_LINE_MAX * 2];
    memset(value, filler, len);
    struct log_field list[33] = { { .kind = LOG_FIELD_END } };
    for (size_t i = 0; i < fields; i++) {
        list[i] = (struct log_field){ .key = "key",
                                      .kind = LOG_FIELD_TEXT,
                                      .text = { .at = value, .len = len } };
    }
    list[fields] = (struct log_field){ .kind = LOG_FIELD_END };
    log_event(sink.log, LOG_ERROR, "message", list);
    char line[LOG_LINE_MAX * 2];
    const size_t line_len = sink_read(&sink, line, sizeof(line));
    assert_in_range(line_len, LOG_LINE_MAX - 2 * LOG_PEER_MAX - 64, LOG_LINE_MAX);
    assert_ptr_equal(strchr(line, '\n'), line + line_len - 1);
    if (format == LOG_FORMAT_TEXT) {
        assert_non_null(strstr(line, "\" truncated=true\n"));
    } else {
        json_object *root = json_tokener_parse(line);
        assert_non_null(root);
        assert_true(json_object_get_boolean(json_object_object_get(root, "truncated")));
        json_object_put(root);
    }
    assert_int_equal(log_lines_failed(sink.log), 0);
    sink_close(&sink);
}

static void test_log_long_lines_are_bounded_and_well_formed(void **state)
{
    (void)state;
    for (int i = LOG_FORMAT_TEXT; i <= LOG_FORMAT_JSON; i++) {
        const enum log_format format = (enum log_format)i;
        for (size_t len = 200; len < 320; len++) { /* the cut falls on every place of a field */
            check_long_line(format, 'x', len, 32);
        }
        check_long_line(format, 'x', LOG_LINE_MAX * 2, 32);
        check_long_line(format, '\x01', LOG_LINE_MAX * 2, 32);
    }
}

static void test_log_text_of_ours_is_cut(void **state)
{
    (void)state;
    struct sink sink;
    sink_open(&sink, LOG_FORMAT_TEXT, 0);
    char value[LOG_TEXT_MAX + 2];
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_event(sink.log, LOG_INFO, "m", LOG_FIELDS(LOG_TEXT("k", value), LOG_INT("after", 1)));
    char line[LOG_LINE_MAX];
    sink_read(&sink, line, sizeof(line));
    assert_non_null(strstr(line, "x\u2026\" after=1\n"));
    assert_int_equal(strrchr(line, 'x') - strchr(line, 'x') + 1, LOG_TEXT_MAX);
    sink_close(&sink);
}

static void test_log_verbosity_decides(void **state)
{
    (void)state;
    struct sink sink;
    sink_open(&sink, LOG_FORMAT_TEXT, 2);
    char line[512];
    log_event_v(sink.log, 3, "no", LOG_NO_FIELDS);
    assert_int_equal(sink_read(&sink, line, sizeof(line)), 0);
    log_event_v(sink.log, 2, "yes", LOG_NO_FIELDS);
    assert_true(sink_read(&sink, line, sizeof(line)) > 0);
    assert_true(log_is_enabled(sink.log, 2));
    assert_false(log_is_enabled(sink.log, 3));
    log_set_verbosity(sink.log, 3);
    assert_true(log_is_enabled(sink.log, 3));
    log_set_verbosity(sink.log, -5);
    assert_true(log_is_enabled(sink.log, 0));
    log_set_verbosity(sink.log, 1000);
    assert_false(log_is_enabled(sink.log, 11));
    sink_close(&sink);

    log_event(NULL, LOG_ERROR, "nobody listens", LOG_NO_FIELDS);
    assert_false(log_is_enabled(NULL, 0));
}

static void test_log_stuck_reader_loses_lines_then_is_told(void **state)
{
    (void)state;
    struct sink sink;
    sink_open(&sink, LOG_FORMAT_TEXT, 0);
    assert_true(fcntl(sink.write_fd, F_SETPIPE_SZ, 8192) >=
                0); /* two pages: the notice, then the line */
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    const struct clock clock = clock_system();
    const int64_t start_ns = clock_monotonic_ns(&clock);
    for (int i = 0; i < 100; i++) { /* the descriptor blocks: waiting would hang here */
        log_event(sink.log, LOG_INFO, text, LOG_NO_FIELDS);
    }
    /* one wait, not one for each line */
    assert_true(clock_monotonic_ns(&clock) - start_ns < 50 * LOG_STALL_MS * INT64_C(1000000));
    const uint64_t lost = log_lines_failed(sink.log);
    assert_in_range(lost, 90, 99);
    char lines[8192];
    sink_read(&sink, lines, sizeof(lines));
    assert_null(strstr(lines, "were lost"));

    log_event(sink.log, LOG_INFO, "back", LOG_NO_FIELDS);
    sink_read(&sink, lines, sizeof(lines));
    char want[64];
    snprintf(want, sizeof(want), "written\" count=%d\n", (int)lost);
    assert_int_equal(lines[0], 'W');
    assert_non_null(strstr(lines, want));
    assert_non_null(strstr(strstr(lines, want), "\"back\"\n"));

    log_event(sink.log, LOG_INFO, "again", LOG_NO_FIELDS); /* told once */
    sink_read(&sink, lines, sizeof(lines));
    assert_null(strstr(lines, "were lost"));
    assert_int_equal(log_lines_failed(sink.log), lost);
    sink_close(&sink);
}

static void test_log_closed_descriptor_counts(void **state)
{
    (void)state;
    struct log *log;
    assert_int_equal(log_new(-1, LOG_FORMAT_TEXT, 0, clock_system(), &log), ST_OK);
    log_event(log, LOG_INFO, "m", LOG_NO_FIELDS);
    log_event(log, LOG_INFO, "m", LOG_NO_FIELDS);
    assert_int_equal(log_lines_failed(log), 2);
    log_free(log);
}

/* A file that is full takes a part of a line; the next line does not continue it. */
static void test_log_torn_line_is_ended_before_the_next(void **state)
{
    (void)state;
    char path[] = "log_test_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    struct log *log;
    assert_int_equal(log_new(fd, LOG_FORMAT_TEXT, 0, clock_system(), &log), ST_OK);

    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = { .rlim_cur = 20, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    log_event(log, LOG_INFO, "torn", LOG_NO_FIELDS);
    log_event(log, LOG_INFO, "lost", LOG_NO_FIELDS);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    log_event(log, LOG_INFO, "whole", LOG_NO_FIELDS);

    char content[1024] = "";
    assert_true(pread(fd, content, sizeof(content) - 1, 0) > 21);
    assert_ptr_equal(strchr(content, '\n'), content + 20);
    assert_int_equal(content[21], 'W'); /* how many were lost */
    assert_non_null(strstr(content, "count=2\nI"));
    assert_non_null(strstr(content, "\"whole\"\n"));
    assert_null(strstr(content, "\n\n"));
    assert_int_equal(log_lines_failed(log), 2);
    log_free(log);
    close(fd);
}

#define THREADS 4
#define LINES   500

static void *log_many(void *ctx)
{
    struct log *log = ctx;
    char text[900];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < LINES; i++) {
        log_event(log, LOG_INFO, "line", LOG_FIELDS(LOG_TEXT("t", text), LOG_INT("end", 1)));
    }
    return NULL;
}

static void test_log_threads_do_not_interleave(void **state)
{
    (void)state;
    char path[] = "log_test_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    struct log *log;
    assert_int_equal(log_new(fd, LOG_FORMAT_TEXT, 0, clock_system(), &log), ST_OK);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, log), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    FILE *file = fdopen(fd, "r");
    assert_non_null(file);
    rewind(file);
    char line[LOG_LINE_MAX + 1];
    int count = 0;
    while (fgets(line, sizeof(line), file)) {
        assert_int_equal(line[0], 'I');
        const char *site = strstr(line, " log_test.c:");
        assert_non_null(site);
        assert_null(strstr(site + 1, " log_test.c:"));
        assert_string_equal(line + strlen(line) - strlen("x\" end=1\n"), "x\" end=1\n");
        count++;
    }
    assert_int_equal(count, THREADS * LINES);
    assert_int_equal(log_lines_failed(log), 0);
    fclose(file);
    log_free(log);
}

static void test_log_limit_lets_a_burst_and_then_a_rate_through(void **state)
{
    (void)state;
    const int64_t second = 1000000000;
    struct log_limit limit = { 0 };
    uint64_t dropped = 99;
    int64_t now = -5 * second; /* monotonic clocks start anywhere */
    for (int i = 0; i < LOG_LIMIT_BURST; i++) {
        assert_true(log_limit_take(&limit, now, &dropped));
        assert_int_equal(dropped, 0);
    }
    dropped = 99;
    assert_false(log_limit_take(&limit, now, &dropped));
    assert_false(log_limit_take(&limit, now + second - 1, &dropped));
    assert_int_equal(dropped, 99); /* written on true only */
    assert_true(log_limit_take(&limit, now + second, &dropped));
    assert_int_equal(dropped, 2);
    assert_false(log_limit_take(&limit, now + second, &dropped));

    now += second + second + second / 2; /* 1.5 seconds later: one token, half a period kept */
    assert_true(log_limit_take(&limit, now, &dropped));
    assert_int_equal(dropped, 1);
    assert_false(log_limit_take(&limit, now, &dropped));
    assert_true(log_limit_take(&limit, now + second / 2, &dropped));

    now += 1000 * second; /* no more than a burst is saved up */
    for (int i = 0; i < LOG_LIMIT_BURST; i++) {
        assert_true(log_limit_take(&limit, now, &dropped));
    }
    assert_false(log_limit_take(&limit, now, &dropped));
    assert_false(log_limit_take(&limit, now - 500 * second, &dropped)); /* nor by going back */
    assert_false(log_limit_take(&limit, INT64_MIN, &dropped));
}

static void test_log_limit_held_back_is_said_once(void **state)
{
    (void)state;
    const int64_t second = 1000000000;
    struct log_limit limit = { 0 };
    uint64_t dropped = 99;
    assert_false(log_limit_take_dropped(&limit, 0, &dropped)); /* nothing was */
    for (int i = 0; i < LOG_LIMIT_BURST + 3; i++) {
        assert_int_equal(log_limit_take(&limit, 0, &dropped), i < LOG_LIMIT_BURST);
    }
    dropped = 99;
    assert_false(log_limit_take_dropped(&limit, second - 1, &dropped));
    assert_int_equal(dropped, 99); /* written on true only */
    assert_true(log_limit_take_dropped(&limit, second, &dropped));
    assert_int_equal(dropped, 3);
    assert_false(log_limit_take_dropped(&limit, 9 * second, &dropped));
    assert_true(log_limit_take(&limit, 9 * second, &dropped));
    assert_int_equal(dropped, 0);
}

static int group_setup(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return setenv("TZ", "Asia/Kolkata", 1); /* lines have UTC whatever the machine has */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_text_line_is_klogs),
        cmocka_unit_test(test_log_json_line_is_component_bases),
        cmocka_unit_test(test_log_escape_rows),
        cmocka_unit_test(test_log_peer_text_is_cut),
        cmocka_unit_test(test_log_text_of_ours_is_cut),
        cmocka_unit_test(test_log_long_lines_are_bounded_and_well_formed),
        cmocka_unit_test(test_log_verbosity_decides),
        cmocka_unit_test(test_log_stuck_reader_loses_lines_then_is_told),
        cmocka_unit_test(test_log_closed_descriptor_counts),
        cmocka_unit_test(test_log_torn_line_is_ended_before_the_next),
        cmocka_unit_test(test_log_threads_do_not_interleave),
        cmocka_unit_test(test_log_limit_lets_a_burst_and_then_a_rate_through),
        cmocka_unit_test(test_log_limit_held_back_is_said_once),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
