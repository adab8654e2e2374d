"""burstd and burstd-world as child processes of a test, and waiting for a condition instead of for a time."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/api"))

from contract import Contract  # noqa: E402

BURSTD = os.environ.get("BURSTD_BIN", str(ROOT / "build/gcc/burstd"))
WORLD = os.environ.get("BURSTD_WORLD_BIN", str(ROOT / "build/gcc/burstd-world"))
PATIENCE = float(os.environ.get("BURSTD_TEST_PATIENCE", "40"))  # only a failing test waits so long

KEEP = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")


CONTRACT = Contract(ROOT / "openapi/openapi.yaml")
CHECK_EVERY = 0.3  # seconds: waiting asks far more often than the contract need be looked at


def until(condition, what, patience=PATIENCE):
    """Asks again and again until the answer is true, and returns it."""
    end = time.monotonic() + patience
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {patience:.0f} s: {what() if callable(what) else what}"
        time.sleep(0.01)


def clean_environment(**more):
    """No setting and no AWS key of the caller's reaches a test."""
    return {name: os.environ[name] for name in KEEP if name in os.environ} | more


class Burstd:
    """One burstd on a state directory; may be killed and started again on it. Remembers every reply, to look for secrets."""

    def __init__(self, directory, environment, secrets=()):
        self.directory = directory
        self.state = directory / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.log_path = directory / "burstd.log"
        self.environment = environment
        self.secrets = list(secrets)
        self.replies = []
        self.checked = {}  # (method, path) -> when a reply was last held against the contract
        self.process = None
        self.url = None
        self.http = requests.Session()
        self.http.trust_env = False

    # --- process ---

    def start(self):
        with open(self.log_path, "ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(
                [BURSTD, "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(
                    BURSTD_LISTEN="127.0.0.1:0", BURSTD_STATE_DIR=str(self.state), HOME=str(self.directory)
                )
                | self.environment,
            )
        self.url = "http://" + until(lambda: self._address(before), lambda: "ready; its log ends:\n" + self.log()[-2000:])
        self.http.headers["Authorization"] = "Bearer " + self.token()
        return self

    def _address(self, offset):
        assert self.process.poll() is None, "burstd ended by itself:\n" + self.log()[-3000:]
        line = re.search(r'msg="?ready"?.*?address="?([^" ]+)', self.log()[offset:])
        return line and line.group(1)

    def token(self):
        return (self.state / "admin.token").read_text().strip()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.http.close()

    def terminate(self, within=10):
        """TERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=within)
        self.http.close()
        return status

    def end(self):
        """The end of a test: a clean exit (which includes the sanitizers' verdict), and no secret told to anybody."""
        if self.process and self.process.poll() is None:
            assert self.terminate() == 0, "burstd did not end well:\n" + self.log()[-4000:]
        told = self.log() + "\n".join(self.replies)
        for secret in self.secrets + [self.token()]:
            assert secret not in told, f"a secret was told: {secret[:6]}..."

    # --- API ---

    def ask(self, method, path, **more):
        reply = self.http.request(method, self.url + path, timeout=30, **more)
        self.replies.append(reply.text)
        self._check(method, path.partition("?")[0], reply)
        return reply

    def _check(self, method, path, reply):
        if time.monotonic() - self.checked.get((method, path), 0) > CHECK_EVERY:
            CONTRACT.check_reply(method, path, reply)
            self.checked[method, path] = time.monotonic()

    def get(self, path):
        reply = self.ask("GET", path)
        assert reply.status_code == 200, f"{path}: {reply.status_code} {reply.text}"
        return reply.json()

    def set_bursting(self, **settings):
        reply = self.ask("PATCH", "/v1/bursting", json=settings, headers={"If-Match": "*"})
        assert reply.status_code == 200, reply.text
        return reply.json()

    def ready(self):
        """The reply of /readyz, whatever its status."""
        return self.ask("GET", "/readyz")

    def status(self):
        return self.get("/v1/status")

    def nodes(self):
        """The bursting nodes by name."""
        return {node["name"]: node for node in self.status()["overflow_nodes"]}

    def phase(self, node):
        return self.nodes().get(node, {}).get("phase")

    def location(self, name):
        status = self.status()
        every = status["principal_locations"] + status["overflow_locations"]
        return next((location for location in every if location["name"] == name), None)

    def source(self, name):
        return next((source for source in self.status()["sources"] if source["name"] == name), None)

    def issues(self):
        return {issue["id"]: issue for issue in self.status()["issues"]}

    def everything(self, path):
        """All items of a list, page by page."""
        items, cursor = [], ""
        while cursor is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=100{cursor}")
            items += page["items"]
            cursor = f"&cursor={page['next']}" if page["next"] else None
        return items

    def history(self):
        """Every event, oldest first."""
        return self.everything("/v1/history")[::-1]

    def open_operations(self):
        return self.everything("/v1/operations?open=true")


class World:
    """burstd-world, the project's own model of both upstream systems."""

    def __init__(self, directory, *options, scale):
        self.process = subprocess.Popen(
            [WORLD, "--scale", str(scale), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=open(directory / "world.err", "wb"),
            env=clean_environment(),
            text=True,
        )
        line = self.process.stdout.readline()
        self.urls = dict(pair.split("=", 1) for pair in line.split())
        self.http = requests.Session()
        self.http.trust_env = False

    def do(self, command, **arguments):
        reply = self.http.post(self.urls["control"] + "/", data=json.dumps({"command": command, **arguments}), timeout=30)
        assert reply.status_code == 200, f"{command} {arguments}: {reply.text}"
        return reply.json()

    def look(self, what):
        return self.http.get(f"{self.urls['control']}/{what}", timeout=30).json()

    def ledger(self):
        return self.look("ledger")["items"]

    def nodes(self):
        return {node["name"]: node for node in self.look("state")["nodes"]}

    def end(self):
        self.http.close()
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0

