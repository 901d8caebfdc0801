/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a client has shown so far, which decides who goes first when memory is short: budget.h. */

enum standing {
    STANDING_STRANGER = 0, /* never had a question answered */
    STANDING_REFUSED,      /* had, and each time with a no */
    STANDING_KNOWN,        /* got a yes, or showed an admitted client certificate */
    STANDING_LEAVING,      /* cut: libmicrohttpd is about to close it, and nothing is answered */
    STANDING_COUNT_
};
