"""A million events: pages at both ends and behind filters, and both exports in the same memory."""

import pathlib
import re
import sqlite3

import pytest
import requests

from harness import PATIENCE, Burstd, upstreams

EVENTS = 1_000_000
# Row i: its type, node, location and actor follow from i, so that what a filter must give is known.
FILL = f"""
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {EVENTS})
INSERT INTO event (id, time, clock, type, node, node_name, location, actor, reason, rule, figures, operation)
SELECT i, 1700000000000 + i * 1000, 1700000000000 + i * 1000, iif(i % 1000 = 7, 'fail', iif(i % 2, 'start', 'stop')),
       i % 40 + 1, 'burst-' || (i % 40 + 1), i % 3 + 1, iif(i % 50000 = 11, 'alice', 'controller'),
       'AWS burst can take 3 HD calls more', 'S3', '{{"free_hd_calls":3,"threshold":5}}', i FROM n
"""


def of_type(i):
    return "fail" if i % 1000 == 7 else "start" if i % 2 else "stop"


@pytest.fixture(scope="module")
def million(contract):
    """burstd with a long history. Freed memory is not kept for long, so that a sanitized build shows what it holds."""
    burstd = Burstd(contract, {**upstreams("http://127.0.0.1:9", "http://127.0.0.1:9"),
                               "ASAN_OPTIONS": "quarantine_size_mb=1"})
    burstd.stop()
    with sqlite3.connect(pathlib.Path(burstd.directory.name, "burstd.db")) as db:
        db.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144;"
                         f"DELETE FROM event; {FILL}")
    db.close()
    burstd.start()
    yield burstd
    burstd.close()


QUERIES = {
    "": lambda i: True,
    "node=8": lambda i: i % 40 == 7,
    "location=2": lambda i: i % 3 == 1,
    "type=fail": lambda i: of_type(i) == "fail",
    "actor=alice": lambda i: i % 50000 == 11,
    "location=2&type=fail": lambda i: i % 3 == 1 and of_type(i) == "fail",
    "location=3&actor=alice": lambda i: i % 3 == 2 and i % 50000 == 11,
    "type=start&actor=alice": lambda i: of_type(i) == "start" and i % 50000 == 11,
    "location=1&type=start&actor=alice": lambda i: i % 3 == 0 and of_type(i) == "start" and i % 50000 == 11,
    "node=12&location=1&type=start&actor=alice": lambda i: i % 40 == 11 and i % 3 == 0 and of_type(i) == "start" and i % 50000 == 11,
    "type=settings": lambda i: False,
}


@pytest.mark.parametrize("query", QUERIES)
def test_first_and_last_page(million, query):
    """Right at both ends. That the one costs what the other does is held by tests/unit/test_history_million.c."""
    fitting = [i for i in range(EVENTS, 0, -1) if QUERIES[query](i)]
    first = million.get(f"/v1/history?limit=20&until=2024-01-01T00:00:00Z&{query}")
    assert [e["id"] for e in first["items"]] == fitting[:20]
    assert (first["next"] is not None) == (len(fitting) > 20)
    oldest = "2023-11-14T22:20:00Z"  # 400 s after the first
    last = million.get(f"/v1/history?limit=500&until={oldest}&{query}")
    assert [e["id"] for e in last["items"]] == [i for i in fitting if i < 400] and last["next"] is None


def peak(burstd):
    """Most resident memory there ever was, in kB."""
    status = pathlib.Path(f"/proc/{burstd.process.child.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1))


def export(burstd, media, query):
    """(bytes, lines, the first line, the last line) of an export, of which no more than a piece is in memory here."""
    reply = requests.get(f"http://{burstd.address}/v1/history?until=2024-01-01T00:00:00Z&{query}", stream=True, timeout=PATIENCE,
                         headers={"Authorization": f"Bearer {burstd.token}", "Accept": media})
    assert reply.status_code == 200, reply.text
    size, lines, head, tail = 0, 0, b"", b""
    for piece in reply.iter_content(1 << 18):
        size += len(piece)
        lines += piece.count(b"\n")
        head = head if b"\n" in head else head + piece[:4096]
        tail = (tail + piece)[-4096:]
    return size, lines, head.split(b"\n")[0], tail.rstrip().split(b"\n")[-1]


def test_both_exports_in_the_same_memory(million):
    for media in ("text/csv", "application/x-ndjson") * 3:  # buffers and caches of every HTTP thread come to their size
        export(million, media, "since=2023-11-25T00:00:00Z")
    before = peak(million)
    size, lines, head, tail = export(million, "text/csv", "")
    assert size > 80_000_000 and lines == EVENTS + 1 and head.startswith(b"id,time,") and tail.startswith(b"1,2023-11-14T22:13:21.000Z,")
    size, lines, head, tail = export(million, "application/x-ndjson", "")
    assert size > 200_000_000 and lines == EVENTS
    assert head.startswith(b'{"id":1000000,') and tail.startswith(b'{"id":1,"time":"2023-11-14T22:13:21.000Z",')
    assert peak(million) < before + 6_000
