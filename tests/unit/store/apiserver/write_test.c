/* SPDX-License-Identifier: Apache-2.0 */
/* Single objects of the API server: what is asked, and what each answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "support/apiserver_kit.h"
#include "support/kinds_kit.h"
#include "support/write_kit.h"

#define COLLECTION "/api/v1/namespaces/kube-system/secrets HTTP/1.1\r\n"
#define SINGLE     "/api/v1/namespaces/kube-system/secrets/a HTTP/1.1\r\n"
#define OBJECT     SECRET("a", "12", ONE)
#define CREATED    REPLY("201 Created", OBJECT)
#define SYNC                                                        \
    {                                                               \
        .expect = STREAM, .send = OK(END("9")), .after = HTTPS_HANG \
    }

enum operation { CREATE = 0, GET, UPDATE, PATCH, DELETE, ADOPT };

struct outcome {
    bool is_done;
    enum status status;
    char version[16]; /* of the object; "" without one */
    char problem[PROBLEM_TEXT_MAX];
};

static void note_done(void *ctx,
                      enum status status,
                      const json_object *object,
                      const struct problem *problem)
{
    struct outcome *outcome = ctx;
    assert_false(outcome->is_done);
    outcome->is_done = true;
    outcome->status = status;
    assert_true((status == ST_OK) == (problem == NULL));
    if (object) {
        json_object *metadata = json_object_object_get(object, "metadata");
        (void)snprintf(outcome->version, sizeof(outcome->version), "%s",
                       json_object_get_string(json_object_object_get(metadata, "resourceVersion")));
    }
    if (problem) {
        assert_int_equal(problem->status, status);
        (void)snprintf(outcome->problem, sizeof(outcome->problem), "%s", problem->text);
    }
}

static bool is_done(void *ctx)
{
    return ((const struct outcome *)ctx)->is_done;
}

static enum status begin(struct store *store,
                         enum operation operation,
                         const struct store_target *target,
                         const char *text,
                         struct outcome *outcome)
{
    json_object *object = text ? json_tokener_parse(text) : NULL;
    enum status status = ST_INTERNAL;
    switch (operation) {
    case CREATE:
        status = store_create(store, target->kind, object, note_done, outcome);
        break;
    case GET:
        status = store_get(store, target, note_done, outcome);
        break;
    case UPDATE:
        status = store_update(store, target->kind, object, note_done, outcome);
        break;
    case PATCH:
        status = store_patch(store, target, object, note_done, outcome);
        break;
    case DELETE:
        status = store_delete(store, target, note_done, outcome);
        break;
    case ADOPT:
        status = store_write(
            store, &(struct store_write){
                       .verb = STORE_ADOPT, .target = *target, .done = note_done, .ctx = outcome });
        break;
    }
    json_object_put(object);
    assert_false(outcome->is_done); /* never from inside */
    return status;
}

/* How kube-apiserver refuses a merge patch of metadata.uid. */
#define ANOTHER_UID                                                                              \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"another\"," \
    "\"reason\":\"Invalid\",\"details\":{\"causes\":[{\"reason\":\"FieldValueInvalid\","         \
    "\"field\":\"metadata.uid\"}]},\"code\":422}"

#define TARGET                                                                                    \
    {                                                                                             \
        .kind = &kind_secret, .namespace = SPAN_LITERAL("kube-system"), .name = SPAN_LITERAL("a") \
    }
#define TARGET_WITH_PRECONDITIONS                                                                  \
    {                                                                                              \
        .kind = &kind_secret, .namespace = SPAN_LITERAL("kube-system"), .name = SPAN_LITERAL("a"), \
        .uid = SPAN_LITERAL("u-a"), .resource_version = SPAN_LITERAL("5")                          \
    }

