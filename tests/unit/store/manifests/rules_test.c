/* SPDX-License-Identifier: Apache-2.0 */
/* What may be written, and what is made of it: as the API server has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "document/edit.h"
#include "store/manifests/rules.h"
#include "support/quoted_json.h"

static const struct instant now = { .sec = 1767323045 }; /* 2026-01-02T03:04:05Z */

static void assert_is(const json_object *object, const char *want)
{
    json_object *expected = parse_quoted(want);
    if (!json_object_equal((json_object *)object, expected)) {
        fail_msg("is %s, not %s", json_object_to_json_string((json_object *)object),
                 json_object_to_json_string(expected));
    }
    (void)json_object_put(expected);
}

static const struct {
    const char *object;
    enum status status;
    const char *want; /* in the problem */
} creations[] = {
    { "{'metadata':{'name':'a'}}", ST_OK, "" },
    { "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'a','namespace':'n'}}", ST_OK, "" },
    { "{'apiVersion':'v2','metadata':{'name':'a'}}", ST_INVALID, "expected apiVersion v1" },
    { "{'kind':'Pod','metadata':{'name':'a'}}", ST_INVALID, "kind Secret" },
    { "{'kind':1,'metadata':{'name':'a'}}", ST_INVALID, "kind Secret" },
    { "'text'", ST_INVALID, "expected a Secret" },
    { "{}", ST_INVALID, "metadata" },
    { "{'metadata':{}}", ST_INVALID, "metadata.name" },
    { "{'metadata':{'generateName':'a-'}}", ST_INVALID, "metadata.name" },
    { "{'metadata':{'name':'A'}}", ST_INVALID, "metadata.name" },
    { "{'metadata':{'name':'a','namespace':'n.m'}}", ST_INVALID, "metadata.namespace" },
    { "{'metadata':{'name':'a'},'data':{'x':'?'}}", ST_INVALID, "data.x" },
    { "{'metadata':{'name':'a'},'data':{'x':'eA=='}}", ST_OK, "" },
    { "{'metadata':{'name':'a'},'stringData':{'x':1}}", ST_INVALID, "stringData.x" },
    { "{'metadata':{'name':'a','resourceVersion':'1'}}", ST_INVALID, "resourceVersion" },
    { "{'metadata':{'name':'a','resourceVersion':''}}", ST_OK, "" },
};

static void test_rules_create_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(creations); i++) {
        struct problem problem = { 0 };
        json_object *object = parse_quoted(creations[i].object);
        const enum status status = rules_create(&kind_secret, object, now, &problem);
        if (status != creations[i].status || !strstr(problem.text, creations[i].want) ||
            problem.status != status) {
            fail_msg("%s: %d, %s", creations[i].object, (int)status, problem.text);
        }
        (void)json_object_put(object);
    }
}

static void test_rules_create_fills_in(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    json_object *object = parse_quoted(
        "{'metadata':{'name':'a','uid':'mine','deletionTimestamp':'x','resourceVersion':'',"
        "'deletionGracePeriodSeconds':1,'creationTimestamp':null,'labels':{'l':'1'}},"
        "'stringData':{'x':'y','z':null},'data':{'x':'eA==','w':'dw=='}}");
    assert_int_equal(rules_create(&kind_secret, object, now, &problem), ST_OK);
    json_object *metadata = json_object_object_get(object, "metadata");
    const struct span uid = document_text(json_object_object_get(metadata, "uid"));
    assert_int_equal(uid.len, 36);
    assert_int_equal(uid.at[8], '-');
    assert_int_equal(uid.at[14], '4');
    assert_non_null(strchr("89ab", uid.at[19]));
    json_object_object_del(metadata, "uid");
    assert_is(object, "{'apiVersion':'v1','kind':'Secret','type':'Opaque','metadata':{'name':'a',"
                      "'namespace':'default','creationTimestamp':'2026-01-02T03:04:05Z',"
                      "'labels':{'l':'1'}},'data':{'x':'eQ==','z':'','w':'dw=='}}");
    (void)json_object_put(object);
}

