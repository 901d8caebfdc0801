/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Cuts a stream of JSON into whole values, while it arrives.
 *
 * Two forms: a sequence of objects (a Kubernetes watch), and one object with a long array `items`
 * (a Kubernetes list), whose elements are handed out one by one and the rest at the end. So memory
 * goes by the largest value and not by the length of the stream. Values are only cut out here;
 * whether they are well-formed is for document/document to say.
 *
 * Values may hold secrets: what is kept of them between two pieces is wiped.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

enum json_frames_form {
    JSON_FRAMES_SEQUENCE = 0, /* objects one after the other, white space between them and no line
                                 end inside */
    JSON_FRAMES_ITEMS,        /* one object; its member `items` is cut into elements */
};

enum json_frame_kind {
    JSON_FRAME_VALUE = 0, /* an object of the sequence, or an element of `items` */
    JSON_FRAME_REST,      /* JSON_FRAMES_ITEMS, last: the object with an empty array for `items` */
};

#define JSON_FRAMES_MAX_REST 65536 /* a list's kind, metadata and continue token are 300 bytes */

/** json_frame_fn - @text: borrows until return. Return: ST_OK; anything else becomes the result of
 * json_frames_push(), after which nothing but json_frames_fini() is allowed */
typedef enum status json_frame_fn(void *ctx, enum json_frame_kind kind, struct span text) NODISCARD;

struct json_frames {
    enum json_frames_form form;
    json_frame_fn *fn;
    void *ctx;        /* borrows */
    struct buf value; /* the beginning of a value whose end has not come yet */
    struct buf rest;  /* JSON_FRAMES_ITEMS: everything outside the elements */
    size_t depth;     /* open objects and arrays */
    size_t key_at;    /* in `rest`: where the text of the present key begins */
    bool in_value;
    bool in_items;
    bool in_string;
    bool is_escaped;  /* in a string, behind a backslash */
    bool expects_key; /* depth 1: the next string is a member's name */
    bool is_items;    /* depth 1: the present member is `items` */
    bool wants_comma; /* in_items: an element has ended */
    bool wants_value; /* in_items: a comma has come */
    bool is_complete; /* JSON_FRAMES_ITEMS: the object has ended */
};

/** json_frames_init() - @value_max: bytes of one value; a longer one is ST_LIMIT */
void json_frames_init(struct json_frames *frames,
                      enum json_frames_form form,
                      size_t value_max,
                      json_frame_fn *fn,
                      void *ctx) NONNULL(1, 4);

/** json_frames_fini() - wipe and free; all-zero is fine, before and afterwards */
void json_frames_fini(struct json_frames *frames) NONNULL(1);

/**
 * json_frames_push() - take the next piece of the stream and hand out the values that end in it
 *
 * Return: ST_OK; ST_SYNTAX: something else than objects where they belong, text behind the end, or
 * a line end inside a value of a sequence;
 * ST_LIMIT: a value or the rest is too long; ST_NOMEM; what @fn returned.
 */
enum status json_frames_push(struct json_frames *frames, struct span piece) NODISCARD NONNULL(1);

/** json_frames_is_whole() - may the stream end here? A sequence between two values; a list when its
 * object has ended */
bool json_frames_is_whole(const struct json_frames *frames) NONNULL(1);
