/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table, two descriptions of it. Texts are our own rows. No threads, no state.
 *
 * Paths stand in v3 only, and without the query parameters that other API servers take: of v2
 * clients read the definitions. That no PATCH is described is what makes kubectl check a manifest
 * itself: this server reads a review as kube-apiserver's webhook client needs it, and ignores
 * members that it does not know.
 */
#include "kube/openapi.h"

#include <stdint.h>

#include <sodium.h>

#define HASH_BYTES 16

/* --- v3, JSON --- */

static void append_ref(struct buf *buf,
                       const struct schema *schema,
                       const struct api_resource *resource)
{
    buf_append_text(buf, "{\"$ref\":\"#/components/schemas/");
    schema_append_name(buf, schema, resource);
    buf_append_text(buf, "\"}");
}

static const char *json_of_type(enum schema_type type)
{
    switch (type) {
    case SCHEMA_BOOLEAN:
        return "\"type\":\"boolean\"";
    case SCHEMA_INTEGER:
        return "\"type\":\"integer\",\"format\":\"int64\"";
    case SCHEMA_TIME:
        return "\"type\":\"string\",\"format\":\"date-time\"";
    case SCHEMA_STRINGS:
        return "\"type\":\"array\",\"items\":{\"type\":\"string\"}";
    case SCHEMA_STRING_MAP:
        return "\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}";
    case SCHEMA_STRINGS_MAP:
        return "\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\",\"items\":{"
               "\"type\":\"string\"}}";
    case SCHEMA_ANY_OBJECTS:
        return "\"type\":\"array\",\"items\":{\"type\":\"object\"}";
    case SCHEMA_OBJECT:
    case SCHEMA_STRING:
        break;
    }
    return "\"type\":\"string\"";
}

static void append_member(struct buf *buf,
                          const struct schema_member *member,
                          const struct api_resource *resource)
{
    buf_printf(buf, "\"%s\":{\"description\":\"%s\",", member->name, member->description);
    if (member->type == SCHEMA_OBJECT) {
        buf_append_text(buf, "\"allOf\":[");
        append_ref(buf, member->object, resource);
        buf_append_char(buf, ']');
    } else {
        buf_append_text(buf, json_of_type(member->type));
    }
    buf_append_char(buf, '}');
}

/* `{"group":…,"version":…,"kind":…}` */
static void append_kind(struct buf *buf, const struct api_resource *resource)
{
    buf_printf(buf, "{\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"}", resource->group,
               resource->version, resource->kind);
}

static void append_required(struct buf *buf, const struct schema *schema)
{
    size_t count = 0;
    for (size_t i = 0; i < schema->member_count; i++) {
        if (schema->members[i].is_required) {
            buf_printf(buf, "%s\"%s\"", count++ > 0 ? "," : ",\"required\":[",
                       schema->members[i].name);
        }
    }
    buf_append_text(buf, count > 0 ? "]" : "");
}

static void append_schema(struct buf *buf,
                          const struct schema *schema,
                          const struct api_resource *resource)
{
    buf_append_char(buf, '"');
    schema_append_name(buf, schema, resource);
    buf_printf(buf, "\":{\"type\":\"object\",\"description\":\"%s\"", schema->description);
    append_required(buf, schema);
    buf_append_text(buf, ",\"properties\":{");
    for (size_t i = 0; i < schema->member_count; i++) {
        buf_append_text(buf, i > 0 ? "," : "");
        append_member(buf, &schema->members[i], resource);
    }
    buf_append_char(buf, '}');
    if (schema == resource->schemas[0]) {
        buf_append_text(buf, ",\"x-kubernetes-group-version-kind\":[");
        append_kind(buf, resource);
        buf_append_char(buf, ']');
    }
    buf_append_char(buf, '}');
}

/* Only what is created has a path of its own kind so far; a collection that is also listed adds its
 * methods here. */
static void append_path(struct buf *buf, const struct api_resource *resource)
{
    const struct schema *const own = resource->schemas[0];
    buf_printf(buf,
               "\"/apis/%s/%s/%s\":{\"post\":{\"description\":\"create a %s\",\"requestBody\":{"
               "\"required\":true,\"content\":{\"application/json\":{\"schema\":",
               resource->group, resource->version, resource->plural, resource->kind);
    append_ref(buf, own, resource);
    buf_append_text(buf, "},\"application/vnd.kubernetes.protobuf\":{\"schema\":");
    append_ref(buf, own, resource);
    buf_append_text(buf, "}}},\"responses\":{\"200\":{\"description\":\"OK\",\"content\":{"
                         "\"application/json\":{\"schema\":");
    append_ref(buf, own, resource);
    buf_append_text(buf, "}}}},\"x-kubernetes-action\":\"post\","
                         "\"x-kubernetes-group-version-kind\":");
    append_kind(buf, resource);
    buf_append_text(buf, "}}");
}

