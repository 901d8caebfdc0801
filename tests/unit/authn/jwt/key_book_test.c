/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys prove which issuer, and who serves one that several have. Keys are made on the spot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <urcu/urcu-bp.h>

#include "authn/jwt/key_book.h"
#include "support/alloc_fail.h"
#include "support/signer_kit.h"

#define A "https://a.example"
#define B "https://b.example"

static const struct span issuer_a[] = { { A, sizeof(A) - 1 } };
static const struct span issuer_b[] = { { B, sizeof(B) - 1 } };
static const struct span issuers_ab[] = { { B, sizeof(B) - 1 }, { A, sizeof(A) - 1 } };

struct kit {
    struct signer signers[3];
    struct service_account_source sources[3];
    struct key_book *book;
    unsigned problems;
    char problem[PROBLEM_TEXT_MAX];
};

static void on_problem(void *ctx, const struct problem *problem)
{
    struct kit *kit = ctx;
    kit->problems++;
    assert_int_equal(problem->status, ST_DUPLICATE);
    memcpy(kit->problem, problem->text, sizeof(kit->problem));
}

static int set_up(void **state)
{
    struct kit *kit = calloc(1, sizeof(*kit));
    for (size_t i = 0; i < COUNTOF(kit->signers); i++) {
        kit->signers[i] = signer_make();
    }
    *state = kit;
    return 0;
}

static int tear_down(void **state)
{
    struct kit *kit = *state;
    (void)key_book_free(kit->book);
    for (size_t i = 0; i < COUNTOF(kit->signers); i++) {
        signer_fini(&kit->signers[i]);
    }
    free(kit);
    return 0;
}

static struct service_account_source source_of(const char *name, const struct span *issuers)
{
    return (struct service_account_source){ .name = span_of(name),
                                            .is_this_cluster = !name[0],
                                            .issuers = issuers,
                                            .issuer_count = 1,
                                            .keys = SERVICE_ACCOUNT_KEYS_URL };
}

static void open_book(struct kit *kit, size_t count)
{
    const struct key_book_options options = {
        .sources = kit->sources, .source_count = count, .on_problem = on_problem, .ctx = kit
    };
    assert_int_equal(key_book_new(&options, &kit->book), ST_OK);
}

static void put(struct kit *kit, unsigned source, struct key_set *set)
{
    assert_int_equal(key_book_put(kit->book, source, set), ST_OK);
    (void)key_set_unref(set);
}

/* The one key of an issuer that this kid means; NULL when there is none. */
static const struct key_entry *only(struct kit *kit, struct span issuer, struct span kid)
{
    urcu_bp_read_lock();
    const struct key_page *page = key_book_page(kit->book);
    const struct key_issuer *found = key_page_issuer(page, issuer);
    assert_non_null(found);
    size_t i = 0;
    const struct key_entry *entry = key_page_next(page, found, kid, &i);
    assert_null(key_page_next(page, found, kid, &i));
    urcu_bp_read_unlock(); /* the only writer is this thread */
    return entry;
}

static uint32_t silent(struct kit *kit, struct span issuer)
{
    const struct key_page *page = key_book_page(kit->book);
    return key_page_silent(page, key_page_issuer(page, issuer));
}

static const struct span any = { 0 };

static void test_key_book_keys_are_those_of_the_issuer(void **state)
{
    struct kit *kit = *state;
    kit->sources[0] = source_of("one", issuer_a);
    kit->sources[1] = source_of("two", issuer_b);
    open_book(kit, 2);
    assert_null(only(kit, *issuer_a, any));
    assert_int_equal(silent(kit, *issuer_a), 1);
    assert_int_equal(silent(kit, *issuer_b), 2);
    put(kit, 0, signer_jwks(&kit->signers[0], "first"));
    assert_int_equal(only(kit, *issuer_a, any)->source, 0);
    assert_non_null(only(kit, *issuer_a, SPAN_LITERAL("first")));
    assert_null(only(kit, *issuer_a, SPAN_LITERAL("second")));
    assert_int_equal(silent(kit, *issuer_a), 0);
    assert_null(only(kit, *issuer_b, any));
    assert_null(key_page_issuer(key_book_page(kit->book), SPAN_LITERAL("https://c.example")));
    assert_null(
        key_page_issuer(key_book_page(kit->book), SPAN_LITERAL(SERVICE_ACCOUNT_LEGACY_ISSUER)));
}

