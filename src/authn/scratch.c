/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of memory with its length, which is wiped: what is decoded of a token is as secret as the
 * token. */
#include "authn/scratch.h"

#include <stddef.h>
#include <stdlib.h>

#include <sodium.h>

/* In front of what is handed out. */
struct header {
    _Alignas(max_align_t) size_t used;
};

enum status scratch_init(struct scratch *scratch, size_t len)
{
    *scratch = (struct scratch){ 0 };
    if (len > 0) {
        struct header *header = calloc(1, sizeof(*header) + len);
        if (!header) {
            return ST_NOMEM;
        }
        *scratch = (struct scratch){ .at = header + 1, .len = len, .used = &header->used };
    }
    return ST_OK;
}

void *scratch_use(const struct scratch *scratch, size_t len)
{
    if (scratch->used && *scratch->used < len) {
        *scratch->used = len;
    }
    return scratch->at;
}

void scratch_wipe(const struct scratch *scratch)
{
    if (scratch->used && *scratch->used > 0) {
        sodium_memzero(scratch->at, *scratch->used);
        *scratch->used = 0;
    }
}

void scratch_fini(struct scratch *scratch)
{
    scratch_wipe(scratch);
    free(scratch->at ? (struct header *)scratch->at - 1 : NULL);
    *scratch = (struct scratch){ 0 };
}
