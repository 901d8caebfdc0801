/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subcommands and their help.
 *
 * The word after the program's name may be a token that somebody pasted; a word that does not look
 * like a name is not repeated in the complaint about it. Hardening comes before anything is read.
 * No threads here; serve starts its own.
 */
#include "cli/commands.h"

#include <string.h>

#include "cli/check_config.h"
#include "cli/options_help.h"
#include "cli/options_parse.h"
#include "cli/options_value.h"
#include "cli/output.h"
#include "cli/process.h"
#include "cli/review.h"
#include "cli/serve.h"
#include "cli/suggest.h"
#include "cli/version_command.h"
#include "cli/webhook_config.h"

static const struct command commands[] = {
    {
        .name = "serve",
        .options = COMMAND_SERVE,
        .run = serve_run,
        .holds_secrets = true,
        .summary = "answer TokenReviews over HTTPS",
        .help = "Answer the TokenReviews that kube-apiserver sends to its authentication webhook, "
                "until SIGTERM or SIGINT.\n\n"
                "Exit status: 0 after an orderly end, 1 when it cannot start, 2 for a wrong "
                "option.",
    },
    {
        .name = "check-config",
        .options = COMMAND_CHECK_CONFIG,
        .run = check_config_run,
        .holds_secrets = true,
        .summary = "check what serve would be started with",
        .help =
            "Take the options of serve, load everything that serve loads, and say what would be "
            "served and what is wrong. Nothing is bound and nothing is written.\n\n"
            "Exit status: 0 when all is well, 1 at the first thing that would stop the start, "
            "when the API server does not answer or when an object has a problem, 2 for a wrong "
            "option.",
    },
    {
        .name = "review",
        .options = COMMAND_REVIEW,
        .run = review_run,
        .holds_secrets = true,
        .summary = "ask whose token this is, without a server or of a running one",
        .help =
            "Ask the engine about one token and print the TokenReview that the server would send, "
            "or, with -o explain, every check in order and where it stopped. With --server a "
            "running server is asked instead.\n\n"
            "The token comes from a file or standard input, never from the command line, where "
            "every user of the machine could read it. Of a bare token one newline at the end is "
            "left out.\n\n"
            "Exit status: 0 authenticated, 1 not authenticated (refused, or an error that "
            "kube-apiserver would not cache), 2 when the question could not be asked.",
    },
    {
        .name = "webhook-config",
        .options = COMMAND_WEBHOOK_CONFIG,
        .run = webhook_config_run,
        .holds_secrets = true, /* --embed-certs reads the client key */
        .summary = "print what kube-apiserver needs to ask this server",
        .help =
            "Print the kubeconfig for kube-apiserver's --authentication-token-webhook-config-file; "
            "the flags that go with it stand above it in comments.",
    },
    {
        .name = "version",
        .options = COMMAND_VERSION,
        .run = version_command_run,
        .summary = "print which build this is",
        .help = "Print which build this is.",
    },
};

static const char *const no_command =
    "expected a command: serve, check-config, review, webhook-config, version or help";

const struct command *commands_table(size_t *ret_count)
{
    *ret_count = COUNTOF(commands);
    return commands;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COUNTOF(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static void help_program(struct buf *buf)
{
    buf_append_text(buf, "Usage: kube-bearer COMMAND [options]\n\n"
                         "Kubernetes bearer token authentication: answers whose token this is.\n\n"
                         "Commands:\n");
    for (size_t i = 0; i < COUNTOF(commands); i++) {
        buf_printf(buf, "  %-16s%s\n", commands[i].name, commands[i].summary);
    }
    buf_printf(buf, "  %-16s%s\n", "help [COMMAND]", "show a command's options; --all shows all");
}

void commands_help(struct buf *buf, const struct command *command)
{
    if (!command) {
        help_program(buf);
        return;
    }
    buf_printf(buf, "Usage: kube-bearer %s [options]\n\n", command->name);
    options_help_wrap(buf, span_of(command->help), 0);
    options_help(buf, command->options);
}

static int print_help(const struct command *command)
{
    CLEANUP(buf_fini) struct buf page = { 0 };
    commands_help(&page, command);
    return output_write("help", &page) ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}

static int print_all_help(void)
{
    CLEANUP(buf_fini) struct buf pages = { 0 };
    commands_help(&pages, NULL);
    for (size_t i = 0; i < COUNTOF(commands); i++) {
        buf_printf(&pages, "\n%s\n\n", "----");
        commands_help(&pages, &commands[i]);
    }
    return output_write("help", &pages) ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}

static int refuse_command(const char *name)
{
    struct problem problem = { 0 };
    struct suggest suggest;
    const char *best = NULL;
    if (suggest_is_quotable(span_of(name))) {
        suggest_begin(&suggest, span_of(name));
        for (size_t i = 0; i < COUNTOF(commands); i++) {
            suggest_offer(&suggest, commands[i].name);
        }
        suggest_offer(&suggest, "help");
        best = suggest_best(&suggest);
    }
    if (best) {
        problem_set(&problem, ST_NOT_FOUND, 0, 0, "unknown command %s; did you mean %s?", name,
                    best);
    } else {
        problem_set(&problem, ST_NOT_FOUND, 0, 0, "%s", no_command);
    }
    output_complain(NULL, &problem);
    return EXIT_STATUS_USAGE;
}

static int help(int argc, char *const *argv)
{
    if (argc == 0) {
        return print_help(NULL);
    }
    if (argc > 1) {
        struct problem problem = { 0 };
        problem_set(&problem, ST_INVALID, 0, 0, "expected one command, or --all");
        output_complain("help", &problem);
        return EXIT_STATUS_USAGE;
    }
    if (strcmp(argv[0], "--all") == 0) {
        return print_all_help();
    }
    const struct command *command = find_command(argv[0]);
    return command ? print_help(command) : refuse_command(argv[0]);
}

static int run(const struct command *command, int argc, char *const *argv)
{
    CLEANUP(options_fini) struct options options = { 0 };
    struct problem problem = { 0 };
    if (command->holds_secrets && process_harden(&problem) != ST_OK) {
        output_complain(command->name, &problem);
        return EXIT_STATUS_USAGE; /* review: 1 would be an answer */
    }
    if (options_parse(command->options, argc, argv, &options, &problem) != ST_OK) {
        output_complain(command->name, &problem);
        return EXIT_STATUS_USAGE;
    }
    return options.help ? print_help(command) : command->run(&options);
}

int commands_main(int argc, char *const *argv)
{
    if (argc < 2) {
        struct problem problem = { 0 };
        problem_set(&problem, ST_INVALID, 0, 0, "%s", no_command);
        output_complain(NULL, &problem);
        return EXIT_STATUS_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return help(argc - 2, argv + 2);
    }
    if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct command *command = find_command(name);
    return command ? run(command, argc - 2, argv + 2) : refuse_command(name);
}
