"""/v1/checks and /v1/acknowledgements: findings come and go with the world, and what was accepted comes back at its end."""

import datetime
import json

import pytest

from harness import Burstd, World, problem, until, upstreams

SCALE = 100


@pytest.fixture(scope="module")
def world():
    """A world of its own, as the guide wants it: what these tests break is nobody else's."""
    world = World(SCALE)
    world("traffic", on=False)
    world("add_location", name="AWS burst")
    world("add_location", name="Oslo", overflow1="AWS burst")
    world("add_node", name="oslo-1", location="Oslo", running=True)
    for name in ("burst-1", "burst-2", "burst-3"):
        world("add_node", name=name, location="AWS burst", bursting=True, region="eu-west-1", running=name == "burst-1")
    yield world
    world.stop()


@pytest.fixture(scope="module")
def site(contract, world):
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
    until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
    until(lambda: len(burstd.get("/v1/status")["overflow_nodes"]) == 3, "all nodes are seen")
    yield burstd
    burstd.close()


def findings(burstd, query=""):
    return burstd.get("/v1/checks" + query)["items"]


def seen(burstd, check, subject=None):
    return [f for f in findings(burstd, f"?id={check}") if subject in (None, f["subject"])]


def soon(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def acknowledge(burstd, check, subject, end, reason="known"):
    return burstd.ask("POST", "/v1/acknowledgements", body={"check": check, "subject": subject, "reason": reason, "until": end})


@pytest.fixture
def mistagged(world, site):
    """burst-2 and burst-3 carry a tag that is nobody's."""
    right = site.get("/v1/bursting")["tag_value_in_force"]
    for name in ("burst-2", "burst-3"):
        world("tag", node=name, value="somebody")
    until(lambda: len(seen(site, "tag_mismatch")) == 2, "both are found")
    yield
    for name in ("burst-2", "burst-3"):
        world("tag", node=name, value=right)
    until(lambda: not seen(site, "tag_mismatch"), "both are gone")


def test_a_world_without_findings(site):
    until(lambda: not findings(site), lambda: f"nothing is found: {findings(site)}")


def test_a_finding_tells_all(site, mistagged):
    finding = seen(site, "tag_mismatch", "node burst-2")[0]
    assert finding["severity"] == "warning" and "somebody" in finding["what"]
    assert finding["consequence"] and finding["remedy"]
    assert finding["guide"] == {"section": "Setting up your bursting nodes in AWS", "page": 20}
    assert finding["acknowledgement"] is None
    status = {(i["id"], i["subject"], i["message"]) for i in site.get("/v1/status")["issues"]}
    assert {(f["id"], f["subject"], f["what"]) for f in findings(site)} == status, "one representation"


def test_filters_and_pages(site, mistagged):
    everything = findings(site)
    ranks = [("error", "warning", "info").index(f["severity"]) for f in everything]
    assert ranks == sorted(ranks) and len(everything) >= 2

    def those(found):  # a finding's words may have changed between two reads
        return [(f["id"], f["subject"]) for f in found]
    assert those(findings(site, "?severity=warning")) == those(f for f in everything if f["severity"] == "warning")
    assert those(findings(site, "?subject=node%20burst-2")) == those(f for f in everything if f["subject"] == "node burst-2")
    assert findings(site, "?id=no_such_check") == []
    read, cursor = [], ""
    while cursor is not None:
        page = site.get(f"/v1/checks?limit=1{'&cursor=' + cursor if cursor else ''}")
        read += page["items"]
        cursor = page["next"]
    assert those(read) == those(everything)
    for query in ("severity=bad", "limit=0", "limit=501", "cursor=x", "acknowledged=perhaps", "node=1"):
        problem(site.ask("GET", f"/v1/checks?{query}"), 400, "bad-request")


def test_acknowledging(site, mistagged):
    reply = acknowledge(site, "tag_mismatch", "node burst-2", soon(3600), "moved next week")
    assert reply.status_code == 201, reply.text
    ack = reply.json()
    path = reply.headers["Location"]
    assert path == f"/v1/acknowledgements/{ack['id']}" and ack["actor"] == "admin"
    assert seen(site, "tag_mismatch", "node burst-2")[0]["acknowledgement"] == ack
    assert [f["subject"] for f in findings(site, "?acknowledged=true")] == ["node burst-2"]
    assert "node burst-2" not in [f["subject"] for f in findings(site, "?acknowledged=false")]
    problem(acknowledge(site, "tag_mismatch", "node burst-2", soon(60)), 409, "conflict")
    assert ack in site.get("/v1/acknowledgements")["items"]

    got = site.ask("GET", path)
    assert got.json() == ack
    assert site.ask("GET", path, headers={"If-None-Match": got.headers["ETag"]}).status_code == 304
    problem(site.ask("DELETE", path, headers={"If-Match": '"stale"'}), 412, "precondition-failed")
    assert site.ask("DELETE", path, headers={"If-Match": got.headers["ETag"]}).status_code == 204
    assert seen(site, "tag_mismatch", "node burst-2")[0]["acknowledgement"] is None
    problem(site.ask("GET", path), 404, "not-found")
    problem(site.ask("DELETE", path), 404, "not-found")

    told = [e for e in site.get("/v1/history?type=settings&actor=admin")["items"] if e["rule"] == "V5"]
    assert "no longer acknowledged" in told[0]["reason"] and "moved next week" in told[1]["reason"]
    assert told[1]["figures"]["id"] == ack["id"] and told[1]["actor"] == "admin"


def test_metrics_tell_acknowledged_ones_apart(site, mistagged):
    def counted():
        lines = [line for line in site.ask("GET", "/metrics").text.splitlines() if line.startswith("burstd_issues{")]
        figures = dict(line.rsplit(" ", 1) for line in lines)
        return {(severity, known): int(figures[f'burstd_issues{{severity="{severity}",acknowledged="{known}"}}'])
                for severity in ("info", "warning", "error") for known in ("true", "false")}

    before = counted()
    assert sum(before.values()) == len(findings(site)) and before["warning", "true"] == 0 and before["warning", "false"] >= 2
    ack = acknowledge(site, "tag_mismatch", "node burst-2", soon(3600))
    assert ack.status_code == 201
    assert counted() == {**before, ("warning", "false"): before["warning", "false"] - 1, ("warning", "true"): 1}
    assert site.ask("DELETE", ack.headers["Location"]).status_code == 204
    assert counted() == before


def test_it_comes_back_at_the_end(site, mistagged):
    first = acknowledge(site, "tag_mismatch", "node burst-3", soon(1.5)).json()
    assert seen(site, "tag_mismatch", "node burst-3")[0]["acknowledgement"]["id"] == first["id"]
    until(lambda: seen(site, "tag_mismatch", "node burst-3")[0]["acknowledgement"] is None, "it has expired")
    assert first not in site.get("/v1/acknowledgements")["items"]
    assert first in site.get("/v1/acknowledgements?expired=true")["items"]
    second = acknowledge(site, "tag_mismatch", "node burst-3", soon(3600))
    assert second.status_code == 201, "an expired one is in nobody's way"
    site.stop()
    site.start()
    until(lambda: seen(site, "tag_mismatch", "node burst-3"), "it is found again")
    assert seen(site, "tag_mismatch", "node burst-3")[0]["acknowledgement"] == second.json(), "a restart keeps it"
    assert site.ask("DELETE", second.headers["Location"]).status_code == 204


def survey_again(site):
    """Waits until every survey is younger than this call."""
    reply = site.ask("POST", "/v1/checks/refresh")
    assert reply.status_code == 202
    before = {s["name"]: s["observed_at"] or "" for s in reply.json()["surveys"]}
    assert before.keys() == {"infinity", "ec2:eu-west-1"}
    until(lambda: all((s["observed_at"] or "") > before[s["name"]] for s in site.get("/v1/checks")["surveys"]), "surveys are made")
    return findings(site)


NETWORK = [
    ({"without_rule": "sip-tls"}, "group_rule_missing", "warning", "rule sip-tls"),
    ({"without_rule": "media-udp"}, "group_rule_missing", "warning", "no video"),
    ({"without_rule": "all"}, "group_rule_missing", "warning", "rule all"),
    ({"without_rule": "ike"}, "group_tunnel_blocked", "error", "udp 500"),
    ({"open_rule": "ssh"}, "group_too_open", "warning", "tcp 22"),
    ({"open_rule": "icmp"}, "group_too_open", "warning", "icmp"),
    ({"open_rule": "ike"}, "group_too_open", "warning", "udp 500"),
    ({"open_port": 3389}, "group_extra_open", "warning", "3389"),
    ({"acl_denies": "50"}, "network_acl_blocks", "error", "protocol 50"),
    ({"acl_denies": "17"}, "network_acl_blocks", "error", "UDP 500"),
    ({"no_key": True}, "no_key_pair", "info", "key pair"),
    ({"two_vpcs": True}, "several_networks", "info", "VPCs"),
    ({"unreadable": "DescribeSecurityGroups"}, "check_not_made", "warning", "DescribeSecurityGroups"),
    ({"unreadable": "DescribeNetworkAcls"}, "check_not_made", "warning", "DescribeNetworkAcls"),
]
PLATFORM = [
    ({"dns": 0}, "no_dns_server", "error", "DNS"),
    ({"ntp": 2}, "few_ntp_servers", "warning", "2 of at least 3"),
    ({"licences": 0}, "no_licence", "error", "licence"),
    ({"licence_days": -2}, "licence_expired", "error", "ended"),
    ({"licence_days": 29}, "licence_ends_soon", "warning", "ends"),
    ({"certificate_days": -1}, "certificate_expired", "error", "video.example.net"),
    ({"certificate_days": 29}, "certificate_ends_soon", "warning", "video.example.net"),
    ({"gateway": "172.31.0.2"}, "node_network_differs", "warning", "172.31.0.1"),
    ({"unreadable": True}, "check_not_made", "warning", "configuration/licence"),
]


@pytest.mark.parametrize("command, changes, check, severity, words", [("network", *row) for row in NETWORK]
                         + [("platform", *row) for row in PLATFORM], ids=lambda v: str(v) if isinstance(v, (str, dict)) else "")
def test_surveys(world, site, command, changes, check, severity, words):
    """Each fires in a world that differs in this one thing, alone, and not in the guide's world."""
    assert survey_again(site) == []
    world(command, **changes)
    try:
        found = survey_again(site)
        assert {(f["id"], f["severity"]) for f in found} == {(check, severity)}, found
        assert any(words in f["subject"] + " " + f["what"] for f in found), found
        for f in found:
            assert f["consequence"] and f["remedy"] and f["observed_at"] <= f["since"]
        complete = {s["name"]: s["complete"] for s in site.get("/v1/checks")["surveys"]}
        mine = "infinity" if command == "platform" else "ec2:eu-west-1"
        assert complete == {name: name != mine or check != "check_not_made" for name in complete}
    finally:
        world(command)
    assert survey_again(site) == []


def test_permissions(world, site):
    """A right that is missing, and one too many; and that asking changes nothing."""
    before = world.metrics()
    for name in ("burst-1", "burst-2", "burst-3"):
        world("fault", fault="denied", node=name)
    found = survey_again(site)
    world("clear")
    assert {f["id"] for f in found} == {"iam_start_denied", "iam_stop_denied"}
    assert all(f["severity"] == "error" and f["guide"]["page"] == 21 for f in found)
    assert survey_again(site) == []
    world("add_node", name="always-1", location="Oslo", bursting=True, untagged=True, region="eu-west-1", running=True)
    until(lambda: any(n["name"] == "always-1" for n in site.get("/v1/nodes")["items"]), "the node is seen")
    assert "iam_too_wide" not in {f["id"] for f in survey_again(site)}
    world("network", wide_policy=True)
    try:
        wide = [f for f in survey_again(site) if f["id"] == "iam_too_wide"]
        assert len(wide) == 1 and "StartInstances" in wide[0]["what"]
    finally:
        world("network")
    after = world.metrics()
    assert [before[k] for k in ("starts", "stops", "patches")] == [after[k] for k in ("starts", "stops", "patches")]


def test_a_survey_that_fails_is_not_good_news(world, site):
    survey_again(site)
    world("fault", fault="ec2_down")
    try:
        found = survey_again(site)
    finally:
        world("clear")
    unread = [f for f in found if f["id"] == "check_not_made"]
    assert [f["subject"] for f in unread] == ["ec2:eu-west-1 DescribeInstances"]
    world("fault", fault="infinity_down")
    try:
        found = survey_again(site)
    finally:
        world("clear")
    assert [f["subject"] for f in found if f["id"] == "check_not_made"] == ["infinity configuration"]
    world("fault", fault="ec2_down")
    try:
        survey_again(site)
    finally:
        world("clear")
    assert {s["name"]: s["complete"] for s in site.get("/v1/checks")["surveys"]} == {"infinity": True, "ec2:eu-west-1": False}
    until(lambda: "check_not_made" not in {f["id"] for f in survey_again(site)}, "EC2 is back")


def test_refreshing_takes_no_body(site):
    problem(site.ask("POST", "/v1/checks/refresh", body={"now": True}), 413, "too-large")


def test_refusals(site, mistagged):
    good = {"check": "tag_mismatch", "subject": "node burst-2", "reason": "r", "until": soon(60)}
    for change, pointer in (({"subject": "node burst-1"}, "/subject"), ({"check": "no_such"}, "/subject"), ({"reason": ""}, "/reason"),
                            ({"until": "tomorrow"}, "/until"), ({"until": "2020-01-01T00:00:00Z"}, "/until"),
                            ({"until": soon(367 * 86400)}, "/until"), ({"severity": "info"}, "/severity"), ({"check": 1}, "/check")):
        reply = site.ask("POST", "/v1/acknowledgements", body={**good, **change})
        problem(reply, 400, "bad-request", pointer)
    for missing in good:
        reply = site.ask("POST", "/v1/acknowledgements", body={k: v for k, v in good.items() if k != missing})
        problem(reply, 400, "bad-request", f"/{missing}")
    problem(site.ask("POST", "/v1/acknowledgements", data=json.dumps(good)[:-1]), 400, "bad-request")
    for query in ("expired=no", "limit=x", "check=tag_mismatch"):
        problem(site.ask("GET", f"/v1/acknowledgements?{query}"), 400, "bad-request")
    assert site.get("/v1/acknowledgements")["items"] == []
