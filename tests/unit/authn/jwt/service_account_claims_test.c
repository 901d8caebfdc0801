/* SPDX-License-Identifier: Apache-2.0 */
/* Claims of ServiceAccount tokens: what each member takes and refuses, bounds, copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "authn/jwt/service_account_claims.h"
#include "base/buf.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

struct decoded {
    char *payload; /* owns; without a byte to spare, so that a read past the end is seen */
    struct span audiences[SERVICE_ACCOUNT_AUDIENCES_MAX];
    struct service_account_claims claims;
    struct problem problem;
};

static enum status decode(struct span payload, bool is_legacy, struct decoded *decoded)
{
    *decoded = (struct decoded){ .payload = malloc(payload.len ? payload.len : 1) };
    assert_non_null(decoded->payload);
    memcpy(decoded->payload, payload.at, payload.len);
    const enum status status =
        service_account_claims_decode(decoded->payload, payload.len, is_legacy, decoded->audiences,
                                      &decoded->claims, &decoded->problem);
    assert_int_equal(decoded->problem.status, status);
    assert_true((status == ST_OK) == (decoded->problem.text[0] == '\0'));
    return status;
}

static void done(struct decoded *decoded)
{
    free(decoded->payload);
}

static void require_text(struct span got, const char *want)
{
    if (!span_equal(got, span_of(want))) {
        fail_msg("\"%.*s\", not \"%s\"", (int)got.len, got.at, want);
    }
}

/* As the API server of v1.36 writes them, in its order. */
#define BOUND                                                                                   \
    "{\"aud\":[\"https://kubernetes.default.svc.cluster.local\",\"api\"],\"exp\":1700003600,"   \
    "\"iat\":1699999940,\"iss\":\"https://kubernetes.default.svc.cluster.local\","              \
    "\"jti\":\"11111111-2222-3333-4444-555555555555\",\"kubernetes.io\":{\"namespace\":\"ns\"," \
    "\"node\":{\"name\":\"node-1\",\"uid\":\"node-uid\"},\"pod\":{\"name\":\"pod-1\","          \
    "\"uid\":\"pod-uid\"},\"secret\":{\"name\":\"secret-1\",\"uid\":\"secret-uid\"},"           \
    "\"serviceaccount\":{\"name\":\"builder\",\"uid\":\"sa-uid\"},\"warnafter\":1700003000},"   \
    "\"nbf\":1699999941,\"sub\":\"system:serviceaccount:ns:builder\"}"

#define LEGACY                                                           \
    "{\"iss\":\"kubernetes/serviceaccount\","                            \
    "\"kubernetes.io/serviceaccount/namespace\":\"ns\","                 \
    "\"kubernetes.io/serviceaccount/secret.name\":\"builder-token\","    \
    "\"kubernetes.io/serviceaccount/service-account.name\":\"builder\"," \
    "\"kubernetes.io/serviceaccount/service-account.uid\":\"sa-uid\","   \
    "\"sub\":\"system:serviceaccount:ns:builder\"}"

static void require_bound(const struct service_account_claims *claims)
{
    require_text(claims->issuer, "https://kubernetes.default.svc.cluster.local");
    require_text(claims->subject, "system:serviceaccount:ns:builder");
    require_text(claims->jti, "11111111-2222-3333-4444-555555555555");
    assert_int_equal(claims->audience_count, 2);
    require_text(claims->audiences[0], "api"); /* the shorter first: audiences_sort() */
    require_text(claims->audiences[1], "https://kubernetes.default.svc.cluster.local");
    assert_true(claims->has_exp && claims->has_nbf && claims->has_iat && !claims->is_legacy);
    assert_int_equal(claims->exp, 1700003600);
    assert_int_equal(claims->nbf, 1699999941);
    assert_int_equal(claims->iat, 1699999940);
    require_text(claims->namespace, "ns");
    require_text(claims->name, "builder");
    require_text(claims->uid, "sa-uid");
    assert_true(claims->secret.is_present && claims->pod.is_present && claims->node.is_present);
    require_text(claims->secret.name, "secret-1");
    require_text(claims->secret.uid, "secret-uid");
    require_text(claims->pod.name, "pod-1");
    require_text(claims->pod.uid, "pod-uid");
    require_text(claims->node.name, "node-1");
    require_text(claims->node.uid, "node-uid");
    assert_false(claims->has_other_binding);
}

