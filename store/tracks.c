/*
 * What burstd remembers of nodes: the persistent part of struct node_track. The volatile part starts at zero.
 */
#include <string.h>

#include "store/sql.h"
#include "store/store.h"

#define TRACK_COLUMNS                                                                                        \
	"node, instance, region, phase, phase_since, state, started_at, running_at, serving_at, "            \
	"stopped_at, "                                                                                       \
	"acted_at, refused_until, refused_code, failed_at, last_max_hd"
/* clang-format off */
#define TRACKS_SQL(X) \
	X(TRACKS, "SELECT " TRACK_COLUMNS " FROM track ORDER BY node") \
	X(TRACK_PUT, \
	  "INSERT INTO track (" TRACK_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) " \
	  "ON CONFLICT (node) DO UPDATE SET instance = excluded.instance, region = excluded.region, " \
	  "phase = excluded.phase, phase_since = excluded.phase_since, state = excluded.state, " \
	  "started_at = excluded.started_at, running_at = excluded.running_at, serving_at = excluded.serving_at, " \
	  "stopped_at = excluded.stopped_at, acted_at = excluded.acted_at, refused_until = excluded.refused_until, " \
	  "refused_code = excluded.refused_code, failed_at = excluded.failed_at, last_max_hd = excluded.last_max_hd")
/* clang-format on */
SQL_TABLE(tracks, TRACKS_SQL)

static void get_phase(struct sql *q, struct node_track *t)
{
	t->phase = phase_from_text(sql_get_text(q));
	if (t->phase == PHASE_COUNT)
		sql_fail(q, "unknown phase");
}

static void get_state(struct sql *q, struct node_track *t)
{
	const char *text;

	t->state_known = !sql_next_is_null(q);
	text = sql_get_text(q);
	if (t->state_known && instance_state_from_text(text, &t->state))
		sql_fail(q, "unknown instance state");
}

static void track_row(struct sql *q, struct node_track *t)
{
	t->node = sql_get_int(q);
	SQL_GET_ARRAY(q, t->instance);
	SQL_GET_ARRAY(q, t->region);
	get_phase(q, t);
	t->phase_since = sql_get_int(q);
	get_state(q, t);
	t->started_at = sql_get_int(q);
	t->running_at = sql_get_int(q);
	t->serving_at = sql_get_int(q);
	t->stopped_at = sql_get_int(q);
	t->acted_at = sql_get_int(q);
	t->refused_until = sql_get_int(q);
	SQL_GET_ARRAY(q, t->refused_code);
	t->failed_at = sql_get_int(q);
	t->last_max_hd = sql_get_int32(q);
}

enum err store_tracks(struct store *st, struct track_table *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TRACKS, e);
	struct track_table table = {0};

	while (sql_row(&q)) {
		struct node_track t = {0};
		struct node_track *row;

		track_row(&q, &t);
		row = track_get(&table, t.node);
		if (row)
			*row = t;
		else
			sql_fail(&q, "out of memory");
	}
	if (q.err) {
		track_table_free(&table);
		return q.err;
	}
	*ret = table;
	return ERR_OK;
}

enum err store_track_put(struct store *st, const struct node_track *t, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TRACK_PUT, e);

	sql_put_int(&q, t->node);
	sql_put_text(&q, t->instance);
	sql_put_text(&q, t->region);
	sql_put_text(&q, phase_text(t->phase));
	sql_put_int(&q, t->phase_since);
	sql_put_text_or_null(&q, t->state_known ? instance_state_text(t->state) : NULL);
	sql_put_int(&q, t->started_at);
	sql_put_int(&q, t->running_at);
	sql_put_int(&q, t->serving_at);
	sql_put_int(&q, t->stopped_at);
	sql_put_int(&q, t->acted_at);
	sql_put_int(&q, t->refused_until);
	sql_put_text(&q, t->refused_code);
	sql_put_int(&q, t->failed_at);
	sql_put_int(&q, t->last_max_hd);
	return sql_run(&q);
}
