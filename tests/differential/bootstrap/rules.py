# SPDX-License-Identifier: Apache-2.0
"""What is tried: each rule of the bootstrap authenticator from both sides, as tables.

A row is a name and what it does to a Secret or a token that would be accepted without it. Whether it is refused then stands
nowhere here: the API server says so. Functions get the subject and the round's random.Random.
"""
import base64

from bootstrap.cases import NAME_PREFIX, Soon, good_secret
from cases import ALPHABET, letters

# One of each class: capitals, separators, controls, look-alikes, what Unicode folds or normalises to a-z0-9.
ODD_LETTERS = ("AZ-._~:,/+=%\"\\'`{@[\x7f\x01\x1f\x85\0\t\n \u00a0\u00e4\u00df\u0430\u0131\u017f\u212a\uff41\uff11\u0660"
               "\u00b2\u200b\u2024\u3000\ufeff\U0001d7ce\U0001f600")

GROUP_PREFIX = "system:bootstrappers:"
UNBROKEN = "nothing broken"
UNBROKEN_ROWS = 60  # so many Secrets of a round are good: what is wrong with tokens and audiences shows on these only


def fuzz(rng, text):
    """The text with one character replaced, left out, put in or doubled."""
    alphabet = ALPHABET + "AZ.:-_, \t\n\0+T"
    at = rng.randrange(len(text)) if text else 0
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1:]
    if kind == 1:
        return text[:at] + rng.choice(alphabet) + text[at:]
    if kind == 2:
        return text[:at] + text[at:at + 1] * 2 + text[at + 1:]
    return text[:at] + rng.choice(alphabet) + text[at + 1:]


# --- rules about Secrets: (name, what it does to a subject that would be accepted) ------------------------------

def sets(key, value):
    """A rule that gives a key of data this value; a function is called with the subject and the generator."""
    def apply(subject, rng):
        chosen = value(subject, rng) if callable(value) else value
        if chosen is None:
            subject.after.data.pop(key, None)
        else:
            subject.after.data[key] = chosen if isinstance(chosen, (bytes, Soon)) else chosen.encode()
    return apply


def stores(key, value):
    """As sets(), and what is stored is presented, too, where it is text."""
    def apply(subject, rng):
        sets(key, value)(subject, rng)
        stored = subject.after.data.get(key, b"")
        try:
            text = stored.decode()
        except UnicodeDecodeError:
            return
        id_text, secret_text = (text, subject.token_secret) if key == "token-id" else (subject.id, text)
        subject.alternatives.append(f"{id_text}.{secret_text}")
    return apply


def has(**members):
    def apply(subject, rng):
        for name, value in members.items():
            setattr(subject.after, name, value)
    return apply


def rename(make):
    """Another name; the token with the ID of that name is asked for, too."""
    def apply(subject, rng):
        subject.after.name = make(subject, rng)
        token_id = subject.after.name.replace(NAME_PREFIX, "", 1)
        subject.alternatives.append(f"{token_id}.{subject.token_secret}")
    return apply


def group(rest):
    return GROUP_PREFIX + rest


def many_groups(subject, rng):
    names = [group(letters(rng, rng.randint(1, 12))) for _ in range(50)]
    rng.shuffle(names)
    return ",".join(names)


def some_groups(subject, rng):
    """One to five of the legal alphabet, in any order."""
    def one():
        return group("".join(rng.choice(ALPHABET + ":-") for _ in range(rng.randint(0, 20))) + rng.choice(ALPHABET))
    return ",".join(one() for _ in range(rng.randint(1, 5)))


USAGE_VALUES = ["True", "TRUE", "1", "true\n", " true", "true ", "false", "", "t", "yes", "true\0", "truetrue", "tru"]

