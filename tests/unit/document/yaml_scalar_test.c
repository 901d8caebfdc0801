/* SPDX-License-Identifier: Apache-2.0 */
/* What unquoted words mean. The rows of the first table were printed by go.yaml.in/yaml/v2 2.4.2
 * and sigs.k8s.io/yaml 1.6.0. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "document/yaml_scalar.h"

/* clang-format off */
static const struct {
    const char *text;
    enum yaml_kind kind;
    const char *value;
    const char *key; /* the JSON key it makes; NULL for none, and for strings */
} plain_rows[] = {
    { "", YAML_KIND_NULL, "", NULL },
    { ".5", YAML_KIND_FLOAT, "0.5", "0.5" },
    { ".5_0", YAML_KIND_FLOAT, "0.5", "0.5" },
    { "._5", YAML_KIND_STRING, "", NULL },
    { ".5_", YAML_KIND_STRING, "", NULL },
    { ".5_e1", YAML_KIND_STRING, "", NULL },
    { ".5__0", YAML_KIND_STRING, "", NULL },
    { ".5e1_0", YAML_KIND_FLOAT, "5e+09", "5e+09" },
    { ".5e3", YAML_KIND_FLOAT, "500", "500" },
    { ".5e", YAML_KIND_STRING, "", NULL },
    { ".", YAML_KIND_STRING, "", NULL },
    { ".e5", YAML_KIND_STRING, "", NULL },
    { ".5p1", YAML_KIND_STRING, "", NULL },
    { ".5e400", YAML_KIND_STRING, "", NULL },
    { ".5e-400", YAML_KIND_FLOAT, "0", "0" },
    { ".inf", YAML_KIND_FLOAT, "+inf", ".inf" },
    { ".Inf", YAML_KIND_FLOAT, "+inf", ".inf" },
    { ".INF", YAML_KIND_FLOAT, "+inf", ".inf" },
    { ".iNF", YAML_KIND_STRING, "", NULL },
    { "+.inf", YAML_KIND_FLOAT, "+inf", ".inf" },
    { "-.Inf", YAML_KIND_FLOAT, "-inf", "-.inf" },
    { ".nan", YAML_KIND_FLOAT, "nan", ".nan" },
    { ".NaN", YAML_KIND_FLOAT, "nan", ".nan" },
    { ".NAN", YAML_KIND_FLOAT, "nan", ".nan" },
    { ".Nan", YAML_KIND_STRING, "", NULL },
    { "-.5", YAML_KIND_FLOAT, "-0.5", "-0.5" },
    { "+.5", YAML_KIND_FLOAT, "0.5", "0.5" },
    { "-.5e3", YAML_KIND_FLOAT, "-500", "-500" },
    { "1.", YAML_KIND_FLOAT, "1", "1" },
    { "1.5", YAML_KIND_FLOAT, "1.5", "1.5" },
    { "1.e3", YAML_KIND_FLOAT, "1000", "1000" },
    { "1e3", YAML_KIND_FLOAT, "1000", "1000" },
    { "1E3", YAML_KIND_FLOAT, "1000", "1000" },
    { "1e+3", YAML_KIND_FLOAT, "1000", "1000" },
    { "1e400", YAML_KIND_STRING, "", NULL },
    { "-1e400", YAML_KIND_STRING, "", NULL },
    { "1e-400", YAML_KIND_FLOAT, "0", "0" },
    { "1_000", YAML_KIND_INT, "1000", "1000" },
    { "1_000.5", YAML_KIND_FLOAT, "1000.5", "1000.5" },
    { "1__0", YAML_KIND_INT, "10", "10" },
    { "1_", YAML_KIND_INT, "1", "1" },
    { "-_1", YAML_KIND_INT, "-1", "-1" },
    { "0", YAML_KIND_INT, "0", "0" },
    { "00", YAML_KIND_INT, "0", "0" },
    { "-0", YAML_KIND_INT, "0", "0" },
    { "+0", YAML_KIND_INT, "0", "0" },
    { "01", YAML_KIND_INT, "1", "1" },
    { "07", YAML_KIND_INT, "7", "7" },
    { "08", YAML_KIND_FLOAT, "8", "8" },
    { "09", YAML_KIND_FLOAT, "9", "9" },
    { "0777", YAML_KIND_INT, "511", "511" },
    { "-0777", YAML_KIND_INT, "-511", "-511" },
    { "0o17", YAML_KIND_INT, "15", "15" },
    { "0O17", YAML_KIND_INT, "15", "15" },
    { "-0o17", YAML_KIND_INT, "-15", "-15" },
    { "+0o17", YAML_KIND_INT, "15", "15" },
    { "0o8", YAML_KIND_STRING, "", NULL },
    { "0o", YAML_KIND_STRING, "", NULL },
    { "0x", YAML_KIND_STRING, "", NULL },
    { "0xFf", YAML_KIND_INT, "255", "255" },
    { "0XFF", YAML_KIND_INT, "255", "255" },
    { "-0x1", YAML_KIND_INT, "-1", "-1" },
    { "0x_ff", YAML_KIND_INT, "255", "255" },
    { "0xg", YAML_KIND_STRING, "", NULL },
    { "0b101", YAML_KIND_INT, "5", "5" },
    { "0B101", YAML_KIND_INT, "5", "5" },
    { "-0b101", YAML_KIND_INT, "-5", "-5" },
    { "+0b101", YAML_KIND_INT, "5", "5" },
    { "0b", YAML_KIND_STRING, "", NULL },
    { "0b2", YAML_KIND_STRING, "", NULL },
    { "0b-101", YAML_KIND_INT, "-5", "-5" },
    { "0b+1", YAML_KIND_INT, "1", "1" },
    { "-0b-1", YAML_KIND_STRING, "", NULL },
    { "-0b+1", YAML_KIND_STRING, "", NULL },
    { "0b_1", YAML_KIND_INT, "1", "1" },
    { "+", YAML_KIND_STRING, "", NULL },
    { "--1", YAML_KIND_STRING, "", NULL },
    { "+-1", YAML_KIND_STRING, "", NULL },
    { "-+1", YAML_KIND_STRING, "", NULL },
    { "1-", YAML_KIND_STRING, "", NULL },
    { "9223372036854775807", YAML_KIND_INT, "9223372036854775807", "9223372036854775807" },
    { "9223372036854775808", YAML_KIND_UINT, "9223372036854775808", NULL },
    { "-9223372036854775808", YAML_KIND_INT, "-9223372036854775808", "-9223372036854775808" },
    { "-9223372036854775809", YAML_KIND_FLOAT, "-9.223372036854776e+18", "-9.223372e+18" },
    { "18446744073709551615", YAML_KIND_UINT, "18446744073709551615", NULL },
    { "18446744073709551616", YAML_KIND_FLOAT, "1.8446744073709552e+19", "1.8446744e+19" },
    { "+18446744073709551615", YAML_KIND_FLOAT, "1.8446744073709552e+19", "1.8446744e+19" },
    { "0xffffffffffffffff", YAML_KIND_UINT, "18446744073709551615", NULL },
    { "0x1ffffffffffffffff", YAML_KIND_STRING, "", NULL },
    { "0b1111111111111111111111111111111111111111111111111111111111111111", YAML_KIND_UINT, "18446744073709551615", NULL },
    { "1:30", YAML_KIND_STRING, "", NULL },
    { "190:20:30", YAML_KIND_STRING, "", NULL },
    { "2001-01-01", YAML_KIND_STRING, "", NULL },
    { "2001-1-1", YAML_KIND_STRING, "", NULL },
    { "2001-12-14t21:59:43.10-05:00", YAML_KIND_STRING, "", NULL },
    { "2001-12-14 21:59:43.10", YAML_KIND_STRING, "", NULL },
    { "2026-01-02T03:04:05Z", YAML_KIND_STRING, "", NULL },
    { "y", YAML_KIND_BOOL, "true", "true" },
    { "Y", YAML_KIND_BOOL, "true", "true" },
    { "yes", YAML_KIND_BOOL, "true", "true" },
    { "Yes", YAML_KIND_BOOL, "true", "true" },
    { "YES", YAML_KIND_BOOL, "true", "true" },
    { "yEs", YAML_KIND_STRING, "", NULL },
    { "n", YAML_KIND_BOOL, "false", "false" },
    { "N", YAML_KIND_BOOL, "false", "false" },
    { "no", YAML_KIND_BOOL, "false", "false" },
    { "No", YAML_KIND_BOOL, "false", "false" },
    { "NO", YAML_KIND_BOOL, "false", "false" },
    { "on", YAML_KIND_BOOL, "true", "true" },
    { "On", YAML_KIND_BOOL, "true", "true" },
    { "ON", YAML_KIND_BOOL, "true", "true" },
    { "oN", YAML_KIND_STRING, "", NULL },
    { "off", YAML_KIND_BOOL, "false", "false" },
    { "Off", YAML_KIND_BOOL, "false", "false" },
    { "OFF", YAML_KIND_BOOL, "false", "false" },
    { "true", YAML_KIND_BOOL, "true", "true" },
    { "True", YAML_KIND_BOOL, "true", "true" },
    { "TRUE", YAML_KIND_BOOL, "true", "true" },
    { "tRUE", YAML_KIND_STRING, "", NULL },
    { "false", YAML_KIND_BOOL, "false", "false" },
    { "False", YAML_KIND_BOOL, "false", "false" },
    { "FALSE", YAML_KIND_BOOL, "false", "false" },
    { "null", YAML_KIND_NULL, "", NULL },
    { "Null", YAML_KIND_NULL, "", NULL },
    { "NULL", YAML_KIND_NULL, "", NULL },
    { "nULL", YAML_KIND_STRING, "", NULL },
    { "~", YAML_KIND_NULL, "", NULL },
    { "none", YAML_KIND_STRING, "", NULL },
    { "=", YAML_KIND_STRING, "", NULL },
    { "1e6", YAML_KIND_FLOAT, "1e+06", "1e+06" },
    { "100000", YAML_KIND_INT, "100000", "100000" },
    { "1000000.5", YAML_KIND_FLOAT, "1.0000005e+06", "1.0000005e+06" },
    { "123456789.5", YAML_KIND_FLOAT, "1.234567895e+08", "1.2345679e+08" },
    { "1.1", YAML_KIND_FLOAT, "1.1", "1.1" },
    { "3.4e38", YAML_KIND_FLOAT, "3.4e+38", "3.4e+38" },
    { "1e39", YAML_KIND_FLOAT, "1e+39", ".inf" },
    { "0.0001", YAML_KIND_FLOAT, "0.0001", "0.0001" },
    { "0.00001", YAML_KIND_FLOAT, "1e-05", "1e-05" },
    { "1.0", YAML_KIND_FLOAT, "1", "1" },
    { "16777217.0", YAML_KIND_FLOAT, "1.6777217e+07", "1.6777216e+07" },
    { "-0.0", YAML_KIND_FLOAT, "-0", "-0" },
    { "1e21", YAML_KIND_FLOAT, "1e+21", "1e+21" },
    { "12e03", YAML_KIND_FLOAT, "12000", "12000" },
    { "+12", YAML_KIND_INT, "12", "12" },
    { "+1.5e3", YAML_KIND_FLOAT, "1500", "1500" },
    { ".0", YAML_KIND_FLOAT, "0", "0" },
    { "0.", YAML_KIND_FLOAT, "0", "0" },
    { "00.5", YAML_KIND_FLOAT, "0.5", "0.5" },
    { "1e", YAML_KIND_STRING, "", NULL },
    { "1e+", YAML_KIND_STRING, "", NULL },
    { "1.2.3", YAML_KIND_STRING, "", NULL },
    { "1.2e3.4", YAML_KIND_STRING, "", NULL },
    { "Infinity", YAML_KIND_STRING, "", NULL },
    { "inf", YAML_KIND_STRING, "", NULL },
    { "nan", YAML_KIND_STRING, "", NULL },
    { "0x1p-2", YAML_KIND_STRING, "", NULL },
    { "1_2_3.4_5e1_0", YAML_KIND_FLOAT, "1.2345e+12", "1.2345e+12" },
    { "0.1e-2", YAML_KIND_FLOAT, "0.001", "0.001" },
    { "1e05", YAML_KIND_FLOAT, "100000", "100000" },
    { "__1", YAML_KIND_STRING, "", NULL },
    { "1.5e-7", YAML_KIND_FLOAT, "1.5e-07", "1.5e-07" },
    { "0.30000001192092896", YAML_KIND_FLOAT, "0.30000001192092896", "0.3" },
    { "9007199254740993", YAML_KIND_INT, "9007199254740993", "9007199254740993" },
    { "1e22", YAML_KIND_FLOAT, "1e+22", "1e+22" },
    { "3.4028236e38", YAML_KIND_FLOAT, "3.4028236e+38", ".inf" },
    { "1.17549435e-38", YAML_KIND_FLOAT, "1.17549435e-38", "1.1754944e-38" },
    { "0b12", YAML_KIND_STRING, "", NULL },
    { "1.2e", YAML_KIND_STRING, "", NULL },
    { ".1.2", YAML_KIND_STRING, "", NULL },
    { "1e1e1", YAML_KIND_STRING, "", NULL },
    { "0x1.8", YAML_KIND_STRING, "", NULL },
    { "12345678901234567890123", YAML_KIND_FLOAT, "1.2345678901234568e+22", "1.2345679e+22" },
    { "abcdef", YAML_KIND_STRING, "", NULL },
    { "0123456789abcdef", YAML_KIND_STRING, "", NULL },
    { "12e4567", YAML_KIND_STRING, "", NULL },
    { "1e10", YAML_KIND_FLOAT, "1e+10", "1e+10" },
    { "00012", YAML_KIND_INT, "10", "10" },
    { "0888", YAML_KIND_FLOAT, "888", "888" },
    { "-08", YAML_KIND_FLOAT, "-8", "-8" },
    { "+0x10", YAML_KIND_INT, "16", "16" },
    { "_1", YAML_KIND_STRING, "", NULL },
    { "1,000", YAML_KIND_STRING, "", NULL },
    { "0.0.0.0", YAML_KIND_STRING, "", NULL },
    { "10.0.0.1", YAML_KIND_STRING, "", NULL },
    { "NaN", YAML_KIND_STRING, "", NULL },
    { ".inff", YAML_KIND_STRING, "", NULL },
    { "nulll", YAML_KIND_STRING, "", NULL },
    { "nul", YAML_KIND_STRING, "", NULL },
    { "tru", YAML_KIND_STRING, "", NULL },
    { "yesno", YAML_KIND_STRING, "", NULL },
    { "~~", YAML_KIND_STRING, "", NULL },
    { "+~", YAML_KIND_STRING, "", NULL },
    { "é", YAML_KIND_STRING, "", NULL },
    { "=1", YAML_KIND_STRING, "", NULL },
};

