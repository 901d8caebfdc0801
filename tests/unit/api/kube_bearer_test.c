/* SPDX-License-Identifier: Apache-2.0 */
/* The library's public face, used as an embedder would: a directory or an API server in, verdicts
 * out. */
#include <kube-bearer/kube-bearer.h>
#include <stdatomic.h>
#include <time.h>

#include "support/apiserver_script.h"
#include "support/file_kit.h"

/* TEST-ONLY tokens. */
#define TOKEN "abcdef.0123456789abcdef"

static const char secret_text[] =
    "apiVersion: v1\n"
    "kind: Secret\n"
    "metadata: {name: bootstrap-token-abcdef, namespace: kube-system}\n"
    "type: bootstrap.kubernetes.io/token\n"
    "stringData:\n"
    "  token-id: abcdef\n"
    "  token-secret: 0123456789abcdef\n"
    "  usage-bootstrap-authentication: 'true'\n"
    "  auth-extra-groups: system:bootstrappers:b,system:bootstrappers:a\n";

static const char *const our_audiences[] = { "api", "other" };

struct fixture {
    struct file_kit kit;
    struct kube_bearer_options options;
    atomic_uint problem_count;
    char last_problem[KUBE_BEARER_ERROR_MAX];
};

static void on_problem(void *ctx, const char *text)
{
    struct fixture *fixture = ctx;
    (void)snprintf(fixture->last_problem, sizeof(fixture->last_problem), "%s", text);
    atomic_fetch_add(&fixture->problem_count, 1);
}

