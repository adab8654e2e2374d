"""
The fakes themselves: AWS's own client takes fake_ec2.py for EC2 in everything that a node's life needs, and Infinity's and a new
node's rules hold. What burstd is run against elsewhere must be right first.
"""

import base64

import boto3
import botocore.exceptions
import pytest
import requests
from botocore.config import Config

from cloud_model import GROUP, KEY_NAME, NODE_IMAGE, OWNER, SMALL_SUBNET, SUBNET, VPC
from daemon import until
from fake_iam import Question, allowed
from platform_model import TAG, TAG_NAME
from sigv4 import Refusal
from upstream_site import ACCESS_KEY, PASSWORD, SECRET_KEY

API = "/api/admin/configuration/v1/"
STATUS = "/api/admin/status/v1/"
BURST_TAG = {"Key": TAG_NAME, "Value": TAG}


@pytest.fixture
def served(site):
    site.serve()
    site.platform.cloud.lag = 0
    return site


def client(site):
    return boto3.client(
        "ec2",
        region_name="eu-west-1",
        endpoint_url=site.ec2.url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"max_attempts": 0}),
    )


def refused(call, **arguments):
    """EC2's error code."""
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"]


def launch(ec2, token="token-1", tags=(BURST_TAG,), **more):
    interface = {"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": [GROUP], "AssociatePublicIpAddress": True}
    asked = {
        "ImageId": NODE_IMAGE,
        "InstanceType": "c5.2xlarge",
        "MinCount": 1,
        "MaxCount": 1,
        "KeyName": KEY_NAME,
        "ClientToken": token,
        "Placement": {"Tenancy": "dedicated"},
        "NetworkInterfaces": [interface],
        "TagSpecifications": [{"ResourceType": kind, "Tags": list(tags)} for kind in ("instance", "volume", "network-interface")],
    }
    return ec2.run_instances(**(asked | more))["Instances"][0]


def look(ec2, name):
    return ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]


# --- EC2, by boto3 ---


def test_a_launch_is_found_again_and_never_repeated(served):
    ec2 = client(served)
    first = launch(ec2)
    assert first["State"]["Name"] == "pending" and first["PrivateIpAddress"].startswith("10.20.16.")
    assert launch(ec2)["InstanceId"] == first["InstanceId"]
    assert refused(lambda: launch(ec2, InstanceType="c5.xlarge")) == "IdempotentParameterMismatch"
    found = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["token-1"]}])["Reservations"]
    assert [i["InstanceId"] for r in found for i in r["Instances"]] == [first["InstanceId"]]
    assert found[0]["Instances"][0]["Tags"] == [BURST_TAG] and found[0]["Instances"][0]["EnaSupport"] is True
    assert found[0]["Instances"][0]["Placement"]["Tenancy"] == "dedicated"
    ec2.get_waiter("instance_running").wait(InstanceIds=[first["InstanceId"]], WaiterConfig={"Delay": 0, "MaxAttempts": 500})
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    assert refused(lambda: launch(ec2)) == "IdempotentInstanceTerminated"
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[first["InstanceId"]], WaiterConfig={"Delay": 0, "MaxAttempts": 500})
    assert look(ec2, first["InstanceId"])["State"]["Name"] == "terminated"


def test_a_launch_is_not_seen_at_once(served):
    served.platform.cloud.lag = 2
    ec2 = client(served)
    name = launch(ec2)["InstanceId"]
    assert refused(ec2.describe_instances, InstanceIds=[name]) == "InvalidInstanceID.NotFound"
    assert look(ec2, name)["InstanceId"] == name


def test_a_launch_is_refused(served):
    ec2 = client(served)
    assert refused(lambda: launch(ec2, ImageId="ami-0bad")) == "InvalidAMIID.NotFound"
    assert refused(lambda: launch(ec2, KeyName="another")) == "InvalidKeyPair.NotFound"
    assert refused(lambda: launch(ec2, InstanceType="m4.large")) == "Unsupported"
    assert refused(lambda: launch(ec2, SubnetId=SUBNET)) == "InvalidParameterCombination"
    full = [{"DeviceIndex": 0, "SubnetId": SMALL_SUBNET, "Groups": [GROUP]}]
    assert refused(lambda: launch(ec2, NetworkInterfaces=full)) == "InsufficientFreeAddressesInSubnet"
    wrong = [{"DeviceIndex": 0, "SubnetId": SUBNET, "Groups": ["sg-0bad"]}]
    assert refused(lambda: launch(ec2, NetworkInterfaces=wrong)) == "InvalidGroup.NotFound"
    assert refused(lambda: launch(ec2, DryRun=True)) == "DryRunOperation"
    assert len(served.platform.cloud.instances) == 4, "those that were there"


