import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "upstream")]

from crash_site import Site  # noqa: E402


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.end()
