# SPDX-License-Identifier: Apache-2.0
"""The directory of manifests while the server runs: what takes effect, when, and what never does."""
import base64
import json
import os
import re
import shutil
import threading
import time

import kit
from kit import replace_file, secret_manifest


def timed(action, check, what):
    """Do it, wait for its effect; return how long that took."""
    start = time.monotonic()
    action()
    kit.eventually(check, what)
    return time.monotonic() - start


def problems(server):
    return server.metric("kube_bearer_store_problems")


def test_manifests_changes_take_effect_within_100_ms(start_server):
    """Added, changed, replaced by rename, removed. Five rounds; the median counts, since this machine has other work. Of what is
    written in place the fastest does: a busy machine stops the writer between truncating and writing, and then 100 ms are waited."""
    server = start_server()
    took = {"added": [], "changed": [], "renamed": [], "removed": []}
    with server.connect() as connection:
        def accepts(token):
            return connection.review(token)["status"].get("authenticated") is True

        for number in range(5):
            first, second, third = (f"abc{number:03d}.{kit.new_token()[7:]}" for _ in range(3))
            path = server.manifests / f"round{number}.yaml"
            took["added"].append(timed(lambda: path.write_text(secret_manifest(first)), lambda: accepts(first), "added"))
            took["changed"].append(timed(lambda: path.write_text(secret_manifest(second)),
                                         lambda: accepts(second) and not accepts(first), "changed"))
            took["renamed"].append(timed(lambda: replace_file(path, secret_manifest(third)),
                                         lambda: accepts(third) and not accepts(second), "renamed"))
            took["removed"].append(timed(path.unlink, lambda: not accepts(third), "removed"))
    for what, times in took.items():
        which = 0 if what in ("added", "changed") else 2
        assert sorted(times)[which] < 0.1 * kit.SLOW, f"{what}: {sorted(times)}"


def test_manifests_yaml_json_lists_and_many_documents_are_read(start_server):
    server = start_server()
    tokens = [kit.new_token() for _ in range(6)]

    def object_of(token):
        name, secret = token.split(".")
        data = {"token-id": name, "token-secret": secret, "usage-bootstrap-authentication": "true"}
        return {"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
                "metadata": {"name": f"bootstrap-token-{name}", "namespace": "kube-system"},
                "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}

    server.put(tokens[0])
    replace_file(server.manifests / "one.json", json.dumps(object_of(tokens[1]), indent=1))
    replace_file(server.manifests / "many.yml", "---\n" + secret_manifest(tokens[2]) + "---\n---\nkind: ConfigMap\n"
                 "apiVersion: v1\nmetadata: {name: other}\n---\n" + secret_manifest(tokens[3]) + "...\n")
    replace_file(server.manifests / "list.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": [
        object_of(tokens[4]), {"apiVersion": "apps/v1", "kind": "Deployment"}, object_of(tokens[5])]}))
    for token in tokens:
        server.wait_accepts(token)
    assert problems(server) == 0, server.log()


def test_manifests_subdirectories_come_and_go(start_server):
    server = start_server()
    token, other = kit.new_token(), kit.new_token()
    deep = server.manifests / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "s.yaml").write_text(secret_manifest(token))
    server.wait_accepts(token)
    (deep / "late.yaml").write_text(secret_manifest(other))
    server.wait_accepts(other)
    os.rename(server.manifests / "a", server.folder / "away")
    server.wait_refuses(token)
    server.wait_refuses(other)
    os.rename(server.folder / "away", server.manifests / "back")
    server.wait_accepts(token)
    shutil.rmtree(server.manifests / "back")
    server.wait_refuses(token)