def test_an_auto_assigned_address_changes_at_each_start(served):
    ec2 = client(served)
    name = launch(ec2)["InstanceId"]
    served.platform.run_all()
    first = look(ec2, name)["PublicIpAddress"]
    ec2.stop_instances(InstanceIds=[name])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[name], WaiterConfig={"Delay": 0, "MaxAttempts": 500})
    assert "PublicIpAddress" not in look(ec2, name)
    ec2.start_instances(InstanceIds=[name])
    assert look(ec2, name)["PublicIpAddress"] != first


def test_type_and_ena_are_changed_only_when_stopped(served):
    ec2 = client(served)
    name = served.platform.node("a-1").instance.id
    ec2.modify_instance_attribute(InstanceId=name, InstanceType={"Value": "c5.4xlarge"})
    ec2.modify_instance_attribute(InstanceId=name, EnaSupport={"Value": True})
    assert look(ec2, name)["InstanceType"] == "c5.4xlarge" and look(ec2, name)["EnaSupport"] is True
    bad = {"InstanceId": name, "InstanceType": {"Value": "enormous"}}
    assert refused(ec2.modify_instance_attribute, **bad) == "InvalidInstanceAttributeValue"
    ec2.start_instances(InstanceIds=[name])
    again = {"InstanceId": name, "InstanceType": {"Value": "c5.2xlarge"}}
    assert refused(ec2.modify_instance_attribute, **again) == "IncorrectInstanceState"
    assert refused(ec2.modify_instance_attribute, **again, DryRun=True) == "DryRunOperation"


def test_addresses(served):
    ec2 = client(served)
    a, b = (served.platform.node(name).instance.id for name in ("a-1", "a-2"))
    spec = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "burstd-operation", "Value": "t-1"}]}]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=spec)
    found = ec2.describe_addresses(Filters=[{"Name": "tag:burstd-operation", "Values": ["t-1"]}])["Addresses"]
    assert [one["AllocationId"] for one in found] == [address["AllocationId"]] and "AssociationId" not in found[0]
    ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=a)
    assert look(ec2, a)["PublicIpAddress"] == address["PublicIp"], "a stopped instance keeps it"
    taken = {"AllocationId": address["AllocationId"], "InstanceId": b, "AllowReassociation": False}
    assert refused(ec2.associate_address, **taken) == "Resource.AlreadyAssociated"
    assert refused(ec2.release_address, AllocationId=address["AllocationId"]) == "InvalidIPAddress.InUse"
    found = ec2.describe_addresses(Filters=[{"Name": "instance-id", "Values": [a]}])["Addresses"][0]
    ec2.disassociate_address(AssociationId=found["AssociationId"])
    ec2.release_address(AllocationId=address["AllocationId"])
    assert refused(ec2.release_address, AllocationId=address["AllocationId"]) == "InvalidAllocationID.NotFound"
    for _ in range(served.platform.cloud.most_addresses):
        ec2.allocate_address(Domain="vpc")
    assert refused(ec2.allocate_address, Domain="vpc") == "AddressLimitExceeded"


def test_tags(served):
    ec2 = client(served)
    name = served.platform.node("a-1").instance.id
    ec2.delete_tags(Resources=[name], Tags=[{"Key": TAG_NAME}])
    assert TAG_NAME not in {tag["Key"] for tag in look(ec2, name)["Tags"]}
    ec2.create_tags(Resources=[name], Tags=[BURST_TAG])
    assert BURST_TAG in look(ec2, name)["Tags"]
    assert refused(ec2.create_tags, Resources=["i-0bad"], Tags=[BURST_TAG]) == "InvalidInstanceID.NotFound"


