/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For how long a reply is good: what its Cache-Control and Age say (RFC 9111). */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

#define HTTP_FRESH_MAX_SEC INT32_MAX /* RFC 9111 1.2.2: more is as good as this */

/** All-zero: nothing has been said. */
struct http_freshness {
    bool is_told;
    int32_t max_age_sec; /* the least that was said */
    int32_t age_sec;     /* spent on the way here */
};

/** http_freshness_add() - the value of one Cache-Control field; there may be several. What we keep
 * is private to us, so s-maxage does not count; a max-age that cannot be read, no-cache and
 * no-store are 0 */
void http_freshness_add(struct http_freshness *freshness, struct span cache_control) NONNULL(1);

/** http_freshness_add_age() - the value of Age; one that cannot be read does not count */
void http_freshness_add_age(struct http_freshness *freshness, struct span age) NONNULL(1);

/** http_freshness_left_sec() - Return: how long it is good from now on, 0 and more; negative: not
 * told */
int64_t http_freshness_left_sec(const struct http_freshness *freshness) NONNULL(1);
