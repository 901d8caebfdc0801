/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How far memory is away: a walk through 400 MB from line to line in random order, where each line
 * says which is next. No cache holds that much, nothing can be fetched ahead, and no huge pages are
 * asked for, so that a load is a walk through the page tables as well.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define LOAD_LINE_BYTES 64
#define LOAD_LINES      6250000 /* 400 MB */
#define LOAD_STEPS      2000000
#define LOAD_ROUNDS     3 /* the fastest counts: the others met other programs */

struct load_line {
    uint32_t next;
    char rest[LOAD_LINE_BYTES - sizeof(uint32_t)];
};

static inline uint32_t load_random(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)((*state >> 33) % below);
}

/* One circle through all lines. */
static inline void load_link(struct load_line *lines, uint32_t *order)
{
    uint64_t state = 1;
    for (uint32_t i = 0; i < LOAD_LINES; i++) {
        order[i] = i;
    }
    for (uint32_t i = LOAD_LINES - 1; i > 0; i--) {
        const uint32_t other = load_random(&state, i + 1);
        const uint32_t line = order[i];
        order[i] = order[other];
        order[other] = line;
    }
    for (uint32_t i = 0; i < LOAD_LINES; i++) {
        lines[order[i]].next = order[(i + 1) % LOAD_LINES];
    }
}

/** dependent_load_ns() - nanoseconds a load; 0 without memory. Takes some seconds */
static inline double dependent_load_ns(void)
{
    struct load_line *lines = malloc(LOAD_LINES * sizeof(*lines));
    uint32_t *order = malloc(LOAD_LINES * sizeof(*order));
    double best = 0;
    if (lines && order) {
        load_link(lines, order);
        volatile uint32_t at = 0; /* else the compiler leaves the walk out */
        for (int round = 0; round < LOAD_ROUNDS; round++) {
            struct timespec from;
            struct timespec to;
            uint32_t line = at;
            (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
            for (uint32_t i = 0; i < LOAD_STEPS; i++) {
                line = lines[line].next;
            }
            at = line;
            (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
            const double ns =
                ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
                LOAD_STEPS;
            best = round == 0 || ns < best ? ns : best;
        }
    }
    free(order);
    free(lines);
    return best;
}
