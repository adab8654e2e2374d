"""
Life-cycle operations when the world answers badly: lost answers repeat nothing, each refusal ends in a state that says what stands
and what to do, and the undo of it leaves nothing behind.
"""

import pytest

from cloud_model import Address
from daemon import until
from test_bursting import oslo_has_free, serving

# --- lost answers: the request was carried out, and its connection dropped ---


def lose_ec2(action):
    def lose(site):
        site.ec2.lose[action] = 1

    lose.__name__ = action
    return lose


def lose_infinity(method, resource):
    def lose(site):
        site.infinity.lose[method, resource] = 1

    lose.__name__ = f"{method} {resource}"
    return lose


def lose_upload(site):
    site.bootstrap.lose = 1


LOST_IN_A_DEPLOYMENT = [
    lose_ec2("RunInstances"),
    lose_ec2("AllocateAddress"),
    lose_ec2("AssociateAddress"),
    lose_infinity("POST", "worker_vm"),
    lose_infinity("PATCH", "worker_vm"),
    lose_upload,
    lose_ec2("StopInstances"),
]


@pytest.mark.parametrize("lose", LOST_IN_A_DEPLOYMENT, ids=lambda f: f.__name__)
def test_a_lost_answer_makes_nothing_twice(site, life, lose):
    site.serve()
    lose(site)
    oslo_has_free(site, 30)
    life.allow()
    life.done(life.deploy(public_addressing="elastic"))
    assert site.ledger.count(0, "lost") == 1 or site.bootstrap.lost
    (instance,), nodes, (address,) = life.made()
    assert nodes == [life.new] and address.instance == instance.id and instance.state == "stopped"
    assert len(life.launches()) == 1 and site.ledger.count(0, "AllocateAddress") == 1
    node = life.node()
    assert node.static_nat == address.public and not node.maintenance
    assert site.platform.applied[instance.id][0] == node.secret, "the document is that of the node that stands"
    until(lambda: life.burstd.phase(life.new) == "stopped", "it is ready to burst")


LOST_IN_A_REMOVAL = [lose_infinity("DELETE", "worker_vm")]
LOST_IN_A_REMOVAL += [lose_ec2(action) for action in ("TerminateInstances", "DisassociateAddress", "ReleaseAddress")]


@pytest.mark.parametrize("lose", LOST_IN_A_REMOVAL, ids=lambda f: f.__name__)
def test_a_lost_answer_leaves_nothing_behind(site, life, lose):
    oslo_has_free(site, 30)
    life.allow()
    life.done(life.deploy(public_addressing="elastic"))
    lose(site)
    life.done(life.accepted(life.on_node("DELETE", query="?release_address=true")))
    life.nothing_left()


# --- refusals ---

EXPLAINED = "What stands: "


def fail_ec2(action, code, status=400, message=None, times=1):
    def fail(site):
        site.ec2.fail[action] += [(status, code, message or f"{code}, says EC2")] * times

    return fail


def fail_infinity(method, resource, status, content):
    def fail(site):
        site.infinity.fail[method, resource].append((status, content))

    return fail


def no_address_left(site):
    site.platform.cloud.most_addresses = 0


def no_subnet(site):
    site.platform.cloud.subnets.pop("subnet-0b20b20b20b20b20b")


def no_key_pair(site):
    site.platform.cloud.key_names.clear()


def no_image(site):
    site.platform.cloud.images.clear()


def refuse_the_document(site):
    site.bootstrap.fail.append(400)


# Each: what is broken, the step that stops, words of the error. Refused by the check, nothing is done at all.
REFUSED = [
    (no_subnet, ["subnet-0b20b20b20b20b20b"]),
    (no_key_pair, ["key pair", "node-key"]),
    (no_image, ["Pexip Infinity Conferencing Node 38 build 81234"]),
    (lambda site: site.platform.cloud.offered.clear(), ["c5.2xlarge", "eu-west-1a"]),
]


@pytest.mark.parametrize("breaks, words", REFUSED, ids=["subnet", "key pair", "image", "offering"])
def test_a_deployment_that_cannot_be_is_refused_before_it_starts(site, life, breaks, words):
    life.allow()
    breaks(site)
    number = life.deploy()
    operation = life.until_state(number, "failed")
    assert life.step(operation, "check")["progress"] == "halted" and life.step(operation, "launch")["progress"] == "waiting"
    error = operation["error"]
    assert all(word in error["detail"] for word in words), error
    assert "Nothing was changed." in error["remedy"]
    assert [e["type"] for e in life.events(number)][-1] == "fail"
    changes = [row for row in site.ledger.since(0, "ec2_change") if not row["dry"]]
    assert not changes and not site.ledger.since(0, "node")
    life.nothing_left()


