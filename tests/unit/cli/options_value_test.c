/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options by type: what is taken, at which edge it stops, and that nothing is guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/operator_text.h"
#include "cli/options_value.h"

static const struct option_row *row_of(enum option_command command, const char *name)
{
    const struct option_row *row = option_find(command, span_of(name));
    assert_non_null(row);
    return row;
}

static const struct option_row *serve_row(const char *name)
{
    return row_of(COMMAND_SERVE, name);
}

static const struct {
    const char *name;
    const char *option;
    const char *text;
    bool accepted;
    int64_t want;
} number_rows[] = {
    { "int", "workers", "4", true, 4 },
    { "int at the low edge", "workers", "1", true, 1 },
    { "int below", "workers", "0", false, 0 },
    { "int at the high edge", "workers", "256", true, 256 },
    { "int above", "workers", "257", false, 0 },
    { "int empty", "workers", "", false, 0 },
    { "int with a sign", "workers", "+4", false, 0 },
    { "int negative", "workers", "-4", false, 0 },
    { "int in hex", "workers", "0x4", false, 0 },
    { "int with a blank", "workers", " 4", false, 0 },
    { "int with text behind", "workers", "4x", false, 0 },
    { "int with a fraction", "workers", "4.0", false, 0 },
    { "int past 64 bits", "workers", "18446744073709551620", false, 0 },
    { "bytes plain", "max-request-body-bytes", "65536", true, 65536 },
    { "bytes in Ki", "max-request-body-bytes", "64Ki", true, 65536 },
    { "bytes in Mi", "max-request-body-bytes", "1Mi", true, 1048576 },
    { "bytes in Gi", "max-connection-memory", "2Gi", true, INT64_C(2147483648) },
    { "bytes in Ti", "max-connection-memory", "1Ti", false, 0 },
    { "bytes in k", "max-request-body-bytes", "64k", false, 0 },
    { "bytes in G", "max-connection-memory", "1G", false, 0 },
    { "bytes in Gi above", "max-request-body-bytes", "1Gi", false, 0 },
    { "bytes below", "max-request-body-bytes", "31Ki", false, 0 },
    { "bytes above", "max-request-body-bytes", "17Mi", false, 0 },
    { "bytes past 64 bits by the unit", "max-request-body-bytes", "9223372036854775807Ki", false,
      0 },
    { "duration in seconds", "handshake-timeout", "10s", true, 10000 },
    { "duration in two parts", "handshake-timeout", "1m30s", true, 90000 },
    { "duration in ms", "handshake-timeout", "250ms", true, 250 },
    { "duration with a fraction", "handshake-timeout", "1.5s", true, 1500 },
    { "duration with a long fraction", "handshake-timeout", "0.100000s", true, 100 },
    { "duration in us", "handshake-timeout", "250000us", true, 250 },
    { "duration in micro seconds as Go prints it", "handshake-timeout", "250000\xc2\xb5s", true,
      250 },
    { "duration in ns", "handshake-timeout", "250000000ns", true, 250 },
    { "duration of an hour", "handshake-timeout", "1h", true, 3600000 },
    { "duration zero without unit", "shutdown-delay-duration", "0", true, 0 },
    { "duration zero with unit", "shutdown-delay-duration", "0s", true, 0 },
    { "duration zero where it is too short", "handshake-timeout", "0", false, 0 },
    { "duration without unit", "handshake-timeout", "10", false, 0 },
    { "duration empty", "handshake-timeout", "", false, 0 },
    { "duration of a unit only", "handshake-timeout", "s", false, 0 },
    { "duration in days", "handshake-timeout", "1d", false, 0 },
    { "duration negative", "handshake-timeout", "-10s", false, 0 },
    { "duration with blanks", "handshake-timeout", "1m 30s", false, 0 },
    { "duration too long", "handshake-timeout", "1h1ms", false, 0 },
    { "duration finer than a millisecond", "handshake-timeout", "10s1us", false, 0 },
    { "duration finer than a nanosecond", "handshake-timeout", "1000000000.5ns", false, 0 },
    { "duration with a point at the end", "handshake-timeout", "1.s", false, 0 },
    { "duration with seven digits of fraction", "handshake-timeout", "1.0000000s", false, 0 },
    { "duration past 64 bits", "handshake-timeout", "9223372036854775807h", false, 0 },
    { "duration past 64 bits in sum", "handshake-timeout", "2562047h2562047h", false, 0 },
};

