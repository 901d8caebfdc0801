/* SPDX-License-Identifier: Apache-2.0 */
/* Reviews whose answer is about to change: what they wait for, for how long, and that each is
 * answered and counted once. With badges (support/badge_family.h), handler by handler and then in a
 * server with threads. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "engine/engine.h"
#include "server/endpoints/token_review_endpoint.h"
#include "server/http/http_server.h"
#include "support/alloc_fail.h"
#include "support/badge_family.h"
#include "support/file_kit.h"
#include "support/request_kit.h"
#include "support/secret_builder.h"

#define REVIEW(version, spec)                                                   \
    "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/" version \
    "\",\"spec\":" spec "}"
#define OF_TOKEN(token) "{\"token\":\"" token "\"}"

#define BADGE_ANNE   "badge/north/616e6e65/0000" /* TEST-ONLY: told of later */
#define REVIEW_ANNE  REVIEW("v1", OF_TOKEN(BADGE_ANNE))
#define REVIEW_VAULT REVIEW("v1", OF_TOKEN("badge/vault/6a616e65/1"))

#define FIRST_REFUSAL 5

struct fixture {
    struct file_kit files; /* for its loop */
    struct waiting *waiting;
    struct authenticator *authenticator;
    atomic_bool yes;
    atomic_bool no;
    atomic_uint vault_keys;
    struct token_review_endpoint endpoint;
    struct pending_inbox *inbox;
    struct request_kit kit;

    /* the keys' side: what the next want comes to */
    enum waiting_want answer;
    waiting_done_fn *done;
    void *mark;
};

static enum waiting_want want(
    void *ctx, enum authenticator_id family, unsigned source, waiting_done_fn *done, void *mark)
{
    struct fixture *fixture = ctx;
    assert_int_equal(family, AUTHENTICATOR_BOOTSTRAP);
    assert_int_equal(source, BADGE_SITE_VAULT);
    fixture->done = done;
    fixture->mark = mark;
    return fixture->answer;
}

static void unwant(void *ctx, enum authenticator_id family, unsigned source, void *mark)
{
    struct fixture *fixture = ctx;
    (void)family;
    (void)source;
    assert_ptr_equal(mark, fixture->mark);
    fixture->mark = NULL;
}

static void make_authenticator(struct fixture *fixture)
{
    const struct badge_options badges = { .has_key = &fixture->yes,
                                          .is_south_away = &fixture->no,
                                          .vault_keys = &fixture->vault_keys,
                                          .vault_time = &fixture->kit.time,
                                          .vault_cost_ns = 600000 };
    const struct token_family_choice family = { .ops = &badge_as_bootstrap_ops,
                                                .options = &badges };
    const struct authenticator_options options = { .families = &family,
                                                   .family_count = 1,
                                                   .on_told = waiting_told,
                                                   .told_ctx = fixture->waiting };
    const struct store_event synced = test_synced_event();
    assert_int_equal(authenticator_new(&options, &fixture->authenticator, NULL), ST_OK);
    authenticator_handle_event(fixture->authenticator, &synced);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->yes = true;
    fixture->answer = WAITING_WANT_WAITING;
    kit_init(&fixture->files);
    request_kit_init(&fixture->kit);
    assert_int_equal(
        waiting_new(fixture->files.loop, clock_manual(&fixture->kit.time), &fixture->waiting),
        ST_OK);
    const struct waiting_keys keys = { .want = want, .unwant = unwant, .ctx = fixture };
    waiting_set_keys(fixture->waiting, &keys);
    make_authenticator(fixture);
    const struct ask_options ask = { .authenticator = fixture->authenticator,
                                     .waiting = fixture->waiting,
                                     .clock = clock_manual(&fixture->kit.time),
                                     .shard_count = 1 };
    fixture->endpoint.first_refusal = FIRST_REFUSAL;
    assert_int_equal(ask_new(&ask, &fixture->endpoint.ask), ST_OK);
    assert_int_equal(pending_inbox_new(&fixture->inbox), ST_OK);
    fixture->kit.request.inbox = fixture->inbox;
    fixture->kit.request.method = METHOD_POST;
    fixture->kit.request.method_name = "POST";
    fixture->kit.time.monotonic_ns = 1000000;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fixture->kit.request.pending = pending_leave(fixture->kit.request.pending);
    fixture->waiting = waiting_free(fixture->waiting);
    fixture->inbox = pending_inbox_close(fixture->inbox);
    fixture->endpoint.ask = ask_free(fixture->endpoint.ask);
    fixture->authenticator = authenticator_free(fixture->authenticator);
    request_kit_fini(&fixture->kit);
    kit_fini(&fixture->files);
    free(fixture);
    return 0;
}

