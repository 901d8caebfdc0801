/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A path below the directory: what stands there, and what is known of it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <urcu/list.h>

#include "io/file/read.h"

enum node_kind {
    NODE_UNKNOWN = 0, /* not looked at yet */
    NODE_FILE,        /* a manifest */
    NODE_DIRECTORY,
    NODE_IGNORED, /* a symbolic link that leads to none of these, kept for where it may lead */
};

struct claim;
struct place;
struct watch;

/** A path below the directory. Owned by its parent's list and the table of paths. */
struct node {
    struct cds_list_head siblings;
    struct cds_list_head children;
    struct cds_list_head queue;   /* in which it waits (queue.h); empty in none */
    struct cds_list_head touched; /* its problems changed in this turn */
    struct node *parent;          /* NULL for the root */
    struct watch *watch;          /* NODE_DIRECTORY: shares; NULL when it could not be had */
    struct place *places;         /* owns: where a symbolic link can come to lead elsewhere */
    struct claim *claims;         /* owns: the objects that the file held when last read well */
    size_t claim_count;
    struct file_stamp stamp;  /* NODE_FILE: as read, or as last seen unsettled */
    uint64_t stamp_at_ns;     /* since when it has been like that, monotonic */
    uint64_t due_ns;          /* is_later: until when */
    uint64_t unsettled_at_ns; /* since when it has been unsettled */
    uint64_t problem_hash;    /* of the problem told; 0 for none */
    dev_t device;             /* NODE_DIRECTORY: identity, 0 and 0 for none */
    ino_t inode;
    size_t complaints;    /* its claims that lose against another file's, or are refused */
    size_t refused_count; /* of its claims */
    unsigned generation;  /* NODE_DIRECTORY: of the last scan */
    uint32_t cookie;      /* LATER_MOVE: of the event */
    unsigned depth;
    enum node_kind kind;
    enum file_occasion occasion;
    bool is_link : 1;
    bool is_alias : 1;    /* leads to a directory that is read under another path */
    bool is_later : 1;    /* it waits for a time */
    bool is_read_due : 1; /* read it even if it has not changed: its objects are wanted */
    bool is_seen : 1;     /* in the present scan of its parent */
    bool is_unsettled : 1;
    bool blocks_sync : 1;
    bool is_stamp_loaded : 1; /* the stamp is that of the claims */
    bool is_stamp_racy : 1;   /* read so soon after a change that the next might not show */
    bool is_reported : 1;     /* a problem was told and not resolved yet */
    bool is_unsafe : 1;       /* others can change it, as when it was last opened */
    bool is_refused : 1;      /* NODE_DIRECTORY: and therefore nothing new in it is taken */
    bool is_judged : 1;       /* NODE_DIRECTORY: the one that device and inode say */
    bool leads_out : 1;       /* is_link: out of the directory */
    bool is_astray : 1;       /* its path led elsewhere as soon as it was opened */
    bool is_damaged : 1;      /* it was remarked that the file is not all UTF-8 */
    uint32_t path_hash;
    char path[]; /* relative; "" for the root */
};
