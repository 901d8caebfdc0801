/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to verify the signature of a token: by jose_key_verify(), by a prepared context of
 * OpenSSL that is copied each time, and by one that is initialised each time. Then two threads
 * under one key: CPU for each verification beside that of one thread, and calls of futex(2), which
 * must not grow with the verifications. Rounds alternate, the median of each counts.
 *
 * Usage: jws_bench [RS256 | ES256 | ES384 | ES512]...
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/compiler.h"
#include "jose/key_set.h"

#define ROUNDS        11
#define INPUT_BYTES   900 /* header and payload of a bound ServiceAccount token */
#define SIGNATURE_MAX 256
#define THREADS       2
#define ROUND_NS      50e6
#define FUTEX_CALLS   2000 /* verifications of each thread while they are counted */

struct bench {
    enum jws_algorithm algorithm;
    EVP_PKEY *pkey;
    EVP_MD_CTX *prepared;
    struct key_set *set;
    const struct jose_key *key;
    unsigned char input[INPUT_BYTES];
    unsigned char signature[SIGNATURE_MAX]; /* as OpenSSL has it */
    size_t signature_len;
    unsigned char halves[SIGNATURE_MAX]; /* as a JWS has it */
    size_t halves_len;
};

typedef void verify_fn(const struct bench *bench, EVP_MD_CTX *room);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void verify_ours(const struct bench *bench, EVP_MD_CTX *room)
{
    (void)room;
    require(jose_key_verify(bench->key, bench->algorithm,
                            (struct span){ (const char *)bench->input, INPUT_BYTES },
                            (struct span){ (const char *)bench->halves, bench->halves_len }) ==
            ST_OK);
}

static void verify_copied(const struct bench *bench, EVP_MD_CTX *room)
{
    require(EVP_MD_CTX_copy_ex(room, bench->prepared) == 1);
    require(EVP_DigestVerify(room, bench->signature, bench->signature_len, bench->input,
                             INPUT_BYTES) == 1);
}

static void verify_initialised(const struct bench *bench, EVP_MD_CTX *room)
{
    const char *const digest = jws_algorithm_traits(bench->algorithm)->digest;
    require(EVP_MD_CTX_reset(room) == 1);
    require(EVP_DigestVerifyInit_ex(room, NULL, digest, NULL, NULL, bench->pkey, NULL) == 1);
    require(EVP_DigestVerify(room, bench->signature, bench->signature_len, bench->input,
                             INPUT_BYTES) == 1);
}

static void sign(struct bench *bench)
{
    const struct jws_algorithm_traits *const traits = jws_algorithm_traits(bench->algorithm);
    const int half = (int)jws_key_traits(traits->kind)->field_len;
    EVP_MD_CTX *const ctx = EVP_MD_CTX_new();
    bench->signature_len = sizeof(bench->signature);
    require(EVP_DigestSignInit_ex(ctx, NULL, traits->digest, NULL, NULL, bench->pkey, NULL) == 1);
    require(EVP_DigestSign(ctx, bench->signature, &bench->signature_len, bench->input,
                           INPUT_BYTES) == 1);
    EVP_MD_CTX_free(ctx);
    if (half == 0) {
        memcpy(bench->halves, bench->signature, bench->signature_len);
        bench->halves_len = bench->signature_len;
        return;
    }
    const unsigned char *at = bench->signature;
    ECDSA_SIG *const pair = d2i_ECDSA_SIG(NULL, &at, (long)bench->signature_len);
    require(pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), bench->halves, half) == half &&
            BN_bn2binpad(ECDSA_SIG_get0_s(pair), bench->halves + half, half) == half);
    ECDSA_SIG_free(pair);
    bench->halves_len = 2 * (size_t)half;
}

static void read_key(struct bench *bench)
{
    struct problem problem;
    char *text = NULL;
    BIO *const bio = BIO_new(BIO_s_mem());
    require(bio && PEM_write_bio_PUBKEY(bio, bench->pkey) == 1);
    const long len = BIO_get_mem_data(bio, &text);
    require(key_set_from_pem((struct span){ text, (size_t)len }, NULL, NULL, &bench->set,
                             &problem) == ST_OK);
    (void)BIO_free(bio);
    bench->key = key_set_at(bench->set, 0);
}

static void make(struct bench *bench, enum jws_algorithm algorithm)
{
    const struct jws_algorithm_traits *const traits = jws_algorithm_traits(algorithm);
    *bench = (struct bench){ .algorithm = algorithm, .prepared = EVP_MD_CTX_new() };
    bench->pkey = traits->kind == JWS_KEY_RSA
                      ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                      : EVP_PKEY_Q_keygen(NULL, NULL, "EC", jws_key_traits(traits->kind)->openssl);
    require(bench->pkey && bench->prepared);
    memset(bench->input, 'x', INPUT_BYTES);
    require(EVP_DigestVerifyInit_ex(bench->prepared, NULL, traits->digest, NULL, NULL, bench->pkey,
                                    NULL) == 1);
    sign(bench);
    read_key(bench);
}

static void clear(struct bench *bench)
{
    EVP_MD_CTX_free(bench->prepared);
    EVP_PKEY_free(bench->pkey);
    (void)key_set_unref(bench->set);
}

