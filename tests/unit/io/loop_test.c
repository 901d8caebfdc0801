/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: posts arrive in order from any thread, and a stop is never lost. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/loop.h"

#define POSTS_PER_THREAD 5000
#define POSTERS          4

struct counter {
    struct loop *loop;
    unsigned next[POSTERS];
    unsigned total;
    bool in_order;
};

struct message {
    struct counter *counter;
    unsigned poster;
    unsigned number;
};

static void receive(void *ctx)
{
    struct message *message = ctx;
    struct counter *counter = message->counter;
    if (counter->next[message->poster]++ != message->number) {
        counter->in_order = false;
    }
    if (++counter->total == POSTERS * POSTS_PER_THREAD) {
        loop_stop(counter->loop);
    }
    free(message);
}

struct poster {
    struct counter *counter;
    unsigned number;
    bool ok;
};

static void *post_all(void *ctx)
{
    struct poster *poster = ctx;
    poster->ok = true;
    for (unsigned i = 0; i < POSTS_PER_THREAD; i++) {
        struct message *message = malloc(sizeof(*message));
        if (!message) {
            poster->ok = false;
            return NULL;
        }
        *message = (struct message){
            .counter = poster->counter,
            .poster = poster->number,
            .number = i,
        };
        if (loop_post(poster->counter->loop, receive, message) != ST_OK) {
            poster->ok = false;
        }
    }
    return NULL;
}

static void test_loop_posts_of_each_thread_arrive_in_order(void **state)
{
    (void)state;
    struct counter counter = { .in_order = true };
    assert_int_equal(loop_new(&counter.loop), ST_OK);
    pthread_t threads[POSTERS];
    struct poster posters[POSTERS];
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){ .counter = &counter, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    loop_run(counter.loop);
    for (unsigned i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(posters[i].ok);
    }
    assert_true(counter.in_order);
    assert_int_equal(counter.total, POSTERS * POSTS_PER_THREAD);
    loop_free(counter.loop);
}

static void count_up(void *ctx)
{
    atomic_uint *count = ctx;
    atomic_fetch_add(count, 1);
}

static void test_loop_stop_before_run_is_not_lost(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    assert_int_equal(loop_new(&loop), ST_OK);
    loop_stop(loop);
    loop_run(loop); /* would hang here */
    loop_free(loop);
}

struct stopper {
    struct loop *loop;
    unsigned runs;
};

static void stop_own_loop(void *ctx)
{
    struct stopper *stopper = ctx;
    stopper->runs++;
    loop_stop(stopper->loop);
}

static void test_loop_runs_again_after_a_stop(void **state)
{
    (void)state;
    struct stopper stopper = { 0 };
    assert_int_equal(loop_new(&stopper.loop), ST_OK);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(loop_post(stopper.loop, stop_own_loop, &stopper), ST_OK);
        loop_run(stopper.loop);
        assert_int_equal(stopper.runs, i);
    }
    loop_free(stopper.loop);
}

static void test_loop_stop_joins_a_thread_that_stopped_itself_and_starts_anew(void **state)
{
    (void)state;
    struct stopper stopper = { 0 };
    assert_int_equal(loop_new(&stopper.loop), ST_OK);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(loop_post(stopper.loop, stop_own_loop, &stopper), ST_OK);
        assert_int_equal(loop_start(stopper.loop), ST_OK);
        loop_stop(stopper.loop);
        /* our stop may have come first; the post then runs in a later round */
        assert_in_range(stopper.runs, 0, i);
    }
    assert_int_equal(loop_post(stopper.loop, stop_own_loop, &stopper), ST_OK);
    loop_run(stopper.loop);
    assert_int_equal(stopper.runs, 4);
    loop_free(stopper.loop);
}

struct mask_probe {
    struct loop *loop;
    sigset_t mask;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t done_cond;
    bool done;
};

static void read_mask(void *ctx)
{
    struct mask_probe *probe = ctx;
    pthread_mutex_lock(&probe->mutex);
    pthread_sigmask(SIG_BLOCK, NULL, &probe->mask);
    probe->thread = pthread_self();
    probe->done = true;
    pthread_cond_signal(&probe->done_cond);
    pthread_mutex_unlock(&probe->mutex);
}

static void test_loop_thread_has_signals_blocked_and_ours_stay_as_they_were(void **state)
{
    (void)state;
    struct mask_probe probe = {
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .done_cond = PTHREAD_COND_INITIALIZER,
    };
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    assert_int_equal(loop_new(&probe.loop), ST_OK);
    assert_int_equal(loop_start(probe.loop), ST_OK);
    assert_int_equal(loop_post(probe.loop, read_mask, &probe), ST_OK);
    pthread_mutex_lock(&probe.mutex);
    while (!probe.done) {
        pthread_cond_wait(&probe.done_cond, &probe.mutex);
    }
    pthread_mutex_unlock(&probe.mutex);
    loop_stop(probe.loop);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    assert_false(pthread_equal(probe.thread, pthread_self()));
    const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };
    for (size_t i = 0; i < COUNTOF(signals); i++) {
        assert_int_equal(sigismember(&probe.mask, signals[i]), 1);
        assert_int_equal(sigismember(&after, signals[i]), sigismember(&before, signals[i]));
    }
    loop_free(probe.loop);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void test_loop_free_drops_posts_and_runs_close_callbacks(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    atomic_uint count = 0;
    assert_int_equal(loop_new(&loop), ST_OK);
    assert_int_equal(loop_post(loop, count_up, &count), ST_OK);
    uv_timer_t *timer = malloc(sizeof(*timer));
    assert_non_null(timer);
    assert_int_equal(uv_timer_init(loop_uv(loop), timer), 0);
    uv_close((uv_handle_t *)timer, free_handle);
    assert_null(loop_free(loop));
    assert_int_equal(atomic_load(&count), 0);
    assert_null(loop_free(NULL));
    /* LeakSanitizer tells when the post or the timer was not freed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_posts_of_each_thread_arrive_in_order),
        cmocka_unit_test(test_loop_stop_before_run_is_not_lost),
        cmocka_unit_test(test_loop_runs_again_after_a_stop),
        cmocka_unit_test(test_loop_stop_joins_a_thread_that_stopped_itself_and_starts_anew),
        cmocka_unit_test(test_loop_thread_has_signals_blocked_and_ours_stay_as_they_were),
        cmocka_unit_test(test_loop_free_drops_posts_and_runs_close_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
