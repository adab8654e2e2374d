"""`burstd check` against the world: what it finds when all is well, with wrong credentials, and when parts are missing."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import sqlite3
import subprocess

import pytest

from harness import ACCESS_KEY, PASSWORD, PATIENCE, SECRET_KEY, Burstd, World, run, until, upstreams

LEVELS = ("ok", "info", "warning", "error")


@pytest.fixture(scope="module")
def site():
    """A world of its own: the faults of these tests are nobody else's."""
    world = World(100)
    world("traffic", on=False)
    place = world("add_location", name="AWS burst")["id"]
    world("add_location", name="Oslo", overflow1="AWS burst")
    world("add_node", name="oslo-1", location="Oslo", running=True)
    world("add_node", name="burst-1", location="AWS burst", bursting=True, region="eu-west-1")
    world("add_node", name="burst-2", location="AWS burst", bursting=True, region="eu-west-1", running=True)
    assert place
    yield world
    world.stop()


@contextlib.contextmanager
def fault(world, name, *nodes):
    for node in nodes:
        world("fault", fault=name, node=node)
    try:
        yield
    finally:
        world("clear")


def settings(site, state, **more):
    return {**upstreams(site.infinity, site.ec2), "BURSTD_STATE_DIR": str(state), "BURSTD_TIME_SCALE": "100",
            "BURSTD_LISTEN": "127.0.0.1:0", **more}


def check(env):
    """Exit code and findings; the table has to say the same as the JSON."""
    done = run("check", "--json", env=env)
    result = json.loads(done.stdout)
    assert result.keys() == {"errors", "warnings", "findings"} and done.stderr == ""
    for f in result["findings"]:
        assert f.keys() == {"id", "severity", "subject", "what", "consequence", "remedy", "guide"} and f["severity"] in LEVELS
        for field in ("id", "consequence", "remedy"):
            assert f["what"] and (f["severity"] == "ok") == (f[field] is None), f
    count = [sum(f["severity"] == level for f in result["findings"]) for level in LEVELS]
    assert count[2:] == [result["warnings"], result["errors"]]
    assert done.returncode == (1 if result["errors"] else 0)
    for secret in (PASSWORD, SECRET_KEY, "wrong-one"):
        assert secret not in done.stdout
    return done.returncode, result["findings"]


def assert_found(findings, check):
    """tools/lint-checks counts these two: each row of fleet/check.h is found in a test, and in one it is not."""
    assert check in [f["id"] for f in findings], findings


def assert_silent(findings, check):
    assert check not in [f["id"] for f in findings], findings


def of(findings, subject, severity):
    return [f["what"] for f in findings if f["subject"] == subject and f["severity"] == severity]


def test_all_well(site, tmp_path):
    before = site.metrics()
    code, findings = check(settings(site, tmp_path))
    assert code == 0
    assert {f["severity"] for f in findings} == {"ok"}, findings
    assert of(findings, "infinity", "ok") == ["2 locations, 3 Conferencing Nodes", "DNS, NTP, licences and certificates were read"]
    region = of(findings, "ec2:eu-west-1", "ok")
    assert region[0].startswith("2 bursting nodes with the tag pexip-cloud=") and "dry runs" in region[1]
    assert of(findings, "aws", "ok") == ["keys from: environment"]
    assert os.listdir(tmp_path) == [], "a check leaves nothing behind"
    after = site.metrics()
    for name in ("starts", "stops"):
        assert before[name] == after[name]


def test_table(site, tmp_path):
    done = run("check", env=settings(site, tmp_path))
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "ok       configuration      complete; 1 region"
    assert done.stdout.endswith("\n0 errors, 0 warnings\n")
    done = run("check", env=settings(site, tmp_path, BURSTD_INFINITY_PASSWORD="wrong-one"))
    assert done.returncode == 1
    line = next(i for i, text in enumerate(done.stdout.splitlines()) if text.startswith("error    infinity "))
    assert "nothing is stopped" in done.stdout.splitlines()[line + 1], "the consequence"
    assert " -> " in done.stdout.splitlines()[line + 2], "and the remedy"


def test_wrong_password_of_infinity(site, tmp_path):
    code, findings = check(settings(site, tmp_path, BURSTD_INFINITY_PASSWORD="wrong-one"))
    assert code == 1
    assert len(of(findings, "infinity", "error")) == 1
    assert "tag value is not known" in of(findings, "ec2:eu-west-1", "error")[0]
    assert of(findings, "aws", "ok")


