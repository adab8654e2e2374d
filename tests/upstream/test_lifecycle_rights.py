"""
Who may what: AWS keys that can only burst, keys of their own for the life of nodes (with the very policies that burstd hands out,
evaluated by an IAM that is not its own), and calls on a node, which no operation cuts unless somebody says so and is named.
"""

import pytest

from cloud_model import VPC
from daemon import until
from fake_keys import FakeSTS
from test_bursting import oslo_has_free, serving
from upstream_site import ACCESS_KEY

ROLE = "arn:aws:iam::111122223333:role/life-of-nodes"
LIFE_KEY = "AKIAFAKELIFECYCLE0001"
LIFE_SECRET = "fake/lifecycle+key/NOTREAL/0123456789abcdefg"


def policy(life, scope):
    return life.burstd.get(f"/v1/aws/iam-policy?scope={scope}")


# --- keys that can only burst ---


def deploy(life):
    return life.ask("POST", "/v1/nodes", life.deployment())


def on(name, method, what="", body=None):
    def ask(life):
        return life.on_node(method, what, body, name=name)

    return ask


def convert_to_always_on(life):
    return life.on_node("POST", "/convert", {"to": "always_on", "location": life.location("Empty")}, name="a-1")


def make_group(life):
    return life.ask("POST", "/v1/aws/security-group", {"vpc": VPC, "group_name": "nodes", "management_cidr": "192.0.2.0/24"})


def deploy_manager(life):
    body = {name: value for name, value in life.deployment().items() if name in ("name", "subnet", "security_groups", "key_name")}
    return life.ask("POST", "/v1/management-nodes", body)


NOT_ALLOWED = [
    ("deploy_node", deploy, ("ec2:RunInstances", "ec2:DescribeKeyPairs")),
    ("deploy_management_node", deploy_manager, ("ec2:RunInstances", "ec2:DescribeKeyPairs")),
    ("convert", convert_to_always_on, ("ec2:DeleteTags",)),
    ("resize", on("a-1", "POST", "/resize", {"instance_type": "c5.4xlarge"}), ("ec2:ModifyInstanceAttribute", "ec2:DescribeInstanceTypeOfferings")),
    ("enable_ena", on("b-1", "POST", "/enable-ena"), ("ec2:ModifyInstanceAttribute",)),
    ("assign_address", on("a-1", "POST", "/assign-address"), ("ec2:AllocateAddress", "ec2:DescribeAddresses")),
    ("remove", on("a-1", "DELETE"), ("ec2:TerminateInstances", "ec2:DescribeAddresses")),
    ("security_group", make_group, ("ec2:CreateSecurityGroup",)),
]


def test_keys_with_the_bursting_policy_alone_burst_and_nothing_else(site, life):
    site.serve()
    site.platform.node("b-1").instance.ena = False
    site.platform.add_location("Empty")
    oslo_has_free(site, 30)
    life.allow()
    site.ec2.policies[ACCESS_KEY] = [policy(life, "bursting")]
    before = {i.id: (i.state, i.type, dict(i.tags)) for i in site.platform.cloud.instances.values()}
    mark = site.ledger.mark()
    for kind, ask, missing in NOT_ALLOWED:
        number = life.accepted(ask(life))
        operation = life.until_state(number, "failed")
        assert operation["kind"] == kind
        check = operation["steps"][0]
        assert check["step"] == "check" and check["progress"] == "halted", f"{kind}: {life.tell(number)}"
        assert all(step["progress"] == "waiting" for step in operation["steps"][1:]), kind
        detail = operation["error"]["detail"]
        assert any(action in detail for action in missing), f"{kind}: {detail}"
        assert "Nothing was changed." in operation["error"]["remedy"]
    assert not [row for row in site.ledger.since(mark, "ec2_change") if not row["dry"]], "nothing was asked for in earnest"
    assert not site.ledger.since(mark, "node", "patch", "object")
    assert before == {i.id: (i.state, i.type, dict(i.tags)) for i in site.platform.cloud.instances.values()}
    life.nothing_left()
    oslo_has_free(site, 2)
    serving(site, "a-1")
    oslo_has_free(site, 30)
    until(lambda: life.burstd.phase("a-1") == "stopped" and not life.burstd.open_operations(), "bursting goes on as ever")


