/* SPDX-License-Identifier: Apache-2.0 */
/* Paths are found again, and only so many and so long ones are kept. No directory is needed. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/manifests/nodes.h"
#include "store/manifests/report.h"

static void on_problem(void *ctx, const struct problem *problem)
{
    *(struct problem *)ctx = *problem;
}

static void init(struct manifests *manifests, struct problem *told)
{
    *manifests = (struct manifests){
        .directory = "given",
        .absolute = "/where/given",
        .on_problem = on_problem,
        .ctx = told,
        .limits = { .nodes = 4 },
    };
    *told = (struct problem){ 0 };
    report_init(manifests);
    assert_int_equal(nodes_init(manifests), ST_OK);
    assert_non_null(manifests->root);
}

static struct node *add(struct manifests *manifests, struct node *parent, const char *name)
{
    struct node *node = nodes_add(manifests, parent, name);
    assert_non_null(node);
    return node;
}

static void test_nodes_of_one_path_are_one(void **state)
{
    (void)state;
    struct manifests manifests;
    struct problem told;
    init(&manifests, &told);
    struct node *root = manifests.root;
    struct node *directory = add(&manifests, root, "a");
    struct node *file = add(&manifests, directory, "b.yaml");
    assert_string_equal(file->path, "a/b.yaml");
    assert_int_equal(file->depth, 2);
    assert_ptr_equal(file->parent, directory);
    assert_ptr_equal(nodes_find(&manifests, directory, "b.yaml"), file);
    assert_ptr_equal(add(&manifests, directory, "b.yaml"), file);
    assert_null(nodes_find(&manifests, root, "b.yaml"));
    nodes_free(&manifests, file);
    assert_null(nodes_find(&manifests, directory, "b.yaml"));
    assert_true(cds_list_empty(&directory->children));
    nodes_free(&manifests, directory);
    nodes_free(&manifests, root);
    nodes_fini(&manifests);
}

static void test_nodes_are_no_more_than_their_limit(void **state)
{
    (void)state;
    struct manifests manifests;
    struct problem told;
    init(&manifests, &told);
    struct node *root = manifests.root; /* which is one */
    struct node *nodes[] = { add(&manifests, root, "a"), add(&manifests, root, "b"),
                             add(&manifests, root, "c") };
    assert_null(nodes_add(&manifests, root, "d"));
    assert_true(manifests.is_over_limit);
    assert_int_equal(told.status, ST_LIMIT);
    assert_string_equal(told.file, "given");
    assert_non_null(strstr(told.text, "expected at most 4 files, directories and links"));
    assert_ptr_equal(add(&manifests, root, "b"), nodes[1]); /* that takes no room */
    nodes_free(&manifests, nodes[0]);
    nodes[0] = add(&manifests, root, "d");
    for (size_t i = 0; i < COUNTOF(nodes); i++) {
        nodes_free(&manifests, nodes[i]);
    }
    nodes_free(&manifests, root);
    nodes_fini(&manifests);
}

static void test_nodes_have_paths_that_the_kernel_takes(void **state)
{
    (void)state;
    struct manifests manifests;
    struct problem told;
    char path[PATH_MAX];
    char name[PATH_MAX];
    init(&manifests, &told);
    struct node *root = manifests.root;
    assert_true(nodes_path(&manifests, root, path));
    assert_string_equal(path, "/where/given");
    struct node *node = add(&manifests, root, "a");
    assert_true(nodes_path(&manifests, node, path));
    assert_string_equal(path, "/where/given/a");
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 2] = '\0';
    struct node *longest = add(&manifests, root, name); /* not with what is in front of it */
    assert_false(nodes_path(&manifests, longest, path));
    assert_null(nodes_add(&manifests, node, name));
    assert_string_equal(told.file, "given/a");
    assert_string_equal(told.text, "a path in it is too long");
    assert_false(manifests.is_over_limit);
    nodes_free(&manifests, longest);
    nodes_free(&manifests, node);
    nodes_free(&manifests, root);
    nodes_fini(&manifests);
}

static void test_nodes_manifest_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool want;
    } rows[] = {
        { "a.yaml", true },   { "a.yml", true },  { "a.json", true },
        { "a.b.yaml", true }, { ".yaml", false }, { "a.yaml.bak", false },
        { "a.YAML", false },  { "yaml", false },  { "", false },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        print_message("# %s\n", rows[i].name);
        assert_int_equal(nodes_is_manifest_name(rows[i].name), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes_of_one_path_are_one),
        cmocka_unit_test(test_nodes_are_no_more_than_their_limit),
        cmocka_unit_test(test_nodes_have_paths_that_the_kernel_takes),
        cmocka_unit_test(test_nodes_manifest_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
