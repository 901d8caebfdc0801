/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charges, and who is let go.
 *
 * A connection that is let go keeps its charge until libmicrohttpd has closed it, some turns of the
 * loop later. So room is made ahead: from a mark below the limit on, each newcomer costs somebody
 * his place, and meets the limit itself only when nobody may go.
 */
#include "server/budget.h"

#include "server/connection.h"
#include "server/server_private.h"
#include "server/worker.h"

#define TLS_BYTES \
    16384 /* measured: 14.5 KB for a session of GnuTLS, libmicrohttpd's and our structures */
#define PLAIN_BYTES 2048 /* libmicrohttpd's and our structures */
#define TURNS_ACCEPTS                                                                         \
    24 /* connections that a worker may accept before those are closed that it let go: of two \
          turns */
#define LOOKS_MAX 32 /* busy connections passed over in search of an idle one */

size_t budget_connection_bytes(size_t max_header_bytes, bool is_tls)
{
    return worker_pool_bytes(max_header_bytes) + (is_tls ? TLS_BYTES : PLAIN_BYTES);
}

size_t budget_least_bytes(size_t max_header_bytes, size_t max_body_bytes)
{
    const struct buf body = { 0 };
    return budget_connection_bytes(max_header_bytes, true) + CONNECTION_RECORD_BYTES +
           buf_cap_for(&body, max_body_bytes);
}

static size_t newcomer_bytes(const struct server_options *options, bool is_tls)
{
    return budget_connection_bytes(options->max_header_bytes, is_tls) +
           (is_tls ? CONNECTION_HANDSHAKE_BYTES : 0);
}

static size_t limit_of(const struct worker *worker)
{
    const size_t limit = worker->server->options.max_connection_memory_bytes;
    return limit ? limit : SIZE_MAX;
}

/* Room is made from here on: newcomers of two turns of all workers fit above it. */
static size_t mark_of(const struct worker *worker)
{
    const struct server_options *options = &worker->server->options;
    const size_t limit = limit_of(worker);
    const size_t newcomers = TURNS_ACCEPTS * options->workers * newcomer_bytes(options, true);
    return limit - (newcomers < limit / 4 ? newcomers : limit / 4);
}

static size_t total_of(const struct worker *worker)
{
    return atomic_load_explicit(&worker->server->connection_memory, memory_order_relaxed);
}

/* Is there less than @need below the mark, after those have gone that are going? */
static bool is_short(const struct worker *worker, size_t need)
{
    const size_t total = total_of(worker);
    const size_t staying = total > worker->leaving_bytes ? total - worker->leaving_bytes : 0;
    return staying + need > mark_of(worker);
}

static void let_go(struct connection *connection)
{
    metrics_add(&connection->worker->metrics.counters[COUNT_CLOSED_MEMORY], 1);
    connection_cut(connection);
}

/* Of one list, the first that may go. */
static struct connection *find_victim(const struct worker *worker,
                                      enum connection_standing standing,
                                      const struct connection *except)
{
    struct connection *connection = worker->connections[standing].head;
    for (unsigned looks = 0; connection && looks < LOOKS_MAX; looks++) {
        if (connection != except &&
            (standing == STANDING_STRANGER || connection->phase == CONNECTION_IDLE)) {
            return connection;
        }
        connection = connection->next;
    }
    return NULL;
}

static void relieve(struct worker *worker,
                    enum connection_standing last,
                    size_t need,
                    const struct connection *except)
{
    for (unsigned standing = STANDING_STRANGER; standing <= (unsigned)last; standing++) {
        struct connection *victim;
        while (is_short(worker, need) &&
               (victim = find_victim(worker, (enum connection_standing)standing, except)) != NULL) {
            let_go(victim);
        }
    }
}

void budget_make_place(struct worker *worker)
{
    struct connection *victim = find_victim(worker, STANDING_STRANGER, NULL);
    if (!victim) {
        victim = find_victim(worker, STANDING_REFUSED, NULL);
    }
    if (victim) {
        let_go(victim);
    }
}

bool budget_admits(struct worker *worker)
{
    const size_t need = newcomer_bytes(&worker->server->options, worker->is_tls);
    relieve(worker, STANDING_REFUSED, need, NULL);
    return total_of(worker) + need <= limit_of(worker);
}

bool budget_grow(struct connection *connection, size_t bytes)
{
    struct worker *worker = connection->worker;
    const enum connection_standing last =
        connection->standing == STANDING_KNOWN ? STANDING_KNOWN : STANDING_REFUSED;
    relieve(worker, last, bytes, connection);
    if (total_of(worker) + bytes > limit_of(worker)) {
        return false;
    }
    budget_set(connection, connection->charged + bytes);
    return true;
}

void budget_set(struct connection *connection, size_t bytes)
{
    struct worker *worker = connection->worker;
    /* unsigned arithmetic wraps, and so takes away as well as it adds */
    const size_t change = bytes - connection->charged;
    atomic_fetch_add_explicit(&worker->server->connection_memory, change, memory_order_relaxed);
    if (connection->standing == STANDING_LEAVING) {
        worker->leaving_bytes += change;
    }
    connection->charged = bytes;
}

void budget_sweep(struct worker *worker)
{
    relieve(worker, STANDING_STRANGER, 0, NULL);
}
