/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that are made on the spot, and a server that plays a script with them. */
#include "support/https_script.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/x509.h>

#define HTTPS_SCRIPT_REQUEST_MAX  (2 * 1024 * 1024)
#define HTTPS_SCRIPT_DEADLINE_SEC 60 /* only that a test ends at all */

/* Certificates. */

void https_identity_make(struct https_identity *identity,
                         const struct https_identity *issuer,
                         const char *common_name,
                         bool is_server)
{
    static unsigned count = 0; /* a test may make more than 256 */
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(
                         key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    assert_int_equal(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
                                                       GNUTLS_PKCS_PLAIN, &identity->key),
                     0);
    assert_int_equal(gnutls_x509_crt_init(&certificate), 0);
    assert_int_equal(gnutls_x509_crt_set_version(certificate, 3), 0);
    count++;
    const unsigned char serial[] = { 1, (unsigned char)(count >> 8), (unsigned char)count };
    assert_int_equal(gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial)), 0);
    assert_int_equal(gnutls_x509_crt_set_dn(certificate, common_name, NULL), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 3600), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600), 0);
    assert_int_equal(gnutls_x509_crt_set_key(certificate, key), 0);
    assert_int_equal(gnutls_x509_crt_set_basic_constraints(certificate, !issuer, -1), 0);
    if (is_server) {
        static const char *const names[] = { "localhost", "kubernetes.test" };
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            assert_int_equal(gnutls_x509_crt_set_subject_alt_name(
                                 certificate, GNUTLS_SAN_DNSNAME, names[i],
                                 (unsigned)strlen(names[i]), GNUTLS_FSAN_APPEND),
                             0);
        }
        assert_int_equal(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS,
                                                              "\x7f\x00\x00\x01", 4,
                                                              GNUTLS_FSAN_APPEND),
                         0);
    }
    if (issuer) {
        gnutls_x509_crt_t issuer_certificate;
        gnutls_x509_privkey_t issuer_key;
        assert_int_equal(gnutls_x509_crt_init(&issuer_certificate), 0);
        assert_int_equal(gnutls_x509_privkey_init(&issuer_key), 0);
        assert_int_equal(
            gnutls_x509_crt_import(issuer_certificate, &issuer->certificate, GNUTLS_X509_FMT_PEM),
            0);
        assert_int_equal(gnutls_x509_privkey_import(issuer_key, &issuer->key, GNUTLS_X509_FMT_PEM),
                         0);
        assert_int_equal(gnutls_x509_crt_sign2(certificate, issuer_certificate, issuer_key,
                                               GNUTLS_DIG_SHA256, 0),
                         0);
        gnutls_x509_crt_deinit(issuer_certificate);
        gnutls_x509_privkey_deinit(issuer_key);
    } else {
        assert_int_equal(gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_KEY_CERT_SIGN), 0);
        assert_int_equal(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0),
                         0);
    }
    assert_int_equal(
        gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &identity->certificate), 0);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

void https_pki_make(struct https_pki *pki)
{
    https_identity_make(&pki->ca, NULL, "CN=TEST-ONLY CA", false);
    https_identity_make(&pki->other_ca, NULL, "CN=TEST-ONLY other CA", false);
    https_identity_make(&pki->server, &pki->ca, "CN=server", true);
    https_identity_make(&pki->client, &pki->ca, "CN=client", false);
    https_identity_make(&pki->other_client, &pki->ca, "CN=other client", false);
}

void https_pki_free(struct https_pki *pki)
{
    struct https_identity *const all[] = { &pki->ca, &pki->other_ca, &pki->server, &pki->client,
                                           &pki->other_client };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        gnutls_free(all[i]->certificate.data);
        gnutls_free(all[i]->key.data);
    }
}

/* The server. */

