# SPDX-License-Identifier: Apache-2.0
"""A small Kubernetes API server for tests: Secrets of one namespace over HTTPS, listed in pages and watched.

It keeps what kube-bearer may rely on: every change has a resourceVersion, a watch tells what came behind the one it asks for
or answers 410, a field selector selects. And it can go away, come back on the same port, refuse, forget its history.
The real kube-apiserver is asked in tests/e2e.
"""
import base64
import contextlib
import http.server
import json
import ssl
import threading
import urllib.parse

import kit

BOOTSTRAP_TYPE = "bootstrap.kubernetes.io/token"
SECRETS_PATH = "/api/v1/namespaces/kube-system/secrets"
BOOKMARK_SEC = 1  # a real one sends them about every minute


def secret_object(token, name=None, kind=BOOTSTRAP_TYPE, **data):
    """A bootstrap token Secret as the API server returns it; keyword arguments override data (None removes a key)."""
    token_id, token_secret = token.split(".")
    fields = {"token-id": token_id, "token-secret": token_secret, "usage-bootstrap-authentication": "true"}
    for key, value in data.items():
        fields[key.replace("_", "-")] = value
    return {"metadata": {"name": name or f"bootstrap-token-{token_id}", "namespace": "kube-system", "uid": f"uid-{token_id}"},
            "type": kind,
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in fields.items() if value is not None}}


class ApiServer:
    def __init__(self, folder, authority, streaming=True):
        self.folder, self.authority, self.streaming = folder, authority, streaming
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = authority.issue("kube-apiserver")
        (folder / "apiserver.crt").write_text(certificate)
        (folder / "apiserver.key").write_text(key)
        self.token = kit.canary()
        self.changed = threading.Condition()
        self.version, self.oldest = 10, 0  # of the newest change; a watch from before the oldest is told 410
        self.secrets, self.history = {}, []  # name -> object; (version, type, object)
        self.refusal = None  # (HTTP status, reason) for everything
        self.silent = False  # watches stay open and tell nothing
        self.seen = []  # of each request: path and query
        self.sockets = set()
        self.port = 0
        self.server = None
        self.start()

    # life

    def start(self):
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                api.sockets.add(self.request)
                super().setup()

            def finish(self):
                with contextlib.suppress(OSError):
                    super().finish()
                api.sockets.discard(self.request)

            def do_GET(self):
                with contextlib.suppress(OSError):  # it went away: so it may
                    api.answer(self)

            def log_message(self, *_):
                pass

        class HttpServer(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request, address):
                with contextlib.suppress(OSError, ssl.SSLError):
                    request.do_handshake()
                    super().finish_request(request, address)

        self.server = HttpServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "apiserver.crt", self.folder / "apiserver.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self):
        """Gone, with every connection."""
        if self.server:
            server, self.server = self.server, None
            server.shutdown()
            server.server_close()
            with self.changed:
                self.changed.notify_all()
            self.cut()

    def cut(self):
        """Every connection ends, in the middle of whatever it was."""
        for connection in list(self.sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(2)

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def kubeconfig(self, name="kubeconfig", **user):
        """Its path. Keyword arguments replace the user's token."""
        path = self.folder / name
        ca = base64.b64encode(self.authority.pem.encode()).decode()
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "c", "cluster": {"server": self.url, "certificate-authority-data": ca}}],
            "users": [{"name": "u", "user": user or {"token": self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}]}, indent=1))
        return path

    # objects

    def _change(self, kind, secret):
        with self.changed:
            self.version += 1
            secret["metadata"]["resourceVersion"] = str(self.version)
            self.history.append((self.version, kind, secret))
            self.changed.notify_all()

    def put(self, token, **options):
        secret = secret_object(token, **options)
        name = secret["metadata"]["name"]
        kind = "MODIFIED" if name in self.secrets else "ADDED"
        self.secrets[name] = secret
        self._change(kind, secret)
        return token

    def delete(self, token):
        secret = json.loads(json.dumps(self.secrets.pop(f"bootstrap-token-{token.split('.')[0]}")))
        self._change("DELETED", secret)

    def be_silent(self, silent):
        with self.changed:
            self.silent = silent
            self.changed.notify_all()

    def compact(self):
        """Forget every change: who watches from before this is told to list anew."""
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.changed.notify_all()

    # answers

    def answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = {key: values[0] for key, values in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
        self.seen.append((url.path, query))
        if self.refusal:
            self.send_status(handler, *self.refusal)
        elif handler.headers.get("Authorization") != f"Bearer {self.token}":
            self.send_status(handler, 401, "Unauthorized")
        elif url.path != SECRETS_PATH or query.get("fieldSelector") != f"type={BOOTSTRAP_TYPE}":
            self.send_status(handler, 403, "Forbidden")  # as with the RBAC that kube-bearer is given
        elif query.get("watch") in ("1", "true"):
            self.watch(handler, query)
        else:
            self.list(handler, query)

    def send(self, handler, code, body):
        data = json.dumps(body).encode()
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def send_status(self, handler, code, reason):
        self.send(handler, code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason,
                                  "message": reason, "code": code})

    def selected(self):
        return [secret for _, secret in sorted(self.secrets.items()) if secret["type"] == BOOTSTRAP_TYPE]

    def list(self, handler, query):
        with self.changed:
            version, secrets = self.version, self.selected()
        begin, limit = int(query.get("continue") or 0), int(query.get("limit") or 0) or len(secrets) + 1
        meta = {"resourceVersion": str(version)}
        if begin + limit < len(secrets):
            meta["continue"] = str(begin + limit)
        self.send(handler, 200, {"kind": "SecretList", "apiVersion": "v1", "metadata": meta,
                                 "items": secrets[begin:begin + limit]})

    def watch(self, handler, query):
        initial = query.get("sendInitialEvents") == "true"
        if initial and not self.streaming:
            self.send_status(handler, 422, "Invalid")  # what a server without the feature says
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

        def tell(kind, content):
            line = json.dumps({"type": kind, "object": content}).encode() + b"\n"
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

        def bookmark(version, **annotations):
            tell("BOOKMARK", {"kind": "Secret", "apiVersion": "v1",
                              "metadata": {"resourceVersion": str(version), "annotations": annotations}})

        at = int(query.get("resourceVersion") or 0)
        server = self.server
        if initial:
            with self.changed:
                at, secrets = self.version, self.selected()
            for secret in secrets:
                tell("ADDED", {"kind": "Secret", "apiVersion": "v1", **secret})
            bookmark(at, **{"k8s.io/initial-events-end": "true"})
        while server is self.server:
            with self.changed:
                if self.silent:
                    self.changed.wait(BOOKMARK_SEC)
                    continue
                news = [change for change in self.history if change[0] > at]
                if not news and at >= self.oldest:
                    self.changed.wait(BOOKMARK_SEC)
                    news = [change for change in self.history if change[0] > at]
                gone, version = at < self.oldest, self.version
            if gone:
                tell("ERROR", {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410,
                               "message": "too old resource version"})
                handler.wfile.write(b"0\r\n\r\n")
                return
            for _, kind, secret in news:
                if secret["type"] == BOOTSTRAP_TYPE:
                    tell(kind, {"kind": "Secret", "apiVersion": "v1", **secret})
            at = version
            if not news:
                bookmark(at)

    def watches(self):
        return sum(1 for _, query in self.seen if query.get("watch"))

    def lists(self):
        return sum(1 for _, query in self.seen if not query.get("watch") or query.get("sendInitialEvents") == "true")
