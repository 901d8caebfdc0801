/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to read a TokenReview and to answer it, and what json-c's tree of the same body
 * costs: the reason for document/json_scan. json-c gets the best case: its tokener is kept, nothing
 * is taken out of the tree. Rounds alternate, the median of each counts.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "kube/token_review.h"

#define ROUNDS           9
#define CALLS_PER_ROUND  100000
#define JWT_BYTES        1100 /* a bound ServiceAccount token with RS256 */
#define BODY_MAX_BYTES   4096
#define ANSWER_MAX_BYTES 4096

#define BODY(token)                                                                              \
    "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","                     \
    "\"metadata\":{\"creationTimestamp\":null},\"spec\":{\"token\":\"" token "\",\"audiences\":" \
    "[\"https://kubernetes.default.svc.cluster.local\",\"https://kubernetes.default.svc\","      \
    "\"https://issuer.example.com/cluster-0123456789\"]},\"status\":{\"user\":{}}}\n"

struct bench {
    char body[BODY_MAX_BYTES];
    size_t body_len;
    char work[BODY_MAX_BYTES]; /* parsing clobbers it */
    json_tokener *tokener;
    struct buf answer;
    uint64_t sum; /* of what was read: keeps the compiler from leaving it out */
};

static void parse_ours(struct bench *bench)
{
    struct token_review review;
    struct problem problem;
    memcpy(bench->work, bench->body, bench->body_len); /* counted: the price of working in place */
    if (token_review_parse(bench->work, bench->body_len, TOKEN_REVIEW_NO_DEFAULTS, &review,
                           &problem) != ST_OK) {
        abort();
    }
    bench->sum += review.token.len + review.audience_count;
}

static void parse_json_c(struct bench *bench)
{
    json_tokener_reset(bench->tokener);
    json_object *root = json_tokener_parse_ex(bench->tokener, bench->body, (int)bench->body_len);
    if (!root) {
        abort();
    }
    bench->sum += (uint64_t)json_object_object_length(root);
    json_object_put(root);
}

static void build_answer(struct bench *bench)
{
    static const struct audience_set granted = { { 1 } };
    static const struct span audience =
        SPAN_LITERAL("https://kubernetes.default.svc.cluster.local");
    const struct token_review_answer answer = {
        .authenticated = true,
        .user_head = SPAN_LITERAL("{\"username\":\"system:bootstrap:abcdef\",\"groups\":"),
        .user_tail = SPAN_LITERAL("[\"system:bootstrappers\"]}"),
        .audiences = &audience,
        .audience_count = 1,
        .granted = &granted,
    };
    buf_clear(&bench->answer);
    token_review_build(&bench->answer, TOKEN_REVIEW_V1, &answer);
    if (bench->answer.failed) {
        abort();
    }
    bench->sum += bench->answer.len;
}

static double time_round(struct bench *bench, void (*call)(struct bench *))
{
    struct timespec start;
    struct timespec stop;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start); /* cannot fail for this clock */
    for (int i = 0; i < CALLS_PER_ROUND; i++) {
        call(bench);
    }
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &stop);
    const double ns =
        (double)(stop.tv_sec - start.tv_sec) * 1e9 + (double)(stop.tv_nsec - start.tv_nsec);
    return ns / CALLS_PER_ROUND;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[static ROUNDS])
{
    qsort(values, ROUNDS, sizeof(values[0]), compare_doubles);
    return values[ROUNDS / 2];
}

static void run(struct bench *bench, const char *name)
{
    double ours[ROUNDS];
    double json_c[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        ours[i] = time_round(bench, parse_ours);
        json_c[i] = time_round(bench, parse_json_c);
    }
    const double a = median(ours);
    const double b = median(json_c);
    printf("%-28s %5zu bytes  json_scan %6.0f ns  json-c %6.0f ns  ratio %.1f\n", name,
           bench->body_len, a, b, b / a);
}

int main(void)
{
    static struct bench bench;
    bench.answer.max_len = ANSWER_MAX_BYTES;
    bench.tokener = json_tokener_new();
    if (!bench.tokener) {
        return EXIT_FAILURE;
    }
    bench.body_len =
        (size_t)snprintf(bench.body, sizeof(bench.body), "%s", BODY("abcdef.0123456789abcdef"));
    run(&bench, "parse, bootstrap token");

    char jwt[JWT_BYTES + 1] = { 0 };
    memset(jwt, 'x', JWT_BYTES);
    bench.body_len = (size_t)snprintf(bench.body, sizeof(bench.body), BODY("%s"), jwt);
    run(&bench, "parse, JWT");

    double build[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        build[i] = time_round(&bench, build_answer);
    }
    printf("%-28s %5zu bytes  %16.0f ns\n", "build, one audience", bench.answer.len, median(build));
    printf("(checksum %" PRIu64 ")\n", bench.sum);
    buf_fini(&bench.answer);
    json_tokener_free(bench.tokener);
    return EXIT_SUCCESS;
}