static void test_key_book_source_of_two_issuers_proves_both(void **state)
{
    struct kit *kit = *state;
    kit->sources[0] = source_of("", issuers_ab);
    kit->sources[0].issuer_count = 2;
    kit->sources[0].keys = SERVICE_ACCOUNT_KEYS_FILES;
    kit->sources[0].legacy = SERVICE_ACCOUNT_LEGACY_LOOKED_UP;
    open_book(kit, 1);
    put(kit, 0, signer_key_set(&kit->signers[0], NULL));
    const struct key_entry *a = only(kit, *issuer_a, any);
    const struct key_entry *b = only(kit, *issuer_b, any);
    const struct key_entry *legacy = only(kit, SPAN_LITERAL(SERVICE_ACCOUNT_LEGACY_ISSUER), any);
    assert_true(a->generation != b->generation && b->generation != legacy->generation);
    const struct key_page *page = key_book_page(kit->book);
    const struct key_issuer *issuer =
        key_page_issuer(page, SPAN_LITERAL(SERVICE_ACCOUNT_LEGACY_ISSUER));
    assert_true(issuer->is_legacy);
    assert_int_equal(issuer->fetched_sources, 0); /* by file */
    assert_int_equal(issuer->sources, 1);
}

static void test_key_book_generation_is_of_key_and_id_as_long_as_it_serves(void **state)
{
    struct kit *kit = *state;
    kit->sources[0] = source_of("one", issuer_a);
    open_book(kit, 1);
    put(kit, 0, signer_jwks(&kit->signers[0], "k"));
    const uint64_t first = only(kit, *issuer_a, any)->generation;
    assert_int_equal(key_page_serving(key_book_page(kit->book), first)->generation, first);
    put(kit, 0, signer_jwks(&kit->signers[0], "k")); /* the same, made anew */
    assert_int_equal(only(kit, *issuer_a, any)->generation, first);
    put(kit, 0, signer_jwks(&kit->signers[0], "other")); /* a token names "k" */
    assert_null(key_page_serving(key_book_page(kit->book), first));
    put(kit, 0, signer_jwks(&kit->signers[1], "k"));
    assert_null(key_page_serving(key_book_page(kit->book), first));
    put(kit, 0, NULL);
    assert_null(only(kit, *issuer_a, any));
    assert_int_equal(silent(kit, *issuer_a), 1);
    put(kit, 0, signer_jwks(&kit->signers[0], "k")); /* back again: never the old number */
    assert_null(key_page_serving(key_book_page(kit->book), first));
    assert_null(key_page_serving(key_book_page(kit->book), 0));
}

static void test_key_book_key_that_two_have_serves_one(void **state)
{
    const struct {
        bool second_is_this_cluster;
        enum service_account_keys second_keys;
        unsigned server;
    } rows[] = {
        { false, SERVICE_ACCOUNT_KEYS_URL, 0 },   /* listed first */
        { false, SERVICE_ACCOUNT_KEYS_FILES, 1 }, /* by file */
        { true, SERVICE_ACCOUNT_KEYS_URL, 1 },    /* this cluster */
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        kit->problems = 0;
        kit->sources[0] = source_of("one", issuer_a);
        kit->sources[1] = source_of(rows[i].second_is_this_cluster ? "" : "two", issuer_a);
        kit->sources[1].keys = rows[i].second_keys;
        open_book(kit, 2);
        put(kit, 0, signer_jwks(&kit->signers[0], "k"));
        const uint64_t alone = only(kit, *issuer_a, any)->generation;
        assert_int_equal(kit->problems, 0);
        put(kit, 1, signer_jwks(&kit->signers[0], "k"));
        assert_int_equal(only(kit, *issuer_a, any)->source, rows[i].server);
        assert_int_equal(only(kit, *issuer_a, any)->generation == alone, rows[i].server == 0);
        assert_int_equal(kit->problems, 1);
        assert_non_null(strstr(kit->problem, "the same key for the issuer " A));
        put(kit, 1, signer_jwks(&kit->signers[0], "k")); /* told already */
        assert_int_equal(kit->problems, 1);
        put(kit, rows[i].server, NULL); /* the other serves now, under another generation */
        assert_int_equal(only(kit, *issuer_a, any)->source, 1 - rows[i].server);
        kit->book = key_book_free(kit->book);
    }
}

