/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A directory of manifests under a store, and everything the store says, written down.
 *
 * Events make one text: "+name=value " for added, "~name=value " for modified, "-name " for
 * deleted, "S " for synced; the value is stringData.value of the Secret. A Secret that has no
 * `sealed` key is marked by "!", so that one that was cut off in the middle stands out. Problems
 * make another: "file:line:column: text" each on a line, "ok file" for resolved ones. Files are
 * named relative to the kit's directory; manifests are in m/. Remarks make a third, as problems do.
 */
#include "base/buf.h"
#include "io/file/read.h"
#include "kube/secret.h"
#include "store/manifests/manifests.h"
#include "support/file_kit.h"

#define MANIFEST_MAX 1024

static const struct store_interest all_secrets = { .kind = &kind_secret };

struct manifests_kit {
    struct file_kit files;
    struct manual_clock clock;
    struct store *store;
    struct buf events;
    struct buf problems;
    struct buf remarks;         /* lines like problems */
    struct trust_policy policy; /* for the next mkit_open() */
};

struct manifest_text {
    char text[MANIFEST_MAX];
};

/* A Secret whose `sealed` key comes last: without it, it has been cut off. */
static inline struct manifest_text manifest(const char *name, const char *value)
{
    struct manifest_text manifest;
    const int len = snprintf(manifest.text, sizeof(manifest.text),
                             "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"%s\"\n"
                             "stringData:\n  value: \"%s\"\n  sealed: \"yes\"\n",
                             name, value);
    assert_in_range(len, 1, sizeof(manifest.text) - 1);
    return manifest;
}

static inline struct manifest_text two_manifests(struct manifest_text a, struct manifest_text b)
{
    struct manifest_text both;
    const int len = snprintf(both.text, sizeof(both.text), "%.500s---\n%.500s", a.text, b.text);
    assert_in_range(len, 1, sizeof(both.text) - 1);
    return both;
}

static inline void mkit_on_event(void *ctx, const struct store_event *event)
{
    struct manifests_kit *kit = ctx;
    struct buf *events = &kit->events;
    struct span value = { 0 };
    if (event->type == STORE_SYNCED) {
        buf_append_text(events, "S ");
        return;
    }
    buf_append_char(events, "+~-"[event->type]);
    buf_append(events, event->name);
    if (event->secret && event->secret->meta.is_refused) {
        assert_int_equal(event->secret->entry_count, 0);
        buf_append_text(events, "?");
    } else if (event->secret) {
        assert_true(secret_find(event->secret, "value", &value));
        buf_append_char(events, '=');
        buf_append(events, value);
        buf_append_text(events, secret_find(event->secret, "sealed", &value) ? "" : "!");
        assert_non_null(event->source);
    }
    buf_append_char(events, ' ');
}

static inline const char *mkit_short_name(const struct manifests_kit *kit, const char *file)
{
    const size_t len = strlen(kit->files.directory);
    return strncmp(file, kit->files.directory, len) == 0 ? file + len + 1 : file;
}

static inline void mkit_on_problem(void *ctx, const struct problem *problem)
{
    struct manifests_kit *kit = ctx;
    struct problem shown = *problem;
    char line[PROBLEM_FILE_MAX + PROBLEM_TEXT_MAX + 32];
    problem_set_file(&shown, mkit_short_name(kit, problem->file));
    problem_format(&shown, line, sizeof(line));
    buf_printf(&kit->problems, "%s\n", line);
}

static inline void mkit_on_resolved(void *ctx, const struct problem *problem)
{
    struct manifests_kit *kit = ctx;
    assert_int_equal(problem->status, ST_OK);
    buf_printf(&kit->problems, "ok %s\n", mkit_short_name(kit, problem->file));
}

static inline void mkit_on_remark(void *ctx, const struct problem *problem)
{
    struct manifests_kit *kit = ctx;
    assert_true(problem->status == ST_UNSAFE || problem->status == ST_SYNTAX);
    buf_printf(&kit->remarks, "%s: %s\n", mkit_short_name(kit, problem->file), problem->text);
}

/* The text so far, NUL-terminated. */
static inline const char *mkit_text(struct buf *buf)
{
    assert_true(buf_reserve(buf, 1));
    buf->at[buf->len] = '\0';
    return buf->at;
}

/* A directory m/, and a clock far ahead of every file: what is found counts as settled. */
static inline void mkit_init_on(struct manifests_kit *kit, struct loop *loop)
{
    const struct clock system = clock_system();
    *kit = (struct manifests_kit){ 0 };
    if (loop) {
        kit_init_on(&kit->files, loop);
    } else {
        kit_init(&kit->files);
    }
    kit_mkdir(&kit->files, "m");
    kit->policy.follows_outside = true; /* what links may lead to is trust_test.c's */
    kit->clock.wall = clock_now(&system);
    kit->clock.wall.sec += 3600;
}

