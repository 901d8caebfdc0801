/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "keys/openid_configuration.h"
#include "support/alloc_fail.h"

#define ISSUER "https://idp.test/realms/a"
#define URI    "\"jwks_uri\":\"https://idp.test/keys\""

static const struct {
    const char *name;
    const char *text;
    enum status want;
    const char *said; /* the URI, or a part of the problem */
} rows[] = {
    { "the least", "{\"issuer\":\"" ISSUER "\"," URI "}", ST_OK, "https://idp.test/keys" },
    { "among others",
      "{\"scopes_supported\":[\"openid\"],\"issuer\":\"" ISSUER "\",\"x\":{\"issuer\":1}," URI
      ",\"token_endpoint\":\"http://x\",\"y\":null}",
      ST_OK, "https://idp.test/keys" },
    { "with escapes",
      "{\"issuer\":\"https:\\/\\/idp.test\\u002frealms/a\","
      "\"jwks_uri\":\"https:\\/\\/idp.test\\/keys?a=1\"}",
      ST_OK, "https://idp.test/keys?a=1" },
    { "keys elsewhere", "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://keys.test:8443/v1\"}",
      ST_OK, "https://keys.test:8443/v1" },
    { "a slash more", "{\"issuer\":\"" ISSUER "/\"," URI "}", ST_INVALID,
      "issuer: expected the one that is configured, byte for byte, of 25 bytes; found one of 26 "
      "that differs behind the first 25" },
    { "a slash less", "{\"issuer\":\"https://idp.test/realms\"," URI "}", ST_INVALID,
      "behind the first 23" },
    { "another case", "{\"issuer\":\"https://IDP.test/realms/a\"," URI "}", ST_INVALID,
      "behind the first 8" },
    { "a NUL behind it", "{\"issuer\":\"" ISSUER "\\u0000\"," URI "}", ST_INVALID,
      "found one of 26" },
    { "no issuer", "{" URI "}", ST_INVALID, "issuer: expected a string, found nothing" },
    { "an issuer of another case", "{\"Issuer\":\"" ISSUER "\"," URI "}", ST_INVALID,
      "issuer: expected a string, found nothing" },
    { "issuer null", "{\"issuer\":null," URI "}", ST_TYPE, "a string" },
    { "issuer a number", "{\"issuer\":1," URI "}", ST_TYPE, "a string" },
    { "two issuers", "{\"issuer\":\"" ISSUER "\",\"issuer\":\"" ISSUER "\"," URI "}", ST_DUPLICATE,
      "each member once" },
    { "two issuers, one empty", "{\"issuer\":\"\",\"issuer\":\"" ISSUER "\"," URI "}", ST_DUPLICATE,
      "each member once" },
    { "two URIs", "{\"issuer\":\"" ISSUER "\"," URI "," URI "}", ST_DUPLICATE, "each member once" },
    { "no URI", "{\"issuer\":\"" ISSUER "\"}", ST_INVALID,
      "jwks_uri: expected a URL, found nothing" },
    { "an empty URI", "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"\"}", ST_INVALID, "jwks_uri: " },
    { "a URI of plain HTTP", "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"http://idp.test/keys\"}",
      ST_INVALID, "jwks_uri: expected https://, found http://" },
    { "a file", "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"file:///etc/passwd\"}", ST_INVALID,
      "jwks_uri: expected https://" },
    { "a relative URI", "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"/keys\"}", ST_INVALID,
      "jwks_uri: expected https://" },
    { "a URI with a password",
      "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://a:b@idp.test/keys\"}", ST_INVALID,
      "without a user" },
    { "a URI with a NUL",
      "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://idp.test/keys\\u0000\"}", ST_INVALID,
      "visible ASCII" },
    { "a URI that is no string", "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":[]}", ST_TYPE,
      "a string" },
    { "nothing", "", ST_SYNTAX, "" },
    { "a page", "<!DOCTYPE html><html></html>", ST_SYNTAX, "" },
    { "a list", "[]", ST_TYPE, "an object" },
    { "half of it", "{\"issuer\":\"" ISSUER "\"," URI, ST_SYNTAX, "" },
    { "something behind it", "{\"issuer\":\"" ISSUER "\"," URI "} x", ST_SYNTAX, "" },
    { "no UTF-8", "{\"issuer\":\"" ISSUER "\"," URI ",\"x\":\"\xff\"}", ST_SYNTAX, "" },
};

static void test_openid_configuration_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        struct span uri = { 0 };
        char *const text = span_copy(span_of(rows[i].text));
        assert_non_null(text);
        const enum status status = openid_configuration_parse(text, strlen(rows[i].text),
                                                              SPAN_LITERAL(ISSUER), &uri, &problem);
        const bool is_said = status == ST_OK ? span_equal(uri, span_of(rows[i].said))
                                             : strstr(problem.text, rows[i].said) != NULL;
        if (status != rows[i].want || !is_said) {
            fail_msg("%s: %s, %s", rows[i].name, status_label(status), problem.text);
        }
        assert_true(status == ST_OK || (problem.text[0] && problem.status == status && !uri.at));
        free(text);
    }
}

static void test_openid_configuration_without_memory(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    size_t nth = 1;
    bool is_reached = true;
    while (is_reached) {
        struct problem problem = { 0 };
        struct span uri = { 0 };
        char text[] = "{\"issuer\":\"" ISSUER "\"," URI "}";
        alloc_fail_arm(nth++);
        const enum status status =
            openid_configuration_parse(text, strlen(text), SPAN_LITERAL(ISSUER), &uri, &problem);
        is_reached = alloc_fail_disarm();
        assert_int_equal(status, is_reached ? ST_NOMEM : ST_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openid_configuration_rows),
        cmocka_unit_test(test_openid_configuration_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
