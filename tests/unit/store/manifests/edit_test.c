/* SPDX-License-Identifier: Apache-2.0 */
/* One object of a manifest's text: what becomes of it, and that all else stays byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/manifests/edit.h"

#define BOM          "\xef\xbb\xbf"
#define HEAD         "apiVersion: v1\nkind: Secret\n"
#define SECRET(name) HEAD "metadata:\n  name: " name "\n"
#define NEW          HEAD "metadata:\n  name: b\n  uid: u\n"
#define JSON(name) \
    "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"" name "\"}}"
#define JSON_NEW                                                                               \
    "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Secret\",\n  \"metadata\": {\n    \"name\": " \
    "\"b\",\n"                                                                                 \
    "    \"uid\": \"u\"\n  }\n}"
#define KYAML(name)                                                                       \
    "{\n  apiVersion: \"v1\", # c\n  kind: \"Secret\",\n  metadata: {\n    name: \"" name \
    "\",\n  },\n}\n"
#define ITEM(name) "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: " name "\n"
#define LIST       "apiVersion: v1\nkind: List\nitems:\n"

static const struct store_target target_b = {
    .kind = &kind_secret,
    .namespace = SPAN_LITERAL("default"),
    .name = SPAN_LITERAL("b"),
};
static const struct store_target target_of_x = {
    .kind = &kind_secret,
    .namespace = SPAN_LITERAL("x"),
    .name = SPAN_LITERAL("b"),
};

static const struct {
    const char *what;
    const char *text;
    const char *replaced; /* NULL: as it was */
    const char *without;  /* b; NULL: as it was. "" with no document left */
} rows[] = {
    { "alone", SECRET("b"), NEW, "" },
    { "no line break at the end", HEAD "metadata: {name: b}", NEW, "" },
    { "not there", SECRET("a"), NULL, NULL },
    { "of another namespace", HEAD "metadata: {name: b, namespace: x}\n", NULL, NULL },
    { "of the default namespace", HEAD "metadata: {name: b, namespace: default}\n", NEW, "" },
    { "of another kind", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n", NULL, NULL },

    { "the first", "# top\n" SECRET("b") "# end of b\n---\n# a's\n" SECRET("a"),
      "# top\n" NEW "# end of b\n---\n# a's\n" SECRET("a"), "# top\n---\n# a's\n" SECRET("a") },
    { "the last", SECRET("a") "# x\n---\n# b's\n" SECRET("b") "# end\n",
      SECRET("a") "# x\n---\n# b's\n" NEW "# end\n", SECRET("a") "# x\n" },
    { "in the middle",
      "---\n" SECRET("a") "---  # b's\n" SECRET("b") "\n# z\n\n---\n" SECRET("c") "...\n",
      "---\n" SECRET("a") "---  # b's\n" NEW "# z\n\n---\n" SECRET("c") "...\n",
      "---\n" SECRET("a") "---\n" SECRET("c") "...\n" },
    { "lines that could become part of a block",
      SECRET("b") "    # c\n    \n\n# d\n    # e\n---\n" SECRET("a"),
      NEW "# d\n    # e\n---\n" SECRET("a"), "---\n" SECRET("a") },
    { "a comment on the last line goes with it", HEAD "metadata:\n  name: b # it is me\n# next\n",
      NEW "# next\n", "" },
    { "a flow mapping behind the dashes",
      "--- {apiVersion: v1, kind: Secret, metadata: {name: b}} # x\n---\n" SECRET("a"),
      "---\n" NEW "---\n" SECRET("a"), "---\n" SECRET("a") },
    { "an indented document", "---\n  apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n",
      "---\n" NEW, "" },
    { "indented without dashes",
      "  apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n---\n" SECRET("a"),
      NEW "---\n" SECRET("a"), "---\n" SECRET("a") },
    { "an end mark stays", SECRET("a") "---\n" SECRET("b") "...\n# c\n---\n" SECRET("c"),
      SECRET("a") "---\n" NEW "...\n# c\n---\n" SECRET("c"),
      SECRET("a") "...\n# c\n---\n" SECRET("c") },
    { "an end mark of the first does not come first",
      "# t\n" SECRET("b") "# e\n... # x\n%YAML 1.1\n---\n" SECRET("a"),
      "# t\n" NEW "# e\n... # x\n%YAML 1.1\n---\n" SECRET("a"),
      "# t\n%YAML 1.1\n---\n" SECRET("a") },
    { "an end mark behind nothing stays",
      "---\n---\n" SECRET("b") "...\n%YAML 1.1\n---\n" SECRET("a"),
      "---\n---\n" NEW "...\n%YAML 1.1\n---\n" SECRET("a"),
      "---\n...\n%YAML 1.1\n---\n" SECRET("a") },
    { "the first two with end marks", SECRET("b") "...\n---\n" SECRET("b") "...\n---\n" SECRET("a"),
      NEW "...\n---\n" SECRET("b") "...\n---\n" SECRET("a"), "---\n" SECRET("a") },
    { "lines that end in CR",
      "apiVersion: v1\rkind: Secret\rmetadata: {name: b} # c\r# d\r---\r" SECRET("a"),
      NEW "# d\r---\r" SECRET("a"), "---\r" SECRET("a") },
    { "directives go with their document",
      SECRET("a") "...\n%YAML 1.1\n---\n" SECRET("b") "---\n" SECRET("c"),
      SECRET("a") "...\n%YAML 1.1\n---\n" NEW "---\n" SECRET("c"),
      SECRET("a") "...\n---\n" SECRET("c") },
    { "a literal block at its end",
      SECRET("b") "stringData:\n  x: |\n    1\n    2\n\n# c\n---\n" SECRET("a"),
      NEW "# c\n---\n" SECRET("a"), "---\n" SECRET("a") },
    { "nothing at its end", SECRET("b") "stringData:\n  x: # nothing\n---\n" SECRET("a"),
      NEW "---\n" SECRET("a"), "---\n" SECRET("a") },
    { "an alias at its end", HEAD "metadata: &m\n  name: b\nannotations: *m\n---\n" SECRET("a"),
      NEW "---\n" SECRET("a"), "---\n" SECRET("a") },
    { "not ASCII",
      "# \xc3\xa9\xc3\xa9\n" SECRET(
          "a") "# \xf0\x9f\x99\x82\n---\n# \xc3\xa9\n" HEAD
               "metadata: {name: b, labels: {x: \xc3\xa9}}\n# \xc3\xbc\n---\n" SECRET("c"),
      "# \xc3\xa9\xc3\xa9\n" SECRET("a") "# \xf0\x9f\x99\x82\n---\n# \xc3\xa9\n" NEW
                                         "# \xc3\xbc\n---\n" SECRET("c"),
      "# \xc3\xa9\xc3\xa9\n" SECRET("a") "# \xf0\x9f\x99\x82\n---\n" SECRET("c") },
    { "a byte order mark", "\xef\xbb\xbf" SECRET("b") "---\n" SECRET("a"),
      "\xef\xbb\xbf" NEW "---\n" SECRET("a"),
      "\xef\xbb\xbf"
      "---\n" SECRET("a") },
    { "byte order marks, the first",
      BOM SECRET("b") BOM "---\n" SECRET("a") BOM "---\n" SECRET("c"),
      BOM NEW BOM "---\n" SECRET("a") BOM "---\n" SECRET("c"),
      BOM BOM "---\n" SECRET("a") BOM "---\n" SECRET("c") },
    { "byte order marks, in the middle",
      SECRET("a") BOM "---\n" SECRET("b") BOM "---\n" SECRET("c"),
      SECRET("a") BOM "---\n" NEW BOM "---\n" SECRET("c"), SECRET("a") BOM "---\n" SECRET("c") },
    { "byte order marks, the last", SECRET("a") "---\n" BOM SECRET("b"),
      SECRET("a") "---\n" BOM NEW, SECRET("a") "---\n" },
    { "byte order marks behind dashes", "---\n" BOM SECRET("b") "---\n" BOM SECRET("a"),
      "---\n" BOM NEW "---\n" BOM SECRET("a"), "---\n---\n" BOM SECRET("a") },
    { "an end mark does not come first behind JSON",
      JSON("a") "\n" SECRET("b") "... # x\n%YAML 1.1\n---\n" SECRET("c"),
      JSON("a") "\n" NEW "... # x\n%YAML 1.1\n---\n" SECRET("c"),
      JSON("a") "\n%YAML 1.1\n---\n" SECRET("c") },
    { "an end mark does not come first behind a byte order mark",
      SECRET("a") "---\n" BOM "\n" SECRET("b") "...\n---\n" SECRET("c"),
      SECRET("a") "---\n" BOM "\n" NEW "...\n---\n" SECRET("c"),
      SECRET("a") "---\n" BOM "\n---\n" SECRET("c") },
    { "an end mark stays behind what is left",
      SECRET("a") "---\n" BOM SECRET("c") "---\n" SECRET("b") "...\n---\n" SECRET("c"),
      SECRET("a") "---\n" BOM SECRET("c") "---\n" NEW "...\n---\n" SECRET("c"),
      SECRET("a") "---\n" BOM SECRET("c") "...\n---\n" SECRET("c") },
    { "a byte order mark before blanks",
      "---\n" BOM "  apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n---\n" SECRET("a"),
      "---\n" BOM NEW "---\n" SECRET("a"), "---\n---\n" SECRET("a") },
    { "a byte order mark before blanks at the beginning",
      BOM "  apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n---\n" SECRET("a"),
      BOM NEW "---\n" SECRET("a"), BOM "---\n" SECRET("a") },
    { "a byte order mark behind JSON on its line", JSON("b") " " BOM KYAML("a"),
      JSON_NEW " " BOM KYAML("a"), BOM KYAML("a") },
    { "byte order marks between JSON", JSON("a") "\n" BOM JSON("b") "\n" BOM JSON("c"),
      JSON("a") "\n" BOM JSON_NEW "\n" BOM JSON("c"), JSON("a") "\n" BOM JSON("c") },
    { "CR LF", "apiVersion: v1\r\nkind: Secret\r\nmetadata: {name: b}\r\n---\r\n" SECRET("a"),
      NEW "---\r\n" SECRET("a"), "---\r\n" SECRET("a") },
    { "empty documents do not count", "---\n---\n" SECRET("b") "---\n", "---\n---\n" NEW "---\n",
      "" },
    { "another kind is a document, too", "apiVersion: v1\nkind: Pod\n---\n" SECRET("b"),
      "apiVersion: v1\nkind: Pod\n---\n" NEW, "apiVersion: v1\nkind: Pod\n" },

    { "twice", SECRET("b") "---\n" SECRET("a") "---\n" SECRET("b"),
      NEW "---\n" SECRET("a") "---\n" SECRET("b"), "---\n" SECRET("a") },

    { "in a List", "# top\n" LIST ITEM("a") "# of b\n" ITEM("b") "# end\n---\n" SECRET("c"),
      "# top\n" LIST ITEM("a") ITEM("b") "    uid: u\n# end\n---\n" SECRET("c"),
      "# top\n" LIST ITEM("a") "# end\n---\n" SECRET("c") },
    { "the last of a List", LIST ITEM("b") "---\n" SECRET("c"),
      LIST ITEM("b") "    uid: u\n---\n" SECRET("c"), "---\n" SECRET("c") },
    { "many times in a List", LIST ITEM("b") ITEM("a") ITEM("b") ITEM("b"),
      LIST ITEM("b") "    uid: u\n" ITEM("a") ITEM("b") ITEM("b"), LIST ITEM("a") },
    { "of a List's shared items",
      "apiVersion: v1\nkind: List\nx: &i\n" ITEM("a") ITEM("b") "items: *i\n",
      "apiVersion: v1\nkind: List\nx:\n" ITEM("a") ITEM("b") "items:\n" ITEM("a")
          ITEM("b") "    uid: u\n",
      "apiVersion: v1\nkind: List\nx:\n" ITEM("a") ITEM("b") "items:\n" ITEM("a") },
    { "in a SecretList, where items need not say what they are",
      "apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n",
      "apiVersion: v1\nkind: SecretList\nitems:\n- metadata:\n    name: a\n" ITEM(
          "b") "    uid: u\n",
      "apiVersion: v1\nkind: SecretList\nitems:\n- metadata:\n    name: a\n" },

    { "JSON", JSON("b"), JSON_NEW, "" },
    { "JSON on a line", JSON("b") "\n", JSON_NEW "\n", "" },
    { "JSON among others", JSON("a") "\n" JSON("b") "\n" JSON("c") "\n",
      JSON("a") "\n" JSON_NEW "\n" JSON("c") "\n", JSON("a") "\n" JSON("c") "\n" },
    { "JSON with nothing between", " " JSON("a") JSON("b") JSON("c"),
      " " JSON("a") JSON_NEW JSON("c"), " " JSON("a") JSON("c") },
    { "JSON with dashes between, the first", JSON("b") "\n---\n" JSON("a") "\n---\n" JSON("c"),
      JSON_NEW "\n---\n" JSON("a") "\n---\n" JSON("c"), "---\n" JSON("a") "\n---\n" JSON("c") },
    { "JSON with dashes between, the last", JSON("a") "\n---\n" JSON("b") "\n",
      JSON("a") "\n---\n" NEW, JSON("a") "\n" },
    { "JSON, and behind it on its line YAML",
      JSON("a") " {apiVersion: v1, kind: Secret, "
                "metadata: {name: b}}\n---\n" SECRET("c"),
      JSON("a") " " NEW "---\n" SECRET("c"), JSON("a") " ---\n" SECRET("c") },
    { "JSON, and YAML that begins on its line", JSON("b") "  apiVersion: v1\nkind: Pod\n",
      JSON_NEW "  apiVersion: v1\nkind: Pod\n", "apiVersion: v1\nkind: Pod\n" },
    { "JSON, and YAML that is indented", JSON("b") "\n  apiVersion: v1\n  kind: Pod\n",
      JSON_NEW "\n  apiVersion: v1\n  kind: Pod\n", "  apiVersion: v1\n  kind: Pod\n" },
    { "KYAML", KYAML("b"), NEW, "" },
    { "KYAML, the first", KYAML("b") "---\n" KYAML("a"), NEW "---\n" KYAML("a"),
      "---\n" KYAML("a") },
    { "KYAML, the last", KYAML("a") "# b\n---\n" KYAML("b") "# end\n",
      KYAML("a") "# b\n---\n" NEW "# end\n", KYAML("a") "# b\n" },
    { "JSON with a byte order mark", "\xef\xbb\xbf" JSON("b") "\n" JSON("a"),
      "\xef\xbb\xbf" JSON_NEW "\n" JSON("a"), "\xef\xbb\xbf" JSON("a") },
};

static json_object *new_object(void)
{
    json_object *object = json_tokener_parse("{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
                                             "\"metadata\":{\"name\":\"b\",\"uid\":\"u\"}}");
    assert_non_null(object);
    return object;
}

static void check_rewrite(size_t row, const json_object *object, const char *want)
{
    struct buf out = { 0 };
    struct problem problem = { 0 };
    bool is_empty = false;
    const struct span text = span_of(rows[row].text);
    const enum status status = manifest_rewrite(text, &target_b, object, &out, &is_empty, &problem);
    if (status != ST_OK) {
        fail_msg("%s: %s", rows[row].what, problem.text);
    }
    const bool is_gone = want && want[0] == '\0';
    if (is_empty != is_gone) {
        fail_msg("%s: %s", rows[row].what, is_empty ? "is empty" : "is not empty");
    }
    const struct span expected = span_of(want ? want : rows[row].text);
    if (!is_gone && !span_equal(buf_span(&out), expected)) {
        fail_msg("%s: became\n%.*s|\nnot\n%s|", rows[row].what, (int)out.len, out.at, expected.at);
    }
    buf_fini(&out);
}

static void test_manifest_rewrite_rows(void **state)
{
    (void)state;
    json_object *object = new_object();
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        check_rewrite(i, object, rows[i].replaced);
        check_rewrite(i, NULL, rows[i].without);
    }
    (void)json_object_put(object);
}

