/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which file holds which object, and what of it has been told. */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "store/manifests/decode.h"
#include "store/manifests/digest.h"
#include "store/manifests/state.h"
#include "store/store.h"

enum status index_init(struct manifests *manifests) NODISCARD NONNULL(1);
void index_fini(struct manifests *manifests) NONNULL(1);

/**
 * index_replace() - @node's file holds exactly @objects now; tells STORE_ADDED and STORE_MODIFIED
 *
 * Return: ST_OK; ST_NOMEM, ST_LIMIT with @reterr_problem: then nothing has changed.
 */
enum status index_replace(struct manifests *manifests,
                          struct node *node,
                          const struct manifest_objects *objects,
                          struct problem *reterr_problem) NODISCARD NONNULL(1, 2, 3, 4);

/** index_forget() - @node's file is gone */
void index_forget(struct manifests *manifests, struct node *node) NONNULL(1, 2);

/**
 * index_settle() - finish what index_replace() and index_forget() began
 * @last: what is still not told after this is gone for now
 *
 * Tells STORE_DELETED for objects in no file, complains about duplicates, and nominates files whose
 * object takes over. Return: has it nominated any? Never when @last.
 */
bool index_settle(struct manifests *manifests, bool last) NONNULL(1);

/** index_find_source() - the file whose object counts, as report_file() has it; false: there is
 * none
 */
bool index_find_source(struct manifests *manifests,
                       const struct store_target *target,
                       char *ret_source) NODISCARD NONNULL(1, 2, 3);

/** index_find() - which file's object counts. Return: is there such an object?
 * @ret_file: borrows until the next turn */
bool index_find(struct manifests *manifests,
                const struct store_target *target,
                struct node **ret_file,
                struct content_digest *ret_content) NODISCARD NONNULL(1, 2, 3, 4);

/** index_last_holder() - of the files with this object the one whose path comes last: it would be
 * missed least. NULL: none */
struct node *index_last_holder(struct manifests *manifests,
                               const struct store_target *target) NODISCARD NONNULL(1, 2);

/** index_has_told() - is @content of this object what listeners know? NULL: do they know of none?
 */
bool index_has_told(struct manifests *manifests,
                    const struct store_target *target,
                    const struct content_digest *content) NODISCARD NONNULL(1, 2);

/**
 * index_expects() - is @objects what @file holds, but for one object?
 * @file:    NULL: a new file
 * @target:  that one
 * @content: what the object's first appearance has become; NULL: it is in it no more
 */
bool index_expects(struct manifests *manifests,
                   const struct node *file,
                   const struct store_target *target,
                   const struct content_digest *content,
                   const struct manifest_objects *objects) NODISCARD NONNULL(1, 3, 5);

/** index_retell() - in the next turn tell an object as deleted, and added again from its file */
void index_retell(struct manifests *manifests, const struct store_target *target) NONNULL(1, 2);
