"""
Requests by the thousand, made from the contract: valid, at the edges, broken. None may be answered with a 5xx, with a reply that
the contract does not describe, or not at all; and what the contract forbids may not succeed.

    make test-property SEED=7      other requests; the same seed gives the same ones
"""

import collections
import os
import re

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from client import Client
from contract import Contract
from generate import Generator, collection_of
from harness import ROOT, Burstd, World, fill, until, upstreams

SEED = int(os.environ.get("SEED") or 1)
REQUESTS = int(os.environ.get("REQUESTS") or 20000)
SCALE = 100
CONTRACT = Contract(ROOT / "openapi/openapi.yaml")


def share(name):
    """How many of the requests are for one operation: what takes a body can go wrong in more ways."""
    weights = {n: 3 if "requestBody" in op else 1 for n, (_, _, op) in CONTRACT.operations.items()}
    return -(-REQUESTS * weights[name] // sum(weights.values()))


def lists():
    """operationId -> path of what answers with pages of items, without being asked for some."""
    out = {}
    for name, (method, path, operation) in CONTRACT.operations.items():
        content = CONTRACT.resolve(operation["responses"].get("200", {})).get("content", {})
        schema = CONTRACT.resolve(content.get("application/json", {}).get("schema", {}))
        needs = [p for p in operation["parameters"] if p["in"] == "query" and p.get("required")]
        if method == "GET" and "next" in schema.get("properties", {}) and "{" not in path and not needs:
            out[name] = path
    return out


class Run:
    """The daemon on the embedded world, the generator, and the counts of what came back."""

    def __init__(self):
        self.world = World(SCALE)
        fill(self.world)
        self.burstd = Burstd(CONTRACT, {**upstreams(self.world.infinity, self.world.ec2), "BURSTD_LOG_LEVEL": "info"}, SCALE)
        until(lambda: self.burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
        tokens = {"admin": self.burstd.token, **{r: self.burstd.create_token(r, r) for r in ("viewer", "operator")}}
        self.generator = Generator(CONTRACT, tokens, {("deleteToken", str(i)) for i in range(1, 4)})
        self.lists = lists()
        for path in self.lists.values():
            self.generator.ids[collection_of(path)] = [str(item["id"]) for item in self.read(path) if "id" in item]
        self.client = Client(self.burstd.address)
        self.statuses = collections.Counter()
        self.faults = collections.Counter()

    def check(self, request):
        reply = self.client.send(request.method, request.target, request.headers, request.body)
        path = request.target.split("?")[0]
        self.statuses[reply.status_code] += 1
        self.faults["broken" if request.fault else "allowed"] += 1
        CONTRACT.check_reply(request.method, path, reply)
        if reply.status_code >= 500:
            described = CONTRACT.operations[request.operation][2]["responses"].get(str(reply.status_code), {})
            assert "application/json" in described.get("content", {}), reply.content
        elif request.fault:
            assert reply.status_code >= 400, f"the contract forbids this: {request.fault}"
        self.learn(request, path, reply)

    def learn(self, request, path, reply):
        if reply.headers["ETag"]:
            self.generator.tags[path] = reply.headers["ETag"]
        if request.operation in self.lists and reply.status_code == 200 and request.method == "GET":
            if reply.headers["Content-Type"] == "application/json" and (cursor := reply.json().get("next")):
                self.generator.cursors[path] = cursor
        made = re.search(r"/(\d+)$", reply.headers["Location"] or "")
        if made:
            self.generator.ids.setdefault(collection_of(reply.headers["Location"]), []).append(made.group(1))

    # --- afterwards -------------------------------------------------------------------------------------------------

    def read(self, path):
        """All of a list, page by page; or the one object."""
        items, cursor = [], ""
        while True:
            reply = self.burstd.ask("GET", path + cursor)
            assert reply.status_code == 200, f"{path}: {reply.text}"
            body = reply.json()
            if "items" not in body:
                return body
            items += body["items"]
            if not body["next"]:
                return items
            cursor = ("&" if "?" in path else "?") + f"limit=500&cursor={body['next']}"

    def kept(self):
        """What the requests have left behind that no worker changes by itself."""
        tokens = [{**t, "last_used_at": None} for t in self.read("/v1/tokens?revoked=true")]
        wishes = [n["wishes"] for n in self.read("/v1/nodes")]
        return {"bursting": self.read("/v1/bursting"), "holds": self.read("/v1/holds?ended=true"), "tokens": tokens,
                "wishes": wishes, "thresholds": [x["bursting_threshold"] for x in self.read("/v1/locations")]}

    def close(self):
        self.client.close()
        self.burstd.close()
        self.world.stop()


@pytest.fixture(scope="module")
def run():
    run = Run()
    yield run
    run.close()


@pytest.mark.parametrize("operation", sorted(CONTRACT.operations))
def test_requests(run, operation):
    @seed(SEED)
    @settings(max_examples=share(operation), database=None, deadline=None, phases=[Phase.generate], print_blob=False,
              suppress_health_check=list(HealthCheck))
    @given(st.data())
    def requests(data):
        request = run.generator.request(data.draw, operation)
        try:
            run.check(request)
        except Exception as e:
            ended = run.burstd.process.child.poll() is not None
            last_words = f"\nburstd has ended:\n{run.burstd.log()[-3000:]}" if ended else ""
            raise AssertionError(f"{request}\n{e}\nagain: make test-property SEED={SEED}{last_words}") from e

    requests()


def test_the_daemon_is_well_afterwards(run):
    """It lives, every list can be read to its end, it goes down cleanly, and the next one has the same state."""
    assert run.burstd.process.child.poll() is None
    for path in run.lists.values():
        run.read(path)
    before = run.kept()
    assert run.burstd.stop() == 0
    run.burstd.start()
    until(lambda: run.burstd.ask("GET", "/v1/nodes").json()["items"], "the platform is seen again")
    assert run.kept() == before


def test_there_were_enough(run, capfd):
    """And of all sorts: a generator that only makes refused requests proves little."""
    with capfd.disabled():
        statuses = ", ".join(f"{n} x {status}" for status, n in sorted(run.statuses.items()))
        print(f"\nproperty: {run.client.sent} requests over {len(CONTRACT.operations)} operations with seed {SEED}, "
              f"{run.faults['broken']} of them broken: {statuses}")
    assert run.client.sent >= REQUESTS
    good = sum(n for status, n in run.statuses.items() if status < 400)
    assert good > run.client.sent / 6 and run.faults["broken"] > run.client.sent / 5
