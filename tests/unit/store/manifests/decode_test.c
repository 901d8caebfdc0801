/* SPDX-License-Identifier: Apache-2.0 */
/* What a manifest's text yields: Secrets in order, or one problem with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kube/secret.h"
#include "store/manifests/decode.h"

#define META(name)    "metadata:\n  name: " name "\n"
#define SECRET(name)  "apiVersion: v1\nkind: Secret\n" META(name)
#define ITEM(name)    "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: " name "\n"
#define PLAIN(name)   "- metadata:\n    name: " name "\n"
#define LIST(version) "apiVersion: " version "\nkind: List\nitems:\n"
#define SECRETS       "apiVersion: v1\nkind: SecretList\nitems:\n"
#define JSON_SECRET(n) \
    "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"" n "\"}}"

static const struct {
    const char *name;
    const char *text;
    enum status status;
    const char *want; /* the names; or what the problem says */
    unsigned line;
    unsigned column;
} rows[] = {
    { "one Secret", SECRET("a"), ST_OK, " a@1", 0, 0 },
    { "nothing", "", ST_OK, "", 0, 0 },
    { "comments only", "# nothing\n---\n# here\n", ST_OK, "", 0, 0 },
    { "two documents", SECRET("b") "---\n" SECRET("a"), ST_OK, " b@1 a@6", 0, 0 },
    { "JSON", JSON_SECRET("a") "\n" JSON_SECRET("b"), ST_OK, " a@1 b@2", 0, 0 },
    { "List", LIST("v1") ITEM("a") ITEM("b"), ST_OK, " a@4 b@8", 0, 0 },
    { "List without items", "apiVersion: v1\nkind: List\n", ST_OK, "", 0, 0 },
    { "List with null items", LIST("v1") "  null\n", ST_OK, "", 0, 0 },
    { "List with other kinds", LIST("v1") "- {apiVersion: v1, kind: Pod}\n" ITEM("a"), ST_OK,
      " a@5", 0, 0 },
    { "SecretList", SECRETS PLAIN("a") ITEM("b"), ST_OK, " a@4 b@6", 0, 0 },
    { "other kinds between", "apiVersion: v1\nkind: ConfigMap\n---\n" SECRET("a"), ST_OK, " a@4", 0,
      0 },
    { "Secret of another group", "apiVersion: example.com/v1\nkind: Secret\n", ST_OK, "", 0, 0 },
    { "List of another group", "apiVersion: example.com/v1\nkind: List\nitems: 1\n", ST_OK, "", 0,
      0 },
    { "kind in another case", "apiVersion: v1\nkind: secret\n", ST_OK, "", 0, 0 },
    { "Secret of an unknown version", "kind: Secret\napiVersion: v2\n", ST_UNSUPPORTED,
      "apiVersion: expected v1", 2, 13 },
    { "List of an unknown version", LIST("v2"), ST_UNSUPPORTED, "apiVersion: expected v1", 1, 13 },
    { "no apiVersion", "kind: Secret\n", ST_INVALID, "expected apiVersion", 1, 1 },
    { "null apiVersion", "kind: Secret\napiVersion:\n", ST_INVALID, "expected apiVersion", 1, 1 },
    { "empty apiVersion", "kind: Secret\napiVersion: ''\n", ST_INVALID, "expected apiVersion", 2,
      13 },
    { "number as apiVersion", "kind: Secret\napiVersion: 1\n", ST_TYPE,
      "apiVersion: expected a string", 2, 13 },
    { "no kind", "apiVersion: v1\n", ST_INVALID, "expected kind", 1, 1 },
    { "sequence as kind", "apiVersion: v1\nkind: [Secret]\n", ST_TYPE, "kind: expected a string", 2,
      7 },
    { "a scalar", "hello\n", ST_TYPE, "expected a Kubernetes object", 1, 1 },
    { "a sequence", "- a\n", ST_TYPE, "expected a Kubernetes object", 1, 1 },
    { "second document broken", SECRET("a") "---\nkind: [\n", ST_SYNTAX, "", 7, 1 },
    { "second document without kind", SECRET("a") "---\napiVersion: v1\n", ST_INVALID,
      "expected kind", 6, 1 },
    { "second Secret is refused", SECRET("a") "---\n" SECRET("b") "stringData: {x: true}\n", ST_OK,
      " a@1 b@6?10:17:stringData.x: expected a string, found a boolean (quote it)", 0, 0 },
    { "a refused Secret in a List", LIST("v1") ITEM("a") "  data: {x: '?'}\n" ITEM("b"), ST_OK,
      " a@4?8:13:data.x: expected base64 with its padding, which character 1 is not part of b@9", 0,
      0 },
    { "a refused Secret without a name that can be read",
      SECRET("a") "---\n" SECRET("B") "stringData: {x: true}\n", ST_INVALID, "metadata.name", 9,
      9 },
    { "a refused Secret without a namespace that can be read",
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: 1}\ntype: 1\n", ST_TYPE,
      "metadata.namespace", 3, 32 },
    { "duplicate key", "kind: Secret\nkind: Secret\n", ST_DUPLICATE, "kind", 2, 1 },
    { "items of another type", LIST("v1") "  a: b\n", ST_TYPE, "items: expected a sequence", 4, 3 },
    { "null among items", LIST("v1") "- null\n", ST_TYPE, "items: expected objects", 4, 1 },
    { "scalar among items", LIST("v1") "- a\n", ST_TYPE, "expected a Kubernetes object", 4, 3 },
    { "item without kind", LIST("v1") PLAIN("a"), ST_INVALID, "expected apiVersion", 4, 3 },
    { "item of a SecretList with half a type", SECRETS "- {apiVersion: v1}\n", ST_INVALID,
      "expected kind", 4, 3 },
    { "other kind in a SecretList", SECRETS "- {apiVersion: v1, kind: Pod}\n", ST_INVALID,
      "expected a Secret", 4, 3 },
    { "list in a list", LIST("v1") "- {apiVersion: v1, kind: List}\n", ST_UNSUPPORTED,
      "a list inside a list", 4, 3 },
    { "no UTF-8 in a comment", "# caf\xe9\n" SECRET("a"), ST_OK, " a@2", 0, 0 },
    { "no UTF-8 in the description", SECRET("a") "stringData: {description: caf\xe9}\n", ST_OK,
      " a@1", 0, 0 },
    { "no UTF-8 in another kind", "apiVersion: v1\nkind: ConfigMap\ndata: {x: caf\xe9}\n", ST_OK,
      "", 0, 0 },
    { "no UTF-8 in a label",
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {x: \xe9}}\n", ST_OK,
      " a@1?3:33:metadata.labels.x: expected UTF-8", 0, 0 },
    { "no UTF-8 in a time of deletion, which is one all the same",
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a, deletionTimestamp: \xe9}\n", ST_OK, " a@1",
      0, 0 },
    { "no UTF-8 in a kind", "apiVersion: v1\nkind: Secr\xe9t\n", ST_SYNTAX, "expected UTF-8", 2,
      7 },
    { "no UTF-8 in an apiVersion", "apiVersion: v1\xe9\nkind: Secret\n", ST_SYNTAX,
      "expected UTF-8", 1, 13 },
    { "no UTF-8 in a key of metadata",
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a, deletionTim\xe9stamp: x}\n", ST_SYNTAX,
      "a key in UTF-8", 3, 21 },
    { "no UTF-8 in a key of another kind", "apiVersion: v1\nkind: ConfigMap\ndata: {\xe9: x}\n",
      ST_SYNTAX, "a key in UTF-8", 3, 8 },
    { "no UTF-8 in a name", "apiVersion: v1\nkind: Secret\nmetadata: {name: a\xe9}\n", ST_SYNTAX,
      "metadata.name: expected UTF-8", 3, 18 },
    { "no UTF-8 in a type", SECRET("a") "type: caf\xe9\n", ST_OK, " a@1?5:7:type: expected UTF-8",
      0, 0 },
    { "no UTF-8 in an entry", SECRET("a") "stringData: {expiration: \xe9}\n", ST_OK,
      " a@1?5:26:stringData.expiration: expected UTF-8", 0, 0 },
    { "no UTF-8 in base64", SECRET("a") "data: {description: Zm9\xe9}\n", ST_OK,
      " a@1?5:21:data.description: expected base64 with its padding, which character 4 is not part "
      "of",
      0, 0 },
    { "SecretList in a list", LIST("v1") ITEM("a") "- {apiVersion: v1, kind: SecretList}\n",
      ST_UNSUPPORTED, "a list inside a list", 8, 3 },
    { "list of another group in a list", LIST("v1") "- {apiVersion: a/v1, kind: List}\n" ITEM("a"),
      ST_OK, " a@5", 0, 0 },
};

