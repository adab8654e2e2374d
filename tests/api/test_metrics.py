"""/metrics: right in Prometheus' own eyes, and what its figures say."""

import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest
import requests

from conftest import SCALE, fill
from harness import PATIENCE, ROOT, Burstd, Process, World, until, upstreams

PROMTOOL_ON_MINUTES = 'burstd_minutes_to_threshold use base unit "seconds" instead of "minutes"'
UNPACKED = ROOT / "build/prometheus/usr/bin"  # tools/install-deps.sh


def program(name):
    found = shutil.which(name) or shutil.which(name, path=UNPACKED)
    assert found, f"{name} is missing: run tools/install-deps.sh test"
    return found


def parse(text):
    """{name: {labels: value}} of an exposition, labels as a frozenset of pairs."""
    families = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
        pairs = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))
        series = families.setdefault(name, {})
        assert pairs not in series, f"twice: {line}"
        series[pairs] = float(value)
    return families


def metrics(burstd):
    return parse(burstd.ask("GET", "/metrics").text)


def one(families, name, **labels):
    found = [v for pairs, v in families[name].items() if labels.items() <= dict(pairs).items()]
    assert len(found) == 1, f"{name}{labels}: {found}"
    return found[0]


@pytest.mark.parametrize("which", ["burstd", "deaf"])
def test_promtool_likes_it(which, request):
    reply = request.getfixturevalue(which).ask("GET", "/metrics")
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    done = subprocess.run([program("promtool"), "check", "metrics"], input=reply.content, capture_output=True,
                          timeout=PATIENCE, check=False)
    # The name is the contract's; minutes are what people want to read here, and all that promtool may find fault with.
    found = [x for x in done.stderr.decode().splitlines() if x != PROMTOOL_ON_MINUTES]
    assert not found and done.returncode == (3 if done.stderr else 0), done.stderr.decode()


def test_the_picture_in_figures(burstd):
    families = metrics(burstd)
    for location in burstd.get("/v1/locations")["items"]:
        labels = {"location": location["name"], "location_id": str(location["id"]), "kind": location["kind"]}
        assert one(families, "burstd_location_max_hd_calls", **labels) == location["max_hd_calls"]
        assert one(families, "burstd_location_threshold", **labels) == location["threshold_in_force"]
        assert one(families, "burstd_location_free_hd_calls", **labels) <= location["max_hd_calls"]
    assert sum(families["burstd_nodes"].values()) == 3
    assert {dict(p)["phase"] for p in families["burstd_nodes"]} == {"unknown", "stopped", "starting", "serving", "draining",
                                                                   "stopping", "failed"}
    assert {(dict(p)["severity"], dict(p)["acknowledged"]) for p in families["burstd_issues"]} == {
        (severity, known) for severity in ("info", "warning", "error") for known in ("true", "false")}
    assert 0 <= one(families, "burstd_data_age_seconds", source="infinity") < PATIENCE
    assert 0 <= one(families, "burstd_data_age_seconds", source="ec2:eu-west-1") < PATIENCE


def test_a_system_that_was_never_heard_is_infinitely_old(deaf):
    assert set(metrics(deaf)["burstd_data_age_seconds"].values()) == {float("inf")}


def test_requests_are_counted(deaf):
    name = "burstd_http_request_duration_seconds"
    before = metrics(deaf)
    for _ in range(3):
        deaf.ask("GET", "/v1/bursting")
    deaf.ask("GET", "/v1/nowhere")

    def look():  # a request is counted when its last byte is sent, which may be after it was read here
        now = metrics(deaf)
        rose = {o: one(now, name + "_count", operation=o) - one(before, name + "_count", operation=o)
                for o in ("getBursting", "none")}
        return now if rose == {"getBursting": 3, "none": 1} else None
    after = until(look, "three requests and one without a route are counted")
    assert one(after, name + "_bucket", operation="getBursting", le="+Inf") == one(after, name + "_count",
                                                                                  operation="getBursting")
    assert one(after, name + "_sum", operation="getBursting") > one(before, name + "_sum", operation="getBursting")
    assert one(after, "burstd_http_requests_total", status="4xx") >= one(before, "burstd_http_requests_total",
                                                                         status="4xx") + 1


