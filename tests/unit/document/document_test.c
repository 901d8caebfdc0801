/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: what YAML and JSON texts become, what is refused and where, limits, memory. How plain
 * scalars are typed is yaml_scalar_test.c's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "document/document.h"
#include "document/tree.h"
#include "document/yaml_directives.h"
#include "support/alloc_fail.h"

#define BOM "\xef\xbb\xbf"

/* What a text becomes: its documents as JSON, one a line. Strict YAML of kubectl's library says the
 * same of each (checked with sigs.k8s.io/yaml 1.6.0), but for the rows marked "ours". */
static const struct {
    const char *name;
    struct span text;
    const char *want;
} accepted_rows[] = {
    { "nothing", SPAN_LITERAL(""), "" },
    { "no text at all", { NULL, 0 }, "" },
    { "white space", SPAN_LITERAL(" \n\n  \n"), "" },
    { "a comment", SPAN_LITERAL("# nothing\n"), "" },
    { "a mapping", SPAN_LITERAL("a: 1\nb: x\n"), "{\"a\":1,\"b\":\"x\"}\n" },
    { "no newline at the end", SPAN_LITERAL("a: 1"), "{\"a\":1}\n" },
    { "nested", SPAN_LITERAL("a:\n  b:\n  - c: d\n  - [e, {f: g}]\n"),
      "{\"a\":{\"b\":[{\"c\":\"d\"},[\"e\",{\"f\":\"g\"}]]}}\n" },
    { "empty containers", SPAN_LITERAL("a: {}\nb: []\n"), "{\"a\":{},\"b\":[]}\n" },
    { "null in many ways", SPAN_LITERAL("a:\nb: ~\nc: null\nd: !!null ''\n"),
      "{\"a\":null,\"b\":null,\"c\":null,\"d\":null}\n" },
    { "booleans", SPAN_LITERAL("a: yes\nb: Off\nc: 'yes'\n"),
      "{\"a\":true,\"b\":false,\"c\":\"yes\"}\n" },
    { "numbers", SPAN_LITERAL("a: 0x1f\nb: 1.5\nc: 18446744073709551615\nd: -3\n"),
      "{\"a\":31,\"b\":1.5,\"c\":18446744073709551615,\"d\":-3}\n" },
    { "a date is text", SPAN_LITERAL("a: 2026-01-02T03:04:05Z\n"),
      "{\"a\":\"2026-01-02T03:04:05Z\"}\n" },
    { "escapes", SPAN_LITERAL("a: \"\\x41\\u00e9\\n\\0\"\n"), "{\"a\":\"A\xc3\xa9\\n\\u0000\"}\n" },
    { "block scalars", SPAN_LITERAL("a: |\n  x\n  y\nb: >-\n  x\n  y\nc: |2-\n   x\n"),
      "{\"a\":\"x\\ny\\n\",\"b\":\"x y\",\"c\":\" x\"}\n" },
    { "a block scalar that looks like a number is text", SPAN_LITERAL("a: |-\n  12\n"),
      "{\"a\":\"12\"}\n" },
    { "carriage returns", SPAN_LITERAL("a: 1\r\nb: |\r\n  x\r\n"), "{\"a\":1,\"b\":\"x\\n\"}\n" },
    { "UTF-8", SPAN_LITERAL("\xc3\xa9: \xf0\x9f\x99\x82\n"),
      "{\"\xc3\xa9\":\"\xf0\x9f\x99\x82\"}\n" },
    { "a byte order mark before YAML",
      SPAN_LITERAL("\xef\xbb\xbf"
                   "a: 1\n"),
      "{\"a\":1}\n" },
    { "a byte order mark before JSON", SPAN_LITERAL("\xef\xbb\xbf{\"a\":1}"), "{\"a\":1}\n" },
    { "byte order marks before later documents",
      SPAN_LITERAL(BOM "a: 1\n---\n" BOM "b: 2\n" BOM "---\nc: 3\n...\n" BOM "d: 4\n"),
      "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n{\"d\":4}\n" },
    { "byte order marks and what is between documents",
      SPAN_LITERAL("a: 1\n" BOM "# c\n\n  # d\n--- # e\n# f\n\n" BOM "b: 2\r\n---\t\r\n" BOM
                   "\r\nc: 3\n"),
      "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n" },
    { "a byte order mark before a directive", SPAN_LITERAL("a: 1\n" BOM "%YAML 1.1\n---\nb: on\n"),
      "{\"a\":1}\n{\"b\":true}\n" },
    { "a byte order mark behind everything", SPAN_LITERAL("a: 1\n" BOM "\n# c\n"), "{\"a\":1}\n" },
    { "byte order marks twice", SPAN_LITERAL(BOM BOM "a: 1\n---\n" BOM BOM "b: 2\n"),
      "{\"a\":1}\n{\"b\":2}\n" },
    { "a byte order mark behind nothing", SPAN_LITERAL("# c\n\n" BOM "a: 1\n"), "{\"a\":1}\n" },
    { "byte order marks between JSON",
      SPAN_LITERAL("{\"a\":1}" BOM "{\"a\":2}\n" BOM "{\"a\":3}\n"),
      "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n" },
    { "byte order marks between JSON and KYAML",
      SPAN_LITERAL(BOM "{\"a\":1}\n" BOM "{a: 2}\n---\n" BOM "{\"a\":3}\n{\"a\":4}"),
      "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n" },
    { "byte order marks in text", SPAN_LITERAL("a: x" BOM "y\nb: " BOM "\nc: |\n  " BOM "---\n"),
      "{\"a\":\"x" BOM "y\",\"b\":\"" BOM "\",\"c\":\"" BOM "---\\n\"}\n" },
    { "a byte order mark in a quoted key", SPAN_LITERAL("\"" BOM "a\": 1\n"),
      "{\"" BOM "a\":1}\n" },
    { "UTF-16",
      SPAN_LITERAL("\xff\xfe"
                   "\xe9\0:\0 \0\x3d\xd8\x42\xde\r\0\n\0b\0:\0 \0001\0"),
      "{\"\xc3\xa9\":\"\xf0\x9f\x99\x82\",\"b\":1}\n" },
    { "UTF-16, big-endian, JSON", SPAN_LITERAL("\xfe\xff\0{\0\"\0a\0\"\0:\0001\0}"),
      "{\"a\":1}\n" },
    { "UTF-16 with its mark twice", SPAN_LITERAL("\xff\xfe\xff\xfe\x61\0:\0 \0001\0"),
      "{\"a\":1}\n" },
    { "UTF-16 and nothing", SPAN_LITERAL("\xff\xfe"), "" },
    { "several documents", SPAN_LITERAL("---\na: 1\n---\na: 2\n...\n---\na: 3\n"),
      "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n" },
    { "empty documents are left out",
      SPAN_LITERAL("---\n---\n# c\n---\na: 1\n---\n~\n---\nnull\n---\n"), "{\"a\":1}\n" },
    { "documents that are no mappings", SPAN_LITERAL("--- x\n--- 1\n--- [1]\n--- ''\n"),
      "\"x\"\n1\n[1]\n\"\"\n" },
    { "the directive of YAML 1.1", SPAN_LITERAL("%YAML 1.1\n---\na: on\n"), "{\"a\":true}\n" },
    { "a tag directive", SPAN_LITERAL("%TAG !y! tag:yaml.org,2002:\n---\na: !y!str 1\n"),
      "{\"a\":\"1\"}\n" },

    { "keys that are no strings", SPAN_LITERAL("1: a\ntrue: b\n0x10: c\n1.50: d\n.inf: e\n"),
      "{\"1\":\"a\",\"true\":\"b\",\"16\":\"c\",\"1.5\":\"d\",\".inf\":\"e\"}\n" },
    { "a key with a question mark", SPAN_LITERAL("? a\n: 1\n? b\n"), "{\"a\":1,\"b\":null}\n" },
    { "an empty key", SPAN_LITERAL("'': 1\n"), "{\"\":1}\n" },
    { "!!binary", SPAN_LITERAL("a: !!binary Zm9v\nb: !!binary ''\n!!binary eA==: 1\n"),
      "{\"a\":\"foo\",\"b\":\"\",\"x\":1}\n" },
    { "!!str", SPAN_LITERAL("a: !!str 1\nb: !!str\n"), "{\"a\":\"1\",\"b\":\"\"}\n" },
    { "the bare tag makes a string", SPAN_LITERAL("a: ! 1\nb: &x ! null\nc: ! \"1\"\nd: !\n"),
      "{\"a\":\"1\",\"b\":\"null\",\"c\":\"1\",\"d\":\"\"}\n" },
    { "an absent value before a tag is null", SPAN_LITERAL("? a\n!!str 2: &x\n!!str 3: 1\n"),
      "{\"a\":null,\"2\":null,\"3\":1}\n" },

    { "aliases", SPAN_LITERAL("a: &x {b: 1}\nc: *x\nd: [*x, &y z, *y]\n"),
      "{\"a\":{\"b\":1},\"c\":{\"b\":1},\"d\":[{\"b\":1},\"z\",\"z\"]}\n" },
    { "an alias of null", SPAN_LITERAL("a: &x\nb: *x\n"), "{\"a\":null,\"b\":null}\n" },
    { "an anchor set again", SPAN_LITERAL("a: &x 1\nb: &x 2\nc: *x\n"),
      "{\"a\":1,\"b\":2,\"c\":2}\n" },
    { "an anchor set again inside of itself", SPAN_LITERAL("a: &x [&x 1]\nb: *x\n"),
      "{\"a\":[1],\"b\":1}\n" },
    { "an anchor set again inside of itself by a container",
      SPAN_LITERAL("a: &x [&x [1], *x]\nb: *x\n"), "{\"a\":[[1],[1]],\"b\":[1]}\n" },
    { "an alias as a key",
      SPAN_LITERAL("a: [&s x, &i 2, &b true, &f 1.5]\n*s : 1\n*i : 2\n*b : 3\n*f : 4\n"),
      "{\"a\":[\"x\",2,true,1.5],\"x\":1,\"2\":2,\"true\":3,\"1.5\":4}\n" },
    { "anchors of each document are its own", SPAN_LITERAL("a: &x 1\n---\nb: &x 2\nc: *x\n"),
      "{\"a\":1}\n{\"b\":2,\"c\":2}\n" },

    { "merge", SPAN_LITERAL("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  r: 3\n"),
      "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":2,\"r\":3}}\n" },
    { "merge: what is written out wins", SPAN_LITERAL("b: {<<: {p: 1, q: 2}, p: 3}\n"),
      "{\"b\":{\"p\":3,\"q\":2}}\n" },
    { "merge: the first of a list wins",
      SPAN_LITERAL("- &x {p: 1}\n- &y {p: 2, q: 2}\n- {<<: [*x, *y, {r: 3, q: 4}]}\n"),
      "[{\"p\":1},{\"p\":2,\"q\":2},{\"r\":3,\"q\":2,\"p\":1}]\n" },
    { "merge behind other members", SPAN_LITERAL("p: 1\n<<: {q: 2}\n"), "{\"p\":1,\"q\":2}\n" },
    { "merge of nothing", SPAN_LITERAL("<<: {}\np: 1\n"), "{\"p\":1}\n" },
    { "merge of an empty list", SPAN_LITERAL("<<: []\np: 1\n"), "{\"p\":1}\n" },
    { "merge of a merge", SPAN_LITERAL("- &x {p: 1}\n- &y {<<: *x, q: 2}\n- {<<: *y}\n"),
      "[{\"p\":1},{\"p\":1,\"q\":2},{\"p\":1,\"q\":2}]\n" },
    { "a quoted << is a key", SPAN_LITERAL("'<<': 1\n"), "{\"<<\":1}\n" },
    { "<< as a value is text", SPAN_LITERAL("a: <<\n"), "{\"a\":\"<<\"}\n" },

    { "JSON", SPAN_LITERAL("{\"a\": [1, -2.5, true, false, null, \"x\"], \"b\": {}}"),
      "{\"a\":[1,-2.5,true,false,null,\"x\"],\"b\":{}}\n" },
    { "JSON behind white space", SPAN_LITERAL(" \t\r\n{\"a\":1}\n"), "{\"a\":1}\n" },
    { "JSON escapes", SPAN_LITERAL("{\"\\u0061\":\"\\u00e9\\ud83d\\ude42\\n\\u0000\"}"),
      "{\"a\":\"\xc3\xa9\xf0\x9f\x99\x82\\n\\u0000\"}\n" },
    { "JSON: a lone surrogate is replaced", SPAN_LITERAL("{\"a\":\"\\ud800\"}"),
      "{\"a\":\"\xef\xbf\xbd\"}\n" },
    { "JSON: objects follow each other", SPAN_LITERAL("{\"a\":1}{\"a\":2}\n\n{\"a\":3}"),
      "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n" },
    { "JSON: words are no booleans", SPAN_LITERAL("{\"a\":\"yes\"}"), "{\"a\":\"yes\"}\n" },
    { "JSON: the same key in two objects", SPAN_LITERAL("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"),
      "{\"a\":{\"a\":1},\"b\":{\"a\":1}}\n" },
    { "KYAML", SPAN_LITERAL("{\n  # c\n  a: \"x\",\n  b: [\n    1,\n  ],\n}\n"),
      "{\"a\":\"x\",\"b\":[1]}\n" },
    { "KYAML behind a byte order mark", SPAN_LITERAL("\xef\xbb\xbf{a: 1}"), "{\"a\":1}\n" },
    { "KYAML, several", SPAN_LITERAL("{\n  a: 1,\n}\n---\n{\n  a: 2,\n}\n"),
      "{\"a\":1}\n{\"a\":2}\n" },
    { "JSON with a comma too many is YAML", SPAN_LITERAL("{\"a\":1,}"), "{\"a\":1}\n" },
    { "JSON with a raw newline is YAML", SPAN_LITERAL("{\"a\":\"\n\"}"), "{\"a\":\" \"}\n" },
    { "JSON with a word beyond JSON is YAML", SPAN_LITERAL("{\"a\":yes}"), "{\"a\":true}\n" },
    { "JSON with dashes between", SPAN_LITERAL("{\"a\":1}\n---\n{\"a\":2}\n---\n{\"a\":3}\n"),
      "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n" },
    { "JSON and then YAML", SPAN_LITERAL("{\"a\":1}\n---\na: 2\n--- # c\na: 3\n"),
      "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n" },
    { "JSON and then YAML that is indented", SPAN_LITERAL("{\"a\":1}\n\n  b: 2\n  c: 3\n"),
      "{\"a\":1}\n{\"b\":2,\"c\":3}\n" },
    { "JSON and on its line YAML", SPAN_LITERAL("{\"a\":1}  b: 2\nc: 3\n"),
      "{\"a\":1}\n{\"b\":2,\"c\":3}\n" },
    { "JSON and then KYAML", SPAN_LITERAL("{\"a\":1}\n{a: 2}\n"), "{\"a\":1}\n{\"a\":2}\n" },
    { "JSON and then a comment", SPAN_LITERAL("{\"a\":1} # c\n"), "{\"a\":1}\n" },
    { "JSON and then a list", SPAN_LITERAL("{} []"), "{}\n[]\n" },
    { "JSON: large integers", SPAN_LITERAL("{\"a\":[9223372036854775808,-9223372036854775808]}"),
      "{\"a\":[9223372036854775808,-9223372036854775808]}\n" },
};

