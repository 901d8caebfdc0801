/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files or none: what is replaced, what is not, and what is left behind. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "io/file/replace.h"
#include "support/file_kit.h"

#define NOBODY 65534

/* --- between the steps --- */

/* Stands before the library's own: called for the file, then for its directory. */
struct sync_hook {
    const struct file_kit *kit;
    unsigned calls;
    int errors[2];                               /* 0: let it happen */
    void (*look[2])(const struct file_kit *kit); /* what is there at that moment? */
};

static struct sync_hook *sync_hook; /* NULL: none */

int fsync(int fd)
{
    const unsigned call = sync_hook ? sync_hook->calls++ : 0;
    if (sync_hook && call < 2 && sync_hook->look[call]) {
        sync_hook->look[call](sync_hook->kit);
    }
    if (sync_hook && call < 2 && sync_hook->errors[call]) {
        errno = sync_hook->errors[call];
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static int set_up(void **state)
{
    struct file_kit *kit = calloc(1, sizeof(*kit));
    assert_non_null(kit);
    kit_init(kit);
    *state = kit;
    return 0;
}

static int tear_down(void **state)
{
    kit_fini(*state);
    free(*state);
    return 0;
}

static void assert_content(const struct file_kit *kit, const char *name, const char *want)
{
    char text[256] = { 0 };
    const int fd = open(kit_path(kit, name).text, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    assert_int_equal(close(fd), 0);
    assert_string_equal(text, want);
}

static struct stat stat_of(const struct file_kit *kit, const char *name)
{
    struct stat now;
    assert_int_equal(lstat(kit_path(kit, name).text, &now), 0);
    return now;
}

static struct file_stamp stamp_of(const struct file_kit *kit, const char *name)
{
    const struct stat now = stat_of(kit, name);
    return file_stamp_of(&now);
}

/* Nothing but these is in the kit's directory, hidden files included. */
static void assert_file_count(const struct file_kit *kit, size_t want)
{
    size_t count = 0;
    DIR *stream = opendir(kit->directory);
    assert_non_null(stream);
    while (readdir(stream)) {
        count++;
    }
    assert_int_equal(closedir(stream), 0);
    assert_int_equal(count, want + 2); /* . and .. */
}

static enum status replace(const struct file_kit *kit,
                           const char *name,
                           const char *text,
                           const struct file_stamp *seen)
{
    struct problem problem = { 0 };
    const enum status status =
        file_replace(kit_path(kit, name).text, span_of(text), seen, &problem);
    assert_int_equal(problem.status, status);
    assert_int_equal(problem.text[0] == '\0', status == ST_OK);
    return status;
}

static void test_file_replace_creates_for_its_owner_only(void **state)
{
    const struct file_kit *kit = *state;
    const mode_t mask = umask(0);
    assert_int_equal(replace(kit, "a", "one", NULL), ST_OK);
    (void)umask(mask);
    assert_content(kit, "a", "one");
    assert_int_equal(stat_of(kit, "a").st_mode, S_IFREG | 0600);
    assert_file_count(kit, 1);
}

static void test_file_replace_creates_nothing_over_something(void **state)
{
    const struct file_kit *kit = *state;
    kit_write(kit, "a", "old");
    kit_mkdir(kit, "d");
    kit_symlink(kit, "nowhere", "l");
    assert_int_equal(replace(kit, "a", "new", NULL), ST_EXISTS);
    assert_int_equal(replace(kit, "d", "new", NULL), ST_EXISTS);
    assert_int_equal(replace(kit, "l", "new", NULL), ST_EXISTS);
    assert_content(kit, "a", "old");
    assert_file_count(kit, 3);
}

static void test_file_replace_keeps_the_permissions(void **state)
{
    const struct file_kit *kit = *state;
    kit_write(kit, "a", "old");
    if (geteuid() == 0) {
        assert_int_equal(chown(kit_path(kit, "a").text, NOBODY, NOBODY), 0);
    }
    /* nobody runs a manifest: what would make it another's is left out */
    assert_int_equal(chmod(kit_path(kit, "a").text, S_ISUID | S_ISGID | 0640), 0);
    const struct stat before = stat_of(kit, "a");
    const struct file_stamp seen = stamp_of(kit, "a");
    assert_int_equal(replace(kit, "a", "new", &seen), ST_OK);
    assert_content(kit, "a", "new");
    const struct stat after = stat_of(kit, "a");
    assert_int_equal(after.st_mode, S_IFREG | 0640);
    assert_int_equal(after.st_uid, before.st_uid);
    assert_int_equal(after.st_gid, before.st_gid);
    assert_file_count(kit, 1);
}

static void test_file_replace_replaces_what_was_seen_only(void **state)
{
    const struct file_kit *kit = *state;
    kit_write(kit, "a", "old");
    struct file_stamp seen = stamp_of(kit, "a");
    kit_replace(kit, "a", "else");
    assert_int_equal(replace(kit, "a", "new", &seen), ST_CONFLICT);
    assert_content(kit, "a", "else");
    seen = stamp_of(kit, "a");
    kit_write(kit, "a", "longer");
    assert_int_equal(replace(kit, "a", "new", &seen), ST_CONFLICT);
    assert_content(kit, "a", "longer");
    seen = stamp_of(kit, "a");
    kit_rename(kit, "a", "b");
    assert_int_equal(replace(kit, "a", "new", &seen), ST_CONFLICT);
    kit_symlink(kit, "b", "a"); /* the same file, by another name */
    seen = stamp_of(kit, "b");
    assert_int_equal(replace(kit, "a", "new", &seen), ST_CONFLICT);
    assert_content(kit, "b", "longer");
    assert_file_count(kit, 2);
}

static void test_file_remove_removes_what_was_seen_only(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    const struct kit_path path = kit_path(kit, "a");
    kit_write(kit, "a", "old");
    struct file_stamp seen = stamp_of(kit, "a");
    kit_replace(kit, "a", "else");
    assert_int_equal(file_remove(path.text, &seen, &problem), ST_CONFLICT);
    seen = stamp_of(kit, "a");
    assert_int_equal(file_remove(path.text, &seen, &problem), ST_OK);
    assert_int_equal(file_remove(path.text, &seen, &problem), ST_CONFLICT);
    kit_write(kit, "b", "other");
    kit_symlink(kit, "b", "a");
    seen = stamp_of(kit, "b");
    assert_int_equal(file_remove(path.text, &seen, &problem), ST_CONFLICT);
    assert_file_count(kit, 2);
}

static void test_file_replace_without_its_directory(void **state)
{
    const struct file_kit *kit = *state;
    struct problem problem = { 0 };
    const struct file_stamp seen = { 0 };
    kit_write(kit, "file", "");
    assert_int_equal(replace(kit, "none/a", "new", NULL), ST_IO);
    assert_int_equal(replace(kit, "file/a", "new", NULL), ST_IO);
    assert_int_equal(file_remove(kit_path(kit, "none/a").text, &seen, &problem), ST_IO);
    assert_non_null(strstr(problem.text, "No such file or directory"));
}

/* A disk that is full says so in the same place. */
static void test_file_replace_that_cannot_be_written_changes_nothing(void **state)
{
    const struct file_kit *kit = *state;
    struct rlimit old;
    kit_write(kit, "a", "old");
    const struct file_stamp seen = stamp_of(kit, "a");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = { .rlim_cur = 4, .rlim_max = old.rlim_max };
    void (*const before)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const enum status of_old = replace(kit, "a", "longer than four", &seen);
    const enum status of_new = replace(kit, "b", "longer than four", NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, before);
    assert_int_equal(of_old, ST_IO);
    assert_int_equal(of_new, ST_IO);
    assert_content(kit, "a", "old");
    assert_file_count(kit, 1);
}

static void test_file_replace_where_nothing_may_be_written(void **state)
{
    const struct file_kit *kit = *state;
    const bool is_root = geteuid() == 0;
    struct problem problem = { 0 };
    kit_write(kit, "a", "old");
    const struct file_stamp seen = stamp_of(kit, "a");
    assert_int_equal(chmod(kit->directory, 0555), 0);
    if (is_root) { /* who may do everything */
        assert_int_equal(seteuid(NOBODY), 0);
    }
    const enum status of_old = replace(kit, "a", "new", &seen);
    const enum status of_new = replace(kit, "b", "new", NULL);
    const enum status of_gone = file_remove(kit_path(kit, "a").text, &seen, &problem);
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    assert_int_equal(chmod(kit->directory, 0755), 0);
    assert_int_equal(of_old, ST_IO);
    assert_int_equal(of_new, ST_IO);
    assert_int_equal(of_gone, ST_IO);
    assert_content(kit, "a", "old");
    assert_file_count(kit, 1);
}

/* The group of a file that somebody else's group may not be given is not given its rights. */
static void test_file_replace_that_cannot_keep_the_group_drops_its_rights(void **state)
{
    const struct file_kit *kit = *state;
    if (geteuid() != 0) {
        skip(); /* nobody else's file can be made */
    }
    kit_write(kit, "a", "old");
    assert_int_equal(chmod(kit_path(kit, "a").text, 0664), 0);
    assert_int_equal(chmod(kit->directory, 0777), 0);
    const struct file_stamp seen = stamp_of(kit, "a");
    assert_int_equal(setegid(NOBODY), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    const enum status status = replace(kit, "a", "new", &seen);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    assert_int_equal(status, ST_OK);
    const struct stat after = stat_of(kit, "a");
    assert_int_equal(after.st_uid, NOBODY);
    assert_int_equal(after.st_gid, NOBODY);
    assert_int_equal(after.st_mode, S_IFREG | 0604);
}

static enum status replace_hooked(const struct file_kit *kit, struct sync_hook hook)
{
    const struct file_stamp seen = stamp_of(kit, "a");
    hook.kit = kit;
    sync_hook = &hook;
    const enum status status = replace(kit, "a", "new", &seen);
    sync_hook = NULL;
    return status;
}

static void is_old_and_beside(const struct file_kit *kit)
{
    assert_content(kit, "a", "old");
    assert_file_count(kit, 2);
}

static void is_new(const struct file_kit *kit)
{
    assert_content(kit, "a", "new");
    assert_file_count(kit, 1);
}

static void test_file_replace_is_on_the_disk_before_it_has_the_name(void **state)
{
    const struct file_kit *kit = *state;
    kit_write(kit, "a", "old");
    assert_int_equal(
        replace_hooked(kit, (struct sync_hook){ .look = { is_old_and_beside, is_new } }), ST_OK);
}

static void test_file_replace_that_does_not_reach_the_disk(void **state)
{
    const struct file_kit *kit = *state;
    kit_write(kit, "a", "old");
    assert_int_equal(replace_hooked(kit, (struct sync_hook){ .errors = { ENOSPC } }), ST_IO);
    assert_content(kit, "a", "old");
    assert_file_count(kit, 1);
    assert_int_equal(replace_hooked(kit, (struct sync_hook){ .errors = { 0, EIO } }),
                     ST_UNAVAILABLE);
    is_new(kit);
    assert_int_equal(replace_hooked(kit, (struct sync_hook){ .errors = { 0, EINVAL } }), ST_OK);
}

static void edit(const struct file_kit *kit)
{
    kit_replace(kit, "a", "an editor's");
}

static void test_file_replace_loses_to_who_changes_it_while_it_is_written(void **state)
{
    const struct file_kit *kit = *state;
    kit_write(kit, "a", "old");
    assert_int_equal(replace_hooked(kit, (struct sync_hook){ .look = { edit } }), ST_CONFLICT);
    assert_content(kit, "a", "an editor's");
    assert_file_count(kit, 1);
}

#define CRASHES 30

/* Until it is killed. */
static void write_for_ever(const struct file_kit *kit)
{
    char text[20001];
    for (unsigned i = 0;; i++) {
        struct problem problem;
        const struct file_stamp seen = stamp_of(kit, "a");
        memset(text, 'a' + (int)(i % 26), sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        if (file_replace(kit_path(kit, "a").text, span_of(text), &seen, &problem) != ST_OK) {
            _exit(1);
        }
    }
}

static bool is_whole(const struct file_kit *kit)
{
    char text[20001];
    const int fd = open(kit_path(kit, "a").text, O_RDONLY | O_CLOEXEC);
    const ssize_t len = read(fd, text, sizeof(text));
    assert_int_equal(close(fd), 0);
    for (ssize_t i = 1; i < len; i++) {
        if (text[i] != text[0]) {
            return false;
        }
    }
    return len == 1 || len == 20000;
}

static void test_file_replace_killed_at_any_moment_leaves_a_whole_file(void **state)
{
    const struct file_kit *kit = *state;
    kit_write(kit, "a", "x");
    for (unsigned i = 0; i < CRASHES; i++) {
        int wait_status;
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            write_for_ever(kit);
        }
        (void)usleep(500 + i * 700); /* any moment will do */
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &wait_status, 0), child);
        assert_true(WIFSIGNALED(wait_status));
        assert_true(is_whole(kit));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_replace_creates_for_its_owner_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file_replace_creates_nothing_over_something, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file_replace_keeps_the_permissions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_replace_replaces_what_was_seen_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file_remove_removes_what_was_seen_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file_replace_without_its_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_replace_that_cannot_be_written_changes_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_replace_where_nothing_may_be_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_file_replace_that_cannot_keep_the_group_drops_its_rights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_replace_killed_at_any_moment_leaves_a_whole_file,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_replace_is_on_the_disk_before_it_has_the_name,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_replace_that_does_not_reach_the_disk, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_file_replace_loses_to_who_changes_it_while_it_is_written, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
