/* SPDX-License-Identifier: Apache-2.0 */
/* Badges in an array under a lock: how a family is asked is what tests want to see. */
#include "support/badge_family.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "authn/verification_share.h"

#define BADGES_MAX     8
#define BADGE_TEXT_MAX 32
#define PIN_BYTES      4

struct badge {
    bool is_held;
    size_t feed;                      /* that told of it */
    char secret_name[BADGE_TEXT_MAX]; /* "<site>.<name>" */
    char uid[BADGE_TEXT_MAX];
    char pin[PIN_BYTES];
    int64_t until_sec;
};

struct badge_family {
    pthread_mutex_t mutex; /* of the badges, and of what has synced */
    struct badge badges[BADGES_MAX];
    struct badge_options options;
    token_told_fn *on_told;
    void *told_ctx;
    struct token_feed feeds[2]; /* the engine's own cluster; that of the south */
    bool is_synced[2];          /* by feed */
    const struct store *south;  /* its figures; NULL: not another cluster's */
    uint64_t rejected;
};

/* What the scratch holds: first what `fits` decodes, then what the verdict points at. */
struct badge_question {
    char name[BADGE_TEXT_MAX];
    size_t name_len;
    char username[BADGE_TEXT_MAX + sizeof("badge:")];
    char uid[BADGE_TEXT_MAX];
    struct span group;
    struct group_list groups;
    struct span site;
    struct span day;
    struct user_extra extras[2];
};

static const struct store_interest badge_interest = {
    .kind = &kind_secret,
    .namespace = BADGE_NAMESPACE,
    .secret_type = BADGE_SECRET_TYPE,
};

static bool has_south_cluster(const struct badge_family *family)
{
    return family->options.south_cluster > 0;
}

static void badge_free(void *ctx)
{
    struct badge_family *family = ctx;
    (void)pthread_mutex_destroy(&family->mutex);
    sodium_memzero(family, sizeof(*family));
    free(family);
}

static enum status create(const struct token_family_setup *setup,
                          void **ret_family,
                          struct problem *reterr_problem)
{
    const struct badge_options *options = setup->options;
    if (options->create_status != ST_OK) {
        problem_set(reterr_problem, options->create_status, 0, 0, "badges cannot be printed");
        return options->create_status;
    }
    struct badge_family *family = calloc(1, sizeof(*family));
    if (!family) {
        return ST_NOMEM;
    }
    (void)pthread_mutex_init(&family->mutex, NULL);
    family->options = *options;
    family->on_told = setup->on_told;
    family->told_ctx = setup->told_ctx;
    family->feeds[0].interest = family->feeds[1].interest = badge_interest;
    family->feeds[1].cluster = options->south_cluster;
    *ret_family = family;
    return ST_OK;
}

/* ------------------------------------------------------------------ events */

static const struct token_feed *feeds(const void *ctx, size_t *ret_count)
{
    const struct badge_family *family = ctx;
    *ret_count = has_south_cluster(family) ? 2 : 1;
    return family->feeds;
}

static void set_store(void *ctx, unsigned cluster, const struct store *store)
{
    struct badge_family *family = ctx;
    if (has_south_cluster(family) && cluster == family->options.south_cluster) {
        family->south = store;
    }
}

static bool put_text(char at[static BADGE_TEXT_MAX], struct span text)
{
    if (text.len >= BADGE_TEXT_MAX) {
        return false;
    }
    memcpy(at, text.len ? text.at : "", text.len);
    at[text.len] = '\0';
    return true;
}

/* BADGES_MAX for none. */
static size_t find(const struct badge_family *family, size_t feed, struct span secret_name)
{
    size_t i = 0;
    while (i < BADGES_MAX && !(family->badges[i].is_held && family->badges[i].feed == feed &&
                               span_equal(span_of(family->badges[i].secret_name), secret_name))) {
        i++;
    }
    return i;
}

static struct badge *find_room(struct badge_family *family)
{
    for (size_t i = 0; i < BADGES_MAX; i++) {
        if (!family->badges[i].is_held) {
            return &family->badges[i];
        }
    }
    return NULL;
}

