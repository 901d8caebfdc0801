/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* POST a TokenReview. */
#include "base/buf.h"
#include "base/compiler.h"
#include "base/status.h"
#include "kube/token_review.h"
#include "server/endpoints/ask.h"
#include "server/http/endpoint.h"

/** What it is asked with: the ctx of its rows. */
struct token_review_endpoint {
    struct ask *ask;
    struct token_review_defaults defaults; /* what its path says where the body does not */
    unsigned first_refusal; /* number of the first of token_review_endpoint_refusals() */
};

/** token_review_endpoint_refusals() - the plain noes, by enum token_review_version, to be prepared.
 * @buf: empty; owns their bodies. Return: ST_OK; ST_NOMEM */
enum status token_review_endpoint_refusals(struct buf *buf,
                                           struct prepared_reply ret_rows[static 2]) NODISCARD
    NONNULL(1);

endpoint_fn token_review_endpoint;
