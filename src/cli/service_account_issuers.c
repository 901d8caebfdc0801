/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other clusters, entry by entry.
 *
 * An entry grants access to whoever holds another cluster's keys, so nothing in it is guessed:
 * members that nobody knows, null, and what has no effect in the company it is in are refused. What
 * separates clusters of one issuer name are keys, and what separates their users are prefixes: of
 * two that overlap, one cluster could speak for the other. No threads, no state.
 */
#include "cli/service_account_issuers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/operator_text.h"
#include "cli/suggest.h"
#include "kube/member.h"
#include "kube/names.h"

#define PATH_SHOWN_MAX 64 /* bytes with NUL of "serviceAccountIssuers[15].lookup" */

enum entry_member {
    ENTRY_NAME = 0,
    ENTRY_ISSUER,
    ENTRY_KEY_FILES,
    ENTRY_KEYS_URL,
    ENTRY_DISCOVERY,
    ENTRY_KUBECONFIG,
    ENTRY_CERTIFICATE_AUTHORITY,
    ENTRY_LOOKUP,
    ENTRY_USERNAME_PREFIX,
    ENTRY_GROUP_PREFIX,
    ENTRY_AUDIENCES,
    ENTRY_LEGACY,
    ENTRY_MEMBER_COUNT_
};

/* What is known of an entry while the list is read. */
struct reader {
    struct service_account_source *source;
    struct service_account_issuer *issuer; /* holds the source */
    struct member members[ENTRY_MEMBER_COUNT_];
    char path[PATH_SHOWN_MAX];
    char lookup_path[PATH_SHOWN_MAX];
    bool discovers;
    struct problem *problem;
};

typedef enum status read_fn(struct reader *reader, const struct member *member);

/* A member that an object may have. */
struct shape {
    const char *name;
    read_fn *read; /* of what is there; of what is required also when it is not */
    bool is_required;
};

static enum status refuse(struct reader *reader,
                          const struct member *member,
                          enum status status,
                          const char *text)
{
    return member_refuse(member, status, reader->problem, "%s", text);
}

static bool is_given(const struct reader *reader, enum entry_member id)
{
    return reader->members[id].node != NULL;
}

/* A text of one line; @expected is said when it is none. */
static enum status read_text(struct reader *reader,
                             const struct member *member,
                             const char *expected,
                             struct span *ret_text)
{
    const enum status status = member_require(member, json_type_string, expected, reader->problem);
    if (status != ST_OK) {
        return status;
    }
    const struct span text = member_text(member->node);
    if (!operator_text_is_plain(text)) {
        return member_refuse(member, ST_INVALID, reader->problem, "expected %s, in one line",
                             expected);
    }
    *ret_text = text;
    return ST_OK;
}

/* One that has a byte, too. */
static enum status read_some_text(struct reader *reader,
                                  const struct member *member,
                                  const char *expected,
                                  struct span *ret_text)
{
    struct span text = { 0 };
    const enum status status = read_text(reader, member, expected, &text);
    if (status != ST_OK) {
        return status;
    }
    if (text.len == 0) {
        return member_refuse(member, ST_INVALID, reader->problem,
                             "expected %s, found an empty string", expected);
    }
    *ret_text = text;
    return ST_OK;
}

static enum status read_path(struct reader *reader, const struct member *member, const char **ret)
{
    struct span text = { 0 };
    const enum status status = read_some_text(reader, member, "a path", &text);
    if (status == ST_OK) {
        *ret = text.at;
    }
    return status;
}

static enum status read_bool(struct reader *reader, const struct member *member, bool *ret)
{
    const enum status status =
        member_require(member, json_type_boolean, "true or false", reader->problem);
    if (status == ST_OK) {
        *ret = json_object_get_boolean(member->node);
    }
    return status;
}

/* A list of at least one and at most @max texts. */
static enum status read_texts(struct reader *reader,
                              const struct member *member,
                              const char *expected,
                              size_t max,
                              struct span *ret_items,
                              size_t *ret_count)
{
    enum status status = member_require(member, json_type_array, expected, reader->problem);
    if (status != ST_OK) {
        return status;
    }
    const size_t count = json_object_array_length(member->node);
    if (count == 0 || count > max) {
        return member_refuse(member, ST_LIMIT, reader->problem, "expected %s: from 1 to %zu",
                             expected, max);
    }
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        struct member item = *member;
        item.node = json_object_array_get_idx(member->node, i);
        status = read_some_text(reader, &item, expected, &ret_items[i]);
        if (status == ST_OK &&
            (ret_items[i].at[0] == ' ' || ret_items[i].at[ret_items[i].len - 1] == ' ')) {
            status = member_refuse(&item, ST_INVALID, reader->problem,
                                   "expected %s, without blanks around one", expected);
        }
    }
    if (status == ST_OK) {
        *ret_count = count;
    }
    return status;
}

