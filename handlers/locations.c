/* GET of /v1/locations: the platform's locations. */
#include <stdlib.h>

#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/locations.h"
#include "handlers/paging.h"

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

const struct location *location_find(struct req *r, struct error *e)
{
	const struct picture *p = req_picture(r);
	const struct location *l = picture_location(p, r->number);

	if (!l)
		(void)error_set(e, ERR_NOT_FOUND, "there is no location with the id %lld%s",
				(long long)r->number, p->infinity_at ? "" : ": Infinity was not read yet");
	return l;
}

json_t *location_present(struct req *r, struct store *store, const struct location *l, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};

	return overlay_load(store, &o, e) ? NULL : view_location(req_picture(r), &o, l);
}

struct done *location_get(struct req *r)
{
	struct error e;
	const struct location *l = location_find(r, &e);
	struct store *store = l ? req_store(r, &e) : NULL;
	json_t *body = store ? location_present(r, store, l, &e) : NULL;

	return body ? reply_value(r, 200, body) : reply_error(r, &e);
}
