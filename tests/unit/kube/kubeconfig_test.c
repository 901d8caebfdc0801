/* SPDX-License-Identifier: Apache-2.0 */
/* Kubeconfigs: what is taken from the current context, what is refused and how it is said. All
 * secrets are TEST-ONLY. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kube/kubeconfig.h"
#include "support/alloc_fail.h"

/* The value that no problem text may hold. */
#define CANARY "TEST-ONLY-canary"

/* A whole file around the members of one cluster and one user. */
#define CONFIG(cluster, user)                                 \
    "current-context: x\n"                                    \
    "contexts: [{name: x, context: {cluster: c, user: u}}]\n" \
    "clusters: [{name: c, cluster: {" cluster "}}]\n"         \
    "users: [{name: u, user: {" user "}}]\n"
#define CLUSTER(members) CONFIG(members, "")
#define USER(members)    CONFIG("server: 'https://h'", members)

/* "server [name=] [proxy=] [insecure] [withheld] [ca=] [certificate=] [key=] [token=] [basic=]",
 * where a source is its data, and <its path>. */
static const struct {
    const char *name;
    const char *text;
    const char *want;
} accepted_rows[] = {
    { "the least", CLUSTER("server: 'https://h:6443'"), "https://h:6443" },
    { "as kubeadm writes it",
      "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: Zm9v\n"
      "    server: https://10.0.0.1:6443\n  name: kubernetes\ncontexts:\n- context:\n"
      "    cluster: kubernetes\n    user: kubernetes-admin\n  name: admin@kubernetes\n"
      "current-context: admin@kubernetes\nkind: Config\npreferences: {}\nusers:\n"
      "- name: kubernetes-admin\n  user:\n    client-certificate-data: YmFy\n"
      "    client-key-data: YmF6\n",
      "https://10.0.0.1:6443 ca=foo certificate=bar key=baz" },
    { "JSON",
      "{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\"}}],"
      "\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https://h\"}}]}",
      "https://h" },
    { "KYAML",
      "{\n  current-context: \"x\", # c\n  contexts: [{name: \"x\", context: {cluster: \"c\"}}],\n"
      "  clusters: [{name: \"c\", cluster: {server: \"https://h\"}}],\n}\n",
      "https://h" },
    { "apiVersion and kind are empty", "apiVersion: ''\nkind: ~\n" CLUSTER("server: 'https://h'"),
      "https://h" },
    { "the current context of several",
      "current-context: b\ncontexts:\n- {name: a, context: {cluster: a, user: a}}\n"
      "- {name: b, context: {cluster: b, user: b}}\nclusters:\n"
      "- {name: a, cluster: {server: 'https://a'}}\n- {name: b, cluster: {server: 'https://b'}}\n"
      "users:\n- {name: a, user: {token: a}}\n- {name: b, user: {token: b}}\n",
      "https://b token=b" },
    { "what the current context has no use for may be anything",
      "extensions: 1\npreferences: x\ncurrent-context: x\n"
      "contexts:\n- {name: a, context: []}\n- {name: a}\n"
      "- {name: x, context: {cluster: c, user: u, namespace: [], new: 1}, new: 1}\n"
      "clusters:\n- {name: a, cluster: 1}\n"
      "- {name: c, cluster: {server: 'https://h', disable-compression: 1, extensions: 1, new: 1}}\n"
      "users:\n- {name: a, user: {token: 1}}\n- {user: {exec: {}}}\n"
      "- {name: u, user: {token: a, extensions: 1, new: 1}}\n",
      "https://h token=a" },
    { "a context without a user",
      "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
      "clusters: [{name: c, cluster: {server: 'https://h'}}]\n",
      "https://h" },
    { "a context with an empty user",
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: ''}}]\n"
      "clusters: [{name: c, cluster: {server: 'https://h'}}]\nusers: 7\n",
      "https://h" },
    { "a user that has nothing, as generators write it",
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
      "clusters: [{name: c, cluster: {server: 'https://h'}}]\nusers: [{name: u, user: null}]\n",
      "https://h" },
    { "a user that is only named",
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
      "clusters: [{name: c, cluster: {server: 'https://h'}}]\nusers: [{name: u}]\n",
      "https://h" },
    { "null among contexts, clusters and users, and as a name",
      "current-context: x\ncontexts: [~, {name: x, context: {cluster: c, user: u}}]\n"
      "clusters: [null, {name: c, cluster: {server: 'https://h'}}]\nusers: [~, {name: ~, user: "
      "{token: s}}, {name: u, user: {token: t}}]\n",
      "https://h token=t" },
    { "null that the current context has no use for",
      "extensions: ~\npreferences: ~\ncurrent-context: x\nusers: ~\n"
      "contexts: [{name: w, context: ~}, {name: x, context: {cluster: c, user: ~, namespace: ~}}]\n"
      "clusters: [{name: z, cluster: ~}, {name: c, cluster: {server: 'https://h'}}]\n",
      "https://h" },
    { "null and empty are absent",
      CONFIG("server: 'https://h', certificate-authority: ~, certificate-authority-data: '', "
             "tls-server-name: '', proxy-url: ~, insecure-skip-tls-verify: ~",
             "token: '', tokenFile: ~, username: '', password: ~, client-key: '', exec: ~, as: '', "
             "as-groups: [], as-user-extra: {}, auth-provider: ~, as-uid: ''"),
      "https://h" },
    { "a server without a scheme", CLUSTER("server: 'h:6443'"), "https://h:6443" },
    { "a server without a scheme or port", CLUSTER("server: localhost"), "https://localhost" },
    { "a server with a prefix", CLUSTER("server: 'https://h/a/b%20c'"), "https://h/a/b%20c" },
    { "a slash at the end", CLUSTER("server: 'https://h:1/'"), "https://h:1" },
    { "slashes behind a prefix", CLUSTER("server: 'https://h/a//'"), "https://h/a" },
    { "an IPv6 address", CLUSTER("server: 'https://[fd00::1]:6443'"), "https://[fd00::1]:6443" },
    { "capitals", CLUSTER("server: 'HTTPS://H.example:1/A'"), "https://H.example:1/A" },
    { "no TLS", CLUSTER("server: 'http://127.0.0.1:8001'"), "http://127.0.0.1:8001" },
    { "no TLS: no credentials, they would travel in the clear",
      CONFIG("server: 'HTTP://h/', certificate-authority: a",
             "token: a, client-certificate: b, client-key: c"),
      "http://h withheld" },
    { "no TLS: no password either", CONFIG("server: 'http://h'", "username: a, password: b"),
      "http://h withheld" },
    { "no TLS: no token of a file", CONFIG("server: 'http://h'", "tokenFile: a"),
      "http://h withheld" },
    { "no TLS: a CA is none", CLUSTER("server: 'http://h', certificate-authority: a"), "http://h" },
    { "a name for TLS", CLUSTER("server: 'https://h', tls-server-name: Api_1.example-2"),
      "https://h name=Api_1.example-2" },
    { "an address for TLS", CLUSTER("server: 'https://h', tls-server-name: 'fd00::1'"),
      "https://h name=fd00::1" },
    { "unverified", CLUSTER("server: 'https://h', insecure-skip-tls-verify: true"),
      "https://h insecure" },
    { "verified",
      CLUSTER("server: 'https://h', insecure-skip-tls-verify: false, "
              "certificate-authority: ca"),
      "https://h ca=<dir/ca>" },
    { "a CA in a file", CLUSTER("server: 'https://h', certificate-authority: /pki/ca.crt"),
      "https://h ca=</pki/ca.crt>" },
    { "an embedded CA wins",
      CLUSTER("server: 'https://h', certificate-authority: a, certificate-authority-data: Zm9v"),
      "https://h ca=foo" },
    { "base64 over lines",
      CLUSTER("server: 'https://h', certificate-authority-data: \"Zm9v\\nYmFy\\n\""),
      "https://h ca=foobar" },
    { "a proxy", CLUSTER("server: 'https://h', proxy-url: 'http://u:p@proxy:3128'"),
      "https://h proxy=http://u:p@proxy:3128" },
    { "a proxy over TLS", CLUSTER("server: 'https://h', proxy-url: 'https://proxy'"),
      "https://h proxy=https://proxy" },
    { "a SOCKS proxy", CLUSTER("server: 'https://h', proxy-url: 'socks5://[::1]:1080'"),
      "https://h proxy=socks5://[::1]:1080" },
    { "certificate and key in files", USER("client-certificate: a/b.crt, client-key: /c.key"),
      "https://h certificate=<dir/a/b.crt> key=</c.key>" },
    { "an embedded certificate and a key in a file; data wins",
      USER("client-certificate: a, client-certificate-data: Zm9v, client-key: c"),
      "https://h certificate=foo key=<dir/c>" },
    { "an embedded key wins", USER("client-certificate: a, client-key: c, client-key-data: Zm9v"),
      "https://h certificate=<dir/a> key=foo" },
    { "a token", USER("token: a.b"), "https://h token=a.b" },
    { "a token file", USER("tokenFile: t"), "https://h token=<dir/t>" },
    { "token and token file", USER("token: a, tokenFile: t"), "https://h token=a<dir/t>" },
    { "a certificate, and a token", USER("client-certificate: a, client-key: b, token: c"),
      "https://h certificate=<dir/a> key=<dir/b> token=c" },
    { "a password", USER("username: a, password: 'b:c'"), "https://h basic=a:b:c" },
    { "no password", USER("username: a"), "https://h basic=a:" },
};

