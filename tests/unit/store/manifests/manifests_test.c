/* SPDX-License-Identifier: Apache-2.0 */
/* The directory store as it loads: what is read, what is not, duplicates, limits, problems. */
#include "store/manifests/queue.h"
#include "store/manifests/state.h"
#include "store/manifests/turn.h"
#include "support/alloc_fail.h"
#include "support/kinds_kit.h"
#include "support/manifests_kit.h"

/* --- which files --- */

static void test_manifests_load_reads_the_three_endings_and_subdirectories(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_put(&kit, "m/b.yml", "b", "2");
    kit_write(&kit.files, "m/c.json",
              "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"c\"},"
              "\"stringData\":{\"value\":\"3\",\"sealed\":\"\"}}");
    mkit_put(&kit, "m/d.txt", "d", "4");
    mkit_put(&kit, "m/e.yaml~", "e", "5");
    mkit_put(&kit, "m/yaml", "f", "6");
    mkit_put(&kit, "m/.g.yaml", "g", "7");
    mkit_put(&kit, "m/.yaml", "h", "8");
    kit_mkdir(&kit.files, "m/.hidden");
    mkit_put(&kit, "m/.hidden/i.yaml", "i", "9");
    kit_mkdir(&kit.files, "m/sub");
    kit_mkdir(&kit.files, "m/sub/sub.yaml"); /* a directory, whatever its name */
    mkit_put(&kit, "m/sub/sub.yaml/j.yaml", "j", "10");
    assert_int_equal(mkfifo(kit_path(&kit.files, "m/fifo.yaml").text, 0600), 0);
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+a=1 +b=2 +c=3 +j=10 S ");
    mkit_had_problems(&kit, "");
    const struct store_stats stats = mkit_stats(&kit);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), 4);
    assert_int_equal(stats.files, 4);
    assert_int_equal(stats.problems, 0);
    assert_int_equal(stats.reloads_ok, 1);
    assert_int_equal(stats.reloads_failed, 0);
    assert_int_equal(stats.last_reload_sec, kit.clock.wall.sec);
    assert_true(stats.last_reload_ok);
    assert_true(stats.is_synced);
    mkit_fini(&kit);
}

static void test_manifests_load_follows_links_once_and_ends_in_loops(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_mkdir(&kit.files, "elsewhere");
    mkit_put(&kit, "elsewhere/a.yaml", "a", "1");
    mkit_put(&kit, "single", "b", "2");
    kit_symlink(&kit.files, "../elsewhere", "m/dir");
    kit_symlink(&kit.files, "../elsewhere", "m/dir-again");
    kit_symlink(&kit.files, "../single", "m/b.yaml");
    kit_symlink(&kit.files, ".", "m/self");
    kit_symlink(&kit.files, "../m", "m/up");
    kit_symlink(&kit.files, "loop", "m/loop");
    kit_symlink(&kit.files, "/dev/zero", "m/zero.yaml");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+b=2 +a=1 S ");
    mkit_had_problems(&kit, "");
    assert_int_equal(mkit_stats(&kit).files, 2);
    mkit_fini(&kit);
}

static void test_manifests_load_dangling_link_of_a_manifest_is_a_problem(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_symlink(&kit.files, "nowhere", "m/a.yaml");
    kit_symlink(&kit.files, "nowhere", "m/a");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "S ");
    mkit_had_problems(&kit, "m/a.yaml: the symbolic link leads nowhere\n");
    assert_int_equal(mkit_stats(&kit).problems, 1);
    mkit_fini(&kit);
}

