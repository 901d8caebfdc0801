/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 3339 instants as Go's time.Parse(time.RFC3339, ...) reads them.
 *
 * kube-apiserver decides with Go's parser whether a bootstrap token has expired, and what does not
 * parse counts as expired. A reader that were stricter would refuse tokens that work there; one
 * that were laxer would accept tokens that do not. Go's parser is more lenient than the RFC in four
 * places, and so is this one: the hour may have one digit, a comma may stand for the point before
 * the fraction, digits past nanoseconds are dropped, and an offset may say up to 24 hours and up to
 * 60 minutes. It is stricter in two: `T` and `Z` must be capitals, and there is no second 60.
 *
 * Untrusted: the text. No allocation; nothing is read twice.
 */
#include "base/rfc3339.h"

#include <stdio.h>

#define SECONDS_PER_DAY    86400
#define NSEC_DIGITS        9
#define DAYS_PER_400_YEARS 146097
#define DAYS_TO_1970       719468 /* from 0000-03-01 */

/* Seconds since 1970-01-01 at 0000-01-01T00:00:00Z and at 10000-01-01T00:00:00Z: what four digits
 * of a year can say. */
#define FORMAT_MIN_SEC INT64_C(-62167219200)
#define FORMAT_END_SEC INT64_C(253402300800)

static bool is_digit(struct span in, size_t i)
{
    return i < in.len && in.at[i] >= '0' && in.at[i] <= '9';
}

/* Exactly @count digits. */
static bool take_number(struct span *in, size_t count, int *ret_number)
{
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(*in, i)) {
            return false;
        }
        number = number * 10 + (in->at[i] - '0');
    }
    *in = span_after(*in, count);
    *ret_number = number;
    return true;
}

static bool take_char(struct span *in, char c)
{
    if (in->len == 0 || in->at[0] != c) {
        return false;
    }
    *in = span_after(*in, 1);
    return true;
}

/* "05:" behind a separator: two digits within [0, @max]. */
static bool take_separated(struct span *in, char separator, int max, int *ret_number)
{
    return take_char(in, separator) && take_number(in, 2, ret_number) && *ret_number <= max;
}

static bool is_leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int month, int year)
{
    static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* A fraction is read only when a digit follows its point; else the point is left, and refused as an
 * offset. */
static int32_t take_fraction(struct span *in)
{
    if (in->len == 0 || (in->at[0] != '.' && in->at[0] != ',') || !is_digit(*in, 1)) {
        return 0;
    }
    int32_t nsec = 0;
    size_t count = 0;
    *in = span_after(*in, 1);
    for (; is_digit(*in, 0); *in = span_after(*in, 1), count++) {
        if (count < NSEC_DIGITS) {
            nsec = nsec * 10 + (in->at[0] - '0');
        }
    }
    for (; count < NSEC_DIGITS; count++) {
        nsec *= 10;
    }
    return nsec;
}

/* The hour is the one number that Go reads with one digit or two. */
static bool take_time(struct span *in, int *ret_sec)
{
    const size_t hour_digits = is_digit(*in, 1) ? 2 : 1;
    int hour, minute, second;
    if (!take_number(in, hour_digits, &hour) || hour > 23 ||
        !take_separated(in, ':', 59, &minute) || !take_separated(in, ':', 59, &second)) {
        return false;
    }
    *ret_sec = (hour * 60 + minute) * 60 + second;
    return true;
}

/* "Z", "+01:00", "-24:60": Go checks the offset's parts with > where < was meant once. */
static bool take_offset(struct span *in, int *ret_sec)
{
    if (take_char(in, 'Z')) {
        *ret_sec = 0;
        return true;
    }
    const bool is_east = take_char(in, '+');
    int hours, minutes;
    if ((!is_east && !take_char(in, '-')) || !take_number(in, 2, &hours) || hours > 24 ||
        !take_separated(in, ':', 60, &minutes)) {
        return false;
    }
    const int sec = (hours * 60 + minutes) * 60;
    *ret_sec = is_east ? sec : -sec;
    return true;
}

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar. Years are counted from March,
 * so that the leap day is the last day of its year, and from 400 years earlier, so that nothing is
 * negative. */
static int64_t days_from_date(int year, int month, int day)
{
    const int march_year = (month <= 2 ? year - 1 : year) + 400;
    const int march_month = (month + 9) % 12;
    const int century = march_year / 100;
    const int day_of_year = (153 * march_month + 2) / 5 + day - 1;
    const int64_t days =
        365 * (int64_t)march_year + march_year / 4 - century + century / 4 + day_of_year;
    return days - DAYS_TO_1970 - DAYS_PER_400_YEARS;
}

static bool take_date(struct span *in, int64_t *ret_days)
{
    int year, month, day;
    if (!take_number(in, 4, &year) || !take_separated(in, '-', 12, &month) || month == 0 ||
        !take_separated(in, '-', days_in_month(month, year), &day) || day == 0) {
        return false;
    }
    *ret_days = days_from_date(year, month, day);
    return true;
}

enum status rfc3339_parse(struct span text, struct instant *ret_instant)
{
    struct span in = text;
    int64_t days;
    int time_sec, offset_sec;
    if (!take_date(&in, &days) || !take_char(&in, 'T') || !take_time(&in, &time_sec)) {
        return ST_SYNTAX;
    }
    const int32_t nsec = take_fraction(&in);
    if (!take_offset(&in, &offset_sec) || in.len != 0) {
        return ST_SYNTAX;
    }
    ret_instant->sec = days * SECONDS_PER_DAY + time_sec - offset_sec;
    ret_instant->nsec = nsec;
    return ST_OK;
}

/* The inverse of days_from_date(), for days since 0000-03-01 that are not negative. */
static void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    const int64_t era = days / DAYS_PER_400_YEARS;
    const int day_of_era = (int)(days % DAYS_PER_400_YEARS);
    const int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                             day_of_era / (DAYS_PER_400_YEARS - 1)) /
                            365;
    const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int march_month = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * march_month + 2) / 5 + 1;
    *ret_month = march_month < 10 ? march_month + 3 : march_month - 9;
    *ret_year = (int)era * 400 + year_of_era + (*ret_month <= 2);
}

void rfc3339_format(struct instant instant, char ret_text[static RFC3339_MAX])
{
    ret_text[0] = '\0';
    if (instant.sec < FORMAT_MIN_SEC || instant.sec >= FORMAT_END_SEC) {
        return;
    }
    /* counted from year -400, so that nothing is negative */
    const int64_t shifted_sec =
        instant.sec + (int64_t)(DAYS_TO_1970 + DAYS_PER_400_YEARS) * SECONDS_PER_DAY;
    const int time_sec = (int)(shifted_sec % SECONDS_PER_DAY);
    int year, month, day;
    date_from_days(shifted_sec / SECONDS_PER_DAY, &year, &month, &day);
    (void)snprintf(ret_text, RFC3339_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ", year - 400, month, day,
                   time_sec / 3600, time_sec / 60 % 60, time_sec % 60); /* fits: checked above */
}
