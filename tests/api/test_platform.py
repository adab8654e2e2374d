"""The resources over a real picture: burstd hears the embedded world over HTTP."""

import datetime

from harness import problem, until


def test_status(burstd):
    status = burstd.get("/v1/status")
    assert [x["name"] for x in status["principal_locations"]] == ["Oslo"]  # RULE V2
    assert [x["name"] for x in status["overflow_locations"]] == ["AWS burst"]
    assert {n["name"] for n in status["overflow_nodes"]} == {"burst-1", "burst-2", "burst-3"}
    assert all(s["fresh"] and s["error"] is None for s in status["sources"])


def test_status_follows_the_platform(burstd, world):
    before = burstd.ask("GET", "/v1/status")
    until(lambda: burstd.ask("GET", "/v1/status", headers={"If-None-Match": before.headers["ETag"]}).status_code == 200,
          "a new picture")


def test_ready(burstd):
    ready = burstd.get("/readyz", token=None)
    assert ready["ready"] and ready["store"]["writable"]
    assert [s["name"] for s in ready["sources"]] == ["infinity", "ec2:eu-west-1"]


def test_locations(burstd):
    ids = burstd.ids
    items = {x["name"]: x for x in burstd.get("/v1/locations")["items"]}
    assert items["Oslo"]["kind"] == "principal"
    assert items["Oslo"]["primary_overflow_location"] == ids["AWS burst"]
    assert items["Oslo"]["nodes"] == [ids["oslo-1"], ids["oslo-2"]]
    assert items["Office"]["secondary_overflow_location"] == ids["AWS burst"]
    assert items["AWS burst"]["bursting_nodes"] == 3
    assert burstd.get(f"/v1/locations/{ids['Oslo']}")["name"] == "Oslo"
    assert [x["name"] for x in burstd.get("/v1/locations?kind=overflow")["items"]] == ["AWS burst"]
    problem(burstd.ask("GET", "/v1/locations?kind=big"), 400, "bad-request")


def test_own_threshold(burstd):
    path = f"/v1/locations/{burstd.ids['Oslo']}"
    reply = burstd.ask("PATCH", path, body={"bursting_threshold": 33})
    assert reply.status_code == 200 and reply.json()["bursting_threshold"] == 33
    assert burstd.get(path)["threshold_in_force"] == 33
    until(lambda: burstd.get(path)["state"] == "approaching_threshold", "the picture knows the threshold")  # RULE V1
    for value in (0, 10001, "5", 5.5):
        problem(burstd.ask("PATCH", path, body={"bursting_threshold": value}), 400, "bad-request", "/bursting_threshold")
    problem(burstd.ask("PATCH", path, body={"threshold": 5}), 400, "bad-request", "/threshold")
    assert burstd.ask("PATCH", path, body={"bursting_threshold": None}).json()["bursting_threshold"] is None


def test_nodes(burstd):
    ids = burstd.ids
    page = burstd.get("/v1/nodes?limit=2")
    rest = burstd.get(f"/v1/nodes?cursor={page['next']}")
    names = [n["name"] for n in page["items"] + rest["items"]]
    assert names == ["oslo-1", "oslo-2", "burst-1", "burst-2", "burst-3"] and rest["next"] is None
    node = burstd.get(f"/v1/nodes/{ids['burst-1']}")
    assert node["instance"]["region"] == "eu-west-1"
    assert "pexip-cloud" in node["instance"]["tags"]
    assert node["location"] == ids["AWS burst"] and node["location_name"] == "AWS burst"
    other = burstd.get(f"/v1/nodes/{ids['oslo-1']}")
    assert other["phase"] is None and not other["bursting"]
    stopped = burstd.get(f"/v1/nodes?phase=stopped&bursting=true&location={ids['AWS burst']}")["items"]
    assert stopped and all(n["phase"] == "stopped" for n in stopped)


