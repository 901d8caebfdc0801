# SPDX-License-Identifier: Apache-2.0
"""Requests that a proxy in front may read otherwise than the server behind it: heads.py sends them.

A case is a valid request, bent by one to three mutations, with a second request behind it and often a third one hidden
in its body. Seed and number make it, so that the same seed makes the same cases, and so that it can be made again with
fewer of its mutations.
"""
import random

HIDDEN = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
SENTINEL = b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
REVIEW = b'{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"no.token"}}'
CONTROLS = [b"\0", b"\r", b"\n", b"\x01", b"\x0b", b"\x0c", b"\x1f", b"\x7f", b"\x80", b"\xa0", b"\xff", b"\t", b" "]
BYTES = CONTROLS + [b"\r\n", b":", b",", b";", b"=", b'"', b"/", b"0", b"5", b"+", b"-", b"%0d%0a", b"\xc2\xa0"]


class Chunk:
    def __init__(self, data):
        self.size, self.extension, self.eol, self.data, self.end = b"%x" % len(data), b"", b"\r\n", data, b"\r\n"

    def render(self):
        return self.size + self.extension + self.eol + self.data + self.end


class Request:
    """All parts of a request, each of which may be bent."""

    def __init__(self, method, target):
        self.lead, self.gap, self.tail, self.version = b"", [b" ", b" "], b"", b"HTTP/1.1"
        self.method, self.target = method, target
        self.headers = [[b"Host", b": ", b"localhost", b"\r\n"]]
        self.line_end, self.end = b"\r\n", b"\r\n"
        self.body = b""
        self.chunks, self.trailers, self.trailer_end = [], [], b"\r\n"
        self.edits = []  # of the rendered bytes: (place in the head from 0 to 1, how)

    def add(self, name, value, at=None):
        self.headers.insert(len(self.headers) if at is None else at, [name, b": ", value, b"\r\n"])

    def set_body(self, data):
        self.body = data
        self.add(b"Content-Length", b"%d" % len(data))

    def set_chunks(self, *pieces):
        self.add(b"Transfer-Encoding", b"chunked")
        self.chunks = [Chunk(piece) for piece in pieces] + [Chunk(b"")]
        self.chunks[-1].end = b""

    def find(self, *names):
        return [header for header in self.headers if header[0].lower() in names]

    def render(self):
        head = self.lead + self.method + self.gap[0] + self.target + self.gap[1] + self.version + self.tail + self.line_end
        head += b"".join(b"".join(header) for header in self.headers) + self.end
        for place, edit in self.edits:
            head = edit(head, int(place * len(head)))
        body = self.body
        if self.chunks:
            body += b"".join(chunk.render() for chunk in self.chunks)
            body += b"".join(b"".join(line) for line in self.trailers) + self.trailer_end
        return head + body


# --- valid requests --------------------------------------------------------------------------------------------

def base_plain(rng):
    """For the listener without TLS, where nothing takes a body: it is read, or refused by its head."""
    kind = rng.random()
    request = Request(b"POST" if kind < 0.3 else b"GET", b"/livez")
    if kind < 0.55:
        request.set_body(rng.choice([HIDDEN, REVIEW, b"0\r\n\r\n", b"0\r\n\r\n" + HIDDEN, b"x" * 5, b""]))
    elif kind < 0.65:
        request.set_chunks(rng.choice([HIDDEN, b"abcde"]))
    return request


def base_secure(rng):
    """For reviews, which have a body in either framing."""
    request = Request(b"POST", b"/authenticate")
    request.add(b"Content-Type", b"application/json")
    if rng.random() < 0.25:
        request.set_body(rng.choice([HIDDEN, REVIEW, b"0\r\n\r\n" + HIDDEN, b"x" * 5]))
    else:
        pieces = rng.choice([[REVIEW], [REVIEW[:30], REVIEW[30:]], [HIDDEN], [b"abcde", HIDDEN], [b"a"] * 5])
        request.set_chunks(*pieces)
    return request


# --- mutations: each takes the request and a random generator ---------------------------------------------------

def put(rng, text, what):
    at = rng.randrange(len(text) + 1)
    return text[:at] + what + text[at:]


def some_header(rng, request):
    return rng.choice(request.headers) if request.headers else [b"", b"", b"", b""]


def empty_name(request, rng):
    request.add(rng.choice([b"", b"", b" ", b"\t"]), b"y", rng.randrange(len(request.headers) + 1))


