/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: what a tree becomes, what is refused and how it is said, memory. All secrets are
 * TEST-ONLY. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "document/document.h"
#include "kube/secret.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

/* The value that no problem text may hold. */
#define CANARY "TEST-ONLY-canary"

#define A50  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A63  A50 "aaaaaaaaaaaaa"
#define A253 A50 A50 A50 A50 A50 "aaa"

/* What a manifest becomes: "namespace/name type [deleting] key=value …". */
static const struct {
    const char *name;
    const char *text;
    const char *want;
} accepted_rows[] = {
    { "data and stringData",
      "metadata: {name: a, namespace: b}\ntype: t\ndata: {x: Zm9v}\nstringData: {z: bar}\n",
      "b/a t x=foo z=bar" },
    { "the defaults", "metadata: {name: a}\n", "default/a Opaque" },
    { "empty texts have the defaults too", "metadata: {name: a, namespace: ''}\ntype: ''\n",
      "default/a Opaque" },
    { "null has the defaults too",
      "metadata: {name: a, namespace: ~, uid: ~, deletionTimestamp: ~}\ntype: ~\ndata: ~\n"
      "stringData: ~\n",
      "default/a Opaque" },
    { "stringData wins over data",
      "metadata: {name: a}\ndata: {x: Zm9v, z: Zm9v}\nstringData: {x: bar}\n",
      "default/a Opaque x=bar z=foo" },
    { "an empty stringData value wins too",
      "metadata: {name: a}\ndata: {x: Zm9v}\nstringData: {x: ''}\n", "default/a Opaque x=" },
    { "a null stringData value wins too",
      "metadata: {name: a}\ndata: {x: Zm9v}\nstringData: {x: ~}\n", "default/a Opaque x=" },
    { "keys are sorted bytewise",
      "metadata: {name: a}\nstringData: {b: 1x, a: 2x, B: 3x, aa: 4x, a-: 5x, _: 6x}\n",
      "default/a Opaque B=3x _=6x a=2x a-=5x aa=4x b=1x" },
    { "null is an empty value", "metadata: {name: a}\ndata: {x: ~}\nstringData: {z: }\n",
      "default/a Opaque x= z=" },
    { "the key y is a boolean, as kubectl has it", "metadata: {name: a}\nstringData: {y: x}\n",
      "default/a Opaque true=x" },
    { "base64 over lines", "metadata: {name: a}\ndata:\n  x: |\n    Zm9v\n    YmFy\n",
      "default/a Opaque x=foobar" },
    { "being deleted", "metadata: {name: a, deletionTimestamp: 2026-01-02T03:04:05Z}\n",
      "default/a Opaque deleting" },
    { "being deleted, whatever the timestamp", "metadata: {name: a, deletionTimestamp: {}}\n",
      "default/a Opaque deleting" },
    { "being deleted, an empty timestamp", "metadata: {name: a, deletionTimestamp: ''}\n",
      "default/a Opaque deleting" },
    { "uid and resourceVersion", "metadata: {name: a, uid: u-1, resourceVersion: '7'}\n",
      "default/a Opaque uid=u-1 rv=7" },
    { "members nobody needs",
      "apiVersion: v1\nkind: Secret\nimmutable: true\nextra: [1]\nmetadata:\n  name: a\n"
      "  labels: {x: z}\n  annotations: {}\n  generation: x\n",
      "default/a Opaque" },
    { "labels, annotations and finalizers",
      "metadata:\n  name: a\n  labels: {x: z, n: ~}\n  annotations: {x: 'true', n: }\n"
      "  finalizers: [x/y, ~]\nimmutable: false\n",
      "default/a Opaque" },
    { "labels, annotations and finalizers that are null",
      "metadata: {name: a, labels: ~, annotations: ~, finalizers: ~}\nimmutable: ~\n",
      "default/a Opaque" },
    { "a name with dots", "metadata: {name: 0-a.b--c.9}\n", "default/0-a.b--c.9 Opaque" },
    { "the longest name", "metadata: {name: " A253 "}\n", "default/" A253 " Opaque" },
    { "the longest namespace", "metadata: {name: a, namespace: " A63 "}\n", A63 "/a Opaque" },
    { "the longest key", "metadata: {name: a}\nstringData: {" A253 ": x}\n",
      "default/a Opaque " A253 "=x" },
    { "keys with every kind of character", "metadata: {name: a}\nstringData: {.Az-_.9..: x}\n",
      "default/a Opaque .Az-_.9..=x" },
};

