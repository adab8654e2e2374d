"""A browser on the dashboard, on the built-in world."""

import pathlib
import sys

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

from contract import Contract  # noqa: E402
from harness import ROOT, Burstd, World, until, upstreams  # noqa: E402
from page import Page  # noqa: E402

SCALE = 100  # a boot of a minute takes 0.6 s
SWITCHES = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"]


@pytest.fixture(scope="session", name="contract")
def the_contract():
    return Contract(ROOT / "openapi/openapi.yaml")


@pytest.fixture(scope="session", name="driver")
def the_driver(tmp_path_factory):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for switch in [*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}", "--window-size=1280,900"]:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    yield driver
    driver.quit()


def a_world(scale=SCALE):
    """Oslo, 34 HD calls, bursts into "AWS burst" with three nodes."""
    world = World(scale)
    world("traffic", on=False)
    world("add_location", name="AWS burst")
    world("add_location", name="Oslo", overflow1="AWS burst")
    for name in ("oslo-1", "oslo-2"):
        world("add_node", name=name, location="Oslo", running=True)
    for name in ("burst-1", "burst-2", "burst-3"):
        world("add_node", name=name, location="AWS burst", bursting=True, region="eu-west-1")
    world("boot", seconds=60)
    return world


def a_burstd(contract, world, nodes, scale=SCALE, **env):
    env = {**upstreams(world.infinity, world.ec2), "BURSTD_BOOTSTRAP_URL": world.bootstrap + "/{address}", **env}
    burstd = Burstd(contract, env, scale)
    until(lambda: len(burstd.get("/v1/status")["overflow_nodes"]) == nodes, "all nodes are seen")
    return burstd


@pytest.fixture(name="world")
def the_world():
    world = a_world()
    yield world
    world.stop()


@pytest.fixture(name="burstd")
def the_burstd(contract, world):
    burstd = a_burstd(contract, world, 3)
    yield burstd
    burstd.close()


@pytest.fixture(name="page")
def the_page(driver, burstd):
    """Signed in, at the overview; nothing may have been complained about in the end."""
    page = Page(driver, f"http://{burstd.address}")
    page.sign_in(burstd.token)
    yield page
    page.leave()
