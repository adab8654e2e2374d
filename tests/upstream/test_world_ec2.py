"""The project's own model of EC2, burstd-world, taken for EC2 by AWS's own client."""

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from daemon import World, until

KEYS = {"aws_access_key_id": "AKIAWORLDEXAMPLE0001", "aws_secret_access_key": "world/secret+key/EXAMPLEONLY0123456789abcd"}


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, "--scenario", "empty", scale=600)
    where = world.do("add_location", name="AWS burst")["id"]
    for n in range(5):
        world.do("add_node", name=f"burst-{n + 1}", location=where, bursting=True)
    yield world
    world.end()


def client(world, **more):
    options = {"region_name": "eu-west-1", "endpoint_url": world.urls["ec2"], "config": Config(retries={"max_attempts": 1})}
    return boto3.client("ec2", **(options | KEYS | more))


def refused(call):
    """EC2's error code."""
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call()
    return error.value.response["Error"]["Code"]


def instances(ec2, **filters):
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": name, "Values": values} for name, values in filters.items()], PaginationConfig={"PageSize": 5}
    )
    return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]


def test_describe_with_filters_and_pages(world):
    ec2 = client(world)
    world.do("page_size", reservations=2)
    every = instances(ec2, **{"tag:pexip-cloud": ["mgr01"]})
    assert len({i["InstanceId"] for i in every}) == 5
    assert {i["State"]["Name"] for i in every} == {"stopped"}
    assert all({"Key": "pexip-cloud", "Value": "mgr01"} in i["Tags"] for i in every)
    one = instances(ec2, **{"network-interface.addresses.private-ip-address": [every[0]["PrivateIpAddress"]]})
    assert [i["InstanceId"] for i in one] == [every[0]["InstanceId"]]
    assert not instances(ec2, **{"tag:pexip-cloud": ["another"]})


def test_start_and_stop(world):
    ec2 = client(world)
    one = instances(ec2, **{"tag:pexip-cloud": ["mgr01"]})[0]["InstanceId"]
    change = ec2.start_instances(InstanceIds=[one])["StartingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("stopped", "pending")

    def state():
        return instances(ec2, **{"instance-id": [one]})[0]["State"]["Name"]

    until(lambda: state() == "running", "running")
    change = ec2.stop_instances(InstanceIds=[one])["StoppingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    until(lambda: state() == "stopped", "stopped")
    assert [(row["deed"], row["accepted"]) for row in world.ledger()] == [("start", True), ("stop", True)]


def test_refusals(world):
    ec2 = client(world)
    one = instances(ec2, **{"tag:pexip-cloud": ["mgr01"]})[0]["InstanceId"]
    assert refused(lambda: ec2.start_instances(InstanceIds=[one], DryRun=True)) == "DryRunOperation"
    assert refused(lambda: ec2.start_instances(InstanceIds=["i-00000000000000000"])) == "InvalidInstanceID.NotFound"
    world.do("fault", fault="capacity", node=one)
    assert refused(lambda: ec2.start_instances(InstanceIds=[one])) == "InsufficientInstanceCapacity"
    world.do("clear")
    world.do("fault", fault="ec2_throttled")
    assert refused(lambda: ec2.start_instances(InstanceIds=[one])) == "RequestLimitExceeded"


def test_signatures(world):
    def list_with(**keys):
        return refused(lambda: client(world, **keys).describe_instances())

    assert list_with(aws_secret_access_key="another/secret") == "SignatureDoesNotMatch"
    assert list_with(aws_access_key_id="AKIAANOTHER0000000001") in ("AuthFailure", "InvalidClientTokenId")
    assert list_with(region_name="mars-north-1") == "AuthFailure"
    world.do("expire_session")
    assert list_with() == "RequestExpired"


PLACE = {"SubnetId": "subnet-0world00000000001", "Groups": ["sg-0world00000000001"], "DeviceIndex": 0, "AssociatePublicIpAddress": True}


def launch(ec2, token, **more):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "new-1"}, {"Key": "burstd-operation", "Value": token}]}]
    reply = ec2.run_instances(
        ImageId="ami-0feedfacecafe0001", InstanceType="c5.2xlarge", MinCount=1, MaxCount=1, KeyName="node-key", ClientToken=token,
        Placement={"Tenancy": "dedicated"}, NetworkInterfaces=[PLACE], TagSpecifications=tags, **more)
    return reply["Instances"][0]