struct refused_row {
    const char *name;
    struct span text;
    enum status want;
    unsigned line;
    unsigned column;
    const char *part; /* of the problem's text */
};

static const struct refused_row refused_rows[] = {
    { "a tab for indentation", SPAN_LITERAL("a:\n\tb: 1\n"), ST_SYNTAX, 2, 1,
      "cannot start any token" },
    { "two values on a line", SPAN_LITERAL("a: b: c\n"), ST_SYNTAX, 1, 5, "mapping values" },
    { "wrong indentation", SPAN_LITERAL("a:\n  b: 1\n c: 2\n"), ST_SYNTAX, 3, 2,
      "did not find expected key" },
    { "a flow that does not end", SPAN_LITERAL("a: [1, 2\n"), ST_SYNTAX, 2, 1,
      "expected ',' or ']'" },
    { "a string that does not end", SPAN_LITERAL("a: \"x\n"), ST_SYNTAX, 2, 1,
      "unexpected end of stream" },
    { "an escape that is none", SPAN_LITERAL("a: \"\\q\"\n"), ST_SYNTAX, 1, 5, "unknown escape" },
    { "a control character", SPAN_LITERAL("a: 1\nb: \x01\n"), ST_SYNTAX, 2, 4,
      "control characters" },
    { "a NUL", SPAN_LITERAL("a: 1\nb: \0\n"), ST_SYNTAX, 2, 4, "control characters" },
    { "not UTF-8", SPAN_LITERAL("a: 1\nb: \xc3\xa9\xff\n"), ST_SYNTAX, 2, 6, "UTF-8" },
    { "half a character of UTF-16",
      SPAN_LITERAL("\xff\xfe"
                   "a\0:\0 \0001\0\n\0b\0:\0\x3d\xd8\n\0"),
      ST_SYNTAX, 2, 3, "UTF-16" },
    { "an error in UTF-16",
      SPAN_LITERAL("\xff\xfe"
                   "\xe9\0:\0 \0b\0:\0 \0c\0"),
      ST_SYNTAX, 1, 6, "mapping values" },
    { "UTF-16 without its mark", SPAN_LITERAL("a\0:\0 \0001\0"), ST_SYNTAX, 1, 2,
      "control characters" },
    { "another YAML", SPAN_LITERAL("%YAML 2.0\n---\na: 1\n"), ST_SYNTAX, 1, 1, "incompatible" },
    { "an undefined tag handle", SPAN_LITERAL("a: !y!str 1\n"), ST_SYNTAX, 1, 4,
      "undefined tag handle" },
    { "columns are counted in bytes", SPAN_LITERAL("\xc3\xa9: 1\n\xc3\xa9\xc3\xa9: !!int x\n"),
      ST_SYNTAX, 2, 7, "integer" },
    { "columns of parser errors too", SPAN_LITERAL("\xc3\xa9: b: c\n"), ST_SYNTAX, 1, 6,
      "mapping values" },

    { "a key twice", SPAN_LITERAL("a: 1\nb: 2\na: 3\n"), ST_DUPLICATE, 3, 1,
      "\"a\" is there already, with a value on line 1" },
    { "a key twice, the first of them null", SPAN_LITERAL("a:\na: 3\n"), ST_DUPLICATE, 2, 1,
      "\"a\" is there already" },
    { "a key twice, quoted once", SPAN_LITERAL("a: 1\n\"a\": 3\n"), ST_DUPLICATE, 2, 1, "\"a\"" },
    { "a key twice, one of them a number", SPAN_LITERAL("1: 1\n'1': 3\n"), ST_DUPLICATE, 2, 1,
      "\"1\"" },
    { "a key twice further in", SPAN_LITERAL("a: {b: [{c: 1, c: 2}]}\n"), ST_DUPLICATE, 1, 16,
      "\"c\"" },
    { "unprintable keys are not printed", SPAN_LITERAL("\"\\e[1m\": 1\n\"\\e[1m\": 1\n"),
      ST_DUPLICATE, 2, 1, "\"?[1m\"" },
    { "a null key", SPAN_LITERAL("a: 1\n~: 2\n"), ST_SYNTAX, 2, 1, "a key that is a string" },
    { "a key above INT64_MAX", SPAN_LITERAL("9223372036854775808: 2\n"), ST_SYNTAX, 1, 1,
      "a key that is a string" },
    { "a key with NUL", SPAN_LITERAL("\"a\\0\": 2\n"), ST_SYNTAX, 1, 1, "NUL" },
    { "a mapping as a key", SPAN_LITERAL("? {a: 1}\n: 2\n"), ST_SYNTAX, 1, 3, "scalar" },
    { "a list as a key", SPAN_LITERAL("? [a]\n: 2\n"), ST_SYNTAX, 1, 3, "scalar" },
    { "an alias of a mapping as a key", SPAN_LITERAL("a: &x {}\n*x : 2\n"), ST_SYNTAX, 2, 1,
      "a key that is a string" },
    { "an alias of a large number as a key", SPAN_LITERAL("a: &x 9223372036854775808\n*x : 2\n"),
      ST_SYNTAX, 2, 1, "a key that is a string" },
    { "an anchor on a key", SPAN_LITERAL("&x a: 1\n"), ST_SYNTAX, 1, 1, "without an anchor" },
    { "infinity", SPAN_LITERAL("a: .inf\n"), ST_SYNTAX, 1, 4, ".inf" },
    { "no number", SPAN_LITERAL("a: [.nan]\n"), ST_SYNTAX, 1, 5, ".nan" },
    { "!!int of text", SPAN_LITERAL("a: !!int x\n"), ST_SYNTAX, 1, 4, "an integer" },
    { "!!timestamp", SPAN_LITERAL("a: !!timestamp 2001-01-01\n"), ST_SYNTAX, 1, 4, "timestamp" },
    { "!!binary that is no base64", SPAN_LITERAL("a: !!binary Zg\n"), ST_SYNTAX, 1, 4, "base64" },
    { "!!binary that is no text", SPAN_LITERAL("a: !!binary /w==\n"), ST_SYNTAX, 1, 4, "UTF-8" },

    { "an unknown anchor", SPAN_LITERAL("a: *x\n"), ST_SYNTAX, 1, 4, "an alias of an anchor" },
    { "an anchor further down", SPAN_LITERAL("a: *x\nb: &x 1\n"), ST_SYNTAX, 1, 4,
      "an alias of an anchor" },
    { "an alias within its own value", SPAN_LITERAL("a: &x [*x]\n"), ST_SYNTAX, 1, 8, "outside" },
    { "an alias within its own value, an old anchor", SPAN_LITERAL("a: &x 1\nb: &x {c: *x}\n"),
      ST_SYNTAX, 2, 11, "outside" },

    { "merge of a scalar", SPAN_LITERAL("<<: 1\n"), ST_SYNTAX, 1, 5, "a mapping or a list" },
    { "merge of null", SPAN_LITERAL("a: 1\n<<:\n"), ST_SYNTAX, 2, 4, "a mapping or a list" },
    { "merge of a list with a scalar", SPAN_LITERAL("<<: [{a: 1}, 2]\n"), ST_SYNTAX, 1, 5,
      "a mapping or a list" },
    { "merge of an alias of a list", SPAN_LITERAL("a: &x [{b: 1}]\n<<: *x\n"), ST_SYNTAX, 2, 5,
      "an alias of a mapping" },
    { "merge twice", SPAN_LITERAL("<<: {a: 1}\n<<: {b: 1}\n"), ST_DUPLICATE, 2, 1, "\"<<\"" },
    { "merge of a member that stands before", SPAN_LITERAL("a: 1\n<<: {a: 2}\n"), ST_DUPLICATE, 2,
      5, "\"a\"" },
    { "a member twice behind a merge", SPAN_LITERAL("<<: {a: 1}\na: 2\na: 3\n"), ST_DUPLICATE, 3, 1,
      "\"a\"" },

    { "a byte order mark counts no column",
      SPAN_LITERAL("\xef\xbb\xbf"
                   "a: b: c\n"),
      ST_SYNTAX, 1, 5, "mapping values" },
    { "a byte order mark within a document", SPAN_LITERAL("a: 1\n" BOM "b: 2\n"), ST_SYNTAX, 2, 1,
      "byte order mark" },
    { "a byte order mark before what is further in", SPAN_LITERAL("a:\n x: 1\n" BOM "y: 2\n"),
      ST_SYNTAX, 3, 1, "byte order mark" },
    { "a byte order mark behind blanks", SPAN_LITERAL("---\n  " BOM "a: 1\n"), ST_SYNTAX, 2, 3,
      "byte order mark" },
    { "a byte order mark behind NEL", SPAN_LITERAL("{a: 1,\xc2\x85" BOM "b: 2}"), ST_SYNTAX, 1, 9,
      "byte order mark" },
    { "a byte order mark behind LS", SPAN_LITERAL("{a: 1,\xe2\x80\xa8" BOM "b: 2}"), ST_SYNTAX, 1,
      10, "byte order mark" },
    { "a byte order mark behind PS", SPAN_LITERAL("{a: 1,\xe2\x80\xa9" BOM "b: 2}"), ST_SYNTAX, 1,
      10, "byte order mark" },
    { "a byte order mark behind what is no boundary", SPAN_LITERAL("a: |\n  ---\n" BOM "b: 2\n"),
      ST_SYNTAX, 3, 1, "byte order mark" },
    { "a byte order mark before what is no boundary", SPAN_LITERAL("a: 1\n" BOM "---b: 2\n"),
      ST_SYNTAX, 2, 1, "byte order mark" },
    { "an overlong form", SPAN_LITERAL("a: \xc0\xaf\n"), ST_SYNTAX, 1, 4, "UTF-8" },
    { "a surrogate in UTF-8", SPAN_LITERAL("a: \xed\xa0\x80\n"), ST_SYNTAX, 1, 4,
      "invalid Unicode" },
    { "half a character at the end", SPAN_LITERAL("a: \xe2\x82"), ST_SYNTAX, 1, 4, "UTF-8" },
    { "JSON that does not end", SPAN_LITERAL("{\"a\":\n1"), ST_SYNTAX, 2, 2, "`,` or `}`" },
    { "JSON with a key twice", SPAN_LITERAL("{\"a\":1,\n \"b\":2,\n \"a\":3}"), ST_DUPLICATE, 3, 2,
      "\"a\" is there already, with a value on line 1" },
    { "JSON with a key twice, escaped once", SPAN_LITERAL("{\"a\":1,\"\\u0061\":3}"), ST_DUPLICATE,
      1, 8, "\"a\"" },
    { "JSON with NUL in a key", SPAN_LITERAL("{\"a\\u0000\":1}"), ST_SYNTAX, 1, 2, "NUL" },
    { "JSON that is not UTF-8", SPAN_LITERAL("{\"a\":\"\xff\"}"), ST_SYNTAX, 1, 7, "UTF-8" },
    { "JSON with a number beyond measure", SPAN_LITERAL("{\"a\":1e400}"), ST_LIMIT, 1, 6,
      "number" },
    { "JSON that YAML would take, and is refused", SPAN_LITERAL("{\"a\":1,\"a\":2,}"), ST_DUPLICATE,
      1, 8, "\"a\"" },
    { "JSON that YAML would take, and is too large a number", SPAN_LITERAL("{\"a\":[1e400,]}"),
      ST_LIMIT, 1, 7, "number" },
    { "KYAML with a key twice", SPAN_LITERAL("{\n  a: 1,\n  a: 2,\n}"), ST_DUPLICATE, 3, 3,
      "\"a\" is there already, with a value on line 2" },
    { "KYAML that does not end", SPAN_LITERAL("{\n  a: 1,\n  b: [2\n}"), ST_SYNTAX, 4, 1,
      "',' or ']'" },
    { "KYAML with a control character", SPAN_LITERAL("{a: 1,\n b: \x01}"), ST_SYNTAX, 2, 5,
      "control characters" },
    { "JSON that goes further than YAML", SPAN_LITERAL("{\"a\": \"\\/\",\n \"b\": [1}"), ST_SYNTAX,
      2, 9, "`,` or `]`" },
};

