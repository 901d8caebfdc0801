/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: lines built on the stack, written under one lock.
 *
 * Forms: klog v2's InfoS for `text` (Lmmdd hh:mm:ss.uuuuuu threadid file:line] "message" key=value,
 * strings quoted as Go's strconv.Quote does, except that a newline never breaks the line) and
 * component-base's for `json` (ts in milliseconds, caller, msg, v, then the fields). Kubernetes'
 * JSON cannot tell a warning from an info, so those two kinds of line get a `severity` besides.
 *
 * Threat: a peer that writes its own log lines, escape sequences for the operator's terminal, or
 * so much that the reader cannot keep up. So every value is escaped here, not at the call; a peer's
 * text is reduced to printable ASCII; values, lines and (by log_limit) rates are bounded; and
 * logging is lossy: whoever cannot write a line drops and counts it. A worker that waited for a
 * stuck log reader would turn a full disk or a stopped terminal into a dead authenticator.
 *
 * Threads: any. The kernel writes up to PIPE_BUF bytes to a pipe in one piece, but a file, a
 * terminal or a socket may take a part, and then the rest of the line must follow before any other
 * thread's: hence the mutex, and the memory of a torn line. It is held for one poll() and one
 * write(), which poll() has found not to block: a pipe that is writable has room for PIPE_BUF.
 * The descriptor stays in whatever mode it came: O_NONBLOCK belongs to the open file, which stderr
 * shares with the shell and other processes.
 */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

#define LOG_VERBOSITY_MAX 10 /* as klog's users know it */
#define LOG_WRITE_TRIES   16 /* parts and signals in one line; more is a broken descriptor */
#define LOG_HEADER_MAX    128
#define LOG_TAIL_ROOM     32 /* kept free for `…"`, the truncated mark, a brace and the newline */
#define NS_PER_SEC        1000000000

struct log {
    int fd; /* borrows */
    enum log_format format;
    struct clock clock;
    atomic_int verbosity;
    _Atomic uint64_t lines_failed;
    pthread_mutex_t lock;   /* order: innermost, nothing else is taken inside */
    bool is_stalled_locked; /* the last line was lost: do not wait for the reader again */
    bool is_torn_locked;    /* the last line was written in part: end it first */
    uint64_t lost_locked;   /* lines lost and not yet told to the reader */
};

/** A line being built. at[0] is a newline that is written only to end a torn line before it. */
struct line {
    enum log_format format;
    bool cut; /* no room was left: nothing more goes in but the tail */
    size_t len;
    char at[1 + LOG_LINE_MAX];
};

static const char severity_letters[LOG_SEVERITY_COUNT_] = { 'I', 'W', 'E' };
static const char *const severity_names[LOG_SEVERITY_COUNT_] = { "info", "warning", "error" };
static const char hex_digits[] = "0123456789abcdef";

/* All or nothing, so that no escape sequence is cut in half. */
static bool line_append(struct line *line, const char *bytes, size_t len)
{
    /* a sum, not a difference: line->len may already reach into the tail's room */
    if (line->cut || line->len + len > sizeof(line->at) - LOG_TAIL_ROOM) {
        line->cut = true;
        return false;
    }
    memcpy(line->at + line->len, bytes, len);
    line->len += len;
    return true;
}

/* Into the room that line_append() leaves free. */
static void line_append_tail(struct line *line, const char *text)
{
    const size_t len = strlen(text);
    memcpy(line->at + line->len, text, len);
    line->len += len;
}

static size_t encode_hex(char *ret, char kind, uint32_t value, unsigned digits)
{
    ret[0] = '\\';
    ret[1] = kind;
    for (unsigned i = 0; i < digits; i++) {
        ret[2 + i] = hex_digits[(value >> (4 * (digits - 1 - i))) & 15];
    }
    return 2 + digits;
}