static void https_complain(struct https_script *script, const char *what, const char *more)
{
    pthread_mutex_lock(&script->mutex);
    if (!script->complaint[0]) {
        (void)snprintf(script->complaint, sizeof(script->complaint), "%s: %.180s", what, more);
    }
    pthread_mutex_unlock(&script->mutex);
}

static ssize_t https_recv(struct https_connection *connection, char *at, size_t size)
{
    if (!connection->session) {
        return recv(connection->fd, at, size, 0);
    }
    ssize_t got = 0;
    do {
        got = gnutls_record_recv(connection->session, at, size);
    } while (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED);
    return got;
}

/* False when the client has gone, which some tests do. */
static bool https_send(struct https_connection *connection,
                       const char *text,
                       size_t piece_len,
                       unsigned pause_ms)
{
    const struct timespec pause = { .tv_sec = pause_ms / 1000,
                                    .tv_nsec = pause_ms % 1000 * 1000000L };
    const size_t len = strlen(text);
    size_t at = 0;
    while (at < len) {
        const size_t piece = piece_len && piece_len < len - at ? piece_len : len - at;
        const ssize_t sent = connection->session
                                 ? gnutls_record_send(connection->session, text + at, piece)
                                 : send(connection->fd, text + at, piece, MSG_NOSIGNAL);
        if (sent < 0 && sent != GNUTLS_E_AGAIN && sent != GNUTLS_E_INTERRUPTED) {
            return false;
        }
        at += sent > 0 ? (size_t)sent : 0;
        if (pause_ms > 0 && at < len) {
            (void)nanosleep(&pause, NULL); /* a signal may end it sooner */
        }
    }
    return true;
}

static void https_wait_gate(struct https_script *script, sem_t *gate)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += HTTPS_SCRIPT_DEADLINE_SEC;
    while (gate && sem_timedwait(gate, &until) != 0) {
        if (errno != EINTR) {
            https_complain(script, "a gate was never opened", "");
            return;
        }
    }
}

static void https_wait_close(struct https_connection *connection)
{
    char byte;
    while (https_recv(connection, &byte, 1) > 0) {
    }
}

/* One request with its body into @request, with NUL. False at the connection's end. */
static bool https_read_request(struct https_connection *connection, char *request)
{
    size_t len = 0;
    size_t want = 0;
    while (want == 0 || len < want) {
        /* the head byte by byte, so that the next request stays where it is */
        const size_t most = want ? want - len : 1;
        const ssize_t got =
            len + most < HTTPS_SCRIPT_REQUEST_MAX ? https_recv(connection, request + len, most) : 0;
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        request[len] = '\0';
        if (want == 0 && len >= 4 && memcmp(request + len - 4, "\r\n\r\n", 4) == 0) {
            const char *header = strcasestr(request, "\r\nContent-Length:");
            want = len + (header ? strtoul(header + strlen("\r\nContent-Length:"), NULL, 10) : 0);
        }
    }
    return true;
}

/* The exchange that a request takes, or exchange_count. */
static size_t https_take(struct https_script *script, const char *request)
{
    size_t found = script->exchange_count;
    pthread_mutex_lock(&script->mutex);
    for (size_t i = 0; i < script->exchange_count && found == script->exchange_count; i++) {
        const char *expect = script->exchanges[i].expect;
        if (expect && !script->taken[i] && strncmp(request, expect, strlen(expect)) == 0) {
            script->taken[i] = true;
            found = i;
        }
    }
    const size_t room = sizeof(script->requests) - 1 - script->requests_len;
    const size_t len = strnlen(request, room);
    memcpy(script->requests + script->requests_len, request, len);
    script->requests_len += len;
    script->requests[script->requests_len] = '\0';
    pthread_mutex_unlock(&script->mutex);
    if (found == script->exchange_count) {
        https_complain(script, "a request nobody expects", request);
    }
    return found;
}

