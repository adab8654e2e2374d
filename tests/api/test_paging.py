"""
Every list, page by page, while rows come and go all the time: whatever was there from the first page to the last is given
exactly once, nothing is given twice, and the order never breaks.
"""

import itertools
import json
import pathlib
import random
import sqlite3
import threading

import pytest

from conftest import SCALE
from harness import PATIENCE, Burstd, World, until, upstreams

LASTING = 120  # rows that stay; their ids leave room for others in between
STEP = 10
BASE = 1_000_000  # away from ids that burstd gives by itself
TOKEN = "printf('%064d', ?1)"
INTENT = ("INSERT INTO intent (id, token, kind, state, node, node_name, location, instance, region, actor, rule, reason, figures, "
          "force, via_infinity, maintenance, attempts, created_at, entered_at, next_at, maintenance_at, closed_at, error) VALUES "
          "(?1, printf('%036d', ?1), 'start', 'done', 7, 'n', 4, 'i-1', 'r', 'alice', 'S7', 'why', '', 0, 0, 0, 1, 9, 9, 0, 0, 9, '')")
FIGURES = dict.fromkeys(("free_hd_calls", "pending_hd_calls", "threshold", "serving", "starting", "draining", "candidates",
                         "age_seconds", "minimum_lifetime_seconds", "principal_location", "principal_free_hd_calls",
                         "principal_threshold", "up_seconds"))
DECISION = json.dumps({"action": "start", "rule": "S2", "reason_code": "principal_short", "reason": "why", "location": 4,
                       "location_name": "AWS burst", "node": 7, "node_name": "n", "figures": {
                           k: v if k.startswith(("principal", "up")) else 1 for k, v in FIGURES.items()}})
# list -> (path, how a row with the id ?1 is made, how it goes, whether the newest comes first)
TABLES = {
    "history": ("/v1/history", "INSERT INTO event (id, time, clock, type, node, node_name, location, actor, reason, rule, operation) "
                "VALUES (?1, 9, 2000000000000, 'start', 7, 'n', 4, 'alice', 'why', 'S7', 0)", "DELETE FROM event WHERE id = ?1", True),
    "history of a location and type": ("/v1/history?location=4&type=start", None, None, True),
    "decisions of a location": ("/v1/decisions?location=4", None, None, True),
    "decisions": ("/v1/decisions", "INSERT INTO decision (id, time, location, node, action, rule, json) VALUES "
                  f"(?1, 9, 4, 7, 'start', 'S2', '{DECISION}')",
                  "DELETE FROM decision WHERE id = ?1", True),
    "operations": ("/v1/operations", INTENT, "DELETE FROM intent WHERE id = ?1", True),
    "operations of a node": ("/v1/operations?node=7", None, None, True),
    "holds": ("/v1/holds?ended=true", "INSERT INTO hold (id, location, count, until, reason, owner, created_at, end_told) VALUES "
              "(?1, 4, 1, 9, 'why', 'alice', 9, 1)", "DELETE FROM hold WHERE id = ?1", True),
    "tokens": ("/v1/tokens?revoked=true", f"INSERT INTO token (id, name, role, hash, created_at, revoked_at) VALUES "
               f"(?1, 't' || ?1, 'viewer', {TOKEN}, 9, 9)", "DELETE FROM token WHERE id = ?1", False),
    "samples": ("/v1/samples", "INSERT INTO sample (time, location, free_hd, max_hd, threshold) VALUES (?1 / 4, 1 + ?1 % 4, 1, 2, 5)",
                "DELETE FROM sample WHERE time = ?1 / 4 AND location = 1 + ?1 % 4", True),
    "samples of a location": ("/v1/samples?location=3", None, None, True),
}


