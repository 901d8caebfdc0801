/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in force for one API server, and their replacement.
 *
 * What a kubeconfig names, or a pod's ServiceAccount directory holds, is read as a whole, checked,
 * and only then put in the place of what was there. The files rotate under us (kubelet swaps a
 * symbolic link, cert-manager and kubeadm rename), so a moment in which certificate and key come
 * from different generations is normal: it is asked whether they belong together, and the old ones
 * stay until they do.
 *
 * Trusted to be the operator's, not to be well-formed: the files. A token goes into a header line,
 * so it may hold nothing but visible ASCII (RFC 6750 section 2.1 allows less); a CA bundle must
 * have a certificate and nothing that does not parse, since one without would trust nobody, and
 * none at all the whole system's.
 *
 * The kubeconfig itself is not read again: a new server or user is a new store.
 *
 * All bytes here may be secrets. They are wiped when they are replaced, and problems name files and
 * members only. Threads: one at a time.
 */
#include "kube/cluster_access.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/pem.h"
#include "kube/cluster_access_private.h"
#include "kube/kubeconfig.h"

_Static_assert(ACCESS_TOKEN_MAX_BYTES == 65536, "two texts below say 64 KiB");

/* What files hold: all that a refresh replaces. All-zero is none. */
struct material {
    struct file_content files[KUBECONFIG_CREDENTIALS_]; /* PEM; the token's stays empty */
    char *authorization;                                /* owns; NULL: none */
    bool is_token_from_file;
};

struct cluster_access {
    char *source; /* owns; for people */
    struct kubeconfig config;
    struct access_reader reader;
    struct material material;
    struct http_endpoint endpoint; /* borrows config and material */
};

static void free_text(char *text)
{
    if (text) {
        sodium_memzero(text, strlen(text));
        free(text);
    }
}

static void material_fini(struct material *material)
{
    for (size_t i = 0; i < COUNTOF(material->files); i++) {
        file_content_fini(&material->files[i]);
    }
    free_text(material->authorization);
    *material = (struct material){ 0 };
}

static struct span span_of_content(const struct file_content *content)
{
    return (struct span){ .at = content->at, .len = content->len };
}

static struct span pem_of(const struct cluster_access *access,
                          const struct material *material,
                          enum kubeconfig_credential credential)
{
    const struct kubeconfig_source *const source = &access->config.sources[credential];
    return span_of_content(source->data.at ? &source->data : &material->files[credential]);
}

static enum status no_memory(struct problem *problem)
{
    problem_set(problem, ST_NOMEM, 0, 0, "%s", status_text(ST_NOMEM));
    return ST_NOMEM;
}

/* Against the file that the credential was read from, or the place where it is embedded. */
static enum status refuse(const struct cluster_access *access,
                          enum status status,
                          enum kubeconfig_credential credential,
                          bool is_embedded,
                          const char *expected,
                          struct problem *problem)
{
    const struct kubeconfig_source *const source = &access->config.sources[credential];
    problem_set_file(problem, is_embedded ? access->source : source->path);
    problem_set(problem, status, is_embedded ? source->line : 0, is_embedded ? source->column : 0,
                "%s: %s", kubeconfig_member_name(credential, is_embedded), expected);
    return status;
}

static enum status refuse_pem(const struct cluster_access *access,
                              enum kubeconfig_credential credential,
                              const char *expected,
                              struct problem *problem)
{
    return refuse(access, ST_INVALID, credential, access->config.sources[credential].data.at,
                  expected, problem);
}

/* A file that is missing, or no file, is an error of input and output like others: "not found" is
 * kept for what a kubeconfig or an environment leaves out. */
