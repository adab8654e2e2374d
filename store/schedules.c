/* Schedules (RULE S8), one row each, and which of their firings have had their hold. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "store/sql.h"
#include "store/store.h"

#define COLUMNS                                                                                              \
	"name, enabled, location, instances_to_add, nodes, weekdays, time_from, time_to, local_timezone, "   \
	"minutes_in_advance, start_date, end_date, exceptions, extra_dates"
/* clang-format off */
#define SCHEDULES_SQL(X) \
	X(SCHEDULES, "SELECT id, created_at, " COLUMNS " FROM schedule WHERE id > ? ORDER BY id LIMIT ?") \
	X(SCHEDULE_GET, "SELECT id, created_at, " COLUMNS " FROM schedule WHERE id = ?") \
	X(SCHEDULE_ADD, "INSERT INTO schedule (" COLUMNS ", created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
	X(SCHEDULE_PUT, "UPDATE schedule SET (" COLUMNS ") = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?") \
	X(SCHEDULE_REMOVE, "DELETE FROM schedule WHERE id = ?") \
	X(SCHEDULE_COUNT, "SELECT count(*) FROM schedule") \
	X(SCHEDULE_NAMED, "SELECT count(*) FROM schedule WHERE name = ? AND id <> ?") \
	X(FIRINGS, "SELECT schedule, start, hold FROM schedule_firing WHERE start >= ? ORDER BY start, schedule") \
	X(FIRING_PUT, "INSERT INTO schedule_firing (schedule, start, hold) VALUES (?, ?, ?) " \
	  "ON CONFLICT (schedule, start) DO UPDATE SET hold = excluded.hold") \
	X(FIRING_REMOVE, "DELETE FROM schedule_firing WHERE schedule = ? AND start = ?")
/* clang-format on */
SQL_TABLE(schedules, SCHEDULES_SQL)

/* --- lists of integers: "7 8 9" ---------------------------------------------------------------------------------- */

#define INTEGER_CHARS 21 /* with sign and blank */

/* malloc'ed; NULL when out of memory. */
static char *list_text(const int64_t *list, size_t n)
{
	char *text = malloc(n * INTEGER_CHARS + 1);
	size_t len = 0;

	if (!text)
		return NULL;
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, INTEGER_CHARS + 1, "%s%" PRId64, i ? " " : "", list[i]);
	return text;
}

