/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of an API server: what is read from where, what is refused, and how files rotate. All
 * secrets are TEST-ONLY. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/buf.h"
#include "kube/cluster_access.h"
#include "kube/cluster_access_private.h"
#include "support/alloc_fail.h"
#include "support/certificate_kit.h"
#include "support/file_kit.h"

/* The value that no problem text may hold. */
#define CANARY "TEST-ONLY-canary"

#define NOT_AFTER_SEC INT64_C(4102444800) /* 2100-01-01 */

struct kit {
    struct file_kit files;
    struct cluster_access *access; /* owns */
    struct problem problem;
};

static void access_kit_init(struct kit *kit)
{
    *kit = (struct kit){ 0 };
    kit_init(&kit->files);
}

static void access_kit_fini(struct kit *kit)
{
    kit->access = cluster_access_free(kit->access);
    kit_fini(&kit->files);
}

/* A certificate NAME.crt and its key NAME.key. */
static void make_pair(const struct kit *kit, const char *certificate, const char *key)
{
    certificate_kit_make(kit_path(&kit->files, certificate).text, kit_path(&kit->files, key).text,
                         NOT_AFTER_SEC);
}

static struct buf read_back(const struct kit *kit, const char *name)
{
    struct buf content = { 0 };
    FILE *const file = fopen(kit_path(&kit->files, name).text, "re");
    assert_non_null(file);
    for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
        buf_append_char(&content, (char)c);
    }
    assert_int_equal(fclose(file), 0);
    assert_false(content.failed);
    return content;
}

static void assert_is_file(const struct kit *kit, struct span span, const char *name)
{
    struct buf content = read_back(kit, name);
    assert_true(span_equal(span, buf_span(&content)));
    buf_fini(&content);
}

static void write_config(const struct kit *kit, const char *cluster, const char *user)
{
    struct buf text = { 0 };
    buf_printf(&text,
               "current-context: x\n"
               "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
               "clusters: [{name: c, cluster: {%s}}]\n"
               "users: [{name: u, user: {%s}}]\n%c",
               cluster, user, '\0');
    assert_false(text.failed);
    kit_write(&kit->files, "config", text.at);
    buf_fini(&text);
}

static enum status load(struct kit *kit)
{
    return cluster_access_from_kubeconfig(kit_path(&kit->files, "config").text, &kit->access,
                                          &kit->problem);
}

static void load_ok(struct kit *kit, const char *cluster, const char *user)
{
    write_config(kit, cluster, user);
    if (load(kit) != ST_OK) {
        fail_msg("%s:%u: %s", kit->problem.file, kit->problem.line, kit->problem.text);
    }
}

static void refresh_ok(struct kit *kit, bool want_changed)
{
    bool changed = !want_changed;
    if (cluster_access_refresh(kit->access, &changed, &kit->problem) != ST_OK) {
        fail_msg("%s: %s", kit->problem.file, kit->problem.text);
    }
    assert_int_equal(changed, want_changed);
}

static void refresh_fails(struct kit *kit, enum status want, const char *file)
{
    bool changed = true;
    kit->problem = (struct problem){ 0 };
    assert_int_equal(cluster_access_refresh(kit->access, &changed, &kit->problem), want);
    assert_true(changed); /* written on success only */
    assert_int_equal(kit->problem.status, want);
    assert_string_equal(kit->problem.file, kit_path(&kit->files, file).text);
}

static void assert_authorization(const struct kit *kit, const char *want)
{
    const char *const got = cluster_access_authorization(kit->access);
    if (want) {
        assert_non_null(got);
        assert_string_equal(got, want);
    } else {
        assert_null(got);
    }
}

static void test_cluster_access_files_of_a_kubeconfig(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    make_pair(&kit, "ca.crt", "ca.key");
    make_pair(&kit, "a.crt", "a.key");
    kit_write(&kit.files, "token", "a.b-c\n");
    load_ok(&kit,
            "server: 'https://h:6443/x/', certificate-authority: ca.crt, tls-server-name: api, "
            "proxy-url: 'http://p:1'",
            "client-certificate: a.crt, client-key: a.key, tokenFile: token");
    const struct http_endpoint *const endpoint = cluster_access_endpoint(kit.access);
    assert_string_equal(endpoint->url, "https://h:6443/x");
    assert_string_equal(endpoint->tls_server_name, "api");
    assert_string_equal(endpoint->proxy_url, "http://p:1");
    assert_false(endpoint->insecure_skip_tls_verify);
    assert_is_file(&kit, endpoint->ca_pem, "ca.crt");
    assert_is_file(&kit, endpoint->client_certificate_pem, "a.crt");
    assert_is_file(&kit, endpoint->client_key_pem, "a.key");
    assert_authorization(&kit, "Authorization: Bearer a.b-c");
    assert_string_equal(cluster_access_source(kit.access), kit_path(&kit.files, "config").text);
    refresh_ok(&kit, false);
    access_kit_fini(&kit);
}