/* Has an earlier resource of the same version described @schema? */
static bool is_described(struct api_resources resources,
                         size_t first,
                         size_t end,
                         const struct schema *schema)
{
    for (size_t i = first; i < end; i++) {
        for (size_t k = 0; resources.rows[i].schemas[k]; k++) {
            if (resources.rows[i].schemas[k] == schema) {
                return true;
            }
        }
    }
    return false;
}

void openapi_v3(struct buf *buf, struct api_resources resources, size_t first, const char *version)
{
    const struct api_resource *const of = &resources.rows[first];
    size_t end = first;
    buf_printf(buf,
               "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"kube-bearer\",\"version\":\"%s\"},"
               "\"paths\":{",
               version);
    for (; end < resources.count && api_resource_is_of(of, &resources.rows[end]); end++) {
        buf_append_text(buf, end > first ? "," : "");
        append_path(buf, &resources.rows[end]);
    }
    buf_append_text(buf, "},\"components\":{\"schemas\":{");
    bool is_first = true;
    for (size_t i = first; i < end; i++) {
        const struct schema *const *const schemas = resources.rows[i].schemas;
        for (size_t k = 0; schemas[k]; k++) {
            if (!is_described(resources, first, i, schemas[k])) {
                buf_append_text(buf, is_first ? "" : ",");
                append_schema(buf, schemas[k], &resources.rows[i]);
                is_first = false;
            }
        }
    }
    buf_append_text(buf, "}}}");
}

void openapi_v3_index(struct buf *buf, const struct api_resource *resource, struct span document)
{
    unsigned char hash[HASH_BYTES];
    char hex[2 * HASH_BYTES + 1];
    (void)crypto_generichash(hash, sizeof(hash), (const unsigned char *)document.at, document.len,
                             NULL, 0); /* cannot fail with these sizes */
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    buf_printf(buf, "\"apis/%s/%s\":{\"serverRelativeURL\":\"/openapi/v3/apis/%s/%s?hash=%s\"}",
               resource->group, resource->version, resource->group, resource->version, hex);
}

/* --- v2, protobuf --- */

/* Fields of gnostic's OpenAPIv2.proto. */
enum {
    DOCUMENT_SWAGGER = 1,
    DOCUMENT_INFO = 2,
    DOCUMENT_PATHS = 8,
    DOCUMENT_DEFINITIONS = 9,
    INFO_TITLE = 1,
    INFO_VERSION = 2,
    NAMED_NAME = 1, /* NamedSchema, NamedAny */
    NAMED_VALUE = 2,
    LIST_ITEM = 1, /* Definitions, Properties, ItemsItem, TypeItem, AdditionalPropertiesItem */
    ANY_YAML = 2,
    SCHEMA_REF = 1,
    SCHEMA_FORMAT = 2,
    SCHEMA_DESCRIPTION = 4,
    SCHEMA_REQUIRED = 19,
    SCHEMA_ADDITIONAL = 21,
    SCHEMA_TYPE = 22,
    SCHEMA_ITEMS = 23,
    SCHEMA_PROPERTIES = 25,
    SCHEMA_EXTENSION = 31,
};

static void put_varint(struct buf *buf, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        buf_append_char(buf, (char)(value | 0x80));
    }
    buf_append_char(buf, (char)value);
}

static void put_bytes(struct buf *buf, unsigned field, struct span bytes)
{
    put_varint(buf, (uint64_t)field << 3 | 2);
    put_varint(buf, bytes.len);
    buf_append(buf, bytes);
}

static void put_text(struct buf *buf, unsigned field, const char *text)
{
    put_bytes(buf, field, span_of(text));
}

/* A message inside another: it is made apart, since its length stands in front. @message is empty
 * afterwards. */
static void put_message(struct buf *buf, unsigned field, struct buf *message)
{
    buf->failed = buf->failed || message->failed;
    put_bytes(buf, field, buf_span(message));
    buf_fini(message);
}

static void put_type(struct buf *schema, const char *name)
{
    struct buf type = { 0 };
    put_text(&type, LIST_ITEM, name);
    put_message(schema, SCHEMA_TYPE, &type);
}

/* Of a list what its items are, of an object what its values are. */
static void put_inner(struct buf *schema, unsigned field, const char *type)
{
    struct buf list = { 0 };
    struct buf inner = { 0 };
    put_type(&inner, type);
    put_message(&list, LIST_ITEM, &inner);
    put_message(schema, field, &list);
}

static void put_strings_map(struct buf *schema)
{
    struct buf additional = { 0 };
    struct buf inner = { 0 };
    put_type(&inner, "array");
    put_inner(&inner, SCHEMA_ITEMS, "string");
    put_message(&additional, LIST_ITEM, &inner);
    put_message(schema, SCHEMA_ADDITIONAL, &additional);
}

static void put_reference(struct buf *schema,
                          const struct schema *object,
                          const struct api_resource *resource)
{
    struct buf name = { 0 };
    buf_append_text(&name, "#/definitions/");
    schema_append_name(&name, object, resource);
    put_message(schema, SCHEMA_REF, &name);
}

