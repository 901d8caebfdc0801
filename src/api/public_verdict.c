/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verdict is a copy in one block, so that its owner needs to know nothing of read sections, and
 * may keep it after the authenticator is gone. Struct, extras, pointers to texts, texts: what needs
 * the widest alignment comes first.
 */
#include "api/public_verdict.h"

#include <stdlib.h>
#include <string.h>

struct extra {
    const char *key;
    const char **values;
    size_t value_count;
};

struct kube_bearer_verdict {
    enum kube_bearer_result result;
    enum status why;
    const char *reason_text; /* static */
    const char *username;    /* these point behind the struct */
    const char *uid;
    const char *error;
    const char **groups;
    size_t group_count;
    struct extra *extras;
    size_t extra_count;
    const char **audiences;
    size_t audience_count;
};

/* Where the next of each goes. */
struct places {
    const char **slot;
    char *text;
};

static enum kube_bearer_result result_of(const struct decision *decision)
{
    switch (decision->result) {
    case DECISION_ALLOW:
        return KUBE_BEARER_ALLOW;
    case DECISION_ERROR:
    case DECISION_RESULT_COUNT_:
        return KUBE_BEARER_ERROR;
    case DECISION_DENY:
        break;
    }
    return KUBE_BEARER_DENY;
}

/* Is the audience at @i granted? Of a question with too many none is. */
static bool is_granted(const struct decision *decision, size_t i)
{
    return decision->result == DECISION_ALLOW && audience_set_has(&decision->granted, i);
}

static size_t count_granted(const struct decision *decision, const struct question *question)
{
    size_t count = 0;
    for (size_t i = 0; i < question->audience_count; i++) {
        count += is_granted(decision, i);
    }
    return count;
}

/* Of a decision that names no user there are none. */
static size_t group_count_of(const struct user *user)
{
    return user->groups ? user->groups->count : 0;
}

static size_t count_slots(const struct decision *decision, const struct question *question)
{
    size_t count = group_count_of(&decision->user) + count_granted(decision, question);
    for (size_t i = 0; i < decision->user.extra_count; i++) {
        count += decision->user.extras[i].value_count;
    }
    return count;
}

/* With their NULs. */
static size_t bytes_of_texts(const struct span *texts, size_t count)
{
    size_t bytes = count;
    for (size_t i = 0; i < count; i++) {
        bytes += texts[i].len;
    }
    return bytes;
}

static size_t text_bytes(const struct decision *decision, const struct question *question)
{
    const struct user *user = &decision->user;
    size_t bytes = user->name.len + 1 + user->uid.len + 1 + decision->error.len + 1;
    bytes += user->groups ? bytes_of_texts(user->groups->names, user->groups->count) : 0;
    for (size_t i = 0; i < user->extra_count; i++) {
        bytes += user->extras[i].key.len + 1;
        bytes += bytes_of_texts(user->extras[i].values, user->extras[i].value_count);
    }
    for (size_t i = 0; i < question->audience_count; i++) {
        bytes += is_granted(decision, i) ? question->audiences[i].len + 1 : 0;
    }
    return bytes;
}

static const char *put_text(struct places *places, struct span text)
{
    char *start = places->text;
    if (text.len) {
        memcpy(start, text.at, text.len);
    }
    start[text.len] = '\0';
    places->text += text.len + 1;
    return start;
}

static const char **put_texts(struct places *places, const struct span *texts, size_t count)
{
    const char **start = places->slot;
    for (size_t i = 0; i < count; i++) {
        *places->slot++ = put_text(places, texts[i]);
    }
    return start;
}

static void put_extras(struct places *places, const struct user *user, struct extra *extras)
{
    for (size_t i = 0; i < user->extra_count; i++) {
        const struct user_extra *from = &user->extras[i];
        extras[i].key = put_text(places, from->key);
        extras[i].values = put_texts(places, from->values, from->value_count);
        extras[i].value_count = from->value_count;
    }
}

