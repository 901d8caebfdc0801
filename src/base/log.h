/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Structured log: an event is a constant message and typed fields; one event is one line and one
 * write().
 *
 * Two formats with the names Kubernetes has for them (--logging-format): `text`, klog-like
 * `I1122 21:10:55.123456 1234 TokenReview refused reason="token_expired"`, and `json`,
 * {"ts":…,"v":0,"msg":"…",…}. Peer bytes enter only through LOG_PEER, which escapes and cuts them.
 * There is no way to log a secret: nothing here takes one. Any thread may log; lines never
 * interleave.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

#define LOG_PEER_MAX 128 /* bytes of a peer's text that reach the log */

enum log_format { LOG_FORMAT_TEXT = 0, LOG_FORMAT_JSON };

enum log_severity { LOG_INFO = 0, LOG_WARNING, LOG_ERROR };

enum log_field_kind {
    LOG_FIELD_END = 0,
    LOG_FIELD_TEXT,
    LOG_FIELD_PEER,
    LOG_FIELD_INT,
    LOG_FIELD_BOOL
};

struct log_field {
    const char *key; /* lowerCamelCase, as klog's keys are */
    enum log_field_kind kind;
    struct span text;
    int64_t number;
};

#define LOG_TEXT(k, v)                                         \
    {                                                          \
        .key = (k), .kind = LOG_FIELD_TEXT, .text = span_of(v) \
    }
#define LOG_PEER(k, v)                                  \
    {                                                   \
        .key = (k), .kind = LOG_FIELD_PEER, .text = (v) \
    }
#define LOG_INT(k, v)                                             \
    {                                                             \
        .key = (k), .kind = LOG_FIELD_INT, .number = (int64_t)(v) \
    }
#define LOG_BOOL(k, v)                                    \
    {                                                     \
        .key = (k), .kind = LOG_FIELD_BOOL, .number = (v) \
    }
#define LOG_FIELDS(...) ((const struct log_field[]){ __VA_ARGS__, { .kind = LOG_FIELD_END } })
#define LOG_NO_FIELDS   ((const struct log_field[]){ { .kind = LOG_FIELD_END } })

struct log;

/** log_new() - write to @fd (borrows it). @verbosity is -v: 0 to 10. Return: ST_OK; ST_NOMEM */
enum status log_new(int fd,
                    enum log_format format,
                    int verbosity,
                    struct clock clock,
                    struct log **ret_log) NODISCARD NONNULL(5);

struct log *log_free(struct log *log);

/** log_event() - write one line. @log may be NULL: nothing happens (libraries and unit tests).
 * @message: constant text, no format. @fields: LOG_FIELDS(...) or LOG_NO_FIELDS */
void log_event(struct log *log,
               enum log_severity severity,
               const char *message,
               const struct log_field *fields) NONNULL(3, 4);

/** log_event_v() - as log_event() with LOG_INFO, only when -v is at least @verbosity */
void log_event_v(struct log *log,
                 int verbosity,
                 const char *message,
                 const struct log_field *fields) NONNULL(3, 4);

/** log_is_enabled() - would log_event_v(@verbosity) write? */
bool log_is_enabled(const struct log *log, int verbosity);

/** log_set_verbosity() - change verbosity while running */
void log_set_verbosity(struct log *log, int verbosity) NONNULL(1);

/** log_lines_failed() - lines that write() refused since the start, for the metric */
uint64_t log_lines_failed(const struct log *log) NONNULL(1);

/*
 * Flood protection: a token bucket for one kind of line. Owned by one thread, or guarded by its
 * owner.
 */
struct log_limit {
    int64_t refilled_at_ns; /* monotonic */
    uint32_t tokens;
    bool started;
    uint64_t dropped; /* since the last line that was let through */
};

#define LOG_LIMIT_BURST 10 /* lines at once: enough to see a pattern */
#define LOG_LIMIT_PER_SECOND \
    1 /* lines a second afterwards: a day of attack is 86,400 lines, not a full disk */

/**
 * log_limit_take() - may this line be written now?
 * @ret_dropped: how many lines were held back since the last one; log it as dropped=N when not 0.
 * Written on true only
 */
bool log_limit_take(struct log_limit *limit, int64_t monotonic_ns, uint64_t *ret_dropped) NODISCARD
    NONNULL(1, 3);