static bool read_badge(const struct store_event *event, struct badge *badge)
{
    struct span pin = { 0 };
    struct span uid = { 0 };
    struct span until = { 0 };
    char until_text[BADGE_TEXT_MAX];
    (void)secret_find(event->secret, "pin", &pin); /* absent is empty */
    (void)secret_find(event->secret, "uid", &uid);
    (void)secret_find(event->secret, "until", &until);
    if (pin.len != PIN_BYTES || !put_text(badge->uid, uid) || !put_text(until_text, until) ||
        !put_text(badge->secret_name, event->name)) {
        return false;
    }
    memcpy(badge->pin, pin.at, PIN_BYTES);
    badge->until_sec = until.len > 0 ? strtoll(until_text, NULL, 10) : INT64_MAX;
    return true;
}

/* FNV-1a. */
uint64_t badge_number(struct span secret_name)
{
    uint64_t number = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < secret_name.len; i++) {
        number = (number ^ (unsigned char)secret_name.at[i]) * UINT64_C(1099511628211);
    }
    return number;
}

static void tell_who_waits(const struct badge_family *family, struct span secret_name)
{
    const bool is_south = secret_name.len && secret_name.at[0] == 's';
    if (family->on_told) {
        family->on_told(family->told_ctx, is_south ? BADGE_SITE_SOUTH : BADGE_SITE_NORTH,
                        badge_number(secret_name));
    }
}

static void keep_badge(struct badge_family *family, size_t feed, const struct store_event *event)
{
    const size_t old = find(family, feed, event->name);
    if (old < BADGES_MAX) {
        family->badges[old] = (struct badge){ 0 };
    }
    struct badge *badge = find_room(family);
    if (event->type == STORE_DELETED || !badge ||
        !span_equal(event->secret->type, SPAN_LITERAL(BADGE_SECRET_TYPE))) {
        return;
    }
    badge->is_held = read_badge(event, badge);
    badge->feed = feed;
    family->rejected += !badge->is_held;
}

static void handle_event(void *ctx, size_t feed, const struct store_event *event)
{
    struct badge_family *family = ctx;
    const bool is_badge =
        event->kind == &kind_secret && span_equal(event->namespace, SPAN_LITERAL(BADGE_NAMESPACE));
    (void)pthread_mutex_lock(&family->mutex);
    if (event->type == STORE_SYNCED) {
        family->is_synced[feed] = true;
    } else if (is_badge) {
        keep_badge(family, feed, event);
    }
    (void)pthread_mutex_unlock(&family->mutex);
    if (is_badge) {
        tell_who_waits(family, event->name);
    }
}

static bool is_synced(const void *ctx)
{
    struct badge_family *family = (struct badge_family *)(uintptr_t)ctx;
    (void)pthread_mutex_lock(&family->mutex);
    const bool is_synced = family->is_synced[0];
    (void)pthread_mutex_unlock(&family->mutex);
    return is_synced && atomic_load(family->options.has_key);
}

/* ------------------------------------------------------------------ questions */

static bool take_until_slash(struct span *text, struct span *ret_piece)
{
    const char *slash = text->len ? memchr(text->at, '/', text->len) : NULL;
    if (!slash) {
        return false;
    }
    *ret_piece = (struct span){ .at = text->at, .len = (size_t)(slash - text->at) };
    *text = span_after(*text, ret_piece->len + 1);
    return true;
}

static bool fits(const void *ctx, const struct question *question, struct token_parts *ret_parts)
{
    const struct badge_family *family = ctx;
    struct badge_question *scratch = scratch_use(&question->scratch, sizeof(*scratch));
    struct span rest = question->token;
    struct span prefix;
    struct span site;
    struct span hex;
    if (family->options.fits_count) {
        (*family->options.fits_count)++;
    }
    if (!take_until_slash(&rest, &prefix) || !span_equal(prefix, SPAN_LITERAL("badge")) ||
        !take_until_slash(&rest, &site) || !take_until_slash(&rest, &hex) ||
        sodium_hex2bin((unsigned char *)scratch->name, sizeof(scratch->name), hex.at, hex.len, NULL,
                       &scratch->name_len, NULL) != 0) {
        return false;
    }
    *ret_parts = (struct token_parts){
        .id = { .at = scratch->name, .len = scratch->name_len },
        .pieces = { site, { .at = scratch->name, .len = scratch->name_len }, rest },
    };
    return true;
}

