/*
 * GET /v1/events: Server-Sent Events (WHATWG HTML, 9.2). `history` with the event as /v1/history shows it and its id, so that a
 * client which reconnects asks to go on behind the last one it got; `picture` without an id, whenever a new one was published.
 * It begins with an id alone: a client that loses its connection before the first event knows where it was, too.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/history.h"
#include "handlers/input.h"
#include "handlers/json_text.h"

#define EVENTS_AT_ONCE 100
#define RETRY_MS       2000 /* when a client that lost its connection should come back */

struct follower {
	const struct app *app;
	int64_t last;    /* id of the last event given */
	int64_t picture; /* seq of the last picture told of */
	bool begun;
};

static enum err put_history(struct follower *f, struct buf *piece, struct error *e)
{
	struct store *store = f->app->store(f->app->store_self, e);
	struct event *events = NULL;
	size_t n = 0;
	size_t i;

	if (!store || store_events_after(store, f->last, EVENTS_AT_ONCE, &events, &n, e))
		return e->code;
	for (i = 0; i < n; i++) {
		buf_printf(piece, "id: %" PRId64 "\nevent: history\ndata: ", events[i].id);
		history_put_event(piece, &events[i]); /* in one line, as the format wants it */
		buf_puts(piece, "\n\n");
		f->last = events[i].id;
	}
	store_events_free(events, n);
	return ERR_OK;
}

static void put_picture(struct follower *f, struct buf *piece)
{
	struct picture *p = f->app->picture(f->app->self);

	if (p->seq != f->picture) {
		buf_printf(piece, "event: picture\ndata: {\"seq\":%" PRId64 ",\"generated_at\":", p->seq);
		json_put_time(piece, p->made_at);
		buf_puts(piece, "}\n\n");
		f->picture = p->seq;
	}
	picture_unref(p);
}

static enum err follower_next(void *self, struct buf *piece, struct error *e)
{
	struct follower *f = self;

	if (!f->begun)
		buf_printf(piece, "retry: %d\nid: %" PRId64 "\n\n", RETRY_MS, f->last);
	f->begun = true;
	if (put_history(f, piece, e))
		return e->code;
	put_picture(f, piece);
	return ERR_OK;
}

/*
 * The event behind which to go on: the header's, which an EventSource sends by itself, else the query's, else the newest. One
 * that is newer than the newest is from before an older database was put back: then from now on.
 */
static bool last_read(struct req *r, int64_t newest, int64_t *ret, struct error *e)
{
	const char *const given[] = {req_query(r, "last_event_id"), req_last_event_id(r)};

	*ret = newest;
	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		size_t len = given[i] ? strlen(given[i]) : 0;
		long long id;

		if (!given[i])
			continue;
		if (len == 0 || len > 18 || strspn(given[i], "0123456789") != len) {
			(void)error_set(e, ERR_BAD_REQUEST,
					"the last event id must be the id of an event, or 0 for all of them");
			return false;
		}
		id = strtoll(given[i], NULL, 10);
		*ret = id < newest ? id : newest;
	}
	return true;
}

struct done *event_stream(struct req *r)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);
	struct follower *f;
	int64_t newest, last;

	if (!store || store_event_newest(store, &newest, &e) || !last_read(r, newest, &last, &e))
		return reply_error(r, &e);
	f = calloc(1, sizeof *f);
	if (!f) {
		(void)error_set(&e, ERR_INTERNAL, "out of memory");
		return reply_error(r, &e);
	}
	*f = (struct follower){.app = r->app, .last = last, .picture = -1};
	return reply_events(r, &(struct stream){follower_next, free, f});
}