static void test_manifests_load_mounted_volume_is_read_once(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_mkdir(&kit.files, "m/..2026_1");
    mkit_put(&kit, "m/..2026_1/a.yaml", "a", "1");
    kit_symlink(&kit.files, "..2026_1", "m/..data");
    kit_symlink(&kit.files, "..data/a.yaml", "m/a.yaml");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+a=1 S ");
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

/* --- what is told --- */

struct told {
    struct store_event event;
    char source[PROBLEM_FILE_MAX];
    char namespace[64];
    char name[64];
};

static void remember(void *ctx, const struct store_event *event)
{
    struct told *told = ctx;
    if (event->type == STORE_SYNCED) {
        return;
    }
    told->event = *event;
    (void)snprintf(told->source, sizeof(told->source), "%s", event->source);
    (void)snprintf(told->namespace, sizeof(told->namespace), "%.*s", (int)event->namespace.len,
                   event->namespace.at);
    (void)snprintf(told->name, sizeof(told->name), "%.*s", (int)event->name.len, event->name.at);
}

static void test_manifests_event_says_who_and_where(void **state)
{
    (void)state;
    struct manifests_kit kit;
    struct told told = { 0 };
    mkit_init(&kit);
    kit_mkdir(&kit.files, "m/sub");
    kit_write(&kit.files, "m/sub/a.yaml",
              "# a comment\n---\n\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n"
              "  namespace: kube-system\nstringData:\n  value: '1'\n");
    mkit_open_at(&kit, "m/", clock_manual(&kit.clock));
    assert_int_equal(store_subscribe(kit.store, &all_secrets, remember, &told), ST_OK);
    mkit_load(&kit, ST_OK);
    assert_int_equal(told.event.type, STORE_ADDED);
    assert_int_equal(told.event.kind, &kind_secret);
    assert_string_equal(told.namespace, "kube-system");
    assert_string_equal(told.name, "a");
    assert_string_equal(told.source, kit_path(&kit.files, "m/sub/a.yaml").text);
    assert_int_equal(told.event.source_line, 4);
    mkit_fini(&kit);
}

static void test_manifests_nobody_listens_nothing_is_decoded(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_write(&kit.files, "m/a.yaml", "apiVersion: v1\nkind: Secret\nstringData: 1\n");
    const struct kit_path path = kit_path(&kit.files, "m");
    const struct manifests_options options = {
        .directory = path.text,
        .clock = clock_manual(&kit.clock),
        .on_problem = mkit_on_problem,
        .ctx = &kit,
    };
    struct problem problem = { 0 };
    assert_int_equal(manifests_new(&options, &kit.store, &problem), ST_OK);
    mkit_load(&kit, ST_OK);
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

static void test_manifests_broken_file_is_told_with_its_place_and_the_others_load(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    kit_write(&kit.files, "m/b.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n\tname: b\n");
    kit_write(&kit.files, "m/c.yaml", "apiVersion: v1\nkind: 1\n");
    mkit_put(&kit, "m/d.yaml", "d", "4");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+a=1 +d=4 S ");
    assert_non_null(strstr(mkit_text(&kit.problems), "m/b.yaml:4:1: "));
    mkit_had_problems(&kit, "m/c.yaml:2:7: kind: expected a string\n");
    const struct store_stats stats = mkit_stats(&kit);
    assert_int_equal(stats.problems, 2);
    assert_int_equal(stats.files, 4);
    assert_int_equal(stats.reloads_failed, 1);
    assert_false(stats.last_reload_ok);
    mkit_fini(&kit);
}

/* --- duplicates --- */

static void test_manifests_same_object_in_two_files_the_first_path_wins(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_mkdir(&kit.files, "m/a");
    mkit_put(&kit, "m/a/x.yaml", "x", "later"); /* "/" comes after "." */
    mkit_put(&kit, "m/a.yaml", "x", "first");
    mkit_put(&kit, "m/b.yaml", "x", "last");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+x=first S ");
    const struct kit_path winner = kit_path(&kit.files, "m/a.yaml");
    char want[PATH_MAX + 128];
    (void)snprintf(want, sizeof(want),
                   "m/b.yaml:1:1: Secret default/x is in %s, too, which counts\n", winner.text);
    assert_non_null(strstr(mkit_text(&kit.problems), want));
    mkit_had_problems(&kit, "m/a/x.yaml:1:1: Secret default/x is in ");
    const struct store_stats stats = mkit_stats(&kit);
    assert_int_equal(stats.problems, 2);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), 1);
    mkit_fini(&kit);
}

