/*
 * The connection: opening, pragmas, preparing every statement, the transaction runner, the counter of wants.
 *
 * Invariant: outside of a function of this folder no statement is in the middle of a row, so no read
 * transaction stays open and the log file can be checkpointed. Threads: one connection is used by one thread
 * at a time.
 */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/migrations.h"
#include "store/sql.h"

#define CORE_SQL(X)                                                                                          \
	X(CORE_BEGIN, "BEGIN IMMEDIATE")                                                                     \
	X(CORE_COMMIT, "COMMIT")                                                                             \
	X(CORE_ROLLBACK, "ROLLBACK")                                                                         \
	X(CORE_SAVEPOINT, "SAVEPOINT part")                                                                  \
	X(CORE_RELEASE, "RELEASE part")                                                                      \
	X(CORE_ROLLBACK_TO, "ROLLBACK TO part")                                                              \
	X(CORE_PROBE, "UPDATE counter SET value = value + 1 WHERE name = 'wants'")                           \
	X(CORE_WANTS, "SELECT value FROM counter WHERE name = 'wants'")
SQL_TABLE(core, CORE_SQL)

static const struct sql_table *const tables[AGGREGATE_COUNT] = {
#define X(name) [AGGREGATE_##name] = &store_##name##_sql,
	AGGREGATES(X)
#undef X
};

/* SQLite does not always use the busy timeout for the switch to WAL: how long to try it, and how often. */
#define WAL_TRY_MS  5000
#define WAL_WAIT_MS 10

static enum err set_wal(sqlite3 *db, struct error *e)
{
	const int64_t deadline = monotonic_ms() + WAL_TRY_MS;
	const char *mode = NULL;
	int code;

	for (;;) {
		sqlite3_stmt *statement = NULL;

		code = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_step(statement);
		if (code == SQLITE_ROW) {
			mode = (const char *)sqlite3_column_text(statement, 0);
			/* "memory" is what :memory: answers, for which there is nothing to log. */
			if (!mode || (strcmp(mode, "wal") != 0 && strcmp(mode, "memory") != 0))
				code = SQLITE_ERROR;
		}
		(void)sqlite3_finalize(statement);
		if (code == SQLITE_ROW)
			return ERR_OK;
		if ((code & 0xff) != SQLITE_BUSY || monotonic_ms() >= deadline)
			break;
		(void)sqlite3_sleep(WAL_WAIT_MS);
	}
	if (code == SQLITE_ERROR)
		return error_set(e, ERR_INTERNAL,
				 "Database: the file system does not allow a write-ahead log.");
	return sql_error_of(code, e);
}

static enum err configure(sqlite3 *db, struct error *e)
{
	enum err err;

	(void)sqlite3_extended_result_codes(db, 1);
	(void)sqlite3_busy_timeout(db, STORE_BUSY_MS);
	/*
	 * Without these a misspelt name in quotes is a string, and a hostile file could run functions from
	 * its schema.
	 */
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if ((err = set_wal(db, e)))
		return err;
	return sql_script(db,
			  "PRAGMA synchronous = FULL;"
			  "PRAGMA foreign_keys = ON;"
			  "PRAGMA trusted_schema = OFF;"
			  "PRAGMA cell_size_check = ON;"
			  "PRAGMA temp_store = MEMORY;"
			  "PRAGMA journal_size_limit = 16777216;",
			  e);
}

static enum err prepare(struct store *st, enum aggregate aggregate, struct error *e)
{
	const struct sql_table *table = tables[aggregate];

	st->statements[aggregate] = calloc((size_t)table->n, sizeof(*st->statements[aggregate]));
	if (!st->statements[aggregate])
		return error_set(e, ERR_INTERNAL, "Out of memory while opening the database.");
	for (int i = 0; i < table->n; i++) {
		if (sqlite3_prepare_v3(st->db, table->text[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &st->statements[aggregate][i], NULL) != SQLITE_OK)
			return sql_error(st->db, e);
	}
	return ERR_OK;
}

/*
 * The file must never be readable by others. mknod makes it without opening it: closing a descriptor of the
 * file would take away the locks that another connection of this process holds on it.
 */
static enum err make_private(const char *path, struct error *e)
{
	if (strcmp(path, ":memory:") == 0 || mknod(path, S_IFREG | 0600, 0) == 0 || errno == EEXIST)
		return ERR_OK;
	return error_set(e, ERR_INTERNAL, "Database %.200s: %s.", path, strerror(errno));
}

static enum err open_file(struct store *st, const char *path, struct error *e)
{
	enum err err;

