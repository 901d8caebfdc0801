/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubeconfigs, decoded as client-go's clientcmd decodes and validates them.
 *
 * The file is the operator's: trusted to name servers and files, not to be well-formed. It holds
 * secrets, so what is kept is wiped, and a problem names members and places, never values: not
 * even a context's name, which may be a token put into the wrong line.
 *
 * Only the current context, its cluster and its user are decoded; what else the file has, and
 * members unknown here, may be of any form. Where clientcmd would go on with something other than
 * what the file says, we refuse:
 * - a context, cluster or user that is not there (clientcmd: localhost:8080, or no credentials);
 * - a second document, which kubectl does not read;
 * - a client key without a certificate, a password without a user name (left out there);
 * - query and fragment of the server's URL (left out), and user names in it (sent as Basic);
 * - tokens with blanks, which the API server would cut there.
 * A server without a scheme is https here. For clientcmd it is http unless there is a CA or client
 * certificate, and then credentials are left out without a word. Embedded data wins over a file, as
 * the API's documentation has it; clientcmd refuses to see both.
 *
 * URLs are taken apart by libcurl, since it is libcurl that will use them.
 * Threads: none.
 */
#include "kube/kubeconfig.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <sodium.h>

#include "base/base64.h"
#include "document/document.h"
#include "kube/member.h"

#define SERVER_NAME_MAX 253 /* bytes of a DNS name */

/* One kind of named things: "clusters: [{name: …, cluster: {…}}]". */
struct listing {
    const char *key;
    const char *body;
    bool may_be_empty; /* the body: null or absent says no less than {} */
};

static const struct listing contexts = { "contexts", "context", false };
static const struct listing clusters = { "clusters", "cluster", false };
static const struct listing users = { "users", "user", true };

/* Not found (yet): everything in it is absent. */
static const struct member nobody = { .path = "", .key = "" };

struct decoder {
    struct problem *problem;  /* borrows */
    const char *directory;    /* borrows */
    struct kubeconfig config; /* owns */
    bool has_document;
};

const char *kubeconfig_member_name(enum kubeconfig_credential credential, bool is_embedded)
{
    static const char *const names[KUBECONFIG_CREDENTIALS_][2] = {
        [KUBECONFIG_CA] = { "certificate-authority", "certificate-authority-data" },
        [KUBECONFIG_CERTIFICATE] = { "client-certificate", "client-certificate-data" },
        [KUBECONFIG_KEY] = { "client-key", "client-key-data" },
        [KUBECONFIG_TOKEN] = { "tokenFile", "token" },
    };
    return names[credential][is_embedded];
}

static enum status no_memory(struct decoder *decoder)
{
    problem_set(decoder->problem, ST_NOMEM, 0, 0, "%s", status_text(ST_NOMEM));
    return ST_NOMEM;
}

