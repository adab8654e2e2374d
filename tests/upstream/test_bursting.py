"""The main job against upstream servers that are not burstd's own: starting, messages, draining, stopping, history."""

import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from daemon import until
from upstream_site import PASSWORD


def oslo_has_free(site, hd):
    site.platform.set_free("oslo-1", min(hd, 17))
    site.platform.set_free("oslo-2", max(hd - 17, 0))


def serving(site, *names):
    """Waits until exactly these nodes serve."""

    def good():
        nodes = site.burstd.nodes()
        return {name for name, node in nodes.items() if node["phase"] == "serving" and node["eligible"]} == set(names)

    until(good, lambda: f"{names} serve: { {n: x['phase'] for n, x in site.burstd.nodes().items()} }")


def events(site, node=None):
    """(type, node name) of every event about nodes, oldest first."""
    history = [e for e in site.burstd.history() if e["node"]]
    return [e["type"] for e in history if e["node_name"] == node] if node else [(e["type"], e["node_name"]) for e in history]


# --- starting ---


def test_a_short_principal_gets_a_node_within_one_poll_interval(site):
    site.environment["BURSTD_TIME_SCALE"] = "30"  # a poll takes a whole second: slow machines count reads as fast ones do
    oslo_has_free(site, 6)
    burstd = site.control()
    site.looks(2)
    assert not site.starts()
    mark = site.ledger.mark()
    oslo_has_free(site, 5)  # RULE S1: equality counts
    until(lambda: site.starts(mark), "StartInstances")
    rows = site.ledger.since(mark)
    started = next(i for i, row in enumerate(rows) if row["what"] == "StartInstances")
    assert [row["what"] for row in rows[:started]].count("read") <= 1, "the read that showed it, and no other"
    assert site.starts(mark) == ["a-1"]
    event = until(lambda: [e for e in burstd.history() if e["type"] == "start"], "the start's event")[0]
    assert event["rule"] == "S2" and event["node_name"] == "a-1" and event["actor"] == "controller"
    assert "Oslo has 5 free HD calls, its threshold is 5" in event["reason"]


def test_one_node_starts_while_a_boot_takes_ten_minutes(site):
    site.platform.boot = 4  # of 5 s: the start timeout, scaled
    oslo_has_free(site, 0)
    site.control()
    until(lambda: site.starts(), "StartInstances")
    site.looks(10)
    assert site.starts() == ["a-1"]
    assert site.burstd.phase("a-1") == "starting"


def test_the_overflow_location_reaching_the_threshold_gets_the_next_node(site):
    oslo_has_free(site, 3)
    site.control()
    serving(site, "a-1")
    site.platform.set_free("a-1", 6)
    site.looks(4)
    assert site.starts() == ["a-1"]
    site.platform.set_free("a-1", 5)
    until(lambda: len(site.starts()) == 2, "the second StartInstances")
    serving(site, "a-1", "a-2")
    assert site.starts() == ["a-1", "a-2"]
    start = [e for e in site.burstd.history() if e["type"] == "start"][-1]
    assert start["rule"] == "S3" and "Burst A has 5 free HD calls" in start["reason"]


def test_a_threshold_of_a_whole_node_starts_no_node_too_many(site):
    oslo_has_free(site, 17)
    site.control(bursting_threshold=17)
    serving(site, "a-1", "a-2")  # one node of 17 is at the threshold of 17; two are above it
    site.looks(8)
    assert site.starts() == ["a-1", "a-2"]


def test_messages_of_a_principal(site):
    oslo_has_free(site, 8)
    site.start()
    site.burstd.set_bursting(bursting_threshold=5, poll_infinity_seconds=30, poll_ec2_seconds=30)
    for free, state in ((8, "ok"), (7, "approaching_threshold"), (6, "approaching_threshold"), (5, "threshold_reached"), (0, "threshold_reached")):
        oslo_has_free(site, free)
        until(lambda: (site.burstd.location("Oslo") or {}).get("free_hd_calls") == free, f"{free} free HD calls are shown")
        location = site.burstd.location("Oslo")
        assert location["state"] == state and location["kind"] == "principal"
    status = site.burstd.status()
    assert [location["name"] for location in status["principal_locations"]] == ["Oslo"]  # RULE V2
    assert {location["name"] for location in status["overflow_locations"]} == {"Burst A", "Burst B"}
    assert not site.starts()  # bursting is off