def test_manifests_mounted_volume_is_read_once_and_swapped_as_one(start_server):
    """..data -> ..2026_x, files are links into it; hidden files are not read by themselves."""
    server = start_server()
    first, second = kit.new_token(), kit.new_token()

    def mount(token):
        version = server.manifests / f"..{os.urandom(6).hex()}"
        version.mkdir()
        (version / "token.yaml").write_text(secret_manifest(token))
        (server.manifests / "..data_tmp").symlink_to(version.name)
        old = (server.manifests / "..data").resolve() if (server.manifests / "..data").exists() else None
        os.replace(server.manifests / "..data_tmp", server.manifests / "..data")
        if not (server.manifests / "token.yaml").is_symlink():
            (server.manifests / "token.yaml").symlink_to("..data/token.yaml")
        if old:
            shutil.rmtree(old)

    mount(first)
    server.wait_accepts(first)
    assert problems(server) == 0, "the same object must not be found twice"
    mount(second)
    server.wait_accepts(second)
    server.wait_refuses(first)
    (server.manifests / ".hidden.yaml").write_text(secret_manifest(first))
    marker = server.new_token()
    assert server.accepts(marker) and not server.accepts(first)


def test_manifests_secret_written_byte_by_byte_is_never_accepted_in_between(start_server):
    """Cut off before `expiration:` the Secret is valid YAML and would never expire. Nothing in between may count."""
    server = start_server()
    token = kit.new_token()
    text = secret_manifest(token, expiration="2020-01-02T03:04:05Z")
    assert text.rstrip().endswith('expiration: "2020-01-02T03:04:05Z"')
    accepted, stop = [], threading.Event()

    def watch():
        with server.connect() as connection:
            while not stop.is_set():
                status = connection.review(token)["status"]
                if status.get("authenticated"):
                    accepted.append(status)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with open(server.manifests / "slow.yaml", "w") as file:
            for character in text:
                file.write(character)
                file.flush()
                time.sleep(0.002)  # longer than an event takes, not a wait for one
        marker = server.new_token()
        assert server.accepts(marker)
    finally:
        stop.set()
        watcher.join()
    assert not accepted
    status = server.review(token)["status"]
    assert not status.get("authenticated") and not status.get("error"), "read whole: known, and expired"


def test_manifests_file_half_written_at_the_start_is_not_read_as_whole(start_server, tmp_path):
    folder = tmp_path / "manifests"
    folder.mkdir()
    token, marker = kit.new_token(), kit.new_token()
    text = secret_manifest(token, expiration="2020-01-02T03:04:05Z")
    half = text[:text.index("expiration:")].rstrip(" ")
    stop = threading.Event()

    def writer():
        """Half the file, then comments for a while, then the rest."""
        with open(folder / "slow.yaml", "w") as file:
            file.write(half)
            file.flush()
            while not stop.wait(0.005):
                file.write("  # ...\n")
                file.flush()
            file.write(text[len(half):])

    (folder / "marker.yaml").write_text(secret_manifest(marker))
    thread = threading.Thread(target=writer)
    thread.start()
    try:
        server = start_server(manifests=folder, wait=False)
        server.wait_ports()
        end = time.monotonic() + 1
        with server.connect() as connection:
            while time.monotonic() < end:
                response = connection.request("POST", "/authenticate", kit.review_body(token))
                assert response.status == 503 or not response.json()["status"].get("authenticated")
    finally:
        stop.set()
        thread.join()
    server.wait_ready()
    server.wait_accepts(marker)
    assert not server.accepts(token)


def test_manifests_broken_file_keeps_its_last_good_objects_and_says_where(start_server):
    server = start_server()
    token = server.new_token()
    path = server.manifests / f"{token[:6]}.yaml"
    good = path.read_text()
    secret = kit.canary()
    replace_file(path, good + f"  description: [unclosed {secret}\nmore: x\n")
    kit.eventually(lambda: problems(server) == 1, "the problem is counted")
    assert server.accepts(token)
    found = server.wait_log(r'Manifest problem.*file="[^"]*' + token[:6] + r'\.yaml"')
    line = [l for l in server.log().splitlines() if found.group(0) in l][0]
    assert "line=" in line and "column=" in line
    assert "manifests" in server.get("/readyz?verbose").text or "store" in server.get("/readyz?verbose").text
    assert server.get("/readyz").status == 200
    replace_file(path, good)
    kit.eventually(lambda: problems(server) == 0, "the problem is gone")
    server.wait_log("resolved")
    replace_file(path, good + "broken: [\n")
    kit.eventually(lambda: problems(server) == 1, "broken again")
    path.unlink()
    server.wait_refuses(token)
    kit.eventually(lambda: problems(server) == 0, "a file that is gone has no problem")


