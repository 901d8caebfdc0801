/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the files of this folder share of a server, its workers and their connections: structs, so
 * that who calls whom runs in one direction. Each belongs to the module of its name, which says
 * what may be done with it; nobody outside of the folder looks into them.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "base/buf.h"
#include "base/log.h"
#include "server/http/endpoint.h"
#include "server/http/linger.h"
#include "server/http/options.h"
#include "server/http/pending.h"
#include "server/http/request.h"
#include "server/http/standing.h"
#include "server/tls/tls.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

/* one TLS record of 16 KiB with header, tag and padding to a cache line */
#define WORKER_PULL_BYTES 16704

/* a few reads empty a socket's buffer; its pages cost nothing until used */
#define WORKER_SCRATCH_BYTES 65536

/*
 *   HANDSHAKE --Finished--> IDLE --first byte--> REQUEST --reply sent--> IDLE ...
 * Each arrow sets a new deadline; whoever is still in a phase when it passes is cut. A reply is
 * sent when the socket has taken all of it.
 */
enum connection_phase { CONNECTION_HANDSHAKE = 0, CONNECTION_IDLE, CONNECTION_REQUEST };

/** The request in progress. */
struct connection_request {
    bool started;
    bool is_target_bad;  /* the request line was looked at before the headers were there */
    bool is_target_lost; /* there was no memory for its query */
    bool is_chunked;
    bool refuses_json; /* by its Accept fields */
    uint8_t method;    /* enum method */
    bool is_answered;  /* a reply is on its way */
    bool closes;       /* the connection ends behind this reply */
    bool is_corked;
    const struct endpoint *endpoint;    /* NULL: none for its path and method */
    const struct head_refusal *refusal; /* decided by the headers, told when the body has come;
                                           NULL: none */
    const char *parameter;    /* borrows libmicrohttpd's url until the request ends; NULL: none */
    const char *content_type; /* likewise its header */
    char *query;              /* owns, since libmicrohttpd takes its own apart; NULL: none */
    struct pending *pending;  /* its share; NULL: was never suspended */
    size_t body_seen;         /* bytes, kept or discarded */
    struct buf body;          /* may hold a token: wiped */
    struct buf reply;         /* the response borrows it until the request is completed */
};

struct connection {
    struct connection
        *next; /* worker's list of its standing: who has been quiet longest is first */
    struct connection *prev;
    struct worker *worker;      /* borrows; outlives all its connections */
    struct MHD_Connection *mhd; /* libmicrohttpd's; ends with this one */
    int fd;                     /* libmicrohttpd's */
    bool counted_address;
    bool is_tls_done;
    bool is_parked;       /* suspended until its socket is ready, or its request resumed: park.h */
    bool was_ever_parked; /* its socket is in the park's set */
    bool reply_waits;     /* parked, because its socket has not taken the whole reply */
    bool has_part;        /* charged for a record that has not come whole */
    bool is_nudged;       /* looked at again since bytes were last taken: once is enough */
    bool cork_cleared;    /* libmicrohttpd set TCP_CORK once and we took it off again */
    bool lingers;         /* refused by its headers, its body unread: close late, see linger.h */
    enum standing standing;
    enum connection_phase phase;
    int64_t deadline_ns; /* monotonic */
    size_t charged;      /* bytes, see budget.h */
    size_t kept_bytes;   /* its charge between two requests */
    size_t wire_len;     /* bytes received since the request before this one was done */

    gnutls_session_t session; /* borrows from libmicrohttpd; NULL on a plain listener */
    struct tls_credentials *credentials;
    struct client_certificate_cache client_certificate;
    char *spill; /* bytes received but not yet taken by GnuTLS, while the worker's buffer serves
                    another connection */
    size_t spill_len;
    size_t spill_at;

    struct connection_request request;
};

/** Who has been quiet longest is at the head. */
struct connection_list {
    struct connection *head;
    struct connection *tail;
};

/** What a worker's park holds, see park.h. */
struct park {
    int fd; /* epoll: sockets of parked connections, libmicrohttpd's own descriptor, the inbox */
    unsigned count;
};

/** A prepared reply as a worker keeps it. */
struct worker_reply {
    struct MHD_Response *responses[2]; /* by "closes the connection" */
    unsigned code;
    size_t len; /* of its body */
};

/** A listener that is open. */
struct listener_state {
    struct http_listener row;
    int fd; /* -1: not yet */
    uint16_t port;
    struct endpoint_table *endpoints; /* owns */
};

struct worker {
    struct shard shard;
    struct http_server *server; /* borrows */
    struct listener_state *listener;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool thread_started;

    struct connection_list connections[STANDING_COUNT_];
    size_t leaving_bytes; /* charged to those that were cut and are not closed yet */

    struct park park;
    struct pending_inbox *inbox;

    /* TLS bytes just received. They belong to pull_owner; another connection's turn moves what is
     * left to its spill. */
    struct connection *pull_owner;
    unsigned spill_count; /* connections that have one */
    size_t pull_at;
    size_t pull_len;
    char *pull; /* owns WORKER_PULL_BYTES */

    struct linger_set linger;
    char *scratch; /* owns WORKER_SCRATCH_BYTES; what lingering clients still send ends here */

    struct worker_reply *replies; /* owns; one for each prepared reply */

    struct log_limit certificate_limits[CLIENT_CERTIFICATE_COUNT_]; /* one per reason */
};

struct http_server {
    struct http_server_options options;
    struct listener_state listeners[HTTP_SERVER_LISTENERS_MAX];
    unsigned worker_count;
    unsigned tls_worker_count; /* of listeners with TLS */
    struct worker *workers[HTTP_SERVER_WORKERS_MAX];
    struct address_limit *address_limit; /* NULL when off */
    _Atomic unsigned connection_count;   /* of all workers */
    _Atomic size_t connection_memory;    /* bytes charged to them, see budget.h */
    _Atomic bool wants_room;             /* a worker was short of it and had nobody to let go */
    _Atomic unsigned running_count;      /* workers that have not ended */
    _Atomic int phase;                   /* enum http_server_phase; the loop writes, workers read */
    _Atomic int64_t stop_deadline_ns; /* monotonic; set before STOPPING, only lowered afterwards */
};

/** state_phase() - of the server, as workers see it */
static inline enum http_server_phase state_phase(const struct http_server *server)
{
    return (enum http_server_phase)atomic_load_explicit(&server->phase, memory_order_acquire);
}

/** state_count() - one more of what @worker counts */
static inline void state_count(struct worker *worker, enum worker_counter counter)
{
    metrics_add(&worker->shard.metrics.counters[counter], 1);
}
