/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of control groups: texts of the kernel, and trees of files as systems lay them out. */
#include "base/memory_limit.h"
#include "support/file_kit.h"

#define MIB (UINT64_C(1) << 20)

static const struct {
    const char *name;
    struct span text;
    enum status status;
    uint64_t want;
} limit_rows[] = {
    { "bytes", SPAN_LITERAL("268435456\n"), ST_OK, 256 * MIB },
    { "without a newline", SPAN_LITERAL("268435456"), ST_OK, 256 * MIB },
    { "nothing may be used", SPAN_LITERAL("0\n"), ST_OK, 0 },
    { "max", SPAN_LITERAL("max\n"), ST_OK, UINT64_MAX },
    { "no limit of version 1", SPAN_LITERAL("9223372036854771712\n"), ST_OK, UINT64_MAX },
    { "with pages of 64 KiB", SPAN_LITERAL("9223372036854710272\n"), ST_OK, UINT64_MAX },
    { "on 32 bits", SPAN_LITERAL("8796093018112\n"), ST_OK, UINT64_MAX },
    { "the largest", SPAN_LITERAL("4398046511103\n"), ST_OK, 4194304 * MIB - 1 },
    { "one more is none", SPAN_LITERAL("4398046511104\n"), ST_OK, UINT64_MAX },
    { "past 64 bits", SPAN_LITERAL("18446744073709551616\n"), ST_SYNTAX, 1 },
    { "far past 64 bits", SPAN_LITERAL("99999999999999999999999\n"), ST_SYNTAX, 1 },
    { "empty", SPAN_LITERAL(""), ST_SYNTAX, 1 },
    { "an empty line", SPAN_LITERAL("\n"), ST_SYNTAX, 1 },
    { "negative", SPAN_LITERAL("-1\n"), ST_SYNTAX, 1 },
    { "with a unit", SPAN_LITERAL("256M\n"), ST_SYNTAX, 1 },
    { "two lines", SPAN_LITERAL("1\n2\n"), ST_SYNTAX, 1 },
    { "more than max", SPAN_LITERAL("maximum\n"), ST_SYNTAX, 1 },
    { "a NUL", SPAN_LITERAL("1\0"), ST_SYNTAX, 1 },
};

static void test_memory_limit_parse_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(limit_rows); i++) {
        uint64_t bytes = 1;
        print_message("# %s\n", limit_rows[i].name);
        assert_int_equal(memory_limit_parse(limit_rows[i].text, &bytes), limit_rows[i].status);
        assert_true(bytes == limit_rows[i].want);
    }
}

static const struct {
    const char *name;
    struct span text;
    enum status status;
    bool is_v2;
    const char *path;
} cgroup_rows[] = {
    { "version 2", SPAN_LITERAL("0::/system.slice/a.service\n"), ST_OK, true,
      "/system.slice/a.service" },
    { "version 2, the root", SPAN_LITERAL("0::/\n"), ST_OK, true, "/" },
    { "a colon in the path", SPAN_LITERAL("0::/a:b\n"), ST_OK, true, "/a:b" },
    { "version 1", SPAN_LITERAL("5:cpu,cpuacct:/c\n4:memory:/m\n1:name=systemd:/s\n"), ST_OK, false,
      "/m" },
    { "version 1, mounted together", SPAN_LITERAL("4:hugetlb,memory:/m\n"), ST_OK, false, "/m" },
    { "both, memory in version 1", SPAN_LITERAL("4:memory:/m\n0::/u\n"), ST_OK, false, "/m" },
    { "both, in another order", SPAN_LITERAL("0::/u\n4:memory:/m\n"), ST_OK, false, "/m" },
    { "both, memory in version 2", SPAN_LITERAL("4:cpu:/m\n0::/u\n"), ST_OK, true, "/u" },
    { "no memory controller", SPAN_LITERAL("4:cpu:/c\n1:name=memory:/s\n"), ST_OK, false, "" },
    { "a controller of nearly that name", SPAN_LITERAL("4:memory2,xmemory:/m\n"), ST_OK, false,
      "" },
    { "no groups at all", SPAN_LITERAL(""), ST_OK, false, "" },
    { "no second colon", SPAN_LITERAL("0:/\n"), ST_SYNTAX, false, "" },
    { "no path", SPAN_LITERAL("0::\n"), ST_SYNTAX, false, "" },
    { "a path from nowhere", SPAN_LITERAL("0::a\n"), ST_SYNTAX, false, "" },
    { "an empty line", SPAN_LITERAL("0::/a\n\n"), ST_SYNTAX, true, "" },
    { "a NUL", SPAN_LITERAL("0::/a\0b\n"), ST_SYNTAX, false, "" },
};

