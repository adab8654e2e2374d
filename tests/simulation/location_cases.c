/* Named cases: locations that are made, linked and deleted through kills and faults. */
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/cases.h"

#define LONGEST                                                                                              \
	(40 * MINUTE) /* a kill may be followed by twenty minutes in which nobody starts burstd again */

/* What a handler writes. */
static int64_t ask(struct sim *s, enum intent_kind kind, int64_t location, const struct location_change *c)
{
	struct intent i = {.kind = kind,
			   .state = INTENT_APPLYING,
			   .location = location,
			   .actor = "alice",
			   .reason = "Asked for by alice.",
			   .created_at = sim_now(s),
			   .entered_at = sim_now(s)};
	struct error e = {0};

	if (c)
		i.change = *c;
	if (store_intent_add(s->store, &i, &e))
		sim_broken(s, "operator", "a request failed: %s", e.detail);
	sim_wake(s);
	return i.id;
}

static struct intent ended(struct sim *s, int64_t id)
{
	struct intent i = {.state = INTENT_STATE_COUNT};
	struct error e = {0};

	if (store_intent_get(s->store, id, &i, &e))
		sim_broken(s, "intent", "%s", e.detail);
	return i;
}

/* How many locations have the name, and the id of the last one. */
static int named(const struct sim *s, const char *name, int64_t *ret_id)
{
	int n = 0;

	for (size_t i = 0; i < world_location_count(s->world); i++) {
		struct world_location_state l = world_location_at(s->world, i);

		if (!l.gone && !strcmp(l.name, name)) {
			*ret_id = l.id;
			n++;
		}
	}
	return n;
}

/* Made, linked and deleted; killed at the `fuse`-th chance of each. */
static void life_of_a_location(struct sim *s, int fuse, const char *name)
{
	struct location_change c = {.fields = LOCATION_NAME};
	int64_t made, linked, deleted, id = 0;
	int64_t writes = world_counters(s->world).location_writes;
	int told = events_of(s, 0, EVENT_SETTINGS, "alice");

	(void)snprintf(c.name, sizeof c.name, "%s", name);
	s->fuse = fuse;
	made = ask(s, INTENT_LOCATION_CREATE, 0, &c);
	sim_run(s, LONGEST);
	s->fuse = fuse;
	sim_expect(s, "intent", ended(s, made).state == INTENT_DONE && named(s, name, &id) == 1);
	if (s->broken)
		return;
	sim_expect(s, "intent", ended(s, made).location == id);
	c = (struct location_change){.fields = LOCATION_SECONDARY, .overflow2 = BURST};
	linked = ask(s, INTENT_LOCATION_UPDATE, id, &c);
	sim_run(s, LONGEST);
	sim_expect(s, "intent", ended(s, linked).state == INTENT_DONE);
	sim_expect(s, "intent", world_location_at(s->world, (size_t)id - 1).overflow2 == BURST);
	s->fuse = fuse;
	deleted = ask(s, INTENT_LOCATION_DELETE, id, NULL);
	sim_run(s, LONGEST);
	s->fuse = 0;
	sim_expect(s, "intent", ended(s, deleted).state == INTENT_DONE && named(s, name, &id) == 0);
	sim_expect(s, "V3", events_of(s, 0, EVENT_SETTINGS, "alice") == told + 3);
	/* a PATCH may be sent again, the others are done once */
	sim_expect(s, "intent", world_counters(s->world).location_writes <= writes + 4);
}

#define FUSES 14 /* more than there are chances in one of the three */

void killed_round_a_location(struct sim_setup *setup, struct sim **ret)
{
	int kills = 0;

	for (int fuse = 1; fuse <= FUSES; fuse++) {
		sim_free(*ret);
		setup->seed++; /* killed before or after a commit: the dice tell */
		life_of_a_location(oslo_and_burst(setup, 1, ret), fuse, "Bergen");
		kills += (*ret)->kills;
		if ((*ret)->broken) {
			sim_broken(*ret, "intent", "killed at chance %d", fuse);
			return;
		}
	}
	sim_expect(*ret, "intent", kills >= 8);
}

/* Ten lives while Infinity loses answers, goes away and comes back; and a wish that somebody else fights. */
void locations_through_faults(struct sim_setup *setup, struct sim **ret)
{
	static const enum world_fault_kind kinds[] = {WORLD_INFINITY_LOST, WORLD_INFINITY_DOWN,
						      WORLD_INFINITY_HTML};
	struct sim *s = oslo_and_burst(setup, 1, ret);
	struct location_wish w = {.location = OSLO,
				  .change = {.fields = LOCATION_PRIMARY, .overflow1 = BURST},
				  .actor = "alice"};
	struct error e = {0};

	for (int i = 0; i < 9 && !s->broken; i++) {
		char name[24];

		world_fault_add(s->world, &(struct world_fault){.kind = kinds[i % 3],
								.from = sim_now(s),
								.until = sim_now(s) + 3 * MINUTE});
		(void)snprintf(name, sizeof name, "Town %d", i);
		life_of_a_location(s, 0, name);
	}
	sim_expect(s, "operator", !store_location_wish_put(s->store, &w, &e));
	for (int i = 0; i < 60 && !s->broken; i++) { /* an hour of somebody else's script */
		world_link(s->world, OSLO, 0, 0);
		sim_run(s, MINUTE);
	}
	sim_run(s, LONGEST);
	sim_expect(s, "drift", world_location_at(s->world, OSLO - 1).overflow1 == BURST);
	sim_expect(s, "drift", events_of(s, 0, EVENT_SETTINGS, "wish") >= 10);
	sim_expect(s, "drift", events_of(s, 0, EVENT_SETTINGS, "wish") <= 16); /* not one a read */
}
