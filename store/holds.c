/*
 * Holds (RULE S8). One statement reads a hold with its nodes, a row a node, so that a hold that is removed
 * meanwhile is never seen without them.
 */
#include <assert.h>
#include <string.h>

#include "store/sql.h"
#include "store/store.h"

/* What to choose from `hold`, newest or oldest first, and the order of the answer. */
#define HOLD_SELECT(choice, order)                                                                           \
	"SELECT h.id, h.location, h.count, h.until, h.created_at, h.reason, h.owner, n.node "                \
	"FROM (SELECT * FROM hold " choice ") h LEFT JOIN hold_node n ON n.hold = h.id ORDER BY h.id " order \
	", n.position"
/* clang-format off */
#define HOLDS_SQL(X) \
	X(HOLDS_IN_FORCE, HOLD_SELECT("WHERE until > ?", "ASC")) \
	X(HOLDS_PAGE, HOLD_SELECT("WHERE id < ? AND until > ? ORDER BY id DESC LIMIT ?", "DESC")) \
	X(HOLD_GET, HOLD_SELECT("WHERE id = ?", "ASC")) \
	X(HOLDS_UNTOLD, HOLD_SELECT("WHERE end_told = 0 AND until <= ?", "ASC")) \
	X(HOLDS_TOLD, "UPDATE hold SET end_told = 1 WHERE end_told = 0 AND until <= ?") \
	X(HOLD_ADD, "INSERT INTO hold (location, count, until, reason, owner, created_at) VALUES (?, ?, ?, ?, ?, ?)") \
	X(HOLD_NODE_ADD, "INSERT INTO hold_node (hold, position, node) VALUES (?, ?, ?)") \
	X(HOLD_PUT, "UPDATE hold SET location = ?, count = ?, until = ?, reason = ?, owner = ? WHERE id = ?") \
	X(HOLD_NODES_REMOVE, "DELETE FROM hold_node WHERE hold = ?") \
	X(HOLD_REMOVE, "DELETE FROM hold WHERE id = ?")
/* clang-format on */
SQL_TABLE(holds, HOLDS_SQL)

/* One row of HOLD_SELECT: a hold and at most one of its nodes. */
struct hold_part {
	struct hold hold;
	int64_t node; /* 0 = the hold names none */
};

static void part_row(struct sql *q, void *out)
{
	struct hold_part *p = out;

	p->hold.id = sql_get_int(q);
	p->hold.location = sql_get_int(q);
	p->hold.count = sql_get_int32(q);
	p->hold.until = sql_get_int(q);
	p->hold.created_at = sql_get_int(q);
	sql_get_texts(q, 2, (const char **[]){&p->hold.reason, &p->hold.owner});
	p->node = sql_get_int(q);
}

static void part_release(void *out)
{
	struct hold_part *p = out;

	text_free(p->hold.reason);
}

void store_holds_free(struct hold *holds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		text_free(holds[i].reason);
		free(holds[i].nodes);
	}
	free(holds);
}

/* The parts of one hold, which start at `parts`. Returns how many they are; 0 when out of memory. */
static size_t gather(struct hold_part *parts, size_t n, struct hold *ret)
{
	size_t count = 1;
	int64_t *nodes = NULL;

	while (count < n && parts[count].hold.id == parts[0].hold.id)
		count++;
	if (parts[0].node) {
		nodes = calloc(count, sizeof(*nodes));
		if (!nodes)
			return 0;
	}
	for (size_t i = 0; nodes && i < count; i++)
		nodes[i] = parts[i].node;
	*ret = parts[0].hold;
	ret->nodes = nodes;
	ret->n_nodes = nodes ? count : 0;
	parts[0].hold.reason = NULL; /* moved */
	return count;
}

static enum err gather_all(struct hold_part *parts, size_t n, struct hold **ret, size_t *ret_n,
			   struct error *e)
{
	struct hold *holds = n ? calloc(n, sizeof(*holds)) : NULL;
	size_t n_holds = 0;

	for (size_t i = 0; i < n;) {
		size_t count = holds ? gather(parts + i, n - i, &holds[n_holds]) : 0;

		if (!count) {
			store_holds_free(holds, n_holds);
			return error_set(e, ERR_INTERNAL, "Out of memory while reading holds.");
		}
		i += count;
		n_holds++;
	}
	*ret = holds;
	*ret_n = n_holds;
	return ERR_OK;
}

static enum err holds_read(struct sql *q, struct hold **ret, size_t *ret_n)
{
	void *rows;
	struct hold_part *parts;
	size_t n;
	enum err err;

	if ((err = sql_list(q, sizeof(*parts), part_row, part_release, &rows, &n)))
		return err;
	parts = rows;
	err = gather_all(parts, n, ret, ret_n, q->error);
	for (size_t i = 0; i < n; i++)
		part_release(&parts[i]);
	free(parts);
	return err;
}

enum err store_holds(struct store *st, int64_t now, struct hold **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, HOLDS_IN_FORCE, e);

	sql_put_int(&q, now);
	return holds_read(&q, ret, ret_n);
}

