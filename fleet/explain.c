#include "fleet/explain.h"

#include <stdio.h>
#include <string.h>

static const char *const action_texts[DECISION_ACTION_COUNT] = {
#define X(name, text) [DECIDE_##name] = (text),
	DECISION_ACTIONS(X)
#undef X
};

static const char *const reason_rules[DECISION_REASON_COUNT] = {
#define X(name, slug, rule) [REASON_##name] = (rule),
	DECISION_REASONS(X)
#undef X
};

const char *decision_action_text(enum decision_action action)
{
	return action_texts[action];
}

const char *decision_reason_rule(enum decision_reason reason)
{
	return reason_rules[reason];
}

const char *decision_reason_slug(enum decision_reason reason)
{
	static const char *const slugs[DECISION_REASON_COUNT] = {
#define X(name, slug, rule) [REASON_##name] = (slug),
		DECISION_REASONS(X)
#undef X
	};

	return slugs[reason];
}

struct words {
	const char *location;
	const char *principal;
	const struct decision_figures *f;
	char up[24];
	char lifetime[24];
};

/* "50 min", "13 s": whole minutes only where there are some. */
static void duration_text(int64_t ms, char out[24])
{
	if (ms >= 2 * MS_PER_MINUTE)
		snprintf(out, 24, "%lld min", (long long)(ms / MS_PER_MINUTE));
	else
		snprintf(out, 24, "%lld s", (long long)(ms / MS_PER_SECOND));
}

static void sentence(enum decision_reason reason, const struct words *w, char out[SENTENCE_SIZE])
{
	const struct decision_figures *f = w->f;

#define SAY(...) snprintf(out, SENTENCE_SIZE, __VA_ARGS__)
	switch (reason) {
	case REASON_QUIET:
		SAY("%s is not short of HD calls (%d free, threshold %d)", w->location, f->free_hd,
		    f->threshold);
		return;
	case REASON_PRINCIPAL_SHORT:
		SAY("%s has %d free HD calls, its threshold is %d, and %s has no node up or coming",
		    w->principal, f->principal_free_hd, f->principal_threshold, w->location);
		return;
	case REASON_OVERFLOW_SHORT:
		SAY("%s has %d free HD calls and %d coming, its threshold is %d", w->location, f->free_hd,
		    f->pending_hd, f->threshold);
		return;
	case REASON_OVERFLOW_SHORT_UNUSED:
		SAY("%s is at its threshold (%d free, %d coming, threshold %d), but it is not in use and no "
		    "principal is short",
		    w->location, f->free_hd, f->pending_hd, f->threshold);
		return;
	case REASON_PENDING_SUFFICES:
		SAY("%d HD calls are coming to %s with %d starting node(s): that is enough", f->pending_hd,
		    w->location, f->starting);
		return;
	case REASON_ALREADY_STARTED:
		SAY("a node of %s was already started on these figures", w->location);
		return;
	case REASON_NO_CANDIDATE:
		SAY("%s needs a node, but none of its nodes can be started", w->location);
		return;
	case REASON_TAKEN_BACK:
		SAY("%s needs a node, and this one is still up: its drain is cancelled", w->location);
		return;
	case REASON_HOLD:
		SAY("a hold wants the node up");
		return;
	case REASON_WISH_ON:
		SAY("an operator wishes the node's power on");
		return;
	case REASON_WISH_OFF:
		SAY("an operator wishes the node's power off");
		return;
	case REASON_WISH_MAINTENANCE:
		SAY("an operator wishes the node's maintenance mode so");
		return;
	case REASON_TWO_CONTROLLERS:
		SAY("Infinity's own bursting is on: burstd observes");
		return;
	case REASON_DISABLED:
		SAY("bursting is off, or the mode is observe");
		return;
	case REASON_STALE:
		SAY("the data are not fresh and whole (%lld s old)", (long long)(f->age_ms / MS_PER_SECOND));
		return;
	case REASON_IDLE_UNNEEDED:
		SAY("idle, up for %s (minimum lifetime %s), and not needed in %s (%d free HD calls with it, "
		    "threshold %d)",
		    w->up, w->lifetime, w->location, f->free_hd, f->threshold);
		return;
	case REASON_BUSY:
		SAY("not idle in two consecutive fresh reads");
		return;
	case REASON_LIFETIME:
		SAY("up for %s, the minimum lifetime is %s", w->up, w->lifetime);
		return;
	case REASON_NEEDED:
		SAY("without it %s would be short", w->location);
		return;
	case REASON_HELD:
		SAY("a hold keeps it up");
		return;
	case REASON_ONE_PER_TICK:
		SAY("another node of %s goes first", w->location);
		return;
	case REASON_DRAINED:
		SAY("maintenance mode has reached the node and it is still idle and not needed");
		return;
	case REASON_REPLICATING:
		SAY("maintenance mode is on its way to the node");
		return;
	case REASON_BACKOFF:
		SAY("the last try failed: a pause before the next");
		return;
	case REASON_DRAIN_BUSY:
		SAY("drained, but calls still hold it");
		return;
	case REASON_DEMAND_RETURNED:
		SAY("demand returned before the stop: %s has %d free HD calls, threshold %d", w->location,
		    f->free_hd, f->threshold);
		return;
	case REASON_OUTSIDE_CANCEL:
		SAY("someone took the node out of maintenance mode: the drain is called off");
		return;
	case REASON_CONTRADICTION:
		SAY("what EC2 and Infinity say of the node contradicts");
		return;
	case DECISION_REASON_COUNT:
		break;
	}
	out[0] = '\0';
#undef SAY
}

