/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One request as libcurl has it, before it is sent: io/http/client.h sends it. */
#include <stddef.h>

#include <curl/curl.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "io/http/request.h"

#define HTTP_WHERE_MAX 300 /* bytes with NUL: a DNS name of 253, brackets, a port */

/* Bytes of ours that are wiped when the request has ended. */
struct http_secret {
    char *at; /* owns */
    size_t len;
};

struct http_setup {
    CURL *easy;                    /* owns */
    struct curl_slist *headers;    /* owns; wiped */
    struct curl_slist *connect_to; /* owns */
    struct http_secret body;
    struct http_secret client_key;
    char error[CURL_ERROR_SIZE]; /* libcurl's words for what went wrong */

    char where[HTTP_WHERE_MAX]; /* host:port, for people */
    char proxy[HTTP_WHERE_MAX]; /* host:port of the proxy; "" for none */
    char name[HTTP_WHERE_MAX];  /* the name that must stand in the certificate */
};

/**
 * http_setup_init() - fill @setup, all-zero, from what is asked; what libcurl calls back is the
 * caller's
 *
 * libcurl keeps addresses inside of it: it stays where it is. On failure, too, http_setup_fini()
 * frees what it holds. Return: as http_start()
 */
enum status http_setup_init(struct http_setup *setup,
                            const struct http_endpoint *endpoint,
                            const struct http_request *request,
                            struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** http_setup_fini() - wipe and free what http_setup_init() made; libcurl no longer uses it */
void http_setup_fini(struct http_setup *setup) NONNULL(1);
