/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits is resumed by what he waits for, or when his time has passed, and never slept over. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "engine/waiting.h"
#include "support/file_kit.h"

#define FAMILY  AUTHENTICATOR_BOOTSTRAP
#define SOURCE  7U
#define MS      INT64_C(1000000)
#define LONG_NS (20000 * MS) /* nothing here lasts as long, not with a sanitizer either */

/* What a test has wait. */
struct asked {
    struct waiter waiter;
    unsigned resumed;
};

struct fixture {
    struct file_kit kit; /* for its loop */
    struct waiting *waiting;
    struct clock clock;

    /* the keys' side */
    enum waiting_want answers[WAIT_SOURCES_MAX]; /* by source */
    unsigned wanted_count;
    unsigned unwanted_count;
    waiting_done_fn *done;
    void *marks[WAIT_SOURCES_MAX]; /* of the last want, by source */
};

static enum waiting_want want(
    void *ctx, enum authenticator_id family, unsigned source, waiting_done_fn *done, void *mark)
{
    struct fixture *fixture = ctx;
    assert_int_equal(family, FAMILY);
    fixture->wanted_count++;
    fixture->done = done;
    fixture->marks[source] = mark;
    return fixture->answers[source];
}

static void unwant(void *ctx, enum authenticator_id family, unsigned source, void *mark)
{
    struct fixture *fixture = ctx;
    assert_int_equal(family, FAMILY);
    assert_ptr_equal(mark, fixture->marks[source]);
    fixture->unwanted_count++;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    kit_init(&fixture->kit);
    fixture->clock = clock_system();
    assert_int_equal(waiting_new(fixture->kit.loop, fixture->clock, &fixture->waiting), ST_OK);
    const struct waiting_keys keys = { .want = want, .unwant = unwant, .ctx = fixture };
    waiting_set_keys(fixture->waiting, &keys);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fixture->waiting = waiting_free(fixture->waiting);
    kit_fini(&fixture->kit);
    free(fixture);
    return 0;
}

static void on_resume(struct waiter *waiter)
{
    struct asked *asked = (struct asked *)(void *)waiter; /* its first member */
    asked->resumed++;
}

static struct question_wait object(uint64_t what)
{
    return (struct question_wait){ .kind = WAIT_OBJECT, .source = SOURCE, .what = what };
}

static struct question_wait keys_of(uint64_t sources)
{
    return (struct question_wait){ .kind = WAIT_KEYS, .source = SOURCE, .what = sources };
}

static void prepare(struct fixture *fixture, struct asked *asked, struct question_wait wait)
{
    *asked = (struct asked){
        .waiter = { .family = FAMILY,
                    .wait = wait,
                    .seen = waiting_now(fixture->waiting),
                    .deadline_ns = clock_monotonic_ns(&fixture->clock) + LONG_NS,
                    .resume = on_resume },
    };
    assert_true(waiting_reserve(fixture->waiting, FAMILY, &wait));
}

/* What another thread has posted is seen. */
static void turn(struct fixture *fixture)
{
    (void)uv_run(loop_uv(fixture->kit.loop), UV_RUN_NOWAIT); /* handles remain */
    (void)uv_run(loop_uv(fixture->kit.loop), UV_RUN_NOWAIT);
}

static void begin(struct fixture *fixture, struct asked *asked, struct question_wait wait)
{
    prepare(fixture, asked, wait);
    waiting_add(fixture->waiting, &asked->waiter);
    turn(fixture);
}

static void tell(struct fixture *fixture, uint64_t what)
{
    waiting_told(fixture->waiting, FAMILY, SOURCE, what);
}

/* ------------------------------------------------------------------ objects */

static void test_waiting_is_resumed_by_what_it_waits_for_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct asked one;
    struct asked same;
    struct asked other;
    begin(fixture, &one, object(1));
    begin(fixture, &other, object(2));
    begin(fixture, &same, object(1));
    waiting_told(fixture->waiting, FAMILY, SOURCE + 1, 1);
    waiting_told(fixture->waiting, FAMILY + 1, SOURCE, 1);
    tell(fixture, 3);
    assert_int_equal(one.resumed + other.resumed + same.resumed, 0);
    tell(fixture, 1);
    assert_int_equal(one.resumed, 1);
    assert_int_equal(same.resumed, 1);
    assert_false(one.waiter.is_late);
    assert_int_equal(other.resumed, 0);
    tell(fixture, 1); /* nobody waits for it any more */
    tell(fixture, 2);
    assert_int_equal(one.resumed, 1);
    assert_int_equal(other.resumed, 1);
}

