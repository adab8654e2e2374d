/*
 * Samples: load over time, as seen and as means. The key of both tables is time and location, so a page is a range of the
 * table itself, or of the index of one location, and the old end is cut off where the table begins.
 */
#include <assert.h>

#include "store/sql.h"
#include "store/store.h"

#define PHASES "unknown, stopped, starting, serving, draining, stopping, failed"
#define SEEN                                                                                                 \
	"SELECT time, location, 1, free_hd, free_hd, free_hd, max_hd, threshold, media_load, " PHASES        \
	" FROM sample "
#define MEANS                                                                                                \
	"SELECT time, location, samples, free_hd, free_hd_min, free_hd_max, max_hd, threshold, "             \
	"media_load, " PHASES " FROM sample_mean "
#define OF_ALL                                                                                               \
	"WHERE (time, location) < (?, ?) AND time >= ? AND time < ? ORDER BY time DESC, location DESC "      \
	"LIMIT ?"
#define OF_LOCATION(index)                                                                                   \
	"INDEXED BY " index                                                                                  \
	" WHERE location = ? AND time < ? AND time >= ? AND time < ? ORDER BY time DESC LIMIT ?"
#define MEAN_OF_PHASES                                                                                       \
	"avg(unknown), avg(stopped), avg(starting), avg(serving), avg(draining), avg(stopping), avg(failed)"
#define PRUNE(table)                                                                                         \
	"DELETE FROM " table " WHERE (time, location) IN (SELECT time, location FROM " table                 \
	" WHERE time < ? ORDER BY time LIMIT ?)"
/* clang-format off */
#define SAMPLES_SQL(X) \
	X(SAMPLES, SEEN OF_ALL) \
	X(SAMPLES_LOCATION, SEEN OF_LOCATION("sample_by_location")) \
	X(SAMPLE_MEANS, MEANS OF_ALL) \
	X(SAMPLE_MEANS_LOCATION, MEANS OF_LOCATION("sample_mean_by_location")) \
	X(SAMPLE_ADD, \
	  "INSERT OR IGNORE INTO sample (time, location, free_hd, max_hd, threshold, media_load, " PHASES ") " \
	  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
	X(SAMPLES_MERGED, "SELECT max(time) FROM sample_mean WHERE time < ?") \
	X(SAMPLES_MERGE, \
	  "INSERT OR IGNORE INTO sample_mean (time, location, samples, free_hd, free_hd_min, free_hd_max, max_hd, " \
	  "threshold, media_load, " PHASES ") " \
	  "SELECT time / ?1 * ?1 AS step, location, count(*), avg(free_hd), min(free_hd), max(free_hd), avg(max_hd), " \
	  "max(threshold), avg(media_load), " MEAN_OF_PHASES " FROM sample WHERE time >= ?2 AND time < ?3 GROUP BY step, location") \
	X(SAMPLES_PRUNE, PRUNE("sample")) \
	X(SAMPLE_MEANS_PRUNE, PRUNE("sample_mean")) \
	X(SAMPLE_RAMP, \
	  "SELECT count(*), ifnull(min(time), 0), ifnull(max(time), 0), ifnull(avg(x), 0), ifnull(avg(y), 0), " \
	  "ifnull(avg(x * x), 0), ifnull(avg(x * y), 0) FROM (SELECT time, (time - ?2) / 60000.0 AS x, free_hd AS y " \
	  "FROM sample INDEXED BY sample_by_location WHERE location = ?1 AND time >= ?2 AND time < ?3)")
/* clang-format on */
SQL_TABLE(samples, SAMPLES_SQL)

static double real_or(struct sql *q, double none)
{
	bool null = sql_next_is_null(q);
	double value = sql_get_real(q);

	return null ? none : value;
}

static void sample_row(struct sql *q, void *out)
{
	struct sample *s = out;

	s->time = sql_get_int(q);
	s->location = sql_get_int(q);
	s->samples = sql_get_int32(q);
	s->free_hd = sql_get_real(q);
	s->free_hd_min = sql_get_int32(q);
	s->free_hd_max = sql_get_int32(q);
	s->max_hd = sql_get_real(q);
	s->threshold = sql_get_int32(q);
	s->media_load = real_or(q, -1);
	s->nodes_known = !sql_next_is_null(q);
	for (int i = 0; i < PHASE_COUNT; i++)
		s->nodes[i] = real_or(q, 0);
}

static void put_int_or_null(struct sql *q, bool known, double value)
{
	if (known)
		sql_put_int(q, (int64_t)value);
	else
		sql_put_null(q);
}

enum err store_sample_add(struct store *st, const struct sample *s, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SAMPLE_ADD, e);

	assert(s->samples == 1);
	sql_put_int(&q, s->time);
	sql_put_int(&q, s->location);
	sql_put_int(&q, (int64_t)s->free_hd);
	sql_put_int(&q, (int64_t)s->max_hd);
	sql_put_int(&q, s->threshold);
	put_int_or_null(&q, s->media_load >= 0, s->media_load);
	for (int i = 0; i < PHASE_COUNT; i++)
		put_int_or_null(&q, s->nodes_known, s->nodes[i]);
	return sql_run(&q);
}

