/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two stores as one: every order of events, and what listeners were told of it.
 *
 * A script is a row of words: the store (1 or 2) and what it says: "1+a=x" adds object a with value
 * x, "2~a=y" changes it, "1-a" deletes it, "2S" is synced; "R" lets the second store tell again
 * what it was asked to. What is told makes a text of the same kind: "+a=x ~a=y -a S ", and between
 * "!a" where the same object is in both and ".a" where it no longer is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "store/store_base.h"
#include "store/union.h"
#include "support/alloc_fail.h"
#include "support/kinds_kit.h"
#include "support/write_kit.h"

#define OBJECTS 4 /* a to d */

static const struct store_interest all_secrets = { .kind = &kind_secret };

/* How a store that is asked to retell goes about it: store_base.h allows all of these. */
enum retelling {
    RETELL_LATER = 0,
    RETELL_AT_ONCE,
    RETELL_AFTER_DELETED, /* later, and STORE_DELETED first */
    RETELLING_COUNT_,
};

struct fake {
    struct store base;
    char values[OBJECTS]; /* 0: it has none */
    uint8_t heard[OBJECTS];
    bool is_asked[OBJECTS];
    enum retelling retelling;
    enum status load_status;
    enum status watch_status;
    enum status write_status;
    struct store_stats stats;
    bool is_second; /* for fake_reread() */
    char last_call;
    store_done_fn *last_done;
    unsigned loads;
    unsigned watches;
    unsigned *frees; /* may be NULL */
};

struct union_kit {
    struct fake first;
    struct fake second;
    struct store *store;
    struct buf told;
    char known[OBJECTS]; /* what a listener knows */
};

static struct fake *fake_of(const struct store *store)
{
    return CONTAINER_OF(store, struct fake, base);
}

static enum status fake_load(struct store *store, struct problem *reterr_problem)
{
    const enum status status = fake_of(store)->load_status;
    fake_of(store)->loads++;
    if (status != ST_OK) {
        problem_set(reterr_problem, status, 0, 0, "said by a part");
    }
    return status;
}

static enum status fake_watch(struct store *store,
                              struct loop *loop,
                              struct problem *reterr_problem)
{
    (void)loop;
    (void)reterr_problem;
    fake_of(store)->watches++;
    return fake_of(store)->watch_status;
}

static void fake_reread(struct store *store, store_reread_fn *fn, void *ctx)
{
    static const char *const names[] = { "first", "second" };
    fn(ctx, &(struct store_reread){ .what = names[fake_of(store)->is_second] });
}

static void fake_free(struct store *store)
{
    if (fake_of(store)->frees) {
        (*fake_of(store)->frees)++;
    }
}

static enum status fake_write(struct store *store, const struct store_write *write)
{
    static const char calls[] = { [STORE_GET] = 'g',   [STORE_CREATE] = 'c', [STORE_UPDATE] = 'u',
                                  [STORE_PATCH] = 'p', [STORE_DELETE] = 'd', [STORE_ADOPT] = 'a' };
    fake_of(store)->last_call = calls[write->verb];
    fake_of(store)->last_done = write->done;
    return fake_of(store)->write_status;
}

/* --- events of the parts --- */

static void fake_tell(struct fake *fake, enum store_event_type type, unsigned object)
{
    const char name = (char)('a' + object);
    const struct secret_entry entry = {
        .key = SPAN_LITERAL("value"),
        .value = { .at = &fake->values[object], .len = 1 },
    };
    const struct secret secret = { .entries = &entry, .entry_count = 1 };
    const struct store_event event = {
        .type = type,
        .kind = &kind_secret,
        .namespace = SPAN_LITERAL("n"),
        .name = { .at = &name, .len = 1 },
        .secret = type == STORE_DELETED ? NULL : &secret,
    };
    store_tell(&fake->base, &event, &fake->heard[object]);
}

static void fake_retell(struct store *store, const struct store_target *target)
{
    struct fake *fake = fake_of(store);
    assert_int_equal(target->name.len, 1);
    assert_true(span_equal(target->namespace, SPAN_LITERAL("n")));
    const unsigned object = (unsigned)(target->name.at[0] - 'a');
    assert_in_range(object, 0, OBJECTS - 1);
    if (fake->retelling == RETELL_AT_ONCE) {
        fake_tell(fake, STORE_ADDED, object);
    } else {
        fake->is_asked[object] = true;
    }
}

static bool fake_find_source(struct store *store,
                             const struct store_target *target,
                             char *ret_source)
{
    assert_true(fake_of(store)->values[target->name.at[0] - 'a'] != 0);
    memcpy(ret_source, "m/a.yaml", sizeof("m/a.yaml"));
    return true;
}

static void fake_deliver(struct fake *fake)
{
    for (unsigned object = 0; object < OBJECTS; object++) {
        const bool is_due = fake->is_asked[object] && fake->values[object];
        fake->is_asked[object] = false;
        if (is_due && fake->retelling == RETELL_AFTER_DELETED) {
            fake_tell(fake, STORE_DELETED, object);
        }
        if (is_due) {
            fake_tell(fake, STORE_ADDED, object);
        }
    }
}

static void fake_stats(const struct store *store, struct store_stats *stats)
{
    const struct store_stats told = *stats;
    *stats = fake_of(store)->stats;
    memcpy(stats->kinds, told.kinds, sizeof(stats->kinds));
}

static const struct store_ops fake_ops = {
    .load = fake_load,
    .watch = fake_watch,
    .free = fake_free,
    .reread = fake_reread,
    .write = fake_write,
    .retell = fake_retell,
    .find_source = fake_find_source,
    .stats = fake_stats,
};

/* --- the listener --- */

