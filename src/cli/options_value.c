/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options, by type.
 *
 * Input is the operator's own, so the danger is not malice but a typing mistake that is silently
 * taken for something else: every parser takes the whole text or refuses it, has a range, and never
 * saturates. No floating point; durations are whole milliseconds. No threads, no state.
 */
#include "cli/options_value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rfc3339.h"
#include "cli/operator_text.h"
#include "cli/service_account_issuers.h"

#define NS_PER_MS                INT64_C(1000000)
#define DURATION_FRACTION_DIGITS 6 /* 3.6e12 ns an hour times 1e6 still fits 64 bits */

static void *field_of(const struct option_row *row, struct options *options)
{
    return (char *)options + row->offset;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits at the front of *@in; false without any, or when they do not fit. */
static bool take_number(struct span *in, int64_t *ret_number)
{
    int64_t number = 0;
    size_t n = 0;
    for (; n < in->len && is_digit(in->at[n]); n++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, in->at[n] - '0', &number)) {
            return false;
        }
    }
    if (n == 0) {
        return false;
    }
    *in = span_after(*in, n);
    *ret_number = number;
    return true;
}

static bool parse_number(struct span text, int64_t *ret_number)
{
    return take_number(&text, ret_number) && text.len == 0;
}

static bool parse_bytes(struct span text, int64_t *ret_bytes)
{
    int64_t number;
    if (!take_number(&text, &number)) {
        return false;
    }
    int64_t factor = 1;
    if (span_equal(text, SPAN_LITERAL("Ki"))) {
        factor = 1024;
    } else if (span_equal(text, SPAN_LITERAL("Mi"))) {
        factor = 1048576;
    } else if (span_equal(text, SPAN_LITERAL("Gi"))) {
        factor = 1073741824;
    } else if (text.len != 0) {
        return false;
    }
    return !__builtin_mul_overflow(number, factor, ret_bytes);
}

static const struct {
    struct span name;
    int64_t ns;
} duration_units[] = {
    /* two-letter names first: "ms" begins like "m" */
    { { "ns", 2 }, 1 },
    { { "us", 2 }, 1000 },
    { { "\xc2\xb5s", 3 }, 1000 }, /* U+00B5, as Go prints it */
    { { "ms", 2 }, NS_PER_MS },
    { { "s", 1 }, INT64_C(1000000000) },
    { { "m", 1 }, INT64_C(60000000000) },
    { { "h", 1 }, INT64_C(3600000000000) },
};

static bool take_unit(struct span *in, int64_t *ret_ns)
{
    for (size_t i = 0; i < COUNTOF(duration_units); i++) {
        if (span_starts_with(*in, duration_units[i].name)) {
            *in = span_after(*in, duration_units[i].name.len);
            *ret_ns = duration_units[i].ns;
            return true;
        }
    }
    return false;
}

/* One "1.5h" of a duration, in ns. */
static bool take_duration_part(struct span *in, int64_t *ret_ns)
{
    int64_t whole;
    int64_t fraction = 0;
    int64_t scale = 1;
    if (!take_number(in, &whole)) {
        return false;
    }
    if (in->len > 0 && in->at[0] == '.') {
        *in = span_after(*in, 1);
        const size_t before = in->len;
        if (!take_number(in, &fraction) || before - in->len > DURATION_FRACTION_DIGITS) {
            return false;
        }
        for (size_t i = in->len; i < before; i++) {
            scale *= 10;
        }
    }
    int64_t unit;
    int64_t ns;
    if (!take_unit(in, &unit) || __builtin_mul_overflow(whole, unit, &ns)) {
        return false;
    }
    if (fraction * unit % scale != 0) {
        return false; /* finer than a nanosecond */
    }
    return !__builtin_add_overflow(ns, fraction * unit / scale, ret_ns);
}

/* Go's time.ParseDuration, without signs, in whole milliseconds. "0" needs no unit there, nor here.
 */
static bool parse_duration(struct span text, int64_t *ret_ms)
{
    if (span_equal(text, SPAN_LITERAL("0"))) {
        *ret_ms = 0;
        return true;
    }
    int64_t total_ns = 0;
    if (text.len == 0) {
        return false;
    }
    while (text.len > 0) {
        int64_t part_ns;
        if (!take_duration_part(&text, &part_ns) ||
            __builtin_add_overflow(total_ns, part_ns, &total_ns)) {
            return false;
        }
    }
    if (total_ns % NS_PER_MS != 0) {
        return false;
    }
    *ret_ms = total_ns / NS_PER_MS;
    return true;
}

