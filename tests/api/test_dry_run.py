"""?dry_run=true: every action tells what it would do, and changes nothing in the store, in the platform or in EC2."""

import contextlib
import datetime
import json
import pathlib
import re
import sqlite3

import pytest
import requests

from harness import PATIENCE, Burstd, World, problem, until, upstreams
from test_contract import route_table

# What moves by itself: the clocks of nodes, the log of decisions, samples of the load, and when a token was used last.
RESTLESS = {"track": None, "decision": None, "sample": None, "sample_mean": None, "token": "SELECT id, name, role, hash, revoked_at FROM token",
            "counter": "SELECT * FROM counter", "sqlite_sequence": "SELECT * FROM sqlite_sequence WHERE name <> 'decision'"}


@pytest.fixture(scope="module")
def site(contract):
    """A platform of its own at rest: what changes there, a request has changed."""
    from conftest import SCALE, fill
    world = World(SCALE)
    ids = fill(world)
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
    until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
    until(lambda: len(burstd.get("/v1/status")["overflow_nodes"]) == 3, "all nodes are seen")
    until(lambda: all(n["phase"] == "stopped" for n in burstd.get("/v1/status")["overflow_nodes"]), "nodes are at rest")
    burstd.ids = ids
    burstd.world = world
    yield burstd
    burstd.close()
    world.stop()


def stored(burstd):
    """The database, table by table."""
    path = pathlib.Path(burstd.directory.name, "burstd.db")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        queries = {name: RESTLESS.get(name, f"SELECT * FROM {name}") for name in names}
        return {name: sorted(db.execute(query).fetchall(), key=repr) for name, query in queries.items() if query}


def platform(burstd):
    """What Infinity's and EC2's side look like to someone who can change them."""
    state = requests.get(burstd.world.control + "/state", timeout=PATIENCE).json()
    return ([(n["name"], n["state"], n["maintenance"]) for n in state["nodes"]],
            [(x["id"], x["name"], x["overflow1"], x["overflow2"]) for x in state["locations"]])


def findings(burstd):
    """Two of them, brought about by schedules with a long lead; as bodies of an acknowledgement."""
    end = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = ("early", "earlier")
    for name in names:
        made = burstd.ask("POST", "/v1/schedules", body={
            "name": name, "location": burstd.ids["AWS burst"], "minutes_in_advance": 60, "time_from": "03:00", "time_to": "03:01",
            "local_timezone": "UTC", "extra_dates": ["2199-01-01"]})
        assert made.status_code == 201, made.text
    found = [{"check": "lead_exceeds_lifetime", "subject": f"schedule {name}", "reason": "a test", "until": end} for name in names]
    until(lambda: {f["subject"] for f in burstd.get("/v1/checks")["items"]} >= {f["subject"] for f in found}, "they are found")
    return found


def prepare(burstd):
    """One of each resource that can be changed: paths and bodies by operation."""
    ids = burstd.ids
    hold = burstd.ask("POST", "/v1/holds", body={"nodes": [ids["burst-3"]], "minutes": 600}).json()["id"]
    token = burstd.ask("POST", "/v1/tokens", body={"name": "dry", "role": "viewer"}).json()["id"]
    until(lambda: burstd.world.node("burst-3")["state"] == "running", "the held node runs")
    until(lambda: not burstd.get("/v1/operations?open=true")["items"], "nothing is under way")
    # a drain that something holds up can be cancelled
    burstd.world("call_on_node", node="burst-3")
    until(lambda: burstd.get(f"/v1/nodes/{ids['burst-3']}")["conferences"] == 1, "the call is seen")
    stop = burstd.ask("POST", f"/v1/nodes/{ids['burst-3']}/stop").json()["id"]
    until(lambda: burstd.get(f"/v1/operations/{stop}")["state"] == "waiting", "the drain waits for its calls")
    assert burstd.ask("PATCH", "/v1/bursting", body={"minimum_lifetime_minutes": 49}).status_code == 200  # Infinity's is 50
    accepted, known = findings(burstd)
    schedule = burstd.get("/v1/schedules")["items"][0]["id"]
    accepted = burstd.ask("POST", "/v1/acknowledgements", body=accepted).json()["id"]
    return {
        "createAcknowledgement": (None, known),
        "deleteAcknowledgement": (accepted, None),
        "updateLocation": (ids["Oslo"], {"bursting_threshold": 11, "primary_overflow_location": None, "name": "Oslo 2"}),
        "createLocation": (None, {"name": "Bergen", "primary_overflow_location": ids["AWS burst"]}),
        "deleteLocation": (ids["Office"], None),
        "updateNode": (ids["burst-1"], {"wishes": {"power": "on", "start_order": 3}}),
        "startNode": (ids["burst-1"], {"reason": "a look"}),
        "stopNode": (ids["burst-3"], {"force": True}),
        "cancelOperation": (stop, None),
        "updateBursting": (None, {"bursting_threshold": 7, "enabled": True, "mode": "control"}),
        "pullBursting": (None, {"fields": ["minimum_lifetime_minutes"]}),
        "pushBursting": (None, {"fields": ["minimum_lifetime_minutes", "cloud_provider"]}),
        "createHold": (None, {"location": ids["AWS burst"], "count": 2, "minutes": 5}),
        "deleteHold": (hold, None),
        "createToken": (None, {"name": "never", "role": "admin"}),
        "deleteToken": (token, None),
        "createSchedule": (None, {"name": "dry", "location": ids["AWS burst"], "instances_to_add": 1, "time_from": "03:00",
                                  "time_to": "04:00", "local_timezone": "UTC", "mon": True}),
        "updateSchedule": (schedule, {"minutes_in_advance": 5}),
        "deleteSchedule": (schedule, None),
    }


