/* SPDX-License-Identifier: Apache-2.0 */
/* Connections per address: who is counted as one, and that the count comes down again. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/http/address_limit.h"

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage ret = { 0 };
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&ret;
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
    } else {
        assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
        v4->sin_family = AF_INET;
    }
    return ret;
}

static bool allows(struct address_limit *limit, const char *text)
{
    const struct sockaddr_storage storage = address(text);
    return address_limit_allows(limit, (const struct sockaddr *)&storage);
}

static void add(struct address_limit *limit, const char *text)
{
    const struct sockaddr_storage storage = address(text);
    assert_true(address_limit_add(limit, (const struct sockaddr *)&storage));
}

static void sub(struct address_limit *limit, const char *text)
{
    const struct sockaddr_storage storage = address(text);
    address_limit_remove(limit, (const struct sockaddr *)&storage);
}

static void test_address_limit_full_address_is_refused_until_one_ends(void **state)
{
    (void)state;
    struct address_limit *limit = NULL;
    assert_int_equal(address_limit_new(2, &limit), ST_OK);
    add(limit, "192.0.2.1");
    assert_true(allows(limit, "192.0.2.1"));
    add(limit, "192.0.2.1");
    assert_false(allows(limit, "192.0.2.1"));
    assert_true(allows(limit, "192.0.2.2"));
    sub(limit, "192.0.2.1");
    assert_true(allows(limit, "192.0.2.1"));
    limit = address_limit_free(limit);
}

static void test_address_limit_mapped_address_is_the_same_client(void **state)
{
    (void)state;
    struct address_limit *limit = NULL;
    assert_int_equal(address_limit_new(1, &limit), ST_OK);
    add(limit, "192.0.2.1");
    assert_false(allows(limit, "::ffff:192.0.2.1"));
    assert_true(allows(limit, "2001:db8::1"));
    add(limit, "2001:db8::1");
    assert_false(allows(limit, "2001:db8::1"));
    assert_true(allows(limit, "2001:db8::2"));
    limit = address_limit_free(limit);
}

static void test_address_limit_many_addresses_all_leave(void **state)
{
    (void)state;
    struct address_limit *limit = NULL;
    assert_int_equal(address_limit_new(1, &limit), ST_OK);
    char text[32];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1000; i++) {
            (void)snprintf(text, sizeof(text), "10.0.%d.%d", i / 250, i % 250);
            assert_true(allows(limit, text));
            add(limit, text);
            assert_false(allows(limit, text));
        }
        for (int i = 0; i < 1000; i++) {
            (void)snprintf(text, sizeof(text), "10.0.%d.%d", i / 250, i % 250);
            sub(limit, text);
        }
    }
    limit = address_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_limit_full_address_is_refused_until_one_ends),
        cmocka_unit_test(test_address_limit_mapped_address_is_the_same_client),
        cmocka_unit_test(test_address_limit_many_addresses_all_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
