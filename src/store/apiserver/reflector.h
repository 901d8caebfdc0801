/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One request for objects, kept true by list and watch. */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/status.h"
#include "store/apiserver/session.h"
#include "store/store.h"
#include "store/store_base.h"

struct reflector;

/** reflector_new() - after session_open(). @silence_timeout_ms: a watch without a byte for this
 * long is begun anew. @list_timeout_ms: a list, with all its pages, that is not complete after this
 * long has failed */
enum status reflector_new(struct session *session,
                          const struct store_request *request,
                          uint64_t silence_timeout_ms,
                          uint64_t list_timeout_ms,
                          struct reflector **ret_reflector) NODISCARD NONNULL(1, 2, 5);

/** reflector_free() - NULL is fine. Return: NULL */
struct reflector *reflector_free(struct reflector *reflector);

/** reflector_start() - on the loop, once */
void reflector_start(struct reflector *reflector) NONNULL(1);

/** reflector_retell() - STORE_ADDED for this object once more, if it is there, by reading the list
 * anew */
void reflector_retell(struct reflector *reflector, const struct store_target *target) NONNULL(1, 2);

bool reflector_is_synced(const struct reflector *reflector) NONNULL(1);
bool reflector_is_connected(const struct reflector *reflector) NONNULL(1);
enum status reflector_last_failure(const struct reflector *reflector) NONNULL(1);

/** reflector_told_until_sec() - as store_told_until_sec() has it, of this request. session.on_state
 * is called when it changes */
int64_t reflector_told_until_sec(const struct reflector *reflector) NONNULL(1);
const struct object_kind *reflector_kind(const struct reflector *reflector) NONNULL(1);

/** reflector_problem_count() - objects that cannot be read or decoded, and one while the server is
 * away */
uint64_t reflector_problem_count(const struct reflector *reflector) NONNULL(1);