/* As Go prints a time.Duration. */
static void format_duration(int64_t ms, char *ret_text, size_t size)
{
    const int64_t hours = ms / 3600000;
    const int64_t minutes = ms / 60000 % 60;
    const int64_t seconds = ms / 1000 % 60;
    if (ms > 0 && ms < 1000) {
        (void)snprintf(ret_text, size, "%" PRId64 "ms", ms);
    } else if (hours > 0) {
        (void)snprintf(ret_text, size, "%" PRId64 "h%" PRId64 "m%" PRId64 "s", hours, minutes,
                       seconds);
    } else if (minutes > 0) {
        (void)snprintf(ret_text, size, "%" PRId64 "m%" PRId64 "s", minutes, seconds);
    } else {
        (void)snprintf(ret_text, size, "%" PRId64 "s", seconds);
    }
}

static bool is_in_range(const struct option_row *row, int64_t number)
{
    return number >= row->min && number <= row->max;
}

bool option_is_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static enum status set_string(struct span text, char **field)
{
    if (!operator_text_is_plain(text)) {
        return ST_INVALID;
    }
    char *copy = NULL;
    if (text.len > 0) {
        copy = span_copy(text);
        if (!copy) {
            return ST_NOMEM;
        }
    }
    free(*field);
    *field = copy;
    return ST_OK;
}

static enum status set_bool(struct span text, bool *field)
{
    if (span_equal(text, SPAN_LITERAL("true"))) {
        *field = true;
        return ST_OK;
    }
    if (span_equal(text, SPAN_LITERAL("false"))) {
        *field = false;
        return ST_OK;
    }
    return ST_INVALID;
}

static enum status set_number(const struct option_row *row,
                              bool (*parse)(struct span text, int64_t *ret_number),
                              struct span text,
                              int64_t *field)
{
    int64_t number;
    if (!parse(text, &number) || !is_in_range(row, number)) {
        return ST_INVALID;
    }
    *field = number;
    return ST_OK;
}

static enum status set_port(const struct option_row *row, struct span text, uint16_t *field)
{
    int64_t number;
    if (!parse_number(text, &number) || !is_in_range(row, number) || number > UINT16_MAX) {
        return ST_INVALID;
    }
    *field = (uint16_t)number;
    return ST_OK;
}

/* Enumerations of C with values from 0 up are stored as int; every enum of struct options is one.
 */
static enum status set_enum(const struct option_row *row, struct span text, void *field)
{
    for (const struct option_choice *choice = row->choices; choice->name; choice++) {
        if (span_equal(text, span_of(choice->name))) {
            memcpy(field, &choice->value, sizeof(choice->value));
            return ST_OK;
        }
    }
    return ST_INVALID;
}

/* "127.0.0.1:8080", "[::1]:8080", ":8080" into its two parts. */
static bool split_host_port(struct span text, struct span *ret_host, struct span *ret_port)
{
    if (text.len == 0) {
        return false;
    }
    const char *close = NULL;
    if (text.at[0] == '[') {
        close = memchr(text.at, ']', text.len);
        if (!close) {
            return false;
        }
    }
    const size_t host_start = close ? 1 : 0;
    const char *colon = close ? close + 1 : memchr(text.at, ':', text.len);
    if (!colon || colon == text.at + text.len || *colon != ':') {
        return false;
    }
    const size_t colon_at = (size_t)(colon - text.at);
    *ret_host = (struct span){ text.at + host_start, colon_at - host_start - (close ? 1 : 0) };
    *ret_port = span_after(text, colon_at + 1);
    return !close || memchr(ret_host->at, ':', ret_host->len); /* brackets are for IPv6 */
}

static enum status set_host_port(struct span text, struct host_port *field)
{
    if (text.len == 0) {
        free(field->host);
        *field = (struct host_port){ 0 };
        return ST_OK;
    }
    struct span host;
    struct span port;
    int64_t number;
    if (!operator_text_is_plain(text) || !split_host_port(text, &host, &port) ||
        !parse_number(port, &number) || number > UINT16_MAX) {
        return ST_INVALID;
    }
    char *copy = host.len > 0 ? span_copy(host) : strdup("::");
    if (!copy) {
        return ST_NOMEM;
    }
    if (!option_is_address(copy)) {
        free(copy);
        return ST_INVALID;
    }
    free(field->host);
    *field = (struct host_port){ .host = copy, .port = (uint16_t)number };
    return ST_OK;
}

