/* SPDX-License-Identifier: Apache-2.0 */
/* `review`: what is asked, what is printed, how it ends. That the text is the server's, byte by
 * byte: tests/integration/test_cli.py. */
#include "cli/options_parse.h"
#include "cli/options_value.h"
#include "cli/review.h"
#include "support/capture.h"
#include "support/file_kit.h"
#include "support/manifest_text.h"

#define YES "\"authenticated\":true"
#define NO  "\"status\":{\"authenticated\":false}}\n"

#define REVIEW(version, token)                                                  \
    "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/" version \
    "\",\"spec\":{\"token\":\"" token "\"}}"

#define ARGUMENTS_MAX 6

static struct capture capture;

static const struct {
    const char *name;
    const char *question; /* content of the file that is asked about */
    const char *arguments[ARGUMENTS_MAX];
    int status;
    const char *out; /* part of standard output; NULL: it is empty */
    const char *err;
} rows[] = {
    { "a good token", MANIFEST_TOKEN, { "--token-file=q" }, 0, YES, NULL },
    { "with a newline", MANIFEST_TOKEN "\n", { "--token-file=q" }, 0, YES, NULL },
    { "with two newlines", MANIFEST_TOKEN "\n\n", { "--token-file=q" }, 1, NO, NULL },
    { "with CR LF", MANIFEST_TOKEN "\r\n", { "--token-file=q" }, 1, NO, NULL },
    { "empty", "", { "--token-file=q" }, 1, NO, NULL },
    { "wrong secret", "abcdef.0123456789abcdeg", { "--token-file=q" }, 1, NO, NULL },
    { "unknown ID is an error",
      "zzzzzz.0123456789abcdef",
      { "--token-file=q" },
      1,
      "\"error\":\"token not known (yet)\"",
      NULL },
    { "unknown ID refused",
      "zzzzzz.0123456789abcdef",
      { "--token-file=q", "--unknown-token-answer=refuse" },
      1,
      NO,
      NULL },
    { "the instant before it expires",
      MANIFEST_TOKEN,
      { "--token-file=q", "--at=2030-01-02T03:04:04.999999999Z" },
      0,
      YES,
      NULL },
    { "the instant it expires",
      MANIFEST_TOKEN,
      { "--token-file=q", "--at=2030-01-02T03:04:05Z" },
      1,
      NO,
      NULL },
    { "an audience that is ours",
      MANIFEST_TOKEN,
      { "--token-file=q", "--audience=x,y", "--audience=b", "--api-audiences=a,b" },
      0,
      "\"audiences\":[\"b\"]",
      NULL },
    { "an audience that is not",
      MANIFEST_TOKEN,
      { "--token-file=q", "--audience=x", "--api-audiences=a" },
      1,
      NO,
      NULL },
    { "version v1",
      MANIFEST_TOKEN,
      { "--token-file=q" },
      0,
      "\"apiVersion\":\"authentication.k8s.io/v1\"",
      NULL },
    { "version v1beta1",
      MANIFEST_TOKEN,
      { "--token-file=q", "--api-version=v1beta1" },
      0,
      "\"apiVersion\":\"authentication.k8s.io/v1beta1\"",
      NULL },
    { "authenticator off",
      MANIFEST_TOKEN,
      { "--token-file=q", "--enable-bootstrap-token-auth=false" },
      1,
      NO,
      NULL },
    { "explain yes",
      MANIFEST_TOKEN,
      { "--token-file=q", "-oexplain" },
      0,
      "user: system:bootstrap:abcdef\ngroups: system:bootstrappers\nanswer: yes\n",
      NULL },
    { "explain no",
      MANIFEST_TOKEN,
      { "--token-file=q", "-oexplain", "--at=2031-01-01T00:00:00Z" },
      1,
      "answer: no (cacheable): token_expired: data.expiration is in the past\n",
      NULL },
    { "explain where it stopped",
      "abcdef.0123456789abcdeg",
      { "--token-file=q", "-oexplain" },
      1,
      "  FAILED  the token secret is data.token-secret\n\nanswer: no",
      NULL },
    { "a TokenReview", REVIEW("v1", MANIFEST_TOKEN), { "-f", "q" }, 0, YES, NULL },
    { "a TokenReview v1beta1",
      REVIEW("v1beta1", MANIFEST_TOKEN),
      { "-f", "q" },
      0,
      "authentication.k8s.io/v1beta1",
      NULL },
    { "a TokenReview of another version",
      REVIEW("v2", MANIFEST_TOKEN),
      { "-f", "q" },
      2,
      NULL,
      "--filename: " },
    { "a TokenReview that is none", "{", { "-f", "q" }, 2, NULL, "--filename: " },
    { "an empty TokenReview", "", { "-f", "q" }, 2, NULL, "--filename: " },
    { "no such file", "", { "-f", "absent" }, 2, NULL, "--filename: cannot be opened" },
};

