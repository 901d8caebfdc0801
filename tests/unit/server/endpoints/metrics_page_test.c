/* SPDX-License-Identifier: Apache-2.0 */
/* The page's format rules line by line, its values, and that docs/metrics.md is true. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/endpoints/metrics_page.h"

#define LINES_MAX 1024

/* A page cut into lines. */
struct page {
    struct buf buf;
    size_t count;
    char *lines[LINES_MAX];
};

static void page_split(struct page *page)
{
    buf_append_char(&page->buf, '\0');
    assert_false(page->buf.failed);
    char *at = page->buf.at;
    while (*at) {
        char *end = strchr(at, '\n');
        assert_non_null(end); /* the last line ends too */
        *end = '\0';
        assert_true(page->count < LINES_MAX);
        page->lines[page->count++] = at;
        at = end + 1;
    }
}

static struct page *page_of(const struct metrics_figures *figures)
{
    struct page *page = calloc(1, sizeof(*page));
    assert_non_null(page);
    metrics_page_build(&page->buf, figures);
    page_split(page);
    return page;
}

static void page_free(struct page *page)
{
    buf_fini(&page->buf);
    free(page);
}

static bool page_has(const struct page *page, const char *line)
{
    for (size_t i = 0; i < page->count; i++) {
        if (strcmp(page->lines[i], line) == 0) {
            return true;
        }
    }
    return false;
}

static void assert_line(const struct page *page, const char *line)
{
    if (!page_has(page, line)) {
        for (size_t i = 0; i < page->count; i++) {
            print_message("%s\n", page->lines[i]);
        }
        fail_msg("no line %s", line);
    }
}

/* Does any sample's name start with @name? */
static bool page_has_sample(const struct page *page, const char *name)
{
    for (size_t i = 0; i < page->count; i++) {
        if (strncmp(page->lines[i], name, strlen(name)) == 0) {
            return true;
        }
    }
    return false;
}

/* Every figure has a value of its own, so that mixing two up shows. */
static struct metrics_figures full_figures(void)
{
    static const struct metrics_cluster clusters[] = {
        { .name = "north",
          .store = { .kinds = { { &kind_secret, 133 } },
                     .is_synced = true,
                     .last_contact_sec = 1700000134 } },
        { .name = "south", .store = { .is_connected = true } },
    };
    static const struct token_source_figures token_sources[] = {
        { .cluster = "",
          .keys = { .has_keys = true,
                    .success_sec = 1700000135,
                    .success_count = 136,
                    .failure_count = 137,
                    .wanted_count = 138,
                    .refused_want_count = 139,
                    .key_count = 140,
                    .skipped_count = 141 },
          .looks_up = true,
          .objects = { .service_accounts = 142,
                       .pods = 143,
                       .nodes = 144,
                       .secrets = 145,
                       .token_secrets = 146,
                       .unusable = 147 } },
        { .cluster = "north", .keys = { .is_failing = true, .failure_count = 148 } },
    };
    struct metrics_figures figures = {
        .token_sources = token_sources,
        .token_source_count = COUNTOF(token_sources),
        .verified = { .count = 149, .accepted = 150, .bytes = 151, .evicted = 152, .refused = 153 },
        .clusters = clusters,
        .cluster_count = COUNTOF(clusters),
        .has_authenticator = true,
        .bootstrap = { .usable = 101 },
        .has_store = true,
        .store = { .kinds = { { &kind_secret, 102 } },
                   .files = 103,
                   .problems = 104,
                   .reloads_ok = 105,
                   .reloads_failed = 106,
                   .last_reload_sec = 1700000107,
                   .last_reload_ok = true,
                   .is_synced = true,
                   .is_remote = true,
                   .is_connected = true,
                   .last_contact_sec = 1700000124,
                   .lists_ok = 125,
                   .lists_failed = 126,
                   .watches_begun = 127,
                   .watch_events = 128 },
        .has_log = true,
        .log_lines_failed = 108,
        .has_clock_steps = true,
        .clock_steps = { .forward = 131, .backward = 132 },
        .certificate = { .not_after_sec = 1900000109,
                         .reloads_ok = 110,
                         .reloads_failed = 111,
                         .last_reload_sec = 1700000112,
                         .last_reload_ok = true },
        .connections_limit = 113,
        .has_connection_memory = true,
        .connection_memory = 129,
        .has_connection_memory_limit = true,
        .connection_memory_limit = 130,
        .has_process = true,
        .process = { .cpu_ns = 114500000000,
                     .resident_bytes = 115,
                     .virtual_bytes = 116,
                     .open_fds = 117,
                     .max_fds = 118,
                     .start_time_ms = 1700000119250 },
        .build = { .version = "1.2.3",
                   .commit = "abc",
                   .compiler = "gcc 1",
                   .platform = "linux/x" },
    };
    figures.bootstrap.rejected[ST_SECRET_WRONG_NAME] = 120;
    figures.totals.reviews[AUTHENTICATOR_BOOTSTRAP][DECISION_ALLOW][ST_OK] = 121;
    figures.totals.reviews[AUTHENTICATOR_NONE][DECISION_DENY][ST_TOKEN_UNRECOGNIZED] = 122;
    figures.totals.reviews[AUTHENTICATOR_BOOTSTRAP][DECISION_ERROR][ST_TOKEN_ID_UNKNOWN] = 123;
    for (size_t i = 0; i <= DURATION_BOUND_COUNT; i++) {
        figures.totals.durations[i] = i + 1;
    }
    figures.totals.duration_sum_ns = 1234567890;
    for (size_t i = 0; i < HTTP_CODE_COUNT_; i++) {
        figures.totals.http_codes[i] = 200 + i;
    }
    for (size_t i = 0; i < WORKER_COUNTER_COUNT_; i++) {
        figures.totals.counters[i] = 300 + i;
    }
    figures.totals.counters[COUNT_CONNECTIONS_ACCEPTED] = 399;
    return figures;
}

