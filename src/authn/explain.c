/* SPDX-License-Identifier: Apache-2.0 */
/* One place that formats details, so that the request path pays a single branch for `explain`. The
 * renderer (cli) escapes; details may hold peer bytes such as audiences, never secrets. */
#include "authn/explain.h"

#include <stdarg.h>
#include <stdio.h>

void explain_check(const struct question *question,
                   enum authenticator_id authenticator,
                   const char *check,
                   bool passed,
                   const char *format,
                   ...)
{
    if (!question->explain) {
        return;
    }
    char detail[EXPLAIN_DETAIL_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail, sizeof(detail), format, args); /* cut on purpose */
    va_end(args);
    question->explain(question->explain_ctx, authenticator, check, passed, detail);
}
