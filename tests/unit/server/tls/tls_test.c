/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates in force: what is refused at start, what a reload changes, and that a bad one
 * changes nothing. Keys and certificates are made here, at run time. Client certificates in real
 * handshakes: tests/integration/test_tls.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/tls/tls.h"
#include "support/certificate_kit.h"
#include "support/costly_certificate.h"

#define NOW_SEC 1800000000

struct fixture {
    char directory[64];
    char cert[128];
    char key[128];
    char ca[128];
    struct manual_clock time;
    struct tls_options options;
};

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void write_pair(const struct fixture *fixture, int64_t not_after_sec)
{
    certificate_kit_make(fixture->cert, fixture->key, not_after_sec);
}

/* A good key that belongs to another certificate. */
static void write_other_key(const struct fixture *fixture)
{
    char other[136];
    (void)snprintf(other, sizeof(other), "%s.other", fixture->cert);
    certificate_kit_make(other, fixture->key, NOW_SEC + 100);
    assert_int_equal(unlink(other), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "kb-tls-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->cert, sizeof(fixture->cert), "%s/tls.crt", fixture->directory);
    (void)snprintf(fixture->key, sizeof(fixture->key), "%s/tls.key", fixture->directory);
    (void)snprintf(fixture->ca, sizeof(fixture->ca), "%s/ca.crt", fixture->directory);
    fixture->time.wall.sec = NOW_SEC;
    fixture->options = (struct tls_options){
        .cert_file = fixture->cert,
        .key_file = fixture->key,
        .session_tickets = true,
        .clock = clock_manual(&fixture->time),
    };
    write_pair(fixture, NOW_SEC + 100);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)unlink(fixture->cert); /* some tests took them away */
    (void)unlink(fixture->key);
    (void)unlink(fixture->ca);
    assert_int_equal(rmdir(fixture->directory), 0);
    free(fixture);
    return 0;
}

static void test_tls_context_new_good_pair_is_served(void **state)
{
    struct fixture *fixture = *state;
    struct tls_context *context = NULL;
    struct problem problem = { 0 };
    struct certificate_stats stats;
    assert_int_equal(tls_context_new(&fixture->options, &context, &problem), ST_OK);
    tls_context_stats(context, &stats);
    assert_true(stats.last_reload_ok);
    assert_int_equal(stats.not_after_sec, NOW_SEC + 100);
    assert_int_equal(stats.last_reload_sec, NOW_SEC);
    assert_false(tls_context_wants_client_certificates(context));
    context = tls_context_free(context);
}

static void test_tls_context_judge_is_of_the_certificate_in_force(void **state)
{
    struct fixture *fixture = *state;
    struct tls_finding findings[TLS_FINDINGS_MAX];
    struct tls_context *context = NULL;
    struct problem problem = { 0 };
    bool changed = false;
    struct certificate_kit kit = { .dn = "CN=x", .not_after_sec = NOW_SEC + 100 };
    assert_int_equal(tls_context_new(&fixture->options, &context, &problem), ST_OK);
    assert_int_equal(tls_context_judge(context, findings), 0);
    certificate_kit_issue(&kit, NULL);
    certificate_kit_save(&kit, fixture->cert, fixture->key);
    certificate_kit_free(&kit);
    assert_int_equal(tls_context_reload(context, &changed, &problem), ST_OK);
    assert_int_equal(tls_context_judge(context, findings), 1);
    assert_int_equal(findings[0].flaw, TLS_FLAW_NO_SAN);
    write_other_key(fixture);
    assert_int_equal(tls_context_reload(context, &changed, &problem), ST_INVALID);
    assert_int_equal(tls_context_judge(context, findings), 1);
    fixture->time.wall.sec = NOW_SEC + 101;
    assert_int_equal(tls_context_judge(context, findings), 2);
    assert_int_equal(findings[0].flaw, TLS_FLAW_EXPIRED);
    context = tls_context_free(context);
}