#define SERVICE_ACCOUNT(name) "kube_bearer_service_account_" name "{cluster=\""

static void test_metrics_page_has_each_figure(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "kube_bearer_cluster_synced{cluster=\"north\"} 1",
        "kube_bearer_cluster_synced{cluster=\"south\"} 0",
        "kube_bearer_cluster_connected{cluster=\"north\"} 0",
        "kube_bearer_cluster_connected{cluster=\"south\"} 1",
        "kube_bearer_cluster_last_contact_timestamp_seconds{cluster=\"north\"} 1700000134",
        "kube_bearer_cluster_objects{cluster=\"north\",kind=\"Secret\"} 133",
        SERVICE_ACCOUNT("keys") "\"} 140",
        SERVICE_ACCOUNT("keys") "north\"} 0",
        SERVICE_ACCOUNT("keys_skipped") "\"} 141",
        SERVICE_ACCOUNT("keys_failing") "\"} 0",
        SERVICE_ACCOUNT("keys_failing") "north\"} 1",
        SERVICE_ACCOUNT("keys_last_success_timestamp_seconds") "\"} 1700000135",
        SERVICE_ACCOUNT("key_fetches_total") "\",result=\"success\"} 136",
        SERVICE_ACCOUNT("key_fetches_total") "\",result=\"failure\"} 137",
        SERVICE_ACCOUNT("key_fetches_total") "north\",result=\"failure\"} 148",
        SERVICE_ACCOUNT("key_waits_total") "\",result=\"waited\"} 138",
        SERVICE_ACCOUNT("key_waits_total") "\",result=\"refused\"} 139",
        SERVICE_ACCOUNT("objects") "\",kind=\"service_accounts\"} 142",
        SERVICE_ACCOUNT("objects") "\",kind=\"pods\"} 143",
        SERVICE_ACCOUNT("objects") "\",kind=\"nodes\"} 144",
        SERVICE_ACCOUNT("objects") "\",kind=\"secrets\"} 145",
        SERVICE_ACCOUNT("objects") "\",kind=\"token_secrets\"} 146",
        SERVICE_ACCOUNT("objects_unusable") "\"} 147",
        "kube_bearer_verified_tokens 149",
        "kube_bearer_verified_tokens_accepted 150",
        "kube_bearer_verified_tokens_bytes 151",
        "kube_bearer_verified_tokens_evicted_total 152",
        "kube_bearer_verified_tokens_refused_total 153",
        "kube_bearer_token_reviews_total{authenticator=\"bootstrap\",result=\"allow\","
        "reason=\"ok\"} 121",
        "kube_bearer_token_reviews_total{authenticator=\"none\",result=\"deny\","
        "reason=\"unrecognized_token\"} 122",
        "kube_bearer_token_reviews_total{authenticator=\"bootstrap\",result=\"error\","
        "reason=\"unknown_token_id\"} 123",
        "kube_bearer_token_review_duration_seconds_bucket{le=\"0.000005\"} 1",
        "kube_bearer_token_review_duration_seconds_bucket{le=\"0.00001\"} 3",
        "kube_bearer_token_review_duration_seconds_bucket{le=\"0.0025\"} 45",
        "kube_bearer_token_review_duration_seconds_bucket{le=\"1\"} 91",
        "kube_bearer_token_review_duration_seconds_bucket{le=\"+Inf\"} 105",
        "kube_bearer_token_review_duration_seconds_sum 1.23456789",
        "kube_bearer_token_review_duration_seconds_count 105",
        "kube_bearer_http_requests_total{code=\"200\"} 200",
        "kube_bearer_http_requests_total{code=\"501\"} 212",
        "kube_bearer_http_requests_total{code=\"503\"} 213",
        "kube_bearer_http_requests_total{code=\"other\"} 214",
        "kube_bearer_connections 95", /* 399 accepted, 304 closed */
        "kube_bearer_connections_limit 113",
        "kube_bearer_connection_memory_bytes 129",
        "kube_bearer_connection_memory_limit_bytes 130",
        "kube_bearer_tls_handshakes_total{kind=\"full\"} 300",
        "kube_bearer_tls_handshakes_total{kind=\"resumed\"} 301",
        "kube_bearer_bootstrap_tokens 101",
        "kube_bearer_secrets_rejected{reason=\"secret_wrong_name\"} 120",
        "kube_bearer_store_synced 1",
        "kube_bearer_store_objects{kind=\"Secret\"} 102",
        "kube_bearer_store_files 103",
        "kube_bearer_store_problems 104",
        "kube_bearer_store_reloads_total{result=\"success\"} 105",
        "kube_bearer_store_reloads_total{result=\"failure\"} 106",
        "kube_bearer_store_last_reload_timestamp_seconds 1700000107",
        "kube_bearer_store_last_reload_successful 1",
        "kube_bearer_store_connected 1",
        "kube_bearer_store_last_contact_timestamp_seconds 1700000124",
        "kube_bearer_store_lists_total{result=\"success\"} 125",
        "kube_bearer_store_lists_total{result=\"failure\"} 126",
        "kube_bearer_store_watches_total 127",
        "kube_bearer_store_watch_events_total 128",
        "kube_bearer_certificate_not_after_timestamp_seconds 1900000109",
        "kube_bearer_certificate_reloads_total{result=\"success\"} 110",
        "kube_bearer_certificate_reloads_total{result=\"failure\"} 111",
        "kube_bearer_certificate_last_reload_timestamp_seconds 1700000112",
        "kube_bearer_certificate_last_reload_successful 1",
        "kube_bearer_log_write_failures_total 108",
        "kube_bearer_clock_steps_total{direction=\"backward\"} 132",
        "kube_bearer_clock_steps_total{direction=\"forward\"} 131",
        "kube_bearer_build_info{version=\"1.2.3\",commit=\"abc\",compiler=\"gcc 1\","
        "platform=\"linux/x\"} 1",
        "process_cpu_seconds_total 114.5",
        "process_resident_memory_bytes 115",
        "process_virtual_memory_bytes 116",
        "process_open_fds 117",
        "process_max_fds 118",
        "process_start_time_seconds 1700000119.25",
    };
    const struct metrics_figures figures = full_figures();
    struct page *page = page_of(&figures);
    for (size_t i = 0; i < COUNTOF(lines); i++) {
        assert_line(page, lines[i]);
    }
    /* what has not happened, and what nobody looks up */
    assert_false(
        page_has_sample(page, SERVICE_ACCOUNT("keys_last_success_timestamp_seconds") "north"));
    assert_false(page_has_sample(page, SERVICE_ACCOUNT("objects") "north"));
    page_free(page);
}

