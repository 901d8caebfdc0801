/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who can change the manifests: what is remarked, what is refused, and what a refusal leaves in
 * force. With real files and their modes; where another owner is needed, root gives the file away,
 * and anybody else lets the directory belong to somebody else.
 */
#include <sys/mount.h>
#include <sys/resource.h>

#include "store/manifests/nodes.h"
#include "store/manifests/queue.h"
#include "store/manifests/state.h"
#include "store/manifests/tree.h"
#include "store/manifests/trust.h"
#include "store/manifests/turn.h"
#include "support/manifests_kit.h"

#define STRANGER 4711

static void chmod_in(struct manifests_kit *kit, const char *name, mode_t mode)
{
    assert_int_equal(chmod(kit_path(&kit->files, name).text, mode), 0);
}

/* A manifest that everybody can write, from its first moment on. */
static void put_unsafe(struct manifests_kit *kit,
                       const char *file,
                       const char *name,
                       const char *value)
{
    mkit_put(kit, "unsafe", name, value);
    chmod_in(kit, "unsafe", 0666);
    kit_rename(&kit->files, "unsafe", file);
}

static void init(struct manifests_kit *kit, struct trust_policy policy)
{
    mkit_init(kit);
    kit->policy = policy;
}

static const struct trust_policy lenient = { 0 };
static const struct trust_policy required = { .is_required = true };

/* --- remarks --- */

static void test_manifests_trust_safe_files_are_not_remarked(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, lenient);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    kit_mkdir(&kit.files, "m/sub");
    mkit_put(&kit, "m/sub/b.yaml", "b", "1");
    kit_mkdir(&kit.files, "m/..2026_1");
    mkit_put(&kit, "m/..2026_1/c.yaml", "c", "1");
    kit_symlink(&kit.files, "..2026_1", "m/..data");
    kit_symlink(&kit.files, "..data/c.yaml", "m/c.yaml");
    mkit_start(&kit, "+a=1 +c=1 +b=1 S ");
    mkit_had_problems(&kit, "");
    mkit_had_remarks(&kit, "");
    assert_int_equal(mkit_stats(&kit).unsafe_files, 0);
    assert_int_equal(mkit_stats(&kit).links_out, 0);
    mkit_fini(&kit);
}

static bool has_unsafe_files(void *ctx)
{
    const struct mkit_wish *wish = ctx;
    return mkit_stats(wish->kit).unsafe_files == strtoul(wish->events, NULL, 10);
}

static void expect_unsafe_files(struct manifests_kit *kit, const char *count)
{
    struct mkit_wish wish = { .kit = kit, .events = count };
    assert_true(kit_run_until(&kit->files, has_unsafe_files, &wish, FILE_KIT_DEADLINE_MS));
}

static void test_manifests_trust_remarks_an_unsafe_file_until_it_is_safe(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, lenient);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    put_unsafe(&kit, "m/b.yaml", "b", "1");
    mkit_start(&kit, "+a=1 +b=1 S ");
    mkit_had_remarks(&kit, "m/b.yaml: everybody can write it (mode 0666, owner ");
    mkit_had_problems(&kit, "");
    assert_int_equal(mkit_stats(&kit).unsafe_files, 1);
    mkit_put(&kit, "m/b.yaml", "b", "2");
    mkit_expect(&kit, "~b=2 ");
    mkit_had_remarks(&kit, ""); /* told once */
    chmod_in(&kit, "m/b.yaml", 0644);
    expect_unsafe_files(&kit, "0");
    chmod_in(&kit, "m/b.yaml", 0664);
    expect_unsafe_files(&kit, "1");
    mkit_had_remarks(&kit, "m/b.yaml: its group, or who an ACL names, can write it (mode 0664");
    kit_unlink(&kit.files, "m/b.yaml");
    mkit_expect(&kit, "-b ");
    assert_int_equal(mkit_stats(&kit).unsafe_files, 0);
    mkit_fini(&kit);
}

/* Which directory is unsafe, and for which it is said. */
static const struct {
    const char *name;
    const char *directory;
    mode_t mode;
    const char *want; /* NULL: nothing */
} directories[] = {
    { "the directory", "m", 0777, "m: everybody can write it (mode 0777" },
    { "the directory, with the sticky bit", "m", 01777, "m: everybody can write it (mode 1777" },
    { "one below", "m/sub", 0775, "m/sub: its group" },
    { "the one above", ".", 0777, "m: others can put something else in its place, by a" },
    { "the one above, with the sticky bit", ".", 01777, NULL },
    { "the one that a link leads through", "m/.hidden", 0777,
      "m/l.yaml: others can put something else in its place" },
    { "the one that a link to a directory leads through", "m/.far", 0777,
      "m/dir: others can put something else in its place" },
    { "one that has nothing to do with it", "other", 0777, NULL },
};

