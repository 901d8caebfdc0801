/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Methods of HTTP, RFC 9110 9 and RFC 5789: a bit each, so that an endpoint may have several. */
#include "base/buf.h"
#include "base/compiler.h"

enum method {
    METHOD_OTHER = 0, /* one that no endpoint can have */
    METHOD_GET = 1 << 0,
    METHOD_HEAD = 1 << 1,
    METHOD_POST = 1 << 2,
    METHOD_PUT = 1 << 3,
    METHOD_PATCH = 1 << 4,
    METHOD_DELETE = 1 << 5,
};

/* Those whose body means something; of any other it is thrown away. */
#define METHODS_WITH_BODY (METHOD_POST | METHOD_PUT | METHOD_PATCH | METHOD_DELETE)

/** method_parse() - methods are case-sensitive, RFC 9110 9.1. Return: METHOD_OTHER for what is none
 * of them */
enum method method_parse(const char *name) NONNULL(1);

/** method_list() - append the names of @methods, in the order of the enum: "GET, HEAD".
 * @last: what stands before the last of several: ", " or " or " */
void method_list(struct buf *buf, unsigned methods, const char *last) NONNULL(1, 3);
