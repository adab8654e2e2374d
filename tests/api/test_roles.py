"""viewer < operator < admin, and what becomes of a token."""

from harness import problem, run, until


def test_roles(deaf):
    viewer = deaf.create_token("sam", "viewer")
    operator = deaf.create_token("olga", "operator")
    assert deaf.ask("GET", "/v1/status", token=viewer).status_code == 200
    for method, path in (("PATCH", "/v1/bursting"), ("POST", "/v1/holds"), ("PATCH", "/v1/nodes/1"),
                         ("POST", "/v1/nodes/1/start"), ("POST", "/v1/nodes/1/stop"), ("DELETE", "/v1/holds/1"),
                         ("PATCH", "/v1/locations/1"), ("POST", "/v1/operations/1/cancel")):
        problem(deaf.ask(method, path, token=viewer, body={}), 403, "forbidden")
    problem(deaf.ask("PATCH", "/v1/bursting", token=operator, body={"enabled": True}), 403, "forbidden")
    problem(deaf.ask("POST", "/v1/nodes/1/start", token=operator), 404, "not-found")


def test_revoked_token_is_refused(deaf):
    token = deaf.create_token("rudi", "viewer")
    env = {"BURSTD_STATE_DIR": deaf.directory.name}
    row = next(x for x in run("token", "list", env=env).stdout.splitlines() if "\trudi\t" in x)
    assert run("token", "revoke", row.split("\t")[0], env=env).returncode == 0
    until(lambda: deaf.ask("GET", "/v1/status", token=token).status_code == 401, "the token is refused")
    assert token not in run("token", "list", env=env).stdout


def test_bad_token_commands(deaf):
    env = {"BURSTD_STATE_DIR": deaf.directory.name}
    for words, named in ((["create", "--name", "x", "--role", "king"], "--role"), (["create", "--role", "admin"], "--name"),
                         (["revoke", "x"], "revoke"), (["revoke", "4711"], "4711"), (["forget"], "create, list or revoke"),
                         (["list", "--name", "x"], "--name")):
        done = run("token", *words, env=env)
        assert done.returncode == 1 and named in done.stderr and done.stderr.count("\n") == 1
