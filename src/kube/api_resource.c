/* SPDX-License-Identifier: Apache-2.0 */
/* The rows: TokenReview as it is read (kube/token_review.c) and answered. No threads, no state. */
#include "kube/api_resource.h"

#include <string.h>

/* clang-format off */
static const struct schema_member object_meta_members[] = {
    { "annotations", SCHEMA_STRING_MAP, NULL, false, "What tools keep with the object." },
    { "creationTimestamp", SCHEMA_TIME, NULL, false, "When the server made it. Read-only." },
    { "deletionGracePeriodSeconds", SCHEMA_INTEGER, NULL, false, "How long it may take to end. Read-only." },
    { "deletionTimestamp", SCHEMA_TIME, NULL, false, "When it will be gone. Read-only." },
    { "finalizers", SCHEMA_STRINGS, NULL, false, "Who has to let go before it is gone." },
    { "generateName", SCHEMA_STRING, NULL, false, "What a name that the server makes begins with." },
    { "generation", SCHEMA_INTEGER, NULL, false, "Which state is wanted, counted up. Read-only." },
    { "labels", SCHEMA_STRING_MAP, NULL, false, "What it is selected by." },
    { "managedFields", SCHEMA_ANY_OBJECTS, NULL, false, "Who last set which member." },
    { "name", SCHEMA_STRING, NULL, false, "Its name, unique in its namespace." },
    { "namespace", SCHEMA_STRING, NULL, false, "Where the name is unique." },
    { "ownerReferences", SCHEMA_ANY_OBJECTS, NULL, false, "What it goes with." },
    { "resourceVersion", SCHEMA_STRING, NULL, false, "By which a change shows. Opaque." },
    { "selfLink", SCHEMA_STRING, NULL, false, "No longer filled in." },
    { "uid", SCHEMA_STRING, NULL, false, "Unique in time and space. Read-only." },
};

static const struct schema object_meta = {
    "io.k8s.apimachinery.pkg.apis.meta.v1", "ObjectMeta", "What every object has beside its contents.",
    object_meta_members, COUNTOF(object_meta_members),
};

static const struct schema_member user_info_members[] = {
    { "extra", SCHEMA_STRINGS_MAP, NULL, false, "What else the authenticator knows of the user." },
    { "groups", SCHEMA_STRINGS, NULL, false, "The groups that the user is in." },
    { "uid", SCHEMA_STRING, NULL, false, "Tells the user from an earlier one of the same name." },
    { "username", SCHEMA_STRING, NULL, false, "The name that tells the user from all others." },
};

static const struct schema user_info = {
    NULL, "UserInfo", "Whom a token belongs to.", user_info_members, COUNTOF(user_info_members),
};

static const struct schema_member spec_members[] = {
    { "audiences", SCHEMA_STRINGS, NULL, false, "Whom the token must be meant for: one of them suffices. None: the API server." },
    { "token", SCHEMA_STRING, NULL, false, "The bearer token. Replies have it empty." },
};

static const struct schema spec = {
    NULL, "TokenReviewSpec", "Which token, and for whom.", spec_members, COUNTOF(spec_members),
};

static const struct schema_member status_members[] = {
    { "audiences", SCHEMA_STRINGS, NULL, false, "Of the audiences asked for, those that the token is good for." },
    { "authenticated", SCHEMA_BOOLEAN, NULL, false, "Is it known whose token it is?" },
    { "error", SCHEMA_STRING, NULL, false, "Why the question could not be answered; another try may do." },
    { "user", SCHEMA_OBJECT, &user_info, false, "Whose token it is." },
};

static const struct schema status = {
    NULL, "TokenReviewStatus", "The answer.", status_members, COUNTOF(status_members),
};

static const struct schema_member token_review_members[] = {
    { "apiVersion", SCHEMA_STRING, NULL, false, "Group and version of this object." },
    { "kind", SCHEMA_STRING, NULL, false, "TokenReview." },
    { "metadata", SCHEMA_OBJECT, &object_meta, false, "Read and ignored." },
    { "spec", SCHEMA_OBJECT, &spec, true, "The question." },
    { "status", SCHEMA_OBJECT, &status, false, "The answer; filled in by the server." },
};

static const struct schema token_review = {
    NULL, "TokenReview", "Asks whose bearer token it is.", token_review_members, COUNTOF(token_review_members),
};
/* clang-format on */

static const struct schema *const token_review_schemas[] = { &token_review, &spec,        &status,
                                                             &user_info,    &object_meta, NULL };

static const char *const create_only[] = { "create", NULL };

static const struct api_resource served[] = {
    {
        .group = "authentication.k8s.io",
        .version = "v1",
        .package = "io.k8s.api.authentication.v1",
        .kind = "TokenReview",
        .plural = "tokenreviews",
        .singular = "tokenreview",
        .verbs = create_only,
        .schemas = token_review_schemas,
    },
    {
        .group = "authentication.k8s.io",
        .version = "v1beta1",
        .package = "io.k8s.api.authentication.v1beta1",
        .kind = "TokenReview",
        .plural = "tokenreviews",
        .singular = "tokenreview",
        .verbs = create_only,
        .schemas = token_review_schemas,
    },
};

struct api_resources api_resources_served(void)
{
    return (struct api_resources){ .rows = served, .count = COUNTOF(served) };
}

bool api_resource_is_of(const struct api_resource *a, const struct api_resource *b)
{
    return strcmp(a->group, b->group) == 0 && strcmp(a->version, b->version) == 0;
}

bool api_resource_begins_group(struct api_resources resources, size_t i)
{
    return i == 0 || strcmp(resources.rows[i - 1].group, resources.rows[i].group) != 0;
}

bool api_resource_begins_version(struct api_resources resources, size_t i)
{
    return i == 0 || !api_resource_is_of(&resources.rows[i - 1], &resources.rows[i]);
}

void schema_append_name(struct buf *buf,
                        const struct schema *schema,
                        const struct api_resource *resource)
{
    buf_append_text(buf, schema->package ? schema->package : resource->package);
    buf_append_char(buf, '.');
    buf_append_text(buf, schema->name);
}