/* ------------------------------------------------------------------ a worker's part */

static enum outcome call(struct fixture *fixture)
{
    request_kit_again(&fixture->kit);
    return token_review_endpoint(&fixture->endpoint, &fixture->kit.request, &fixture->kit.reply);
}

/* The request comes. */
static enum outcome ask(struct fixture *fixture, const char *body)
{
    request_kit_set_body(&fixture->kit, body);
    return call(fixture);
}

static void turn(struct fixture *fixture)
{
    (void)uv_run(loop_uv(fixture->files.loop), UV_RUN_NOWAIT); /* handles remain */
    (void)uv_run(loop_uv(fixture->files.loop), UV_RUN_NOWAIT);
}

static void note(void *origin)
{
    struct request_kit *kit = origin;
    kit->request.state = pending_state(kit->request.pending);
}

/* Has it been resumed by now? Then the handler may be called again. */
static bool is_resumed(void *ctx)
{
    struct fixture *fixture = ctx;
    pending_inbox_deliver(fixture->inbox, note);
    return pending_is_resumed(fixture->kit.request.pending);
}

static enum outcome call_again(struct fixture *fixture)
{
    struct request *request = &fixture->kit.request;
    struct pending *before = request->pending;
    assert_true(is_resumed(fixture));
    request->pending = NULL;
    const enum outcome outcome = call(fixture);
    (void)pending_leave(before);
    request->state = NULL;
    return outcome;
}

static void assert_answer(struct fixture *fixture, const char *want)
{
    buf_append_char(&fixture->kit.body, '\0');
    assert_int_equal(fixture->kit.reply.code, 200);
    if (!strstr(fixture->kit.body.at, want)) {
        fail_msg("%s in place of %s", fixture->kit.body.at, want);
    }
}

static uint64_t counted(const struct fixture *fixture)
{
    const struct review_metrics *metrics = ask_metrics(fixture->endpoint.ask, 0);
    uint64_t count = 0;
    for (enum decision_result result = 0; result < DECISION_RESULT_COUNT_; result++) {
        for (enum status why = 0; why < STATUS_COUNT_; why++) {
            count += metrics->reviews[AUTHENTICATOR_BOOTSTRAP][result][why];
        }
    }
    return count;
}

static void tell(struct authenticator *authenticator, const char *secret_name)
{
    struct test_secret test;
    test_secret_init(&test, "");
    test.secret.meta.namespace = SPAN_LITERAL(BADGE_NAMESPACE);
    test.secret.meta.name = span_of(secret_name);
    test.secret.type = SPAN_LITERAL(BADGE_SECRET_TYPE);
    test_secret_set(&test, "pin", "0000");
    const struct store_event event = test_secret_event(&test, STORE_MODIFIED);
    authenticator_handle_event(authenticator, &event);
}

/* ------------------------------------------------------------------ objects */

static void test_ask_waits_for_an_object_and_answers_yes(void **state)
{
    struct fixture *fixture = *state;
    char log[1024];
    assert_int_equal(ask(fixture, REVIEW("v1beta1", "{\"token\":\"" BADGE_ANNE
                                                    "\",\"audiences\":[\"x\",\"nor\\u0074h\"]}")),
                     OUTCOME_PENDING);
    turn(fixture);
    tell(fixture->authenticator, "north.john");
    assert_false(is_resumed(fixture));
    assert_int_equal(counted(fixture), 0);
    fixture->kit.time.monotonic_ns += 40000000;
    tell(fixture->authenticator, "north.anne");
    assert_int_equal(call_again(fixture), OUTCOME_REPLIES);
    assert_answer(fixture, "\"apiVersion\":\"authentication.k8s.io/v1beta1\"");
    assert_answer(fixture, "\"username\":\"badge:anne\"");
    assert_answer(fixture, "\"audiences\":[\"north\"]");
    assert_int_equal(fixture->kit.reply.standing, STANDING_KNOWN);
    /* once, with the time it waited */
    assert_int_equal(counted(fixture), 1);
    assert_int_equal(ask_metrics(fixture->endpoint.ask, 0)->duration_sum_ns, 40000000);
    assert_null(strstr(request_kit_log(&fixture->kit, log, sizeof(log)), "refused"));
}