/* What a union asks: which file's object counts. */
static void test_manifests_find_source_names_the_winners_file(void **state)
{
    (void)state;
    struct manifests_kit kit;
    char source[PROBLEM_FILE_MAX] = "";
    struct store_target target = {
        .kind = &kind_secret,
        .namespace = SPAN_LITERAL("default"),
        .name = SPAN_LITERAL("x"),
    };
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "x", "first");
    mkit_put(&kit, "m/b.yaml", "x", "last");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    assert_true(kit.store->ops->find_source(kit.store, &target, source));
    assert_string_equal(source, kit_path(&kit.files, "m/a.yaml").text);
    target.name = SPAN_LITERAL("y");
    assert_false(kit.store->ops->find_source(kit.store, &target, source));
    mkit_fini(&kit);
}

static void test_manifests_same_object_twice_in_a_file_the_first_counts(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_write(&kit.files, "m/a.yaml",
              two_manifests(manifest("x", "first"), manifest("x", "second")).text);
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+x=first S ");
    mkit_had_problems(&kit, "m/a.yaml:9:1: Secret default/x appears twice in this file");
    mkit_fini(&kit);
}

/* The second version of the file has the same slips: nothing new to tell about them. */
static void test_manifests_same_object_twice_in_a_file_is_told_once(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    const struct manifest_text twice = two_manifests(manifest("x", "first"), manifest("x", "2"));
    kit_write(&kit.files, "m/a.yaml", twice.text);
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_problems(&kit, "m/a.yaml:9:1: Secret default/x appears twice in this file");
    kit_write(&kit.files, "m/a.yaml", two_manifests(twice, manifest("y", "new")).text);
    mkit_load(&kit, ST_OK);
    mkit_had_problems(&kit, "");
    assert_int_equal(mkit_stats(&kit).problems, 1);
    kit_write(&kit.files, "m/a.yaml", two_manifests(twice, manifest("x", "3")).text);
    mkit_load(&kit, ST_OK);
    mkit_had_problems(&kit, "Secret default/x appears twice in this file");
    assert_int_equal(mkit_stats(&kit).problems, 2);
    mkit_put(&kit, "m/a.yaml", "x", "first");
    mkit_load(&kit, ST_OK);
    mkit_had_problems(&kit, "ok m/a.yaml\n");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    mkit_fini(&kit);
}

/* In seconds of this process's processor time. */
static double load_duration(struct manifests_kit *kit, const char *text)
{
    struct timespec begin;
    struct timespec end;
    kit_write(&kit->files, "m/a.yaml", text);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin), 0);
    mkit_load(kit, ST_OK);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end), 0);
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

/* What was told about the first version is handed on to the second. That took the square of how
 * many there are: 8 s for 100,000, in which no other file was read. */
static void test_manifests_same_object_very_often_in_a_file_takes_linear_time(void **state)
{
    (void)state;
    enum { OFTEN = 50000 };
    struct manifests_kit kit;
    struct buf text = { 0 };
    mkit_init(&kit);
    for (int i = 0; i < OFTEN; i++) {
        buf_printf(&text, "---\n%s", manifest("x", "1").text);
    }
    mkit_open(&kit);
    const double first = load_duration(&kit, mkit_text(&text));
    assert_int_equal(mkit_stats(&kit).problems, OFTEN - 1);
    buf_append_text(&text, "# again\n");
    const double second = load_duration(&kit, mkit_text(&text));
    assert_int_equal(mkit_stats(&kit).problems, OFTEN - 1);
    /* CPU time against CPU time of the same run; without the rule it was five times as much */
    if (second > 3 * first + 0.2) {
        fail_msg("%.2f s, then %.2f s", first, second);
    }
    buf_fini(&text);
    mkit_fini(&kit);
}

