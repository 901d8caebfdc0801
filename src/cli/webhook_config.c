/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-bearer webhook-config`: the kubeconfig with which kube-apiserver finds this server, and the
 * flags that make it look, as comments on top: what is printed can be redirected into a file as it
 * is.
 *
 * Texts are written as JSON strings, which YAML takes as they are, so that no path or URL can break
 * out of its place. Relative paths in a kubeconfig count from its own directory, which is not known
 * here, so paths are made absolute. With --embed-certs the client key passes through memory; the
 * buffers are allocated at full size and wiped. One thread.
 */
#include "cli/webhook_config.h"

#include <limits.h>
#include <stdlib.h>

#include <sodium.h>

#include "base/clock.h"
#include "cli/output.h"
#include "cli/process.h"
#include "cli/read_file.h"
#include "cli/webhook_remarks.h"

static const char command[] = "webhook-config";

#define PEM_MAX_BYTES 1048576 /* a bundle of all public CAs is 230 KiB */
#define FRAME_MAX     32768 /* what stands around the files: three paths, a URL, names, comments */

/* One file that the kubeconfig refers to. */
struct reference {
    const char *option; /* for complaints */
    const char *key;    /* in the kubeconfig */
    const char *path;   /* NULL: not given */
    struct buf content; /* base64, with --embed-certs; owns, wiped */
    char absolute[PATH_MAX];
};

enum { REFERENCE_CA = 0, REFERENCE_CERTIFICATE, REFERENCE_KEY, REFERENCE_COUNT };

struct references {
    struct reference items[REFERENCE_COUNT];
};

static void references_fini(struct references *references)
{
    for (size_t i = 0; i < REFERENCE_COUNT; i++) {
        read_file_wipe(&references->items[i].content);
    }
}

static enum status embed(struct reference *reference, struct problem *reterr_problem)
{
    CLEANUP(read_file_wipe) struct buf pem = { 0 };
    const enum status status = read_file(reference->absolute, PEM_MAX_BYTES, &pem, reterr_problem);
    if (status != ST_OK) {
        return status;
    }
    const size_t size = sodium_base64_ENCODED_LEN(pem.len, sodium_base64_VARIANT_ORIGINAL);
    if (!buf_reserve(&reference->content, size)) {
        return ST_NOMEM;
    }
    (void)sodium_bin2base64(reference->content.at, size, (const unsigned char *)pem.at, pem.len,
                            sodium_base64_VARIANT_ORIGINAL); /* returns its first argument */
    reference->content.len = size - 1;
    return ST_OK;
}

static enum status resolve(struct reference *reference, bool embeds, struct problem *reterr_problem)
{
    if (!reference->path) {
        return ST_OK;
    }
    struct problem problem = { 0 };
    enum status status = ST_OK;
    if (!realpath(reference->path, reference->absolute)) {
        status = ST_IO;
        problem_set(&problem, status, 0, 0, "cannot be found: %m");
    } else if (embeds) {
        status = embed(reference, &problem);
    }
    if (status != ST_OK) {
        problem_set_file(reterr_problem, reference->path);
        problem_set(reterr_problem, status, 0, 0, "%s: %s", reference->option,
                    problem.text[0] ? problem.text : status_text(status));
    }
    return status;
}

static void append_reference(struct buf *buf, const struct reference *reference)
{
    if (reference->content.at) {
        buf_printf(buf, "      %s-data: ", reference->key);
        buf_append(buf, buf_span(&reference->content));
        buf_append_char(buf, '\n');
    } else if (reference->path) {
        buf_printf(buf, "      %s: ", reference->key);
        buf_append_json_string(buf, span_of(reference->absolute));
        buf_append_char(buf, '\n');
    }
}

static void append_text(struct buf *buf, const char *key, const char *value)
{
    if (value) {
        buf_printf(buf, "      %s: ", key);
        buf_append_json_string(buf, span_of(value));
        buf_append_char(buf, '\n');
    }
}

static void build(struct buf *buf,
                  const struct options *options,
                  const struct references *references)
{
    const struct reference *items = references->items;
    buf_append_text(
        buf,
        "# Save this where kube-apiserver can read it, and start kube-apiserver with these flags.\n"
        "# The last one is how long it remembers an answer, yes or no; 2m0s is its default.\n"
        "#   --authentication-token-webhook-config-file=THIS_FILE\n"
        "#   --authentication-token-webhook-version=v1\n"
        "#   --authentication-token-webhook-cache-ttl=2m0s\n"
        "apiVersion: v1\n"
        "kind: Config\n"
        "clusters:\n"
        "  - name: kube-bearer\n"
        "    cluster:\n");
    append_text(buf, "server", options->server);
    append_text(buf, "tls-server-name", options->tls_server_name);
    append_reference(buf, &items[REFERENCE_CA]);
    buf_append_text(buf, "users:\n  - name: kube-apiserver\n");
    buf_append_text(buf, items[REFERENCE_CERTIFICATE].path ? "    user:\n" : "    user: {}\n");
    append_reference(buf, &items[REFERENCE_CERTIFICATE]);
    append_reference(buf, &items[REFERENCE_KEY]);
    buf_append_text(buf, "contexts:\n"
                         "  - name: kube-bearer\n"
                         "    context:\n"
                         "      cluster: kube-bearer\n"
                         "      user: kube-apiserver\n"
                         "current-context: kube-bearer\n");
}

static void on_remark(void *ctx, const struct problem *problem)
{
    (void)ctx;
    output_warn(command, problem);
}

int webhook_config_run(const struct options *options)
{
    CLEANUP(read_file_wipe) struct buf output = { 0 };
    CLEANUP(references_fini) struct references references = {
        .items = {
            [REFERENCE_CA] = { .option = "--certificate-authority",
                               .key = "certificate-authority",
                               .path = options->certificate_authority },
            [REFERENCE_CERTIFICATE] = { .option = "--client-certificate",
                                        .key = "client-certificate",
                                        .path = options->client_certificate },
            [REFERENCE_KEY] = { .option = "--client-key",
                                .key = "client-key",
                                .path = options->client_key },
        },
    };
    size_t size = FRAME_MAX;
    for (size_t i = 0; i < REFERENCE_COUNT; i++) {
        struct problem problem = { 0 };
        if (resolve(&references.items[i], options->embed_certs, &problem) != ST_OK) {
            output_complain(command, &problem);
            return EXIT_STATUS_FAILED;
        }
        size += references.items[i].content.len;
    }
    const struct clock clock = clock_system();
    struct problem problem = { 0 };
    if (webhook_remarks(options, clock_now(&clock).sec, on_remark, NULL, &problem) != ST_OK) {
        output_complain(command, &problem);
        return EXIT_STATUS_FAILED;
    }
    if (buf_reserve(&output, size)) { /* once: growing would leave the key behind */
        build(&output, options, &references);
    }
    return output_write(command, &output) ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