def bad_name(request, rng):
    name = rng.choice([b"X Y", b"X\tY", b"(X)", b"X/Y", b"X\0", b"\0X", b"X\x80", b"X@Y", b"X[", b'"X"', b"{X}", b"X,Y", b"X;Y",
                       b"X\r", b"\rX", b"X\x7f", b"X=Y", b"X?", b"X\\", b"\xef\xbb\xbfX", b"Content-Length\0", b"Content Length",
                       b"Transfer-Encoding\0", b"\x0bTransfer-Encoding", b"\xa0Content-Length"])
    value = b"chunked" if b"ransfer" in name else b"%d" % rng.choice([0, 5, 40])
    request.add(name, value, rng.randrange(len(request.headers) + 1))


def colon(request, rng):
    header = some_header(rng, request)
    header[1] = rng.choice([b" : ", b"\t: ", b" :", b"\0: ", b"\r: ", b"", b" ", b":: ", b" \t:", b"\x0b:", b"\r\n : ", b"\xa0: "])


def benign_colon(request, rng):
    some_header(rng, request)[1] = rng.choice([b":", b":  ", b":\t", b": \t "])


def no_colon(request, rng):
    request.headers.insert(rng.randrange(len(request.headers) + 1),
                           [rng.choice([b"X", b"Content-Length", b"GET /x HTTP/1.1", b"X Y", b"\0", b"."]), b"", b"", b"\r\n"])


def fold(request, rng):
    header = some_header(rng, request)
    blank = rng.choice([b" ", b"\t", b"  ", b" \t"])
    how = rng.randrange(6)
    if how == 0:
        header[1] += b"\r\n" + blank  # Content-Length:\r\n 40
    elif how == 1:
        header[2] += b"\r\n" + blank + rng.choice([b"", b"x", b"0", b"X: y", b"Content-Length: 5"])
    elif how == 2:
        header[2] = put(rng, header[2], b"\r\n" + blank)
    elif how == 3:
        header[2] += b"\r\n" + blank + b"\r\n" + blank
    elif how == 4:
        header[2] += rng.choice([b"\n", b"\r"]) + blank + b"x"
    else:
        header[1] = b"\r\n" + blank + b": "


def fold_first(request, rng):
    request.headers.insert(0, [rng.choice([b" ", b"\t"]) + rng.choice([b"X", b"Content-Length", b"Host", b""]), b": ", b"5", b"\r\n"])


def control_in_value(request, rng):
    header = some_header(rng, request)
    header[2] = put(rng, header[2], rng.choice(CONTROLS[:11]))


def control_in_length(request, rng):
    for header in request.find(b"content-length", b"transfer-encoding"):
        header[2] = rng.choice([b"0\0" + header[2], header[2] + b"\0", header[2] + b"\0" + b"0", b"\0" + header[2],
                                header[2] + b"\x0b", b"\x0b" + header[2], header[2] + b"\r", b"\r" + header[2], b"\xa0" + header[2],
                                header[2] + b"\x0c", header[2] + b"\x1f", header[2] + b"\x80"])