static void make_tree(struct manifests_kit *kit)
{
    mkit_put(kit, "m/a.yaml", "a", "1");
    kit_mkdir(&kit->files, "m/sub");
    mkit_put(kit, "m/sub/b.yaml", "b", "1");
    kit_mkdir(&kit->files, "m/.hidden");
    mkit_put(kit, "m/.hidden/l", "l", "1");
    kit_symlink(&kit->files, ".hidden/l", "m/l.yaml");
    kit_mkdir(&kit->files, "m/.far");
    kit_mkdir(&kit->files, "m/.far/dir");
    mkit_put(kit, "m/.far/dir/d.yaml", "d", "1");
    kit_symlink(&kit->files, ".far/dir", "m/dir");
    kit_mkdir(&kit->files, "other");
}

#define TREE "+a=1 +d=1 +l=1 +b=1 S "

static void test_manifests_trust_remarks_unsafe_directories(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(directories); i++) {
        struct manifests_kit kit;
        print_message("# %s\n", directories[i].name);
        init(&kit, lenient);
        make_tree(&kit);
        chmod_in(&kit, directories[i].directory, directories[i].mode);
        mkit_start(&kit, TREE);
        mkit_had_problems(&kit, "");
        mkit_had_remarks(&kit, directories[i].want ? directories[i].want : "");
        assert_int_equal(mkit_stats(&kit).unsafe_files, directories[i].want ? 1 : 0);
        chmod_in(&kit, directories[i].directory, 0755);
        expect_unsafe_files(&kit, "0"); /* and it is noticed */
        mkit_had_events(&kit, "");
        mkit_fini(&kit);
    }
}

/* --- refusals --- */

static void refuse_load(struct manifests_kit *kit, const char *file, const char *want)
{
    struct problem problem = { 0 };
    mkit_open(kit);
    assert_int_equal(store_load(kit->store, &problem), ST_UNSAFE);
    assert_string_equal(mkit_short_name(kit, problem.file), file);
    if (!strstr(problem.text, want)) {
        assert_string_equal(problem.text, want);
    }
    assert_false(mkit_stats(kit).is_synced);
}

static void test_manifests_trust_required_unsafe_directories_stop_the_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(directories); i++) {
        struct manifests_kit kit;
        print_message("# %s\n", directories[i].name);
        init(&kit, required);
        make_tree(&kit);
        chmod_in(&kit, directories[i].directory, directories[i].mode);
        if (directories[i].want) {
            const char *colon = strstr(directories[i].want, ": ");
            char file[32];
            (void)snprintf(file, sizeof(file), "%.*s", (int)(colon - directories[i].want),
                           directories[i].want);
            refuse_load(&kit, file, colon + 2);
        } else {
            mkit_start(&kit, TREE);
        }
        mkit_fini(&kit);
    }
}

static void test_manifests_trust_required_names_the_first_unsafe_file_and_counts(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    put_unsafe(&kit, "m/c.yaml", "c", "1");
    put_unsafe(&kit, "m/b.yaml", "b", "1");
    refuse_load(&kit, "m/b.yaml",
                "--manifests-require-safe-permissions: everybody can write it (mode 0666, owner ");
    mkit_had_events(&kit, "+a=1 ");
    mkit_had_problems(&kit, "m/c.yaml: everybody can write it"); /* each by itself, too */
    kit.store = store_free(kit.store);
    kit_mkdir(&kit.files, "m/ca"); /* directories are opened before files are */
    chmod_in(&kit, "m/ca", 0777);
    refuse_load(&kit, "m/b.yaml", " (and 2 more)");
    kit.store = store_free(kit.store);
    chmod_in(&kit, "m/b.yaml", 0644);
    refuse_load(&kit, "m/c.yaml", " (and 1 more)");
    kit.store = store_free(kit.store);
    chmod_in(&kit, "m/c.yaml", 0644);
    chmod_in(&kit, "m/ca", 0755);
    buf_clear(&kit.events);
    mkit_start(&kit, "+a=1 +b=1 +c=1 S ");
    mkit_fini(&kit);
}

static void test_manifests_trust_required_unsafe_file_that_appears_is_not_taken(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_start(&kit, "+a=1 S ");
    put_unsafe(&kit, "m/b.yaml", "b", "1");
    mkit_expect_problem(&kit, "m/b.yaml: everybody can write it (mode 0666");
    mkit_expect_silence(&kit);
    assert_int_equal(mkit_stats(&kit).problems, 1);
    assert_int_equal(mkit_stats(&kit).unsafe_files, 0); /* it is not served */
    mkit_had_remarks(&kit, "");
    chmod_in(&kit, "m/b.yaml", 0644);
    mkit_expect_both(&kit, "+b=1 ", "ok m/b.yaml\n");
    mkit_fini(&kit);
}

