"""tools/fetch-npm: only what is locked is unpacked, and who has no network is told what to do."""

import base64
import functools
import gzip
import hashlib
import http.server
import io
import json
import os
import pathlib
import subprocess
import tarfile
import threading

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/fetch-npm"
FILE = "build/npm/@scope-thing-1.2.3.tgz"


def archive():
    """The same bytes at each call: gzip would note the second at which it was made."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        data = b"hello\n"
        entry = tarfile.TarInfo("package/hello.js")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def lock(folder, data, **changes):
    entry = {"version": "1.2.3", "integrity": "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode(), **changes}
    text = json.dumps({"packages": {"": {}, "node_modules/other": {"version": "9"}, "node_modules/@scope/thing": entry}}, indent=2)
    (folder / "package-lock.json").write_text(text)


@pytest.fixture
def registry(tmp_path):
    """Serves the package by npm's scheme of addresses; its own is returned."""
    path = tmp_path / "registry/@scope/thing/-/thing-1.2.3.tgz"
    path.parent.mkdir(parents=True)
    path.write_bytes(archive())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "registry")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def fetch(folder, registry, name="@scope/thing"):
    env = {**os.environ, "NPM_CONFIG_REGISTRY": registry}
    run = subprocess.run([TOOL, "--lock", "package-lock.json", name, "out"], cwd=folder, env=env, capture_output=True, text=True,
                         timeout=60)
    return run.returncode, run.stdout + run.stderr


def test_what_is_locked_is_unpacked_and_kept(tmp_path, registry):
    lock(tmp_path, archive())
    assert fetch(tmp_path, registry)[0] == 0
    assert (tmp_path / "out/hello.js").read_text() == "hello\n"
    assert fetch(tmp_path, "http://127.0.0.1:9/") == (0, ""), "the archive at hand is not asked for again"


def test_another_hash_is_refused(tmp_path, registry):
    lock(tmp_path, b"something else")
    code, said = fetch(tmp_path, registry)
    assert code == 1 and "sha512" in said
    assert not (tmp_path / "out").exists() and not (tmp_path / FILE).exists()


def test_an_archive_that_was_changed_is_fetched_anew(tmp_path, registry):
    lock(tmp_path, archive())
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_bytes(b"rubbish")
    assert fetch(tmp_path, registry)[0] == 0
    assert (tmp_path / FILE).read_bytes() == archive()


@pytest.mark.parametrize("integrity", ["", "sha512-", "sha1-AAAA"])
def test_a_weaker_hash_is_refused(tmp_path, registry, integrity):
    lock(tmp_path, archive(), integrity=integrity)
    assert fetch(tmp_path, registry)[0] == 1
    assert not (tmp_path / "out").exists()


def test_no_network(tmp_path):
    lock(tmp_path, archive())
    code, said = fetch(tmp_path, "http://127.0.0.1:9")
    assert code == 1 and "http://127.0.0.1:9/@scope/thing/-/thing-1.2.3.tgz" in said and str(tmp_path / FILE) in said


def test_an_unknown_name(tmp_path, registry):
    lock(tmp_path, archive())
    code, said = fetch(tmp_path, registry, "missing")
    assert code == 1 and "does not lock missing" in said
