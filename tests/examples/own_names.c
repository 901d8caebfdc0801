/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of an embedder that have the names of some of ours: linked with examples/embed they
 * must neither meet ours nor be called in their place.
 */
#include <stdlib.h>

#define OWN(name)    \
    void name(void); \
    void name(void)  \
    {                \
        abort();     \
    }

OWN(buf_append)
OWN(buf_printf)
OWN(digest_compute)
OWN(http_start)
OWN(index_find)
OWN(loop_new)
OWN(loop_run)
OWN(member_text)
OWN(path_walk)
OWN(problem_set)
OWN(reply_take)
OWN(status_text)
OWN(store_load)
OWN(table_find)
OWN(tree_add)
OWN(utf8_is_valid)
OWN(watch_start)
OWN(write_create)
