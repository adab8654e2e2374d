"""Life-cycle operations as they are asked for: permission, plans, what is written, what is refused, undo and resume."""

import contextlib
import pathlib
import sqlite3

import pytest

from harness import Burstd, World, problem, until, upstreams
from test_dry_run import platform, stored

SUBNET = "subnet-0123456789abcdef0"
GROUP = "sg-0123456789abcdef0"
SECRET = "hush-hush-password"


@pytest.fixture(scope="module")
def site(contract):
    """Oslo with a node in EC2 that is always on, and one that is not in EC2; an overflow location with two nodes."""
    world = World(100)
    world("traffic", on=False)
    ids = {"AWS burst": world("add_location", name="AWS burst")["id"]}
    ids["Oslo"] = world("add_location", name="Oslo", overflow1="AWS burst")["id"]
    ids["oslo-1"] = world("add_node", name="oslo-1", location="Oslo", running=True)["id"]
    ids["oslo-2"] = world("add_node", name="oslo-2", location="Oslo", bursting=True, untagged=True, running=True,
                          region="eu-west-1")["id"]
    for name in ("burst-1", "burst-2"):
        ids[name] = world("add_node", name=name, location="AWS burst", bursting=True, region="eu-west-1")["id"]
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), 100)
    until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
    until(lambda: burstd.get(f"/v1/nodes/{ids['oslo-2']}")["instance"], "the instance of oslo-2 is seen")
    until(lambda: len(burstd.get("/v1/status")["overflow_nodes"]) == 2, "all nodes are seen")
    burstd.ids, burstd.world = ids, world
    yield burstd
    burstd.close()
    world.stop()


@pytest.fixture
def allowed(site):
    """The same with permission; what a test leaves open is none of the next one's business."""
    assert site.ask("PATCH", "/v1/bursting", body={"allow_lifecycle": True}).status_code == 200
    return site


def deployment(site, name, **fields):
    return {"name": name, "hostname": name, "domain": "video.example.com", "location": site.ids["AWS burst"],
            "ssh_password": SECRET, "subnet": SUBNET, "security_groups": [GROUP], "key_name": "pexip", **fields}


def platform_body():
    return {"dns_servers": [{"address": "192.0.2.53"}], "ntp_servers": [{"address": f"{i}.pool.ntp.org"} for i in range(3)],
            "location": {"name": "Bergen"}, "virtual_meeting_rooms": [{"name": "Board", "pin": "471100", "aliases": ["board"]}]}


def requests_of(site):
    """Each life-cycle request once: name, method, path, body, kind."""
    ids = site.ids
    return [
        ("deployNode", "POST", "/v1/nodes", deployment(site, "burst-9"), "deploy_node"),
        ("stopNode", "POST", f"/v1/nodes/{ids['oslo-2']}/stop", {"reason": "works"}, "shut_down"),
        ("removeNode", "DELETE", f"/v1/nodes/{ids['burst-2']}", None, "remove"),
        ("convertNode", "POST", f"/v1/nodes/{ids['burst-1']}/convert", {"to": "always_on", "location": ids["Oslo"]}, "convert"),
        ("resizeNode", "POST", f"/v1/nodes/{ids['burst-1']}/resize", {"instance_type": "c5.4xlarge"}, "resize"),
        ("enableNodeEna", "POST", f"/v1/nodes/{ids['burst-1']}/enable-ena", {"force": True}, "enable_ena"),
        ("assignNodeAddress", "POST", f"/v1/nodes/{ids['burst-1']}/assign-address", None, "assign_address"),
        ("deployManagementNode", "POST", "/v1/management-nodes",
         {"name": "manager-2", "subnet": SUBNET, "security_groups": [GROUP], "key_name": "pexip", "managed_nodes": 40},
         "deploy_management_node"),
        ("configurePlatform", "POST", "/v1/platform", platform_body(), "configure_platform"),
        ("makeSecurityGroup", "POST", "/v1/aws/security-group",
         {"vpc": "vpc-0123456789abcdef0", "group_name": "pexip", "management_cidr": "192.0.2.0/24"}, "security_group"),
    ]


