/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A family of tokens: what the chain needs to know to route a token to whoever can judge it.
 *
 * Families are told apart by what a token shows without being trusted: a bootstrap token has one
 * dot, a JWT two and an `iss`. They are disjoint, so the first that fits is the only one asked.
 */
#include <stdbool.h>

#include "authn/verdict.h"
#include "base/compiler.h"

struct token_family_ops {
    enum authenticator_id id;
    const char *form; /* what `fits` demands, for explain: "the token has the form …" */
    /* The tokens say nothing about audiences: the request's must include one of --api-audiences,
     * else the family is not asked at all (k8s.io/apiserver audagnostic.go). The chain then fills
     * in what is granted; other families set it themselves. */
    bool is_audience_agnostic;
    /* Is @token one of the family's, by what it shows without being trusted? @ret_token_id: its
     * public identifier for the operator, empty when it has none; borrows @token; written on true
     * only */
    bool (*fits)(const void *family, struct span token, struct span *ret_token_id);
    /* Only after fits(). @ret_verdict is all-zero but for authenticator, token_id, and what the
     * chain has granted. Inside rcu_read_lock(); any thread */
    void (*authenticate)(const void *family,
                         const struct question *question,
                         struct verdict *ret_verdict);
};

struct token_family {
    const struct token_family_ops *ops;
    const void *family; /* passed to both; borrows */
};
