/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health pages in Kubernetes' words, so that whoever can read a kube-apiserver's can read ours.
 *
 * Untrusted: check name and query string, from anybody, without a client certificate. Their length
 * is bounded by libmicrohttpd's header limit; the number of ?exclude names by HEALTH_EXCLUDE_MAX.
 *
 * Threads: any; nothing is kept between calls. Checks are quick and read what others published.
 */
#include "server/endpoints/health.h"

#include <stdlib.h>

#include "server/http/query.h"

static const char *const page_names[HEALTH_PAGE_COUNT_] = { "livez", "readyz", "healthz" };

struct health_query {
    struct query query; /* owns the decoded names */
    bool verbose;
    size_t exclude_count;
    struct span exclude[HEALTH_EXCLUDE_MAX]; /* borrow query; sorted, unique */
    bool exclude_used[HEALTH_EXCLUDE_MAX];   /* a check has that name */
};

static int span_order(const void *a, const void *b)
{
    const struct span *left = a;
    const struct span *right = b;
    const size_t len = left->len < right->len ? left->len : right->len;
    const int order = len ? memcmp(left->at, right->at, len) : 0;
    return order ? order : (left->len > right->len) - (left->len < right->len);
}

static void read_query(struct span raw, struct health_query *ret_query)
{
    struct span name;
    struct span value;
    *ret_query = (struct health_query){ 0 };
    query_begin(&ret_query->query, raw);
    while (query_next(&ret_query->query, &name, &value)) {
        if (span_equal(name, SPAN_LITERAL("verbose"))) {
            ret_query->verbose = true;
        } else if (span_equal(name, SPAN_LITERAL("exclude")) &&
                   ret_query->exclude_count < HEALTH_EXCLUDE_MAX) {
            ret_query->exclude[ret_query->exclude_count++] = value;
        }
    }
    qsort(ret_query->exclude, ret_query->exclude_count, sizeof(struct span), span_order);
    size_t unique = 0;
    for (size_t i = 0; i < ret_query->exclude_count; i++) {
        if (unique == 0 || !span_equal(ret_query->exclude[unique - 1], ret_query->exclude[i])) {
            ret_query->exclude[unique++] = ret_query->exclude[i];
        }
    }
    ret_query->exclude_count = unique;
}

static bool query_excludes(struct health_query *query, const char *name)
{
    for (size_t i = 0; i < query->exclude_count; i++) {
        if (span_equal(query->exclude[i], span_of(name))) {
            query->exclude_used[i] = true;
            return true;
        }
    }
    return false;
}

static bool page_has(enum health_page page, const struct health_check *check)
{
    return page == HEALTH_READYZ || check->livez;
}

/* A remark may quote a file's name, and that must not make lines of its own on the page. */
static bool run_check(const struct health_check *check, char ret_remark[static HEALTH_REMARK_MAX])
{
    ret_remark[0] = '\0';
    const bool passed = check->run(check->ctx, ret_remark);
    for (char *c = ret_remark; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = ' ';
        }
    }
    return passed;
}

static bool append_check(struct buf *buf, const struct health_check *check)
{
    char remark[HEALTH_REMARK_MAX];
    const bool passed = run_check(check, remark);
    buf_printf(buf, "%s%s %s%s%s\n", passed ? "[+]" : "[-]", check->name, passed ? "ok" : "failed",
               remark[0] ? ": " : "", remark);
    return passed;
}

static void append_unmatched(struct buf *buf, const struct health_query *query)
{
    bool first = true;
    for (size_t i = 0; i < query->exclude_count; i++) {
        if (query->exclude_used[i]) {
            continue;
        }
        buf_append_text(buf, first ? "warn: some health checks cannot be excluded: no matches for "
                                   : ",");
        buf_append_json_string(buf, query->exclude[i]); /* as Go's %q, but for rare characters */
        first = false;
    }
    if (!first) {
        buf_append_char(buf, '\n');
    }
}

/* Ends the page whose list starts at @start. */
static unsigned finish(
    struct buf *buf, size_t start, enum health_page page, bool passed, bool verbose)
{
    if (passed && !verbose) {
        buf->len = start;
        buf_append_text(buf, "ok");
        return 200;
    }
    buf_printf(buf, "%s check %s\n", page_names[page], passed ? "passed" : "failed");
    return passed ? 200 : 500;
}

static unsigned build_all(struct buf *buf,
                          enum health_page page,
                          struct health_query *query,
                          const struct health_check *checks,
                          size_t check_count)
{
    const size_t start = buf->len;
    bool passed = true;
    for (size_t i = 0; i < check_count; i++) {
        if (!page_has(page, &checks[i])) {
            continue;
        }
        if (query_excludes(query, checks[i].name)) {
            buf_printf(buf, "[+]%s excluded: ok\n", checks[i].name);
        } else {
            passed &= append_check(buf, &checks[i]);
        }
    }
    append_unmatched(buf, query);
    return finish(buf, start, page, passed, query->verbose);
}

static unsigned build_one(struct buf *buf,
                          enum health_page page,
                          const struct health_query *query,
                          const struct health_check *check)
{
    if (query->verbose) {
        const size_t start = buf->len;
        const bool passed = append_check(buf, check);
        return finish(buf, start, page, passed, true);
    }
    char remark[HEALTH_REMARK_MAX];
    if (run_check(check, remark)) {
        buf_append_text(buf, "ok");
        return 200;
    }
    buf_printf(buf, "internal server error: %s\n", remark);
    return 500;
}

unsigned health_build(struct buf *buf,
                      enum health_page page,
                      struct span check,
                      struct span query,
                      const struct health_check *checks,
                      size_t check_count)
{
    struct health_query parsed;
    read_query(query, &parsed);
    unsigned code = 404;
    if (check.len == 0) {
        code = build_all(buf, page, &parsed, checks, check_count);
    } else {
        for (size_t i = 0; code == 404 && i < check_count; i++) {
            if (page_has(page, &checks[i]) && span_equal(check, span_of(checks[i].name))) {
                code = build_one(buf, page, &parsed, &checks[i]);
            }
        }
    }
    if (code == 404) {
        buf_append_text(buf, "404 page not found\n");
    }
    query_fini(&parsed.query);
    return code;
}