static void test_memory_cgroup_parse_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cgroup_rows); i++) {
        struct memory_cgroup cgroup;
        print_message("# %s\n", cgroup_rows[i].name);
        assert_int_equal(memory_cgroup_parse(cgroup_rows[i].text, &cgroup), cgroup_rows[i].status);
        assert_int_equal(cgroup.is_v2, cgroup_rows[i].is_v2);
        assert_string_equal(cgroup.path, cgroup_rows[i].path);
    }
}

static void test_memory_cgroup_parse_longest_path(void **state)
{
    (void)state;
    struct memory_cgroup cgroup;
    char text[PATH_MAX + 8] = "0::/";
    memset(text + 4, 'a', PATH_MAX - 2);
    assert_int_equal(memory_cgroup_parse((struct span){ text, PATH_MAX + 2 }, &cgroup), ST_OK);
    assert_int_equal(strlen(cgroup.path), PATH_MAX - 1);
    text[PATH_MAX + 2] = 'a';
    assert_int_equal(memory_cgroup_parse((struct span){ text, PATH_MAX + 3 }, &cgroup), ST_LIMIT);
    assert_string_equal(cgroup.path, "");
}

static const struct {
    const char *name;
    const char *line;
    bool want;
    bool is_v2;
    const char *root;
    const char *point;
} mount_rows[] = {
    { "version 2", "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate", true,
      true, "/", "/sys/fs/cgroup" },
    { "version 1", "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory", true, false,
      "/", "/sys/fs/cgroup/memory" },
    { "with fields that come and go", "35 31 0:32 /d /m rw shared:9 master:1 - cgroup x rw,memory",
      true, false, "/d", "/m" },
    { "without a source", "35 31 0:32 /d /m rw -  cgroup2  rw", false, false, NULL, NULL },
    { "an empty source", "35 31 0:32 /d /m rw - cgroup2  rw", true, true, "/d", "/m" },
    { "blanks in paths", "35 31 0:32 /a\\040b /m\\134n\\011 rw - cgroup2 x rw", true, true, "/a b",
      "/m\\n\t" },
    { "above a namespace", "35 31 0:32 /../.. /m rw - cgroup2 x rw", true, true, "/../..", "/m" },
    { "another controller", "35 31 0:32 / /m rw - cgroup cgroup rw,cpu", false, false, NULL, NULL },
    { "a controller of nearly that name", "35 31 0:32 / /m rw - cgroup cgroup rw,memory2", false,
      false, NULL, NULL },
    { "another kind", "35 31 0:32 / /m rw - tmpfs memory rw,memory", false, false, NULL, NULL },
    { "a kind that begins so", "35 31 0:32 / /m rw - cgroup22 x rw", false, false, NULL, NULL },
    { "cut before the hyphen", "35 31 0:32 / /m rw", false, false, NULL, NULL },
    { "cut before the paths", "35 31", false, false, NULL, NULL },
    { "empty", "", false, false, NULL, NULL },
    { "a root from nowhere", "35 31 0:32 d /m rw - cgroup2 x rw", false, false, NULL, NULL },
    { "a point from nowhere", "35 31 0:32 / m rw - cgroup2 x rw", false, false, NULL, NULL },
    { "a short escape", "35 31 0:32 / /m\\04 rw - cgroup2 x rw", false, false, NULL, NULL },
    { "an escape that is not octal", "35 31 0:32 / /m\\048 rw - cgroup2 x rw", false, false, NULL,
      NULL },
    { "an escape past a byte", "35 31 0:32 / /m\\777 rw - cgroup2 x rw", false, false, NULL, NULL },
    { "an escaped NUL", "35 31 0:32 / /m\\000 rw - cgroup2 x rw", false, false, NULL, NULL },
};

