/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler may ask of its request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/request.h"
#include "support/request_kit.h"

static void test_request_field_counts_and_gives_the_first(void **state)
{
    (void)state;
    struct request_kit kit;
    struct span value = SPAN_LITERAL("before");
    request_kit_init(&kit);
    kit.fields[0] = (struct reply_field){ "Authorization", "Bearer a" };
    kit.fields[1] = (struct reply_field){ "authorization", "Bearer b" };
    assert_int_equal(request_field(&kit.request, "AUTHORIZATION", &value), 2);
    assert_true(span_equal(value, SPAN_LITERAL("Bearer a")));
    assert_int_equal(request_field(&kit.request, "Accept", &value), 0);
    assert_int_equal(value.len, 0);
    request_kit_fini(&kit);
}

static void count_free(void *state)
{
    ++*(int *)state;
}

static void test_request_suspend_gives_what_is_resumed(void **state)
{
    (void)state;
    struct request_kit kit;
    int freed = 0;
    request_kit_init(&kit);
    assert_int_equal(pending_inbox_new(&kit.request.inbox), ST_OK);
    struct pending *pending = request_suspend(&kit.request, &freed, count_free);
    assert_non_null(pending);
    assert_ptr_equal(kit.request.pending, pending);
    assert_ptr_equal(pending_state(pending), &freed);
    (void)pending_leave(pending);
    pending_resume(pending);
    kit.request.inbox = pending_inbox_close(kit.request.inbox);
    assert_int_equal(freed, 1);
    request_kit_fini(&kit);
}

static void test_shard_without_a_log_counts_nothing(void **state)
{
    (void)state;
    struct request_kit kit;
    uint64_t dropped = 0;
    request_kit_init(&kit);
    struct log *log = kit.shard->log;
    kit.shard->log = NULL;
    assert_false(shard_may_log(kit.shard, &kit.shard->limit, &dropped));
    assert_int_equal(kit.shard->metrics.counters[COUNT_LOG_DROPPED], 0);
    kit.shard->log = log;
    assert_true(shard_may_log(kit.shard, &kit.shard->limit, &dropped));
    request_kit_fini(&kit);
}

static void test_shard_tells_how_many_were_held_back(void **state)
{
    (void)state;
    struct request_kit kit;
    struct log_limit limit = { 0 };
    uint64_t dropped = 0;
    char log[1024];
    request_kit_init(&kit);
    shard_tell_held_back(kit.shard, &limit, "Lines held back", "why");
    assert_string_equal(request_kit_log(&kit, log, sizeof(log)), "");
    for (int i = 0; i < LOG_LIMIT_BURST + 2; i++) {
        assert_int_equal(shard_may_log(kit.shard, &limit, &dropped), i < LOG_LIMIT_BURST);
    }
    shard_tell_held_back(kit.shard, &limit, "Lines held back", "why");
    assert_string_equal(request_kit_log(&kit, log, sizeof(log)), "");
    kit.time.monotonic_ns = INT64_C(2000000000);
    shard_tell_held_back(kit.shard, &limit, "Lines held back", "why");
    assert_non_null(strstr(request_kit_log(&kit, log, sizeof(log)),
                           "\"Lines held back\" reason=\"why\" dropped=2\n"));
    request_kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_field_counts_and_gives_the_first),
        cmocka_unit_test(test_request_suspend_gives_what_is_resumed),
        cmocka_unit_test(test_shard_without_a_log_counts_nothing),
        cmocka_unit_test(test_shard_tells_how_many_were_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
