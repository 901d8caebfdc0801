/* SPDX-License-Identifier: Apache-2.0 */
/* Names of methods. Untrusted: the name that a request brings. Threads: any; nothing is kept. */
#include "server/http/method.h"

#include <string.h>

static const struct {
    enum method method;
    const char *name;
} rows[] = {
    { METHOD_GET, "GET" }, { METHOD_HEAD, "HEAD" },   { METHOD_POST, "POST" },
    { METHOD_PUT, "PUT" }, { METHOD_PATCH, "PATCH" }, { METHOD_DELETE, "DELETE" },
};

enum method method_parse(const char *name)
{
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        /* the first two letters tell them apart: one comparison is made in full */
        if (name[0] == rows[i].name[0] && name[1] == rows[i].name[1] &&
            strcmp(name, rows[i].name) == 0) {
            return rows[i].method;
        }
    }
    return METHOD_OTHER;
}

void method_list(struct buf *buf, unsigned methods, const char *last)
{
    bool is_first = true;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        if (methods & (unsigned)rows[i].method) {
            methods &= ~(unsigned)rows[i].method;
            buf_append_text(buf, is_first ? "" : methods ? ", " : last);
            buf_append_text(buf, rows[i].name);
            is_first = false;
        }
    }
}
