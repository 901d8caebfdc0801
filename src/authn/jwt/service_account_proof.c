/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proof of a token that nobody has seen before.
 *
 * Untrusted: every byte of the token. It is bounded by the chain, parsed into the caller's room,
 * and nothing that it says is looked at but its algorithm and key ID until a signature was good.
 *
 * Threat: a key of one cluster, found by the key ID of another. A key ID only chooses which keys
 * are tried; whose token it is says the one that verified. Threat: time, since a bad signature
 * costs as much as a good one: the worker's share of it is asked before each try.
 */
#include "authn/jwt/service_account_proof.h"

#include "authn/explain.h"
#include "authn/verification_share.h"
#include "base/problem.h"
#include "jose/jws.h"
#include "kube/shown_name.h"

static void explain(const struct proof_task *task, const char *check, bool passed)
{
    explain_check(task->question, task->family, check, passed, "%s", "");
}

static bool explain_parse(const struct proof_task *task, enum status status, const struct jws *jws)
{
    explain(task, "the token is a compact JWS whose header can be read",
            status == ST_OK || status == ST_ALGORITHM_NOT_ALLOWED);
    if (status == ST_OK || status == ST_ALGORITHM_NOT_ALLOWED) {
        const struct span name =
            status == ST_OK ? jws_algorithm_traits(jws->algorithm)->name : (struct span){ 0 };
        explain_check(task->question, task->family,
                      "its algorithm is one of RS, PS and ES with 256, 384 or 512", status == ST_OK,
                      "%.*s", (int)name.len, name.len ? name.at : "");
    }
    return status == ST_OK;
}

static bool allows_another_try(enum status status)
{
    return status == ST_SIGNATURE_INVALID || status == ST_ALGORITHM_NOT_ALLOWED;
}

/* What came of the keys. */
struct tries {
    enum status status; /* ST_NOT_FOUND: the token means none */
    const struct key_entry *key;
    uint64_t sources; /* whose keys the token may mean, a bit each */
    unsigned counts[SERVICE_ACCOUNT_SOURCES_MAX];
    bool is_cut; /* some were left out */
};

/* Each key that the token may mean, until one has made the signature. */
static void try_each(const struct proof_task *task, const struct jws *jws, struct tries *tries)
{
    size_t i = 0;
    const struct key_entry *entry = NULL;
    while ((entry = key_page_next(task->page, task->issuer, jws->kid, &i)) != NULL) {
        tries->sources |= UINT64_C(1) << entry->source;
        if (!jose_key_may_verify(entry->key, jws->algorithm)) {
            tries->status =
                tries->status == ST_NOT_FOUND ? ST_ALGORITHM_NOT_ALLOWED : tries->status;
            continue;
        }
        if (tries->counts[entry->source] == PROOF_TRIES_OF_SOURCE_MAX) {
            tries->is_cut = true;
            continue;
        }
        tries->counts[entry->source]++;
        tries->status =
            jose_key_verify(entry->key, jws->algorithm, jws->signing_input, jws->signature);
        if (!allows_another_try(tries->status)) {
            tries->key = entry;
            return;
        }
    }
}

/* All tries of a token are paid at once, and as in vain only when none was good: else a token
 * whose key comes last could never be afforded. */
static void try_keys(const struct proof_task *task, const struct jws *jws, struct tries *ret_tries)
{
    struct verification_share *share = task->question->share;
    size_t i = 0;
    *ret_tries = (struct tries){ .status = ST_NOT_FOUND };
    if (!key_page_next(task->page, task->issuer, jws->kid, &i)) {
        return; /* which costs nothing */
    }
    if (!verification_share_begin(share)) {
        ret_tries->status = ST_VERIFICATION_BUSY;
        return;
    }
    try_each(task, jws, ret_tries);
    verification_share_end(share, ret_tries->status == ST_OK);
    if (ret_tries->is_cut && ret_tries->status != ST_OK) {
        ret_tries->status = ST_VERIFICATION_BUSY; /* one that was left out may be it */
    }
}

/* Of a token that no key of ours has signed: may there be one that we do not know (yet)? Of a
 * source without a key that the token may mean, another fetch may bring it; that others have keys
 * of the same ID proves nothing. */
static enum status doubt(const struct proof_task *task,
                         const struct tries *tries,
                         struct proof *proof)
{
    const uint64_t open =
        task->issuer->fetched_sources & ~task->question->conclusive_sources & ~tries->sources;
    if (open || key_page_silent(task->page, task->issuer)) {
        proof->waits_for = open;
        return ST_KEYS_UNAVAILABLE;
    }
    return tries->status == ST_NOT_FOUND ? ST_KEY_UNKNOWN : tries->status;
}

static void explain_keys(const struct proof_task *task,
                         const struct jws *jws,
                         enum status tried,
                         enum status status)
{
    const struct shown_name kid = shown_name_of(jws->kid);
    const bool is_found = tried != ST_NOT_FOUND;
    explain_check(task->question, task->family, "the issuer has a key with its key ID", is_found,
                  "%s%s", jws->kid.len ? kid.text : "no key ID, so every key is tried",
                  status == ST_KEYS_UNAVAILABLE ? "; not all keys of the issuer are known" : "");
    if (is_found) {
        explain_check(task->question, task->family,
                      "one of these keys allows the algorithm and has made the signature",
                      tried == ST_OK, "%s",
                      tried == ST_SIGNATURE_INVALID || tried == ST_OK ? "" : status_text(tried));
    }
}

enum status service_account_prove(const struct proof_task *task, struct proof *ret_proof)
{
    *ret_proof = (struct proof){ 0 };
    struct jws jws;
    enum status status = jws_parse(task->pieces, task->room, task->room_len, &jws);
    if (!explain_parse(task, status, &jws)) {
        return status;
    }
    struct tries tries;
    try_keys(task, &jws, &tries);
    const bool is_refused = tries.status == ST_NOT_FOUND || allows_another_try(tries.status);
    status = is_refused ? doubt(task, &tries, ret_proof) : tries.status;
    explain_keys(task, &jws, tries.status, status);
    if (status != ST_OK) {
        return status;
    }
    ret_proof->key = tries.key;
    struct problem problem = { 0 };
    /* what was decoded is in the task's room, which may be written */
    char *payload = task->room + (jws.payload.at - task->room);
    status = service_account_claims_decode(payload, jws.payload.len, task->issuer->is_legacy,
                                           task->audiences, &ret_proof->claims, &problem);
    explain_check(task->question, task->family, "its claims can be read", status == ST_OK, "%s",
                  problem.text);
    return status;
}