#define TAG(name) "tag:yaml.org,2002:" name

static const struct {
    const char *name;
    const char *text;
    const char *tag;
    bool is_plain;
    enum yaml_kind kind;
    const char *value;
} tagged_rows[] = {
    { "quoted words are strings", "true", NULL, false, YAML_KIND_STRING, "" },
    { "quoted numbers are strings", "12", NULL, false, YAML_KIND_STRING, "" },
    { "quoted nothing is a string", "", NULL, false, YAML_KIND_STRING, "" },
    { "!!str of a number", "12", TAG("str"), true, YAML_KIND_STRING, "" },
    { "!!str of null", "null", TAG("str"), true, YAML_KIND_STRING, "" },
    { "!!str of nothing", "", TAG("str"), true, YAML_KIND_STRING, "" },
    { "!!int", "12", TAG("int"), true, YAML_KIND_INT, "12" },
    { "!!int of a quoted number", "12", TAG("int"), false, YAML_KIND_INT, "12" },
    { "!!int above INT64_MAX", "18446744073709551615", TAG("int"), true, YAML_KIND_UINT, "18446744073709551615" },
    { "!!float of an integer", "1", TAG("float"), true, YAML_KIND_FLOAT, "1" },
    { "!!float", "1.5", TAG("float"), true, YAML_KIND_FLOAT, "1.5" },
    { "!!bool", "yes", TAG("bool"), true, YAML_KIND_BOOL, "true" },
    { "!!bool of a quoted word", "off", TAG("bool"), false, YAML_KIND_BOOL, "false" },
    { "!!null", "~", TAG("null"), true, YAML_KIND_NULL, "" },
    { "!!null of quoted nothing", "", TAG("null"), false, YAML_KIND_NULL, "" },
    { "!!binary", "Zm9v", TAG("binary"), true, YAML_KIND_BINARY, "" },
    { "a tag nobody knows makes a string", "12", "!foo", true, YAML_KIND_STRING, "" },
    { "a YAML tag nobody knows makes a string", "12", TAG("set"), true, YAML_KIND_STRING, "" },
};