static void test_cluster_access_nothing_but_a_server(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    load_ok(&kit, "server: 'https://h', insecure-skip-tls-verify: true", "");
    const struct http_endpoint *const endpoint = cluster_access_endpoint(kit.access);
    assert_true(endpoint->insecure_skip_tls_verify);
    assert_null(endpoint->tls_server_name);
    assert_null(endpoint->proxy_url);
    assert_int_equal(endpoint->ca_pem.len + endpoint->client_certificate_pem.len +
                         endpoint->client_key_pem.len,
                     0);
    assert_authorization(&kit, NULL);
    refresh_ok(&kit, false);
    access_kit_fini(&kit);
}

#define UNVERIFIED "cluster.insecure-skip-tls-verify: "
#define WITHHELD   "cluster.server: "

static const struct {
    const char *name;
    const char *cluster;
    const char *user;
    const char *want[2];
} remark_rows[] = {
    { "verified", "server: 'https://h'", "token: " CANARY, { NULL } },
    { "not skipped", "server: 'https://h', insecure-skip-tls-verify: false", "", { NULL } },
    { "not verified", "server: 'https://h', insecure-skip-tls-verify: true", "", { UNVERIFIED } },
    { "not verified, and a token",
      "server: 'https://h', insecure-skip-tls-verify: true",
      "token: " CANARY,
      { UNVERIFIED } },
    { "without TLS there is nothing to verify, and no credential to keep back",
      "server: 'http://h', insecure-skip-tls-verify: true",
      "",
      { NULL } },
    { "a token without TLS", "server: 'http://h'", "token: " CANARY, { WITHHELD } },
    { "a password without TLS",
      "server: 'http://h', insecure-skip-tls-verify: true",
      "username: " CANARY ", password: " CANARY,
      { WITHHELD } },
};

struct remarks {
    const struct kit *kit;
    const char *const *want;
    unsigned count;
};

static void on_remark(void *ctx, const struct problem *problem)
{
    struct remarks *remarks = ctx;
    assert_true(remarks->count < COUNTOF(remark_rows[0].want));
    const char *const want = remarks->want[remarks->count++];
    assert_non_null(want);
    assert_int_equal(problem->status, ST_UNSAFE);
    assert_string_equal(problem->file, kit_path(&remarks->kit->files, "config").text);
    assert_true(span_starts_with(span_of(problem->text), span_of(want)));
    assert_null(strstr(problem->text, CANARY));
    assert_true(strlen(problem->text) + 1 < PROBLEM_TEXT_MAX); /* nothing was cut */
}

static void test_cluster_access_remark_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(remark_rows); i++) {
        struct kit kit;
        print_message("# %s\n", remark_rows[i].name);
        access_kit_init(&kit);
        load_ok(&kit, remark_rows[i].cluster, remark_rows[i].user);
        struct remarks remarks = { .kit = &kit, .want = remark_rows[i].want };
        cluster_access_remark(kit.access, on_remark, &remarks);
        assert_int_equal(remarks.count, remark_rows[i].want[0] != NULL);
        access_kit_fini(&kit);
    }
}

static void append_base64(struct buf *buf, const struct kit *kit, const char *name)
{
    struct buf content = read_back(kit, name);
    char text[8192];
    assert_true(sodium_base64_ENCODED_LEN(content.len, sodium_base64_VARIANT_ORIGINAL) <
                sizeof(text));
    (void)sodium_bin2base64(text, sizeof(text), (const unsigned char *)content.at, content.len,
                            sodium_base64_VARIANT_ORIGINAL);
    buf_append_text(buf, text);
    buf_fini(&content);
}

static void test_cluster_access_embedded_credentials(void **state)
{
    (void)state;
    struct kit kit;
    struct buf cluster = { 0 };
    struct buf user = { 0 };
    access_kit_init(&kit);
    make_pair(&kit, "a.crt", "a.key");
    buf_append_text(&cluster, "server: h, certificate-authority: gone, "
                              "certificate-authority-data: ");
    append_base64(&cluster, &kit, "a.crt");
    buf_append_char(&cluster, '\0');
    buf_append_text(&user, "client-certificate-data: ");
    append_base64(&user, &kit, "a.crt");
    buf_append_text(&user, ", client-key-data: ");
    append_base64(&user, &kit, "a.key");
    buf_append_text(&user, ", username: a, password: 'b:c'");
    buf_append_char(&user, '\0');
    assert_false(cluster.failed || user.failed);
    load_ok(&kit, cluster.at, user.at);
    const struct http_endpoint *const endpoint = cluster_access_endpoint(kit.access);
    assert_is_file(&kit, endpoint->ca_pem, "a.crt");
    assert_is_file(&kit, endpoint->client_certificate_pem, "a.crt");
    assert_is_file(&kit, endpoint->client_key_pem, "a.key");
    assert_authorization(&kit, "Authorization: Basic YTpiOmM="); /* RFC 7617 */
    refresh_ok(&kit, false);
    buf_fini(&cluster);
    buf_fini(&user);
    access_kit_fini(&kit);
}

