/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Protocol buffers to send: fields appended to a buffer, with numbers as long as one likes. */
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "kube/protobuf.h"

/** protobuf_put_varint() - @value in its shortest form and @padding bytes that add nothing */
static inline void protobuf_put_varint(struct buf *buf, uint64_t value, unsigned padding)
{
    while (value >= 0x80 || padding > 0) {
        padding -= value < 0x80;
        buf_append_char(buf, (char)(0x80 | (value & 0x7f)));
        value >>= 7;
    }
    buf_append_char(buf, (char)value);
}

/** protobuf_put_bytes() - a field whose value are @bytes: bytes, a string or a message */
static inline void protobuf_put_bytes(struct buf *buf,
                                      uint32_t number,
                                      struct span bytes,
                                      unsigned padding)
{
    protobuf_put_varint(buf, (uint64_t)number << 3 | PROTOBUF_BYTES, padding);
    protobuf_put_varint(buf, bytes.len, padding);
    buf_append(buf, bytes);
}
