/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself: names are unique and well-formed, members are Kubernetes' way of writing them,
 * each command has its options. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/options_table.h"

static const struct {
    const char *option;
    const char *member;
} member_rows[] = {
    { "tls-cert-file", "tlsCertFile" },
    { "client-ca-file", "clientCAFile" },
    { "v", "v" },
    { "max-request-body-bytes", "maxRequestBodyBytes" },
    { "unknown-token-answer", "unknownTokenAnswer" },
    { "api-audiences", "apiAudiences" },
    { "kubeconfig", "kubeconfig" },
    { "in-cluster", "inCluster" },
    { "watch-silence-timeout", "watchSilenceTimeout" },
    { "service-account-issuer", "serviceAccountIssuer" },
    { "service-account-keys-url", "serviceAccountKeysURL" },
    { "jwks-max-stale", "jwksMaxStale" },
};

static void test_option_member_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(member_rows); i++) {
        const struct option_row *row = option_find(COMMAND_SERVE, span_of(member_rows[i].option));
        assert_non_null(row);
        char member[OPTION_NAME_MAX];
        option_member(row, member);
        assert_string_equal(member, member_rows[i].member);
        assert_ptr_equal(option_find_member(span_of(member)), row);
    }
    assert_null(option_find_member(SPAN_LITERAL("tls-cert-file")));
}

static void test_option_member_of_a_name_that_only_begins_with_ca(void **state)
{
    (void)state;
    const struct option_row row = { .name = "client-cache-ca" };
    char member[OPTION_NAME_MAX];
    option_member(&row, member);
    assert_string_equal(member, "clientCacheCA");
}

static void test_option_member_of_acronyms(void **state)
{
    (void)state;
    const struct option_row row = { .name = "url-ca-urls-url" }; /* the first word is none */
    char member[OPTION_NAME_MAX];
    option_member(&row, member);
    assert_string_equal(member, "urlCAUrlsURL");
}

static void test_options_table_rows_are_well_formed(void **state)
{
    (void)state;
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(rows[i].name) < OPTION_NAME_MAX);
        for (const char *at = rows[i].name; *at; at++) {
            assert_true(islower((unsigned char)*at) || *at == '-');
        }
        assert_true(rows[i].commands != 0);
        assert_true(rows[i].offset < sizeof(struct options));
        assert_non_null(rows[i].help);
        assert_int_equal(rows[i].type == OPTION_ENUM, rows[i].choices != NULL);
        assert_true(strlen(rows[i].help) > 10 && !strchr(rows[i].help, '\n'));
    }
}

/* A name may have two rows, but never two for one command, nor two for the file, nor one field. */
static void test_options_table_has_no_two_rows_for_one_thing(void **state)
{
    (void)state;
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            assert_int_not_equal(rows[i].offset, rows[j].offset);
            const bool shared = rows[i].commands & rows[j].commands;
            if (strcmp(rows[i].name, rows[j].name) == 0) {
                assert_false(shared);
                assert_false(rows[i].in_file && rows[j].in_file);
            }
            if (rows[i].letter && rows[i].letter == rows[j].letter) {
                assert_false(shared);
            }
        }
    }
}

/* check-config checks what serve takes, so it takes exactly that. */
static void test_options_table_check_config_takes_what_serve_takes(void **state)
{
    (void)state;
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].commands >> COMMAND_SERVE & 1,
                         rows[i].commands >> COMMAND_CHECK_CONFIG & 1);
    }
}

static void test_options_table_everything_of_the_file_is_an_option_of_serve(void **state)
{
    (void)state;
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        const bool serve = rows[i].commands >> COMMAND_SERVE & 1;
        const bool itself =
            strcmp(rows[i].name, "config") == 0 || strcmp(rows[i].name, "help") == 0;
        assert_int_equal(rows[i].in_file, serve && !itself);
    }
}

static void test_option_find_knows_its_command(void **state)
{
    (void)state;
    assert_non_null(option_find(COMMAND_SERVE, SPAN_LITERAL("secure-port")));
    assert_null(option_find(COMMAND_REVIEW, SPAN_LITERAL("secure-port")));
    assert_null(option_find(COMMAND_SERVE, SPAN_LITERAL("secure-por")));
    assert_null(option_find(COMMAND_SERVE, SPAN_LITERAL("")));
    assert_ptr_not_equal(option_find(COMMAND_SERVE, SPAN_LITERAL("request-timeout")),
                         option_find(COMMAND_REVIEW, SPAN_LITERAL("request-timeout")));
    assert_string_equal(option_find_letter(COMMAND_REVIEW, 'f')->name, "filename");
    assert_null(option_find_letter(COMMAND_SERVE, 'f'));
    assert_null(option_find_letter(COMMAND_SERVE, '\0'));
}

static void test_option_mark_given_marks_one_row(void **state)
{
    (void)state;
    struct options options = { 0 };
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_false(option_is_given(&options, &rows[i]));
        option_mark_given(&options, &rows[i]);
        assert_true(option_is_given(&options, &rows[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_option_member_rows),
        cmocka_unit_test(test_option_member_of_a_name_that_only_begins_with_ca),
        cmocka_unit_test(test_option_member_of_acronyms),
        cmocka_unit_test(test_options_table_rows_are_well_formed),
        cmocka_unit_test(test_options_table_has_no_two_rows_for_one_thing),
        cmocka_unit_test(test_options_table_check_config_takes_what_serve_takes),
        cmocka_unit_test(test_options_table_everything_of_the_file_is_an_option_of_serve),
        cmocka_unit_test(test_option_find_knows_its_command),
        cmocka_unit_test(test_option_mark_given_marks_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
