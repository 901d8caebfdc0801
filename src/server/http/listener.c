/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. One socket for IPv6 and, by IPV6_V6ONLY off, for IPv4. */
#include "server/http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* the kernel cuts it to net.core.somaxconn; a burst of reconnecting API servers fits */
#define LISTEN_BACKLOG 4096

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

static bool parse_address(const char *text, uint16_t port, struct address *ret)
{
    *ret = (struct address){ 0 };
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->storage;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->storage;
    if (inet_pton(AF_INET6, *text ? text : "::", &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        ret->len = sizeof(*v6);
        return true;
    }
    *ret = (struct address){ 0 };
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        ret->len = sizeof(*v4);
        return true;
    }
    return false;
}

static int open_socket(const struct address *address, int buffer_bytes)
{
    const int fd =
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const int on = 1;
    const int off = 0;
    /* a restart must not wait for TIME_WAIT; failing to set either shows when bind fails */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* connections have them from here; with the kernel's own a client that never reads pins
     * megabytes */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
    if (address->storage.ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, (const struct sockaddr *)&address->storage, address->len) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        const int error = errno;
        (void)close(fd); /* nothing was accepted on it */
        errno = error;
        return -1;
    }
    return fd;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage bound = { 0 };
    socklen_t len = sizeof(bound);
    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        return 0;
    }
    return bound.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&bound)->sin6_port)
                                       : ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

enum status listener_open(const char *address,
                          uint16_t port,
                          int buffer_bytes,
                          int *ret_fd,
                          uint16_t *ret_port,
                          struct problem *reterr_problem)
{
    struct address parsed;
    if (!parse_address(address, port, &parsed)) {
        problem_set(reterr_problem, ST_INVALID, 0, 0,
                    "expected an IP address to listen on, found \"%.64s\"", address);
        return ST_INVALID;
    }
    int fd = open_socket(&parsed, buffer_bytes);
    const bool is_any = !*address || strcmp(address, "::") == 0;
    if (fd < 0 && is_any && errno == EAFNOSUPPORT && parse_address("0.0.0.0", port, &parsed)) {
        fd = open_socket(&parsed, buffer_bytes);
    }
    if (fd < 0) {
        problem_set(reterr_problem, ST_IO, 0, 0, "cannot listen on %.64s port %u: %m", address,
                    port);
        return ST_IO;
    }
    *ret_fd = fd;
    *ret_port = bound_port(fd);
    return ST_OK;
}