/* As kubelet keeps them. */
static void test_cluster_access_certificate_and_key_in_one_file(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    make_pair(&kit, "a.crt", "a.key");
    struct buf both = read_back(&kit, "a.crt");
    struct buf key = read_back(&kit, "a.key");
    buf_append(&both, buf_span(&key));
    buf_append_char(&both, '\0');
    kit_write(&kit.files, "both.pem", both.at);
    load_ok(&kit, "server: h", "client-certificate: both.pem, client-key: both.pem");
    buf_fini(&both);
    buf_fini(&key);
    access_kit_fini(&kit);
}

/* The key of @from, behind a passphrase. */
static void lock_key(const struct kit *kit, const char *from, const char *to)
{
    struct buf pem = read_back(kit, from);
    const gnutls_datum_t datum = { .data = (unsigned char *)pem.at, .size = (unsigned)pem.len };
    gnutls_datum_t locked = { 0 };
    gnutls_x509_privkey_t key;
    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_privkey_import(key, &datum, GNUTLS_X509_FMT_PEM), 0);
    assert_int_equal(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, "TEST-ONLY",
                                                       GNUTLS_PKCS_PBES2_AES_128, &locked),
                     0);
    certificate_kit_write(kit_path(&kit->files, to).text, &locked);
    gnutls_x509_privkey_deinit(key);
    buf_fini(&pem);
}

/* The certificate of @from, said to be encrypted: RFC 1421 section 4.6.1.1. */
static void lock_certificate(const struct kit *kit, const char *from, const char *to)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
    struct buf pem = read_back(kit, from);
    struct buf locked = { 0 };
    assert_true(span_starts_with(buf_span(&pem), SPAN_LITERAL(begin)));
    buf_append_text(&locked, begin);
    buf_append_text(&locked, "Proc-Type: 4,ENCRYPTED\nDEK-Info: "
                             "AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n");
    buf_append(&locked, span_after(buf_span(&pem), strlen(begin)));
    buf_append_char(&locked, '\0');
    assert_false(locked.failed);
    kit_write(&kit->files, to, locked.at);
    buf_fini(&locked);
    buf_fini(&pem);
}

static const struct {
    const char *name;
    const char *cluster;
    const char *user;
    enum status want;
    const char *file; /* that the problem is about */
    const char *problem;
} pem_rows[] = {
    { "a CA", "certificate-authority: a.crt", "", ST_OK, NULL, NULL },
    { "two CAs", "certificate-authority: two.crt", "", ST_OK, NULL, NULL },
    { "a key for a CA", "certificate-authority: a.key", "", ST_INVALID, "a.key",
      "certificate-authority: expected PEM certificates of CAs" },
    { "no PEM for a CA", "certificate-authority: canary", "", ST_INVALID, "canary",
      "certificate-authority: expected PEM certificates of CAs" },
    { "an empty CA", "certificate-authority: empty", "", ST_INVALID, "empty",
      "certificate-authority: expected PEM certificates of CAs" },
    { "one CA that parses and one that does not", "certificate-authority: spoilt.crt", "",
      ST_INVALID, "spoilt.crt", "certificate-authority: expected PEM certificates of CAs" },
    { "a CA with a passphrase", "certificate-authority: locked.crt", "", ST_INVALID, "locked.crt",
      "certificate-authority: expected PEM certificates of CAs" },
    { "an embedded CA that is none", "certificate-authority-data: Zm9v", "", ST_INVALID, "config",
      "certificate-authority-data: expected PEM certificates of CAs" },
    { "no CA there", "certificate-authority: gone", "", ST_IO, "gone",
      "certificate-authority: cannot open: No such file or directory" },
    { "a directory for a CA", "certificate-authority: directory", "", ST_IO, "directory",
      "certificate-authority: expected a regular file" },
    { "a CA too large", "certificate-authority: large", "", ST_LIMIT, "large",
      "certificate-authority: expected at most 1048576 bytes, found 1048577" },
    { "a pair", "", "client-certificate: a.crt, client-key: a.key", ST_OK, NULL, NULL },
    { "a chain, leaf first", "", "client-certificate: two.crt, client-key: a.key", ST_OK, NULL,
      NULL },
    { "a chain, leaf last", "", "client-certificate: two.crt, client-key: b.key", ST_INVALID,
      "b.key", "client-key: expected the key of the client certificate, found another's" },
    { "another's key", "", "client-certificate: a.crt, client-key: b.key", ST_INVALID, "b.key",
      "client-key: expected the key of the client certificate, found another's" },
    { "no certificate", "", "client-certificate: a.key, client-key: a.key", ST_INVALID, "a.key",
      "client-certificate: expected a PEM certificate" },
    { "a pair that is swapped", "", "client-certificate: a.key, client-key: a.crt", ST_INVALID,
      "a.key", "client-certificate: certificate and key are swapped: this is the key" },
    { "no key", "", "client-certificate: a.crt, client-key: a.crt", ST_INVALID, "a.crt",
      "client-key: expected a PEM private key without a passphrase" },
    { "a key with a passphrase", "", "client-certificate: a.crt, client-key: locked.key",
      ST_INVALID, "locked.key", "client-key: expected a PEM private key without a passphrase" },
    { "an embedded key that is none", "", "client-certificate: a.crt, client-key-data: Zm9v",
      ST_INVALID, "config", "client-key-data: expected a PEM private key" },
    { "no key there", "", "client-certificate: a.crt, client-key: gone", ST_IO, "gone",
      "client-key: cannot open: No such file or directory" },
    { "without TLS no file is looked at", "server: 'http://h', certificate-authority: gone",
      "client-certificate: gone, client-key: gone, tokenFile: gone", ST_OK, NULL, NULL },
};

