# SPDX-License-Identifier: Apache-2.0
"""Mutated request heads: nothing is answered that a strict parser in front would not have seen there.

A case's bytes go to the server and to strict.py's parsers. As far as these see the same requests, the server may answer
each of them. From where one of them refuses, waits for more or sees another end, it must refuse (4xx, 501, 505) and
close, or close. What is valid must be answered.

--heads of scripts/attack.
"""
import collections
import re
import ssl

import head_cases
import kit
import strict
import swarm

BATCH = 2000
SECURE_SHARE = 0.3  # of the cases go to the listener with TLS
PLAIN_PARALLEL, SECURE_PARALLEL = 300, 60
PATIENCE_SEC = 0.2 * kit.SLOW  # who hears nothing for so long sends no more
SHOWN, SHOWN_BYTES = 20, 600
ENOUGH = 20000  # cases, from which on each exception must have been needed: some in 100,000 are
BALANCE = 0.1  # at least this share is well-formed, and is not
EXPECTED = {"/version": 200, "/nothing": 404}  # on either listener


# --- what libmicrohttpd hides, so that nothing of ours can refuse it ------------------------------------------------

def without_leading_zeros(data):
    return re.sub(rb"(?<=\r\n)0+(?=[0-9a-fA-F]{1,16}[\r;])", b"", data)


def with_line_feed_in_chunk(data):
    return re.sub(rb"\r\n([0-9a-fA-F]+)[ \t]*;[^\n]*\r\n", rb"\r\n\1\r\n\n", data)


# Each stands in SECURITY.md by this name, with what a proxy in front must do. The function writes a case as libmicrohttpd
# reads it: what is right then is excused. One that excuses nothing fails the run.
EXCEPTIONS = {
    # The number is the same for all who read it; Go and h11 refuse it for its length.
    "a chunk size of more than sixteen digits": without_leading_zeros,
    # process_request_body() of 1.0.1 forgets the LF when it skips a chunk line with an extension. What is valid is
    # refused by that, and no bytes are well-formed in both readings.
    "a chunk extension": with_line_feed_in_chunk,
}


class Answer:
    def __init__(self, status, body, closes):
        self.status, self.body, self.closes = status, body, closes


