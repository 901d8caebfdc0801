/* SPDX-License-Identifier: Apache-2.0 */
/* serviceAccountIssuers: what an entry takes, what it is refused for, and where that is said to be.
 * Each rule has a row that keeps it and one that breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cli/service_account_issuers.h"
#include "document/document.h"
#include "support/alloc_fail.h"

/* What an entry needs, each a line; the first two have columns that rows know. */
#define NAME     "name: b\n"
#define ISSUER   "issuer: https://b\n"
#define KUBE     "kubeconfig: kc\n"
#define USER     "usernamePrefix: 'b:'\n"
#define GROUP    "groupPrefix: 'b:'\n"
#define AUDIENCE "audiences: [a]\n"
#define REST     ISSUER KUBE USER GROUP AUDIENCE
#define GOOD     NAME REST

struct parsing {
    struct service_account_issuers *issuers;
    struct problem problem;
    enum status status;
};

static enum status on_document(void *ctx, json_object *root)
{
    struct parsing *const parsing = ctx;
    return service_account_issuers_parse(root, &parsing->issuers, &parsing->problem);
}

static struct parsing parse(struct span text)
{
    struct parsing parsing = { 0 };
    parsing.status = document_parse(text, on_document, &parsing, &parsing.problem);
    return parsing;
}

/* @members are lines: of one entry, indented, so that its first line is line 1, column 3. */
static void append_entry(struct buf *text, const char *members)
{
    const char *lead = "- ";
    while (*members) {
        const size_t len = strcspn(members, "\n") + 1;
        buf_append_text(text, lead);
        buf_append(text, (struct span){ members, len });
        members += len;
        lead = "  ";
    }
}

static struct parsing parse_entries(const char *first, const char *second)
{
    struct buf text = { 0 };
    append_entry(&text, first);
    append_entry(&text, second ? second : "");
    const struct parsing parsing = parse(buf_span(&text));
    buf_fini(&text);
    return parsing;
}