static const struct {
    const char *name;
    const char *text;
    const char *tag;
} refused_rows[] = {
    { "!!int of a fraction", "1.5", TAG("int") },
    { "!!int of a word", "abc", TAG("int") },
    { "!!int of a date", "2001-01-01", TAG("int") },
    { "!!float of a word", "abc", TAG("float") },
    { "!!float above INT64_MAX", "18446744073709551615", TAG("float") },
    { "!!bool of a number", "1", TAG("bool") },
    { "!!null of a word", "foo", TAG("null") },
    { "!!timestamp", "2001-01-01", TAG("timestamp") },
};
/* clang-format on */

static bool has_value(const struct yaml_scalar *scalar, const char *want)
{
    switch (scalar->kind) {
    case YAML_KIND_BOOL:
        return scalar->is_true == (strcmp(want, "true") == 0);
    case YAML_KIND_INT:
        return scalar->integer == strtoll(want, NULL, 10);
    case YAML_KIND_UINT:
        return scalar->unsigned_integer == strtoull(want, NULL, 10);
    case YAML_KIND_FLOAT:
        return isnan(scalar->number) ? strcmp(want, "nan") == 0
                                     : scalar->number == strtod(want, NULL);
    case YAML_KIND_NULL:
    case YAML_KIND_STRING:
    case YAML_KIND_BINARY:
        break;
    }
    return true;
}

