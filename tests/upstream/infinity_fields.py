"""
What the fields of Infinity's configuration resources take, after the management API's documentation: one row a field, and the faults
of a change in the words of its validation (field -> messages).
"""

import ipaddress
import re

PREFIX = "/api/admin/configuration/v1/"
REQUIRED = "This field is required."
NO_FIELD = "No such field."
NO_OBJECT = "Invalid hyperlink - object does not exist."


def uri(resource, key):
    return f"{PREFIX}{resource}/{key}/"


def text(most, least=0, pattern=None):
    def fault(value, _):
        if not isinstance(value, str):
            return "Not a valid string."
        if len(value) < least:
            return "This field may not be blank."
        if len(value) > most:
            return f"Ensure this field has no more than {most} characters."
        return "Enter a valid value." if pattern and not re.fullmatch(pattern, value) else None

    return fault


def address(version):
    def fault(value, _):
        try:
            return None if ipaddress.ip_address(value).version == version else f"Enter a valid IPv{version} address."
        except ValueError:
            return f"Enter a valid IPv{version} address."

    return fault


def number(least, most):
    def fault(value, _):
        good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if good else f"Ensure this value is between {least} and {most}."

    return fault


def choice(*words):
    return lambda value, _: None if value in words else f'"{value}" is not a valid choice.'


def flag(value, _):
    return None if isinstance(value, bool) else "Must be a valid boolean."


def nullable(inner):
    return lambda value, there: None if value is None else inner(value, there)


def link(resource):
    """`there` answers whether the object with (resource, id) exists."""

    def fault(value, there):
        found = re.fullmatch(re.escape(PREFIX) + resource + r"/(\d+)/", value) if isinstance(value, str) else None
        return None if found and there(resource, int(found.group(1))) else NO_OBJECT

    return fault


def links(resource):
    one = link(resource)

    def fault(value, there):
        if not isinstance(value, list):
            return "Expected a list of items."
        return next((f for f in (one(v, there) for v in value) if f), None)

    return fault


def anything(value, _):
    return None


ON_OFF = choice("GLOBAL", "OFF", "ON")
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"

WORKER_VM = {
    "name": text(32, 1),
    "hostname": text(63, 1, LABEL),
    "domain": text(192, 1),
    "address": address(4),
    "netmask": address(4),
    "gateway": address(4),
    "ipv6_address": nullable(address(6)),
    "ipv6_gateway": nullable(address(6)),
    "secondary_address": nullable(address(4)),
    "secondary_netmask": nullable(address(4)),
    "static_nat_address": nullable(address(4)),
    "system_location": link("system_location"),
    "deployment_type": choice("MANUAL-PROVISION-ONLY"),
    "node_type": choice("CONFERENCING", "PROXYING"),
    "password": text(250),
    "maintenance_mode": flag,
    "maintenance_mode_reason": text(250),
    "description": text(250),
    "alternative_fqdn": text(255),
    "enable_distributed_database": flag,
    "enable_ssh": ON_OFF,
    "ssh_authorized_keys": links("ssh_authorized_key"),
    "ssh_authorized_keys_use_cloud": flag,
    "static_routes": links("static_route"),
    "tls_certificate": nullable(link("tls_certificate")),
    "media_priority_weight": nullable(number(0, 1000)),
    "vm_cpu_count": number(2, 128),
    "vm_system_memory": number(2000, 64000),
}
WORKER_VM_NEEDS = ("name", "hostname", "domain", "address", "netmask", "gateway", "system_location")
WORKER_VM_FIXED = ("hostname", "domain", "address", "netmask", "gateway")  # another value is another node
WORKER_VM_UNREAD = ("password", "deployment_type", "vm_cpu_count", "vm_system_memory")

SYSTEM_LOCATION = {
    "name": text(250, 1),
    "description": text(250),
    "overflow_location1": nullable(link("system_location")),
    "overflow_location2": nullable(link("system_location")),
    "dns_servers": links("dns_server"),
    "ntp_servers": links("ntp_server"),
    "mtu": number(512, 1500),
}

# resource -> (fields, required ones, unique ones)
PLAIN = {
    "dns_server": ({"address": nullable(text(45, 1)), "description": text(250)}, ("address",), ("address",)),
    "ntp_server": (
        {"address": text(255, 1), "description": text(250), "key": text(100), "key_id": nullable(number(1, 65535))},
        ("address",),
        ("address",),
    ),
    "licence": ({"entitlement_id": text(250, 1), "offline_mode": flag}, ("entitlement_id",), ("entitlement_id",)),
    "tls_certificate": (
        {"certificate": text(65536, 1), "private_key": text(12288), "private_key_passphrase": text(250), "parameters": text(12288)},
        ("certificate",),
        (),
    ),
    "conference": (
        {
            "name": text(250, 1),
            "service_type": choice("conference", "lecture", "two_stage_dialing", "test_call", "media_playback"),
            "aliases": anything,
            "allow_guests": flag,
            "pin": text(20, 0, r"\d{4,20}|"),
            "guest_pin": text(20, 0, r"\d{4,20}|"),
            "participant_limit": nullable(number(0, 1000000)),
            "description": text(250),
            "tag": text(250),
        },
        ("name",),
        ("name",),
    ),
    "conference_alias": (
        {"alias": text(250, 1), "conference": link("conference"), "description": text(250)},
        ("alias", "conference"),
        ("alias",),
    ),
    "management_vm": (
        {
            "dns_servers": links("dns_server"),
            "ntp_servers": links("ntp_server"),
            "tls_certificate": nullable(link("tls_certificate")),
            "static_nat_address": nullable(address(4)),
            "alternative_fqdn": text(255),
            "description": text(250),
        },
        (),
        (),
    ),
    "global": (
        {
            "bursting_enabled": flag,
            "bursting_threshold": number(1, 100000),
            "bursting_min_lifetime": number(5, 100000),
            "cloud_provider": choice("AWS", "AZURE", "GCP"),
            "aws_access_key": nullable(text(40)),
            "aws_secret_key": nullable(text(250)),
        },
        (),
        (),
    ),
}
SECRETS = ("private_key", "private_key_passphrase", "aws_secret_key", "pin", "guest_pin", "key")
MAY_CREATE = ("dns_server", "ntp_server", "licence", "tls_certificate", "conference", "conference_alias")
MAY_CHANGE = ("dns_server", "ntp_server", "tls_certificate", "conference", "conference_alias", "management_vm", "global")


def faults(fields, required, change, creating, there):
    """Field -> messages; {} = the change is good by itself."""
    found = {name: [NO_FIELD] for name in change if name not in fields}
    for name in change:
        fault = fields[name](change[name], there) if name in fields else None
        if fault:
            found[name] = [fault]
    if creating:
        found |= {name: [REQUIRED] for name in required if name not in change}
    return found
