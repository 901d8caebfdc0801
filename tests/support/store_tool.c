/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store on standard input and output, for tests: what it tells, and writing to it.
 *
 *     store_tool [--manifests DIR] [--kubeconfig FILE] [--kinds | --follow=WHAT]      both: the
 * union
 *
 * It listens to what bootstrap tokens need; with --kinds to ServiceAccounts (metadata only),
 * ConfigMaps and Widgets (example.com/v1, of the whole cluster), too; with --follow to one of the
 * things only that tokens of ServiceAccounts need (followed[]). Out come JSON objects, a line
 * each: {"event":"added","kind":…,"namespace":…,"name":…,"uid":…,"resourceVersion":…}, with
 * "object" where it is told whole, also "modified", "deleted" (names only), "synced" (nothing
 * more), "problem" and "resolved" (file, status, text). In go {"id":1,"op":"create" or
 * "update","object":…}, {"id":2,"op":"get", "adopt" or
 * "delete","target":{"namespace":…,"name":…,"uid":…, "resourceVersion":…}} and
 * {"id":3,"op":"patch","target":…,"patch":…}, with "kind" for others than Secrets; each is answered
 * by {"id":1,"status":…,"object":…,"problem":…}, whatever has come out in between. It ends with its
 * input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>
#include <uv.h>

#include "authn/bootstrap.h"
#include "base/buf.h"
#include "base/clock.h"
#include "io/loop.h"
#include "kube/cluster_access.h"
#include "store/apiserver/apiserver.h"
#include "store/manifests/manifests.h"
#include "store/store.h"
#include "store/union.h"

#define LINE_MAX_BYTES 4194304 /* an object of the largest size that etcd takes, and to spare */

/* What --kinds adds: metadata only, whole objects, and a custom resource of the whole cluster. */
static const struct object_kind kind_widget = {
    .group = "example.com",
    .version = "v1",
    .name = "Widget",
    .plural = "widgets",
    .is_cluster_scoped = true,
};
static const struct store_interest further_interests[] = {
    { .kind = &kind_service_account, .is_metadata_only = true },
    { .kind = &kind_config_map, .wants_json = true },
    { .kind = &kind_widget, .wants_json = true },
};

/* What --follow may name. */
static const struct {
    const char *option;
    struct store_interest interest;
} followed[] = {
    { "--follow=service-accounts", { .kind = &kind_service_account, .is_metadata_only = true } },
    { "--follow=pods", { .kind = &kind_pod, .is_metadata_only = true } },
    { "--follow=nodes", { .kind = &kind_node, .is_metadata_only = true } },
    { "--follow=token-secrets",
      { .kind = &kind_secret, .secret_type = "kubernetes.io/service-account-token" } },
    { "--follow=every-secret", { .kind = &kind_secret, .is_metadata_only = true } },
};

struct tool {
    struct loop *loop;
    struct store *store;
    uv_pipe_t input;
    struct buf line;
    char chunk[65536];
};

struct command {
    json_object *id; /* owns */
};

static _Noreturn void die(const char *what, const struct problem *problem)
{
    char line[PROBLEM_FILE_MAX + PROBLEM_TEXT_MAX + 64] = "";
    if (problem) {
        problem_format(problem, line, sizeof(line));
    }
    (void)fprintf(stderr, "store_tool: %s %s\n", what, line);
    exit(1);
}

static void check(enum status status, const char *what, const struct problem *problem)
{
    if (status != ST_OK) {
        die(what, problem);
    }
}

/* --- out --- */

static void add_span(json_object *line, const char *key, struct span text)
{
    (void)json_object_object_add(
        line, key, json_object_new_string_len(text.len ? text.at : "", (int)text.len));
}

static void add_text(json_object *line, const char *key, const char *text)
{
    add_span(line, key, span_of(text));
}

