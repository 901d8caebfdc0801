/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Does a certificate cover a host, as clients written in Go see it? GnuTLS and OpenSSL are more
 * lenient: they fall back to the common name. Threads: any; nothing is kept. */
#include <stdbool.h>

#include <gnutls/x509.h>

#include "base/compiler.h"

#define TLS_HOST_SAYS_MAX 160 /* bytes with NUL; a list of names is cut */

/**
 * tls_host_is_covered() - would kube-apiserver take @certificate for @host?
 * @host:     of a URL: a DNS name, or an IP address, in brackets or not
 * @ret_says: what it says if not, cut; "" if it would. Names of the certificate stand in it
 *
 * Source: crypto/x509 VerifyHostname() and HostnameError of Go 1.26.
 */
bool tls_host_is_covered(gnutls_x509_crt_t certificate,
                         const char *host,
                         char ret_says[static TLS_HOST_SAYS_MAX]) NODISCARD NONNULL(2);
