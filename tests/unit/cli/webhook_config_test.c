/* SPDX-License-Identifier: Apache-2.0 */
/* The kubeconfig for kube-apiserver: read back by the YAML parser, every text in its place. */
#include "cli/webhook_config.h"
#include "document/document.h"
#include "support/capture.h"
#include "support/file_kit.h"

static struct capture capture;

static enum status keep(void *ctx, json_object *root)
{
    *(json_object **)ctx = json_object_get(root);
    return ST_OK;
}

static int run(const struct options *options, json_object **ret_root)
{
    capture_begin(&capture);
    const int status = webhook_config_run(options);
    capture_end(&capture);
    *ret_root = NULL;
    if (status == 0) {
        struct problem problem = { 0 };
        assert_int_equal(document_parse(span_of(capture.out), keep, ret_root, &problem), ST_OK);
        assert_non_null(*ret_root);
    }
    return status;
}

/* The text at list[0].object.key, or NULL. */
static const char *text_at(json_object *root, const char *list, const char *object, const char *key)
{
    json_object *first = json_object_array_get_idx(json_object_object_get(root, list), 0);
    return json_object_get_string(
        json_object_object_get(json_object_object_get(first, object), key));
}

static void test_webhook_config_names_paths_absolutely(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_write(&kit, "ca\": x.pem", "ca");
    kit_write(&kit, "c.pem", "cert");
    kit_write(&kit, "k.pem", "key");
    struct kit_path ca = kit_path(&kit, "ca\": x.pem");
    struct kit_path certificate = kit_path(&kit, "./c.pem");
    struct kit_path key = kit_path(&kit, "k.pem");
    const struct options options = {
        .server = (char *)(uintptr_t) "https://h:8443/authenticate",
        .certificate_authority = ca.text,
        .client_certificate = certificate.text,
        .client_key = key.text,
        .tls_server_name = (char *)(uintptr_t) "name",
    };
    json_object *root;
    assert_int_equal(run(&options, &root), 0);
    assert_string_equal(text_at(root, "clusters", "cluster", "server"),
                        "https://h:8443/authenticate");
    assert_string_equal(text_at(root, "clusters", "cluster", "tls-server-name"), "name");
    assert_string_equal(text_at(root, "clusters", "cluster", "certificate-authority"), ca.text);
    assert_string_equal(text_at(root, "users", "user", "client-certificate"),
                        kit_path(&kit, "c.pem").text);
    assert_string_equal(text_at(root, "users", "user", "client-key"), key.text);
    assert_string_equal(text_at(root, "contexts", "context", "cluster"), "kube-bearer");
    assert_string_equal(text_at(root, "contexts", "context", "user"), "kube-apiserver");
    json_object_put(root);
    kit_fini(&kit);
}

static void test_webhook_config_embeds_on_request(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_write(&kit, "ca.pem", "ca");
    kit_write(&kit, "c.pem", "cert");
    kit_write(&kit, "k.pem", "key");
    struct kit_path ca = kit_path(&kit, "ca.pem");
    struct kit_path certificate = kit_path(&kit, "c.pem");
    struct kit_path key = kit_path(&kit, "k.pem");
    const struct options options = {
        .server = (char *)(uintptr_t) "https://h/",
        .certificate_authority = ca.text,
        .client_certificate = certificate.text,
        .client_key = key.text,
        .embed_certs = true,
    };
    json_object *root;
    assert_int_equal(run(&options, &root), 0);
    assert_string_equal(text_at(root, "clusters", "cluster", "certificate-authority-data"), "Y2E=");
    assert_string_equal(text_at(root, "users", "user", "client-certificate-data"), "Y2VydA==");
    assert_string_equal(text_at(root, "users", "user", "client-key-data"), "a2V5");
    assert_null(text_at(root, "users", "user", "client-key"));
    json_object_put(root);
    kit_fini(&kit);
}

static void test_webhook_config_without_files(void **state)
{
    (void)state;
    const struct options options = { .server = (char *)(uintptr_t) "https://h/" };
    json_object *root;
    assert_int_equal(run(&options, &root), 0);
    assert_null(text_at(root, "clusters", "cluster", "certificate-authority"));
    assert_null(text_at(root, "users", "user", "client-key"));
    json_object_put(root);
}

/* Flags for people to copy, in comments: the output is a kubeconfig as it is. */
static void test_webhook_config_names_kube_apiservers_flags(void **state)
{
    (void)state;
    static const char *const flags[] = {
        "\n#   --authentication-token-webhook-config-file=",
        "\n#   --authentication-token-webhook-version=v1\n",
        "\n#   --authentication-token-webhook-cache-ttl=2m0s\n",
    };
    const struct options options = { .server = (char *)(uintptr_t) "https://h/" };
    json_object *root;
    assert_int_equal(run(&options, &root), 0);
    const char *document = strstr(capture.out, "\napiVersion: v1\n");
    assert_non_null(document);
    for (size_t i = 0; i < COUNTOF(flags); i++) {
        const char *flag = strstr(capture.out, flags[i]);
        if (!flag || flag > document) {
            fail_msg("%s: not on top", flags[i] + 1);
        }
    }
    json_object_put(root);
}

static void test_webhook_config_of_an_absent_file_fails(void **state)
{
    (void)state;
    const struct options options = { .server = (char *)(uintptr_t) "https://h/",
                                     .certificate_authority = (char *)(uintptr_t) "absent.pem" };
    json_object *root;
    assert_int_equal(run(&options, &root), 1);
    assert_string_equal(capture.out, "");
    assert_string_equal(capture.err, "kube-bearer webhook-config: absent.pem: "
                                     "--certificate-authority: cannot be found: No such file or "
                                     "directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webhook_config_names_paths_absolutely),
        cmocka_unit_test(test_webhook_config_embeds_on_request),
        cmocka_unit_test(test_webhook_config_without_files),
        cmocka_unit_test(test_webhook_config_names_kube_apiservers_flags),
        cmocka_unit_test(test_webhook_config_of_an_absent_file_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
