/* Decide and record, then publish: the controller's step. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "calendar/firing.h"
#include "reconcile/internal.h"

/* --- what operators want ----------------------------------------------------------------------------------------- */

static enum err wants_load(struct store *store, struct wants *w, int64_t now, struct error *e)
{
	enum err err = store_settings_get(store, &w->settings, e);

	if (!err)
		err = store_thresholds(store, &w->thresholds, &w->n_thresholds, e);
	if (!err)
		err = store_wishes(store, &w->wishes, &w->n_wishes, e);
	if (!err)
		err = store_location_wishes(store, &w->location_wishes, &w->n_location_wishes, e);
	if (!err)
		err = store_holds(store, now, &w->holds, &w->n_holds, e);
	if (!err)
		err = store_schedules(store, 0, LIMIT_SCHEDULES, &w->schedules, &w->n_schedules, e);
	if (!err)
		err = store_fired(store, now - FIRED_MS, &w->fired, &w->n_fired, e);
	return err;
}

void wants_free(struct wants *w)
{
	free(w->thresholds);
	free(w->wishes);
	free(w->location_wishes);
	store_holds_free(w->holds, w->n_holds);
	store_schedules_free(w->schedules, w->n_schedules);
	free(w->fired);
}

/* The version is read first: a change while we read makes the next pass read again. */
static enum err wants_refresh(struct reconciler *r, struct store *store, struct error *e)
{
	struct wants next = {0};
	enum err err = store_wants_version(store, &next.version, e);

	if (err || next.version == r->wants.version)
		return err;
	err = wants_load(store, &next, clock_now(r->clock), e);
	if (err) {
		wants_free(&next);
		return err;
	}
	wants_free(&r->wants);
	r->wants = next;
	return ERR_OK;
}

/* Moves of schedules are wants too: read again until nothing moves. Two rounds do, but for a writer in between. */
#define WANTS_ROUNDS 4

static enum err wants_settle(struct reconciler *r, struct store *store, struct error *e)
{
	bool moved = true;
	enum err err = ERR_OK;

	for (int i = 0; !err && moved && i < WANTS_ROUNDS; i++) {
		err = wants_refresh(r, store, e);
		err = err ? err : schedules_step(r, store, &moved, e);
	}
	if (!err && moved) /* the next pass goes on */
		r->schedules_version = -1;
	return err;
}

/* --- the join ---------------------------------------------------------------------------------------------------- */

#define MAX_SOURCES 64

static void show_source(const struct source_state *s, struct source *out)
{
	*out = (struct source){
		.name = s->name,
		.kind = s->kind,
		.observed_at = s->observed_at,
		.error = s->error[0] ? s->error : NULL,
		.error_id = s->error_id[0] ? s->error_id : NULL,
		.remedy = s->remedy[0] ? s->remedy : NULL,
	};
}

/* One that was not made yet is shown too: nobody shall take silence for good news. */
static void show_survey(const struct survey *s, const char *name, struct survey *unmade,
			const struct survey **ret)
{
	*unmade = (struct survey){.name = name};
	*ret = s ? s : unmade;
}

static enum err join_now(struct reconciler *r, const struct intent *intents, size_t n_intents,
			 struct record *rec, struct error *e)
{
	const struct ec2_report *tagged[MAX_SOURCES], *addressed[MAX_SOURCES];
	struct source sources[MAX_SOURCES + 1];
	const struct survey *surveys[MAX_SOURCES + 1];
	struct survey unmade[MAX_SOURCES + 1];
	size_t n = r->n_regions < MAX_SOURCES ? r->n_regions : MAX_SOURCES;
	struct join_input in = {
		.now = clock_now(r->clock),
		.tick = r->tick,
		.time_scale = r->time_scale,
		.settings = &r->wants.settings,
		.thresholds = r->wants.thresholds,
		.n_thresholds = r->wants.n_thresholds,
		.holds = r->wants.holds,
		.n_holds = r->wants.n_holds,
		.schedules = r->wants.schedules,
		.n_schedules = r->wants.n_schedules,
		.wishes = r->wants.wishes,
		.n_wishes = r->wants.n_wishes,
		.location_wishes = r->wants.location_wishes,
		.n_location_wishes = r->wants.n_location_wishes,
		.intents = intents,
		.n_intents = n_intents,
		.infinity = r->infinity,
		.ec2 = tagged,
		.ec2_addresses = addressed,
		.n_ec2 = n,
		.sources = sources,
		.n_sources = n + 1,
		.surveys = surveys,
		.n_surveys = n + 1,
		.tracks = &r->tracks,
		.previous = r->published,
	};

	show_source(&r->infinity_source, &sources[0]);
	show_survey(r->infinity_survey, r->infinity_source.name, &unmade[0], &surveys[0]);
	for (size_t i = 0; i < n; i++) {
		tagged[i] = r->regions[i].tagged;
		addressed[i] = r->regions[i].addressed;
		show_source(&r->regions[i].source, &sources[i + 1]);
		show_survey(r->regions[i].survey, r->regions[i].source.name, &unmade[i + 1], &surveys[i + 1]);
	}
	return fleet_join(&in, &r->next_tracks, &rec->picture, &rec->events, &rec->n_events, e);
}

