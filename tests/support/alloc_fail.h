/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memory that runs out on demand: every allocation of a call fails once, in turn.
 *
 *     if (!alloc_fail_is_available()) {
 *         return; // it has said so
 *     }
 *     size_t nth = 1;
 *     do {
 *         alloc_fail_arm(nth++);
 *         status = thing_new(&thing);
 *         reached = alloc_fail_disarm();
 *         assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
 *         thing = thing_free(thing);
 *     } while (reached);
 *
 * A program that links alloc_fail.c (list it in alloc_fail_tests of tests/unit/meson.build) has its
 * malloc(), calloc(), realloc() and mmap() go through there, those of libraries too.
 * AddressSanitizer keeps seeing every allocation, so that the loop finds leaks as well; only
 * strdup() and its like do not fail beneath it. ThreadSanitizer bears no such thing: there it is
 * not available, and says so. Counts per thread.
 */
#include <stdbool.h>
#include <stddef.h>

/** alloc_fail_is_available() - false, said loudly, where memory cannot be made to run out */
bool alloc_fail_is_available(void);

/** alloc_fail_arm() - let this thread's @nth allocation from here on fail, once; @nth from 1 */
void alloc_fail_arm(size_t nth);

/** alloc_fail_disarm() - Return: has an allocation failed since alloc_fail_arm()? */
bool alloc_fail_disarm(void);
