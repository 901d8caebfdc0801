/* SPDX-License-Identifier: Apache-2.0 */
/* What all back ends share: who is told what, in which order, and the figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"
#include "store/store_base.h"

static const struct store_interest all_secrets = { .kind = &kind_secret };

struct listener {
    char name;
    char *trace; /* where all listeners write in turn */
    size_t *trace_len;
    struct store_event last;
};

static void note_event(void *ctx, const struct store_event *event)
{
    struct listener *listener = ctx;
    listener->trace[(*listener->trace_len)++] = listener->name;
    listener->last = *event;
}

struct fake {
    struct store base;
    unsigned loads;
    unsigned watches;
    unsigned *frees;
};

static enum status fake_load(struct store *store, struct problem *reterr_problem)
{
    struct fake *fake = CONTAINER_OF(store, struct fake, base);
    fake->loads++;
    problem_set(reterr_problem, ST_UNSETTLED, 0, 0, "said by the back end");
    return ST_UNSETTLED;
}

static enum status fake_watch(struct store *store,
                              struct loop *loop,
                              struct problem *reterr_problem)
{
    (void)loop;
    (void)reterr_problem;
    CONTAINER_OF(store, struct fake, base)->watches++;
    return ST_OK;
}

static void fake_reread(struct store *store, store_reread_fn *fn, void *ctx)
{
    (void)store;
    fn(ctx, &(struct store_reread){ .what = "fake", .status = ST_UNSETTLED });
}

static void fake_free(struct store *store)
{
    (*CONTAINER_OF(store, struct fake, base)->frees)++;
}

static const struct store_ops fake_ops = {
    .load = fake_load,
    .watch = fake_watch,
    .free = fake_free,
    .reread = fake_reread,
};

static void test_store_tells_all_listeners_in_order(void **state)
{
    (void)state;
    struct store store;
    char trace[16] = "";
    size_t trace_len = 0;
    struct listener a = { .name = 'a', .trace = trace, .trace_len = &trace_len };
    struct listener b = { .name = 'b', .trace = trace, .trace_len = &trace_len };
    store_base_init(&store, &fake_ops);
    assert_false(store_wants(&store, &kind_secret));
    assert_int_equal(store_subscribe(&store, &all_secrets, note_event, &a), ST_OK);
    assert_int_equal(store_subscribe(&store, &all_secrets, note_event, &b), ST_OK);
    assert_true(store_wants(&store, &kind_secret));
    const struct store_event event = {
        .type = STORE_MODIFIED,
        .kind = &kind_secret,
        .name = SPAN_LITERAL("n"),
    };
    uint8_t heard = 3; /* both, before */
    store_tell(&store, &event, &heard);
    assert_string_equal(trace, "ab");
    assert_int_equal(b.last.type, STORE_MODIFIED);
    assert_true(span_equal(b.last.name, SPAN_LITERAL("n")));
}

static void test_store_synced_is_told_once(void **state)
{
    (void)state;
    struct store store;
    char trace[16] = "";
    size_t trace_len = 0;
    struct listener a = { .name = 'a', .trace = trace, .trace_len = &trace_len };
    struct store_stats stats;
    store_base_init(&store, &fake_ops);
    assert_int_equal(store_subscribe(&store, &all_secrets, note_event, &a), ST_OK);
    store_stats(&store, &stats);
    assert_false(stats.is_synced);
    store_tell_synced(&store);
    store_tell_synced(&store);
    assert_string_equal(trace, "a");
    assert_int_equal(a.last.type, STORE_SYNCED);
    store_stats(&store, &stats);
    assert_true(stats.is_synced);
}

static void test_store_who_wants_no_objects_is_told_synced_only(void **state)
{
    (void)state;
    struct store store;
    char trace[16] = "";
    size_t trace_len = 0;
    struct listener a = { .name = 'a', .trace = trace, .trace_len = &trace_len };
    store_base_init(&store, &fake_ops);
    assert_int_equal(store_subscribe(&store, NULL, note_event, &a), ST_OK);
    assert_false(store_wants(&store, &kind_secret));
    uint8_t heard = 0;
    store_tell(&store, &(struct store_event){ .type = STORE_ADDED, .kind = &kind_secret }, &heard);
    assert_string_equal(trace, "");
    store_tell_synced(&store);
    assert_string_equal(trace, "a");
}