static enum status read_name(struct reader *reader, const struct member *member)
{
    static const char expected[] = "a name of a-z, 0-9 and inner -, at most 63 bytes";
    const enum status status = read_text(reader, member, expected, &reader->source->name);
    return status != ST_OK || name_is_dns_label(reader->source->name)
               ? status
               : member_refuse(member, ST_INVALID, reader->problem, "expected %s", expected);
}

static enum status read_issuer(struct reader *reader, const struct member *member)
{
    const enum status status =
        read_some_text(reader, member, "what iss of its tokens is", &reader->issuer->issuer);
    if (status == ST_OK &&
        span_equal(reader->issuer->issuer, SPAN_LITERAL(SERVICE_ACCOUNT_LEGACY_ISSUER))) {
        return refuse(reader, member, ST_INVALID,
                      SERVICE_ACCOUNT_LEGACY_ISSUER
                      " is what all clusters' legacy tokens have; expected the cluster's own, and "
                      "legacy: true");
    }
    return status;
}

static enum status read_key_files(struct reader *reader, const struct member *member)
{
    struct span files[SERVICE_ACCOUNT_KEY_FILES_MAX];
    size_t count = 0;
    const enum status status =
        read_texts(reader, member, "a list of paths", COUNTOF(files), files, &count);
    for (size_t i = 0; i < count; i++) {
        reader->issuer->key_files[i] = files[i].at;
    }
    reader->source->key_file_count = count;
    return status;
}

static enum status read_keys_url(struct reader *reader, const struct member *member)
{
    static const char expected[] =
        "a URL that begins with https://, without user name and fragment";
    struct span text = SPAN_LITERAL("");
    enum status status = read_some_text(reader, member, expected, &text);
    if (status == ST_OK) {
        reader->source->keys_url = text.at;
        status = operator_text_check_https(text.at, true);
        if (status == ST_INVALID) {
            return member_refuse(member, status, reader->problem, "expected %s", expected);
        }
    }
    return status;
}

static enum status read_discovery(struct reader *reader, const struct member *member)
{
    return read_bool(reader, member, &reader->discovers);
}

static enum status read_kubeconfig(struct reader *reader, const struct member *member)
{
    return read_path(reader, member, &reader->source->kubeconfig);
}

static enum status read_certificate_authority(struct reader *reader, const struct member *member)
{
    return read_path(reader, member, &reader->source->certificate_authority);
}

static enum status read_pods(struct reader *reader, const struct member *member)
{
    return read_bool(reader, member, &reader->source->lookup.follows_pods);
}

static enum status read_nodes(struct reader *reader, const struct member *member)
{
    return read_bool(reader, member, &reader->source->lookup.follows_nodes);
}

static enum status read_secrets(struct reader *reader, const struct member *member)
{
    static const char expected[] = "one of none, tokens, all";
    static const char *const names[] = {
        [SERVICE_ACCOUNT_SECRETS_NONE] = "none",
        [SERVICE_ACCOUNT_SECRETS_TOKENS] = "tokens",
        [SERVICE_ACCOUNT_SECRETS_ALL] = "all",
    };
    struct span text = { 0 };
    const enum status status = read_text(reader, member, expected, &text);
    if (status != ST_OK) {
        return status;
    }
    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (span_equal(text, span_of(names[i]))) {
            reader->source->lookup.secrets = (enum service_account_secrets)i;
            return ST_OK;
        }
    }
    return member_refuse(member, ST_INVALID, reader->problem, "expected %s", expected);
}

static enum status read_members(struct reader *reader,
                                json_object *object,
                                const char *path,
                                const struct shape *shapes,
                                size_t count,
                                struct member *ret_members);

