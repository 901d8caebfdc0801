/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of what a store tells, and how it is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/kept.h"
#include "store/store_base.h"
#include "support/alloc_fail.h"

static const struct store_ops no_ops = { 0 };

/* By malloc(): strdup() does not fail on demand everywhere. */
static char *copy_text(const char *text)
{
    char *copy = malloc(strlen(text) + 1);
    assert_non_null(copy);
    memcpy(copy, text, strlen(text) + 1);
    return copy;
}

/* Tell of one object; its texts are gone when this returns. */
static void tell(struct store *store,
                 enum store_event_type type,
                 const char *name,
                 const char *value,
                 json_object *json)
{
    uint8_t heard = type == STORE_ADDED ? 0 : UINT8_MAX;
    char *const name_text = copy_text(name);
    char *const value_text = copy_text(value);
    const struct object_label label = { SPAN_LITERAL("l"), span_of(value_text) };
    const struct secret_entry entry = { SPAN_LITERAL("k"), span_of(value_text) };
    const struct secret secret = {
        .meta = { .name = span_of(name_text),
                  .namespace = SPAN_LITERAL("n"),
                  .labels = &label,
                  .label_count = 1 },
        .type = SPAN_LITERAL("t"),
        .entries = &entry,
        .entry_count = 1,
    };
    const struct store_event event = {
        .type = type,
        .kind = &kind_secret,
        .namespace = SPAN_LITERAL("n"),
        .name = span_of(name_text),
        .meta = type == STORE_DELETED ? NULL : &secret.meta,
        .secret = type == STORE_DELETED ? NULL : &secret,
        .json = json,
    };
    store_tell(store, &event, &heard);
    free(name_text);
    free(value_text);
}

static const struct kept_object *find(const struct store_kept *kept, const char *name)
{
    return store_kept_find(kept, SPAN_LITERAL("n"), span_of(name));
}

static void test_kept_is_what_was_told_last(void **state)
{
    (void)state;
    static const struct store_interest secrets = { .kind = &kind_secret, .wants_json = true };
    struct store store;
    struct store_kept *kept = NULL;
    struct span value = { 0 };
    json_object *json = json_object_new_object();
    store_base_init(&store, &no_ops);
    assert_int_equal(store_kept_new(&store, &secrets, &kept), ST_OK);
    tell(&store, STORE_ADDED, "a", "1", json);
    tell(&store, STORE_ADDED, "b", "2", NULL);
    tell(&store, STORE_MODIFIED, "b", "3", NULL);
    store_tell_synced(&store);
    json_object_put(json);
    const struct kept_object *a = find(kept, "a");
    assert_non_null(a);
    assert_true(secret_find(a->secret, "k", &value) && span_equal(value, SPAN_LITERAL("1")));
    assert_true(json_object_is_type(a->json, json_type_object));
    const struct kept_object *b = find(kept, "b");
    assert_true(secret_find(b->secret, "k", &value) && span_equal(value, SPAN_LITERAL("3")));
    assert_true(span_equal(b->secret->type, SPAN_LITERAL("t")));
    assert_null(b->json);
    assert_null(find(kept, "c"));
    assert_null(store_kept_find(kept, SPAN_LITERAL("m"), SPAN_LITERAL("a")));
    tell(&store, STORE_DELETED, "a", "", NULL);
    assert_null(find(kept, "a"));
    assert_true(store_kept_is_whole(kept));
    assert_null(store_kept_free(kept));
    assert_null(store_kept_free(NULL));
}

static void test_kept_has_no_plaintext_where_metadata_is_all(void **state)
{
    (void)state;
    static const struct store_interest names = { .kind = &kind_secret, .is_metadata_only = true };
    struct store store;
    struct store_kept *kept = NULL;
    struct span value = { 0 };
    store_base_init(&store, &no_ops);
    assert_int_equal(store_kept_new(&store, &names, &kept), ST_OK);
    tell(&store, STORE_ADDED, "a", "1", NULL);
    const struct kept_object *a = find(kept, "a");
    assert_null(a->secret);
    assert_true(object_label_find(a->meta->labels, a->meta->label_count, "l", &value));
    assert_true(span_equal(value, SPAN_LITERAL("1")));
    kept = store_kept_free(kept);
}

static void test_kept_is_listed_by_namespace_and_label(void **state)
{
    (void)state;
    static const struct store_interest names = { .kind = &kind_secret, .is_metadata_only = true };
    static const struct {
        struct kept_wish wish;
        size_t count;
    } rows[] = {
        { { .label = NULL }, 3 },
        { { .namespace = SPAN_LITERAL("n") }, 3 },
        { { .namespace = SPAN_LITERAL("m") }, 0 },
        { { .label = "l", .value = SPAN_LITERAL("1") }, 2 },
        { { .label = "l", .value = SPAN_LITERAL("2") }, 1 },
        { { .label = "l" }, 0 },
        { { .label = "x", .value = SPAN_LITERAL("1") }, 0 },
        { { .namespace = SPAN_LITERAL("m"), .label = "l", .value = SPAN_LITERAL("1") }, 0 },
    };
    struct store store;
    struct store_kept *kept = NULL;
    store_base_init(&store, &no_ops);
    assert_int_equal(store_kept_new(&store, &names, &kept), ST_OK);
    tell(&store, STORE_ADDED, "a", "1", NULL);
    tell(&store, STORE_ADDED, "b", "2", NULL);
    tell(&store, STORE_ADDED, "c", "1", NULL);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        size_t cursor = 0;
        size_t count = 0;
        while (store_kept_next(kept, &rows[i].wish, &cursor)) {
            count++;
        }
        if (count != rows[i].count) {
            fail_msg("row %zu: %zu", i, count);
        }
    }
    kept = store_kept_free(kept);
}

/* Nothing is known of an object rather than what it was. */
static void test_kept_without_memory_forgets_and_says_so(void **state)
{
    (void)state;
    static const struct store_interest secrets = { .kind = &kind_secret };
    if (!alloc_fail_is_available()) {
        return;
    }
    struct store store;
    struct store_kept *kept = NULL;
    store_base_init(&store, &no_ops);
    alloc_fail_arm(1);
    const enum status status = store_kept_new(&store, &secrets, &kept);
    assert_true(alloc_fail_disarm());
    assert_int_equal(status, ST_NOMEM);
    assert_int_equal(store_kept_new(&store, &secrets, &kept), ST_OK);
    tell(&store, STORE_ADDED, "a", "1", NULL);
    assert_true(store_kept_is_whole(kept));
    for (size_t nth = 3; nth <= 4; nth++) { /* behind the two texts of the test: item, Secret */
        alloc_fail_arm(nth);
        tell(&store, STORE_MODIFIED, "a", "2", NULL);
        assert_true(alloc_fail_disarm());
        assert_null(find(kept, "a"));
        assert_false(store_kept_is_whole(kept));
        tell(&store, STORE_MODIFIED, "a", "3", NULL);
        assert_non_null(find(kept, "a"));
    }
    kept = store_kept_free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_is_what_was_told_last),
        cmocka_unit_test(test_kept_has_no_plaintext_where_metadata_is_all),
        cmocka_unit_test(test_kept_is_listed_by_namespace_and_label),
        cmocka_unit_test(test_kept_without_memory_forgets_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
