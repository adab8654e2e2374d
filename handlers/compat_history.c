/*
 * GET /api/admin/history/v1/workervm_status_event/: which nodes were started, came up and were stopped, as Infinity's history
 * of Conferencing Nodes tells it. Drains, failures and the like, which Infinity does not know, are in /v1/history only.
 */
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "handlers/compat.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/views.h"

#define EVENTS       COMPAT_HISTORY "workervm_status_event/"
#define TEXT_MOST    250 /* of context and details */
#define EVENT_ORDERS "id time_changed"

/* Infinity's words are nowhere written down; these hold "start", "running" and "stop", by which its history is told apart. */
static const struct {
	enum event_type type;
	const char *event_type;
	const char *state;
} words[] = {
	{EVENT_START, "start", "starting"},
	{EVENT_RUNNING, "running", "running"},
	{EVENT_STOP, "stop", "stopping"},
};

static void put_cut(json_t *v, const char *key, const char *text)
{
	char room[TEXT_MOST + 1];

	(void)snprintf(room, sizeof room, "%s", text);
	utf8_tidy(room);
	put_text(v, key, room);
}

static void put_words(json_t *v, enum event_type type)
{
	size_t i;

	for (i = 0; i + 1 < ARRAY_LEN(words) && words[i].type != type; i++)
		continue;
	put_text(v, "event_type", words[i].event_type);
	put_text(v, "state", words[i].state);
}

/* Address and location are those of now: history keeps the node's id and name. */
static json_t *status_event(const struct picture *p, const struct event *event)
{
	const struct node *n = picture_node(p, event->node);
	const struct location *l = picture_location(p, event->location);
	json_t *v = json_object();

	put_id(v, "id", event->id);
	put_words(v, event->type);
	put_cut(v, "context", event->actor);
	put_cut(v, "details", event->reason);
	compat_put_time(v, "time_changed", event->time);
	put_text(v, "workervm_address", n ? n->address : "");
	put_id(v, "workervm_configuration_id", event->node);
	put_text(v, "workervm_configuration_name", event->node_name);
	put_text(v, "workervm_configuration_location_name", l ? l->name : NULL);
	put(v, "resource_uri", json_sprintf(EVENTS "%lld/", (long long)event->id));
	return v;
}

/* event_type=stop: exactly one of the words. An unknown one is refused, as nothing would ever match it. */
static bool type_read(struct req *r, int *ret, struct error *e)
{
	const char *text = req_query(r, "event_type");
	size_t i;

	*ret = -1;
	for (i = 0; text && i < ARRAY_LEN(words); i++)
		if (!strcmp(words[i].event_type, text))
			*ret = (int)words[i].type;
	if (!text || *ret >= 0)
		return true;
	(void)error_set(e, ERR_BAD_REQUEST, "event_type is one of start, running and stop.");
	return false;
}

/*
 * Both names of a bound: an event has one time, and clients of the histories that have two ask alike everywhere. The time is in
 * Infinity's form, which has no zone and is UTC.
 */
static bool bound_read(struct req *r, const char *name, const char *alias, int64_t *ret, struct error *e)
{
	const char *text = req_query(r, name);

	text = text ? text : req_query(r, alias);
	*ret = 0;
	if (!text || (time_parse(text, ret) == 0 && *ret > 0))
		return true;
	(void)error_set(e, ERR_BAD_REQUEST, "%s is a time such as 2026-01-31T08:00:00.", name);
	return false;
}

static bool filter_read(struct req *r, struct node_event_filter *f, struct compat_page *page, struct error *e)
{
	const char *order;

	*f = (struct node_event_filter){.name = req_query(r, "workervm_configuration_name"),
					.contains = req_query(r, "name__icontains")};
	if (!compat_page_read(r, page, e) ||
	    !compat_order_read(r, EVENT_ORDERS, "id", &order, &f->falling, e) || !type_read(r, &f->type, e) ||
	    !query_id(r, "workervm_configuration_id", &f->node, e) ||
	    !bound_read(r, "time_changed__gte", "start_time__gte", &f->since, e) ||
	    !bound_read(r, "time_changed__lt", "end_time__lt", &f->until, e))
		return false;
	f->by_time = order[0] == 't';
	return true;
}

struct done *compat_event_list(struct req *r)
{
	struct node_event_filter f;
	struct compat_page page;
	struct event *events = NULL;
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);
	json_t *objects;
	int64_t total = 0;
	size_t n = 0;

	if (!store || !filter_read(r, &f, &page, &e) ||
	    store_node_events(store, &f, page.offset, (int)page.limit, &events, &n, &total, &e))
		return compat_error(r, &e);
	objects = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(objects, status_event(req_picture(r), &events[i]));
	store_events_free(events, n);
	return compat_list(r, &page, total, objects);
}

struct done *compat_event_get(struct req *r)
{
	struct event *event;
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);
	json_t *v;

	if (!compat_format_read(r, &e) || !store || store_node_event_get(store, r->number, &event, &e))
		return compat_error(r, &e);
	v = status_event(req_picture(r), event);
	store_events_free(event, 1);
	return reply_value(r, 200, v);
}
