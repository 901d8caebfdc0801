/* SPDX-License-Identifier: Apache-2.0 */
/* Where rows of verdict.h meet the files that they name: what goes through all families (an engine
 * that makes them, a page that documents them) needs to know none by itself. */
#include "authn/families/token_families.h"

#include "authn/bootstrap.h"
#include "authn/jwt/service_account.h"

const struct token_family_ops *const token_families[AUTHENTICATOR_COUNT_] = {
#define X(name, label, ops) [name] = (ops),
    TOKEN_FAMILY_TABLE(X)
#undef X
};