static enum status read_lookup(struct reader *reader, const struct member *member)
{
    static const struct shape shapes[] = {
        { "pods", read_pods, false },
        { "nodes", read_nodes, false },
        { "secrets", read_secrets, false },
    };
    struct member members[COUNTOF(shapes)];
    if (json_object_is_type(member->node, json_type_boolean) &&
        !json_object_get_boolean(member->node)) {
        reader->source->lookup = (struct service_account_lookup){ 0 };
        return ST_OK;
    }
    const enum status status =
        member_require(member, json_type_object, "an object with pods, nodes and secrets, or false",
                       reader->problem);
    return status == ST_OK ? read_members(reader, member->node, reader->lookup_path, shapes,
                                          COUNTOF(shapes), members)
                           : status;
}

static enum status read_prefix(struct reader *reader,
                               const struct member *member,
                               struct span *ret_prefix)
{
    const enum status status = read_text(reader, member, "a prefix; \"\" for none", ret_prefix);
    if (status != ST_OK) {
        return status;
    }
    if (span_starts_with(*ret_prefix, SPAN_LITERAL("system:"))) {
        return refuse(reader, member, ST_INVALID,
                      "expected a prefix that does not begin with system:");
    }
    return ret_prefix->len <= SERVICE_ACCOUNT_PREFIX_MAX
               ? ST_OK
               : member_refuse(member, ST_LIMIT, reader->problem,
                               "expected a prefix of at most %d bytes", SERVICE_ACCOUNT_PREFIX_MAX);
}

static enum status read_username_prefix(struct reader *reader, const struct member *member)
{
    return read_prefix(reader, member, &reader->source->username_prefix);
}

static enum status read_group_prefix(struct reader *reader, const struct member *member)
{
    return read_prefix(reader, member, &reader->source->group_prefix);
}

static enum status read_audiences(struct reader *reader, const struct member *member)
{
    return read_texts(reader, member, "a list of audiences", COUNTOF(reader->issuer->audiences),
                      reader->issuer->audiences, &reader->source->audience_count);
}

static enum status read_legacy(struct reader *reader, const struct member *member)
{
    bool is_answered = false;
    const enum status status = read_bool(reader, member, &is_answered);
    reader->source->legacy =
        is_answered ? SERVICE_ACCOUNT_LEGACY_LOOKED_UP : SERVICE_ACCOUNT_LEGACY_REFUSED;
    return status;
}

static const struct shape entry_shapes[ENTRY_MEMBER_COUNT_] = {
    [ENTRY_NAME] = { "name", read_name, true },
    [ENTRY_ISSUER] = { "issuer", read_issuer, true },
    [ENTRY_KEY_FILES] = { "keyFiles", read_key_files, false },
    [ENTRY_KEYS_URL] = { "keysURL", read_keys_url, false },
    [ENTRY_DISCOVERY] = { "discovery", read_discovery, false },
    [ENTRY_KUBECONFIG] = { "kubeconfig", read_kubeconfig, false },
    [ENTRY_CERTIFICATE_AUTHORITY] = { "certificateAuthority", read_certificate_authority, false },
    [ENTRY_LOOKUP] = { "lookup", read_lookup, false },
    [ENTRY_USERNAME_PREFIX] = { "usernamePrefix", read_username_prefix, true },
    [ENTRY_GROUP_PREFIX] = { "groupPrefix", read_group_prefix, true },
    [ENTRY_AUDIENCES] = { "audiences", read_audiences, true },
    [ENTRY_LEGACY] = { "legacy", read_legacy, false },
};

static enum status refuse_unknown(struct reader *reader,
                                  const struct member *member,
                                  const struct shape *shapes,
                                  size_t count)
{
    unsigned line, column;
    const struct span key = span_of(member->key);
    struct suggest suggest;
    document_position(member->node ? member->node : member->parent, &line, &column);
    if (!suggest_is_quotable(key)) {
        problem_set(reader->problem, ST_NOT_FOUND, line, column, "%s: a member is not known",
                    member->path);
        return ST_NOT_FOUND;
    }
    suggest_begin(&suggest, key);
    for (size_t i = 0; i < count; i++) {
        suggest_offer(&suggest, shapes[i].name);
    }
    const char *const best = suggest_best(&suggest);
    problem_set(reader->problem, ST_NOT_FOUND, line, column, "%s: unknown member %s%s%s%s",
                member->path, member->key, best ? "; did you mean " : "", best ? best : "",
                best ? "?" : "");
    return ST_NOT_FOUND;
}