HALTED = [
    (fail_ec2("RunInstances", "InsufficientInstanceCapacity", 500), "launch", ["InsufficientInstanceCapacity"]),
    (fail_ec2("RunInstances", "VcpuLimitExceeded"), "launch", ["VcpuLimitExceeded"]),
    (fail_ec2("RunInstances", "InvalidKeyPair.NotFound"), "launch", ["InvalidKeyPair.NotFound"]),
    (fail_ec2("RunInstances", "OptInRequired", 403), "launch", ["OptInRequired"]),
    (no_address_left, "allocate_address", ["AddressLimitExceeded"]),
    (fail_ec2("AllocateAddress", "InsufficientAddressCapacity"), "allocate_address", ["InsufficientAddressCapacity"]),
    (fail_ec2("AssociateAddress", "Gateway.NotAttached"), "associate_address", ["Gateway.NotAttached"]),
    (
        fail_infinity("POST", "worker_vm", 400, {"worker_vm": {"hostname": ["Conferencing Node with this Hostname already exists."]}}),
        "create_node",
        ["hostname", "already exists"],
    ),
    (fail_infinity("POST", "worker_vm", 403, {"error": "You may not add nodes"}), "create_node", ["403"]),
    (refuse_the_document, "upload", ["400"]),
    (fail_infinity("PATCH", "worker_vm", 403, {"error": "You may not change nodes"}), "maintenance_on", ["403"]),
    (fail_ec2("StopInstances", "OperationNotPermitted", 403), "stop_instance", ["OperationNotPermitted"]),
]


def name_of(case):
    return f"{case[1]}-{case[2][0]}"


@pytest.mark.parametrize("breaks, step, words", HALTED, ids=map(name_of, HALTED))
def test_a_refusal_halts_says_what_stands_and_can_be_undone(site, life, breaks, step, words):
    site.serve()
    breaks(site)
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy(public_addressing="elastic")
    operation = life.until_state(number, "halted")
    assert life.step(operation, step)["progress"] == "halted", life.tell(number)
    detail, remedy = operation["error"]["detail"], operation["error"]["remedy"]
    assert detail.startswith(step) and all(word in detail for word in words), detail
    assert f"/v1/operations/{number}/resume" in remedy and f"/v1/operations/{number}/cancel" in remedy
    instances, _, addresses = life.made()
    for thing in [i.id for i in instances] + [a.allocation for a in addresses]:
        assert thing in remedy, f"{thing} stands, and is not named: {remedy}"
    assert [e["reason"] for e in life.events(number) if e["type"] == "fail"] == [f"deploy_node halted at {detail}"]
    operation_issue = [i for i in life.burstd.status()["issues"] if str(number) in i["message"] + i["subject"]]
    assert operation_issue and operation_issue[0]["remedy"], life.burstd.issues()
    life.cancelled(number)
    life.nothing_left()
    assert not life.burstd.open_operations()


@pytest.mark.parametrize("breaks, step, words", HALTED[:1] + HALTED[5:8] + HALTED[9:10], ids=map(name_of, HALTED[:1] + HALTED[5:8] + HALTED[9:10]))
def test_what_was_mended_is_resumed(site, life, breaks, step, words):
    site.serve()
    breaks(site)
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy(public_addressing="elastic")
    life.until_state(number, "halted")
    reply = life.burstd.ask("POST", f"/v1/operations/{number}/resume")
    assert reply.status_code == 202, reply.text
    life.done(number)
    (instance,), nodes, (address,) = life.made()
    assert nodes == [life.new] and address.instance == instance.id
    assert len(life.launches()) == 1 and site.ledger.count(0, "AllocateAddress") == 1


def test_throttling_and_a_busy_infinity_are_waited_out(site, life):
    site.serve()
    fail_ec2("RunInstances", "RequestLimitExceeded", 503, times=2)(site)
    fail_infinity("POST", "worker_vm", 503, {"error_message": "restarting"})(site)
    site.bootstrap.fail += [503]
    oslo_has_free(site, 30)
    life.allow()
    life.done(life.deploy())
    (instance,), nodes, _ = life.made()
    assert nodes == [life.new] and len(life.launches()) == 1


