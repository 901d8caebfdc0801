#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The legs of scripts/test, quick ones first. Each is one function; its docstring is what --list shows.

A leg returns how many checks passed and failed. A leg that breaks down (a build that fails, a tool that
is missing, no test found) counts as one failure: nothing can pass by not having run.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build-test"
STRICT = os.environ.get("CI", "") not in ("", "0", "false")  # a skip is a failure
COMMAND_TIMEOUT_SEC = 1500  # far above the longest leg; a hang must end as a failure

GCC = {"CC": "ccache gcc"}
CLANG = {"CC": "ccache clang-14"}


class Broken(Exception):
    """The leg could not do its work."""


FAILURES = []  # "leg: test: the last words of what it said", told at the very end: of a long log the end is what is kept
FAILURE_MAX_LINES = 12  # of each
FAILURES_MAX = 20


class Leg:
    """One leg's log file and build directories."""

    def __init__(self, name, jobs):
        self.name = name
        self.jobs = jobs
        self.log_path = OUT / "logs" / f"{name}.log"
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.log = open(self.log_path, "w", encoding="utf-8", errors="replace")
        self.end = None

    def end_within(self, seconds):
        """From now on. What still runs then is ended with all that it started, and the leg has failed."""
        self.end = time.monotonic() + seconds

    def run(self, *command, env=None, check=True, cwd=ROOT, stdin_text=None):
        """Run a command into the log; return (exit code, what it printed)."""
        words = [str(word) for word in command]
        if self.end:
            left = self.end - time.monotonic()
            if left <= 0:
                raise Broken(f"{words[0]}: no time is left for it")
            words = ["timeout", "--kill-after=10", f"{left:.3f}", *words]
        self.log.write(f"$ {' '.join(words)}\n")
        self.log.flush()
        try:
            done = subprocess.run(words, cwd=cwd, env={**os.environ, **(env or {})}, text=True, errors="replace",
                                  input=stdin_text, stdin=None if stdin_text is not None else subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMMAND_TIMEOUT_SEC)
            code, output = done.returncode, done.stdout
        except FileNotFoundError as error:
            code, output = 127, f"{error}\n"
        except subprocess.TimeoutExpired as error:
            code, output = 124, (error.stdout or b"").decode(errors="replace") + "\ntimed out\n"
        self.log.write(output)
        self.log.flush()
        if check and code != 0:
            raise Broken(f"{words[0]} {words[1] if len(words) > 1 else ''}: exit {code}")
        return code, output

    def build(self, name, env, *options):
        """Configure (again when the options changed) and compile build-test/<name>."""
        folder = OUT / name
        want = repr((sorted(env.items()), options))
        stamp = folder / "options.stamp"
        if not stamp.exists() or stamp.read_text() != want:
            shutil.rmtree(folder, ignore_errors=True)
            self.run("meson", "setup", folder, ROOT, "-Dwerror=true", *options, env=env)
            stamp.write_text(want)
        self.run("ninja", "-C", folder, "-j", self.jobs, "--quiet")
        return folder

    def unit(self, folder, *options, env=None, wrapper=None):
        """meson test; counts the cases inside each test program."""
        logbase = f"testlog-{self.name}"
        report = folder / "meson-logs" / f"{logbase}.junit.xml"
        report.unlink(missing_ok=True)
        code, _ = self.run("meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--logbase", logbase,
                           "--num-processes", self.jobs, *options, env=env, check=False)
        return count_junit(self.name, report, code)

    def integration(self, binary, env=None, only=None, folder="tests/integration", processes=None, ignore=None):
        """pytest against one binary."""
        report = OUT / f"pytest-{self.name}.xml"
        report.unlink(missing_ok=True)
        command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}",
                   "-n", str(processes or self.jobs + 1), "--dist", "loadfile", "--durations=15", "-ra"]
        if only:
            command += ["-m", only]
        if ignore:
            command.append(f"--ignore={ignore}")
        code, _ = self.run(*command, folder,
                           env={"KB_BINARY": str(binary), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}, check=False)
        return count_junit(self.name, report, code)


