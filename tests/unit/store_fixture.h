/* Shared by the tests of the store: a directory of its own, a connection, raw SQL behind the store's back. */
#ifndef BURSTD_TESTS_UNIT_STORE_FIXTURE_H
#define BURSTD_TESTS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/sql.h"
#include "store/store.h"

static const uint8_t fixture_key[SECRET_KEY_SIZE] = "0123456789abcdef0123456789abcde";

struct fixture {
	char dir[200];
	char path[240];
	struct store *store; /* on :memory: */
};

#define assert_ok(expression)                                                                                \
	do {                                                                                                 \
		struct error *error_ = &fixture_error;                                                       \
		fixture_error = (struct error){0};                                                           \
		if ((expression) != ERR_OK)                                                                  \
			fail_msg("%s: %s", #expression, error_->detail);                                     \
	} while (0)

/* For the error argument inside assert_ok. */
static struct error fixture_error __attribute__((unused));
#define E (&fixture_error)

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *parent = getenv("TMPDIR");

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "%s/burstd-store-XXXXXX", parent ? parent : P_tmpdir);
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/burstd.db", f->dir);
	assert_ok(store_open(":memory:", fixture_key, &f->store, E));
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	char command[240];

	store_close(f->store);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static inline struct store *fixture_open(const struct fixture *f)
{
	struct store *st = NULL;

	assert_ok(store_open(f->path, fixture_key, &st, E));
	return st;
}

static inline void raw(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
}

static inline int64_t raw_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	return value;
}

#endif
