/* GET /v1/samples: load over time, newest first. */
#include <math.h>
#include <stdlib.h>

#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/paging.h"
#include "handlers/views.h"

#define CURSOR_KIND 's'

/* A mean has two decimals; what was counted has none. */
static json_t *figure(double value)
{
	double rounded = round(value * 100) / 100;

	return rounded == floor(rounded) ? json_integer((json_int_t)rounded) : json_real(rounded);
}

static json_t *view_nodes(const struct sample *s)
{
	json_t *v = s->nodes_known ? json_object() : NULL;
	int i;

	for (i = 0; v && i < PHASE_COUNT; i++)
		put(v, phase_text((enum node_phase)i), figure(s->nodes[i]));
	return v;
}

static json_t *view_sample(const struct sample *s)
{
	json_t *v = json_object();

	put_time(v, "time", s->time);
	put_int(v, "location", s->location);
	put_int(v, "samples", s->samples);
	put(v, "max_hd_calls", figure(s->max_hd));
	put(v, "free_hd_calls", figure(s->free_hd));
	put_int(v, "free_hd_calls_min", s->free_hd_min);
	put_int(v, "free_hd_calls_max", s->free_hd_max);
	put_int(v, "threshold_in_force", s->threshold);
	put(v, "media_load", s->media_load < 0 ? NULL : figure(s->media_load));
	put(v, "nodes", view_nodes(s));
	return v;
}

static bool filter_read(struct req *r, struct sample_filter *f, struct paging *paging, struct error *e)
{
	int resolution;

	*f = (struct sample_filter){0};
	if (!paging_read_pair(r, CURSOR_KIND, paging, e) || !query_id(r, "location", &f->location, e) ||
	    !query_time(r, "since", &f->since, e) || !query_time(r, "until", &f->until, e) ||
	    !query_choice(r, "resolution", SAMPLE_CHOICES, &resolution, e))
		return false;
	f->resolution = resolution < 0 ? SAMPLE_MINUTE : (enum sample_resolution)resolution;
	f->before_time = paging->last;
	f->before_location = paging->also;
	return true;
}

struct done *sample_list(struct req *r)
{
	_cleanup_(freep) struct sample *samples = NULL;
	struct sample_filter filter;
	struct paging paging;
	struct store *store;
	struct error e;
	json_t *items;
	bool more;
	size_t n = 0;
	size_t i;

	if (!filter_read(r, &filter, &paging, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store || store_samples(store, &filter, paging.limit + 1, &samples, &n, &e))
		return reply_error(r, &e);
	items = json_array();
	for (i = 0; i < n && i < (size_t)paging.limit; i++)
		(void)json_array_append_new(items, view_sample(&samples[i]));
	more = n > i;
	return reply_value(r, 200,
			   paging_body_pair(items, CURSOR_KIND, more ? samples[i - 1].time : 0,
					    more ? samples[i - 1].location : 0));
}
