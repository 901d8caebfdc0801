/* SPDX-License-Identifier: Apache-2.0 */
/* Suspending and resuming connections around what libmicrohttpd's epoll loop does not know. */
#include "server/park.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <microhttpd.h>

#include "server/connection.h"

#define PARK_EVENTS 64 /* handshakes resumed in one go */

enum status park_init(struct park *park, struct MHD_Daemon *daemon)
{
    park->fd = epoll_create1(EPOLL_CLOEXEC);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct epoll_event event = { .events = EPOLLIN };
    if (park->fd < 0 || !info || epoll_ctl(park->fd, EPOLL_CTL_ADD, info->epoll_fd, &event) != 0) {
        return ST_IO;
    }
    return ST_OK;
}

void park_fini(struct park *park)
{
    if (park->fd >= 0) {
        (void)close(park->fd); /* nothing to lose in it */
        park->fd = -1;
    }
}

void park_add(struct park *park, struct connection *connection)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
                                 .data.ptr = connection };
    const int operation = connection->ever_parked ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(park->fd, operation, connection->fd, &event) != 0) {
        connection_cut(connection); /* no memory in the kernel: this connection only */
        return;
    }
    connection->ever_parked = true;
    connection->parked = true;
    park->count++;
    MHD_suspend_connection(connection->mhd);
}

void park_remove(struct park *park, struct connection *connection)
{
    if (connection->parked) {
        connection->parked = false;
        park->count--;
    }
    if (connection->ever_parked) {
        (void)epoll_ctl(park->fd, EPOLL_CTL_DEL, connection->fd, NULL); /* it is in the set */
        connection->ever_parked = false;
    }
}

static void unpark(struct park *park, struct connection *connection)
{
    connection->parked = false;
    park->count--;
    MHD_resume_connection(connection->mhd);
}

void park_wait(struct park *park, int wait_ms)
{
    struct epoll_event events[PARK_EVENTS];
    const int count = epoll_wait(park->fd, events, PARK_EVENTS, wait_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr) { /* else libmicrohttpd's descriptor: it looks itself */
            unpark(park, events[i].data.ptr);
        }
    }
}

void park_nudge(struct connection *connection)
{
    MHD_suspend_connection(connection->mhd);
    MHD_resume_connection(connection->mhd);
}
