"""/v1/samples: load over time, as seen and as means. The world's minute lasts 0.6 s here, its ten minutes 6 s."""

import datetime

import pytest

from harness import problem, until

PHASES = {"unknown", "stopped", "starting", "serving", "draining", "stopping", "failed"}


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def key(sample):
    return moment(sample["time"]), sample["location"]


def pages(burstd, query, limit):
    """All items of a list, page by page."""
    items, cursor = [], ""
    while cursor is not None:
        page = burstd.get(f"/v1/samples?limit={limit}&{query}" + (f"&cursor={cursor}" if cursor else ""))
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next"]
    return items


def test_samples_of_every_location(burstd):
    names = {x["id"]: x for x in burstd.get("/v1/locations")["items"]}

    def look():
        items = burstd.get("/v1/samples?limit=500")["items"]
        return items if {s["location"] for s in items} == set(names) and len(items) >= 4 * len(names) else None
    items = until(look, "four samples of each location")
    keys = [key(s) for s in items]
    assert keys == sorted(keys, reverse=True) and len(set(keys)) == len(keys)
    for sample in items:
        assert sample["samples"] == 1 and sample["threshold_in_force"] >= 1
        assert sample["free_hd_calls_min"] == sample["free_hd_calls"] == sample["free_hd_calls_max"]
        assert sample["nodes"] is None or sample["nodes"].keys() == PHASES
    office = burstd.ids["Office"]
    assert all(s["max_hd_calls"] == 0 and s["media_load"] is None for s in items if s["location"] == office)
    burst = [s["nodes"] for s in items if s["location"] == burstd.ids["AWS burst"] and s["nodes"]]
    assert burst and all(sum(nodes.values()) == 3 for nodes in burst)


def test_means_follow(burstd):
    means = until(lambda: burstd.get(f"/v1/samples?resolution=10m&location={burstd.ids['Oslo']}")["items"], "a mean of ten minutes")
    mean = means[-1]
    assert mean["free_hd_calls_min"] <= mean["free_hd_calls"] <= mean["free_hd_calls_max"] <= mean["max_hd_calls"]
    begin = moment(mean["time"])
    assert begin.timestamp() % 6 == 0
    end = (begin + datetime.timedelta(seconds=6)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    seen = burstd.get(f"/v1/samples?location={mean['location']}&since={mean['time']}&until={end}&limit=500")["items"]
    assert len(seen) == mean["samples"]
    assert min(s["free_hd_calls"] for s in seen) == mean["free_hd_calls_min"]
    assert mean["free_hd_calls"] == pytest.approx(sum(s["free_hd_calls"] for s in seen) / len(seen), abs=0.01)


def test_pages_while_samples_are_added(burstd):
    whole = until(lambda: [s for s in burstd.get("/v1/samples?limit=500")["items"]][8:], "some samples")
    edge = whole[0]["time"]  # what is older stands still, but for the far end
    whole = burstd.get(f"/v1/samples?limit=500&until={edge}")["items"]
    walked = pages(burstd, f"until={edge}", 3)
    assert walked[:len(whole)] == whole
    location = burstd.ids["Oslo"]
    walked = pages(burstd, f"location={location}&until={edge}", 1)
    assert [key(s) for s in walked] == sorted((key(s) for s in walked), reverse=True)
    assert walked[:len(whole)] == [s for s in walked if s["location"] == location][:len(whole)]
    assert {key(s) for s in whole if s["location"] == location} <= {key(s) for s in walked}
    since = whole[-1]["time"]  # the page may have ended among the locations of this time
    walked = pages(burstd, f"since={since}&until={edge}", 500)
    assert walked[:len(whole)] == whole and {s["time"] for s in walked[len(whole):]} <= {since}


def test_etag(burstd):
    edge = until(lambda: burstd.get("/v1/samples")["items"], "a sample")[0]["time"]
    path = f"/v1/samples?until={edge}&limit=5"
    reply = burstd.ask("GET", path)
    assert not reply.headers["ETag"].startswith("W/")
    assert burstd.ask("GET", path, headers={"If-None-Match": reply.headers["ETag"]}).status_code == 304


def test_nothing_heard_nothing_sampled(deaf):
    assert deaf.get("/v1/samples") == {"items": [], "next": None}
    assert deaf.get("/v1/samples?resolution=10m&location=7") == {"items": [], "next": None}


@pytest.mark.parametrize("query", ["resolution=5m", "resolution=", "location=0", "location=Oslo", "since=yesterday", "until=1",
                                   "limit=0", "limit=501", "cursor=aDE", "cursor=czE", "cursor=czEuMA", "cursor=czEuMg0", "kind=x"])
def test_what_is_refused(deaf, query):
    problem(deaf.ask("GET", f"/v1/samples?{query}"), 400, "bad-request")


def test_a_cursor_of_two_numbers(deaf):
    assert deaf.get("/v1/samples?cursor=czEuMg")["items"] == []  # "s1.2"
    problem(deaf.ask("GET", "/v1/history?cursor=aDEuMg"), 400, "bad-request")  # "h1.2"