static size_t encode_ascii(char *ret, enum log_format format, unsigned char c)
{
    static const char named[] = "\"\\\n\r\t";
    static const char letters[] = "\"\\nrt";
    const char *at = c ? strchr(named, c) : NULL;
    if (at) {
        ret[0] = '\\';
        ret[1] = letters[at - named];
        return 2;
    }
    if (c >= 0x20 && c < 0x7f) {
        ret[0] = (char)c;
        return 1;
    }
    return format == LOG_FORMAT_JSON ? encode_hex(ret, 'u', c, 4) : encode_hex(ret, 'x', c, 2);
}

static uint32_t decode_sequence(const char *at, size_t len)
{
    /* the lead byte has len + 1 marker bits, the others carry six bits each */
    uint32_t code = (unsigned char)at[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        code = code << 6 | ((unsigned char)at[i] & 0x3f);
    }
    return code;
}

static size_t encode_code_point(char *ret, enum log_format format, uint32_t code)
{
    if (code <= 0xffff) {
        return encode_hex(ret, 'u', code, 4);
    }
    if (format == LOG_FORMAT_TEXT) {
        return encode_hex(ret, 'U', code, 8);
    }
    const size_t high = encode_hex(ret, 'u', 0xd800 + ((code - 0x10000) >> 10), 4);
    return high + encode_hex(ret + high, 'u', 0xdc00 + ((code - 0x10000) & 0x3ff), 4);
}

#define ENCODED_MAX 12 /* a JSON surrogate pair */

/* Escape what @text starts with into @ret. Return: bytes of @text consumed */
static size_t encode_next(struct span text,
                          enum log_format format,
                          bool ascii_only,
                          char ret[static ENCODED_MAX],
                          size_t *ret_len)
{
    const unsigned char first = (unsigned char)text.at[0];
    if (first < 0x80) {
        *ret_len = encode_ascii(ret, format, first);
        return 1;
    }
    const size_t len = utf8_sequence_len(text);
    if (len == 0) {
        *ret_len = format == LOG_FORMAT_JSON ? encode_hex(ret, 'u', 0xfffd, 4)
                                             : encode_hex(ret, 'x', first, 2);
        return 1;
    }
    const uint32_t code = decode_sequence(text.at, len);
    if (ascii_only || code < 0xa0) { /* U+0080 to U+009F are control characters too */
        *ret_len = encode_code_point(ret, format, code);
    } else {
        memcpy(ret, text.at, len);
        *ret_len = len;
    }
    return len;
}

static void line_append_quoted(struct line *line, struct span text, size_t max, bool ascii_only)
{
    if (!line_append(line, "\"", 1)) {
        return;
    }
    size_t i = 0;
    while (i < text.len) {
        char encoded[ENCODED_MAX];
        size_t len;
        const size_t consumed =
            encode_next(span_after(text, i), line->format, ascii_only, encoded, &len);
        if (i + consumed > max || !line_append(line, encoded, len)) {
            break;
        }
        i += consumed;
    }
    /* not line_append(): an opened string is always closed */
    line_append_tail(line, i < text.len ? "\u2026\"" : "\"");
}

static void line_append_value(struct line *line, const struct log_field *field)
{
    char number[24];
    int len = 0;
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        line_append_quoted(line, field->text, LOG_TEXT_MAX, false);
        return;
    case LOG_FIELD_PEER:
        line_append_quoted(line, field->text, LOG_PEER_MAX, true);
        return;
    case LOG_FIELD_INT:
        len = snprintf(number, sizeof(number), "%lld", (long long)field->number);
        break;
    case LOG_FIELD_BOOL:
        len = snprintf(number, sizeof(number), "%s", field->number ? "true" : "false");
        break;
    case LOG_FIELD_END:
        return;
    }
    (void)line_append(line, number, (size_t)len); /* line->cut remembers */
}