enum err store_holds_page(struct store *st, int64_t now, bool ended, int64_t before, int limit,
			  struct hold **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, HOLDS_PAGE, e);

	assert(limit > 0);
	sql_put_int(&q, before ? before : INT64_MAX);
	sql_put_int(&q, ended ? INT64_MIN : now);
	sql_put_int(&q, limit);
	return holds_read(&q, ret, ret_n);
}

enum err store_hold_get(struct store *st, int64_t id, struct hold **ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, HOLD_GET, e);
	struct hold *hold;
	size_t n;
	enum err err;

	sql_put_int(&q, id);
	if ((err = holds_read(&q, &hold, &n)))
		return err;
	if (!n)
		return error_set(e, ERR_NOT_FOUND, "There is no hold %lld.", (long long)id);
	*ret = hold;
	return ERR_OK;
}

static enum err hold_node_add(struct store *st, int64_t hold, size_t position, int64_t node, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, HOLD_NODE_ADD, e);

	sql_put_int(&q, hold);
	sql_put_int(&q, (int64_t)position);
	sql_put_int(&q, node);
	return sql_run(&q);
}

static enum err hold_nodes_add(struct store *st, const struct hold *h, int64_t id, struct error *e)
{
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < h->n_nodes; i++)
		err = hold_node_add(st, id, i, h->nodes[i], e);
	return err;
}

static enum err hold_check(const struct hold *h, struct error *e)
{
	if ((h->location != 0) == (h->n_nodes > 0))
		return error_set(e, ERR_BAD_REQUEST, "A hold is either for a location or for named nodes.");
	return ERR_OK;
}

static void hold_put_columns(struct sql *q, const struct hold *h)
{
	sql_put_int(q, h->location);
	sql_put_int(q, h->count);
	sql_put_int(q, h->until);
	sql_put_text(q, h->reason);
	sql_put_text(q, h->owner);
}

struct hold_add {
	const struct hold *hold;
	int64_t id;
};

static enum err hold_add_tx(struct store *st, void *arg, struct error *e)
{
	struct hold_add *add = arg;
	_cleanup_(sql_end) struct sql q = sql(st, HOLD_ADD, e);
	enum err err;

	hold_put_columns(&q, add->hold);
	sql_put_int(&q, add->hold->created_at);
	if ((err = sql_run(&q)))
		return err;
	add->id = sqlite3_last_insert_rowid(st->db);
	return hold_nodes_add(st, add->hold, add->id, e);
}

enum err store_hold_add(struct store *st, struct hold *h, struct error *e)
{
	struct hold_add add = {.hold = h};
	enum err err = hold_check(h, e);

	err = err ? err : sql_write(st, hold_add_tx, &add, e);
	if (!err)
		h->id = add.id;
	return err;
}

static enum err hold_nodes_remove(struct store *st, int64_t hold, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, HOLD_NODES_REMOVE, e);

	sql_put_int(&q, hold);
	return sql_run(&q);
}

static enum err hold_put_tx(struct store *st, void *arg, struct error *e)
{
	const struct hold *h = *(const struct hold **)arg;
	_cleanup_(sql_end) struct sql q = sql(st, HOLD_PUT, e);
	enum err err;

	hold_put_columns(&q, h);
	sql_put_int(&q, h->id);
	if ((err = sql_run(&q)))
		return err;
	if (!sql_changed(&q))
		return error_set(e, ERR_NOT_FOUND, "There is no hold %lld.", (long long)h->id);
	err = hold_nodes_remove(st, h->id, e);
	return err ? err : hold_nodes_add(st, h, h->id, e);
}

enum err store_hold_put(struct store *st, const struct hold *h, struct error *e)
{
	enum err err = hold_check(h, e);

	return err ? err : sql_write(st, hold_put_tx, &h, e);
}

enum err store_hold_remove(struct store *st, int64_t id, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, HOLD_REMOVE, e);
	enum err err;

	sql_put_int(&q, id);
	if ((err = sql_run(&q)))
		return err;
	if (!sql_changed(&q))
		return error_set(e, ERR_NOT_FOUND, "There is no hold %lld.", (long long)id);
	return ERR_OK;
}

static enum err holds_told(struct store *st, int64_t now, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, HOLDS_TOLD, e);

	sql_put_int(&q, now);
	return sql_run(&q);
}

enum err store_holds_ended(struct store *st, int64_t now, struct hold **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, HOLDS_UNTOLD, e);
	struct hold *holds;
	size_t n;
	enum err err;

	/* Outside of a transaction a hold could be marked whose end nobody told. */
	assert(st->in_tx);
	sql_put_int(&q, now);
	if ((err = holds_read(&q, &holds, &n)))
		return err;
	if (n && (err = holds_told(st, now, e))) {
		store_holds_free(holds, n);
		return err;
	}
	*ret = holds;
	*ret_n = n;
	return ERR_OK;
}
