/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources of keys on a loop: real files, and issuers that say what the test wrote down
 * (support/https_script.h), among it what no real one says.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/http/fetch.h"
#include "jose/key_set.h"
#include "keys/key_source.h"
#include "kube/cluster_access.h"
#include "support/alloc_fail.h"
#include "support/file_kit.h"
#include "support/https_script.h"
#include "support/key_texts.h"

#define NEVER_MS 3600000 /* longer than any test */
#define SHORT_MS 150     /* a time that is meant to pass */
#define HANG_MS  1000    /* the same, in which a fetch that is well must come to its end */

static struct https_pki pki;

#define SCRIPT(...)                                                                \
    {                                                                              \
        .exchanges = (const struct https_exchange[]){ __VA_ARGS__ },               \
        .exchange_count = sizeof((const struct https_exchange[]){ __VA_ARGS__ }) / \
                          sizeof(struct https_exchange),                           \
        .pki = &pki                                                                \
    }

/* A whole reply ends with its connection: every request has one of its own. */
#define REPLY(code, body) "HTTP/1.0 " code "\r\n\r\n" body
#define OK(body)          REPLY("200 OK", body)
#define SAYS(path, text)                                                            \
    {                                                                               \
        .expect = "GET " path " HTTP/1.1\r\n", .send = (text), .after = HTTPS_CLOSE \
    }
#define REDIRECT_TO(where) "HTTP/1.0 302 Found\r\nLocation: " where "\r\n\r\n"

struct kit {
    struct file_kit files;
    struct key_source_options options;
    char url[128];
    struct key_source *source;

    unsigned told_count; /* on_keys */
    unsigned none_count; /* of them: no keys */
    size_t key_count;    /* of the latest */
    unsigned problem_count;
    struct problem problem;
    unsigned resolved_count;
    struct problem resolved;
    unsigned remark_count;
    struct problem remark;
};

static void on_keys(void *ctx, struct key_set *set, const struct key_source_state *state)
{
    struct kit *kit = ctx;
    kit->told_count++;
    kit->none_count += set == NULL;
    kit->key_count = set ? key_set_count(set) : 0;
    assert_int_equal(state->has_keys, set != NULL);
    assert_int_equal(state->key_count, kit->key_count);
    assert_true(!set || (!state->is_failing && state->success_sec > 0));
}

static void on_problem(void *ctx, const struct problem *problem)
{
    struct kit *kit = ctx;
    kit->problem_count++;
    kit->problem = *problem;
    assert_true(problem->status != ST_OK && problem->file[0] && problem->text[0]);
}

static void on_resolved(void *ctx, const struct problem *problem)
{
    struct kit *kit = ctx;
    kit->resolved_count++;
    kit->resolved = *problem;
}

static void on_remark(void *ctx, const struct problem *problem)
{
    struct kit *kit = ctx;
    kit->remark_count++;
    kit->remark = *problem;
    assert_true(problem->file[0] && problem->text[0]);
}

/* Files are relative to a directory of the kit's. */
static void kit_begin(struct kit *kit)
{
    *kit = (struct kit){ 0 };
    kit_init(&kit->files);
    kit->options = (struct key_source_options){
        .clock = clock_system(),
        .on_keys = on_keys,
        .on_problem = on_problem,
        .on_resolved = on_resolved,
        .on_remark = on_remark,
        .ctx = kit,
    };
}

static void kit_end(struct kit *kit)
{
    kit->source = key_source_free(kit->source);
    kit_fini(&kit->files); /* asserts that no handle is left open */
}

static struct span pem_of(const gnutls_datum_t *pem)
{
    return (struct span){ (const char *)pem->data, pem->size };
}

/* A JWKS at @path of @script. */
static void kit_begin_url(struct kit *kit, const struct https_script *script, const char *path)
{
    kit_begin(kit);
    (void)snprintf(kit->url, sizeof(kit->url), "https://127.0.0.1:%u%s", script->port, path);
    kit->options.kind = KEY_SOURCE_URL;
    kit->options.url = kit->url;
    kit->options.ca_pem = pem_of(&pki.ca.certificate);
}

static void kit_new(struct kit *kit)
{
    struct problem problem = { 0 };
    const enum status status =
        key_source_new(kit->files.loop, &kit->options, &kit->source, &problem);
    if (status != ST_OK) {
        fail_msg("%s: %s", status_label(status), problem.text);
    }
}

static void kit_load(struct kit *kit)
{
    struct problem problem = { 0 };
    kit_new(kit);
    assert_int_equal(key_source_load(kit->source, &problem), ST_OK);
    assert_int_equal(key_source_watch(kit->source, &problem), ST_OK);
}

static struct key_source_state state_of(struct kit *kit)
{
    struct key_source_state state;
    key_source_stats(kit->source, &state);
    return state;
}

/* Run until as many have come in all. */
static bool has_told(void *ctx)
{
    const struct kit *kit = ctx;
    return kit->told_count > 0;
}

static bool has_told_two(void *ctx)
{
    const struct kit *kit = ctx;
    return kit->told_count > 1;
}

static bool has_told_three(void *ctx)
{
    const struct kit *kit = ctx;
    return kit->told_count > 2;
}

static bool has_problem(void *ctx)
{
    const struct kit *kit = ctx;
    return kit->problem_count > 0;
}

static bool has_resolved(void *ctx)
{
    const struct kit *kit = ctx;
    return kit->resolved_count > 0;
}

static void run_until(struct kit *kit, kit_condition *condition)
{
    if (!kit_run_until(&kit->files, condition, kit, FILE_KIT_DEADLINE_MS)) {
        fail_msg("told %u, problems %u (%s), resolved %u", kit->told_count, kit->problem_count,
                 kit->problem.text, kit->resolved_count);
    }
}

/* Files. */

static void begin_files(struct kit *kit,
                        const char *name,
                        struct kit_path *path,
                        const char **paths)
{
    kit_begin(kit);
    *path = kit_path(&kit->files, name);
    paths[0] = path->text;
    kit->options.kind = KEY_SOURCE_FILES;
    kit->options.paths = paths;
    kit->options.path_count = 1;
}

static void test_key_source_files_are_told_at_the_start(void **state)
{
    (void)state;
    struct kit kit;
    struct kit_path path;
    const char *paths[1];
    struct problem problem = { 0 };
    begin_files(&kit, "sa.pub", &path, paths);
    kit_write(&kit.files, "sa.pub", PEM_PUBLIC_1 PEM_BROKEN);
    kit_new(&kit);
    assert_int_equal(key_source_load(kit.source, &problem), ST_OK);
    assert_int_equal(kit.told_count, 1);
    assert_int_equal(kit.key_count, 1);
    assert_int_equal(kit.remark_count, 1);
    assert_string_equal(kit.remark.file, path.text);
    assert_string_equal(key_source_name(kit.source), path.text);
    const struct key_source_state figures = state_of(&kit);
    assert_true(figures.has_keys && !figures.is_failing && figures.success_sec > 0);
    assert_int_equal(figures.key_count, 1);
    assert_int_equal(figures.skipped_count, 1);
    assert_in_range(figures.age_ms, 0, FILE_KIT_DEADLINE_MS);
    assert_int_equal(figures.failure.status, ST_OK);
    kit_end(&kit);
}

