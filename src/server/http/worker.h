/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A worker: one thread, one libmicrohttpd daemon on a shared listening socket, one epoll set, and
 * everything that a request needs without asking anybody: counters, buffers, rate limits of its log
 * lines.
 */
#include "base/compiler.h"
#include "base/status.h"
#include "server/http/state.h"

/** worker_new() - make the daemon on @listener, which is open; it accepts as soon as worker_start()
 * runs. @index: its number among all workers of @server. Return: ST_OK; ST_NOMEM; ST_IO */
enum status worker_new(struct http_server *server,
                       struct listener_state *listener,
                       unsigned index,
                       struct worker **ret_worker) NODISCARD NONNULL(1, 2, 4);

/** worker_start() - start the thread, all signals blocked in it. Return: ST_OK; ST_NOMEM */
enum status worker_start(struct worker *worker) NODISCARD NONNULL(1);

/** worker_join() - wait for its end; server->phase must be HTTP_SERVER_STOPPING. It comes within a
 * few seconds after the server's stop_deadline_ns, whatever libmicrohttpd thinks of its connections
 */
void worker_join(struct worker *worker) NONNULL(1);

/** worker_free() - NULL is fine. Return: NULL */
struct worker *worker_free(struct worker *worker);
