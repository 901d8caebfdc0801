/* SPDX-License-Identifier: Apache-2.0 */
/* Instants as Go's time.Parse(time.RFC3339, ...) reads them. The expectations are Go 1.26's. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rfc3339.h"

static const struct {
    const char *name;
    const char *text;
    struct instant want;
} accepted_rows[] = {
    { "the epoch", "1970-01-01T00:00:00Z", { 0, 0 } },
    { "a plain instant", "2026-01-02T03:04:05Z", { 1767323045, 0 } },
    { "an offset to the east", "2026-01-02T03:04:05+01:30", { 1767317645, 0 } },
    { "an offset to the west", "2026-01-02T03:04:05-01:30", { 1767328445, 0 } },
    { "offset minus zero", "2026-01-02T03:04:05-00:00", { 1767323045, 0 } },
    { "the hour with one digit", "2026-01-02T3:04:05Z", { 1767323045, 0 } },
    { "a comma before the fraction", "2026-01-02T03:04:05,5Z", { 1767323045, 500000000 } },
    { "a nanosecond", "2026-01-02T03:04:05.000000001Z", { 1767323045, 1 } },
    { "the tenth digit is cut", "2026-01-02T03:04:05.1234567899Z", { 1767323045, 123456789 } },
    { "twenty nines do not round up",
      "2026-01-02T03:04:05.99999999999999999999Z",
      { 1767323045, 999999999 } },
    { "a fraction and an offset", "2026-01-02T03:04:05.25+00:00", { 1767323045, 250000000 } },
    { "the largest offset", "2026-01-02T03:04:05+24:60", { 1767233045, 0 } },
    { "a whole day to the west", "2026-01-02T03:04:05-24:00", { 1767409445, 0 } },
    { "29 February", "2024-02-29T00:00:00Z", { 1709164800, 0 } },
    { "29 February of a fourth century", "2000-02-29T00:00:00Z", { 951782400, 0 } },
    { "29 February of year 0", "0000-02-29T00:00:00Z", { -62162121600, 0 } },
    { "the first year", "0000-01-01T00:00:00Z", { -62167219200, 0 } },
    { "the day before the first year", "0000-01-01T00:00:00+24:60", { -62167309200, 0 } },
    { "the last second of the last year", "9999-12-31T23:59:59Z", { 253402300799, 0 } },
    { "past the last year", "9999-12-31T23:59:59-24:60", { 253402390799, 0 } },
    { "a fraction before the epoch", "1969-12-31T23:59:59.5Z", { -1, 500000000 } },
};

static const struct {
    const char *name;
    struct span text;
} refused_rows[] = {
    { "nothing", SPAN_LITERAL("") },
    { "never", SPAN_LITERAL("never") },
    { "a date alone", SPAN_LITERAL("2026-01-02") },
    { "no offset", SPAN_LITERAL("2026-01-02T03:04:05") },
    { "a fraction but no offset", SPAN_LITERAL("2026-01-02T03:04:05.5") },
    { "a small t", SPAN_LITERAL("2026-01-02t03:04:05Z") },
    { "a small z", SPAN_LITERAL("2026-01-02T03:04:05z") },
    { "a blank instead of T", SPAN_LITERAL("2026-01-02 03:04:05Z") },
    { "a blank before", SPAN_LITERAL(" 2026-01-02T03:04:05Z") },
    { "a newline behind", SPAN_LITERAL("2026-01-02T03:04:05Z\n") },
    { "a NUL behind", SPAN_LITERAL("2026-01-02T03:04:05Z\0") },
    { "text behind", SPAN_LITERAL("2026-01-02T03:04:05Z+00:00") },
    { "month with one digit", SPAN_LITERAL("2026-1-02T03:04:05Z") },
    { "day with one digit", SPAN_LITERAL("2026-01-2T03:04:05Z") },
    { "minute with one digit", SPAN_LITERAL("2026-01-02T03:4:05Z") },
    { "second with one digit", SPAN_LITERAL("2026-01-02T03:04:5Z") },
    { "hour with three digits", SPAN_LITERAL("2026-01-02T003:04:05Z") },
    { "hour without a digit", SPAN_LITERAL("2026-01-02T:04:05Z") },
    { "year with three digits", SPAN_LITERAL("226-01-02T03:04:05Z") },
    { "year with five digits", SPAN_LITERAL("12026-01-02T03:04:05Z") },
    { "a signed year", SPAN_LITERAL("+026-01-02T03:04:05Z") },
    { "a negative year", SPAN_LITERAL("-2026-01-02T03:04:05Z") },
    { "month 0", SPAN_LITERAL("2026-00-02T03:04:05Z") },
    { "month 13", SPAN_LITERAL("2026-13-02T03:04:05Z") },
    { "day 0", SPAN_LITERAL("2026-01-00T03:04:05Z") },
    { "31 April", SPAN_LITERAL("2026-04-31T03:04:05Z") },
    { "32 January", SPAN_LITERAL("2026-01-32T03:04:05Z") },
    { "30 February", SPAN_LITERAL("2024-02-30T03:04:05Z") },
    { "29 February of a common year", SPAN_LITERAL("2026-02-29T03:04:05Z") },
    { "29 February of a common century", SPAN_LITERAL("1900-02-29T03:04:05Z") },
    { "hour 24", SPAN_LITERAL("2026-01-02T24:00:00Z") },
    { "minute 60", SPAN_LITERAL("2026-01-02T03:60:05Z") },
    { "second 60", SPAN_LITERAL("2016-12-31T23:59:60Z") },
    { "a point without a fraction", SPAN_LITERAL("2026-01-02T03:04:05.Z") },
    { "a comma without a fraction", SPAN_LITERAL("2026-01-02T03:04:05,Z") },
    { "two points", SPAN_LITERAL("2026-01-02T03:04:05.5.5Z") },
    { "a colon before the fraction", SPAN_LITERAL("2026-01-02T03:04:05:5Z") },
    { "offset of 25 hours", SPAN_LITERAL("2026-01-02T03:04:05+25:00") },
    { "offset of 61 minutes", SPAN_LITERAL("2026-01-02T03:04:05+05:61") },
    { "offset without a colon", SPAN_LITERAL("2026-01-02T03:04:05+0500") },
    { "offset of hours alone", SPAN_LITERAL("2026-01-02T03:04:05+05") },
    { "offset with one digit", SPAN_LITERAL("2026-01-02T03:04:05+5:00") },
    { "offset with seconds", SPAN_LITERAL("2026-01-02T03:04:05+05:00:00") },
    { "offset without a sign", SPAN_LITERAL("2026-01-02T03:04:05 05:00") },
    { "slashes", SPAN_LITERAL("2026/01/02T03:04:05Z") },
    { "a letter among the digits", SPAN_LITERAL("2026-01-02T03:0O:05Z") },
};

static void test_rfc3339_parse_accepted_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(accepted_rows); i++) {
        struct instant got = { -7, -7 };
        const enum status status = rfc3339_parse(span_of(accepted_rows[i].text), &got);
        if (status != ST_OK || instant_compare(got, accepted_rows[i].want) != 0) {
            fail_msg("%s: status %d, %" PRId64 ".%09" PRId32, accepted_rows[i].name, (int)status,
                     got.sec, got.nsec);
        }
    }
}

static void test_rfc3339_parse_refused_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused_rows); i++) {
        struct instant got = { -7, -7 };
        const enum status status = rfc3339_parse(refused_rows[i].text, &got);
        if (status != ST_SYNTAX || got.sec != -7 || got.nsec != -7) {
            fail_msg("%s: status %d", refused_rows[i].name, (int)status);
        }
    }
}

/* What is left out at the end of a valid instant makes it invalid, whatever remains. */
static void test_rfc3339_parse_every_cut_is_refused(void **state)
{
    (void)state;
    const struct span whole = SPAN_LITERAL("2026-01-02T03:04:05.123456789+01:30");
    struct instant got;
    assert_int_equal(rfc3339_parse(whole, &got), ST_OK);
    for (size_t len = 0; len < whole.len; len++) {
        assert_int_equal(rfc3339_parse((struct span){ whole.at, len }, &got), ST_SYNTAX);
    }
}

