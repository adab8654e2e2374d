"""A platform's beginning against endpoints that are not ours: its Management Node, its initial configuration, its bursting settings."""

import pytest

from cloud_model import GROUP, KEY_NAME, MANAGER_IMAGE, SUBNET
from daemon import until
from upstream_site import ACCESS_KEY, SECRET_KEY

PIN = "93175002"
NTP = ["0.pool.example.net", "1.pool.example.net", "2.pool.example.net"]


@pytest.fixture
def wanted(site, certificate):
    key = (certificate.path.parent / "certificate.key").read_text()
    site.secrets += [PIN, key.splitlines()[1]]
    return {
        "dns_servers": [{"address": "10.20.0.53"}, {"address": "10.20.0.54", "description": "second"}],
        "ntp_servers": [{"address": name} for name in NTP],
        "licences": [{"entitlement_id": "0123-4567-89ab-cdef"}],
        "location": {"name": "Tromsø", "description": "first site"},
        "tls_certificate": {"certificate": certificate.path.read_text(), "private_key": key},
        "virtual_meeting_rooms": [{"name": "Board", "pin": PIN, "aliases": ["board@example.net", "board"]}],
    }


def configure(life, body, **more):
    return life.accepted(life.ask("POST", "/v1/platform", body | more))


def objects(site, resource, *fields):
    return [tuple(row.get(field) for field in fields) for row in site.infinity.objects[resource].values()]


def test_the_seven_steps_compared_then_applied_then_nothing_left_to_do(site, life, wanted):
    life.allow()
    compared = life.done(configure(life, wanted))
    assert not site.ledger.since(0, "object") and len(site.platform.locations) == 4, "nothing is changed unasked"
    shown = {step["step"]: step["detail"] for step in compared["steps"]}
    assert "10.20.0.54" in shown["dns"] and "Tromsø" in shown["location"] and "Board" in shown["vmr"]
    applied = life.done(configure(life, wanted, apply=True))
    assert [step["step"] for step in applied["steps"]] == ["check", "dns", "ntp", "licence", "location", "certificate", "vmr", "alias"]
    assert objects(site, "dns_server", "address") == [("10.20.0.53",), ("10.20.0.54",)], "the first one was there"
    assert objects(site, "ntp_server", "address") == [(name,) for name in NTP]
    assert objects(site, "licence", "entitlement_id") == [("0123-4567-89ab-cdef",)]
    (vmr,) = site.infinity.objects["conference"].values()
    assert vmr["name"] == "Board" and vmr["pin"] == PIN
    assert {alias for alias, _ in objects(site, "conference_alias", "alias", "conference")} == {"board@example.net", "board"}
    location = next(x for x in site.platform.locations.values() if x.name == "Tromsø")
    assert len(location.dns_servers) == 2 and len(location.ntp_servers) == 3
    assert len(site.infinity.objects["tls_certificate"]) == 1
    mark = site.ledger.mark()
    life.done(configure(life, wanted, apply=True))
    assert not site.ledger.since(mark, "object", "location"), "a repeat changes nothing"
    assert not site.ledger.since(0, "failed", "forbidden")


REFUSED = [("ntp_server", "ntp", {"address": ["Enter a valid value."]}), ("conference", "vmr", {"name": ["Too much of it."]})]


@pytest.mark.parametrize("resource, step, words", REFUSED, ids=["ntp", "vmr"])
def test_a_refusal_is_undone_whole(site, life, wanted, resource, step, words):
    site.serve()
    site.infinity.fail["POST", resource].append((400, {resource: words}))
    life.allow()
    del wanted["licences"]  # a licence that was activated stays
    number = configure(life, wanted, apply=True)
    operation = life.until_state(number, "halted")
    assert operation["error"]["detail"].startswith(step) and list(words.values())[0][0] in operation["error"]["detail"]
    life.cancelled(number)
    assert objects(site, "dns_server", "address") == [("10.20.0.53",)] and len(site.platform.locations) == 4
    for resource in ("ntp_server", "tls_certificate", "conference", "conference_alias"):
        assert not site.infinity.objects[resource], resource


@pytest.mark.parametrize("resource", ["dns_server", "ntp_server", "licence", "tls_certificate", "conference", "conference_alias", "system_location"])
def test_a_lost_answer_configures_nothing_twice(site, life, wanted, resource):
    site.serve()
    site.infinity.lose["POST", resource] = 1
    life.allow()
    life.done(configure(life, wanted, apply=True))
    counts = {name: len(site.infinity.objects[name]) for name in ("dns_server", "ntp_server", "licence", "tls_certificate", "conference")}
    assert counts == {"dns_server": 2, "ntp_server": 3, "licence": 1, "tls_certificate": 1, "conference": 1}
    assert len(site.infinity.objects["conference_alias"]) == 2 and len(site.platform.locations) == 5


def test_bursting_settings_are_pushed_as_asked(site, life):
    site.serve()
    settings = site.infinity.objects["global"][1]
    life.allow(bursting_threshold=9, minimum_lifetime_minutes=45)
    life.burstd.set_bursting(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY)
    assert settings["bursting_threshold"] == 5, "nothing is pushed unasked"
    life.done(life.accepted(life.ask("POST", "/v1/bursting/push", {})))
    assert (settings["bursting_threshold"], settings["bursting_min_lifetime"], settings["cloud_provider"]) == (9, 45, "AWS")
    assert (settings["aws_access_key"], settings["aws_secret_key"]) == (ACCESS_KEY, SECRET_KEY)
    assert settings["bursting_enabled"] is False, "two controllers would act"


def test_a_management_node_waits_for_its_person(site, life):
    life.allow()
    body = {"name": "manager", "subnet": SUBNET, "security_groups": [GROUP], "key_name": KEY_NAME, "public_addressing": "elastic"}
    answers = site.bootstrap  # in the new Management Node's stead: it answers nobody yet
    number = life.accepted(life.ask("POST", "/v1/management-nodes", body | {"management_url": answers.url}))
    operation = life.until_state(number, "needs_person")
    (instance,), nodes, (address,) = life.made()
    assert (instance.image, instance.type) == (MANAGER_IMAGE, "m5.xlarge") and nodes == [] and address.instance == instance.id
    assert f"ssh -i KEY admin@{address.public}" in operation["needs_person"] and KEY_NAME in operation["needs_person"]
    answers.answer = lambda *request: (401, {}, b"")  # the wizard is through
    life.done(number)
    assert [s["progress"] for s in life.operation(number)["steps"]] == ["done"] * 8


def test_a_management_node_that_nobody_installs_can_be_taken_back(site, life):
    life.allow()
    body = {"name": "manager", "subnet": SUBNET, "security_groups": [GROUP], "key_name": KEY_NAME, "public_addressing": "elastic"}
    number = life.accepted(life.ask("POST", "/v1/management-nodes", body | {"management_url": site.bootstrap.url}))
    life.until_state(number, "needs_person")
    life.cancelled(number)
    until(lambda: life.made() == ([], [], []), "nothing is left")