def test_manifests_hundreds_of_bad_files_that_end_do_not_flood_the_log(start_server):
    """Ten lines at once and then one a second, for problems and for their ends; what was left out is said."""
    server = start_server()
    token = server.new_token()
    good = server.manifests / f"{token[:6]}.yaml"
    replace_file(good, good.read_text() + "broken: [\n")
    bad = [server.manifests / f"bad{number:03d}.yaml" for number in range(400)]
    for path in bad:
        path.write_text("kind: [\n")
    kit.eventually(lambda: problems(server) == 401, "all are problems")
    assert server.accepts(token), "the last good state"
    start = time.monotonic()
    for path in bad:
        path.unlink()
    kit.eventually(lambda: problems(server) == 1, "all but one are gone")
    kit.eventually(lambda: told(server, "resolved") == 400, "every end is a line, or in the count of those left out")
    seconds = time.monotonic() - start
    lines = [line for line in server.log().splitlines() if "esolved" in line]
    assert 10 <= len(lines) <= 11 + seconds, "\n".join(lines)
    assert server.accepts(token), "still"


def told(server, what):
    """How many lines there were of these, and how many they say were left out."""
    lines = [line for line in server.log().splitlines() if re.search(f"(?i){what}", line)]
    left_out = sum(int(number) for line in lines for number in re.findall(r"dropped=(\d+)", line))
    return left_out + len([line for line in lines if "held back" not in line])


def test_manifests_wrong_types_are_problems_not_guesses(start_server):
    """An unquoted true or 1 in stringData is an error for the API server, and here; so are duplicate keys."""
    server = start_server()
    for number, (old, new) in enumerate([('usage-bootstrap-authentication: "true"', "usage-bootstrap-authentication: true"),
                                         ("stringData:", "stringData:\n  description: 1"),
                                         ("stringData:", "data: {x: '!!!'}\nstringData:"),
                                         ("type:", "type: Opaque\ntype:")]):
        token = kit.new_token()
        text = secret_manifest(token)
        assert old in text
        replace_file(server.manifests / f"{number}.yaml", text.replace(old, new))
        kit.eventually(lambda: problems(server) == number + 1, f"{new} is a problem")
        assert not server.accepts(token)


def refused_manifest(token):
    """A token that somebody disabled, with a slip: the value is no string."""
    text = secret_manifest(token)
    old = 'usage-bootstrap-authentication: "true"'
    assert old in text
    return text.replace(old, "usage-bootstrap-authentication: false")


def test_manifests_refused_secret_keeps_its_name_and_not_its_file(start_server):
    """The others in its file count; an older copy of it, in a file behind, does not."""
    server = start_server()
    token = kit.new_token()
    other = kit.new_token()
    server.put(token, file="b.yaml")
    server.wait_accepts(token)
    replace_file(server.manifests / "a.yaml", refused_manifest(token) + "---\n" + secret_manifest(other))
    server.wait_accepts(other)
    server.wait_refuses(token)
    server.wait_log(r"Manifest problem.*usage-bootstrap-authentication: expected a string, found a boolean")
    assert problems(server) == 2, "it, and the copy that does not count"
    (server.manifests / "a.yaml").unlink()
    server.wait_accepts(token)
    server.wait_refuses(other)
    kit.eventually(lambda: problems(server) == 0, "nothing is wrong any more")


def test_manifests_same_object_twice_the_first_path_wins_and_the_other_takes_over(start_server):
    server = start_server()
    token = kit.new_token()
    other = token[:7] + kit.new_token()[7:]
    server.put(other, file="b.yaml")
    server.wait_accepts(other)
    server.put(token, file="a.yaml")
    server.wait_accepts(token)
    server.wait_refuses(other)
    kit.eventually(lambda: problems(server) == 1, "the duplicate is reported")
    (server.manifests / "a.yaml").unlink()
    server.wait_accepts(other)
    server.wait_refuses(token)
    kit.eventually(lambda: problems(server) == 0, "no duplicate any more")


