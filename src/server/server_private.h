/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the server share and nobody else sees. */
#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "server/server.h"
#include "server/worker.h"

/* more threads than cores of any machine this runs on gains nothing */
#define SERVER_MAX_WORKERS 256

enum server_phase { SERVER_SERVING = 0, SERVER_DRAINING, SERVER_STOPPING };

struct server {
    struct server_options options;
    struct server_context context;
    int secure_fd;
    int health_fd; /* -1 without a listener of its own */
    uint16_t secure_port;
    uint16_t health_port;
    unsigned worker_count;
    struct worker *workers[SERVER_MAX_WORKERS + 1]; /* the last one may be the health listener's */
    struct address_limit *address_limit;            /* NULL when off */
    _Atomic unsigned connection_count;              /* of all workers */
    _Atomic size_t connection_memory;               /* bytes charged to them, see budget.h */
    _Atomic bool wants_room;          /* a worker was short of it and had nobody to let go */
    _Atomic unsigned running_count;   /* workers that have not ended */
    _Atomic int phase;                /* enum server_phase; the loop writes, workers read */
    _Atomic int64_t stop_deadline_ns; /* monotonic; set before STOPPING, only lowered afterwards */
};

/** server_worker_ended() - a worker's last act */
void server_worker_ended(struct server *server) NONNULL(1);

static inline enum server_phase server_phase(const struct server *server)
{
    return (enum server_phase)atomic_load_explicit(&server->phase, memory_order_acquire);
}
