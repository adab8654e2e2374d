"""What no library would send: each case ends in a clean refusal or in the end of the connection, and the daemon goes on."""

import os
import re
import socket
import time

import pytest

from harness import PATIENCE, Burstd, upstreams

HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CLOSE = b"Connection: close\r\n"
SECOND = b"GET /healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"  # what a smuggler hides in his request


@pytest.fixture(scope="module")
def hasty(contract):
    """Silent clients are let go after a second, unfinished requests after two."""
    burstd = Burstd(contract, {**upstreams("http://127.0.0.1:9", "http://127.0.0.1:9"),
                               "BURSTD_CLIENT_IDLE_SECONDS": "1"})
    yield burstd
    burstd.close()


def connect(burstd):
    host, port = burstd.address.split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def read_to_end(s):
    """Everything up to the end of the connection, which must come; a reset is an end too."""
    out = b""
    try:
        while data := s.recv(65536):
            out += data
    except ConnectionError:
        pass
    return out


def raw(burstd, data, half_close=False):
    with connect(burstd) as s:
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the daemon has closed it already
        return read_to_end(s)


def statuses(answer):
    return [int(m) for m in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def alive(burstd):
    assert burstd.process.child.poll() is None
    assert burstd.ask("GET", "/healthz", token=None).json() == {"status": "ok"}


def get(path, headers=b"", version=b"HTTP/1.1", method=b"GET"):
    return method + b" " + path + b" " + version + b"\r\n" + HOST + headers + b"\r\n"


def patch(headers, body):
    """With the admin's token in the place of TOKEN."""
    return b"PATCH /v1/bursting HTTP/1.1\r\n" + HOST + b"Authorization: Bearer TOKEN\r\nIf-Match: *\r\n" + JSON + headers + b"\r\n" + body


EMPTY = b"2\r\n{}\r\n0\r\n\r\n"

# Name -> bytes, first status; None = the connection may end without a word.
REFUSED = {
    # where a request ends must not be a matter of opinion; nothing after it is read
    "length and chunked": (patch(b"Content-Length: 4\r\n" + CHUNKED, EMPTY + SECOND), 400),
    "chunked and length": (patch(CHUNKED + b"Content-Length: 4\r\n", EMPTY + SECOND), 400),
    "two lengths": (patch(b"Content-Length: 2\r\nContent-Length: 40\r\n", b"{}" + SECOND), 400),
    "two equal lengths": (patch(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"{}" + SECOND), 400),
    "list of lengths": (patch(b"Content-Length: 2, 2\r\n", b"{}" + SECOND), 400),
    "length +2": (patch(b"Content-Length: +2\r\n", b"{}" + SECOND), 400),
    "length -2": (patch(b"Content-Length: -2\r\n", b"{}" + SECOND), 400),
    "length 0x2": (patch(b"Content-Length: 0x2\r\n", b"{}" + SECOND), 400),
    "empty length": (patch(b"Content-Length: \r\n", b"{}" + SECOND), 400),
    "length beyond 64 bits": (patch(b"Content-Length: 99999999999999999999999\r\n", b"{}"), 413),
    "two codings": (patch(CHUNKED + b"Transfer-Encoding: identity\r\n", EMPTY + SECOND), 400),
    "identity": (patch(b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n", b"{}" + SECOND), 400),
    "xchunked": (patch(b"Transfer-Encoding: xchunked\r\n", EMPTY + SECOND), 400),
    "gzip, chunked": (patch(b"Transfer-Encoding: gzip, chunked\r\n", EMPTY + SECOND), 400),
    "blank before the colon": (patch(b"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n", b"{}" + SECOND), 400),
    "folded coding": (patch(b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n", b"{}" + SECOND), 400),
    "folded header": (get(b"/healthz", b"X: a\r\n b\r\n") + SECOND, 400),
    "carriage return in a header": (get(b"/healthz", b"X: a\rTransfer-Encoding: chunked\r\n") + SECOND, 400),
    "chunked with HTTP/1.0": (get(b"/healthz", CHUNKED, b"HTTP/1.0") + SECOND, 400),
    # chunks
    "chunk size zz": (patch(CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n"), 400),
    "chunk size 0x2": (patch(CHUNKED, b"0x2\r\n{}\r\n0\r\n\r\n"), 400),
    "chunk size -2": (patch(CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n"), 400),
    "chunk of 2^72": (patch(CHUNKED, b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"), 413),
    "chunk longer than said": (patch(CHUNKED, b"2\r\n{}XX\r\n0\r\n\r\n"), 400),
    "chunk extension of 200 kB": (patch(CHUNKED, b"2;" + b"x" * 200_000 + EMPTY[1:]), 500),  # libmicrohttpd's own word
    "trailers of 300 kB": (patch(CHUNKED, EMPTY[:-2] + b"X: y\r\n" * 50_000 + b"\r\n"), 431),
    # sizes
    "50,000 headers": (get(b"/healthz", b"X: y\r\n" * 50_000), 431),
    "a header of 1 MB": (get(b"/healthz", b"X: " + b"y" * 1_000_000 + b"\r\n"), 431),
    "an address of 1 MB": (get(b"/" + b"a" * 1_000_000), 414),
    "an address of 5 kB": (get(b"/" + b"a" * 5000, CLOSE), 414),
    "a method of 1 MB": (b"A" * 1_000_000, 414),
    "3,000 parameters": (get(b"/v1/history?" + b"a&" * 3000), None),
    "a body where none is taken": (get(b"/healthz", CLOSE + b"Content-Length: 5\r\n") + b"hello", 413),
    # addresses
    "NUL in the path": (get(b"/healthz\0x", CLOSE), 400),
    "%00 in the path": (get(b"/healthz%00", CLOSE), 400),
    "%2e%2e": (get(b"/%2e%2e/%2e%2e/etc/passwd", CLOSE), 401),
    "%2e%2e over an open path": (get(b"/v1/%2e%2e/healthz", CLOSE), 401),
    "escaped slash": (get(b"/v1%2Fstatus", CLOSE), 404),
    "broken escape": (get(b"/healthz%zz", CLOSE), 401),
    "absolute form": (get(b"http://localhost/healthz", CLOSE), 401),
    "absolute form, elsewhere": (get(b"http://evil.example/healthz", CLOSE), 401),
    "asterisk": (get(b"*", CLOSE, method=b"OPTIONS"), 401),
    "CONNECT": (get(b"localhost:22", CLOSE, method=b"CONNECT"), 401),
    "blank in the address": (get(b"/heal thz", CLOSE), 401),
    # lines
    "lower-case method": (get(b"/healthz", CLOSE, method=b"get"), 405),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/3.0": (get(b"/healthz", version=b"HTTP/3.0"), 505),
    "another protocol": (get(b"/healthz", version=b"XTTP/1.1"), 400),
    "tabs for blanks": (b"GET\t/healthz\tHTTP/1.1\r\n" + HOST + b"\r\n", None),
    "carriage returns for lines": (b"GET /healthz HTTP/1.1\rHost: localhost\r\r", None),
    "no colon": (get(b"/healthz", b"colon\r\n"), 400),
    "NUL in the name of a header": (get(b"/healthz", b"X\0Y: a\r\n"), 400),
    # hosts and tokens
    "no Host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (get(b"/healthz", b"Host: evil.example\r\n"), 400),
    "two equal Hosts": (get(b"/healthz", HOST), 400),
    "two tokens": (get(b"/v1/status", b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), 400),
    # no HTTP at all
    "TLS to a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500, None),
    "zeros": (b"\0" * 3000, None),
    "empty lines": (b"\r\n" * 3000, None),
    "noise": (os.urandom(4000), None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(hasty, case):
    data, status = REFUSED[case]
    answer = raw(hasty, data.replace(b"TOKEN", hasty.token.encode()))
    got = statuses(answer)
    assert b'"status":"ok"' not in answer, "the hidden request was answered"
    assert got[:1] == [status] if status else all(400 <= s < 500 for s in got), answer[:500]
    alive(hasty)


def test_refusals_of_ours_are_problems(hasty):
    answer = raw(hasty, patch(b"Content-Length: 4\r\n" + CHUNKED, EMPTY).replace(b"TOKEN", hasty.token.encode()))
    head, body = answer.split(b"\r\n\r\n", 1)
    assert b"Connection: close" in head and b"application/problem+json" in head
    assert b"exclude each other" in body


def test_pipelining(hasty):
    """Three requests at once get three replies in their order."""
    answer = raw(hasty, get(b"/healthz") + get(b"/nowhere") + SECOND)
    assert statuses(answer) == [200, 401, 200]
    alive(hasty)


def test_what_is_odd_and_allowed(hasty):
    token = hasty.token.encode()
    assert statuses(raw(hasty, patch(CHUNKED + CLOSE, b"2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n").replace(b"TOKEN", token))) == [200]
    assert statuses(raw(hasty, b"GET /healthz HTTP/1.0\r\n\r\n")) == [200]
    assert statuses(raw(hasty, b"\r\n" + SECOND)) == [200]
    assert statuses(raw(hasty, get(b"/healthz", b"Upgrade: h2c\r\n" + CLOSE))) == [200]


def test_half_close(hasty):
    """Who has said all still gets his reply; who has not gets none, at once or in the end."""
    assert statuses(raw(hasty, get(b"/healthz"), half_close=True)) == [200]
    token = hasty.token.encode()
    assert raw(hasty, patch(b"Content-Length: 20\r\n", b"{}").replace(b"TOKEN", token), half_close=True) == b""
    assert raw(hasty, b"GET /heal", half_close=True) == b""
    alive(hasty)


@pytest.mark.parametrize("begin,drop", [
    (b"", b"G"),
    (b"GET /healthz HTTP/1.1\r\n" + HOST, b"X: y\r\n"),
    (patch(b"Content-Length: 4000\r\n", b"{"), b" "),
    (patch(CHUNKED, b"fa0\r\n{"), b" "),
], ids=["line", "headers", "body", "chunk"])
def test_slow_sender(hasty, begin, drop):
    """A byte now and then keeps no connection: the deadline is of the request, not of the silence."""
    with connect(hasty) as s:
        s.sendall(begin.replace(b"TOKEN", hasty.token.encode()))
        s.settimeout(0.2)
        for _ in range(int(PATIENCE / 0.2)):
            try:
                if s.recv(1000) == b"":
                    break
            except TimeoutError:
                pass
            except ConnectionError:
                break
            try:
                s.sendall(drop)
            except ConnectionError:
                break
        else:
            pytest.fail("the connection is still open")
    alive(hasty)


def test_silent_client(hasty):
    with connect(hasty) as s:
        assert read_to_end(s) == b""
    alive(hasty)


def test_kept_alive_beyond_the_deadline(hasty):
    """The deadline is of one request: a connection that goes on asking lives on."""
    end = time.monotonic() + 4
    with connect(hasty) as s:
        while time.monotonic() < end:
            s.sendall(get(b"/healthz"))
            answer = b""
            while b'{"status":"ok"}' not in answer:
                data = s.recv(1000)
                assert data, "closed"
                answer += data


def test_connections_of_one_address(contract):
    burstd = Burstd(contract, {**upstreams("http://127.0.0.1:9", "http://127.0.0.1:9"),
                               "BURSTD_CONNECTIONS_PER_ADDRESS": "3"})
    try:
        taken = []
        for _ in range(3):
            s = connect(burstd)
            s.sendall(get(b"/healthz"))
            assert s.recv(1000).startswith(b"HTTP/1.1 200")
            taken.append(s)
        assert raw(burstd, SECOND) == b""
        taken.pop().close()
        for _ in range(PATIENCE * 20):  # the end of a connection takes its way through the pool
            if statuses(raw(burstd, SECOND)) == [200]:
                break
        else:
            pytest.fail("a connection that ended still counts")
        for s in taken:
            s.close()
    finally:
        burstd.close()
