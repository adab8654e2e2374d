"""
Requests from openapi.yaml: valid ones, ones at the edges of what it allows, and broken ones. Nothing here knows an operation by
name: whatever the contract describes is covered.

`request` draws one request of an operation and notes in `fault` what the contract has against it, or None.
"""

import base64
import dataclasses
import datetime
import json
import re
import urllib.parse

import jsonschema
from hypothesis import strategies as st

# Texts and numbers that have broken programs before.
TEXTS = ["", " ", "a", "0", "-1", "null", "true", "é", "日本語", "\U0001f4a5", "\x00", "\n", "\x7f", "\u202e", "'\"\\",
         "../..", "%s%n", "=1+1", "x" * 101, "é" * 60, "y" * 300, "a/~b", "2026-01-31T08:00:00Z", "<script>"]
TOMORROW = datetime.date.today() + datetime.timedelta(days=1)
TIMES = [f"{TOMORROW}T08:00:00Z", f"{TOMORROW}T12:00:00.123Z", f"{TOMORROW}T12:00:00+05:45", "2026-01-31T08:00:00Z",
         "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
NO_TIMES = ["2026-02-30T08:00:00Z", "2026-01-31", "2026-01-31T25:00:00Z", "2026-01-31T08:00:00", "yesterday", "0",
            "99999-01-31T08:00:00Z", "2026-01-31T08:00:00+99:99"]
NUMBERS = [0, 1, -1, 2, 499, 500, 501, 2**31, 2**53, 2**63 - 1, 2**63, -2**63 - 1, 2**64, 0.5, 1.0, -0.0, 1e308]
ODD = [None, True, False, [], {}, [[]], {"a": {}}, [None], *NUMBERS, *TEXTS]
IDS = ["1", "2", "4711", "9" * 18]
NO_IDS = ["0", "-1", "01", "+1", "1.0", "1e3", "9" * 19, "9" * 40, "x", "%00", "1%00", "1/", "%20", "%2e%2e", "..", "*",
          "%F0%9F%92%A5", "null", "1;a=b", "{id}"]
RAW_QUERY = ["=", "&", "&&=&", "a", "%", "%zz", "%ff=1", "limit=%ff", "limit=1%00", "limit", "limit=1&limit=1", "limit=+1",
             "%6cimit=1", "limit%00=1", "?", "q=" + "x" * 900, "%C3%A9" * 40 + "=1", "x" + "%C3%A9" * 40 + "=1"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW"]
ACCEPT = ["*/*", "application/json", "application/*", "text/html, */*;q=0.1", "text/html", "application/json;q=0", "", ",", ";",
          "*", "application/problem+json", "text/csv", "application/x-ndjson", "text/plain", "application/yaml", "x" * 500]
MEDIA = ["application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", "application/x-www-form-urlencoded", "",
         "application/json, text/plain", "application", "multipart/form-data"]
TAGS = ['*', '"x"', 'W/"x"', '"x", "y"', "x", '"', "", ",", '"\\""', "W/", '"' + "z" * 300 + '"']
NO_TOKENS = [None, "", "Bearer", "Bearer x", "Basic eDp5", "bearer " + "x" * 300, "Digest a"]
KEYS = ["0", "k" * 255, "k" * 256, "", " ", "two words", "\xe9", "a,b"]
LONG = "é" * 60
RAW_BODIES = [b"", b" ", b"{", b"}", b"[]", b"null", b"1", b'"x"', b"{}{}", b"{} x", b"{'a': 1}", b'{"a": NaN}', b'{"a": 01}',
              b"\xef\xbb\xbf{}", b'{"a": "\xff"}', b'{"a": "\\ud800"}', b'{"a\\u0000": 1}', b"[" * 2000,
              b'{"a":' * 20 + b"1" + b"}" * 20, b'{"a": 1, "a": 2}', f'{{"{LONG}": 1, "{LONG}": 2}}'.encode(),
              f'{{"x{LONG}": 1, "x{LONG}": 2}}'.encode(), b"/**/{}", b'{"a": 1e999}', b'{"a": 1\x00}', b"x" * 70000]


@dataclasses.dataclass
class Request:
    operation: str
    method: str
    target: str
    headers: dict
    body: bytes | None
    fault: str | None

    def __str__(self):
        shown = (self.body or b"")[:400].decode("utf-8", "backslashreplace")
        headers = {k: v if k != "Authorization" else v[:12] + "..." for k, v in self.headers.items()}
        return f"{self.method} {self.target} {headers} {shown!r}"


def strict_json(data):
    """The value of a body, by the rules that the contract states for bodies; ValueError where it breaks them."""
    def once(pairs):
        if len({k for k, _ in pairs}) < len(pairs):
            raise ValueError("a key is given twice")
        return dict(pairs)

    def constant(name):
        raise ValueError(f"{name} is no JSON")
    return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=constant)


class Generator:
    """
    Draws requests. What is drawn next never depends on what was learnt, only what becomes of it: Hypothesis insists on that, and
    so the same seed gives nearly the same requests. `ids`, `tags` and `cursors` hold what earlier replies taught.
    """

    def __init__(self, contract, tokens, spared):
        self.contract = contract
        self.tokens = tokens
        self.spared = spared  # (operationId, id): what the run itself lives on
        self.ids = {}  # by collection: "nodes", "holds"
        self.tags = {}  # by path
        self.cursors = {}  # by path
        self.formats = jsonschema.FormatChecker()
        self.validators = {}

    # --- values of a schema -----------------------------------------------------------------------------------------

    def fault_of(self, schema, value):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(schema, resolver=self.contract.resolver,
                                                                   format_checker=self.formats)
        error = next(self.validators[key].iter_errors(value), None)
        return error and f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"

    def value(self, draw, schema, name=""):
        """For the field `name`, a value that the schema allows, or nearly: what it really thinks of it is for `fault_of` to say."""
        schema = self.contract.resolve(schema)
        for part in schema.get("allOf", []):
            schema = self.chosen(draw, {k: v for k, v in schema.items() if k != "allOf"}, part)
        schema = self.chosen(draw, schema, schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return draw(st.sampled_from(schema["enum"]))
        kind = schema.get("type", "object")
        if isinstance(kind, list):
            kind = draw(st.sampled_from(kind))
        return getattr(self, "draw_" + kind)(draw, schema, name)

    def chosen(self, draw, schema, part):
        """The schema with one of the choices that `part` offers; mostly without what the others ask for."""
        branches = [self.contract.resolve(b) for b in part.get("oneOf", part.get("anyOf", []))]
        if not branches:
            return schema
        branch = draw(st.sampled_from(branches))
        schema = merged({k: v for k, v in schema.items() if k not in ("oneOf", "anyOf")}, branch)
        others = {n for b in branches for n in b.get("required", [])} - set(schema.get("required", []))
        if draw(st.integers(0, 4)):
            schema = {**schema, "properties": {n: p for n, p in schema.get("properties", {}).items() if n not in others}}
        return schema

    def draw_null(self, draw, schema, name):
        return None

    def draw_boolean(self, draw, schema, name):
        return draw(st.booleans())

    def draw_integer(self, draw, schema, name):
        least, most = schema.get("minimum", 1), schema.get("maximum", 2**53)
        known = self.known_id(draw, plural(name))
        edges = [least, most, min(least + 1, most), schema.get("default", least)]
        value = draw(st.one_of(st.sampled_from(edges), st.integers(least, most)))
        return int(known) if plural(name) in self.ids and known.isdigit() else value

    draw_number = draw_integer

    def draw_string(self, draw, schema, name):
        if schema.get("format") == "date-time":
            return draw(st.sampled_from(TIMES))
        most = schema.get("maxLength", 60)
        least = schema.get("minLength", 0)
        if draw(st.booleans()):
            return draw(st.sampled_from(["a" * max(least, 1), "b" * most, "é" * (most // 2), "é" * most]))
        if "pattern" in schema:
            return draw(st.from_regex(schema["pattern"]))[:most].rstrip("\n")  # Python's $ also matches before a newline
        return draw(st.text(min_size=least, max_size=min(most, 40)))

    def draw_array(self, draw, schema, name):
        least, most = schema.get("minItems", 0), schema.get("maxItems", 5)
        size = draw(st.sampled_from([least, max(least, 1), min(most, 3), most if draw(st.integers(0, 9)) == 0 else least]))
        if size > 10:
            return list(range(1, size + 1))
        return [self.value(draw, schema.get("items", {"type": "boolean"}), name) for _ in range(size)]

    def draw_object(self, draw, schema, name):
        required = schema.get("required", [])
        return {name: self.value(draw, field, name) for name, field in schema.get("properties", {}).items()
                if name in required or draw(st.integers(0, 2)) == 0}

    def known_id(self, draw, collection):
        """Mostly of a thing that was seen there, the latest ones first: they are the ones that still live."""
        ids = self.ids.get(collection) or IDS
        index, any_id = draw(st.integers(0, 9)), draw(st.sampled_from(IDS))
        return ids[-1 - min(index, len(ids) - 1)] if draw(st.integers(0, 7)) else any_id

    # --- the body ---------------------------------------------------------------------------------------------------

    def mutated(self, draw, value):
        """One thing in the value is another one: a field gone, a field more, or any part replaced."""
        how = draw(st.sampled_from(["replace", "replace", "drop", "add", "all"]))
        if how == "all" or not isinstance(value, dict):
            return draw(st.sampled_from(ODD))
        if how == "add" or not value:
            return {**value, draw(st.sampled_from(["x", "Enabled", "", *TEXTS])): draw(st.sampled_from(ODD))}
        name = draw(st.sampled_from(sorted(value)))
        if how == "drop":
            return {k: v for k, v in value.items() if k != name}
        inner = value[name]
        if isinstance(inner, (dict, list)) and inner and draw(st.booleans()):
            if isinstance(inner, list):
                return {**value, name: [*inner[:-1], draw(st.sampled_from(ODD))]}
            return {**value, name: self.mutated(draw, inner)}
        return {**value, name: draw(st.sampled_from(ODD))}

    def body(self, draw, described):
        """Bytes and what is wrong with them."""
        media, content = next(iter(described["content"].items()))
        value = self.value(draw, content["schema"])
        how = draw(st.integers(0, 9))
        if how == 0:
            data = draw(st.sampled_from(RAW_BODIES))
        else:
            value = value if how < 7 else self.mutated(draw, value)
            data = json.dumps(value, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
        if how == 1:
            cut = draw(st.integers(0, len(data)))
            rest = cut + draw(st.integers(0, 2))
            data = data[:cut] + draw(st.sampled_from([b"", b",", b"\x00", b"\xff", b"}"])) + data[rest:]
        return media, data, self.body_fault(described, content["schema"], data)

    def body_fault(self, described, schema, data):
        if not data:
            return "no body" if described.get("required") else None
        try:
            return self.fault_of(schema, strict_json(data))
        except (ValueError, RecursionError) as e:
            return f"not JSON: {str(e)[:80]}"

    # --- query, path, headers ---------------------------------------------------------------------------------------

    def query(self, draw, parameters, path):
        """The query with its question mark, or nothing; and what is wrong with it."""
        parts, fault = [], None
        for p in parameters:
            if draw(st.integers(0, 2)) and not p.get("required"):
                continue
            value, known = self.query_value(draw, p, path)
            fault = fault or known and f"{p['name']}: {known}"
            parts.append(f"{p['name']}={value}")
        if draw(st.integers(0, 11)) == 0:
            parts.append(draw(st.one_of(st.sampled_from(RAW_QUERY), st.text(max_size=30).map(quoted))))
        return ("?" + "&".join(parts) if parts else ""), fault

    def query_value(self, draw, parameter, path):
        schema = self.contract.resolve(parameter["schema"])
        how = draw(st.integers(0, 7))
        if how < 2:
            text = draw(st.sampled_from([*TEXTS, *map(str, NUMBERS), *NO_TIMES]))
        else:
            value = self.value(draw, schema, parameter["name"])
            text = value if isinstance(value, str) else json.dumps(value)
        if parameter["name"] == "cursor" and how > 3:
            text = self.cursors.get(path, text)
        return quoted(text), self.fault_of(schema, parsed(text, schema.get("type")))

    def path(self, draw, name, pattern):
        """The path, and what is wrong with it."""
        if "{" not in pattern:
            return pattern, None
        good = draw(st.integers(0, 7)) > 0
        if not good:
            stands = draw(st.sampled_from(NO_IDS))
        elif "{id}" in pattern:
            stands = self.known_id(draw, collection_of(pattern))
            stands = "4711" if (name, stands) in self.spared else stands
        else:
            (schema,) = (p["schema"] for p in self.contract.operations[name][2]["parameters"] if p["in"] == "path")
            stands = quoted(draw(st.sampled_from(schema["examples"])))
        return re.sub(r"\{[^}]*\}", lambda _: stands, pattern), None if good else "the id is none"

    def authorization(self, draw, operation):
        """The header, and what is wrong with it. Mostly the admin's: others get no further than 401 or 403."""
        schemes = operation.get("security", self.contract.document["security"])
        if not schemes:
            return None, None
        who = draw(st.sampled_from(["admin"] * 17 + ["viewer", "operator", "wrong"]))
        scheme = self.contract.document["components"]["securitySchemes"][next(iter(schemes[0]))]
        if who == "wrong":
            return draw(st.sampled_from(NO_TOKENS)), "no token"
        if scheme["scheme"] == "basic":
            return "Basic " + base64.b64encode(f"any:{self.tokens[who]}".encode()).decode(), None
        return "Bearer " + self.tokens[who], None

    def header(self, draw, name, path):
        if name == "Idempotency-Key":
            return draw(st.sampled_from(KEYS)) if draw(st.integers(0, 5)) == 0 else f"key-{draw(st.integers(0, 10**9))}"
        if name == "Last-Event-ID":
            return draw(st.sampled_from(["0", "1", "4711", "-1", "x", "1e3", "9" * 30]))
        form = draw(st.sampled_from(["*", "*", "TAG", "TAG", "W/TAG", '"x", TAG', *TAGS]))
        return form.replace("TAG", self.tags.get(path, '"none"'))

    def headers(self, draw, operation, path):
        """Those of the parameters, in Title-Case as the contract has them, and Accept."""
        out = {}
        for p in operation["parameters"]:
            if p["in"] == "header" and draw(st.integers(0, 3 if p["name"] == "If-Match" else 1)):
                out[p["name"]] = self.header(draw, p["name"], path)
        if draw(st.integers(0, 5)) == 0:
            content = self.contract.resolve(operation["responses"].get("200", {})).get("content", {})
            out["Accept"] = draw(st.sampled_from([*list(content) * 5, *ACCEPT]))
        return out

    # --- all of it --------------------------------------------------------------------------------------------------

    def request(self, draw, name):
        method, pattern, operation = self.contract.operations[name]
        path, path_fault = self.path(draw, name, pattern)
        query, query_fault = self.query(draw, [p for p in operation["parameters"] if p["in"] == "query"], path)
        headers = self.headers(draw, operation, path)
        authorization, token_fault = self.authorization(draw, operation)
        if authorization is not None:
            headers["Authorization"] = authorization
        body, body_fault = None, None
        if "requestBody" in operation:
            media, body, body_fault = self.body(draw, operation["requestBody"])
            headers["Content-Type"] = media if draw(st.integers(0, 15)) else draw(st.sampled_from(MEDIA))
        other = draw(st.integers(0, 24))
        own = method
        if other == 0:
            method = draw(st.sampled_from(METHODS))
        elif other < 3 and method == "GET":
            method = "HEAD"
        if method != own and (method, own) != ("HEAD", "GET"):  # then it is another operation's, or none's
            return Request(name, method, path + query, headers, body, None)
        return Request(name, method, path + query, headers, body, path_fault or token_fault or query_fault or body_fault)


def merged(a, b):
    """Two schemas that hold at once, as far as the contract joins any: an object with a choice of what it requires."""
    if b.get("type", "object") != "object":
        return b
    return {**a, **b, "required": [*a.get("required", []), *b.get("required", [])],
            "properties": {**a.get("properties", {}), **b.get("properties", {})}}


def collection_of(path):
    """ "nodes" of /v1/nodes, /v1/nodes/{id} and /v1/nodes/{id}/start"""
    return re.match(r"(/v1)?/([a-z]*)", path).group(2)


def plural(name):
    return name if name.endswith("s") else name + "s"


def quoted(text):
    return urllib.parse.quote(text, safe="", errors="surrogatepass")


def parsed(text, kind):
    """A query text as the value that its schema speaks of."""
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "integer" and re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return int(text)
    return text
