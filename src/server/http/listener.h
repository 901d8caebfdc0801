/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Listening sockets: one per address, shared by all workers. */
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"

/* of the kernel for each direction of a connection, which doubles it for its own needs: a review
 * and its answer fit many times */
#define LISTENER_BUFFER_BYTES 32768

#define LISTENER_HEALTH_BUFFER_BYTES 8192 /* the same for probes and scrapes */

/**
 * listener_open() - bind and listen, non-blocking
 * @address: an IP address; "::" and "" listen on IPv4 as well, and fall back to IPv4 where the
 * kernel has no IPv6
 * @port:    0 lets the kernel choose; @ret_port says which
 * @buffer_bytes: one of the above
 * Return: ST_OK; ST_INVALID for no IP address; ST_IO with @reterr_problem
 */
enum status listener_open(const char *address,
                          uint16_t port,
                          int buffer_bytes,
                          int *ret_fd,
                          uint16_t *ret_port,
                          struct problem *reterr_problem) NODISCARD NONNULL(1, 4, 5);