static void test_manifests_same_name_in_two_namespaces_is_two_objects(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_write(&kit.files, "m/a.yaml",
              "apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: a}\n"
              "stringData: {value: '1', sealed: ''}\n---\n"
              "apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: ab}\n"
              "stringData: {value: '2', sealed: ''}\n---\n"
              "apiVersion: v1\nkind: Secret\nmetadata: {name: bb, namespace: a}\n"
              "stringData: {value: '3', sealed: ''}\n");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+b=1 +b=2 +bb=3 S ");
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

/* --- limits --- */

static void test_manifests_file_over_the_size_limit_is_a_problem(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_put(&kit, "m/b.yaml", "b", "22");
    mkit_open(&kit);
    manifests_of(kit.store)->limits.file_bytes = strlen(manifest("a", "1").text);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+a=1 S ");
    mkit_had_problems(&kit, "m/b.yaml: expected at most ");
    mkit_fini(&kit);
}

static void test_manifests_objects_over_the_limit_are_a_problem(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_write(&kit.files, "m/a.yaml", two_manifests(manifest("a", "1"), manifest("b", "2")).text);
    mkit_put(&kit, "m/c.yaml", "c", "3");
    mkit_put(&kit, "m/d.yaml", "d", "4");
    mkit_open(&kit);
    manifests_of(kit.store)->limits.objects = 3;
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+a=1 +b=2 +c=3 S ");
    mkit_had_problems(&kit, "m/d.yaml: expected at most 3 objects in all files\n");
    mkit_fini(&kit);
}

static void test_manifests_directories_deeper_than_the_limit_are_a_problem(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_mkdir(&kit.files, "m/1");
    kit_mkdir(&kit.files, "m/1/2");
    kit_mkdir(&kit.files, "m/1/2/3");
    mkit_put(&kit, "m/1/2/a.yaml", "a", "1");
    mkit_put(&kit, "m/1/2/3/b.yaml", "b", "2");
    mkit_open(&kit);
    manifests_of(kit.store)->limits.depth = 2;
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+a=1 S ");
    mkit_had_problems(&kit, "m/1/2/3: expected at most 2 directories within each other\n");
    mkit_fini(&kit);
}

static void test_manifests_more_files_than_the_limit_are_a_problem_until_there_is_room(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_put(&kit, "m/b.yaml", "b", "2");
    mkit_open(&kit);
    manifests_of(kit.store)->limits.nodes = 3; /* the directory is one */
    mkit_load(&kit, ST_OK);
    mkit_watch(&kit);
    mkit_had_events(&kit, "+a=1 +b=2 S ");
    mkit_had_problems(&kit, "");
    mkit_put(&kit, "m/c.yaml", "c", "3");
    mkit_expect_problem(&kit, "m: expected at most 3 files");
    mkit_had_events(&kit, "");
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect_both(&kit, "-a +c=3 ", "ok m\n");
    mkit_fini(&kit);
}

/* --- files that are being written --- */

static void test_manifests_load_waits_for_a_file_that_was_changed_a_moment_ago(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_open_at(&kit, "m", clock_system());
    mkit_load(&kit, ST_UNSETTLED);
    mkit_had_events(&kit, "");
    assert_false(mkit_stats(&kit).is_synced);
    mkit_watch(&kit);
    mkit_expect(&kit, "+a=1 S ");
    assert_true(mkit_stats(&kit).is_synced);
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

static void test_manifests_load_settles_even_when_the_clock_is_wrong(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    kit.clock.wall.sec -= 7200; /* the file is of an hour in the future, for good */
    mkit_open(&kit);
    mkit_load(&kit, ST_UNSETTLED);
    queue_rescan_after(&manifests_of(kit.store)->queues, 0);
    turn_run(manifests_of(kit.store)); /* a second look at once is no proof of quiet */
    mkit_had_events(&kit, "");
    mkit_watch(&kit);
    mkit_expect(&kit, "+a=1 S ");
    mkit_fini(&kit);
}

/* The heart of the matter: cut off before `sealed:`, the file is valid and means something else. */
static void test_manifests_load_file_open_for_writing_is_read_at_its_close(void **state)
{
    (void)state;
    struct manifests_kit kit;
    const struct manifest_text whole = manifest("a", "1");
    const size_t half = (size_t)(strstr(whole.text, "  sealed") - whole.text);
    mkit_init(&kit);
    mkit_put(&kit, "m/b.yaml", "b", "2");
    const int fd = kit_open(&kit.files, "m/a.yaml");
    kit_append(fd, whole.text, half);
    mkit_open(&kit);
    mkit_load(&kit, ST_UNSETTLED);
    mkit_had_events(&kit, "+b=2 ");
    mkit_watch(&kit);
    mkit_expect_silence(&kit);
    kit_append(fd, whole.text + half, strlen(whole.text) - half);
    mkit_expect_silence(&kit);
    assert_int_equal(close(fd), 0);
    mkit_expect(&kit, "+a=1 S ");
    mkit_had_problems(&kit, "");
    mkit_fini(&kit);
}

static void test_manifests_file_that_never_settles_does_not_hold_up_the_start(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    const int fd = open(kit_path(&kit.files, "m/a.yaml").text, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    mkit_open(&kit);
    mkit_load(&kit, ST_UNSETTLED);
    mkit_watch(&kit);
    mkit_expect_both(&kit, "S ", "m/a.yaml: somebody has been writing it for over 2 seconds");
    assert_int_equal(mkit_stats(&kit).problems, 1);
    assert_int_equal(close(fd), 0);
    mkit_expect_both(&kit, "+a=1 ", "ok m/a.yaml\n");
    assert_int_equal(mkit_stats(&kit).problems, 0);
    mkit_fini(&kit);
}

static void test_manifests_unsettled_file_that_is_removed_does_not_hold_up_the_start(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    const int fd = kit_open(&kit.files, "m/a.yaml");
    mkit_open(&kit);
    mkit_load(&kit, ST_UNSETTLED);
    mkit_watch(&kit);
    kit_unlink(&kit.files, "m/a.yaml");
    mkit_expect(&kit, "S ");
    assert_int_equal(close(fd), 0);
    mkit_fini(&kit);
}

static void test_manifests_nothing_between_load_and_watch_is_lost(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_open(&kit);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+a=1 S ");
    mkit_put(&kit, "m/b.yaml", "b", "2");
    mkit_watch(&kit);
    mkit_expect(&kit, "+b=2 ");
    mkit_fini(&kit);
}

/* --- what cannot be opened --- */

static void test_manifests_new_refuses_what_is_no_directory(void **state)
{
    (void)state;
    struct manifests_kit kit;
    mkit_init(&kit);
    kit_write(&kit.files, "file", "");
    static const struct {
        const char *path;
        const char *want;
    } rows[] = {
        { "missing", "expected a directory that can be read: No such file or directory" },
        { "file", "expected a directory" },
        { "file/below", "expected a directory that can be read: Not a directory" },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const struct kit_path path = kit_path(&kit.files, rows[i].path);
        const struct manifests_options options = { .directory = path.text,
                                                   .clock = clock_system() };
        struct store *store = NULL;
        struct problem problem = { 0 };
        assert_int_equal(manifests_new(&options, &store, &problem), ST_IO);
        assert_null(store);
        assert_string_equal(problem.file, path.text);
        assert_string_equal(problem.text, rows[i].want);
    }
    mkit_fini(&kit);
}

static void test_manifests_load_fails_when_the_directory_has_gone(void **state)
{
    (void)state;
    struct manifests_kit kit;
    struct problem problem = { 0 };
    mkit_init(&kit);
    mkit_open(&kit);
    assert_int_equal(rmdir(kit_path(&kit.files, "m").text), 0);
    assert_int_equal(store_load(kit.store, &problem), ST_IO);
    assert_non_null(strstr(problem.text, "expected a directory"));
    mkit_fini(&kit);
}

static void test_manifests_relative_directory_survives_a_change_of_directory(void **state)
{
    (void)state;
    struct manifests_kit kit;
    char before[PATH_MAX];
    mkit_init(&kit);
    mkit_put(&kit, "m/a.yaml", "a", "1");
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(kit.files.directory), 0);
    const struct manifests_options options = { .directory = "m",
                                               .clock = clock_manual(&kit.clock) };
    struct problem problem = { 0 };
    assert_int_equal(manifests_new(&options, &kit.store, &problem), ST_OK);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(store_subscribe(kit.store, &all_secrets, mkit_on_event, &kit), ST_OK);
    mkit_load(&kit, ST_OK);
    mkit_had_events(&kit, "+a=1 S ");
    mkit_fini(&kit);
}

/* --- memory that runs out --- */

static enum status new_and_load(struct manifests_kit *kit,
                                const char *directory,
                                struct store **ret_store)
{
    struct problem problem = { 0 };
    struct store *store = NULL;
    const struct manifests_options options = {
        .directory = directory,
        .clock = clock_manual(&kit->clock),
    };
    enum status status = manifests_new(&options, &store, &problem);
    if (status == ST_OK) {
        status = store_subscribe(store, &all_secrets, mkit_on_event, kit);
    }
    if (status == ST_OK) {
        status = store_load(store, &problem);
    }
    *ret_store = store;
    return status;
}

/* Never is half of the directory taken for all. */
static void test_manifests_load_without_memory_fails(void **state)
{
    (void)state;
    struct manifests_kit kit;
    bool reached = true;
    size_t failed = 0;
    if (!alloc_fail_is_available()) {
        return;
    }
    mkit_init(&kit);
    kit_mkdir(&kit.files, "m/sub");
    mkit_put(&kit, "m/a.yaml", "a", "1");
    mkit_put(&kit, "m/sub/b.yaml", "b", "2");
    kit_symlink(&kit.files, "sub", "m/link");
    kit_write(&kit.files, "m/c.yaml",
              "apiVersion: v1\nkind: Secret\nmetadata: {name: c}\ntype: 1 # refused\n");
    const struct kit_path path = kit_path(&kit.files, "m");
    for (size_t nth = 1; reached; nth++) {
        assert_in_range(nth, 1, 5000);
        assert_true(buf_reserve(&kit.events, 1000)); /* not ours to fail */
        alloc_fail_arm(nth);
        const enum status status = new_and_load(&kit, path.text, &kit.store);
        reached = alloc_fail_disarm();
        if (status == ST_OK) {
            const struct store_stats stats = mkit_stats(&kit);
            assert_int_equal(store_stats_objects(&stats, &kind_secret), 3);
            assert_int_equal(stats.problems, 1);
            assert_true(stats.is_synced);
        } else {
            assert_true(status == ST_NOMEM || status == ST_IO);
            assert_true(reached);
            failed++;
        }
        kit.store = store_free(kit.store);
        buf_clear(&kit.events);
    }
    assert_in_range(failed, 10, 5000);
    mkit_fini(&kit);
}

/* --- other kinds --- */

static bool is_told(void *ctx)
{
    return ((const struct buf *)ctx)->len > 0;
}

#define SERVICE_ACCOUNT(name, value)         \
    "apiVersion: v1\nkind: ServiceAccount\n" \
    "metadata: {name: " name ", labels: {value: " value "}}\n"
#define CONFIG_MAP(name, value) \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name "}\ndata: {value: " value "}\n"
#define WIDGET(name, value)                      \
    "apiVersion: example.com/v1\nkind: Widget\n" \
    "metadata: {name: " name "}\nspec: {value: " value "}\n"

static void test_manifests_tells_objects_of_every_kind_that_is_listened_to(void **state)
{
    (void)state;
    struct manifests_kit kit;
    struct buf told = { 0 };
    mkit_init(&kit);
    mkit_put(&kit, "m/0.yaml", "a", "1");
    kit_write(&kit.files, "m/1.yaml",
              SERVICE_ACCOUNT("a", "x") "---\n" CONFIG_MAP(
                  "a", "w") "---\n"
                            "apiVersion: v1\nkind: Pod\n---\n" WIDGET("a", "z"));
    mkit_open(&kit);
    kinds_subscribe(kit.store, &told);
    mkit_load(&kit, ST_OK);
    mkit_watch(&kit);
    mkit_had_events(&kit, "+a=1 S ");
    mkit_had_problems(&kit, "");
    assert_string_equal(mkit_text(&told), "+ServiceAccount default/a=x +ConfigMap default/a{w} "
                                          "+Widget a{z} S S S ");
    buf_clear(&told);
    const struct store_stats stats = mkit_stats(&kit);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), 1);
    assert_int_equal(store_stats_objects(&stats, &kind_widget), 1);
    /* changed, refused and gone: each by itself */
    kit_replace(&kit.files, "m/1.yaml",
                SERVICE_ACCOUNT("a", "q") "---\n" CONFIG_MAP("a", "w") "---\n" WIDGET("a", "q"));
    (void)kit_run_until(&kit.files, is_told, &told, FILE_KIT_DEADLINE_MS);
    assert_string_equal(mkit_text(&told), "~ServiceAccount default/a=q ~Widget a{q} ");
    buf_clear(&told);
    kit_replace(&kit.files, "m/1.yaml",
                CONFIG_MAP("a", "w") "---\n" CONFIG_MAP("a", "z") "---\n" CONFIG_MAP(
                    "b", "z") "immutable: 1\n");
    (void)kit_run_until(&kit.files, is_told, &told, FILE_KIT_DEADLINE_MS);
    assert_string_equal(mkit_text(&told), "+ConfigMap default/b? -Widget a "
                                          "-ServiceAccount default/a ");
    mkit_had_problems(&kit, "ConfigMap default/a appears twice in this file");
    mkit_had_events(&kit, "");
    buf_fini(&told);
    mkit_fini(&kit);
}

