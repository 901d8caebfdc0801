/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: cluster_access_from_text(), with it kubeconfig_parse(), and cluster_access_refresh().
 *
 * No file is opened. What a path leads to is its own text, or a certificate, a key or nothing when
 * it ends in one of three letters: so the fuzzer writes the files, too.
 *
 * Properties: a refusal says why; what is accepted has a URL without blanks and control characters,
 * a header line that is one line, nothing to say who we are without TLS, no CA that is not
 * verified against, a key with each certificate; and is the same after a refresh.
 */
#include "fuzz.h"
#include "kube/cluster_access.h"
#include "kube/cluster_access_private.h"

/* TEST-ONLY */
static const char certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBbzCCARWgAwIBAgIUWk7l5ExzgO7EVxCBp+4nE2X7ba8wCgYIKoZIzj0EAwIw\n"
    "DDEKMAgGA1UEAwwBYTAgFw0yNjExMjUxNzM5NThaGA8yMTI2MTEwMTE3Mzk1OFow\n"
    "DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCDIWEwaulyx\n"
    "yrN4mA0KyEvH2+Iz/mBbwLvle42Dl021gF+NNiK3tqJfiGnSzoXGljjznPk2eqwS\n"
    "Bk7DLIXp+xOjUzBRMB0GA1UdDgQWBBSgEupcnsrF6iF8kkGZN9hYeVz9MTAfBgNV\n"
    "HSMEGDAWgBSgEupcnsrF6iF8kkGZN9hYeVz9MTAPBgNVHRMBAf8EBTADAQH/MAoG\n"
    "CCqGSM49BAMCA0gAMEUCIDau1J35pvcVVAvu41pEdtZsh1P7w5ZIgZTkp9356iKY\n"
    "AiEArpQM0p9fC65+Sons3/4kPf9siJxPJ9BKwfyKM3S6xBk=\n"
    "-----END CERTIFICATE-----\n";

/* TEST-ONLY */
static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8fGMXo5bo+ugXBbX\n"
                          "UwxFrlvzWDd/5UtI4uw5Dlo4NsShRANCAAQgyFhMGrpcscqzeJgNCshLx9viM/5g\n"
                          "W8C75XuNg5dNtYBfjTYit7aiX4hp0s6FxpY485z5NnqsEgZOwyyF6fsT\n"
                          "-----END PRIVATE KEY-----\n";

static struct span content_of(const char *path)
{
    switch (path[strlen(path) - 1]) {
    case 'c':
        return SPAN_LITERAL(certificate);
    case 'k':
        return SPAN_LITERAL(key);
    default:
        return span_of(path);
    }
}

static enum status read_name(void *ctx,
                             const char *path,
                             size_t max_bytes,
                             struct file_content *ret_content,
                             struct problem *reterr_problem)
{
    (void)ctx;
    FUZZ_REQUIRE(path[0]);
    const struct span content = content_of(path);
    if (path[strlen(path) - 1] == '!' || content.len > max_bytes) {
        problem_set(reterr_problem, ST_IO, 0, 0, "not there");
        return ST_IO;
    }
    char *const copy = span_copy(content);
    FUZZ_REQUIRE(copy != NULL);
    *ret_content = (struct file_content){ .at = copy, .len = content.len };
    return ST_OK;
}

static void require_visible(const char *text, char least)
{
    for (; *text; text++) {
        FUZZ_REQUIRE(*text >= least || (unsigned char)*text >= 0x80);
        FUZZ_REQUIRE(*text != 0x7f);
    }
}

static void require_authorization(const char *header)
{
    FUZZ_REQUIRE(span_starts_with(span_of(header), SPAN_LITERAL("Authorization: Bearer ")) ||
                 span_starts_with(span_of(header), SPAN_LITERAL("Authorization: Basic ")));
    FUZZ_REQUIRE(header[strlen(header) - 1] != ' ');
    for (; *header; header++) {
        FUZZ_REQUIRE(*header >= ' ' && *header <= '~');
    }
}

static void require_endpoint(const struct http_endpoint *endpoint)
{
    const struct span url = span_of(endpoint->url);
    FUZZ_REQUIRE(span_starts_with(url, SPAN_LITERAL("https://")) ||
                 span_starts_with(url, SPAN_LITERAL("http://")));
    FUZZ_REQUIRE(url.len > strlen("http://") && url.at[url.len - 1] != '/');
    require_visible(endpoint->url, '!');
    FUZZ_REQUIRE(!strpbrk(endpoint->url, "?#"));
    require_visible(endpoint->proxy_url ? endpoint->proxy_url : "", ' ');
    require_visible(endpoint->tls_server_name ? endpoint->tls_server_name : "", '!');
    FUZZ_REQUIRE(!endpoint->insecure_skip_tls_verify || endpoint->ca_pem.len == 0);
    FUZZ_REQUIRE((endpoint->client_certificate_pem.len > 0) == (endpoint->client_key_pem.len > 0));
}

static void require_access(struct cluster_access *access)
{
    const struct http_endpoint *const endpoint = cluster_access_endpoint(access);
    const char *const header = cluster_access_authorization(access);
    require_endpoint(endpoint);
    if (header) {
        require_authorization(header);
    }
    if (span_starts_with(span_of(endpoint->url), SPAN_LITERAL("http:"))) {
        FUZZ_REQUIRE(!header && endpoint->client_key_pem.len == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct access_reader reader = { .read = read_name };
    char *text = fuzz_copy(data, size);
    struct cluster_access *access = NULL;
    struct problem problem = { 0 };
    const enum status status = cluster_access_from_text(
        (struct span){ .at = text, .len = size }, "kubeconfig", "", &reader, &access, &problem);
    free(text);
    if (status == ST_OK) {
        bool changed = true;
        require_access(access);
        FUZZ_REQUIRE(cluster_access_refresh(access, &changed, &problem) == ST_OK && !changed);
        require_access(access);
    } else {
        FUZZ_REQUIRE(!access && problem.status == status && problem.text[0] && problem.file[0]);
    }
    (void)cluster_access_free(access);
    return 0;
}
