/*
 * RULE V3: what stands in the history against what was done in the world, node by node: every start and stop of burstd's has
 * its event and every event its deed, every drain its end, and the order of a node's events makes sense.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/sim.h"

#define PAGE    500
#define TOLD_IN (30 * MINUTE) /* after a lost answer or a kill an event may come as late as this */

/* All events, oldest first. */
struct history {
	struct event *rows;
	size_t n;
	bool *matched;
};

static struct history read_all(struct sim *s)
{
	struct history h = {0};
	struct history_filter filter = {.type = -1};
	struct error e = {0};

	for (;;) {
		struct event *page = NULL;
		struct event *grown;
		size_t n = 0;

		if (store_events(s->store, &filter, PAGE, &page, &n, &e)) {
			sim_broken(s, "V3", "the history cannot be read: %s", e.detail);
			break;
		}
		if (!n)
			break;
		grown = realloc(h.rows, (h.n + n) * sizeof(*grown));
		if (!grown)
			abort();
		h.rows = grown;
		for (size_t i = 0; i < n; i++) { /* what is compared below; the texts go with the page */
			grown[h.n + i] = page[i];
			grown[h.n + i].actor =
				!strcmp(page[i].actor, "outside") || !strcmp(page[i].actor, "infinity")
					? "outside"
					: "ours";
			grown[h.n + i].node_name = grown[h.n + i].reason = NULL;
			grown[h.n + i].rule = grown[h.n + i].figures = NULL;
		}
		h.n += n;
		filter.before = page[n - 1].id;
		store_events_free(page, n);
	}
	for (size_t i = 0; i < h.n / 2; i++) {
		struct event swap = h.rows[i];

		h.rows[i] = h.rows[h.n - 1 - i];
		h.rows[h.n - 1 - i] = swap;
	}
	h.matched = calloc(h.n + 1, sizeof(*h.matched));
	if (!h.matched)
		abort();
	return h;
}

static bool ours(const struct event *e)
{
	return !strcmp(e->actor, "ours");
}

/* The deed had an effect: an instance began to start or to stop. */
static bool effective(const struct world_record *r)
{
	if (!r->accepted || !r->node || r->deed == WORLD_PATCH)
		return false;
	return r->previous == (r->deed == WORLD_STOP ? INSTANCE_RUNNING : INSTANCE_STOPPED);
}

/* The next deed of the same kind on the node, so that an event is not taken for another one's. */
static int64_t next_like(const struct world_record *rows, size_t n, size_t at)
{
	for (size_t i = at + 1; i < n; i++)
		if (rows[i].node == rows[at].node && effective(&rows[i]) &&
		    (rows[i].deed == WORLD_STOP) == (rows[at].deed == WORLD_STOP))
			return rows[i].time;
	return INT64_MAX;
}

/* What was never answered may be told as somebody else's, when it is seen at last. */
static bool match(struct history *h, const struct world_record *r, bool unanswered, int64_t before)
{
	enum event_type type = r->deed == WORLD_STOP ? EVENT_STOP : EVENT_START;
	int64_t latest = r->time + TOLD_IN < before ? r->time + TOLD_IN : before;

	for (size_t i = 0; i < h->n; i++) {
		const struct event *e = &h->rows[i];

		if (!h->matched[i] && e->node == r->node && e->type == type && e->time >= r->time &&
		    e->time <= latest && (ours(e) || r->outside || unanswered)) {
			h->matched[i] = true;
			return true;
		}
	}
	return false;
}

/* An answer that never came, and an instance that was down again before anybody looked, is nothing that anybody saw. */
static bool unseen(const struct sim *s, const struct world_record *rows, size_t n, size_t at)
{
	if (rows[at].outside)
		return true; /* whether it was seen is for the named cases: lists have gaps */
	return s->unanswered[at] && next_like(rows, n, at) < rows[at].time + TOLD_IN;
}

