"""Doubt freezes stopping (RULE D1), and refusals by EC2: against upstream servers that are not burstd's own."""

import time

import pytest

from daemon import until
from fake_ec2 import NO_CAPACITY, NOT_ALLOWED, THROTTLED
from test_bursting import oslo_has_free, serving

NOTHING_STOPPED = 16  # looks at EC2: four times as long as a drain takes from its beginning to StopInstances


def about_to_be_stopped(site):
    """a-1 serves, idle and not needed; its minimum lifetime is nearly over."""
    oslo_has_free(site, 2)
    site.control()
    serving(site, "a-1")
    oslo_has_free(site, 30)


def break_infinity(site, fault):
    if fault == "frozen":
        site.platform.freeze()
    else:
        site.infinity.fault = fault


def mend_infinity(site):
    site.platform.thaw()
    site.infinity.fault = None
    site.infinity.released.set()  # answers that hang


WORDS = {
    "down": ("infinity_unreachable", "closed"),
    "hang": (None, ""),  # not told before the exchange times out, a real 20 s: stale before
    "half": ("infinity_partial", "objects arrived"),
    "html500": ("infinity_unavailable", "HTML"),
    "frozen": ("status_frozen", "status"),
}


@pytest.mark.parametrize("fault", WORDS)
def test_a_broken_infinity_stops_nothing(site, fault):
    about_to_be_stopped(site)
    break_infinity(site, fault)
    issue, words = WORDS[fault]
    until(lambda: site.burstd.source("infinity")["fresh"] is False, "the source is shown as not fresh")
    if issue:
        until(lambda: words in site.burstd.issues().get(issue, {}).get("message", ""), lambda: f"{issue}: {site.burstd.issues()}")
    ready = site.burstd.ready()
    assert ready.status_code == 503 and ready.json()["ready"] is False
    until(lambda: time.time() - site.platform.node("a-1").instance.launched > 3.5, "the minimum lifetime is over")
    mark = site.looks(NOTHING_STOPPED)
    assert not site.stops(), "nothing is stopped"
    assert not site.ledger.since(mark, "patch"), "nothing is drained"
    mend_infinity(site)
    until(lambda: site.stops() == ["a-1"], "the stop, as soon as the figures are good again")
    until(lambda: site.burstd.ready().status_code == 200, "ready again")


def test_a_broken_infinity_during_a_drain_stops_nothing(site):
    about_to_be_stopped(site)
    site.infinity.after_patch = lambda name: break_infinity(site, "html500")
    until(lambda: site.ledger.count(0, "patch"), "the drain")
    site.looks(NOTHING_STOPPED)
    assert not site.stops()
    site.infinity.after_patch = None
    mend_infinity(site)
    until(lambda: site.stops() == ["a-1"], "the stop")
    until(lambda: not site.platform.node("a-1").maintenance, "out of maintenance mode")


def test_a_broken_ec2_stops_nothing(site):
    about_to_be_stopped(site)
    site.ec2.down = True
    until(lambda: not site.burstd.source("ec2:eu-west-1")["fresh"], "the source is shown as not fresh")
    until(lambda: time.time() - site.platform.node("a-1").instance.launched > 3.5, "the minimum lifetime is over")
    mark = site.ledger.mark()
    until(lambda: site.ledger.count(mark, "read") >= NOTHING_STOPPED, "looks at Infinity")
    assert not site.ledger.since(0, "patch")
    site.ec2.down = False
    until(lambda: site.stops() == ["a-1"], "the stop, as soon as EC2 is heard again")


def test_figures_of_a_broken_infinity_start_nothing(site):
    oslo_has_free(site, 30)
    site.control()
    site.infinity.fault = "half"
    oslo_has_free(site, 0)
    site.looks(8)
    assert not site.starts()
    mend_infinity(site)
    until(lambda: site.starts() == ["a-1"], "the start")


# --- EC2 refuses ---


