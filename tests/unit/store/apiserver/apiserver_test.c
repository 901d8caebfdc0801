/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API server store against a server that plays a script: what listeners are told, and what the
 * server is asked. What real servers do is in tests/e2e.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/apiserver_kit.h"
#include "support/kinds_kit.h"

#define TEN_(x) x x x x x x x x x x
#define UNREADABLE(name, version, metadata)                                                \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"kube-system\",\"uid\":\"u-" name \
    "\",\"resourceVersion\":\"" version "\"," metadata "},\"type\":\"example.com/t\"}"
/* What kube-apiserver v1.36.3 takes in metadata.managedFields[0].fieldsV1, and shows again. */
#define DEEP(name, version)                                                                        \
    UNREADABLE(                                                                                    \
        name, version,                                                                             \
        "\"f\":" TEN_("{\"f:a\":{\"f:a\":{\"f:a\":{\"f:a\":{\"f:a\":{\"f:a\":{\"f:a\":") "0" TEN_( \
            "}}}}}}}"))
#define NUL_IN_KEY(name, version) UNREADABLE(name, version, "\"f:a\\u0000b\":{}")

#define LOGIN                                                           \
    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" \
    "<html><form></form></html>"
#define FAILING \
    REPLY("500 Internal Server Error", STATUS("500", "InternalError", "what you watch from"))

