"""/v1/schedules: strict fields, firings against another calendar (Python's zoneinfo), and the holds that they make (RULE S8)."""

import contextlib
import datetime
import pathlib
import random
import signal
import sqlite3
import zoneinfo

import pytest
import requests

from conftest import SCALE, fill
from harness import PATIENCE, Burstd, World, problem, until, upstreams

UTC = datetime.timezone.utc
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = {day: True for day in DAYS}


@pytest.fixture(scope="module")
def site(contract):
    """burstd on a world of its own: schedules start nodes."""
    world = World(SCALE)
    ids = fill(world)
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
    burstd.ids = ids
    until(lambda: len(burstd.get("/v1/status")["overflow_nodes"]) == 3, "all nodes are seen")
    yield burstd
    burstd.close()
    world.stop()


@pytest.fixture(autouse=True)
def tidy(request):
    yield
    if "site" in request.fixturenames:
        site = request.getfixturevalue("site")
        for schedule in site.get("/v1/schedules?limit=500")["items"]:
            assert site.ask("DELETE", f"/v1/schedules/{schedule['id']}").status_code == 204
        for hold in site.get("/v1/holds?limit=500")["items"]:
            site.ask("DELETE", f"/v1/holds/{hold['id']}")


def fields(site, **more):
    body = {"name": "mornings", "location": site.ids["AWS burst"], "time_from": "08:00", "time_to": "10:00",
            "local_timezone": "Europe/Oslo", **EVERY_DAY, **more}
    return {key: value for key, value in body.items() if value is not ...}


def create(site, **more):
    reply = site.ask("POST", "/v1/schedules", body=fields(site, **more))
    assert reply.status_code == 201, reply.text
    schedule = reply.json()
    assert reply.headers["Location"] == f"/v1/schedules/{schedule['id']}"
    return schedule


def path_of(schedule, rest=""):
    return f"/v1/schedules/{schedule['id']}{rest}"


def holds_of(site, name="mornings"):
    return [h for h in site.get("/v1/holds")["items"] if h["owner"] == f"schedule:{name}"]


def open_window():
    """Local times in UTC of a window that is open now and stays so, over midnight too."""
    now = datetime.datetime.now(UTC)
    return {"time_from": f"{now - datetime.timedelta(hours=2):%H:%M}", "time_to": f"{now + datetime.timedelta(hours=2):%H:%M}",
            "local_timezone": "UTC"}


# --- the resource ---------------------------------------------------------------------------------------------------------


def test_defaults_and_forms(site):
    schedule = create(site, **{day: ... for day in DAYS}, extra_dates=["2030-02-28", "2030-01-31"], time_to="10:00:30")
    assert schedule == {
        "id": schedule["id"], "name": "mornings", "enabled": True, "location": site.ids["AWS burst"], "instances_to_add": 1,
        "nodes": [], **{day: False for day in DAYS}, "time_from": "08:00:00", "time_to": "10:00:30",
        "local_timezone": "Europe/Oslo", "minutes_in_advance": 10, "start_date": None, "end_date": None, "exceptions": [],
        "extra_dates": ["2030-01-31", "2030-02-28"], "created_at": schedule["created_at"]}
    assert site.get(path_of(schedule)) == schedule
    assert site.get("/v1/schedules")["items"] == [schedule]


def test_list_is_stable(site):
    made = [create(site, name=f"s{i}", enabled=False)["id"] for i in range(5)]
    first = site.get("/v1/schedules?limit=2")
    assert [s["id"] for s in first["items"]] == made[:2]
    assert site.ask("DELETE", f"/v1/schedules/{made[1]}").status_code == 204
    create(site, name="s5", enabled=False)
    rest = site.get(f"/v1/schedules?limit=500&cursor={first['next']}")
    assert [s["name"] for s in rest["items"]] == ["s2", "s3", "s4", "s5"] and rest["next"] is None