/* What a store has to fetch: each interest once, the narrower ones left to the wider. */
static void test_store_interests_that_another_covers_are_left_out(void **state)
{
    (void)state;
    static const struct store_interest all = { .kind = &kind_secret };
    static const struct store_interest here = { .kind = &kind_secret, .namespace = "here" };
    static const struct store_interest typed = { .kind = &kind_secret, .secret_type = "t" };
    static const struct store_interest here_typed = { .kind = &kind_secret,
                                                      .namespace = "here",
                                                      .secret_type = "t" };
    static const struct store_interest there = { .kind = &kind_secret,
                                                 .namespace = "there",
                                                 .secret_type = "t" };
    static const struct {
        const char *name;
        const struct store_interest *asked[4]; /* NULL: STORE_SYNCED only */
        size_t asked_count;
        const struct store_interest *want[4];
        size_t want_count;
    } rows[] = {
        { "nobody", { NULL }, 1, { NULL }, 0 },
        { "the same twice", { &here_typed, &here_typed }, 2, { &here_typed }, 1 },
        { "two places", { &here_typed, &there }, 2, { &here_typed, &there }, 2 },
        { "wider later", { &here_typed, &there, &typed }, 3, { &typed }, 1 },
        { "wider first", { &all, &here, NULL, &there }, 4, { &all }, 1 },
        { "neither covers", { &here, &typed }, 2, { &all }, 1 },
        { "what covers both overlaps with a third", { &there, &here, &typed }, 3, { &all }, 1 },
        { "a type is narrower", { &here_typed, &here }, 2, { &here }, 1 },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct store store;
        struct store_request got[STORE_MAX_HANDLERS];
        store_base_init(&store, &fake_ops);
        for (size_t j = 0; j < rows[i].asked_count; j++) {
            assert_int_equal(store_subscribe(&store, rows[i].asked[j], note_event, NULL), ST_OK);
        }
        if (store_requests(&store, got) != rows[i].want_count) {
            fail_msg("%s: another number of interests", rows[i].name);
        }
        for (size_t j = 0; j < rows[i].want_count; j++) {
            assert_ptr_equal(got[j].interest.namespace, rows[i].want[j]->namespace);
            assert_ptr_equal(got[j].interest.secret_type, rows[i].want[j]->secret_type);
        }
    }
}

/* Metadata of many is not made the whole of many, and comes with the whole where that is asked for
 * anyway. */
static void test_store_requests_keep_metadata_apart(void **state)
{
    (void)state;
    static const struct store_interest all = { .kind = &kind_secret };
    static const struct store_interest names = { .kind = &kind_secret, .is_metadata_only = true };
    static const struct store_interest here = { .kind = &kind_secret, .namespace = "here" };
    static const struct store_interest names_here = { .kind = &kind_secret,
                                                      .namespace = "here",
                                                      .is_metadata_only = true };
    static const struct store_interest typed = { .kind = &kind_secret, .secret_type = "t" };
    static const struct store_interest names_typed = { .kind = &kind_secret,
                                                       .secret_type = "t",
                                                       .is_metadata_only = true };
    static const struct store_interest other = { .kind = &kind_secret,
                                                 .namespace = "here",
                                                 .secret_type = "u" };
    static const struct store_interest pods = { .kind = &kind_pod, .is_metadata_only = true };
    static const struct {
        const char *name;
        const struct store_interest *asked[4];
        const char *want; /* a request each: listeners, then * of all of it and + when counted */
    } rows[] = {
        { "two types and all names", { &typed, &other, &names }, "0* 1* 2+ " },
        { "in any order", { &names, &other, &typed }, "1* 2* 0+ " },
        { "names that come with the whole", { &names, &all }, "01*+ " },
        { "also of a part", { &here, &names_here }, "01*+ " },
        { "names of a part only, and the whole of another", { &typed, &names_here }, "0*+ 1+ " },
        { "names twice", { &names_here, &typed, &names }, "1* 02+ " },
        { "no type without the whole", { &names_typed, &names }, "0* 1+ " },
        { "which may be there", { &names_typed, &typed }, "01*+ " },
        { "another kind", { &pods, &names, &typed }, "2* 0+ 1+ " },
        { "the wider whole takes the names of the narrower",
          { &here, &names_here, &typed },
          "012*+ " },
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct store store;
        struct store_request got[STORE_MAX_HANDLERS];
        char text[64] = "";
        size_t len = 0;
        store_base_init(&store, &fake_ops);
        for (size_t j = 0; j < COUNTOF(rows[i].asked) && rows[i].asked[j]; j++) {
            assert_int_equal(store_subscribe(&store, rows[i].asked[j], note_event, NULL), ST_OK);
        }
        const size_t count = store_requests(&store, got);
        for (size_t j = 0; j < count; j++) {
            for (unsigned bit = 0; bit < STORE_MAX_HANDLERS; bit++) {
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s",
                                        (got[j].listeners >> bit) & 1, &"01234567"[bit]);
            }
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s ",
                                    got[j].interest.is_metadata_only ? "" : "*",
                                    got[j].is_counted ? "+" : "");
        }
        if (strcmp(text, rows[i].want) != 0) {
            fail_msg("%s: %s", rows[i].name, text);
        }
    }
}

