/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memory in whole pages, from the kernel and back to it: for tables that are large and read at
 * random.
 */
#include <stddef.h>

#include "base/compiler.h"

/* What a page-table entry of the second level covers on x86-64, and on arm64 with pages of 4 KiB.
 * Elsewhere it is a boundary like another. */
#define PAGES_HUGE_BYTES ((size_t)2 << 20)

/* Of less, what is left over of the last huge page would count: here it is an eighth at most. */
#define PAGES_LARGE_BYTES (8 * PAGES_HUGE_BYTES)

/**
 * pages_new() - zeroed memory of @len bytes, more than 0
 *
 * From PAGES_LARGE_BYTES on it is on huge pages, if the kernel has them to give: a random load then
 * walks one level of page tables less, and many more of its translations are at hand. What is not
 * touched takes no memory, but for the rest of a huge page. Anything smaller takes none of them.
 *
 * Return: owns, for pages_free(); NULL when there is none
 */
void *pages_new(size_t len) NODISCARD;

/** pages_free() - @len: as it was asked for. NULL is fine */
void pages_free(void *at, size_t len);
