"""/v1/tokens: made, shown once, used, revoked; and what becomes of someone who guesses."""

import pathlib

import pytest

from harness import Burstd, problem, until, upstreams


@pytest.fixture(scope="module")
def own(contract):
    """A daemon of this file: its tokens come and go."""
    burstd = Burstd(contract, upstreams("http://127.0.0.1:9", "http://127.0.0.1:9"))
    yield burstd
    burstd.close()


def make(burstd, name, role="viewer"):
    reply = burstd.ask("POST", "/v1/tokens", body={"name": name, "role": role})
    assert reply.status_code == 201, reply.text
    assert reply.headers["Location"] == f"/v1/tokens/{reply.json()['id']}"
    return reply.json()


def test_made_shown_once_used_and_revoked(own):
    made = make(own, "grafana")
    path = f"/v1/tokens/{made['id']}"
    shown = own.get(path)
    assert shown == {k: v for k, v in made.items() if k != "token"}
    assert shown["last_used_at"] is None and shown["revoked_at"] is None and shown["role"] == "viewer"
    assert own.ask("GET", "/v1/status", token=made["token"]).status_code == 200  # at once, not within a second
    assert own.get(path)["last_used_at"] is not None
    assert own.ask("DELETE", path).status_code == 204
    assert own.ask("GET", "/v1/status", token=made["token"]).status_code == 401
    assert own.get(path)["revoked_at"] is not None
    assert own.ask("DELETE", path).status_code == 204
    assert made["id"] not in [t["id"] for t in own.get("/v1/tokens")["items"]]
    assert made["id"] in [t["id"] for t in own.get("/v1/tokens?revoked=true")["items"]]
    reasons = [e["reason"] for e in own.get("/v1/history?limit=2&type=settings")["items"]]
    assert reasons == [f"Token {made['id']} (grafana, viewer) was {what} by admin." for what in ("revoked", "made")]


def test_text_is_kept_nowhere(own):
    key = {"Idempotency-Key": "the-text-of-a-token"}
    made = own.ask("POST", "/v1/tokens", body={"name": "secret", "role": "viewer"}, headers=key).json()["token"]
    own.ask("GET", "/v1/status", token=made)
    for path in ("/v1/tokens", "/v1/history"):
        assert made not in own.ask("GET", path).text
    kept = b"".join(p.read_bytes() for p in pathlib.Path(own.directory.name).iterdir() if p.is_file())
    assert made.encode() not in kept and made not in own.log()


def test_pages(own):
    for i in range(5):
        make(own, f"page-{i}")
    everything = own.get("/v1/tokens?limit=500")["items"]
    seen, cursor = [], ""
    while cursor is not None:
        page = own.get(f"/v1/tokens?limit=2{cursor}")
        seen += page["items"]
        cursor = page["next"] and f"&cursor={page['next']}"
    # the admin's own last use may have been noted meanwhile
    assert [t["id"] for t in seen] == [t["id"] for t in everything] and len(seen) >= 6


def test_names_are_unique_among_valid_ones(own):
    first = make(own, "twice")
    problem(own.ask("POST", "/v1/tokens", body={"name": "twice", "role": "admin"}), 409, "conflict", "/name")
    assert own.ask("DELETE", f"/v1/tokens/{first['id']}").status_code == 204
    assert make(own, "twice")["id"] > first["id"]


def test_last_admin_stays(own):
    admins = [t for t in own.get("/v1/tokens?limit=500")["items"] if t["role"] == "admin"]
    assert [t["name"] for t in admins] == ["admin"]
    path = f"/v1/tokens/{admins[0]['id']}"
    problem(own.ask("DELETE", path), 409, "conflict")
    second = make(own, "second-admin", "admin")
    assert own.ask("DELETE", path, token=second["token"]).status_code == 204
    assert own.ask("GET", "/v1/status").status_code == 401
    problem(own.ask("DELETE", f"/v1/tokens/{second['id']}", token=second["token"]), 409, "conflict")
    own.token = second["token"]


def test_lost_update(own):
    made = make(own, "changes")
    path = f"/v1/tokens/{made['id']}"
    etag = own.ask("GET", path).headers["ETag"]
    own.ask("GET", "/v1/status", token=made["token"])
    problem(own.ask("DELETE", path, headers={"If-Match": etag}), 412, "precondition-failed")
    etag = own.ask("GET", path).headers["ETag"]
    assert own.ask("DELETE", path, headers={"If-Match": etag}).status_code == 204


@pytest.mark.parametrize("body,pointer", [
    ({"role": "viewer"}, "/name"),
    ({"name": "x"}, "/role"),
    ({"name": "", "role": "viewer"}, "/name"),
    ({"name": "x" * 101, "role": "viewer"}, "/name"),
    ({"name": "a\nb", "role": "viewer"}, "/name"),
    ({"name": "x", "role": "king"}, "/role"),
    ({"name": "x", "role": "none"}, "/role"),
    ({"name": "x", "role": "viewer", "token": "mine"}, "/token"),
])
def test_bad_requests(own, body, pointer):
    before = own.get("/v1/tokens?revoked=true&limit=500")["items"]
    problem(own.ask("POST", "/v1/tokens", body=body), 400, "bad-request", pointer)
    assert [t["id"] for t in own.get("/v1/tokens?revoked=true&limit=500")["items"]] == [t["id"] for t in before]


def test_guessing_is_slowed(contract):
    """Ten wrong tokens in a minute are answered, then 429 until the minute is over; valid tokens always pass."""
    burstd = Burstd(contract, upstreams("http://127.0.0.1:9", "http://127.0.0.1:9"), 30)  # a minute takes 2 s
    try:
        revoked = make(burstd, "gone")
        assert burstd.ask("DELETE", f"/v1/tokens/{revoked['id']}").status_code == 204

        def guess(i=0, **options):
            return burstd.ask("GET", "/v1/status", token=f"burstd_{i:043d}", **options)

        def slowed():  # again where the machine stalled over the end of a minute
            return [r for r in map(guess, range(30)) if r.status_code == 429]
        assert guess().status_code == 401
        reply = until(slowed, "an address that guesses gets 429")[0]
        problem(reply, 429, "too-many-requests")
        assert 1 <= int(reply.headers["Retry-After"]) <= 2 and reply.headers["Connection"] == "close"
        assert "WWW-Authenticate" not in reply.headers
        assert burstd.ask("GET", "/v1/status").status_code == 200
        assert burstd.ask("GET", "/v1/status", token=revoked["token"]).status_code == 401
        assert burstd.ask("GET", "/v1/status", token=None).status_code == 401
        assert guess(source="127.0.0.9").status_code == 401
        until(lambda: guess().status_code == 401, "the minute is over")
    finally:
        burstd.close()
