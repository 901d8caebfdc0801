/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An HTTPS server that says what a test wrote down, on loopback and a port of the kernel's.
 *
 * A script is a list of exchanges. A request, on whichever connection it comes, takes the first
 * exchange not yet taken whose `expect` it starts with; an exchange without `expect` follows its
 * predecessor on the same connection. Threads: one that accepts and one a connection; they assert
 * nothing, what went wrong is told by https_script_stop().
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#define HTTPS_SCRIPT_CONNECTIONS_MAX 128

enum https_after {
    HTTPS_KEEP = 0, /* wait for the next request */
    HTTPS_CLOSE,    /* as TLS has it, with a good-bye */
    HTTPS_CUT,      /* the connection is reset */
    HTTPS_HANG,     /* say nothing more until the client closes */
    HTTPS_TUNNEL,   /* become a pipe to tunnel_port */
};

struct https_exchange {
    const char *expect; /* how the request begins, "GET /x"; NULL: no request, go on */
    const char *send;   /* text; NULL: nothing */
    size_t piece_len;   /* send it in records of so many bytes; 0: in one */
    unsigned pause_ms;  /* between them */
    sem_t *gate;        /* waited for before anything is sent; NULL: no waiting */
    enum https_after after;
    uint16_t tunnel_port;
    bool optional; /* may not come: the client gives up by its own clock */
};

struct https_identity {
    gnutls_datum_t certificate; /* PEM, for people who need text: ends in NUL */
    gnutls_datum_t key;
};

/* Two authorities that do not know each other, and who they vouch for. */
struct https_pki {
    struct https_identity ca;
    struct https_identity other_ca;
    struct https_identity server; /* of ca: localhost, kubernetes.test, 127.0.0.1 */
    struct https_identity client; /* of ca: CN=client */
    struct https_identity other_client;
};

struct https_script;

struct https_connection {
    struct https_script *script;
    pthread_t thread;
    int fd;
    gnutls_session_t session; /* NULL: plain */
};

struct https_script {
    const struct https_exchange *exchanges; /* borrows */
    size_t exchange_count;
    const char *address;         /* where it listens; NULL: 127.0.0.1 */
    bool plain;                  /* no TLS */
    bool wants_client;           /* ask for a client certificate; the handshake fails without one */
    const char *priority;        /* of GnuTLS; NULL: its default */
    const struct https_pki *pki; /* borrows; NULL when plain */

    uint16_t port; /* from here on: of the server */
    int listen_fd;
    int stop_fds[2];
    pthread_t thread;
    gnutls_certificate_credentials_t credentials;
    gnutls_datum_t ticket_key;
    pthread_mutex_t mutex; /* guards what follows */
    bool taken[64];
    char requests[65536]; /* all of them, one after the other, as far as they fit */
    size_t requests_len;
    char server_name[256]; /* SNI of the latest connection */
    unsigned client_certificate_count;
    unsigned resumed_count; /* TLS sessions */
    unsigned connection_count;
    char complaint[256]; /* the first thing that went wrong */
    struct https_connection connections[HTTPS_SCRIPT_CONNECTIONS_MAX];
};

/** https_identity_make() - a key and its certificate. @issuer: NULL: an authority of its own */
void https_identity_make(struct https_identity *identity,
                         const struct https_identity *issuer,
                         const char *common_name,
                         bool is_server);

void https_pki_make(struct https_pki *pki);
void https_pki_free(struct https_pki *pki);

/** https_script_start() - @script: the fields above `port`; the rest is filled here */
void https_script_start(struct https_script *script);

/** https_script_stop() - close everything; asserts that every exchange was taken and nothing
 * unexpected came. What was counted and heard stays readable */
void https_script_stop(struct https_script *script);
