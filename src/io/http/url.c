/* SPDX-License-Identifier: Apache-2.0 */
/* URLs that somebody else may have written: a server that redirects, an issuer's discovery
 * document. libcurl takes them apart, as it will again when they are asked. Untrusted: every byte.
 * Threads: any. */
#include "io/http/url.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

static void free_curl_text(char **text)
{
    curl_free(*text);
}

static void free_curl_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

static enum status check_bytes(struct span text, const char *what, struct problem *reterr_problem)
{
    if (text.len > HTTP_URL_MAX) {
        problem_set(reterr_problem, ST_LIMIT, 0, 0, "%s: expected at most %d bytes", what,
                    HTTP_URL_MAX);
        return ST_LIMIT;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= ' ' || text.at[i] > '~') {
            problem_set(reterr_problem, ST_INVALID, 0, 0, "%s: expected visible ASCII characters",
                        what);
            return ST_INVALID;
        }
    }
    return ST_OK;
}

/* Where libcurl had no memory it may call the text a bad one. Then it is a good one when asked
 * again. */
static CURLUcode set_text(CURLU *url, const char *text)
{
    const CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
    if (code == CURLUE_OK || code == CURLUE_OUT_OF_MEMORY) {
        return code;
    }
    return curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER) == CURLUE_OK
               ? CURLUE_OUT_OF_MEMORY
               : code;
}

/* Once more to a @url that holds one: relative to that. */
static enum status set_url(CURLU *url,
                           struct span text,
                           const char *what,
                           struct problem *reterr_problem)
{
    const enum status status = check_bytes(text, what, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    char *copy = span_copy(text);
    const CURLUcode code = copy ? set_text(url, copy) : CURLUE_OUT_OF_MEMORY;
    free(copy);
    if (code == CURLUE_OK || code == CURLUE_OUT_OF_MEMORY) {
        return code == CURLUE_OK ? ST_OK : ST_NOMEM;
    }
    problem_set(reterr_problem, ST_INVALID, 0, 0,
                "%s: expected https:// and a host, without a user", what);
    return ST_INVALID;
}

static enum status check_https(CURLU *url, const char *what, struct problem *reterr_problem)
{
    CLEANUP(free_curl_text) char *scheme = NULL;
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
        return ST_NOMEM;
    }
    if (strcmp(scheme, "https") == 0) {
        return ST_OK;
    }
    problem_set(reterr_problem, ST_INVALID, 0, 0, "%s: expected https://, found %s", what,
                strcmp(scheme, "http") == 0 ? "http://" : "another scheme");
    return ST_INVALID;
}

/* libcurl takes one slash, or three, for two. Others would read another host. */
static bool is_written_out(struct span url)
{
    static const char scheme[] = "https://";
    const size_t len = sizeof(scheme) - 1;
    return url.len > len && strncasecmp(url.at, scheme, len) == 0 && url.at[len] != '/';
}

enum status http_url_check(struct span url, const char *what, struct problem *reterr_problem)
{
    CLEANUP(free_curl_url) CURLU *parts = curl_url();
    if (!parts) {
        return ST_NOMEM;
    }
    if (url.len && memchr(url.at, '#', url.len)) {
        problem_set(reterr_problem, ST_INVALID, 0, 0, "%s: expected no fragment", what);
        return ST_INVALID;
    }
    enum status status = set_url(parts, url, what, reterr_problem);
    if (status == ST_OK) {
        status = check_https(parts, what, reterr_problem);
    }
    if (status == ST_OK && !is_written_out(url)) {
        problem_set(reterr_problem, ST_INVALID, 0, 0, "%s: expected https:// and a host", what);
        status = ST_INVALID;
    }
    return status;
}

enum status http_url_resolve(const char *base,
                             struct span location,
                             char **ret_url,
                             struct problem *reterr_problem)
{
    static const char what[] = "the redirect";
    CLEANUP(free_curl_url) CURLU *parts = curl_url();
    CLEANUP(free_curl_text) char *text = NULL;
    if (!parts) {
        return ST_NOMEM;
    }
    enum status status = set_url(parts, span_of(base), what, reterr_problem);
    if (status == ST_OK) {
        status = set_url(parts, location, what, reterr_problem);
    }
    if (status == ST_OK) {
        status = check_https(parts, what, reterr_problem);
    }
    if (status != ST_OK) {
        return status;
    }
    if (curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_URL, &text, 0) != CURLUE_OK) {
        return ST_NOMEM;
    }
    status = check_bytes(span_of(text), what, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    *ret_url = span_copy(span_of(text));
    return *ret_url ? ST_OK : ST_NOMEM;
}
