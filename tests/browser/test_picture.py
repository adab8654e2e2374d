"""The picture of the dashboard that README.md speaks of: `make picture` writes build/screenshots/dashboard.png."""

import struct

from harness import until


def free(burstd, location):
    return next(one for one in burstd.get("/v1/status")["principal_locations"] if one["name"] == location)["free_hd_calls"]


def test_picture(page, burstd, world):
    """A burst in its middle: Oslo is at its threshold, one node takes calls, the next has just come."""
    assert burstd.ask("PATCH", "/v1/bursting", body={"enabled": True, "mode": "control", "bursting_threshold": 8}).status_code == 200
    page.size(1280, 900)
    for _ in range(7):  # a morning that fills up, so that the chart has a slope
        before = free(burstd, "Oslo")
        world("calls", location="Oslo", count=4)
        until(lambda before=before: free(burstd, "Oslo") == before - 4, "the calls are seen")
    page.row("burst-1", "serving")
    world("calls", location="AWS burst", count=10)
    page.row("burst-2", "serving")
    page.see(".headline", "AWS burst takes")
    page.see(".events", "burst-2")
    page.open("history")  # and back: the chart is loaded anew, with all of it
    page.see("main h1, main h2")
    page.open()
    page.see(".chart canvas")
    page.row("burst-2", "serving")
    picture = page.shot("dashboard").read_bytes()
    width, height = struct.unpack(">II", picture[16:24])
    assert picture.startswith(b"\x89PNG") and width >= 1200 and height >= 900