static void test_service_account_claims_of_a_bound_token(void **state)
{
    (void)state;
    struct decoded decoded;
    assert_int_equal(decode(SPAN_LITERAL(BOUND), false, &decoded), ST_OK);
    require_bound(&decoded.claims);
    done(&decoded);
}

static void require_legacy(const struct service_account_claims *claims)
{
    require_text(claims->issuer, SERVICE_ACCOUNT_LEGACY_ISSUER);
    require_text(claims->subject, "system:serviceaccount:ns:builder");
    require_text(claims->namespace, "ns");
    require_text(claims->name, "builder");
    require_text(claims->uid, "sa-uid");
    require_text(claims->secret.name, "builder-token");
    assert_true(claims->is_legacy && claims->secret.is_present && claims->secret.uid.len == 0);
    assert_false(claims->has_exp || claims->has_nbf || claims->has_iat);
    assert_false(claims->pod.is_present || claims->node.is_present);
    assert_int_equal(claims->audience_count, 0);
}

static void test_service_account_claims_of_a_legacy_token(void **state)
{
    (void)state;
    struct decoded decoded;
    assert_int_equal(decode(SPAN_LITERAL(LEGACY), true, &decoded), ST_OK);
    require_legacy(&decoded.claims);
    done(&decoded);
}

/* Each kind of token ignores what belongs to the other, whatever it holds. */
static void test_service_account_claims_of_the_other_kind_mean_nothing(void **state)
{
    (void)state;
    struct decoded decoded;
    assert_int_equal(decode(SPAN_LITERAL(BOUND), true, &decoded), ST_OK);
    assert_true(decoded.claims.namespace.len == 0 && decoded.claims.name.len == 0 &&
                decoded.claims.uid.len == 0 && decoded.claims.secret.name.len == 0 &&
                !decoded.claims.pod.is_present);
    done(&decoded);
    assert_int_equal(decode(SPAN_LITERAL(LEGACY), false, &decoded), ST_OK);
    assert_true(decoded.claims.namespace.len == 0 && decoded.claims.name.len == 0 &&
                decoded.claims.uid.len == 0 && !decoded.claims.secret.is_present);
    done(&decoded);
    assert_int_equal(
        decode(SPAN_LITERAL("{\"kubernetes.io/serviceaccount/namespace\":7}"), false, &decoded),
        ST_OK);
    done(&decoded);
    assert_int_equal(decode(SPAN_LITERAL("{\"kubernetes.io\":{\"a\":1,\"a\":1}}"), true, &decoded),
                     ST_OK);
    done(&decoded);
}

