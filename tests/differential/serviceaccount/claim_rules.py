# SPDX-License-Identifier: Apache-2.0
"""What is tried on claims: (name, kinds of tokens, what it does to a good one). They are signed as they are then."""
import copy

from cases import letters
from serviceaccount.cases import BOUND, ISSUERS, KINDS, LEGACY, LEGACY_ISSUER, LEGACY_PREFIX, legacy_claims, reference
from serviceaccount.tokens import LEEWAY_SEC, At, Members, Raw, chosen

PRIVATE = "kubernetes.io"
WITH_POD, WITH_NODE, WITH_SECRET = ("pod", "pod and node"), ("node", "pod and node"), ("secret",)


def given(value, present, rng):
    """A function is called with the present value and the case's random. What comes of it is the case's own."""
    return copy.deepcopy(value(present, rng) if callable(value) else value)


def sets(path, value):
    """A rule that gives a claim this value."""
    def apply(draft, subject, rng):
        node = draft.at(path)
        if isinstance(node, Members):  # else a rule before has left nothing to act upon
            node.set(path[-1], given(value, node.get(path[-1]), rng))
    return apply


def drops(path):
    def apply(draft, subject, rng):
        node = draft.at(path)
        if isinstance(node, Members):
            node.drop(path[-1])
    return apply


def adds(path, name, value, first=False):
    """One more member, of the object that the path names."""
    def apply(draft, subject, rng):
        node = draft.at((*path, name))
        if isinstance(node, Members):
            node.add(name, given(value, node.get(name), rng), first)
    return apply


def renames(path, new_name):
    def apply(draft, subject, rng):
        node = draft.at(path)
        if isinstance(node, Members):
            node.rename(path[-1], new_name)
    return apply


def edits(edit):
    """Of the JSON's text."""
    def apply(draft, subject, rng):
        draft.claims_edits.append(chosen(rng, edit))
    return apply


# --- texts ----------------------------------------------------------------------------------------------------------

TEXTS = [
    (("iss",), KINDS), (("sub",), BOUND), (("sub",), LEGACY), (("jti",), KINDS),
    ((PRIVATE, "namespace"), BOUND), ((PRIVATE, "serviceaccount", "name"), BOUND), ((PRIVATE, "serviceaccount", "uid"), BOUND),
    ((PRIVATE, "pod", "name"), WITH_POD), ((PRIVATE, "pod", "uid"), WITH_POD),
    *(((PRIVATE, "node", part), (kind,)) for part in ("name", "uid") for kind in WITH_NODE),
    ((PRIVATE, "secret", "name"), WITH_SECRET), ((PRIVATE, "secret", "uid"), WITH_SECRET),
    *(((LEGACY_PREFIX + name,), LEGACY) for name in ("namespace", "secret.name", "service-account.name", "service-account.uid")),
]


def escaped(text, rng):
    """The same text, some letters of which are written as \\u."""
    return Raw('"' + "".join(f"\\u{ord(letter):04x}" if rng.random() < 0.5 else letter for letter in text or "x") + '"')


def text_or(make):
    """make(text, rng); what is no text, or absent, becomes one."""
    return lambda value, rng: make(value if isinstance(value, str) else "x", rng)