def skip_elastic(site, name):
    """The world gives its nodes persistent addresses, so that assigning one is refused."""
    return name == "assignNodeAddress" and site.get(f"/v1/nodes/{site.ids['burst-1']}")["instance"]["elastic"]


def test_nothing_without_permission(site):
    assert site.get("/v1/bursting")["allow_lifecycle"] is False
    before, outside = stored(site), platform(site)
    for name, method, path, body, _ in requests_of(site):
        for query in ("", "?dry_run=true"):
            refused = problem(site.ask(method, path + query, body=body), 403, "lifecycle-off")
            assert "allow_lifecycle" in refused["detail"], name
    # /stop of a node that is not in EC2 is no life-cycle operation
    problem(site.ask("POST", f"/v1/nodes/{site.ids['oslo-1']}/stop"), 409, "conflict")
    assert stored(site) == before and platform(site) == outside


def test_plans_change_nothing(allowed):
    before, outside = stored(allowed), platform(allowed)
    for name, method, path, body, kind in requests_of(allowed):
        if skip_elastic(allowed, name):
            problem(allowed.ask(method, path + "?dry_run=true", body=body), 409, "conflict")
            continue
        reply = allowed.ask(method, path + "?dry_run=true", body=body)
        assert reply.status_code == 200, (name, reply.text)
        plan = reply.json()
        assert plan["kind"] == kind and plan["operation"] is None and plan["steps"][0]["step"] == "check"
        assert [e["type"] for e in plan["events"]] == ["operation"]
        assert SECRET not in reply.text and "471100" not in reply.text
    assert stored(allowed) == before and platform(allowed) == outside