/* clang-format off */
static const struct {
    const char *name;
    struct span payload;
    bool is_fine;
} rows[] = {
    { "nothing said", SPAN_LITERAL("{}"), true },
    { "white space around", SPAN_LITERAL(" \n{} \t"), true },
    { "no object", SPAN_LITERAL("[]"), false },
    { "null", SPAN_LITERAL("null"), false },
    { "empty", SPAN_LITERAL(""), false },
    { "text behind", SPAN_LITERAL("{}{}"), false },
    { "cut off", SPAN_LITERAL("{\"iss\":\"a\""), false },
    { "a byte order mark", SPAN_LITERAL("\xef\xbb\xbf{}"), false },

    { "iss null", SPAN_LITERAL("{\"iss\":null}"), true },
    { "iss a number", SPAN_LITERAL("{\"iss\":1}"), false },
    { "iss twice", SPAN_LITERAL("{\"iss\":\"a\",\"iss\":\"a\"}"), false },
    { "iss twice, once escaped", SPAN_LITERAL("{\"iss\":\"a\",\"\\u0069ss\":\"a\"}"), false },
    { "ISS beside iss", SPAN_LITERAL("{\"iss\":\"a\",\"ISS\":\"a\"}"), false },
    { "iSs in front of iss", SPAN_LITERAL("{\"iSs\":7,\"iss\":\"a\"}"), false },
    { "iss with a long s beside iss", SPAN_LITERAL("{\"iss\":\"a\",\"is\u017f\":\"a\"}"), false },
    { "iss with two long s, escaped", SPAN_LITERAL("{\"iss\":\"a\",\"I\\u017f\\u017F\":\"a\"}"), false },
    { "a name that begins like iss", SPAN_LITERAL("{\"ISSA\":1,\"IS\":1,\"I\":1,\"is\xc5\xbe\":1,\"\":1}"), true },
    { "SUB beside sub", SPAN_LITERAL("{\"sub\":\"a\",\"SUB\":7}"), true },
    { "no UTF-8", SPAN_LITERAL("{\"iss\":\"\xff\"}"), false },
    { "sub null", SPAN_LITERAL("{\"sub\":null}"), true },
    { "sub a list", SPAN_LITERAL("{\"sub\":[\"a\"]}"), false },
    { "jti null", SPAN_LITERAL("{\"jti\":null}"), true },
    { "jti an object", SPAN_LITERAL("{\"jti\":{}}"), false },

    { "one audience", SPAN_LITERAL("{\"aud\":\"a\"}"), true },
    { "an empty audience", SPAN_LITERAL("{\"aud\":\"\"}"), true },
    { "no audience", SPAN_LITERAL("{\"aud\":[]}"), true },
    { "aud null", SPAN_LITERAL("{\"aud\":null}"), false },
    { "null among audiences", SPAN_LITERAL("{\"aud\":[\"a\",null]}"), false },
    { "a number among audiences", SPAN_LITERAL("{\"aud\":[\"a\",1]}"), false },
    { "a list among audiences", SPAN_LITERAL("{\"aud\":[[\"a\"]]}"), false },
    { "aud a number", SPAN_LITERAL("{\"aud\":1}"), false },

    { "exp null", SPAN_LITERAL("{\"exp\":null}"), true },
    { "exp a string", SPAN_LITERAL("{\"exp\":\"1700000000\"}"), false },
    { "exp a boolean", SPAN_LITERAL("{\"exp\":true}"), false },
    { "exp an object", SPAN_LITERAL("{\"exp\":{}}"), false },
    { "exp twice", SPAN_LITERAL("{\"exp\":1,\"exp\":2}"), false },
    { "nbf a string", SPAN_LITERAL("{\"nbf\":\"1\"}"), false },
    { "nbf null", SPAN_LITERAL("{\"nbf\":null}"), true },
    { "iat a string", SPAN_LITERAL("{\"iat\":\"1\"}"), false },
    { "iat null", SPAN_LITERAL("{\"iat\":null}"), true },

    { "an unknown member", SPAN_LITERAL("{\"x\":{\"y\":[1,{}]}}"), true },
    { "an unknown member twice", SPAN_LITERAL("{\"x\":1,\"x\":1}"), false },
    { "a member twice inside an unknown one", SPAN_LITERAL("{\"x\":{\"a\":1,\"a\":1}}"), true },
    { "an unknown member that is malformed", SPAN_LITERAL("{\"x\":tru}"), false },

    { "kubernetes.io null", SPAN_LITERAL("{\"kubernetes.io\":null}"), true },
    { "kubernetes.io a string", SPAN_LITERAL("{\"kubernetes.io\":\"a\"}"), false },
    { "kubernetes.io twice", SPAN_LITERAL("{\"kubernetes.io\":{},\"kubernetes.io\":{}}"), false },
    { "namespace null", SPAN_LITERAL("{\"kubernetes.io\":{\"namespace\":null}}"), true },
    { "namespace a number", SPAN_LITERAL("{\"kubernetes.io\":{\"namespace\":1}}"), false },
    { "namespace twice", SPAN_LITERAL("{\"kubernetes.io\":{\"namespace\":\"a\",\"namespace\":\"a\"}}"), false },
    { "an unknown binding twice", SPAN_LITERAL("{\"kubernetes.io\":{\"x\":1,\"x\":1}}"), false },
    { "a reference null", SPAN_LITERAL("{\"kubernetes.io\":{\"pod\":null}}"), true },
    { "a reference with more in it", SPAN_LITERAL("{\"kubernetes.io\":{\"pod\":{\"x\":[]}}}"), true },
    { "a reference that is a text", SPAN_LITERAL("{\"kubernetes.io\":{\"pod\":\"a\"}}"), false },
    { "a uid that is a number", SPAN_LITERAL("{\"kubernetes.io\":{\"pod\":{\"uid\":1}}}"), false },
    { "a name twice", SPAN_LITERAL("{\"kubernetes.io\":{\"pod\":{\"name\":\"a\",\"name\":\"a\"}}}"), false },
    { "something unknown twice in a reference", SPAN_LITERAL("{\"kubernetes.io\":{\"node\":{\"x\":1,\"x\":1}}}"), false },
    { "warnafter null", SPAN_LITERAL("{\"kubernetes.io\":{\"warnafter\":null}}"), true },
    { "warnafter a string", SPAN_LITERAL("{\"kubernetes.io\":{\"warnafter\":\"1\"}}"), false },
};
/* clang-format on */

