/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Whose ServiceAccount tokens are answered: the operator's words, checked, for the family that
 * judges the tokens and for the engine that brings it keys and objects.
 *
 * One source is one cluster: its issuers, the keys that prove them, where its objects are, and what
 * its users are called here. Types only; everything borrows from who has parsed the options, and
 * every text ends in a NUL behind its span.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Entries of serviceAccountIssuers: each may keep four watches, and a client of HTTP does 64
 * transfers at a time. */
#define SERVICE_ACCOUNT_OTHERS_MAX 16

/* The other clusters', and this one. */
#define SERVICE_ACCOUNT_SOURCES_MAX (SERVICE_ACCOUNT_OTHERS_MAX + 1)

/* `iss` of legacy tokens, in every cluster. */
#define SERVICE_ACCOUNT_LEGACY_ISSUER "kubernetes/serviceaccount"

/* Bytes of a prefix: it stands in front of the user and of each group of every answer, and in the
 * cache of verified tokens. */
#define SERVICE_ACCOUNT_PREFIX_MAX 128

/** Where a source's keys come from: one way each. */
enum service_account_keys {
    SERVICE_ACCOUNT_KEYS_NONE = 0,   /* no source has this */
    SERVICE_ACCOUNT_KEYS_FILES,      /* key_files, followed */
    SERVICE_ACCOUNT_KEYS_URL,        /* keys_url, a JWKS */
    SERVICE_ACCOUNT_KEYS_DISCOVERY,  /* the first issuer's /.well-known/openid-configuration */
    SERVICE_ACCOUNT_KEYS_API_SERVER, /* /openid/v1/jwks of the source's API server, with the
                                        credentials of its kubeconfig, or of our pod */
};

/** Which Secrets are looked up. */
enum service_account_secrets {
    SERVICE_ACCOUNT_SECRETS_NONE = 0, /* tokens bound to a Secret are refused */
    SERVICE_ACCOUNT_SECRETS_TOKENS,   /* of type kubernetes.io/service-account-token */
    SERVICE_ACCOUNT_SECRETS_ALL,      /* and metadata of all others: tokens may be bound to them */
};

/** What becomes of legacy tokens: those without an end that a Secret holds. */
enum service_account_legacy {
    SERVICE_ACCOUNT_LEGACY_REFUSED = 0,
    SERVICE_ACCOUNT_LEGACY_LOOKED_UP, /* Secret and ServiceAccount must be there; secrets is not
                                         NONE then */
    SERVICE_ACCOUNT_LEGACY_TRUSTED,   /* --service-account-lookup=false: by signature and claims
                                         alone, as kube-apiserver does; this cluster only */
};

/** Which objects a token's references are held against. A reference to a kind that is not followed
 * refuses the token, unless nothing is. */
struct service_account_lookup {
    bool is_on; /* false: no reference is checked, the ServiceAccount's neither, and a token must
                   have exp; the rest is all-zero. Always true for this cluster */
    bool follows_pods;
    bool follows_nodes;
    enum service_account_secrets secrets;
};

struct service_account_source {
    struct span name; /* for logs, metrics, readyz: a DNS label; empty for this cluster */
    bool is_this_cluster;

    const struct span *issuers;   /* what `iss` may be; none is empty, or
                                     SERVICE_ACCOUNT_LEGACY_ISSUER */
    size_t issuer_count;          /* at least 1; another cluster has one */
    const struct span *audiences; /* what is intersected with `aud` and the request: of this cluster
                                     --api-audiences */
    size_t audience_count;        /* of another cluster at least 1 */

    enum service_account_keys keys;
    const char *const *key_files; /* KEYS_FILES: PEM */
    size_t key_file_count;
    const char *keys_url;              /* KEYS_URL: https:// */
    const char *certificate_authority; /* KEYS_URL, KEYS_DISCOVERY: PEM file of the CA; NULL: the
                                          system's */

    const char *kubeconfig; /* of its API server, for lookups and KEYS_API_SERVER; NULL: needs none,
                               or is this cluster's, which struct store_sources has */
    struct service_account_lookup lookup;
    enum service_account_legacy legacy;

    /* Before system:serviceaccount:… and before each group. Both empty for this cluster, and for
     * one other at most, when no source is this cluster; else neither, and none begins with one of
     * another source */
    struct span username_prefix;
    struct span group_prefix;
};

struct service_account_options {
    const struct service_account_source *sources; /* this cluster first, the others as listed */
    size_t source_count;        /* at most SERVICE_ACCOUNT_SOURCES_MAX; 0: the family is off */
    uint64_t jwks_max_stale_ms; /* how long keys of a server that is away go on serving */
};
