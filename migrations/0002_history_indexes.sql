-- Paging newest first: each index has id right behind the column that is filtered by, and behind it the
-- columns of the filters that may come on top. A filter of several columns uses the index of the first of
-- node, location, type, actor; the others are compared inside the index, and the table is visited only for
-- the rows of the page.
CREATE INDEX event_by_node ON event (node, id, location, type, actor);
CREATE INDEX event_by_location ON event (location, id, type, actor);
CREATE INDEX event_by_type ON event (type, id, actor);
CREATE INDEX event_by_actor ON event (actor, id);

-- From a time to an id: the first row whose clock reached it. Rows whose own time is behind the clock (the
-- system's clock went back, or two threads told their news in the other order) are the exceptions, and few.
CREATE INDEX event_by_clock ON event (clock, id);
CREATE INDEX event_late ON event (time, id, clock) WHERE time < clock;

CREATE INDEX decision_by_location ON decision (location, id);
CREATE INDEX intent_by_node ON intent (node, id);
