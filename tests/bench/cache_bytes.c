/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Secret costs in the credential cache: bytes, and time per decision as the cache grows.
 *
 * Prints one line for 100, for 20,000 and for 1,000,000 Secrets, and what the latter cost more, in
 * loads of this machine's memory as well. Bytes are what the process has of its own memory
 * (RssAnon, in pages) after all events minus before the first, so they count the table, group lists
 * and whatever malloc rounds up. Questions name token IDs in random order: the worst case for the
 * processor's caches.
 *
 * Usage: cache_bytes [SECRETS...]
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <urcu/urcu-bp.h>

#include "authn/authenticator.h"
#include "authn/bootstrap.h"
#include "dependent_load.h"
#include "support/secret_builder.h"

#define QUESTIONS        400000
#define ROUNDS           5 /* the fastest counts: the others met other programs */
#define MAX_SECRETS      2000000
#define ID_MULTIPLIER    UINT64_C(0x9e3779b97f4a7c15)
#define TOKEN_TEXT_BYTES 24

static size_t bytes_in_use(void)
{
    urcu_bp_barrier(); /* what still waits for a grace period */
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
    return kib * 1024;
}

/* TEST-ONLY tokens, one per number. */
static void make_token(uint64_t n, char text[static TOKEN_TEXT_BYTES])
{
    uint64_t id = n; /* distinct: 36^6 are two thousand million */
    for (size_t i = 0; i < 6; i++, id /= 36) {
        text[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[id % 36];
    }
    (void)snprintf(text + 6, TOKEN_TEXT_BYTES - 6, ".%016llx",
                   (unsigned long long)(n * ID_MULTIPLIER));
}

static void add(struct authenticator *authenticator, uint64_t n)
{
    char token[TOKEN_TEXT_BYTES];
    make_token(n, token);
    token[6] = '\0';
    struct test_secret test;
    test_secret_token(&test, token, token + 7);
    test_secret_set(&test, "expiration", "2109-11-10T23:00:00Z");
    test_secret_set(&test, "auth-extra-groups",
                    n % 2 ? "system:bootstrappers:kubeadm:default-node-token"
                          : "system:bootstrappers:workers,system:bootstrappers:zone-a");
    const struct store_event event = test_secret_event(&test, STORE_ADDED);
    authenticator_handle_event(authenticator, &event);
}

static double now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double ns_per_decision(const struct authenticator *authenticator, uint64_t secrets)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t random = 1;
        uint64_t allowed = 0;
        const double start = now_ns();
        for (int i = 0; i < QUESTIONS; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
            char token[TOKEN_TEXT_BYTES];
            make_token((random >> 33) % secrets, token);
            const struct question question = { .token = { .at = token, .len = 23 },
                                               .now = { .sec = 1748779200 } };
            struct decision decision;
            urcu_bp_read_lock();
            authenticator_decide(authenticator, &question, &decision);
            allowed += decision.result == DECISION_ALLOW;
            urcu_bp_read_unlock();
        }
        const double ns = (now_ns() - start) / QUESTIONS;
        if (allowed != QUESTIONS) {
            (void)fprintf(stderr, "only %llu of %d tokens were accepted\n",
                          (unsigned long long)allowed, QUESTIONS);
            exit(EXIT_FAILURE);
        }
        best = round == 0 || ns < best ? ns : best;
    }
    return best;
}

/* What the loop above costs without asking. */
static double ns_per_token_made(uint64_t secrets)
{
    uint64_t random = 1;
    unsigned sum = 0;
    const double start = now_ns();
    for (int i = 0; i < QUESTIONS; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        char token[TOKEN_TEXT_BYTES];
        make_token((random >> 33) % secrets, token);
        sum += (unsigned char)token[22];
    }
    const double ns = (now_ns() - start) / QUESTIONS;
    return sum > 0 ? ns : 0;
}

static double measure(uint64_t secrets)
{
    struct authenticator *authenticator = NULL;
    const struct token_family_choice bootstrap = { .ops = &bootstrap_ops };
    const struct authenticator_options options = { .families = &bootstrap, .family_count = 1 };
    if (authenticator_new(&options, &authenticator, NULL) != ST_OK) {
        (void)fprintf(stderr, "cannot make an authenticator\n");
        exit(EXIT_FAILURE);
    }
    const size_t empty = bytes_in_use();
    for (uint64_t n = 0; n < secrets; n++) {
        add(authenticator, n);
    }
    const size_t full = bytes_in_use();
    const double ns = ns_per_decision(authenticator, secrets) - ns_per_token_made(secrets);
    (void)printf("%8llu Secrets: %6.1f bytes each, %6.0f ns a decision\n",
                 (unsigned long long)secrets, ((double)full - (double)empty) / (double)secrets, ns);
    authenticator = authenticator_free(authenticator);
    return ns;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        for (int i = 1; i < argc; i++) {
            const uint64_t secrets = strtoull(argv[i], NULL, 10);
            if (secrets == 0 || secrets > MAX_SECRETS) {
                (void)fprintf(stderr, "usage: %s [SECRETS...], 1 to %d\n", argv[0], MAX_SECRETS);
                return EXIT_FAILURE;
            }
            (void)measure(secrets);
        }
        return EXIT_SUCCESS;
    }
    const double load_ns = dependent_load_ns();
    (void)printf("a dependent random load over 400 MB: %.0f ns\n", load_ns);
    const double few = measure(100);
    static const uint64_t more[] = { 20000, 1000000 };
    for (size_t i = 0; i < COUNTOF(more); i++) {
        const double ns = measure(more[i]);
        (void)printf("%llu against a hundred: %.2f times the time, %.0f ns more: %.1f loads\n",
                     (unsigned long long)more[i], ns / few, ns - few, (ns - few) / load_ns);
    }
    return EXIT_SUCCESS;
}
