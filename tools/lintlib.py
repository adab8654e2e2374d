"""What the lints share: the tree's files, C text without its comments and strings, one form of report."""

import os
import re
import sys

SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__", ".pytest_cache"}

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""", re.DOTALL
)


def files(root, suffixes, below=""):
    """Relative paths of the tree's files that end so, sorted."""
    found = []
    for folder, folders, names in os.walk(os.path.join(root, below)):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names if n.endswith(tuple(suffixes))]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def code_only(text):
    """C source with comments and literals blanked; lines and columns stay where they are."""
    return _TOKEN.sub(lambda m: _blank(m.group(0)), text)


def without_comments(text):
    """C source with comments alone blanked."""
    return _TOKEN.sub(lambda m: _blank(m.group(0)) if m.group("comment") else m.group(0), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def root_argument():
    return sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def finish(name, findings, what):
    """Prints the findings, or one line that says what was looked at; ends the process."""
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        sys.exit(f"{name}: {len(findings)} finding(s)")
    print(f"{name}: ok, {what}")
