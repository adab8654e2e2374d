"""
What is wrong, in words that an operator can act on: each misconfiguration makes /readyz a 503, and both /readyz and /v1/status
name the source, say what happened and what to do. No secret is told; the fixture looks for them in every reply and in the log.
"""

import socket

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from daemon import until
from fake_infinity import FakeInfinity
from upstream_site import Certificate, pin_of

EC2 = "ec2:eu-west-1"


def fault_of(site, name, besides=("tag_value_unknown",)):
    """The source's line in /readyz and in /v1/status, once both tell an error; `besides` are not the ones waited for."""

    def told():
        ready = site.burstd.ready()
        line = next((s for s in ready.json()["sources"] if s["name"] == name), None)
        return line and line["error"] and line["error_id"] not in besides and ready.status_code == 503 and line

    in_ready = until(told, lambda: f"{name} is in error: {site.burstd.ready().text}")
    in_status = site.burstd.source(name)
    for line in (in_ready, in_status):
        assert line["fresh"] is False and line["error_id"] == in_ready["error_id"] and line["remedy"]
    issue = site.burstd.issues()[in_ready["error_id"]]
    assert issue["subject"] == name and issue["severity"] == "error" and issue["consequence"] and issue["remedy"]
    return in_ready


def assert_told(line, error_id, error, remedy):
    assert line["error_id"] == error_id, line
    for word in error:
        assert word.lower() in line["error"].lower(), line
    for word in remedy:
        assert word.lower() in line["remedy"].lower(), line
    assert len(line["error"]) > 30 and len(line["remedy"]) > 20, "a sentence, not a code"


# --- EC2 ---


def wrong_key(site):
    site.environment["AWS_ACCESS_KEY_ID"] = "AKIAWRONGWRONGWRONG0"


def unknown_key_in_the_other_words(site):
    site.ec2.refuse_all = (401, "AuthFailure", "AWS was not able to validate the provided access credentials")


def wrong_secret(site):
    site.environment["AWS_SECRET_ACCESS_KEY"] = "wrong/secret+key/NOTREAL/0123456789"
    site.secrets.append("wrong/secret+key/NOTREAL/0123456789")


def expired_token(site):
    site.environment["AWS_SESSION_TOKEN"] = "expired/session+token/NOTREAL/0123456789"
    site.secrets.append("expired/session+token/NOTREAL/0123456789")
    site.ec2.expired_token = True


def expired_token_in_the_other_words(site):
    site.ec2.refuse_all = (403, "ExpiredToken", "The security token included in the request is expired")


def clock_skew(site):
    site.ec2.clock_offset = 3600


def clock_skew_in_the_other_words(site):
    site.ec2.refuse_all = (403, "SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than")
    site.ec2.clock_offset = -1200


def not_allowed(site):
    site.ec2.refuse_all = (403, "UnauthorizedOperation", "You are not authorized to perform this operation.")


def not_signed_up(site):
    site.ec2.refuse_all = (403, "OptInRequired", "You are not subscribed to this service.")


EC2_FAULTS = [
    (wrong_key, "ec2_credentials", ["InvalidClientTokenId", "eu-west-1"], ["access key", "secret"]),
    (unknown_key_in_the_other_words, "ec2_credentials", ["AuthFailure"], ["access key"]),
    (wrong_secret, "ec2_credentials", ["SignatureDoesNotMatch"], ["access key", "secret"]),
    (expired_token, "ec2_credentials_expired", ["RequestExpired"], ["renew", "keys"]),
    (expired_token_in_the_other_words, "ec2_credentials_expired", ["ExpiredToken"], ["renew", "keys"]),
    (clock_skew, "ec2_clock_skew", ["clock", "behind"], ["clock", "NTP"]),
    (clock_skew_in_the_other_words, "ec2_clock_skew", ["clock", "ahead"], ["clock", "NTP"]),
    (not_allowed, "ec2_unauthorized", ["UnauthorizedOperation"], ["ec2:DescribeInstances", "IAM"]),
    (not_signed_up, "ec2_account", ["OptInRequired"], ["account"]),
]


@pytest.mark.parametrize("prepare, error_id, error, remedy", EC2_FAULTS, ids=lambda x: getattr(x, "__name__", ""))
def test_ec2(site, prepare, error_id, error, remedy):
    prepare(site.serve())
    site.start()
    assert_told(fault_of(site, EC2), error_id, error, remedy)
    assert site.burstd.source("infinity")["error"] is None, "the other source is not blamed"


