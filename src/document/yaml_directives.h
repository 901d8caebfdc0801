/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* YAML's directives, looked at before libyaml does. */
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"

/* Of one document. libyaml compares each %TAG with all before it, and each tag with all of them, so
 * many make it quadratic: 150,000 in 3 MB took it 80 s. Kubernetes manifests have none. */
#define YAML_MAX_DIRECTIVES 16

/* Bytes of one. A tag is written out with the prefix that its %TAG names, so a prefix of a megabyte
 * is copied for every value that has a short tag. Prefixes in use have 30 bytes. */
#define YAML_MAX_DIRECTIVE_BYTES 256

/** yaml_ends_in_break() - does @text end in what libyaml takes for the end of a line? Besides LF
 * and CR that is NEL, LS and PS (YAML 1.1, 5.4) */
bool yaml_ends_in_break(struct span text);

/**
 * yaml_directives_check() - are the directives of the document that comes next few and short?
 * @text:   borrows; the stream
 * @offset: in @text, where nothing is open: its beginning, or the end of a document
 * @reterr_offset: of the directive that is too long, or one too many
 *
 * Looks no further than that document's `---` or content, so no scalar is taken for a directive.
 * Cost: linear in what it looks at.
 */
bool yaml_directives_check(struct span text, size_t offset, size_t *reterr_offset) NODISCARD
    NONNULL(3);
