-- Schedules, and which of their firings have had their hold (RULE S8).
--
-- `weekdays` has a bit for each day, Monday's first. Times of the day are seconds since local midnight, dates days
-- since 1970-01-01, 0 = none. `nodes` and both kinds of dates are lists of integers in words, "7 8 9": a schedule is
-- read and written as a whole, in one row.
CREATE TABLE schedule (
	id                 INTEGER PRIMARY KEY AUTOINCREMENT,
	name               TEXT NOT NULL UNIQUE CHECK (name <> ''),
	enabled            INTEGER NOT NULL CHECK (enabled IN (0, 1)),
	location           INTEGER NOT NULL CHECK (location >= 0), -- 0 = named nodes
	instances_to_add   INTEGER NOT NULL CHECK (instances_to_add >= 0),
	nodes              TEXT NOT NULL,
	weekdays           INTEGER NOT NULL CHECK (weekdays BETWEEN 0 AND 127),
	time_from          INTEGER NOT NULL CHECK (time_from BETWEEN 0 AND 86399),
	time_to            INTEGER NOT NULL CHECK (time_to BETWEEN 0 AND 86399),
	local_timezone     TEXT NOT NULL,
	minutes_in_advance INTEGER NOT NULL CHECK (minutes_in_advance BETWEEN 0 AND 1440),
	start_date         INTEGER NOT NULL CHECK (start_date >= 0),
	end_date           INTEGER NOT NULL CHECK (end_date = 0 OR end_date >= start_date),
	exceptions         TEXT NOT NULL,
	extra_dates        TEXT NOT NULL,
	created_at         INTEGER NOT NULL,
	CHECK ((location = 0) = (nodes <> '')),
	CHECK (location = 0 OR instances_to_add >= 1)
) STRICT;

-- One row for each firing that has had its hold: it gets no second one. The hold is NULL when an operator took it back.
CREATE TABLE schedule_firing (
	schedule INTEGER NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
	start    INTEGER NOT NULL,
	hold     INTEGER REFERENCES hold (id) ON DELETE SET NULL,
	PRIMARY KEY (schedule, start)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_firing_by_start ON schedule_firing (start);
CREATE INDEX schedule_firing_by_hold ON schedule_firing (hold);

CREATE TRIGGER schedule_added AFTER INSERT ON schedule
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER schedule_changed AFTER UPDATE ON schedule
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
CREATE TRIGGER schedule_removed AFTER DELETE ON schedule
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'wants'; END;