def test_wrong_aws_secret(site, tmp_path):
    code, findings = check(settings(site, tmp_path, AWS_SECRET_ACCESS_KEY="wrong-one"))
    assert code == 1
    assert "DescribeInstances" in of(findings, "ec2:eu-west-1", "error")[0]
    assert of(findings, "infinity", "ok")


def test_no_keys_at_all(site, tmp_path):
    env = settings(site, tmp_path, HOME=str(tmp_path))
    del env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
    code, findings = check(env)
    assert_found(findings, "aws_keys")
    assert code == 1 and of(findings, "aws", "error") and not of(findings, "ec2:eu-west-1", "error")
    _, findings = check(settings(site, tmp_path))
    assert_silent(findings, "aws_keys")


def test_keys_of_life_cycle_operations(contract, site):
    """Where they come from, once the operations are allowed; a profile that is not there is no reason to take others."""
    burstd = Burstd(contract, upstreams(site.infinity, site.ec2), 100)

    def found(**more):
        return [f for f in check({**burstd.env, **more})[1] if f["id"] == "lifecycle_keys" or "life-cycle" in f["what"]]

    try:
        assert burstd.ask("PATCH", "/v1/bursting", body={"mode": "observe"}).status_code == 200
        assert found(BURSTD_LIFECYCLE_AWS_PROFILE="wide") == []
        with sqlite3.connect(pathlib.Path(burstd.directory.name, "burstd.db")) as db:
            db.execute("UPDATE settings SET allow_lifecycle = 1")
        assert [f["what"] for f in found()] == ["keys of life-cycle operations from: environment"]
        assert_silent(found(), "lifecycle_keys")
        refused, = found(BURSTD_LIFECYCLE_AWS_PROFILE="wide")
        assert_found([refused], "lifecycle_keys")
        assert refused["severity"] == "error" and "wide" in refused["what"]
    finally:
        burstd.close()


def test_permission_to_start_is_missing(site, tmp_path):
    with fault(site, "denied", "burst-1", "burst-2"):
        code, findings = check(settings(site, tmp_path))
    assert code == 1
    errors = [f for f in findings if f["severity"] == "error"]
    assert [f["id"] for f in errors] == ["iam_start_denied", "iam_stop_denied"]
    assert [f["what"].split(" ")[0] for f in errors] == ["StartInstances", "StopInstances"]
    assert of(findings, "ec2:eu-west-1", "ok"), "describing is allowed"


def test_nothing_has_the_tag(site, tmp_path):
    values = {}
    for name in ("burst-1", "burst-2"):
        values[name] = site("tag", node=name, value=None)
    try:
        code, findings = check(settings(site, tmp_path))
    finally:
        for name in values:
            site("tag", node=name, value=tag_value(site))
    assert code == 0
    assert "no instance has the tag" in of(findings, "bursting", "warning")[0]


def tag_value(site):
    """Infinity's own word for it, as the check found it."""
    done = run("check", "--json", env=settings(site, "/nonexistent/burstd"))
    return re.search(r"pexip-cloud=(\S+?)[,\" ]", done.stdout).group(1)


def test_infinity_bursts_itself(site, tmp_path):
    site("infinity_bursting", on=True)
    try:
        code, findings = check(settings(site, tmp_path))
    finally:
        site("infinity_bursting", on=False)
    assert code == 0 and [f["id"] for f in findings if f["severity"] == "info"] == ["infinity_bursts"]


def test_the_same_rows_as_checks(contract, site):
    """One table, one representation: what the daemon finds, the command finds as well."""
    burstd = Burstd(contract, upstreams(site.infinity, site.ec2), 100)
    site("network", without_rule="ike", open_rule="ssh", no_key=True)
    site("platform", ntp=1)
    try:
        def rows(findings):
            return {tuple(str(f[k]) for k in ("id", "severity", "subject", "what", "consequence", "remedy", "guide")) for f in findings}

        mine = rows(f for f in check(burstd.env)[1] if f["severity"] != "ok")
        assert {r[0] for r in mine} == {"group_tunnel_blocked", "group_too_open", "no_key_pair", "few_ntp_servers"}
        burstd.ask("POST", "/v1/checks/refresh")
        until(lambda: rows(burstd.get("/v1/checks")["items"]) == mine, lambda: f"the same: {burstd.get('/v1/checks')['items']} {mine}")
    finally:
        site("network")
        site("platform")
        burstd.close()


def test_nothing_answers(tmp_path):
    env = {**upstreams("http://127.0.0.1:9", "http://127.0.0.1:9"), "BURSTD_STATE_DIR": str(tmp_path),
           "BURSTD_TIME_SCALE": "100"}
    code, findings = check(env)
    assert code == 1 and "127.0.0.1" in of(findings, "infinity", "error")[0]