def count_junit(leg_name, report, code):
    """(passed, failed) of a JUnit file; a run that says failure without a failed case has one all the same."""
    if not report.exists():
        raise Broken(f"no report {report.name} (exit {code})")
    passed = failed = 0
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
            remember_failure(leg_name, case)
        elif "skipped" in kinds:
            failed += STRICT
            if STRICT:
                remember_failure(leg_name, case)
        else:
            passed += 1
    if code != 0 and failed == 0:
        failed = 1
    if passed + failed == 0:
        raise Broken("no test ran")
    return passed, failed


def remember_failure(leg_name, case):
    said = "\n".join(child.get("message") or "" if child.tag == "skipped" else child.text or child.get("message") or ""
                     for child in case if child.tag in ("failure", "error", "skipped"))
    lines = [line[:200] for line in said.splitlines() if line.strip()][-FAILURE_MAX_LINES:]
    FAILURES.append("\n".join([f"{leg_name}: {case.get('classname')}: {case.get('name')}", *("    " + line for line in lines)]))


def sum_of(*results):
    return sum(r[0] for r in results), sum(r[1] for r in results)


def c_files(*folders):
    _, out = subprocess.getstatusoutput(f"git -c safe.directory='{ROOT}' -C '{ROOT}' ls-files -co --exclude-standard")
    names = [line for line in out.splitlines() if line.endswith((".c", ".h")) and (ROOT / line).is_file()]
    return sorted(name for name in names if name.split("/")[0] in folders)


def leg_format(leg):
    """clang-format 14 would change nothing"""
    files = c_files("src", "include", "tests", "examples")
    _, output = leg.run("clang-format-14", "--dry-run", "-Werror", *files, check=False)
    bad = set(re.findall(r"^([^:\n]+):\d+:\d+: error:", output, re.M))
    return len(files) - len(bad), len(bad)


def leg_lint(leg):
    """rules of the project that no compiler checks (scripts/lint)"""
    _, output = leg.run(ROOT / "scripts/lint", check=False)
    found = re.search(r"^(\d+) passed, (\d+) failed$", output, re.M)
    if not found:
        raise Broken("scripts/lint did not finish")
    return int(found.group(1)), int(found.group(2))


def leg_gcc_debug(leg):
    """gcc, debug, -Werror: unit tests"""
    return leg.unit(leg.build("gcc-debug", GCC, "--buildtype=debug"))


COVERAGE_FOLDERS = ("src/server/http/", "src/server/endpoints/")
COVERAGE_LEAST_PERCENT = 90  # of their lines: what is left is mostly memory that runs out


def covered_lines(leg, folder):
    """{source: {line: how often it ran}} of COVERAGE_FOLDERS."""
    sources = {}
    for data in sorted(folder.rglob("src_server_*.gcda")):
        _, output = leg.run("gcov", "--json-format", "--stdout", data, cwd=folder)
        for part in filter(None, output.splitlines()):
            for file in json.loads(part)["files"]:
                name = os.path.relpath(folder / file["file"], ROOT)
                if name.startswith(COVERAGE_FOLDERS) and name.endswith(".c"):
                    lines = sources.setdefault(name, {})
                    for line in file["lines"]:
                        lines[line["line_number"]] = lines.get(line["line_number"], 0) + line["count"]
    return sources