/* Told after the question has missed it and before it waits, on either side of the hand-over. */
static void test_waiting_for_what_has_just_been_told_ends_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct asked before;
    struct asked between;
    prepare(fixture, &before, object(1));
    tell(fixture, 1);
    waiting_add(fixture->waiting, &before.waiter);
    turn(fixture);
    assert_int_equal(before.resumed, 1);
    assert_false(before.waiter.is_late);
    prepare(fixture, &between, object(2));
    waiting_add(fixture->waiting, &between.waiter);
    tell(fixture, 2);
    turn(fixture);
    assert_int_equal(between.resumed, 1);
    struct asked after; /* who has seen that it was told waits for the next time */
    begin(fixture, &after, object(1));
    assert_int_equal(after.resumed, 0);
    tell(fixture, 1);
    assert_int_equal(after.resumed, 1);
}

static bool is_resumed(void *ctx)
{
    const struct asked *asked = ctx;
    return asked->resumed > 0;
}

/* Each at its own time, whichever began to wait first. */
static void test_waiting_ends_with_its_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct asked late;
    struct asked soon;
    struct asked past;
    prepare(fixture, &late, object(1));
    prepare(fixture, &soon, object(2));
    prepare(fixture, &past, keys_of(1));
    fixture->answers[0] = WAITING_WANT_WAITING;
    const int64_t now_ns = clock_monotonic_ns(&fixture->clock);
    late.waiter.deadline_ns = now_ns + 150 * MS;
    soon.waiter.deadline_ns = now_ns + 50 * MS;
    past.waiter.deadline_ns = now_ns - MS;
    waiting_add(fixture->waiting, &late.waiter);
    waiting_add(fixture->waiting, &soon.waiter);
    assert_true(kit_run_until(&fixture->kit, is_resumed, &soon, 20000));
    assert_true(clock_monotonic_ns(&fixture->clock) >= soon.waiter.deadline_ns);
    assert_true(soon.waiter.is_late);
    waiting_add(fixture->waiting, &past.waiter);
    assert_true(kit_run_until(&fixture->kit, is_resumed, &past, 20000));
    assert_int_equal(fixture->unwanted_count, 1);
    assert_true(kit_run_until(&fixture->kit, is_resumed, &late, 20000));
    assert_true(clock_monotonic_ns(&fixture->clock) >= late.waiter.deadline_ns);
    assert_true(late.waiter.is_late);
}

/* ------------------------------------------------------------------ places */

/* How many places a source, and all of them together, have for such a wait. */
static void assert_places(struct fixture *fixture,
                          enum wait_kind kind,
                          unsigned of_source,
                          unsigned all)
{
    struct question_wait wait = { .kind = kind, .what = 1 };
    unsigned count = 0;
    while (waiting_reserve(fixture->waiting, FAMILY, &wait)) {
        count++;
    }
    assert_int_equal(count, of_source);
    while (wait.source < 1000) {
        wait.source++;
        while (waiting_reserve(fixture->waiting, FAMILY, &wait)) {
            count++;
        }
    }
    assert_int_equal(count, all);
}

static void test_waiting_has_places_for_so_many(void **state)
{
    struct fixture *fixture = *state;
    const struct question_wait first = { .kind = WAIT_OBJECT };
    const struct question_wait nothing = { .kind = WAIT_NOTHING };
    assert_places(fixture, WAIT_OBJECT, WAITING_OBJECTS_OF_SOURCE_MAX, WAITING_OBJECTS_MAX);
    assert_places(fixture, WAIT_KEYS, WAITING_KEYS_OF_SOURCE_MAX, WAITING_KEYS_MAX);
    waiting_release(fixture->waiting, FAMILY, &first);
    assert_true(waiting_reserve(fixture->waiting, FAMILY, &first));
    assert_false(waiting_reserve(fixture->waiting, FAMILY, &first));
    assert_false(waiting_reserve(fixture->waiting, FAMILY, &nothing));
}