static void note_interest(void *ctx, const struct store_event *event)
{
    *(const struct store_interest **)ctx = event->interest;
}

/* By one request or another, and who listens twice can tell by which interest. */
static void test_store_tells_only_the_listeners_of_a_request(void **state)
{
    (void)state;
    const struct store_interest *told[2] = { NULL, NULL };
    struct store store;
    uint8_t heard = 0;
    const struct store_event event = { .type = STORE_ADDED,
                                       .kind = &kind_secret,
                                       .name = SPAN_LITERAL("n") };
    store_base_init(&store, &fake_ops);
    assert_int_equal(store_subscribe(&store, &all_secrets, note_interest, &told[0]), ST_OK);
    assert_int_equal(store_subscribe(&store, &all_secrets, note_interest, &told[1]), ST_OK);
    store_tell_to(&store, &event, 2, &heard);
    assert_null(told[0]);
    assert_ptr_equal(told[1], &store.subscriptions[1].interest);
    assert_int_equal(heard, 2);
    store_tell_to(&store, &event, 1, &heard);
    assert_ptr_equal(told[0], &store.subscriptions[0].interest);
    assert_int_equal(heard, 3);
}

struct hearing {
    char text[256];
};

static void note_hearing(void *ctx, const struct store_event *event)
{
    struct hearing *hearing = ctx;
    const size_t len = strlen(hearing->text);
    (void)snprintf(hearing->text + len, sizeof(hearing->text) - len, "%c%s%s%s ",
                   "+~-"[event->type], event -> meta ? "m" : "", event->secret ? "s" : "",
                   event->json ? "j" : "");
}

/* Each hears of what it has asked for, as much as it has asked for, and added first. */
static void test_store_tells_each_what_its_interest_names(void **state)
{
    (void)state;
    static const struct {
        struct store_interest interest;
        const char *want;
    } rows[] = {
        { { .kind = &kind_secret }, "+ms ~ms ~ms ~ms - " },
        { { .kind = &kind_secret, .wants_json = true }, "+msj ~msj ~msj ~msj - " },
        { { .kind = &kind_secret, .is_metadata_only = true }, "+m ~m ~m ~m - " },
        { { .kind = &kind_secret, .namespace = "n" }, "+ms ~ms ~ms ~ms - " },
        { { .kind = &kind_secret, .namespace = "m" }, "" },
        { { .kind = &kind_secret, .namespace = "m", .hears_more = true }, "+ms ~ms ~ms ~ms - " },
        { { .kind = &kind_secret, .secret_type = "t", .is_metadata_only = true }, "+m - +m - " },
        { { .kind = &kind_config_map }, "" },
    };
    struct secret secret = { .type = SPAN_LITERAL("t") };
    json_object *json = json_object_new_object();
    struct store store;
    struct hearing hearings[COUNTOF(rows)] = { 0 };
    uint8_t heard = 0;
    struct store_event event = { .kind = &kind_secret,
                                 .namespace = SPAN_LITERAL("n"),
                                 .meta = &secret.meta,
                                 .secret = &secret,
                                 .json = json };
    store_base_init(&store, &fake_ops);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        assert_int_equal(store_subscribe(&store, &rows[i].interest, note_hearing, &hearings[i]),
                         ST_OK);
    }
    store_tell(&store, &event, &heard);
    event.type = STORE_MODIFIED;
    secret.type = SPAN_LITERAL("other");
    store_tell(&store, &event, &heard);
    secret.type = SPAN_LITERAL("t");
    store_tell(&store, &event, &heard);
    secret.meta.is_refused = true; /* then nobody knows */
    store_tell(&store, &event, &heard);
    event.type = STORE_DELETED;
    store_tell(&store, &event, &heard);
    assert_int_equal(heard, 0);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        if (strcmp(hearings[i].text, rows[i].want) != 0) {
            fail_msg("row %zu: %s", i, hearings[i].text);
        }
    }
    (void)json_object_put(json);
}

/* As a reflector of another interest tells of an object: metadata, and nothing to decode a Secret
 * of.
 */
