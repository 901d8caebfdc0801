/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A request and a reply for handlers, without a server: a test fills in what its case is about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "server/http/endpoint.h"

#define REQUEST_KIT_FIELDS_MAX 4

struct request_kit {
    struct shard *shard; /* owns; aligned as a worker has it, which a stack need not be */
    struct manual_clock time;
    FILE *log_file;
    struct buf body; /* of the reply */
    struct request request;
    struct reply reply;
    struct reply_field fields[REQUEST_KIT_FIELDS_MAX]; /* of the request's head; a NULL name ends */
    char request_body[4096];
};

static inline unsigned request_kit_field(void *origin, const char *name, struct span *ret_value)
{
    const struct request_kit *kit = origin;
    unsigned count = 0;
    for (size_t i = 0; i < REQUEST_KIT_FIELDS_MAX && kit->fields[i].name; i++) {
        if (strcasecmp(kit->fields[i].name, name) == 0 && count++ == 0) {
            *ret_value = span_of(kit->fields[i].value);
        }
    }
    return count;
}

/** request_kit_init() - a GET of "/" with no body, on worker 0; the log goes to a file */
static inline void request_kit_init(struct request_kit *kit)
{
    static const struct request_source source = { .field = request_kit_field };
    memset(kit, 0, sizeof(*kit));
    kit->shard = aligned_alloc(_Alignof(struct shard), sizeof(struct shard));
    assert_non_null(kit->shard);
    memset(kit->shard, 0, sizeof(struct shard));
    kit->log_file = tmpfile();
    assert_non_null(kit->log_file);
    kit->shard->clock = clock_manual(&kit->time);
    assert_int_equal(
        log_new(fileno(kit->log_file), LOG_FORMAT_TEXT, 5, kit->shard->clock, &kit->shard->log),
        ST_OK);
    kit->reply.body = &kit->body;
    kit->request = (struct request){
        .method = METHOD_GET,
        .method_name = "GET",
        .version = "HTTP/1.1",
        .path = SPAN_LITERAL("/"),
        .body = kit->request_body,
        .shard = kit->shard,
        .source = &source,
        .origin = kit,
    };
}

static inline void request_kit_fini(struct request_kit *kit)
{
    buf_fini(&kit->body);
    kit->shard->log = log_free(kit->shard->log);
    free(kit->shard);
    assert_int_equal(fclose(kit->log_file), 0);
}

/** request_kit_again() - the same request once more, with an empty reply */
static inline void request_kit_again(struct request_kit *kit)
{
    buf_clear(&kit->body);
    kit->reply = (struct reply){ .body = &kit->body };
}

static inline void request_kit_set_body(struct request_kit *kit, const char *body)
{
    kit->request.body_len = strlen(body);
    assert_true(kit->request.body_len < sizeof(kit->request_body));
    memcpy(kit->request_body, body, kit->request.body_len + 1);
}

/** request_kit_log() - all that was logged so far, in @text */
static inline const char *request_kit_log(struct request_kit *kit, char *text, size_t size)
{
    rewind(kit->log_file);
    text[fread(text, 1, size - 1, kit->log_file)] = '\0';
    return text;
}

static inline void request_kit_assert_body(struct request_kit *kit, const char *want)
{
    if (!span_equal(buf_span(&kit->body), span_of(want))) {
        fail_msg("%.*s in place of %s", (int)kit->body.len, kit->body.at, want);
    }
}
