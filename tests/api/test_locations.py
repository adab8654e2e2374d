"""Locations written to Infinity: wishes for names and overflow links, making and deleting, on a platform of their own."""

import pytest
import requests

from conftest import SCALE, fill
from harness import PATIENCE, Burstd, World, problem, until, upstreams


@pytest.fixture(scope="module")
def site(contract):
    world = World(SCALE)
    ids = fill(world)
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
    until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
    until(lambda: len(burstd.get("/v1/status")["overflow_nodes"]) == 3, "all nodes are seen")
    burstd.ids = ids
    burstd.world = world
    yield burstd
    burstd.close()
    world.stop()


def there(site):
    """The locations as Infinity has them: name -> (id, overflow1, overflow2)."""
    state = requests.get(site.world.control + "/state", timeout=PATIENCE).json()
    return {x["name"]: (x["id"], x["overflow1"], x["overflow2"]) for x in state["locations"]}


def ended(site, reply, state="done"):
    assert reply.status_code == 202, reply.text
    where = reply.headers["Location"]
    assert where == f"/v1/operations/{reply.json()['id']}"
    operation = until(lambda: next((o for o in [site.get(where)] if not o["open"]), None), "the operation ends")
    assert operation["state"] == state, operation
    return operation


def make(site, name, **fields):
    operation = ended(site, site.ask("POST", "/v1/locations", body={"name": name, **fields}))
    until(lambda: site.ask("GET", f"/v1/locations/{operation['location']}").status_code == 200, "it is shown")
    return operation["location"]


def patch(site, number, **fields):
    return site.ask("PATCH", f"/v1/locations/{number}", body=fields)