static enum status load_file(const struct cluster_access *access,
                             enum kubeconfig_credential credential,
                             size_t max_bytes,
                             struct file_content *ret_content,
                             struct problem *reterr_problem)
{
    const char *const path = access->config.sources[credential].path;
    struct problem problem = { 0 };
    enum status status =
        access->reader.read(access->reader.ctx, path, max_bytes, ret_content, &problem);
    if (status == ST_OK) {
        return ST_OK;
    }
    if (status == ST_NOMEM) {
        return no_memory(reterr_problem);
    }
    status = status == ST_LIMIT ? ST_LIMIT : ST_IO;
    problem_set_file(reterr_problem, path);
    problem_set(reterr_problem, status, 0, 0, "%s: %s", kubeconfig_member_name(credential, false),
                problem.text);
    return status;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trim(struct span text)
{
    while (text.len > 0 && is_space(text.at[0])) {
        text = span_after(text, 1);
    }
    while (text.len > 0 && is_space(text.at[text.len - 1])) {
        text.len--;
    }
    return text;
}

static bool is_visible_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= ' ' || text.at[i] > '~') {
            return false;
        }
    }
    return true;
}

static enum status set_authorization(struct material *material,
                                     const char *scheme,
                                     struct span value,
                                     struct problem *reterr_problem)
{
    material->authorization = span_join(SPAN_LITERAL("Authorization: "), span_of(scheme), value);
    return material->authorization ? ST_OK : no_memory(reterr_problem);
}

static enum status use_token(const struct cluster_access *access,
                             struct span token,
                             bool is_embedded,
                             struct material *material,
                             struct problem *reterr_problem)
{
    if (token.len == 0) {
        return refuse(access, ST_INVALID, KUBECONFIG_TOKEN, is_embedded,
                      "expected a token, found nothing", reterr_problem);
    }
    if (token.len > ACCESS_TOKEN_MAX_BYTES) {
        return refuse(access, ST_LIMIT, KUBECONFIG_TOKEN, is_embedded, "expected at most 64 KiB",
                      reterr_problem);
    }
    if (!is_visible_ascii(token)) {
        return refuse(access, ST_INVALID, KUBECONFIG_TOKEN, is_embedded,
                      "expected a token of visible ASCII characters, without blanks",
                      reterr_problem);
    }
    return set_authorization(material, "Bearer ", token, reterr_problem);
}

static enum status load_token_file(const struct cluster_access *access,
                                   struct material *material,
                                   struct problem *reterr_problem)
{
    CLEANUP(file_content_fini) struct file_content content = { 0 };
    enum status status =
        load_file(access, KUBECONFIG_TOKEN, ACCESS_TOKEN_MAX_BYTES, &content, reterr_problem);
    if (status == ST_OK) {
        status =
            use_token(access, trim(span_of_content(&content)), false, material, reterr_problem);
    }
    material->is_token_from_file = status == ST_OK;
    return status;
}

/* client-go's order: the file's token, while it has never been readable the embedded one. Once the
 * file's has been in force the embedded one is older. */
static enum status load_token(const struct cluster_access *access,
                              struct material *material,
                              struct problem *reterr_problem)
{
    const struct kubeconfig_source *const source = &access->config.sources[KUBECONFIG_TOKEN];
    enum status status = ST_NOT_FOUND;
    if (source->path) {
        status = load_token_file(access, material, reterr_problem);
        if (status == ST_OK || status == ST_NOMEM || access->material.is_token_from_file) {
            return status;
        }
    }
    return source->data.at
               ? use_token(access, span_of_content(&source->data), true, material, reterr_problem)
               : status;
}

static enum status encode_basic(const struct cluster_access *access,
                                struct material *material,
                                struct problem *reterr_problem)
{
    const struct file_content *const basic = &access->config.basic;
    if (basic->len > ACCESS_TOKEN_MAX_BYTES) {
        problem_set_file(reterr_problem, access->source);
        problem_set(reterr_problem, ST_LIMIT, 0, 0,
                    "username and password: expected at most 64 KiB");
        return ST_LIMIT;
    }
    const size_t size = sodium_base64_ENCODED_LEN(basic->len, sodium_base64_VARIANT_ORIGINAL);
    char *const encoded = malloc(size);
    if (!encoded) {
        return no_memory(reterr_problem);
    }
    (void)sodium_bin2base64(encoded, size, (const unsigned char *)basic->at, basic->len,
                            sodium_base64_VARIANT_ORIGINAL); /* returns its first argument */
    const enum status status =
        set_authorization(material, "Basic ", span_of(encoded), reterr_problem);
    free_text(encoded);
    return status;
}