@pytest.mark.parametrize("refusal", [NO_CAPACITY, (400, "Unsupported", "The requested configuration is not supported.")])
def test_lack_of_capacity_takes_the_next_candidate_at_once(site, refusal):
    site.environment["BURSTD_TIME_SCALE"] = "30"  # a poll takes a whole second: no read comes by chance between two starts
    site.serve()
    first = site.platform.node("a-1").instance.id
    site.ec2.refuse[("StartInstances", first)] = refusal
    oslo_has_free(site, 30)
    site.control(refused_rest_minutes=60)
    oslo_has_free(site, 2)  # a read shows it, so that the next one is a whole interval away
    until(lambda: site.starts() == ["a-2"], "the next candidate starts")
    tries = site.ledger.since(0, "StartInstances", "read")
    order = [row["node"] if row["what"] == "StartInstances" else "read" for row in tries]
    at = order.index("a-1")
    assert order.count("a-1") == 1, "the refused node rests"
    assert order[at + 1] == "a-2", f"in the same tick, without another read: {order[at:]}"
    serving(site, "a-2")
    site.looks(3)
    assert site.starts() == ["a-2"] and site.ledger.count(0, "StartInstances") == 2
    fail = [e for e in site.burstd.history() if e["type"] == "fail"]
    assert len(fail) == 1 and fail[0]["node_name"] == "a-1" and refusal[1] in fail[0]["reason"] and fail[0]["rule"] == "S6"
    assert site.burstd.issues()["node_refused"]["subject"] == "node a-1"


def test_no_capacity_anywhere_makes_no_storm(site):
    site.serve()
    site.ec2.refuse[("StartInstances", "any")] = NO_CAPACITY
    oslo_has_free(site, 2)
    site.control(refused_rest_minutes=10)  # 5 s at this scale
    until(lambda: site.ledger.count(0, "refused") >= 3, "all three candidates refused")
    site.looks(12)  # 3 s
    assert site.ledger.count(0, "refused") == 3, "each candidate once, then rest"
    site.ec2.refuse.clear()
    until(lambda: len(site.starts()) == 1, "a start, after the rest")


def test_throttled_starts_are_few_and_succeed_in_the_end(site):
    """RequestLimitExceeded to all: each candidate is asked once (RULE S6), the last one again, more and more slowly."""
    site.serve()
    site.ec2.refuse[("StartInstances", "any")] = THROTTLED
    oslo_has_free(site, 2)
    site.control()
    until(lambda: site.ledger.count(0, "refused") >= 2, "two throttled starts")
    mark = site.looks(10)
    assert site.ledger.count(mark, "refused") <= 60, "no storm: a retry each 42 ms at the very most, at this scale"
    site.ec2.refuse.clear()
    until(lambda: len(site.starts()) == 1, "one start")
    serving(site, site.starts()[0])
    events = [e for e in site.burstd.history() if e["node"]]
    assert [e["type"] for e in events if e["type"] != "fail"] == ["start", "running"]
    assert all("RequestLimitExceeded" in e["reason"] for e in events if e["type"] == "fail")


def test_a_throttled_first_candidate_does_not_hold_up_the_next(site):
    """Throttled for one instance only, for ever: the next candidate starts, long before the start timeout (5 s at this scale)."""
    site.serve()
    site.ec2.refuse[("StartInstances", site.platform.node("a-1").instance.id)] = THROTTLED
    oslo_has_free(site, 2)
    site.control()
    until(lambda: site.starts() == ["a-2"], lambda: f"the next candidate starts; asked for: {site.ledger.since(0, 'StartInstances')}")
    asked = site.ledger.since(0, "StartInstances")
    assert asked[-1]["time"] - asked[0]["time"] < 2 and len(asked) <= 10


def test_throttled_describes_are_few(site):
    site.control()
    site.ec2.refuse_all = THROTTLED
    until(lambda: site.burstd.issues().get("ec2_throttled"), "the issue")
    until(lambda: site.burstd.ready().status_code == 503, "not ready, once the last list is stale")
    assert "RequestLimitExceeded" in site.burstd.ready().text
    mark = site.ledger.mark()
    until(lambda: site.ledger.count(mark, "read") >= 12, "reads of Infinity, one poll interval each")
    assert site.ledger.count(mark, "refused") <= 3 * 14, "three attempts a poll at most"
    site.ec2.refuse_all = None
    until(lambda: site.burstd.ready().status_code == 200, "ready again")


def test_a_start_that_is_not_allowed_tries_the_next_node_and_says_so(site):
    site.serve()
    site.ec2.refuse[("StartInstances", site.platform.node("a-1").instance.id)] = NOT_ALLOWED
    oslo_has_free(site, 2)
    site.control(refused_rest_minutes=60)
    until(lambda: site.starts() == ["a-2"], "the next candidate starts")
    fail = next(e for e in site.burstd.history() if e["type"] == "fail")
    assert "UnauthorizedOperation" in fail["reason"]
    failed = next(o for o in site.burstd.everything("/v1/operations") if o["state"] == "failed")
    assert "UnauthorizedOperation" in failed["error"]["detail"] and failed["error"]["remedy"]
