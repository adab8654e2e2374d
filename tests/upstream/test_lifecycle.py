"""
The life of a node from nothing to nothing, against an Infinity, an EC2 and new nodes that are not burstd's own: every request is
signed, of a form that AWS's own model knows, and accepted; every step is to be seen; nothing is left behind.
"""

import pytest

from cloud_model import GROUP, KEY_NAME, NODE_IMAGE, SUBNET, VPC
from daemon import until
from life import SSH_PASSWORD
from platform_model import TAG, TAG_NAME
from test_bursting import oslo_has_free, serving

DEPLOYED = ["check", "find_image", "launch", "await_instance", "create_node", "upload", "await_synced", "static_nat"]


def shows_its_steps(life, number, *steps):
    """Each of the steps is done, with its time and its event."""
    operation = life.operation(number)
    shown = {s["step"]: s for s in operation["steps"]}
    told = [e["reason"] for e in life.events(number)]
    for step in steps:
        assert shown[step]["progress"] == "done" and shown[step]["time"] and shown[step]["ended_at"], shown[step]
        assert any(f": {step} done" in reason for reason in told), f"{step} is in no event: {told}"
    assert told[-1].startswith(f"{operation['kind']} done")
    odd = [e for e in life.events(number) if (e["actor"], e["node_name"]) != (operation["actor"], operation["node_name"])]
    assert not odd, "\n".join(map(str, odd))


def test_from_nothing_to_serving_and_back_to_nothing(site, life):
    oslo_has_free(site, 30)
    life.allow()
    overflow_node_is_deployed(site, life)
    it_bursts_and_its_address_is_followed(site, life)
    it_becomes_always_on(site, life)
    it_is_resized_while_it_is_always_on(site, life)
    it_becomes_an_overflow_node_again(site, life)
    it_is_removed(site, life)
    refused = [row["code"] for row in site.ledger.since(0, "refused")]
    assert not refused and not site.ledger.since(0, "unauthorized", "forbidden", "failed"), refused
    assert len(life.launches()) == 1
    assert not site.burstd.open_operations()


def overflow_node_is_deployed(site, life):
    number = life.deploy(tags={"cost-centre": "4711"})
    operation = life.done(number)
    shows_its_steps(life, number, *DEPLOYED, "maintenance_on", "drain", "stop_instance", "maintenance_off")
    (instance,), nodes, addresses = life.made()
    assert nodes == [life.new] and addresses == []
    assert (instance.image, instance.type, instance.tenancy) == (NODE_IMAGE, "c5.2xlarge", "dedicated")
    assert (instance.subnet, instance.groups, instance.key_name) == (SUBNET, [GROUP], KEY_NAME)
    assert instance.tags[TAG_NAME] == TAG and instance.tags["Name"] == life.new and instance.tags["cost-centre"] == "4711"
    assert instance.tags["burstd-operation"] == instance.client_token and instance.state == "stopped"
    sent = site.ledger.since(0, "node")[0]["change"]
    assert (sent["address"], sent["netmask"], sent["gateway"]) == (instance.address, "255.255.240.0", "10.20.16.1")
    assert sent["password"] == SSH_PASSWORD and sent["deployment_type"] == "MANUAL-PROVISION-ONLY"
    node = life.node()
    assert node.database is False and node.maintenance is False and operation["node"] == node.id
    uploads = site.ledger.since(0, "upload")
    assert [row["status"] for row in uploads] == [200]


def it_bursts_and_its_address_is_followed(site, life):
    """An auto-assigned address is another one at each start: the wish keeps static NAT equal to it."""
    before = life.node().static_nat
    assert before and before.startswith("198.51.100.")
    reply = life.on_node("PATCH", body={"static_nat": "follow"})
    assert reply.status_code in (200, 202), reply.text
    mark = site.ledger.mark()
    oslo_has_free(site, 4)
    serving(site, life.new)
    assert site.starts(mark) == [life.new]
    public = site.platform.cloud.public(life.node().instance)
    assert public != before
    until(lambda: life.node().static_nat == public, "static NAT follows")
    followed = until(
        lambda: [o for o in life.burstd.everything("/v1/operations") if o["kind"] == "follow_address" and o["state"] == "done"],
        "the operation that followed it",
    )
    assert followed[0]["actor"] == "wish" and followed[0]["node_name"] == life.new
    shows_its_steps(life, followed[0]["id"], "static_nat")