static void test_metrics_page_has_each_worker_counter(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *labels;
    } rows[] = {
#define X(counter, name, labels) { name, labels },
        WORKER_COUNTER_TABLE(X)
#undef X
    };
    const struct metrics_figures figures = full_figures();
    struct page *page = page_of(&figures);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        char line[256];
        const char *open = rows[i].labels[0] ? "{" : "";
        snprintf(line, sizeof(line), "%s%s%s%s %u", rows[i].name, open, rows[i].labels,
                 open[0] ? "}" : "", (unsigned)figures.totals.counters[i]);
        assert_line(page, line);
    }
    page_free(page);
}

/* A flag or a part that is away must show as 0 or not at all. */
static void test_metrics_page_of_absent_parts(void **state)
{
    (void)state;
    static const char *const absent[] = {
        "kube_bearer_token_reviews_total{",
        "kube_bearer_http_requests_total{",
        "kube_bearer_connections_limit ",
        "kube_bearer_connection_memory_bytes ",
        "kube_bearer_connection_memory_limit_bytes ",
        "kube_bearer_clock_steps_total{",
        "kube_bearer_bootstrap_tokens ",
        "kube_bearer_secrets_rejected{",
        "kube_bearer_store_synced ",
        "kube_bearer_store_objects{",
        "kube_bearer_store_files ",
        "kube_bearer_store_reloads_total{",
        "kube_bearer_store_last_reload_timestamp_seconds ",
        "kube_bearer_store_last_reload_successful ",
        "kube_bearer_service_account_",
        "kube_bearer_verified_tokens",
        "kube_bearer_certificate_not_after_timestamp_seconds ",
        "kube_bearer_certificate_reloads_total{",
        "kube_bearer_certificate_last_reload_timestamp_seconds ",
        "kube_bearer_certificate_last_reload_successful ",
        "kube_bearer_log_write_failures_total ",
        "kube_bearer_build_info{",
        "process_cpu_seconds_total ",
        "process_start_time_seconds ",
        "process_open_fds ",
    };
    static const char *const present[] = {
        "# TYPE kube_bearer_token_reviews_total counter",
        "# TYPE process_start_time_seconds gauge",
        "kube_bearer_connections 0",
        "kube_bearer_connections_accepted_total 0",
        "kube_bearer_token_review_duration_seconds_count 0",
        "kube_bearer_token_review_duration_seconds_sum 0",
    };
    const struct metrics_figures nothing = { 0 };
    struct page *page = page_of(&nothing);
    for (size_t i = 0; i < COUNTOF(absent); i++) {
        if (page_has_sample(page, absent[i])) {
            fail_msg("%s", absent[i]);
        }
    }
    for (size_t i = 0; i < COUNTOF(present); i++) {
        assert_line(page, present[i]);
    }
    page_free(page);

    struct metrics_figures figures = full_figures();
    figures.store.is_synced = false;
    figures.store.last_reload_ok = false;
    figures.certificate.last_reload_ok = false;
    figures.totals.counters[COUNT_CONNECTIONS_ACCEPTED] = 7; /* a close came in between */
    page = page_of(&figures);
    assert_line(page, "kube_bearer_store_synced 0");
    assert_line(page, "kube_bearer_store_last_reload_successful 0");
    assert_line(page, "kube_bearer_certificate_last_reload_successful 0");
    assert_line(page, "kube_bearer_connections 0");
    page_free(page);
}