static void get_list(struct sql *q, int64_t **ret, size_t *ret_n)
{
	const char *text = sql_get_text(q);
	size_t most = strlen(text) / 2 + 1; /* a digit and a blank each */
	int64_t *list = *text ? calloc(most, sizeof(*list)) : NULL;
	size_t n = 0;

	if (*text && !list)
		sql_fail(q, "out of memory");
	while (list && *text) {
		char *end;

		list[n++] = strtoll(text, &end, 10);
		if (end == text || (*end && *end != ' ')) {
			sql_fail(q, "not a list of integers");
			break;
		}
		text = end + (*end == ' ');
	}
	*ret = list;
	*ret_n = n;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static void schedule_row(struct sql *q, void *out)
{
	struct schedule *s = out;

	s->id = sql_get_int(q);
	s->created_at = sql_get_int(q);
	SQL_GET_ARRAY(q, s->name);
	s->enabled = sql_get_bool(q);
	s->location = sql_get_int(q);
	s->instances_to_add = sql_get_int32(q);
	get_list(q, &s->nodes, &s->n_nodes);
	s->weekdays = (unsigned)sql_get_int32(q);
	s->time_from = sql_get_int32(q);
	s->time_to = sql_get_int32(q);
	SQL_GET_ARRAY(q, s->local_timezone);
	s->minutes_in_advance = sql_get_int32(q);
	s->start_date = sql_get_int(q);
	s->end_date = sql_get_int(q);
	get_list(q, &s->exceptions, &s->n_exceptions);
	get_list(q, &s->extra_dates, &s->n_extra_dates);
}

static void schedule_release(void *out)
{
	struct schedule *s = out;

	free(s->nodes);
	free(s->exceptions);
	free(s->extra_dates);
}

void store_schedules_free(struct schedule *schedules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		schedule_release(&schedules[i]);
	free(schedules);
}

enum err store_schedules(struct store *st, int64_t after, int limit, struct schedule **ret, size_t *ret_n,
			 struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SCHEDULES, e);
	void *rows;
	enum err err;

	sql_put_int(&q, after);
	sql_put_int(&q, limit);
	if ((err = sql_list(&q, sizeof(**ret), schedule_row, schedule_release, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

enum err store_schedule_get(struct store *st, int64_t id, struct schedule **ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SCHEDULE_GET, e);
	void *rows;
	size_t n;
	enum err err;

	sql_put_int(&q, id);
	if ((err = sql_list(&q, sizeof(**ret), schedule_row, schedule_release, &rows, &n)))
		return err;
	if (!n)
		return error_set(e, ERR_NOT_FOUND, "There is no schedule %lld.", (long long)id);
	*ret = rows;
	return ERR_OK;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static enum err count_of(struct sql *q, int64_t *ret)
{
	if (sql_row(q))
		*ret = sql_get_int(q);
	return q->err;
}

static enum err check_name(struct store *st, const struct schedule *s, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SCHEDULE_NAMED, e);
	int64_t n = 0;

	sql_put_text(&q, s->name);
	sql_put_int(&q, s->id);
	if (!count_of(&q, &n) && n)
		q.err = error_field(e, ERR_CONFLICT, "/name", "Another schedule has this name.");
	return q.err;
}

static enum err check_room(struct store *st, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SCHEDULE_COUNT, e);
	int64_t n = 0;

	if (!count_of(&q, &n) && n >= LIMIT_SCHEDULES)
		q.err = error_set(e, ERR_CONFLICT, "There are %d schedules; more are not kept.",
				  LIMIT_SCHEDULES);
	return q.err;
}

struct lists {
	char *nodes, *exceptions, *extra_dates;
};

static void lists_free(struct lists *l)
{
	free(l->nodes);
	free(l->exceptions);
	free(l->extra_dates);
}

/* Writes what COLUMNS names; `last` is the value behind them: created_at or id. */
static enum err write_row(struct store *st, int statement, const struct schedule *s, int64_t last,
			  struct error *e)
{
	_cleanup_(lists_free) struct lists l = {list_text(s->nodes, s->n_nodes),
						list_text(s->exceptions, s->n_exceptions),
						list_text(s->extra_dates, s->n_extra_dates)};
	_cleanup_(sql_end) struct sql q = sql(st, statement, e);

	if (!l.nodes || !l.exceptions || !l.extra_dates)
		return error_set(e, ERR_INTERNAL, "Out of memory while writing a schedule.");
	sql_put_text(&q, s->name);
	sql_put_int(&q, s->enabled);
	sql_put_int(&q, s->location);
	sql_put_int(&q, s->instances_to_add);
	sql_put_text(&q, l.nodes);
	sql_put_int(&q, s->weekdays);
	sql_put_int(&q, s->time_from);
	sql_put_int(&q, s->time_to);
	sql_put_text(&q, s->local_timezone);
	sql_put_int(&q, s->minutes_in_advance);
	sql_put_int(&q, s->start_date);
	sql_put_int(&q, s->end_date);
	sql_put_text(&q, l.exceptions);
	sql_put_text(&q, l.extra_dates);
	sql_put_int(&q, last);
	return sql_run(&q);
}

enum err store_schedule_check(struct store *st, const struct schedule *s, struct error *e)
{
	enum err err = check_name(st, s, e);

	return err || s->id ? err : check_room(st, e);
}

static enum err add_tx(struct store *st, void *arg, struct error *e)
{
	struct schedule *s = arg;
	enum err err = store_schedule_check(st, s, e);

	err = err ? err : write_row(st, SCHEDULE_ADD, s, s->created_at, e);
	if (!err)
		s->id = sqlite3_last_insert_rowid(st->db);
	return err;
}

enum err store_schedule_add(struct store *st, struct schedule *s, struct error *e)
{
	assert(!s->id);
	return sql_write(st, add_tx, s, e);
}

static enum err put_tx(struct store *st, void *arg, struct error *e)
{
	const struct schedule *s = *(const struct schedule **)arg;
	enum err err = store_schedule_check(st, s, e);

	return err ? err : write_row(st, SCHEDULE_PUT, s, s->id, e);
}

enum err store_schedule_put(struct store *st, const struct schedule *s, struct error *e)
{
	return sql_write(st, put_tx, &s, e);
}

enum err store_schedule_remove(struct store *st, int64_t id, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SCHEDULE_REMOVE, e);
	enum err err;

	sql_put_int(&q, id);
	if ((err = sql_run(&q)))
		return err;
	if (!sql_changed(&q))
		return error_set(e, ERR_NOT_FOUND, "There is no schedule %lld.", (long long)id);
	return ERR_OK;
}

/* --- firings ----------------------------------------------------------------------------------------------------- */

static void fired_row(struct sql *q, void *out)
{
	struct fired *f = out;

	f->schedule = sql_get_int(q);
	f->start = sql_get_int(q);
	f->hold = sql_get_int(q); /* NULL is 0 */
}

enum err store_fired(struct store *st, int64_t since, struct fired **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, FIRINGS, e);
	void *rows;
	enum err err;

	sql_put_int(&q, since);
	if ((err = sql_list(&q, sizeof(**ret), fired_row, NULL, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

enum err store_fired_put(struct store *st, const struct fired *f, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, FIRING_PUT, e);

	sql_put_int(&q, f->schedule);
	sql_put_int(&q, f->start);
	sql_put_int(&q, f->hold);
	return sql_run(&q);
}

enum err store_fired_remove(struct store *st, int64_t schedule, int64_t start, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, FIRING_REMOVE, e);

	sql_put_int(&q, schedule);
	sql_put_int(&q, start);
	return sql_run(&q);
}