static void test_manifests_trust_required_file_keeps_what_it_held_while_it_was_safe(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_start(&kit, "+a=1 S ");
    chmod_in(&kit, "m/a.yaml", 0666);
    mkit_expect_problem(&kit, "m/a.yaml: everybody can write it");
    mkit_put(&kit, "m/a.yaml", "a", "2"); /* by whomever */
    mkit_expect_silence(&kit);
    put_unsafe(&kit, "m/a.yaml", "evil", "1");
    mkit_expect_silence(&kit);
    kit_unlink(&kit.files, "m/a.yaml"); /* a revocation counts */
    mkit_expect_both(&kit, "-a ", "ok m/a.yaml\n");
    mkit_fini(&kit);
}

static void test_manifests_trust_required_directory_takes_nothing_new_until_it_is_safe(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    make_tree(&kit);
    mkit_put(&kit, "m/sub/c.yaml", "c", "1");
    kit_mkdir(&kit.files, "m/sub/deep");
    mkit_put(&kit, "m/sub/deep/e.yaml", "e", "1");
    mkit_start(&kit, "+a=1 +d=1 +l=1 +b=1 +c=1 +e=1 S ");
    chmod_in(&kit, "m/sub", 0777);
    mkit_expect_problem(&kit, "m/sub: everybody can write it (mode 0777");
    mkit_put(&kit, "m/sub/new.yaml", "new", "1");
    mkit_put(&kit, "m/sub/b.yaml", "b", "2");
    mkit_put(&kit, "m/sub/deep/e.yaml", "e", "2");
    kit_mkdir(&kit.files, "m/sub/other");
    mkit_put(&kit, "m/sub/other/o.yaml", "o", "1");
    mkit_expect_problem(&kit, "m/sub/b.yaml: others can change a directory that it is in: ");
    mkit_expect_silence(&kit);
    assert_int_equal(mkit_stats(&kit).problems, 3); /* sub, b.yaml, e.yaml */
    kit_unlink(&kit.files, "m/sub/c.yaml");
    mkit_expect(&kit, "-c ");
    mkit_put(&kit, "m/a.yaml", "a", "2"); /* elsewhere all goes on */
    mkit_expect(&kit, "~a=2 ");
    chmod_in(&kit, "m/sub", 0755);
    mkit_expect_both(&kit, "~b=2 +new=1 +o=1 ~e=2 ", "ok m/sub\n");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    mkit_fini(&kit);
}

/* A full scan judges as an event does. */
static void test_manifests_trust_required_scan_takes_nothing_new_either(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    make_tree(&kit);
    mkit_start(&kit, TREE);
    chmod_in(&kit, "m", 0777);
    mkit_expect_problem(&kit, "m: everybody can write it");
    mkit_put(&kit, "m/new.yaml", "new", "1");
    mkit_put(&kit, "m/a.yaml", "a", "2");
    queue_rescan_after(&manifests_of(kit.store)->queues, 0);
    turn_run(manifests_of(kit.store));
    mkit_expect_silence(&kit);
    kit_unlink(&kit.files, "m/a.yaml");
    queue_rescan_after(&manifests_of(kit.store)->queues, 0);
    turn_run(manifests_of(kit.store));
    mkit_had_events(&kit, "-a ");
    chmod_in(&kit, "m", 0755);
    mkit_expect(&kit, "+new=1 ");
    mkit_fini(&kit);
}

/* From now on what is at @name belongs to another user. */
static void give_away(struct manifests_kit *kit, const char *name)
{
    const struct kit_path path = kit_path(&kit->files, name);
    if (geteuid() == 0) {
        assert_int_equal(chown(path.text, STRANGER, (gid_t)-1), 0);
    } else {
        manifests_of(kit->store)->trust.owner = STRANGER;
        assert_int_equal(chmod(path.text, 0600), 0); /* for the event */
    }
}

static void test_manifests_trust_required_file_of_another_user_is_not_taken(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_start(&kit, "+a=1 S ");
    give_away(&kit, "m/a.yaml");
    mkit_expect_problem(&kit, "m/a.yaml: it belongs to another user (mode 06");
    mkit_put(&kit, "m/a.yaml", "a", "2");
    mkit_expect_silence(&kit);
    mkit_fini(&kit);
}

/* Who owned it at the start counts: a directory that somebody else has put in its place is theirs,
 * and so would be all in it. */
static void test_manifests_trust_required_directory_of_another_user_does_not_become_ours(
    void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_start(&kit, "+a=1 S ");
    kit_mkdir(&kit.files, "theirs");
    mkit_put(&kit, "theirs/a.yaml", "a", "2");
    give_away(&kit, "theirs/a.yaml");
    give_away(&kit, "theirs");
    kit_rename(&kit.files, "m", "old");
    kit_rename(&kit.files, "theirs", "m");
    mkit_expect_problem(&kit, "m: it belongs to another user");
    mkit_expect_silence(&kit);
    mkit_fini(&kit);
}

