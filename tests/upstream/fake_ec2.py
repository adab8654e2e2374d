"""
A fake of EC2's Query API on the region of cloud_model.py: signatures are verified with botocore's own signer, requests and answers
go through botocore's own model (ec2_protocol.py), rights are IAM's (fake_iam.py), filters, pages, dry runs and errors are EC2's.
What a test may break stands in `refuse`, `refuse_all`, `fail` and `lose`.
"""

import collections
import datetime
import random
import re
import urllib.parse
import uuid

import cloud_model
import ec2_protocol
from cloud_model import new_id
from fake_http import Fake
from fake_iam import ACCOUNT, Question, allowed, reason
from sigv4 import EXPIRED, Keyring, Refusal, verify

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
TYPES = re.compile(r"[a-z]\d[a-z]*\.(metal|large|\d*xlarge)")

THROTTLED = (503, "RequestLimitExceeded", "Request limit exceeded.")
NO_CAPACITY = (500, "InsufficientInstanceCapacity", "We currently do not have sufficient c5.2xlarge capacity in this zone.")
NOT_ALLOWED = (403, "UnauthorizedOperation", "You are not authorized to perform this operation.")


def matches(pattern, value):
    """EC2's wildcards, with the backslash that takes their meaning away."""
    parts = re.findall(r"\\.|.", pattern, re.S)
    meant = "".join(
        re.escape(p[1]) if p[0] == "\\" and len(p) == 2 else ".*" if p == "*" else "." if p == "?" else re.escape(p)
        for p in parts
    )
    return re.fullmatch(meant, value, re.S) is not None


def not_found(code, what):
    return Refusal(400, code, f"The {what} does not exist")


