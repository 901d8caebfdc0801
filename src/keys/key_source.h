/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where the keys of one issuer of tokens come from, and how they are kept true.
 *
 * PEM files are read at the start and followed. Everything else is fetched on the loop, never by
 * whoever has a question: at the start, again before the keys age, again after a failure, and at
 * once when a token names a key that is not known. The last good keys serve until others come, or
 * until they have been stale for too long; then there are none.
 *
 * Hostile: what an issuer's server sends, and how slowly. Threads: the loop's, or before it runs,
 * but for key_source_stats().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "io/loop.h"
#include "keys/key_files.h"
#include "keys/key_schedule.h"

struct cluster_access;
struct key_set;
struct key_source;

/* Who waits for one issuer's keys at once. After a rotation that are those who ask within one
 * round trip to the issuer. */
#define KEY_SOURCE_WAITERS_MAX 64

enum key_source_kind {
    KEY_SOURCE_NONE = 0,
    KEY_SOURCE_FILES,     /* PEM files, all of them together */
    KEY_SOURCE_URL,       /* a JWKS */
    KEY_SOURCE_DISCOVERY, /* OpenID Connect Discovery 1.0: the issuer says where its JWKS is */
    KEY_SOURCE_CLUSTER,   /* /openid/v1/jwks of an API server, with credentials for it */
};

/** How it stands; all-zero is a source that has no keys. */
struct key_source_state {
    bool has_keys;       /* a set is in force */
    bool is_failing;     /* the latest attempt has failed; keys, if any, are of an earlier one */
    int64_t success_sec; /* when the keys were last found to be true: seconds since 1970; 0: never
                            since the start */
    uint64_t age_ms;     /* since then, suspended time included; 0 as long as success_sec is */
    uint64_t success_count; /* attempts: files read, fetches made */
    uint64_t failure_count;
    uint64_t wanted_count;       /* wants that have waited, each for a fetch, many for the same */
    uint64_t refused_want_count; /* wants that were answered with no, by cool-down or bound */
    uint64_t key_count;          /* in force */
    uint64_t skipped_count;      /* beside them: keys that cannot be used */
    struct problem failure; /* the latest; its status is ST_OK when there was none. Stays when all
                               is well again: see is_failing */
};

/** key_source_keys_fn - other keys are in force
 * @set:   borrows until it returns (key_set_ref() to keep); NULL: none, they have been stale for
 *         too long
 * @state: borrows until it returns; as key_source_stats()
 *
 * Never for keys of the same bytes as before. May call anything but key_source_free(). */
typedef void key_source_keys_fn(void *ctx,
                                struct key_set *set,
                                const struct key_source_state *state);

struct key_source_options {
    enum key_source_kind kind;
    const char *const *paths; /* of FILES; copied */
    size_t path_count;        /* 1 to KEY_FILES_MAX */
    const char *url;    /* of URL; of DISCOVERY, when the document is not where the issuer says:
                           https://, NULL for none. Copied */
    const char *issuer; /* of DISCOVERY: what the document must say, byte for byte. Copied */
    struct cluster_access *access; /* of CLUSTER; takes, even on failure */
    const char *ca_file; /* of URL and DISCOVERY: read at each fetch; NULL: none. Copied */
    struct span ca_pem;  /* the same as bytes; neither: the system's. Copied */
    struct key_timings timings;
    struct clock clock;

    /* All on the loop's thread, or from key_source_load(); each but on_keys may be NULL. The file
     * of a problem is the file's, or the URL. */
    key_source_keys_fn *on_keys;
    problem_fn *on_problem;  /* keys could not be had; told once until it is another one */
    problem_fn *on_resolved; /* the one that was told is none any more */
    problem_fn *on_remark;   /* a key of a new set that cannot be used; the others serve */
    void *ctx;
};

/**
 * key_source_new() - nothing is read and nothing sent yet
 * @loop: borrows until key_source_free()
 *
 * Return: ST_OK; ST_INVALID, ST_LIMIT with @reterr_problem for options that cannot work (a URL that
 * is not https://, a CA that cannot be read, ST_IO); ST_NOMEM; ST_INTERNAL
 */
enum status key_source_new(struct loop *loop,
                           const struct key_source_options *options,
                           struct key_source **ret_source,
                           struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/**
 * key_source_load() - FILES: read them now, on_keys() is called before it returns. Else: the first
 * fetch begins when the loop runs
 *
 * Return: ST_OK; of FILES also what stands against one of them, with @reterr_problem: ST_NOT_FOUND,
 * ST_IO, ST_LIMIT, ST_UNSUPPORTED, and what key_set_from_pem() returns; ST_NOMEM
 */
enum status key_source_load(struct key_source *source, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** key_source_watch() - from here on keep the keys true: follow the files, or fetch again. After
 * key_source_load(). Return: ST_OK; ST_NOMEM; ST_IO with @reterr_problem (inotify's limits) */
enum status key_source_watch(struct key_source *source, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** What comes of a want. */
enum key_want {
    KEY_WANT_REFUSED = 0, /* no fetch now, so nobody can say: the cool-down, or too many who wait */
    KEY_WANT_WAITING,     /* the want's function will be called */
    KEY_WANT_CURRENT,     /* what is known is all there is: files that are followed */
};

/** key_want_fn - the waiting is over; on_keys() has been called before, if there was news
 * @is_conclusive: a fetch that succeeded, and was begun after the want: a key that is not there now
 *                 the issuer has not */
typedef void key_want_fn(void *ctx, bool is_conclusive);

/**
 * key_source_want() - somebody shows a key ID that is not known
 * @done, @ctx: called once, not from inside this, unless key_source_unwant() comes before; @ctx
 *              tells waiters apart
 *
 * One fetch serves all who wait, and one is begun in each cool-down, so that unknown key IDs make
 * no traffic. Who comes while it is under way waits with the others, without a conclusion. Nobody
 * waits longer than timings.want_ms.
 */
enum key_want key_source_want(struct key_source *source, key_want_fn *done, void *ctx) NODISCARD
    NONNULL(1, 2);

/** key_source_unwant() - forget the waiter @ctx, if it waits. Its function is not called any more
 */
void key_source_unwant(struct key_source *source, void *ctx) NONNULL(1);

/** key_source_name() - the first file, the URL, the issuer or the server's URL; for people.
 * Borrows */
const char *key_source_name(const struct key_source *source) NONNULL(1);

/** key_source_stats() - any thread. Lock: the source's own, a leaf */
void key_source_stats(struct key_source *source, struct key_source_state *ret_state) NONNULL(1, 2);

/** key_source_free() - cancel what is under way; who waits is not told. No thread may ask for its
 * figures any more. NULL is fine. Return: NULL */
struct key_source *key_source_free(struct key_source *source);
