/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the command line to struct options: defaults, flags, and the order in which sources count.
 *
 * Flags are written as everywhere in Kubernetes: --name value, --name=value, --switch, -v 3, -v=3,
 * -v3. The danger here is a token on the command line, where every user of the machine can read it:
 * arguments that are no options are refused without being repeated, and so are values.
 * No threads, no state.
 */
#include "cli/options_parse.h"

#include <stdlib.h>
#include <string.h>

#include "cli/options_check.h"
#include "cli/options_file.h"
#include "cli/options_table.h"
#include "cli/options_value.h"
#include "cli/read_file.h"
#include "cli/suggest.h"

static enum status refuse_argument(enum option_command command, struct problem *reterr_problem)
{
    if (command == COMMAND_REVIEW) {
        problem_set(reterr_problem, ST_INVALID, 0, 0,
                    "a token never goes on the command line, where others can read it; "
                    "expected --token-file FILE or -f FILE, - for standard input");
    } else {
        problem_set(reterr_problem, ST_INVALID, 0, 0,
                    "expected options only, not another argument");
    }
    return ST_INVALID;
}

static enum status refuse_unknown(enum option_command command,
                                  const char *dashes,
                                  struct span name,
                                  struct problem *reterr_problem)
{
    if (!suggest_is_quotable(name)) {
        problem_set(reterr_problem, ST_NOT_FOUND, 0, 0, "an option is not known; see --help");
        return ST_NOT_FOUND;
    }
    struct suggest suggest;
    suggest_begin(&suggest, name);
    size_t count;
    const struct option_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].commands & 1U << command) {
            suggest_offer(&suggest, rows[i].name);
        }
    }
    const char *best = suggest_best(&suggest);
    problem_set(reterr_problem, ST_NOT_FOUND, 0, 0, "unknown option %s%.*s; %s%s%s", dashes,
                (int)name.len, name.at, best ? "did you mean --" : "see --help", best ? best : "",
                best ? "?" : "");
    return ST_NOT_FOUND;
}

/* One option as it stands on the command line. */
struct flag {
    const struct option_row *row; /* NULL: not known */
    struct span name;
    const char *dashes;
    const char *value; /* behind `=`, or behind the letter; NULL without */
};

static struct flag split_flag(enum option_command command, const char *argument)
{
    struct flag flag = { .dashes = "--" };
    if (argument[1] == '-') {
        const char *name = argument + 2;
        const char *equals = strchr(name, '=');
        flag.name = (struct span){ name, equals ? (size_t)(equals - name) : strlen(name) };
        flag.value = equals ? equals + 1 : NULL;
        flag.row = option_find(command, flag.name);
        return flag;
    }
    flag.dashes = "-";
    flag.row = option_find_letter(command, argument[1]);
    flag.name = (struct span){ argument + 1, 1 };
    if (argument[2]) {
        flag.value = argument + (argument[2] == '=' ? 3 : 2);
    }
    return flag;
}

static enum status set_flag(const struct flag *flag,
                            const char *value,
                            struct options *options,
                            struct problem *reterr_problem)
{
    const struct option_row *row = flag->row;
    if (row->type == OPTION_LIST && !option_is_given(options, row)) {
        option_clear(row, options); /* the default goes; the flag may come again and add */
    }
    const enum status status = option_set(row, span_of(value), options);
    if (status == ST_INVALID) {
        char expected[OPTION_EXPECTATION_MAX];
        option_expectation(row, expected);
        problem_set(reterr_problem, status, 0, 0, "--%s: expected %s", row->name, expected);
    } else if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "--%s: %s", row->name, status_text(status));
    }
    if (status == ST_OK) {
        option_mark_given(options, row);
    }
    return status;
}

