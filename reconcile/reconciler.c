#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/internal.h"

static double system_random(void *self)
{
	(void)self;
	return random_unit();
}

static struct picture *empty_picture(struct reconciler *r)
{
	_cleanup_(track_table_free) struct track_table tracks = {0};
	struct picture *p = NULL;
	struct event *events;
	size_t n_events;
	struct join_input in = {.now = clock_now(r->clock),
				.time_scale = r->time_scale,
				.settings = &r->wants.settings,
				.tracks = &tracks};

	return fleet_join(&in, &tracks, &p, &events, &n_events, NULL) ? NULL : p;
}

static int add_regions(struct reconciler *r, const struct reconciler_options *o)
{
	r->regions = calloc(o->n_regions + 1, sizeof(*r->regions));
	if (!r->regions)
		return -1;
	r->n_regions = o->n_regions;
	for (size_t i = 0; i < o->n_regions; i++) {
		struct region_state *region = &r->regions[i];

		snprintf(region->name, sizeof(region->name), "%s", o->regions[i]);
		snprintf(region->source.name, sizeof(region->source.name), "ec2:%s", o->regions[i]);
		region->source.kind = SOURCE_EC2;
	}
	snprintf(r->infinity_source.name, sizeof(r->infinity_source.name), "infinity");
	return 0;
}

enum err reconciler_new(const struct reconciler_options *o, struct store *store, struct reconciler **ret,
			struct error *e)
{
	_cleanup_(reconciler_freep) struct reconciler *r = calloc(1, sizeof(*r));
	enum err err;

	if (!r)
		return error_set(e, ERR_INTERNAL, "out of memory");
	r->clock = o->clock;
	r->time_scale = o->time_scale;
	r->random = o->random ? o->random : system_random;
	r->random_self = o->random_self;
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->publish_lock, NULL);
	r->wants.version = -1;
	r->schedules_version = -1;
	r->began_at = r->api_at = clock_now(o->clock);
	r->api_per_minute = -1;
	r->tallies = tallies_new(o->regions, o->n_regions);
	if (!r->tallies || add_regions(r, o))
		return error_set(e, ERR_INTERNAL, "out of memory");
	err = store_tracks(store, &r->tracks, e);
	if (!err)
		err = store_settings_get(store, &r->wants.settings, e);
	if (err)
		return err;
	r->published = empty_picture(r);
	if (!r->published)
		return error_set(e, ERR_INTERNAL, "out of memory");
	*ret = take_ptr(r);
	return ERR_OK;
}

void reconciler_free(struct reconciler *r)
{
	if (!r)
		return;
	infinity_report_free(r->infinity);
	survey_free(r->infinity_survey);
	free(r->placements);
	free(r->acknowledged);
	free(r->locations);
	for (size_t i = 0; i < r->n_regions; i++) {
		ec2_report_free(r->regions[i].tagged);
		ec2_report_free(r->regions[i].addressed);
		survey_free(r->regions[i].survey);
	}
	free(r->regions);
	track_table_free(&r->tracks);
	track_table_free(&r->next_tracks);
	wants_free(&r->wants);
	free(r->ticks);
	free(r->sampler.rows);
	free(r->stops);
	tallies_free(r->tallies);
	burst_plan_free(&r->plan);
	picture_unref(r->published);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->publish_lock);
	free(r);
}

struct picture *reconciler_picture(struct reconciler *r)
{
	struct picture *p;

	pthread_mutex_lock(&r->publish_lock);
	p = picture_ref(r->published);
	pthread_mutex_unlock(&r->publish_lock);
	return p;
}

struct tallies *reconciler_tallies(struct reconciler *r)
{
	return r->tallies;
}

struct bursting_settings reconciler_settings(struct reconciler *r)
{
	struct bursting_settings s;

	pthread_mutex_lock(&r->lock);
	s = r->wants.settings;
	pthread_mutex_unlock(&r->lock);
	return s;
}

struct burst_params reconciler_params(struct reconciler *r)
{
	struct bursting_settings s = reconciler_settings(r);

	return burst_params_make(&s, r->time_scale);
}

struct burst_tick *tick_of(struct reconciler *r, int64_t location)
{
	struct burst_tick *grown;
	size_t at = 0;

	while (at < r->n_ticks && r->ticks[at].location < location)
		at++;
	if (at < r->n_ticks && r->ticks[at].location == location)
		return &r->ticks[at];
	grown = realloc(r->ticks, (r->n_ticks + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	r->ticks = grown;
	memmove(&grown[at + 1], &grown[at], (r->n_ticks - at) * sizeof(*grown));
	grown[at] = (struct burst_tick){.location = location};
	r->n_ticks++;
	return &grown[at];
}

int64_t scaled(const struct reconciler *r, int64_t ms)
{
	int64_t here = (int64_t)((double)ms / r->time_scale);

	return here > 0 ? here : 1;
}

int64_t backoff_ms(struct reconciler *r, int attempts, int64_t base_ms, int64_t cap_ms)
{
	int64_t ceiling = base_ms;

	for (int i = 0; i < attempts && ceiling < cap_ms; i++)
		ceiling *= 2;
	if (ceiling > cap_ms)
		ceiling = cap_ms;
	return 1 + (int64_t)(r->random(r->random_self) * (double)ceiling / r->time_scale);
}
