/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to a directory of manifests: what becomes of the files, what the listeners are told and
 * when the writer hears of it. What may be written is rules_test.c's business, what a text becomes
 * edit_test.c's. */
#include <signal.h>
#include <sys/wait.h>

#include "document/document.h"
#include "document/edit.h"
#include "store/manifests/decode.h"
#include "store/manifests/digest.h"
#include "store/manifests/index.h"
#include "store/manifests/queue.h"
#include "store/manifests/state.h"
#include "store/manifests/turn.h"
#include "store/manifests/write.h"
#include "support/alloc_fail.h"
#include "support/kinds_kit.h"
#include "support/manifests_kit.h"
#include "support/quoted_json.h"
#include "support/write_kit.h"

#define NOBODY 65534

/* How one write ended. The label of its status goes into the kit's events, among what was told. */
struct outcome {
    struct manifests_kit *kit;
    bool is_done;
    enum status status;
    json_object *object; /* owns; a copy */
    struct problem problem;
};

static void on_done(void *ctx,
                    enum status status,
                    const json_object *object,
                    const struct problem *problem)
{
    struct outcome *outcome = ctx;
    assert_false(outcome->is_done);
    outcome->is_done = true;
    outcome->status = status;
    assert_int_equal(status == ST_OK, !problem);
    if (problem) {
        assert_int_equal(problem->status, status);
        assert_int_not_equal(problem->text[0], '\0');
        outcome->problem = *problem;
    }
    assert_true(!object || status == ST_OK);
    assert_int_equal(document_copy(object, &outcome->object), ST_OK);
    buf_printf(&outcome->kit->events, "%s ", status_label(status));
}

static bool is_done(void *ctx)
{
    return ((struct outcome *)ctx)->is_done;
}

static void outcome_fini(struct outcome *outcome)
{
    (void)json_object_put(outcome->object);
    *outcome = (struct outcome){ 0 };
}

/* Until the write that @called has begun is done. */
static void finish(struct manifests_kit *kit, struct outcome *outcome, enum status called)
{
    assert_int_equal(called, ST_OK);
    assert_false(outcome->is_done); /* never from inside the call */
    assert_true(kit_run_until(&kit->files, is_done, outcome, FILE_KIT_DEADLINE_MS));
}

#define SEALED(value)       "'stringData':{'value':'" value "','sealed':''}"
#define META(name)          "'metadata':{'name':'" name "'}"
#define OBJECT(name, value) "{" META(name) "," SEALED(value) "}"

static struct outcome create(struct manifests_kit *kit, const char *text)
{
    struct outcome outcome = { .kit = kit };
    json_object *object = parse_quoted(text);
    const enum status called = store_create(kit->store, &kind_secret, object, on_done, &outcome);
    (void)json_object_put(object); /* it was copied */
    finish(kit, &outcome, called);
    return outcome;
}

static struct outcome update(struct manifests_kit *kit, const json_object *object)
{
    struct outcome outcome = { .kit = kit };
    finish(kit, &outcome, store_update(kit->store, &kind_secret, object, on_done, &outcome));
    return outcome;
}

static struct store_target target_of(const char *name)
{
    return (struct store_target){
        .kind = &kind_secret,
        .namespace = SPAN_LITERAL("default"),
        .name = span_of(name),
    };
}

static struct outcome get(struct manifests_kit *kit, const char *name)
{
    struct outcome outcome = { .kit = kit };
    const struct store_target target = target_of(name);
    finish(kit, &outcome, store_get(kit->store, &target, on_done, &outcome));
    return outcome;
}

static struct outcome patch_target(struct manifests_kit *kit,
                                   const struct store_target *target,
                                   const char *text)
{
    struct outcome outcome = { .kit = kit };
    json_object *patch = parse_quoted(text);
    const enum status called = store_patch(kit->store, target, patch, on_done, &outcome);
    (void)json_object_put(patch);
    finish(kit, &outcome, called);
    return outcome;
}

static struct outcome patch(struct manifests_kit *kit, const char *name, const char *text)
{
    const struct store_target target = target_of(name);
    return patch_target(kit, &target, text);
}

static struct outcome delete_target(struct manifests_kit *kit, const struct store_target *target)
{
    struct outcome outcome = { .kit = kit };
    finish(kit, &outcome, store_delete(kit->store, target, on_done, &outcome));
    return outcome;
}

static struct outcome delete_named(struct manifests_kit *kit, const char *name)
{
    const struct store_target target = target_of(name);
    return delete_target(kit, &target);
}

/* The outcome is @want, and the events since the last check are @events. */
static void expect(struct manifests_kit *kit,
                   struct outcome outcome,
                   enum status want,
                   const char *events)
{
    if (outcome.status != want) {
        fail_msg("%s: %s: %s", status_label(outcome.status), outcome.problem.file,
                 outcome.problem.text);
    }
    mkit_had_events(kit, events);
    outcome_fini(&outcome);
}

/* ... and the problem says @text. */
static void expect_problem(struct manifests_kit *kit,
                           struct outcome outcome,
                           enum status want,
                           const char *text)
{
    if (outcome.status != want || !strstr(outcome.problem.text, text)) {
        fail_msg("%s: %s: %s", status_label(outcome.status), outcome.problem.file,
                 outcome.problem.text);
    }
    buf_clear(&kit->events);
    outcome_fini(&outcome);
}

static json_object *metadata_of(const struct outcome *outcome, const char *key)
{
    return json_object_object_get(json_object_object_get(outcome->object, "metadata"), key);
}

static const char *version_of(const struct outcome *outcome)
{
    const char *version = json_object_get_string(metadata_of(outcome, "resourceVersion"));
    assert_non_null(version);
    return version;
}

struct text {
    char text[8192];
};

static struct text text_of(const struct manifests_kit *kit, const char *name)
{
    struct text text = { 0 };
    const int fd = open(kit_path(&kit->files, name).text, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text.text, sizeof(text.text) - 1) >= 0);
    assert_int_equal(close(fd), 0);
    return text;
}

static void assert_text(const struct manifests_kit *kit, const char *name, const char *want)
{
    assert_string_equal(text_of(kit, name).text, want);
}

static bool exists(const struct manifests_kit *kit, const char *name)
{
    struct stat stat;
    return lstat(kit_path(&kit->files, name).text, &stat) == 0;
}

/* What the store itself would say the object is, as JSON without its uid and times. */
static void assert_object(struct manifests_kit *kit, const char *name, const char *want)
{
    struct outcome outcome = get(kit, name);
    assert_int_equal(outcome.status, ST_OK);
    json_object *metadata = json_object_object_get(outcome.object, "metadata");
    json_object_object_del(metadata, "uid");
    json_object_object_del(metadata, "creationTimestamp");
    json_object_object_del(metadata, "resourceVersion");
    json_object *expected = parse_quoted(want);
    if (!json_object_equal(outcome.object, expected)) {
        assert_string_equal(json_object_to_json_string(outcome.object),
                            json_object_to_json_string(expected));
    }
    (void)json_object_put(expected);
    outcome_fini(&outcome);
    mkit_had_events(kit, "ok ");
}

static int set_up(void **state)
{
    struct manifests_kit *kit = calloc(1, sizeof(*kit));
    assert_non_null(kit);
    mkit_init(kit);
    *state = kit;
    return 0;
}

static int tear_down(void **state)
{
    mkit_fini(*state);
    free(*state);
    return 0;
}

/* --- create --- */