def it_becomes_always_on(site, life):
    made = life.done(life.accepted(life.ask("POST", "/v1/locations", {"name": "Always on in AWS"})))
    until(lambda: life.burstd.ask("GET", f"/v1/locations/{made['location']}").status_code == 200, "burstd knows the location")
    oslo_has_free(site, 30)
    number = life.accepted(life.on_node("POST", "/convert", {"to": "always_on", "location": made["location"]}))
    life.done(number)
    shows_its_steps(life, number, "check", "untag", "start_instance", "set_location", "distributed_database", "await_synced")
    node = life.node()
    assert node.location == made["location"] and node.database is True and not node.maintenance
    assert TAG_NAME not in node.instance.tags and node.instance.tags["burstd-operation"]
    assert node.instance.up() and site.platform.synced(node)
    until(lambda: life.new not in life.burstd.nodes(), "it is no bursting node any more")
    site.looks(8)
    assert node.instance.up(), "nobody stops an always-on node"


def it_is_resized_while_it_is_always_on(site, life):
    node = life.node()
    before = site.platform.cloud.public(node.instance)
    number = life.accepted(life.on_node("POST", "/resize", {"instance_type": "c5.4xlarge"}))
    life.done(number)
    steps = ("maintenance_on", "drain", "stop_instance", "set_type", "start_instance", "static_nat", "await_synced", "maintenance_off")
    shows_its_steps(life, number, "check", *steps)
    assert node.instance.type == "c5.4xlarge" and node.instance.up() and not node.maintenance
    public = site.platform.cloud.public(node.instance)
    assert public != before and node.static_nat == public
    deeds = [row for row in site.ledger.since(0, "patch", "StopInstances", "modify", "StartInstances")][-5:]
    assert [d["what"] for d in deeds] == ["patch", "StopInstances", "modify", "StartInstances", "patch"]


def it_becomes_an_overflow_node_again(site, life):
    number = life.accepted(life.on_node("POST", "/convert", {"to": "overflow", "location": life.location("Burst A")}))
    life.done(number)
    shows_its_steps(life, number, "check", "maintenance_on", "drain", "tag", "stop_instance", "set_location", "distributed_database")
    node = life.node()
    assert node.instance.tags[TAG_NAME] == TAG and node.instance.state == "stopped"
    assert node.database is False and node.location == life.location("Burst A") and not node.maintenance
    until(lambda: life.burstd.phase(life.new) == "stopped", "it is a bursting node again")


def it_is_removed(site, life):
    number = life.accepted(life.on_node("DELETE"))
    instance = life.node().instance
    life.done(number)
    shows_its_steps(life, number, "check", "delete_node", "terminate")
    order = [(row["what"], row.get("method")) for row in site.ledger.since(0, "node", "TerminateInstances")][-2:]
    assert order == [("node", "DELETE"), ("TerminateInstances", None)], "Infinity first"
    until(lambda: instance.state == "terminated", "the instance is terminated")
    life.nothing_left()
    until(lambda: life.new not in {n["name"] for n in life.burstd.everything("/v1/nodes")}, "burstd has forgotten it")


# --- other operations ---


def test_an_always_on_node_is_given_an_address_stopped_and_reinstated(site, life):
    """The guide's other chapters on one node: a persistent address instead of an auto-assigned one, a stop, a restart, a removal."""
    life.allow()
    life.done(life.deploy(bursting=False))
    node = life.node()
    assert node.instance.up() and node.database is True and TAG_NAME not in node.instance.tags
    number = life.accepted(life.on_node("POST", "/assign-address"))
    life.done(number)
    shows_its_steps(life, number, "check", "allocate_address", "maintenance_on", "drain", "associate_address", "static_nat", "maintenance_off")
    (address,) = site.platform.cloud.addresses.values()
    assert address.instance == node.instance.id and node.static_nat == address.public
    number = life.accepted(life.on_node("POST", "/stop"))
    life.done(number)
    shows_its_steps(life, number, "check", "maintenance_on", "drain", "stop_instance")
    assert node.instance.state == "stopped" and node.maintenance
    number = life.accepted(life.on_node("POST", "/reinstate"))
    life.done(number)
    shows_its_steps(life, number, "check", "start_instance", "await_synced", "maintenance_off")
    assert node.instance.up() and not node.maintenance and node.static_nat == address.public, "an Elastic IP stays"
    number = life.accepted(life.on_node("DELETE", query="?release_address=true"))
    life.done(number)
    shows_its_steps(life, number, "check", "maintenance_on", "drain", "delete_node", "terminate", "release_address")
    life.nothing_left()
    assert not site.ledger.since(0, "refused")