static void test_manifests_trust_named_group_may_write(void **state)
{
    (void)state;
    struct manifests_kit kit;
    struct stat now;
    init(&kit, required);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    assert_int_equal(stat(kit_path(&kit.files, "m/a.yaml").text, &now), 0);
    chmod_in(&kit, "m/a.yaml", 0664);
    refuse_load(&kit, "m/a.yaml", "its group, or who an ACL names, can write it");
    kit.store = store_free(kit.store);
    buf_clear(&kit.problems);
    kit.policy.has_group = true;
    kit.policy.group = now.st_gid;
    mkit_start(&kit, "+a=1 S ");
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

/* --- links --- */

static void test_manifests_trust_remarks_links_to_files_outside(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required); /* they are followed, whatever else is asked for */
    mkit_put(&kit, "far", "f", "1");
    kit_symlink(&kit.files, "../far", "m/f.yaml");
    mkit_put(&kit, "m/a.yaml", "a", "1");
    kit_symlink(&kit.files, "a.yaml", "m/inside.yaml");
    mkit_start(&kit, "+a=1 +f=1 S ");
    mkit_had_remarks(&kit, "m/f.yaml: the symbolic link leads out of the directory, to /");
    assert_int_equal(mkit_stats(&kit).links_out, 1);
    chmod_in(&kit, "far", 0666);
    mkit_expect_problem(&kit, "m/f.yaml: everybody can write it");
    chmod_in(&kit, "far", 0644);
    mkit_expect_problem(&kit, "ok m/f.yaml\n");
    kit_unlink(&kit.files, "m/f.yaml");
    mkit_expect(&kit, "-f ");
    assert_int_equal(mkit_stats(&kit).links_out, 0);
    kit_symlink(&kit.files, "../far", "m/f.yaml");
    mkit_expect(&kit, "+f=1 ");
    assert_int_equal(mkit_stats(&kit).links_out, 1);
    kit_replace(&kit.files, "m/f.yaml", manifest("f", "2").text); /* no link any more */
    mkit_expect(&kit, "~f=2 ");
    assert_int_equal(mkit_stats(&kit).links_out, 0);
    mkit_fini(&kit);
}

/* What is read by another path is judged by that. */
static void test_manifests_trust_alias_of_a_directory_is_not_remarked(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, lenient);
    kit_mkdir(&kit.files, "m/.safe");
    mkit_put(&kit, "m/.safe/s.yaml", "s", "1");
    kit_mkdir(&kit.files, "m/.unsafe");
    chmod_in(&kit, "m/.unsafe", 0777);
    kit_symlink(&kit.files, ".safe", "m/one");
    kit_symlink(&kit.files, ".unsafe", "m/two");
    mkit_start(&kit, "+s=1 S ");
    mkit_had_remarks(&kit, "m/two: everybody can write it");
    assert_int_equal(mkit_stats(&kit).unsafe_files, 1);
    kit_swap_link(&kit.files, ".safe", "m/two");
    expect_unsafe_files(&kit, "0");
    mkit_fini(&kit);
}

static void test_manifests_trust_link_to_a_directory_outside_is_read_only_when_asked(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, lenient);
    kit_mkdir(&kit.files, "far");
    mkit_put(&kit, "far/f.yaml", "f", "1");
    kit_symlink(&kit.files, "../far", "m/far");
    kit_symlink(&kit.files, "/", "m/root");
    kit_symlink(&kit.files, "..", "m/above");
    kit_symlink(&kit.files, ".hidden", "m/inside");
    kit_mkdir(&kit.files, "m/.hidden");
    mkit_put(&kit, "m/.hidden/i.yaml", "i", "1");
    mkit_start(&kit, "+i=1 S ");
    assert_int_equal(mkit_stats(&kit).files, 1);
    assert_int_equal(mkit_stats(&kit).problems, 3);
    mkit_had_problems(&kit, "m/root: the symbolic link leads to a directory outside, which is not "
                            "read; expected one inside, or --manifests-follow-outside-directories");
    mkit_had_remarks(&kit, "");
    kit_unlink(&kit.files, "m/root");
    mkit_expect_problem(&kit, "ok m/root\n");

    kit_swap_link(&kit.files, ".hidden", "m/far"); /* now it is an alias of what is read already */
    mkit_expect_problem(&kit, "ok m/far\n");
    kit_unlink(&kit.files, "m/inside");
    kit_swap_link(&kit.files, "../far", "m/far");
    mkit_expect_both(&kit, "-i ", "m/far: the symbolic link leads to a directory outside");
    mkit_fini(&kit);

    init(&kit, (struct trust_policy){ .follows_outside = true });
    kit_mkdir(&kit.files, "far");
    mkit_put(&kit, "far/f.yaml", "f", "1");
    kit_symlink(&kit.files, "../far", "m/far");
    mkit_start(&kit, "+f=1 S ");
    mkit_had_problems(&kit, "");
    mkit_had_remarks(&kit, "m/far: the symbolic link leads out of the directory, to /");
    mkit_fini(&kit);
}

