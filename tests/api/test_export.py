"""The export of the history: every event once, as CSV and as JSON lines, in the same memory however many there are."""

import csv
import io
import json
import pathlib
import re
import sqlite3
import time

import pytest
import requests

from harness import PATIENCE, Burstd, problem, upstreams

ROWS = 200_000
CSV = {"Accept": "text/csv"}
NDJSON = {"Accept": "application/x-ndjson"}
NAMES = ["id", "time", "type", "node", "node_name", "location", "actor", "reason", "rule", "figures", "operation"]
TYPES = ["start", "running", "drain", "stop", "stopped"]
# What RFC 4180 and spreadsheets stumble over.
REASONS = ["plain", 'with "quotes", a comma', "two\nlines", "=1+1", "+1", "-1", "@x", "\tx", "Ünïcode €", "", "'quoted'"]


def fill(path):
    """The rows straight into the database; row i is older than row i + 1."""
    def rows():
        for i in range(1, ROWS + 1):
            moment = 1_700_000_000_000 + i * 1000
            yield (i, moment, moment, TYPES[i % 5], i % 50 + 1, f"burst-{i % 50 + 1}", 7 + i % 3, "controller",
                   REASONS[i % len(REASONS)], "S3", '{"free_hd_calls":4,"text":"a \\"b\\""}' if i % 2 else None, i)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM event")
        db.executemany("INSERT INTO event (id, time, clock, type, node, node_name, location, actor, reason, rule, figures, "
                       "operation) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", rows())
    db.close()


@pytest.fixture(scope="module")
def full(contract):
    """burstd with a long history. Freed memory is not kept for long, so that a sanitized build shows what it holds."""
    burstd = Burstd(contract, {**upstreams("http://127.0.0.1:9", "http://127.0.0.1:9"),
                               "ASAN_OPTIONS": "quarantine_size_mb=1"})
    burstd.stop()
    fill(pathlib.Path(burstd.directory.name, "burstd.db"))
    burstd.start()
    yield burstd
    burstd.close()


def export(burstd, path, headers):
    """The lines of an export, as they arrive."""
    reply = requests.get(f"http://{burstd.address}{path}", headers={"Authorization": f"Bearer {burstd.token}", **headers},
                         stream=True, timeout=PATIENCE)
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"].split(";")[0] == headers["Accept"]
    return reply.iter_lines(chunk_size=64 * 1024, delimiter=b"\n")


def resident(burstd):
    status = pathlib.Path(f"/proc/{burstd.process.child.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))


def cell(text):
    """What the CSV shows of a text: apostrophe in front of what would be a formula."""
    return "'" + text if text[:1] and text[0] in "=+-@\t\r" else text


def test_every_event_once_in_the_same_memory(full):
    def ids():
        return [int(line[6:line.index(b",")]) for line in export(full, "/v1/history?until=2024-01-01T00:00:00Z", NDJSON)
                if line]
    for _ in range(2):  # buffers and the database caches of both HTTP threads come to their size
        assert ids() == list(range(ROWS, 0, -1))
    before = resident(full)
    assert ids() == list(range(ROWS, 0, -1))
    assert resident(full) < before + 10_000  # kB; the export itself has 40 MB


def test_csv_is_what_the_list_shows(full):
    text = full.ask("GET", "/v1/history?node=8&type=stop", headers=CSV)
    assert text.headers["Content-Disposition"] == 'attachment; filename="burstd-history.csv"'
    assert text.headers["Vary"] == "Accept"
    head, *rows = csv.reader(io.StringIO(text.content.decode(), newline=""), strict=True)
    assert head == NAMES
    wanted = [i for i in range(ROWS, 0, -1) if i % 50 == 7 and i % 5 == 3]
    assert not wanted and rows == []  # nothing fits: the header alone
    rows = list(csv.reader(io.StringIO(full.ask("GET", "/v1/history?node=8&location=8", headers=CSV).content.decode(),
                                       newline=""), strict=True))[1:]
    wanted = [i for i in range(ROWS, 0, -1) if i % 50 == 7 and i % 3 == 1]
    assert [int(r[0]) for r in rows] == wanted and len(rows) > 1000
    for row in rows[:200]:
        i = int(row[0])
        event = full.get(f"/v1/history?node=8&limit=1&cursor={cursor(i + 1)}")["items"][0] if i % 40 == 0 else None
        assert row[1:4] == [stamp(i), TYPES[i % 5], "8"] and row[4] == "burst-8" and row[6] == "controller"
        assert row[7] == cell(REASONS[i % len(REASONS)])
        assert row[9] == ('{"free_hd_calls":4,"text":"a \\"b\\""}' if i % 2 else "") and row[10] == str(i)
        assert event is None or (event["id"], event["time"]) == (i, row[1])


def stamp(i):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_700_000_000 + i)) + ".000Z"


