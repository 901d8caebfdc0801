/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the head of a request says about itself, held to RFC 9110 and 9112: names, values, framing.
 *
 * libmicrohttpd refuses most of what is malformed before we see it (ARCHITECTURE.md, decision 4).
 * What it lets through is looked for here, so that nobody in front of us can see other requests in
 * the same bytes than we do.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"
#include "server/http/accept.h"

/** Fields as they come. All-zero is a head without any. */
struct request_head {
    const char *content_type; /* borrows; NULL: none */
    struct accept accept;     /* Accept fields */
    unsigned hosts;           /* Host fields */
    unsigned lengths;         /* Content-Length fields */
    unsigned codings;         /* Transfer-Encoding fields */
    size_t content_length;  /* of the last one; SIZE_MAX when it is no number or larger than that */
    bool is_coding_unknown; /* a transfer coding that is not "chunked" */
    bool is_malformed;      /* a method, a target, a name or a value that none may be */
    bool asks_close;        /* Connection: close */
};

/** A no by the head alone. */
struct head_refusal {
    unsigned code;            /* HTTP status */
    const char *text;         /* lives as long as the server, as allow does */
    unsigned retry_after_sec; /* 0: none */
    const char *allow;        /* the header of a 405; NULL: none */
};

/** request_method_is_valid() - RFC 9110 9.1: a token */
bool request_method_is_valid(struct span method);

/**
 * request_target_is_valid() - RFC 9112 3.2.1: origin-form, as it was sent
 *
 * A path from the root, of visible ASCII, with whole percent escapes. The absolute form is for
 * proxies; RFC 9112 3.2.2 has servers take it, too, but nothing that asks us sends it, and parsers
 * do not agree on where its authority ends.
 */
bool request_target_is_valid(struct span target);

/**
 * request_head_add() - one field
 * @name, @value: borrowed; of Content-Type until the head is no longer used. @value.at ends in NUL
 * Cost:   a few instructions for eight bytes; no allocation
 * Source: RFC 9110 5.1, 5.5 (names, values), 7.2 (Host), 8.6 (Content-Length); RFC 9112 6.1
 *         (Transfer-Encoding), 9.6 (close)
 */
void request_head_add(struct request_head *head, struct span name, struct span value) NONNULL(1);

/**
 * request_head_judge() - all fields are there: may this head be believed?
 * @version: as libmicrohttpd has it, "HTTP/1.1"
 * Return: NULL when it may; else why not. The connection must end then: where the next request
 *         begins is not known.
 * Source: RFC 9112 3.2 (one Host), 6.1 (an encoding in HTTP/1.0, or beside a length; 501 for a
 *         coding that is not known), 6.3 (several lengths)
 */
const struct head_refusal *request_head_judge(const struct request_head *head, const char *version)
    NONNULL(1, 2);
