/* SPDX-License-Identifier: Apache-2.0 */
/* From the operator's words to the engine's. Ranges were checked when the options were parsed. */
#include "cli/engine_options.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options_parse.h"

/* with the names of its members: more than any directory service's */
#define GROUP_BYTES_MAX 1048576

static bool is_number(const char *text)
{
    return text[0] && text[strspn(text, "0123456789")] == '\0';
}

/* (gid_t)-1 is no group: chown() takes it for "leave it". */
static enum status number_to_group(const char *text,
                                   gid_t *ret_group,
                                   struct problem *reterr_problem)
{
    errno = 0;
    const unsigned long long number = strtoull(text, NULL, 10);
    if (errno != 0 || number >= (gid_t)-1) {
        problem_set(reterr_problem, ST_INVALID, 0, 0,
                    "--manifests-writable-by-group: expected a number below %u",
                    (unsigned)(gid_t)-1);
        return ST_INVALID;
    }
    *ret_group = (gid_t)number;
    return ST_OK;
}

static enum status name_to_group(const char *text, gid_t *ret_group, struct problem *reterr_problem)
{
    struct group group;
    struct group *found = NULL;
    char *members = malloc(GROUP_BYTES_MAX);
    if (!members) {
        return ST_NOMEM;
    }
    const int error = getgrnam_r(text, &group, members, GROUP_BYTES_MAX, &found);
    if (found) {
        *ret_group = group.gr_gid;
    }
    free(members);
    if (!found) {
        problem_set(reterr_problem, ST_NOT_FOUND, 0, 0,
                    "--manifests-writable-by-group: expected the name or number of a group of this "
                    "machine%s%s",
                    error ? ": " : "", error ? strerrordesc_np(error) : "");
        return ST_NOT_FOUND;
    }
    return ST_OK;
}

static enum status trust_policy_from(const struct options *options,
                                     struct trust_policy *ret_policy,
                                     struct problem *reterr_problem)
{
    const char *group = options->manifests_writable_by_group;
    struct trust_policy policy = {
        .is_required = options->manifests_require_safe_permissions,
        .follows_outside = options->manifests_follow_outside_directories,
        .has_group = group != NULL,
    };
    enum status status = ST_OK;
    if (group) {
        status = is_number(group) ? number_to_group(group, &policy.group, reterr_problem)
                                  : name_to_group(group, &policy.group, reterr_problem);
    }
    if (status == ST_OK) {
        *ret_policy = policy;
    }
    return status;
}

/* The other clusters of which something is looked up, in the order that gives them their numbers
 * (service_account_cluster_of()). */
static size_t clusters_from(const struct options *options, struct engine_room *room)
{
    size_t count = 0;
    for (size_t i = 0; i < room->service_accounts.source_count; i++) {
        const struct service_account_source *source = &room->service_accounts.sources[i];
        if (source->is_this_cluster || !source->lookup.is_on) {
            continue;
        }
        room->clusters[count++] = (struct engine_cluster_options){
            .name = source->name.at,
            .sources = { .kubeconfig = source->kubeconfig,
                         .silence_timeout_ms = (uint64_t)options->watch_silence_timeout_ms,
                         .clock = clock_system() },
        };
    }
    return count;
}

enum status engine_options_from(const struct options *options,
                                struct engine_room *ret_room,
                                struct engine_options *ret_engine,
                                struct problem *reterr_problem)
{
    struct trust_policy trust;
    const enum status status = trust_policy_from(options, &trust, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    for (size_t i = 0; i < options->api_audiences.count; i++) {
        ret_room->audiences[i] = span_of(options->api_audiences.items[i]);
    }
    service_account_sources_from(options, &ret_room->service_account_sources,
                                 &ret_room->service_accounts);
    *ret_engine = (struct engine_options){
        .authenticator = {
            .api_audiences = ret_room->audiences,
            .api_audience_count = options->api_audiences.count,
            .unknown_token_answer = options->unknown_token_answer,
        },
        .families = {
            [AUTHENTICATOR_BOOTSTRAP] = { .is_on = options->enable_bootstrap_token_auth },
            [AUTHENTICATOR_SERVICE_ACCOUNT] = {
                .is_on = ret_room->service_accounts.source_count > 0,
                .options = &ret_room->service_accounts,
            },
        },
        .sources = {
            .manifests = options->manifests,
            .trust = trust,
            .kubeconfig = options->kubeconfig,
            .in_pod = options->in_cluster,
            .pod_host = getenv(POD_HOST_VARIABLE),
            .pod_port = getenv(POD_PORT_VARIABLE),
            .silence_timeout_ms = (uint64_t)options->watch_silence_timeout_ms,
            .clock = clock_system(),
        },
        .clusters = ret_room->clusters,
        .cluster_count = clusters_from(options, ret_room),
    };
    return ST_OK;
}

void tls_options_from(const struct options *options, struct tls_options *ret_tls)
{
    *ret_tls = (struct tls_options){
        .cert_file = options->tls_cert_file,
        .key_file = options->tls_private_key_file,
        .client_ca_file = options->client_ca_file,
        .client_allowed_names = options->client_allowed_names.items,
        .client_allowed_name_count = options->client_allowed_names.count,
        .min_version = options->tls_min_version,
        .cipher_suites = options->tls_cipher_suites.items,
        .cipher_suite_count = options->tls_cipher_suites.count,
        .session_tickets = options->tls_session_tickets,
        .clock = clock_system(),
    };
}