/* Read each member of @object that @shapes has; @ret_members has @count, too. */
static enum status read_members(struct reader *reader,
                                json_object *object,
                                const char *path,
                                const struct shape *shapes,
                                size_t count,
                                struct member *ret_members)
{
    enum status status = ST_OK;
    struct json_object_iterator at = json_object_iter_begin(object);
    const struct json_object_iterator end = json_object_iter_end(object);
    for (; status == ST_OK && !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const struct member member = { object, path, json_object_iter_peek_name(&at),
                                       json_object_iter_peek_value(&at) };
        size_t i = 0;
        while (i < count && strcmp(shapes[i].name, member.key) != 0) {
            i++;
        }
        status = i < count ? shapes[i].read(reader, &member)
                           : refuse_unknown(reader, &member, shapes, count);
    }
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        ret_members[i] = member_of(object, path, shapes[i].name);
        if (shapes[i].is_required && !ret_members[i].node) {
            status = shapes[i].read(reader, &ret_members[i]);
        }
    }
    return status;
}

/* The entry itself, for what is missing in it. */
static enum status refuse_entry(struct reader *reader,
                                const json_object *entry,
                                enum status status,
                                const char *text)
{
    unsigned line, column;
    document_position(entry, &line, &column);
    problem_set(reader->problem, status, line, column, "%s: %s", reader->path, text);
    return status;
}

static enum status check_keys(struct reader *reader, const json_object *entry)
{
    static const struct {
        enum entry_member id;
        enum service_account_keys keys;
    } ways[] = {
        { ENTRY_KEY_FILES, SERVICE_ACCOUNT_KEYS_FILES },
        { ENTRY_KEYS_URL, SERVICE_ACCOUNT_KEYS_URL },
        { ENTRY_DISCOVERY, SERVICE_ACCOUNT_KEYS_DISCOVERY },
    };
    struct service_account_source *const source = reader->source;
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        if (!is_given(reader, ways[i].id) ||
            (ways[i].id == ENTRY_DISCOVERY && !reader->discovers)) {
            continue;
        }
        if (source->keys != SERVICE_ACCOUNT_KEYS_NONE) {
            return refuse(reader, &reader->members[ways[i].id], ST_INVALID,
                          "expected one of keyFiles, keysURL and discovery: true, not two");
        }
        source->keys = ways[i].keys;
    }
    if (source->keys == SERVICE_ACCOUNT_KEYS_NONE && source->kubeconfig) {
        source->keys = SERVICE_ACCOUNT_KEYS_API_SERVER;
    }
    return source->keys != SERVICE_ACCOUNT_KEYS_NONE
               ? ST_OK
               : refuse_entry(reader, entry, ST_INVALID,
                              "expected keyFiles, keysURL, discovery: true or kubeconfig: where "
                              "the issuer's keys are");
}

static enum status check_discovery(struct reader *reader)
{
    if (reader->source->keys != SERVICE_ACCOUNT_KEYS_DISCOVERY) {
        return ST_OK;
    }
    const enum status status = operator_text_check_https(reader->issuer->issuer.at, false);
    return status != ST_INVALID
               ? status
               : refuse(reader, &reader->members[ENTRY_DISCOVERY], status,
                        "needs an issuer that is a URL: https://, without user name, query and "
                        "fragment");
}

static enum status check_certificate_authority(struct reader *reader)
{
    const enum service_account_keys keys = reader->source->keys;
    return !reader->source->certificate_authority || keys == SERVICE_ACCOUNT_KEYS_URL ||
                   keys == SERVICE_ACCOUNT_KEYS_DISCOVERY
               ? ST_OK
               : refuse(reader, &reader->members[ENTRY_CERTIFICATE_AUTHORITY], ST_INVALID,
                        "needs keysURL or discovery: true; a kubeconfig has its own");
}

static enum status check_lookup(struct reader *reader, const json_object *entry)
{
    const struct service_account_source *const source = reader->source;
    if (source->lookup.is_on && !source->kubeconfig) {
        return refuse_entry(reader, entry, ST_INVALID,
                            "expected kubeconfig, of the API server where references of tokens are "
                            "looked up, or lookup: false");
    }
    if (!source->lookup.is_on && source->kubeconfig &&
        source->keys != SERVICE_ACCOUNT_KEYS_API_SERVER) {
        return refuse(reader, &reader->members[ENTRY_KUBECONFIG], ST_INVALID,
                      "has no use with lookup: false and keys from elsewhere");
    }
    return ST_OK;
}

