/*
 * Intents: committed before the deed (intent before effect). A move is a compare-and-set on (state, attempts), so
 * that two threads never both carry out or both end the same one; unique indexes keep a node, a location and the name of a
 * new one to one open intent each.
 */
#include <assert.h>
#include <string.h>

#include "store/locations.h"
#include "store/store.h"

#define INTENT_COLUMNS                                                                                       \
	"id, token, kind, state, node, node_name, location, instance, region, actor, rule, reason, "         \
	"figures, "                                                                                          \
	"force, via_infinity, maintenance, attempts, created_at, entered_at, next_at, maintenance_at, "      \
	"closed_at, "                                                                                        \
	"error, new_name, new_description, new_overflow1, new_overflow2"
#define INTENT_SELECT "SELECT " INTENT_COLUMNS " FROM intent "
#define INTENT_PAGE   "id < ? ORDER BY id DESC LIMIT ?"
/* clang-format off */
#define INTENTS_SQL(X) \
	X(INTENTS_OPEN, INTENT_SELECT "INDEXED BY intent_open WHERE closed_at = 0 ORDER BY id") \
	X(INTENT_GET, INTENT_SELECT "WHERE id = ?") \
	X(INTENT_OF_NODE, INTENT_SELECT "INDEXED BY intent_open WHERE node = ? AND closed_at = 0") \
	X(INTENT_OF_LOCATION, INTENT_SELECT "INDEXED BY intent_open_location WHERE location = ? AND location > 0 AND node = 0 AND " \
	  "closed_at = 0 AND kind IN ('location_update', 'location_delete')") \
	X(INTENTS_PAGE, INTENT_SELECT "WHERE " INTENT_PAGE) \
	X(INTENTS_PAGE_NODE, INTENT_SELECT "INDEXED BY intent_by_node WHERE node = ? AND " INTENT_PAGE) \
	X(INTENTS_PAGE_OPEN, INTENT_SELECT "INDEXED BY intent_open WHERE closed_at = 0 AND " INTENT_PAGE) \
	X(INTENTS_PAGE_NODE_OPEN, INTENT_SELECT "INDEXED BY intent_open WHERE closed_at = 0 AND node = ? AND " INTENT_PAGE) \
	X(INTENT_ADD, \
	  "INSERT INTO intent (node, node_name, location, instance, region, actor, rule, reason, figures, force, via_infinity, " \
	  "maintenance, attempts, entered_at, next_at, maintenance_at, closed_at, error, new_name, new_description, " \
	  "new_overflow1, new_overflow2, state, token, kind, created_at) " \
	  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
	X(INTENT_MOVE, \
	  "UPDATE intent SET node = ?, node_name = ?, location = ?, instance = ?, region = ?, actor = ?, rule = ?, reason = ?, figures = ?, " \
	  "force = ?, via_infinity = ?, maintenance = ?, attempts = ?, entered_at = ?, next_at = ?, maintenance_at = ?, " \
	  "closed_at = ?, error = ?, new_name = ?, new_description = ?, new_overflow1 = ?, new_overflow2 = ?, state = ? WHERE id = ? AND state = ? AND attempts = ?")
/* clang-format on */
SQL_TABLE(intents, INTENTS_SQL)

static void intent_row(struct sql *q, void *out)
{
	struct intent *in = out;

	in->id = sql_get_int(q);
	SQL_GET_ARRAY(q, in->token);
	if (intent_kind_from_text(sql_get_text(q), &in->kind))
		sql_fail(q, "unknown kind");
	if (intent_state_from_text(sql_get_text(q), &in->state))
		sql_fail(q, "unknown state");
	in->node = sql_get_int(q);
	SQL_GET_ARRAY(q, in->node_name);
	in->location = sql_get_int(q);
	SQL_GET_ARRAY(q, in->instance);
	SQL_GET_ARRAY(q, in->region);
	SQL_GET_ARRAY(q, in->actor);
	SQL_GET_ARRAY(q, in->rule);
	SQL_GET_ARRAY(q, in->reason);
	SQL_GET_ARRAY(q, in->figures);
	in->force = sql_get_bool(q);
	in->via_infinity = sql_get_bool(q);
	in->maintenance = sql_get_bool(q);
	in->attempts = sql_get_int32(q);
	in->created_at = sql_get_int(q);
	in->entered_at = sql_get_int(q);
	in->next_at = sql_get_int(q);
	in->maintenance_at = sql_get_int(q);
	in->closed_at = sql_get_int(q);
	SQL_GET_ARRAY(q, in->error);
	sql_get_change(q, &in->change);
}

/* 0 while open; else when the closing state was entered. Never 0 for a closed one: that would mean open. */
static int64_t closed_at(const struct intent *in)
{
	if (intent_is_open(in->state))
		return 0;
	if (in->closed_at)
		return in->closed_at;
	return in->entered_at ? in->entered_at : 1;
}

/* The columns that a move may change, in the order that INTENT_ADD and INTENT_MOVE share. */
static void put_changing(struct sql *q, const struct intent *in)
{
	sql_put_int(q, in->node);
	sql_put_text(q, in->node_name);
	sql_put_int(q, in->location);
	sql_put_text(q, in->instance);
	sql_put_text(q, in->region);
	sql_put_text(q, in->actor);
	sql_put_text(q, in->rule);
	sql_put_sentence(q, in->reason);
	sql_put_text(q, in->figures);
	sql_put_int(q, in->force);
	sql_put_int(q, in->via_infinity);
	sql_put_int(q, in->maintenance);
	sql_put_int(q, in->attempts);
	sql_put_int(q, in->entered_at);
	sql_put_int(q, in->next_at);
	sql_put_int(q, in->maintenance_at);
	sql_put_int(q, closed_at(in));
	sql_put_text(q, in->error);
	sql_put_change(q, &in->change);
	sql_put_text(q, intent_state_text(in->state));
}

static enum err intents_read(struct sql *q, struct intent **ret, size_t *ret_n)
{
	void *rows;
	enum err err;

	if ((err = sql_list(q, sizeof(**ret), intent_row, NULL, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

enum err store_intents_open(struct store *st, struct intent **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, INTENTS_OPEN, e);

	return intents_read(&q, ret, ret_n);
}

enum err store_intent_add(struct store *st, struct intent *in, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, INTENT_ADD, e);
	char token[UUID_SIZE];
	enum err err;

	random_uuid(token);
	put_changing(&q, in);
	sql_put_text(&q, token);
	sql_put_text(&q, intent_kind_text(in->kind));
	sql_put_int(&q, in->created_at);
	err = sql_run(&q);
	if (err == ERR_CONFLICT && in->kind == INTENT_LOCATION_CREATE)
		return error_field(e, ERR_CONFLICT, "/name",
				   "A location of this name is being made already.");
	if (err == ERR_CONFLICT && intent_of_location(in->kind))
		return error_set(e, ERR_CONFLICT, "Another operation is under way on location %lld.",
				 (long long)in->location);
	if (err == ERR_CONFLICT && !in->node && in->node_name[0])
		return error_field(e, ERR_CONFLICT, "/name",
				   "A node of this name is being deployed already.");
	if (err == ERR_CONFLICT && !in->node)
		return error_set(e, ERR_CONFLICT, "Another operation of the kind %s is under way.",
				 intent_kind_text(in->kind));
	if (err == ERR_CONFLICT)
		return error_set(e, ERR_CONFLICT, "Another operation is under way on node %s (%lld).",
				 in->node_name, (long long)in->node);
	if (err)
		return err;
	in->id = sqlite3_last_insert_rowid(st->db);
	memcpy(in->token, token, sizeof(token));
	return ERR_OK;
}

enum err store_intent_move(struct store *st, const struct intent *in, enum intent_state from,
			   int from_attempts, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, INTENT_MOVE, e);
	enum err err;

	assert(in->state == from || intent_may_move(in->kind, from, in->state));
	put_changing(&q, in);
	sql_put_int(&q, in->id);
	sql_put_text(&q, intent_state_text(from));
	sql_put_int(&q, from_attempts);
	if ((err = sql_run(&q)))
		return err;
	if (!sql_changed(&q))
		return error_set(e, ERR_CONFLICT,
				 "Operation %lld was moved on by someone else in the meantime.",
				 (long long)in->id);
	return ERR_OK;
}

/* The one row of `q`; the words are for there being none. */
static enum err intent_one(struct sql *q, struct intent *ret, const char *none, int64_t id)
{
	struct intent in = {0};

	if (sql_row(q))
		intent_row(q, &in);
	else if (!q->err)
		q->err = error_set(q->error, ERR_NOT_FOUND, "%s %lld.", none, (long long)id);
	if (!q->err)
		*ret = in;
	return q->err;
}

enum err store_intent_get(struct store *st, int64_t id, struct intent *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, INTENT_GET, e);

	sql_put_int(&q, id);
	return intent_one(&q, ret, "There is no operation", id);
}

enum err store_intent_of_node(struct store *st, int64_t node, struct intent *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, INTENT_OF_NODE, e);

	sql_put_int(&q, node);
	return intent_one(&q, ret, "No operation is under way on node", node);
}

enum err store_intent_of_location(struct store *st, int64_t location, struct intent *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, INTENT_OF_LOCATION, e);

	sql_put_int(&q, location);
	return intent_one(&q, ret, "No operation is under way on location", location);
}

enum err store_intents_page(struct store *st, int64_t node, bool open_only, int64_t before, int limit,
			    struct intent **ret, size_t *ret_n, struct error *e)
{
	static const int by_node_open[2][2] = {{INTENTS_PAGE, INTENTS_PAGE_OPEN},
					       {INTENTS_PAGE_NODE, INTENTS_PAGE_NODE_OPEN}};
	_cleanup_(sql_end) struct sql q = sql(st, by_node_open[node != 0][open_only], e);

	assert(limit > 0);
	if (node)
		sql_put_int(&q, node);
	sql_put_int(&q, before ? before : INT64_MAX);
	sql_put_int(&q, limit);
	return intents_read(&q, ret, ret_n);
}