# 2099 lies far ahead and 2001 far behind. Which of these Go's parser takes is the API server's to say.
EXPIRATIONS = [
    "2099-12-31T23:59:59Z", "2001-12-31T23:59:59Z", "", "never", "0", "4102444799", "Z", "T",
    "2099-01-01T1:02:03Z", "2001-01-01T1:02:03Z", "2099-01-01T:02:03Z", "2099-01-01T123:02:03Z",
    "2099-01-01T01:2:03Z", "2099-01-01T01:02:3Z", "2099-1-01T01:02:03Z", "2099-01-1T01:02:03Z", "99-01-01T01:02:03Z",
    "2099-01-01T01:02:03.5Z", "2099-01-01T01:02:03,5Z", "2099-01-01T01:02:03.Z", "2099-01-01T01:02:03,Z",
    "2099-01-01T01:02:03.123456789Z", "2099-01-01T01:02:03.1234567890Z", "2099-01-01T01:02:03.000000000000000001Z",
    "2099-01-01T01:02:03,1234567891234567891234567890Z", "2001-01-01T01:02:03,99999999999999999999Z",
    "2099-01-01T01:02:03.5,5Z", "2099-01-01T01:02:03.5.5Z", "2099-01-01T01:02:03;5Z",
    "2099-01-01T01:02:03+00:00", "2099-01-01T01:02:03-00:00", "2099-01-01T01:02:03+05:30", "2099-01-01T01:02:03-23:59",
    "2099-01-01T01:02:03+24:00", "2099-01-01T01:02:03+24:60", "2099-01-01T01:02:03-24:60", "2099-01-01T01:02:03+25:00",
    "2099-01-01T01:02:03+05:60", "2099-01-01T01:02:03+05:61", "2099-01-01T01:02:03+5:30", "2099-01-01T01:02:03+0530",
    "2099-01-01T01:02:03+05", "2099-01-01T01:02:03+05:30:15", "2099-01-01T01:02:03Z+05:30", "2099-01-01T01:02:03.5+24:60",
    "2099-01-01T01:02:03", "2099-01-01T01:02Z", "2099-01-01", "2099-01-01 01:02:03Z", "2099-01-01t01:02:03Z",
    "2099-01-01T01:02:03z", "2099-01-01T01:02:03 Z", " 2099-01-01T01:02:03Z", "2099-01-01T01:02:03Z ",
    "2099-01-01T01:02:03Z\n", "2099-01-01T01:02:03Z\0", "\ufeff2099-01-01T01:02:03Z", "２０９９-01-01T01:02:03Z",
    "2099-02-28T00:00:00Z", "2099-02-29T00:00:00Z", "2096-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2400-02-29T00:00:00Z",
    "2099-02-30T00:00:00Z", "2099-04-31T00:00:00Z", "2099-00-10T00:00:00Z", "2099-13-10T00:00:00Z", "2099-01-00T00:00:00Z",
    "2099-01-32T00:00:00Z", "2099-12-31T24:00:00Z", "2099-12-31T23:60:00Z", "2099-12-31T23:59:60Z", "2099-12-31T23:59:61Z",
    "0000-01-01T00:00:00Z", "0000-01-01T00:00:00+24:60", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999999-24:60", "10000-01-01T00:00:00Z", "-2099-01-01T00:00:00Z",
    "+2099-01-01T00:00:00Z", "2262-04-11T23:47:16.854775808Z", "2318-12-31T00:00:00Z",
    "2099-001-01T01:02:03Z", "2099/01/01T01:02:03Z", "2099-01-01T01-02-03Z", "20990101T010203Z", "Fri, 01 Jan 2099 01:02:03 GMT",
]

