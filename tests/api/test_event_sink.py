"""POST /event-sink as Infinity's Conferencing Nodes use it: Basic, single and bulk, again and again, and what follows."""

import base64
import datetime
import time

import pytest
import requests

from harness import PASSWORD, Burstd, World, problem, until, upstreams
from test_metrics import metrics, one

POLL_SECONDS = 60


def basic(token, user="pexip"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def event(seq, kind, node="172.31.4.83", when=1762246904.25, **data):
    return {"node": node, "seq": seq, "version": 2, "time": when + seq, "event": kind, "data": data}


def bulk(*events):
    return {"node": "127.0.0.1", "seq": 0, "event": "eventsink_bulk", "data": list(events)}


def post(burstd, body, token):
    reply = burstd.ask("POST", "/event-sink", token=None, headers=basic(token), body=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.fixture(scope="module")
def sink_token(deaf):
    return deaf.create_token("event-sink", "viewer")


def test_events_of_one_node(deaf, sink_token):
    new = {"accepted": 1, "duplicate": 0, "ignored": 0}
    before = metrics(deaf)
    assert post(deaf, event(1, "eventsink_started"), sink_token) == new
    joined = event(2, "participant_connected", uuid="0f6f2f0e-7a0a-4b61-8e0d-7a4f2b9d1c52", conference="Board \x00",
                   has_media=True, media_node="172.31.4.83", proxy_node=None, related_uuids=[], connect_time=1762246904.12)
    assert post(deaf, joined, sink_token) == new
    assert post(deaf, joined, sink_token) == {"accepted": 0, "duplicate": 1, "ignored": 0}
    later = bulk(joined, event(3, "participant_media_stream_window", streams=[{"rx": {"codecs": [{"a": [[1]]}]}}]),
                 event(4, "of_a_later_version", of={"any": ["shape", None, 1.5]}), event(5, "conference_ended", name="Board"))
    assert post(deaf, later, sink_token) == {"accepted": 1, "duplicate": 1, "ignored": 2}
    # the publisher starts again, and its numbers with it
    again = bulk(event(1, "eventsink_started", when=1762250000), event(2, "participant_connected", when=1762250000))
    assert post(deaf, again, sink_token) == {"accepted": 2, "duplicate": 0, "ignored": 0}
    after = metrics(deaf)
    name = "burstd_event_sink_events_total"
    for result, more in (("accepted", 5), ("duplicate", 2), ("ignored", 2)):
        assert one(after, name, result=result) - one(before, name, result=result) == more


def test_who_may_send(deaf, sink_token):
    body = event(1, "conference_started", node="172.31.4.99")
    refused = deaf.ask("POST", "/event-sink", token=None, body=body)
    problem(refused, 401, "unauthorized")
    assert refused.headers["WWW-Authenticate"].startswith('Basic realm="burstd"')
    # from an address of its own: what other tests guessed must not slow these, nor these the others
    away = {"token": None, "source": "127.0.7.7"}
    problem(deaf.ask("POST", "/event-sink", headers=basic("wrong"), body=body, **away), 401, "unauthorized")
    assert deaf.ask("POST", "/event-sink", token=sink_token, body=body).json()["accepted"] == 1
    # Basic belongs to this path, not to the token
    problem(deaf.ask("GET", "/v1/status", headers=basic(sink_token), **away), 401, "unauthorized")
    problem(deaf.ask("GET", "/metrics", headers=basic(sink_token), **away), 401, "unauthorized")


def test_malformed(deaf, sink_token):
    for body, pointer in (({"event": "conference_started", "node": "n"}, "/seq"), ({"seq": 1, "node": "n"}, "/event"),
                          (bulk(event(1, "conference_started"), {**event(2, "conference_ended"), "seq": 2.5}), "/data/1/seq"),
                          ({"event": "eventsink_bulk", "data": "none"}, "/data")):
        problem(deaf.ask("POST", "/event-sink", token=sink_token, body=body), 400, "bad-request", pointer)
    problem(deaf.ask("POST", "/event-sink", token=sink_token, data="{" + 5 * 1024 * 1024 * " " + "}"), 413, "too-large")
    problem(deaf.ask("POST", "/event-sink", token=sink_token, data="a=1",
                     headers={"Content-Type": "application/x-www-form-urlencoded"}), 415, "unsupported-media-type")
    problem(deaf.ask("GET", "/event-sink", token=sink_token), 405, "method-not-allowed")


def test_a_large_bulk(deaf, sink_token):
    events = [event(seq, "participant_connected", node="172.31.5.1", display_name="x" * 700) for seq in range(1, 4001)]
    assert post(deaf, bulk(*events), sink_token)["accepted"] == 4000
    assert post(deaf, bulk(*events[-1000:]), sink_token)["duplicate"] == 1000


# --- what follows: in real time, with the longest poll there is ---


@pytest.fixture(scope="module")
def slow(contract):
    """burstd in real time that polls once a minute, on a world whose nodes report ten times a second."""
    world = World(100)
    world("traffic", on=False)
    world("add_location", name="AWS north")
    world("add_location", name="Bergen", overflow1="AWS north")
    world("add_node", name="bergen-1", location="Bergen", running=True)
    world("add_node", name="north-1", location="AWS north", bursting=True, region="eu-west-1")
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2))
    burstd.world = world
    until(lambda: burstd.get("/v1/status")["overflow_nodes"], "the platform is seen")
    # each change causes a look; the second one comes when no poll can be under way any more
    for settings in ({"poll_infinity_seconds": POLL_SECONDS}, {"enabled": True, "mode": "control"}):
        patched = datetime.datetime.now(datetime.timezone.utc)
        assert burstd.ask("PATCH", "/v1/bursting", body=settings).status_code == 200
        until(lambda: heard(burstd) > patched, "the look that the change caused")  # pylint: disable=cell-var-from-loop
    burstd.sink_token = burstd.create_token("event-sink", "viewer")
    yield burstd
    burstd.close()
    world.stop()


