/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files only: what speaks against a file being finished, and what does not. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "io/file/read.h"
#include "support/file_kit.h"
#include "support/lease.h"

#define LONG_AGO_SEC 3600

struct reading {
    enum status status;
    struct file_content content;
    struct file_stamp stamp;
    struct problem problem;
};

static struct instant instant_after(struct timespec time, int64_t ms)
{
    const int64_t nsec = time.tv_nsec + ms * 1000000;
    return (struct instant){ .sec = time.tv_sec + nsec / 1000000000,
                             .nsec = (int32_t)(nsec % 1000000000) };
}

/* Read @name as if the wall clock stood @age_ms after its last change. */
static struct reading read_at_age(const struct file_kit *kit,
                                  const char *name,
                                  enum file_occasion occasion,
                                  const struct file_stamp *seen,
                                  int64_t age_ms)
{
    const struct kit_path path = kit_path(kit, name);
    struct stat stat_now = { 0 };
    (void)stat(path.text, &stat_now); /* a missing file is a row, too */
    const struct file_read_options options = {
        .max_bytes = 100,
        .occasion = occasion,
        .now = instant_after(stat_now.st_ctim, age_ms),
        .seen = seen,
    };
    struct reading reading = { 0 };
    reading.status =
        file_read(path.text, &options, &reading.content, &reading.stamp, &reading.problem);
    return reading;
}

static enum status status_at_age(const struct file_kit *kit,
                                 const char *name,
                                 enum file_occasion occasion,
                                 int64_t age_ms)
{
    struct reading reading = read_at_age(kit, name, occasion, NULL, age_ms);
    file_content_fini(&reading.content);
    return reading.status;
}

static void set_mtime(const struct file_kit *kit, const char *name, int64_t from_now_sec)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
    (void)clock_gettime(CLOCK_REALTIME, &times[1]);
    times[1].tv_sec += from_now_sec;
    assert_int_equal(utimensat(AT_FDCWD, kit_path(kit, name).text, times, 0), 0);
}

static void test_file_read_gives_the_bytes(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "hello");
    kit_write(&kit, "empty", "");
    kit_symlink(&kit, "file", "link");
    const char *const names[] = { "file", "link" };
    for (size_t i = 0; i < COUNTOF(names); i++) {
        struct reading reading = read_at_age(&kit, names[i], FILE_FOUND, NULL, FILE_SETTLE_MS);
        assert_int_equal(reading.status, ST_OK);
        assert_int_equal(reading.content.len, 5);
        assert_memory_equal(reading.content.at, "hello", 5);
        assert_int_equal(reading.stamp.size, 5);
        file_content_fini(&reading.content);
        assert_null(reading.content.at);
    }
    struct reading empty = read_at_age(&kit, "empty", FILE_FOUND, NULL, FILE_SETTLE_MS);
    assert_int_equal(empty.status, ST_OK);
    assert_int_equal(empty.content.len, 0);
    file_content_fini(&empty.content);
    kit_fini(&kit);
}

static const struct {
    const char *name;
    enum file_occasion occasion;
    int64_t age_ms;
    enum status want;
} age_rows[] = {
    { "found, long quiet", FILE_FOUND, 1000, ST_OK },
    { "found, just quiet enough", FILE_FOUND, FILE_SETTLE_MS, ST_OK },
    { "found, changed a moment ago", FILE_FOUND, FILE_SETTLE_MS - 1, ST_UNSETTLED },
    { "found, changed in the future", FILE_FOUND, -10, ST_UNSETTLED },
    { "appeared, quiet", FILE_APPEARED, FILE_SETTLE_MS, ST_OK },
    { "appeared a moment ago", FILE_APPEARED, 0, ST_UNSETTLED },
    { "published a moment ago", FILE_PUBLISHED, 0, ST_OK },
    { "published in the future", FILE_PUBLISHED, -3600 * 1000, ST_OK },
};

static void test_file_read_age_rows(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "x");
    set_mtime(&kit, "file", -LONG_AGO_SEC); /* as tar and rsync do: ctime must count */
    for (size_t i = 0; i < COUNTOF(age_rows); i++) {
        print_message("# %s\n", age_rows[i].name);
        assert_int_equal(status_at_age(&kit, "file", age_rows[i].occasion, age_rows[i].age_ms),
                         age_rows[i].want);
    }
    kit_fini(&kit);
}