static void test_waiting_place_is_free_again_when_it_ends(void **state)
{
    struct fixture *fixture = *state;
    static struct asked asked[WAITING_OBJECTS_OF_SOURCE_MAX];
    const struct question_wait wait = object(1);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNTOF(asked); i++) {
            begin(fixture, &asked[i], wait);
        }
        assert_false(waiting_reserve(fixture->waiting, FAMILY, &wait));
        tell(fixture, 1);
    }
}

/* ------------------------------------------------------------------ keys */

static void test_waiting_for_keys_ends_when_all_sources_are_done(void **state)
{
    struct fixture *fixture = *state;
    struct asked asked;
    fixture->answers[0] = WAITING_WANT_WAITING;
    fixture->answers[3] = WAITING_WANT_CURRENT;
    fixture->answers[63] = WAITING_WANT_WAITING;
    const uint64_t sources = UINT64_C(1) << 63 | 1 << 3 | 1;
    begin(fixture, &asked, keys_of(sources));
    assert_int_equal(fixture->wanted_count, 3);
    fixture->done(fixture->marks[63], true);
    assert_int_equal(asked.resumed, 0);
    fixture->done(fixture->marks[0], false);
    assert_int_equal(asked.resumed, 1);
    assert_false(asked.waiter.is_late);
    assert_true(asked.waiter.conclusive_sources == (sources & ~UINT64_C(1)));
    assert_int_equal(fixture->unwanted_count, 0);
}

static void test_waiting_for_files_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct asked asked;
    fixture->answers[2] = WAITING_WANT_CURRENT;
    begin(fixture, &asked, keys_of(4));
    assert_int_equal(asked.resumed, 1);
    assert_int_equal(asked.waiter.conclusive_sources, 4);
    const struct question_wait wait = keys_of(4);
    assert_true(waiting_reserve(fixture->waiting, FAMILY, &wait));
}

/* Made-up key IDs are kept off the loop until there may be a fetch again. */
static void test_waiting_for_keys_that_are_not_fetched_now_is_of_no_use(void **state)
{
    struct fixture *fixture = *state;
    struct asked asked;
    struct question_wait wait = keys_of(1);
    begin(fixture, &asked, wait);
    assert_int_equal(asked.resumed, 1);
    assert_int_equal(asked.waiter.conclusive_sources, 0);
    assert_false(waiting_reserve(fixture->waiting, FAMILY, &wait));
    wait.source++;
    assert_true(waiting_reserve(fixture->waiting, FAMILY, &wait)); /* another issuer's */
    wait.source--;
    kit_run_for(&fixture->kit, WAITING_REFUSED_NS / MS + 1);
    assert_true(waiting_reserve(fixture->waiting, FAMILY, &wait));
}

static void test_waiting_without_anybody_who_fetches_ends_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct asked asked;
    const struct waiting_keys nobody = { 0 };
    waiting_set_keys(fixture->waiting, &nobody);
    begin(fixture, &asked, keys_of(1));
    assert_int_equal(asked.resumed, 1);
    assert_int_equal(asked.waiter.conclusive_sources, 0);
}

/* ------------------------------------------------------------------ the end, and threads */

static void test_waiting_free_resumes_all(void **state)
{
    struct fixture *fixture = *state;
    struct asked object_asked;
    struct asked keys_asked;
    struct asked arrived;
    fixture->answers[0] = WAITING_WANT_WAITING;
    begin(fixture, &object_asked, object(1));
    begin(fixture, &keys_asked, keys_of(1));
    prepare(fixture, &arrived, keys_of(1));
    waiting_add(fixture->waiting, &arrived.waiter);
    fixture->waiting = waiting_free(fixture->waiting);
    assert_int_equal(object_asked.resumed, 1);
    assert_int_equal(keys_asked.resumed, 1);
    assert_int_equal(arrived.resumed, 1);
    assert_true(object_asked.waiter.is_late);
    assert_int_equal(fixture->unwanted_count, 1);
    assert_null(waiting_free(NULL));
}