static void test_key_source_files_start_without_a_key_fails(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* NULL: no file */
        enum status want;
    } rows[] = {
        { NULL, ST_NOT_FOUND },
        { "", ST_NOT_FOUND },
        { PEM_BROKEN, ST_NOT_FOUND },
        { "no PEM", ST_NOT_FOUND },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct kit kit;
        struct kit_path path;
        const char *paths[1];
        struct problem problem = { 0 };
        begin_files(&kit, "sa.pub", &path, paths);
        if (rows[i].text) {
            kit_write(&kit.files, "sa.pub", rows[i].text);
        }
        kit_new(&kit);
        assert_int_equal(key_source_load(kit.source, &problem), rows[i].want);
        assert_string_equal(problem.file, path.text);
        assert_true(problem.text[0]);
        assert_int_equal(kit.told_count, 0);
        kit_end(&kit);
    }
}

static void test_key_source_files_are_followed(void **state)
{
    (void)state;
    struct kit kit;
    struct kit_path path;
    const char *paths[1];
    begin_files(&kit, "sa.pub", &path, paths);
    kit_write(&kit.files, "sa.pub", PEM_PUBLIC_1);
    kit_load(&kit);
    kit_replace(&kit.files, "sa.pub", PEM_PUBLIC_1 PEM_PUBLIC_2);
    run_until(&kit, has_told_two);
    assert_int_equal(kit.key_count, 2);
    kit_write(&kit.files, "sa.pub", PEM_PUBLIC_2);
    run_until(&kit, has_told_three);
    assert_int_equal(kit.key_count, 1);
    assert_int_equal(kit.problem_count, 0);
    kit_end(&kit);
}

static void test_key_source_files_that_change_before_they_are_followed(void **state)
{
    (void)state;
    struct kit kit;
    struct kit_path path;
    const char *paths[1];
    struct problem problem = { 0 };
    begin_files(&kit, "sa.pub", &path, paths);
    kit_write(&kit.files, "sa.pub", PEM_PUBLIC_1);
    kit_new(&kit);
    assert_int_equal(key_source_load(kit.source, &problem), ST_OK);
    kit_replace(&kit.files, "sa.pub", PEM_PUBLIC_1 PEM_PUBLIC_2);
    assert_int_equal(key_source_watch(kit.source, &problem), ST_OK);
    assert_int_equal(kit.told_count, 2);
    assert_int_equal(kit.key_count, 2);
    kit_end(&kit);
}

static void test_key_source_files_swapped_as_kubelet_does(void **state)
{
    (void)state;
    struct kit kit;
    struct kit_path path;
    const char *paths[1];
    begin_files(&kit, "sa.pub", &path, paths);
    kit_mkdir(&kit.files, "one");
    kit_mkdir(&kit.files, "two");
    kit_write(&kit.files, "one/sa.pub", PEM_PUBLIC_1);
    kit_write(&kit.files, "two/sa.pub", PEM_PUBLIC_1 PEM_PUBLIC_2);
    kit_symlink(&kit.files, "one", "..data");
    kit_symlink(&kit.files, "..data/sa.pub", "sa.pub");
    kit_load(&kit);
    kit_swap_link(&kit.files, "two", "..data");
    run_until(&kit, has_told_two);
    assert_int_equal(kit.key_count, 2);
    kit_end(&kit);
}

static void want_nothing(void *ctx, bool is_conclusive)
{
    (void)ctx;
    (void)is_conclusive;
    fail_msg("nobody waits");
}

/* Broken, gone, back with the same bytes: the good keys never went. */
static void test_key_source_files_keep_the_last_good_keys(void **state)
{
    (void)state;
    struct kit kit;
    struct kit_path path;
    const char *paths[1];
    begin_files(&kit, "sa.pub", &path, paths);
    kit_write(&kit.files, "sa.pub", PEM_PUBLIC_1);
    kit_load(&kit);
    assert_int_equal(key_source_want(kit.source, want_nothing, &kit), KEY_WANT_CURRENT);
    kit_replace(&kit.files, "sa.pub", PEM_BROKEN);
    run_until(&kit, has_problem);
    assert_string_equal(kit.problem.file, path.text);
    assert_int_equal(key_source_want(kit.source, want_nothing, &kit), KEY_WANT_REFUSED);
    kit_unlink(&kit.files, "sa.pub");
    kit_run_for(&kit.files, SHORT_MS);
    const struct key_source_state figures = state_of(&kit);
    assert_true(figures.has_keys && figures.is_failing);
    assert_int_equal(figures.key_count, 1);
    assert_in_range(figures.failure_count, 1, 3);
    kit_write(&kit.files, "sa.pub", PEM_PUBLIC_1);
    run_until(&kit, has_resolved);
    assert_int_equal(kit.told_count, 1);
    assert_false(state_of(&kit).is_failing);
    assert_int_equal(key_source_want(kit.source, want_nothing, &kit), KEY_WANT_CURRENT);
    kit_end(&kit);
}

/* Servers. */

static char *repeated(const char *front, const char *piece, size_t count, const char *back)
{
    struct buf buf = { 0 };
    buf_append_text(&buf, front);
    for (size_t i = 0; i < count; i++) {
        buf_append_text(&buf, piece);
    }
    buf_append_text(&buf, back);
    buf_append_char(&buf, '\0');
    assert_false(buf.failed);
    return buf.at;
}

