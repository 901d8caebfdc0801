/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What bounds a directory of manifests, and why there. */
#include <stddef.h>

/** Tests lower them. */
struct manifests_limits {
    size_t file_bytes;   /* one file */
    size_t nodes;        /* files, directories and symbolic links that are kept track of. Of those
                            found together the first by name count, of others the earlier */
    size_t objects;      /* objects in all files together, duplicates included */
    size_t file_objects; /* objects in one file, which are held until it has been read */
    size_t file_entries; /* entries of their data, labels and annotations, all together */
    size_t file_values;  /* JSON values of those that somebody wants whole, all together */
    unsigned depth;      /* directories below --manifests */
};

/* 64 MiB: 100,000 bootstrap tokens in one file */
#define MANIFESTS_MAX_FILE_BYTES 67108864

/* 400 bytes each: 80 MB; more belongs in a Kubernetes */
#define MANIFESTS_MAX_NODES 200000

/* 200 bytes each: 400 MB; twice the benchmark's million */
#define MANIFESTS_MAX_OBJECTS 2000000

/* Decoded, 200 and 35 bytes each, on top of the text: 50 and 90 MB. 64 MiB are 250,000 bootstrap
 * tokens that say no more than they must; of a token's entries 7 have a meaning. */
#define MANIFESTS_MAX_FILE_OBJECTS 250000
#define MANIFESTS_MAX_FILE_ENTRIES 2500000

/* A value takes up to 900 bytes while the file is read: 225 MB */
#define MANIFESTS_MAX_FILE_VALUES 250000

/* far below where PATH_MAX ends */
#define MANIFESTS_MAX_DEPTH 32
