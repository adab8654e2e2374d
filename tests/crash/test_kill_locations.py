"""kill -9 round the requests that make, change and delete a location: nothing is made twice, nothing forgotten."""

import threading

import pytest

from daemon import until
from proxy import POINTS


def locations(site):
    return {x["name"]: x for x in site.world.look("state")["locations"]}


def operation(site, number):
    """As it is now; None while burstd is down."""
    return site.burstd.get(f"/v1/operations/{number}")


def kill_at(site, point, ask):
    """Asks for a change, kills at this point of its request, starts again, and waits for the operation's end."""
    came = threading.Event()

    def kill():
        site.burstd.process.kill()
        came.set()

    site.proxies["infinity"].arm(point, kill)
    reply = ask()
    assert reply.status_code == 202, reply.text
    assert came.wait(30), "the request"
    site.burstd.kill()
    site.burstd.start()
    number = reply.json()["id"]
    until(lambda: not operation(site, number)["open"], lambda: f"the operation ends: {operation(site, number)}")
    ended = operation(site, number)
    assert ended["state"] == "done", ended
    return ended


def ready(site):
    site.start()
    until(lambda: site.burstd.ask("GET", "/readyz").status_code == 200, "burstd is ready")


@pytest.mark.parametrize("point", POINTS)
def test_a_location_is_made_once(site, point):
    ready(site)
    ended = kill_at(site, point, lambda: site.burstd.ask("POST", "/v1/locations", json={"name": "Bod\u00f8"}))
    names = [x["name"] for x in site.world.look("state")["locations"]]
    assert names.count("Bod\u00f8") == 1 and locations(site)["Bod\u00f8"]["id"] == ended["location"]
    assert site.world.look("metrics")["location_writes"] == 1
    told = [e for e in site.burstd.history() if e["operation"] == ended["id"]]
    assert [e["type"] for e in told] == ["settings"]


@pytest.mark.parametrize("point", POINTS)
def test_changed_and_deleted(site, point):
    ready(site)
    made = site.world.do("add_location", name="Spare")["id"]
    until(lambda: site.burstd.ask("GET", f"/v1/locations/{made}").status_code == 200, "it is shown")
    any_version = {"If-Match": "*"}
    kill_at(site, point, lambda: site.burstd.ask("PATCH", f"/v1/locations/{made}", headers=any_version, json={"name": "Spare 2"}))
    assert "Spare 2" in locations(site) and "Spare" not in locations(site)
    until(lambda: site.burstd.ask("GET", f"/v1/locations/{made}").status_code == 200, "it is shown again")
    kill_at(site, point, lambda: site.burstd.ask("DELETE", f"/v1/locations/{made}", headers=any_version))
    assert "Spare 2" not in locations(site)
    ours = [e["type"] for e in site.burstd.history() if e["operation"]]
    assert ours == ["wish", "settings", "settings"], ours
