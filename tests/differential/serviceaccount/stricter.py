# SPDX-License-Identifier: Apache-2.0
"""What kube-bearer refuses on purpose, though kube-apiserver accepts it.

Each stands in docs/conformance.md by this name. A function gets the token's Parts and says whether it is one of these: by what
was presented, not by the rule that was tried, wherever that can be told. A name that excuses nothing in a run fails it.
"""
import base64
import binascii
import json
import re

from serviceaccount.cases import TOKEN_TYPE
from serviceaccount.header_rules import ALPHABET
from serviceaccount.keys import family_of
from serviceaccount.tokens import as_bytes

TOKEN_MAX_BYTES = 16384
AUDIENCES_MAX = 64
HEADER_MEMBERS_MAX, CLAIM_MEMBERS_MAX = 16, 32
LEVELS_MAX = 64
DATE_MAX = 9 * 10 ** 18
DATES = ("exp", "nbf", "iat", "warnafter")
BINDINGS = ("serviceaccount", "pod", "node", "secret")
UNUSED = {2: 15, 3: 3}  # the bits that the last letter of a piece need not have, by its length
SURROGATE = re.compile("[\udc80-\udcff]")  # Python has these for bytes that are no UTF-8
WHITE_SPACE = re.compile(r"[\s\x00-\x1f]")


class Parts:
    """A token as it was presented, read as loosely as anybody does."""

    def __init__(self, case, token):
        self.case, self.token = case, token
        self.pieces = [WHITE_SPACE.sub("", piece) for piece in token.split(".")]
        self.texts = [decoded(piece) for piece in self.pieces[:2]]
        self.values = [parsed(text) for text in self.texts]

    @property
    def header(self):
        return self.values[0] if self.values and isinstance(self.values[0], dict) else {}

    @property
    def claims(self):
        return self.values[1] if len(self.values) > 1 and isinstance(self.values[1], dict) else {}

    def has_step(self, prefix):
        return any(name.startswith(prefix) for name, _ in self.case.recipe.steps)

    def has_unused_bits(self):
        return any(len(piece) % 4 in UNUSED and max(ALPHABET.find(piece[-1]), 0) & UNUSED[len(piece) % 4] for piece in self.pieces)

    def has_far_date(self):
        return any(isinstance(value, (int, float)) and abs(value) >= DATE_MAX
                   for each in objects(self.claims) for name, value in each.items() if name in DATES)

    def has_broken_text(self):
        """Go's reader puts U+FFFD there."""
        return any(SURROGATE.search(text) for text in self.texts)

    def has_odd_header(self):
        """A long number is one with an exponent, or of more than 20 characters."""
        nested = [each for value in self.header.values() for each in (value if isinstance(value, list) else [value])]
        return (any(isinstance(each, (dict, list)) for each in nested)
                or re.search(r"[:,[]\s*-?[0-9.]*([0-9.]{21}|[eE])", re.sub(r'"(?:[^"\\]|\\.)*"', '""', self.texts[0])))

    def has_folded_issuer(self):
        return any(name != "iss" and name.replace("\u017f", "s").lower() == "iss" for name in self.claims)

    def has_long_list(self):
        audiences = self.claims.get("aud")
        return isinstance(audiences, list) and len(audiences) > AUDIENCES_MAX

    def has_many_members(self):
        return len(self.header) > HEADER_MEMBERS_MAX or any(len(each) > CLAIM_MEMBERS_MAX for each in objects(self.claims))

    def has_unknown_binding(self):
        private = self.claims.get("kubernetes.io")
        return isinstance(private, dict) and any(isinstance(value, dict) and name not in BINDINGS for name, value in private.items())

    def curve_is_another(self):
        """Of the key that made it."""
        draft = self.case.draft
        return draft.algorithm.startswith("ES") and NATURAL_CURVES[family_of(draft.key)] != draft.algorithm

    def secret_has_another_type(self):
        secret = self.case.subject.objects.get("token")
        return bool(secret) and secret.fields.get("type") != TOKEN_TYPE


NATURAL_CURVES = {"p256": "ES256", "p384": "ES384", "p521": "ES512"}


def decoded(piece):
    try:
        data = base64.urlsafe_b64decode(as_bytes(piece + "=" * (-len(piece) % 4)))
    except (binascii.Error, ValueError):
        return ""
    return data.decode("utf-8", "surrogateescape")


def parsed(text):
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def objects(value):
    """Each object of a JSON value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(each)


def levels(text):
    """How deep its brackets nest."""
    depth = deepest = 0
    for bracket in re.findall(r'[\[{}\]]', re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


STRICTER = {
    "a token of more than 16,384 bytes": lambda parts: len(as_bytes(parts.token)) > TOKEN_MAX_BYTES,
    "white space inside of a token": lambda parts: WHITE_SPACE.search(parts.token),
    "bits of base64url that no byte needs": Parts.has_unused_bits,
    "`crit` or `b64` in the header": lambda parts: "crit" in parts.header or "b64" in parts.header,
    "`jwk` or `x5c` in the header": lambda parts: "jwk" in parts.header or "x5c" in parts.header,
    "an object, a list in a list or a long number in the header": Parts.has_odd_header,
    "`iss` in other letters beside it": Parts.has_folded_issuer,
    "text that is not UTF-8": Parts.has_broken_text,
    "more than 64 levels of JSON": lambda parts: any(levels(text) > LEVELS_MAX for text in parts.texts),
    "more than 16 members in a header or 32 in a claim": Parts.has_many_members,
    "more than 64 audiences": Parts.has_long_list,
    "a date at which Go's time wraps": Parts.has_far_date,
    "an elliptic curve that is not the algorithm's": Parts.curve_is_another,
    "a PSS signature whose salt is not as long as its digest": lambda parts: parts.has_step("PSS with a salt"),
    "bound to an object of an unknown kind": Parts.has_unknown_binding,
    "an RSA key of less than 2,048 bits": lambda parts: parts.case.draft.key == "rsa-weak",
    "a permanent token in a Secret of another type": Parts.secret_has_another_type,
}


def reason_for(case, token):
    """The name of the first that fits, or None."""
    parts = Parts(case, token)
    return next((name for name, is_one in STRICTER.items() if is_one(parts)), None)
