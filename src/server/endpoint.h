/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is served where, and who may ask: one table.
 *
 * A handler gets the whole request and queues one reply. One that cannot answer at once will
 * suspend the connection (MHD_suspend_connection), let the loop work and resume it: then it returns
 * MHD_YES without having queued a reply, and is called again after the resumption. TokenReview
 * never does.
 */
#include <stdbool.h>
#include <stddef.h>

#include <microhttpd.h>

#include "base/span.h"
#include "server/connection.h"
#include "server/worker.h"

/** One request as handlers see it. Borrows everything until the handler returns. */
struct exchange {
    struct worker *worker;
    struct connection *connection;
    struct MHD_Connection *mhd;
    const char *method;
    const struct endpoint *endpoint;
    struct span rest; /* "/ping" of "/readyz/ping" */
};

typedef enum MHD_Result endpoint_fn(struct exchange *exchange);

enum endpoint_client { /* who may ask */
                       ENDPOINT_ANYBODY = 0,
                       ENDPOINT_CLIENT_CERTIFICATE, /* with --client-ca-file: a certificate of it;
                                                       without: anybody */
                       ENDPOINT_METRICS_OPTION,     /* as the option
                                                       --metrics-require-client-certificate says */
};

struct endpoint {
    struct span path;
    bool has_rest; /* also serves path + "/…" */
    bool is_post;  /* POST with a body; else GET and HEAD */
    enum endpoint_client client;
    endpoint_fn *handle;
};

/** endpoint_table_secure() - of the HTTPS listener; without health and metrics when they have a
 * listener of their own */
const struct endpoint *endpoint_table_secure(bool has_health_listener, size_t *ret_count)
    NONNULL(2);

/** endpoint_table_health() - of the plain listener */
const struct endpoint *endpoint_table_health(size_t *ret_count) NONNULL(1);

/** endpoint_note_target() - MHD_OPTION_URI_LOG_CALLBACK: the target as it was sent; cls: the
 * worker. Return: the request's context */
void *endpoint_note_target(void *cls, const char *target, struct MHD_Connection *mhd) NONNULL(2, 3);

/** endpoint_dispatch() - MHD_AccessHandlerCallback; cls: the worker */
enum MHD_Result endpoint_dispatch(void *cls,
                                  struct MHD_Connection *mhd,
                                  const char *url,
                                  const char *method,
                                  const char *version,
                                  const char *upload_data,
                                  size_t *upload_data_size,
                                  void **request_context);

/** token_review_prepare() / token_review_forget() - make and free the replies that a worker keeps.
 * Return: ST_OK; ST_NOMEM */
enum status token_review_prepare(struct worker *worker) NODISCARD NONNULL(1);
void token_review_forget(struct worker *worker) NONNULL(1);

/* Handlers, each family in its own file. */
endpoint_fn token_review_endpoint;    /* the body says what it is */
endpoint_fn token_review_v1_endpoint; /* the path does, where the body does not */
endpoint_fn token_review_v1beta1_endpoint;
endpoint_fn livez_endpoint;
endpoint_fn readyz_endpoint;
endpoint_fn healthz_endpoint;
endpoint_fn metrics_endpoint;
endpoint_fn version_endpoint;
