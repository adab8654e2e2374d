/* Kept replies of POST requests. A sealed body names its row, so that it cannot be moved to another one. */
#include <stdio.h>
#include <string.h>

#include "store/sql.h"
#include "store/store.h"

/* How many expired rows a new one takes away: more than one, so that the table shrinks. */
#define SWEEP "100"

/* clang-format off */
#define IDEMPOTENCY_SQL(X) \
	X(REPLY_GET, "SELECT fingerprint, expires_at, status, media, location, etag, body FROM idempotency " \
	  "WHERE actor = ? AND key = ? AND expires_at > ?") \
	X(REPLY_PUT, "INSERT OR REPLACE INTO idempotency " \
	  "(actor, key, fingerprint, expires_at, status, media, location, etag, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)") \
	X(REPLY_SWEEP, "DELETE FROM idempotency WHERE rowid IN " \
	  "(SELECT rowid FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT " SWEEP ")")
/* clang-format on */
SQL_TABLE(idempotency, IDEMPOTENCY_SQL)

#define LABEL_SIZE (sizeof(((struct token_row *)NULL)->name) + IDEMPOTENCY_KEY_MAX + sizeof("idempotency//"))

static void label_make(char out[LABEL_SIZE], const char *actor, const char *key)
{
	(void)snprintf(out, LABEL_SIZE, "idempotency/%s/%s", actor, key);
}

static void reply_row(struct sql *q, struct kept_reply *reply)
{
	SQL_GET_ARRAY(q, reply->fingerprint);
	reply->expires_at = sql_get_int(q);
	reply->status = sql_get_int32(q);
	SQL_GET_ARRAY(q, reply->media);
	SQL_GET_ARRAY(q, reply->location);
	SQL_GET_ARRAY(q, reply->etag);
}

enum err store_reply_get(struct store *st, const char *actor, const char *key, int64_t now,
			 struct kept_reply *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, REPLY_GET, e);
	struct kept_reply reply = {.status = 0};
	char label[LABEL_SIZE];
	const void *sealed;
	size_t len;

	label_make(label, actor, key);
	sql_put_text(&q, actor);
	sql_put_text(&q, key);
	sql_put_int(&q, now);
	if (!sql_row(&q))
		return q.err ? q.err : error_set(e, ERR_NOT_FOUND, "No reply is kept under this key.");
	reply_row(&q, &reply);
	sealed = sqlite3_column_blob(q.statement, q.column);
	len = (size_t)sqlite3_column_bytes(q.statement, q.column++);
	if (!q.err && secret_open(st->key, label, sealed, len, &reply.body, NULL))
		sql_fail(&q, "the reply was not sealed with this key file");
	if (!q.err)
		*ret = reply;
	return q.err;
}

static enum err sweep(struct store *st, int64_t now, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, REPLY_SWEEP, e);

	sql_put_int(&q, now);
	return sql_run(&q);
}

enum err store_reply_put(struct store *st, const char *actor, const char *key, int64_t now,
			 const struct kept_reply *reply, struct error *e)
{
	_cleanup_(freep) uint8_t *sealed = NULL;
	char label[LABEL_SIZE];
	size_t len = 0;
	enum err err = sweep(st, now, e);

	label_make(label, actor, key);
	if (err || (err = secret_seal(st->key, label, reply->body, &sealed, &len, e)))
		return err;
	_cleanup_(sql_end) struct sql q = sql(st, REPLY_PUT, e);
	sql_put_text(&q, actor);
	sql_put_text(&q, key);
	sql_put_text(&q, reply->fingerprint);
	sql_put_int(&q, reply->expires_at);
	sql_put_int(&q, reply->status);
	sql_put_text(&q, reply->media);
	sql_put_text(&q, reply->location);
	sql_put_text(&q, reply->etag);
	sql_put_blob(&q, sealed, len);
	return sql_run(&q);
}

void kept_reply_clear(struct kept_reply *reply)
{
	secret_free(reply->body);
	reply->body = NULL;
}