def actions():
    return {name: row for name, row in route_table().items() if row["method"] != "GET" and row["path"].startswith("/v1/")}


@pytest.fixture(scope="module")
def prepared(site):
    return prepare(site)


def ask(burstd, row, number, body, query="?dry_run=true", **options):
    path = row["path"].replace("{id}", str(number)) + query
    return burstd.ask(row["method"], path, body=body, **options)


def timeless(plan):
    """Two dry runs of one request differ in the time of day alone."""
    return re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", json.dumps(plan, sort_keys=True))


def test_every_action_has_a_dry_run(contract):
    for name in actions():
        operation = contract.operations[name][2]
        assert any(p["name"] == "dry_run" for p in operation["parameters"]), name


@pytest.mark.parametrize("operation", sorted(actions()))
def test_changes_nothing(site, prepared, operation):
    row = actions()[operation]
    before, outside = stored(site), platform(site)
    if operation not in prepared:  # of a resource with a test of its own: here only that a refusal changes nothing
        refused = ask(site, row, 4711, None if row["method"] == "DELETE" else {})
        assert 400 <= refused.status_code < 500, refused.text
        assert stored(site) == before and platform(site) == outside
        return
    number, body = prepared[operation]
    plan = ask(site, row, number, body)
    assert plan.status_code == 200, plan.text
    told = plan.json()
    assert told["dry_run"] is True
    assert told["steps"] or told["changes"], told
    # an Idempotency-Key is not used up, and a twin with another body is no conflict
    key = {"Idempotency-Key": "dry-" + operation}
    assert timeless(ask(site, row, number, body, headers=key).json()) == timeless(told)
    problem(ask(site, row, number, {"nobody": 1} if row["method"] != "DELETE" else None, query="?dry_run=perhaps",
                headers=key), 400, "bad-request")
    assert stored(site) == before
    assert platform(site) == outside


def test_if_match_is_checked(site, prepared):
    stale = {"If-Match": '"00000000000000000000000000000000"'}
    for name, (number, body) in prepared.items():
        if actions()[name]["method"] in ("PATCH", "DELETE"):
            problem(ask(site, actions()[name], number, body, headers=stale), 412, "precondition-failed")


def test_same_errors(site, prepared):
    """A dry run is refused as the request itself would be."""
    for method, path, body, status in (
            ("PATCH", "/v1/bursting", {"bursting_threshold": 0}, 400), ("PATCH", "/v1/bursting", {"aws_access_key_id": "X"}, 400),
            ("POST", "/v1/holds", {"location": 4711, "minutes": 1}, 400), ("DELETE", "/v1/holds/4711", None, 404),
            ("POST", "/v1/tokens", {"name": "dry", "role": "viewer"}, 409), ("DELETE", "/v1/tokens/4711", None, 404),
            ("PATCH", "/v1/nodes/4711", {"power": "on"}, 404), ("POST", "/v1/operations/4711/cancel", None, 404),
            ("PATCH", f"/v1/nodes/{site.ids['oslo-1']}", {"power": "on"}, 409)):
        dry, real = (site.ask(method, path + query, body=body) for query in ("?dry_run=true", ""))
        assert dry.status_code == real.status_code == status, (path, dry.text, real.text)
        assert dry.json()["detail"] == real.json()["detail"]


def test_what_it_tells(site, prepared):
    ids = site.ids
    plan = site.ask("PATCH", "/v1/bursting?dry_run=true", body={"bursting_threshold": 17, "enabled": True}).json()
    changed = {c["pointer"]: (c["from"], c["to"]) for c in plan["changes"]}
    assert changed == {"/bursting_threshold": (5, 17), "/enabled": (False, True)}
    assert [e["type"] for e in plan["events"]] == ["settings"] and "5 -> 17" in plan["events"][0]["reason"]
    assert any("by itself" in c for c in plan["consequences"]) and any("V5" in c for c in plan["consequences"])
    secret = site.ask("PATCH", "/v1/bursting?dry_run=true",
                      body={"aws_access_key_id": "AKIAWOULDBE", "aws_secret_access_key": "would/be/secret"})
    assert "would/be/secret" not in secret.text and "aws_secret_access_key" in secret.json()["events"][0]["reason"]
    plan = site.ask("PATCH", f"/v1/nodes/{ids['burst-1']}?dry_run=true", body={"power": "on"}).json()
    assert plan["changes"][0] == {"resource": f"/v1/nodes/{ids['burst-1']}", "pointer": "/wishes/power", "from": None, "to": "on"}
    assert "starts burst-1" in plan["consequences"][0]
    plan = site.ask("POST", "/v1/holds?dry_run=true", body={"location": ids["AWS burst"], "count": 2, "minutes": 5}).json()
    assert "starts 2 node(s)" in plan["consequences"][0] and plan["hold"]["id"] is None
    token = site.ask("POST", "/v1/tokens?dry_run=true", body={"name": "never", "role": "admin"})
    assert "burstd_" not in token.text and token.json()["changes"][0]["to"]["role"] == "admin"
    plan = site.ask("POST", f"/v1/nodes/{ids['burst-3']}/stop?dry_run=true", body={"force": True}).json()
    assert plan["kind"] == "stop" and "are cut" in plan["consequences"][0]


def test_role_is_checked(site):
    viewer = site.create_token("onlooker", "viewer")
    problem(site.ask("PATCH", "/v1/bursting?dry_run=true", body={"enabled": True}, token=viewer), 403, "forbidden")