static void test_manifest_find_finds_the_first(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    json_object *found = NULL;
    const struct span text = SPAN_LITERAL(SECRET("a") "---\n" LIST ITEM("b") "    uid: '1'\n" ITEM(
        "b") "    uid: '2'\n---\n" SECRET("b"));
    assert_int_equal(manifest_find(text, &target_b, &found, &problem), ST_OK);
    assert_string_equal(json_object_to_json_string_ext(found, JSON_C_TO_STRING_PLAIN),
                        "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"b\","
                        "\"uid\":\"1\"}}");
    (void)json_object_put(found);
    assert_int_equal(manifest_find(text, &target_of_x, &found, &problem), ST_NOT_FOUND);
    assert_int_equal(manifest_find(SPAN_LITERAL("a: b: c"), &target_of_x, &found, &problem),
                     ST_SYNTAX);
    assert_int_equal(
        manifest_find(SPAN_LITERAL(SECRET("b") "---\nkind: x\n"), &target_b, &found, &problem),
        ST_INVALID);
}

static void append_utf16(struct buf *bytes, const char *ascii)
{
    buf_append(bytes, SPAN_LITERAL("\xff\xfe"));
    for (; *ascii; ascii++) {
        buf_append(bytes, (struct span){ (const char[]){ *ascii, '\0' }, 2 });
    }
}

