-- Replies to POST requests that came with an Idempotency-Key, written in the transaction of their effect.
--
-- `fingerprint` is a SHA-256 over method, path, query and body: the same key with another one is refused. `body`
-- is sealed, because a reply may hold what is shown only once. "" = the reply had no such header.
CREATE TABLE idempotency (
	actor       TEXT NOT NULL,
	key         TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
	fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 64),
	expires_at  INTEGER NOT NULL,
	status      INTEGER NOT NULL CHECK (status BETWEEN 200 AND 499),
	media       TEXT NOT NULL,
	location    TEXT NOT NULL,
	etag        TEXT NOT NULL,
	body        BLOB NOT NULL,
	PRIMARY KEY (actor, key)
) STRICT;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
