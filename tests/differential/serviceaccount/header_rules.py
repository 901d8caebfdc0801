# SPDX-License-Identifier: Apache-2.0
"""What is tried on the header, on keys and algorithms, and on the bytes of a token, as in claim_rules.py."""
import base64
import binascii

from cases import letters
from serviceaccount.cases import KINDS
from serviceaccount.claim_rules import UNKNOWN, escaped, given, mutated_json, nested, text_or
from serviceaccount.keys import HASHES, NATURAL, ORDERS, base64url, family_of, joined
from serviceaccount.tokens import KeyId, Members, Raw, chosen

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


# --- members ----------------------------------------------------------------------------------------------------------

def header(name, value):
    """A function is called with the present value and the case's random."""
    def apply(draft, subject, rng):
        present = draft.header.get(name)
        if callable(value) and isinstance(present, KeyId):
            draft.header.set(name, KeyId(present.key, chosen(rng, value)))
        else:
            draft.header.set(name, given(value, present, rng))
    return apply


def header_twice(name, value, first):
    def apply(draft, subject, rng):
        draft.header.add(name, draft.header.get(name) if value == "same" else value, first)
    return apply


def header_edit(edit):
    def apply(draft, subject, rng):
        draft.header_edits.append(chosen(rng, edit))
    return apply