static const struct {
    const char *name;
    const char *text;
    enum status want;
    unsigned line;
    unsigned column;
    const char *problem;
} refused_rows[] = {
    { "nothing", "", ST_INVALID, 0, 0, "expected a kubeconfig, found nothing" },
    { "nothing but a comment", "# x\n---\n", ST_INVALID, 0, 0,
      "expected a kubeconfig, found nothing" },
    { "no YAML", "a: [" CANARY "\n", ST_SYNTAX, 2, 1, "" },
    { "a list", "- a\n", ST_TYPE, 1, 1, "kubeconfig: expected an object, found a list" },
    { "a key twice", "kind: Config\nkind: Config\n", ST_DUPLICATE, 2, 1, "" },
    { "two documents", CLUSTER("server: 'https://h'") "---\na: b\n", ST_INVALID, 6, 1,
      "kubeconfig: expected one document" },
    { "another apiVersion", "apiVersion: v2\n", ST_INVALID, 1, 13, "apiVersion: expected v1" },
    { "an apiVersion that is a number", "apiVersion: 1\n", ST_TYPE, 1, 13,
      "apiVersion: expected v1, found a number (quote it)" },
    { "another kind", "kind: Secret\n", ST_INVALID, 1, 7, "kind: expected Config" },
    { "no current context", "kind: Config\n", ST_INVALID, 1, 1,
      "current-context: expected the name of one of contexts" },
    { "an empty current context", "current-context: ''\n", ST_INVALID, 1, 18,
      "current-context: expected the name of one of contexts" },
    { "a current context that YAML takes for a boolean", "current-context: y\n", ST_TYPE, 1, 18,
      "current-context: expected a name, found a boolean (quote it)" },
    { "no contexts", "current-context: " CANARY "\n", ST_NOT_FOUND, 1, 18,
      "current-context: expected the name of one of contexts" },
    { "a context that is not there",
      "current-context: " CANARY "\ncontexts: [{name: a, context: {}}]\n", ST_NOT_FOUND, 1, 18,
      "current-context: expected the name of one of contexts" },
    { "contexts that are no list", "current-context: x\ncontexts: {x: {}}\n", ST_TYPE, 2, 11,
      "contexts: expected a list, found an object" },
    { "an entry that is no object", "current-context: x\ncontexts: [x]\n", ST_TYPE, 2, 12,
      "contexts: expected objects with a name, found a string" },
    { "a name that is a number", "current-context: x\ncontexts: [{name: 1}]\n", ST_TYPE, 2, 19,
      "contexts.name: expected a string, found a number (quote it)" },
    { "a context without its body", "current-context: x\ncontexts: [{name: x}]\n", ST_TYPE, 2, 12,
      "contexts.context: expected an object, found nothing" },
    { "a context that is null", "current-context: x\ncontexts: [{name: x, context: ~}]\n", ST_TYPE,
      2, 12, "contexts.context: expected an object, found nothing" },
    { "a cluster that is null",
      "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
      "clusters: [{name: c, cluster: ~}]\n",
      ST_TYPE, 3, 12, "clusters.cluster: expected an object, found nothing" },
    { "a user that is a list",
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
      "clusters: [{name: c, cluster: {server: 'https://h'}}]\nusers: [{name: u, user: []}]\n",
      ST_TYPE, 4, 25, "users.user: expected an object, found a list" },
    { "a user that is null twice",
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
      "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
      "users: [{name: u, user: ~}, {name: u, user: {token: t}}]\n",
      ST_INVALID, 4, 36, "users.name: expected each name once" },
    { "the name twice",
      "current-context: x\ncontexts:\n- {name: x, context: {}}\n- {name: x, context: {}}\n",
      ST_INVALID, 4, 10, "contexts.name: expected each name once" },
    { "no cluster", "current-context: x\ncontexts: [{name: x, context: {user: u}}]\n", ST_INVALID,
      2, 31, "context.cluster: expected the name of one of clusters" },
    { "a cluster that is not there",
      "current-context: x\ncontexts: [{name: x, context: {cluster: " CANARY "}}]\nclusters: []\n",
      ST_NOT_FOUND, 2, 41, "context.cluster: expected the name of one of clusters" },
    { "a user that is not there",
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: " CANARY "}}]\n"
      "clusters: [{name: c, cluster: {server: 'https://h'}}]\nusers: [{name: '', user: {}}]\n",
      ST_NOT_FOUND, 2, 50, "context.user: expected the name of one of users" },
    { "a user that is a number",
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: 1}}]\n"
      "clusters: [{name: c, cluster: {server: 'https://h'}}]\n",
      ST_TYPE, 2, 50, "context.user: expected a name, found a number (quote it)" },
    { "no server", CLUSTER("tls-server-name: a"), ST_INVALID, 3, 31, "cluster.server: expected" },
    { "an empty server", CLUSTER("server: ''"), ST_INVALID, 3, 40, "cluster.server: expected" },
    { "a server that is a number", CLUSTER("server: 1"), ST_TYPE, 3, 40,
      "cluster.server: expected a URL, found a number (quote it)" },
    { "another scheme", CLUSTER("server: 'ftp://h'"), ST_INVALID, 3, 40,
      "cluster.server: expected https://host:port/prefix or host:port, without user name, query "
      "or fragment" },
    { "a prefix without a scheme", CLUSTER("server: 'h:1/a'"), ST_INVALID, 3, 40,
      "cluster.server" },
    { "one slash", CLUSTER("server: 'https:/h'"), ST_INVALID, 3, 40, "cluster.server" },
    { "three slashes", CLUSTER("server: 'https:///h'"), ST_INVALID, 3, 40, "cluster.server" },
    { "no host", CLUSTER("server: 'https://'"), ST_INVALID, 3, 40, "cluster.server" },
    { "no host but a port", CLUSTER("server: 'https://:1'"), ST_INVALID, 3, 40, "cluster.server" },
    { "no port", CLUSTER("server: 'https://h:x'"), ST_INVALID, 3, 40, "cluster.server" },
    { "a port too large", CLUSTER("server: 'https://h:65536'"), ST_INVALID, 3, 40,
      "cluster.server" },
    { "no IPv6 address", CLUSTER("server: 'https://[fd00'"), ST_INVALID, 3, 40, "cluster.server" },
    { "a user name in the URL", CLUSTER("server: 'https://" CANARY "@h'"), ST_INVALID, 3, 40,
      "cluster.server" },
    { "a query", CLUSTER("server: 'https://h/?x=" CANARY "'"), ST_INVALID, 3, 40,
      "cluster.server" },
    { "an empty query", CLUSTER("server: 'https://h?'"), ST_INVALID, 3, 40, "cluster.server" },
    { "a fragment", CLUSTER("server: 'https://h#'"), ST_INVALID, 3, 40, "cluster.server" },
    { "a blank", CLUSTER("server: ' https://h'"), ST_INVALID, 3, 40, "cluster.server" },
    { "a blank in the prefix", CLUSTER("server: 'https://h/a b'"), ST_INVALID, 3, 40,
      "cluster.server" },
    { "a new line in the URL", CLUSTER("server: \"https://h/\\nX: y\""), ST_INVALID, 3, 40,
      "cluster.server: expected a URL without control characters" },
    { "NUL in the URL", CLUSTER("server: \"https://h\\0\""), ST_INVALID, 3, 40,
      "cluster.server: expected a URL without control characters" },
    { "a CA that is no base64", CLUSTER("server: 'https://h', certificate-authority-data: " CANARY),
      ST_INVALID, 3, 81,
      "cluster.certificate-authority-data: expected base64 with its padding, which character 5 is "
      "not part of" },
    { "a CA that is a number", CLUSTER("server: 'https://h', certificate-authority-data: 1234"),
      ST_TYPE, 3, 81,
      "cluster.certificate-authority-data: expected a base64 string, found a number (quote it)" },
    { "a path that is a list", CLUSTER("server: 'https://h', certificate-authority: [a]"), ST_TYPE,
      3, 76, "cluster.certificate-authority: expected a path, found a list" },
    { "a path with NUL", CLUSTER("server: 'https://h', certificate-authority: \"a\\0\""),
      ST_INVALID, 3, 76,
      "cluster.certificate-authority: expected a path without control characters" },
    { "a CA, and unverified",
      CLUSTER("server: 'https://h', certificate-authority: a, insecure-skip-tls-verify: true"),
      ST_INVALID, 3, 105, "cluster.insecure-skip-tls-verify: expected no certificate-authority" },
    { "an embedded CA, and unverified",
      CLUSTER("server: 'https://h', certificate-authority-data: Zm9v, "
              "insecure-skip-tls-verify: true"),
      ST_INVALID, 3, 113, "cluster.insecure-skip-tls-verify: expected no certificate-authority" },
    { "a flag that is a string", CLUSTER("server: 'https://h', insecure-skip-tls-verify: 'true'"),
      ST_TYPE, 3, 79, "cluster.insecure-skip-tls-verify: expected true or false, found a string" },
    { "a name for TLS that is a URL", CLUSTER("server: 'https://h', tls-server-name: 'h/x'"),
      ST_INVALID, 3, 70, "cluster.tls-server-name: expected a host name" },
    { "another kind of proxy", CLUSTER("server: 'https://h', proxy-url: 'socks5h://" CANARY "'"),
      ST_INVALID, 3, 64,
      "cluster.proxy-url: expected http://host:port, https://host:port or socks5://host:port" },
    { "a proxy without a scheme", CLUSTER("server: 'https://h', proxy-url: 'h:1'"), ST_INVALID, 3,
      64, "cluster.proxy-url" },
    { "a proxy without a host", CLUSTER("server: 'https://h', proxy-url: 'http://'"), ST_INVALID, 3,
      64, "cluster.proxy-url" },
    { "a proxy with a bad port", CLUSTER("server: 'https://h', proxy-url: 'http://h:x'"),
      ST_INVALID, 3, 64, "cluster.proxy-url" },
    { "a certificate without a key", USER("client-certificate: a"), ST_INVALID, 4, 25,
      "user.client-key: expected a key (or client-key-data) beside client-certificate" },
    { "an embedded certificate without a key", USER("client-certificate-data: Zm9v"), ST_INVALID, 4,
      25, "user.client-key: expected a key" },
    { "a key without a certificate", USER("client-key: a"), ST_INVALID, 4, 25,
      "user.client-certificate: expected a certificate (or client-certificate-data) beside "
      "client-key" },
    { "an embedded key without a certificate", USER("client-key-data: Zm9v"), ST_INVALID, 4, 25,
      "user.client-certificate: expected a certificate" },
    { "a key that is no base64", USER("client-certificate: a, client-key-data: '" CANARY "'"),
      ST_INVALID, 4, 66, "user.client-key-data: expected base64" },
    { "a token that is a number", USER("token: 1"), ST_TYPE, 4, 33,
      "user.token: expected a token, found a number (quote it)" },
    { "a token with a new line", USER("token: \"" CANARY "\\n\""), ST_INVALID, 4, 33,
      "user.token: expected a token without control characters" },
    { "a token file that is a boolean", USER("tokenFile: true"), ST_TYPE, 4, 37,
      "user.tokenFile: expected a path, found a boolean (quote it)" },
    { "a token and a password", USER("token: a, username: b, password: " CANARY), ST_INVALID, 4, 46,
      "user.username: expected one way to authenticate, found a token, too" },
    { "a token file and a password", USER("tokenFile: a, username: b, password: c"), ST_INVALID, 4,
      50, "user.username: expected one way to authenticate" },
    { "a password without a user name", USER("password: " CANARY), ST_INVALID, 4, 25,
      "user.username: expected a user name without `:`" },
    { "a user name with a colon", USER("username: 'a:b'"), ST_INVALID, 4, 36,
      "user.username: expected a user name without `:`" },
    { "a password with a new line", USER("username: a, password: \"" CANARY "\\r\\n\""), ST_INVALID,
      4, 49, "user.password: expected a password without control characters" },
    { "a password with DEL", USER("username: a, password: \"" CANARY "\\x7f\""), ST_INVALID, 4, 49,
      "user.password: expected a password without control characters" },
    { "a password that is a number", USER("username: a, password: 1234"), ST_TYPE, 4, 49,
      "user.password: expected a password, found a number (quote it)" },
    { "exec", USER("exec: {command: " CANARY "}"), ST_UNSUPPORTED, 4, 32,
      "user.exec: not supported; this program starts no other: use tokenFile or a client "
      "certificate" },
    { "exec beside a token", USER("token: a, exec: {command: b}"), ST_UNSUPPORTED, 4, 42,
      "user.exec: not supported" },
    { "auth-provider", USER("auth-provider: {name: gcp}"), ST_UNSUPPORTED, 4, 41,
      "user.auth-provider: not supported; use tokenFile or a client certificate" },
    { "as", USER("as: " CANARY), ST_UNSUPPORTED, 4, 30,
      "user.as: not supported; use credentials of the user to act as" },
    { "as-uid", USER("as-uid: a"), ST_UNSUPPORTED, 4, 34, "user.as-uid: not supported" },
    { "as-groups", USER("as-groups: [a]"), ST_UNSUPPORTED, 4, 37, "user.as-groups: not supported" },
    { "as-user-extra", USER("as-user-extra: {a: [b]}"), ST_UNSUPPORTED, 4, 41,
      "user.as-user-extra: not supported" },
};

