/*
 * /v1/decisions: each decision that changed something, newest first, and with the list the evaluation of every overflow
 * location on the present picture, also when it came to nothing.
 */
#include "fleet/explain.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/paging.h"
#include "handlers/views.h"

#define CURSOR_KIND 'd'

static json_t *view_decision(const struct decision_row *row)
{
	json_t *stored = json_loads(row->json, 0, NULL);
	json_t *v = json_object();

	put_int(v, "id", row->id);
	put_time(v, "time", row->time);
	if (stored)
		(void)json_object_update_missing(v, stored);
	json_decref(stored);
	return v;
}

/* What the engine makes of the present picture. */
static json_t *view_latest(const struct picture *p, int64_t location)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < p->n_evaluations; i++) {
		const struct evaluation *evaluation = &p->evaluations[i];

		if (!location || p->locations[evaluation->location].id == location)
			(void)json_array_append_new(list, evaluation_json(p, evaluation));
	}
	return list;
}

struct done *decision_list(struct req *r)
{
	struct decision_row *rows = NULL;
	struct paging paging;
	struct store *store;
	struct error e;
	json_t *items, *body;
	int64_t location;
	size_t n = 0;
	size_t i;

	if (!paging_read(r, CURSOR_KIND, &paging, &e) || !query_id(r, "location", &location, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store || store_decisions_page(store, location, paging.last, paging.limit + 1, &rows, &n, &e))
		return reply_error(r, &e);
	items = json_array();
	for (i = 0; i < n && i < (size_t)paging.limit; i++)
		(void)json_array_append_new(items, view_decision(&rows[i]));
	body = paging_body(items, CURSOR_KIND, n > i ? rows[i - 1].id : 0);
	store_decisions_free(rows, n);
	put(body, "latest", view_latest(req_picture(r), location));
	return reply_value(r, 200, body);
}

struct done *decision_get(struct req *r)
{
	struct decision_row *row = NULL;
	struct error e;
	struct store *store = req_store(r, &e);
	json_t *body;

	if (!store || store_decision_get(store, r->number, &row, &e))
		return reply_error(r, &e);
	body = view_decision(row);
	store_decisions_free(row, 1);
	return reply_value(r, 200, body);
}
