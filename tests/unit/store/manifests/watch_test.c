/* SPDX-License-Identifier: Apache-2.0 */
/* The directory store while it runs: each kind of change has its net effect, and no other. */
#include <sys/mount.h>
#include <sys/resource.h>

#include "store/manifests/queue.h"
#include "store/manifests/state.h"
#include "store/manifests/turn.h"
#include "store/manifests/wake.h"
#include "support/alloc_fail.h"
#include "support/lease.h"
#include "support/manifests_kit.h"

/* --- one change each --- */

/* Before: a.yaml holds a=1, two.yaml holds x=1 and y=1, sub/s.yaml holds s=1, and beside m/ there
 * are new.yaml with n=1 and dir/ with d.yaml with d=1. */
static void prepare_on(struct manifests_kit *kit, struct loop *loop)
{
    mkit_init_on(kit, loop);
    mkit_put(kit, "m/a.yaml", "a", "1");
    kit_write(&kit->files, "m/two.yaml",
              two_manifests(manifest("x", "1"), manifest("y", "1")).text);
    kit_mkdir(&kit->files, "m/sub");
    mkit_put(kit, "m/sub/s.yaml", "s", "1");
    mkit_put(kit, "new.yaml", "n", "1");
    kit_mkdir(&kit->files, "dir");
    mkit_put(kit, "dir/d.yaml", "d", "1");
}

static void prepare(struct manifests_kit *kit)
{
    prepare_on(kit, NULL);
}

#define PREPARED "+a=1 +s=1 +x=1 +y=1 S "

static void add_file(struct manifests_kit *kit)
{
    mkit_put(kit, "m/b.yaml", "b", "1");
}

static void change_in_place(struct manifests_kit *kit)
{
    mkit_put(kit, "m/a.yaml", "a", "2");
}

static void change_by_rename(struct manifests_kit *kit)
{
    kit_replace(&kit->files, "m/a.yaml", manifest("a", "2").text);
}

static void rewrite_the_same(struct manifests_kit *kit)
{
    mkit_put(kit, "m/a.yaml", "a", "1");
    kit_write(&kit->files, "m/two.yaml",
              two_manifests(manifest("y", "1"), manifest("x", "1")).text);
}

static void change_one_of_two(struct manifests_kit *kit)
{
    kit_write(&kit->files, "m/two.yaml",
              two_manifests(manifest("x", "1"), manifest("y", "2")).text);
}

static void swap_one_of_two(struct manifests_kit *kit)
{
    kit_write(&kit->files, "m/two.yaml",
              two_manifests(manifest("x", "1"), manifest("z", "1")).text);
}

static void remove_file(struct manifests_kit *kit)
{
    kit_unlink(&kit->files, "m/two.yaml");
}

static void empty_file(struct manifests_kit *kit)
{
    kit_write(&kit->files, "m/a.yaml", "");
}

static void rename_file(struct manifests_kit *kit)
{
    kit_rename(&kit->files, "m/a.yaml", "m/z.yaml");
}

static void rename_file_to_another_directory(struct manifests_kit *kit)
{
    kit_rename(&kit->files, "m/a.yaml", "m/sub/a.yaml");
}

static void move_object_to_another_file(struct manifests_kit *kit)
{
    mkit_put(kit, "m/y.yaml", "y", "1");
    mkit_put(kit, "m/two.yaml", "x", "1");
}

static void rename_file_away(struct manifests_kit *kit)
{
    kit_rename(&kit->files, "m/a.yaml", "a.yaml");
}

static void rename_file_to_another_ending(struct manifests_kit *kit)
{
    kit_rename(&kit->files, "m/a.yaml", "m/a.yaml.disabled");
}

static void rename_file_into_hiding(struct manifests_kit *kit)
{
    kit_rename(&kit->files, "m/a.yaml", "m/.a.yaml");
}

static void rename_file_in(struct manifests_kit *kit)
{
    kit_rename(&kit->files, "new.yaml", "m/new.yaml");
}

static void link_file_in(struct manifests_kit *kit)
{
    assert_int_equal(
        link(kit_path(&kit->files, "new.yaml").text, kit_path(&kit->files, "m/new.yaml").text), 0);
}

static void symlink_file_in(struct manifests_kit *kit)
{
    kit_symlink(&kit->files, "../new.yaml", "m/new.yaml");
}

static void symlink_directory_in(struct manifests_kit *kit)
{
    kit_symlink(&kit->files, "../dir", "m/dir");
}

static void make_directory_with_file(struct manifests_kit *kit)
{
    kit_mkdir(&kit->files, "m/p");
    kit_mkdir(&kit->files, "m/p/q");
    mkit_put(kit, "m/p/q/b.yaml", "b", "1");
}

static void rename_directory_in(struct manifests_kit *kit)
{
    kit_rename(&kit->files, "dir", "m/dir");
}

static void rename_directory(struct manifests_kit *kit)
{
    kit_rename(&kit->files, "m/sub", "m/other");
}

static void rename_directory_away(struct manifests_kit *kit)
{
    kit_rename(&kit->files, "m/sub", "sub");
}

static void replace_directory(struct manifests_kit *kit)
{
    mkit_put(kit, "dir/s.yaml", "s", "2");
    kit_rename(&kit->files, "m/sub", "m/.old");
    kit_rename(&kit->files, "dir", "m/sub");
}

static void remove_directory(struct manifests_kit *kit)
{
    kit_unlink(&kit->files, "m/sub/s.yaml");
    assert_int_equal(rmdir(kit_path(&kit->files, "m/sub").text), 0);
}

static void touch_what_is_no_manifest(struct manifests_kit *kit)
{
    mkit_put(kit, "m/.b.yaml", "b", "1");
    mkit_put(kit, "m/b.txt", "b", "1");
    kit_mkdir(&kit->files, "m/.hidden");
    mkit_put(kit, "m/.hidden/b.yaml", "b", "1");
}