static struct words words_of(const struct picture *p, int32_t location, const struct decision_figures *f)
{
	struct words w = {
		.location = location >= 0 ? p->locations[location].name : "the platform",
		.principal = f->principal >= 0 ? p->locations[f->principal].name : "no principal",
		.f = f,
	};

	duration_text(f->up_ms, w.up);
	duration_text(f->lifetime_ms, w.lifetime);
	return w;
}

const char *decision_sentence(const struct picture *p, const struct decision *d, char out[SENTENCE_SIZE])
{
	struct words w = words_of(p, d->location, &d->figures);

	sentence(d->reason, &w, out);
	return out;
}

const char *evaluation_sentence(const struct picture *p, const struct evaluation *ev, char out[SENTENCE_SIZE])
{
	struct words w = words_of(p, ev->location, &ev->figures);

	sentence(ev->reason, &w, out);
	return out;
}

json_t *figures_json(const struct picture *p, const struct decision_figures *f)
{
	json_t *j = json_pack("{si si si si si si si sf sf}", "free_hd_calls", f->free_hd, "pending_hd_calls",
			      f->pending_hd, "threshold", f->threshold, "serving", f->serving, "starting",
			      f->starting, "draining", f->draining, "candidates", f->candidates,
			      "age_seconds", (double)f->age_ms / 1000, "minimum_lifetime_seconds",
			      (double)f->lifetime_ms / 1000);

	if (!j)
		return NULL;
	json_object_set_new(j, "principal_location",
			    f->principal >= 0 ? json_string(p->locations[f->principal].name) : json_null());
	json_object_set_new(j, "principal_free_hd_calls",
			    f->principal >= 0 ? json_integer(f->principal_free_hd) : json_null());
	json_object_set_new(j, "principal_threshold",
			    f->principal >= 0 ? json_integer(f->principal_threshold) : json_null());
	json_object_set_new(j, "up_seconds",
			    f->up_ms >= 0 ? json_real((double)f->up_ms / 1000) : json_null());
	return j;
}

static json_t *explained(const struct picture *p, enum decision_action action, enum decision_reason reason,
			 int32_t location, const char *text, const struct decision_figures *f)
{
	const struct location *l = location >= 0 ? &p->locations[location] : NULL;
	json_t *j = json_pack("{ss ss ss ss}", "action", decision_action_text(action), "rule",
			      decision_reason_rule(reason), "reason_code", decision_reason_slug(reason),
			      "reason", text);

	if (!j)
		return NULL;
	json_object_set_new(j, "location", l ? json_integer(l->id) : json_null());
	json_object_set_new(j, "location_name", l ? json_string(l->name) : json_null());
	json_object_set_new(j, "figures", figures_json(p, f));
	return j;
}

json_t *decision_json(const struct picture *p, const struct decision *d)
{
	char text[SENTENCE_SIZE];
	const struct node *n = d->node >= 0 ? &p->nodes[d->node] : NULL;
	json_t *j =
		explained(p, d->action, d->reason, d->location, decision_sentence(p, d, text), &d->figures);

	if (!j)
		return NULL;
	json_object_set_new(j, "node", n ? json_integer(n->id) : json_null());
	json_object_set_new(j, "node_name", n ? json_string(n->name) : json_null());
	return j;
}

static json_t *refusals_json(const struct picture *p, const struct evaluation *ev)
{
	json_t *list = json_array();

	for (int32_t i = ev->first_refusal; i < ev->first_refusal + ev->n_refusals; i++) {
		const struct refusal *r = &p->refusals[i];
		const struct node *n = &p->nodes[r->node];

		json_array_append_new(list, json_pack("{sI ss ss ss}", "node", (json_int_t)n->id, "node_name",
						      n->name, "rule", decision_reason_rule(r->reason),
						      "reason_code", decision_reason_slug(r->reason)));
	}
	return list;
}

json_t *evaluation_json(const struct picture *p, const struct evaluation *ev)
{
	char text[SENTENCE_SIZE];
	json_t *j = explained(p, ev->action, ev->reason, ev->location, evaluation_sentence(p, ev, text),
			      &ev->figures);
	char when[TIME_TEXT_SIZE];

	if (!j)
		return NULL;
	json_object_set_new(j, "distance_hd_calls", json_integer(ev->distance_hd));
	json_object_set_new(j, "next_at",
			    ev->next_at ? json_string(time_rfc3339(ev->next_at, when)) : json_null());
	json_object_set_new(j, "alternatives_refused", refusals_json(p, ev));
	return j;
}
