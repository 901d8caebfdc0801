/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who the bearer of a good ServiceAccount token is. Pure functions on the caller's memory. */
#include <stddef.h>

#include "authn/jwt/service_account_claims.h"
#include "authn/jwt/service_account_policy.h"
#include "authn/verdict.h"
#include "base/compiler.h"

#define SERVICE_ACCOUNT_EXTRAS_MAX 5 /* credential-id, node-name, node-uid, pod-name, pod-uid */

/** What a struct user of a ServiceAccount points at, but for texts. */
struct service_account_user {
    struct span group_names[2];
    struct group_list groups;
    struct span extra_values[SERVICE_ACCOUNT_EXTRAS_MAX];
    struct user_extra extras[SERVICE_ACCOUNT_EXTRAS_MAX];
};

/** service_account_user_text_len() - bytes of text that service_account_user_make() writes; less
 * than twice the token and the prefixes, and 128 */
size_t service_account_user_text_len(const struct service_account_claims *claims,
                                     const struct service_account_policy *policy) NONNULL(1, 2);

/**
 * service_account_user_make() - only after service_account_checks_run() said ST_OK
 * @text:     room of service_account_user_text_len() bytes
 * @parts:    room
 * @ret_user: borrows the claims, @text and @parts; to be rendered late
 *
 * Source: k8s.io/apiserver pkg/authentication/serviceaccount UserInfo
 */
void service_account_user_make(const struct service_account_claims *claims,
                               const struct service_account_policy *policy,
                               char *text,
                               struct service_account_user *parts,
                               struct user *ret_user) NONNULL(1, 2, 3, 4, 5);