/* The plan belongs to the reconciler; a published picture keeps its own copy of what was evaluated. */
static enum err attach_evaluations(const struct burst_plan *plan, struct picture *p, struct error *e)
{
	p->evaluations = arena_array(p->arena, plan->n_evaluations + 1, sizeof(*p->evaluations));
	p->refusals = arena_array(p->arena, plan->n_refusals + 1, sizeof(*p->refusals));
	if (!p->evaluations || !p->refusals || plan->failed)
		return error_set(e, ERR_INTERNAL, "out of memory while deciding");
	if (plan->n_evaluations)
		memcpy(p->evaluations, plan->evaluations, plan->n_evaluations * sizeof(*p->evaluations));
	if (plan->n_refusals)
		memcpy(p->refusals, plan->refusals, plan->n_refusals * sizeof(*p->refusals));
	p->n_evaluations = plan->n_evaluations;
	p->n_refusals = plan->n_refusals;
	return ERR_OK;
}

static void publish(struct reconciler *r, struct picture *steal)
{
	struct picture *before;

	steal->seq = ++r->seq;
	pthread_mutex_lock(&r->publish_lock);
	before = r->published;
	r->published = steal;
	pthread_mutex_unlock(&r->publish_lock);
	picture_unref(before);
}

/* RULES S4 and E6: what this tick has used up. */
static void mark_ticks(struct reconciler *r, const struct picture *p)
{
	for (size_t i = 0; i < r->plan.n_decisions; i++) {
		const struct decision *d = &r->plan.decisions[i];
		bool start = d->action == DECIDE_START || d->action == DECIDE_TAKE_BACK;
		struct burst_tick *tick = NULL;

		if (d->location >= 0 && (start || d->action == DECIDE_DRAIN))
			tick = tick_of(r, p->locations[d->location].id);
		if (tick && start)
			tick->start_tick = p->tick;
		else if (tick)
			tick->drain_tick = p->tick;
	}
}

static void swap_tracks(struct reconciler *r)
{
	struct track_table before = r->tracks;

	r->tracks = r->next_tracks;
	r->next_tracks = before;
}

/* --- one pass: join, decide, record ------------------------------------------------------------------------------ */

static enum err pass_once(struct reconciler *r, struct store *store, struct picture **ret_picture,
			  bool *ret_changed, struct error *e)
{
	_cleanup_(freep) struct intent *intents = NULL;
	struct record rec = {.r = r};
	enum err err = store_intents_open(store, &intents, &rec.n_intents, e);

	if (err)
		return err;
	rec.intents = intents;
	measure_stops(r, intents, rec.n_intents);
	err = join_now(r, intents, rec.n_intents, &rec, e);
	if (err)
		return err;
	*ret_picture = rec.picture;
	burst_decide(&(struct burst_input){.picture = rec.picture,
					   .now = rec.picture->made_at,
					   .ticks = r->ticks,
					   .n_ticks = r->n_ticks},
		     &r->plan);
	err = attach_evaluations(&r->plan, rec.picture, e);
	if (err)
		return err;
	if (record_needed(&rec, rec.picture->made_at)) {
		err = store_tx(store, record_pass, &rec, e);
		if (err)
			return err; /* the tracks stay as they were: what the join noticed will be noticed again */
		mark_ticks(r, rec.picture);
	}
	swap_tracks(r);
	*ret_changed = rec.intents_changed;
	return ERR_OK;
}

#define REPUBLISH_MS                                                                                         \
	(5 * MS_PER_SECOND) /* RULE V4: the overview is never older than 15 s, whatever the time scale */

static int64_t next_look(const struct reconciler *r, const struct picture *p)
{
	int64_t at = p->made_at + REPUBLISH_MS;

	if (r->plan.next_at && r->plan.next_at < at)
		at = r->plan.next_at;
	if (r->schedules_next_at < at)
		at = r->schedules_next_at;
	return at;
}

/*
 * A pass that changed intents is followed by another, so that the published picture shows them; each pass closes or opens
 * intents that the next one sees, and a node goes through few states without the world's help.
 */
#define PASSES_MAX 8

enum err reconcile_control(struct reconciler *r, struct store *store, int64_t *ret_next_at,
			   bool *ret_recorded, struct error *e)
{
	_cleanup_(picture_unrefp) struct picture *published = NULL;
	struct picture *picture = NULL;
	bool changed = true;
	int64_t began_us;
	enum err err;

	*ret_recorded = false;
	pthread_mutex_lock(&r->lock);
	began_us = monotonic_us();
	err = wants_settle(r, store, e);
	for (int i = 0; !err && changed && i < PASSES_MAX; i++) {
		struct picture *before = take_ptr(picture);

		changed = false;
		err = pass_once(r, store, &picture, &changed, e);
		picture_unref(before);
		*ret_recorded |= changed;
	}
	*ret_next_at = clock_now(r->clock) + REPUBLISH_MS;
	if (!err) {
		*ret_next_at = next_look(r, picture);
		published = picture_ref(picture);
		measure_nodes(r, picture);
		publish(r, take_ptr(picture));
	}
	meter_add(&r->tallies->decisions, &decision_bounds, monotonic_us() - began_us);
	pthread_mutex_unlock(&r->lock);
	picture_unref(picture);
	if (published)
		samples_record(r, store, published);
	return err;
}
