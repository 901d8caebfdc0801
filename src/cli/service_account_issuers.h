/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * serviceAccountIssuers of the configuration file: the other clusters whose ServiceAccount tokens
 * are answered.
 *
 * A list of objects, so it is no row of the options table and has no flag. What is wrong with it
 * stops the start, with line, column and what was expected; no value is repeated.
 */
#include <stddef.h>

#include <json-c/json.h>

#include "authn/authenticator.h"
#include "authn/jwt/service_account_options.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "document/node.h"

#define SERVICE_ACCOUNT_ISSUERS "serviceAccountIssuers"

/* Files of one entry: a rotation has two, and a file may hold several keys. */
#define SERVICE_ACCOUNT_KEY_FILES_MAX 16

/** One entry. */
struct service_account_issuer {
    struct service_account_source source; /* borrows the fields below, and the tree */
    struct span issuer;
    struct span audiences[API_AUDIENCES_MAX];
    const char *key_files[SERVICE_ACCOUNT_KEY_FILES_MAX];
    struct document_place place; /* in the file */
};

struct service_account_issuers {
    json_object *tree; /* shares; holds the texts */
    size_t count;      /* from 1 to SERVICE_ACCOUNT_OTHERS_MAX */
    struct service_account_issuer items[];
};

/**
 * service_account_issuers_parse() - read the member's value, which document_parse() made
 * @ret_issuers: owned by the caller; NULL for an empty list
 *
 * All that can be seen without opening a file holds then: each entry has a name, an issuer, one way
 * to its keys, an API server for its lookups or lookup: false, audiences and prefixes that overlap
 * with no other's; one at most is without prefixes. Return: ST_OK; ST_TYPE, ST_INVALID,
 * ST_NOT_FOUND (an unknown member), ST_LIMIT, with @reterr_problem (not its file); ST_NOMEM
 */
enum status service_account_issuers_parse(json_object *list,
                                          struct service_account_issuers **ret_issuers,
                                          struct problem *reterr_problem) NODISCARD NONNULL(2, 3);

/** service_account_issuers_free() - NULL is fine. Return: NULL */
struct service_account_issuers *service_account_issuers_free(
    struct service_account_issuers *issuers);