static void test_manifests_trust_directory_itself_may_be_a_link(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    make_tree(&kit);
    kit_mkdir(&kit.files, "etc");
    kit_symlink(&kit.files, "../m", "etc/manifests");
    mkit_open_at(&kit, "etc/manifests", clock_manual(&kit.clock));
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, TREE);
    mkit_had_problems(&kit, "");
    mkit_had_remarks(&kit, "");
    kit.store = store_free(kit.store);
    chmod_in(&kit, "etc", 0777); /* where the link stands */
    struct problem problem = { 0 };
    mkit_open_at(&kit, "etc/manifests", clock_manual(&kit.clock));
    assert_int_equal(store_load(kit.store, &problem), ST_UNSAFE);
    assert_non_null(strstr(problem.text, "/etc"));
    mkit_fini(&kit);
}

/* --- what becomes of the path once it is open --- */

static void make_ways(struct manifests_kit *kit)
{
    mkit_put(kit, "m/a.yaml", "a", "1");
    kit_mkdir(&kit->files, "m/sub");
    mkit_put(kit, "m/sub/b.yaml", "b", "1");
    kit_mkdir(&kit->files, "m/.real");
    mkit_put(kit, "m/.real/l", "l", "1");
    kit_mkdir(&kit->files, "m/.real/dir");
    mkit_put(kit, "m/.real/dir/d.yaml", "d", "1");
    kit_mkdir(&kit->files, "m/.other");
    mkit_put(kit, "m/.other/l", "l", "2");
    kit_mkdir(&kit->files, "m/.other/dir");
    kit_mkdir(&kit->files, "m/.way");
    kit_symlink(&kit->files, "../.real", "m/.way/cur");
    kit_symlink(&kit->files, ".way/cur/l", "m/link.yaml");
    kit_symlink(&kit->files, "link.yaml", "m/twice.yaml");
    kit_symlink(&kit->files, ".way/cur/../.real/l", "m/up.yaml");
    kit_symlink(&kit->files, ".way/cur/dir", "m/dir");
    kit_symlink(&kit->files, ".way/cur/dir/..", "m/up");
    kit_mkdir(&kit->files, "etc");
    kit_symlink(&kit->files, "../m", "etc/manifests");
}

static void remove_link(const struct file_kit *files)
{
    kit_unlink(files, "m/.way/cur");
}

static void turn_link(const struct file_kit *files)
{
    kit_swap_link(files, "../.other", "m/.way/cur");
}

static void rename_way(const struct file_kit *files)
{
    kit_rename(files, "m/.way", "m/.gone");
}

static void replace_file(const struct file_kit *files)
{
    kit_replace(files, "m/a.yaml", manifest("a", "2").text);
}

static void remove_file(const struct file_kit *files)
{
    kit_unlink(files, "m/a.yaml");
}

static void replace_file_by_link(const struct file_kit *files)
{
    kit_rename(files, "m/a.yaml", "m/.a");
    kit_symlink(files, ".a", "m/a.yaml");
}

static void rename_sub(const struct file_kit *files)
{
    kit_rename(files, "m/sub", "m/.sub");
}

/* The same file, in a directory that nobody has judged. */
static void replace_sub(const struct file_kit *files)
{
    rename_sub(files);
    kit_mkdir(files, "m/sub");
    assert_int_equal(
        link(kit_path(files, "m/.sub/b.yaml").text, kit_path(files, "m/sub/b.yaml").text), 0);
}

static void rename_root(const struct file_kit *files)
{
    kit_rename(files, "m", "old");
}

static void turn_root(const struct file_kit *files)
{
    kit_mkdir(files, "n");
    kit_swap_link(files, "../n", "etc/manifests");
}