static void replace_file_by_fifo(struct manifests_kit *kit)
{
    kit_unlink(&kit->files, "m/a.yaml");
    assert_int_equal(mkfifo(kit_path(&kit->files, "m/a.yaml").text, 0600), 0);
}

static void replace_file_by_directory(struct manifests_kit *kit)
{
    kit_unlink(&kit->files, "m/a.yaml");
    kit_rename(&kit->files, "dir", "m/a.yaml");
}

static void replace_file_by_link(struct manifests_kit *kit)
{
    kit_symlink(&kit->files, "../new.yaml", "m/.tmp");
    kit_rename(&kit->files, "m/.tmp", "m/a.yaml");
}

static const struct {
    const char *name;
    void (*act)(struct manifests_kit *kit);
    const char *want;
} rows[] = {
    { "file added", add_file, "+b=1 " },
    { "file changed in place", change_in_place, "~a=2 " },
    { "file replaced by rename", change_by_rename, "~a=2 " },
    { "files rewritten with the same objects", rewrite_the_same, "" },
    { "one of two objects changed", change_one_of_two, "~y=2 " },
    { "one of two objects exchanged", swap_one_of_two, "+z=1 -y " },
    { "file removed", remove_file, "-y -x " },
    { "file emptied", empty_file, "-a " },
    { "file renamed", rename_file, "" },
    { "file renamed to another directory", rename_file_to_another_directory, "" },
    { "object moved to another file", move_object_to_another_file, "" },
    { "file renamed out of the tree", rename_file_away, "-a " },
    { "file renamed to another ending", rename_file_to_another_ending, "-a " },
    { "file renamed to a hidden name", rename_file_into_hiding, "-a " },
    { "file renamed into the tree", rename_file_in, "+n=1 " },
    { "file linked into the tree", link_file_in, "+n=1 " },
    { "symbolic link to a file made", symlink_file_in, "+n=1 " },
    { "symbolic link to a directory made", symlink_directory_in, "+d=1 " },
    { "directories made with a file", make_directory_with_file, "+b=1 " },
    { "directory renamed into the tree", rename_directory_in, "+d=1 " },
    { "directory renamed", rename_directory, "" },
    { "directory renamed out of the tree", rename_directory_away, "-s " },
    { "directory replaced", replace_directory, "+d=1 ~s=2 " },
    { "directory removed", remove_directory, "-s " },
    { "hidden and other files written", touch_what_is_no_manifest, "" },
    { "file replaced by a FIFO", replace_file_by_fifo, "-a " },
    { "file replaced by a directory", replace_file_by_directory, "+d=1 -a " },
    { "file replaced by a symbolic link", replace_file_by_link, "+n=1 -a " },
};

/* All rows on one loop, so that they wait for silence together. */
static void test_manifests_watch_rows(void **state)
{
    (void)state;
    static struct manifests_kit kits[COUNTOF(rows)];
    struct loop *loop = NULL;
    assert_int_equal(loop_new(&loop), ST_OK);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        prepare_on(&kits[i], loop);
        mkit_start(&kits[i], PREPARED);
    }
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        print_message("# %s\n", rows[i].name);
        rows[i].act(&kits[i]);
        if (rows[i].want[0]) {
            mkit_expect(&kits[i], rows[i].want);
        }
    }
    kit_run_for(&kits[0].files, 2 * FILE_SETTLE_MS);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        print_message("# %s\n", rows[i].name);
        mkit_had_events(&kits[i], "");
        mkit_had_problems(&kits[i], "");
        mkit_fini(&kits[i]);
    }
    loop_free(loop);
}

/* What was renamed must be followed under its new name. */
static void test_manifests_renamed_directory_is_watched_under_its_new_name(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    kit_rename(&kit.files, "m/sub", "m/other");
    mkit_expect_silence(&kit);
    mkit_put(&kit, "m/other/s.yaml", "s", "2");
    mkit_expect(&kit, "~s=2 ");
    mkit_put(&kit, "m/other/t.yaml", "t", "1");
    mkit_expect(&kit, "+t=1 ");
    kit_unlink(&kit.files, "m/other/s.yaml");
    mkit_expect(&kit, "-s ");
    mkit_fini(&kit);
}

static void test_manifests_directory_that_left_is_not_watched_any_more(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    kit_rename(&kit.files, "m/sub", "sub");
    mkit_expect(&kit, "-s ");
    mkit_put(&kit, "sub/s.yaml", "s", "2");
    mkit_put(&kit, "sub/t.yaml", "t", "2");
    mkit_expect_silence(&kit);
    mkit_fini(&kit);
}

/* --- writers --- */

/* Byte by byte, with the loop running after each: what is cut off before `sealed` is valid. */
static void write_slowly(struct manifests_kit *kit, int fd, const char *text)
{
    for (size_t i = 0; text[i]; i++) {
        kit_append(fd, &text[i], 1);
        (void)uv_run(loop_uv(kit->files.loop), UV_RUN_NOWAIT);
        if (i % 16 == 0) {
            kit_run_for(&kit->files, FILE_SETTLE_MS / 8);
        }
        mkit_had_events(kit, "");
    }
    kit_run_for(&kit->files, FILE_SETTLE_MS * 3 / 2);
    mkit_had_events(kit, "");
}

static void test_manifests_slow_writer_is_never_read_before_its_close(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    int fd = kit_open(&kit.files, "m/b.yaml"); /* a new file */
    write_slowly(&kit, fd, manifest("b", "1").text);
    assert_int_equal(close(fd), 0);
    mkit_expect(&kit, "+b=1 ");
    fd = kit_open(&kit.files, "m/a.yaml"); /* one that is known */
    write_slowly(&kit, fd, manifest("a", "2").text);
    assert_int_equal(close(fd), 0);
    mkit_expect(&kit, "~a=2 ");
    kit_mkdir(&kit.files, "m/fresh"); /* one that a scan of a new directory comes upon */
    fd = kit_open(&kit.files, "m/fresh/c.yaml");
    write_slowly(&kit, fd, manifest("c", "1").text);
    assert_int_equal(close(fd), 0);
    mkit_expect(&kit, "+c=1 ");
    mkit_fini(&kit);
}

