/* SPDX-License-Identifier: Apache-2.0 */
/* Subcommands: which there are, what a mistake says and how it ends, and that no mistake repeats a
 * token. */
#include "cli/commands.h"
#include "cli/options_help.h"
#include "cli/process.h"
#include "support/capture.h"

#define TOKEN "abcdef.0123456789abcdef" /* TEST-ONLY */

#define ARGUMENTS_MAX 6

static struct capture capture;

static int run(const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX + 1] = { (char *)(uintptr_t) "kube-bearer" };
    int argc = 1;
    while (argc <= ARGUMENTS_MAX && arguments[argc - 1]) {
        argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
        argc++;
    }
    capture_begin(&capture);
    const int status = commands_main(argc, argv);
    capture_end(&capture);
    return status;
}

static const struct {
    const char *name;
    const char *arguments[ARGUMENTS_MAX];
    int status;
    const char *out; /* part of standard output; NULL: it is empty */
    const char *err; /* part of standard error; NULL: it is empty */
} rows[] = {
    { "nothing", { NULL }, 2, NULL, "kube-bearer: expected a command: serve, " },
    { "help", { "help" }, 0, "Commands:\n", NULL },
    { "--help", { "--help" }, 0, "Commands:\n", NULL },
    { "-h", { "-h" }, 0, "Commands:\n", NULL },
    { "help of a command", { "help", "review" }, 0, "Exit status: 0 authenticated", NULL },
    { "help of all", { "help", "--all" }, 0, "Usage: kube-bearer webhook-config", NULL },
    { "help of an unknown command", { "help", "reviev" }, 2, NULL, "did you mean review?" },
    { "help of two", { "help", "serve", "review" }, 2, NULL, "expected one command" },
    { "a command's --help", { "serve", "--help" }, 0, "  --secure-port PORT\n", NULL },
    { "a command's -h", { "check-config", "-h" }, 0, "Usage: kube-bearer check-config", NULL },
    { "an unknown command", { "srve" }, 2, NULL, "unknown command srve; did you mean serve?" },
    { "an unknown command, nothing near", { "kubectl" }, 2, NULL, "expected a command: " },
    { "a token in place of a command", { TOKEN }, 2, NULL, "expected a command: " },
    { "help of a token", { "help", TOKEN }, 2, NULL, "expected a command: " },
    { "version", { "version" }, 0, "kube-bearer ", NULL },
    { "--version", { "--version" }, 0, "kube-bearer ", NULL },
    { "version as JSON", { "version", "-o", "json" }, 0, "{\"major\":", NULL },
    { "version with a wrong option", { "version", "-x" }, 2, NULL, "version: unknown option -x" },
    { "serve without options", { "serve" }, 2, NULL, "serve: --manifests, --kubeconfig or " },
    { "check-config without options", { "check-config" }, 2, NULL, "check-config: --manifests, " },
    { "review without a question",
      { "review", "--manifests=x" },
      2,
      NULL,
      "review: --filename or " },
    { "review of a token", { "review", TOKEN }, 2, NULL, "never goes on the command line" },
    { "review of a token in place of a file",
      { "review", "--manifests=x", "--token-file=" TOKEN },
      2,
      NULL,
      "review: --token-file: cannot be opened: No such file" },
    { "review of a token in place of a TokenReview",
      { "review", "--manifests=x", "-f", TOKEN },
      2,
      NULL,
      "review: --filename: cannot be opened: No such file" },
    { "webhook-config without a server", { "webhook-config" }, 2, NULL, "--server: required" },
};

static void expect_text(const char *text, const char *want)
{
    if (want) {
        assert_non_null(strstr(text, want));
    } else {
        assert_string_equal(text, "");
    }
    assert_null(strstr(text, "0123456789abcdef"));
}

static void test_commands_main_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        const int status = run(rows[i].arguments);
        print_message("# %s\n", rows[i].name);
        assert_int_equal(status, rows[i].status);
        expect_text(capture.out, rows[i].out);
        expect_text(capture.err, rows[i].err);
        const char *newline = strchr(capture.err, '\n');
        assert_true(!newline || newline[1] == '\0'); /* one line, no help dump */
    }
}

static void test_commands_help_lists_every_command(void **state)
{
    (void)state;
    size_t count;
    const struct command *commands = commands_table(&count);
    struct buf page = { 0 };
    commands_help(&page, NULL);
    buf_append_char(&page, '\0');
    for (size_t i = 0; i < count; i++) {
        assert_non_null(strstr(page.at, commands[i].name));
        assert_non_null(strstr(page.at, commands[i].summary));
    }
    buf_fini(&page);
}

/* What "expected a command" lists is what there is. */
static void test_commands_main_names_every_command(void **state)
{
    (void)state;
    size_t count;
    const struct command *commands = commands_table(&count);
    assert_int_equal(run((const char *const[]){ NULL }), EXIT_STATUS_USAGE);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(strstr(capture.err, commands[i].name));
    }
}

static void test_commands_help_has_the_options_of_each(void **state)
{
    (void)state;
    size_t count;
    const struct command *commands = commands_table(&count);
    for (size_t i = 0; i < count; i++) {
        struct buf page = { 0 };
        struct buf options = { 0 };
        commands_help(&page, &commands[i]);
        options_help(&options, commands[i].options);
        buf_append_char(&page, '\0');
        buf_append_char(&options, '\0');
        assert_non_null(strstr(page.at, options.at));
        assert_non_null(strstr(page.at, "Usage: kube-bearer "));
        buf_fini(&page);
        buf_fini(&options);
    }
}

/* Whatever touches a key or a token is hardened; the rest has nothing to hide. */
static void test_commands_table_only_version_holds_no_secrets(void **state)
{
    (void)state;
    size_t count;
    const struct command *commands = commands_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(commands[i].holds_secrets, commands[i].options != COMMAND_VERSION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_main_rows),
        cmocka_unit_test(test_commands_help_lists_every_command),
        cmocka_unit_test(test_commands_main_names_every_command),
        cmocka_unit_test(test_commands_help_has_the_options_of_each),
        cmocka_unit_test(test_commands_table_only_version_holds_no_secrets),
    };
    if (unsetenv("KUBERNETES_SERVICE_HOST") != 0) { /* the tests themselves may run in a pod */
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
