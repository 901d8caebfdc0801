/* SPDX-License-Identifier: Apache-2.0 */
/* A set of Secret names: a POSIX search tree of small blocks. Only events use it. Its size is
 * bounded by what the store holds. */
#include "authn/rejected_secrets.h"

#include <search.h>
#include <stdlib.h>

struct rejected_secret {
    struct span namespace; /* point into text */
    struct span name;
    char text[];
};

struct rejected_secrets {
    void *root;
};

static int compare_spans(struct span a, struct span b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len ? memcmp(a.at, b.at, a.len) : 0; /* names of objects: not secret */
}

static int compare(const void *a, const void *b)
{
    const struct rejected_secret *left = a;
    const struct rejected_secret *right = b;
    const int order = compare_spans(left->namespace, right->namespace);
    return order ? order : compare_spans(left->name, right->name);
}

enum status rejected_secrets_new(struct rejected_secrets **ret_rejected)
{
    struct rejected_secrets *rejected = calloc(1, sizeof(*rejected));
    if (!rejected) {
        return ST_NOMEM;
    }
    *ret_rejected = rejected;
    return ST_OK;
}

struct rejected_secrets *rejected_secrets_free(struct rejected_secrets *rejected)
{
    if (rejected) {
        tdestroy(rejected->root, free);
        free(rejected);
    }
    return NULL;
}

static struct rejected_secret *secret_new(struct span namespace, struct span name)
{
    struct rejected_secret *secret = malloc(sizeof(*secret) + namespace.len + name.len);
    if (!secret) {
        return NULL;
    }
    secret->namespace = (struct span){ .at = secret->text, .len = namespace.len };
    secret->name = (struct span){ .at = secret->text + namespace.len, .len = name.len };
    if (namespace.len) {
        memcpy(secret->text, namespace.at, namespace.len);
    }
    if (name.len) {
        memcpy(secret->text + namespace.len, name.at, name.len);
    }
    return secret;
}

enum status rejected_secrets_put(struct rejected_secrets *rejected,
                                 struct span namespace,
                                 struct span name,
                                 bool *ret_is_new)
{
    struct rejected_secret *fresh = secret_new(namespace, name);
    if (!fresh) {
        return ST_NOMEM;
    }
    struct rejected_secret **slot = tsearch(fresh, &rejected->root, compare);
    if (!slot) {
        free(fresh);
        return ST_NOMEM;
    }
    *ret_is_new = *slot == fresh;
    if (!*ret_is_new) {
        free(fresh);
    }
    return ST_OK;
}

bool rejected_secrets_remove(struct rejected_secrets *rejected,
                             struct span namespace,
                             struct span name)
{
    const struct rejected_secret wanted = { .namespace = namespace, .name = name };
    struct rejected_secret **slot = tfind(&wanted, &rejected->root, compare);
    if (!slot) {
        return false;
    }
    struct rejected_secret *found = *slot;
    (void)tdelete(&wanted, &rejected->root, compare); /* found just now */
    free(found);
    return true;
}