static void test_yaml_scalar_plain_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(plain_rows); i++) {
        struct yaml_scalar scalar;
        const char *expected = NULL;
        const char *const text = plain_rows[i].text;
        if (yaml_scalar_resolve(span_of(text), NULL, true, &scalar, &expected) != ST_OK ||
            scalar.kind != plain_rows[i].kind || !has_value(&scalar, plain_rows[i].value)) {
            fail_msg("\"%s\": kind %d, %lld %g", text, (int)scalar.kind, (long long)scalar.integer,
                     scalar.number);
        }
        char key[YAML_KEY_MAX] = "";
        const bool is_key = yaml_scalar_format_key(&scalar, key);
        if (is_key != (plain_rows[i].key != NULL) ||
            (is_key && strcmp(key, plain_rows[i].key) != 0)) {
            fail_msg("\"%s\" as a key: %d \"%s\"", text, is_key, key);
        }
    }
}

/* An embedder may run in a locale that writes 1,5. */
static void test_yaml_scalar_does_not_depend_on_the_locale(void **state)
{
    (void)state;
    static const char *const locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8" };
    bool found = false;
    for (size_t i = 0; i < COUNTOF(locales) && !found; i++) {
        found = setlocale(LC_ALL, locales[i]) != NULL;
    }
    if (!found) {
        /* cmocka's skip() counts as a failure in TAP */
        printf("# LOCALE MISSING: none with a decimal comma is installed, so none was tried\n");
        return;
    }
    struct yaml_scalar scalar;
    const char *expected;
    char key[YAML_KEY_MAX];
    const enum status status =
        yaml_scalar_resolve(SPAN_LITERAL("1.5"), NULL, true, &scalar, &expected);
    const bool is_key = yaml_scalar_format_key(&scalar, key);
    (void)setlocale(LC_ALL, "C");
    assert_int_equal(status, ST_OK);
    assert_true(is_key && scalar.number == 1.5);
    assert_string_equal(key, "1.5");
}