static const struct {
    const char *name;
    struct instant instant;
    const char *want;
} format_rows[] = {
    { "the epoch", { 0, 0 }, "1970-01-01T00:00:00Z" },
    { "nanoseconds are left out", { 1767323045, 999999999 }, "2026-01-02T03:04:05Z" },
    { "the second before the epoch", { -1, 500000000 }, "1969-12-31T23:59:59Z" },
    { "29 February", { 951782400, 0 }, "2000-02-29T00:00:00Z" },
    { "the first second of year 0", { -62167219200, 0 }, "0000-01-01T00:00:00Z" },
    { "before year 0", { -62167219201, 0 }, "" },
    { "the last second of year 9999", { 253402300799, 0 }, "9999-12-31T23:59:59Z" },
    { "year 10000", { 253402300800, 0 }, "" },
    { "the end of time", { INT64_MAX, 0 }, "" },
    { "the beginning of time", { INT64_MIN, 0 }, "" },
};

static void test_rfc3339_format_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(format_rows); i++) {
        char text[RFC3339_MAX] = "unwritten";
        rfc3339_format(format_rows[i].instant, text);
        if (!span_equal(span_of(text), span_of(format_rows[i].want))) {
            fail_msg("%s: \"%s\"", format_rows[i].name, text);
        }
    }
}

/* Format and parse are inverse for every day of 10,000 years, at a time that walks through the
 * day. */
static void test_rfc3339_every_day_survives_the_round_trip(void **state)
{
    (void)state;
    const int64_t step_sec = 86400 + 61;
    for (int64_t sec = -62167219200; sec < 253402300800; sec += step_sec) {
        char text[RFC3339_MAX];
        struct instant got = { 0, 0 };
        rfc3339_format((struct instant){ sec, 0 }, text);
        assert_int_equal(rfc3339_parse(span_of(text), &got), ST_OK);
        assert_true(got.sec == sec && got.nsec == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3339_parse_accepted_rows),
        cmocka_unit_test(test_rfc3339_parse_refused_rows),
        cmocka_unit_test(test_rfc3339_parse_every_cut_is_refused),
        cmocka_unit_test(test_rfc3339_format_rows),
        cmocka_unit_test(test_rfc3339_every_day_survives_the_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