def test_the_policies_that_are_handed_out_are_enough(site, life):
    """Bursting with its own keys and policy; the life of a node with others. Each call is signed with the keys of its purpose."""
    site.serve()
    site.ec2.keyring.add(LIFE_KEY, LIFE_SECRET)
    site.secrets.append(LIFE_SECRET)
    oslo_has_free(site, 30)
    life.allow()
    life.burstd.set_bursting(lifecycle_access_key_id=LIFE_KEY, lifecycle_secret_access_key=LIFE_SECRET)
    site.ec2.policies[ACCESS_KEY] = [policy(life, "bursting")]
    site.ec2.policies[LIFE_KEY] = [policy(life, "lifecycle")]
    made = life.done(life.accepted(life.ask("POST", "/v1/locations", {"name": "Always on in AWS"})))["location"]
    life.done(life.deploy(public_addressing="elastic"))
    mark = site.ledger.mark()
    oslo_has_free(site, 2)
    serving(site, life.new)
    assert {row["by"] for row in site.ledger.since(mark, "ec2_change") if not row["dry"]} == {ACCESS_KEY}
    life.burstd.set_bursting(minimum_lifetime_minutes=1000)  # bursting leaves it alone from here on
    oslo_has_free(site, 30)
    mark = site.ledger.mark()
    for what, body in (
        ("/convert", {"to": "always_on", "location": made}),
        ("/resize", {"instance_type": "c5.4xlarge"}),
        ("/stop", None),
        ("/reinstate", None),
        ("/convert", {"to": "overflow", "location": life.location("Burst A")}),
    ):
        life.done(life.accepted(life.on_node("POST", what, body)))
    life.done(life.accepted(life.on_node("DELETE", query="?release_address=true")))
    assert {row["by"] for row in site.ledger.since(mark, "ec2_change") if not row["dry"]} == {LIFE_KEY}
    life.done(life.accepted(make_group(life)))
    life.nothing_left()
    assert "UnauthorizedOperation" not in {row["code"] for row in site.ledger.since(0, "refused")}


def test_a_role_for_the_life_of_nodes(site, life, tmp_path):
    """BURSTD_LIFECYCLE_AWS_PROFILE names a role: bursting goes on with its own keys."""
    site.serve()
    sts = FakeSTS(site.ledger, site.ec2.keyring)
    sts.roles[ROLE] = {"askers": ["user"]}
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(f"[profile life]\nrole_arn = {ROLE}\ncredential_source = Environment\n")
    site.environment |= {"BURSTD_LIFECYCLE_AWS_PROFILE": "life", "BURSTD_STS_ENDPOINT": sts.url}
    oslo_has_free(site, 30)
    try:
        life.allow()
        life.done(life.deploy())
        mark = site.ledger.mark()
        oslo_has_free(site, 4)
        serving(site, life.new)
    finally:
        sts.close()
    life.burstd.secrets += site.ec2.keyring.secrets()
    owners = {key.access: key.owner for key in site.ec2.keyring.keys.values()}
    changes = [(owners[row["by"]], row["time"]) for row in site.ledger.since(0, "ec2_change") if not row["dry"]]
    begun = site.ledger.rows[mark]["time"]
    assert {owner for owner, time in changes if time < begun} == {ROLE}
    assert {owner for owner, time in changes if time >= begun} == {"user"}


def test_undo_needs_no_more_rights(site, life):
    site.serve()
    site.bootstrap.fail.append(400)
    oslo_has_free(site, 30)
    life.allow()
    site.ec2.policies[ACCESS_KEY] = [policy(life, "lifecycle")]
    number = life.deploy(public_addressing="elastic")
    life.until_state(number, "halted")
    life.cancelled(number)
    life.nothing_left()


def test_nothing_of_it_while_it_is_not_allowed(site, life):
    life.allow()
    life.burstd.set_bursting(allow_lifecycle=False)
    for reply in (deploy(life), on("a-1", "DELETE")(life), make_group(life)):
        assert reply.status_code == 403 and "allow_lifecycle" in reply.json()["detail"], reply.text
    assert not site.ledger.since(0, "node") and not life.burstd.open_operations()