static void test_rules_create_gives_each_its_own_uid(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    json_object *a = parse_quoted("{'metadata':{'name':'a'}}");
    json_object *b = parse_quoted("{'metadata':{'name':'a'}}");
    assert_int_equal(rules_create(&kind_secret, a, now, &problem), ST_OK);
    assert_int_equal(rules_create(&kind_secret, b, now, &problem), ST_OK);
    assert_false(json_object_equal(a, b));
    (void)json_object_put(a);
    (void)json_object_put(b);
}

#define OLD_META "'name':'a','namespace':'n','uid':'u','resourceVersion':'5'"
#define OLD      "{'metadata':{" OLD_META ",'creationTimestamp':'then'},'type':'t','data':{'x':'eA=='}}"
#define FROZEN   "{'metadata':{" OLD_META "},'type':'t','immutable':true,'data':{'x':'eA=='}}"
#define DYING    "{'metadata':{" OLD_META ",'deletionTimestamp':'soon'},'type':'t'}"
#define META     "'metadata':{'name':'a','namespace':'n'}"

static const struct {
    const char *old;
    const char *object;
    enum status status;
    const char *want; /* in the problem */
} updates[] = {
    { OLD, "{" META ",'type':'t','data':{'y':'eA=='}}", ST_OK, "" },
    { OLD, "{" META ",'type':'t','data':{'y':'?'}}", ST_INVALID, "data.y" },
    { OLD, "{" META ",'type':'t','kind':'Pod'}", ST_INVALID, "kind" },
    { OLD, "{'metadata':{" OLD_META ",'labels':{'l':'1'},'finalizers':['x/y']},'type':'t'}", ST_OK,
      "" },
    { OLD, "{'metadata':{" OLD_META ",'labels':{'l':1}},'type':'t'}", ST_INVALID,
      "metadata.labels.l" },
    { OLD, "{" META ",'type':'t','immutable':'true'}", ST_INVALID, "immutable: expected" },
    { OLD, "{" META ",'type':'other'}", ST_INVALID, "type: cannot" },
    { OLD, "{" META "}", ST_INVALID, "type: cannot" }, /* Opaque */
    { OLD, "{'metadata':{'name':'b','namespace':'n'},'type':'t'}", ST_INVALID, "name" },
    { OLD, "{'metadata':{'name':'a','namespace':'m'},'type':'t'}", ST_INVALID, "name" },
    { OLD, "{'metadata':{" OLD_META "},'type':'t'}", ST_OK, "" },
    { OLD, "{'metadata':{'name':'a','namespace':'n','uid':'v'},'type':'t'}", ST_CONFLICT, "uid" },
    { OLD, "{'metadata':{'name':'a','namespace':'n','uid':''},'type':'t'}", ST_OK, "" },
    { OLD, "{'metadata':{'name':'a','namespace':'n','resourceVersion':'4'},'type':'t'}",
      ST_CONFLICT, "resourceVersion" },
    { OLD, "{'metadata':{" OLD_META ",'creationTimestamp':'then'},'type':'t'}", ST_OK, "" },
    { OLD, "{'metadata':{" OLD_META ",'creationTimestamp':'now'},'type':'t'}", ST_INVALID,
      "metadata.creationTimestamp" },
    { OLD, "{'metadata':{" OLD_META ",'creationTimestamp':null},'type':'t'}", ST_OK, "" },
    { OLD, "{'metadata':{" OLD_META ",'deletionTimestamp':'now'},'type':'t'}", ST_INVALID,
      "metadata.deletionTimestamp" },
    { DYING, "{'metadata':{" OLD_META ",'deletionTimestamp':'soon'},'type':'t'}", ST_OK, "" },
    { DYING, "{'metadata':{" OLD_META ",'deletionTimestamp':'later'},'type':'t'}", ST_INVALID,
      "metadata.deletionTimestamp" },
    { OLD, "{" META ",'type':'t','immutable':true,'data':{'y':'eA=='}}", ST_OK, "" },
    { FROZEN, "{" META ",'type':'t','immutable':true,'data':{'x':'eA=='}}", ST_OK, "" },
    { FROZEN, "{" META ",'type':'t','immutable':true,'stringData':{'x':'x'}}", ST_OK, "" },
    { FROZEN, "{" META ",'type':'t','immutable':true,'data':{'x':'eQ=='}}", ST_INVALID, "data:" },
    { FROZEN, "{" META ",'type':'t','immutable':true,'data':{'y':'eA=='}}", ST_INVALID, "data:" },
    { FROZEN, "{" META ",'type':'t','immutable':true}", ST_INVALID, "data:" },
    { FROZEN, "{" META ",'type':'t','immutable':false,'data':{'x':'eA=='}}", ST_INVALID,
      "immutable:" },
    { FROZEN, "{" META ",'type':'t','data':{'x':'eA=='}}", ST_INVALID, "immutable:" },
};