static const struct {
    const char *name;
    const char *text;
    enum status want;
    unsigned line;
    unsigned column;
    const char *problem;
} refused_rows[] = {
    { "no mapping", "x\n", ST_TYPE, 1, 1, "expected a Secret, found a string" },
    { "a list", "- metadata\n", ST_TYPE, 1, 1, "expected a Secret, found a list" },
    { "no metadata", "type: x\n", ST_TYPE, 1, 1, "metadata: expected an object, found nothing" },
    { "metadata is a string", "metadata: x\n", ST_TYPE, 1, 11,
      "metadata: expected an object, found a string" },
    { "no name", "type: x\nmetadata: {namespace: a}\n", ST_INVALID, 2, 11,
      "metadata.name: expected a name" },
    { "an empty name", "metadata: {name: ''}\n", ST_INVALID, 1, 18,
      "metadata.name: expected a name" },
    { "a null name", "metadata:\n  name:\n", ST_INVALID, 2, 3, "metadata.name: expected a name" },
    { "a name that is a number", "metadata: {name: 1}\n", ST_TYPE, 1, 18,
      "metadata.name: expected a string, found a number (quote it)" },
    { "a name in capitals", "metadata: {name: A}\n", ST_INVALID, 1, 18,
      "metadata.name: expected a DNS subdomain: at most 253 of a-z, 0-9, `-` and `.`" },
    { "a name with an underscore", "metadata: {name: a_b}\n", ST_INVALID, 1, 18, "metadata.name" },
    { "a name that begins with a dash", "metadata: {name: -a}\n", ST_INVALID, 1, 18,
      "metadata.name" },
    { "a name that ends with a dash", "metadata: {name: a-}\n", ST_INVALID, 1, 18,
      "metadata.name" },
    { "a name that begins with a dot", "metadata: {name: .a}\n", ST_INVALID, 1, 18,
      "metadata.name" },
    { "a name that ends with a dot", "metadata: {name: a.}\n", ST_INVALID, 1, 18, "metadata.name" },
    { "two dots", "metadata: {name: a..b}\n", ST_INVALID, 1, 18, "metadata.name" },
    { "a dash before a dot", "metadata: {name: a-.b}\n", ST_INVALID, 1, 18, "metadata.name" },
    { "a dash behind a dot", "metadata: {name: a.-b}\n", ST_INVALID, 1, 18, "metadata.name" },
    { "a name with NUL", "metadata: {name: \"a\\0\"}\n", ST_INVALID, 1, 18, "metadata.name" },
    { "a name one too long", "metadata: {name: a" A253 "}\n", ST_INVALID, 1, 18, "metadata.name" },
    { "a namespace with a dot", "metadata: {name: a, namespace: a.b}\n", ST_INVALID, 1, 32,
      "metadata.namespace: expected a DNS label: at most 63 of a-z, 0-9 and `-`" },
    { "a namespace in capitals", "metadata: {name: a, namespace: A}\n", ST_INVALID, 1, 32,
      "metadata.namespace" },
    { "a namespace one too long", "metadata: {name: a, namespace: a" A63 "}\n", ST_INVALID, 1, 32,
      "metadata.namespace" },
    { "a namespace that is a boolean", "metadata: {name: a, namespace: on}\n", ST_TYPE, 1, 32,
      "metadata.namespace: expected a string, found a boolean (quote it)" },
    { "a uid that is a number", "metadata: {name: a, uid: 1}\n", ST_TYPE, 1, 26,
      "metadata.uid: expected a string, found a number (quote it)" },
    { "a resourceVersion that is a number", "metadata: {name: a, resourceVersion: 1}\n", ST_TYPE, 1,
      38, "metadata.resourceVersion: expected a string, found a number (quote it)" },
    { "labels that are a string", "metadata: {name: a, labels: x}\n", ST_TYPE, 1, 29,
      "metadata.labels: expected an object, found a string" },
    { "a label that is a boolean", "metadata:\n  name: a\n  labels: {x: z, enabled: yes}\n",
      ST_TYPE, 3, 27, "metadata.labels.enabled: expected a string, found a boolean (quote it)" },
    { "annotations that are a list", "metadata: {name: a, annotations: []}\n", ST_TYPE, 1, 34,
      "metadata.annotations: expected an object, found a list" },
    { "an annotation that is a number", "metadata: {name: a, annotations: {x: 1, z: z}}\n", ST_TYPE,
      1, 38, "metadata.annotations.x: expected a string, found a number (quote it)" },
    { "finalizers that are a string", "metadata: {name: a, finalizers: x/y}\n", ST_TYPE, 1, 33,
      "metadata.finalizers: expected a list, found a string" },
    { "a finalizer that is a number", "metadata: {name: a, finalizers: [x/y, 1]}\n", ST_TYPE, 1, 39,
      "metadata.finalizers: expected a string, found a number (quote it)" },
    { "immutable that is a string", "metadata: {name: a}\nimmutable: 'true'\n", ST_TYPE, 2, 12,
      "immutable: expected true or false, found a string" },
    { "immutable that is a number", "metadata: {name: a}\nimmutable: 1\n", ST_TYPE, 2, 12,
      "immutable: expected true or false, found a number" },
    { "a type that is a number", "metadata: {name: a}\ntype: 1.5\n", ST_TYPE, 2, 7,
      "type: expected a string, found a number (quote it)" },
    { "data that is a list", "metadata: {name: a}\ndata: [x]\n", ST_TYPE, 2, 7,
      "data: expected an object, found a list" },
    { "data that is a string", "metadata: {name: a}\ndata: " CANARY "\n", ST_TYPE, 2, 7,
      "data: expected an object, found a string" },
    { "stringData that is a boolean", "metadata: {name: a}\nstringData: true\n", ST_TYPE, 2, 13,
      "stringData: expected an object, found a boolean" },
    { "a data value that is a boolean", "metadata: {name: a}\ndata:\n  expiration: true\n", ST_TYPE,
      3, 15, "data.expiration: expected a base64 string, found a boolean (quote it)" },
    { "a data value that is a number", "metadata: {name: a}\ndata: {x: 1234}\n", ST_TYPE, 2, 11,
      "data.x: expected a base64 string, found a number (quote it)" },
    { "a data value that is a list of bytes", "metadata: {name: a}\ndata: {x: [1]}\n", ST_TYPE, 2,
      11, "data.x: expected a base64 string, found a list" },
    { "a stringData value that is a boolean",
      "metadata: {name: a}\nstringData: {usage-bootstrap-signing: true}\n", ST_TYPE, 2, 39,
      "stringData.usage-bootstrap-signing: expected a string, found a boolean (quote it)" },
    { "a stringData value that is a number", "metadata: {name: a}\nstringData: {x: 1}\n", ST_TYPE,
      2, 17, "stringData.x: expected a string, found a number (quote it)" },
    { "a stringData value that is an object", "metadata: {name: a}\nstringData: {x: {}}\n", ST_TYPE,
      2, 17, "stringData.x: expected a string, found an object" },
    { "no base64", "metadata: {name: a}\ndata:\n  x: " CANARY "\n", ST_INVALID, 3, 6,
      "data.x: expected base64 with its padding, which character 5 is not part of" },
    { "base64 without padding", "metadata: {name: a}\ndata: {x: Zg}\n", ST_INVALID, 2, 11,
      "data.x: expected base64 with its padding, which character 3 is not part of" },
    { "no base64, though stringData wins",
      "metadata: {name: a}\ndata: {x: '-'}\nstringData: {x: w}\n", ST_INVALID, 2, 11, "data.x" },
    { "an empty key", "metadata: {name: a}\ndata: {'': Zm9v}\n", ST_INVALID, 2, 7,
      "data: expected keys of 1 to 253 of a-z, A-Z, 0-9, `-`, `_` and `.`, not `.` and not "
      "starting with `..`" },
    { "a key with a blank", "metadata: {name: a}\nstringData: {x y: z}\n", ST_INVALID, 2, 13,
      "stringData: expected keys" },
    { "a key with a slash", "metadata: {name: a}\nstringData: {x/y: z}\n", ST_INVALID, 2, 13,
      "stringData: expected keys" },
    { "a key of one dot", "metadata: {name: a}\nstringData: {.: z}\n", ST_INVALID, 2, 13,
      "stringData: expected keys" },
    { "a key of two dots", "metadata: {name: a}\nstringData: {..: z}\n", ST_INVALID, 2, 13,
      "stringData: expected keys" },
    { "a key that begins with two dots", "metadata: {name: a}\nstringData: {..x: z}\n", ST_INVALID,
      2, 13, "stringData: expected keys" },
    { "a key one too long", "metadata: {name: a}\nstringData: {a" A253 ": z}\n", ST_INVALID, 2, 13,
      "stringData: expected keys" },
    { "JSON has positions too", "{\"metadata\":{\"name\":\"a\"},\n \"data\":{\"x\":1}}", ST_TYPE, 2,
      14, "data.x: expected a base64 string, found a number (quote it)" },
};

