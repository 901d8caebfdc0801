/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The API server store under test, and a server that plays a script.
 *
 * Events make one text: "+name=value " for added, "~name=value " for modified, "-name " for
 * deleted, "S " for synced; the value is data.value, "?" without one. Problems make another, a line
 * each, "ok " before those that are resolved.
 */
#include <cmocka.h>

#include "base/buf.h"
#include "kube/secret.h"
#include "store/apiserver/apiserver.h"
#include "store/store_base.h"
#include "support/file_kit.h"
#include "support/https_script.h"

/* Requests, as far as they are always the same. */
#define SECRETS "GET /api/v1/namespaces/kube-system/secrets?fieldSelector=type%3Dexample.com%2Ft&"
#define STREAM                                                            \
    SECRETS "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&" \
            "resourceVersionMatch=NotOlderThan&timeoutSeconds="
#define PAGE          SECRETS "limit=500 HTTP/1.1\r\n"
#define NEXT_PAGE(at) SECRETS "limit=500&continue=" at " HTTP/1.1\r\n"
#define WHOLE         SECRETS "limit=0 HTTP/1.1\r\n"
#define WATCH(version) \
    SECRETS "watch=true&allowWatchBookmarks=true&resourceVersion=" version "&timeoutSeconds="

/* Replies. A body ends with its connection. */
#define REPLY(code, body) "HTTP/1.1 " code "\r\nContent-Type: application/json\r\n\r\n" body
#define OK(body)          REPLY("200 OK", body)
#define STATUS(code, reason, message)                                                          \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"" message \
    "\",\"reason\":\"" reason "\",\"code\":" code "}"
#define SECRET(name, version, value)                                                       \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"kube-system\",\"uid\":\"u-" name \
    "\",\"resourceVersion\":\"" version                                                    \
    "\"},\"type\":\"example.com/t\",\"data\":{\"value\":\"" value "\"}}"
