/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: service_account_claims_decode(), …_size(), …_copy(), jwt_probe_issuer(),
 * service_account_checks_run(), service_account_user_make() on arbitrary payloads.
 *
 * Properties: what we accept json-c accepts, and finds the same texts and dates in; every text lies
 * in the payload; a copy says the same; the probe finds the issuer that the claims have, unless
 * they are refused; no payload is accepted by a policy that is all-zero, nor by one that looks
 * objects up and finds none; an accepted one has a user as long as was said, whose name can be
 * split.
 */
#include "authn/jwt/issuer_probe.h"
#include "authn/jwt/service_account_checks.h"
#include "authn/jwt/service_account_user.h"
#include "fuzz.h"
#include "kube/service_account_name.h"
#include "support/json_oracle.h"

#define NOW_SEC INT64_C(1700000000)

static void require_text(struct span text, json_object *want)
{
    const struct span wanted =
        want ? (struct span){ .at = json_object_get_string(want),
                              .len = (size_t)json_object_get_string_len(want) }
             : (struct span){ 0 };
    FUZZ_REQUIRE(span_equal(text, wanted));
}

static void require_date(bool has_date, int64_t date, json_object *want)
{
    FUZZ_REQUIRE(has_date == (want != NULL));
    if (json_object_is_type(want, json_type_int)) {
        FUZZ_REQUIRE(date == json_object_get_int64(want));
    } else if (has_date) {
        /* a double of seventeen digits at most, so near the ends it may be off by a kibisecond */
        const double difference = (double)date - json_object_get_double(want);
        FUZZ_REQUIRE(difference >= -1024.0 && difference <= 1024.0);
    }
}

static void require_ref(const struct object_ref *ref, json_object *want)
{
    FUZZ_REQUIRE(ref->is_present == (want != NULL));
    require_text(ref->name, json_object_object_get(want, "name"));
    require_text(ref->uid, json_object_object_get(want, "uid"));
}

static void require_same(const struct service_account_claims *claims, json_object *root)
{
    json_object *kubernetes = json_object_object_get(root, "kubernetes.io");
    json_object *aud = json_object_object_get(root, "aud");
    require_text(claims->issuer, json_object_object_get(root, "iss"));
    require_text(claims->subject, json_object_object_get(root, "sub"));
    require_text(claims->jti, json_object_object_get(root, "jti"));
    require_date(claims->has_exp, claims->exp, json_object_object_get(root, "exp"));
    require_date(claims->has_nbf, claims->nbf, json_object_object_get(root, "nbf"));
    require_date(claims->has_iat, claims->iat, json_object_object_get(root, "iat"));
    const size_t audience_count = json_object_is_type(aud, json_type_array)
                                      ? json_object_array_length(aud)
                                      : (size_t)(aud != NULL);
    FUZZ_REQUIRE(claims->audience_count == audience_count);
    if (!claims->is_legacy) {
        json_object *account = json_object_object_get(kubernetes, "serviceaccount");
        require_text(claims->namespace, json_object_object_get(kubernetes, "namespace"));
        require_text(claims->name, json_object_object_get(account, "name"));
        require_text(claims->uid, json_object_object_get(account, "uid"));
        require_ref(&claims->secret, json_object_object_get(kubernetes, "secret"));
        require_ref(&claims->pod, json_object_object_get(kubernetes, "pod"));
        require_ref(&claims->node, json_object_object_get(kubernetes, "node"));
    }
}

static void compare(const struct service_account_claims *claims, struct span payload)
{
    json_object *root = NULL;
    FUZZ_REQUIRE(json_oracle_parse(payload, &root));
    if (json_oracle_is_comparable(payload)) {
        require_same(claims, root);
    }
    json_object_put(root);
}

static void require_inside(struct span text, const char *payload, size_t size)
{
    FUZZ_REQUIRE(text.len == 0 || (text.at >= payload && text.at + text.len <= payload + size));
}

static void require_bounds(const struct service_account_claims *claims,
                           const char *payload,
                           size_t size)
{
    const struct span texts[] = { claims->issuer,      claims->subject,    claims->jti,
                                  claims->namespace,   claims->name,       claims->uid,
                                  claims->secret.name, claims->secret.uid, claims->pod.name,
                                  claims->pod.uid,     claims->node.name,  claims->node.uid };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        require_inside(texts[i], payload, size);
    }
    FUZZ_REQUIRE(claims->audience_count <= SERVICE_ACCOUNT_AUDIENCES_MAX);
    for (size_t i = 0; i < claims->audience_count; i++) {
        require_inside(claims->audiences[i], payload, size);
        FUZZ_REQUIRE(i == 0 || claims->audiences[i - 1].len <= claims->audiences[i].len);
    }
}