static void on_event(void *ctx, const struct store_event *event)
{
    struct union_kit *kit = ctx;
    struct span value = { 0 };
    if (event->type == STORE_SYNCED) {
        buf_append_text(&kit->told, "S ");
        return;
    }
    char *known = &kit->known[event->name.at[0] - 'a'];
    /* added only what is not there, deleted and modified only what is */
    assert_true((event->type == STORE_ADDED) == (*known == 0));
    assert_true((event->type == STORE_DELETED) == (event->secret == NULL));
    buf_append_char(&kit->told, "+~-"[event->type]);
    buf_append(&kit->told, event->name);
    *known = 0;
    if (event->secret) {
        assert_true(secret_find(event->secret, "value", &value));
        buf_append_char(&kit->told, '=');
        buf_append(&kit->told, value);
        *known = value.at[0];
    }
    buf_append_char(&kit->told, ' ');
}

static void on_problem(void *ctx, const struct problem *problem)
{
    struct union_kit *kit = ctx;
    char want[] = "Secret n/? is in m/a.yaml, too, which counts";
    assert_int_equal(problem->status, ST_DUPLICATE);
    want[sizeof("Secret n/") - 1] = problem->file[2];
    assert_string_equal(problem->text, want);
    buf_printf(&kit->told, "!%c ", problem->file[2]);
}

static void on_resolved(void *ctx, const struct problem *problem)
{
    struct union_kit *kit = ctx;
    assert_int_equal(problem->status, ST_OK);
    assert_memory_equal(problem->file, "n/", 2);
    buf_printf(&kit->told, ".%c ", problem->file[2]);
}

static void kit_new(struct union_kit *kit)
{
    *kit = (struct union_kit){ 0 };
    store_base_init(&kit->first.base, &fake_ops);
    store_base_init(&kit->second.base, &fake_ops);
    const struct union_options options = {
        .first = &kit->first.base,
        .second = &kit->second.base,
        .on_problem = on_problem,
        .on_resolved = on_resolved,
        .ctx = kit,
    };
    assert_int_equal(union_new(&options, &kit->store), ST_OK);
}

static void kit_load(struct union_kit *kit)
{
    struct problem problem = { 0 };
    assert_int_equal(store_subscribe(kit->store, &all_secrets, on_event, kit), ST_OK);
    assert_int_equal(store_load(kit->store, &problem), ST_OK);
}

static void kit_free(struct union_kit *kit)
{
    kit->store = store_free(kit->store);
    buf_fini(&kit->told);
}

static void change(struct fake *fake, char sign, unsigned object, char value)
{
    fake->values[object] = sign == '-' ? '\0' : value;
    fake_tell(fake,
              sign == '-'   ? STORE_DELETED
              : sign == '+' ? STORE_ADDED
                            : STORE_MODIFIED,
              object);
}

static void play(struct union_kit *kit, const char *script)
{
    for (const char *at = script; *at;) {
        struct fake *fake = *at == '1' ? &kit->first : &kit->second;
        if (*at == 'R') {
            fake_deliver(&kit->second);
        } else if (at[1] == 'S') {
            store_tell_synced(&fake->base);
        } else {
            change(fake, at[1], (unsigned)(at[2] - 'a'), at[1] == '-' ? '\0' : at[4]);
        }
        at += strcspn(at, " ");
        at += *at == ' ';
    }
}

static const char *told_text(struct union_kit *kit)
{
    buf_append_char(&kit->told, '\0');
    assert_false(kit->told.failed);
    return kit->told.at;
}

