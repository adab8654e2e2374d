/* The small commands. They open the store beside a running daemon: SQLite arbitrates, and the daemon sees new tokens. */
#include "server/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "handlers/handlers.h"
#include "store/store.h"

#define NAME_MAX_BYTES 100

int command_fail(const struct error *e)
{
	(void)fprintf(stderr, "burstd: %s\n", e->detail);
	return 1;
}

bool state_path(const struct config *c, const char *name, char *out, size_t size)
{
	return snprintf(out, size, "%s/%s", c->state_dir, name) < (int)size;
}

enum err state_make(const struct config *c, struct error *e)
{
	if (!c->state_dir)
		return error_set(e, ERR_BAD_REQUEST, "BURSTD_STATE_DIR: must not be empty");
	if (mkdir(c->state_dir, 0700) == 0 || errno == EEXIST)
		return ERR_OK;
	return error_set(e, ERR_BAD_REQUEST, "BURSTD_STATE_DIR: cannot make %s: %s", c->state_dir,
			 strerror(errno));
}

/* --- tokens -------------------------------------------------------------------------------------------------- */

static enum err open_store(const struct config *c, struct store **ret, struct error *e)
{
	uint8_t key[SECRET_KEY_SIZE];
	char path[512];
	enum err err = state_make(c, e);

	if (!err && !state_path(c, CONFIG_DATABASE, path, sizeof path))
		err = error_set(e, ERR_BAD_REQUEST, "BURSTD_STATE_DIR: the path is too long");
	err = err ? err : store_key_load(c->state_dir, key, e);
	err = err ? err : store_open(path, key, ret, e);
	explicit_bzero(key, sizeof key);
	return err;
}

static enum token_role role_of(const char *text)
{
	enum token_role role;

	for (role = TOKEN_VIEWER; text && role <= TOKEN_ADMIN; role++)
		if (strcmp(text, token_role_text(role)) == 0)
			return role;
	return TOKEN_NONE;
}

static enum err create_token(const struct config *c, struct store *store, struct error *e)
{
	enum token_role role = role_of(c->role);
	char token[64];
	enum err err;

	if (c->n_words > 2)
		return error_set(e, ERR_BAD_REQUEST, "%s: unknown argument", c->words[2]);
	if (!c->name || !*c->name || strlen(c->name) > NAME_MAX_BYTES)
		return error_set(e, ERR_BAD_REQUEST, "--name: must be a text of 1 to %d bytes",
				 NAME_MAX_BYTES);
	if (role == TOKEN_NONE)
		return error_set(e, ERR_BAD_REQUEST, "--role: must be viewer, operator or admin");
	err = store_token_create(store, c->name, role, clock_now(&clock_system), token, e);
	if (!err)
		(void)printf("%s\n", token);
	explicit_bzero(token, sizeof token);
	return err;
}

static enum err list_tokens(struct store *store, struct error *e)
{
	_cleanup_(freep) struct token_row *rows = NULL;
	char made[TIME_TEXT_SIZE], used[TIME_TEXT_SIZE];
	size_t n = 0;
	size_t i;
	enum err err = store_tokens(store, &rows, &n, e);

	for (i = 0; !err && i < n; i++)
		(void)printf("%lld\t%s\t%s\tmade %s\tused %s\t%s\n", (long long)rows[i].id, rows[i].name,
			     token_role_text(rows[i].role), time_rfc3339(rows[i].created_at, made),
			     rows[i].last_used_at ? time_rfc3339(rows[i].last_used_at, used) : "never",
			     rows[i].revoked_at ? "revoked" : "valid");
	return err;
}

static enum err revoke_token(const struct config *c, struct store *store, struct error *e)
{
	char *end = NULL;
	long long id = c->n_words == 3 ? strtoll(c->words[2], &end, 10) : 0;

	if (id <= 0 || *end != '\0')
		return error_set(e, ERR_BAD_REQUEST,
				 "token revoke: needs the id that `burstd token list` shows");
	return store_token_revoke(store, id, clock_now(&clock_system), e);
}

int command_token(const struct config *c)
{
	_cleanup_(store_closep) struct store *store = NULL;
	const char *what = c->n_words > 1 ? c->words[1] : "";
	struct error e;
	enum err err;

	if (strcmp(what, "create") != 0 && (c->name || c->role)) {
		(void)error_set(&e, ERR_BAD_REQUEST, "--%s: belongs to `burstd token create`",
				c->name ? "name" : "role");
		return command_fail(&e);
	}
	err = open_store(c, &store, &e);
	if (!err && strcmp(what, "create") == 0)
		err = create_token(c, store, &e);
	else if (!err && strcmp(what, "list") == 0 && c->n_words == 2)
		err = list_tokens(store, &e);
	else if (!err && strcmp(what, "revoke") == 0)
		err = revoke_token(c, store, &e);
	else if (!err)
		err = error_set(&e, ERR_BAD_REQUEST, "token: say create, list or revoke");
	return err ? command_fail(&e) : 0;
}

/* --- backup -------------------------------------------------------------------------------------------------- */

int command_backup(const struct config *c)
{
	const char *file = c->n_words == 2 ? c->words[1] : NULL;
	struct store_backup made;
	char path[512];
	struct error e;
	enum err err;

	if (!file || !*file)
		err = error_set(&e, ERR_BAD_REQUEST, "backup: needs one file name, for the copy");
	else if (!c->state_dir || !state_path(c, CONFIG_DATABASE, path, sizeof path))
		err = error_set(&e, ERR_BAD_REQUEST, "BURSTD_STATE_DIR: is empty, or too long");
	else
		err = store_backup(path, file, &made, &e);
	if (err)
		return command_fail(&e);
	(void)printf("%s: %lld bytes, schema version %d. The key file %s/key is not in it: keep a copy "
		     "elsewhere.\n",
		     file, (long long)made.bytes, made.schema, c->state_dir);
	return 0;
}

/* --- routes -------------------------------------------------------------------------------------------------- */

int command_routes(void)
{
	struct route_table table = handlers_routes();
	const char *const *also;
	size_t i;

	for (i = 0; i < table.n; i++) {
		const struct route *row = &table.rows[i];

		(void)printf("%s %s %s %s %s", row->method, row->path, row->operation,
			     row->role == TOKEN_NONE ? "open" : token_role_text(row->role),
			     row->media ? row->media : "application/json");
		for (also = row->also; also && *also; also++)
			(void)printf(",%s", *also);
		(void)printf(" %zu%s\n", row->body_limit, row->basic ? " basic" : "");
		(void)printf("  %s\n", row->query ? row->query : "");
	}
	return 0;
}
