/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims of ServiceAccount tokens.
 *
 * Untrusted until the signature is known to be good, and then only as far as the issuer's signer
 * is: whoever may ask for tokens chooses audiences. So nesting is bounded by the scanner, and
 * members and audiences by us, which also bounds what looking for duplicates costs.
 *
 * A claim that is read twice, by two readers of which one takes the first and one the last, has let
 * people in elsewhere; so a second one is refused, wherever something is decoded. Nothing here is a
 * floating-point number: dates are read from their digits.
 *
 * Threads: pure functions on the caller's memory.
 */
#include "authn/jwt/service_account_claims.h"

#include "authn/audiences.h"
#include "document/json_scan.h"

/* Of one object: issuers write eight at most. */
#define CLAIM_MEMBERS_MAX 32

/* Go's time wraps 62135596800 seconds (year 1 to 1970) before the end of an int64_t, and then `exp`
 * lies in the past and `nbf` is fine; from a date that far nobody needs to be told apart. */
#define CLAIM_DATE_MAX INT64_C(9000000000000000000)

#define EXPONENT_MAX                                                            \
    100000 /* beyond it a number is 0 or too large, with fewer digits than that \
            */

#define LEGACY_CLAIM(name) SPAN_LITERAL("kubernetes.io/serviceaccount/" name)

/* Members of one object that were met already. */
struct names_met {
    size_t count;
    struct span names[CLAIM_MEMBERS_MAX];
};

struct reading {
    struct json_scan scan;
    struct span *audiences; /* SERVICE_ACCOUNT_AUDIENCES_MAX */
    struct service_account_claims claims;
};

/* json_scan_member(), but each name once. */
static bool next_member(struct json_scan *scan, struct names_met *met, struct span *ret_name)
{
    struct span name;
    if (!json_scan_member(scan, &name)) {
        return false;
    }
    for (size_t i = 0; i < met->count; i++) {
        if (span_equal(met->names[i], name)) {
            return json_scan_fail(scan, ST_DUPLICATE, "each member once");
        }
    }
    if (met->count == CLAIM_MEMBERS_MAX) {
        return json_scan_fail(scan, ST_LIMIT, "fewer members");
    }
    met->names[met->count++] = name;
    *ret_name = name;
    return true;
}

static void read_text(struct json_scan *scan, struct span *text)
{
    if (!json_scan_null(scan)) {
        (void)json_scan_string(scan, text); /* its failure sticks to the scan */
    }
}

/* ------------------------------------------------------------------ dates */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number of RFC 8259 in two: without its `e`, and what stands behind that. */
static struct span cut_exponent(struct span number, int *ret_exponent)
{
    size_t i = 0;
    while (i < number.len && number.at[i] != 'e' && number.at[i] != 'E') {
        i++;
    }
    const struct span rest = { .at = number.at, .len = i };
    const bool is_negative = i + 1 < number.len && number.at[i + 1] == '-';
    int exponent = 0;
    for (; i < number.len; i++) {
        if (is_digit(number.at[i]) && exponent < EXPONENT_MAX) {
            exponent = exponent * 10 + (number.at[i] - '0');
        }
    }
    *ret_exponent = is_negative ? -exponent : exponent;
    return rest;
}

/* The number cut towards 0, as Go converts. (It makes a double of the text first: a date of more
 * than fifteen digits may differ by a second.) false: too large for a date. */
static bool date_from(struct span number, int64_t *ret_sec)
{
    int left = 0; /* digits of the result that are still to come */
    const bool is_negative = number.at[0] == '-';
    const struct span digits = span_after(cut_exponent(number, &left), is_negative);
    for (size_t i = 0; i < digits.len && digits.at[i] != '.'; i++) {
        left++;
    }
    int64_t sec = 0;
    for (size_t i = 0; left > 0 && (i < digits.len || sec != 0); i++) {
        if (i < digits.len && digits.at[i] == '.') {
            continue;
        }
        const int64_t digit = i < digits.len ? digits.at[i] - '0' : 0;
        if (sec > (CLAIM_DATE_MAX - digit) / 10) {
            return false;
        }
        sec = sec * 10 + digit;
        left--;
    }
    *ret_sec = is_negative ? -sec : sec;
    return true;
}

static void read_date(struct json_scan *scan, bool *has_date, int64_t *date)
{
    struct span number = { 0 };
    if (json_scan_null(scan) || !json_scan_number(scan, &number)) {
        return;
    }
    if (date_from(number, date)) {
        *has_date = true;
    } else {
        (void)json_scan_fail(scan, ST_LIMIT, "a date behind which time goes on"); /* always false */
    }
}

