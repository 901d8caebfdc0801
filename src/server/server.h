/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The HTTPS server: what it serves, on which listeners, and the phases of its end.
 *
 *   SERVING --server_drain()--> DRAINING --server_stop()--> STOPPING --last worker--> ended
 *   DRAINING: readyz fails, every reply says Connection: close, new connections are still served (a
 * load balancer needs time). STOPPING: nothing new is accepted, idle connections are closed,
 * running requests finish, up to the grace duration or server_cut(). Whoever owns the loop keeps it
 * running until on_ended(): those requests are answered from what it reads.
 *
 * Threads: all functions on the loop's thread (or the one that starts the server); workers only
 * read.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "authn/authenticator.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/log.h"
#include "base/problem.h"
#include "base/status.h"
#include "engine/token_keys.h"
#include "engine/waiting.h"
#include "io/clock_step.h"
#include "server/tls/tls.h"
#include "store/store.h"

struct server_options {
    const char *bind_address;
    uint16_t secure_port;
    const char *health_bind_host; /* NULL: health and metrics on the secure port */
    uint16_t health_bind_port;
    unsigned workers; /* 1 to 256 */
    size_t max_body_bytes;
    size_t max_header_bytes;
    unsigned max_connections;
    unsigned max_connections_per_address; /* 0: off */
    size_t max_connection_memory_bytes;   /* of all connections together; 0: off */
    int64_t handshake_timeout_ns;
    int64_t request_timeout_ns;
    int64_t idle_timeout_ns;
    int64_t shutdown_grace_ns;
    bool metrics_require_client_certificate;
};

/** What the server asks and tells. Borrows all of it for its life. */
struct server_context {
    const struct authenticator *authenticator;
    struct waiting *waiting;              /* may be NULL: no question waits */
    const struct store *store;            /* may be NULL */
    const struct cluster_store *clusters; /* further ones */
    size_t cluster_count;                 /* at most AUTHENTICATOR_CLUSTERS_MAX */
    const struct token_keys *token_keys;  /* may be NULL: no ServiceAccount tokens */
    struct tls_context *tls;
    struct log *log;                     /* may be NULL */
    const struct clock_step *clock_step; /* may be NULL */
    struct clock clock;
    /* the last worker has ended, after server_stop(); on that worker's thread. May be NULL */
    void (*on_ended)(void *ctx);
    void *ctx;
};

struct server;

/** server_new() - bind the listeners and start the workers. @options is copied; its strings are
 * used only here. Return: ST_OK; ST_IO, ST_INVALID with @reterr_problem; ST_NOMEM */
enum status server_new(const struct server_options *options,
                       const struct server_context *context,
                       struct server **ret_server,
                       struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** server_secure_port() / server_health_port() - as bound; the latter is 0 without a listener of
 * its own */
uint16_t server_secure_port(const struct server *server) NONNULL(1);
uint16_t server_health_port(const struct server *server) NONNULL(1);

/** server_drain() - from now on readyz fails and replies close their connection */
void server_drain(struct server *server) NONNULL(1);

/** server_stop() - stop accepting, let running requests finish, up to the grace duration from now.
 * It does not wait: the context's on_ended() is called when all is over. Once is enough */
void server_stop(struct server *server) NONNULL(1);

/** server_cut() - like server_stop(), before it or after: whoever is still there is cut now. It is
 * over within a few seconds */
void server_cut(struct server *server) NONNULL(1);

/** server_free() - stops first when that was not done, and waits for the workers. NULL is fine.
 * Return: NULL */
struct server *server_free(struct server *server);