static void append_member(struct buf *buf, const char *name, const char *value)
{
    if (value) {
        buf_printf(buf, " %s=%s", name, value);
    }
}

static void append_source(struct buf *buf, const char *name, const struct kubeconfig_source *source)
{
    if (!source->data.at && !source->path) {
        return;
    }
    buf_printf(buf, " %s=", name);
    buf_append(buf, (struct span){ .at = source->data.at, .len = source->data.len });
    if (source->path) {
        buf_printf(buf, "<%s>", source->path);
    }
}

static void describe(struct buf *buf, const struct kubeconfig *config)
{
    buf_append_text(buf, config->server);
    append_member(buf, "name", config->tls_server_name);
    append_member(buf, "proxy", config->proxy_url);
    buf_append_text(buf, config->insecure_skip_tls_verify ? " insecure" : "");
    buf_append_text(buf, config->withholds_credentials ? " withheld" : "");
    append_source(buf, "ca", &config->sources[KUBECONFIG_CA]);
    append_source(buf, "certificate", &config->sources[KUBECONFIG_CERTIFICATE]);
    append_source(buf, "key", &config->sources[KUBECONFIG_KEY]);
    append_source(buf, "token", &config->sources[KUBECONFIG_TOKEN]);
    append_member(buf, "basic", config->basic.at);
    buf_append_char(buf, '\0');
    assert_false(buf->failed);
}

