-- Load over time (/v1/samples), for charts and for the ramp of a location. And more indexes of history.
--
-- `sample` has what was seen: one row a location and minute, and one where something changed. `sample_mean` has ten
-- minutes in one row; `time` is where they begin. Both are cut off at the old end (docs/operations.md), so neither has
-- an id: the key is the time and the location. NULL = not known; a figure that is not known is never 0. The columns
-- named by the phases count bursting nodes.
CREATE TABLE sample (
	time       INTEGER NOT NULL,
	location   INTEGER NOT NULL CHECK (location > 0),
	free_hd    INTEGER NOT NULL CHECK (free_hd >= 0),
	max_hd     INTEGER NOT NULL CHECK (max_hd >= 0),
	threshold  INTEGER NOT NULL CHECK (threshold >= 1),
	media_load INTEGER,
	unknown    INTEGER,
	stopped    INTEGER,
	starting   INTEGER,
	serving    INTEGER,
	draining   INTEGER,
	stopping   INTEGER,
	failed     INTEGER,
	PRIMARY KEY (time, location)
) STRICT, WITHOUT ROWID;
CREATE INDEX sample_by_location ON sample (location, time, free_hd);

CREATE TABLE sample_mean (
	time        INTEGER NOT NULL,
	location    INTEGER NOT NULL CHECK (location > 0),
	samples     INTEGER NOT NULL CHECK (samples >= 1),
	free_hd     REAL NOT NULL,
	free_hd_min INTEGER NOT NULL,
	free_hd_max INTEGER NOT NULL,
	max_hd      REAL NOT NULL,
	threshold   INTEGER NOT NULL,
	media_load  REAL,
	unknown     REAL,
	stopped     REAL,
	starting    REAL,
	serving     REAL,
	draining    REAL,
	stopping    REAL,
	failed      REAL,
	PRIMARY KEY (time, location)
) STRICT, WITHOUT ROWID;
CREATE INDEX sample_mean_by_location ON sample_mean (location, time);

-- History by two and three filters. With the indexes that there are, the rows of a location that fit a rare type or actor were
-- looked for among all of its rows: 65 ms where a million events are at three locations. What is combined with a node
-- is still looked for among that node's rows, which are few.
CREATE INDEX event_by_location_type ON event (location, type, id);
CREATE INDEX event_by_location_actor ON event (location, actor, id);
CREATE INDEX event_by_location_type_actor ON event (location, type, actor, id);
CREATE INDEX event_by_type_actor ON event (type, actor, id);
