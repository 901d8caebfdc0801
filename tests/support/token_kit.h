/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The family of ServiceAccount tokens with up to three clusters of one issuer name, each with a key
 * of its own, asked by the chain as a worker does. Objects are told by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/authenticator.h"
#include "authn/jwt/service_account.h"
#include "kube/secret.h"
#include "store/store_base.h"
#include "support/signer_kit.h"

#define TOKEN_KIT_ISSUER   "https://kubernetes.default.svc.cluster.local"
#define TOKEN_KIT_AUDIENCE "api"
#define TOKEN_KIT_NOW      INT64_C(1700000000)
#define TOKEN_KIT_SOURCES  3

struct token_kit {
    struct signer signers[TOKEN_KIT_SOURCES];
    struct service_account_source sources[TOKEN_KIT_SOURCES];
    struct service_account_options options;
    struct authenticator *authenticator;
    void *family;
    struct scratch scratch;
    struct instant now;
    bool may_wait;
    bool is_asked_again;
    uint64_t conclusive_sources;
    struct verification_share *share;
    /* the last answer; the user's texts are copies */
    struct decision decision;
    char username[256];
    char uid[64];
    char first_group[256];
    size_t extra_count;
    size_t scratch_used; /* that was wiped */
    /* what was told to whoever waits */
    unsigned told_count;
    unsigned told_source;
    uint64_t told_what;
};

static const struct span token_kit_issuers[] = { { TOKEN_KIT_ISSUER,
                                                   sizeof(TOKEN_KIT_ISSUER) - 1 } };
static const struct span token_kit_audiences[] = { { TOKEN_KIT_AUDIENCE,
                                                     sizeof(TOKEN_KIT_AUDIENCE) - 1 } };

static inline void token_kit_on_told(void *ctx,
                                     enum authenticator_id family,
                                     unsigned source,
                                     uint64_t what)
{
    struct token_kit *kit = ctx;
    assert_int_equal(family, AUTHENTICATOR_SERVICE_ACCOUNT);
    kit->told_count++;
    kit->told_source = source;
    kit->told_what = what;
}

/** token_kit_sources() - @kit: all-zero. The first is this cluster, the others are `one`, `two`;
 * all look up everything. May be changed before token_kit_open() */
static inline void token_kit_sources(struct token_kit *kit)
{
    static const char *const names[] = { "", "one", "two" };
    static const char *const prefixes[] = { "", "one:", "two:" };
    for (size_t i = 0; i < TOKEN_KIT_SOURCES; i++) {
        kit->signers[i] = signer_make();
        kit->sources[i] = (struct service_account_source){
            .name = span_of(names[i]),
            .is_this_cluster = i == 0,
            .issuers = token_kit_issuers,
            .issuer_count = 1,
            .audiences = token_kit_audiences,
            .audience_count = 1,
            .keys = i == 0 ? SERVICE_ACCOUNT_KEYS_FILES : SERVICE_ACCOUNT_KEYS_URL,
            .lookup = { .is_on = true,
                        .follows_pods = true,
                        .follows_nodes = true,
                        .secrets = SERVICE_ACCOUNT_SECRETS_ALL },
            .legacy = SERVICE_ACCOUNT_LEGACY_LOOKED_UP,
            .username_prefix = span_of(prefixes[i]),
            .group_prefix = span_of(prefixes[i]),
        };
    }
    kit->options = (struct service_account_options){ .sources = kit->sources,
                                                     .source_count = TOKEN_KIT_SOURCES };
    kit->now.sec = TOKEN_KIT_NOW;
}

/** token_kit_put_key() - the source has its signer's key from now on */
static inline void token_kit_put_key(struct token_kit *kit, unsigned source)
{
    struct key_set *set = signer_key_set(&kit->signers[source], NULL);
    assert_int_equal(service_account_put_keys(kit->family, source, set), ST_OK);
    (void)key_set_unref(set);
}

static inline void token_kit_open(struct token_kit *kit)
{
    const struct token_family_choice choice = { .ops = &service_account_ops,
                                                .options = &kit->options };
    const struct authenticator_options options = { .api_audiences = token_kit_audiences,
                                                   .api_audience_count = 1,
                                                   .families = &choice,
                                                   .family_count = 1,
                                                   .cluster_count = TOKEN_KIT_SOURCES - 1,
                                                   .on_told = token_kit_on_told,
                                                   .told_ctx = kit };
    assert_int_equal(authenticator_new(&options, &kit->authenticator, NULL), ST_OK);
    kit->family = authenticator_family(kit->authenticator, AUTHENTICATOR_SERVICE_ACCOUNT);
    assert_int_equal(scratch_init(&kit->scratch, authenticator_scratch_bytes(kit->authenticator)),
                     ST_OK);
}

