/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Instants as Go's time.Parse(time.RFC3339, ...) reads them, which is not quite RFC 3339: see
 * rfc3339.c. */
#include "base/clock.h"
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

#define RFC3339_MAX 32 /* bytes with NUL of rfc3339_format()'s longest output */

/** rfc3339_parse() - Return: ST_OK; ST_SYNTAX for anything Go refuses. Digits past nanoseconds are
 * cut, as Go does */
enum status rfc3339_parse(struct span text, struct instant *ret_instant) NODISCARD NONNULL(2);

/** rfc3339_format() - "2026-01-02T03:04:05Z", UTC, whole seconds; years outside 0 to 9999 give ""
 */
void rfc3339_format(struct instant instant, char ret_text[static RFC3339_MAX]);