static void test_union_tells_the_first_stores_object_in_every_order(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *script;
        const char *want;
        enum retelling retelling;
    } rows[] = {
        { "only in the first", "1+a=x 1~a=y 1-a", "+a=x ~a=y -a ", RETELL_LATER },
        { "only in the second", "2+a=x 2~a=y 2-a", "+a=x ~a=y -a ", RETELL_LATER },
        { "one in each", "1+a=x 2+b=y 1-a 2-b", "+a=x +b=y -a -b ", RETELL_LATER },
        { "the first's is there already", "1+a=x 2+a=y", "+a=x !a ", RETELL_LATER },
        { "the first's comes after", "2+a=y 1+a=x", "+a=y ~a=x !a ", RETELL_LATER },
        { "the second's changes while kept back", "1+a=x 2+a=y 2~a=z", "+a=x !a ", RETELL_LATER },
        { "the second's is added twice", "1+a=x 2+a=y 2+a=z", "+a=x !a ", RETELL_LATER },
        { "the second's goes while kept back", "1+a=x 2+a=y 2-a", "+a=x !a .a ", RETELL_LATER },
        { "it comes back", "1+a=x 2+a=y 2-a 2+a=y", "+a=x !a .a !a ", RETELL_LATER },
        { "the first's changes while both are there", "1+a=x 2+a=y 1~a=z", "+a=x !a ~a=z ",
          RETELL_LATER },
        { "the first's goes", "1+a=x 2+a=y 1-a", "+a=x !a -a .a ", RETELL_LATER },
        { "the second's takes over", "1+a=x 2+a=y 1-a R", "+a=x !a -a .a +a=y ", RETELL_LATER },
        { "at once", "1+a=x 2+a=y 1-a R", "+a=x !a -a .a +a=y ", RETELL_AT_ONCE },
        { "deleted first", "1+a=x 2+a=y 1-a R", "+a=x !a -a .a +a=y ", RETELL_AFTER_DELETED },
        { "as it is by then", "1+a=x 2+a=y 2~a=z 1-a R 2~a=q", "+a=x !a -a .a +a=z ~a=q ",
          RETELL_LATER },
        { "it changes while awaited", "1+a=x 2+a=y 1-a 2~a=z R", "+a=x !a -a .a +a=z ~a=z ",
          RETELL_LATER },
        { "it goes while awaited", "1+a=x 2+a=y 1-a 2-a R", "+a=x !a -a .a ", RETELL_LATER },
        { "gone while awaited, and new", "1+a=x 2+a=y 1-a 2-a 2+a=z", "+a=x !a -a .a +a=z ",
          RETELL_LATER },
        { "the first's is back before the second's", "1+a=x 2+a=y 1-a 1+a=z R",
          "+a=x !a -a .a +a=z !a ", RETELL_LATER },
        { "back before, deleted first", "1+a=x 2+a=y 1-a 1+a=z R", "+a=x !a -a .a +a=z !a .a !a ",
          RETELL_AFTER_DELETED },
        { "the first's is back after the second's", "1+a=x 2+a=y 1-a R 1+a=z",
          "+a=x !a -a .a +a=y ~a=z !a ", RETELL_LATER },
        { "back and gone again", "1+a=x 2+a=y 1-a 1+a=z 1-a R", "+a=x !a -a .a +a=z !a -a .a +a=y ",
          RETELL_LATER },
        { "the first's goes after the second's has gone", "1+a=x 2+a=y 2-a 1-a", "+a=x !a .a -a ",
          RETELL_LATER },
        { "the second lists again what it has told", "2+a=y 2+a=y 2+a=z", "+a=y ~a=y ~a=z ",
          RETELL_LATER },
        { "deletions of what is not there", "1-a 2-a 2+b=y 1-b 1+c=x 2-c", "+b=y +c=x ",
          RETELL_LATER },
        { "one is not the other", "1+a=x 2+b=y 2+a=z 1-a R", "+a=x +b=y !a -a .a +a=z ",
          RETELL_LATER },
        { "synced when both are", "1S 2+a=x 2S", "+a=x S ", RETELL_LATER },
        { "in either order", "2S 2S 1+a=x 1S 2S", "+a=x S ", RETELL_LATER },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct union_kit kit;
        kit_new(&kit);
        kit.second.retelling = rows[i].retelling;
        kit_load(&kit);
        play(&kit, rows[i].script);
        if (strcmp(told_text(&kit), rows[i].want) != 0) {
            fail_msg("%s: %s", rows[i].name, kit.told.at);
        }
        kit_free(&kit);
    }
}

/* --- any order, compared with a model --- */

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
    dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((dice->state >> 33) % sides);
}

struct model {
    bool is_awaited[OBJECTS]; /* the second store's, from the deletion of the first's on */
};

static void step(struct union_kit *kit, struct model *model, struct dice *dice)
{
    const unsigned object = roll(dice, OBJECTS);
    const unsigned action = roll(dice, 7);
    struct fake *fake = action < 3 ? &kit->first : &kit->second;
    const bool is_there = fake->values[object] != 0;
    const bool is_later = kit->second.retelling != RETELL_AT_ONCE;
    if (action == 6) {
        memset(model, 0, sizeof(*model));
        fake_deliver(&kit->second);
    } else if (action % 3 == 0) {
        const bool takes_over = fake == &kit->first && is_there && kit->second.values[object];
        if (is_there) {
            model->is_awaited[object] = takes_over && is_later;
        }
        change(fake, '-', object, '\0');
    } else {
        model->is_awaited[object] = false;
        change(fake, is_there ? '~' : '+', object, (char)('A' + roll(dice, 26)));
    }
}

static void agree(const struct union_kit *kit, const struct model *model)
{
    struct store_stats stats;
    uint64_t told = 0;
    uint64_t twice = 0;
    for (unsigned i = 0; i < OBJECTS; i++) {
        const char first = kit->first.values[i];
        const char second = model->is_awaited[i] ? '\0' : kit->second.values[i];
        assert_int_equal(kit->known[i], first ? first : second);
        told += kit->known[i] != 0;
        twice += first && kit->second.values[i];
    }
    store_stats(kit->store, &stats);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), told);
    assert_int_equal(stats.problems, twice);
}

static void test_union_agrees_with_a_model_after_any_events(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct union_kit kit;
        struct model model = { 0 };
        struct dice dice = { seed };
        kit_new(&kit);
        kit.second.retelling = seed % RETELLING_COUNT_;
        kit_load(&kit);
        for (unsigned i = 0; i < 500; i++) {
            step(&kit, &model, &dice);
            agree(&kit, &model);
        }
        kit_free(&kit);
    }
}

/* --- a second store of several requests, each with an order of its own --- */

#define REQUESTS    3
#define HISTORY_MAX 64

/* Of one object: '\0' when it is not there, else the letter of its type, t or u. */
struct history {
    char types[HISTORY_MAX];
    size_t count;
    size_t seen[REQUESTS];   /* how far each request has come */
    bool is_asked[REQUESTS]; /* to tell it again */
    uint8_t heard[REQUESTS]; /* as reflectors have it */
};

struct lag_kit {
    struct store first;
    struct store second;
    struct store_request requests[REQUESTS]; /* of the second */
    struct history objects[OBJECTS];
    char first_types[OBJECTS];
    uint8_t first_heard[OBJECTS];
    char known[REQUESTS][OBJECTS]; /* by each listener */
    struct store *store;
};

/* The listeners: of type t, of type u, of all metadata. */
static const struct store_interest lag_interests[REQUESTS] = {
    { .kind = &kind_secret, .secret_type = "t" },
    { .kind = &kind_secret, .secret_type = "u" },
    { .kind = &kind_secret, .is_metadata_only = true },
};

struct lag_listener {
    struct lag_kit *kit;
    size_t number;
};

/* What a listener, or the request that serves him, sees of an object. */
static char seen_as(size_t listener, char type)
{
    return listener == 2 ? type : type == "tu"[listener] ? type : '\0';
}