static void print_line(json_object *line)
{
    (void)printf("%s\n", json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
    (void)fflush(stdout);
    json_object_put(line);
}

static void on_event(void *ctx, const struct store_event *event)
{
    static const char *const types[] = {
        [STORE_ADDED] = "added",
        [STORE_MODIFIED] = "modified",
        [STORE_DELETED] = "deleted",
        [STORE_SYNCED] = "synced",
    };
    (void)ctx;
    json_object *line = json_object_new_object();
    add_text(line, "event", types[event->type]);
    if (event->type != STORE_SYNCED) {
        add_text(line, "kind", event->kind->name);
        add_span(line, "namespace", event->namespace);
        add_span(line, "name", event->name);
    }
    if (event->meta) {
        add_span(line, "uid", event->meta->uid);
        add_span(line, "resourceVersion", event->meta->resource_version);
    }
    if (event->json) {
        (void)json_object_object_add(line, "object", json_object_get((json_object *)event->json));
    }
    print_line(line);
}

static void on_object(void *ctx, const struct store_event *event)
{
    if (event->type != STORE_SYNCED) {
        on_event(ctx, event);
    }
}

static void print_problem(const char *event, const struct problem *problem)
{
    json_object *line = json_object_new_object();
    add_text(line, "event", event);
    add_text(line, "file", problem->file);
    add_text(line, "status", status_label(problem->status));
    add_text(line, "text", problem->text);
    print_line(line);
}

static void on_problem(void *ctx, const struct problem *problem)
{
    (void)ctx;
    print_problem("problem", problem);
}

static void on_resolved(void *ctx, const struct problem *problem)
{
    (void)ctx;
    print_problem("resolved", problem);
}

static void answer(struct command *command,
                   enum status status,
                   const json_object *object,
                   const struct problem *problem)
{
    json_object *line = json_object_new_object();
    (void)json_object_object_add(line, "id", command->id);
    add_text(line, "status", status_label(status));
    (void)json_object_object_add(line, "object", json_object_get((json_object *)object));
    (void)json_object_object_add(line, "problem",
                                 problem ? json_object_new_string(problem->text) : NULL);
    print_line(line);
    free(command);
}

static void on_done(void *ctx,
                    enum status status,
                    const json_object *object,
                    const struct problem *problem)
{
    answer(ctx, status, object, problem);
}

/* --- in --- */

static struct span text_of(const json_object *object, const char *key)
{
    json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value)) {
        return (struct span){ 0 };
    }
    return (struct span){ .at = json_object_get_string(value),
                          .len = (size_t)json_object_get_string_len(value) };
}

/* @in: a command, which says "kind" of others than Secrets */
static const struct object_kind *kind_of(const json_object *in)
{
    const struct span name = text_of(in, "kind");
    for (size_t i = 0; i < COUNTOF(further_interests); i++) {
        if (span_equal(name, span_of(further_interests[i].kind->name))) {
            return further_interests[i].kind;
        }
    }
    return &kind_secret;
}

static enum status begin(struct tool *tool, const json_object *in, struct command *command)
{
    static const struct {
        const char *op;
        enum store_verb verb;
        const char *object; /* the member that has it; NULL: none */
        bool has_target;
    } ops[] = {
        { "get", STORE_GET, NULL, true },
        { "create", STORE_CREATE, "object", false },
        { "update", STORE_UPDATE, "object", false },
        { "patch", STORE_PATCH, "patch", true },
        { "delete", STORE_DELETE, NULL, true },
        { "adopt", STORE_ADOPT, NULL, true },
    };
    json_object *object = NULL;
    json_object *at = NULL;
    const bool has_target = json_object_object_get_ex(in, "target", &at);
    for (size_t i = 0; i < COUNTOF(ops); i++) {
        if (!span_equal(text_of(in, "op"), span_of(ops[i].op)) ||
            (ops[i].has_target && !has_target) ||
            (ops[i].object && !json_object_object_get_ex(in, ops[i].object, &object))) {
            continue;
        }
        const struct store_write write = {
            .verb = ops[i].verb,
            .target = {
                .kind = kind_of(in),
                .namespace = text_of(at, "namespace"),
                .name = text_of(at, "name"),
                .uid = text_of(at, "uid"),
                .resource_version = text_of(at, "resourceVersion"),
            },
            .object = object,
            .done = on_done,
            .ctx = command,
        };
        return store_write(tool->store, &write);
    }
    die("no such op, or not what it needs", NULL);
}

static void run_line(struct tool *tool, const char *line)
{
    json_object *in = json_tokener_parse(line);
    struct command *command = calloc(1, sizeof(*command));
    json_object *id = NULL;
    if (!command || !json_object_object_get_ex(in, "id", &id)) {
        die("expected a JSON object with an id in each line", NULL);
    }
    command->id = json_object_get(id);
    const enum status status = begin(tool, in, command);
    if (status != ST_OK) {
        answer(command, status, NULL, NULL);
    }
    json_object_put(in);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct tool *tool = handle->data;
    (void)suggested;
    *ret_buf = uv_buf_init(tool->chunk, sizeof(tool->chunk));
}