/* As it stands then, not as it stood when it came. */
static void test_ask_judges_by_the_time_at_which_it_answers(void **state)
{
    struct fixture *fixture = *state;
    struct test_secret test;
    fixture->kit.time.wall.sec = 100;
    assert_int_equal(ask(fixture, REVIEW_ANNE), OUTCOME_PENDING);
    turn(fixture);
    test_secret_init(&test, "");
    test.secret.meta.namespace = SPAN_LITERAL(BADGE_NAMESPACE);
    test.secret.meta.name = SPAN_LITERAL("north.anne");
    test.secret.type = SPAN_LITERAL(BADGE_SECRET_TYPE);
    test_secret_set(&test, "pin", "0000");
    test_secret_set(&test, "until", "101");
    const struct store_event event = test_secret_event(&test, STORE_ADDED);
    authenticator_handle_event(fixture->authenticator, &event);
    fixture->kit.time.wall.sec = 101;
    assert_int_equal(call_again(fixture), OUTCOME_REPLIES);
    assert_int_equal(fixture->kit.reply.prepared, FIRST_REFUSAL);
}

static void test_ask_that_waited_in_vain_is_an_error_and_one_line(void **state)
{
    struct fixture *fixture = *state;
    char log[4096];
    assert_int_equal(ask(fixture, REVIEW_ANNE), OUTCOME_PENDING);
    turn(fixture);
    fixture->kit.time.monotonic_ns += WAITING_OBJECT_NS - 1;
    assert_false(kit_run_until(&fixture->files, is_resumed, fixture, 1100));
    fixture->kit.time.monotonic_ns += 1;
    assert_true(kit_run_until(&fixture->files, is_resumed, fixture, 20000));
    assert_int_equal(call_again(fixture), OUTCOME_REPLIES);
    assert_answer(fixture, "\"authenticated\":false,\"error\":\"token not known (yet)\"");
    assert_int_equal(fixture->kit.reply.standing, STANDING_REFUSED);
    assert_int_equal(counted(fixture), 1);
    const char *line = strstr(request_kit_log(&fixture->kit, log, sizeof(log)), "refused");
    assert_non_null(line);
    assert_null(strstr(line + 1, "refused"));
}

/* Another of the same hash, or one that is told of but not yet good: it waits on, no longer. */
static void test_ask_that_is_resumed_for_nothing_waits_on(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, REVIEW_ANNE), OUTCOME_PENDING);
    turn(fixture);
    fixture->kit.time.monotonic_ns += WAITING_OBJECT_NS - 1;
    waiting_told(fixture->waiting, AUTHENTICATOR_BOOTSTRAP, BADGE_SITE_NORTH,
                 badge_number(SPAN_LITERAL("north.anne")));
    assert_int_equal(call_again(fixture), OUTCOME_PENDING);
    turn(fixture);
    assert_false(is_resumed(fixture));
    fixture->kit.time.monotonic_ns += 1;
    waiting_told(fixture->waiting, AUTHENTICATOR_BOOTSTRAP, BADGE_SITE_NORTH,
                 badge_number(SPAN_LITERAL("north.anne")));
    assert_int_equal(call_again(fixture), OUTCOME_REPLIES);
    assert_answer(fixture, "\"error\":");
    assert_int_equal(counted(fixture), 1);
}

static void test_ask_beyond_the_places_is_answered_at_once(void **state)
{
    struct fixture *fixture = *state;
    const struct question_wait wait = { .kind = WAIT_OBJECT, .source = BADGE_SITE_NORTH };
    while (waiting_reserve(fixture->waiting, AUTHENTICATOR_BOOTSTRAP, &wait)) {
    }
    assert_int_equal(ask(fixture, REVIEW_ANNE), OUTCOME_REPLIES);
    assert_answer(fixture, "\"error\":\"token not known (yet)\"");
    assert_int_equal(counted(fixture), 1);
    waiting_release(fixture->waiting, AUTHENTICATOR_BOOTSTRAP, &wait);
    assert_int_equal(ask(fixture, REVIEW_ANNE), OUTCOME_PENDING);
}