static void check_deeds(struct sim *s, struct history *h)
{
	size_t n;
	const struct world_record *rows = world_ledger(s->world, &n);

	for (int pass = 0; pass < 2; pass++) /* ours first, so that an outside deed takes no event of ours */
		for (size_t i = 0; i < n; i++) {
			if (!effective(&rows[i]) || rows[i].outside != (pass == 1))
				continue;
			if (!match(h, &rows[i], s->unanswered[i], next_like(rows, n, i)) &&
			    !unseen(s, rows, n, i))
				sim_broken(s, "V3", "node %lld: %s %lld s ago has no event",
					   (long long)rows[i].node,
					   rows[i].deed == WORLD_STOP ? "a stop" : "a start",
					   (long long)((sim_now(s) - rows[i].time) / SECOND));
		}
}

/* A deed without an effect of its own may be told as ours: somebody else was a moment quicker. */
static bool asked_for(const struct sim *s, const struct event *e)
{
	size_t n;
	const struct world_record *rows = world_ledger(s->world, &n);
	bool stop = e->type == EVENT_STOP;

	for (size_t i = 0; i < n; i++)
		if (rows[i].node == e->node && rows[i].deed != WORLD_PATCH &&
		    (rows[i].deed == WORLD_STOP) == stop && rows[i].time <= e->time &&
		    rows[i].time > e->time - TOLD_IN && (rows[i].outside || !effective(&rows[i])))
			return true;
	return false;
}

static void check_events(struct sim *s, const struct history *h)
{
	char when[TIME_TEXT_SIZE];

	for (size_t i = 0; i < h->n; i++) {
		const struct event *e = &h->rows[i];

		if ((e->type == EVENT_START || e->type == EVENT_STOP) && ours(e) && !h->matched[i] &&
		    !asked_for(s, e))
			sim_broken(s, "V3", "node %lld: the event `%s` of %s tells of nothing that was done",
				   (long long)e->node, event_type_text(e->type), time_rfc3339(e->time, when));
	}
}

/* --- the order of a node's events --- */

struct walk {
	bool draining;
	bool serving;
	int64_t time;
};

static void walk_event(struct sim *s, struct walk *w, const struct event *e)
{
	char when[TIME_TEXT_SIZE];

	if (s->setup.verbose)
		fprintf(stderr, "  event %lld %s node %lld %s by %s\n", (long long)e->id,
			time_rfc3339(e->time, when), (long long)e->node, event_type_text(e->type), e->actor);
	if (e->time < w->time)
		sim_broken(s, "V3", "node %lld: an event of %s stands behind a later one", (long long)e->node,
			   time_rfc3339(e->time, when));
	w->time = e->time;
	switch (e->type) {
	case EVENT_DRAIN:
		if (w->draining)
			sim_broken(s, "V3", "node %lld: the drain before that of %s has no end",
				   (long long)e->node, time_rfc3339(e->time, when));
		w->draining = true;
		return;
	case EVENT_RUNNING:
		if (w->serving)
			sim_broken(s, "V3", "node %lld: `running` twice, at %s", (long long)e->node,
				   time_rfc3339(e->time, when));
		w->serving = true;
		return;
	case EVENT_START:
		w->serving = false;
		return;
	case EVENT_STOP:
	case EVENT_STOPPED:
	case EVENT_CANCEL:
	case EVENT_LOST:
	case EVENT_FAIL:
		w->serving = w->serving &&
			     (e->type == EVENT_CANCEL || e->type == EVENT_LOST || e->type == EVENT_FAIL);
		w->draining = false;
		return;
	default:
		return;
	}
}

static void check_sequence(struct sim *s, const struct history *h)
{
	struct walk walks[SIM_NODES] = {0};

	for (size_t i = 0; i < h->n; i++)
		if (h->rows[i].node > 0 && h->rows[i].node <= SIM_NODES)
			walk_event(s, &walks[h->rows[i].node - 1], &h->rows[i]);
	for (size_t i = 0; i < SIM_NODES; i++)
		if (walks[i].draining && !sim_intent_of(s, (int64_t)i + 1))
			sim_broken(s, "V3", "node %zu: its last drain has no end in the history", i + 1);
}

void check_history(struct sim *s)
{
	struct history h = read_all(s);

	check_deeds(s, &h);
	check_events(s, &h);
	check_sequence(s, &h);
	free(h.rows);
	free(h.matched);
}
