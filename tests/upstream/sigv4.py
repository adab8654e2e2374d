"""Signature Version 4 as AWS's services check it, with botocore's own signer: what EC2's and STS's fakes share."""

import dataclasses
import datetime
import hashlib
import hmac
import re
import secrets
import threading

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

MOST_SKEW = 900  # seconds

NOT_VALID = (401, "AuthFailure", "AWS was not able to validate the provided access credentials")
EXPIRED = (400, "RequestExpired", "Request has expired.")


class Refusal(Exception):
    """An answer in an error envelope of AWS's: status, code, message."""


@dataclasses.dataclass
class Key:
    access: str
    secret: str
    token: str | None = None
    until: float | None = None  # None = for ever
    owner: str = "user"

    def expiration(self):
        return datetime.datetime.fromtimestamp(self.until, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Keyring:
    """The keys that are good: those of users, and temporary ones that were issued."""

    def __init__(self):
        self.lock = threading.Lock()
        self.keys = {}

    def add(self, access, secret, token=None, until=None, owner="user"):
        with self.lock:
            return self.keys.setdefault(access, Key(access, secret, token, until, owner))

    def issue(self, owner, until):
        """Temporary keys with an end on a whole second, as AWS's have; the token has every character that one may have."""
        access = "ASIA" + secrets.token_hex(8).upper()
        token = "FwoGZ/+-_" + secrets.token_urlsafe(600) + "=="
        return self.add(access, secrets.token_urlsafe(30), token, float(int(until)), owner)

    def find(self, access):
        with self.lock:
            return self.keys.get(access)

    def secrets(self):
        """Everything that nobody may be told."""
        with self.lock:
            return [text for key in self.keys.values() for text in (key.secret, key.token) if text]


def same_text(a, b):
    return hmac.compare_digest(a.encode(), b.encode())


def verify(url, headers, body, service, region, keyring, now):
    """The key that signed the request; Refusal in EC2's words otherwise."""
    given = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/" + service + r"/aws4_request, ?"
        r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
        headers.get("Authorization") or "",
    )
    if not given:
        raise Refusal(400, "MissingAuthenticationToken", "Request is missing Authentication Token")
    access, _, signed_region, signed, signature = given.groups()
    key = keyring.find(access)
    if key is None:
        raise Refusal(403, "InvalidClientTokenId", "The AWS access key ID provided does not exist in our records.")
    if signed_region != region:
        raise Refusal(*NOT_VALID)
    verify_time(headers["X-Amz-Date"], now)
    if not same_text(signature, expected(url, headers, body, signed.split(";"), key, service, region)):
        raise Refusal(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
    if key.token and (headers.get("X-Amz-Security-Token") != key.token or "x-amz-security-token" not in signed):
        raise Refusal(*NOT_VALID)
    if key.until is not None and now >= key.until:
        raise Refusal(*EXPIRED)
    return key


def verify_time(text, now):
    sent = datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
    if abs(sent - now) > MOST_SKEW:
        raise Refusal(*EXPIRED)


def expected(url, headers, body, signed, key, service, region):
    """What botocore signs for the same request."""
    request = AWSRequest("POST", url + "/", data=body)
    for name in signed:
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["X-Amz-Date"]
    given = headers.get("X-Amz-Content-SHA256")
    if given and given != hashlib.sha256(body).hexdigest():
        raise Refusal(403, "SignatureDoesNotMatch", "The payload's hash is another one.")
    signer = SigV4Auth(Credentials(key.access, key.secret), service, region)
    canonical = signer.canonical_request(request)
    return signer.signature(signer.string_to_sign(request, canonical), request)
