/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One client connection: its phases and their deadlines, its standing, and the request in progress.
 *
 * libmicrohttpd owns the socket and the HTTP parsing. This adds what it does not do: hold every
 * phase of a connection to an absolute deadline, end a connection whatever it is doing, and know
 * who has deserved to stay when memory is short (budget.h). What goes through TLS:
 * connection_tls.h. Touched by its worker's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "base/buf.h"
#include "server/http/listener.h"
#include "server/http/request_head.h"
#include "server/tls/tls.h"

struct worker;
struct endpoint;

/*
 *   HANDSHAKE --Finished--> IDLE --first byte--> REQUEST --reply sent--> IDLE ...
 * Each arrow sets a new deadline; whoever is still in a phase when it passes is cut. A reply is
 * sent when the socket has taken all of it.
 */
enum connection_phase { CONNECTION_HANDSHAKE = 0, CONNECTION_IDLE, CONNECTION_REQUEST };

/* Who goes first when memory is short, see budget.h. It only rises. */
enum connection_standing {
    STANDING_STRANGER = 0, /* never had a review answered */
    STANDING_REFUSED,      /* had, and each time with a no */
    STANDING_KNOWN,        /* got a yes, or showed an admitted client certificate */
    STANDING_LEAVING,      /* cut: libmicrohttpd is about to close it, and nothing is answered */
    STANDING_COUNT_
};

/* buffers up to this size stay for the next request: typical reviews are 1 KiB */
#define CONNECTION_BUF_KEPT_BYTES 4096

/* while a record is incomplete: measured 33.3 KB, which GnuTLS takes after five bytes */
#define CONNECTION_RECORD_BYTES 34816

/* while a reply waits: a record decrypted, one received, a sealed reply; and what the kernel keeps
 * in either direction */
#define CONNECTION_BLOCKED_BYTES (36864 + 4 * LISTENER_BUFFER_BYTES)

/* what a handshake may pin: a message of the largest size, the transcript, a record */
#define CONNECTION_HANDSHAKE_BYTES 40960

struct request {
    bool started;
    const struct endpoint *endpoint; /* NULL: no such path */
    struct span rest; /* path behind the endpoint's own; borrows libmicrohttpd's url until the
                         request ends */
    struct head_refusal refusal; /* decided by the headers, told when the body has come */
    const char
        *content_type;  /* borrows libmicrohttpd's header until the request ends; NULL: none */
    bool refuses_json;  /* by its Accept fields */
    size_t body_seen;   /* bytes, kept or discarded */
    bool is_target_bad; /* the request line was looked at before the headers were there */
    bool is_chunked;
    bool is_answered; /* a reply is on its way */
    bool closes;      /* the connection ends behind this reply */
    bool is_corked;
    struct buf body;  /* may hold a token: wiped */
    struct buf reply; /* the response borrows it until the request is completed */
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
    bool is_parked;       /* suspended until its socket is ready: park.h */
    bool was_ever_parked; /* its socket is in the park's set */
    bool reply_waits;     /* parked, because its socket has not taken the whole reply */
    bool has_part;        /* charged for a record that has not come whole */
    bool is_nudged;       /* looked at again since bytes were last taken: once is enough */
    bool cork_cleared;    /* libmicrohttpd set TCP_CORK once and we took it off again */
    bool lingers;         /* refused by its headers, its body unread: close late, see linger.h */
    enum connection_standing standing;
    enum connection_phase phase;
    int64_t deadline_ns; /* monotonic */
    size_t charged;      /* bytes, see budget.h */
    size_t kept_bytes;   /* its charge between two requests */
    size_t wire_len;     /* bytes received since the request before this one was done */

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

/** connection_is_cut() - nothing more is answered on it */
static inline bool connection_is_cut(const struct connection *connection)
{
    return connection->standing == STANDING_LEAVING;
}

/** connection_note_request() - a request has begun, if the connection was idle: its deadline counts
 * from now */
void connection_note_request(struct connection *connection) NONNULL(1);

/** connection_note_handshake() - the client's Finished was good: the connection is idle. Return:
 * false when its certificates do not fit into the budget: cut it */
bool connection_note_handshake(struct connection *connection, size_t certificate_bytes) NODISCARD
    NONNULL(1);

/** connection_raise() - it has shown that it deserves @standing; a higher one stays */
void connection_raise(struct connection *connection, enum connection_standing standing) NONNULL(1);

/**
 * connection_request_done() - libmicrohttpd has handed the whole reply to TLS, or gave up: push it
 * out, forget the request, be idle
 * @goes_on: libmicrohttpd will read on from this connection: then it does so only when the socket
 * has taken the reply
 */
void connection_request_done(struct connection *connection, bool goes_on) NONNULL(1);

/** connection_reply_left() - the socket has taken a reply that had to wait */
void connection_reply_left(struct connection *connection) NONNULL(1);

/** connection_break_off() - a reply cannot be sent: cut it, and count that */
void connection_break_off(struct connection *connection) NONNULL(1);

/** connection_is_late() - cut it if its deadline has passed. Return: was it? */
bool connection_is_late(struct connection *connection, int64_t now_ns) NONNULL(1);

/** connection_is_left() - cut it if its client has gone without libmicrohttpd's noticing. Return:
 * had it? For the plain listener, where a last piece and the end that come together make one event
 * of the epoll set, whose end libmicrohttpd does not read */
bool connection_is_left(struct connection *connection) NONNULL(1);

/** connection_cut() - shut it down, whatever it is doing: libmicrohttpd closes it within a second
 * or so, and until then nothing is answered on it */
void connection_cut(struct connection *connection) NONNULL(1);

/** connection_hasten() - it was cut and is still there: have libmicrohttpd's timeout close it. For
 * every sweep, since a suspended connection takes no timeout; never from within libmicrohttpd,
 * which frees a connection at the end of a turn that it took off its lists before */
void connection_hasten(struct connection *connection) NONNULL(1);