static void line_append_field(struct line *line, const struct log_field *field)
{
    const size_t before = line->len;
    const bool json = line->format == LOG_FORMAT_JSON;
    const bool has_name = line_append(line, json ? ",\"" : " ", json ? 2 : 1) &&
                          line_append(line, field->key, strlen(field->key)) &&
                          line_append(line, json ? "\":" : "=", json ? 2 : 1);
    const size_t named = line->len;
    if (has_name) {
        line_append_value(line, field);
    }
    if (line->len == named) { /* no value, so no name either */
        line->len = before;
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

struct event {
    enum log_severity severity;
    int verbosity;
    const char *site;
    const char *message;
    const struct log_field *fields;
};

static void line_begin_text(struct line *line, const struct event *event, struct instant now)
{
    struct tm tm = { 0 };
    const time_t sec = (time_t)now.sec;
    (void)gmtime_r(&sec, &tm); /* fails for years beyond int: zeros are as good */
    char header[LOG_HEADER_MAX];
    const int len =
        snprintf(header, sizeof(header), "%c%02d%02d %02d:%02d:%02d.%06d %7d %.64s] ",
                 severity_letters[event->severity], tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec, now.nsec / 1000, (int)gettid(), base_name(event->site));
    (void)line_append(line, header, (size_t)len); /* the first bytes always fit */
    line_append_quoted(line, span_of(event->message), LOG_TEXT_MAX, false);
}

static void line_begin_json(struct line *line, const struct event *event, struct instant now)
{
    char header[LOG_HEADER_MAX];
    int len = snprintf(header, sizeof(header),
                       "{\"ts\":%lld%03d.%03d,\"caller\":\"%.64s\",\"msg\":", (long long)now.sec,
                       now.nsec / 1000000, now.nsec / 1000 % 1000, base_name(event->site));
    (void)line_append(line, header, (size_t)len); /* the first bytes always fit */
    line_append_quoted(line, span_of(event->message), LOG_TEXT_MAX, false);
    len = snprintf(header, sizeof(header), ",\"v\":%d", event->verbosity);
    (void)line_append(line, header, (size_t)len); /* line->cut remembers */
    if (event->severity != LOG_INFO) {
        const struct log_field severity = LOG_TEXT("severity", severity_names[event->severity]);
        line_append_field(line, &severity);
    }
}

static void line_build(struct line *line, const struct log *log, const struct event *event)
{
    line->format = log->format;
    line->cut = false;
    line->at[0] = '\n';
    line->len = 1;
    const struct instant now = clock_now(&log->clock);
    const bool json = log->format == LOG_FORMAT_JSON;
    if (json) {
        line_begin_json(line, event, now);
    } else {
        line_begin_text(line, event, now);
    }
    for (const struct log_field *field = event->fields; field->kind != LOG_FIELD_END && !line->cut;
         field++) {
        line_append_field(line, field);
    }
    if (line->cut) {
        line_append_tail(line, json ? ",\"truncated\":true" : " truncated=true");
    }
    line_append_tail(line, json ? "}\n" : "\n");
}

/* Waits for room once; whoever was too slow before is not waited for until it has caught up. */
static bool wait_for_room_locked(const struct log *log)
{
    struct pollfd poll_fd = { .fd = log->fd, .events = POLLOUT };
    for (int i = 0; i < LOG_WRITE_TRIES; i++) {
        const int ready = poll(&poll_fd, 1, log->is_stalled_locked ? 0 : LOG_STALL_MS);
        if (ready >= 0 || errno != EINTR) {
            return ready > 0; /* an error counts as ready: write() will tell */
        }
    }
    return false;
}

static bool line_write_locked(struct log *log, const struct line *line)
{
    const size_t start = log->is_torn_locked ? 0 : 1;
    size_t at = start;
    for (int i = 0; at < line->len && i < LOG_WRITE_TRIES && wait_for_room_locked(log); i++) {
        const ssize_t n = write(log->fd, line->at + at, line->len - at);
        if (n > 0) {
            at += (size_t)n;
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            break;
        }
    }
    const bool whole = at == line->len;
    log->is_stalled_locked = !whole;
    log->is_torn_locked = !whole && (at > start || log->is_torn_locked);
    return whole;
}

/* A gap in the log must not look like silence. */
static void report_lost_locked(struct log *log)
{
    const struct event event = {
        .severity = LOG_WARNING,
        .site = LOG_SITE,
        .message = "Log lines were lost because they could not be written",
        .fields = LOG_FIELDS(LOG_INT("count", log->lost_locked)),
    };
    struct line line;
    line_build(&line, log, &event);
    if (line_write_locked(log, &line)) {
        log->lost_locked = 0;
    }
}

enum status log_new(
    int fd, enum log_format format, int verbosity, struct clock clock, struct log **ret_log)
{
    struct log *log = calloc(1, sizeof(*log));
    if (!log) {
        return ST_NOMEM;
    }
    if (pthread_mutex_init(&log->lock, NULL) != 0) {
        free(log);
        return ST_NOMEM;
    }
    log->fd = fd;
    log->format = format;
    log->clock = clock;
    log_set_verbosity(log, verbosity);
    *ret_log = log;
    return ST_OK;
}

struct log *log_free(struct log *log)
{
    if (log) {
        (void)pthread_mutex_destroy(&log->lock); /* fails only while locked */
        free(log);
    }
    return NULL;
}

void log_write(struct log *log,
               enum log_severity severity,
               int verbosity,
               const char *site,
               const char *message,
               const struct log_field *fields)
{
    if (!log_is_enabled(log, verbosity)) {
        return;
    }
    const struct event event = { .severity = severity,
                                 .verbosity = verbosity,
                                 .site = site,
                                 .message = message,
                                 .fields = fields };
    struct line line;
    line_build(&line, log, &event);
    (void)pthread_mutex_lock(&log->lock); /* fails only for misuse */
    if (log->lost_locked) {
        report_lost_locked(log);
    }
    if (!line_write_locked(log, &line)) {
        log->lost_locked++;
        atomic_fetch_add_explicit(&log->lines_failed, 1, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&log->lock);
}

bool log_is_enabled(const struct log *log, int verbosity)
{
    return log && verbosity <= atomic_load_explicit(&log->verbosity, memory_order_relaxed);
}

void log_set_verbosity(struct log *log, int verbosity)
{
    const int bounded = verbosity < 0                   ? 0
                        : verbosity > LOG_VERBOSITY_MAX ? LOG_VERBOSITY_MAX
                                                        : verbosity;
    atomic_store_explicit(&log->verbosity, bounded, memory_order_relaxed);
}

uint64_t log_lines_failed(const struct log *log)
{
    return atomic_load_explicit(&log->lines_failed, memory_order_relaxed);
}

/* One token for each whole period since the last refill; the remainder is kept for the next. */
static void limit_refill(struct log_limit *limit, int64_t monotonic_ns)
{
    const int64_t period_ns = NS_PER_SEC / LOG_LIMIT_PER_SECOND;
    int64_t elapsed_ns;
    if (__builtin_sub_overflow(monotonic_ns, limit->refilled_at_ns, &elapsed_ns) ||
        elapsed_ns < period_ns) {
        return;
    }
    const int64_t earned = elapsed_ns / period_ns;
    if (earned >= LOG_LIMIT_BURST - (int64_t)limit->tokens) {
        limit->tokens = LOG_LIMIT_BURST;
        limit->refilled_at_ns = monotonic_ns;
    } else {
        limit->tokens += (uint32_t)earned;
        limit->refilled_at_ns += earned * period_ns;
    }
}

bool log_limit_take(struct log_limit *limit, int64_t monotonic_ns, uint64_t *ret_dropped)
{
    if (!limit->started) {
        *limit = (struct log_limit){ .refilled_at_ns = monotonic_ns,
                                     .tokens = LOG_LIMIT_BURST,
                                     .started = true };
    }
    limit_refill(limit, monotonic_ns);
    if (limit->tokens == 0) {
        limit->dropped++;
        return false;
    }
    limit->tokens--;
    *ret_dropped = limit->dropped;
    limit->dropped = 0;
    return true;
}

bool log_limit_take_dropped(struct log_limit *limit, int64_t monotonic_ns, uint64_t *ret_dropped)
{
    const uint64_t dropped = limit->dropped;
    uint64_t ignored;
    if (dropped == 0) {
        return false;
    }
    if (!log_limit_take(limit, monotonic_ns, &ignored)) {
        limit->dropped = dropped; /* nothing more was held back */
        return false;
    }
    *ret_dropped = dropped;
    return true;
}
