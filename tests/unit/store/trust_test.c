/* SPDX-License-Identifier: Apache-2.0 */
/* Who can change a file: each rule with the facts that keep it and those that break it. The facts
 * are made up, so the tests say the same to root and to anybody else. */
#include <sys/statvfs.h>

#include "store/trust.h"
#include "support/file_kit.h"

#define OWNER    1000
#define OPS      50
#define STRANGER 4711

static const struct trust nobody_named = { .has_owner = true, .owner = OWNER };
static const struct trust roots = { .has_owner = true };
static const struct trust ops_named = { .has_owner = true,
                                        .owner = OWNER,
                                        .policy = { .has_group = true, .group = OPS } };
static const struct trust root_group_named = { .has_owner = true,
                                               .owner = OWNER,
                                               .policy = { .has_group = true } };

static const struct {
    const char *name;
    const struct trust *trust;
    struct trust_facts facts;
    const char *want; /* contained in the complaint; NULL: safe */
} rows[] = {
    { "the owner's", &nobody_named, { .mode = 0644, .owner = OWNER, .group = OPS }, NULL },
    { "root's", &nobody_named, { .mode = 0600 }, NULL },
    { "a directory", &nobody_named, { .mode = S_IFDIR | 0755, .owner = OWNER }, NULL },
    { "anybody may read it: not our business", &roots, { .mode = 0444 }, NULL },
    { "everybody may write it",
      &nobody_named,
      { .mode = S_IFREG | 0666, .owner = OWNER, .group = OPS },
      "everybody can write it (mode 0666, owner 1000, group 50); expected nobody but its owner, or "
      "the group of --manifests-writable-by-group" },
    { "only others may write it", &nobody_named, { .mode = 0602 }, "everybody can write it" },
    { "the sticky bit lets everybody add files",
      &roots,
      { .mode = S_IFDIR | 01777 },
      "everybody can write it (mode 1777, owner 0, group 0)" },
    { "its group may write it",
      &nobody_named,
      { .mode = 0664, .owner = OWNER, .group = OPS },
      "its group, or who an ACL names, can write it (mode 0664, owner 1000, group 50)" },
    { "root's group is a group", &roots, { .mode = 0664 }, "its group" },
    { "the named group may write it",
      &ops_named,
      { .mode = 0664, .owner = OWNER, .group = OPS },
      NULL },
    { "the named group may write the directory",
      &ops_named,
      { .mode = S_IFDIR | 02775, .group = OPS },
      NULL },
    { "root's group may be named", &root_group_named, { .mode = 0664 }, NULL },
    { "another group than the named one",
      &ops_named,
      { .mode = 0664, .owner = OWNER, .group = 51 },
      "its group" },
    { "a named group is not everybody", &ops_named, { .mode = 0666, .group = OPS }, "everybody" },
    { "an ACL makes the group's permission anybody's",
      &ops_named,
      { .mode = 0664, .group = OPS, .has_acl = true },
      "who an ACL names can write it" },
    { "an ACL whose mask lets nobody write",
      &ops_named,
      { .mode = 0644, .group = OPS, .has_acl = true },
      NULL },
    { "another user's",
      &nobody_named,
      { .mode = 0600, .owner = STRANGER, .group = OPS },
      "it belongs to another user (mode 0600, owner 4711, group 50); expected owner 1000, whose "
      "the "
      "directory is, or 0 (root)" },
    { "another user's in root's directory",
      &roots,
      { .mode = 0444, .owner = STRANGER },
      "it belongs to another user (mode 0444, owner 4711, group 0); expected owner 0 (root)" },
    { "a member's of the named group",
      &ops_named,
      { .mode = 0644, .owner = STRANGER, .group = OPS },
      NULL },
    { "another user's, not of the named group",
      &ops_named,
      { .mode = 0644, .owner = STRANGER, .group = 51 },
      "it belongs to another user" },
    { "mounted read-only, as Kubernetes mounts Secrets",
      &roots,
      { .mode = S_IFDIR | 01777, .is_read_only = true },
      NULL },
    { "mounted read-only, of another user: the far side is theirs",
      &roots,
      { .mode = 0644, .owner = STRANGER, .is_read_only = true },
      "it belongs to another user" },
};

