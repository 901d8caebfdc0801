/* SPDX-License-Identifier: Apache-2.0 */
/* File watches: each way in which a file comes to be another is told once, nothing else is. */
#include "io/file/watch.h"
#include "support/file_kit.h"

#define UNRELATED_MS (5 * FILE_WATCH_QUIET_MS) /* long enough for a callback that must not come */

struct watched {
    struct file_kit kit;
    struct file_watch *watch;
    unsigned calls;
};

static void count_call(void *ctx)
{
    struct watched *watched = ctx;
    watched->calls++;
}

static bool was_called(void *ctx)
{
    const struct watched *watched = ctx;
    return watched->calls > 0;
}

static void watch_paths(struct watched *watched, const char *const *names, size_t count)
{
    struct kit_path paths[4];
    const char *texts[4];
    assert_in_range(count, 1, 4);
    for (size_t i = 0; i < count; i++) {
        paths[i] = kit_path(&watched->kit, names[i]);
        texts[i] = paths[i].text;
    }
    assert_int_equal(
        file_watch_new(watched->kit.loop, texts, count, count_call, watched, &watched->watch),
        ST_OK);
}

static void watch_path(struct watched *watched, const char *name)
{
    watch_paths(watched, &name, 1);
}

static void finish(struct watched *watched)
{
    watched->watch = file_watch_free(watched->watch);
    assert_null(watched->watch);
    kit_fini(&watched->kit);
}

static void expect_call(struct watched *watched)
{
    assert_true(kit_run_until(&watched->kit, was_called, watched, FILE_KIT_DEADLINE_MS));
    kit_run_for(&watched->kit, UNRELATED_MS);
    assert_int_equal(watched->calls, 1);
    watched->calls = 0;
}

static void expect_silence(struct watched *watched)
{
    kit_run_for(&watched->kit, UNRELATED_MS);
    assert_int_equal(watched->calls, 0);
}

/* Each row prepares a tree, begins to watch "etc/tls/cert", then does one thing. */

static void plain_file(const struct file_kit *kit)
{
    kit_mkdir(kit, "etc");
    kit_mkdir(kit, "etc/tls");
    kit_write(kit, "etc/tls/cert", "old");
}

static void empty_directory(const struct file_kit *kit)
{
    kit_mkdir(kit, "etc");
    kit_mkdir(kit, "etc/tls");
}

static void nothing(const struct file_kit *kit)
{
    (void)kit;
}

static void kubelet_volume(const struct file_kit *kit)
{
    kit_mkdir(kit, "etc");
    kit_mkdir(kit, "etc/tls");
    kit_mkdir(kit, "etc/tls/..1");
    kit_write(kit, "etc/tls/..1/cert", "old");
    kit_symlink(kit, "..1", "etc/tls/..data");
    kit_symlink(kit, "..data/cert", "etc/tls/cert");
}

static void linked_elsewhere(const struct file_kit *kit)
{
    kit_mkdir(kit, "store");
    kit_write(kit, "store/real", "old");
    kit_mkdir(kit, "etc");
    kit_mkdir(kit, "etc/tls");
    kit_symlink(kit, kit_path(kit, "store/real").text, "etc/tls/cert");
}

static void linked_directory(const struct file_kit *kit)
{
    kit_mkdir(kit, "release-1");
    kit_mkdir(kit, "release-1/tls");
    kit_write(kit, "release-1/tls/cert", "old");
    kit_mkdir(kit, "release-2");
    kit_mkdir(kit, "release-2/tls");
    kit_write(kit, "release-2/tls/cert", "new");
    kit_symlink(kit, "release-1", "etc");
}

static void write_in_place(const struct file_kit *kit)
{
    kit_write(kit, "etc/tls/cert", "new");
}

static void rename_over(const struct file_kit *kit)
{
    kit_replace(kit, "etc/tls/cert", "new");
}

static void remove_file(const struct file_kit *kit)
{
    kit_unlink(kit, "etc/tls/cert");
}

static void hard_link(const struct file_kit *kit)
{
    kit_write(kit, "other", "new");
    assert_int_equal(link(kit_path(kit, "other").text, kit_path(kit, "etc/tls/cert").text), 0);
}

static void make_readable(const struct file_kit *kit)
{
    assert_int_equal(chmod(kit_path(kit, "etc/tls/cert").text, 0600), 0);
}

static void make_everything(const struct file_kit *kit)
{
    plain_file(kit);
}

static void kubelet_swap(const struct file_kit *kit)
{
    kit_mkdir(kit, "etc/tls/..2");
    kit_write(kit, "etc/tls/..2/cert", "new");
    kit_swap_link(kit, "..2", "etc/tls/..data");
}

