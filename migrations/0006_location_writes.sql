-- Locations are written too: wishes for them, and operations of their own.
--
-- The operations of locations are intents without a node. SQLite cannot loosen a CHECK, so the table is made anew with
-- the same columns and what a location's change consists of behind them.

-- NULL = no wish; 0 = the wish for no link. A row stays when its last wish is released: its version must not start again.
CREATE TABLE location_wish (
	location    INTEGER PRIMARY KEY CHECK (location > 0),
	name        TEXT CHECK (name <> ''),
	description TEXT,
	overflow1   INTEGER CHECK (overflow1 >= 0),
	overflow2   INTEGER CHECK (overflow2 >= 0),
	actor       TEXT NOT NULL,
	refused     TEXT NOT NULL, -- Infinity's words, or empty
	applied_at  INTEGER NOT NULL,
	version     INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

CREATE TRIGGER location_wish_added AFTER INSERT ON location_wish
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER location_wish_changed AFTER UPDATE ON location_wish
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER location_wish_removed AFTER DELETE ON location_wish
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;

CREATE TABLE intent_anew (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	token          TEXT NOT NULL UNIQUE CHECK (length(token) = 36),
	kind           TEXT NOT NULL CHECK (kind IN ('start', 'stop', 'maintenance', 'location_create', 'location_update',
	               'location_delete')),
	state          TEXT NOT NULL CHECK (state IN ('starting', 'booting', 'maintenance_on', 'waiting', 'stopping',
	               'awaiting_stopped', 'maintenance_off', 'cancelling', 'applying', 'done', 'cancelled', 'failed',
	               'abandoned')),
	node           INTEGER NOT NULL CHECK (node >= 0),
	node_name      TEXT NOT NULL,
	location       INTEGER NOT NULL,
	instance       TEXT NOT NULL,
	region         TEXT NOT NULL,
	actor          TEXT NOT NULL,
	rule           TEXT NOT NULL,
	reason         TEXT NOT NULL,
	figures        TEXT NOT NULL, -- JSON object, or empty
	force          INTEGER NOT NULL CHECK (force IN (0, 1)),
	via_infinity   INTEGER NOT NULL CHECK (via_infinity IN (0, 1)),
	maintenance    INTEGER NOT NULL CHECK (maintenance IN (0, 1)),
	attempts       INTEGER NOT NULL CHECK (attempts >= 0),
	created_at     INTEGER NOT NULL,
	entered_at     INTEGER NOT NULL,
	next_at        INTEGER NOT NULL,
	maintenance_at INTEGER NOT NULL,
	closed_at      INTEGER NOT NULL,
	error          TEXT NOT NULL,
	new_name        TEXT, -- of a location; NULL = is not changed
	new_description TEXT,
	new_overflow1   INTEGER,
	new_overflow2   INTEGER,
	CHECK ((closed_at = 0) = (state NOT IN ('done', 'cancelled', 'failed', 'abandoned'))),
	CHECK ((node = 0) = (kind IN ('location_create', 'location_update', 'location_delete')))
) STRICT;
INSERT INTO intent_anew SELECT id, token, kind, state, node, node_name, location, instance, region, actor, rule, reason,
	figures, force, via_infinity, maintenance, attempts, created_at, entered_at, next_at, maintenance_at, closed_at, error,
	NULL, NULL, NULL, NULL FROM intent;
DROP TABLE intent;
ALTER TABLE intent_anew RENAME TO intent;

CREATE INDEX intent_by_node ON intent (node, id);
CREATE INDEX intent_open ON intent (node) WHERE closed_at = 0;
-- Two open intents for one node would fight over it, and so would two for one location or for one name.
CREATE UNIQUE INDEX intent_open_node ON intent (node) WHERE closed_at = 0 AND node > 0;
CREATE UNIQUE INDEX intent_open_location ON intent (location) WHERE closed_at = 0 AND node = 0 AND location > 0;
CREATE UNIQUE INDEX intent_open_name ON intent (new_name) WHERE closed_at = 0 AND kind = 'location_create';

CREATE TRIGGER intent_added AFTER INSERT ON intent
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