def leg_coverage(leg):
    """gcc, gcov: unit tests alone run at least 90 % of the lines of each of src/server/http and src/server/endpoints"""
    folder = leg.build("coverage", GCC, "--buildtype=debug", "-Db_coverage=true")
    for data in folder.rglob("*.gcda"):
        data.unlink()  # of an earlier run
    _, listed = leg.run("meson", "test", "-C", folder, "--no-rebuild", "--list", "--suite", "unit")
    passed, failed = leg.unit(folder, "-t", "3", *re.findall(r"^\S+ / (server/\S+)$", listed, re.M))
    sources = covered_lines(leg, folder)
    for part in COVERAGE_FOLDERS:
        ran = known = 0
        for name in sorted(name for name in sources if name.startswith(part)):
            counts = sources[name].values()
            ran, known = ran + sum(map(bool, counts)), known + len(counts)
            print(f"   {name:45} {100 * sum(map(bool, counts)) / len(counts):5.1f} % of {len(counts)} lines")
        print(f"   {part:45} {100 * ran / max(known, 1):5.1f} % of {known} lines")
        is_enough = 100 * ran >= COVERAGE_LEAST_PERCENT * known > 0
        passed, failed = passed + is_enough, failed + (not is_enough)
    return passed, failed


def leg_cppcheck(leg):
    """cppcheck finds nothing that tests/cppcheck.supp does not excuse"""
    cache = OUT / "cppcheck"
    cache.mkdir(exist_ok=True)
    code, _ = leg.run("cppcheck", "--std=c11", "--enable=warning,performance,portability", "--inline-suppr", "--quiet",
                      "--error-exitcode=1", "--library=posix", "-D_GNU_SOURCE", "-D__attribute__(x)=", "-Isrc", "-Iinclude", f"-j{leg.jobs}",
                      f"--cppcheck-build-dir={cache}", "--suppressions-list=tests/cppcheck.supp",
                      "src", "include", "examples", check=False)
    return (1, 0) if code == 0 else (0, 1)


def leg_clang_tidy(leg):
    """clang-tidy 14 with .clang-tidy finds nothing in src that tests/clang-tidy.supp does not excuse"""
    folder = leg.build("clang-release", CLANG, "--buildtype=release")
    files = [f for f in c_files("src") if f.endswith(".c")]
    rows = (ROOT / "tests/clang-tidy.supp").read_text().splitlines()
    excused = {tuple(row.split()) for row in rows if row and not row.startswith("#")}
    needed, bad = set(), set()

    def tidy(name):
        return name, subprocess.run(["clang-tidy-14", "-p", str(folder), "--quiet", name], cwd=ROOT, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMMAND_TIMEOUT_SEC)

    with ThreadPoolExecutor(leg.jobs) as pool:
        for name, done in pool.map(tidy, files):
            findings = re.findall(r"^(\S+?):\d+:\d+: (?:warning|error): .* \[([\w.,-]+)\]$", done.stdout, re.M)
            seen = {(check, os.path.relpath(os.path.join(folder, path), ROOT)) for path, check in findings}
            needed |= seen & excused
            if seen - excused or (done.returncode != 0 and not findings):
                bad.add(name)
                leg.log.write(f"{name}: {sorted(seen - excused)}\n{done.stdout}")
    for row in sorted(excused - needed):
        leg.log.write(f"tests/clang-tidy.supp: nothing needs {' '.join(row)}\n")
    if not files:
        raise Broken("no source file found")
    return len(files) - len(bad), len(bad) + len(excused - needed)


def leg_clang_release(leg):
    """clang, release, -Werror: unit tests"""
    return leg.unit(leg.build("clang-release", CLANG, "--buildtype=release"))


def gcc_release(leg):
    return leg.build("gcc-release", GCC, "--buildtype=release")


def leg_gcc_release(leg):
    """gcc, -O3 -DNDEBUG, -Werror: unit tests (no side effect hides in an assert)"""
    return leg.unit(gcc_release(leg))


def leg_integration(leg):
    """the release binary, as it ships: every integration test, README commands included"""
    return leg.integration(gcc_release(leg) / "kube-bearer")


