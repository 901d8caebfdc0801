/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A client that may not ask for its certificate: the answer, the count, and the line for the
 * operator. Threads: the worker's. */
#include <sys/socket.h>

#include "base/compiler.h"
#include "server/http/request_head.h"
#include "server/http/state.h"
#include "server/tls/tls.h"

#define CLIENT_ADDRESS_MAX 56 /* bytes with NUL: an IPv6 address in brackets, and its port */

/** client_refusal() - count and log it. @why: not CLIENT_CERTIFICATE_ACCEPTED. Return: what to
 * answer; the client is not told more than before */
const struct head_refusal *client_refusal(struct connection *connection,
                                          enum client_certificate why) NONNULL(1);

/** client_refusal_label() - "wrong_usage", as in the metric; "" for what is no refusal */
const char *client_refusal_label(enum client_certificate why);

/** client_refusal_address() - "127.0.0.1:443", "[::1]:443"; an IPv4 address as one, on whichever
 * socket; "" for what is neither */
void client_refusal_address(const struct sockaddr *address,
                            char ret_text[static CLIENT_ADDRESS_MAX]) NONNULL(1);
