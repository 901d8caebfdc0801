/* SPDX-License-Identifier: Apache-2.0 */
/* What each frame of a reply means for whoever asked. What he does then, and in what words a
 * request's end is told, is in apiserver_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/cluster_access_private.h"
#include "store/apiserver/reply.h"

#define META(members)    "{\"metadata\":{" members "}}"
#define EVENT(type, of)  "{\"type\":\"" type "\",\"object\":" of "}"
#define VERSION(version) "\"resourceVersion\":\"" version "\""
#define SECRET(version) \
    "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"," VERSION(version) "},\"type\":\"c\"}"
#define END(version) \
    META(VERSION(version) ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}")
/* What would not be read anywhere else, where nobody asks for it. */
#define MANAGED(version)                                                                   \
    "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"managedFields\":[{\"a\\u0000\":1" \
    "}]," VERSION(version) "},\"type\":\"c\"}"
#define X32  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X127 X32 X32 X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *name;
    enum phase phase;
    enum json_frame_kind kind;
    const char *text;
    enum status want;
    enum reply_step step; /* of ST_OK */
    const char *version;  /* where the step has one */
    const char *next_page;
} rows[] = {
    /* a streaming list */
    { "one is told", PHASE_STREAM, JSON_FRAME_VALUE, EVENT("ADDED", SECRET("1")), ST_OK,
      REPLY_TOLD_ONE, NULL, NULL },
    { "one with who changed what", PHASE_STREAM, JSON_FRAME_VALUE, EVENT("ADDED", MANAGED("1")),
      ST_OK, REPLY_TOLD_ONE, NULL, NULL },
    { "one is taken back", PHASE_STREAM, JSON_FRAME_VALUE, EVENT("DELETED", SECRET("1")), ST_OK,
      REPLY_TOLD_ONE, NULL, NULL },
    { "one without a name", PHASE_STREAM, JSON_FRAME_VALUE, EVENT("ADDED", META("")), ST_SYNTAX, 0,
      NULL, NULL },
    { "one that cannot be read", PHASE_STREAM, JSON_FRAME_VALUE, "{\"a\\u0000\":1}", ST_OK,
      REPLY_UNREADABLE, NULL, NULL },
    { "a bookmark on the way", PHASE_STREAM, JSON_FRAME_VALUE,
      EVENT("BOOKMARK", META(VERSION("1"))), ST_OK, REPLY_GO_ON, NULL, NULL },
    { "the end", PHASE_STREAM, JSON_FRAME_VALUE, EVENT("BOOKMARK", END("1")), ST_OK, REPLY_TOLD_ALL,
      "1", NULL },
    { "an end that does not say where", PHASE_STREAM, JSON_FRAME_VALUE, EVENT("BOOKMARK", END("")),
      ST_SYNTAX, 0, NULL, NULL },
    /* a watch */
    { "a change", PHASE_WATCH, JSON_FRAME_VALUE, EVENT("MODIFIED", SECRET("2")), ST_OK,
      REPLY_FOLLOWED, "2", NULL },
    { "a change with who changed what", PHASE_WATCH, JSON_FRAME_VALUE,
      EVENT("MODIFIED", MANAGED("2")), ST_OK, REPLY_FOLLOWED, "2", NULL },
    { "a deletion", PHASE_WATCH, JSON_FRAME_VALUE, EVENT("DELETED", SECRET("2")), ST_OK,
      REPLY_FOLLOWED, "2", NULL },
    { "a bookmark", PHASE_WATCH, JSON_FRAME_VALUE, EVENT("BOOKMARK", META(VERSION("2"))), ST_OK,
      REPLY_FOLLOWED, "2", NULL },
    { "a version as long as one may be", PHASE_WATCH, JSON_FRAME_VALUE,
      EVENT("BOOKMARK", META(VERSION(X127))), ST_OK, REPLY_FOLLOWED, X127, NULL },
    { "a version that is too long", PHASE_WATCH, JSON_FRAME_VALUE,
      EVENT("BOOKMARK", META(VERSION(X127 "x"))), ST_OK, REPLY_FOLLOWED, "", NULL },
    { "a version that would be cut", PHASE_WATCH, JSON_FRAME_VALUE,
      EVENT("BOOKMARK", META(VERSION("2\\u00003"))), ST_OK, REPLY_FOLLOWED, "", NULL },
    { "a change without a version", PHASE_WATCH, JSON_FRAME_VALUE, EVENT("ADDED", SECRET("")),
      ST_OK, REPLY_FOLLOWED, "", NULL },
    { "a change without a name", PHASE_WATCH, JSON_FRAME_VALUE, EVENT("ADDED", META("")), ST_SYNTAX,
      0, NULL, NULL },
    { "a change that cannot be read", PHASE_WATCH, JSON_FRAME_VALUE, "{\"a\\u0000\":1}", ST_SYNTAX,
      0, NULL, NULL },
    { "too old", PHASE_WATCH, JSON_FRAME_VALUE,
      EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}"), ST_GONE, 0, NULL,
      NULL },
    { "no such event", PHASE_WATCH, JSON_FRAME_VALUE, EVENT("RENAMED", SECRET("2")), ST_SYNTAX, 0,
      NULL, NULL },
    { "an event of nothing", PHASE_WATCH, JSON_FRAME_VALUE, "{\"type\":\"ADDED\"}", ST_SYNTAX, 0,
      NULL, NULL },
    /* a list in pages */
    { "an item", PHASE_LIST, JSON_FRAME_VALUE, SECRET("3"), ST_OK, REPLY_GO_ON, NULL, NULL },
    { "an item with who changed what", PHASE_LIST, JSON_FRAME_VALUE, MANAGED("3"), ST_OK,
      REPLY_GO_ON, NULL, NULL },
    { "an item that cannot be read", PHASE_LIST, JSON_FRAME_VALUE, "{\"a\\u0000\":1}", ST_OK,
      REPLY_UNREADABLE, NULL, NULL },
    { "the last page", PHASE_LIST, JSON_FRAME_REST, META(VERSION("4")), ST_OK, REPLY_PAGE_ENDS, "4",
      "" },
    { "a page", PHASE_LIST, JSON_FRAME_REST, META(VERSION("4") ",\"continue\":\"n\""), ST_OK,
      REPLY_PAGE_ENDS, "4", "n" },
    { "a page that does not say as of when", PHASE_LIST, JSON_FRAME_REST,
      META("\"continue\":\"n\""), ST_SYNTAX, 0, NULL, NULL },
    { "a list that cannot be read", PHASE_LIST, JSON_FRAME_REST, "{\"a\\u0000\":1}", ST_SYNTAX, 0,
      NULL, NULL },
};

