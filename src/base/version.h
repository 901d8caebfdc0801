/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which build this is: for `version`, /version, build_info and the first log line. All texts are
 * static and never NULL. No build date: the same source gives the same bytes. */
#include "base/buf.h"
#include "base/compiler.h"

/** version_number() - "0.1.0", from meson.build */
const char *version_number(void);

/** version_major(), version_minor() - the number's first two parts, as /version has them */
const char *version_major(void);
const char *version_minor(void);

/** version_commit() - abbreviated git commit, with "-dirty" when the tree was changed; "unknown"
 * when built outside git */
const char *version_commit(void);

/** version_text() - number and commit in one: "0.1.0 (303c429bc2a5)" */
const char *version_text(void);

/** version_compiler() - "gcc 12.2.0", "clang 14.0.6" */
const char *version_compiler(void);

/** version_platform() - "linux/amd64", as Kubernetes names platforms */
const char *version_platform(void);

/** version_build_json() - append the object that Kubernetes' /version has (version.Info), without
 * what a C program does not have: {"major":"0","minor":"1","gitVersion":"v0.1.0",…} */
void version_build_json(struct buf *buf) NONNULL(1);
