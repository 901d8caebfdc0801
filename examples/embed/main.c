/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library in sixty lines: whose token is on standard input?
 *
 *     printf %s TOKEN | ./embed MANIFESTS_DIRECTORY [AUDIENCE...]
 *
 * Ends with 0 for yes, 1 for no, 2 for "not known" and for every other failure. The token comes by
 * standard input, because everybody on the machine can read a command line.
 */
#include <kube-bearer/kube-bearer.h>
#include <stdio.h>
#include <string.h>

static void on_problem(void *ctx, const char *text)
{
    (void)ctx; /* nothing was handed over */
    fprintf(stderr, "embed: %s\n", text);
}

static int print_verdict(const struct kube_bearer_verdict *verdict)
{
    switch (kube_bearer_verdict_result(verdict)) {
    case KUBE_BEARER_ALLOW:
        printf("yes: %s\n", kube_bearer_verdict_username(verdict));
        for (size_t i = 0; i < kube_bearer_verdict_group_count(verdict); i++) {
            printf("  group %s\n", kube_bearer_verdict_group(verdict, i));
        }
        for (size_t i = 0; i < kube_bearer_verdict_audience_count(verdict); i++) {
            printf("  audience %s\n", kube_bearer_verdict_audience(verdict, i));
        }
        return 0;
    case KUBE_BEARER_DENY:
        printf("no: %s\n", kube_bearer_verdict_reason_text(verdict));
        return 1;
    case KUBE_BEARER_ERROR:
        break;
    }
    printf("not known: %s\n", kube_bearer_verdict_reason_text(verdict));
    return 2;
}

int main(int argc, char **argv)
{
    static const char *const our_audiences[] = { "https://kubernetes.default.svc.cluster.local" };
    if (argc < 2) {
        fprintf(stderr, "usage: %s MANIFESTS_DIRECTORY [AUDIENCE...] < TOKEN\n", argv[0]);
        return 2;
    }
    char token[16384];
    const size_t token_len = fread(token, 1, sizeof(token), stdin);
    struct kube_bearer_options options = KUBE_BEARER_OPTIONS_INIT;
    options.manifests = argv[1];
    options.api_audiences = our_audiences;
    options.api_audience_count = 1;
    options.on_problem = on_problem;
    char error[KUBE_BEARER_ERROR_MAX];
    struct kube_bearer *bearer = kube_bearer_new(&options, error, sizeof(error));
    if (!bearer) {
        fprintf(stderr, "embed: %s\n", error);
        return 2;
    }
    (void)kube_bearer_wait_ready(bearer, 5000); /* a server would answer 503 until it is */
    struct kube_bearer_verdict *verdict = kube_bearer_authenticate(
        bearer, token, token_len, (const char *const *)argv + 2, (size_t)(argc - 2));
    const int code = print_verdict(verdict);
    kube_bearer_verdict_free(verdict);
    kube_bearer_free(bearer);
    return code;
}
