/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of sources by file, as they reach the family; what stands against a start. Fetched ones are
 * tests/unit/keys/key_source_test.c's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/token_keys.h"
#include "support/file_kit.h"
#include "support/token_kit.h"

#define CLAIMS                                                                                     \
    "{\"iss\":\"" TOKEN_KIT_ISSUER "\",\"sub\":\"system:serviceaccount:ns:sa\",\"aud\":[\"api\"]," \
    "\"exp\":1700003600,\"iat\":1700000000,\"kubernetes.io\":{\"namespace\":\"ns\","               \
    "\"serviceaccount\":{\"name\":\"sa\",\"uid\":\"u1\"}}}"

struct kit {
    struct file_kit files;
    struct token_kit tokens;
    struct kit_path paths[2];
    const char *lists[2][1];
    struct token_keys *keys;
    struct problem problem;
    unsigned problems;
    char cluster[64]; /* of the last one */
};

static void on_problem(void *ctx, const char *cluster, const struct problem *problem)
{
    struct kit *kit = ctx;
    assert_true(snprintf(kit->cluster, sizeof(kit->cluster), "%s", cluster) > -1);
    kit->problem = *problem;
    kit->problems++;
}

static void write_key(struct kit *kit, const char *name, unsigned signer)
{
    char *pem = jose_kit_pem(kit->tokens.signers[signer].key, false);
    kit_write(&kit->files, name, pem);
    free(pem);
}

/* Both sources by file. */
static int set_up(void **state)
{
    static const char *const names[] = { "0.pub", "1.pub" };
    struct kit *kit = calloc(1, sizeof(*kit));
    kit_init(&kit->files);
    token_kit_sources(&kit->tokens);
    kit->tokens.options.source_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        struct service_account_source *source = &kit->tokens.sources[i];
        write_key(kit, names[i], i);
        kit->paths[i] = kit_path(&kit->files, names[i]);
        kit->lists[i][0] = kit->paths[i].text;
        source->keys = SERVICE_ACCOUNT_KEYS_FILES;
        source->key_files = kit->lists[i];
        source->key_file_count = 1;
    }
    *state = kit;
    return 0;
}

static int tear_down(void **state)
{
    struct kit *kit = *state;
    (void)token_keys_free(kit->keys);
    token_kit_fini(&kit->tokens);
    kit_fini(&kit->files);
    free(kit);
    return 0;
}

static enum status open_keys(struct kit *kit)
{
    token_kit_open(&kit->tokens);
    for (unsigned i = 0; i < 2; i++) {
        const struct token_kit_object account = { .kind = &kind_service_account,
                                                  .name = "sa",
                                                  .uid = "u1" };
        token_kit_sync(&kit->tokens, i);
        token_kit_tell(&kit->tokens, i, STORE_ADDED, &account);
    }
    const struct store_sources own = { 0 };
    const struct token_keys_options options = { .sources = &kit->tokens.options,
                                                .family = kit->tokens.family,
                                                .own = &own,
                                                .clock = clock_system(),
                                                .listener = { .on_problem = on_problem,
                                                              .ctx = kit } };
    return token_keys_new(kit->files.loop, &options, &kit->keys, &kit->problem);
}

static enum status ask(struct kit *kit, unsigned signer)
{
    char *token = signer_sign(&kit->tokens.signers[signer], "{\"alg\":\"ES256\"}", CLAIMS);
    const enum status why = token_kit_ask(&kit->tokens, token);
    free(token);
    return why;
}

static void test_token_keys_reach_the_source_that_they_are_of(void **state)
{
    struct kit *kit = *state;
    assert_int_equal(open_keys(kit), ST_OK);
    assert_int_equal(ask(kit, 0), ST_KEYS_UNAVAILABLE);
    assert_int_equal(token_keys_load(kit->keys, &kit->problem), ST_OK);
    assert_int_equal(ask(kit, 0), ST_OK);
    assert_string_equal(kit->tokens.username, "system:serviceaccount:ns:sa");
    assert_int_equal(ask(kit, 1), ST_OK);
    assert_string_equal(kit->tokens.username, "one:system:serviceaccount:ns:sa");
    assert_int_equal(ask(kit, 2), ST_SIGNATURE_INVALID);
    assert_int_equal(kit->problems, 0);
    assert_string_equal(key_source_name(token_keys_source(kit->keys, 1)), kit->paths[1].text);
}

static bool second_is_out(void *ctx)
{
    return ask(ctx, 1) == ST_SIGNATURE_INVALID;
}

static void test_token_keys_of_files_are_followed(void **state)
{
    struct kit *kit = *state;
    assert_int_equal(open_keys(kit), ST_OK);
    assert_int_equal(token_keys_load(kit->keys, &kit->problem), ST_OK);
    assert_int_equal(token_keys_watch(kit->keys, &kit->problem), ST_OK);
    assert_int_equal(ask(kit, 1), ST_OK);
    write_key(kit, "new", 2);
    kit_rename(&kit->files, "new", "1.pub");
    assert_true(kit_run_until(&kit->files, second_is_out, kit, FILE_KIT_DEADLINE_MS));
    assert_int_equal(ask(kit, 2), ST_OK);
    assert_int_equal(ask(kit, 0), ST_OK);
}

static bool has_problem(void *ctx)
{
    return ((struct kit *)ctx)->problems > 0;
}

