/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What check-config cannot say of a certificate, since it does not know the URL: whether it covers
 * the host. libcurl's answer is not kube-apiserver's: it takes a common name. No state.
 */
#include "cli/server_certificate.h"

#include "server/tls/host.h"
#include "server/tls/judge.h"

bool server_certificate_is_good(const gnutls_x509_crt_t *chain,
                                unsigned count,
                                const char *host,
                                int64_t now_sec,
                                struct problem *reterr_problem)
{
    struct tls_chain_facts facts;
    struct tls_finding findings[TLS_FINDINGS_MAX];
    char says[TLS_HOST_SAYS_MAX];
    if (count == 0 || !tls_host_is_covered(chain[0], host, says)) {
        problem_set(reterr_problem, ST_INVALID, 0, 0,
                    "the certificate does not cover %.64s; kube-apiserver says \"%s\"", host,
                    count ? says : "EOF");
        return false;
    }
    tls_judge_read(chain, count, &facts);
    const size_t found = tls_judge(&facts, now_sec, findings);
    if (found > 0 && findings[0].is_certain) {
        tls_finding_tell(&findings[0], reterr_problem);
        return false;
    }
    return true;
}

void server_certificate_free(gnutls_x509_crt_t *chain, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        gnutls_x509_crt_deinit(chain[i]);
    }
    gnutls_free(chain);
}
