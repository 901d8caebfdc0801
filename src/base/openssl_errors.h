/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* OpenSSL's queue of errors, one a thread: read by whoever made them, so that nobody takes them for
 * his own. */
#include "base/compiler.h"
#include "base/status.h"

/** openssl_errors_drain() - empty the queue. Return: ST_NOMEM when memory ran out; else @otherwise.
 * OpenSSL does not say of every failure that memory was the reason */
enum status openssl_errors_drain(enum status otherwise) NODISCARD;
