/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What webhook-config has doubts about, though it prints what was asked for. */
#include <stdint.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/status.h"
#include "cli/options.h"

/**
 * webhook_remarks() - tell @fn what kube-apiserver will stumble over
 *
 * A URL without a path; a serving certificate (--tls-cert-file, or the only one of
 * --certificate-authority when that is no CA's) that kube-apiserver will refuse at that URL.
 * Return: ST_OK; ST_INVALID with @reterr_problem for a pair that no kube-apiserver starts with
 */
enum status webhook_remarks(const struct options *options,
                            int64_t now_sec,
                            problem_fn *fn,
                            void *ctx,
                            struct problem *reterr_problem) NODISCARD NONNULL(1, 3, 5);
