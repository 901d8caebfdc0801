/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Notice when somebody sets the wall clock.
 *
 * Whatever goes by the date changes with it: set back, a token that had expired is good once more;
 * set forward, one that is good is not. Nothing here undoes that, it is told and counted.
 *
 * Threads: the loop's, but for clock_step_stats().
 */
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/status.h"
#include "io/loop.h"

/* two readings: nobody waits for it, and it should not wake a machine that sleeps */
#define CLOCK_STEP_INTERVAL_MS 10000

/* more than a leap second, which everybody has, and than a token's expiry in whole seconds can
 * show; slewing, however long, makes no difference at all (io/clock_step.c) */
#define CLOCK_STEP_MIN_MS 2000

/* a pair of readings takes a microsecond; one that was interrupted for longer is no pair */
#define CLOCK_STEP_READ_MAX_MS 100

struct clock_step;

/** @step_ms: by how much; negative: back */
typedef void clock_step_fn(void *ctx, int64_t step_ms);

struct clock_step_stats {
    uint64_t forward; /* steps since the start */
    uint64_t backward;
};

/**
 * clock_step_new() - compare the clocks now, and every @interval_ms on @loop
 * @clock: what it reads
 * @fn:    told of each step, once
 *
 * Return: ST_OK; ST_NOMEM
 */
enum status clock_step_new(struct loop *loop,
                           struct clock clock,
                           uint64_t interval_ms,
                           clock_step_fn *fn,
                           void *ctx,
                           struct clock_step **ret_step) NODISCARD NONNULL(1, 4, 6);

/** clock_step_check() - compare them now: what the timer does */
void clock_step_check(struct clock_step *step) NONNULL(1);

/** clock_step_stats() - any thread */
void clock_step_stats(const struct clock_step *step, struct clock_step_stats *ret_stats)
    NONNULL(1, 2);

/** clock_step_free() - no thread may ask for its figures any more. NULL is fine. Return: NULL */
struct clock_step *clock_step_free(struct clock_step *step);