GROUPS = [
    ("absent", None),
    ("empty", ""),
    ("one", group("a")),
    ("digit", group("0")),
    ("the usual", group("kubeadm:default-node-token")),
    ("255 characters", lambda s, r: group(letters(r, 255))),
    ("256 characters", lambda s, r: group(letters(r, 256))),
    ("257 characters", lambda s, r: group(letters(r, 257))),
    ("256, ends in dash", lambda s, r: group(letters(r, 255) + "-")),
    ("256 colons and a letter", group(":" * 255 + "a")),
    ("256 and one good", lambda s, r: group(letters(r, 256)) + "," + group("a")),
    ("257 behind a good one", lambda s, r: group("a") + "," + group(letters(r, 257))),
    ("leading dash", group("-a")),
    ("leading colon", group(":a")),
    ("only dash", group("-")),
    ("only colon", group(":")),
    ("trailing dash", group("a-")),
    ("trailing colon", group("a:")),
    ("dashes and colons inside", group("a-:-:b")),
    ("bare", "system:bootstrappers"),
    ("bare with colon", GROUP_PREFIX),
    ("bare and good", "system:bootstrappers," + group("a")),
    ("no colon", "system:bootstrappersa"),
    ("prefix twice", group(group("a"))),
    ("prefix in capitals", "System:bootstrappers:a"),
    ("foreign", "system:masters"),
    ("foreign behind good", group("a") + ",system:masters"),
    ("authenticated", "system:authenticated"),
    ("upper case", group("A")),
    ("blank before", " " + group("a")),
    ("blank behind", group("a") + " "),
    ("blank inside", group("a b")),
    ("blank behind comma", group("a") + ", " + group("b")),
    ("blank only", " "),
    ("tab", group("a") + "\t"),
    ("newline at the end", group("a") + "\n"),
    ("newline between", group("a") + "\n" + group("b")),
    ("carriage return", group("a") + "\r\n"),
    ("NUL at the end", group("a") + "\0"),
    ("NUL between", group("a") + "\0," + group("b")),
    ("trailing comma", group("a") + ","),
    ("leading comma", "," + group("a")),
    ("two commas", group("a") + ",," + group("b")),
    ("comma only", ","),
    ("semicolon", group("a") + ";" + group("b")),
    ("duplicates", ",".join([group("a")] * 3)),
    ("duplicates apart", ",".join([group("b"), group("a"), group("b")])),
    ("out of order", ",".join(map(group, "zyxabc9012"))),
    ("prefixes of each other", ",".join(group("a" * n) for n in (3, 1, 2))),
    ("dash before digit before letter", ",".join(map(group, ("b", "0", "-0", ":0")))),
    ("not UTF-8", group("a").encode() + b"\xff"),
    ("50 groups", many_groups),
    ("50 and one bad", lambda s, r: many_groups(s, r) + ",x"),
    *[("some", some_groups)] * 3,
    ("fuzzed", lambda s, r: fuzz(r, some_groups(s, r))),
    ("fuzzed twice", lambda s, r: fuzz(r, fuzz(r, some_groups(s, r)))),
    ("20,000 bytes", lambda s, r: ",".join(group(f"{n:x}") for n in range(800))),
    ("quoted", '"' + group("a") + '"'),
    ("as a list", '["' + group("a") + '"]'),
]

TOKEN_IDS = [
    ("absent", None),
    ("empty", b""),
    ("another", lambda s, r: letters(r, 6)),
    ("upper case", lambda s, r: s.id.upper()),
    ("one short", lambda s, r: s.id[:-1]),
    ("one long", lambda s, r: s.id + "a"),
    ("newline behind", lambda s, r: s.id + "\n"),
    ("NUL behind", lambda s, r: s.id + "\0"),
    ("blank before", lambda s, r: " " + s.id),
    ("whole token", lambda s, r: s.token),
    ("not UTF-8", lambda s, r: s.id[:-1].encode() + b"\xff"),
    ("64 KiB", lambda s, r: s.id * 10923),
]

TOKEN_SECRETS = [
    ("absent", None),
    ("empty", b""),
    ("another", lambda s, r: letters(r, 16)),
    ("upper case", lambda s, r: s.token_secret.upper()),
    ("15 characters", lambda s, r: s.token_secret[:-1]),
    ("17 characters", lambda s, r: s.token_secret + "a"),
    ("newline behind", lambda s, r: s.token_secret + "\n"),
    ("NUL behind", lambda s, r: s.token_secret + "\0"),
    ("NUL inside", lambda s, r: s.token_secret[:8] + "\0" + s.token_secret[9:]),
    ("blank before", lambda s, r: " " + s.token_secret),
    ("first differs", lambda s, r: other_letter(r, s.token_secret[0]) + s.token_secret[1:]),
    ("last differs", lambda s, r: s.token_secret[:-1] + other_letter(r, s.token_secret[-1])),
    ("not UTF-8", lambda s, r: s.token_secret[:-1].encode() + b"\xff"),
    ("all NUL", b"\0" * 16),
    ("all 0xff", b"\xff" * 16),
    ("two bytes a letter", lambda s, r: "\u00e4" * 8),
    ("the ID", lambda s, r: s.id),
    ("in base64", lambda s, r: base64.b64encode(s.token_secret.encode()).decode()),
    ("64 KiB", lambda s, r: s.token_secret * 4096),
    ("twice", lambda s, r: s.token_secret * 2),
    ("dot inside", lambda s, r: s.token_secret[:8] + "." + s.token_secret[9:]),
]