/* A directory has no connection: a 0 there would fire an alert on lost contact. */
static void test_metrics_page_of_a_store_without_a_network(void **state)
{
    (void)state;
    static const char *const remote[] = {
        "kube_bearer_store_connected ",
        "kube_bearer_store_last_contact_timestamp_seconds ",
        "kube_bearer_store_lists_total{",
        "kube_bearer_store_watches_total ",
        "kube_bearer_store_watch_events_total ",
    };
    struct metrics_figures figures = full_figures();
    figures.store.is_connected = false;
    struct page *page = page_of(&figures);
    assert_line(page, "kube_bearer_store_connected 0");
    page_free(page);

    figures.store.last_reload_sec = 0; /* no directory beside it */
    figures.store.last_reload_ok = false;
    page = page_of(&figures);
    assert_false(page_has_sample(page, "kube_bearer_store_last_reload_successful "));
    page_free(page);

    figures.store = (struct store_stats){ .files = 103, .is_synced = true };
    page = page_of(&figures);
    assert_line(page, "kube_bearer_store_files 103");
    for (size_t i = 0; i < COUNTOF(remote); i++) {
        if (page_has_sample(page, remote[i])) {
            fail_msg("%s", remote[i]);
        }
    }
    page_free(page);
}

static void test_metrics_page_escapes_label_values(void **state)
{
    (void)state;
    struct metrics_figures figures = full_figures();
    figures.build.compiler = "a\"b\\c\nd";
    struct page *page = page_of(&figures);
    assert_line(page, "kube_bearer_build_info{version=\"1.2.3\",commit=\"abc\","
                      "compiler=\"a\\\"b\\\\c\\nd\",platform=\"linux/x\"} 1");
    page_free(page);
}