static void test_key_source_url_brings_keys(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script =
        SCRIPT(SAYS("/keys?a", OK(JWKS(JWK_1 "," JWK_2 "," JWK_UNUSABLE))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys?a");
    kit_load(&kit);
    assert_int_equal(kit.told_count, 0);
    run_until(&kit, has_told);
    assert_int_equal(kit.key_count, 2);
    assert_int_equal(kit.remark_count, 1);
    assert_string_equal(kit.remark.file, kit.url);
    assert_string_equal(key_source_name(kit.source), kit.url);
    assert_int_equal(state_of(&kit).skipped_count, 1);
    kit_end(&kit);
    https_script_stop(&script);
    assert_null(strstr(script.requests, "Authorization"));
}

/* Whoever sends another set each time, all of keys that cannot be used, fills no log. */
static void test_key_source_remarks_on_a_set_are_few(void **state)
{
    (void)state;
    struct kit kit;
    char *const reply = repeated(OK("{\"keys\":[" JWK_1), "," JWK_UNUSABLE, 20, "]}");
    struct https_script script = SCRIPT(SAYS("/keys", reply));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit_load(&kit);
    run_until(&kit, has_told);
    assert_int_equal(kit.key_count, 1);
    assert_int_equal(kit.remark_count, 8);
    assert_int_equal(state_of(&kit).skipped_count, 20);
    kit_end(&kit);
    https_script_stop(&script);
    free(reply);
}

static void test_key_source_url_of_a_ca_file(void **state)
{
    (void)state;
    struct kit kit;
    struct problem problem = { 0 };
    struct https_script script = SCRIPT(SAYS("/keys", OK(JWKS(JWK_1))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    const struct kit_path ca = kit_path(&kit.files, "ca.crt");
    kit.options.ca_pem = (struct span){ 0 };
    kit.options.ca_file = ca.text;
    assert_int_equal(key_source_new(kit.files.loop, &kit.options, &kit.source, &problem),
                     ST_NOT_FOUND);
    assert_string_equal(problem.file, ca.text);
    kit_write(&kit.files, "ca.crt", PEM_PUBLIC_1);
    assert_int_equal(key_source_new(kit.files.loop, &kit.options, &kit.source, &problem),
                     ST_INVALID);
    assert_string_equal(problem.file, ca.text);
    kit_write(&kit.files, "ca.crt", (const char *)pki.other_ca.certificate.data);
    kit.options.timings.retry_ms = 20;
    kit_load(&kit);
    run_until(&kit, has_problem);
    assert_non_null(strstr(kit.problem.text, "the certificate of 127.0.0.1:"));
    kit_replace(&kit.files, "ca.crt", (const char *)pki.ca.certificate.data);
    run_until(&kit, has_told); /* the file is read for each fetch */
    kit_end(&kit);
    https_script_stop(&script);
}

static void test_key_source_options_that_cannot_work(void **state)
{
    (void)state;
    static const char *const none[1];
    static const struct {
        const char *name;
        struct key_source_options options;
        const char *text;
    } rows[] = {
        { "nothing", { 0 }, "keys: expected files or a server" },
        { "no file", { .kind = KEY_SOURCE_FILES, .paths = none }, "key files: expected 1 to 16" },
        { "too many files",
          { .kind = KEY_SOURCE_FILES, .paths = none, .path_count = KEY_FILES_MAX + 1 },
          "key files: expected 1 to 16" },
        { "plain HTTP",
          { .kind = KEY_SOURCE_URL, .url = "http://idp.test/keys" },
          "the keys' URL: expected https://, found http://" },
        { "a file's URL",
          { .kind = KEY_SOURCE_URL, .url = "file:///etc/keys" },
          "the keys' URL: expected https://, found another scheme" },
        { "an issuer that is no URL",
          { .kind = KEY_SOURCE_DISCOVERY, .issuer = "kubernetes/serviceaccount" },
          "the issuer: expected https:// and a host, without a user" },
        { "an issuer with a query",
          { .kind = KEY_SOURCE_DISCOVERY, .issuer = "https://idp.test/?a" },
          "the issuer: expected no query" },
        { "discovery by plain HTTP",
          { .kind = KEY_SOURCE_DISCOVERY,
            .issuer = "https://idp.test",
            .url = "http://idp.test/discovery" },
          "the discovery URL: expected https://, found http://" },
        { "a CA that is none",
          { .kind = KEY_SOURCE_URL,
            .url = "https://idp.test/keys",
            .ca_pem = { .at = "x", .len = 1 } },
          "the certificate authority: expected certificates in PEM, all of them readable" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct file_kit files;
        struct key_source *source = NULL;
        struct problem problem = { 0 };
        struct key_source_options options = rows[i].options;
        kit_init(&files);
        options.clock = clock_system();
        options.on_keys = on_keys;
        const enum status status = key_source_new(files.loop, &options, &source, &problem);
        if (status == ST_OK || source || strcmp(problem.text, rows[i].text) != 0) {
            fail_msg("%s: %s, %s", rows[i].name, status_label(status), problem.text);
        }
        kit_fini(&files);
    }
}

/* Issuers as nobody runs them: each has its say twice, before there are keys and when there are. */

static void check_hostile(const char *name,
                          struct https_exchange exchange,
                          uint64_t fetch_ms,
                          const char *text)
{
    struct kit kit;
    exchange.expect = "GET /keys HTTP/1.1\r\n";
    struct https_exchange again = exchange; /* until the source is freed */
    again.optional = true;
    const struct https_exchange good = SAYS("/keys", OK(JWKS(JWK_1)));
    const struct https_exchange exchanges[] = { exchange, good,  exchange, again, again,
                                                again,    again, again,    again, again };
    struct https_script script = { .exchanges = exchanges,
                                   .exchange_count = COUNTOF(exchanges),
                                   .pki = &pki };
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit.options.timings = (struct key_timings){
        .retry_ms = 10, .fetch_ms = fetch_ms, .refresh_min_ms = 10, .refresh_default_ms = 10
    };
    kit_load(&kit);
    run_until(&kit, has_problem);
    assert_int_equal(kit.told_count, 0);
    if (!strstr(kit.problem.text, text)) {
        fail_msg("%s: %s", name, kit.problem.text);
    }
    run_until(&kit, has_resolved);
    assert_int_equal(kit.told_count, 1);
    kit.problem_count = 0;
    run_until(&kit, has_problem);
    const struct key_source_state figures = state_of(&kit);
    assert_true(figures.has_keys && figures.is_failing); /* the good ones stay */
    assert_int_equal(kit.told_count, 1);
    kit_end(&kit);
    https_script_stop(&script);
}

static void test_key_source_hostile_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct https_exchange exchange;
        const char *text;
    } rows[] = {
        { "not there",
          { .send = REPLY("404 Not Found", JWKS(JWK_2)), .after = HTTPS_CLOSE },
          "answered 404" },
        { "broken", { .send = REPLY("500 Oh", ""), .after = HTTPS_CLOSE }, "answered 500" },
        { "a page",
          { .send = OK("<!DOCTYPE html><html></html>"), .after = HTTPS_CLOSE },
          "expected" },
        { "nothing", { .send = OK(""), .after = HTTPS_CLOSE }, "expected" },
        { "a list", { .send = OK("[" JWK_2 "]"), .after = HTTPS_CLOSE }, "expected" },
        { "one key and no set", { .send = OK(JWK_2), .after = HTTPS_CLOSE }, "expected" },
        { "half a set", { .send = OK("{\"keys\":[" JWK_2), .after = HTTPS_CLOSE }, "expected" },
        { "an empty set", { .send = OK(JWKS("")), .after = HTTPS_CLOSE }, "expected a usable key" },
        { "no usable key",
          { .send = OK(JWKS(JWK_UNUSABLE)), .after = HTTPS_CLOSE },
          "expected a usable key" },
        { "to plain HTTP",
          { .send = REDIRECT_TO("http://127.0.0.1/keys"), .after = HTTPS_CLOSE },
          "the redirect: expected https://, found http://" },
        { "to a file",
          { .send = REDIRECT_TO("file:///etc/passwd"), .after = HTTPS_CLOSE },
          "the redirect: expected https://, found another scheme" },
        { "cut off", { .send = OK("{\"keys\":["), .after = HTTPS_CUT }, "" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        check_hostile(rows[i].name, rows[i].exchange, 0, rows[i].text);
    }
}

static void test_key_source_slow_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct https_exchange exchange;
    } rows[] = {
        { "a byte now and then",
          { .send = OK(JWKS(JWK_2)), .piece_len = 1, .pause_ms = 20, .after = HTTPS_CLOSE } },
        { "a head and no more", { .send = "HTTP/1.1 200 OK\r\n", .after = HTTPS_HANG } },
        { "silence", { .after = HTTPS_HANG } },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        check_hostile(rows[i].name, rows[i].exchange, HANG_MS, "");
    }
}

static void test_key_source_hostile_sizes(void **state)
{
    (void)state;
    const struct {
        const char *name;
        char *reply;
        const char *text;
    } rows[] = {
        { "100 MiB",
          repeated("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n{\"keys\":[", "          ",
                   10485760, ""),
          "the reply is longer than 1048576 bytes" },
        { "10,000 keys", repeated(OK("{\"keys\":[" JWK_2), "," JWK_1, 9999, "]}"),
          "the reply is longer than 1048576 bytes" },
        { "10,000 small keys", repeated(OK("{\"keys\":[" JWK_2), ",{}", 9999, "]}"),
          "expected no more than 64 keys" },
        { "deep", repeated(OK("{\"keys\":"), "[", 100000, ""), "expected" },
        { "a long head",
          repeated("HTTP/1.1 200 OK\r\n", "X-Filler: aaaaaaaaaaaaaaaaaaaa\r\n", 3000, "\r\n"),
          "header" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        check_hostile(rows[i].name,
                      (struct https_exchange){ .send = rows[i].reply, .after = HTTPS_CLOSE }, 0,
                      rows[i].text);
        free(rows[i].reply);
    }
}

static void test_key_source_redirect_loop_ends(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script =
        SCRIPT(SAYS("/keys", REDIRECT_TO("/b")), SAYS("/b", REDIRECT_TO("/keys")),
               SAYS("/keys", REDIRECT_TO("/b")), SAYS("/b", REDIRECT_TO("/keys")));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit_load(&kit);
    run_until(&kit, has_problem);
    assert_non_null(strstr(kit.problem.text, "and there were 3 redirects before"));
    assert_string_equal(kit.problem.file, kit.url);
    kit_end(&kit);
    https_script_stop(&script);
}

/* What becomes of keys with time. */

static void test_key_source_is_tried_again_until_it_works(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script =
        SCRIPT(SAYS("/keys", REPLY("503 Busy", "")), SAYS("/keys", REPLY("503 Busy", "")),
               SAYS("/keys", REPLY("401 Who", "")), SAYS("/keys", OK(JWKS(JWK_1))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit.options.timings.retry_ms = 10;
    kit_load(&kit);
    run_until(&kit, has_told);
    assert_int_equal(kit.problem_count, 2); /* the same twice is told once */
    assert_int_equal(kit.resolved_count, 1);
    assert_string_equal(kit.resolved.text, kit.problem.text);
    const struct key_source_state figures = state_of(&kit);
    assert_false(figures.is_failing);
    assert_int_equal(figures.failure_count, 3);
    assert_int_equal(figures.success_count, 1);
    assert_non_null(strstr(figures.failure.text, "answered 401"));
    kit_end(&kit);
    https_script_stop(&script);
}

static void test_key_source_waits_as_long_as_the_server_asks(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script =
        SCRIPT(SAYS("/keys", "HTTP/1.0 503 Busy\r\nRetry-After: 60\r\n\r\n"));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit.options.timings.retry_ms = 1;
    kit_load(&kit);
    run_until(&kit, has_problem);
    kit_run_for(&kit.files, SHORT_MS);
    assert_int_equal(state_of(&kit).failure_count, 1);
    kit_end(&kit);
    https_script_stop(&script);
}

static bool has_four_successes(void *ctx)
{
    return state_of(ctx).success_count >= 4;
}

/* Both, then the old one goes: each is told, and what has not changed is not. */
static void test_key_source_is_refreshed(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script =
        SCRIPT(SAYS("/keys", OK(JWKS(JWK_1))), SAYS("/keys", OK(JWKS(JWK_1 "," JWK_2))),
               SAYS("/keys", OK(JWKS(JWK_1 "," JWK_2))), SAYS("/keys", OK(JWKS(JWK_2))),
               { .expect = "GET ", .after = HTTPS_HANG, .optional = true });
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit.options.timings = (struct key_timings){ .refresh_min_ms = 10, .refresh_default_ms = 10 };
    kit_load(&kit);
    run_until(&kit, has_told_two);
    assert_int_equal(kit.key_count, 2);
    run_until(&kit, has_told_three);
    assert_int_equal(kit.key_count, 1);
    run_until(&kit, has_four_successes);
    assert_int_equal(kit.told_count, 3);
    assert_int_equal(kit.problem_count, 0);
    kit_end(&kit);
    https_script_stop(&script);
}

static void test_key_source_goes_by_cache_control(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script =
        SCRIPT(SAYS("/keys", "HTTP/1.0 200 OK\r\nCache-Control: no-cache\r\n\r\n" JWKS(JWK_1)),
               SAYS("/keys", "HTTP/1.0 200 OK\r\nCache-Control: max-age=60\r\n\r\n" JWKS(JWK_2)));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit.options.timings =
        (struct key_timings){ .refresh_min_ms = 10, .refresh_default_ms = NEVER_MS };
    kit_load(&kit);
    run_until(&kit, has_told_two);
    kit_run_for(&kit.files, SHORT_MS);
    assert_int_equal(state_of(&kit).success_count, 2);
    kit_end(&kit);
    https_script_stop(&script);
}

/* All that vanish at once are a failure of the server; what it says for too long is believed. */
static void test_key_source_stale_keys_are_withdrawn(void **state)
{
    (void)state;
    struct kit kit;
    struct https_script script = SCRIPT(SAYS("/keys", OK(JWKS(JWK_1))), SAYS("/keys", OK(JWKS(""))),
                                        SAYS("/keys", OK(JWKS(JWK_1))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit.options.timings = (struct key_timings){
        .refresh_min_ms = 10, .refresh_default_ms = 10, .max_stale_ms = HANG_MS, .retry_ms = HANG_MS
    };
    kit_load(&kit);
    run_until(&kit, has_problem);
    assert_true(state_of(&kit).has_keys);
    run_until(&kit, has_told_two);
    assert_int_equal(kit.none_count, 1);
    assert_false(state_of(&kit).has_keys);
    assert_int_equal(state_of(&kit).key_count, 0);
    assert_in_range(state_of(&kit).age_ms, HANG_MS, FILE_KIT_DEADLINE_MS);
    run_until(&kit, has_told_three); /* the same bytes again: they are news now */
    assert_int_equal(kit.key_count, 1);
    assert_int_equal(kit.resolved_count, 1);
    kit_end(&kit);
    https_script_stop(&script);
}

static void test_key_source_without_watch_asks_once(void **state)
{
    (void)state;
    struct kit kit;
    struct problem problem = { 0 };
    struct https_script script = SCRIPT(SAYS("/keys", REPLY("503 Busy", "")));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit.options.timings.retry_ms = 10;
    kit_new(&kit);
    assert_int_equal(key_source_load(kit.source, &problem), ST_OK);
    run_until(&kit, has_problem);
    kit_run_for(&kit.files, SHORT_MS);
    assert_int_equal(state_of(&kit).failure_count, 1);
    kit_end(&kit);
    https_script_stop(&script);
}

/* A key that is not known. */

struct want {
    struct kit *kit;
    unsigned done_count;
    bool is_conclusive;
    size_t key_count; /* that were in force then */
};

static void on_wanted(void *ctx, bool is_conclusive)
{
    struct want *want = ctx;
    want->done_count++;
    want->is_conclusive = is_conclusive;
    want->key_count = want->kit->key_count;
}

static bool is_done(void *ctx)
{
    const struct want *want = ctx;
    return want->done_count > 0;
}

static void run_until_done(struct kit *kit, struct want *want)
{
    assert_true(kit_run_until(&kit->files, is_done, want, FILE_KIT_DEADLINE_MS));
    assert_int_equal(want->done_count, 1);
}

/* The first login after a rotation: who comes first is told for sure, who comes while the fetch is
 * under way as well as can be, who comes later is not made wait. */
static void test_key_source_want_brings_the_new_key(void **state)
{
    (void)state;
    struct kit kit;
    struct want first = { .kit = &kit };
    struct want second = { .kit = &kit };
    struct https_script script =
        SCRIPT(SAYS("/keys", OK(JWKS(JWK_1))), SAYS("/keys", OK(JWKS(JWK_1 "," JWK_2))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit_load(&kit);
    run_until(&kit, has_told);
    assert_int_equal(key_source_want(kit.source, on_wanted, &first), KEY_WANT_WAITING);
    assert_int_equal(key_source_want(kit.source, on_wanted, &second), KEY_WANT_WAITING);
    assert_int_equal(first.done_count, 0);
    run_until_done(&kit, &first);
    run_until_done(&kit, &second);
    assert_true(first.is_conclusive);
    assert_false(second.is_conclusive);
    assert_int_equal(first.key_count, 2);
    assert_int_equal(second.key_count, 2);
    assert_int_equal(key_source_want(kit.source, on_wanted, &first), KEY_WANT_REFUSED);
    assert_int_equal(state_of(&kit).wanted_count, 2);
    assert_int_equal(state_of(&kit).refused_want_count, 1);
    kit_end(&kit);
    https_script_stop(&script);
}

static void test_key_source_want_without_news_is_conclusive(void **state)
{
    (void)state;
    struct kit kit;
    struct want want = { .kit = &kit };
    struct https_script script =
        SCRIPT(SAYS("/keys", OK(JWKS(JWK_1))), SAYS("/keys", OK(JWKS(JWK_1))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit_load(&kit);
    run_until(&kit, has_told);
    assert_int_equal(key_source_want(kit.source, on_wanted, &want), KEY_WANT_WAITING);
    run_until_done(&kit, &want);
    assert_true(want.is_conclusive);
    assert_int_equal(kit.told_count, 1);
    kit_end(&kit);
    https_script_stop(&script);
}

static void test_key_source_want_after_a_failure_is_not_conclusive(void **state)
{
    (void)state;
    struct kit kit;
    struct want want = { .kit = &kit };
    struct https_script script =
        SCRIPT(SAYS("/keys", OK(JWKS(JWK_1))), SAYS("/keys", OK(JWKS(""))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit_load(&kit);
    run_until(&kit, has_told);
    assert_int_equal(key_source_want(kit.source, on_wanted, &want), KEY_WANT_WAITING);
    run_until_done(&kit, &want);
    assert_false(want.is_conclusive);
    assert_int_equal(kit.problem_count, 1);
    kit_end(&kit);
    https_script_stop(&script);
}

static bool has_begun(void *ctx)
{
    struct https_script *script = ctx;
    pthread_mutex_lock(&script->mutex);
    const bool has_begun = script->requests_len > 0;
    pthread_mutex_unlock(&script->mutex);
    return has_begun;
}

/* A fetch that is under way may have missed the key: it is given up for one that cannot. */
static void test_key_source_want_does_not_trust_a_fetch_that_began_before(void **state)
{
    (void)state;
    struct kit kit;
    struct want want = { .kit = &kit };
    struct https_script script =
        SCRIPT({ .expect = "GET /keys ", .after = HTTPS_HANG }, SAYS("/keys", OK(JWKS(JWK_1))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit_load(&kit);
    assert_true(kit_run_until(&kit.files, has_begun, &script, FILE_KIT_DEADLINE_MS));
    assert_int_equal(key_source_want(kit.source, on_wanted, &want), KEY_WANT_WAITING);
    run_until_done(&kit, &want);
    assert_true(want.is_conclusive);
    assert_int_equal(want.key_count, 1);
    assert_int_equal(kit.problem_count, 0);
    kit_end(&kit);
    https_script_stop(&script);
}

/* Who waits is told in time; what comes later is taken all the same. */
static void test_key_source_want_of_a_slow_server(void **state)
{
    (void)state;
    struct kit kit;
    struct want want = { .kit = &kit };
    sem_t gate;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    struct https_exchange slow = SAYS("/keys", OK(JWKS(JWK_1 "," JWK_2)));
    slow.gate = &gate;
    const struct https_exchange exchanges[] = { SAYS("/keys", OK(JWKS(JWK_1))), slow };
    struct https_script script = { .exchanges = exchanges, .exchange_count = 2, .pki = &pki };
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit.options.timings.want_ms = SHORT_MS;
    kit_load(&kit);
    run_until(&kit, has_told);
    const uint64_t began_ns = uv_hrtime();
    assert_int_equal(key_source_want(kit.source, on_wanted, &want), KEY_WANT_WAITING);
    run_until_done(&kit, &want);
    assert_in_range((uv_hrtime() - began_ns) / 1000000, SHORT_MS - 2, FILE_KIT_DEADLINE_MS);
    assert_false(want.is_conclusive);
    assert_int_equal(sem_post(&gate), 0);
    run_until(&kit, has_told_two);
    assert_int_equal(kit.key_count, 2);
    assert_int_equal(want.done_count, 1);
    kit_end(&kit);
    https_script_stop(&script);
    sem_destroy(&gate);
}

static void test_key_source_want_has_room_for_so_many(void **state)
{
    (void)state;
    struct kit kit;
    struct want wants[KEY_SOURCE_WAITERS_MAX + 1] = { { 0 } };
    struct https_script script = SCRIPT({ .expect = "GET /keys ", .after = HTTPS_HANG });
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit_new(&kit);
    for (size_t i = 0; i < COUNTOF(wants); i++) {
        wants[i].kit = &kit;
        assert_int_equal(key_source_want(kit.source, on_wanted, &wants[i]),
                         i < KEY_SOURCE_WAITERS_MAX ? KEY_WANT_WAITING : KEY_WANT_REFUSED);
    }
    key_source_unwant(kit.source, &wants[3]);
    key_source_unwant(kit.source, &wants[3]); /* is not there any more */
    assert_int_equal(key_source_want(kit.source, on_wanted, &wants[3]), KEY_WANT_WAITING);
    assert_true(kit_run_until(&kit.files, has_begun, &script, FILE_KIT_DEADLINE_MS));
    kit_end(&kit); /* nobody is told */
    for (size_t i = 0; i < COUNTOF(wants); i++) {
        assert_int_equal(wants[i].done_count, 0);
    }
    https_script_stop(&script);
}

/* Tokens with invented key IDs, as fast as they come: one fetch. */
static void test_key_source_want_20000_times(void **state)
{
    (void)state;
    struct kit kit;
    struct want first = { .kit = &kit };
    struct want other = { .kit = &kit };
    struct https_script script =
        SCRIPT(SAYS("/keys", OK(JWKS(JWK_1))), SAYS("/keys", OK(JWKS(JWK_1))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit_load(&kit);
    run_until(&kit, has_told);
    assert_int_equal(key_source_want(kit.source, on_wanted, &first), KEY_WANT_WAITING);
    for (unsigned i = 0; i < 20000; i++) {
        const enum key_want want = key_source_want(kit.source, on_wanted, &other);
        assert_int_not_equal(want, KEY_WANT_CURRENT);
        if (i % 1000 == 0) {
            (void)uv_run(loop_uv(kit.files.loop), UV_RUN_NOWAIT);
        }
    }
    run_until_done(&kit, &first);
    kit_run_for(&kit.files, SHORT_MS);
    const struct key_source_state figures = state_of(&kit);
    assert_int_equal(figures.success_count, 2);
    assert_int_equal(figures.wanted_count + figures.refused_want_count, 20001);
    kit_end(&kit);
    https_script_stop(&script);
}

struct eager {
    struct kit *kit;
    unsigned done_count;
    enum key_want again; /* what the want in done came to */
};

static void on_eager(void *ctx, bool is_conclusive)
{
    struct eager *eager = ctx;
    assert_int_equal(is_conclusive, eager->done_count == 0 || eager->done_count == 1);
    if (eager->done_count++ == 0) {
        eager->again = key_source_want(eager->kit->source, on_eager, eager);
    }
}

static bool is_eager_done(void *ctx)
{
    const struct eager *eager = ctx;
    return eager->done_count == 2;
}

/* Whoever wants again when told waits for a fetch of his own. */
static void test_key_source_want_from_within(void **state)
{
    (void)state;
    struct kit kit;
    struct eager eager = { .kit = &kit };
    struct https_script script =
        SCRIPT(SAYS("/keys", OK(JWKS(JWK_1))), SAYS("/keys", OK(JWKS(JWK_2))));
    https_script_start(&script);
    kit_begin_url(&kit, &script, "/keys");
    kit.options.timings.cool_down_ms = 1;
    kit_new(&kit);
    assert_int_equal(key_source_want(kit.source, on_eager, &eager), KEY_WANT_WAITING);
    assert_true(kit_run_until(&kit.files, is_eager_done, &eager, FILE_KIT_DEADLINE_MS));
    assert_int_equal(eager.again, KEY_WANT_WAITING);
    assert_int_equal(kit.told_count, 2);
    kit_end(&kit);
    https_script_stop(&script);
}

/* Discovery. */

static void begin_discovery(struct kit *kit, const struct https_script *script, const char *path)
{
    kit_begin_url(kit, script, path);
    kit->options.kind = KEY_SOURCE_DISCOVERY;
    kit->options.issuer = kit->url;
    kit->options.url = NULL;
}

/* A discovery document of @issuer_path at @script, with keys at /keys there. */
static char *document_of(char room[static 512],
                         const struct https_script *script,
                         const char *issuer_path,
                         const char *scheme)
{
    (void)snprintf(room, 512,
                   OK("{\"issuer\":\"https://127.0.0.1:%u%s\","
                      "\"jwks_uri\":\"%s://127.0.0.1:%u/keys\"}"),
                   script->port, issuer_path, scheme, script->port);
    return room;
}

static void test_key_source_discovery_rows(void **state)
{
    (void)state;
    static const struct {
        const char *issuer;
        const char *asked;   /* where its document is to be */
        const char *said;    /* what that says the issuer's path is */
        const char *scheme;  /* of jwks_uri */
        const char *problem; /* NULL: there are keys */
    } rows[] = {
        { "", "/.well-known/openid-configuration", "", "https", NULL },
        { "/", "/.well-known/openid-configuration", "/", "https", NULL },
        { "/realms/a", "/realms/a/.well-known/openid-configuration", "/realms/a", "https", NULL },
        { "/realms/a", "/realms/a/.well-known/openid-configuration", "/realms/b", "https",
          "issuer: expected the one that is configured" },
        { "/realms/a/", "/realms/a/.well-known/openid-configuration", "/realms/a", "https",
          "issuer: expected the one that is configured" },
        { "", "/.well-known/openid-configuration", "", "http",
          "jwks_uri: expected https://, found http://" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct kit kit;
        char request[128];
        char room[512];
        struct https_exchange exchanges[] = { { .expect = request, .after = HTTPS_CLOSE },
                                              SAYS("/keys", OK(JWKS(JWK_1))) };
        struct https_script script = { .exchanges = exchanges,
                                       .exchange_count = rows[i].problem ? 1 : 2,
                                       .pki = &pki };
        (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n", rows[i].asked);
        https_script_start(&script);
        exchanges[0].send = document_of(room, &script, rows[i].said, rows[i].scheme);
        begin_discovery(&kit, &script, rows[i].issuer);
        kit_load(&kit);
        run_until(&kit, rows[i].problem ? has_problem : has_told);
        assert_string_equal(key_source_name(kit.source), kit.url);
        if (rows[i].problem) {
            assert_non_null(strstr(kit.problem.text, rows[i].problem));
            assert_non_null(strstr(kit.problem.file, rows[i].asked));
        }
        kit_end(&kit);
        https_script_stop(&script);
    }
}

static void test_key_source_discovery_elsewhere(void **state)
{
    (void)state;
    struct kit kit;
    char room[512];
    char url[128];
    struct https_exchange exchanges[] = { SAYS("/elsewhere", NULL),
                                          SAYS("/keys", OK(JWKS(JWK_1))) };
    struct https_script script = { .exchanges = exchanges, .exchange_count = 2, .pki = &pki };
    https_script_start(&script);
    exchanges[0].send = document_of(room, &script, "/a", "https");
    begin_discovery(&kit, &script, "/a");
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/elsewhere", script.port);
    kit.options.url = url;
    kit_load(&kit);
    run_until(&kit, has_told);
    kit_end(&kit);
    https_script_stop(&script);
}

/* An API server. */

static void begin_cluster(struct kit *kit,
                          const struct https_script *script,
                          const char *token,
                          struct problem *ret_problem)
{
    char text[1024];
    kit_begin(kit);
    kit_write(&kit->files, "ca.crt", (const char *)pki.ca.certificate.data);
    kit_write(&kit->files, "token", token);
    (void)snprintf(text, sizeof(text),
                   "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
                   "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
                   "clusters: [{name: a, cluster: {server: '%s://127.0.0.1:%u', "
                   "certificate-authority: ca.crt}}]\n"
                   "users: [{name: a, user: {tokenFile: token}}]\n",
                   script->plain ? "http" : "https", script->port);
    kit_write(&kit->files, "kubeconfig", text);
    kit->options.kind = KEY_SOURCE_CLUSTER;
    assert_int_equal(cluster_access_from_kubeconfig(kit_path(&kit->files, "kubeconfig").text,
                                                    &kit->options.access, ret_problem),
                     ST_OK);
}

static void test_key_source_cluster_is_asked_with_its_credentials(void **state)
{
    (void)state;
    struct kit kit;
    struct problem problem = { 0 };
    struct https_script script = SCRIPT(SAYS("/openid/v1/jwks", REPLY("403 Forbidden", "")),
                                        SAYS("/openid/v1/jwks", OK(JWKS(JWK_1))));
    https_script_start(&script);
    begin_cluster(&kit, &script, "TEST-ONLY-old", &problem);
    kit.options.timings.retry_ms = SHORT_MS;
    kit_load(&kit);
    run_until(&kit, has_problem);
    assert_non_null(strstr(kit.problem.text, "answered 403"));
    kit_replace(&kit.files, "token", "TEST-ONLY-new");
    run_until(&kit, has_told);
    kit_end(&kit);
    https_script_stop(&script);
    assert_non_null(strstr(script.requests, "\r\nAuthorization: Bearer TEST-ONLY-old\r\n"));
    assert_non_null(strstr(script.requests, "\r\nAuthorization: Bearer TEST-ONLY-new\r\n"));
}

static void test_key_source_cluster_that_redirects_is_refused(void **state)
{
    (void)state;
    struct kit kit;
    struct problem problem = { 0 };
    struct https_script script = SCRIPT(SAYS("/openid/v1/jwks", REDIRECT_TO("/keys")));
    https_script_start(&script);
    begin_cluster(&kit, &script, "TEST-ONLY", &problem);
    kit_load(&kit);
    run_until(&kit, has_problem);
    assert_non_null(strstr(kit.problem.text, "none is followed with credentials"));
    kit_end(&kit);
    https_script_stop(&script);
}

static void test_key_source_cluster_without_tls_is_refused(void **state)
{
    (void)state;
    struct kit kit;
    struct problem problem = { 0 };
    const struct https_script script = { .plain = true, .port = 1 };
    begin_cluster(&kit, &script, "TEST-ONLY", &problem);
    assert_int_equal(key_source_new(kit.files.loop, &kit.options, &kit.source, &problem),
                     ST_INVALID);
    assert_string_equal(problem.text, "the API server's URL: expected https://, found http://");
    kit_end(&kit);
}

/* Many. */

#define ISSUERS 50
#define DEAD    5

static bool have_all_told(void *ctx)
{
    const struct kit *kits = ctx;
    unsigned told = 0;
    for (size_t i = 0; i < ISSUERS; i++) {
        told += kits[i].told_count;
    }
    return told == ISSUERS - DEAD;
}

/* Those that are dead take connections and say nothing, not even in TLS; they keep nobody. */
static void test_key_source_fifty_and_five_of_them_dead(void **state)
{
    (void)state;
    static struct kit kits[ISSUERS];
    struct https_exchange exchanges[ISSUERS - DEAD];
    struct https_script script = { .exchanges = exchanges,
                                   .exchange_count = COUNTOF(exchanges),
                                   .pki = &pki };
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t address_len = sizeof(address);
    struct file_kit files;
    for (size_t i = 0; i < COUNTOF(exchanges); i++) {
        exchanges[i] = (struct https_exchange)SAYS("/keys", OK(JWKS(JWK_1)));
    }
    const int dead = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(dead >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(dead, DEAD), 0);
    assert_int_equal(getsockname(dead, (struct sockaddr *)&address, &address_len), 0);
    const struct https_script dead_script = { .port = ntohs(address.sin_port) };
    https_script_start(&script);
    kit_init(&files);
    const uint64_t began_ns = uv_hrtime();
    for (size_t i = 0; i < ISSUERS; i++) {
        const bool is_dead = i % (ISSUERS / DEAD) == 0;
        kits[i] = (struct kit){ .files = files };
        kits[i].options = (struct key_source_options){
            .kind = KEY_SOURCE_URL,
            .url = kits[i].url,
            .ca_pem = pem_of(&pki.ca.certificate),
            .clock = clock_system(),
            .on_keys = on_keys,
            .on_problem = on_problem,
            .ctx = &kits[i],
        };
        (void)snprintf(kits[i].url, sizeof(kits[i].url), "https://127.0.0.1:%u/keys",
                       is_dead ? dead_script.port : script.port);
        kit_load(&kits[i]);
    }
    assert_true(kit_run_until(&files, have_all_told, kits, FILE_KIT_DEADLINE_MS));
    print_message("%u of %u issuers told their keys in %u ms\n", ISSUERS - DEAD, ISSUERS,
                  (unsigned)((uv_hrtime() - began_ns) / 1000000));
    for (size_t i = 0; i < ISSUERS; i++) {
        assert_int_equal(kits[i].problem_count, 0);
        kits[i].source = key_source_free(kits[i].source);
    }
    kit_fini(&files);
    https_script_stop(&script);
    assert_int_equal(close(dead), 0);
}

/* Memory. */

static void test_key_source_without_memory(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct kit kit;
    size_t nth = 1;
    bool is_reached = true;
    kit_begin(&kit);
    kit.options.kind = KEY_SOURCE_DISCOVERY;
    kit.options.issuer = "https://127.0.0.1:1/a";
    kit.options.ca_pem = pem_of(&pki.ca.certificate);
    while (is_reached) {
        struct problem problem = { 0 };
        alloc_fail_arm(nth++);
        enum status status = key_source_new(kit.files.loop, &kit.options, &kit.source, &problem);
        status = status == ST_OK ? key_source_load(kit.source, &problem) : status;
        status = status == ST_OK ? key_source_watch(kit.source, &problem) : status;
        is_reached = alloc_fail_disarm();
        assert_true(status == ST_OK || is_reached);
        kit.source = key_source_free(kit.source);
        (void)uv_run(loop_uv(kit.files.loop), UV_RUN_NOWAIT);
    }
    kit_end(&kit);
}

/* A whole fetch, in which one allocation of the loop's thread fails: it has succeeded, or one of
 * those after it does. A fetch makes some thousand of them, most in TLS: the first ones in turn,
 * then a sample. The first one goes well, for libuv ends a process whose tables of descriptors
 * cannot grow. */
struct starved {
    struct kit *kit;
    size_t nth;
    bool is_armed;
};

static bool has_starved_and_succeeded(void *ctx)
{
    struct starved *starved = ctx;
    if (!starved->is_armed && state_of(starved->kit).success_count == 1) {
        starved->is_armed = true;
        alloc_fail_arm(starved->nth);
    }
    return state_of(starved->kit).success_count > 1;
}

static void test_key_source_fetch_without_memory(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    bool is_reached = true;
    for (size_t nth = 1; is_reached; nth += 1 + nth / 8) {
        struct kit kit;
        char room[512];
        struct https_exchange exchanges[64];
        struct https_script script = { .exchanges = exchanges,
                                       .exchange_count = COUNTOF(exchanges),
                                       .pki = &pki };
        for (size_t i = 0; i < COUNTOF(exchanges); i++) {
            exchanges[i] = (struct https_exchange){ .expect = i % 2 ? "GET /keys " : "GET /.well",
                                                    .send = OK(JWKS(JWK_1)),
                                                    .after = HTTPS_CLOSE,
                                                    .optional = true };
        }
        https_script_start(&script);
        for (size_t i = 0; i < COUNTOF(exchanges); i += 2) {
            exchanges[i].send = document_of(room, &script, "", "https");
        }
        begin_discovery(&kit, &script, "");
        kit.options.timings = (struct key_timings){
            .retry_ms = 10, .fetch_ms = SHORT_MS, .refresh_min_ms = 10, .refresh_default_ms = 10
        };
        struct starved starved = { .kit = &kit, .nth = nth };
        kit_load(&kit);
        assert_true(
            kit_run_until(&kit.files, has_starved_and_succeeded, &starved, FILE_KIT_DEADLINE_MS));
        is_reached = alloc_fail_disarm();
        assert_int_equal(kit.key_count, 1);
        assert_true(is_reached || kit.problem_count == 0);
        kit_end(&kit);
        https_script_stop(&script);
    }
}

static int make_pki(void **state)
{
    (void)state;
    https_pki_make(&pki);
    return 0;
}

static int free_pki(void **state)
{
    (void)state;
    https_pki_free(&pki);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_source_files_are_told_at_the_start),
        cmocka_unit_test(test_key_source_files_start_without_a_key_fails),
        cmocka_unit_test(test_key_source_files_are_followed),
        cmocka_unit_test(test_key_source_files_that_change_before_they_are_followed),
        cmocka_unit_test(test_key_source_files_swapped_as_kubelet_does),
        cmocka_unit_test(test_key_source_files_keep_the_last_good_keys),
        cmocka_unit_test(test_key_source_url_brings_keys),
        cmocka_unit_test(test_key_source_remarks_on_a_set_are_few),
        cmocka_unit_test(test_key_source_url_of_a_ca_file),
        cmocka_unit_test(test_key_source_options_that_cannot_work),
        cmocka_unit_test(test_key_source_hostile_rows),
        cmocka_unit_test(test_key_source_slow_rows),
        cmocka_unit_test(test_key_source_hostile_sizes),
        cmocka_unit_test(test_key_source_redirect_loop_ends),
        cmocka_unit_test(test_key_source_is_tried_again_until_it_works),
        cmocka_unit_test(test_key_source_waits_as_long_as_the_server_asks),
        cmocka_unit_test(test_key_source_is_refreshed),
        cmocka_unit_test(test_key_source_goes_by_cache_control),
        cmocka_unit_test(test_key_source_stale_keys_are_withdrawn),
        cmocka_unit_test(test_key_source_without_watch_asks_once),
        cmocka_unit_test(test_key_source_want_brings_the_new_key),
        cmocka_unit_test(test_key_source_want_without_news_is_conclusive),
        cmocka_unit_test(test_key_source_want_after_a_failure_is_not_conclusive),
        cmocka_unit_test(test_key_source_want_does_not_trust_a_fetch_that_began_before),
        cmocka_unit_test(test_key_source_want_of_a_slow_server),
        cmocka_unit_test(test_key_source_want_has_room_for_so_many),
        cmocka_unit_test(test_key_source_want_20000_times),
        cmocka_unit_test(test_key_source_want_from_within),
        cmocka_unit_test(test_key_source_discovery_rows),
        cmocka_unit_test(test_key_source_discovery_elsewhere),
        cmocka_unit_test(test_key_source_cluster_is_asked_with_its_credentials),
        cmocka_unit_test(test_key_source_cluster_that_redirects_is_refused),
        cmocka_unit_test(test_key_source_cluster_without_tls_is_refused),
        cmocka_unit_test(test_key_source_fifty_and_five_of_them_dead),
        cmocka_unit_test(test_key_source_without_memory),
        cmocka_unit_test(test_key_source_fetch_without_memory),
    };
    return cmocka_run_group_tests(tests, make_pki, free_pki);
}
