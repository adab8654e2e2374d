"""
A fake of Infinity's management API, written from its documentation and in nothing related to burstd: the Tastypie envelope with
its default page of 20, mandatory trailing slashes, Basic and OAuth2 (ES256 assertion), the several forms of times, nulls and
fields that no client knows. What a test may break stands in `fault`.
"""

import base64
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
from platform_model import TAG

DEFAULT_LIMIT = 20
TIME_FORMS = ("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f+00:00", "%Y-%m-%dT%H:%M:%S.%fZ")
WHOLE_SECONDS = "%Y-%m-%dT%H:%M:%S"
JSON = {"Content-Type": "application/json", "Vary": "Accept"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
PAGE_500 = b"<!DOCTYPE html><html><head><title>Server Error</title></head><body><h1>Server Error (500)</h1></body></html>"
LOCATIONS = "/api/admin/configuration/v1/system_location/"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def uri(resource, key):
    return f"/api/admin/configuration/v1/{resource}/{key}/"


class FakeInfinity(Fake):
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
        super().__init__(ledger, tls)

    # --- times and rows ---

    def time_text(self, seconds):
        if seconds is None:
            return None
        self.forms += 1
        form = WHOLE_SECONDS if self.whole_seconds else TIME_FORMS[self.forms % len(TIME_FORMS)]
        return datetime.datetime.fromtimestamp(seconds + self.clock_offset, datetime.timezone.utc).strftime(form)

    def row_configuration(self, node):
        return {
            "address": node.address,
            "alternative_fqdn": "",
            "cloud_bursting": node.instance is not None,
            "description": None,
            "domain": "example.net",
            "enable_distributed_database": node.instance is None,
            "gateway": "10.20.0.1",
            "hostname": node.name,
            "id": node.id,
            "ipv6_address": None,
            "maintenance_mode": node.maintenance,
            "maintenance_mode_reason": node.reason,
            "media_priority_weight": None,
            "name": node.name,
            "node_type": "CONFERENCING",
            "resource_uri": uri("worker_vm", node.id),
            "some_field_of_a_later_version": {"nested": [1, None, "x"]},
            "ssh_authorized_keys": [],
            "static_nat_address": None,
            "static_routes": [],
            "system_location": uri("system_location", node.location),
        }

    def row_status(self, node):
        synced = self.platform.synced(node)
        loaded = round(100 * node.tokens_used / node.tokens_max)
        return {
            "boot_time": self.time_text(node.instance.launched if node.instance and synced else None),
            "configuration_id": node.id,
            "deploy_status": "deploy_succeeded",
            "id": node.id,
            "last_attempted_contact": None,
            "last_updated": self.time_text(self.platform.last_updated(node, time.time())),
            "maintenance_mode": node.maintenance,
            "maintenance_mode_reason": node.reason,
            "max_audio_calls": 324,
            "max_hd_calls": node.max_hd,
            "max_media_tokens": node.tokens_max,
            "media_load": 100 if node.maintenance else loaded,
            "media_tokens_used": node.tokens_used if synced else 0,
            "name": node.name,
            "node_type": "CONFERENCING",
            "resource_uri": f"/api/admin/status/v1/worker_vm/{node.id}/",
            "signaling_count": 0,
            "sync_status": "SYNCED" if synced else "SUSPENDED",
            "system_location": self.platform.locations[node.location].name,
            "version": "38 (81234.0.0)",
        }

    def row_location(self, location):
        def link(key):
            return uri("system_location", key) if key else None

        return {
            "description": location.description,
            "dns_servers": [{"address": "10.20.0.53", "id": 1, "resource_uri": uri("dns_server", 1)}],
            "id": location.id,
            "mtu": 1500,
            "name": location.name,
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
        manager = {"hostname": TAG, "id": 1, "name": TAG, "primary": True, "static_nat_address": None}
        settings = {"bursting_enabled": False, "bursting_min_lifetime": 50, "bursting_threshold": 5, "id": 1}
        return {
            "configuration/v1/global": lambda: [settings],
            "configuration/v1/management_vm": lambda: [manager],
            "configuration/v1/system_location": lambda: [self.row_location(x) for x in self.platform.locations.values()],
            "configuration/v1/worker_vm": lambda: [self.row_configuration(x) for x in nodes],
            "status/v1/conference_shard": self.rows_shard,
            "status/v1/licensing": lambda: [licence],
            "status/v1/participant": self.rows_participant,
            "status/v1/worker_vm": lambda: [self.row_status(x) for x in nodes],
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
        meta = {
            "limit": limit,
            "next": f"{path}?limit={limit}&offset={offset + limit}" if more else None,
            "offset": offset,
            "previous": f"{path}?limit={limit}&offset={max(0, offset - limit)}" if offset else None,
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
            return self.page(path, [r for r in rows() if all(str(r.get(k)) == v for k, v in filters.items())], query)
        one = [row for row in rows() if str(row["id"]) == key]
        return (200, JSON, json.dumps(one[0]).encode()) if one else (404, HTML, b"")

    def patch(self, path, body):
        node = self.platform.nodes.get(int(path.strip("/").split("/")[-1]))
        change = json.loads(body)
        unknown = set(change) - {"maintenance_mode", "maintenance_mode_reason"}
        if node is None or unknown:
            return (404 if node is None else 400), JSON, b'{"worker_vm": {"name": ["No such field."]}}'
        node.maintenance = change.get("maintenance_mode", node.maintenance)
        node.reason = change.get("maintenance_mode_reason", node.reason)
        self.ledger.add("patch", node=node.name, on=node.maintenance, reason=node.reason)
        if self.after_patch:
            self.after_patch(node.name)
        return 202, JSON, b""

    # --- locations: created on the list, changed and deleted one by one ---

    @staticmethod
    def location_allows(method, path):
        on_list = path == LOCATIONS
        return method == "POST" if on_list else method in ("PATCH", "DELETE") and path[len(LOCATIONS) : -1].isdigit()

    def location_link(self, value):
        """The id in a reference; None = null. KeyError where it leads nowhere."""
        if value is None:
            return None
        if not isinstance(value, str) or not value.startswith(LOCATIONS) or not value.endswith("/"):
            raise KeyError(value)
        return self.platform.locations[int(value[len(LOCATIONS) : -1])].id

    def location_faults(self, key, change):
        """Field -> messages, as Infinity's validation words them."""
        faults = {}
        unknown = set(change) - {"name", "description", "overflow_location1", "overflow_location2"}
        faults |= {field: ["No such field."] for field in unknown}
        name = change.get("name")
        if (key is None or "name" in change) and not name:
            faults["name"] = ["This field is required."]
        elif name and any(x.name == name and x.id != key for x in self.platform.locations.values()):
            faults["name"] = ["System location with this Name already exists."]
        for field in ("overflow_location1", "overflow_location2"):
            try:
                self.location_link(change.get(field))
            except (KeyError, ValueError):
                faults[field] = ["Invalid hyperlink - object does not exist."]
        return faults

    def write_location(self, method, path, body):
        key = None if path == LOCATIONS else int(path[len(LOCATIONS) : -1])
        if key is not None and key not in self.platform.locations:
            return 404, HTML, b""
        if method == "DELETE":
            return self.delete_location(key)
        change = json.loads(body)
        faults = self.location_faults(key, change)
        if faults:
            return 400, JSON, json.dumps({"system_location": faults}).encode()
        row = self.platform.locations[key] if key else self.platform.add_location(change["name"])
        row.name = change.get("name", row.name).strip()
        row.description = change.get("description", row.description).strip()
        if "overflow_location1" in change:
            row.overflow1 = self.location_link(change["overflow_location1"])
        if "overflow_location2" in change:
            row.overflow2 = self.location_link(change["overflow_location2"])
        self.ledger.add("location", method=method, id=row.id, change=change)
        if key:
            return 202, JSON, b""
        return 201, {"Location": f"{self.url}{LOCATIONS}{row.id}/"}, b""

    def delete_location(self, key):
        if any(node.location == key for node in self.platform.nodes.values()):
            return 400, JSON, b'{"error": "Cannot delete a location that has Conferencing Nodes."}'
        del self.platform.locations[key]
        for other in self.platform.locations.values():
            other.overflow1 = None if other.overflow1 == key else other.overflow1
            other.overflow2 = None if other.overflow2 == key else other.overflow2
        self.ledger.add("location", method="DELETE", id=key, change=None)
        return 204, {}, b""

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
        if method == "GET":
            return self.read(address.path, dict(urllib.parse.parse_qsl(address.query)))
        if method == "PATCH" and "/configuration/v1/worker_vm/" in address.path:
            return self.patch(address.path, body)
        if address.path.startswith(LOCATIONS) and self.location_allows(method, address.path):
            return self.write_location(method, address.path, body)
        self.ledger.add("forbidden", method=method, path=address.path)
        return 405, JSON, b""
