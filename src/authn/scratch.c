/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of memory with its length, which is wiped: what is decoded of a token is as secret as the
 * token. */
#include "authn/scratch.h"

#include <stdlib.h>

#include <sodium.h>

enum status scratch_init(struct scratch *scratch, size_t len)
{
    *scratch = (struct scratch){ 0 };
    if (len > 0) {
        scratch->at = calloc(1, len);
        if (!scratch->at) {
            return ST_NOMEM;
        }
        scratch->len = len;
    }
    return ST_OK;
}

void scratch_wipe(const struct scratch *scratch)
{
    if (scratch->len > 0) {
        sodium_memzero(scratch->at, scratch->len);
    }
}

void scratch_fini(struct scratch *scratch)
{
    scratch_wipe(scratch);
    free(scratch->at);
    *scratch = (struct scratch){ 0 };
}
