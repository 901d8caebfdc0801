/* SPDX-License-Identifier: Apache-2.0 */
/* Exponential backoff with jitter. Untrusted: what a server asks us to wait, which is bounded.
 * Threads: one at a time. */
#include "base/backoff.h"

#include <sodium.h>

static uint64_t most_ms(unsigned failures)
{
    uint64_t most = BACKOFF_MIN_MS;
    for (unsigned i = 0; i < failures && most < BACKOFF_MAX_MS; i++) {
        most *= 2;
    }
    return most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS;
}

uint64_t backoff_next_ms(struct backoff *backoff, bool is_away, uint64_t retry_after_sec)
{
    if (backoff->was_away && !is_away && backoff->failures > BACKOFF_BACK_FAILURES) {
        backoff->failures = BACKOFF_BACK_FAILURES;
    }
    const uint64_t most = most_ms(backoff->failures);
    const uint64_t own_ms = most / 2 + randombytes_uniform((uint32_t)(most / 2) + 1);
    backoff->was_away = is_away;
    backoff->failures++;
    if (retry_after_sec == 0) {
        return own_ms;
    }
    const uint64_t sec = retry_after_sec < BACKOFF_RETRY_AFTER_MAX_SEC
                             ? retry_after_sec
                             : BACKOFF_RETRY_AFTER_MAX_SEC;
    const uint64_t asked_ms = sec * 1000 + randombytes_uniform((uint32_t)(sec * 100) + 1);
    return asked_ms > own_ms ? asked_ms : own_ms;
}
