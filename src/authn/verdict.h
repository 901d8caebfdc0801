/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The words of authentication: a question goes in, authenticators conclude verdicts, authn/decide.c
 * alone turns a verdict into a decision. All-zero denies everywhere.
 *
 * Everything a verdict or a decision points at lives until the reader leaves the RCU read section
 * it asked in, and wipes its scratch or asks with it again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authn/scratch.h"
#include "base/clock.h"
#include "base/span.h"
#include "base/status.h"
#include "kube/audience_set.h"
#include "kube/user_info.h"

/* clang-format off */
/* The families of tokens, in the order in which they are asked: id, label (stable), and the struct
 * token_family_ops that authn/families/token_families.c takes. */
#define TOKEN_FAMILY_TABLE(X)                               \
    X(AUTHENTICATOR_BOOTSTRAP, "bootstrap", &bootstrap_ops) \
    X(AUTHENTICATOR_SERVICE_ACCOUNT, "service_account", &service_account_ops)
/* clang-format on */

enum authenticator_id {
    AUTHENTICATOR_NONE = 0, /* refused before any family was asked */
#define X(name, label, ops) name,
    TOKEN_FAMILY_TABLE(X)
#undef X
        AUTHENTICATOR_COUNT_
};

/** authenticator_label() - stable lower_snake name for metrics, logs and explain */
const char *authenticator_label(enum authenticator_id id);

enum unknown_token_answer {
    UNKNOWN_TOKEN_ERROR = 0, /* status.error: kube-apiserver asks again, a token created a moment
                                later works at once */
    UNKNOWN_TOKEN_REFUSE, /* as a wrong secret: repeats stop in kube-apiserver's cache, existence of
                             an ID is hidden */
};

/* no family's token is longer: JWTs stay below 8 KiB, headers of most proxies below 16 */
#define TOKEN_MAX_BYTES 16384

#define QUESTION_MAX_AUDIENCES AUDIENCE_SET_MAX

/**
 * explain_fn - one check that an authenticator made, in order
 * @check:  what was checked, in plain words ("the Secret is not being deleted")
 * @passed: false ends this authenticator's list
 * @detail: more for the operator, never a secret; "" for none
 */
typedef void explain_fn(void *ctx,
                        enum authenticator_id authenticator,
                        const char *check,
                        bool passed,
                        const char *detail);

/** What an answer may wait for. */
enum wait_kind {
    WAIT_NOTHING = 0, /* it stands */
    WAIT_OBJECT,      /* that an object is told of: token_told_fn */
    WAIT_KEYS,        /* that keys of some issuers are looked for once more */
};

/* Sources of keys that a wait can name. */
#define WAIT_SOURCES_MAX 64

/** This answer may change: when, and by what. Of an answer that is an error only. Whoever can wait
 * asks again then, and whoever cannot, or has waited long enough, has an answer already. */
struct question_wait {
    enum wait_kind kind;
    unsigned
        source;    /* the family's number for whose token it is: those who wait are bounded by it */
    uint64_t what; /* WAIT_OBJECT: the family's number for the object, alike by chance seldom
                      enough. WAIT_KEYS: a bit for each source of keys that may have the key */
};

struct verification_share;

struct question {
    struct span token;  /* peer bytes */
    bool has_audiences; /* the request named audiences, even an empty list */
    const struct span *audiences;
    size_t audience_count; /* at most QUESTION_MAX_AUDIENCES */
    struct instant now;
    /* A family that has not been told everything yet is not ready to answer, even of a token that
     * it knows; else it is only so of one that it does not know */
    bool waits_for_sync;
    bool may_wait;       /* who asks can ask again when there is more to say; else nothing is begun
                            that only helps those who wait */
    bool is_asked_again; /* it has waited: what was counted or noted when it came stands */
    /* It has waited for keys: the sources, a bit for each, whose keys have been fetched since it
     * came. What key is not among them now, its issuer does not have */
    uint64_t conclusive_sources;
    /* What a token that was never seen before may cost, authn/verification_share.h; NULL: it does
     * not matter */
    struct verification_share *share;
    struct scratch scratch; /* borrows; of authenticator_scratch_bytes() at least; a verdict may
                               point into it */
    explain_fn *explain;    /* NULL on the request path */
    void *explain_ctx;
};

/** A group list, stored once for all who share it. */
struct group_list {
    struct span json; /* `["a","b"]}`: closes the user object that user.json_head opened */
    size_t count;
    const struct span *names; /* sorted bytewise, unique */
};

/* Its JSON is made early, when an object arrives that many questions will be answered from; or
 * late, into the reply, from what a token said of itself and a family has verified. */
struct user {
    struct span name;
    struct span uid; /* empty: none */
    const struct group_list *groups;
    const struct user_extra *extras; /* sorted bytewise by key, unique */
    size_t extra_count;
    bool is_rendered_late; /* from the members above: groups->json may be empty */
    struct span json_head; /* else: `{"username":"…","groups":`; groups->json completes it */
};

struct verdict {
    bool accepted;
    enum status why;         /* when not accepted */
    bool is_unready;         /* with ST_NOT_SYNCED: the whole family is, not this token alone */
    const char *reason_text; /* why, in the family's words; static; NULL: the general ones */
    enum authenticator_id authenticator;
    struct span
        token_id; /* bootstrap: the ID in the question's token (public); empty when there is none */
    struct user user;            /* when accepted */
    struct audience_set granted; /* of the question's audiences */
    struct question_wait wait;   /* when not accepted, and the question may wait */
};

enum decision_result {
    DECISION_DENY = 0, /* no: cacheable */
    DECISION_ERROR,    /* not known, or our fault: status.error, not cacheable */
    DECISION_ALLOW,
    DECISION_RESULT_COUNT_
};

struct decision {
    enum decision_result result;
    enum status why;         /* ST_OK for allow */
    bool is_unready;         /* the family has not been told everything once: who can wait until it
                                has been asks again, and has not been answered */
    const char *reason_text; /* why, for the operator: one sentence; static, never NULL */
    enum authenticator_id authenticator;
    struct span token_id;
    struct user user;
    struct audience_set granted;
    struct span error;         /* short text for status.error; empty but for DECISION_ERROR */
    struct question_wait wait; /* what would change it; WAIT_NOTHING but for DECISION_ERROR */
};

/** decision_result_label() - "allow", "deny", "error" */
const char *decision_result_label(enum decision_result result);

/** taint_fn - told each piece of memory that holds secrets or what was derived from them */
typedef void taint_fn(void *ctx, const void *at, size_t len);