	if ((err = make_private(path, e)))
		return err;
	if (sqlite3_open_v2(path, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return st->db ? sql_error(st->db, e) : error_set(e, ERR_INTERNAL, "Out of memory.");
	if (sqlite3_db_readonly(st->db, "main") == 1)
		return error_set(e, ERR_INTERNAL, "Database %.200s: it can be read but not written.", path);
	return ERR_OK;
}

enum err store_open(const char *path, const uint8_t key[SECRET_KEY_SIZE], struct store **ret, struct error *e)
{
	_cleanup_(store_closep) struct store *st = calloc(1, sizeof(*st));
	enum err err;

	if (!st)
		return error_set(e, ERR_INTERNAL, "Out of memory while opening the database.");
	memcpy(st->key, key, SECRET_KEY_SIZE);
	if ((err = open_file(st, path, e)) || (err = configure(st->db, e)) ||
	    (err = migrations_run(st->db, store_schema_latest(), e)))
		return err;
	for (int i = 0; i < AGGREGATE_COUNT; i++) {
		if ((err = prepare(st, (enum aggregate)i, e)))
			return err;
	}
	*ret = take_ptr(st);
	return ERR_OK;
}

void store_close(struct store *st)
{
	int code;

	if (!st)
		return;
	for (int i = 0; i < AGGREGATE_COUNT; i++) {
		for (int k = 0; st->statements[i] && k < tables[i]->n; k++)
			(void)sqlite3_finalize(st->statements[i][k]);
		free(st->statements[i]);
	}
	code = sqlite3_close(st->db);
	assert(code == SQLITE_OK);
	(void)code;
	explicit_bzero(st->key, sizeof(st->key));
	free(st);
}

enum err store_schema_version(struct store *st, int *ret, struct error *e)
{
	return migrations_version(st->db, ret, e);
}

static enum err run(struct store *st, int id, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, id, e);

	return sql_run(&q);
}

/* The first failure is the one to tell, so that of the roll-back itself is not looked at. */
static void roll_back(struct store *st)
{
	st->in_tx = false;
	if (!sqlite3_get_autocommit(st->db))
		(void)run(st, CORE_ROLLBACK, NULL);
}

static enum err tx_once(struct store *st, enum err (*fn)(struct store *, void *arg, struct error *),
			void *arg, struct error *e)
{
	enum err err;

	if ((err = run(st, CORE_BEGIN, e)))
		return err;
	st->in_tx = true;
	if ((err = fn(st, arg, e)) || (err = run(st, CORE_COMMIT, e))) {
		roll_back(st);
		return err;
	}
	st->in_tx = false;
	return ERR_OK;
}

static enum err tx_inside(struct store *st, enum err (*fn)(struct store *, void *arg, struct error *),
			  void *arg, struct error *e)
{
	enum err err;

	st->outer = false; /* fn may not begin another one */
	err = sql_write(st, fn, arg, e);
	st->outer = true;
	return err;
}

enum err store_tx(struct store *st, enum err (*fn)(struct store *, void *arg, struct error *), void *arg,
		  struct error *e)
{
	enum err err = ERR_OK;

	if (st->outer)
		return tx_inside(st, fn, arg, e);
	assert(!st->in_tx);
	for (int i = 0; i < STORE_TX_TRIES; i++) {
		err = tx_once(st, fn, arg, e);
		if (err != ERR_BUSY)
			return err;
	}
	return err;
}

enum err sql_write(struct store *st, enum err (*fn)(struct store *, void *arg, struct error *), void *arg,
		   struct error *e)
{
	enum err err;

	if (!st->in_tx)
		return store_tx(st, fn, arg, e);
	if ((err = run(st, CORE_SAVEPOINT, e)))
		return err;
	if ((err = fn(st, arg, e))) {
		/*
		 * Where these fail the transaction is lost as a whole, and sql_begin refuses whatever comes
		 * next.
		 */
		(void)run(st, CORE_ROLLBACK_TO, NULL);
		(void)run(st, CORE_RELEASE, NULL);
		return err;
	}
	return run(st, CORE_RELEASE, e);
}

enum err store_begin(struct store *st, struct error *e)
{
	enum err err = ERR_OK;

	assert(!st->in_tx);
	for (int i = 0; i < STORE_TX_TRIES; i++) {
		err = run(st, CORE_BEGIN, e);
		if (err != ERR_BUSY)
			break;
	}
	if (!err)
		st->in_tx = st->outer = true;
	return err;
}

enum err store_commit(struct store *st, struct error *e)
{
	enum err err;

	assert(st->outer);
	st->outer = false;
	if ((err = run(st, CORE_COMMIT, e)))
		roll_back(st);
	st->in_tx = false;
	return err;
}

void store_roll_back(struct store *st)
{
	assert(st->outer);
	st->outer = false;
	roll_back(st);
}

enum err store_writable(struct store *st, struct error *e)
{
	int code;
	enum err err;

	assert(!st->in_tx);
	if ((err = run(st, CORE_BEGIN, e)))
		return err;
	st->in_tx = true;
	err = run(st, CORE_PROBE, e);
	/* Changed pages stay in memory until the commit: without this a full disk would not be noticed. */
	if (!err && (code = sqlite3_db_cacheflush(st->db)) != SQLITE_OK)
		err = sql_error_of(code, e);
	roll_back(st);
	return err;
}

enum err store_wants_version(struct store *st, int64_t *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, CORE_WANTS, e);

	if (sql_row(&q))
		*ret = sql_get_int(&q);
	else
		sql_fail(&q, "the counter is missing");
	return q.err;
}
