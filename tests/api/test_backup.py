"""`burstd backup` while writes go on, and the documented way back from it."""

import os
import pathlib
import re
import shutil
import sqlite3
import stat
import threading

import pytest

from harness import ACCESS_KEY, Burstd, run, upstreams

GOOD = upstreams("http://127.0.0.1:9", "http://127.0.0.1:9")


def backup(burstd_or_path, target, **env):
    state = getattr(getattr(burstd_or_path, "directory", None), "name", burstd_or_path)
    return run("backup", str(target), env={"BURSTD_STATE_DIR": str(state), **env})


class Writer(threading.Thread):
    """Changes settings and adds holds until told to stop; remembers what was confirmed."""

    def __init__(self, burstd):
        super().__init__()
        self.burstd, self.confirmed, self.problem, self.go_on = burstd, [], None, True

    def run(self):
        try:
            number = 0
            while self.go_on:
                number += 1
                reply = self.burstd.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 1 + number % 500})
                assert reply.status_code == 200, reply.text
                self.confirmed.append(1 + number % 500)
        except Exception as e:  # pylint: disable=broad-except
            self.problem = e


def everything(burstd):
    """What an operator sees, without what changes by itself."""
    settings = burstd.get("/v1/bursting")
    history = []
    query = "?limit=500"
    while query:
        page = burstd.get("/v1/history" + query)
        history += page["items"]
        query = page["next"] and f"?limit=500&cursor={page['next']}"
    return settings, history, burstd.get("/v1/holds")["items"]


def tokens(state):
    listed = run("token", "list", env={"BURSTD_STATE_DIR": str(state)}).stdout
    return [line.split("\tused")[0] for line in listed.splitlines()]


def test_backup_and_restore(contract, tmp_path):
    burstd = Burstd(contract, GOOD)
    try:
        viewer = burstd.create_token("wall", "viewer")
        assert burstd.ask("PATCH", "/v1/bursting", body={"aws_access_key_id": ACCESS_KEY, "tag_value": "restored",
                                                         "aws_secret_access_key": "sealed/secret"}).status_code == 200
        writer = Writer(burstd)
        writer.start()
        try:
            for i in range(5):
                before = len(writer.confirmed)
                done = backup(burstd, tmp_path / f"copy-{i}")
                assert done.returncode == 0, done.stderr
                with sqlite3.connect(f"file:{tmp_path}/copy-{i}?mode=ro&immutable=1", uri=True) as copy:
                    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                    kept = copy.execute("SELECT count(*) FROM event").fetchone()[0]
                assert kept >= before, "a change that was confirmed before the backup began is missing"
        finally:
            writer.go_on = False
            writer.join()
        assert writer.problem is None and len(writer.confirmed) > 5
        last = tmp_path / "last"
        done = backup(burstd, last)
        assert done.returncode == 0
        size = last.stat().st_size
        assert re.search(rf"{last}: {size} bytes, schema version \d+\. The key file .*/key is not in it", done.stdout)
        assert stat.S_IMODE(last.stat().st_mode) == 0o600
        seen, listed, admin = everything(burstd), tokens(burstd.directory.name), burstd.token
        assert seen[0]["aws_secret_access_key_set"] and seen[1]
        assert burstd.stop() == 0
        shutil.copy(pathlib.Path(burstd.directory.name, "key"), tmp_path / "key")
        for path in pathlib.Path(burstd.directory.name).iterdir():
            path.unlink()

        # docs/operations.md, "Restoring"
        state = pathlib.Path(burstd.directory.name)
        shutil.copy(last, state / "burstd.db")
        shutil.copy(tmp_path / "key", state / "key")
        (state / "admin.token").write_text(admin, encoding="ascii")  # for the harness: it is not made anew
        burstd.start()
        assert everything(burstd) == seen
        assert tokens(state) == listed
        assert burstd.ask("GET", "/v1/bursting", token=viewer).status_code == 200
        assert "cannot be read" not in "\n".join(line for line in burstd.process.lines if "AWS secret" in line)
    finally:
        burstd.close()