static void make_pem_files(const struct kit *kit)
{
    make_pair(kit, "a.crt", "a.key");
    make_pair(kit, "b.crt", "b.key");
    lock_key(kit, "a.key", "locked.key");
    lock_certificate(kit, "a.crt", "locked.crt");
    struct buf two = read_back(kit, "a.crt");
    struct buf second = read_back(kit, "b.crt");
    buf_append(&two, buf_span(&second));
    buf_append_char(&two, '\0');
    kit_write(&kit->files, "two.crt", two.at);
    two.at[two.len / 4 * 3] = '!';
    kit_write(&kit->files, "spoilt.crt", two.at);
    kit_write(&kit->files, "canary", CANARY);
    kit_write(&kit->files, "empty", "");
    kit_mkdir(&kit->files, "directory");
    kit_write(&kit->files, "large", "");
    assert_int_equal(truncate(kit_path(&kit->files, "large").text, (off_t)CREDENTIAL_MAX_BYTES + 1),
                     0);
    buf_fini(&two);
    buf_fini(&second);
}

/* What load() said about row @name. */
static void assert_outcome(struct kit *kit,
                           const char *name,
                           enum status got,
                           enum status want,
                           const char *file,
                           const char *problem)
{
    const bool is_as_wanted =
        got == want && (got != ST_OK) == !kit->access &&
        (got == ST_OK || (kit->problem.status == got &&
                          strcmp(kit->problem.file, kit_path(&kit->files, file).text) == 0 &&
                          (kit->problem.line > 0) == (strcmp(file, "config") == 0) &&
                          span_starts_with(span_of(kit->problem.text), span_of(problem)) &&
                          !strstr(kit->problem.text, CANARY)));
    if (!is_as_wanted) {
        fail_msg("%s: status %d, %s:%u: %s", name, (int)got, kit->problem.file, kit->problem.line,
                 kit->problem.text);
    }
    kit->access = cluster_access_free(kit->access);
    kit->problem = (struct problem){ 0 };
}

static void test_cluster_access_pem_rows(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    make_pem_files(&kit);
    for (size_t i = 0; i < COUNTOF(pem_rows); i++) {
        char cluster[128];
        const bool has_server = strstr(pem_rows[i].cluster, "server:");
        const int len = snprintf(cluster, sizeof(cluster), "%s%s", has_server ? "" : "server: h, ",
                                 pem_rows[i].cluster);
        assert_in_range(len, 1, sizeof(cluster) - 1);
        write_config(&kit, cluster, pem_rows[i].user);
        assert_outcome(&kit, pem_rows[i].name, load(&kit), pem_rows[i].want, pem_rows[i].file,
                       pem_rows[i].problem);
    }
    access_kit_fini(&kit);
}

#define BEARER    "Authorization: Bearer "
#define NOT_ASCII "tokenFile: expected a token of visible ASCII characters, without blanks"
#define NO_TOKEN  "tokenFile: expected a token, found nothing"

static const struct {
    const char *name;
    const char *content; /* of the token file */
    enum status want;
    const char *result; /* the header, or the problem */
} token_rows[] = {
    { "a token", "a.b-c_d~e+f/g=", ST_OK, BEARER "a.b-c_d~e+f/g=" },
    { "every visible character", "!\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~", ST_OK,
      BEARER "!\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~" },
    { "a line end", "a\n", ST_OK, BEARER "a" },
    { "white space around", " \t\r\n\v\fa \t\r\n\v\f", ST_OK, BEARER "a" },
    { "nothing", "", ST_INVALID, NO_TOKEN },
    { "nothing but white space", " \n\t", ST_INVALID, NO_TOKEN },
    { "a line end inside", CANARY "\nb", ST_INVALID, NOT_ASCII },
    { "a header", CANARY "\r\nX-Remote-User: b", ST_INVALID, NOT_ASCII },
    { "a blank inside", CANARY " b", ST_INVALID, NOT_ASCII },
    { "a control character", CANARY "\x01", ST_INVALID, NOT_ASCII },
    { "DEL", CANARY "\x7f", ST_INVALID, NOT_ASCII },
    { "what is no ASCII", CANARY "\xc3\xa4", ST_INVALID, NOT_ASCII },
};

static void test_cluster_access_token_rows(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    write_config(&kit, "server: h", "tokenFile: token");
    for (size_t i = 0; i < COUNTOF(token_rows); i++) {
        kit_write(&kit.files, "token", token_rows[i].content);
        const enum status status = load(&kit);
        if (status == ST_OK && token_rows[i].want == ST_OK) {
            assert_authorization(&kit, token_rows[i].result);
        }
        assert_outcome(&kit, token_rows[i].name, status, token_rows[i].want, "token",
                       token_rows[i].result);
    }
    access_kit_fini(&kit);
}

