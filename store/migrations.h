/*
 * Inside store/ (and its tests) only: the migrations, embedded from migrations/NNNN_name.sql. Append only:
 * one that was released is never changed, because databases out there have run it.
 */
#ifndef BURSTD_STORE_MIGRATIONS_H
#define BURSTD_STORE_MIGRATIONS_H

#include <sqlite3.h>

#include "base/err.h"

struct migration {
	int version;
	const char *name; /* "0001_initial" */
	const char *sql;
};

/* Version n is element n - 1; static. */
extern const struct migration store_migrations[];
int store_migrations_count(void);

/*
 * Brings the database to version `target`, each step in a transaction of its own that also records it.
 * Refuses (ERR_CONFLICT) a database that is newer than this binary or is not burstd's. Several processes may
 * do this at once: one migrates, the others wait and find it done.
 */
enum err migrations_run(sqlite3 *, int target, struct error *);
enum err migrations_version(sqlite3 *, int *ret, struct error *);

#endif
