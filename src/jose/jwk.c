/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One key of a set that a server sent.
 *
 * Untrusted: every byte; but whoever may send a set may send any key, so what counts here is that
 * one bad key costs no other: whatever is wrong with it is noted, and the scan goes on behind it.
 *
 * Threads: none.
 */
#include "jose/jwk.h"

#include <string.h>

#include "base/base64url.h"
#include "jose/member_names.h"

enum jwk_text {
    JWK_KTY = 0,
    JWK_USE,
    JWK_ALG,
    JWK_KID,
    JWK_CRV,
    JWK_N,
    JWK_E,
    JWK_X,
    JWK_Y,
    JWK_TEXTS_
};

static const struct span text_names[JWK_TEXTS_] = {
    [JWK_KTY] = { "kty", 3 }, [JWK_USE] = { "use", 3 }, [JWK_ALG] = { "alg", 3 },
    [JWK_KID] = { "kid", 3 }, [JWK_CRV] = { "crv", 3 }, [JWK_N] = { "n", 1 },
    [JWK_E] = { "e", 1 },     [JWK_X] = { "x", 1 },     [JWK_Y] = { "y", 1 },
};

/* RFC 7518 sections 6.2.2, 6.3.2, 6.4: of the others there is one of these in any case. */
static const struct span secret_names[] = { { "d", 1 }, { "p", 1 }, { "q", 1 }, { "k", 1 } };

struct jwk {
    struct span texts[JWK_TEXTS_]; /* borrow the scan's text; at NULL: absent */
    bool has_operations;
    bool is_for_verification; /* one of the operations is */
    enum status status;       /* the first thing that is wrong with it */
    const char *expected;     /* with it */
};

static void complain(struct jwk *jwk, enum status status, const char *expected)
{
    if (jwk->status == ST_OK) {
        jwk->status = status;
        jwk->expected = expected;
    }
}

static void read_text(struct json_scan *scan, struct jwk *jwk, enum jwk_text which)
{
    if (json_scan_peek(scan) == JSON_STRING) {
        (void)json_scan_string(scan, &jwk->texts[which]);
    } else if (!json_scan_null(scan)) {
        complain(jwk, ST_TYPE, "texts for kty, use, alg, kid, crv, n, e, x and y");
        (void)json_scan_skip(scan);
    }
}

static void read_operations(struct json_scan *scan, struct jwk *jwk)
{
    if (json_scan_null(scan)) {
        return;
    }
    jwk->has_operations = true;
    if (json_scan_peek(scan) != JSON_ARRAY || !json_scan_array(scan)) {
        complain(jwk, ST_TYPE, "a list of texts for key_ops");
        (void)json_scan_skip(scan);
        return;
    }
    while (json_scan_element(scan)) {
        struct span operation = { 0 };
        if (json_scan_peek(scan) != JSON_STRING) {
            complain(jwk, ST_TYPE, "a list of texts for key_ops");
            (void)json_scan_skip(scan);
        } else if (json_scan_string(scan, &operation) &&
                   span_equal(operation, SPAN_LITERAL("verify"))) {
            jwk->is_for_verification = true;
        }
    }
}

static bool is_one_of(struct span name, const struct span *names, size_t count, size_t *ret_which)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(name, names[i])) {
            *ret_which = i;
            return true;
        }
    }
    return false;
}

static void read_member(struct json_scan *scan, struct jwk *jwk, struct span name)
{
    size_t which;
    if (is_one_of(name, text_names, JWK_TEXTS_, &which)) {
        read_text(scan, jwk, (enum jwk_text)which);
        return;
    }
    if (span_equal(name, SPAN_LITERAL("key_ops"))) {
        read_operations(scan, jwk);
        return;
    }
    if (is_one_of(name, secret_names, COUNTOF(secret_names), &which)) {
        complain(jwk, ST_INVALID, "a public key, not a private or symmetric one");
    }
    (void)json_scan_skip(scan);
}

static void read_object(struct json_scan *scan, struct jwk *jwk)
{
    struct member_names names = { .count = 0 };
    struct span name = { 0 };
    while (json_scan_member(scan, &name)) {
        const enum status status = member_names_add(&names, name);
        if (status != ST_OK) {
            complain(jwk, status,
                     status == ST_DUPLICATE ? "each member once" : "no more than 32 members");
        }
        read_member(scan, jwk, name);
    }
}

/* RFC 7517 sections 4.2 and 4.3. */
static bool is_for_signatures(const struct jwk *jwk)
{
    const struct span use = jwk->texts[JWK_USE];
    return (!use.at || span_equal(use, SPAN_LITERAL("sig"))) &&
           (!jwk->has_operations || jwk->is_for_verification);
}

/* In place. Absent ones stay empty. */
static void decode(struct jwk *jwk, enum jwk_text which)
{
    struct span *const text = &jwk->texts[which];
    size_t len = 0;
    if (text->at && base64url_decode(*text, (char *)(uintptr_t)text->at, &len) != ST_OK) {
        complain(jwk, ST_INVALID, "base64url without padding for n, e, x and y");
    }
    text->len = len;
}

static void find_kind(struct jwk *jwk, struct jose_key_parts *parts)
{
    if (span_equal(jwk->texts[JWK_KTY], SPAN_LITERAL("RSA"))) {
        parts->kind = JWS_KEY_RSA;
    } else if (span_equal(jwk->texts[JWK_KTY], SPAN_LITERAL("EC"))) {
        parts->kind = jws_key_kind_from_curve(jwk->texts[JWK_CRV]);
    }
    if (parts->kind == JWS_KEY_NONE) {
        complain(jwk, ST_UNSUPPORTED, "a key of RSA, P-256, P-384 or P-521");
    }
}

static void find_algorithm(struct jwk *jwk, struct jose_key_parts *parts)
{
    const struct span alg = jwk->texts[JWK_ALG];
    parts->pinned = jws_algorithm_from_name(alg);
    if (alg.at && parts->pinned == JWS_ALGORITHM_NONE) {
        complain(jwk, ST_UNSUPPORTED,
                 "one of RS256 to RS512, PS256 to PS512, ES256 to ES512 as alg");
    }
}

static enum status make(struct jwk *jwk, struct jose_key **ret_key, const char **reterr_expected)
{
    struct jose_key_parts parts = { .id = jwk->texts[JWK_KID] };
    find_kind(jwk, &parts);
    find_algorithm(jwk, &parts);
    for (enum jwk_text which = JWK_N; which < JWK_TEXTS_; which++) {
        decode(jwk, which);
    }
    if (jwk->status != ST_OK) {
        *reterr_expected = jwk->expected;
        return jwk->status;
    }
    parts.n = jwk->texts[JWK_N];
    parts.e = jwk->texts[JWK_E];
    parts.x = jwk->texts[JWK_X];
    parts.y = jwk->texts[JWK_Y];
    return jose_key_new(&parts, ret_key, reterr_expected);
}

enum status jwk_read(struct json_scan *scan,
                     struct jose_key **ret_key,
                     const char **reterr_expected)
{
    struct jwk jwk = { .status = ST_OK };
    if (json_scan_peek(scan) == JSON_OBJECT && json_scan_object(scan)) {
        read_object(scan, &jwk);
    } else {
        complain(&jwk, ST_TYPE, "an object");
        (void)json_scan_skip(scan);
    }
    if (scan->status != ST_OK) {
        *reterr_expected = scan->expected;
        return scan->status;
    }
    if (!is_for_signatures(&jwk)) {
        return ST_NOT_FOUND;
    }
    return make(&jwk, ret_key, reterr_expected);
}