ODD_TEXTS = [
    ("null", None), ("empty", ""), ("number", 1), ("zero", 0), ("true", True), ("object", Members()), ("list of it", lambda v, r: [v]),
    ("another", lambda v, r: letters(r, 12)),
    ("upper case", text_or(lambda v, r: v.upper())),
    ("one short", text_or(lambda v, r: v[:-1])),
    ("one long", text_or(lambda v, r: v + "a")),
    ("blank behind", text_or(lambda v, r: v + " ")),
    ("slash behind", text_or(lambda v, r: v + "/")),
    ("path", text_or(lambda v, r: "../" + v)),
    ("NUL behind", text_or(lambda v, r: v + "\0")),
    ("newline behind", text_or(lambda v, r: v + "\n")),
    ("quote and backslash behind", text_or(lambda v, r: v + "\"\\")),
    ("odd letters behind", text_or(lambda v, r: v + "\u00e9\u2028\U0001f600<>&\x7f")),
    ("escaped", text_or(escaped)),
    ("escaped solidus", text_or(lambda v, r: Raw('"' + v.replace("/", "\\/") + '"'))),
    ("lone surrogate behind", text_or(lambda v, r: Raw(f'"{v}\\ud800"'))),
    ("surrogates the wrong way round", text_or(lambda v, r: Raw(f'"{v}\\udc00\\ud800"'))),
    ("surrogate pair behind", text_or(lambda v, r: Raw(f'"{v}\\ud83d\\ude00"'))),
    ("not UTF-8", text_or(lambda v, r: Raw(f'"{v}\udcff"'))),
    ("control character unescaped", text_or(lambda v, r: Raw(f'"{v}\x01"'))),
    ("unknown escape", text_or(lambda v, r: Raw(f'"{v}\\x41"'))),
    ("replacement character", text_or(lambda v, r: v + "\ufffd")),
    ("300 letters", lambda v, r: letters(r, 300)),
    ("4,000 letters", lambda v, r: letters(r, 4000)),
]


# --- dates ----------------------------------------------------------------------------------------------------------

FAR = 3 * LEEWAY_SEC
NUMBERS = [
    "-4102444800", "-1e10", "0", "-0", "-1", "1", "1.5", "0.0", "-1.5", "1e0", "1E9", "1e+9", "1.7e9", "1e10", "4102444800",
    "4102444800.5", "9007199254740993",
    "1e18", "999999999999999999", "9223372036854775806", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e19", "-1e19", "1e100", "1e308", "1e309", "1e400",
    "-1e400", "1e-400",
    "0e999999999", "0.000000000000000000000000001", "4102444800.999999999999999999999999999", "00", "01", "+1", ".5", "1.", "1e",
    "0x10", "1_0",
    "NaN", "Infinity", "nan", "4102444800000",
]
# As Go's parser has them; what of these are dates is the API server's to say.
NO_DATES = [("text", lambda v, r: "4102444800"), ("text that is none", "never"), ("empty text", ""), ("null", None),
            ("true", True), ("false", False),
            ("list", [4102444800]), ("object", Members()), ("RFC 3339", "2099-01-01T00:00:00Z")]
OFFSETS = [0, 30, -30, LEEWAY_SEC - 5, 5 - LEEWAY_SEC, LEEWAY_SEC + 5, -LEEWAY_SEC - 5, FAR, -FAR, 86400, -86400]
# The second on either side of which an answer turns, and its neighbours.
LAST, FIRST = range(-LEEWAY_SEC - 1, 2 - LEEWAY_SEC), range(LEEWAY_SEC - 1, LEEWAY_SEC + 3)
# Not on the border: Go makes a double of them, which has room for a tenth of a millionth of a second.
FORMS = [("with a fraction", "{}.0"), ("with .9", "{}.9"), ("with .999999999", "{}.999999999"), ("with exponent", "{}e0"),
         ("times ten", "{}0e-1")]
DATES = [*(((name,), KINDS) for name in ("exp", "nbf", "iat")), ((PRIVATE, "warnafter"), BOUND)]


# --- audiences --------------------------------------------------------------------------------------------------------

def audiences(change):
    def changed(value, rng):
        return change([each for each in value if isinstance(each, str)] if isinstance(value, list) else [], rng)
    return sets(("aud",), changed)