def test_security_groups(served):
    ec2 = client(served)
    group = ec2.create_security_group(GroupName="nodes", Description="made", VpcId=VPC)["GroupId"]
    rule = {"IpProtocol": "udp", "FromPort": 500, "ToPort": 500, "UserIdGroupPairs": [{"GroupId": group}]}
    web = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "web"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule, web])
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[web]) == "InvalidPermission.Duplicate"
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert shown["IpPermissions"] == [rule, web] and shown["IpPermissionsEgress"][0]["IpProtocol"] == "-1"
    named = [{"Name": "group-name", "Values": ["nodes"]}, {"Name": "vpc-id", "Values": [VPC]}]
    assert ec2.describe_security_groups(Filters=named)["SecurityGroups"][0]["GroupId"] == group
    ec2.delete_security_group(GroupId=group)
    assert refused(ec2.describe_security_groups, GroupIds=[group]) == "InvalidGroup.NotFound"


def test_what_a_launch_needs_is_listed(served):
    ec2 = client(served)
    named = [{"Name": "name", "Values": ["Pexip Infinity Conferencing Node 38 build *"]}, {"Name": "state", "Values": ["available"]}]
    images = ec2.describe_images(Owners=[OWNER], Filters=named)["Images"]
    assert [image["ImageId"] for image in images] == [NODE_IMAGE] and images[0]["CreationDate"]
    assert ec2.describe_subnets(SubnetIds=[SUBNET])["Subnets"][0]["CidrBlock"] == "10.20.16.0/20"
    assert refused(ec2.describe_subnets, SubnetIds=["subnet-0bad"]) == "InvalidSubnetID.NotFound"
    assert ec2.describe_key_pairs(KeyNames=[KEY_NAME])["KeyPairs"][0]["KeyName"] == KEY_NAME
    assert refused(ec2.describe_key_pairs, KeyNames=["another"]) == "InvalidKeyPair.NotFound"
    zone = [{"Name": "location", "Values": ["eu-west-1a"]}, {"Name": "instance-type", "Values": ["c5.2xlarge", "x1.large"]}]
    offered = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=zone)["InstanceTypeOfferings"]
    assert [one["InstanceType"] for one in offered] == ["c5.2xlarge"]
    acls = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [SUBNET]}])["NetworkAcls"]
    assert [entry["RuleAction"] for entry in acls[0]["Entries"]] == ["allow", "deny"] * 2


def test_an_unknown_parameter_is_refused(served):
    with pytest.raises(Refusal) as error:
        served.ec2.act({"Action": "StopInstances", "Version": "2016-11-15", "InstanceIds.1": "i-1"})
    assert error.value.args[1] == "UnknownParameter"


def test_a_lost_answer_is_carried_out(served):
    ec2 = client(served)
    served.ec2.lose["AllocateAddress"] = 1
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        ec2.allocate_address(Domain="vpc")
    assert len(served.platform.cloud.addresses) == 1
    served.ec2.fail["AllocateAddress"].append((400, "InsufficientAddressCapacity", "none left"))
    assert refused(ec2.allocate_address, Domain="vpc") == "InsufficientAddressCapacity"
    ec2.allocate_address(Domain="vpc")


# --- IAM ---

