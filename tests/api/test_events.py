"""/v1/events: what happens, as it happens, to many at once, without a gap, and whatever its listeners do."""

import json
import pathlib
import random
import re
import signal
import socket
import ssl
import tempfile
import threading
import time

import pytest
import requests

from harness import PATIENCE, Burstd, problem, until, upstreams
from test_export import fill
from test_export import ROWS as LONG_HISTORY
from test_roles import revoke_by_command
from test_tls import Authority, context, settings

LISTENERS = 200
NOBODY = upstreams("http://127.0.0.1:9", "http://127.0.0.1:9")
SECURITY = ("Cache-Control", "X-Content-Type-Options")


@pytest.fixture(scope="module")
def quick(contract):
    """A burstd of our own: at this scale a heartbeat comes every 150 ms, so a sleeping listener is never waited for long."""
    burstd = Burstd(contract, NOBODY, 100)
    yield burstd
    burstd.close()


class Listener:
    """One connection; `messages` reads as they come."""

    def __init__(self, burstd, last=None, query="", token=None, authority=None):
        headers = {"Authorization": f"Bearer {token or burstd.token}", "Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.reply = requests.get(f"{'https' if authority else 'http'}://{burstd.address}/v1/events{query}", headers=headers,
                                  stream=True, timeout=PATIENCE, verify=str(authority.root) if authority else None)
        assert self.reply.status_code == 200, self.reply.text
        assert self.reply.headers["Content-Type"] == "text/event-stream"
        burstd.contract.exercised.setdefault("followEvents", set()).add(200)
        self.lines = self.reply.iter_lines(chunk_size=1, decode_unicode=True)

    def messages(self):
        """Yields {"event", "data", "id"}, also for comments: {"": text}. These go on for ever, so patience is limited."""
        message, end = {}, time.monotonic() + PATIENCE
        for line in self.lines:
            assert time.monotonic() < end, f"not within {PATIENCE} s"
            if line:
                field, _, value = line.partition(":")
                message[field] = value.removeprefix(" ")
            elif message:
                yield message
                message = {}

    def next(self, event):
        return next(m for m in self.messages() if m.get("event") == event)

    def events(self, n):
        """The next n of history."""
        return [json.loads(self.next("history")["data"]) for _ in range(n)]

    def rest(self):
        """The ids of what comes until the proper end of the body; a connection that is only cut is an exception."""
        return [int(m["id"]) for m in self.messages() if m.get("event") == "history"]

    def close(self):
        self.reply.close()


def happen(burstd):
    """One more event in the history; its id."""
    now = burstd.get("/v1/bursting")["bursting_threshold"]
    reply = burstd.ask("PATCH", "/v1/bursting", body={"bursting_threshold": now % 50 + 1})
    assert reply.status_code == 200
    return newest(burstd)


def newest(burstd):
    items = burstd.get("/v1/history?limit=1")["items"]
    return items[0]["id"] if items else 0


def metric(burstd, name):
    return float(re.search(rf"^{re.escape(name)} (\S+)$", burstd.ask("GET", "/metrics").text, re.MULTILINE).group(1))


def connected(burstd):
    """How many connections burstd has, as the kernel sees it: established, and owned by a process."""
    port = int(burstd.address.split(":")[1])
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return sum(int(row[1].split(":")[1], 16) == port and row[3] == "01" and row[9] != "0" for row in rows)


def raw_listener(burstd, last, window):
    """A socket that has asked and not read yet, with room for `window` bytes in its kernel."""
    host, port = burstd.address.split(":")
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    s.settimeout(PATIENCE)
    s.connect((host, int(port)))
    s.sendall(f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {burstd.token}\r\n"
              f"Last-Event-ID: {last}\r\n\r\n".encode())
    return s


# --- what arrives --------------------------------------------------------------------------------------------------


