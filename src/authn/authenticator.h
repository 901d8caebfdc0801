/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The engine: a chain of token authenticators fed by a store. Serve, review, embedders and tests
 * all ask this one object. It knows no family of tokens but those that it is handed.
 *
 * Threads: created and fed on the loop's thread; asked on any. No mutable globals, so a process may
 * hold several.
 */
#include "authn/token_family.h"
#include "authn/verdict.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "store/store.h"

#define API_AUDIENCES_MAX 64 /* ours: far above any real issuer list */

#define AUTHENTICATOR_FAMILIES_MAX 8 /* kinds of tokens that are planned, twice over */

#define AUTHENTICATOR_CLUSTERS_MAX \
    64 /* further ones: each has watches, sockets and a thread's time */

#define AUTHENTICATOR_SCRATCH_MAX (4 * TOKEN_MAX_BYTES) /* a token decoded, and what it says */

/** A family that an authenticator is to have. */
struct token_family_choice {
    const struct token_family_ops *ops;
    const void *options; /* the family's own; borrows until authenticator_new() returns */
};

struct authenticator_options {
    const struct span
        *api_audiences; /* copies; at most API_AUDIENCES_MAX; may be empty: then audience-agnostic
                           families answer only requests that name no audiences */
    size_t api_audience_count;
    enum unknown_token_answer unknown_token_answer;
    const struct token_family_choice *families; /* asked in this order; borrows until
                                                   authenticator_new() returns */
    size_t family_count;    /* at most AUTHENTICATOR_FAMILIES_MAX; 0 refuses every token */
    unsigned cluster_count; /* further clusters, at most AUTHENTICATOR_CLUSTERS_MAX */
    problem_fn *on_problem; /* an object that can hold no token, with its reason; on the loop's
                               thread; may be NULL */
    void *ctx;
    /* What an answer of @family may have waited for is there; as token_told_fn. May be NULL */
    void (*on_told)(void *ctx, enum authenticator_id family, unsigned source, uint64_t what);
    void *told_ctx;
};

struct authenticator;

/** authenticator_new() - Return: ST_OK; ST_NOMEM; ST_LIMIT for more than API_AUDIENCES_MAX,
 * AUTHENTICATOR_FAMILIES_MAX or AUTHENTICATOR_CLUSTERS_MAX, or a family that needs more than
 * AUTHENTICATOR_SCRATCH_MAX; ST_INVALID for one that wants to be told of a cluster that there is
 * not; what a family's `create` returns. With @reterr_problem, whose text may be empty; may be NULL
 */
enum status authenticator_new(const struct authenticator_options *options,
                              struct authenticator **ret_authenticator,
                              struct problem *reterr_problem) NODISCARD NONNULL(1, 2);

/** authenticator_free() - no reader may be left. NULL is fine. Return: NULL */
struct authenticator *authenticator_free(struct authenticator *authenticator);

/** authenticator_handle_event() - tell every family, as the engine's own store would; a
 * store_handler, for who has events without a store to attach to. @ctx: the struct authenticator.
 * The loop's thread only */
void authenticator_handle_event(void *ctx, const struct store_event *event) NONNULL(1, 2);

/** authenticator_tell() - the same, as the store of @cluster would: by each feed of that which is
 * of the event's kind */
void authenticator_tell(struct authenticator *authenticator,
                        unsigned cluster,
                        const struct store_event *event) NONNULL(1, 3);

/** authenticator_attach() - subscribe each family to what it needs to be told of @cluster; before
 * store_load(). @store: outlives whoever asks. Return: ST_OK; ST_LIMIT when the store takes no more
 * listeners, or there is no such cluster */
enum status authenticator_attach(struct authenticator *authenticator,
                                 unsigned cluster,
                                 struct store *store) NODISCARD NONNULL(1, 3);

/** authenticator_scratch_bytes() - what a question needs of scratch; never changes, at most
 * AUTHENTICATOR_SCRATCH_MAX. Any thread */
size_t authenticator_scratch_bytes(const struct authenticator *authenticator) NONNULL(1);

/** authenticator_is_synced() - has every family been told everything once by the engine's own
 * store? Any thread */
bool authenticator_is_synced(const struct authenticator *authenticator) NONNULL(1);

/**
 * authenticator_decide() - whose token is this?
 *
 * The caller is inside rcu_read_lock() (urcu-bp) and stays there while it uses @ret_decision.
 * Never fails: what goes wrong is a DECISION_ERROR, and so is a question with too little scratch.
 * A family that is not ready yet holds up no other's tokens. Cost: no allocation, no lock, no I/O.
 */
void authenticator_decide(const struct authenticator *authenticator,
                          const struct question *question,
                          struct decision *ret_decision) NONNULL(1, 2, 3);

/** authenticator_family() - a family itself, for who brings it what no store tells; NULL when it is
 * not there. Borrows */
void *authenticator_family(const struct authenticator *authenticator, enum authenticator_id id)
    NONNULL(1);

/** authenticator_stats() - the figures of one family, all-zero when it is not there; any thread; a
 * snapshot, each figure by itself */
void authenticator_stats(const struct authenticator *authenticator,
                         enum authenticator_id family,
                         struct token_family_stats *ret_stats) NONNULL(1, 3);

/** authenticator_taint() - for the constant-time test: hand out every piece of memory whose content
 * must not steer a branch or an address: the digests' key and all stored digests. Not while events
 * come in */
void authenticator_taint(const struct authenticator *authenticator, taint_fn *taint, void *ctx)
    NONNULL(1, 2);
