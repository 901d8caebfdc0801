/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait: who goes first, and that nobody is left over (the sanitizers look). */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "server/http/pending.h"

#define THREADS 4
#define EACH    2000

static int delivered[4];
static int delivered_count;

static void note(void *origin)
{
    delivered[delivered_count++] = *(int *)origin;
}

static void count_free(void *state)
{
    __atomic_add_fetch((int *)state, 1, __ATOMIC_RELAXED);
}

static bool is_readable(const struct pending_inbox *inbox)
{
    struct pollfd fd = { .fd = pending_inbox_fd(inbox), .events = POLLIN };
    return poll(&fd, 1, 0) == 1;
}

static struct pending_inbox *make(void)
{
    struct pending_inbox *inbox;
    assert_int_equal(pending_inbox_new(&inbox), ST_OK);
    delivered_count = 0;
    return inbox;
}

static struct pending *wait_in(struct pending_inbox *inbox, int *origin, int *freed)
{
    struct pending *pending = pending_new(inbox, origin, freed, count_free);
    assert_non_null(pending);
    assert_false(pending_is_resumed(pending));
    return pending;
}

static void test_pending_is_delivered_in_order(void **state)
{
    (void)state;
    int origins[3] = { 1, 2, 3 };
    int freed = 0;
    struct pending *pending[3];
    struct pending_inbox *inbox = make();
    for (int i = 0; i < 3; i++) {
        pending[i] = wait_in(inbox, &origins[i], &freed);
    }
    assert_false(is_readable(inbox));
    for (int i = 0; i < 3; i++) {
        pending_resume(pending[i]);
    }
    assert_true(is_readable(inbox));
    pending_inbox_wake(inbox);
    assert_false(is_readable(inbox));
    pending_inbox_deliver(inbox, note);
    assert_int_equal(delivered_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(delivered[i], i + 1);
        assert_true(pending_is_resumed(pending[i]));
    }
    assert_int_equal(freed, 0);
    for (int i = 0; i < 3; i++) {
        assert_null(pending_leave(pending[i]));
    }
    assert_int_equal(freed, 3);
    pending_inbox_deliver(inbox, note);
    pending_inbox_wake(inbox);
    assert_int_equal(delivered_count, 3);
    assert_null(pending_inbox_close(inbox));
}

static void test_pending_whose_client_has_left_is_not_delivered(void **state)
{
    (void)state;
    int origin = 1;
    int freed = 0;
    struct pending_inbox *inbox = make();
    struct pending *before = wait_in(inbox, &origin, &freed);
    struct pending *between = wait_in(inbox, &origin, &freed);
    (void)pending_leave(before);
    pending_resume(before);
    pending_resume(between);
    (void)pending_leave(between);
    pending_inbox_deliver(inbox, note);
    assert_int_equal(delivered_count, 0);
    assert_int_equal(freed, 2);
    inbox = pending_inbox_close(inbox);
}

static void test_pending_outlives_its_worker(void **state)
{
    (void)state;
    int origin = 1;
    int freed = 0;
    struct pending_inbox *inbox = make();
    struct pending *late = wait_in(inbox, &origin, &freed);
    struct pending *undelivered = wait_in(inbox, &origin, &freed);
    pending_resume(undelivered);
    (void)pending_leave(undelivered);
    (void)pending_leave(late);
    (void)pending_inbox_close(inbox);
    assert_int_equal(freed, 1);
    pending_resume(late);
    assert_int_equal(freed, 2);
    assert_null(pending_inbox_close(NULL));
    assert_null(pending_leave(NULL));
}

struct crowd {
    struct pending *pending[THREADS * EACH];
};

struct resumer {
    struct crowd *crowd;
    int number;
};

static void *resume_each(void *cls)
{
    const struct resumer *resumer = cls;
    for (int i = 0; i < EACH; i++) {
        pending_resume(resumer->crowd->pending[resumer->number + i * THREADS]);
    }
    return NULL;
}

static int met;

static void meet(void *origin)
{
    (void)origin;
    met++;
}

/* Several threads resume while the worker delivers and every third client leaves. */
static void test_pending_of_many_threads(void **state)
{
    (void)state;
    static struct crowd crowd;
    pthread_t threads[THREADS];
    struct resumer resumers[THREADS];
    int origin = 1;
    int freed = 0;
    struct pending_inbox *inbox = make();
    for (int i = 0; i < THREADS * EACH; i++) {
        crowd.pending[i] = wait_in(inbox, &origin, &freed);
    }
    for (int i = 0; i < THREADS; i++) {
        resumers[i] = (struct resumer){ &crowd, i };
        assert_int_equal(pthread_create(&threads[i], NULL, resume_each, &resumers[i]), 0);
    }
    for (int i = 0; i < THREADS * EACH; i += 3) {
        (void)pending_leave(crowd.pending[i]);
        pending_inbox_deliver(inbox, meet);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    pending_inbox_deliver(inbox, meet);
    for (int i = 0; i < THREADS * EACH; i++) {
        if (i % 3) {
            assert_true(pending_is_resumed(crowd.pending[i]));
            (void)pending_leave(crowd.pending[i]);
        }
    }
    assert_int_equal(freed, THREADS * EACH);
    assert_in_range(met, THREADS * EACH * 2 / 3, THREADS * EACH);
    inbox = pending_inbox_close(inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pending_is_delivered_in_order),
        cmocka_unit_test(test_pending_whose_client_has_left_is_not_delivered),
        cmocka_unit_test(test_pending_outlives_its_worker),
        cmocka_unit_test(test_pending_of_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