/* Where nobody can tell whether a file is open, its name's creation is not taken for its end. */
static void test_manifests_slow_writer_is_not_read_where_there_are_no_leases(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    int fd = kit_open(&kit.files, "m/b.yaml");
    if (fchown(fd, 65534, 65534) != 0 || !lease_set_capability(false)) {
        mkit_fini(&kit);
        skip(); /* not root: the file cannot be made somebody else's */
    }
    const struct manifest_text whole = manifest("b", "1");
    const size_t half = (size_t)(strstr(whole.text, "  sealed") - whole.text);
    kit_append(fd, whole.text, half);
    mkit_expect_silence(&kit);
    queue_rescan_after(&manifests_of(kit.store)->queues, 0); /* nor by a scan that comes upon it */
    wake_arm(manifests_of(kit.store));
    mkit_expect_silence(&kit);
    write_slowly(&kit, fd, whole.text + half);
    assert_int_equal(close(fd), 0);
    mkit_expect(&kit, "+b=1 ");
    fd = kit_open(&kit.files, "m/b.yaml"); /* its owner is still another */
    write_slowly(&kit, fd, manifest("b", "2").text);
    assert_int_equal(close(fd), 0);
    mkit_expect(&kit, "~b=2 ");
    assert_true(lease_set_capability(true));
    mkit_fini(&kit);
}

static void test_manifests_second_writer_keeps_the_file_from_being_read(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    const struct kit_path path = kit_path(&kit.files, "m/a.yaml");
    const int first = open(path.text, O_WRONLY | O_TRUNC | O_CLOEXEC);
    const int second = open(path.text, O_WRONLY | O_APPEND | O_CLOEXEC);
    const struct manifest_text whole = manifest("a", "2");
    const size_t half = (size_t)(strstr(whole.text, "  sealed") - whole.text);
    kit_append(first, whole.text, half);
    assert_int_equal(close(first), 0); /* its close is an event, but not the end */
    mkit_expect_silence(&kit);
    kit_append(second, whole.text + half, strlen(whole.text) - half);
    assert_int_equal(close(second), 0);
    mkit_expect(&kit, "~a=2 ");
    mkit_fini(&kit);
}

/* --- mounted volumes --- */

static void publish(struct manifests_kit *kit, const char *version, const char *value)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "m/%s", version);
    kit_mkdir(&kit->files, name);
    (void)snprintf(name, sizeof(name), "m/%s/v.yaml", version);
    if (value) {
        mkit_put(kit, name, "v", value);
    } else {
        kit_write(&kit->files, name, "apiVersion: v1\nkind: [\n");
    }
    kit_swap_link(&kit->files, version, "m/..data");
}

static void mount_volume(struct manifests_kit *kit)
{
    prepare(kit);
    publish(kit, "..1", "1");
    kit_symlink(&kit->files, "..data/v.yaml", "m/v.yaml");
    mkit_start(kit, "+a=1 +s=1 +x=1 +y=1 +v=1 S ");
}

