/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The names of the members of one JSON object, none of them twice.
 *
 * RFC 7515 section 4 and RFC 7517 section 4: names must be unique; who lets the last or the first
 * one win reads another header, or another key, than the next program does.
 */
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

/* Each is compared with each: 32 cost a microsecond and a half. Headers have two to four members,
 * JWKs up to fifteen. */
#define MEMBER_NAMES_MAX 32

/** Embedded by design; all-zero is none. */
struct member_names {
    struct span names[MEMBER_NAMES_MAX]; /* borrow what was read */
    size_t count;
};

/** member_names_add() - Return: ST_OK; ST_DUPLICATE; ST_LIMIT: there are MEMBER_NAMES_MAX already
 */
enum status member_names_add(struct member_names *names, struct span name) NODISCARD NONNULL(1);
