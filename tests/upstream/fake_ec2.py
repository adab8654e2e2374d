"""
A fake of EC2's Query API: signatures are verified with botocore's own signer, filters and pages are EC2's, and the XML varies as
documented (indented or on one line, any order of elements, requestId first or last, empty sets self-closed, namespace with or
without its trailing slash). What a test may break stands in `refuse` and `refuse_all`.
"""

import datetime
import random
import re
import urllib.parse
import uuid
from xml.sax.saxutils import escape

from fake_http import Fake
from platform_model import TAG
from sigv4 import EXPIRED, Keyring, Refusal, verify

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15"
CODES = {"pending": 0, "running": 16, "stopping": 64, "stopped": 80}
XML = {"Content-Type": "text/xml;charset=UTF-8"}

THROTTLED = (503, "RequestLimitExceeded", "Request limit exceeded.")
NO_CAPACITY = (500, "InsufficientInstanceCapacity", "We currently do not have sufficient c5.2xlarge capacity in this zone.")
NOT_ALLOWED = (403, "UnauthorizedOperation", "You are not authorized to perform this operation.")


def matches(pattern, value):
    """EC2's wildcards, with the backslash that takes their meaning away."""
    parts = re.findall(r"\\.|.", pattern, re.S)
    meant = "".join(
        re.escape(p[1]) if p[0] == "\\" and len(p) == 2 else ".*" if p == "*" else "." if p == "?" else re.escape(p)
        for p in parts
    )
    return re.fullmatch(meant, value, re.S) is not None


