/* Acknowledgements of findings: known and accepted, until a time. Expired rows stay until the next one of the same finding. */
#include <assert.h>
#include <stdlib.h>

#include "store/sql.h"
#include "store/store.h"

#define COLUMNS "id, check_id, subject, reason, actor, created_at, until"

/* clang-format off */
#define ACKNOWLEDGEMENTS_SQL(X) \
	X(ACK_PAGE, "SELECT " COLUMNS " FROM acknowledgement WHERE id > ? AND until > ? ORDER BY id LIMIT ?") \
	X(ACK_GET, "SELECT " COLUMNS " FROM acknowledgement WHERE id = ?") \
	X(ACK_EXPIRE, "DELETE FROM acknowledgement WHERE check_id = ? AND subject = ? AND until <= ?") \
	X(ACK_ADD, "INSERT INTO acknowledgement (check_id, subject, reason, actor, created_at, until) VALUES (?, ?, ?, ?, ?, ?)") \
	X(ACK_REMOVE, "DELETE FROM acknowledgement WHERE id = ?")
/* clang-format on */
SQL_TABLE(acknowledgements, ACKNOWLEDGEMENTS_SQL)

static void ack_row(struct sql *q, void *out)
{
	struct acknowledgement *a = out;

	a->id = sql_get_int(q);
	sql_get_texts(q, 4, (const char **[]){&a->check, &a->subject, &a->reason, &a->actor});
	a->created_at = sql_get_int(q);
	a->until = sql_get_int(q);
}

static void ack_release(void *out)
{
	struct acknowledgement *a = out;

	text_free(a->check);
}

void store_acknowledgements_free(struct acknowledgement *acks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ack_release(&acks[i]);
	free(acks);
}

enum err store_acknowledgements(struct store *st, int64_t now, bool expired, int64_t after, int limit,
				struct acknowledgement **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, ACK_PAGE, e);
	void *rows;
	enum err err;

	assert(limit > 0);
	sql_put_int(&q, after);
	sql_put_int(&q, expired ? INT64_MIN : now);
	sql_put_int(&q, limit);
	err = sql_list(&q, sizeof(**ret), ack_row, ack_release, &rows, ret_n);
	if (!err)
		*ret = rows;
	return err;
}

enum err store_acknowledgement_get(struct store *st, int64_t id, struct acknowledgement **ret,
				   struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, ACK_GET, e);
	void *rows;
	size_t n;
	enum err err;

	sql_put_int(&q, id);
	if ((err = sql_list(&q, sizeof(**ret), ack_row, ack_release, &rows, &n)))
		return err;
	if (!n)
		return error_set(e, ERR_NOT_FOUND, "There is no acknowledgement %lld.", (long long)id);
	*ret = rows;
	return ERR_OK;
}

static enum err expire(struct store *st, const struct acknowledgement *a, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, ACK_EXPIRE, e);

	sql_put_text(&q, a->check);
	sql_put_text(&q, a->subject);
	sql_put_int(&q, a->created_at);
	return sql_run(&q);
}

static enum err ack_add_tx(struct store *st, void *arg, struct error *e)
{
	struct acknowledgement *a = arg;
	_cleanup_(sql_end) struct sql q = sql(st, ACK_ADD, e);
	enum err err = expire(st, a, e);

	if (err)
		return err;
	sql_put_text(&q, a->check);
	sql_put_text(&q, a->subject);
	sql_put_text(&q, a->reason);
	sql_put_text(&q, a->actor);
	sql_put_int(&q, a->created_at);
	sql_put_int(&q, a->until);
	err = sql_run(&q);
	if (err == ERR_CONFLICT)
		return error_set(e, err, "This finding is acknowledged already: take that back first.");
	if (!err)
		a->id = sqlite3_last_insert_rowid(st->db);
	return err;
}

enum err store_acknowledgement_add(struct store *st, struct acknowledgement *a, struct error *e)
{
	return sql_write(st, ack_add_tx, a, e);
}

enum err store_acknowledgement_remove(struct store *st, int64_t id, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, ACK_REMOVE, e);
	enum err err;

	sql_put_int(&q, id);
	if ((err = sql_run(&q)))
		return err;
	return sql_changed(&q)
		       ? ERR_OK
		       : error_set(e, ERR_NOT_FOUND, "There is no acknowledgement %lld.", (long long)id);
}
