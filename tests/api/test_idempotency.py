"""Idempotency-Key: one effect and one answer, also across a restart, a kill, and twins at the same time."""

import signal
import socket
import threading
import uuid

import pytest

from harness import Burstd, problem, until, upstreams

DEAF = upstreams("http://127.0.0.1:9", "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def own(contract):
    burstd = Burstd(contract, DEAF)
    yield burstd
    burstd.close()


def post(burstd, key, name, path="/v1/tokens", **options):
    """Makes a token: an effect that can be counted, and a reply that cannot be made twice."""
    return burstd.ask("POST", path, body={"name": name, "role": "viewer"}, headers={"Idempotency-Key": key}, **options)


def count(burstd, name):
    return [t["name"] for t in burstd.get("/v1/tokens?revoked=true&limit=500")["items"]].count(name)


def same(a, b):
    return (a.status_code, a.content) == (b.status_code, b.content) and \
        all(a.headers.get(h) == b.headers.get(h) for h in ("Location", "ETag", "Content-Type"))


def test_replay(own):
    first = post(own, "replay", "replay")
    assert first.status_code == 201 and "Idempotent-Replayed" not in first.headers
    again = post(own, "replay", "replay")
    assert same(first, again) and again.headers["Idempotent-Replayed"] == "true"
    assert count(own, "replay") == 1


def test_without_key_nothing_is_kept(own):
    body = {"name": "no-key", "role": "viewer"}
    assert own.ask("POST", "/v1/tokens", body=body).status_code == 201
    problem(own.ask("POST", "/v1/tokens", body=body), 409, "conflict")


def test_conflict_is_replayed(own):
    """An answer that depends on the moment stays what it was: the client asked then."""
    made = post(own, "c-1", "conflict").json()
    refused = post(own, "c-2", "conflict")
    problem(refused, 409, "conflict", "/name")
    assert own.ask("DELETE", f"/v1/tokens/{made['id']}").status_code == 204
    again = post(own, "c-2", "conflict")
    assert same(refused, again) and again.headers["Idempotent-Replayed"] == "true"
    assert post(own, "c-3", "conflict").status_code == 201


def test_other_request_under_the_key(own):
    post(own, "reused", "reused")
    problem(post(own, "reused", "other"), 422, "idempotency-key-reused")
    problem(own.ask("POST", "/v1/holds", body={}, headers={"Idempotency-Key": "reused"}), 422,
            "idempotency-key-reused")
    problem(own.ask("POST", "/v1/nodes/1/start", headers={"Idempotency-Key": "reused"}), 422, "idempotency-key-reused")
    assert count(own, "other") == 0
    assert post(own, "reused", "reused").status_code == 201


def test_query_is_part_of_the_request(own):
    headers = {"Idempotency-Key": "query"}
    problem(own.ask("POST", "/v1/nodes/1/start?dry_run=false", headers=headers), 404, "not-found")
    problem(own.ask("POST", "/v1/nodes/1/start", headers=headers), 422, "idempotency-key-reused")


def test_dry_run_leaves_the_key_alone(own):
    """It neither uses a key up nor is it answered from one: whoever tries first and then acts keeps one key."""
    headers = {"Idempotency-Key": "tried"}
    body = {"name": "tried", "role": "viewer"}
    for _ in range(2):
        plan = own.ask("POST", "/v1/tokens?dry_run=true", body=body, headers=headers)
        assert plan.status_code == 200 and "Idempotent-Replayed" not in plan.headers
    assert post(own, "tried", "tried").status_code == 201
    problem(own.ask("POST", "/v1/tokens?dry_run=true", body=body, headers=headers), 409, "conflict", "/name")
    problem(own.ask("POST", "/v1/tokens?dry_run=true", body=body, headers={"Idempotency-Key": "a b"}), 400, "bad-request")


def test_bad_request_leaves_the_key_free(own):
    headers = {"Idempotency-Key": "mended"}
    problem(own.ask("POST", "/v1/tokens", body={"name": "mended"}, headers=headers), 400, "bad-request", "/role")
    assert post(own, "mended", "mended").status_code == 201


def test_keys_belong_to_the_token(own):
    other = own.ask("POST", "/v1/tokens", body={"name": "other-admin", "role": "admin"}).json()
    first = post(own, "mine", "mine")
    theirs = post(own, "mine", "theirs", token=other["token"])
    assert theirs.status_code == 201 and theirs.json()["id"] != first.json()["id"]
    viewer = own.ask("POST", "/v1/tokens", body={"name": "a-viewer", "role": "viewer"}).json()
    problem(post(own, "mine", "mine", token=viewer["token"]), 403, "forbidden")
    problem(post(own, "mine", "mine", token=None), 401, "unauthorized")


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb", "\u00e9".encode(), b"\x7f"])
def test_bad_keys(own, key):
    problem(post(own, key, "bad-key"), 400, "bad-request")
    assert count(own, "bad-key") == 0


@pytest.mark.parametrize("key", ["~", "!" + "x" * 254, str(uuid.uuid4()), '"quoted"'])
def test_good_keys(own, key):
    name = "good-" + key[:4]
    assert same(post(own, key, name), post(own, key, name))
    assert count(own, name) == 1


def test_expires(contract):
    burstd = Burstd(contract, DEAF, 86400)  # 24 hours take a second
    try:
        first = post(burstd, "short", "short")
        assert first.status_code == 201
        until(lambda: post(burstd, "short", "short").status_code == 409, "the reply is forgotten, the token is not")
    finally:
        burstd.close()


def test_restart(contract):
    burstd = Burstd(contract, DEAF)
    try:
        first = post(burstd, "kept", "kept")
        for number in (signal.SIGTERM, signal.SIGKILL):
            burstd.stop(number)
            burstd.start()
            assert same(first, post(burstd, "kept", "kept"))
            problem(post(burstd, "kept", "changed"), 422, "idempotency-key-reused")
        assert count(burstd, "kept") == 1
    finally:
        burstd.close()


def test_twins_at_the_same_time(own):
    for i in range(25):
        barrier, replies = threading.Barrier(4), []

        def twin():
            barrier.wait()
            replies.append(post(own, f"twin-{i}", f"twin-{i}"))
        threads = [threading.Thread(target=twin) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(replies) == 4 and all(r.status_code == 201 and same(r, replies[0]) for r in replies)
        assert sum("Idempotent-Replayed" in r.headers for r in replies) == 3
        assert count(own, f"twin-{i}") == 1


def test_killed_in_the_middle(contract):
    """
    kill -9 while the request is on its way, at whatever moment it hits: afterwards the request is sent once more, and has
    had one effect. Which side of the commit it was may differ; what holds does not.
    """
    burstd = Burstd(contract, DEAF)
    try:
        for i in range(12):
            host, port = burstd.address.split(":")
            body = f'{{"name": "killed-{i}", "role": "viewer"}}'
            with socket.create_connection((host, int(port)), timeout=10) as s:
                s.sendall(f"POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {burstd.token}\r\n"
                          f"Idempotency-Key: killed-{i}\r\nContent-Type: application/json\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
                if i % 3 == 0:
                    s.recv(1)  # in every third round the reply had begun: the commit was made
                burstd.process.child.kill()
            burstd.stop()
            burstd.start()
            retried = burstd.ask("POST", "/v1/tokens", data=body, headers={"Idempotency-Key": f"killed-{i}"})
            assert retried.status_code == 201
            assert i % 3 or retried.headers["Idempotent-Replayed"] == "true"
            assert count(burstd, f"killed-{i}") == 1
    finally:
        burstd.close()
