/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* URLs of documents that are fetched: https:// and nothing else, whoever names them. */
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

#define HTTP_URL_MAX 2048 /* bytes; what proxies and servers take for granted is 8000 */

/**
 * http_url_check() - is @url one that may be fetched?
 * @what: what it is, for people: the problem's text begins with it
 *
 * https:// and a host, visible ASCII only, without a user and without a fragment. Return: ST_OK;
 * ST_INVALID, ST_LIMIT with @reterr_problem (text only, without the URL); ST_NOMEM
 */
enum status http_url_check(struct span url,
                           const char *what,
                           struct problem *reterr_problem) NODISCARD NONNULL(2, 3);

/**
 * http_url_resolve() - where a redirect leads (RFC 9110 10.2.2)
 * @base:     the URL that was asked
 * @location: its reply's Location, absolute or relative; a fragment is left out
 * @ret_url:  the caller's to free()
 *
 * Return: as http_url_check() of the result
 */
enum status http_url_resolve(const char *base,
                             struct span location,
                             char **ret_url,
                             struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 4);
