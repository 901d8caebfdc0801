/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What OpenSSL says of a failure, as far as we ask: was it memory?
 *
 * Its texts are for its own developers, and may hold bytes of what it read; so they go nowhere.
 */
#include "base/openssl_errors.h"

#include <openssl/err.h>

enum status openssl_errors_drain(enum status otherwise)
{
    enum status status = otherwise;
    unsigned long error;
    while ((error = ERR_get_error()) != 0) {
        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
            status = ST_NOMEM;
        }
    }
    return status;
}
