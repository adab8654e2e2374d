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