def test_a_name_that_somebody_took_meanwhile_is_left_alone(site, life):
    """Between check and creation another node took the name: burstd's own instance goes, the stranger's node stays."""
    oslo_has_free(site, 30)
    life.allow()
    launch = site.ec2.launch

    def take_the_name(*more):
        site.platform.add_node(life.new, site.platform.locations[life.location("Bergen")])
        return launch(*more)

    site.ec2.launch = take_the_name
    number = life.deploy()
    operation = life.until_state(number, "halted")
    assert life.step(operation, "create_node")["progress"] == "halted" and life.new in operation["error"]["detail"]
    life.cancelled(number)
    instances, nodes, _ = life.made()
    assert instances == [] and nodes == [life.new], "the stranger's node is not touched"
    assert not site.ledger.since(0, "node")


def test_an_instance_that_dies_while_it_boots(site, life):
    """pending -> terminated: a launch that AWS takes back; the reason is AWS's."""
    oslo_has_free(site, 30)
    life.allow()
    launch = site.ec2.launch

    def stillborn(*more):
        instance = launch(*more)
        instance.state, instance.reason = "terminated", "Client.VolumeLimitExceeded"
        return instance

    site.ec2.launch = stillborn
    number = life.deploy()
    operation = life.until_state(number, "halted")
    assert "VolumeLimitExceeded" in operation["error"]["detail"]
    life.cancelled(number)
    life.nothing_left()


def test_a_closed_port_is_told_while_it_is_waited_for(site, life):
    """8443 behind a firewall: the operation waits, names the address and the port, and can be undone meanwhile."""
    site.serve()
    site.bootstrap.closed = True
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy()
    life.until_step(number, "upload", "running")
    waits = until(lambda: next((w for w in [life.operation(number)["waits_for"]] if "8443" in w), None), lambda: life.tell(number))
    assert life.made()[0][0].address in waits and "security group" in waits
    life.cancelled(number)
    life.nothing_left()


def test_a_node_that_never_syncs_halts_in_the_end(site, life):
    site.platform.boot = 3600
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy()
    operation = life.until_state(number, "halted")
    assert life.step(operation, "await_synced")["progress"] == "halted" and "30 minutes" in operation["error"]["detail"]
    assert "Never" in operation["error"]["detail"], "what Infinity says of the node"
    life.cancelled(number)
    life.nothing_left()


# --- kill -9 ---

DEEDS = ["RunInstances", "AllocateAddress", "AssociateAddress", "node", "upload", "patch", "StopInstances"]


@pytest.mark.parametrize("deed", DEEDS)
def test_killed_right_after_each_deed(site, life, deed):
    """kill -9 as soon as the other side has done it; the next start goes on, and ends as if nothing had happened."""
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy(public_addressing="elastic")
    until(lambda: site.ledger.since(0, deed), lambda: f"{deed}: {life.tell(number)}")
    life.burstd.kill()
    life.burstd.start()
    life.done(number)
    (instance,), nodes, (address,) = life.made()
    assert nodes == [life.new] and address.instance == instance.id and instance.state == "stopped"
    assert len(life.launches()) == 1 and site.ledger.count(0, "AllocateAddress") == 1
    assert site.platform.applied[instance.id][0] == life.node().secret
    until(lambda: life.burstd.phase(life.new) == "stopped", "it is ready to burst")
    oslo_has_free(site, 4)
    serving(site, life.new)


@pytest.mark.parametrize("deed", ["DisassociateAddress", "ReleaseAddress", "node", "TerminateInstances"])
def test_killed_right_after_each_deed_of_an_undo(site, life, deed):
    site.serve()
    fail_infinity("PATCH", "worker_vm", 403, {"error": "You may not change nodes"})(site)
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy(public_addressing="elastic")
    life.until_state(number, "halted")
    mark = site.ledger.mark()
    assert life.burstd.ask("POST", f"/v1/operations/{number}/cancel").status_code == 202
    until(lambda: site.ledger.since(mark, deed), lambda: f"{deed}: {life.tell(number)}")
    life.burstd.kill()
    life.burstd.start()
    life.until_state(number, "cancelled")
    life.nothing_left()


@pytest.mark.parametrize("deed", ["patch", "node", "TerminateInstances", "ReleaseAddress"])
def test_killed_right_after_each_deed_of_a_removal(site, life, deed):
    oslo_has_free(site, 30)
    life.allow()
    life.done(life.deploy(public_addressing="elastic", bursting=False))
    mark = site.ledger.mark()
    number = life.accepted(life.on_node("DELETE", query="?release_address=true"))
    until(lambda: site.ledger.since(mark, deed), lambda: f"{deed}: {life.tell(number)}")
    life.burstd.kill()
    life.burstd.start()
    life.done(number)
    life.nothing_left()


