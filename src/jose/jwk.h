/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A JSON Web Key (RFC 7517, RFC 7518 section 6): one that verifies signatures. */
#include "base/compiler.h"
#include "base/status.h"
#include "document/json_scan.h"
#include "jose/jose_key.h"

/**
 * jwk_read() - the value that comes next, as a key
 * @scan:            past the value afterwards; its text is clobbered
 * @ret_key:         one reference
 * @reterr_expected: static text for people, follows "expected "; when the key cannot be used
 *
 * Return: ST_OK; ST_NOT_FOUND: a key that is not for signatures (`use`, `key_ops`); ST_TYPE,
 * ST_DUPLICATE, ST_LIMIT, ST_UNSUPPORTED, ST_INVALID: it cannot be used; ST_NOMEM; ST_INTERNAL.
 * When the scan has failed, its error counts, and the text is no JSON. Members that are unknown,
 * and certificates (`x5c`), are not looked at. A private key is no key: it is known to whoever
 * could read this.
 */
enum status jwk_read(struct json_scan *scan,
                     struct jose_key **ret_key,
                     const char **reterr_expected) NODISCARD NONNULL(1, 2, 3);