def test_deployment(allowed):
    """202 with an operation whose steps tell what will be done; the password is nowhere."""
    body = deployment(allowed, "burst-7", reason="more room")
    key = {"Idempotency-Key": "deploy-burst-7"}
    reply = allowed.ask("POST", "/v1/nodes", body=body, headers=key)
    assert reply.status_code == 202, reply.text
    made = reply.json()
    assert reply.headers["Location"] == f"/v1/operations/{made['id']}"
    assert made["kind"] == "deploy_node" and made["state"] == "working" and made["node"] is None
    assert made["node_name"] == "burst-7" and made["location"] == allowed.ids["AWS burst"]
    assert [s["progress"] for s in made["steps"]] == ["waiting"] * len(made["steps"])
    assert made["steps"][2]["step"] == "launch" and made["steps"][2]["does"] == "launch the instance"
    assert made["values"]["bursting"] == "true" and made["values"]["enable_distributed_database"] == "false"
    again = allowed.ask("POST", "/v1/nodes", body=body, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true" and again.json() == made
    shown = allowed.ask("GET", f"/v1/operations/{made['id']}")
    listed = allowed.ask("GET", "/v1/operations?limit=500")
    assert made["id"] in [x["id"] for x in listed.json()["items"]]
    history = allowed.ask("GET", "/v1/history?type=operation")
    asked = [e for e in history.json()["items"] if e["operation"] == made["id"]][-1]
    assert asked["actor"] == "admin" and asked["reason"] == "burst-7 deployed by admin: more room"
    assert asked["figures"] == {"kind": "deploy_node", "force": False}
    for text in (reply.text, shown.text, listed.text, history.text, allowed.log()):
        assert SECRET not in text


def test_undo_and_its_answers(allowed):
    made = allowed.ask("POST", "/v1/management-nodes", body={
        "name": "manager-9", "subnet": SUBNET, "security_groups": [GROUP], "key_name": "pexip"}).json()
    path = f"/v1/operations/{made['id']}"
    problem(allowed.ask("POST", f"{path}/cancel", body={"undo": "no"}), 400, "bad-request", "/undo")
    problem(allowed.ask("POST", f"{path}/resume", body={"when": 1}), 400, "bad-request", "/when")
    plan = allowed.ask("POST", f"{path}/cancel?dry_run=true")
    assert plan.status_code in (200, 409), plan.text
    reply = allowed.ask("POST", f"{path}/cancel", body={"reason": "not yet"})
    assert reply.status_code in (202, 409), reply.text  # the check may have failed it meanwhile
    state = allowed.get(path)["state"]
    assert state in ("undoing", "cancelled", "failed")
    if state != "undoing":
        problem(allowed.ask("POST", f"{path}/cancel"), 409, "conflict")
    problem(allowed.ask("POST", f"{path}/cancel", body={"undo": False}), 409, "conflict")
    problem(allowed.ask("POST", f"{path}/resume"), 409, "conflict")
    problem(allowed.ask("POST", "/v1/operations/4711/resume"), 404, "not-found")


def halt(site, operation):
    """As the worker leaves an operation whose launch failed again and again."""
    path = pathlib.Path(site.directory.name, "burstd.db")
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as db, db:
        db.execute("UPDATE operation_step SET state = CASE WHEN position < 2 THEN 'done' WHEN position = 2 THEN 'halted' "
                   "ELSE 'waiting' END, attempts = position = 2, error = CASE WHEN position = 2 THEN 'no capacity' ELSE '' END "
                   "WHERE operation = ?", (operation,))
        db.execute("UPDATE intent SET state = 'halted', closed_at = 0, error = 'no capacity' WHERE id = ?", (operation,))


def test_halted_is_resumed_or_left_as_it_is(allowed):
    """What has halted says what stands and what to do."""
    made = allowed.ask("POST", "/v1/management-nodes", body={
        "name": "manager-8", "subnet": SUBNET, "security_groups": [GROUP], "key_name": "pexip"}).json()
    path = f"/v1/operations/{made['id']}"
    halt(allowed, made["id"])
    shown = allowed.get(path)
    assert shown["state"] == "halted" and shown["open"] and shown["waits_for"] is None
    assert shown["steps"][2]["progress"] == "halted" and shown["steps"][2]["error"] == "no capacity"
    assert shown["error"]["detail"] == "no capacity"
    for word in ("/resume", "/cancel", "What stands: launch"):
        assert word in shown["error"]["remedy"]
    plan = allowed.ask("POST", f"{path}/resume?dry_run=true")
    assert plan.status_code == 200 and plan.json()["steps"][0]["step"] == "working" and allowed.get(path)["state"] == "halted"
    reply = allowed.ask("POST", f"{path}/resume", body={"reason": "another zone"})
    assert reply.status_code == 202 and reply.json()["state"] == "working" and reply.json()["error"] is None
    asked = allowed.get("/v1/history?type=operation")["items"]
    assert "Resumed by admin: another zone. It had halted: no capacity" in [e["reason"] for e in asked]
    halt(allowed, made["id"])
    left = allowed.ask("POST", f"{path}/cancel", body={"undo": False})
    assert left.status_code == 202 and left.json()["state"] == "abandoned" and not left.json()["open"]
    assert "What stands: launch" in left.json()["error"]["remedy"]
    problem(allowed.ask("POST", f"{path}/resume"), 409, "conflict")


def test_refusals_name_what_is_wrong(allowed):
    ids = allowed.ids

    def deploy(**fields):
        return allowed.ask("POST", "/v1/nodes", body={**deployment(allowed, "burst-8"), **fields})

    for fields, pointer in (({"region": "cn-north-1"}, "/region"), ({"region": "us-east-1"}, "/region"),
                            ({"secondary_address": "10.0.0.1"}, "/secondary_address"), ({"hostname": "a.b"}, "/hostname"),
                            ({"tls_certificate": 4}, "/configured_fqdn"), ({"name": "x" * 33}, "/name"),
                            ({"tags": {"pexip-cloud": "x"}}, "/tags/pexip-cloud"), ({"location": 4711}, "/location")):
        problem(deploy(**fields), 400, "bad-request", pointer)
    problem(deploy(name="Oslo-1"), 409, "conflict", "/name")
    problem(deploy(role="proxying"), 409, "conflict", "/role")
    node = f"/v1/nodes/{ids['burst-1']}"
    problem(allowed.ask("POST", f"{node}/convert", body={"to": "overflow", "location": ids["AWS burst"]}), 409, "conflict", "/to")
    problem(allowed.ask("POST", f"{node}/convert", body={"to": "sideways", "location": ids["Oslo"]}), 400, "bad-request", "/to")
    problem(allowed.ask("POST", f"{node}/resize", body={"instance_type": "huge"}), 400, "bad-request", "/instance_type")
    problem(allowed.ask("POST", f"{node}/reinstate"), 409, "conflict")
    problem(allowed.ask("POST", f"{node}/enable-ena", body={"why": 1}), 400, "bad-request", "/why")
    problem(allowed.ask("POST", f"{node}/assign-address", body={"allocation_id": "x"}), 400, "bad-request", "/allocation_id")
    problem(allowed.ask("POST", f"/v1/nodes/{ids['oslo-2']}/reinstate"), 409, "conflict")
    problem(allowed.ask("DELETE", node, headers={"If-Match": None}), 428, "precondition-required")
    problem(allowed.ask("DELETE", node, headers={"If-Match": '"x"'}), 412, "precondition-failed")
    problem(allowed.ask("DELETE", f"{node}?force=perhaps"), 400, "bad-request")
    problem(allowed.ask("POST", "/v1/platform", body={}), 400, "bad-request", "/dns_servers")
    problem(allowed.ask("POST", "/v1/aws/security-group", body={"group": GROUP}), 400, "bad-request", "/management_cidr")
    problem(allowed.ask("POST", "/v1/management-nodes", body={"name": "m"}), 400, "bad-request", "/subnet")


def test_static_nat_follows(allowed):
    node = f"/v1/nodes/{allowed.ids['oslo-2']}"
    wished = allowed.ask("PATCH", node, body={"wishes": {"static_nat": "follow"}})
    assert wished.status_code == 200 and wished.json()["wishes"]["static_nat"] == "follow"
    assert allowed.ask("PATCH", node, body={"static_nat": None}).json()["wishes"]["static_nat"] is None
    problem(allowed.ask("PATCH", f"/v1/nodes/{allowed.ids['oslo-1']}", body={"static_nat": "follow"}), 409, "conflict")


def test_an_operator_may_not_deploy(allowed):
    operator = allowed.create_token("lifecycle-operator", "operator")
    for name, method, path, body, _ in requests_of(allowed):
        if name in ("stopNode", "assignNodeAddress"):
            continue
        problem(allowed.ask(method, path + "?dry_run=true", body=body, token=operator), 403, "forbidden")


@pytest.mark.parametrize("name", ["stopNode", "removeNode", "convertNode", "configurePlatform", "makeSecurityGroup", "resizeNode",
                                  "enableNodeEna", "assignNodeAddress", "reinstateNode"])
def test_is_accepted(contract, name):
    """Each on a platform of its own, which is then changed."""
    generator = site.__wrapped__(contract)
    alone = next(generator)
    try:
        assert alone.ask("PATCH", "/v1/bursting", body={"allow_lifecycle": True}).status_code == 200
        node = f"/v1/nodes/{alone.ids['oslo-2']}"
        if name == "reinstateNode":
            alone.world("stop", node="oslo-2")
            until(lambda: alone.get(node)["instance"]["state"] == "stopped", "the instance is seen stopped")
            _, method, path, body, kind = name, "POST", f"{node}/reinstate", {"reason": "back"}, "reinstate"
        else:
            _, method, path, body, kind = next(x for x in requests_of(alone) if x[0] == name)
            if skip_elastic(alone, name):
                world_id = alone.world("add_node", name="burst-3", location="AWS burst", bursting=True, region="eu-west-1",
                                       elastic=False)["id"]
                path = f"/v1/nodes/{world_id}/assign-address"
                until(lambda: alone.ask("GET", f"/v1/nodes/{world_id}").status_code == 200, "the node is seen")
                until(lambda: alone.get(f"/v1/nodes/{world_id}")["instance"], "its instance is seen")
        reply = alone.ask(method, path, body=body)
        assert reply.status_code == 202, reply.text
        made = reply.json()
        assert made["kind"] == kind and made["open"] and made["steps"][0]["step"] == "check"
    finally:
        generator.close()
