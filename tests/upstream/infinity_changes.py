"""
The changes of fake_infinity.py: nodes, locations and plain objects are created on their list, changed and deleted one by one. A new
node's answer is its configuration document, once.
"""

import itertools
import json
import re
import time

from cryptography import x509
from cryptography.x509.oid import NameOID

import infinity_fields
from infinity_fields import PREFIX, uri

JSON = {"Content-Type": "application/json", "Vary": "Accept"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


def document(node):
    """Bytes that no parser may touch: two kinds of line ends, trailing blanks, several scripts."""
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\r\n<configuration>\n\t<node name="' + node.name + '"  >\n'
        f"<!-- Ødegård &amp; 東京 -->   \n  <address>{node.address}</address><secret>{node.secret}</secret>\r\n</node></configuration>\n\n "
    )
    return text.encode()


def link_id(value):
    return int(value.rstrip("/").rsplit("/", 1)[1]) if value else None


class Changes:
    """Mixed into FakeInfinity."""

    def begin(self):
        self.ids = itertools.count(501)
        self.document_secrets = []  # of every document that was handed out: nobody may be told
        names = {"name": "mgr-test", "hostname": "mgr-test", "domain": "example.net", "address": "10.20.0.250", "primary": True}
        settings = {"bursting_enabled": False, "bursting_min_lifetime": 50, "bursting_threshold": 5, "cloud_provider": "AWS"}
        self.objects = {resource: {} for resource in infinity_fields.PLAIN}
        self.objects["management_vm"][1] = {"id": 1, "static_nat_address": None, "dns_servers": [], "ntp_servers": []} | names
        self.objects["global"][1] = {"id": 1, "aws_access_key": None, "aws_secret_key": None} | settings
        self.objects["dns_server"][1] = {"id": 1, "address": "10.20.0.53", "description": "core"}

    def there(self, resource, key):
        if resource == "system_location":
            return key in self.platform.locations
        return key in self.objects.get(resource, {})

    @staticmethod
    def refused(resource, faults):
        return 400, JSON, json.dumps({resource: faults}).encode()

    def created(self, resource, key, body=b"", kind=None):
        return 201, {"Location": f"{self.url}{uri(resource, key)}", "Content-Type": kind or "text/html; charset=utf-8"}, body

    def write(self, method, path, body):
        """None = this may not be done with the resource at all."""
        found = re.fullmatch(re.escape(PREFIX) + r"([a-z_]+)/(?:(\d+)/)?", path)
        if not found:
            return None
        resource, key = found.group(1), int(found.group(2)) if found.group(2) else None
        if (method == "POST") != (key is None) or method not in ("POST", "PATCH", "DELETE"):
            return None
        change = json.loads(body) if method != "DELETE" else None
        if resource == "worker_vm":
            return self.write_node(method, key, change)
        if resource == "system_location":
            return self.write_location(method, key, change)
        return self.write_plain(resource, method, key, change)

    # --- Conferencing Nodes ---

    def node_faults(self, key, change):
        fields, needs = infinity_fields.WORKER_VM, infinity_fields.WORKER_VM_NEEDS
        faults = infinity_fields.faults(fields, needs, change, key is None, self.there)
        for field in ("name", "hostname", "address"):
            for other in self.platform.nodes.values():
                taken = {"name": other.name, "hostname": other.fields.get("hostname", other.name), "address": other.address}[field]
                if field in change and field not in faults and other.id != key and str(change[field]).lower() == taken.lower():
                    faults[field] = [f"Conferencing Node with this {field.capitalize()} already exists."]
        present = self.row_configuration(self.platform.nodes[key]) if key is not None else {}
        for field in set(infinity_fields.WORKER_VM_FIXED) & set(present) & set(change):
            if change[field] != present[field]:
                faults[field] = ["This field cannot be changed after deployment."]
        return faults

    def create_node(self, change):
        location = self.platform.locations[link_id(change["system_location"])]
        node = self.platform.deploy(change["name"], location, dict(change))
        self.set_node(node, change)
        self.ledger.add("node", method="POST", name=node.name, id=node.id, change=change)
        self.document_secrets.append(node.secret)
        return self.created("worker_vm", node.id, document(node), "application/xml")

    def set_node(self, node, change):
        node.name = change.get("name", node.name)
        node.database = change.get("enable_distributed_database", node.database)
        node.static_nat = change.get("static_nat_address", node.static_nat)
        node.maintenance = change.get("maintenance_mode", node.maintenance)
        node.reason = change.get("maintenance_mode_reason", node.reason)
        if change.get("node_type", node.node_type) != node.node_type:
            node.node_type = change["node_type"]
            self.platform.restart(node, "node_type")
        where = link_id(change.get("system_location"))
        if where and where != node.location:
            node.location = where
            self.platform.restart(node, "system_location")
        node.fields |= change

    def write_node(self, method, key, change):
        node = self.platform.nodes.get(key)
        if key is not None and node is None:
            return 404, HTML, b""
        if method == "DELETE":
            self.platform.cut(node, "DELETE worker_vm")
            del self.platform.nodes[key]
            self.ledger.add("node", method="DELETE", name=node.name, id=key)
            return 204, {}, b""
        faults = self.node_faults(key, change)
        if faults:
            return self.refused("worker_vm", faults)
        if method == "POST":
            return self.create_node(change)
        self.set_node(node, change)
        if "maintenance_mode" in change:
            self.ledger.add("patch", node=node.name, on=node.maintenance, reason=node.reason)
        else:
            self.ledger.add("node", method="PATCH", name=node.name, id=key, change=change)
        if self.after_patch:
            self.after_patch(node.name)
        return 202, JSON, b""

    # --- locations ---

    def write_location(self, method, key, change):
        row = self.platform.locations.get(key)
        if key is not None and row is None:
            return 404, HTML, b""
        if method == "DELETE":
            return self.delete_location(key)
        faults = infinity_fields.faults(infinity_fields.SYSTEM_LOCATION, ("name",), change, key is None, self.there)
        if any(x.name == change.get("name") and x.id != key for x in self.platform.locations.values()):
            faults["name"] = ["System location with this Name already exists."]
        if faults:
            return self.refused("system_location", faults)
        row = row or self.platform.add_location(change["name"])
        row.name = change.get("name", row.name).strip()
        row.description = change.get("description", row.description).strip()
        row.mtu = change.get("mtu", row.mtu)
        for field, attribute in (("overflow_location1", "overflow1"), ("overflow_location2", "overflow2")):
            if field in change:
                setattr(row, attribute, link_id(change[field]))
        for field in ("dns_servers", "ntp_servers"):
            if field in change:
                setattr(row, field, [link_id(one) for one in change[field]])
        self.ledger.add("location", method=method, id=row.id, change=change)
        return (202, JSON, b"") if key else self.created("system_location", row.id)

    def delete_location(self, key):
        if any(node.location == key for node in self.platform.nodes.values()):
            return 400, JSON, b'{"error": "Cannot delete a location that has Conferencing Nodes."}'
        del self.platform.locations[key]
        for other in self.platform.locations.values():
            other.overflow1 = None if other.overflow1 == key else other.overflow1
            other.overflow2 = None if other.overflow2 == key else other.overflow2
        self.ledger.add("location", method="DELETE", id=key, change=None)
        return 204, {}, b""

    # --- plain objects ---

    def plain_faults(self, resource, key, change):
        fields, required, unique = infinity_fields.PLAIN[resource]
        faults = infinity_fields.faults(fields, required, change, key is None, self.there)
        for field in unique:
            for other in self.objects[resource].values():
                if field in change and other["id"] != key and other.get(field) == change[field]:
                    faults[field] = [f"{resource} with this {field} already exists."]
        return faults

    def write_plain(self, resource, method, key, change):
        may = {"POST": infinity_fields.MAY_CREATE, "PATCH": infinity_fields.MAY_CHANGE, "DELETE": infinity_fields.MAY_CREATE}
        if resource not in may[method]:
            return None
        if key is not None and key not in self.objects[resource]:
            return 404, HTML, b""
        if method == "DELETE":
            del self.objects[resource][key]
            self.ledger.add("object", method="DELETE", resource=resource, id=key)
            return 204, {}, b""
        faults = self.plain_faults(resource, key, change)
        extra = {} if faults else self.derived(resource, change, faults)
        if faults:
            return self.refused(resource, faults)
        if method == "POST":
            key = extra.pop("id", None) or next(self.ids)
            self.objects[resource][key] = {"id": key}
        self.objects[resource][key] |= change | extra
        self.ledger.add("object", method=method, resource=resource, id=key, change=sorted(change))
        self.make_aliases(resource, key, change)
        return self.created(resource, key) if method == "POST" else (202, JSON, b"")

    def derived(self, resource, change, faults):
        """What Infinity works out itself of a new object."""
        if resource == "licence":
            key = 140000000 + next(self.ids)
            dates = {"start_date": "2026-01-01", "expiration_date": "2027-12-31", "status": ""}
            return {"id": key, "fulfillment_id": str(key), "product_id": "port", "concurrent": 100} | dates
        if resource == "tls_certificate" and "certificate" in change:
            try:
                certificate = x509.load_pem_x509_certificate(change["certificate"].encode())
            except ValueError:
                faults["certificate"] = ["The certificate cannot be read."]
                return {}
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            return {
                "subject_name": certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value,
                "subject_alt_names": ", ".join(names.get_values_for_type(x509.DNSName)),
                "start_date": certificate.not_valid_before.isoformat(),
                "end_date": certificate.not_valid_after.isoformat(),
                "nodes": [],
            }
        return {"creation_time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())} if resource.startswith("conference") else {}

    def make_aliases(self, resource, key, change):
        """A conference may be given its aliases with it."""
        if resource == "conference":
            for alias in change.get("aliases", []):
                new = next(self.ids)
                self.objects["conference_alias"][new] = {"id": new, "conference": uri("conference", key), "description": ""} | alias

    def row_plain(self, resource, row):
        """As it is read: links as they were written, secrets hashed, lists of servers as objects."""
        shown = {"resource_uri": uri(resource, row["id"]), "some_field_of_a_later_version": None}
        for name, value in row.items():
            if name in infinity_fields.SECRETS and value:
                value = "$~!1" + "x" * 44
            if name in ("dns_servers", "ntp_servers"):
                value = [self.row_plain(name[:-1], self.objects[name[:-1]][link_id(one)]) for one in value]
            shown[name] = value
        if resource == "conference":
            aliases = self.objects["conference_alias"].values()
            shown["aliases"] = [self.row_plain("conference_alias", a) for a in aliases if link_id(a["conference"]) == row["id"]]
        return shown