/* The last exchange of a row hangs, so that nothing comes behind it. */
static const struct {
    const char *name;
    struct https_exchange exchanges[EXCHANGES_MAX];
    const char *events;
    const char *request;
    const char *problems;
} rows[] = {
    { .name = "a streaming list, and what follows",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) ADDED("b", "3", TWO) END("9") MODIFIED(
                           "b", "10", THREE) DELETED("a", "11") ADDED("c", "12", ONE)),
                       .after = HTTPS_HANG } },
      .events = "+a=1 +b=2 S ~b=3 -a +c=1 " },
    { .name = "nothing there",
      .exchanges = { { .expect = STREAM, .send = OK(END("9")), .after = HTTPS_HANG } },
      .events = "S " },
    { .name = "a server without streaming lists: pages, the token escaped",
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK(LIST("7", MORE("x=/&"), SECRET("a", "1", ONE))),
                       .after = HTTPS_CLOSE },
                     { .expect = NEXT_PAGE("x%3D%2F%26"),
                       .send = OK(LIST("7", "", SECRET("b", "2", TWO))),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(DELETED("a", "8")), .after = HTTPS_HANG } },
      .events = "+a=1 +b=2 S -a " },
    { .name = "a streaming list that ends in an error: pages",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ERROR_EVENT("500", "InternalError", "etcd 3.4")),
                       .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK(LIST("7", "", SECRET("a", "1", ONE))),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "+a=1 S ",
      .request = WATCH("7") },
    { .name = "a streaming list that ends before it is whole: pages",
      .exchanges = { { .expect = STREAM, .send = OK(ADDED("a", "5", ONE)), .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK(LIST("7", "", SECRET("b", "6", TWO))),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "+a=1 +b=2 -a S ",
      .request = WATCH("7") },
    { .name = "bookmarks before the end mean nothing",
      .exchanges = { { .expect = STREAM,
                       .send = OK(BOOKMARK("2") ADDED("a", "5", ONE)),
                       .after = HTTPS_CUT },
                     { .expect = PAGE, .send = OK(LIST("7", "", "")), .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "+a=1 -a S ",
      .request = WATCH("7") },
    { .name = "no items at all",
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK("{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":null}"),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "S ",
      .request = WATCH("7") },
    { .name = "a token that has expired: all at once, and what is gone goes at the end",
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK(LIST("7", MORE("t"), SECRET("a", "1", ONE))),
                       .after = HTTPS_CLOSE },
                     { .expect = NEXT_PAGE("t"),
                       .send = REPLY("410 Gone", STATUS("410", "Expired", "too old")),
                       .after = HTTPS_CLOSE },
                     { .expect = WHOLE,
                       .send = OK(LIST("8", "", SECRET("b", "2", TWO))),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("8"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "+a=1 +b=2 -a S ",
      .request = WATCH("8") },
    { .name = "a page cut in the middle is not the end of the list",
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK("{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" SECRET(
                           "a", "1", ONE) ","),
                       .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK(LIST("8", "", SECRET("a", "1", ONE) "," SECRET("b", "2", TWO))),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("8"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "+a=1 +b=2 S ",
      .request = WATCH("8"),
      .problems = "cannot list secrets in namespace kube-system: the reply ended early\nok " },
    { .name = "a list without a resourceVersion is none",
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK("{\"metadata\":{},\"items\":[]}"),
                       .after = HTTPS_CLOSE },
                     { .expect = PAGE, .send = OK(LIST("8", "", "")), .after = HTTPS_CLOSE },
                     { .expect = WATCH("8"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "S ",
      .request = WATCH("8") },

    { .name = "a watch goes on behind its last event",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") ADDED("a", "12", ONE)),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("12"),
                       .send = OK(ADDED("b", "13", TWO)),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 +b=2 " },
    { .name = "a watch goes on behind its last bookmark",
      .exchanges = { { .expect = STREAM, .send = OK(END("9") BOOKMARK("20")), .after = HTTPS_CUT },
                     { .expect = WATCH("20"),
                       .send = OK(ADDED("b", "21", TWO)),
                       .after = HTTPS_HANG } },
      .events = "S +b=2 " },
    { .name = "cut in the middle of an event: it comes again",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") "{\"type\":\"DELETED\",\"object\":{\"meta"),
                       .after = HTTPS_CUT },
                     { .expect = WATCH("9"),
                       .send = OK(ADDED("b", "13", TWO)),
                       .after = HTTPS_HANG } },
      .events = "S +b=2 " },
    { .name = "ended well in the middle of an event: it comes again",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") ADDED("a", "12", ONE) "{\"type\":\"DEL"),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("12"),
                       .send = OK(DELETED("a", "13")),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 -a " },
    { .name = "the server is away for a while: nothing is taken back, the place is kept",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("9")),
                       .after = HTTPS_CUT },
                     { .expect = WATCH("9"),
                       .send = REPLY("503 Service Unavailable", "<html>"),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("9"),
                       .send = REPLY("500 Internal Server Error",
                                     STATUS("500", "InternalError", "no etcd")),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("9"),
                       .send = OK(DELETED("a", "12")),
                       .after = HTTPS_HANG } },
      .events = "+a=1 S -a ",
      .problems = "cannot watch secrets in namespace kube-system: the server answers 500 "
                  "InternalError: no etcd\n"
                  "ok cannot watch" },
    { .name = "410 by an event: what is gone meanwhile goes, what is the same is not told",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) ADDED("b", "6", TWO) ADDED("c", "7", THREE)
                                      END("9") ERROR_EVENT("410", "Expired", "too old")),
                       .after = HTTPS_CLOSE },
                     { .expect = STREAM,
                       .send = OK(ADDED("b", "6", TWO) ADDED("c", "12", ONE) END("19")),
                       .after = HTTPS_HANG } },
      .events = "+a=1 +b=2 +c=3 S ~c=1 -a " },
    { .name = "410 by the reply",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("9")),
                       .after = HTTPS_CUT },
                     { .expect = WATCH("9"),
                       .send = REPLY("410 Gone", STATUS("410", "Gone", "too old")),
                       .after = HTTPS_CLOSE },
                     { .expect = STREAM, .send = OK(END("19")), .after = HTTPS_HANG } },
      .events = "+a=1 S -a " },
    { .name = "an error of the watch that is not 410: it goes on",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") ERROR_EVENT("500", "InternalError", "x")),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("9"),
                       .send = OK(ADDED("a", "10", ONE)),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 " },
    { .name = "a watch that is refused again and again: its place is given up",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("9")),
                       .after = HTTPS_CUT },
                     { .expect = WATCH("9"), .send = FAILING, .after = HTTPS_CLOSE },
                     { .expect = WATCH("9"), .send = FAILING, .after = HTTPS_CLOSE },
                     { .expect = WATCH("9"), .send = FAILING, .after = HTTPS_CLOSE },
                     { .expect = WATCH("9"), .send = FAILING, .after = HTTPS_CLOSE },
                     { .expect = WATCH("9"), .send = FAILING, .after = HTTPS_CLOSE },
                     { .expect = STREAM, .send = OK(END("19")), .after = HTTPS_HANG } },
      .events = "+a=1 S -a " },
    { .name = "no longer allowed to watch: the list is read again, and said",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("9")),
                       .after = HTTPS_CUT },
                     { .expect = WATCH("9"),
                       .send = REPLY("403 Forbidden", STATUS("403", "Forbidden", "no role")),
                       .after = HTTPS_CLOSE },
                     { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("19")),
                       .after = HTTPS_HANG } },
      .events = "+a=1 S ",
      .problems = "cannot watch secrets in namespace kube-system: the server answers 403 "
                  "Forbidden: no role\nok cannot" },
    { .name = "an unknown type of event: the list is read again",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("9")
                                      EVENT("RENAMED", SECRET("a", "10", ONE))),
                       .after = HTTPS_HANG },
                     { .expect = STREAM, .send = OK(END("19")), .after = HTTPS_HANG } },
      .events = "+a=1 S -a " },
    { .name = "an event without an object",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") "{\"type\":\"ADDED\"}"),
                       .after = HTTPS_HANG },
                     { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("19")),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 " },
    { .name = "an object without a name",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") EVENT("DELETED", "{\"metadata\":{}}")),
                       .after = HTTPS_HANG },
                     { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("19")),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 " },
    { .name = "an object with a name that is none",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") ADDED("../a", "10", ONE)),
                       .after = HTTPS_HANG },
                     { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("19")),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 " },
    { .name = "a bookmark without a version",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") EVENT("BOOKMARK", "{\"metadata\":{}}")),
                       .after = HTTPS_HANG },
                     { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("19")),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 " },
    { .name = "a bookmark whose version is cut by a NUL",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") BOOKMARK("10\\u0000")),
                       .after = HTTPS_HANG },
                     { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("19")),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 " },
    { .name = "a bookmark whose version is no such thing, but long",
      .exchanges = { { .expect = STREAM,
                       .send = OK(END("9") BOOKMARK(TEN_("123456789012") "12345678")),
                       .after = HTTPS_HANG },
                     { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("19")),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 " },
    { .name = "a server that is busy is not asked for pages instead",
      .exchanges = { { .expect = STREAM,
                       .send = REPLY("503 Service Unavailable",
                                     STATUS("503", "ServiceUnavailable", "starting")),
                       .after = HTTPS_CLOSE },
                     { .expect = STREAM, .send = OK(END("9")), .after = HTTPS_HANG } },
      .events = "S " },
    { .name = "text that is no JSON",
      .exchanges = { { .expect = STREAM, .send = OK(END("9") "{]}"), .after = HTTPS_HANG },
                     { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("19")),
                       .after = HTTPS_HANG } },
      .events = "S +a=1 " },
    { .name = "a page of HTML",
      .exchanges = { { .expect = STREAM, .send = OK("<html></html>"), .after = HTTPS_CLOSE },
                     { .expect = PAGE, .send = OK("<html></html>"), .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK(LIST("7", "", SECRET("a", "1", ONE))),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "+a=1 S ",
      .request = WATCH("7") },
    { .name = "a page of HTML that says so is told for what it is",
      .exchanges = { { .expect = STREAM, .send = LOGIN, .after = HTTPS_CLOSE },
                     { .expect = PAGE, .send = LOGIN, .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK(LIST("7", "", SECRET("a", "1", ONE))),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "+a=1 S ",
      .problems = "cannot list secrets in namespace kube-system: got text/html; charset=utf-8 from "
                  "127.0.0.1:",
      .request = WATCH("7") },
    { .name = "nothing, of no type",
      .exchanges = { { .expect = STREAM, .send = "HTTP/1.1 200 OK\r\n\r\n", .after = HTTPS_CLOSE },
                     { .expect = PAGE, .send = "HTTP/1.1 200 OK\r\n\r\n", .after = HTTPS_CLOSE },
                     { .expect = PAGE, .send = OK(LIST("7", "", "")), .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "S ",
      .problems = ", where an API server sends application/json: a login page, a proxy, or another "
                  "server?\nok ",
      .request = WATCH("7") },
    { .name = "an API server that forgets its type is understood",
      .exchanges = { { .expect = STREAM,
                       .send = "HTTP/1.1 200 OK\r\n\r\n" ADDED("a", "5", ONE) END("9"),
                       .after = HTTPS_HANG } },
      .events = "+a=1 S " },
    { .name = "a redirect is not followed",
      .exchanges = { { .expect = STREAM,
                       .send = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: "
                               "0\r\n\r\n" },
                     { .expect = PAGE, .send = OK(LIST("7", "", "")), .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "S ",
      .request = WATCH("7") },

    { .name = "a Secret that cannot be decoded is no longer known, until it can be",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("9") MODIFIED("a", "10", "!")
                                      MODIFIED("a", "11", TWO)),
                       .after = HTTPS_HANG } },
      .events = "+a=1 S -a +a=2 ",
      .problems = "Secret kube-system/a: data.value: expected base64 with its padding, which "
                  "character 1 is not part of\nok " },
    { .name = "one that never could be is told when it can",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", "!") END("9") MODIFIED("a", "11", TWO)),
                       .after = HTTPS_HANG } },
      .events = "S +a=2 " },
    { .name = "one that never could be is gone without a word",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", "!") END("9") DELETED("a", "11")
                                      ADDED("b", "12", ONE)),
                       .after = HTTPS_HANG } },
      .events = "S +b=1 ",
      .problems = "\nok Secret kube-system/a" },
    { .name = "an object without a version is told each time",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "", ONE) ADDED("a", "", ONE) END("9")),
                       .after = HTTPS_HANG } },
      .events = "+a=1 ~a=1 S " },
    { .name = "one that cannot even be read counts as gone, and keeps nobody from the others",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) END("9") EVENT("MODIFIED", DEEP("a", "10"))),
                       .after = HTTPS_HANG },
                     { .expect = STREAM,
                       .send = OK(ADDED("b", "6", ONE) EVENT("ADDED", DEEP("a", "10"))
                                      ADDED("c", "7", TWO) END("19") ADDED("d", "20", ONE)),
                       .after = HTTPS_HANG } },
      .events = "+a=1 S +b=1 +c=2 -a +d=1 ",
      .problems = "1 secrets cannot be read, and count as gone (metadata.managedFields?): "
                  "expected less nesting" },
    { .name = "nor in pages, until it can be",
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send =
                           OK(LIST("7", MORE("x"), NUL_IN_KEY("a", "1") "," SECRET("b", "2", TWO))),
                       .after = HTTPS_CLOSE },
                     { .expect = NEXT_PAGE("x"),
                       .send = OK(LIST("7", "", NUL_IN_KEY("c", "1"))),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"),
                       .send = REPLY("410 Gone", STATUS("410", "Gone", "too old")),
                       .after = HTTPS_CLOSE },
                     { .expect = STREAM,
                       .send = OK(ADDED("a", "8", ONE) ADDED("b", "2", TWO) END("19")),
                       .after = HTTPS_HANG } },
      .events = "+b=2 S +a=1 ",
      .problems = "2 secrets cannot be read, and count as gone (metadata.managedFields?): "
                  "expected a key without a NUL character\nok all secrets can be read" },
    { .name = "a page that leads to itself is not followed",
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE, .send = OK(LIST("7", MORE("x"), "")), .after = HTTPS_CLOSE },
                     { .expect = NEXT_PAGE("x"),
                       .send = OK(LIST("7", MORE("x"), "")),
                       .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = OK(LIST("8", "", SECRET("b", "2", TWO))),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("8"), .send = OK(""), .after = HTTPS_HANG } },
      .events = "+b=2 S ",
      .request = WATCH("8") },
    { .name = "the same name with another uid is news",
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "5", ONE) EVENT(
                           "ADDED",
                           "{\"metadata\":{\"name\":\"a\",\"namespace\":\"kube-system\","
                           "\"uid\":\"v\",\"resourceVersion\":\"5\"},\"data\":{\"value\":\"" TWO
                           "\"}}") END("9")),
                       .after = HTTPS_HANG } },
      .events = "+a=1 ~a=2 S " },
};