static enum status append_json(void *ctx, json_object *root)
{
    struct buf *const buf = ctx;
    buf_append_text(buf, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
    buf_append_char(buf, '\n');
    return ST_OK;
}

static void test_document_parse_accepted_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(accepted_rows); i++) {
        struct buf got = { 0 };
        struct problem problem = { 0 };
        const enum status status =
            document_parse(accepted_rows[i].text, append_json, &got, &problem);
        buf_append_char(&got, '\0');
        if (status != ST_OK || strcmp(got.at, accepted_rows[i].want) != 0) {
            fail_msg("%s: status %d at %u:%u (%s), got %s", accepted_rows[i].name, (int)status,
                     problem.line, problem.column, problem.text, got.at);
        }
        buf_fini(&got);
    }
}

static enum status count_documents(void *ctx, json_object *root)
{
    (void)root;
    ++*(size_t *)ctx;
    return ST_OK;
}

/* With documents in front of the error. */
static const struct refused_row late_rows[] = {
    { "an error in a later document", SPAN_LITERAL("a: 1\n---\nb: [\n"), ST_SYNTAX, 4, 1,
      "did not find" },
    { "a key twice in a later document", SPAN_LITERAL("a: 1\n---\nb: 1\nb: 2\n"), ST_DUPLICATE, 4,
      1, "\"b\" is there already" },
    { "an anchor of another document", SPAN_LITERAL("a: &x 1\n---\nb: *x\n"), ST_SYNTAX, 3, 4,
      "an alias of an anchor" },
    { "JSON with an error in a later object", SPAN_LITERAL("{\"a\":1}\n{\"b\":]}"), ST_SYNTAX, 2, 6,
      "expected" },
    { "JSON, and then KYAML with an error", SPAN_LITERAL("{\"a\":1} {b: 1,\n c: *x}"), ST_SYNTAX, 2,
      5, "an alias of an anchor" },
    { "JSON, and on its line YAML with an error", SPAN_LITERAL("{\"a\":1} \xc3\xa9: *x"), ST_SYNTAX,
      1, 13, "an alias of an anchor" },
    { "JSON, and on its line YAML with a control character", SPAN_LITERAL("{\"a\":1} b: \x01"),
      ST_SYNTAX, 1, 12, "control characters" },
    { "JSON, and on its line YAML that does not end", SPAN_LITERAL("{\"a\":1}\nb: [1\nc"),
      ST_SYNTAX, 4, 1, "that began on line 2" },
    { "lines count on behind a byte order mark", SPAN_LITERAL("a: 1\n---\n" BOM "\xc3\xa9: *x\n"),
      ST_SYNTAX, 3, 5, "an alias of an anchor" },
    { "lines count on behind a byte order mark before JSON",
      SPAN_LITERAL("\na: 1\n" BOM "---\n" BOM "{\"a\":1,\"a\":2}"), ST_DUPLICATE, 4, 8,
      "with a value on line 4" },
    { "a byte order mark between JSON counts no column",
      SPAN_LITERAL("{\"a\":1}\n" BOM "{\"a\":]}"), ST_SYNTAX, 2, 6, "expected" },
    { "JSON and a brace too many", SPAN_LITERAL("{\"a\":1}}"), ST_SYNTAX, 1, 8,
      "a JSON object, or the end" },
    { "JSON with a NUL behind", SPAN_LITERAL("{\"a\":1}\0"), ST_SYNTAX, 1, 8,
      "a JSON object, or the end" },
};