class FakeEC2(Fake):
    def __init__(self, platform, ledger, access_key, secret_key, region="eu-west-1", session_token=None, seed=1, tls=None):
        self.platform = platform
        self.keys = (access_key, secret_key, session_token)
        self.keyring = Keyring()  # every key that is good here
        self.keyring.add(access_key, secret_key, session_token)
        self.region = region
        self.random = random.Random(seed)
        self.refuse = {}  # (action, instance id) -> refusal
        self.refuse_all = None
        self.expired_token = False
        self.reservations_a_page = 1000
        self.pages = {}  # token -> offset
        self.down = False
        super().__init__(ledger, tls)

    # --- XML: (name, text or list of children); a list of children named item keeps its order ---

    def put(self, element, indent, depth):
        name, content = element
        margin = "\n" + "    " * depth if indent else ""
        if content in (None, [], ""):
            return f"{margin}<{name}/>"
        if isinstance(content, str):
            return f"{margin}<{name}>{escape(content)}</{name}>"
        children = list(content)
        if any(child[0] != "item" for child in children):
            self.random.shuffle(children)
        inner = "".join(self.put(child, indent, depth + 1) for child in children)
        return f"{margin}<{name}>{inner}{margin}</{name}>"

    def document(self, action, children):
        indent = self.random.random() < 0.5
        namespace = NAMESPACE + self.random.choice(("", "/"))
        body = [self.put(child, indent, 1) for child in children]
        body.insert(self.random.choice((0, len(body))), self.put(("requestId", str(uuid.uuid4())), indent, 1))
        head = '<?xml version="1.0" encoding="UTF-8"?>\n' if self.random.random() < 0.5 else ""
        return f'{head}<{action}Response xmlns="{namespace}">{"".join(body)}</{action}Response>'.encode()

    def error(self, status, code, message):
        self.ledger.add("allowed" if code == "DryRunOperation" else "refused", code=code)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
            f"<Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
            f"<RequestID>{uuid.uuid4()}</RequestID></Response>"
        )
        return status, XML, text.encode()

    # --- signatures ---

    def verify(self, headers, body):
        key = verify(self.url, headers, body, "ec2", self.region, self.keyring, self.now())
        if self.expired_token:
            raise Refusal(*EXPIRED)
        self.ledger.add("signed", by=key.access, owner=key.owner)

    # --- actions ---

    def row(self, instance, node):
        state = [("code", str(CODES[instance.state])), ("name", instance.state)]
        launched = datetime.datetime.fromtimestamp(instance.launched, datetime.timezone.utc)
        interface = [
            ("networkInterfaceId", f"eni-{instance.id[2:]}"),
            ("status", "in-use"),
            ("privateIpAddress", instance.address),
            ("groupSet", []),
            ("privateIpAddressesSet", [("item", [("privateIpAddress", instance.address), ("primary", "true")])]),
        ]
        row = [
            ("instanceId", instance.id),
            ("instanceType", "c5.2xlarge"),
            ("instanceState", state),
            ("launchTime", launched.strftime("%Y-%m-%dT%H:%M:%S.000Z")),
            ("placement", [("availabilityZone", self.region + "a"), ("groupName", None), ("tenancy", "dedicated")]),
            ("privateIpAddress", instance.address),
            ("dnsName", None),
            ("groupSet", []),
            ("productCodes", []),
            ("monitoring", [("state", "disabled")]),
            (
                "tagSet",
                [
                    ("item", [("key", "pexip-cloud"), ("value", TAG)]),
                    ("item", [("key", "Name"), ("value", f"{node.name} <burst> & more")]),
                    ("item", [("key", "empty"), ("value", None)]),
                ],
            ),
            ("networkInterfaceSet", [("item", interface)]),
            ("elementOfALaterVersion", [("state", [("name", "running")])]),
        ]
        if instance.reason:
            row.append(("stateReason", [("code", instance.reason), ("message", f"{instance.reason}: done")]))
        return row

    def wanted(self, form, instance):
        for n in range(1, 51):
            name = form.get(f"Filter.{n}.Name")
            if name is None:
                return True
            values = [form[f"Filter.{n}.Value.{m}"] for m in range(1, 201) if f"Filter.{n}.Value.{m}" in form]
            shown = {
                "tag:pexip-cloud": TAG,
                "instance-id": instance.id,
                "private-ip-address": instance.address,
                "network-interface.addresses.private-ip-address": instance.address,
                "instance-state-name": instance.state,
            }.get(name)
            if shown is None:
                raise Refusal(400, "InvalidParameterValue", f"The filter '{name}' is invalid")
            if not any(matches(value, shown) for value in values):
                return False
        return True

    def describe(self, form):
        if not 5 <= int(form.get("MaxResults", 1000)) <= 1000:
            raise Refusal(400, "InvalidParameterValue", "MaxResults")
        nodes = [x for x in self.platform.nodes.values() if x.instance and self.wanted(form, x.instance)]
        self.ledger.add("describe", filter=form.get("Filter.1.Name"))
        offset = 0
        if "NextToken" in form:
            offset = self.pages.pop(form["NextToken"])
        size = min(int(form.get("MaxResults", 1000)), self.reservations_a_page)
        items = [
            (
                "item",
                [
                    ("reservationId", f"r-{x.instance.id[2:]}"),
                    ("ownerId", "111122223333"),
                    ("groupSet", []),
                    ("instancesSet", [("item", self.row(x.instance, x))]),
                ],
            )
            for x in nodes[offset : offset + size]
        ]
        children = [("reservationSet", items)]
        if offset + size < len(nodes):
            token = uuid.uuid4().hex + "/+=="
            self.pages[token] = offset + size
            children.append(("nextToken", token))
        return 200, XML, self.document("DescribeInstances", children)

    def dry_run(self, action, instance):
        for key in ((action, "any"), (action, instance.id)):
            if self.refuse.get(key, (0, ""))[1] == "UnauthorizedOperation":
                raise Refusal(*self.refuse[key])
        raise Refusal(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")

    def change(self, action, form):
        instance = next((x.instance for x in self.platform.nodes.values() if x.instance and x.instance.id == form["InstanceId.1"]), None)
        if instance is None:
            raise Refusal(400, "InvalidInstanceID.NotFound", f"The instance ID '{form['InstanceId.1']}' does not exist")
        node = self.platform.nodes[instance.node]
        if form.get("DryRun") == "true":  # tells of permissions alone, never of capacity or state
            self.dry_run(action, instance)
        refusal = self.refuse.get((action, instance.id))
        if refusal:
            self.ledger.add(action, node=node.name, code=refusal[1])
            raise Refusal(*refusal)
        starting = action == "StartInstances"
        if starting and instance.state == "stopping":
            raise Refusal(400, "IncorrectInstanceState", "The instance is not in a state from which it can be started.")
        facts = {"node": node.name, "code": None, "busy": bool(node.conferences), "maintenance": node.maintenance}
        previous = self.platform.start(instance) if starting else self.platform.stop(instance)
        self.ledger.add(action, previous=previous, **facts)

        def state(name, value):
            return name, [("code", str(CODES[value])), ("name", value)]

        item = [("instanceId", instance.id), state("previousState", previous), state("currentState", instance.state)]
        return 200, XML, self.document(action, [("instancesSet", [("item", item)])])

    def act(self, form):
        if self.refuse_all:
            raise Refusal(*self.refuse_all)
        if form.get("Version") != "2016-11-15":
            raise Refusal(400, "NoSuchVersion", "The requested version is not supported")
        action = form.get("Action")
        if action == "DescribeInstances":
            return self.describe(form)
        if action in ("StartInstances", "StopInstances"):
            if (action, "any") in self.refuse and form.get("DryRun") != "true":
                raise Refusal(*self.refuse[(action, "any")])
            return self.change(action, form)
        raise Refusal(400, "InvalidAction", f"The action {action} is not valid for this web service.")

    def answer(self, method, path, headers, body):
        self.ledger.add("ec2")
        if self.down:
            return None
        with self.platform.lock:
            self.platform.advance()
            try:
                if method != "POST" or path != "/":
                    raise Refusal(400, "MalformedQueryString", "POST / only")
                self.verify(headers, body)
                form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
                return self.act(form)
            except Refusal as refusal:
                return self.error(*refusal.args)