static void test_rules_update_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(updates); i++) {
        struct problem problem = { 0 };
        json_object *old = parse_quoted(updates[i].old);
        json_object *object = parse_quoted(updates[i].object);
        const enum status status = rules_update(&kind_secret, object, old, &problem);
        if (status != updates[i].status || !strstr(problem.text, updates[i].want) ||
            problem.status != status) {
            fail_msg("%s: %d, %s", updates[i].object, (int)status, problem.text);
        }
        (void)json_object_put(old);
        (void)json_object_put(object);
    }
}

static void test_rules_update_keeps_the_life(void **state)
{
    (void)state;
    struct problem problem = { 0 };
    json_object *old = parse_quoted("{'metadata':{" OLD_META ",'creationTimestamp':'then',"
                                    "'deletionTimestamp':'soon','deletionGracePeriodSeconds':3},"
                                    "'type':'t','data':{'x':'eA=='}}");
    json_object *object =
        parse_quoted("{'metadata':{'name':'a','namespace':'n','resourceVersion':'5'},"
                     "'type':'t','stringData':{'y':'y'}}");
    assert_int_equal(rules_update(&kind_secret, object, old, &problem), ST_OK);
    assert_is(object, "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'a','namespace':'n',"
                      "'uid':'u','creationTimestamp':'then','deletionTimestamp':'soon',"
                      "'deletionGracePeriodSeconds':3},'type':'t','data':{'y':'eQ=='}}");
    (void)json_object_put(old);
    (void)json_object_put(object);
}

static const struct object_kind kind_widget = {
    .group = "example.com",
    .version = "v1",
    .name = "Widget",
    .plural = "widgets",
    .is_cluster_scoped = true,
};

