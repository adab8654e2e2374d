"""The README's table of options and the one in the code name the same options."""

import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]


def test_readme_has_every_option():
    code = set(re.findall(r'X\(\w+, (\w+), "(BURSTD_\w+)"', (TOP / "server/config.h").read_text()))
    readme = set(re.findall(r"^\| `(\w+)`(?: \*)? \| `(BURSTD_\w+)` \|", (TOP / "README.md").read_text(), re.MULTILINE))
    assert len(code) > 10 and readme == code