enum status options_parse_flags(enum option_command command,
                                int argc,
                                char *const *argv,
                                struct options *options,
                                struct problem *reterr_problem)
{
    for (int i = 0; i < argc && !options->help; i++) {
        if (strcmp(argv[i], "--") == 0) {
            return i + 1 == argc ? ST_OK : refuse_argument(command, reterr_problem);
        }
        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            return refuse_argument(command, reterr_problem);
        }
        const struct flag flag = split_flag(command, argv[i]);
        if (!flag.row) {
            return refuse_unknown(command, flag.dashes, flag.name, reterr_problem);
        }
        const char *value = flag.value;
        if (!value && flag.row->type == OPTION_BOOL) {
            value = "true"; /* as Go: a switch takes its value behind `=` only */
        } else if (!value && i + 1 < argc) {
            value = argv[++i];
        } else if (!value) {
            problem_set(reterr_problem, ST_INVALID, 0, 0, "--%s: expected a value", flag.row->name);
            return ST_INVALID;
        }
        const enum status status = set_flag(&flag, value, options, reterr_problem);
        if (status != ST_OK) {
            return status;
        }
    }
    return ST_OK;
}

static enum status load_file(struct options *options, struct problem *reterr_problem)
{
    CLEANUP(read_file_wipe) struct buf text = { 0 };
    struct problem problem = { 0 };
    problem_set_file(&problem, options->config);
    enum status status = read_file(options->config, CONFIG_FILE_MAX_BYTES, &text, &problem);
    if (status == ST_OK) {
        status = options_parse_file(buf_span(&text), options, &problem);
    }
    if (status != ST_OK) {
        *reterr_problem = problem;
    }
    return status;
}

/* In a pod nothing needs to be said, as for every other client of Kubernetes. Who names a source of
 * objects, even to turn it off, is taken at their word. */
static void default_to_pod(enum option_command command, struct options *options)
{
    static const char *const sources[] = { "manifests", "kubeconfig", "in-cluster", "server" };
    const char *host = getenv(POD_HOST_VARIABLE);
    if (!host || !host[0] || !option_find(command, SPAN_LITERAL("in-cluster"))) {
        return;
    }
    for (size_t i = 0; i < COUNTOF(sources); i++) {
        const struct option_row *row = option_find(command, span_of(sources[i]));
        if (row && option_is_given(options, row)) {
            return;
        }
    }
    options->in_cluster = true;
}

/* Metrics say what is asked and of whom, so they are no more for everybody than the answers are. On
 * a listener of their own they are in plain HTTP, where nobody can show a certificate. */
static void default_to_metrics_by_certificate(enum option_command command, struct options *options)
{
    const struct option_row *row =
        option_find(command, SPAN_LITERAL("metrics-require-client-certificate"));
    if (row && !option_is_given(options, row)) {
        options->metrics_require_client_certificate =
            options->client_ca_file && !options->health_bind_address.host;
    }
}

/* As kube-apiserver has it. */
static enum status default_to_issuers(enum option_command command, struct options *options)
{
    const struct option_row *row = option_find(command, SPAN_LITERAL("api-audiences"));
    const struct option_list *issuers = &options->service_account_issuer;
    if (!row || option_is_given(options, row) || issuers->count == 0) {
        return ST_OK;
    }
    option_clear(row, options);
    enum status status = ST_OK;
    for (size_t i = 0; i < issuers->count && status == ST_OK; i++) {
        status = option_add_item(row, span_of(issuers->items[i]), options);
    }
    return status;
}

enum status options_parse(enum option_command command,
                          int argc,
                          char *const *argv,
                          struct options *ret_options,
                          struct problem *reterr_problem)
{
    CLEANUP(options_fini) struct options options = { 0 };
    enum status status = options_init(&options);
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
        return status;
    }
    status = options_parse_flags(command, argc, argv, &options, reterr_problem);
    if (status == ST_OK && !options.help && options.config) {
        status = load_file(&options, reterr_problem);
    }
    if (status == ST_OK && !options.help) {
        default_to_pod(command, &options);
        default_to_metrics_by_certificate(command, &options);
        status = default_to_issuers(command, &options);
        if (status != ST_OK) {
            problem_set(reterr_problem, status, 0, 0, "%s", status_text(status));
            return status;
        }
        status = options_check(&options, command, reterr_problem);
    }
    if (status != ST_OK) {
        return status;
    }
    *ret_options = options;
    options = (struct options){ 0 };
    return ST_OK;
}
