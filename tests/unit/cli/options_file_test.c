/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: what its members take, and where a mistake is said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/options.h"
#include "cli/options_file.h"
#include "cli/options_parse.h"
#include "cli/options_value.h"
#include "cli/service_account_issuers.h"

#define HEAD "apiVersion: kube-bearer/v1alpha1\nkind: Configuration\n"

#define ENTRY \
    "{name: b, issuer: i, kubeconfig: k, usernamePrefix: 'b:', groupPrefix: 'b:', audiences: [a]}"

static const struct {
    const char *name;
    const char *text;
    const char *want; /* NULL: accepted */
    unsigned line;
    unsigned column;
} rows[] = {
    { "head only", HEAD, NULL, 0, 0 },
    { "other clusters", HEAD "serviceAccountIssuers:\n- " ENTRY "\n", NULL, 0, 0 },
    { "no other clusters", HEAD "serviceAccountIssuers: []\n", NULL, 0, 0 },
    { "other clusters that are null", HEAD "serviceAccountIssuers:\n", NULL, 0, 0 },
    { "JSON", "{\"kind\":\"Configuration\",\"apiVersion\":\"kube-bearer/v1alpha1\",\"workers\":2}",
      NULL, 0, 0 },
    { "number", HEAD "workers: 2\n", NULL, 0, 0 },
    { "text", HEAD "manifests: m\n", NULL, 0, 0 },
    { "switch", HEAD "tlsSessionTickets: false\n", NULL, 0, 0 },
    { "duration", HEAD "idleTimeout: 2m\n", NULL, 0, 0 },
    { "choice", HEAD "unknownTokenAnswer: refuse\n", NULL, 0, 0 },
    { "list", HEAD "apiAudiences:\n- a\n- b\n", NULL, 0, 0 },
    { "empty list", HEAD "apiAudiences: []\n", NULL, 0, 0 },
    { "bytes as a number", HEAD "maxHeaderBytes: 8192\n", NULL, 0, 0 },
    { "bytes as a text", HEAD "maxHeaderBytes: 8Ki\n", NULL, 0, 0 },
    { "address", HEAD "healthBindAddress: 127.0.0.1:8080\n", NULL, 0, 0 },
    { "null is absent", HEAD "workers: null\n", NULL, 0, 0 },
    { "an empty text", HEAD "portFile: ''\n", NULL, 0, 0 },

    { "other clusters that are no list", HEAD "serviceAccountIssuers: " ENTRY "\n",
      "serviceAccountIssuers: expected a list of objects", 3, 24 },
    { "other clusters by their issuers", HEAD "serviceAccountIssuers: [https://b]\n",
      "serviceAccountIssuers[0]: expected an object with name, issuer and more; issuers of this "
      "cluster are serviceAccountIssuer",
      3, 25 },
    { "this cluster as an object", HEAD "serviceAccountIssuer: [" ENTRY "]\n",
      "serviceAccountIssuer: expected a list of texts", 3, 24 },
    { "other clusters misspelt", HEAD "serviceAccountsIssuers: []\n",
      "unknown member serviceAccountsIssuers; did you mean serviceAccountIssuers?", 3, 25 },
    { "other clusters twice",
      HEAD "serviceAccountIssuers: []\nserviceAccountIssuers: [" ENTRY "]\n", "", 4, 1 },
    { "another cluster's member twice",
      HEAD "serviceAccountIssuers:\n- " ENTRY "\n- {name: c, name: d}\n", "", 5, 13 },
    { "a mistake behind other clusters", HEAD "serviceAccountIssuers: [" ENTRY "]\nworkers: x\n",
      "workers: expected a whole number", 4, 10 },
    { "empty file", "", "expected apiVersion: kube-bearer/v1alpha1 and kind: Configuration", 1, 1 },
    { "comment only", "# x\n", "expected apiVersion: kube-bearer/v1alpha1", 1, 1 },
    { "a list", "- a\n", "expected an object", 1, 1 },
    { "two documents", HEAD "---\n" HEAD, "expected one document only", 4, 1 },
    { "no apiVersion", "kind: Configuration\n", "expected apiVersion: kube-bearer/v1alpha1", 1, 1 },
    { "another apiVersion", "apiVersion: kube-bearer/v1\nkind: Configuration\n",
      "expected apiVersion: kube-bearer/v1alpha1", 1, 13 },
    { "no kind", "apiVersion: kube-bearer/v1alpha1\n", "expected kind: Configuration", 1, 1 },
    { "another kind", "apiVersion: kube-bearer/v1alpha1\nkind: Config\n",
      "expected kind: Configuration", 2, 7 },
    { "kind is no text", "apiVersion: kube-bearer/v1alpha1\nkind: 1\n",
      "expected kind: Configuration", 2, 7 },
    { "unknown member", HEAD "worker: 2\n", "unknown member worker; did you mean workers?", 3, 9 },
    { "unknown member written as a flag", HEAD "client-ca-file: x\n",
      "unknown member client-ca-file; did you mean clientCAFile?", 3, 17 },
    { "unknown member with another case", HEAD "clientCaFile: x\n",
      "unknown member clientCaFile; did you mean clientCAFile?", 3, 15 },
    { "unknown member, nothing near", HEAD "zzzzzzzz: x\n", "unknown member zzzzzzzz", 3, 11 },
    { "unknown member that is null", HEAD "zzzzzzzz:\n", "unknown member zzzzzzzz", 1, 1 },
    { "unknown member is not repeated when it could be a token",
      HEAD "abcdef.0123456789abcdef: x\n" /* TEST-ONLY */, "a member is not known", 3, 26 },
    { "options of review are no members", HEAD "tokenFile: x\n", "unknown member tokenFile", 3,
      12 },
    { "the file does not name a file", HEAD "config: x\n", "unknown member config", 3, 9 },
    { "help is no member", HEAD "help: true\n", "unknown member help", 3, 7 },
    { "number as a text", HEAD "workers: '2'\n", "workers: expected a whole number from 1 to 256",
      3, 10 },
    { "number with a fraction", HEAD "workers: 2.5\n", "workers: expected a whole number", 3, 10 },
    { "number out of range", HEAD "workers: 257\n", "workers: expected a whole number", 3, 10 },
    { "number past 64 bits", HEAD "workers: 99999999999999999999\n",
      "workers: expected a whole number", 3, 10 },
    { "number negative", HEAD "workers: -1\n", "workers: expected a whole number", 3, 10 },
    { "switch as a text", HEAD "tlsSessionTickets: 'true'\n",
      "tlsSessionTickets: expected true or false", 3, 20 },
    { "switch as a number", HEAD "tlsSessionTickets: 1\n", "tlsSessionTickets: expected", 3, 20 },
    { "text as a number", HEAD "manifests: 1\n", "manifests: expected a path", 3, 12 },
    { "text as a switch", HEAD "manifests: true\n", "manifests: expected a path", 3, 12 },
    { "text with a line break", HEAD "manifests: \"a\\nb\"\n", "manifests: expected a path", 3,
      12 },
    { "duration as a number", HEAD "idleTimeout: 120\n", "idleTimeout: expected a duration", 3,
      14 },
    { "bytes with a fraction", HEAD "maxHeaderBytes: 8192.5\n", "maxHeaderBytes: expected bytes", 3,
      17 },
    { "another choice", HEAD "unknownTokenAnswer: maybe\n",
      "unknownTokenAnswer: expected one of error, refuse", 3, 21 },
    { "list as a text", HEAD "apiAudiences: a,b\n", "apiAudiences: expected a list", 3, 15 },
    { "list of numbers", HEAD "apiAudiences: [a, 1]\n", "apiAudiences: expected a list", 3, 19 },
    { "list with an empty item", HEAD "apiAudiences: [a, '']\n", "apiAudiences: expected a list", 3,
      19 },
    { "list with a null", HEAD "apiAudiences: [null]\n", "apiAudiences: expected a list", 3, 15 },
    { "the same member twice", HEAD "workers: 1\nworkers: 2\n", "", 4, 1 },
    { "YAML that is none", HEAD "a: [\n", "", 4, 1 },
};

