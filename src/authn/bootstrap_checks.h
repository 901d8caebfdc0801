/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The checks of the bootstrap authenticator, in Kubernetes' order, as one table that decides,
 * explains and judges Secrets on arrival. */
#include "authn/credential_cache.h"
#include "authn/verdict.h"
#include "base/compiler.h"

/** What there is to judge. */
struct bootstrap_evidence {
    struct span id;
    const struct credential *credential; /* the dummy when the ID is unknown */
    bool is_known;                       /* a Secret holds the ID */
    bool is_synced;                      /* every Secret has been told once */
    bool secret_matches;
    struct instant now;
};

/**
 * bootstrap_checks_run() - every check in order
 * @question: told each check up to the first that fails, when it wants to be; NULL for nobody
 *
 * Return: ST_OK, or what the first failing check says. Cost: all checks run whatever the outcome.
 * Source: kubernetes plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go
 */
enum status bootstrap_checks_run(const struct bootstrap_evidence *evidence,
                                 const struct question *question) NODISCARD NONNULL(1);