def test_nothing_but_the_database(contract, tmp_path):
    burstd = Burstd(contract, GOOD)
    try:
        assert burstd.ask("PATCH", "/v1/bursting", body={"aws_access_key_id": ACCESS_KEY,
                                                         "aws_secret_access_key": "sealed/secret"}).status_code == 200
        assert backup(burstd, tmp_path / "copy").returncode == 0
        assert os.listdir(tmp_path) == ["copy"]
        data = (tmp_path / "copy").read_bytes()
        assert data.startswith(b"SQLite format 3\0") and b"sealed/secret" not in data
        assert burstd.token.encode() not in data
        assert pathlib.Path(burstd.directory.name, "key").read_bytes() not in data
    finally:
        burstd.close()


def test_without_the_key(contract, tmp_path):
    """Without it the sealed AWS secret is lost and all else is there; the log says so."""
    burstd = Burstd(contract, GOOD)
    try:
        assert burstd.ask("PATCH", "/v1/bursting", body={"aws_access_key_id": ACCESS_KEY, "bursting_threshold": 9,
                                                         "aws_secret_access_key": "sealed/secret"}).status_code == 200
        assert backup(burstd, tmp_path / "copy").returncode == 0
        burstd.stop()
        state = pathlib.Path(burstd.directory.name)
        for name in ("burstd.db-wal", "burstd.db-shm", "key"):
            (state / name).unlink(missing_ok=True)
        shutil.copy(tmp_path / "copy", state / "burstd.db")
        burstd.start()
        assert burstd.get("/v1/bursting")["bursting_threshold"] == 9
        burstd.process.find("AWS secret access key in the store cannot be read")
    finally:
        burstd.close()


def test_refusals(contract, tmp_path):
    burstd = Burstd(contract, GOOD)
    try:
        taken = tmp_path / "taken"
        taken.write_text("mine")
        link = tmp_path / "link"
        link.symlink_to(tmp_path / "elsewhere")
        for target in (taken, link):
            done = backup(burstd, target)
            assert done.returncode == 1 and done.stderr == f"burstd: {target}: exists already and is not overwritten\n"
        assert taken.read_text() == "mine"
        assert "No such file" in backup(burstd, tmp_path / "nowhere" / "copy").stderr
        assert "needs one file name" in run("backup", env={"BURSTD_STATE_DIR": burstd.directory.name}).stderr
        assert "needs one file name" in run("backup", "a", "b", env={"BURSTD_STATE_DIR": burstd.directory.name}).stderr
        assert sorted(os.listdir(tmp_path)) == ["link", "taken"]
    finally:
        burstd.close()
    empty = tmp_path / "empty"
    empty.mkdir()
    done = backup(empty, tmp_path / "copy")
    assert done.returncode == 1 and "burstd.db: No such file" in done.stderr
    assert os.listdir(empty) == [] and not (tmp_path / "copy").exists()


def test_damage_is_not_copied(contract, tmp_path):
    burstd = Burstd(contract, GOOD)
    for _ in range(30):
        burstd.ask("PATCH", "/v1/bursting", body={"tag_value": "x" * 200})
    assert burstd.stop() == 0
    path = pathlib.Path(burstd.directory.name, "burstd.db")
    data = bytearray(path.read_bytes())
    at = data.rindex(b"x" * 200) // 4096 * 4096  # one page of the settings or of the history
    data[at:at + 16] = b"\xff" * 16
    broken = tmp_path / "state"
    broken.mkdir()
    (broken / "burstd.db").write_bytes(data)
    burstd.directory.cleanup()
    done = backup(broken, tmp_path / "copy")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["state"]


def test_help_says_that_the_key_is_apart():
    assert "The key file is not in it" in run("--help").stdout


@pytest.mark.parametrize("version", [0, 1])
def test_an_older_database_is_not_migrated(contract, tmp_path, version):
    """One makes a backup before the new version starts: the copy and the original stay what they are."""
    state = tmp_path / "state"
    state.mkdir()
    with sqlite3.connect(state / "burstd.db") as db:
        db.execute("CREATE TABLE t (a)")
        db.execute(f"PRAGMA user_version = {version}")
    done = backup(state, tmp_path / "copy")
    assert done.returncode == 0 and f"schema version {version}." in done.stdout
    for path in (state / "burstd.db", tmp_path / "copy"):
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (version,)
