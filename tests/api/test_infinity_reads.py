"""
The Infinity-compatible side, held against a strict model of Infinity's own answers: every field of the management API's schema
with its type, nothing missing, nothing besides, the envelope of its lists and the form of its times. The model is written from
Infinity's documents and its official clients, not from burstd.
"""

import re

import pytest

from harness import problem, until
from test_event_sink import basic

STATUS = "/api/admin/status/v1/"
EVENTS = "/api/admin/history/v1/workervm_status_event/"
START = "/api/admin/command/v1/platform/start_cloudnode/"


def time(value):
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", value)


def text(value):
    return isinstance(value, str)


def short(value):
    return text(value) and len(value) <= 250


def integer(value):
    return type(value) is int  # pylint: disable=unidiomatic-typecheck; True is no integer here


def address(value):
    return text(value) and re.fullmatch(r"\d+\.\d+\.\d+\.\d+", value)


def nullable(kind):
    return lambda value: value is None or kind(value)


def uri(resource, key):
    return lambda value, row: value == f"{resource}{row[key]}/"


CLOUD_NODE, MONITORED, OVERFLOW = (STATUS + f"{name}/" for name in
                                   ("cloud_node", "cloud_monitored_location", "cloud_overflow_location"))
MODEL = {
    CLOUD_NODE: {
        **{f"{prefix}_instance_{name}": kind for prefix in ("cloud", "aws") for name, kind in
           (("id", text), ("name", text), ("ip", address), ("launch_time", nullable(time)), ("state", text))},
        "max_hd_calls": nullable(integer), "media_load": nullable(integer),
        "workervm_configuration_id": nullable(integer), "workervm_configuration_name": nullable(text),
        "workervm_configuration_location_name": nullable(text), "resource_uri": uri(CLOUD_NODE, "cloud_instance_id")},
    MONITORED: {
        "id": integer, "name": text, "max_hd_calls": nullable(integer), "free_hd_calls": nullable(integer),
        "media_load": nullable(integer), "overflow_location": text, "resource_uri": uri(MONITORED, "id")},
    OVERFLOW: {
        "id": integer, "name": text, "systemlocation_id": integer, "max_hd_calls": nullable(integer),
        "free_hd_calls": nullable(integer), "media_load": nullable(integer), "resource_uri": uri(OVERFLOW, "id")},
    EVENTS: {
        "id": integer, "event_type": text, "state": nullable(text), "context": nullable(short), "details": nullable(short),
        "time_changed": nullable(time), "workervm_address": text, "workervm_configuration_id": nullable(integer),
        "workervm_configuration_name": nullable(text), "workervm_configuration_location_name": nullable(text),
        "resource_uri": uri(EVENTS, "id")},
}


def check_object(resource, row):
    assert row.keys() == MODEL[resource].keys()
    for name, kind in MODEL[resource].items():
        fits = kind(row[name], row) if name == "resource_uri" else kind(row[name])
        assert fits, f"{resource} {name}: {row[name]!r}"


def check_page(resource, page, limit, offset):
    assert page.keys() == {"meta", "objects"}
    meta = page["meta"]
    assert meta.keys() == {"limit", "next", "offset", "previous", "total_count"}
    assert meta["limit"] == limit and meta["offset"] == offset and integer(meta["total_count"])
    for name in ("next", "previous"):
        assert meta[name] is None or meta[name].startswith(resource + "?")  # a path, not an address
    for row in page["objects"]:
        check_object(resource, row)