static void test_trust_judge_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct problem problem = { 0 };
        print_message("# %s\n", rows[i].name);
        const enum status status = trust_judge(rows[i].trust, &rows[i].facts, &problem);
        assert_int_equal(status, rows[i].want ? ST_UNSAFE : ST_OK);
        if (rows[i].want && !strstr(problem.text, rows[i].want)) {
            assert_string_equal(problem.text, rows[i].want);
        }
    }
}

static const struct {
    const char *name;
    const struct trust *trust;
    struct trust_facts facts;
    uid_t entry_owner;
    bool is_safe;
} ways[] = {
    { "root's directory, whoever the entry belongs to",
      &nobody_named,
      { .mode = 0755 },
      STRANGER,
      true },
    { "the owner's", &nobody_named, { .mode = 0755, .owner = OWNER }, 0, true },
    { "another user's", &nobody_named, { .mode = 0755, .owner = STRANGER }, 0, false },
    { "everybody may write it", &nobody_named, { .mode = 0777 }, OWNER, false },
    { "its group may write it", &nobody_named, { .mode = 0775, .group = OPS }, OWNER, false },
    { "the named group may write it", &ops_named, { .mode = 0775, .group = OPS }, OWNER, true },
    { "an ACL may", &ops_named, { .mode = 0775, .group = OPS, .has_acl = true }, OWNER, false },
    { "/tmp, our entry", &nobody_named, { .mode = 01777 }, OWNER, true },
    { "/tmp, root's entry", &nobody_named, { .mode = 01777 }, 0, true },
    { "/tmp, somebody else's entry", &nobody_named, { .mode = 01777 }, STRANGER, false },
    { "somebody else's /tmp", &nobody_named, { .mode = 01777, .owner = STRANGER }, OWNER, false },
    { "mounted read-only", &nobody_named, { .mode = 0777, .is_read_only = true }, STRANGER, true },
};

static void test_trust_judge_way_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        struct problem problem = { 0 };
        print_message("# %s\n", ways[i].name);
        const enum status status =
            trust_judge_way(ways[i].trust, "/srv/x", &ways[i].facts, ways[i].entry_owner, &problem);
        assert_int_equal(status, ways[i].is_safe ? ST_OK : ST_UNSAFE);
        if (!ways[i].is_safe) {
            assert_non_null(strstr(problem.text, "): /srv/x"));
        }
    }
}

static void test_trust_complaints_fit(void **state)
{
    (void)state;
    static const struct trust largest = { .has_owner = true, .owner = (uid_t)-2 };
    const struct trust_facts strange = { .mode = 07777, .owner = (uid_t)-3, .group = (gid_t)-3 };
    const struct trust_facts writable = { .mode = 07775, .owner = 0, .group = (gid_t)-3 };
    struct problem problem;
    assert_int_equal(trust_judge(&largest, &strange, &problem), ST_UNSAFE);
    assert_non_null(strstr(problem.text, "or 0 (root)"));
    assert_int_equal(trust_judge(&largest, &writable, &problem), ST_UNSAFE);
    assert_non_null(strstr(problem.text, "--manifests-writable-by-group"));
}

/* --- from real files --- */

/* What root of a tree of our own has; the tests run as anybody. */
static struct trust trust_of_mine(void)
{
    struct stat root;
    assert_int_equal(stat("/", &root), 0);
    return (struct trust){ .has_owner = true, .owner = geteuid(), .root_device = root.st_dev };
}

static void test_trust_look_at_an_open_file(void **state)
{
    (void)state;
    struct file_kit kit;
    struct stat now;
    kit_init(&kit);
    const struct trust trust = trust_of_mine();
    const int fd = kit_open(&kit, "file");
    assert_int_equal(fchmod(fd, 0620), 0);
    assert_int_equal(fstat(fd, &now), 0);
    const struct trust_facts facts = trust_look_at(&trust, fd, &now);
    assert_int_equal(facts.mode & 07777, 0620);
    assert_int_equal(facts.owner, geteuid());
    assert_int_equal(facts.group, now.st_gid);
    assert_false(facts.is_read_only);
    assert_false(facts.has_acl);
    assert_int_equal(close(fd), 0);
    kit_fini(&kit);
}