static void test_apiserver_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct api_kit kit;
        print_message("# %s\n", rows[i].name);
        api_open(&kit, rows[i].exchanges, 0);
        api_expect(&kit, &(struct api_wish){ .events = rows[i].events,
                                             .request = rows[i].request,
                                             .problems = rows[i].problems });
        api_close(&kit);
    }
}

static void test_apiserver_sends_the_token_as_it_is_now(void **state)
{
    (void)state;
    sem_t gate;
    const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(END("9")) },
        { .gate = &gate, .send = BOOKMARK("10"), .after = HTTPS_CUT },
        { .expect = WATCH("10"), .send = OK(ADDED("a", "11", ONE)), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "S ",
                                         .request = "Authorization: Bearer TEST-ONLY-token\r\n" });
    kit_write(&kit.files, "token", "TEST-ONLY-other\n");
    assert_int_equal(sem_post(&gate), 0);
    api_expect(&kit, &(struct api_wish){ .events = "S +a=1 ",
                                         .request = "Authorization: Bearer TEST-ONLY-other\r\n" });
    assert_true(api_saw(&kit, "User-Agent: kube-bearer/"));
    assert_true(api_saw(&kit, "Accept: application/json\r\n"));
    api_close(&kit);
    assert_int_equal(sem_destroy(&gate), 0);
}

/* A token that cannot be read is said once, the last good one goes on. */
static void test_apiserver_keeps_the_token_it_has(void **state)
{
    (void)state;
    sem_t gate;
    const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(END("9")) },
        { .gate = &gate, .send = BOOKMARK("10"), .after = HTTPS_CUT },
        { .expect = WATCH("10"), .send = OK(BOOKMARK("11")), .after = HTTPS_CUT },
        { .expect = WATCH("11"), .send = OK(ADDED("a", "12", ONE)) },
        { .gate = &gate, .send = BOOKMARK("13"), .after = HTTPS_CUT },
        { .expect = WATCH("13"), .send = OK(ADDED("b", "14", TWO)), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    struct store_stats stats;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "S " });
    kit_write(&kit.files, "token", " \n");
    assert_int_equal(sem_post(&gate), 0);
    api_expect(&kit, &(struct api_wish){ .events = "S +a=1 ", .problems = "token" });
    store_stats(kit.store, &stats);
    assert_int_equal(stats.problems, 1);
    assert_string_equal(strchr(api_text(&kit.problems), '\n'), "\n"); /* one line */
    kit_write(&kit.files, "token", "TEST-ONLY-token\n");
    assert_int_equal(sem_post(&gate), 0);
    api_expect(&kit, &(struct api_wish){ .events = "S +a=1 +b=2 ", .problems = "\nok " });
    store_stats(kit.store, &stats);
    assert_int_equal(stats.problems, 0);
    api_close(&kit);
    assert_int_equal(sem_destroy(&gate), 0);
}

static void note_reread(void *ctx, const struct store_reread *found)
{
    struct buf *buf = ctx;
    buf_clear(buf);
    buf_printf(buf, "%s %s%s %s", found->what, status_label(found->status),
               found->has_changed ? " changed" : "", found->problem ? found->problem->file : "");
    assert_true(!found->problem || found->problem->text[0]);
}

/* Without waiting for a request, of which a watch that stands makes none. */
static void test_apiserver_rereads_credentials_when_asked(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(END("9")), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    struct buf found = { 0 };
    struct store_stats stats;
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "S " });
    store_reread(kit.store, note_reread, &found);
    assert_string_equal(api_text(&found), "credentials ok ");
    kit_write(&kit.files, "token", "TEST-ONLY-other\n");
    store_reread(kit.store, note_reread, &found);
    assert_string_equal(api_text(&found), "credentials ok changed ");
    kit_write(&kit.files, "token", " \n");
    for (unsigned i = 0; i < 2; i++) { /* one that stands is said to who asks, each time */
        store_reread(kit.store, note_reread, &found);
        assert_non_null(strstr(api_text(&found), "/token"));
        assert_memory_equal(found.at, "credentials invalid ", 20);
    }
    assert_string_equal(strchr(api_text(&kit.problems), '\n'), "\n"); /* and to the log once */
    store_stats(kit.store, &stats);
    assert_int_equal(stats.problems, 1);
    buf_fini(&found);
    api_close(&kit);
}

