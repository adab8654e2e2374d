"""Life-cycle operations asked for over the API, and what of them stands in the world: shared by the tests of the life cycle."""

from cloud_model import GROUP, KEY_NAME, SUBNET
from daemon import until

SSH_PASSWORD = "node-pass:ødegård/31"
ENDED = ("done", "failed", "cancelled", "abandoned")


class Life:
    """A site in control that may change the life of nodes. `new` is the node that it deploys: the first in name order."""

    def __init__(self, site):
        self.site = site
        self.burstd = None
        self.new = "a-0-new"

    def allow(self, **settings):
        site = self.site
        site.secrets.append(SSH_PASSWORD)
        self.burstd = site.control(**settings)
        self.burstd.set_bursting(allow_lifecycle=True)
        self.nodes_before = set(site.platform.nodes)
        self.instances_before = set(site.platform.cloud.instances)
        return self

    def location(self, name):
        return next(x.id for x in self.site.platform.locations.values() if x.name == name)

    # --- asking ---

    def ask(self, method, path, body=None, **headers):
        return self.burstd.ask(method, path, json=body, headers={"If-Match": "*"} | headers)

    def accepted(self, reply):
        """The id of the operation."""
        assert reply.status_code == 202, reply.text
        return reply.json()["id"]

    def deployment(self, **more):
        body = {
            "name": self.new,
            "hostname": self.new,
            "domain": "example.net",
            "location": self.location("Burst A"),
            "ssh_password": SSH_PASSWORD,
            "subnet": SUBNET,
            "security_groups": [GROUP],
            "key_name": KEY_NAME,
            "public_addressing": "auto",
        }
        return body | more

    def deploy(self, **more):
        return self.accepted(self.ask("POST", "/v1/nodes", self.deployment(**more)))

    def node(self, name=None):
        """The platform's own row of it."""
        return self.site.platform.node(name or self.new)

    def on_node(self, method, what="", body=None, name=None, query=""):
        """An operation on the node, as soon as burstd sees its instance as it is."""
        node = self.node(name)
        key = node.id
        until(lambda: (self.seen(key).get("instance") or {}).get("state") == node.instance.state, "burstd knows the node's instance")
        return self.ask(method, f"/v1/nodes/{key}{what}{query}", body)

    def seen(self, key):
        reply = self.burstd.ask("GET", f"/v1/nodes/{key}")
        return reply.json() if reply.status_code == 200 else {}

    # --- operations ---

    def operation(self, number):
        return self.burstd.get(f"/v1/operations/{number}")

    def tell(self, number):
        o = self.operation(number)
        steps = [f"{s['step']} {s['progress']}: {s['detail']} {s['error'] or ''}" for s in o["steps"]]
        return f"{o['kind']} is {o['state']}, {o['error']}\n  " + "\n  ".join(steps) + "\n" + self.burstd.log()[-1500:]

    def until_state(self, number, *states):
        found = until(
            lambda: next((o for o in [self.operation(number)] if o["state"] in states + ENDED + ("halted",)), None),
            lambda: f"{states}: {self.tell(number)}",
        )
        assert found["state"] in states, f"not {states}: {self.tell(number)}"
        return found

    def done(self, number):
        return self.until_state(number, "done")

    def step(self, operation, name):
        return next(s for s in operation["steps"] if s["step"] == name)

    def until_step(self, number, name, *progress):
        return until(
            lambda: next((s for s in self.operation(number)["steps"] if s["step"] == name and s["progress"] in progress), None),
            lambda: f"{name} is {progress}: {self.tell(number)}",
        )

    def cancelled(self, number):
        reply = self.burstd.ask("POST", f"/v1/operations/{number}/cancel")
        assert reply.status_code == 202, reply.text
        return self.until_state(number, "cancelled")

    def events(self, number):
        return [e for e in self.burstd.history() if e["operation"] == number]

    # --- the world ---

    def made(self):
        """(instances, nodes, addresses) that stand and did not before."""
        with self.site.platform.lock:
            instances, addresses = self.site.platform.cloud.left()
            nodes = [n.name for n in self.site.platform.nodes.values() if n.id not in self.nodes_before]
            return [i for i in instances if i.id not in self.instances_before], nodes, addresses

    def nothing_left(self):
        assert self.made() == ([], [], []), "something is left behind"

    def launches(self):
        return [row["instance"] for row in self.site.ledger.since(0, "RunInstances")]