def test_ena_is_enabled_before_a_new_family(site, life):
    """A c4 without ENA: the resize to c5 says what is missing; then ENA, then the resize."""
    site.serve()
    instance = site.platform.node("a-1").instance
    instance.type, instance.ena = "c4.2xlarge", False
    oslo_has_free(site, 30)
    life.allow()
    refused = life.until_state(life.accepted(life.on_node("POST", "/resize", {"instance_type": "c5.2xlarge"}, name="a-1")), "failed")
    assert "ENA" in refused["error"]["detail"] and "enable-ena" in refused["error"]["detail"]
    assert not site.ledger.since(0, "modify", "StopInstances")
    for what, body in (("/enable-ena", None), ("/resize", {"instance_type": "c5.2xlarge"})):
        life.done(life.accepted(life.on_node("POST", what, body, name="a-1")))
    assert instance.ena is True and instance.type == "c5.2xlarge" and instance.state == "stopped", "it was not running before"
    assert not site.ledger.since(0, "StartInstances")


def test_a_security_group_is_made_and_completed(site, life):
    life.allow()
    body = {"vpc": VPC, "group_name": "pexip nodes", "management_cidr": "192.0.2.0/24"}
    operation = life.done(life.accepted(life.ask("POST", "/v1/aws/security-group", body)))
    made = site.platform.cloud.groups[operation["values"]["made_group"]]
    assert made.name == "pexip nodes" and made.tags["burstd-operation"]
    rules = {(r["IpProtocol"], r.get("FromPort"), r.get("ToPort")) for r in made.ingress}
    guide = {("tcp", 22, 22), ("tcp", 443, 443), ("tcp", 1720, 1720), ("tcp", 5060, 5060), ("tcp", 5061, 5061), ("tcp", 8443, 8443)}
    guide |= {("tcp", 33000, 49999), ("udp", 40000, 49999), ("udp", 500, 500), ("udp", 1719, 1719), ("icmp", -1, -1)}
    assert guide <= rules, guide - rules
    assert next(r for r in made.ingress if r.get("FromPort") == 500)["UserIdGroupPairs"][0]["GroupId"] == made.id
    again = life.done(life.accepted(life.ask("POST", "/v1/aws/security-group", body)))
    assert again["values"].get("made_group") is None and len(made.ingress) == len(rules), "nothing is added twice"
    assert not site.ledger.since(0, "refused")


def test_an_elastic_address_from_the_first_day(site, life):
    """Given an address, burstd takes that one; without, it allocates one. The upload goes to the public address where asked."""
    life.allow()
    life.done(life.deploy(public_addressing="elastic", upload_to="public", bursting=False))
    node = life.node()
    (address,) = site.platform.cloud.addresses.values()
    assert address.instance == node.instance.id and node.static_nat == address.public
    assert site.ledger.since(0, "door")[-1]["address"] == address.public
    life.done(life.accepted(life.on_node("DELETE")))
    assert life.made()[2] == [address], "kept, as not asked otherwise"


def test_what_an_operation_did_is_seen_at_the_next_look(site, life):
    """Instances without the tag are looked up once a minute, twelve looks here; after an operation at once, so that the next may follow."""
    site.environment["BURSTD_TIME_SCALE"] = "30"
    life.allow(poll_ec2_seconds=5)
    life.done(life.deploy(bursting=False))
    number = life.accepted(life.on_node("POST", "/stop", {"force": True}))
    life.done(number)
    mark = site.ledger.mark()
    until(lambda: life.seen(life.node().id)["instance"]["state"] == "stopped", "it is shown as stopped")
    looks = [row for row in site.ledger.since(mark, "describe") if row["filter"] == "tag:pexip-cloud"]
    assert len(looks) <= 3, f"after {len(looks)} looks"