/* A watch from which nothing comes is begun anew, from where it was. */
static void test_apiserver_silence_ends_a_watch(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(END("9")), .after = HTTPS_HANG },
        { .expect = WATCH("9"), .send = NULL, .after = HTTPS_HANG },
        { .expect = WATCH("9"), .send = OK(ADDED("a", "10", ONE)), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    struct store_stats stats;
    api_open(&kit, exchanges, 1000);
    api_expect(&kit, &(struct api_wish){ .events = "S +a=1 " });
    store_stats(kit.store, &stats);
    assert_true(stats.is_remote);
    assert_true(stats.is_connected);
    assert_int_equal(stats.last_failure, ST_OK);
    assert_int_equal(stats.lists_ok, 1);
    assert_int_equal(stats.watches_begun, 2); /* the one in the middle never was one */
    assert_int_equal(stats.watch_events, 2);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), 1);
    assert_int_not_equal(stats.last_contact_sec, 0);
    api_close(&kit);
}

/* etcd has been restored from a backup: the place in its history lies in the future, and nobody
 * tells what happens before. */
static void test_apiserver_reads_the_list_where_nothing_confirms_its_place(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(ADDED("a", "5", ONE) END("9")), .after = HTTPS_HANG },
        { .expect = WATCH("9"), .send = OK(""), .after = HTTPS_HANG },
        { .expect = STREAM, .send = OK(ADDED("b", "6", TWO) END("7")), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    api_open(&kit, exchanges, 500);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 S +b=2 -a " });
    api_close(&kit);
}

/* Nor is a connection that nothing ever comes from a watch that stood for long. */
static void test_apiserver_says_that_it_gets_no_answer(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(END("9")), .after = HTTPS_CUT },
        { .expect = WATCH("9"), .after = HTTPS_HANG },
        { .expect = WATCH("9"), .after = HTTPS_HANG },
        { .expect = WATCH("9"), .send = OK(ADDED("a", "10", ONE)), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    api_open(&kit, exchanges, 500);
    api_expect(&kit, &(struct api_wish){ .events = "S +a=1 ", .problems = "ok cannot watch" });
    assert_non_null(strstr(api_text(&kit.problems), "sent nothing for 500 ms"));
    api_close(&kit);
}

#define A_PAGE(more)  OK(LIST("7", more, SECRET("a", "1", ONE)))
#define TRICKLES(len) .piece_len = (len), .pause_ms = 20

/* Bytes that always come within the silence timeouts. Each of these is "a" in the end. */
static const struct {
    const char *name;
    uint64_t list_timeout_ms;
    struct https_exchange exchanges[EXCHANGES_MAX];
    const char *given_up; /* events by then; NULL: it is not */
} slow_lists[] = {
    { .name = "a page",
      .list_timeout_ms = 1000,
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE, .send = A_PAGE(""), TRICKLES(1), .after = HTTPS_HANG },
                     { .expect = PAGE, .send = A_PAGE(""), .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .given_up = "" },
    { .name = "pages, none of which takes too long",
      .list_timeout_ms = 1000,
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = A_PAGE(MORE("t")),
                       TRICKLES(16),
                       .after = HTTPS_CLOSE },
                     { .expect = NEXT_PAGE("t"),
                       .send = A_PAGE(MORE("u")),
                       TRICKLES(16),
                       .after = HTTPS_CLOSE,
                       .optional = true },
                     { .expect = NEXT_PAGE("u"),
                       .send = A_PAGE(MORE("v")),
                       TRICKLES(16),
                       .after = HTTPS_CLOSE,
                       .optional = true },
                     { .expect = NEXT_PAGE("v"), .after = HTTPS_HANG, .optional = true },
                     { .expect = PAGE, .send = A_PAGE(""), .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .given_up = "+a=1 " },
    { .name = "a streaming list",
      .list_timeout_ms = 1000,
      .exchanges = { { .expect = STREAM,
                       .send = OK(TEN_(ADDED("a", "1", ONE))),
                       TRICKLES(16),
                       .after = HTTPS_HANG },
                     { .expect = PAGE, .send = A_PAGE(""), .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } },
      .given_up = "+a=1 " },
    { .name = "pages within the time",
      .exchanges = { { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
                     { .expect = PAGE,
                       .send = A_PAGE(MORE("t")),
                       TRICKLES(16),
                       .after = HTTPS_CLOSE },
                     { .expect = NEXT_PAGE("t"),
                       .send = A_PAGE(""),
                       TRICKLES(16),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } } },
    { .name = "a streaming list within the time, and a watch that is none any more",
      .list_timeout_ms = 2000,
      .exchanges = { { .expect = STREAM,
                       .send = OK(ADDED("a", "1", ONE) END("7") TEN_(TEN_(BOOKMARK("7")))),
                       TRICKLES(64),
                       .after = HTTPS_CLOSE },
                     { .expect = WATCH("7"), .send = OK(""), .after = HTTPS_HANG } } },
};

static void test_apiserver_list_takes_no_longer_than_its_time(void **state)
{
    (void)state;
    static const char given_up[] = "cannot list secrets in namespace kube-system: not complete "
                                   "after 1000 ms\n";
    for (size_t i = 0; i < COUNTOF(slow_lists); i++) {
        struct api_kit kit;
        struct store_stats stats;
        print_message("# %s\n", slow_lists[i].name);
        api_open_bounded(&kit, slow_lists[i].exchanges, 0, slow_lists[i].list_timeout_ms);
        if (slow_lists[i].given_up) {
            api_expect(
                &kit, &(struct api_wish){ .events = slow_lists[i].given_up, .problems = given_up });
            store_stats(kit.store, &stats);
            assert_int_equal(stats.last_failure, ST_TIMEOUT); /* which readyz says */
            assert_false(stats.is_synced);
        }
        api_expect(&kit, &(struct api_wish){ .events = "+a=1 S ", .request = WATCH("7") });
        store_stats(kit.store, &stats);
        assert_int_equal(stats.lists_failed, slow_lists[i].given_up != NULL);
        assert_int_equal(kit.problems.len > 0, slow_lists[i].given_up != NULL);
        api_close(&kit);
    }
}

/* A server that ends each watch once it has told something, and whoever writes what ends ours,
 * makes us ask once a second, not without end. */
static void test_apiserver_does_not_hurry_after_short_watches(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(END("9") BOOKMARK("10")), .after = HTTPS_CLOSE },
        { .expect = WATCH("10"), .send = OK(BOOKMARK("11")), .after = HTTPS_CLOSE },
        { .expect = WATCH("11"),
          .send = OK(BOOKMARK("12") EVENT("ADDED", DEEP("x", "13"))),
          .after = HTTPS_HANG },
        { .expect = STREAM,
          .send = OK(END("14") BOOKMARK("15") ERROR_EVENT("410", "Expired", "too old")),
          .after = HTTPS_CLOSE },
        { .expect = STREAM, .send = OK(ADDED("a", "12", ONE) END("16")), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    const uint64_t began_ns = uv_hrtime();
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "S +a=1 " });
    assert_true(uv_hrtime() - began_ns >= UINT64_C(3900000000)); /* never sooner: four waits */
    api_close(&kit);
}

