"""Replies as gzip: to clients that ask for it, with a tag of their own; and what the dashboard costs to load with it."""

import gzip
import http.client
import json

import pytest

from conftest import SCALE
from harness import PATIENCE, Burstd, World, until, upstreams
from test_dashboard import names
from test_raw import get, raw

# What the page asks for when it is opened; the samples are those of its first chart.
DATA = ["/v1/status", "/v1/decisions?limit=1", "/v1/history?limit=8", "/v1/history?limit=500", "/v1/samples?location={location}&limit=500"]


@pytest.fixture(scope="module", name="large")
def a_large_site(contract):
    """50 locations; 200 nodes, 160 of them to burst with."""
    world = World(SCALE)
    world("traffic", on=False)
    for i in range(25):
        world("add_location", name=f"AWS burst {i:02}")
        world("add_location", name=f"City {i:02}", overflow1=f"AWS burst {i:02}")
    for i in range(40):
        world("add_node", name=f"city-{i:02}", location=f"City {i % 25:02}", running=True)
    for i in range(160):
        world("add_node", name=f"burst-{i:03}", location=f"AWS burst {i % 25:02}", bursting=True, region="eu-west-1")
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
    until(lambda: len(burstd.get("/v1/nodes?limit=500")["items"]) == 200, "all nodes are seen")
    until(lambda: len(burstd.get("/v1/status")["overflow_nodes"]) == 160, "all bursting nodes are seen")
    yield burstd
    burstd.close()
    world.stop()


def sent(burstd, path, *, accept="gzip, deflate, br", method="GET", **headers):
    """The reply as it is sent: its head, its headers and its body, not decoded."""
    host, port = burstd.address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
    connection.putrequest(method, path, skip_accept_encoding=True)
    fields = {"Authorization": f"Bearer {burstd.token}", **({"Accept-Encoding": accept} if accept is not None else {}), **headers}
    for name, value in fields.items():
        connection.putheader(name, value)
    connection.endheaders()
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply, body


def test_page_and_data_of_a_large_site(large):
    """50 locations and 200 nodes, everything that the browser loads, heads and all: less than 250 kB."""
    location = large.get("/v1/status")["principal_locations"][0]["id"]
    page = ["/"] + [f"/ui/{name}" for name in names()]
    data = [path.format(location=location) for path in DATA]
    sizes = {}
    for path in page + data:
        reply, body = sent(large, path)
        assert reply.status == 200, path
        sizes[path] = len(body) + len(str(reply.headers)) + len("HTTP/1.1 200 OK\r\n")
    plain = len(sent(large, "/v1/status", accept=None)[1])
    print(f"page {sum(sizes[path] for path in page)} bytes, data {sum(sizes[path] for path in data)} bytes; status {plain} bytes, as gzip {sizes['/v1/status']}")
    assert plain > 150_000  # else this is no large site
    assert sum(sizes.values()) < 250_000, sizes
    assert sum(sizes[path] for path in page) < 75_000 and sum(sizes[path] for path in data) < 60_000, sizes


@pytest.mark.parametrize("path", ["/v1/status", "/v1/nodes", "/v1/locations", "/v1/nodes?limit=500", "/v1/samples?limit=500", "/metrics", "/openapi.json"])
def test_the_same_either_way(large, path):
    def pair():
        """Both of one picture: else they are asked for again."""
        plain, coded = sent(large, path, accept="identity"), sent(large, path)
        return (plain, coded) if coded[0].headers["ETag"] == plain[0].headers["ETag"][:-1] + '-gzip"' else None

    if path == "/metrics":  # never the same twice
        plain, coded = sent(large, path, accept="identity"), sent(large, path)
        assert gzip.decompress(coded[1]).startswith(b"# HELP")
    else:
        plain, coded = until(pair, "two replies of one picture")
        assert gzip.decompress(coded[1]) == plain[1]
        json.loads(plain[1])
    assert coded[0].headers["Content-Encoding"] == "gzip" and plain[0].headers["Content-Encoding"] is None
    assert all("Accept-Encoding" in reply.headers["Vary"] for reply, _ in (plain, coded))
    assert len(coded[1]) < len(plain[1]) / 4


