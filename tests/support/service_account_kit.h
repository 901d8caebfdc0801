/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ServiceAccount tokens for tests: claims from JSON, and the objects that public vectors have
 * beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "authn/jwt/service_account_checks.h"
#include "base/rfc3339.h"
#include "support/vectors.h"

/** Claims, and what they borrow. */
struct test_claims {
    char *payload; /* owns */
    struct span audiences[SERVICE_ACCOUNT_AUDIENCES_MAX];
    struct service_account_claims claims;
};

/** test_claims_read() - @test is to be test_claims_fini()d; it must not move */
static inline void test_claims_read(struct test_claims *test, struct span payload, bool is_legacy)
{
    test->payload = span_copy(payload);
    assert_non_null(test->payload);
    assert_int_equal(service_account_claims_decode(test->payload, payload.len, is_legacy,
                                                   test->audiences, &test->claims, NULL),
                     ST_OK);
}

static inline void test_claims_fini(struct test_claims *test)
{
    free(test->payload);
}

/** test_look_up() - what a vector's list of objects says of one; borrows @objects. @kind may
 * be NULL when all of them are of one kind */
static inline struct looked_up test_look_up(json_object *objects,
                                            const char *kind,
                                            struct span namespace,
                                            struct span name)
{
    for (size_t i = 0; i < json_object_array_length(objects); i++) {
        json_object *object = json_object_array_get_idx(objects, i);
        json_object *meta = json_object_object_get(object, "metadata");
        json_object *labels = json_object_object_get(meta, "labels");
        const struct span deletion = vectors_text(meta, "deletionTimestamp");
        struct instant deleted = { 0 };
        if ((kind && !span_equal(vectors_text(object, "kind"), span_of(kind))) ||
            !span_equal(vectors_text(meta, "namespace"), namespace) ||
            !span_equal(vectors_text(meta, "name"), name)) {
            continue;
        }
        if (deletion.len > 0) {
            assert_int_equal(rfc3339_parse(deletion, &deleted), ST_OK);
        }
        return (struct looked_up){
            .state = OBJECT_FOUND,
            .object = { .uid = vectors_text(meta, "uid"),
                        .is_being_deleted = deletion.len > 0,
                        .deletion_sec = deleted.sec,
                        .is_invalidated =
                            vectors_text(labels, "kubernetes.io/legacy-token-invalid-since").len >
                            0 },
        };
    }
    return (struct looked_up){ .state = OBJECT_MISSING };
}