def test_manifests_other_kinds_are_ignored_quietly(start_server):
    server = start_server()
    replace_file(server.manifests / "x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n---\n"
                 "apiVersion: example.org/v1\nkind: Secret\nmetadata: {name: x}\n")
    replace_file(server.manifests / "README.md", "not a manifest\n")
    replace_file(server.manifests / "opaque.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: b}\n")
    server.new_token()
    assert problems(server) == 0, server.log()


def test_manifests_secret_in_the_wrong_namespace_says_so(start_server):
    server = start_server()
    token = server.put(kit.new_token(), namespace=None)
    kit.eventually(lambda: server.metric("kube_bearer_secrets_rejected", reason="secret_wrong_namespace") == 1, "counted")
    assert not server.accepts(token)
    server.put(token, namespace="kube-system")
    server.wait_accepts(token)
    kit.eventually(lambda: server.metric("kube_bearer_secrets_rejected", reason="secret_wrong_namespace") == 0, "uncounted")


def test_manifests_changed_under_load(start_server):
    """Tokens come and go while one that stays is asked for: every answer is right."""
    steady = kit.new_token()
    server = start_server(tokens=[steady])
    connections = threading.local()

    def ask():
        if not hasattr(connections, "kept"):
            connections.kept = server.connect()
        assert connections.kept.review(steady)["status"]["authenticated"] is True

    with kit.Load(ask, threads=3) as load:
        for _ in range(10):
            tokens = [server.put(kit.new_token()) for _ in range(20)]
            for token in tokens:
                server.wait_accepts(token)
            for token in tokens:
                (server.manifests / f"{token[:6]}.yaml").unlink()
            server.wait_refuses(tokens[-1])
            load.wait_for(20)
    kit.eventually(lambda: server.metric("kube_bearer_bootstrap_tokens") == 1, "only the steady one is left")


def test_manifests_a_thousand_files_at_once_all_count(start_server):
    """More events than a queue may hold is a rescan, not a loss."""
    server = start_server()
    tokens = [kit.new_token() for _ in range(1000)]
    for token in tokens:
        (server.manifests / f"{token[:6]}.yaml").write_text(secret_manifest(token))
    kit.eventually(lambda: server.metric("kube_bearer_bootstrap_tokens") == 1000, "all are held")
    with server.connect() as connection:
        for token in tokens[::50]:
            assert connection.review(token)["status"]["authenticated"] is True
    for token in tokens[:500]:
        (server.manifests / f"{token[:6]}.yaml").unlink()
    kit.eventually(lambda: server.metric("kube_bearer_bootstrap_tokens") == 500, "half are gone")


def test_manifests_directory_that_vanishes_keeps_serving(start_server):
    server = start_server()
    token = server.new_token()
    os.rename(server.manifests, server.folder / "away")
    assert server.get("/livez").status == 200
    os.rename(server.folder / "away", server.manifests)
    later = server.put(kit.new_token())
    server.wait_accepts(later)
    server.wait_accepts(token)


def readyz_store(server):
    page = server.get("/readyz?verbose")
    assert page.status == 200, page
    return next(line for line in page.text.splitlines() if line.startswith("[+]store ok"))


def test_manifests_that_others_can_change_are_served_and_remarked(start_server, tmp_path):
    folder = tmp_path / "manifests"
    folder.mkdir()
    token = kit.new_token()
    path = folder / "open.yaml"
    path.write_text(secret_manifest(token))
    path.chmod(0o666)
    server = start_server(manifests=folder)
    server.wait_accepts(token)
    line = server.wait_log(r'"Manifest remark".*').group(0)
    owner = path.stat()
    assert f'file="{path}"' in line, line
    assert f"everybody can write it (mode 0666, owner {owner.st_uid}, group {owner.st_gid}); expected nobody but" in line, line
    assert "manifests and directories that others can change: 1" in readyz_store(server)
    assert problems(server) == 0
    path.chmod(0o644)
    kit.eventually(lambda: readyz_store(server) == "[+]store ok", "no remark any more")
    folder.chmod(0o1777)
    kit.eventually(lambda: "others can change: 1" in readyz_store(server), "the directory, sticky or not")
    assert server.accepts(token)
    folder.chmod(0o755)


