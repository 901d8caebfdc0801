/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of addresses with their open connections (libc's tsearch: balanced, so chosen addresses
 * cannot make it slow). An address without connections is not in the tree, so its size is bounded
 * by --max-connections.
 */
#include "server/http/address_limit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct address_entry {
    struct in6_addr address;
    unsigned count;
};

struct address_limit {
    pthread_mutex_t lock;
    void *tree_locked; /* of struct address_entry */
    unsigned max;
};

static int compare(const void *a, const void *b)
{
    return memcmp(&((const struct address_entry *)a)->address,
                  &((const struct address_entry *)b)->address, sizeof(struct in6_addr));
}

static struct in6_addr to_ipv6(const struct sockaddr *address)
{
    struct in6_addr ret = { 0 };
    if (address->sa_family == AF_INET6) {
        ret = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    } else if (address->sa_family == AF_INET) {
        ret.s6_addr[10] = 0xff; /* ::ffff:a.b.c.d, RFC 4291 2.5.5.2 */
        ret.s6_addr[11] = 0xff;
        memcpy(&ret.s6_addr[12], &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    }
    return ret;
}

static struct address_entry *find_locked(struct address_limit *limit,
                                         const struct address_entry *key)
{
    void *node = tfind(key, &limit->tree_locked, compare);
    return node ? *(struct address_entry **)node : NULL;
}

enum status address_limit_new(unsigned max, struct address_limit **ret_limit)
{
    struct address_limit *limit = calloc(1, sizeof(*limit));
    if (!limit) {
        return ST_NOMEM;
    }
    (void)pthread_mutex_init(&limit->lock, NULL); /* default attributes: cannot fail on Linux */
    limit->max = max;
    *ret_limit = limit;
    return ST_OK;
}

struct address_limit *address_limit_free(struct address_limit *limit)
{
    if (limit) {
        tdestroy(limit->tree_locked, free);
        (void)pthread_mutex_destroy(&limit->lock);
        free(limit);
    }
    return NULL;
}

bool address_limit_allows(struct address_limit *limit, const struct sockaddr *address)
{
    const struct address_entry key = { .address = to_ipv6(address) };
    (void)pthread_mutex_lock(&limit->lock);
    const struct address_entry *entry = find_locked(limit, &key);
    const bool allows = !entry || entry->count < limit->max;
    (void)pthread_mutex_unlock(&limit->lock);
    return allows;
}

static bool add_locked(struct address_limit *limit, const struct address_entry *key)
{
    struct address_entry *entry = find_locked(limit, key);
    if (entry) {
        entry->count++;
        return true;
    }
    entry = malloc(sizeof(*entry));
    if (!entry) {
        return false;
    }
    *entry = (struct address_entry){ .address = key->address, .count = 1 };
    if (!tsearch(entry, &limit->tree_locked, compare)) {
        free(entry);
        return false;
    }
    return true;
}

bool address_limit_add(struct address_limit *limit, const struct sockaddr *address)
{
    const struct address_entry key = { .address = to_ipv6(address) };
    (void)pthread_mutex_lock(&limit->lock);
    const bool added = add_locked(limit, &key);
    (void)pthread_mutex_unlock(&limit->lock);
    return added;
}

void address_limit_remove(struct address_limit *limit, const struct sockaddr *address)
{
    const struct address_entry key = { .address = to_ipv6(address) };
    (void)pthread_mutex_lock(&limit->lock);
    struct address_entry *entry = find_locked(limit, &key);
    if (entry && --entry->count == 0) {
        (void)tdelete(entry, &limit->tree_locked, compare);
        free(entry);
    }
    (void)pthread_mutex_unlock(&limit->lock);
}
