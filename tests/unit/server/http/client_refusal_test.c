/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a client that was refused. Whole lines, of real handshakes:
 * tests/integration/test_tls.py. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/client_refusal.h"

static const struct {
    const char *name;
    int family;
    const char *address;
    const char *want;
} rows[] = {
    { "IPv4", AF_INET, "192.0.2.1", "192.0.2.1:65535" },
    { "IPv6", AF_INET6, "2001:db8::1", "[2001:db8::1]:65535" },
    { "IPv4 on a socket of both", AF_INET6, "::ffff:192.0.2.1", "192.0.2.1:65535" },
    { "the longest", AF_INET6, "2001:db8:1111:2222:3333:4444:5555:6666",
      "[2001:db8:1111:2222:3333:4444:5555:6666]:65535" },
    { "neither", AF_UNIX, NULL, "" },
};

static void test_client_refusal_address_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char text[CLIENT_ADDRESS_MAX] = "x";
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = 65535 };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = 65535 };
        const struct sockaddr other = { .sa_family = AF_UNIX };
        print_message("# row: %s\n", rows[i].name);
        const struct sockaddr *address = &other;
        if (rows[i].family == AF_INET) {
            assert_int_equal(inet_pton(AF_INET, rows[i].address, &v4.sin_addr), 1);
            address = (const void *)&v4;
        } else if (rows[i].family == AF_INET6) {
            assert_int_equal(inet_pton(AF_INET6, rows[i].address, &v6.sin6_addr), 1);
            address = (const void *)&v6;
        }
        client_refusal_address(address, text);
        assert_string_equal(text, rows[i].want);
    }
}

/* The metric's labels: they stay what they are. */
static void test_client_refusal_label_of_each(void **state)
{
    (void)state;
    static const char *const want[CLIENT_CERTIFICATE_COUNT_] = {
        [CLIENT_CERTIFICATE_MISSING] = "missing",
        [CLIENT_CERTIFICATE_UNTRUSTED] = "untrusted",
        [CLIENT_CERTIFICATE_EXPIRED] = "expired",
        [CLIENT_CERTIFICATE_NOT_YET_VALID] = "not_yet_valid",
        [CLIENT_CERTIFICATE_WRONG_USAGE] = "wrong_usage",
        [CLIENT_CERTIFICATE_NAME_REFUSED] = "name",
        [CLIENT_CERTIFICATE_ACCEPTED] = "",
    };
    for (enum client_certificate why = 0; why < CLIENT_CERTIFICATE_COUNT_; why++) {
        assert_string_equal(client_refusal_label(why), want[why]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_refusal_address_rows),
        cmocka_unit_test(test_client_refusal_label_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