static const struct {
    const char *name;
    const char *node; /* "" for the directory itself */
    void (*change)(const struct file_kit *files);
} astray[] = {
    { "a link on the way is gone", "link.yaml", remove_link },
    { "a link on the way leads elsewhere", "link.yaml", turn_link },
    { "a directory on the way is renamed", "link.yaml", rename_way },
    { "behind a link to a link", "twice.yaml", remove_link },
    { "behind a link to a link, elsewhere", "twice.yaml", turn_link },
    { "before a ..", "up.yaml", remove_link },
    { "a link to a directory", "dir", remove_link },
    { "a link to a directory, elsewhere", "dir", turn_link },
    { "a link to a directory that ends in ..", "up", turn_link },
    { "a file is replaced", "a.yaml", replace_file },
    { "a file is deleted", "a.yaml", remove_file },
    { "a file becomes a link", "a.yaml", replace_file_by_link },
    { "a file's directory is renamed", "sub/b.yaml", rename_sub },
    { "a file's directory is replaced by one with the same file", "sub/b.yaml", replace_sub },
    { "a directory is renamed", "sub", rename_sub },
    { "a directory is replaced", "sub", replace_sub },
    { "the directory itself is renamed", "", rename_root },
    { "the directory itself is a link that leads elsewhere", "", turn_root },
};

/* ST_NOT_FOUND: to be looked at again. */
static enum status admit(struct manifests_kit *kit, struct node *node, int fd)
{
    struct manifests *manifests = manifests_of(kit->store);
    struct problem problem;
    struct stat opened;
    char path[PATH_MAX];
    assert_true(nodes_path(manifests, node, path));
    assert_int_equal(fstat(fd, &opened), 0);
    if (S_ISDIR(opened.st_mode)) {
        node->generation = manifests->generation; /* as a scan has it */
        if (trust_admit_directory(manifests, node, path, fd, &opened)) {
            return ST_OK;
        }
        return node->is_refused ? ST_UNSAFE : ST_NOT_FOUND;
    }
    struct trust_question question = { .manifests = manifests, .node = node, .path = path };
    const enum status status = trust_admit_file(&question, fd, &opened, &problem);
    if (status == ST_UNSAFE) {
        assert_non_null(strstr(problem.text, "its path led to something else, or nowhere"));
    }
    return status;
}

static struct node *find_node(struct manifests_kit *kit, const char *name)
{
    struct manifests *manifests = manifests_of(kit->store);
    struct node *node = name[0] ? nodes_find(manifests, manifests->root, name) : manifests->root;
    assert_non_null(node);
    return node;
}

static int open_node(struct manifests_kit *kit, const struct node *node)
{
    char path[PATH_MAX];
    assert_true(nodes_path(manifests_of(kit->store), node, path));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Between the opening and the judging lies a moment, in which whoever can change the way takes the
 * trace of it away. Nothing here runs the loop, so what is judged is what a look has found before.
 */
static void test_manifests_trust_required_what_has_gone_astray_is_not_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(astray); i++) {
        struct manifests_kit kit;
        print_message("# %s\n", astray[i].name);
        init(&kit, required);
        make_ways(&kit);
        mkit_open_at(&kit, "etc/manifests", clock_manual(&kit.clock));
        mkit_load(&kit, ST_OK);
        struct node *node = find_node(&kit, astray[i].node);
        const int fd = open_node(&kit, node);
        assert_int_equal(admit(&kit, node, fd), ST_OK);
        astray[i].change(&kit.files);
        assert_int_equal(admit(&kit, node, fd), ST_NOT_FOUND); /* a swap like any other? */
        assert_int_equal(admit(&kit, node, fd), ST_UNSAFE);
        assert_int_equal(node->kind == NODE_DIRECTORY ? node->generation : 0, 0); /* it is due */
        assert_int_equal(close(fd), 0);
        mkit_fini(&kit);
    }
}

