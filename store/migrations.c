/*
 * The migrations and their runner. PRAGMA user_version is the database's version, schema_migration the record
 * of how it came there, PRAGMA application_id tells a database of burstd from any other file.
 */
#include "store/migrations.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/sql.h"
#include "store/store.h"

#define APPLICATION_ID 0x62727374 /* "brst" */

/* Append only. Paths are relative to the repository's root, where the compiler runs. */
#define MIGRATIONS(X)                                                                                        \
	X(1, "0001_initial")                                                                                 \
	X(2, "0002_history_indexes")                                                                         \
	X(3, "0003_idempotency")                                                                             \
	X(4, "0004_schedules")                                                                               \
	X(5, "0005_samples")                                                                                 \
	X(6, "0006_location_writes")                                                                         \
	X(7, "0007_acknowledgements")                                                                        \
	X(8, "0008_lifecycle")

/* The file's text with a NUL behind it, as migration_sql_<version>. */
#define X(version, name)                                                                                     \
	__asm__(".section .rodata\n"                                                                         \
		"migration_sql_" #version ":\n"                                                              \
		".incbin \"migrations/" name ".sql\"\n"                                                      \
		".byte 0\n"                                                                                  \
		".previous\n");                                                                              \
	extern const char migration_sql_##version[] __attribute__((visibility("hidden")));
MIGRATIONS(X)
#undef X

const struct migration store_migrations[] = {
#define X(version, name) {version, name, migration_sql_##version},
	MIGRATIONS(X)
#undef X
};

int store_migrations_count(void)
{
	return (int)ARRAY_LEN(store_migrations);
}

int store_schema_latest(void)
{
	return store_migrations_count();
}

static void finalizep(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

static enum err one_number(sqlite3 *db, const char *sql, int *ret, struct error *e)
{
	_cleanup_(finalizep) sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		return sql_error(db, e);
	*ret = sqlite3_column_int(statement, 0);
	return ERR_OK;
}

enum err migrations_version(sqlite3 *db, int *ret, struct error *e)
{
	return one_number(db, "PRAGMA user_version", ret, e);
}

/*
 * Who wrote a newer schema; its tables may look different from ours, so any failure only makes the words
 * poorer.
 */
static enum err refuse_newer(sqlite3 *db, int version, struct error *e)
{
	_cleanup_(finalizep) sqlite3_stmt *statement = NULL;
	const char *program = NULL;

	if (sqlite3_prepare_v2(db, "SELECT program FROM schema_migration ORDER BY version DESC LIMIT 1", -1,
			       &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		program = (const char *)sqlite3_column_text(statement, 0);
	return error_set(
		e, ERR_CONFLICT,
		"The database has schema version %d, written by burstd %.40s. This is burstd " BURSTD_VERSION
		", which knows versions up to %d: run the newer burstd, or restore a backup.",
		version, program ? program : "(unknown)", store_schema_latest());
}

static enum err check_ours(sqlite3 *db, int version, struct error *e)
{
	int id;
	int tables;
	enum err err;

	if (version > store_schema_latest())
		return refuse_newer(db, version, e);
	if ((err = one_number(db, "PRAGMA application_id", &id, e)) ||
	    (err = one_number(db, "SELECT count(*) FROM sqlite_schema", &tables, e)))
		return err;
	if (version == 0 ? tables > 0 : id != APPLICATION_ID)
		return error_set(e, ERR_CONFLICT, "The file is an SQLite database, but not one of burstd.");
	return ERR_OK;
}

static enum err record(sqlite3 *db, const struct migration *m, struct error *e)
{
	_cleanup_(finalizep) sqlite3_stmt *statement = NULL;
	char pragmas[96];

	if (sqlite3_prepare_v2(db,
			       "INSERT INTO schema_migration (version, name, applied_at, program) "
			       "VALUES (?, ?, ?, '" BURSTD_VERSION "')",
			       -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_bind_int(statement, 1, m->version) != SQLITE_OK ||
	    sqlite3_bind_text(statement, 2, m->name, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_int64(statement, 3, clock_now(&clock_system)) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_DONE)
		return sql_error(db, e);
	(void)snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		       APPLICATION_ID, m->version);
	return sql_script(db, pragmas, e);
}

/* In a transaction: the next step, unless another process was faster. */
static enum err step(sqlite3 *db, int target, bool *ret_done, struct error *e)
{
	int version;
	enum err err;

	if ((err = migrations_version(db, &version, e)) || (err = check_ours(db, version, e)))
		return err;
	*ret_done = version >= target;
	if (*ret_done)
		return ERR_OK;
	if ((err = sql_script(db, store_migrations[version].sql, e)))
		return err;
	return record(db, &store_migrations[version], e);
}

/* The version of a database that is ours. All of it is read in one transaction: another process may be migrating. */
static enum err look(sqlite3 *db, int *ret_version, struct error *e)
{
	enum err err = sql_script(db, "BEGIN", e);

	if (err)
		return err;
	err = migrations_version(db, ret_version, e);
	err = err ? err : check_ours(db, *ret_version, e);
	(void)sql_script(db, "ROLLBACK", NULL); /* nothing was written */
	return err;
}

enum err migrations_run(sqlite3 *db, int target, struct error *e)
{
	bool done = false;
	int version;
	enum err err;

	/* Looking first keeps a second process from waiting for a writer when there is nothing to migrate. */
	if ((err = look(db, &version, e)))
		return err;
	while (version < target && !done) {
		if ((err = sql_script(db, "BEGIN IMMEDIATE", e)))
			return err;
		if (!(err = step(db, target, &done, e)))
			err = sql_script(db, "COMMIT", e);
		if (err) {
			if (!sqlite3_get_autocommit(db))
				(void)sql_script(db, "ROLLBACK",
						 NULL); /* the first failure is the one to tell */
			return err;
		}
	}
	return ERR_OK;
}
