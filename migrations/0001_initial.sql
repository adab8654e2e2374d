-- The first schema.
--
-- Times are milliseconds since 1970 UTC, 0 = never. Node and location ids are Infinity's, 0 = none; there is
-- no table of nodes to refer to, because Infinity owns them. Words in CHECK lists are those of the *_text
-- functions in fleet/. AUTOINCREMENT where an id is shown outside: an id that was seen once never names
-- another row.

-- What was migrated when and by whom. The number that counts is PRAGMA user_version.
CREATE TABLE schema_migration (
	version    INTEGER PRIMARY KEY,
	name       TEXT NOT NULL,
	applied_at INTEGER NOT NULL,
	program    TEXT NOT NULL
) STRICT;

-- Numbers that only grow: 'wants' with everything that someone may want of the reconciler, 'tokens' with the
-- tokens. Moved by triggers, so that no way of writing can forget them.
CREATE TABLE counter (
	name  TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('wants', 1), ('tokens', 1);

-- One row, absent until someone sets something: until then the defaults of the running version hold.
CREATE TABLE settings (
	id                       INTEGER PRIMARY KEY CHECK (id = 1),
	enabled                  INTEGER NOT NULL CHECK (enabled IN (0, 1)),
	mode                     TEXT NOT NULL CHECK (mode IN ('observe', 'control')),
	tag_value                TEXT NOT NULL,
	bursting_threshold       INTEGER NOT NULL CHECK (bursting_threshold >= 1),
	minimum_lifetime_minutes INTEGER NOT NULL CHECK (minimum_lifetime_minutes >= 5),
	poll_infinity_seconds    INTEGER NOT NULL CHECK (poll_infinity_seconds >= 1),
	poll_ec2_seconds         INTEGER NOT NULL CHECK (poll_ec2_seconds >= 1),
	start_timeout_minutes    INTEGER NOT NULL CHECK (start_timeout_minutes >= 1),
	replication_wait_seconds INTEGER NOT NULL CHECK (replication_wait_seconds >= 1),
	refused_rest_minutes     INTEGER NOT NULL CHECK (refused_rest_minutes >= 1),
	node_capacity_hd         INTEGER NOT NULL CHECK (node_capacity_hd >= 1),
	approaching_margin_hd    INTEGER NOT NULL CHECK (approaching_margin_hd >= 0),
	aws_access_key_id        TEXT NOT NULL,
	aws_secret               BLOB, -- sealed
	version                  INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

CREATE TABLE location_threshold (
	location  INTEGER PRIMARY KEY CHECK (location > 0),
	threshold INTEGER NOT NULL CHECK (threshold >= 1)
) STRICT;

-- NULL = no wish. A row stays when its last wish is taken back: its version must not start again.
CREATE TABLE wish (
	node        INTEGER PRIMARY KEY CHECK (node > 0),
	power       TEXT CHECK (power IN ('on', 'off')),
	maintenance INTEGER CHECK (maintenance IN (0, 1)),
	start_order INTEGER,
	actor       TEXT NOT NULL,
	version     INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

CREATE TABLE hold (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	location   INTEGER NOT NULL CHECK (location >= 0), -- 0 = named nodes, in hold_node
	count      INTEGER NOT NULL CHECK (count >= 0),
	until      INTEGER NOT NULL,
	reason     TEXT NOT NULL,
	owner      TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	end_told   INTEGER NOT NULL DEFAULT 0 CHECK (end_told IN (0, 1)), -- history knows that it ended
	CHECK (location = 0 OR count >= 1)
) STRICT;
CREATE INDEX hold_untold ON hold (until) WHERE end_told = 0;

CREATE TABLE hold_node (
	hold     INTEGER NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	node     INTEGER NOT NULL CHECK (node > 0),
	PRIMARY KEY (hold, position),
	UNIQUE (hold, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE track (
	node          INTEGER PRIMARY KEY CHECK (node > 0),
	instance      TEXT NOT NULL,
	region        TEXT NOT NULL,
	phase         TEXT NOT NULL CHECK (phase IN ('unknown', 'stopped', 'starting', 'serving', 'draining', 'stopping',
	              'failed')),
	phase_since   INTEGER NOT NULL,
	state         TEXT CHECK (state IN ('pending', 'running', 'shutting-down', 'terminated', 'stopping', 'stopped')),
	started_at    INTEGER NOT NULL,
	running_at    INTEGER NOT NULL,
	serving_at    INTEGER NOT NULL,
	stopped_at    INTEGER NOT NULL,
	acted_at      INTEGER NOT NULL,
	refused_until INTEGER NOT NULL,
	refused_code  TEXT NOT NULL,
	failed_at     INTEGER NOT NULL,
	last_max_hd   INTEGER NOT NULL
) STRICT;

CREATE TABLE intent (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	token          TEXT NOT NULL UNIQUE CHECK (length(token) = 36),
	kind           TEXT NOT NULL CHECK (kind IN ('start', 'stop', 'maintenance')),
	state          TEXT NOT NULL CHECK (state IN ('starting', 'booting', 'maintenance_on', 'waiting', 'stopping',
	               'awaiting_stopped', 'maintenance_off', 'cancelling', 'applying', 'done', 'cancelled', 'failed',
	               'abandoned')),
	node           INTEGER NOT NULL CHECK (node > 0),
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
	CHECK ((closed_at = 0) = (state NOT IN ('done', 'cancelled', 'failed', 'abandoned')))
) STRICT;
-- Two open intents for one node would fight over it.
CREATE UNIQUE INDEX intent_open ON intent (node) WHERE closed_at = 0;

-- `clock` is the highest `time` of this row and all before it. It never falls while id grows, whatever the
-- system's clock did, and so turns a range of times into a range of ids.
CREATE TABLE event (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	time      INTEGER NOT NULL,
	clock     INTEGER NOT NULL CHECK (clock >= time),
	type      TEXT NOT NULL CHECK (type IN ('start', 'running', 'drain', 'stop', 'stopped', 'cancel', 'fail', 'maintenance',
	          'lost', 'settings', 'wish', 'hold', 'controller')),
	node      INTEGER NOT NULL,
	node_name TEXT NOT NULL,
	location  INTEGER NOT NULL,
	actor     TEXT NOT NULL,
	reason    TEXT NOT NULL,
	rule      TEXT NOT NULL,
	figures   TEXT,
	operation INTEGER NOT NULL
) STRICT;

CREATE TABLE decision (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	time     INTEGER NOT NULL,
	location INTEGER NOT NULL,
	node     INTEGER NOT NULL,
	action   TEXT NOT NULL,
	rule     TEXT NOT NULL,
	json     TEXT NOT NULL
) STRICT;

CREATE TABLE token (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	name         TEXT NOT NULL CHECK (name <> ''),
	role         TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
	hash         TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
	created_at   INTEGER NOT NULL,
	last_used_at INTEGER NOT NULL DEFAULT 0,
	revoked_at   INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TRIGGER settings_added AFTER INSERT ON settings
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER settings_changed AFTER UPDATE ON settings
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER settings_removed AFTER DELETE ON settings
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;

CREATE TRIGGER location_threshold_added AFTER INSERT ON location_threshold
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER location_threshold_changed AFTER UPDATE ON location_threshold
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER location_threshold_removed AFTER DELETE ON location_threshold
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;

CREATE TRIGGER wish_added AFTER INSERT ON wish
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER wish_changed AFTER UPDATE ON wish
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER wish_removed AFTER DELETE ON wish
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;

-- Telling that a hold ended (end_told) changes nothing that is wanted.
CREATE TRIGGER hold_added AFTER INSERT ON hold
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER hold_changed AFTER UPDATE OF location, count, until ON hold
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER hold_removed AFTER DELETE ON hold
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;

-- An operation that someone asked for; its moves are the reconciler's own.
CREATE TRIGGER intent_added AFTER INSERT ON intent
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;

-- last_used_at changes with every use and nobody's right to anything.
CREATE TRIGGER token_added AFTER INSERT ON token
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'tokens'; END;
CREATE TRIGGER token_changed AFTER UPDATE OF name, role, hash, revoked_at ON token
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'tokens'; END;
CREATE TRIGGER token_removed AFTER DELETE ON token
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'tokens'; END;
