/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned group lists.
 *
 * A cluster has a handful of distinct lists and perhaps a million tokens, so an entry holds a
 * pointer of eight bytes instead of its groups. The set is a search tree (POSIX tsearch) ordered by
 * the names: only events look in it, never a request.
 *
 * Untrusted: the names. How many there are and how long is bounded by their family.
 *
 * Memory: one block per list holds the counters, the spans, the names they point at and the JSON
 * text. (The names are not looked for in the JSON: escapes may stand for them there.) The block
 * leaves the tree at once when its last reference goes, and is freed by call_rcu, because a reader
 * may still be writing the list into a reply.
 */
#include "authn/group_lists.h"

#include <search.h>
#include <stdlib.h>

#include <urcu/urcu-bp.h>

#include "base/buf.h"

struct interned {
    struct rcu_head rcu;
    size_t refs;
    struct group_list list;
    struct span names[]; /* followed by their bytes and the JSON text */
};

struct group_lists {
    void *root; /* of the tree of struct interned */
    size_t count;
};

static int compare_lists(const void *a, const void *b)
{
    const struct group_list *left = &((const struct interned *)a)->list;
    const struct group_list *right = &((const struct interned *)b)->list;
    if (left->count != right->count) {
        return left->count < right->count ? -1 : 1;
    }
    int order = 0;
    for (size_t i = 0; i < left->count && order == 0; i++) {
        order = span_compare(left->names[i], right->names[i]);
    }
    return order;
}

enum status group_lists_new(struct group_lists **ret_lists)
{
    struct group_lists *lists = calloc(1, sizeof(*lists));
    if (!lists) {
        return ST_NOMEM;
    }
    *ret_lists = lists;
    return ST_OK;
}

struct group_lists *group_lists_free(struct group_lists *lists)
{
    if (lists) {
        tdestroy(lists->root, free);
        free(lists);
    }
    return NULL;
}

/* `["a","b"]}` */
static void append_json(struct buf *buf, const struct span *names, size_t count)
{
    buf_append_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_append_char(buf, ',');
        }
        buf_append_json_string(buf, names[i]);
    }
    buf_append_text(buf, "]}");
}

static size_t count_bytes(const struct span *names, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += names[i].len;
    }
    return bytes;
}

static struct interned *interned_new(const struct span *names, size_t count)
{
    struct buf json = { 0 };
    append_json(&json, names, count);
    struct interned *interned = NULL;
    if (!json.failed) {
        interned = malloc(sizeof(*interned) + count * sizeof(*names) + count_bytes(names, count) +
                          json.len);
    }
    if (!interned) {
        buf_fini(&json);
        return NULL;
    }
    char *text = (char *)&interned->names[count];
    for (size_t i = 0; i < count; i++) {
        interned->names[i] = (struct span){ .at = text, .len = names[i].len };
        text = mempcpy(text, names[i].len ? names[i].at : "", names[i].len);
    }
    memcpy(text, json.at, json.len);
    interned->refs = 1;
    interned->list = (struct group_list){ .json = { .at = text, .len = json.len },
                                          .count = count,
                                          .names = interned->names };
    buf_fini(&json);
    return interned;
}

enum status group_lists_ref(struct group_lists *lists,
                            const struct span *names,
                            size_t count,
                            const struct group_list **ret_list)
{
    struct interned *fresh = interned_new(names, count);
    if (!fresh) {
        return ST_NOMEM;
    }
    struct interned **slot = tsearch(fresh, &lists->root, compare_lists);
    if (!slot) {
        free(fresh);
        return ST_NOMEM;
    }
    if (*slot == fresh) {
        lists->count++;
    } else {
        (*slot)->refs++;
        free(fresh);
    }
    *ret_list = &(*slot)->list;
    return ST_OK;
}

static void free_interned(struct rcu_head *head)
{
    free(CONTAINER_OF(head, struct interned, rcu));
}

void group_lists_unref(struct group_lists *lists, const struct group_list *list)
{
    if (!list) {
        return;
    }
    struct interned *interned = CONTAINER_OF(list, struct interned, list);
    if (--interned->refs > 0) {
        return;
    }
    (void)tdelete(interned, &lists->root, compare_lists); /* it is in there: refs was not 0 */
    lists->count--;
    urcu_bp_call_rcu(&interned->rcu, free_interned);
}

size_t group_lists_count(const struct group_lists *lists)
{
    return lists->count;
}
