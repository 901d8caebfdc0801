/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One client connection: its phases and their deadlines, its standing, and how it is cut.
 *
 * libmicrohttpd owns the socket and the HTTP parsing. This adds what it does not do: hold every
 * phase of a connection to an absolute deadline, end a connection whatever it is doing, and know
 * who has deserved to stay when memory is short (budget.h). What goes through TLS:
 * connection_tls.h; from start to end: connection_life.h. Touched by its worker's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "server/http/listener.h"
#include "server/http/park.h"
#include "server/http/state.h"

/* buffers up to this size stay for the next request: typical reviews are 1 KiB */
#define CONNECTION_BUF_KEPT_BYTES 4096

/* while a record is incomplete: measured 33.3 KB, which GnuTLS takes after five bytes */
#define CONNECTION_RECORD_BYTES 34816

/* while a reply waits: a record decrypted, one received, a sealed reply; and what the kernel keeps
 * in either direction */
#define CONNECTION_BLOCKED_BYTES (36864 + 4 * LISTENER_BUFFER_BYTES)

/* what a handshake may pin: a message of the largest size, the transcript, a record */
#define CONNECTION_HANDSHAKE_BYTES 40960

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

/** connection_enter() - a phase begins, and its deadline */
void connection_enter(struct connection *connection, enum connection_phase phase) NONNULL(1);

/** connection_list_append() / connection_list_remove() - of its worker's list of its standing */
void connection_list_append(struct connection *connection) NONNULL(1);
void connection_list_remove(struct connection *connection) NONNULL(1);

/** connection_set_standing() - and be the one of that standing who was heard of last */
void connection_set_standing(struct connection *connection, enum standing standing) NONNULL(1);

/** connection_raise() - it has shown that it deserves @standing; a higher one stays */
void connection_raise(struct connection *connection, enum standing standing) NONNULL(1);

/** connection_is_late() - cut it if its deadline has passed. Return: was it? */
bool connection_is_late(struct connection *connection, int64_t now_ns) NONNULL(1);

/** connection_is_left() - cut it if its client has gone without libmicrohttpd's noticing. Return:
 * had it? For the plain listener, where a last piece and the end that come together make one event
 * of the epoll set, whose end libmicrohttpd does not read */
bool connection_is_left(struct connection *connection) NONNULL(1);

/** connection_cut() - shut it down, whatever it is doing: libmicrohttpd closes it within a second
 * or so, and until then nothing is answered on it */
void connection_cut(struct connection *connection) NONNULL(1);

/** connection_park() - park_add(), or cut it: no memory in the kernel concerns this connection only
 */
void connection_park(struct connection *connection, enum park_event event) NONNULL(1);

/** connection_hasten() - it was cut and is still there: have libmicrohttpd's timeout close it. For
 * every sweep, since a suspended connection takes no timeout; never from within libmicrohttpd,
 * which frees a connection at the end of a turn that it took off its lists before */
void connection_hasten(struct connection *connection) NONNULL(1);