def test_a_secondary_overflow_location_never_starts(site):
    oslo_has_free(site, 0)
    site.control()
    names = ("a-1", "a-2", "a-3")
    for n in range(3):
        until(lambda: len(site.starts()) == n + 1, f"start {n + 1}")
        serving(site, *names[: n + 1])
        site.platform.set_free(names[n], 0)
    site.looks(6)
    assert site.starts() == list(names)
    assert site.burstd.phase("b-1") == "stopped"
    assert site.burstd.location("Burst B")["only_secondary"] is True


# --- stopping ---


def test_an_idle_node_is_drained_stopped_and_taken_out_of_maintenance(site):
    oslo_has_free(site, 2)
    site.control()
    serving(site, "a-1")
    started = site.ledger.since(0, "StartInstances")[0]["time"]
    oslo_has_free(site, 30)
    until(lambda: site.burstd.phase("a-1") == "stopped" and not site.burstd.open_operations(), "a-1 stopped and done")

    deeds = site.ledger.since(0, "patch", "StartInstances", "StopInstances")
    assert [(d["what"], d.get("on")) for d in deeds] == [
        ("StartInstances", None),
        ("patch", True),
        ("StopInstances", None),
        ("patch", False),
    ]
    assert deeds[1]["time"] - started >= 2.4, "the minimum lifetime, 5 min at this scale, less EC2's whole seconds"
    assert deeds[2]["time"] - deeds[1]["time"] >= 0.25, "the replication wait"
    assert deeds[2]["maintenance"] is True
    assert "burstd" in deeds[1]["reason"] and len(deeds[1]["reason"]) > len("burstd")
    node = site.platform.node("a-1")
    assert not node.maintenance and node.reason == ""

    history = [e for e in site.burstd.history() if e["node"]]
    assert [e["type"] for e in history] == ["start", "running", "drain", "stop", "stopped"]
    assert all(e["reason"] and e["rule"] and e["actor"] == "controller" and e["node_name"] == "a-1" for e in history)
    assert [e["id"] for e in history] == sorted({e["id"] for e in history})


def test_a_busy_node_is_never_stopped(site):
    oslo_has_free(site, 2)
    site.control()
    serving(site, "a-1")
    site.platform.place_conference("a-1")
    oslo_has_free(site, 30)
    until(lambda: time.time() - site.platform.node("a-1").instance.launched > 4, "the minimum lifetime is over")
    mark = site.looks(8)
    assert site.platform.node("a-1").instance.state == "running" and not site.ledger.since(0, "patch")
    site.platform.end_conferences("a-1")
    until(lambda: site.stops(mark) == ["a-1"], "the node stops when its last call has ended")


def test_a_conference_between_drain_and_stop_prevents_the_stop(site):
    """The conference is placed by the very PATCH that drains the node, before any node knows of it."""
    oslo_has_free(site, 2)
    site.control()
    serving(site, "a-1")
    placed = []

    def place(name):
        if site.platform.node(name).maintenance and not placed:
            placed.append(name)
            site.platform.place_conference(name)

    site.infinity.after_patch = place
    oslo_has_free(site, 30)
    until(lambda: placed, "the drain")
    site.looks(12)
    assert not site.stops()
    node = site.burstd.nodes()["a-1"]
    assert node["phase"] == "draining" and node["held_by"]["conferences"] == 1
    assert site.burstd.issues()["drain_held"]["subject"] == "node a-1"
    site.platform.end_conferences("a-1")
    until(lambda: site.stops() == ["a-1"], "the stop, once the conference has ended")
    until(lambda: not site.platform.node("a-1").maintenance, "out of maintenance mode")


