/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Reading again what a server follows: its certificates by event or timer, everything on SIGHUP.
 * Threads: the loop's. */
#include "base/compiler.h"
#include "base/log.h"
#include "cli/serve_signals.h"
#include "engine/engine.h"
#include "server/tls/tls.h"

/** serve_reload_certificates() - and log when they are others, or cannot be read. @ret_changed,
 * Return: as tls_context_reload() */
enum status serve_reload_certificates(struct tls_context *tls,
                                      struct log *log,
                                      bool *ret_changed,
                                      struct problem *reterr_problem) NONNULL(1, 3, 4);

/**
 * serve_tell_certificate() - log what clients will refuse of the certificate in force
 * @told: flaws that stand in the log already, a bit each: they are not told again; 0 tells all
 */
void serve_tell_certificate(struct tls_context *tls,
                            struct log *log,
                            const char *file,
                            unsigned *told) NONNULL(1, 3, 4);

/** serve_reread() - certificates, key and client CA, and what @engine's stores follow; one line in
 * the log says how each went, and one more for each further cluster. @signal: that asked for it */
void serve_reread(struct tls_context *tls,
                  const struct engine *engine,
                  struct log *log,
                  const struct signal_event *signal) NONNULL(1, 2, 4);