static void test_manifests_volume_swap_is_one_change(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mount_volume(&kit);
    const char *const versions[] = { "..2", "..3", "..4" };
    for (size_t i = 0; i < COUNTOF(versions); i++) {
        char want[32];
        publish(&kit, versions[i], versions[i] + 2);
        (void)snprintf(want, sizeof(want), "~v=%s ", versions[i] + 2);
        mkit_expect(&kit, want);
    }
    mkit_expect_silence(&kit);
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

static void test_manifests_volume_swap_to_the_same_content_is_no_event(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mount_volume(&kit);
    publish(&kit, "..2", "1");
    mkit_expect_silence(&kit);
    mkit_fini(&kit);
}

static void test_manifests_volume_swap_to_a_broken_file_keeps_the_last_good_objects(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mount_volume(&kit);
    publish(&kit, "..2", NULL);
    mkit_expect_problem(&kit, "m/v.yaml:");
    mkit_had_events(&kit, "");
    publish(&kit, "..3", "3");
    mkit_expect_both(&kit, "~v=3 ", "ok m/v.yaml\n");
    mkit_fini(&kit);
}

static void test_manifests_volume_gains_and_loses_a_key(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mount_volume(&kit);
    kit_mkdir(&kit.files, "m/..2");
    mkit_put(&kit, "m/..2/v.yaml", "v", "1");
    mkit_put(&kit, "m/..2/w.yaml", "w", "1");
    kit_swap_link(&kit.files, "..2", "m/..data");
    kit_symlink(&kit.files, "..data/w.yaml", "m/w.yaml"); /* as kubelet: after the swap */
    mkit_expect(&kit, "+w=1 ");
    kit_mkdir(&kit.files, "m/..3");
    mkit_put(&kit, "m/..3/v.yaml", "v", "1");
    kit_swap_link(&kit.files, "..3", "m/..data");
    mkit_expect(&kit, "-w ");
    mkit_had_problems(&kit, "m/w.yaml: the symbolic link leads nowhere\n");
    kit_unlink(&kit.files, "m/w.yaml");
    mkit_expect_problem(&kit, "ok m/w.yaml\n");
    mkit_fini(&kit);
}

static void test_manifests_link_follows_its_target_elsewhere(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    kit_mkdir(&kit.files, "far");
    mkit_put(&kit, "far/real", "f", "1");
    kit_symlink(&kit.files, "../far/real", "m/f.yaml");
    mkit_start(&kit, "+a=1 +f=1 +s=1 +x=1 +y=1 S ");
    mkit_put(&kit, "far/real", "f", "2");
    mkit_expect(&kit, "~f=2 ");
    kit_replace(&kit.files, "far/real", manifest("f", "3").text);
    mkit_expect(&kit, "~f=3 ");
    kit_rename(&kit.files, "far", "gone");
    mkit_expect(&kit, "-f ");
    kit_rename(&kit.files, "gone", "far");
    mkit_expect(&kit, "+f=3 ");
    mkit_fini(&kit);
}

static void test_manifests_alias_of_a_directory_takes_over(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    kit_symlink(&kit.files, "../dir", "m/one");
    kit_symlink(&kit.files, "../dir", "m/two");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_watch(&kit);
    assert_int_equal(mkit_stats(&kit).files, 4);
    buf_clear(&kit.events);
    for (size_t i = 0; i < 2; i++) { /* either may be the one that was read */
        kit_unlink(&kit.files, i == 0 ? "m/one" : "m/two");
        kit_run_for(&kit.files, FILE_SETTLE_MS);
        assert_int_equal(mkit_stats(&kit).files, i == 0 ? 4 : 3);
    }
    mkit_expect(&kit, "-d ");
    mkit_fini(&kit);
}

/* A directory is read by a link; then it stands above that very link, which goes, being below an
 * alias. What it holds must not go with it. */
static void test_manifests_alias_above_the_path_that_is_read(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_mkdir(&kit.files, "m/.moving");
    mkit_put(&kit, "m/.moving/b.yaml", "b", "1");
    kit_mkdir(&kit.files, "m/d");
    kit_symlink(&kit.files, "../.moving", "m/d/a.yaml");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+b=1 S ");
    kit_rename(&kit.files, "m/d", "m/.old");
    kit_rename(&kit.files, "m/.moving", "m/d");
    kit_symlink(&kit.files, "../d", "m/d/a.yaml");
    queue_rescan_after(&manifests_of(kit.store)->queues, 0); /* one look at each, and no event */
    turn_run(manifests_of(kit.store));
    turn_run(manifests_of(kit.store)); /* what the first has asked for */
    assert_int_equal(mkit_secrets(&kit), 1);
    assert_int_equal(mkit_stats(&kit).files, 1);
    mkit_fini(&kit);
}

/* --- duplicates and broken files --- */

static void test_manifests_duplicate_takes_over_when_the_winner_goes(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_put(&kit, "m/b.yaml", "a", "2");
    mkit_start(&kit, PREPARED);
    mkit_had_problems(&kit, "m/b.yaml:1:1: Secret default/a is in ");
    assert_int_equal(mkit_stats(&kit).problems, 1);
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect_both(&kit, "~a=2 ", "ok m/b.yaml\n");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    mkit_put(&kit, "m/a.yaml", "a", "3"); /* the first path again */
    mkit_expect_both(&kit, "~a=3 ", "m/b.yaml:1:1: Secret default/a is in ");
    kit_unlink(&kit.files, "m/b.yaml");
    mkit_expect_problem(&kit, "ok m/b.yaml\n");
    mkit_had_events(&kit, "");
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect(&kit, "-a ");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    mkit_fini(&kit);
}

static void test_manifests_duplicate_with_the_same_content_takes_over_silently(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_put(&kit, "m/b.yaml", "a", "1");
    mkit_start(&kit, PREPARED);
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect_silence(&kit);
    kit_unlink(&kit.files, "m/b.yaml");
    mkit_expect(&kit, "-a ");
    mkit_fini(&kit);
}

/* What the winner said is in force no longer, and what the other says cannot be known. */
static void test_manifests_duplicate_that_cannot_be_read_does_not_keep_the_winner_alive(
    void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_put(&kit, "m/b.yaml", "a", "2");
    mkit_start(&kit, PREPARED);
    const int fd = open(kit_path(&kit.files, "m/b.yaml").text, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect(&kit, "-a ");
    assert_int_equal(close(fd), 0);
    mkit_expect(&kit, "+a=2 ");
    mkit_fini(&kit);
}

static void test_manifests_duplicate_is_complained_about_once(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_put(&kit, "m/b.yaml", "a", "2");
    mkit_start(&kit, PREPARED);
    mkit_had_problems(&kit, "m/b.yaml:1:1: Secret default/a is in ");
    mkit_put(&kit, "m/b.yaml", "a", "3");
    mkit_put(&kit, "m/a.yaml", "a", "4");
    mkit_expect(&kit, "~a=4 ");
    mkit_expect_silence(&kit);
    mkit_had_problems(&kit, "");
    assert_int_equal(mkit_stats(&kit).problems, 1);
    mkit_fini(&kit);
}

static void test_manifests_broken_file_keeps_its_objects_until_it_is_fixed_or_removed(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    kit_write(&kit.files, "m/two.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: [}\n");
    mkit_expect_problem(&kit, "m/two.yaml:3:");
    mkit_had_events(&kit, "");
    const struct store_stats stats = mkit_stats(&kit);
    assert_int_equal(stats.problems, 1);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), 4);
    assert_int_equal(stats.reloads_failed, 1);
    kit_write(&kit.files, "m/two.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: [}\n");
    mkit_expect_silence(&kit);
    mkit_had_problems(&kit, ""); /* the same one again */
    mkit_put(&kit, "m/two.yaml", "x", "2");
    mkit_expect_both(&kit, "~x=2 -y ", "ok m/two.yaml\n");
    kit_write(&kit.files, "m/two.yaml", "---\n- no object\n");
    mkit_expect_problem(&kit, "m/two.yaml:2:1: expected a Kubernetes object");
    kit_write(&kit.files, "m/two.yaml",
              "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List}\n");
    mkit_expect_problem(&kit, "m/two.yaml:4:3: a list inside a list is not supported");
    kit_unlink(&kit.files, "m/two.yaml");
    mkit_expect_both(&kit, "-x ", "ok m/two.yaml\n");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    mkit_fini(&kit);
}