static void test_ask_whose_client_leaves_is_freed_and_not_counted(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, REVIEW_ANNE), OUTCOME_PENDING);
    turn(fixture);
    fixture->kit.request.pending = pending_leave(fixture->kit.request.pending);
    tell(fixture->authenticator, "north.anne");
    pending_inbox_deliver(fixture->inbox, note);
    assert_null(fixture->kit.request.state);
    assert_int_equal(counted(fixture), 0);
}

/* ------------------------------------------------------------------ keys */

static void test_ask_waits_for_keys_and_answers_yes(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, REVIEW_VAULT), OUTCOME_PENDING);
    turn(fixture);
    assert_false(is_resumed(fixture));
    atomic_store(&fixture->vault_keys, 1);
    fixture->done(fixture->mark, true);
    assert_int_equal(call_again(fixture), OUTCOME_REPLIES);
    assert_answer(fixture, "\"username\":\"badge:jane\"");
    assert_int_equal(counted(fixture), 1);
}

/* Whether they were fetched since decides who may remember the answer. */
static void test_ask_for_a_key_that_is_none_is_a_no_once_they_were_fetched(void **state)
{
    struct fixture *fixture = *state;
    for (int is_conclusive = 0; is_conclusive < 2; is_conclusive++) {
        assert_int_equal(ask(fixture, REVIEW_VAULT), OUTCOME_PENDING);
        turn(fixture);
        fixture->done(fixture->mark, is_conclusive);
        assert_int_equal(call_again(fixture), OUTCOME_REPLIES);
        assert_int_equal(fixture->kit.reply.prepared, is_conclusive ? FIRST_REFUSAL : 0);
        if (!is_conclusive) {
            assert_answer(fixture, "\"error\":\"not ready to answer, ask again\"");
        }
    }
    fixture->answer = WAITING_WANT_REFUSED;
    assert_int_equal(ask(fixture, REVIEW_VAULT), OUTCOME_PENDING);
    turn(fixture);
    assert_int_equal(call_again(fixture), OUTCOME_REPLIES);
    assert_answer(fixture, "\"error\":");
    assert_int_equal(ask(fixture, REVIEW_VAULT), OUTCOME_REPLIES); /* it would be refused again */
    assert_int_equal(counted(fixture), 4);
}

/* ------------------------------------------------------------------ a worker's share of time */

/* Bad ones first, which have the smaller part; then nobody is verified until there is time. */
static void test_ask_has_a_share_of_time_for_what_is_new(void **state)
{
    static const char bad[] = REVIEW("v1", OF_TOKEN("badge/vault/6a616e65/0"));
    struct fixture *fixture = *state;
    unsigned refused = 0;
    atomic_store(&fixture->vault_keys, 1);
    tell(fixture->authenticator, "north.anne");
    assert_int_equal(ask(fixture, bad), OUTCOME_REPLIES);
    while (fixture->kit.reply.prepared == FIRST_REFUSAL) {
        refused++;
        assert_int_equal(ask(fixture, bad), OUTCOME_REPLIES);
    }
    assert_int_equal(refused, 3);
    assert_answer(fixture, "\"error\":\"not ready to answer, ask again\"");
    assert_int_equal(ask(fixture, REVIEW_VAULT), OUTCOME_REPLIES);
    assert_answer(fixture, "\"error\":");
    assert_int_equal(ask(fixture, REVIEW_ANNE), OUTCOME_REPLIES); /* costs nothing of the kind */
    assert_answer(fixture, "\"authenticated\":true");
    fixture->kit.time.monotonic_ns += 100000000;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(ask(fixture, REVIEW_VAULT), OUTCOME_REPLIES);
        assert_answer(fixture, "\"username\":\"badge:jane\"");
    }
}

/* ------------------------------------------------------------------ memory */

static void test_ask_without_memory_to_wait_answers(void **state)
{
    struct fixture *fixture = *state;
    if (!alloc_fail_is_available()) {
        return;
    }
    for (size_t nth = 1;; nth++) {
        request_kit_set_body(&fixture->kit, REVIEW_ANNE);
        buf_clear(&fixture->kit.body);
        assert_true(buf_reserve(&fixture->kit.body, 1024));
        alloc_fail_arm(nth);
        const enum outcome outcome = call(fixture);
        const bool has_failed = alloc_fail_disarm();
        assert_int_equal(outcome, has_failed ? OUTCOME_REPLIES : OUTCOME_PENDING);
        if (!has_failed) {
            assert_int_equal(nth, 3); /* what is held; who it is that waits */
            return;
        }
        assert_answer(fixture, "\"error\":");
    }
}