static void test_tls_context_new_swapped_files_are_named_as_such(void **state)
{
    struct fixture *fixture = *state;
    struct tls_context *context = NULL;
    struct problem problem = { 0 };
    const char *cert = fixture->options.cert_file;
    fixture->options.cert_file = fixture->options.key_file;
    fixture->options.key_file = cert;
    assert_int_equal(tls_context_new(&fixture->options, &context, &problem), ST_INVALID);
    assert_string_equal(problem.file, fixture->key);
    assert_non_null(strstr(problem.text, "--tls-cert-file and --tls-private-key-file are swapped"));
    assert_non_null(strstr(problem.text, fixture->cert));
    /* both in each is no swap */
    fixture->options.key_file = fixture->options.cert_file;
    assert_int_equal(tls_context_new(&fixture->options, &context, &problem), ST_INVALID);
    assert_null(strstr(problem.text, "swapped"));
}

enum damage { NO_CERT, NO_KEY, EMPTY_CERT, GARBAGE_KEY, OTHER_KEY, NO_CA, GARBAGE_CA, HUGE_CERT };

static void do_damage(const struct fixture *fixture, enum damage damage)
{
    switch (damage) {
    case NO_CERT:
        assert_int_equal(unlink(fixture->cert), 0);
        break;
    case NO_KEY:
        assert_int_equal(unlink(fixture->key), 0);
        break;
    case EMPTY_CERT:
        write_file(fixture->cert, "", 0);
        break;
    case GARBAGE_KEY:
        write_file(fixture->key, "-----BEGIN PRIVATE KEY-----\n", 28);
        break;
    case OTHER_KEY:
        write_other_key(fixture);
        break;
    case NO_CA:
        break;
    case GARBAGE_CA:
        write_file(fixture->ca, "nothing\n", 8);
        break;
    case HUGE_CERT:
        assert_int_equal(truncate(fixture->cert, TLS_FILE_MAX_BYTES + 1), 0);
        break;
    }
}

static const struct {
    const char *name;
    enum damage damage;
    bool with_ca;
    enum status want;
    const char *file; /* named in the problem */
} bad_rows[] = {
    { "no certificate", NO_CERT, false, ST_IO, "tls.crt" },
    { "no key", NO_KEY, false, ST_IO, "tls.key" },
    { "empty certificate", EMPTY_CERT, false, ST_INVALID, "tls.crt" },
    { "broken key", GARBAGE_KEY, false, ST_INVALID, "tls.crt" },
    { "somebody else's key", OTHER_KEY, false, ST_INVALID, "tls.key" },
    { "no client CA", NO_CA, true, ST_IO, "ca.crt" },
    { "broken client CA", GARBAGE_CA, true, ST_INVALID, "ca.crt" },
    { "certificate file too large", HUGE_CERT, false, ST_LIMIT, "tls.crt" },
};

static void test_tls_context_new_bad_files_are_named(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNTOF(bad_rows); i++) {
        struct tls_context *context = NULL;
        struct problem problem = { 0 };
        print_message("# row: %s\n", bad_rows[i].name);
        write_pair(fixture, NOW_SEC + 100);
        do_damage(fixture, bad_rows[i].damage);
        fixture->options.client_ca_file = bad_rows[i].with_ca ? fixture->ca : NULL;
        assert_int_equal(tls_context_new(&fixture->options, &context, &problem), bad_rows[i].want);
        assert_null(context);
        assert_non_null(strstr(problem.file, bad_rows[i].file));
        assert_true(problem.text[0] != '\0');
    }
}

static void test_tls_context_reload_new_pair_is_published(void **state)
{
    struct fixture *fixture = *state;
    struct tls_context *context = NULL;
    struct problem problem = { 0 };
    struct certificate_stats stats;
    bool changed = true;
    assert_int_equal(tls_context_new(&fixture->options, &context, &problem), ST_OK);
    assert_int_equal(tls_context_reload(context, &changed, &problem), ST_OK);
    assert_false(changed);
    write_pair(fixture, NOW_SEC + 500);
    assert_int_equal(tls_context_reload(context, &changed, &problem), ST_OK);
    assert_true(changed);
    tls_context_stats(context, &stats);
    assert_int_equal(stats.not_after_sec, NOW_SEC + 500);
    assert_int_equal(stats.reloads_ok, 2);
    context = tls_context_free(context);
}