def test_wishes(burstd):
    path = f"/v1/nodes/{burstd.ids['oslo-2']}"
    reply = burstd.ask("PATCH", path, body={"wishes": {"maintenance": True}})
    assert reply.status_code == 200 and reply.json()["wishes"]["maintenance"] is True
    until(lambda: burstd.get(path)["maintenance_mode"] and not burstd.get(path)["drift"], "the wish is fulfilled")
    reply = burstd.ask("PATCH", path, body={"maintenance": False})
    assert reply.json()["wishes"]["maintenance"] is False
    until(lambda: not burstd.get(path)["maintenance_mode"], "maintenance mode is off again")
    assert burstd.ask("PATCH", path, body={"maintenance": None}).json()["wishes"]["maintenance"] is None
    problem(burstd.ask("PATCH", path, body={"power": "off"}), 409, "conflict")
    events = burstd.get(f"/v1/history?type=wish&node={burstd.ids['oslo-2']}")["items"]
    assert [e["figures"]["new"]["maintenance"] for e in events] == [None, False, True]
    bad = {"wishes": {"power": "sideways", "start_order": -1, "colour": 1}}
    body = problem(burstd.ask("PATCH", path, body=bad), 400, "bad-request", "/wishes/power")
    assert {e["pointer"] for e in body["errors"]} == {"/wishes/power", "/wishes/start_order", "/wishes/colour"}


def operation_ends(burstd, number, state="done"):
    def look():
        operation = burstd.get(f"/v1/operations/{number}")
        assert operation["state"] not in ("failed", "abandoned"), operation
        return operation if operation["state"] == state else None
    return until(look, f"operation {number} is {state}")


def test_start_and_stop(burstd, world):
    number = burstd.ids["burst-1"]
    node = f"/v1/nodes/{number}"
    plan = burstd.ask("POST", f"{node}/start?dry_run=true")
    assert plan.status_code == 200 and plan.json()["steps"]
    assert burstd.get(f"/v1/operations?node={number}")["items"] == []

    reply = burstd.ask("POST", f"{node}/start", body={"reason": "board meeting"})  # RULE S7
    assert reply.status_code == 202
    start = reply.json()["id"]
    assert reply.headers["Location"] == f"/v1/operations/{start}"
    again = burstd.ask("POST", f"{node}/start")
    assert again.status_code == 409 or again.json()["id"] == start
    operation_ends(burstd, start)
    until(lambda: burstd.get(node)["phase"] == "serving", "the node serves")
    problem(burstd.ask("POST", f"{node}/start"), 409, "conflict")
    problem(burstd.ask("POST", f"/v1/operations/{start}/cancel"), 409, "conflict")

    # RULE E7: the same phases, and with a call on it the node waits
    world("call_on_node", node="burst-1")
    until(lambda: burstd.get(node)["conferences"] == 1, "the call is seen")
    stop = burstd.ask("POST", f"{node}/stop").json()["id"]
    held = until(lambda: burstd.get(node)["held_by"], "what holds the drain is shown")
    assert held["conferences"] == 1
    assert burstd.ask("POST", f"{node}/stop").json()["id"] == stop
    until(lambda: "conferences" in (burstd.get(f"/v1/operations/{stop}")["waits_for"] or ""), "it waits for the call")
    # cancelled: it serves again
    assert burstd.ask("POST", f"/v1/operations/{stop}/cancel?dry_run=true").status_code == 200
    assert burstd.ask("POST", f"/v1/operations/{stop}/cancel", body={"reason": "needed"}).status_code == 202
    operation_ends(burstd, stop, "cancelled")
    until(lambda: burstd.get(node)["phase"] == "serving", "the node serves again")

    stop = burstd.ask("POST", f"{node}/stop", body={"reason": "evening"}).json()["id"]
    until(lambda: burstd.get(node)["held_by"], "the call holds it again")
    world("end_calls")
    operation_ends(burstd, stop)
    assert world.node("burst-1")["state"] == "stopped" and not world.node("burst-1")["maintenance"]
    assert world.metrics()["calls_cut"] == 0
    types = {e["type"] for e in burstd.get(f"/v1/history?node={number}&limit=500")["items"]}
    assert {"start", "running", "drain", "cancel", "stop", "stopped"} <= types
    assert burstd.get(f"/v1/history?type=start&node={number}")["items"][0]["actor"] == "admin"


def test_forced_stop(burstd, world):
    number = burstd.ids["burst-2"]
    start = burstd.ask("POST", f"/v1/nodes/{number}/start").json()["id"]
    problem(burstd.ask("POST", f"/v1/nodes/{number}/stop"), 409, "conflict")
    operation_ends(burstd, start)
    stop = burstd.ask("POST", f"/v1/nodes/{number}/stop", body={"force": True}).json()
    assert stop["force"]
    operation_ends(burstd, stop["id"])
    assert world.node("burst-2")["state"] == "stopped"