static void test_kubeconfig_parse_accepted_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(accepted_rows); i++) {
        struct kubeconfig config = { 0 };
        struct problem problem = { 0 };
        struct buf got = { 0 };
        if (kubeconfig_parse(span_of(accepted_rows[i].text), "dir", &config, &problem) != ST_OK) {
            fail_msg("%s: %u:%u: %s", accepted_rows[i].name, problem.line, problem.column,
                     problem.text);
        }
        describe(&got, &config);
        if (strcmp(got.at, accepted_rows[i].want) != 0) {
            fail_msg("%s: %s", accepted_rows[i].name, got.at);
        }
        buf_fini(&got);
        kubeconfig_fini(&config);
        assert_null(config.server);
    }
}

static void test_kubeconfig_parse_refused_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refused_rows); i++) {
        struct kubeconfig config = { 0 };
        struct problem problem = { 0 };
        const enum status status =
            kubeconfig_parse(span_of(refused_rows[i].text), "dir", &config, &problem);
        if (status != refused_rows[i].want || problem.status != status || config.server ||
            problem.line != refused_rows[i].line || problem.column != refused_rows[i].column ||
            !span_starts_with(span_of(problem.text), span_of(refused_rows[i].problem)) ||
            strstr(problem.text, CANARY)) {
            fail_msg("%s: status %d at %u:%u: %s", refused_rows[i].name, (int)status, problem.line,
                     problem.column, problem.text);
        }
    }
}

