/* SPDX-License-Identifier: Apache-2.0 */
/* Intersections of audience lists, as bits over the request's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "authn/audiences.h"
#include "authn/authenticator.h"
#include "authn/verdict.h"
#include "support/vectors.h"

static const struct {
    const char *name;
    const char *asked[4];
    const char *ours[4];
    uint64_t want;
} rows[] = {
    { "nothing asked", { NULL }, { "a" }, 0 },
    { "nothing ours", { "a" }, { NULL }, 0 },
    { "one in common", { "a" }, { "a" }, 1 },
    { "the second", { "x", "a" }, { "a", "b" }, 2 },
    { "order of ours does not matter", { "a", "b" }, { "b", "a" }, 3 },
    { "duplicates keep their bits", { "a", "b", "a" }, { "a" }, 5 },
    { "a prefix is another audience", { "ap", "apis" }, { "api" }, 0 },
    { "case counts", { "A" }, { "a" }, 0 },
    { "the empty audience equals itself", { "" }, { "" }, 1 },
    { "the empty audience is no wildcard", { "" }, { "a" }, 0 },
    { "each of four is found", { "bb", "a", "b", "ccc" }, { "ccc", "b", "bb", "a" }, 15 },
    { "none of four is", { "", "c", "ab", "cccc" }, { "ccc", "b", "bb", "a" }, 0 },
};

static size_t spans_of(const char *const *texts, struct span *ret_spans)
{
    size_t count = 0;
    for (; count < 4 && texts[count]; count++) {
        ret_spans[count] = span_of(texts[count]);
    }
    return count;
}

static void test_audiences_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct span asked[4];
        struct span ours[4];
        const size_t asked_count = spans_of(rows[i].asked, asked);
        const size_t our_count = spans_of(rows[i].ours, ours);
        audiences_sort(ours, our_count);
        struct audience_set common;
        memset(&common, 0xff, sizeof(common)); /* every word must be written */
        const bool has_any = audiences_intersect(asked, asked_count, ours, our_count, &common);
        if (common.words[0] != rows[i].want || has_any != (rows[i].want != 0)) {
            fail_msg("%s: %llx", rows[i].name, (unsigned long long)common.words[0]);
        }
        for (size_t word = 1; word < COUNTOF(common.words); word++) {
            assert_true(common.words[word] == 0);
        }
    }
}

static void test_audiences_last_of_most_is_found(void **state)
{
    (void)state;
    struct span asked[QUESTION_MAX_AUDIENCES];
    for (size_t i = 0; i < QUESTION_MAX_AUDIENCES; i++) {
        asked[i] = SPAN_LITERAL("x");
    }
    asked[QUESTION_MAX_AUDIENCES - 1] = SPAN_LITERAL("api");
    const struct span ours = SPAN_LITERAL("api");
    struct audience_set common;
    assert_true(audiences_intersect(asked, QUESTION_MAX_AUDIENCES, &ours, 1, &common));
    for (size_t i = 0; i < QUESTION_MAX_AUDIENCES; i++) {
        assert_int_equal(audience_set_has(&common, i), i == QUESTION_MAX_AUDIENCES - 1);
    }
}

/* All that can be asked against all that can be ours: each is found, and nothing beside them. */
static void test_audiences_most_against_most(void **state)
{
    (void)state;
    static char texts[QUESTION_MAX_AUDIENCES][8];
    static struct span asked[QUESTION_MAX_AUDIENCES];
    struct span ours[API_AUDIENCES_MAX];
    for (size_t i = 0; i < QUESTION_MAX_AUDIENCES; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%zu", i);
        asked[i] = span_of(texts[i]);
    }
    for (size_t i = 0; i < API_AUDIENCES_MAX; i++) {
        ours[i] = asked[i * 7919 % QUESTION_MAX_AUDIENCES]; /* in no order */
    }
    audiences_sort(ours, API_AUDIENCES_MAX);
    struct audience_set common;
    assert_true(
        audiences_intersect(asked, QUESTION_MAX_AUDIENCES, ours, API_AUDIENCES_MAX, &common));
    for (size_t i = 0; i < QUESTION_MAX_AUDIENCES; i++) {
        bool is_ours = false;
        for (size_t j = 0; j < API_AUDIENCES_MAX; j++) {
            is_ours = is_ours || span_equal(asked[i], ours[j]);
        }
        assert_int_equal(audience_set_has(&common, i), is_ours);
    }
}

/* One by one, in every order of some texts: as if all had been sorted at once. */
static void test_audiences_insert_keeps_the_order_of_sort(void **state)
{
    (void)state;
    static const char *const texts[] = { "b", "", "aa", "a", "b", "abc" };
    for (size_t seed = 0; seed < COUNTOF(texts) * COUNTOF(texts); seed++) {
        struct span sorted[COUNTOF(texts)];
        struct span inserted[COUNTOF(texts)];
        for (size_t i = 0; i < COUNTOF(texts); i++) {
            const size_t step = seed / COUNTOF(texts) % 2 == 0 ? 1 : COUNTOF(texts) - 1;
            sorted[i] = span_of(texts[(seed + i * step) % COUNTOF(texts)]);
            audiences_insert(inserted, i, sorted[i]);
        }
        audiences_sort(sorted, COUNTOF(texts));
        for (size_t i = 0; i < COUNTOF(texts); i++) {
            assert_true(span_equal(inserted[i], sorted[i]));
        }
    }
}

/* The vectors' "argument" is the request: the result follows its order. */
static void test_audiences_vectors(void **state)
{
    (void)state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *list = vectors_list(root, "request_pipeline", "audience_intersect");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *row = json_object_array_get_idx(list, i);
        struct span asked[8];
        struct span ours[8];
        struct span want[8];
        const size_t asked_count = vectors_texts(row, "argument", asked, 8);
        const size_t our_count = vectors_texts(row, "receiver", ours, 8);
        const size_t want_count = vectors_texts(row, "expect", want, 8);
        audiences_sort(ours, our_count);
        struct audience_set common;
        const bool has_any = audiences_intersect(asked, asked_count, ours, our_count, &common);
        assert_int_equal(has_any, want_count != 0);
        size_t got = 0;
        for (size_t bit = 0; bit < asked_count; bit++) {
            if (audience_set_has(&common, bit)) {
                assert_true(got < want_count && span_equal(asked[bit], want[got]));
                got++;
            }
        }
        assert_int_equal(got, want_count);
    }
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audiences_rows),
        cmocka_unit_test(test_audiences_last_of_most_is_found),
        cmocka_unit_test(test_audiences_most_against_most),
        cmocka_unit_test(test_audiences_insert_keeps_the_order_of_sort),
        cmocka_unit_test(test_audiences_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
