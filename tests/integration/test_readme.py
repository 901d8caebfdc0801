# SPDX-License-Identifier: Apache-2.0
"""Every command of the README is run, in a fresh copy of the checkout, in the order a reader would.

A block of commands is ```console and has a mark before it: <!-- test: HOW -->. A block without one fails.
"""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

import kit

pytestmark = pytest.mark.release_only

README = (kit.ROOT / "README.md").read_text()
COMMAND_TIMEOUT_SEC = 600


def blocks():
    """(how, commands with their expected output lines) of each console block."""
    found = []
    for match in re.finditer(r"(<!-- test: ([a-z ]+) -->\n)?```(\w*)\n(.*?)^```$", README, re.S | re.M):
        how, language, text = match.group(2), match.group(3), match.group(4)
        if language in ("console", "sh", "bash", "shell"):
            assert how, f"no test runs this block of README.md:\n{text}"
            found.append((how, parse(text)))
    return found


def parse(text):
    commands = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif line.strip() and line.strip() != "...":
            commands[-1][1].append(line)
    return commands


def same_for_all(line):
    """What differs from run to run: tokens, ports, directories, versions."""
    line = re.sub(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b", "ID.SECRET", line)
    line = re.sub(r"system:bootstrap:[a-z0-9]{6}", "system:bootstrap:ID", line)
    line = re.sub(r"bootstrap-token-[a-z0-9]{6}", "bootstrap-token-ID", line)
    line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", line)
    return re.sub(r"\s+", " ", line).strip()


def assert_output(printed, expected):
    """The README's lines occur in this order; it may leave lines out."""
    lines = iter([same_for_all(line) for line in printed.splitlines()])
    for want in expected:
        assert same_for_all(want) in lines, f"README.md promises {want!r} (in this order); printed:\n{printed[-3000:]}"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what a clone would have."""
    folder = tmp_path_factory.mktemp("clone") / "kube-bearer"
    names = subprocess.run(["git", "-c", f"safe.directory={kit.ROOT}", "-C", kit.ROOT, "ls-files", "-z", "--cached", "--others",
                            "--exclude-standard"], check=True, capture_output=True).stdout.decode().split("\0")
    for name in filter(None, names):
        source, target = kit.ROOT / name, folder / name
        if source.is_symlink() or source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return folder


def shell(command, checkout):
    done = subprocess.run(["bash", "-c", command], cwd=checkout, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=COMMAND_TIMEOUT_SEC)
    assert done.returncode == 0, f"$ {command}\n{done.stdout[-4000:]}"
    return done.stdout


def serve(command, checkout):
    """Run a command that serves: wait until it is ready, end it, and want status 0."""
    ports = checkout / "ports.json"
    log = open(checkout / "serve.log", "wb")
    process = subprocess.Popen(["bash", "-c", f"exec {command} --secure-port 0 --port-file {ports}"], cwd=checkout,
                               stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        kit.eventually(lambda: ports.exists() or process.poll() is not None, "the port file")
        assert process.poll() is None, (checkout / "serve.log").read_text()
        port = json.loads(ports.read_text())["secure"]

        def ready():
            with kit.Connection(port, ca_pem=(checkout / "tls.crt").read_text()) as connection:
                return connection.request("GET", "/readyz").status == 200
        kit.eventually(ready, "ready")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
        log.close()
    assert code == 0, (checkout / "serve.log").read_text()


def test_readme_commands_work_in_a_fresh_copy(checkout):
    for how, commands in blocks():
        for number, (command, expected) in enumerate(commands):
            print(f"$ {command}")
            if how == "this run":
                # The tests cannot run themselves; that they can be started and named must do here.
                assert command == "./scripts/test"
                assert "integration" in shell("./scripts/test --no-install --list", checkout)
            elif how == "serve" and number == len(commands) - 1:
                serve(command, checkout)
            else:
                assert how in ("run", "serve", "quickstart"), f"unknown mark {how!r}"
                assert_output(shell(command, checkout), expected)


def test_readme_copy_stays_clean(checkout):
    """Outside build/, the commands leave only what they name."""
    assert not os.path.exists(checkout / ".quickstart") or not os.listdir(checkout / ".quickstart")


def test_readme_names_files_that_exist():
    for name in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (kit.ROOT / name).exists(), name


@pytest.mark.parametrize("document", sorted(str(p.relative_to(kit.ROOT)) for p in [*kit.ROOT.glob("*.md"), *kit.ROOT.glob("docs/*.md")]))
def test_documents_name_only_options_and_metrics_that_exist(document):
    # Commands of other programs have their own options; whoever runs them (here, tests/e2e/test_deploy.py) finds out.
    text = re.sub(r"^\$ (?!\./build/kube-bearer).*$", "", (kit.ROOT / document).read_text(), flags=re.M)
    text = re.sub(r"^<!-- tests/e2e/clients/\S+ -->\n```.*?^```$", "", text, flags=re.M | re.S)
    known = "".join(subprocess.run([kit.binary(), command, "--help"], capture_output=True, text=True, timeout=30).stdout
                    for command in ("serve", "check-config", "review", "webhook-config", "version"))
    options = set(re.findall(r"--([a-z][a-z0-9-]+)", known))
    scripts = "".join(p.read_text() for p in (kit.ROOT / "scripts").iterdir() if p.is_file())
    foreign = {  # kube-apiserver's and other tools'
        "authentication-token-webhook-config-file", "authentication-token-webhook-version", "token-auth-file",
        "authentication-token-webhook-cache-ttl", "service-account-issuer", "authentication-kubeconfig", "buildtype", "gdb",
        "enable-bootstrap-token-auth"}
    for name in set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]+)", text)):
        assert name in options or name in foreign or f"--{name}" in scripts, f"{document}: --{name}"
    source = "".join(p.read_text() for p in (kit.ROOT / "src" / "server").rglob("metrics*"))
    for name in set(re.findall(r"\b(kube_bearer_[a-z_]+)", text)):
        assert re.sub(r"_(bucket|sum|count)$", "", name) in source, f"{document}: {name}"