static void test_options_parse_file_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct options options;
        struct problem problem = { 0 };
        print_message("# %s\n", rows[i].name);
        assert_int_equal(options_init(&options), ST_OK);
        const struct options before = options;
        const enum status status = options_parse_file(span_of(rows[i].text), &options, &problem);
        if (rows[i].want) {
            assert_int_not_equal(status, ST_OK);
            assert_ptr_equal(strstr(problem.text, rows[i].want), problem.text);
            assert_int_equal(problem.line, rows[i].line);
            assert_int_equal(problem.column, rows[i].column);
            assert_null(strstr(problem.text, "0123456789abcdef"));
            assert_memory_equal(&options, &before, sizeof(options)); /* nothing was taken */
        } else {
            assert_string_equal(problem.text, "");
            assert_int_equal(status, ST_OK);
        }
        options_fini(&options);
    }
}

static void test_options_parse_file_values_arrive(void **state)
{
    (void)state;
    static const char text[] = HEAD "manifests: m\nworkers: 2\ntlsSessionTickets: false\n"
                                    "idleTimeout: 1m30s\nunknownTokenAnswer: refuse\n"
                                    "apiAudiences: [\"a,b\", c]\nmaxHeaderBytes: 16Ki\n"
                                    "healthBindAddress: \":1\"\nsecurePort: 0\n"
                                    "requestTimeout: 7s\n";
    struct options options;
    struct problem problem = { 0 };
    assert_int_equal(options_init(&options), ST_OK);
    assert_int_equal(options_parse_file(span_of(text), &options, &problem), ST_OK);
    assert_string_equal(options.manifests, "m");
    assert_int_equal(options.workers, 2);
    assert_false(options.tls_session_tickets);
    assert_int_equal(options.idle_timeout_ms, 90000);
    assert_int_equal(options.unknown_token_answer, UNKNOWN_TOKEN_REFUSE);
    assert_int_equal(options.api_audiences.count, 2);
    assert_string_equal(options.api_audiences.items[0], "a,b"); /* a list is not split again */
    assert_int_equal(options.max_header_bytes, 16384);
    assert_string_equal(options.health_bind_address.host, "::");
    assert_int_equal(options.secure_port, 0);
    assert_int_equal(options.request_timeout_ms, 7000); /* serve's, not review's */
    assert_int_equal(options.client_timeout_ms, 10000);
    options_fini(&options);
}