static const struct {
    const char *name;
    const char *members;
    const char *want; /* beginning of the complaint, behind the entry's path; NULL: accepted */
    unsigned line;
    unsigned column;
} rows[] = {
    { "all that is required", GOOD, NULL, 0, 0 },
    { "a member that nobody knows", GOOD "keysUrl: https://h/\n",
      ": unknown member keysUrl; did you mean keysURL?", 7, 12 },
    { "one that is null", GOOD "zzzzzzzz:\n", ": unknown member zzzzzzzz", 1, 3 },
    { "one that could be a token", GOOD "abcdef.0123456789abcdef: x\n" /* TEST-ONLY */,
      ": a member is not known", 7, 28 },

    { "no name", REST, ".name: expected a name of a-z, 0-9 and inner -, at most 63 bytes, found", 1,
      3 },
    { "a name that is null", "name:\n" REST, ".name: expected a name of", 1, 3 },
    { "a name that is a number", "name: 1\n" REST, ".name: expected a name of", 1, 9 },
    { "a name that is empty", "name: ''\n" REST, ".name: expected a name of", 1, 9 },
    { "a name that is no label", "name: B.c\n" REST, ".name: expected a name of", 1, 9 },
    { "a name of 63 bytes",
      "name: a23456789012345678901234567890123456789012345678901234567890123\n" REST, NULL, 0, 0 },
    { "a name of 64 bytes",
      "name: a234567890123456789012345678901234567890123456789012345678901234\n" REST,
      ".name: expected a name of", 1, 9 },

    { "no issuer", NAME KUBE USER GROUP AUDIENCE, ".issuer: expected what iss of its tokens is", 1,
      3 },
    { "an issuer that is no URL", NAME "issuer: b\n" KUBE USER GROUP AUDIENCE, NULL, 0, 0 },
    { "an issuer that is empty", NAME "issuer: ''\n" KUBE USER GROUP AUDIENCE,
      ".issuer: expected what iss of its tokens is, found an empty string", 2, 11 },
    { "an issuer of two lines", NAME "issuer: \"a\\nb\"\n" KUBE USER GROUP AUDIENCE,
      ".issuer: expected what iss of its tokens is, in one line", 2, 11 },
    { "an issuer with a NUL", NAME "issuer: \"a\\0b\"\n" KUBE USER GROUP AUDIENCE,
      ".issuer: expected what iss of its tokens is, in one line", 2, 11 },
    { "the issuer of legacy tokens",
      NAME "issuer: kubernetes/serviceaccount\n" KUBE USER GROUP AUDIENCE,
      ".issuer: kubernetes/serviceaccount is what all clusters' legacy tokens have", 2, 11 },

    { "keys of files", GOOD "keyFiles: [k, l]\n", NULL, 0, 0 },
    { "keys of no files", GOOD "keyFiles: []\n", ".keyFiles: expected a list of paths: from 1 to",
      7, 13 },
    { "keys of too many files",
      GOOD "keyFiles: [1a,2a,3a,4a,5a,6a,7a,8a,9a,0a,1b,2b,3b,4b,5b,6b,7b]\n",
      ".keyFiles: expected a list of paths: from 1 to 16", 7, 13 },
    { "keys of as many as may be",
      GOOD "keyFiles: [1a,2a,3a,4a,5a,6a,7a,8a,9a,0a,1b,2b,3b,4b,5b,"
           "6b]\n",
      NULL, 0, 0 },
    { "keys of one file that is no list", GOOD "keyFiles: k\n",
      ".keyFiles: expected a list of paths, found a string", 7, 13 },
    { "keys of a file that is a number", GOOD "keyFiles: [k, 1]\n",
      ".keyFiles: expected a list of paths, found a number", 7, 17 },
    { "keys of a file that is null", GOOD "keyFiles: [null]\n",
      ".keyFiles: expected a list of paths, found nothing", 1, 3 },
    { "keys of a file without a name", GOOD "keyFiles: ['']\n",
      ".keyFiles: expected a list of paths, found an empty string", 7, 14 },
    { "keys of a file with a blank behind it", GOOD "keyFiles: ['k ']\n",
      ".keyFiles: expected a list of paths, without blanks", 7, 14 },
    { "keys of a URL", GOOD "keysURL: https://h/keys?v=1\n", NULL, 0, 0 },
    { "keys in the clear", GOOD "keysURL: http://h/keys\n",
      ".keysURL: expected a URL that begins with https://", 7, 12 },
    { "keys behind a user name", GOOD "keysURL: https://u@h/keys\n",
      ".keysURL: expected a URL that begins with https://, without user name and fragment", 7, 12 },
    { "a keys' URL that is null", GOOD "keysURL:\n", ".keysURL: expected a URL", 1, 3 },
    { "keys by discovery", GOOD "discovery: true\n", NULL, 0, 0 },
    { "keys by no discovery", GOOD "discovery: false\n", NULL, 0, 0 },
    { "keys by a discovery that is a text", GOOD "discovery: 'true'\n",
      ".discovery: expected true or false, found a string", 7, 14 },
    { "keys by discovery at an issuer with a query",
      NAME "issuer: https://b?x\n" KUBE USER GROUP AUDIENCE "discovery: true\n",
      ".discovery: needs an issuer that is a URL", 7, 14 },
    { "keys by discovery in the clear",
      NAME "issuer: http://b\n" KUBE USER GROUP AUDIENCE "discovery: true\n",
      ".discovery: needs an issuer that is a URL", 7, 14 },
    { "an issuer in the clear whose keys come otherwise",
      NAME "issuer: http://b\n" KUBE USER GROUP AUDIENCE, NULL, 0, 0 },
    { "keys of files and of a URL", GOOD "keyFiles: [k]\nkeysURL: https://h/\n",
      ".keysURL: expected one of keyFiles, keysURL and discovery: true, not two", 8, 12 },
    { "keys of files and by discovery", GOOD "discovery: true\nkeyFiles: [k]\n",
      ".discovery: expected one of keyFiles, keysURL and discovery: true", 7, 14 },
    { "keys of files and by no discovery", GOOD "keyFiles: [k]\ndiscovery: false\n", NULL, 0, 0 },
    { "no keys", NAME ISSUER USER GROUP AUDIENCE "lookup: false\n",
      ": expected keyFiles, keysURL, discovery: true or kubeconfig: where", 1, 3 },
    { "keys of nothing but no discovery",
      NAME ISSUER USER GROUP AUDIENCE "lookup: false\ndiscovery: false\n",
      ": expected keyFiles, keysURL, discovery: true or kubeconfig: where", 1, 3 },

    { "a CA for a URL", GOOD "keysURL: https://h/\ncertificateAuthority: ca\n", NULL, 0, 0 },
    { "a CA for discovery", GOOD "discovery: true\ncertificateAuthority: ca\n", NULL, 0, 0 },
    { "a CA for files", GOOD "keyFiles: [k]\ncertificateAuthority: ca\n",
      ".certificateAuthority: needs keysURL or discovery: true", 8, 25 },
    { "a CA for an API server", GOOD "certificateAuthority: ca\n",
      ".certificateAuthority: needs keysURL or discovery: true; a kubeconfig has its own", 7, 25 },
    { "a CA that is null", GOOD "keysURL: https://h/\ncertificateAuthority:\n",
      ".certificateAuthority: expected a path, found nothing", 1, 3 },
    { "a CA that is empty", GOOD "keysURL: https://h/\ncertificateAuthority: ''\n",
      ".certificateAuthority: expected a path, found an empty string", 8, 25 },

    { "lookups of all", GOOD "lookup: {pods: true, nodes: true, secrets: all}\n", NULL, 0, 0 },
    { "lookups of ServiceAccounts only",
      GOOD "lookup: {pods: false, nodes: false, secrets: none}\n", NULL, 0, 0 },
    { "lookups by default", GOOD "lookup: {}\n", NULL, 0, 0 },
    { "lookups that are true", GOOD "lookup: true\n",
      ".lookup: expected an object with pods, nodes and secrets, or false, found a boolean", 7,
      11 },
    { "lookups that are null", GOOD "lookup:\n", ".lookup: expected an object with", 1, 3 },
    { "a lookup that nobody knows", GOOD "lookup: {pod: true}\n",
      ".lookup: unknown member pod; did you mean pods?", 7, 17 },
    { "a lookup of Pods that is a text", GOOD "lookup: {pods: 'true'}\n",
      ".lookup.pods: expected true or false", 7, 18 },
    { "a lookup of Nodes that is null", GOOD "lookup: {nodes: }\n",
      ".lookup.nodes: expected true or false, found nothing", 7, 11 },
    { "a lookup of other Secrets", GOOD "lookup: {secrets: some}\n",
      ".lookup.secrets: expected one of none, tokens, all", 7, 21 },
    { "a lookup of Secrets that is a switch", GOOD "lookup: {secrets: false}\n",
      ".lookup.secrets: expected one of none, tokens, all, found a boolean", 7, 21 },
    { "lookups without an API server", NAME ISSUER USER GROUP AUDIENCE "keyFiles: [k]\n",
      ": expected kubeconfig, of the API server where references", 1, 3 },
    { "no lookups", NAME ISSUER USER GROUP AUDIENCE "keyFiles: [k]\nlookup: false\n", NULL, 0, 0 },
    { "no lookups, and an API server for keys", GOOD "lookup: false\n", NULL, 0, 0 },
    { "no lookups, and an API server for nothing", GOOD "keyFiles: [k]\nlookup: false\n",
      ".kubeconfig: has no use with lookup: false", 3, 15 },

    { "legacy tokens", GOOD "legacy: true\n", NULL, 0, 0 },
    { "legacy tokens with all Secrets", GOOD "legacy: true\nlookup: {secrets: all}\n", NULL, 0, 0 },
    { "no legacy tokens without Secrets", GOOD "legacy: false\nlookup: {secrets: none}\n", NULL, 0,
      0 },
    { "legacy tokens without Secrets", GOOD "legacy: true\nlookup: {secrets: none}\n",
      ".legacy: legacy tokens have no end and must be looked up", 7, 11 },
    { "legacy tokens without lookups", GOOD "legacy: true\nlookup: false\n",
      ".legacy: legacy tokens have no end and must be looked up", 7, 11 },
    { "legacy tokens that are a text", GOOD "legacy: yes please\n",
      ".legacy: expected true or false", 7, 11 },

    { "no prefix of users", NAME ISSUER KUBE GROUP AUDIENCE,
      ".usernamePrefix: expected a prefix; \"\" for none, found nothing", 1, 3 },
    { "no prefix of groups", NAME ISSUER KUBE USER AUDIENCE,
      ".groupPrefix: expected a prefix; \"\" for none, found nothing", 1, 3 },
    { "a prefix of users that is null", NAME ISSUER KUBE "usernamePrefix:\n" GROUP AUDIENCE,
      ".usernamePrefix: expected a prefix", 1, 3 },
    { "a prefix of users that could be another's",
      NAME ISSUER KUBE "usernamePrefix: 'system:b:'\n" GROUP AUDIENCE,
      ".usernamePrefix: expected a prefix that does not begin with system:", 4, 19 },
    { "a prefix of groups that could be another's",
      NAME ISSUER KUBE USER "groupPrefix: 'system:'\n" AUDIENCE,
      ".groupPrefix: expected a prefix that does not begin with system:", 5, 16 },
    { "a prefix that almost begins so",
      NAME ISSUER KUBE "usernamePrefix: 'systems:'\n" GROUP AUDIENCE, NULL, 0, 0 },
    { "no prefixes", NAME ISSUER KUBE "usernamePrefix: ''\ngroupPrefix: ''\n" AUDIENCE, NULL, 0,
      0 },
    { "a prefix of users alone", NAME ISSUER KUBE USER "groupPrefix: ''\n" AUDIENCE,
      ".groupPrefix: expected a prefix, or none with both", 5, 16 },
    { "a prefix of groups alone", NAME ISSUER KUBE "usernamePrefix: ''\n" GROUP AUDIENCE,
      ".usernamePrefix: expected a prefix, or none with both", 4, 19 },
    { "a prefix of 128 bytes",
      NAME ISSUER KUBE
      "usernamePrefix: "
      "a234567890123456789012345678901234567890123456789012345678901234"
      "a23456789012345678901234567890123456789012345678901234567890123x\n" GROUP AUDIENCE,
      NULL, 0, 0 },
    { "a prefix of 129 bytes",
      NAME ISSUER KUBE
      "usernamePrefix: "
      "a234567890123456789012345678901234567890123456789012345678901234"
      "a234567890123456789012345678901234567890123456789012345678901234x\n" GROUP AUDIENCE,
      ".usernamePrefix: expected a prefix of at most 128 bytes", 4, 19 },

    { "no audiences", NAME ISSUER KUBE USER GROUP,
      ".audiences: expected a list of audiences, found nothing", 1, 3 },
    { "audiences that are none", NAME ISSUER KUBE USER GROUP "audiences: []\n",
      ".audiences: expected a list of audiences: from 1 to 64", 6, 14 },
    { "audiences that are a text", NAME ISSUER KUBE USER GROUP "audiences: a\n",
      ".audiences: expected a list of audiences, found a string", 6, 14 },
    { "an audience that is empty", NAME ISSUER KUBE USER GROUP "audiences: [a, '']\n",
      ".audiences: expected a list of audiences, found an empty string", 6, 18 },
};

