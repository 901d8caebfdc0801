# SPDX-License-Identifier: Apache-2.0
"""Clients that mean harm, each beside one that does not: scripts/attack.

A catalogue of attacks (catalogue.py) against the running program, one after the other, each on a server of its own. It
passes when the good lane beside it (lane.py) had every answer, and in time; the server's memory stayed below what its
limits allow, and its processor idle where next to nothing was sent; every descriptor came back; it said yes afterwards;
and when it was told to end under the same attack, it did. --heads compares what mutated request heads are answered with
what strict parsers see in them (heads.py).

Loopback only. Everything is bounded in number and time, and ends by itself.
"""
import argparse
import dataclasses
import multiprocessing
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent / "integration")]

import arena as arenas  # noqa: E402
import kit  # noqa: E402
from catalogue import ATTACKS  # noqa: E402
from lane import Lane  # noqa: E402

DOCS = kit.ROOT / "docs/reliability.md"
IS_SANITIZED = kit.SLOW > 1
QUIET_SHARE = 0.6 if IS_SANITIZED else 0.3  # of one CPU, the good lane's questions included
CONNECT_CPU_SEC = 0.001 * kit.SLOW  # what a connection with its handshake may cost besides: it takes less than half
KEPT_MIB, TRIM_SEC = 40, 8 * kit.SLOW  # the heap above 32 MiB is given back every 5 s (cli/process.h)
BASE_MIB = 16  # what the server itself may grow by: arenas of malloc, buffers, tables
END_SEC = arenas.GRACE_SEC + 5 * kit.SLOW
LIMIT_SEC = 240 * kit.SLOW  # of one attack, however slow the machine is
HEADS_SHORT, HEADS_FULL = 4000, 100000
FIELDS = ("attack", "connections", "sent", "CPU before, during, after", "RssAnon before, at most, after", "good lane",
          "ended under it in")


@dataclasses.dataclass
class Result:
    name: str
    faults: list
    row: tuple  # of FIELDS; empty when it did not come so far


