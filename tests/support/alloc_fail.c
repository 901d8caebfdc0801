/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands between the program and its allocator.
 *
 * The executable's definitions of malloc() and its like come before any library's, and pass on to
 * the real ones by their other names: glibc's, or AddressSanitizer's when there is one.
 */
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#    define HAVE_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#    define HAVE_ASAN 1
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#        define HAVE_TSAN 1
#    elif __has_feature(address_sanitizer)
#        define HAVE_ASAN 1
#    endif
#endif

#ifdef HAVE_TSAN

#    include <stdio.h>

bool alloc_fail_is_available(void)
{
    printf("# ALLOCATION FAILURES ARE NOT TRIED: ThreadSanitizer needs malloc() for itself\n");
    return false;
}

void alloc_fail_arm(size_t nth)
{
    (void)nth;
}

bool alloc_fail_disarm(void)
{
    return false;
}

#else

#    ifdef HAVE_ASAN
#        define REAL(name) __interceptor_##name
#    else
#        define REAL(name) __libc_##name
#    endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *old, size_t size);

static _Thread_local size_t countdown; /* 0: not armed */
static _Thread_local bool reached;

static bool must_fail(void)
{
    if (countdown == 0 || --countdown > 0) {
        return false;
    }
    reached = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return must_fail() ? NULL : REAL(malloc)(size);
}

void *calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : REAL(calloc)(count, size);
}

void *realloc(void *old, size_t size)
{
    return must_fail() ? NULL : REAL(realloc)(old, size);
}

/* The libraries' own way to the kernel, malloc's too, does not come by here. */
void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (must_fail()) {
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

bool alloc_fail_is_available(void)
{
    return true;
}

void alloc_fail_arm(size_t nth)
{
    reached = false;
    countdown = nth;
}

bool alloc_fail_disarm(void)
{
    countdown = 0;
    return reached;
}

#endif
