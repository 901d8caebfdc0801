/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lingering close: a client that was refused by its headers is still sending its body. Closing at
 * once would answer those bytes with a reset, which overtakes the refusal; so the socket is kept a
 * while, what comes is thrown away, and the client reads why. One list per worker, its thread only.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define LINGER_MAX_SOCKETS 64         /* per worker; more than this at once are closed at once */
#define LINGER_MAX_NS      2000000000 /* then the client has had its chance to read the reply */
#define LINGER_MAX_BYTES   16777216   /* of one socket; who sends more does not listen */
#define LINGER_WAIT_MS     5          /* how long a worker with lingering sockets sleeps at most */

struct linger_socket {
    int fd;
    int64_t deadline_ns; /* monotonic */
    size_t left;         /* bytes that are still thrown away */
};

/** All-zero is empty. */
struct linger_set {
    struct linger_socket sockets[LINGER_MAX_SOCKETS];
    unsigned count;
};

/** linger_add() - keep a duplicate of @fd, whose owner is about to close it, and end our sending
 * side. When there is no room or no descriptor nothing happens: the client may lose the reply */
void linger_add(struct linger_set *linger, int fd, int64_t now_ns) NONNULL(1);

/** linger_drain() - throw away what came; close those that are done or late. @scratch: @size bytes,
 * overwritten */
void linger_drain(struct linger_set *linger, int64_t now_ns, char *scratch, size_t size)
    NONNULL(1, 3);

/** linger_close_all() - at the end */
void linger_close_all(struct linger_set *linger) NONNULL(1);