static void test_tls_context_reload_bad_pair_keeps_the_old_one(void **state)
{
    struct fixture *fixture = *state;
    struct tls_context *context = NULL;
    struct problem problem = { 0 };
    struct certificate_stats stats;
    bool changed = false;
    assert_int_equal(tls_context_new(&fixture->options, &context, &problem), ST_OK);
    do_damage(fixture, OTHER_KEY);
    assert_int_equal(tls_context_reload(context, &changed, &problem), ST_INVALID);
    tls_context_stats(context, &stats);
    assert_false(stats.last_reload_ok);
    assert_int_equal(stats.reloads_failed, 1);
    assert_int_equal(stats.not_after_sec, NOW_SEC + 100);
    assert_non_null(strstr(stats.last_error, "tls.key"));
    write_pair(fixture, NOW_SEC + 900);
    assert_int_equal(tls_context_reload(context, &changed, &problem), ST_OK);
    tls_context_stats(context, &stats);
    assert_true(stats.last_reload_ok);
    assert_string_equal(stats.last_error, "");
    assert_int_equal(stats.not_after_sec, NOW_SEC + 900);
    context = tls_context_free(context);
}

static void test_tls_session_prepare_old_credentials_outlive_a_reload(void **state)
{
    struct fixture *fixture = *state;
    struct tls_context *context = NULL;
    struct tls_credentials *credentials = NULL;
    struct problem problem = { 0 };
    gnutls_session_t session;
    bool changed = false;
    assert_int_equal(tls_context_new(&fixture->options, &context, &problem), ST_OK);
    assert_int_equal(gnutls_init(&session, GNUTLS_SERVER), 0);
    assert_int_equal(tls_session_prepare(context, session, &credentials), ST_OK);
    write_pair(fixture, NOW_SEC + 500);
    assert_int_equal(tls_context_reload(context, &changed, &problem), ST_OK);
    assert_true(changed);
    gnutls_deinit(session);
    credentials =
        tls_credentials_unref(credentials); /* the last share: a sanitizer tells if it was not */
    context = tls_context_free(context);
}

/* Boundaries: CLIENT_RSA_MAX_BITS and its neighbours in server/tls/tls.c. */
static const struct {
    const char *name;
    struct costly_certificate client;
    bool want;
} chain_rows[] = {
    /* clang-format off */
    { "no certificate", { .chain_len = 0 }, true },
    { "ECDSA", { .algorithm = GNUTLS_PK_ECDSA, .chain_len = 1 }, true },
    { "RSA 2048", { GNUTLS_PK_RSA, 2048, 3, 0, 1 }, true },
    { "RSA of the most bits", { GNUTLS_PK_RSA, 8192, 3, 0, 1 }, true },
    { "RSA of more bits", { GNUTLS_PK_RSA, 8200, 3, 0, 1 }, false },
    { "RSA of the longest exponent", { GNUTLS_PK_RSA, 2048, 8, 0, 1 }, true },
    { "RSA of a longer exponent", { GNUTLS_PK_RSA, 2048, 9, 0, 1 }, false },
    { "RSA-PSS: no key of the known kinds", { GNUTLS_PK_RSA_PSS, 2048, 3, 0, 1 }, false },
    { "large", { .algorithm = GNUTLS_PK_ECDSA, .padding_bytes = 7680, .chain_len = 1 }, true },
    { "too large", { .algorithm = GNUTLS_PK_ECDSA, .padding_bytes = 8192, .chain_len = 1 }, false },
    { "longest chain", { .algorithm = GNUTLS_PK_ECDSA, .chain_len = 8 }, true },
    { "longer chain", { .algorithm = GNUTLS_PK_ECDSA, .chain_len = 9 }, false },
    /* clang-format on */
};