/* Who listens to no Secrets is told nothing of one, and of no slip in it. */
static void test_manifests_reads_no_more_than_metadata_where_that_is_all(void **state)
{
    (void)state;
    static const struct store_interest names = { .kind = &kind_secret, .is_metadata_only = true };
    struct manifests_kit kit;
    struct buf told = { 0 };
    struct problem problem = { 0 };
    mkit_init(&kit);
    kit_write(&kit.files, "m/a.yaml",
              "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {x: true}\n");
    const struct kit_path path = kit_path(&kit.files, "m");
    const struct manifests_options options = {
        .directory = path.text,
        .clock = clock_manual(&kit.clock),
        .on_problem = mkit_on_problem,
        .ctx = &kit,
    };
    assert_int_equal(manifests_new(&options, &kit.store, &problem), ST_OK);
    assert_int_equal(store_subscribe(kit.store, &names, kinds_on_event, &told), ST_OK);
    mkit_load(&kit, ST_OK);
    assert_string_equal(mkit_text(&told), "+Secret default/a S ");
    mkit_had_problems(&kit, "");
    buf_fini(&told);
    mkit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests_load_reads_the_three_endings_and_subdirectories),
        cmocka_unit_test(test_manifests_load_follows_links_once_and_ends_in_loops),
        cmocka_unit_test(test_manifests_load_dangling_link_of_a_manifest_is_a_problem),
        cmocka_unit_test(test_manifests_load_mounted_volume_is_read_once),
        cmocka_unit_test(test_manifests_event_says_who_and_where),
        cmocka_unit_test(test_manifests_nobody_listens_nothing_is_decoded),
        cmocka_unit_test(test_manifests_broken_file_is_told_with_its_place_and_the_others_load),
        cmocka_unit_test(test_manifests_same_object_in_two_files_the_first_path_wins),
        cmocka_unit_test(test_manifests_find_source_names_the_winners_file),
        cmocka_unit_test(test_manifests_same_object_twice_in_a_file_the_first_counts),
        cmocka_unit_test(test_manifests_same_object_twice_in_a_file_is_told_once),
        cmocka_unit_test(test_manifests_same_object_very_often_in_a_file_takes_linear_time),
        cmocka_unit_test(test_manifests_same_name_in_two_namespaces_is_two_objects),
        cmocka_unit_test(test_manifests_file_over_the_size_limit_is_a_problem),
        cmocka_unit_test(test_manifests_objects_over_the_limit_are_a_problem),
        cmocka_unit_test(test_manifests_directories_deeper_than_the_limit_are_a_problem),
        cmocka_unit_test(
            test_manifests_more_files_than_the_limit_are_a_problem_until_there_is_room),
        cmocka_unit_test(test_manifests_load_waits_for_a_file_that_was_changed_a_moment_ago),
        cmocka_unit_test(test_manifests_load_settles_even_when_the_clock_is_wrong),
        cmocka_unit_test(test_manifests_load_file_open_for_writing_is_read_at_its_close),
        cmocka_unit_test(test_manifests_file_that_never_settles_does_not_hold_up_the_start),
        cmocka_unit_test(test_manifests_unsettled_file_that_is_removed_does_not_hold_up_the_start),
        cmocka_unit_test(test_manifests_nothing_between_load_and_watch_is_lost),
        cmocka_unit_test(test_manifests_new_refuses_what_is_no_directory),
        cmocka_unit_test(test_manifests_load_fails_when_the_directory_has_gone),
        cmocka_unit_test(test_manifests_relative_directory_survives_a_change_of_directory),
        cmocka_unit_test(test_manifests_load_without_memory_fails),
        cmocka_unit_test(test_manifests_tells_objects_of_every_kind_that_is_listened_to),
        cmocka_unit_test(test_manifests_reads_no_more_than_metadata_where_that_is_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
