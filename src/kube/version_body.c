/* SPDX-License-Identifier: Apache-2.0 */
/* Which build this is, in Kubernetes' words. */
#include "kube/version_body.h"

#include "base/version.h"

static void append_member(struct buf *buf,
                          const char *separator,
                          const char *name,
                          const char *value)
{
    buf_append_text(buf, separator);
    buf_append_json_string(buf, span_of(name));
    buf_append_char(buf, ':');
    buf_append_json_string(buf, span_of(value));
}

void version_body_build(struct buf *buf)
{
    append_member(buf, "{", "major", version_major());
    append_member(buf, ",", "minor", version_minor());
    buf_append_text(buf, ",\"gitVersion\":\"v");
    buf_append_text(buf, version_number()); /* digits and dots */
    buf_append_char(buf, '"');
    append_member(buf, ",", "gitCommit", version_commit());
    append_member(buf, ",", "compiler", version_compiler());
    append_member(buf, ",", "platform", version_platform());
    buf_append_char(buf, '}');
}