/* @want: ST_OK: nothing is left */
static void check_utf16(const char *ascii, const json_object *object, enum status want)
{
    struct buf bytes = { 0 };
    struct buf out = { 0 };
    struct problem problem = { 0 };
    bool is_empty = false;
    append_utf16(&bytes, ascii);
    assert_int_equal(
        manifest_rewrite(buf_span(&bytes), &target_b, object, &out, &is_empty, &problem), want);
    assert_int_equal(problem.status, want);
    assert_int_equal(is_empty, want == ST_OK);
    assert_true(want == ST_OK || strstr(problem.text, "UTF-8"));
    assert_int_equal(out.len, 0);
    buf_fini(&bytes);
    buf_fini(&out);
}

static void test_manifest_rewrite_of_utf16_is_not_supported(void **state)
{
    (void)state;
    json_object *object = new_object();
    check_utf16(SECRET("b"), object, ST_UNSUPPORTED);
    check_utf16(JSON("b"), object, ST_UNSUPPORTED);
    check_utf16(SECRET("a") "---\n" SECRET("b"), NULL, ST_UNSUPPORTED);
    check_utf16(LIST ITEM("a") ITEM("b"), NULL, ST_UNSUPPORTED);
    check_utf16(SECRET("b"), NULL, ST_OK);
    check_utf16(LIST ITEM("b"), NULL, ST_OK);
    check_utf16(JSON("b") JSON("b"), NULL, ST_OK);
    (void)json_object_put(object);
}