static const struct manifests_limits no_limits = {
    .file_objects = SIZE_MAX,
    .file_entries = SIZE_MAX,
};

static const struct store_kind secret_kinds[] = { { .kind = &kind_secret } };
static const struct manifest_kinds secrets = { .at = secret_kinds, .count = COUNTOF(secret_kinds) };
static const struct manifest_kinds no_kinds = { 0 };

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

static void check_accepted(const struct manifest_objects *objects, size_t row)
{
    char names[256] = "";
    size_t len = 0;
    for (size_t i = 0; i < objects->count; i++) {
        const struct span name = objects->at[i].secret->meta.name;
        len += (size_t)snprintf(names + len, sizeof(names) - len, " %.*s@%u", (int)name.len,
                                name.at, objects->at[i].line);
        const struct manifest_refusal *refusal = objects->at[i].refusal;
        assert_int_equal(objects->at[i].secret->meta.is_refused, refusal != NULL);
        if (refusal) {
            len += (size_t)snprintf(names + len, sizeof(names) - len, "?%u:%u:%s", refusal->line,
                                    refusal->column, refusal->text);
        }
    }
    assert_string_equal(names, rows[row].want);
}

static void test_manifest_decode_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        print_message("# %s\n", rows[i].name);
        struct manifest_objects objects = { 0 };
        struct problem problem = { 0 };
        const enum status status = manifest_decode(span_of(rows[i].text), secrets, &no_limits,
                                                   &digester, &objects, &problem);
        assert_int_equal(status, rows[i].status);
        if (status == ST_OK) {
            check_accepted(&objects, i);
        } else {
            assert_int_equal(problem.status, status);
            assert_non_null(strstr(problem.text, rows[i].want));
            assert_int_equal(problem.line, rows[i].line);
            assert_int_equal(problem.column, rows[i].column);
        }
        manifest_objects_fini(&objects);
    }
}

