/* SPDX-License-Identifier: Apache-2.0 */
/* The status table as a whole: labels are fit for metrics and unique, and the blame of those that
 * decide an answer's cacheability is pinned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/status.h"

static void test_status_labels_are_lower_snake_and_unique(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_COUNT_; i++) {
        const char *label = status_label((enum status)i);
        assert_non_null(label);
        assert_true(label[0] >= 'a' && label[0] <= 'z');
        assert_int_equal(strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(label));
        for (int k = i + 1; k < STATUS_COUNT_; k++) {
            assert_string_not_equal(label, status_label((enum status)k));
        }
    }
}

static void test_status_texts_are_clauses(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_COUNT_; i++) {
        const char *text = status_text((enum status)i);
        assert_non_null(text);
        assert_true(strlen(text) > 3);
        assert_int_not_equal(text[strlen(text) - 1], '.');
        assert_null(strchr(text, '\n'));
    }
}

static void test_status_zero_is_ok_and_nobodys_fault(void **state)
{
    (void)state;
    assert_int_equal(ST_OK, 0);
    for (int i = 0; i < STATUS_COUNT_; i++) {
        assert_int_equal(status_fault((enum status)i) == FAULT_NONE, i == ST_OK);
    }
}

/* DESIGN: a refusal is cacheable, "not known (yet)" and our own failures are not. */
static const struct {
    enum status status;
    enum fault want;
} rows[] = {
    { ST_TOKEN_EMPTY, FAULT_PEER },
    { ST_TOKEN_TOO_LONG, FAULT_PEER },
    { ST_TOKEN_UNRECOGNIZED, FAULT_PEER },
    { ST_AUDIENCE_MISMATCH, FAULT_PEER },
    { ST_SECRET_BEING_DELETED, FAULT_PEER },
    { ST_SECRET_WRONG_TYPE, FAULT_PEER },
    { ST_SECRET_NO_DATA, FAULT_PEER },
    { ST_TOKEN_SECRET_MISMATCH, FAULT_PEER },
    { ST_TOKEN_ID_MISMATCH, FAULT_PEER },
    { ST_TOKEN_EXPIRED, FAULT_PEER },
    { ST_EXPIRATION_INVALID, FAULT_PEER },
    { ST_USAGE_NOT_ALLOWED, FAULT_PEER },
    { ST_TOKEN_ID_UNKNOWN, FAULT_UPSTREAM },
    { ST_NOT_SYNCED, FAULT_UPSTREAM },
    { ST_NOMEM, FAULT_SELF },
    { ST_IO, FAULT_SELF },
    { ST_INTERNAL, FAULT_SELF },
};

static void test_status_fault_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        if (status_fault(rows[i].status) != rows[i].want) {
            fail_msg("%s", status_label(rows[i].status));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_labels_are_lower_snake_and_unique),
        cmocka_unit_test(test_status_texts_are_clauses),
        cmocka_unit_test(test_status_zero_is_ok_and_nobodys_fault),
        cmocka_unit_test(test_status_fault_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