static void put_member_type(struct buf *schema,
                            const struct schema_member *member,
                            const struct api_resource *resource)
{
    switch (member->type) {
    case SCHEMA_STRING:
        put_type(schema, "string");
        break;
    case SCHEMA_BOOLEAN:
        put_type(schema, "boolean");
        break;
    case SCHEMA_INTEGER:
        put_type(schema, "integer");
        put_text(schema, SCHEMA_FORMAT, "int64");
        break;
    case SCHEMA_TIME:
        put_type(schema, "string");
        put_text(schema, SCHEMA_FORMAT, "date-time");
        break;
    case SCHEMA_STRINGS:
        put_type(schema, "array");
        put_inner(schema, SCHEMA_ITEMS, "string");
        break;
    case SCHEMA_STRING_MAP:
        put_type(schema, "object");
        put_inner(schema, SCHEMA_ADDITIONAL, "string");
        break;
    case SCHEMA_STRINGS_MAP:
        put_type(schema, "object");
        put_strings_map(schema);
        break;
    case SCHEMA_OBJECT:
        put_reference(schema, member->object, resource);
        break;
    case SCHEMA_ANY_OBJECTS:
        put_type(schema, "array");
        put_inner(schema, SCHEMA_ITEMS, "object");
        break;
    }
}

/* NamedSchema. */
static void put_named(struct buf *list, const char *name, struct buf *schema)
{
    struct buf named = { 0 };
    put_text(&named, NAMED_NAME, name);
    put_message(&named, NAMED_VALUE, schema);
    put_message(list, LIST_ITEM, &named);
}

static void put_properties(struct buf *definition,
                           const struct schema *schema,
                           const struct api_resource *resource)
{
    struct buf properties = { 0 };
    for (size_t i = 0; i < schema->member_count; i++) {
        const struct schema_member *const member = &schema->members[i];
        struct buf property = { 0 };
        put_text(&property, SCHEMA_DESCRIPTION, member->description);
        put_member_type(&property, member, resource);
        put_named(&properties, member->name, &property);
    }
    put_message(definition, SCHEMA_PROPERTIES, &properties);
}

static void put_kind(struct buf *definition, const struct api_resource *resource)
{
    struct buf named = { 0 };
    struct buf any = { 0 };
    struct buf yaml = { 0 };
    buf_append_char(&yaml, '[');
    append_kind(&yaml, resource); /* JSON is YAML */
    buf_append_char(&yaml, ']');
    put_message(&any, ANY_YAML, &yaml);
    put_text(&named, NAMED_NAME, "x-kubernetes-group-version-kind");
    put_message(&named, NAMED_VALUE, &any);
    put_message(definition, SCHEMA_EXTENSION, &named);
}

static void put_definition(struct buf *definitions,
                           const struct schema *schema,
                           const struct api_resource *resource)
{
    struct buf definition = { 0 };
    struct buf name = { 0 };
    put_type(&definition, "object");
    put_text(&definition, SCHEMA_DESCRIPTION, schema->description);
    for (size_t i = 0; i < schema->member_count; i++) {
        if (schema->members[i].is_required) {
            put_text(&definition, SCHEMA_REQUIRED, schema->members[i].name);
        }
    }
    put_properties(&definition, schema, resource);
    if (schema == resource->schemas[0]) {
        put_kind(&definition, resource);
    }
    schema_append_name(&name, schema, resource);
    buf_append_char(&name, '\0');
    if (name.failed) {
        definitions->failed = true;
        buf_fini(&definition);
    } else {
        put_named(definitions, name.at, &definition);
    }
    buf_fini(&name);
}

/* Of all versions together a schema with a package of its own is described once. */
static bool is_defined(struct api_resources resources, size_t row, const struct schema *schema)
{
    size_t first = row;
    while (first > 0 && api_resource_is_of(&resources.rows[first - 1], &resources.rows[row])) {
        first--;
    }
    return is_described(resources, schema->package ? 0 : first, row, schema);
}

void openapi_v2(struct buf *buf, struct api_resources resources, const char *version)
{
    struct buf info = { 0 };
    struct buf definitions = { 0 };
    put_text(buf, DOCUMENT_SWAGGER, "2.0");
    put_text(&info, INFO_TITLE, "kube-bearer");
    put_text(&info, INFO_VERSION, version);
    put_message(buf, DOCUMENT_INFO, &info);
    put_text(buf, DOCUMENT_PATHS, "");
    for (size_t i = 0; i < resources.count; i++) {
        const struct schema *const *const schemas = resources.rows[i].schemas;
        for (size_t k = 0; schemas[k]; k++) {
            if (!is_defined(resources, i, schemas[k])) {
                put_definition(&definitions, schemas[k], &resources.rows[i]);
            }
        }
    }
    put_message(buf, DOCUMENT_DEFINITIONS, &definitions);
}
