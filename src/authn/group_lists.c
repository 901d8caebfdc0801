/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned group lists.
 *
 * A cluster has a handful of distinct lists and perhaps a million tokens, so a credential holds a
 * pointer of eight bytes instead of its groups. The set is a search tree (POSIX tsearch) ordered by
 * the list's JSON text: only events look in it, never a request.
 *
 * Untrusted: the text of data.auth-extra-groups, at most SECRET_MAX_BYTES long, hence at most some
 * 47,000 groups; a valid group needs 23 bytes with its comma.
 *
 * Memory: one block per list holds the counters, the spans and the JSON text the spans point into
 * (valid groups need no escapes). The block leaves the tree at once when its last reference goes,
 * and is freed by call_rcu, because a reader may still be writing the list into a reply.
 */
#include "authn/group_lists.h"

#include <search.h>
#include <stdlib.h>

#include <urcu/urcu-bp.h>

#include "authn/bootstrap_token.h"
#include "base/buf.h"

struct interned {
    struct rcu_head rcu;
    size_t refs;
    struct group_list list;
    struct span names[]; /* followed by the JSON text */
};

struct group_lists {
    void *root; /* of the tree of struct interned */
    size_t count;
};

static int compare_spans(struct span a, struct span b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = common ? memcmp(a.at, b.at, common) : 0; /* group names: not secret */
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_names(const void *a, const void *b)
{
    return compare_spans(*(const struct span *)a, *(const struct span *)b);
}

static int compare_lists(const void *a, const void *b)
{
    return compare_spans(((const struct interned *)a)->list.json,
                         ((const struct interned *)b)->list.json);
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

static size_t count_elements(struct span text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.at[i] == ',';
    }
    return count;
}

/* Split at commas into @ret_names; false when an element is no valid group. */
static bool split_groups(struct span text, struct span *ret_names)
{
    size_t start = 0;
    size_t count = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.at[i] != ',') {
            continue;
        }
        const struct span group = { .at = text.at + start, .len = i - start };
        if (!bootstrap_group_is_valid(group)) {
            return false;
        }
        ret_names[count++] = group;
        start = i + 1;
    }
    return true;
}

static size_t sort_unique(struct span *names, size_t count)
{
    qsort(names, count, sizeof(*names), compare_names);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (!span_equal(names[i], names[kept - 1])) {
            names[kept++] = names[i];
        }
    }
    return kept;
}

/* `["a","b"]}` */
static void append_json(struct buf *buf, const struct span *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_char(buf, i == 0 ? '[' : ',');
        buf_append_json_string(buf, names[i]);
    }
    buf_append_text(buf, "]}");
}

/* @names are sorted and unique; the result owns a copy of their bytes. */
static struct interned *interned_new(const struct span *names, size_t count)
{
    struct buf json = { 0 };
    append_json(&json, names, count);
    struct interned *interned = NULL;
    if (!json.failed) {
        interned = malloc(sizeof(*interned) + count * sizeof(*names) + json.len);
    }
    if (!interned) {
        buf_fini(&json);
        return NULL;
    }
    char *text = (char *)&interned->names[count];
    memcpy(text, json.at, json.len);
    *interned = (struct interned){
        .refs = 1,
        .list = { .json = { .at = text, .len = json.len },
                  .count = count,
                  .names = interned->names },
    };
    size_t at = 2; /* behind the bracket and the first quote */
    for (size_t i = 0; i < count; i++) {
        interned->names[i] = (struct span){ .at = text + at, .len = names[i].len };
        at += names[i].len + strlen("\",\"");
    }
    buf_fini(&json);
    return interned;
}

static enum status intern(struct group_lists *lists,
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

enum status group_lists_ref(struct group_lists *lists,
                            struct span extra_groups,
                            const struct group_list **ret_list)
{
    const size_t extra = extra_groups.len == 0 ? 0 : count_elements(extra_groups);
    struct span *names = calloc(extra + 1, sizeof(*names));
    if (!names) {
        return ST_NOMEM;
    }
    names[0] = SPAN_LITERAL(BOOTSTRAP_DEFAULT_GROUP);
    enum status status = ST_GROUPS_INVALID;
    if (extra == 0 || split_groups(extra_groups, names + 1)) {
        status = intern(lists, names, sort_unique(names, extra + 1), ret_list);
    }
    free(names);
    return status;
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
