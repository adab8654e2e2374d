"""The manual and the code name the same things."""

import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]


def ids_in_the_code():
    shown = set()
    shown |= set(re.findall(r'X\(\w+, "(\w+)", (?:INFO|WARNING|ERROR),', (TOP / "fleet/check.h").read_text()))
    for path in (TOP / "clients").rglob("*.c"):
        shown |= set(re.findall(r'"((?:ec2|infinity|credentials|bootstrap)_[a-z_]+)"', path.read_text()))
    return shown - {"source_error"}


def test_troubleshooting_knows_every_issue():
    page = (TOP / "docs/troubleshooting.md").read_text()
    rows = {issue for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for issue in re.findall(r"`(\w+)`", row)}
    code = ids_in_the_code()
    assert len(code) > 40
    assert rows - code == {"infinity_partial"} - code, "the page explains what no code says"
    assert code - rows == set(), "the page is silent about these"


def test_links_lead_somewhere():
    for page in [*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