static void test_service_account_claims_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct decoded decoded;
        const enum status status = decode(rows[i].payload, false, &decoded);
        if (status != (rows[i].is_fine ? ST_OK : ST_CLAIMS_MALFORMED)) {
            fail_msg("%s: %s: %s", rows[i].name, status_label(status), decoded.problem.text);
        }
        done(&decoded);
    }
}

static const struct {
    const char *name;
    struct span payload;
    bool is_fine;
} legacy_rows[] = {
    { "namespace null", SPAN_LITERAL("{\"kubernetes.io/serviceaccount/namespace\":null}"), true },
    { "namespace a number", SPAN_LITERAL("{\"kubernetes.io/serviceaccount/namespace\":1}"), false },
    { "secret.name a list", SPAN_LITERAL("{\"kubernetes.io/serviceaccount/secret.name\":[]}"),
      false },
    { "service-account.name a boolean",
      SPAN_LITERAL("{\"kubernetes.io/serviceaccount/service-account.name\":true}"), false },
    { "service-account.uid an object",
      SPAN_LITERAL("{\"kubernetes.io/serviceaccount/service-account.uid\":{}}"), false },
    { "exp is read, though nobody asks", SPAN_LITERAL("{\"exp\":1}"), true },
    { "and must be a date", SPAN_LITERAL("{\"exp\":\"1\"}"), false },
};

static void test_service_account_claims_legacy_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(legacy_rows); i++) {
        struct decoded decoded;
        const enum status status = decode(legacy_rows[i].payload, true, &decoded);
        if (status != (legacy_rows[i].is_fine ? ST_OK : ST_CLAIMS_MALFORMED)) {
            fail_msg("%s: %s", legacy_rows[i].name, status_label(status));
        }
        done(&decoded);
    }
}

