/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From a connection's start to its end, as libmicrohttpd and the park tell of it. Threads: its
 * worker's. */
#include <stdbool.h>

#include <microhttpd.h>

#include "base/compiler.h"
#include "server/http/state.h"

/** connection_life_notify() - libmicrohttpd tells of a start and an end
 * (MHD_NotifyConnectionCallback; cls: the worker) */
void connection_life_notify(void *cls,
                            struct MHD_Connection *mhd,
                            void **socket_context,
                            enum MHD_ConnectionNotificationCode code);

/**
 * connection_life_request_done() - libmicrohttpd has handed the whole reply to TLS, or gave up:
 * push it out, forget the request, be idle
 * @goes_on: libmicrohttpd will read on from this connection: then it does so only when the socket
 * has taken the reply
 */
void connection_life_request_done(struct connection *connection, bool goes_on) NONNULL(1);

/** connection_life_ready() - it is parked, and its socket is ready: push out the reply that waits,
 * go on with the handshake; or its request is pending and the socket broke */
void connection_life_ready(struct connection *connection) NONNULL(1);
