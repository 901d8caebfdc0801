/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One client connection: its TLS plumbing, its deadline, and the request in progress.
 *
 * libmicrohttpd owns the socket and the HTTP parsing. This adds what it does not do: read TLS
 * through a buffer (one recv where GnuTLS would make two), send a reply as one record in one
 * segment, and hold every phase of a connection to an absolute deadline. Touched by its worker's
 * thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "base/buf.h"
#include "server/tls.h"

struct worker;
struct endpoint;

/*
 *   HANDSHAKE --Finished--> IDLE --first byte--> REQUEST --reply sent--> IDLE ...
 * Each arrow sets a new deadline; whoever is still in a phase when it passes is cut.
 */
enum connection_phase { CONNECTION_HANDSHAKE = 0, CONNECTION_IDLE, CONNECTION_REQUEST };

struct request {
    bool started;
    const struct endpoint *endpoint; /* NULL: no such path */
    struct span rest;      /* path behind the endpoint's own; borrows libmicrohttpd's url until the
                              request ends */
    unsigned refusal_code; /* decided by the headers, told when the body has come */
    const char *refusal;   /* static text; NULL: not refused */
    const char
        *content_type; /* borrows libmicrohttpd's header until the request ends; NULL: none */
    size_t body_seen;  /* bytes, kept or discarded */
    bool corked;
    struct buf body;  /* may hold a token: wiped */
    struct buf reply; /* the response borrows it until the request is completed */
};

struct connection {
    struct connection *next; /* worker's list, in no order */
    struct connection *prev;
    struct worker *worker;      /* borrows; outlives all its connections */
    struct MHD_Connection *mhd; /* libmicrohttpd's; ends with this one */
    int fd;                     /* libmicrohttpd's */
    bool counted_address;
    bool tls_done;
    bool parked;       /* suspended in its handshake: park.h */
    bool ever_parked;  /* its socket is in the park's set */
    bool nudged;       /* looked at again since bytes were last taken: once is enough */
    bool cork_cleared; /* libmicrohttpd set TCP_CORK once and we took it off again */
    bool cut;          /* we shut it down */
    bool lingers;      /* refused by its headers, its body unread: close late, see linger.h */
    enum connection_phase phase;
    int64_t deadline_ns; /* monotonic */

    gnutls_session_t session; /* borrows from libmicrohttpd; NULL on the plain listener */
    struct tls_credentials *credentials;
    struct client_certificate_cache client_certificate;
    char *spill; /* bytes received but not yet taken by GnuTLS, while the worker's buffer serves
                    another connection */
    size_t spill_len;
    size_t spill_at;

    struct request request;
};

/** connection_notify() - libmicrohttpd tells of a start and an end (MHD_NotifyConnectionCallback;
 * cls: the worker) */
void connection_notify(void *cls,
                       struct MHD_Connection *mhd,
                       void **socket_context,
                       enum MHD_ConnectionNotificationCode code);

/** connection_of() - the connection behind libmicrohttpd's handle */
struct connection *connection_of(struct MHD_Connection *mhd) NONNULL(1);

/** connection_cork() - the reply that is about to be queued goes out as one record; only for what
 * fits one */
void connection_cork(struct connection *connection, size_t reply_len) NONNULL(1);

/** connection_request_done() - the reply has been handed to TLS: push it out, forget the request,
 * be idle */
void connection_request_done(struct connection *connection) NONNULL(1);

/** connection_nudge_stalled() - make libmicrohttpd look again at connections whose bytes lie in a
 * buffer of ours while it waits for their socket */
void connection_nudge_stalled(struct worker *worker) NONNULL(1);

/** connection_note_request() - a request has begun, if the connection was idle: its deadline counts
 * from now */
void connection_note_request(struct connection *connection) NONNULL(1);

/** connection_is_late() - cut it if its deadline has passed. Return: was it? */
bool connection_is_late(struct connection *connection, int64_t now_ns) NONNULL(1);

/** connection_cut() - shut it down; libmicrohttpd notices and closes it */
void connection_cut(struct connection *connection) NONNULL(1);