static void lag_on_event(void *ctx, const struct store_event *event)
{
    const struct lag_listener *listener = ctx;
    if (event->type == STORE_SYNCED) {
        return;
    }
    char *known = &listener->kit->known[listener->number][event->name.at[0] - 'a'];
    assert_true((event->type == STORE_ADDED) == (*known == '\0'));
    assert_true(event->type == STORE_DELETED || listener->number == 2 || event->secret);
    /* metadata has no type: the uid says it */
    *known = event->type == STORE_DELETED ? '\0' : event->meta->uid.at[0];
}

static void lag_tell(struct store *part,
                     enum store_event_type type,
                     unsigned object,
                     char secret_type,
                     uint8_t listeners,
                     uint8_t *heard)
{
    const char name = (char)('a' + object);
    const struct secret secret = { .meta.uid = { &secret_type, 1 }, .type = { &secret_type, 1 } };
    const struct store_event event = {
        .type = type,
        .kind = &kind_secret,
        .namespace = SPAN_LITERAL("n"),
        .name = { .at = &name, .len = 1 },
        .meta = type == STORE_DELETED ? NULL : &secret.meta,
        .secret = type == STORE_DELETED ? NULL : &secret,
    };
    store_tell_to(part, &event, listeners, heard);
}

/* One request tells the next that happened. */
static void lag_advance(struct lag_kit *kit, unsigned object, size_t request)
{
    struct history *history = &kit->objects[object];
    if (history->seen[request] + 1 >= history->count) {
        return;
    }
    const char before = seen_as(request, history->types[history->seen[request]++]);
    const char after = seen_as(request, history->types[history->seen[request]]);
    if (before || after) {
        history->is_asked[request] = history->is_asked[request] && after;
        lag_tell(&kit->second,
                 !after   ? STORE_DELETED
                 : before ? STORE_MODIFIED
                          : STORE_ADDED,
                 object, after, kit->requests[request].listeners, &history->heard[request]);
    }
}

static void lag_deliver(struct lag_kit *kit, unsigned object, size_t request)
{
    struct history *history = &kit->objects[object];
    const char type = seen_as(request, history->types[history->seen[request]]);
    if (history->is_asked[request] && type) {
        lag_tell(&kit->second, STORE_DELETED, object, type, kit->requests[request].listeners,
                 &history->heard[request]);
        lag_tell(&kit->second, STORE_ADDED, object, type, kit->requests[request].listeners,
                 &history->heard[request]);
    }
    history->is_asked[request] = false;
}

static void lag_retell(struct store *store, const struct store_target *target)
{
    struct lag_kit *kit = CONTAINER_OF(store, struct lag_kit, second);
    struct history *history = &kit->objects[target->name.at[0] - 'a'];
    for (size_t i = 0; i < REQUESTS; i++) {
        history->is_asked[i] = true;
    }
}

static void lag_free(struct store *store)
{
    (void)store;
}

static enum status lag_load(struct store *store, struct problem *reterr_problem)
{
    (void)store;
    (void)reterr_problem;
    return ST_OK;
}

static bool lag_find_source(struct store *store,
                            const struct store_target *target,
                            char *ret_source)
{
    (void)store;
    (void)target;
    (void)ret_source;
    return false;
}

/* Never from one type to another: the API server lets nobody change it. */
static void lag_step(struct lag_kit *kit, struct dice *dice)
{
    static const char types[] = { '\0', 't', 'u' };
    const unsigned object = roll(dice, OBJECTS);
    struct history *history = &kit->objects[object];
    const char type = types[roll(dice, COUNTOF(types))];
    switch (roll(dice, 6)) {
    case 0:
        if (history->count + 2 < HISTORY_MAX) {
            if (type && history->types[history->count - 1]) {
                history->types[history->count++] = '\0';
            }
            history->types[history->count++] = type;
        }
        break;
    case 1:
        if (kit->first_types[object] != type) {
            lag_tell(&kit->first,
                     !type                      ? STORE_DELETED
                     : kit->first_types[object] ? STORE_MODIFIED
                                                : STORE_ADDED,
                     object, type, STORE_ALL_LISTENERS, &kit->first_heard[object]);
            kit->first_types[object] = type;
        }
        break;
    case 2:
        lag_deliver(kit, object, roll(dice, REQUESTS));
        break;
    default:
        lag_advance(kit, object, roll(dice, REQUESTS));
        break;
    }
}

/* Everybody knows at last what there is, in whatever order it came. */
static void lag_agree(struct lag_kit *kit)
{
    struct store_stats stats;
    uint64_t count = 0;
    for (unsigned object = 0; object < OBJECTS; object++) {
        const struct history *history = &kit->objects[object];
        const char last = history->types[history->count - 1];
        const char type = kit->first_types[object] ? kit->first_types[object] : last;
        count += type != '\0';
        for (size_t i = 0; i < REQUESTS; i++) {
            for (size_t at = 0; at < history->count; at++) {
                lag_advance(kit, object, i);
            }
            lag_deliver(kit, object, i);
            assert_int_equal(kit->known[i][object], seen_as(i, type));
        }
    }
    store_stats(kit->store, &stats);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), count);
}