@pytest.mark.parametrize("more,pointer", [
    ({"name": ...}, "/name"),
    ({"name": ""}, "/name"),
    ({"name": "x" * 101}, "/name"),
    ({"name": "a\nb"}, "/name"),
    ({"enabled": 1}, "/enabled"),
    ({"location": ...}, "/location"),
    ({"location": 4711}, "/location"),
    ({"location": "Oslo"}, "/location"),
    ({"nodes": [1]}, "/nodes"),
    ({"location": ..., "nodes": [4711]}, "/nodes/0"),
    ({"location": ..., "nodes": []}, "/location"),
    ({"instances_to_add": 0}, "/instances_to_add"),
    ({"instances_to_add": 4}, "/instances_to_add"),
    ({"mon": "yes"}, "/mon"),
    ({"time_from": ...}, "/time_from"),
    ({"time_from": "8:00"}, "/time_from"),
    ({"time_from": "24:00"}, "/time_from"),
    ({"time_to": ...}, "/time_to"),
    ({"time_to": "12:60"}, "/time_to"),
    ({"time_to": "10:00:00Z"}, "/time_to"),
    ({"local_timezone": ...}, "/local_timezone"),
    ({"local_timezone": "Oslo"}, "/local_timezone"),
    ({"local_timezone": "GMT+1"}, "/local_timezone"),
    ({"local_timezone": "BST"}, "/local_timezone"),
    ({"local_timezone": "../../etc/passwd"}, "/local_timezone"),
    ({"minutes_in_advance": -1}, "/minutes_in_advance"),
    ({"minutes_in_advance": 1441}, "/minutes_in_advance"),
    ({"start_date": "2026-02-30"}, "/start_date"),
    ({"start_date": "1999-12-31"}, "/start_date"),
    ({"end_date": "2200-01-01"}, "/end_date"),
    ({"end_date": "20260101"}, "/end_date"),
    ({"start_date": "2026-02-02", "end_date": "2026-02-01"}, "/end_date"),
    ({"exceptions": "2026-02-02"}, "/exceptions"),
    ({"exceptions": ["2026-02-02", "2026-02-2"]}, "/exceptions/1"),
    ({"exceptions": ["2026-02-02", "2026-02-02"]}, "/exceptions/1"),
    ({"exceptions": ["2026-02-02"] * 367}, "/exceptions"),
    ({"extra_dates": [20260202]}, "/extra_dates/0"),
    ({"extra_dates": ["2026-02-02"], "end_date": "2026-02-01"}, "/extra_dates"),
    ({"extra_dates": ["2026-02-02"], "exceptions": ["2026-02-02"]}, "/extra_dates"),
    ({day: False for day in DAYS}, "/mon"),
    ({day: False for day in DAYS}, "/extra_dates"),
    ({"start_date": "2026-02-02", "end_date": "2026-02-02", "exceptions": ["2026-02-02"]}, "/end_date"),
    ({"timezone": "UTC"}, "/timezone"),
    ({"id": 7}, "/id"),
])
def test_refused_fields_change_nothing(site, more, pointer):
    problem(site.ask("POST", "/v1/schedules", body=fields(site, **more)), 400, "bad-request", pointer)
    assert site.get("/v1/schedules")["items"] == []


def test_a_location_without_bursting_nodes_is_refused_as_for_holds(site):
    for location in ("Oslo", "Office"):
        body = fields(site, location=site.ids[location])
        problem(site.ask("POST", "/v1/schedules", body=body), 400, "bad-request", "/location")
    body = fields(site, location=..., nodes=[site.ids["burst-1"], site.ids["oslo-1"]])
    problem(site.ask("POST", "/v1/schedules", body=body), 400, "bad-request", "/nodes/1")
    body = fields(site, location=..., nodes=[site.ids["burst-1"]], instances_to_add=1)
    problem(site.ask("POST", "/v1/schedules", body=body), 400, "bad-request", "/instances_to_add")


def test_names_are_unique(site):
    first = create(site, enabled=False)
    other = create(site, name="evenings", enabled=False)
    problem(site.ask("POST", "/v1/schedules", body=fields(site)), 409, "conflict", "/name")
    problem(site.ask("POST", "/v1/schedules?dry_run=true", body=fields(site)), 409, "conflict", "/name")
    problem(site.ask("PATCH", path_of(other), body={"name": "mornings"}), 409, "conflict", "/name")
    assert site.ask("PATCH", path_of(first), body={"name": "mornings"}).status_code == 200