static void test_trust_read_only_unless_it_is_where_the_root_is(void **state)
{
    (void)state;
    const struct trust trust = { .root_device = 7 };
    assert_true(trust_is_read_only(&trust, 8, ST_RDONLY | ST_NOSUID));
    assert_false(trust_is_read_only(&trust, 8, ST_NOSUID));
    assert_false(trust_is_read_only(&trust, 7, ST_RDONLY)); /* for us alone, perhaps */
}

static void chmod_in(const struct file_kit *kit, const char *name, mode_t mode)
{
    assert_int_equal(chmod(kit_path(kit, name).text, mode), 0);
}

/* @opened: what was opened by @path */
static enum status walk_to(const struct file_kit *kit,
                           const char *path,
                           const char *opened,
                           struct problem *problem)
{
    const struct trust trust = trust_of_mine();
    struct stat now;
    char start[PATH_MAX];
    assert_non_null(realpath(kit->directory, start));
    assert_int_equal(stat(kit_path(kit, opened).text, &now), 0);
    return trust_walk(&trust, start, path, &now, problem);
}

static enum status walk(const struct file_kit *kit, const char *path, struct problem *problem)
{
    return walk_to(kit, path, path, problem);
}

static void test_trust_walk_judges_each_directory_and_link_on_the_way(void **state)
{
    (void)state;
    struct file_kit kit;
    struct problem problem;
    kit_init(&kit);
    kit_mkdir(&kit, "a");
    kit_mkdir(&kit, "a/b");
    kit_write(&kit, "a/b/file", "");
    kit_mkdir(&kit, "c");
    kit_symlink(&kit, "../a/b", "c/link");
    assert_int_equal(walk(&kit, "a/b/file", &problem), ST_OK);
    assert_int_equal(walk(&kit, "c/link/file", &problem), ST_OK);

    chmod_in(&kit, "a", 0777);
    assert_int_equal(walk(&kit, "a/b/file", &problem), ST_UNSAFE);
    assert_non_null(strstr(problem.text, "mode 0777"));
    assert_int_equal(walk(&kit, "c/link/file", &problem), ST_UNSAFE); /* it leads through there */
    chmod_in(&kit, "a", 01777);
    assert_int_equal(walk(&kit, "a/b/file", &problem), ST_OK); /* b is ours */
    chmod_in(&kit, "a", 0755);

    chmod_in(&kit, "c", 0777);
    assert_int_equal(walk(&kit, "c/link/file", &problem), ST_UNSAFE);
    assert_int_equal(walk(&kit, "a/b/file", &problem), ST_OK);

    chmod_in(&kit, ".", 0777); /* where it starts is judged by who asks */
    assert_int_equal(walk(&kit, "a/b/file", &problem), ST_OK);
    chmod_in(&kit, "a/b/file", 0666); /* and so is what it ends at */
    assert_int_equal(walk(&kit, "a/b/file", &problem), ST_OK);
    kit_fini(&kit);
}

static void test_trust_walk_ends_at_what_was_opened_or_says_so(void **state)
{
    (void)state;
    struct file_kit kit;
    struct problem problem;
    kit_init(&kit);
    kit_mkdir(&kit, "a");
    kit_mkdir(&kit, "a/b");
    kit_write(&kit, "a/file", "");
    kit_write(&kit, "a/other", "");
    kit_symlink(&kit, "a/b/..", "up");
    kit_symlink(&kit, "nowhere", "a/dangling");
    assert_int_equal(walk_to(&kit, "up", "a", &problem), ST_OK);
    assert_int_equal(walk_to(&kit, "up/file", "a/file", &problem), ST_OK);
    assert_int_equal(walk_to(&kit, ".", ".", &problem), ST_OK);
    assert_int_equal(walk_to(&kit, "up", "a/b", &problem), ST_NOT_FOUND);
    assert_int_equal(walk_to(&kit, "a/file", "a/other", &problem), ST_NOT_FOUND);
    assert_int_equal(walk_to(&kit, "a/gone", "a/file", &problem), ST_NOT_FOUND);
    assert_int_equal(walk_to(&kit, "gone/file", "a/file", &problem), ST_NOT_FOUND);
    assert_int_equal(walk_to(&kit, "a/file/file", "a/file", &problem), ST_NOT_FOUND);
    assert_int_equal(walk_to(&kit, "a/dangling", "a/file", &problem), ST_NOT_FOUND);
    assert_non_null(strstr(problem.text, "its path led to something else, or nowhere"));
    kit_fini(&kit);
}

