-- Life-cycle operations: intents with values and steps; their events; the permission for them and keys of their own; and
-- the wish that a node's static NAT address follows its public one.
--
-- SQLite cannot loosen a CHECK, so `intent` and `event` are made anew with the same columns.
CREATE TABLE intent_anew (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	token          TEXT NOT NULL UNIQUE CHECK (length(token) = 36),
	kind           TEXT NOT NULL CHECK (kind IN ('start', 'stop', 'maintenance', 'location_create', 'location_update',
	               'location_delete', 'deploy_node', 'deploy_management_node', 'configure_platform', 'shut_down', 'reinstate',
	               'remove', 'convert', 'resize', 'enable_ena', 'assign_address', 'follow_address', 'security_group',
	               'push_settings')),
	state          TEXT NOT NULL CHECK (state IN ('starting', 'booting', 'maintenance_on', 'waiting', 'stopping',
	               'awaiting_stopped', 'maintenance_off', 'cancelling', 'applying', 'working', 'needs_person', 'halted',
	               'undoing', 'done', 'cancelled', 'failed', 'abandoned')),
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
	CHECK (node > 0 OR kind NOT IN ('start', 'stop', 'maintenance')),
	CHECK (node = 0 OR kind NOT IN ('location_create', 'location_update', 'location_delete'))
) STRICT;
INSERT INTO intent_anew SELECT id, token, kind, state, node, node_name, location, instance, region, actor, rule, reason,
	figures, force, via_infinity, maintenance, attempts, created_at, entered_at, next_at, maintenance_at, closed_at, error,
	new_name, new_description, new_overflow1, new_overflow2 FROM intent;
DROP TABLE intent;
ALTER TABLE intent_anew RENAME TO intent;

CREATE INDEX intent_by_node ON intent (node, id);
CREATE INDEX intent_open ON intent (node) WHERE closed_at = 0;
-- Two open intents for one node would fight over it, and so would two for one location, for one name, or for the platform.
CREATE UNIQUE INDEX intent_open_node ON intent (node) WHERE closed_at = 0 AND node > 0;
CREATE UNIQUE INDEX intent_open_location ON intent (location) WHERE closed_at = 0 AND node = 0 AND location > 0
	AND kind IN ('location_update', 'location_delete');
CREATE UNIQUE INDEX intent_open_name ON intent (new_name) WHERE closed_at = 0 AND kind = 'location_create';
CREATE UNIQUE INDEX intent_open_deployment ON intent (node_name) WHERE closed_at = 0
	AND kind IN ('deploy_node', 'deploy_management_node');
CREATE UNIQUE INDEX intent_open_platform ON intent (kind) WHERE closed_at = 0
	AND kind IN ('configure_platform', 'push_settings', 'security_group');

CREATE TRIGGER intent_added AFTER INSERT ON intent
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;

-- What a life-cycle operation was asked for, and what its steps found. A secret is sealed, and removed at the operation's end.
CREATE TABLE operation_value (
	operation INTEGER NOT NULL REFERENCES intent (id),
	name      TEXT NOT NULL,
	value     TEXT,
	sealed    BLOB,
	PRIMARY KEY (operation, name),
	CHECK ((value IS NULL) <> (sealed IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE operation_step (
	operation  INTEGER NOT NULL REFERENCES intent (id),
	position   INTEGER NOT NULL CHECK (position >= 0),
	name       TEXT NOT NULL,
	state      TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'skipped', 'halted', 'undoing', 'undone')),
	attempts   INTEGER NOT NULL CHECK (attempts >= 0),
	started_at INTEGER NOT NULL,
	ended_at   INTEGER NOT NULL,
	detail     TEXT NOT NULL,
	error      TEXT NOT NULL,
	PRIMARY KEY (operation, position)
) STRICT, WITHOUT ROWID;
-- When a step was last done on any node: some changes must not follow each other closely.
CREATE INDEX operation_step_by_name ON operation_step (name, ended_at);

CREATE TABLE event_anew (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	time      INTEGER NOT NULL,
	clock     INTEGER NOT NULL CHECK (clock >= time),
	type      TEXT NOT NULL CHECK (type IN ('start', 'running', 'drain', 'stop', 'stopped', 'cancel', 'fail', 'maintenance',
	          'lost', 'settings', 'wish', 'hold', 'controller', 'operation')),
	node      INTEGER NOT NULL,
	node_name TEXT NOT NULL,
	location  INTEGER NOT NULL,
	actor     TEXT NOT NULL,
	reason    TEXT NOT NULL,
	rule      TEXT NOT NULL,
	figures   TEXT,
	operation INTEGER NOT NULL
) STRICT;
INSERT INTO event_anew SELECT id, time, clock, type, node, node_name, location, actor, reason, rule, figures, operation
	FROM event;
DROP TABLE event;
ALTER TABLE event_anew RENAME TO event;
CREATE INDEX event_by_node ON event (node, id, location, type, actor);
CREATE INDEX event_by_location ON event (location, id, type, actor);
CREATE INDEX event_by_type ON event (type, id, actor);
CREATE INDEX event_by_actor ON event (actor, id);
CREATE INDEX event_by_clock ON event (clock, id);
CREATE INDEX event_late ON event (time, id, clock) WHERE time < clock;
CREATE INDEX event_by_location_type ON event (location, type, id);
CREATE INDEX event_by_location_actor ON event (location, actor, id);
CREATE INDEX event_by_location_type_actor ON event (location, type, actor, id);
CREATE INDEX event_by_type_actor ON event (type, actor, id);

ALTER TABLE settings ADD COLUMN allow_lifecycle INTEGER NOT NULL DEFAULT 0 CHECK (allow_lifecycle IN (0, 1));
ALTER TABLE settings ADD COLUMN lifecycle_access_key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE settings ADD COLUMN lifecycle_secret BLOB; -- sealed

-- NULL = no wish; 1 = kept equal to the instance's public address.
ALTER TABLE wish ADD COLUMN follow_address INTEGER CHECK (follow_address IN (0, 1));