/* Is it said of the entry at @index, in the words of @want, at its line and column? */
static void assert_complaint(const struct parsing *parsing, size_t index, const char *want)
{
    struct buf text = { 0 };
    buf_printf(&text, "serviceAccountIssuers[%zu]%s", index, want);
    buf_append_char(&text, '\0');
    assert_int_not_equal(parsing->status, ST_OK);
    assert_int_equal(parsing->problem.status, parsing->status);
    print_message("# - %s\n", parsing->problem.text);
    assert_ptr_equal(strstr(parsing->problem.text, text.at), parsing->problem.text);
    assert_null(strstr(parsing->problem.text, "0123456789abcdef"));
    assert_null(parsing->issuers);
    buf_fini(&text);
}

static void test_service_account_issuers_parse_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        print_message("# %s\n", rows[i].name);
        const struct parsing parsing = parse_entries(rows[i].members, NULL);
        if (rows[i].want) {
            assert_complaint(&parsing, 0, rows[i].want);
            assert_int_equal(parsing.problem.line, rows[i].line);
            assert_int_equal(parsing.problem.column, rows[i].column);
        } else {
            assert_string_equal(parsing.problem.text, "");
            assert_int_equal(parsing.status, ST_OK);
            assert_int_equal(parsing.issuers->count, 1);
        }
        (void)service_account_issuers_free(parsing.issuers);
    }
}

