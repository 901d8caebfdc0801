/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: what each means, that none which is held ends the process, and that each is told. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/serve_signals.h"
#include "support/file_kit.h"

#define SURVIVED 7
#define TOLD_MAX 256

/* Left as the kernel has them: faults, what cannot be caught, job control, what does nothing. */
static const int left[] = {
    SIGILL,  SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,  SIGSEGV, SIGSYS, SIGKILL,
    SIGSTOP, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGCHLD, SIGURG, SIGWINCH
};

static const struct {
    int number;
    enum signal_meaning want;
} rows[] = {
    { SIGHUP, SIGNAL_REREAD },
    { SIGTERM, SIGNAL_END },
    { SIGINT, SIGNAL_END },
    { SIGQUIT, SIGNAL_END_NOW },
    { SIGUSR1, SIGNAL_IGNORED },
    { SIGUSR2, SIGNAL_IGNORED },
    { SIGALRM, SIGNAL_IGNORED },
    { SIGVTALRM, SIGNAL_IGNORED },
    { SIGPROF, SIGNAL_IGNORED },
    { SIGIO, SIGNAL_IGNORED },
    { SIGPOLL, SIGNAL_IGNORED },
    { SIGPWR, SIGNAL_IGNORED },
    { SIGSTKFLT, SIGNAL_IGNORED },
    { SIGXCPU, SIGNAL_IGNORED },
    { SIGPIPE, SIGNAL_SHUT },
    { SIGXFSZ, SIGNAL_SHUT },
    { 0, SIGNAL_LEFT },
    { -1, SIGNAL_LEFT },
    { 1000, SIGNAL_LEFT },
};

static bool is_left(int number)
{
    for (size_t i = 0; i < COUNTOF(left); i++) {
        if (left[i] == number) {
            return true;
        }
    }
    return number > 31 && number < SIGRTMIN; /* the C library's own */
}

static void test_serve_signal_meaning_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        assert_int_equal(serve_signal_meaning(rows[i].number), rows[i].want);
    }
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
        assert_int_equal(serve_signal_meaning(number), SIGNAL_IGNORED);
    }
}

/* How a child ends that holds its signals, or does not, and sends itself one. */
static int status_after(int number, bool holds)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = { 0 };
        (void)setrlimit(RLIMIT_CORE, &none); /* best effort: no litter where this test fails */
        (void)signal(number, SIG_DFL);       /* whatever started the test may ignore some */
        if (holds) {
            serve_signals_hold();
        }
        (void)kill(getpid(), number); /* what comes of it is what is looked at */
        _exit(SURVIVED);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static bool survives(int number, bool holds)
{
    const int status = status_after(number, holds);
    return WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED;
}

/* The whole family: a signal that is not left ends nobody, and would have. */
static void test_serve_signals_hold_what_would_end_the_process(void **state)
{
    (void)state;
    for (int number = 1; number <= SIGRTMAX; number++) {
        assert_int_equal(serve_signal_meaning(number) == SIGNAL_LEFT, is_left(number));
        if (is_left(number)) {
            continue;
        }
        print_message("# signal %d\n", number);
        assert_true(survives(number, true));
        assert_false(survives(number, false));
    }
    assert_false(survives(SIGABRT, true)); /* a program that is wrong is not to go on */
}

/* --- on the loop --- */

struct told {
    struct file_kit kit;
    struct serve_signals *signals;
    sigset_t before;
    struct signal_event events[TOLD_MAX];
    size_t count;
    size_t wanted;
};

static void note_signal(void *ctx, const struct signal_event *event)
{
    struct told *told = ctx;
    assert_in_range(told->count, 0, TOLD_MAX - 1);
    told->events[told->count++] = *event;
}

static bool has_all(void *ctx)
{
    const struct told *told = ctx;
    return told->count >= told->wanted;
}

static void hold(struct told *told)
{
    *told = (struct told){ 0 };
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &told->before), 0);
    kit_init(&told->kit);
    serve_signals_hold();
}

static void listen_on_loop(struct told *told)
{
    assert_int_equal(serve_signals_new(told->kit.loop, note_signal, told, &told->signals), ST_OK);
}

static void expect(struct told *told, size_t count)
{
    told->wanted = count;
    (void)kit_run_until(&told->kit, has_all, told, FILE_KIT_DEADLINE_MS);
    assert_int_equal(told->count, count);
}

static void finish(struct told *told)
{
    told->signals = serve_signals_free(told->signals);
    assert_null(told->signals);
    kit_fini(&told->kit);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &told->before, NULL), 0);
}

static void test_serve_signals_tell_what_came_while_nobody_listened(void **state)
{
    (void)state;
    struct told told;
    hold(&told);
    assert_int_equal(kill(getpid(), SIGHUP), 0);
    assert_int_equal(kill(getpid(), SIGHUP), 0); /* merged by the kernel */
    listen_on_loop(&told);
    expect(&told, 1);
    assert_int_equal(told.events[0].number, SIGHUP);
    assert_int_equal(told.events[0].meaning, SIGNAL_REREAD);
    assert_string_equal(told.events[0].name, "SIGHUP");
    assert_int_equal(told.events[0].sender_pid, getpid());
    assert_int_equal(told.events[0].sender_uid, getuid());
    finish(&told);
}

static void test_serve_signals_tell_each_as_it_comes(void **state)
{
    (void)state;
    struct told told;
    hold(&told);
    listen_on_loop(&told);
    const int numbers[] = { SIGUSR1, SIGTERM, SIGQUIT, SIGHUP, SIGRTMIN + 3, SIGRTMAX };
    const char *const names[] = { "SIGUSR1", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGRTMIN+3", NULL };
    for (size_t i = 0; i < COUNTOF(numbers); i++) {
        assert_int_equal(kill(getpid(), numbers[i]), 0);
        expect(&told, i + 1);
        assert_int_equal(told.events[i].number, numbers[i]);
        assert_int_equal(told.events[i].meaning, serve_signal_meaning(numbers[i]));
        if (names[i]) {
            assert_string_equal(told.events[i].name, names[i]);
        }
    }
    finish(&told);
}

/* More than one turn takes, which only realtime signals can be. */
static void test_serve_signals_tell_a_flood_in_turns(void **state)
{
    (void)state;
    struct told told;
    hold(&told);
    for (size_t i = 0; i < TOLD_MAX; i++) {
        assert_int_equal(kill(getpid(), SIGRTMIN), 0);
    }
    listen_on_loop(&told);
    expect(&told, TOLD_MAX);
    finish(&told);
}

static void test_serve_signals_free_nothing(void **state)
{
    (void)state;
    assert_null(serve_signals_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serve_signal_meaning_rows),
        cmocka_unit_test(test_serve_signals_hold_what_would_end_the_process),
        cmocka_unit_test(test_serve_signals_tell_what_came_while_nobody_listened),
        cmocka_unit_test(test_serve_signals_tell_each_as_it_comes),
        cmocka_unit_test(test_serve_signals_tell_a_flood_in_turns),
        cmocka_unit_test(test_serve_signals_free_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