static void test_options_parse_file_leaves_what_flags_gave(void **state)
{
    (void)state;
    char *argv[] = { (char *)(uintptr_t) "--workers=3" };
    struct options options;
    struct problem problem = { 0 };
    assert_int_equal(options_init(&options), ST_OK);
    assert_int_equal(options_parse_flags(COMMAND_SERVE, 1, argv, &options, &problem), ST_OK);
    assert_int_equal(
        options_parse_file(SPAN_LITERAL(HEAD "workers: 2\nsecurePort: 1\n"), &options, &problem),
        ST_OK);
    assert_int_equal(options.workers, 3);
    assert_int_equal(options.secure_port, 1);
    /* and a value that a flag overrides must still be right */
    assert_int_equal(options_parse_file(SPAN_LITERAL(HEAD "workers: x\n"), &options, &problem),
                     ST_INVALID);
    options_fini(&options);
}

static void test_options_parse_file_other_clusters_replace_those_before(void **state)
{
    (void)state;
    struct options options;
    struct problem problem = { 0 };
    assert_int_equal(options_init(&options), ST_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            options_parse_file(SPAN_LITERAL(HEAD "serviceAccountIssuers: [" ENTRY "]\n"), &options,
                               &problem),
            ST_OK);
        assert_int_equal(options.service_account_issuers->count, 1);
        assert_string_equal(options.service_account_issuers->items[0].source.name.at, "b");
    }
    options_fini(&options);
    assert_null(options.service_account_issuers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_parse_file_rows),
        cmocka_unit_test(test_options_parse_file_values_arrive),
        cmocka_unit_test(test_options_parse_file_leaves_what_flags_gave),
        cmocka_unit_test(test_options_parse_file_other_clusters_replace_those_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