def test_refused_starts_and_stops(burstd):
    ids = burstd.ids
    problem(burstd.ask("POST", f"/v1/nodes/{ids['oslo-1']}/start"), 409, "conflict")
    problem(burstd.ask("POST", f"/v1/nodes/{ids['oslo-1']}/stop", body={"force": True}), 409, "conflict")
    problem(burstd.ask("POST", f"/v1/nodes/{ids['burst-3']}/stop"), 409, "conflict")
    problem(burstd.ask("POST", f"/v1/nodes/{ids['burst-3']}/stop", body={"force": "yes"}), 400, "bad-request", "/force")
    problem(burstd.ask("POST", f"/v1/nodes/{ids['burst-3']}/start", body={"when": "now"}), 400, "bad-request", "/when")
    problem(burstd.ask("POST", f"/v1/nodes/{ids['burst-3']}/start?dry_run=yes"), 400, "bad-request")


def test_holds(burstd, world):
    ids = burstd.ids
    plan = burstd.ask("POST", "/v1/holds?dry_run=true", body={"location": ids["AWS burst"], "minutes": 10})
    assert plan.status_code == 200 and plan.json()["hold"]["count"] == 1
    assert burstd.get("/v1/holds")["items"] == []
    until_time = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
    reply = burstd.ask("POST", "/v1/holds", body={"nodes": [ids["burst-3"]], "until": until_time, "reason": "all-hands"})
    assert reply.status_code == 201
    hold = reply.json()
    assert reply.headers["Location"] == f"/v1/holds/{hold['id']}" and hold["owner"] == "admin"
    etag = burstd.ask("GET", f"/v1/holds/{hold['id']}").headers["ETag"]
    problem(burstd.ask("DELETE", f"/v1/holds/{hold['id']}", headers={"If-Match": '"x"'}), 412, "precondition-failed")
    assert burstd.ask("DELETE", f"/v1/holds/{hold['id']}", headers={"If-Match": etag}).status_code == 204
    problem(burstd.ask("DELETE", f"/v1/holds/{hold['id']}"), 404, "not-found")
    assert [e["type"] for e in burstd.get("/v1/history?type=hold")["items"]] == ["hold", "hold"]
    for body, pointer in (({"minutes": 5}, "/location"), ({"nodes": [ids["oslo-1"]], "minutes": 5}, "/nodes/0"),
                          ({"nodes": [4711], "minutes": 5}, "/nodes/0"), ({"location": 4711, "minutes": 5}, "/location"),
                          ({"location": ids["AWS burst"], "until": "2020-01-01T00:00:00Z"}, "/until")):
        problem(burstd.ask("POST", "/v1/holds", body=body), 400, "bad-request", pointer)


def test_load_starts_a_node_and_says_why(burstd, world):
    """RULE S2, seen through the API: enabled, a location full, a node of its overflow location comes up."""
    north = world("add_location", name="AWS north")["id"]
    bergen = world("add_location", name="Bergen", overflow1="AWS north")["id"]
    world("add_node", name="bergen-1", location="Bergen", running=True)
    world("add_node", name="north-1", location="AWS north", bursting=True, region="eu-west-1")
    world("boot", seconds=60)
    until(lambda: [x for x in burstd.get("/v1/status")["principal_locations"]
                   if x["id"] == bergen and x["free_hd_calls"] == 17], "the new locations are seen")
    assert burstd.ask("PATCH", "/v1/bursting", body={"enabled": True, "mode": "control"}).status_code == 200
    try:
        world("calls", location="Bergen", count=14)
        decision = until(lambda: next((d for d in burstd.get(f"/v1/decisions?location={north}")["items"]
                                       if d["action"] == "start"), None), "a decision to start")
        assert decision["rule"] == "S2" and decision["node_name"] == "north-1"
        assert burstd.get(f"/v1/decisions/{decision['id']}") == decision
        assert burstd.get(f"/v1/decisions?location={bergen}")["items"] == []
        assert north in [x["location"] for x in burstd.get("/v1/decisions")["latest"]]
        assert burstd.get(f"/v1/locations/{bergen}")["state"] == "threshold_reached"  # RULE V1
        until(lambda: burstd.get(f"/v1/nodes?phase=serving&location={north}")["items"], "the bursting node serves")
        event = burstd.get(f"/v1/history?location={north}&type=start")["items"][0]
        assert event["actor"] == "controller" and event["rule"] == "S2"
        assert event["figures"]["principal_free_hd_calls"] <= event["figures"]["principal_threshold"]  # RULE V3
    finally:
        burstd.ask("PATCH", "/v1/bursting", body={"enabled": False})
        world("end_calls")
