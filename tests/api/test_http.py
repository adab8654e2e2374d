"""The conventions that every path shares, on the real binary."""

import contextlib
import socket

import pytest

from harness import problem, until

PATHS = ["/v1/status", "/v1/locations", "/v1/nodes", "/v1/operations", "/v1/bursting", "/v1/history", "/v1/decisions",
         "/v1/holds", "/v1/schedules", "/v1/tokens", "/metrics", "/openapi.yaml", "/openapi.json"]


def test_only_health_is_open(deaf):
    assert deaf.ask("GET", "/healthz", token=None).json() == {"status": "ok"}
    assert deaf.ask("GET", "/readyz", token=None).status_code == 503
    for i, path in enumerate(PATHS + ["/v1/nodes/1", "/v1/nowhere", "/nowhere"]):
        reply = deaf.ask("GET", path, token=None)
        problem(reply, 401, "unauthorized")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
        # each from an address of its own: many from one are slowed (test_tokens.py)
        problem(deaf.ask("GET", path, token="burstd_" + "x" * 43, source=f"127.0.1.{i + 1}"), 401, "unauthorized")


@pytest.mark.parametrize("path", PATHS)
def test_etag_and_head(deaf, path):
    reply = deaf.ask("GET", path)
    etag = reply.headers["ETag"]
    assert reply.status_code == 200 and etag.startswith('"')
    head = deaf.ask("HEAD", path)
    assert head.status_code == 200 and not head.content
    if path not in ("/v1/status", "/metrics"):  # their ETag changes with each picture, or at each look
        assert head.headers["ETag"] == etag
        assert head.headers["Content-Length"] == reply.headers["Content-Length"]
        again = deaf.ask("GET", path, headers={"If-None-Match": f'"other", W/{etag}'})
        assert again.status_code == 304 and not again.content and again.headers["ETag"] == etag
    assert deaf.ask("GET", path, headers={"If-None-Match": "*"}).status_code == 304
    assert deaf.ask("GET", path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_methods(deaf, path):
    options = deaf.ask("OPTIONS", path)
    assert options.status_code == 204
    allowed = options.headers["Allow"].split(", ")
    assert {"GET", "HEAD", "OPTIONS"} <= set(allowed)
    for method in {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "TRACE"} - set(allowed):
        reply = deaf.ask(method, path)
        problem(reply, 405, "method-not-allowed")
        assert reply.headers["Allow"] == options.headers["Allow"]


@pytest.mark.parametrize("path", PATHS)
def test_unknown_query_parameter(deaf, path):
    assert "nonsense" in problem(deaf.ask("GET", path + "?nonsense=1"), 400, "bad-request")["detail"]


@pytest.mark.parametrize("letters", range(50, 70))
def test_long_query_parameter(deaf, letters):
    """A problem quotes the beginning of a name, never a part of a character: that would be no JSON, and so no reply."""
    reply = deaf.ask("GET", "/v1/bursting?" + "x" * (letters % 2) + "%C3%A9" * letters + "=1")
    assert "é" in problem(reply, 400, "bad-request")["detail"]


@pytest.mark.parametrize("data", [b'{"bursting_threshold": 5\x00}', b'{"bursting_threshold": 5}\x00',
                                  b'{"bursting_threshold\x00": 5}'])
def test_nul_in_a_body(deaf, data):
    """jansson skips a NUL behind a number: what comes after it would be read by us and by no one else."""
    assert "NUL" in problem(deaf.ask("PATCH", "/v1/bursting", data=data), 400, "bad-request")["detail"]


@pytest.mark.parametrize("number", ["0", "-1", "01", "1.0", "x", "", "9" * 19, str(2**63), "9" * 40])
def test_ids_in_a_query(deaf, number):
    """As narrow as those in a path: 18 digits are the most."""
    problem(deaf.ask("GET", f"/v1/history?node={number}"), 400, "bad-request")
    assert deaf.ask("GET", f"/v1/history?node={'9' * 18}").status_code == 200


def test_media_types(deaf):
    problem(deaf.ask("GET", "/v1/status", headers={"Accept": "text/html"}), 406, "not-acceptable")
    problem(deaf.ask("GET", "/openapi.yaml", headers={"Accept": "application/json"}), 406, "not-acceptable")
    problem(deaf.ask("PATCH", "/v1/bursting", data="enabled=1",
                     headers={"Content-Type": "application/x-www-form-urlencoded"}), 415, "unsupported-media-type")


def test_host_is_checked(deaf):
    problem(deaf.ask("GET", "/v1/status", headers={"Host": "rebound.example.com"}), 421, "misdirected")
    problem(deaf.ask("GET", "/healthz", token=None, headers={"Host": "rebound.example.com"}), 421, "misdirected")
    assert deaf.ask("GET", "/v1/status", headers={"Host": "localhost:1"}).status_code == 200


def test_long_address(deaf):
    problem(deaf.ask("GET", "/v1/history?actor=" + "a" * 4100), 414, "uri-too-long")


@pytest.mark.parametrize("data,pointer", [
    (b'{"enabled": true', None),
    (b'{"tag_value": "\xff\xfe"}', None),
    (b'{"enabled": true, "enabled": false}', "/enabled"),
    (b'{"tag_value": "a\\u0000b"}', None),
    (b"[true]", None),
    (b'"enabled"', None),
    (b"", None),
    (b'{"a":' * 500 + b"1" + b"}" * 500, None),
])
def test_broken_bodies_change_nothing(deaf, data, pointer):
    before = deaf.get("/v1/bursting")
    problem(deaf.ask("PATCH", "/v1/bursting", data=data), 400, "bad-request", pointer)
    assert deaf.get("/v1/bursting") == before


def test_two_mebibytes(deaf):
    before = deaf.get("/v1/bursting")
    problem(deaf.ask("PATCH", "/v1/bursting", data=b" " * (2 << 20)), 413, "too-large")
    problem(deaf.ask("POST", "/v1/holds", data=b'{"reason":"' + b"x" * (2 << 20) + b'"}'), 413, "too-large")
    problem(deaf.ask("PATCH", "/v1/bursting", data=iter([b" "] * 5000)), 413, "too-large")
    assert deaf.get("/v1/bursting") == before


def test_bad_cursor_and_limit(deaf):
    for path in ("/v1/locations", "/v1/nodes", "/v1/operations", "/v1/history", "/v1/decisions", "/v1/holds",
                 "/v1/schedules", "/v1/tokens"):
        for query in ("limit=0", "limit=501", "limit=all", "cursor=x", "cursor=" + "A" * 60, "limit=5&limit=6"):
            problem(deaf.ask("GET", f"{path}?{query}"), 400, "bad-request")


def test_unknown_ids(deaf):
    for path in ("/v1/nodes/1", "/v1/locations/1", "/v1/operations/1", "/v1/decisions/1", "/v1/holds/1",
                 "/v1/schedules/1", "/v1/schedules/1/preview", "/v1/schedules/x/preview", "/v1/schedules/1/review",
                 "/v1/tokens/4711", "/v1/nodes/0", "/v1/nodes/abc", "/v1/nodes/-1", "/v1/nodes/1/", "/v1//nodes", "/v1"):
        problem(deaf.ask("GET", path), 404, "not-found")
    for path in ("/v1/nodes/1/start", "/v1/nodes/1/stop", "/v1/operations/1/cancel"):
        problem(deaf.ask("POST", path), 404, "not-found")
    problem(deaf.ask("PATCH", "/v1/nodes/1", body={"wishes": {"power": "on"}}), 404, "not-found")
    problem(deaf.ask("PATCH", "/v1/locations/1", body={"bursting_threshold": 3}), 404, "not-found")
    problem(deaf.ask("DELETE", "/v1/holds/1"), 404, "not-found")
    problem(deaf.ask("DELETE", "/v1/tokens/4711"), 404, "not-found")


@pytest.mark.parametrize("digits", [17, 18, 19, 20, 40])
def test_long_ids(deaf, digits):
    problem(deaf.ask("GET", "/v1/nodes/" + "9" * digits), 404, "not-found")


def test_raw_nonsense(deaf):
    """What is no HTTP gets an error or nothing, and the daemon goes on."""
    host, port = deaf.address.split(":")
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\0" * 100,
                 b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                 b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 5000 + b"\r\n"):
        with socket.create_connection((host, int(port)), timeout=10) as s:
            with contextlib.suppress(OSError):  # the daemon may have closed it by then
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
    assert deaf.ask("GET", "/healthz", token=None).status_code == 200


def test_every_request_is_logged_with_its_id(deaf):
    body = problem(deaf.ask("GET", "/v1/nodes/4711"), 404, "not-found")
    line = until(lambda: next((x for x in deaf.process.lines if body["instance"] in x), None), "its log line")
    for part in ("/v1/nodes/4711", "404", "GET", "admin"):
        assert part in line
