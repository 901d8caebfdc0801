/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How long to wait before a server is asked again that has failed. */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000

/* What a server may ask us to wait. Longer is a mistake somewhere, and would keep us blind. */
#define BACKOFF_RETRY_AFTER_MAX_SEC 300

/* A server that answers again is not ready at once: for some seconds a kube-apiserver says 403,
 * since its roles have not been read. So the first answer after a silence goes on as if after so
 * many failures, and what comes next is not 10 s away. */
#define BACKOFF_BACK_FAILURES 2

/** All-zero is the start; set `failures` to 0 when all is well again. */
struct backoff {
    unsigned failures; /* in a row */
    bool was_away;     /* the last of them had no answer at all */
};

/**
 * backoff_next_ms() - count a failure; how long to wait after it
 * @is_away:         the server gave no answer at all
 * @retry_after_sec: what it asked for; 0: nothing
 *
 * 50 to 100 ms after the first failure, twice as long after each further one, up to BACKOFF_MAX_MS:
 * half of that is certain and half is chance, so that many clients do not come back at once. Never
 * sooner than @retry_after_sec, and up to a tenth later. Return: milliseconds
 */
uint64_t backoff_next_ms(struct backoff *backoff, bool is_away, uint64_t retry_after_sec) NODISCARD
    NONNULL(1);
