/*
 * Owns the token cache and the first admin token. Only hashes are kept; they are compared in constant time, and all of
 * them, so that the time taken tells nothing about which one was near.
 */
#include "server/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECHECK_MS       1000 /* how long a revoked token may still be taken */
#define TOKEN_TEXT_MAX   256
#define BASIC_TEXT_MAX   1024 /* user name and token */
#define ADMIN_TOKEN_NAME "admin"
#define ADMIN_TOKEN_FILE "admin.token"

struct entry {
	int64_t id;
	enum token_role role; /* TOKEN_NONE = revoked */
	char name[ACTOR_SIZE];
	char hash[SHA256_HEX_SIZE];
	_Atomic int64_t touched_at;
};

struct auth {
	pthread_rwlock_t lock; /* entries, n, version */
	struct entry *entries;
	size_t n;
	int64_t version;
	_Atomic int64_t checked_at; /* monotonic ms; 0 = never */
	_Atomic int64_t generation; /* grows with each change of entries */
};

struct auth *auth_new(void)
{
	struct auth *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->version = -1;
	if (pthread_rwlock_init(&a->lock, NULL) == 0)
		return a;
	free(a);
	return NULL;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	(void)pthread_rwlock_destroy(&a->lock);
	free(a->entries);
	free(a);
}

void auth_reload(struct auth *a)
{
	atomic_store(&a->checked_at, 0);
}

/* The rows as cache entries; the revoked ones too, to tell them from guesses. */
static struct entry *entries_make(const struct token_row *rows, size_t n)
{
	struct entry *entries = calloc(n + 1, sizeof *entries);
	size_t i;

	for (i = 0; entries && i < n; i++) {
		entries[i].id = rows[i].id;
		entries[i].role = rows[i].revoked_at ? TOKEN_NONE : rows[i].role;
		memcpy(entries[i].name, rows[i].name, sizeof rows[i].name);
		memcpy(entries[i].hash, rows[i].hash, sizeof rows[i].hash);
		atomic_init(&entries[i].touched_at, rows[i].last_used_at);
	}
	return entries;
}

/* Reads the tokens when their version is another than the cached one. */
static enum err refresh(struct auth *a, struct store *store, struct error *e)
{
	_cleanup_(freep) struct token_row *rows = NULL;
	struct entry *entries;
	size_t n = 0;
	bool same;
	int64_t version;
	enum err err = store_tokens_version(store, &version, e);

	if (err)
		return err;
	(void)pthread_rwlock_rdlock(&a->lock);
	same = version == a->version;
	(void)pthread_rwlock_unlock(&a->lock);
	if (same)
		return ERR_OK;
	err = store_tokens(store, &rows, &n, e);
	if (err)
		return err;
	entries = entries_make(rows, n);
	if (!entries)
		return error_set(e, ERR_INTERNAL, "out of memory");
	(void)pthread_rwlock_wrlock(&a->lock);
	free(a->entries);
	a->entries = entries;
	a->n = n;
	a->version = version;
	(void)atomic_fetch_add(&a->generation, 1);
	(void)pthread_rwlock_unlock(&a->lock);
	return ERR_OK;
}

static enum err refresh_in_time(struct auth *a, const struct app *app, struct error *e)
{
	int64_t now = monotonic_ms();
	int64_t checked = atomic_load_explicit(&a->checked_at, memory_order_relaxed);
	struct store *store;
	enum err err;

	if (checked && now - checked < RECHECK_MS)
		return ERR_OK;
	store = app->store(app->store_self, e);
	if (!store)
		return e->code;
	err = refresh(a, store, e);
	if (!err)
		atomic_store(&a->checked_at, now);
	return err;
}

/* Finds the entry of a hash, looking at all of them. Read lock held. */
static struct entry *find(struct auth *a, const char hash[SHA256_HEX_SIZE])
{
	struct entry *found = NULL;
	size_t i;

	for (i = 0; i < a->n; i++)
		if (crypto_equal(a->entries[i].hash, hash, SHA256_HEX_SIZE - 1))
			found = &a->entries[i];
	return found;
}

/* What follows the scheme; NULL where the header is missing or of another one. */
static const char *after_scheme(const char *header, const char *scheme)
{
	size_t len = strlen(scheme);

	if (!header || strncasecmp(header, scheme, len) != 0 || header[len] != ' ')
		return NULL;
	return header + len + strspn(header + len, " ");
}

bool auth_is_basic(const char *header)
{
	return after_scheme(header, "Basic") != NULL;
}

/* The password of Basic, in `room`: what follows the first colon. NULL where there is none. */
static const char *password(const char *coded, char room[BASIC_TEXT_MAX])
{
	int len = coded ? base64_decode(coded, room, BASIC_TEXT_MAX) : -1;
	char *colon = len > 0 ? memchr(room, ':', (size_t)len) : NULL;

	return colon && strlen(room) == (size_t)len ? colon + 1 : NULL;
}

