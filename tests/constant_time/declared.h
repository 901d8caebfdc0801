/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the programs of this folder share: the modes, the marks that valgrind follows, and the one
 * place where the result of a comparison is declared public.
 *
 * A program is linked with --wrap of its comparison, and sends the library's calls through
 * declared_compare(). decide_taint.c says why.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <valgrind/memcheck.h>

enum declared_mode { MODE_NONE = 0, MODE_LIBRARY, MODE_MEMCMP, MODE_UNDECLARED };

struct declared_run {
    enum declared_mode mode;
    size_t comparisons;
    size_t undefined_results;
};

/* volatile: a compiler that knows it is memcmp of 32 bytes makes it branch-free, hence harmless */
static int (*const volatile ordinary_compare)(const void *, const void *, size_t) = memcmp;

/** declared_mode_of() - MODE_NONE for what is none of their names */
static inline enum declared_mode declared_mode_of(const char *name)
{
    return strcmp(name, "library") == 0      ? MODE_LIBRARY
           : strcmp(name, "memcmp") == 0     ? MODE_MEMCMP
           : strcmp(name, "undeclared") == 0 ? MODE_UNDECLARED
                                             : MODE_NONE;
}

/** declared_compare() - two digests of @len bytes, @a and @b, by @real or as the mode has it */
static inline bool declared_compare(struct declared_run *run,
                                    bool (*real)(const void *a, const void *b),
                                    const void *a,
                                    const void *b,
                                    size_t len)
{
    volatile bool equal = run->mode == MODE_MEMCMP ? ordinary_compare(a, b, len) == 0 : real(a, b);
    unsigned char undefined_bits = 0;
    (void)VALGRIND_GET_VBITS(&equal, &undefined_bits, 1);
    run->comparisons++;
    run->undefined_results += undefined_bits != 0;
    if (run->mode != MODE_UNDECLARED) {
        (void)VALGRIND_MAKE_MEM_DEFINED(&equal, sizeof(equal)); /* the one public bit */
    }
    return equal;
}

/** declared_undefined(), declared_defined() - taint_fn; @ctx of the first counts the pieces */
static inline void declared_undefined(void *ctx, const void *at, size_t len)
{
    size_t *pieces = ctx;
    (*pieces)++;
    (void)VALGRIND_MAKE_MEM_UNDEFINED(at, len);
}

static inline void declared_defined(void *ctx, const void *at, size_t len)
{
    (void)ctx; /* nothing to count */
    (void)VALGRIND_MAKE_MEM_DEFINED(at, len);
}