static void assert_matches(const regex_t *regex, const char *line)
{
    if (regexec(regex, line, 0, NULL, 0) != 0) {
        fail_msg("malformed: %s", line);
    }
}

/* Length of the metric's name at the start of @text. */
static size_t name_len(const char *text)
{
    return strcspn(text, " {");
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    return len >= strlen(end) && strncmp(text + len - strlen(end), end, strlen(end)) == 0;
}

/* Does @sample belong to the family @name of @type? */
static bool belongs(const char *sample, const char *name, size_t len, const char *type)
{
    if (strncmp(sample, name, len) != 0) {
        return false;
    }
    if (strcmp(type, "histogram") != 0) {
        return name_len(sample) == len;
    }
    static const char *const suffixes[] = { "_bucket", "_sum", "_count" };
    for (size_t i = 0; i < COUNTOF(suffixes); i++) {
        if (name_len(sample) == len + strlen(suffixes[i]) &&
            ends_with(sample, name_len(sample), suffixes[i])) {
            return true;
        }
    }
    return false;
}

/* Rules of the text format, and Prometheus' rules for names. */
static void check_format(const struct page *page, bool want_samples)
{
    regex_t help;
    regex_t type;
    regex_t sample;
    assert_int_equal(regcomp(&help, "^# HELP (kube_bearer|process)_[a-z_]+ [A-Z][^\\\\]+[^.]$",
                             REG_EXTENDED | REG_NOSUB),
                     0);
    assert_int_equal(
        regcomp(&type, "^# TYPE [a-z_]+ (counter|gauge|histogram)$", REG_EXTENDED | REG_NOSUB), 0);
    assert_int_equal(regcomp(&sample,
                             "^[a-z_]+(\\{[a-z]+=\"([^\"\\\\]|\\\\[\\\\\"n])*\""
                             "(,[a-z]+=\"([^\"\\\\]|\\\\[\\\\\"n])*\")*\\})? "
                             "[0-9]+(\\.[0-9]*[1-9])?$",
                             REG_EXTENDED | REG_NOSUB),
                     0);
    size_t i = 0;
    while (i < page->count) {
        assert_matches(&help, page->lines[i]);
        assert_true(i + 1 < page->count);
        assert_matches(&type, page->lines[i + 1]);
        const char *name = page->lines[i] + strlen("# HELP ");
        const size_t len = name_len(name);
        const char *type_name = page->lines[i + 1] + strlen("# TYPE ");
        assert_int_equal(name_len(type_name), len);
        assert_memory_equal(type_name, name, len);
        const char *type_word = type_name + len + 1;
        assert_true((strcmp(type_word, "counter") == 0) == ends_with(name, len, "_total"));
        const size_t first = i += 2;
        for (; i < page->count && page->lines[i][0] != '#'; i++) {
            assert_matches(&sample, page->lines[i]);
            if (!belongs(page->lines[i], name, len, type_word)) {
                fail_msg("not below its own name: %s", page->lines[i]);
            }
        }
        if (want_samples && i == first) {
            fail_msg("no sample: %s", page->lines[i - 1]);
        }
    }
    regfree(&help);
    regfree(&type);
    regfree(&sample);
}