/* ------------------------------------------------------------------ members */

static void add_audience(struct reading *reading)
{
    struct span audience = { 0 };
    if (!json_scan_string(&reading->scan, &audience)) {
        return;
    }
    if (reading->claims.audience_count == SERVICE_ACCOUNT_AUDIENCES_MAX) {
        (void)json_scan_fail(&reading->scan, ST_LIMIT, "at most 64 audiences"); /* always false */
        return;
    }
    _Static_assert(SERVICE_ACCOUNT_AUDIENCES_MAX == 64, "as the text says");
    audiences_insert(reading->audiences, reading->claims.audience_count++, audience);
}

/* One, or a list. Unlike elsewhere null is not absent (go-jose's Audience.UnmarshalJSON), neither
 * as a whole nor in the list. */
static void read_audiences(struct reading *reading)
{
    if (json_scan_peek(&reading->scan) == JSON_STRING) {
        add_audience(reading);
    } else if (json_scan_array(&reading->scan)) {
        while (json_scan_element(&reading->scan)) {
            add_audience(reading);
        }
    }
}

static void read_ref(struct json_scan *scan, struct object_ref *ref)
{
    struct names_met met;
    struct span name = { 0 };
    if (json_scan_null(scan) || !json_scan_object(scan)) {
        return;
    }
    ref->is_present = true;
    met.count = 0;
    while (next_member(scan, &met, &name)) {
        if (span_equal(name, SPAN_LITERAL("name"))) {
            read_text(scan, &ref->name);
        } else if (span_equal(name, SPAN_LITERAL("uid"))) {
            read_text(scan, &ref->uid);
        } else {
            (void)json_scan_skip(scan);
        }
    }
}

/* `kubernetes.io` of a bound token. */
static void read_kubernetes(struct json_scan *scan, struct service_account_claims *claims)
{
    struct names_met met;
    struct object_ref account = { 0 };
    struct span name = { 0 };
    if (json_scan_null(scan) || !json_scan_object(scan)) {
        return;
    }
    met.count = 0;
    while (next_member(scan, &met, &name)) {
        if (span_equal(name, SPAN_LITERAL("namespace"))) {
            read_text(scan, &claims->namespace);
        } else if (span_equal(name, SPAN_LITERAL("serviceaccount"))) {
            read_ref(scan, &account);
        } else if (span_equal(name, SPAN_LITERAL("secret"))) {
            read_ref(scan, &claims->secret);
        } else if (span_equal(name, SPAN_LITERAL("pod"))) {
            read_ref(scan, &claims->pod);
        } else if (span_equal(name, SPAN_LITERAL("node"))) {
            read_ref(scan, &claims->node);
        } else if (span_equal(name, SPAN_LITERAL("warnafter"))) {
            bool has_ignored;
            int64_t
                ignored; /* for the audit log of kube-apiserver; it must be a date all the same */
            read_date(scan, &has_ignored, &ignored);
        } else {
            claims->has_other_binding |= json_scan_peek(scan) == JSON_OBJECT;
            (void)json_scan_skip(scan);
        }
    }
    claims->name = account.name;
    claims->uid = account.uid;
}

/* What only a legacy token has. Return: where it belongs; NULL for a member of other tokens. */
static struct span *find_legacy_text(struct service_account_claims *claims, struct span name)
{
    if (span_equal(name, LEGACY_CLAIM("namespace"))) {
        return &claims->namespace;
    }
    if (span_equal(name, LEGACY_CLAIM("secret.name"))) {
        return &claims->secret.name;
    }
    if (span_equal(name, LEGACY_CLAIM("service-account.name"))) {
        return &claims->name;
    }
    return span_equal(name, LEGACY_CLAIM("service-account.uid")) ? &claims->uid : NULL;
}

static struct span *find_text(struct service_account_claims *claims, struct span name)
{
    if (span_equal(name, SPAN_LITERAL("iss"))) {
        return &claims->issuer;
    }
    if (span_equal(name, SPAN_LITERAL("sub"))) {
        return &claims->subject;
    }
    if (span_equal(name, SPAN_LITERAL("jti"))) {
        return &claims->jti;
    }
    return claims->is_legacy ? find_legacy_text(claims, name) : NULL;
}

/* Is it `iss` to a reader that folds case? As Go's does: another case, or U+017F for an s. */
static bool folds_to_iss(struct span name)
{
    static const char letters[] = "iss";
    size_t i = 0;
    size_t at = 0;
    while (at < name.len && letters[i] != '\0') {
        if ((name.at[at] | 0x20) == letters[i]) {
            at++;
        } else if (letters[i] == 's' &&
                   span_starts_with(span_after(name, at), SPAN_LITERAL("\xc5\xbf"))) {
            at += 2;
        } else {
            return false;
        }
        i++;
    }
    return letters[i] == '\0' && at == name.len;
}

