"""The files of the dashboard: they are all there, refer to nothing outside, and hold to a strict content security policy."""

import re

from harness import ROOT, problem

PAGE = ROOT / "web/dashboard"


def names():
    """What the page and its modules refer to, from the page on."""
    found = set(re.findall(r'(?:href|src)="ui/([^"]+)"', (PAGE / "index.html").read_text()))
    unread = {name for name in found if name.endswith(".js") and (PAGE / name).exists()}
    while unread:
        imported = set(re.findall(r'from "\./([^"]+)"', (PAGE / unread.pop()).read_text())) - found
        found |= imported
        unread |= imported
    return found


def test_page(burstd):
    reply = burstd.ask("GET", "/", token=None)
    assert reply.status_code == 200 and reply.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert reply.text == (PAGE / "index.html").read_text()
    again = burstd.ask("GET", "/", token=None, headers={"If-None-Match": reply.headers["ETag"]})
    assert again.status_code == 304
    problem(burstd.ask("GET", "/", token=None, headers={"Accept": "application/json"}), 406, "not-acceptable")


def test_every_file_is_served(burstd):
    kinds = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
    own = {path.name for path in PAGE.iterdir() if path.suffix in (".js", ".css", ".svg")}
    assert own <= names(), "a file that nothing refers to"
    for name in names():
        reply = burstd.ask("GET", f"/ui/{name}", token=None)
        assert reply.status_code == 200 and reply.headers["Content-Type"] == kinds[name.rsplit(".", 1)[1]], name
        assert name not in own or reply.text == (PAGE / name).read_text()
    problem(burstd.ask("GET", "/ui/nothing.js", token=None), 404, "not-found")


def test_no_outside_address():
    for path in PAGE.iterdir():
        if path.suffix in (".html", ".js", ".css"):
            assert "http://" not in path.read_text() and "https://" not in path.read_text(), path.name


def test_every_type_of_event_can_be_looked_for(contract):
    (listed,) = re.findall(r"const TYPES = \[(.*?)\];", (PAGE / "history.js").read_text())
    assert re.findall(r'"(\w+)"', listed) == contract.document["components"]["schemas"]["EventType"]["enum"]


def test_every_field_of_a_deployment_is_in_the_form(contract):
    fields = re.findall(r'^  \["(\w+)",', (PAGE / "deploy.js").read_text(), re.MULTILINE)
    assert sorted(fields) == sorted(contract.document["components"]["schemas"]["NodeDeployment"]["properties"])


def test_no_undo_is_offered_after_a_step_of_no_return():
    (listed,) = re.findall(r"const NO_RETURN = \[(.*?)\];", (PAGE / "lifecycle.js").read_text())
    steps = re.findall(r'X\(\w+, "(\w+)", "[^"]*", "', (ROOT / "fleet/lifecycle.h").read_text())
    assert steps and re.findall(r'"(\w+)"', listed) == steps
