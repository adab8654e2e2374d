/*
 * Life-cycle operations. Values and steps are few and written as a whole with each move: what is in memory is what is in the
 * database, or the move was not made.
 */
#include "store/lifecycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql.h"

/* clang-format off */
#define LIFECYCLE_SQL(X) \
	X(VALUES_OF, "SELECT name, value, sealed FROM operation_value WHERE operation = ? ORDER BY name") \
	X(VALUE_PUT, "INSERT INTO operation_value (operation, name, value, sealed) VALUES (?, ?, ?, ?) " \
	  "ON CONFLICT (operation, name) DO UPDATE SET value = excluded.value, sealed = excluded.sealed") \
	X(VALUE_REMOVE, "DELETE FROM operation_value WHERE operation = ? AND name = ?") \
	X(VALUE_FIND, "SELECT value FROM operation_value WHERE name = ? AND instr(value, ?) > 0 ORDER BY operation DESC LIMIT 1") \
	X(SECRETS_REMOVE, "DELETE FROM operation_value WHERE operation = ? AND sealed IS NOT NULL") \
	X(STEPS_OF, "SELECT name, state, attempts, started_at, ended_at, detail, error FROM operation_step " \
	  "WHERE operation = ? ORDER BY position") \
	X(STEP_PUT, "INSERT INTO operation_step (operation, position, name, state, attempts, started_at, ended_at, detail, error) " \
	  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (operation, position) DO UPDATE SET state = excluded.state, " \
	  "attempts = excluded.attempts, started_at = excluded.started_at, ended_at = excluded.ended_at, " \
	  "detail = excluded.detail, error = excluded.error") \
	X(STEP_LAST, "SELECT max(CASE WHEN state = 'running' THEN 9223372036854775807 ELSE ended_at END) FROM operation_step " \
	  "WHERE name = ? AND operation <> ? AND attempts > 0")
/* clang-format on */
SQL_TABLE(lifecycle, LIFECYCLE_SQL)

/* --- values --------------------------------------------------------------------------------------------------------- */

/* Sealed together with the secret, so that the bytes open as nothing else. */
static void label_of(const struct operation *op, enum operation_value value, char out[64])
{
	(void)snprintf(out, 64, "operation.%lld.%s", (long long)op->intent.id, operation_value_text(value));
}

static void read_value(struct sql *q, struct operation *op, bool secrets)
{
	enum operation_value value;
	const char *name = sql_get_text(q);
	const char *text = sql_get_text(q);
	size_t len;
	const void *sealed = sql_get_blob(q, &len);
	char label[64];

	if (operation_value_from_text(name, &value)) {
		sql_fail(q, "unknown value of an operation");
		return;
	}
	if (operation_value_kind(value) != VALUE_SECRET) {
		if (!operation_set(op, value, text))
			sql_fail(q, "out of memory");
	} else if (secrets) {
		label_of(op, value, label);
		if (secret_open(q->store->key, label, sealed, len, &op->values[value], NULL))
			sql_fail(q, "a secret that was not sealed with this key file");
	}
}

static enum err read_values(struct store *st, struct operation *op, bool secrets, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, VALUES_OF, e);

	sql_put_int(&q, op->intent.id);
	while (sql_row(&q))
		read_value(&q, op, secrets);
	return q.err;
}

static enum err remove_value(struct store *st, const struct operation *op, enum operation_value value,
			     struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, VALUE_REMOVE, e);

	sql_put_int(&q, op->intent.id);
	sql_put_text(&q, operation_value_text(value));
	return sql_run(&q);
}

static enum err write_value(struct store *st, const struct operation *op, enum operation_value value,
			    struct error *e)
{
	_cleanup_(freep) uint8_t *sealed = NULL;
	_cleanup_(sql_end) struct sql q = sql(st, VALUE_PUT, e);
	char label[64];
	size_t len = 0;
	enum err err;

	sql_put_int(&q, op->intent.id);
	sql_put_text(&q, operation_value_text(value));
	if (operation_value_kind(value) != VALUE_SECRET) {
		sql_put_text(&q, op->values[value]);
		sql_put_null(&q);
		return sql_run(&q);
	}
	label_of(op, value, label);
	if ((err = secret_seal(st->key, label, op->values[value], &sealed, &len, e)))
		return err;
	sql_put_null(&q);
	sql_put_blob(&q, sealed, len);
	return sql_run(&q);
}

/* A secret is written once, with the operation; what was read without secrets must not remove them. */
static enum err write_values(struct store *st, const struct operation *op, bool secrets, struct error *e)
{
	enum err err = ERR_OK;