#define OTHER(issuer, user, group) \
    "name: c\nissuer: " issuer "\nusernamePrefix: " user "\ngroupPrefix: " group "\n" AUDIENCE
#define OF_FILE "name: b\n" ISSUER USER GROUP AUDIENCE "lookup: false\n"

static const struct {
    const char *name;
    const char *first;
    const char *second;
    const char *want; /* as above, of the second; NULL: accepted */
    unsigned line;
    unsigned column;
} pairs[] = {
    { "two of one issuer", GOOD, OTHER("https://b", "'c:'", "'c:'") "kubeconfig: kd\n", NULL, 0,
      0 },
    { "two of one name", GOOD,
      "name: b\nissuer: i\nkubeconfig: kd\nusernamePrefix: 'c:'\ngroupPrefix: 'c:'\n" AUDIENCE,
      ".name: expected another name than that of serviceAccountIssuers[0]", 7, 9 },
    { "users with one prefix", GOOD, OTHER("i", "'b:'", "'c:'") KUBE,
      ".usernamePrefix: expected a prefix that neither begins nor continues that of "
      "serviceAccountIssuers[0]",
      9, 19 },
    { "users with a longer prefix", GOOD, OTHER("i", "'b:c:'", "'c:'") KUBE,
      ".usernamePrefix: expected a prefix that neither", 9, 19 },
    { "users with a shorter prefix", GOOD, OTHER("i", "b", "'c:'") KUBE,
      ".usernamePrefix: expected a prefix that neither", 9, 19 },
    { "users whose prefixes only begin alike", GOOD, OTHER("i", "'b/'", "'c:'") KUBE, NULL, 0, 0 },
    { "groups with one prefix", GOOD, OTHER("i", "'c:'", "'b:'") KUBE,
      ".groupPrefix: expected a prefix that neither", 10, 16 },
    { "groups with a longer prefix", GOOD, OTHER("i", "'c:'", "'b:b:'") KUBE,
      ".groupPrefix: expected a prefix that neither", 10, 16 },
    { "groups whose prefixes only begin alike", GOOD, OTHER("i", "'c:'", "'b'''") KUBE, NULL, 0,
      0 },
    { "one without prefixes", GOOD, OTHER("i", "''", "''") KUBE, NULL, 0, 0 },
    { "two without prefixes", NAME ISSUER KUBE "usernamePrefix: ''\ngroupPrefix: ''\n" AUDIENCE,
      OTHER("i", "''", "''") KUBE,
      ".usernamePrefix: expected a prefix: one entry may be without, and that is "
      "serviceAccountIssuers[0]",
      9, 19 },

    { "one key file of one issuer", OF_FILE "keyFiles: [k, l]\n",
      OTHER("https://b", "'c:'", "'c:'") "lookup: false\nkeyFiles: [m, l]\n",
      ".keyFiles: expected keys of its own: the issuer has the same ones in "
      "serviceAccountIssuers[0]",
      14, 13 },
    { "two key files of one issuer", OF_FILE "keyFiles: [k, l]\n",
      OTHER("https://b", "'c:'", "'c:'") "lookup: false\nkeyFiles: [m]\n", NULL, 0, 0 },
    { "one key file of two issuers", OF_FILE "keyFiles: [k]\n",
      OTHER("https://c", "'c:'", "'c:'") "lookup: false\nkeyFiles: [k]\n", NULL, 0, 0 },
    { "one keys' URL of one issuer", OF_FILE "keysURL: https://h/\n",
      OTHER("https://b", "'c:'", "'c:'") "lookup: false\nkeysURL: https://h/\n",
      ".keysURL: expected keys of its own", 14, 12 },
    { "two keys' URLs of one issuer", OF_FILE "keysURL: https://h/\n",
      OTHER("https://b", "'c:'", "'c:'") "lookup: false\nkeysURL: https://h/2\n", NULL, 0, 0 },
    { "discovery of one issuer", OF_FILE "discovery: true\n",
      OTHER("https://b", "'c:'", "'c:'") "lookup: false\ndiscovery: true\n",
      ".discovery: expected keys of its own", 14, 14 },
    { "discovery of two issuers", OF_FILE "discovery: true\n",
      OTHER("https://c", "'c:'", "'c:'") "lookup: false\ndiscovery: true\n", NULL, 0, 0 },
    { "discovery and files of one issuer", OF_FILE "discovery: true\n",
      OTHER("https://b", "'c:'", "'c:'") "lookup: false\nkeyFiles: [k]\n", NULL, 0, 0 },
    { "one API server of one issuer", GOOD, OTHER("https://b", "'c:'", "'c:'") KUBE,
      ".kubeconfig: expected keys of its own", 12, 15 },
    { "one API server of two issuers", GOOD, OTHER("https://c", "'c:'", "'c:'") KUBE, NULL, 0, 0 },
};