static enum status load_authorization(const struct cluster_access *access,
                                      struct material *material,
                                      struct problem *reterr_problem)
{
    const struct kubeconfig_source *const token = &access->config.sources[KUBECONFIG_TOKEN];
    if (token->path || token->data.at) {
        return load_token(access, material, reterr_problem);
    }
    return access->config.basic.at ? encode_basic(access, material, reterr_problem) : ST_OK;
}

static enum status check_ca(const struct cluster_access *access,
                            const struct material *material,
                            struct problem *reterr_problem)
{
    const enum status status = pem_check_certificates(pem_of(access, material, KUBECONFIG_CA));
    if (status == ST_NOMEM) {
        return no_memory(reterr_problem);
    }
    return status == ST_OK ? ST_OK
                           : refuse_pem(access, KUBECONFIG_CA, "expected PEM certificates of CAs",
                                        reterr_problem);
}

static enum status check_pair(const struct cluster_access *access,
                              const struct material *material,
                              struct problem *reterr_problem)
{
    static const struct {
        enum kubeconfig_credential credential;
        const char *expected;
    } faults[] = {
        [PEM_PAIR_SWAPPED] = { KUBECONFIG_CERTIFICATE,
                               "certificate and key are swapped: this is the key" },
        [PEM_PAIR_NO_CERTIFICATE] = { KUBECONFIG_CERTIFICATE, "expected a PEM certificate" },
        [PEM_PAIR_NO_KEY] = { KUBECONFIG_KEY, "expected a PEM private key without a passphrase" },
        [PEM_PAIR_MISMATCH] = { KUBECONFIG_KEY,
                                "expected the key of the client certificate, found another's" },
    };
    enum pem_pair_fault fault = PEM_PAIR_NO_CERTIFICATE; /* CREDENTIAL_MAX_BYTES are no ST_LIMIT */
    const enum status status = pem_check_pair(pem_of(access, material, KUBECONFIG_CERTIFICATE),
                                              pem_of(access, material, KUBECONFIG_KEY), &fault);
    if (status == ST_NOMEM) {
        return no_memory(reterr_problem);
    }
    return status == ST_OK ? ST_OK
                           : refuse_pem(access, faults[fault].credential, faults[fault].expected,
                                        reterr_problem);
}

static enum status load_pem(const struct cluster_access *access,
                            struct material *material,
                            struct problem *reterr_problem)
{
    static const enum kubeconfig_credential credentials[] = { KUBECONFIG_CA, KUBECONFIG_CERTIFICATE,
                                                              KUBECONFIG_KEY };
    enum status status = ST_OK;
    for (size_t i = 0; i < COUNTOF(credentials) && status == ST_OK; i++) {
        if (access->config.sources[credentials[i]].path) {
            status = load_file(access, credentials[i], CREDENTIAL_MAX_BYTES,
                               &material->files[credentials[i]], reterr_problem);
        }
    }
    if (status == ST_OK && pem_of(access, material, KUBECONFIG_CERTIFICATE).at) {
        status = check_pair(access, material, reterr_problem);
    }
    if (status == ST_OK && pem_of(access, material, KUBECONFIG_CA).at) {
        status = check_ca(access, material, reterr_problem);
    }
    return status;
}

static bool is_same_content(const struct file_content *a, const struct file_content *b)
{
    return a->len == b->len && (a->len == 0 || sodium_memcmp(a->at, b->at, a->len) == 0);
}

static bool is_same_text(const char *a, const char *b)
{
    const size_t len = a ? strlen(a) : 0;
    return len == (b ? strlen(b) : 0) && (len == 0 || sodium_memcmp(a, b, len) == 0);
}

static bool is_same_material(const struct material *a, const struct material *b)
{
    for (size_t i = 0; i < COUNTOF(a->files); i++) {
        if (!is_same_content(&a->files[i], &b->files[i])) {
            return false;
        }
    }
    return is_same_text(a->authorization, b->authorization);
}