static void test_kubeconfig_parse_paths_of_the_processes_directory(void **state)
{
    (void)state;
    struct kubeconfig config = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(kubeconfig_parse(SPAN_LITERAL(USER("tokenFile: t")), "", &config, &problem),
                     ST_OK);
    assert_string_equal(config.sources[KUBECONFIG_TOKEN].path, "t");
    kubeconfig_fini(&config);
}

static void test_kubeconfig_parse_longest_name_for_tls(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct kubeconfig config = { 0 };
        struct problem problem = { 0 };
        struct buf text = { 0 };
        buf_append_text(&text, "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
                               "clusters: [{name: c, cluster: {server: h, tls-server-name: ");
        for (size_t i = 0; i < 253 + more; i++) {
            buf_append_char(&text, 'a');
        }
        buf_append_text(&text, "}}]\n");
        assert_int_equal(kubeconfig_parse(buf_span(&text), "", &config, &problem),
                         more == 0 ? ST_OK : ST_INVALID);
        kubeconfig_fini(&config);
        buf_fini(&text);
    }
}

static void test_kubeconfig_parse_says_where_data_is(void **state)
{
    (void)state;
    struct kubeconfig config = { 0 };
    struct problem problem = { 0 };
    assert_int_equal(kubeconfig_parse(SPAN_LITERAL(USER("client-certificate-data: Zm9v, "
                                                        "client-key-data: Zm9v, token: a")),
                                      "", &config, &problem),
                     ST_OK);
    static const unsigned columns[KUBECONFIG_CREDENTIALS_] = {
        [KUBECONFIG_CERTIFICATE] = 51, [KUBECONFIG_KEY] = 74, [KUBECONFIG_TOKEN] = 87
    };
    for (size_t i = 0; i < KUBECONFIG_CREDENTIALS_; i++) {
        assert_int_equal(config.sources[i].line, columns[i] > 0 ? 4 : 0);
        assert_int_equal(config.sources[i].column, columns[i]);
    }
    kubeconfig_fini(&config);
}