def test_ec2_wrong_region(site):
    """The keys are good, but not for this region: an opt-in region that the account has not enabled answers just so."""
    site.serve().start(BURSTD_AWS_REGIONS="ap-east-1")
    assert_told(fault_of(site, "ec2:ap-east-1"), "ec2_credentials", ["AuthFailure", "ap-east-1"], ["opt-in region", "ap-east-1"])


def test_ec2_region_of_another_endpoint(site):
    site.serve().start(BURSTD_AWS_REGIONS="eu-north-1")
    assert_told(fault_of(site, "ec2:eu-north-1"), "ec2_credentials", ["AuthFailure", "eu-north-1"], ["access key"])


def test_ec2_no_credentials_at_all(site):
    site.serve().start(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert_told(fault_of(site, EC2), "ec2_credentials", ["credentials"], ["AWS"])


def test_ec2_a_web_page_answers(site):
    """Something between answers in EC2's place."""
    site.serve()
    other = FakeInfinity(site.platform, site.ledger)
    other.fault = "html500"
    try:
        site.start(BURSTD_EC2_ENDPOINT=other.url)
        assert_told(fault_of(site, EC2), "ec2_unavailable", ["500", "a web page"], ["again"])
    finally:
        other.close()


def test_ec2_self_signed(site, certificate):
    site.tls["ec2"] = certificate.context
    site.start()
    assert_told(fault_of(site, EC2), "ec2_tls", ["certificate", "self-signed"], ["certificate authorities"])


def test_ec2_connection_refused(site):
    with closed_port() as port:
        site.serve().start(BURSTD_EC2_ENDPOINT=f"http://127.0.0.1:{port}")
        assert_told(fault_of(site, EC2), "ec2_unreachable", [f"127.0.0.1:{port}", "connection refused"], ["up", "port"])


def test_ec2_unknown_name(site):
    site.serve().start(BURSTD_EC2_ENDPOINT=f"https://{UNKNOWN_NAME}")
    assert_told(fault_of(site, EC2), "ec2_unreachable", [UNKNOWN_NAME, "resolved"], ["name", "DNS"])


def test_a_mended_key_needs_no_restart(site):
    """Keys given through the API replace the environment's, are never told, and are used at once."""
    wrong_key(site.serve())
    site.start()
    fault_of(site, EC2)
    site.burstd.set_bursting(aws_access_key_id=site.ec2.keys[0], aws_secret_access_key=site.ec2.keys[1])
    until(lambda: site.burstd.ready().status_code == 200, lambda: site.burstd.ready().text)
    shown = site.burstd.get("/v1/bursting")
    assert shown["aws_secret_access_key_set"] is True and "aws_secret_access_key" not in shown


# --- Infinity ---

UNKNOWN_NAME = "m" * 64 + ".example.net"  # a label of 64 letters: no DNS server need be asked, none can know it


class closed_port:
    """A port that refuses connections for as long as the block lasts: bound, but nobody listens."""

    def __enter__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        return self.socket.getsockname()[1]

    def __exit__(self, *_):
        self.socket.close()


def test_infinity_wrong_password(site):
    site.secrets.append("wrong-pass/99")
    site.serve().start(BURSTD_INFINITY_PASSWORD="wrong-pass/99")
    assert_told(fault_of(site, "infinity"), "infinity_password", ["password", "401"], ["user name and password", "OAuth2"])


def oauth(site, tmp_path, known=None):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "client.pem").write_bytes(pem)
    site.secrets.append(pem.decode().splitlines()[1])
    site.serve()
    site.infinity.oauth_clients["client-7"] = (known or ec.generate_private_key(ec.SECP256R1())).public_key()
    return {
        "BURSTD_INFINITY_USER": None,
        "BURSTD_INFINITY_PASSWORD": None,
        "BURSTD_INFINITY_OAUTH_CLIENT_ID": "client-7",
        "BURSTD_INFINITY_OAUTH_KEY_FILE": str(tmp_path / "client.pem"),
    }


