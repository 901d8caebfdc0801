/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole family, asked by the chain: keys put in, objects told, tokens as issuers sign them (the
 * signed public vectors; keys and tokens in there are TEST-ONLY).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/authenticator.h"
#include "authn/jwt/service_account.h"
#include "base/buf.h"
#include "jose/key_set.h"
#include "kube/secret.h"
#include "support/service_account_kit.h"
#include "support/vectors.h"

struct kit {
    json_object *root;
    json_object *setting; /* of the vectors */
    struct span issuers[4];
    struct span audiences[4];
    struct span asked[4];
    size_t asked_count;
    struct service_account_source source;
    struct service_account_options options;
    struct authenticator *authenticator;
    struct scratch scratch;
    struct instant now;
    void *family;
};

static const char none[1];

static struct span texts_of(json_object *node, const char *key, struct span *room, size_t *count)
{
    *count = vectors_texts(node, key, room, 4);
    return room[0];
}

static void put_keys(struct kit *kit)
{
    struct buf pem = { 0 };
    json_object *names = json_object_object_get(kit->setting, "trusted_keys");
    json_object *keys = json_object_object_get(kit->setting, "keys");
    for (size_t i = 0; i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        buf_append(&pem, vectors_text(json_object_object_get(keys, name), "pem"));
        buf_append_char(&pem, '\n');
    }
    struct key_set *set = NULL;
    struct problem problem = { 0 };
    assert_int_equal(key_set_from_pem((struct span){ pem.at, pem.len }, NULL, NULL, &set, &problem),
                     ST_OK);
    assert_int_equal(service_account_put_keys(kit->family, 0, set), ST_OK);
    (void)key_set_unref(set);
    buf_fini(&pem);
}

static const struct object_kind *kind_of(struct span name)
{
    const struct object_kind *const kinds[] = { &kind_service_account, &kind_pod, &kind_node,
                                                &kind_secret };
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (span_equal(name, span_of(kinds[i]->name))) {
            return kinds[i];
        }
    }
    fail_msg("no kind %s", name.at);
    return NULL;
}

/* By every feed that takes it, as a store does. */
static void tell(struct kit *kit, enum store_event_type type, json_object *object)
{
    size_t feed_count = 0;
    const struct token_feed *feeds = service_account_ops.feeds(kit->family, &feed_count);
    const struct object_kind *kind = kind_of(vectors_text(object, "kind"));
    struct problem problem = { 0 };
    struct object_meta *meta = NULL;
    struct secret *secret = NULL;
    assert_int_equal(object_meta_decode(kind, object, &meta, &problem), ST_OK);
    if (kind->is_secret) {
        assert_int_equal(secret_decode(object, &secret, &problem), ST_OK);
    }
    for (size_t i = 0; i < feed_count; i++) {
        const struct store_interest *interest = &feeds[i].interest;
        if (interest->kind != kind ||
            (interest->secret_type && !span_equal(secret->type, span_of(interest->secret_type)))) {
            continue;
        }
        const bool is_whole = kind->is_secret && !interest->is_metadata_only;
        const struct store_event event = { .type = type,
                                           .kind = kind,
                                           .namespace = meta->namespace,
                                           .name = meta->name,
                                           .meta = is_whole ? &secret->meta : meta,
                                           .secret = is_whole ? secret : NULL };
        service_account_ops.handle_event(kit->family, i, &event);
    }
    (void)object_meta_free(meta);
    (void)secret_free(secret);
}

static void sync_feeds(struct kit *kit)
{
    size_t feed_count = 0;
    (void)service_account_ops.feeds(kit->family, &feed_count);
    for (size_t i = 0; i < feed_count; i++) {
        const struct store_event synced = { .type = STORE_SYNCED };
        service_account_ops.handle_event(kit->family, i, &synced);
    }
}

