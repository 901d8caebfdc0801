/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the operator: not hostile, but perhaps mistyped. No threads, no state. */
#include "cli/operator_text.h"

#include <string.h>
#include <strings.h>

#include <curl/curl.h>

bool operator_text_is_plain(struct span text)
{
    if (text.len > OPERATOR_TEXT_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

enum status operator_text_check_https(const char *text, bool allows_query)
{
    static const char scheme[] = "https://";
    /* libcurl takes further slashes for none */
    if (strncasecmp(text, scheme, strlen(scheme)) != 0 || text[strlen(scheme)] == '/' ||
        strpbrk(text, allows_query ? "#" : "?#")) {
        return ST_INVALID;
    }
    CURLU *const parts = curl_url();
    const CURLUcode code = parts ? curl_url_set(parts, CURLUPART_URL, text, CURLU_DISALLOW_USER)
                                 : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(parts);
    return code == CURLUE_OK ? ST_OK : code == CURLUE_OUT_OF_MEMORY ? ST_NOMEM : ST_INVALID;
}
