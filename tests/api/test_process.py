"""Start and end of the process: what stops a start, and with which words; signals; secrets."""

import json
import os
import pathlib
import signal
import socket
import stat
import tempfile

import pytest

from harness import ACCESS_KEY, Burstd, run, until, upstreams

GOOD = upstreams("http://127.0.0.1:9", "http://127.0.0.1:9")


@pytest.mark.parametrize("env,line", [
    ({"BURSTD_LISTEN": "0.0.0.0:8080"}, "BURSTD_LISTEN"),
    ({"BURSTD_LISTEN": "nowhere"}, "BURSTD_LISTEN"),
    ({"BURSTD_COLOUR": "red"}, "BURSTD_COLOUR: unknown variable"),
    ({"BURSTD_TIME_SCALE": "fast"}, "BURSTD_TIME_SCALE"),
    ({"BURSTD_INFINITY_URL": "http://manager.example.com"}, "BURSTD_INFINITY_URL: must be https"),
    ({"BURSTD_INFINITY_URL": ""}, "BURSTD_INFINITY_URL: not set"),
    ({"BURSTD_INFINITY_PASSWORD": ""}, "BURSTD_INFINITY_PASSWORD: not set"),
    ({"BURSTD_AWS_REGIONS": "cn-north-1"}, "BURSTD_AWS_REGIONS"),
    ({"BURSTD_AWS_REGIONS": "eu-west-1,eu-west-2"}, "BURSTD_EC2_ENDPOINT: needs {region}"),
    ({"BURSTD_TLS_CERT": "/etc/cert.pem"}, "BURSTD_TLS_CERT"),
    ({"BURSTD_STATE_DIR": "/proc/nowhere"}, "BURSTD_STATE_DIR"),
])
def test_bad_environment_stops_the_start(env, line):
    with tempfile.TemporaryDirectory() as state:
        done = run(env={**GOOD, "BURSTD_STATE_DIR": state, "BURSTD_LISTEN": "127.0.0.1:0", **env})
        assert done.returncode == 1
        assert line in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert os.listdir(state) == []


def test_bad_file_and_flags():
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write("# burstd\nlisten = 127.0.0.1:0\ncolour = red\n")
        f.flush()
        assert f"{f.name}:3: colour: unknown key" in run("--config", f.name, env=GOOD).stderr
    assert "--colour: unknown flag" in run("--colour", "red", env=GOOD).stderr
    assert "dance: unknown command" in run("dance", env=GOOD).stderr
    secret = run(env={**GOOD, "BURSTD_INFINITY_PASSWORD": "", "BURSTD_INFINITY_PASSWORD_FILE": "/nowhere/secret"})
    assert secret.returncode == 1 and secret.stderr.count("\n") == 1


def test_help_and_version():
    version = (pathlib.Path(__file__).parents[2] / "VERSION").read_text(encoding="ascii").strip()
    assert run("--version").stdout == f"burstd {version}\n"
    text = run("--help").stdout
    for name in ("BURSTD_LISTEN", "--time-scale", "BURSTD_INFINITY_PASSWORD_FILE", "token create"):
        assert name in text


def test_taken_port_and_second_process(contract):
    first = Burstd(contract, GOOD)
    try:
        other = run(env={**first.env, "BURSTD_LISTEN": "127.0.0.1:0"})
        assert other.returncode == 1 and other.stderr.count("\n") == 1
        assert str(first.process.child.pid) in other.stderr
        with tempfile.TemporaryDirectory() as state:
            taken = run(env={**GOOD, "BURSTD_STATE_DIR": state, "BURSTD_LISTEN": first.address,
                             "BURSTD_LOG_LEVEL": "error"})
            assert taken.returncode == 1
            assert "BURSTD_LISTEN: cannot listen on 127.0.0.1" in taken.stderr
    finally:
        first.close()


def test_state_directory_is_private(contract):
    burstd = Burstd(contract, GOOD)
    try:
        for name in os.listdir(burstd.directory.name):
            mode = stat.S_IMODE(os.stat(os.path.join(burstd.directory.name, name)).st_mode)
            assert mode & 0o077 == 0, f"{name} has mode {mode:o}"
        text = pathlib.Path(burstd.directory.name, "admin.token").read_text(encoding="ascii")
        assert text.endswith("\n") and text.startswith("burstd_") and len(text) == 51
    finally:
        burstd.close()


def test_restart_keeps_token_and_settings(contract):
    burstd = Burstd(contract, GOOD)
    try:
        token = burstd.token
        assert burstd.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 9}).status_code == 200
        assert burstd.stop(signal.SIGINT) == 0
        burstd.start()
        assert burstd.token == token
        assert burstd.get("/v1/bursting")["bursting_threshold"] == 9
        assert burstd.stop(signal.SIGKILL) == -signal.SIGKILL
        burstd.start()
        assert burstd.get("/v1/bursting")["bursting_threshold"] == 9
    finally:
        burstd.close()


def test_hangup_reloads_tokens(contract):
    burstd = Burstd(contract, GOOD)
    try:
        burstd.process.child.send_signal(signal.SIGHUP)
        burstd.process.find("reloaded the tokens")
        assert burstd.ask("GET", "/v1/status").status_code == 200
    finally:
        burstd.close()


def test_json_log(contract):
    burstd = Burstd(contract, {**GOOD, "BURSTD_LOG_FORMAT": "json"})
    burstd.ask("GET", "/v1/status", headers={"Accept": 'text/"html"'})
    burstd.close()
    records = [json.loads(line) for line in burstd.process.lines]
    assert {"time", "level", "msg"} <= set.intersection(*(set(r) for r in records))
    assert any(r["msg"] == "request" and r["status"] == "406" and r["actor"] == "admin" for r in records)
    done = run("--log-format", "jsonl", env=GOOD)
    assert "--log-format: must be one of logfmt|json" in done.stderr


def test_systemd_is_told(contract):
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        path = os.path.join(directory, "notify")
        s.bind(path)
        s.settimeout(60)
        burstd = Burstd(contract, {**GOOD, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"})
        try:
            assert s.recv(100) == b"READY=1"
            assert s.recv(100) == b"WATCHDOG=1"
        finally:
            burstd.close()
        assert until(lambda: s.recv(100) == b"STOPPING=1", "STOPPING=1 arrives")


def test_secrets_are_nowhere(contract):
    secrets = ["password-of-infinity", "secret-of-aws", "secret/set+by/api"]
    burstd = Burstd(contract, {**GOOD, "BURSTD_INFINITY_PASSWORD": secrets[0], "AWS_SECRET_ACCESS_KEY": secrets[1]})
    try:
        shown = burstd.ask("PATCH", "/v1/bursting", body={"aws_access_key_id": ACCESS_KEY,
                                                          "aws_secret_access_key": secrets[2]}).text
        for path in ("/v1/bursting", "/v1/history", "/v1/status", "/readyz", "/v1/decisions"):
            shown += burstd.ask("GET", path).text
        shown += pathlib.Path(f"/proc/{burstd.process.child.pid}/cmdline").read_text(encoding="utf-8")
        assert burstd.stop() == 0
        shown += burstd.log()
        kept = b"".join(p.read_bytes() for p in pathlib.Path(burstd.directory.name).iterdir() if p.is_file())
        for secret in secrets + [burstd.token]:
            assert secret not in shown
        assert secrets[2].encode() not in kept
        assert ACCESS_KEY in shown
    finally:
        burstd.close()