def test_a_change_is_told_and_guarded(site):
    schedule = create(site, enabled=False)
    etag = site.ask("GET", path_of(schedule)).headers["ETag"]
    changed = site.ask("PATCH", path_of(schedule), body={"time_to": "11:30", "sun": False}, headers={"If-Match": etag})
    assert changed.status_code == 200 and changed.json() == {**schedule, "time_to": "11:30:00", "sun": False}
    problem(site.ask("PATCH", path_of(schedule), body={"sat": False}, headers={"If-Match": etag}), 412, "precondition-failed")
    problem(site.ask("DELETE", path_of(schedule), headers={"If-Match": etag}), 412, "precondition-failed")
    event = site.get("/v1/history?type=settings&limit=1")["items"][0]
    assert event["actor"] == "admin" and event["location"] == schedule["location"]
    assert event["figures"]["changes"] == {"time_to": {"old": "10:00:00", "new": "11:30:00"}, "sun": {"old": True, "new": False}}
    assert site.ask("PATCH", path_of(schedule), body={"sun": False}).status_code == 200  # as it is: nothing to tell
    assert site.get("/v1/history?type=settings&limit=1")["items"] == [event]
    for body, pointer in (({"local_timezone": "Mars/Base"}, "/local_timezone"), ({"end_date": "2020-01-01", "start_date": "2020-01-02"},
                          "/end_date"), ({day: False for day in DAYS}, "/mon"), ({"location": None}, "/location"),
                          ({"created_at": "2020-01-01T00:00:00Z"}, "/created_at")):
        problem(site.ask("PATCH", path_of(schedule), body=body), 400, "bad-request", pointer)
    assert site.get(path_of(schedule)) == changed.json()


def test_a_target_takes_the_place_of_the_other(site):
    schedule = create(site, enabled=False, instances_to_add=2)
    nodes = [site.ids["burst-2"], site.ids["burst-1"]]
    named = site.ask("PATCH", path_of(schedule), body={"nodes": nodes}).json()
    assert (named["location"], named["instances_to_add"], named["nodes"]) == (None, None, nodes)
    problem(site.ask("PATCH", path_of(schedule), body={"instances_to_add": 2}), 400, "bad-request", "/instances_to_add")
    # what a GET gives may be sent back
    back = {key: value for key, value in schedule.items() if key not in ("id", "created_at")}
    assert site.ask("PATCH", path_of(schedule), body=back).json() == schedule
    again = {key: value for key, value in named.items() if key not in ("id", "created_at")}
    assert site.ask("PATCH", path_of(schedule), body=again).json() == named


def test_what_happened_is_told(site):
    schedule = create(site, enabled=False)
    assert site.ask("DELETE", path_of(schedule)).status_code == 204
    problem(site.ask("GET", path_of(schedule)), 404, "not-found")
    problem(site.ask("GET", path_of(schedule, "/preview")), 404, "not-found")
    problem(site.ask("PATCH", path_of(schedule), body={"enabled": True}), 404, "not-found")
    problem(site.ask("DELETE", path_of(schedule)), 404, "not-found")
    deleted, made = site.get("/v1/history?type=settings&limit=2")["items"]
    assert "was deleted" in deleted["reason"] and "was made" in made["reason"]
    assert made["figures"]["schedule"] == schedule == deleted["figures"]["schedule"]


def test_issues(site):
    """RULE V5: a lead that is longer than the minimum lifetime, with what follows from it and what to do."""
    def issue():
        return [i for i in site.get("/v1/status")["issues"] if i["id"] == "lead_exceeds_lifetime"]
    schedule = create(site, minutes_in_advance=51, start_date="2190-01-01")
    found = until(issue, "the issue is shown")
    assert found[0]["subject"] == "schedule mornings" and found[0]["consequence"] and found[0]["remedy"]
    assert site.ask("PATCH", path_of(schedule), body={"minutes_in_advance": 50}).status_code == 200
    until(lambda: not issue(), "the issue is gone")


# --- holds ----------------------------------------------------------------------------------------------------------------