static bool has_control_character(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* Absent, null and "" are the empty text. No member that is read as text has a use for control
 * characters, and in a header, a path or a URL they would do harm. */
static enum status read_text(struct decoder *decoder,
                             const struct member *member,
                             const char *expected,
                             struct span *ret_text)
{
    if (!member->node) {
        *ret_text = (struct span){ 0 };
        return ST_OK;
    }
    const enum status status = member_require(member, json_type_string, expected, decoder->problem);
    if (status != ST_OK) {
        return status;
    }
    const struct span text = member_text(member->node);
    if (has_control_character(text)) {
        return member_refuse(member, ST_INVALID, decoder->problem,
                             "expected %s without control characters", expected);
    }
    *ret_text = text;
    return ST_OK;
}

static enum status read_flag(struct decoder *decoder, const struct member *member, bool *ret_flag)
{
    if (!member->node) {
        *ret_flag = false;
        return ST_OK;
    }
    const enum status status =
        member_require(member, json_type_boolean, "true or false", decoder->problem);
    if (status == ST_OK) {
        *ret_flag = json_object_get_boolean(member->node);
    }
    return status;
}

static bool is_entry_named(struct span name, json_object *entry)
{
    return span_equal(name, member_text(json_object_object_get(entry, "name")));
}

/* The body of the entry that @reference names. */
static enum status find_entry(struct decoder *decoder,
                              const json_object *root,
                              const struct listing *listing,
                              const struct member *reference,
                              struct span name,
                              struct member *ret_body)
{
    const struct member list = member_of(root, "", listing->key);
    enum status status =
        list.node ? member_require(&list, json_type_array, "a list", decoder->problem) : ST_OK;
    bool is_found = false;
    const size_t count = list.node && status == ST_OK ? json_object_array_length(list.node) : 0;
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        const struct member entry = { list.node, "", listing->key,
                                      json_object_array_get_idx(list.node, i) };
        if (!entry.node) { /* for clientcmd a thing without a name */
            continue;
        }
        status = member_require(&entry, json_type_object, "objects with a name", decoder->problem);
        if (status != ST_OK) {
            return status;
        }
        const struct member entry_name = member_of(entry.node, listing->key, "name");
        if (entry_name.node) {
            status = member_require(&entry_name, json_type_string, "a string", decoder->problem);
        }
        if (status != ST_OK || !is_entry_named(name, entry.node)) {
            continue;
        }
        if (is_found) {
            return member_refuse(&entry_name, ST_INVALID, decoder->problem,
                                 "expected each name once");
        }
        is_found = true;
        *ret_body = member_of(entry.node, listing->key, listing->body);
        if (ret_body->node || !listing->may_be_empty) {
            status = member_require(ret_body, json_type_object, "an object", decoder->problem);
        }
    }
    if (status == ST_OK && !is_found) {
        status = member_refuse(reference, ST_NOT_FOUND, decoder->problem,
                               "expected the name of one of %s", listing->key);
    }
    return status;
}

static enum status copy_text(struct decoder *decoder, struct span text, char **ret_copy)
{
    *ret_copy = text.len > 0 ? span_copy(text) : NULL;
    return text.len > 0 && !*ret_copy ? no_memory(decoder) : ST_OK;
}

static enum status copy_content(struct decoder *decoder,
                                struct span text,
                                struct file_content *ret_content)
{
    char *const copy = span_copy(text);
    if (!copy) {
        return no_memory(decoder);
    }
    *ret_content = (struct file_content){ .at = copy, .len = text.len };
    return ST_OK;
}

static enum status read_path(struct decoder *decoder, const struct member *member, char **ret_path)
{
    struct span text = { 0 };
    const enum status status = read_text(decoder, member, "a path", &text);
    if (status != ST_OK || text.len == 0) {
        return status;
    }
    if (text.at[0] == '/' || decoder->directory[0] == '\0') {
        return copy_text(decoder, text, ret_path);
    }
    *ret_path = span_join(span_of(decoder->directory), SPAN_LITERAL("/"), text);
    return *ret_path ? ST_OK : no_memory(decoder);
}

static enum status read_data(struct decoder *decoder,
                             const struct member *member,
                             struct kubeconfig_source *source)
{
    const enum status status =
        member_require(member, json_type_string, "a base64 string", decoder->problem);
    if (status != ST_OK) {
        return status;
    }
    const struct span text = member_text(member->node);
    char *const data = malloc(base64_decoded_max(text.len));
    if (!data) {
        return no_memory(decoder);
    }
    size_t len;
    if (base64_decode(text, data, &len) != ST_OK) {
        sodium_memzero(data, base64_decoded_max(text.len));
        free(data);
        return member_refuse(member, ST_INVALID, decoder->problem,
                             "expected base64 with its padding, which character %zu is not part of",
                             len + 1);
    }
    source->data = (struct file_content){ .at = data, .len = len };
    document_position(member->node, &source->line, &source->column);
    if (len == 0) { /* "" is as good as absent */
        file_content_fini(&source->data);
    }
    return ST_OK;
}