static enum status check_legacy(struct reader *reader)
{
    const struct service_account_lookup *const lookup = &reader->source->lookup;
    if (reader->source->legacy == SERVICE_ACCOUNT_LEGACY_REFUSED) {
        return ST_OK;
    }
    return lookup->is_on && lookup->secrets != SERVICE_ACCOUNT_SECRETS_NONE
               ? ST_OK
               : refuse(reader, &reader->members[ENTRY_LEGACY], ST_INVALID,
                        "legacy tokens have no end and must be looked up; expected lookup with "
                        "secrets: tokens or all");
}

static enum status check_prefixes(struct reader *reader)
{
    const bool has_user = reader->source->username_prefix.len > 0;
    const bool has_group = reader->source->group_prefix.len > 0;
    return has_user == has_group
               ? ST_OK
               : refuse(reader,
                        &reader->members[has_user ? ENTRY_GROUP_PREFIX : ENTRY_USERNAME_PREFIX],
                        ST_INVALID, "expected a prefix, or none with both");
}

static enum status check_entry(struct reader *reader, const json_object *entry)
{
    enum status status = check_keys(reader, entry);
    if (status == ST_OK) {
        status = check_discovery(reader);
    }
    if (status == ST_OK) {
        status = check_certificate_authority(reader);
    }
    if (status == ST_OK) {
        status = check_lookup(reader, entry);
    }
    if (status == ST_OK) {
        status = check_legacy(reader);
    }
    return status == ST_OK ? check_prefixes(reader) : status;
}

static enum status read_entry(struct reader *reader, json_object *entry)
{
    struct service_account_issuer *const issuer = reader->issuer;
    unsigned line, column;
    document_position(entry, &line, &column);
    if (!json_object_is_type(entry, json_type_object)) {
        problem_set(
            reader->problem, ST_TYPE, line, column,
            "%s: expected an object with name, issuer and more; issuers of this cluster are "
            "serviceAccountIssuer",
            reader->path);
        return ST_TYPE;
    }
    issuer->place = (struct document_place){ line, column };
    issuer->source = (struct service_account_source){
        .issuers = &issuer->issuer,
        .issuer_count = 1,
        .audiences = issuer->audiences,
        .key_files = issuer->key_files,
        .lookup = { true, true, true, SERVICE_ACCOUNT_SECRETS_TOKENS },
    };
    const enum status status = read_members(reader, entry, reader->path, entry_shapes,
                                            ENTRY_MEMBER_COUNT_, reader->members);
    return status == ST_OK ? check_entry(reader, entry) : status;
}

static bool overlap(struct span a, struct span b)
{
    return a.len > 0 && b.len > 0 && (span_starts_with(a, b) || span_starts_with(b, a));
}