def parse_answers(data, methods):
    """([Answer], what is no whole answer)"""
    answers = []
    while data:
        head, mark, rest = data.partition(b"\r\n\r\n")
        found = re.match(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*", head)
        if not mark or not found:
            return answers, data
        status = int(found.group(1))
        if status < 200:
            data = rest
            continue
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        size = int(length.group(1)) if length else 0
        has_body = not (methods[len(answers)] == "HEAD" if len(answers) < len(methods) else False)
        if has_body and rest.startswith(b"HTTP/1.") and size:
            has_body = False  # HEAD, in a way that the parsers do not share: the next answer shows
        if has_body and len(rest) < size:
            return answers, data
        answers.append(Answer(status, rest[:size] if has_body else b"", bool(re.search(rb"\r\nconnection: *close", head, re.I))))
        data = rest[size:] if has_body else rest
    return answers, b""


def agreed(readings):
    """The requests that all parsers see alike, and whether that is where the bytes end."""
    lists = [reading.requests for reading in readings.values()]
    count = 0
    while all(len(one) > count for one in lists) and len({one[count][0] for one in lists}) == 1:
        count += 1
    return lists[0][:count], all(len(one) == count for one in lists) and not any(r.refused for r in readings.values())


def fits(answer, target, is_last):
    """Is it the answer to one of the requests that stand behind the first, or a refusal of it?"""
    return answer.status == EXPECTED.get(target, answer.status) or (answer.status >= 400 and is_last)


def judge(case, exchange, readings):
    """What is wrong with the answers, or None."""
    requests, whole = agreed(readings)
    answers, left = parse_answers(exchange.answer, [method for _, method, _ in requests])
    if left and exchange.ended and not left.startswith(b"HTTP/1."):
        return f"no whole answer: {left[:60]!r}"
    if not exchange.ended:
        return "the connection stays"
    for index, answer in enumerate(answers):
        if index < len(requests):
            if index and not fits(answer, requests[index][2], index + 1 == len(answers)):
                return "another request was answered than stands there"
            continue
        if answer.status < 400:
            return f"answered {answer.status} (request {index + 1})"
        if index + 1 < len(answers):
            return f"refused with {answer.status}, and went on (request {index + 1})"
    return judge_benign(case, requests, answers) if case.is_benign and whole else None


def judge_benign(case, requests, answers):
    """What is valid is answered. A chunked body ends the connection."""
    if len(answers) < (1 if case.is_chunked else len(requests)):
        return f"{len(answers)} answers to {len(requests)} valid requests"
    if case.is_review and answers[0].status != 200:
        return f"a valid review was answered {answers[0].status}"
    return None


class Differential:
    def __init__(self, server):
        self.server = server
        self.parser = strict.build_strict_parser()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE  # loopback, and not what is tested
        self.excused = collections.Counter()
        self.whole = 0  # cases that are well-formed to their end

    def exchange(self, payloads, is_secure, patience_sec):
        if is_secure:
            return swarm.exchange_all(self.server.port, payloads, SECURE_PARALLEL, self.context, patience_sec, kit.DEADLINE_SEC)
        return swarm.exchange_all(self.server.health_port, payloads, PLAIN_PARALLEL, None, patience_sec, kit.DEADLINE_SEC)

    def run(self, cases, patience_sec=PATIENCE_SEC):
        """[(case, what is wrong or None, Exchange, readings)]"""
        results = []
        for is_secure in (False, True):
            some = [case for case in cases if case.is_secure == is_secure]
            payloads = [case.data for case in some]
            exchanges = self.exchange(payloads, is_secure, patience_sec)
            readings = strict.read_cases(self.parser, payloads)
            results += [(case, judge(case, e, r), e, r) for case, e, r in zip(some, exchanges, readings)]
        return results

    def excuse(self, case, exchange):
        """The exceptions by which nothing is wrong, or none of them."""
        names, data = [], case.data
        for name, rewrite in EXCEPTIONS.items():
            rewritten = rewrite(data)
            if rewritten != data:
                names, data = names + [name], rewritten
        return names if names and not judge(case, exchange, strict.read_cases(self.parser, [data])[0]) else []

    def differences(self, cases):
        """What is wrong, found again by a second and more patient look: a busy machine is no difference."""
        results = self.run(cases)
        self.whole += sum(agreed(readings)[1] for _, _, _, readings in results)
        doubtful = [case for case, wrong, _, _ in results if wrong]
        found = []
        for case, wrong, exchange, readings in self.run(doubtful, PATIENCE_SEC * 5) if doubtful else []:
            excuses = self.excuse(case, exchange) if wrong else []
            self.excused.update(excuses)
            if wrong and not excuses:
                found.append((case, wrong, exchange, readings))
        return found

    def shrink(self, case, wrong):
        """With as few mutations as show the same."""
        index = 0
        while index < len(case.mutations):
            again = self.run([case.without(index)], PATIENCE_SEC * 5)[0]
            if again[1] == wrong:
                case = again[0]
            else:
                index += 1
        return self.run([case], PATIENCE_SEC * 5)[0]


def show(result, seed):
    """A case that somebody can read, and try again."""
    case, wrong, exchange, readings = result
    print(f"DIFFERENCE {wrong}: {', '.join(case.names)}")
    print(f"sent:       {case.data[:SHOWN_BYTES]!r}")
    for name, reading in readings.items():
        ends = ", ".join(f"{method} {target} to byte {end}" for end, method, target in reading.requests)
        print(f"{name + ':':11} {ends or 'no request'}{'; then ' + reading.refused[:100] if reading.refused else ''}")
    print(f"answered:   {[answer.status for answer in parse_answers(exchange.answer, [])[0]]}, "
          f"{'closed' if exchange.ended else 'not closed'}")
    print(f"repeat it:  ./scripts/attack --heads 1 --seed {seed} --first {case.number}", flush=True)


def faults_of_the_run(differential, count):
    """What would make the run say nothing."""
    security = (kit.ROOT / "SECURITY.md").read_text()
    faults = [f"SECURITY.md does not name \"{name}\", an exception of tests/attack/heads.py" for name in EXCEPTIONS if name not in security]
    if count < ENOUGH:
        return faults
    faults += [f"EXCEPTIONS of tests/attack/heads.py: nothing needs \"{name}\"" for name in EXCEPTIONS if not differential.excused[name]]
    if not BALANCE * count < differential.whole < (1 - BALANCE) * count:
        faults.append(f"{differential.whole} of {count} cases were well-formed: that tries hardly a rule")
    return faults


def run(folder, count, seed, first=0):
    """(passed, failed), counted in cases."""
    # Many clients come and go: what they sent is looked at, not how many they are.
    server = kit.Server(folder, ["--health-bind-address=127.0.0.1:0", "--shutdown-grace-duration=1s"])
    differential = Differential(server)
    failed, shown = 0, set()
    for start in range(first, first + count, BATCH):
        numbers = range(start, min(start + BATCH, first + count))
        cases = [head_cases.make_case(seed, number, SECURE_SHARE) for number in numbers]
        found = differential.differences(cases)
        failed += len(found)
        for result in sorted(found, key=lambda result: len(result[0].mutations)):
            group = (result[1], result[0].names)
            if len(shown) < SHOWN and group not in shown:
                shown.add(group)
                show(differential.shrink(result[0], result[1]), seed)
    server.stop()
    for name, times in differential.excused.items():
        print(f"{times:7} excused: {name} (SECURITY.md)")
    faults = faults_of_the_run(differential, count)
    print("\n".join(faults), end="\n" if faults else "")
    return count - failed, failed + len(faults)
