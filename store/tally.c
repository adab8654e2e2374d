/*
 * How intents ended, counted over all there ever were.
 *
 * A closed intent never changes again and is never removed. So what stands below the oldest open one is counted once and
 * remembered with the connection (struct store .tally), and only what came after it is read at the next call.
 */
#include "base/clock.h"
#include "store/sql.h"
#include "store/store.h"

/* clang-format off */
#define TALLY_SQL(X) \
	X(TALLY, "SELECT id, kind, state, created_at, closed_at FROM intent WHERE id > ? ORDER BY id")
/* clang-format on */
SQL_TABLE(tally, TALLY_SQL)

struct ending {
	int64_t id;
	enum intent_kind kind;
	enum intent_state state;
	int64_t took_ms;
};

static void ending_row(struct sql *q, struct ending *out)
{
	int64_t created_at;

	out->id = sql_get_int(q);
	if (intent_kind_from_text(sql_get_text(q), &out->kind) ||
	    intent_state_from_text(sql_get_text(q), &out->state))
		sql_fail(q, "unknown kind or state of an intent");
	created_at = sql_get_int(q);
	out->took_ms = sql_get_int(q) - created_at;
}

static void tally_add(struct intent_tally *t, const struct ending *x)
{
	static const int bounds[] = BOOT_BOUNDS_SECONDS;
	int64_t took = x->took_ms > 0 ? x->took_ms : 0; /* the clock may have gone back */
	size_t i = 0;

	t->closed[x->kind][x->state]++;
	if (x->kind != INTENT_START || x->state != INTENT_DONE)
		return;
	while (i < BOOT_BOUNDS && took > bounds[i] * MS_PER_SECOND)
		i++;
	t->boots[i]++;
	t->boots_ms += took;
}

enum err store_intent_tally(struct store *st, struct intent_tally *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TALLY, e);
	struct intent_tally settled = st->tally, all = st->tally;
	int64_t settled_id = st->tally_id;
	bool behind_open = false;
	struct ending x = {0};

	sql_put_int(&q, st->tally_id);
	while (sql_row(&q)) {
		ending_row(&q, &x);
		if (q.err)
			break;
		behind_open = behind_open || intent_is_open(x.state);
		if (intent_is_open(x.state))
			continue;
		tally_add(&all, &x);
		if (!behind_open) {
			tally_add(&settled, &x);
			settled_id = x.id;
		}
	}
	if (q.err)
		return q.err;
	st->tally = settled;
	st->tally_id = settled_id;
	*ret = all;
	return ERR_OK;
}
