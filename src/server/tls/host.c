/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of a certificate against a host, by Go's rules.
 *
 * An IP address is compared with IP addresses only, a name with DNS names only: without regard to
 * case, one `*` for the whole first label, a dot at the host's end left out. What is no valid host
 * name, on either side, must be equal. The common name counts for nothing but the complaint.
 *
 * Untrusted: the certificate may be a server's that nobody knows yet. Its names have lengths, and a
 * NUL in one ends nothing, since the host has none. No state.
 */
#include "server/tls/host.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/span.h"

#define NAME_MAX_BYTES 512 /* DNS allows 253; a longer one covers nobody */
#define ADDRESS_BYTES  16

/* An IP address as IPv6, IPv4 mapped into it, as Go compares them. */
struct address {
    unsigned char bytes[ADDRESS_BYTES];
};

static void map_v4(const unsigned char v4[static 4], struct address *ret_address)
{
    *ret_address = (struct address){ .bytes = { [10] = 0xff, [11] = 0xff } };
    memcpy(ret_address->bytes + 12, v4, 4);
}

static bool parse_address(const char *host, struct address *ret_address)
{
    unsigned char v4[4];
    if (inet_pton(AF_INET, host, v4) == 1) {
        map_v4(v4, ret_address);
        return true;
    }
    return inet_pton(AF_INET6, host, ret_address->bytes) == 1;
}

/* One subject alternative name at a time. */
struct name {
    unsigned type; /* gnutls_x509_subject_alt_name_t */
    size_t len;
    char text[NAME_MAX_BYTES];
};

/* False behind the last. One that is too long has no length. */
static bool get_name(gnutls_x509_crt_t certificate, unsigned at, struct name *ret_name)
{
    size_t size = sizeof(ret_name->text);
    const int rc = gnutls_x509_crt_get_subject_alt_name2(certificate, at, ret_name->text, &size,
                                                         &ret_name->type, NULL);
    ret_name->len = rc < 0 ? 0 : size;
    return rc >= 0 || rc == GNUTLS_E_SHORT_MEMORY_BUFFER;
}

static bool is_label_char(char c, bool is_first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c == '-' && !is_first);
}

/* verify.go validHostname() */
static bool is_host_name(struct span name, bool is_pattern)
{
    size_t at = 0;
    if (is_pattern && name.len > 1 && name.at[0] == '*' && name.at[1] == '.') {
        at = 2;
    }
    bool is_first = true;
    for (; at < name.len; at++) {
        const char c = name.at[at];
        if (c == '.' ? is_first : !is_label_char(c, is_first)) {
            return false;
        }
        is_first = c == '.';
    }
    return name.len > 0 && !is_first;
}

static bool is_same_text(struct span a, struct span b)
{
    return a.len == b.len && a.len > 0 && strncasecmp(a.at, b.at, a.len) == 0;
}

static struct span behind_first_label(struct span name)
{
    const char *dot = name.len ? memchr(name.at, '.', name.len) : NULL;
    return dot ? span_after(name, (size_t)(dot - name.at)) : (struct span){ 0 };
}

/* A dot at the end does not count in a host that is a name otherwise. */
static bool matches(struct span pattern, struct span host)
{
    const struct span bare = { .at = host.at,
                               .len = host.len && host.at[host.len - 1] == '.' ? host.len - 1
                                                                               : host.len };
    if (!is_host_name(bare, false) || !is_host_name(pattern, true)) {
        return is_same_text(pattern, host);
    }
    return pattern.at[0] == '*'
               ? is_same_text(behind_first_label(pattern), behind_first_label(bare))
               : is_same_text(pattern, bare);
}

static bool covers(const struct name *name, struct span host, const struct address *address)
{
    struct address other;
    if (!address) {
        return name->type == GNUTLS_SAN_DNSNAME &&
               matches((struct span){ name->text, name->len }, host);
    }
    if (name->type != GNUTLS_SAN_IPADDRESS || (name->len != 4 && name->len != ADDRESS_BYTES)) {
        return false;
    }
    if (name->len == 4) {
        map_v4((const unsigned char *)name->text, &other);
    } else {
        memcpy(other.bytes, name->text, ADDRESS_BYTES);
    }
    return memcmp(other.bytes, address->bytes, ADDRESS_BYTES) == 0;
}

/* --- what Go says --- */

static void append(char text[static TLS_HOST_SAYS_MAX], const char *more)
{
    const size_t len = strlen(text);
    const size_t room = TLS_HOST_SAYS_MAX - 1 - len;
    const size_t more_len = strnlen(more, room); /* cut */
    memcpy(text + len, more, more_len);
    text[len + more_len] = '\0';
}

static bool has_common_name(gnutls_x509_crt_t certificate, const char *host)
{
    char name[NAME_MAX_BYTES];
    size_t size = sizeof(name);
    return gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
                                         &size) >= 0 &&
           matches((struct span){ name, size }, span_of(host));
}

static unsigned list_names(gnutls_x509_crt_t certificate,
                           bool is_address,
                           char text[static TLS_HOST_SAYS_MAX])
{
    struct name name;
    unsigned count = 0;
    for (unsigned i = 0; get_name(certificate, i, &name); i++) {
        char address[INET6_ADDRSTRLEN];
        if (name.type != (is_address ? GNUTLS_SAN_IPADDRESS : GNUTLS_SAN_DNSNAME) ||
            name.len == 0) {
            continue;
        }
        const char *shown = name.text; /* GnuTLS ends DNS names with a NUL */
        if (is_address) {
            shown =
                inet_ntop(name.len == 4 ? AF_INET : AF_INET6, name.text, address, sizeof(address));
        }
        append(text, count ? ", " : "");
        append(text, shown ? shown : "?");
        count++;
    }
    return count;
}

static void say(gnutls_x509_crt_t certificate,
                const char *host,
                bool is_address,
                char ret_says[static TLS_HOST_SAYS_MAX])
{
    char names[TLS_HOST_SAYS_MAX] = "";
    struct name first;
    if (!get_name(certificate, 0, &first) && has_common_name(certificate, host)) {
        append(ret_says, "x509: certificate relies on legacy Common Name field, use SANs instead");
        return;
    }
    const unsigned count = list_names(certificate, is_address, names);
    if (count > 0) {
        append(ret_says, "x509: certificate is valid for ");
        append(ret_says, names);
        append(ret_says, ", not ");
        append(ret_says, host);
    } else if (is_address) {
        append(ret_says, "x509: cannot validate certificate for ");
        append(ret_says, host);
        append(ret_says, " because it doesn't contain any IP SANs");
    } else {
        append(ret_says, "x509: certificate is not valid for any names, but wanted to match ");
        append(ret_says, host);
    }
}

bool tls_host_is_covered(gnutls_x509_crt_t certificate,
                         const char *host,
                         char ret_says[static TLS_HOST_SAYS_MAX])
{
    char bare[NAME_MAX_BYTES];
    struct address address;
    struct name name;
    const size_t len = strlen(host);
    const bool has_brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';
    (void)snprintf(bare, sizeof(bare), "%.*s", (int)(has_brackets ? len - 2 : len),
                   host + has_brackets);
    const bool is_address = parse_address(bare, &address);
    ret_says[0] = '\0';
    for (unsigned i = 0; get_name(certificate, i, &name); i++) {
        if (covers(&name, span_of(bare), is_address ? &address : NULL)) {
            return true;
        }
    }
    say(certificate, bare, is_address, ret_says);
    return false;
}
