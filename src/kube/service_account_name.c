/* SPDX-License-Identifier: Apache-2.0 */
/* Untrusted: user names, as a token's `sub` has them. What can be split cannot be read in two ways:
 * neither part may hold a colon. */
#include "kube/service_account_name.h"

#include <string.h>

#include "kube/names.h"

bool service_account_name_split(struct span username,
                                struct span *ret_namespace,
                                struct span *ret_name)
{
    const struct span prefix = SPAN_LITERAL(SERVICE_ACCOUNT_USER_PREFIX);
    if (!span_starts_with(username, prefix)) {
        return false;
    }
    const struct span rest = span_after(username, prefix.len);
    const char *const colon = memchr(rest.at, ':', rest.len);
    if (!colon) {
        return false;
    }
    const struct span namespace = { .at = rest.at, .len = (size_t)(colon - rest.at) };
    const struct span name = span_after(rest, namespace.len + 1);
    if (!name_is_dns_label(namespace) || !name_is_dns_subdomain(name)) {
        return false;
    }
    *ret_namespace = namespace;
    *ret_name = name;
    return true;
}

bool service_account_name_matches(struct span namespace, struct span name, struct span username)
{
    const struct span prefix = SPAN_LITERAL(SERVICE_ACCOUNT_USER_PREFIX);
    if (username.len != service_account_name_len(namespace, name) ||
        !span_starts_with(username, prefix)) {
        return false;
    }
    const struct span rest = span_after(username, prefix.len);
    return span_starts_with(rest, namespace) && rest.at[namespace.len] == ':' &&
           span_equal(span_after(rest, namespace.len + 1), name);
}

size_t service_account_name_len(struct span namespace, struct span name)
{
    return sizeof(SERVICE_ACCOUNT_USER_PREFIX) - 1 + namespace.len + 1 + name.len;
}

char *service_account_name_write(char *at, struct span namespace, struct span name)
{
    at = mempcpy(at, SERVICE_ACCOUNT_USER_PREFIX, sizeof(SERVICE_ACCOUNT_USER_PREFIX) - 1);
    at = mempcpy(at, namespace.len ? namespace.at : "", namespace.len);
    *at++ = ':';
    return mempcpy(at, name.len ? name.at : "", name.len);
}
