/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that Python's TLS does not let one be, for tests/integration/test_hostile_clients.py and
 * tests/attack. Not a test by itself.
 *
 * hostile_client costly PORT 1.2|1.3 BITS
 *     Presents a certificate with an RSA key of BITS bits and an exponent as long, and a random
 *     proof of having its private key. Says how the connection ended, which is status 0.
 * hostile_client key-update PORT COUNT
 *     Opens COUNT connections and says "ready". At a line of input sends a KeyUpdate and a request
 *     on each, both in one TCP segment, and says "sent". Then reads the answers and says how many
 *     came.
 * hostile_client renegotiate|key-updates|empty-records PORT SECONDS
 *     For so long, asks for another handshake of TLS 1.2, sends KeyUpdates of TLS 1.3, or records
 *     without content, over and over; connects again when the server has had enough. Says how many
 *     connections that took.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "support/costly_certificate.h"

#define RSA_BITS_MIN    1024
#define CONNECTIONS_MAX 32
#define IO_TIMEOUT_SEC  5  /* a connection that is not answered: it is counted as that */
#define COSTLY_WAIT_SEC 60 /* longer than the costliest signature takes: the end is to be seen */
#define FLOOD_SEC_MAX   600

static const char version_12[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
static const char version_13[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
static const char request[] = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

static int fail(const char *what, int gnutls_error)
{
    (void)fprintf(stderr, "hostile_client: %s: %s\n", what, gnutls_strerror(gnutls_error));
    return 2;
}

/* At once, and not when the buffer is full: somebody waits for it. */
static void say(const char *text)
{
    (void)puts(text);
    (void)fflush(stdout); /* its reader is gone: then nobody misses it */
}

struct client {
    int fd;
    gnutls_session_t session;
};

static int connect_to(unsigned short port, int timeout_sec)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const struct timeval timeout = { .tv_sec = timeout_sec };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd); /* the error before counts */
        return -1;
    }
    return fd;
}

static void client_fini(struct client *client)
{
    if (client->session) {
        gnutls_deinit(client->session);
        (void)close(client->fd); /* nothing was buffered */
    }
}

/* Connect and shake hands. The server's certificate is not looked at: it is loopback, and not what
 * is tested. client_fini() is due in either case. */
static int client_start(struct client *client,
                        unsigned short port,
                        int timeout_sec,
                        const char *priority,
                        gnutls_certificate_credentials_t credentials)
{
    client->fd = connect_to(port, timeout_sec);
    if (client->fd < 0) {
        return GNUTLS_E_PUSH_ERROR;
    }
    int rc = gnutls_init(&client->session, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT);
    if (rc < 0) {
        (void)close(client->fd); /* nothing was sent */
        client->session = NULL;
        return rc;
    }
    gnutls_transport_set_int(client->session, client->fd);
    gnutls_handshake_set_timeout(client->session,
                                 GNUTLS_INDEFINITE_TIMEOUT); /* the socket has one */
    rc = gnutls_priority_set_direct(client->session, priority, NULL);
    if (rc == 0) {
        rc = gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, credentials);
    }
    if (rc < 0) {
        return rc;
    }
    do {
        rc = gnutls_handshake(client->session);
    } while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc));
    return rc;
}

/* GnuTLS says EAGAIN after a timeout of the socket, and also after a message without data. */
static ssize_t receive(const struct client *client, char *bytes, size_t max)
{
    const time_t end = time(NULL) + IO_TIMEOUT_SEC;
    ssize_t n;
    do {
        n = gnutls_record_recv(client->session, bytes, max);
    } while (n < 0 && !gnutls_error_is_fatal((int)n) && time(NULL) < end);
    return n;
}

static int run_costly(unsigned short port,
                      const char *priority,
                      unsigned bits,
                      gnutls_certificate_credentials_t credentials)
{
    struct costly_certificate costly = {
        .algorithm = GNUTLS_PK_RSA, .bits = bits, .exponent_bytes = bits / 8, .chain_len = 1
    };
    struct client client = { 0 };
    char answer[64];
    ssize_t n = costly_certificate_set(&costly, credentials);
    if (n < 0) {
        return fail("the certificate", (int)n);
    }
    n = client_start(&client, port, COSTLY_WAIT_SEC, priority, credentials);
    if (n == 0) { /* TLS 1.3: the server has yet to look at what the client sent last */
        n = receive(&client, answer, sizeof(answer));
    }
    if (n == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        say(gnutls_alert_get_name(gnutls_alert_get(client.session)));
    } else {
        say(n < 0 ? gnutls_strerror((int)n) : "data, or an orderly end");
    }
    client_fini(&client);
    return 0;
}

static int set_tcp_cork(const struct client *client, int on)
{
    return setsockopt(client->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)) == 0
               ? 0
               : GNUTLS_E_PUSH_ERROR;
}

static int send_request(const struct client *client)
{
    const ssize_t n = gnutls_record_send(client->session, request, sizeof(request) - 1);
    return n == (ssize_t)(sizeof(request) - 1) ? 0 : GNUTLS_E_PUSH_ERROR;
}

/* Both in one segment. */
static int send_key_update_and_request(const struct client *client)
{
    int rc;
    if ((rc = set_tcp_cork(client, 1)) < 0 ||
        (rc = gnutls_session_key_update(client->session, 0)) < 0 ||
        (rc = send_request(client)) < 0) {
        return rc;
    }
    return set_tcp_cork(client, 0);
}