static int set_up(void **state)
{
    struct kit *kit = calloc(1, sizeof(*kit));
    assert_non_null(kit);
    *state = kit;
    kit->root = vectors_load("k8s.json");
    if (!kit->root) {
        return 0;
    }
    kit->setting = json_object_object_get(kit->root, "service_account_signed");
    size_t issuer_count = 0;
    size_t audience_count = 0;
    (void)texts_of(kit->setting, "issuers", kit->issuers, &issuer_count);
    (void)texts_of(kit->setting, "api_audiences", kit->audiences, &audience_count);
    (void)texts_of(kit->setting, "request_audiences", kit->asked, &kit->asked_count);
    kit->now.sec = json_object_get_int64(json_object_object_get(kit->setting, "now_unix"));
    kit->source = (struct service_account_source){
        .name = { none, 0 },
        .is_this_cluster = true,
        .issuers = kit->issuers,
        .issuer_count = issuer_count,
        .audiences = kit->audiences,
        .audience_count = audience_count,
        .keys = SERVICE_ACCOUNT_KEYS_FILES,
        .lookup = { .is_on = true,
                    .follows_pods = true,
                    .follows_nodes = true,
                    .secrets = SERVICE_ACCOUNT_SECRETS_ALL },
        .legacy = SERVICE_ACCOUNT_LEGACY_LOOKED_UP,
    };
    kit->options = (struct service_account_options){ .sources = &kit->source, .source_count = 1 };
    const struct token_family_choice choice = { .ops = &service_account_ops,
                                                .options = &kit->options };
    const struct authenticator_options options = { .api_audiences = kit->audiences,
                                                   .api_audience_count = audience_count,
                                                   .families = &choice,
                                                   .family_count = 1 };
    assert_int_equal(authenticator_new(&options, &kit->authenticator, NULL), ST_OK);
    kit->family = authenticator_family(kit->authenticator, AUTHENTICATOR_SERVICE_ACCOUNT);
    assert_int_equal(scratch_init(&kit->scratch, authenticator_scratch_bytes(kit->authenticator)),
                     ST_OK);
    put_keys(kit);
    json_object *objects = json_object_object_get(kit->setting, "objects");
    for (size_t i = 0; i < json_object_array_length(objects); i++) {
        tell(kit, STORE_ADDED, json_object_array_get_idx(objects, i));
    }
    sync_feeds(kit);
    return 0;
}

static int tear_down(void **state)
{
    struct kit *kit = *state;
    (void)authenticator_free(kit->authenticator);
    scratch_fini(&kit->scratch);
    json_object_put(kit->root);
    free(kit);
    return 0;
}

static void require_user(const struct user *user, json_object *expect)
{
    assert_true(user->is_rendered_late);
    assert_true(span_equal(user->name, vectors_text(expect, "username")));
    assert_true(span_equal(user->uid, vectors_text(expect, "uid")));
    json_object *groups = json_object_object_get(expect, "groups");
    assert_int_equal(user->groups->count, json_object_array_length(groups));
    for (size_t i = 0; i < user->groups->count; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(groups, i));
        assert_true(span_equal(user->groups->names[i], span_of(name)));
    }
    json_object *extra = json_object_object_get(expect, "extra");
    assert_int_equal(user->extra_count, json_object_object_length(extra));
}

/* Return: as it is decided. @expect: the user of a yes; NULL: not looked at */
static enum status ask(struct kit *kit, struct span token, json_object *expect)
{
    const struct question question = { .token = token,
                                       .has_audiences = true,
                                       .audiences = kit->asked,
                                       .audience_count = kit->asked_count,
                                       .now = kit->now,
                                       .scratch = kit->scratch };
    struct decision decision;
    urcu_bp_read_lock();
    authenticator_decide(kit->authenticator, &question, &decision);
    if (decision.result == DECISION_ALLOW) {
        assert_int_equal(decision.authenticator, AUTHENTICATOR_SERVICE_ACCOUNT);
        if (expect) {
            require_user(&decision.user, expect);
        }
    }
    const enum status why = decision.why;
    urcu_bp_read_unlock();
    scratch_wipe(&kit->scratch);
    return why;
}

/* What this refuses though kube-apiserver takes it (docs/conformance.md). */
static const char *const stricter[] = { "sig-curve-mismatch", "sig-newline-end" };

static bool is_stricter(struct span id)
{
    for (size_t i = 0; i < COUNTOF(stricter); i++) {
        if (span_equal(id, span_of(stricter[i]))) {
            return true;
        }
    }
    return false;
}

static void test_service_account_public_vectors(void **state)
{
    struct kit *kit = *state;
    if (!kit->root) {
        return;
    }
    json_object *rows = vectors_list(kit->root, "service_account_signed", "vectors");
    for (int round = 0; round < 3; round++) { /* new, and twice from the cache */
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
            json_object *row = json_object_array_get_idx(rows, i);
            json_object *expect = json_object_object_get(row, "expect");
            const struct span id = vectors_text(row, "id");
            const bool is_good =
                json_object_get_boolean(json_object_object_get(expect, "authenticated"));
            const bool wanted = is_good && !is_stricter(id);
            const enum status why = ask(kit, vectors_text(row, "token"), wanted ? expect : NULL);
            if ((why == ST_OK) != wanted) {
                fail_msg("%s: %s in round %d", id.at, status_label(why), round);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_service_account_public_vectors, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
