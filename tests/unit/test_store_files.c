/* Files and processes: the key, the lock, permissions, kill -9, several threads on one database. */
#define _GNU_SOURCE
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static mode_t mode_of(const char *dir, const char *name)
{
	char path[256];
	struct stat info;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(lstat(path, &info), 0);
	return info.st_mode & 07777;
}

static void write_file(const char *dir, const char *name, size_t size, mode_t mode)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(write(fd, "k", 1), 1);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static void replace_by_link(const char *dir, const char *name, const char *target)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

/* --- key ------------------------------------------------------------------------------------------------ */

static void key_is_made_once(void **state)
{
	struct fixture *f = *state;
	uint8_t a[SECRET_KEY_SIZE] = {0};
	uint8_t b[SECRET_KEY_SIZE] = {0};
	static const uint8_t zeros[SECRET_KEY_SIZE];

	assert_ok(store_key_load(f->dir, a, E));
	assert_int_equal(mode_of(f->dir, "key"), 0600);
	assert_ok(store_key_load(f->dir, b, E));
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, zeros, sizeof(a));
}

static void key_leaves_no_other_file(void **state)
{
	struct fixture *f = *state;
	uint8_t key[SECRET_KEY_SIZE];
	char command[256];

	assert_ok(store_key_load(f->dir, key, E));
	(void)snprintf(command, sizeof(command), "test \"$(ls -A '%s')\" = key", f->dir);
	assert_int_equal(system(command), 0);
}

static void key_that_others_can_read_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0601, 0644};
	struct fixture *f = *state;
	uint8_t key[SECRET_KEY_SIZE] = {0};
	static const uint8_t untouched[SECRET_KEY_SIZE];
	struct error e;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		write_file(f->dir, "key", SECRET_KEY_SIZE, modes[i]);
		assert_int_equal(store_key_load(f->dir, key, &e), ERR_INTERNAL);
		assert_non_null(strstr(e.detail, "others"));
		assert_non_null(strstr(e.detail, f->dir));
	}
	assert_memory_equal(key, untouched, sizeof(key));
	write_file(f->dir, "key", SECRET_KEY_SIZE, 0400);
	assert_ok(store_key_load(f->dir, key, E));
}

static void key_of_another_size_is_refused(void **state)
{
	static const size_t sizes[] = {0, 31, 33, 1000};
	struct fixture *f = *state;
	uint8_t key[SECRET_KEY_SIZE];
	struct error e;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		write_file(f->dir, "key", sizes[i], 0600);
		assert_int_equal(store_key_load(f->dir, key, &e), ERR_INTERNAL);
		assert_non_null(strstr(e.detail, "32 bytes"));
	}
}