@pytest.mark.parametrize("path", ["/openapi.json", "/v1/status"])
def test_not_modified_in_either_form(large, path):
    def same(accept):
        """The tag of one reply gives 304 at once, unless a picture came in between."""
        tag = sent(large, path, accept=accept)[0].headers["ETag"]
        reply, body = sent(large, path, accept=accept, **{"If-None-Match": tag})
        return (reply, body, tag) if reply.status == 304 else None

    for accept in ("gzip", "identity", "gzip;q=0", None):
        reply, body, tag = until(lambda accept=accept: same(accept), f"304 with {accept}")
        assert body == b"" and reply.headers["ETag"] == tag and reply.headers["Vary"] == "Accept-Encoding"
        assert ("-gzip" in tag) == (accept == "gzip")


def test_head_has_the_length_of_what_a_get_sends(large):
    reply, body = sent(large, "/openapi.json", method="HEAD")
    again, whole = sent(large, "/openapi.json")
    assert body == b"" and reply.headers["Content-Encoding"] == "gzip"
    assert int(reply.headers["Content-Length"]) == len(whole) and reply.headers["ETag"] == again.headers["ETag"]


@pytest.mark.parametrize("line, coded", [
    (b"", False), (b"Accept-Encoding: gzip\r\n", True), (b"accept-encoding:gzip;q=0.5\r\n", True), (b"Accept-Encoding: gzip;q=0\r\n", False),
    (b"Accept-Encoding: *;q=0\r\n", False), (b"Accept-Encoding: *\r\n", True), (b"Accept-Encoding: identity, gzip;q=0.1\r\n", False),
    (b"Accept-Encoding: \r\n", False), (b"Accept-Encoding: " + b"," * 1000 + b"gzip\r\n", True), (b"Accept-Encoding: gzip;q=\xff\r\n", False)])
def test_what_the_client_says(large, line, coded):
    answer = raw(large, get(b"/v1/status", line + f"Authorization: Bearer {large.token}\r\nConnection: close\r\n".encode()))
    assert answer.startswith(b"HTTP/1.1 200 ")
    head, body = answer.split(b"\r\n\r\n", 1)
    assert (b"\r\nContent-Encoding: gzip" in head) == coded
    assert json.loads(gzip.decompress(body) if coded else body)["overflow_nodes"]


def test_a_part_is_not_given(large):
    """Ranges of the bytes of a reply are not offered: the whole is sent (RFC 9110 14.2)."""
    reply, body = sent(large, "/openapi.json", Range="bytes=0-9")
    assert reply.status == 200 and reply.headers["Accept-Ranges"] is None and len(body) > 10


def test_what_changes_or_fails_is_sent_plain(large):
    for method, path, status in (("POST", "/v1/holds", 400), ("GET", "/v1/nodes/999999", 404)):
        reply, body = sent(large, path, method=method)
        assert reply.status == status and reply.headers["Content-Encoding"] is None
        json.loads(body)


def test_the_tag_of_the_coded_form_is_good_for_a_change(large):
    """requests asks for gzip by itself; a node with many tags would be sent so."""
    tag = large.ask("GET", "/v1/bursting").headers["ETag"]
    for base in (tag, tag[:-1] + '-gzip"'):
        assert large.ask("PATCH", "/v1/bursting?dry_run=true", headers={"If-Match": base}, body={"bursting_threshold": 9}).status_code == 200
    assert large.ask("PATCH", "/v1/bursting", headers={"If-Match": '"0-gzip"'}, body={"bursting_threshold": 9}).status_code == 412


@pytest.mark.parametrize("path", ["/", "/ui/app.js", "/docs", "/docs/swagger-ui.js"])
def test_files_of_the_pages_in_either_form(large, path):
    """They are built in as gzip, and unpacked for who does not ask for that."""
    (coded, small), (plain, whole) = sent(large, path), sent(large, path, accept=None)
    assert coded.headers["Content-Encoding"] == "gzip" and plain.headers["Content-Encoding"] is None
    assert gzip.decompress(small) == whole and len(small) < len(whole)
    assert plain.headers["ETag"] != coded.headers["ETag"] and plain.headers["Vary"] == coded.headers["Vary"] == "Accept-Encoding"
    for accept, reply in (("gzip", coded), (None, plain), ("gzip;q=0", plain)):
        again, body = sent(large, path, accept=accept, **{"If-None-Match": reply.headers["ETag"]})
        assert again.status == 304 and body == b"" and again.headers["ETag"] == reply.headers["ETag"]
        assert again.headers["Content-Encoding"] is None
