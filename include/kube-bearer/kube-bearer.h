/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_BEARER_H
#define KUBE_BEARER_H
/*
 * kube-bearer as a library: whose bearer token is this?
 *
 *     struct kube_bearer_options options = KUBE_BEARER_OPTIONS_INIT;
 *     options.manifests = "/etc/kube-bearer/manifests";
 *     char error[KUBE_BEARER_ERROR_MAX];
 *     struct kube_bearer *bearer = kube_bearer_new(&options, error, sizeof(error));
 *     ...
 *     struct kube_bearer_verdict *verdict = kube_bearer_authenticate(bearer, token, len, NULL, 0);
 *     if (kube_bearer_verdict_result(verdict) == KUBE_BEARER_ALLOW) {
 *         puts(kube_bearer_verdict_username(verdict));
 *     }
 *     kube_bearer_verdict_free(verdict);
 *     kube_bearer_free(bearer);
 *
 * Tokens live as Kubernetes manifests in a directory, or as the Secrets of a Kubernetes API server,
 * or both. They are followed: a Secret that is added, changed or removed counts within a moment.
 * Any thread may ask, at any time, of any number of authenticators; asking takes no lock and does
 * no I/O. Each authenticator has a thread of its own, with all signals blocked. Do not use one
 * across fork().
 *
 * Texts are UTF-8 that ends in NUL and belong to the object they came from.
 */
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KUBE_BEARER_ERROR_MAX 1024 /* bytes, enough for any text of kube_bearer_new() */

/* Audiences in one question, and in api_audiences. Once both were 64 by the first name: a library
 * that is older than this header refuses more than it knows, and neither limit becomes less */
#define KUBE_BEARER_AUDIENCES_MAX     1024
#define KUBE_BEARER_API_AUDIENCES_MAX 64

struct kube_bearer;         /* an authenticator */
struct kube_bearer_verdict; /* an answer */

enum kube_bearer_result {
    KUBE_BEARER_DENY = 0, /* no: the token is not valid here. May be remembered for a while */
    KUBE_BEARER_ERROR,    /* not known (yet), or we cannot tell: do not let in, ask again later */
    KUBE_BEARER_ALLOW     /* yes: see username and groups */
};

/* What to say to a token whose ID no Secret holds. */
enum kube_bearer_unknown_token {
    KUBE_BEARER_UNKNOWN_TOKEN_ERROR = 0, /* KUBE_BEARER_ERROR: it may be created a moment later */
    KUBE_BEARER_UNKNOWN_TOKEN_REFUSE     /* KUBE_BEARER_DENY: hides which IDs exist */
};

/* Members are only ever added at the end, and zero means as before. By size the library knows which
 * of them a caller has who was compiled with another version's header: those that he lacks count as
 * zero, those that the library lacks must be zero. */
struct kube_bearer_options {
    size_t size; /* sizeof(struct kube_bearer_options); KUBE_BEARER_OPTIONS_INIT sets it */
    /* Where Secrets come from, one at least. Of an object that both a manifest and the API server
     * have, the manifest counts */
    const char *manifests;  /* a directory */
    const char *kubeconfig; /* of an API server; exec plugins are not supported */
    int in_cluster; /* the API server of the pod that this runs in; not with kubeconfig. Reads
                       KUBERNETES_SERVICE_HOST and _PORT from the environment, and the pod's
                       ServiceAccount directory */
    const char *const *api_audiences; /* who we are to audiences; NULL when there are none: then
                                         questions that name audiences are refused */
    size_t api_audience_count;        /* at most KUBE_BEARER_API_AUDIENCES_MAX */
    enum kube_bearer_unknown_token unknown_token;
    /* Told of manifests that do not parse, Secrets that can hold no token, and an API server that
     * cannot be reached or refuses, "file:line:column: what is wrong", never a secret. On the
     * thread that calls kube_bearer_new() until that returns, later on the authenticator's own. It
     * must not call back into the library. May be NULL */
    void (*on_problem)(void *ctx, const char *text);
    void *ctx; /* handed to on_problem */
};

/* clang-format off */
#define KUBE_BEARER_OPTIONS_INIT \
    { sizeof(struct kube_bearer_options), NULL, NULL, 0, NULL, 0, KUBE_BEARER_UNKNOWN_TOKEN_ERROR, NULL, NULL }
/* clang-format on */

/**
 * kube_bearer_new() - read the manifests, begin to ask the API server, and follow both from here on
 * @options:     copied
 * @reterr_text: what went wrong, cut to @reterr_size bytes with NUL; written on failure only; may
 * be NULL when @reterr_size is 0
 *
 * Return: the authenticator, which the caller frees with kube_bearer_free(); NULL on failure. A
 * manifest that is wrong, or an API server that is away, is told to on_problem and is no failure.
 */