static void test_store_metadata_is_nothing_for_who_needs_the_secret(void **state)
{
    (void)state;
    static const struct {
        struct store_interest interest;
        const char *want;
    } rows[] = {
        { { .kind = &kind_secret, .namespace = "m", .hears_more = true }, "" },
        { { .kind = &kind_secret, .is_metadata_only = true, .hears_more = true }, "+m " },
        { { .kind = &kind_secret, .is_metadata_only = true }, "+m " },
    };
    const struct object_meta meta = { 0 };
    const struct store_event event = { .kind = &kind_secret,
                                       .namespace = SPAN_LITERAL("n"),
                                       .meta = &meta };
    struct store store;
    struct hearing hearings[COUNTOF(rows)] = { 0 };
    uint8_t heard = 0;
    store_base_init(&store, &fake_ops);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        assert_int_equal(store_subscribe(&store, &rows[i].interest, note_hearing, &hearings[i]),
                         ST_OK);
    }
    store_tell(&store, &event, &heard);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        assert_string_equal(hearings[i].text, rows[i].want);
    }
}

static void test_store_refuses_more_listeners_than_it_has_room_for(void **state)
{
    (void)state;
    struct store store;
    store_base_init(&store, &fake_ops);
    for (size_t i = 0; i < STORE_MAX_HANDLERS; i++) {
        assert_int_equal(store_subscribe(&store, &all_secrets, note_event, NULL), ST_OK);
    }
    assert_int_equal(store_subscribe(&store, &all_secrets, note_event, NULL), ST_LIMIT);
}

static void ignore_event(void *ctx, const struct store_event *event)
{
    (void)ctx;
    (void)event;
}

static void test_store_counts_objects_and_reloads(void **state)
{
    (void)state;
    struct store store;
    struct store_stats stats;
    store_base_init(&store, &fake_ops);
    assert_int_equal(store_subscribe(&store, &all_secrets, ignore_event, NULL), ST_OK);
    const enum store_event_type types[] = { STORE_ADDED, STORE_ADDED, STORE_MODIFIED,
                                            STORE_DELETED };
    const uint64_t want[] = { 1, 2, 2, 1 };
    for (size_t i = 0; i < COUNTOF(types); i++) {
        uint8_t heard = 0;
        store_tell(&store, &(struct store_event){ .type = types[i], .kind = &kind_secret }, &heard);
        store_stats(&store, &stats);
        assert_int_equal(store_stats_objects(&stats, &kind_secret), want[i]);
    }
    store_count_reload(&store, true, 100);
    store_count_reload(&store, false, 200);
    store_stats(&store, &stats);
    assert_int_equal(stats.reloads_ok, 1);
    assert_int_equal(stats.reloads_failed, 1);
    assert_int_equal(stats.last_reload_sec, 200);
    assert_false(stats.last_reload_ok);
}

static void test_store_calls_its_back_end(void **state)
{
    (void)state;
    unsigned frees = 0;
    struct fake fake = { .frees = &frees };
    struct problem problem = { 0 };
    store_base_init(&fake.base, &fake_ops);
    assert_int_equal(store_load(&fake.base, &problem), ST_UNSETTLED);
    assert_string_equal(problem.text, "said by the back end");
    char not_a_loop;
    assert_int_equal(store_watch(&fake.base, (struct loop *)(void *)&not_a_loop, &problem), ST_OK);
    assert_int_equal(fake.loads, 1);
    assert_int_equal(fake.watches, 1);
    assert_null(store_free(&fake.base));
    assert_null(store_free(NULL));
    assert_int_equal(frees, 1);
}

static void note_reread(void *ctx, const struct store_reread *found)
{
    *(struct store_reread *)ctx = *found;
}

static void test_store_rereads_where_its_back_end_follows_something(void **state)
{
    (void)state;
    struct store_ops follows_nothing = fake_ops;
    struct store store;
    struct store_reread found = { 0 };
    follows_nothing.reread = NULL;
    store_base_init(&store, &follows_nothing);
    store_reread(&store, note_reread, &found);
    assert_null(found.what);
    store_base_init(&store, &fake_ops);
    store_reread(&store, note_reread, &found);
    assert_string_equal(found.what, "fake");
    assert_int_equal(found.status, ST_UNSETTLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_tells_all_listeners_in_order),
        cmocka_unit_test(test_store_synced_is_told_once),
        cmocka_unit_test(test_store_who_wants_no_objects_is_told_synced_only),
        cmocka_unit_test(test_store_interests_that_another_covers_are_left_out),
        cmocka_unit_test(test_store_requests_keep_metadata_apart),
        cmocka_unit_test(test_store_tells_only_the_listeners_of_a_request),
        cmocka_unit_test(test_store_tells_each_what_its_interest_names),
        cmocka_unit_test(test_store_metadata_is_nothing_for_who_needs_the_secret),
        cmocka_unit_test(test_store_refuses_more_listeners_than_it_has_room_for),
        cmocka_unit_test(test_store_counts_objects_and_reloads),
        cmocka_unit_test(test_store_calls_its_back_end),
        cmocka_unit_test(test_store_rereads_where_its_back_end_follows_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
