/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a ServiceAccount is called as a user, and its groups. */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"

#define SERVICE_ACCOUNT_USER_PREFIX  "system:serviceaccount:"
#define SERVICE_ACCOUNT_GROUP        "system:serviceaccounts"
#define SERVICE_ACCOUNT_GROUP_PREFIX SERVICE_ACCOUNT_GROUP ":"

/**
 * service_account_name_split() - `system:serviceaccount:<namespace>:<name>` in its two parts
 * @ret_namespace: a DNS label; it and @ret_name borrow @username
 * @ret_name:      a DNS subdomain
 *
 * Return: false for anything else. Source: k8s.io/apiserver pkg/authentication/serviceaccount
 * SplitUsername
 */
bool service_account_name_split(struct span username,
                                struct span *ret_namespace,
                                struct span *ret_name) NODISCARD NONNULL(2, 3);

/** service_account_name_matches() - is it what service_account_name_write() makes of them? Nothing
 * is validated. Source: MatchesUsername, as above */
bool service_account_name_matches(struct span namespace,
                                  struct span name,
                                  struct span username) NODISCARD;

/** service_account_name_len() - bytes of the user name */
size_t service_account_name_len(struct span namespace, struct span name);

/** service_account_name_write() - the user name at @at, without NUL. Return: the byte behind it */
char *service_account_name_write(char *at, struct span namespace, struct span name) NONNULL(1);