/* 3 MiB, most of which the API server has to escape: six bytes for one. */
static void test_apiserver_reads_the_largest_object(void **state)
{
    (void)state;
    struct buf text = { 0 };
    buf_append_text(&text, "HTTP/1.1 200 OK\r\n\r\n{\"type\":\"ADDED\",\"object\":"
                           "{\"metadata\":{\"name\":\"a\",\"namespace\":\"kube-system\","
                           "\"ownerReferences\":[{\"name\":\"");
    for (size_t i = 0; i < 3 * 1048576; i++) {
        buf_append_text(&text, "\\u003c");
    }
    buf_append_text(&text, "\"}]},\"data\":{\"value\":\"" ONE "\"}}}\n" END("9"));
    buf_append_char(&text, '\0');
    assert_false(text.failed);
    const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = text.at, .after = HTTPS_HANG },
    };
    struct api_kit kit;
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 S " });
    api_close(&kit);
    buf_fini(&text);
}

static void test_apiserver_is_not_synced_before_a_whole_list(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = REPLY("429 Too Many Requests", ""), .after = HTTPS_CLOSE },
        { .expect = STREAM,
          .send = REPLY("401 Unauthorized", STATUS("401", "Unauthorized", "who?")),
          .after = HTTPS_CLOSE },
        { .expect = STREAM, .send = OK(ADDED("a", "5", ONE)), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    struct store_stats stats;
    api_open(&kit, exchanges, 0);
    store_stats(kit.store, &stats);
    assert_false(stats.is_synced);
    assert_false(stats.is_connected);
    assert_int_equal(stats.last_contact_sec, 0);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 ", .problems = "401 Unauthorized: who?" });
    store_stats(kit.store, &stats);
    assert_false(stats.is_synced);
    assert_false(stats.is_connected);
    assert_int_equal(stats.last_failure, ST_FORBIDDEN);
    assert_int_equal(stats.problems, 1);
    assert_int_equal(stats.lists_failed, 2);
    api_close(&kit);
}

/* Events behind a list that is to be read again do not make it a watch to go on with. */
static void test_apiserver_retells_what_a_list_under_way_has_told(void **state)
{
    (void)state;
    sem_t gate;
    const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(ADDED("a", "5", ONE)) },
        { .gate = &gate, .send = END("9") ADDED("b", "10", TWO), .after = HTTPS_HANG },
        { .expect = STREAM,
          .send = OK(ADDED("a", "5", ONE) ADDED("b", "10", TWO) END("19")),
          .after = HTTPS_HANG },
    };
    const struct store_target target = { .kind = &kind_secret,
                                         .namespace = SPAN_LITERAL("kube-system"),
                                         .name = SPAN_LITERAL("a") };
    struct api_kit kit;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 " });
    kit.store->ops->retell(kit.store, &target);
    assert_int_equal(sem_post(&gate), 0);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 S +b=2 -a +a=1 " });
    api_close(&kit);
    assert_int_equal(sem_destroy(&gate), 0);
}

static void test_apiserver_retells_what_a_page_under_way_has_told(void **state)
{
    (void)state;
    sem_t gate;
    const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
        { .expect = PAGE,
          .send =
              OK("{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" SECRET("a", "1", ONE)) },
        { .gate = &gate, .send = "]}", .after = HTTPS_CLOSE },
        { .expect = STREAM, .send = OK(ADDED("a", "1", ONE) END("9")), .after = HTTPS_HANG },
    };
    const struct store_target target = { .kind = &kind_secret,
                                         .namespace = SPAN_LITERAL("kube-system"),
                                         .name = SPAN_LITERAL("a") };
    struct api_kit kit;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 " });
    kit.store->ops->retell(kit.store, &target);
    assert_int_equal(sem_post(&gate), 0);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 S -a +a=1 " });
    api_close(&kit);
    assert_int_equal(sem_destroy(&gate), 0);
}

static void test_apiserver_counts_what_it_cannot_read(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM,
          .send = OK(EVENT("ADDED", DEEP("a", "5")) EVENT("ADDED", NUL_IN_KEY("b", "6"))
                         ADDED("c", "7", "!") END("9")),
          .after = HTTPS_HANG },
    };
    struct api_kit kit;
    struct store_stats stats;
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "S ", .problems = "2 secrets cannot be read" });
    store_stats(kit.store, &stats);
    assert_int_equal(stats.problems, 3);
    api_close(&kit);
}

/* A union needs one object again: by a list, so that no right to get single ones is needed. */
static void test_apiserver_retells_by_reading_the_list(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM,
          .send = OK(ADDED("a", "5", ONE) ADDED("b", "6", TWO) END("9")),
          .after = HTTPS_HANG },
        { .expect = STREAM,
          .send = OK(ADDED("a", "5", ONE) ADDED("b", "6", TWO) END("9")),
          .after = HTTPS_HANG },
    };
    struct api_kit kit;
    struct store_stats stats;
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 +b=2 S " });
    const struct store_target unknown = { .kind = &kind_secret,
                                          .namespace = SPAN_LITERAL("kube-system"),
                                          .name = SPAN_LITERAL("x") };
    const struct store_target target = { .kind = &kind_secret,
                                         .namespace = SPAN_LITERAL("kube-system"),
                                         .name = SPAN_LITERAL("b") };
    kit.store->ops->retell(kit.store, &unknown); /* asks nothing: the script has one list only */
    kit.store->ops->retell(kit.store, &target);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 +b=2 S -b +b=2 " });
    store_stats(kit.store, &stats);
    assert_int_equal(store_stats_objects(&stats, &kind_secret), 2);
    api_close(&kit);
}

static void test_apiserver_freed_at_any_time(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(ADDED("a", "5", ONE)), .after = HTTPS_HANG },
    };
    static const struct https_exchange nothing[EXCHANGES_MAX] = { { 0 } };
    struct api_kit kit;
    api_open(&kit, nothing, 0);
    api_close(&kit);
    api_open(&kit, exchanges, 0);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 " });
    api_close(&kit);
}

struct text_wish {
    struct buf *told;
    const char *want;
};

static bool text_wish_holds(void *ctx)
{
    const struct text_wish *wish = ctx;
    return strcmp(api_text(wish->told), wish->want) == 0;
}

#define ALL_SECRETS                                            \
    "GET /api/v1/secrets?watch=true&allowWatchBookmarks=true&" \
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds="
#define UNTYPED(name, version)                                                             \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"kube-system\",\"uid\":\"u-" name \
    "\",\"resourceVersion\":\"" version "\"}}"

/* One request for both; each hears what it has asked for, and of what comes to be something else
 * that it is gone. */
