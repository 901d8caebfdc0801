/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Every family of tokens that the program knows, whether an engine has it or not. */
#include "authn/token_family.h"
#include "authn/verdict.h"

/* By id; NULL for AUTHENTICATOR_NONE. Ids rise in the order in which families are asked. */
extern const struct token_family_ops *const token_families[AUTHENTICATOR_COUNT_];
