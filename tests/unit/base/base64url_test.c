/* SPDX-License-Identifier: Apache-2.0 */
/* base64url: one text for each sequence of bytes, and that one goes there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/base64url.h"

#define BYTES_MAX 64

static const struct {
    const char *name;
    struct span text;
    struct span want;
} accepted_rows[] = {
    { "nothing", SPAN_LITERAL(""), SPAN_LITERAL("") },
    { "no text", { 0 }, { 0 } },
    { "one byte", SPAN_LITERAL("Zg"), SPAN_LITERAL("f") },
    { "two bytes", SPAN_LITERAL("Zm8"), SPAN_LITERAL("fo") },
    { "three bytes", SPAN_LITERAL("Zm9v"), SPAN_LITERAL("foo") },
    { "four bytes", SPAN_LITERAL("Zm9vYg"), SPAN_LITERAL("foob") },
    { "zeros", SPAN_LITERAL("AAAA"), SPAN_LITERAL("\0\0\0") },
    { "every kind of digit", SPAN_LITERAL("Az09-_-_"), SPAN_LITERAL("\x03\x3d\x3d\xfb\xff\xbf") },
};

static const struct {
    const char *name;
    struct span text;
    size_t want_at;
} refused_rows[] = {
    { "padding", SPAN_LITERAL("Zg=="), 2 },
    { "padding after three digits", SPAN_LITERAL("Zm8="), 3 },
    { "padding after a whole group", SPAN_LITERAL("Zm9v="), 4 },
    { "one digit", SPAN_LITERAL("Z"), 1 },
    { "one digit over", SPAN_LITERAL("Zm9vY"), 5 },
    { "an unused bit after one byte, the lowest", SPAN_LITERAL("Zh"), 1 },
    { "an unused bit after one byte, the highest", SPAN_LITERAL("Zo"), 1 },
    { "an unused bit after two bytes, the lowest", SPAN_LITERAL("Zm9"), 2 },
    { "an unused bit after two bytes, the highest", SPAN_LITERAL("Zm-"), 2 },
    { "a line break at the end", SPAN_LITERAL("Zm9v\n"), 4 },
    { "a line break in the middle", SPAN_LITERAL("Zm\r9v"), 2 },
    { "a blank", SPAN_LITERAL("Zm 9v"), 2 },
    { "base64's plus", SPAN_LITERAL("Zm+v"), 2 },
    { "base64's slash", SPAN_LITERAL("Zm/v"), 2 },
    { "a point", SPAN_LITERAL("Zm.v"), 2 },
    { "a NUL byte", SPAN_LITERAL("Zm9\0"), 3 },
    { "a byte that is not ASCII", SPAN_LITERAL("Zm9\xff"), 3 },
    { "in the last, short group", SPAN_LITERAL("Zm9vY!"), 5 },
    { "the character before A", SPAN_LITERAL("@AAA"), 0 },
    { "the character behind Z", SPAN_LITERAL("[AAA"), 0 },
    { "the character before a", SPAN_LITERAL("`AAA"), 0 },
    { "the character behind z", SPAN_LITERAL("{AAA"), 0 },
    { "the character behind 9", SPAN_LITERAL(":AAA"), 0 },
};

static void test_base64url_decode_accepted_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(accepted_rows); i++) {
        char decoded[BYTES_MAX];
        size_t len = SIZE_MAX;
        const enum status status = base64url_decode(accepted_rows[i].text, decoded, &len);
        if (status != ST_OK || !span_equal((struct span){ decoded, len }, accepted_rows[i].want) ||
            len != base64url_decoded_len(accepted_rows[i].text.len)) {
            fail_msg("%s: status %d, %zu bytes", accepted_rows[i].name, (int)status, len);
        }
    }
}

static void test_base64url_decode_refused_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused_rows); i++) {
        char decoded[BYTES_MAX];
        size_t at = SIZE_MAX;
        const enum status status = base64url_decode(refused_rows[i].text, decoded, &at);
        if (status != ST_SYNTAX || at != refused_rows[i].want_at) {
            fail_msg("%s: status %d at %zu", refused_rows[i].name, (int)status, at);
        }
    }
}

/* libsodium makes the same texts; they decode in place to what they were, and only they. */
static void test_base64url_encode_agrees_with_libsodium(void **state)
{
    (void)state;
    for (size_t len = 0; len < BYTES_MAX; len++) {
        char bytes[BYTES_MAX];
        char text[2 * BYTES_MAX];
        char want[2 * BYTES_MAX];
        size_t decoded_len = SIZE_MAX;
        randombytes_buf(bytes, sizeof(bytes));
        (void)sodium_bin2base64(want, sizeof(want), (const unsigned char *)bytes, len,
                                sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        base64url_encode((struct span){ bytes, len }, text);
        const struct span made = { text, base64url_encoded_len(len) };
        assert_true(span_equal(made, span_of(want)));
        assert_int_equal(base64url_decode(made, text, &decoded_len), ST_OK);
        assert_true(span_equal((struct span){ text, decoded_len }, (struct span){ bytes, len }));
    }
}

static void test_base64url_are_digits_with_every_byte(void **state)
{
    (void)state;
    char text[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ABCdef019-_";
    const size_t len = sizeof(text) - 1;
    assert_true(base64url_are_digits((struct span){ 0 }));
    assert_true(base64url_are_digits((struct span){ text, len }));
    for (int c = 0; c < 256; c++) {
        const bool is = c != 0 && strchr(text, c) != NULL;
        for (size_t at = 0; at < len; at++) {
            const char before = text[at];
            text[at] = (char)c;
            if (base64url_are_digits((struct span){ text, len }) != is) {
                fail_msg("byte %d at %zu", c, at);
            }
            text[at] = before;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64url_decode_accepted_rows),
        cmocka_unit_test(test_base64url_decode_refused_rows),
        cmocka_unit_test(test_base64url_encode_agrees_with_libsodium),
        cmocka_unit_test(test_base64url_are_digits_with_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