static void test_union_of_several_requests_agrees_with_a_model(void **state)
{
    (void)state;
    static const struct store_ops ops = {
        .load = lag_load, .free = lag_free, .retell = lag_retell, .find_source = lag_find_source
    };
    for (unsigned seed = 1; seed <= 300; seed++) {
        struct lag_kit kit = { 0 };
        struct lag_listener listeners[REQUESTS];
        struct problem problem = { 0 };
        struct dice dice = { seed };
        store_base_init(&kit.first, &ops);
        store_base_init(&kit.second, &ops);
        const struct union_options options = { .first = &kit.first, .second = &kit.second };
        assert_int_equal(union_new(&options, &kit.store), ST_OK);
        for (size_t i = 0; i < REQUESTS; i++) {
            listeners[i] = (struct lag_listener){ &kit, i };
            assert_int_equal(
                store_subscribe(kit.store, &lag_interests[i], lag_on_event, &listeners[i]), ST_OK);
        }
        assert_int_equal(store_load(kit.store, &problem), ST_OK);
        assert_int_equal(store_requests(&kit.second, kit.requests), REQUESTS);
        for (unsigned object = 0; object < OBJECTS; object++) {
            kit.objects[object].count = 1; /* not there */
        }
        for (unsigned i = 0; i < 400; i++) {
            lag_step(&kit, &dice);
        }
        lag_agree(&kit);
        kit.store = store_free(kit.store);
    }
}

/* --- names --- */

static void note_problem(void *ctx, const struct problem *problem)
{
    *(struct problem *)ctx = *problem;
}

static void ignore_event(void *ctx, const struct store_event *event)
{
    (void)ctx;
    (void)event;
}

static bool find_nothing(struct store *store, const struct store_target *target, char *ret_source)
{
    (void)store;
    (void)target;
    (void)ret_source;
    return false;
}

static void tell_as_new(struct store *part, const struct store_event *event)
{
    uint8_t heard = 0;
    store_tell(part, event, &heard);
}

static void test_union_keeps_objects_apart_and_shows_no_whole_token(void **state)
{
    (void)state;
    const struct store_ops nameless_ops = { .load = fake_load,
                                            .free = fake_free,
                                            .find_source = find_nothing };
    struct fake parts[2] = { 0 };
    struct problem problem = { 0 };
    struct problem unused;
    struct store *store = NULL;
    struct store_stats stats;
    struct secret secret = { 0 };
    struct store_event event = { .kind = &kind_secret, .secret = &secret };
    store_base_init(&parts[0].base, &nameless_ops);
    store_base_init(&parts[1].base, &nameless_ops);
    struct union_options options = { .first = &parts[0].base,
                                     .second = &parts[1].base,
                                     .on_problem = note_problem,
                                     .ctx = &problem };
    assert_int_equal(union_new(&options, &store), ST_OK);
    assert_int_equal(store_subscribe(store, &all_secrets, ignore_event, NULL), ST_OK);
    assert_int_equal(store_load(store, &unused), ST_OK);
    /* "ab" in "a" is not "b" in "aa" */
    event.namespace = SPAN_LITERAL("a");
    event.name = SPAN_LITERAL("ab");
    tell_as_new(&parts[0].base, &event);
    event.namespace = SPAN_LITERAL("aa");
    event.name = SPAN_LITERAL("b");
    tell_as_new(&parts[1].base, &event);
    store_stats(store, &stats);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), 2);
    assert_int_equal(stats.problems, 0);
    event.namespace = SPAN_LITERAL("kube-system");
    event.name = SPAN_LITERAL("bootstrap-token-abcdef.0123456789abcdef");
    tell_as_new(&parts[0].base, &event);
    tell_as_new(&parts[1].base, &event);
    assert_string_equal(problem.text, "Secret kube-system/bootstrap-token-abcdef... is in the "
                                      "directory of manifests, too, which counts");
    assert_string_equal(problem.file, "kube-system/bootstrap-token-abcdef...");
    store_free(store);
}

/* So many that some have the same 32-bit hash (all but certain: 18 pairs on average). */
static void test_union_keeps_objects_of_the_same_hash_apart(void **state)
{
    (void)state;
    const struct store_ops plain_ops = { .load = fake_load, .free = fake_free };
    const size_t count = 400000;
    struct fake parts[2] = { 0 };
    struct problem unused;
    struct store *store = NULL;
    struct store_stats stats;
    struct secret secret = { 0 };
    store_base_init(&parts[0].base, &plain_ops);
    store_base_init(&parts[1].base, &plain_ops);
    const struct union_options options = { .first = &parts[0].base, .second = &parts[1].base };
    assert_int_equal(union_new(&options, &store), ST_OK);
    assert_int_equal(store_subscribe(store, &all_secrets, ignore_event, NULL), ST_OK);
    assert_int_equal(store_load(store, &unused), ST_OK);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        const int len = snprintf(name, sizeof(name), "bootstrap-token-%06zu", i);
        const struct store_event event = {
            .kind = &kind_secret,
            .namespace = SPAN_LITERAL("kube-system"),
            .name = { .at = name, .len = (size_t)len },
            .secret = &secret,
        };
        tell_as_new(&parts[1].base, &event);
    }
    store_stats(store, &stats);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), count);
    store_free(store);
}

/* --- kinds --- */

static void tell_object(struct store *part,
                        enum store_event_type type,
                        const struct store_event *of)
{
    struct store_event event = *of;
    event.type = type;
    event.meta = type == STORE_DELETED ? NULL : of->meta;
    uint8_t heard = type == STORE_ADDED ? 0 : UINT8_MAX;
    store_tell(part, &event, &heard);
}

