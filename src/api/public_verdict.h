/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What an embedder gets of a decision: struct kube_bearer_verdict, whose functions in
 * <kube-bearer/kube-bearer.h> are defined here. */
#include <kube-bearer/kube-bearer.h>

#include "authn/verdict.h"
#include "base/compiler.h"

/** public_verdict_copy() - everything that @decision about @question says, as the caller's own. In
 * the read section of @decision. Return: for kube_bearer_verdict_free(); NULL without memory */
struct kube_bearer_verdict *public_verdict_copy(const struct decision *decision,
                                                const struct question *question) NODISCARD
    NONNULL(1, 2);