static void point_endpoint(struct cluster_access *access)
{
    access->endpoint = (struct http_endpoint){
        .url = access->config.server,
        .tls_server_name = access->config.tls_server_name,
        .proxy_url = access->config.proxy_url,
        .ca_pem = pem_of(access, &access->material, KUBECONFIG_CA),
        .client_certificate_pem = pem_of(access, &access->material, KUBECONFIG_CERTIFICATE),
        .client_key_pem = pem_of(access, &access->material, KUBECONFIG_KEY),
        .insecure_skip_tls_verify = access->config.insecure_skip_tls_verify,
    };
}

enum status cluster_access_refresh(struct cluster_access *access,
                                   bool *ret_changed,
                                   struct problem *reterr_problem)
{
    CLEANUP(material_fini) struct material fresh = { 0 };
    struct problem problem = { 0 };
    enum status status = load_pem(access, &fresh, &problem);
    if (status == ST_OK) {
        status = load_authorization(access, &fresh, &problem);
    }
    if (status != ST_OK) {
        *reterr_problem = problem;
        return status;
    }
    *ret_changed = !is_same_material(&access->material, &fresh);
    material_fini(&access->material);
    access->material = fresh;
    fresh = (struct material){ 0 };
    point_endpoint(access);
    return ST_OK;
}

/* Takes @config, also when it fails. */
static enum status new_access(struct kubeconfig *config,
                              const char *source,
                              const struct access_reader *reader,
                              struct cluster_access **ret_access,
                              struct problem *reterr_problem)
{
    struct cluster_access *const access = calloc(1, sizeof(*access));
    char *const source_copy = strdup(source);
    if (!access || !source_copy) {
        kubeconfig_fini(config);
        free(access);
        free(source_copy);
        return no_memory(reterr_problem);
    }
    access->source = source_copy;
    access->config = *config;
    *config = (struct kubeconfig){ 0 };
    access->reader = *reader;
    bool changed;
    const enum status status = cluster_access_refresh(access, &changed, reterr_problem);
    if (status == ST_OK) {
        *ret_access = access;
    } else {
        (void)cluster_access_free(access); /* always NULL */
    }
    return status;
}

enum status cluster_access_from_text(struct span text,
                                     const char *source,
                                     const char *directory,
                                     const struct access_reader *reader,
                                     struct cluster_access **ret_access,
                                     struct problem *reterr_problem)
{
    CLEANUP(kubeconfig_fini) struct kubeconfig config = { 0 };
    struct problem problem = { 0 };
    const enum status status = kubeconfig_parse(text, directory, &config, &problem);
    if (status != ST_OK) {
        *reterr_problem = problem;
        problem_set_file(reterr_problem, source);
        return status;
    }
    return new_access(&config, source, reader, ret_access, reterr_problem);
}

static enum status read_whole(void *ctx,
                              const char *path,
                              size_t max_bytes,
                              struct file_content *ret_content,
                              struct problem *reterr_problem)
{
    (void)ctx;
    return file_read_published(path, max_bytes, ret_content, reterr_problem);
}

static const struct access_reader file_reader = { .read = read_whole };

enum status cluster_access_from_kubeconfig(const char *path,
                                           struct cluster_access **ret_access,
                                           struct problem *reterr_problem)
{
    CLEANUP(file_content_fini) struct file_content text = { 0 };
    struct problem problem = { 0 };
    enum status status = read_whole(NULL, path, KUBECONFIG_MAX_BYTES, &text, &problem);
    if (status != ST_OK) {
        *reterr_problem = problem;
        problem_set_file(reterr_problem, path);
        return status;
    }
    const char *const slash = strrchr(path, '/');
    const size_t len = slash > path ? (size_t)(slash - path) : slash == path; /* "/" itself */
    char *const directory = span_copy((struct span){ .at = path, .len = len });
    if (!directory) {
        return no_memory(reterr_problem);
    }
    status = cluster_access_from_text(span_of_content(&text), path, directory, &file_reader,
                                      ret_access, reterr_problem);
    free(directory);
    return status;
}