static void key_must_be_a_file(void **state)
{
	struct fixture *f = *state;
	uint8_t key[SECRET_KEY_SIZE];
	char path[256];
	struct error e;

	write_file(f->dir, "elsewhere", SECRET_KEY_SIZE, 0600);
	replace_by_link(f->dir, "key", "elsewhere");
	assert_int_equal(store_key_load(f->dir, key, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "symbolic link"));
	replace_by_link(f->dir, "key", "nowhere"); /* is not made there either */
	assert_int_equal(store_key_load(f->dir, key, &e), ERR_INTERNAL);
	(void)snprintf(path, sizeof(path), "%s/key", f->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(store_key_load(f->dir, key, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "regular"));
	assert_int_equal(store_key_load("/nonexistent/burstd", key, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "/nonexistent/burstd"));
}

/* --- lock ----------------------------------------------------------------------------------------------- */

static void lock_is_exclusive(void **state)
{
	struct fixture *f = *state;
	struct error e;
	char pid[32];
	int first = -1;
	int second = -1;

	assert_ok(store_lock(f->dir, &first, E));
	assert_int_equal(mode_of(f->dir, "lock"), 0600);
	assert_int_equal(store_lock(f->dir, &second, &e), ERR_BUSY);
	assert_int_equal(second, -1);
	(void)snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_non_null(strstr(e.detail, pid));
	assert_int_equal(close(first), 0);
	assert_ok(store_lock(f->dir, &second, E)); /* a lock file that was left behind locks nothing */
	assert_int_equal(close(second), 0);
}

static void lock_must_be_a_file(void **state)
{
	struct fixture *f = *state;
	struct error e;
	int fd = -1;

	write_file(f->dir, "elsewhere", 3, 0600);
	replace_by_link(f->dir, "lock", "elsewhere");
	assert_int_equal(store_lock(f->dir, &fd, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "symbolic link"));
	assert_int_equal(store_lock("/nonexistent/burstd", &fd, &e), ERR_INTERNAL);
	assert_int_equal(fd, -1);
}

/* --- the database --------------------------------------------------------------------------------------- */

static void database_is_private(void **state)
{
	struct fixture *f = *state;
	mode_t old = umask(0);
	struct store *st = fixture_open(f);

	(void)umask(old);
	assert_ok(store_threshold_put(st, 1, 1, E));
	assert_int_equal(mode_of(f->dir, "burstd.db"), 0600);
	assert_int_equal(mode_of(f->dir, "burstd.db-wal"), 0600);
	assert_int_equal(mode_of(f->dir, "burstd.db-shm"), 0600);
	store_close(st);
}

static void database_is_durable_and_strict(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	char *text = NULL;

	assert_int_equal(raw_number(st->db, "PRAGMA synchronous"), 2);
	assert_int_equal(raw_number(st->db, "PRAGMA foreign_keys"), 1);
	assert_int_equal(raw_number(st->db, "PRAGMA trusted_schema"), 0);
	assert_int_equal(raw_number(st->db, "PRAGMA busy_timeout"), STORE_BUSY_MS);
	assert_int_equal(
		raw_number(st->db, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
	assert_int_equal(
		raw_number(st->db,
			   "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND NOT strict "
			   "AND name NOT LIKE 'sqlite_%'"),
		0);
	/* A misspelt column in double quotes is an error, not a string. */
	assert_int_equal(sqlite3_exec(st->db, "SELECT \"nod\" FROM track", NULL, NULL, &text), SQLITE_ERROR);
	sqlite3_free(text);
	store_close(st);
}

static void database_that_cannot_be_opened(void **state)
{
	struct fixture *f = *state;
	struct store *st = NULL;
	struct error e;

	assert_int_equal(store_open("/nonexistent/burstd.db", fixture_key, &st, &e), ERR_INTERNAL);
	assert_non_null(strstr(e.detail, "/nonexistent/burstd.db"));
	assert_int_equal(store_open(f->dir, fixture_key, &st, &e), ERR_INTERNAL); /* a directory */
	assert_null(st);
	store_close(NULL);
}

static int64_t add_event(struct store *st, int64_t operation)
{
	struct event ev = {.time = 1000 + operation, .type = EVENT_START, .operation = operation};
	int64_t id = 0;

	assert_ok(store_event_add(st, &ev, &id, E));
	return id;
}

/* Commits events for ever, and tells each only once it is committed. */
static void child_writes(const struct fixture *f, int fd)
{
	struct store *st = NULL;

	if (store_open(f->path, fixture_key, &st, NULL))
		_exit(1);
	for (;;) {
		struct event ev = {.time = 1, .type = EVENT_START};
		int64_t id;

		if (store_event_add(st, &ev, &id, NULL) || write(fd, &id, sizeof(id)) != sizeof(id))
			_exit(1);
	}
}

static int64_t read_ids(int fd, int most)
{
	int64_t last = 0;
	int64_t id;

	for (int i = 0; i < most && read(fd, &id, sizeof(id)) == sizeof(id); i++) {
		assert_int_equal(id, last + 1);
		last = id;
	}
	return last;
}

static void killed_process_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct store *st;
	int64_t last;
	int64_t kept;
	int fds[2];
	int status;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child_writes(f, fds[1]);
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(read_ids(fds[0], 200), 200);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	/* What it told in the meantime; one more may be committed and not told. */
	last = 200;
	for (int64_t id; read(fds[0], &id, sizeof(id)) == sizeof(id);)
		last = id;
	assert_int_equal(close(fds[0]), 0);
	st = fixture_open(f);
	kept = raw_number(st->db, "SELECT count(*) FROM event");
	assert_true(kept == last || kept == last + 1);
	assert_int_equal(
		raw_number(st->db,
			   "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
		1);
	assert_int_equal(add_event(st, 0), kept + 1);
	store_close(st);
}

static enum err half_tx(struct store *st, void *arg, struct error *e)
{
	(void)e;
	for (int i = 0; i < 50; i++)
		(void)add_event(st, 7);
	/* Half way: the pages are in the log file, the commit is not. */
	if (sqlite3_db_cacheflush(st->db) != SQLITE_OK || write(*(int *)arg, "x", 1) != 1)
		_exit(1);
	for (;;)
		(void)pause();
}

static void killed_transaction_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct store *st = fixture_open(f);
	int fds[2];
	char byte;
	pid_t pid;

	add_event(st, 1);
	store_close(st);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!store_open(f->path, fixture_key, &st, NULL))
			(void)store_tx(st, half_tx, &fds[1], NULL);
		_exit(1);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
	st = fixture_open(f);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM event"), 1);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM event WHERE operation = 7"), 0);
	store_close(st);
}