static void write_target(const struct file_kit *kit)
{
    kit_write(kit, "store/real", "new");
}

static void swap_directory_link(const struct file_kit *kit)
{
    kit_swap_link(kit, "release-2", "etc");
}

static void replace_parent(const struct file_kit *kit)
{
    kit_mkdir(kit, "fresh");
    kit_write(kit, "fresh/cert", "new");
    kit_rename(kit, "etc/tls", "etc/old");
    kit_rename(kit, "fresh", "etc/tls");
}

static void replace_grandparent(const struct file_kit *kit)
{
    kit_mkdir(kit, "fresh");
    kit_mkdir(kit, "fresh/tls");
    kit_write(kit, "fresh/tls/cert", "new");
    kit_rename(kit, "etc", "old");
    kit_rename(kit, "fresh", "etc");
}

static void touch_neighbour(const struct file_kit *kit)
{
    kit_write(kit, "etc/tls/certificate", "new");
    kit_write(kit, "etc/cert", "new");
}

static void read_it(const struct file_kit *kit)
{
    const int fd = open(kit_path(kit, "etc/tls/cert").text, O_RDONLY | O_CLOEXEC);
    char c;
    assert_int_equal(read(fd, &c, 1), 1);
    assert_int_equal(close(fd), 0);
}

static void write_release_2(const struct file_kit *kit)
{
    kit_write(kit, "release-2/tls/cert", "newer");
}

static const struct {
    const char *name;
    void (*prepare)(const struct file_kit *kit);
    void (*act)(const struct file_kit *kit);
    bool told;
} rows[] = {
    { "written in place", plain_file, write_in_place, true },
    { "replaced by rename", plain_file, rename_over, true },
    { "removed", plain_file, remove_file, true },
    { "mode changed", plain_file, make_readable, true },
    { "created", empty_directory, write_in_place, true },
    { "created as a hard link", empty_directory, hard_link, true },
    { "created with its directories", nothing, make_everything, true },
    { "kubelet swaps ..data", kubelet_volume, kubelet_swap, true },
    { "a link's target is written", linked_elsewhere, write_target, true },
    { "a link to a parent directory is swapped", linked_directory, swap_directory_link, true },
    { "the parent directory is replaced", plain_file, replace_parent, true },
    { "its parent is replaced", plain_file, replace_grandparent, true },
    { "neighbours and namesakes", plain_file, touch_neighbour, false },
    { "read by somebody", plain_file, read_it, false },
    { "where the link does not lead", linked_directory, write_release_2, false },
};

static void test_file_watch_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct watched watched = { 0 };
        kit_init(&watched.kit);
        rows[i].prepare(&watched.kit);
        watch_path(&watched, "etc/tls/cert");
        rows[i].act(&watched.kit);
        print_message("# %s\n", rows[i].name);
        if (rows[i].told) {
            expect_call(&watched);
        } else {
            expect_silence(&watched);
        }
        finish(&watched);
    }
}

static void test_file_watch_follows_a_link_to_its_new_target(void **state)
{
    (void)state;
    struct watched watched = { 0 };
    kit_init(&watched.kit);
    linked_directory(&watched.kit);
    watch_path(&watched, "etc/tls/cert");
    kit_swap_link(&watched.kit, "release-2", "etc");
    expect_call(&watched);
    kit_write(&watched.kit, "release-2/tls/cert", "newer");
    expect_call(&watched);
    kit_write(&watched.kit, "release-1/tls/cert", "older"); /* no longer ours */
    expect_silence(&watched);
    finish(&watched);
}

static void test_file_watch_follows_a_replaced_parent(void **state)
{
    (void)state;
    struct watched watched = { 0 };
    kit_init(&watched.kit);
    plain_file(&watched.kit);
    watch_path(&watched, "etc/tls/cert");
    replace_parent(&watched.kit);
    expect_call(&watched);
    kit_write(&watched.kit, "etc/tls/cert", "newer");
    expect_call(&watched);
    kit_write(&watched.kit, "etc/old/cert", "older");
    expect_silence(&watched);
    finish(&watched);
}

static void test_file_watch_parent_goes_and_comes_back(void **state)
{
    (void)state;
    struct watched watched = { 0 };
    kit_init(&watched.kit);
    plain_file(&watched.kit);
    watch_path(&watched, "etc/tls/cert");
    kit_unlink(&watched.kit, "etc/tls/cert");
    assert_int_equal(rmdir(kit_path(&watched.kit, "etc/tls").text), 0);
    assert_int_equal(rmdir(kit_path(&watched.kit, "etc").text), 0);
    expect_call(&watched);
    plain_file(&watched.kit);
    expect_call(&watched);
    kit_write(&watched.kit, "etc/tls/cert", "newer");
    expect_call(&watched);
    finish(&watched);
}

