"""/v1/bursting/infinity, pull and push: burstd's settings beside those of Infinity's own bursting."""

import pytest

from conftest import SCALE
from harness import Burstd, problem, until, upstreams


@pytest.fixture(scope="module")
def synced(contract, world):
    """A daemon of its own: its settings are written, and a push stays in its list of operations."""
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
    until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
    yield burstd
    burstd.close()


def difference(burstd):
    return {d["field"]: (d["burstd"], d["infinity"]) for d in burstd.get("/v1/bursting/infinity")["differences"]}


def test_both_are_shown(synced):
    theirs = synced.get("/v1/bursting/infinity")
    assert theirs["observed_at"] and theirs["enabled"] is False and theirs["cloud_provider"] == "AWS"
    assert (theirs["bursting_threshold"], theirs["minimum_lifetime_minutes"]) == (5, 50)
    assert synced.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 9}).status_code == 200
    assert difference(synced)["bursting_threshold"] == (9, 5)


def test_pull(synced):
    assert synced.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 9, "minimum_lifetime_minutes": 70}).status_code == 200
    plan = synced.ask("POST", "/v1/bursting/pull?dry_run=true", body={}).json()
    assert {c["pointer"]: c["to"] for c in plan["changes"]} == {"/bursting_threshold": 5, "/minimum_lifetime_minutes": 50}
    reply = synced.ask("POST", "/v1/bursting/pull", headers={"Idempotency-Key": "pull-1"})
    assert reply.status_code == 200 and reply.json()["bursting_threshold"] == 5
    assert synced.ask("POST", "/v1/bursting/pull", headers={"Idempotency-Key": "pull-1"}).json() == reply.json()
    assert "bursting_threshold" not in difference(synced) and "minimum_lifetime_minutes" not in difference(synced)
    event = synced.get("/v1/history?type=settings&limit=1")["items"][0]
    assert event["figures"]["changes"]["bursting_threshold"] == {"old": 9, "new": 5}


def test_pull_and_push_refuse(synced, deaf):
    for way in ("pull", "push"):
        for fields in ([], ["tag_value"], ["enabled", "enabled"], "enabled", [None]):
            problem(synced.ask("POST", f"/v1/bursting/{way}", body={"fields": fields}), 400, "bad-request", "/fields")
        problem(synced.ask("POST", f"/v1/bursting/{way}", body={"all": True}), 400, "bad-request", "/all")
        problem(deaf.ask("POST", f"/v1/bursting/{way}"), 503, "busy")
    problem(synced.ask("POST", "/v1/bursting/pull", body={"fields": ["aws_keys"]}), 400, "bad-request", "/fields")
    problem(synced.ask("POST", "/v1/bursting/push", body={"fields": ["aws_keys"]}), 409, "conflict", "/fields")


def test_push(synced):
    """An operation of the life-cycle worker: done when Infinity has the values."""
    keys = {"aws_access_key_id": "AKIASYNCEXAMPLE", "aws_secret_access_key": "sync/secret+EXAMPLEONLY"}
    assert synced.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 8}).status_code == 200
    plan = synced.ask("POST", "/v1/bursting/push?dry_run=true", body={"fields": ["bursting_threshold", "enabled"]}).json()
    assert [c["pointer"] for c in plan["changes"]] == ["/bursting_threshold"] and plan["kind"] == "push_settings"
    reply = synced.ask("POST", "/v1/bursting/push", body={"fields": ["bursting_threshold"]})
    assert reply.status_code == 202 and reply.json()["kind"] == "push_settings"
    place = reply.headers["Location"]
    until(lambda: synced.get(place)["state"] == "done", lambda: f"the push is done: {synced.get(place)}")
    until(lambda: synced.get("/v1/bursting/infinity")["bursting_threshold"] == 8, "Infinity has the new threshold")
    told = [e["reason"] for e in synced.get("/v1/history?type=operation&limit=100")["items"] if e["operation"] == reply.json()["id"]]
    assert "bursting_threshold written to Infinity's global settings by admin." in told and len(told) > 1
    # the secret goes to Infinity and nowhere else
    assert synced.ask("PATCH", "/v1/bursting", body=keys).status_code == 200
    place = synced.ask("POST", "/v1/bursting/push", body={"fields": ["aws_keys"]}).headers["Location"]
    until(lambda: synced.get(place)["state"] == "done", lambda: f"the push is done: {synced.get(place)}")
    until(lambda: synced.get("/v1/bursting/infinity")["aws_access_key_id"] == keys["aws_access_key_id"], "Infinity has the key")
    assert synced.get("/v1/bursting/infinity")["aws_secret_access_key_set"] is True
    shown = synced.ask("GET", place).text + synced.ask("GET", "/v1/history?limit=500").text + synced.log()
    assert keys["aws_secret_access_key"] not in shown
    assert synced.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 5}).status_code == 200
    place = synced.ask("POST", "/v1/bursting/push", body={"fields": ["bursting_threshold"]}).headers["Location"]
    until(lambda: synced.get(place)["state"] == "done", "the world is as it was")
