/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Replies become libmicrohttpd's responses. Threads: the worker's. */
#include <stdbool.h>

#include <microhttpd.h>

#include "base/compiler.h"
#include "base/status.h"
#include "server/http/reply.h"
#include "server/http/request.h"
#include "server/http/state.h"

/** send_reply() - queue @reply; its body stays untouched until the request is completed. Return:
 * what libmicrohttpd's callback returns */
enum MHD_Result send_reply(struct connection *connection,
                           struct request *request,
                           struct reply *reply) NODISCARD NONNULL(1, 2, 3);

/** send_prepare() / send_forget() - make and free what @worker keeps of the prepared replies.
 * Return: ST_OK; ST_NOMEM: send_forget() is due likewise */
enum status send_prepare(struct worker *worker) NODISCARD NONNULL(1);
void send_forget(struct worker *worker) NONNULL(1);