def test_what_happens_arrives_as_the_history_has_it(quick, contract):
    before = newest(quick)
    listener = Listener(quick)
    assert next(listener.messages()) == {"retry": "2000", "id": str(before)}
    described = contract.operations["followEvents"][2]["responses"]["200"]["content"]["text/event-stream"]["x-event-data"]
    message = listener.next("picture")
    assert "id" not in message
    contract.check_schema(described["picture"], json.loads(message["data"]), "picture")
    number = happen(quick)
    message = listener.next("history")
    assert message["id"] == str(number)
    event = json.loads(message["data"])
    contract.check_schema(described["history"], event, "history")
    assert event == quick.get("/v1/history?limit=1")["items"][0]
    listener.close()


def test_headers_are_those_of_every_reply(quick):
    listener = Listener(quick)
    other = quick.ask("GET", "/v1/status")
    for name in SECURITY:
        assert listener.reply.headers[name] == other.headers[name]
    assert "Strict-Transport-Security" not in listener.reply.headers
    listener.close()


def test_pictures_are_told_of(quick):
    listener = Listener(quick)
    first, second = (json.loads(listener.next("picture")["data"]) for _ in range(2))
    assert second["seq"] > first["seq"] and second["generated_at"] >= first["generated_at"]
    listener.close()


def test_a_heartbeat_comes(quick):
    listener = Listener(quick)
    assert next(m for m in listener.messages() if "" in m)[""] == ""
    listener.close()


def test_it_goes_on_behind_the_last_event(quick):
    first = newest(quick)
    for _ in range(250):  # more than are read at once
        happen(quick)
    wanted = list(range(first + 1, first + 251))
    for how in ({"last": first}, {"query": f"?last_event_id={first}"}, {"last": first, "query": "?last_event_id=0"}):
        listener = Listener(quick, **how)
        assert [e["id"] for e in listener.events(len(wanted))] == wanted
        wanted.append(happen(quick))
        assert listener.events(1)[0]["id"] == wanted[-1]
        listener.close()
    listener = Listener(quick, last=0)
    assert [e["id"] for e in listener.events(5)] == [1, 2, 3, 4, 5]
    listener.close()
    listener = Listener(quick, last=10**15)  # from before an older database was put back
    assert happen(quick) == listener.events(1)[0]["id"]
    listener.close()


def test_nothing_is_lost_by_coming_and_going(quick):
    """Events are made all the time while a client drops its connection after every few and goes on behind the last."""
    chance = random.Random(7)
    first = newest(quick)
    writer = threading.Thread(target=lambda: [happen(quick) for _ in range(200)])
    writer.start()
    seen = []
    while len(seen) < 200:
        listener = Listener(quick, last=seen[-1] if seen else first)
        seen += [e["id"] for e in listener.events(min(chance.randint(1, 20), 200 - len(seen)))]
        listener.close()
    writer.join(PATIENCE)
    assert seen == list(range(first + 1, first + 201))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_loses_and_repeats_nothing(contract, how):
    """A client that goes on behind what it has got, as an EventSource does, over three lives of the process."""
    burstd = Burstd(contract, NOBODY, 100)
    try:
        position = int(next(Listener(burstd).messages())["id"])
        first, seen = position, []
        for _ in range(3):
            listener = Listener(burstd, last=position)
            made = [happen(burstd) for _ in range(5)]
            seen += [e["id"] for e in listener.events(2)]
            position = seen[-1]
            burstd.stop(how)
            listener.close()
            burstd.start()
            assert newest(burstd) >= made[-1]
            listener = Listener(burstd, last=position)
            made.append(happen(burstd))
            seen += [e["id"] for e in listener.events(made[-1] - position)]
            position = seen[-1]
            listener.close()
        assert seen == list(range(first + 1, newest(burstd) + 1))
    finally:
        burstd.close()


# --- many ----------------------------------------------------------------------------------------------------------


def test_many_listen_and_each_gets_each_event_once(contract):
    """From one address with the limit that addresses have; at the end of the process each body ends properly."""
    burstd = Burstd(contract, {**NOBODY, "BURSTD_CONNECTIONS_PER_ADDRESS": "256"}, 100)
    first = newest(burstd)
    threads = metric(burstd, "process_threads")
    listeners = [Listener(burstd, last=first) for _ in range(LISTENERS)]
    assert metric(burstd, "process_threads") == threads
    assert metric(burstd, "process_open_fds") > LISTENERS
    last = [happen(burstd) for _ in range(20)][-1]
    wanted = list(range(first + 1, last + 1))
    for listener in listeners:
        assert [e["id"] for e in listener.events(len(wanted))] == wanted
    assert metric(burstd, 'burstd_http_request_duration_seconds_count{operation="followEvents"}') == LISTENERS
    burstd.close()
    for listener in listeners:
        assert listener.rest() == []


