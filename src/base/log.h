/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Structured log: an event is a constant message and typed fields; one event is one line and one
 * write().
 *
 * Two formats with the names Kubernetes has for them (--logging-format): `text`, which is klog's
 * `I1122 21:10:55.123456    1234 file.c:12] "TokenReview refused" reason="token_expired"`, and
 * `json`, {"ts":1732309855123.456,"caller":"file.c:12","msg":"…","v":0,…}. Peer bytes enter only
 * through LOG_PEER, which escapes and cuts them. There is no way to log a secret: nothing here
 * takes one. Any thread may log; lines never interleave.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

#define LOG_PEER_MAX 128  /* bytes of a peer's text that reach the log: enough to recognize it */
#define LOG_TEXT_MAX 1024 /* bytes of a text of ours: the longest struct problem fits */

/* bytes of a line with its newline: PIPE_BUF, so that a pipe takes it whole or not */
#define LOG_LINE_MAX 4096

enum log_format { LOG_FORMAT_TEXT = 0, LOG_FORMAT_JSON };

enum log_severity { LOG_INFO = 0, LOG_WARNING, LOG_ERROR, LOG_SEVERITY_COUNT_ };

enum log_field_kind {
    LOG_FIELD_END = 0,
    LOG_FIELD_TEXT,
    LOG_FIELD_PEER,
    LOG_FIELD_INT,
    LOG_FIELD_BOOL
};

struct log_field {
    const char *key; /* lowerCamelCase, as klog's keys are; not ts, caller, msg, v, severity or
                        truncated */
    enum log_field_kind kind;
    struct span text;
    int64_t number;
};

/* A value of ours, NUL-terminated, NULL is "": escaped, cut at LOG_TEXT_MAX. */
#define LOG_TEXT(k, v) \
    ((struct log_field){ .key = (k), .kind = LOG_FIELD_TEXT, .text = span_of(v) })
/* A span that a peer chose: printable ASCII stays, all else is escaped, cut at LOG_PEER_MAX. */
#define LOG_PEER(k, v) ((struct log_field){ .key = (k), .kind = LOG_FIELD_PEER, .text = (v) })
#define LOG_INT(k, v) \
    ((struct log_field){ .key = (k), .kind = LOG_FIELD_INT, .number = (int64_t)(v) })
#define LOG_BOOL(k, v) \
    ((struct log_field){ .key = (k), .kind = LOG_FIELD_BOOL, .number = (v) ? 1 : 0 })
#define LOG_FIELDS(...) \
    ((const struct log_field[]){ __VA_ARGS__, (struct log_field){ .kind = LOG_FIELD_END } })
#define LOG_NO_FIELDS ((const struct log_field[]){ { .kind = LOG_FIELD_END } })

struct log;

/**
 * log_new() - a log that writes to @fd (borrows it)
 * @verbosity: -v, 0 to 10
 * @clock:     wall clock of the lines
 *
 * The process ignores SIGPIPE, or a reader that goes away ends it. Text lines have UTC, where
 * klog has local time (the same in most containers); JSON lines have milliseconds since 1970.
 * Return: ST_OK; ST_NOMEM
 */
enum status log_new(int fd,
                    enum log_format format,
                    int verbosity,
                    struct clock clock,
                    struct log **ret_log) NODISCARD NONNULL(5);

/** log_free() - nobody may be logging any more. NULL is fine. Return: NULL */
struct log *log_free(struct log *log);

/** log_event() - write one line. @log may be NULL: nothing happens (libraries and unit tests).
 * @severity: an enum log_severity. @message: constant text, no format. The fields: LOG_FIELDS(...)
 * or LOG_NO_FIELDS. The line names the source file and line of the call */
#define log_event(log, severity, message, ...) \
    log_write((log), (severity), 0, LOG_SITE, (message), __VA_ARGS__)

/** log_event_v() - as log_event() with LOG_INFO, only when -v is at least @verbosity */
#define log_event_v(log, verbosity, message, ...) \
    log_write((log), LOG_INFO, (verbosity), LOG_SITE, (message), __VA_ARGS__)

#define LOG_SITE_LINE(line) #line
#define LOG_SITE_AT(line)   SOURCE_FILE_NAME ":" LOG_SITE_LINE(line)
#define LOG_SITE            LOG_SITE_AT(__LINE__)

/**
 * log_write() - what log_event() and log_event_v() expand to
 * @site: "file.c:12"; a directory in front is left out
 *
 * A line that does not fit LOG_LINE_MAX loses its last fields and says truncated=true. A reader
 * that does not keep up loses lines, never stops the caller for longer than LOG_STALL_MS.
 */
void log_write(struct log *log,
               enum log_severity severity,
               int verbosity,
               const char *site,
               const char *message,
               const struct log_field *fields) NONNULL(4, 5, 6);

/** log_is_enabled() - would log_event_v(@verbosity) write? */
bool log_is_enabled(const struct log *log, int verbosity);

/** log_set_verbosity() - change verbosity while running; any thread */
void log_set_verbosity(struct log *log, int verbosity) NONNULL(1);

/** log_lines_failed() - lines that were lost in writing since the start, for the metric; any thread
 */
uint64_t log_lines_failed(const struct log *log) NONNULL(1);

/* wait this long for a slow reader, once; then lines are lost until it reads again */
#define LOG_STALL_MS 20

/*
 * Flood protection: a token bucket for one kind of line. Owned by one thread, or guarded by its
 * owner. All-zero is a full bucket.
 */
struct log_limit {
    int64_t refilled_at_ns; /* monotonic */
    uint32_t tokens;
    bool started;
    uint64_t dropped; /* since the last line that was let through */
};

#define LOG_LIMIT_BURST 10 /* lines at once: enough to see a pattern */

/* lines a second afterwards: a day of attack is 86,400 lines, not a full disk */
#define LOG_LIMIT_PER_SECOND 1

/**
 * log_limit_take() - may this line be written now?
 * @ret_dropped: how many lines were held back since the last one; log it as dropped=N when not 0.
 * Written on true only
 */
bool log_limit_take(struct log_limit *limit, int64_t monotonic_ns, uint64_t *ret_dropped) NODISCARD
    NONNULL(1, 3);

/**
 * log_limit_take_dropped() - may a line that only says how many were held back be written now?
 * @ret_dropped: how many, never 0; log_limit_take() counts from 0 again. Written on true only
 */
bool log_limit_take_dropped(struct log_limit *limit,
                            int64_t monotonic_ns,
                            uint64_t *ret_dropped) NODISCARD NONNULL(1, 3);
