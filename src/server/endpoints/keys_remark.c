/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in readyz.
 *
 * Keys that are missing take nobody out of service: the tokens of one cluster get an error, all
 * others are answered, and every replica would fail at the same moment. So these are remarks.
 * Threads: any; nothing is kept.
 */
#include "server/endpoints/keys_remark.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/rfc3339.h"

void keys_remark(const struct key_source_state *keys, char ret_remark[static HEALTH_REMARK_MAX])
{
    char success[RFC3339_MAX];
    const char *const colon = keys->is_failing ? ": " : "";
    const char *const why = keys->is_failing ? status_text(keys->failure.status) : "";
    rfc3339_format((struct instant){ .sec = keys->success_sec }, success);
    if (!keys->has_keys && keys->success_sec == 0) {
        (void)snprintf(ret_remark, HEALTH_REMARK_MAX,
                       "no keys yet%s%s; its tokens get an error until then", colon, why);
    } else if (!keys->has_keys) {
        (void)snprintf(ret_remark, HEALTH_REMARK_MAX,
                       "no keys, for those of %s are too old%s%s; its tokens get an error", success,
                       colon, why);
    } else if (keys->is_failing) {
        (void)snprintf(ret_remark, HEALTH_REMARK_MAX,
                       "no keys could be had since %s: %s; those of then are in use", success, why);
    } else if (keys->skipped_count > 0) {
        (void)snprintf(ret_remark, HEALTH_REMARK_MAX,
                       "keys that cannot be used: %" PRIu64 " (see the log)", keys->skipped_count);
    }
}