/* `NAME-data` or `NAME`. */
static enum status read_source(struct decoder *decoder,
                               const struct member *body,
                               enum kubeconfig_credential credential)
{
    struct kubeconfig_source *const source = &decoder->config.sources[credential];
    const struct member data =
        member_of(body->node, body->key, kubeconfig_member_name(credential, true));
    if (data.node) {
        const enum status status = read_data(decoder, &data, source);
        if (status != ST_OK || source->data.at) {
            return status;
        }
    }
    const struct member path =
        member_of(body->node, body->key, kubeconfig_member_name(credential, false));
    document_position(path.node, &source->line, &source->column);
    return read_path(decoder, &path, &source->path);
}

static bool is_present(const struct kubeconfig_source *source)
{
    return source->data.at || source->path;
}

static bool starts_with_scheme(const char *text, const char *scheme)
{
    const size_t len = strlen(scheme);
    /* libcurl takes further slashes for none */
    return strncasecmp(text, scheme, len) == 0 && text[len] != '/';
}

/* Take @url apart; @ret_normal as libcurl writes it, for curl_free(). */
static enum status parse_url(const char *url, unsigned flags, char **ret_normal)
{
    CURLU *const parts = curl_url();
    CURLUcode code = parts ? curl_url_set(parts, CURLUPART_URL, url, flags) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OK) {
        code = curl_url_get(parts, CURLUPART_URL, ret_normal, 0);
    }
    curl_url_cleanup(parts);
    return code == CURLUE_OK ? ST_OK : code == CURLUE_OUT_OF_MEMORY ? ST_NOMEM : ST_INVALID;
}

/* @text with its scheme; clientcmd, too, takes no path without one. */
static enum status complete_url(const char *text, char **ret_url)
{
    if (starts_with_scheme(text, "https://") || starts_with_scheme(text, "http://")) {
        *ret_url = strdup(text);
    } else if (strchr(text, '/')) {
        return ST_INVALID;
    } else {
        *ret_url = span_join(SPAN_LITERAL("https://"), span_of(text), (struct span){ 0 });
    }
    return *ret_url ? ST_OK : ST_NOMEM;
}

enum status kubeconfig_server_url(const char *text, char **ret_url)
{
    char *complete = NULL;
    char *normal = NULL;
    if (strpbrk(text, "?#")) {
        return ST_INVALID;
    }
    enum status status = complete_url(text, &complete);
    if (status == ST_OK) {
        status = parse_url(complete, CURLU_DISALLOW_USER, &normal);
    }
    free(complete);
    if (status != ST_OK) {
        return status;
    }
    size_t len = strlen(normal);
    while (len > 0 && normal[len - 1] == '/') {
        len--;
    }
    char *const url = span_copy((struct span){ .at = normal, .len = len });
    curl_free(normal);
    if (!url) {
        return ST_NOMEM;
    }
    *ret_url = url;
    return ST_OK;
}

static enum status decode_server(struct decoder *decoder, const struct member *cluster)
{
    static const char expected[] =
        "expected https://host:port/prefix or host:port, without user name, query or fragment";
    const struct member server = member_of(cluster->node, cluster->key, "server");
    struct span text = { 0 };
    enum status status = read_text(decoder, &server, "a URL", &text);
    if (status != ST_OK) {
        return status;
    }
    status = text.len > 0 ? kubeconfig_server_url(text.at, &decoder->config.server) : ST_INVALID;
    if (status == ST_INVALID) {
        return member_refuse(&server, ST_INVALID, decoder->problem, "%s", expected);
    }
    return status == ST_OK ? ST_OK : no_memory(decoder);
}

