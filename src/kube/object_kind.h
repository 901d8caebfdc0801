/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Kinds of objects: what a store must know of one to read, tell and write it.
 *
 * There is one descriptor of each kind in a process, static, and its address stands for the kind. A
 * custom resource has its descriptor where it is used, and the interest brings it along.
 */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"
#include "kube/shown_name.h"

struct object_kind {
    const char *group;      /* "" for the core */
    const char *version;    /* "v1"; objects of another are not read */
    const char *name;       /* "Secret" */
    const char *plural;     /* "secrets": in paths, and for people */
    bool is_cluster_scoped; /* its objects have no namespace: it is empty wherever one is named */
    bool is_secret;         /* decodes to a struct secret (kube/secret.h); else to its metadata */
    const char *const *frozen; /* members that cannot be changed once `immutable` is true, up to
                                  NULL; NULL: `immutable` has no meaning */
};

extern const struct object_kind kind_secret;
extern const struct object_kind kind_config_map;
extern const struct object_kind kind_service_account;
extern const struct object_kind kind_pod;
extern const struct object_kind kind_node;

/* bytes with NUL: a DNS subdomain, a slash and a label */
#define OBJECT_API_VERSION_MAX 320

struct object_api_version {
    char text[OBJECT_API_VERSION_MAX];
};

/** object_api_version() - "v1", "example.com/v1" */
struct object_api_version object_api_version(const struct object_kind *kind) NODISCARD NONNULL(1);

/** object_kind_has_group() - is @api_version one of the kind's group, whatever version it is? */
bool object_kind_has_group(const struct object_kind *kind, struct span api_version) NODISCARD
    NONNULL(1);

struct shown_object {
    char text[3 * sizeof(struct shown_name)];
};

/** shown_object_of() - "Secret kube-system/a", or "Node a", as people may be shown it
 * (kube/shown_name.h) */
struct shown_object shown_object_of(const struct object_kind *kind,
                                    struct span namespace,
                                    struct span name) NODISCARD NONNULL(1);