struct outcome {
    struct secret *secret; /* owns */
    struct problem problem;
};

static enum status decode(void *ctx, json_object *root)
{
    struct outcome *const outcome = ctx;
    return secret_decode(root, &outcome->secret, &outcome->problem);
}

static enum status parse(struct span text, struct outcome *ret_outcome)
{
    *ret_outcome = (struct outcome){ 0 };
    return document_parse(text, decode, ret_outcome, &ret_outcome->problem);
}

static void describe(struct buf *buf, const struct secret *secret)
{
    const struct object_meta *const meta = &secret->meta;
    buf_append(buf, meta->namespace);
    buf_append_char(buf, '/');
    buf_append(buf, meta->name);
    buf_append_char(buf, ' ');
    buf_append(buf, secret->type);
    buf_append_text(buf, meta->has_deletion_timestamp ? " deleting" : "");
    buf_append_text(buf, meta->uid.len > 0 ? " uid=" : "");
    buf_append(buf, meta->uid);
    buf_append_text(buf, meta->resource_version.len > 0 ? " rv=" : "");
    buf_append(buf, meta->resource_version);
    for (size_t i = 0; i < secret->entry_count; i++) {
        buf_append_char(buf, ' ');
        buf_append(buf, secret->entries[i].key);
        buf_append_char(buf, '=');
        buf_append(buf, secret->entries[i].value);
    }
    buf_append_char(buf, '\0');
    assert_false(buf->failed);
}

