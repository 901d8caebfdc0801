/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * authentication.k8s.io TokenReview, v1 and v1beta1 (the same shape): read a request, JSON or
 * protobuf, write an answer, in JSON; and the other way round for `kube-bearer review --server`.
 *
 * Untrusted: every byte of a request. Reading allocates nothing and decodes in place.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "kube/audience_set.h"
#include "kube/user_info.h"

#define TOKEN_REVIEW_MAX_AUDIENCES AUDIENCE_SET_MAX

enum token_review_version { TOKEN_REVIEW_V1 = 0, TOKEN_REVIEW_V1BETA1 };

/** What the place where a question is asked supplies of what its body leaves out. */
struct token_review_defaults {
    bool has_version; /* false: nothing, kind and apiVersion are required */
    enum token_review_version version;
};

#define TOKEN_REVIEW_NO_DEFAULTS ((struct token_review_defaults){ 0 })

struct token_review {
    enum token_review_version version;
    struct span token;     /* borrows the body; empty when absent */
    size_t audience_count; /* 0 when absent, null or [] : kube-apiserver treats these alike */
    /* Borrow the body; order and duplicates kept. 16 KiB of which only what is named is touched:
     * not to be cleared or copied */
    struct span audiences[TOKEN_REVIEW_MAX_AUDIENCES];
};

/**
 * token_review_parse() - decode a request
 * @body:     @len bytes, clobbered; the result borrows it
 * @ret_review: its audiences are written to also on failure
 * @defaults: count for a kind and an apiVersion that are absent, null or empty, each for itself;
 *            they overrule nothing that is there
 *
 * Member names are case-sensitive; unknown members are checked as JSON and ignored. Order does not
 * matter. As in Go, of duplicate members the last one counts, a second spec adds to the first, and
 * null is an absent member (an audience that is null is ""; null audiences are none).
 * Return: ST_OK; ST_SYNTAX, ST_TYPE, ST_LIMIT (depth, audiences) or ST_WRONG_KIND (kind or
 * apiVersion another, or missing without a default) with @reterr_problem, which never quotes the
 * request.
 * Cost: one pass, no allocation.
 * Source: Kubernetes authentication.k8s.io/v1 TokenReview; encoding/json for null and duplicates;
 * apimachinery's gvkWithDefaults() for what is absent.
 */
enum status token_review_parse(char *body,
                               size_t len,
                               struct token_review_defaults defaults,
                               struct token_review *ret_review,
                               struct problem *reterr_problem) NODISCARD NONNULL(1, 4, 5);

/* in front of a protobuf body: what Kubernetes' serializer puts there */
#define TOKEN_REVIEW_PROTOBUF_PREFIX SPAN_LITERAL("k8s\0")

/**
 * token_review_parse_protobuf() - the same for a body of application/vnd.kubernetes.protobuf
 * @body: not written to; the result borrows it
 *
 * The prefix, then a runtime.Unknown whose raw is a TokenReview; kind and apiVersion are those of
 * the envelope, and empty is absent. metadata and status are not looked into. As in Kubernetes'
 * generated code unknown fields are passed over, the last string counts, the last raw too, whole,
 * and a second typeMeta or spec adds to the first. Unlike there strings must be UTF-8, as in JSON.
 * Return: as token_review_parse(): ST_SYNTAX also for what is no UTF-8, ST_TYPE for a field of
 * another wire type, ST_LIMIT for groups in each other.
 * Cost: one pass, no allocation.
 * Source: apimachinery's runtime/serializer/protobuf and runtime/generated.proto; authentication/v1
 * generated.proto, which has v1beta1's fields and numbers.
 */
enum status token_review_parse_protobuf(struct span body,
                                        struct token_review_defaults defaults,
                                        struct token_review *ret_review,
                                        struct problem *reterr_problem) NODISCARD NONNULL(3, 4);

/** What to answer. All-zero is a plain refusal. */
struct token_review_answer {
    bool authenticated;
    struct span user_head; /* JSON text of status.user in two parts, so that the second can be
                              shared: head, then tail */
    struct span user_tail;
    struct user_info user;        /* when user_head is empty: status.user is written from it */
    const struct span *audiences; /* the request's; those in @granted are answered, in order */
    size_t audience_count;
    const struct audience_set *granted; /* NULL: none */
    struct span error;                  /* status.error; empty for none */
};

/**
 * token_review_build() - append the answer to @buf (check buf->failed)
 *
 * Members of a user that are empty are left out, as kube-apiserver does.
 * User and audiences are written only when authenticated, audiences only when the request named
 * any. If it did and none of them is granted, the answer is a refusal whatever @answer says:
 * kube-apiserver reads `audiences: []` as "valid for the API server". spec is there with an empty
 * token, in a no and an error as in a yes: the published schema requires both members.
 */
void token_review_build(struct buf *buf,
                        enum token_review_version version,
                        const struct token_review_answer *answer) NONNULL(1, 3);

/** token_review_build_request() - append a request for @token; secrets end up in @buf: its owner
 * wipes it */
void token_review_build_request(struct buf *buf,
                                enum token_review_version version,
                                struct span token,
                                const struct span *audiences,
                                size_t audience_count) NONNULL(1);

/** token_review_api_version() - "authentication.k8s.io/v1" or "…/v1beta1"; static storage */
const char *token_review_api_version(enum token_review_version version);
