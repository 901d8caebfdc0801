/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Connections per client address, over all workers. Off by default: API servers share an address
 * behind a load balancer.
 *
 * Threads: any; one mutex, taken once per connection and never on a request.
 */
#include <stdbool.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "base/status.h"

struct address_limit;

/** address_limit_new() - allow @max connections per address. Return: ST_OK; ST_NOMEM */
enum status address_limit_new(unsigned max, struct address_limit **ret_limit) NODISCARD NONNULL(2);

/** address_limit_free() - NULL is fine. Return: NULL */
struct address_limit *address_limit_free(struct address_limit *limit);

/** address_limit_allows() - is there room for one more from @address? IPv4 and its mapped IPv6 form
 * are one address */
bool address_limit_allows(struct address_limit *limit, const struct sockaddr *address)
    NONNULL(1, 2);

/** address_limit_add() / address_limit_remove() - a connection began; it ended. Adding may fail for
 * want of memory: then it is not counted, and must not be removed. Return of add: was it counted?
 */
bool address_limit_add(struct address_limit *limit, const struct sockaddr *address) NODISCARD
    NONNULL(1, 2);
void address_limit_remove(struct address_limit *limit, const struct sockaddr *address)
    NONNULL(1, 2);
