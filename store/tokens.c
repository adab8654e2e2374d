/* API tokens, kept as SHA-256 only: 256 random bits need no slow hash. The token's text leaves here once. */
#include <assert.h>
#include <string.h>

#include "store/sql.h"
#include "store/store.h"

/* clang-format off */
#define TOKENS_SQL(X) \
	X(TOKENS, "SELECT id, name, role, hash, created_at, last_used_at, revoked_at FROM token ORDER BY id") \
	X(TOKEN_GET, "SELECT id, name, role, hash, created_at, last_used_at, revoked_at FROM token WHERE id = ?") \
	X(TOKEN_NAMED, "SELECT id, name, role, hash, created_at, last_used_at, revoked_at FROM token " \
	  "WHERE name = ? AND revoked_at = 0 ORDER BY id DESC LIMIT 1") \
	X(TOKEN_PAGE, "SELECT id, name, role, hash, created_at, last_used_at, revoked_at FROM token " \
	  "WHERE id > ? AND (revoked_at = 0 OR ?) ORDER BY id LIMIT ?") \
	X(TOKEN_ADMINS, "SELECT count(*) FROM token WHERE role = 'admin' AND revoked_at = 0") \
	X(TOKEN_ADD, "INSERT INTO token (name, role, hash, created_at) SELECT ?1, ?2, ?3, ?4 " \
	  "WHERE NOT EXISTS (SELECT 1 FROM token WHERE name = ?1 AND revoked_at = 0)") \
	X(TOKEN_REVOKE, "UPDATE token SET revoked_at = iif(revoked_at = 0, ?, revoked_at) WHERE id = ?") \
	X(TOKEN_TOUCH, "UPDATE token SET last_used_at = max(last_used_at, ?) WHERE id = ?") \
	X(TOKENS_VERSION, "SELECT value FROM counter WHERE name = 'tokens'")
/* clang-format on */
SQL_TABLE(tokens, TOKENS_SQL)

#define TOKEN_PREFIX       "burstd_"
#define TOKEN_RANDOM_BYTES 32
#define TOKEN_RANDOM_CHARS 43 /* base64 of 32 bytes without padding */

static const char *const role_texts[] = {
	[TOKEN_NONE] = "none",
	[TOKEN_VIEWER] = "viewer",
	[TOKEN_OPERATOR] = "operator",
	[TOKEN_ADMIN] = "admin",
};

const char *token_role_text(enum token_role role)
{
	return role_texts[role];
}

static void token_row(struct sql *q, void *out)
{
	struct token_row *t = out;
	const char *role;

	t->id = sql_get_int(q);
	SQL_GET_ARRAY(q, t->name);
	role = sql_get_text(q);
	for (size_t i = TOKEN_VIEWER; i < ARRAY_LEN(role_texts); i++) {
		if (strcmp(role, role_texts[i]) == 0)
			t->role = (enum token_role)i;
	}
	if (t->role == TOKEN_NONE)
		sql_fail(q, "unknown role");
	SQL_GET_ARRAY(q, t->hash);
	t->created_at = sql_get_int(q);
	t->last_used_at = sql_get_int(q);
	t->revoked_at = sql_get_int(q);
}

/* RFC 4648 section 5, without padding; out has room for every started group of 6 bits and the NUL. */
static void base64url(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned n_bits = 0;

	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8 | data[i]) & 0xffff;
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			*out++ = digits[bits >> (n_bits - 6) & 63];
	}
	if (n_bits)
		*out++ = digits[bits << (6 - n_bits) & 63];
	*out = '\0';
}

static void token_make(char out[64])
{
	uint8_t bytes[TOKEN_RANDOM_BYTES];

	random_bytes(bytes, sizeof(bytes));
	memcpy(out, TOKEN_PREFIX, sizeof(TOKEN_PREFIX));
	base64url(bytes, sizeof(bytes), out + strlen(TOKEN_PREFIX));
	assert(strlen(out) == strlen(TOKEN_PREFIX) + TOKEN_RANDOM_CHARS);
	explicit_bzero(bytes, sizeof(bytes));
}

