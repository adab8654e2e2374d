"""What an operator is told when an upstream system cannot be used: /readyz and /v1/status say which, and what to do."""

import pytest

from harness import ACCESS_KEY, SECRET_KEY, Burstd, until, upstreams


def source(burstd, name, condition):
    """The source once the condition holds; the same words stand in the status."""
    def look():
        reply = burstd.ask("GET", "/readyz", token=None)
        found = next((s for s in reply.json()["sources"] if s["name"] == name), None)
        return found if found and found["error"] and condition(found) else None
    found = until(look, f"an error of {name}")
    assert burstd.ask("GET", "/readyz", token=None).status_code == 503
    assert found["remedy"] and found["error_id"]
    until(lambda: any(s["error"] for s in burstd.get("/v1/status")["sources"] if s["name"] == name), "status tells")
    until(lambda: any(i["id"] == found["error_id"] for i in burstd.get("/v1/status")["issues"]), "an issue is raised")
    return found


@pytest.mark.parametrize("settings,name,slug", [
    ({"password": "wrong-one"}, "infinity", "infinity_password"),
    ({"secret": "wrong-one"}, "ec2:eu-west-1", "ec2_credentials"),
])
def test_wrong_secrets(contract, world, settings, name, slug):
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2, **settings), 100)
    try:
        found = source(burstd, name, lambda s: s["error_id"] == slug)
        assert "wrong-one" not in str(found)
    finally:
        burstd.close()


def test_unreachable(deaf):
    found = source(deaf, "infinity", lambda s: True)
    assert "127.0.0.1" in found["error"]


def test_key_from_the_settings(contract, world):
    """A wrong key in the environment is mended through the API, without a restart."""
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2, secret="wrong-one"), 100)
    try:
        source(burstd, "ec2:eu-west-1", lambda s: s["error_id"] == "ec2_credentials")
        reply = burstd.ask("PATCH", "/v1/bursting", body={"aws_access_key_id": ACCESS_KEY,
                                                          "aws_secret_access_key": SECRET_KEY})
        assert reply.status_code == 200
        until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
    finally:
        burstd.close()