static void test_cluster_access_token_with_nul_is_refused(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    write_config(&kit, "server: h", "tokenFile: token");
    const int fd = kit_open(&kit.files, "token");
    kit_append(fd, "a\0b", 3);
    assert_int_equal(close(fd), 0);
    assert_outcome(&kit, "NUL", load(&kit), ST_INVALID, "token", NOT_ASCII);
    access_kit_fini(&kit);
}

/* One byte more than the limit, in the file, in the kubeconfig, as a password. */
static void test_cluster_access_tokens_are_limited(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    for (size_t more = 0; more < 2; more++) {
        struct buf token = { 0 };
        struct buf user = { 0 };
        const enum status want = more == 0 ? ST_OK : ST_LIMIT;
        for (size_t i = 0; i < ACCESS_TOKEN_MAX_BYTES + more; i++) {
            buf_append_char(&token, 'a');
        }
        buf_append_char(&token, '\0');
        kit_write(&kit.files, "token", token.at);
        write_config(&kit, "server: h", "tokenFile: token");
        assert_outcome(&kit, "file", load(&kit), want, "token",
                       "tokenFile: expected at most 65536 bytes, found 65537");
        buf_printf(&user, "token: %s%c", token.at, '\0');
        write_config(&kit, "server: h", user.at);
        assert_outcome(&kit, "text", load(&kit), want, "config", "token: expected at most 64 KiB");
        buf_clear(&user);
        buf_printf(&user, "username: b, password: %s%c", token.at + 2, '\0');
        write_config(&kit, "server: h", user.at);
        assert_int_equal(load(&kit), want);
        assert_string_equal(kit.problem.text,
                            more == 0 ? "" : "username and password: expected at most 64 KiB");
        kit.access = cluster_access_free(kit.access);
        kit.problem = (struct problem){ 0 };
        buf_fini(&token);
        buf_fini(&user);
    }
    access_kit_fini(&kit);
}

static void test_cluster_access_embedded_token_rows(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    load_ok(&kit, "server: h", "token: a");
    assert_authorization(&kit, BEARER "a");
    kit.access = cluster_access_free(kit.access);
    write_config(&kit, "server: h", "token: " CANARY " b");
    assert_outcome(&kit, "a blank", load(&kit), ST_INVALID, "config",
                   "token: expected a token of visible ASCII characters, without blanks");
    access_kit_fini(&kit);
}

/* client-go: the embedded one stands in while the file has never been readable. */
static void test_cluster_access_token_file_wins_once_it_is_readable(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    load_ok(&kit, "server: h", "token: embedded, tokenFile: token");
    assert_authorization(&kit, BEARER "embedded");
    refresh_ok(&kit, false);
    kit_write(&kit.files, "token", "file\n");
    refresh_ok(&kit, true);
    assert_authorization(&kit, BEARER "file");
    kit_unlink(&kit.files, "token");
    refresh_fails(&kit, ST_IO, "token");
    assert_authorization(&kit, BEARER "file");
    kit_write(&kit.files, "token", "again\n");
    refresh_ok(&kit, true);
    assert_authorization(&kit, BEARER "again");
    access_kit_fini(&kit);
}

static void test_cluster_access_refresh_replaces_a_token(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    kit_write(&kit.files, "token", "a");
    load_ok(&kit, "server: h", "tokenFile: token");
    refresh_ok(&kit, false);
    kit_replace(&kit.files, "token", "a\n"); /* another file with the same token */
    refresh_ok(&kit, false);
    kit_replace(&kit.files, "token", "b");
    refresh_ok(&kit, true);
    assert_authorization(&kit, BEARER "b");
    kit_replace(&kit.files, "token", "");
    refresh_fails(&kit, ST_INVALID, "token");
    kit_replace(&kit.files, "token", CANARY "\nX: y");
    refresh_fails(&kit, ST_INVALID, "token");
    assert_null(strstr(kit.problem.text, CANARY));
    assert_authorization(&kit, BEARER "b");
    access_kit_fini(&kit);
}

/* All or nothing: a good token beside a pair that is half replaced waits for the other half. */
static void test_cluster_access_refresh_half_a_pair_changes_nothing(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    make_pair(&kit, "a.crt", "a.key");
    make_pair(&kit, "b.crt", "b.key");
    kit_write(&kit.files, "token", "a");
    load_ok(&kit, "server: h", "client-certificate: a.crt, client-key: a.key, tokenFile: token");
    struct buf before = read_back(&kit, "a.crt");
    kit_rename(&kit.files, "b.crt", "a.crt");
    kit_replace(&kit.files, "token", "b");
    refresh_fails(&kit, ST_INVALID, "a.key");
    assert_true(
        span_equal(cluster_access_endpoint(kit.access)->client_certificate_pem, buf_span(&before)));
    assert_authorization(&kit, BEARER "a");
    kit_rename(&kit.files, "b.key", "a.key");
    refresh_ok(&kit, true);
    assert_is_file(&kit, cluster_access_endpoint(kit.access)->client_certificate_pem, "a.crt");
    assert_is_file(&kit, cluster_access_endpoint(kit.access)->client_key_pem, "a.key");
    assert_authorization(&kit, BEARER "b");
    buf_fini(&before);
    access_kit_fini(&kit);
}