def test_manifests_that_others_can_change_stop_the_start_when_that_is_asked_for(start_server, tmp_path):
    folder = tmp_path / "manifests"
    folder.mkdir()
    token = kit.new_token()
    path = folder / "open.yaml"
    path.write_text(secret_manifest(token))
    path.chmod(0o664)
    server = start_server("--manifests-require-safe-permissions", manifests=folder, wait=False)
    server.wait_end(kit.NOT_ZERO)
    line = server.log().splitlines()[-1]
    assert f"kube-bearer serve: {path}: --manifests-require-safe-permissions: its group" in line, line
    assert "(mode 0664, owner " in line and "expected nobody but its owner" in line, line
    server = start_server("--manifests-require-safe-permissions", f"--manifests-writable-by-group={path.stat().st_gid}",
                          manifests=folder)
    server.wait_accepts(token)
    assert readyz_store(server) == "[+]store ok"
    server = start_server("--manifests-writable-by-group=no-such-group-here", manifests=folder, wait=False)
    server.wait_end(kit.NOT_ZERO)
    assert "expected the name or number of a group of this machine" in server.log(), server.log()


def test_manifests_that_others_can_change_are_not_taken_over_while_serving(start_server):
    """The last good state keeps serving; a file that is deleted is gone all the same: that is a revocation."""
    server = start_server("--manifests-require-safe-permissions")
    kept, revoked, smuggled, late = server.new_token(), server.new_token(), kit.new_token(), kit.new_token()
    theirs = server.folder / "theirs.yaml"
    theirs.write_text(secret_manifest(smuggled))
    theirs.chmod(0o666)
    os.replace(theirs, server.manifests / f"{kept[:6]}.yaml")
    kit.eventually(lambda: problems(server) == 1, "a problem")
    server.wait_log(r'"Manifest problem".*reason="unsafe".*everybody can write it')
    assert server.accepts(kept) and not server.accepts(smuggled)
    server.manifests.chmod(0o777)
    kit.eventually(lambda: problems(server) >= 2, "the directory is another")
    server.put(late)
    (server.manifests / f"{revoked[:6]}.yaml").unlink()
    server.wait_refuses(revoked)
    assert not server.accepts(late), "it came later than the unlink that has been seen"
    assert server.accepts(kept)
    assert server.get("/readyz").status == 200
    server.manifests.chmod(0o755)
    server.wait_accepts(late)
    (server.manifests / f"{kept[:6]}.yaml").unlink()
    server.wait_refuses(kept)
    kit.eventually(lambda: problems(server) == 0, "all is well")


def test_manifests_links_that_lead_out(start_server, tmp_path):
    """To files they are followed and remarked; to directories they are problems, unless asked for."""
    outside = tmp_path / "outside"
    (outside / "directory").mkdir(parents=True)
    file, directory = kit.new_token(), kit.new_token()
    (outside / "file").write_text(secret_manifest(file))
    (outside / "directory" / "secret.yaml").write_text(secret_manifest(directory))
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "file.yaml").symlink_to(outside / "file")
    (folder / "directory").symlink_to(outside / "directory")
    (folder / "everything").symlink_to("/")
    server = start_server(manifests=folder)
    server.wait_accepts(file)
    assert not server.accepts(directory)
    assert problems(server) == 2 and server.metric("kube_bearer_store_files") == 1
    server.wait_log(r'"Manifest problem" file="[^"]*/everything".*leads to a directory outside')
    server.wait_log(r'"Manifest remark" file="[^"]*/file.yaml" remark="the symbolic link leads out of the directory, to ')
    assert "links that lead out of the directory: 1" in readyz_store(server)
    (folder / "everything").unlink()
    kit.eventually(lambda: problems(server) == 1, "one is gone")
    server.stop()
    server = start_server("--manifests-follow-outside-directories", manifests=folder)
    server.wait_accepts(file)
    server.wait_accepts(directory)
    assert problems(server) == 0
