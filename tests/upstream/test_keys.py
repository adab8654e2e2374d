"""
AWS keys of every source, from servers that are not burstd's own: burstd bursts with them, renews them before they end, and says
what is wrong when it gets none. No secret is told; the fixture looks for every key that was ever issued.
"""

import json
import subprocess

import pytest

from daemon import BURSTD, clean_environment, until
from fake_keys import FakeContainer, FakeMetadata, FakeSTS
from test_bursting import oslo_has_free
from test_words import EC2, assert_told, fault_of
from upstream_site import ACCESS_KEY, SECRET_KEY

ROLE = "arn:aws:iam::111122223333:role/bursting"
OTHER = "arn:aws:iam::444455556666:role/path/gate"
EXTERNAL_ID = "site:42/NOTREAL"
SHORT = 8  # seconds: renewed after six or so


@pytest.fixture
def keys(site, tmp_path):
    """The site with an STS, a container endpoint and a metadata service; EC2 takes no keys but what they issue and those of `user`."""
    site.serve()
    site.environment |= {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    ring = site.ec2.keyring
    site.sts, site.container, site.metadata = (kind(site.ledger, ring) for kind in (FakeSTS, FakeContainer, FakeMetadata))
    site.environment["BURSTD_STS_ENDPOINT"] = site.sts.url
    site.home = tmp_path
    (tmp_path / ".aws").mkdir()
    yield site
    if site.burstd:
        site.burstd.secrets += ring.secrets()
    for fake in (site.sts, site.container, site.metadata):
        fake.close()


def write_config(site, text):
    (site.home / ".aws/config").write_text(text)


def write_keys(site):
    (site.home / ".aws/credentials").write_text(
        f"[user]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )


# --- the sources: each prepares the site, and gives the server that issues and the owner of the keys that EC2 is to see ---


def role_of_a_profile(site):
    write_keys(site)
    write_config(
        site,
        f"[profile burst]\nrole_arn = {ROLE}\nsource_profile = user\nexternal_id = {EXTERNAL_ID}\n"
        "role_session_name = burstd@test\nduration_seconds = 900\n",
    )
    site.environment["AWS_PROFILE"] = "burst"
    site.sts.roles[ROLE] = {"askers": ["user"], "external_id": EXTERNAL_ID}
    return site.sts, ROLE, f"shared credentials file, then role {ROLE} (profile burst)"


def role_after_a_role(site):
    write_keys(site)
    write_config(
        site,
        f"[profile burst]\nrole_arn = {ROLE}\nsource_profile = gate\n[profile gate]\nrole_arn = {OTHER}\nsource_profile = user\n",
    )
    site.environment["BURSTD_AWS_PROFILE"] = "burst"
    site.sts.roles |= {OTHER: {"askers": ["user"]}, ROLE: {"askers": [OTHER]}}
    return site.sts, ROLE, f"shared credentials file, then role {OTHER} (profile gate), then role {ROLE} (profile burst)"


def role_with_keys_of_the_environment(site):
    write_config(site, f"[profile burst]\nrole_arn = {ROLE}\ncredential_source = Environment\n")
    site.environment |= {"BURSTD_AWS_PROFILE": "burst", "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    site.sts.roles[ROLE] = {"askers": ["user"]}
    return site.sts, ROLE, f"environment, then role {ROLE} (profile burst)"


def role_with_keys_of_the_instance(site):
    instance_role(site)
    write_config(site, f"[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n")
    site.sts.roles[ROLE] = {"askers": ["instance"]}
    return site.sts, ROLE, f"instance role, then role {ROLE} (profile default)"


def web_identity(site):
    (site.home / "web.token").write_text("eyJhbGciOi.first-NOTREAL\n")
    site.environment |= {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(site.home / "web.token"),
        "AWS_ROLE_ARN": ROLE,
        "AWS_ROLE_SESSION_NAME": "pod-7",
    }
    site.sts.roles[ROLE] = {"token": "eyJhbGciOi.first-NOTREAL"}
    site.secrets.append("eyJhbGciOi.first-NOTREAL")
    return site.sts, ROLE, f"web identity, role {ROLE}"


def container(site):
    (site.home / "container.token").write_text("Bearer-of-the-pod-NOTREAL")
    site.environment |= {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": site.container.url + site.container.path,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(site.home / "container.token"),
    }
    site.container.token = "Bearer-of-the-pod-NOTREAL"
    site.secrets.append(site.container.token)
    return site.container, "container", "container endpoint"


def instance_role(site):
    site.environment |= {"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": site.metadata.url}
    site.secrets.append(site.metadata.TOKEN)
    return site.metadata, "instance", "instance role"


SOURCES = [
    role_of_a_profile,
    role_after_a_role,
    role_with_keys_of_the_environment,
    role_with_keys_of_the_instance,
    web_identity,
    container,
    instance_role,
]


def signers(site, mark=0):
    """Who owned the keys of EC2's requests, without repetition."""
    return {row["owner"] for row in site.ledger.since(mark, "signed")}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_burstd_bursts(keys, source):
    issuer, owner, provider = source(keys)
    oslo_has_free(keys, 0)
    burstd = keys.control()
    until(lambda: keys.starts() == ["a-1"], "StartInstances")
    until(lambda: burstd.phase("a-1") == "serving", "the node serves")
    assert signers(keys) == {owner}
    assert len(keys.ledger.since(0, "issued")) <= 2, "asked for once, not for each request"
    assert not keys.ledger.since(0, "sts_refused", "refused")
    told = findings(keys)
    assert [f["what"] for f in told if f["subject"] == "aws"] == [f"keys from: {provider}"]
    assert {f["severity"] for f in told if f["subject"].startswith("ec2")} == {"ok"}


def findings(site):
    """What `burstd check` says, with the daemon's own configuration."""
    process = site.burstd
    done = subprocess.run(
        [BURSTD, "check", "--json"],
        env=clean_environment(BURSTD_STATE_DIR=str(process.state), HOME=str(site.home)) | process.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    process.replies.append(done.stdout + done.stderr)
    return json.loads(done.stdout)["findings"]


@pytest.mark.parametrize("source", [role_of_a_profile, web_identity, container], ids=lambda source: source.__name__)
def test_burstd_goes_on_through_renewals(keys, source):
    """Keys that last for seconds: EC2 never sees one that has ended, and the node that was started by the first serves on."""
    issuer, owner, _ = source(keys)
    issuer.lasts = SHORT
    oslo_has_free(keys, 0)
    burstd = keys.control()
    until(lambda: keys.starts() == ["a-1"], "StartInstances")
    until(lambda: len(keys.ledger.since(0, "issued")) >= 3, "two renewals")
    mark = keys.ledger.mark()
    keys.looks(3)
    last = keys.ledger.since(0, "issued")[-1]["access"]
    until(lambda: last in {row["by"] for row in keys.ledger.since(mark, "signed")}, "the new keys are used")
    assert not keys.ledger.since(0, "refused"), "no request with keys that have ended"
    assert burstd.source(EC2)["error"] is None and burstd.phase("a-1") == "serving"


def test_a_new_token_is_read_at_the_renewal(keys):
    issuer, owner, _ = web_identity(keys)
    issuer.lasts = SHORT
    keys.start()
    until(lambda: signers(keys) == {owner}, "EC2 is asked")
    keys.sts.roles[ROLE]["token"] = "eyJhbGciOi.second-NOTREAL"
    (keys.home / "web.token").write_text("eyJhbGciOi.second-NOTREAL")
    keys.burstd.secrets.append("eyJhbGciOi.second-NOTREAL")
    until(lambda: len(keys.ledger.since(0, "issued")) >= 2, "a renewal")
    assert not keys.ledger.since(0, "sts_refused")


def test_a_source_that_is_down_for_a_while_is_not_noticed(keys):
    """The old keys are good until they end, and the source is back before that."""
    issuer, _, _ = container(keys)
    issuer.lasts = 2 * SHORT
    burstd = keys.control()
    until(lambda: burstd.source(EC2)["fresh"], "EC2 is heard")
    issuer.refusal = (503, "Unavailable", "later")
    refused = {"n": 0}
    answer = issuer.answer

    def counted(*request):
        refused["n"] += issuer.refusal is not None
        return answer(*request)

    issuer.answer = counted
    until(lambda: refused["n"] >= 1, "a renewal that fails")
    mark = keys.ledger.mark()
    keys.looks(2)
    assert burstd.source(EC2)["error"] is None
    issuer.refusal = None
    until(lambda: keys.ledger.since(mark, "issued"), "a renewal")
    keys.looks(2)
    assert burstd.source(EC2)["error"] is None and not keys.ledger.since(0, "refused")


# --- failures in words ---


def no_trust(site):
    role_of_a_profile(site)
    site.sts.roles[ROLE]["askers"] = []


def another_external_id(site):
    role_of_a_profile(site)
    site.sts.roles[ROLE]["external_id"] = "another"
    site.secrets.append(EXTERNAL_ID)


def wrong_secret_of_the_source(site):
    role_of_a_profile(site)
    path = site.home / ".aws/credentials"
    path.write_text(path.read_text().replace(SECRET_KEY, "wrong/secret+NOTREAL"))
    site.secrets.append("wrong/secret+NOTREAL")


def sts_down(site):
    role_of_a_profile(site)
    site.sts.refusal = (503, "ServiceUnavailable", "later")


def sts_nowhere(site):
    role_of_a_profile(site)
    site.environment["BURSTD_STS_ENDPOINT"] = "http://127.0.0.1:9"


def a_loop(site):
    write_config(site, f"[default]\nrole_arn = {ROLE}\nsource_profile = b\n[profile b]\nrole_arn = {OTHER}\nsource_profile = default\n")


def token_refused(site):
    web_identity(site)
    site.sts.roles[ROLE]["token"] = "another"


def no_token_file(site):
    web_identity(site)
    (site.home / "web.token").unlink()


def container_refuses(site):
    container(site)
    site.container.token = "another"


def container_elsewhere(site):
    container(site)
    site.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://keys.example.com/"


FAULTS = [
    (no_trust, ["profile burst", "AssumeRole", "AccessDenied"], ["trust policy"]),
    (another_external_id, ["profile burst", "AccessDenied"], ["external_id"]),
    (wrong_secret_of_the_source, ["profile burst", "SignatureDoesNotMatch"], ["secret"]),
    (sts_down, ["profile burst", "ServiceUnavailable"], ["tries again"]),
    (sts_nowhere, ["profile burst", "127.0.0.1:9", "refused"], ["port"]),
    (a_loop, ["profile b", "leads back"], ["profile"]),
    (token_refused, ["the environment", "AssumeRoleWithWebIdentity", "InvalidIdentityToken"], ["token file"]),
    (no_token_file, ["web.token", "does not exist"], ["token file"]),
    (container_refuses, ["container endpoint", "401"], ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]),
    (container_elsewhere, ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "plain http"], ["environment variable"]),
]


@pytest.mark.parametrize("prepare, error, remedy", FAULTS, ids=lambda x: getattr(x, "__name__", ""))
def test_words(keys, prepare, error, remedy):
    prepare(keys)
    keys.start()
    assert_told(fault_of(keys, EC2), "ec2_credentials", error, remedy)
    told = [f for f in findings(keys) if f["subject"] == "aws"]
    assert told[0]["severity"] == "error" and all(word.lower() in told[0]["what"].lower() for word in error), told
    assert not signers(keys)
