"""The examples of the manual, run as they stand: docs/api.md, and the everyday calls of README.md."""

import re
import subprocess

import pytest

from conftest import SCALE
from harness import PATIENCE, ROOT, Burstd, World, environment, fill, until, upstreams

# A curl that says in a file where it was refused. What has no end is read for two seconds (28), or by a reader who leaves (23).
CURL = r"""
curl() {
    local code=0 limit=$PATIENCE fail=--fail-with-body
    case "$*" in *-sN*) limit=2 ;; *-sf*) fail=--fail ;; esac
    command curl --max-time "$limit" "$fail" "$@" || code=$?
    case "$code $*" in
    0\ * | 23\ *-sN* | 28\ *-sN* | 22\ *-sf*) ;;
    *) echo "$code: curl $*" >>refused ;;
    esac
    return $code
}
"""


@pytest.fixture(name="site")
def a_site(contract):
    world = World(SCALE)
    ids = fill(world)
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
    burstd.ids = ids
    until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
    until(lambda: len(burstd.get("/v1/status")["overflow_nodes"]) == 3, "all nodes are seen")
    world("tag", node="burst-3", value="somebody")  # the finding that an example acknowledges
    until(lambda: any(one["subject"] == "node burst-3" for one in burstd.get("/v1/checks")["items"]), "the wrong tag is found")
    yield burstd
    burstd.close()
    world.stop()


def blocks(name):
    """(kind, script) of each block of code of a page: "sh", "sh refused", ""..."""
    return re.findall(r"^```([a-z ]*)\n(.*?)^```$", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL)


def names(script):
    """The variables that it sets."""
    return re.findall(r"(?:^|; )([A-Z]+)=", script, re.MULTILINE)


def run(directory, script):
    """Runs a block in a shell that knows the variables of those before: (what it wrote, what was refused)."""
    keep = "".join(f"declare -p {name} >>variables\n" for name in names(script))
    done = subprocess.run(["bash", "-c", f"{CURL}\n. ./variables\n{script}\n{keep}"], cwd=directory, env=environment({"PATIENCE": str(PATIENCE)}),
                          capture_output=True, text=True, timeout=5 * PATIENCE)
    refused = directory / "refused"
    said = refused.read_text() if refused.exists() else ""
    refused.unlink(missing_ok=True)
    return done.stdout + done.stderr, said


def test_the_page_of_examples(site, tmp_path):
    first, *rest = blocks("docs/api.md")
    here = {"U": f"http://{site.address}", "TOKEN": site.token, "A": f"Authorization: Bearer {site.token}", "J": "Content-Type: application/json", "M": "If-Match: *",
            "OSLO": site.ids["Oslo"], "BURST": site.ids["AWS burst"], "NODE": site.ids["burst-1"], "OTHER": site.ids["burst-2"]}
    assert first[0] == "sh setup" and set(names(first[1])) == set(here)
    (tmp_path / "variables").write_text("".join(f"{name}='{value}'\n" for name, value in here.items()))
    assert len(rest) > 15
    for kind, script in rest:
        if kind == "json":
            continue
        assert kind in ("sh", "sh refused"), kind
        out, refused = run(tmp_path, script)
        if kind == "sh refused":
            assert refused.startswith("22:") and '"status":4' in out, f"{script}\nis not refused: {out}"
        else:
            assert not refused, f"{refused}\n{out}"
    assert (tmp_path / "history.csv").read_text().startswith("id,")
    assert (tmp_path / "history.ndjson").read_text().startswith("{")


def area(path):
    """/v1/nodes/7/start -> /v1/nodes"""
    return "/".join(path.split("/")[: 3 if path.startswith("/v1/") else 2])


def test_every_area_has_an_example(contract):
    shown = {area(path.split("?")[0]) for _, script in blocks("docs/api.md") for path in re.findall(r"\$U(/[^\s\"')]*)", script)}
    assert {area(path) for _, path, _ in contract.operations.values()} - shown == {"/ui"}


def test_the_everyday_calls_of_the_readme(site, tmp_path):
    """Its ids are those of the page's example; here they are others."""
    (calls,) = [script for _, script in blocks("README.md") if script.startswith('A="Authorization: Bearer')]
    schedule = site.ask("POST", "/v1/schedules", body={"name": "first", "location": site.ids["AWS burst"], "instances_to_add": 1, "mon": True, "time_from": "08:00",
                                                       "time_to": "09:00", "local_timezone": "Europe/Oslo"}).json()["id"]
    for shown, meant in [(r"/nodes/7\b", f"/nodes/{site.ids['burst-1']}"), (r'location": 3\b', f'location": {site.ids["AWS burst"]}'), (r"/locations/1\b", f"/locations/{site.ids['Oslo']}"),
                         (r"location=1\b", f"location={site.ids['Oslo']}"), (r"/schedules/1\b", f"/schedules/{schedule}"), (r"http://127\.0\.0\.1:8080", f"http://{site.address}")]:
        assert re.search(shown, calls), shown
        calls = re.sub(shown, meant, calls)
    (tmp_path / "variables").write_text(f"TOKEN={site.token}\n")
    for call in re.sub(r"\\\n", "", calls).splitlines():
        until(lambda: site.get("/v1/operations?open=true")["items"] == [], "what the call before has begun is done")
        out, refused = run(tmp_path, call)
        assert not refused, f"{refused}\n{out}"
    assert (tmp_path / "h.csv").read_text().startswith("id,")