static bool share_key_file(const struct service_account_source *a,
                           const struct service_account_source *b)
{
    for (size_t i = 0; i < a->key_file_count; i++) {
        for (size_t j = 0; j < b->key_file_count; j++) {
            if (strcmp(a->key_files[i], b->key_files[j]) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Of one issuer and with the same keys, the later entry would never be asked. Keys that are the
 * same behind different names come to light when they are read. */
static bool share_keys(const struct service_account_source *a,
                       const struct service_account_source *b)
{
    if (a->keys != b->keys || !span_equal(a->issuers[0], b->issuers[0])) {
        return false;
    }
    switch (a->keys) {
    case SERVICE_ACCOUNT_KEYS_FILES:
        return share_key_file(a, b);
    case SERVICE_ACCOUNT_KEYS_URL:
        return strcmp(a->keys_url, b->keys_url) == 0;
    case SERVICE_ACCOUNT_KEYS_DISCOVERY:
        return true;
    case SERVICE_ACCOUNT_KEYS_API_SERVER:
        return strcmp(a->kubeconfig, b->kubeconfig) == 0;
    case SERVICE_ACCOUNT_KEYS_NONE:
        break;
    }
    return false;
}

/* The member that says where the keys are. */
static enum entry_member member_of_keys(enum service_account_keys keys)
{
    switch (keys) {
    case SERVICE_ACCOUNT_KEYS_FILES:
        return ENTRY_KEY_FILES;
    case SERVICE_ACCOUNT_KEYS_URL:
        return ENTRY_KEYS_URL;
    case SERVICE_ACCOUNT_KEYS_DISCOVERY:
        return ENTRY_DISCOVERY;
    case SERVICE_ACCOUNT_KEYS_API_SERVER:
    case SERVICE_ACCOUNT_KEYS_NONE:
        break;
    }
    return ENTRY_KUBECONFIG;
}

static enum status refuse_beside(struct reader *reader,
                                 const struct reader *other,
                                 enum entry_member id,
                                 enum status status,
                                 const char *expected)
{
    return member_refuse(&reader->members[id], status, reader->problem, "expected %s %s", expected,
                         other->path);
}

static enum status check_beside(struct reader *reader, const struct reader *other)
{
    const struct service_account_source *const a = reader->source;
    const struct service_account_source *const b = other->source;
    if (span_equal(a->name, b->name)) {
        return refuse_beside(reader, other, ENTRY_NAME, ST_DUPLICATE, "another name than that of");
    }
    if (a->username_prefix.len == 0 && b->username_prefix.len == 0) {
        return refuse_beside(reader, other, ENTRY_USERNAME_PREFIX, ST_INVALID,
                             "a prefix: one entry may be without, and that is");
    }
    if (overlap(a->username_prefix, b->username_prefix)) {
        return refuse_beside(reader, other, ENTRY_USERNAME_PREFIX, ST_INVALID,
                             "a prefix that neither begins nor continues that of");
    }
    if (overlap(a->group_prefix, b->group_prefix)) {
        return refuse_beside(reader, other, ENTRY_GROUP_PREFIX, ST_INVALID,
                             "a prefix that neither begins nor continues that of");
    }
    return share_keys(a, b) ? refuse_beside(reader, other, member_of_keys(a->keys), ST_INVALID,
                                            "keys of its own: the issuer has the same ones in")
                            : ST_OK;
}

static enum status read_list(json_object *list,
                             struct service_account_issuers *issuers,
                             struct problem *reterr_problem)
{
    struct reader readers[SERVICE_ACCOUNT_OTHERS_MAX];
    enum status status = ST_OK;
    for (size_t i = 0; i < issuers->count && status == ST_OK; i++) {
        struct reader *const reader = &readers[i];
        *reader = (struct reader){
            .source = &issuers->items[i].source,
            .issuer = &issuers->items[i],
            .problem = reterr_problem,
        };
        (void)snprintf(reader->path, sizeof(reader->path), SERVICE_ACCOUNT_ISSUERS "[%zu]", i);
        (void)snprintf(reader->lookup_path, sizeof(reader->lookup_path),
                       SERVICE_ACCOUNT_ISSUERS "[%zu].lookup", i);
        json_object *const entry = json_object_array_get_idx(list, i);
        if (!entry) { /* null has no place of its own */
            return refuse_entry(reader, list, ST_TYPE, "expected an object, found nothing");
        }
        status = read_entry(reader, entry);
        for (size_t j = 0; j < i && status == ST_OK; j++) {
            status = check_beside(reader, &readers[j]);
        }
    }
    return status;
}

enum status service_account_issuers_parse(json_object *list,
                                          struct service_account_issuers **ret_issuers,
                                          struct problem *reterr_problem)
{
    unsigned line, column;
    document_position(list, &line, &column);
    if (!json_object_is_type(list, json_type_array)) {
        problem_set(reterr_problem, ST_TYPE, line, column,
                    SERVICE_ACCOUNT_ISSUERS ": expected a list of objects");
        return ST_TYPE;
    }
    const size_t count = json_object_array_length(list);
    if (count > SERVICE_ACCOUNT_OTHERS_MAX) {
        problem_set(reterr_problem, ST_LIMIT, line, column,
                    SERVICE_ACCOUNT_ISSUERS ": expected at most %d entries",
                    SERVICE_ACCOUNT_OTHERS_MAX);
        return ST_LIMIT;
    }
    if (count == 0) {
        *ret_issuers = NULL;
        return ST_OK;
    }
    struct service_account_issuers *issuers =
        calloc(1, sizeof(*issuers) + count * sizeof(issuers->items[0]));
    if (!issuers) {
        return ST_NOMEM;
    }
    issuers->tree = json_object_get(list);
    issuers->count = count;
    const enum status status = read_list(list, issuers, reterr_problem);
    if (status != ST_OK) {
        issuers = service_account_issuers_free(issuers);
        return status;
    }
    *ret_issuers = issuers;
    return ST_OK;
}

struct service_account_issuers *service_account_issuers_free(
    struct service_account_issuers *issuers)
{
    if (issuers) {
        (void)json_object_put(issuers->tree);
        free(issuers);
    }
    return NULL;
}