static void read_member(struct reading *reading, struct span name)
{
    struct service_account_claims *claims = &reading->claims;
    struct json_scan *scan = &reading->scan;
    struct span *text = find_text(claims, name);
    if (text) {
        read_text(scan, text);
    } else if (span_equal(name, SPAN_LITERAL("aud"))) {
        read_audiences(reading);
    } else if (span_equal(name, SPAN_LITERAL("exp"))) {
        read_date(scan, &claims->has_exp, &claims->exp);
    } else if (span_equal(name, SPAN_LITERAL("nbf"))) {
        read_date(scan, &claims->has_nbf, &claims->nbf);
    } else if (span_equal(name, SPAN_LITERAL("iat"))) {
        read_date(scan, &claims->has_iat, &claims->iat);
    } else if (!claims->is_legacy && span_equal(name, SPAN_LITERAL("kubernetes.io"))) {
        read_kubernetes(scan, claims);
    } else if (folds_to_iss(name)) {
        /* kube-apiserver looks for the issuer with such a reader, to which the last one counts. */
        (void)json_scan_fail(scan, ST_DUPLICATE,
                             "no second iss in other letters"); /* always false */
    } else {
        (void)json_scan_skip(scan);
    }
}

enum status service_account_claims_decode(
    char *payload,
    size_t len,
    bool is_legacy,
    struct span audiences[static SERVICE_ACCOUNT_AUDIENCES_MAX],
    struct service_account_claims *ret_claims,
    struct problem *reterr_problem)
{
    struct reading reading = { .audiences = audiences, .claims = { .is_legacy = is_legacy } };
    struct names_met met;
    struct span name = { 0 };
    json_scan_begin(&reading.scan, payload, len);
    if (json_scan_object(&reading.scan)) {
        met.count = 0;
        while (next_member(&reading.scan, &met, &name)) {
            read_member(&reading, name);
        }
    }
    if (json_scan_end(&reading.scan) != ST_OK) {
        if (reterr_problem) {
            json_scan_problem(&reading.scan, reterr_problem);
            reterr_problem->status = ST_CLAIMS_MALFORMED;
        }
        return ST_CLAIMS_MALFORMED;
    }
    reading.claims.audiences = audiences;
    reading.claims.secret.is_present |= is_legacy;
    *ret_claims = reading.claims;
    return ST_OK;
}

/* ------------------------------------------------------------------ one block */

#define CLAIM_TEXTS 12

static void find_texts(struct service_account_claims *claims, struct span *ret_texts[CLAIM_TEXTS])
{
    struct span *const texts[] = {
        &claims->issuer,   &claims->subject, &claims->jti,         &claims->namespace,
        &claims->name,     &claims->uid,     &claims->secret.name, &claims->secret.uid,
        &claims->pod.name, &claims->pod.uid, &claims->node.name,   &claims->node.uid,
    };
    _Static_assert(COUNTOF(texts) == CLAIM_TEXTS, "all of them");
    memcpy(ret_texts, texts, sizeof(texts));
}

size_t service_account_claims_size(const struct service_account_claims *claims)
{
    struct service_account_claims copy = *claims;
    struct span *texts[CLAIM_TEXTS];
    size_t size = sizeof(*claims) + claims->audience_count * sizeof(*claims->audiences);
    find_texts(&copy, texts);
    for (size_t i = 0; i < CLAIM_TEXTS; i++) {
        size += texts[i]->len;
    }
    for (size_t i = 0; i < claims->audience_count; i++) {
        size += claims->audiences[i].len;
    }
    return size;
}

static void move_text(struct span *text, char **at)
{
    const struct span moved = { .at = *at, .len = text->len };
    *at = mempcpy(*at, text->len ? text->at : "", text->len);
    *text = moved;
}

const struct service_account_claims *service_account_claims_copy(
    const struct service_account_claims *claims, void *room)
{
    struct service_account_claims *copy = room;
    struct span *audiences = (struct span *)(copy + 1);
    char *at = (char *)&audiences[claims->audience_count];
    struct span *texts[CLAIM_TEXTS];
    *copy = *claims;
    copy->audiences = audiences;
    find_texts(copy, texts);
    for (size_t i = 0; i < CLAIM_TEXTS; i++) {
        move_text(texts[i], &at);
    }
    for (size_t i = 0; i < claims->audience_count; i++) {
        audiences[i] = claims->audiences[i];
        move_text(&audiences[i], &at);
    }
    return copy;
}
