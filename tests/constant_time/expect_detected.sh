#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run a command that valgrind must object to: succeeds exactly when it ends with code 99 (--error-exitcode). A crash, a
# missing program or a clean run are failures.
"$@"
code=$?
if [ "$code" -ne 99 ]; then
    echo "exit code $code: a comparison that leaks was not detected" >&2
    exit 1
fi
echo "detected, as it must be"
