/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: what is accepted as an address, and that "::" takes IPv4 too. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/http/listener.h"

static int connect_ipv4(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    const int rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
    (void)close(fd); /* only whether it connects is asked */
    return rc;
}

static int connect_ipv6(uint16_t port)
{
    struct sockaddr_in6 address = { .sin6_family = AF_INET6,
                                    .sin6_port = htons(port),
                                    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    const int rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
    (void)close(fd);
    return rc;
}

static const struct {
    const char *address;
    bool ipv4;
    bool ipv6;
} good_rows[] = {
    { "", true, true },           { "::", true, true },   { "0.0.0.0", true, false },
    { "127.0.0.1", true, false }, { "::1", false, true },
};

static void test_listener_open_serves_the_families_of_its_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(good_rows); i++) {
        int fd = -1;
        uint16_t port = 0;
        struct problem problem = { 0 };
        assert_int_equal(
            listener_open(good_rows[i].address, 0, LISTENER_BUFFER_BYTES, &fd, &port, &problem),
            ST_OK);
        assert_int_not_equal(port, 0);
        assert_int_equal(connect_ipv4(port) == 0, good_rows[i].ipv4);
        assert_int_equal(connect_ipv6(port) == 0, good_rows[i].ipv6);
        (void)close(fd);
    }
}

static void test_listener_open_refuses_what_is_no_address(void **state)
{
    (void)state;
    static const char *const rows[] = { "localhost", "1.2.3", "1.2.3.4:80", "[::]", "::g" };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        int fd = -1;
        uint16_t port = 0;
        struct problem problem = { 0 };
        assert_int_equal(listener_open(rows[i], 0, LISTENER_BUFFER_BYTES, &fd, &port, &problem),
                         ST_INVALID);
        assert_true(problem.text[0] != '\0');
        assert_int_equal(fd, -1);
    }
}

static void test_listener_open_names_a_port_in_use(void **state)
{
    (void)state;
    int first = -1;
    int second = -1;
    uint16_t port = 0;
    uint16_t unused = 0;
    struct problem problem = { 0 };
    assert_int_equal(listener_open("127.0.0.1", 0, LISTENER_BUFFER_BYTES, &first, &port, &problem),
                     ST_OK);
    assert_int_equal(
        listener_open("127.0.0.1", port, LISTENER_BUFFER_BYTES, &second, &unused, &problem), ST_IO);
    assert_non_null(strstr(problem.text, "in use"));
    (void)close(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listener_open_serves_the_families_of_its_address),
        cmocka_unit_test(test_listener_open_refuses_what_is_no_address),
        cmocka_unit_test(test_listener_open_names_a_port_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
