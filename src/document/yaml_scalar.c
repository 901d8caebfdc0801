/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typing of YAML scalars.
 *
 * `stringData: {expiration: 2026}` is an error for kubectl and `{token-secret: 0123456789abcdef}`
 * is not, because yaml.v2 takes the first for a number and the second for text. Whether a manifest
 * works must not depend on who reads it, so this follows yaml.v2 rule by rule, oddities included:
 * 08 is a fraction (no octal digit, yet a decimal one), 0b-1 is an integer, .5_0 is a number and
 * ._5 is not. The rows of the test were made by running it.
 *
 * Untrusted: the text. No allocation; numbers are copied (underscores taken out) into a buffer of
 * bounded size, and longer ones refused.
 */
#include "document/yaml_scalar.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FLOAT_KEY_DIGITS 9 /* decimal digits that tell any two floats of 32 bits apart */

struct word {
    struct span text;
    struct yaml_scalar scalar;
};

#define WORD(literal, ...)                                                    \
    {                                                                         \
        .text = { (literal), sizeof(literal) - 1 }, .scalar = { __VA_ARGS__ } \
    }
#define WORD_NULL(literal)         WORD(literal, .kind = YAML_KIND_NULL)
#define WORD_BOOL(literal, value)  WORD(literal, .kind = YAML_KIND_BOOL, .is_true = (value))
#define WORD_FLOAT(literal, value) WORD(literal, .kind = YAML_KIND_FLOAT, .number = (value))

/* clang-format off */
static const struct word words[] = {
    WORD_NULL(""), WORD_NULL("~"), WORD_NULL("null"), WORD_NULL("Null"), WORD_NULL("NULL"),
    WORD_BOOL("y", true), WORD_BOOL("Y", true), WORD_BOOL("yes", true), WORD_BOOL("Yes", true), WORD_BOOL("YES", true),
    WORD_BOOL("true", true), WORD_BOOL("True", true), WORD_BOOL("TRUE", true),
    WORD_BOOL("on", true), WORD_BOOL("On", true), WORD_BOOL("ON", true),
    WORD_BOOL("n", false), WORD_BOOL("N", false), WORD_BOOL("no", false), WORD_BOOL("No", false), WORD_BOOL("NO", false),
    WORD_BOOL("false", false), WORD_BOOL("False", false), WORD_BOOL("FALSE", false),
    WORD_BOOL("off", false), WORD_BOOL("Off", false), WORD_BOOL("OFF", false),
    WORD_FLOAT(".nan", NAN), WORD_FLOAT(".NaN", NAN), WORD_FLOAT(".NAN", NAN),
    WORD_FLOAT(".inf", INFINITY), WORD_FLOAT(".Inf", INFINITY), WORD_FLOAT(".INF", INFINITY),
    WORD_FLOAT("+.inf", INFINITY), WORD_FLOAT("+.Inf", INFINITY), WORD_FLOAT("+.INF", INFINITY),
    WORD_FLOAT("-.inf", -INFINITY), WORD_FLOAT("-.Inf", -INFINITY), WORD_FLOAT("-.INF", -INFINITY),
};
/* clang-format on */

#define LONGEST_WORD 5

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool find_word(struct span text, struct yaml_scalar *ret_scalar)
{
    if (text.len > LONGEST_WORD) {
        return false;
    }
    for (size_t i = 0; i < COUNTOF(words); i++) {
        if (span_equal(text, words[i].text)) {
            *ret_scalar = words[i].scalar;
            return true;
        }
    }
    return false;
}

/* The digits of strconv.ParseUint() in @base. */
static bool parse_digits(struct span digits, unsigned base, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        const char c = digits.at[i];
        unsigned digit;
        if (is_digit(c)) {
            digit = (unsigned)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (unsigned)((c | 0x20) - 'a') + 10;
        } else {
            return false;
        }
        if (digit >= base || __builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, digit, &number)) {
            return false;
        }
    }
    *ret_number = number;
    return digits.len > 0;
}

/* Base 0 of strconv: the prefix decides, a lone zero in front means octal. */
static bool parse_prefixed(struct span text, uint64_t *ret_number)
{
    if (text.len < 2 || text.at[0] != '0') {
        return parse_digits(text, 10, ret_number);
    }
    switch (text.at[1] | 0x20) {
    case 'b':
        return parse_digits(span_after(text, 2), 2, ret_number);
    case 'o':
        return parse_digits(span_after(text, 2), 8, ret_number);
    case 'x':
        return parse_digits(span_after(text, 2), 16, ret_number);
    default:
        return parse_digits(span_after(text, 1), 8, ret_number);
    }
}

/* yaml.v2 hands what stands behind `0b` to a parser that takes a sign. */
static bool parse_signed_binary(struct span text, bool *ret_is_negative, uint64_t *ret_number)
{
    if (!span_starts_with(text, SPAN_LITERAL("0b-")) &&
        !span_starts_with(text, SPAN_LITERAL("0b+"))) {
        return false;
    }
    *ret_is_negative = text.at[2] == '-';
    return parse_digits(span_after(text, 3), 2, ret_number);
}

