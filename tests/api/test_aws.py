"""/v1/aws: the IAM policy and the security group of the deployment guide."""

import contextlib
import re

import pytest

from harness import Burstd, problem, until, upstreams

GUIDE_INBOUND = """
tcp 22 management
tcp 443 anywhere
tcp 1720 anywhere
tcp 5060 anywhere
tcp 5061 anywhere
tcp 8443 management
tcp 33000-49999 anywhere
udp 5060 anywhere
udp 40000-49999 anywhere
udp 500 own_group
udp 1719 anywhere
icmp all management
""".split("\n")[1:-1]


def ports(rule):
    if rule["from_port"] is None:
        assert rule["to_port"] is None
        return "all"
    return str(rule["from_port"]) if rule["from_port"] == rule["to_port"] else f"{rule['from_port']}-{rule['to_port']}"


@contextlib.contextmanager
def daemon(contract, regions, **settings):
    """A daemon of its own, which hears nobody: what it says comes from its configuration and settings."""
    env = upstreams("http://127.0.0.1:9", "https://{region}.invalid")
    burstd = Burstd(contract, {**env, "BURSTD_AWS_REGIONS": regions})
    try:
        if settings:
            assert burstd.ask("PATCH", "/v1/bursting", body=settings).status_code == 200
            until(lambda: burstd.get("/v1/bursting")["tag_value_in_force"] == settings["tag_value"], "the tag value is in force")
        yield burstd
    finally:
        burstd.close()


def test_security_group_is_the_guide_s(burstd):
    reply = burstd.ask("GET", "/v1/aws/security-group?management_cidr=192.0.2.0/24")
    body = reply.json()
    assert [f"{r['protocol']} {ports(r)} {r['peer']}" for r in body["inbound"]] == GUIDE_INBOUND
    assert [(r["protocol"], ports(r), r["cidr"]) for r in body["outbound"]] == [("all", "all", "0.0.0.0/0")]
    assert [(r["protocol"], ports(r), r["guide"]["page"]) for r in body["network_acl"]] == [("esp", "all", 8), ("udp", "500", 9)]
    assert {r["cidr"] for r in body["inbound"] if r["peer"] == "management"} == {"192.0.2.0/24"}
    assert {r["cidr"] for r in body["inbound"] if r["peer"] == "anywhere"} == {"0.0.0.0/0"}
    assert [r["id"] for r in body["inbound"] if r["optional"]] == ["sip-udp"]
    again = burstd.ask("GET", "/v1/aws/security-group?management_cidr=192.0.2.0/24",
                       headers={"If-None-Match": reply.headers["ETag"]})
    assert again.status_code == 304


def test_management_cidr(burstd):
    for text, means in (("198.51.100.7", "198.51.100.7/32"), ("10.0.0.0/8", "10.0.0.0/8"), ("198.51.100.7/32", "198.51.100.7/32")):
        body = burstd.get(f"/v1/aws/security-group?management_cidr={text}")
        assert body["management_cidr"] == means
    assert burstd.get("/v1/aws/security-group")["management_cidr"] is None
    for wrong in ("", "0.0.0.0/0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0/8", "10.0.0.0/8x",
                  "010.0.0.0/8", "10.0.0.256", "::1/128", "example.com", "10.0.0.0/8/8", "10.0.0.0%20/8", "%2010.0.0.0/8", "-1.0.0.0"):
        reply = burstd.ask("GET", f"/v1/aws/security-group?management_cidr={wrong}")
        assert "management_cidr" in problem(reply, 400, "bad-request")["detail"], wrong


def test_bursting_policy(burstd):
    policy = burstd.get("/v1/aws/iam-policy")
    assert policy == burstd.get("/v1/aws/iam-policy?scope=bursting")
    tag = burstd.get("/v1/bursting")["tag_value_in_force"]
    actions = {a: s for s in policy["Statement"] for a in s["Action"]}
    assert actions.keys() == {"ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
                              "ec2:DescribeNetworkAcls", "ec2:StartInstances", "ec2:StopInstances"}
    for action, statement in actions.items():
        if action.startswith("ec2:Describe"):
            assert statement["Resource"] == "*"
            assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}
        else:
            assert statement["Resource"] == ["arn:aws:ec2:eu-west-1:*:instance/*"]
            assert statement["Condition"] == {"StringEquals": {"ec2:ResourceTag/pexip-cloud": tag}}


def test_lifecycle_policy_binds_each_change(burstd):
    policy = burstd.get("/v1/aws/iam-policy?scope=lifecycle")
    bursting = {a for s in burstd.get("/v1/aws/iam-policy")["Statement"] for a in s["Action"]}
    assert bursting < {a for s in policy["Statement"] for a in s["Action"]}
    sids = [s["Sid"] for s in policy["Statement"]]
    assert len(sids) == len(set(sids))
    for statement in policy["Statement"]:
        read_only = all(a.startswith("ec2:Describe") for a in statement["Action"])
        assert (statement["Resource"] == "*") <= read_only, "nothing that changes something is allowed everywhere"
        instances = "arn:aws:ec2:eu-west-1:*:instance/*" in statement["Resource"]
        if instances:
            assert re.search("pexip-cloud|burstd-operation|ec2:CreateAction", str(statement["Condition"])), statement["Sid"]


def test_policy_in_other_partitions(contract):
    with daemon(contract, "us-gov-west-1,us-gov-east-1", tag_value="mgr") as burstd:
        policy = burstd.get("/v1/aws/iam-policy")
        assert policy["Statement"][-1]["Resource"] == ["arn:aws-us-gov:ec2:us-gov-west-1:*:instance/*",
                                                       "arn:aws-us-gov:ec2:us-gov-east-1:*:instance/*"]
        assert problem(burstd.ask("GET", "/v1/aws/iam-policy?partition=aws"), 400, "bad-request")
    with daemon(contract, "us-gov-west-1,eu-west-2", tag_value="a${aws:username}b$c") as burstd:
        assert "partition" in problem(burstd.ask("GET", "/v1/aws/iam-policy"), 400, "bad-request")["detail"]
        statement = burstd.get("/v1/aws/iam-policy?partition=aws")["Statement"][-1]
        assert statement["Resource"] == ["arn:aws:ec2:eu-west-2:*:instance/*"]
        # IAM would put the caller's name in the place of ${aws:username}
        assert statement["Condition"]["StringEquals"]["ec2:ResourceTag/pexip-cloud"] == "a${$}{aws:username}b$c"
        assert "us-gov-west-1" in str(burstd.get("/v1/aws/iam-policy?partition=aws-us-gov"))


@pytest.mark.parametrize("query", ["scope=all", "scope=", "scope=bursting&scope=lifecycle", "tag=x", "partition=aws-cn"])
def test_policy_refuses(burstd, query):
    problem(burstd.ask("GET", f"/v1/aws/iam-policy?{query}"), 400, "bad-request")


def test_policy_without_a_tag_value(deaf):
    assert "tag_value" in problem(deaf.ask("GET", "/v1/aws/iam-policy"), 503, "busy")["detail"]