static void test_option_set_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(number_rows); i++) {
        const struct option_row *row = serve_row(number_rows[i].option);
        struct options options = { 0 };
        int64_t *field = (int64_t *)(void *)((char *)&options + row->offset);
        *field = -7; /* shows that a refused value changes nothing */
        print_message("# %s\n", number_rows[i].name);
        const enum status status = option_set(row, span_of(number_rows[i].text), &options);
        assert_int_equal(status, number_rows[i].accepted ? ST_OK : ST_INVALID);
        assert_int_equal(*field, number_rows[i].accepted ? number_rows[i].want : -7);
    }
}

static const struct {
    const char *name;
    const char *text;
    bool accepted;
    uint16_t want;
} port_rows[] = {
    { "lowest", "0", true, 0 },     { "highest", "65535", true, 65535 },
    { "above", "65536", false, 0 }, { "name", "https", false, 0 },
    { "wraps", "65537", false, 0 },
};

static void test_option_set_ports(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(port_rows); i++) {
        struct options options = { .secure_port = 7 };
        print_message("# %s\n", port_rows[i].name);
        const enum status status =
            option_set(serve_row("secure-port"), span_of(port_rows[i].text), &options);
        assert_int_equal(status, port_rows[i].accepted ? ST_OK : ST_INVALID);
        assert_int_equal(options.secure_port, port_rows[i].accepted ? port_rows[i].want : 7);
    }
}

static const struct {
    const char *name;
    const char *text;
    const char *host; /* NULL: refused */
    uint16_t port;
} host_port_rows[] = {
    { "IPv4", "127.0.0.1:8080", "127.0.0.1", 8080 },
    { "IPv6 in brackets", "[::1]:8080", "::1", 8080 },
    { "no host is all interfaces", ":8080", "::", 8080 },
    { "any free port", "127.0.0.1:0", "127.0.0.1", 0 },
    { "IPv6 without brackets", "::1:8080", NULL, 0 },
    { "IPv4 in brackets", "[127.0.0.1]:8080", NULL, 0 },
    { "brackets open", "[::1:8080", NULL, 0 },
    { "text behind brackets", "[::1]x:8080", NULL, 0 },
    { "no port", "127.0.0.1", NULL, 0 },
    { "no port behind brackets", "[::1]", NULL, 0 },
    { "empty port", "127.0.0.1:", NULL, 0 },
    { "port too high", "127.0.0.1:65536", NULL, 0 },
    { "a name", "localhost:8080", NULL, 0 },
    { "a zone", "[fe80::1%eth0]:8080", NULL, 0 },
    { "empty brackets", "[]:8080", NULL, 0 },
};

static void test_option_set_host_ports(void **state)
{
    (void)state;
    const struct option_row *row = serve_row("health-bind-address");
    for (size_t i = 0; i < COUNTOF(host_port_rows); i++) {
        struct options options = { 0 };
        print_message("# %s\n", host_port_rows[i].name);
        const enum status status = option_set(row, span_of(host_port_rows[i].text), &options);
        assert_int_equal(status, host_port_rows[i].host ? ST_OK : ST_INVALID);
        if (host_port_rows[i].host) {
            assert_string_equal(options.health_bind_address.host, host_port_rows[i].host);
            assert_int_equal(options.health_bind_address.port, host_port_rows[i].port);
            assert_int_equal(option_set(row, span_of(""), &options), ST_OK);
        }
        assert_null(options.health_bind_address.host);
    }
}

static const struct {
    const char *name;
    const char *text;
    const char *want; /* items with `;` between, NULL: refused */
} list_rows[] = {
    { "one", "a", "a" },
    { "two", "a,b", "a;b" },
    { "empty is no item", "", "" },
    { "the same twice", "a,a", "a;a" },
    { "blank inside", "a b", "a b" },
    { "empty item", "a,,b", NULL },
    { "empty first", ",a", NULL },
    { "empty last", "a,", NULL },
    { "blank in front", "a, b", NULL },
    { "blank behind", "a ,b", NULL },
    { "control character", "a\tb", NULL },
};

static void test_option_set_lists(void **state)
{
    (void)state;
    const struct option_row *row = serve_row("api-audiences");
    for (size_t i = 0; i < COUNTOF(list_rows); i++) {
        struct options options = { 0 };
        struct buf joined = { 0 };
        print_message("# %s\n", list_rows[i].name);
        const enum status status = option_set(row, span_of(list_rows[i].text), &options);
        assert_int_equal(status, list_rows[i].want ? ST_OK : ST_INVALID);
        for (size_t j = 0; j < options.api_audiences.count; j++) {
            buf_printf(&joined, "%s%s", j ? ";" : "", options.api_audiences.items[j]);
        }
        if (list_rows[i].want) {
            assert_true(span_equal(buf_span(&joined), span_of(list_rows[i].want)));
        }
        buf_fini(&joined);
        option_clear(row, &options);
        assert_int_equal(options.api_audiences.count, 0);
    }
}

