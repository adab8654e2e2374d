/*
 * Typed access to prepared statements: binding, columns, lists and the words of SQLite's failures. Knows no
 * table. Threads: like the connection, one at a time.
 */
#include "store/sql.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const char *sqlite_words(int code)
{
	switch (code) {
	case SQLITE_FULL:
		return "the disk is full";
	case SQLITE_READONLY:
		return "the database is read-only";
	case SQLITE_IOERR:
		return "reading or writing the file failed";
	case SQLITE_CANTOPEN:
		return "the file cannot be opened";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "the file is damaged or not a database; restore a backup";
	case SQLITE_NOMEM:
		return "out of memory";
	default:
		return "unexpected failure";
	}
}

static enum err describe(int extended, const char *message, struct error *e)
{
	int code = extended & 0xff;

	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return error_set(e, ERR_BUSY, "The database is in use by another writer; try again.");
	if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY)
		return error_set(e, ERR_CONFLICT, "The database has such a row already (%s).", message);
	return error_set(e, ERR_INTERNAL, "Database: %s (%s, code %d).", sqlite_words(code), message,
			 extended);
}

enum err sql_error(sqlite3 *db, struct error *e)
{
	return describe(sqlite3_extended_errcode(db), sqlite3_errmsg(db), e);
}

enum err sql_error_of(int code, struct error *e)
{
	return describe(code, sqlite3_errstr(code), e);
}

enum err sql_script(sqlite3 *db, const char *text, struct error *e)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		return sql_error(db, e);
	return ERR_OK;
}

struct sql sql_begin(struct store *st, enum aggregate aggregate, int id, struct error *e)
{
	struct sql q = {.store = st, .statement = st->statements[aggregate][id], .error = e};

	assert(!sqlite3_stmt_busy(q.statement));
	/*
	 * A full disk can make SQLite roll back by itself. What follows in the same transaction would then be
	 * committed piece by piece.
	 */
	if (st->in_tx && sqlite3_get_autocommit(st->db))
		q.err = error_set(e, ERR_INTERNAL,
				  "Database: the transaction was rolled back by an earlier failure.");
	return q;
}

static void assert_whole_row(const struct sql *q)
{
	assert(q->err || q->column == 0 || q->column == sqlite3_column_count(q->statement));
	(void)q;
}

void sql_end(struct sql *q)
{
	assert_whole_row(q);
	/* Its result repeats that of the last step, which was looked at. */
	(void)sqlite3_reset(q->statement);
	(void)sqlite3_clear_bindings(q->statement);
}

static void check(struct sql *q, int code)
{
	if (code != SQLITE_OK && !q->err)
		q->err = sql_error(q->store->db, q->error);
}

void sql_put_int(struct sql *q, int64_t value)
{
	check(q, sqlite3_bind_int64(q->statement, ++q->bound, value));
}

void sql_put_null(struct sql *q)
{
	check(q, sqlite3_bind_null(q->statement, ++q->bound));
}

void sql_put_text(struct sql *q, const char *text)
{
	check(q, sqlite3_bind_text(q->statement, ++q->bound, text ? text : "", -1, SQLITE_STATIC));
}

void sql_put_text_or_null(struct sql *q, const char *text)
{
	check(q, sqlite3_bind_text(q->statement, ++q->bound, text, -1, SQLITE_STATIC));
}

void sql_put_sentence(struct sql *q, const char *text)
{
	char *copy = strdup(text ? text : "");

	if (!copy) {
		q->err = error_set(q->error, ERR_INTERNAL, "out of memory");
		sql_put_text(q, "");
		return;
	}
	utf8_tidy(copy);
	check(q, sqlite3_bind_text(q->statement, ++q->bound, copy, -1, free));
}

void sql_put_blob(struct sql *q, const void *data, size_t len)
{
	check(q, sqlite3_bind_blob64(q->statement, ++q->bound, data, len, SQLITE_STATIC));
}

bool sql_row(struct sql *q)
{
	int code;

	assert(q->bound == sqlite3_bind_parameter_count(q->statement));
	assert_whole_row(q);
	q->column = 0;
	if (q->err)
		return false;
	code = sqlite3_step(q->statement);
	if (code == SQLITE_ROW)
		return true;
	if (code != SQLITE_DONE)
		q->err = sql_error(q->store->db, q->error);
	return false;
}