/* A store that nobody listens to, and a server that is not asked. */
static const struct store_request secrets = { .interest = { .kind = &kind_secret } };

struct kit {
    struct store store;
    struct session session;
    struct remote_objects objects;
    struct reply reply;
};

static enum status read_nothing(void *ctx,
                                const char *path,
                                size_t max_bytes,
                                struct file_content *ret_content,
                                struct problem *reterr_problem)
{
    (void)ctx, (void)path, (void)max_bytes, (void)ret_content, (void)reterr_problem;
    return ST_IO;
}

static void note_state(struct store *store)
{
    (void)store;
}

static void kit_init(struct kit *kit)
{
    static const struct store_ops ops = { 0 };
    static const struct access_reader reader = { .read = read_nothing };
    static const char config[] = "{current-context: x, contexts: [{name: x, context: "
                                 "{cluster: c, user: u}}], clusters: [{name: c, cluster: "
                                 "{server: h}}], users: [{name: u, user: {}}]}";
    struct problem problem = { 0 };
    *kit = (struct kit){ .session = { .store = &kit->store, .on_state = note_state } };
    store_base_init(&kit->store, &ops);
    assert_int_equal(cluster_access_from_text(span_of(config), "config", "", &reader,
                                              &kit->session.access, &problem),
                     ST_OK);
    assert_int_equal(remote_objects_init(&kit->objects, &kit->session, &secrets), ST_OK);
    reply_init(&kit->reply, &kit->session, &kit->objects);
}

static void kit_fini(struct kit *kit)
{
    remote_objects_fini(&kit->objects);
    reply_fini(&kit->reply);
    session_fini(&kit->session);
}

static enum status refuse_frame(void *ctx, enum json_frame_kind kind, struct span text)
{
    (void)ctx, (void)kind, (void)text;
    return ST_INTERNAL; /* frames are handed to reply_take() by hand */
}

static void test_reply_take_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct kit kit;
        kit_init(&kit);
        print_message("# row: %s\n", rows[i].name);
        reply_begin(&kit.reply, rows[i].phase, refuse_frame, NULL);
        const enum status status = reply_take(&kit.reply, rows[i].kind, span_of(rows[i].text));
        assert_int_equal(status, rows[i].want);
        if (status == ST_OK) {
            assert_int_equal(kit.reply.step, rows[i].step);
        }
        if (rows[i].version) {
            assert_string_equal(kit.reply.version, rows[i].version);
        }
        if (rows[i].next_page) {
            assert_true(span_equal(buf_span(&kit.reply.next_page), span_of(rows[i].next_page)));
        }
        kit_fini(&kit);
    }
}

static void test_reply_take_the_end_of_a_stream_begins_a_watch(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    reply_begin(&kit.reply, PHASE_STREAM, refuse_frame, NULL);
    assert_int_equal(reply_take(&kit.reply, JSON_FRAME_VALUE, span_of(EVENT("BOOKMARK", END("1")))),
                     ST_OK);
    assert_int_equal(kit.reply.phase, PHASE_WATCH);
    assert_int_equal(reply_take(&kit.reply, JSON_FRAME_VALUE, span_of(EVENT("ADDED", SECRET("2")))),
                     ST_OK);
    assert_int_equal(kit.reply.step, REPLY_FOLLOWED);
    assert_string_equal(kit.reply.version, "2");
    reply_end(&kit.reply);
    assert_int_equal(kit.reply.phase, PHASE_IDLE);
    kit_fini(&kit);
}

static void test_reply_take_a_step_is_of_one_frame(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    reply_begin(&kit.reply, PHASE_LIST, refuse_frame, NULL);
    assert_int_equal(reply_take(&kit.reply, JSON_FRAME_VALUE, span_of("{\"a\\u0000\":1}")), ST_OK);
    assert_int_equal(kit.reply.step, REPLY_UNREADABLE);
    assert_int_equal(reply_take(&kit.reply, JSON_FRAME_VALUE, span_of(SECRET("1"))), ST_OK);
    assert_int_equal(kit.reply.step, REPLY_GO_ON);
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_take_rows),
        cmocka_unit_test(test_reply_take_the_end_of_a_stream_begins_a_watch),
        cmocka_unit_test(test_reply_take_a_step_is_of_one_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