#define HANDSHAKE_ROUNDS 100 /* a bound: a handshake takes a few */

/* Both ends in turn, until the server is done. Return: how its handshake ended */
static int shake_hands(gnutls_session_t server, gnutls_session_t client)
{
    int rc = GNUTLS_E_AGAIN;
    for (int i = 0; i < HANDSHAKE_ROUNDS && rc < 0 && !gnutls_error_is_fatal(rc); i++) {
        (void)gnutls_handshake(client); /* it does not know yet, or does not matter */
        rc = gnutls_handshake(server);
    }
    return rc;
}

static gnutls_session_t start_session(unsigned flags, int fd, const char *priority)
{
    gnutls_session_t session;
    assert_int_equal(gnutls_init(&session, flags | GNUTLS_NONBLOCK), 0);
    assert_int_equal(gnutls_priority_set_direct(session, priority, NULL), 0);
    gnutls_transport_set_int(session, fd);
    return session;
}

/* A TLS 1.2 handshake, in which GnuTLS asks before it checks the signature. Of TLS 1.3 it is the
 * running server that asks: tests/integration/test_hostile_clients.py. */
static void check_chain(struct tls_context *context,
                        struct costly_certificate *presented,
                        bool want)
{
    int fds[2];
    struct tls_credentials *credentials = NULL;
    gnutls_certificate_credentials_t presenting;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&presenting), 0);
    if (presented->chain_len) {
        assert_return_code(costly_certificate_set(presented, presenting), 0);
    }
    gnutls_session_t server = start_session(GNUTLS_SERVER, fds[0], tls_context_priority(context));
    gnutls_session_t client = start_session(GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT, fds[1],
                                            "NORMAL:-VERS-ALL:+VERS-TLS1.2");
    assert_int_equal(gnutls_credentials_set(client, GNUTLS_CRD_CERTIFICATE, presenting), 0);
    assert_int_equal(tls_session_prepare(context, server, &credentials), ST_OK);
    const int rc = shake_hands(server, client);
    unsigned count = 0;
    (void)gnutls_certificate_get_peers(server, &count); /* none: a count of 0 */
    assert_int_equal(count, presented->chain_len);
    assert_int_equal(tls_session_chain_is_affordable(server), want);
    if (!presented->chain_len) {
        assert_int_equal(rc, 0);
    } else if (want) { /* the signature was looked at, and is none */
        assert_true(gnutls_error_is_fatal(rc));
        assert_int_not_equal(rc, GNUTLS_E_CERTIFICATE_ERROR);
    } else {
        assert_int_equal(rc, GNUTLS_E_CERTIFICATE_ERROR);
    }
    gnutls_deinit(server);
    gnutls_deinit(client);
    gnutls_certificate_free_credentials(presenting);
    credentials = tls_credentials_unref(credentials);
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(close(fds[1]), 0);
}

static void test_tls_session_costly_chain_is_refused_before_its_signature(void **state)
{
    struct fixture *fixture = *state;
    struct tls_context *context = NULL;
    struct problem problem = { 0 };
    fixture->options.client_ca_file = fixture->cert;
    assert_int_equal(tls_context_new(&fixture->options, &context, &problem), ST_OK);
    for (size_t i = 0; i < COUNTOF(chain_rows); i++) {
        struct costly_certificate client = chain_rows[i].client;
        print_message("# row: %s\n", chain_rows[i].name);
        check_chain(context, &client, chain_rows[i].want);
    }
    context = tls_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tls_context_new_good_pair_is_served, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_tls_context_judge_is_of_the_certificate_in_force,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tls_context_new_swapped_files_are_named_as_such,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tls_context_new_bad_files_are_named, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_tls_context_reload_new_pair_is_published, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_tls_context_reload_bad_pair_keeps_the_old_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_tls_session_prepare_old_credentials_outlive_a_reload,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_tls_session_costly_chain_is_refused_before_its_signature, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
