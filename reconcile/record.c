/*
 * Record: everything that one control pass decided and noticed, in one transaction: events, tracks, moves of intents, new intents,
 * decisions. Nothing outside is changed here: the intents are what the actors then carry out (intent before effect).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/explain.h"
#include "reconcile/internal.h"

struct event intent_event(const struct intent *i, enum event_type type, int64_t now, const char *rule,
			  const char *reason)
{
	return (struct event){
		.time = now,
		.type = type,
		.node = i->node,
		.node_name = i->node_name,
		.location = i->location,
		.actor = i->actor,
		.reason = reason,
		.rule = rule,
		.figures = i->figures[0] ? i->figures : NULL,
		.operation = i->id,
	};
}

/* --- moves that the world made ---------------------------------------------------------------------------------- */

static void track_step(struct record *rec, const struct intent_step *step, const struct intent *i,
		       int64_t now)
{
	struct node_track *t = track_find(&rec->r->next_tracks, i->node);

	if (!t)
		return;
	if (step->failed) { /* RULE S6: it rests, and goes behind the others for a while */
		t->failed_at = now;
		t->refused_until = now + rec->picture->params.refused_rest_ms;
		snprintf(t->refused_code, sizeof(t->refused_code), "start failed");
	}
	if (step->started || step->stopped)
		t->acted_at = i->entered_at;
}

static enum err record_step(struct store *store, struct record *rec, const struct intent *i, int64_t now,
			    struct error *e)
{
	const struct node *n = picture_node(rec->picture, i->node);
	const struct node_track *t = track_find(&rec->r->next_tracks, i->node);
	struct intent_step step;
	struct intent next = *i;
	struct event event;
	enum err err;

	if (!intent_progress(rec->picture, i, n, t, now, &step))
		return ERR_OK;
	next.state = step.to;
	next.attempts = 0;
	next.next_at = 0;
	next.entered_at = now;
	if (step.failed)
		snprintf(next.error, sizeof(next.error), "%.399s", step.reason);
	err = store_intent_move(store, &next, i->state, i->attempts, e);
	if (err == ERR_CONFLICT) /* an actor or a handler was faster: the next pass looks again */
		return ERR_OK;
	track_step(rec, &step, i, now);
	rec->intents_changed = true;
	if (err || step.event == EVENT_TYPE_COUNT)
		return err;
	event = intent_event(&next, step.event, now, step.rule, step.reason);
	if (step.outside)
		event.actor = rec->picture->infinity_bursting ? "infinity" : "outside";
	return store_event_add(store, &event, NULL, e);
}

/* --- decisions -> intents ---------------------------------------------------------------------------------------- */

static const struct evaluation *evaluation_of(const struct picture *p, int32_t location)
{
	for (size_t i = 0; i < p->n_evaluations; i++)
		if (p->evaluations[i].location == location)
			return &p->evaluations[i];
	return NULL;
}

static enum err record_decision_row(struct store *store, const struct picture *p, const struct decision *d,
				    int64_t now, struct error *e)
{
	const struct evaluation *ev = evaluation_of(p, d->location);
	json_t *json = decision_json(p, d);
	json_t *more = ev ? evaluation_json(p, ev) : NULL;
	struct decision_row row = {.time = now,
				   .location = d->location >= 0 ? p->locations[d->location].id : 0,
				   .node = d->node >= 0 ? p->nodes[d->node].id : 0};
	enum err err;

	if (json && more)
		json_object_update_missing(json, more);
	snprintf(row.action, sizeof(row.action), "%s", decision_action_text(d->action));
	snprintf(row.rule, sizeof(row.rule), "%s", decision_reason_rule(d->reason));
	row.json = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	json_decref(more);
	if (!row.json)
		return error_set(e, ERR_INTERNAL, "out of memory");
	err = store_decision_add(store, &row, NULL, e);
	free(row.json);
	return err;
}