AUDIENCES = [
    ("text", lambda a, r: a[0] if a else "x"), ("the first", lambda a, r: a[:1]), ("the other way round", lambda a, r: a[::-1]),
    ("twice", lambda a, r: a * 2), ("empty", lambda a, r: []), ("one empty text", lambda a, r: [""]), ("empty text", lambda a, r: ""),
    ("null", lambda a, r: None), ("number", lambda a, r: 1), ("zero", lambda a, r: 0), ("true", lambda a, r: True),
    ("false", lambda a, r: False),
    ("object", lambda a, r: Members()), ("object with a text", lambda a, r: Members(("0", "x"))),
    ("with null", lambda a, r: [*a, None]), ("with null in front", lambda a, r: [None, *a]), ("with number", lambda a, r: [*a, 1]),
    ("with object", lambda a, r: [*a, Members()]), ("list of it", lambda a, r: [a]), ("with an empty list", lambda a, r: [*a, []]),
    ("foreign", lambda a, r: [letters(r, 8)]), ("foreign text", lambda a, r: letters(r, 8)),
    ("foreign in front", lambda a, r: [letters(r, 8), *a]),
    ("upper case", lambda a, r: [each.upper() for each in a]), ("slash behind", lambda a, r: [each + "/" for each in a]),
    ("blank behind", lambda a, r: [each + " " for each in a]), ("NUL behind", lambda a, r: [each + "\0" for each in a]),
    ("joined", lambda a, r: " ".join(a)), ("joined by comma", lambda a, r: ",".join(a)),
    ("escaped", lambda a, r: [escaped(each, r) for each in a]),
    ("16", lambda a, r: [letters(r, 5) for _ in range(15)] + a[:1]), ("64", lambda a, r: [letters(r, 5) for _ in range(63)] + a[:1]),
    ("65", lambda a, r: [letters(r, 5) for _ in range(64)] + a[:1]), ("1,000", lambda a, r: [letters(r, 5) for _ in range(999)] + a[:1]),
    ("as asked for", lambda a, r: ["third.example"]), ("two of which one is asked for", lambda a, r: ["x", "third.example"]),
    ("trailing comma", lambda a, r: Raw('["' + '","'.join(a) + '",]')), ("number text", lambda a, r: Raw("1e999")),
]


# --- the whole object -------------------------------------------------------------------------------------------------

def is_another_kind(draft, subject, rng):
    """The claims of a permanent token under a bound one's issuer, or in place of it."""
    account = subject.objects["account"]
    subject.add("token", "Secret", token=str.encode)
    issuer = draft.claims.get("iss")
    draft.claims = legacy_claims(subject)
    draft.claims.set("iss", rng.choice([issuer, LEGACY_ISSUER]))
    assert account.name in draft.claims.get("sub")


def has_both(of_another):
    """The members of a permanent token as well; they name the same account, or another one."""
    def apply(draft, subject, rng):
        account = subject.objects["account"]
        subject.add("token", "Secret", token=str.encode)
        if of_another:
            subject.add("account-2", "ServiceAccount")
            subject.objects["account"], subject.objects["account-2"] = subject.objects["account-2"], account
        for name, value in legacy_claims(subject).pairs:
            if name not in draft.claims.names():
                draft.claims.add(name, value, rng.random() < 0.5)
    return apply


def has_private(value):
    """Of a permanent token, in which they mean nothing."""
    def apply(draft, subject, rng):
        account = subject.add("account-2", "ServiceAccount")
        draft.claims.add(PRIVATE, given(value, account, rng), rng.random() < 0.5)
    return apply


PRIVATES = [
    ("of another account", lambda account, rng: Members(("namespace", account.namespace), ("serviceaccount", reference(account)))),
    ("of a pod", Members(("pod", Members(("name", "x"), ("uid", "x"))))), ("null", None), ("text", "x"), ("number", 1), ("list", []),
    ("with a wrong namespace", Members(("namespace", 1))), ("with a member twice", Raw('{"a":1,"a":1}')),
]


def subject_of(change):
    """change(namespace, name) -> sub"""
    def apply(draft, subject, rng):
        account = subject.objects["account"]
        draft.claims.set("sub", change(account.namespace, account.name))
    return apply


SUBJECTS = [
    ("another name", lambda namespace, name: f"system:serviceaccount:{namespace}:x"),
    ("another namespace", lambda namespace, name: f"system:serviceaccount:elsewhere:{name}"),
    ("a colon more", lambda namespace, name: f"system:serviceaccount:{namespace}:{name}:"),
    ("a part more", lambda namespace, name: f"system:serviceaccount:{namespace}:{name}:x"),
    ("no name", lambda namespace, name: f"system:serviceaccount:{namespace}"),
    ("names alone", lambda namespace, name: f"{namespace}:{name}"),
    ("name first", lambda namespace, name: f"system:serviceaccount:{name}:{namespace}"),
    ("prefix twice", lambda namespace, name: f"system:serviceaccount:system:serviceaccount:{namespace}:{name}"),
    ("prefix in capitals", lambda namespace, name: f"System:ServiceAccount:{namespace}:{name}"),
]