def heard(burstd):
    """When the last good read of Infinity began."""
    source = next(s for s in burstd.get("/v1/status")["sources"] if s["name"] == "infinity")
    return datetime.datetime.fromisoformat(source["observed_at"].replace("Z", "+00:00"))


def reported_load(world):
    """What Infinity itself shows of bergen-1 by now."""
    nodes = requests.get(world.infinity + "/api/admin/status/v1/worker_vm/", auth=("admin", PASSWORD), timeout=60).json()
    return next(n["media_load"] for n in nodes["objects"] if n["name"] == "bergen-1")


def test_from_event_to_start_without_waiting_for_the_poll(slow):
    read_at = heard(slow)
    slow.world("calls", location="Bergen", count=14)
    until(lambda: reported_load(slow.world) > 50, "Infinity shows that Bergen is nearly full")
    assert heard(slow) == read_at and slow.world.node("north-1")["state"] == "stopped"  # burstd does not know
    post(slow, event(1, "participant_connected", conference="Board"), slow.sink_token)
    until(lambda: slow.world.node("north-1")["state"] != "stopped", "StartInstances arrived")
    start = until(lambda: slow.get("/v1/history?type=start")["items"], "history tells it")[0]
    assert (start["actor"], start["node_name"], start["rule"]) == ("controller", "north-1", "S2")
    # no poll could have told it: the next one was due later than that
    started_at = datetime.datetime.fromisoformat(start["time"].replace("Z", "+00:00"))
    assert started_at - read_at < datetime.timedelta(seconds=0.9 * POLL_SECONDS)


def test_figures_that_come_late_are_looked_for(slow):
    """Nodes report at intervals: the look that an event causes may be too early, so it is not the last one for a minute."""
    before = heard(slow)
    post(slow, event(2, "conference_ended", name="Board"), slow.sink_token)
    first = until(lambda: (at := heard(slow)) > before and at, "a look at once")
    second = until(lambda: (at := heard(slow)) > first and at, "another one")
    assert second - first < datetime.timedelta(seconds=0.9 * POLL_SECONDS)


def test_a_storm_of_events_asks_infinity_moderately(slow):
    """At most 240 requests a minute, however many events come, and however fast the looks are."""
    requests_sent = lambda: slow.world.metrics()["infinity_requests"]  # noqa: E731
    before, begun, read_at = requests_sent(), time.monotonic(), heard(slow)
    for seq in range(1000, 31000, 100):
        post(slow, bulk(*(event(seq + i, "participant_updated") for i in range(100))), slow.sink_token)
    until(lambda: heard(slow) > read_at, "it was looked at all the same")
    elapsed = time.monotonic() - begun
    # two looks may be under way or due at the ends of the interval
    assert requests_sent() - before <= elapsed * 240 / 60 + 2 * 15
