/* The decision log: each decision as JSON, with the few columns that are filtered by. */
#include <assert.h>
#include <string.h>

#include "store/sql.h"
#include "store/store.h"

#define DECISION_SELECT "SELECT id, time, location, node, action, rule, json FROM decision "
/* clang-format off */
#define DECISIONS_SQL(X) \
	X(DECISIONS_PAGE, DECISION_SELECT "WHERE id < ? ORDER BY id DESC LIMIT ?") \
	X(DECISIONS_PAGE_LOCATION, DECISION_SELECT \
	  "INDEXED BY decision_by_location WHERE location = ? AND id < ? ORDER BY id DESC LIMIT ?") \
	X(DECISION_GET, DECISION_SELECT "WHERE id = ?") \
	X(DECISION_ADD, "INSERT INTO decision (time, location, node, action, rule, json) VALUES (?, ?, ?, ?, ?, ?)")
/* clang-format on */
SQL_TABLE(decisions, DECISIONS_SQL)

static void decision_row(struct sql *q, void *out)
{
	struct decision_row *d = out;
	const char *json;

	d->id = sql_get_int(q);
	d->time = sql_get_int(q);
	d->location = sql_get_int(q);
	d->node = sql_get_int(q);
	SQL_GET_ARRAY(q, d->action);
	SQL_GET_ARRAY(q, d->rule);
	json = sql_get_text(q);
	d->json = strdup(json);
	if (!d->json)
		sql_fail(q, "out of memory");
}

static void decision_release(void *out)
{
	struct decision_row *d = out;

	free(d->json);
}

void store_decisions_free(struct decision_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		decision_release(&rows[i]);
	free(rows);
}

static enum err decisions_read(struct sql *q, struct decision_row **ret, size_t *ret_n)
{
	void *rows;
	enum err err;

	if ((err = sql_list(q, sizeof(**ret), decision_row, decision_release, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

enum err store_decision_add(struct store *st, const struct decision_row *d, int64_t *ret_id, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, DECISION_ADD, e);
	enum err err;

	sql_put_int(&q, d->time);
	sql_put_int(&q, d->location);
	sql_put_int(&q, d->node);
	sql_put_text(&q, d->action);
	sql_put_text(&q, d->rule);
	sql_put_text(&q, d->json);
	if ((err = sql_run(&q)))
		return err;
	if (ret_id)
		*ret_id = sqlite3_last_insert_rowid(st->db);
	return ERR_OK;
}

enum err store_decisions_page(struct store *st, int64_t location, int64_t before, int limit,
			      struct decision_row **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, location ? DECISIONS_PAGE_LOCATION : DECISIONS_PAGE, e);

	assert(limit > 0);
	if (location)
		sql_put_int(&q, location);
	sql_put_int(&q, before ? before : INT64_MAX);
	sql_put_int(&q, limit);
	return decisions_read(&q, ret, ret_n);
}

enum err store_decision_get(struct store *st, int64_t id, struct decision_row **ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, DECISION_GET, e);
	struct decision_row *rows;
	size_t n;
	enum err err;

	sql_put_int(&q, id);
	if ((err = decisions_read(&q, &rows, &n)))
		return err;
	if (!n)
		return error_set(e, ERR_NOT_FOUND, "There is no decision %lld.", (long long)id);
	*ret = rows;
	return ERR_OK;
}