static const struct {
    const char *text;
    bool is_fine;
    int64_t want;
} date_rows[] = {
    { "0", true, 0 },
    { "-0", true, 0 },
    { "1", true, 1 },
    { "-1", true, -1 },
    { "1700000000", true, 1700000000 },
    { "1700000000.0", true, 1700000000 },
    { "1700000000.999", true, 1700000000 },
    { "-1.999", true, -1 },
    { "0.9", true, 0 },
    { "-0.9", true, 0 },
    { "1.7e9", true, 1700000000 },
    { "1.7E+9", true, 1700000000 },
    { "17e8", true, 1700000000 },
    { "1.23456e2", true, 123 },
    { "123456e-3", true, 123 },
    { "123456e-6", true, 0 },
    { "123456e-400", true, 0 },
    { "0.0000000017e18", true, 1700000000 },
    { "0e99999999999999999999", true, 0 },
    { "0.0e400", true, 0 },
    { "1e-99999999999999999999", true, 0 },
    { "1e18", true, INT64_C(1000000000000000000) },
    { "9000000000000000000", true, INT64_C(9000000000000000000) },
    { "9e18", true, INT64_C(9000000000000000000) },
    { "-9e18", true, INT64_C(-9000000000000000000) },
    { "9000000000000000001", false, 0 },
    { "9223372036854775807", false, 0 },
    { "9223372036854775808", false, 0 },
    { "-9000000000000000001", false, 0 },
    { "99999999999999999999", false, 0 },
    { "1e19", false, 0 },
    { "1e400", false, 0 },
    { "-1e400", false, 0 },
    { "1e99999999999999999999", false, 0 },
    { "01", false, 0 },
    { "1.", false, 0 },
    { "+1", false, 0 },
    { "Infinity", false, 0 },
};

static void test_service_account_claims_date_rows(void **state)
{
    (void)state;
    static const char *const names[] = { "exp", "nbf", "iat" };
    for (size_t i = 0; i < COUNTOF(date_rows) * COUNTOF(names); i++) {
        const size_t row = i / COUNTOF(names);
        const size_t which = i % COUNTOF(names);
        char payload[128];
        (void)snprintf(payload, sizeof(payload), "{\"%s\":%s}", names[which], date_rows[row].text);
        struct decoded decoded;
        const enum status status = decode(span_of(payload), false, &decoded);
        const struct service_account_claims *claims = &decoded.claims;
        const bool has[] = { claims->has_exp, claims->has_nbf, claims->has_iat };
        const int64_t date[] = { claims->exp, claims->nbf, claims->iat };
        if ((status == ST_OK) != date_rows[row].is_fine || has[which] != date_rows[row].is_fine ||
            date[which] != date_rows[row].want) {
            fail_msg("%s: %s, %lld", payload, status_label(status), (long long)date[which]);
        }
        assert_int_equal(has[0] + has[1] + has[2], date_rows[row].is_fine);
        done(&decoded);
    }
}

/* A reference that is there and says nothing is not one that is absent. */
static void test_service_account_claims_empty_reference_is_present(void **state)
{
    (void)state;
    struct decoded decoded;
    const struct span payload = SPAN_LITERAL(
        "{\"kubernetes.io\":{\"pod\":{},\"node\":null,\"secret\":{\"name\":null,\"uid\":\"\"}}}");
    assert_int_equal(decode(payload, false, &decoded), ST_OK);
    assert_true(decoded.claims.pod.is_present && decoded.claims.secret.is_present);
    assert_false(decoded.claims.node.is_present);
    assert_int_equal(decoded.claims.pod.name.len + decoded.claims.secret.name.len, 0);
    done(&decoded);
}

static void test_service_account_claims_other_bindings_are_noticed(void **state)
{
    (void)state;
    struct decoded decoded;
    assert_int_equal(
        decode(SPAN_LITERAL("{\"kubernetes.io\":{\"namespace\":\"a\",\"x\":{\"name\":\"b\"}}}"),
               false, &decoded),
        ST_OK);
    assert_true(decoded.claims.has_other_binding);
    done(&decoded);
    assert_int_equal(
        decode(SPAN_LITERAL("{\"kubernetes.io\":{\"x\":1,\"y\":null,\"z\":[{}]},\"x\":{}}"), false,
               &decoded),
        ST_OK);
    assert_false(decoded.claims.has_other_binding);
    done(&decoded);
}

/* @count members of an object, or elements of a list, each @before, a number and @after. */
static char *repeat(
    const char *head, const char *before, const char *after, size_t count, const char *tail)
{
    struct buf text = { 0 };
    buf_append_text(&text, head);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s%s%zu%s", i ? "," : "", before, i, after);
    }
    buf_append_text(&text, tail);
    buf_append_char(&text, '\0');
    assert_false(text.failed);
    return text.at;
}