/* --- threads -------------------------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS  50

struct worker {
	const char *path;
	int number;
	int conflicts;
	int failures;
};

/* Read the threshold, add one, write: a lost update would show in the sum. */
static enum err count_tx(struct store *st, void *arg, struct error *e)
{
	struct location_threshold *rows = NULL;
	struct event ev = {.time = 1, .type = EVENT_START};
	size_t n;
	int value;
	enum err err;

	(void)arg;
	if ((err = store_thresholds(st, &rows, &n, e)))
		return err;
	value = n ? rows[0].threshold : 0;
	free(rows);
	if ((err = store_threshold_put(st, 1, value + 1, e)))
		return err;
	return store_event_add(st, &ev, NULL, e);
}

/* All threads want the one open intent of node 1; who gets it closes it again. */
static void fight_for_the_intent(struct store *st, struct worker *w)
{
	struct intent in = {.kind = INTENT_START, .state = INTENT_STARTING, .node = 1, .entered_at = 5};
	enum err err = store_intent_add(st, &in, NULL);

	if (!err) {
		in.state = INTENT_FAILED;
		err = store_intent_move(st, &in, INTENT_STARTING, 0, NULL);
	} else if (err == ERR_CONFLICT) {
		w->conflicts++;
		err = ERR_OK;
	}
	w->failures += err != ERR_OK;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct store *st = NULL;
	struct history_filter all = {.type = -1};

	if (store_open(w->path, fixture_key, &st, NULL)) {
		w->failures++;
		return NULL;
	}
	for (int i = 0; i < ROUNDS; i++) {
		struct event *events = NULL;
		size_t n = 0;

		w->failures += store_tx(st, count_tx, NULL, NULL) != ERR_OK;
		w->failures += store_events(st, &all, 5, &events, &n, NULL) != ERR_OK || n == 0;
		store_events_free(events, n);
		fight_for_the_intent(st, w);
	}
	store_close(st);
	return NULL;
}

static void threads_share_a_database(void **state)
{
	struct fixture *f = *state;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	struct store *st = fixture_open(f);
	int conflicts = 0;

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.path = f->path, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(workers[i].failures, 0);
		conflicts += workers[i].conflicts;
	}
	assert_int_equal(raw_number(st->db, "SELECT threshold FROM location_threshold"), THREADS * ROUNDS);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM event"), THREADS * ROUNDS);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM intent"), THREADS * ROUNDS - conflicts);
	assert_int_equal(raw_number(st->db, "SELECT count(*) FROM intent WHERE closed_at = 0"), 0);
	store_close(st);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(key_is_made_once),
		T(key_leaves_no_other_file),
		T(key_that_others_can_read_is_refused),
		T(key_of_another_size_is_refused),
		T(key_must_be_a_file),
		T(lock_is_exclusive),
		T(lock_must_be_a_file),
		T(database_is_private),
		T(database_is_durable_and_strict),
		T(database_that_cannot_be_opened),
		T(killed_process_loses_nothing),
		T(killed_transaction_leaves_nothing),
		T(threads_share_a_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
