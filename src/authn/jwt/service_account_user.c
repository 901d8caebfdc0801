/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users of ServiceAccount tokens.
 *
 * What stands in extra is believed by others: admission policies bind what a user may do to its pod
 * and node. So pods and nodes are named only where this cluster's objects were held against the
 * token; of another cluster's they would be names of nothing here, or of something else.
 *
 * Threads: pure functions on the caller's memory.
 */
#include "authn/jwt/service_account_user.h"

#include "kube/service_account_name.h"

#define EXTRA_KEY(name)      SPAN_LITERAL("authentication.kubernetes.io/" name)
#define CREDENTIAL_ID_PREFIX "JTI="

static bool has_credential_id(const struct service_account_claims *claims)
{
    return !claims->is_legacy && claims->jti.len > 0;
}

size_t service_account_user_text_len(const struct service_account_claims *claims,
                                     const struct service_account_policy *policy)
{
    const size_t user =
        policy->username_prefix.len + service_account_name_len(claims->namespace, claims->name);
    const size_t groups = 2 * policy->group_prefix.len + sizeof(SERVICE_ACCOUNT_GROUP) - 1 +
                          sizeof(SERVICE_ACCOUNT_GROUP_PREFIX) - 1 + claims->namespace.len;
    const size_t credential_id =
        has_credential_id(claims) ? sizeof(CREDENTIAL_ID_PREFIX) - 1 + claims->jti.len : 0;
    return user + groups + credential_id;
}

static char *put(char *at, struct span text)
{
    return mempcpy(at, text.len ? text.at : "", text.len);
}

static struct span join(char **at, struct span a, struct span b, struct span c)
{
    const char *const start = *at;
    *at = put(put(put(*at, a), b), c);
    return (struct span){ .at = start, .len = (size_t)(*at - start) };
}

static struct span make_name(const struct service_account_claims *claims,
                             const struct service_account_policy *policy,
                             char **at)
{
    const char *const start = *at;
    *at = service_account_name_write(put(*at, policy->username_prefix), claims->namespace,
                                     claims->name);
    return (struct span){ .at = start, .len = (size_t)(*at - start) };
}

/* In the order of bytes: the first is the start of the second. */
static void make_groups(const struct service_account_claims *claims,
                        const struct service_account_policy *policy,
                        char **at,
                        struct service_account_user *parts)
{
    const struct span none = { 0 };
    parts->group_names[0] =
        join(at, policy->group_prefix, SPAN_LITERAL(SERVICE_ACCOUNT_GROUP), none);
    parts->group_names[1] = join(at, policy->group_prefix,
                                 SPAN_LITERAL(SERVICE_ACCOUNT_GROUP_PREFIX), claims->namespace);
    parts->groups =
        (struct group_list){ .count = COUNTOF(parts->group_names), .names = parts->group_names };
}

static void add_extra(struct service_account_user *parts,
                      size_t *count,
                      struct span key,
                      struct span value)
{
    parts->extra_values[*count] = value;
    parts->extras[*count] =
        (struct user_extra){ .key = key, .values = &parts->extra_values[*count], .value_count = 1 };
    (*count)++;
}

/* Sorted by key. Return: how many */
static size_t make_extras(const struct service_account_claims *claims,
                          const struct service_account_policy *policy,
                          char **at,
                          struct service_account_user *parts)
{
    size_t count = 0;
    if (has_credential_id(claims)) {
        const struct span none = { 0 };
        add_extra(parts, &count, EXTRA_KEY("credential-id"),
                  join(at, SPAN_LITERAL(CREDENTIAL_ID_PREFIX), claims->jti, none));
    }
    if (claims->is_legacy || policy->is_foreign || !policy->lookup.is_on) {
        return count;
    }
    if (claims->node.name.len > 0) {
        add_extra(parts, &count, EXTRA_KEY("node-name"), claims->node.name);
        if (claims->node.uid.len > 0) {
            add_extra(parts, &count, EXTRA_KEY("node-uid"), claims->node.uid);
        }
    }
    if (claims->pod.name.len > 0 && claims->pod.uid.len > 0) {
        add_extra(parts, &count, EXTRA_KEY("pod-name"), claims->pod.name);
        add_extra(parts, &count, EXTRA_KEY("pod-uid"), claims->pod.uid);
    }
    return count;
}

void service_account_user_make(const struct service_account_claims *claims,
                               const struct service_account_policy *policy,
                               char *text,
                               struct service_account_user *parts,
                               struct user *ret_user)
{
    const struct span name = make_name(claims, policy, &text);
    make_groups(claims, policy, &text, parts);
    const size_t extra_count = make_extras(claims, policy, &text, parts);
    *ret_user = (struct user){
        .name = name,
        .uid = claims->uid,
        .groups = &parts->groups,
        .extras = parts->extras,
        .extra_count = extra_count,
        .is_rendered_late = true,
    };
}