#define EVENT(type, object)            "{\"type\":\"" type "\",\"object\":" object "}\n"
#define ADDED(name, version, value)    EVENT("ADDED", SECRET(name, version, value))
#define MODIFIED(name, version, value) EVENT("MODIFIED", SECRET(name, version, value))
#define DELETED(name, version)         EVENT("DELETED", SECRET(name, version, ""))
#define BOOKMARK(version) \
    EVENT("BOOKMARK", "{\"kind\":\"Secret\",\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define END(version)                                                                      \
    EVENT("BOOKMARK", "{\"kind\":\"Secret\",\"metadata\":{\"resourceVersion\":\"" version \
                      "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define ERROR_EVENT(code, reason, message) EVENT("ERROR", STATUS(code, reason, message))
#define LIST(version, more, items)                                                                \
    "{\"kind\":\"SecretList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version \
    "\"" more "},\"items\":[" items "]}"
#define MORE(token) ",\"continue\":\"" token "\""
#define REFUSED     REPLY("422 Unprocessable Entity", STATUS("422", "Invalid", "no streaming list"))

#define ONE   "MQ==" /* 1 */
#define TWO   "Mg==" /* 2 */
#define THREE "Mw==" /* 3 */

#define EXCHANGES_MAX 16

struct api_kit {
    struct file_kit files;
    struct https_pki pki;
    struct https_script script;
    struct store *store;
    struct buf events;
    struct buf problems;
    int64_t now_sec; /* wall clock, when not 0 */
};

/* A script may tell of objects that the field selector would have left out: of these, too. */
static const struct store_interest api_interest = {
    .kind = &kind_secret,
    .namespace = "kube-system",
    .secret_type = "example.com/t",
    .hears_more = true,
};

static inline void api_on_event(void *ctx, const struct store_event *event)
{
    struct api_kit *kit = ctx;
    struct span value = SPAN_LITERAL("?");
    if (event->type == STORE_SYNCED) {
        buf_append_text(&kit->events, "S ");
        return;
    }
    assert_true(span_equal(event->namespace, SPAN_LITERAL("kube-system")));
    buf_append_char(&kit->events, "+~-"[event->type]);
    buf_append(&kit->events, event->name);
    if (event->secret) {
        (void)secret_find(event->secret, "value", &value);
        buf_append_char(&kit->events, '=');
        buf_append(&kit->events, value);
    }
    buf_append_char(&kit->events, ' ');
}

static inline void api_on_problem(void *ctx, const struct problem *problem)
{
    struct api_kit *kit = ctx;
    assert_int_not_equal(problem->status, ST_OK);
    buf_printf(&kit->problems, "%s\n", problem->text);
}

static inline void api_on_resolved(void *ctx, const struct problem *problem)
{
    struct api_kit *kit = ctx;
    assert_int_equal(problem->status, ST_OK);
    buf_printf(&kit->problems, "ok %s\n", problem->text);
}

static inline const char *api_text(struct buf *buf)
{
    assert_true(buf_reserve(buf, 1));
    buf->at[buf->len] = '\0';
    return buf->at;
}

/* Has the server been asked something with @text in it? */
static inline bool api_saw(struct api_kit *kit, const char *text)
{
    pthread_mutex_lock(&kit->script.mutex);
    const bool saw = strstr(kit->script.requests, text);
    pthread_mutex_unlock(&kit->script.mutex);
    return saw;
}

static inline struct instant api_now(void *ctx)
{
    const struct api_kit *kit = ctx;
    const struct clock system = clock_system();
    return kit->now_sec ? (struct instant){ .sec = kit->now_sec } : clock_now(&system);
}

/* The server is there, and the store; nobody listens yet. */
static inline void api_make(struct api_kit *kit,
                            const struct https_exchange *exchanges,
                            uint64_t silence_timeout_ms,
                            uint64_t list_timeout_ms)
{
    char config[1024];
    struct problem problem = { 0 };
    struct cluster_access *access = NULL;
    size_t count = 0;
    *kit = (struct api_kit){ 0 };
    kit_init(&kit->files);
    while (count < EXCHANGES_MAX && (exchanges[count].expect || exchanges[count].send)) {
        count++;
    }
    kit->script = (struct https_script){
        .exchanges = exchanges,
        .exchange_count = count,
        .pki = &kit->pki,
    };
    https_pki_make(&kit->pki);
    https_script_start(&kit->script);
    kit_write(&kit->files, "ca.crt", (const char *)kit->pki.ca.certificate.data);
    (void)snprintf(config, sizeof(config),
                   "current-context: c\n"
                   "clusters: [{name: s, cluster: {server: \"https://127.0.0.1:%u\", "
                   "certificate-authority: ca.crt}}]\n"
                   "users: [{name: u, user: {tokenFile: token}}]\n"
                   "contexts: [{name: c, context: {cluster: s, user: u}}]\n",
                   kit->script.port);
    kit_write(&kit->files, "config", config);
    kit_write(&kit->files, "token", "TEST-ONLY-token\n");
    assert_int_equal(
        cluster_access_from_kubeconfig(kit_path(&kit->files, "config").text, &access, &problem),
        ST_OK);
    struct clock clock = clock_system();
    clock.now = api_now;
    clock.ctx = kit;
    const struct apiserver_options options = {
        .access = access,
        .clock = clock,
        .silence_timeout_ms = silence_timeout_ms,
        .list_timeout_ms = list_timeout_ms,
        .on_problem = api_on_problem,
        .on_resolved = api_on_resolved,
        .ctx = kit,
    };
    assert_int_equal(apiserver_new(&options, &kit->store, &problem), ST_OK);
}

static inline void api_begin(struct api_kit *kit)
{
    struct problem problem = { 0 };
    assert_int_equal(store_load(kit->store, &problem), ST_UNSETTLED);
    assert_int_equal(store_watch(kit->store, kit->files.loop, &problem), ST_OK);
}

static inline void api_open_bounded(struct api_kit *kit,
                                    const struct https_exchange *exchanges,
                                    uint64_t silence_timeout_ms,
                                    uint64_t list_timeout_ms)
{
    api_make(kit, exchanges, silence_timeout_ms, list_timeout_ms);
    assert_int_equal(store_subscribe(kit->store, &api_interest, api_on_event, kit), ST_OK);
    api_begin(kit);
}

static inline void api_open(struct api_kit *kit,
                            const struct https_exchange *exchanges,
                            uint64_t silence_timeout_ms)
{
    api_open_bounded(kit, exchanges, silence_timeout_ms, 0);
}

static inline void api_close(struct api_kit *kit)
{
    kit->store = store_free(kit->store);
    https_script_stop(&kit->script);
    https_pki_free(&kit->pki);
    buf_fini(&kit->events);
    buf_fini(&kit->problems);
    kit_fini(&kit->files);
}

struct api_wish {
    struct api_kit *kit;
    const char *events;   /* equal */
    const char *request;  /* the script has seen it; NULL: any */
    const char *problems; /* contained; NULL: any */
};

static inline bool api_wish_holds(void *ctx)
{
    const struct api_wish *wish = ctx;
    return strcmp(api_text(&wish->kit->events), wish->events) == 0 &&
           (!wish->request || api_saw(wish->kit, wish->request)) &&
           (!wish->problems || strstr(api_text(&wish->kit->problems), wish->problems));
}

static inline void api_expect(struct api_kit *kit, const struct api_wish *wanted)
{
    struct api_wish wish = *wanted;
    wish.kit = kit;
    (void)kit_run_until(&kit->files, api_wish_holds, &wish, FILE_KIT_DEADLINE_MS);
    assert_string_equal(api_text(&kit->events), wish.events);
    if (wish.request && !api_saw(kit, wish.request)) {
        fail_msg("not asked: %s\n%s", wish.request, kit->script.requests);
    }
    if (wish.problems && !strstr(api_text(&kit->problems), wish.problems)) {
        assert_string_equal(api_text(&kit->problems), wish.problems);
    }
}
