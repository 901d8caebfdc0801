/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The family of ServiceAccount tokens, of this cluster and of others: keys and objects in, verdicts
 * out. Its options are a struct service_account_options, and live as long as the family.
 *
 * It does no I/O: who has the keys puts them.
 */
#include <stdint.h>

#include "authn/jwt/key_book.h"
#include "authn/jwt/object_index.h"
#include "authn/jwt/service_account_options.h"
#include "authn/jwt/verified_tokens.h"
#include "authn/token_family.h"

extern const struct token_family_ops service_account_ops;

/** service_account_put_keys() - from now on @source, its place in the options, has these keys, and
 * no others; the loop's thread. As key_book_put() */
enum status service_account_put_keys(void *family, unsigned source, struct key_set *set) NODISCARD
    NONNULL(1);

/** service_account_find_doubled() - as key_book_find_doubled() */
bool service_account_find_doubled(const void *family, struct problem *reterr_problem) NODISCARD
    NONNULL(1, 2);

/** service_account_cluster_of() - the number of the cluster (struct token_feed) whose store tells
 * of the objects of source @source; 0 of this cluster's, and of one that looks up nothing. The
 * further clusters have the numbers from 1 on in the order of the sources that look up something */
unsigned service_account_cluster_of(const struct service_account_options *options, size_t source)
    NONNULL(1);

/** service_account_objects() - of one source; all-zero when it looks up nothing. Any thread */
void service_account_objects(const void *family,
                             unsigned source,
                             struct object_index_stats *ret_stats) NONNULL(1, 3);

/** service_account_tokens() - of all sources. Any thread */
void service_account_tokens(const void *family, struct verified_tokens_stats *ret_stats)
    NONNULL(1, 2);
