/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From libmicrohttpd's callbacks to a handler. Threads: the worker's. */
#include <microhttpd.h>

#include "base/compiler.h"

/** dispatch_note_target() - MHD_OPTION_URI_LOG_CALLBACK: the target as it was sent; cls: the
 * worker. Return: the request's context */
void *dispatch_note_target(void *cls, const char *target, struct MHD_Connection *mhd) NONNULL(2, 3);

/** dispatch_call() - MHD_AccessHandlerCallback; cls: the worker */
enum MHD_Result dispatch_call(void *cls,
                              struct MHD_Connection *mhd,
                              const char *url,
                              const char *method,
                              const char *version,
                              const char *upload_data,
                              size_t *upload_data_size,
                              void **request_context);