static void test_apiserver_interests_that_overlap_share_what_is_asked(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = ALL_SECRETS,
          .send = OK(ADDED("a", "5", ONE) EVENT("ADDED", UNTYPED("b", "6")) END("9")
                         EVENT("MODIFIED", UNTYPED("a", "10")) MODIFIED("b", "11", TWO)
                             EVENT("DELETED", UNTYPED("a", "12"))),
          .after = HTTPS_HANG },
    };
    static const struct store_interest all_in_place = { .kind = &kind_secret,
                                                        .namespace = "kube-system" };
    static const struct store_interest all_of_type = { .kind = &kind_secret,
                                                       .secret_type = "example.com/t" };
    struct api_kit kit;
    struct buf told = { 0 };
    api_make(&kit, exchanges, 0, 0);
    assert_int_equal(store_subscribe(kit.store, &all_in_place, kinds_on_event, &told), ST_OK);
    assert_int_equal(store_subscribe(kit.store, &all_of_type, api_on_event, &kit), ST_OK);
    api_begin(&kit);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 S -a +b=2 " });
    struct text_wish wish = { &told, "+Secret kube-system/a +Secret kube-system/b S "
                                     "~Secret kube-system/a ~Secret kube-system/b "
                                     "-Secret kube-system/a " };
    (void)kit_run_until(&kit.files, text_wish_holds, &wish, FILE_KIT_DEADLINE_MS);
    assert_string_equal(api_text(&told), wish.want);
    buf_fini(&told);
    api_close(&kit);
}

/* --- up to when all has been told --- */

struct until_wish {
    const struct store *store;
    int64_t want;
};

static bool until_wish_holds(void *ctx)
{
    const struct until_wish *wish = ctx;
    return store_told_until_sec(wish->store, &kind_secret) == wish->want;
}

static bool accounts_until_wish_holds(void *ctx)
{
    const struct until_wish *wish = ctx;
    return store_told_until_sec(wish->store, &kind_service_account) == wish->want;
}

static void expect_until(struct api_kit *kit, int64_t want)
{
    struct until_wish wish = { kit->store, want };
    (void)kit_run_until(&kit->files, until_wish_holds, &wish, FILE_KIT_DEADLINE_MS);
    assert_int_equal(store_told_until_sec(kit->store, &kind_secret), want);
}

/* The beginning of the list, and then each byte; of a watch begun anew not before a bookmark. */
static void test_apiserver_says_up_to_when_all_has_been_told(void **state)
{
    (void)state;
    sem_t gates[5];
    const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(ADDED("a", "5", ONE)) },
        { .gate = &gates[0], .send = END("9") },
        { .gate = &gates[1], .send = ADDED("b", "10", ONE), .after = HTTPS_CUT },
        { .expect = WATCH("10"), .send = OK(ADDED("c", "11", ONE)) },
        { .gate = &gates[2], .send = BOOKMARK("12") },
        { .gate = &gates[3], .send = DELETED("a", "13"), .after = HTTPS_CLOSE },
        { .expect = WATCH("13"),
          .send = OK(ERROR_EVENT("410", "Expired", "too old")),
          .after = HTTPS_CLOSE },
        { .expect = STREAM, .send = REFUSED, .after = HTTPS_CLOSE },
        { .expect = PAGE,
          .send = OK(LIST("20", MORE("t"), SECRET("b", "10", ONE))),
          .after = HTTPS_CLOSE },
        { .gate = &gates[4],
          .expect = NEXT_PAGE("t"),
          .send = OK(LIST("20", "", SECRET("c", "11", ONE))),
          .after = HTTPS_CLOSE },
        { .expect = WATCH("20"), .send = OK(MODIFIED("b", "21", TWO)), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    for (size_t i = 0; i < COUNTOF(gates); i++) {
        assert_int_equal(sem_init(&gates[i], 0, 0), 0);
    }
    api_make(&kit, exchanges, 0, 0);
    assert_int_equal(store_subscribe(kit.store, &api_interest, api_on_event, &kit), ST_OK);
    kit.now_sec = 1000;
    api_begin(&kit);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 " });
    assert_int_equal(store_told_until_sec(kit.store, &kind_secret), 0);
    kit.now_sec = 1100;
    sem_post(&gates[0]);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 S " });
    assert_int_equal(store_told_until_sec(kit.store, &kind_secret), 1000);
    kit.now_sec = 1200;
    sem_post(&gates[1]);
    expect_until(&kit, 1200);
    kit.now_sec = 1300;
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 S +b=1 +c=1 " });
    assert_int_equal(store_told_until_sec(kit.store, &kind_secret), 1200);
    sem_post(&gates[2]);
    expect_until(&kit, 1300);
    kit.now_sec = 1400;
    sem_post(&gates[3]);
    expect_until(&kit, 1400);
    kit.now_sec = 1500;
    api_expect(&kit,
               &(struct api_wish){ .events = "+a=1 S +b=1 +c=1 -a ", .request = NEXT_PAGE("t") });
    assert_int_equal(store_told_until_sec(kit.store, &kind_secret), 1400);
    kit.now_sec = 1600;
    sem_post(&gates[4]);
    api_expect(&kit, &(struct api_wish){ .events = "+a=1 S +b=1 +c=1 -a ~b=2 " });
    assert_int_equal(store_told_until_sec(kit.store, &kind_secret), 1500);
    assert_int_equal(store_told_until_sec(kit.store, &kind_config_map), 0);
    api_close(&kit);
    for (size_t i = 0; i < COUNTOF(gates); i++) {
        assert_int_equal(sem_destroy(&gates[i]), 0);
    }
}

/* --- other kinds --- */

#define STREAM_OF(path)                                                        \
    "GET " path "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&" \
    "resourceVersionMatch=NotOlderThan&timeoutSeconds="
#define OTHER(name, place, version, label, more)                                                 \
    "{\"metadata\":{\"name\":\"" name "\"" place ",\"uid\":\"u\",\"resourceVersion\":\"" version \
    "\",\"labels\":{\"value\":\"" label "\"}}" more "}"
#define IN_N             ",\"namespace\":\"n\""
#define WITH(key, value) ",\"" key "\":{\"value\":\"" value "\"}"

/* Synced is when all are: among which events of one kind, is not said. */
static void note_object(void *ctx, const struct store_event *event)
{
    if (event->type != STORE_SYNCED) {
        kinds_on_event(ctx, event);
    }
}

#define PARTIAL(list)                                        \
    "Accept: application/json;as=PartialObjectMetadata" list \
    ";g=meta.k8s.io;v=v1,application/json\r\n"

#define ALL_OF_TYPE_U                                                 \
    "GET /api/v1/secrets?fieldSelector=type%3Dexample.com%2Fu&watch=" \
    "true&allowWatchBookmarks=true&sendInitialEvents=true&"
