/* /v1/locations: the platform's locations, and the own threshold that an operator gives one. */
#include <stdlib.h>

#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/paging.h"
#include "handlers/views.h"

#define CURSOR_KIND 'l'
#define KINDS       "other|principal|overflow" /* in the order of enum location_kind */

struct query {
	struct paging paging;
	int kind; /* -1 = all */
};

static int by_id(const void *a, const void *b)
{
	const struct location *x = *(const struct location *const *)a;
	const struct location *y = *(const struct location *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

/* The locations that the query asks for, by id. *ret_n of them; NULL when out of memory. */
static const struct location **sorted(const struct picture *p, const struct query *q, size_t *ret_n)
{
	const struct location **list = calloc(p->n_locations + 1, sizeof *list);
	size_t n = 0;
	size_t i;

	for (i = 0; list && i < p->n_locations; i++)
		if (p->locations[i].id > q->paging.last &&
		    (q->kind < 0 || (int)p->locations[i].kind == q->kind))
			list[n++] = &p->locations[i];
	if (list)
		qsort(list, n, sizeof *list, by_id);
	*ret_n = n;
	return list;
}

static json_t *list_body(struct req *r, const struct query *q, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};
	_cleanup_(freep) const struct location **list = NULL;
	const struct picture *p = req_picture(r);
	struct store *store = req_store(r, e);
	size_t limit = (size_t)q->paging.limit;
	json_t *items;
	size_t n, i;

	if (!store || overlay_load(store, &o, e))
		return NULL;
	list = sorted(p, q, &n);
	if (!list) {
		(void)error_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	items = json_array();
	for (i = 0; i < n && i < limit; i++)
		(void)json_array_append_new(items, view_location(p, &o, list[i]));
	return paging_body(items, CURSOR_KIND, n > limit ? list[limit - 1]->id : 0);
}

/* The first page without filters. */
static json_t *render(struct req *r, struct error *e)
{
	struct query q = {.kind = -1};

	return paging_read(r, CURSOR_KIND, &q.paging, e) ? list_body(r, &q, e) : NULL;
}

struct done *location_list(struct req *r)
{
	struct query q;
	struct error e;
	json_t *body;

	if (!req_has_query(r))
		return reply_page(r, PAGE_LOCATIONS, render);
	if (!paging_read(r, CURSOR_KIND, &q.paging, &e) || !query_choice(r, "kind", KINDS, &q.kind, &e))
		return reply_error(r, &e);
	body = list_body(r, &q, &e);
	return body ? reply_value(r, 200, body) : reply_error(r, &e);
}

/* --- one location -------------------------------------------------------------------------------------------- */

static const struct location *find(struct req *r, struct error *e)
{
	const struct picture *p = req_picture(r);
	const struct location *l = picture_location(p, r->number);

	if (!l)
		(void)error_set(e, ERR_NOT_FOUND, "there is no location with the id %lld%s",
				(long long)r->number, p->infinity_at ? "" : ": Infinity was not read yet");
	return l;
}

/* The location with the store's present state; new reference, NULL fills `e`. */
static json_t *present(struct req *r, struct store *store, const struct location *l, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};

	return overlay_load(store, &o, e) ? NULL : view_location(req_picture(r), &o, l);
}

struct done *location_get(struct req *r)
{
	struct error e;
	const struct location *l = find(r, &e);
	struct store *store = l ? req_store(r, &e) : NULL;
	json_t *body = store ? present(r, store, l, &e) : NULL;

	return body ? reply_value(r, 200, body) : reply_error(r, &e);
}

struct change {
	struct req *r;
	const struct location *location;
	int threshold; /* 0 = the global one */
	bool wrote;
	json_t *after;
};

static enum err find_own(struct store *store, int64_t location, int *ret, struct error *e)
{
	_cleanup_(freep) struct location_threshold *list = NULL;
	size_t n = 0;
	size_t i;
	enum err err = store_thresholds(store, &list, &n, e);

	*ret = 0;
	for (i = 0; !err && i < n; i++)
		if (list[i].location == location)
			*ret = list[i].threshold;
	return err;
}

static void threshold_text(int threshold, char out[24])
{
	if (threshold)
		(void)snprintf(out, 24, "%d", threshold);
	else
		(void)snprintf(out, 24, "the global one");
}

/* RULE V3: who changed the threshold from what to what. */
static enum err tell(struct store *store, const struct change *c, int old, struct error *e)
{
	char reason[400], was[24], is[24], figures[96];
	struct event event = {.time = c->r->now,
			      .type = EVENT_SETTINGS,
			      .node_name = "",
			      .location = c->location->id,
			      .actor = c->r->actor,
			      .reason = reason,
			      .rule = "",
			      .figures = figures};
	int64_t id;

	threshold_text(old, was);
	threshold_text(c->threshold, is);
	(void)snprintf(reason, sizeof reason, "bursting_threshold of %.200s: %s -> %s", c->location->name,
		       was, is);
	(void)snprintf(figures, sizeof figures, "{\"bursting_threshold\":{\"old\":%s,\"new\":%s}}",
		       old ? was : "null", c->threshold ? is : "null");
	return store_event_add(store, &event, &id, e);
}

static enum err change_tx(struct store *store, void *arg, struct error *e)
{
	struct change *c = arg;
	json_t *before = present(c->r, store, c->location, e);
	int old = 0;
	enum err err = before ? req_if_match(c->r, before, e) : e->code;

	json_decref(before);
	json_decref(c->after);
	c->after = NULL;
	err = err ? err : find_own(store, c->location->id, &old, e);
	c->wrote = old != c->threshold;
	if (!err && c->wrote)
		err = store_threshold_put(store, c->location->id, c->threshold, e);
	if (!err && c->wrote)
		err = tell(store, c, old, e);
	if (!err)
		c->after = present(c->r, store, c->location, e);
	return c->after ? ERR_OK : e->code;
}

static struct done *apply(struct req *r, struct change *c)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);

	if (!store || store_tx(store, change_tx, c, &e)) {
		json_decref(c->after);
		return reply_error(r, &e);
	}
	if (c->wrote)
		req_changed(r);
	return reply_value(r, 200, c->after);
}

struct done *location_patch(struct req *r)
{
	struct error e;
	struct input_errors errors;
	struct input in;
	struct input_value v;
	struct change c = {.r = r, .location = find(r, &e)};

	if (!c.location || !input_open(&in, &errors, r, true, &e))
		return reply_error(r, &e);
	v = input_int(&in, "bursting_threshold", 1, 10000, true);
	if (!v.given && errors.n == 0)
		input_fail(&in, "bursting_threshold", "is missing: an integer from 1 to 10000, or null");
	if (!input_end(&in))
		return reply_input(r, &errors);
	c.threshold = v.null ? 0 : (int)v.number;
	return apply(r, &c);
}