/* Objects of one name and several kinds: each is told, kept back and written by itself. */
static void test_union_keeps_kinds_apart(void **state)
{
    (void)state;
    static const struct object_meta placed = { .name = SPAN_LITERAL("a"),
                                               .namespace = SPAN_LITERAL("n") };
    static const struct object_meta unplaced = { .name = SPAN_LITERAL("a") };
    static const struct store_event account = { .kind = &kind_service_account,
                                                .namespace = SPAN_LITERAL("n"),
                                                .name = SPAN_LITERAL("a"),
                                                .meta = &placed };
    static const struct store_event config = { .kind = &kind_config_map,
                                               .namespace = SPAN_LITERAL("n"),
                                               .name = SPAN_LITERAL("a"),
                                               .meta = &placed };
    static const struct store_event widget = { .kind = &kind_widget,
                                               .name = SPAN_LITERAL("a"),
                                               .meta = &unplaced };
    struct fake parts[2] = { 0 };
    struct problem problem = { 0 };
    struct problem unused;
    struct buf told = { 0 };
    struct store *store = NULL;
    store_base_init(&parts[0].base, &fake_ops);
    store_base_init(&parts[1].base, &fake_ops);
    parts[0].values[0] = 'x'; /* where it stands, is told */
    const struct union_options options = { .first = &parts[0].base,
                                           .second = &parts[1].base,
                                           .on_problem = note_problem,
                                           .ctx = &problem };
    assert_int_equal(union_new(&options, &store), ST_OK);
    kinds_subscribe(store, &told);
    assert_int_equal(store_load(store, &unused), ST_OK);
    tell_object(&parts[0].base, STORE_ADDED, &account);
    tell_object(&parts[1].base, STORE_ADDED, &config);
    tell_object(&parts[1].base, STORE_ADDED, &widget);
    tell_object(&parts[1].base, STORE_MODIFIED, &widget);
    assert_int_equal(problem.status, ST_OK);
    tell_object(&parts[1].base, STORE_ADDED, &account);
    assert_string_equal(problem.text, "ServiceAccount n/a is in m/a.yaml, too, which counts");
    tell_object(&parts[0].base, STORE_ADDED, &widget);
    assert_string_equal(problem.text, "Widget a is in m/a.yaml, too, which counts");
    tell_object(&parts[1].base, STORE_DELETED, &config);
    buf_append_char(&told, '\0');
    assert_string_equal(told.at, "+ServiceAccount n/a +ConfigMap n/a +Widget a ~Widget a "
                                 "~Widget a -ConfigMap n/a ");
    const struct store_write first = {
        .verb = STORE_GET, .target = { .kind = &kind_widget, .name = SPAN_LITERAL("a") }
    };
    const struct store_write second = { .verb = STORE_DELETE,
                                        .target = { .kind = &kind_config_map,
                                                    .namespace = SPAN_LITERAL("n"),
                                                    .name = SPAN_LITERAL("a") } };
    assert_int_equal(store_write(store, &first), ST_OK);
    assert_int_equal(store_write(store, &second), ST_OK);
    assert_int_equal(parts[0].last_call, 'g');
    assert_int_equal(parts[1].last_call, 'd');
    buf_fini(&told);
    store_free(store);
}

/* --- the other operations --- */

static void test_union_loads_and_watches_both(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum status first;
        enum status second;
        enum status want;
        unsigned second_calls; /* of one that failed before, nobody asks the other */
    } rows[] = {
        { "both whole", ST_OK, ST_OK, ST_OK, 1 },
        { "the second later", ST_OK, ST_UNSETTLED, ST_UNSETTLED, 1 },
        { "the first later", ST_UNSETTLED, ST_OK, ST_UNSETTLED, 1 },
        { "both later", ST_UNSETTLED, ST_UNSETTLED, ST_UNSETTLED, 1 },
        { "the first fails", ST_IO, ST_OK, ST_IO, 0 },
        { "the second fails", ST_UNSETTLED, ST_NOMEM, ST_NOMEM, 1 },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct union_kit kit;
        struct problem problem = { 0 };
        kit_new(&kit);
        kit.first.load_status = rows[i].first;
        kit.second.load_status = rows[i].second;
        if (store_load(kit.store, &problem) != rows[i].want) {
            fail_msg("%s", rows[i].name);
        }
        assert_int_equal(problem.status, rows[i].want);
        assert_int_equal(kit.first.loads, 1);
        assert_int_equal(kit.second.loads, rows[i].second_calls);
        kit_free(&kit);
    }
    const enum status statuses[] = { ST_OK, ST_IO };
    char not_a_loop;
    for (size_t i = 0; i < COUNTOF(statuses); i++) {
        struct union_kit kit;
        struct problem problem = { 0 };
        kit_new(&kit);
        kit.first.watch_status = statuses[i];
        assert_int_equal(store_watch(kit.store, (struct loop *)(void *)&not_a_loop, &problem),
                         statuses[i]);
        assert_int_equal(kit.second.watches, statuses[i] == ST_OK);
        kit.second.watch_status = ST_NOMEM;
        assert_int_equal(store_watch(kit.store, (struct loop *)(void *)&not_a_loop, &problem),
                         statuses[i] == ST_OK ? ST_NOMEM : ST_IO);
        kit_free(&kit);
    }
}

static void test_union_asks_both_for_what_it_is_asked_for(void **state)
{
    (void)state;
    static const struct store_interest here = { .kind = &kind_secret,
                                                .namespace = "here",
                                                .secret_type = "t" };
    static const struct store_interest there = { .kind = &kind_secret,
                                                 .namespace = "there",
                                                 .secret_type = "t" };
    struct union_kit kit;
    struct problem problem = { 0 };
    struct store_request got[STORE_MAX_HANDLERS];
    kit_new(&kit);
    assert_int_equal(store_subscribe(kit.store, &here, on_event, &kit), ST_OK);
    assert_int_equal(store_subscribe(kit.store, &there, on_event, &kit), ST_OK);
    assert_int_equal(store_load(kit.store, &problem), ST_OK);
    const struct fake *parts[] = { &kit.first, &kit.second };
    for (size_t i = 0; i < COUNTOF(parts); i++) {
        assert_int_equal(store_requests(&parts[i]->base, got), 2);
        assert_string_equal(got[0].interest.namespace, "here");
        assert_string_equal(got[1].interest.namespace, "there");
    }
    kit_free(&kit);
}

