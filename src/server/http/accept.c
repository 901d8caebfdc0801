/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Accept field of a request, as far as it is about JSON.
 *
 * Hostile: every byte, but there is no NUL in it (request_head has looked). Whatever is no media
 * range is passed over: what a client writes there can only cost it the answer. Parameters but the
 * weight are passed over, too, as kube-apiserver does with what it has no other form for
 * (`application/json;as=Table`). A comma in a quoted parameter parts two ranges here: no harm is in
 * that, and nobody sends one.
 *
 * It runs for every request that has the field, so what is usual is told at a glance.
 */
#include "server/http/accept.h"

#include <string.h>
#include <strings.h>

enum closeness { CLOSENESS_NONE = 0, CLOSENESS_ANY, CLOSENESS_TYPE, CLOSENESS_EXACT };

static bool is_name(struct span range, struct span name)
{
    return range.len == name.len && strncasecmp(range.at, name.at, name.len) == 0;
}

/* How closely does @range name application/json? */
static enum closeness closeness_of(struct span range)
{
    if (is_name(range, SPAN_LITERAL("application/json"))) {
        return CLOSENESS_EXACT;
    }
    if (is_name(range, SPAN_LITERAL("application/*"))) {
        return CLOSENESS_TYPE;
    }
    /* a lone asterisk is what some libraries send for any type */
    return is_name(range, SPAN_LITERAL("*/*")) || is_name(range, SPAN_LITERAL("*"))
               ? CLOSENESS_ANY
               : CLOSENESS_NONE;
}

/* RFC 9110 12.4.2: is it `q=0`, `q=0.`, `q=0.000`? What is no weight is passed over. */
static bool is_weight_of_zero(const char *parameter, size_t len)
{
    return len >= 3 && strncasecmp(parameter, "q=", 2) == 0 &&
           strspn(parameter + 2, "0.") == len - 2;
}

/* Among the parameters from @at to the comma; moves @at behind them. */
static bool has_weight_of_zero(const char **at)
{
    static const char separators[] = "; \t";
    bool is_zero = false;
    *at += strspn(*at, separators);
    while (**at && **at != ',') {
        const size_t len = strcspn(*at, "; \t,");
        is_zero = is_zero || is_weight_of_zero(*at, len);
        *at += len;
        *at += strspn(*at, separators);
    }
    return is_zero;
}

/* What most clients send, kube-apiserver among them: JSON first, and nothing about weights. */
static bool is_plainly_json(struct span value)
{
    const struct span json = SPAN_LITERAL("application/json");
    return span_starts_with(value, json) && (value.len == json.len || value.at[json.len] == ',') &&
           !memchr(value.at, ';', value.len);
}

void accept_add(struct accept *accept, struct span value)
{
    static const char separators[] = " \t,";
    if (is_plainly_json(value)) {
        *accept = (struct accept){ CLOSENESS_EXACT, .is_given = true, .is_wanted = true };
        return;
    }
    for (const char *at = value.at; *(at += strspn(at, separators));) {
        const struct span range = { .at = at, .len = strcspn(at, "; \t,") };
        const enum closeness closeness = closeness_of(range);
        at += range.len;
        const bool is_wanted = !has_weight_of_zero(&at);
        accept->is_given = true;
        if (closeness != CLOSENESS_NONE && closeness >= accept->closeness) {
            accept->is_wanted = is_wanted || (accept->is_wanted && closeness == accept->closeness);
            accept->closeness = (unsigned char)closeness;
        }
    }
}

bool accept_takes_json(const struct accept *accept)
{
    return !accept->is_given || accept->is_wanted;
}
