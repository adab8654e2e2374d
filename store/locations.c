/*
 * The operators' wishes for locations. In the database NULL is "no wish" and 0 the wish for no link; a row, once made, stays
 * for its version until the location is deleted.
 */
#include "store/locations.h"

#define LOCATION_WISH_COLUMNS                                                                                \
	"location, actor, refused, applied_at, version, name, description, overflow1, overflow2"
/* clang-format off */
#define LOCATIONS_SQL(X) \
	X(LOCATION_WISHES, "SELECT " LOCATION_WISH_COLUMNS " FROM location_wish ORDER BY location") \
	X(LOCATION_WISH_GET, "SELECT " LOCATION_WISH_COLUMNS " FROM location_wish WHERE location = ?") \
	X(LOCATION_WISH_PUT, \
	  "INSERT INTO location_wish (" LOCATION_WISH_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) " \
	  "ON CONFLICT (location) DO UPDATE SET actor = excluded.actor, refused = excluded.refused, " \
	  "applied_at = excluded.applied_at, version = excluded.version, name = excluded.name, " \
	  "description = excluded.description, overflow1 = excluded.overflow1, overflow2 = excluded.overflow2") \
	X(LOCATION_WISH_REMOVE, "DELETE FROM location_wish WHERE location = ?")
/* clang-format on */
SQL_TABLE(locations, LOCATIONS_SQL)

/* --- the four columns of a change ------------------------------------------------------------------------------ */

static void put_text_of(struct sql *q, const struct location_change *c, unsigned field, const char *text)
{
	if (c->fields & field)
		sql_put_text(q, text);
	else
		sql_put_null(q);
}

static void put_link_of(struct sql *q, const struct location_change *c, unsigned field, int64_t id)
{
	if (c->fields & field)
		sql_put_int(q, id);
	else
		sql_put_null(q);
}

void sql_put_change(struct sql *q, const struct location_change *c)
{
	put_text_of(q, c, LOCATION_NAME, c->name);
	put_text_of(q, c, LOCATION_DESCRIPTION, c->description);
	put_link_of(q, c, LOCATION_PRIMARY, c->overflow1);
	put_link_of(q, c, LOCATION_SECONDARY, c->overflow2);
}

static unsigned given(struct sql *q, unsigned field)
{
	return sql_next_is_null(q) ? 0 : field;
}

void sql_get_change(struct sql *q, struct location_change *ret)
{
	ret->fields = given(q, LOCATION_NAME);
	SQL_GET_ARRAY(q, ret->name);
	ret->fields |= given(q, LOCATION_DESCRIPTION);
	SQL_GET_ARRAY(q, ret->description);
	ret->fields |= given(q, LOCATION_PRIMARY);
	ret->overflow1 = sql_get_int(q);
	ret->fields |= given(q, LOCATION_SECONDARY);
	ret->overflow2 = sql_get_int(q);
}

/* --- wishes ------------------------------------------------------------------------------------------------------ */

static void wish_row(struct sql *q, void *out)
{
	struct location_wish *w = out;

	w->location = sql_get_int(q);
	SQL_GET_ARRAY(q, w->actor);
	SQL_GET_ARRAY(q, w->refused);
	w->applied_at = sql_get_int(q);
	w->version = sql_get_int(q);
	sql_get_change(q, &w->change);
}

enum err store_location_wishes(struct store *st, struct location_wish **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, LOCATION_WISHES, e);
	void *rows;
	enum err err;

	if ((err = sql_list(&q, sizeof(**ret), wish_row, NULL, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

enum err store_location_wish_get(struct store *st, int64_t location, struct location_wish *ret,
				 struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, LOCATION_WISH_GET, e);
	struct location_wish w = {.location = location};

	sql_put_int(&q, location);
	if (sql_row(&q))
		wish_row(&q, &w);
	if (!q.err)
		*ret = w;
	return q.err;
}

static enum err wish_put_tx(struct store *st, void *arg, struct error *e)
{
	const struct location_wish *w = *(const struct location_wish **)arg;
	_cleanup_(sql_end) struct sql q = sql(st, LOCATION_WISH_PUT, e);
	struct location_wish present;
	enum err err;

	if ((err = store_location_wish_get(st, w->location, &present, e)))
		return err;
	if (present.version != w->version)
		return error_set(e, ERR_PRECONDITION,
				 "The location's wishes were changed by someone else in the meantime.");
	sql_put_int(&q, w->location);
	sql_put_text(&q, w->actor);
	sql_put_text(&q, w->refused);
	sql_put_int(&q, w->applied_at);
	sql_put_int(&q, w->version + 1);
	sql_put_change(&q, &w->change);
	return sql_run(&q);
}

enum err store_location_wish_put(struct store *st, const struct location_wish *w, struct error *e)
{
	return sql_write(st, wish_put_tx, &w, e);
}

static enum err forget_tx(struct store *st, void *arg, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, LOCATION_WISH_REMOVE, e);
	int64_t location = *(const int64_t *)arg;
	enum err err;

	sql_put_int(&q, location);
	err = sql_run(&q);
	return err ? err : store_threshold_put(st, location, 0, e);
}

enum err store_location_forget(struct store *st, int64_t location, struct error *e)
{
	return sql_write(st, forget_tx, &location, e);
}
