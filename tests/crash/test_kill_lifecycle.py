"""kill -9 at every single change of life-cycle operations: no second instance, no second node, no address left over."""

import threading

import pytest

from crash_site import Site
from daemon import until
from proxy import POINTS

SUBNET, GROUP, KEY = "subnet-0world00000000001", "sg-0world00000000001", "node-key"
NEW = {
    "name": "new-1",
    "hostname": "new-1",
    "domain": "video.example.com",
    "bursting": True,
    "ssh_password": "hunter2-hunter2",
    "subnet": SUBNET,
    "security_groups": [GROUP],
    "key_name": KEY,
    "public_addressing": "elastic",
}


class Killer:
    """Kills burstd at each change that reaches one of the proxies, at the points in turn, and starts it again."""

    def __init__(self, site, first):
        self.site = site
        self.turn = first
        self.kills = 0
        self.on = True
        self.due = threading.Event()

    def arm(self):
        self.due.clear()
        for proxy in self.site.proxies.values():
            proxy.arm(POINTS[self.turn % len(POINTS)], self.kill)

    def kill(self):
        for proxy in self.site.proxies.values():
            proxy.disarm()
        self.site.burstd.process.kill()
        self.due.set()

    def again(self):
        """True once the kill that was armed has come, and burstd runs again."""
        if not self.due.is_set():
            return False
        self.site.burstd.kill()
        self.kills += 1
        self.turn += 1
        self.site.burstd.start()
        if self.on:
            self.arm()
        return True

    def stop(self):
        """No kill after this, but one that is on its way may still come."""
        self.on = False
        for proxy in self.site.proxies.values():
            proxy.disarm()

    def until(self, condition, what):
        until(lambda: not self.again() and condition(), what)


def carried_out(site, killer, ask):
    """Asks, and kills burstd at each change until the operation has ended."""
    reply = ask()
    assert reply.status_code == 202, reply.text
    number = reply.json()["id"]
    killer.on = True
    killer.arm()
    seen = {}

    def ended():
        killer.again()
        try:
            seen["last"] = site.burstd.ask("GET", f"/v1/operations/{number}").json()
        except OSError:  # killed a moment ago
            return False
        return not seen["last"]["open"] or seen["last"]["state"] == "halted"

    until(ended, lambda: f"the operation ends: {seen.get('last')}", patience=120)
    killer.stop()
    assert seen["last"]["state"] == "done", seen["last"]
    return seen["last"]


def ready(site):
    site.start()
    site.burstd.set_bursting(enabled=False, allow_lifecycle=True)
    until(lambda: site.burstd.ask("GET", "/readyz").status_code == 200, "burstd is ready")


def instances(site, name):
    """Of this name tag, not terminated."""
    rows = site.world.look("state")["instances"]
    return [i for i in rows if i["name"] == name and i["state"] not in ("terminated", "shutting-down")]


@pytest.fixture
def site(tmp_path):
    """Time runs slower than in the other tests: a step has minutes, and each kill costs a start of the process."""
    site = Site(tmp_path, scale=60)
    yield site
    site.end()


@pytest.mark.parametrize("first", range(len(POINTS)))
def test_deployed_and_removed(site, first):
    ready(site)
    killer = Killer(site, first)
    before = site.world.look("state")
    overflow = next(x["id"] for x in before["locations"] if x["name"] == "Oslo burst")
    site.burstd.secrets.append(NEW["ssh_password"])
    made = carried_out(site, killer, lambda: site.burstd.ask("POST", "/v1/nodes", json={**NEW, "location": overflow}))
    state = site.world.look("state")
    assert [n["name"] for n in state["nodes"]].count("new-1") == 1
    assert len(instances(site, "new-1")) == 1 and instances(site, "new-1")[0]["state"] == "stopped"
    assert len(state["addresses"]) == len(before["addresses"]) + 1
    assert killer.kills >= 8, "each change was met"
    killer.until(lambda: site.burstd.nodes().get("new-1", {}).get("instance"), "the node is shown, and its instance")
    node = made["node"]
    carried_out(site, killer, lambda: site.burstd.ask("DELETE", f"/v1/nodes/{node}?release_address=true", headers={"If-Match": "*"}))
    state = site.world.look("state")
    assert "new-1" not in [n["name"] for n in state["nodes"]]
    assert not instances(site, "new-1")
    assert len(state["addresses"]) == len(before["addresses"])
    assert site.world.look("metrics")["calls_cut"] == 0