NAMES = [
    ("another ID", lambda s, r: NAME_PREFIX + letters(r, 6)),
    ("ID one short", lambda s, r: NAME_PREFIX + s.id[:-1]),
    ("ID one long", lambda s, r: NAME_PREFIX + s.id + "a"),
    ("no prefix", lambda s, r: s.id),
    ("half a prefix", lambda s, r: "token-" + s.id),
    ("dot behind", lambda s, r: NAME_PREFIX + s.id + ".a"),
    ("dash inside", lambda s, r: NAME_PREFIX + s.id[:3] + "-" + s.id[4:]),
    ("dot inside", lambda s, r: NAME_PREFIX + s.id[:3] + "." + s.id[4:]),
    ("prefix twice", lambda s, r: NAME_PREFIX * 2 + s.id),
    ("whole token", lambda s, r: NAME_PREFIX + s.token),
    ("253 characters", lambda s, r: (NAME_PREFIX + s.id).ljust(253, "a")),
]

TYPES = [
    "Opaque", "", "bootstrap.kubernetes.io/Token", "bootstrap.kubernetes.io/token ", "bootstrap.kubernetes.io",
    "bootstrap.kubernetes.io/token-v2", "example.test/token",
]

ODD_ENTRIES = [
    ("description of odd bytes", "description", b"\0\xff\xfe\"\\\n"),
    ("description of 64 KiB", "description", b"x" * 65536),
    ("unknown usage", "usage-bootstrap-other", b"true"),
    ("unknown usage of odd bytes", "usage-bootstrap-x", b"\xff"),
    ("key in capitals", "Token-Secret", b"another"),
    ("usage key in capitals", "USAGE-BOOTSTRAP-AUTHENTICATION", b"false"),
    ("key with dot", "token-secret.1", b"another"),
    ("key of one dash", "-", b""),
    ("key of 253 characters", "k" * 253, b"v"),
    ("signing of odd bytes", "usage-bootstrap-signing", b"\0"),
    ("expiration key with underscore", "expiration_", b"2001-01-01T00:00:00Z"),
    ("groups key in singular", "auth-extra-group", b"bad"),
    ("value of every byte", "bytes", bytes(range(256))),
]


def put_letter(letter):
    """A token secret of 16 characters, one of which does not belong there."""
    def make(subject, rng):
        at = rng.randrange(len(subject.token_secret))
        return subject.token_secret[:at] + letter + subject.token_secret[at + 1:]
    return make


def group_with(letter):
    return lambda subject, rng: group("ab" + letter + "c")


def other_letter(rng, letter):
    return rng.choice(ALPHABET.replace(letter, ""))


def expires_soon(subject, rng):
    subject.after.data["expiration"] = Soon(round(rng.uniform(-1.5, 2.5), 6),
                                            rng.choice(["plain", "fraction", "comma", "offset east", "offset west"]))


def expires_fuzzed(subject, rng):
    def two(least, most):
        return f"{rng.randint(least, most):02}"
    text = f"{rng.choice(['2099', '2001'])}-{two(1, 12)}-{two(1, 28)}T{two(0, 23)}:{two(0, 59)}:{two(0, 59)}"
    text += rng.choice(["", f".{rng.randint(0, 10 ** 9)}", f",{rng.randint(0, 10 ** 12)}"])
    text += rng.choice(["Z", f"{rng.choice('+-')}{two(0, 25)}:{two(0, 61)}"])
    subject.after.data["expiration"] = (fuzz(rng, text) if rng.random() < 0.7 else text).encode()


def has_odd_annotations(subject, rng):
    letters_tried = "\"\\\n\t\u2028\U0001f600}{,: \0a"
    subject.after.annotations = {"example.test/odd": "".join(rng.choice(letters_tried) for _ in range(20))}


def was_another(subject, rng):
    """Modified: the Secret was good, or bad, before this one."""
    subject.before = good_secret(subject.id, rng.choice([subject.token_secret, letters(rng, 16)]), rng)
    if rng.random() < 0.5:
        subject.before.data[rng.choice(sorted(subject.before.data))] = b"bad"
    subject.alternatives.append(f"{subject.id}.{subject.before.data['token-secret'].decode()}")


def was_good(subject, rng):
    subject.before = good_secret(subject.id, subject.token_secret, rng)


def was_of_another_type(subject, rng):
    was_good(subject, rng)
    subject.before.type = "Opaque"


def became_another_type(subject, rng):
    was_good(subject, rng)
    subject.after.type = "Opaque"


def was_deleted(subject, rng):
    was_good(subject, rng)
    subject.after = None


def is_being_deleted_after_use(subject, rng):
    was_good(subject, rng)
    subject.after.deleted = True


def moved_namespace(subject, rng):
    was_good(subject, rng)
    subject.after.namespace = "default"