# --- what other sites are like ---


def unheard_nodes_have_no_status(site):
    site.infinity.shows_unheard = False


def launches_are_seen_late(site):
    site.platform.cloud.lag = 6


def short_pages(site):
    site.infinity.largest_page, site.ec2.reservations_a_page = 7, 1


def the_door_answers_with_an_error_page(site):
    site.bootstrap.first_page = 404


ELSEWHERE = [unheard_nodes_have_no_status, launches_are_seen_late, short_pages, the_door_answers_with_an_error_page]


@pytest.mark.parametrize("elsewhere", ELSEWHERE, ids=lambda f: f.__name__)
def test_a_deployment_elsewhere(site, life, elsewhere):
    site.serve()
    elsewhere(site)
    oslo_has_free(site, 30)
    life.allow()
    life.done(life.deploy())
    assert len(life.launches()) == 1 and life.made()[1] == [life.new]
    oslo_has_free(site, 4)
    serving(site, life.new)


def test_a_node_with_a_certificate_of_its_own(site, life, certificate):
    """The certificate must contain the Configured FQDN: if not, nothing is launched; if so, the node refers to it."""
    site.serve()
    faults = {}
    pem = {"certificate": certificate.path.read_text()}
    site.infinity.objects["tls_certificate"][11] = {"id": 11} | pem | site.infinity.derived("tls_certificate", pem, faults)
    oslo_has_free(site, 30)
    life.allow()
    wrong = life.until_state(life.deploy(tls_certificate=11, configured_fqdn="other.example.net"), "failed")
    assert "other.example.net" in wrong["error"]["detail"] and not life.launches()
    missing = life.until_state(life.deploy(tls_certificate=12, configured_fqdn="mgr.example.net"), "failed")
    assert "12" in missing["error"]["detail"]
    life.done(life.deploy(tls_certificate=11, configured_fqdn="MGR.example.net"))
    sent = site.ledger.since(0, "node")[0]["change"]
    assert sent["tls_certificate"].endswith("/tls_certificate/11/") and sent["alternative_fqdn"] == "MGR.example.net"


def test_distributed_databases_are_changed_one_after_the_other(site, life):
    """Guide: one node at a time, a few minutes between two; 5 minutes are 2.5 s here."""
    made = site.platform.add_location("Always on in AWS").id
    oslo_has_free(site, 30)
    life.allow()
    numbers = [life.accepted(life.on_node("POST", "/convert", {"to": "always_on", "location": made}, name=name)) for name in ("a-1", "a-2", "a-3")]
    for number in numbers:
        life.done(number)
    times = [row["time"] for row in site.ledger.since(0, "node") if "enable_distributed_database" in row["change"]]
    assert len(times) == 3 and all(later - earlier >= 2.4 for earlier, later in zip(times, times[1:])), times
    for name in ("a-1", "a-2", "a-3"):
        node = site.platform.node(name)
        assert node.instance.up() and node.database and node.location == made and TAG_NAME not in node.instance.tags


def test_bursting_goes_on_while_a_new_node_does_not_answer(site, life):
    """A port 8443 that takes the connection and says nothing holds up the deployment alone."""
    oslo_has_free(site, 30)
    life.allow()
    asked = []

    def silent(*request):
        asked.append(request)
        site.bootstrap.released.wait(60)

    site.bootstrap.answer = silent
    number = life.deploy()
    until(lambda: asked, lambda: f"the door is knocked at: {life.tell(number)}")
    oslo_has_free(site, 4)
    serving(site, "a-1")
    assert life.operation(number)["state"] == "working"
    del site.bootstrap.answer
    site.bootstrap.released.set()
    life.done(number)


def test_two_deployments_at_once(site, life):
    oslo_has_free(site, 30)
    life.allow()
    names = ("a-0-new", "a-0-other")
    numbers = [life.deploy(name=name, hostname=name) for name in names]
    for number in numbers:
        life.done(number)
    instances, nodes, _ = life.made()
    assert sorted(nodes) == sorted(names) and len(life.launches()) == len(instances) == 2
    for name in names:
        node = life.node(name)
        assert site.platform.applied[node.instance.id][0] == node.secret, "each has its own document"
