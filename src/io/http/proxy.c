/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NO_PROXY and its like, one entry at a time.
 *
 * Addresses are compared as 16 bytes, those of IPv4 in their mapped form (RFC 4291 2.5.5.2), so
 * that one comparison of leading bits serves addresses, networks and both families. An entry that
 * is none of what the header names matches nothing.
 *
 * Untrusted: nothing; the environment is the operator's. Threads: any, as long as nobody changes
 * the environment.
 */
#include "io/http/proxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/span.h"

#define ADDRESS_BITS     128
#define ADDRESS_TEXT_MAX 64 /* with NUL; INET6_ADDRSTRLEN is 46 */

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct address {
    uint8_t bytes[ADDRESS_BITS / 8];
};

/* What NO_PROXY is asked about. */
struct target {
    struct span host; /* without brackets */
    struct span port;
    bool is_address;
    struct address address;
};

static const char *variable(const char *upper, const char *lower)
{
    const char *value = getenv(upper);
    return value && value[0] ? value : getenv(lower);
}

struct http_proxy_rules http_proxy_environment(void)
{
    return (struct http_proxy_rules){
        .https_proxy = variable("HTTPS_PROXY", "https_proxy"),
        .http_proxy = variable("HTTP_PROXY", "http_proxy"),
        .no_proxy = variable("NO_PROXY", "no_proxy"),
    };
}

static struct span without_brackets(struct span host)
{
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        return (struct span){ host.at + 1, host.len - 2 };
    }
    return host;
}

/* @ret_prefix_bits: how many bits stand before the address proper; 96 for IPv4. */
static bool parse_address(struct span text, struct address *ret_address, unsigned *ret_prefix_bits)
{
    char copy[ADDRESS_TEXT_MAX];
    struct address address = { { 0 } };
    if (text.len == 0 || text.len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, address.bytes + sizeof(mapped_prefix)) == 1) {
        memcpy(address.bytes, mapped_prefix, sizeof(mapped_prefix));
        *ret_prefix_bits = 8 * sizeof(mapped_prefix);
    } else if (inet_pton(AF_INET6, copy, address.bytes) == 1) {
        *ret_prefix_bits = 0;
    } else {
        return false;
    }
    *ret_address = address;
    return true;
}

static bool same_bits(const struct address *a, const struct address *b, unsigned bits)
{
    const unsigned whole = bits / 8;
    const unsigned rest = bits % 8;
    return memcmp(a->bytes, b->bytes, whole) == 0 &&
           (rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0);
}

static bool is_loopback(const struct address *address)
{
    static const struct address one = { { [15] = 1 } };
    return same_bits(address, &one, ADDRESS_BITS) ||
           (memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0 &&
            address->bytes[sizeof(mapped_prefix)] == 127);
}

static bool network_matches(struct span network, struct span length, const struct target *target)
{
    struct address address;
    unsigned bits = 0;
    unsigned prefix_bits = 0;
    if (!target->is_address || !parse_address(network, &address, &prefix_bits) || length.len == 0 ||
        length.len > 3) {
        return false;
    }
    for (size_t i = 0; i < length.len; i++) {
        if (length.at[i] < '0' || length.at[i] > '9') {
            return false;
        }
        bits = bits * 10 + (unsigned)(length.at[i] - '0');
    }
    bits += prefix_bits;
    return bits <= ADDRESS_BITS && same_bits(&address, &target->address, bits);
}

static bool ends_in(struct span host, struct span end)
{
    return host.len >= end.len && strncasecmp(host.at + host.len - end.len, end.at, end.len) == 0;
}

static bool name_matches(struct span name, const struct target *target)
{
    if (span_starts_with(name, SPAN_LITERAL("*."))) {
        name = span_after(name, 1);
    }
    if (name.len == 0 || target->is_address) {
        return false;
    }
    if (name.at[0] == '.') {
        return target->host.len > name.len && ends_in(target->host, name);
    }
    /* itself, or with a dot before it */
    return ends_in(target->host, name) && (target->host.len == name.len ||
                                           target->host.at[target->host.len - name.len - 1] == '.');
}

static bool entry_matches(struct span entry, const struct target *target)
{
    struct address address;
    unsigned prefix_bits = 0;
    if (span_equal(entry, SPAN_LITERAL("*"))) {
        return true;
    }
    const char *slash = memchr(entry.at, '/', entry.len);
    if (slash) {
        const size_t at = (size_t)(slash - entry.at);
        return network_matches((struct span){ entry.at, at }, span_after(entry, at + 1), target);
    }
    /* A port stands behind the last colon, unless that belongs to an IPv6 address. */
    const char *colon = memrchr(entry.at, ':', entry.len);
    if (colon && entry.at[entry.len - 1] != ']' && !parse_address(entry, &address, &prefix_bits)) {
        const size_t at = (size_t)(colon - entry.at);
        if (!span_equal(span_after(entry, at + 1), target->port)) {
            return false;
        }
        entry.len = at;
    }
    const struct span host = without_brackets(entry);
    if (parse_address(host, &address, &prefix_bits)) {
        return target->is_address && same_bits(&address, &target->address, ADDRESS_BITS);
    }
    return name_matches(host, target);
}

static struct span trimmed(struct span text)
{
    while (text.len && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text = span_after(text, 1);
    }
    while (text.len && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

static bool goes_direct(struct span no_proxy, const struct target *target)
{
    while (no_proxy.len) {
        const char *comma = memchr(no_proxy.at, ',', no_proxy.len);
        const size_t len = comma ? (size_t)(comma - no_proxy.at) : no_proxy.len;
        const struct span entry = trimmed((struct span){ no_proxy.at, len });
        if (entry.len && entry_matches(entry, target)) {
            return true;
        }
        no_proxy = span_after(no_proxy, comma ? len + 1 : len);
    }
    return false;
}

const char *http_proxy_choose(const struct http_proxy_rules *rules,
                              bool secure,
                              const char *host,
                              const char *port)
{
    const char *proxy = secure ? rules->https_proxy : rules->http_proxy;
    unsigned prefix_bits = 0;
    struct target target = { .host = without_brackets(span_of(host)), .port = span_of(port) };
    target.is_address = parse_address(target.host, &target.address, &prefix_bits);
    const bool own =
        target.is_address ? is_loopback(&target.address) : strcasecmp(host, "localhost") == 0;
    return proxy && !own && !goes_direct(span_of(rules->no_proxy), &target) ? proxy : "";
}