enum err sql_run(struct sql *q)
{
	bool row = sql_row(q);

	assert(!row);
	(void)row;
	return q->err;
}

int sql_changed(const struct sql *q)
{
	return sqlite3_changes(q->store->db);
}

void sql_fail(struct sql *q, const char *what)
{
	if (!q->err)
		q->err = error_set(q->error, ERR_INTERNAL, "Database: column %d of \"%.60s...\": %s.",
				   q->column, sqlite3_sql(q->statement), what);
}

int64_t sql_get_int(struct sql *q)
{
	return sqlite3_column_int64(q->statement, q->column++);
}

double sql_get_real(struct sql *q)
{
	return sqlite3_column_double(q->statement, q->column++);
}

int sql_get_int32(struct sql *q)
{
	int64_t value = sql_get_int(q);

	if (value < INT_MIN || value > INT_MAX) {
		sql_fail(q, "the number is out of range");
		return 0;
	}
	return (int)value;
}

bool sql_get_bool(struct sql *q)
{
	return sql_get_int(q) != 0;
}

bool sql_next_is_null(struct sql *q)
{
	return sqlite3_column_type(q->statement, q->column) == SQLITE_NULL;
}

const char *sql_get_text(struct sql *q)
{
	bool null = sql_next_is_null(q);
	const char *text = (const char *)sqlite3_column_text(q->statement, q->column++);

	if (!text && !null)
		sql_fail(q, "out of memory");
	return text ? text : "";
}

const void *sql_get_blob(struct sql *q, size_t *ret_len)
{
	const void *blob = sqlite3_column_blob(q->statement, q->column);

	*ret_len = (size_t)sqlite3_column_bytes(q->statement, q->column++);
	return blob;
}

void sql_get_array(struct sql *q, char *out, size_t size)
{
	const char *text = sql_get_text(q);
	size_t len = strlen(text);

	if (len >= size) {
		sql_fail(q, "the text is too long");
		return;
	}
	memcpy(out, text, len + 1);
}

static size_t texts_size(struct sql *q, size_t n)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += (size_t)sqlite3_column_bytes(q->statement, q->column + (int)i) + 1;
	return size;
}

void sql_get_texts(struct sql *q, size_t n, const char **const ret[])
{
	char *block;

	assert(!sql_next_is_null(q));
	block = malloc(texts_size(q, n));
	if (!block)
		sql_fail(q, "out of memory");
	for (size_t i = 0; i < n; i++) {
		bool null = sql_next_is_null(q);
		const char *text = sql_get_text(q);
		size_t size = strlen(text) + 1;

		*ret[i] = NULL;
		if (!block || (null && i > 0))
			continue;
		*ret[i] = memcpy(block, text, size);
		block += size;
	}
}

void text_free(const char *text)
{
	free((void *)(uintptr_t)text); /* allocated as char *, shown as const to the reader of the row */
}

/* Room for one more element after n: the capacity is the next power of two. Returns the array, or NULL. */
static void *with_room(void *rows, size_t n, size_t size)
{
	if (n >= 16 && (n & (n - 1)))
		return rows;
	if (n > 0 && n < 16)
		return rows;
	return reallocarray(rows, n ? 2 * n : 16, size);
}

enum err sql_list(struct sql *q, size_t size, void (*row)(struct sql *, void *out),
		  void (*release)(void *out), void **ret, size_t *ret_n)
{
	_cleanup_(freep) char *rows = NULL;
	size_t n = 0;

	while (sql_row(q)) {
		char *grown = with_room(rows, n, size);

		if (!grown) {
			q->err = error_set(q->error, ERR_INTERNAL,
					   "Out of memory while reading the database.");
			q->column = 0;
			break;
		}
		rows = grown;
		memset(rows + n * size, 0, size);
		row(q, rows + n * size);
		n++;
	}
	if (q->err) {
		for (size_t i = 0; release && i < n; i++)
			release(rows + i * size);
		return q->err;
	}
	*ret = take_ptr(rows);
	*ret_n = n;
	return ERR_OK;
}