/* What a file decodes to is held until its last document is read. */
static void test_manifest_decode_numbers_in_a_file_are_limited(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t objects;
        size_t entries;
        enum status status;
        const char *want;
        unsigned line;
    } limited[] = {
        { SECRET("a") "---\n" SECRET("b"), 2, 0, ST_OK, "", 0 },
        { SECRET("a") "---\n" SECRET("b"), 1, 0, ST_LIMIT, "at most 1 Secrets in one file", 6 },
        { LIST("v1") ITEM("a") ITEM("b"), 2, 0, ST_OK, "", 0 },
        { LIST("v1") ITEM("a") ITEM("b"), 1, 0, ST_LIMIT, "at most 1 Secrets in one file", 8 },
        { SECRETS PLAIN("a") PLAIN("b"), 1, 0, ST_LIMIT, "at most 1 Secrets in one file", 6 },
        { SECRET("a") "stringData: {x: '', y: ''}\n---\n" SECRET("b") "data: {x: ''}\n", 2, 3,
          ST_OK, "", 0 },
        { SECRET("a") "stringData: {x: '', y: ''}\n---\n" SECRET("b") "data: {x: ''}\n", 2, 2,
          ST_LIMIT, "at most 2 data entries in one file", 7 },
        { "apiVersion: v1\nkind: Pod\n---\n" SECRET("b"), 1, 0, ST_OK, "", 0 },
    };
    for (size_t i = 0; i < COUNTOF(limited); i++) {
        const struct manifests_limits limits = {
            .file_objects = limited[i].objects,
            .file_entries = limited[i].entries,
        };
        struct manifest_objects objects = { 0 };
        struct problem problem = { 0 };
        const enum status status = manifest_decode(span_of(limited[i].text), secrets, &limits,
                                                   &digester, &objects, &problem);
        if (status != limited[i].status || problem.line != limited[i].line ||
            !strstr(problem.text, limited[i].want)) {
            fail_msg("row %zu: status %d at %u: %s", i, (int)status, problem.line, problem.text);
        }
        manifest_objects_fini(&objects);
    }
}

static void test_manifest_decode_unwanted_kind_is_not_decoded(void **state)
{
    (void)state;
    struct manifest_objects objects = { 0 };
    struct problem problem = { 0 };
    const struct span broken = SPAN_LITERAL(SECRET("a") "stringData: {x: true}\n");
    assert_int_equal(manifest_decode(broken, no_kinds, &no_limits, &digester, &objects, &problem),
                     ST_OK);
    assert_int_equal(objects.count, 0);
    assert_int_equal(manifest_decode(broken, secrets, &no_limits, &digester, &objects, &problem),
                     ST_OK);
    assert_int_equal(objects.count, 1);
    assert_int_equal(objects.at[0].refusal->status, ST_TYPE);
    assert_int_equal(problem.status, ST_OK);
    manifest_objects_fini(&objects);
}

static const struct object_kind kind_widget = {
    .group = "example.com",
    .version = "v1",
    .name = "Widget",
    .plural = "widgets",
    .is_cluster_scoped = true,
};