static enum status check(const struct badge *badge,
                         const struct question *question,
                         struct span pin)
{
    if (!badge) {
        return ST_TOKEN_ID_UNKNOWN;
    }
    if (pin.len != PIN_BYTES || sodium_memcmp(pin.at, badge->pin, PIN_BYTES) != 0) {
        return ST_TOKEN_SECRET_MISMATCH;
    }
    return question->now.sec >= badge->until_sec ? ST_TOKEN_EXPIRED : ST_OK;
}

static bool grant(const struct question *question, struct span site, struct audience_set *granted)
{
    bool is_any = false;
    for (size_t i = 0; i < question->audience_count; i++) {
        if (span_equal(question->audiences[i], site)) {
            audience_set_add(granted, i);
            is_any = true;
        }
    }
    return is_any || !question->has_audiences;
}

static struct user make_user(struct badge_question *scratch,
                             const struct badge *badge,
                             const struct token_parts *parts)
{
    char *end = mempcpy(scratch->username, "badge:", strlen("badge:"));
    end = mempcpy(end, parts->pieces[1].at, parts->pieces[1].len);
    memcpy(scratch->uid, badge->uid, sizeof(scratch->uid));
    scratch->group = SPAN_LITERAL("\"staff\"");
    scratch->groups = (struct group_list){ .count = 1, .names = &scratch->group };
    scratch->site = parts->pieces[0];
    scratch->day = SPAN_LITERAL("monday");
    scratch->extras[0] = (struct user_extra){ .key = SPAN_LITERAL("example.org/day"),
                                              .values = &scratch->day,
                                              .value_count = 1 };
    scratch->extras[1] = (struct user_extra){ .key = SPAN_LITERAL("example.org/site"),
                                              .values = &scratch->site,
                                              .value_count = 1 };
    return (struct user){
        .name = { .at = scratch->username, .len = (size_t)(end - scratch->username) },
        .uid = span_of(scratch->uid),
        .groups = &scratch->groups,
        .extras = scratch->extras,
        .extra_count = 2,
        .is_rendered_late = true,
    };
}

/* Of the south, when it is another cluster: what stands against any answer. */
static enum status check_south(const struct badge_family *family)
{
    struct store_stats figures = { 0 };
    if (atomic_load(family->options.is_south_away)) {
        return ST_UNAVAILABLE;
    }
    if (has_south_cluster(family) && !family->is_synced[1]) {
        if (family->south) {
            store_stats(family->south, &figures);
        }
        return figures.last_failure == ST_OK ? ST_NOT_SYNCED : ST_UNAVAILABLE;
    }
    return ST_OK;
}

/* Is there a key of this number, does anybody know, and is there time to try it? */
static enum status check_vault(const struct badge_family *family,
                               const struct question *question,
                               struct span pin)
{
    char text[BADGE_TEXT_MAX];
    const struct badge_options *options = &family->options;
    const unsigned keys = options->vault_keys ? atomic_load(options->vault_keys) : 0;
    const unsigned long key = put_text(text, pin) ? strtoul(text, NULL, 10) : 0;
    if (key > keys) {
        const bool is_all = question->conclusive_sources >> BADGE_SITE_VAULT & 1;
        return is_all ? ST_KEY_UNKNOWN : ST_KEYS_UNAVAILABLE;
    }
    if (!verification_share_begin(question->share)) {
        return ST_VERIFICATION_BUSY;
    }
    if (options->vault_time) {
        options->vault_time->cpu_ns += options->vault_cost_ns;
    }
    verification_share_end(question->share, key > 0);
    return key > 0 ? ST_OK : ST_SIGNATURE_INVALID;
}

static void ask_vault(const struct badge_family *family,
                      const struct question *question,
                      const struct token_parts *parts,
                      struct verdict *ret_verdict)
{
    static const struct badge badge = { .uid = "vault" };
    ret_verdict->why = check_vault(family, question, parts->pieces[2]);
    if (ret_verdict->why == ST_OK) {
        ret_verdict->accepted = true;
        ret_verdict->user = make_user(
            scratch_use(&question->scratch, sizeof(struct badge_question)), &badge, parts);
    } else if (ret_verdict->why == ST_KEYS_UNAVAILABLE) {
        ret_verdict->wait = (struct question_wait){ .kind = WAIT_KEYS,
                                                    .source = BADGE_SITE_VAULT,
                                                    .what = UINT64_C(1) << BADGE_SITE_VAULT };
    }
}

