/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which ServiceAccounts, Pods, Nodes and Secrets one cluster has, as far as the checks of a
 * ServiceAccount token ask: by name, the uid, since when it is being deleted, and of a token Secret
 * a keyed digest of its token.
 *
 * Threads: told on the loop's thread only; asked on any, inside an urcu-bp read section, without a
 * lock. What is found stays as it is until the reader leaves.
 */
#include <stdbool.h>
#include <stdint.h>

#include "authn/verdict.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/quick_digest.h"
#include "base/span.h"
#include "base/status.h"
#include "store/store.h"

/* Every uid that an API server gives is a UUID as text. Only a manifest can say a longer one: it is
 * a problem, and the object counts as one that is not there. */
#define INDEXED_UID_MAX 36

/** Which of a cluster's interests an event came by. Each has its own truth: what the one says of a
 * Secret takes nothing from what the other said. */
enum object_feed {
    OBJECT_FEED_METADATA = 0,  /* accounts, Pods, Nodes, every Secret: event->meta is all that is
                                  looked at */
    OBJECT_FEED_TOKEN_SECRETS, /* Secrets of type kubernetes.io/service-account-token, decoded */
};

/** What is known of an object. All-zero is none. */
struct indexed_object {
    struct span uid;       /* borrows until the reader leaves its read section; empty when the
                              object has none */
    bool is_being_deleted; /* it has a deletionTimestamp */
    int64_t deletion_sec;  /* with that: seconds since 1970; 0 when it cannot be read */
    bool is_invalidated;   /* a token Secret's label `kubernetes.io/legacy-token-invalid-since` is
                              there and not empty */
    struct quick_digest
        token; /* a token Secret's data.token; of the empty text when that is missing */
};

struct object_index;

struct object_index_options {
    const struct quick_digest_key *token_key; /* of the digests of data.token; borrows. That of
                                           verified_tokens_key(): then one digest of a question's
                                           token serves both */
    problem_fn *on_problem; /* an object that cannot be kept; on the loop's thread; may be NULL */
    void *ctx;
};

/** object_index_new() - Return: ST_OK; ST_NOMEM; ST_INTERNAL when libsodium cannot start */
enum status object_index_new(const struct object_index_options *options,
                             struct object_index **ret_index) NODISCARD NONNULL(1, 2);

/** object_index_free() - wipe and free, after waiting for what is still due to be freed. No reader
 * may be left. NULL is fine. Return: NULL */
struct object_index *object_index_free(struct object_index *index);

/**
 * object_index_handle_event() - what a store tells; the loop's thread
 *
 * STORE_SYNCED, and kinds other than the four, are ignored. An object that is refused counts as
 * gone. Without memory the old entry goes, since the change may be a revocation, and on_problem
 * hears ST_NOMEM: until the object changes again it counts as one that is not there.
 */
void object_index_handle_event(struct object_index *index,
                               enum object_feed feed,
                               const struct store_event *event) NONNULL(1, 3);

/**
 * object_index_find() - an object as OBJECT_FEED_METADATA told it
 * @kind: kind_service_account, kind_pod, kind_node, kind_secret
 * @namespace: empty for a Node
 * @ret_object: written on true only; no digest, and is_invalidated is false
 *
 * Cost: two short keyed hashes, two loads that memory may have to serve; no lock, no allocation.
 */
bool object_index_find(const struct object_index *index,
                       const struct object_kind *kind,
                       struct span namespace,
                       struct span name,
                       struct indexed_object *ret_object) NODISCARD NONNULL(1, 2, 5);

/** object_index_find_token_secret() - a Secret as OBJECT_FEED_TOKEN_SECRETS told it. As above */
bool object_index_find_token_secret(const struct object_index *index,
                                    struct span namespace,
                                    struct span name,
                                    struct indexed_object *ret_object) NODISCARD NONNULL(1, 4);

/**
 * object_index_number() - a number that stands for an object, for whoever waits for it
 * @feed: by which it is to be told
 *
 * The same for a question's names and for an event's; of two objects, the same by chance only.
 * Return: 0 for a kind that is not kept, or names that no object can have.
 */
uint64_t object_index_number(const struct object_index *index,
                             enum object_feed feed,
                             const struct object_kind *kind,
                             struct span namespace,
                             struct span name) NODISCARD NONNULL(1, 3);

/** How many are held. */
struct object_index_stats {
    uint64_t service_accounts;
    uint64_t pods;
    uint64_t nodes;
    uint64_t secrets; /* by OBJECT_FEED_METADATA */
    uint64_t token_secrets;
    uint64_t unusable; /* of all these, those whose uid is too long: they are not found */
};

/** object_index_stats() - any thread */
void object_index_stats(const struct object_index *index, struct object_index_stats *ret_stats)
    NONNULL(1, 2);

/** object_index_taint() - see authenticator_taint(): every digest of a token. The key is its
 * owner's
 */
void object_index_taint(const struct object_index *index, taint_fn *taint, void *ctx) NONNULL(1, 2);