static enum status decode_proxy(struct decoder *decoder, const struct member *cluster)
{
    const struct member proxy = member_of(cluster->node, cluster->key, "proxy-url");
    struct span text = { 0 };
    enum status status = read_text(decoder, &proxy, "a URL", &text);
    if (status != ST_OK || text.len == 0) {
        return status;
    }
    char *normal = NULL;
    status = starts_with_scheme(text.at, "http://") || starts_with_scheme(text.at, "https://") ||
                     starts_with_scheme(text.at, "socks5://")
                 ? parse_url(text.at, CURLU_NON_SUPPORT_SCHEME, &normal)
                 : ST_INVALID;
    if (normal) {
        sodium_memzero(normal, strlen(normal)); /* may hold a password */
        curl_free(normal);
    }
    if (status == ST_INVALID) {
        return member_refuse(&proxy, ST_INVALID, decoder->problem,
                             "expected http://host:port, https://host:port or socks5://host:port");
    }
    return status == ST_OK ? copy_text(decoder, text, &decoder->config.proxy_url)
                           : no_memory(decoder);
}

/* It goes where libcurl would have a host: a name or an address, nothing that could be more. */
static bool is_server_name(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '.' && c != '_' && c != ':') {
            return false;
        }
    }
    return text.len <= SERVER_NAME_MAX;
}

static enum status decode_cluster(struct decoder *decoder, const struct member *cluster)
{
    enum status status = decode_server(decoder, cluster);
    if (status == ST_OK) {
        status = decode_proxy(decoder, cluster);
    }
    if (status == ST_OK) {
        status = read_source(decoder, cluster, KUBECONFIG_CA);
    }
    if (status != ST_OK) {
        return status;
    }
    const struct member name = member_of(cluster->node, cluster->key, "tls-server-name");
    struct span text = { 0 };
    status = read_text(decoder, &name, "a host name", &text);
    if (status == ST_OK && !is_server_name(text)) {
        status = member_refuse(&name, ST_INVALID, decoder->problem, "expected a host name");
    }
    if (status == ST_OK) {
        status = copy_text(decoder, text, &decoder->config.tls_server_name);
    }
    if (status != ST_OK) {
        return status;
    }
    const struct member insecure =
        member_of(cluster->node, cluster->key, "insecure-skip-tls-verify");
    status = read_flag(decoder, &insecure, &decoder->config.insecure_skip_tls_verify);
    if (status == ST_OK && decoder->config.insecure_skip_tls_verify &&
        is_present(&decoder->config.sources[KUBECONFIG_CA])) {
        return member_refuse(&insecure, ST_INVALID, decoder->problem,
                             "expected no certificate-authority beside it: what is it for?");
    }
    return status;
}

/* null, "", [] and {} are as good as absent. */
static bool is_empty(const json_object *node)
{
    switch (json_object_get_type(node)) {
    case json_type_null:
        return true;
    case json_type_string:
        return json_object_get_string_len(node) == 0;
    case json_type_array:
        return json_object_array_length(node) == 0;
    case json_type_object:
        return json_object_object_length(node) == 0;
    case json_type_boolean:
    case json_type_double:
    case json_type_int:
        break;
    }
    return false;
}

