/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a kubeconfig says about the cluster and the user of its current context.
 *
 * Nothing but the text is looked at: the files it names are left to who uses it
 * (kube/cluster_access.h). The rules are clientcmd's; kubeconfig.c begins with where they are
 * stricter on purpose.
 */
#include <stdbool.h>

#include "base/compiler.h"
#include "base/problem.h"
#include "base/span.h"
#include "base/status.h"
#include "io/file/read.h"

enum kubeconfig_credential {
    KUBECONFIG_CA = 0, /* PEM */
    KUBECONFIG_CERTIFICATE,
    KUBECONFIG_KEY,
    KUBECONFIG_TOKEN,
    KUBECONFIG_CREDENTIALS_,
};

/** Where a credential is. Of CA, certificate and key there is data or a path, never both; a token
 * may have both: then the file's counts, and data stands in while it has not been readable. */
struct kubeconfig_source {
    struct file_content data; /* owns; all-zero: not embedded */
    char *path;               /* owns; NULL: no file. Relative to the process */
    unsigned line;            /* of the member, for problems; 0 outside a kubeconfig */
    unsigned column;
};

struct kubeconfig {
    char *server;              /* owns; "https://host:port/prefix", without a slash at the end */
    char *tls_server_name;     /* owns; NULL: the server's */
    char *proxy_url;           /* owns; NULL: what the environment says. May hold a password */
    struct file_content basic; /* owns; "username:password"; all-zero: none */
    struct kubeconfig_source sources[KUBECONFIG_CREDENTIALS_];
    bool insecure_skip_tls_verify;
    bool withholds_credentials; /* the user has some, and the server is at http:// */
};

/**
 * kubeconfig_parse() - decode the current context of @text
 * @text:       borrows; YAML or JSON
 * @directory:  that relative paths count from; "" for the process's own
 * @ret_config: kubeconfig_fini() ends it
 *
 * For a server at http:// there are no credentials and no CA, whatever the text has: they would
 * travel in the clear. So has clientcmd. Return: ST_OK; with @reterr_problem (but not its file)
 * ST_SYNTAX, ST_DUPLICATE, ST_LIMIT; ST_TYPE; ST_INVALID; ST_NOT_FOUND for a context, cluster or
 * user that is named but is not there; ST_UNSUPPORTED; ST_NOMEM
 */
enum status kubeconfig_parse(struct span text,
                             const char *directory,
                             struct kubeconfig *ret_config,
                             struct problem *reterr_problem) NODISCARD NONNULL(2, 3, 4);

/** kubeconfig_fini() - wipe and free; the config is all-zero afterwards. @config may be all-zero */
void kubeconfig_fini(struct kubeconfig *config) NONNULL(1);

/** kubeconfig_member_name() - the member that holds @credential, or that names its file */
const char *kubeconfig_member_name(enum kubeconfig_credential credential, bool is_embedded);

/**
 * kubeconfig_server_url() - where an API server is, in the form of struct kubeconfig
 * @text:    "https://…" or "http://…"; without a scheme only host or host:port, and then https
 * @ret_url: owned by the caller
 *
 * Return: ST_OK; ST_INVALID for what is no URL, or has a user name, a query or a fragment; ST_NOMEM
 */
enum status kubeconfig_server_url(const char *text, char **ret_url) NODISCARD NONNULL(1, 2);