def test_a_conference_in_the_last_moment_prevents_the_stop(site):
    """
    Idle for as long as the rules ask; the conference comes with the last look, right before StopInstances. That look is told by its
    connection: the poll keeps its own alive.
    """
    oslo_has_free(site, 2)
    site.control()
    serving(site, "a-1")
    polls, looks = set(), []
    answer = site.infinity.rows_shard

    def shards():
        node = site.platform.node("a-1")
        if not node.maintenance:
            polls.add(site.infinity.peer())
        elif site.infinity.peer() not in polls and not looks:
            looks.append(site.infinity.peer())
            site.platform.place_conference("a-1")
        return answer()

    site.infinity.rows_shard = shards
    site.looks(2)
    oslo_has_free(site, 30)
    until(lambda: looks, "the last look")
    site.looks(6)
    assert not site.stops() and site.burstd.phase("a-1") == "draining"
    site.platform.end_conferences("a-1")
    until(lambda: site.stops() == ["a-1"], "the stop, once the conference has ended")


def test_demand_that_returns_takes_the_node_back(site):
    oslo_has_free(site, 2)
    site.control(replication_wait_seconds=120)
    serving(site, "a-1")
    oslo_has_free(site, 30)
    until(lambda: site.platform.node("a-1").maintenance, "the drain")
    oslo_has_free(site, 2)
    until(lambda: not site.platform.node("a-1").maintenance, "the drain is cancelled")
    until(lambda: events(site, "a-1")[-1] == "cancel", "the cancel's event")
    serving(site, "a-1")
    assert not site.stops() and site.starts() == ["a-1"]


# --- the protocols' many forms ---


def test_short_pages_of_both_systems(site):
    """Infinity gives 7 objects a page whatever was asked for, EC2 one reservation."""
    site.serve()
    site.infinity.largest_page = 7
    site.ec2.reservations_a_page = 1
    oslo_has_free(site, 2)
    site.control()
    serving(site, "a-1")
    assert len(site.burstd.everything("/v1/nodes")) == 29


def test_times_in_whole_seconds(site):
    site.serve()
    site.infinity.whole_seconds = True
    oslo_has_free(site, 2)
    site.control()
    serving(site, "a-1")
    oslo_has_free(site, 30)
    until(lambda: site.stops() == ["a-1"], "the idle node stops")


def test_oauth2_is_renewed_before_it_ends_and_after_a_401(site, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_path = tmp_path / "client.pem"
    key_path.write_bytes(pem)
    key_path.chmod(0o600)
    site.serve()
    site.infinity.oauth_clients["client-7"] = key.public_key()
    site.secrets.append(pem.decode().splitlines()[1])
    site.start(
        BURSTD_INFINITY_USER=None,
        BURSTD_INFINITY_PASSWORD=None,
        BURSTD_INFINITY_OAUTH_CLIENT_ID="client-7",
        BURSTD_INFINITY_OAUTH_KEY_FILE=str(key_path),
    )
    site.control()
    mark = site.ledger.mark()
    site.infinity.bearers.clear()
    until(lambda: site.ledger.count(mark, "token") and site.ledger.count(mark, "read") > 3, "a new token, and reads with it")
    assert site.burstd.ready().status_code == 200
    assert PASSWORD not in site.burstd.log()
    site.burstd.secrets += list(site.infinity.bearers)


def test_session_token_is_signed(site):
    site.options["ec2"]["session_token"] = "FwoGZXIvYXdzEXAMPLE/token+with=signs"
    site.secrets.append(site.options["ec2"]["session_token"])
    oslo_has_free(site, 2)
    site.start(AWS_SESSION_TOKEN=site.options["ec2"]["session_token"])
    site.control()
    serving(site, "a-1")


def test_only_reads_patches_and_signed_posts_were_sent(site):
    oslo_has_free(site, 2)
    site.control()
    serving(site, "a-1")
    oslo_has_free(site, 30)
    until(lambda: site.burstd.phase("a-1") == "stopped" and not site.burstd.open_operations(), "a whole cycle")
    assert not site.ledger.since(0, "forbidden", "unauthorized", "refused")