static void https_tunnel(struct https_connection *connection, uint16_t port)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(other, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        https_complain(connection->script, "the tunnel has no other end", "");
    }
    struct pollfd ends[2] = { { .fd = connection->fd, .events = POLLIN },
                              { .fd = other, .events = POLLIN } };
    bool open = true;
    while (open && poll(ends, 2, HTTPS_SCRIPT_DEADLINE_SEC * 1000) > 0) {
        for (unsigned i = 0; i < 2 && open; i++) {
            char bytes[4096];
            if (ends[i].revents) {
                const ssize_t got = recv(ends[i].fd, bytes, sizeof(bytes), 0);
                open = got > 0 && send(ends[1 - i].fd, bytes, (size_t)got, MSG_NOSIGNAL) == got;
            }
        }
    }
    close(other);
}

/* Play exchange @i and those that follow it without a request. False: the connection has ended. */
static bool https_play(struct https_connection *connection, size_t i)
{
    struct https_script *script = connection->script;
    for (bool first = true; i < script->exchange_count; i++, first = false) {
        const struct https_exchange *exchange = &script->exchanges[i];
        if (!first && exchange->expect) {
            return true;
        }
        pthread_mutex_lock(&script->mutex);
        script->taken[i] = true;
        pthread_mutex_unlock(&script->mutex);
        https_wait_gate(script, exchange->gate);
        if (exchange->send &&
            !https_send(connection, exchange->send, exchange->piece_len, exchange->pause_ms)) {
            return false;
        }
        switch (exchange->after) {
        case HTTPS_KEEP:
            break;
        case HTTPS_CLOSE:
            if (connection->session) {
                (void)gnutls_bye(connection->session, GNUTLS_SHUT_WR);
            }
            return false;
        case HTTPS_CUT: {
            const struct linger reset = { .l_onoff = 1 };
            (void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
            return false;
        }
        case HTTPS_HANG:
            https_wait_close(connection);
            return false;
        case HTTPS_TUNNEL:
            https_tunnel(connection, exchange->tunnel_port);
            return false;
        }
    }
    return true;
}

static bool https_handshake(struct https_connection *connection)
{
    struct https_script *script = connection->script;
    if (script->plain) {
        return true;
    }
    gnutls_init(&connection->session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
    if (script->priority) {
        gnutls_priority_set_direct(connection->session, script->priority, NULL);
    } else {
        gnutls_set_default_priority(connection->session);
    }
    gnutls_credentials_set(connection->session, GNUTLS_CRD_CERTIFICATE, script->credentials);
    gnutls_certificate_server_set_request(
        connection->session, script->wants_client ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
    (void)gnutls_session_ticket_enable_server(connection->session, &script->ticket_key);
    static const gnutls_datum_t protocols[] = { { (unsigned char *)"h2", 2 },
                                                { (unsigned char *)"http/1.1", 8 } };
    (void)gnutls_alpn_set_protocols(connection->session, protocols, 2,
                                    GNUTLS_ALPN_SERVER_PRECEDENCE); /* a client of h2 is refused */
    gnutls_transport_set_int(connection->session, connection->fd);
    int rc = 0;
    do {
        rc = gnutls_handshake(connection->session);
    } while (rc < 0 && !gnutls_error_is_fatal(rc));
    unsigned count = 0;
    char name[256] = "";
    size_t name_len = sizeof(name);
    unsigned type = 0;
    (void)gnutls_certificate_get_peers(connection->session, &count);
    (void)gnutls_server_name_get(connection->session, name, &name_len, &type, 0);
    pthread_mutex_lock(&script->mutex);
    script->client_certificate_count += count > 0;
    script->resumed_count += gnutls_session_is_resumed(connection->session) != 0;
    memcpy(script->server_name, name, sizeof(name));
    pthread_mutex_unlock(&script->mutex);
    if (rc < 0) {
        (void)gnutls_alert_send_appropriate(connection->session, rc);
    }
    return rc == 0;
}

static void *https_serve_connection(void *ctx)
{
    struct https_connection *connection = ctx;
    struct https_script *script = connection->script;
    char *request = malloc(HTTPS_SCRIPT_REQUEST_MAX);
    bool open = request && https_handshake(connection);
    while (open && https_read_request(connection, request)) {
        const size_t i = https_take(script, request);
        open = i < script->exchange_count && https_play(connection, i);
    }
    free(request);
    if (connection->session) {
        gnutls_deinit(connection->session);
    }
    pthread_mutex_lock(&script->mutex);
    close(connection->fd);
    connection->fd = -1;
    pthread_mutex_unlock(&script->mutex);
    return NULL;
}

static void *https_accept(void *ctx)
{
    struct https_script *script = ctx;
    struct pollfd fds[2] = { { .fd = script->listen_fd, .events = POLLIN },
                             { .fd = script->stop_fds[0], .events = POLLIN } };
    while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
        const int fd = accept4(script->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 || script->connection_count == HTTPS_SCRIPT_CONNECTIONS_MAX) {
            https_complain(script, "cannot accept", "");
            break;
        }
        const int on = 1; /* pieces are to arrive as such */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        pthread_mutex_lock(&script->mutex);
        struct https_connection *connection = &script->connections[script->connection_count];
        *connection = (struct https_connection){ .script = script, .fd = fd };
        if (pthread_create(&connection->thread, NULL, https_serve_connection, connection) == 0) {
            script->connection_count++;
        } else {
            close(fd);
        }
        pthread_mutex_unlock(&script->mutex);
    }
    return NULL;
}

void https_script_start(struct https_script *script)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t address_len = sizeof(address);
    assert_int_equal(
        inet_pton(AF_INET, script->address ? script->address : "127.0.0.1", &address.sin_addr), 1);
    assert_in_range(script->exchange_count, 0, sizeof(script->taken));
    pthread_mutex_init(&script->mutex, NULL);
    if (!script->plain) {
        assert_int_equal(gnutls_certificate_allocate_credentials(&script->credentials), 0);
        assert_int_equal(gnutls_session_ticket_key_generate(&script->ticket_key), 0);
        assert_int_equal(gnutls_certificate_set_x509_key_mem(
                             script->credentials, &script->pki->server.certificate,
                             &script->pki->server.key, GNUTLS_X509_FMT_PEM),
                         0);
    }
    script->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(script->listen_fd >= 0);
    assert_int_equal(bind(script->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(script->listen_fd, HTTPS_SCRIPT_CONNECTIONS_MAX), 0);
    assert_int_equal(getsockname(script->listen_fd, (struct sockaddr *)&address, &address_len), 0);
    script->port = ntohs(address.sin_port);
    assert_int_equal(pipe2(script->stop_fds, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&script->thread, NULL, https_accept, script), 0);
}

void https_script_stop(struct https_script *script)
{
    assert_int_equal(write(script->stop_fds[1], "", 1), 1);
    assert_int_equal(pthread_join(script->thread, NULL), 0);
    for (unsigned i = 0; i < script->connection_count; i++) {
        pthread_mutex_lock(&script->mutex);
        if (script->connections[i].fd >= 0) {
            (void)shutdown(script->connections[i].fd, SHUT_RDWR);
        }
        pthread_mutex_unlock(&script->mutex);
        assert_int_equal(pthread_join(script->connections[i].thread, NULL), 0);
    }
    close(script->listen_fd);
    close(script->stop_fds[0]);
    close(script->stop_fds[1]);
    if (!script->plain) {
        gnutls_certificate_free_credentials(script->credentials);
        gnutls_free(script->ticket_key.data);
    }
    pthread_mutex_destroy(&script->mutex);
    assert_string_equal(script->complaint, "");
    for (size_t i = 0; i < script->exchange_count; i++) {
        if (!script->taken[i] && !script->exchanges[i].optional) {
            fail_msg("exchange %zu was not taken", i);
        }
    }
}
