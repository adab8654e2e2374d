/* What the named cases share: Oslo (always on) in front of AWS burst. */
#ifndef BURSTD_TESTS_SIMULATION_CASES_H
#define BURSTD_TESTS_SIMULATION_CASES_H

#include "tests/simulation/sim.h"

/* Ids in the order of making: locations 1 AWS burst, 2 Oslo; nodes 1 oslo-1, 2 burst-1, 3 burst-2, ... */
enum { BURST = 1, OSLO = 2, OSLO_1 = 1, BURST_1 = 2, BURST_2 = 3, BURST_3 = 4 };
#define OSLO_HD  20
#define BURST_HD 17

/* Makes the run with `n` bursting nodes, and lets burstd have its first reads. */
struct sim *oslo_and_burst(struct sim_setup *, int n, struct sim **ret);
/* Oslo gets so many calls that `free_hd` are left; they last until they are ended. */
void oslo_leaves(struct sim *, int free_hd);
/* One node is up and serving, its calls have ended: from here on it is idle. */
void one_node_idle(struct sim *);
/* Runs until the node's open operation is in this state, at most `most` ms; false = it never was. */
bool until_state(struct sim *, int64_t node, enum intent_state, int64_t most);
bool until_phase(struct sim *, int64_t node, enum node_phase, int64_t most);
/* All calls end; after some hours everything must be quiet and the history complete. */
void end_quiet(struct sim *);
/* How many events of a type a node has (node 0 = all), by this actor (NULL = anybody). */
int events_of(struct sim *, int64_t node, enum event_type, const char *actor);
/* location_cases.c */
void killed_round_a_location(struct sim_setup *, struct sim **ret);
void locations_through_faults(struct sim_setup *, struct sim **ret);
struct world_node_state node_now(const struct sim *, int64_t node);

#endif