/* The token of the header; NULL where it has none. It may live in `room`. */
static const char *token_of(const char *header, bool basic, char room[BASIC_TEXT_MAX])
{
	const char *token = basic && auth_is_basic(header) ? password(after_scheme(header, "Basic"), room)
							   : after_scheme(header, "Bearer");

	return token && *token && strlen(token) <= TOKEN_TEXT_MAX ? token : NULL;
}

/* Keeps last_used_at. A failure is left alone: it must not refuse a valid token. */
static void touch(const struct app *app, int64_t id, int64_t now)
{
	struct error e;
	struct store *store = app->store(app->store_self, &e);

	if (store)
		(void)store_token_touch(store, id, now, &e);
}

/* The role of a token whose hash this is. */
static enum token_role check_hash(struct auth *a, const struct app *app, const char hash[SHA256_HEX_SIZE],
				  char ret_actor[ACTOR_SIZE], bool *ret_revoked)
{
	enum token_role role = TOKEN_NONE;
	int64_t now = clock_now(app->clock);
	int64_t touched;
	int64_t stale = 0;
	struct entry *found;

	(void)pthread_rwlock_rdlock(&a->lock);
	found = find(a, hash);
	*ret_revoked = found && found->role == TOKEN_NONE;
	if (found && !*ret_revoked) {
		role = found->role;
		memcpy(ret_actor, found->name, ACTOR_SIZE);
		touched = atomic_load(&found->touched_at);
		if (now - touched >= AUTH_TOUCH_MS &&
		    atomic_compare_exchange_strong(&found->touched_at, &touched, now))
			stale = found->id;
	}
	(void)pthread_rwlock_unlock(&a->lock);
	if (stale)
		touch(app, stale, now);
	return role;
}

enum token_role auth_check(struct auth *a, const struct app *app, const char *header, bool basic,
			   char ret_actor[ACTOR_SIZE], bool *ret_revoked, struct error *e)
{
	char room[BASIC_TEXT_MAX];
	const char *token = token_of(header, basic, room);
	char hash[SHA256_HEX_SIZE] = "";

	e->code = ERR_OK;
	*ret_revoked = false;
	if (token)
		sha256_hex(token, strlen(token), hash);
	explicit_bzero(room, sizeof room);
	if (!token || refresh_in_time(a, app, e))
		return TOKEN_NONE;
	return check_hash(a, app, hash, ret_actor, ret_revoked);
}

int64_t auth_generation(struct auth *a, const struct app *app)
{
	struct error e;

	return refresh_in_time(a, app, &e) ? 0 : atomic_load(&a->generation);
}

/* --- the first token ----------------------------------------------------------------------------------------- */

struct first {
	const char *dir;
	int64_t now;
	bool made;
};

/* Writes the whole text, or says why not. */
static enum err write_all(int fd, const char *path, const char *text, struct error *e)
{
	size_t len = strlen(text);

	if (write(fd, text, len) == (ssize_t)len && fsync(fd) == 0)
		return ERR_OK;
	return error_set(e, ERR_INTERNAL, "cannot write %s: %s", path, strerror(errno));
}

/* A new file that takes the old one's place whole. */
static enum err write_token(const char *dir, const char *token, struct error *e)
{
	char path[512], fresh[520], line[80];
	enum err err;
	int fd;

	if (snprintf(path, sizeof path, "%s/" ADMIN_TOKEN_FILE, dir) >= (int)sizeof path)
		return error_set(e, ERR_BAD_REQUEST, "the path of the state directory is too long");
	(void)snprintf(fresh, sizeof fresh, "%s.new", path);
	(void)snprintf(line, sizeof line, "%s\n", token);
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(e, ERR_INTERNAL, "cannot make %s: %s", fresh, strerror(errno));
	err = write_all(fd, fresh, line, e);
	explicit_bzero(line, sizeof line);
	(void)close(fd);
	if (!err && rename(fresh, path) != 0)
		err = error_set(e, ERR_INTERNAL, "cannot make %s: %s", path, strerror(errno));
	return err;
}

/* In one transaction with the file: a crash in between leaves a store without tokens, and the next start tries again. */
static enum err first_tx(struct store *store, void *arg, struct error *e)
{
	_cleanup_(freep) struct token_row *rows = NULL;
	struct first *f = arg;
	char token[64];
	size_t n = 0;
	enum err err = store_tokens(store, &rows, &n, e);

	f->made = false;
	if (err || n > 0)
		return err;
	err = store_token_create(store, ADMIN_TOKEN_NAME, TOKEN_ADMIN, f->now, token, e);
	if (!err)
		err = write_token(f->dir, token, e);
	explicit_bzero(token, sizeof token);
	f->made = !err;
	return err;
}

enum err auth_first_token(struct store *store, const char *state_dir, int64_t now, bool *ret_made,
			  struct error *e)
{
	struct first f = {.dir = state_dir, .now = now};
	enum err err = store_tx(store, first_tx, &f, e);

	if (!err)
		*ret_made = f.made;
	return err;
}