DOCUMENTED = {  # facts/ec2.md, 8.2 and parts of 8.3
    "Statement": [
        {"Effect": "Allow", "Action": ["ec2:Describe*"], "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}},
        {
            "Effect": "Allow",
            "Action": ["ec2:StartInstances", "ec2:StopInstances"],
            "Resource": "arn:aws:ec2:eu-west-1:111122223333:instance/*",
            "Condition": {"StringEquals": {"ec2:ResourceTag/pexip-cloud": TAG}},
        },
    ]
}


def test_keys_with_the_bursting_policy(served):
    served.ec2.policies[ACCESS_KEY] = [DOCUMENTED]
    ec2 = client(served)
    a = served.platform.node("a-1").instance
    ec2.describe_instances()
    assert refused(ec2.start_instances, InstanceIds=[a.id], DryRun=True) == "DryRunOperation"
    assert refused(ec2.terminate_instances, InstanceIds=[a.id], DryRun=True) == "UnauthorizedOperation"
    assert refused(lambda: launch(ec2)) == "UnauthorizedOperation"
    assert refused(ec2.allocate_address, Domain="vpc", DryRun=True) == "UnauthorizedOperation"
    a.tags[TAG_NAME] = "another"
    assert refused(ec2.start_instances, InstanceIds=[a.id]) == "UnauthorizedOperation"


def test_conditions():
    def may(operator, wanted, **context):
        statement = {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*", "Condition": {operator: {"aws:TagKeys": wanted}}}
        return allowed([{"Statement": statement}], Question("ec2:CreateTags", "arn:x", context))

    assert may("Null", "true") and not may("Null", "false") and may("Null", "false", **{"aws:tagkeys": ["a"]})
    assert may("ForAllValues:StringEquals", "a", **{"aws:TagKeys": ["a"]})
    assert not may("ForAllValues:StringEquals", "a", **{"aws:TagKeys": ["a", "b"]})
    assert may("ForAllValues:StringEquals", "a") and not may("ForAnyValue:StringEquals", "a")
    assert not may("StringNotEquals", ["a"], **{"aws:TagKeys": "a"}) and may("StringNotEquals", ["a"])
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    allow = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    assert not allowed([{"Statement": [allow, deny]}], Question("ec2:X", "arn:x", {}))


# --- Infinity and a new node ---


@pytest.fixture
def infinity(served):
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = "Basic " + base64.b64encode(f"api:{PASSWORD}".encode()).decode()
    session.base = served.infinity.url
    return session


def node_fields(**more):
    fields = {"name": "new-1", "hostname": "new-1", "domain": "example.net", "address": "10.20.16.4", "netmask": "255.255.240.0"}
    return fields | {"gateway": "10.20.16.1", "system_location": API + "system_location/3/"} | more


def test_a_node_is_made_bootstrapped_and_synced(served, infinity):
    ec2, bootstrap = client(served), served.bootstrap.url
    made = launch(ec2)
    reply = infinity.post(infinity.base + API + "worker_vm/", json=node_fields(address=made["PrivateIpAddress"]))
    assert reply.status_code == 201 and reply.headers["Content-Type"] == "application/xml"
    key = reply.headers["Location"].rstrip("/").rsplit("/", 1)[1]

    def status():
        return infinity.get(infinity.base + f"{STATUS}worker_vm/{key}/").json()

    assert status()["last_updated"] is None and status()["sync_status"] != "SYNCED"
    door = f"{bootstrap}/{made['PrivateIpAddress']}"

    def waits():
        try:
            return requests.get(door + "/", timeout=5).ok
        except requests.ConnectionError:
            return False

    until(waits, "the new instance waits")
    upload = {"url": door + "/configuration/bootstrap", "headers": {"Content-Type": "text/xml"}, "timeout": 5}
    assert requests.post(data=reply.content.strip(), **upload).status_code == 400, "not byte for byte"
    assert requests.post(data=reply.content, **upload).status_code == 200
    assert not waits()
    until(lambda: status()["sync_status"] == "SYNCED", "synced")
    row = infinity.get(infinity.base + f"{API}worker_vm/{key}/").json()
    assert row["cloud_bursting"] is True and "password" not in row and row["hostname"] == "new-1"


def test_a_document_of_a_deleted_node_never_syncs(served, infinity):
    made = launch(client(served))
    fields = node_fields(address=made["PrivateIpAddress"])
    old = infinity.post(infinity.base + API + "worker_vm/", json=fields)
    assert infinity.delete(old.headers["Location"]).status_code == 204
    new = infinity.post(infinity.base + API + "worker_vm/", json=fields)
    with served.platform.lock:
        served.platform.apply(served.platform.instance_at(made["PrivateIpAddress"]), old.content)
    served.platform.run_all(60)
    assert not served.platform.synced(served.platform.node("new-1"))
    served.platform.apply(served.platform.instance_at(made["PrivateIpAddress"]), new.content)
    until(lambda: served.platform.synced(served.platform.node("new-1")), "synced")


FAULTS = [
    ({"name": "oslo-1"}, "name", "already exists"),
    ({"hostname": "OSLO-1"}, "hostname", "already exists"),
    ({"address": "10.20.0.2"}, "address", "already exists"),
    ({"name": "x" * 33}, "name", "no more than 32"),
    ({"netmask": "20"}, "netmask", "IPv4"),
    ({"system_location": API + "system_location/99/"}, "system_location", "does not exist"),
    ({"enable_ssh": "global"}, "enable_ssh", "valid choice"),
    ({"location": 3}, "location", "No such field"),
]


@pytest.mark.parametrize("change, field, words", FAULTS, ids=lambda x: x if isinstance(x, str) else "")
def test_a_node_is_refused_by_its_fields(served, infinity, change, field, words):
    reply = infinity.post(infinity.base + API + "worker_vm/", json=node_fields(**change))
    assert reply.status_code == 400 and words in reply.json()["worker_vm"][field][0]
    assert len(served.platform.nodes) == 29


def test_nodes_are_found_by_an_exact_field(served, infinity):
    found = infinity.get(infinity.base + API + "worker_vm/?name=oslo-1").json()["objects"]
    assert [node["name"] for node in found] == ["oslo-1"]
    assert infinity.get(infinity.base + API + "worker_vm/?name=nobody").json()["objects"] == []
    assert infinity.get(infinity.base + API + "worker_vm/?colour=red").status_code == 400


def test_another_location_restarts_a_node_and_ends_its_calls(served, infinity):
    served.platform.place_conference("oslo-1")
    node = served.platform.node("oslo-1")
    reply = infinity.patch(infinity.base + API + f"worker_vm/{node.id}/", json={"system_location": API + "system_location/2/"})
    assert reply.status_code == 202 and not served.platform.synced(node)
    assert served.platform.cuts == [("oslo-1", "system_location", 1)]
    served.cuts = served.platform.cuts


def test_plain_objects(served, infinity, certificate):
    def post(resource, **fields):
        return infinity.post(infinity.base + API + resource + "/", json=fields)

    ntp = post("ntp_server", address="0.pool.example.net").headers["Location"].removeprefix(infinity.base)
    assert post("ntp_server", address="0.pool.example.net").status_code == 400
    assert infinity.patch(infinity.base + API + "system_location/1/", json={"ntp_servers": [ntp]}).status_code == 202
    assert infinity.get(infinity.base + API + "system_location/1/").json()["ntp_servers"][0]["address"] == "0.pool.example.net"
    assert post("tls_certificate", certificate="nonsense").status_code == 400
    made = post("tls_certificate", certificate=certificate.path.read_text(), private_key="-----BEGIN")
    row = infinity.get(made.headers["Location"]).json()
    assert row["subject_name"] == "mgr.example.net" and row["private_key"].startswith("$~!1")
    vmr = post("conference", name="Board", pin="4711").headers["Location"]
    assert post("conference_alias", alias="board@example.net", conference=vmr.removeprefix(infinity.base)).status_code == 201
    assert infinity.get(vmr).json()["aliases"][0]["alias"] == "board@example.net"
    assert post("licence", entitlement_id="ABC-1").headers["Location"].rstrip("/").rsplit("/", 1)[1].startswith("140")
    assert infinity.patch(infinity.base + API + "global/1/", json={"bursting_threshold": 0}).status_code == 400
    assert infinity.patch(infinity.base + API + "global/1/", json={"bursting_threshold": 9, "aws_secret_key": "s"}).status_code == 202
    row = infinity.get(infinity.base + API + "global/1/").json()
    assert row["bursting_threshold"] == 9 and row["aws_secret_key"].startswith("$~!1")
    assert infinity.get(infinity.base + STATUS + "management_vm/").json()["objects"][0]["version"] == "38 (81234.0.0)"


def test_infinity_loses_answers_and_fails(served, infinity):
    served.infinity.lose["POST", "worker_vm"] = 1
    with pytest.raises(requests.ConnectionError):
        infinity.post(infinity.base + API + "worker_vm/", json=node_fields())
    assert served.platform.node("new-1")
    served.infinity.fail["DELETE", "worker_vm"].append((403, {"error": "no permission"}))
    where = infinity.base + API + f"worker_vm/{served.platform.node('new-1').id}/"
    assert [infinity.delete(where).status_code for _ in range(3)] == [403, 204, 404]