static void test_option_set_list_holds_option_list_max_items(void **state)
{
    (void)state;
    const struct option_row *row = serve_row("api-audiences");
    struct options options = { 0 };
    for (size_t i = 0; i < OPTION_LIST_MAX; i++) {
        assert_int_equal(option_add_item(row, SPAN_LITERAL("a,b"), &options), ST_OK);
    }
    assert_int_equal(option_add_item(row, SPAN_LITERAL("a"), &options), ST_INVALID);
    assert_int_equal(options.api_audiences.count, OPTION_LIST_MAX);
    assert_string_equal(options.api_audiences.items[0], "a,b"); /* one item, comma and all */
    option_clear(row, &options);
}

/* kube-apiserver takes each --service-account-issuer as it is. */
static void test_option_set_a_list_that_keeps_commas(void **state)
{
    (void)state;
    const struct option_row *row = serve_row("service-account-issuer");
    struct options options = { 0 };
    assert_int_equal(option_set(row, SPAN_LITERAL("a,b"), &options), ST_OK);
    assert_int_equal(option_set(row, SPAN_LITERAL("c,"), &options), ST_OK);
    assert_int_equal(option_set(row, SPAN_LITERAL(""), &options), ST_OK); /* no item */
    assert_int_equal(option_set(row, SPAN_LITERAL(" d"), &options), ST_INVALID);
    assert_int_equal(option_set(row, SPAN_LITERAL("d\n"), &options), ST_INVALID);
    assert_int_equal(options.service_account_issuer.count, 2);
    assert_string_equal(options.service_account_issuer.items[0], "a,b");
    assert_string_equal(options.service_account_issuer.items[1], "c,");
    option_clear(row, &options);
}

static void test_option_set_texts(void **state)
{
    (void)state;
    const struct option_row *row = serve_row("tls-cert-file");
    struct options options = { 0 };
    assert_int_equal(option_set(row, SPAN_LITERAL("/a b/\xc3\xa9"), &options), ST_OK);
    assert_string_equal(options.tls_cert_file, "/a b/\xc3\xa9");
    assert_int_equal(option_set(row, SPAN_LITERAL("a\nb"), &options), ST_INVALID);
    assert_int_equal(option_set(row, SPAN_LITERAL("a\0b"), &options), ST_INVALID);
    assert_int_equal(option_set(row, SPAN_LITERAL("a\x7f"), &options), ST_INVALID);
    assert_string_equal(options.tls_cert_file, "/a b/\xc3\xa9");
    assert_int_equal(option_set(row, SPAN_LITERAL(""), &options), ST_OK);
    assert_null(options.tls_cert_file);

    char *longest = malloc(OPERATOR_TEXT_MAX + 1);
    assert_non_null(longest);
    memset(longest, 'a', OPERATOR_TEXT_MAX + 1);
    assert_int_equal(option_set(row, (struct span){ longest, OPERATOR_TEXT_MAX }, &options), ST_OK);
    assert_int_equal(option_set(row, (struct span){ longest, OPERATOR_TEXT_MAX + 1 }, &options),
                     ST_INVALID);
    free(longest);
    option_clear(row, &options);
}

static void test_option_set_switches_and_choices(void **state)
{
    (void)state;
    struct options options = { 0 };
    const struct option_row *on = serve_row("enable-bootstrap-token-auth");
    assert_int_equal(option_set(on, SPAN_LITERAL("true"), &options), ST_OK);
    assert_true(options.enable_bootstrap_token_auth);
    assert_int_equal(option_set(on, SPAN_LITERAL("no"), &options), ST_INVALID);
    assert_true(options.enable_bootstrap_token_auth);
    assert_int_equal(option_set(on, SPAN_LITERAL("false"), &options), ST_OK);
    assert_false(options.enable_bootstrap_token_auth);

    const struct option_row *answer = serve_row("unknown-token-answer");
    assert_int_equal(option_set(answer, SPAN_LITERAL("refuse"), &options), ST_OK);
    assert_int_equal(options.unknown_token_answer, UNKNOWN_TOKEN_REFUSE);
    assert_int_equal(option_set(answer, SPAN_LITERAL("Refuse"), &options), ST_INVALID);
    assert_int_equal(option_set(answer, SPAN_LITERAL(""), &options), ST_INVALID);
    assert_int_equal(options.unknown_token_answer, UNKNOWN_TOKEN_REFUSE);
    assert_int_equal(option_set(answer, SPAN_LITERAL("error"), &options), ST_OK);
    assert_int_equal(options.unknown_token_answer, UNKNOWN_TOKEN_ERROR);
}

