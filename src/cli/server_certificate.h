/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A server's certificate beside the URL that it is asked at. */
#include <stdbool.h>
#include <stdint.h>

#include <gnutls/x509.h>

#include "base/compiler.h"
#include "base/problem.h"

/**
 * server_certificate_is_good() - would kube-apiserver take it for @host, as far as that does not
 * hang on the CA that it trusts?
 * @chain: the certificate and what came with it
 * Return: if not, @reterr_problem says the first reason, what kube-apiserver says, and the mend
 */
bool server_certificate_is_good(const gnutls_x509_crt_t *chain,
                                unsigned count,
                                const char *host,
                                int64_t now_sec,
                                struct problem *reterr_problem) NONNULL(1, 3, 5);

/** server_certificate_free() - what gnutls_x509_crt_list_import2() made */
void server_certificate_free(gnutls_x509_crt_t *chain, unsigned count);
