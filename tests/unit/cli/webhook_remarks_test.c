/* SPDX-License-Identifier: Apache-2.0 */
/* What is doubted of a webhook's kubeconfig, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cli/webhook_remarks.h"
#include "support/certificate_kit.h"
#include "support/file_kit.h"

#define NOW_SEC 1800000000

enum file { NOTHING, SERVING, SERVING_CA, NAMELESS, NAMELESS_CA, TWO, ABSENT, NO_PEM };

static const char *const names[] = {
    [NOTHING] = NULL,        [SERVING] = "serving",         [SERVING_CA] = "serving-ca",
    [NAMELESS] = "nameless", [NAMELESS_CA] = "nameless-ca", [TWO] = "two",
    [ABSENT] = "absent",     [NO_PEM] = "no-pem",
};

#define NO_SAN                                                                                  \
    "the certificate does not cover localhost; kube-apiserver says \"x509: certificate relies " \
    "on legacy Common Name field, use SANs instead\"\n"
#define NOT_H                                                                                 \
    "the certificate does not cover h; kube-apiserver says \"x509: certificate is valid for " \
    "localhost, not h\"\n"
#define NO_PATH(server, meant) \
    "--server: " server " has no path, and nothing answers reviews there: is " meant " meant?\n"

static const struct {
    const char *name;
    const char *server;
    const char *server_name;
    enum file serving;
    enum file ca;
    const char *want;
} rows[] = {
    /* clang-format off */
    { "nothing known", "https://h:8443/authenticate", NULL, NOTHING, NOTHING, "" },
    { "no path", "https://h:8443", NULL, NOTHING, NOTHING, NO_PATH("https://h:8443", "https://h:8443/authenticate") },
    { "a slash", "https://h/", NULL, NOTHING, NOTHING, NO_PATH("https://h/", "https://h/authenticate") },
    { "another path is somebody's", "https://h/x", NULL, NOTHING, NOTHING, "" },
    { "covered", "https://localhost/authenticate", NULL, SERVING, NOTHING, "" },
    { "not covered", "https://h/authenticate", NULL, SERVING, NOTHING, "serving: " NOT_H },
    { "covered by name", "https://h/authenticate", "localhost", SERVING, NOTHING, "" },
    { "not covered by name", "https://localhost/authenticate", "h", SERVING, NOTHING, "serving: " NOT_H },
    { "a common name", "https://localhost/authenticate", NULL, NAMELESS, NOTHING, "nameless: " NO_SAN },
    { "no CA in place of one", "https://h/authenticate", NULL, NOTHING, SERVING, "serving: " NOT_H },
    { "a CA with a host in place of one", "https://h/authenticate", NULL, NOTHING, SERVING_CA, "serving-ca: " NOT_H },
    { "no CA and no host", "https://localhost/authenticate", NULL, NOTHING, NAMELESS, "nameless: " NO_SAN },
    { "a CA", "https://localhost/authenticate", NULL, NOTHING, NAMELESS_CA, "" },
    { "two", "https://h/authenticate", NULL, NOTHING, TWO, "" },
    { "a CA beside it", "https://h/authenticate", NULL, SERVING, NAMELESS_CA, "serving: " NOT_H },
    { "not there", "https://h/authenticate", NULL, ABSENT, ABSENT, "" },
    { "no PEM", "https://h/authenticate", NULL, NO_PEM, NO_PEM, "" },
    /* clang-format on */
};

static void make(const struct file_kit *kit, enum file file, bool is_ca, bool has_name)
{
    struct certificate_kit made = { .dn = "CN=localhost",
                                    .names = { has_name ? "DNS:localhost" : NULL },
                                    .is_ca = is_ca,
                                    .not_after_sec = NOW_SEC };
    certificate_kit_issue(&made, NULL);
    certificate_kit_save(&made, kit_path(kit, names[file]).text, kit_path(kit, "key").text);
    certificate_kit_free(&made);
}

static void make_two(const struct file_kit *kit)
{
    char text[8192] = "";
    FILE *file = fopen(kit_path(kit, names[SERVING]).text, "re");
    assert_non_null(file);
    const size_t len = fread(text, 1, sizeof(text) / 2 - 1, file);
    assert_int_equal(fclose(file), 0);
    memcpy(text + len, text, len);
    text[2 * len] = '\0';
    kit_write(kit, names[TWO], text);
}

static void on_remark(void *ctx, const struct problem *problem)
{
    const char *slash = strrchr(problem->file, '/');
    buf_printf(ctx, "%s%s%s\n", slash ? slash + 1 : "", slash ? ": " : "", problem->text);
}

static char *path_of(const struct file_kit *kit, enum file file)
{
    return file == NOTHING ? NULL : strdup(kit_path(kit, names[file]).text);
}

static void test_webhook_remarks_rows(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    make(&kit, SERVING, false, true);
    make(&kit, SERVING_CA, true, true);
    make(&kit, NAMELESS, false, false);
    make(&kit, NAMELESS_CA, true, false);
    make_two(&kit);
    kit_write(&kit, names[NO_PEM], "ca");
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct options options = { .server = (char *)(uintptr_t)rows[i].server,
                                   .tls_server_name = (char *)(uintptr_t)rows[i].server_name,
                                   .server_cert_file = path_of(&kit, rows[i].serving),
                                   .certificate_authority = path_of(&kit, rows[i].ca) };
        struct problem problem = { 0 };
        struct buf said = { 0 };
        print_message("# row: %s\n", rows[i].name);
        assert_int_equal(webhook_remarks(&options, NOW_SEC, on_remark, &said, &problem), ST_OK);
        buf_append_char(&said, '\0');
        assert_string_equal(said.at, rows[i].want);
        buf_fini(&said);
        free(options.server_cert_file);
        free(options.certificate_authority);
    }
    kit_fini(&kit);
}

static void test_webhook_remarks_swapped_pair_is_refused(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    make(&kit, SERVING, false, true);
    struct kit_path certificate = kit_path(&kit, "serving");
    struct kit_path key = kit_path(&kit, "key");
    struct options options = { .server = (char *)(uintptr_t) "https://h/x",
                               .client_certificate = certificate.text,
                               .client_key = key.text };
    struct problem problem = { 0 };
    assert_int_equal(webhook_remarks(&options, NOW_SEC, on_remark, NULL, &problem), ST_OK);
    options.client_certificate = key.text;
    options.client_key = certificate.text;
    assert_int_equal(webhook_remarks(&options, NOW_SEC, on_remark, NULL, &problem), ST_INVALID);
    assert_string_equal(problem.file, key.text);
    assert_string_equal(problem.text,
                        "--client-certificate and --client-key are swapped: this is the key");
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webhook_remarks_rows),
        cmocka_unit_test(test_webhook_remarks_swapped_pair_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
