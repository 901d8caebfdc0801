/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The memory of all connections together, held below --max-connection-memory.
 *
 * A connection is charged what it may pin before it can: a fixed sum when it is accepted, more for
 * its handshake, for a large body, a large reply, a reply that its client does not read. Charges
 * change a few times in a connection's life and not with each request, so one counter serves all
 * workers. When there is no room, a worker lets connections of its own go, in the order of their
 * standing:
 *
 *   1. strangers, which never had a review answered, the oldest first, whatever they are doing;
 *   2. those that only ever got a no, which costs nothing: the longest idle first, then the one
 * that has been at its request for longest;
 *   3. those that got a yes or showed an admitted client certificate, while idle, and only for one
 *      of their own kind: who has no credential can push nobody out who has one.
 *
 * Whoever comes when nobody may go is refused.
 *
 * Threads: the connection's worker; only the sum is shared.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "server/http/request_head.h"
#include "server/http/state.h"

/* probes and scrapes at once on a listener of their own, whatever the others take */
#define BUDGET_HEALTH_PLACES 16

/** budget_refusal() - what whoever finds no room is told: a 503 */
const struct head_refusal *budget_refusal(void);

/** budget_pool_bytes() - memory that libmicrohttpd takes for each connection's head and buffers */
size_t budget_pool_bytes(size_t max_header_bytes);

/** budget_connection_bytes() - what one connection may pin while nothing extraordinary happens on
 * it; a handshake comes on top. @max_header_bytes: of the options; @is_tls: of the HTTPS listener
 */
size_t budget_connection_bytes(size_t max_header_bytes, bool is_tls);

/** budget_least_bytes() - what one connection may pin while it brings the largest request: a budget
 * must have room for some of these */
size_t budget_least_bytes(size_t max_header_bytes, size_t max_body_bytes);

/** budget_admits() - is there room for one connection more? Makes some where it can */
bool budget_admits(struct worker *worker) NONNULL(1);

/** budget_make_place() - their number is at its limit, and one more was refused: let somebody go,
 * so that whoever comes next finds a place */
void budget_make_place(struct worker *worker) NONNULL(1);

/** budget_grow() - charge @connection @bytes more. Return: false when they do not fit, also after
 * others were let go: nothing is charged then, and @connection must do without */
bool budget_grow(struct connection *connection, size_t bytes) NODISCARD NONNULL(1);

/** budget_set() - charge @connection @bytes in all, whether they fit or not: for what is already
 * there, or becomes less */
void budget_set(struct connection *connection, size_t bytes) NONNULL(1);

/** budget_sweep() - let strangers of @worker go while all workers together are near the limit, and
 * others when another worker had none. Called several times a second */
void budget_sweep(struct worker *worker) NONNULL(1);