static void put_file(const struct file_kit *kit, const char *name, const char *text)
{
    const struct kit_path path = kit_path(kit, name);
    FILE *file = fopen(path.text, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    kit_init(&fixture->kit);
    fixture->options = (struct kube_bearer_options)KUBE_BEARER_OPTIONS_INIT;
    fixture->options.manifests = fixture->kit.directory;
    fixture->options.api_audiences = our_audiences;
    fixture->options.api_audience_count = 2;
    fixture->options.on_problem = on_problem;
    fixture->options.ctx = fixture;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    kit_fini(&fixture->kit);
    free(fixture);
    return 0;
}

static struct kube_bearer *make(const struct fixture *fixture)
{
    char error[KUBE_BEARER_ERROR_MAX] = "";
    struct kube_bearer *bearer = kube_bearer_new(&fixture->options, error, sizeof(error));
    if (!bearer) {
        fail_msg("%s", error);
    }
    return bearer;
}

static struct kube_bearer_verdict *ask(const struct kube_bearer *bearer, const char *token)
{
    struct kube_bearer_verdict *verdict =
        kube_bearer_authenticate(bearer, token, strlen(token), NULL, 0);
    assert_non_null(verdict);
    return verdict;
}

static enum kube_bearer_result result(const struct kube_bearer *bearer, const char *token)
{
    struct kube_bearer_verdict *verdict = ask(bearer, token);
    const enum kube_bearer_result result = kube_bearer_verdict_result(verdict);
    kube_bearer_verdict_free(verdict);
    return result;
}

/* The loop is on a thread of the library's: ask until it is so, or the deadline passes. */
static void wait_for(const struct kube_bearer *bearer,
                     const char *token,
                     enum kube_bearer_result want)
{
    for (int ms = 0; ms < FILE_KIT_DEADLINE_MS; ms += 5) {
        if (result(bearer, token) == want && kube_bearer_is_ready(bearer)) {
            return;
        }
        (void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    fail_msg("not within %d ms", FILE_KIT_DEADLINE_MS);
}

static void test_kube_bearer_yes_has_user_groups_and_audiences(void **state)
{
    struct fixture *fixture = *state;
    put_file(&fixture->kit, "a.yaml", secret_text);
    struct kube_bearer *bearer = make(fixture);
    wait_for(bearer, TOKEN, KUBE_BEARER_ALLOW);
    const char *const asked[] = { "x", "other", "api" };
    struct kube_bearer_verdict *verdict =
        kube_bearer_authenticate(bearer, TOKEN, strlen(TOKEN), asked, 3);
    kube_bearer_free(bearer); /* the verdict outlives it */
    assert_int_equal(kube_bearer_verdict_result(verdict), KUBE_BEARER_ALLOW);
    assert_string_equal(kube_bearer_verdict_username(verdict), "system:bootstrap:abcdef");
    assert_string_equal(kube_bearer_verdict_uid(verdict), "");
    assert_int_equal(kube_bearer_verdict_extra_count(verdict), 0);
    assert_int_equal(kube_bearer_verdict_group_count(verdict), 3);
    assert_string_equal(kube_bearer_verdict_group(verdict, 0), "system:bootstrappers");
    assert_string_equal(kube_bearer_verdict_group(verdict, 1), "system:bootstrappers:a");
    assert_string_equal(kube_bearer_verdict_group(verdict, 2), "system:bootstrappers:b");
    assert_null(kube_bearer_verdict_group(verdict, 3));
    assert_int_equal(kube_bearer_verdict_audience_count(verdict), 2);
    assert_string_equal(kube_bearer_verdict_audience(verdict, 0), "other");
    assert_string_equal(kube_bearer_verdict_audience(verdict, 1), "api");
    assert_null(kube_bearer_verdict_audience(verdict, 2));
    assert_string_equal(kube_bearer_verdict_reason(verdict), "ok");
    assert_string_equal(kube_bearer_verdict_error(verdict), "");
    kube_bearer_verdict_free(verdict);
}

static void test_kube_bearer_no_has_nothing_but_a_reason(void **state)
{
    struct fixture *fixture = *state;
    put_file(&fixture->kit, "a.yaml", secret_text);
    struct kube_bearer *bearer = make(fixture);
    wait_for(bearer, TOKEN, KUBE_BEARER_ALLOW);
    struct kube_bearer_verdict *verdict = ask(bearer, "abcdef.zzzzzzzzzzzzzzzz");
    assert_int_equal(kube_bearer_verdict_result(verdict), KUBE_BEARER_DENY);
    assert_string_equal(kube_bearer_verdict_username(verdict), "");
    assert_int_equal(kube_bearer_verdict_group_count(verdict), 0);
    assert_int_equal(kube_bearer_verdict_audience_count(verdict), 0);
    assert_string_equal(kube_bearer_verdict_reason(verdict), "token_secret_mismatch");
    assert_string_equal(kube_bearer_verdict_reason_text(verdict), "the token secret is wrong");
    assert_string_equal(kube_bearer_verdict_error(verdict), "");
    kube_bearer_verdict_free(verdict);
    const char *const foreign = "foreign";
    verdict = kube_bearer_authenticate(bearer, TOKEN, strlen(TOKEN), &foreign, 1);
    assert_string_equal(kube_bearer_verdict_reason(verdict), "audience_mismatch");
    kube_bearer_verdict_free(verdict);
    /* a token is bytes, not a string */
    verdict = kube_bearer_authenticate(bearer, TOKEN "\0x", strlen(TOKEN) + 2, NULL, 0);
    assert_string_equal(kube_bearer_verdict_reason(verdict), "unrecognized_token");
    kube_bearer_verdict_free(verdict);
    kube_bearer_free(bearer);
}

static void test_kube_bearer_more_audiences_than_the_limit_are_refused(void **state)
{
    struct fixture *fixture = *state;
    put_file(&fixture->kit, "a.yaml", secret_text);
    struct kube_bearer *bearer = make(fixture);
    wait_for(bearer, TOKEN, KUBE_BEARER_ALLOW);
    const char *many[KUBE_BEARER_AUDIENCES_MAX + 1];
    for (size_t i = 0; i < KUBE_BEARER_AUDIENCES_MAX + 1; i++) {
        many[i] = "api";
    }
    /* on either side of what needs no memory; 64 was the limit of older headers */
    static const size_t counts[] = { 1, 64, 65, KUBE_BEARER_AUDIENCES_MAX };
    for (size_t i = 0; i < COUNTOF(counts); i++) {
        struct kube_bearer_verdict *verdict =
            kube_bearer_authenticate(bearer, TOKEN, strlen(TOKEN), many, counts[i]);
        assert_int_equal(kube_bearer_verdict_audience_count(verdict), counts[i]);
        assert_string_equal(kube_bearer_verdict_audience(verdict, counts[i] - 1), "api");
        kube_bearer_verdict_free(verdict);
    }
    struct kube_bearer_verdict *verdict =
        kube_bearer_authenticate(bearer, TOKEN, strlen(TOKEN), many, KUBE_BEARER_AUDIENCES_MAX + 1);
    assert_string_equal(kube_bearer_verdict_reason(verdict), "too_large");
    kube_bearer_verdict_free(verdict);
    kube_bearer_free(bearer);
}

static void test_kube_bearer_unknown_token_is_an_error_or_refused(void **state)
{
    struct fixture *fixture = *state;
    struct kube_bearer *bearer = make(fixture);
    wait_for(bearer, "zzzzzz.0123456789abcdef", KUBE_BEARER_ERROR);
    struct kube_bearer_verdict *verdict = ask(bearer, "zzzzzz.0123456789abcdef");
    assert_string_equal(kube_bearer_verdict_reason(verdict), "unknown_token_id");
    assert_string_equal(kube_bearer_verdict_error(verdict), "token not known (yet)");
    kube_bearer_verdict_free(verdict);
    kube_bearer_free(bearer);
    fixture->options.unknown_token = KUBE_BEARER_UNKNOWN_TOKEN_REFUSE;
    bearer = make(fixture);
    wait_for(bearer, "zzzzzz.0123456789abcdef", KUBE_BEARER_DENY);
    kube_bearer_free(bearer);
}

static void test_kube_bearer_follows_the_directory(void **state)
{
    struct fixture *fixture = *state;
    struct kube_bearer *bearer = make(fixture);
    wait_for(bearer, TOKEN, KUBE_BEARER_ERROR);
    put_file(&fixture->kit, ".later", secret_text);
    kit_rename(&fixture->kit, ".later", "a.yaml");
    wait_for(bearer, TOKEN, KUBE_BEARER_ALLOW);
    assert_int_equal(remove(kit_path(&fixture->kit, "a.yaml").text), 0);
    wait_for(bearer, TOKEN, KUBE_BEARER_ERROR);
    kube_bearer_free(bearer);
}

static void test_kube_bearer_tells_of_problems(void **state)
{
    struct fixture *fixture = *state;
    put_file(&fixture->kit, "broken.yaml", "apiVersion: v1\nkind: [\n");
    struct kube_bearer *bearer = make(fixture);
    for (int ms = 0; ms < FILE_KIT_DEADLINE_MS && atomic_load(&fixture->problem_count) == 0;
         ms += 5) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    kube_bearer_free(bearer);
    assert_int_equal(atomic_load(&fixture->problem_count), 1);
    assert_non_null(strstr(fixture->last_problem, "broken.yaml:"));
}

/* A file written this moment may be unfinished: nobody is told "unknown" as if it were final. */
static void test_kube_bearer_wait_ready_sees_fresh_files(void **state)
{
    struct fixture *fixture = *state;
    put_file(&fixture->kit, "a.yaml", secret_text);
    struct kube_bearer *bearer = make(fixture);
    assert_int_equal(kube_bearer_wait_ready(bearer, FILE_KIT_DEADLINE_MS), 1);
    assert_int_equal(kube_bearer_is_ready(bearer), 1);
    assert_int_equal(result(bearer, TOKEN), KUBE_BEARER_ALLOW);
    kube_bearer_free(bearer);
}

static void test_kube_bearer_asks_an_api_server(void **state)
{
    static const struct https_exchange exchanges[] = {
        { .expect = APISERVER_SECRETS,
          .send = APISERVER_HEAD APISERVER_ADDED("bootstrap-token-abcdef") APISERVER_TOLD_ALL,
          .after = HTTPS_HANG },
    };
    struct fixture *fixture = *state;
    struct https_script script;
    apiserver_script_start(&script, exchanges, COUNTOF(exchanges));
    apiserver_script_kubeconfig(&fixture->kit, "kubeconfig", script.port);
    const struct kit_path kubeconfig = kit_path(&fixture->kit, "kubeconfig");
    fixture->options.manifests = NULL;
    fixture->options.kubeconfig = kubeconfig.text;
    struct kube_bearer *bearer = make(fixture);
    wait_for(bearer, TOKEN, KUBE_BEARER_ALLOW);
    kube_bearer_free(bearer);
    https_script_stop(&script);
    assert_int_equal(atomic_load(&fixture->problem_count), 0);
}

/* It is no failure: it may come yet. */
static void test_kube_bearer_tells_that_the_api_server_is_away(void **state)
{
    static const struct https_exchange exchanges[] = {
        { .expect = APISERVER_SECRETS, .send = APISERVER_UNAVAILABLE },
        { .expect = APISERVER_SECRETS, .send = APISERVER_HEAD, .after = HTTPS_HANG },
    };
    struct fixture *fixture = *state;
    struct https_script script;
    apiserver_script_start(&script, exchanges, COUNTOF(exchanges));
    apiserver_script_kubeconfig(&fixture->kit, "kubeconfig", script.port);
    const struct kit_path kubeconfig = kit_path(&fixture->kit, "kubeconfig");
    fixture->options.manifests = NULL;
    fixture->options.kubeconfig = kubeconfig.text;
    struct kube_bearer *bearer = make(fixture);
    assert_int_equal(result(bearer, TOKEN), KUBE_BEARER_ERROR);
    for (int ms = 0; ms < FILE_KIT_DEADLINE_MS && !apiserver_script_is_over(&script); ms += 5) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    assert_false(kube_bearer_is_ready(bearer));
    assert_int_equal(result(bearer, TOKEN), KUBE_BEARER_ERROR);
    kube_bearer_free(bearer);
    https_script_stop(&script);
    assert_int_equal(atomic_load(&fixture->problem_count), 1);
    assert_non_null(strstr(fixture->last_problem, "503"));
}

static void test_kube_bearer_bad_options_say_so(void **state)
{
    struct fixture *fixture = *state;
    char error[KUBE_BEARER_ERROR_MAX] = "";
    struct kube_bearer_options options = fixture->options;
    options.manifests = NULL;
    assert_null(kube_bearer_new(&options, error, sizeof(error)));
    assert_string_equal(error, "options: manifests, kubeconfig or in_cluster must be set");
    options.kubeconfig = "/does/not/exist";
    options.in_cluster = 1;
    assert_null(kube_bearer_new(&options, error, sizeof(error)));
    assert_string_equal(error, "options: kubeconfig and in_cluster are not for use together");
    options.in_cluster = 0;
    assert_null(kube_bearer_new(&options, error, sizeof(error)));
    assert_non_null(strstr(error, "/does/not/exist"));
    options.kubeconfig = NULL;
    options.in_cluster = 1;
    assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
    assert_null(kube_bearer_new(&options, error, sizeof(error)));
    assert_non_null(strstr(error, "KUBERNETES_SERVICE_HOST"));
    options = fixture->options;
    options.api_audience_count = KUBE_BEARER_API_AUDIENCES_MAX + 1;
    assert_null(kube_bearer_new(&options, error, sizeof(error)));
    assert_string_equal(error, "a limit was exceeded");
    options = fixture->options;
    options.manifests = "/does/not/exist";
    assert_null(kube_bearer_new(&options, error, sizeof(error)));
    assert_non_null(strstr(error, "/does/not/exist"));
    assert_null(kube_bearer_new(&options, NULL, 0)); /* who does not want the text */
    error[0] = error[1] = '#';
    assert_null(kube_bearer_new(&options, error, 1));
    assert_int_equal(error[0], '\0');
    assert_int_equal(error[1], '#');
}

/* As a program that was built with fewer members hands them over: behind them is nothing of ours.
 */
static void test_regress_10_kube_bearer_smaller_options_are_of_an_older_caller(void **state)
{
    struct fixture *fixture = *state;
    put_file(&fixture->kit, "a.yaml", secret_text);
    const size_t size = offsetof(struct kube_bearer_options, api_audience_count);
    void *older = malloc(size);
    assert_non_null(older);
    fixture->options.size = size;
    fixture->options.unknown_token = KUBE_BEARER_UNKNOWN_TOKEN_REFUSE; /* has no room there */
    memcpy(older, &fixture->options, size);
    char error[KUBE_BEARER_ERROR_MAX] = "";
    struct kube_bearer *bearer = kube_bearer_new(older, error, sizeof(error));
    assert_string_equal(error, "");
    free(older);
    wait_for(bearer, TOKEN, KUBE_BEARER_ALLOW);
    wait_for(bearer, "zzzzzz.0123456789abcdef", KUBE_BEARER_ERROR);
    kube_bearer_free(bearer);
}

struct newer_options {
    struct kube_bearer_options ours;
    const char *later;
    int latest[2];
};

/* The other way round: a member that we do not know may be what a yes depends on. */
static void test_regress_10_kube_bearer_larger_options_must_be_zero_behind_ours(void **state)
{
    struct fixture *fixture = *state;
    put_file(&fixture->kit, "a.yaml", secret_text);
    struct newer_options newer = { .ours = fixture->options };
    newer.ours.size = sizeof(newer);
    char error[KUBE_BEARER_ERROR_MAX] = "";
    struct kube_bearer *bearer = kube_bearer_new(&newer.ours, error, sizeof(error));
    assert_string_equal(error, "");
    wait_for(bearer, TOKEN, KUBE_BEARER_ALLOW);
    kube_bearer_free(bearer);
    newer.latest[1] = 1;
    assert_null(kube_bearer_new(&newer.ours, error, sizeof(error)));
    assert_string_equal(error,
                        "options: a member is set that this version of the library does not know");
}

static void test_regress_10_kube_bearer_options_size_rows(void **state)
{
    static const struct {
        size_t size;
        const char *want;
    } rows[] = {
        { 0, "options: size must be set, by KUBE_BEARER_OPTIONS_INIT" },
        { 1, "options: size is that of no version, set it by KUBE_BEARER_OPTIONS_INIT" },
        { sizeof(struct kube_bearer_options) - 1, /* would cut a member */
          "options: size is that of no version, set it by KUBE_BEARER_OPTIONS_INIT" },
        { sizeof(size_t), "options: manifests, kubeconfig or in_cluster must be set" },
        { (SIZE_MAX / 2 + 1), /* was never set: nobody may read that far */
          "options: size is that of no version, set it by KUBE_BEARER_OPTIONS_INIT" },
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char error[KUBE_BEARER_ERROR_MAX] = "";
        fixture->options.size = rows[i].size;
        assert_null(kube_bearer_new(&fixture->options, error, sizeof(error)));
        assert_string_equal(error, rows[i].want);
    }
}

static void test_kube_bearer_no_verdict_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(kube_bearer_verdict_result(NULL), KUBE_BEARER_ERROR);
    assert_string_equal(kube_bearer_verdict_username(NULL), "");
    assert_int_equal(kube_bearer_verdict_group_count(NULL), 0);
    assert_null(kube_bearer_verdict_group(NULL, 0));
    assert_int_equal(kube_bearer_verdict_audience_count(NULL), 0);
    assert_null(kube_bearer_verdict_audience(NULL, 0));
    assert_string_equal(kube_bearer_verdict_reason(NULL), "no_memory");
    assert_string_equal(kube_bearer_verdict_error(NULL), "internal error");
    kube_bearer_verdict_free(NULL);
    kube_bearer_free(NULL);
    assert_true(strlen(kube_bearer_version()) >= strlen("0.0.0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_kube_bearer_yes_has_user_groups_and_audiences),
        T(test_kube_bearer_no_has_nothing_but_a_reason),
        T(test_kube_bearer_more_audiences_than_the_limit_are_refused),
        T(test_kube_bearer_unknown_token_is_an_error_or_refused),
        T(test_kube_bearer_follows_the_directory),
        T(test_kube_bearer_tells_of_problems),
        T(test_kube_bearer_wait_ready_sees_fresh_files),
        T(test_kube_bearer_asks_an_api_server),
        T(test_kube_bearer_tells_that_the_api_server_is_away),
        T(test_kube_bearer_bad_options_say_so),
        T(test_regress_10_kube_bearer_smaller_options_are_of_an_older_caller),
        T(test_regress_10_kube_bearer_larger_options_must_be_zero_behind_ours),
        T(test_regress_10_kube_bearer_options_size_rows),
        T(test_kube_bearer_no_verdict_is_an_error),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