/* Behind two objects a text is JSON. */
static const struct refused_row row_rows[] = {
    { "a row of JSON and then YAML", SPAN_LITERAL("{\"a\":1}{\"a\":2}\n---\na: 1\n"), ST_SYNTAX, 2,
      1, "a JSON object, or the end" },
    { "a row of JSON and then KYAML", SPAN_LITERAL("{\"a\":1}{\"a\":2}\n{a: 1}"), ST_SYNTAX, 2, 2,
      "member name" },
};

static void check_refused(const struct refused_row *row, size_t want_count)
{
    size_t count = 0;
    struct problem problem = { 0 };
    const enum status status = document_parse(row->text, count_documents, &count, &problem);
    if (status != row->want || problem.status != status || count != want_count ||
        problem.line != row->line || problem.column != row->column ||
        !strstr(problem.text, row->part)) {
        fail_msg("%s: status %d at %u:%u: %s; %zu documents", row->name, (int)status, problem.line,
                 problem.column, problem.text, count);
    }
}

/* No part of a document with an error is handed out. */
static void test_document_parse_refused_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused_rows); i++) {
        check_refused(&refused_rows[i], 0);
    }
}

/* What stands before the error has been; the caller throws it away. */
static void test_document_parse_error_behind_a_document_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(late_rows); i++) {
        check_refused(&late_rows[i], 1);
    }
    for (size_t i = 0; i < COUNTOF(row_rows); i++) {
        check_refused(&row_rows[i], 2);
    }
}

static enum status stop_at_second(void *ctx, json_object *root)
{
    (void)root;
    return ++*(size_t *)ctx == 2 ? ST_CONFLICT : ST_OK;
}

static void test_document_parse_returns_what_the_callback_returned(void **state)
{
    (void)state;
    size_t count = 0;
    struct problem problem = { 0 };
    const struct span text = SPAN_LITERAL("a: 1\n---\na: 2\n---\na: 3\n");
    assert_int_equal(document_parse(text, stop_at_second, &count, &problem), ST_CONFLICT);
    assert_int_equal(count, 2);
}

/* What was refused as JSON is not read once more as YAML. */
static void test_document_parse_tells_no_document_twice(void **state)
{
    (void)state;
    size_t count = 0;
    struct problem problem = { 0 };
    const struct span text = SPAN_LITERAL("{\"a\":1}\n{\"a\":2}\n{\"a\":3}");
    assert_int_equal(document_parse(text, stop_at_second, &count, &problem), ST_CONFLICT);
    assert_int_equal(count, 2);
}

/* With ST_SYNTAX, too. */
static enum status refuse_as_syntax(void *ctx, json_object *root)
{
    (void)root;
    ++*(size_t *)ctx;
    return ST_SYNTAX;
}

static void test_document_parse_refused_by_the_callback_is_not_tried_as_yaml(void **state)
{
    (void)state;
    size_t count = 0;
    struct problem problem = { 0 };
    assert_int_equal(document_parse(SPAN_LITERAL("{\"a\":1}"), refuse_as_syntax, &count, &problem),
                     ST_SYNTAX);
    assert_int_equal(count, 1);
    assert_int_equal(problem.status, ST_OK);
}

static void test_document_parse_json_takes_nothing_else(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        enum status want;
        size_t count;
    } rows[] = {
        { SPAN_LITERAL(""), ST_OK, 0 },
        { SPAN_LITERAL(" {\"a\":1}{\"a\":2}\n"), ST_OK, 2 },
        { SPAN_LITERAL("{a: 1}"), ST_SYNTAX, 0 },
        { SPAN_LITERAL("a: 1\n"), ST_SYNTAX, 0 },
        { SPAN_LITERAL("{\"a\":1}\n---\n{\"a\":2}"), ST_SYNTAX, 1 },
        { SPAN_LITERAL("\xef\xbb\xbf{\"a\":1}"), ST_SYNTAX, 0 },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        size_t count = 0;
        struct problem problem = { 0 };
        assert_int_equal(document_parse_json(rows[i].text, (struct document_path){ 0 },
                                             count_documents, &count, &problem),
                         rows[i].want);
        assert_int_equal(problem.status, rows[i].want);
        assert_int_equal(count, rows[i].count);
    }
}

static void append_quoted(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        buf_append_char(buf, *text == '\'' ? '"' : *text);
    }
}

