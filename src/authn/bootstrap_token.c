/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grammars of bootstrap tokens, as loops over bytes.
 *
 * Untrusted: every byte. Written out instead of POSIX regexec(), which follows the locale, stops at
 * NUL and allocates. Whether the bytes of a *presented* secret belong to the alphabet may show in
 * the time taken: who presents them knows them. Comparison with a stored secret is not here.
 * Threads: pure functions.
 * Source: k8s.io/cluster-bootstrap token/api/types.go, util/secrets, util/tokens.
 */
#include "authn/bootstrap_token.h"

#define GROUP_PREFIX     BOOTSTRAP_DEFAULT_GROUP ":"
#define GROUP_SUFFIX_MAX 256 /* token/api/types.go: {0,255} and one alphanumeric */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_all_alnum(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alnum(text.at[i])) {
            return false;
        }
    }
    return true;
}

bool bootstrap_token_id_is_valid(struct span id)
{
    return id.len == BOOTSTRAP_TOKEN_ID_BYTES && is_all_alnum(id);
}

bool bootstrap_token_secret_is_valid(struct span secret)
{
    return secret.len == BOOTSTRAP_TOKEN_SECRET_BYTES && is_all_alnum(secret);
}

bool bootstrap_token_parse(struct span text, struct bootstrap_token *ret_token)
{
    if (text.len != BOOTSTRAP_TOKEN_BYTES || text.at[BOOTSTRAP_TOKEN_ID_BYTES] != '.') {
        return false;
    }
    const struct bootstrap_token token = {
        .id = { .at = text.at, .len = BOOTSTRAP_TOKEN_ID_BYTES },
        .secret = span_after(text, BOOTSTRAP_TOKEN_ID_BYTES + 1),
    };
    if (!bootstrap_token_id_is_valid(token.id) || !bootstrap_token_secret_is_valid(token.secret)) {
        return false;
    }
    *ret_token = token;
    return true;
}

bool bootstrap_secret_name_parse(struct span name, struct span *ret_id)
{
    const struct span prefix = SPAN_LITERAL(BOOTSTRAP_SECRET_NAME_PREFIX);
    if (!span_starts_with(name, prefix)) {
        return false;
    }
    const struct span id = span_after(name, prefix.len);
    if (!bootstrap_token_id_is_valid(id)) {
        return false;
    }
    *ret_id = id;
    return true;
}

bool bootstrap_group_is_valid(struct span group)
{
    const struct span prefix = SPAN_LITERAL(GROUP_PREFIX);
    if (!span_starts_with(group, prefix)) {
        return false;
    }
    const struct span suffix = span_after(group, prefix.len);
    if (suffix.len == 0 || suffix.len > GROUP_SUFFIX_MAX) {
        return false;
    }
    for (size_t i = 0; i < suffix.len; i++) {
        const char c = suffix.at[i];
        if (!is_alnum(c) && c != ':' && c != '-') {
            return false;
        }
    }
    return is_alnum(suffix.at[suffix.len - 1]);
}