#define LATIN1 "# caf\xe9\n"

static void test_manifests_file_that_is_not_all_utf8_is_read_with_a_remark(void **state)
{
    (void)state;
    struct manifests_kit kit;
    char text[2048];
    mkit_init(&kit);
    (void)snprintf(text, sizeof(text), "%s%s", LATIN1, manifest("a", "1").text);
    kit_write(&kit.files, "m/a.yaml", text);
    mkit_start(&kit, "+a=1 S ");
    mkit_had_problems(&kit, "");
    mkit_had_remarks(&kit, "m/a.yaml: what is no UTF-8 (line 1, column 6) is read as U+FFFD");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    (void)snprintf(text, sizeof(text), "%s%s", LATIN1, manifest("a", "2").text);
    kit_write(&kit.files, "m/a.yaml", text);
    mkit_expect(&kit, "~a=2 ");
    mkit_had_remarks(&kit, ""); /* once */
    mkit_put(&kit, "m/a.yaml", "a", "3");
    mkit_expect(&kit, "~a=3 ");
    mkit_had_remarks(&kit, "");
    kit_write(&kit.files, "m/a.yaml", text);
    mkit_expect(&kit, "~a=2 ");
    mkit_had_remarks(&kit, "m/a.yaml: what is no UTF-8");
    mkit_fini(&kit);
}

/* --- objects that are refused --- */

#define REFUSED(name) \
    "apiVersion: v1\nkind: Secret\nmetadata: {name: " name "}\nstringData: {value: 1}\n"
#define WHY ": stringData.value: expected a string, found a number (quote it)\n"

static void write_refused(struct manifests_kit *kit, const char *file, const char *others)
{
    char text[2048];
    (void)snprintf(text, sizeof(text), "%s---\n%s", REFUSED("r"), others);
    kit_write(&kit->files, file, text);
}

static void test_manifests_refused_object_does_not_take_the_others_with_it(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    write_refused(&kit, "m/a.yaml", manifest("a", "1").text);
    mkit_start(&kit, "+r? +a=1 S ");
    mkit_had_problems(&kit, "m/a.yaml:4:21: Secret default/r" WHY);
    assert_int_equal(mkit_stats(&kit).problems, 1);
    write_refused(&kit, "m/a.yaml", manifest("a", "2").text);
    mkit_expect(&kit, "~a=2 ");
    mkit_had_problems(&kit, ""); /* told once */
    assert_false(mkit_stats(&kit).last_reload_ok);
    kit_write(&kit.files, "m/a.yaml", two_manifests(manifest("r", "3"), manifest("a", "2")).text);
    mkit_expect_both(&kit, "~r=3 ", "ok m/a.yaml\n");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    assert_true(mkit_stats(&kit).last_reload_ok);
    write_refused(&kit, "m/a.yaml", manifest("a", "4").text);
    mkit_expect_both(&kit, "~a=4 ", "m/a.yaml:4:21: Secret default/r" WHY); /* r is what it was */
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect_both(&kit, "-a -r ", "ok m/a.yaml\n");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    mkit_fini(&kit);
}

/* A token that was disabled in the file that counts must not come back from another. */
static void test_manifests_refused_object_keeps_its_name(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_write(&kit.files, "m/a.yaml", REFUSED("r"));
    mkit_put(&kit, "m/b.yaml", "r", "old");
    mkit_start(&kit, "+r? S ");
    mkit_had_problems(&kit, "m/b.yaml:1:1: Secret default/r is in ");
    assert_int_equal(mkit_stats(&kit).problems, 2);
    mkit_put(&kit, "m/b.yaml", "r", "new");
    mkit_expect_silence(&kit);
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect(&kit, "~r=new ");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    kit_write(&kit.files, "m/a.yaml", REFUSED("r")); /* what listeners know is not this file's */
    mkit_expect(&kit, "~r? ");
    kit_write(&kit.files, "m/a.yaml", "apiVersion: v1\nkind: Pod\n");
    mkit_expect(&kit, "~r=new ");
    mkit_fini(&kit);
}

static void test_manifests_refused_object_counts_before_another_in_its_file(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    write_refused(&kit, "m/a.yaml", manifest("r", "1").text);
    mkit_start(&kit, "+r? S ");
    assert_int_equal(mkit_stats(&kit).problems, 2);
    mkit_had_problems(&kit, "m/a.yaml:6:1: Secret default/r appears twice in this file");
    mkit_fini(&kit);
    /* what it held goes then, too: the other one may have taken it back */
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "r", "1");
    mkit_start(&kit, "+r=1 S ");
    write_refused(&kit, "m/a.yaml", manifest("r", "2").text);
    mkit_expect(&kit, "~r? ");
    mkit_fini(&kit);
}

/* Behind what counts it is only told about, and takes over as what it is. */
static void test_manifests_refused_object_takes_over(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "r", "1");
    kit_write(&kit.files, "m/b.yaml", REFUSED("r"));
    mkit_start(&kit, "+r=1 S ");
    mkit_had_problems(&kit, "m/b.yaml:4:21: Secret default/r" WHY);
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect(&kit, "~r? ");
    mkit_fini(&kit);
}

/* That it is to go can be read. */
static void test_manifests_refused_object_that_is_being_deleted_does_not_stay(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "r", "1");
    mkit_start(&kit, "+r=1 S ");
    kit_write(&kit.files, "m/a.yaml",
              "apiVersion: v1\nkind: Secret\n"
              "metadata: {name: r, deletionTimestamp: x}\nstringData: {value: 1}\n");
    mkit_expect(&kit, "~r? ");
    mkit_fini(&kit);
}

