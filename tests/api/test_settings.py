"""/v1/bursting: every number with its range, what may not be set, and the trail that a change leaves."""

import pytest

from harness import problem


def numbers(contract):
    change = contract.document["components"]["schemas"]["BurstingChange"]["properties"]
    return {name: s for name, s in change.items() if s.get("type") == "integer"}


def test_defaults_are_the_contract_s(contract, deaf):
    settings = deaf.get("/v1/bursting")
    change = contract.document["components"]["schemas"]["BurstingChange"]["properties"]
    for name, schema in change.items():
        if "default" in schema:
            assert settings[name] == schema["default"], name


def test_every_range_is_the_contract_s(contract, deaf):
    before = deaf.get("/v1/bursting")
    for name, schema in numbers(contract).items():
        for value in (schema["minimum"] - 1, schema["maximum"] + 1, str(schema["minimum"]), 5.5, None, True, [7]):
            problem(deaf.ask("PATCH", "/v1/bursting", body={name: value}), 400, "bad-request", f"/{name}")
        for value in (schema["minimum"], schema["maximum"]):
            reply = deaf.ask("PATCH", "/v1/bursting", body={name: value})
            assert reply.status_code == 200 and reply.json()[name] == value
        assert deaf.ask("PATCH", "/v1/bursting", body={name: before[name]}).status_code == 200
    assert deaf.get("/v1/bursting") == before


@pytest.mark.parametrize("body,pointer", [
    ({"bursting_threshold": 0}, "/bursting_threshold"),
    ({"minimum_lifetime_minutes": 4}, "/minimum_lifetime_minutes"),
    ({"enabled": 1}, "/enabled"),
    ({"mode": "manual"}, "/mode"),
    ({"cloud_provider": "Azure"}, "/cloud_provider"),
    ({"tag_name": "other"}, "/tag_name"),
    ({"tag_value": "x" * 257}, "/tag_value"),
    ({"aws_secret_access_key_set": False}, "/aws_secret_access_key_set"),
    ({"aws_access_key_id": "AKIA-1"}, "/aws_access_key_id"),
    ({"aws_access_key_id": "AKIA1"}, "/aws_secret_access_key"),
    ({"treshold": 5}, "/treshold"),
    ({"a/b~c": 5}, "/a~1b~0c"),
])
def test_refused_settings_change_nothing(deaf, body, pointer):
    before = deaf.get("/v1/bursting")
    events = len(deaf.get("/v1/history?limit=500")["items"])
    problem(deaf.ask("PATCH", "/v1/bursting", body={"approaching_margin_hd": 9, **body}), 400, "bad-request", pointer)
    assert deaf.get("/v1/bursting") == before
    assert len(deaf.get("/v1/history?limit=500")["items"]) == events


def test_change_is_told_with_old_and_new(deaf):
    old = deaf.get("/v1/bursting")["approaching_margin_hd"]
    assert deaf.ask("PATCH", "/v1/bursting", body={"approaching_margin_hd": old + 1}).status_code == 200
    event = deaf.get("/v1/history?type=settings&limit=1")["items"][0]
    assert event["actor"] == "admin"
    assert event["figures"]["changes"] == {"approaching_margin_hd": {"old": old, "new": old + 1}}
    assert f"approaching_margin_hd: {old} -> {old + 1}" in event["reason"]
    assert deaf.ask("PATCH", "/v1/bursting", body={"approaching_margin_hd": old}).status_code == 200


def test_lost_update(deaf):
    etag = deaf.ask("GET", "/v1/bursting").headers["ETag"]
    old = deaf.get("/v1/bursting")["bursting_threshold"]
    assert deaf.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 6}, headers={"If-Match": etag}).status_code == 200
    problem(deaf.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 7}, headers={"If-Match": etag}), 412,
            "precondition-failed")
    assert deaf.get("/v1/bursting")["bursting_threshold"] == 6
    assert deaf.ask("PATCH", "/v1/bursting", body={"bursting_threshold": old}, headers={"If-Match": "*"}).status_code == 200


def test_change_without_if_match(deaf, contract):
    """RFC 6585 3: on every operation that changes what is there, before the resource is looked for."""
    before = deaf.get("/v1/bursting")
    events = deaf.get("/v1/history?limit=1")["items"]
    changes = [(m, path) for m, path, _ in contract.operations.values() if m in ("PATCH", "PUT", "DELETE")]
    assert len(changes) >= 5
    for method, path in changes:
        for missing in (None, ""):
            reply = deaf.ask(method, path.replace("{id}", "4711"), headers={"If-Match": missing})
            assert "If-Match" in problem(reply, 428, "precondition-required")["detail"], path
    body = problem(deaf.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 44}, headers={"If-Match": None}), 428,
                   "precondition-required")
    assert "ETag" in body["detail"] and "*" in body["detail"]
    assert deaf.get("/v1/bursting") == before and deaf.get("/v1/history?limit=1")["items"] == events
    # who may not change it at all learns that, and nothing else needs the header
    problem(deaf.ask("PATCH", "/v1/bursting", token=None, headers={"If-Match": None}), 401, "unauthorized")
    assert deaf.ask("POST", "/v1/holds?dry_run=true", body={}).status_code == 400


def test_history_pages_without_gaps(deaf):
    for value in (11, 12, 13, 14, 15):
        deaf.ask("PATCH", "/v1/bursting", body={"node_capacity_hd": value})
    everything = deaf.get("/v1/history?limit=500&type=settings")["items"]
    seen, cursor = [], ""
    while True:
        page = deaf.get(f"/v1/history?limit=2&type=settings{cursor}")
        seen += page["items"]
        deaf.ask("PATCH", "/v1/bursting", body={"node_capacity_hd": 20 + len(seen)})  # rows arrive meanwhile
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == everything
    deaf.ask("PATCH", "/v1/bursting", body={"node_capacity_hd": 17})


def test_history_refuses_unknown_filters(deaf):
    for query in ("type=party", "since=yesterday", "node=0", "node=x", "until=2026-13-01T00:00:00Z", "actor=%ff"):
        problem(deaf.ask("GET", f"/v1/history?{query}"), 400, "bad-request")