/* One thread's share of a round. */
struct turn {
    const struct bench *bench;
    verify_fn *verify;
    size_t calls;
    double ns; /* of CPU for each */
};

static void *run_turn(void *arg)
{
    struct turn *const turn = arg;
    struct timespec start;
    struct timespec stop;
    EVP_MD_CTX *const room = EVP_MD_CTX_new();
    require(room);
    turn->verify(turn->bench, room);                      /* the first one is not counted */
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start); /* cannot fail for this clock */
    for (size_t i = 0; i < turn->calls; i++) {
        turn->verify(turn->bench, room);
    }
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &stop);
    EVP_MD_CTX_free(room);
    turn->ns =
        ((double)(stop.tv_sec - start.tv_sec) * 1e9 + (double)(stop.tv_nsec - start.tv_nsec)) /
        (double)turn->calls;
    return NULL;
}

/* Return: CPU for each verification, of all threads together */
static double run_round(const struct bench *bench, verify_fn *verify, size_t calls, size_t threads)
{
    struct turn turns[THREADS];
    pthread_t ids[THREADS];
    double sum = 0;
    for (size_t i = 0; i < threads; i++) {
        turns[i] = (struct turn){ .bench = bench, .verify = verify, .calls = calls };
        require(pthread_create(&ids[i], NULL, run_turn, &turns[i]) == 0);
    }
    for (size_t i = 0; i < threads; i++) {
        require(pthread_join(ids[i], NULL) == 0);
        sum += turns[i].ns;
    }
    return sum / (double)threads;
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

static void run_all(const struct bench *bench)
{
    static verify_fn *const ways[] = { verify_ours, verify_copied, verify_initialised };
    static const char *const names[] = { "jose_key_verify()", "a copied context",
                                         "initialised each time" };
    double ns[COUNTOF(ways)][THREADS][ROUNDS];
    const size_t calls = (size_t)(ROUND_NS / run_round(bench, verify_ours, 20, 1)) + 1;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t way = 0; way < COUNTOF(ways); way++) {
            for (size_t threads = 0; threads < THREADS; threads++) {
                ns[way][threads][round] = run_round(bench, ways[way], calls, threads + 1);
            }
        }
    }
    for (size_t way = 0; way < COUNTOF(ways); way++) {
        const double one = median(ns[way][0]);
        const double two = median(ns[way][1]);
        printf("%s  %-22s %8.2f us  two threads %8.2f us  ratio %.3f\n",
               jws_algorithm_traits(bench->algorithm)->name.at, names[way], one / 1e3, two / 1e3,
               two / one);
    }
}

/* Of one stop of a thread of the child. Return: whether it is at the beginning of a futex(2) */
static bool begins_futex(pid_t thread, int stop)
{
    struct __ptrace_syscall_info info = { 0 };
    return WIFSTOPPED(stop) && WSTOPSIG(stop) == (SIGTRAP | 0x80) &&
           ptrace(PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof(info), &info) > 0 &&
           info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_futex;
}

/* Calls of futex(2) while two threads verify @calls times each; -1 where nobody may trace. */
static long count_futexes(const struct bench *bench, size_t calls)
{
    long count = 0;
    int stop;
    pid_t thread;
    const pid_t child = fork();
    require(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0) {
            _exit(1);
        }
        (void)run_round(bench, verify_ours, calls, THREADS);
        _exit(0);
    }
    require(waitpid(child, &stop, 0) == child);
    if (!WIFSTOPPED(stop)) {
        return -1;
    }
    const unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    require(ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)options) == 0);
    (void)ptrace(PTRACE_SYSCALL, child, NULL, NULL);
    while ((thread = waitpid(-1, &stop, __WALL)) > 0) {
        count += begins_futex(thread, stop);
        if (WIFSTOPPED(stop)) {
            (void)ptrace(PTRACE_SYSCALL, thread, NULL, NULL); /* a thread may be gone by now */
        }
    }
    return count;
}

/* Return: whether @name is among @count @names; without any, it is */
static bool is_asked_for(struct span name, char *const *names, int count)
{
    bool is = count == 0;
    for (int i = 0; i < count; i++) {
        is |= span_equal(name, span_of(names[i]));
    }
    return is;
}

int main(int argc, char **argv)
{
    static const enum jws_algorithm algorithms[] = { JWS_RS256, JWS_ES256, JWS_ES384, JWS_ES512 };
    for (size_t i = 0; i < COUNTOF(algorithms); i++) {
        static struct bench bench;
        if (!is_asked_for(jws_algorithm_traits(algorithms[i])->name, argv + 1, argc - 1)) {
            continue;
        }
        make(&bench, algorithms[i]);
        run_all(&bench);
        const long few = count_futexes(&bench, FUTEX_CALLS);
        const long many = count_futexes(&bench, 4 * (size_t)FUTEX_CALLS);
        printf("%s  futex(2): %ld for %d verifications of each thread, %ld for %d\n",
               jws_algorithm_traits(bench.algorithm)->name.at, few, FUTEX_CALLS, many,
               4 * FUTEX_CALLS);
        clear(&bench);
    }
    return EXIT_SUCCESS;
}
