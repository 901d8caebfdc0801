/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in readyz.
 *
 * A store that has lost contact, or an input that is wrong, does not take the server out of
 * service: it answers from what it knew, and every replica would fail at the same moment. So after
 * the first sync these are remarks. Threads: any; nothing is kept.
 */
#include "server/store_remark.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/rfc3339.h"

void store_remark_before_sync(const struct store_stats *stats,
                              char ret_remark[static HEALTH_REMARK_MAX])
{
    const bool failed = stats->last_failure != ST_OK;
    (void)snprintf(ret_remark, HEALTH_REMARK_MAX, "%s%s%s", status_text(ST_NOT_SYNCED),
                   failed ? ": " : "", failed ? status_text(stats->last_failure) : "");
}

/* Return: bytes written */
static size_t remark_contact(const struct store_stats *stats, char *ret_remark)
{
    char since[RFC3339_MAX];
    const bool failed = stats->last_failure != ST_OK;
    rfc3339_format((struct instant){ .sec = stats->last_contact_sec }, since);
    const int len =
        snprintf(ret_remark, HEALTH_REMARK_MAX,
                 "no contact with the Kubernetes API server since %s%s%s; answering "
                 "from what was known then",
                 since, failed ? ": " : "", failed ? status_text(stats->last_failure) : "");
    return len > 0 ? (size_t)len : 0;
}

void store_remark(const struct store_stats *stats, char ret_remark[static HEALTH_REMARK_MAX])
{
    size_t len = 0;
    if (stats->is_remote && stats->synced && !stats->is_connected) {
        len = remark_contact(stats, ret_remark);
    }
    if (stats->problems > 0 && len < HEALTH_REMARK_MAX) {
        (void)snprintf(ret_remark + len, HEALTH_REMARK_MAX - len,
                       "%s%" PRIu64 " inputs have problems; their last good objects, if any, are "
                       "served (see the log)",
                       len > 0 ? ". " : "", stats->problems);
    }
}
