/* SPDX-License-Identifier: Apache-2.0 */
/* Names as apimachinery validates them. Whatever passes is safe in a path: it holds no slash, no
 * percent sign, and is neither `.` nor `..`. */
#include "kube/names.h"

static bool is_lower_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 1123 as apimachinery has it: labels of a-z, 0-9 and inner `-`, with dots between them. */
static bool is_dns_name(struct span text, bool may_have_dots)
{
    char before = '.';
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        const bool is_inner = c == '-' && before != '.';
        const bool is_end_of_label = c == '.' && may_have_dots && is_lower_alphanumeric(before);
        if (!is_lower_alphanumeric(c) && !is_inner && !is_end_of_label) {
            return false;
        }
        before = c;
    }
    return is_lower_alphanumeric(before);
}

bool name_is_dns_subdomain(struct span text)
{
    return text.len <= NAME_SUBDOMAIN_MAX && is_dns_name(text, true);
}

bool name_is_dns_label(struct span text)
{
    return text.len <= NAME_LABEL_MAX && is_dns_name(text, false);
}