def test_configuration(site, tmp_path):
    """What is not set is a finding, and the rest is looked at; what cannot be read at all is the line of serve."""
    env = settings(site, tmp_path)
    del env["BURSTD_INFINITY_PASSWORD"]
    code, findings = check(env)
    assert code == 1 and "BURSTD_INFINITY_PASSWORD: not set" in of(findings, "configuration", "error")[0]
    assert_found(findings, "configuration")
    _, findings = check(settings(site, tmp_path))
    assert_silent(findings, "configuration")
    for more in ({"BURSTD_COLOUR": "red"}, {"BURSTD_TIME_SCALE": "fast"}, {"BURSTD_LISTEN": "nowhere"}):
        done = run("check", "--json", env=settings(site, tmp_path, **more))
        assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
        assert done.stderr == run(env=settings(site, tmp_path, **more)).stderr
    for wrong in (["check", "now"], ["--json"], ["check", "--json=yes"], ["token", "list", "--json"]):
        done = run(*wrong, env=settings(site, tmp_path))
        assert done.returncode == 1 and (done.stderr.count("\n") == 1 or "unknown argument" in done.stdout), wrong


def test_a_client_that_cannot_be_made(site, tmp_path):
    """The key of the OAuth2 client is none; the other system is looked at all the same."""
    env = settings(site, tmp_path, BURSTD_INFINITY_OAUTH_CLIENT_ID="burstd", BURSTD_INFINITY_OAUTH_KEY="wrong-one")
    del env["BURSTD_INFINITY_USER"], env["BURSTD_INFINITY_PASSWORD"]
    code, findings = check(env)
    assert_found(findings, "client_unusable")
    assert code == 1 and "not an EC P-256 key" in of(findings, "infinity", "error")[0] and of(findings, "aws", "ok")
    env["BURSTD_INFINITY_OAUTH_KEY"] = pathlib.Path(key_pair(tmp_path)).read_text("ascii")
    code, findings = check(env)
    assert_silent(findings, "client_unusable")


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=PATIENCE)


def key_pair(folder):
    """The path of a new private key that only its owner may read."""
    path = folder / "private.key"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(path))
    path.chmod(0o600)
    return str(path)


def certificate(folder, key, end):
    """The path of a certificate of that key whose last moment is `end`: only `openssl ca` takes a time."""
    ca = folder / "ca"
    ca.mkdir(exist_ok=True)
    (ca / "index.txt").write_text("", "ascii")
    (ca / "serial").write_text("01\n", "ascii")
    (ca / "ca.conf").write_text(f"[ca]\ndefault_ca = d\n[d]\ndatabase = {ca}/index.txt\nserial = {ca}/serial\n"
                                f"new_certs_dir = {ca}\ndefault_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n", "ascii")
    openssl("req", "-new", "-key", key, "-subj", "/CN=localhost", "-out", str(ca / "request"))
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=30)
    openssl("ca", "-batch", "-notext", "-selfsign", "-config", str(ca / "ca.conf"), "-keyfile", key, "-in", str(ca / "request"),
            "-out", str(ca / "certificate"), "-startdate", f"{begin:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}")
    return str(ca / "certificate")


def test_certificate_of_the_server(site, tmp_path):
    """Two weeks before its end there is time to renew it, and after its end nobody talks to burstd."""
    key = key_pair(tmp_path)

    def checked(**lasts):
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**lasts)
        return check(settings(site, tmp_path, BURSTD_TLS_CERT=certificate(tmp_path, key, end), BURSTD_TLS_KEY=key))

    code, findings = checked(days=14, minutes=10)
    assert code == 0 and of(findings, "tls", "ok")
    assert_silent(findings, "tls_ends_soon")
    assert_silent(findings, "tls_expired")
    assert_silent(findings, "tls_unusable")
    code, findings = checked(days=13, hours=23)
    assert code == 0 and "expires at" in of(findings, "tls", "warning")[0]
    assert_found(findings, "tls_ends_soon")
    code, findings = checked(minutes=10)
    assert_silent(findings, "tls_expired")
    code, findings = checked(minutes=-10)
    assert code == 1 and "expired at" in of(findings, "tls", "error")[0]
    assert_found(findings, "tls_expired")
    assert_silent(findings, "tls_ends_soon")
    os.chmod(key, 0o644)
    code, findings = checked(days=90)
    assert code == 1 and "others may read it" in of(findings, "tls", "error")[0]
    assert_found(findings, "tls_unusable")
    code, findings = check(settings(site, tmp_path, BURSTD_TLS_CERT="/nowhere", BURSTD_TLS_KEY="/nowhere"))
    assert code == 1 and "/nowhere" in of(findings, "tls", "error")[0]


