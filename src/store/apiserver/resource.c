/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the API keeps which kind of object, and where an object says who it is.
 *
 * Untrusted: objects, as far as reading them goes: whatever they are, a member that is not what it
 * should be is absent. No state.
 */
#include "store/apiserver/resource.h"

#include "document/edit.h"

void resource_path(struct buf *buf,
                   const struct object_kind *kind,
                   struct span namespace,
                   struct span name)
{
    buf_append_text(buf, kind->group[0] ? "/apis/" : "/api/");
    buf_append_text(buf, object_api_version(kind).text);
    if (namespace.len > 0) {
        buf_append_text(buf, "/namespaces/");
        buf_append(buf, namespace);
    }
    buf_append_char(buf, '/');
    buf_append_text(buf, kind->plural);
    if (name.len > 0) {
        buf_append_char(buf, '/');
        buf_append(buf, name);
    }
}

struct span resource_text(const json_object *object, const char *key)
{
    return document_text(json_object_object_get(object, key)); /* NULL of what is no object */
}

const json_object *resource_metadata(const json_object *object)
{
    const json_object *metadata = json_object_object_get(object, "metadata");
    return json_object_is_type(metadata, json_type_object) ? metadata : NULL;
}
