/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which proxy a request goes through when nobody named one: the environment's, as kubectl has it.
 *
 * libcurl reads these variables, too, but asks NO_PROXY about the name in the URL, which is not the
 * real host's when a TLS server name is given; and it would not tell whether a proxy is in use.
 * Source: golang.org/x/net/http/httpproxy, which kubectl and Kubernetes' clients use.
 */
#include <stdbool.h>

#include "base/compiler.h"

/** Values of the variables; NULL and "" are unset. */
struct http_proxy_rules {
    const char *https_proxy; /* for https:// */
    const char *http_proxy;  /* for http:// */
    const char *no_proxy; /* separated by commas: "*", an address, a network ("10.0.0.0/8"), a name
                             (and what ends in it), ".name" (only what ends in it); each but a
                             network may have a ":port" */
};

/** http_proxy_environment() - HTTPS_PROXY, HTTP_PROXY, NO_PROXY, or the same in lower case. Borrows
 * from the environment */
struct http_proxy_rules http_proxy_environment(void);

/**
 * http_proxy_choose() - the proxy for a host
 * @host: a name, or an address; one of IPv6 in brackets
 * @port: decimal digits
 *
 * Never one for this machine's own addresses and "localhost". Return: borrows from @rules; "" for
 * none
 */
const char *http_proxy_choose(const struct http_proxy_rules *rules,
                              bool secure,
                              const char *host,
                              const char *port) NONNULL(1, 3, 4);
