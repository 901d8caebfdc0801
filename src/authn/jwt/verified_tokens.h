/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tokens whose signature was good once: under which key, and what they say.
 *
 * Looked up by a keyed digest of the whole token, before any of it is parsed. Nothing here says
 * yes: that a signature was good stays true, and whoever asks compares the generation of its key
 * with the present one and checks times, audiences and objects at every answer. So no event has to
 * find an entry, and none can be missed. Bad signatures are not put in.
 *
 * Bounded in bytes, whatever comes. When it is full, tokens go that were never answered yes, the
 * oldest first; without such, those answered yes that were not asked for lately. One that was not
 * answered yes takes no place from one that was.
 *
 * Threads: found on any thread, inside an urcu-bp read section, without a lock; put on any, with a
 * short lock. What is found stays as it is until the reader leaves.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authn/verdict.h"
#include "base/compiler.h"
#include "base/quick_digest.h"
#include "base/span.h"
#include "base/status.h"

/* Some 60,000 tokens of the usual size (933 bytes with all that they take), and a quarter of what
 * config/ lets the program have: with 150,000 Pods it fits into what connections leave of that. One
 * that finds no place costs its verification (20 to 70 µs) again at its next question. Nothing is
 * taken before tokens come. */
#define VERIFIED_TOKENS_DEFAULT_BYTES ((size_t)64 << 20)
#define VERIFIED_TOKENS_MIN_BYTES     ((size_t)1 << 20)

/** A token whose signature was good, as its owner fills it in before it is put. */
struct verified_token {
    uint64_t generation; /* of the very key under which it was good: compare with the present one */
    uint32_t source;     /* the owner's number of the entry that the key belongs to */
    uint32_t kept_len;   /* bytes at verified_token_kept() */
};

struct verified_tokens;

/** verified_tokens_new() - @max_bytes: of all it may take, what waits to be freed included; at
 * least VERIFIED_TOKENS_MIN_BYTES. Return: ST_OK; ST_NOMEM; ST_INTERNAL when libsodium cannot start
 */
enum status verified_tokens_new(size_t max_bytes, struct verified_tokens **ret_tokens) NODISCARD
    NONNULL(2);

/** verified_tokens_free() - wipe and free, after waiting for what is still due to be freed. No
 * reader and no writer may be left. NULL is fine. Return: NULL */
struct verified_tokens *verified_tokens_free(struct verified_tokens *tokens);

/** verified_tokens_key() - the key of the digests; borrows */
const struct quick_digest_key *verified_tokens_key(const struct verified_tokens *tokens) NONNULL(1);

/**
 * verified_tokens_find() - @digest: of the whole token, under verified_tokens_key()
 * Return: borrows until the caller leaves its read section; NULL when there is none.
 * Cost: one short keyed hash; three loads that memory may have to serve. No lock, no allocation.
 */
struct verified_token *verified_tokens_find(const struct verified_tokens *tokens,
                                            const struct quick_digest *digest) NODISCARD
    NONNULL(1, 2);

/** verified_token_was_accepted() - it was answered yes: keep it. In the same read section. Cost: a
 * load; a store for the first yes after it was passed by when room was made */
void verified_token_was_accepted(struct verified_token *token) NONNULL(1);

/** verified_token_new() - room for @kept_len bytes, all-zero. Nobody else knows of it yet: fill it
 * in, then put or free it. Return: owns; NULL without memory */
struct verified_token *verified_token_new(size_t kept_len) NODISCARD;

/** verified_token_free() - wipe and free one that was not put. NULL is fine. Return: NULL */
struct verified_token *verified_token_free(struct verified_token *token);

/** verified_token_kept() - the claims, and what else its owner keeps: token->kept_len bytes,
 * aligned as malloc's. They do not move any more, so they may point at each other */
static inline void *verified_token_kept(struct verified_token *token)
{
    return token + 1;
}

/**
 * verified_tokens_put() - add, or replace the one with this digest
 * @token: takes, even on failure
 * @is_accepted: it was answered yes already; false also when that is not known yet: then
 *               verified_token_was_accepted() may say so later
 *
 * Return, which need not be looked at: ST_OK; ST_LIMIT: there is no room that it may take;
 * ST_NOMEM. On both nothing changed but that others may have gone. Cost: the lock, for a bounded
 * number of steps.
 */
enum status verified_tokens_put(struct verified_tokens *tokens,
                                const struct quick_digest *digest,
                                struct verified_token *token,
                                bool is_accepted) NONNULL(1, 2, 3);

struct verified_tokens_stats {
    uint64_t count;
    uint64_t accepted; /* of these, answered yes, as far as room-making has seen */
    uint64_t bytes;    /* taken now, what waits to be freed included */
    uint64_t evicted;  /* since the start */
    uint64_t refused;  /* ST_LIMIT, since the start */
};

/** verified_tokens_stats() - any thread; takes the lock */
void verified_tokens_stats(struct verified_tokens *tokens, struct verified_tokens_stats *ret_stats)
    NONNULL(1, 2);