#define RACE_THREADS   2
#define RACE_QUESTIONS 1000

/* An object that comes and goes with each question: asked for, missed or not, waited for. */
struct race_question {
    struct waiter waiter;
    _Atomic bool is_there; /* the object */
    _Atomic bool is_resumed;
};

struct race {
    struct waiting *waiting;
    struct loop *loop;
    _Atomic unsigned waited;
    _Atomic unsigned slept_over;
};

struct race_object {
    struct race *race;
    struct race_question question;
    uint64_t what;
};

static void on_race_resume(struct waiter *waiter)
{
    struct race_question *question = (struct race_question *)(void *)waiter;
    atomic_store(&question->is_resumed, true);
}

/* On the loop: published, and then told. */
static void publish(void *ctx)
{
    struct race_object *object = ctx;
    atomic_store_explicit(&object->question.is_there, true, memory_order_relaxed);
    waiting_told(object->race->waiting, FAMILY, SOURCE, object->what);
}

static void ask_race(struct race *race, struct race_object *object)
{
    const struct clock clock = clock_system();
    const struct question_wait wait = { .kind = WAIT_OBJECT,
                                        .source = SOURCE,
                                        .what = object->what };
    assert_int_equal(loop_post(race->loop, publish, object), ST_OK);
    for (volatile uint64_t spin = object->what / sizeof(*object) % 64 * 200; spin > 0; spin--) {
    }
    const uint64_t seen = waiting_now(race->waiting);
    if (atomic_load_explicit(&object->question.is_there, memory_order_relaxed) ||
        !waiting_reserve(race->waiting, FAMILY, &wait)) {
        while (!atomic_load(&object->question.is_there)) {
            (void)sched_yield(); /* cannot fail on Linux */
        }
        return;
    }
    object->question.waiter = (struct waiter){ .family = FAMILY,
                                               .wait = wait,
                                               .seen = seen,
                                               .deadline_ns = clock_monotonic_ns(&clock) + LONG_NS,
                                               .resume = on_race_resume };
    waiting_add(race->waiting, &object->question.waiter);
    while (!atomic_load(&object->question.is_resumed)) {
        (void)sched_yield();
    }
    atomic_fetch_add(&race->waited, 1);
    atomic_fetch_add(&race->slept_over, object->question.waiter.is_late);
}

static void *run_race(void *ctx)
{
    struct race *race = ctx;
    struct race_object *objects = calloc(RACE_QUESTIONS, sizeof(*objects));
    assert_non_null(objects);
    for (size_t i = 0; i < RACE_QUESTIONS; i++) {
        objects[i].race = race;
        objects[i].what = (uint64_t)(uintptr_t)&objects[i];
        ask_race(race, &objects[i]);
    }
    return objects; /* the loop may not be done with the last one */
}

static void test_waiting_sleeps_over_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct race race = { .waiting = fixture->waiting, .loop = fixture->kit.loop };
    pthread_t threads[RACE_THREADS];
    void *objects[RACE_THREADS];
    assert_int_equal(loop_start(race.loop), ST_OK);
    for (size_t i = 0; i < RACE_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_race, &race), 0);
    }
    for (size_t i = 0; i < RACE_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &objects[i]), 0);
    }
    loop_stop(race.loop);
    for (size_t i = 0; i < RACE_THREADS; i++) {
        free(objects[i]);
    }
    print_message("# %u of %u waited\n", race.waited, RACE_THREADS * RACE_QUESTIONS);
    assert_int_equal(race.slept_over, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_waiting_is_resumed_by_what_it_waits_for_and_nothing_else),
        T(test_waiting_for_what_has_just_been_told_ends_at_once),
        T(test_waiting_ends_with_its_deadline),
        T(test_waiting_has_places_for_so_many),
        T(test_waiting_place_is_free_again_when_it_ends),
        T(test_waiting_for_keys_ends_when_all_sources_are_done),
        T(test_waiting_for_files_is_none),
        T(test_waiting_for_keys_that_are_not_fetched_now_is_of_no_use),
        T(test_waiting_without_anybody_who_fetches_ends_at_once),
        T(test_waiting_free_resumes_all),
        T(test_waiting_sleeps_over_nothing),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