/* Of several kinds: what was asked for of each, and what else of the same words is none. */
static void test_manifest_decode_kind_rows(void **state)
{
    (void)state;
    static const struct store_kind kinds[] = {
        { .kind = &kind_secret, .is_metadata_only = true },
        { .kind = &kind_config_map, .wants_json = true },
        { .kind = &kind_widget },
    };
    static const struct {
        const char *text;
        enum status status;
        const char *want; /* kind/name, + with JSON; or what the problem says */
    } kind_rows[] = {
        { SECRET("a"), ST_OK, " Secret/a" },
        { SECRET("a") "stringData: {x: true}\n", ST_OK, " Secret/a" }, /* it is not looked at */
        { SECRET("A"), ST_INVALID, "metadata.name" },
        { "apiVersion: v1\nkind: ConfigMap\n" META("a"), ST_OK, " ConfigMap/a+" },
        { "apiVersion: v1\nkind: ConfigMap\n" META("a") "immutable: 1\n", ST_OK, " ConfigMap/a?" },
        { "apiVersion: v1\nkind: ServiceAccount\n" META("a"), ST_OK, "" },
        { "apiVersion: example.com/v1\nkind: Widget\n" META("a"), ST_OK, " Widget/a" },
        { "apiVersion: example.com/v1\nkind: Widget\n" META("a") "  namespace: ns\n", ST_OK,
          " Widget/a?" },
        { "apiVersion: example.org/v1\nkind: Widget\n" META("a"), ST_OK, "" },
        { "apiVersion: v1\nkind: Widget\n" META("a"), ST_OK, "" },
        { "apiVersion: example.com/v2\nkind: Widget\n" META("a"), ST_UNSUPPORTED,
          "apiVersion: expected example.com/v1 for this kind" },
        { "apiVersion: example.com/v1\nkind: WidgetList\nitems:\n" PLAIN("a") PLAIN("b"), ST_OK,
          " Widget/a Widget/b" },
        { "apiVersion: example.com/v1\nkind: WidgetList\nitems:\n" ITEM("a"), ST_INVALID,
          "expected a Widget in a WidgetList" },
        { LIST("v1")
              ITEM("a") "- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
                        "- {apiVersion: v1, kind: Pod}\n"
                        "- {apiVersion: example.com/v1, kind: Widget, metadata: {name: a}}\n",
          ST_OK, " Secret/a ConfigMap/a+ Widget/a" },
        { LIST("v1") "- {apiVersion: example.com/v1, kind: WidgetList}\n", ST_UNSUPPORTED,
          "a list inside a list" },
    };
    for (size_t i = 0; i < COUNTOF(kind_rows); i++) {
        const struct manifest_kinds wanted = { kinds, COUNTOF(kinds) };
        const struct manifests_limits limits = { SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX,
                                                 SIZE_MAX, SIZE_MAX, 32 };
        struct manifest_objects objects = { 0 };
        struct problem problem = { 0 };
        struct buf got = { 0 };
        const enum status status = manifest_decode(span_of(kind_rows[i].text), wanted, &limits,
                                                   &digester, &objects, &problem);
        for (size_t j = 0; j < objects.count; j++) {
            const struct manifest_object *object = &objects.at[j];
            buf_printf(&got, " %s/%.*s%s%s", object->kind->name, (int)object->meta->name.len,
                       object->meta->name.at, object->json ? "+" : "", object->refusal ? "?" : "");
            assert_null(object->secret);
        }
        buf_append_char(&got, '\0');
        if (status != kind_rows[i].status ||
            (status == ST_OK ? strcmp(got.at, kind_rows[i].want) != 0
                             : !strstr(problem.text, kind_rows[i].want))) {
            fail_msg("%s: %d,%s %s", kind_rows[i].text, (int)status, got.at, problem.text);
        }
        buf_fini(&got);
        manifest_objects_fini(&objects);
    }
}

static void test_manifest_decode_values_that_are_kept_are_limited(void **state)
{
    (void)state;
    static const struct store_kind kind = { .kind = &kind_config_map, .wants_json = true };
    static const struct store_kind without = { .kind = &kind_config_map };
    static const struct span text =
        SPAN_LITERAL("apiVersion: v1\nkind: ConfigMap\n" META("a") "data: {x: [1, 2]}\n");
    static const struct {
        const struct store_kind *kind;
        size_t max;
        enum status status;
    } limited[] = {
        { &kind, 9, ST_OK }, /* the object, two texts, metadata and name, data, x and its two */
        { &kind, 8, ST_LIMIT },
        { &without, 0, ST_OK },
    };
    for (size_t i = 0; i < COUNTOF(limited); i++) {
        const struct manifests_limits limits = {
            .file_objects = 1,
            .file_entries = 1,
            .file_values = limited[i].max,
        };
        struct manifest_objects objects = { 0 };
        struct problem problem = { 0 };
        assert_int_equal(manifest_decode(text, (struct manifest_kinds){ limited[i].kind, 1 },
                                         &limits, &digester, &objects, &problem),
                         limited[i].status);
        manifest_objects_fini(&objects);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_decode_rows),
        cmocka_unit_test(test_manifest_decode_numbers_in_a_file_are_limited),
        cmocka_unit_test(test_manifest_decode_unwanted_kind_is_not_decoded),
        cmocka_unit_test(test_manifest_decode_kind_rows),
        cmocka_unit_test(test_manifest_decode_values_that_are_kept_are_limited),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