/* The kernel has bounds of its own for each target of a link, and none for all of them together. */
static void test_trust_walk_too_long_is_not_safe(void **state)
{
    (void)state;
    struct file_kit kit;
    struct problem problem;
    struct stat now;
    char target[PATH_MAX - 64] = "";
    kit_init(&kit);
    kit_mkdir(&kit, "a");
    kit_write(&kit, "a/file", "");
    while (strlen(target) + 3 < sizeof(target)) {
        memcpy(target + strlen(target), "./", 3);
    }
    target[strlen(target) - 2] = 'a';
    kit_symlink(&kit, target, "long");
    assert_int_equal(walk(&kit, "long/file", &problem), ST_OK);
    char path[128] = "long";
    while (strlen(path) < 100) {
        memcpy(path + strlen(path), "/.", 3);
    }
    memcpy(path + strlen(path), "/file", 6);
    assert_int_equal(stat(kit_path(&kit, path).text, &now), 0); /* it can be opened */
    assert_int_equal(walk(&kit, path, &problem), ST_UNSAFE);
    assert_non_null(strstr(problem.text, "its path is too long for who can change it"));
    kit_fini(&kit);
}

/* A directory with the setgid bit makes anybody's file one of the group. */
static void test_trust_walk_group_counts_where_only_the_group_could_put_a_file(void **state)
{
    (void)state;
    struct file_kit kit;
    struct problem problem;
    struct stat now;
    char start[PATH_MAX];
    kit_init(&kit);
    kit_mkdir(&kit, "drop");
    kit_write(&kit, "drop/file", "");
    assert_non_null(realpath(kit.directory, start));
    assert_int_equal(stat(kit_path(&kit, "drop/file").text, &now), 0);
    const struct trust trust = { .has_owner = true,
                                 .owner = STRANGER,
                                 .policy = { .has_group = true, .group = now.st_gid } };
    const struct trust_facts file = { .mode = 0644, .owner = STRANGER + 1, .group = now.st_gid };
    assert_int_equal(trust_judge(&trust, &file, &problem), ST_OK);
    chmod_in(&kit, "drop", 02775);
    assert_int_equal(trust_walk(&trust, start, "drop/file", &now, &problem), ST_OK);
    chmod_in(&kit, "drop", 02777);
    assert_int_equal(trust_walk(&trust, start, "drop/file", &now, &problem), ST_UNSAFE);
    assert_non_null(strstr(problem.text, "mode 2777"));
    if (geteuid() == 0) { /* the sticky bit helps for what is ours only */
        assert_int_equal(chown(kit_path(&kit, "drop/file").text, STRANGER + 1, (gid_t)-1), 0);
    }
    chmod_in(&kit, "drop", 03777);
    assert_int_equal(trust_walk(&trust, start, "drop/file", &now, &problem), ST_UNSAFE);
    kit_fini(&kit);
}

static void test_trust_is_inside_rows(void **state)
{
    (void)state;
    assert_true(trust_is_inside("/a/b", "/a/b"));
    assert_true(trust_is_inside("/a/b", "/a/b/c"));
    assert_true(trust_is_inside("/", "/a"));
    assert_true(trust_is_inside("/", "/"));
    assert_false(trust_is_inside("/a/b", "/a/bc"));
    assert_false(trust_is_inside("/a/b", "/a"));
    assert_false(trust_is_inside("/a/b", "/"));
    assert_false(trust_is_inside("/a/b", "/x/a/b"));
    assert_false(trust_is_inside("", "/a")); /* not known */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trust_judge_rows),
        cmocka_unit_test(test_trust_judge_way_rows),
        cmocka_unit_test(test_trust_complaints_fit),
        cmocka_unit_test(test_trust_look_at_an_open_file),
        cmocka_unit_test(test_trust_read_only_unless_it_is_where_the_root_is),
        cmocka_unit_test(test_trust_walk_judges_each_directory_and_link_on_the_way),
        cmocka_unit_test(test_trust_walk_ends_at_what_was_opened_or_says_so),
        cmocka_unit_test(test_trust_walk_too_long_is_not_safe),
        cmocka_unit_test(test_trust_walk_group_counts_where_only_the_group_could_put_a_file),
        cmocka_unit_test(test_trust_is_inside_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