static void test_service_account_issuers_parse_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(pairs); i++) {
        print_message("# %s\n", pairs[i].name);
        const struct parsing parsing = parse_entries(pairs[i].first, pairs[i].second);
        if (pairs[i].want) {
            assert_complaint(&parsing, 1, pairs[i].want);
            assert_int_equal(parsing.problem.line, pairs[i].line);
            assert_int_equal(parsing.problem.column, pairs[i].column);
        } else {
            assert_string_equal(parsing.problem.text, "");
            assert_int_equal(parsing.status, ST_OK);
            assert_int_equal(parsing.issuers->count, 2);
        }
        (void)service_account_issuers_free(parsing.issuers);
    }
}

static void assert_refused(const char *text, const char *want)
{
    const struct parsing parsing = parse(span_of(text));
    assert_int_not_equal(parsing.status, ST_OK);
    assert_ptr_equal(strstr(parsing.problem.text, want), parsing.problem.text);
    assert_true(parsing.problem.line == 1 && parsing.problem.column > 0);
    assert_null(parsing.issuers);
}

static void test_service_account_issuers_parse_what_is_no_list_of_objects(void **state)
{
    (void)state;
    assert_refused("a: b\n", "serviceAccountIssuers: expected a list of objects");
    assert_refused("text\n", "serviceAccountIssuers: expected a list of objects");
    assert_refused("[a]\n", "serviceAccountIssuers[0]: expected an object with name, issuer");
    assert_refused("[null]\n", "serviceAccountIssuers[0]: expected an object, found nothing");
    assert_refused("[[]]\n", "serviceAccountIssuers[0]: expected an object with name, issuer");
}