struct kube_bearer *kube_bearer_new(const struct kube_bearer_options *options,
                                    char *reterr_text,
                                    size_t reterr_size);

/** kube_bearer_free() - stop following, wipe and free; nobody may be asking any more. Verdicts stay
 * valid. NULL is fine */
void kube_bearer_free(struct kube_bearer *bearer);

/** kube_bearer_is_ready() - 1 when every manifest that was there at the start has been read, and
 * the API server has told every Secret once, else 0. kube_bearer_new() reads what is finished; a
 * file that was written a moment before is read when it has settled. Until then an unknown token is
 * KUBE_BEARER_ERROR */
int kube_bearer_is_ready(const struct kube_bearer *bearer);

/** kube_bearer_wait_ready() - sleep until that is so, @timeout_ms milliseconds at most. Return: as
 * kube_bearer_is_ready() */
int kube_bearer_wait_ready(const struct kube_bearer *bearer, unsigned timeout_ms);

/**
 * kube_bearer_authenticate() - ask
 * @token:          @token_len bytes as the client sent them, any bytes; not kept
 * @audiences:      whom the token must be meant for, one of them suffices; NULL with 0 for anybody
 * @audience_count: more than KUBE_BEARER_AUDIENCES_MAX are refused; up to 64 take no memory but the
 *                  verdict's
 *
 * Return: a verdict, which the caller frees with kube_bearer_verdict_free(); NULL when memory ran
 * out. All functions below take NULL for KUBE_BEARER_ERROR.
 */
struct kube_bearer_verdict *kube_bearer_authenticate(const struct kube_bearer *bearer,
                                                     const char *token,
                                                     size_t token_len,
                                                     const char *const *audiences,
                                                     size_t audience_count);

/** kube_bearer_verdict_free() - NULL is fine */
void kube_bearer_verdict_free(struct kube_bearer_verdict *verdict);

/** kube_bearer_verdict_result() - yes, no, or not known */
enum kube_bearer_result kube_bearer_verdict_result(const struct kube_bearer_verdict *verdict);

/** kube_bearer_verdict_username() - "system:bootstrap:abcdef"; "" unless KUBE_BEARER_ALLOW */
const char *kube_bearer_verdict_username(const struct kube_bearer_verdict *verdict);

/** kube_bearer_verdict_uid() - what tells this user from another of the same name, at another time;
 * "" unless KUBE_BEARER_ALLOW, and for users that have none, as those of bootstrap tokens */
const char *kube_bearer_verdict_uid(const struct kube_bearer_verdict *verdict);

/** kube_bearer_verdict_group_count(), _group() - sorted groups; none unless KUBE_BEARER_ALLOW. NULL
 * for an @index past the last */
size_t kube_bearer_verdict_group_count(const struct kube_bearer_verdict *verdict);
const char *kube_bearer_verdict_group(const struct kube_bearer_verdict *verdict, size_t index);

/** kube_bearer_verdict_extra_count(), _extra_key(), _extra_value_count(), _extra_value() - what
 * else is known of the user: keys in sorted order, each with a list; none unless KUBE_BEARER_ALLOW,
 * and of bootstrap tokens. NULL, or 0, for an @index or a @value_index past the last */
size_t kube_bearer_verdict_extra_count(const struct kube_bearer_verdict *verdict);
const char *kube_bearer_verdict_extra_key(const struct kube_bearer_verdict *verdict, size_t index);
size_t kube_bearer_verdict_extra_value_count(const struct kube_bearer_verdict *verdict,
                                             size_t index);
const char *kube_bearer_verdict_extra_value(const struct kube_bearer_verdict *verdict,
                                            size_t index,
                                            size_t value_index);

/** kube_bearer_verdict_audience_count(), _audience() - those of the question's audiences that were
 * granted, in its order; none unless KUBE_BEARER_ALLOW. NULL for an @index past the last */
size_t kube_bearer_verdict_audience_count(const struct kube_bearer_verdict *verdict);
const char *kube_bearer_verdict_audience(const struct kube_bearer_verdict *verdict, size_t index);

/** kube_bearer_verdict_reason() - why, as a stable label for metrics: "ok", "token_expired", … For
 * your operators, not for whoever sent the token */
const char *kube_bearer_verdict_reason(const struct kube_bearer_verdict *verdict);

/** kube_bearer_verdict_reason_text() - the same as a sentence, without a secret */
const char *kube_bearer_verdict_reason_text(const struct kube_bearer_verdict *verdict);

/** kube_bearer_verdict_error() - what whoever sent the token may be told; "" unless
 * KUBE_BEARER_ERROR */
const char *kube_bearer_verdict_error(const struct kube_bearer_verdict *verdict);

/** kube_bearer_version() - "0.1.0" */
const char *kube_bearer_version(void);

#ifdef __cplusplus
}
#endif
#endif