def archive_globals(leg, archive):
    """Members of an archive with writable data; those of cli may have it."""
    _, output = leg.run("size", "-A", archive)
    member, found = "", []
    for line in output.splitlines():
        head = re.match(r"(\S+\.o)\s", line)
        if head:
            member = os.path.basename(head.group(1))
        section = re.match(r"(\.data|\.bss|\.tdata|\.tbss)(\.\S+)?\s+(\d+)", line)
        if section and int(section.group(3)) > 0 and ".rel.ro" not in line and "src_cli_" not in member:
            found.append(f"{member}: {section.group(1)} {section.group(3)} bytes: a process may hold two of everything")
    return found if member else [f"{archive.name}: no member was looked at"]


EMBEDDED_MAX_BYTES = 500_000  # code and data of examples/embed with the library: 414 KB by gcc 12 for a release, every family in it


def embedder_complaints(leg, program, library):
    """What an embedder finds in his program, or cannot call his own, because of the library."""
    _, names = leg.run("nm", "--extern-only", "--defined-only", "--format=posix", library)
    taken = [line.split()[0] for line in names.splitlines() if len(line.split()) > 1]
    found = [f"{library.name} takes the name {name}" for name in taken if not name.startswith("kube_bearer_")]
    _, needed = leg.run("readelf", "--dynamic", program)
    _, symbols = leg.run("readelf", "--syms", "--wide", program)
    found += [f"{program.name} has {name}" for name in ("microhttpd", "gnutls", "MHD_") if name in needed + symbols]
    _, sizes = leg.run("size", program)
    size = int(sizes.splitlines()[1].split()[3])
    if not taken or size > EMBEDDED_MAX_BYTES:
        found.append(f"{len(taken)} public functions, {program.name} has {size} bytes of {EMBEDDED_MAX_BYTES}")
    return found[:5]


def leg_install(leg):
    """DESTDIR install; the library has no mutable globals, and no names but its own; a program of its own names builds against it"""
    folder = gcc_release(leg)
    target = OUT / "destdir"
    shutil.rmtree(target, ignore_errors=True)
    leg.run("meson", "install", "-C", folder, "--no-rebuild", "--quiet", env={"DESTDIR": str(target)})
    prefix = target / "usr/local"
    wanted = ["bin/kube-bearer", "include/kube-bearer/*.h", "lib*/**/libkube-bearer.a", "lib*/**/pkgconfig/kube-bearer.pc"]
    missing = [name for name in wanted if not list(prefix.glob(name))]
    complaints = [f"not installed: {name}" for name in missing] + archive_globals(leg, folder / "libkube-bearer-core.a")
    if not missing:
        # The file says where it will be; here it lies below DESTDIR.
        source = list(prefix.glob("lib*/**/pkgconfig/kube-bearer.pc"))[0]
        moved = OUT / "pkgconfig"
        moved.mkdir(exist_ok=True)
        (moved / source.name).write_text(re.sub(r"^prefix=.*$", f"prefix={prefix}", source.read_text(), flags=re.M))
        _, flags = leg.run("pkg-config", "--static", "--cflags", "--libs", "kube-bearer",
                           env={"PKG_CONFIG_PATH": str(moved)})
        sources = [*sorted((ROOT / "examples/embed").glob("*.c")), ROOT / "tests/examples/own_names.c"]
        leg.run("gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", *sources, "-o", OUT / "embed", *flags.split())
        code, _ = leg.run("/usr/bin/python3", ROOT / "tests/integration/run_embed.py", OUT / "embed", check=False)
        if code != 0:
            complaints.append("the embedding example does not answer as it should")
        library = list(prefix.glob("lib*/**/libkube-bearer.a"))[0]
        complaints += archive_globals(leg, library) + embedder_complaints(leg, OUT / "embed", library)
        stray = [str(path.name) for path in prefix.glob("lib*/**/*.a") if path.name != "libkube-bearer.a"]
        complaints += [f"installed beside the library: {name}" for name in stray]
    _, version = leg.run(prefix / "bin/kube-bearer", "version", check=False)
    if not re.search(r"\d+\.\d+\.\d+", version):
        complaints.append("the installed binary does not say its version")
    for line in complaints:
        leg.log.write(line + "\n")
    checks = len(wanted) + 6
    return max(0, checks - len(complaints)), len(complaints)