static void test_union_of_several_interests_tells_each_event_once(void **state)
{
    (void)state;
    static const struct store_interest here = { .kind = &kind_secret,
                                                .namespace = "here",
                                                .hears_more = true };
    static const struct store_interest typed = { .kind = &kind_secret,
                                                 .secret_type = "t",
                                                 .hears_more = true };
    struct union_kit kit;
    struct union_kit other = { 0 };
    struct problem problem = { 0 };
    kit_new(&kit);
    assert_int_equal(store_subscribe(kit.store, &here, on_event, &kit), ST_OK);
    assert_int_equal(store_subscribe(kit.store, &typed, on_event, &other), ST_OK);
    assert_int_equal(store_load(kit.store, &problem), ST_OK);
    play(&kit, "1+a=x 2+b=y 1-a 1S 2S");
    assert_string_equal(told_text(&kit), "+a=x +b=y -a S ");
    assert_string_equal(told_text(&other), "+a=x +b=y -a S ");
    buf_fini(&other.told);
    kit_free(&kit);
}

static void test_union_that_nobody_asks_for_objects_is_synced_all_the_same(void **state)
{
    (void)state;
    struct union_kit kit;
    struct problem problem = { 0 };
    kit_new(&kit);
    assert_int_equal(store_subscribe(kit.store, NULL, on_event, &kit), ST_OK);
    assert_int_equal(store_load(kit.store, &problem), ST_OK);
    assert_false(store_wants(&kit.first.base, &kind_secret));
    play(&kit, "1+a=x 2+a=y 1S 2S");
    assert_string_equal(told_text(&kit), "S ");
    kit_free(&kit);
}

static void on_done(void *ctx,
                    enum status status,
                    const json_object *object,
                    const struct problem *problem)
{
    (void)ctx;
    (void)status;
    (void)object;
    (void)problem;
}

static enum status call(struct store *store, char operation, const char *name)
{
    json_object *object = json_object_new_object();
    json_object *meta = json_object_new_object();
    const struct store_target target = {
        .kind = &kind_secret,
        .namespace = SPAN_LITERAL("n"),
        .name = span_of(name),
    };
    enum status status = ST_INTERNAL;
    (void)json_object_object_add(meta, "namespace", json_object_new_string("n"));
    (void)json_object_object_add(meta, "name",
                                 name ? json_object_new_string(name) : json_object_new_int(1));
    (void)json_object_object_add(object, "metadata", meta);
    switch (operation) {
    case 'c':
        status = store_create(store, &kind_secret, object, on_done, NULL);
        break;
    case 'g':
        status = store_get(store, &target, on_done, NULL);
        break;
    case 'u':
        status = store_update(store, &kind_secret, object, on_done, NULL);
        break;
    case 'p':
        status = store_patch(store, &target, object, on_done, NULL);
        break;
    case 'd':
        status = store_delete(store, &target, on_done, NULL);
        break;
    default:
        break;
    }
    json_object_put(object);
    return status;
}

static void test_union_writes_where_the_object_is(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *script;
        const char *object; /* NULL: its name is no string, and none is given */
        bool is_first;
    } rows[] = {
        { "in the first", "1+a=x", "a", true },
        { "in the second", "2+a=x", "a", false },
        { "in both", "2+a=x 1+a=y", "a", true },
        { "in the first no more", "2+a=x 1+a=y 1-a", "a", false },
        { "in the second no more", "2+a=x 1+a=y 2-a", "a", true },
        { "in neither", "", "a", false },
        { "another one in the first", "1+b=x", "a", false },
        { "without a name", "1+a=x", NULL, false },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        for (const char *operation = "cgupd"; *operation; operation++) {
            struct union_kit kit;
            kit_new(&kit);
            kit.second.write_status = ST_LIMIT;
            kit_load(&kit);
            play(&kit, rows[i].script);
            const struct fake *asked = rows[i].is_first ? &kit.first : &kit.second;
            const struct fake *spared = rows[i].is_first ? &kit.second : &kit.first;
            assert_int_equal(call(kit.store, *operation, rows[i].object), asked->write_status);
            if (asked->last_call != *operation || spared->last_call != 0) {
                fail_msg("%s: %c goes elsewhere", rows[i].name, *operation);
            }
            assert_ptr_equal(asked->last_done, on_done);
            kit_free(&kit);
        }
    }
}

static void test_union_adds_up_figures(void **state)
{
    (void)state;
    struct union_kit kit;
    struct store_stats stats;
    kit_new(&kit);
    kit.first.stats = (struct store_stats){
        .files = 3,
        .problems = 5,
        .reloads_ok = 7,
        .reloads_failed = 1,
        .last_reload_sec = 100,
        .last_reload_ok = true,
        .is_synced = true,
    };
    kit.second.stats = (struct store_stats){
        .problems = 10,
        .reloads_ok = 20,
        .is_remote = true,
        .is_connected = true,
        .last_contact_sec = 200,
        .last_failure = ST_TIMEOUT,
        .lists_ok = 1,
        .lists_failed = 2,
        .watches_begun = 3,
        .watch_events = 4,
    };
    kit_load(&kit);
    play(&kit, "1+a=x 2+a=y 2+b=z");
    store_stats(kit.store, &stats);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), 2);
    assert_int_equal(stats.files, 3);
    assert_int_equal(stats.problems, 5 + 10 + 1);
    assert_int_equal(stats.reloads_ok, 27);
    assert_int_equal(stats.reloads_failed, 1);
    assert_int_equal(stats.last_reload_sec, 100);
    assert_true(stats.last_reload_ok);
    assert_false(stats.is_synced);
    assert_true(stats.is_remote);
    assert_true(stats.is_connected);
    assert_int_equal(stats.last_contact_sec, 200);
    assert_int_equal(stats.last_failure, ST_TIMEOUT);
    assert_int_equal(stats.lists_ok, 1);
    assert_int_equal(stats.lists_failed, 2);
    assert_int_equal(stats.watches_begun, 3);
    assert_int_equal(stats.watch_events, 4);
    kit.second.stats.last_reload_sec = 101;
    play(&kit, "1S 2S");
    store_stats(kit.store, &stats);
    assert_int_equal(stats.last_reload_sec, 101);
    assert_false(stats.last_reload_ok);
    assert_true(stats.is_synced);
    kit_free(&kit);
}

