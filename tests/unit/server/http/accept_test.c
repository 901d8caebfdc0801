/* SPDX-License-Identifier: Apache-2.0 */
/* Accept: who takes JSON and who does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/http/accept.h"

#define FIELDS_MAX 3

static const struct {
    const char *name;
    const char *fields[FIELDS_MAX];
    bool takes_json;
} rows[] = {
    { "no field", { NULL }, true },
    { "an empty field", { "" }, true },
    { "commas and blanks", { " , ,\t" }, true },
    { "kube-apiserver", { "application/json, */*" }, true },
    { "Python", { "application/json" }, true },
    { "JSON with a blank behind it", { "application/json , a/b" }, true },
    { "a name that begins as JSON", { "application/jsonx" }, false },
    { "JSON first, and excluded later", { "application/json;q=0, text/html" }, false },
    { "client-go, by default", { "application/vnd.kubernetes.protobuf, */*" }, true },
    { "client-go, with JSON", { "application/vnd.kubernetes.protobuf,application/json" }, true },
    { "kubectl", { "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" }, true },
    { "JSON as a table", { "application/json;as=Table;v=v1;g=meta.k8s.io" }, true },
    { "protobuf alone", { "application/vnd.kubernetes.protobuf" }, false },
    { "YAML alone", { "application/yaml" }, false },
    { "other letters", { "Application/JSON" }, true },
    { "JSON of another sort", { "application/json-patch+json" }, false },
    { "a name cut", { "application/jso" }, false },
    { "JSON as a parameter", { "text/plain;application/json" }, false },
    { "any of the type", { "application/*" }, true },
    { "any of another type", { "text/*" }, false },
    { "any", { "*/*" }, true },
    { "a lone asterisk, as Java sends it", { "text/html, image/gif, *; q=.2, */*; q=.2" }, true },
    { "with a weight", { "application/yaml, application/json;q=0.1" }, true },
    { "with the lowest weight", { "application/json;q=0.001" }, true },
    { "excluded", { "application/json;q=0" }, false },
    { "excluded with decimals", { "application/json ; q=0.000" }, false },
    { "excluded in capitals", { "application/json;Q=0" }, false },
    { "excluded behind a parameter", { "application/json;as=Table;q=0" }, false },
    { "another excluded", { "text/html;q=0, application/json" }, true },
    { "excluded, though any is taken", { "*/*, application/json;q=0" }, false },
    { "excluded before any is taken", { "application/json;q=0, */*" }, false },
    { "its type excluded, though any is taken", { "*/*;q=0.8,application/*;q=0" }, false },
    { "taken, though its type is excluded", { "application/*;q=0, application/json" }, true },
    { "all excluded", { "*/*;q=0" }, false },
    { "one of two that are as close", { "application/json;as=Table;q=0, application/json" }, true },
    { "a weight that is none", { "application/json;q=" }, true },
    { "in the second field", { "application/yaml", "application/json" }, true },
    { "in no field of three", { "a/b", "text/html", "application/yaml" }, false },
    { "excluded in the second field", { "*/*", "application/json;q=0" }, false },
};

static void test_accept_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct accept accept = { 0 };
        for (size_t j = 0; j < FIELDS_MAX && rows[i].fields[j]; j++) {
            accept_add(&accept, span_of(rows[i].fields[j]));
        }
        print_message("# %s\n", rows[i].name);
        assert_int_equal(accept_takes_json(&accept), rows[i].takes_json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