def is_for_signing_only(subject, rng):
    subject.after.data.update({"usage-bootstrap-authentication": b"false", "usage-bootstrap-signing": b"true"})


def keeps_only_the_secret(subject, rng):
    subject.after.data = {"token-secret": subject.token_secret.encode()}


HINDRANCES = {"expiration": b"2001-12-31T23:59:59Z", "auth-extra-groups": b"bad"}


def lost(key):
    """Once refused for two reasons; then one key is gone, and the reasons as well."""
    def apply(subject, rng):
        was_good(subject, rng)
        subject.before.data.update(HINDRANCES)
        subject.after.data.pop(key, None)
    return apply


SECRET_RULES = [
    *[(UNBROKEN, lambda subject, rng: None)] * UNBROKEN_ROWS,
    *[(f"usage {value!r}", sets("usage-bootstrap-authentication", value)) for value in USAGE_VALUES],
    ("usage absent", sets("usage-bootstrap-authentication", None)),
    ("usage not UTF-8", sets("usage-bootstrap-authentication", b"\xfftrue")),
    ("usage of 64 KiB", sets("usage-bootstrap-authentication", b"true" * 16384)),
    ("signing only", is_for_signing_only),
    *[(f"expiration {value!r}", sets("expiration", value)) for value in EXPIRATIONS],
    ("expiration absent", sets("expiration", None)),
    ("expiration not UTF-8", sets("expiration", b"2099-01-01T01:02:03Z\xff")),
    ("expiration of 64 KiB of fraction", sets("expiration", "2099-01-01T01:02:03." + "1" * 65536 + "Z")),
    *[("expires soon", expires_soon)] * 12,
    *[("expiration fuzzed", expires_fuzzed)] * 8,
    *[(f"groups: {name}", sets("auth-extra-groups", value)) for name, value in GROUPS],
    *[(f"token-id: {name}", stores("token-id", value)) for name, value in TOKEN_IDS],
    *[(f"token-secret: {name}", stores("token-secret", value)) for name, value in TOKEN_SECRETS],
    *[(f"token-secret: with U+{ord(letter):04X}", stores("token-secret", put_letter(letter))) for letter in ODD_LETTERS],
    *[(f"groups: with U+{ord(letter):04X}", sets("auth-extra-groups", group_with(letter))) for letter in ODD_LETTERS],
    *[(f"name: {name}", rename(make)) for name, make in NAMES],
    *[(f"type {value!r}", has(type=value)) for value in TYPES],
    *[(f"namespace {value}", has(namespace=value)) for value in ("default", "kube-public", "kube-node-lease")],
    ("no data", has(data=None)),
    ("empty data", has(data={})),
    ("only the secret", keeps_only_the_secret),
    ("being deleted", has(deleted=True)),
    ("immutable", has(immutable=True)),
    ("odd annotations", has_odd_annotations),
    *[(f"entry: {name}", sets(key, value)) for name, key, value in ODD_ENTRIES],
    *[("was another", was_another)] * 25,
    ("was good", was_good),
    ("was of another type", was_of_another_type),
    ("became another type", became_another_type),
    ("was deleted", was_deleted),
    ("is being deleted after use", is_being_deleted_after_use),
    ("moved to another namespace", moved_namespace),
    *[(f"lost {key}", lost(key)) for key in ("token-id", "token-secret", "usage-bootstrap-authentication", *HINDRANCES)],
]


# --- rules about tokens: (name, the token that is presented) -----------------------------------------------------

def odd_letter(part, letter):
    def make(subject, rng):
        text = {"id": subject.id, "secret": subject.token_secret}[part]
        at = rng.choice([0, len(text) - 1, rng.randrange(len(text))])
        text = text[:at] + letter + text[at + 1:]
        return f"{text}.{subject.token_secret}" if part == "id" else f"{subject.id}.{text}"
    return make


def one_off(part, position):
    def make(subject, rng):
        text = {"id": subject.id, "secret": subject.token_secret}[part]
        text = text[:position] + other_letter(rng, text[position]) + text[position + 1:]
        return f"{text}.{subject.token_secret}" if part == "id" else f"{subject.id}.{text}"
    return make