static inline void mkit_init(struct manifests_kit *kit)
{
    mkit_init_on(kit, NULL);
}

static inline void mkit_open_at(struct manifests_kit *kit,
                                const char *directory,
                                struct clock clock)
{
    const struct kit_path path = kit_path(&kit->files, directory);
    const struct manifests_options options = {
        .directory = path.text,
        .clock = clock,
        .on_problem = mkit_on_problem,
        .on_resolved = mkit_on_resolved,
        .on_remark = mkit_on_remark,
        .ctx = kit,
        .trust = kit->policy,
    };
    struct problem problem = { 0 };
    assert_int_equal(manifests_new(&options, &kit->store, &problem), ST_OK);
    assert_int_equal(store_subscribe(kit->store, &all_secrets, mkit_on_event, kit), ST_OK);
}

static inline void mkit_open(struct manifests_kit *kit)
{
    mkit_open_at(kit, "m", clock_manual(&kit->clock));
}

static inline void mkit_load(struct manifests_kit *kit, enum status want)
{
    struct problem problem = { 0 };
    assert_int_equal(store_load(kit->store, &problem), want);
}

static inline void mkit_watch(struct manifests_kit *kit)
{
    struct problem problem = { 0 };
    assert_int_equal(store_watch(kit->store, kit->files.loop, &problem), ST_OK);
}

static inline void mkit_fini(struct manifests_kit *kit)
{
    kit->store = store_free(kit->store);
    buf_fini(&kit->events);
    buf_fini(&kit->problems);
    buf_fini(&kit->remarks);
    kit_fini(&kit->files);
}

static inline struct store_stats mkit_stats(const struct manifests_kit *kit)
{
    struct store_stats stats;
    store_stats(kit->store, &stats);
    return stats;
}

static inline uint64_t mkit_secrets(const struct manifests_kit *kit)
{
    const struct store_stats stats = mkit_stats(kit);
    return store_stats_objects(&stats, &kind_secret);
}

/* Check and forget: the events so far are @want. */
static inline void mkit_had_events(struct manifests_kit *kit, const char *want)
{
    assert_string_equal(mkit_text(&kit->events), want);
    buf_clear(&kit->events);
}

/* Check and forget: the problems so far contain @want; "" for none at all. */
static inline void mkit_had_problems(struct manifests_kit *kit, const char *want)
{
    const char *text = mkit_text(&kit->problems);
    if (want[0] == '\0' || !strstr(text, want)) {
        assert_string_equal(text, want);
    }
    buf_clear(&kit->problems);
}

/* The same for remarks. */
static inline void mkit_had_remarks(struct manifests_kit *kit, const char *want)
{
    const char *text = mkit_text(&kit->remarks);
    if (want[0] == '\0' || !strstr(text, want)) {
        assert_string_equal(text, want);
    }
    buf_clear(&kit->remarks);
}

struct mkit_wish {
    struct manifests_kit *kit;
    const char *events;   /* equal; NULL for any */
    const char *problems; /* contained; NULL for any */
};

static inline bool mkit_wish_holds(void *ctx)
{
    const struct mkit_wish *wish = ctx;
    return (!wish->events || strcmp(mkit_text(&wish->kit->events), wish->events) == 0) &&
           (!wish->problems || strstr(mkit_text(&wish->kit->problems), wish->problems));
}

static inline void mkit_expect_both(struct manifests_kit *kit,
                                    const char *events,
                                    const char *problems)
{
    struct mkit_wish wish = { kit, events, problems };
    (void)kit_run_until(&kit->files, mkit_wish_holds, &wish, FILE_KIT_DEADLINE_MS);
    if (events) {
        mkit_had_events(kit, events);
    }
    if (problems) {
        mkit_had_problems(kit, problems);
    }
}

/* Run until the events are @want, then forget them. */
static inline void mkit_expect(struct manifests_kit *kit, const char *want)
{
    mkit_expect_both(kit, want, NULL);
}

static inline void mkit_expect_problem(struct manifests_kit *kit, const char *want)
{
    mkit_expect_both(kit, NULL, want);
}

/* Nothing is told for as long as everything there is to tell would need. */
static inline void mkit_expect_silence(struct manifests_kit *kit)
{
    kit_run_for(&kit->files, FILE_SETTLE_MS * 3 / 2);
    mkit_had_events(kit, "");
}

static inline void mkit_put(struct manifests_kit *kit,
                            const char *file,
                            const char *name,
                            const char *value)
{
    kit_write(&kit->files, file, manifest(name, value).text);
}

/* m/ as it is now, loaded and watched. */
static inline void mkit_start(struct manifests_kit *kit, const char *events)
{
    mkit_open(kit);
    mkit_load(kit, ST_OK);
    mkit_watch(kit);
    mkit_had_events(kit, events);
}
