/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Telling the operator which checks a token went through. */
#include "authn/verdict.h"
#include "base/compiler.h"

#define EXPLAIN_DETAIL_MAX 512 /* bytes with NUL; a few audiences fit, longer details are cut */

/** explain_check() - hand one check to the question's explain_fn, with a formatted detail ("" for
 * none, never a secret). Does nothing, and formats nothing, when nobody listens */
void explain_check(const struct question *question,
                   enum authenticator_id authenticator,
                   const char *check,
                   bool passed,
                   const char *format,
                   ...) NONNULL(1, 3, 5) PRINTF_LIKE(5, 6);
