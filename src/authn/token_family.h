/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A family of tokens: everything that the chain, and whoever puts an engine together, needs to know
 * of it.
 *
 * Families are told apart by what a token shows without being trusted: a bootstrap token has one
 * dot, a JWT two and an `iss`. They are disjoint, so the first that fits is the only one asked. A
 * family may hold several issuers: which of them a token is of, it finds out by itself.
 *
 * Threads: made, fed and freed on the loop's thread; asked on any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authn/verdict.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "store/store.h"

#define TOKEN_PIECES_MAX 3 /* of a compact JWS: header, payload, signature */

/** What a token shows of itself: written by `fits`, read by `authenticate`, so that a token is
 * taken apart once. Borrows the token or the scratch; what more `fits` has to remember it leaves in
 * the scratch.
 */
struct token_parts {
    struct span id;                       /* public, for the operator; empty when there is none */
    struct span pieces[TOKEN_PIECES_MAX]; /* the family's own business; never log */
};

/** One thing that a family must be told of, and by whom: of the clusters that an engine has stores
 * for, 0 is the one whose own store it is, and from 1 on the further ones, as it was given them. */
struct token_feed {
    unsigned cluster;
    struct store_interest interest;
};

/** token_told_fn - what a question may have waited for is there now: see struct question_wait,
 * whose source and what these are. After it was published; on the loop's thread */
typedef void token_told_fn(void *ctx, unsigned source, uint64_t what);

/** What a family is made of. */
struct token_family_setup {
    const void *options; /* the family's own, which say how long they are borrowed; NULL: none */
    /* --api-audiences, by audiences_sort(); borrow for the family's life */
    const struct span *api_audiences;
    size_t api_audience_count;
    problem_fn *on_problem; /* an object that can hold no token, with its reason; on the loop's
                               thread; may be NULL */
    void *ctx;
    token_told_fn *on_told; /* of each object that an answer may have waited for; may be NULL */
    void *told_ctx;
};

struct token_family_stats {
    uint64_t usable; /* tokens, or what stands for them, that can authenticate until they expire;
                        an expired one counts until it is changed or removed */
    uint64_t rejected[STATUS_COUNT_]; /* objects that are meant to and cannot, by reason, now */
};

struct token_family_ops {
    enum authenticator_id id;
    const char *form; /* what `fits` demands, for explain: "the token has the form …" */
    /* The tokens say nothing about audiences: the request's must include one of --api-audiences,
     * else the family is not asked at all (k8s.io/apiserver audagnostic.go). The chain then fills
     * in what is granted; other families set it themselves. */
    bool is_audience_agnostic;
    /* STATUS_COUNT_ of them, by enum status: what the family says of a reason where base/status.h
     * has to be general; NULL rows, and NULL, for nothing of its own */
    const char *const *reason_texts;
    /* What is counted as usable (struct token_family_stats), for check-config, where it stands
     * behind the number; NULL: tokens, of which that number is usable */
    const char *counted_text;
    size_t scratch_bytes; /* of question->scratch that `fits` and `authenticate` may use:
                             scratch_use() */

    /* Return: ST_OK; ST_NOMEM; what else keeps the family from starting, with @reterr_problem (may
     * be NULL), whose text may be left empty */
    enum status (*create)(const struct token_family_setup *setup,
                          void **ret_family,
                          struct problem *reterr_problem);
    /* No reader may be left, and no event comes any more. Never NULL */
    void (*free)(void *family);

    /* What it must be told of; borrows the family. None: *@ret_count is 0. Each takes one of the
     * STORE_MAX_HANDLERS places of its cluster's store, of which serve takes one. Several of one
     * kind each have their own truth: what one of them tells says nothing of the others */
    const struct token_feed *(*feeds)(const void *family, size_t *ret_count);
    /* The store of a cluster, whose figures it may ask for from any thread; before the first event
     * of that, and for as long as the family is asked. NULL: it wants none */
    void (*set_store)(void *family, unsigned cluster, const struct store *store);
    /* @feed: by which of its feeds, from 0. STORE_SYNCED once for each. When memory runs out
     * whatever the event may have revoked is refused, and on_problem hears ST_NOMEM */
    void (*handle_event)(void *family, size_t feed, const struct store_event *event);
    /* Has it been told everything once that its answers depend on? Any thread. What only some of
     * its tokens wait for is no part of that, and so is no further cluster: `authenticate`
     * concludes ST_NOT_SYNCED of those */
    bool (*is_synced)(const void *family);

    /* Is the question's token one of the family's, by what it shows without being trusted?
     * @ret_parts: written on true only. Inside rcu_read_lock(); any thread */
    bool (*fits)(const void *family,
                 const struct question *question,
                 struct token_parts *ret_parts);
    /* Only after `fits`, with what that found. @ret_verdict is all-zero but for authenticator,
     * token_id, and what the chain has granted. In the same read section. An answer that an object
     * or a key would change says so in its `wait`, unless it is known that none will come */
    void (*authenticate)(const void *family,
                         const struct question *question,
                         const struct token_parts *parts,
                         struct verdict *ret_verdict);

    /* @ret_stats: all-zero before. Any thread */
    void (*stats)(const void *family, struct token_family_stats *ret_stats);
    /* See authenticator_taint() */
    void (*taint)(const void *family, taint_fn *taint, void *ctx);
};

/** token_family_reason_text() - one sentence for an operator, in the family's words if it has any.
 * Static storage, never NULL */
static inline const char *token_family_reason_text(const struct token_family_ops *ops,
                                                   enum status why)
{
    const char *text = ops->reason_texts ? ops->reason_texts[why] : NULL;
    return text ? text : status_text(why);
}
