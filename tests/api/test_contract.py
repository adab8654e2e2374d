"""The contract itself: valid, complete, and the same as the route table of the binary."""

import json
import re
import subprocess

import jsonschema
import pytest

from harness import BURSTD, ROOT, environment


def route_table():
    """operationId -> row, from `burstd routes`."""
    lines = subprocess.run([BURSTD, "routes"], env=environment({}), capture_output=True, text=True,
                           check=True).stdout.splitlines()
    rows = {}
    for head, query in zip(lines[::2], lines[1::2]):
        method, path, operation, role, media, limit, *schemes = head.split()
        assert operation not in rows, f"{operation} has two rows"
        rows[operation] = {"method": method, "path": path, "role": role, "media": media, "limit": int(limit),
                           "query": set(query.split()), "basic": schemes == ["basic"]}
    return rows


def test_routes_and_contract_are_the_same(contract):
    rows = route_table()
    described = {name: (m, p) for name, (m, p, _) in contract.operations.items()}
    assert {name: (r["method"], r["path"]) for name, r in rows.items()} == described
    for name, (_, _, operation) in contract.operations.items():
        row = rows[name]
        query = {p["name"] for p in operation["parameters"] if p["in"] == "query"}
        assert row["query"] == query, name
        assert (row["limit"] > 0) == ("requestBody" in operation), name
        schemes = operation.get("security", contract.document["security"])
        assert schemes == ([] if row["role"] == "open" else [{"bearer": []}] + [{"basic": []}] * row["basic"]), name
        success = contract.resolve(operation["responses"].get("200", {}))
        if success.get("content"):
            assert set(row["media"].split(",")) == set(success["content"]), name


def test_every_operation_is_described(contract):
    for name, (_, path, operation) in contract.operations.items():
        for field in ("summary", "description", "tags", "responses"):
            assert operation.get(field), f"{name} has no {field}"
        assert contract.resolve(operation["responses"]["default"])["content"].keys() == {"application/problem+json"}
        in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path)), name
        for parameter in operation["parameters"]:
            assert parameter.get("description") and parameter.get("schema"), f"{name}: {parameter['name']}"


def test_headers_that_a_change_takes(contract):
    for name, (method, _, operation) in contract.operations.items():
        headers = {p["name"]: p for p in operation["parameters"] if p["in"] == "header"}
        assert ("Idempotency-Key" in headers) == (method == "POST"), name
        changes = method in ("PATCH", "PUT", "DELETE")
        assert headers.get("If-Match", {}).get("required", False) == changes, name
        assert ("428" in operation["responses"]) == changes, name


FOREIGN = {"SinkEvent", "SinkBulk"}  # made by Infinity, whose versions add fields


def closed(schema, where):
    """Yields the object schemas that would let an unknown field pass."""
    if isinstance(schema, dict):
        types = schema.get("type")
        is_object = types == "object" or (isinstance(types, list) and "object" in types)
        if is_object and "properties" in schema and schema.get("additionalProperties") is not False:
            yield where
        for key, value in schema.items():
            yield from closed(value, f"{where}/{key}")
    elif isinstance(schema, list):
        for i, value in enumerate(schema):
            yield from closed(value, f"{where}/{i}")


def test_schemas_are_valid_and_closed(contract):
    schemas = contract.document["components"]["schemas"]
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert name in FOREIGN or not list(closed(schema, name))
        unknown = set(schema.get("required", [])) - set(schema.get("properties", {}))
        assert not unknown, f"{name} requires {unknown} without describing it"


def test_every_schema_is_used(contract):
    text = (ROOT / "openapi/openapi.yaml").read_text(encoding="utf-8")
    for kind, entries in contract.document["components"].items():
        for name in entries:
            assert kind == "securitySchemes" or f"#/components/{kind}/{name}" in text, f"{kind}/{name}"


def test_the_served_contract_is_this_one(deaf):
    reply = deaf.ask("GET", "/openapi.yaml")
    assert reply.text == (ROOT / "openapi/openapi.yaml").read_text(encoding="utf-8")
    assert deaf.ask("GET", "/openapi.yaml", headers={"If-None-Match": reply.headers["ETag"]}).status_code == 304


def test_the_json_is_the_same_document(deaf, contract):
    """Down to the types: PyYAML and burstd read every scalar alike. And its parts stand in the same order."""
    reply = deaf.ask("GET", "/openapi.json")
    assert json.dumps(reply.json()) == json.dumps(contract.document)


@pytest.mark.last
def test_every_operation_was_exercised(contract, request):
    if request.config.getoption("keyword") or any("::" in a or a.endswith(".py") for a in request.config.args):
        pytest.skip("not all tests were asked for")
    good = {name for name, statuses in contract.exercised.items() if any(s < 300 for s in statuses)}
    assert not set(contract.operations) - good, "no test got a good reply of these"
    bad = {name for name, statuses in contract.exercised.items() if any(400 <= s < 500 for s in statuses)}
    assert not set(contract.operations) - bad - {"getHealth", "getReady"}, "no test was refused by these"
