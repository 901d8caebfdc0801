/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What data.auth-extra-groups of a bootstrap token stands for. */
#include "authn/group_lists.h"
#include "authn/verdict.h"
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

/**
 * bootstrap_groups_ref() - the list that data.auth-extra-groups stands for
 * @extra_groups: comma separated, nothing trimmed; empty (or absent) gives only the default group
 * @ret_list:     a new reference, sorted bytewise, without duplicates, system:bootstrappers first
 *
 * Return: ST_OK; ST_GROUPS_INVALID when any element breaks the grammar (one voids the token);
 * ST_NOMEM.
 * Source: k8s.io/cluster-bootstrap util/secrets GetGroups
 */
enum status bootstrap_groups_ref(struct group_lists *lists,
                                 struct span extra_groups,
                                 const struct group_list **ret_list) NODISCARD NONNULL(1, 3);
