/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Kubernetes' names for TLS versions and cipher suites, turned into a GnuTLS priority string. */
#include <stdbool.h>
#include <stddef.h>

#include <gnutls/gnutls.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"

enum tls_min_version { TLS_MIN_VERSION_12 = 0, TLS_MIN_VERSION_13 };

/** tls_cipher_suite_is_known() - is @name one that kube-apiserver's --tls-cipher-suites takes and
 * that is still safe? */
bool tls_cipher_suite_is_known(const char *name) NONNULL(1);

/** tls_cipher_suite_names() - all of them, comma-separated, for help and error texts; appended to
 * @buf */
void tls_cipher_suite_names(struct buf *buf) NONNULL(1);

/**
 * tls_priority_build() - GnuTLS priority string, NUL-terminated, appended to @buf
 * @suites: names out of tls_cipher_suite_is_known(), @count of them; none means the default list.
 * As in Go they choose among the suites of TLS 1.2; those of TLS 1.3 cannot be chosen and are
 * always on Return: ST_OK; ST_INVALID for an unknown name, with @reterr_problem; ST_NOMEM
 */
enum status tls_priority_build(struct buf *buf,
                               enum tls_min_version min_version,
                               const char *const *suites,
                               size_t count,
                               struct problem *reterr_problem) NODISCARD NONNULL(1);

/**
 * tls_cipher_suite_is_allowed() - may this finished handshake stand?
 *
 * GnuTLS chooses key exchange and cipher each by itself, so a priority string admits the product of
 * both lists; this check holds a TLS 1.2 session to the very suites that were named.
 */
bool tls_cipher_suite_is_allowed(gnutls_session_t session, const char *const *suites, size_t count);
