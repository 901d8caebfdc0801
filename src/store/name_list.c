/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first names of a directory.
 *
 * Where there are more files than may be read, which ones are must not depend on the order in which
 * a file system lists them: after a restart, or on the next machine, it is another. Untrusted: the
 * names, and how many there are. Threads: any, one list each.
 */
#include "store/name_list.h"

#include <stdlib.h>
#include <string.h>

#define NAME_LIST_CAP_MIN 64

static int compare_names(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static void cut(struct name_list *list, size_t max)
{
    while (list->count > max) {
        free(list->at[--list->count]);
    }
}

static enum status grow(struct name_list *list)
{
    const size_t cap = list->cap ? 2 * list->cap : NAME_LIST_CAP_MIN;
    char **at = reallocarray(list->at, cap, sizeof(*at));
    if (!at) {
        return ST_NOMEM;
    }
    list->at = at;
    list->cap = cap;
    return ST_OK;
}

enum status name_list_add(struct name_list *list, const char *name, size_t max)
{
    if (list->count / 2 >= max) {
        name_list_sort(list, max);
    }
    if (list->count == list->cap && grow(list) != ST_OK) {
        return ST_NOMEM;
    }
    char *copy = strdup(name);
    if (!copy) {
        return ST_NOMEM;
    }
    list->at[list->count++] = copy;
    return ST_OK;
}

void name_list_sort(struct name_list *list, size_t max)
{
    if (list->count > 1) {
        qsort(list->at, list->count, sizeof(*list->at), compare_names);
    }
    cut(list, max);
}

void name_list_fini(struct name_list *list)
{
    cut(list, 0);
    free(list->at);
    *list = (struct name_list){ 0 };
}