def repeats_issuer(name, first):
    def apply(draft, subject, rng):
        draft.claims.add(name, draft.claims.get("iss"), first)
    return apply


def points_elsewhere(role, part):
    """At another object of the kind, which is there."""
    def apply(draft, subject, rng):
        thing = subject.objects[role]
        other = subject.add(f"other-{role}", thing.kind, fields=thing.fields)
        node = draft.at((PRIVATE, "serviceaccount" if role == "account" else role, part))
        if isinstance(node, Members):
            for name in ("name", "uid") if part == "both" else (part,):
                node.set(name, getattr(other, name))
    return apply


def refers_also(role, kind, is_there=True, uid=None):
    """One reference more."""
    def apply(draft, subject, rng):
        fields = {"type": "Opaque"} if kind == "Secret" else {}
        if kind == "Pod":
            fields = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
        thing = subject.add(f"more-{role}", kind, fields=fields)
        if not is_there:
            del subject.objects[f"more-{role}"]
        private = draft.claims.get(PRIVATE)
        if isinstance(private, Members):
            private.set(role, Members(("name", thing.name), ("uid", uid or thing.uid)))
    return apply


def more_of(role, kind, is_there):
    return (f", by the name of a {kind}" if kind.lower() != role else "") + ("" if is_there else ", which is not there")


def legacy_elsewhere(claim, part):
    """The claim of a permanent token names another account."""
    def apply(draft, subject, rng):
        other = subject.add("other-account", "ServiceAccount")
        draft.claims.set(LEGACY_PREFIX + claim, getattr(other, part))
        if part == "name":
            draft.claims.set("sub", f"system:serviceaccount:{other.namespace}:{other.name}")
    return apply


def nested(depth, is_list=True):
    text = "[" * depth + "]" * depth if is_list else '{"a":' * depth + "1" + "}" * depth
    return Raw(text)


OBJECTS = [((PRIVATE,), BOUND), ((PRIVATE, "serviceaccount"), BOUND), ((PRIVATE, "pod"), WITH_POD), ((PRIVATE, "node"), WITH_NODE),
           ((PRIVATE, "secret"), WITH_SECRET)]
NO_OBJECTS = [("null", None), ("empty", Members()), ("list", []), ("list of it", lambda v, r: [v]), ("empty text", ""), ("text", "x"),
              ("number", 0), ("true", True), ("false", False)]
KNOWN = [(("iss",), KINDS), (("sub",), KINDS), (("aud",), BOUND), (("exp",), BOUND), (("jti",), BOUND), ((PRIVATE,), BOUND),
         ((PRIVATE, "namespace"), BOUND), ((PRIVATE, "serviceaccount", "uid"), BOUND), ((PRIVATE, "pod"), WITH_POD),
         ((PRIVATE, "pod", "name"), WITH_POD),
         ((LEGACY_PREFIX + "namespace",), LEGACY), ((LEGACY_PREFIX + "service-account.uid",), LEGACY)]
UNKNOWN = [
    ("text", "x"), ("null", None), ("number", Raw("1e400")), ("big number", Raw("1" * 400)), ("bad number", Raw("01")),
    ("list", [1, [2], {}.get("x")]),
    ("duplicates inside", Raw('{"a":1,"a":2}')), ("duplicates inside a list", Raw('[{"a":1,"a":2}]')), ("not UTF-8", Raw('"\udcff"')),
    ("lone surrogate", Raw('"\\ud800"')), ("NUL", "\0"), ("100 levels", nested(100)), ("100 levels of objects", nested(100, False)),
    ("1,000 levels", nested(1000)), ("5,000 levels", nested(5000)), ("8 KiB", "x" * 8192), ("blanks inside", Raw("[ 1 ,\t2\n]")),
    ("comment", Raw("1/**/")), ("single quotes", Raw("'x'")), ("true in capitals", Raw("True")),
]