static void test_secret_decode_accepted_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(accepted_rows); i++) {
        struct outcome outcome;
        struct buf got = { 0 };
        if (parse(span_of(accepted_rows[i].text), &outcome) != ST_OK) {
            fail_msg("%s: %u:%u: %s", accepted_rows[i].name, outcome.problem.line,
                     outcome.problem.column, outcome.problem.text);
        }
        describe(&got, outcome.secret);
        if (strcmp(got.at, accepted_rows[i].want) != 0) {
            fail_msg("%s: %s", accepted_rows[i].name, got.at);
        }
        buf_fini(&got);
        assert_null(secret_free(outcome.secret));
    }
}

static void test_secret_decode_refused_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused_rows); i++) {
        struct outcome outcome;
        const enum status status = parse(span_of(refused_rows[i].text), &outcome);
        const struct problem *const problem = &outcome.problem;
        if (status != refused_rows[i].want || problem->status != status || outcome.secret ||
            problem->line != refused_rows[i].line || problem->column != refused_rows[i].column ||
            !span_starts_with(span_of(problem->text), span_of(refused_rows[i].problem)) ||
            strstr(problem->text, CANARY)) {
            fail_msg("%s: status %d at %u:%u: %s", refused_rows[i].name, (int)status, problem->line,
                     problem->column, problem->text);
        }
    }
}