static void test_token_keys_say_of_which_cluster_a_problem_is(void **state)
{
    static const char *const names[] = { "", "one" };
    struct kit *kit = *state;
    assert_int_equal(open_keys(kit), ST_OK);
    assert_int_equal(token_keys_load(kit->keys, &kit->problem), ST_OK);
    assert_int_equal(token_keys_watch(kit->keys, &kit->problem), ST_OK);
    for (unsigned i = 0; i < 2; i++) {
        kit->problems = 0;
        kit_write(&kit->files, i == 0 ? "0.pub" : "1.pub", "nothing of the kind\n");
        assert_true(kit_run_until(&kit->files, has_problem, kit, FILE_KIT_DEADLINE_MS));
        assert_string_equal(kit->cluster, names[i]);
        assert_string_equal(kit->problem.file, kit->paths[i].text);
        assert_int_equal(ask(kit, i), ST_OK); /* the last good ones serve */
    }
}

static void test_token_keys_tell_figures_of_each_source(void **state)
{
    struct kit *kit = *state;
    struct token_source_figures figures;
    struct verified_tokens_stats verified;
    kit->tokens.sources[1].lookup = (struct service_account_lookup){ 0 };
    assert_int_equal(open_keys(kit), ST_OK);
    assert_int_equal(token_keys_count(kit->keys), 2);
    token_keys_figures(kit->keys, 0, &figures);
    assert_false(figures.keys.has_keys);
    assert_int_equal(token_keys_load(kit->keys, &kit->problem), ST_OK);
    token_keys_figures(kit->keys, 0, &figures);
    assert_string_equal(figures.cluster, "");
    assert_true(figures.looks_up);
    assert_int_equal(figures.keys.key_count, 1);
    assert_int_equal(figures.keys.success_count, 1);
    assert_int_equal(figures.objects.service_accounts, 1);
    token_keys_figures(kit->keys, 1, &figures);
    assert_string_equal(figures.cluster, "one");
    assert_false(figures.looks_up);
    assert_int_equal(figures.keys.key_count, 1);
    assert_int_equal(figures.objects.service_accounts, 0);
    token_keys_verified(kit->keys, &verified);
    assert_int_equal(verified.count, 0);
    assert_int_equal(ask(kit, 1), ST_OK);
    token_keys_verified(kit->keys, &verified);
    assert_int_equal(verified.count, 1);
    assert_true(verified.bytes > 0);
}

static void test_token_keys_a_start_without_a_key_says_where(void **state)
{
    struct kit *kit = *state;
    kit_write(&kit->files, "1.pub", "nothing of the kind\n");
    assert_int_equal(open_keys(kit), ST_OK);
    assert_int_equal(token_keys_load(kit->keys, &kit->problem), ST_NOT_FOUND);
    assert_string_equal(kit->problem.file, kit->paths[1].text);
}

static void test_token_keys_a_start_with_a_key_of_two_clusters_fails(void **state)
{
    struct kit *kit = *state;
    write_key(kit, "1.pub", 0);
    assert_int_equal(open_keys(kit), ST_OK);
    assert_int_equal(token_keys_load(kit->keys, &kit->problem), ST_DUPLICATE);
}

static void test_token_keys_of_a_kubeconfig_that_is_not_there(void **state)
{
    struct kit *kit = *state;
    const struct kit_path missing = kit_path(&kit->files, "missing.kubeconfig");
    kit->tokens.sources[1].keys = SERVICE_ACCOUNT_KEYS_API_SERVER;
    kit->tokens.sources[1].kubeconfig = missing.text;
    assert_int_equal(open_keys(kit), ST_NOT_FOUND);
    assert_string_equal(kit->problem.file, missing.text);
    assert_null(kit->keys);
}

static void test_token_keys_of_a_server_that_is_not_verified(void **state)
{
    struct kit *kit = *state;
    const struct kit_path path = kit_path(&kit->files, "lax.kubeconfig");
    kit_write(
        &kit->files, "lax.kubeconfig",
        "{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"current-context\":\"c\",\"contexts\":[{"
        "\"name\":\"c\",\"context\":{\"cluster\":\"c\"}}],\"clusters\":[{\"name\":\"c\","
        "\"cluster\":{\"server\":\"https://127.0.0.1:1\",\"insecure-skip-tls-verify\":true}}]}");
    kit->tokens.sources[1].keys = SERVICE_ACCOUNT_KEYS_API_SERVER;
    kit->tokens.sources[1].kubeconfig = path.text;
    assert_int_equal(open_keys(kit), ST_UNSAFE);
    assert_string_equal(kit->problem.file, path.text);
}

static void on_wanted(void *mark, bool is_conclusive)
{
    (void)is_conclusive;
    fail_msg("nobody fetches for %p", mark);
}

static void test_token_keys_tell_who_waits_what_is_known(void **state)
{
    struct kit *kit = *state;
    assert_int_equal(open_keys(kit), ST_OK);
    const struct waiting_keys keys = token_keys_waiting(kit->keys);
    assert_int_equal(keys.want(keys.ctx, AUTHENTICATOR_SERVICE_ACCOUNT, 1, on_wanted, kit),
                     WAITING_WANT_CURRENT); /* by file */
    assert_int_equal(keys.want(keys.ctx, AUTHENTICATOR_BOOTSTRAP, 1, on_wanted, kit),
                     WAITING_WANT_CURRENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_token_keys_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reach_the_source_that_they_are_of), TEST(of_files_are_followed),
        TEST(tell_figures_of_each_source),       TEST(say_of_which_cluster_a_problem_is),
        TEST(a_start_without_a_key_says_where),  TEST(a_start_with_a_key_of_two_clusters_fails),
        TEST(of_a_kubeconfig_that_is_not_there), TEST(of_a_server_that_is_not_verified),
        TEST(tell_who_waits_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