static void check_series_are_unique(const struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        const bool comment = page->lines[i][0] == '#';
        const char *key_end =
            comment ? strchr(page->lines[i] + 7, ' ') : strrchr(page->lines[i], ' ');
        const size_t len = (size_t)(key_end - page->lines[i]) + 1;
        for (size_t k = i + 1; k < page->count; k++) {
            if (strncmp(page->lines[i], page->lines[k], len) == 0) {
                fail_msg("twice: %s", page->lines[k]);
            }
        }
    }
}

static void test_metrics_page_follows_the_format(void **state)
{
    (void)state;
    const struct metrics_figures nothing = { 0 };
    struct page *page = page_of(&nothing);
    check_format(page, false);
    check_series_are_unique(page);
    page_free(page);

    const struct metrics_figures figures = full_figures();
    page = page_of(&figures);
    check_format(page, true);
    check_series_are_unique(page);
    page_free(page);
}

/* Prometheus demands that buckets grow, hold those below, and that +Inf equals the count. */
static void test_metrics_page_histogram_is_cumulative(void **state)
{
    (void)state;
    const struct metrics_figures figures = full_figures();
    struct page *page = page_of(&figures);
    static const char start[] = "kube_bearer_token_review_duration_seconds_bucket{le=\"";
    double last_bound = 0;
    unsigned long last_count = 0;
    unsigned buckets = 0;
    for (size_t i = 0; i < page->count; i++) {
        if (strncmp(page->lines[i], start, strlen(start)) != 0) {
            continue;
        }
        char *end;
        const double bound = strtod(page->lines[i] + strlen(start), &end); /* reads +Inf too */
        assert_memory_equal(end, "\"} ", 3);
        const unsigned long count = strtoul(end + 3, NULL, 10);
        assert_true(bound > last_bound);
        assert_true(count > last_count);
        last_bound = bound;
        last_count = count;
        buckets++;
    }
    assert_int_equal(buckets, DURATION_BOUND_COUNT + 1);
    assert_int_equal(last_count, 105);
    page_free(page);
}

/* A page that memory does not suffice for is marked as such, never cut. */
static void test_metrics_page_past_its_limit_fails(void **state)
{
    (void)state;
    const struct metrics_figures figures = full_figures();
    struct buf buf = { .max_len = 1000 };
    metrics_page_build(&buf, &figures);
    assert_true(buf.failed);
    buf_fini(&buf);
}

static void test_metrics_page_documentation_is_true(void **state)
{
    (void)state;
    struct buf want = { 0 };
    metrics_document(&want);
    assert_false(want.failed);
    const char *root = getenv("KB_SOURCE_ROOT");
    assert_non_null(root);
    char path[4096];
    snprintf(path, sizeof(path), "%s/docs/metrics.md", root);
    if (getenv("KB_UPDATE_DOCS")) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(want.at, 1, want.len, file), want.len);
        assert_int_equal(fclose(file), 0);
    }
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *got = calloc(1, want.len + 2);
    assert_non_null(got);
    const size_t got_len = fread(got, 1, want.len + 1, file);
    fclose(file);
    if (got_len != want.len || memcmp(got, want.at, want.len) != 0) {
        fail_msg("docs/metrics.md differs from the table: KB_UPDATE_DOCS=1 writes it anew");
    }
    free(got);
    buf_fini(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_page_has_each_figure),
        cmocka_unit_test(test_metrics_page_has_each_worker_counter),
        cmocka_unit_test(test_metrics_page_of_absent_parts),
        cmocka_unit_test(test_metrics_page_of_a_store_without_a_network),
        cmocka_unit_test(test_metrics_page_escapes_label_values),
        cmocka_unit_test(test_metrics_page_follows_the_format),
        cmocka_unit_test(test_metrics_page_histogram_is_cumulative),
        cmocka_unit_test(test_metrics_page_past_its_limit_fails),
        cmocka_unit_test(test_metrics_page_documentation_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
