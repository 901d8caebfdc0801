/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two tables behind ServiceAccount tokens cost: bytes of an object and of a cached token,
 * and time of a hit.
 *
 * Bytes are what the process has of its own memory (RssAnon) after minus before. A hit is what is
 * common to every answer from the cache: the digest of a token of 1,200 bytes, its entry, the
 * claims that it keeps, and the lookups of an account, a Pod and a Node. Tokens and objects are
 * asked for in random order; the fastest of some rounds counts. Then 100,000 tokens more come than
 * there is room for by default, each answered yes.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <urcu/urcu-bp.h>

#include "authn/jwt/object_index.h"
#include "authn/jwt/verified_tokens.h"
#include "base/digest.h"

#define TOKEN_BYTES 1200
#define KEPT_BYTES  750 /* struct service_account_claims, and texts of 450 bytes */
#define PODS        150000
#define TOKENS      100000
#define HITS        200000
#define ROUNDS      5
#define NAME_BYTES  64

struct bench {
    struct verified_tokens *tokens;
    struct object_index *index;
    char text[TOKEN_BYTES]; /* TEST-ONLY */
    uint64_t sum;           /* of what was read: keeps the compiler from leaving it out */
};

static void require(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "not so: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static double bytes_in_use(void)
{
    for (int i = 0; i < 3; i++) {
        urcu_bp_barrier(); /* what still waits for a grace period */
    }
    (void)malloc_trim(0);
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    size_t kib = 0;
    while (status && fgets(line, sizeof(line), status)) {
        (void)sscanf(line, "RssAnon: %zu kB", &kib);
    }
    if (status) {
        (void)fclose(status);
    }
    return (double)kib * 1024;
}

static double now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Without snprintf(), which would be a part of what a hit takes. */
static struct span name_of(uint64_t n, char text[static NAME_BYTES])
{
    char *end = stpcpy(text, "frontend-5d8f7c9b64-");
    for (int i = 0; i < 6; i++, n /= 10) {
        *end++ = (char)('0' + n % 10);
    }
    return (struct span){ .at = text, .len = (size_t)(end - text) };
}

static void add(struct bench *bench, const struct object_kind *kind, uint64_t n)
{
    char name[NAME_BYTES];
    char uid[NAME_BYTES];
    (void)snprintf(uid, sizeof(uid), "01234567-89ab-cdef-0123-%012llu", (unsigned long long)n);
    const struct object_meta meta = {
        .name = name_of(n, name),
        .namespace = kind->is_cluster_scoped ? (struct span){ 0 } : SPAN_LITERAL("production"),
        .uid = span_of(uid),
    };
    const struct store_event event = {
        .kind = kind,
        .namespace = meta.namespace,
        .name = meta.name,
        .meta = &meta,
    };
    object_index_handle_event(bench->index, OBJECT_FEED_METADATA, &event);
}

static struct span token_of(struct bench *bench, uint64_t n)
{
    memcpy(bench->text, &n, sizeof(n));
    return (struct span){ .at = bench->text, .len = sizeof(bench->text) };
}

static enum status put(struct bench *bench, uint64_t n)
{
    struct quick_digest digest;
    struct verified_token *token = verified_token_new(KEPT_BYTES);
    require(token != NULL, "there is memory");
    memset(verified_token_kept(token), 1, KEPT_BYTES);
    quick_digest_compute(verified_tokens_key(bench->tokens), token_of(bench, n), &digest);
    return verified_tokens_put(bench->tokens, &digest, token, true);
}

static void look_up(struct bench *bench, const struct object_kind *kind, uint64_t n)
{
    char name[NAME_BYTES];
    struct indexed_object object;
    require(
        object_index_find(bench->index, kind,
                          kind->is_cluster_scoped ? (struct span){ 0 } : SPAN_LITERAL("production"),
                          name_of(n, name), &object),
        "what was told is found");
    bench->sum += (uint64_t)object.uid.at[object.uid.len - 1];
}

/* The parts of a hit, each of which is left out in turn to see what it costs. */
struct parts {
    bool digest;
    bool find;
    bool objects;
};

static double time_hits(struct bench *bench, uint64_t tokens, uint64_t pods, struct parts parts)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t random = 1;
        const double start = now_ns();
        for (int i = 0; i < HITS; i++) {
            /* what was read decides about the next: a server's lookups do not overlap either */
            random = (random + bench->sum) * UINT64_C(6364136223846793005) + 1442695040888963407U;
            const uint64_t n = random >> 33;
            struct quick_digest digest = { { 0 } };
            urcu_bp_read_lock();
            if (parts.digest) {
                quick_digest_compute(verified_tokens_key(bench->tokens),
                                     token_of(bench, n % tokens), &digest);
                bench->sum += digest.bytes[0];
            }
            if (parts.find) {
                struct verified_token *token = verified_tokens_find(bench->tokens, &digest);
                require(token != NULL, "what was put is found");
                verified_token_was_accepted(token);
                const char *kept = verified_token_kept(token);
                for (size_t at = 0; at < KEPT_BYTES; at += 64) {
                    bench->sum += (uint64_t)kept[at];
                }
            }
            if (parts.objects) {
                look_up(bench, &kind_service_account, n % 1000);
                look_up(bench, &kind_pod, n % pods);
                look_up(bench, &kind_node, n % 1000);
            }
            urcu_bp_read_unlock();
        }
        const double ns = (now_ns() - start) / HITS;
        best = round == 0 || ns < best ? ns : best;
    }
    return best;
}