ALGORITHMS = [
    ("null", None), ("empty", ""), ("number", 256), ("list", ["RS256"]), ("object", Members()), ("true", True),
    ("none", "none"), ("None", "None"), ("NONE", "NONE"), ("lower case", text_or(lambda v, r: v.lower())),
    ("blank behind", text_or(lambda v, r: v + " ")),
    ("NUL behind", text_or(lambda v, r: v + "\0")), ("one short", text_or(lambda v, r: v[:-1])), ("escaped", text_or(escaped)),
    *[(name, name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA",
    "HS256", "HS384",
                                "HS512", "RS1", "RSA-OAEP", "A128KW", "dir", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87")],
]
KIDS = [
    ("null", None), ("empty", ""), ("number", 1), ("zero", 0), ("list", lambda v, r: [v]), ("object", Members()), ("true", True),
    ("unknown", lambda v, r: letters(r, 43)), ("upper case", text_or(lambda v, r: v.upper())),
    ("one short", text_or(lambda v, r: v[:-1])),
    ("one long", text_or(lambda v, r: v + "a")), ("padded", text_or(lambda v, r: v + "=")),
    ("blank behind", text_or(lambda v, r: v + " ")),
    ("NUL behind", text_or(lambda v, r: v + "\0")), ("escaped", text_or(escaped)),
    ("lone surrogate behind", text_or(lambda v, r: Raw(f'"{v}\\ud800"'))),
    ("not UTF-8", text_or(lambda v, r: Raw(f'"{v}\udcff"'))), ("4,000 letters", lambda v, r: letters(r, 4000)),
    ("path", "../../dev/null"),
    ("a query", "' OR 1=1 --"),
]
PUBLIC_JWK = {"kty": "EC", "crv": "P-256", "x": "TuvHtsaT10cEU0LKE97Kz50NeGZ18NP04HIErsB74I8",
              "y": "5J6dtkblUljhEFezwVRGmfuC2_fKksr4lHNVsUOH2vU"}
TEXT_NUMBER_NULL = [("text", "x"), ("number", 1), ("null", None)]
OTHERS = {
    "typ": [("JWT", "JWT"), ("at+jwt", "at+jwt"), ("empty", ""), ("null", None), ("number", 1), ("list", ["JWT"])],
    "cty": [("JWT", "JWT"), ("null", None), ("number", 1)],
    "crit": [("empty", []), ("null", None), ("b64", ["b64"]), ("exp", ["exp"]), ("b64 and exp", ["b64", "exp"]), ("alg", ["alg"]),
             ("text", "b64"), ("empty text", ""), ("number", 1), ("object", Members()), ("number in a list", [1]),
             ("b64 twice", ["b64", "b64"])],
    "b64": [("true", True), ("false", False), ("null", None), ("text", "true"), ("number", 0)],
    "jwk": [("null", None), ("empty", {}), ("text", "x"), ("list", []), ("public", PUBLIC_JWK),
            ("public, off the curve", {**PUBLIC_JWK, "y": PUBLIC_JWK["x"]}), ("private", {**PUBLIC_JWK, "d": PUBLIC_JWK["x"]}),
            ("unknown type", {"kty": "OKP"}), ("symmetric", {"kty": "oct", "k": "AAAA"})],
    "jku": [("https", "https://localhost/keys"), ("number", 1), ("null", None)],
    "x5u": [("https", "https://localhost/cert"), ("number", 1)],
    "x5c": [("empty", []), ("null", None), ("text", "x"), ("bad", ["x"]), ("bad base64", ["!"]), ("number", 1), ("numbers", [1])],
    **dict.fromkeys(("x5t", "x5t#S256", "zip", "enc", "nonce", "url", "epk", "apu", "p2c", "iss", "cnf"), TEXT_NUMBER_NULL),
    "example.test/x": UNKNOWN,
}


def rfc7797(encodes):
    """The payload of b64: false is signed as it is, and stands as it is: without a dot, as long as it is compact."""
    def apply(draft, subject, rng):
        draft.header.set("b64", encodes)
        draft.header.set("crit", ["b64"])
        if not encodes:
            def sign(keys, data):
                protected, _, payload = data.partition(b".")
                return keys.sign(draft.key, draft.algorithm, protected + b"." + decoded(payload))
            draft.sign = sign
    return apply


# --- keys ---------------------------------------------------------------------------------------------------------------

def signs_with(key, algorithm=None, says_kid=True, kid_of=None):
    """kid_of: whose ID the header has"""
    def apply(draft, subject, rng):
        draft.resign(key, algorithm)
        if kid_of:
            draft.header.set("kid", KeyId(kid_of))
        if not says_kid:
            draft.header.drop("kid")
    return apply


def says(algorithm):
    """Signed by one algorithm, and the header has another."""
    def apply(draft, subject, rng):
        draft.header.set("alg", algorithm)
    return apply


def signature(edit):
    def apply(draft, subject, rng):
        draft.signature_edits.append(chosen(rng, edit))
    return apply


def numbers(change):
    """Of an ECDSA signature: change(r, s, the order) -> (r, s)."""
    def apply(draft, subject, rng):
        if not draft.key.startswith("p") or not draft.algorithm.startswith("ES"):
            draft.resign("p256")
        algorithm, order = draft.algorithm, ORDERS[family_of(draft.key)]

        def edit(value):
            half = len(value) // 2
            return joined(change(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"), order), algorithm)
        draft.signature_edits.append(edit)
    return apply


def as_der(draft, subject, rng):
    draft.resign("p256")
    draft.sign = lambda keys, data: keys.sign_der("p256", "ES256", data)


def salted(salt_len):
    def apply(draft, subject, rng):
        draft.resign("rsa", "PS256")
        draft.sign = lambda keys, data: keys.sign_pss("rsa", "PS256", data, salt_len)
    return apply


def flipped(value, rng):
    """One bit of the bytes is another."""
    at = rng.randrange(len(value))
    return value[:at] + bytes([value[at] ^ 1 << rng.randrange(8)]) + value[at + 1:]


SIGNATURES = [
    ("empty", lambda v, r: b""), ("one byte", lambda v, r: b"\0"), ("all zero", lambda v, r: bytes(len(v))),
    ("all ones", lambda v, r: b"\xff" * len(v)),
    ("one short", lambda v, r: v[:-1]), ("one short in front", lambda v, r: v[1:]), ("zero behind", lambda v, r: v + b"\0"),
    ("zero in front", lambda v, r: b"\0" + v), ("halves exchanged", lambda v, r: v[len(v) // 2:] + v[:len(v) // 2]),
    ("twice", lambda v, r: v * 2),
    ("back to front", lambda v, r: v[::-1]), ("random", lambda v, r: r.randbytes(len(v))),
    ("4,096 bytes", lambda v, r: r.randbytes(4096)),
]
NUMBERS = [
    ("s negated", lambda r, s, n: (r, n - s)), ("r negated", lambda r, s, n: (n - r, s)), ("r + n", lambda r, s, n: (r + n, s)),
    ("s + n", lambda r, s, n: (r, s + n)), ("r zero", lambda r, s, n: (0, s)), ("s zero", lambda r, s, n: (r, 0)),
    ("both zero", lambda r, s, n: (0, 0)),
    ("both one", lambda r, s, n: (1, 1)), ("r is n", lambda r, s, n: (n, s)), ("s is n", lambda r, s, n: (r, n)),
    ("r is n - 1", lambda r, s, n: (n - 1, s)),
]


# --- base64url and the compact form ---------------------------------------------------------------------------------------

def decoded(piece):
    """As it is, or nothing: a rule before may have broken it."""
    try:
        return base64.urlsafe_b64decode(piece + b"=" * (-len(piece) % 4))
    except binascii.Error:
        return b""


def unused_bits(piece, rng):
    """Those of the last letter are not zero: decodes to the same where they are not looked at."""
    unused = {2: 16, 3: 4}.get(len(piece) % 4)
    if not unused or piece[-1] not in ALPHABET:
        return piece
    return piece[:-1] + ALPHABET[ALPHABET.index(piece[-1]) | rng.randrange(1, unused)]


def put(text, where="inside"):
    def edit(piece, rng):
        at = {"front": 0, "behind": len(piece)}.get(where, rng.randrange(1, len(piece)) if len(piece) > 1 else 0)
        return piece[:at] + text + piece[at:]
    return edit


def other_letter(piece, rng):
    at = rng.randrange(len(piece))
    return piece[:at] + rng.choice(ALPHABET.replace(piece[at], "")) + piece[at + 1:]


PIECES = [
    ("unused bits", unused_bits), ("padded", lambda p, r: p + "=" * (-len(p) % 4 or 1)), ("one pad", put("=", "behind")),
    ("four pads", put("====", "behind")),
    ("newline inside", put("\n")), ("carriage return inside", put("\r")), ("newline in front", put("\n", "front")),
    ("CR LF inside", put("\r\n")),
    ("newlines everywhere", lambda p, r: "\n".join(p)), ("NUL inside", put("\0")), ("tab inside", put("\t")),
    ("no-break space inside", put("\u00a0")),
    ("line separator inside", put("\u2028")), ("line tabulation inside", put("\v")), ("plus inside", put("+")),
    ("solidus inside", put("/")), ("comma inside", put(",")),
    ("per cent inside", put("%3D")), ("Cyrillic letter inside", put("\u0430")), ("one letter more", put("A", "behind")),
    ("two letters more", put("AA", "behind")),
    ("four letters more", put("AAAA", "behind")), ("one letter less", lambda p, r: p[:-1]), ("two letters less", lambda p, r: p[:-2]),
    ("empty", lambda p, r: ""),
    ("one letter", lambda p, r: "A"), ("standard alphabet", lambda p, r: p.replace("-", "+").replace("_", "/")),
    ("one case", lambda p, r: p.lower()), ("another letter", other_letter), ("dot inside", put(".")),
    ("percent encoded", lambda p, r: f"%{ord(p[0]):02x}{p[1:]}" if p else p),
]
PIECE_NAMES = ("header", "payload", "signature")


def piece(number, edit, before=False):
    """before: it is signed then, as it is"""
    def apply(draft, subject, rng):
        choose = chosen(rng, edit)

        def changed(pieces):
            return [choose(each) if at == number else each for at, each in enumerate(pieces)]
        (draft.encoded_edits if before else draft.piece_edits).append(changed)
    return apply


def whole(edit):
    def apply(draft, subject, rng):
        choose = chosen(rng, edit)
        draft.piece_edits.append(lambda pieces: choose(pieces) if len(pieces) == 3 else pieces)
    return apply


WHOLE = [
    ("a piece more", lambda p, r: [*p, "AAAA"]), ("a piece more in front", lambda p, r: ["AAAA", *p]),
    ("an empty piece more", lambda p, r: [*p, ""]),
    ("an empty piece in front", lambda p, r: ["", *p]), ("no signature", lambda p, r: p[:2]),
    ("an empty signature", lambda p, r: [*p[:2], ""]),
    ("five pieces", lambda p, r: [*p, "AAAA", "AAAA"]), ("header only", lambda p, r: p[:1]),
    ("payload exchanged with header", lambda p, r: [p[1], p[0], p[2]]),
    ("signature first", lambda p, r: [p[2], p[0], p[1]]), ("detached", lambda p, r: [p[0], "", p[2]]),
    ("JWS JSON, flattened", lambda p, r: [
        f'{{"protected":"{p[0]}","payload":"{p[1]}","signature":"{p[2]}"}}']),
    ("JWS JSON, general", lambda p, r: [f'{{"payload":"{p[1]}","signatures":[{{"protected":"{p[0]}","signature":"{p[2]}"}}]}}']),
    ("twice", lambda p, r: [*p[:2], p[2] + ".".join(p)]), ("quoted", lambda p, r: ['"' + p[0], p[1], p[2] + '"']),
    ("Bearer in front", lambda p, r: ["Bearer:" + p[0], *p[1:]]),
    ("long dots", lambda p, r: ["\u3002".join(p)]), ("full-width dots", lambda p, r: ["\uff0e".join(p)]),
    ("commas", lambda p, r: [",".join(p)]),
    ("byte order mark", lambda p, r: ["\ufeff" + p[0], *p[1:]]), ("newline in front", lambda p, r: ["\n" + p[0], *p[1:]]),
]


def padded_to(length):
    """Some claim more makes it so long, about."""
    def apply(draft, subject, rng):
        draft.claims.add("example.test/padding", "x" * length)
    return apply


def mutated_bytes(number):
    def edit(text, rng):
        data = decoded(text.encode("ascii", "ignore"))
        return base64url(flipped(data, rng)) if data else text
    return piece(number, edit)


HEADER_EDITS = [
    ("blank in front", lambda t, r: " " + t), ("newline behind", lambda t, r: t + "\n"),
    ("blanks inside", lambda t, r: t.replace(",", " ,\r\n\t")),
    ("text behind", lambda t, r: t + "x"), ("object behind", lambda t, r: t + "{}"), ("NUL behind", lambda t, r: t + "\0"),
    ("no end", lambda t, r: t[:-1]),
    ("comma at the end", lambda t, r: t[:-1] + ",}"), ("in a list", lambda t, r: f"[{t}]"), ("null", lambda t, r: "null"),
    ("empty object", lambda t, r: "{}"),
    ("number", lambda t, r: "1"), ("text", lambda t, r: '"x"'), ("empty", lambda t, r: ""),
    ("byte order mark", lambda t, r: "\ufeff" + t),
    ("UTF-16", lambda t, r: "\0".join(t) + "\0"), ("single quotes", lambda t, r: t.replace('"', "'")),
    ("ALG for alg", lambda t, r: t.replace('"alg"', '"ALG"')),
    ("Kid for kid", lambda t, r: t.replace('"kid"', '"Kid"')), ("\u017f for s", lambda t, r: t.replace("}", ',"jwk\u017f":1}')),
    ("KELVIN SIGN for k", lambda t, r: t.replace('"kid"', '"\u212aid"')),
    ("escaped names", lambda t, r: t.replace('"alg"', '"\\u0061lg"')),
    ("100 members more", lambda t, r: t[:-1] + "".join(f',"m{n}":{n}' for n in range(100)) + "}"),
]
UPPER = [("alg", "ALG", "none"), ("kid", "KID", "x"), ("crit", "Crit", ["exp"]), ("b64", "B64", False), ("jwk", "JWK", 1)]

HEADER_RULES = [
    *[(f"header alg: {name}", KINDS, header("alg", value)) for name, value in ALGORITHMS],
    ("header alg: absent", KINDS, lambda d, s, r: d.header.drop("alg")),
    ("header kid: absent", KINDS, lambda d, s, r: d.header.drop("kid")),
    *[(f"header kid: {name}", KINDS, header("kid", value)) for name, value in KIDS],
    *[(f"header {member}: {name}", KINDS, header(member, value)) for member, values in OTHERS.items() for name, value in values],
    *[(f"header {name}: twice, {'another' if value != 'same' else 'the same'} {'in front' if first else 'behind'}", KINDS,
    header_twice(name, value, first))
      for name, other in (("alg", "none"), ("kid", "x"), ("typ", "JWT")) for value in ("same", other) for first in (True, False)],
    *[(f"header {upper} beside {name}", KINDS, header(upper, value)) for name, upper, value in UPPER],
    *[(f"the header: {name}", KINDS, header_edit(edit)) for name, edit in HEADER_EDITS],
    *[("the header: a byte mutated, and signed", KINDS, header_edit(mutated_json))] * 40,
    ("b64: true, and critical", KINDS, rfc7797(True)), ("b64: false, and critical", KINDS, rfc7797(False)),
    *[(f"signed by {key} with {algorithm}", KINDS, signs_with(key, algorithm)) for key in ("rsa", "rsa-e3")
      for algorithm in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")],
    *[(f"signed by {key} with {algorithm}", KINDS, signs_with(key, algorithm)) for key in ("p256", "p384",
    "p521") for algorithm in ("ES256", "ES384", "ES512")],
    *[(f"signed by {key}{', no kid' if not kid else ''}", KINDS, signs_with(key, says_kid=kid)) for key in NATURAL for kid in (True,
    False)],
    *[(f"signed by {key}, kid of {other}", KINDS, signs_with(key, kid_of=other)) for key, other in
      (("rsa", "rsa-e3"), ("p256", "p256-b"), ("p256", "p384"), ("rsa", "p256"), ("rsa-stranger", "rsa"), ("p256-stranger", "p256"),
      ("p256", "p256-stranger"))],
    *[(f"HS{size} with the public key of {key}{'' if kid else ', no kid'}", KINDS,
    signs_with(key, f"HS{size}", kid)) for size in HASHES for key in ("rsa", "p256") for kid in (True, False)],
    *[(f"signed as ever, alg {name}", KINDS, says(name)) for name in ("HS256", "none", "PS256", "RS512", "ES384", "RS256", "ES256")],
    *[(f"PSS with a salt of {salt}", KINDS, salted(salt)) for salt in (0, 1, 20, 31, 33, 64, 222)],
    ("ECDSA in DER", KINDS, as_der),
    *[(f"signature's bytes: {name}", KINDS, signature(edit)) for name, edit in SIGNATURES],
    *[(f"ECDSA: {name}", KINDS, numbers(change)) for name, change in NUMBERS],
    *[("signature's bytes: a bit flipped", KINDS, signature(flipped))] * 25,
    *[(f"{PIECE_NAMES[number]}: {name}{', and signed' if before else ''}", KINDS, piece(number, edit, before))
      for name, edit in PIECES for number in range(3) for before in ((True, False) if number < 2 else (False,))],
    *[(f"{PIECE_NAMES[number]}: a bit flipped, not signed", KINDS, mutated_bytes(number)) for number in range(3)] * 10,
    *[(f"compact form: {name}", KINDS, whole(edit)) for name, edit in WHOLE],
    *[(f"{length} bytes of padding", KINDS, padded_to(length)) for length in (4000, 8000, 11000, 13000, 40000)],
    ("header of 1,000 levels", KINDS, header("x", nested(1000))),
]