@pytest.mark.parametrize("deed", ["patch", "StopInstances", "modify", "StartInstances"])
def test_killed_right_after_each_deed_of_a_resize(site, life, deed):
    oslo_has_free(site, 30)
    life.allow()
    life.done(life.deploy(bursting=False))
    mark = site.ledger.mark()
    number = life.accepted(life.on_node("POST", "/resize", {"instance_type": "c5.4xlarge"}))
    until(lambda: site.ledger.since(mark, deed), lambda: f"{deed}: {life.tell(number)}")
    life.burstd.kill()
    life.burstd.start()
    life.done(number)
    node = life.node()
    assert node.instance.type == "c5.4xlarge" and node.instance.up() and not node.maintenance
    assert node.static_nat == site.platform.cloud.public(node.instance)
    assert len(site.stops(mark)) == 1 and len(site.starts(mark)) == 1, "nothing twice"


# --- called off ---

STEPS = ["launch", "await_instance", "allocate_address", "associate_address", "create_node", "upload", "await_synced", "maintenance_on"]
STEPS += ["drain", "stop_instance", "maintenance_off"]


@pytest.mark.parametrize("step", STEPS)
def test_called_off_at_any_step(site, life, step):
    """The cancel comes while the step is under way, or just done: whatever was made by then is taken back."""
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy(public_addressing="elastic")
    life.until_step(number, step, "running", "done")
    reply = life.burstd.ask("POST", f"/v1/operations/{number}/cancel")
    if reply.status_code == 409:  # it was faster
        assert life.operation(number)["state"] == "done" and step == "maintenance_off", reply.text
        return
    operation = life.until_state(number, "cancelled")
    assert {s["progress"] for s in operation["steps"]} <= {"undone", "waiting", "skipped"}
    life.nothing_left()
    site.looks(6)
    life.nothing_left()


def test_a_given_address_is_not_given_back(site, life):
    """An Elastic IP that somebody else has allocated: it is used, and stays theirs when all is undone."""
    site.serve()
    address = Address("eipalloc-0f60f60f60f60f60f", "203.0.113.7", {"Name": "theirs"})
    site.platform.cloud.addresses[address.allocation] = address
    site.infinity.fail["POST", "worker_vm"].append((403, {"error": "no"}))
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy(public_addressing="elastic", allocation_id=address.allocation)
    life.until_state(number, "halted")
    assert address.instance == life.made()[0][0].id
    life.cancelled(number)
    assert life.made() == ([], [], [address]) and address.instance is None
    assert not site.ledger.since(0, "AllocateAddress", "ReleaseAddress")


def test_an_address_of_another_instance_is_left_alone(site, life):
    site.serve()
    other = site.platform.node("a-1").instance
    address = Address("eipalloc-0f60f60f60f60f60f", "203.0.113.7", {}, other.id, "eipassoc-0f60f60f60f60f60f")
    site.platform.cloud.addresses[address.allocation] = address
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy(public_addressing="elastic", allocation_id=address.allocation)
    operation = life.until_state(number, "halted", "failed")
    assert other.id in operation["error"]["detail"] and address.instance == other.id
    if operation["state"] == "halted":
        life.cancelled(number)
    assert life.made()[:2] == ([], []) and address.instance == other.id


# --- people who act meanwhile ---


def test_somebody_terminates_the_instance_meanwhile(site, life):
    site.platform.boot = 3600
    oslo_has_free(site, 30)
    life.allow()
    number = life.deploy()
    life.until_step(number, "await_synced", "running")
    with site.platform.lock:
        site.platform.terminate(life.node().instance)
    operation = life.until_state(number, "halted")
    assert operation["error"]["remedy"]
    life.cancelled(number)
    life.nothing_left()


def test_somebody_deletes_the_node_meanwhile(site, life):
    oslo_has_free(site, 30)
    life.allow(replication_wait_seconds=600)
    number = life.deploy()
    life.until_step(number, "drain", "running")
    with site.platform.lock:
        del site.platform.nodes[life.node().id]
    operation = life.until_state(number, "halted")
    assert "no longer configured in Infinity" in operation["error"]["detail"], operation["error"]
    life.cancelled(number)
    life.nothing_left()