def test_image_and_surroundings(world):
    ec2 = client(world)
    name = {"Name": "name", "Values": ["Pexip Infinity Conferencing Node 38 build *"]}
    images = ec2.describe_images(Owners=["686087431763"], Filters=[name, {"Name": "state", "Values": ["available"]}])["Images"]
    assert [(i["ImageId"], i["EnaSupport"]) for i in images] == [("ami-0feedfacecafe0001", True)]
    assert ec2.describe_key_pairs(KeyNames=["node-key"])["KeyPairs"][0]["KeyName"] == "node-key"
    subnet = ec2.describe_subnets(SubnetIds=["subnet-0world00000000001"])["Subnets"][0]
    assert (subnet["VpcId"], subnet["AvailabilityZone"], subnet["CidrBlock"]) == ("vpc-0world00000000001", "eu-west-1a", "172.31.0.0/20")
    offers = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["c5.2xlarge"]}])["InstanceTypeOfferings"]
    assert {o["Location"] for o in offers} == {"eu-west-1a", "eu-west-1b"}


def test_launch_and_terminate(world):
    ec2 = client(world)
    one = launch(ec2, "token-1")
    assert launch(ec2, "token-1")["InstanceId"] == one["InstanceId"]
    assert refused(lambda: launch(ec2, "token-1", EbsOptimized=True)) == "IdempotentParameterMismatch"
    until(lambda: [i["State"]["Name"] for i in instances(ec2, **{"client-token": ["token-1"]})] == ["running"], "running")
    shown = instances(ec2, **{"client-token": ["token-1"]})[0]
    assert shown["Placement"]["Tenancy"] == "dedicated"
    assert (shown["ImageId"], shown["KeyName"], shown["EnaSupport"]) == ("ami-0feedfacecafe0001", "node-key", True)
    assert (shown["SubnetId"], shown["VpcId"]) == ("subnet-0world00000000001", "vpc-0world00000000001")
    assert shown["PublicIpAddress"] and shown["PrivateIpAddress"] == one["PrivateIpAddress"]
    ec2.create_tags(Resources=[one["InstanceId"]], Tags=[{"Key": "pexip-cloud", "Value": "mgr01"}])
    assert one["InstanceId"] in {i["InstanceId"] for i in instances(ec2, **{"tag:pexip-cloud": ["mgr01"]})}
    change = ec2.terminate_instances(InstanceIds=[one["InstanceId"]])["TerminatingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "shutting-down")


def test_addresses_and_groups(world):
    ec2 = client(world)
    one = launch(ec2, "token-1")["InstanceId"]
    until(lambda: instances(ec2, **{"instance-id": [one]})[0]["State"]["Name"] == "running", "running")
    address = ec2.allocate_address(Domain="vpc")
    made = ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=one, AllowReassociation=False)
    held = ec2.describe_addresses(AllocationIds=[address["AllocationId"]])["Addresses"][0]
    assert (held["AssociationId"], held["InstanceId"]) == (made["AssociationId"], one)
    assert refused(lambda: ec2.release_address(AllocationId=address["AllocationId"])) == "InvalidIPAddress.InUse"
    ec2.disassociate_address(AssociationId=made["AssociationId"])
    ec2.release_address(AllocationId=address["AllocationId"])
    group = ec2.create_security_group(GroupName="nodes", Description="nodes", VpcId="vpc-0world00000000001")["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert refused(lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])) == "InvalidPermission.Duplicate"
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert [(p["FromPort"], p["IpRanges"][0]["CidrIp"]) for p in shown["IpPermissions"]] == [(443, "192.0.2.0/24")]
    ec2.delete_security_group(GroupId=group)


def test_policies_of_the_two_pairs_of_keys(world):
    world.do("policy", scope="bursting")
    ec2 = client(world)
    assert refused(lambda: launch(ec2, "token-1", DryRun=True)) == "UnauthorizedOperation"
    second = client(world, aws_access_key_id="AKIAWORLDEXAMPLE0002", aws_secret_access_key="lifecycle/secret+EXAMPLEONLY0123456789abc")
    assert refused(lambda: launch(second, "token-1", DryRun=True)) == "DryRunOperation"
    wrong = client(world, aws_access_key_id="AKIAWORLDEXAMPLE0002", aws_secret_access_key="another")
    assert refused(lambda: launch(wrong, "token-1", DryRun=True)) == "SignatureDoesNotMatch"