class Traffic:
    """Adds and removes rows of one table until it is told to end."""

    def __init__(self, path, add, remove):
        self.path, self.add, self.remove = path, add, remove
        self.rounds = 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        dice = random.Random(self.add)
        passing = []
        db = sqlite3.connect(self.path, timeout=PATIENCE)
        while not self.ending.is_set():
            with db:
                for i in passing:
                    db.execute(self.remove, (i,))
                # between, before and behind those that stay; none of them twice
                passing = {BASE + i for i in dice.sample(range(-50, LASTING * STEP + 50), 40) if i % STEP}
                for i in passing:
                    db.execute(self.add, (i,))
            self.rounds += 1
        with db:
            for i in passing:
                db.execute(self.remove, (i,))
        db.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(PATIENCE)


@pytest.fixture(scope="module")
def quiet(contract):
    """burstd of its own, that hears nobody, with rows that stay in every table."""
    burstd = Burstd(contract, upstreams("http://127.0.0.1:9", "http://127.0.0.1:9"))
    burstd.database = pathlib.Path(burstd.directory.name, "burstd.db")
    with sqlite3.connect(burstd.database, timeout=PATIENCE) as db:
        for _, add, _, _ in TABLES.values():
            for i in range(LASTING if add else 0):
                db.execute(add, (BASE + i * STEP,))
    db.close()
    yield burstd
    burstd.close()


def number(item):
    """The id, or that of which a sample's key was made."""
    return item["id"] if "id" in item else (item["time"], item["location"])


def walk(burstd, path, limit, between):
    cursor = ""
    while cursor is not None:
        page = burstd.get(path + ("&" if "?" in path else "?") + f"limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        yield from (number(i) for i in page["items"])
        cursor = page["next"]
        between()


def assert_stable(seen, lasting, newest_first):
    assert len(set(seen)) == len(seen), "a row was given twice"
    assert seen == sorted(seen, reverse=newest_first), "the order breaks"
    assert set(lasting) <= set(seen), f"left out: {sorted(set(lasting) - set(seen))[:5]}"


@pytest.mark.parametrize("name", TABLES)
def test_rows_that_stay_are_given_once(quiet, name):
    path, add, remove, newest_first = TABLES[name]
    family = name.split(" of ")[0]
    lasting = list(walk(quiet, path, 500, lambda: None))
    assert len(lasting) >= LASTING / 4  # of a location there are some
    with Traffic(quiet.database, *TABLES[family][1:3]) as traffic:
        def change():  # at least one whole round of coming and going between two pages
            before = traffic.rounds
            until(lambda: traffic.rounds > before or not traffic.thread.is_alive(), "rows come and go")
        for limit in (7, 31):
            seen = list(walk(quiet, path, limit, change))
            assert_stable(seen, lasting, newest_first)
            assert len(seen) > len(lasting), "nothing came meanwhile"
        assert traffic.thread.is_alive()


@pytest.mark.parametrize("path", ["/v1/nodes", "/v1/nodes?bursting=true", "/v1/locations"])
def test_nodes_and_locations_that_come(contract, path):
    """Infinity's model is the list; it grows between two pages."""
    world = World(SCALE)
    burstd = None
    try:
        world("traffic", on=False)
        world("add_location", name="AWS burst")
        for i in range(12):
            world("add_location", name=f"Place {i}", overflow1="AWS burst")
            world("add_node", name=f"burst-{i}", location="AWS burst", bursting=True, region="eu-west-1")
            world("add_node", name=f"always-{i}", location=f"Place {i}", running=True)
        burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
        until(lambda: len(burstd.get("/v1/nodes?bursting=true&limit=500")["items"]) == 12, "all nodes are seen")
        lasting = list(walk(burstd, path, 500, lambda: None))
        names = itertools.count(100)

        def grow():
            i = next(names)
            world("add_location", name=f"Place {i}", overflow1="AWS burst")
            world("add_node", name=f"burst-{i}", location="AWS burst", bursting=True, region="eu-west-1")
            until(lambda: any(n["name"] == f"burst-{i}" for n in burstd.get("/v1/nodes?bursting=true&limit=500")["items"]), "it is seen")
        limit = len(lasting) // 3  # what comes keeps the walk going, but slower than it goes
        assert_stable(list(walk(burstd, path, limit, grow)), lasting, False)
    finally:
        if burstd:
            burstd.close()
        world.stop()