static void test_file_read_unchanged_stamp_settles_whatever_the_clock_says(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "x");
    set_mtime(&kit, "file", LONG_AGO_SEC);
    struct reading first = read_at_age(&kit, "file", FILE_FOUND, NULL, 1000);
    assert_int_equal(first.status, ST_UNSETTLED); /* modified in the future */
    struct reading second = read_at_age(&kit, "file", FILE_FOUND, &first.stamp, -1000);
    assert_int_equal(second.status, ST_OK);
    file_content_fini(&second.content);
    const int fd = open(kit_path(&kit, "file").text, O_WRONLY | O_APPEND | O_CLOEXEC);
    kit_append(fd, "y", 1);
    assert_int_equal(close(fd), 0);
    struct reading third = read_at_age(&kit, "file", FILE_FOUND, &first.stamp, 0);
    assert_int_equal(third.status, ST_UNSETTLED); /* another stamp */
    kit_fini(&kit);
}

static void test_file_read_open_for_writing_is_unsettled_on_every_occasion(void **state)
{
    (void)state;
    const enum file_occasion occasions[] = { FILE_FOUND, FILE_APPEARED, FILE_PUBLISHED };
    struct file_kit kit = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "x");
    const struct kit_path path = kit_path(&kit, "file");
    for (size_t i = 0; i < COUNTOF(occasions); i++) {
        const int fd = open(path.text, O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_true(file_is_being_written(path.text));
        assert_int_equal(status_at_age(&kit, "file", occasions[i], 10000), ST_UNSETTLED);
        assert_int_equal(close(fd), 0);
        assert_false(file_is_being_written(path.text));
        assert_int_equal(status_at_age(&kit, "file", occasions[i], 10000), ST_OK);
    }
    kit_fini(&kit);
}

static void test_file_read_open_for_reading_does_not_disturb(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "x");
    const int fd = open(kit_path(&kit, "file").text, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_false(file_is_being_written(kit_path(&kit, "file").text));
    assert_int_equal(status_at_age(&kit, "file", FILE_FOUND, 10000), ST_OK);
    assert_int_equal(close(fd), 0);
    kit_fini(&kit);
}

static void test_file_read_refusals(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    char text[102];
    memset(text, 'x', sizeof(text));
    text[101] = '\0';
    kit_write(&kit, "above", text);
    text[100] = '\0';
    kit_write(&kit, "within", text);
    kit_mkdir(&kit, "directory");
    kit_symlink(&kit, "nowhere", "dangling");
    kit_symlink(&kit, "loop", "loop");
    assert_int_equal(mkfifo(kit_path(&kit, "fifo").text, 0600), 0);
    const struct {
        const char *name;
        enum status want;
    } rows[] = {
        { "within", ST_OK },          { "above", ST_LIMIT },       { "directory", ST_UNSUPPORTED },
        { "fifo", ST_UNSUPPORTED },   { "missing", ST_NOT_FOUND }, { "dangling", ST_NOT_FOUND },
        { "within/x", ST_NOT_FOUND }, { "loop", ST_IO },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct reading reading = read_at_age(&kit, rows[i].name, FILE_FOUND, NULL, 10000);
        assert_int_equal(reading.status, rows[i].want);
        assert_int_equal(reading.problem.status, rows[i].want);
        assert_true((reading.problem.text[0] != '\0') == (rows[i].want != ST_OK));
        file_content_fini(&reading.content);
    }
    kit_fini(&kit);
}

struct opener {
    const char *path;
    atomic_bool stop;
    unsigned opened;
};

static void *open_and_close(void *ctx)
{
    struct opener *opener = ctx;
    while (!atomic_load(&opener->stop)) {
        const int fd = open(opener->path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
            opener->opened++;
            (void)close(fd);
        }
    }
    return NULL;
}

/* Without F_SETSIG the kernel's SIGIO would end this process within a few thousand rounds. */
struct asking {
    const struct file_kit *kit;
    ino_t inode;
    enum status answer;
};

