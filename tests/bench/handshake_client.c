/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.3 handshakes on loopback, one after the other, for the benchmark.
 *
 * handshake_client PORT COUNT full|resumed
 *
 * Each connection does a handshake, says goodbye and reads to the end, so that the server has done
 * all its work when the next one starts. "full" never offers a session; "resumed" gets one first
 * (which costs one request) and offers it every time, and a connection that was not resumed is a
 * failure. Group and cipher suite are pinned, so that two servers do the same work. Prints one line
 * of JSON.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define COUNT_MAX      10000000L /* a bound on the run */
#define IO_TIMEOUT_SEC 10        /* a server that hangs ends the run */

static double now_sec(void)
{
    struct timespec ts = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int fail(const char *what)
{
    (void)fprintf(stderr, "handshake_client: %s\n", what);
    ERR_print_errors_fp(stderr);
    return 1;
}

static int connect_to(unsigned short port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const struct timeval timeout = { .tv_sec = IO_TIMEOUT_SEC };
    const int on = 1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd); /* the error before counts */
        return -1;
    }
    return fd;
}

/* SSL_CTX_sess_set_new_cb: keep the newest session. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION **kept = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION_free(*kept);
    *kept = session;
    return 1; /* ours now */
}

/* One connection; @request: also ask for a page, after which every server has sent its tickets. */
static bool handshake(
    SSL_CTX *context, unsigned short port, SSL_SESSION *offer, bool request, bool *ret_reused)
{
    static const char get[] = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const int fd = connect_to(port);
    if (fd < 0) {
        return false;
    }
    SSL *ssl = SSL_new(context);
    char buffer[4096];
    bool good = ssl && SSL_set_fd(ssl, fd) == 1 && (!offer || SSL_set_session(ssl, offer) == 1) &&
                SSL_connect(ssl) == 1;
    if (good && request) {
        good = SSL_write(ssl, get, sizeof(get) - 1) > 0;
    }
    if (good) {
        *ret_reused = SSL_session_reused(ssl) == 1;
        /* Without a goodbye OpenSSL would not resume the session. 0: sent; the peer's is read. */
        if (!request) {
            (void)SSL_shutdown(ssl);
        }
        while (SSL_read(ssl, buffer, sizeof(buffer)) > 0) {
        }
        if (request) {
            (void)SSL_shutdown(ssl);
        }
        while (!request && read(fd, buffer, sizeof(buffer)) > 0) {
        }
    }
    SSL_free(ssl);
    (void)close(fd); /* nothing was buffered */
    ERR_clear_error();
    return good;
}

static int run(SSL_CTX *context, unsigned short port, long count, bool resume)
{
    SSL_SESSION *kept = NULL;
    bool reused = false;
    SSL_CTX_set_app_data(context, &kept);
    if (resume && (!handshake(context, port, NULL, true, &reused) || !kept)) {
        return fail("got no session to resume");
    }
    SSL_SESSION *offer = resume ? kept : NULL;
    /* The one we have is offered every time; with the cache on, OpenSSL uses a ticket only once. */
    SSL_CTX_sess_set_new_cb(context, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    const double start = now_sec();
    long resumed = 0;
    for (long i = 0; i < count; i++) {
        if (!handshake(context, port, offer, false, &reused)) {
            return fail("a handshake failed");
        }
        resumed += reused;
    }
    const double seconds = now_sec() - start;
    (void)printf("{\"handshakes\":%ld,\"resumed\":%ld,\"seconds\":%.6f}\n", count, resumed,
                 seconds);
    SSL_SESSION_free(kept);
    if (resumed != (resume ? count : 0)) {
        return fail("not every handshake was of the kind asked for");
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4 || (strcmp(argv[3], "full") != 0 && strcmp(argv[3], "resumed") != 0)) {
        return fail("usage: handshake_client PORT COUNT full|resumed");
    }
    const long port = strtol(argv[1], NULL, 10);
    const long count = strtol(argv[2], NULL, 10);
    if (port < 1 || port > 65535 || count < 1 || count > COUNT_MAX) {
        return fail("PORT or COUNT out of range");
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a broken connection is an error of SSL_write */
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1 ||
        SSL_CTX_set1_groups_list(context, "X25519") != 1) {
        return fail("cannot set TLS up");
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL); /* loopback, and not what is measured */
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, on_session);
    const int code = run(context, (unsigned short)port, count, strcmp(argv[3], "resumed") == 0);
    SSL_CTX_free(context);
    return code;
}