static bool parse_integer(struct span text, struct yaml_scalar *ret_scalar)
{
    const bool has_sign = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+');
    bool is_negative = has_sign && text.at[0] == '-';
    uint64_t number;
    const bool is_binary_with_sign = parse_signed_binary(text, &is_negative, &number);
    if (!is_binary_with_sign && !parse_prefixed(has_sign ? span_after(text, 1) : text, &number)) {
        return false;
    }
    if (is_negative && number <= (uint64_t)INT64_MAX + 1) {
        const int64_t integer = number == 0 ? 0 : -(int64_t)(number - 1) - 1;
        *ret_scalar = (struct yaml_scalar){ .kind = YAML_KIND_INT, .integer = integer };
        return true;
    }
    if (!is_negative && number <= INT64_MAX) {
        *ret_scalar = (struct yaml_scalar){ .kind = YAML_KIND_INT, .integer = (int64_t)number };
        return true;
    }
    if (has_sign || is_binary_with_sign) {
        return false; /* strconv.ParseUint takes no sign */
    }
    *ret_scalar = (struct yaml_scalar){ .kind = YAML_KIND_UINT, .unsigned_integer = number };
    return true;
}

static size_t skip_digits(struct span text, size_t at)
{
    while (at < text.len && is_digit(text.at[at])) {
        at++;
    }
    return at;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(struct span text)
{
    size_t at = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+');
    const size_t whole = at;
    at = skip_digits(text, at);
    const bool has_whole = at > whole;
    if (at < text.len && text.at[at] == '.') {
        const size_t fraction = ++at;
        at = skip_digits(text, at);
        if (!has_whole && at == fraction) {
            return false;
        }
    } else if (!has_whole) {
        return false;
    }
    if (at < text.len && (text.at[at] | 0x20) == 'e') {
        at++;
        at += at < text.len && (text.at[at] == '-' || text.at[at] == '+');
        const size_t exponent = at;
        at = skip_digits(text, at);
        return at > exponent && at == text.len;
    }
    return at == text.len;
}

/* Behind a point yaml.v2 leaves underscores to strconv.ParseFloat, which wants them between two
 * digits. */
static bool are_underscores_within_digits(struct span text)
{
    for (size_t i = 1; i < text.len; i++) {
        const bool is_within =
            is_digit(text.at[i - 1]) && i + 1 < text.len && is_digit(text.at[i + 1]);
        if (text.at[i] == '_' && !is_within) {
            return false;
        }
    }
    return true;
}

/* @text ends in a NUL. What overflows is text for yaml.v2, what underflows is 0. */
static bool parse_float(struct span text, struct yaml_scalar *ret_scalar)
{
    if (!is_float(text)) {
        return false;
    }
    /* the process may have another decimal point; this locale is static in glibc */
    const locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0) {
        return false;
    }
    const double number = strtod_l(text.at, NULL, c_locale);
    freelocale(c_locale);
    if (isinf(number)) {
        return false;
    }
    *ret_scalar = (struct yaml_scalar){ .kind = YAML_KIND_FLOAT, .number = number };
    return true;
}

/* Nothing but what decimal numbers are made of. */
static bool looks_decimal(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.at[i]) && (text.at[i] == '\0' || !strchr("+-.eE_", text.at[i]))) {
            return false;
        }
    }
    return true;
}

static enum status resolve_number(struct span text, struct yaml_scalar *ret_scalar)
{
    char digits[YAML_NUMBER_MAX];
    size_t len = 0;
    *ret_scalar = (struct yaml_scalar){ .kind = YAML_KIND_STRING };
    if (text.at[0] == '.' && !are_underscores_within_digits(text)) {
        return ST_OK;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '_') {
            continue;
        }
        if (len == sizeof(digits) - 1) {
            return looks_decimal(text) ? ST_LIMIT : ST_OK;
        }
        digits[len++] = text.at[i];
    }
    digits[len] = '\0';
    const struct span number = { .at = digits, .len = len };
    if (text.at[0] == '.' || !parse_integer(number, ret_scalar)) {
        (void)parse_float(number, ret_scalar); /* or it stays a string */
    }
    return ST_OK;
}

/* Without a tag. The first byte tells most texts from all others. */
static enum status resolve_plain(struct span text, struct yaml_scalar *ret_scalar)
{
    *ret_scalar = (struct yaml_scalar){ .kind = YAML_KIND_STRING };
    if (text.len > 0 && (text.at[0] == '\0' || !strchr("+-0123456789yYnNtTfFoO~.", text.at[0]))) {
        return ST_OK;
    }
    if (find_word(text, ret_scalar) || !strchr("+-0123456789.", text.at[0])) {
        return ST_OK;
    }
    return resolve_number(text, ret_scalar);
}

