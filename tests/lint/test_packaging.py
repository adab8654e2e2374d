"""What is installed beside the program: systemd's units and Prometheus' alert rules."""

import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
RULES = TOP / "packaging/prometheus/burstd.rules.yml"
TESTS = TOP / "packaging/prometheus/burstd.rules.test.yml"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def promtool(*arguments):
    program = shutil.which("promtool") or shutil.which("promtool", path=TOP / "build/prometheus/usr/bin")
    assert program, "promtool is missing: run tools/install-deps.sh test"
    return run(program, *arguments)


@pytest.mark.parametrize("arguments", [("check", "rules", RULES), ("test", "rules", TESTS)], ids=["check", "test"])
def test_alert_rules(arguments):
    code, said = promtool(*arguments)
    assert code == 0 and "SUCCESS" in said, said


def test_every_alert_is_tested_and_knows_its_metrics():
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    documented = set(re.findall(r"`(burstd_\w+)", (TOP / "docs/metrics.md").read_text()))
    tested = set(re.findall(r'alertname="(\w+)"', TESTS.read_text()))
    for rule in rules:
        assert set(re.findall(r"burstd_\w+", rule["expr"])) <= documented, rule["alert"]
    assert {rule["alert"] for rule in rules} <= tested


@pytest.fixture(name="units")
def units_with_a_program(tmp_path):
    """The units as files that systemd-analyze can look at on a machine without burstd."""
    for name, instance in [("burstd.service", "burstd.service"), ("burstd@.service", "burstd@oslo.service")]:
        text = (TOP / "debian" / name).read_text().replace("/usr/bin/burstd", "/bin/true")
        (tmp_path / name).write_text(text)
        (tmp_path / instance).write_text(text)
    return [tmp_path / "burstd.service", tmp_path / "burstd@oslo.service"]


def test_units_are_sound(units):
    code, said = run("systemd-analyze", "--man=no", "verify", *units)
    assert (code, said) == (0, "")


def test_units_are_hardened(units):
    for unit in units:
        code, said = run("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15", unit)
        assert code == 0, said  # an exposure of 1.5 at most, of 10


def test_both_units_are_hardened_alike():
    one, several = ((TOP / "debian" / name).read_text() for name in ("burstd.service", "burstd@.service"))
    assert "NoNewPrivileges" in one and one[one.index("UMask="):] == several[several.index("UMask="):]