static const struct {
    const char *name;
    enum operation operation;
    struct store_target target;
    const char *object;  /* or patch; NULL: none */
    const char *request; /* how it begins */
    const char *sent;    /* somewhere in it; NULL: any */
    const char *reply;
    enum https_after after;
    enum status status;
    const char *version; /* NULL: no object */
    const char *problem; /* contained */
} rows[] = {
    { .name = "create",
      .operation = CREATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "POST " COLLECTION,
      .sent = OBJECT,
      .reply = CREATED,
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "create says what it sends",
      .operation = CREATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "POST " COLLECTION,
      .sent = "Content-Type: application/json\r\n",
      .reply = CREATED,
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "create an object of a custom kind in no namespace",
      .operation = CREATE,
      .target = { .kind = &kind_widget },
      .object = "{\"metadata\":{\"name\":\"a\"}}",
      .request = "POST /apis/example.com/v1/widgets HTTP/1.1\r\n",
      .sent = "{\"metadata\":{\"name\":\"a\"}}",
      .reply = CREATED,
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "update one",
      .operation = UPDATE,
      .target = { .kind = &kind_widget },
      .object = "{\"metadata\":{\"name\":\"a\"}}",
      .request = "PUT /apis/example.com/v1/widgets/a HTTP/1.1\r\n",
      .reply = OK(OBJECT),
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "patch one, whatever namespace is named",
      .operation = PATCH,
      .target = { .kind = &kind_widget, .namespace = SPAN_LITERAL("n"), .name = SPAN_LITERAL("a") },
      .object = "{}",
      .request = "PATCH /apis/example.com/v1/widgets/a HTTP/1.1\r\n",
      .reply = OK(OBJECT),
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "adopt, which the server has done itself",
      .operation = ADOPT,
      .target = TARGET,
      .request = "GET " SINGLE,
      .reply = OK(OBJECT),
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "get a ConfigMap",
      .operation = GET,
      .target = { .kind = &kind_config_map,
                  .namespace = SPAN_LITERAL("n"),
                  .name = SPAN_LITERAL("a") },
      .request = "GET /api/v1/namespaces/n/configmaps/a HTTP/1.1\r\n",
      .reply = OK(OBJECT),
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "delete a ServiceAccount",
      .operation = DELETE,
      .target = { .kind = &kind_service_account,
                  .namespace = SPAN_LITERAL("n"),
                  .name = SPAN_LITERAL("a") },
      .request = "DELETE /api/v1/namespaces/n/serviceaccounts/a HTTP/1.1\r\n",
      .reply = OK("{}"),
      .after = HTTPS_CLOSE },
    { .name = "create what exists",
      .operation = CREATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "POST " COLLECTION,
      .reply = REPLY("409 Conflict", STATUS("409", "AlreadyExists", "it exists")),
      .after = HTTPS_CLOSE,
      .status = ST_EXISTS,
      .problem = "create: the server answers 409 AlreadyExists: it exists" },
    { .name = "create what is invalid",
      .operation = CREATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "POST " COLLECTION,
      .reply = REPLY("422 Unprocessable Entity", STATUS("422", "Invalid", "no")),
      .after = HTTPS_CLOSE,
      .status = ST_INVALID,
      .problem = "422 Invalid" },
    { .name = "create without the right",
      .operation = CREATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "POST " COLLECTION,
      .reply = REPLY("403 Forbidden", STATUS("403", "Forbidden", "no role")),
      .after = HTTPS_CLOSE,
      .status = ST_FORBIDDEN,
      .problem = "403 Forbidden: no role" },
    { .name = "the server is broken",
      .operation = CREATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "POST " COLLECTION,
      .reply = REPLY("500 Internal Server Error", "<html>"),
      .after = HTTPS_CLOSE,
      .status = ST_UNAVAILABLE,
      .problem = "500" },
    { .name = "it took too long there",
      .operation = CREATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "POST " COLLECTION,
      .reply = REPLY("504 Gateway Timeout", STATUS("504", "Timeout", "etcd")),
      .after = HTTPS_CLOSE,
      .status = ST_TIMEOUT,
      .problem = "504 Timeout" },
    { .name = "no answer",
      .operation = CREATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "POST " COLLECTION,
      .reply = NULL,
      .after = HTTPS_CLOSE,
      .status = ST_UNAVAILABLE,
      .problem = "create: " },
    { .name = "half an answer",
      .operation = GET,
      .target = TARGET,
      .request = "GET " SINGLE,
      .reply = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"metadata\":{",
      .after = HTTPS_CLOSE,
      .status = ST_UNAVAILABLE,
      .problem = "get: " },
    { .name = "an answer that is no object",
      .operation = GET,
      .target = TARGET,
      .request = "GET " SINGLE,
      .reply = OK("[]"),
      .after = HTTPS_CLOSE,
      .status = ST_UNAVAILABLE,
      .problem = "not an object" },
    { .name = "get",
      .operation = GET,
      .target = TARGET,
      .request = "GET " SINGLE,
      .reply = OK(OBJECT),
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "get what is not there",
      .operation = GET,
      .target = TARGET,
      .request = "GET " SINGLE,
      .reply = REPLY("404 Not Found", STATUS("404", "NotFound", "no a")),
      .after = HTTPS_CLOSE,
      .status = ST_NOT_FOUND,
      .problem = "404 NotFound" },
    { .name = "update",
      .operation = UPDATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "PUT " SINGLE,
      .sent = OBJECT,
      .reply = OK(OBJECT),
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "update an older one",
      .operation = UPDATE,
      .target = { .kind = &kind_secret },
      .object = OBJECT,
      .request = "PUT " SINGLE,
      .reply = REPLY("409 Conflict", STATUS("409", "Conflict", "modified")),
      .after = HTTPS_CLOSE,
      .status = ST_CONFLICT,
      .problem = "409 Conflict: modified" },
    { .name = "patch",
      .operation = PATCH,
      .target = TARGET,
      .object = "{\"data\":{\"value\":null}}",
      .request = "PATCH " SINGLE,
      .sent = "\r\n\r\n{\"data\":{\"value\":null},\"metadata\":{}}",
      .reply = OK(OBJECT),
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "patch says what it sends",
      .operation = PATCH,
      .target = TARGET,
      .object = "{}",
      .request = "PATCH " SINGLE,
      .sent = "Content-Type: application/merge-patch+json\r\n",
      .reply = OK(OBJECT),
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "patch what it still is",
      .operation = PATCH,
      .target = TARGET_WITH_PRECONDITIONS,
      .object = "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}",
      .request = "PATCH " SINGLE,
      .sent = "{\"metadata\":{\"labels\":{\"x\":\"y\"},\"uid\":\"u-a\",\"resourceVersion\":\"5\"}}",
      .reply = OK(OBJECT),
      .after = HTTPS_CLOSE,
      .version = "12" },
    { .name = "patch another",
      .operation = PATCH,
      .target = TARGET_WITH_PRECONDITIONS,
      .object = "{}",
      .request = "PATCH " SINGLE,
      .reply = REPLY("422 Unprocessable Entity", ANOTHER_UID),
      .after = HTTPS_CLOSE,
      .status = ST_CONFLICT,
      .problem = "patch: the server answers 422 Invalid: another" },
    { .name = "delete",
      .operation = DELETE,
      .target = TARGET,
      .request = "DELETE " SINGLE,
      .sent = "{\"preconditions\":{},\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\"}",
      .reply = OK("{\"kind\":\"Status\",\"status\":\"Success\"}"),
      .after = HTTPS_CLOSE },
    { .name = "delete what it still is",
      .operation = DELETE,
      .target = TARGET_WITH_PRECONDITIONS,
      .request = "DELETE " SINGLE,
      .sent = "{\"preconditions\":{\"uid\":\"u-a\",\"resourceVersion\":\"5\"},",
      .reply = OK("{}"),
      .after = HTTPS_CLOSE },
    { .name = "delete another",
      .operation = DELETE,
      .target = TARGET_WITH_PRECONDITIONS,
      .request = "DELETE " SINGLE,
      .reply = REPLY("409 Conflict", STATUS("409", "Conflict", "uid")),
      .after = HTTPS_CLOSE,
      .status = ST_CONFLICT,
      .problem = "409 Conflict: uid" },
};