static void test_yaml_scalar_tagged_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(tagged_rows); i++) {
        struct yaml_scalar scalar;
        const char *expected = NULL;
        if (yaml_scalar_resolve(span_of(tagged_rows[i].text), tagged_rows[i].tag,
                                tagged_rows[i].is_plain, &scalar, &expected) != ST_OK ||
            scalar.kind != tagged_rows[i].kind || !has_value(&scalar, tagged_rows[i].value)) {
            fail_msg("%s: kind %d", tagged_rows[i].name, (int)scalar.kind);
        }
    }
}

static void test_yaml_scalar_refused_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused_rows); i++) {
        struct yaml_scalar scalar = { .integer = -7 };
        const char *expected = NULL;
        const enum status status = yaml_scalar_resolve(
            span_of(refused_rows[i].text), refused_rows[i].tag, true, &scalar, &expected);
        if (status != ST_SYNTAX || !expected || scalar.integer != -7) {
            fail_msg("%s: status %d", refused_rows[i].name, (int)status);
        }
    }
}

static enum status resolve_digits(size_t len, char first, char other, enum yaml_kind *ret_kind)
{
    char text[2 * YAML_NUMBER_MAX];
    memset(text, other, sizeof(text));
    text[0] = first;
    struct yaml_scalar scalar = { .kind = YAML_KIND_NULL };
    const char *expected;
    assert_true(len <= sizeof(text));
    const enum status status =
        yaml_scalar_resolve((struct span){ text, len }, NULL, true, &scalar, &expected);
    *ret_kind = scalar.kind;
    return status;
}

static void test_yaml_scalar_length_of_numbers_is_limited(void **state)
{
    (void)state;
    enum yaml_kind kind;
    assert_int_equal(resolve_digits(300, '1', '1', &kind), ST_OK);
    assert_int_equal(kind, YAML_KIND_FLOAT);
    assert_int_equal(resolve_digits(YAML_NUMBER_MAX - 1, '0', '0', &kind), ST_OK);
    assert_int_equal(kind, YAML_KIND_INT);
    assert_int_equal(resolve_digits(YAML_NUMBER_MAX, '0', '0', &kind), ST_LIMIT);
    /* a long base64 text that begins with a digit is text */
    assert_int_equal(resolve_digits(2 * YAML_NUMBER_MAX, '1', 'A', &kind), ST_OK);
    assert_int_equal(kind, YAML_KIND_STRING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_scalar_plain_rows),
        cmocka_unit_test(test_yaml_scalar_does_not_depend_on_the_locale),
        cmocka_unit_test(test_yaml_scalar_tagged_rows),
        cmocka_unit_test(test_yaml_scalar_refused_rows),
        cmocka_unit_test(test_yaml_scalar_length_of_numbers_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
