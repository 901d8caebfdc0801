/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: openid_configuration_parse(), http_url_check(), http_url_resolve(),
 * http_freshness_add().
 *
 * The input is a document, and also a Location and a Cache-Control. Properties: a refusal says why;
 * what is accepted is https:// in visible ASCII and stands in the text; a document is one of one
 * issuer only; where a redirect leads may be fetched.
 */
#include "base/span.h"
#include "fuzz.h"
#include "io/http/freshness.h"
#include "io/http/url.h"
#include "keys/openid_configuration.h"

static const struct span issuer = { .at = "https://idp.test/a", .len = 18 };
static const struct span other_issuer = { .at = "https://idp.test/a/", .len = 19 };

static void require_url(struct span url)
{
    struct problem problem = { 0 };
    FUZZ_REQUIRE(http_url_check(url, "x", &problem) == ST_OK);
    FUZZ_REQUIRE(url.len > strlen("https://") && url.len <= HTTP_URL_MAX);
    FUZZ_REQUIRE(strncasecmp(url.at, "https://", strlen("https://")) == 0);
    for (size_t i = 0; i < url.len; i++) {
        FUZZ_REQUIRE(url.at[i] > ' ' && url.at[i] <= '~' && url.at[i] != '#');
    }
}

static enum status parse(const uint8_t *data, size_t size, struct span expected)
{
    char *const text = fuzz_copy(data, size);
    struct problem problem = { 0 };
    struct span uri = { 0 };
    const enum status status = openid_configuration_parse(text, size, expected, &uri, &problem);
    if (status == ST_OK) {
        FUZZ_REQUIRE(uri.at >= text && uri.at + uri.len <= text + size);
        require_url(uri);
    } else {
        FUZZ_REQUIRE(problem.status == status && problem.text[0] && !uri.at);
    }
    free(text);
    return status;
}

static void resolve(struct span location)
{
    struct problem problem = { 0 };
    char *url = NULL;
    const enum status status = http_url_resolve("https://idp.test/a/b", location, &url, &problem);
    if (status == ST_OK) {
        require_url(span_of(url));
    } else {
        FUZZ_REQUIRE(problem.status == status && problem.text[0] && !url);
    }
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (parse(data, size, issuer) == ST_OK) {
        FUZZ_REQUIRE(parse(data, size, other_issuer) == ST_INVALID);
    }
    char *const text = fuzz_copy(data, size);
    const struct span value = { .at = text, .len = size };
    struct http_freshness freshness = { 0 };
    http_freshness_add(&freshness, value);
    http_freshness_add_age(&freshness, value);
    const int64_t left_sec = http_freshness_left_sec(&freshness);
    FUZZ_REQUIRE(left_sec >= -1 && left_sec <= HTTP_FRESH_MAX_SEC);
    resolve(value);
    free(text);
    return 0;
}
