/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Some of the audiences that a question names: one bit each, by their place in it. All-zero is none
 * of them. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Audiences of one question. kube-apiserver sends its issuer list, one to three, and takes any
 * number; a service that asks for all of its tenants has been seen with hundreds. A body of the
 * default size holds as many of 120 bytes. */
#define AUDIENCE_SET_MAX 1024

#define AUDIENCE_SET_WORD_BITS 64

_Static_assert(AUDIENCE_SET_MAX % AUDIENCE_SET_WORD_BITS == 0, "every bit stands for one");

struct audience_set {
    uint64_t words[AUDIENCE_SET_MAX / AUDIENCE_SET_WORD_BITS];
};

/** audience_set_add() - put the audience at @place in; @place is below AUDIENCE_SET_MAX */
NONNULL(1)
static inline void audience_set_add(struct audience_set *set, size_t place)
{
    set->words[place / AUDIENCE_SET_WORD_BITS] |= UINT64_C(1) << place % AUDIENCE_SET_WORD_BITS;
}

/** audience_set_has() - is the audience at @place in it? @place is below AUDIENCE_SET_MAX */
NONNULL(1)
static inline bool audience_set_has(const struct audience_set *set, size_t place)
{
    return (set->words[place / AUDIENCE_SET_WORD_BITS] >> place % AUDIENCE_SET_WORD_BITS & 1) != 0;
}

/** audience_set_is_empty() - is none in it? */
NONNULL(1)
static inline bool audience_set_is_empty(const struct audience_set *set)
{
    uint64_t any = 0;
    for (size_t i = 0; i < AUDIENCE_SET_MAX / AUDIENCE_SET_WORD_BITS; i++) {
        any |= set->words[i];
    }
    return any == 0;
}