static void test_manifests_refused_object_without_a_name_keeps_the_file(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_start(&kit, "+a=1 S ");
    kit_write(&kit.files, "m/a.yaml", two_manifests(manifest("a", "2"), manifest("B", "2")).text);
    mkit_expect_problem(&kit, "metadata.name: expected a DNS subdomain");
    mkit_had_events(&kit, "");
    mkit_fini(&kit);
}

/* --- the directory itself --- */

static void test_manifests_directory_vanishes_and_returns(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    kit_rename(&kit.files, "m", "away");
    mkit_expect_problem(&kit, "m: No such file or directory; what was last read from it stays");
    kit_unlink(&kit.files, "away/a.yaml"); /* nothing to us any more */
    mkit_put(&kit, "away/sub/s.yaml", "s", "2");
    mkit_expect_silence(&kit);
    assert_int_equal(mkit_secrets(&kit), 4);
    assert_int_equal(mkit_stats(&kit).problems, 1);
    kit_rename(&kit.files, "away", "m");
    mkit_expect_both(&kit, "~s=2 -a ", "ok m\n");
    mkit_put(&kit, "m/sub/s.yaml", "s", "3");
    mkit_expect(&kit, "~s=3 ");
    mkit_fini(&kit);
}

/* What has changed in a directory that then goes cannot be looked at any more: no deletion. */
static void test_manifests_directory_vanishes_right_after_a_change(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    mkit_put(&kit, "m/a.yaml", "a", "2");
    kit_unlink(&kit.files, "m/sub/s.yaml");
    kit_rename(&kit.files, "m", "away");
    mkit_expect_problem(&kit, "m: No such file or directory");
    mkit_expect_silence(&kit);
    kit_rename(&kit.files, "away", "m");
    mkit_expect_both(&kit, "~a=2 -s ", "ok m\n");
    mkit_fini(&kit);
}

static void test_manifests_directory_is_removed_and_made_again(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_start(&kit, "+a=1 S ");
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect(&kit, "-a ");
    assert_int_equal(rmdir(kit_path(&kit.files, "m").text), 0);
    mkit_expect_problem(&kit, "m: No such file or directory");
    kit_write(&kit.files, "m", "a file in its place");
    mkit_expect_problem(&kit, "m: expected a directory; what was last read");
    kit_unlink(&kit.files, "m");
    kit_mkdir(&kit.files, "m");
    mkit_put(&kit, "m/b.yaml", "b", "1");
    mkit_expect_both(&kit, "+b=1 ", "ok m\n");
    mkit_fini(&kit);
}

static void test_manifests_directory_is_replaced(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    kit_mkdir(&kit.files, "fresh");
    mkit_put(&kit, "fresh/a.yaml", "a", "1");
    mkit_put(&kit, "fresh/z.yaml", "x", "2");
    kit_rename(&kit.files, "m", "old");
    kit_rename(&kit.files, "fresh", "m");
    mkit_expect(&kit, "~x=2 -y -s ");
    mkit_put(&kit, "old/a.yaml", "a", "9");
    mkit_expect_silence(&kit);
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

static void test_manifests_directory_behind_a_link_is_swapped(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    kit_mkdir(&kit.files, "release");
    mkit_put(&kit, "release/a.yaml", "a", "2");
    kit_write(&kit.files, "release/two.yaml", "kind: [");
    kit_symlink(&kit.files, "m", "current");
    mkit_open_at(&kit, "current", clock_manual(&kit.clock));
    mkit_load(&kit, ST_OK);
    mkit_watch(&kit);
    mkit_had_events(&kit, PREPARED);
    kit_swap_link(&kit.files, "release", "current");
    /* two.yaml is broken in the new release: what it held in the old one stays */
    mkit_expect_both(&kit, "~a=2 -s ", "current/two.yaml:");
    mkit_put(&kit, "release/b.yaml", "b", "1");
    mkit_expect(&kit, "+b=1 ");
    mkit_fini(&kit);
}

static void note_reread(void *ctx, const struct store_reread *found)
{
    struct manifests_kit *kit = ctx;
    buf_printf(&kit->events, "%s:%s%s ", found->what, status_label(found->status),
               found->has_changed ? ":changed" : "");
    if (found->problem) {
        mkit_on_problem(kit, found->problem);
    }
}

/* No event tells of a file that is written by another of its names. */
static void test_manifests_reread_sees_what_no_event_told(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_put(&kit, "elsewhere.yaml", "l", "1");
    assert_int_equal(link(kit_path(&kit.files, "elsewhere.yaml").text,
                          kit_path(&kit.files, "m/linked.yaml").text),
                     0);
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_watch(&kit);
    buf_clear(&kit.events);
    store_reread(kit.store, note_reread, &kit);
    mkit_had_events(&kit, "manifests:ok ");
    mkit_put(&kit, "elsewhere.yaml", "l", "two");
    mkit_expect_silence(&kit);
    store_reread(kit.store, note_reread, &kit);
    mkit_had_events(&kit, "~l=two manifests:ok:changed ");
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, '\n')); text++) {
        count++;
    }
    return count;
}

/* A problem is told once, but whoever asks what is wrong hears of it each time. */
static void test_manifests_reread_names_a_problem_that_stands(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    kit_write(&kit.files, "m/a.yaml", "kind: [");
    for (unsigned i = 0; i < 2; i++) {
        store_reread(kit.store, note_reread, &kit);
        mkit_had_events(&kit, "manifests:malformed ");
        assert_int_equal(count_lines(mkit_text(&kit.problems)), i == 0 ? 2 : 1);
        mkit_had_problems(&kit, "m/a.yaml:2:");
    }
    mkit_put(&kit, "m/a.yaml", "a", "2");
    store_reread(kit.store, note_reread, &kit);
    mkit_had_events(&kit, "~a=2 manifests:ok:changed ");
    mkit_had_problems(&kit, "ok m/a.yaml\n");
    mkit_fini(&kit);
}

