/*
 * Inside store/ only: the connection, and typed access to its prepared statements.
 *
 * Each aggregate's file has its SQL in one table at its top (SQL_TABLE); store_open prepares all tables, so
 * that a typo or a missing migration fails at start. A `struct sql` is one use of one statement: values are
 * bound in the order of the placeholders, columns read in the order of the SELECT, and the scope's end resets
 * the statement. It remembers its first failure and does nothing after it, so that a row of calls needs one
 * check, at sql_run or after sql_row.
 */
#ifndef BURSTD_STORE_SQL_H
#define BURSTD_STORE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/err.h"
#include "store/store.h"

/* A writer waits this long for another one before it gets BUSY; a commit takes milliseconds. */
#define STORE_BUSY_MS 2000
/* How often store_tx runs its function before it hands BUSY on. */
#define STORE_TX_TRIES 3

/* One row an aggregate: its file defines the table store_<name>_sql. */
#define AGGREGATES(X)                                                                                        \
	X(core)                                                                                              \
	X(settings)                                                                                          \
	X(wishes)                                                                                            \
	X(locations)                                                                                         \
	X(holds)                                                                                             \
	X(schedules)                                                                                         \
	X(tracks)                                                                                            \
	X(intents)                                                                                           \
	X(lifecycle)                                                                                         \
	X(history)                                                                                           \
	X(decisions)                                                                                         \
	X(tally)                                                                                             \
	X(tokens)                                                                                            \
	X(idempotency)                                                                                       \
	X(samples)                                                                                           \
	X(acknowledgements)

enum aggregate {
#define X(name) AGGREGATE_##name,
	AGGREGATES(X)
#undef X
		AGGREGATE_COUNT
};

struct sql_table {
	const char *const *text;
	int n;
};

#define X(name) extern const struct sql_table store_##name##_sql;
AGGREGATES(X)
#undef X

#define SQL_TABLE_ID(id, text)   id,
#define SQL_TABLE_TEXT(id, text) text,
/*
 * From TABLE(X) with rows X(ID, "SQL"): the enum of the IDs, the table for store_open, and sql(), which
 * begins the use of one of them.
 */
#define SQL_TABLE(name, TABLE)                                                                               \
	enum { TABLE(SQL_TABLE_ID) name##_sql_count };                                                       \
	static const char *const name##_sql_text[] = {TABLE(SQL_TABLE_TEXT)};                                \
	const struct sql_table store_##name##_sql = {name##_sql_text, name##_sql_count};                     \
	static struct sql sql(struct store *st, int id, struct error *e)                                     \
	{                                                                                                    \
		return sql_begin(st, AGGREGATE_##name, id, e);                                               \
	}

struct store {
	sqlite3 *db;
	sqlite3_stmt **statements[AGGREGATE_COUNT];
	uint8_t key[SECRET_KEY_SIZE];
	bool in_tx;                /* between BEGIN and COMMIT of store_tx or store_begin */
	bool outer;                /* store_begin's, and no store_tx runs in it right now */
	struct intent_tally tally; /* tally.c: all intents up to tally_id, which are closed */
	int64_t tally_id;
};

struct sql {
	struct store *store;
	sqlite3_stmt *statement;
	struct error *error; /* may be NULL */
	enum err err;        /* the first failure */
	int bound;
	int column;
};

/*
 * Fills `e` from the connection's last failure. BUSY and LOCKED give ERR_BUSY, a broken UNIQUE gives
 * ERR_CONFLICT.
 */
enum err sql_error(sqlite3 *, struct error *e);
/* The same from a code that SQLite returned without noting it on the connection. */
enum err sql_error_of(int code, struct error *e);
/* Runs statements that are not worth preparing (pragmas, migrations). */
enum err sql_script(sqlite3 *, const char *text, struct error *);

struct sql sql_begin(struct store *, enum aggregate, int id, struct error *);
void sql_end(struct sql *);

void sql_put_int(struct sql *, int64_t);
void sql_put_null(struct sql *);
/* The text must live until sql_end. NULL is stored as "". */
void sql_put_text(struct sql *, const char *);
void sql_put_text_or_null(struct sql *, const char *);
/*
 * A sentence of ours, copied and made fit to show (utf8_tidy): a name in it may have been cut within a character, and such a text
 * has no JSON form.
 */
void sql_put_sentence(struct sql *, const char *);
void sql_put_blob(struct sql *, const void *, size_t len);

/*
 * The next row: true with one; false at the end or on failure (q->err tells). A row's columns are read all or
 * none.
 */
bool sql_row(struct sql *);
/* Runs a statement that gives no rows. */
enum err sql_run(struct sql *);
/* The rows that the last sql_run changed. */
int sql_changed(const struct sql *);
/* Notes a failure of the reader's own: a value that does not fit. */
void sql_fail(struct sql *, const char *what);

int64_t sql_get_int(struct sql *);
double sql_get_real(struct sql *);
int sql_get_int32(struct sql *); /* a value outside of int is a failure */
bool sql_get_bool(struct sql *);
/* Whether the next column is NULL; does not step over it. */
bool sql_next_is_null(struct sql *);
/* Borrowed until the next row; "" for NULL. */
const char *sql_get_text(struct sql *);
/* Borrowed until the next row; NULL, and 0 bytes, for NULL. */
const void *sql_get_blob(struct sql *, size_t *ret_len);
/* Into a fixed array; a text that does not fit is a failure, not a shorter text. */
void sql_get_array(struct sql *, char *out, size_t size);
#define SQL_GET_ARRAY(q, array) sql_get_array((q), (array), sizeof(array))
/*
 * The next n columns, all copied into one block, whose address is *ret[0]: the first column must not be NULL.
 * A NULL column gives NULL. Freed with text_free(*ret[0]).
 */
void sql_get_texts(struct sql *, size_t n, const char **const ret[]);
void text_free(const char *);

/*
 * All remaining rows as one malloc'ed array (NULL when there are none) of n elements of `size` bytes, each
 * zeroed and then filled by `row`. On failure nothing is returned and what was read is given to `release`
 * (NULL = nothing to release in a row).
 */
enum err sql_list(struct sql *, size_t size, void (*row)(struct sql *, void *out), void (*release)(void *out),
		  void **ret, size_t *ret_n);

/* Several writes as one: store_tx, or a savepoint in the transaction that is already open. */
enum err sql_write(struct store *, enum err (*fn)(struct store *, void *arg, struct error *), void *arg,
		   struct error *);

#endif
