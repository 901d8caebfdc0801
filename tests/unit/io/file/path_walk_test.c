/* SPDX-License-Identifier: Apache-2.0 */
/* Path resolution: the places named are those where the kernel looked, and the walk is bounded. */
#include "base/compiler.h"
#include "io/file/path_walk.h"
#include "support/file_kit.h"

struct trace {
    const char *root; /* left out of what is recorded */
    char text[8192];  /* " directory:name" for each step */
    size_t stop_after;
    size_t steps;
};

static enum status record(void *ctx, const char *directory, const char *name)
{
    struct trace *trace = ctx;
    const size_t root_len = strlen(trace->root);
    if (strncmp(directory, trace->root, root_len) == 0) {
        const size_t len = strlen(trace->text);
        (void)snprintf(trace->text + len, sizeof(trace->text) - len, " %s:%s", directory + root_len,
                       name);
    }
    return ++trace->steps == trace->stop_after ? ST_INTERNAL : ST_OK;
}

static const struct {
    const char *name;
    const char *path; /* relative to the test's directory */
    const char *want;
    enum status status;
} rows[] = {
    { "plain file", "dir/file", " :dir /dir:file", ST_OK },
    { "slashes and dots", "dir//./file", " :dir /dir:file", ST_OK },
    { "trailing slash", "dir/", " :dir", ST_OK },
    { "parent", "dir/../dir/file", " :dir :dir /dir:file", ST_OK },
    { "link to a file", "link", " :link :dir /dir:file", ST_OK },
    { "link into a directory", "current/file", " :current :dir /dir:file", ST_OK },
    { "parent behind a link is the physical one", "deep/../file", " :deep :dir /dir:sub /dir:file",
      ST_OK },
    { "missing file", "dir/none", " :dir /dir:none", ST_OK },
    { "missing directory ends the walk", "none/dir/file", " :none", ST_OK },
    { "below a file the walk ends", "dir/file/x/y", " :dir /dir:file /dir/file:x", ST_OK },
    { "dangling link", "dangling", " :dangling :nowhere", ST_OK },
    { "link to itself is bounded", "loop", NULL, ST_LIMIT },
};

static void make_tree(const struct file_kit *kit)
{
    kit_mkdir(kit, "dir");
    kit_mkdir(kit, "dir/sub");
    kit_write(kit, "dir/file", "x");
    kit_symlink(kit, "dir/file", "link");
    kit_symlink(kit, "dir", "current");
    kit_symlink(kit, "dir/sub", "deep");
    kit_symlink(kit, "nowhere", "dangling");
    kit_symlink(kit, "loop", "loop");
}

static void test_path_walk_rows(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    make_tree(&kit);
    char root[PATH_MAX];
    assert_non_null(realpath(kit.directory, root));
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct trace trace = { .root = root };
        assert_int_equal(path_walk(root, rows[i].path, record, &trace), rows[i].status);
        if (rows[i].want) {
            assert_string_equal(trace.text, rows[i].want);
        }
        assert_in_range(trace.steps, 1, PATH_WALK_LINKS_MAX + 5);
    }
    kit_fini(&kit);
}

static const struct {
    const char *path;
    const char *want; /* NULL: nowhere */
    enum status status;
} ends[] = {
    { "dir/file", "/dir/file", ST_OK },
    { "link", "/dir/file", ST_OK },
    { "current/", "/dir", ST_OK },
    { "deep/..", "/dir", ST_OK },
    { ".", "", ST_OK },
    { "dir/none", NULL, ST_NOT_FOUND },
    { "none/dir/file", NULL, ST_NOT_FOUND },
    { "dir/file/x", NULL, ST_NOT_FOUND },
    { "dangling", NULL, ST_NOT_FOUND },
    { "loop", NULL, ST_LIMIT },
};

static void test_path_walk_to_tells_the_end(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    make_tree(&kit);
    char root[PATH_MAX];
    assert_non_null(realpath(kit.directory, root));
    for (size_t i = 0; i < COUNTOF(ends); i++) {
        struct trace trace = { .root = root };
        char end[PATH_MAX] = "untouched";
        print_message("# %s\n", ends[i].path);
        assert_int_equal(path_walk_to(root, ends[i].path, record, &trace, end), ends[i].status);
        assert_string_equal(ends[i].want ? end + strlen(root) : end,
                            ends[i].want ? ends[i].want : "untouched");
    }
    struct trace stopped = { .root = root, .stop_after = 1 };
    char end[PATH_MAX];
    assert_int_equal(path_walk_to(root, "dir/none", record, &stopped, end), ST_INTERNAL);
    assert_int_equal(path_walk_to(root, "/", record, &stopped, end), ST_OK);
    assert_string_equal(end, "/");
    kit_fini(&kit);
}

static void test_path_walk_absolute_link_starts_at_the_root(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    make_tree(&kit);
    char root[PATH_MAX];
    assert_non_null(realpath(kit.directory, root));
    kit_symlink(&kit, kit_path(&kit, "dir/file").text, "absolute");
    struct trace trace = { .root = root };
    assert_int_equal(path_walk(root, "absolute", record, &trace), ST_OK);
    assert_string_equal(trace.text, " :absolute :dir /dir:file");
    struct trace from_root = { .root = "" };
    assert_int_equal(path_walk("/nonexistent", "/../etc", record, &from_root), ST_OK);
    assert_string_equal(from_root.text, " /:etc");
    kit_fini(&kit);
}

static void test_path_walk_step_can_stop_it(void **state)
{
    (void)state;
    struct trace trace = { .root = "", .stop_after = 1 };
    assert_int_equal(path_walk("/", "usr/include", record, &trace), ST_INTERNAL);
    assert_int_equal(trace.steps, 1);
}

static void test_path_walk_too_long_is_refused(void **state)
{
    (void)state;
    struct trace trace = { .root = "" };
    char name[NAME_MAX + 2];
    memset(name, 'a', NAME_MAX + 1);
    name[NAME_MAX + 1] = '\0';
    assert_int_equal(path_walk("/", name, record, &trace), ST_LIMIT);
    name[NAME_MAX] = '\0';
    assert_int_equal(path_walk("/", name, record, &trace), ST_OK);
    static char path[PATH_MAX + 1];
    memset(path, '/', PATH_MAX);
    assert_int_equal(path_walk("/", path, record, &trace), ST_LIMIT);
    path[PATH_MAX - 1] = '\0';
    assert_int_equal(path_walk("/", path, record, &trace), ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_walk_rows),
        cmocka_unit_test(test_path_walk_absolute_link_starts_at_the_root),
        cmocka_unit_test(test_path_walk_to_tells_the_end),
        cmocka_unit_test(test_path_walk_step_can_stop_it),
        cmocka_unit_test(test_path_walk_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