static void test_key_book_repeated_kid_is_tried_with_each(void **state)
{
    struct kit *kit = *state;
    kit->sources[0] = source_of("one", issuer_a);
    kit->sources[1] = source_of("two", issuer_a);
    open_book(kit, 2);
    put(kit, 0, signer_jwks(&kit->signers[0], "k"));
    put(kit, 1, signer_jwks(&kit->signers[1], "k"));
    const struct key_page *page = key_book_page(kit->book);
    const struct key_issuer *issuer = key_page_issuer(page, *issuer_a);
    size_t i = 0;
    unsigned sources = 0;
    const struct key_entry *entry = NULL;
    while ((entry = key_page_next(page, issuer, SPAN_LITERAL("k"), &i)) != NULL) {
        sources |= 1U << entry->source;
    }
    assert_int_equal(sources, 3);
    assert_int_equal(issuer->fetched_sources, 3);
    assert_int_equal(kit->problems, 0);
}

static void test_key_book_doubled_by_files_is_found(void **state)
{
    struct kit *kit = *state;
    struct problem problem = { 0 };
    kit->sources[0] = source_of("one", issuer_a);
    kit->sources[1] = source_of("two", issuer_a);
    kit->sources[2] = source_of("three", issuer_b);
    for (size_t i = 0; i < 3; i++) {
        kit->sources[i].keys = SERVICE_ACCOUNT_KEYS_FILES;
    }
    open_book(kit, 3);
    put(kit, 0, signer_key_set(&kit->signers[0], &kit->signers[1]));
    put(kit, 1, signer_key_set(&kit->signers[2], NULL));
    put(kit, 2, signer_key_set(&kit->signers[0], NULL)); /* of another issuer */
    assert_false(key_book_find_doubled(kit->book, &problem));
    put(kit, 1, signer_key_set(&kit->signers[2], &kit->signers[1]));
    assert_true(key_book_find_doubled(kit->book, &problem));
    assert_int_equal(problem.status, ST_DUPLICATE);
    assert_non_null(strstr(problem.text, "one"));
    assert_non_null(strstr(problem.text, "two"));
}

static void test_key_book_without_memory_a_source_loses_its_keys(void **state)
{
    struct kit *kit = *state;
    if (!alloc_fail_is_available()) {
        return;
    }
    kit->sources[0] = source_of("one", issuer_a);
    kit->sources[1] = source_of("two", issuer_b);
    open_book(kit, 2);
    put(kit, 0, signer_jwks(&kit->signers[0], "k"));
    put(kit, 1, signer_jwks(&kit->signers[1], "k"));
    const uint64_t of_b = only(kit, *issuer_b, any)->generation;
    const uint64_t of_a = only(kit, *issuer_a, any)->generation;
    struct key_set *other = signer_jwks(&kit->signers[2], "k");
    alloc_fail_arm(1);
    assert_int_equal(key_book_put(kit->book, 0, other), ST_NOMEM);
    assert_true(alloc_fail_disarm());
    assert_null(only(kit, *issuer_a, any));
    assert_int_equal(silent(kit, *issuer_a), 1);
    assert_null(key_page_serving(key_book_page(kit->book), of_a));
    assert_int_equal(only(kit, *issuer_b, any)->generation, of_b);
    put(kit, 0, other);
    assert_int_equal(only(kit, *issuer_a, any)->source, 0);
    assert_int_equal(silent(kit, *issuer_a), 0);
}

static void test_key_book_new_without_memory(void **state)
{
    struct kit *kit = *state;
    kit->sources[0] = source_of("one", issuer_a);
    const struct key_book_options options = { .sources = kit->sources, .source_count = 1 };
    enum status status = ST_NOMEM;
    for (unsigned n = 1; alloc_fail_is_available() && status != ST_OK; n++) {
        alloc_fail_arm(n);
        status = key_book_new(&options, &kit->book);
        const bool has_failed = alloc_fail_disarm();
        assert_int_equal(status, has_failed ? ST_NOMEM : ST_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_key_book_keys_are_those_of_the_issuer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_key_book_source_of_two_issuers_proves_both, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_key_book_generation_is_of_key_and_id_as_long_as_it_serves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key_book_key_that_two_have_serves_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_key_book_repeated_kid_is_tried_with_each, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_key_book_doubled_by_files_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key_book_without_memory_a_source_loses_its_keys,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key_book_new_without_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