static enum status set_instant(struct span text, struct option_instant *field)
{
    struct instant instant;
    if (rfc3339_parse(text, &instant) != ST_OK) {
        return ST_INVALID;
    }
    *field = (struct option_instant){ .is_set = true, .instant = instant };
    return ST_OK;
}

enum status option_add_item(const struct option_row *row, struct span item, struct options *options)
{
    struct option_list *list = field_of(row, options);
    /* blanks around an item are a slip of `a, b`: it would never match anything */
    if (item.len == 0 || !operator_text_is_plain(item) || item.at[0] == ' ' ||
        item.at[item.len - 1] == ' ' || list->count >= OPTION_LIST_MAX) {
        return ST_INVALID;
    }
    char *copy = span_copy(item);
    const char **items = reallocarray(list->items, list->count + 1, sizeof(*items));
    if (items) {
        list->items = items;
    }
    if (!copy || !items) {
        free(copy);
        return ST_NOMEM;
    }
    items[list->count++] = copy;
    return ST_OK;
}

static enum status add_items(const struct option_row *row,
                             struct span text,
                             struct options *options)
{
    while (text.len > 0) {
        const char *comma = row->keeps_commas ? NULL : memchr(text.at, ',', text.len);
        const size_t len = comma ? (size_t)(comma - text.at) : text.len;
        const enum status status =
            option_add_item(row, (struct span){ .at = text.at, .len = len }, options);
        if (status != ST_OK) {
            return status;
        }
        text = span_after(text, len);
        if (comma) {
            text = span_after(text, 1);
            if (text.len == 0) {
                return ST_INVALID; /* a comma at the end: an item is missing */
            }
        }
    }
    return ST_OK;
}

enum status option_set(const struct option_row *row, struct span text, struct options *options)
{
    void *field = field_of(row, options);
    switch (row->type) {
    case OPTION_STRING:
    case OPTION_PATH:
    case OPTION_SECRET_PATH:
        return set_string(text, field);
    case OPTION_BOOL:
        return set_bool(text, field);
    case OPTION_INT:
        return set_number(row, parse_number, text, field);
    case OPTION_PORT:
        return set_port(row, text, field);
    case OPTION_BYTES:
        return set_number(row, parse_bytes, text, field);
    case OPTION_DURATION:
        return set_number(row, parse_duration, text, field);
    case OPTION_ENUM:
        return set_enum(row, text, field);
    case OPTION_LIST:
        return add_items(row, text, options);
    case OPTION_HOST_PORT:
        return set_host_port(text, field);
    case OPTION_INSTANT:
        return set_instant(text, field);
    }
    return ST_INTERNAL;
}

static size_t field_size(enum option_type type)
{
    switch (type) {
    case OPTION_STRING:
    case OPTION_PATH:
    case OPTION_SECRET_PATH:
        return sizeof(char *);
    case OPTION_BOOL:
        return sizeof(bool);
    case OPTION_PORT:
        return sizeof(uint16_t);
    case OPTION_INT:
    case OPTION_BYTES:
    case OPTION_DURATION:
        return sizeof(int64_t);
    case OPTION_ENUM:
        return sizeof(int);
    case OPTION_LIST:
        return sizeof(struct option_list);
    case OPTION_HOST_PORT:
        return sizeof(struct host_port);
    case OPTION_INSTANT:
        return sizeof(struct option_instant);
    }
    return 0;
}

static void free_list(struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free((void *)list->items[i]); /* ours: const only for those who read */
    }
    free(list->items);
}

static void free_field(enum option_type type, void *field)
{
    switch (type) {
    case OPTION_STRING:
    case OPTION_PATH:
    case OPTION_SECRET_PATH:
        free(*(char **)field);
        break;
    case OPTION_LIST:
        free_list(field);
        break;
    case OPTION_HOST_PORT:
        free(((struct host_port *)field)->host);
        break;
    case OPTION_BOOL:
    case OPTION_INT:
    case OPTION_PORT:
    case OPTION_BYTES:
    case OPTION_DURATION:
    case OPTION_ENUM:
    case OPTION_INSTANT:
        break;
    }
}

