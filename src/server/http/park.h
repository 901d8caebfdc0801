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
 * TLS, would otherwise answer the next requests of a pipeline into memory. And so does a pending
 * request, until it is resumed (pending.h): of its socket only its breaking is looked at, since a
 * client that has ended its own side may well wait for the reply.
 *
 * Nudging is the reverse: GnuTLS says EAGAIN after a message that carries no data (KeyUpdate, a
 * ticket) although more bytes lie in our buffer, and libmicrohttpd then waits for a socket event
 * that need not come. Suspending and resuming makes it look again.
 */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/status.h"
#include "server/http/state.h"

/** park_init() - @inbox_fd: readable when parked connections are resumed by others. Return: ST_OK;
 * ST_IO when the kernel refuses the descriptor. park_fini() is due in either case */
enum status park_init(struct park *park, struct MHD_Daemon *daemon, int inbox_fd) NODISCARD
    NONNULL(1, 2);

/** park_fini() - nothing may be parked */
void park_fini(struct park *park) NONNULL(1);

/** What a parked connection waits for. */
enum park_event { PARK_UNTIL_READABLE = 0, PARK_UNTIL_WRITABLE, PARK_UNTIL_RESUMED };

/** park_add() - suspend @connection until its socket is ready for @event, or broken. From within
 * its handshake, its handler, or when a request is done. Return: false when the kernel has no
 * memory: cut it */
bool park_add(struct park *park, struct connection *connection, enum park_event event) NODISCARD
    NONNULL(1, 2);

/** park_wait_on() - go on waiting for @event: of a connection that is parked and was found ready.
 * Return: as park_add() */
bool park_wait_on(struct park *park, struct connection *connection, enum park_event event) NODISCARD
    NONNULL(1, 2);

/** park_release() - resume @connection now, if it is parked */
void park_release(struct park *park, struct connection *connection) NONNULL(1, 2);

/** park_remove() - the connection is ending: forget its socket, which may live on as a lingering
 * duplicate */
void park_remove(struct park *park, struct connection *connection) NONNULL(1, 2);

/** park_wait() - sleep until a parked connection or libmicrohttpd has something to do, at most
 * @wait_ms. @ready: told of each connection that is parked and whose socket is ready. Return: is
 * there something in the inbox? */
bool park_wait(struct park *park, int wait_ms, void (*ready)(struct connection *connection))
    NONNULL(1, 3);

/** park_nudge() - have libmicrohttpd look at @connection again, which is not parked */
void park_nudge(struct connection *connection) NONNULL(1);
