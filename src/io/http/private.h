/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the two files of the HTTP client share and nobody else sees. */
#include <curl/curl.h>

#include "io/http/client.h"

#define HTTP_WHERE_MAX 300 /* bytes with NUL: a DNS name of 253, brackets, a port */

/* Bytes of ours that are wiped when the transfer ends. */
struct http_secret {
    char *at; /* owns */
    size_t len;
};

/* In this order; whoever is cancelled skips what is left. */
enum transfer_state {
    TRANSFER_WAITING = 0, /* libcurl does not know it yet */
    TRANSFER_RUNNING,
    TRANSFER_ENDED,     /* the result stands and is to be told */
    TRANSFER_CANCELLED, /* nothing is told any more; to be freed */
};

struct http_transfer {
    struct http_client *client;
    struct http_pool *pool;     /* whose connections it uses; counted there */
    struct http_transfer *next; /* older first */
    enum transfer_state state;
    uv_timer_t silence; /* owns this struct once it is open: freed when the loop has closed it */
    uint64_t silence_timeout_ms;

    CURL *easy;                    /* owns */
    struct curl_slist *headers;    /* owns; wiped */
    struct curl_slist *connect_to; /* owns */
    struct http_secret body;
    struct http_secret client_key;
    char error[CURL_ERROR_SIZE];

    char where[HTTP_WHERE_MAX]; /* host:port, for people */
    char proxy[HTTP_WHERE_MAX]; /* host:port of the proxy; "" for none */
    char name[HTTP_WHERE_MAX];  /* the name that must stand in the certificate */
    size_t header_bytes;        /* of the reply so far */
    bool head_told;
    struct http_result result;
    void (*on_head)(void *ctx, const struct http_result *head);
    enum status (*on_body)(void *ctx, struct span piece);
    void (*on_done)(void *ctx, const struct http_result *result);
    void *ctx;
};

/**
 * http_setup() - fill @transfer, all-zero but for client, from what is asked; callbacks of libcurl
 * are the caller's
 *
 * On failure, too, http_setup_fini() frees what it holds. Return: as http_start()
 */
enum status http_setup(struct http_transfer *transfer,
                       const struct http_endpoint *endpoint,
                       const struct http_request *request,
                       struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** http_setup_fini() - wipe and free what http_setup() made; libcurl no longer uses it */
void http_setup_fini(struct http_transfer *transfer) NONNULL(1);