static enum status note_text(void *ctx, json_object *root)
{
    buf_append_text(ctx, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    return ST_OK;
}

/* One place and no other of that name; it is checked all the same. */
static void test_document_parse_json_leaves_out_what_nobody_asks_for(void **state)
{
    (void)state;
    static const char *const keys[] = { "o", "m", "f" };
    static const struct {
        const char *text;
        size_t count; /* of the path: from its end */
        const char *want;
        enum status status;
    } rows[] = {
        { "{'o':{'m':{'a':1,'f':[{'x':{}}],'b':2}}}", 3, "{'o':{'m':{'a':1,'b':2}}}", ST_OK },
        { "{'m':{'f':{},'f':[1]},'f':1}", 2, "{'m':{},'f':1}", ST_OK },
        { "{'m':{'f':1}}{'m':{'f':2},'x':3}", 2, "{'m':{}}{'m':{},'x':3}", ST_OK },
        { "{'a':{'f':1},'m':{'f':2},'b':{'f':3}}", 2, "{'a':{'f':1},'m':{},'b':{'f':3}}", ST_OK },
        { "{'m':{'a':{'f':1},'f':2}}", 2, "{'m':{'a':{'f':1}}}", ST_OK },
        { "{'m':{'m':{'f':1}},'a':{'m':{'f':1}}}", 2, "{'m':{'m':{'f':1}},'a':{'m':{'f':1}}}",
          ST_OK },
        { "{'m':[{'f':1}],'f':{'m':{'f':1}}}", 2, "{'m':[{'f':1}],'f':{'m':{'f':1}}}", ST_OK },
        { "{'o':{'m':{'f':1}}}", 2, "{'o':{'m':{'f':1}}}", ST_OK },
        { "{'m':{'f':1}}", 3, "{'m':{'f':1}}", ST_OK },
        { "{'m':{'ff':1,'\\u0066':2}}", 2, "{'m':{'ff':1}}", ST_OK },
        { "{'m':{'f':1}}", 0, "{'m':{'f':1}}", ST_OK },
        { "{'m':{'f':{1}}}", 2, "", ST_SYNTAX },
        { "{'m':{'f':1,}}", 2, "", ST_SYNTAX },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct buf got = { 0 };
        struct buf text = { 0 };
        struct buf want = { 0 };
        struct problem problem = { 0 };
        const struct document_path path = { .keys = keys + COUNTOF(keys) - rows[i].count,
                                            .count = rows[i].count };
        append_quoted(&text, rows[i].text);
        append_quoted(&want, rows[i].want);
        assert_int_equal(document_parse_json(buf_span(&text), path, note_text, &got, &problem),
                         rows[i].status);
        if (!span_equal(buf_span(&got), buf_span(&want))) {
            fail_msg("%s: %.*s", rows[i].text, (int)got.len, got.at);
        }
        buf_fini(&got);
        buf_fini(&text);
        buf_fini(&want);
    }
}

static enum status keep(void *ctx, json_object *root)
{
    *(json_object **)ctx = json_object_get(root);
    return ST_OK;
}

static enum status keep_last(void *ctx, json_object *root)
{
    json_object **const kept = ctx;
    (void)json_object_put(*kept);
    *kept = json_object_get(root);
    return ST_OK;
}

static json_object *parse_one(struct span text)
{
    json_object *root = NULL;
    struct problem problem = { 0 };
    if (document_parse(text, keep, &root, &problem) != ST_OK) {
        fail_msg("%u:%u: %s", problem.line, problem.column, problem.text);
    }
    return root;
}

static void assert_position(const json_object *node, unsigned want_line, unsigned want_column)
{
    unsigned line = 99, column = 99;
    document_position(node, &line, &column);
    assert_int_equal(line, want_line);
    assert_int_equal(column, want_column);
}

static void check_positions(struct span text, const unsigned places[6][2])
{
    json_object *const root = parse_one(text);
    json_object *const list = json_object_object_get(root, "list");
    assert_position(root, places[0][0], places[0][1]);
    assert_position(json_object_object_get(root, "text"), places[1][0], places[1][1]);
    assert_position(json_object_object_get(root, "number"), places[2][0], places[2][1]);
    assert_position(json_object_object_get(root, "fraction"), places[3][0], places[3][1]);
    assert_position(list, places[4][0], places[4][1]);
    assert_position(json_object_array_get_idx(list, 0), places[5][0], places[5][1]);
    assert_position(json_object_object_get(root, "null"), 0, 0);
    (void)json_object_put(root);
}

static void test_document_position_of_yaml(void **state)
{
    (void)state;
    static const unsigned places[6][2] = { { 3, 1 },  { 3, 7 }, { 4, 10 },
                                           { 5, 14 }, { 7, 3 }, { 7, 5 } };
    check_positions(
        SPAN_LITERAL("# c\n---\ntext: x\nnumber:  1\nfraction:    1.5\nlist:\n  - true\n"
                     "'null': ~\n"),
        places);
}

static void test_document_position_of_json(void **state)
{
    (void)state;
    static const unsigned places[6][2] = { { 2, 2 }, { 2, 10 }, { 3, 12 },
                                           { 4, 3 }, { 5, 8 },  { 6, 1 } };
    check_positions(SPAN_LITERAL("\n {\"text\":\"\\n\",\n\"number\" : 1, \"fraction\":\n  "
                                 "1.5,\n\"list\":[\ntrue],\"null\":null}"),
                    places);
}

/* Behind JSON on the same line, and below. */
static void test_document_position_of_yaml_behind_json(void **state)
{
    (void)state;
    json_object *root = NULL;
    struct problem problem = { 0 };
    const struct span text = SPAN_LITERAL("{}\n {} {a: 1,\n b: 2}");
    assert_int_equal(document_parse(text, keep_last, &root, &problem), ST_SYNTAX);
    assert_int_equal(document_parse(span_after(text, 4), keep_last, &root, &problem), ST_OK);
    assert_position(root, 1, 4);
    assert_position(json_object_object_get(root, "a"), 1, 8);
    assert_position(json_object_object_get(root, "b"), 2, 5);
    (void)json_object_put(root);
}

/* A multi-byte character counts by its bytes, on its own line only. */
static void test_document_position_counts_bytes(void **state)
{
    (void)state;
    json_object *const root =
        parse_one(SPAN_LITERAL("\xc3\xa9: \xc3\xa9\n\xe2\x82\xac: 1\na: [\xc3\xa9, 2]\nb: 3\n"));
    assert_position(root, 1, 1);
    assert_position(json_object_object_get(root, "\xc3\xa9"), 1, 5);
    assert_position(json_object_object_get(root, "\xe2\x82\xac"), 2, 6);
    json_object *const list = json_object_object_get(root, "a");
    assert_position(json_object_array_get_idx(list, 1), 3, 9);
    assert_position(json_object_object_get(root, "b"), 4, 4);
    (void)json_object_put(root);
}

/* json-c keeps the spelling of a fraction where positions are kept. */
static void test_document_position_of_a_foreign_tree_is_unknown(void **state)
{
    (void)state;
    json_object *const root = json_tokener_parse("{\"a\":1.50,\"b\":\"x\",\"c\":1}");
    assert_non_null(root);
    json_object_object_foreach(root, key, node)
    {
        (void)key;
        assert_position(node, 0, 0);
    }
    assert_position(root, 0, 0);
    assert_position(NULL, 0, 0);
    (void)json_object_put(root);
}

/* Fill @buf with @count times @text. */
static void append_times(struct buf *buf, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_text(buf, text);
    }
}

static enum status parse_and_count(struct buf *buf, size_t *ret_count, struct problem *problem)
{
    assert_false(buf->failed);
    *ret_count = 0;
    const enum status status = document_parse(buf_span(buf), count_documents, ret_count, problem);
    buf_fini(buf);
    return status;
}

static enum status parse_nested(const char *before,
                                const char *open,
                                size_t depth,
                                const char *close)
{
    struct buf buf = { 0 };
    struct problem problem = { 0 };
    size_t count;
    buf_append_text(&buf, before);
    append_times(&buf, depth, open);
    append_times(&buf, depth, close);
    return parse_and_count(&buf, &count, &problem);
}

static void test_document_parse_depth_is_limited(void **state)
{
    (void)state;
    assert_int_equal(parse_nested("", "[", DOCUMENT_MAX_DEPTH, "]"), ST_OK);
    assert_int_equal(parse_nested("", "[", DOCUMENT_MAX_DEPTH + 1, "]"), ST_LIMIT);
    assert_int_equal(parse_nested("", "- ", DOCUMENT_MAX_DEPTH, ""), ST_OK);
    assert_int_equal(parse_nested("", "- ", DOCUMENT_MAX_DEPTH + 1, ""), ST_LIMIT);
    assert_int_equal(parse_nested("{\"a\":", "[", DOCUMENT_MAX_DEPTH - 1, "]"), ST_SYNTAX);
    assert_int_equal(parse_nested("{\"a\":", "[", DOCUMENT_MAX_DEPTH, "]"), ST_LIMIT);
    assert_int_equal(parse_nested("", "[", 100000, ""), ST_LIMIT);
}

/* An alias is as deep as what it repeats: 40 levels within 24 are all there may be. */
static void test_document_parse_depth_counts_aliases(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        size_t count;
        buf_append_text(&buf, "- &x ");
        append_times(&buf, 40, "[");
        append_times(&buf, 40, "]");
        buf_append_text(&buf, "\n- ");
        append_times(&buf, DOCUMENT_MAX_DEPTH - 41 + more, "[");
        buf_append_text(&buf, "*x");
        append_times(&buf, DOCUMENT_MAX_DEPTH - 41 + more, "]");
        assert_int_equal(parse_and_count(&buf, &count, &problem), more == 0 ? ST_OK : ST_LIMIT);
    }
}