def test_a_schedule_makes_its_hold_and_takes_it_along(site):
    """RULE S8: made at once where the window is open; changed, ended, made again with the schedule; deleted with it."""
    body = fields(site, **open_window(), instances_to_add=2)
    plan = site.ask("POST", "/v1/schedules?dry_run=true", body=body).json()
    made = plan["changes"][0]
    assert (made["resource"], made["pointer"], made["from"]) == ("/v1/schedules", "", None) and made["to"]["id"] is None
    assert len(plan["changes"]) == 1 and len(plan["firings"]) == 10 and plan["kind"] is None and plan["steps"] == []
    assert [e["type"] for e in plan["events"]] == ["settings"] and "(mornings) was made" in plan["events"][0]["reason"]
    assert len(plan["consequences"]) == 1 and "a hold is made at once" in plan["consequences"][0]
    assert [m["action"] for m in plan["holds"]] == ["make"] and plan["holds"][0]["hold"]["id"] is None
    assert site.get("/v1/schedules")["items"] == [] and holds_of(site) == []

    schedule = create(site, **open_window(), instances_to_add=2)
    assert {**made["to"], "id": schedule["id"], "created_at": schedule["created_at"]} == schedule, "what was told came to pass"
    hold = until(lambda: holds_of(site), "the hold is made")[0]
    assert (hold["location"], hold["count"]) == (site.ids["AWS burst"], 2)
    planned = plan["holds"][0]["hold"]
    assert {**planned, "id": hold["id"], "created_at": hold["created_at"]} == hold
    event = site.get("/v1/history?type=hold&limit=1")["items"][0]
    assert event["actor"] == "schedule:mornings" and event["rule"] == "S8"
    until(lambda: site.get("/v1/history?type=start&actor=hold:%d" % hold["id"])["items"], "the hold starts a node")

    end = datetime.datetime.now(UTC) + datetime.timedelta(hours=3)
    change = {"time_to": f"{end:%H:%M}", "instances_to_add": 1}
    plan = site.ask("PATCH", path_of(schedule) + "?dry_run=true", body=change).json()
    assert [m["action"] for m in plan["holds"]] == ["change"] and holds_of(site) == [hold]
    assert {c["pointer"]: (c["from"], c["to"]) for c in plan["changes"]} == {
        "/time_to": (schedule["time_to"], f"{end:%H:%M}:00"), "/instances_to_add": (2, 1)}
    assert {c["resource"] for c in plan["changes"]} == {path_of(schedule)} and f"hold {hold['id']} follows" in plan["consequences"][0]
    assert site.get(path_of(schedule)) == schedule
    assert site.ask("PATCH", path_of(schedule), body=change).status_code == 200
    changed = until(lambda: [h for h in holds_of(site) if h["count"] == 1], "the hold follows")
    assert changed == [plan["holds"][0]["hold"]] and changed[0]["id"] == hold["id"]

    plan = site.ask("PATCH", path_of(schedule) + "?dry_run=true", body={"instances_to_add": 1}).json()
    assert plan["changes"] == [] and plan["events"] == [], "it is so already"
    assert [m["action"] for m in plan["holds"]] == ["keep"] and "stays as it is" in plan["consequences"][0]
    plan = site.ask("PATCH", path_of(schedule) + "?dry_run=true", body={"enabled": False}).json()
    assert plan["holds"] == [{"action": "end", "hold": changed[0]}] and plan["firings"] == []
    assert site.ask("PATCH", path_of(schedule), body={"enabled": False}).status_code == 200
    until(lambda: not holds_of(site), "the hold ends with the schedule")
    assert site.ask("PATCH", path_of(schedule), body={"enabled": True}).status_code == 200
    hold = until(lambda: holds_of(site), "the hold is made again")[0]

    plan = site.ask("DELETE", path_of(schedule) + "?dry_run=true").json()
    assert plan["holds"] == [{"action": "end", "hold": hold}] and holds_of(site) == [hold] and plan["firings"] == []
    assert plan["changes"] == [{"resource": path_of(schedule), "pointer": "", "from": site.get(path_of(schedule)), "to": None}]
    assert [e["type"] for e in plan["events"]] == ["hold", "settings"] and "ends at once" in plan["consequences"][0]
    assert site.ask("DELETE", path_of(schedule)).status_code == 204
    assert holds_of(site) == []  # at once, not at the controller's next pass
    event = site.get("/v1/history?type=hold&limit=1")["items"][0]
    assert event["actor"] == "admin" and "was deleted" in event["reason"]


