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


def roles_of(operation):
    """The roles that an operation asks for, by every scheme that it may be called with; [] = open to everyone."""
    return sorted({role for scheme in operation["security"] for roles in scheme.values() for role in roles})


def expected_errors(row, operation):
    """The errors that an operation can answer whatever it does: by its route, its body and its method."""
    errors = {400, 406}
    if row["role"] != "open":
        errors |= {401, 429, 503}
    if row["role"] in ("operator", "admin"):
        errors.add(403)
    if "{id}" in row["path"]:
        errors.add(404)
    if "requestBody" in operation:
        errors |= {413, 415}
    if row["method"] == "POST":
        errors.add(422)
    if row["method"] in ("PATCH", "PUT", "DELETE"):
        errors |= {412, 428}
    return {str(e) for e in errors}


def test_every_error_is_listed(contract):
    """Those that only some operations have (409, for one) are found by the tests: a reply that is not described fails."""
    rows = route_table()
    for name, (_, _, operation) in contract.operations.items():
        missing = expected_errors(rows[name], operation) - set(operation["responses"])
        assert not missing, f"{name} does not list {sorted(missing)}"


def test_routes_and_contract_are_the_same(contract):
    rows = route_table()
    described = {name: (m, p) for name, (m, p, _) in contract.operations.items()}
    assert {name: (r["method"], r["path"]) for name, r in rows.items()} == described
    for name, (_, _, operation) in contract.operations.items():
        row = rows[name]
        query = {p["name"] for p in operation["parameters"] if p["in"] == "query"}
        assert row["query"] == query, name
        assert (row["limit"] > 0) == ("requestBody" in operation), name
        assert "security" in operation, f"{name} does not say which role it needs"
        assert roles_of(operation) == ([] if row["role"] == "open" else [row["role"]]), name
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


def parts(schema, where):
    """Every schema within a schema, itself included, but not what a $ref names."""
    yield where, schema
    for key in ("properties", "dependentSchemas"):
        for name, part in schema.get(key, {}).items():
            yield from parts(part, f"{where}/{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from parts(schema[key], f"{where}/{key}")
    for key in ("oneOf", "anyOf", "allOf"):
        for i, part in enumerate(schema.get(key, [])):
            yield from parts(part, f"{where}/{i}")


def all_schemas(contract):
    components = contract.document["components"]
    for name, schema in components["schemas"].items():
        yield from parts(schema, name)
    for kind in ("parameters", "headers"):
        for name, described in components.get(kind, {}).items():
            yield from parts(described["schema"], f"{kind}/{name}")
    for name, (_, _, operation) in contract.operations.items():
        for parameter in operation["parameters"]:
            yield from parts(parameter["schema"], f"{name}/{parameter['name']}")


def test_everything_has_a_limit(contract):
    for where, schema in all_schemas(contract):
        types = schema.get("type", [])
        types = types if isinstance(types, list) else [types]
        closed_set = "enum" in schema or "const" in schema
        assert "string" not in types or closed_set or "maxLength" in schema, f"{where} has no maxLength"
        assert "array" not in types or "maxItems" in schema, f"{where} has no maxItems"
        assert not {"integer", "number"} & set(types) or closed_set or "minimum" in schema, f"{where} has no minimum"


def sample(contract, schema):
    """What a renderer shows for a schema: its example, or one put together from those of its parts. KeyError where there is none."""
    schema = contract.resolve(schema)
    for key in ("examples", "enum"):
        if key in schema:
            return schema[key][0]
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    kind = schema.get("type")
    if "properties" in schema:
        return {name: sample(contract, part) for name, part in schema["properties"].items()}
    if "oneOf" in schema:
        return sample(contract, schema["oneOf"][-1])
    if kind == "array":
        return [sample(contract, schema["items"])]
    return {"boolean": True, "null": None, ("boolean", "null"): True}[tuple(kind) if isinstance(kind, list) else kind]


def test_everything_has_an_example(contract):
    """And each one is an example of its schema."""
    for where, schema in all_schemas(contract):
        if not set(schema) & {"type", "$ref", "enum", "const"}:
            continue  # a part of another schema: what it requires, or of how much
        try:
            contract.check_schema(schema, sample(contract, schema), where)
        except KeyError as e:
            pytest.fail(f"{where} has no example ({e})")
        for example in schema.get("examples", []):
            contract.check_schema(schema, example, where)


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