static void test_manifests_create_makes_a_file_of_its_own(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_start(kit, "S ");
    kit->clock.wall.sec = 1767323045;
    struct outcome outcome = create(kit, OBJECT("a", "1"));
    mkit_had_events(kit, "+a=1 ok ");
    struct stat stat_now;
    assert_int_equal(stat(kit_path(&kit->files, "m/secret.default.a.yaml").text, &stat_now), 0);
    assert_int_equal(stat_now.st_mode, S_IFREG | 0600);
    struct outcome again = get(kit, "a");
    assert_int_equal(again.status, ST_OK);
    assert_true(json_object_equal(outcome.object, again.object));
    assert_string_equal(version_of(&outcome), version_of(&again));
    outcome_fini(&outcome);
    outcome_fini(&again);
    const struct text text = text_of(kit, "m/secret.default.a.yaml");
    assert_null(strstr(text.text, "resourceVersion"));
    assert_null(strstr(text.text, "stringData"));
    assert_non_null(strstr(text.text, "data:\n  value: MQ==\n  sealed: ''\n"));
    assert_non_null(strstr(text.text, "  creationTimestamp: '2026-01-02T03:04:05Z'\n"));
    buf_clear(&kit->events);
    mkit_expect_silence(kit); /* its own event is no news */
    mkit_had_problems(kit, "");
}

static void test_manifests_create_of_what_exists(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/other.yaml", "a", "1");
    mkit_start(kit, "+a=1 S ");
    expect_problem(kit, create(kit, OBJECT("a", "2")), ST_EXISTS, "exists");
    expect(kit, create(kit, "{'metadata':{'name':'a','namespace':'n'}," SEALED("2") "}"), ST_OK,
           "+a=2 ok ");
    assert_true(exists(kit, "m/secret.n.a.yaml"));
    expect(kit, create(kit, "{'metadata':{'name':'a','namespace':'n'}," SEALED("2") "}"), ST_EXISTS,
           "already_exists ");
}

static void test_manifests_create_overwrites_nothing(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/secret.default.a.yaml", "else", "1");
    kit_mkdir(&kit->files, "m/secret.default.b.yaml");
    mkit_start(kit, "+else=1 S ");
    expect_problem(kit, create(kit, OBJECT("a", "2")), ST_CONFLICT, "a file of this name");
    expect_problem(kit, create(kit, OBJECT("b", "2")), ST_CONFLICT, "a file of this name");
    assert_text(kit, "m/secret.default.a.yaml", manifest("else", "1").text);
    mkit_expect_silence(kit);
}

static void test_manifests_create_of_what_is_no_secret(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_start(kit, "S ");
    expect(kit, create(kit, "{'metadata':{'name':'a'},'data':{'value':'?'}}"), ST_INVALID,
           "invalid ");
    expect(kit, create(kit, "{'metadata':{'name':'../a'}}"), ST_INVALID, "invalid ");
    json_object *object = parse_quoted("{'metadata':{'name':'a'}}");
    json_object *deep = json_object_new_object();
    for (unsigned i = 0; i < DOCUMENT_MAX_DEPTH; i++) {
        json_object *around = json_object_new_object();
        assert_int_equal(json_object_object_add(around, "a", deep), 0);
        deep = around;
    }
    assert_int_equal(json_object_object_add(object, "x", deep), 0);
    struct outcome outcome = { .kit = kit };
    finish(kit, &outcome, store_create(kit->store, &kind_secret, object, on_done, &outcome));
    expect_problem(kit, outcome, ST_INVALID, "nested too deeply");
    (void)json_object_put(object);
    assert_int_equal(mkit_stats(kit).files, 0);
}

static void test_manifests_create_names_fit_a_file_name(void **state)
{
    struct manifests_kit *kit = *state;
    char text[1024];
    char name[254];
    memset(name, 'x', sizeof(name));
    mkit_start(kit, "S ");
    for (int excess = 0; excess < 2; excess++) {
        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'%.*s','namespace':'n'}," SEALED("1") "}", 241 + excess,
                       name);
        struct outcome outcome = create(kit, text);
        assert_int_equal(outcome.status, excess ? ST_LIMIT : ST_OK);
        outcome_fini(&outcome);
    }
}

static void test_manifests_create_within_the_limits(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_start(kit, "S ");
    struct manifests_limits *limits = &manifests_of(kit->store)->limits;
    const struct manifests_limits old = *limits;
    limits->objects = 1;
    expect(kit, create(kit, OBJECT("a", "1")), ST_OK, "+a=1 ok ");
    expect_problem(kit, create(kit, OBJECT("b", "1")), ST_LIMIT, "as many objects");
    *limits = old;
    limits->nodes = 3;
    expect(kit, create(kit, OBJECT("b", "1")), ST_OK, "+b=1 ok ");
    expect_problem(kit, create(kit, OBJECT("c", "1")), ST_LIMIT, "as many files");
    *limits = old;
    limits->file_bytes = 64;
    expect_problem(kit, create(kit, OBJECT("c", "1")), ST_LIMIT, "too large");
    assert_int_equal(mkit_stats(kit).files, 2);
}

/* Where others can change things nothing is written, and what would not be taken again neither. */
static void test_manifests_write_only_where_it_is_safe_when_that_is_required(void **state)
{
    struct manifests_kit *kit = *state;
    const struct kit_path path = kit_path(&kit->files, "m");
    struct outcome outcome;
    kit->policy.is_required = true;
    mkit_start(kit, "S ");
    expect(kit, create(kit, OBJECT("a", "1")), ST_OK, "+a=1 ok ");
    assert_int_equal(chmod(path.text, 0777), 0);
    mkit_expect_problem(kit, "m: everybody can write it");
    expect_problem(kit, create(kit, OBJECT("b", "1")), ST_IO, "others can change the directory");
    expect_problem(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_IO,
                   "others can change the directory");
    outcome = get(kit, "a"); /* it is as it was when it was safe */
    assert_int_equal(outcome.status, ST_OK);
    outcome_fini(&outcome);
    assert_int_equal(chmod(path.text, 0755), 0);
    mkit_expect_problem(kit, "ok m\n");
    buf_clear(&kit->events);
    expect(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_OK, "~a=2 ok ");
    if (geteuid() == 0) { /* as a server that is not root, in root's directory */
        assert_int_equal(chmod(kit->files.directory, 0711), 0);
        assert_int_equal(seteuid(NOBODY), 0);
    } else {
        manifests_of(kit->store)->trust.owner = 0;
    }
    outcome = create(kit, OBJECT("b", "1"));
    assert_int_equal(getuid() == 0 ? seteuid(0) : 0, 0);
    expect_problem(kit, outcome, ST_UNSUPPORTED, "expected the directory to be its own");
}

/* --- get --- */

static void test_manifests_get_says_what_the_api_server_would(void **state)
{
    struct manifests_kit *kit = *state;
    kit_write(&kit->files, "m/a.yaml",
              "apiVersion: v1\nkind: SecretList\nitems:\n- metadata:\n    name: a\n"
              "    resourceVersion: '7'\n  stringData: {value: '1', sealed: ''}\n");
    mkit_start(kit, "+a=1 S ");
    struct outcome outcome = get(kit, "a");
    assert_int_equal(strlen(version_of(&outcome)), 32);
    outcome_fini(&outcome);
    buf_clear(&kit->events);
    assert_object(kit, "a",
                  "{'metadata':{'name':'a','namespace':'default'},'apiVersion':'v1',"
                  "'kind':'Secret','type':'Opaque','data':{'value':'MQ==','sealed':''}}");
    expect(kit, get(kit, "b"), ST_NOT_FOUND, "not_found ");
    struct store_target target = target_of("a");
    target.uid = SPAN_LITERAL("x");
    struct outcome other = { .kit = kit };
    finish(kit, &other, store_get(kit->store, &target, on_done, &other));
    assert_int_equal(other.status, ST_OK); /* whoever sees the object sees its uid */
    outcome_fini(&other);
}

/* --- resourceVersion --- */

struct versions {
    char told[64];
};

static void remember_version(void *ctx, const struct store_event *event)
{
    struct versions *versions = ctx;
    if (event->secret) {
        const struct span version = event->secret->meta.resource_version;
        (void)snprintf(versions->told, sizeof(versions->told), "%.*s", (int)version.len,
                       version.at);
    }
}

