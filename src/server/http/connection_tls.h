/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a connection reads and writes through TLS: one recv where GnuTLS would make two, and a reply
 * as one record in one segment.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "server/http/state.h"

/** connection_tls_start() - a new connection of the HTTPS listener: give its session credentials
 * and our plumbing, or cut it when there is no memory */
void connection_tls_start(struct connection *connection, struct MHD_Connection *mhd) NONNULL(1, 2);

/** connection_tls_forget() - the connection ends: give up what it holds of received bytes */
void connection_tls_forget(struct connection *connection) NONNULL(1);

/** connection_cork() - the reply that is about to be queued goes out as one record. Only for what
 * fits one and for a connection that goes on: of a reply behind which libmicrohttpd closes it can
 * wait for the socket only by itself. @reply_len: bytes of the body */
void connection_cork(struct connection *connection, size_t reply_len) NONNULL(1);

/** Where a reply is. */
enum push { PUSH_DONE = 0, PUSH_WAITS, PUSH_FAILED };

/** connection_push() - hand the corked reply to the socket, or what is left of it. Return:
 * PUSH_DONE; PUSH_WAITS when the socket takes no more for now; PUSH_FAILED when it never will */
enum push connection_push(struct connection *connection) NODISCARD NONNULL(1);

/** connection_nudge_stalled() - make libmicrohttpd look again at connections whose bytes lie in a
 * buffer of ours while it waits for their socket */
void connection_nudge_stalled(struct worker *worker) NONNULL(1);