/* A half-written file is not news: not while it stays open, whatever the pauses. */
static void test_file_watch_slow_writer_is_told_at_its_close(void **state)
{
    (void)state;
    struct watched watched = { 0 };
    kit_init(&watched.kit);
    empty_directory(&watched.kit);
    watch_path(&watched, "etc/tls/cert");
    const int fd = kit_open(&watched.kit, "etc/tls/cert");
    for (unsigned i = 0; i < 3; i++) {
        kit_append(fd, "x", 1);
        expect_silence(&watched);
    }
    assert_int_equal(close(fd), 0);
    expect_call(&watched);
    finish(&watched);
}

static void test_file_watch_pair_of_files_is_one_callback(void **state)
{
    (void)state;
    struct watched watched = { 0 };
    kit_init(&watched.kit);
    plain_file(&watched.kit);
    kit_write(&watched.kit, "etc/tls/key", "old");
    watch_paths(&watched, (const char *const[]){ "etc/tls/cert", "etc/tls/key" }, 2);
    kit_replace(&watched.kit, "etc/tls/cert", "new");
    kit_replace(&watched.kit, "etc/tls/key", "new");
    expect_call(&watched);
    kit_write(&watched.kit, "etc/tls/key", "newer");
    expect_call(&watched);
    finish(&watched);
}

static void rewrite(uv_timer_t *timer)
{
    struct watched *watched = timer->data;
    kit_write(&watched->kit, "etc/tls/cert", "again");
}

static void test_file_watch_constant_writing_does_not_starve_the_callback(void **state)
{
    (void)state;
    struct watched watched = { 0 };
    kit_init(&watched.kit);
    plain_file(&watched.kit);
    watch_path(&watched, "etc/tls/cert");
    uv_timer_t timer = { .data = &watched };
    assert_int_equal(uv_timer_init(loop_uv(watched.kit.loop), &timer), 0);
    assert_int_equal(uv_timer_start(&timer, rewrite, 1, FILE_WATCH_QUIET_MS / 4), 0);
    assert_true(kit_run_until(&watched.kit, was_called, &watched, FILE_KIT_DEADLINE_MS));
    uv_close((uv_handle_t *)&timer, NULL);
    finish(&watched);
}

static void test_file_watch_relative_path(void **state)
{
    (void)state;
    struct watched watched = { 0 };
    kit_init(&watched.kit);
    plain_file(&watched.kit);
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(kit_path(&watched.kit, "etc").text), 0);
    const char *const paths[] = { "tls/cert" };
    assert_int_equal(
        file_watch_new(watched.kit.loop, paths, 1, count_call, &watched, &watched.watch), ST_OK);
    kit_write(&watched.kit, "etc/tls/cert", "new");
    expect_call(&watched);
    assert_int_equal(chdir(before), 0);
    finish(&watched);
}

static void free_watch(void *ctx)
{
    struct watched *watched = ctx;
    watched->calls++;
    watched->watch = file_watch_free(watched->watch);
}

static void test_file_watch_may_be_freed_in_its_callback(void **state)
{
    (void)state;
    struct watched watched = { 0 };
    kit_init(&watched.kit);
    plain_file(&watched.kit);
    const struct kit_path path = kit_path(&watched.kit, "etc/tls/cert");
    const char *const paths[] = { path.text };
    assert_int_equal(
        file_watch_new(watched.kit.loop, paths, 1, free_watch, &watched, &watched.watch), ST_OK);
    kit_write(&watched.kit, "etc/tls/cert", "new");
    expect_call(&watched);
    finish(&watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_watch_rows),
        cmocka_unit_test(test_file_watch_follows_a_link_to_its_new_target),
        cmocka_unit_test(test_file_watch_follows_a_replaced_parent),
        cmocka_unit_test(test_file_watch_parent_goes_and_comes_back),
        cmocka_unit_test(test_file_watch_slow_writer_is_told_at_its_close),
        cmocka_unit_test(test_file_watch_pair_of_files_is_one_callback),
        cmocka_unit_test(test_file_watch_constant_writing_does_not_starve_the_callback),
        cmocka_unit_test(test_file_watch_relative_path),
        cmocka_unit_test(test_file_watch_may_be_freed_in_its_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