def of_kind(path, kinds):
    """Where a claim has rows for each."""
    return f" ({kinds[0]})" if path[1:2] == ("node",) else " (legacy)" if path == ("sub",) and kinds == LEGACY else ""


def path_text(path):
    return ".".join(name.replace(LEGACY_PREFIX, "…/") for name in path)


def mutated_json(text, rng):
    """One byte of it replaced, left out, put in or doubled."""
    letters_tried = '"{}[]:,\\0129.eE+-ntfu/\0 \tazAZ\u00e9\udcff'
    at, kind = rng.randrange(len(text)), rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1:]
    if kind == 1:
        return text[:at] + rng.choice(letters_tried) + text[at:]
    if kind == 2:
        return text[:at] + text[at] + text[at:]
    return text[:at] + rng.choice(letters_tried) + text[at + 1:]


TEXT_EDITS = [
    ("blank in front", lambda t, r: " " + t), ("newline behind", lambda t, r: t + "\n"),
    ("blanks inside", lambda t, r: t.replace(",", " ,\r\n\t")),
    ("NUL behind", lambda t, r: t + "\0"), ("brace behind", lambda t, r: t + "}"), ("object behind", lambda t, r: t + "{}"),
    ("comma behind", lambda t, r: t + ","), ("no end", lambda t, r: t[:-1]), ("byte order mark", lambda t, r: "\ufeff" + t),
    ("in a list", lambda t, r: f"[{t}]"), ("as a text", lambda t, r: '"x"'), ("null", lambda t, r: "null"), ("number", lambda t, r: "1"),
    ("true", lambda t, r: "true"), ("empty object", lambda t, r: "{}"), ("empty list", lambda t, r: "[]"), ("empty", lambda t, r: ""),
    ("comma at the end", lambda t, r: t[:-1] + ",}"), ("form feed inside", lambda t, r: t.replace(",", ",\f", 1)),
    ("no-break space inside", lambda t, r: t.replace(",", ",\u00a0", 1)), ("single quotes", lambda t, r: t.replace('"', "'")),
    ("a name that is no text", lambda t, r: t[:-1] + ",1:2}"), ("a name without value", lambda t, r: t[:-1] + ',"x"}'),
    ("a name of one escape", lambda t, r: t.replace('"iss"', '"\\u0069ss"')), ("UTF-16", lambda t, r: "\0".join(t) + "\0"),
    ("an empty name", lambda t, r: t[:-1] + ',"":1}'), ("an empty name twice", lambda t, r: t[:-1] + ',"":1,"":2}'),
    ("200 members more", lambda t, r: t[:-1] + "".join(f',"m{n}":{n}' for n in range(200)) + "}"),
]