def leg_e2e(leg):
    """the release binary beside a real etcd, kube-apiserver, kube-controller-manager (built once: tests/e2e/tools/build)"""
    leg.run(ROOT / "tests/e2e/tools/build")
    return leg.integration(gcc_release(leg) / "kube-bearer", folder="tests/e2e", processes=leg.jobs, ignore=CLIENTS)


CLIENTS = "tests/e2e/clients"
# The first time, installing and compiling takes ten minutes on two busy cores; Kubernetes, of which kubectl is one of the clients, as
# long again where no leg before has built it. After that it is half a minute. (Below COMMAND_TIMEOUT_SEC, which is less thorough.)
CLIENTS_MAX_MINUTES = 24


def leg_clients(leg):
    """the release binary asked by the typed clients of others (installed once: tests/e2e/clients/build), in 24 minutes at most"""
    leg.end_within(CLIENTS_MAX_MINUTES * 60)
    leg.run(ROOT / CLIENTS / "build")
    return leg.integration(gcc_release(leg) / "kube-bearer", folder=CLIENTS, processes=1)


def differential(leg, *options):
    """scripts/differential; (passed, failed) of its last line."""
    _, output = leg.run(ROOT / "scripts/differential", "--no-install", *options, check=False,
                        env={"KB_BINARY": str(gcc_release(leg) / "kube-bearer")})
    found = re.search(r"^(\d+) passed, (\d+) failed$", output, re.M)
    if not found:
        raise Broken(f"scripts/differential {' '.join(options)} did not finish")
    return int(found.group(1)), int(found.group(2))


def leg_differential(leg):
    """kube-apiserver's own authenticators and kube-bearer answer generated cases alike, and wrong ones are found out"""
    leg.run(ROOT / "tests/e2e/tools/build")
    return sum_of(differential(leg, "--cases", "3000"), differential(leg, "--store", "manifests", "--cases", "1500"),
                  differential(leg, "--selftest"),
                  differential(leg, "--family", "serviceaccount", "--cases", "2000", "--seed", "12"))


def attack(leg, folder, env=None):
    """scripts/attack --short; (passed, failed) of its last line."""
    _, output = leg.run(ROOT / "scripts/attack", "--no-install", "--short", check=False,
                        env={"KB_BINARY": str(folder / "kube-bearer"), **(env or {})})
    found = re.search(r"^(\d+) passed, (\d+) failed$", output, re.M)
    if not found:
        raise Broken("scripts/attack did not finish")
    return int(found.group(1)), int(found.group(2))


def leg_attack(leg):
    """the release binary under attack (scripts/attack): who does nothing wrong is answered, and no head is read in two ways"""
    return attack(leg, gcc_release(leg))


def leg_constant_time(leg):
    """valgrind: nothing branches on, or indexes by, a stored digest or its key"""
    return leg.unit(leg.build("gcc-plain", GCC, "--buildtype=debugoptimized"), "--suite", "constant-time")


def leg_fuzz_replay(leg):
    """clang, ASan+UBSan: every fuzz target over its corpus"""
    folder = leg.build("clang-fuzz", CLANG, "--buildtype=debugoptimized", "-Dfuzzers=enabled",
                       "-Db_sanitize=address,undefined", "-Db_lundef=false")
    return leg.unit(folder, "--suite", "fuzz", env=SANITIZER_ENV)


SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"suppressions={ROOT}/tests/tsan.supp:second_deadlock_stack=1:history_size=4:exitcode=66",
}


def asan(leg):
    return leg.build("asan", GCC, "--buildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Db_lundef=false")


def leg_attack_asan(leg):
    """gcc, ASan+UBSan: the same attacks"""
    return attack(leg, asan(leg), {**SANITIZER_ENV, "KB_SLOW_FACTOR": "3"})


