/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths below the directory that are known, whatever stands there: a tree by their parents, a
 * table by their names.
 *
 * The same path is the same node for as long as it is known. What it is now is for tree.c to find
 * out; here it is only found, made and freed.
 *
 * Untrusted: names, hashed under a random key, and their number and length, which are bounded.
 */
#include "store/manifests/nodes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/manifests/report.h"

static uint32_t hash_path(const struct manifests *manifests, const char *path)
{
    return table_hash(&manifests->nodes, span_of(path));
}

static bool has_path(const void *item, const void *key)
{
    return strcmp(((const struct node *)item)->path, key) == 0;
}

static bool join(const struct node *parent, const char *name, char *ret_path, size_t size)
{
    const char *slash = parent->path[0] ? "/" : "";
    const int len = snprintf(ret_path, size, "%s%s%s", parent->path, slash, name);
    return len > 0 && (size_t)len < size;
}

static struct node *new_node(struct manifests *manifests, struct node *parent, const char *path)
{
    const size_t len = strlen(path);
    struct node *node = calloc(1, sizeof(*node) + len + 1);
    if (!node) {
        return NULL;
    }
    memcpy(node->path, path, len + 1);
    node->path_hash = hash_path(manifests, path);
    node->parent = parent;
    node->depth = parent ? parent->depth + 1 : 0;
    CDS_INIT_LIST_HEAD(&node->siblings);
    CDS_INIT_LIST_HEAD(&node->children);
    CDS_INIT_LIST_HEAD(&node->queue);
    CDS_INIT_LIST_HEAD(&node->touched);
    if (table_insert(&manifests->nodes, node->path_hash, node) != ST_OK) {
        free(node);
        return NULL;
    }
    if (parent) {
        cds_list_add_tail(&node->siblings, &parent->children);
    }
    return node;
}

enum status nodes_init(struct manifests *manifests)
{
    const enum status status = table_init(&manifests->nodes);
    if (status != ST_OK) {
        return status;
    }
    manifests->root = new_node(manifests, NULL, "");
    return manifests->root ? ST_OK : ST_NOMEM;
}

void nodes_fini(struct manifests *manifests)
{
    table_fini(&manifests->nodes);
}

bool nodes_is_manifest_name(const char *name)
{
    static const char *const endings[] = { ".yaml", ".yml", ".json" };
    const size_t len = strlen(name);
    for (size_t i = 0; i < COUNTOF(endings); i++) {
        const size_t ending_len = strlen(endings[i]);
        if (len > ending_len && strcmp(name + len - ending_len, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

struct node *nodes_find(const struct manifests *manifests,
                        const struct node *parent,
                        const char *name)
{
    char path[PATH_MAX];
    if (!join(parent, name, path, sizeof(path))) {
        return NULL;
    }
    return table_find(&manifests->nodes, hash_path(manifests, path), has_path, path);
}

struct node *nodes_add(struct manifests *manifests, struct node *parent, const char *name)
{
    char path[PATH_MAX];
    struct node *node = nodes_find(manifests, parent, name);
    if (node) {
        return node;
    }
    struct problem problem;
    if (manifests->nodes.count >= manifests->limits.nodes) {
        manifests->is_over_limit = true;
        problem_set(&problem, ST_LIMIT, 0, 0,
                    "expected at most %zu files, directories and links; of those found together "
                    "the first by name are read, of others the earlier",
                    manifests->limits.nodes);
        report_problem(manifests, parent, &problem);
        return NULL;
    }
    if (!join(parent, name, path, sizeof(path))) {
        problem_set(&problem, ST_LIMIT, 0, 0, "a path in it is too long");
        report_problem(manifests, parent, &problem);
        return NULL;
    }
    node = new_node(manifests, parent, path);
    if (!node) {
        manifests->is_out_of_memory = true; /* a full scan later finds what is missed now */
    }
    return node;
}

void nodes_free(struct manifests *manifests, struct node *node)
{
    cds_list_del(&node->siblings);
    table_remove(&manifests->nodes, node->path_hash, node);
    free(node);
}

bool nodes_path(const struct manifests *manifests, const struct node *node, char *ret_path)
{
    const char *slash = node->parent ? "/" : "";
    const int len = snprintf(ret_path, PATH_MAX, "%s%s%s", manifests->absolute, slash, node->path);
    return len > 0 && len < PATH_MAX;
}
