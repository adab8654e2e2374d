/*
 * The decision engine: a picture and the time in, decisions with reasons out. Pure: no I/O, no clock, no log, no globals;
 * the plan's memory is reused from pass to pass. The rules are those of docs/bursting.md, quoted where they are decided:
 *
 *   engine.c  S1-S6 (starting), and the order of a pass
 *   wants.c   S7, S8 (holds), wishes
 *   stops.c   E1-E7 (draining and stopping)
 */
#ifndef BURSTD_BURSTING_ENGINE_H
#define BURSTD_BURSTING_ENGINE_H

#include "fleet/picture.h"

/* RULES S4 and E6 count per tick: the last Infinity report on which a location's node was started or drained. */
struct burst_tick {
	int64_t location;
	int64_t start_tick;
	int64_t drain_tick;
};

struct burst_input {
	const struct picture *picture;
	int64_t now;
	const struct burst_tick
		*ticks; /* sorted by location; a location without a row has done nothing yet */
	size_t n_ticks;
};

struct burst_plan {
	struct decision *decisions;
	size_t n_decisions;
	size_t cap_decisions;
	struct evaluation *evaluations;
	size_t n_evaluations;
	size_t cap_evaluations;
	struct refusal *refusals;
	size_t n_refusals;
	size_t cap_refusals;
	struct burst_scratch *scratch; /* one a location */
	size_t cap_scratch;
	int64_t next_at; /* the earliest time at which waiting alone changes the plan; 0 = none */
	bool failed;     /* out of memory: the plan is empty */
};

/*
 * Decides. `plan` starts zeroed and is reused; burst_plan_free releases it. Decisions come in the order in which they
 * should be carried out: wishes and holds, then starts, cancels, stops and drains. Any thread that owns the plan.
 */
void burst_decide(const struct burst_input *, struct burst_plan *plan);
void burst_plan_free(struct burst_plan *);

#endif
