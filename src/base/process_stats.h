/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What this process uses, as the Prometheus client libraries define process_*. Linux only. */
#include <stdint.h>

#include "base/compiler.h"
#include "base/status.h"

struct process_stats {
    uint64_t cpu_ns; /* user and system, all threads, since the start */
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    uint64_t open_fds;
    uint64_t max_fds;      /* soft limit; UINT64_MAX for none */
    int64_t start_time_ms; /* since 1970, to the clock tick, the same in every call */
};

/** process_stats_read() - Return: ST_OK; ST_IO when /proc is not there. Cost: four files and a
 * directory, some 100 microseconds; for scrapes, not for requests */
enum status process_stats_read(struct process_stats *ret_stats) NODISCARD NONNULL(1);

/** process_stats_resident() - resident_bytes alone. Return: ST_OK; ST_IO. Cost: some 20
 * microseconds, however many files are open */
enum status process_stats_resident(uint64_t *ret_bytes) NODISCARD NONNULL(1);

/** What /proc/PID/stat says, in the kernel's units. */
struct process_stat_line {
    uint64_t start_ticks; /* since boot */
    uint64_t virtual_bytes;
    uint64_t resident_pages;
};

/** process_stat_parse() - read a line of /proc/PID/stat; the process name in it may hold anything,
 * parentheses and spaces too. Return: ST_OK; ST_SYNTAX. Source: proc(5) */
enum status process_stat_parse(const char *line, struct process_stat_line *ret_stat) NODISCARD
    NONNULL(1, 2);