enum err store_samples(struct store *st, const struct sample_filter *f, int limit, struct sample **ret,
		       size_t *ret_n, struct error *e)
{
	int id = (f->resolution == SAMPLE_MEAN ? SAMPLE_MEANS : SAMPLES) + (f->location ? 1 : 0);
	_cleanup_(sql_end) struct sql q = sql(st, id, e);
	void *rows;
	enum err err;

	assert(limit > 0);
	if (f->location)
		sql_put_int(&q, f->location);
	sql_put_int(&q, f->before_time ? f->before_time : INT64_MAX);
	if (!f->location)
		sql_put_int(&q, f->before_time ? f->before_location : INT64_MAX);
	sql_put_int(&q, f->since);
	sql_put_int(&q, f->until ? f->until : INT64_MAX);
	sql_put_int(&q, limit);
	if ((err = sql_list(&q, sizeof(**ret), sample_row, NULL, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

/* Where the means end that there are up to `now`; `oldest` where there is none behind it. */
static enum err merged_until(struct store *st, int64_t now, int64_t oldest, int64_t step_ms, int64_t *ret,
			     struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SAMPLES_MERGED, e);

	*ret = oldest / step_ms * step_ms;
	sql_put_int(&q, now);
	if (sql_row(&q)) {
		bool null = sql_next_is_null(&q);
		int64_t last = sql_get_int(&q);

		if (!null && last + step_ms > *ret)
			*ret = last + step_ms;
	}
	return q.err;
}

enum err store_samples_merge(struct store *st, int64_t now, int64_t oldest, int64_t step_ms, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SAMPLES_MERGE, e);
	int64_t from;
	enum err err;

	assert(step_ms > 0);
	if ((err = merged_until(st, now, oldest, step_ms, &from, e)))
		return err;
	sql_put_int(&q, step_ms);
	sql_put_int(&q, from);
	sql_put_int(&q, now / step_ms * step_ms);
	return sql_run(&q);
}

static enum err prune(struct store *st, int id, int64_t before, int limit, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, id, e);

	sql_put_int(&q, before);
	sql_put_int(&q, limit);
	return sql_run(&q);
}

enum err store_samples_prune(struct store *st, int64_t seen_before, int64_t means_before, int limit,
			     struct error *e)
{
	enum err err = prune(st, SAMPLES_PRUNE, seen_before, limit, e);

	return err ? err : prune(st, SAMPLE_MEANS_PRUNE, means_before, limit, e);
}

enum err store_sample_ramp(struct store *st, int64_t location, int64_t since, int64_t until, struct ramp *ret,
			   struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SAMPLE_RAMP, e);

	sql_put_int(&q, location);
	sql_put_int(&q, since);
	sql_put_int(&q, until);
	if (sql_row(&q)) {
		ret->samples = sql_get_int(&q);
		ret->first = sql_get_int(&q);
		ret->last = sql_get_int(&q);
		ret->x = sql_get_real(&q);
		ret->y = sql_get_real(&q);
		ret->xx = sql_get_real(&q);
		ret->xy = sql_get_real(&q);
	}
	return q.err;
}
