"""viewer < operator < admin, and what becomes of a token."""

import re

import pytest

from harness import problem, run, until
from test_contract import route_table

ROLES = ["open", "viewer", "operator", "admin"]


def revoke_by_command(burstd, name):
    """`burstd token revoke`, beside the running daemon."""
    env = {"BURSTD_STATE_DIR": burstd.directory.name}
    row = next(x for x in run("token", "list", env=env).stdout.splitlines() if f"\t{name}\t" in x)
    assert run("token", "revoke", row.split("\t")[0], env=env).returncode == 0


@pytest.fixture(scope="module")
def tokens(deaf):
    """A token of each role; a missing one; one that was revoked."""
    made = {role: deaf.create_token(f"matrix-{role}", role) for role in ("viewer", "operator", "admin")}
    made["none"] = None
    made["revoked"] = deaf.create_token("matrix-revoked", "admin")
    revoke_by_command(deaf, "matrix-revoked")
    until(lambda: deaf.ask("GET", "/v1/status", token=made["revoked"]).status_code == 401, "the token is refused")
    return made


@pytest.mark.parametrize("operation", sorted(route_table()))
def test_matrix(deaf, tokens, operation):
    """
    Every route with every kind of token. The {id} names nothing, and a change has no body: a caller whose role suffices
    gets as far as the resource, and changes nothing. 401 and 403 come before anything else.
    """
    row = route_table()[operation]
    needed = ROLES.index(row["role"])
    for who, token in tokens.items():
        # the deaf daemon has no picture and few rows: 4711 is none of them
        reply = deaf.ask(row["method"], re.sub(r"\{\w+\}", "4711", row["path"]), token=token)
        what = f"{row['method']} {row['path']} as {who}: {reply.status_code}"
        if needed > 0 and who in ("none", "revoked"):
            assert reply.status_code == 401, what
        elif needed > 0 and ROLES.index(who) < needed:
            assert reply.status_code == 403, what
            assert row["role"] in reply.json()["detail"]
        else:
            assert reply.status_code in (200, 202, 400, 404, 503), what


def test_a_path_without_route_denies(deaf, tokens):
    for who, status in (("none", 401), ("revoked", 401), ("viewer", 404), ("admin", 404)):
        assert deaf.ask("GET", "/v1/nowhere", token=tokens[who]).status_code == status


def test_revoked_token_is_refused(deaf):
    token = deaf.create_token("rudi", "viewer")
    revoke_by_command(deaf, "rudi")
    until(lambda: deaf.ask("GET", "/v1/status", token=token).status_code == 401, "the token is refused")
    assert token not in run("token", "list", env={"BURSTD_STATE_DIR": deaf.directory.name}).stdout


def test_bad_token_commands(deaf):
    env = {"BURSTD_STATE_DIR": deaf.directory.name}
    for words, named in ((["create", "--name", "x", "--role", "king"], "--role"), (["create", "--role", "admin"], "--name"),
                         (["create", "--name", "admin", "--role", "viewer"], "valid token has this name"),
                         (["revoke", "x"], "revoke"), (["revoke", "4711"], "4711"), (["forget"], "create, list or revoke"),
                         (["list", "--name", "x"], "--name")):
        done = run("token", *words, env=env)
        assert done.returncode == 1 and named in done.stderr and done.stderr.count("\n") == 1
