/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Single objects of the API server, one request each. */
#include <stddef.h>

#include <urcu/list.h>

#include "base/compiler.h"
#include "base/status.h"
#include "store/apiserver/session.h"
#include "store/store.h"

/** What is under way. */
struct remote_writes {
    struct session *session;   /* borrows */
    struct cds_list_head list; /* of struct remote_write */
    size_t count;
};

void remote_writes_init(struct remote_writes *writes, struct session *session) NONNULL(1, 2);

/** remote_writes_fini() - give up what is under way, without `done` */
void remote_writes_fini(struct remote_writes *writes) NONNULL(1);

/** remote_write_begin() - as store_write() describes it */
enum status remote_write_begin(struct remote_writes *writes,
                               const struct store_write *write) NODISCARD NONNULL(1, 2);
