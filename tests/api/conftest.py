import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from contract import Contract  # noqa: E402
from harness import ROOT, Burstd, World, fill, until, upstreams  # noqa: E402

SCALE = 100  # a boot of a minute takes 0.6 s


def pytest_collection_modifyitems(items):
    """What looks back on all other tests comes last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


def pytest_configure(config):
    config.addinivalue_line("markers", "last: runs after all other tests")


@pytest.fixture(scope="session")
def contract():
    return Contract(ROOT / "openapi/openapi.yaml")


@pytest.fixture(scope="session")
def deaf(contract):
    """burstd that hears neither upstream system: nothing listens on port 9."""
    burstd = Burstd(contract, upstreams("http://127.0.0.1:9", "http://127.0.0.1:9"))
    yield burstd
    burstd.close()


@pytest.fixture(scope="session")
def world():
    world = World(SCALE)
    world.ids = fill(world)
    yield world
    world.stop()


@pytest.fixture(scope="session")
def burstd(contract, world):
    """burstd on the world, ready; bursting stays off, so that only the tests move anything."""
    burstd = Burstd(contract, upstreams(world.infinity, world.ec2), SCALE)
    burstd.ids = world.ids
    until(lambda: burstd.ask("GET", "/readyz", token=None).status_code == 200, "burstd is ready")
    until(lambda: len(burstd.get("/v1/status")["overflow_nodes"]) == 3, "all nodes are seen")
    yield burstd
    burstd.close()
