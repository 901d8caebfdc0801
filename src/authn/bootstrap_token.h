/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The grammars of bootstrap tokens: token, token ID, token secret, Secret name, group. */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"

#define BOOTSTRAP_TOKEN_ID_BYTES     6
#define BOOTSTRAP_TOKEN_SECRET_BYTES 16
#define BOOTSTRAP_TOKEN_BYTES        (BOOTSTRAP_TOKEN_ID_BYTES + 1 + BOOTSTRAP_TOKEN_SECRET_BYTES)

#define BOOTSTRAP_SECRET_NAMESPACE   "kube-system"
#define BOOTSTRAP_SECRET_TYPE        "bootstrap.kubernetes.io/token"
#define BOOTSTRAP_SECRET_NAME_PREFIX "bootstrap-token-"
#define BOOTSTRAP_USER_PREFIX        "system:bootstrap:"
#define BOOTSTRAP_DEFAULT_GROUP      "system:bootstrappers"

struct bootstrap_token {
    struct span id;     /* borrow the text that was parsed */
    struct span secret; /* never log */
};

/** bootstrap_token_parse() - split `\A([a-z0-9]{6})\.([a-z0-9]{16})\z`; false for anything else:
 * nothing is trimmed, no case is folded */
bool bootstrap_token_parse(struct span text, struct bootstrap_token *ret_token) NODISCARD
    NONNULL(2);

/** bootstrap_token_id_is_valid() - `\A[a-z0-9]{6}\z` */
bool bootstrap_token_id_is_valid(struct span id) NODISCARD;

/** bootstrap_token_secret_is_valid() - `\A[a-z0-9]{16}\z`: can any token carry this secret? */
bool bootstrap_token_secret_is_valid(struct span secret) NODISCARD;

/** bootstrap_secret_name_parse() - `\Abootstrap-token-([a-z0-9]{6})\z`; @ret_id borrows @name */
bool bootstrap_secret_name_parse(struct span name, struct span *ret_id) NODISCARD NONNULL(2);

/** bootstrap_group_is_valid() - `\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z` */
bool bootstrap_group_is_valid(struct span group) NODISCARD;