static int key_update_step(struct client *clients,
                           unsigned count,
                           unsigned short port,
                           gnutls_certificate_credentials_t credentials)
{
    char answer[1024];
    int rc;
    for (unsigned i = 0; i < count; i++) {
        /* a first request takes the session tickets and the start out of what is tested */
        if ((rc = client_start(&clients[i], port, IO_TIMEOUT_SEC, version_13, credentials)) < 0 ||
            (rc = send_request(&clients[i])) < 0 ||
            (rc = (int)receive(&clients[i], answer, sizeof(answer))) <= 0) {
            return fail("the start", rc);
        }
    }
    say("ready");
    if (!fgets(answer, sizeof(answer), stdin)) {
        return fail("no line of input", 0);
    }
    for (unsigned i = 0; i < count; i++) {
        if ((rc = send_key_update_and_request(&clients[i])) < 0) {
            return fail("a KeyUpdate and a request", rc);
        }
    }
    say("sent");
    unsigned answered = 0;
    for (unsigned i = 0; i < count; i++) {
        answered += receive(&clients[i], answer, sizeof(answer)) > 0;
    }
    (void)printf("%u answered\n", answered);
    return 0;
}

static int run_key_update(unsigned short port,
                          unsigned count,
                          gnutls_certificate_credentials_t credentials)
{
    struct client clients[CONNECTIONS_MAX] = { 0 };
    const int code = key_update_step(clients, count, port, credentials);
    for (unsigned i = 0; i < count; i++) {
        client_fini(&clients[i]);
    }
    return code;
}

static int64_t monotonic_ms(void)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock on Linux */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int ask_for_handshake(gnutls_session_t session)
{
    return gnutls_handshake(session);
}

static int send_key_update(gnutls_session_t session)
{
    return gnutls_session_key_update(session, 0);
}

static int send_empty_record(gnutls_session_t session)
{
    return (int)gnutls_record_send(session, "", 0);
}

static const struct flood {
    const char *name;
    const char *priority;
    int (*step)(gnutls_session_t session);
} floods[] = {
    { "renegotiate", version_12, ask_for_handshake },
    { "key-updates", version_13, send_key_update },
    { "empty-records", version_13, send_empty_record },
};

static int run_flood(unsigned short port,
                     unsigned seconds,
                     const struct flood *flood,
                     gnutls_certificate_credentials_t credentials)
{
    const int64_t end_ms = monotonic_ms() + (int64_t)seconds * 1000;
    unsigned connections = 0;
    while (monotonic_ms() < end_ms) {
        struct client client = { 0 };
        int rc = client_start(&client, port, IO_TIMEOUT_SEC, flood->priority, credentials);
        connections += rc == 0;
        while (rc == 0 && monotonic_ms() < end_ms) {
            rc = flood->step(client.session);
        }
        client_fini(&client);
    }
    (void)printf("%u connections\n", connections);
    return 0;
}

static const struct flood *flood_find(const char *name)
{
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        if (strcmp(floods[i].name, name) == 0) {
            return &floods[i];
        }
    }
    return NULL;
}

/* Return: 0 when it is no number from @min to @max */
static unsigned number(const char *text, unsigned min, unsigned max)
{
    char *end;
    const long value = strtol(text, &end, 10);
    return *end || value < (long)min || value > (long)max ? 0 : (unsigned)value;
}

/* Return: the exit status, or -1 when there is no such mode with such arguments */
static int run_mode(int argc, char **argv, gnutls_certificate_credentials_t credentials)
{
    const unsigned short port = argc > 3 ? (unsigned short)number(argv[2], 1, 65535) : 0;
    const char *mode = argc > 1 ? argv[1] : "";
    unsigned n;
    if (!port) {
        return -1;
    }
    if (strcmp(mode, "key-update") == 0 && argc == 4 &&
        (n = number(argv[3], 1, CONNECTIONS_MAX)) > 0) {
        return run_key_update(port, n, credentials);
    }
    const struct flood *flood = flood_find(mode);
    if (flood && argc == 4 && (n = number(argv[3], 1, FLOOD_SEC_MAX)) > 0) {
        return run_flood(port, n, flood, credentials);
    }
    if (strcmp(mode, "costly") == 0 && argc == 5 &&
        (n = number(argv[4], RSA_BITS_MIN, COSTLY_RSA_BITS_MAX)) > 0 && n % 8 == 0) {
        return run_costly(port, strcmp(argv[3], "1.2") == 0 ? version_12 : version_13, n,
                          credentials);
    }
    return -1;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a broken connection is an error of GnuTLS */
    gnutls_certificate_credentials_t credentials;
    const int rc = gnutls_certificate_allocate_credentials(&credentials);
    if (rc < 0) {
        return fail("credentials", rc);
    }
    const int code = run_mode(argc, argv, credentials);
    gnutls_certificate_free_credentials(credentials);
    if (code < 0) {
        return fail("usage: costly PORT 1.2|1.3 BITS, key-update PORT COUNT, or renegotiate, "
                    "key-updates, empty-records PORT SECONDS",
                    0);
    }
    return code;
}