static void print_hits(struct bench *bench, uint64_t tokens, uint64_t pods)
{
    const double digest = time_hits(bench, tokens, pods, (struct parts){ .digest = true });
    const double find = time_hits(bench, tokens, pods, (struct parts){ true, true, false });
    const double all = time_hits(bench, tokens, pods, (struct parts){ true, true, true });
    (void)printf(
        "%7llu tokens, %6llu Pods: a hit %5.0f ns: the digest %.0f, the entry and its claims "
        "%.0f, three objects %.0f\n",
        (unsigned long long)tokens, (unsigned long long)pods, all, digest, find - digest,
        all - find);
}

static double time_digests(struct bench *bench, bool is_quick)
{
    struct digest_key *key = NULL;
    double best = 0;
    require(digest_key_new(&key) == ST_OK, "a key is made");
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now_ns();
        for (uint64_t n = 0; n < HITS; n++) {
            if (is_quick) {
                struct quick_digest digest;
                quick_digest_compute(verified_tokens_key(bench->tokens), token_of(bench, n),
                                     &digest);
                bench->sum += digest.bytes[0];
            } else {
                struct digest digest;
                digest_compute(key, token_of(bench, n), &digest);
                bench->sum += digest.bytes[0];
            }
        }
        const double ns = (now_ns() - start) / HITS;
        best = round == 0 || ns < best ? ns : best;
    }
    key = digest_key_free(key);
    return best;
}

static void make(struct bench *bench, size_t max_bytes)
{
    *bench = (struct bench){ .sum = 0 };
    memset(bench->text, 'x', sizeof(bench->text));
    require(verified_tokens_new(max_bytes, &bench->tokens) == ST_OK, "a cache is made");
    const struct object_index_options options = { .token_key = verified_tokens_key(bench->tokens) };
    require(object_index_new(&options, &bench->index) == ST_OK, "an index is made");
}

static void empty(struct bench *bench)
{
    bench->index = object_index_free(bench->index);
    bench->tokens = verified_tokens_free(bench->tokens);
}

static void fill(struct bench *bench, uint64_t tokens, uint64_t pods)
{
    for (uint64_t n = 0; n < 1000; n++) {
        add(bench, &kind_service_account, n);
        add(bench, &kind_node, n);
    }
    const double before = bytes_in_use();
    for (uint64_t n = 0; n < pods; n++) {
        add(bench, &kind_pod, n);
    }
    const double with_pods = bytes_in_use();
    for (uint64_t n = 0; n < tokens; n++) {
        require(put(bench, n) == ST_OK, "there is room");
    }
    const double with_tokens = bytes_in_use();
    (void)printf("%7llu Pods: %.1f bytes each; %llu tokens with %d bytes of claims: %.1f each\n",
                 (unsigned long long)pods, (with_pods - before) / (double)pods,
                 (unsigned long long)tokens, KEPT_BYTES,
                 (with_tokens - with_pods) / (double)tokens);
}

static void flood(void)
{
    struct bench bench;
    struct verified_tokens_stats stats;
    make(&bench, VERIFIED_TOKENS_DEFAULT_BYTES);
    const double before = bytes_in_use();
    uint64_t n = 0;
    do {
        (void)put(&bench, n++);
        verified_tokens_stats(bench.tokens, &stats);
    } while (stats.evicted == 0);
    const double full = bytes_in_use();
    const double start = now_ns();
    for (uint64_t i = 0; i < TOKENS; i++) {
        (void)put(&bench, n++);
    }
    const double ns = (now_ns() - start) / TOKENS;
    const double after = bytes_in_use();
    verified_tokens_stats(bench.tokens, &stats);
    (void)printf("bound %.0f MiB: full with %llu tokens at %.1f MiB; %d more: %.1f MiB, %.0f ns a "
                 "put, %llu found no place\n",
                 (double)VERIFIED_TOKENS_DEFAULT_BYTES / 1048576,
                 (unsigned long long)(n - TOKENS - 1), (full - before) / 1048576, TOKENS,
                 (after - before) / 1048576, ns, (unsigned long long)stats.refused);
    empty(&bench);
}

int main(void)
{
    struct bench bench;
    make(&bench, (size_t)256 << 20);
    (void)printf("a token of %d bytes: BLAKE2b %.0f ns, SipHash-2-4-128 %.0f\n", TOKEN_BYTES,
                 time_digests(&bench, false), time_digests(&bench, true));
    fill(&bench, 100, 1000);
    print_hits(&bench, 100, 1000);
    empty(&bench);
    make(&bench, (size_t)256 << 20);
    fill(&bench, TOKENS, PODS);
    print_hits(&bench, TOKENS, PODS);
    empty(&bench);
    flood();
    return EXIT_SUCCESS;
}