class Run:
    """One attack on one server."""

    def __init__(self, attack, folder, arguments):
        self.attack, self.folder, self.arguments = attack, folder, arguments
        self.count = max(2, int(arguments.connections * attack.share))
        self.faults = []
        self.authority = kit.Authority()
        good, other = kit.new_token(), kit.new_token()
        self.tokens = good, f"{good.split('.')[0]}.{other.split('.')[1]}"
        self.certificate = self.after = self.end_sec = None

    def options(self):
        options = [f"{name}={value}" for name, value in {**arenas.OPTIONS, **self.attack.options}.items()]
        if self.attack.client_ca:
            authority = kit.Authority("client CA")
            (self.folder / "client-ca.crt").write_text(authority.pem)
            pair = authority.issue(client=True, names=(), addresses=())
            self.certificate = str(self.folder / "client.crt"), str(self.folder / "client.key")
            for path, text in zip(self.certificate, pair):
                Path(path).write_text(text)
            options.append(f"--client-ca-file={self.folder / 'client-ca.crt'}")
        return options

    def check(self, is_right, fault):
        if not is_right:
            self.faults.append(fault)

    def arena(self, seconds):
        return arenas.Arena(self.server, seconds, self.count, f"{self.arguments.seed}/{self.attack.name}", self.tokens[0])

    def start(self, arena):
        def attack():
            try:
                while True:
                    self.attack.run(arena)
                    if not arena.goes_on():
                        return
                    arena.close()
                    arena.stop.wait(arenas.DRIP_SEC)
            except ProcessLookupError:
                pass  # the server has ended
            except Exception as error:  # noqa: BLE001: a bug of the attack must not look like a success
                self.faults.append(f"the attack itself broke down: {error!r}")
        thread = threading.Thread(target=attack, daemon=True)
        thread.start()
        return thread

    def run(self):
        self.folder.mkdir()
        options = self.options()
        self.server = kit.Server(self.folder, options, authority=self.authority, tokens=[self.tokens[0]])
        lane = Lane(self.server, self.tokens, self.certificate)
        try:
            self.measure(lane)
            lane.end()
            self.end_under_attack()
        except (AssertionError, OSError) as error:
            self.faults.append(str(error)[:2000])
        finally:
            lane.end()
            self.server.kill()
        return Result(self.attack.name, self.faults, self.row() if self.after and self.end_sec else ())

    def measure(self, lane):
        pid, seconds = self.server.process.pid, self.arguments.seconds
        still = seconds / 3
        kit.eventually(lambda: lane.figures().answers, "the good lane asks")
        descriptors = arenas.descriptors(pid)
        self.before = self.watch_for(still)
        lane.figures()
        self.arena_used = arena = self.arena(seconds)
        thread, limit = self.start(arena), time.monotonic() + LIMIT_SEC
        try:
            self.during = arenas.watch(pid, lambda: not thread.is_alive() or self.is_dead() or time.monotonic() > limit)
            self.lane = lane.figures()
            self.check(time.monotonic() <= limit, f"the attack itself is not over in {LIMIT_SEC:.0f} s")
        finally:
            arena.stop.set()
            thread.join(3 * kit.DEADLINE_SEC)
            arena.close()
        self.faults += arena.faults
        self.check(not self.is_dead(), f"the server ended: {self.server.process.poll()}\n{self.server.log()[-2000:]}")
        if self.is_dead():
            return
        kit.eventually(lambda: arenas.descriptors(pid) <= descriptors + 1, f"descriptors are back to {descriptors}",
                       timeout=arenas.IDLE_SEC + arenas.CUT_SEC)
        if not IS_SANITIZED:  # they keep what was freed
            kit.eventually(lambda: arenas.anonymous_mib(pid) <= KEPT_MIB, f"memory goes back to {KEPT_MIB} MiB", timeout=TRIM_SEC,
                           interval=0.1)
        self.after = self.watch_for(still)
        self.judge(lane.figures())

    def watch_for(self, seconds):
        end = time.monotonic() + seconds
        return arenas.watch(self.server.process.pid, lambda: time.monotonic() > end or self.is_dead())

    def is_dead(self):
        return self.server.process.poll() is not None

    def judge(self, lane_after):
        for when, lane in (("", self.lane), (" afterwards", lane_after)):
            self.check(not lane.errors, f"the good lane{when}: {len(lane.errors)} errors, first: {lane.errors[:1]}")
            self.check(lane.wrong_yes == 0, f"a yes for a wrong secret{when}")
            self.check(lane.answers > 0, f"the good lane{when} has asked nothing")
        self.check(not lane_after.turned_away, f"new connections are still turned away: {lane_after.turned_away[:1]}")
        self.check(self.attack.fills_limit or not self.lane.turned_away,
                   f"the good lane was turned away {len(self.lane.turned_away)} times: {self.lane.turned_away[:1]}")
        cpu_limit = QUIET_SHARE * self.during.seconds + CONNECT_CPU_SEC * self.arena_used.connections
        self.check(not self.attack.is_quiet or self.during.cpu <= cpu_limit,
                   f"{self.during.cpu:.1f} s of processor time in {self.during.seconds:.1f} s, while next to nothing was sent")
        ceiling = self.before.mib + BASE_MIB + self.attack.all_mib + self.arena_used.most * self.attack.mib
        self.check(IS_SANITIZED or self.during.mib <= ceiling,
                   f"{self.during.mib:.0f} MiB at most, more than its limits allow ({ceiling:.0f} MiB)")
        with kit.Connection(self.server.port, self.authority.pem, client=self.certificate) as connection:
            self.check(connection.review(self.tokens[0])["status"].get("authenticated") is True, "no yes afterwards")

    def end_under_attack(self):
        if self.is_dead():
            return
        arena = self.arena(60 * kit.SLOW)
        thread = self.start(arena)
        time.sleep(self.arguments.seconds / 3)  # not a wait: so long it goes on before the end
        start = time.monotonic()
        try:
            self.server.process.terminate()
            self.server.wait_end(timeout=END_SEC)
        finally:
            self.end_sec = time.monotonic() - start
            arena.stop.set()
            thread.join(3 * kit.DEADLINE_SEC)
            arena.close()
        self.check(not thread.is_alive(), "the attack itself does not end")

    def row(self):
        arena, lane = self.arena_used, self.lane
        away = f", {len(lane.turned_away)} turned away" if self.attack.fills_limit else ""
        return (self.attack.text, f"{arena.connections:,}", amount(arena.sent),
                f"{self.before.share:.2f}, **{self.during.share:.2f}**, {self.after.share:.2f}",
                f"{self.before.mib:.1f}, **{self.during.mib:.1f}**, {self.after.mib:.1f} MiB",
                f"{lane.answers} answers, {len(lane.errors)} errors{away}, slowest {lane.slowest_ms:.0f} ms", f"{self.end_sec:.1f} s")


