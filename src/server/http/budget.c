/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charges, and who is let go.
 *
 * A connection that is let go keeps its charge until libmicrohttpd has closed it, some turns of the
 * loop later. So room is made ahead: from a mark below the limit on, each newcomer costs somebody
 * his place, and meets the limit itself only when nobody may go.
 */
#include "server/http/budget.h"

#include "server/http/connection.h"

/* measured: 14.5 KB for a session of GnuTLS, libmicrohttpd's and our structures, 17.5 KB with what
 * stays of a review of 4 KB */
#define TLS_BYTES 18432

/* libmicrohttpd's and our structures; and what the kernel keeps in either direction, since nothing
 * tells us when a client does not read */
#define PLAIN_BYTES (2048 + 4 * LISTENER_HEALTH_BUFFER_BYTES)

/* connections that a worker may accept before those are closed that it let go: of two turns */
#define TURNS_ACCEPTS 24

#define RETRY_AFTER_SEC 1 /* memory comes free within moments */

#define LOOKS_MAX 32 /* busy connections passed over in search of an idle one */

/* parsed headers and the reply's head beside the request's own bytes. libmicrohttpd clears the
 * whole pool after each request, so all of it counts on the way of a review */
#define POOL_EXTRA_BYTES 2048

const struct head_refusal *budget_refusal(void)
{
    static const struct head_refusal refusal = { .code = 503,
                                                 .text = "too much memory is in use by connections",
                                                 .retry_after_sec = RETRY_AFTER_SEC };
    return &refusal;
}

size_t budget_pool_bytes(size_t max_header_bytes)
{
    return max_header_bytes + POOL_EXTRA_BYTES;
}

size_t budget_connection_bytes(size_t max_header_bytes, bool is_tls)
{
    return budget_pool_bytes(max_header_bytes) + (is_tls ? TLS_BYTES : PLAIN_BYTES);
}

size_t budget_least_bytes(size_t max_header_bytes, size_t max_body_bytes)
{
    const struct buf body = { 0 };
    return budget_connection_bytes(max_header_bytes, true) + CONNECTION_RECORD_BYTES +
           buf_cap_for(&body, max_body_bytes);
}

static size_t newcomer_bytes(const struct http_server_options *options, bool is_tls)
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
    const struct http_server_options *options = &worker->server->options;
    const size_t limit = limit_of(worker);
    const size_t newcomers =
        TURNS_ACCEPTS * worker->server->tls_worker_count * newcomer_bytes(options, true);
    return limit - (newcomers < limit / 4 ? newcomers : limit / 4);
}

static size_t total_of(const struct worker *worker)
{
    return atomic_load_explicit(&worker->server->connection_memory, memory_order_relaxed);
}

/* What will be left when those of this worker have gone that are going. */
static size_t staying_of(const struct worker *worker)
{
    const size_t total = total_of(worker);
    return total > worker->leaving_bytes ? total - worker->leaving_bytes : 0;
}

static bool is_short(const struct worker *worker, size_t need)
{
    return staying_of(worker) + need > mark_of(worker);
}

static void let_go(struct connection *connection)
{
    state_count(connection->worker, COUNT_CLOSED_MEMORY);
    connection_cut(connection);
}

static struct connection *first_but(const struct worker *worker,
                                    enum standing standing,
                                    const struct connection *except)
{
    struct connection *connection = worker->connections[standing].head;
    return connection && connection == except ? connection->next : connection;
}

/* Of one list, the first that may go. Of those that only ever got a no an idle one, else the one
 * that has been at its request for longest: a good one is done in a moment, and a no costs nothing.
 */
static struct connection *find_victim(const struct worker *worker,
                                      enum standing standing,
                                      const struct connection *except)
{
    struct connection *connection = first_but(worker, standing, except);
    if (standing == STANDING_STRANGER) {
        return connection;
    }
    for (unsigned looks = 0; connection && looks < LOOKS_MAX; looks++) {
        const bool may_go = connection != except && connection->phase == CONNECTION_IDLE;
        if (may_go) {
            return connection;
        }
        connection = connection->next;
    }
    return standing == STANDING_REFUSED ? first_but(worker, standing, except) : NULL;
}

static void relieve(struct worker *worker,
                    enum standing last,
                    size_t need,
                    const struct connection *except)
{
    for (unsigned standing = STANDING_STRANGER; standing <= (unsigned)last; standing++) {
        struct connection *victim;
        while (is_short(worker, need) &&
               (victim = find_victim(worker, (enum standing)standing, except)) != NULL) {
            let_go(victim);
        }
    }
}

/* This worker has nobody to let go: the others look among theirs when they sweep. */
static void ask_others(struct worker *worker)
{
    atomic_store_explicit(&worker->server->wants_room, true, memory_order_relaxed);
}

static bool let_one_go(struct worker *worker)
{
    struct connection *victim = find_victim(worker, STANDING_STRANGER, NULL);
    if (!victim) {
        victim = find_victim(worker, STANDING_REFUSED, NULL);
    }
    if (victim) {
        let_go(victim);
    }
    return victim != NULL;
}

void budget_make_place(struct worker *worker)
{
    if (!let_one_go(worker)) {
        ask_others(worker);
    }
}

/* Probes keep places of their own: their worker has hardly anybody to let go. */
static size_t newcomer_limit(const struct worker *worker, size_t need)
{
    const size_t limit = limit_of(worker);
    const size_t reserve = worker->listener->row.is_tls ? 0 : BUDGET_HEALTH_PLACES * need;
    return limit > SIZE_MAX - reserve ? SIZE_MAX : limit + reserve;
}

bool budget_admits(struct worker *worker)
{
    const size_t need = newcomer_bytes(&worker->server->options, worker->listener->row.is_tls);
    relieve(worker, STANDING_REFUSED, need, NULL);
    if (total_of(worker) + need <= newcomer_limit(worker, need)) {
        return true;
    }
    ask_others(worker);
    return false;
}

bool budget_grow(struct connection *connection, size_t bytes)
{
    struct worker *worker = connection->worker;
    const bool is_known = connection->standing == STANDING_KNOWN;
    relieve(worker, is_known ? STANDING_KNOWN : STANDING_REFUSED, bytes, connection);
    /* who has a credential need not wait until those have gone that were let go for him */
    const size_t others = is_known ? staying_of(worker) : total_of(worker);
    if (others + bytes > limit_of(worker)) {
        if (is_known) { /* for whoever has none this would end in letting him go himself */
            ask_others(worker);
        }
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
    const bool is_asked =
        atomic_load_explicit(&worker->server->wants_room, memory_order_relaxed) &&
        atomic_exchange_explicit(&worker->server->wants_room, false, memory_order_relaxed);
    if (is_asked && !let_one_go(worker)) {
        ask_others(worker); /* perhaps the next one has somebody */
    }
    relieve(worker, is_asked ? STANDING_REFUSED : STANDING_STRANGER, 0, NULL);
}