static void test_ask_that_does_not_wait_allocates_nothing(void **state)
{
    struct fixture *fixture = *state;
    if (!alloc_fail_is_available()) {
        return;
    }
    tell(fixture->authenticator, "north.anne");
    assert_int_equal(ask(fixture, REVIEW_ANNE), OUTCOME_REPLIES); /* makes the reply's buffer */
    request_kit_set_body(&fixture->kit, REVIEW_ANNE);
    alloc_fail_arm(1);
    const enum outcome outcome = call(fixture);
    assert_false(alloc_fail_disarm());
    assert_int_equal(outcome, OUTCOME_REPLIES);
    assert_answer(fixture, "\"username\":\"badge:anne\"");
}

/* ------------------------------------------------------------------ a server */

#define CLIENTS         4
#define CLIENT_REQUESTS 60

struct crowd {
    struct engine engine;
    struct token_review_endpoint endpoint;
    struct http_server *http;
    _Atomic unsigned yes_count;
};

struct client {
    struct crowd *crowd;
    unsigned index;
};

struct telling {
    struct crowd *crowd;
    char name[32];
};

/* On the loop. */
static void tell_later(void *ctx)
{
    struct telling *telling = ctx;
    tell(telling->crowd->engine.authenticator, telling->name);
    free(telling);
}

static int connect_to(const struct crowd *crowd)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(http_server_port(crowd->http, 0)),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_review(int fd, unsigned client)
{
    char body[256];
    char request[512];
    /* TEST-ONLY: the name is one letter, a client's own */
    const int body_len =
        snprintf(body, sizeof(body), REVIEW("v1", OF_TOKEN("badge/north/%02x/0000")), 'a' + client);
    const int len = snprintf(
        request, sizeof(request),
        "POST /authenticate HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", body_len, body);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
}