/* Nine levels of nine aliases each would be 9^9 values. */
static void test_document_parse_billion_laughs_end(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    struct problem problem = { 0 };
    size_t count;
    buf_append_text(&buf, "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (int i = 1; i < 9; i++) {
        buf_printf(&buf, "a%d: &a%d [", i, i);
        for (int j = 0; j < 9; j++) {
            buf_printf(&buf, "*a%d%s", i - 1, j < 8 ? ", " : "]\n");
        }
    }
    assert_int_equal(parse_and_count(&buf, &count, &problem), ST_LIMIT);
    assert_int_equal(problem.line, 7); /* 9^6 and all before are less than 1000000, 9^7 is not */
    assert_non_null(strstr(problem.text, "1000000"));
}

/* The limit itself, without memory for as many nodes: one alias repeats half of them. */
static void test_document_parse_nodes_are_limited_exactly(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        size_t count;
        buf_append_text(&buf, "[&x [");
        append_times(&buf, 1999, "1,"); /* x: 2000 values */
        buf_append_text(&buf, "]");
        append_times(&buf, 499, ",*x"); /* 1 + 500 * 2000 = 1000001 */
        append_times(&buf, 999999 + more, ",1");
        buf_append_text(&buf, "]");
        assert_int_equal(parse_and_count(&buf, &count, &problem), more == 0 ? ST_OK : ST_LIMIT);
        assert_int_equal(count, more == 0 ? 1 : 0);
    }
}

/* A file may hold more values than a document. */
static void test_document_parse_nodes_are_limited_in_each_document_alone(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    struct problem problem = { 0 };
    size_t count;
    for (int i = 0; i < 3; i++) {
        buf_append_text(&buf, "{\"a\":[1");
        append_times(&buf, 1500000, ",1");
        buf_append_text(&buf, "]}\n");
    }
    assert_int_equal(parse_and_count(&buf, &count, &problem), ST_OK);
    assert_int_equal(count, 3);
}

static void test_document_parse_repeated_nodes_are_limited_in_all_documents(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        size_t count;
        for (int i = 0; i < 2; i++) {
            buf_append_text(&buf, "---\n[&x [");
            append_times(&buf, 999, "1,"); /* x: 1000 values */
            buf_append_text(&buf, "]");
            append_times(&buf, DOCUMENT_MAX_REPEATED_NODES / 2000, ",*x");
            buf_append_text(&buf, "]\n");
        }
        append_times(&buf, more, "---\n[&x 1,*x]\n");
        assert_int_equal(parse_and_count(&buf, &count, &problem), more == 0 ? ST_OK : ST_LIMIT);
    }
}

/* What is repeated, and what repeats it: once is a megabyte. */
static const struct {
    const char *name;
    const char *before;
    const char *after;
    const char *alias;
    size_t already; /* repeated before the first alias */
} repeating_rows[] = {
    { "a value", "- &x ", "\n", "- *x\n", 0 },
    { "a value within", "- &x [1, ", "]\n", "- *x\n", 0 },
    { "an alias within", "- &y ", "\n- &x [*y]\n", "- *x\n", 1 },
    { "a key", "- &x ", "\n", "- {*x : 1}\n", 0 },
    { "a key within", "- &x\n  ? ", "\n  : 1\n", "- *x\n", 0 },
    { "a merged key", "- &x\n  ? ", "\n  : 1\n", "- {<<: *x}\n", 0 },
};

/* Readers of the tree copy it each time. Keys are copied here: 1 MB of text made 6 GB of them. */
static void test_document_parse_repeated_bytes_are_limited(void **state)
{
    (void)state;
    enum { ONCE = 1048576, TIMES = DOCUMENT_MAX_REPEATED_BYTES / ONCE };
    for (size_t i = 0; i < 2 * COUNTOF(repeating_rows); i++) {
        const size_t row = i / 2;
        const size_t more = i % 2;
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        size_t count;
        buf_append_text(&buf, repeating_rows[row].before);
        append_times(&buf, ONCE / 16, "0123456789abcdef");
        buf_append_text(&buf, repeating_rows[row].after);
        append_times(&buf, TIMES + more - repeating_rows[row].already, repeating_rows[row].alias);
        const enum status status = parse_and_count(&buf, &count, &problem);
        if (status != (more == 0 ? ST_OK : ST_LIMIT)) {
            fail_msg("%s: status %d at %u:%u: %s", repeating_rows[row].name, (int)status,
                     problem.line, problem.column, problem.text);
        }
    }
}

static void note_free(json_object *root, void *is_free)
{
    (void)root;
    *(bool *)is_free = true;
}

struct one_by_one {
    size_t count;
    bool is_free;
};

static enum status require_one_by_one(void *ctx, json_object *root)
{
    struct one_by_one *const seen = ctx;
    assert_true(seen->count == 0 || seen->is_free);
    seen->count++;
    seen->is_free = false;
    json_object_set_userdata(root, &seen->is_free, note_free);
    return ST_OK;
}

/* Two are never there at once: trees take many times the memory of their text. */
static void test_document_parse_frees_each_document_before_the_next(void **state)
{
    (void)state;
    static const struct span texts[] = {
        SPAN_LITERAL("a: &x {}\n---\nb: 1\n---\nc: 1\n"),
        SPAN_LITERAL("{\"a\":1}{\"b\":1}{\"c\":1}"),
    };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        struct one_by_one seen = { 0 };
        struct problem problem = { 0 };
        assert_int_equal(document_parse(texts[i], require_one_by_one, &seen, &problem), ST_OK);
        assert_int_equal(seen.count, 3);
        assert_true(seen.is_free);
    }
}

/* json-c's own tables have 16 places, 640 bytes, for no member as well. */
static void test_document_parse_small_objects_have_small_tables(void **state)
{
    (void)state;
    for (int members = 0; members < 40; members++) {
        struct buf buf = { 0 };
        buf_append_text(&buf, "{");
        for (int i = 0; i < members; i++) {
            buf_printf(&buf, "\"k%d\": %d%s", i, i, i + 1 < members ? "," : "");
        }
        buf_append_text(&buf, "}");
        json_object *const root = parse_one(buf_span(&buf));
        assert_in_range(json_object_get_object(root)->size, 1, 1 + 4 * members);
        assert_int_equal(json_object_object_length(root), members);
        for (int i = 0; i < members; i++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "k%d", i);
            assert_int_equal(json_object_get_int(json_object_object_get(root, key)), i);
        }
        (void)json_object_put(root);
        buf_fini(&buf);
    }
}

static void test_document_parse_merged_keys_are_limited(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        size_t count;
        buf_append_text(&buf, "- &x {");
        for (int i = 0; i < 1000; i++) {
            buf_printf(&buf, "k%d: 1,", i);
        }
        buf_append_text(&buf, "}\n");
        append_times(&buf, DOCUMENT_MAX_MERGED_KEYS / 1000, "- {<<: *x}\n");
        append_times(&buf, more, "- {<<: {k: 1}}\n");
        assert_int_equal(parse_and_count(&buf, &count, &problem), more == 0 ? ST_OK : ST_LIMIT);
    }
}

/* @times times @directive between two texts. */
static const struct {
    const char *name;
    const char *before;
    const char *directive;
    const char *after;
    size_t times;
    enum status want;
    unsigned line; /* of the directive that is refused */
} directive_rows[] = {
    { "as many as there may be", "", "%TAG !x! tag:x\n", "---\na: 1\n", 16, ST_SYNTAX, 2 },
    { "one more", "", "%TAG !x! tag:x\n", "---\na: 1\n", 17, ST_LIMIT, 17 },
    { "as many, and no document", "", "%X\n", "", 16, ST_SYNTAX, 1 },
    { "one more, and no document", "", "%X\n", "", 17, ST_LIMIT, 17 },
    { "after comments", "# c\n\n  # c\n", "%X\n", "", 17, ST_LIMIT, 20 },
    { "comments and blank lines between", "", "%X\n# c\n \n\t\n", "", 17, ST_LIMIT, 65 },
    { "CR LF", "", "%X\r\n", "", 17, ST_LIMIT, 17 },
    { "other line breaks", "", "%X\r%X\xc2\x85%X\xe2\x80\xa8%X\xe2\x80\xa9", "", 5, ST_LIMIT, 1 },
    { "after a second byte order mark", "\xef\xbb\xbf\xef\xbb\xbf\n", "%X\n", "", 17, ST_LIMIT,
      18 },
    { "after an explicit end", "a: 1\n... # c\n", "%X\n", "", 17, ST_LIMIT, 19 },
    { "after two ends", "a: 1\n...\n...\n", "%X\n", "", 17, ST_LIMIT, 20 },
    { "after no end", "a: 1\n", "%TAG !x! tag:x\n", "", 17, ST_LIMIT, 18 },
    { "after what is not ASCII", "a: \xc3\xa9\n...\n", "%X\n", "", 17, ST_LIMIT, 19 },
    { "after an empty document", "---\n", "%TAG !x! tag:x\n", "", 17, ST_LIMIT, 18 },
    { "one in front of each document", "", "%YAML 1.1\n---\na: 1\n...\n", "", 100, ST_OK, 0 },
    { "lines of a plain scalar", "---\na\n", "%X\n", "", 100, ST_OK, 0 },
    { "lines of a quoted scalar", "a: \"\n", "%X\n", "\"\n", 100, ST_OK, 0 },
    { "lines of a flow sequence", "a: [b\n", "%X\n", "]\n", 100, ST_OK, 0 },
    { "lines of a block scalar", "a: |\n", " %X\n", "", 100, ST_OK, 0 },
    { "lines of a scalar behind an end", "a: 1\n...\n--- \"\n", "%X\n", "\"\n", 100, ST_OK, 0 },
};