static void test_service_account_issuers_parse_of_an_empty_list_is_nothing(void **state)
{
    (void)state;
    const struct parsing parsing = parse(SPAN_LITERAL("[]\n"));
    assert_int_equal(parsing.status, ST_OK);
    assert_null(parsing.issuers);
}

static struct parsing parse_many(size_t count)
{
    struct buf text = { 0 };
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text,
                   "- {name: n%zu, issuer: i, kubeconfig: k%zu, usernamePrefix: 'u%zu:', "
                   "groupPrefix: 'g%zu:', audiences: [a]}\n",
                   i, i, i, i);
    }
    const struct parsing parsing = parse(buf_span(&text));
    buf_fini(&text);
    return parsing;
}

static void test_service_account_issuers_parse_has_a_limit(void **state)
{
    (void)state;
    struct parsing parsing = parse_many(SERVICE_ACCOUNT_OTHERS_MAX);
    assert_int_equal(parsing.status, ST_OK);
    assert_int_equal(parsing.issuers->count, SERVICE_ACCOUNT_OTHERS_MAX);
    (void)service_account_issuers_free(parsing.issuers);
    parsing = parse_many(SERVICE_ACCOUNT_OTHERS_MAX + 1);
    assert_int_equal(parsing.status, ST_LIMIT);
    assert_string_equal(parsing.problem.text, "serviceAccountIssuers: expected at most 16 entries");
}

