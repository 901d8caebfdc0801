/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * When keys are fetched, and when they have been stale for too long: arithmetic only. Who fetches
 * asks what is due, says what he does and what came of it.
 *
 * Times are milliseconds of a clock that goes on while the machine is suspended and never goes
 * back. Threads: one at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* Keys are fetched again after as long as the reply is good, within these bounds: a key that its
 * issuer has withdrawn is one here for up to an hour, and an issuer that says no-cache, as Keycloak
 * does, is asked twelve times an hour. */
#define KEY_REFRESH_MIN_MS     300000
#define KEY_REFRESH_MAX_MS     3600000
#define KEY_REFRESH_DEFAULT_MS 600000 /* Cache-Control says nothing */

/* After a failure, and half as long again by chance: as kube-apiserver waits for discovery. */
#define KEY_RETRY_MS 10000

/* What a server may ask us to wait (Retry-After); longer would keep us blind. */
#define KEY_RETRY_AFTER_MAX_MS 300000

#define KEY_MAX_STALE_MS 86400000 /* an issuer that is away for a day is to be missed */

/* Between two fetches that were wanted. Issuers that rotate twice within it are not known; tokens
 * with invented key IDs cost the issuer six requests a minute. */
#define KEY_COOL_DOWN_MS 10000

#define KEY_WANT_MS 2000 /* kube-apiserver gives a webhook 30 s, people at a terminal less */

/* Name, TCP, TLS, discovery, keys and redirects; a server that is well takes below 1 s. */
#define KEY_FETCH_MS 10000

/** Durations in milliseconds; 0 is the default above. For tests, but for max_stale_ms. */
struct key_timings {
    uint64_t refresh_min_ms;
    uint64_t refresh_max_ms;
    uint64_t refresh_default_ms;
    uint64_t retry_ms;
    uint64_t max_stale_ms;
    uint64_t cool_down_ms;
    uint64_t want_ms;
    uint64_t fetch_ms;
};

/** key_timings_resolve() - with the defaults in their place */
struct key_timings key_timings_resolve(const struct key_timings *timings) NONNULL(1);

#define KEY_CHANCE_MAX 1000 /* the random numbers below are 0 to this */

/** All-zero means nothing; key_schedule_init() begins. */
struct key_schedule {
    struct key_timings timings; /* resolved */
    bool is_fetching;
    bool has_keys;
    bool has_wanted;      /* a fetch has been wanted before */
    uint64_t due_ms;      /* when to fetch, unless is_fetching */
    uint64_t good_ms;     /* has_keys: when they were found to be true */
    uint64_t wanted_ms;   /* has_wanted: when the last such fetch began */
    uint64_t begun_count; /* fetches; the number of the one that is under way, or was last */
};

/** key_schedule_init() - a fetch is due now */
void key_schedule_init(struct key_schedule *schedule,
                       const struct key_timings *timings,
                       uint64_t now_ms) NONNULL(1, 2);

/** key_schedule_is_due() - fetch now? Never while one is under way */
bool key_schedule_is_due(const struct key_schedule *schedule, uint64_t now_ms) NONNULL(1);

/** key_schedule_expire() - have the keys been stale for too long? Then they are none: true is
 * returned once */
bool key_schedule_expire(struct key_schedule *schedule, uint64_t now_ms) NODISCARD NONNULL(1);

/** key_schedule_wake_ms() - when to ask again at the latest; UINT64_MAX: never */
uint64_t key_schedule_wake_ms(const struct key_schedule *schedule) NONNULL(1);

/** key_schedule_begin() - a fetch begins, in place of one that may be under way */
void key_schedule_begin(struct key_schedule *schedule) NONNULL(1);

/** key_schedule_succeed() - the fetch has brought keys
 * @fresh_sec: for how long they are good; negative: nobody has said */
void key_schedule_succeed(struct key_schedule *schedule,
                          uint64_t now_ms,
                          int64_t fresh_sec,
                          uint32_t chance) NONNULL(1);

/** key_schedule_fail() - the fetch has brought none; what was there stays. @retry_after_sec: what
 * the server asked for, 0: nothing */
void key_schedule_fail(struct key_schedule *schedule,
                       uint64_t now_ms,
                       uint64_t retry_after_sec,
                       uint32_t chance) NONNULL(1);

enum key_want_step {
    KEY_WANT_STEP_REFUSE = 0, /* no fetch now */
    KEY_WANT_STEP_JOIN,       /* wait for the one that is under way */
    KEY_WANT_STEP_BEGIN,      /* begin one, in place of one that may be under way */
};

/** key_schedule_want() - a key is wanted that is not known. KEY_WANT_STEP_BEGIN starts the
 * cool-down and counts as key_schedule_begin() */
enum key_want_step key_schedule_want(struct key_schedule *schedule, uint64_t now_ms) NODISCARD
    NONNULL(1);