struct kube_bearer_verdict *public_verdict_copy(const struct decision *decision,
                                                const struct question *question)
{
    const struct user *user = &decision->user;
    const size_t slots = count_slots(decision, question);
    struct kube_bearer_verdict *verdict =
        malloc(sizeof(*verdict) + user->extra_count * sizeof(struct extra) +
               slots * sizeof(const char *) + text_bytes(decision, question));
    if (!verdict) {
        return NULL;
    }
    struct extra *extras = (struct extra *)(verdict + 1);
    struct places places = { .slot = (const char **)(extras + user->extra_count) };
    places.text = (char *)(places.slot + slots);
    *verdict = (struct kube_bearer_verdict){
        .result = result_of(decision),
        .why = decision->why,
        .reason_text = decision->reason_text,
        .username = put_text(&places, user->name),
        .uid = put_text(&places, user->uid),
        .error = put_text(&places, decision->error),
        .group_count = group_count_of(user),
        .extras = extras,
        .extra_count = user->extra_count,
    };
    if (user->groups) {
        verdict->groups = put_texts(&places, user->groups->names, user->groups->count);
    }
    put_extras(&places, user, extras);
    verdict->audiences = places.slot;
    for (size_t i = 0; i < question->audience_count; i++) {
        if (is_granted(decision, i)) {
            (void)put_texts(&places, &question->audiences[i], 1); /* follows the last */
            verdict->audience_count++;
        }
    }
    return verdict;
}

void kube_bearer_verdict_free(struct kube_bearer_verdict *verdict)
{
    free(verdict);
}

enum kube_bearer_result kube_bearer_verdict_result(const struct kube_bearer_verdict *verdict)
{
    return verdict ? verdict->result : KUBE_BEARER_ERROR;
}

const char *kube_bearer_verdict_username(const struct kube_bearer_verdict *verdict)
{
    return verdict ? verdict->username : "";
}

const char *kube_bearer_verdict_uid(const struct kube_bearer_verdict *verdict)
{
    return verdict ? verdict->uid : "";
}

size_t kube_bearer_verdict_group_count(const struct kube_bearer_verdict *verdict)
{
    return verdict ? verdict->group_count : 0;
}

const char *kube_bearer_verdict_group(const struct kube_bearer_verdict *verdict, size_t index)
{
    return verdict && index < verdict->group_count ? verdict->groups[index] : NULL;
}

size_t kube_bearer_verdict_extra_count(const struct kube_bearer_verdict *verdict)
{
    return verdict ? verdict->extra_count : 0;
}

/* NULL for none. */
static const struct extra *extra_at(const struct kube_bearer_verdict *verdict, size_t index)
{
    return verdict && index < verdict->extra_count ? &verdict->extras[index] : NULL;
}

const char *kube_bearer_verdict_extra_key(const struct kube_bearer_verdict *verdict, size_t index)
{
    const struct extra *extra = extra_at(verdict, index);
    return extra ? extra->key : NULL;
}

size_t kube_bearer_verdict_extra_value_count(const struct kube_bearer_verdict *verdict,
                                             size_t index)
{
    const struct extra *extra = extra_at(verdict, index);
    return extra ? extra->value_count : 0;
}

const char *kube_bearer_verdict_extra_value(const struct kube_bearer_verdict *verdict,
                                            size_t index,
                                            size_t value_index)
{
    const struct extra *extra = extra_at(verdict, index);
    return extra && value_index < extra->value_count ? extra->values[value_index] : NULL;
}

size_t kube_bearer_verdict_audience_count(const struct kube_bearer_verdict *verdict)
{
    return verdict ? verdict->audience_count : 0;
}

const char *kube_bearer_verdict_audience(const struct kube_bearer_verdict *verdict, size_t index)
{
    return verdict && index < verdict->audience_count ? verdict->audiences[index] : NULL;
}

const char *kube_bearer_verdict_reason(const struct kube_bearer_verdict *verdict)
{
    return status_label(verdict ? verdict->why : ST_NOMEM);
}

const char *kube_bearer_verdict_reason_text(const struct kube_bearer_verdict *verdict)
{
    return verdict ? verdict->reason_text : status_text(ST_NOMEM);
}

const char *kube_bearer_verdict_error(const struct kube_bearer_verdict *verdict)
{
    return verdict ? verdict->error : "internal error";
}
