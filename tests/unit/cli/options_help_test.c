/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help and reference: every option stands in its commands' help and in README.md, and nothing else
 * does.
 *
 * When the table has changed: KB_UPDATE_DOCS=1 meson test cli/options_help writes the section of
 * README.md anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/options_help.h"
#include "cli/options_table.h"
#include "cli/read_file.h"

#define README_MAX_BYTES 1048576
#define BEGIN            "<!-- options:begin -->\n"
#define END              "<!-- options:end -->"

static char *text_of(struct buf *buf)
{
    buf_append_char(buf, '\0');
    assert_false(buf->failed);
    return buf->at;
}

static void test_options_help_has_the_options_of_the_command_and_no_other(void **state)
{
    (void)state;
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (enum option_command command = 0; command < COMMAND_COUNT_; command++) {
        struct buf help = { 0 };
        options_help(&help, command);
        const char *text = text_of(&help);
        for (size_t i = 0; i < count; i++) {
            char usage[OPTION_NAME_MAX + 8];
            (void)snprintf(usage, sizeof(usage), "--%s ", rows[i].name);
            const char *found = strstr(text, usage);
            if (!found) {
                (void)snprintf(usage, sizeof(usage), "--%s[=BOOL]\n", rows[i].name);
                found = strstr(text, usage);
            }
            if (!found) {
                (void)snprintf(usage, sizeof(usage), "--%s\n", rows[i].name);
                found = strstr(text, usage);
            }
            print_message("# --%s\n", rows[i].name);
            const bool wanted = option_find(command, span_of(rows[i].name));
            assert_int_equal(found != NULL, wanted);
        }
        buf_fini(&help);
    }
}

static void test_options_help_lines_fit(void **state)
{
    (void)state;
    for (enum option_command command = 0; command < COMMAND_COUNT_; command++) {
        struct buf help = { 0 };
        options_help(&help, command);
        for (const char *line = text_of(&help); *line;) {
            const size_t len = strcspn(line, "\n");
            assert_true(len <= HELP_COLUMNS);
            assert_true(len == 0 || line[len - 1] != ' ');
            line += len + (line[len] == '\n');
        }
        buf_fini(&help);
    }
}

static void test_options_help_shows_defaults_and_groups(void **state)
{
    (void)state;
    struct buf help = { 0 };
    options_help(&help, COMMAND_SERVE);
    const char *text = text_of(&help);
    assert_non_null(strstr(text, "\nLimits:\n"));
    assert_null(strstr(text, "\nQuestion:\n"));
    assert_non_null(strstr(text, "-v, --v LEVEL\n"));
    assert_non_null(strstr(text, "--unknown-token-answer error|refuse\n"));
    assert_non_null(strstr(text, "(default VersionTLS12)"));
    assert_non_null(strstr(text, "(default number of CPUs)"));
    assert_non_null(strstr(text, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
    buf_fini(&help);
}

static const struct {
    const char *name;
    const char *text;
    size_t indent;
    const char *want;
} wrap_rows[] = {
    { "short", "a b", 2, "  a b\n" },
    { "empty", "", 2, "" },
    { "lines stay lines", "a\n\nb", 1, " a\n\n b\n" },
};

static void test_options_help_wrap_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(wrap_rows); i++) {
        struct buf page = { 0 };
        options_help_wrap(&page, span_of(wrap_rows[i].text), wrap_rows[i].indent);
        print_message("# %s\n", wrap_rows[i].name);
        assert_string_equal(text_of(&page), wrap_rows[i].want);
        buf_fini(&page);
    }
    struct buf page = { 0 };
    options_help_wrap(&page, SPAN_LITERAL("aaaa bbb cc"), 92); /* exactly eight fit */
    assert_non_null(strstr(text_of(&page), "aaaa bbb\n"));
    buf_clear(&page);
    options_help_wrap(&page, SPAN_LITERAL("aaaa bbbb cc"), 92);
    assert_non_null(strstr(text_of(&page), "aaaa\n"));
    assert_non_null(strstr(page.at, "bbbb cc\n"));
    buf_clear(&page);
    options_help_wrap(&page, SPAN_LITERAL("a bbbbbbbbbbbb c"), 92);
    assert_non_null(strstr(text_of(&page), " bbbbbbbbbbbb\n"));
    buf_fini(&page);
}

static void test_options_document_has_every_option_once(void **state)
{
    (void)state;
    size_t count;
    const struct option_row *rows = options_table(&count);
    struct buf page = { 0 };
    options_document(&page);
    const char *text = text_of(&page);
    size_t lines = 0;
    for (const char *at = text; (at = strstr(at, "\n| `")); at++) {
        lines++;
    }
    assert_int_equal(lines, count);
    for (size_t i = 0; i < count; i++) {
        char name[OPTION_NAME_MAX + 8];
        (void)snprintf(name, sizeof(name), "--%s", rows[i].name);
        assert_non_null(strstr(text, name));
        if (rows[i].in_file) {
            char member[OPTION_NAME_MAX];
            option_member(&rows[i], member);
            (void)snprintf(name, sizeof(name), "`%.40s`", member);
            assert_non_null(strstr(text, name));
        }
    }
    buf_fini(&page);
}

/* @readme with what stands between its markers replaced by @section. */
static void replace_section(const char *path, const char *readme, const char *section)
{
    const char *begin = strstr(readme, BEGIN) + strlen(BEGIN);
    const char *end = strstr(begin, END);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%.*s%s%s", (int)(begin - readme), readme, section, end) > 0);
    assert_int_equal(fclose(file), 0);
}

static void test_options_document_is_what_the_readme_says(void **state)
{
    (void)state;
    const char *root = getenv("KB_SOURCE_ROOT");
    assert_non_null(root);
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/README.md", root);
    struct problem problem = { 0 };
    struct buf readme = { 0 };
    struct buf section = { 0 };
    options_document(&section);
    assert_int_equal(read_file(path, README_MAX_BYTES, &readme, &problem), ST_OK);
    const char *begin = strstr(text_of(&readme), BEGIN);
    assert_non_null(begin);
    begin += strlen(BEGIN);
    const char *end = strstr(begin, END);
    assert_non_null(end);
    if (getenv("KB_UPDATE_DOCS")) {
        replace_section(path, readme.at, text_of(&section));
    } else if (!span_equal((struct span){ begin, (size_t)(end - begin) }, buf_span(&section))) {
        fail_msg("README.md does not say what the options table says; run this test with "
                 "KB_UPDATE_DOCS=1");
    }
    buf_fini(&readme);
    buf_fini(&section);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_help_has_the_options_of_the_command_and_no_other),
        cmocka_unit_test(test_options_help_lines_fit),
        cmocka_unit_test(test_options_help_shows_defaults_and_groups),
        cmocka_unit_test(test_options_help_wrap_rows),
        cmocka_unit_test(test_options_document_has_every_option_once),
        cmocka_unit_test(test_options_document_is_what_the_readme_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
