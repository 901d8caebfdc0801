/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A second family of tokens, which only tests link: unlike bootstrap tokens in every respect that a
 * family may differ in.
 *
 * A badge is `badge/<site>/<name in hex>/<pin>`. Two sites issue them, one of which may be away, or
 * be another cluster; Secrets of a type of their own in a namespace of their own say which are
 * valid, but it also takes a key that comes by another way. The name is decoded into the scratch,
 * the user is rendered late, with uid and extra, and a badge is good for one audience: its site.
 * A third site, the vault, signs its badges: the pin is the number of a key, from 1 on; keys come
 * by yet another way, and are dear to try.
 */
#include <stdatomic.h>

#include "authn/token_family.h"

/* What tests need of it; no row of TOKEN_FAMILY_TABLE, so without a label or a metric. */
#define AUTHENTICATOR_BADGE ((enum authenticator_id)AUTHENTICATOR_COUNT_)

/* TEST-ONLY badges: jane of the north, and the same with a wrong pin. */
#define BADGE_JANE       "badge/north/6a616e65/0000"
#define BADGE_JANE_WRONG "badge/north/6a616e65/0001"

#define BADGE_NAMESPACE   "badges"
#define BADGE_SECRET_TYPE "example.org/badge"

/* The sites by number: the sources of question_wait. */
enum badge_site { BADGE_SITE_NORTH = 0, BADGE_SITE_SOUTH, BADGE_SITE_VAULT };

struct badge_options {
    atomic_bool *has_key;       /* the family is ready when this is so and the store has synced */
    atomic_bool *is_south_away; /* then it cannot be said whose a badge of the south is */
    unsigned *fits_count;       /* how often a token was taken apart; NULL for nobody to count */
    enum status create_status;  /* what `create` ends with, and says */
    atomic_uint *vault_keys;    /* how many there are; NULL: none */
    struct manual_clock *vault_time; /* by which trying one costs so much; NULL: nothing */
    int64_t vault_cost_ns;
    unsigned south_cluster; /* whose Secrets are the south's; 0: the engine's own */
};

/** badge_number() - under which a badge that is not known is waited for: struct question_wait.what
 */
uint64_t badge_number(struct span secret_name);

extern const struct token_family_ops badge_ops;

/* The same under the id of bootstrap tokens, for where figures are kept by id. */
extern const struct token_family_ops badge_as_bootstrap_ops;
