"""An AWS region as plain data, shown by fake_ec2.py: what is launched, allocated and tagged here stays until somebody takes it away."""

import dataclasses
import ipaddress
import itertools
import secrets
import time

OWNER = "686087431763"  # of the vendor's images
VPC = "vpc-0a10a10a10a10a10a"
SUBNET = "subnet-0b20b20b20b20b20b"
SMALL_SUBNET = "subnet-0b20b20b20b20b20c"  # all its addresses are taken
GROUP = "sg-0c30c30c30c30c30c"
KEY_NAME = "node-key"
NODE_IMAGE = "ami-0feedfacecafe3801"
MANAGER_IMAGE = "ami-0feedfacecafe3802"
OLD_TYPES = ("c4.", "m4.")  # they know no ENA
STEADY = ("pending", "running", "stopping", "stopped")


def new_id(kind):
    return f"{kind}-0{secrets.token_hex(8)}"


@dataclasses.dataclass
class Instance:
    id: str
    address: str
    state: str = "stopped"
    type: str = "c5.2xlarge"
    image: str = NODE_IMAGE
    tenancy: str = "dedicated"
    subnet: str = SUBNET
    groups: list = dataclasses.field(default_factory=lambda: [GROUP])
    key_name: str = KEY_NAME
    ena: bool = True
    tags: dict = dataclasses.field(default_factory=dict)
    client_token: str = ""
    asked: dict | None = None  # the launch's parameters
    auto_public: bool = False
    public: str | None = None  # auto-assigned, while it runs
    launched: float = 0.0
    stopping: float = 0.0
    reason: str = ""
    unseen: int = 0  # DescribeInstances that do not show it yet

    def up(self):
        return self.state == "running"


@dataclasses.dataclass
class Address:
    allocation: str
    public: str
    tags: dict
    instance: str | None = None
    association: str | None = None


@dataclasses.dataclass
class Group:
    id: str
    name: str
    description: str
    vpc: str
    tags: dict
    ingress: list = dataclasses.field(default_factory=list)
    egress: list = dataclasses.field(default_factory=lambda: [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])


@dataclasses.dataclass
class Image:
    id: str
    name: str
    owner: str
    created: str
    state: str = "available"


@dataclasses.dataclass
class Subnet:
    id: str
    cidr: str
    zone: str
    full: bool = False
    public_on_launch: bool = False


class Cloud:
    """pending -> running after `pending` seconds, stopping -> stopped after `stopping`, shutting-down -> terminated likewise."""

    def __init__(self, region="eu-west-1", pending=0.05, stopping=0.1):
        self.region = region
        self.pending, self.stopping = pending, stopping
        self.instances, self.addresses, self.groups = {}, {}, {}
        self.lag = 1  # DescribeInstances for which a launch is not seen yet
        self.most_addresses = 5
        self.offered = {"c5.xlarge", "c5.2xlarge", "c5.4xlarge", "c5.9xlarge", "m5.xlarge", "c4.2xlarge", "c4.4xlarge"}
        self.key_names = [KEY_NAME]
        self.publics = itertools.count(1)
        self.subnets = {
            SUBNET: Subnet(SUBNET, "10.20.16.0/20", region + "a"),
            SMALL_SUBNET: Subnet(SMALL_SUBNET, "10.20.32.0/28", region + "a", full=True),
        }
        self.groups[GROUP] = Group(GROUP, "conferencing nodes", "node traffic", VPC, {})
        name = "Pexip Infinity Conferencing Node 38 build 81234"
        rows = (
            Image(NODE_IMAGE, name, OWNER, "2026-07-01T10:00:00.000Z"),
            Image(MANAGER_IMAGE, "Pexip Infinity Management Node 38 build 81234", OWNER, "2026-07-01T10:00:00.000Z"),
            Image("ami-0feedfacecafe3700", "Pexip Infinity Conferencing Node 37 build 79999", OWNER, "2026-09-01T10:00:00.000Z"),
            Image("ami-0feedfacecafe3900", "Pexip Infinity Conferencing Node 39 build 83001", OWNER, "2026-10-01T10:00:00.000Z"),
            Image("ami-0baadbaadbaad3801", name, "999988887777", "2026-11-01T10:00:00.000Z"),
        )
        self.images = {image.id: image for image in rows}

    # --- addresses ---

    def next_public(self):
        return f"198.51.100.{next(self.publics)}"

    def elastic(self, instance):
        return next((a for a in self.addresses.values() if a.instance == instance.id), None)

    def public(self, instance):
        """What the instance is reached at from outside; None = not at all."""
        address = self.elastic(instance)
        return address.public if address else instance.public

    def free_private(self, subnet):
        """EC2 keeps the first four addresses and the last one of a subnet for itself."""
        taken = {i.address for i in self.instances.values() if i.state not in ("terminated",)}
        hosts = list(ipaddress.ip_network(subnet.cidr))[4:-1]
        return next(str(host) for host in hosts if str(host) not in taken)

    # --- power ---

    def start(self, instance):
        previous = instance.state
        if previous == "stopped":
            instance.state, instance.launched, instance.reason = "pending", time.time(), ""
            self.give_public(instance)
        return previous

    def give_public(self, instance):
        instance.public = self.next_public() if instance.auto_public and not self.elastic(instance) else None

    def stop(self, instance):
        previous = instance.state
        if previous in ("pending", "running"):
            instance.state, instance.stopping = "stopping", time.time()
            instance.reason, instance.public = "Client.UserInitiatedShutdown", None
        return previous

    def terminate(self, instance):
        previous = instance.state
        if previous in STEADY:
            instance.state, instance.stopping = "shutting-down", time.time()
            instance.reason, instance.public = "Client.UserInitiatedShutdown", None
            address = self.elastic(instance)
            if address:
                address.instance = address.association = None
        return previous

    def advance(self, now):
        """The instances that have just ended up stopped or terminated."""
        down = []
        for instance in self.instances.values():
            if instance.state == "pending" and now >= instance.launched + self.pending:
                instance.state = "running"
            elif instance.state in ("stopping", "shutting-down") and now >= instance.stopping + self.stopping:
                instance.state = "stopped" if instance.state == "stopping" else "terminated"
                down.append(instance)
                if instance.state == "terminated":
                    instance.tags = {}
        return down

    def left(self):
        """What would be paid for: instances that are not terminated, addresses."""
        standing = [i for i in self.instances.values() if i.state not in ("shutting-down", "terminated")]
        return standing, list(self.addresses.values())