static void test_manifests_resource_version_is_told_returned_and_expected(void **state)
{
    struct manifests_kit *kit = *state;
    struct versions versions = { 0 };
    char first[64];
    mkit_open(kit);
    assert_int_equal(store_subscribe(kit->store, &all_secrets, remember_version, &versions), ST_OK);
    mkit_load(kit, ST_OK);
    mkit_watch(kit);
    buf_clear(&kit->events);
    struct outcome outcome = create(kit, OBJECT("a", "1"));
    assert_string_equal(versions.told, version_of(&outcome));
    (void)snprintf(first, sizeof(first), "%s", versions.told);
    outcome_fini(&outcome);

    /* labels are content, too */
    outcome = patch(kit, "a", "{'metadata':{'labels':{'l':'1'}}}");
    mkit_had_events(kit, "+a=1 ok ~a=1 ok ");
    assert_string_not_equal(version_of(&outcome), first);
    assert_string_equal(versions.told, version_of(&outcome));
    outcome_fini(&outcome);

    struct store_target target = target_of("a");
    target.resource_version = span_of(first);
    expect(kit, patch_target(kit, &target, "{'metadata':{'labels':{'l':'2'}}}"), ST_CONFLICT,
           "conflict ");
    expect(kit, delete_target(kit, &target), ST_CONFLICT, "conflict ");
    target.resource_version = span_of(versions.told);
    outcome = patch_target(kit, &target, "{'metadata':{'labels':null}}");
    assert_string_equal(version_of(&outcome), first); /* the same content again */
    outcome_fini(&outcome);
    assert_string_equal(versions.told, first);
}

/* --- update and patch --- */

static void test_manifests_update_replaces_the_whole_object(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_start(kit, "S ");
    struct outcome outcome =
        create(kit, "{'metadata':{'name':'a','labels':{'l':'1'}}," SEALED("1") "}");
    json_object *object = parse_quoted(OBJECT("a", "2"));
    buf_clear(&kit->events);
    struct outcome updated = update(kit, object);
    mkit_had_events(kit, "~a=2 ok ");
    assert_null(metadata_of(&updated, "labels"));
    assert_true(json_object_equal(metadata_of(&updated, "uid"), metadata_of(&outcome, "uid")));
    (void)json_object_put(object);
    outcome_fini(&outcome);

    /* get, change, put back */
    object = updated.object;
    updated.object = NULL;
    json_object *strings = parse_quoted("{'value':'3'}");
    assert_int_equal(document_set(object, "stringData", strings), ST_OK);
    expect(kit, update(kit, object), ST_OK, "~a=3 ok ");
    expect(kit, update(kit, object), ST_CONFLICT, "conflict "); /* the old version */
    (void)json_object_put(object);
    outcome_fini(&updated);
}

static void test_manifests_update_of_what_is_not_there(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_start(kit, "S ");
    json_object *object = parse_quoted(OBJECT("a", "1"));
    expect(kit, update(kit, object), ST_NOT_FOUND, "not_found ");
    (void)json_object_put(object);
    object = parse_quoted("{'metadata':{}}");
    expect(kit, update(kit, object), ST_INVALID, "invalid ");
    (void)json_object_put(object);
    expect(kit, patch(kit, "a", "{}"), ST_NOT_FOUND, "not_found ");
    expect(kit, delete_named(kit, "a"), ST_NOT_FOUND, "not_found ");
    assert_int_equal(mkit_stats(kit).files, 0);
}

