/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/self, read anew in each call: nothing is kept, so any thread may ask.
 *
 * The start time is counted from boot in /proc/self/stat, so the instant of boot is needed, from
 * the btime line of /proc/stat: the difference of two clocks would give another start in every
 * call, and alerts on restarts would fire.
 */
#include "base/process_stats.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define STAT_MAX        1024 /* 52 numbers of 20 digits at most, and a name of 64 */
#define STAT_LINE_MAX   256  /* btime is short; longer lines of /proc/stat arrive in pieces */
#define STAT_LINES_MAX  65536
#define OPEN_FDS_MAX    16777216 /* a directory that never ends is no answer */
#define STAT_START_TIME 22       /* fields of proc(5), from 1 */
#define STAT_VSIZE      23
#define STAT_RSS        24

/* The number that field @n of @line starts with, where @line begins with field 3. */
static bool parse_field(const char *line, unsigned n, uint64_t *ret_number)
{
    for (unsigned i = 3; i < n; i++) {
        line = strchr(line, ' ');
        if (!line) {
            return false;
        }
        line++;
    }
    if (*line < '0' || *line > '9') {
        return false;
    }
    errno = 0;
    *ret_number = strtoull(line, NULL, 10);
    return errno == 0;
}

enum status process_stat_parse(const char *line, struct process_stat_line *ret_stat)
{
    const char *name_end = strrchr(line, ')');
    if (!name_end || name_end[1] != ' ') {
        return ST_SYNTAX;
    }
    const char *rest = name_end + 2;
    struct process_stat_line stat;
    if (!parse_field(rest, STAT_START_TIME, &stat.start_ticks) ||
        !parse_field(rest, STAT_VSIZE, &stat.virtual_bytes) ||
        !parse_field(rest, STAT_RSS, &stat.resident_pages)) {
        return ST_SYNTAX;
    }
    *ret_stat = stat;
    return ST_OK;
}

static enum status read_self_stat(struct process_stat_line *ret_stat)
{
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file) {
        return ST_IO;
    }
    char line[STAT_MAX];
    const bool have = fgets(line, sizeof(line), file) != NULL;
    (void)fclose(file); /* was read only */
    return have && process_stat_parse(line, ret_stat) == ST_OK ? ST_OK : ST_IO;
}

static enum status read_boot_time(uint64_t *ret_sec)
{
    FILE *file = fopen("/proc/stat", "re");
    if (!file) {
        return ST_IO;
    }
    char line[STAT_LINE_MAX];
    enum status status = ST_IO;
    for (unsigned i = 0; i < STAT_LINES_MAX && fgets(line, sizeof(line), file); i++) {
        unsigned long long sec;
        if (sscanf(line, "btime %llu", &sec) == 1) {
            *ret_sec = sec;
            status = ST_OK;
            break;
        }
    }
    (void)fclose(file); /* was read only */
    return status;
}

static enum status count_open_fds(uint64_t *ret_count)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) {
        return ST_IO;
    }
    uint64_t count = 0;
    const struct dirent *entry;
    while (count < OPEN_FDS_MAX && (entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(dir);                /* was read only */
    *ret_count = count ? count - 1 : 0; /* without the one that looked */
    return ST_OK;
}

static uint64_t resident_bytes(const struct process_stat_line *stat)
{
    return stat->resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

enum status process_stats_resident(uint64_t *ret_bytes)
{
    struct process_stat_line stat;
    const enum status status = read_self_stat(&stat);
    if (status == ST_OK) {
        *ret_bytes = resident_bytes(&stat);
    }
    return status;
}

enum status process_stats_read(struct process_stats *ret_stats)
{
    struct process_stat_line stat;
    uint64_t boot_sec;
    struct process_stats stats;
    struct rlimit files;
    struct timespec cpu;
    if (read_self_stat(&stat) != ST_OK || read_boot_time(&boot_sec) != ST_OK ||
        count_open_fds(&stats.open_fds) != ST_OK || getrlimit(RLIMIT_NOFILE, &files) != 0 ||
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) != 0) {
        return ST_IO;
    }
    const uint64_t ticks_per_sec = (uint64_t)sysconf(_SC_CLK_TCK); /* 100, never an error here */
    stats.cpu_ns = (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec;
    stats.resident_bytes = resident_bytes(&stat);
    stats.virtual_bytes = stat.virtual_bytes;
    stats.max_fds = files.rlim_cur == RLIM_INFINITY ? UINT64_MAX : files.rlim_cur;
    stats.start_time_ms = (int64_t)(boot_sec * 1000 + stat.start_ticks * 1000 / ticks_per_sec);
    *ret_stats = stats;
    return ST_OK;
}