void option_clear(const struct option_row *row, struct options *options)
{
    void *field = field_of(row, options);
    free_field(row->type, field);
    memset(field, 0, field_size(row->type));
}

bool option_is_empty(const struct option_row *row, const struct options *options)
{
    const void *field = (const char *)options + row->offset;
    switch (row->type) {
    case OPTION_STRING:
    case OPTION_PATH:
    case OPTION_SECRET_PATH:
        return !*(char *const *)field;
    case OPTION_LIST:
        return ((const struct option_list *)field)->count == 0;
    case OPTION_HOST_PORT:
        return !((const struct host_port *)field)->host;
    case OPTION_BOOL:
    case OPTION_INT:
    case OPTION_PORT:
    case OPTION_BYTES:
    case OPTION_DURATION:
    case OPTION_ENUM:
    case OPTION_INSTANT:
        return false;
    }
    return false;
}

void option_move(const struct option_row *row, struct options *from, struct options *to)
{
    void *source = field_of(row, from);
    option_clear(row, to);
    memcpy(field_of(row, to), source, field_size(row->type));
    memset(source, 0, field_size(row->type)); /* nothing is owned twice */
}

static void expect_choices(const struct option_row *row, char *ret_text, size_t size)
{
    size_t len = 0;
    for (const struct option_choice *choice = row->choices; choice->name && len < size; choice++) {
        const int n = snprintf(ret_text + len, size - len, "%s%s",
                               choice == row->choices ? "one of " : ", ", choice->name);
        len += n > 0 ? (size_t)n : size;
    }
}

void option_expectation(const struct option_row *row, char ret_text[static OPTION_EXPECTATION_MAX])
{
    const size_t size = OPTION_EXPECTATION_MAX;
    char low[32];
    char high[32];
    switch (row->type) {
    case OPTION_STRING:
        (void)snprintf(ret_text, size, "one line of text");
        break;
    case OPTION_PATH:
    case OPTION_SECRET_PATH:
        (void)snprintf(ret_text, size, "a path");
        break;
    case OPTION_BOOL:
        (void)snprintf(ret_text, size, "true or false");
        break;
    case OPTION_INT:
    case OPTION_PORT:
        (void)snprintf(ret_text, size, "a whole number from %" PRId64 " to %" PRId64, row->min,
                       row->max);
        break;
    case OPTION_BYTES:
        (void)snprintf(ret_text, size,
                       "bytes from %" PRId64 " to %" PRId64 ", such as 131072 or 128Ki", row->min,
                       row->max);
        break;
    case OPTION_DURATION:
        format_duration(row->min, low, sizeof(low));
        format_duration(row->max, high, sizeof(high));
        (void)snprintf(ret_text, size,
                       "a duration of whole milliseconds from %s to %s, such as 90s or 1m30s", low,
                       high);
        break;
    case OPTION_ENUM:
        expect_choices(row, ret_text, size);
        break;
    case OPTION_LIST:
        (void)snprintf(ret_text, size,
                       row->keeps_commas
                           ? "one line of text without blanks around it, %d times at most"
                           : "at most %d items, separated by commas without blanks, none empty",
                       OPTION_LIST_MAX);
        break;
    case OPTION_HOST_PORT:
        (void)snprintf(ret_text, size,
                       "an IP address and a port, such as 127.0.0.1:8080, [::1]:8080 or :8080");
        break;
    case OPTION_INSTANT:
        (void)snprintf(ret_text, size, "an RFC 3339 time, such as 2026-01-02T03:04:05Z");
        break;
    }
}

/* CPUs this process may use: one worker each. A machine too large for the mask has enough. */
static int64_t usable_cpus(void)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    const int count = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return count > WORKERS_MAX ? WORKERS_MAX : count;
}

enum status options_init(struct options *ret_options)
{
    CLEANUP(options_fini) struct options options = { .workers = usable_cpus() };
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].initial) {
            continue;
        }
        const enum status status = option_set(&rows[i], span_of(rows[i].initial), &options);
        if (status != ST_OK) {
            return status;
        }
    }
    *ret_options = options;
    options = (struct options){ 0 };
    return ST_OK;
}

void options_fini(struct options *options)
{
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        option_clear(&rows[i], options);
    }
    options->service_account_issuers =
        service_account_issuers_free(options->service_account_issuers);
    *options = (struct options){ 0 };
}