static void decision_actor(const struct decision *d, char out[101])
{
	switch (d->reason) {
	case REASON_HOLD:
		snprintf(out, 101, "hold:%lld", (long long)d->hold);
		return;
	case REASON_WISH_ON:
	case REASON_WISH_OFF:
	case REASON_WISH_MAINTENANCE:
		snprintf(out, 101, "wish");
		return;
	default:
		snprintf(out, 101, "controller");
	}
}

/*
 * Figures that do not fit are left out rather than cut: what is stored is always a whole JSON object, and shown as it is. 0.1, not
 * 0.10000000000000001.
 */
static void figures_text(const struct picture *p, const struct decision_figures *f, char *out, size_t size)
{
	json_t *json = figures_json(p, f);
	size_t len = json ? json_dumpb(json, out, size - 1, JSON_COMPACT | JSON_REAL_PRECISION(12)) : size;

	out[len < size ? len : 0] = '\0';
	json_decref(json);
}

static void intent_fill(struct intent *i, const struct picture *p, const struct decision *d, int64_t now)
{
	const struct node *n = &p->nodes[d->node];

	i->node = n->id;
	i->location = n->location >= 0 ? p->locations[n->location].id : 0;
	i->created_at = i->entered_at = now;
	snprintf(i->node_name, sizeof(i->node_name), "%s", n->name);
	snprintf(i->instance, sizeof(i->instance), "%s", n->instance ? n->instance->id : "");
	snprintf(i->region, sizeof(i->region), "%s", n->instance ? n->instance->region : "");
	snprintf(i->rule, sizeof(i->rule), "%s", decision_reason_rule(d->reason));
	decision_sentence(p, d, i->reason);
	figures_text(p, &d->figures, i->figures, sizeof(i->figures));
	decision_actor(d, i->actor);
}

static enum err add_intent(struct store *store, struct record *rec, const struct decision *d, int64_t now,
			   struct error *e)
{
	struct intent i = {0};
	enum err err;

	intent_fill(&i, rec->picture, d, now);
	switch (d->action) {
	case DECIDE_START:
		i.kind = INTENT_START;
		i.state = INTENT_STARTING;
		i.via_infinity = rec->picture->infinity_bursting; /* RULE S9 */
		break;
	case DECIDE_DRAIN:
		i.kind = INTENT_STOP;
		i.state = INTENT_MAINTENANCE_ON; /* RULE E5 */
		break;
	case DECIDE_MAINTENANCE_ON:
	case DECIDE_MAINTENANCE_OFF:
		i.kind = INTENT_MAINTENANCE;
		i.state = INTENT_APPLYING;
		i.maintenance = d->action == DECIDE_MAINTENANCE_ON;
		break;
	case DECIDE_NOTHING:
	case DECIDE_TAKE_BACK:
	case DECIDE_STOP:
	case DECIDE_CANCEL:
	case DECISION_ACTION_COUNT:
		return ERR_OK;
	}
	err = store_intent_add(store, &i, e);
	rec->intents_changed = true;
	return err == ERR_CONFLICT ? ERR_OK
				   : err; /* an operator's request came first: one open intent a node */
}

static enum err move_intent(struct store *store, struct record *rec, const struct decision *d, int64_t now,
			    struct error *e)
{
	const struct intent *open = rec->picture->nodes[d->node].intent;
	bool stop = d->action == DECIDE_STOP;
	struct intent next = *open;
	char reason[SENTENCE_SIZE];
	struct event event;
	enum err err;

	next.state = stop ? INTENT_STOPPING : INTENT_CANCELLING;
	next.attempts = 0;
	next.next_at = 0;
	next.entered_at = now;
	err = store_intent_move(store, &next, open->state, open->attempts, e);
	if (err == ERR_CONFLICT)
		return ERR_OK;
	rec->intents_changed = true;
	if (err || stop)
		return err;
	decision_sentence(rec->picture, d, reason);
	figures_text(rec->picture, &d->figures, next.figures, sizeof(next.figures));
	event = intent_event(&next, EVENT_CANCEL, now, decision_reason_rule(d->reason), reason);
	if (d->reason == REASON_OUTSIDE_CANCEL)
		event.actor = "outside";
	return store_event_add(store, &event, NULL, e);
}