def cursor(i):
    import base64
    return base64.urlsafe_b64encode(f"h{i}".encode()).decode().rstrip("=")


def test_lines_are_the_events_of_the_list(full):
    query = "/v1/history?since=2023-11-14T23:00:00Z&until=2023-11-14T23:05:00Z"
    lines = full.ask("GET", query, headers=NDJSON).content.decode().splitlines()
    items = full.get(query + "&limit=500")["items"]
    assert len(items) == 300 and [json.loads(line) for line in lines] == items


def test_an_export_has_an_etag(full):
    query = "/v1/history?node=3"
    one, other = full.ask("GET", query, headers=CSV), full.ask("GET", query, headers=NDJSON)
    etags = [r.headers["ETag"] for r in (one, other, full.ask("GET", query))]
    assert len(set(etags)) == 3
    same = full.ask("GET", query, headers={**CSV, "If-None-Match": etags[0]})
    assert same.status_code == 304 and same.headers["ETag"] == etags[0]
    head = full.ask("HEAD", query, headers=CSV)
    assert head.status_code == 200 and head.headers["ETag"] == etags[0] and not head.content
    full.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 6})
    query = "/v1/history?type=settings"
    before = full.ask("GET", query, headers=CSV)
    full.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 5})
    after = full.ask("GET", query, headers={**CSV, "If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200 and len(after.content) > len(before.content)


@pytest.mark.parametrize("accept,media", [
    ("text/csv", "text/csv"), ("*/*", "application/json"), ("text/*", "text/csv"),
    ("text/csv;q=0.5, application/json", "application/json"), ("application/json;q=0.2, text/csv;q=0.3", "text/csv"),
    ("application/x-ndjson, text/csv", "text/csv"), ("application/json;q=0, */*", "text/csv"),
])
def test_the_form_that_is_liked_best(full, accept, media):
    reply = full.ask("GET", "/v1/history?type=controller&until=2001-01-01T00:00:00Z", headers={"Accept": accept})
    assert reply.status_code == 200 and reply.headers["Content-Type"].split(";")[0] == media


def test_what_is_refused(full):
    for query in ("limit=5", "cursor=" + cursor(5)):
        assert "export" in problem(full.ask("GET", f"/v1/history?{query}", headers=CSV), 400, "bad-request")["detail"]
    problem(full.ask("GET", "/v1/history?type=nonsense", headers=CSV), 400, "bad-request")
    problem(full.ask("GET", "/v1/history", headers={"Accept": "text/html"}), 406, "not-acceptable")
    problem(full.ask("GET", "/v1/status", headers=CSV), 406, "not-acceptable")


def test_pages_cost_the_same_wherever_they_are(full):
    """First, filtered and last page are right; how fast is measured by tests/bench."""
    first = full.get("/v1/history?limit=5&until=2024-01-01T00:00:00Z")["items"]
    assert [e["id"] for e in first] == list(range(ROWS, ROWS - 5, -1))
    last = full.get(f"/v1/history?limit=5&cursor={cursor(6)}")
    assert [e["id"] for e in last["items"]] == [5, 4, 3, 2, 1] and last["next"] is None
    filtered = full.get("/v1/history?limit=3&node=50&location=9")["items"]
    assert [e["id"] for e in filtered] == [i for i in range(ROWS, 0, -1) if i % 50 == 49 and i % 3 == 2][:3]


def test_a_client_that_leaves_does_no_harm(full):
    for _ in range(20):
        lines = export(full, "/v1/history", CSV)
        next(lines)
        lines.close()
    assert full.ask("GET", "/healthz", token=None).status_code == 200
