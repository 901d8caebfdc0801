/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How much of this process asks for huge pages. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** huge_pages_are_known() - false, said loudly, where the kernel has none */
static inline bool huge_pages_are_known(void)
{
    const bool known = access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0;
    if (!known) {
        printf("# HUGE PAGES ARE NOT TRIED: this kernel has none\n");
    }
    return known;
}

/** huge_pages_kib() - KiB of mappings with MADV_HUGEPAGE (flag "hg"); touched or not */
static inline size_t huge_pages_kib(void)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    char line[4096];
    size_t size = 0;
    size_t sum = 0;
    while (maps && fgets(line, sizeof(line), maps)) {
        (void)sscanf(line, "Size: %zu kB", &size);
        if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " hg")) {
            sum += size;
        }
    }
    if (maps) {
        (void)fclose(maps);
    }
    return sum;
}
