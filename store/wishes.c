/*
 * The operators' wishes for nodes. In the database NULL is "no wish"; a row, once made, stays for its
 * version.
 */
#include <string.h>

#include "store/sql.h"
#include "store/store.h"

#define WISH_COLUMNS "node, power, maintenance, start_order, follow_address, actor, version"
/* clang-format off */
#define WISHES_SQL(X) \
	X(WISHES, "SELECT " WISH_COLUMNS " FROM wish ORDER BY node") \
	X(WISH_GET, "SELECT " WISH_COLUMNS " FROM wish WHERE node = ?") \
	X(WISH_PUT, \
	  "INSERT INTO wish (" WISH_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?) " \
	  "ON CONFLICT (node) DO UPDATE SET power = excluded.power, maintenance = excluded.maintenance, " \
	  "start_order = excluded.start_order, follow_address = excluded.follow_address, actor = excluded.actor, version = excluded.version")
/* clang-format on */
SQL_TABLE(wishes, WISHES_SQL)

static enum wish_power get_power(struct sql *q)
{
	const char *text = sql_get_text(q);

	if (!*text)
		return WISH_POWER_NONE;
	return strcmp(text, "on") == 0 ? WISH_POWER_ON : WISH_POWER_OFF;
}

static void put_power(struct sql *q, enum wish_power power)
{
	if (power == WISH_POWER_NONE)
		sql_put_null(q);
	else
		sql_put_text(q, power == WISH_POWER_ON ? "on" : "off");
}

static enum wish_flag get_flag(struct sql *q)
{
	bool null = sql_next_is_null(q);
	bool value = sql_get_bool(q);

	if (null)
		return WISH_NONE;
	return value ? WISH_TRUE : WISH_FALSE;
}

static void put_flag(struct sql *q, enum wish_flag flag)
{
	if (flag == WISH_NONE)
		sql_put_null(q);
	else
		sql_put_int(q, flag == WISH_TRUE);
}

static void wish_row(struct sql *q, void *out)
{
	struct node_wish *w = out;
	bool unordered;

	w->node = sql_get_int(q);
	w->power = get_power(q);
	w->maintenance = get_flag(q);
	unordered = sql_next_is_null(q);
	w->start_order = sql_get_int32(q);
	if (unordered)
		w->start_order = START_ORDER_NONE;
	w->follow_address = get_flag(q);
	SQL_GET_ARRAY(q, w->actor);
	w->version = sql_get_int(q);
}

enum err store_wishes(struct store *st, struct node_wish **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, WISHES, e);
	void *rows;
	enum err err;

	if ((err = sql_list(&q, sizeof(**ret), wish_row, NULL, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

enum err store_wish_get(struct store *st, int64_t node, struct node_wish *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, WISH_GET, e);
	struct node_wish w = {.node = node, .start_order = START_ORDER_NONE};

	sql_put_int(&q, node);
	if (sql_row(&q))
		wish_row(&q, &w);
	if (!q.err)
		*ret = w;
	return q.err;
}

static enum err wish_put_tx(struct store *st, void *arg, struct error *e)
{
	const struct node_wish *w = *(const struct node_wish **)arg;
	_cleanup_(sql_end) struct sql q = sql(st, WISH_PUT, e);
	struct node_wish present;
	enum err err;

	if ((err = store_wish_get(st, w->node, &present, e)))
		return err;
	if (present.version != w->version)
		return error_set(e, ERR_PRECONDITION,
				 "The node's wishes were changed by someone else in the meantime.");
	sql_put_int(&q, w->node);
	put_power(&q, w->power);
	put_flag(&q, w->maintenance);
	if (w->start_order == START_ORDER_NONE)
		sql_put_null(&q);
	else
		sql_put_int(&q, w->start_order);
	put_flag(&q, w->follow_address);
	sql_put_text(&q, w->actor);
	sql_put_int(&q, w->version + 1);
	return sql_run(&q);
}

enum err store_wish_put(struct store *st, const struct node_wish *w, struct error *e)
{
	return sql_write(st, wish_put_tx, &w, e);
}