/* As they stand in the environment. A host that brings a scheme along has a colon, so it comes to
 * stand in brackets; and a path is refused where there is no scheme. */
static enum status make_pod_url(struct span host, struct span port, char **ret_url)
{
    const bool needs_brackets = memchr(host.at, ':', host.len) && host.at[0] != '[';
    char *const authority =
        needs_brackets ? span_join(SPAN_LITERAL("["), host, SPAN_LITERAL("]")) : span_copy(host);
    char *const text = authority ? span_join(span_of(authority), SPAN_LITERAL(":"), port) : NULL;
    const enum status status = text ? kubeconfig_server_url(text, ret_url) : ST_NOMEM;
    free(authority);
    free(text);
    return status;
}

static enum status make_pod_config(const char *directory,
                                   const char *host,
                                   const char *port,
                                   struct kubeconfig *config)
{
    char **const ca = &config->sources[KUBECONFIG_CA].path;
    char **const token = &config->sources[KUBECONFIG_TOKEN].path;
    *ca = span_join(span_of(directory), SPAN_LITERAL("/ca.crt"), (struct span){ 0 });
    *token = span_join(span_of(directory), SPAN_LITERAL("/token"), (struct span){ 0 });
    return *ca && *token ? make_pod_url(span_of(host), span_of(port), &config->server) : ST_NOMEM;
}

enum status cluster_access_in_pod(const char *directory,
                                  const char *host,
                                  const char *port,
                                  struct cluster_access **ret_access,
                                  struct problem *reterr_problem)
{
    struct kubeconfig config = { 0 };
    const char *const source = directory ? directory : SERVICE_ACCOUNT_DIRECTORY;
    struct problem problem = { 0 };
    enum status status = ST_NOT_FOUND;
    if (!host || !host[0] || !port || !port[0]) {
        problem_set(&problem, status, 0, 0,
                    "this is no pod: expected KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT "
                    "to be set");
        *reterr_problem = problem;
        return status;
    }
    status = make_pod_config(source, host, port, &config);
    if (status == ST_OK) {
        return new_access(&config, source, &file_reader, ret_access, reterr_problem);
    }
    kubeconfig_fini(&config);
    problem_set(&problem, status, 0, 0, "%s",
                status == ST_INVALID ? "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: "
                                       "expected an address or name, and a port"
                                     : status_text(status));
    *reterr_problem = problem;
    return status;
}

struct cluster_access *cluster_access_free(struct cluster_access *access)
{
    if (access) {
        kubeconfig_fini(&access->config);
        material_fini(&access->material);
        free(access->source);
        free(access);
    }
    return NULL;
}

const struct http_endpoint *cluster_access_endpoint(const struct cluster_access *access)
{
    return &access->endpoint;
}

const char *cluster_access_authorization(const struct cluster_access *access)
{
    return access->material.authorization;
}

static void remark(const struct cluster_access *access,
                   problem_fn *fn,
                   void *ctx,
                   const char *member,
                   const char *what)
{
    struct problem problem = { 0 };
    problem_set_file(&problem, access->source);
    problem_set(&problem, ST_UNSAFE, 0, 0, "cluster.%s: %s", member, what);
    fn(ctx, &problem);
}

void cluster_access_remark(const struct cluster_access *access, problem_fn *fn, void *ctx)
{
    const bool has_tls = span_starts_with(span_of(access->config.server), SPAN_LITERAL("https:"));
    if (has_tls && access->config.insecure_skip_tls_verify) {
        remark(access, fn, ctx, "insecure-skip-tls-verify",
               "whoever stands between here and the API server can say who may log in, and is "
               "shown a token or password of the user");
    }
    if (access->config.withholds_credentials) {
        remark(access, fn, ctx, "server",
               "at http:// the credentials of the user are not sent, for they would travel in the "
               "clear; whoever stands between can say who may log in");
    }
}

const char *cluster_access_source(const struct cluster_access *access)
{
    return access->source;
}
