/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The body of /version: apimachinery's version.Info, as every Kubernetes component answers it. */
#include "base/buf.h"
#include "base/compiler.h"

/** version_body_build() - append
 * {"major":…,"minor":…,"gitVersion":"v0.1.0","gitCommit":…,"compiler":…,"platform":…} */
void version_body_build(struct buf *buf) NONNULL(1);
