"""
A fake of Infinity's management API, written from its documentation and in nothing related to burstd: the Tastypie envelope with
its default page of 20, mandatory trailing slashes, Basic and OAuth2 (ES256 assertion), the several forms of times, nulls and
fields that no client knows. Changes are those of infinity_changes.py. What a test may break stands in `fault`, `fail` and `lose`.
"""

import base64
import collections
import datetime
import hmac
import json
import secrets
import time
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from fake_http import Fake
from infinity_changes import Changes
from infinity_fields import WORKER_VM_UNREAD, uri
from platform_model import TAG, TAG_NAME

DEFAULT_LIMIT = 20
TIME_FORMS = ("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f+00:00", "%Y-%m-%dT%H:%M:%S.%fZ")
WHOLE_SECONDS = "%Y-%m-%dT%H:%M:%S"
JSON = {"Content-Type": "application/json", "Vary": "Accept"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
PAGE_500 = b"<!DOCTYPE html><html><head><title>Server Error</title></head><body><h1>Server Error (500)</h1></body></html>"
VERSION = "38 (81234.0.0)"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class FakeInfinity(Changes, Fake):
    def __init__(self, platform, ledger, user="api", password="", tls=None, largest_page=1000):
        self.platform = platform
        self.user, self.password = user, password
        self.largest_page = largest_page
        self.fault = None  # down, hang, half, html500
        self.whole_seconds = False  # times without a fraction
        self.forms = 0
        self.oauth_clients = {}  # client id -> public key
        self.bearers = {}  # token -> end
        self.token_life = 3600
        self.after_patch = None  # called with the node's name
        self.fail = collections.defaultdict(list)  # (method, resource) -> answers (status, object) of the next requests
        self.lose = collections.Counter()  # (method, resource) -> how many of the next ones are carried out and not answered
        self.shows_unheard = True  # whether a node that was never heard of has a status at all
        self.begin()
        super().__init__(ledger, tls)

    # --- times and rows ---

    def time_text(self, seconds):
        if seconds is None:
            return None
        self.forms += 1
        form = WHOLE_SECONDS if self.whole_seconds else TIME_FORMS[self.forms % len(TIME_FORMS)]
        return datetime.datetime.fromtimestamp(seconds + self.clock_offset, datetime.timezone.utc).strftime(form)

    def row_configuration(self, node):
        instance = node.instance
        row = {
            "address": node.address,
            "alternative_fqdn": "",
            "description": None,
            "domain": "example.net",
            "enable_ssh": "GLOBAL",
            "gateway": "10.20.0.1",
            "hostname": node.name,
            "ipv6_address": None,
            "media_priority_weight": None,
            "netmask": "255.255.255.0",
            "some_field_of_a_later_version": {"nested": [1, None, "x"]},
            "ssh_authorized_keys": [],
            "static_routes": [],
            "tls_certificate": None,
        }
        row |= {name: value for name, value in node.fields.items() if name not in WORKER_VM_UNREAD}
        row |= {
            "cloud_bursting": instance is not None and instance.tags.get(TAG_NAME) == TAG,
            "enable_distributed_database": node.database,
            "id": node.id,
            "maintenance_mode": node.maintenance,
            "maintenance_mode_reason": node.reason,
            "name": node.name,
            "node_type": node.node_type,
            "resource_uri": uri("worker_vm", node.id),
            "static_nat_address": node.static_nat,
            "system_location": uri("system_location", node.location),
        }
        return row

    def sync_status(self, node):
        if self.platform.synced(node):
            return "SYNCED"
        return "SUSPENDED" if node.instance and TAG_NAME in node.instance.tags else "UNSYNCED"

    def row_status(self, node):
        synced = self.platform.synced(node)
        updated = self.platform.last_updated(node, time.time())
        known = node.secret is None or updated is not None  # a node that was never heard of has not measured itself
        loaded = round(100 * node.tokens_used / node.tokens_max)
        return {
            "boot_time": self.time_text(node.instance.launched if node.instance and synced else None),
            "configuration_id": node.id,
            "deploy_status": "deploy_succeeded" if known else "",
            "id": node.id,
            "last_attempted_contact": None,
            "last_updated": self.time_text(updated),
            "maintenance_mode": node.maintenance,
            "maintenance_mode_reason": node.reason,
            "max_audio_calls": 324 if known else 0,
            "max_hd_calls": node.max_hd if known else 0,
            "max_media_tokens": node.tokens_max if known else 0,
            "media_load": 100 if node.maintenance else loaded,
            "media_tokens_used": node.tokens_used if synced else 0,
            "name": node.name,
            "node_type": node.node_type,
            "resource_uri": f"/api/admin/status/v1/worker_vm/{node.id}/",
            "signaling_count": 0,
            "sync_status": self.sync_status(node),
            "system_location": self.platform.locations[node.location].name,
            "version": VERSION if known else "",
        }

    def rows_status(self):
        nodes = self.platform.nodes.values()
        unheard = [n for n in nodes if n.secret and self.platform.last_updated(n, time.time()) is None]
        return [self.row_status(n) for n in nodes if self.shows_unheard or n not in unheard]

    def row_location(self, location):
        def link(key):
            return uri("system_location", key) if key else None

        def servers(resource, keys):
            return [self.row_plain(resource, self.objects[resource][key]) for key in keys if key in self.objects[resource]]

        return {
            "description": location.description,
            "dns_servers": servers("dns_server", location.dns_servers),
            "id": location.id,
            "mtu": location.mtu,
            "name": location.name,
            "ntp_servers": servers("ntp_server", location.ntp_servers),
            "overflow_location1": link(location.overflow1),
            "overflow_location2": link(location.overflow2),
            "resource_uri": uri("system_location", location.id),
            "transcoding_location": None,
        }

    def rows_shard(self):
        return [
            {"conference": name, "id": f"{node.id:08d}-{n:04d}", "is_started": True, "node": node.address, "tag": None}
            for node in self.platform.nodes.values()
            for n, name in enumerate(node.conferences)
        ]

    def rows_participant(self):
        return [
            {
                "conference": name,
                "display_name": "Åse \u0000 Ødegård",
                "id": f"{node.id:08d}-{n:04d}-p",
                "media_node": node.address,
                "proxy_node": "",
                "rx_bandwidth": None,
                "signalling_node": "10.20.1.11",
            }
            for node in self.platform.nodes.values()
            for n, name in enumerate(node.conferences)
        ]

    def lists(self):
        nodes = list(self.platform.nodes.values())
        licence = {"port_count": 3, "port_total": 250, "resource_uri": ""}
        manager = {"configuration_id": 1, "id": 1, "name": TAG, "primary": True, "sync_status": "SYNCED", "version": VERSION}
        plain = {
            f"configuration/v1/{resource}": lambda name=resource, rows=rows: [self.row_plain(name, row) for row in rows.values()]
            for resource, rows in self.objects.items()
        }
        return plain | {
            "configuration/v1/system_location": lambda: [self.row_location(x) for x in self.platform.locations.values()],
            "configuration/v1/worker_vm": lambda: [self.row_configuration(x) for x in nodes],
            "status/v1/conference_shard": self.rows_shard,
            "status/v1/licensing": lambda: [licence],
            "status/v1/management_vm": lambda: [manager],
            "status/v1/participant": self.rows_participant,
            "status/v1/worker_vm": self.rows_status,
        }

    # --- signing on ---

    def signed_on(self, headers):
        scheme, _, rest = (headers.get("Authorization") or "").partition(" ")
        if scheme == "Basic" and not self.oauth_clients:
            wanted = f"{self.user}:{self.password}".encode()
            return hmac.compare_digest(base64.b64decode(rest), wanted)
        return scheme == "Bearer" and self.bearers.get(rest, 0) > time.time()

    def bad_assertion(self, assertion):
        """Why the assertion is no good; None = it is."""
        head, claims, signature = assertion.split(".")
        said = json.loads(unbase64url(claims))
        public = self.oauth_clients.get(said.get("iss"))
        if json.loads(unbase64url(head)) != {"alg": "ES256", "typ": "JWT"}:
            return "invalid_header"
        if public is None or said["sub"] != said["iss"]:
            return "unknown client"
        if said["aud"] != f"{self.url}/oauth/token/" or not said.get("jti"):
            return "invalid_claim"
        if not said["iat"] - 60 <= self.now() <= said["exp"]:
            return "expired"
        raw = unbase64url(signature)
        der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        try:
            public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return "bad signature"
        return None

    def token(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        good = form.get("grant_type") == "client_credentials" and form.get("client_assertion_type") == ASSERTION_TYPE
        why = self.bad_assertion(form["client_assertion"]) if good else "bad grant"
        self.ledger.add("token", refused=why)
        if why:
            return 400, JSON, json.dumps({"error": "invalid_client", "error_description": why}).encode()
        bearer = secrets.token_urlsafe(32)
        self.bearers[bearer] = time.time() + self.token_life
        answer = {"access_token": bearer, "expires_in": self.token_life, "token_type": "Bearer"}
        return 200, JSON, json.dumps(answer).encode()

    # --- answers ---

    def page(self, path, rows, query):
        limit = int(query.get("limit", DEFAULT_LIMIT))
        limit = min(limit or self.largest_page, self.largest_page)
        offset = int(query.get("offset", 0))
        more = offset + limit < len(rows)
        part = rows[offset : offset + limit]
        if self.fault == "half" and len(rows) > 1:
            part, more = part[: len(part) // 2], False
        rest = urllib.parse.urlencode({name: value for name, value in query.items() if name not in ("limit", "offset")})

        def link(to):
            return f"{path}?limit={limit}&offset={to}{'&' if rest else ''}{rest}"

        meta = {
            "limit": limit,
            "next": link(offset + limit) if more else None,
            "offset": offset,
            "previous": link(max(0, offset - limit)) if offset else None,
            "total_count": len(rows),
        }
        return 200, JSON, json.dumps({"meta": meta, "objects": part}).encode()

    def read(self, path, query):
        parts = path.strip("/").split("/")[2:]
        name, key = "/".join(parts[:3]), parts[3] if len(parts) > 3 else None
        rows = self.lists().get(name)
        if rows is None:
            return 404, HTML, b"<h1>Not Found</h1>"
        if name == "configuration/v1/global" and key:
            self.ledger.add("read")  # the first request of a whole read
        if key is None:
            filters = {k: v for k, v in query.items() if k not in ("limit", "offset", "format", "order_by")}
            every = rows()
            for field in filters:
                if every and field not in every[0]:
                    return 400, JSON, json.dumps({"error": f"The '{field}' field does not allow filtering."}).encode()
            return self.page(path, [r for r in every if all(str(r.get(k)) == v for k, v in filters.items())], query)
        one = [row for row in rows() if str(row["id"]) == key]
        return (200, JSON, json.dumps(one[0]).encode()) if one else (404, HTML, b"")

    def broken(self):
        """The answer that the present fault makes; False = none."""
        if self.fault == "down":
            return None
        if self.fault == "hang":
            self.released.wait(60)
            return None
        if self.fault == "html500":
            return 500, HTML, PAGE_500
        return False

    def answer(self, method, path, headers, body):
        address = urllib.parse.urlsplit(path)
        answer = self.broken()
        if answer is not False:
            self.ledger.add("unanswered", method=method, path=path)
            return answer
        if not address.path.endswith("/"):
            return 301, HTML | {"Location": address.path + "/"}, b""
        with self.platform.lock:
            self.platform.advance()
            return self.route(method, address, headers, body)

    def route(self, method, address, headers, body):
        if method == "POST" and address.path == "/oauth/token/" and self.oauth_clients:
            return self.token(body)
        if not self.signed_on(headers):
            self.ledger.add("unauthorized")
            return 401, {}, b""
        resource = address.path.strip("/").split("/")[4] if address.path.count("/") > 4 else ""
        if self.fail[method, resource]:
            status, content = self.fail[method, resource].pop(0)
            self.ledger.add("failed", method=method, resource=resource, status=status)
            return status, JSON, json.dumps(content).encode()
        if method == "GET":
            answer = self.read(address.path, dict(urllib.parse.parse_qsl(address.query)))
        else:
            answer = self.write(method, address.path, body)
            if answer is None:
                self.ledger.add("forbidden", method=method, path=address.path)
                return 405, JSON, b""
        if self.lose[method, resource] > 0:
            self.lose[method, resource] -= 1
            self.ledger.add("lost", method=method, resource=resource)
            return None
        return answer
