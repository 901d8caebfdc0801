/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmap() with transparent huge pages where they pay.
 *
 * They are asked for with madvise() and not through malloc (glibc.malloc.hugetlb): that is a choice
 * for a whole process and made in its environment, and it would round up what every connection
 * needs. Whether the kernel has huge pages to give is its business; without them all works.
 */
#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define PAGE_BYTES_MIN 4096

static void *map(size_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    return at;
}

/* The kernel places a mapping at any page, so one takes more and gives back both ends. */
static void *map_at_boundary(size_t len)
{
    char *whole = map(len + PAGES_HUGE_BYTES);
    if (!whole) {
        return NULL;
    }
    const size_t ahead = -(uintptr_t)whole % PAGES_HUGE_BYTES;
    char *at = whole + ahead;
    (void)munmap(at + len, PAGES_HUGE_BYTES - ahead);
    if (ahead > 0) {
        (void)munmap(whole, ahead); /* what cannot be given back is address space and no memory */
    }
    return at;
}

/* munmap() wants whole pages at both ends; where they are larger, it is the kernel that rounds. */
static size_t whole_pages(size_t len)
{
    const size_t rest = len % PAGE_BYTES_MIN;
    return rest == 0 ? len : len + PAGE_BYTES_MIN - rest;
}

void *pages_new(size_t len)
{
    if (len > PTRDIFF_MAX - PAGES_HUGE_BYTES) {
        return NULL;
    }
    if (len < PAGES_LARGE_BYTES) {
        return map(whole_pages(len));
    }
    void *at = map_at_boundary(whole_pages(len));
    if (at) {
        (void)madvise(at, whole_pages(len), MADV_HUGEPAGE); /* a kernel without them says no */
    }
    return at;
}

void pages_free(void *at, size_t len)
{
    if (at) {
        (void)munmap(at, whole_pages(len));
    }
}
