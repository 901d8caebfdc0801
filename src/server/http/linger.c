/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that only wait for their clients to read: bounded in number, time and bytes. */
#include "server/http/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_PER_TURN 16 /* of one socket, so that a fast sender does not hold up the worker */

void linger_add(struct linger_set *linger, int fd, int64_t now_ns)
{
    if (linger->count == LINGER_MAX_SOCKETS) {
        return;
    }
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return;
    }
    (void)shutdown(copy, SHUT_WR); /* fails only when the client is gone: seen by the next read */
    linger->sockets[linger->count++] = (struct linger_socket){
        .fd = copy,
        .deadline_ns = now_ns + LINGER_MAX_NS,
        .left = LINGER_MAX_BYTES,
    };
}

/* Return: is it worth waiting for more? */
static bool drain_socket(struct linger_socket *linger, char *scratch, size_t size)
{
    for (int i = 0; i < READS_PER_TURN; i++) {
        const ssize_t n = recv(linger->fd, scratch, size, MSG_DONTWAIT);
        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        if ((size_t)n >= linger->left) {
            return false;
        }
        linger->left -= (size_t)n;
    }
    return true;
}

void linger_drain(struct linger_set *linger, int64_t now_ns, char *scratch, size_t size)
{
    for (unsigned i = linger->count; i-- > 0;) {
        struct linger_socket *socket = &linger->sockets[i];
        if (now_ns < socket->deadline_ns && drain_socket(socket, scratch, size)) {
            continue;
        }
        (void)close(socket->fd); /* the reply has left long ago */
        *socket = linger->sockets[--linger->count];
    }
}

void linger_close_all(struct linger_set *linger)
{
    while (linger->count) {
        (void)close(linger->sockets[--linger->count].fd);
    }
}