static void on_input(uv_stream_t *stream, ssize_t len, const uv_buf_t *chunk)
{
    struct tool *tool = stream->data;
    if (len < 0) {
        loop_stop(tool->loop);
        return;
    }
    for (ssize_t i = 0; i < len; i++) {
        const char c = chunk->base[i];
        buf_append_char(&tool->line, c == '\n' ? '\0' : c);
        if (tool->line.failed) {
            die("a line is too long", NULL);
        }
        if (c == '\n') {
            run_line(tool, tool->line.at);
            buf_clear(&tool->line);
        }
    }
}

/* --- the store --- */

static struct store *open_manifests(const char *directory)
{
    struct store *store = NULL;
    struct problem problem = { 0 };
    const struct manifests_options options = {
        .directory = directory,
        .clock = clock_system(),
        .on_problem = on_problem,
        .on_resolved = on_resolved,
    };
    check(manifests_new(&options, &store, &problem), "--manifests:", &problem);
    return store;
}

static struct store *open_apiserver(const char *kubeconfig)
{
    struct store *store = NULL;
    struct problem problem = { 0 };
    struct apiserver_options options = {
        .clock = clock_system(),
        .on_problem = on_problem,
        .on_resolved = on_resolved,
    };
    check(cluster_access_from_kubeconfig(kubeconfig, &options.access, &problem),
          "--kubeconfig:", &problem);
    check(apiserver_new(&options, &store, &problem), "--kubeconfig:", &problem);
    return store;
}

static struct store *open_union(struct store *first, struct store *second)
{
    struct store *store = NULL;
    const struct union_options options = {
        .first = first,
        .second = second,
        .on_problem = on_problem,
        .on_resolved = on_resolved,
    };
    check(union_new(&options, &store), "no union", NULL);
    return store;
}

static struct store *open_store(int argc, char **argv)
{
    struct store *manifests = NULL;
    struct store *apiserver = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--manifests") == 0 && !manifests) {
            manifests = open_manifests(argv[i + 1]);
        } else if (strcmp(argv[i], "--kubeconfig") == 0 && !apiserver) {
            apiserver = open_apiserver(argv[i + 1]);
        }
    }
    if (argc != 1 + 2 * (!!manifests + !!apiserver) || argc == 1) {
        die("usage: store_tool [--manifests DIR] [--kubeconfig FILE] "
            "[--kinds | --follow=WHAT]",
            NULL);
    }
    if (manifests && apiserver) {
        return open_union(manifests, apiserver);
    }
    return manifests ? manifests : apiserver;
}

static const struct store_interest *find_followed(const char *option)
{
    for (size_t i = 0; i < COUNTOF(followed); i++) {
        if (strcmp(option, followed[i].option) == 0) {
            return &followed[i].interest;
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct tool tool = { .line = { .max_len = LINE_MAX_BYTES, .is_secret = true } };
    struct problem problem = { 0 };
    check(loop_new(&tool.loop), "no loop", NULL);
    const bool has_kinds = strcmp(argv[argc - 1], "--kinds") == 0;
    const struct store_interest *follow = find_followed(argv[argc - 1]);
    tool.store = open_store(argc - (has_kinds || follow), argv);
    check(store_subscribe(tool.store, follow ? follow : &bootstrap_feed.interest, on_event, NULL),
          "no listener", NULL);
    for (size_t i = 0; has_kinds && i < COUNTOF(further_interests); i++) {
        /* synced is told by the first */
        check(store_subscribe(tool.store, &further_interests[i], on_object, NULL), "no listener",
              NULL);
    }
    const enum status status = store_load(tool.store, &problem);
    if (status != ST_UNSETTLED) {
        check(status, "load:", &problem);
    }
    check(store_watch(tool.store, tool.loop, &problem), "watch:", &problem);
    tool.input.data = &tool;
    if (uv_pipe_init(loop_uv(tool.loop), &tool.input, 0) != 0 ||
        uv_pipe_open(&tool.input, STDIN_FILENO) != 0 ||
        uv_read_start((uv_stream_t *)&tool.input, on_room, on_input) != 0) {
        die("standard input is no pipe", NULL);
    }
    loop_run(tool.loop);
    uv_close((uv_handle_t *)&tool.input, NULL);
    tool.store = store_free(tool.store);
    tool.loop = loop_free(tool.loop);
    buf_fini(&tool.line);
    return 0;
}
