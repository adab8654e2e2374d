/*
 * Idempotency-Key: a POST that is sent again has one effect and one answer.
 *
 * One transaction holds everything: it is begun before the handler, what the handler writes through store_tx becomes a
 * part of it, the reply is written beside it, and only after the commit does the reply leave and are the workers woken.
 * So there is no state in between, whenever the process is killed: before the commit neither the effect nor the reply
 * is there and the client's next try is the first one; after it both are, and the next try is answered from the store.
 * BEGIN IMMEDIATE lets one writer in at a time: a twin that comes meanwhile waits for the first one's commit, as every
 * writer does, and then finds its reply. Where the wait is longer than the store's patience it gets 503 busy.
 *
 * What is kept: every answer of the handler but 400 (the request was not understood, nothing began: it may be mended
 * under the same key) and 5xx (nothing was done: the same request may be tried again). Those are rolled back whole.
 * Refusals before the handler (token, role, media type, size) are not kept either. Keys belong to the token's name, so
 * that nobody reads another one's replies.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "server/http_internal.h"

#define KEPT_MS (24 * 60 * MS_PER_MINUTE)

bool idempotency_key_valid(const char *key)
{
	size_t len = strlen(key);
	size_t i;

	for (i = 0; i < len; i++)
		if (key[i] < 0x21 || key[i] > 0x7e)
			return false;
	return len >= 1 && len <= IDEMPOTENCY_KEY_MAX;
}

/* --- which request it is ----------------------------------------------------------------------------------------- */

static enum MHD_Result add_parameter(void *cls, enum MHD_ValueKind kind, const char *name, size_t len,
				     const char *value, size_t value_len)
{
	struct buf *out = cls;

	(void)kind;
	buf_printf(out, "%zu %zu ", len, value_len);
	buf_append(out, name, len);
	buf_append(out, value ? value : "", value_len);
	return MHD_YES;
}

/* Lengths stand before what has no end of its own, so that two different requests never give the same text. */
static enum err fingerprint(struct exchange *x, char out[SHA256_HEX_SIZE], struct error *e)
{
	struct buf text = BUF_INIT(x->body.len + 4 * LIMIT_URL_BYTES);

	buf_printf(&text, "%s %s\n", x->req.route->method, x->path);
	(void)MHD_get_connection_values_n(x->connection, MHD_GET_ARGUMENT_KIND, add_parameter, &text);
	buf_printf(&text, "\n%zu\n", x->body.len);
	buf_append(&text, x->body.data ? x->body.data : "", x->body.len);
	if (!text.failed)
		sha256_hex(text.data, text.len, out);
	buf_wipe(&text);
	return text.failed ? error_set(e, ERR_TOO_LARGE, "the body is too large") : ERR_OK;
}

/* --- keeping a reply ---------------------------------------------------------------------------------------------- */

static void copy_header(char *out, size_t size, struct MHD_Response *response, const char *name)
{
	const char *value = MHD_get_response_header(response, name);

	(void)snprintf(out, size, "%s", value ? value : "");
}

static bool worth_keeping(int status)
{
	return status < 500 && status != 400;
}

/* Writes the held reply beside its effect and commits both; on failure neither is there. */
static enum err keep(struct exchange *x, struct store *store, struct kept_reply *reply, struct error *e)
{
	enum err err;

	reply->status = x->status;
	reply->expires_at = x->req.now + (int64_t)((double)KEPT_MS / x->server->app.config->time_scale);
	copy_header(reply->media, sizeof reply->media, x->held, "Content-Type");
	copy_header(reply->location, sizeof reply->location, x->held, "Location");
	copy_header(reply->etag, sizeof reply->etag, x->held, "ETag");
	reply->body = x->held_body;
	err = store_reply_put(store, x->actor, x->headers.idempotency_key, x->req.now, reply, e);
	reply->body = NULL; /* the response owns it */
	if (!err)
		return store_commit(store, e);
	store_roll_back(store);
	return err;
}

/* The handler's answer, sent once it is kept. */
static struct done *first(struct exchange *x, struct store *store, struct kept_reply *reply)
{
	struct error e = {.code = ERR_OK};
	char nothing[1] = "";
	struct done *done;

	x->holding = true;
	x->held_body = nothing;
	done = x->req.route->handler(&x->req);
	x->holding = false;
	if (!done || !worth_keeping(x->status)) {
		store_roll_back(store);
		return done ? reply_release(x) : NULL;
	}
	if (keep(x, store, reply, &e)) {
		reply_drop(x);
		return reply_error(&x->req, &e);
	}
	if (x->changed)
		req_changed(&x->req);
	if (x->tokens_changed)
		req_tokens_changed(&x->req);
	return reply_release(x);
}

static struct done *again(struct exchange *x, struct kept_reply *reply, const char *asked)
{
	struct error e;
	struct done *done;

	if (strcmp(reply->fingerprint, asked) == 0) {
		done = reply_kept(x, reply);
	} else {
		(void)error_set(&e, ERR_KEY_REUSED,
				"the Idempotency-Key came before with another path, query or body");
		done = reply_error(&x->req, &e);
	}
	kept_reply_clear(reply);
	return done;
}

struct done *idempotent_answer(struct exchange *x)
{
	struct kept_reply reply = {.status = 0};
	char asked[SHA256_HEX_SIZE];
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(&x->req, &e);
	enum err err;

	if (!store || fingerprint(x, asked, &e) || store_begin(store, &e))
		return reply_error(&x->req, &e);
	err = store_reply_get(store, x->actor, x->headers.idempotency_key, x->req.now, &reply, &e);
	if (err == ERR_NOT_FOUND) {
		memcpy(reply.fingerprint, asked, sizeof asked);
		return first(x, store, &reply);
	}
	store_roll_back(store);
	return err ? reply_error(&x->req, &e) : again(x, &reply, asked);
}
