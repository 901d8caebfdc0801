/* SPDX-License-Identifier: Apache-2.0 */
/* The status table, read three ways. */
#include "base/status.h"

static const struct {
    const char *label;
    const char *text;
    enum fault fault;
} rows[STATUS_COUNT_] = {
#define X(name, row_label, row_fault, row_text) \
    [name] = { .label = (row_label), .text = (row_text), .fault = (row_fault) },
    STATUS_TABLE(X)
#undef X
};

const char *status_label(enum status status)
{
    return rows[status].label;
}

const char *status_text(enum status status)
{
    return rows[status].text;
}

enum fault status_fault(enum status status)
{
    return rows[status].fault;
}