static void require_bound_at(
    const char *head, const char *before, const char *after, size_t most, const char *tail)
{
    for (size_t over = 0; over < 2; over++) {
        char *payload = repeat(head, before, after, most + over, tail);
        struct decoded decoded;
        const enum status status = decode(span_of(payload), false, &decoded);
        if (status != (over ? ST_CLAIMS_MALFORMED : ST_OK)) {
            fail_msg("%zu of %s…%s: %s", most + over, head, tail, status_label(status));
        }
        done(&decoded);
        free(payload);
    }
}

static void test_service_account_claims_are_bounded(void **state)
{
    (void)state;
    require_bound_at("{\"aud\":[", "\"", "\"", SERVICE_ACCOUNT_AUDIENCES_MAX, "]}");
    require_bound_at("{", "\"x", "\":1", 32, "}");
    require_bound_at("{\"kubernetes.io\":{", "\"x", "\":1", 32, "}}");
    require_bound_at("{\"kubernetes.io\":{\"pod\":{", "\"x", "\":1", 32, "}}}");
    for (size_t depth = 63; depth < 65; depth++) { /* and the object that holds it */
        struct buf text = { 0 };
        buf_append_text(&text, "{\"x\":");
        for (size_t i = 0; i < depth; i++) {
            buf_append_char(&text, '[');
        }
        for (size_t i = 0; i < depth; i++) {
            buf_append_char(&text, ']');
        }
        buf_append_char(&text, '}');
        assert_false(text.failed);
        struct decoded decoded;
        assert_int_equal(decode((struct span){ .at = text.at, .len = text.len }, false, &decoded),
                         depth == 63 ? ST_OK : ST_CLAIMS_MALFORMED);
        done(&decoded);
        buf_fini(&text);
    }
}

static void test_service_account_claims_escapes_are_decoded(void **state)
{
    (void)state;
    struct decoded decoded;
    assert_int_equal(decode(SPAN_LITERAL("{\"aud\":\"\\u0061\\/b\",\"jti\":\"a\\u0000b\","
                                         "\"\\u0073ub\":\"\\ud83d\\ude00\"}"),
                            false, &decoded),
                     ST_OK);
    require_text(decoded.claims.audiences[0], "a/b");
    require_text(decoded.claims.subject, "\xf0\x9f\x98\x80");
    assert_true(span_equal(decoded.claims.jti, SPAN_LITERAL("a\0b")));
    done(&decoded);
}

static void test_service_account_claims_problem_says_where_and_no_value(void **state)
{
    (void)state;
    struct decoded decoded;
    assert_int_equal(decode(SPAN_LITERAL("{\"jti\":\"TEST-ONLY\",\"iss\":7}"), false, &decoded),
                     ST_CLAIMS_MALFORMED);
    assert_string_equal(decoded.problem.text, "expected a string");
    assert_int_equal(decoded.problem.column, 26);
    done(&decoded);
    char payload[] = "[]";
    struct span audiences[SERVICE_ACCOUNT_AUDIENCES_MAX];
    struct service_account_claims claims;
    assert_int_equal(service_account_claims_decode(payload, sizeof(payload) - 1, false, audiences,
                                                   &claims, NULL),
                     ST_CLAIMS_MALFORMED);
}

static void test_service_account_claims_copy_is_one_block(void **state)
{
    (void)state;
    static const struct {
        struct span payload;
        bool is_legacy;
        void (*require)(const struct service_account_claims *claims);
    } copied[] = {
        { SPAN_LITERAL(BOUND), false, require_bound },
        { SPAN_LITERAL(LEGACY), true, require_legacy },
    };
    for (size_t i = 0; i < COUNTOF(copied); i++) {
        struct decoded decoded;
        assert_int_equal(decode(copied[i].payload, copied[i].is_legacy, &decoded), ST_OK);
        const size_t size = service_account_claims_size(&decoded.claims);
        void *room = malloc(size); /* to the byte: AddressSanitizer sees more */
        assert_non_null(room);
        const struct service_account_claims *copy =
            service_account_claims_copy(&decoded.claims, room);
        memset(decoded.payload, 'x', copied[i].payload.len);
        memset(decoded.audiences, 0xff, sizeof(decoded.audiences));
        copied[i].require(copy);
        assert_int_equal(service_account_claims_size(copy), size);
        free(room);
        done(&decoded);
    }
}