/* Tags that demand a type; any other tag makes a string. */
static const struct {
    const char *tag;
    enum yaml_kind kind;
    const char *expected;
} type_tags[] = {
    { "tag:yaml.org,2002:null", YAML_KIND_NULL, "null behind the tag !!null" },
    { "tag:yaml.org,2002:bool", YAML_KIND_BOOL, "a boolean behind the tag !!bool" },
    { "tag:yaml.org,2002:int", YAML_KIND_INT, "an integer behind the tag !!int" },
    { "tag:yaml.org,2002:float", YAML_KIND_FLOAT, "a number behind the tag !!float" },
    { "tag:yaml.org,2002:timestamp", YAML_KIND_STRING,
      "no tag !!timestamp (quote the text instead)" },
};

static bool convert_to_kind(struct yaml_scalar *scalar, enum yaml_kind kind)
{
    if (kind == YAML_KIND_INT && scalar->kind == YAML_KIND_UINT) {
        return true;
    }
    if (kind == YAML_KIND_FLOAT && scalar->kind == YAML_KIND_INT) {
        *scalar = (struct yaml_scalar){ .kind = kind, .number = (double)scalar->integer };
        return true;
    }
    return kind != YAML_KIND_STRING && scalar->kind == kind;
}

static enum status resolve_tagged(struct span text,
                                  const char *tag,
                                  struct yaml_scalar *ret_scalar,
                                  const char **reterr_expected)
{
    for (size_t i = 0; i < COUNTOF(type_tags); i++) {
        if (strcmp(tag, type_tags[i].tag) != 0) {
            continue;
        }
        const enum status status = resolve_plain(text, ret_scalar);
        if (status == ST_OK && !convert_to_kind(ret_scalar, type_tags[i].kind)) {
            *reterr_expected = type_tags[i].expected;
            return ST_SYNTAX;
        }
        return status;
    }
    const bool is_binary = strcmp(tag, "tag:yaml.org,2002:binary") == 0;
    *ret_scalar = (struct yaml_scalar){ .kind = is_binary ? YAML_KIND_BINARY : YAML_KIND_STRING };
    return ST_OK;
}

enum status yaml_scalar_resolve(struct span text,
                                const char *tag,
                                bool is_plain,
                                struct yaml_scalar *ret_scalar,
                                const char **reterr_expected)
{
    struct yaml_scalar scalar = { .kind = YAML_KIND_STRING };
    enum status status = ST_OK;
    if (tag) {
        status = resolve_tagged(text, tag, &scalar, reterr_expected);
    } else if (is_plain) {
        status = resolve_plain(text, &scalar);
    }
    if (status == ST_OK) {
        *ret_scalar = scalar;
    } else if (status == ST_LIMIT) {
        *reterr_expected = "a number of fewer than 512 characters (quote it if it is text)";
    }
    return status;
}

/* strconv.FormatFloat(number, 'g', -1, 32) for a finite number: the fewest digits that give it
 * back, and an exponent below 1e-4 and from 1e6 on. The caller has set the C locale. */
static void format_finite(float number, char ret_key[static YAML_KEY_MAX])
{
    int more_digits = 0; /* behind the first */
    for (; more_digits < FLOAT_KEY_DIGITS - 1; more_digits++) {
        (void)snprintf(ret_key, YAML_KEY_MAX, "%.*e", more_digits, (double)number);
        if (strtof(ret_key, NULL) == number) {
            break;
        }
    }
    (void)snprintf(ret_key, YAML_KEY_MAX, "%.*e", more_digits, (double)number);
    const int exponent = (int)strtol(strchr(ret_key, 'e') + 1, NULL, 10);
    if (exponent >= -4 && exponent < 6) {
        const int decimals = more_digits > exponent ? more_digits - exponent : 0;
        (void)snprintf(ret_key, YAML_KEY_MAX, "%.*f", decimals, (double)number);
    }
}

static bool format_float(float number, char ret_key[static YAML_KEY_MAX])
{
    if (!isfinite(number)) {
        const char *const text = isnan(number) ? ".nan" : signbit(number) ? "-.inf" : ".inf";
        (void)snprintf(ret_key, YAML_KEY_MAX, "%s", text);
        return true;
    }
    const locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0) {
        return false;
    }
    const locale_t callers = uselocale(c_locale); /* of this thread alone */
    format_finite(number, ret_key);
    (void)uselocale(callers); /* a valid handle, so it cannot fail */
    freelocale(c_locale);
    return true;
}

bool yaml_scalar_format_key(const struct yaml_scalar *scalar, char ret_key[static YAML_KEY_MAX])
{
    switch (scalar->kind) {
    case YAML_KIND_BOOL:
        (void)snprintf(ret_key, YAML_KEY_MAX, "%s", scalar->is_true ? "true" : "false");
        return true;
    case YAML_KIND_INT:
        (void)snprintf(ret_key, YAML_KEY_MAX, "%lld", (long long)scalar->integer);
        return true;
    case YAML_KIND_FLOAT:
        return format_float((float)scalar->number, ret_key);
    case YAML_KIND_NULL:
    case YAML_KIND_UINT:
    case YAML_KIND_STRING:
    case YAML_KIND_BINARY:
        break;
    }
    return false;
}