def test_those_that_went_away_are_forgotten(quick):
    """Nobody tells burstd that they are gone: the heartbeats find out."""
    before = connected(quick)
    for listener in [Listener(quick) for _ in range(50)]:
        listener.close()
    until(lambda: connected(quick) <= before, "the listeners that went away are forgotten")


# --- the end -------------------------------------------------------------------------------------------------------


def test_it_ends_with_the_process(contract):
    """Sleeping listeners, one that reads nothing, and one that is given much: none holds up the end, and none is lost."""
    burstd = Burstd(contract, NOBODY)
    for _ in range(300):
        happen(burstd)
    listeners = [Listener(burstd) for _ in range(20)]
    for listener in listeners:
        listener.next("picture")
    made = [happen(burstd) for _ in range(3)]
    for listener in listeners:
        assert [e["id"] for e in listener.events(3)] == made
    deaf_one = raw_listener(burstd, 0, 2048)
    behind = Listener(burstd, last=0)
    behind.events(1)
    began = time.monotonic()
    burstd.close()  # expects exit code 0
    assert time.monotonic() - began < PATIENCE / 2
    for listener in listeners:
        assert listener.rest() == []
    deaf_one.close()


def test_a_revoked_token_hears_no_more(quick):
    """Its stream comes to a proper end; nobody else's does."""
    token = quick.create_token("eve", "viewer")
    eve, other = Listener(quick, token=token), Listener(quick)
    eve.next("picture")
    revoke_by_command(quick, "eve")
    assert eve.rest() == []
    problem(quick.ask("GET", "/v1/events", token=token), 401, "unauthorized")
    last = happen(quick)
    assert other.events(1)[0]["id"] == last
    other.close()


def test_a_token_revoked_over_the_api_hears_no_more(quick):
    made = quick.ask("POST", "/v1/tokens", body={"name": "mallory", "role": "operator"}).json()
    listener = Listener(quick, token=made["token"])
    listener.next("picture")
    assert quick.ask("DELETE", f"/v1/tokens/{made['id']}").status_code == 204
    assert listener.rest() == []


# --- deadlines and slow ones -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hasty(contract):
    """Waits a second for its clients; with a long history."""
    burstd = Burstd(contract, {**NOBODY, "BURSTD_CLIENT_IDLE_SECONDS": "1", "ASAN_OPTIONS": "quarantine_size_mb=1"}, 100)
    burstd.stop()
    fill(pathlib.Path(burstd.directory.name, "burstd.db"))
    burstd.start()
    yield burstd
    burstd.close()


def test_who_listens_is_no_silent_client(contract):
    """At the real pace of heartbeats, over many times the deadline of silence and that of a request."""
    burstd = Burstd(contract, {**NOBODY, "BURSTD_CLIENT_IDLE_SECONDS": "1"})
    try:
        listener = Listener(burstd)
        listener.next("picture")
        end = time.monotonic() + 5
        until(lambda: time.monotonic() > end, "five seconds are over")
        last = happen(burstd)
        assert listener.events(1)[0]["id"] == last
        listener.close()
    finally:
        burstd.close()


def test_slow_readers_are_dropped_and_cost_no_memory(hasty):
    """Forty that want the whole history and do not take it, beside one that does."""
    quick = Listener(hasty)
    quick.next("picture")  # so burstd has what it needs for the first listener
    memory, before = metric(hasty, "process_resident_memory_bytes"), connected(hasty)
    slow = [raw_listener(hasty, 0, 4096) for _ in range(40)]
    until(lambda: connected(hasty) >= before + 40, "all of them are let in")
    behind = Listener(hasty, last=LONG_HISTORY - 5000)
    assert [e["id"] for e in behind.events(5000)] == list(range(LONG_HISTORY - 4999, LONG_HISTORY + 1))
    behind.close()
    assert metric(hasty, "process_resident_memory_bytes") - memory < 50e6  # less than the history once
    until(lambda: connected(hasty) <= before, "those that take nothing are dropped")
    last = happen(hasty)
    assert quick.events(1)[0]["id"] == last
    quick.close()
    for s in slow:
        s.close()