static void test_cluster_access_refresh_replaces_a_ca(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    make_pair(&kit, "ca.crt", "ca.key");
    make_pair(&kit, "b.crt", "b.key");
    load_ok(&kit, "server: h, certificate-authority: ca.crt", "");
    struct buf before = read_back(&kit, "ca.crt");
    kit_write(&kit.files, "ca.crt", "");
    refresh_fails(&kit, ST_INVALID, "ca.crt");
    assert_true(span_equal(cluster_access_endpoint(kit.access)->ca_pem, buf_span(&before)));
    kit_rename(&kit.files, "b.crt", "ca.crt");
    refresh_ok(&kit, true);
    assert_is_file(&kit, cluster_access_endpoint(kit.access)->ca_pem, "ca.crt");
    buf_fini(&before);
    access_kit_fini(&kit);
}

/* Whatever becomes of it: another server is another store. */
static void test_cluster_access_refresh_leaves_the_kubeconfig_alone(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    load_ok(&kit, "server: h", "token: a");
    write_config(&kit, "server: i", "token: b");
    refresh_ok(&kit, false);
    assert_string_equal(cluster_access_endpoint(kit.access)->url, "https://h");
    assert_authorization(&kit, BEARER "a");
    kit_unlink(&kit.files, "config");
    refresh_ok(&kit, false);
    access_kit_fini(&kit);
}

/* A projected volume: names link into ..data, which links to a directory that is never changed. */
static void test_cluster_access_pod_with_a_projected_volume(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    kit_mkdir(&kit.files, "..1");
    kit_mkdir(&kit.files, "..2");
    make_pair(&kit, "..1/ca.crt", "1.key");
    make_pair(&kit, "..2/ca.crt", "2.key");
    kit_write(&kit.files, "..1/token", "a");
    kit_write(&kit.files, "..2/token", "b");
    kit_symlink(&kit.files, "..1", "..data");
    kit_symlink(&kit.files, "..data/token", "token");
    kit_symlink(&kit.files, "..data/ca.crt", "ca.crt");
    assert_int_equal(
        cluster_access_in_pod(kit.files.directory, "10.96.0.1", "443", &kit.access, &kit.problem),
        ST_OK);
    assert_string_equal(cluster_access_endpoint(kit.access)->url, "https://10.96.0.1:443");
    assert_string_equal(cluster_access_source(kit.access), kit.files.directory);
    assert_is_file(&kit, cluster_access_endpoint(kit.access)->ca_pem, "..1/ca.crt");
    assert_authorization(&kit, BEARER "a");
    refresh_ok(&kit, false);
    kit_swap_link(&kit.files, "..2", "..data");
    refresh_ok(&kit, true);
    assert_is_file(&kit, cluster_access_endpoint(kit.access)->ca_pem, "..2/ca.crt");
    assert_authorization(&kit, BEARER "b");
    access_kit_fini(&kit);
}

static const struct {
    const char *name;
    const char *host;
    const char *port;
    enum status want;
    const char *url;
} pod_rows[] = {
    { "an IPv4 address", "10.96.0.1", "443", ST_OK, "https://10.96.0.1:443" },
    { "a name", "kubernetes.default.svc", "6443", ST_OK, "https://kubernetes.default.svc:6443" },
    { "an IPv6 address", "fd00::1", "443", ST_OK, "https://[fd00::1]:443" },
    { "an IPv6 address with brackets", "[fd00::1]", "443", ST_OK, "https://[fd00::1]:443" },
    { "neither", NULL, NULL, ST_NOT_FOUND, NULL },
    { "no host", NULL, "443", ST_NOT_FOUND, NULL },
    { "no port", "10.96.0.1", NULL, ST_NOT_FOUND, NULL },
    { "an empty host", "", "443", ST_NOT_FOUND, NULL },
    { "an empty port", "10.96.0.1", "", ST_NOT_FOUND, NULL },
    { "no address", "10.96.0.1 " CANARY, "443", ST_INVALID, NULL },
    { "a user name", CANARY "@10.96.0.1", "443", ST_INVALID, NULL },
    { "a path in the host", "10.96.0.1/" CANARY, "443", ST_INVALID, NULL },
    { "a URL for a host", "http://" CANARY, "443", ST_INVALID, NULL },
    { "a path in the port", "10.96.0.1", "443/" CANARY, ST_INVALID, NULL },
    { "no port number", "10.96.0.1", "https", ST_INVALID, NULL },
};

