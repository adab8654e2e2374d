import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from life import Life  # noqa: E402
from upstream_site import Certificate, Site  # noqa: E402


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.end()


@pytest.fixture
def certificate(tmp_path):
    return Certificate(tmp_path)


@pytest.fixture
def life(site):
    return Life(site)