#define SECRET_U(name, version)                                                            \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"kube-system\",\"uid\":\"v-" name \
    "\",\"resourceVersion\":\"" version "\"},\"type\":\"example.com/u\"}"

static void expect_told(struct api_kit *kit, struct buf *told, const char *want)
{
    struct text_wish wish = { told, want };
    (void)kit_run_until(&kit->files, text_wish_holds, &wish, FILE_KIT_DEADLINE_MS);
    assert_string_equal(api_text(told), want);
}

/* The whole of two types and the metadata of all: three requests. A Secret is made again as one of
 * the other type, which the two that ask by type are told in either order. */
static void test_apiserver_tells_each_listener_by_one_request(void **state)
{
    (void)state;
    static const struct store_interest of_type_t = { .kind = &kind_secret,
                                                     .namespace = "kube-system",
                                                     .secret_type = "example.com/t",
                                                     .hears_more = true };
    static const struct store_interest of_type_u = { .kind = &kind_secret,
                                                     .secret_type = "example.com/u" };
    static const struct store_interest all = { .kind = &kind_secret, .is_metadata_only = true };
    for (int is_old_first = 0; is_old_first < 2; is_old_first++) {
        sem_t gates[3];
        const struct https_exchange exchanges[EXCHANGES_MAX] = {
            { .expect = STREAM, .send = OK(ADDED("a", "5", ONE) END("9")) },
            { .gate = &gates[0], .send = DELETED("a", "10"), .after = HTTPS_HANG },
            { .expect = ALL_OF_TYPE_U, .send = OK(EVENT("ADDED", SECRET_U("b", "6")) END("9")) },
            { .gate = &gates[1], .send = EVENT("ADDED", SECRET_U("a", "11")), .after = HTTPS_HANG },
            { .expect = ALL_SECRETS,
              .send = OK(EVENT("ADDED", UNTYPED("a", "5")) EVENT("ADDED", UNTYPED("b", "6"))
                             EVENT("ADDED", UNTYPED("c", "7")) END("9")) },
            { .gate = &gates[2],
              .send = EVENT("DELETED", UNTYPED("a", "10")) EVENT("ADDED", UNTYPED("a", "11")),
              .after = HTTPS_HANG },
        };
        struct api_kit kit;
        struct store_stats stats;
        struct buf of_u = { 0 };
        struct buf of_all = { 0 };
        for (size_t i = 0; i < COUNTOF(gates); i++) {
            assert_int_equal(sem_init(&gates[i], 0, 0), 0);
        }
        api_make(&kit, exchanges, 0, 0);
        assert_int_equal(store_subscribe(kit.store, &of_type_t, api_on_event, &kit), ST_OK);
        assert_int_equal(store_subscribe(kit.store, &of_type_u, note_object, &of_u), ST_OK);
        assert_int_equal(store_subscribe(kit.store, &all, note_object, &of_all), ST_OK);
        api_begin(&kit);
        expect_told(&kit, &kit.events, "+a=1 S ");
        assert_string_equal(api_text(&of_u), "+Secret kube-system/b ");
        assert_true(api_saw(&kit, PARTIAL("")));
        store_stats(kit.store, &stats);
        assert_int_equal(store_stats_objects(&stats, &kind_secret), 3);
        for (int i = 0; i < 2; i++) {
            const bool is_old = i == !is_old_first;
            sem_post(&gates[!is_old]);
            expect_told(&kit, is_old ? &kit.events : &of_u,
                        is_old ? "+a=1 S -a " : "+Secret kube-system/b +Secret kube-system/a ");
        }
        sem_post(&gates[2]);
        expect_told(&kit, &of_all,
                    "+Secret kube-system/a +Secret kube-system/b +Secret kube-system/c "
                    "-Secret kube-system/a +Secret kube-system/a ");
        assert_string_equal(api_text(&kit.events), "+a=1 S -a ");
        assert_string_equal(api_text(&of_u), "+Secret kube-system/b +Secret kube-system/a ");
        store_stats(kit.store, &stats);
        assert_int_equal(store_stats_objects(&stats, &kind_secret), 3);
        buf_fini(&of_u);
        buf_fini(&of_all);
        api_close(&kit);
        for (size_t i = 0; i < COUNTOF(gates); i++) {
            assert_int_equal(sem_destroy(&gates[i]), 0);
        }
    }
}

/* Of two requests for one kind the one that is behind counts, and of another kind neither. */
static void test_apiserver_has_told_what_each_request_of_a_kind_has(void **state)
{
    (void)state;
    static const struct store_interest of_type_u = { .kind = &kind_secret,
                                                     .secret_type = "example.com/u" };
    sem_t gate;
    const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM, .send = OK(END("9")), .after = HTTPS_HANG },
        { .expect = STREAM_OF("/api/v1/serviceaccounts"),
          .send = OK(END("9")),
          .after = HTTPS_HANG },
        { .gate = &gate, .expect = ALL_OF_TYPE_U, .send = OK(END("9")), .after = HTTPS_HANG },
    };
    struct api_kit kit;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    api_make(&kit, exchanges, 0, 0);
    assert_int_equal(store_subscribe(kit.store, &api_interest, api_on_event, &kit), ST_OK);
    assert_int_equal(store_subscribe(kit.store, &of_type_u, api_on_event, &kit), ST_OK);
    assert_int_equal(store_subscribe(kit.store, &all_service_accounts, api_on_event, &kit), ST_OK);
    kit.now_sec = 1000;
    api_begin(&kit);
    struct until_wish wish = { kit.store, 1000 };
    (void)kit_run_until(&kit.files, accounts_until_wish_holds, &wish, FILE_KIT_DEADLINE_MS);
    assert_int_equal(store_told_until_sec(kit.store, &kind_service_account), 1000);
    assert_int_equal(store_told_until_sec(kit.store, &kind_secret), 0);
    sem_post(&gate);
    expect_until(&kit, 1000);
    api_close(&kit);
    assert_int_equal(sem_destroy(&gate), 0);
}