static bool read_yes(int fd)
{
    char reply[2048];
    size_t len = 0;
    ssize_t n;
    do {
        n = recv(fd, reply + len, sizeof(reply) - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
        reply[len] = '\0';
    } while (n > 0 && !strstr(reply, "}}"));
    return strstr(reply, "\"authenticated\":true");
}

static void tell_soon(struct crowd *crowd, unsigned client)
{
    struct telling *telling = calloc(1, sizeof(*telling));
    assert_non_null(telling);
    telling->crowd = crowd;
    (void)snprintf(telling->name, sizeof(telling->name), "north.%c", (int)('a' + client));
    assert_int_equal(loop_post(crowd->engine.loop, tell_later, telling), ST_OK);
}

/* Each round its badge is told of while its question is on its way; some leave in between, some end
 * their side. */
static void *run_client(void *ctx)
{
    const struct client *client = ctx;
    struct crowd *crowd = client->crowd;
    for (unsigned i = 0; i < CLIENT_REQUESTS; i++) {
        const int fd = connect_to(crowd);
        send_review(fd, client->index);
        if (i % 3 == 1) {
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        }
        tell_soon(crowd, client->index);
        if (i % 3 != 2) {
            const bool is_yes = read_yes(fd);
            atomic_fetch_add(&crowd->yes_count, is_yes);
            assert_true(is_yes);
        }
        assert_int_equal(close(fd), 0);
    }
    return NULL;
}

static void test_ask_in_a_server_answers_whoever_is_there(void **state)
{
    (void)state;
    struct file_kit files;
    struct crowd crowd = { 0 };
    struct problem problem = { 0 };
    atomic_bool yes = true;
    atomic_bool no = false;
    const struct badge_options badges = { .has_key = &yes, .is_south_away = &no };
    kit_init(&files);
    kit_mkdir(&files, "m");
    const struct kit_path folder = kit_path(&files, "m");
    const struct engine_options options = {
        .families = { [AUTHENTICATOR_BOOTSTRAP] = { .is_on = true,
                                                    .options = &badges,
                                                    .ops = &badge_as_bootstrap_ops } },
        .sources = { .manifests = folder.text, .clock = clock_system() },
    };
    assert_int_equal(engine_open(&options, &crowd.engine, &problem), ST_OK);
    assert_int_equal(engine_load(&crowd.engine, &problem), ST_OK);
    assert_int_equal(loop_start(crowd.engine.loop), ST_OK);
    const struct ask_options ask = { .authenticator = crowd.engine.authenticator,
                                     .waiting = crowd.engine.waiting,
                                     .clock = clock_system(),
                                     .shard_count = 2 };
    assert_int_equal(ask_new(&ask, &crowd.endpoint.ask), ST_OK);
    const struct endpoint row = { .path = "/authenticate",
                                  .methods = METHOD_POST,
                                  .client = ENDPOINT_ANYBODY,
                                  .handle = token_review_endpoint,
                                  .ctx = &crowd.endpoint };
    const struct http_listener listener = { .address = "127.0.0.1",
                                            .client = ENDPOINT_ANYBODY,
                                            .workers = 2,
                                            .endpoints = &row,
                                            .endpoint_count = 1 };
    static const struct prepared_reply prepared[] = { { .code = 200,
                                                        .content_type = "text/plain" } };
    crowd.endpoint.first_refusal = 1;
    const struct http_server_options http = { .listeners = &listener,
                                              .listener_count = 1,
                                              .prepared = prepared,
                                              .prepared_count = 1,
                                              .max_body_bytes = 4096,
                                              .max_header_bytes = 8192,
                                              .max_connections = 1024,
                                              .request_timeout_ns = INT64_C(60000000000),
                                              .idle_timeout_ns = INT64_C(60000000000),
                                              .shutdown_grace_ns = INT64_C(20000000000),
                                              .clock = clock_system() };
    assert_int_equal(http_server_new(&http, &crowd.http, &problem), ST_OK);
    assert_int_equal(http_server_start(crowd.http), ST_OK);
    pthread_t threads[CLIENTS];
    struct client clients[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){ .crowd = &crowd, .index = i };
        assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(crowd.yes_count, CLIENTS * CLIENT_REQUESTS * 2 / 3);
    /* one more waits, and for nothing: the end waits for its answer */
    const int fd = connect_to(&crowd);
    send_review(fd, CLIENTS);
    const struct question_wait wait = { .kind = WAIT_OBJECT, .source = BADGE_SITE_NORTH };
    unsigned free_places = WAITING_OBJECTS_OF_SOURCE_MAX;
    while (free_places == WAITING_OBJECTS_OF_SOURCE_MAX) { /* until it waits */
        free_places = 0;
        while (waiting_reserve(crowd.engine.waiting, AUTHENTICATOR_BOOTSTRAP, &wait)) {
            free_places++;
        }
        for (unsigned i = 0; i < free_places; i++) {
            waiting_release(crowd.engine.waiting, AUTHENTICATOR_BOOTSTRAP, &wait);
        }
    }
    crowd.http = http_server_free(crowd.http);
    assert_false(read_yes(fd));
    assert_int_equal(close(fd), 0);
    assert_int_equal(
        ask_metrics(crowd.endpoint.ask, 0)
                ->reviews[AUTHENTICATOR_BOOTSTRAP][DECISION_ERROR][ST_TOKEN_ID_UNKNOWN] +
            ask_metrics(crowd.endpoint.ask, 1)
                ->reviews[AUTHENTICATOR_BOOTSTRAP][DECISION_ERROR][ST_TOKEN_ID_UNKNOWN],
        1);
    loop_stop(crowd.engine.loop);
    crowd.endpoint.ask = ask_free(crowd.endpoint.ask);
    engine_close(&crowd.engine);
    kit_fini(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_ask_waits_for_an_object_and_answers_yes),
        T(test_ask_judges_by_the_time_at_which_it_answers),
        T(test_ask_that_waited_in_vain_is_an_error_and_one_line),
        T(test_ask_that_is_resumed_for_nothing_waits_on),
        T(test_ask_beyond_the_places_is_answered_at_once),
        T(test_ask_whose_client_leaves_is_freed_and_not_counted),
        T(test_ask_waits_for_keys_and_answers_yes),
        T(test_ask_for_a_key_that_is_none_is_a_no_once_they_were_fetched),
        T(test_ask_has_a_share_of_time_for_what_is_new),
        T(test_ask_without_memory_to_wait_answers),
        T(test_ask_that_does_not_wait_allocates_nothing),
        cmocka_unit_test(test_ask_in_a_server_answers_whoever_is_there),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