static void test_manifests_update_that_changes_nothing_writes_nothing(void **state)
{
    struct manifests_kit *kit = *state;
    struct stat before;
    struct stat after;
    mkit_put(kit, "m/a.yaml", "a", "1");
    mkit_start(kit, "+a=1 S ");
    assert_int_equal(stat(kit_path(&kit->files, "m/a.yaml").text, &before), 0);
    expect(kit, patch(kit, "a", "{'stringData':{'value':'1'}}"), ST_OK, "ok ");
    assert_int_equal(stat(kit_path(&kit->files, "m/a.yaml").text, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    expect(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_OK, "~a=2 ok ");
    assert_int_equal(stat(kit_path(&kit->files, "m/a.yaml").text, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
}

static void test_manifests_update_leaves_the_rest_of_the_file(void **state)
{
    struct manifests_kit *kit = *state;
    kit_write(&kit->files, "m/all.yaml",
              "# the first\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
              "stringData: {value: \"1\", sealed: ''} # one\n---\n# the second\n"
              "apiVersion: v1\nkind: Secret\nmetadata:\n  name: b # b\n"
              "stringData: {value: \"2\", sealed: ''} # two\n# end of b\n---\n"
              "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c} # c\n");
    mkit_start(kit, "+a=1 +b=2 S ");
    expect(kit, patch(kit, "b", "{'data':{'value':'Mw=='}}"), ST_OK, "~b=3 ok ");
    assert_text(kit, "m/all.yaml",
                "# the first\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
                "stringData: {value: \"1\", sealed: ''} # one\n---\n# the second\n"
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: b\n  namespace: default\n"
                "type: Opaque\ndata:\n  value: Mw==\n  sealed: ''\n# end of b\n---\n"
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c} # c\n");
    expect(kit, delete_named(kit, "a"), ST_OK, "-a ok ");
    assert_text(kit, "m/all.yaml",
                "# the first\n---\n# the second\n"
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: b\n  namespace: default\n"
                "type: Opaque\ndata:\n  value: Mw==\n  sealed: ''\n# end of b\n---\n"
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c} # c\n");
    expect(kit, delete_named(kit, "b"), ST_OK, "-b ok ");
    assert_text(kit, "m/all.yaml",
                "# the first\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c} # c\n");
    mkit_had_problems(kit, "");
}

static void test_manifests_patch_merges(void **state)
{
    struct manifests_kit *kit = *state;
    kit_write(&kit->files, "m/a.json",
              "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"a\",\"uid\":"
              "\"u\",\"annotations\":{\"x\":\"1\",\"y\":\"2\"}},\"stringData\":{\"value\":\"1\","
              "\"sealed\":\"\",\"gone\":\"\"}}\n");
    mkit_start(kit, "+a=1 S ");
    expect(kit,
           patch(kit, "a",
                 "{'metadata':{'annotations':{'x':null,'z':'3'},'uid':'u'},"
                 "'data':{'gone':null},'stringData':{'value':'2'}}"),
           ST_OK, "~a=2 ok ");
    assert_int_equal(text_of(kit, "m/a.json").text[0], '{'); /* JSON stays JSON */
    assert_object(kit, "a",
                  "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'a','namespace':'default',"
                  "'annotations':{'y':'2','z':'3'}},'type':'Opaque',"
                  "'data':{'value':'Mg==','sealed':''}}");
    expect(kit, patch(kit, "a", "{'metadata':{'uid':'v'}}"), ST_CONFLICT, "conflict ");
    expect(kit, patch(kit, "a", "{'metadata':{'uid':null,'annotations':null}}"), ST_OK, "~a=2 ok ");
    struct outcome outcome = get(kit, "a");
    assert_string_equal(json_object_get_string(metadata_of(&outcome, "uid")), "u");
    outcome_fini(&outcome);
    buf_clear(&kit->events);
    expect(kit, patch(kit, "a", "{'metadata':{'resourceVersion':'1'}}"), ST_CONFLICT, "conflict ");
    expect(kit, patch(kit, "a", "{'metadata':{'name':'b'}}"), ST_INVALID, "invalid ");
    expect(kit, patch(kit, "a", "{'type':'b'}"), ST_INVALID, "invalid ");
    expect(kit, patch(kit, "a", "{'data':{'value':1}}"), ST_INVALID, "invalid ");
    expect(kit, patch(kit, "a", "{'metadata':null}"), ST_INVALID, "invalid ");
    expect(kit, patch(kit, "a", "'text'"), ST_INVALID, "invalid ");
    struct store_target target = target_of("a");
    target.uid = SPAN_LITERAL("v");
    expect(kit, patch_target(kit, &target, "{'data':null}"), ST_CONFLICT, "conflict ");
    expect(kit, delete_target(kit, &target), ST_CONFLICT, "conflict ");
    target.uid = SPAN_LITERAL("u");
    expect(kit, delete_target(kit, &target), ST_OK, "-a ok ");
    assert_false(exists(kit, "m/a.json"));
}

/* --- delete, and objects in several files --- */

static void test_manifests_duplicates_are_changed_where_they_count(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/1.yaml", "a", "1");
    mkit_put(kit, "m/2.yaml", "a", "2");
    mkit_start(kit, "+a=1 S ");
    mkit_had_problems(kit, "m/2.yaml");
    expect(kit, patch(kit, "a", "{'stringData':{'value':'3'}}"), ST_OK, "~a=3 ok ");
    assert_text(kit, "m/2.yaml", manifest("a", "2").text);
    mkit_had_problems(kit, "");
}

static void test_manifests_delete_is_from_all_files(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/1.yaml", "a", "1");
    kit_write(&kit->files, "m/2.yaml", two_manifests(manifest("a", "2"), manifest("b", "3")).text);
    kit_mkdir(&kit->files, "m/sub");
    kit_write(&kit->files, "m/sub/3.yaml",
              two_manifests(manifest("a", "4"), manifest("a", "5")).text);
    mkit_start(kit, "+a=1 +b=3 S ");
    buf_clear(&kit->problems);
    expect(kit, delete_named(kit, "a"), ST_OK, "-a ok ");
    assert_false(exists(kit, "m/1.yaml"));
    assert_false(exists(kit, "m/sub/3.yaml"));
    char want[MANIFEST_MAX];
    (void)snprintf(want, sizeof(want), "---\n%.500s", manifest("b", "3").text);
    assert_text(kit, "m/2.yaml", want);
    mkit_had_problems(kit, "ok m/2.yaml");
    assert_int_equal(mkit_stats(kit).problems, 0);
}

/* What counts goes last: until then nothing has happened. */
static void test_manifests_delete_broken_off_leaves_the_winner(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "elsewhere", "a", "2");
    mkit_put(kit, "m/1.yaml", "a", "1");
    kit_symlink(&kit->files, "../elsewhere", "m/2.yaml");
    mkit_put(kit, "m/3.yaml", "a", "3");
    mkit_start(kit, "+a=1 S ");
    expect(kit, delete_named(kit, "a"), ST_UNSUPPORTED, "unsupported ");
    assert_false(exists(kit, "m/3.yaml"));
    assert_true(exists(kit, "m/1.yaml"));
    kit_unlink(&kit->files, "m/2.yaml");
    expect(kit, delete_named(kit, "a"), ST_OK, "-a ok ");
    assert_false(exists(kit, "m/1.yaml"));
}

/* --- what is not ours to write --- */

static void test_manifests_write_not_through_links(void **state)
{
    struct manifests_kit *kit = *state;
    kit_mkdir(&kit->files, "elsewhere");
    mkit_put(kit, "elsewhere/b.yaml", "b", "1");
    mkit_put(kit, "single", "a", "1");
    kit_symlink(&kit->files, "../single", "m/a.yaml");
    kit_symlink(&kit->files, "../elsewhere", "m/dir");
    mkit_start(kit, "+a=1 +b=1 S ");
    expect_problem(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_UNSUPPORTED,
                   "symbolic link");
    expect_problem(kit, patch(kit, "b", "{'stringData':{'value':'2'}}"), ST_UNSUPPORTED,
                   "symbolic link");
    expect_problem(kit, delete_named(kit, "b"), ST_UNSUPPORTED, "symbolic link");
    assert_text(kit, "single", manifest("a", "1").text);
    assert_text(kit, "elsewhere/b.yaml", manifest("b", "1").text);
    assert_object(
        kit, "a",
        "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'a','namespace':'default'},"
        "'type':'Opaque','data':{'value':'MQ==','sealed':'eWVz'}}");
}

static void write_utf16(struct manifests_kit *kit, const char *name, const char *ascii)
{
    const int fd = kit_open(&kit->files, name);
    kit_append(fd, "\xff\xfe", 2);
    for (; *ascii; ascii++) {
        kit_append(fd, (const char[]){ *ascii, '\0' }, 2);
    }
    assert_int_equal(close(fd), 0);
}

static void test_manifests_write_not_beside_what_is_refused(void **state)
{
    struct manifests_kit *kit = *state;
    char text[2048];
    (void)snprintf(text, sizeof(text), "%s---\n%s", manifest("a", "1").text,
                   "apiVersion: v1\nkind: Secret\nmetadata: {name: r}\ntype: 1\n");
    kit_write(&kit->files, "m/a.yaml", text);
    mkit_start(kit, "+a=1 +r? S ");
    expect_problem(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_IO, "has an error");
    expect_problem(kit, delete_named(kit, "r"), ST_IO, "has an error");
    expect_problem(kit, create(kit, OBJECT("r", "1")), ST_EXISTS, "exists already");
    assert_text(kit, "m/a.yaml", text);
}

static void test_manifests_write_not_of_what_is_no_utf8(void **state)
{
    struct manifests_kit *kit = *state;
    char text[2048];
    (void)snprintf(text, sizeof(text), "%s# caf\xe9\n", manifest("a", "1").text);
    kit_write(&kit->files, "m/a.yaml", text);
    mkit_start(kit, "+a=1 S ");
    expect_problem(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_UNSUPPORTED, "UTF-8");
    assert_text(kit, "m/a.yaml", text);
    buf_clear(&kit->events);
    expect(kit, delete_named(kit, "a"), ST_OK, "-a ok ");
    assert_false(exists(kit, "m/a.yaml"));
}

/* A token in it can be revoked if it is the only one. */
static void test_manifests_write_not_of_utf16(void **state)
{
    struct manifests_kit *kit = *state;
    write_utf16(kit, "m/one.yaml", manifest("a", "1").text);
    write_utf16(kit, "m/two.yaml", two_manifests(manifest("b", "1"), manifest("c", "1")).text);
    mkit_start(kit, "+a=1 +b=1 +c=1 S ");
    expect_problem(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_UNSUPPORTED, "UTF-8");
    expect_problem(kit, delete_named(kit, "b"), ST_UNSUPPORTED, "UTF-8");
    assert_object(
        kit, "b",
        "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'b','namespace':'default'},"
        "'type':'Opaque','data':{'value':'MQ==','sealed':'eWVz'}}");
    buf_clear(&kit->events);
    expect(kit, delete_named(kit, "a"), ST_OK, "-a ok ");
    assert_false(exists(kit, "m/one.yaml"));
    assert_true(exists(kit, "m/two.yaml"));
}

static void test_manifests_write_through_a_link_to_the_directory(void **state)
{
    struct manifests_kit *kit = *state;
    kit_symlink(&kit->files, "m", "linked");
    mkit_open_at(kit, "linked", clock_manual(&kit->clock));
    mkit_load(kit, ST_OK);
    mkit_watch(kit);
    buf_clear(&kit->events);
    expect(kit, create(kit, OBJECT("a", "1")), ST_OK, "+a=1 ok ");
    expect(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_OK, "~a=2 ok ");
    assert_true(exists(kit, "m/secret.default.a.yaml"));
}

static void test_manifests_create_not_in_a_mounted_volume(void **state)
{
    struct manifests_kit *kit = *state;
    kit_mkdir(&kit->files, "m/..2026_1");
    mkit_put(kit, "m/..2026_1/a.yaml", "a", "1");
    kit_symlink(&kit->files, "..2026_1", "m/..data");
    kit_symlink(&kit->files, "..data/a.yaml", "m/a.yaml");
    mkit_start(kit, "+a=1 S ");
    expect_problem(kit, create(kit, OBJECT("b", "1")), ST_UNSUPPORTED, "mounted volume");
    expect_problem(kit, delete_named(kit, "a"), ST_UNSUPPORTED, "symbolic link");
}

static void test_manifests_write_where_nothing_may_be_written(void **state)
{
    struct manifests_kit *kit = *state;
    const bool is_root = geteuid() == 0;
    mkit_put(kit, "m/a.yaml", "a", "1");
    mkit_start(kit, "+a=1 S ");
    assert_int_equal(chmod(kit->files.directory, 0755), 0);
    assert_int_equal(chmod(kit_path(&kit->files, "m").text, 0555), 0);
    if (is_root) {
        assert_int_equal(seteuid(NOBODY), 0);
    }
    struct outcome created = create(kit, OBJECT("b", "1"));
    struct outcome patched = patch(kit, "a", "{'stringData':{'value':'2'}}");
    struct outcome deleted = delete_named(kit, "a");
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    assert_int_equal(chmod(kit_path(&kit->files, "m").text, 0755), 0);
    buf_clear(&kit->events);
    expect_problem(kit, created, ST_IO, "Permission denied");
    expect_problem(kit, patched, ST_IO, "Permission denied");
    expect_problem(kit, deleted, ST_IO, "Permission denied");
    assert_text(kit, "m/a.yaml", manifest("a", "1").text);
    mkit_expect_silence(kit);
}

static void test_manifests_write_without_the_directory(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/a.yaml", "a", "1");
    mkit_start(kit, "+a=1 S ");
    kit_rename(&kit->files, "m", "away");
    expect(kit, create(kit, OBJECT("b", "1")), ST_IO, "io_error ");
    expect(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_IO, "io_error ");
    kit_rename(&kit->files, "away", "m");
    mkit_expect_problem(kit, "ok m");
    expect(kit, patch(kit, "a", "{'stringData':{'value':'2'}}"), ST_OK, "~a=2 ok ");
}

/* --- others who write --- */

static void test_manifests_write_sees_what_others_have_just_written(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/a.yaml", "a", "1");
    mkit_start(kit, "+a=1 S ");
    struct outcome before = get(kit, "a");
    struct store_target target = target_of("a");
    target.resource_version = span_of(version_of(&before));
    buf_clear(&kit->events);
    kit_replace(&kit->files, "m/a.yaml", manifest("a", "2").text);
    expect(kit, patch_target(kit, &target, "{'stringData':{'value':'3'}}"), ST_CONFLICT,
           "~a=2 conflict ");
    outcome_fini(&before);
    kit_replace(&kit->files, "m/a.yaml", manifest("a", "4").text);
    expect(kit, patch(kit, "a", "{'metadata':{'labels':{'l':'1'}}}"), ST_OK, "~a=4 ~a=4 ok ");
    kit_replace(&kit->files, "m/b.yaml", manifest("b", "5").text);
    expect(kit, create(kit, OBJECT("b", "6")), ST_EXISTS, "+b=5 already_exists ");
    kit_unlink(&kit->files, "m/b.yaml");
    expect(kit, create(kit, OBJECT("b", "6")), ST_OK, "-b +b=6 ok ");
    kit_unlink(&kit->files, "m/secret.default.b.yaml");
    expect(kit, delete_named(kit, "b"), ST_NOT_FOUND, "-b not_found ");
}

/* In the middle of an editor's writing there is no right moment. */
static void test_manifests_write_not_while_somebody_else_writes(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/a.yaml", "a", "1");
    mkit_start(kit, "+a=1 S ");
    const char *text = manifest("a", "2").text;
    const int fd = kit_open(&kit->files, "m/a.yaml");
    kit_append(fd, text, 20);
    expect(kit, patch(kit, "a", "{'stringData':{'value':'3'}}"), ST_CONFLICT, "conflict ");
    expect(kit, delete_named(kit, "a"), ST_CONFLICT, "conflict ");
    expect(kit, get(kit, "a"), ST_CONFLICT, "conflict ");
    kit_append(fd, text + 20, strlen(text) - 20);
    assert_int_equal(close(fd), 0);
    mkit_expect(kit, "~a=2 ");
    expect(kit, patch(kit, "a", "{'stringData':{'value':'3'}}"), ST_OK, "~a=3 ok ");
}

/* By another of its names, which is no event. What stands there must not be taken for what is
 * known, neither when it has settled nor before. */
static void test_manifests_write_not_of_what_changed_unseen(void **state)
{
    struct manifests_kit *kit = *state;
    const struct clock system = clock_system();
    struct outcome outcome;
    mkit_put(kit, "m/a.yaml", "a", "1");
    mkit_start(kit, "+a=1 S ");
    assert_int_equal(link(kit_path(&kit->files, "m/a.yaml").text, kit_path(&kit->files, "b").text),
                     0);
    mkit_put(kit, "b", "a", "2");
    outcome = get(kit, "a");
    assert_int_equal(outcome.status, ST_CONFLICT);
    mkit_expect(kit, "conflict ~a=2 ");
    expect(kit, get(kit, "a"), ST_OK, "ok ");

    kit->clock.wall = clock_now(&system);
    mkit_put(kit, "b", "a", "3");
    queue_rescan_after(&manifests_of(kit->store)->queues, 0);
    outcome = get(kit, "a");
    assert_int_equal(outcome.status, ST_CONFLICT);
    mkit_expect(kit, "conflict ~a=3 ");
    expect(kit, get(kit, "a"), ST_OK, "ok ");
}

static void test_manifests_write_not_into_a_broken_file(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/a.yaml", "a", "1");
    mkit_start(kit, "+a=1 S ");
    kit_replace(&kit->files, "m/a.yaml", "a: b: c\n");
    expect_problem(kit, patch(kit, "a", "{'stringData':{'value':'3'}}"), ST_IO,
                   "before it is mended");
    expect(kit, create(kit, OBJECT("a", "1")), ST_EXISTS, "already_exists ");
    assert_text(kit, "m/a.yaml", "a: b: c\n");
    mkit_had_events(kit, "");
    kit_replace(&kit->files, "m/a.yaml", manifest("a", "2").text);
    expect(kit, patch(kit, "a", "{'stringData':{'value':'3'}}"), ST_OK, "~a=2 ~a=3 ok ");
}

/* --- what is about to be written is read first --- */

#define PLAIN(name, value)                                                                  \
    "apiVersion: v1\nkind: Secret\nmetadata: {name: " name "}\nstringData: {value: '" value \
    "', sealed: ''}\n---\n"

static const struct {
    const char *text;
    bool if_changed;   /* the first a becomes 9 */
    bool if_taken_out; /* every a */
} expected_rows[] = {
    { PLAIN("a", "9") PLAIN("b", "2") PLAIN("a", "3"), true, false },
    { PLAIN("b", "2"), false, true },
    { "", false, false },
    { PLAIN("a", "9") PLAIN("b", "2"), false, false },
    { PLAIN("a", "9") PLAIN("a", "3"), false, false },
    { PLAIN("a", "9") PLAIN("b", "5") PLAIN("a", "3"), false, false },
    { PLAIN("a", "9") PLAIN("b", "2") PLAIN("a", "9"), false, false },
    { PLAIN("a", "1") PLAIN("b", "2") PLAIN("a", "3"), false, false },
    { PLAIN("a", "8") PLAIN("b", "2") PLAIN("a", "3"), false, false },
    { PLAIN("c", "9") PLAIN("b", "2") PLAIN("a", "3"), false, false },
    { PLAIN("a", "9") PLAIN("b", "2") PLAIN("a", "3") PLAIN("c", "4"), false, false },
    { PLAIN("b", "2") PLAIN("a", "3"), false, false },
    { PLAIN("b", "2") PLAIN("b", "2"), false, false },
    { PLAIN("b", "5"), false, false },
    { PLAIN("c", "2"), false, false },
};

static struct manifest_objects decode(struct manifests *manifests, const char *text)
{
    struct manifest_objects objects = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(manifest_decode(span_of(text), manifest_kinds_of(&manifests->base),
                                     &manifests->limits, &manifests->digester, &objects, &problem),
                     ST_OK);
    return objects;
}

static void test_manifests_write_expects_all_else_to_stay(void **state)
{
    struct manifests_kit *kit = *state;
    const struct store_target target = target_of("a");
    kit_write(&kit->files, "m/a.yaml", PLAIN("a", "1") PLAIN("b", "2") PLAIN("a", "3"));
    mkit_start(kit, "+a=1 +b=2 S ");
    struct manifests *manifests = manifests_of(kit->store);
    const struct node *file = index_last_holder(manifests, &target);
    struct manifest_objects changed = decode(manifests, PLAIN("a", "9"));
    const struct content_digest *content = &changed.at[0].content;
    for (size_t i = 0; i < COUNTOF(expected_rows); i++) {
        struct manifest_objects objects = decode(manifests, expected_rows[i].text);
        if (index_expects(manifests, file, &target, content, &objects) !=
                expected_rows[i].if_changed ||
            index_expects(manifests, file, &target, NULL, &objects) !=
                expected_rows[i].if_taken_out) {
            fail_msg("%s", expected_rows[i].text);
        }
        manifest_objects_fini(&objects);
    }
    /* a new file */
    static const char *const others[] = { "", PLAIN("a", "8"), PLAIN("b", "9"),
                                          PLAIN("a", "9") PLAIN("a", "9") };
    assert_true(index_expects(manifests, NULL, &target, content, &changed));
    for (size_t i = 0; i < COUNTOF(others); i++) {
        struct manifest_objects objects = decode(manifests, others[i]);
        assert_false(index_expects(manifests, NULL, &target, content, &objects));
        manifest_objects_fini(&objects);
    }
    manifest_objects_fini(&changed);
}

/* --- the queue --- */

static void test_manifests_write_needs_a_loop_and_a_listener(void **state)
{
    struct manifests_kit *kit = *state;
    struct outcome outcome = { .kit = kit };
    const struct store_target target = target_of("a");
    json_object *object = parse_quoted(OBJECT("a", "1"));
    mkit_open(kit);
    mkit_load(kit, ST_OK);
    assert_int_equal(store_get(kit->store, &target, on_done, &outcome), ST_UNSUPPORTED);
    mkit_watch(kit);
    buf_clear(&kit->events);
    expect(kit, get(kit, "a"), ST_NOT_FOUND, "not_found ");
    kit->store = store_free(kit->store);

    const struct kit_path path = kit_path(&kit->files, "m");
    const struct manifests_options options = { .directory = path.text, .clock = clock_system() };
    struct problem problem = { 0 };
    assert_int_equal(manifests_new(&options, &kit->store, &problem), ST_OK);
    mkit_load(kit, ST_OK);
    mkit_watch(kit);
    assert_int_equal(store_create(kit->store, &kind_secret, object, on_done, &outcome),
                     ST_UNSUPPORTED);
    assert_false(outcome.is_done);
    (void)json_object_put(object);
}

static void count_done(void *ctx,
                       enum status status,
                       const json_object *object,
                       const struct problem *problem)
{
    size_t *count = ctx;
    (void)object;
    (void)problem;
    assert_int_equal(status, ST_NOT_FOUND);
    (*count)++;
}

static bool are_all_done(void *ctx)
{
    return *(size_t *)ctx == MANIFESTS_MAX_WRITES;
}

static void test_manifests_write_so_many_may_wait(void **state)
{
    struct manifests_kit *kit = *state;
    size_t count = 0;
    const struct store_target target = target_of("a");
    mkit_start(kit, "S ");
    for (size_t i = 0; i < MANIFESTS_MAX_WRITES; i++) {
        assert_int_equal(store_delete(kit->store, &target, count_done, &count), ST_OK);
    }
    assert_int_equal(store_delete(kit->store, &target, count_done, &count), ST_LIMIT);
    assert_int_equal(count, 0);
    assert_true(kit_run_until(&kit->files, are_all_done, &count, FILE_KIT_DEADLINE_MS));
    assert_int_equal(store_delete(kit->store, &target, count_done, &count), ST_OK);
    kit->store = store_free(kit->store); /* with one that waits: it is given up */
    kit_run_for(&kit->files, 20);
    assert_int_equal(count, MANIFESTS_MAX_WRITES);
}

static void test_manifests_writes_run_in_their_order(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_start(kit, "S ");
    json_object *object = parse_quoted(OBJECT("a", "1"));
    json_object *change = parse_quoted("{'stringData':{'value':'2'}}");
    const struct store_target target = target_of("a");
    struct outcome created = { .kit = kit };
    struct outcome patched = { .kit = kit };
    struct outcome deleted = { .kit = kit };
    assert_int_equal(store_create(kit->store, &kind_secret, object, on_done, &created), ST_OK);
    assert_int_equal(store_patch(kit->store, &target, change, on_done, &patched), ST_OK);
    finish(kit, &deleted, store_delete(kit->store, &target, on_done, &deleted));
    mkit_had_events(kit, "+a=1 ok ~a=2 ok -a ok ");
    outcome_fini(&created);
    outcome_fini(&patched);
    outcome_fini(&deleted);
    (void)json_object_put(object);
    (void)json_object_put(change);
}

static void free_in_done(void *ctx,
                         enum status status,
                         const json_object *object,
                         const struct problem *problem)
{
    struct manifests_kit *kit = ctx;
    (void)object;
    (void)problem;
    assert_int_equal(status, ST_NOT_FOUND);
    kit->store = store_free(kit->store);
}

static bool is_store_gone(void *ctx)
{
    return !((struct manifests_kit *)ctx)->store;
}

static void test_manifests_done_may_free_the_store(void **state)
{
    struct manifests_kit *kit = *state;
    const struct store_target target = target_of("a");
    mkit_start(kit, "S ");
    assert_int_equal(store_delete(kit->store, &target, free_in_done, kit), ST_OK);
    assert_true(kit_run_until(&kit->files, is_store_gone, kit, FILE_KIT_DEADLINE_MS));
}

/* Whether an object exists is not known before everything has been read. */
static void test_manifests_write_waits_for_the_first_sync(void **state)
{
    struct manifests_kit *kit = *state;
    const struct clock system = clock_system();
    kit->clock.wall = clock_now(&system); /* what was just written has not settled */
    mkit_put(kit, "m/a.yaml", "a", "1");
    mkit_open(kit);
    mkit_load(kit, ST_UNSETTLED);
    mkit_watch(kit);
    expect(kit, create(kit, OBJECT("a", "2")), ST_EXISTS, "+a=1 S already_exists ");
}

/* --- telling again --- */

static void test_manifests_retell_adds_again(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/1.yaml", "a", "1");
    mkit_put(kit, "m/2.yaml", "a", "2");
    mkit_put(kit, "m/b.yaml", "b", "3");
    mkit_start(kit, "+a=1 +b=3 S ");
    const struct store_target a = target_of("a");
    const struct store_target none = target_of("none");
    kit->store->ops->retell(kit->store, &none);
    mkit_expect_silence(kit);
    kit->store->ops->retell(kit->store, &a);
    kit->store->ops->retell(kit->store, &a);
    mkit_had_events(kit, ""); /* not from inside the call */
    mkit_expect(kit, "-a +a=1 ");
    assert_int_equal(mkit_secrets(kit), 2);
    mkit_expect_silence(kit);
    kit->store->ops->retell(kit->store, &a);
    kit_unlink(&kit->files, "m/1.yaml");
    kit_unlink(&kit->files, "m/2.yaml");
    mkit_expect(kit, "-a ");
    mkit_expect_silence(kit);
}

/* --- memory --- */

/* One write without the loop's own allocations. */
static void run_now(struct manifests_kit *kit)
{
    struct manifests *manifests = manifests_of(kit->store);
    turn_follow(manifests);
    write_finish(write_run_next(manifests));
}

static void on_failure_allowed(void *ctx,
                               enum status status,
                               const json_object *object,
                               const struct problem *problem)
{
    struct outcome *outcome = ctx;
    (void)object;
    outcome->is_done = true;
    outcome->status = status;
    assert_int_equal(status == ST_OK, !problem);
    if (problem) {
        outcome->problem = *problem;
    }
}

enum { LACKING_CREATE = 0, LACKING_PATCH, LACKING_DELETE, LACKING_COUNT };

static enum status begin_lacking(struct manifests_kit *kit,
                                 unsigned verb,
                                 const json_object *object,
                                 struct outcome *outcome)
{
    const struct store_target target = target_of("a");
    switch (verb) {
    case LACKING_CREATE:
        return store_create(kit->store, &kind_secret, object, on_failure_allowed, outcome);
    case LACKING_PATCH:
        return store_patch(kit->store, &target, object, on_failure_allowed, outcome);
    default:
        return store_delete(kit->store, &target, on_failure_allowed, outcome);
    }
}

/* Return: was there an @nth allocation? */
static bool write_without_memory(struct manifests_kit *kit, unsigned verb, size_t nth)
{
    static const char *const files[] = { "m/secret.default.n.yaml", "m/a.yaml", "m/a.yaml" };
    struct outcome outcome = { 0 };
    char change[64];
    (void)snprintf(change, sizeof(change), "{'stringData':{'value':'%zu'}}", nth);
    json_object *object = parse_quoted(verb == LACKING_CREATE ? OBJECT("n", "2") : change);
    const struct text before = text_of(kit, "m/a.yaml");
    alloc_fail_arm(nth);
    const enum status called = begin_lacking(kit, verb, object, &outcome);
    if (called == ST_OK) {
        run_now(kit);
    }
    const bool reached = alloc_fail_disarm();
    assert_int_equal(called == ST_OK, outcome.is_done);
    const enum status status = called == ST_OK ? outcome.status : called;
    /* without memory for an order of reading, say, one goes on */
    assert_true(status == ST_OK || (reached && (status == ST_NOMEM || status == ST_UNAVAILABLE)));
    const bool is_written = status == ST_OK || status == ST_UNAVAILABLE;
    const bool is_there = exists(kit, files[verb]);
    if (verb == LACKING_PATCH) {
        const struct text after = text_of(kit, "m/a.yaml");
        assert_int_equal(strcmp(before.text, after.text) != 0, is_written);
    } else {
        assert_int_equal(is_there, is_written == (verb == LACKING_CREATE));
    }
    if (verb == LACKING_CREATE && is_there) {
        kit_unlink(&kit->files, files[verb]);
    } else if (verb == LACKING_DELETE && !is_there) {
        mkit_put(kit, files[verb], "a", "1");
    }
    (void)json_object_put(object);
    buf_clear(&kit->events);
    buf_clear(&kit->problems);
    return reached;
}

static void test_manifests_write_without_memory(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "m/a.yaml", "a", "1");
    mkit_start(kit, "+a=1 S ");
    assert_true(buf_reserve(&kit->events, 4096)); /* the test's own */
    assert_true(buf_reserve(&kit->problems, 4096));
    for (unsigned verb = 0; verb < LACKING_COUNT && alloc_fail_is_available(); verb++) {
        size_t nth = 1;
        while (write_without_memory(kit, verb, nth)) {
            nth++;
        }
        assert_in_range(nth, 20, 2000);
    }
    /* and afterwards all is as it should be */
    struct outcome outcome = get(kit, "a");
    assert_int_equal(outcome.status, ST_OK);
    outcome_fini(&outcome);
    buf_clear(&kit->events);
    expect(kit, create(kit, OBJECT("last", "9")), ST_OK, "+last=9 ok ");
    expect(kit, delete_named(kit, "a"), ST_OK, "-a ok ");
}

/* --- crashes --- */

#define CRASHES 30

/* In a child: until it is killed. */
static void write_for_ever(struct manifests_kit *kit)
{
    struct loop *loop = NULL;
    if (loop_new(&loop) != ST_OK) {
        _exit(1);
    }
    kit->files.loop = loop;
    mkit_open(kit);
    mkit_load(kit, ST_OK);
    mkit_watch(kit);
    for (unsigned i = 0;; i++) {
        char text[256];
        char name[16];
        (void)snprintf(name, sizeof(name), "n%u", i % 5);
        (void)snprintf(text, sizeof(text), OBJECT("n%u", "%u"), i % 5, i);
        struct outcome outcome = create(kit, text);
        outcome_fini(&outcome);
        (void)snprintf(text, sizeof(text), "{'stringData':{'value':'%u'}}", i + 1);
        outcome = patch(kit, i % 2 ? "all" : name, text);
        outcome_fini(&outcome);
        outcome = delete_named(kit, name);
        outcome_fini(&outcome);
        buf_clear(&kit->events);
    }
}

/* Everything that is there is whole, and what nobody touched is as it was. */
static void check_after_crash(struct manifests_kit *kit)
{
    mkit_open(kit);
    mkit_load(kit, ST_OK);
    mkit_had_problems(kit, "");
    const char *events = mkit_text(&kit->events);
    assert_null(strchr(events, '!')); /* none was cut off */
    assert_non_null(strstr(events, "+kept=1 "));
    assert_non_null(strstr(events, "+all="));
    buf_clear(&kit->events);
    kit->store = store_free(kit->store);
}

static void test_manifests_write_killed_at_any_moment(void **state)
{
    struct manifests_kit *kit = *state;
    kit_write(&kit->files, "m/all.yaml",
              two_manifests(manifest("kept", "1"), manifest("all", "1")).text);
    for (unsigned i = 0; i < CRASHES; i++) {
        int wait_status;
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            write_for_ever(kit);
        }
        (void)usleep(3000 + i * 1700); /* any moment will do */
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &wait_status, 0), child);
        assert_true(WIFSIGNALED(wait_status));
        check_after_crash(kit);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* --- adopt --- */

static struct outcome adopt(struct manifests_kit *kit, const char *name)
{
    struct outcome outcome = { .kit = kit };
    const struct store_write write = {
        .verb = STORE_ADOPT, .target = target_of(name), .done = on_done, .ctx = &outcome
    };
    finish(kit, &outcome, store_write(kit->store, &write));
    return outcome;
}

/* Once, and for good: it stands in the file, and all else does as it stood. */
static void test_manifests_adopt_gives_what_is_missing(void **state)
{
    static const struct {
        const char *metadata;
        bool has_uid;
        bool has_time;
    } adopted[] = {
        { "{name: a}", false, false },
        { "{name: a, uid: mine}", true, false },
        { "{name: a, creationTimestamp: '2020-01-01T00:00:00Z'}", false, true },
        { "{name: a, creationTimestamp: null, uid: ''}", false, false },
        { "{name: a, uid: mine, creationTimestamp: '2020-01-01T00:00:00Z'}", true, true },
    };
    struct manifests_kit *kit = *state;
    mkit_start(kit, "S ");
    kit->clock.wall.sec = 1767323045;
    for (size_t i = 0; i < COUNTOF(adopted); i++) {
        struct manifest_text text;
        (void)snprintf(text.text, sizeof(text.text),
                       "# mine\napiVersion: v1\nkind: Secret\nmetadata: %s\n"
                       "data: {value: MQ==, sealed: ''}\n---\n# other\n%.300s",
                       adopted[i].metadata, manifest("b", "2").text);
        kit_replace(&kit->files, "m/a.yaml", text.text);
        mkit_expect(kit, i == 0 ? "+a=1 +b=2 " : "~a=1 ");
        const bool has_all = adopted[i].has_uid && adopted[i].has_time;
        struct outcome outcome = adopt(kit, "a");
        assert_int_equal(outcome.status, ST_OK);
        mkit_had_events(kit, has_all ? "ok " : "~a=1 ok ");
        const char *uid = json_object_get_string(metadata_of(&outcome, "uid"));
        assert_int_equal(strlen(uid), adopted[i].has_uid ? strlen("mine") : 36);
        assert_string_equal(json_object_get_string(metadata_of(&outcome, "creationTimestamp")),
                            adopted[i].has_time ? "2020-01-01T00:00:00Z" : "2026-01-02T03:04:05Z");
        struct outcome again = adopt(kit, "a");
        assert_int_equal(again.status, ST_OK);
        mkit_had_events(kit, "ok ");
        assert_true(json_object_equal(outcome.object, again.object));
        assert_int_equal(strncmp(text_of(kit, "m/a.yaml").text, "# mine\n", 7), 0);
        assert_non_null(strstr(text_of(kit, "m/a.yaml").text, manifest("b", "2").text));
        if (has_all) {
            assert_text(kit, "m/a.yaml", text.text);
        }
        outcome_fini(&outcome);
        outcome_fini(&again);
    }
}

static void test_manifests_adopt_where_nothing_can_be_written_is_refused(void **state)
{
    struct manifests_kit *kit = *state;
    mkit_put(kit, "elsewhere.yaml", "a", "1");
    kit_symlink(&kit->files, "../elsewhere.yaml", "m/a.yaml");
    mkit_start(kit, "+a=1 S ");
    expect_problem(kit, adopt(kit, "a"), ST_UNSUPPORTED, "through a symbolic link");
    expect_problem(kit, adopt(kit, "b"), ST_NOT_FOUND, "no file holds");
    struct outcome outcome = get(kit, "a"); /* it is served as it stands */
    assert_int_equal(outcome.status, ST_OK);
    assert_null(metadata_of(&outcome, "uid"));
    outcome_fini(&outcome);
}

/* --- other kinds --- */

static void test_manifests_write_objects_of_other_kinds(void **state)
{
    static const struct {
        const struct object_kind *kind;
        const char *namespace;
        const char *object;
        const char *file;
        const char *created;
        const char *patched;
        const char *deleted;
    } rows[] = {
        { &kind_service_account, "n",
          "{'metadata':{'name':'a','namespace':'n','labels':{'value':'1'}}}",
          "m/serviceaccount.n.a.yaml", "+ServiceAccount n/a=1 ok ", "~ServiceAccount n/a=2 ok ",
          "-ServiceAccount n/a ok " },
        { &kind_config_map, "n", "{'metadata':{'name':'a','namespace':'n'},'data':{'value':'1'}}",
          "m/configmap.n.a.yaml", "+ConfigMap n/a{1} ok ", "~ConfigMap n/a=2{1} ok ",
          "-ConfigMap n/a ok " },
        { &kind_widget, "", "{'metadata':{'name':'a'},'spec':{'value':'1'}}",
          "m/widget_example.com_a.yaml", "+Widget a{1} ok ", "~Widget a=2{1} ok ",
          "-Widget a ok " },
    };
    struct manifests_kit *kit = *state;
    kit_write(&kit->files, "m/secret.yaml",
              "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: 'n'}\n"
              "stringData: {value: '0', sealed: ''}\n");
    mkit_open(kit);
    kinds_subscribe(kit->store, &kit->events);
    mkit_load(kit, ST_OK);
    mkit_watch(kit);
    mkit_had_events(kit, "+a=0 S S S S ");
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct outcome outcome = { .kit = kit };
        const struct store_target target = {
            .kind = rows[i].kind,
            .namespace = span_of(rows[i].namespace),
            .name = SPAN_LITERAL("a"),
        };
        json_object *object = parse_quoted(rows[i].object);
        finish(kit, &outcome, store_create(kit->store, rows[i].kind, object, on_done, &outcome));
        expect(kit, outcome, ST_OK, rows[i].created);
        assert_true(exists(kit, rows[i].file));
        outcome = (struct outcome){ .kit = kit };
        finish(kit, &outcome, store_create(kit->store, rows[i].kind, object, on_done, &outcome));
        expect(kit, outcome, ST_EXISTS, "already_exists ");
        (void)json_object_put(object);
        expect(kit, patch_target(kit, &target, "{'metadata':{'labels':{'value':'2'}}}"), ST_OK,
               rows[i].patched);
        outcome = (struct outcome){ .kit = kit };
        finish(kit, &outcome, store_get(kit->store, &target, on_done, &outcome));
        assert_int_equal(outcome.status, ST_OK);
        mkit_had_events(kit, "ok ");
        json_object_object_add(outcome.object, "extra", json_object_new_int(1));
        struct outcome updated = { .kit = kit };
        finish(kit, &updated,
               store_update(kit->store, rows[i].kind, outcome.object, on_done, &updated));
        expect(kit, updated, ST_OK, rows[i].patched);
        outcome_fini(&outcome);
        expect(kit, delete_target(kit, &target), ST_OK, rows[i].deleted);
        assert_false(exists(kit, rows[i].file));
    }
    assert_true(exists(kit, "m/secret.yaml"));
    /* of a kind that nobody listens to nothing is known */
    static const struct object_kind kind_other = {
        .group = "", .version = "v1", .name = "Other", .plural = "others"
    };
    const struct store_target other = { .kind = &kind_other,
                                        .namespace = SPAN_LITERAL("n"),
                                        .name = SPAN_LITERAL("a") };
    assert_int_equal(store_get(kit->store, &other, on_done, NULL), ST_UNSUPPORTED);
}

