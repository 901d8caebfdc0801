/* SPDX-License-Identifier: Apache-2.0 */
/* The build's facts. version_build.h has what the build knows, the compiler tells the
 * rest. */
#include "base/version.h"

#include <stddef.h>
#include <string.h>

#include "base/version_build.h"

#define TEXT_OF_ARGUMENT(x) #x
#define TEXT_OF(x)          TEXT_OF_ARGUMENT(x)

#if defined(__clang__)
#    define COMPILER                                                                \
        "clang " TEXT_OF(__clang_major__) "." TEXT_OF(__clang_minor__) "." TEXT_OF( \
            __clang_patchlevel__)
#elif defined(__GNUC__)
#    define COMPILER \
        "gcc " TEXT_OF(__GNUC__) "." TEXT_OF(__GNUC_MINOR__) "." TEXT_OF(__GNUC_PATCHLEVEL__)
#else
#    define COMPILER "unknown"
#endif

/* GOARCH names */
#if defined(__x86_64__)
#    define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#    define ARCHITECTURE "arm64"
#elif defined(__i386__)
#    define ARCHITECTURE "386"
#elif defined(__arm__)
#    define ARCHITECTURE "arm"
#elif defined(__riscv) && __riscv_xlen == 64
#    define ARCHITECTURE "riscv64"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#    define ARCHITECTURE "ppc64le"
#elif defined(__s390x__)
#    define ARCHITECTURE "s390x"
#else
#    define ARCHITECTURE "unknown"
#endif

const char *version_number(void)
{
    return VERSION_NUMBER;
}

const char *version_major(void)
{
    return VERSION_MAJOR;
}

const char *version_minor(void)
{
    return VERSION_MINOR;
}

const char *version_commit(void)
{
    return VERSION_COMMIT;
}

const char *version_text(void)
{
    return VERSION_NUMBER " (" VERSION_COMMIT ")";
}

const char *version_compiler(void)
{
    return COMPILER;
}

const char *version_platform(void)
{
    return "linux/" ARCHITECTURE;
}

#define DIRTY "-dirty"

/* apimachinery's words: "clean" and "dirty", and nothing where git was not asked */
static const char *tree_state(const char *commit, size_t *ret_commit_len)
{
    const size_t len = strlen(commit);
    const size_t mark = sizeof(DIRTY) - 1;
    if (len > mark && strcmp(commit + len - mark, DIRTY) == 0) {
        *ret_commit_len = len - mark;
        return "dirty";
    }
    *ret_commit_len = len;
    return strcmp(commit, "unknown") == 0 ? "" : "clean";
}

void version_build_json(struct buf *buf)
{
    size_t commit_len;
    const char *state = tree_state(VERSION_COMMIT, &commit_len);
    const struct {
        const char *name;
        struct span value;
    } members[] = {
        { "{\"major\":", SPAN_LITERAL(VERSION_MAJOR) },
        { ",\"minor\":", SPAN_LITERAL(VERSION_MINOR) },
        { ",\"gitVersion\":", SPAN_LITERAL("v" VERSION_NUMBER) },
        { ",\"gitCommit\":", { .at = VERSION_COMMIT, .len = commit_len } },
        { ",\"gitTreeState\":", span_of(state) },
        { ",\"compiler\":", SPAN_LITERAL(COMPILER) },
        { ",\"platform\":", span_of(version_platform()) },
    };
    for (size_t i = 0; i < COUNTOF(members); i++) {
        buf_append_text(buf, members[i].name);
        buf_append_json_string(buf, members[i].value);
    }
    buf_append_char(buf, '}');
}