static enum status decode_names(void *ctx, json_object *root)
{
    struct outcome *const outcome = ctx;
    return secret_decode_names(root, &outcome->secret, &outcome->problem);
}

static void test_secret_decode_names_of_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status want;
        const char *is;
    } rows[] = {
        { "metadata: {name: a}\ntype: 1\ndata: [" CANARY "]\n", ST_OK, "default/a " },
        { "metadata: {name: a, namespace: b, labels: 1, deletionTimestamp: x}\n", ST_OK,
          "b/a  deleting" },
        { "metadata: {name: A}\n", ST_INVALID, "" },
        { "metadata: {name: 1}\n", ST_TYPE, "" },
        { "metadata: {name: a, namespace: 1}\n", ST_TYPE, "" },
        { "metadata: {name: a, namespace: a.b}\n", ST_INVALID, "" },
        { "metadata: 1\n", ST_TYPE, "" },
        { "- a\n", ST_TYPE, "" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct outcome outcome = { 0 };
        struct buf got = { 0 };
        assert_int_equal(
            document_parse(span_of(rows[i].text), decode_names, &outcome, &outcome.problem),
            rows[i].want);
        if (outcome.secret) {
            describe(&got, outcome.secret);
            assert_string_equal(got.at, rows[i].is);
            assert_true(outcome.secret->meta.is_refused);
        }
        assert_int_equal(outcome.secret != NULL, rows[i].want == ST_OK);
        buf_fini(&got);
        assert_null(secret_free(outcome.secret));
    }
}

static void test_secret_decode_values_may_hold_any_byte(void **state)
{
    (void)state;
    struct outcome outcome;
    struct span value = { 0 };
    assert_int_equal(
        parse(SPAN_LITERAL("metadata: {name: a}\ndata: {x: AP8A}\nstringData: {z: \"\\0z\"}\n"),
              &outcome),
        ST_OK);
    assert_true(secret_find(outcome.secret, "x", &value));
    assert_true(span_equal(value, SPAN_LITERAL("\0\xff\0")));
    assert_true(secret_find(outcome.secret, "z", &value));
    assert_true(span_equal(value, SPAN_LITERAL("\0z")));
    (void)secret_free(outcome.secret);
}

static void test_secret_find_every_key_and_no_other(void **state)
{
    (void)state;
    struct buf text = { 0 };
    struct outcome outcome;
    buf_append_text(&text, "metadata: {name: a}\nstringData:\n");
    for (int i = 0; i < 100; i++) {
        buf_printf(&text, "  k%d: v%d\n", 7 * i % 100 * 2, 7 * i % 100 * 2);
    }
    assert_int_equal(parse(buf_span(&text), &outcome), ST_OK);
    assert_int_equal(outcome.secret->entry_count, 100);
    for (int i = 0; i < 200; i++) {
        char key[16], want[16];
        struct span value = SPAN_LITERAL("untouched");
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)snprintf(want, sizeof(want), "v%d", i);
        const bool found = secret_find(outcome.secret, key, &value);
        assert_int_equal(found, i % 2 == 0);
        assert_true(span_equal(value, found ? span_of(want) : SPAN_LITERAL("untouched")));
    }
    struct span value;
    assert_false(secret_find(outcome.secret, "", &value));
    assert_false(secret_find(outcome.secret, "k", &value));
    assert_false(secret_find(outcome.secret, "z", &value));
    (void)secret_free(outcome.secret);
    buf_fini(&text);
}

