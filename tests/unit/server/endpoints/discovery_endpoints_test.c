/* SPDX-License-Identifier: Apache-2.0 */
/* Which document is served where, and in which form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kube/discovery.h"
#include "kube/openapi.h"
#include "server/endpoints/discovery_endpoints.h"
#include "support/request_kit.h"

static const struct {
    const char *path;
    const char *type;
    const char *begins;
} pages[] = {
    { "/api", "application/json", "{\"kind\":\"APIVersions\"" },
    { "/apis", "application/json", "{\"kind\":\"APIGroupList\"" },
    { "/apis/authentication.k8s.io", "application/json", "{\"kind\":\"APIGroup\"" },
    { "/apis/authentication.k8s.io/v1", "application/json", "{\"kind\":\"APIResourceList\"" },
    { "/apis/authentication.k8s.io/v1beta1", "application/json", "{\"kind\":\"APIResourceList\"" },
    { "/openapi/v2", OPENAPI_V2_TYPE,
      "\x0a\x03"
      "2.0" },
    { "/openapi/v3", "application/json", "{\"paths\":{\"apis/authentication.k8s.io/v1\":" },
    { "/openapi/v3/apis/authentication.k8s.io/v1", "application/json", "{\"openapi\":\"3.0.0\"" },
    { "/openapi/v3/apis/authentication.k8s.io/v1beta1", "application/json",
      "{\"openapi\":\"3.0.0\"" },
};

static struct discovery_endpoints *make(void)
{
    struct discovery_endpoints *endpoints = NULL;
    assert_int_equal(discovery_endpoints_new(api_resources_served(), "1.2.3", &endpoints), ST_OK);
    return endpoints;
}

static const struct endpoint *row_of(const struct discovery_endpoints *endpoints, const char *path)
{
    size_t count;
    const struct endpoint *const rows = discovery_endpoints_rows(endpoints, &count);
    assert_int_equal(count, COUNTOF(pages));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].path, path) == 0) {
            return &rows[i];
        }
    }
    fail_msg("%s is not served", path);
    return NULL;
}

static void ask(struct request_kit *kit, const struct endpoint *row)
{
    request_kit_again(kit);
    assert_int_equal(row->handle(row->ctx, &kit->request, &kit->reply), OUTCOME_REPLIES);
    assert_int_equal(kit->reply.code, 200);
}

static void test_discovery_endpoints_each_page_is_where_clients_look(void **state)
{
    (void)state;
    struct discovery_endpoints *endpoints = make();
    struct request_kit kit;
    request_kit_init(&kit);
    for (size_t i = 0; i < COUNTOF(pages); i++) {
        const struct endpoint *const row = row_of(endpoints, pages[i].path);
        print_message("# %s\n", pages[i].path);
        assert_int_equal(row->methods, METHOD_GET | METHOD_HEAD);
        assert_int_equal(row->client, ENDPOINT_CLIENT_CERTIFICATE); /* as for a review */
        ask(&kit, row);
        assert_string_equal(kit.reply.content_type, pages[i].type);
        assert_true(span_starts_with(buf_span(&kit.body), span_of(pages[i].begins)));
    }
    request_kit_fini(&kit);
    assert_null(discovery_endpoints_free(endpoints));
}

#define AGGREGATED "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define BETA       "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"

static const struct {
    const char *accept; /* NULL: none */
    bool is_aggregated;
} forms[] = {
    { NULL, false },
    { "application/json", false },
    { "*/*", false },
    { AGGREGATED, true },
    { AGGREGATED "," BETA ",application/json", true }, /* as client-go asks */
    { BETA ",application/json", false },
    { "application/json, " AGGREGATED ";q=0.5", true },
    { AGGREGATED ";q=0", false },
    { "application/json; as=APIGroupDiscoveryList ; v=v2 ;g=apidiscovery.k8s.io", true },
    { "application/json;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList", false },
    { "application/json;v=v2;as=APIGroupDiscoveryList", false },
    { "application/json;g=apidiscovery.k8s.io;v=v2", false },
    { "application/json;g=apidiscovery.k8s.io,application/json;v=v2;as=APIGroupDiscoveryList",
      false }, /* of two ranges each has a part */
    { ";", false },
    { ",;,", false },
};

static void test_discovery_endpoints_aggregated_for_who_asks_for_it(void **state)
{
    (void)state;
    struct discovery_endpoints *endpoints = make();
    struct request_kit kit;
    request_kit_init(&kit);
    const char *const paths[] = { "/api", "/apis" };
    for (size_t p = 0; p < COUNTOF(paths); p++) {
        for (size_t i = 0; i < COUNTOF(forms); i++) {
            print_message("# %s\n", forms[i].accept ? forms[i].accept : "none");
            kit.fields[0] = (struct reply_field){ .name = forms[i].accept ? "Accept" : NULL,
                                                  .value = forms[i].accept };
            ask(&kit, row_of(endpoints, paths[p]));
            assert_string_equal(kit.reply.content_type, forms[i].is_aggregated
                                                            ? DISCOVERY_AGGREGATED_TYPE
                                                            : "application/json");
            assert_int_equal(span_starts_with(buf_span(&kit.body),
                                              SPAN_LITERAL("{\"kind\":\"APIGroupDiscoveryList\"")),
                             forms[i].is_aggregated);
            assert_int_equal(kit.reply.field_count, 1); /* caches keep the two apart */
            assert_string_equal(kit.reply.fields[0].name, "Vary");
        }
    }
    request_kit_fini(&kit);
    assert_null(discovery_endpoints_free(endpoints));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discovery_endpoints_each_page_is_where_clients_look),
        cmocka_unit_test(test_discovery_endpoints_aggregated_for_who_asks_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