def amount(count):
    if count is None:
        return "not counted"
    for unit, size in (("GB", 10 ** 9), ("MB", 10 ** 6), ("KB", 10 ** 3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def supported(attack):
    if not attack.needs:
        return True
    return attack.needs in subprocess.run([kit.binary(), "serve", "--help"], capture_output=True, text=True, check=False).stdout


def run_attack(name, folder, arguments):
    signal.signal(signal.SIGTERM, lambda *_: None)  # what has begun is brought to its end, whoever is told to end
    return Run(ATTACKS[name], folder / name, arguments).run()


def run_attacks(folder, arguments):
    """[Result]"""
    results = []
    names = [name for name in arguments.only or ATTACKS if supported(ATTACKS[name])]
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("fork")) as pool:
        for result in pool.map(run_attack, names, [folder] * len(names), [arguments] * len(names)):
            print(f"{'FAIL' if result.faults else 'ok  '} {result.name}: {'; '.join(result.row[1:]).replace('**', '')}", flush=True)
            for fault in result.faults:
                print(f"     {fault}", flush=True)
            results.append(result)
    return results


def write_docs(results, arguments, heads_count):
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    where = f"{cpu.group(1) if cpu else platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}"
    words = " ".join(word for word in sys.argv[1:] if word != "--no-install")
    lines = [f"Made by `./scripts/attack {words}` on {time.strftime('%Y-%m-%d', time.gmtime())}: {where}; "
             f"{arguments.connections} connections or a share of them, {arguments.seconds:.0f} s an attack or until the server has cut it.",
             "", "| " + " | ".join(FIELDS) + " |", "|" + "---|" * len(FIELDS)]
    lines += ["| " + " | ".join(result.row) + " |" for result in results]
    lines += ["", f"Request heads that can be read in two ways: {heads_count:,} of seed {arguments.seed}, 0 differences."]
    marks = [f"<!-- attack:{end} -->" for end in ("begin", "end")]
    block = "\n".join([marks[0], *lines, marks[1]])
    DOCS.write_text(re.sub(f"{marks[0]}.*{marks[1]}", lambda _: block, DOCS.read_text(), flags=re.S))


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/attack", description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the attacks and leave")
    parser.add_argument("--only", action="append", choices=list(ATTACKS), metavar="NAME", help="this attack only; repeatable")
    parser.add_argument("--short", action="store_true", help="fewer connections, less time, fewer heads: what scripts/test runs")
    parser.add_argument("--connections", type=int, metavar="N", help="of an attack that holds many (2000; 60 with --short)")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of an attack that has no end of its own (6; 1.2 with --short)")
    parser.add_argument("--jobs", type=int, metavar="N", help="attacks at once (1; one a CPU with --short)")
    parser.add_argument("--heads", type=int, metavar="N",
                        help="so many mutated request heads, and no other attack "
                             f"({HEADS_FULL} behind all attacks, {HEADS_SHORT} with --short)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="with --heads: begin with the N-th of the seed")
    parser.add_argument("--seed", default="1", metavar="S", help="the same seed makes the same bytes (1)")
    parser.add_argument("--write-docs", action="store_true", help="write the table into docs/reliability.md")
    arguments = parser.parse_args()
    if arguments.write_docs and (arguments.only or arguments.heads or arguments.short):
        parser.error("--write-docs takes the whole catalogue at its full length")
    arguments.connections = arguments.connections or (60 if arguments.short else 2000)
    arguments.seconds = arguments.seconds or (1.2 if arguments.short else 6.0)
    arguments.jobs = arguments.jobs or ((os.cpu_count() or 1) if arguments.short else 1)
    return arguments


def main():
    arguments = parse_arguments()
    if arguments.list:
        for name, attack in ATTACKS.items():
            print(f"{name:34} {attack.text}")
        return 0
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))  # in order: no server stays behind
    start = time.monotonic()
    results, passed, failed = [], 0, 0
    with tempfile.TemporaryDirectory(prefix="kb-attack-") as name:
        folder = Path(name)
        if not arguments.heads:
            results = run_attacks(folder, arguments)
            failed = sum(bool(result.faults) for result in results)
            passed = len(results) - failed
        if not arguments.only:
            import heads  # needs Go and h11, which a single attack does not
            count = arguments.heads or (HEADS_SHORT if arguments.short else HEADS_FULL)
            print(f"== {count} request heads, seed {arguments.seed}", flush=True)
            good, bad = heads.run(folder / "heads", count, arguments.seed, arguments.first)
            passed, failed = passed + good, failed + bad
    if arguments.write_docs and not failed:
        write_docs(results, arguments, count)
    print(f"in {time.monotonic() - start:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