def test_process(deaf):
    families = metrics(deaf)
    status = pathlib.Path(f"/proc/{deaf.process.child.pid}/status").read_text(encoding="ascii")
    resident = 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))
    assert 0.5 < one(families, "process_resident_memory_bytes") / resident < 2
    assert one(families, "process_threads") == int(re.search(r"Threads:\s+(\d+)", status).group(1))
    assert 10 < one(families, "process_open_fds") < one(families, "process_max_fds")
    began = one(families, "process_start_time_seconds")
    stat = os.stat(f"{deaf.directory.name}/admin.token")
    assert abs(began - stat.st_mtime) < PATIENCE
    version = (ROOT / "VERSION").read_text(encoding="ascii").strip()
    assert one(families, "burstd_build_info", version=version) == 1


def test_starts_and_stops_outlive_the_process(contract, world):
    """An operator's start and forced stop, then another process over the same store."""
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), 100)
    node = world.ids["burst-3"]
    until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
    try:
        assert one(metrics(burstd), "burstd_starts_total", result="done") == 0
        for action, body, phase in (("start", {}, "serving"), ("stop", {"force": True}, "stopped")):
            done = burstd.ask("POST", f"/v1/nodes/{node}/{action}", body=body)
            assert done.status_code == 202, done.text
            place = done.headers["Location"]
            until(lambda: burstd.get(place)["state"] in ("done", "failed"), f"{action} has ended")
            assert burstd.get(place)["state"] == "done" and burstd.get(f"/v1/nodes/{node}")["phase"] == phase
        burstd.stop()
        burstd.start()
        families = metrics(burstd)
        assert one(families, "burstd_starts_total", result="done") == 1
        assert one(families, "burstd_starts_total", result="failed") == 0
        assert one(families, "burstd_stops_total", result="done") == 1
        assert one(families, "burstd_operations_total", kind="start", result="done") == 1
        assert one(families, "burstd_operations_total", kind="stop", result="done") == 1
        assert one(families, "burstd_operations_total", kind="deploy_node", result="failed") == 0
        assert one(families, "burstd_node_boot_seconds_count") == 1
        assert 0 < one(families, "burstd_node_boot_seconds_sum") < PATIENCE
    finally:
        burstd.close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_prometheus_scrapes_it(deaf, tmp_path):
    """With the token of a viewer in a file, as docs/metrics.md shows."""
    token = deaf.create_token("prometheus", "viewer")
    (tmp_path / "token").write_text(token, encoding="ascii")
    (tmp_path / "prometheus.yml").write_text(f"""
scrape_configs:
  - job_name: burstd
    scrape_interval: 1s
    authorization: {{credentials_file: {tmp_path}/token}}
    static_configs: [{{targets: ["{deaf.address}"]}}]
""", encoding="ascii")
    address = f"127.0.0.1:{free_port()}"
    process = Process([program("prometheus"), f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/db",
                       f"--web.listen-address={address}"], {}, "stderr")
    try:
        process.find("Server is ready")

        def look():
            found = requests.get(f"http://{address}/api/v1/query", params={"query": "burstd_build_info"}, timeout=PATIENCE)
            return found.json()["data"]["result"]
        assert until(look, "Prometheus has burstd_build_info")[0]["metric"]["instance"] == deaf.address
        target = requests.get(f"http://{address}/api/v1/targets", timeout=PATIENCE).json()["data"]["activeTargets"][0]
        assert target["health"] == "up" and not target["lastError"], target
    finally:
        process.stop()


WORK = {"burstd_observe_seconds_count": [{"source": "infinity"}, {"source": "ec2:eu-west-1"}],
        "burstd_upstream_requests_total": [{"api": api, "result": result} for api in ("infinity", "ec2")
                                           for result in ("ok", "retry", "throttled", "wait", "next", "operator", "bug")],
        "burstd_node_seconds_total": [{"class": c} for c in ("useful", "idle", "booting", "draining")],
        "burstd_decision_seconds_count": [{}], "burstd_drain_seconds_count": [{}], "burstd_calls_cut_total": [{}]}


def test_every_series_is_there_from_the_start(deaf):
    """A counter that appears with its first event has no increase that Prometheus could see."""
    families = metrics(deaf)
    for name, series in WORK.items():
        assert sorted(map(sorted, families[name])) == sorted(sorted(labels.items()) for labels in series)
    for name in ("burstd_drain_seconds_count", "burstd_calls_cut_total", "burstd_node_seconds_total"):
        assert set(families[name].values()) == {0}
    assert one(families, "burstd_observe_seconds_count", source="ec2:eu-west-1") == 0  # the tag value is not known: never asked
    assert "burstd_minutes_to_threshold" not in families  # no location is known