static enum status refuse_unsupported(struct decoder *decoder, const struct member *user)
{
    static const struct {
        const char *key;
        const char *instead;
    } rows[] = {
        { "exec", "this program starts no other: use tokenFile or a client certificate" },
        { "auth-provider", "use tokenFile or a client certificate" },
        { "as", "use credentials of the user to act as" },
        { "as-uid", "use credentials of the user to act as" },
        { "as-groups", "use credentials of the user to act as" },
        { "as-user-extra", "use credentials of the user to act as" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct member member = member_of(user->node, user->key, rows[i].key);
        if (!is_empty(member.node)) {
            return member_refuse(&member, ST_UNSUPPORTED, decoder->problem, "not supported; %s",
                                 rows[i].instead);
        }
    }
    return ST_OK;
}

/* Certificate and key, which need each other. */
static enum status decode_pair(struct decoder *decoder, const struct member *user)
{
    enum status status = read_source(decoder, user, KUBECONFIG_CERTIFICATE);
    if (status == ST_OK) {
        status = read_source(decoder, user, KUBECONFIG_KEY);
    }
    if (status != ST_OK) {
        return status;
    }
    const bool has_certificate = is_present(&decoder->config.sources[KUBECONFIG_CERTIFICATE]);
    const bool has_key = is_present(&decoder->config.sources[KUBECONFIG_KEY]);
    if (has_certificate && !has_key) {
        const struct member missing = { user->node, user->key, "client-key", NULL };
        return member_refuse(&missing, ST_INVALID, decoder->problem,
                             "expected a key (or client-key-data) beside client-certificate");
    }
    if (has_key && !has_certificate) {
        const struct member missing = { user->node, user->key, "client-certificate", NULL };
        return member_refuse(
            &missing, ST_INVALID, decoder->problem,
            "expected a certificate (or client-certificate-data) beside client-key");
    }
    return ST_OK;
}

static enum status decode_token(struct decoder *decoder, const struct member *user)
{
    struct kubeconfig_source *const source = &decoder->config.sources[KUBECONFIG_TOKEN];
    const struct member token = member_of(user->node, user->key, "token");
    const struct member file = member_of(user->node, user->key, "tokenFile");
    struct span text = { 0 };
    enum status status = read_text(decoder, &token, "a token", &text);
    document_position(token.node, &source->line, &source->column);
    if (status == ST_OK && text.len > 0) {
        status = copy_content(decoder, text, &source->data);
    }
    return status == ST_OK ? read_path(decoder, &file, &source->path) : status;
}

/* RFC 7617: no colon in a user name. */
static enum status decode_basic(struct decoder *decoder, const struct member *user)
{
    const struct member username = member_of(user->node, user->key, "username");
    const struct member password = member_of(user->node, user->key, "password");
    struct span name = { 0 };
    struct span secret = { 0 };
    enum status status = read_text(decoder, &username, "a user name", &name);
    if (status == ST_OK) {
        status = read_text(decoder, &password, "a password", &secret);
    }
    if (status != ST_OK || (name.len == 0 && secret.len == 0)) {
        return status;
    }
    if (is_present(&decoder->config.sources[KUBECONFIG_TOKEN])) {
        return member_refuse(name.len > 0 ? &username : &password, ST_INVALID, decoder->problem,
                             "expected one way to authenticate, found a token, too");
    }
    if (name.len == 0 || memchr(name.at, ':', name.len)) {
        return member_refuse(&username, ST_INVALID, decoder->problem,
                             "expected a user name without `:`");
    }
    char *const basic = span_join(name, SPAN_LITERAL(":"), secret);
    if (!basic) {
        return no_memory(decoder);
    }
    decoder->config.basic = (struct file_content){ .at = basic, .len = strlen(basic) };
    return ST_OK;
}

static enum status decode_user(struct decoder *decoder, const struct member *user)
{
    enum status status = refuse_unsupported(decoder, user);
    if (status == ST_OK) {
        status = decode_pair(decoder, user);
    }
    if (status == ST_OK) {
        status = decode_token(decoder, user);
    }
    return status == ST_OK ? decode_basic(decoder, user) : status;
}

static enum status require_text(struct decoder *decoder,
                                const json_object *root,
                                const char *key,
                                struct span expected)
{
    const struct member member = member_of(root, "", key);
    struct span text = { 0 };
    const enum status status = read_text(decoder, &member, expected.at, &text);
    if (status == ST_OK && text.len > 0 && !span_equal(text, expected)) {
        return member_refuse(&member, ST_INVALID, decoder->problem, "expected %s", expected.at);
    }
    return status;
}

/* The body of what @reference names. */
static enum status follow(struct decoder *decoder,
                          const json_object *root,
                          const struct member *reference,
                          const struct listing *listing,
                          struct member *ret_body)
{
    struct span name = { 0 };
    const enum status status = read_text(decoder, reference, "a name", &name);
    if (status != ST_OK) {
        return status;
    }
    if (name.len == 0) {
        return member_refuse(reference, ST_INVALID, decoder->problem,
                             "expected the name of one of %s", listing->key);
    }
    return find_entry(decoder, root, listing, reference, name, ret_body);
}

static enum status decode_context(struct decoder *decoder, const json_object *root)
{
    const struct member current = member_of(root, "", "current-context");
    struct member context = nobody;
    enum status status = follow(decoder, root, &current, &contexts, &context);
    if (status != ST_OK) {
        return status;
    }
    const struct member cluster_name = member_of(context.node, context.key, "cluster");
    struct member cluster = nobody;
    status = follow(decoder, root, &cluster_name, &clusters, &cluster);
    if (status == ST_OK) {
        status = decode_cluster(decoder, &cluster);
    }
    const struct member user_name = member_of(context.node, context.key, "user");
    if (status != ST_OK || is_empty(user_name.node)) {
        return status;
    }
    struct member user = nobody;
    status = follow(decoder, root, &user_name, &users, &user);
    return status == ST_OK ? decode_user(decoder, &user) : status;
}

static void source_fini(struct kubeconfig_source *source)
{
    file_content_fini(&source->data);
    free(source->path);
    *source = (struct kubeconfig_source){ 0 };
}

static void drop_credentials(struct kubeconfig *config)
{
    for (size_t i = 0; i < COUNTOF(config->sources); i++) {
        source_fini(&config->sources[i]);
    }
    file_content_fini(&config->basic);
}

static bool has_user_credentials(const struct kubeconfig *config)
{
    return is_present(&config->sources[KUBECONFIG_CERTIFICATE]) ||
           is_present(&config->sources[KUBECONFIG_TOKEN]) || config->basic.at;
}

static enum status decode(void *ctx, json_object *root)
{
    struct decoder *const decoder = ctx;
    const struct member whole = { root, "", "kubeconfig", root };
    if (decoder->has_document) {
        return member_refuse(&whole, ST_INVALID, decoder->problem, "expected one document");
    }
    decoder->has_document = true;
    enum status status = member_require(&whole, json_type_object, "an object", decoder->problem);
    if (status == ST_OK) {
        status = require_text(decoder, root, "apiVersion", SPAN_LITERAL("v1"));
    }
    if (status == ST_OK) {
        status = require_text(decoder, root, "kind", SPAN_LITERAL("Config"));
    }
    if (status == ST_OK) {
        status = decode_context(decoder, root);
    }
    if (status == ST_OK && strncmp(decoder->config.server, "http:", 5) == 0) {
        decoder->config.withholds_credentials = has_user_credentials(&decoder->config);
        drop_credentials(&decoder->config);
    }
    return status;
}

enum status kubeconfig_parse(struct span text,
                             const char *directory,
                             struct kubeconfig *ret_config,
                             struct problem *reterr_problem)
{
    struct decoder decoder = { .problem = reterr_problem, .directory = directory };
    enum status status = document_parse(text, decode, &decoder, reterr_problem);
    if (status == ST_OK && !decoder.has_document) {
        status = ST_INVALID;
        problem_set(reterr_problem, status, 0, 0, "expected a kubeconfig, found nothing");
    }
    if (status == ST_OK) {
        *ret_config = decoder.config;
        return ST_OK;
    }
    kubeconfig_fini(&decoder.config);
    return status;
}

static void free_text(char *text)
{
    if (text) {
        sodium_memzero(text, strlen(text));
        free(text);
    }
}

void kubeconfig_fini(struct kubeconfig *config)
{
    drop_credentials(config);
    free_text(config->server);
    free_text(config->tls_server_name);
    free_text(config->proxy_url);
    *config = (struct kubeconfig){ 0 };
}
