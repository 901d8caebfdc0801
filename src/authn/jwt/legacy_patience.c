/* SPDX-License-Identifier: Apache-2.0 */
/* A place for each token, by its number; the last minute in which somebody waited. Two questions
 * of one instant: one of both. */
#include "authn/jwt/legacy_patience.h"

#define MINUTE_SEC 60

bool legacy_patience_take(struct legacy_patience *patience, uint64_t token, int64_t now_sec)
{
    _Atomic uint64_t *place = &patience->minutes[token % LEGACY_PATIENCE_PLACES];
    const uint64_t minute = (now_sec > 0 ? (uint64_t)now_sec / MINUTE_SEC : 0) + 1;
    uint64_t last = atomic_load_explicit(place, memory_order_relaxed);
    return last != minute && atomic_compare_exchange_strong_explicit(
                                 place, &last, minute, memory_order_relaxed, memory_order_relaxed);
}