/* Two kinds in one file: the other one keeps its bytes. */
static void test_manifests_write_changes_only_the_object_of_that_kind(void **state)
{
    static const char account[] = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n";
    struct manifests_kit *kit = *state;
    struct manifest_text both;
    (void)snprintf(both.text, sizeof(both.text), "%s---\n%.500s", account, manifest("a", "1").text);
    kit_write(&kit->files, "m/a.yaml", both.text);
    mkit_open(kit);
    kinds_subscribe(kit->store, &kit->events);
    mkit_load(kit, ST_OK);
    mkit_watch(kit);
    mkit_had_events(kit, "+ServiceAccount default/a +a=1 S S S S ");
    expect(kit, delete_named(kit, "a"), ST_OK, "-a ok ");
    assert_text(kit, "m/a.yaml", account);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_manifests_create_makes_a_file_of_its_own),
        TEST(test_manifests_write_only_where_it_is_safe_when_that_is_required),
        TEST(test_manifests_create_of_what_exists),
        TEST(test_manifests_create_overwrites_nothing),
        TEST(test_manifests_create_of_what_is_no_secret),
        TEST(test_manifests_create_names_fit_a_file_name),
        TEST(test_manifests_create_within_the_limits),
        TEST(test_manifests_get_says_what_the_api_server_would),
        TEST(test_manifests_resource_version_is_told_returned_and_expected),
        TEST(test_manifests_update_replaces_the_whole_object),
        TEST(test_manifests_update_of_what_is_not_there),
        TEST(test_manifests_update_that_changes_nothing_writes_nothing),
        TEST(test_manifests_update_leaves_the_rest_of_the_file),
        TEST(test_manifests_patch_merges),
        TEST(test_manifests_duplicates_are_changed_where_they_count),
        TEST(test_manifests_delete_is_from_all_files),
        TEST(test_manifests_delete_broken_off_leaves_the_winner),
        TEST(test_manifests_write_not_through_links),
        TEST(test_manifests_write_not_of_what_is_no_utf8),
        TEST(test_manifests_write_not_beside_what_is_refused),
        TEST(test_manifests_write_not_of_utf16),
        TEST(test_manifests_write_through_a_link_to_the_directory),
        TEST(test_manifests_create_not_in_a_mounted_volume),
        TEST(test_manifests_write_where_nothing_may_be_written),
        TEST(test_manifests_write_without_the_directory),
        TEST(test_manifests_write_sees_what_others_have_just_written),
        TEST(test_manifests_write_not_while_somebody_else_writes),
        TEST(test_manifests_write_not_of_what_changed_unseen),
        TEST(test_manifests_write_not_into_a_broken_file),
        TEST(test_manifests_write_expects_all_else_to_stay),
        TEST(test_manifests_write_needs_a_loop_and_a_listener),
        TEST(test_manifests_write_so_many_may_wait),
        TEST(test_manifests_writes_run_in_their_order),
        TEST(test_manifests_done_may_free_the_store),
        TEST(test_manifests_write_waits_for_the_first_sync),
        TEST(test_manifests_retell_adds_again),
        TEST(test_manifests_adopt_gives_what_is_missing),
        TEST(test_manifests_adopt_where_nothing_can_be_written_is_refused),
        TEST(test_manifests_write_objects_of_other_kinds),
        TEST(test_manifests_write_changes_only_the_object_of_that_kind),
        TEST(test_manifests_write_without_memory),
        TEST(test_manifests_write_killed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