/* By now the path leads elsewhere. */
static enum status swap_and_answer(void *ctx,
                                   int fd,
                                   const struct stat *stat,
                                   struct problem *reterr_problem)
{
    struct asking *asking = ctx;
    struct stat of_fd;
    assert_int_equal(fstat(fd, &of_fd), 0);
    assert_int_equal(of_fd.st_ino, stat->st_ino);
    asking->inode = stat->st_ino;
    kit_rename(asking->kit, "other", "file");
    problem_set(reterr_problem, asking->answer, 0, 0, "asked");
    return asking->answer;
}

/* What is asked about is what is read, whatever happens to its name. */
static void test_file_read_asks_about_the_open_file(void **state)
{
    (void)state;
    static const enum status answers[] = { ST_OK, ST_UNSAFE };
    for (size_t i = 0; i < COUNTOF(answers); i++) {
        struct file_kit kit = { 0 };
        kit_init(&kit);
        kit_write(&kit, "file", "good");
        kit_write(&kit, "other", "evil");
        const struct kit_path path = kit_path(&kit, "file");
        struct stat before;
        assert_int_equal(stat(path.text, &before), 0);
        struct asking asking = { .kit = &kit, .answer = answers[i] };
        const struct file_read_options options = {
            .accept = swap_and_answer, .ctx = &asking, .max_bytes = 100, .occasion = FILE_PUBLISHED
        };
        struct reading reading = { 0 };
        reading.status =
            file_read(path.text, &options, &reading.content, &reading.stamp, &reading.problem);
        assert_int_equal(asking.inode, before.st_ino);
        assert_int_equal(reading.status, answers[i] == ST_OK ? ST_UNSETTLED : answers[i]);
        assert_int_equal(reading.content.len, 0);
        file_content_fini(&reading.content);
        kit_fini(&kit);
    }
}

static void test_file_read_lease_broken_by_a_writer_is_harmless(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "x");
    const struct kit_path path = kit_path(&kit, "file");
    struct opener opener = { .path = path.text };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, open_and_close, &opener), 0);
    unsigned answers[2] = { 0 };
    for (unsigned i = 0; i < 50000; i++) {
        answers[file_is_being_written(path.text)]++;
    }
    atomic_store(&opener.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_in_range(opener.opened, 1, UINT_MAX);
    assert_int_equal(answers[0] + answers[1], 50000);
    kit_fini(&kit);
}

#define TORN_BYTES 8000000 /* takes milliseconds to read, microseconds to change */

struct rewriter {
    const char *path;
    atomic_bool stop;
    bool failed;
};

/* Change the first and the last byte to the same letter, in place: they differ only in between. */
static void *rewrite(void *ctx)
{
    struct rewriter *rewriter = ctx;
    for (unsigned i = 0; !atomic_load(&rewriter->stop); i++) {
        const char letter = (char)('a' + i % 26);
        const int fd = open(rewriter->path, O_WRONLY | O_CLOEXEC);
        rewriter->failed = rewriter->failed || fd < 0 || pwrite(fd, &letter, 1, 0) != 1 ||
                           pwrite(fd, &letter, 1, TORN_BYTES - 1) != 1 || close(fd) != 0;
        (void)usleep(500); /* not to wait for something: so that reads fall between, too */
    }
    return NULL;
}

/* Read a file again and again while somebody rewrites it. @ret_answers: how often it was unsettled,
 * and how often it was read. Return: how often two states were mixed in what was read */
static unsigned read_while_rewritten(const char *path, unsigned ret_answers[static 2])
{
    const struct file_read_options options = {
        .max_bytes = TORN_BYTES,
        .occasion = FILE_PUBLISHED,
    };
    struct rewriter rewriter = { .path = path };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, rewrite, &rewriter), 0);
    unsigned mixed = 0;
    for (unsigned i = 0; i < 100; i++) {
        struct reading reading = { 0 };
        reading.status =
            file_read(path, &options, &reading.content, &reading.stamp, &reading.problem);
        ret_answers[reading.status == ST_OK]++;
        mixed += reading.status == ST_OK && reading.content.at[0] != '\0' &&
                 reading.content.at[TORN_BYTES - 1] != '\0' &&
                 reading.content.at[0] != reading.content.at[TORN_BYTES - 1];
        file_content_fini(&reading.content);
    }
    atomic_store(&rewriter.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(rewriter.failed);
    return mixed;
}