def test_a_plan_for_a_schedule_without_its_zone(site):
    """Where the zone data have lost it, a dry run says that it does not fire, and is refused no sooner than the request."""
    schedule = create(site)
    with contextlib.closing(sqlite3.connect(pathlib.Path(site.directory.name, "burstd.db"))) as db, db:
        db.execute("UPDATE schedule SET local_timezone = 'Mars/Base' WHERE id = ?", [schedule["id"]])
    for method, body, said in (("PATCH", {"name": "martian"}, True), ("DELETE", None, False)):
        plan = site.ask(method, path_of(schedule) + "?dry_run=true", body=body)
        assert plan.status_code == 200, plan.text
        assert plan.json()["firings"] == [] and any("Mars/Base" in c for c in plan.json()["consequences"]) == said
    problem(site.ask("GET", path_of(schedule) + "/preview"), 409, "conflict")
    assert site.ask("PATCH", path_of(schedule), body={"name": "martian"}).status_code == 200
    assert site.ask("DELETE", path_of(schedule)).status_code == 204


def test_a_hold_taken_back_stays_so(site):
    """RULE S8: the operator's word about this firing counts; a restart does not forget it."""
    create(site, **open_window(), nodes=[site.ids["burst-1"]], location=...)
    hold = until(lambda: holds_of(site), "the hold is made")[0]
    assert hold["nodes"] == [site.ids["burst-1"]] and hold["count"] is None
    assert site.ask("DELETE", f"/v1/holds/{hold['id']}").status_code == 204
    create(site, name="witness", **open_window())
    until(lambda: holds_of(site, "witness"), "the controller has been round")
    assert holds_of(site) == []
    site.stop(signal.SIGKILL)
    site.start()
    witness = create(site, name="second witness", **open_window())
    until(lambda: holds_of(site, "second witness"), "the controller has been round again")
    assert holds_of(site) == [] and len(holds_of(site, "witness")) == 1
    assert site.ask("DELETE", path_of(witness)).status_code == 204


def test_the_lead(site):
    """RULE S8: minutes_in_advance is a duration, which the time scale divides; the controller wakes up for it."""
    start = datetime.datetime.now(UTC) + datetime.timedelta(seconds=10)
    schedule = create(site, time_from=f"{start:%H:%M:%S}", time_to=f"{start + datetime.timedelta(hours=1):%H:%M:%S}",
                      local_timezone="UTC", minutes_in_advance=12)
    firing = site.get(path_of(schedule, "/preview?count=1"))["items"][0]
    lead = datetime.timedelta(minutes=12) / SCALE
    assert parse(firing["start"]) - parse(firing["hold_start"]) == lead
    hold = until(lambda: holds_of(site), "the hold is made")[0]
    late = (parse(hold["created_at"]) - parse(firing["hold_start"])).total_seconds()
    assert late >= 0, "the hold came before its lead"
    assert hold["until"] == firing["end"]


# --- the calendar ---------------------------------------------------------------------------------------------------------


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def instant(zone, local):
    """A local time as zoneinfo has it: the instant, and what daylight saving does to it."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first, "none"
    if first < second:
        return first, "overlap"
    while second.astimezone(zone).utcoffset() != first.astimezone(zone).utcoffset():  # up to the end of the gap
        second += datetime.timedelta(minutes=1)
        second = second.replace(second=0)
    return second, "gap"


def expected(schedule, since, count):
    """The firings by another calendar than burstd's."""
    zone = zoneinfo.ZoneInfo(schedule["local_timezone"])
    start, end = (datetime.time.fromisoformat(schedule[key]) for key in ("time_from", "time_to"))
    date = since.astimezone(zone).date() - datetime.timedelta(days=2)
    firings = []
    while len(firings) < count and date.year < 2200:
        text = date.isoformat()
        usual = schedule[DAYS[date.weekday()]] and text not in schedule["exceptions"] and \
            (schedule["start_date"] or "") <= text <= (schedule["end_date"] or "9")
        if usual or text in schedule["extra_dates"]:
            to_date = date + datetime.timedelta(days=end <= start)
            local = datetime.datetime.combine(date, start), datetime.datetime.combine(to_date, end)
            (begin, dst), (finish, dst_end) = (instant(zone, x) for x in local)
            finish = finish if finish > begin else begin + (local[1] - local[0])
            if begin >= since:
                firings.append((text, begin, finish, dst, dst_end))
        date += datetime.timedelta(days=1)
    return firings


