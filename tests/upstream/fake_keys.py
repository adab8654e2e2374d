"""
Where temporary AWS keys come from, each a server that is not burstd's own: STS, a container endpoint, the instance metadata
service. They issue keys into one keyring, which EC2's fake then knows. `lasts` is how long the next keys are good, in seconds.
"""

import json
import urllib.parse
import uuid
from xml.sax.saxutils import escape

from fake_http import Fake
from sigv4 import Refusal, verify

XML = {"Content-Type": "text/xml"}
JSON = {"Content-Type": "application/json"}
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class Source(Fake):
    def __init__(self, ledger, keyring):
        self.keyring = keyring
        self.lasts = 3600
        self.refusal = None  # of every request: (status, code, message)
        super().__init__(ledger)

    def issue(self, owner):
        """Keys with at least `lasts` seconds before them."""
        key = self.keyring.issue(owner, self.now() + self.lasts + 1)
        self.ledger.add("issued", owner=owner, access=key.access)
        return key


class FakeSTS(Source):
    """Roles are {arn: {"users": access keys or role ARNs that may ask, "external_id": ..., "token": ...}}."""

    def __init__(self, ledger, keyring, region="eu-west-1"):
        self.region = region
        self.roles = {}
        super().__init__(ledger, keyring)

    def error(self, status, code, message):
        self.ledger.add("sts_refused", code=code)
        text = (
            f'<ErrorResponse xmlns="{NAMESPACE}">\n  <Error>\n    <Type>Sender</Type>\n    <Code>{code}</Code>\n'
            f"    <Message>{escape(message)}</Message>\n  </Error>\n  <RequestId>{uuid.uuid4()}</RequestId>\n</ErrorResponse>\n"
        )
        return status, XML, text.encode()

    def keys(self, action, arn, session):
        key = self.issue(arn)
        text = f"""<{action}Response xmlns="{NAMESPACE}">
  <{action}Result>
    <AssumedRoleUser>
      <AssumedRoleId>AROAFAKEFAKEFAKEFAKE0:{session}</AssumedRoleId>
      <Arn>{arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")}/{session}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>{key.access}</AccessKeyId>
      <SecretAccessKey>{key.secret}</SecretAccessKey>
      <SessionToken>{key.token}</SessionToken>
      <Expiration>{key.expiration()}</Expiration>
    </Credentials>
    <PackedPolicySize>6</PackedPolicySize>
  </{action}Result>
  <ResponseMetadata>
    <RequestId>{uuid.uuid4()}</RequestId>
  </ResponseMetadata>
</{action}Response>
"""
        return 200, XML, text.encode()

    def role(self, form):
        role = self.roles.get(form["RoleArn"])
        if role is None:
            raise Refusal(403, "AccessDenied", f"Not authorized to perform sts:AssumeRole on resource: {form['RoleArn']}")
        return role

    def assume_role(self, headers, body, form):
        key = verify(self.url, headers, body, "sts", self.region, self.keyring, self.now())
        role = self.role(form)
        if key.owner not in role["askers"] or role.get("external_id") != form.get("ExternalId"):
            raise Refusal(403, "AccessDenied", f"User: {key.owner} is not authorized to perform: sts:AssumeRole")
        return self.keys("AssumeRole", form["RoleArn"], form["RoleSessionName"])

    def assume_role_with_web_identity(self, headers, body, form):
        if headers.get("Authorization") or headers.get("X-Amz-Security-Token"):
            raise Refusal(400, "ValidationError", "this request is not signed")
        if self.role(form).get("token") != form["WebIdentityToken"]:
            raise Refusal(400, "InvalidIdentityToken", "The web identity token that was passed could not be validated")
        return self.keys("AssumeRoleWithWebIdentity", form["RoleArn"], form["RoleSessionName"])

    def answer(self, method, path, headers, body):
        try:
            if self.refusal:
                raise Refusal(*self.refusal)
            form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
            if method != "POST" or path != "/" or form.get("Version") != "2011-06-15":
                raise Refusal(400, "InvalidAction", "POST / and 2011-06-15 only")
            call = {
                "AssumeRole": self.assume_role,
                "AssumeRoleWithWebIdentity": self.assume_role_with_web_identity,
            }[form["Action"]]
            return call(headers, body, form)
        except Refusal as refusal:
            return self.error(*refusal.args)


class FakeContainer(Source):
    """ECS's and EKS's endpoint: one path, and a token in the Authorization header."""

    def __init__(self, ledger, keyring):
        self.token = None
        self.path = "/v1/credentials"
        super().__init__(ledger, keyring)

    def answer(self, method, path, headers, body):
        if self.refusal:
            status, code, message = self.refusal
            return status, JSON, json.dumps({"code": code, "message": message}).encode()
        if method != "GET" or path != self.path or headers.get("Authorization") != self.token:
            return 401, JSON, json.dumps({"code": "Unauthorized", "message": "the token is another one"}).encode()
        key = self.issue("container")
        keys = {"AccessKeyId": key.access, "SecretAccessKey": key.secret, "Token": key.token, "Expiration": key.expiration()}
        return 200, JSON, json.dumps(keys | {"AccountId": "111122223333", "RoleArn": "arn:x"}).encode()


class FakeMetadata(Source):
    """IMDSv2 of an EC2 instance with a role."""

    TOKEN = "AQAEAFakeMetadataToken=="
    KEYS = "/latest/meta-data/iam/security-credentials/"

    def answer(self, method, path, headers, body):
        text = {"Content-Type": "text/plain"}
        if method == "PUT" and path == "/latest/api/token" and headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
            return 200, text, self.TOKEN.encode()
        if headers.get("X-aws-ec2-metadata-token") != self.TOKEN:
            return 401, text, b""
        if path == self.KEYS:
            return 200, text, b"node-role"
        if path != self.KEYS + "node-role":
            return 404, text, b""
        key = self.issue("instance")
        keys = {"AccessKeyId": key.access, "SecretAccessKey": key.secret, "Token": key.token, "Expiration": key.expiration()}
        return 200, text, json.dumps(keys | {"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": key.expiration()}).encode()
