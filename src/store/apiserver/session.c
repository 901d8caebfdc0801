/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server, and who we are to it.
 *
 * Credentials are read again before each request, as tokens and certificates rotate. What cannot
 * be read, or is only half there, leaves the old ones in force and is a problem of the files until
 * it can. When they changed, connections made with the old ones are not used again.
 *
 * Trusted to be the operator's: the files. Threads: the loop's; store_stats() reads atomics.
 */
#include "store/apiserver/session.h"

#include <stdio.h>

#include "base/version.h"

#define HEADER_MAX 4 /* Accept, User-Agent, Authorization, Content-Type */

enum status session_open(struct session *session, struct loop *loop, struct problem *reterr_problem)
{
    const enum status status = http_client_new(loop, &session->client);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "cannot start the HTTP client: %s",
                    status_text(status));
        return status;
    }
    session->loop = loop;
    return ST_OK;
}

void session_fini(struct session *session)
{
    session->client = http_client_free(session->client);
    session->access = cluster_access_free(session->access);
}

const char *session_url(const struct session *session)
{
    return cluster_access_endpoint(session->access)->url;
}

/* --- problems and figures --- */

void session_note_state(struct session *session)
{
    session->on_state(session->store);
}

void session_note_contact(struct session *session)
{
    atomic_store_explicit(&session->store->counters.last_contact_sec,
                          clock_now(&session->clock).sec, memory_order_relaxed);
}

static void tell_problem(const struct session *session,
                         problem_fn *fn,
                         const struct problem *problem)
{
    struct problem named = *problem;
    problem_set_file(&named, session_url(session));
    if (fn) {
        fn(session->ctx, &named);
    }
}

void session_report(struct session *session, const struct problem *problem)
{
    tell_problem(session, session->on_problem, problem);
    session_note_state(session);
}

void session_resolved(struct session *session, const struct problem *problem)
{
    tell_problem(session, session->on_resolved, problem);
    session_note_state(session);
}

/* --- requests --- */

enum status session_refresh(struct session *session,
                            bool *ret_changed,
                            struct problem *reterr_problem)
{
    struct problem *stale = &session->stale_credentials;
    bool has_changed = false;
    const enum status status =
        cluster_access_refresh(session->access, &has_changed, reterr_problem);
    if (status != ST_OK && stale->status == ST_OK) {
        *stale = *reterr_problem; /* its file is the one that cannot be read */
        stale->status = status;
        if (session->on_problem) {
            session->on_problem(session->ctx, stale);
        }
        session_note_state(session);
    } else if (status == ST_OK && stale->status != ST_OK) {
        stale->status = ST_OK;
        if (session->on_resolved) {
            session->on_resolved(session->ctx, stale);
        }
        session_note_state(session);
    }
    if (has_changed) {
        http_client_drop_idle(session->client);
    }
    *ret_changed = has_changed;
    return status;
}

enum status session_request(struct session *session,
                            struct http_request *request,
                            struct media_types media,
                            struct http_transfer **ret_transfer,
                            struct problem *reterr_problem)
{
    char agent[128];
    char accept[128];
    char type[128];
    const char *headers[HEADER_MAX] = { accept, agent };
    size_t count = 2;
    bool has_changed = false;
    struct problem stale = { 0 };
    (void)session_refresh(session, &has_changed, &stale); /* it has told what is wrong */
    /* texts of ours: they fit */
    (void)snprintf(accept, sizeof(accept), "Accept: %s",
                   media.accept ? media.accept : "application/json");
    (void)snprintf(agent, sizeof(agent), "User-Agent: kube-bearer/%s (%s)", version_number(),
                   version_platform());
    const char *authorization = cluster_access_authorization(session->access);
    if (authorization) {
        headers[count++] = authorization;
    }
    if (media.content_type) {
        (void)snprintf(type, sizeof(type), "Content-Type: %s", media.content_type);
        headers[count++] = type;
    }
    request->headers = headers;
    request->header_count = count;
    const enum status status = http_start(session->client, cluster_access_endpoint(session->access),
                                          request, ret_transfer, reterr_problem);
    request->headers = NULL;
    request->header_count = 0;
    return status;
}