static void test_service_account_issuers_parse_values_arrive(void **state)
{
    (void)state;
    static const char first[] = "name: b\nissuer: https://b\nkeyFiles: [k, l]\nkubeconfig: kc\n"
                                "lookup: {pods: false, secrets: all}\nlegacy: true\n"
                                "usernamePrefix: 'u:'\ngroupPrefix: 'g:'\naudiences: [a, 'b,c']\n";
    static const char second[] = "name: c\nissuer: https://c\ndiscovery: true\n"
                                 "certificateAuthority: ca\nlookup: false\n"
                                 "usernamePrefix: ''\ngroupPrefix: ''\naudiences: [d]\n";
    struct parsing parsing = parse_entries(first, second);
    assert_int_equal(parsing.status, ST_OK);
    const struct service_account_source *source = &parsing.issuers->items[0].source;
    assert_string_equal(source->name.at, "b");
    assert_false(source->is_this_cluster);
    assert_int_equal(source->issuer_count, 1);
    assert_string_equal(source->issuers[0].at, "https://b");
    assert_int_equal(source->keys, SERVICE_ACCOUNT_KEYS_FILES);
    assert_int_equal(source->key_file_count, 2);
    assert_string_equal(source->key_files[1], "l");
    assert_string_equal(source->kubeconfig, "kc");
    assert_true(source->lookup.is_on);
    assert_false(source->lookup.follows_pods);
    assert_true(source->lookup.follows_nodes);
    assert_int_equal(source->lookup.secrets, SERVICE_ACCOUNT_SECRETS_ALL);
    assert_int_equal(source->legacy, SERVICE_ACCOUNT_LEGACY_LOOKED_UP);
    assert_string_equal(source->username_prefix.at, "u:");
    assert_string_equal(source->group_prefix.at, "g:");
    assert_int_equal(source->audience_count, 2);
    assert_string_equal(source->audiences[1].at, "b,c");

    source = &parsing.issuers->items[1].source;
    assert_int_equal(source->keys, SERVICE_ACCOUNT_KEYS_DISCOVERY);
    assert_string_equal(source->certificate_authority, "ca");
    assert_null(source->kubeconfig);
    assert_false(source->lookup.is_on);
    assert_false(source->lookup.follows_pods);
    assert_false(source->lookup.follows_nodes);
    assert_int_equal(source->lookup.secrets, SERVICE_ACCOUNT_SECRETS_NONE);
    assert_int_equal(source->legacy, SERVICE_ACCOUNT_LEGACY_REFUSED);
    assert_int_equal(source->username_prefix.len, 0);
    assert_int_equal(parsing.issuers->items[1].place.line, 10);
    assert_int_equal(parsing.issuers->items[1].place.column, 3);
    (void)service_account_issuers_free(parsing.issuers);
}

static void test_service_account_issuers_parse_defaults(void **state)
{
    (void)state;
    struct parsing parsing =
        parse_entries(GOOD, OTHER("i", "'c:'", "'c:'") "lookup: false\nkeysURL: https://h/\n");
    assert_int_equal(parsing.status, ST_OK);
    const struct service_account_source *source = &parsing.issuers->items[0].source;
    assert_int_equal(source->keys, SERVICE_ACCOUNT_KEYS_API_SERVER);
    assert_true(source->lookup.is_on && source->lookup.follows_pods);
    assert_true(source->lookup.follows_nodes);
    assert_int_equal(source->lookup.secrets, SERVICE_ACCOUNT_SECRETS_TOKENS);
    assert_int_equal(source->legacy, SERVICE_ACCOUNT_LEGACY_REFUSED);
    source = &parsing.issuers->items[1].source;
    assert_int_equal(source->keys, SERVICE_ACCOUNT_KEYS_URL);
    assert_string_equal(source->keys_url, "https://h/");
    assert_null(source->certificate_authority);
    (void)service_account_issuers_free(parsing.issuers);
}

/* Whatever allocation fails: no memory, and nothing half done handed out. */
static void test_service_account_issuers_parse_survives_every_allocation_failure(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    size_t nth = 1;
    bool reached;
    do {
        struct parsing parsing = { 0 };
        alloc_fail_arm(nth++);
        parsing = parse(SPAN_LITERAL("- {name: b, issuer: 'https://b', discovery: true, "
                                     "usernamePrefix: 'b:', groupPrefix: 'b:', audiences: [a], "
                                     "lookup: false}\n"));
        reached = alloc_fail_disarm();
        assert_int_equal(parsing.status, reached ? ST_NOMEM : ST_OK);
        assert_int_equal(parsing.issuers != NULL, !reached);
        (void)service_account_issuers_free(parsing.issuers);
    } while (reached);
    assert_true(nth > 20); /* or it showed nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_account_issuers_parse_rows),
        cmocka_unit_test(test_service_account_issuers_parse_pairs),
        cmocka_unit_test(test_service_account_issuers_parse_what_is_no_list_of_objects),
        cmocka_unit_test(test_service_account_issuers_parse_of_an_empty_list_is_nothing),
        cmocka_unit_test(test_service_account_issuers_parse_has_a_limit),
        cmocka_unit_test(test_service_account_issuers_parse_values_arrive),
        cmocka_unit_test(test_service_account_issuers_parse_defaults),
        cmocka_unit_test(test_service_account_issuers_parse_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