static void require_copy(const struct service_account_claims *claims)
{
    const size_t size = service_account_claims_size(claims);
    char *room = malloc(size);
    FUZZ_REQUIRE(room != NULL);
    const struct service_account_claims *copy = service_account_claims_copy(claims, room);
    require_bounds(copy, room, size);
    FUZZ_REQUIRE(span_equal(copy->issuer, claims->issuer) && copy->exp == claims->exp);
    FUZZ_REQUIRE(span_equal(copy->name, claims->name) && span_equal(copy->jti, claims->jti));
    FUZZ_REQUIRE(span_equal(copy->node.uid, claims->node.uid));
    for (size_t i = 0; i < claims->audience_count; i++) {
        FUZZ_REQUIRE(span_equal(copy->audiences[i], claims->audiences[i]));
    }
    free(room);
}

static void require_user(const struct service_account_claims *claims,
                         const struct service_account_policy *policy)
{
    const size_t len = service_account_user_text_len(claims, policy);
    char *text = malloc(len);
    struct service_account_user parts;
    struct user user;
    struct span namespace;
    struct span name;
    FUZZ_REQUIRE(text != NULL);
    service_account_user_make(claims, policy, text, &parts, &user);
    FUZZ_REQUIRE(service_account_name_split(user.name, &namespace, &name));
    FUZZ_REQUIRE(span_equal(namespace, claims->namespace) && span_equal(name, claims->name));
    free(text);
}

static void hear(void *ctx,
                 enum authenticator_id authenticator,
                 const char *check,
                 bool passed,
                 const char *detail)
{
    (void)authenticator;
    (void)check;
    (void)passed;
    *(size_t *)ctx += strlen(detail);
}

static enum status judge(const struct service_account_claims *claims,
                         const struct service_account_policy *policy)
{
    const struct service_account_evidence evidence = {
        .claims = claims,
        .policy = policy,
        .account = { .state = OBJECT_MISSING },
        .secret = { .state = OBJECT_MISSING },
        .pod = { .state = OBJECT_MISSING },
        .node = { .state = OBJECT_MISSING },
    };
    const struct span api = SPAN_LITERAL("api");
    size_t heard = 0;
    struct question question = {
        .has_audiences = true, .audiences = &api, .audience_count = 1, .now = { .sec = NOW_SEC }
    };
    struct audience_set granted;
    const enum status status = service_account_checks_run(&evidence, &question, &granted);
    FUZZ_REQUIRE(status != ST_OK || audience_set_has(&granted, 0));
    question.explain = hear;
    question.explain_ctx = &heard;
    FUZZ_REQUIRE(service_account_checks_run(&evidence, &question, &granted) == status);
    return status;
}

static void require_verdicts(const struct service_account_claims *claims)
{
    const struct span issuer = SPAN_LITERAL("a");
    const struct span api = SPAN_LITERAL("api");
    const struct service_account_policy nothing = { 0 };
    const struct service_account_policy nothing_found = {
        .issuers = &issuer,
        .issuer_count = 1,
        .legacy = SERVICE_ACCOUNT_LEGACY_LOOKED_UP,
        .lookup = { .is_on = true, .secrets = SERVICE_ACCOUNT_SECRETS_TOKENS },
        .api_audiences = { &api, 1 },
        .audiences = { &api, 1 },
    };
    struct service_account_policy trusting = nothing_found;
    trusting.legacy = SERVICE_ACCOUNT_LEGACY_TRUSTED;
    trusting.lookup = (struct service_account_lookup){ 0 };
    FUZZ_REQUIRE(judge(claims, &nothing) != ST_OK);
    FUZZ_REQUIRE(judge(claims, &nothing_found) != ST_OK);
    if (judge(claims, &trusting) == ST_OK) {
        require_user(claims, &trusting);
    }
}

static void require_probe(const struct service_account_claims *claims, struct span payload)
{
    char *piece = malloc(base64url_encoded_len(payload.len) + 1);
    char *room = malloc(payload.len + 1);
    struct span issuer = { 0 };
    FUZZ_REQUIRE(piece != NULL && room != NULL);
    base64url_encode(payload, piece);
    const bool found =
        jwt_probe_issuer((struct span){ .at = piece, .len = base64url_encoded_len(payload.len) },
                         room, payload.len, &issuer);
    FUZZ_REQUIRE(!claims || (found ? span_equal(issuer, claims->issuer) : claims->issuer.len == 0));
    free(room);
    free(piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span payload = { .at = (const char *)data, .len = size };
    require_probe(NULL, payload);
    for (int is_legacy = 0; is_legacy < 2; is_legacy++) {
        char *copy = fuzz_copy(data, size);
        struct span audiences[SERVICE_ACCOUNT_AUDIENCES_MAX];
        struct service_account_claims claims;
        struct problem problem = { 0 };
        const enum status status =
            service_account_claims_decode(copy, size, is_legacy, audiences, &claims, &problem);
        FUZZ_REQUIRE(status == ST_OK || status == ST_CLAIMS_MALFORMED);
        FUZZ_REQUIRE((status == ST_OK) == (problem.text[0] == '\0'));
        if (status == ST_OK) {
            require_bounds(&claims, copy, size);
            compare(&claims, payload);
            require_copy(&claims);
            require_verdicts(&claims);
            require_probe(&claims, payload);
        }
        free(copy);
    }
    return 0;
}
