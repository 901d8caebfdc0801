/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The issuer that a JWT names, before anybody has looked at its signature.
 *
 * Untrusted: every byte, and it stays so. A wrong issuer finds a key that has not made the
 * signature; two of them are refused when the claims are decoded, which happens before anybody is
 * let in. So this stops at the first, and what a stranger's token costs is little more than its
 * base64url.
 *
 * Names are case-sensitive, as they are when the claims are decoded. (kube-apiserver's own probe
 * folds case, and refuses what it found by that; the decoder refuses a second `iss` in other
 * letters.)
 *
 * Threads: pure functions on the caller's memory.
 */
#include "authn/jwt/issuer_probe.h"

#include "document/json_scan.h"

bool jwt_probe_issuer(struct span payload_piece,
                      char *room,
                      size_t room_len,
                      struct span *ret_issuer)
{
    size_t len = 0;
    if (room_len < base64url_decoded_len(payload_piece.len) ||
        base64url_decode(payload_piece, room, &len) != ST_OK) {
        return false;
    }
    struct json_scan scan;
    struct span name = { 0 };
    json_scan_begin(&scan, room, len);
    if (!json_scan_object(&scan)) {
        return false;
    }
    while (json_scan_member(&scan, &name)) {
        if (span_equal(name, SPAN_LITERAL("iss"))) {
            return json_scan_string(&scan, ret_issuer);
        }
        if (!json_scan_skip(&scan)) {
            return false;
        }
    }
    return false;
}