def test_made_changed_deleted(site):
    ids = site.ids
    key = {"Idempotency-Key": "bergen"}
    body = {"name": "Bergen", "description": "new", "primary_overflow_location": ids["AWS burst"]}
    reply = site.ask("POST", "/v1/locations", body=body, headers=key)
    operation = ended(site, reply)
    again = site.ask("POST", "/v1/locations", body=body, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true" and again.json()["id"] == operation["id"]
    assert operation["kind"] == "location_create" and operation["node"] is None and operation["change"] == body
    number = operation["location"]
    assert there(site)["Bergen"] == (number, ids["AWS burst"], 0)
    until(lambda: site.ask("GET", f"/v1/locations/{number}").status_code == 200, "it is shown")
    shown = site.get(f"/v1/locations/{number}")
    assert shown["wishes"] == body and shown["drift"] == [] and shown["description"] == "new"

    operation = ended(site, patch(site, number, name="Bergen 2", primary_overflow_location=None,
                                  secondary_overflow_location=ids["AWS burst"]))
    assert operation["kind"] == "location_update" and operation["location"] == number
    assert there(site)["Bergen 2"] == (number, 0, ids["AWS burst"]) and "Bergen" not in there(site)
    until(lambda: site.get(f"/v1/locations/{number}")["name"] == "Bergen 2", "the next look at Infinity shows it")
    # what is there already needs no operation
    assert patch(site, number, name="Bergen 2").status_code == 200

    operation = ended(site, site.ask("DELETE", f"/v1/locations/{number}"))
    assert operation["kind"] == "location_delete" and operation["change"] is None
    assert "Bergen 2" not in there(site)
    until(lambda: site.ask("GET", f"/v1/locations/{number}").status_code == 404, "it is gone")
    told = site.get(f"/v1/history?location={number}")["items"]
    assert [e["type"] for e in told] == ["settings", "settings", "wish", "settings"]
    assert {e["actor"] for e in told} == {"admin"} and all(e["reason"] for e in told)


def test_refused_fields(site):
    ids = site.ids
    oslo = ids["Oslo"]
    for body, pointer in (({"primary_overflow_location": oslo}, "/primary_overflow_location"),
                          ({"secondary_overflow_location": oslo}, "/secondary_overflow_location"),
                          ({"primary_overflow_location": 4711}, "/primary_overflow_location"),
                          ({"primary_overflow_location": 0}, "/primary_overflow_location"),
                          ({"primary_overflow_location": "4"}, "/primary_overflow_location"),
                          ({"secondary_overflow_location": ids["AWS burst"]}, "/secondary_overflow_location"),
                          ({"primary_overflow_location": ids["Office"], "secondary_overflow_location": ids["Office"]},
                           "/secondary_overflow_location"),
                          ({"name": ""}, "/name"), ({"name": " x"}, "/name"), ({"name": "x" * 251}, "/name"),
                          ({"name": None}, "/name"), ({"name": "a\tb"}, "/name"), ({"description": "x" * 251}, "/description"),
                          ({"release": ["nodes"]}, "/release/0"), ({"release": []}, "/release"),
                          ({"release": ["name"], "name": "x"}, "/release/0"), ({"nodes": []}, "/nodes"), ({}, "/bursting_threshold")):
        problem(site.ask("PATCH", f"/v1/locations/{oslo}", body=body), 400, "bad-request", pointer)
    problem(patch(site, oslo, name="Office"), 409, "conflict", "/name")
    problem(patch(site, 4711, name="X"), 404, "not-found")
    problem(site.ask("POST", "/v1/locations", body={"name": "Office"}), 409, "conflict", "/name")
    problem(site.ask("POST", "/v1/locations", body={"description": "x"}), 400, "bad-request", "/name")
    problem(site.ask("POST", "/v1/locations", body={"name": "X", "bursting_threshold": 1}), 400, "bad-request", "/bursting_threshold")
    problem(site.ask("POST", "/v1/locations", body={"name": "X", "primary_overflow_location": 4711}), 400, "bad-request",
            "/primary_overflow_location")
    assert set(there(site)) == {"AWS burst", "Oslo", "Office"}
    assert site.get(f"/v1/locations/{oslo}")["wishes"] == {}


def test_deletion_refused(site):
    ids = site.ids
    assert "oslo-1" in problem(site.ask("DELETE", f"/v1/locations/{ids['Oslo']}"), 409, "conflict")["detail"]
    spare = make(site, "Spare")
    ended(site, patch(site, ids["Office"], primary_overflow_location=spare))
    assert "Office" in problem(site.ask("DELETE", f"/v1/locations/{spare}"), 409, "conflict")["detail"]
    problem(site.ask("DELETE", f"/v1/locations/{spare}", headers={"If-Match": '"0"'}), 412, "precondition-failed")
    problem(site.ask("DELETE", "/v1/locations/4711"), 404, "not-found")
    ended(site, patch(site, ids["Office"], primary_overflow_location=None))
    ended(site, site.ask("DELETE", f"/v1/locations/{spare}"))
    assert patch(site, ids["Office"], release=["primary_overflow_location"]).status_code == 200


def test_drift_is_corrected(site):
    """Somebody changes the link on the Management Node: shown as drift, and set back by an operation of the wish."""
    ids = site.ids
    office = make(site, "Branch", secondary_overflow_location=ids["AWS burst"])
    ended(site, patch(site, office, secondary_overflow_location=None, primary_overflow_location=ids["AWS burst"]))
    site.world("link", location="Branch", overflow1=None, overflow2="Oslo")
    until(lambda: there(site)["Branch"] == (office, ids["AWS burst"], 0), "the links are set back")
    mine = [o for o in site.get("/v1/operations")["items"] if o["location"] == office]
    assert mine[0]["kind"] == "location_update" and mine[0]["actor"] == "wish" and "Branch" in mine[0]["reason"]
    until(lambda: site.get(f"/v1/locations/{office}")["drift"] == [], "the drift is gone")
    # without a wish the outside has its way
    assert patch(site, office, release=["primary_overflow_location", "secondary_overflow_location", "name"]).status_code == 200
    site.world("link", location="Branch", overflow1="Oslo", overflow2=None)
    until(lambda: site.get(f"/v1/locations/{office}")["primary_overflow_location"] == ids["Oslo"], "the new link is seen")
    assert site.get(f"/v1/locations/{office}")["drift"] == [] and there(site)["Branch"] == (office, ids["Oslo"], 0)
    ended(site, site.ask("DELETE", f"/v1/locations/{office}"))


def test_infinity_refuses(site):
    """403: the operation fails with Infinity's words and a remedy, the wish stays as drift and is not sent again by itself."""
    office = site.ids["Office"]
    site.world("fault", fault="infinity_readonly")
    operation = ended(site, patch(site, office, description="far away"), "failed")
    assert "403" in operation["error"]["detail"] and operation["error"]["remedy"]
    drift = site.get(f"/v1/locations/{office}")["drift"]
    assert drift == [{"field": "description", "wished": "far away", "actual": "", "refused": operation["error"]["detail"]}]
    assert site.get(f"/v1/history?location={office}&type=fail")["items"][0]["operation"] == operation["id"]
    ended(site, site.ask("POST", "/v1/locations", body={"name": "Never"}), "failed")
    site.world("clear")
    before = site.world.metrics()["location_writes"]
    reads = site.world.metrics()["infinity_requests"]
    until(lambda: site.world.metrics()["infinity_requests"] > reads + 60, "several polls went by")
    assert site.world.metrics()["location_writes"] == before
    ended(site, patch(site, office, description="far away"))
    assert site.get(f"/v1/locations/{office}")["drift"] == []
    ended(site, patch(site, office, description=""))
    assert patch(site, office, release=["description"]).status_code == 200


def test_lost_answers(site):
    """Infinity carries everything out and never answers: nothing is made twice, and all of it is noticed."""
    site.world("fault", fault="infinity_lost")
    made = ended(site, site.ask("POST", "/v1/locations", body={"name": "Lost"}))
    assert there(site)["Lost"][0] == made["location"]
    until(lambda: site.ask("GET", f"/v1/locations/{made['location']}").status_code == 200, "it is shown")
    reply = patch(site, made["location"], description="still here")
    assert reply.status_code == 202
    # while a try is on its way there is no error to show
    waits = until(lambda: next((o for o in [site.get(reply.headers["Location"])] if o["attempts"] > 1 and o["error"]), None),
                  "it is tried again")
    assert waits["state"] == "applying" and waits["open"]
    site.world("clear")
    ended(site, reply)
    site.world("fault", fault="infinity_lost")
    ended(site, site.ask("DELETE", f"/v1/locations/{made['location']}"))
    site.world("clear")
    assert "Lost" not in there(site)
    assert sum(e["type"] == "settings" for e in site.get(f"/v1/history?location={made['location']}")["items"]) == 3


def test_new_wish_while_one_is_sent(site):
    """Infinity is away: the operation under way takes over what is wished next, and the last word counts."""
    office = site.ids["Office"]
    site.world("fault", fault="infinity_down")
    first = patch(site, office, name="Office A")
    assert first.status_code == 202
    until(lambda: site.get(first.headers["Location"])["error"], "the first try failed")
    second = patch(site, office, name="Office B")
    assert second.status_code == 202 and second.json()["id"] == first.json()["id"]
    problem(site.ask("DELETE", f"/v1/locations/{office}"), 409, "conflict")
    site.world("clear")
    ended(site, second)
    assert "Office B" in there(site) and "Office A" not in there(site)
    ended(site, patch(site, office, name="Office"))
    assert patch(site, office, release=["name"]).status_code == 200


def test_threshold_and_links_in_one(site):
    ids = site.ids
    used = []

    def changed():
        """Read and changed; once more where new figures came in between, as they do often at this time scale."""
        used.append(site.ask("GET", f"/v1/locations/{ids['Office']}").headers["ETag"])
        reply = site.ask("PATCH", f"/v1/locations/{ids['Office']}", headers={"If-Match": used[-1]},
                         body={"bursting_threshold": 7, "primary_overflow_location": ids["Oslo"]})
        return reply if reply.status_code != 412 else None

    ended(site, until(changed, "the change is based on the present version"))
    shown = site.get(f"/v1/locations/{ids['Office']}")
    assert shown["bursting_threshold"] == 7 and shown["primary_overflow_location"] == ids["Oslo"]
    problem(site.ask("PATCH", f"/v1/locations/{ids['Office']}", headers={"If-Match": used[-1]}, body={"bursting_threshold": 8}),
            412, "precondition-failed")
    ended(site, patch(site, ids["Office"], bursting_threshold=None, primary_overflow_location=None))


def test_plans(site):
    """The dry run says what becomes of principals and overflow locations."""
    ids = site.ids
    ask = lambda number, **fields: site.ask("PATCH", f"/v1/locations/{number}?dry_run=true", body=fields).json()  # noqa: E731
    plan = ask(ids["Oslo"], primary_overflow_location=None)
    assert plan["kind"] == "location_update" and plan["operation"] is None and plan["steps"][0]["step"] == "applying"
    assert {"resource": f"/v1/locations/{ids['Oslo']}", "pointer": "/primary_overflow_location", "from": ids["AWS burst"],
            "to": None} in plan["changes"]
    words = " ".join(plan["consequences"])
    assert "Oslo is no principal location any more" in words and "V5" in words, words
    plan = ask(ids["Oslo"], primary_overflow_location=None, secondary_overflow_location=ids["AWS burst"])
    assert any("only a secondary one" in c for c in plan["consequences"]), plan
    assert ask(ids["Oslo"], name="Oslo 2")["consequences"] == []
    plan = site.ask("POST", "/v1/locations?dry_run=true", body={"name": "X"}).json()
    assert plan["kind"] == "location_create" and plan["changes"] == [
        {"resource": "/v1/locations", "pointer": "", "from": None, "to": {"name": "X"}}]
    # a location in use: its overflow location has a node up
    site.ask("POST", f"/v1/nodes/{ids['burst-1']}/start")
    until(lambda: site.get(f"/v1/nodes/{ids['burst-1']}")["phase"] == "serving", "a node serves")
    plan = ask(ids["Oslo"], primary_overflow_location=None)
    assert any("AWS burst has 1 node(s) up" in c for c in plan["consequences"]), plan
    site.world("add_location", name="Tromso")
    site.world("add_node", name="tromso-1", location="Tromso", running=True)
    until(lambda: any(n["name"] == "tromso-1" for n in site.get("/v1/nodes")["items"]), "the new node is seen")
    tromso = there(site)["Tromso"][0]
    plan = ask(tromso, primary_overflow_location=ids["AWS burst"])
    assert any("Tromso becomes a principal location: burstd starts nodes of AWS burst" in c for c in plan["consequences"])
    assert site.get(f"/v1/locations/{tromso}")["wishes"] == {}


def test_principal_by_wish(site):
    """The link that was written is the one that bursting goes by."""
    ids = site.ids
    tromso = there(site)["Tromso"][0]
    ended(site, patch(site, tromso, primary_overflow_location=ids["AWS burst"]))
    until(lambda: site.get(f"/v1/locations/{tromso}")["kind"] == "principal", "it is a principal location")
    assert tromso in [x["id"] for x in site.get("/v1/status")["principal_locations"]]


def test_roles(site):
    viewer = site.create_token("loc-viewer", "viewer")
    for method, path, body in (("POST", "/v1/locations", {"name": "X"}), ("DELETE", f"/v1/locations/{site.ids['Office']}", None),
                               ("PATCH", f"/v1/locations/{site.ids['Office']}", {"name": "X"})):
        problem(site.ask(method, path, body=body, token=viewer), 403, "forbidden")