def test_a_byte_now_and_then_is_too_slow(hasty):
    until(lambda: connected(hasty) == 0, "nobody is there")
    with raw_listener(hasty, 0, 4096) as s:
        s.recv(1)
        until(lambda: connected(hasty) == 1, "it is let in")
        until(lambda: s.recv(1) and connected(hasty) == 0, "it is dropped")


def test_a_sleeper_that_acknowledges_nothing_is_dropped(contract):
    """Too little for the server's side of the socket to be full, so it sleeps, and few heartbeats: the kernel gives up."""
    burstd = Burstd(contract, {**NOBODY, "BURSTD_CLIENT_IDLE_SECONDS": "1"})
    try:
        with raw_listener(burstd, 0, 2048):
            until(lambda: connected(burstd) == 1, "it is let in")
            for _ in range(40):
                happen(burstd)
            until(lambda: connected(burstd) == 0, "it is dropped")
    finally:
        burstd.close()


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_over_tls(contract):
    """Listeners, one of them slow, a revoked one, and the end of the process; the replies say what TLS replies say."""
    with tempfile.TemporaryDirectory(prefix="burstd-tls-") as folder:
        authority = Authority(folder)
        burstd = Burstd(contract, settings(*authority.server("events"), BURSTD_CLIENT_IDLE_SECONDS="2"), 100)
        listeners = [Listener(burstd, last=0, authority=authority) for _ in range(20)]
        host, port = burstd.address.split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as plain, \
                context(authority).wrap_socket(plain, server_hostname="127.0.0.1") as idle:
            idle.sendall(f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {burstd.token}\r\n\r\n".encode())
            for listener in listeners:
                assert listener.reply.headers["Strict-Transport-Security"].startswith("max-age=")
                listener.next("picture")
            headers = {"Authorization": f"Bearer {burstd.token}", "If-Match": "*"}
            for value in (7, 8, 9):
                assert requests.patch(f"https://{burstd.address}/v1/bursting", json={"bursting_threshold": value},
                                      headers=headers, verify=str(authority.root), timeout=PATIENCE).status_code == 200
            for listener in listeners:
                assert [e["figures"]["changes"]["bursting_threshold"]["new"] for e in listener.events(3)] == [7, 8, 9]
            burstd.close()
            for listener in listeners:
                assert listener.rest() == []
            try:
                while idle.recv(4096):
                    pass
            except (ssl.SSLError, ConnectionError):
                pass


# --- what is refused -------------------------------------------------------------------------------------------------


def test_what_is_refused(quick):
    for bad in ("-1", "x", "1.5", "1" * 19, "+1", "", "1 2"):
        problem(quick.ask("GET", "/v1/events", headers={"Last-Event-ID": bad}), 400, "bad-request")
    problem(quick.ask("GET", "/v1/events?last_event_id=x"), 400, "bad-request")
    problem(quick.ask("GET", "/v1/events?since=1"), 400, "bad-request")
    problem(quick.ask("GET", "/v1/events", headers={"Accept": "application/json"}), 406, "not-acceptable")
    problem(quick.ask("GET", "/v1/events", token=None), 401, "unauthorized")


def test_head_and_options(quick):
    head = quick.ask("HEAD", "/v1/events")
    assert head.status_code == 200 and head.headers["Content-Type"] == "text/event-stream"
    assert "Content-Length" not in head.headers and all(name in head.headers for name in SECURITY)
    options = quick.ask("OPTIONS", "/v1/events")
    assert options.status_code == 204 and options.headers["Allow"] == "GET, HEAD, OPTIONS"
    refused = quick.ask("POST", "/v1/events")
    assert refused.status_code == 405 and refused.headers["Allow"] == "GET, HEAD, OPTIONS"