static void test_cluster_access_pod_rows(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    make_pair(&kit, "ca.crt", "ca.key");
    kit_write(&kit.files, "token", "a");
    for (size_t i = 0; i < COUNTOF(pod_rows); i++) {
        kit.problem = (struct problem){ 0 };
        const enum status status = cluster_access_in_pod(
            kit.files.directory, pod_rows[i].host, pod_rows[i].port, &kit.access, &kit.problem);
        if (status != pod_rows[i].want || kit.problem.status != status ||
            (status == ST_OK) != (kit.access != NULL) ||
            (status == ST_OK &&
             strcmp(cluster_access_endpoint(kit.access)->url, pod_rows[i].url) != 0) ||
            (status == ST_NOT_FOUND && !strstr(kit.problem.text, "this is no pod")) ||
            strstr(kit.problem.text, CANARY)) {
            fail_msg("%s: status %d: %s", pod_rows[i].name, (int)status, kit.problem.text);
        }
        kit.access = cluster_access_free(kit.access);
    }
    access_kit_fini(&kit);
}

/* client-go goes on without a CA; we do not trust the system's instead. */
static void test_cluster_access_pod_needs_token_and_ca(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    make_pair(&kit, "ca.crt", "ca.key");
    assert_int_equal(
        cluster_access_in_pod(kit.files.directory, "h", "1", &kit.access, &kit.problem), ST_IO);
    assert_string_equal(kit.problem.file, kit_path(&kit.files, "token").text);
    kit_write(&kit.files, "token", "a");
    kit_unlink(&kit.files, "ca.crt");
    assert_int_equal(
        cluster_access_in_pod(kit.files.directory, "h", "1", &kit.access, &kit.problem), ST_IO);
    assert_string_equal(kit.problem.file, kit_path(&kit.files, "ca.crt").text);
    assert_null(kit.access);
    access_kit_fini(&kit);
}

static void test_cluster_access_kubeconfig_cannot_be_read(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    static const char config[] = "config";
    assert_int_equal(load(&kit), ST_NOT_FOUND);
    assert_string_equal(kit.problem.file, kit_path(&kit.files, config).text);
    kit_mkdir(&kit.files, config);
    assert_int_equal(load(&kit), ST_UNSUPPORTED);
    assert_int_equal(rmdir(kit_path(&kit.files, config).text), 0);
    kit_write(&kit.files, config, "kind: Pod\n");
    assert_outcome(&kit, "another kind", load(&kit), ST_INVALID, config, "kind: expected Config");
    assert_int_equal(truncate(kit_path(&kit.files, config).text, (off_t)KUBECONFIG_MAX_BYTES + 1),
                     0);
    assert_int_equal(load(&kit), ST_LIMIT);
    assert_null(kit.access);
    access_kit_fini(&kit);
}

static void test_cluster_access_largest_kubeconfig(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    write_config(&kit, "server: h", "");
    struct buf text = read_back(&kit, "config");
    buf_append_char(&text, '#');
    while (text.len < KUBECONFIG_MAX_BYTES) {
        buf_append_char(&text, 'a');
    }
    buf_append_char(&text, '\0');
    kit_write(&kit.files, "config", text.at);
    assert_int_equal(load(&kit), ST_OK);
    buf_fini(&text);
    access_kit_fini(&kit);
}

/* Paths count from the kubeconfig, also when its own is relative. */
static void test_cluster_access_relative_kubeconfig(void **state)
{
    (void)state;
    struct kit kit;
    char before[PATH_MAX];
    static const char *const paths[] = { "config", "./config", "../etc/config" };
    access_kit_init(&kit);
    kit_mkdir(&kit.files, "etc");
    kit_write(&kit.files, "etc/token", "a");
    write_config(&kit, "server: h", "tokenFile: token");
    kit_rename(&kit.files, "config", "etc/config");
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(kit_path(&kit.files, "etc").text), 0);
    for (size_t i = 0; i < COUNTOF(paths); i++) {
        const enum status status =
            cluster_access_from_kubeconfig(paths[i], &kit.access, &kit.problem);
        if (status != ST_OK) {
            fail_msg("%s: %s: %s", paths[i], kit.problem.file, kit.problem.text);
        }
        assert_authorization(&kit, BEARER "a");
        kit.access = cluster_access_free(kit.access);
    }
    assert_int_equal(chdir(before), 0);
    access_kit_fini(&kit);
}

/* Only where the kernel grants leases can that be seen at all. */
static void test_cluster_access_refresh_waits_for_a_writer(void **state)
{
    (void)state;
    struct kit kit;
    access_kit_init(&kit);
    kit_write(&kit.files, "token", "a");
    load_ok(&kit, "server: h", "tokenFile: token");
    const int fd = kit_open(&kit.files, "token");
    kit_append(fd, "begun", 5);
    if (file_is_being_written(kit_path(&kit.files, "token").text)) {
        refresh_fails(&kit, ST_IO, "token");
        assert_string_equal(kit.problem.text, "tokenFile: the file is still being written");
        assert_authorization(&kit, BEARER "a");
    } else {
        print_message("# NOT TRIED: no leases here\n");
    }
    assert_int_equal(close(fd), 0);
    refresh_ok(&kit, true);
    assert_authorization(&kit, BEARER "begun");
    access_kit_fini(&kit);
}

static void test_cluster_access_free_of_null(void **state)
{
    (void)state;
    assert_null(cluster_access_free(NULL));
}

