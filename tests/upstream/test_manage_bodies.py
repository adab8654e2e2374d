"""
The bodies of the EC2 calls of life-cycle operations against AWS's own client: for the same wish, botocore makes the same
parameters out of its service model. The bodies are those that the unit tests hold burstd to (tests/unit/ec2_manage_bodies.txt).
"""

import pathlib
import urllib.parse

import botocore.model
import botocore.serialize
import botocore.session
import botocore.validate
import pytest

BODIES = pathlib.Path(__file__).resolve().parents[1] / "unit" / "ec2_manage_bodies.txt"

INSTANCE = "i-0b2c3d4e5f6071829"
OTHER = "i-0a1b2c3d4e5f60718"
GROUP = "sg-0123456789abcdef0"
SUBNET = "subnet-0123456789abcdef0"
VPC = "vpc-0123456789abcdef0"
ALLOCATION = "eipalloc-0123456789abcdef0"
TOKEN = "3f1b6f0e-5a1c-4a57-8f2e-6f0f1c2d3e4f"
TAGS = [{"Key": "Name", "Value": "node 08"}, {"Key": "pexip-cloud", "Value": "mgr-1"}]


def filters(**values):
    return {"Filters": [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in values.items()]}


def tagged(*resources):
    return {"TagSpecifications": [{"ResourceType": r, "Tags": TAGS} for r in resources]}


def launch(groups, public, tenancy):
    interface = {"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": groups, "AssociatePublicIpAddress": public}
    return {
        "ImageId": "ami-0feedfacecafe0001",
        "InstanceType": "c5.2xlarge",
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": TOKEN,
        "Placement": {"Tenancy": tenancy},
        "NetworkInterfaces": [interface],
    }


INBOUND = {
    "GroupId": GROUP,
    "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]},
        {"IpProtocol": "udp", "FromPort": 0, "ToPort": 65535, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        {"IpProtocol": "50", "UserIdGroupPairs": [{"GroupId": GROUP}]},
    ],
}
OUTBOUND = {"GroupId": GROUP, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
PAGE = {"MaxResults": 1000}
WISHES = {
    "find_images": (
        "DescribeImages",
        filters(name="Pexip Infinity Conferencing Node 35*", state="available")
        | {"Owners": ["686087431763"], "IncludeDeprecated": True}
        | PAGE,
    ),
    "find_subnet": ("DescribeSubnets", filters(subnet_id=SUBNET) | PAGE),
    "find_instance": ("DescribeInstances", filters(instance_id=INSTANCE) | PAGE),
    "find_launched": ("DescribeInstances", filters(client_token=TOKEN) | PAGE),
    "find_address": ("DescribeAddresses", filters(allocation_id=ALLOCATION)),
    "find_tagged_address": ("DescribeAddresses", filters(**{"tag:burstd-operation": r"tok\*\?1"})),
    "find_address_of": ("DescribeAddresses", filters(instance_id=INSTANCE)),
    "find_group_by_id": ("DescribeSecurityGroups", filters(group_id=GROUP) | PAGE),
    "find_group_by_name": ("DescribeSecurityGroups", filters(group_name=r"conferencing-nodes\*", vpc_id=VPC) | PAGE),
    "find_key_pair": ("DescribeKeyPairs", filters(key_name="node-key")),
    "type_offered": (
        "DescribeInstanceTypeOfferings",
        filters(instance_type="c5.9xlarge", location="eu-west-2a") | {"LocationType": "availability-zone"} | PAGE,
    ),
    "launch": (
        "RunInstances",
        launch([GROUP, "sg-0fedcba9876543210"], True, "dedicated")
        | {"KeyName": "node-key"}
        | tagged("instance", "volume", "network-interface"),
    ),
    "launch_private": ("RunInstances", launch([GROUP], False, "default")),
    "terminate": ("TerminateInstances", {"InstanceIds": [INSTANCE]}),
    "set_type": ("ModifyInstanceAttribute", {"InstanceId": OTHER, "InstanceType": {"Value": "c5.4xlarge"}}),
    "set_ena": ("ModifyInstanceAttribute", {"InstanceId": OTHER, "EnaSupport": {"Value": True}}),
    "tag": ("CreateTags", {"Resources": [INSTANCE], "Tags": TAGS}),
    "untag": ("DeleteTags", {"Resources": [INSTANCE], "Tags": [{"Key": "pexip-cloud"}]}),
    "allocate": ("AllocateAddress", {"Domain": "vpc"} | tagged("elastic-ip")),
    "associate": ("AssociateAddress", {"AllocationId": ALLOCATION, "InstanceId": INSTANCE, "AllowReassociation": False}),
    "disassociate": ("DisassociateAddress", {"AssociationId": "eipassoc-0123456789abcdef0"}),
    "release": ("ReleaseAddress", {"AllocationId": ALLOCATION}),
    "create_group": (
        "CreateSecurityGroup",
        {"GroupName": "conferencing-nodes", "Description": "node traffic", "VpcId": VPC} | tagged("security-group"),
    ),
    "authorize_in": ("AuthorizeSecurityGroupIngress", INBOUND),
    "authorize_out": ("AuthorizeSecurityGroupEgress", OUTBOUND),
    "revoke_in": ("RevokeSecurityGroupIngress", INBOUND),
    "revoke_out": ("RevokeSecurityGroupEgress", OUTBOUND),
    "delete_group": ("DeleteSecurityGroup", {"GroupId": GROUP}),
}


def bodies():
    lines = [line for line in BODIES.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("\t") for line in lines)


@pytest.fixture(scope="module")
def service():
    """EC2's service model, with what DescribeImages has learnt since the one that Debian ships."""
    description = botocore.session.get_session().get_component("data_loader").load_service_model("ec2", "service-2")
    members = description["shapes"]["DescribeImagesRequest"]["members"]
    members.setdefault("MaxResults", {"shape": "Integer"})
    members.setdefault("NextToken", {"shape": "String"})
    return botocore.model.ServiceModel(description, "ec2")


def test_every_body_has_its_wish():
    assert bodies().keys() == WISHES.keys()


@pytest.mark.parametrize("dry_run", [False, True], ids=["deed", "dry_run"])
@pytest.mark.parametrize("name", WISHES)
def test_the_body_is_botocores(service, name, dry_run):
    action, wish = WISHES[name]
    if dry_run:
        wish = wish | {"DryRun": True}
    operation = service.operation_model(action)
    problems = botocore.validate.ParamValidator().validate(wish, operation.input_shape)
    assert not problems.has_errors(), problems.generate_report()
    request = botocore.serialize.create_serializer("ec2", include_validation=False).serialize_to_request(wish, operation)
    expected = {key: str(value) for key, value in request["body"].items()}
    sent = urllib.parse.parse_qsl(bodies()[name] + ("&DryRun=true" if dry_run else ""), keep_blank_values=True, strict_parsing=True)
    assert len(dict(sent)) == len(sent), "a parameter is there twice"
    assert dict(sent) == expected