static void test_manifests_reread_says_that_a_file_is_being_written(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    const int fd = kit_open(&kit.files, "m/new.yaml");
    kit_append(fd, "kind: ", 6);
    store_reread(kit.store, note_reread, &kit);
    mkit_had_events(&kit, "manifests:unsettled ");
    assert_int_equal(close(fd), 0);
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

static void test_manifests_parent_of_the_directory_is_replaced(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    const char *const roots[] = { "p", "q" };
    for (size_t i = 0; i < COUNTOF(roots); i++) {
        char name[32];
        kit_mkdir(&kit.files, roots[i]);
        (void)snprintf(name, sizeof(name), "%s/k", roots[i]);
        kit_mkdir(&kit.files, name);
        (void)snprintf(name, sizeof(name), "%s/k/a.yaml", roots[i]);
        mkit_put(&kit, name, "a", roots[i]);
    }
    mkit_open_at(&kit, "p/k", clock_manual(&kit.clock));
    mkit_load(&kit, ST_OK);
    mkit_watch(&kit);
    mkit_had_events(&kit, "+a=p S ");
    kit_rename(&kit.files, "p", "old");
    kit_rename(&kit.files, "q", "p");
    mkit_expect(&kit, "~a=q ");
    mkit_fini(&kit);
}

/* The directory that a mount covered comes to light, empty: that deletes nothing. */
static void test_manifests_directory_is_unmounted_and_mounted_again(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    const struct kit_path path = kit_path(&kit.files, "m");
    if (mount("none", path.text, "tmpfs", 0, "size=1m") != 0) {
        mkit_fini(&kit);
        skip(); /* not allowed to mount */
    }
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_start(&kit, "+a=1 S ");
    assert_int_equal(umount(path.text), 0);
    mkit_expect_problem(&kit, "m: it has been unmounted; what was last read");
    mkit_expect_silence(&kit);
    assert_int_equal(mount("none", path.text, "tmpfs", 0, "size=1m"), 0);
    mkit_put(&kit, "m/b.yaml", "b", "1");
    mkit_expect_both(&kit, "+b=1 -a ", "ok m\n");
    kit.store = store_free(kit.store);
    assert_int_equal(umount(path.text), 0);
    mkit_fini(&kit);
}

/* --- many --- */

static bool has_objects(void *ctx)
{
    const struct mkit_wish *wish = ctx;
    return mkit_secrets(wish->kit) == strtoul(wish->events, NULL, 10);
}

static void expect_objects(struct manifests_kit *kit, const char *count)
{
    struct mkit_wish wish = { .kit = kit, .events = count };
    assert_true(kit_run_until(&kit->files, has_objects, &wish, FILE_KIT_DEADLINE_MS));
}

/* More events than the kernel queues: some are lost, no change is. */
static void test_manifests_event_queue_overflow_loses_nothing(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    unsigned long queue = 16384;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    if (file) {
        assert_int_equal(fscanf(file, "%lu", &queue), 1);
        assert_int_equal(fclose(file), 0);
    }
    if (queue > 100000) {
        mkit_fini(&kit);
        skip(); /* would take too long */
    }
    const struct kit_path noise[] = { kit_path(&kit.files, "m/noise-1"),
                                      kit_path(&kit.files, "m/noise-2") };
    for (unsigned long i = 0; i <= queue; i++) { /* alternating, or the kernel merges them */
        const int fd = open(noise[i % 2].text, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
    }
    mkit_put(&kit, "m/a.yaml", "a", "2");
    mkit_put(&kit, "m/b.yaml", "b", "1");
    kit_unlink(&kit.files, "m/sub/s.yaml");
    kit_rename(&kit.files, "m/two.yaml", "m/three.yaml");
    mkit_expect(&kit, "~a=2 +b=1 -s ");
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

#define MANY 2000

static void test_manifests_thousands_of_files_at_once(void **state)
{
    (void)state;
    struct manifests_kit kit;
    char file[64];
    char name[64];
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(file, sizeof(file), "m/many-%u.yaml", i);
        (void)snprintf(name, sizeof(name), "many-%u", i);
        mkit_put(&kit, file, name, "1");
    }
    expect_objects(&kit, "2004");
    kit_rename(&kit.files, "m", "away"); /* and a directory that is not there any more ... */
    kit_mkdir(&kit.files, "m");
    mkit_put(&kit, "m/only.yaml", "only", "1"); /* ... but replaced */
    expect_objects(&kit, "1");
    assert_int_equal(mkit_stats(&kit).files, 1);
    mkit_fini(&kit);
}

/* --- what runs out --- */

static void test_manifests_change_without_memory_is_made_up_for(void **state)
{
    (void)state;
    struct manifests_kit kit;
    char value[16];
    if (!alloc_fail_is_available()) {
        return;
    }
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    assert_true(buf_reserve(&kit.events, 4096)); /* not ours to fail */
    assert_true(buf_reserve(&kit.problems, 4096));
    unsigned failed = 0;
    for (unsigned nth = 1; nth < 60; nth += 7) {
        (void)snprintf(value, sizeof(value), "v%u", nth);
        const struct manifest_text text = manifest("a", value);
        char want[32];
        (void)snprintf(want, sizeof(want), "~a=%s ", value);
        kit_replace(&kit.files, "m/a.yaml", text.text);
        alloc_fail_arm(nth);
        (void)uv_run(loop_uv(kit.files.loop), UV_RUN_ONCE);
        failed += alloc_fail_disarm();
        mkit_expect(&kit, want);
    }
    assert_in_range(failed, 3, 60);
    kit_run_for(&kit.files, MANIFESTS_RETRY_MS * 3 / 2);
    assert_int_equal(mkit_stats(&kit).problems, 0);
    mkit_fini(&kit);
}

static void test_manifests_without_inotify_loads_but_cannot_be_watched(void **state)
{
    (void)state;
    struct manifests_kit kit;
    struct problem problem = { 0 };
    struct rlimit before;
    prepare(&kit);
    mkit_open(&kit);
    manifests_of(kit.store)->inotify_fd = -1;
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, PREPARED);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    (void)close(manifests_of(kit.store)->inotify_fd); /* as if it had not been to be had */
    manifests_of(kit.store)->inotify_fd = -1;
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const enum status status = store_watch(kit.store, kit.files.loop, &problem);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, ST_IO);
    assert_non_null(strstr(problem.text, "fs.inotify.max_user_instances"));
    mkit_fini(&kit);
}