static void test_apiserver_tells_objects_of_every_kind_that_is_listened_to(void **state)
{
    (void)state;
    static const struct https_exchange exchanges[EXCHANGES_MAX] = {
        { .expect = STREAM_OF("/api/v1/serviceaccounts"),
          .send = OK(EVENT("ADDED", OTHER("a", IN_N, "1", "x", "")) END("2")
                         EVENT("MODIFIED", OTHER("a", IN_N, "3", "y", ""))
                             EVENT("DELETED", OTHER("a", IN_N, "4", "y", ""))),
          .after = HTTPS_HANG },
        { .expect = STREAM_OF("/api/v1/configmaps"),
          .send = OK(EVENT("ADDED", OTHER("a", IN_N, "1", "x", WITH("data", "1"))) END("2")
                         EVENT("MODIFIED", OTHER("a", IN_N, "3", "x", WITH("data", "2")))
                             EVENT("DELETED", OTHER("a", IN_N, "4", "x", ""))),
          .after = HTTPS_HANG },
        { .expect = STREAM_OF("/apis/example.com/v1/widgets"),
          .send = OK(EVENT("ADDED", OTHER("a", "", "1", "x", WITH("spec", "1"))) END("2")
                         EVENT("MODIFIED", OTHER("a", "", "3", "x", WITH("spec", "2")))
                             EVENT("MODIFIED", OTHER("a", "", "4", "x\",\"z\":1,\"x\":\"", ""))),
          .after = HTTPS_HANG },
    };
    static const struct store_interest *const interests[] = { &all_service_accounts,
                                                              &all_config_maps, &all_widgets };
    static const char *const want[] = {
        "+ServiceAccount n/a=x ~ServiceAccount n/a=y -ServiceAccount n/a ",
        "+ConfigMap n/a=x{1} ~ConfigMap n/a=x{2} -ConfigMap n/a ",
        "+Widget a=x{1} ~Widget a=x{2} -Widget a ",
    };
    struct api_kit kit;
    struct buf told[COUNTOF(interests)] = { 0 };
    api_make(&kit, exchanges, 0, 0);
    for (size_t i = 0; i < COUNTOF(interests); i++) {
        assert_int_equal(store_subscribe(kit.store, interests[i], note_object, &told[i]), ST_OK);
    }
    api_begin(&kit);
    for (size_t i = 0; i < COUNTOF(interests); i++) {
        struct text_wish wish = { &told[i], want[i] };
        (void)kit_run_until(&kit.files, text_wish_holds, &wish, FILE_KIT_DEADLINE_MS);
        assert_string_equal(api_text(&told[i]), want[i]);
        buf_fini(&told[i]);
    }
    assert_non_null(strstr(api_text(&kit.problems), "Widget a: metadata.labels.z"));
    api_close(&kit);
}

/* Of what the server makes of it, and of whole objects, no more is told than the metadata. */
static void test_apiserver_asks_for_metadata_where_that_is_all(void **state)
{
    (void)state;
    static const struct https_exchange streamed[EXCHANGES_MAX] = {
        { .expect = STREAM_OF("/api/v1/secrets"),
          .send = "HTTP/1.1 200 OK\r\nContent-Type: application/json;as=PartialObjectMetadata;"
                  "g=meta.k8s.io;v=v1\r\n\r\n" EVENT(
                      "ADDED", "{\"kind\":\"PartialObjectMetadata\",\"metadata\":{\"name\":\"a\","
                               "\"namespace\":\"n\",\"resourceVersion\":\"5\"}}") END("9"),
          .after = HTTPS_HANG },
    };
    static const struct https_exchange paged[EXCHANGES_MAX] = {
        { .expect = STREAM_OF("/api/v1/secrets"), .send = REFUSED, .after = HTTPS_CLOSE },
        { .expect = "GET /api/v1/secrets?limit=500 HTTP/1.1\r\n",
          .send = OK(LIST("9", "", OTHER("a", IN_N, "5", "x", WITH("data", "?")))),
          .after = HTTPS_CLOSE },
        { .expect = "GET /api/v1/secrets?watch=true&allowWatchBookmarks=true&resourceVersion=9",
          .send = OK(""),
          .after = HTTPS_HANG,
          .optional = true },
    };
    static const struct https_exchange refused[EXCHANGES_MAX] = {
        { .expect = STREAM_OF("/api/v1/secrets"),
          .send = REPLY("406 Not Acceptable", STATUS("406", "NotAcceptable", "no metadata")),
          .after = HTTPS_CLOSE },
        { .expect = STREAM_OF("/api/v1/secrets"),
          .send = OK(EVENT("ADDED", OTHER("a", IN_N, "5", "x", WITH("data", "?"))) END("9")),
          .after = HTTPS_HANG },
    };
    static const struct {
        const struct https_exchange *exchanges;
        const char *want;
        const char *asked[2]; /* NULL: no more */
    } media_rows[] = {
        { streamed, "+Secret n/a S ", { PARTIAL("") } },
        { paged, "+Secret n/a=x S ", { PARTIAL(""), PARTIAL("List") } },
        { refused, "+Secret n/a=x S ", { PARTIAL(""), "Accept: application/json\r\n" } },
    };
    static const struct store_interest names = { .kind = &kind_secret, .is_metadata_only = true };
    for (size_t i = 0; i < COUNTOF(media_rows); i++) {
        struct api_kit kit;
        struct buf told = { 0 };
        struct text_wish wish = { &told, media_rows[i].want };
        api_make(&kit, media_rows[i].exchanges, 0, 0);
        assert_int_equal(store_subscribe(kit.store, &names, kinds_on_event, &told), ST_OK);
        api_begin(&kit);
        (void)kit_run_until(&kit.files, text_wish_holds, &wish, FILE_KIT_DEADLINE_MS);
        assert_string_equal(api_text(&told), media_rows[i].want);
        for (size_t j = 0; j < COUNTOF(media_rows[i].asked); j++) {
            assert_true(!media_rows[i].asked[j] || api_saw(&kit, media_rows[i].asked[j]));
        }
        assert_string_equal(api_text(&kit.problems), "");
        buf_fini(&told);
        api_close(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apiserver_rows),
        cmocka_unit_test(test_apiserver_sends_the_token_as_it_is_now),
        cmocka_unit_test(test_apiserver_keeps_the_token_it_has),
        cmocka_unit_test(test_apiserver_rereads_credentials_when_asked),
        cmocka_unit_test(test_apiserver_silence_ends_a_watch),
        cmocka_unit_test(test_apiserver_reads_the_list_where_nothing_confirms_its_place),
        cmocka_unit_test(test_apiserver_says_that_it_gets_no_answer),
        cmocka_unit_test(test_apiserver_list_takes_no_longer_than_its_time),
        cmocka_unit_test(test_apiserver_does_not_hurry_after_short_watches),
        cmocka_unit_test(test_apiserver_reads_the_largest_object),
        cmocka_unit_test(test_apiserver_is_not_synced_before_a_whole_list),
        cmocka_unit_test(test_apiserver_retells_what_a_list_under_way_has_told),
        cmocka_unit_test(test_apiserver_retells_what_a_page_under_way_has_told),
        cmocka_unit_test(test_apiserver_counts_what_it_cannot_read),
        cmocka_unit_test(test_apiserver_retells_by_reading_the_list),
        cmocka_unit_test(test_apiserver_freed_at_any_time),
        cmocka_unit_test(test_apiserver_interests_that_overlap_share_what_is_asked),
        cmocka_unit_test(test_apiserver_tells_each_listener_by_one_request),
        cmocka_unit_test(test_apiserver_says_up_to_when_all_has_been_told),
        cmocka_unit_test(test_apiserver_has_told_what_each_request_of_a_kind_has),
        cmocka_unit_test(test_apiserver_tells_objects_of_every_kind_that_is_listened_to),
        cmocka_unit_test(test_apiserver_asks_for_metadata_where_that_is_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
