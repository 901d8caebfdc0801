/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in readyz.
 *
 * A store that has lost contact, or an input that is wrong, does not take the server out of
 * service: it answers from what it knew, and every replica would fail at the same moment. So after
 * the first sync these are remarks. Threads: any; nothing is kept.
 */
#include "server/endpoints/store_remark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rfc3339.h"

void store_remark_before_sync(const struct store_stats *stats,
                              char ret_remark[static HEALTH_REMARK_MAX])
{
    const bool failed = stats->last_failure != ST_OK;
    (void)snprintf(ret_remark, HEALTH_REMARK_MAX, "%s%s%s", status_text(ST_NOT_SYNCED),
                   failed ? ": " : "", failed ? status_text(stats->last_failure) : "");
}

static void remark_contact(const struct store_stats *stats,
                           char ret_remark[static HEALTH_REMARK_MAX])
{
    char since[RFC3339_MAX];
    const bool failed = stats->last_failure != ST_OK;
    rfc3339_format((struct instant){ .sec = stats->last_contact_sec }, since);
    (void)snprintf(ret_remark, HEALTH_REMARK_MAX,
                   "no contact with the Kubernetes API server since %s%s%s; answering from what "
                   "was known then",
                   since, failed ? ": " : "", failed ? status_text(stats->last_failure) : "");
}

/* Join @remark to what is there. */
static void add_remark(char ret_remark[static HEALTH_REMARK_MAX], const char *remark)
{
    const size_t len = strlen(ret_remark);
    (void)snprintf(ret_remark + len, HEALTH_REMARK_MAX - len, "%s%s", len ? "; " : "", remark);
}

static void remark_trust(const struct store_stats *stats, char ret_remark[static HEALTH_REMARK_MAX])
{
    char remark[HEALTH_REMARK_MAX];
    if (stats->unsafe_files > 0) {
        (void)snprintf(remark, sizeof(remark),
                       "manifests and directories that others can change: %" PRIu64
                       " (see the log)",
                       stats->unsafe_files);
        add_remark(ret_remark, remark);
    }
    if (stats->links_out > 0) {
        (void)snprintf(remark, sizeof(remark), "links that lead out of the directory: %" PRIu64,
                       stats->links_out);
        add_remark(ret_remark, remark);
    }
}

/* Contact that is lost is one of the problems, and more than any other of them. Before the first
 * sync it is informer-sync's to tell, and nothing is served yet. */
void store_remark(const struct store_stats *stats, char ret_remark[static HEALTH_REMARK_MAX])
{
    if (stats->is_remote && !stats->is_synced) {
        return;
    }
    if (stats->is_remote && !stats->is_connected) {
        remark_contact(stats, ret_remark);
    } else if (stats->problems > 0) {
        (void)snprintf(ret_remark, HEALTH_REMARK_MAX,
                       "inputs with problems: %" PRIu64 "; their last good objects, if any, are "
                       "served (see the log)",
                       stats->problems);
    }
    remark_trust(stats, ret_remark);
}

void store_remark_cluster(const struct store_stats *stats,
                          char ret_remark[static HEALTH_REMARK_MAX])
{
    const bool failed = stats->last_failure != ST_OK;
    if (stats->is_synced) {
        store_remark(stats, ret_remark);
        return;
    }
    (void)snprintf(ret_remark, HEALTH_REMARK_MAX,
                   "not everything has been read yet%s%s; its tokens get an error until then",
                   failed ? ": " : "", failed ? status_text(stats->last_failure) : "");
}
