/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a client certificate was refused, told to the operator and not to the client.
 *
 * A client that rotated too late, one with a serving certificate and a stranger got the same 401,
 * and the log the same line. The line here says whose certificate it was. What it says is the
 * peer's: escaped and cut by LOG_PEER, and held to a rate for each reason, so that a flood of one
 * hides no other.
 *
 * Threads: the worker's.
 */
#include "server/http/client_refusal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <gnutls/x509.h>
#include <microhttpd.h>

#include "base/rfc3339.h"

#define REFUSAL_FIELD_COUNT 10

static const char untrusted[] = "the client certificate is not trusted";

static const struct {
    const char *label;
    enum worker_counter counter;
    struct head_refusal refusal;
} rows[CLIENT_CERTIFICATE_COUNT_] = {
    [CLIENT_CERTIFICATE_MISSING] = { "missing",
                                     COUNT_CLIENT_CERT_MISSING,
                                     { .code = 401, .text = "a client certificate is required" } },
    [CLIENT_CERTIFICATE_UNTRUSTED] = { "untrusted",
                                       COUNT_CLIENT_CERT_UNTRUSTED,
                                       { .code = 401, .text = untrusted } },
    [CLIENT_CERTIFICATE_EXPIRED] = { "expired",
                                     COUNT_CLIENT_CERT_EXPIRED,
                                     { .code = 401, .text = untrusted } },
    [CLIENT_CERTIFICATE_NOT_YET_VALID] = { "not_yet_valid",
                                           COUNT_CLIENT_CERT_NOT_YET,
                                           { .code = 401, .text = untrusted } },
    [CLIENT_CERTIFICATE_WRONG_USAGE] = { "wrong_usage",
                                         COUNT_CLIENT_CERT_USAGE,
                                         { .code = 401, .text = untrusted } },
    [CLIENT_CERTIFICATE_NAME_REFUSED] = { "name",
                                          COUNT_CLIENT_CERT_NAME,
                                          { .code = 403,
                                            .text = "the client certificate's name is not one that "
                                                    "may ask" } },
};

const char *client_refusal_label(enum client_certificate why)
{
    return rows[why].label ? rows[why].label : "";
}

void client_refusal_address(const struct sockaddr *address,
                            char ret_text[static CLIENT_ADDRESS_MAX])
{
    char host[INET6_ADDRSTRLEN];
    ret_text[0] = '\0';
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        if (inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host))) {
            (void)snprintf(ret_text, CLIENT_ADDRESS_MAX, "%s:%u", host, ntohs(v4->sin_port));
        }
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        const bool is_v4 = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        if (inet_ntop(is_v4 ? AF_INET : AF_INET6, &v6->sin6_addr.s6_addr[is_v4 ? 12 : 0], host,
                      sizeof(host))) {
            (void)snprintf(ret_text, CLIENT_ADDRESS_MAX, "%s%s%s:%u", is_v4 ? "" : "[", host,
                           is_v4 ? "" : "]", ntohs(v6->sin6_port));
        }
    }
}

static void log_refusal(const struct connection *connection,
                        enum client_certificate why,
                        uint64_t dropped)
{
    struct client_certificate_facts facts;
    char address[CLIENT_ADDRESS_MAX] = "";
    char expires[RFC3339_MAX];
    gnutls_datum_t flaws = { 0 };
    tls_client_certificate_describe(connection->session, &facts);
    rfc3339_format((struct instant){ .sec = facts.not_after_sec }, expires);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info && info->client_addr) {
        client_refusal_address(info->client_addr, address);
    }
    if (connection->client_certificate.flaws) {
        (void)gnutls_certificate_verification_status_print(
            connection->client_certificate.flaws, GNUTLS_CRT_X509, &flaws, 0); /* or no text */
    }
    struct log_field fields[REFUSAL_FIELD_COUNT] = {
        LOG_TEXT("reason", client_refusal_label(why)), LOG_TEXT("client", address),
        LOG_PEER("subject", span_of(facts.subject)),   LOG_PEER("issuer", span_of(facts.issuer)),
        LOG_PEER("serial", span_of(facts.serial)),     LOG_TEXT("expires", expires),
    };
    size_t count = 6;
    if (flaws.data) {
        fields[count++] = LOG_TEXT("problem", (const char *)flaws.data);
    }
    if (dropped) {
        fields[count++] = LOG_INT("dropped", dropped);
    }
    log_event(connection->worker->shard.log, LOG_INFO, "Client certificate refused",
              fields); /* zeroes end the list */
    gnutls_free(flaws.data);
}

const struct head_refusal *client_refusal(struct connection *connection,
                                          enum client_certificate why)
{
    struct worker *worker = connection->worker;
    uint64_t dropped = 0;
    state_count(worker, rows[why].counter);
    if (why != CLIENT_CERTIFICATE_MISSING && /* nothing to tell of it */
        shard_may_log(&worker->shard, &worker->certificate_limits[why], &dropped)) {
        log_refusal(connection, why, dropped);
    }
    return &rows[why].refusal;
}