def test_observers_and_requests_are_counted(deaf, burstd):
    def look():
        families = metrics(deaf)
        failed = one(families, "burstd_upstream_requests_total", api="infinity", result="retry")
        return failed > 0 and one(families, "burstd_observe_seconds_count", source="infinity") > 0
    until(look, "failed requests are counted")
    assert one(metrics(deaf), "burstd_upstream_requests_total", api="infinity", result="ok") == 0
    before = metrics(burstd)
    assert one(before, "burstd_decision_seconds_count") > 0

    def more():
        now = metrics(burstd)
        return all(one(now, name, **labels) > one(before, name, **labels) for name, labels in [
            ("burstd_upstream_requests_total", {"api": "infinity", "result": "ok"}),
            ("burstd_upstream_requests_total", {"api": "ec2", "result": "ok"}),
            ("burstd_observe_seconds_count", {"source": "infinity"}),
            ("burstd_observe_seconds_sum", {"source": "ec2:eu-west-1"})])
    until(more, "both systems are read again")


def test_a_throttle_is_counted_as_one(burstd, world):
    def throttled():
        return one(metrics(burstd), "burstd_upstream_requests_total", api="ec2", result="throttled")
    before = throttled()
    world("fault", fault="ec2_throttled")
    try:
        until(lambda: throttled() > before, "a throttled request is counted")
    finally:
        world("clear", fault="ec2_throttled")


def test_pace_towards_the_threshold(burstd, world):
    """First nothing moves; then calls come faster than they end."""
    oslo = {"location": "Oslo", "location_id": str(burstd.ids["Oslo"])}
    families = until(lambda: (lambda f: f if "burstd_minutes_to_threshold" in f else None)(metrics(burstd)), "Oslo is a principal")
    assert families["burstd_minutes_to_threshold"].keys() == {frozenset(oslo.items())}

    def left():
        return one(metrics(burstd), "burstd_minutes_to_threshold", **oslo)
    assert left() != left()  # NaN
    try:
        seen = set()

        def falls():  # one call a sample: however fast this is asked, there are samples enough on the way down
            newest = burstd.get(f"/v1/samples?limit=1&location={burstd.ids['Oslo']}")["items"][0]
            if newest["time"] not in seen and newest["free_hd_calls"] > newest["threshold_in_force"] + 2:
                seen.add(newest["time"])
                world("calls", location="Oslo", count=1, seconds=36000)
            shown = burstd.get(f"/v1/locations/{burstd.ids['Oslo']}")["minutes_to_threshold"]
            return shown is not None and 0 < shown < 1 and 0 < left() < 1
        until(falls, "the ramp is seen, in the metric and in the location")
        assert burstd.get(f"/v1/locations/{burstd.ids['Office']}")["minutes_to_threshold"] is None  # no principal
    finally:
        world("end_calls", location="Oslo")


def test_what_nodes_and_stops_came_to(contract):
    """A start, an idle node, a drain, and a forced stop of a node with a call on it: in a world that no other test looks at."""
    world = World(SCALE)
    node = fill(world)["burst-2"]
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
    until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")

    def deed(action, body, end):
        done = burstd.ask("POST", f"/v1/nodes/{node}/{action}", body=body)
        assert done.status_code == 202, done.text
        until(lambda: burstd.get(done.headers["Location"])["state"] in ("done", "failed"), f"{action} has ended")
        assert burstd.get(done.headers["Location"])["state"] == end
    try:
        deed("start", {}, "done")
        until(lambda: one(metrics(burstd), "burstd_node_seconds_total", **{"class": "idle"}) > 0, "it idles")
        assert one(metrics(burstd), "burstd_node_seconds_total", **{"class": "booting"}) > 0
        deed("stop", {}, "done")
        families = metrics(burstd)
        assert one(families, "burstd_drain_seconds_count") == 1 and one(families, "burstd_drain_seconds_sum") > 0
        assert one(families, "burstd_node_seconds_total", **{"class": "draining"}) > 0
        assert one(families, "burstd_calls_cut_total") == 0
        deed("start", {}, "done")
        world("call_on_node", node="burst-2", seconds=36000)
        until(lambda: burstd.get(f"/v1/nodes/{node}")["conferences"], "the call is seen")
        until(lambda: one(metrics(burstd), "burstd_node_seconds_total", **{"class": "useful"}) > 0, "it is of use")
        deed("stop", {"force": True}, "done")
        families = metrics(burstd)
        assert one(families, "burstd_calls_cut_total") == world.metrics()["calls_cut"] == 1
        assert one(families, "burstd_drain_seconds_count") == 1
    finally:
        burstd.close()
        world.stop()
