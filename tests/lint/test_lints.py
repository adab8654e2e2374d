"""Each lint finds what it is there to find: a small sound tree passes, and one wrong line in it fails."""

import hashlib
import os
import pathlib
import subprocess

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"

MIGRATION = "CREATE TABLE node(id INTEGER PRIMARY KEY) STRICT;\n"
SOUND = {
    "base/err.h": "/* RULE S1 */\n",
    "fleet/picture.h": '#include "base/err.h"\n#include <jansson.h>\n',
    "bursting/engine.c": '#include "fleet/picture.h"\n/* RULES S2,\n * E1 and V1 */\nint x; /* strcpy( */\n',
    "clients/ec2/ec2.c": '#include <expat.h>\n#include <curl/curl.h>\n#include "fleet/report.h"\n',
    "handlers/nodes.c": '#include "server/http.h"\n#include "store/store.h"\n',
    "store/store.c": '#include <sqlite3.h>\nconst char *s = "system(1)";\n',
    "server/main.c": '#include "handlers/nodes.h"\n#include <microhttpd.h>\n',
    "tests/unit/test_engine.c": '#include "bursting/engine.h"\n#include <sqlite3.h>\n/* RULES S1 to S2, E1 - and RULE V1 */\n',
    "fleet/check.h": '#define CHECKS(X) \\\n\tX(FULL, "node_full", ERROR, NULL, 0, "c", "r") \\\n\tX(TLS, "tls_ends", INFO, NULL, 0, "c", "r")\n',
    "tests/unit/test_checks.c": '\tassert_found_among(s, "node_full");\n\tassert_silent(site->s, CHECK_FULL);\n',
    "tests/api/test_checks.py": 'def test_it(found):\n    assert_found(found, "tls_ends")\n    assert_silent(found, "tls_ends")\n',
    "docs/bursting.md": "### S1 Short\n### S2 First start\n### E1 Idle\n### V1 States\n",
    "migrations/0001_first.sql": MIGRATION,
    "migrations/SHA256SUMS": hashlib.sha256(MIGRATION.encode()).hexdigest() + "  0001_first.sql\n",
}


@pytest.fixture
def tree(tmp_path):
    for path, text in SOUND.items():
        write(tmp_path, path, text)
    return tmp_path


