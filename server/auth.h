/*
 * Tokens, as Bearer or as the password of Basic: a cache of the store's token hashes, read again when their version grows. Looked for at most
 * once a second, so a revoked token is refused within a second without a read of the database at each
 * request. Any thread.
 */
#ifndef BURSTD_SERVER_AUTH_H
#define BURSTD_SERVER_AUTH_H

#include "server/app.h"

struct auth;

struct auth *auth_new(void); /* NULL when out of memory */
void auth_free(struct auth *);
DEFINE_FREEP(struct auth, auth_free)

#define ACTOR_SIZE    101
#define AUTH_TOUCH_MS MS_PER_MINUTE /* last_used_at of a token is written at most this often */

/* Whether the value of an Authorization header (NULL = missing) is of the scheme Basic. */
bool auth_is_basic(const char *header);
/*
 * Checks the value of an Authorization header (NULL = missing): "Bearer TOKEN", or where `basic` says so "Basic" with any
 * user name and the token as the password (RFC 7617). On success the role is returned and the token's name copied into
 * `ret_actor`; TOKEN_NONE = not a valid token, or `e` is filled where the store could not be read. *ret_revoked tells
 * whether it is one that was valid once.
 */
enum token_role auth_check(struct auth *, const struct app *, const char *header, bool basic,
			   char ret_actor[ACTOR_SIZE], bool *ret_revoked, struct error *e);
/*
 * A number that grows whenever the tokens were read anew, after a look for new ones where one is due: what was accepted in
 * the same generation is still accepted. 0 = the tokens cannot be read.
 */
int64_t auth_generation(struct auth *, const struct app *);
/* The next check reads the tokens again. */
void auth_reload(struct auth *);

/*
 * First start: a store without any token gets an admin token, written to <state_dir>/admin.token (0600, with
 * a newline). *ret_made tells whether it was. Main thread.
 */
enum err auth_first_token(struct store *, const char *state_dir, int64_t now, bool *ret_made, struct error *);

#endif