TOKEN_RULES = (
    [(f"{part} with U+{ord(letter):04X}", odd_letter(part, letter))
     for part in ("id", "secret") for letter in ODD_LETTERS]
    + [(f"id: another letter {n}", one_off("id", n)) for n in range(6)]
    + [(f"secret: another letter {n}", one_off("secret", n)) for n in range(16)]
    + [
        ("unknown", lambda s, r: f"{letters(r, 6)}.{letters(r, 16)}"),
        ("unknown ID", lambda s, r: f"{letters(r, 6)}.{s.token_secret}"),
        ("another secret", lambda s, r: f"{s.id}.{letters(r, 16)}"),
        ("secret of another Secret", None),  # make_questions() knows the others
        ("id one short", lambda s, r: f"{s.id[1:]}.{s.token_secret}"),
        ("id one short at the end", lambda s, r: f"{s.id[:-1]}.{s.token_secret}"),
        ("id one long", lambda s, r: f"{letters(r, 1)}{s.id}.{s.token_secret}"),
        ("secret one short", lambda s, r: f"{s.id}.{s.token_secret[1:]}"),
        ("secret one short at the end", lambda s, r: f"{s.id}.{s.token_secret[:-1]}"),
        ("secret one long", lambda s, r: f"{s.id}.{s.token_secret}{letters(r, 1)}"),
        ("secret one long in front", lambda s, r: f"{s.id}.{letters(r, 1)}{s.token_secret}"),
        ("no dot", lambda s, r: s.id + s.token_secret),
        ("two dots", lambda s, r: f"{s.id}..{s.token_secret}"),
        ("dot in front", lambda s, r: "." + s.token),
        ("dot behind", lambda s, r: s.token + "."),
        ("dot one early", lambda s, r: f"{s.id[:-1]}.{s.id[-1]}{s.token_secret}"),
        ("dot one late", lambda s, r: f"{s.id}{s.token_secret[0]}.{s.token_secret[1:]}"),
        ("id only", lambda s, r: s.id),
        ("secret only", lambda s, r: s.token_secret),
        ("dot only", lambda s, r: "."),
        ("id and dot", lambda s, r: s.id + "."),
        ("dot and secret", lambda s, r: "." + s.token_secret),
        ("another separator", lambda s, r: s.token.replace(".", r.choice(",:-_;/ \u2024\u3002\uff0e\0"))),
        ("escaped dot", lambda s, r: s.token.replace(".", "%2e")),
        ("upper case", lambda s, r: s.token.upper()),
        ("upper case ID", lambda s, r: f"{s.id.upper()}.{s.token_secret}"),
        ("upper case secret", lambda s, r: f"{s.id}.{s.token_secret.upper()}"),
        ("back to front", lambda s, r: s.token[::-1]),
        ("parts exchanged", lambda s, r: f"{s.token_secret}.{s.id}"),
        ("twice", lambda s, r: s.token * 2),
        ("twice with dot", lambda s, r: f"{s.token}.{s.token}"),
        ("NUL behind", lambda s, r: s.token + "\0"),
        ("NUL in front", lambda s, r: "\0" + s.token),
        ("newline behind", lambda s, r: s.token + "\n"),
        ("carriage return behind", lambda s, r: s.token + "\r"),
        ("newline in front", lambda s, r: "\n" + s.token),
        ("blank behind", lambda s, r: s.token + " "),
        ("blank in front", lambda s, r: " " + s.token),
        ("tab behind", lambda s, r: s.token + "\t"),
        ("tab in front", lambda s, r: "\t" + s.token),
        ("no-break space behind", lambda s, r: s.token + "\u00a0"),
        ("byte order mark in front", lambda s, r: "\ufeff" + s.token),
        ("text behind a blank", lambda s, r: s.token + " x"),
        ("token behind a newline", lambda s, r: "x\n" + s.token),
        ("comma behind", lambda s, r: s.token + ","),
        ("quoted", lambda s, r: f'"{s.token}"'),
        ("bearer in front", lambda s, r: "Bearer " + s.token),
        ("name of the Secret", lambda s, r: NAME_PREFIX + s.token),
        ("as a JWT", lambda s, r: f"{s.id}.{s.token_secret}.{letters(r, 43)}"),
        ("in base64", lambda s, r: base64.b64encode(s.token.encode()).decode()),
        ("one letter", lambda s, r: letters(r, 1)),
        ("16,384 bytes", lambda s, r: s.token.ljust(16384, "a")),
        ("16,385 bytes", lambda s, r: s.token.ljust(16385, "a")),
        ("40,000 bytes", lambda s, r: letters(r, 8) * 5000),
        ("fuzzed", lambda s, r: fuzz(r, s.token)),
        ("fuzzed twice", lambda s, r: fuzz(r, fuzz(r, s.token))),
    ]
)
