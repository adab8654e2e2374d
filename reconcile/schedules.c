/*
 * Schedules make holds (RULE S8): a step of the controller before it decides. What is to be done is planned from what the
 * store held when the wants were read, and written only if the store still holds the same; so no firing gets two
 * holds, whoever else writes, and a kill between any two steps leaves nothing half done.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "calendar/firing.h"
#include "reconcile/internal.h"

struct step {
	struct reconciler *r;
	int64_t now;
	const struct schedule *schedule;
};

static enum err tell(struct store *store, const struct step *step, const struct hold *h, const char *what,
		     struct error *e)
{
	char until[TIME_TEXT_SIZE], actor[SCHEDULE_OWNER_SIZE], reason[SCHEDULE_REASON_SIZE + 100];
	json_t *figures = json_pack("{s:I, s:I, s:s}", "hold", (json_int_t)h->id, "schedule",
				    (json_int_t)step->schedule->id, "until", time_rfc3339(h->until, until));
	_cleanup_(freep) char *text = figures ? json_dumps(figures, JSON_COMPACT) : NULL;
	struct event event = {.time = step->now,
			      .type = EVENT_HOLD,
			      .location = h->location,
			      .actor = schedule_owner(step->schedule, actor),
			      .reason = reason,
			      .rule = "S8",
			      .figures = text};

	json_decref(figures);
	(void)snprintf(reason, sizeof(reason), "Hold %lld %s, until %s: %s", (long long)h->id, what, until,
		       h->reason);
	return store_event_add(store, &event, NULL, e);
}

static enum err make(struct store *store, const struct step *step, const struct firing *f, struct error *e)
{
	struct schedule_hold wanted;
	enum err err;

	schedule_hold(step->schedule, f, &wanted);
	wanted.hold.created_at = step->now;
	err = store_hold_add(store, &wanted.hold, e);
	err = err ? err
		  : store_fired_put(
			    store,
			    &(struct fired){step->schedule->id, .start = f->start, .hold = wanted.hold.id},
			    e);
	return err ? err : tell(store, step, &wanted.hold, "was made", e);
}

static enum err change(struct store *store, const struct step *step, const struct follow_move *m,
		       struct error *e)
{
	struct schedule_hold wanted;
	enum err err;

	schedule_hold(step->schedule, &m->firing, &wanted);
	wanted.hold.id = m->present->id;
	err = store_hold_put(store, &wanted.hold, e);
	return err ? err : tell(store, step, &wanted.hold, "follows its schedule", e);
}

/* The firing is forgotten too: a schedule that is disabled and enabled again holds again. */
static enum err end(struct store *store, const struct step *step, const struct follow_move *m,
		    struct error *e)
{
	enum err err = tell(store, step, m->present, "was taken back, as its schedule no longer wants it", e);

	err = err ? err : store_fired_remove(store, step->schedule->id, m->firing.start, e);
	return err ? err : store_hold_remove(store, m->present->id, e);
}

static enum err move(struct store *store, const struct step *step, const struct follow_move *m,
		     struct error *e)
{
	switch (m->what) {
	case FOLLOW_MAKE:
		return make(store, step, &m->firing, e);
	case FOLLOW_CHANGE:
		return change(store, step, m, e);
	case FOLLOW_END:
		return end(store, step, m, e);
	case FOLLOW_KEEP:
		break;
	}
	return ERR_OK;
}

static void follow(const struct reconciler *r, const struct schedule *s, int64_t now, struct follow_plan *ret)
{
	schedule_follow(s, r->time_scale, now, r->wants.fired, r->wants.n_fired, r->wants.holds,
			r->wants.n_holds, ret);
}

static enum err moves_tx(struct store *store, void *arg, struct error *e)
{
	struct step *step = arg;
	const struct wants *wants = &step->r->wants;
	struct follow_plan plan;
	int64_t version = 0;
	enum err err = store_wants_version(store, &version, e);

	if (err || version != wants->version) /* the store has moved on: read it, then plan again */
		return err;
	for (size_t i = 0; !err && i < wants->n_schedules; i++) {
		step->schedule = &wants->schedules[i];
		follow(step->r, step->schedule, step->now, &plan);
		for (size_t k = 0; !err && k < plan.n; k++)
			err = move(store, step, &plan.moves[k], e);
	}
	return err;
}

static bool moves_anything(const struct follow_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->moves[i].what != FOLLOW_KEEP)
			return true;
	return false;
}

/* Whether anything is to be done now; and when to look again by itself. */
static bool survey(struct reconciler *r, int64_t now)
{
	struct follow_plan plan;
	bool any = false;

	r->schedules_version = r->wants.version;
	r->schedules_at = now;
	r->schedules_next_at = INT64_MAX;
	for (size_t i = 0; i < r->wants.n_schedules; i++) {
		follow(r, &r->wants.schedules[i], now, &plan);
		r->wants.schedules[i].zone_missing = plan.zone_missing;
		if (plan.next_at < r->schedules_next_at)
			r->schedules_next_at = plan.next_at;
		any |= moves_anything(&plan);
	}
	return any;
}

enum err schedules_step(struct reconciler *r, struct store *store, bool *ret_moved, struct error *e)
{
	struct step step = {.r = r, .now = clock_now(r->clock)};
	enum err err = ERR_OK;
	/* Before the last look: somebody has set the clock back. */
	bool due = r->schedules_version != r->wants.version || step.now >= r->schedules_next_at ||
		   step.now < r->schedules_at;

	*ret_moved = due && survey(r, step.now);
	if (*ret_moved)
		err = store_tx(store, moves_tx, &step, e);
	if (err)
		r->schedules_version = -1; /* nothing was written: all of it is still to be done */
	return err;
}
