/* SPDX-License-Identifier: Apache-2.0 */
/* Lingering close, over real socket pairs: what ends it, and its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/http/linger.h"

static char scratch[4096];

/* A pair whose server end is already lingering; its owner's descriptor is closed. Return: the
 * client's end. */
static int start(struct linger_set *set, int64_t now_ns)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    linger_add(set, pair[0], now_ns);
    assert_int_equal(close(pair[0]), 0);
    return pair[1];
}

static void test_linger_client_can_still_send_and_sees_the_end(void **state)
{
    (void)state;
    struct linger_set set = { 0 };
    char byte;
    const int client = start(&set, 0);
    assert_int_equal(set.count, 1);
    assert_int_equal(send(client, "body", 4, MSG_NOSIGNAL), 4);
    linger_drain(&set, 1, scratch, sizeof(scratch));
    assert_int_equal(set.count, 1);
    assert_int_equal(recv(client, &byte, 1, 0), 0); /* our side has ended: the reply is complete */
    assert_int_equal(send(client, "more", 4, MSG_NOSIGNAL), 4);
    linger_close_all(&set);
    assert_int_equal(close(client), 0);
}

static void test_linger_ends_when_the_client_does(void **state)
{
    (void)state;
    struct linger_set set = { 0 };
    const int client = start(&set, 0);
    assert_int_equal(close(client), 0);
    linger_drain(&set, 1, scratch, sizeof(scratch));
    assert_int_equal(set.count, 0);
}

static void test_linger_ends_at_its_deadline(void **state)
{
    (void)state;
    struct linger_set set = { 0 };
    const int client = start(&set, 100);
    linger_drain(&set, 100 + LINGER_MAX_NS - 1, scratch, sizeof(scratch));
    assert_int_equal(set.count, 1);
    linger_drain(&set, 100 + LINGER_MAX_NS, scratch, sizeof(scratch));
    assert_int_equal(set.count, 0);
    assert_int_equal(close(client), 0);
}

static void test_linger_ends_for_who_sends_too_much(void **state)
{
    (void)state;
    struct linger_set set = { 0 };
    const int client = start(&set, 0);
    set.sockets[0].left = sizeof(scratch);
    assert_int_equal(send(client, scratch, sizeof(scratch), MSG_NOSIGNAL),
                     (ssize_t)sizeof(scratch));
    linger_drain(&set, 1, scratch, sizeof(scratch));
    assert_int_equal(set.count, 0);
    assert_int_equal(close(client), 0);
}

static void test_linger_has_room_for_so_many(void **state)
{
    (void)state;
    struct linger_set set = { 0 };
    int clients[LINGER_MAX_SOCKETS + 1];
    for (size_t i = 0; i <= LINGER_MAX_SOCKETS; i++) {
        clients[i] = start(&set, 0);
    }
    assert_int_equal(set.count, LINGER_MAX_SOCKETS);
    linger_close_all(&set);
    for (size_t i = 0; i <= LINGER_MAX_SOCKETS; i++) {
        assert_int_equal(close(clients[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linger_client_can_still_send_and_sees_the_end),
        cmocka_unit_test(test_linger_ends_when_the_client_does),
        cmocka_unit_test(test_linger_ends_at_its_deadline),
        cmocka_unit_test(test_linger_ends_for_who_sends_too_much),
        cmocka_unit_test(test_linger_has_room_for_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
