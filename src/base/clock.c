/* SPDX-License-Identifier: Apache-2.0 */
/* The system's clocks and a settable one behind the same two functions. */
#include "base/clock.h"

#include <time.h>

int instant_compare(struct instant a, struct instant b)
{
    if (a.sec != b.sec) {
        return a.sec < b.sec ? -1 : 1;
    }
    return (a.nsec > b.nsec) - (a.nsec < b.nsec);
}

static struct instant system_now(void *ctx)
{
    (void)ctx; /* the system's clock has no state of ours */
    struct timespec ts = { 0 };
    (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock on Linux */
    return (struct instant){ .sec = ts.tv_sec, .nsec = (int32_t)ts.tv_nsec };
}

static int64_t read_ns(clockid_t id)
{
    struct timespec ts = { 0 };
    (void)clock_gettime(id, &ts); /* nor for those below */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t system_monotonic_ns(void *ctx)
{
    (void)ctx;
    return read_ns(CLOCK_MONOTONIC);
}

static int64_t system_boot_ns(void *ctx)
{
    (void)ctx;
    return read_ns(CLOCK_BOOTTIME);
}

static int64_t system_cpu_ns(void *ctx)
{
    (void)ctx;
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

struct clock clock_system(void)
{
    return (struct clock){ .now = system_now,
                           .monotonic_ns = system_monotonic_ns,
                           .boot_ns = system_boot_ns,
                           .cpu_ns = system_cpu_ns };
}

static struct instant manual_now(void *ctx)
{
    const struct manual_clock *manual = ctx;
    return manual->wall;
}

static int64_t manual_monotonic_ns(void *ctx)
{
    const struct manual_clock *manual = ctx;
    return manual->monotonic_ns;
}

static int64_t manual_boot_ns(void *ctx)
{
    const struct manual_clock *manual = ctx;
    return manual->boot_ns;
}

static int64_t manual_cpu_ns(void *ctx)
{
    const struct manual_clock *manual = ctx;
    return manual->cpu_ns;
}

struct clock clock_manual(struct manual_clock *manual)
{
    return (struct clock){ .now = manual_now,
                           .monotonic_ns = manual_monotonic_ns,
                           .boot_ns = manual_boot_ns,
                           .cpu_ns = manual_cpu_ns,
                           .ctx = manual };
}
