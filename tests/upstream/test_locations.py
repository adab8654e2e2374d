"""Locations written to an Infinity that is not ours: the requests that leave, and what its refusals become."""

from daemon import until


def ended(site, reply):
    assert reply.status_code == 202, reply.text
    where = reply.headers["Location"]
    return until(lambda: next((o for o in [site.burstd.get(where)] if not o["open"]), None), "the operation ends")


def test_made_changed_deleted(site):
    burstd = site.control()
    burst_b = next(x.id for x in site.platform.locations.values() if x.name == "Burst B")
    made = ended(site, burstd.ask("POST", "/v1/locations", json={"name": "Troms\u00f8 & Bod\u00f8", "primary_overflow_location": burst_b}))
    number = made["location"]
    assert made["state"] == "done" and site.platform.locations[number].overflow1 == burst_b
    until(lambda: burstd.ask("GET", f"/v1/locations/{number}").status_code == 200, "it is shown")
    changed = ended(site, burstd.ask("PATCH", f"/v1/locations/{number}", headers={"If-Match": "*"},
                                     json={"primary_overflow_location": None, "description": "north"}))
    assert changed["state"] == "done"
    gone = ended(site, burstd.ask("DELETE", f"/v1/locations/{number}", headers={"If-Match": "*"}))
    assert gone["state"] == "done" and number not in site.platform.locations
    here = "/api/admin/configuration/v1/system_location/"
    sent = [(row["method"], row["id"], row["change"]) for row in site.ledger.since(0, "location")]
    assert sent == [("POST", number, {"name": "Troms\u00f8 & Bod\u00f8", "overflow_location1": f"{here}{burst_b}/"}),
                    ("PATCH", number, {"description": "north", "overflow_location1": None}),
                    ("DELETE", number, None)]


def test_a_name_that_somebody_took_meanwhile(site):
    """The picture is older than the platform: Infinity's own words reach the operator, and no location is made."""
    burstd = site.control()
    burstd.set_bursting(poll_infinity_seconds=60)
    with site.platform.lock:
        site.platform.add_location("Taken")
        reply = burstd.ask("POST", "/v1/locations", json={"name": "Taken"})
    if reply.status_code == 409:  # a poll came in between: then it is refused at once
        assert reply.json()["errors"][0]["pointer"] == "/name"
    else:
        failed = ended(site, reply)
        assert failed["state"] == "failed"
        assert "System location with this Name already exists." in failed["error"]["detail"] and failed["error"]["remedy"]
    assert [x.name for x in site.platform.locations.values()].count("Taken") == 1
