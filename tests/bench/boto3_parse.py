#!/usr/bin/python3 -B
"""Reads one DescribeInstances answer with boto3's own parser; says on stderr what it cost.

boto3_parse.py FILE
"""

import resource
import sys
import time

import botocore.parsers
import botocore.session


def peak_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


session = botocore.session.Session()
model = session.get_service_model("ec2")
shape = model.operation_model("DescribeInstances").output_shape
parser = botocore.parsers.create_parser(model.protocol)
with open(sys.argv[1], "rb") as f:
    answer = {"status_code": 200, "headers": {}, "body": f.read()}
before = peak_kb()
start = time.process_time()
parsed = parser.parse(answer, shape)
took = time.process_time() - start
assert parsed["Reservations"][0]["Instances"][0]["InstanceType"] == "c5.2xlarge"
print(f"us={took * 1e6:.0f} mb={(peak_kb() - before) / 1000:.1f}", file=sys.stderr)
