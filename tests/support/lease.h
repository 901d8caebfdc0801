/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A life without leases, as that of a server that runs as another user than the files' owner. */
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Give up (or take back) CAP_LEASE in this thread. Return: could we? */
static inline bool lease_set_capability(bool have)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0) {
        return false;
    }
    const unsigned bit = 1u << CAP_LEASE;
    data[0].effective = have ? data[0].effective | bit : data[0].effective & ~bit;
    return syscall(SYS_capset, &header, data) == 0;
}
