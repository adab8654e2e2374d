/*
 * ?dry_run=true: what a request would do, told by doing it.
 *
 * One transaction is begun before the handler, what the handler writes through store_tx becomes a part of it, and it is
 * always rolled back. So a dry run passes every check of the real request on the same data and meets the same errors, and
 * there is no second path that could drift away from the first; the handler only ends in a plan instead of a result
 * (handlers/plan.h). Nobody is woken, no cached page is made anew, and an Idempotency-Key is neither looked up nor used up.
 */
#include <string.h>

#include "server/http_internal.h"

enum err dry_run_asked(struct exchange *x, bool *ret, struct error *e)
{
	const char *value = x->headers.query ? req_query(&x->req, "dry_run") : NULL;

	*ret = value && strcmp(value, "true") == 0;
	if (!value || *ret || strcmp(value, "false") == 0)
		return ERR_OK;
	return error_set(e, ERR_BAD_REQUEST, "the query parameter \"dry_run\" must be true or false");
}

/* The newest event before the handler writes its own: those behind it are what it would tell history. */
static enum err note_history(struct exchange *x, struct store *store, struct error *e)
{
	struct history_filter all = {.type = -1};
	struct event *newest = NULL;
	size_t n = 0;
	enum err err = store_events(store, &all, 1, &newest, &n, e);

	x->req.last_event = n ? newest[0].id : 0;
	store_events_free(newest, n);
	return err;
}

struct done *dry_run_answer(struct exchange *x)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(&x->req, &e);
	struct done *done;

	if (!store || store_begin(store, &e))
		return reply_error(&x->req, &e);
	if (note_history(x, store, &e)) {
		store_roll_back(store);
		return reply_error(&x->req, &e);
	}
	x->req.dry_run = true;
	x->holding = true;
	done = x->req.route->handler(&x->req);
	x->holding = false;
	store_roll_back(store);
	return done ? reply_release(x) : NULL;
}