def test_infinity_oauth_invalid_client(site, tmp_path):
    site.start(**oauth(site, tmp_path))  # another key than the one Infinity knows
    line = fault_of(site, "infinity")
    assert_told(line, "infinity_oauth", ["token", "invalid_client", "400"], ["client id", "private key", "audience"])


def test_infinity_oauth_wrong_clock(site, tmp_path):
    environment = oauth(site, tmp_path)
    site.infinity.clock_offset = 1800
    site.start(**environment)
    assert_told(fault_of(site, "infinity"), "infinity_oauth", ["invalid_client"], ["clocks"])


def test_infinity_self_signed_without_a_pin(site, certificate):
    site.tls["infinity"] = certificate.context
    site.start()
    line = fault_of(site, "infinity")
    assert_told(line, "infinity_tls", ["certificate", "self-signed", "not pinned"], ["BURSTD_INFINITY_CA_FILE", "BURSTD_INFINITY_PINNED_KEY"])
    assert certificate.pin in line["remedy"], "the pin to compare and set"
    assert not site.ledger.since(0, "unauthorized", "read"), "the password is not sent to whoever answers"


def test_infinity_self_signed_with_its_pin(site, certificate):
    site.tls["infinity"] = certificate.context
    site.start(BURSTD_INFINITY_PINNED_KEY=certificate.pin)
    until(lambda: site.burstd.ready().status_code == 200, lambda: site.burstd.ready().text)


def test_infinity_self_signed_with_its_certificate_as_ca(site, certificate):
    site.tls["infinity"] = certificate.context
    site.start(BURSTD_INFINITY_CA_FILE=str(certificate.path))
    until(lambda: site.burstd.ready().status_code == 200, lambda: site.burstd.ready().text)


def test_infinity_with_another_pin(site, certificate, tmp_path):
    site.tls["infinity"] = certificate.context
    site.start(BURSTD_INFINITY_PINNED_KEY=pin_of(ec.generate_private_key(ec.SECP256R1())))
    line = fault_of(site, "infinity")
    assert_told(line, "infinity_tls", ["another key than the pinned one"], ["BURSTD_INFINITY_PINNED_KEY"])
    assert not site.ledger.since(0, "unauthorized", "read")


def test_infinity_certificate_of_another_authority(site, certificate, tmp_path):
    (tmp_path / "other").mkdir()
    site.tls["infinity"] = certificate.context
    site.start(BURSTD_INFINITY_CA_FILE=str(Certificate(tmp_path / "other").path))
    assert_told(fault_of(site, "infinity"), "infinity_tls", ["certificate"], ["BURSTD_INFINITY_CA_FILE"])


def test_infinity_unknown_name(site):
    site.serve().start(BURSTD_INFINITY_URL=f"https://{UNKNOWN_NAME}")
    assert_told(fault_of(site, "infinity"), "infinity_unreachable", [UNKNOWN_NAME, "resolved"], ["name", "DNS"])
    assert_told(fault_of(site, EC2, besides=()), "tag_value_unknown", ["tag value", "Infinity"], ["Infinity"])


def test_infinity_connection_refused(site):
    with closed_port() as port:
        site.serve().start(BURSTD_INFINITY_URL=f"http://127.0.0.1:{port}")
        assert_told(fault_of(site, "infinity"), "infinity_unreachable", ["connection refused", str(port)], ["up", "port"])


def test_infinity_address_of_something_else(site):
    """EC2's address given as Infinity's."""
    site.serve().start(BURSTD_INFINITY_URL=site.ec2.url)
    line = fault_of(site, "infinity")
    assert line["error_id"].startswith("infinity_") and line["remedy"]


def test_the_log_tells_each_trouble_once(site):
    wrong_key(site.serve())
    site.start()
    fault_of(site, EC2)
    mark = site.ledger.mark()
    until(lambda: site.ledger.count(mark, "refused") >= 6, "more refused polls")
    lines = [line for line in site.burstd.log().splitlines() if "ec2_credentials" in line]
    assert len(lines) == 1 and "remedy=" in lines[0] and f'source="{EC2}"' in lines[0], lines


def test_ready_at_once_at_real_pace(site):
    """EC2 is asked as soon as Infinity has told the tag value, not a poll interval (15 s) later."""
    site.serve().start(BURSTD_TIME_SCALE="1")
    until(lambda: site.burstd.ready().status_code == 200, lambda: site.burstd.ready().text, 10)
