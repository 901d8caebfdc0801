/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What an HTTP server is told at its start: listeners as rows, what they serve, and its limits. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/http/endpoint.h"
#include "server/http/reply.h"
#include "server/tls/tls.h"

#define HTTP_SERVER_LISTENERS_MAX 4 /* two are in use */

/* more threads than cores of any machine this runs on gains nothing; a few for other listeners */
#define HTTP_SERVER_WORKERS_MAX 260

enum http_server_phase { HTTP_SERVER_SERVING = 0, HTTP_SERVER_DRAINING, HTTP_SERVER_STOPPING };

/** Where it listens, and what is served there. */
struct http_listener {
    const char *address; /* an IP address, see listener_open(); used only at the start */
    uint16_t port;
    bool is_tls;                 /* else it is for probes and scrapes, and has places of its own */
    enum endpoint_client client; /* who may ask on it at all: see its endpoints, too */
    unsigned workers;
    const struct endpoint *endpoints; /* borrows */
    size_t endpoint_count;
};

struct http_server_options {
    const struct http_listener *listeners; /* copies */
    size_t listener_count;
    const struct prepared_reply *prepared; /* used only at the start */
    size_t prepared_count;
    size_t max_body_bytes;
    size_t max_header_bytes;
    unsigned max_connections;
    unsigned max_connections_per_address; /* 0: off */
    size_t max_connection_memory_bytes;   /* of all connections together; 0: off */
    int64_t handshake_timeout_ns;
    int64_t request_timeout_ns;
    int64_t idle_timeout_ns;
    int64_t shutdown_grace_ns;
    struct tls_context *tls; /* borrows; NULL: no listener has TLS */
    struct log *log;         /* borrows; may be NULL */
    struct clock clock;
    /* the last worker has ended, after http_server_stop(); on that worker's thread. May be NULL */
    void (*on_ended)(void *ctx);
    /* about once a second, on the thread of each worker: say what its shard holds back. May be NULL
     */
    void (*on_second)(void *ctx, struct shard *shard);
    void *ctx;
};