	for (int i = 0; !err && i < VALUE_COUNT; i++) {
		enum operation_value value = (enum operation_value)i;

		if (operation_value_kind(value) == VALUE_SECRET && !(secrets && op->values[i]))
			continue;
		err = op->values[i] ? write_value(st, op, value, e) : remove_value(st, op, value, e);
	}
	return err;
}

static enum err remove_secrets(struct store *st, int64_t id, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, SECRETS_REMOVE, e);

	sql_put_int(&q, id);
	return sql_run(&q);
}

enum err store_value_find(struct store *st, enum operation_value value, const char *text, char **ret,
			  struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, VALUE_FIND, e);

	*ret = NULL;
	sql_put_text(&q, operation_value_text(value));
	sql_put_text(&q, text);
	if (sql_row(&q) && !(*ret = strdup(sql_get_text(&q))))
		sql_fail(&q, "out of memory");
	return q.err;
}

/* --- steps ---------------------------------------------------------------------------------------------------------- */

static void read_step(struct sql *q, struct operation *op)
{
	struct operation_step *s = &op->steps[op->n_steps];

	if (op->n_steps == OPERATION_STEPS_MOST || step_from_text(sql_get_text(q), &s->name) ||
	    step_state_from_text(sql_get_text(q), &s->state)) {
		sql_fail(q, "unknown step of an operation");
		return;
	}
	s->attempts = sql_get_int32(q);
	s->started_at = sql_get_int(q);
	s->ended_at = sql_get_int(q);
	SQL_GET_ARRAY(q, s->detail);
	SQL_GET_ARRAY(q, s->error);
	op->n_steps++;
}

static enum err read_steps(struct store *st, struct operation *op, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, STEPS_OF, e);

	sql_put_int(&q, op->intent.id);
	while (sql_row(&q))
		read_step(&q, op);
	return q.err;
}

static enum err write_step(struct store *st, const struct operation *op, size_t position, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, STEP_PUT, e);
	const struct operation_step *s = &op->steps[position];

	sql_put_int(&q, op->intent.id);
	sql_put_int(&q, (int64_t)position);
	sql_put_text(&q, step_text(s->name));
	sql_put_text(&q, step_state_text(s->state));
	sql_put_int(&q, s->attempts);
	sql_put_int(&q, s->started_at);
	sql_put_int(&q, s->ended_at);
	sql_put_sentence(&q, s->detail);
	sql_put_sentence(&q, s->error);
	return sql_run(&q);
}

static enum err write_steps(struct store *st, const struct operation *op, struct error *e)
{
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < op->n_steps; i++)
		err = write_step(st, op, i, e);
	return err;
}

enum err store_step_last(struct store *st, enum step_name name, int64_t except, int64_t *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, STEP_LAST, e);

	sql_put_text(&q, step_text(name));
	sql_put_int(&q, except);
	*ret = sql_row(&q) ? sql_get_int(&q) : 0;
	return q.err;
}

/* --- operations ----------------------------------------------------------------------------------------------------- */

static enum err add_tx(struct store *st, void *arg, struct error *e)
{
	struct operation *op = arg;
	enum err err = store_intent_add(st, &op->intent, e);

	err = err ? err : write_values(st, op, true, e);
	return err ? err : write_steps(st, op, e);
}

enum err store_operation_add(struct store *st, struct operation *op, struct error *e)
{
	return sql_write(st, add_tx, op, e);
}

enum err store_operation_get(struct store *st, int64_t id, bool secrets, struct operation **ret,
			     struct error *e)
{
	_cleanup_(operation_freep) struct operation *op = calloc(1, sizeof(*op));
	enum err err;

	if (!op)
		return error_set(e, ERR_INTERNAL, "Out of memory.");
	err = store_intent_get(st, id, &op->intent, e);
	err = err ? err : read_values(st, op, secrets, e);
	err = err ? err : read_steps(st, op, e);
	if (!err)
		*ret = take_ptr(op);
	return err;
}

struct operation_move {
	const struct operation *op;
	enum intent_state from;
	int from_attempts;
};

static enum err move_tx(struct store *st, void *arg, struct error *e)
{
	const struct operation_move *m = arg;
	enum err err = store_intent_move(st, &m->op->intent, m->from, m->from_attempts, e);

	err = err ? err : write_values(st, m->op, false, e);
	err = err ? err : write_steps(st, m->op, e);
	if (!err && !intent_is_open(m->op->intent.state))
		err = remove_secrets(st, m->op->intent.id, e);
	return err;
}

enum err store_operation_move(struct store *st, const struct operation *op, enum intent_state from,
			      int from_attempts, struct error *e)
{
	struct operation_move m = {.op = op, .from = from, .from_attempts = from_attempts};

	return sql_write(st, move_tx, &m, e);
}
