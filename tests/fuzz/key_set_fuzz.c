/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: key_set_from_jwks() with jwk_read(), and key_set_from_pem().
 *
 * Properties: a refusal says why and leaves no set; a set has a key, and no more of them than it
 * may with what was left out; each left out is told of once; each key is for some algorithm and for
 * none of another kind; the same text gives the same keys again.
 */
#include "fuzz.h"
#include "jose/key_set.h"

static void count_problem(void *ctx, const struct problem *problem)
{
    size_t *const count = ctx;
    FUZZ_REQUIRE(problem->status != ST_OK && problem->text[0] && problem->line > 0);
    FUZZ_REQUIRE(status_fault(problem->status) == FAULT_PEER);
    ++*count;
}

typedef enum status from_fn(struct span text,
                            problem_fn *on_problem,
                            void *ctx,
                            struct key_set **ret_set,
                            struct problem *reterr_problem);

static struct key_set *read_set(from_fn *from, struct span text)
{
    struct key_set *set = NULL;
    struct problem problem = { 0 };
    size_t told = 0;
    const enum status status = from(text, count_problem, &told, &set, &problem);
    FUZZ_REQUIRE((status == ST_OK) == (set != NULL));
    if (set) {
        FUZZ_REQUIRE(key_set_count(set) > 0 && key_set_skipped(set) == told);
        FUZZ_REQUIRE(key_set_count(set) + key_set_skipped(set) <= KEY_SET_MAX_KEYS);
    } else {
        FUZZ_REQUIRE(problem.status == status && problem.text[0]);
        FUZZ_REQUIRE(status_fault(status) == FAULT_PEER);
    }
    return set;
}

static void require_key(const struct jose_key *key)
{
    enum jws_key_kind kind = JWS_KEY_NONE;
    for (unsigned i = 0; i < JWS_ALGORITHM_COUNT_; i++) {
        const enum jws_algorithm algorithm = (enum jws_algorithm)i;
        if (jose_key_may_verify(key, algorithm)) {
            const enum jws_key_kind its = jws_algorithm_traits(algorithm)->kind;
            FUZZ_REQUIRE(kind == JWS_KEY_NONE || kind == its);
            kind = its;
            FUZZ_REQUIRE(jose_key_verify(key, algorithm, SPAN_LITERAL("a.b"), SPAN_LITERAL("c")) ==
                         ST_SIGNATURE_INVALID);
        }
    }
    FUZZ_REQUIRE(kind != JWS_KEY_NONE);
}

static void try_both_times(from_fn *from, struct span text)
{
    struct key_set *const set = read_set(from, text);
    struct key_set *const again = read_set(from, text);
    FUZZ_REQUIRE(!set == !again);
    for (size_t i = 0; set && i < key_set_count(set); i++) {
        require_key(key_set_at(set, i));
        FUZZ_REQUIRE(jose_key_is_same(key_set_at(set, i), key_set_at(again, i)));
    }
    (void)key_set_unref(set);
    (void)key_set_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const copy = fuzz_copy(data, size);
    const struct span text = { .at = copy, .len = size };
    try_both_times(key_set_from_jwks, text);
    try_both_times(key_set_from_pem, text);
    free(copy);
    return 0;
}
