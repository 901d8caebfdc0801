/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The bootstrap token authenticator: Secrets in, verdicts out.
 *
 * Threads: events on the loop's thread, questions and figures on any.
 */
#include "authn/authenticator.h"
#include "authn/token_family.h"
#include "authn/verdict.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "store/store.h"

struct bootstrap;

extern const struct token_family_ops bootstrap_ops; /* its `family` is a struct bootstrap */

extern const struct store_interest bootstrap_interest; /* what it must be told of */

/** bootstrap_new() - @on_problem: may be NULL; is told each Secret that can hold no token, once per
 * reason. Return: ST_OK; ST_NOMEM; ST_INTERNAL when libsodium cannot start */
enum status bootstrap_new(problem_fn *on_problem,
                          void *ctx,
                          struct bootstrap **ret_bootstrap) NODISCARD NONNULL(3);

/** bootstrap_free() - no reader may be left. NULL is fine. Return: NULL */
struct bootstrap *bootstrap_free(struct bootstrap *bootstrap);

/**
 * bootstrap_handle_event() - take in what happened to a Secret
 *
 * When memory runs out the token is refused until its Secret changes again, and on_problem hears
 * ST_NOMEM: what the old version said may have been revoked by the new one.
 */
void bootstrap_handle_event(struct bootstrap *bootstrap, const struct store_event *event)
    NONNULL(1, 2);

/** bootstrap_is_synced() - has STORE_SYNCED come? Any thread */
bool bootstrap_is_synced(const struct bootstrap *bootstrap) NONNULL(1);

/** bootstrap_stats() - any thread */
void bootstrap_stats(const struct bootstrap *bootstrap, struct authenticator_stats *ret_stats)
    NONNULL(1, 2);

/** bootstrap_taint() - see authenticator_taint() */
void bootstrap_taint(const struct bootstrap *bootstrap, taint_fn *taint, void *ctx) NONNULL(1, 2);
