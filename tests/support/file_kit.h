/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Temporary directories, whole files, and a loop run until something is true or a deadline passes.
 * Every helper fails the test when it cannot do its work. Paths are relative to the kit's
 * directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/loop.h"

#define FILE_KIT_DEADLINE_MS 10000 /* generous: under sanitizers and load */

struct file_kit {
    struct loop *loop; /* owns, unless kit_init_on() was given one */
    bool is_loop_shared;
    char directory[256];
};

struct kit_path {
    char text[PATH_MAX];
};

static inline struct kit_path kit_path(const struct file_kit *kit, const char *name)
{
    struct kit_path path;
    const int len = snprintf(path.text, sizeof(path.text), "%s/%s", kit->directory, name);
    assert_in_range(len, 1, sizeof(path.text) - 1);
    return path;
}

static inline void kit_init_on(struct file_kit *kit, struct loop *loop)
{
    const char *base = getenv("TMPDIR");
    const int len =
        snprintf(kit->directory, sizeof(kit->directory), "%s/kb-unit-XXXXXX", base ? base : "/tmp");
    assert_in_range(len, 1, sizeof(kit->directory) - 1);
    assert_non_null(mkdtemp(kit->directory));
    kit->loop = loop;
    kit->is_loop_shared = true;
}

static inline void kit_init(struct file_kit *kit)
{
    struct loop *loop = NULL;
    assert_int_equal(loop_new(&loop), ST_OK);
    kit_init_on(kit, loop);
    kit->is_loop_shared = false;
}

static inline int kit_remove_entry(const char *path,
                                   const struct stat *stat,
                                   int kind,
                                   struct FTW *ftw)
{
    (void)stat;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void kit_fini(struct file_kit *kit)
{
    if (!kit->is_loop_shared) {
        loop_free(kit->loop);
    }
    (void)nftw(kit->directory, kit_remove_entry, 16, FTW_DEPTH | FTW_PHYS); /* best effort */
}

static inline void kit_mkdir(const struct file_kit *kit, const char *name)
{
    assert_int_equal(mkdir(kit_path(kit, name).text, 0755), 0);
}

static inline void kit_rename(const struct file_kit *kit, const char *from, const char *to)
{
    assert_int_equal(rename(kit_path(kit, from).text, kit_path(kit, to).text), 0);
}

static inline void kit_unlink(const struct file_kit *kit, const char *name)
{
    assert_int_equal(unlink(kit_path(kit, name).text), 0);
}

static inline void kit_symlink(const struct file_kit *kit, const char *target, const char *name)
{
    assert_int_equal(symlink(target, kit_path(kit, name).text), 0);
}

/* Swap a symbolic link as kubelet does: a new one renamed over the old. */
static inline void kit_swap_link(const struct file_kit *kit, const char *target, const char *name)
{
    struct kit_path fresh;
    const int len = snprintf(fresh.text, sizeof(fresh.text), "%s_tmp", kit_path(kit, name).text);
    assert_in_range(len, 1, sizeof(fresh.text) - 1);
    assert_int_equal(symlink(target, fresh.text), 0);
    assert_int_equal(rename(fresh.text, kit_path(kit, name).text), 0);
}

static inline int kit_open(const struct file_kit *kit, const char *name)
{
    const int fd = open(kit_path(kit, name).text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    return fd;
}

static inline void kit_append(int fd, const char *text, size_t len)
{
    assert_int_equal(write(fd, text, len), len);
}

/* In place: truncate, write, close. */
static inline void kit_write(const struct file_kit *kit, const char *name, const char *text)
{
    const int fd = kit_open(kit, name);
    kit_append(fd, text, strlen(text));
    assert_int_equal(close(fd), 0);
}

/* Write beside it, rename over it. */
static inline void kit_replace(const struct file_kit *kit, const char *name, const char *text)
{
    kit_write(kit, ".kit-replacement", text);
    kit_rename(kit, ".kit-replacement", name);
}

typedef bool kit_condition(void *ctx);

#define KIT_TICK_MS 5

struct kit_wait {
    uint64_t end_ms; /* of the loop's time */
    bool is_over;
};

static inline void kit_tick(uv_timer_t *timer)
{
    struct kit_wait *wait = timer->data;
    wait->is_over = uv_now(timer->loop) >= wait->end_ms;
}

static inline void kit_free_timer(uv_handle_t *handle)
{
    free(handle);
}

/* Run the loop until @condition holds. Return: did it, before @limit_ms were over? It ticks,
 * because UV_RUN_ONCE runs timers before it waits: what one of them has brought about would else be
 * seen when something else happens. */
static inline bool kit_run_until(const struct file_kit *kit,
                                 kit_condition *condition,
                                 void *ctx,
                                 uint64_t limit_ms)
{
    uv_loop_t *uv = loop_uv(kit->loop);
    uv_timer_t *timer = malloc(sizeof(*timer));
    assert_non_null(timer);
    assert_int_equal(uv_timer_init(uv, timer), 0);
    uv_update_time(uv);
    struct kit_wait wait = { .end_ms = uv_now(uv) + limit_ms };
    timer->data = &wait;
    assert_int_equal(uv_timer_start(timer, kit_tick, KIT_TICK_MS, KIT_TICK_MS), 0);
    bool met = condition(ctx);
    while (!met && !wait.is_over) {
        (void)uv_run(uv, UV_RUN_ONCE);
        met = condition(ctx);
    }
    uv_close((uv_handle_t *)timer, kit_free_timer);
    (void)uv_run(uv, UV_RUN_NOWAIT);
    return met;
}

static inline bool kit_never(void *ctx)
{
    (void)ctx;
    return false;
}

/* Run the loop for @ms: to see that something does not happen. */
static inline void kit_run_for(const struct file_kit *kit, uint64_t ms)
{
    (void)kit_run_until(kit, kit_never, NULL, ms);
}