class Poller:
    """What polls Infinity: Basic, an administrator's name, and addresses as Infinity gives them."""

    def __init__(self, burstd):
        self.burstd = burstd
        self.headers = basic(burstd.create_token("poller", "viewer"), "admin")

    def ask(self, path, **headers):
        return self.burstd.ask("GET", path, token=None, headers={**self.headers, **headers})

    def get(self, path):
        reply = self.ask(path)
        assert reply.status_code == 200 and reply.headers["Content-Type"] == "application/json", reply.text
        return reply.json()

    def walk(self, resource, limit, query=""):
        """All objects by following `next`; and back again by following `previous`."""
        rows, path, offset = [], f"{resource}?{query}limit={limit}", 0
        while path:
            page = self.get(path)
            check_page(resource, page, limit, offset)
            assert len(page["objects"]) == min(limit, max(0, page["meta"]["total_count"] - offset))
            rows, path, offset, last = rows + page["objects"], page["meta"]["next"], offset + limit, path
            assert all(part in (path or query) for part in query.split("&"))
        assert len(rows) == page["meta"]["total_count"]
        back, path = [], last
        while path:
            page = self.get(path)
            back, path = page["objects"] + back, page["meta"]["previous"]
        assert [r["resource_uri"] for r in back] == [r["resource_uri"] for r in rows]
        return rows


@pytest.fixture(scope="module")
def poller(burstd):
    return Poller(burstd)


@pytest.fixture(scope="module")
def operator(burstd):
    return basic(burstd.create_token("starter", "operator"), "admin")


def start(burstd, headers, body, **more):
    return burstd.ask("POST", START, token=None, headers={**headers, **more}, body=body)


def names(rows, field="name"):
    return [row[field] for row in rows]


def test_cloud_nodes(poller, burstd):
    rows = poller.walk(CLOUD_NODE, 2)
    assert names(rows, "workervm_configuration_name") == ["burst-1", "burst-2", "burst-3"]
    for row in rows:
        node = burstd.get(f"/v1/nodes/{row['workervm_configuration_id']}")
        assert row["cloud_instance_id"] == row["aws_instance_id"] == node["instance"]["id"]
        assert row["cloud_instance_ip"] == node["address"]
        assert row["workervm_configuration_location_name"] == "AWS burst"
        if row["cloud_instance_state"] != "running":
            assert row["max_hd_calls"] is None and row["media_load"] is None
    found = poller.walk(CLOUD_NODE, 1, f"cloud_instance_id={rows[1]['cloud_instance_id']}&")
    assert names(found, "workervm_configuration_name") == ["burst-2"]


def test_locations(poller, burstd):
    monitored, overflow = poller.walk(MONITORED, 1), poller.walk(OVERFLOW, 1)
    ids = burstd.ids
    row = next(r for r in monitored if r["name"] == "Oslo")  # RULE V2
    assert "Office" not in names(monitored) and "AWS burst" not in names(monitored)
    assert row["id"] == ids["Oslo"] and row["overflow_location"] == f"{OVERFLOW}{ids['AWS burst']}/"
    place = next(r for r in overflow if r["name"] == "AWS burst")
    assert place["systemlocation_id"] == ids["AWS burst"] and poller.get(row["overflow_location"])["id"] == place["id"]
    ours = burstd.get(f"/v1/locations/{ids['Oslo']}")
    assert (row["max_hd_calls"], row["free_hd_calls"]) == (ours["max_hd_calls"], ours["free_hd_calls"])
    assert names(poller.walk(MONITORED, 5, "name__icontains=oSL&")) == ["Oslo"]
    assert names(poller.walk(OVERFLOW, 5, "order_by=-id&")) == names(overflow)[::-1]


def test_details_are_the_objects_of_the_lists(poller):
    for resource in (CLOUD_NODE, MONITORED, OVERFLOW):
        for row in poller.walk(resource, 20):
            single = poller.get(row["resource_uri"])
            check_object(resource, single)
            assert single["resource_uri"] == row["resource_uri"]


