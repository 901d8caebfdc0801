/* SPDX-License-Identifier: Apache-2.0 */
/* Suspending and resuming connections around what libmicrohttpd's epoll loop does not know. */
#include "server/park.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <microhttpd.h>

#include "server/connection.h"
#include "server/connection_tls.h"

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

static bool wait_for(struct park *park, struct connection *connection, enum park_event event)
{
    struct epoll_event wanted = {
        .events = (event == PARK_UNTIL_WRITABLE ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) | EPOLLONESHOT,
        .data.ptr = connection,
    };
    const int operation = connection->was_ever_parked ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(park->fd, operation, connection->fd, &wanted) != 0) {
        return false;
    }
    connection->was_ever_parked = true;
    return true;
}

void park_add(struct park *park, struct connection *connection, enum park_event event)
{
    if (!wait_for(park, connection, event)) {
        connection_cut(connection); /* no memory in the kernel: this connection only */
        return;
    }
    connection->is_parked = true;
    park->count++;
    MHD_suspend_connection(connection->mhd);
}

void park_remove(struct park *park, struct connection *connection)
{
    if (connection->is_parked) {
        connection->is_parked = false;
        park->count--;
    }
    if (connection->was_ever_parked) {
        (void)epoll_ctl(park->fd, EPOLL_CTL_DEL, connection->fd, NULL); /* it is in the set */
        connection->was_ever_parked = false;
    }
}

void park_release(struct park *park, struct connection *connection)
{
    if (connection->is_parked) {
        connection->is_parked = false;
        park->count--;
        MHD_resume_connection(connection->mhd);
    }
}

/* Its socket is ready. A reply that waited goes first. */
static void on_ready(struct park *park, struct connection *connection)
{
    if (!connection->is_parked) {
        return; /* released between the event and now */
    }
    const enum push push = connection->reply_waits ? connection_push(connection) : PUSH_DONE;
    if (push == PUSH_WAITS && wait_for(park, connection, PARK_UNTIL_WRITABLE)) {
        return;
    }
    if (push != PUSH_DONE) {
        connection_break_off(connection);
        return;
    }
    if (connection->reply_waits) {
        connection_reply_left(connection);
    }
    park_release(park, connection);
}

void park_wait(struct park *park, int wait_ms)
{
    struct epoll_event events[PARK_EVENTS];
    const int count = epoll_wait(park->fd, events, PARK_EVENTS, wait_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr) { /* else libmicrohttpd's descriptor: it looks itself */
            on_ready(park, events[i].data.ptr);
        }
    }
}

void park_nudge(struct connection *connection)
{
    MHD_suspend_connection(connection->mhd);
    MHD_resume_connection(connection->mhd);
}
