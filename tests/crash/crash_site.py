"""burstd and the embedded world, with a proxy on each side that kills at an exact point of a change (proxy.py)."""

import os
import random

from daemon import Burstd, World, until
from proxy import Proxy

SCALE = 300
# At this scale: a poll 67 ms, fresh 0.2 s, a boot 0.2 s, lifetime 1 s, replication 0.3 s: a cycle takes about two seconds.
SETTINGS = {
    "bursting_threshold": 5,
    "minimum_lifetime_minutes": 5,
    "poll_infinity_seconds": 20,
    "poll_ec2_seconds": 20,
    "replication_wait_seconds": 90,
    "refused_rest_minutes": 1,
}
SEED = int(os.environ.get("BURSTD_TEST_SEED", "20260105"))
PRINCIPALS = ("Oslo", "Bergen")
NODES_EACH = 3


class Site:
    """Two principal locations with 17 HD calls each, overflowing into three nodes each."""

    def __init__(self, directory, scale=SCALE):
        self.directory = directory
        self.random = random.Random(SEED)
        self.world = World(directory, "--scenario", "empty", "--seed", str(SEED), scale=scale)
        self.busy = {name: False for name in PRINCIPALS}
        self.build()
        self.proxies = {name: Proxy(self.world.urls[name]) for name in ("infinity", "ec2", "bootstrap")}
        self.burstd = Burstd(
            directory,
            {
                "BURSTD_TIME_SCALE": str(scale),
                "BURSTD_INFINITY_URL": self.proxies["infinity"].url,
                "BURSTD_INFINITY_USER": "admin",
                "BURSTD_INFINITY_PASSWORD": "world-password",
                "BURSTD_AWS_REGIONS": "eu-west-1",
                "BURSTD_EC2_ENDPOINT": self.proxies["ec2"].url,
                "BURSTD_BOOTSTRAP_URL": self.proxies["bootstrap"].url + "/{address}",
                "AWS_ACCESS_KEY_ID": "AKIAWORLDEXAMPLE0001",
                "AWS_SECRET_ACCESS_KEY": "world/secret+key/EXAMPLEONLY0123456789abcd",
            },
            secrets=["world-password", "world/secret+key/EXAMPLEONLY0123456789abcd"],
        )

    def build(self):
        for name in PRINCIPALS:
            burst = self.world.do("add_location", name=f"{name} burst")["id"]
            own = self.world.do("add_location", name=name, overflow1=burst)["id"]
            self.world.do("add_node", name=f"{name.lower()}-own", location=own)
            for n in range(NODES_EACH):
                self.world.do("add_node", name=f"{name.lower()}-burst-{n + 1}", location=burst, bursting=True)
        self.world.do("boot", seconds=60)

    def start(self):
        self.burstd.start()
        self.burstd.set_bursting(**SETTINGS)
        until(lambda: self.burstd.ready().status_code == 200, lambda: self.burstd.ready().text)
        self.burstd.set_bursting(enabled=True, mode="control")
        return self.burstd

    # --- demand ---

    def demand(self, location, calls):
        """Ends every call of the location, or makes so many arrive there."""
        self.busy[location] = calls > 0
        if calls:
            self.world.do("calls", location=location, count=calls)
        else:
            self.world.do("end_calls", location=location)

    def toss(self):
        """Now and then a location's calls come or go. Up to 16 are its own nodes', more need one or two overflow nodes."""
        name = self.random.choice(PRINCIPALS)
        if self.busy[name]:
            self.demand(name, 0)
        else:
            self.demand(name, self.random.choice((14, 16, 24, 34)))

    def settle(self):
        """No more calls: everything goes down."""
        for name in PRINCIPALS:
            self.demand(name, 0)

        def quiet():
            down = all(node["state"] == "stopped" for node in self.burst_nodes())
            return down and not self.burstd.open_operations()

        until(quiet, lambda: f"everything down and done: {self.burst_nodes()} {self.burstd.open_operations()}")

    def burst_nodes(self):
        return [node for node in self.world.nodes().values() if node["bursting"]]

    def end(self):
        try:
            self.burstd.end()
        finally:
            if self.burstd.process and self.burstd.process.poll() is None:
                self.burstd.kill()
            for proxy in self.proxies.values():
                proxy.close()
            self.world.end()
