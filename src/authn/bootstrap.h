/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The family of bootstrap tokens: Secrets in, verdicts out. It takes no options. */
#include "authn/token_family.h"
#include "store/store.h"

extern const struct token_family_ops bootstrap_ops;

extern const struct token_feed bootstrap_feed; /* what it must be told of */