/* Many directives are quadratic in libyaml: of 150,000 it took 80 s to refuse none. */
static void test_document_parse_directives_are_limited(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(directive_rows); i++) {
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        size_t count;
        buf_append_text(&buf, directive_rows[i].before);
        append_times(&buf, directive_rows[i].times, directive_rows[i].directive);
        buf_append_text(&buf, directive_rows[i].after);
        const enum status status = parse_and_count(&buf, &count, &problem);
        if (status != directive_rows[i].want || problem.line != directive_rows[i].line) {
            fail_msg("%s: status %d at %u:%u: %s", directive_rows[i].name, (int)status,
                     problem.line, problem.column, problem.text);
        }
    }
}

/* Sixteen different ones are read, and the longest. */
static void test_document_parse_directives_within_the_limit_count(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    struct problem problem = { 0 };
    size_t count;
    for (int i = 0; i < YAML_MAX_DIRECTIVES; i++) {
        buf_printf(&buf, "%%TAG !%x! tag:yaml.org,2002:\n", i);
    }
    buf_append_text(&buf, "---\na: !0!str 1\nb: !f!int 2\n");
    assert_int_equal(parse_and_count(&buf, &count, &problem), ST_OK);
    assert_int_equal(count, 1);
}

/* libyaml writes each short tag out: a prefix of 1 MB, 100,000 times, are 100 GB to copy. */
static void test_document_parse_directive_length_is_limited(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf buf = { 0 };
        struct problem problem = { 0 };
        size_t count;
        buf_append_text(&buf, "%TAG !a! ");
        append_times(&buf, YAML_MAX_DIRECTIVE_BYTES - strlen("%TAG !a! ") + more, "x");
        buf_append_text(&buf, "\n---\na: !a!b c\n");
        assert_int_equal(parse_and_count(&buf, &count, &problem), more == 0 ? ST_OK : ST_LIMIT);
        assert_int_equal(problem.line, more);
        assert_int_equal(problem.column, more);
    }
}

/* A file of ten thousand documents, as the store meets it. */
static void test_document_parse_many_documents(void **state)
{
    (void)state;
    struct buf yaml = { 0 };
    struct buf json = { 0 };
    struct problem problem = { 0 };
    size_t count;
    for (int i = 0; i < 10000; i++) {
        buf_printf(&yaml, "---\nmetadata:\n  name: n%d\n", i);
        buf_printf(&json, "{\"metadata\":{\"name\":\"n%d\"}}", i);
    }
    assert_int_equal(parse_and_count(&yaml, &count, &problem), ST_OK);
    assert_int_equal(count, 10000);
    assert_int_equal(parse_and_count(&json, &count, &problem), ST_OK);
    assert_int_equal(count, 10000);
}

/* Strings may be secrets: json-c's memory must not keep them. */
static void test_document_strings_are_wiped_when_freed(void **state)
{
    (void)state;
    json_object *const root = parse_one(SPAN_LITERAL("a: TEST-ONLY-0123456789abcdef-0123456789\n"));
    json_object *const string = json_object_get(json_object_object_get(root, "a"));
    json_object_delete_fn *const no_delete = NULL;
    const char *const bytes = json_object_get_string(string);
    assert_string_equal(bytes, "TEST-ONLY-0123456789abcdef-0123456789");
    /* a new userdata makes json-c run what the old one came with, as freeing does */
    json_object_set_userdata(string, NULL, no_delete);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[36], 0);
    (void)json_object_put(string);
    (void)json_object_put(root);
}

static void check_memory_runs_out(struct span text)
{
    size_t nth = 1;
    bool reached;
    do {
        size_t count = 0;
        struct problem problem = { 0 };
        alloc_fail_arm(nth++);
        const enum status status = document_parse(text, count_documents, &count, &problem);
        reached = alloc_fail_disarm();
        assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
        assert_int_equal(problem.status, status);
        assert_in_range(count, reached ? 0 : 2, 2);
    } while (reached);
    assert_true(nth > 20); /* or nothing was tried */
}

static void test_document_parse_every_allocation_may_fail(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    check_memory_runs_out(SPAN_LITERAL(
        "a: &x {b: [1, 2.5, true, ~, text], 1: \"quoted\\n\"}\nc: *x\nd: {<<: [*x, {e: 1}], b: 2}\n"
        "f: |\n  block\ng: !!binary Zm9v\nh: &x [&x 1]\n*x : 3\n---\na: &y 1\nb: *y\n"));
    check_memory_runs_out(SPAN_LITERAL("{\"a\":{\"b\":[1,2.5,true,null,\"text\"]}}{\"c\":{}}"));
    check_memory_runs_out(
        SPAN_LITERAL("\xff\xfe\x61\0:\0 \0001\0\n\0-\0-\0-\0\n\0b\0:\0 \0[\0x\0]\0"));
    check_memory_runs_out(SPAN_LITERAL("{\"a\":1}\n{\"a\":{\"b\":[1,2.5,true,null,\"text\",]}}"));
}

/* --- where documents stand --- */

static const struct {
    struct span text;
    const char *want; /* start,content,content_end,end and what it is, of each */
} range_rows[] = {
    { SPAN_LITERAL("a: 1\n"), "0,0,4,5 yaml " },
    { SPAN_LITERAL("# c\na: 1 # d\n# e\n"), "4,4,8,17 yaml " },
    { SPAN_LITERAL("---\na: 1\n--- # c\nb: 2\n"), "0,4,8,9 yaml 9,17,21,22 yaml " },
    { SPAN_LITERAL("%YAML 1.1\n---\na: 1\n...\n---\nb: 2\n"), "0,14,18,19 yaml 23,27,31,32 yaml " },
    { SPAN_LITERAL("a: |\n  x\n\n---\nb: {c: 1}\n"), "0,0,10,10 yaml 10,14,23,24 yaml " },
    { SPAN_LITERAL("--- {a: 1} # c\n"), "0,4,10,15 yaml " },
    { SPAN_LITERAL("a:\n-\n# c\n---\nb:\n"), "0,0,4,9 yaml 9,13,15,16 yaml " },
    { SPAN_LITERAL("\xc3\xa9: \xc3\xa9 # \xc3\xa9\n---\na: 1\n"),
      "0,0,6,12 yaml 12,16,20,21 yaml " },
    { SPAN_LITERAL("\xef\xbb\xbf"
                   "a: 1\n"),
      "3,3,7,8 yaml " },
    { SPAN_LITERAL("---\n---\na: 1\n"), "4,8,12,13 yaml " },
    { SPAN_LITERAL(" {\"a\": \"\\u0041\"} {} "), "1,1,16,16 json 17,17,19,19 json " },
    { SPAN_LITERAL("\xef\xbb\xbf{}{\"a\":1}"), "3,3,5,5 json 5,5,12,12 json " },
    { SPAN_LITERAL(BOM "a: 1\n---\n" BOM "b: 2\n" BOM "---\nc: 3\n"),
      "3,3,7,8 yaml 15,15,19,20 yaml 23,27,31,32 yaml " },
    { SPAN_LITERAL("{\"a\":1}\n" BOM "{}" BOM "{}"),
      "0,0,7,7 json 11,11,13,13 json 16,16,18,18 json " },
    { SPAN_LITERAL("\xff\xfe\x61\0:\0 \0001\0\n\0"), "0,0,4,5 yaml of another text " },
    { SPAN_LITERAL("\xfe\xff\0{\0}"), "0,0,2,2 json of another text " },
    { SPAN_LITERAL("# \xe9\na: 1\n"), "6,6,10,11 yaml of another text " },
    { SPAN_LITERAL("{a: 1}\n---\n{a: 2}\n"), "0,0,6,7 yaml 7,11,17,18 yaml " },
    { SPAN_LITERAL(" {\"a\":1}\n---\n{\"a\": 2}\n"), "1,1,8,8 json 9,13,21,22 yaml " },
    { SPAN_LITERAL("{\"\xc3\xa9\":1} \xc3\xa9: 1\n"), "0,0,8,8 json 9,9,14,15 yaml " },
};

struct ranges {
    struct document_notes notes;
    struct buf text;
};

static enum status note_range(void *ctx, json_object *root)
{
    struct ranges *ranges = ctx;
    const struct document_range *range = &ranges->notes.range;
    (void)root;
    buf_printf(&ranges->text, "%zu,%zu,%zu,%zu %s%s ", range->start, range->content,
               range->content_end, range->end, range->is_json ? "json" : "yaml",
               ranges->notes.is_transcoded ? " of another text" : "");
    return ST_OK;
}

static void test_document_ranges_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(range_rows); i++) {
        struct ranges ranges = { 0 };
        struct problem problem = { 0 };
        assert_int_equal(
            document_parse_notes(range_rows[i].text, &ranges.notes, note_range, &ranges, &problem),
            ST_OK);
        buf_append_char(&ranges.text, '\0');
        assert_string_equal(ranges.text.at, range_rows[i].want);
        buf_fini(&ranges.text);
    }
}

