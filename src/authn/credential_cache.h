/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bootstrap tokens by token ID: the one place where objects coming in and questions coming in meet.
 *
 * A credential is what a Secret says, worked out when it arrives: a keyed digest instead of the
 * token secret, the expiration as an instant, the reply's user part as finished JSON.
 *
 * Threads: changed on the loop's thread only; found on any thread, inside an urcu-bp read section,
 * without a lock. A credential never changes once it is published: an update replaces it whole.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authn/bootstrap_token.h"
#include "authn/verdict.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/rcu_table.h"
#include "base/span.h"
#include "base/status.h"

/* `{"username":"system:bootstrap:` id `","groups":` */
#define CREDENTIAL_HEAD_BEFORE "{\"username\":\""
#define CREDENTIAL_HEAD_AFTER  "\",\"groups\":"
#define CREDENTIAL_NAME_BYTES  (sizeof(BOOTSTRAP_USER_PREFIX) - 1 + BOOTSTRAP_TOKEN_ID_BYTES)
#define CREDENTIAL_HEAD_BYTES \
    (sizeof(CREDENTIAL_HEAD_BEFORE) - 1 + CREDENTIAL_NAME_BYTES + sizeof(CREDENTIAL_HEAD_AFTER) - 1)

enum credential_expiry {
    CREDENTIAL_EXPIRY_INVALID = 0, /* not RFC 3339: counts as expired */
    CREDENTIAL_EXPIRES,            /* at `expires` */
    CREDENTIAL_NEVER_EXPIRES,
};

/** What a Secret named bootstrap-token-<id> in kube-system says. All-zero can never authenticate.
 */
struct credential {
    struct digest secret;            /* of data.token-secret, empty when that is missing */
    struct instant expires;          /* with CREDENTIAL_EXPIRES */
    const struct group_list *groups; /* holds a reference; NULL when a group is invalid */
    enum credential_expiry expiry : 8;
    enum status
        unusable : 8; /* why no token can ever match, ST_OK when one can (until it expires) */
    bool is_live;     /* no deletionTimestamp */
    bool is_bootstrap_type;
    bool has_data;
    bool id_matches; /* data.token-id is the ID in the name */
    bool may_authenticate;
    char head[CREDENTIAL_HEAD_BYTES]; /* filled in by credential_cache_put() */
};

_Static_assert(STATUS_COUNT_ <= 1 << 8, "every status fits into `unusable`");

struct credential_cache;

/** credential_cache_new() - Return: ST_OK; ST_NOMEM; ST_INTERNAL when libsodium cannot start */
enum status credential_cache_new(struct credential_cache **ret_cache) NODISCARD NONNULL(1);

/** credential_cache_free() - wipe and free, after waiting for what is still due to be freed. No
 * reader may be left. NULL is fine. Return: NULL */
struct credential_cache *credential_cache_free(struct credential_cache *cache);

/** credential_cache_key() - the key of the digests; borrows */
const struct digest_key *credential_cache_key(const struct credential_cache *cache) NONNULL(1);

/** credential_cache_ref_groups() - the group list of data.auth-extra-groups, for
 * credential.groups; see bootstrap_groups_ref(). The loop's thread */
enum status credential_cache_ref_groups(struct credential_cache *cache,
                                        struct span extra_groups,
                                        const struct group_list **ret_list) NODISCARD NONNULL(1, 3);

/**
 * credential_cache_find() - the credential of a token ID
 * @id: BOOTSTRAP_TOKEN_ID_BYTES bytes
 *
 * Return: borrows until the caller leaves its read section; NULL when there is none.
 * Cost: one keyed hash, one bucket; no lock, no allocation.
 */
const struct credential *credential_cache_find(const struct credential_cache *cache, struct span id)
    NONNULL(1);

/** credential_cache_aim() - the first half of credential_cache_find(): the credential is on its way
 * from memory when this returns, and comes while the caller computes its digest */
struct rcu_table_aim credential_cache_aim(const struct credential_cache *cache,
                                          struct span id) NODISCARD NONNULL(1);

/** credential_cache_hit() - the second half, in the same read section and with the same ID.
 * Return: as credential_cache_find() */
const struct credential *credential_cache_hit(const struct credential_cache *cache,
                                              const struct rcu_table_aim *aim,
                                              struct span id) NODISCARD NONNULL(1, 2);

/** credential_cache_dummy() - what a secret is compared with when its ID is unknown: passes every
 * check but that one. Borrows */
const struct credential *credential_cache_dummy(const struct credential_cache *cache) NONNULL(1);

/**
 * credential_cache_put() - add or atomically replace
 * @credential: copies; takes its reference to a group list, even on failure
 * Return: ST_OK; ST_NOMEM: nothing changed
 */
enum status credential_cache_put(struct credential_cache *cache,
                                 struct span id,
                                 const struct credential *credential) NODISCARD NONNULL(1, 3);

/** credential_cache_remove() - readers that come now do not find it; no allocation. Nothing happens
 * when there is none */
void credential_cache_remove(struct credential_cache *cache, struct span id) NONNULL(1);

/** credential_name() - "system:bootstrap:<id>"; borrows @credential */
struct span credential_name(const struct credential *credential) NONNULL(1);

/** credential_cache_taint() - see authenticator_taint(): the key and every digest, the dummy's too
 */
void credential_cache_taint(const struct credential_cache *cache, taint_fn *taint, void *ctx)
    NONNULL(1, 2);
