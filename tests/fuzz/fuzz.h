/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the fuzz targets share. Each defines LLVMFuzzerTestOneInput(): libFuzzer calls it with what
 * it makes up, replay_main.c with the files of a corpus. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Hold a property in every build, NDEBUG or not. */
#define FUZZ_REQUIRE(condition)                                                             \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            (void)fprintf(stderr, "%s:%d: violated: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                        \
        }                                                                                   \
    } while (0)

/** fuzz_copy() - a heap copy to be clobbered, without a byte to spare, so that AddressSanitizer
 * sees a read past the end. The caller frees it */
static inline char *fuzz_copy(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    FUZZ_REQUIRE(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}
