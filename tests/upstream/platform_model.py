"""
A platform as plain data, shown by fake_infinity.py and fake_bootstrap.py, on the cloud of cloud_model.py. Tests set its figures;
instances boot and stop by themselves. What would end calls is written down in `cuts`.
"""

import dataclasses
import re
import secrets
import threading
import time

from cloud_model import Cloud, Instance

TAG = "mgr-test"  # the Management Node's host name
TAG_NAME = "pexip-cloud"
HD_TOKENS = 19  # a little less than what one HD call costs of 324 tokens for 17 calls


@dataclasses.dataclass
class Location:
    id: int
    name: str
    overflow1: int | None = None
    overflow2: int | None = None
    description: str = ""
    mtu: int = 1500
    dns_servers: list = dataclasses.field(default_factory=list)
    ntp_servers: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Node:
    id: int
    name: str
    location: int
    address: str
    max_hd: int = 17
    tokens_max: int = 324
    tokens_used: int = 0
    maintenance: bool = False
    reason: str = ""
    conferences: list = dataclasses.field(default_factory=list)
    frozen_at: float | None = None
    never_syncs: bool = False
    node_type: str = "CONFERENCING"
    database: bool = True
    static_nat: str | None = None
    fields: dict = dataclasses.field(default_factory=dict)  # the rest of its configuration
    secret: str | None = None  # of its configuration document; None = it was deployed long ago
    restarted: float = 0.0
    heard: float | None = None  # the last word, once it is silent
    platform: "Platform | None" = dataclasses.field(default=None, repr=False)

    @property
    def instance(self):
        return self.platform.instance_at(self.address)


class Platform:
    """A node is synced `boot` seconds after its instance runs, its document was applied and its last restart."""

    def __init__(self, pending=0.05, boot=0.25, stopping=0.1):
        self.lock = threading.RLock()
        self.cloud = Cloud(pending=pending, stopping=stopping)
        self.boot = boot
        self.door = 0.1  # seconds after its launch until a new instance waits for its document
        self.locations = {}
        self.nodes = {}
        self.applied = {}  # instance id -> (secret, when)
        self.cuts = []  # (node's name, by what, how many conferences)

    # --- building ---

    def add_location(self, name, overflow1=None, overflow2=None):
        row = Location(max(self.locations, default=0) + 1, name, overflow1, overflow2)
        self.locations[row.id] = row
        return row

    def add_node(self, name, location, bursting=False, **more):
        number = len(self.nodes) + 1
        address = f"10.20.{number // 250}.{number % 250 + 1}"
        node = Node(number + 100, name, location.id, address, database=not bursting, platform=self, **more)
        if bursting:
            tags = {TAG_NAME: TAG, "Name": f"{name} <burst> & more", "empty": ""}
            instance = Instance(f"i-{number:017x}", address, tags=tags)
            self.cloud.instances[instance.id] = instance
        self.nodes[node.id] = node
        return node

    def deploy(self, name, location, fields):
        """A node that was configured just now: its document is still to be given to an instance."""
        node = Node(max(self.nodes) + 1, name, location, fields["address"], platform=self, fields=fields)
        node.secret = secrets.token_hex(24)
        self.nodes[node.id] = node
        return node

    def node(self, name):
        return next(node for node in self.nodes.values() if node.name == name)

    def instance_at(self, address):
        """The instance that has the private address; the terminated ones have none."""
        found = [i for i in self.cloud.instances.values() if i.address == address and i.state != "terminated"]
        return found[-1] if found else None

    def node_of(self, instance):
        return next((n for n in self.nodes.values() if n.address == instance.address), None)

    # --- what tests set ---

    def set_free(self, name, free):
        """Makes the node show `free` HD calls that it can still take."""
        with self.lock:
            node = self.node(name)
            node.tokens_used = node.tokens_max - -(-free * node.tokens_max // node.max_hd)

    def place_conference(self, name):
        with self.lock:
            node = self.node(name)
            node.conferences.append(f"conference {len(node.conferences) + 1}")
            node.tokens_used += HD_TOKENS

    def end_conferences(self, name):
        with self.lock:
            node = self.node(name)
            node.tokens_used = 0
            node.conferences = []

    def freeze(self):
        """From now on no node's last_updated moves."""
        with self.lock:
            for node in self.nodes.values():
                node.frozen_at = time.time()

    def thaw(self):
        with self.lock:
            for node in self.nodes.values():
                node.frozen_at = None

    def run(self, name, for_seconds):
        """The node is up and synced, since so long."""
        with self.lock:
            instance = self.node(name).instance
            instance.state, instance.launched = "running", time.time() - for_seconds

    def run_all(self, for_seconds=1):
        """Every instance that is coming up is up, since so long."""
        with self.lock:
            for instance in self.cloud.instances.values():
                if instance.state in ("pending", "running"):
                    instance.state, instance.launched = "running", time.time() - for_seconds

    # --- what ends calls ---

    def cut(self, node, what):
        if node and node.conferences:
            self.cuts.append((node.name, what, len(node.conferences)))
            node.tokens_used, node.conferences = 0, []

    def restart(self, node, what):
        self.cut(node, what)
        node.restarted = time.time()

    # --- time ---

    def advance(self):
        now = time.time()
        for node in self.nodes.values():
            if self.synced(node):
                node.heard = now
        for instance in self.cloud.advance(now):
            node = self.node_of(instance)
            if node:
                node.tokens_used, node.conferences = 0, []

    def apply(self, instance, body):
        """The node takes whatever document it is given; one that Infinity has forgotten never gets it synced."""
        self.applied[instance.id] = (re.search(rb"<secret>(\w+)</secret>", body).group(1).decode(), time.time())

    def waits(self, instance):
        """Whether a new instance's port 8443 waits for the document."""
        return instance.up() and instance.id not in self.applied and time.time() >= instance.launched + self.door

    def synced(self, node):
        now, instance = time.time(), node.instance
        if node.never_syncs or now < node.restarted + self.boot:
            return False
        if node.secret is not None:
            secret, when = self.applied.get(instance.id, ("", 0)) if instance else ("", 0)
            if secret != node.secret or now < when + self.boot:
                return False
        return instance is None or (instance.up() and now >= instance.launched + self.boot)

    def last_updated(self, node, now):
        """None = never heard of. A node that is down keeps the time of its last word."""
        if node.frozen_at is not None:
            return node.frozen_at
        return now if self.synced(node) else node.heard

    # --- power: what EC2 is asked for ---

    def start(self, instance):
        return self.cloud.start(instance)

    def stop(self, instance):
        self.cut(self.node_of(instance), "StopInstances")
        return self.cloud.stop(instance)

    def terminate(self, instance):
        self.cut(self.node_of(instance), "TerminateInstances")
        return self.cloud.terminate(instance)