def preview(site, schedule, since, count=500):
    """Without the contract's check: it takes longer than all the rest."""
    reply = requests.get(f"http://{site.address}{path_of(schedule, '/preview')}", timeout=PATIENCE,
                         params={"count": count, "from": since.strftime("%Y-%m-%dT%H:%M:%SZ")},
                         headers={"Authorization": f"Bearer {site.token}", "Host": site.address})
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def compare(site, schedule, since, count=500):
    """Holds a page of firings against the other calendar; returns the last start, and what DST did."""
    zone = zoneinfo.ZoneInfo(schedule["local_timezone"])
    got = preview(site, schedule, since, count)
    assert [(f["local_date"], parse(f["start"]), parse(f["end"]), f["dst"], f["dst_end"]) for f in got] == \
        expected(schedule, since, count), schedule
    for f in got:
        for utc, local in (("start", "local_start"), ("end", "local_end")):
            assert f[local] == parse(f[utc]).astimezone(zone).isoformat(timespec="seconds")
        assert (parse(f["start"]) - parse(f["hold_start"])).total_seconds() == schedule["minutes_in_advance"] * 60 / SCALE
    return parse(got[-1]["start"]), {f["dst"] for f in got} | {f["dst_end"] for f in got}


# Windows round the hours at which clocks change: 02:00 in Oslo and New York, 02:00 by half an hour on Lord Howe.
WINDOWS = [("02:30", "06:00"), ("02:00", "03:00"), ("01:30", "02:15"), ("01:45", "02:20"), ("00:30", "02:30"), ("03:00", "01:00"),
           ("22:00", "02:45"), ("00:00", "00:00")]


