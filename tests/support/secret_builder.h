/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Secrets for tests, built by hand: no base64, no JSON, no heap. Values are borrowed. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "kube/secret.h"
#include "store/store.h"

#define TEST_SECRET_MAX_ENTRIES 16

/* TEST-ONLY tokens; no cluster has them. */
#define TEST_TOKEN_ID     "abcdef"
#define TEST_TOKEN_SECRET "0123456789abcdef"
#define TEST_TOKEN        TEST_TOKEN_ID "." TEST_TOKEN_SECRET

struct test_secret {
    struct secret secret;
    struct secret_entry entries[TEST_SECRET_MAX_ENTRIES];
    char name[64];
};

/** test_secret_init() - an empty Secret of the bootstrap type in kube-system named
 * bootstrap-token-@id */
static inline void test_secret_init(struct test_secret *test, const char *id)
{
    memset(test, 0, sizeof(*test));
    (void)snprintf(test->name, sizeof(test->name), "bootstrap-token-%s", id);
    test->secret.meta.name = span_of(test->name);
    test->secret.meta.namespace = SPAN_LITERAL("kube-system");
    test->secret.type = SPAN_LITERAL("bootstrap.kubernetes.io/token");
    test->secret.entries = test->entries;
}

/** test_secret_unset() - take a data key out */
static inline void test_secret_unset(struct test_secret *test, const char *key)
{
    size_t kept = 0;
    for (size_t i = 0; i < test->secret.entry_count; i++) {
        if (!span_equal(test->entries[i].key, span_of(key))) {
            test->entries[kept++] = test->entries[i];
        }
    }
    test->secret.entry_count = kept;
}

/** test_secret_set_bytes() - put a data key in, in its sorted place; @key and @value are borrowed
 */
static inline void test_secret_set_bytes(struct test_secret *test,
                                         const char *key,
                                         struct span value)
{
    test_secret_unset(test, key);
    assert(test->secret.entry_count < TEST_SECRET_MAX_ENTRIES);
    size_t at = test->secret.entry_count++;
    while (at > 0 && strcmp(test->entries[at - 1].key.at, key) > 0) {
        test->entries[at] = test->entries[at - 1];
        at--;
    }
    test->entries[at] = (struct secret_entry){ .key = span_of(key), .value = value };
}

static inline void test_secret_set(struct test_secret *test, const char *key, const char *value)
{
    test_secret_set_bytes(test, key, span_of(value));
}

/** test_secret_token() - a Secret that authenticates @id.@token_secret for ever */
static inline void test_secret_token(struct test_secret *test,
                                     const char *id,
                                     const char *token_secret)
{
    test_secret_init(test, id);
    test_secret_set(test, "token-id", id);
    test_secret_set(test, "token-secret", token_secret);
    test_secret_set(test, "usage-bootstrap-authentication", "true");
}

/** test_secret_event() - what a store would say of it; borrows @test */
static inline struct store_event test_secret_event(const struct test_secret *test,
                                                   enum store_event_type type)
{
    return (struct store_event){
        .type = type,
        .kind = &kind_secret,
        .namespace = test->secret.meta.namespace,
        .name = test->secret.meta.name,
        .secret = type == STORE_DELETED ? NULL : &test->secret,
        .source = "test.yaml",
        .source_line = 7,
    };
}

static inline struct store_event test_synced_event(void)
{
    return (struct store_event){ .type = STORE_SYNCED, .kind = &kind_secret };
}