def test_start_cloudnode_and_its_history(poller, operator, burstd, world):
    """RULE S7: from the poller's word to a node that is up, and what the history says of it."""
    node = next(r for r in poller.walk(CLOUD_NODE, 20) if r["workervm_configuration_name"] == "burst-3")
    number = node["workervm_configuration_id"]
    until(lambda: burstd.get(f"/v1/nodes/{number}")["phase"] == "stopped", "the node is stopped")
    body = {"instance_id": node["cloud_instance_id"]}
    assert start(burstd, poller.headers, body).status_code == 403
    reply = start(burstd, operator, body, **{"Idempotency-Key": "once"})
    assert reply.status_code == 202 and reply.json() == {"data": None, "status": "success"}
    assert start(burstd, operator, body, **{"Idempotency-Key": "once"}).json() == reply.json()
    operation = burstd.get(f"/v1/operations?node={number}")["items"][0]
    assert (operation["kind"], operation["actor"], operation["rule"]) == ("start", "starter", "S7")
    until(lambda: burstd.get(f"/v1/nodes/{number}")["phase"] == "serving", "the node serves")
    assert world.node("burst-3")["state"] == "running"
    up = until(lambda: next((r for r in poller.walk(CLOUD_NODE, 1) if r["max_hd_calls"]), None), "its capacity is shown")
    assert up["cloud_instance_state"] == "running" and time(up["cloud_instance_launch_time"])
    refused = start(burstd, operator, body)
    assert refused.status_code == 400 and "already up" in refused.json()["error"]

    stop = burstd.ask("POST", f"/v1/nodes/{number}/stop", body={"force": True}).json()["id"]
    until(lambda: burstd.get(f"/v1/operations/{stop}")["state"] == "done", "it is stopped again")
    rows = poller.walk(EVENTS, 1, f"workervm_configuration_id={number}&")
    assert [(r["event_type"], r["state"]) for r in rows[-3:]] == [("start", "starting"), ("running", "running"),
                                                                 ("stop", "stopping")]
    assert rows[-3]["context"] == "starter" and "start_cloudnode" in rows[-3]["details"]
    assert all(r["workervm_configuration_name"] == "burst-3" and r["workervm_address"] == node["cloud_instance_ip"]
               and r["workervm_configuration_location_name"] == "AWS burst" for r in rows)
    assert poller.get(rows[-1]["resource_uri"]) == rows[-1]
    # the filters and orders that Infinity's own client and others ask with
    since = rows[-2]["time_changed"]
    for name in ("time_changed__gte", "start_time__gte"):
        found = poller.walk(EVENTS, 2, f"workervm_configuration_id={number}&{name}={since}&")
        assert names(found, "id") == names(rows[-2:], "id")
    for name in ("time_changed__lt", "end_time__lt"):
        assert rows[-2] not in poller.walk(EVENTS, 50, f"name__icontains=BURST-3&{name}={since}&")
    newest = poller.get(f"{EVENTS}?order_by=-time_changed&limit=1&event_type=stop")["objects"][0]
    assert newest["id"] == rows[-1]["id"]


def test_default_page_and_conditional_requests(poller):
    for resource in MODEL:
        reply = poller.ask(resource)
        check_page(resource, reply.json(), 20, 0)
        again = poller.ask(resource, **{"If-None-Match": reply.headers["ETag"]})
        assert again.status_code == 304 or again.json() != reply.json()


def test_refusals(poller, operator, burstd, deaf):
    for resource in MODEL:
        # no redirect, no guess: the slash belongs to the address
        problem(poller.ask(resource[:-1]), 404, "not-found")
        for query in ("limit=x", "offset=-1", "order_by=colour", "format=xml", "id=a" if resource.endswith("location/") else "limit=", "order_by=" + 251 * "x"):
            reply = poller.ask(f"{resource}?{query}")
            assert reply.status_code == 400 and reply.json().keys() == {"error"}, reply.text
        problem(poller.ask(f"{resource}?colour=red"), 400, "bad-request")
        assert poller.ask(f"{resource}4711/?format=xml").status_code == 400
        missing = poller.ask(f"{resource}4711/")
        assert missing.status_code == 404 and missing.json().keys() == {"error"}
        refused = burstd.ask("GET", resource, token=None)
        problem(refused, 401, "unauthorized")
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
        assert burstd.ask("GET", resource).status_code == 200  # Bearer
        problem(burstd.ask("POST", resource, body={}), 405, "method-not-allowed")
    for body in ({}, {"instance_id": 5}, {"instance_id": "i-0"}, {"instance_id": "i-0", "force": True}, []):
        reply = start(burstd, operator, body)
        assert reply.status_code == 400 and reply.json().keys() == {"error"}, reply.text
    # what nobody has read yet is not an empty list
    problem(deaf.ask("GET", CLOUD_NODE), 503, "busy")
