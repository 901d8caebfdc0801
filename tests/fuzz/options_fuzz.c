/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: options_parse_flags(), options_parse_file(), options_check().
 *
 * Input: one byte that chooses the command; then arguments, each ended by a NUL; behind an empty
 * argument the text of a configuration file. Nothing is opened.
 *
 * Properties: what is accepted is in its range; a refusal has a text of one line; flags win over
 * the file; a file that is refused changes nothing; reading the flags once more gives the same.
 */
#include "cli/options.h"
#include "cli/options_check.h"
#include "cli/options_file.h"
#include "cli/options_parse.h"
#include "cli/options_table.h"
#include "cli/options_value.h"
#include "cli/service_account_issuers.h"
#include "fuzz.h"

#define ARGUMENTS_MAX 32 /* more than any sensible command line; the rest is file text */

struct input {
    enum option_command command;
    int argc;
    char *argv[ARGUMENTS_MAX];
    struct span file;
};

/* @text is NUL-terminated behind @size bytes. */
static void split(char *text, size_t size, struct input *ret_input)
{
    *ret_input = (struct input){ .command = (unsigned char)text[0] % COMMAND_COUNT_ };
    size_t at = 1;
    while (at < size && text[at] && ret_input->argc < ARGUMENTS_MAX) {
        ret_input->argv[ret_input->argc++] = &text[at];
        at += strlen(&text[at]) + 1;
    }
    at += at < size && !text[at];
    if (at < size) {
        ret_input->file = (struct span){ .at = &text[at], .len = size - at };
    }
}

static void require_refusal(enum status status, const struct problem *problem)
{
    FUZZ_REQUIRE(problem->status == status && problem->text[0]);
    for (const char *at = problem->text; *at; at++) {
        FUZZ_REQUIRE(*at != '\n' && *at != '\r');
    }
}

static void require_range(int64_t number, enum option_command command, const char *name)
{
    const struct option_row *row = option_find(command, span_of(name));
    FUZZ_REQUIRE(row && number >= row->min && number <= row->max);
}

/* What service_account_issuers_parse() promises of each entry, and of any two. */
static void require_sane_issuers(const struct service_account_issuers *issuers)
{
    FUZZ_REQUIRE(issuers->count > 0 && issuers->count <= SERVICE_ACCOUNT_OTHERS_MAX);
    for (size_t i = 0; i < issuers->count; i++) {
        const struct service_account_source *a = &issuers->items[i].source;
        FUZZ_REQUIRE(!a->is_this_cluster && a->name.len > 0 && a->issuers[0].len > 0);
        FUZZ_REQUIRE(a->keys != SERVICE_ACCOUNT_KEYS_NONE && a->audience_count > 0);
        FUZZ_REQUIRE((a->keys == SERVICE_ACCOUNT_KEYS_FILES) == (a->key_file_count > 0));
        FUZZ_REQUIRE((a->keys == SERVICE_ACCOUNT_KEYS_URL) == (a->keys_url != NULL));
        FUZZ_REQUIRE(!a->lookup.is_on || a->kubeconfig);
        FUZZ_REQUIRE(a->legacy != SERVICE_ACCOUNT_LEGACY_LOOKED_UP ||
                     a->lookup.secrets != SERVICE_ACCOUNT_SECRETS_NONE);
        FUZZ_REQUIRE(!span_starts_with(a->username_prefix, SPAN_LITERAL("system:")));
        for (size_t j = 0; j < i; j++) {
            const struct service_account_source *b = &issuers->items[j].source;
            FUZZ_REQUIRE(!span_equal(a->name, b->name));
            FUZZ_REQUIRE(!span_equal(a->username_prefix, b->username_prefix));
            FUZZ_REQUIRE(!span_equal(a->group_prefix, b->group_prefix));
        }
    }
}

static void require_sane(const struct options *options)
{
    if (options->service_account_issuers) {
        require_sane_issuers(options->service_account_issuers);
    }
    require_range(options->workers, COMMAND_SERVE, "workers");
    require_range(options->verbosity, COMMAND_SERVE, "v");
    require_range(options->idle_timeout_ms, COMMAND_SERVE, "idle-timeout");
    require_range(options->max_request_body_bytes, COMMAND_SERVE, "max-request-body-bytes");
    require_range(options->client_timeout_ms, COMMAND_REVIEW, "request-timeout");
    FUZZ_REQUIRE(options->api_audiences.count <= API_AUDIENCES_MAX);
    for (size_t i = 0; i < options->api_audiences.count; i++) {
        FUZZ_REQUIRE(options->api_audiences.items[i][0]);
    }
    FUZZ_REQUIRE(options->service_account_issuer.count <= OPTION_LIST_MAX);
    require_range(options->jwks_max_stale_ms, COMMAND_SERVE, "jwks-max-stale");
    require_range(options->watch_silence_timeout_ms, COMMAND_SERVE, "watch-silence-timeout");
    FUZZ_REQUIRE(!options->manifests || options->manifests[0]);
    FUZZ_REQUIRE(!options->kubeconfig || options->kubeconfig[0]);
}

static bool parse_flags(const struct input *input, struct options *ret_options)
{
    struct problem problem = { 0 };
    FUZZ_REQUIRE(options_init(ret_options) == ST_OK);
    const enum status status =
        options_parse_flags(input->command, input->argc, input->argv, ret_options, &problem);
    if (status != ST_OK) {
        require_refusal(status, &problem);
        options_fini(ret_options);
        return false;
    }
    require_sane(ret_options);
    return true;
}

static void parse_file(const struct input *input, struct options *options)
{
    struct problem problem = { 0 };
    const struct options before = *options;
    const enum status status = options_parse_file(input->file, options, &problem);
    FUZZ_REQUIRE((options->given & before.given) == before.given);
    if (status != ST_OK) {
        require_refusal(status, &problem);
        FUZZ_REQUIRE(memcmp(options, &before, sizeof(before)) == 0);
        return;
    }
    require_sane(options);
    const struct option_row *workers = option_find(COMMAND_SERVE, SPAN_LITERAL("workers"));
    if (option_is_given(&before, workers)) {
        FUZZ_REQUIRE(options->workers == before.workers);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    FUZZ_REQUIRE(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    struct input input;
    split(text, size, &input);
    struct options options;
    if (parse_flags(&input, &options)) {
        struct options again;
        FUZZ_REQUIRE(parse_flags(&input, &again));
        FUZZ_REQUIRE(again.given == options.given && again.workers == options.workers);
        options_fini(&again);
        parse_file(&input, &options);
        struct problem problem = { 0 };
        const enum status status = options_check(&options, input.command, &problem);
        if (status != ST_OK) {
            require_refusal(status, &problem);
        }
        options_fini(&options);
    }
    free(text);
    return 0;
}