static inline void token_kit_fini(struct token_kit *kit)
{
    (void)authenticator_free(kit->authenticator);
    scratch_fini(&kit->scratch);
    for (size_t i = 0; i < TOKEN_KIT_SOURCES; i++) {
        signer_fini(&kit->signers[i]);
    }
}

/** An object as a test has it. */
struct token_kit_object {
    const struct object_kind *kind;
    const char *name; /* in the namespace "ns", but for a Node */
    const char *uid;
    bool is_being_deleted;
    int64_t deletion_sec;
    const char *token;      /* of a Secret: data.token; then it is a token Secret */
    bool is_marked_invalid; /* the label legacy-token-invalid-since */
};

/** token_kit_tell() - by every feed of @source's that takes it */
static inline void token_kit_tell(struct token_kit *kit,
                                  unsigned source,
                                  enum store_event_type type,
                                  const struct token_kit_object *object)
{
    static const struct object_label invalid = {
        { "kubernetes.io/legacy-token-invalid-since",
          sizeof("kubernetes.io/legacy-token-invalid-since") - 1 },
        { "2026-01-01", 10 }
    };
    const struct secret_entry token = { SPAN_LITERAL("token"), span_of(object->token) };
    struct secret secret = {
        .meta = { .name = span_of(object->name),
                  .namespace =
                      object->kind->is_cluster_scoped ? (struct span){ 0 } : SPAN_LITERAL("ns"),
                  .uid = span_of(object->uid),
                  .labels = &invalid,
                  .label_count = object->is_marked_invalid,
                  .has_deletion_timestamp = object->is_being_deleted,
                  .deletion = { .sec = object->deletion_sec } },
        .type = object->token ? SPAN_LITERAL("kubernetes.io/service-account-token")
                              : SPAN_LITERAL("Opaque"),
        .entries = &token,
        .entry_count = object->token != NULL,
    };
    size_t feed_count = 0;
    const struct token_feed *feeds = service_account_ops.feeds(kit->family, &feed_count);
    for (size_t i = 0; i < feed_count; i++) {
        const struct store_interest *interest = &feeds[i].interest;
        if (feeds[i].cluster != source || interest->kind != object->kind ||
            (interest->secret_type && !object->token)) {
            continue;
        }
        const bool is_there = type != STORE_DELETED;
        const struct store_event event = {
            .type = type,
            .kind = object->kind,
            .namespace = secret.meta.namespace,
            .name = secret.meta.name,
            .meta = is_there ? &secret.meta : NULL,
            .secret = is_there && interest->secret_type ? &secret : NULL,
        };
        service_account_ops.handle_event(kit->family, i, &event);
    }
}

/** token_kit_sync() - all feeds of @source's have told everything once */
static inline void token_kit_sync(struct token_kit *kit, unsigned source)
{
    size_t feed_count = 0;
    const struct token_feed *feeds = service_account_ops.feeds(kit->family, &feed_count);
    const struct store_event synced = { .type = STORE_SYNCED };
    for (size_t i = 0; i < feed_count; i++) {
        if (feeds[i].cluster == source) {
            service_account_ops.handle_event(kit->family, i, &synced);
        }
    }
}

static inline void token_kit_copy(char *to, size_t size, struct span text)
{
    assert_true(text.len < size);
    memcpy(to, text.len ? text.at : "", text.len);
    to[text.len] = '\0';
}

/** token_kit_ask() - for the audience "api". Return: why not; ST_OK for a yes */
static inline enum status token_kit_ask(struct token_kit *kit, const char *token)
{
    const struct question question = {
        .token = span_of(token),
        .has_audiences = true,
        .audiences = token_kit_audiences,
        .audience_count = 1,
        .now = kit->now,
        .scratch = kit->scratch,
        .may_wait = kit->may_wait,
        .is_asked_again = kit->is_asked_again,
        .conclusive_sources = kit->conclusive_sources,
        .share = kit->share,
    };
    kit->username[0] = kit->uid[0] = kit->first_group[0] = '\0';
    urcu_bp_read_lock();
    authenticator_decide(kit->authenticator, &question, &kit->decision);
    if (kit->decision.result == DECISION_ALLOW) {
        const struct user *user = &kit->decision.user;
        token_kit_copy(kit->username, sizeof(kit->username), user->name);
        token_kit_copy(kit->uid, sizeof(kit->uid), user->uid);
        token_kit_copy(kit->first_group, sizeof(kit->first_group), user->groups->names[0]);
        kit->extra_count = user->extra_count;
    }
    urcu_bp_read_unlock();
    kit->scratch_used = *kit->scratch.used;
    scratch_wipe(&kit->scratch);
    return kit->decision.why;
}
