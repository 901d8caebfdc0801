/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as Go's StdEncoding reads it: each freedom and each demand. The expectations are Go
 * 1.26's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"

#define DECODED_MAX 64

static const struct {
    const char *name;
    struct span text;
    struct span want;
} accepted_rows[] = {
    { "nothing", SPAN_LITERAL(""), SPAN_LITERAL("") },
    { "one byte", SPAN_LITERAL("Zg=="), SPAN_LITERAL("f") },
    { "two bytes", SPAN_LITERAL("Zm8="), SPAN_LITERAL("fo") },
    { "three bytes", SPAN_LITERAL("Zm9v"), SPAN_LITERAL("foo") },
    { "four bytes", SPAN_LITERAL("Zm9vYg=="), SPAN_LITERAL("foob") },
    { "zeros", SPAN_LITERAL("AAAA"), SPAN_LITERAL("\0\0\0") },
    { "every kind of digit", SPAN_LITERAL("Az09+/+/"), SPAN_LITERAL("\x03\x3d\x3d\xfb\xff\xbf") },
    { "unused bits after one byte", SPAN_LITERAL("Zh=="), SPAN_LITERAL("f") },
    { "unused bits after two bytes", SPAN_LITERAL("Zm9="), SPAN_LITERAL("fo") },
    { "a line break at the end", SPAN_LITERAL("Zm9v\n"), SPAN_LITERAL("foo") },
    { "line breaks alone", SPAN_LITERAL("\r\n\n"), SPAN_LITERAL("") },
    { "line breaks everywhere", SPAN_LITERAL("\nZ\r\nm\n9\rv\nY\n\ng\r=\n=\r\n"),
      SPAN_LITERAL("foob") },
};

static const struct {
    const char *name;
    struct span text;
    size_t want_at;
} refused_rows[] = {
    { "padding is missing", SPAN_LITERAL("Zg"), 2 },
    { "half of the padding is missing", SPAN_LITERAL("Zg="), 3 },
    { "padding is missing after three digits", SPAN_LITERAL("Zm8"), 3 },
    { "one digit", SPAN_LITERAL("Z"), 1 },
    { "one digit over", SPAN_LITERAL("Zm9vY"), 5 },
    { "one digit and padding", SPAN_LITERAL("Z==="), 1 },
    { "padding alone", SPAN_LITERAL("="), 0 },
    { "four padding characters", SPAN_LITERAL("===="), 0 },
    { "padding after a whole group", SPAN_LITERAL("Zm9v===="), 4 },
    { "too much padding after three digits", SPAN_LITERAL("Zm8=="), 4 },
    { "too much padding after two digits", SPAN_LITERAL("Zg==="), 4 },
    { "a digit inside the padding", SPAN_LITERAL("Zg=A"), 3 },
    { "text behind the padding", SPAN_LITERAL("Zg==Zg=="), 4 },
    { "text behind the padding and a line break", SPAN_LITERAL("Zg==\nZ"), 5 },
    { "a blank", SPAN_LITERAL("Zm 9v"), 2 },
    { "a blank at the end", SPAN_LITERAL("Zm9v "), 4 },
    { "a tab", SPAN_LITERAL("\tZm9v"), 0 },
    { "a vertical tab", SPAN_LITERAL("Zm9v\v"), 4 },
    { "base64url's minus", SPAN_LITERAL("Zm-v"), 2 },
    { "base64url's underscore", SPAN_LITERAL("Zm_v"), 2 },
    { "a NUL byte", SPAN_LITERAL("Zm9v\0"), 4 },
    { "a byte that is not ASCII", SPAN_LITERAL("Zm9\xff"), 3 },
    { "the character before A", SPAN_LITERAL("@AAA"), 0 },
    { "the character behind Z", SPAN_LITERAL("[AAA"), 0 },
    { "the character before a", SPAN_LITERAL("`AAA"), 0 },
    { "the character behind z", SPAN_LITERAL("{AAA"), 0 },
    { "the character behind 9", SPAN_LITERAL(":AAA"), 0 },
    { "the character before plus", SPAN_LITERAL("*AAA"), 0 },
    { "the character between plus and slash", SPAN_LITERAL("AA,A"), 2 },
    { "a point", SPAN_LITERAL("AAA."), 3 },
};

static void test_base64_decode_accepted_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(accepted_rows); i++) {
        char decoded[DECODED_MAX];
        size_t len = SIZE_MAX;
        assert_true(base64_decoded_max(accepted_rows[i].text.len) <= sizeof(decoded));
        const enum status status = base64_decode(accepted_rows[i].text, decoded, &len);
        if (status != ST_OK || !span_equal((struct span){ decoded, len }, accepted_rows[i].want)) {
            fail_msg("%s: status %d, %zu bytes", accepted_rows[i].name, (int)status, len);
        }
    }
}

static void test_base64_decode_refused_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused_rows); i++) {
        char decoded[DECODED_MAX];
        size_t at = SIZE_MAX;
        const enum status status = base64_decode(refused_rows[i].text, decoded, &at);
        if (status != ST_SYNTAX || at != refused_rows[i].want_at) {
            fail_msg("%s: status %d at %zu", refused_rows[i].name, (int)status, at);
        }
    }
}

/* Every two bytes decode to themselves, and never past base64_decoded_max(). */
static void test_base64_decode_all_pairs_of_bytes(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned pair = 0; pair <= 0xffff; pair++) {
        const char text[] = { digits[pair >> 10], digits[pair >> 4 & 63], digits[pair << 2 & 63],
                              '=' };
        char decoded[6 + 1] = { 0, 0, 0, 0, 0, 0, 0x55 };
        size_t len = 0;
        assert_int_equal(base64_decoded_max(sizeof(text)), 6);
        assert_int_equal(base64_decode((struct span){ text, sizeof(text) }, decoded, &len), ST_OK);
        assert_int_equal(len, 2);
        assert_int_equal((unsigned char)decoded[0] << 8 | (unsigned char)decoded[1], pair);
        assert_int_equal(decoded[6], 0x55);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_decode_accepted_rows),
        cmocka_unit_test(test_base64_decode_refused_rows),
        cmocka_unit_test(test_base64_decode_all_pairs_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
