/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a text of the operator's may be, wherever it was written: behind a flag, or as a member of
 * the configuration file. */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"

#define OPERATOR_TEXT_MAX 4096 /* bytes of one value: PATH_MAX */

/** operator_text_is_plain() - can it be a C string, and be printed on one line? */
bool operator_text_is_plain(struct span text) NODISCARD;

/** operator_text_check_https() - is it the URL of something that is fetched over TLS, without a
 * user name and without a fragment? @allows_query: it may have a query. Return: ST_OK; ST_INVALID;
 * ST_NOMEM */
enum status operator_text_check_https(const char *text, bool allows_query) NODISCARD NONNULL(1);
