/* SPDX-License-Identifier: Apache-2.0 */
/* What makes two texts of an object the same content, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/manifests/decode.h"
#include "store/manifests/digest.h"

#define BASE "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n"

static const struct {
    const char *a;
    const char *b;
    bool is_same;
} rows[] = {
    { BASE, BASE, true },
    { BASE, BASE "# a comment\n", true },
    { BASE, "kind: Secret\nmetadata: {name: a}\napiVersion: v1\n", true },
    { BASE "type: Opaque\n", BASE, true },
    { BASE "immutable: null\n", BASE, true },
    { BASE "  resourceVersion: '1'\n", BASE "  resourceVersion: '2'\n", true },
    { BASE "data: {x: eA==}\n", BASE "stringData: {x: x}\n", true },
    { BASE "data: {x: eA==, y: eQ==}\n", BASE "data: {y: eQ==, x: eA==}\n", true },
    { BASE "  labels: {x: '1', y: '2'}\n", BASE "  labels: {y: '2', x: '1'}\n", true },

    { BASE "data: {x: eA==}\n", BASE "data: {x: eQ==}\n", false },
    { BASE "data: {x: eA==}\n", BASE "data: {y: eA==}\n", false },
    { BASE "data: {x: ''}\n", BASE, false },
    { BASE "type: x\n", BASE "type: z\n", false },
    { BASE "  uid: x\n", BASE "  uid: z\n", false },
    { BASE "  uid: x\ntype: z\n", BASE "  uid: xz\ntype: ''\n", false },
    { BASE "  labels: {x: '1'}\n", BASE "  labels: {x: '2'}\n", false },
    { BASE "  labels: {x: '1'}\n", BASE "  labels: {y: '1'}\n", false },
    { BASE "  labels: {x: '1'}\n", BASE "  annotations: {x: '1'}\n", false },
    { BASE "  annotations: {x: '1', y: '23'}\n", BASE "  annotations: {x: '12', y: '3'}\n", false },
    { BASE "  deletionTimestamp: x\n", BASE, false },
    { BASE "  deletionTimestamp: x\n", BASE "  deletionTimestamp: z\n", false },
    { BASE "  finalizers: [x, z]\n", BASE "  finalizers: [z, x]\n", false },
    { BASE "  ownerReferences: [[x], y]\n", BASE "  ownerReferences: [[x, y]]\n", false },
    { BASE "immutable: true\n", BASE "immutable: false\n", false },
    { BASE "x: true\n", BASE "x: 'true'\n", false },
    { BASE "x: 1\n", BASE "x: 1.0\n", false },
    { BASE "x: 1\n", BASE "x: 2\n", false },
    { BASE "x: 1.5\n", BASE "x: 2.5\n", false },
    { BASE "x: 18446744073709551615\n", BASE "x: 9223372036854775807\n", false },
    { BASE "x: {}\n", BASE "x: []\n", false },
    { BASE "x: [null]\n", BASE "x: []\n", false },
};

static const struct store_kind secret_kinds[] = { { .kind = &kind_secret } };
static const struct manifest_kinds secrets = { .at = secret_kinds, .count = COUNTOF(secret_kinds) };

static struct digester digester;

static int set_up(void **state)
{
    (void)state;
    return digester_init(&digester) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    digester_fini(&digester);
    return 0;
}

static enum status digest(const char *text, struct content_digest *ret_content)
{
    const struct manifests_limits limits = { .file_objects = 1, .file_entries = 100 };
    struct manifest_objects objects = { 0 };
    struct problem problem = { 0 };
    const enum status status =
        manifest_decode(span_of(text), secrets, &limits, &digester, &objects, &problem);
    if (status == ST_OK) {
        assert_int_equal(objects.count, 1);
        *ret_content = objects.at[0].content;
    }
    manifest_objects_fini(&objects);
    digester_rest(&digester);
    return status;
}

static void test_content_digest_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct content_digest a;
        struct content_digest b;
        char version_a[RESOURCE_VERSION_MAX];
        char version_b[RESOURCE_VERSION_MAX];
        assert_int_equal(digest(rows[i].a, &a), ST_OK);
        assert_int_equal(digest(rows[i].b, &b), ST_OK);
        content_digest_format(&a, version_a);
        content_digest_format(&b, version_b);
        if (content_digest_equal(&a, &b) != rows[i].is_same ||
            (strcmp(version_a, version_b) == 0) != rows[i].is_same) {
            fail_msg("%s%s\n%s", rows[i].a, rows[i].is_same ? "is not" : "is", rows[i].b);
        }
    }
}

static void test_content_digest_of_many_members_is_in_order(void **state)
{
    (void)state;
    struct buf up = { 0 };
    struct buf down = { 0 };
    struct content_digest a;
    struct content_digest b;
    buf_append_text(&up, BASE "  labels:\n");
    buf_append_text(&down, BASE "  labels:\n");
    for (unsigned i = 0; i < 100; i++) {
        buf_printf(&up, "    k%02u: x\n", i);
        buf_printf(&down, "    k%02u: x\n", 99 - i);
    }
    buf_append_char(&up, '\0');
    buf_append_char(&down, '\0');
    assert_int_equal(digest(up.at, &a), ST_OK);
    assert_int_equal(digest(down.at, &b), ST_OK);
    assert_true(content_digest_equal(&a, &b));
    buf_fini(&up);
    buf_fini(&down);
}

/* Two stores cannot be compared, so neither can a store and a guess. */
static void test_content_digest_depends_on_a_key(void **state)
{
    (void)state;
    struct content_digest a;
    struct content_digest b;
    assert_int_equal(digest(BASE, &a), ST_OK);
    digester_fini(&digester);
    assert_int_equal(digester_init(&digester), ST_OK);
    assert_int_equal(digest(BASE, &b), ST_OK);
    assert_false(content_digest_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_digest_rows),
        cmocka_unit_test(test_content_digest_of_many_members_is_in_order),
        cmocka_unit_test(test_content_digest_depends_on_a_key),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