static void test_cgroup_mount_parse_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(mount_rows); i++) {
        struct cgroup_mount mount;
        print_message("# %s\n", mount_rows[i].name);
        assert_int_equal(cgroup_mount_parse(span_of(mount_rows[i].line), &mount),
                         mount_rows[i].want);
        if (mount_rows[i].want) {
            assert_int_equal(mount.is_v2, mount_rows[i].is_v2);
            assert_string_equal(mount.root, mount_rows[i].root);
            assert_string_equal(mount.point, mount_rows[i].point);
        }
    }
}

static void test_cgroup_mount_parse_longest_path(void **state)
{
    (void)state;
    struct cgroup_mount mount;
    char line[PATH_MAX + 64];
    char path[PATH_MAX + 1] = "/";
    memset(path + 1, 'a', PATH_MAX - 1);
    (void)snprintf(line, sizeof(line), "1 2 0:3 / %.*s rw - cgroup2 x rw", PATH_MAX - 1, path);
    assert_true(cgroup_mount_parse(span_of(line), &mount));
    assert_int_equal(strlen(mount.point), PATH_MAX - 1);
    (void)snprintf(line, sizeof(line), "1 2 0:3 / %.*s rw - cgroup2 x rw", PATH_MAX, path);
    assert_false(cgroup_mount_parse(span_of(line), &mount));
}

static const struct {
    const char *name;
    const char *root;
    const char *path;
    const char *want;
} below_rows[] = {
    { "the whole hierarchy", "/", "/a/b", "/a/b" },
    { "its root", "/", "/", "" },
    { "a container's own group", "/docker/c", "/docker/c", "" },
    { "a group in that", "/docker/c", "/docker/c/d", "/d" },
    { "a group beside it", "/docker/c", "/docker/d", NULL },
    { "a group beside it with a longer name", "/docker/c", "/docker/cc", NULL },
    { "a group above it", "/docker/c", "/docker", NULL },
    { "outside of the namespace", "/", "/../x", NULL },
    { "far outside", "/", "/../../x", NULL },
    { "just outside", "/", "/..", NULL },
    { "outside, and mounted there", "/..", "/../x", "/x" },
    { "outside, and mounted right there", "/../x", "/../x", "" },
    { "outside, mounted one too low", "/..", "/../../x", NULL },
    { "a name with dots", "/", "/..a/b..", "/..a/b.." },
};

static void test_cgroup_mount_below_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(below_rows); i++) {
        struct cgroup_mount mount = { .is_v2 = true };
        print_message("# %s\n", below_rows[i].name);
        (void)snprintf(mount.root, sizeof(mount.root), "%s", below_rows[i].root);
        const char *const below = cgroup_mount_below(&mount, below_rows[i].path);
        assert_int_equal(below != NULL, below_rows[i].want != NULL);
        if (below) {
            assert_string_equal(below, below_rows[i].want);
        }
    }
}

#define V2_MOUNT "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
#define V1_MOUNTS                                                 \
    "31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"  \
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" \
    "33 31 0:30 / /sys/fs/cgroup/memory rw shared:9 - cgroup none rw,memory\n"
#define V2      "sys/fs/cgroup/"
#define V1      "sys/fs/cgroup/memory/"
#define V1_NONE "9223372036854771712\n"
#define CGROUP  "proc/self/cgroup"
#define MOUNTS  "proc/self/mountinfo"

struct tree_file {
    const char *path; /* one that ends with a slash is a directory */
    const char *text;
};

