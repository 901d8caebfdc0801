/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The resources that this server answers, as rows: what discovery lists and OpenAPI describes is
 * made of them.
 *
 * Source: Kubernetes API conventions; the published schema of authentication.k8s.io.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

enum schema_type {
    SCHEMA_STRING = 0,
    SCHEMA_BOOLEAN,
    SCHEMA_INTEGER,     /* 64 bits */
    SCHEMA_TIME,        /* a string, RFC 3339 */
    SCHEMA_STRINGS,     /* a list of strings */
    SCHEMA_STRING_MAP,  /* strings by name */
    SCHEMA_STRINGS_MAP, /* lists of strings by name */
    SCHEMA_OBJECT,      /* what schema_member.object describes */
    SCHEMA_ANY_OBJECTS, /* a list of objects that are described nowhere */
};

struct schema;

struct schema_member {
    const char *name;
    enum schema_type type;
    const struct schema *object; /* SCHEMA_OBJECT: of what; else NULL */
    bool is_required;
    const char *description; /* one line */
};

struct schema {
    const char *package; /* NULL: that of the resource that it is part of */
    const char *name;
    const char *description;
    const struct schema_member *members;
    size_t member_count;
};

struct api_resource {
    const char *group;
    const char *version; /* of one group the preferred one first */
    const char *package; /* of its schemas, as Kubernetes names them */
    const char *kind;
    const char *plural;
    const char *singular;
    bool is_namespaced;
    const char *const *verbs;            /* ends with NULL */
    const struct schema *const *schemas; /* ends with NULL; the first is the resource's own */
};

/** The rows of one server. Static. */
struct api_resources {
    const struct api_resource *rows; /* of one group and version together */
    size_t count;
};

/** api_resources_served() - TokenReview, in both versions */
struct api_resources api_resources_served(void);

/** api_resource_is_of() - are @a and @b of one group and version? */
bool api_resource_is_of(const struct api_resource *a, const struct api_resource *b) NONNULL(1, 2);

/** api_resource_begins_group() - is row @i the first of its group? */
bool api_resource_begins_group(struct api_resources resources, size_t i);

/** api_resource_begins_version() - is row @i the first of its group and version? */
bool api_resource_begins_version(struct api_resources resources, size_t i);

/** schema_append_name() - "io.k8s.api.authentication.v1.TokenReview" */
void schema_append_name(struct buf *buf,
                        const struct schema *schema,
                        const struct api_resource *resource) NONNULL(1, 2, 3);