/* --- what is no UTF-8 --- */

#define FFFD "\xef\xbf\xbd"

static const struct {
    const char *name;
    struct span text;
    enum status want;
    const char *become;  /* as in accepted_rows */
    const char *damaged; /* the strings in which U+FFFD is damage */
    unsigned line;       /* of the damage, or of the problem */
    unsigned column;
} damage_rows[] = {
    { "all is UTF-8", SPAN_LITERAL("a: caf\xc3\xa9\n"), ST_OK, "{\"a\":\"caf\xc3\xa9\"}\n", "", 0,
      0 },
    { "U+FFFD in what is UTF-8", SPAN_LITERAL(FFFD ": " FFFD "\n"), ST_OK,
      "{\"" FFFD "\":\"" FFFD "\"}\n", "", 0, 0 },
    { "in a comment", SPAN_LITERAL("a: x # caf\xe9\n"), ST_OK, "{\"a\":\"x\"}\n", "", 1, 11 },
    { "in values", SPAN_LITERAL("b: x\na: caf\xe9\nc: '\xff'\n"), ST_OK,
      "{\"b\":\"x\",\"a\":\"caf" FFFD "\",\"c\":\"" FFFD "\"}\n", "caf" FFFD "," FFFD ",", 2, 7 },
    { "in a block", SPAN_LITERAL("a: |\n  x\n  \xe9\n"), ST_OK, "{\"a\":\"x\\n" FFFD "\\n\"}\n",
      "x\n" FFFD "\n,", 3, 3 },
    { "in JSON", SPAN_LITERAL("{\"a\":\"\xe9\"}"), ST_OK, "{\"a\":\"" FFFD "\"}\n", FFFD ",", 1,
      7 },
    { "in KYAML", SPAN_LITERAL("{a: \"\xe9\",}"), ST_OK, "{\"a\":\"" FFFD "\"}\n", FFFD ",", 1, 6 },
    { "in UTF-16", SPAN_LITERAL("\xff\xfe\x61\0:\0 \0\x3d\xd8\n\0"), ST_OK,
      "{\"a\":\"" FFFD "\"}\n", FFFD ",", 1, 4 },
    { "in a key", SPAN_LITERAL("a: x\n\xe9: x\n"), ST_SYNTAX, "", "", 2, 1 },
    { "in a key further in", SPAN_LITERAL("a:\n- {caf\xe9: x}\n"), ST_SYNTAX, "", "", 2, 4 },
    { "in a key of JSON", SPAN_LITERAL("{\"\xe9\":1}"), ST_SYNTAX, "", "", 1, 2 },
    { "in a key of UTF-16", SPAN_LITERAL("\xff\xfe\x3d\xd8:\0 \0\x61\0"), ST_SYNTAX, "", "", 1, 1 },
    { "in an alias as a key", SPAN_LITERAL("a: &x \xe9\n*x : 1\n"), ST_SYNTAX, "", "", 2, 1 },
    { "in an anchor", SPAN_LITERAL("a: &\xe9 1\n"), ST_SYNTAX, "", "", 1, 5 },
    { "behind a byte order mark", SPAN_LITERAL(BOM "a: \xe9\n"), ST_SYNTAX, "", "", 1, 4 },
};

static void note_damaged(struct buf *buf, json_object *node)
{
    if (json_object_is_type(node, json_type_object)) {
        json_object_object_foreach(node, key, value)
        {
            (void)key;
            note_damaged(buf, value);
        }
    } else if (document_is_damaged(node)) {
        buf_append_text(buf, json_object_get_string(node));
        buf_append_char(buf, ',');
    }
}

struct damage {
    struct document_notes notes;
    struct buf become;
    struct buf damaged;
};

static enum status note_damage(void *ctx, json_object *root)
{
    struct damage *damage = ctx;
    note_damaged(&damage->damaged, root);
    return append_json(&damage->become, root);
}

static void check_damage(size_t row)
{
    struct damage got = { 0 };
    struct problem problem = { 0 };
    const enum status status =
        document_parse_notes(damage_rows[row].text, &got.notes, note_damage, &got, &problem);
    buf_append_char(&got.become, '\0');
    buf_append_char(&got.damaged, '\0');
    const unsigned line = status == ST_OK ? got.notes.damage_line : problem.line;
    const unsigned column = status == ST_OK ? got.notes.damage_column : problem.column;
    if (status != damage_rows[row].want || strcmp(got.become.at, damage_rows[row].become) != 0 ||
        strcmp(got.damaged.at, damage_rows[row].damaged) != 0 || line != damage_rows[row].line ||
        column != damage_rows[row].column) {
        fail_msg("%s: status %d at %u:%u (%s), got %s; damaged %s", damage_rows[row].name,
                 (int)status, line, column, problem.text, got.become.at, got.damaged.at);
    }
    buf_fini(&got.become);
    buf_fini(&got.damaged);
}

static void test_document_damage_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(damage_rows); i++) {
        check_damage(i);
        size_t count = 0;
        struct problem problem = { 0 };
        const enum status strict =
            document_parse(damage_rows[i].text, count_documents, &count, &problem);
        if ((strict == ST_OK) != (damage_rows[i].want == ST_OK && damage_rows[i].line == 0)) {
            fail_msg("%s: strictly: status %d", damage_rows[i].name, (int)strict);
        }
    }
}

#define BEHIND_DAMAGE "\na: 1\n#"
#define DAMAGE_MAX    ((DOCUMENT_MAX_REPAIRED_BYTES - sizeof(BEHIND_DAMAGE)) / 3)

/* A comment of bytes that are no UTF-8, each of which becomes three, and a document. */
static enum status parse_damaged(size_t len, struct damage *got, struct problem *problem)
{
    const size_t whole = len + sizeof(BEHIND_DAMAGE);
    char *const text = malloc(whole);
    assert_non_null(text);
    text[0] = '#';
    memset(text + 1, 0xff, len);
    memcpy(text + 1 + len, BEHIND_DAMAGE, sizeof(BEHIND_DAMAGE) - 1);
    const enum status status =
        document_parse_notes((struct span){ text, whole }, &got->notes, note_damage, got, problem);
    free(text);
    return status;
}

static void test_document_repaired_text_is_limited(void **state)
{
    (void)state;
    struct damage got = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(parse_damaged(DAMAGE_MAX, &got, &problem), ST_OK);
    assert_int_equal(got.notes.damage_line, 1);
    assert_true(got.become.len > 0);
    buf_fini(&got.become);
    assert_int_equal(parse_damaged(DAMAGE_MAX + 1, &got, &problem), ST_LIMIT);
    assert_int_equal(got.become.len, 0);
    assert_non_null(strstr(problem.text, "67108864 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_parse_accepted_rows),
        cmocka_unit_test(test_document_parse_refused_rows),
        cmocka_unit_test(test_document_parse_error_behind_a_document_is_told),
        cmocka_unit_test(test_document_parse_returns_what_the_callback_returned),
        cmocka_unit_test(test_document_parse_tells_no_document_twice),
        cmocka_unit_test(test_document_parse_refused_by_the_callback_is_not_tried_as_yaml),
        cmocka_unit_test(test_document_parse_json_takes_nothing_else),
        cmocka_unit_test(test_document_parse_json_leaves_out_what_nobody_asks_for),
        cmocka_unit_test(test_document_position_of_yaml),
        cmocka_unit_test(test_document_position_of_json),
        cmocka_unit_test(test_document_position_of_yaml_behind_json),
        cmocka_unit_test(test_document_position_counts_bytes),
        cmocka_unit_test(test_document_position_of_a_foreign_tree_is_unknown),
        cmocka_unit_test(test_document_parse_depth_is_limited),
        cmocka_unit_test(test_document_parse_depth_counts_aliases),
        cmocka_unit_test(test_document_parse_billion_laughs_end),
        cmocka_unit_test(test_document_parse_nodes_are_limited_exactly),
        cmocka_unit_test(test_document_parse_nodes_are_limited_in_each_document_alone),
        cmocka_unit_test(test_document_parse_repeated_nodes_are_limited_in_all_documents),
        cmocka_unit_test(test_document_parse_repeated_bytes_are_limited),
        cmocka_unit_test(test_document_parse_frees_each_document_before_the_next),
        cmocka_unit_test(test_document_parse_small_objects_have_small_tables),
        cmocka_unit_test(test_document_parse_merged_keys_are_limited),
        cmocka_unit_test(test_document_parse_directives_are_limited),
        cmocka_unit_test(test_document_parse_directives_within_the_limit_count),
        cmocka_unit_test(test_document_parse_directive_length_is_limited),
        cmocka_unit_test(test_document_parse_many_documents),
        cmocka_unit_test(test_document_strings_are_wiped_when_freed),
        cmocka_unit_test(test_document_parse_every_allocation_may_fail),
        cmocka_unit_test(test_document_ranges_rows),
        cmocka_unit_test(test_document_damage_rows),
        cmocka_unit_test(test_document_repaired_text_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
