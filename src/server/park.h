/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Connections that libmicrohttpd must not look at for now: one lot per worker, its thread only.
 *
 * Parking. libmicrohttpd 0.9.75 in epoll mode calls gnutls_handshake over and over while the client
 * owes a message, since it forgets only at the HTTP level that a socket had nothing more. One
 * silent client would keep a core busy. So a connection whose handshake must wait is suspended,
 * waits in an epoll set of ours, and is resumed when its socket is readable. In the same way a
 * connection waits whose socket does not take a reply: libmicrohttpd, which has handed the reply to
 * TLS, would otherwise answer the next requests of a pipeline into memory.
 *
 * Nudging is the reverse: GnuTLS says EAGAIN after a message that carries no data (KeyUpdate, a
 * ticket) although more bytes lie in our buffer, and libmicrohttpd then waits for a socket event
 * that need not come. Suspending and resuming makes it look again.
 */
#include "base/compiler.h"
#include "base/status.h"

struct connection;
struct MHD_Daemon;

struct park {
    int fd; /* epoll: sockets of parked connections, and libmicrohttpd's own descriptor */
    unsigned count;
};

/** park_init() - Return: ST_OK; ST_IO when the kernel refuses the descriptor. park_fini() is due in
 * either case */
enum status park_init(struct park *park, struct MHD_Daemon *daemon) NODISCARD NONNULL(1, 2);

/** park_fini() - nothing may be parked */
void park_fini(struct park *park) NONNULL(1);

/** What a parked connection waits for. */
enum park_event { PARK_UNTIL_READABLE = 0, PARK_UNTIL_WRITABLE };

/** park_add() - suspend @connection until its socket is ready for @event, or broken; cuts it when
 * the kernel has no memory. From within its handshake, or when a request is done */
void park_add(struct park *park, struct connection *connection, enum park_event event)
    NONNULL(1, 2);

/** park_release() - resume @connection now, if it is parked */
void park_release(struct park *park, struct connection *connection) NONNULL(1, 2);

/** park_remove() - the connection is ending: forget its socket, which may live on as a lingering
 * duplicate */
void park_remove(struct park *park, struct connection *connection) NONNULL(1, 2);

/** park_wait() - sleep until a parked connection or libmicrohttpd has something to do, at most
 * @wait_ms; push out replies that waited; resume those that may go on */
void park_wait(struct park *park, int wait_ms) NONNULL(1);

/** park_nudge() - have libmicrohttpd look at @connection again, which is not parked */
void park_nudge(struct connection *connection) NONNULL(1);