static void test_apiserver_write_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct https_exchange exchanges[EXCHANGES_MAX] = {
            SYNC,
            { .expect = rows[i].request, .send = rows[i].reply, .after = rows[i].after },
        };
        struct api_kit kit;
        struct outcome outcome = { 0 };
        print_message("# %s\n", rows[i].name);
        api_open(&kit, exchanges, 0);
        api_expect(&kit, &(struct api_wish){ .events = "S " });
        assert_int_equal(
            begin(kit.store, rows[i].operation, &rows[i].target, rows[i].object, &outcome), ST_OK);
        assert_true(kit_run_until(&kit.files, is_done, &outcome, FILE_KIT_DEADLINE_MS));
        assert_int_equal(outcome.status, rows[i].status);
        assert_string_equal(outcome.version, rows[i].version ? rows[i].version : "");
        if (!strstr(outcome.problem, rows[i].problem ? rows[i].problem : "")) {
            assert_string_equal(outcome.problem, rows[i].problem);
        }
        if (rows[i].sent && !api_saw(&kit, rows[i].sent)) {
            fail_msg("not sent: %s\n%s", rows[i].sent, kit.script.requests);
        }
        api_close(&kit);
    }
}

/* Names go into a path: what could lead elsewhere is not sent at all. */
static void test_apiserver_write_bad_names_are_refused(void **state)
{
    (void)state;
    static const struct store_target targets[] = {
        { .kind = &kind_secret,
          .namespace = SPAN_LITERAL("kube-system"),
          .name = SPAN_LITERAL("") },
        { .kind = &kind_secret,
          .namespace = SPAN_LITERAL("kube-system"),
          .name = SPAN_LITERAL("..") },
        { .kind = &kind_secret,
          .namespace = SPAN_LITERAL("kube-system"),
          .name = SPAN_LITERAL("a/b") },
        { .kind = &kind_secret,
          .namespace = SPAN_LITERAL("kube-system"),
          .name = SPAN_LITERAL("a?x=y") },
        { .kind = &kind_secret, .namespace = SPAN_LITERAL(""), .name = SPAN_LITERAL("a") },
        { .kind = &kind_secret, .namespace = SPAN_LITERAL("../x"), .name = SPAN_LITERAL("a") },
    };
    static const char *const objects[] = {
        "{\"metadata\":{\"namespace\":\"kube-system\",\"name\":\"..\"}}",
        "{\"metadata\":{\"namespace\":\"kube-system\"}}",
        "{\"metadata\":{\"name\":\"a\"}}",
        "{\"metadata\":[]}",
        "[]",
    };
    static const struct https_exchange exchanges[EXCHANGES_MAX] = { SYNC };
    struct api_kit kit;
    struct outcome outcome = { 0 };
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "S " });
    for (size_t i = 0; i < COUNTOF(targets); i++) {
        assert_int_equal(begin(kit.store, GET, &targets[i], NULL, &outcome), ST_INVALID);
        assert_int_equal(begin(kit.store, PATCH, &targets[i], "{}", &outcome), ST_INVALID);
        assert_int_equal(begin(kit.store, DELETE, &targets[i], NULL, &outcome), ST_INVALID);
    }
    for (size_t i = 0; i < COUNTOF(objects); i++) {
        assert_int_equal(begin(kit.store, UPDATE, &targets[0], objects[i], &outcome), ST_INVALID);
    }
    assert_int_equal(begin(kit.store, CREATE, &targets[0], objects[2], &outcome), ST_INVALID);
    const struct store_target good = TARGET;
    assert_int_equal(begin(kit.store, PATCH, &good, "[]", &outcome), ST_INVALID);
    api_close(&kit);
    assert_false(outcome.is_done);
}