static void test_kubeconfig_parse_every_allocation_may_fail(void **state)
{
    (void)state;
    if (!alloc_fail_is_available()) {
        return;
    }
    static const char *const texts[] = {
        CONFIG("server: h, proxy-url: 'http://p', tls-server-name: api, "
               "certificate-authority-data: Zm9v",
               "client-certificate-data: Zm9v, client-key: b, token: c, tokenFile: d"),
        USER("username: a, password: b"),
    };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        size_t nth = 1;
        bool reached;
        do {
            struct kubeconfig config = { 0 };
            struct problem problem = { 0 };
            alloc_fail_arm(nth++);
            const enum status status =
                kubeconfig_parse(span_of(texts[i]), "dir", &config, &problem);
            reached = alloc_fail_disarm();
            assert_int_equal(status, reached ? ST_NOMEM : ST_OK);
            assert_int_equal(problem.status, status);
            assert_int_equal(config.server != NULL, !reached);
            kubeconfig_fini(&config);
        } while (reached);
        assert_true(nth > 20); /* or nothing was tried */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kubeconfig_parse_accepted_rows),
        cmocka_unit_test(test_kubeconfig_parse_refused_rows),
        cmocka_unit_test(test_kubeconfig_parse_paths_of_the_processes_directory),
        cmocka_unit_test(test_kubeconfig_parse_longest_name_for_tls),
        cmocka_unit_test(test_kubeconfig_parse_says_where_data_is),
        cmocka_unit_test(test_kubeconfig_parse_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
