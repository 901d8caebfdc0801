/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What an issuer says of itself: OpenID Connect Discovery 1.0. */
#include <stddef.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"

#define OPENID_CONFIGURATION_PATH "/.well-known/openid-configuration"

/* Keycloak's is 6 KB; the longest in use are below 10. */
#define OPENID_CONFIGURATION_MAX_BYTES 65536

/**
 * openid_configuration_parse() - where are the keys of @issuer?
 * @text, @len: a JSON object; clobbered
 * @issuer:     what it must call itself, byte for byte
 * @ret_jwks_uri: a URL that may be fetched (http_url_check()); borrows @text
 *
 * Other members are not looked at. Members count by their exact names, each once; Go's decoder, and
 * so kube-apiserver, folds case and takes the last. Return: ST_OK; ST_SYNTAX, ST_TYPE,
 * ST_DUPLICATE, ST_LIMIT, ST_INVALID with @reterr_problem (not its file; never the document's
 * bytes); ST_NOMEM. Source: OpenID Connect Discovery 1.0 sections 3, 4.3
 */
enum status openid_configuration_parse(char *text,
                                       size_t len,
                                       struct span issuer,
                                       struct span *ret_jwks_uri,
                                       struct problem *reterr_problem) NODISCARD NONNULL(1, 4, 5);