static void test_apiserver_write_before_watch_is_unsupported(void **state)
{
    (void)state;
    const struct store_target target = TARGET;
    struct file_kit files;
    struct cluster_access *access = NULL;
    struct store *store = NULL;
    struct problem problem = { 0 };
    struct outcome outcome = { 0 };
    kit_init(&files);
    kit_write(&files, "config",
              "current-context: c\n"
              "clusters: [{name: s, cluster: {server: \"https://127.0.0.1:1\"}}]\n"
              "users: [{name: u, user: {}}]\n"
              "contexts: [{name: c, context: {cluster: s, user: u}}]\n");
    assert_int_equal(
        cluster_access_from_kubeconfig(kit_path(&files, "config").text, &access, &problem), ST_OK);
    const struct apiserver_options options = { .access = access, .clock = clock_system() };
    assert_int_equal(apiserver_new(&options, &store, &problem), ST_OK);
    assert_int_equal(begin(store, GET, &target, NULL, &outcome), ST_UNSUPPORTED);
    assert_int_equal(begin(store, CREATE, &target, OBJECT, &outcome), ST_UNSUPPORTED);
    store = store_free(store);
    assert_false(outcome.is_done);
    kit_fini(&files);
}

struct last_write {
    struct api_kit *kit;
    bool is_done;
};

static void free_store_when_done(void *ctx,
                                 enum status status,
                                 const json_object *object,
                                 const struct problem *problem)
{
    struct last_write *last = ctx;
    assert_int_equal(status, ST_OK);
    assert_null(problem);
    last->kit->store = store_free(last->kit->store);
    assert_non_null(object); /* it stays until the return */
    assert_string_equal(json_object_get_string(json_object_object_get(object, "type")),
                        "example.com/t");
    last->is_done = true;
}

static bool is_last_done(void *ctx)
{
    return ((const struct last_write *)ctx)->is_done;
}

/* Whoever is told may be done with the store. */
static void test_apiserver_write_done_may_free_the_store(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        SYNC,
        { .expect = "GET " SINGLE, .send = OK(OBJECT), .after = HTTPS_CLOSE },
    };
    const struct store_target target = TARGET;
    struct api_kit kit;
    struct last_write last = { .kit = &kit };
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "S " });
    assert_int_equal(store_get(kit.store, &target, free_store_when_done, &last), ST_OK);
    assert_true(kit_run_until(&kit.files, is_last_done, &last, FILE_KIT_DEADLINE_MS));
    api_close(&kit);
}

static void test_apiserver_write_too_many_at_once(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = { { 0 } };
    const struct store_target target = TARGET;
    struct api_kit kit;
    struct outcome outcomes[64] = { 0 };
    enum status status = ST_OK;
    size_t count = 0;
    api_open(&kit, exchanges, 0);
    while (status == ST_OK && count < COUNTOF(outcomes)) {
        status = begin(kit.store, GET, &target, NULL, &outcomes[count++]);
    }
    assert_int_equal(status, ST_LIMIT);
    assert_int_equal(count, 33);
    api_close(&kit); /* what is under way is given up, without a word */
    for (size_t i = 0; i < count; i++) {
        assert_false(outcomes[i].is_done);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apiserver_write_rows),
        cmocka_unit_test(test_apiserver_write_bad_names_are_refused),
        cmocka_unit_test(test_apiserver_write_before_watch_is_unsupported),
        cmocka_unit_test(test_apiserver_write_done_may_free_the_store),
        cmocka_unit_test(test_apiserver_write_too_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