def line_ending(request, rng):
    header = some_header(rng, request)
    header[3] = rng.choice([b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r", b"\0\r\n", b"\n\n", b"\r \n", b"\x0b\r\n", b"\x85"])


def first_line_ending(request, rng):
    request.line_end = rng.choice([b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r", b"\0\r\n", b" \n", b"\x85"])


def head_ending(request, rng):
    request.end = rng.choice([b"\n", b"\r", b"\r\r\n", b"\n\r\n", b" \r\n", b"\t\r\n", b"\0\r\n", b"", b"\r\n\r\n", b"\r\r", b"\n\n"])


def all_lines_end_in_lf(request, rng):
    request.line_end = request.end = b"\n"
    for header in request.headers:
        header[3] = b"\n"


def lead(request, rng):
    request.lead = rng.choice([b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b" \r\n", b"\r\r\n", b"\x0b", b"\xef\xbb\xbf",
                               b"\r\n" * 5, b"\n\n"])


def length_value(request, rng):
    for header in request.find(b"content-length"):
        n = header[2]
        header[2] = rng.choice([
            b"+" + n, b"-" + n, b"0x" + n, b" " + n, n + b" ", b"\t" + n, n + b"," + n, n + b", " + n, b"0" + n, b"000" + n, n + b",",
            b"," + n, n + b",0", b"0," + n, n + b";", n + b".0", n + b"e0", b"'" + n + b"'", b'"' + n + b'"', n + b" " + n, b"", b" ",
            b"-1", b"-0", b"+0", b"0x0", b"18446744073709551616", b"18446744073709551615", b"18446744073709551621",
            b"9223372036854775808", b"9223372036854775807", b"4294967296", b"4294967301", b"9" * 40, b"0" * 40 + n, b"_" + n, n + b"_0",
            b"1_0", b"\xd9\xa5", n + b"x", b"x", b"five", n + b"\xa0", b"(" + n + b")", b"0b101", b"05", b"\x35\x0b", n + b"%00",
            b"%d" % (int(n) + 1 if n.isdigit() else 1), b"0", b"%d" % max(0, int(n) - 1 if n.isdigit() else 1)])


def second_length(request, rng):
    lengths = request.find(b"content-length")
    n = lengths[0][2] if lengths else b"5"
    request.add(rng.choice([b"Content-Length", b"content-length", b"CONTENT-LENGTH", b"Content-length"]),
                rng.choice([n, b"0", b"5", n + b"0", b"", b"x", b"0" + n, b"+" + n]), rng.randrange(len(request.headers) + 1))


def like_length(request, rng):
    request.add(rng.choice([b"Content_Length", b"X-Content-Length", b"Content-Lengt", b"Content-Lengthx", b"Content--Length"]), b"5")


ENCODINGS = [b"chunked", b"Chunked", b"CHUNKED", b"xchunked", b"chunkedx", b"chunked, chunked", b"gzip, chunked", b"chunked, gzip",
             b"identity", b"identity, chunked", b"chunked, identity", b"chunked;q=1", b"chunked ", b"\tchunked", b" chunked",
             b"\x0bchunked", b"chunked\x0b", b"chunked\0", b"'chunked'", b'"chunked"', b"", b",chunked", b"chunked,", b", chunked",
             b"trailers", b"deflate", b"x", b"chunk", b"chun ked", b"gzip", b"chunked\r", b"\rchunked", b"chunked;", b"chunked; a=b",
             b"chu\x00nked", b"cow, chunked"]


def encoding_value(request, rng):
    for header in request.find(b"transfer-encoding"):
        header[2] = rng.choice(ENCODINGS)


def second_encoding(request, rng):
    name = rng.choice([b"Transfer-Encoding", b"transfer-encoding", b"TRANSFER-ENCODING", b"Transfer-encoding"])
    request.add(name, rng.choice(ENCODINGS), rng.randrange(len(request.headers) + 1))


def like_encoding(request, rng):
    request.add(rng.choice([b"Transfer_Encoding", b"X-Transfer-Encoding", b"Transfer-Encodin", b"TE", b"Content-Encoding",
                            b"Transfer--Encoding"]),
                b"chunked")


def version(request, rng):
    request.version = rng.choice([
        b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9", b"HTTP/1.01", b"HTTP/01.1", b"HTTP/1",
        b"HTTP/1.", b"HTTP/.1", b"HTTP/11", b"HTTP/1.11", b"http/1.1", b"Http/1.1", b"HTTPS/1.1", b"HTTP /1.1", b"HTTP/ 1.1",
        b"HTTP/1 .1", b"HTTP/1.1x", b"HTTP/1.1\0", b"XHTTP/1.1", b"HTTP-1.1", b"HTTP/1,1", b"HTTP/-1.1", b"HTTP/+1.1", b"HTTP\\1.1",
        b"ICY/1.1", b"HTTP/1.1 HTTP/1.1", b"HTTP/1.1,", b"HTTP/\xd9\xa1.1", b"HTTP/0.0", b"HTTP/1.9", b"RTSP/1.0", b""])


def no_version(request, rng):
    request.gap[1] = request.version = b""


def http10_keep_alive(request, rng):
    request.version = b"HTTP/1.0"
    request.add(b"Connection", rng.choice([b"keep-alive", b"Keep-Alive", b"keep-alive, close", b"close, keep-alive", b"keep-alive, TE"]))


def connection(request, rng):
    request.add(rng.choice([b"Connection", b"connection", b"Proxy-Connection", b"Keep-Alive"]), rng.choice([
        b"close", b"keep-alive", b"close, keep-alive", b"Content-Length", b"Transfer-Encoding", b"Host", b"upgrade", b"TE", b"", b",",
        b"clos", b"close\0", b"CLOSE", b"keep-alive,close", b"Upgrade, HTTP2-Settings"]))


def upgrade(request, rng):
    request.add(b"Upgrade", rng.choice([b"h2c", b"websocket", b"HTTP/2.0", b"TLS/1.0", b"x"]))
    request.add(b"Connection", b"Upgrade")


def expect(request, rng):
    request.add(b"Expect", rng.choice([b"100-continue", b"100-Continue", b"x", b"", b"100-continue, x", b"200-ok"]))


def host(request, rng):
    hosts = request.find(b"host")
    how = rng.randrange(4)
    if how == 0 and hosts:
        request.headers.remove(hosts[0])
    elif how == 1:
        request.add(rng.choice([b"Host", b"host", b"HOST"]), rng.choice([b"localhost", b"other", b""]),
                    rng.randrange(len(request.headers) + 1))
    elif hosts:
        hosts[0][2] = rng.choice([b"", b"a b", b"a/b", b"a@b", b"localhost:443", b"[::1]", b"a,b", b"a\0b", b"a\tb", b"localhost:x",
                                  b"http://a", b"a#b", b"a?b", b"\xc3\xa4", b"<a>", b"a\\b", b"[::1", b".", b"a%00"])


def target(request, rng):
    old = request.target
    request.target = rng.choice([
        b"http://localhost" + old, b"https://localhost" + old, b"http://other" + old, b"HTTP://localhost" + old, b"http:" + old, b"*",
        b"/" + old, old[1:], old + b"#x", old + b"?x", old + b"?a=b&c=%00", old + b"%00", old + b"%0d%0a", old + b"%zz", old + b"%",
        b"/\x80",
        old + b"\0", old + b"\t", old + b"\x7f", b"", b"localhost:443", b"http://", b"//", old + b"/..", b"/%2e%2e" + old, old + b"\\",
        old + b" x", old + b'"', old + b"<", old + b"|", old + b"^", b"/../" + old, b"http://user@localhost" + old,
        b"http://localhost:99999" + old, old + b"\r", old + b"\x0b", old + b"?" + b"x" * 300, b"h" + old, b"?" + old, b"#",
        b"http://[::1" + old, b"http://a b" + old])


def method(request, rng):
    request.method = rng.choice([
        b"get", b"GE T", b"CONNECT", b"OPTIONS", b"HEAD", b"TRACE", b"Post", b"G\0ET", b"GET\t", b"PRI", b"(GET)", b"", b"DELETE", b"PUT",
        b"PATCH", b"X" * 100, b"GET:", b"G\xc4T", b"\x80", b"GET,", b"POST", b"GET", b"M-SEARCH", b"GET/", b"G\rET", b"0", b"!"])


def gaps(request, rng):
    if rng.random() < 0.3:
        request.tail = rng.choice([b" ", b"\t", b"  ", b"\0", b"\r", b"\x0b", b" x"])
    else:
        request.gap[rng.randrange(2)] = rng.choice([b"  ", b"\t", b" \t", b"\x0b", b"\x0c", b"\0", b"\r", b"", b" \r", b"\xa0", b"\n",
                                                    b"\r\n "])


def more_headers(request, rng):
    """As clients have them: nothing is wrong."""
    for _ in range(rng.choice([1, 3, 20])):
        request.add(*rng.choice([(b"Accept", b"*/*"), (b"User-Agent", b"kube-apiserver/v1.36.3 (linux/amd64) kubernetes/abc"),
                                 (b"X-Empty", b""), (b"Accept-Encoding", b"gzip"), (b"X-Tab", b"a\tb"), (b"X-Bytes", b"\xc3\xa4"),
                                 (b"Cookie", b"a=b; c=d"), (b"X-Long", b"x" * 60), (b"!#$%&'*+-.^_`|~", b"token")]),
                    rng.randrange(len(request.headers) + 1))


def too_many_headers(request, rng):
    for _ in range(rng.choice([300, 700])):
        request.add(b"X", b"y" * rng.choice([0, 10, 40]))


def letters(request, rng):
    """Names of headers know no case."""
    for header in request.headers:
        header[0] = bytes(rng.choice([byte, byte ^ 32]) if chr(byte).isalpha() else byte for byte in header[0])


def broken_cookie(request, rng):
    request.add(b"Cookie", rng.choice([b"a=\"b", b"=", b";;", b"a", b"a=b;", b"a=\0", b"a=b\r", b"\"", b"a= b", b"$Version=1"]))


def some_chunk(rng, request):
    return rng.choice(request.chunks or [Chunk(b"")])


def chunk_size(request, rng):
    chunk = some_chunk(rng, request)
    n = chunk.size
    chunk.size = rng.choice([
        n + b" ", b" " + n, b"+" + n, b"-" + n, b"0x" + n, b"0" + n, b"000000" + n, b"0" * 15 + n, b"0" * 16 + n, b"0" * 17 + n,
        b"0" * 30 + n, n.upper(), n + b"\t", b"\t" + n, n + b"_", b"_" + n, n + b"h", n + b"g", b"", b"x", b"ffffffffffffffff",
        b"fffffffffffffffe", b"10000000000000000" + n, b"1" + b"0" * 15 + n, b"7fffffffffffffff", b"8000000000000000", n + b"\0",
        b"\0" + n, n + b"\x0b", n + b",", n + b".0", n + b" " + n, b"'" + n + b"'", n + b"L", b"\xd9\xa5", n + b"\xa0", n + b"\r",
        n + b"  ", b"0" + n + b" ", b"-0", b"+0"])


def chunk_extension(request, rng):
    some_chunk(rng, request).extension = rng.choice([
        b";a\nb", b";a\rb", b";a\0b", b";\r", b";\n", b" ;a", b"\t;a", b"; a ", b";a\x0b", b";a\x7f", b";a\x80", b";a=\"\r\n\"",
        b";a=\"b", b";;", b",a", b" a", b"\n;a", b"\r;a", b";a\n0\n\n", b";a\r0\r\r", b";a\r\r"])


def valid_extension(request, rng):
    """RFC 9112 7.1.1; libmicrohttpd 1.0.1 cannot read them, so they may be refused."""
    some_chunk(rng, request).extension = rng.choice([b";a", b";a=b", b';a="b c"', b";a;b=c", b";" + b"a" * 200])


def extension_over_line_feed(request, rng):
    """The line feed of a line with an extension, counted as the first byte of the chunk."""
    chunk = some_chunk(rng, request)
    if chunk.data:
        chunk.size, chunk.extension = b"%x" % (len(chunk.data) + 1), rng.choice([b";a", b";a=b", b" ;a"])


def chunk_line_ending(request, rng):
    some_chunk(rng, request).eol = rng.choice([b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\n\r", b"\r\0", b"", b" \r\n", b"\0\r\n",
                                               b"\r\n\r\n", b"\rX", b"\r \n"])


def chunk_end(request, rng):
    some_chunk(rng, request).end = rng.choice([b"", b"\n", b"\r", b"XX", b"\r\n\r\n", b"\r\r\n", b" \r\n", b"X\r\n", b"\rX", b"\n\r",
                                               b"\n\n", b"\0\r\n", b"\r\nX", b";\r\n"])


def last_chunk(request, rng):
    if request.chunks:
        request.chunks[-1].size = rng.choice([b"00", b"0 ", b"0;x", b"0" * 21, b"0" * 40, b"-0", b"+0", b"0x0", b"", b"0\0", b" 0",
                                              b"0\n", b"0_", b"0h", b"0;"])


def no_last_chunk(request, rng):
    del request.chunks[-1:]
    if not request.chunks:
        request.trailers, request.trailer_end = [], b""


def trailer(request, rng):
    request.trailers.append(rng.choice([
        [b"", b": ", b"y", b"\r\n"], [b"X Y", b": ", b"y", b"\r\n"], [b"X", b" : ", b"y", b"\r\n"], [b"X", b": ", b"y", b"\n"],
        [b"X", b"", b"", b"\r\n"], [b"X", b": ", b"y\0", b"\r\n"], [b" X", b": ", b"y", b"\r\n"], [b"X", b": ", b"y\r\n z", b"\r\n"],
        [b"X", b": ", b"y\rz", b"\r\n"], [b"X\0", b": ", b"y", b"\r\n"], [b"X", b": ", b"y", b"\r"], [b"X", b": ", b"y", b"\r\r\n"],
        [b"(X)", b": ", b"y", b"\r\n"], [b"GET /healthz HTTP/1.1", b"", b"", b"\r\n"], [b"X", b": ", b"y" * 3000, b"\r\n"],
        [b"\t", b"", b"", b"\r\n"], [b"Host", b": ", b"other", b"\r\n"], [b"Content-Length", b": ", b"5", b"\r\n"],
        [b"Transfer-Encoding", b": ", b"chunked", b"\r\n"]]))


def benign_trailer(request, rng):
    request.trailers.append(rng.choice([[b"X", b": ", b"y", b"\r\n"], [b"X", b":", b"", b"\r\n"],
                                        [b"X-Checksum", b": ", b"abc", b"\r\n"]]))


def trailer_ending(request, rng):
    request.trailer_end = rng.choice([b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"", b" \r\n", b"\n\n", b"\0\r\n", b"X\r\n", b"\r\n\r\n"])


def body_length(request, rng):
    """More or less than was said."""
    request.body = rng.choice([request.body[:-1], request.body + b"x", request.body + b"\r\n", b"", request.body + HIDDEN])


def body_unannounced(request, rng):
    for header in request.find(b"content-length", b"transfer-encoding"):
        request.headers.remove(header)


def insert_byte(request, rng):
    what = rng.choice(BYTES)
    request.edits.append((rng.random(), lambda head, at: head[:at] + what + head[at:]))


def delete_bytes(request, rng):
    count = rng.choice([1, 1, 1, 2, 5])
    request.edits.append((rng.random(), lambda head, at: head[:at] + head[at + count:]))


def replace_byte(request, rng):
    what = rng.choice(BYTES)
    request.edits.append((rng.random(), lambda head, at: head[:at] + what + head[at + 1:]))


def double_bytes(request, rng):
    count = rng.choice([1, 2, 10, 40])
    request.edits.append((rng.random(), lambda head, at: head[:at + count] + head[at:]))


# What keeps a request as RFC 9112 has it: it must be answered, and what comes behind it, but for a chunked body.
BENIGN = [benign_colon, more_headers, letters]
BENIGN_CHUNKED = [benign_trailer]
HEAD = [empty_name, bad_name, colon, no_colon, fold, fold_first, control_in_value, control_in_length, line_ending, first_line_ending,
        head_ending, all_lines_end_in_lf, lead, length_value, second_length, like_length, encoding_value, second_encoding, like_encoding,
        version, no_version, http10_keep_alive, connection, upgrade, expect, host, target, method, gaps, too_many_headers, broken_cookie,
        body_length, body_unannounced, insert_byte, delete_bytes, replace_byte, double_bytes]
CHUNKED = [chunk_size, chunk_extension, valid_extension, extension_over_line_feed, chunk_line_ending, chunk_end, last_chunk,
           no_last_chunk, trailer, trailer_ending]


class Case:
    """One connection's bytes. mutations: (function, its seed)"""

    def __init__(self, number, base, base_seed, mutations):
        self.number, self.base, self.base_seed, self.mutations = number, base, base_seed, mutations

    @property
    def is_secure(self):
        return self.base is base_secure

    @property
    def is_benign(self):
        return all(function in BENIGN or function in BENIGN_CHUNKED for function, _ in self.mutations)

    @property
    def is_chunked(self):
        return bool(self.base(random.Random(self.base_seed)).chunks)

    @property
    def is_review(self):
        """Its body is one that is answered with a TokenReview."""
        request = self.base(random.Random(self.base_seed))
        return self.is_secure and (request.body or b"".join(chunk.data for chunk in request.chunks)) == REVIEW

    @property
    def data(self):
        request = self.base(random.Random(self.base_seed))
        for function, seed in self.mutations:
            function(request, random.Random(seed))
        return request.render() + SENTINEL

    def without(self, index):
        return Case(self.number, self.base, self.base_seed, self.mutations[:index] + self.mutations[index + 1:])

    @property
    def names(self):
        return tuple(sorted(function.__name__ for function, _ in self.mutations))


def make_case(seed, number, secure_share):
    rng = random.Random(f"{seed}/{number}")
    base = base_secure if rng.random() < secure_share else base_plain
    base_seed = rng.randrange(2 ** 32)
    has_chunks = bool(base(random.Random(base_seed)).chunks)
    kinds = BENIGN + (BENIGN_CHUNKED if has_chunks else [])
    if rng.random() > 0.05:
        kinds = kinds + HEAD + (CHUNKED * 4 if has_chunks else [])
    count = rng.choices([1, 2, 3], [6, 3, 1])[0]
    return Case(number, base, base_seed, [(rng.choice(kinds), rng.randrange(2 ** 32)) for _ in range(count)])