def leg_asan(leg):
    """gcc, ASan+UBSan: unit and integration tests"""
    folder = asan(leg)
    return sum_of(leg.unit(folder, "--no-suite", "constant-time", "-t", "3", env=SANITIZER_ENV),
                  leg.integration(folder / "kube-bearer", env={**SANITIZER_ENV, "KB_SLOW_FACTOR": "3"},
                                  only="not release_only"))


def leg_tsan(leg):
    """gcc, TSan: unit and integration tests"""
    folder = leg.build("tsan", GCC, "--buildtype=debugoptimized", "-Db_sanitize=thread", "-Db_lundef=false")
    return sum_of(leg.unit(folder, "--no-suite", "constant-time", "-t", "5", env=SANITIZER_ENV),
                  leg.integration(folder / "kube-bearer", env={**SANITIZER_ENV, "KB_SLOW_FACTOR": "5"},
                                  only="not release_only"))


def leg_quickstart(leg):
    """scripts/quickstart --once: one command from a checkout to an answered TokenReview"""
    state = OUT / "quickstart"
    code, output = leg.run(ROOT / "scripts/quickstart", "--once", "--state-dir", state, check=False)
    return (1, 0) if code == 0 and '"authenticated":true' in output.replace(" ", "") else (0, 1)


def leg_debian_13(leg):
    """gcc-release, integration and quickstart on Debian 13, with its libraries (scripts/test --debian 13)"""
    _, output = leg.run(ROOT / "scripts/test", "--no-install", "--debian", "13", "--jobs", leg.jobs, check=False)
    found = re.search(r"^(\d+) passed, (\d+) failed$", output, re.M)
    if not found:
        raise Broken("scripts/test --debian 13 did not finish")
    return int(found.group(1)), int(found.group(2))


LEGS = {function.__name__[4:].replace("_", "-"): function for function in (
    leg_format, leg_lint, leg_gcc_debug, leg_coverage, leg_cppcheck, leg_gcc_release, leg_integration, leg_install,
    leg_quickstart, leg_debian_13, leg_clang_release, leg_constant_time, leg_fuzz_replay, leg_attack, leg_e2e, leg_clients, leg_differential,
    leg_clang_tidy, leg_asan, leg_attack_asan, leg_tsan)}


def run_leg(name, jobs):
    leg = Leg(name, jobs)
    print(f"== {name}: {LEGS[name].__doc__.splitlines()[0]}", flush=True)
    start = time.monotonic()
    try:
        passed, failed = LEGS[name](leg)
    except Broken as error:
        leg.log.write(f"broken: {error}\n")
        passed, failed = 0, 1
    leg.log.close()
    if failed:
        tail = leg.log_path.read_text(errors="replace").splitlines()[-80:]
        if not any(failure.startswith(f"{name}: ") for failure in FAILURES):
            FAILURES.append("\n".join([f"{name}:", *("    " + line[:200] for line in tail[-FAILURE_MAX_LINES:])]))
        print("\n".join("   | " + line for line in tail))
        print(f"   whole log: {leg.log_path.relative_to(ROOT)}")
    # Not the closing form: one line of that form ends the run, and only one.
    print(f"   {name}: passed={passed} failed={failed} in {time.monotonic() - start:.0f} s", flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(prog="scripts/test", description="Runs the tests.")
    parser.add_argument("--list", action="store_true", help="name the legs and leave")
    parser.add_argument("--leg", action="append", choices=list(LEGS), metavar="NAME", help="run this leg only; repeatable")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    arguments = parser.parse_args()
    if arguments.list:
        for name, function in LEGS.items():
            print(f"{name:15} {function.__doc__.splitlines()[0]}")
        return 0
    results = {name: run_leg(name, arguments.jobs) for name in arguments.leg or LEGS}
    print()
    print("\n".join(FAILURES[:FAILURES_MAX]))
    for name, (passed, failed) in results.items():
        print(f"{'FAIL' if failed else 'ok  '} {name:15} {passed:6} ok {failed:4} not ok")
    passed, failed = sum_of(*results.values())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
