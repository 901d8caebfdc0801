/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names of a directory's entries in bytewise order, as many as are wanted: readdir() has an order
 * of its own, by which nothing may be decided. */
#include <stddef.h>

#include "base/compiler.h"
#include "base/status.h"

/** All-zero is empty. */
struct name_list {
    char **at; /* owns each, and the array */
    size_t count;
    size_t cap;
};

/** name_list_add() - @name: copies. @max: how many will be wanted, not 0; of more than twice as
 * many the last are forgotten on the way, so memory goes by @max. Return: ST_OK; ST_NOMEM */
enum status name_list_add(struct name_list *list, const char *name, size_t max) NODISCARD
    NONNULL(1, 2);

/** name_list_sort() - into order; the first @max stay */
void name_list_sort(struct name_list *list, size_t max) NONNULL(1);

void name_list_fini(struct name_list *list) NONNULL(1);
