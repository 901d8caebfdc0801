/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * /livez, /readyz and /healthz as Kubernetes has them: `?verbose`, `?exclude=NAME` (repeatable) and
 * /readyz/NAME.
 *
 * 200 and "ok" when every check passes, else 500 and the list. A check may pass with a remark,
 * shown by ?verbose: a broken new certificate does not take a server out of service that still
 * serves the old one.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"

enum health_page { HEALTH_LIVEZ = 0, HEALTH_READYZ, HEALTH_HEALTHZ, HEALTH_PAGE_COUNT_ };

#define HEALTH_REMARK_MAX 320 /* bytes with NUL: a reason and a file's name */

/* names in ?exclude=; further ones are ignored, so their checks run */
#define HEALTH_EXCLUDE_MAX 32

struct health_check {
    const char *name; /* "ping", "informer-sync", "shutdown", "serving-certificate", "store", … */
    bool livez;       /* part of /livez and /healthz; every check is part of /readyz */
    /** Return: passed? @ret_remark: HEALTH_REMARK_MAX bytes, "" beforehand; why not, or what to
     * know. No secrets: anybody may read this page */
    bool (*run)(void *ctx, char *ret_remark);
    void *ctx;
};

/**
 * health_build() - run the checks and append the page, text/plain
 * @check: name after the slash ("/readyz/ping" gives "ping"); empty for all
 * @query: the raw query string without `?`, percent-decoded member by member here; may be empty
 *
 * A page for all checks: `ok` when they pass, with ?verbose the list
 * (`[+]ping ok`, `[+]manifests ok: 1 file is wrong`, `[+]x excluded: ok`) and `readyz check
 * passed`; when one fails always the list (`[-]shutdown failed: shutting down`) and `readyz check
 * failed`. For one check: the same, but a failure without ?verbose is `internal server error:
 * REMARK`, and ?exclude does nothing. Peer bytes come back only in the quoted names of ?exclude
 * that match no check.
 * Return: the HTTP status: 200, 500 when a check failed, 404 for an unknown check name
 * Source: k8s.io/apiserver/pkg/server/healthz, except for the remarks, which Kubernetes withholds
 */
unsigned health_build(struct buf *buf,
                      enum health_page page,
                      struct span check,
                      struct span query,
                      const struct health_check *checks,
                      size_t check_count) NODISCARD NONNULL(1, 5);
