# SPDX-License-Identifier: Apache-2.0
"""Makes a case small, and shows what is left of it."""
import base64
import copy
import dataclasses
import json
import time

from bootstrap.cases import NAME_PREFIX, Secret, with_id
from cases import smaller_requests

VALUE_SHOWN = 600


def variant(question, change):
    """A copy that was changed."""
    candidate = copy.deepcopy(question)
    change(candidate)
    return candidate


def renamed(question, new_id):
    """The same under another ID."""
    subject, token = with_id(question.subject, question.token, new_id)
    return dataclasses.replace(question, subject=subject, token=token)


def smaller(question):
    """Cases with one thing less, the big things first."""
    subject = question.subject
    for which, secret in (("before", subject.before), ("after", subject.after)):
        if not secret:
            continue
        yield variant(question, lambda q, w=which: setattr(q.subject, w, None))
        plain = Secret(NAME_PREFIX + subject.id)
        for member in ("name", "namespace", "type", "deleted", "immutable", "annotations"):
            if getattr(secret, member) != getattr(plain, member):
                yield variant(question, lambda q, w=which, m=member: setattr(getattr(q.subject, w), m, getattr(plain, m)))
        for key, value in (secret.data or {}).items():
            yield variant(question, lambda q, w=which, key=key: getattr(q.subject, w).data.pop(key))
            for less in smaller_values(key, value):
                yield variant(question, lambda q, w=which, key=key, less=less: getattr(q.subject, w).data.update({key: less}))
    if question.token != subject.token:
        yield variant(question, lambda q: setattr(q, "token", q.subject.token))
    for audiences, version in smaller_requests(question.audiences, question.version):
        yield dataclasses.replace(question, audiences=audiences, version=version)


def smaller_values(key, value):
    """Shorter values of a key of data that may still show the same."""
    if not isinstance(value, bytes) or key in ("token-id", "token-secret", "usage-bootstrap-authentication"):
        return
    parts = value.split(b",")
    if len(parts) > 1:
        half = len(parts) // 2
        yield b",".join(parts[:half])
        yield b",".join(parts[half:])
        if len(parts) <= 8:
            yield from (b",".join(parts[:n] + parts[n + 1:]) for n in range(len(parts)))
    elif len(value) > 64:
        yield value[:len(value) // 2]


def shown(question):
    """Lines that say what stands in the API and what is presented."""
    for name, secret in (("before", question.subject.before), ("now", question.subject.after)):
        if secret:
            yield f"# the Secret {name}{', being deleted' if secret.deleted else ''}"
            yield from yaml_lines(secret.object(time.time())[0])
    yield f"token:          {json.dumps(question.token)[:VALUE_SHOWN]}"


def yaml_lines(node, indent="", is_data=False):
    """The object as YAML, with what its data says beside it; a long value is cut."""
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{key}:"
            yield from yaml_lines(value, indent + "  ", is_data=key == "data")
        else:
            says = f"  # {base64.b64decode(value)!r}" if is_data else ""
            yield f"{indent}{key}: {json.dumps(value)}{says}"[:VALUE_SHOWN]