static void look_up(const struct badge_family *family,
                    const struct question *question,
                    const struct token_parts *parts,
                    struct verdict *ret_verdict)
{
    const struct span site = parts->pieces[0];
    const bool is_south = span_equal(site, SPAN_LITERAL("south"));
    char secret_name[2 * BADGE_TEXT_MAX];
    if (span_equal(site, SPAN_LITERAL("vault"))) {
        ask_vault(family, question, parts, ret_verdict);
        return;
    }
    if (!is_south && !span_equal(site, SPAN_LITERAL("north"))) {
        ret_verdict->why = ST_NOT_FOUND;
        return;
    }
    ret_verdict->why = is_south ? check_south(family) : ST_OK;
    if (ret_verdict->why != ST_OK) {
        return;
    }
    const int len = snprintf(secret_name, sizeof(secret_name), "%.*s.%.*s", (int)site.len, site.at,
                             (int)parts->id.len, parts->id.at);
    const size_t feed = is_south && has_south_cluster(family);
    const size_t found = find(family, feed, (struct span){ .at = secret_name, .len = (size_t)len });
    const struct badge *badge = found < BADGES_MAX ? &family->badges[found] : NULL;
    ret_verdict->why = check(badge, question, parts->pieces[2]);
    if (ret_verdict->why == ST_OK && !grant(question, site, &ret_verdict->granted)) {
        ret_verdict->why = ST_AUDIENCE_MISMATCH;
    }
    if (ret_verdict->why == ST_OK) {
        ret_verdict->accepted = true;
        ret_verdict->user =
            make_user(scratch_use(&question->scratch, sizeof(struct badge_question)), badge, parts);
    } else if (ret_verdict->why == ST_TOKEN_ID_UNKNOWN) {
        ret_verdict->wait =
            (struct question_wait){ .kind = WAIT_OBJECT,
                                    .source = is_south ? BADGE_SITE_SOUTH : BADGE_SITE_NORTH,
                                    .what =
                                        badge_number((struct span){ secret_name, (size_t)len }) };
    }
}

static void authenticate(const void *ctx,
                         const struct question *question,
                         const struct token_parts *parts,
                         struct verdict *ret_verdict)
{
    struct badge_family *family = (struct badge_family *)(uintptr_t)ctx;
    (void)pthread_mutex_lock(&family->mutex);
    look_up(family, question, parts, ret_verdict);
    (void)pthread_mutex_unlock(&family->mutex);
}

/* ------------------------------------------------------------------ figures */

static void stats(const void *ctx, struct token_family_stats *ret_stats)
{
    const struct badge_family *family = ctx;
    for (size_t i = 0; i < BADGES_MAX; i++) {
        ret_stats->usable += family->badges[i].is_held;
    }
    ret_stats->rejected[ST_SECRET_NO_DATA] = family->rejected;
}

static void taint(const void *ctx, taint_fn *fn, void *fn_ctx)
{
    const struct badge_family *family = ctx;
    for (size_t i = 0; i < BADGES_MAX; i++) {
        if (family->badges[i].is_held) {
            fn(fn_ctx, family->badges[i].pin, PIN_BYTES);
        }
    }
}

static const char *const reason_texts[STATUS_COUNT_] = {
    [ST_TOKEN_EXPIRED] = "the badge is of last year",
    [ST_NOT_FOUND] = "no site of this name issues badges",
};

#define BADGE_OPS(name)                                                           \
    .id = (name), .form = "the token has the form badge/site/name/pin",           \
    .reason_texts = reason_texts, .scratch_bytes = sizeof(struct badge_question), \
    .create = create, .free = badge_free, .feeds = feeds, .set_store = set_store, \
    .handle_event = handle_event, .is_synced = is_synced, .fits = fits,           \
    .authenticate = authenticate, .stats = stats, .taint = taint

const struct token_family_ops badge_ops = { BADGE_OPS(AUTHENTICATOR_BADGE) };

const struct token_family_ops badge_as_bootstrap_ops = { BADGE_OPS(AUTHENTICATOR_BOOTSTRAP) };
