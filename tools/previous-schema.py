"""Makes a database anew with all migrations but the last, keeping its tokens: what an upgrade finds.   previous-schema.py BURSTD.DB"""

import pathlib
import sqlite3
import sys

MIGRATIONS = sorted((pathlib.Path(__file__).resolve().parents[1] / "migrations").glob("[0-9]*.sql"))

path = pathlib.Path(sys.argv[1])
present = sqlite3.connect(path)
tokens = present.execute("SELECT * FROM token").fetchall()
(application,) = present.execute("PRAGMA application_id").fetchone()
present.close()
for old in path.parent.glob(path.name + "*"):
    old.unlink()
db = sqlite3.connect(path, isolation_level=None)
db.execute(f"PRAGMA application_id = {application}")
for version, sql in enumerate(MIGRATIONS[:-1], start=1):
    db.executescript(sql.read_text())
    db.execute("INSERT INTO schema_migration (version, name, applied_at, program) VALUES (?, ?, 0, '0.0.1')", (version, sql.stem))
    db.execute(f"PRAGMA user_version = {version}")
for token in tokens:
    db.execute(f"INSERT INTO token VALUES ({', '.join('?' * len(token))})", token)
path.chmod(0o600)
