/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A worker: one thread, one libmicrohttpd daemon on a shared listening socket, one epoll set, and
 * everything that a request needs without asking anybody: counters, buffers, rate limits of its log
 * lines.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/log.h"
#include "base/status.h"
#include "server/connection.h"
#include "server/http/linger.h"
#include "server/http/metrics.h"
#include "server/park.h"
#include "server/server.h"

/* one TLS record of 16 KiB with header, tag and padding to a cache line */
#define WORKER_PULL_BYTES 16704

/* a few reads empty a socket's buffer; its pages cost nothing until used */
#define WORKER_SCRATCH_BYTES 65536

/** Who has been quiet longest is at the head. */
struct connection_list {
    struct connection *head;
    struct connection *tail;
};

struct worker {
    struct server *server; /* borrows */
    struct MHD_Daemon *daemon;
    bool is_tls;
    const struct endpoint *endpoints; /* the listener's table */
    size_t endpoint_count;
    pthread_t thread;
    bool thread_started;

    struct connection_list connections[STANDING_COUNT_];
    size_t leaving_bytes; /* charged to those that were cut and are not closed yet */

    struct park park;

    /* TLS bytes just received. They belong to pull_owner; another connection's turn moves what is
     * left to its spill. */
    struct connection *pull_owner;
    unsigned spill_count; /* connections that have one */
    size_t pull_at;
    size_t pull_len;
    char *pull; /* owns WORKER_PULL_BYTES */

    struct linger_set linger;
    char *scratch; /* owns WORKER_SCRATCH_BYTES; what lingering clients still send ends here */

    struct MHD_Response
        *refusals[2][2]; /* plain refusals: by apiVersion, by "closes the connection" */
    size_t refusal_len[2];

    struct log_limit limits[STATUS_COUNT_];                         /* one per reason of refusal */
    struct log_limit certificate_limits[CLIENT_CERTIFICATE_COUNT_]; /* one per reason */
    struct log_limit http_limit; /* all other lines about requests */
    struct worker_metrics metrics;
};

/** worker_pool_bytes() - memory that libmicrohttpd takes for each connection's head and buffers */
size_t worker_pool_bytes(size_t max_header_bytes);

/** worker_new() - make the daemon on @listen_fd; it accepts as soon as worker_start() runs.
 * @is_tls: the HTTPS listener; else the plain health listener. Return: ST_OK; ST_NOMEM; ST_IO */
enum status worker_new(struct server *server,
                       int listen_fd,
                       bool is_tls,
                       struct worker **ret_worker) NODISCARD NONNULL(1, 4);

/** worker_start() - start the thread, all signals blocked in it. Return: ST_OK; ST_NOMEM */
enum status worker_start(struct worker *worker) NODISCARD NONNULL(1);

/** worker_join() - wait for its end; server->phase must be SERVER_STOPPING. It comes within a few
 * seconds after the server's stop_deadline_ns, whatever libmicrohttpd thinks of its connections */
void worker_join(struct worker *worker) NONNULL(1);

/** worker_free() - NULL is fine. Return: NULL */
struct worker *worker_free(struct worker *worker);
