/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "jose/key_set.h"
#include "keys/key_files.h"
#include "support/alloc_fail.h"
#include "support/file_kit.h"
#include "support/key_texts.h"

static enum status read_and_parse(const char *const *paths,
                                  size_t count,
                                  problem_fn *on_remark,
                                  void *ctx,
                                  struct key_set **ret_set,
                                  struct problem *reterr_problem)
{
    CLEANUP(key_files_fini) struct key_files files = { 0 };
    const enum status status = key_files_read(paths, count, &files, reterr_problem);
    return status == ST_OK ? key_files_parse(&files, paths, on_remark, ctx, ret_set, reterr_problem)
                           : status;
}

static const struct {
    const char *name;
    const char *texts[3]; /* NULL: there is no more; "": the file is empty */
    enum status want;
    size_t keys;
    const char *file; /* of the problem */
} rows[] = {
    { "one key", { PEM_PUBLIC_1 }, ST_OK, 1, "" },
    { "two in one file", { PEM_PUBLIC_1 PEM_PUBLIC_2 }, ST_OK, 2, "" },
    { "one in each of two", { PEM_PUBLIC_1, PEM_PUBLIC_2 }, ST_OK, 2, "" },
    { "the private half", { PEM_PRIVATE_2, PEM_PUBLIC_1 }, ST_OK, 2, "" },
    { "the same key twice", { PEM_PRIVATE_2, PEM_PUBLIC_2 }, ST_OK, 1, "" },
    { "one that is broken beside one that is not",
      { PEM_BROKEN PEM_PUBLIC_1, PEM_PUBLIC_2 },
      ST_OK,
      2,
      "" },
    { "an empty file", { "" }, ST_NOT_FOUND, 0, "/0" },
    { "an empty file beside a good one", { PEM_PUBLIC_1, "" }, ST_NOT_FOUND, 0, "/1" },
    { "a broken file beside a good one", { PEM_BROKEN, PEM_PUBLIC_1 }, ST_NOT_FOUND, 0, "/0" },
    { "no PEM", { PEM_PUBLIC_1, PEM_PUBLIC_2, "hello\n" }, ST_NOT_FOUND, 0, "/2" },
};

static void count_remark(void *ctx, const struct problem *problem)
{
    unsigned *count = ctx;
    (*count)++;
    assert_non_null(strstr(problem->file, "/0"));
    assert_int_not_equal(problem->line, 0);
}

static void test_key_files_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct file_kit kit;
        struct kit_path kept[3];
        const char *paths[3];
        size_t count = 0;
        struct problem problem = { 0 };
        struct key_set *set = NULL;
        unsigned remarks = 0;
        kit_init(&kit);
        for (; count < 3 && rows[i].texts[count]; count++) {
            const char name[] = { (char)('0' + count), '\0' };
            kit_write(&kit, name, rows[i].texts[count]);
            kept[count] = kit_path(&kit, name);
            paths[count] = kept[count].text;
        }
        const bool is_broken = strncmp(rows[i].texts[0], PEM_BROKEN, strlen(PEM_BROKEN)) == 0;
        const enum status status =
            read_and_parse(paths, count, count_remark, &remarks, &set, &problem);
        if (status != rows[i].want || (set ? key_set_count(set) : 0) != rows[i].keys ||
            !strstr(problem.file, rows[i].file) || remarks != is_broken) {
            fail_msg("%s: %s, %s: %s, %u remarks", rows[i].name, status_label(status), problem.file,
                     problem.text, remarks);
        }
        assert_true(set || (problem.text[0] && problem.status == status));
        set = key_set_unref(set);
        kit_fini(&kit);
    }
}

static void test_key_files_that_cannot_be_read(void **state)
{
    (void)state;
    struct file_kit kit;
    struct problem problem = { 0 };
    struct key_set *set = NULL;
    kit_init(&kit);
    kit_write(&kit, "good", PEM_PUBLIC_1);
    kit_mkdir(&kit, "directory");
    const struct kit_path good = kit_path(&kit, "good");
    const struct kit_path missing = kit_path(&kit, "missing");
    const struct kit_path directory = kit_path(&kit, "directory");
    const char *const with_missing[] = { good.text, missing.text };
    const char *const with_directory[] = { directory.text, good.text };
    assert_int_equal(read_and_parse(with_missing, 2, NULL, NULL, &set, &problem), ST_NOT_FOUND);
    assert_string_equal(problem.file, missing.text);
    assert_true(problem.text[0]);
    assert_int_equal(read_and_parse(with_directory, 2, NULL, NULL, &set, &problem), ST_UNSUPPORTED);
    assert_string_equal(problem.file, directory.text);
    kit_fini(&kit);
}

static void test_key_files_limit_is_that_of_all_together(void **state)
{
    (void)state;
    struct file_kit kit;
    struct problem problem = { 0 };
    struct key_set *set = NULL;
    const size_t half = KEY_SET_MAX_BYTES / 2;
    char *const text = malloc(half + 1);
    assert_non_null(text);
    memset(text, '\n', half);
    memcpy(text, PEM_PUBLIC_1, strlen(PEM_PUBLIC_1));
    text[half] = '\0';
    kit_init(&kit);
    kit_write(&kit, "second", text);
    text[half - 1] = '\0'; /* a line break goes between */
    kit_write(&kit, "first", text);
    const struct kit_path first = kit_path(&kit, "first");
    const struct kit_path second = kit_path(&kit, "second");
    const char *const paths[] = { first.text, second.text };
    const char *const more[] = { second.text, second.text };
    assert_int_equal(read_and_parse(paths, 2, NULL, NULL, &set, &problem), ST_OK);
    assert_int_equal(key_set_count(set), 1);
    set = key_set_unref(set);
    assert_int_equal(read_and_parse(more, 2, NULL, NULL, &set, &problem), ST_LIMIT);
    assert_string_equal(problem.file, second.text);
    free(text);
    kit_fini(&kit);
}

static void test_key_files_without_memory(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    struct file_kit kit;
    kit_init(&kit);
    kit_write(&kit, "1", PEM_PUBLIC_1);
    kit_write(&kit, "2", PEM_PRIVATE_2);
    const struct kit_path first = kit_path(&kit, "1");
    const struct kit_path second = kit_path(&kit, "2");
    const char *const paths[] = { first.text, second.text };
    size_t nth = 1;
    bool is_reached = true;
    while (is_reached) {
        struct problem problem = { 0 };
        struct key_set *set = NULL;
        alloc_fail_arm(nth++);
        const enum status status = read_and_parse(paths, 2, NULL, NULL, &set, &problem);
        is_reached = alloc_fail_disarm();
        /* OpenSSL does not say of every failure of a PEM block that memory was the reason */
        if (!is_reached) {
            assert_int_equal(status, ST_OK);
            assert_int_equal(key_set_count(set), 2);
        } else {
            assert_true(status == ST_OK || status == ST_NOT_FOUND ||
                        status_fault(status) == FAULT_SELF);
        }
        set = key_set_unref(set);
    }
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_files_rows),
        cmocka_unit_test(test_key_files_that_cannot_be_read),
        cmocka_unit_test(test_key_files_limit_is_that_of_all_together),
        cmocka_unit_test(test_key_files_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
