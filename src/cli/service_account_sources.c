/* SPDX-License-Identifier: Apache-2.0 */
/* From the operator's words to one source a cluster. Everything was checked when it was parsed. No
 * threads, no state. */
#include "cli/service_account_sources.h"

#include "cli/service_account_issuers.h"

static size_t spans_of(const struct option_list *list, struct span *ret_spans)
{
    for (size_t i = 0; i < list->count; i++) {
        ret_spans[i] = span_of(list->items[i]);
    }
    return list->count;
}

static enum service_account_keys keys_from(const struct options *options)
{
    if (options->service_account_key_file.count > 0) {
        return SERVICE_ACCOUNT_KEYS_FILES;
    }
    return options->service_account_keys_url ? SERVICE_ACCOUNT_KEYS_URL
                                             : SERVICE_ACCOUNT_KEYS_API_SERVER;
}

/* Who has Secrets not looked up, and says nothing of legacy tokens, does without them. */
static enum service_account_legacy legacy_from(const struct options *options)
{
    if (!options->service_account_lookup) {
        return SERVICE_ACCOUNT_LEGACY_TRUSTED;
    }
    return options->service_account_lookup_secrets == SERVICE_ACCOUNT_SECRETS_NONE
               ? SERVICE_ACCOUNT_LEGACY_REFUSED
               : SERVICE_ACCOUNT_LEGACY_LOOKED_UP;
}

static struct service_account_source this_cluster(const struct options *options,
                                                  struct service_account_sources *room)
{
    return (struct service_account_source){
        .is_this_cluster = true,
        .issuers = room->issuers,
        .issuer_count = spans_of(&options->service_account_issuer, room->issuers),
        .audiences = room->audiences,
        .audience_count = spans_of(&options->api_audiences, room->audiences),
        .keys = keys_from(options),
        .key_files = options->service_account_key_file.items,
        .key_file_count = options->service_account_key_file.count,
        .keys_url = options->service_account_keys_url,
        .lookup = {
            .is_on = true,
            .follows_pods = options->service_account_lookup_pods,
            .follows_nodes = options->service_account_lookup_nodes,
            .secrets = options->service_account_lookup_secrets,
        },
        .legacy = legacy_from(options),
    };
}

void service_account_sources_from(const struct options *options,
                                  struct service_account_sources *ret_sources,
                                  struct service_account_options *ret_options)
{
    const struct service_account_issuers *const others = options->service_account_issuers;
    size_t count = 0;
    if (options->service_account_issuer.count > 0) {
        ret_sources->sources[count++] = this_cluster(options, ret_sources);
    }
    for (size_t i = 0; others && i < others->count; i++) {
        ret_sources->sources[count++] = others->items[i].source;
    }
    *ret_options = (struct service_account_options){
        .sources = ret_sources->sources,
        .source_count = count,
        .jwks_max_stale_ms = (uint64_t)options->jwks_max_stale_ms,
    };
}