/* Names stand in lists and logs, a line each. */
static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

enum err store_token_create(struct store *st, const char *name, enum token_role role, int64_t now,
			    char ret_token[64], struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TOKEN_ADD, e);
	char token[64];
	char hash[SHA256_HEX_SIZE];
	enum err err;

	if (!*name || strlen(name) >= sizeof(((struct token_row *)NULL)->name))
		return error_field(e, ERR_BAD_REQUEST, "/name", "A token's name has 1 to 100 bytes.");
	if (has_control(name))
		return error_field(e, ERR_BAD_REQUEST, "/name", "A token's name has no control characters.");
	if (role == TOKEN_NONE)
		return error_field(e, ERR_BAD_REQUEST, "/role",
				   "A token's role is viewer, operator or admin.");
	token_make(token);
	sha256_hex(token, strlen(token), hash);
	sql_put_text(&q, name);
	sql_put_text(&q, token_role_text(role));
	sql_put_text(&q, hash);
	sql_put_int(&q, now);
	err = sql_run(&q);
	if (!err && !sql_changed(&q))
		err = error_field(e, ERR_CONFLICT, "/name", "A valid token has this name.");
	if (!err)
		memcpy(ret_token, token, sizeof(token));
	explicit_bzero(token, sizeof(token));
	return err;
}

enum err store_tokens(struct store *st, struct token_row **ret, size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TOKENS, e);
	void *rows;
	enum err err;

	if ((err = sql_list(&q, sizeof(**ret), token_row, NULL, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

static enum err token_one(struct sql *q, struct token_row *ret, struct error *e)
{
	struct token_row row = {.role = TOKEN_NONE};

	if (!sql_row(q))
		return q->err ? q->err : error_set(e, ERR_NOT_FOUND, "There is no such token.");
	token_row(q, &row);
	if (!q->err)
		*ret = row;
	return q->err;
}

enum err store_token_get(struct store *st, int64_t id, struct token_row *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TOKEN_GET, e);

	sql_put_int(&q, id);
	return token_one(&q, ret, e);
}

enum err store_token_named(struct store *st, const char *name, struct token_row *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TOKEN_NAMED, e);

	sql_put_text(&q, name);
	return token_one(&q, ret, e);
}

enum err store_tokens_page(struct store *st, bool revoked, int64_t after, int limit, struct token_row **ret,
			   size_t *ret_n, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TOKEN_PAGE, e);
	void *rows;
	enum err err;

	sql_put_int(&q, after);
	sql_put_int(&q, revoked);
	sql_put_int(&q, limit);
	if ((err = sql_list(&q, sizeof(**ret), token_row, NULL, &rows, ret_n)))
		return err;
	*ret = rows;
	return ERR_OK;
}

enum err store_admin_tokens(struct store *st, int *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TOKEN_ADMINS, e);

	if (sql_row(&q))
		*ret = sql_get_int32(&q);
	return q.err;
}

static enum err token_stamp(struct store *st, int statement, int64_t id, int64_t now, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, statement, e);
	enum err err;

	sql_put_int(&q, now);
	sql_put_int(&q, id);
	if ((err = sql_run(&q)))
		return err;
	if (!sql_changed(&q))
		return error_set(e, ERR_NOT_FOUND, "There is no token %lld.", (long long)id);
	return ERR_OK;
}

enum err store_token_revoke(struct store *st, int64_t id, int64_t now, struct error *e)
{
	return token_stamp(st, TOKEN_REVOKE, id, now, e);
}

enum err store_token_touch(struct store *st, int64_t id, int64_t now, struct error *e)
{
	return token_stamp(st, TOKEN_TOUCH, id, now, e);
}

enum err store_tokens_version(struct store *st, int64_t *ret, struct error *e)
{
	_cleanup_(sql_end) struct sql q = sql(st, TOKENS_VERSION, e);

	if (sql_row(&q))
		*ret = sql_get_int(&q);
	else
		sql_fail(&q, "the counter is missing");
	return q.err;
}