def tag_list(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_dict(tags):
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


class FakeEC2(Fake):
    def __init__(self, platform, ledger, access_key, secret_key, region="eu-west-1", session_token=None, seed=1, tls=None):
        self.platform, self.cloud = platform, platform.cloud
        self.keys = (access_key, secret_key, session_token)
        self.keyring = Keyring()  # every key that is good here
        self.keyring.add(access_key, secret_key, session_token)
        self.policies = {}  # access key -> IAM policy documents; a key that is not in it may do everything
        self.region = region
        self.random = random.Random(seed)
        self.writer = ec2_protocol.Writer(self.random)
        self.refuse = {}  # (action, instance id or "any") -> refusal
        self.refuse_all = None
        self.fail = collections.defaultdict(list)  # action -> refusals of the next calls
        self.lose = collections.Counter()  # action -> how many of the next calls are carried out and not answered
        self.expired_token = False
        self.reservations_a_page = 1000
        self.pages = {}  # token -> offset
        self.down = False
        super().__init__(ledger, tls)

    # --- who asks, and may they ---

    def verify(self, headers, body):
        key = verify(self.url, headers, body, "ec2", self.region, self.keyring, self.now())
        if self.expired_token:
            raise Refusal(*EXPIRED)
        self.ledger.add("signed", by=key.access, owner=key.owner)
        self.local.key = key

    def arn(self, kind, name="*", account=ACCOUNT):
        return f"arn:aws:ec2:{self.region}:{account}:{kind}/{name}"

    def ask(self, action, resource="*", tags=None, given=None, **context):
        """IAM: UnauthorizedOperation unless allowed. `tags` are the resource's, `given` those of the request."""
        policies = self.policies.get(self.local.key.access)
        if policies is None:
            return
        context["aws:RequestedRegion"] = self.region
        for key, value in (tags or {}).items():
            context[f"ec2:ResourceTag/{key}"] = context[f"aws:ResourceTag/{key}"] = value
        for key, value in (given or {}).items():
            context[f"aws:RequestTag/{key}"] = value
        if given:
            context["aws:TagKeys"] = list(given)
        question = Question(f"ec2:{action}", resource, context)
        if not allowed(policies, question):
            raise Refusal(403, "UnauthorizedOperation", reason(self.local.key.owner, question))

    def ask_tags(self, action, kind, given):
        """Tags with a creation are allowed by CreateTags, with ec2:CreateAction."""
        if given:
            self.ask("CreateTags", self.arn(kind), given=given, **{"ec2:CreateAction": action})

    def dry(self, asked, action, subject=None):
        """The end of a dry run: it tells of permissions alone, never of capacity or state."""
        for key in ((action, "any"), (action, subject)):
            refusal = self.refuse.get(key)
            if refusal and (refusal[1] == "UnauthorizedOperation" or not asked.get("DryRun")):
                raise Refusal(*refusal)
        if asked.get("DryRun"):
            raise Refusal(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
        if self.fail[action]:
            raise Refusal(*self.fail[action].pop(0))

    # --- filters and pages ---

    @staticmethod
    def wanted(asked, shown, tags):
        for one in asked.get("Filters", []):
            name, values = one["Name"], one.get("Values", [])
            if name.startswith("tag:"):
                found = [tags[name[4:]]] if name[4:] in tags else []
            elif name == "tag-key":
                found = list(tags)
            elif name in shown:
                found = shown[name] if isinstance(shown[name], list) else [shown[name]]
            else:
                raise Refusal(400, "InvalidParameterValue", f"The filter '{name}' is invalid")
            if not any(matches(value, text) for value in values for text in found):
                return False
        return True

    def page(self, asked, rows, size=1000, ids=None):
        """(rows of this page, next token or None)."""
        if "MaxResults" in asked:
            if ids:
                raise Refusal(400, "InvalidParameterCombination", "The parameter MaxResults cannot be used with ids")
            if not 5 <= asked["MaxResults"] <= 1000:
                raise Refusal(400, "InvalidParameterValue", "MaxResults")
        offset = 0
        if "NextToken" in asked:
            if asked["NextToken"] not in self.pages:
                raise Refusal(400, "InvalidPaginationToken", "The pagination token is not valid")
            offset = self.pages.pop(asked["NextToken"])
        size = min(asked.get("MaxResults", 1000), size)
        if offset + size >= len(rows):
            return rows[offset:], None
        token = uuid.uuid4().hex + "/+=="
        self.pages[token] = offset + size
        return rows[offset : offset + size], token

    # --- instances ---

    def find_instance(self, name):
        instance = self.cloud.instances.get(name)
        if instance is None or instance.unseen > 0:
            raise not_found("InvalidInstanceID.NotFound", f"instance ID '{name}'")
        return instance

    def row(self, i):
        public, elastic = self.cloud.public(i), self.cloud.elastic(i)
        interface = {
            "NetworkInterfaceId": f"eni-{i.id[2:]}",
            "Status": "in-use",
            "PrivateIpAddress": i.address,
            "SubnetId": i.subnet,
            "Groups": [{"GroupId": group} for group in i.groups],
            "Attachment": {"DeviceIndex": 0, "Status": "attached"},
            "PrivateIpAddresses": [{"PrivateIpAddress": i.address, "Primary": True}],
        }
        if public:
            interface["Association"] = {"PublicIp": public, "IpOwnerId": ACCOUNT if elastic else "amazon"}
        row = {
            "InstanceId": i.id,
            "ImageId": i.image,
            "InstanceType": i.type,
            "State": {"Code": CODES[i.state] + 256 * self.random.randrange(2), "Name": i.state},
            "LaunchTime": moment(i.launched),
            "Placement": {"AvailabilityZone": self.region + "a", "GroupName": "", "Tenancy": i.tenancy},
            "PublicDnsName": "",
            "EnaSupport": i.ena or None,
            "KeyName": i.key_name,
            "ClientToken": i.client_token,
            "ProductCodes": [],
            "SecurityGroups": [{"GroupId": group, "GroupName": self.cloud.groups[group].name} for group in i.groups],
            "Monitoring": {"State": "disabled"},
            "Tags": tag_list(i.tags),
        }
        if i.state != "terminated":
            row |= {"PrivateIpAddress": i.address, "PublicIpAddress": public, "SubnetId": i.subnet, "VpcId": cloud_model.VPC}
            row["NetworkInterfaces"] = [interface]
        if i.reason:
            row["StateReason"] = {"Code": i.reason, "Message": f"{i.reason}: done"}
        return row

    def shown(self, i):
        return {
            "instance-id": i.id,
            "private-ip-address": i.address,
            "network-interface.addresses.private-ip-address": i.address,
            "ip-address": self.cloud.public(i) or [],
            "instance-state-name": i.state,
            "client-token": i.client_token,
            "instance-type": i.type,
            "subnet-id": i.subnet,
        }

    def DescribeInstances(self, asked):
        self.ask("DescribeInstances")
        self.dry(asked, "DescribeInstances")
        every = list(self.cloud.instances.values())
        for instance in every:
            instance.unseen -= instance.unseen > 0
        ids = asked.get("InstanceIds")
        found = [self.find_instance(name) for name in ids] if ids else [i for i in every if not i.unseen]
        found = [i for i in found if self.wanted(asked, self.shown(i), i.tags)]
        filters = asked.get("Filters", [])
        self.ledger.add("describe", filter=filters[0]["Name"] if filters else None)
        rows, token = self.page(asked, found, self.reservations_a_page, ids)
        reservations = [
            {"ReservationId": f"r-{i.id[2:]}", "OwnerId": ACCOUNT, "Groups": [], "Instances": [self.row(i)]} for i in rows
        ]
        return {"Reservations": reservations, "NextToken": token}

    @staticmethod
    def one_id(asked):
        if len(asked["InstanceIds"]) != 1:
            raise Refusal(400, "InvalidParameterCombination", "this account changes one instance at a time")
        return asked["InstanceIds"][0]

    def change(self, action, asked):
        i = self.find_instance(self.one_id(asked))
        node = self.platform.node_of(i)
        name = node.name if node else i.id
        self.ask(action, self.arn("instance", i.id), i.tags)
        try:
            self.dry(asked, action, i.id)
        except Refusal as refusal:
            if refusal.args[1] != "DryRunOperation" and not asked.get("DryRun"):
                self.ledger.add(action, node=name, code=refusal.args[1])
            raise
        refused = {"StartInstances": ("stopping", "shutting-down", "terminated"), "StopInstances": ("shutting-down", "terminated")}
        if i.state in refused.get(action, ()):
            raise Refusal(400, "IncorrectInstanceState", f"The instance '{i.id}' is not in a state for {action}: {i.state}.")
        facts = {"node": name, "code": None, "busy": bool(node and node.conferences), "maintenance": node and node.maintenance}
        deed = {"StartInstances": self.platform.start, "StopInstances": self.platform.stop, "TerminateInstances": self.platform.terminate}
        previous = deed[action](i)
        self.ledger.add(action, previous=previous, instance=i.id, **facts)
        return {
            "InstanceId": i.id,
            "PreviousState": {"Code": CODES[previous], "Name": previous},
            "CurrentState": {"Code": CODES[i.state], "Name": i.state},
        }

    def StartInstances(self, asked):
        return {"StartingInstances": [self.change("StartInstances", asked)]}

    def StopInstances(self, asked):
        return {"StoppingInstances": [self.change("StopInstances", asked)]}

    def TerminateInstances(self, asked):
        return {"TerminatingInstances": [self.change("TerminateInstances", asked)]}

    def ModifyInstanceAttribute(self, asked):
        i = self.find_instance(asked["InstanceId"])
        changes = set(asked) - {"InstanceId", "DryRun"}
        if len(changes) != 1:
            raise Refusal(400, "InvalidParameterCombination", "Fields for multiple attribute types specified")
        self.ask("ModifyInstanceAttribute", self.arn("instance", i.id), i.tags)
        self.dry(asked, "ModifyInstanceAttribute", i.id)
        if i.state != "stopped":
            raise Refusal(400, "IncorrectInstanceState", f"The instance '{i.id}' is not in the 'stopped' state.")
        if changes == {"InstanceType"}:
            if not TYPES.fullmatch(asked["InstanceType"]["Value"]):
                raise Refusal(400, "InvalidInstanceAttributeValue", "Invalid value for attribute instanceType")
            i.type = asked["InstanceType"]["Value"]
        elif changes == {"EnaSupport"}:
            i.ena = asked["EnaSupport"]["Value"]
        else:
            raise Refusal(400, "UnsupportedInstanceAttribute", f"{changes} is not modelled here")
        self.ledger.add("modify", instance=i.id, change=changes.pop(), to=i.type)
        return None

    # --- launching ---

    def launch_faults(self, asked, place):
        cloud = self.cloud
        if asked["ImageId"] not in cloud.images:
            raise not_found("InvalidAMIID.NotFound", f"image id '[{asked['ImageId']}]'")
        if place["subnet"] not in cloud.subnets:
            raise not_found("InvalidSubnetID.NotFound", f"subnet ID '{place['subnet']}'")
        for group in place["groups"]:
            if group not in cloud.groups:
                raise not_found("InvalidGroup.NotFound", f"security group '{group}'")
        if "KeyName" in asked and asked["KeyName"] not in cloud.key_names:
            raise not_found("InvalidKeyPair.NotFound", f"key pair '{asked['KeyName']}'")
        if not TYPES.fullmatch(asked["InstanceType"]):
            raise Refusal(400, "InvalidParameterValue", f"Invalid value '{asked['InstanceType']}' for InstanceType.")

    def launch_place(self, asked):
        """Subnet and groups, given in one of the two ways, never in both."""
        interfaces = asked.get("NetworkInterfaces", [])
        top = {"SubnetId", "SecurityGroupIds", "PrivateIpAddress"} & set(asked)
        if interfaces and top or len(interfaces) > 1:
            raise Refusal(400, "InvalidParameterCombination", "Network interfaces and an instance-level subnet or group may not be mixed")
        one = interfaces[0] if interfaces else asked
        groups = one.get("Groups" if interfaces else "SecurityGroupIds", [])
        if interfaces and one.get("DeviceIndex") != 0 or "SubnetId" not in one:
            raise Refusal(400, "MissingParameter", "DeviceIndex and SubnetId are needed")
        return {"subnet": one["SubnetId"], "groups": groups, "public": one.get("AssociatePublicIpAddress")}

    def launch_rights(self, asked, place, tags):
        instance = {"ec2:InstanceType": asked["InstanceType"], "ec2:Tenancy": asked.get("Placement", {}).get("Tenancy", "default")}
        image = self.cloud.images[asked["ImageId"]]
        self.ask("RunInstances", self.arn("instance"), given=tags.get("instance"), **instance)
        self.ask("RunInstances", self.arn("volume"), given=tags.get("volume"))
        self.ask("RunInstances", self.arn("network-interface"), given=tags.get("network-interface"))
        self.ask("RunInstances", self.arn("subnet", place["subnet"]))
        self.ask("RunInstances", self.arn("image", image.id, ""), **{"ec2:Owner": image.owner, "ec2:ImageID": image.id})
        for group in place["groups"]:
            self.ask("RunInstances", self.arn("security-group", group), self.cloud.groups[group].tags)
        if "KeyName" in asked:
            self.ask("RunInstances", self.arn("key-pair", asked["KeyName"]))
        for kind, given in tags.items():
            self.ask_tags("RunInstances", kind, given)

    def launched_before(self, asked):
        """RULE of client tokens: the same launch is the same instance."""
        for i in self.cloud.instances.values():
            if i.client_token and i.client_token == asked.get("ClientToken"):
                if i.asked != asked:
                    raise Refusal(400, "IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent")
                if i.state in ("shutting-down", "terminated"):
                    raise Refusal(400, "IdempotentInstanceTerminated", "The instance of this client token has been terminated.")
                return i
        return None

    def launch(self, asked, place, tags):
        subnet = self.cloud.subnets[place["subnet"]]
        if asked["InstanceType"] not in self.cloud.offered:
            raise Refusal(400, "Unsupported", f"Your requested instance type ({asked['InstanceType']}) is not supported in {subnet.zone}.")
        if subnet.full:
            raise Refusal(400, "InsufficientFreeAddressesInSubnet", f"There are not enough free addresses in subnet '{subnet.id}'")
        public = subnet.public_on_launch if place["public"] is None else place["public"]
        i = cloud_model.Instance(
            new_id("i"),
            self.cloud.free_private(subnet),
            "pending",
            asked["InstanceType"],
            asked["ImageId"],
            asked.get("Placement", {}).get("Tenancy", "default"),
            subnet.id,
            place["groups"],
            asked.get("KeyName", ""),
            not asked["InstanceType"].startswith(cloud_model.OLD_TYPES),
            tags.get("instance", {}),
            asked.get("ClientToken", ""),
            asked,
            public,
            launched=self.now(),
            unseen=self.cloud.lag,
        )
        self.cloud.give_public(i)
        self.cloud.instances[i.id] = i
        self.ledger.add("RunInstances", instance=i.id, token=i.client_token)
        return i

    def RunInstances(self, asked):
        if (asked["MinCount"], asked["MaxCount"]) != (1, 1):
            raise Refusal(400, "InvalidParameterValue", "this account launches one instance at a time")
        if len(asked.get("ClientToken", "")) > 64:
            raise Refusal(400, "InvalidClientToken", "The client token is too long")
        place = self.launch_place(asked)
        self.launch_faults(asked, place)
        tags = {spec["ResourceType"]: tag_dict(spec["Tags"]) for spec in asked.get("TagSpecifications", [])}
        self.launch_rights(asked, place, tags)
        self.dry(asked, "RunInstances")
        i = self.launched_before(asked) or self.launch(asked, place, tags)
        return {"ReservationId": f"r-{i.id[2:]}", "OwnerId": ACCOUNT, "Groups": [], "Instances": [self.row(i)]}

    # --- tags ---

    def tags_of(self, resource):
        """(kind, tags) of anything that has some."""
        if resource.startswith("i-"):
            return "instance", self.find_instance(resource).tags
        for kind, rows in (("elastic-ip", self.cloud.addresses), ("security-group", self.cloud.groups)):
            if resource in rows:
                return kind, rows[resource].tags
        raise Refusal(400, "InvalidID", f"The ID '{resource}' is not valid")

    def CreateTags(self, asked):
        given = tag_dict(asked["Tags"])
        if any(key.startswith("aws:") or len(key) > 128 or len(value) > 256 for key, value in given.items()):
            raise Refusal(400, "InvalidTagKey.Malformed", "Tag keys starting with 'aws:' are reserved for internal use")
        for resource in asked["Resources"]:
            kind, tags = self.tags_of(resource)
            self.ask("CreateTags", self.arn(kind, resource), tags, given)
        self.dry(asked, "CreateTags")
        for resource in asked["Resources"]:
            self.tags_of(resource)[1].update(given)
        self.ledger.add("tag", resources=asked["Resources"], tags=given)

    def DeleteTags(self, asked):
        if "Tags" not in asked:
            raise Refusal(400, "InvalidParameterCombination", "every tag of a resource would be deleted")
        for resource in asked["Resources"]:
            kind, tags = self.tags_of(resource)
            self.ask("DeleteTags", self.arn(kind, resource), tags, tag_dict(asked["Tags"]))
        self.dry(asked, "DeleteTags")
        for resource in asked["Resources"]:
            tags = self.tags_of(resource)[1]
            for tag in asked["Tags"]:
                if "Value" not in tag or tags.get(tag["Key"]) == tag["Value"]:
                    tags.pop(tag["Key"], None)
        self.ledger.add("untag", resources=asked["Resources"], keys=[tag["Key"] for tag in asked["Tags"]])

    # --- addresses ---

    def find_address(self, allocation):
        if allocation not in self.cloud.addresses:
            raise not_found("InvalidAllocationID.NotFound", f"allocation ID '{allocation}'")
        return self.cloud.addresses[allocation]

    def AllocateAddress(self, asked):
        specs = asked.get("TagSpecifications", [])
        tags = tag_dict(specs[0]["Tags"]) if specs else {}
        if any(spec["ResourceType"] != "elastic-ip" for spec in specs):
            raise Refusal(400, "InvalidParameterValue", "TagSpecification: elastic-ip is what is made here")
        self.ask("AllocateAddress", self.arn("elastic-ip"), given=tags)
        self.ask_tags("AllocateAddress", "elastic-ip", tags)
        self.dry(asked, "AllocateAddress")
        if len(self.cloud.addresses) >= self.cloud.most_addresses:
            raise Refusal(400, "AddressLimitExceeded", "The maximum number of addresses has been reached.")
        address = cloud_model.Address(new_id("eipalloc"), self.cloud.next_public(), tags)
        self.cloud.addresses[address.allocation] = address
        self.ledger.add("AllocateAddress", allocation=address.allocation)
        return {"PublicIp": address.public, "AllocationId": address.allocation, "Domain": "vpc", "NetworkBorderGroup": self.region}

    def DescribeAddresses(self, asked):
        self.ask("DescribeAddresses")
        self.dry(asked, "DescribeAddresses")
        found = [self.find_address(a) for a in asked["AllocationIds"]] if "AllocationIds" in asked else self.cloud.addresses.values()
        rows = []
        for a in found:
            shown = {"allocation-id": a.allocation, "instance-id": a.instance or [], "public-ip": a.public}
            if self.wanted(asked, shown, a.tags):
                row = {"PublicIp": a.public, "AllocationId": a.allocation, "Domain": "vpc", "Tags": tag_list(a.tags)}
                if a.association:
                    row |= {"InstanceId": a.instance, "AssociationId": a.association, "NetworkInterfaceId": f"eni-{a.instance[2:]}"}
                    row["PrivateIpAddress"] = self.cloud.instances[a.instance].address
                rows.append(row)
        return {"Addresses": rows}

    def AssociateAddress(self, asked):
        address, i = self.find_address(asked["AllocationId"]), self.find_instance(asked["InstanceId"])
        self.ask("AssociateAddress", self.arn("elastic-ip", address.allocation), address.tags)
        self.ask("AssociateAddress", self.arn("instance", i.id), i.tags)
        self.dry(asked, "AssociateAddress", i.id)
        if i.state not in ("running", "stopped", "stopping"):
            raise Refusal(400, "IncorrectInstanceState", f"The pending instance '{i.id}' is not in a valid state for this operation.")
        if address.instance not in (None, i.id) and asked.get("AllowReassociation") is False:
            raise Refusal(400, "Resource.AlreadyAssociated", f"resource {address.allocation} is already associated")
        if address.instance != i.id:
            self.platform.cut(self.platform.node_of(i), "AssociateAddress")
            address.instance, address.association, i.public = i.id, new_id("eipassoc"), None
        self.ledger.add("AssociateAddress", allocation=address.allocation, instance=i.id)
        return {"AssociationId": address.association}

    def DisassociateAddress(self, asked):
        address = next((a for a in self.cloud.addresses.values() if a.association == asked["AssociationId"]), None)
        if address is None:
            raise not_found("InvalidAssociationID.NotFound", f"association ID '{asked['AssociationId']}'")
        i = self.cloud.instances[address.instance]
        self.ask("DisassociateAddress", self.arn("elastic-ip", address.allocation), address.tags)
        self.dry(asked, "DisassociateAddress")
        self.platform.cut(self.platform.node_of(i), "DisassociateAddress")
        address.instance = address.association = None
        self.ledger.add("DisassociateAddress", allocation=address.allocation)

    def ReleaseAddress(self, asked):
        address = self.find_address(asked["AllocationId"])
        self.ask("ReleaseAddress", self.arn("elastic-ip", address.allocation), address.tags)
        self.dry(asked, "ReleaseAddress")
        if address.association:
            raise Refusal(400, "InvalidIPAddress.InUse", f"The address {address.public} is in use.")
        del self.cloud.addresses[address.allocation]
        self.ledger.add("ReleaseAddress", allocation=address.allocation)

    # --- security groups ---

    def find_group(self, group):
        if group not in self.cloud.groups:
            raise not_found("InvalidGroup.NotFound", f"security group '{group}'")
        return self.cloud.groups[group]

    def DescribeSecurityGroups(self, asked):
        self.ask("DescribeSecurityGroups")
        self.dry(asked, "DescribeSecurityGroups")
        found = [self.find_group(g) for g in asked["GroupIds"]] if "GroupIds" in asked else list(self.cloud.groups.values())
        found = [g for g in found if self.wanted(asked, {"group-id": g.id, "group-name": g.name, "vpc-id": g.vpc}, g.tags)]
        rows, token = self.page(asked, found, ids=asked.get("GroupIds"))
        groups = [
            {
                "OwnerId": ACCOUNT,
                "GroupId": g.id,
                "GroupName": g.name,
                "Description": g.description,
                "VpcId": g.vpc,
                "IpPermissions": g.ingress,
                "IpPermissionsEgress": g.egress,
                "Tags": tag_list(g.tags),
            }
            for g in rows
        ]
        return {"SecurityGroups": groups, "NextToken": token}

    def CreateSecurityGroup(self, asked):
        specs = asked.get("TagSpecifications", [])
        tags = tag_dict(specs[0]["Tags"]) if specs else {}
        self.ask("CreateSecurityGroup", self.arn("security-group"), given=tags)
        self.ask("CreateSecurityGroup", self.arn("vpc", asked["VpcId"]))
        self.ask_tags("CreateSecurityGroup", "security-group", tags)
        self.dry(asked, "CreateSecurityGroup")
        if asked["VpcId"] != cloud_model.VPC:
            raise not_found("InvalidVpcID.NotFound", f"vpc ID '{asked['VpcId']}'")
        if any(g.name == asked["GroupName"] for g in self.cloud.groups.values()):
            raise Refusal(400, "InvalidGroup.Duplicate", f"The security group '{asked['GroupName']}' already exists")
        group = cloud_model.Group(new_id("sg"), asked["GroupName"], asked["Description"], asked["VpcId"], tags)
        self.cloud.groups[group.id] = group
        self.ledger.add("CreateSecurityGroup", group=group.id)
        return {"GroupId": group.id, "Tags": tag_list(tags)}

    def DeleteSecurityGroup(self, asked):
        group = self.find_group(asked["GroupId"])
        self.ask("DeleteSecurityGroup", self.arn("security-group", group.id), group.tags)
        self.dry(asked, "DeleteSecurityGroup")
        if any(group.id in i.groups and i.state != "terminated" for i in self.cloud.instances.values()):
            raise Refusal(400, "DependencyViolation", f"resource {group.id} has a dependent object")
        del self.cloud.groups[group.id]
        self.ledger.add("DeleteSecurityGroup", group=group.id)

    def authorize(self, action, asked, direction):
        group = self.find_group(asked["GroupId"])
        self.ask(action, self.arn("security-group", group.id), group.tags)
        self.dry(asked, action)
        rules = getattr(group, direction)
        for rule in asked["IpPermissions"]:
            for pair in rule.get("UserIdGroupPairs", []):
                self.find_group(pair["GroupId"])
            if rule in rules:
                raise Refusal(400, "InvalidPermission.Duplicate", "the specified rule already exists")
        rules += asked["IpPermissions"]
        self.ledger.add("authorize", group=group.id, direction=direction)
        return {"Return": True}

    def AuthorizeSecurityGroupIngress(self, asked):
        return self.authorize("AuthorizeSecurityGroupIngress", asked, "ingress")

    def AuthorizeSecurityGroupEgress(self, asked):
        return self.authorize("AuthorizeSecurityGroupEgress", asked, "egress")

    # --- what a launch needs ---

    def DescribeImages(self, asked):
        self.ask("DescribeImages")
        self.dry(asked, "DescribeImages")
        rows = []
        for image in self.cloud.images.values():
            shown = {"name": image.name, "state": image.state, "image-id": image.id, "owner-id": image.owner, "architecture": "x86_64"}
            if image.owner in asked.get("Owners", [image.owner]) and self.wanted(asked, shown, {}):
                rows.append(image)
        rows, token = self.page(asked, rows)
        images = [
            {
                "ImageId": image.id,
                "Name": image.name,
                "State": image.state,
                "OwnerId": image.owner,
                "Public": True,
                "CreationDate": image.created,
                "EnaSupport": True,
                "Architecture": "x86_64",
                "RootDeviceType": "ebs",
                "RootDeviceName": "/dev/sda1",
                "VirtualizationType": "hvm",
            }
            for image in rows
        ]
        answer = {"Images": images}
        if token:
            raise Refusal(400, "InvalidParameterValue", "more pages of images than the model of this fake can show")
        return answer

    def DescribeSubnets(self, asked):
        self.ask("DescribeSubnets")
        self.dry(asked, "DescribeSubnets")
        for name in asked.get("SubnetIds", []):
            if name not in self.cloud.subnets:
                raise not_found("InvalidSubnetID.NotFound", f"subnet ID '{name}'")
        found = [
            s
            for s in self.cloud.subnets.values()
            if s.id in asked.get("SubnetIds", [s.id]) and self.wanted(asked, {"subnet-id": s.id, "vpc-id": cloud_model.VPC}, {})
        ]
        rows, token = self.page(asked, found, ids=asked.get("SubnetIds"))
        subnets = [
            {
                "SubnetId": s.id,
                "VpcId": cloud_model.VPC,
                "State": "available",
                "CidrBlock": s.cidr,
                "AvailabilityZone": s.zone,
                "AvailableIpAddressCount": 0 if s.full else 4000,
                "MapPublicIpOnLaunch": s.public_on_launch,
            }
            for s in rows
        ]
        return {"Subnets": subnets, "NextToken": token}

    def DescribeNetworkAcls(self, asked):
        self.ask("DescribeNetworkAcls")
        self.dry(asked, "DescribeNetworkAcls")
        entries = [
            {"RuleNumber": number, "Protocol": "-1", "RuleAction": deed, "Egress": egress, "CidrBlock": "0.0.0.0/0"}
            for egress in (False, True)
            for number, deed in ((100, "allow"), (32767, "deny"))
        ]
        associations = [
            {"NetworkAclId": "acl-0d40", "SubnetId": subnet, "NetworkAclAssociationId": f"aclassoc-{n}"}
            for n, subnet in enumerate(self.cloud.subnets)
        ]
        shown = {"association.subnet-id": list(self.cloud.subnets), "vpc-id": cloud_model.VPC}
        acl = {"NetworkAclId": "acl-0d40", "VpcId": cloud_model.VPC, "IsDefault": True, "Entries": entries, "Associations": associations}
        return {"NetworkAcls": [acl] if self.wanted(asked, shown, {}) else []}

    def DescribeKeyPairs(self, asked):
        self.ask("DescribeKeyPairs")
        self.dry(asked, "DescribeKeyPairs")
        for name in asked.get("KeyNames", []):
            if name not in self.cloud.key_names:
                raise not_found("InvalidKeyPair.NotFound", f"key pair '{name}'")
        found = [name for name in self.cloud.key_names if name in asked.get("KeyNames", [name])]
        found = [name for name in found if self.wanted(asked, {"key-name": name}, {})]
        return {"KeyPairs": [{"KeyName": name, "KeyPairId": "key-0e50", "KeyType": "ed25519"} for name in found]}

    def DescribeInstanceTypeOfferings(self, asked):
        self.ask("DescribeInstanceTypeOfferings")
        self.dry(asked, "DescribeInstanceTypeOfferings")
        kind = asked.get("LocationType", "region")
        where = self.region + "a" if kind == "availability-zone" else self.region
        rows = [t for t in sorted(self.cloud.offered) if self.wanted(asked, {"instance-type": t, "location": where}, {})]
        rows, token = self.page(asked, rows)
        return {"InstanceTypeOfferings": [{"InstanceType": t, "LocationType": kind, "Location": where} for t in rows], "NextToken": token}

    # --- answering ---

    def act(self, form):
        if self.refuse_all:
            raise Refusal(*self.refuse_all)
        action, asked = ec2_protocol.arguments(form)
        call = getattr(self, action, None)
        if call is None:
            raise Refusal(400, "InvalidAction", f"The action {action} is not modelled here.")
        if not action.startswith("Describe"):
            self.ledger.add("ec2_change", action=action, dry=bool(asked.get("DryRun")), by=self.local.key.access)
        return action, self.writer.answer(action, call(asked))

    def error(self, status, code, message):
        self.ledger.add("allowed" if code == "DryRunOperation" else "refused", code=code)
        return ec2_protocol.error(status, code, message)

    def answer(self, method, path, headers, body):
        self.ledger.add("ec2")
        if self.down:
            return None
        with self.platform.lock:
            self.platform.advance()
            try:
                if method != "POST" or path != "/":
                    raise Refusal(400, "MalformedQueryString", "POST / only")
                self.verify(headers, body)
                form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
                action, answer = self.act(form)
            except Refusal as refusal:
                return self.error(*refusal.args)
            if self.lose[action] > 0:
                self.lose[action] -= 1
                self.ledger.add("lost", action=action)
                return None
            return answer