static enum err record_decision(struct store *store, struct record *rec, const struct decision *d,
				int64_t now, struct error *e)
{
	enum err err = record_decision_row(store, rec->picture, d, now, e);

	if (err)
		return err;
	switch (d->action) {
	case DECIDE_START:
	case DECIDE_DRAIN:
	case DECIDE_MAINTENANCE_ON:
	case DECIDE_MAINTENANCE_OFF:
		return add_intent(store, rec, d, now, e);
	case DECIDE_TAKE_BACK:
	case DECIDE_CANCEL:
	case DECIDE_STOP:
		return move_intent(store, rec, d, now, e);
	case DECIDE_NOTHING:
	case DECISION_ACTION_COUNT:
		break;
	}
	return ERR_OK;
}

/* --- holds that end ---------------------------------------------------------------------------------------------- */

static bool hold_ended(const struct record *rec, int64_t now)
{
	for (size_t i = 0; i < rec->r->wants.n_holds; i++)
		if (rec->r->wants.holds[i].until <= now)
			return true;
	return false;
}

static enum err record_ended_holds(struct store *store, struct record *rec, int64_t now, struct error *e)
{
	struct hold *ended = NULL;
	size_t n = 0;
	enum err err = store_holds_ended(store, now, &ended, &n, e);

	for (size_t i = 0; !err && i < n; i++) {
		struct event event = {.time = now,
				      .type = EVENT_HOLD,
				      .location = ended[i].location,
				      .actor = ended[i].owner,
				      .reason = "the hold has ended",
				      .rule = "S8"};

		err = store_event_add(store, &event, NULL, e);
	}
	store_holds_free(ended, n);
	rec->r->wants.version = -1; /* read them again */
	return err;
}

/* --- the pass ---------------------------------------------------------------------------------------------------- */

static bool track_dirty(const struct record *rec, const struct node_track *t)
{
	const struct node_track *before = track_find(&rec->r->tracks, t->node);

	return !before || !track_same(before, t);
}

static enum err record_tracks(struct store *store, struct record *rec, struct error *e)
{
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < rec->r->next_tracks.n; i++)
		if (track_dirty(rec, &rec->r->next_tracks.rows[i]))
			err = store_track_put(store, &rec->r->next_tracks.rows[i], e);
	return err;
}

bool record_needed(const struct record *rec, int64_t now)
{
	struct intent_step step;

	if (rec->n_events || rec->r->plan.n_decisions || hold_ended(rec, now) ||
	    locations_drift(rec->picture, now))
		return true;
	for (size_t i = 0; i < rec->r->next_tracks.n; i++)
		if (track_dirty(rec, &rec->r->next_tracks.rows[i]))
			return true;
	for (size_t i = 0; i < rec->n_intents; i++)
		if (intent_progress(rec->picture, &rec->intents[i],
				    picture_node(rec->picture, rec->intents[i].node),
				    track_find(&rec->r->next_tracks, rec->intents[i].node), now, &step))
			return true;
	return false;
}

enum err record_pass(struct store *store, void *arg, struct error *e)
{
	struct record *rec = arg;
	int64_t now = rec->picture->made_at;
	enum err err = ERR_OK;

	rec->intents_changed = false;
	for (size_t i = 0; !err && i < rec->n_events; i++)
		err = store_event_add(store, &rec->events[i], NULL, e);
	for (size_t i = 0; !err && i < rec->n_intents; i++)
		err = record_step(store, rec, &rec->intents[i], now, e);
	for (size_t i = 0; !err && i < rec->r->plan.n_decisions; i++)
		err = record_decision(store, rec, &rec->r->plan.decisions[i], now, e);
	if (!err)
		err = record_locations(store, rec->picture, now, &rec->intents_changed, e);
	if (!err && hold_ended(rec, now))
		err = record_ended_holds(store, rec, now, e);
	if (!err)
		err = record_tracks(store, rec, e);
	return err;
}