static const struct {
    const char *name;
    struct tree_file files[12];
    enum status status;
    uint64_t want;       /* 0: none */
    const char *file;    /* of the limit */
    const char *problem; /* end of the file that is complained of */
} tree_rows[] = {
    { "version 2: a unit of systemd",
      { { CGROUP, "0::/system.slice/a.service\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "system.slice/memory.max", "max\n" },
        { V2 "system.slice/memory.high", "max\n" },
        { V2 "system.slice/a.service/memory.max", "268435456\n" },
        { V2 "system.slice/a.service/memory.high", "max\n" } },
      ST_OK,
      256 * MIB,
      "/" V2 "system.slice/a.service/memory.max",
      NULL },
    { "version 2: an ancestor is tighter",
      { { CGROUP, "0::/kubepods/pod1/c1\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "kubepods/memory.max", "16777216000\n" },
        { V2 "kubepods/pod1/memory.max", "134217728\n" },
        { V2 "kubepods/pod1/c1/memory.max", "268435456\n" } },
      ST_OK,
      128 * MIB,
      "/" V2 "kubepods/pod1/memory.max",
      NULL },
    { "version 2: the ancestor furthest up is tighter",
      { { CGROUP, "0::/a/b/c\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "a/memory.max", "67108864\n" },
        { V2 "a/b/c/memory.max", "268435456\n" } },
      ST_OK,
      64 * MIB,
      "/" V2 "a/memory.max",
      NULL },
    { "version 2: the soft limit is tighter",
      { { CGROUP, "0::/a\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "a/memory.max", "268435456\n" },
        { V2 "a/memory.high", "134217728\n" } },
      ST_OK,
      128 * MIB,
      "/" V2 "a/memory.high",
      NULL },
    { "version 2: a container with a namespace",
      { { CGROUP, "0::/\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "memory.max", "268435456\n" },
        { V2 "memory.high", "max\n" } },
      ST_OK,
      256 * MIB,
      "/" V2 "memory.max",
      NULL },
    { "version 2: a container without one",
      { { CGROUP, "0::/kubepods/pod1/c1\n" },
        { MOUNTS, "31 23 0:28 /kubepods/pod1/c1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n" },
        { V2 "memory.max", "268435456\n" },
        { V2 "kubepods/pod1/c1/memory.max", "1\n" } },
      ST_OK,
      256 * MIB,
      "/" V2 "memory.max",
      NULL },
    { "version 2: a group in a container without one",
      { { CGROUP, "0::/kubepods/pod1/c1/d\n" },
        { MOUNTS, "31 23 0:28 /kubepods/pod1/c1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n" },
        { V2 "memory.max", "268435456\n" },
        { V2 "d/memory.max", "134217728\n" } },
      ST_OK,
      128 * MIB,
      "/" V2 "d/memory.max",
      NULL },
    { "version 2: two mounts, of which one shows the group",
      { { CGROUP, "0::/c1/d\n" },
        { MOUNTS, "30 23 0:28 /c2 /other ro - cgroup2 cgroup rw\n" V2_MOUNT },
        { "other/memory.max", "1\n" },
        { V2 "c1/d/memory.max", "268435456\n" } },
      ST_OK,
      256 * MIB,
      "/" V2 "c1/d/memory.max",
      NULL },
    { "version 2: a mount point with a blank",
      { { CGROUP, "0::/a\n" },
        { MOUNTS, "31 23 0:28 / /c\\040g rw - cgroup2 cgroup2 rw\n" },
        { "c g/a/memory.max", "268435456\n" } },
      ST_OK,
      256 * MIB,
      "/c g/a/memory.max",
      NULL },
    { "version 2: no limit",
      { { CGROUP, "0::/a\n" }, { MOUNTS, V2_MOUNT }, { V2 "a/memory.max", "max\n" } },
      ST_OK,
      0,
      "",
      NULL },
    { "version 2: the root, which has no such files",
      { { CGROUP, "0::/\n" }, { MOUNTS, V2_MOUNT }, { V2 "cgroup.procs", "1\n" } },
      ST_OK,
      0,
      "",
      NULL },
    { "version 2: a group without the memory controller below one with it",
      { { CGROUP, "0::/a/b\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "a/memory.max", "268435456\n" },
        { V2 "a/b/cgroup.procs", "1\n" } },
      ST_OK,
      256 * MIB,
      "/" V2 "a/memory.max",
      NULL },
    { "version 1: a unit of systemd",
      { { CGROUP, "4:memory:/system.slice/a.service\n2:cpu:/x\n1:name=systemd:/y\n" },
        { MOUNTS, V1_MOUNTS },
        { V1 "memory.limit_in_bytes", V1_NONE },
        { V1 "system.slice/memory.limit_in_bytes", V1_NONE },
        { V1 "system.slice/a.service/memory.limit_in_bytes", "268435456\n" } },
      ST_OK,
      256 * MIB,
      "/" V1 "system.slice/a.service/memory.limit_in_bytes",
      NULL },
    { "version 1: an ancestor is tighter",
      { { CGROUP, "4:memory:/docker/c1\n" },
        { MOUNTS, V1_MOUNTS },
        { V1 "docker/memory.limit_in_bytes", "134217728\n" },
        { V1 "docker/c1/memory.limit_in_bytes", "268435456\n" } },
      ST_OK,
      128 * MIB,
      "/" V1 "docker/memory.limit_in_bytes",
      NULL },
    { "version 1: a container without a namespace",
      { { CGROUP, "4:memory:/docker/c1\n" },
        { MOUNTS, "33 31 0:30 /docker/c1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n" },
        { V1 "memory.limit_in_bytes", "268435456\n" } },
      ST_OK,
      256 * MIB,
      "/" V1 "memory.limit_in_bytes",
      NULL },
    { "version 1: no limit",
      { { CGROUP, "4:memory:/a\n" },
        { MOUNTS, V1_MOUNTS },
        { V1 "memory.limit_in_bytes", V1_NONE },
        { V1 "a/memory.limit_in_bytes", V1_NONE } },
      ST_OK,
      0,
      "",
      NULL },
    { "both: memory is version 1's, what the other says does not count",
      { { CGROUP, "4:memory:/a\n0::/b\n" },
        { MOUNTS, V1_MOUNTS "38 31 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" },
        { V1 "a/memory.limit_in_bytes", "268435456\n" },
        { V2 "unified/b/memory.max", "1\n" },
        { V2 "unified/a/memory.max", "1\n" } },
      ST_OK,
      256 * MIB,
      "/" V1 "a/memory.limit_in_bytes",
      NULL },
    { "both: memory is version 2's",
      { { CGROUP, "4:cpu:/a\n0::/b\n" },
        { MOUNTS, V1_MOUNTS "38 31 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" },
        { V2 "unified/b/memory.max", "268435456\n" },
        { V1 "a/memory.limit_in_bytes", "1\n" },
        { V1 "b/memory.limit_in_bytes", "1\n" } },
      ST_OK,
      256 * MIB,
      "/" V2 "unified/b/memory.max",
      NULL },
    { "a kernel without control groups for memory",
      { { CGROUP, "2:cpu:/a\n" }, { MOUNTS, V1_MOUNTS }, { V1 "a/memory.limit_in_bytes", "1\n" } },
      ST_OK,
      0,
      "",
      NULL },
    { "no proc", { { "sys/", NULL } }, ST_NOT_FOUND, 0, "", "/proc/self/cgroup" },
    { "no mountinfo", { { CGROUP, "0::/\n" } }, ST_NOT_FOUND, 0, "", "/proc/self/mountinfo" },
    { "the group cannot be read",
      { { CGROUP "/", NULL }, { MOUNTS, V2_MOUNT }, { V2 "memory.max", "1\n" } },
      ST_IO,
      0,
      "",
      "/proc/self/cgroup" },
    { "garbage for the group",
      { { CGROUP, "?\n" }, { MOUNTS, V2_MOUNT }, { V2 "memory.max", "1\n" } },
      ST_SYNTAX,
      0,
      "",
      "/proc/self/cgroup" },
    { "garbage for mounts",
      { { CGROUP, "0::/a\n" }, { MOUNTS, "\n-\n - - -\n\\\n" } },
      ST_NOT_FOUND,
      0,
      "",
      "/a" },
    { "garbage between mounts",
      { { CGROUP, "0::/\n" },
        { MOUNTS, "-\n" V2_MOUNT "\n1 2 3\n" },
        { V2 "memory.max", "268435456\n" } },
      ST_OK,
      256 * MIB,
      "/" V2 "memory.max",
      NULL },
    { "nothing is mounted",
      { { CGROUP, "0::/a\n" }, { MOUNTS, "1 2 0:3 / / rw - ext4 x rw\n" } },
      ST_NOT_FOUND,
      0,
      "",
      "/a" },
    { "only the other version is mounted",
      { { CGROUP, "4:memory:/a\n" }, { MOUNTS, V2_MOUNT }, { V2 "a/memory.max", "1\n" } },
      ST_NOT_FOUND,
      0,
      "",
      "/a" },
    { "a group outside of the namespace",
      { { CGROUP, "0::/../other\n" }, { MOUNTS, V2_MOUNT }, { V2 "memory.max", "1\n" } },
      ST_NOT_FOUND,
      0,
      "",
      "/../other" },
    { "a group that was removed: its ancestors' limits hold",
      { { CGROUP, "0::/a/b (deleted)\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "a/memory.max", "268435456\n" } },
      ST_NOT_FOUND,
      256 * MIB,
      "/" V2 "a/memory.max",
      "/a/b (deleted)" },
    { "garbage for a limit: the others hold",
      { { CGROUP, "0::/a/b\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "a/memory.max", "268435456\n" },
        { V2 "a/b/memory.max", "little\n" } },
      ST_SYNTAX,
      256 * MIB,
      "/" V2 "a/memory.max",
      "/a/b/memory.max" },
    { "a limit that cannot be read: the others hold",
      { { CGROUP, "0::/a/b\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "a/memory.max", "268435456\n" },
        { V2 "a/b/memory.max/", NULL } },
      ST_IO,
      256 * MIB,
      "/" V2 "a/memory.max",
      "/a/b/memory.max" },
    { "a file that goes on and on",
      { { CGROUP, "0::/a\n" },
        { MOUNTS, V2_MOUNT },
        { V2 "a/memory.max",
          "00000000000000000000000000000000000000000000000000000000000000001\n" } },
      ST_LIMIT,
      0,
      "",
      "/a/memory.max" },
};

static void lay_out(const struct file_kit *kit, const struct tree_file *file)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s", file->path);
    for (char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(kit_path(kit, path).text, 0755) != 0) {
            assert_int_equal(errno, EEXIST);
        }
        *at = '/';
    }
    if (file->text) {
        kit_write(kit, file->path, file->text);
    }
}

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text);
    const size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void test_memory_limit_find_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(tree_rows); i++) {
        struct file_kit kit = { 0 };
        struct memory_limit limit;
        struct problem problem = { 0 };
        print_message("# %s\n", tree_rows[i].name);
        kit_init(&kit);
        for (size_t n = 0; n < COUNTOF(tree_rows[i].files) && tree_rows[i].files[n].path; n++) {
            lay_out(&kit, &tree_rows[i].files[n]);
        }

        const enum status status = memory_limit_find(kit.directory, &limit, &problem);

        kit_fini(&kit);
        assert_int_equal(status, tree_rows[i].status);
        assert_true(limit.bytes == (tree_rows[i].want ? tree_rows[i].want : UINT64_MAX));
        assert_string_equal(limit.file, tree_rows[i].file);
        assert_int_equal(problem.text[0] != '\0', tree_rows[i].problem != NULL);
        if (tree_rows[i].problem) {
            assert_true(ends_with(problem.file, tree_rows[i].problem));
            assert_int_equal(problem.status, status);
        }
    }
}

static void test_memory_limit_find_of_this_process(void **state)
{
    (void)state;
    struct memory_limit limit;
    struct problem problem = { 0 };
    if (access("/proc/self/cgroup", R_OK) != 0) {
        return; /* a kernel without control groups */
    }
    /* whatever it is here, the files are the kernel's own */
    if (memory_limit_find("", &limit, &problem) == ST_OK) {
        assert_int_equal(limit.bytes != UINT64_MAX, limit.file[0] != '\0');
    } else {
        assert_int_not_equal(problem.status, ST_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_limit_parse_rows),
        cmocka_unit_test(test_memory_cgroup_parse_rows),
        cmocka_unit_test(test_memory_cgroup_parse_longest_path),
        cmocka_unit_test(test_cgroup_mount_parse_rows),
        cmocka_unit_test(test_cgroup_mount_parse_longest_path),
        cmocka_unit_test(test_cgroup_mount_below_rows),
        cmocka_unit_test(test_memory_limit_find_rows),
        cmocka_unit_test(test_memory_limit_find_of_this_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