@pytest.mark.parametrize("zone", ["Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_three_years_of_firings_against_zoneinfo(site, zone):
    """Every day of 2026 to 2028: each gap and each overlap, by another calendar."""
    seen = set()
    for i, (start, end) in enumerate(WINDOWS):
        schedule = create(site, name=f"{zone} {i}", local_timezone=zone, time_from=start, time_to=end, enabled=False,
                          end_date="2028-12-31")
        since = datetime.datetime(2026, 1, 1, tzinfo=UTC)
        for _ in range(3):
            last, dst = compare(site, schedule, since, 360)
            since = last + datetime.timedelta(seconds=1)
            seen |= dst
    assert seen == ({"none"} if zone == "Asia/Kathmandu" else {"none", "gap", "overlap"})


def test_drawn_schedules_against_zoneinfo(site):
    """Schedules drawn at random: weekdays, dates, exceptions, extra dates, zones with odd offsets and odd changes."""
    chance = random.Random(20261123)
    zones = ["Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham",
             "Asia/Kolkata", "Africa/Casablanca", "Atlantic/Azores", "America/Havana", "Pacific/Kiritimati", "UTC"]

    def dates(n):
        return sorted({(datetime.date(2027, 1, 1) + datetime.timedelta(days=chance.randrange(700))).isoformat() for _ in range(n)})

    for i in range(40):
        exceptions = dates(chance.randrange(30))
        body = {"name": f"drawn {i}", "local_timezone": chance.choice(zones), "enabled": False,
                "time_from": f"{chance.randrange(24):02}:{chance.randrange(60):02}",
                "time_to": f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}",
                "minutes_in_advance": chance.randrange(0, 1441, 5), "exceptions": exceptions,
                "extra_dates": [d for d in dates(chance.randrange(5)) if d not in exceptions],
                "start_date": chance.choice([None, "2026-06-01"]), "end_date": chance.choice([None, "2028-12-31"]),
                **{day: chance.random() < 0.6 for day in DAYS}, "wed": True}
        schedule = create(site, **body)
        compare(site, schedule, datetime.datetime(2026, 5, 1, 12, tzinfo=UTC) + datetime.timedelta(hours=chance.randrange(9000)), 60)


def test_preview(site):
    """The reply's form, a table that says in so many words what is meant, and how to go on."""
    schedule = create(site, enabled=False, time_from="02:30", time_to="04:00", **{day: day == "sun" for day in DAYS},
                      exceptions=["2026-04-05"], extra_dates=["2026-04-07"], start_date="2026-03-22", end_date="2026-04-12")
    reply = site.get(path_of(schedule, "/preview?from=2026-01-01T00:00:00Z"))
    assert reply["next"] is None
    assert [(f["local_date"], f["local_start"], f["start"], f["dst"]) for f in reply["items"]] == [
        ("2026-03-22", "2026-03-22T02:30:00+01:00", "2026-03-22T01:30:00.000Z", "none"),
        ("2026-03-29", "2026-03-29T03:00:00+02:00", "2026-03-29T01:00:00.000Z", "gap"),
        ("2026-04-07", "2026-04-07T02:30:00+02:00", "2026-04-07T00:30:00.000Z", "none"),
        ("2026-04-12", "2026-04-12T02:30:00+02:00", "2026-04-12T00:30:00.000Z", "none")]
    assert reply["items"][1]["end"] == "2026-03-29T02:00:00.000Z"
    rest = site.get(path_of(schedule, "/preview?count=1&from=2026-03-29T01:00:00.001Z"))["items"]
    assert rest == reply["items"][2:3]
    assert site.get(path_of(schedule, "/preview?from=2026-03-29T01:00:00Z&count=500"))["items"] == reply["items"][1:]
    first = site.ask("GET", path_of(schedule, "/preview?from=2026-01-01T00:00:00Z"))
    again = site.ask("GET", path_of(schedule, "/preview?from=2026-01-01T00:00:00Z"), headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    every_day = create(site, name="daily", enabled=False)
    assert len(site.get(path_of(every_day, "/preview"))["items"]) == 10
    assert len(site.get(path_of(every_day, "/preview?count=500&from=2199-12-01T00:00:00Z"))["items"]) == 31
    assert site.get(path_of(every_day, "/preview?count=1&from=1970-01-02T00:00:00Z"))["items"][0]["local_date"] == "2000-01-01"
    for query in ("count=0", "count=501", "count=x", "from=yesterday", "from=2200-01-01T00:00:00Z", "limit=5"):
        problem(site.ask("GET", path_of(schedule, "/preview?" + query)), 400, "bad-request")


def test_every_zone_against_zoneinfo(site):
    """All of them, over a year and more."""
    schedule = create(site, enabled=False, time_from="01:30")
    since = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    for zone in sorted(zoneinfo.available_timezones() - {"localtime"}):
        reply = site.ask("PATCH", path_of(schedule), body={"local_timezone": zone})
        assert reply.status_code == 200, zone
        compare(site, reply.json(), since, 400)


def test_zones_are_those_of_iana(site):
    """What Python's zoneinfo has, burstd takes; offsets, rules and paths it does not."""
    for zone in ("Europe/Oslo", "Asia/Kathmandu", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT-14", "US/Pacific", "CET"):
        assert zone in zoneinfo.available_timezones()
        create(site, name=zone, local_timezone=zone, enabled=False)
    for zone in ("IST", "PST", "AET", "SystemV/PST8PDT", "GMT+05:30", "Etc/Unknown", "europe/oslo", "EST5", "+05:30", "posix/Europe/Oslo",
                 "localtime", "zone.tab", "Europe", "Europe//Oslo", "Europe/../Europe/Oslo", "<X>5"):
        assert zone not in zoneinfo.available_timezones() - {"localtime"}
        problem(site.ask("POST", "/v1/schedules?dry_run=true", body=fields(site, local_timezone=zone)), 400, "bad-request",
                "/local_timezone")
