/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An issuer's discovery document.
 *
 * It is fetched from the issuer's own URL, or from another one that the operator has given. Either
 * way it must name the issuer exactly as the operator and the tokens do: otherwise whoever serves
 * one path of a host could speak for another issuer there (section 4.3). Two that differ in a slash
 * are two.
 *
 * Untrusted: every byte. Threads: any.
 */
#include "keys/openid_configuration.h"

#include <stdbool.h>

#include "document/json_scan.h"
#include "io/http/url.h"

struct members {
    struct span issuer; /* at is NULL: absent */
    struct span jwks_uri;
};

static bool read_once(struct json_scan *scan, struct span *text)
{
    if (text->at) {
        return json_scan_fail(scan, ST_DUPLICATE, "each member once");
    }
    return json_scan_string(scan, text);
}

static enum status read_members(struct json_scan *scan, struct members *members)
{
    struct span key;
    if (json_scan_object(scan)) {
        while (json_scan_member(scan, &key)) {
            if (span_equal(key, SPAN_LITERAL("issuer"))) {
                (void)read_once(scan, &members->issuer);
            } else if (span_equal(key, SPAN_LITERAL("jwks_uri"))) {
                (void)read_once(scan, &members->jwks_uri);
            } else {
                (void)json_scan_skip(scan);
            }
        }
    }
    return json_scan_end(scan);
}

static enum status check_issuer(struct span found,
                                struct span issuer,
                                struct problem *reterr_problem)
{
    size_t same = 0;
    if (!found.at) {
        problem_set(reterr_problem, ST_INVALID, 0, 0, "issuer: expected a string, found nothing");
        return ST_INVALID;
    }
    if (span_equal(found, issuer)) {
        return ST_OK;
    }
    while (same < found.len && same < issuer.len && found.at[same] == issuer.at[same]) {
        same++;
    }
    problem_set(reterr_problem, ST_INVALID, 0, 0,
                "issuer: expected the one that is configured, byte for byte, of %zu bytes; found "
                "one of %zu that differs behind the first %zu",
                issuer.len, found.len, same);
    return ST_INVALID;
}

enum status openid_configuration_parse(char *text,
                                       size_t len,
                                       struct span issuer,
                                       struct span *ret_jwks_uri,
                                       struct problem *reterr_problem)
{
    struct json_scan scan;
    struct members members = { 0 };
    json_scan_begin(&scan, text, len);
    enum status status = read_members(&scan, &members);
    if (status != ST_OK) {
        json_scan_problem(&scan, reterr_problem);
        return status;
    }
    status = check_issuer(members.issuer, issuer, reterr_problem);
    if (status == ST_OK && !members.jwks_uri.at) {
        problem_set(reterr_problem, ST_INVALID, 0, 0, "jwks_uri: expected a URL, found nothing");
        status = ST_INVALID;
    }
    if (status == ST_OK) {
        status = http_url_check(members.jwks_uri, "jwks_uri", reterr_problem);
    }
    if (status == ST_OK) {
        *ret_jwks_uri = members.jwks_uri;
    }
    return status;
}