static void test_rules_create_of_other_kinds(void **state)
{
    (void)state;
    static const struct {
        const struct object_kind *kind;
        const char *object;
        enum status status;
        const char *want; /* what it becomes; or in the problem */
    } rows[] = {
        { &kind_service_account, "{'metadata':{'name':'a'},'secrets':[]}", ST_OK,
          "{'apiVersion':'v1','kind':'ServiceAccount','metadata':{'name':'a','namespace':'default'}"
          ","
          "'secrets':[]}" },
        { &kind_config_map, "{'kind':'ConfigMap','metadata':{'name':'a','namespace':'n'}}", ST_OK,
          "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'a','namespace':'n'}}" },
        { &kind_config_map, "{'kind':'Secret','metadata':{'name':'a'}}", ST_INVALID,
          "expected apiVersion v1 and kind ConfigMap" },
        { &kind_widget, "{'metadata':{'name':'a'},'spec':{}}", ST_OK,
          "{'apiVersion':'example.com/v1','kind':'Widget','metadata':{'name':'a'},'spec':{}}" },
        { &kind_widget, "{'metadata':{'name':'a','namespace':'default'}}", ST_INVALID,
          "metadata.namespace" },
        { &kind_widget, "{'apiVersion':'v1','metadata':{'name':'a'}}", ST_INVALID,
          "expected apiVersion example.com/v1" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        json_object *object = parse_quoted(rows[i].object);
        const enum status status = rules_create(rows[i].kind, object, now, &problem);
        if (status != rows[i].status || (status != ST_OK && !strstr(problem.text, rows[i].want))) {
            fail_msg("%s: %d, %s", rows[i].object, (int)status, problem.text);
        }
        if (status == ST_OK) {
            json_object *metadata = json_object_object_get(object, "metadata");
            assert_non_null(json_object_object_get(metadata, "uid"));
            json_object_object_del(metadata, "uid");
            json_object_object_del(metadata, "creationTimestamp");
            assert_is(object, rows[i].want);
        }
        (void)json_object_put(object);
    }
}

static void test_rules_update_of_other_kinds(void **state)
{
    (void)state;
    static const struct {
        const struct object_kind *kind;
        const char *old;
        const char *object;
        enum status status;
        const char *want; /* in the problem */
    } rows[] = {
        { &kind_config_map, "{" META ",'data':{'x':'1'}}", "{" META ",'data':{'x':'2'}}", ST_OK,
          "" },
        { &kind_config_map, "{" META ",'immutable':true,'data':{'x':'1'}}",
          "{" META ",'immutable':true,'data':{'x':'1'},'x':1}", ST_OK, "" },
        { &kind_config_map, "{" META ",'immutable':true,'data':{'x':'1'}}",
          "{" META ",'immutable':true,'data':{'x':'2'}}", ST_INVALID, "data: cannot" },
        { &kind_config_map, "{" META ",'immutable':true}",
          "{" META ",'immutable':true,'binaryData':{'x':'MQ=='}}", ST_INVALID,
          "binaryData: cannot" },
        { &kind_config_map, "{" META ",'immutable':true}", "{" META "}", ST_INVALID,
          "immutable: cannot be unset" },
        { &kind_service_account, "{" META ",'immutable':true}", "{" META "}", ST_OK, "" },
        { &kind_widget, "{'metadata':{'name':'a'}}", "{'metadata':{'name':'a'},'spec':1}", ST_OK,
          "" },
        { &kind_widget, "{'metadata':{'name':'a'}}", "{'metadata':{'name':'b'}}", ST_INVALID,
          "name and namespace" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        json_object *old = parse_quoted(rows[i].old);
        json_object *object = parse_quoted(rows[i].object);
        const enum status status = rules_update(rows[i].kind, object, old, &problem);
        if (status != rows[i].status || !strstr(problem.text, rows[i].want)) {
            fail_msg("%s: %d, %s", rows[i].object, (int)status, problem.text);
        }
        (void)json_object_put(old);
        (void)json_object_put(object);
    }
}

static void test_rules_expect_rows(void **state)
{
    (void)state;
    static const struct {
        const char *object;
        struct store_target target;
        enum status status;
    } rows[] = {
        { OLD, { .uid = { 0 } }, ST_OK },
        { OLD, { .uid = SPAN_LITERAL("u") }, ST_OK },
        { OLD, { .uid = SPAN_LITERAL("v") }, ST_CONFLICT },
        { OLD, { .resource_version = SPAN_LITERAL("5") }, ST_OK },
        { OLD, { .resource_version = SPAN_LITERAL("6") }, ST_CONFLICT },
        { OLD, { .uid = SPAN_LITERAL("u"), .resource_version = SPAN_LITERAL("6") }, ST_CONFLICT },
        { "{'metadata':{'name':'a'}}", { .uid = SPAN_LITERAL("u") }, ST_CONFLICT },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        json_object *object = parse_quoted(rows[i].object);
        assert_int_equal(rules_expect(object, &rows[i].target, &problem), rows[i].status);
        (void)json_object_put(object);
    }
}

static void test_rules_names_of_what_has_none(void **state)
{
    (void)state;
    static const char *const objects[] = { "'x'", "{}", "{'metadata':1}",
                                           "{'metadata':{'name':1}}" };
    for (size_t i = 0; i < COUNTOF(objects); i++) {
        struct span namespace;
        struct span name;
        json_object *object = parse_quoted(objects[i]);
        rules_names(&kind_secret, object, &namespace, &name);
        assert_int_equal(name.len, 0);
        assert_true(span_equal(namespace, SPAN_LITERAL("default")));
        (void)json_object_put(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_create_rows),
        cmocka_unit_test(test_rules_create_fills_in),
        cmocka_unit_test(test_rules_create_gives_each_its_own_uid),
        cmocka_unit_test(test_rules_update_rows),
        cmocka_unit_test(test_rules_update_keeps_the_life),
        cmocka_unit_test(test_rules_create_of_other_kinds),
        cmocka_unit_test(test_rules_update_of_other_kinds),
        cmocka_unit_test(test_rules_expect_rows),
        cmocka_unit_test(test_rules_names_of_what_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
