"""kill -9 at any point of a start or a drain (must never double a start, cut a call, forget an intent or an event)."""

import collections
import re
import threading
import time

from daemon import until
from proxy import POINTS

KILLS = 110
PATIENCE = 0.5  # how long an aimed kill waits for a change to aim at

# What a node's history may tell, by the letters below: whole cycles, each with the drains that were called off and its one stop.
# A drain may be called off before maintenance mode is confirmed, which is when a drain is told.
LETTERS = {"start": "S", "running": "R", "drain": "D", "cancel": "C", "stop": "X", "stopped": "T"}
CYCLES = re.compile(r"(SR(D?C)*DXT)*")


class Killer:
    """Kills burstd in a seeded order of points, counts what was going on, and starts it again on the same state."""

    def __init__(self, site):
        self.site = site
        self.at = collections.Counter()
        self.hit = 0  # kills with an operation open
        self.killed = threading.Event()

    def kill(self):
        self.site.burstd.process.kill()
        self.killed.set()

    def restart(self, point):
        self.at[point] += 1
        self.site.burstd.kill()
        self.site.burstd.start()
        self.hit += bool(self.site.burstd.open_operations())

    def at_random(self):
        time.sleep(self.site.random.uniform(0.02, 0.4))
        self.kill()
        self.restart("any time")

    def aimed(self, face, point):
        """At this point of the next change on this side; at any time when none comes."""
        self.killed.clear()
        self.site.proxies[face].arm(point, self.kill)
        came = self.killed.wait(PATIENCE)
        self.site.proxies[face].disarm()
        if not came and not self.killed.is_set():
            self.kill()
        self.restart(f"{face}: {point}" if came else "any time")


def paired(ledger, history):
    """Per node: the starts and stops that were carried out, and those that the history tells. They must be the same."""
    done, told = collections.defaultdict(list), collections.defaultdict(list)
    for row in ledger:
        if row["deed"] in ("start", "stop") and row["accepted"]:
            done[row["node"]].append(row["deed"])
    for event in history:
        if event["type"] in ("start", "stop"):
            told[event["node"]].append(event["type"])
    return dict(done), dict(told)


def check_history(site):
    history = site.burstd.history()
    numbers = [event["id"] for event in history]
    assert numbers == sorted(set(numbers)), "each event once, in order"
    done, told = paired(site.world.ledger(), history)
    assert done == told, "each start and stop has exactly one event"
    assert {event["actor"] for event in history if event["node"]} == {"controller"}, "nothing is blamed on somebody else"
    for node in {event["node"] for event in history if event["node"]}:
        mine = [event["type"] for event in history if event["node"] == node]
        assert CYCLES.fullmatch("".join(LETTERS.get(kind, f"<{kind}>") for kind in mine)), f"node {node}: {mine}"
    return history


def check_world(site):
    metrics = site.world.look("metrics")
    for name in ("double_starts", "calls_cut", "stops_busy", "stops_unmaintained", "infinity_forbidden", "ec2_unsigned"):
        assert metrics[name] == 0, f"{name}: {metrics}"
    lost = [row for row in site.world.ledger() if row["code"]]
    assert not lost, f"refused or lost: {lost}"
    for node in site.burst_nodes():
        assert not node["maintenance"] and node["state"] == "stopped" and not node["maintenance_reason"], node
    return metrics


def test_kill_at_any_point(site):
    site.start()
    killer = Killer(site)
    for n in range(KILLS):
        if n % 2 == 0:
            site.toss()
        if n % 3 == 0:
            killer.at_random()
        else:
            killer.aimed(site.random.choice(("infinity", "ec2")), site.random.choice(POINTS))
    site.settle()
    metrics = check_world(site)
    history = check_history(site)
    assert not site.burstd.open_operations()
    assert all(operation["closed_at"] for operation in site.burstd.everything("/v1/operations"))
    print(f"\n{sum(killer.at.values())} kills, {killer.hit} with an operation open, {metrics['starts']} starts, {len(history)} events")
    print("\n".join(f"  {count:4} {point}" for point, count in sorted(killer.at.items())))
    assert sum(killer.at.values()) >= 100 and killer.hit >= 60
    assert metrics["starts"] >= 10 and metrics["stops"] == metrics["starts"]
    for face in ("infinity", "ec2"):
        for point in POINTS:
            assert killer.at[f"{face}: {point}"], f"no kill {point} at {face}: the test has missed its aim"


def test_state_survives_a_kill_during_the_first_start(site):
    """Before anything is decided: the token and the settings of the first start stay."""
    site.burstd.start()
    token = site.burstd.token()
    site.burstd.set_bursting(bursting_threshold=9)
    for _ in range(5):
        site.burstd.kill()
        site.burstd.start()
    assert site.burstd.token() == token
    assert site.burstd.get("/v1/bursting")["bursting_threshold"] == 9
    until(lambda: site.burstd.ready().status_code == 200, "ready")