# --- calls ---


def ensure_always_on(site, life):
    """The new node, always on, with a call."""
    oslo_has_free(site, 30)
    life.allow()
    life.done(life.deploy(bursting=False))
    site.platform.place_conference(life.new)
    until(lambda: life.seen(life.node().id)["conferences"] == 1, "burstd knows of the call")


CUTTING = [
    ("shut_down", "POST", "/stop", {}),
    ("resize", "POST", "/resize", {"instance_type": "c5.4xlarge"}),
    ("convert", "POST", "/convert", {"to": "overflow", "location": 3}),
    ("assign_address", "POST", "/assign-address", {}),
    ("remove", "DELETE", "", None),
]
DEEDS = ("StopInstances", "TerminateInstances", "AssociateAddress", "modify")


@pytest.mark.parametrize("kind, method, what, body", CUTTING, ids=[row[0] for row in CUTTING])
def test_an_operation_waits_for_the_last_call(site, life, kind, method, what, body):
    ensure_always_on(site, life)
    mark = site.ledger.mark()
    number = life.accepted(life.on_node(method, what, body))
    life.until_step(number, "drain", "running")
    waits = until(lambda: next((w for w in [life.operation(number)["waits_for"]] if "1 conferences" in w), None), lambda: life.tell(number))
    assert waits and life.node().maintenance
    site.looks(12)
    assert not site.ledger.since(mark, *DEEDS) and life.node() and life.operation(number)["state"] == "working"
    site.platform.end_conferences(life.new)
    life.done(number)
    assert site.ledger.since(mark, *DEEDS, "node")


@pytest.mark.parametrize("kind, method, what, body", CUTTING, ids=[row[0] for row in CUTTING])
def test_force_cuts_and_is_recorded(site, life, kind, method, what, body):
    ensure_always_on(site, life)
    query = "?force=true" if method == "DELETE" else ""
    number = life.accepted(life.on_node(method, what, None if body is None else body | {"force": True, "reason": "fire drill"}, query=query))
    operation = life.done(number)
    assert operation["force"] is True and operation["actor"] == "admin" and operation["kind"] == kind
    drain = life.step(operation, "drain")
    assert drain["progress"] == "skipped" and "forced by admin" in drain["detail"]
    asked = life.events(number)[0]
    assert asked["actor"] == "admin" and asked["figures"]["force"] is True and "by force" in asked["reason"]
    assert [cut[0] for cut in site.platform.cuts] == [life.new]
    site.cuts = site.platform.cuts


def test_a_waiting_operation_can_be_forced_or_called_off(site, life):
    ensure_always_on(site, life)
    first = life.accepted(life.on_node("POST", "/resize", {"instance_type": "c5.4xlarge"}))
    life.until_step(first, "drain", "running")
    life.cancelled(first)
    assert not life.node().maintenance and life.node().instance.type == "c5.2xlarge" and life.node().conferences
    second = life.accepted(life.on_node("POST", "/resize", {"instance_type": "c5.4xlarge"}))
    life.until_step(second, "drain", "running")
    again = life.accepted(life.on_node("POST", "/resize", {"instance_type": "c5.4xlarge", "force": True}))
    assert again == second, "the same operation, now by force"
    life.done(second)
    assert life.operation(second)["force"] is True and life.node().instance.type == "c5.4xlarge"
    site.cuts = site.platform.cuts


def test_a_call_in_the_last_moment_is_not_cut(site, life):
    """The call comes with the PATCH that drains the node, before any node knows of it."""
    oslo_has_free(site, 30)
    life.allow()
    life.done(life.deploy(bursting=False))
    placed = []

    def place(name):
        if site.platform.node(name).maintenance and not placed:
            placed.append(name)
            site.platform.place_conference(name)

    site.infinity.after_patch = place
    number = life.accepted(life.on_node("DELETE"))
    until(lambda: placed, "the drain")
    site.looks(12)
    assert life.node().instance.up() and life.operation(number)["state"] == "working"
    site.platform.end_conferences(life.new)
    life.done(number)
    life.nothing_left()
