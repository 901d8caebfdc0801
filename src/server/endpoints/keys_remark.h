/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What readyz says of the keys of one source of tokens: figures in, a line for people out. Anybody
 * may read that page, so only texts of ours and times go into it: no URL, and nothing that a server
 * has sent. */
#include "base/compiler.h"
#include "engine/token_keys.h"
#include "server/endpoints/health.h"

/** keys_remark() - leaves @ret_remark alone when all is well */
void keys_remark(const struct key_source_state *keys, char ret_remark[static HEALTH_REMARK_MAX])
    NONNULL(1);