static void test_option_set_instants(void **state)
{
    (void)state;
    struct options options = { 0 };
    const struct option_row *at = row_of(COMMAND_REVIEW, "at");
    assert_int_equal(option_set(at, SPAN_LITERAL("1970-01-01T00:01:00Z"), &options), ST_OK);
    assert_true(options.at.is_set);
    assert_int_equal(options.at.instant.sec, 60);
    assert_int_equal(option_set(at, SPAN_LITERAL("tomorrow"), &options), ST_INVALID);
    assert_int_equal(option_set(at, SPAN_LITERAL(""), &options), ST_INVALID);
    assert_int_equal(options.at.instant.sec, 60);
}

static void test_option_move_leaves_nothing_behind(void **state)
{
    (void)state;
    const struct option_row *row = serve_row("client-allowed-names");
    struct options from = { 0 };
    struct options to = { 0 };
    assert_int_equal(option_set(row, SPAN_LITERAL("a,b"), &from), ST_OK);
    assert_int_equal(option_set(row, SPAN_LITERAL("c"), &to), ST_OK);
    option_move(row, &from, &to);
    assert_int_equal(from.client_allowed_names.count, 0);
    assert_null(from.client_allowed_names.items);
    assert_int_equal(to.client_allowed_names.count, 2);
    assert_string_equal(to.client_allowed_names.items[1], "b");
    option_clear(row, &to);
}

static void test_option_is_empty_by_type(void **state)
{
    (void)state;
    static const struct {
        const char *option;
        const char *text;
        bool is_empty; /* before it is set, and after the empty text */
    } rows[] = {
        { "bind-address", "::", true },
        { "port-file", "p", true },
        { "client-allowed-names", "a", true },
        { "health-bind-address", ":1", true },
        { "workers", "1", false },
        { "tls-session-tickets", "false", false },
        { "idle-timeout", "2m", false },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct option_row *row = serve_row(rows[i].option);
        struct options options = { 0 };
        print_message("# %s\n", rows[i].option);
        assert_int_equal(option_is_empty(row, &options), rows[i].is_empty);
        assert_int_equal(option_set(row, span_of(rows[i].text), &options), ST_OK);
        assert_false(option_is_empty(row, &options));
        option_clear(row, &options);
    }
}

static const struct {
    const char *option;
    const char *want;
} expectation_rows[] = {
    { "workers", "a whole number from 1 to 256" },
    { "secure-port", "a whole number from 0 to 65535" },
    { "handshake-timeout",
      "a duration of whole milliseconds from 100ms to 1h0m0s, such as 90s or 1m30s" },
    { "unknown-token-answer", "one of error, refuse" },
    { "tls-session-tickets", "true or false" },
    { "max-header-bytes", "bytes from 4096 to 1048576, such as 131072 or 128Ki" },
};

static void test_option_expectation_names_the_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(expectation_rows); i++) {
        char text[OPTION_EXPECTATION_MAX];
        option_expectation(serve_row(expectation_rows[i].option), text);
        assert_string_equal(text, expectation_rows[i].want);
    }
}

static void test_option_expectation_is_there_for_every_option(void **state)
{
    (void)state;
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        char text[OPTION_EXPECTATION_MAX] = "";
        option_expectation(&rows[i], text);
        assert_true(strlen(text) > 5);
        assert_true(strlen(text) + 1 < OPTION_EXPECTATION_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_option_set_numbers),
        cmocka_unit_test(test_option_set_ports),
        cmocka_unit_test(test_option_set_host_ports),
        cmocka_unit_test(test_option_set_lists),
        cmocka_unit_test(test_option_set_list_holds_option_list_max_items),
        cmocka_unit_test(test_option_set_a_list_that_keeps_commas),
        cmocka_unit_test(test_option_set_texts),
        cmocka_unit_test(test_option_set_switches_and_choices),
        cmocka_unit_test(test_option_set_instants),
        cmocka_unit_test(test_option_move_leaves_nothing_behind),
        cmocka_unit_test(test_option_is_empty_by_type),
        cmocka_unit_test(test_option_expectation_names_the_range),
        cmocka_unit_test(test_option_expectation_is_there_for_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