def write(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def lint(name, root, *options):
    run = subprocess.run([TOOLS / f"lint-{name}", *options, root], capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout + run.stderr


def git(root, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", *identity, "-C", root, *arguments], check=True, capture_output=True, env=environment)


def commit(root):
    if not (root / ".git").exists():
        git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "change")


@pytest.mark.parametrize("name", ["includes", "rules", "checks", "banned", "migrations"])
def test_a_sound_tree_passes(tree, name):
    code, said = lint(name, tree)
    assert code == 0 and ": ok, " in said, said


@pytest.mark.parametrize(
    "path, text, says",
    [
        ("base/log.c", '#include "fleet/picture.h"', "its own headers"),
        ("fleet/join.c", '#include "store/store.h"', "fleet/ may include only"),
        ("bursting/plan.c", '#include "clients/transport.h"', "bursting/ may include only"),
        ("clients/x.c", '#include "fleet/picture.h"', "clients/ may include only"),
        ("store/y.c", '#include "reconcile/ports.h"', "store/ may include only"),
        ("reconcile/act.c", '#include "server/http.h"', "reconcile/ may include only"),
        ("handlers/z.c", '#include "server/workers.h"', "handlers/ may include only"),
        ("handlers/z.c", '#include "reconcile/ports.h"', "handlers/ may include only"),
        ("server/x.c", '#include "tests/world/world.h"', "server/ may include only"),
        ("reconcile/a.c", " # include <sqlite3.h>", "<sqlite3.h>"),
        ("server/a.c", "#include <curl/curl.h>", "<curl/curl.h>"),
        ("clients/infinity/a.c", "#include <expat.h>", "<expat.h>"),
        ("handlers/a.c", "#include <microhttpd.h>", "<microhttpd.h>"),
        ("reconcile/a.c", "#include <glib.h>", "<glib.h>"),
        ("calendar/a.c", '#include "store/store.h"', "calendar/ may include only"),
        ("server/a.c", '#include "../base/err.h"', "from the top"),
        ("server/a.c", '#include "http.h"', "from the top"),
        ("extras/a.c", "", "has no row"),
    ],
)
def test_includes_finds(tree, path, text, says):
    write(tree, path, text + "\n")
    code, said = lint("includes", tree)
    assert code != 0 and f"{path}:1: " in said and says in said, said


@pytest.mark.parametrize(
    "path, text, says",
    [
        ("bursting/a.c", "/* RULE S3 */", "bursting/a.c:1: RULE S3 is not in"),
        ("bursting/a.c", "/*\n * RULES S1 and\n * E2 */", "RULE E2 is not in"),
        ("tests/api/test_a.py", "# RULE E9", "tests/api/test_a.py:1: RULE E9 is not in"),
        ("tests/api/test_a.py", "# RULES E1-E3", "RULE E3 is not in"),
        ("docs/other.md", "see RULE D4", "RULE D4 is not in"),
        ("docs/bursting.md", SOUND["docs/bursting.md"] + "### S3 More\n", "S3 is quoted nowhere in the code"),
        ("docs/bursting.md", SOUND["docs/bursting.md"] + "### S3 More\n", "S3 is quoted nowhere in a test"),
        ("docs/bursting.md", SOUND["docs/bursting.md"].replace("### S1 Short\n", ""), "S1 is gone"),
        ("docs/bursting.md", SOUND["docs/bursting.md"] + "## S1 again\n", "S1 has two headings"),
        ("docs/bursting.md", "nothing\n", "no rule has a heading"),
    ],
)
def test_rules_finds(tree, path, text, says):
    write(tree, path, text)
    code, said = lint("rules", tree)
    assert code != 0 and says in said, said


@pytest.mark.parametrize(
    "path, text, says",
    [
        ("tests/unit/test_checks.c", "", "node_full is found in no test"),
        ("tests/unit/test_checks.c", "\tassert_found(s, CHECK_FULL);\n", "node_full is silent in no test"),
        ("tests/unit/test_checks.c", "\tassert_silent(s, CHECK_FULL);\n", "node_full is found in no test"),
        ("tests/unit/test_checks.c", '/* assert_found(s, "node_full"); assert_silent(s, "node_full"); */', "node_full is found in no test"),
        ("tests/unit/test_checks.c", '\tassert_silent(s, "node_full");\n\tfound(s, "node_full");\n', "node_full is found in no test"),
        ("tests/unit/test_more.c", '\tassert_silent(s, "node_ful");\n', "tests/unit/test_more.c:1: node_ful is no row"),
        ("tests/unit/test_more.c", "\tassert_silent(s, CHECK_FUL);\n", "CHECK_FUL is no row"),
        ("tests/api/test_checks.py", '# assert_found(f, "tls_ends")\n"""assert_silent(f, "tls_ends")"""\n', "tls_ends is found in no test"),
        ("tests/api/test_checks.py", 'for c in ["tls_ends"]:\n    assert_found(f, c)\n    assert_silent(f, c)\n', "tls_ends is silent in no test"),
        ("tests/api/test_more.py", 'assert_silent(f, "tls_end")\n', "tests/api/test_more.py:1: tls_end is no row"),
        ("fleet/check.h", SOUND["fleet/check.h"] + '\tX(NEW, "brand_new", WARNING, NULL, 0, "c", "r")\n', "brand_new is found in no test"),
        ("fleet/check.h", "", "no row was found"),
    ],
)
def test_checks_finds(tree, path, text, says):
    write(tree, path, text)
    code, said = lint("checks", tree)
    assert code != 0 and says in said, said


@pytest.mark.parametrize("call", ["strcpy(a, b)", "sprintf (a, b)", "system(a)", "setenv(a, b, 1)", "localtime(&t)"])
def test_banned_finds_calls(tree, call):
    write(tree, "base/a.c", f"int a;\n\tx = {call};\n")
    code, said = lint("banned", tree)
    assert code != 0 and "base/a.c:2: " in said, said


@pytest.mark.parametrize("call", ["snprintf(a, b)", "->system(a)", "my_system(a)", "x.gets(a)", 'f("atoi(1)")'])
def test_banned_leaves_others_alone(tree, call):
    write(tree, "base/a.c", f"\tx = {call};\n")
    assert lint("banned", tree)[0] == 0


def test_banned_is_milder_with_tests_in_some_calls_only(tree):
    write(tree, "tests/unit/test_a.c", "\tsetenv(a, b, 1);\n")
    assert lint("banned", tree)[0] == 0
    write(tree, "tests/unit/test_a.c", "\tstrcat(a, b);\n")
    assert lint("banned", tree)[0] != 0


def test_banned_takes_a_waiver_with_a_reason(tree):
    write(tree, "base/a.c", "\t/* lint: allow strncpy: a field of fixed width */\n\tstrncpy(a, b, 4);\n")
    assert lint("banned", tree)[0] == 0
    write(tree, "base/a.c", "\t/* lint: allow strncpy: */\n\tstrncpy(a, b, 4);\n")
    assert lint("banned", tree)[0] != 0
    write(tree, "base/a.c", "\t/* lint: allow strcpy: not this one */\n\tstrncpy(a, b, 4);\n")
    assert lint("banned", tree)[0] != 0


@pytest.mark.parametrize("path", ["base/a.c", "tests/api/test_a.py", "Makefile", "migrations/0001_first.sql"])
def test_banned_finds_unfinished_work(tree, path):
    write(tree, path, "-- " + "TO" + "DO later\n")
    code, said = lint("banned", tree)
    assert code != 0 and f"{path}:1: " in said, said


@pytest.mark.parametrize(
    "path, text, says",
    [
        ("migrations/0001_first.sql", MIGRATION + "-- more\n", "changed; add a new migration"),
        ("migrations/0002_second.sql", "-- new\n", "not in migrations/SHA256SUMS"),
        ("migrations/0003_gap.sql", "-- new\n", "must run 0001, 0002"),
        ("migrations/second.sql", "-- new\n", "must be named"),
    ],
)
def test_migrations_finds_without_history(tree, path, text, says):
    write(tree, path, text)
    code, said = lint("migrations", tree)
    assert code != 0 and says in said, said


def test_migrations_finds_one_that_is_gone(tree):
    (tree / "migrations/0001_first.sql").unlink()
    code, said = lint("migrations", tree)
    assert code != 0 and "is gone" in said, said


def test_migrations_record_adds_new_ones_and_never_blesses_a_committed_change(tree):
    commit(tree)
    write(tree, "migrations/0002_second.sql", "-- new\n")
    assert lint("migrations", tree, "--record")[0] == 0
    write(tree, "migrations/0002_second.sql", "-- not committed yet, so it may change\n")
    assert lint("migrations", tree, "--record")[0] == 0
    commit(tree)
    write(tree, "migrations/0002_second.sql", "-- changed later\n")
    code, said = lint("migrations", tree, "--record")
    assert code != 0 and "0002_second.sql: changed" in said, said


def test_migrations_finds_a_change_that_came_with_its_sum(tree):
    commit(tree)
    changed = "-- quietly another\n"
    write(tree, "migrations/0001_first.sql", changed)
    write(tree, "migrations/SHA256SUMS", hashlib.sha256(changed.encode()).hexdigest() + "  0001_first.sql\n")
    commit(tree)
    code, said = lint("migrations", tree)
    assert code != 0 and "differs from commit" in said, said
