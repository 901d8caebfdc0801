/* SPDX-License-Identifier: Apache-2.0 */
/* Suspending and resuming connections around what libmicrohttpd's epoll loop does not know. */
#include "server/http/park.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <microhttpd.h>

#define PARK_EVENTS 64 /* handshakes resumed in one go */

static bool watch(struct park *park, int fd, void *mark)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = mark };
    return epoll_ctl(park->fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

enum status park_init(struct park *park, struct MHD_Daemon *daemon, int inbox_fd)
{
    park->fd = epoll_create1(EPOLL_CLOEXEC);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return park->fd >= 0 && info && watch(park, info->epoll_fd, NULL) && watch(park, inbox_fd, park)
               ? ST_OK
               : ST_IO;
}

void park_fini(struct park *park)
{
    if (park->fd >= 0) {
        (void)close(park->fd); /* nothing to lose in it */
        park->fd = -1;
    }
}

bool park_wait_on(struct park *park, struct connection *connection, enum park_event event)
{
    static const uint32_t events[] = {
        [PARK_UNTIL_READABLE] = EPOLLIN | EPOLLRDHUP,
        [PARK_UNTIL_WRITABLE] = EPOLLOUT,
        [PARK_UNTIL_RESUMED] = 0, /* EPOLLHUP and EPOLLERR are told unasked */
    };
    struct epoll_event wanted = {
        .events = events[event] | EPOLLONESHOT,
        .data.ptr = connection,
    };
    const int operation = connection->was_ever_parked ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(park->fd, operation, connection->fd, &wanted) != 0) {
        return false;
    }
    connection->was_ever_parked = true;
    return true;
}

bool park_add(struct park *park, struct connection *connection, enum park_event event)
{
    if (!park_wait_on(park, connection, event)) {
        return false;
    }
    connection->is_parked = true;
    park->count++;
    MHD_suspend_connection(connection->mhd);
    return true;
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

bool park_wait(struct park *park, int wait_ms, void (*ready)(struct connection *connection))
{
    struct epoll_event events[PARK_EVENTS];
    bool is_inbox_ready = false;
    const int count = epoll_wait(park->fd, events, PARK_EVENTS, wait_ms);
    for (int i = 0; i < count; i++) {
        void *const mark = events[i].data.ptr;
        if (mark == park) {
            is_inbox_ready = true;
        } else if (mark) { /* else libmicrohttpd's descriptor: it looks itself */
            struct connection *connection = mark;
            if (connection->is_parked) { /* else released between the event and now */
                ready(connection);
            }
        }
    }
    return is_inbox_ready;
}

void park_nudge(struct connection *connection)
{
    MHD_suspend_connection(connection->mhd);
    MHD_resume_connection(connection->mhd);
}
