"""Real processes for the tests: burstd on a free port, the embedded world, and a client that checks every reply."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BURSTD = os.environ.get("BURSTD_BIN", str(ROOT / "build/gcc/burstd"))
WORLD = os.environ.get("BURSTD_WORLD_BIN", str(ROOT / "build/gcc/burstd-world"))
PATIENCE = int(os.environ.get("PATIENCE", "60"))  # seconds; sanitized builds on a busy machine are slow

ACCESS_KEY = "AKIAAPITESTS"
SECRET_KEY = "api/tests+secret"
PASSWORD = "api-tests-password"


def environment(extra):
    """The environment of a child: nothing of the caller's that burstd or an AWS client would read."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("BURSTD_", "AWS_"))}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **extra}


def until(condition, what):
    """Waits for a condition that something else brings about."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


def run(*arguments, env=None):
    """One of burstd's small commands."""
    return subprocess.run([BURSTD, *arguments], env=environment(env or {}), capture_output=True, text=True,
                          timeout=PATIENCE)


class Process:
    """A child whose output is read by a thread, so that it never blocks."""

    def __init__(self, command, env, stream):
        self.lines = []
        self.child = subprocess.Popen(command, env=environment(env), text=True, errors="replace",
                                      **{stream: subprocess.PIPE})
        self.reader = threading.Thread(target=self.read, args=(getattr(self.child, stream),), daemon=True)
        self.reader.start()

    def read(self, stream):
        for line in stream:
            self.lines.append(line.rstrip("\n"))
        stream.close()

    def find(self, pattern):
        """The match in the first line that has one; fails when the process ends before."""
        def look():
            for line in list(self.lines):
                match = re.search(pattern, line)
                if match:
                    return match
            assert self.child.poll() is None or self.reader.is_alive(), "ended early:\n" + "\n".join(self.lines)
            return None
        return until(look, f"a line with {pattern}")

    def stop(self, number=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(number)
        code = self.child.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code


class World:
    """The embedded world, empty until a test fills it."""

    def __init__(self, scale):
        self.process = Process([WORLD, "--scenario", "empty", "--scale", str(scale), "--password", PASSWORD,
                                "--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY], {}, "stdout")
        match = self.process.find(r"infinity=(\S+) ec2=(\S+) control=(\S+) bootstrap=(\S+)")
        self.infinity, self.ec2, self.control, self.bootstrap = match.groups()

    def __call__(self, command, **fields):
        reply = requests.post(self.control, json={"command": command, **fields}, timeout=PATIENCE)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def metrics(self):
        return requests.get(self.control + "/metrics", timeout=PATIENCE).json()

    def node(self, name):
        state = requests.get(self.control + "/state", timeout=PATIENCE).json()
        return next(n for n in state["nodes"] if n["name"] == name)

    def stop(self):
        self.process.stop()


def fill(world):
    """Oslo bursts into "AWS burst", which has three stopped nodes; Office bursts nowhere."""
    world("traffic", on=False)
    ids = {"AWS burst": world("add_location", name="AWS burst")["id"]}
    ids["Oslo"] = world("add_location", name="Oslo", overflow1="AWS burst")["id"]
    ids["Office"] = world("add_location", name="Office", overflow2="AWS burst")["id"]
    for name in ("oslo-1", "oslo-2"):
        ids[name] = world("add_node", name=name, location="Oslo", running=True)["id"]
    for name in ("burst-1", "burst-2", "burst-3"):
        ids[name] = world("add_node", name=name, location="AWS burst", bursting=True, region="eu-west-1")["id"]
    world("boot", seconds=60)
    return ids


class From(requests.adapters.HTTPAdapter):
    """Connections from an address of our choice: Linux lets a client bind any address of 127.0.0.0/8."""

    def __init__(self, source):
        self.source = source
        super().__init__()

    def init_poolmanager(self, *arguments, **options):
        if self.source:
            options["source_address"] = (self.source, 0)
        super().init_poolmanager(*arguments, **options)


class Burstd:
    """The daemon and a client of it. Every reply is held against the contract."""

    def __init__(self, contract, env, scale=1):
        self.contract = contract
        self.directory = tempfile.TemporaryDirectory(prefix="burstd-api-")
        self.env = {"BURSTD_LISTEN": "127.0.0.1:0", "BURSTD_STATE_DIR": self.directory.name,
                    "BURSTD_TIME_SCALE": str(scale), "BURSTD_LOG_LEVEL": "debug", **env}
        self.start()

    def start(self):
        self.process = Process([BURSTD], self.env, "stderr")
        self.address = self.process.find(r'msg"?[=:]"ready".*address"?[=:]"([^"]+)"').group(1)
        self.token = pathlib.Path(self.directory.name, "admin.token").read_text(encoding="ascii").strip()

    def ask(self, method, path, *, token="", headers=None, body=None, data=None, source=None):
        """
        token "" = the admin's, None = none; body is sent as JSON, data as it is; PATCH, PUT and DELETE say `If-Match: *`, unless
        the header is given (None = without it). source is the local address to come from, of 127.0.0.0/8.
        """
        sent = {"Host": self.address, **(headers or {})}
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token or self.token}")
        if method in ("PATCH", "PUT", "DELETE"):
            sent.setdefault("If-Match", "*")
        if body is not None:
            data = json.dumps(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        with requests.Session() as session:
            session.mount("http://", From(source))
            reply = session.request(method, f"http://{self.address}{path}", headers=sent, data=data, timeout=PATIENCE,
                                    allow_redirects=False, stream=True)
            if reply.headers.get("Content-Type") == "text/event-stream":
                reply._content = b""  # it has no end, so only its beginning is looked at
                reply.raw.close()
            else:
                assert reply.content is not None  # reads it
        self.contract.check_reply(method, path.split("?")[0], reply)
        return reply

    def get(self, path, **options):
        reply = self.ask("GET", path, **options)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def create_token(self, name, role):
        made = run("token", "create", "--name", name, "--role", role, env={"BURSTD_STATE_DIR": self.directory.name})
        assert made.returncode == 0, made.stderr
        token = made.stdout.strip()
        # the daemon looks for new tokens once a second
        until(lambda: self.ask("GET", "/v1/bursting", token=token).status_code == 200, "the new token is known")
        return token

    def log(self):
        return "\n".join(self.process.lines)

    def stop(self, number=signal.SIGTERM):
        code = self.process.stop(number)
        return code

    def close(self):
        code = self.stop()
        self.directory.cleanup()
        assert code == 0, f"exit code {code}:\n{self.log()[-4000:]}"


def upstreams(infinity, ec2, *, password=PASSWORD, secret=SECRET_KEY):
    """burstd's settings for the two systems."""
    return {"BURSTD_INFINITY_URL": infinity, "BURSTD_INFINITY_USER": "admin", "BURSTD_INFINITY_PASSWORD": password,
            "BURSTD_AWS_REGIONS": "eu-west-1", "BURSTD_EC2_ENDPOINT": ec2, "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": secret}


def problem(reply, status, slug, pointer=None):
    """Expects a problem, and where `pointer` is given that it names the field."""
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert body["type"] == slug
    pointers = [e["pointer"] for e in body.get("errors", [])]
    assert pointer is None or pointer in pointers, body
    return body
