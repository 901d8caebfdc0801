/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The engine: a chain of token authenticators fed by a store. Serve, review, embedders and tests
 * all ask this one object.
 *
 * Threads: created and fed on the loop's thread; asked on any. No mutable globals, so a process may
 * hold several.
 */
#include "authn/verdict.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "store/store.h"

enum unknown_token_answer {
    UNKNOWN_TOKEN_ERROR = 0, /* status.error: kube-apiserver asks again, a token created a moment
                                later works at once */
    UNKNOWN_TOKEN_REFUSE, /* as a wrong secret: repeats stop in kube-apiserver's cache, existence of
                             an ID is hidden */
};

#define API_AUDIENCES_MAX 64 /* ours: far above any real issuer list */

struct authenticator_options {
    const struct span
        *api_audiences; /* copies; at most API_AUDIENCES_MAX; may be empty: then audience-agnostic
                           families answer only requests that name no audiences */
    size_t api_audience_count;
    enum unknown_token_answer unknown_token_answer;
    bool bootstrap;         /* ask the bootstrap authenticator */
    problem_fn *on_problem; /* a Secret that can hold no token, with its reason; on the loop's
                               thread; may be NULL */
    void *ctx;
};

struct authenticator;

/** authenticator_new() - Return: ST_OK; ST_NOMEM; ST_LIMIT for more than API_AUDIENCES_MAX;
 * ST_INTERNAL when libsodium cannot start */
enum status authenticator_new(const struct authenticator_options *options,
                              struct authenticator **ret_authenticator) NODISCARD NONNULL(1, 2);

/** authenticator_free() - no reader may be left. NULL is fine. Return: NULL */
struct authenticator *authenticator_free(struct authenticator *authenticator);

/**
 * authenticator_handle_event() - the store_handler that authenticator_attach() subscribes
 * @ctx: the struct authenticator
 *
 * The loop's thread only. When memory runs out while a Secret changes, its token is refused until
 * the Secret changes again (the change may be a revocation), and on_problem hears ST_NOMEM.
 */
void authenticator_handle_event(void *ctx, const struct store_event *event) NONNULL(1, 2);

/** authenticator_attach() - subscribe to the kinds that the chain needs; before store_load() */
enum status authenticator_attach(struct authenticator *authenticator, struct store *store) NODISCARD
    NONNULL(1, 2);

/** authenticator_is_synced() - has the store told everything once? Any thread */
bool authenticator_is_synced(const struct authenticator *authenticator) NONNULL(1);

/**
 * authenticator_decide() - whose token is this?
 *
 * The caller is inside rcu_read_lock() (urcu-bp) and stays there while it uses @ret_decision.
 * Never fails: what goes wrong is a DECISION_ERROR. Cost: no allocation, no lock, no I/O.
 */
void authenticator_decide(const struct authenticator *authenticator,
                          const struct question *question,
                          struct decision *ret_decision) NONNULL(1, 2, 3);

struct authenticator_stats {
    uint64_t bootstrap_tokens; /* Secrets held that can authenticate until they expire; an expired
                                  one counts until it is changed or removed */
    uint64_t rejected[STATUS_COUNT_]; /* Secrets of the bootstrap type or name that cannot, by
                                         reason, now */
};

/** authenticator_stats() - any thread; a snapshot, each figure by itself */
void authenticator_stats(const struct authenticator *authenticator,
                         struct authenticator_stats *ret_stats) NONNULL(1, 2);

/** authenticator_taint() - for the constant-time test: hand out every piece of memory whose content
 * must not steer a branch or an address: the digests' key and all stored digests. Not while events
 * come in */
void authenticator_taint(const struct authenticator *authenticator, taint_fn *taint, void *ctx)
    NONNULL(1, 2);
