/* GET /v1/history: what happened, newest first (RULE V3). */
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/history.h"
#include "handlers/input.h"
#include "handlers/json_text.h"
#include "handlers/paging.h"

#define CURSOR_KIND    'h'
#define PAGE_BYTES_MAX STREAM_PIECE_MAX

const char *history_node_name(const struct event *event)
{
	return event->node_name && event->node_name[0] ? event->node_name : NULL;
}

void history_put_event(struct buf *b, const struct event *event)
{
	json_put_raw(b, "{\"id\":");
	json_put_int(b, event->id);
	json_put_raw(b, ",\"time\":");
	json_put_time(b, event->time);
	json_put_raw(b, ",\"type\":");
	json_put_text(b, event_type_text(event->type));
	json_put_raw(b, ",\"node\":");
	json_put_id(b, event->node);
	json_put_raw(b, ",\"node_name\":");
	json_put_text(b, history_node_name(event));
	json_put_raw(b, ",\"location\":");
	json_put_id(b, event->location);
	json_put_raw(b, ",\"actor\":");
	json_put_text(b, event->actor);
	json_put_raw(b, ",\"reason\":");
	json_put_text(b, event->reason);
	json_put_raw(b, ",\"rule\":");
	json_put_text(b, event->rule && *event->rule ? event->rule : NULL);
	json_put_raw(b, ",\"figures\":");
	json_put_stored(b, event->figures);
	json_put_raw(b, ",\"operation\":");
	json_put_id(b, event->operation);
	json_put_raw(b, "}");
}

static bool type_read(struct req *r, int *ret, struct error *e)
{
	const char *text = req_query(r, "type");
	enum event_type type;

	*ret = -1;
	if (!text)
		return true;
	if (event_type_from_text(text, &type)) {
		(void)error_set(e, ERR_BAD_REQUEST, "the query parameter \"type\" names no type of event");
		return false;
	}
	*ret = (int)type;
	return true;
}

static bool filter_read(struct req *r, struct history_filter *f, struct paging *paging, struct error *e)
{
	*f = (struct history_filter){.actor = req_query(r, "actor")};
	if (!paging_read(r, CURSOR_KIND, paging, e) || !query_id(r, "node", &f->node, e) ||
	    !query_id(r, "location", &f->location, e) || !type_read(r, &f->type, e) ||
	    !query_time(r, "since", &f->since, e) || !query_time(r, "until", &f->until, e))
		return false;
	f->before = paging->last;
	return true;
}

/* The first `shown` of n events as the body of a page. */
static void put_page(struct buf *b, const struct event *events, size_t n, size_t shown)
{
	size_t i;

	json_put_raw(b, "{\"items\":[");
	for (i = 0; i < shown; i++) {
		if (i)
			json_put_raw(b, ",");
		history_put_event(b, &events[i]);
	}
	json_put_raw(b, "],\"next\":");
	paging_put_next(b, CURSOR_KIND, n > shown ? events[shown - 1].id : 0);
	json_put_raw(b, "}");
}

struct done *history_list(struct req *r)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT(PAGE_BYTES_MAX);
	struct history_filter filter;
	struct paging paging;
	struct event *events = NULL;
	struct store *store;
	struct error e;
	size_t n = 0;

	if (!filter_read(r, &filter, &paging, &e))
		return reply_error(r, &e);
	if (!strcmp(r->media, HISTORY_CSV) || !strcmp(r->media, HISTORY_NDJSON))
		return history_export(r, &filter);
	store = req_store(r, &e);
	if (!store || store_events(store, &filter, paging.limit + 1, &events, &n, &e))
		return reply_error(r, &e);
	put_page(&b, events, n, n < (size_t)paging.limit ? n : (size_t)paging.limit);
	store_events_free(events, n);
	if (b.failed) {
		(void)error_set(&e, ERR_INTERNAL, "the page does not fit in %d bytes", PAGE_BYTES_MAX);
		return reply_error(r, &e);
	}
	return reply_bytes(r, r->media, take_ptr(b.data), b.len);
}