/* A file system that has all files, with the same content. */
static enum status read_token(void *ctx,
                              const char *path,
                              size_t max_bytes,
                              struct file_content *ret_content,
                              struct problem *reterr_problem)
{
    (void)ctx;
    (void)path;
    (void)max_bytes;
    char *const copy = strdup("abc\n");
    if (!copy) {
        problem_set(reterr_problem, ST_NOMEM, 0, 0, "no memory");
        return ST_NOMEM;
    }
    *ret_content = (struct file_content){ .at = copy, .len = 4 };
    return ST_OK;
}

static void test_cluster_access_every_allocation_may_fail(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    static const char *const users[] = { "tokenFile: t, token: c", "username: a, password: b" };
    const struct access_reader reader = { .read = read_token };
    for (size_t i = 0; i < COUNTOF(users); i++) {
        struct buf text = { 0 };
        buf_printf(&text,
                   "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
                   "clusters: [{name: c, cluster: {server: h}}]\nusers: [{name: u, user: {%s}}]\n",
                   users[i]);
        size_t nth = 1;
        bool reached;
        do {
            struct cluster_access *access = NULL;
            struct problem problem = { 0 };
            alloc_fail_arm(nth++);
            const enum status status =
                cluster_access_from_text(buf_span(&text), "s", "", &reader, &access, &problem);
            reached = alloc_fail_disarm();
            assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
            assert_int_equal(problem.status, status);
            assert_int_equal(access != NULL, !reached);
            (void)cluster_access_free(access);
        } while (reached);
        assert_true(nth > 20); /* or nothing was tried */
        buf_fini(&text);
    }
}

/* OpenSSL does not say of everything that memory was the reason, and does without some; but all is
 * replaced, or nothing. */
static void test_cluster_access_refresh_allocations_may_fail(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct kit kit;
    access_kit_init(&kit);
    make_pair(&kit, "a.crt", "a.key");
    kit_write(&kit.files, "token", "0");
    load_ok(&kit, "server: h, certificate-authority: a.crt",
            "client-certificate: a.crt, client-key: a.key, tokenFile: token");
    size_t nth = 1;
    bool reached;
    do {
        char before[64], token[32];
        bool changed = false;
        const int len =
            snprintf(before, sizeof(before), "%s", cluster_access_authorization(kit.access));
        assert_in_range(len, 1, sizeof(before) - 1);
        (void)snprintf(token, sizeof(token), "%zu", nth);
        kit_replace(&kit.files, "token", token);
        alloc_fail_arm(nth);
        nth += 17; /* of 5,000 */
        const enum status status = cluster_access_refresh(kit.access, &changed, &kit.problem);
        reached = alloc_fail_disarm();
        assert_true(status == ST_OK || status == ST_NOMEM || status == ST_INVALID);
        assert_true(status == ST_OK || reached);
        assert_int_equal(changed, status == ST_OK);
        const char *const after = cluster_access_authorization(kit.access);
        assert_string_equal(status == ST_OK ? after + strlen(BEARER) : after,
                            status == ST_OK ? token : before);
        assert_is_file(&kit, cluster_access_endpoint(kit.access)->client_key_pem, "a.key");
    } while (reached);
    assert_true(nth > 100); /* or nothing was tried */
    access_kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cluster_access_files_of_a_kubeconfig),
        cmocka_unit_test(test_cluster_access_nothing_but_a_server),
        cmocka_unit_test(test_cluster_access_remark_rows),
        cmocka_unit_test(test_cluster_access_embedded_credentials),
        cmocka_unit_test(test_cluster_access_certificate_and_key_in_one_file),
        cmocka_unit_test(test_cluster_access_pem_rows),
        cmocka_unit_test(test_cluster_access_token_rows),
        cmocka_unit_test(test_cluster_access_token_with_nul_is_refused),
        cmocka_unit_test(test_cluster_access_tokens_are_limited),
        cmocka_unit_test(test_cluster_access_embedded_token_rows),
        cmocka_unit_test(test_cluster_access_token_file_wins_once_it_is_readable),
        cmocka_unit_test(test_cluster_access_refresh_replaces_a_token),
        cmocka_unit_test(test_cluster_access_refresh_half_a_pair_changes_nothing),
        cmocka_unit_test(test_cluster_access_refresh_replaces_a_ca),
        cmocka_unit_test(test_cluster_access_refresh_leaves_the_kubeconfig_alone),
        cmocka_unit_test(test_cluster_access_pod_with_a_projected_volume),
        cmocka_unit_test(test_cluster_access_pod_rows),
        cmocka_unit_test(test_cluster_access_pod_needs_token_and_ca),
        cmocka_unit_test(test_cluster_access_kubeconfig_cannot_be_read),
        cmocka_unit_test(test_cluster_access_largest_kubeconfig),
        cmocka_unit_test(test_cluster_access_relative_kubeconfig),
        cmocka_unit_test(test_cluster_access_refresh_waits_for_a_writer),
        cmocka_unit_test(test_cluster_access_free_of_null),
        cmocka_unit_test(test_cluster_access_every_allocation_may_fail),
        cmocka_unit_test(test_cluster_access_refresh_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