static void check_damaged(const char *text, const json_object *object, enum status want)
{
    struct buf out = { 0 };
    struct problem problem = { 0 };
    bool is_empty = false;
    assert_int_equal(manifest_rewrite(span_of(text), &target_b, object, &out, &is_empty, &problem),
                     want);
    assert_int_equal(is_empty, want == ST_OK);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

static void test_manifest_rewrite_of_what_is_no_utf8_is_not_supported(void **state)
{
    (void)state;
    json_object *object = new_object();
    check_damaged(SECRET("b") "# caf\xe9\n", object, ST_UNSUPPORTED);
    check_damaged(SECRET("a") "# caf\xe9\n---\n" SECRET("b"), NULL, ST_UNSUPPORTED);
    check_damaged(SECRET("b") "# caf\xe9\n", NULL, ST_OK);
    (void)json_object_put(object);
}

static void test_manifest_find_in_utf16(void **state)
{
    (void)state;
    struct buf bytes = { 0 };
    struct problem problem = { 0 };
    json_object *found = NULL;
    append_utf16(&bytes, SECRET("a") "---\n" SECRET("b"));
    assert_int_equal(manifest_find(buf_span(&bytes), &target_b, &found, &problem), ST_OK);
    (void)json_object_put(found);
    buf_fini(&bytes);
}

/* What stands before an error must not be taken for the whole. */
static void test_manifest_rewrite_of_a_broken_text_fails(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct problem problem = { 0 };
    bool is_empty;
    assert_int_equal(manifest_rewrite(SPAN_LITERAL(SECRET("b") "---\na: b: c\n"), &target_b, NULL,
                                      &out, &is_empty, &problem),
                     ST_SYNTAX);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_rewrite_rows),
        cmocka_unit_test(test_manifest_find_finds_the_first),
        cmocka_unit_test(test_manifest_rewrite_of_utf16_is_not_supported),
        cmocka_unit_test(test_manifest_rewrite_of_what_is_no_utf8_is_not_supported),
        cmocka_unit_test(test_manifest_find_in_utf16),
        cmocka_unit_test(test_manifest_rewrite_of_a_broken_text_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
