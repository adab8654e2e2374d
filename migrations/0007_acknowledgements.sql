-- Findings of checks that an operator has accepted until a time. One of a check about a subject; a new one takes the
-- place of one that has expired.
CREATE TABLE acknowledgement (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	check_id   TEXT NOT NULL CHECK (check_id <> ''),
	subject    TEXT NOT NULL CHECK (subject <> ''),
	reason     TEXT NOT NULL CHECK (reason <> ''),
	actor      TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	until      INTEGER NOT NULL CHECK (until > created_at),
	UNIQUE (check_id, subject)
) STRICT;
