/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Time as a dependency. Everything that decides by time is handed a clock; tests hand in one they
 * can set.
 *
 * Instants are seconds and nanoseconds since 1970-01-01 UTC. Nanoseconds in 64 bits would end in
 * 2262, and `expiration: 9999-12-31T23:59:59Z` is a real way to say "never".
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct instant {
    int64_t sec;  /* since 1970-01-01T00:00:00Z, negative before it */
    int32_t nsec; /* 0 to 999999999 */
};

/** instant_compare() - negative, 0, positive as @a is before, at, after @b */
int instant_compare(struct instant a, struct instant b);

struct clock {
    struct instant (*now)(void *ctx);   /* wall clock */
    int64_t (*monotonic_ns)(void *ctx); /* for durations; starts anywhere, never goes back */
    int64_t (*boot_ns)(void *ctx);      /* the same, and goes on while the machine is suspended */
    int64_t (*cpu_ns)(void *ctx);       /* what the calling thread has had of the processor */
    void *ctx;                          /* borrows; passed to all */
};

/** clock_system() - CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME and CLOCK_THREAD_CPUTIME_ID,
 * the only one that takes a system call; needs no freeing */
struct clock clock_system(void);

/** A clock that stands still until somebody moves it: tests, and `review --at`. */
struct manual_clock {
    struct instant wall;
    int64_t monotonic_ns;
    int64_t boot_ns;
    int64_t cpu_ns;
};

/** clock_manual() - read @manual; borrows it for the clock's life. Not for threads that race with
 * the setter */
struct clock clock_manual(struct manual_clock *manual) NONNULL(1);

static inline struct instant clock_now(const struct clock *clock)
{
    return clock->now(clock->ctx);
}

static inline int64_t clock_monotonic_ns(const struct clock *clock)
{
    return clock->monotonic_ns(clock->ctx);
}

static inline int64_t clock_cpu_ns(const struct clock *clock)
{
    return clock->cpu_ns(clock->ctx);
}

static inline int64_t clock_boot_ns(const struct clock *clock)
{
    return clock->boot_ns(clock->ctx);
}