CLAIM_RULES = [
    *[(f"{path_text(path)}{of_kind(path, kinds)}: {name}", kinds, sets(path, value))
      for path, kinds in TEXTS for name, value in ODD_TEXTS],
    *[(f"{path_text(path)}{of_kind(path, kinds)}: absent", kinds, drops(path))
      for path, kinds in [*TEXTS, *DATES[:3], *OBJECTS, (("aud",), KINDS)]],
    *[(f"{path_text(path)}: {text}", kinds, sets(path, Raw(text))) for path, kinds in DATES for text in NUMBERS],
    *[(f"{path_text(path)}: {name}", kinds, sets(path, value)) for path, kinds in DATES for name, value in NO_DATES],
    *[(f"{path_text(path)}: {offset:+} s", kinds, sets(path, At(offset))) for path, kinds in DATES for offset in OFFSETS],
    *[(f"{path_text(path)}: on the border", BOUND, sets(path, lambda v, r, border=border: At(r.choice(border))))
      for path, border in ((("exp",), LAST), (("nbf",), FIRST), (("iat",), FIRST))] * 8,
    *[(f"{path_text(path)}: {name}", kinds, sets(path, lambda v, r, form=form: At(r.choice(OFFSETS), form)))
      for path, kinds in DATES for name, form in FORMS],
    ("no dates at all", BOUND, lambda d, s, r: [d.claims.drop(name) for name in ("exp", "nbf", "iat")]),
    *[(f"aud: {name}", KINDS, audiences(change)) for name, change in AUDIENCES],
    *[(f"{path_text(path)}: {name}", kinds, sets(path, value)) for path, kinds in OBJECTS for name, value in NO_OBJECTS],
    *[(f"{path_text(path)}: twice the same", kinds, adds(path[:-1], path[-1], lambda v, r: v)) for path, kinds in KNOWN],
    *[(f"{path_text(path)}: null in front", kinds, adds(path[:-1], path[-1], None, True)) for path, kinds in KNOWN],
    *[(f"{path_text(path)}: text behind", kinds, adds(path[:-1], path[-1], "x")) for path, kinds in KNOWN],
    *[(f"{path_text(path)}: {path[-1].upper()} behind", kinds, adds(path[:-1], path[-1].upper(), "x")) for path, kinds in KNOWN],
    *[(f"{path_text(path)}: named {path[-1].title()}", kinds, renames(path, path[-1].title())) for path, kinds in KNOWN],
    *[(f"{path_text(path)}: named with a long s", kinds, renames(path, path[-1].replace("s", "\u017f"))) for path, kinds in KNOWN[:2]],
    *[(f"iss: {name} {'in front' if first else 'behind'}", KINDS, adds((), name, "x", first))
      for name in ("Iss", "iSS", "is\u017f", "i\u017fS") for first in (True, False)],
    *[(f"iss: the same as {name} {'in front' if first else 'behind'}", KINDS, repeats_issuer(name, first)) for name in ("ISS", "is\u017f")
      for first in (True, False)],
    *[(f"unknown member: {name}", KINDS, adds((), "example.test/x", value)) for name, value in UNKNOWN],
    *[(f"unknown member of {path_text(path)}: {name}", kinds, adds(path, "unknown", value)) for path, kinds in OBJECTS[:3] for name,
    value in UNKNOWN[:8]],
    *[(f"unknown member twice in {path_text(path) or 'claims'}", kinds, lambda d, s, r,
    p=path: [adds(p, "unknown", n)(d, s, r) for n in (1, 1)])
      for path, kinds in [((), KINDS), *OBJECTS]],
    ("claims of a permanent token", BOUND, is_another_kind), ("claims of both", BOUND, has_both(False)),
    ("claims of both, of two accounts", BOUND, has_both(True)),
    *[(f"kubernetes.io of a permanent token: {name}", LEGACY, has_private(value)) for name, value in PRIVATES],
    *[(f"sub: {name}", LEGACY, subject_of(change)) for name, change in SUBJECTS],
    ("iss: the other issuer's", KINDS, sets(("iss",), lambda v, r: r.choice([each for each in (LEGACY_ISSUER, *ISSUERS) if each != v]))),
    *[(f"{role}: {part} of another", kinds, points_elsewhere(role, part)) for role, kinds in
      (("account", BOUND), ("pod", WITH_POD), ("node", WITH_NODE), ("secret", WITH_SECRET)) for part in ("name", "uid", "both")],
    *[(f"{claim} of another", LEGACY, legacy_elsewhere(claim, part)) for claim, part in
      (("service-account.name", "name"), ("service-account.uid", "uid"))],
    *[(f"bound to a {role} as well{more_of(role, kind, is_there)}", BOUND,
       refers_also(role, kind, is_there))
      for role, kind in (("secret", "Secret"), ("pod", "Pod"), ("node", "Node"), ("pod", "Node"), ("node", "Pod"))
      for is_there in (True, False)],
    ("bound to a node as well, of another uid", BOUND, refers_also("node", "Node", True, "0")),
    *[(f"the payload: {name}", KINDS, edits(edit)) for name, edit in TEXT_EDITS],
    *[("the payload: a byte mutated, and signed", KINDS, edits(mutated_json))] * 60,
    *[("the payload: two bytes mutated, and signed", KINDS, edits(lambda t, r: mutated_json(mutated_json(t, r), r)))] * 15,
]