/* Another directory has taken the name, and could not be opened yet: its files wait for that. */
static void test_manifests_trust_required_nothing_is_taken_before_its_directory_is_judged(
    void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    make_ways(&kit);
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    struct node *node = find_node(&kit, "sub/b.yaml");
    const int fd = open_node(&kit, node);
    assert_int_equal(admit(&kit, node, fd), ST_OK);
    replace_sub(&kit.files);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = { .rlim_cur = (rlim_t)fd, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    tree_look(manifests_of(kit.store), find_node(&kit, "sub"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(admit(&kit, node, fd), ST_NOT_FOUND);
    tree_look(manifests_of(kit.store), find_node(&kit, "sub"));
    assert_int_equal(admit(&kit, node, fd), ST_OK);
    assert_int_equal(close(fd), 0);
    mkit_fini(&kit);
}

/* The directories above have been judged, too, but a while ago, and no event has told yet. */
static void test_manifests_trust_required_link_is_judged_from_the_root_on(void **state)
{
    (void)state;
    struct manifests_kit kit;
    struct problem problem;
    struct stat opened;
    init(&kit, required);
    make_ways(&kit);
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    struct node *node = find_node(&kit, "link.yaml");
    const int fd = open_node(&kit, node);
    chmod_in(&kit, ".", 0777);
    const struct kit_path path = kit_path(&kit.files, "m/link.yaml");
    struct trust_question question = { .manifests = manifests_of(kit.store),
                                       .node = node,
                                       .path = path.text };
    assert_int_equal(fstat(fd, &opened), 0);
    assert_int_equal(trust_admit_file(&question, fd, &opened, &problem), ST_UNSAFE);
    assert_non_null(strstr(problem.text, "others can put something else in its place"));
    assert_int_equal(close(fd), 0);
    mkit_fini(&kit);
}

static void test_manifests_trust_what_has_gone_astray_and_come_back_is_taken(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, required);
    make_ways(&kit);
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    struct node *node = find_node(&kit, "link.yaml");
    const int fd = open_node(&kit, node);
    buf_clear(&kit.problems); /* of what is there by two names */
    for (int i = 0; i < 3; i++) {
        turn_link(&kit.files);
        assert_int_equal(admit(&kit, node, fd), ST_NOT_FOUND);
        kit_swap_link(&kit.files, "../.real", "m/.way/cur");
        assert_int_equal(admit(&kit, node, fd), ST_OK);
    }
    assert_int_equal(close(fd), 0);
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

static void test_manifests_trust_what_has_gone_astray_is_remarked(void **state)
{
    (void)state;
    static const char *const names[] = { "a.yaml", "link.yaml", "sub" };
    for (size_t i = 0; i < COUNTOF(names); i++) {
        struct manifests_kit kit;
        init(&kit, lenient);
        make_ways(&kit);
        mkit_open(&kit);
        mkit_load(&kit, ST_OK);
        struct node *node = find_node(&kit, names[i]);
        const int fd = open_node(&kit, node);
        remove_link(&kit.files);
        remove_file(&kit.files);
        rename_sub(&kit.files);
        assert_int_equal(admit(&kit, node, fd), ST_NOT_FOUND);
        mkit_had_remarks(&kit, "");
        assert_int_equal(admit(&kit, node, fd), ST_OK);
        assert_non_null(strstr(mkit_text(&kit.remarks), "its path led to something else"));
        assert_int_equal(mkit_stats(&kit).unsafe_files, 1);
        assert_int_equal(close(fd), 0);
        mkit_fini(&kit);
    }
}

/* Not by anybody's doing: it must not need an event to be read after all. */
static void test_manifests_trust_without_descriptors_is_tried_again(void **state)
{
    (void)state;
    static const char *const names[] = { "a.yaml", "sub" };
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < COUNTOF(names); i++) {
        struct manifests_kit kit;
        init(&kit, required);
        make_ways(&kit);
        mkit_open(&kit);
        mkit_load(&kit, ST_OK);
        struct node *node = find_node(&kit, names[i]);
        const int fd = open_node(&kit, node);
        struct rlimit none = { .rlim_cur = (rlim_t)fd, .rlim_max = before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        const enum status status = admit(&kit, node, fd);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (node->kind == NODE_DIRECTORY) {
            assert_int_equal(status, ST_NOT_FOUND);
            assert_true(node->is_later);
            assert_non_null(strstr(mkit_text(&kit.problems),
                                   "m/sub: who can change it cannot be judged: Too many open"));
        } else {
            assert_int_equal(status, ST_IO); /* read_node() defers it */
        }
        assert_int_equal(close(fd), 0);
        mkit_fini(&kit);
    }
}

/* --- mounts --- */

/* As Kubernetes mounts a Secret: 1777, and read-only. */
static void test_manifests_trust_required_read_only_mount_is_safe(void **state)
{
    (void)state;
    struct manifests_kit kit;
    struct problem problem = { 0 };
    init(&kit, required);
    const struct kit_path path = kit_path(&kit.files, "m");
    if (mount("none", path.text, "tmpfs", 0, "size=1m,mode=1777") != 0) {
        mkit_fini(&kit);
        skip(); /* not allowed to mount; trust_test has the rule */
    }
    kit_mkdir(&kit.files, "m/..2026_1");
    chmod_in(&kit, "m/..2026_1", 0777);
    mkit_put(&kit, "m/..2026_1/a.yaml", "a", "1");
    chmod_in(&kit, "m/..2026_1/a.yaml", 0666);
    kit_symlink(&kit.files, "..2026_1", "m/..data");
    kit_symlink(&kit.files, "..data/a.yaml", "m/a.yaml");
    mkit_open(&kit);
    const enum status writable = store_load(kit.store, &problem);
    kit.store = store_free(kit.store);
    buf_clear(&kit.events);
    assert_int_equal(mount("none", path.text, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    mkit_open(&kit);
    const enum status read_only = store_load(kit.store, &problem);
    kit.store = store_free(kit.store);
    assert_int_equal(umount(path.text), 0); /* before anything may fail */
    assert_int_equal(writable, ST_UNSAFE);
    assert_int_equal(read_only, ST_OK);
    mkit_had_events(&kit, "+a=1 S ");
    mkit_had_remarks(&kit, "");
    mkit_fini(&kit);
}

/* --- how many --- */

static void test_manifests_trust_of_too_many_files_the_first_by_name_count(void **state)
{
    (void)state;
    static const char *const orders[] = { "abcdef", "fedcba", "cafebd" };
    for (size_t i = 0; i < COUNTOF(orders); i++) {
        struct manifests_kit kit;
        init(&kit, lenient);
        kit_mkdir(&kit.files, "m/a-directory"); /* one of them; what is in it comes after */
        mkit_put(&kit, "m/a-directory/g.yaml", "g", "1");
        for (const char *at = orders[i]; *at; at++) {
            char file[16];
            (void)snprintf(file, sizeof(file), "m/%c.yaml", *at);
            mkit_put(&kit, file, (char[2]){ *at, '\0' }, "1");
        }
        mkit_open(&kit);
        manifests_of(kit.store)->limits.nodes = 5; /* the directory, a-directory, a, b, c */
        mkit_load(&kit, ST_OK);
        mkit_watch(&kit);
        mkit_had_events(&kit, "+a=1 +b=1 +c=1 S ");
        mkit_had_problems(&kit, "m: expected at most 5 files, directories and links; of those "
                                "found together the first by name are read, of others the earlier");
        assert_int_equal(mkit_stats(&kit).problems, 2); /* and m/a-directory */
        mkit_put(&kit, "m/0.yaml", "0", "1");           /* what is there stays */
        mkit_expect_silence(&kit);
        kit_unlink(&kit.files, "m/b.yaml"); /* there is room again, for the first by name */
        mkit_expect(&kit, "-b +0=1 ");
        mkit_fini(&kit);
    }
}

/* A full scan that finds the same says nothing new. */
static void test_manifests_trust_of_too_many_files_is_told_once(void **state)
{
    (void)state;
    struct manifests_kit kit;
    init(&kit, lenient);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_put(&kit, "m/b.yaml", "b", "1");
    mkit_open(&kit);
    manifests_of(kit.store)->limits.nodes = 2;
    mkit_load(&kit, ST_OK);
    mkit_watch(&kit);
    mkit_had_problems(&kit, "m: expected at most 2 files");
    queue_rescan_after(&manifests_of(kit.store)->queues, 0);
    turn_run(manifests_of(kit.store));
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests_trust_safe_files_are_not_remarked),
        cmocka_unit_test(test_manifests_trust_remarks_an_unsafe_file_until_it_is_safe),
        cmocka_unit_test(test_manifests_trust_remarks_unsafe_directories),
        cmocka_unit_test(test_manifests_trust_required_unsafe_directories_stop_the_start),
        cmocka_unit_test(test_manifests_trust_required_names_the_first_unsafe_file_and_counts),
        cmocka_unit_test(test_manifests_trust_required_unsafe_file_that_appears_is_not_taken),
        cmocka_unit_test(test_manifests_trust_required_file_keeps_what_it_held_while_it_was_safe),
        cmocka_unit_test(
            test_manifests_trust_required_directory_takes_nothing_new_until_it_is_safe),
        cmocka_unit_test(test_manifests_trust_required_scan_takes_nothing_new_either),
        cmocka_unit_test(test_manifests_trust_required_file_of_another_user_is_not_taken),
        cmocka_unit_test(
            test_manifests_trust_required_directory_of_another_user_does_not_become_ours),
        cmocka_unit_test(test_manifests_trust_named_group_may_write),
        cmocka_unit_test(test_manifests_trust_remarks_links_to_files_outside),
        cmocka_unit_test(test_manifests_trust_alias_of_a_directory_is_not_remarked),
        cmocka_unit_test(test_manifests_trust_link_to_a_directory_outside_is_read_only_when_asked),
        cmocka_unit_test(test_manifests_trust_directory_itself_may_be_a_link),
        cmocka_unit_test(test_manifests_trust_required_what_has_gone_astray_is_not_taken),
        cmocka_unit_test(
            test_manifests_trust_required_nothing_is_taken_before_its_directory_is_judged),
        cmocka_unit_test(test_manifests_trust_required_link_is_judged_from_the_root_on),
        cmocka_unit_test(test_manifests_trust_what_has_gone_astray_and_come_back_is_taken),
        cmocka_unit_test(test_manifests_trust_what_has_gone_astray_is_remarked),
        cmocka_unit_test(test_manifests_trust_without_descriptors_is_tried_again),
        cmocka_unit_test(test_manifests_trust_required_read_only_mount_is_safe),
        cmocka_unit_test(test_manifests_trust_of_too_many_files_the_first_by_name_count),
        cmocka_unit_test(test_manifests_trust_of_too_many_files_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
