/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The only place that names compiler extensions. gcc and clang both know all of these. */

#define NODISCARD         __attribute__((warn_unused_result))
#define NONNULL(...)      __attribute__((nonnull(__VA_ARGS__)))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Run @fn on the variable's address when it leaves scope. The function accepts a pointer to NULL.
 */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define COUNTOF(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that holds @member at @ptr. */
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Fetch the cache line at @at: it will be read soon. Any address will do. */
#define PREFETCH(at) __builtin_prefetch(at)

/* Defined where a sanitizer follows every block of malloc's: memory that we divide up ourselves
 * would be one block to it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define SANITIZER_WATCHES_MEMORY 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define SANITIZER_WATCHES_MEMORY 1
#    endif
#endif

/* The name of this source file without its directories, which are the builder's own business. */
#ifdef __FILE_NAME__
#    define SOURCE_FILE_NAME __FILE_NAME__
#else
#    define SOURCE_FILE_NAME __FILE__
#endif
