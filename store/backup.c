/*
 * A copy of the database in one file, made while others write to it: SQLite's online backup in one step, which reads from
 * one snapshot of the log and so holds up no writer. The copy is checked, made durable under a name of its own and only then
 * given the name that was asked for: whatever has that name is whole.
 */
#define _GNU_SOURCE /* renameat2 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/migrations.h"
#include "store/sql.h"
#include "store/store.h"

#define PATH_SIZE 1024

static void close_db(sqlite3 **db)
{
	(void)sqlite3_close(*db);
}

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static enum err failed(struct error *e, const char *path, const char *what)
{
	return error_set(e, ERR_INTERNAL, "%.250s: %s", path, what);
}

/* Read only, and without migrating: a backup is what one makes before the new version is started. */
static enum err open_source(const char *path, sqlite3 **ret, struct error *e)
{
	if (access(path, F_OK) < 0)
		return failed(e, path, strerror(errno));
	if (sqlite3_open_v2(path, ret, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return *ret ? sql_error(*ret, e) : error_set(e, ERR_INTERNAL, "out of memory");
	(void)sqlite3_busy_timeout(*ret, STORE_BUSY_MS);
	return ERR_OK;
}

/* A new file of mode 0600 which nothing else has open. */
static enum err make_empty(const char *path, struct error *e)
{
	_cleanup_(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 ? ERR_OK : failed(e, path, strerror(errno));
}

/* All pages of `from` into `to`. */
static enum err copy_pages(sqlite3 *from, sqlite3 *to, struct error *e)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int code;

	if (!backup)
		return sql_error(to, e);
	(void)sqlite3_backup_step(backup, -1);
	code = sqlite3_backup_finish(backup);
	return code == SQLITE_OK ? ERR_OK : sql_error_of(code, e);
}

static enum err check_pages(sqlite3 *db, struct error *e)
{
	sqlite3_stmt *statement = NULL;
	const char *word = NULL;
	enum err err = ERR_OK;

	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK)
		return sql_error(db, e);
	if (sqlite3_step(statement) == SQLITE_ROW)
		word = (const char *)sqlite3_column_text(statement, 0);
	if (!word || strcmp(word, "ok") != 0)
		err = error_set(e, ERR_INTERNAL, "the database is damaged: %.200s",
				word ? word : sqlite3_errmsg(db));
	(void)sqlite3_finalize(statement);
	return err;
}

/* Without a log beside it: the copy is one file. */
static enum err copy_into(sqlite3 *from, const char *path, struct store_backup *ret, struct error *e)
{
	_cleanup_(close_db) sqlite3 *to = NULL;
	enum err err;

	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return to ? sql_error(to, e) : error_set(e, ERR_INTERNAL, "out of memory");
	err = copy_pages(from, to, e);
	err = err ? err : sql_script(to, "PRAGMA journal_mode = DELETE", e);
	err = err ? err : check_pages(to, e);
	return err ? err : migrations_version(to, &ret->schema, e);
}

static enum err sync_path(const char *path, int flags, int64_t *ret_size, struct error *e)
{
	_cleanup_(close_fd) int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
	struct stat info;

	if (fd < 0 || fsync(fd) < 0 || fstat(fd, &info) < 0)
		return failed(e, path, strerror(errno));
	if (ret_size)
		*ret_size = info.st_size;
	return ERR_OK;
}

/* The folder of `path`, "." where it names none. */
static void folder_of(const char *path, char out[PATH_SIZE])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 1;

	(void)snprintf(out, PATH_SIZE, "%.*s", (int)(len ? len : 1), slash ? path : ".");
}

/* Gives the finished copy its name, never over another file. Where a file system has no hard links the name is moved. */
static enum err publish(const char *part, const char *path, struct error *e)
{
	if (link(part, path) == 0)
		return ERR_OK;
	if (errno != EEXIST && renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return ERR_OK;
	return failed(e, path, errno == EEXIST ? "exists already and is not overwritten" : strerror(errno));
}

static enum err make_copy(sqlite3 *from, const char *part, const char *path, struct store_backup *ret,
			  struct error *e)
{
	char folder[PATH_SIZE];
	enum err err = copy_into(from, part, ret, e);

	err = err ? err : sync_path(part, 0, &ret->bytes, e);
	err = err ? err : publish(part, path, e);
	if (err)
		return err;
	folder_of(path, folder);
	return sync_path(folder, O_DIRECTORY, NULL, e);
}

enum err store_backup(const char *database, const char *path, struct store_backup *ret, struct error *e)
{
	_cleanup_(close_db) sqlite3 *from = NULL;
	char part[PATH_SIZE], uuid[UUID_SIZE];
	struct stat info;
	enum err err;

	random_uuid(uuid);
	if (snprintf(part, sizeof part, "%s.%s.part", path, uuid) >= (int)sizeof part)
		return failed(e, path, "the path is too long");
	if (lstat(path, &info) == 0)
		return failed(e, path, "exists already and is not overwritten");
	if ((err = open_source(database, &from, e)) || (err = make_empty(part, e)))
		return err;
	err = make_copy(from, part, path, ret, e);
	(void)unlink(part);
	return err;
}

enum err store_inspect(const char *path, int *ret_schema, struct error *e)
{
	_cleanup_(close_db) sqlite3 *db = NULL;
	enum err err = open_source(path, &db, e);

	err = err ? err : check_pages(db, e);
	return err ? err : migrations_version(db, ret_schema, e);
}
