/* GET /v1/history: what happened, newest first (RULE V3). */
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/history.h"
#include "handlers/input.h"
#include "handlers/paging.h"
#include "handlers/views.h"

#define CURSOR_KIND 'h'

/* The stored text as JSON; null where there is none. */
static json_t *figures_of(const char *text)
{
	return text ? json_loads(text, 0, NULL) : NULL;
}

json_t *view_event(const struct event *event)
{
	json_t *v = json_object();

	put_int(v, "id", event->id);
	put_time(v, "time", event->time);
	put_text(v, "type", event_type_text(event->type));
	put_id(v, "node", event->node);
	put_text(v, "node_name", event->node ? event->node_name : NULL);
	put_id(v, "location", event->location);
	put_text(v, "actor", event->actor);
	put_text(v, "reason", event->reason);
	put_text(v, "rule", event->rule && *event->rule ? event->rule : NULL);
	put(v, "figures", figures_of(event->figures));
	put_id(v, "operation", event->operation);
	return v;
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

struct done *history_list(struct req *r)
{
	struct history_filter filter;
	struct paging paging;
	struct event *events = NULL;
	struct store *store;
	struct error e;
	json_t *items, *body;
	size_t n = 0;
	size_t i;

	if (!filter_read(r, &filter, &paging, &e))
		return reply_error(r, &e);
	if (!strcmp(r->media, HISTORY_CSV) || !strcmp(r->media, HISTORY_NDJSON))
		return history_export(r, &filter);
	store = req_store(r, &e);
	if (!store || store_events(store, &filter, paging.limit + 1, &events, &n, &e))
		return reply_error(r, &e);
	items = json_array();
	for (i = 0; i < n && i < (size_t)paging.limit; i++)
		(void)json_array_append_new(items, view_event(&events[i]));
	body = paging_body(items, CURSOR_KIND, n > i ? events[i - 1].id : 0);
	store_events_free(events, n);
	return reply_value(r, 200, body);
}