static void test_manifests_freed_while_things_are_pending(void **state)
{
    (void)state;
    struct manifests_kit kit;
    prepare(&kit);
    mkit_start(&kit, PREPARED);
    const int fd = kit_open(&kit.files, "m/b.yaml");
    kit_rename(&kit.files, "m/a.yaml", "dir/a.yaml"); /* where nobody sees it arrive */
    (void)uv_run(loop_uv(kit.files.loop), UV_RUN_ONCE);
    kit.store = store_free(kit.store);
    kit_run_for(&kit.files, 2 * FILE_SETTLE_MS); /* no timer of it fires */
    mkit_had_events(&kit, "");
    assert_int_equal(close(fd), 0);
    mkit_fini(&kit);
}

static void test_manifests_two_stores_of_one_directory(void **state)
{
    (void)state;
    struct manifests_kit a;
    struct manifests_kit b = { 0 };
    prepare(&a);
    mkit_start(&a, PREPARED);
    b.files = a.files;
    b.clock = a.clock;
    mkit_start(&b, PREPARED);
    mkit_put(&a, "m/a.yaml", "a", "2");
    mkit_expect(&a, "~a=2 ");
    mkit_expect(&b, "~a=2 ");
    b.store = store_free(b.store);
    mkit_put(&a, "m/a.yaml", "a", "3");
    mkit_expect(&a, "~a=3 ");
    mkit_had_events(&b, "");
    buf_fini(&b.events);
    buf_fini(&b.problems);
    mkit_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests_watch_rows),
        cmocka_unit_test(test_manifests_renamed_directory_is_watched_under_its_new_name),
        cmocka_unit_test(test_manifests_directory_that_left_is_not_watched_any_more),
        cmocka_unit_test(test_manifests_slow_writer_is_never_read_before_its_close),
        cmocka_unit_test(test_manifests_slow_writer_is_not_read_where_there_are_no_leases),
        cmocka_unit_test(test_manifests_second_writer_keeps_the_file_from_being_read),
        cmocka_unit_test(test_manifests_volume_swap_is_one_change),
        cmocka_unit_test(test_manifests_volume_swap_to_the_same_content_is_no_event),
        cmocka_unit_test(test_manifests_volume_swap_to_a_broken_file_keeps_the_last_good_objects),
        cmocka_unit_test(test_manifests_volume_gains_and_loses_a_key),
        cmocka_unit_test(test_manifests_link_follows_its_target_elsewhere),
        cmocka_unit_test(test_manifests_alias_of_a_directory_takes_over),
        cmocka_unit_test(test_manifests_alias_above_the_path_that_is_read),
        cmocka_unit_test(test_manifests_duplicate_takes_over_when_the_winner_goes),
        cmocka_unit_test(test_manifests_duplicate_with_the_same_content_takes_over_silently),
        cmocka_unit_test(
            test_manifests_duplicate_that_cannot_be_read_does_not_keep_the_winner_alive),
        cmocka_unit_test(test_manifests_duplicate_is_complained_about_once),
        cmocka_unit_test(test_manifests_refused_object_does_not_take_the_others_with_it),
        cmocka_unit_test(test_manifests_refused_object_keeps_its_name),
        cmocka_unit_test(test_manifests_refused_object_counts_before_another_in_its_file),
        cmocka_unit_test(test_manifests_refused_object_takes_over),
        cmocka_unit_test(test_manifests_refused_object_that_is_being_deleted_does_not_stay),
        cmocka_unit_test(test_manifests_refused_object_without_a_name_keeps_the_file),
        cmocka_unit_test(test_manifests_file_that_is_not_all_utf8_is_read_with_a_remark),
        cmocka_unit_test(test_manifests_broken_file_keeps_its_objects_until_it_is_fixed_or_removed),
        cmocka_unit_test(test_manifests_directory_vanishes_and_returns),
        cmocka_unit_test(test_manifests_directory_vanishes_right_after_a_change),
        cmocka_unit_test(test_manifests_directory_is_removed_and_made_again),
        cmocka_unit_test(test_manifests_directory_is_replaced),
        cmocka_unit_test(test_manifests_directory_behind_a_link_is_swapped),
        cmocka_unit_test(test_manifests_reread_sees_what_no_event_told),
        cmocka_unit_test(test_manifests_reread_names_a_problem_that_stands),
        cmocka_unit_test(test_manifests_reread_says_that_a_file_is_being_written),
        cmocka_unit_test(test_manifests_parent_of_the_directory_is_replaced),
        cmocka_unit_test(test_manifests_directory_is_unmounted_and_mounted_again),
        cmocka_unit_test(test_manifests_event_queue_overflow_loses_nothing),
        cmocka_unit_test(test_manifests_thousands_of_files_at_once),
        cmocka_unit_test(test_manifests_change_without_memory_is_made_up_for),
        cmocka_unit_test(test_manifests_without_inotify_loads_but_cannot_be_watched),
        cmocka_unit_test(test_manifests_freed_while_things_are_pending),
        cmocka_unit_test(test_manifests_two_stores_of_one_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