/* Arguments are relative to the kit's directory, where the test stands. */
static int run(const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX + 1] = { (char *)(uintptr_t) "--manifests=m" };
    int argc = 1;
    while (argc <= ARGUMENTS_MAX && arguments[argc - 1]) {
        argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
        argc++;
    }
    struct options options;
    struct problem problem = { 0 };
    assert_int_equal(options_parse(COMMAND_REVIEW, argc, argv, &options, &problem), ST_OK);
    capture_begin(&capture);
    const int status = review_run(&options);
    capture_end(&capture);
    options_fini(&options);
    return status;
}

static void expect_text(const char *text, const char *want)
{
    if (want) {
        assert_non_null(strstr(text, want));
    } else {
        assert_string_equal(text, "");
    }
    assert_null(strstr(text, "0123456789abcde"));
}

static void test_review_run_rows(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_mkdir(&kit, "m");
    kit_write(&kit, "m/a.yaml", MANIFEST_SECRET("kube-system"));
    assert_int_equal(chdir(kit.directory), 0);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        kit_write(&kit, "q", rows[i].question);
        print_message("# %s\n", rows[i].name);
        const int status = run(rows[i].arguments);
        assert_int_equal(status, rows[i].status);
        expect_text(capture.out, rows[i].out);
        expect_text(capture.err, rows[i].err);
    }
    kit_fini(&kit);
}

/* One byte more than the longest token gets the plain no that the server gives; more than can be a
 * question of anybody is not read. */
static void test_review_run_long_tokens(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_mkdir(&kit, "m");
    kit_write(&kit, "m/a.yaml", MANIFEST_SECRET("kube-system"));
    assert_int_equal(chdir(kit.directory), 0);
    char *token = malloc(4 * TOKEN_MAX_BYTES + 2);
    assert_non_null(token);
    memset(token, '"', 4 * TOKEN_MAX_BYTES + 1); /* each becomes two */
    token[TOKEN_MAX_BYTES + 1] = '\0';
    kit_write(&kit, "q", token);
    assert_int_equal(run((const char *const[]){ "--token-file=q", "-oexplain", NULL }), 1);
    assert_non_null(strstr(capture.out, "answer: no (cacheable): token_too_long: "));
    token[TOKEN_MAX_BYTES + 1] = '"';
    token[4 * TOKEN_MAX_BYTES + 1] = '\0';
    kit_write(&kit, "q", token);
    assert_int_equal(run((const char *const[]){ "--token-file=q", NULL }), 2);
    assert_non_null(strstr(capture.err, "--token-file: expected at most 65536 bytes"));
    free(token);
    kit_fini(&kit);
}

static void test_review_run_without_manifests_fails(void **state)
{
    (void)state;
    struct file_kit kit;
    kit_init(&kit);
    kit_write(&kit, "q", MANIFEST_TOKEN);
    assert_int_equal(chdir(kit.directory), 0);
    assert_int_equal(run((const char *const[]){ "--token-file=q", NULL }), 2);
    assert_string_equal(capture.out, "");
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_review_run_rows),
        cmocka_unit_test(test_review_run_long_tokens),
        cmocka_unit_test(test_review_run_without_manifests_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
