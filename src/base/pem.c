/* SPDX-License-Identifier: Apache-2.0 */
/* Marks only: whoever reads the text for good says what else is wrong with it. No state. */
#include "base/pem.h"

static bool holds(struct span text, struct span mark)
{
    return text.at && memmem(text.at, text.len, mark.at, mark.len);
}

bool pem_pair_is_swapped(struct span certificate, struct span key)
{
    static const struct span certificate_mark = { "-----BEGIN CERTIFICATE-----", 27 };
    static const struct span key_mark = { "PRIVATE KEY-----", 16 }; /* of RSA, EC, PKCS 8 */
    return holds(certificate, key_mark) && !holds(certificate, certificate_mark) &&
           holds(key, certificate_mark) && !holds(key, key_mark);
}
