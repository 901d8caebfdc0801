/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which keys prove which issuer, and whose token it is that one of them has signed.
 *
 * Clusters made by the same tool share their issuer's name, and all legacy tokens share one. So a
 * token's cluster is that of the key that verified it, and one key of one issuer has one cluster:
 * of those that have it this cluster, else one that has it by file, else the one listed first.
 *
 * Threads: put on the loop's; read on any, inside an urcu-bp read section, without a lock.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authn/jwt/service_account_claims.h"
#include "authn/jwt/service_account_options.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "jose/key_set.h"

/** A key, as one issuer's tokens are tried with it. */
struct key_entry {
    const struct jose_key *key;
    /* Of this key, its ID and its algorithms, for this issuer, in this source: never used for
     * anything else, and the same for as long as the source has the key and it serves */
    uint64_t generation;
    unsigned source; /* its place in the options */
};

struct key_issuer {
    struct span name;
    bool is_legacy;
    const struct key_entry *keys; /* in the order in which they are tried; key_page_next() */
    size_t key_count;
    /* Sources, a bit each: all that answer for it, of these those whose keys another fetch may
     * change, and those of which nobody knows the keys (yet): key_page_silent() */
    uint32_t sources;
    uint32_t fetched_sources;
    uint32_t silent_sources;
};

struct key_page;
struct key_book;

struct key_book_options {
    const struct service_account_source *sources; /* borrows for the book's life */
    size_t source_count;                          /* at most SERVICE_ACCOUNT_SOURCES_MAX */
    problem_fn *on_problem; /* ST_DUPLICATE: a key that two sources of one issuer have; once for
                               each, until it is none any more. On the loop's thread; may be NULL */
    void *ctx;
};

/** key_book_new() - without keys. Return: ST_OK; ST_NOMEM */
enum status key_book_new(const struct key_book_options *options,
                         struct key_book **ret_book) NODISCARD NONNULL(1, 2);

/** key_book_free() - no reader may be left. NULL is fine. Return: NULL */
struct key_book *key_book_free(struct key_book *book);

/**
 * key_book_put() - from now on @source has these keys, and no others
 * @set: takes a reference of its own; NULL: it has none that may serve
 *
 * Waits for readers. Return: ST_OK; ST_NOMEM: the source has no keys any more, since its old ones
 * may have been taken back; all others have theirs
 */
enum status key_book_put(struct key_book *book, unsigned source, struct key_set *set) NODISCARD
    NONNULL(1);

/** key_book_find_doubled() - a key that two sources of one issuer have, both by file: for a start
 * that is to fail of it. The loop's thread. Return: is there one? Then @reterr_problem is
 * filled: ST_DUPLICATE */
bool key_book_find_doubled(const struct key_book *book, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** key_book_page() - what is in force; borrows until the reader leaves its section. Never NULL */
const struct key_page *key_book_page(const struct key_book *book) NONNULL(1);

/** key_page_issuer() - NULL when no source is of this issuer. Cost: logarithmic */
const struct key_issuer *key_page_issuer(const struct key_page *page, struct span name) NODISCARD
    NONNULL(1);

/**
 * key_page_next() - the keys that a token is tried with
 * @kid: what it names; empty: every key of the issuer
 * @i:   0 at first
 *
 * Return: NULL when there are no more
 */
const struct key_entry *key_page_next(const struct key_page *page,
                                      const struct key_issuer *issuer,
                                      struct span kid,
                                      size_t *i) NODISCARD NONNULL(1, 2, 4);

/** key_page_silent() - the issuer's sources, a bit each, of which nobody knows the keys (yet): as
 * long as there are some, a key that is not here may be one of theirs */
uint32_t key_page_silent(const struct key_page *page, const struct key_issuer *issuer)
    NONNULL(1, 2);

/** key_page_serving() - the key of a generation, as long as it serves; else NULL. Cost: logarithmic
 */
const struct key_entry *key_page_serving(const struct key_page *page, uint64_t generation) NODISCARD
    NONNULL(1);
