/* SPDX-License-Identifier: Apache-2.0 */
/* Untrusted: the name, every byte of it. It goes to terminals and logs. */
#include "kube/shown_name.h"

#include <string.h>

#define TOKEN_SECRET_PREFIX "bootstrap-token-"
#define TOKEN_ID_BYTES      6

struct shown_name shown_name_of(struct span name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    const struct span prefix = SPAN_LITERAL(TOKEN_SECRET_PREFIX);
    const size_t most =
        span_starts_with(name, prefix) ? prefix.len + TOKEN_ID_BYTES : SHOWN_NAME_MAX;
    const size_t len = name.len < most ? name.len : most;
    struct shown_name shown = { 0 };
    for (size_t i = 0; i < len; i++) {
        shown.text[i] = memchr(plain, name.at[i], sizeof(plain) - 1) ? name.at[i] : '?';
    }
    memcpy(shown.text + len, name.len > most ? "..." : "", name.len > most ? sizeof("...") : 1);
    return shown;
}