static void append_times(struct buf *buf, size_t count, char c)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_char(buf, c);
    }
}

/* What stringData replaces does not count: it is the sum of what is kept. */
static void test_secret_decode_size_is_limited(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf text = { 0 };
        struct outcome outcome;
        buf_append_text(&text, "metadata: {name: a}\ndata: {x: ");
        append_times(&text, 1048572, 'A'); /* 786429 bytes */
        buf_append_text(&text, ", z: ");
        append_times(&text, 1048572, 'A');
        buf_append_text(&text, "}\nstringData: {z: zz, w: ");
        append_times(&text, SECRET_MAX_BYTES - 786429 - 2 + more, 'y');
        buf_append_text(&text, "}\n");
        const enum status status = parse(buf_span(&text), &outcome);
        assert_int_equal(status, more == 0 ? ST_OK : ST_LIMIT);
        assert_int_equal(outcome.problem.line, more == 0 ? 0 : 1);
        (void)secret_free(outcome.secret);
        buf_fini(&text);
    }
}

static void test_secret_free_of_null(void **state)
{
    (void)state;
    assert_null(secret_free(NULL));
}

static void test_secret_decode_every_allocation_may_fail(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    const struct span text = SPAN_LITERAL(
        "metadata: {name: a}\ndata: {x: Zm9v, w: Zm9v}\nstringData: {w: bar, z: bar}\n");
    size_t nth = 1;
    bool reached;
    do {
        struct outcome outcome;
        alloc_fail_arm(nth++);
        const enum status status = parse(text, &outcome);
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
        assert_int_equal(outcome.problem.status, status);
        assert_int_equal(outcome.secret != NULL, !reached);
        (void)secret_free(outcome.secret);
    } while (reached);
    assert_true(nth > 20); /* or nothing was tried */
}

/* GetData of the vectors: an absent key and an empty one read alike. */
static void test_secret_find_vectors(void **state)
{
    (void)state;
    json_object *const root = vectors_load("k8s.json");
    if (!root) {
        return;
    }
    json_object *const list = vectors_list(root, "bootstrap", "secret_data_get");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *const row = json_object_array_get_idx(list, i);
        struct buf text = { 0 };
        struct outcome outcome;
        struct span value = { 0 };
        buf_printf(&text, "{\"metadata\":{\"name\":\"a\"},\"data\":%s}",
                   json_object_to_json_string(json_object_object_get(row, "data")));
        assert_int_equal(parse(buf_span(&text), &outcome), ST_OK);
        const char *const key = vectors_text(row, "key").at;
        assert_non_null(key);
        (void)secret_find(outcome.secret, key, &value);
        if (!span_equal(value, vectors_text(row, "expect"))) {
            fail_msg("%s", vectors_text(row, "id").at);
        }
        (void)secret_free(outcome.secret);
        buf_fini(&text);
    }
    (void)json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret_decode_accepted_rows),
        cmocka_unit_test(test_secret_decode_refused_rows),
        cmocka_unit_test(test_secret_decode_names_of_what_is_refused),
        cmocka_unit_test(test_secret_decode_values_may_hold_any_byte),
        cmocka_unit_test(test_secret_find_every_key_and_no_other),
        cmocka_unit_test(test_secret_decode_size_is_limited),
        cmocka_unit_test(test_secret_free_of_null),
        cmocka_unit_test(test_secret_decode_every_allocation_may_fail),
        cmocka_unit_test(test_secret_find_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