static void test_file_read_never_gives_a_mixture_of_two_states(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    unsigned answers[2] = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "a");
    const struct kit_path path = kit_path(&kit, "file");
    assert_int_equal(truncate(path.text, TORN_BYTES), 0);
    assert_int_equal(read_while_rewritten(path.text, answers), 0);
    assert_in_range(answers[1], 1, 100); /* under its lease a read keeps the writer waiting */
    kit_fini(&kit);
}

/* Where there is no lease, only the stamps before and after tell that a file changed meanwhile. */
static void test_file_read_without_leases_never_gives_a_mixture_of_two_states(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    unsigned answers[2] = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "a");
    const struct kit_path path = kit_path(&kit, "file");
    assert_int_equal(truncate(path.text, TORN_BYTES), 0);
    if (chown(path.text, 65534, 65534) != 0 || !lease_set_capability(false)) {
        kit_fini(&kit);
        skip(); /* not root: the file cannot be made somebody else's */
    }
    const unsigned mixed = read_while_rewritten(path.text, answers);
    assert_true(lease_set_capability(true));
    assert_int_equal(mixed, 0);
    assert_in_range(answers[0], 1, 100);
    kit_fini(&kit);
}

static void test_file_read_without_leases_an_appeared_file_waits_for_its_close(void **state)
{
    (void)state;
    struct file_kit kit = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "x");
    const struct kit_path path = kit_path(&kit, "file");
    if (chown(path.text, 65534, 65534) != 0 || !lease_set_capability(false)) {
        kit_fini(&kit);
        skip(); /* not root: the file cannot be made somebody else's */
    }
    const int fd = open(path.text, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const bool seen_writer = file_is_being_written(path.text);
    const enum status appeared = status_at_age(&kit, "file", FILE_APPEARED, 10000);
    const enum status young = status_at_age(&kit, "file", FILE_FOUND, 0);
    assert_int_equal(close(fd), 0);
    const enum status published = status_at_age(&kit, "file", FILE_PUBLISHED, 0);
    assert_int_equal(link(path.text, kit_path(&kit, "second").text), 0);
    const enum status linked = status_at_age(&kit, "second", FILE_APPEARED, 10000);
    assert_true(lease_set_capability(true));
    assert_false(seen_writer); /* that is the point: it cannot be known */
    assert_int_equal(appeared, ST_UNSETTLED);
    assert_int_equal(young, ST_UNSETTLED);
    assert_int_equal(published, ST_OK);
    assert_int_equal(linked, ST_OK);
    kit_fini(&kit);
}

static void test_file_read_published_file_with_a_writer_is_refused(void **state)
{
    (void)state;
    struct file_kit kit;
    struct problem problem = { 0 };
    struct file_content content = { 0 };
    kit_init(&kit);
    kit_write(&kit, "file", "whole");
    const struct kit_path path = kit_path(&kit, "file");
    assert_int_equal(file_read_published(path.text, 5, &content, &problem), ST_OK);
    assert_memory_equal(content.at, "whole", 5);
    file_content_fini(&content);
    assert_int_equal(file_read_published(path.text, 4, &content, &problem), ST_LIMIT);
    const int fd = open(path.text, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(file_read_published(path.text, 5, &content, &problem), ST_IO);
    assert_string_equal(problem.text, status_text(ST_UNSETTLED));
    assert_null(content.at);
    assert_int_equal(close(fd), 0);
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_read_gives_the_bytes),
        cmocka_unit_test(test_file_read_age_rows),
        cmocka_unit_test(test_file_read_unchanged_stamp_settles_whatever_the_clock_says),
        cmocka_unit_test(test_file_read_open_for_writing_is_unsettled_on_every_occasion),
        cmocka_unit_test(test_file_read_open_for_reading_does_not_disturb),
        cmocka_unit_test(test_file_read_refusals),
        cmocka_unit_test(test_file_read_published_file_with_a_writer_is_refused),
        cmocka_unit_test(test_file_read_asks_about_the_open_file),
        cmocka_unit_test(test_file_read_lease_broken_by_a_writer_is_harmless),
        cmocka_unit_test(test_file_read_never_gives_a_mixture_of_two_states),
        cmocka_unit_test(test_file_read_without_leases_never_gives_a_mixture_of_two_states),
        cmocka_unit_test(test_file_read_without_leases_an_appeared_file_waits_for_its_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