static int64_t told_until_200(const struct store *store, const struct object_kind *kind)
{
    (void)store;
    return kind == &kind_secret ? 200 : 0;
}

/* A directory is at no distance. */
static void test_union_has_told_what_its_second_store_has(void **state)
{
    (void)state;
    struct store_ops remote_ops = fake_ops;
    struct union_kit kit;
    remote_ops.told_until_sec = told_until_200;
    kit_new(&kit);
    assert_int_equal(store_told_until_sec(&kit.first.base, &kind_secret), INT64_MAX);
    kit.second.base.ops = &remote_ops;
    assert_int_equal(store_told_until_sec(kit.store, &kind_secret), 200);
    assert_int_equal(store_told_until_sec(kit.store, &kind_pod), 0);
    kit_free(&kit);
}

static void test_union_frees_both(void **state)
{
    (void)state;
    unsigned frees = 0;
    struct union_kit kit;
    kit_new(&kit);
    kit.first.frees = &frees;
    kit.second.frees = &frees;
    kit_load(&kit);
    play(&kit, "1+a=x 2+a=y 2+b=z");
    kit_free(&kit);
    assert_int_equal(frees, 2);
}

static void test_union_without_memory_frees_both(void **state)
{
    (void)state;
    unsigned frees = 0;
    struct fake parts[2] = { { .frees = &frees }, { .frees = &frees } };
    struct store *store = NULL;
    if (!alloc_fail_is_available()) {
        return;
    }
    store_base_init(&parts[0].base, &fake_ops);
    store_base_init(&parts[1].base, &fake_ops);
    const struct union_options options = { .first = &parts[0].base, .second = &parts[1].base };
    alloc_fail_arm(1);
    const enum status status = union_new(&options, &store);
    assert_true(alloc_fail_disarm());
    assert_int_equal(status, ST_NOMEM);
    assert_int_equal(frees, 2);
}

/* An object there is no memory for is left out and told as a problem; the next change brings it. */
static void test_union_without_memory_for_an_object_says_so(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    for (size_t nth = 1; nth <= 3; nth++) { /* the object, and the table's two arrays */
        struct fake parts[2] = { 0 };
        struct union_kit kit = { 0 };
        struct problem problem = { 0 };
        struct problem unused;
        struct store *store = NULL;
        store_base_init(&parts[0].base, &fake_ops);
        store_base_init(&parts[1].base, &fake_ops);
        const struct union_options options = { .first = &parts[0].base,
                                               .second = &parts[1].base,
                                               .on_problem = note_problem,
                                               .ctx = &problem };
        assert_int_equal(union_new(&options, &store), ST_OK);
        assert_int_equal(store_subscribe(store, &all_secrets, on_event, &kit), ST_OK);
        assert_int_equal(store_load(store, &unused), ST_OK);
        alloc_fail_arm(nth);
        change(&parts[1], '+', 0, 'x');
        assert_true(alloc_fail_disarm());
        assert_int_equal(problem.status, ST_NOMEM);
        assert_string_equal(problem.file, "n/a");
        change(&parts[1], '~', 0, 'y');
        assert_string_equal(told_text(&kit), "+a=y ");
        buf_fini(&kit.told);
        store_free(store);
    }
}

static void append_reread(void *ctx, const struct store_reread *found)
{
    struct union_kit *kit = ctx;
    buf_printf(&kit->told, "%s ", found->what);
}

static void test_union_rereads_both(void **state)
{
    (void)state;
    struct union_kit kit;
    kit_new(&kit);
    kit_load(&kit);
    kit.second.is_second = true;
    store_reread(kit.store, append_reread, &kit);
    assert_string_equal(told_text(&kit), "first second ");
    kit_free(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_union_tells_the_first_stores_object_in_every_order),
        cmocka_unit_test(test_union_agrees_with_a_model_after_any_events),
        cmocka_unit_test(test_union_of_several_requests_agrees_with_a_model),
        cmocka_unit_test(test_union_keeps_objects_apart_and_shows_no_whole_token),
        cmocka_unit_test(test_union_keeps_objects_of_the_same_hash_apart),
        cmocka_unit_test(test_union_keeps_kinds_apart),
        cmocka_unit_test(test_union_loads_and_watches_both),
        cmocka_unit_test(test_union_asks_both_for_what_it_is_asked_for),
        cmocka_unit_test(test_union_of_several_interests_tells_each_event_once),
        cmocka_unit_test(test_union_that_nobody_asks_for_objects_is_synced_all_the_same),
        cmocka_unit_test(test_union_writes_where_the_object_is),
        cmocka_unit_test(test_union_adds_up_figures),
        cmocka_unit_test(test_union_has_told_what_its_second_store_has),
        cmocka_unit_test(test_union_frees_both),
        cmocka_unit_test(test_union_rereads_both),
        cmocka_unit_test(test_union_without_memory_frees_both),
        cmocka_unit_test(test_union_without_memory_for_an_object_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
