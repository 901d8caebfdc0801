/* SPDX-License-Identifier: Apache-2.0 */
/* `kube-bearer version`: which build this is, for people or, with -o json, as Kubernetes' /version
 * has it. */
#include "cli/version_command.h"

#include "base/version.h"
#include "cli/output.h"
#include "cli/process.h"

int version_command_run(const struct options *options)
{
    CLEANUP(buf_fini) struct buf buf = { 0 };
    if (options->version_output == VERSION_OUTPUT_JSON) {
        version_build_json(&buf);
        buf_append_char(&buf, '\n');
    } else {
        buf_printf(&buf, "kube-bearer %s, %s, %s\n", version_text(), version_compiler(),
                   version_platform());
    }
    return output_write("version", &buf) ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