static void test_service_account_claims_allocate_nothing(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return; /* it has said so */
    }
    static char payload[] = BOUND;
    static _Alignas(max_align_t) char room[2048];
    struct span audiences[SERVICE_ACCOUNT_AUDIENCES_MAX];
    struct service_account_claims claims;
    alloc_fail_arm(1);
    const enum status status = service_account_claims_decode(payload, sizeof(payload) - 1, false,
                                                             audiences, &claims, NULL);
    const bool fits = status == ST_OK && service_account_claims_size(&claims) <= sizeof(room);
    const struct service_account_claims *copy =
        fits ? service_account_claims_copy(&claims, room) : NULL;
    assert_false(alloc_fail_disarm());
    assert_int_equal(status, ST_OK);
    assert_non_null(copy);
    require_bound(copy);
}

/* The claims half of the public vectors: what they accept is read, and read as it is written. */
static void require_vector_claims(json_object *row, bool is_legacy)
{
    json_object *written = json_object_object_get(row, "claims");
    const char *payload = json_object_to_json_string_ext(written, JSON_C_TO_STRING_PLAIN);
    struct decoded decoded;
    if (decode(span_of(payload), is_legacy, &decoded) != ST_OK) {
        fail_msg("%s: %s", vectors_text(row, "id").at, decoded.problem.text);
    }
    const struct service_account_claims *claims = &decoded.claims;
    assert_true(span_equal(claims->issuer, vectors_text(written, "iss")));
    assert_true(span_equal(claims->subject, vectors_text(written, "sub")));
    assert_true(span_equal(claims->jti, vectors_text(written, "jti")));
    json_object *kubernetes = json_object_object_get(written, "kubernetes.io");
    json_object *account = json_object_object_get(kubernetes, "serviceaccount");
    assert_true(is_legacy || span_equal(claims->uid, vectors_text(account, "uid")));
    assert_true(
        !is_legacy ||
        span_equal(claims->uid,
                   vectors_text(written, "kubernetes.io/serviceaccount/service-account.uid")));
    assert_int_equal(claims->has_exp, json_object_object_get(written, "exp") != NULL);
    done(&decoded);
}

static void test_service_account_claims_public_vectors(void **state)
{
    (void)state;
    json_object *root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *bound = vectors_list(root, "service_account", "bound_validate");
    for (size_t i = 0; i < json_object_array_length(bound); i++) {
        require_vector_claims(json_object_array_get_idx(bound, i), false);
    }
    json_object *legacy = vectors_list(root, "service_account", "legacy_validate");
    for (size_t i = 0; i < json_object_array_length(legacy); i++) {
        require_vector_claims(json_object_array_get_idx(legacy, i), true);
    }
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_account_claims_of_a_bound_token),
        cmocka_unit_test(test_service_account_claims_of_a_legacy_token),
        cmocka_unit_test(test_service_account_claims_of_the_other_kind_mean_nothing),
        cmocka_unit_test(test_service_account_claims_rows),
        cmocka_unit_test(test_service_account_claims_legacy_rows),
        cmocka_unit_test(test_service_account_claims_date_rows),
        cmocka_unit_test(test_service_account_claims_empty_reference_is_present),
        cmocka_unit_test(test_service_account_claims_other_bindings_are_noticed),
        cmocka_unit_test(test_service_account_claims_are_bounded),
        cmocka_unit_test(test_service_account_claims_escapes_are_decoded),
        cmocka_unit_test(test_service_account_claims_problem_says_where_and_no_value),
        cmocka_unit_test(test_service_account_claims_copy_is_one_block),
        cmocka_unit_test(test_service_account_claims_allocate_nothing),
        cmocka_unit_test(test_service_account_claims_public_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