def test_state_directory(site, tmp_path):
    code, findings = check(settings(site, tmp_path / "none"))
    assert code == 0 and "the first start makes it" in of(findings, "state", "warning")[0]
    assert_found(findings, "state_missing")
    assert_silent(findings, "state_unusable")
    assert not (tmp_path / "none").exists(), "a check makes nothing"
    file = tmp_path / "file"
    file.touch()
    code, findings = check(settings(site, file))
    assert code == 1 and "not a directory" in of(findings, "state", "error")[0]
    assert_found(findings, "state_unusable")
    assert_silent(findings, "state_missing")
    there = tmp_path / "there"
    there.mkdir(0o700)
    code, findings = check(settings(site, there))
    assert code == 0 and of(findings, "state", "ok")
    assert_silent(findings, "state_open")
    for mode in (0o755, 0o701, 0o710):
        there.chmod(mode)
        code, findings = check(settings(site, there))
        assert code == 0 and "by others" in of(findings, "state", "warning")[0]
        assert_found(findings, "state_open")


@pytest.fixture
def left(contract, site):
    """The state that a daemon has left behind, and the environment for a check of it."""
    burstd = Burstd(contract, upstreams(site.infinity, site.ec2), 100)
    assert burstd.ask("PATCH", "/v1/bursting", body={"aws_access_key_id": ACCESS_KEY,
                                                     "aws_secret_access_key": SECRET_KEY}).status_code == 200
    assert burstd.stop() == 0
    yield pathlib.Path(burstd.directory.name), dict(burstd.env)
    burstd.directory.cleanup()


def test_database(left):
    """Damaged, of a newer and of an older burstd; and a check mends, migrates and spoils none of them."""
    state, env = left
    database = state / "burstd.db"
    code, findings = check(env)
    assert code == 0 and of(findings, "aws", "ok") == ["keys from: settings"]
    assert_silent(findings, "database_damaged")
    assert_silent(findings, "database_newer")
    assert_silent(findings, "database_older")
    whole = database.read_bytes()
    database.write_bytes(b"this is no database" * 500)
    code, findings = check(env)
    assert code == 1 and str(database) in of(findings, "state", "error")[0]
    assert_found(findings, "database_damaged")
    database.write_bytes(whole)

    def of_version(version):
        with sqlite3.connect(database) as db:
            right = db.execute("PRAGMA user_version").fetchone()[0]
            db.execute(f"PRAGMA user_version = {version}")
        result = check(env)
        with sqlite3.connect(database) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (version,), "a check migrates nothing"
            db.execute(f"PRAGMA user_version = {right}")
        return *result, right

    code, findings, right = of_version(9999)
    assert code == 1 and "schema version 9999" in of(findings, "state", "error")[0]
    assert_found(findings, "database_newer")
    code, findings, _ = of_version(right - 1)
    assert code == 0 and f"migrates it to {right}" in of(findings, "state", "warning")[0]
    assert_found(findings, "database_older")
    assert_silent(findings, "database_newer")
    assert check(env)[0] == 0


def test_key_of_the_database(left):
    """Without the key, or with another, the secrets in the database are lost: before a start says so."""
    state, env = left
    key = state / "key"
    right = key.read_bytes()
    _, findings = check(env)
    assert_silent(findings, "key_missing")
    assert_silent(findings, "key_wrong")
    key.write_bytes(bytes(byte ^ 1 for byte in right))
    code, findings = check(env)
    assert code == 1 and of(findings, "state", "error")
    assert_found(findings, "key_wrong")
    key.unlink()
    code, findings = check(env)
    assert code == 0 and "no key file" in of(findings, "state", "warning")[0]
    assert_found(findings, "key_missing")
    assert_silent(findings, "key_wrong")
    assert not key.exists(), "a check makes no key"


def test_with_a_running_daemon(contract, site):
    """Settings and the sealed AWS key are read, beside the daemon and after it."""
    burstd = Burstd(contract, upstreams(site.infinity, site.ec2, secret="wrong-one"), 100)
    try:
        env = {**burstd.env}
        assert check(env)[0] == 1
        assert burstd.ask("PATCH", "/v1/bursting", body={"aws_access_key_id": ACCESS_KEY,
                                                         "aws_secret_access_key": SECRET_KEY}).status_code == 200
        code, findings = check(env)
        assert code == 0 and of(findings, "aws", "ok") == ["keys from: settings"]
        assert "schema version" in of(findings, "state", "ok")[0]
        assert burstd.stop() == 0
        assert check(env)[0] == 0
        burstd.start()
    finally:
        burstd.close()
