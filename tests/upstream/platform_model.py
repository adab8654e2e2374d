"""A platform as plain data, shown by fake_infinity.py and fake_ec2.py. Tests set its figures; instances boot and stop by themselves."""

import dataclasses
import threading
import time

TAG = "mgr-test"  # the Management Node's host name
HD_TOKENS = 19  # a little less than what one HD call costs of 324 tokens for 17 calls


@dataclasses.dataclass
class Location:
    id: int
    name: str
    overflow1: int | None = None
    overflow2: int | None = None
    description: str = ""


@dataclasses.dataclass
class Instance:
    id: str
    node: int
    address: str
    state: str = "stopped"
    launched: float = 0.0
    stopping: float = 0.0
    reason: str = ""


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
    instance: Instance | None = None
    frozen_at: float | None = None
    never_syncs: bool = False

    def up(self):
        return self.instance is None or self.instance.state == "running"


class Platform:
    """pending -> running after `pending` seconds, synced after `boot`, stopping -> stopped after `stopping`."""

    def __init__(self, pending=0.05, boot=0.25, stopping=0.1):
        self.lock = threading.RLock()
        self.pending, self.boot, self.stopping = pending, boot, stopping
        self.locations = {}
        self.nodes = {}

    # --- building ---

    def add_location(self, name, overflow1=None, overflow2=None):
        row = Location(max(self.locations, default=0) + 1, name, overflow1, overflow2)
        self.locations[row.id] = row
        return row

    def add_node(self, name, location, bursting=False, **more):
        number = len(self.nodes) + 1
        address = f"10.20.{number // 250}.{number % 250 + 1}"
        node = Node(number + 100, name, location.id, address, **more)
        if bursting:
            node.instance = Instance(f"i-{number:017x}", node.id, address)
        self.nodes[node.id] = node
        return node

    def node(self, name):
        return next(node for node in self.nodes.values() if node.name == name)

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

    # --- time ---

    def advance(self):
        now = time.time()
        for node in self.nodes.values():
            instance = node.instance
            if instance and instance.state == "pending" and now >= instance.launched + self.pending:
                instance.state = "running"
            if instance and instance.state == "stopping" and now >= instance.stopping + self.stopping:
                instance.state = "stopped"
                node.tokens_used, node.conferences = 0, []

    def synced(self, node):
        if node.instance is None:
            return True
        started = node.instance.state == "running" and time.time() >= node.instance.launched + self.boot
        return started and not node.never_syncs

    def last_updated(self, node, now):
        """None = never heard of. A node that is down keeps the time of its last word."""
        if node.frozen_at is not None:
            return node.frozen_at
        if node.instance is None or self.synced(node):
            return now
        return None if not node.instance.stopping else node.instance.stopping

    def start(self, instance):
        previous = instance.state
        if previous == "stopped":
            instance.state, instance.launched, instance.reason = "pending", time.time(), ""
        return previous

    def stop(self, instance):
        previous = instance.state
        if previous in ("pending", "running"):
            instance.state, instance.stopping = "stopping", time.time()
            instance.reason = "Client.UserInitiatedShutdown"
        return previous
