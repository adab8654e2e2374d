/* Random runs: topology, settings, faults, kills and people, all from the seed. */
#include "tests/simulation/sim.h"

static int pick(struct dice *d, const int *from, size_t n)
{
	return from[dice_between(d, 0, (int64_t)n - 1)];
}
#define PICK(d, ...) pick((d), (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void random_world(struct dice *d, struct world_options *o)
{
	o->principals = (int)dice_between(d, 1, 4);
	o->overflows = (int)dice_between(d, 1, 2);
	o->regions = (int)dice_between(d, 1, 2);
	o->always_on_nodes = (int)dice_between(d, 1, 3);
	o->burst_nodes = (int)dice_between(d, 1, 5);
	o->always_on_hd = PICK(d, 10, 20, 30);
	o->burst_hd = PICK(d, 8, 17, 17, 25);
	o->traffic = true;
	o->traffic_peak = .7 + .1 * (double)dice_between(d, 0, 12);
	o->call_minutes = PICK(d, 15, 40, 60);
	o->pending_ms = dice_between(d, 5, 40) * SECOND;
	o->boot_ms = dice_between(d, 120, 540) * SECOND;
	o->stopping_ms = dice_between(d, 10, 120) * SECOND;
	o->suspend_ms = dice_between(d, 10, 60) * SECOND;
	o->replication_ms = dice_between(d, 10, 70) * SECOND;
	o->status_ms = dice_between(d, 8, 15) * SECOND;
	o->ec2_lag_ms = dice_between(d, 0, 5000);
	o->fault_level = (double)dice_between(d, 1, 3);
}

static void random_settings(struct dice *d, const struct world_options *o, struct bursting_settings *b)
{
	b->bursting_threshold = PICK(d, 1, 3, 5, 5, 8, 17, o->burst_hd, o->burst_hd + 3);
	b->minimum_lifetime_minutes = (int)dice_between(d, 5, 60);
	b->poll_infinity_seconds = PICK(d, 10, 10, 15, 20, 30);
	b->poll_ec2_seconds = PICK(d, 10, 15, 15, 20, 30);
	b->replication_wait_seconds = (int)(o->replication_ms / SECOND) + PICK(d, 20, 40);
	if (b->replication_wait_seconds < 30)
		b->replication_wait_seconds = 30;
	b->start_timeout_minutes = PICK(d, 10, 10, 15);
	b->node_capacity_hd = PICK(d, 17, o->burst_hd);
	b->refused_rest_minutes = PICK(d, 2, 5, 10);
}

struct sim_setup seed_setup(uint64_t seed, int days)
{
	struct sim_setup setup = sim_setup_default(seed);
	struct dice d = {.state = seed * 0x5851f42d + 1};

	random_world(&d, &setup.world);
	random_settings(&d, &setup.world, &setup.settings);
	setup.world.faults_until_ms = setup.world.start_ms + (days - 1) * DAY;
	setup.kills_per_day = (double)PICK(&d, 0, 6, 12, 24);
	setup.latency = !dice_chance(&d, .2);
	setup.republish = dice_chance(&d, .1);
	setup.jump = !dice_chance(&d, .1);
	setup.operators = dice_chance(&d, .6);
	setup.operators_until = setup.world.faults_until_ms;
	return setup;
}

/* Faults end a day before the end; then the calls do, so that by the end everything must be quiet again. */
struct sim *seed_run_setup(const struct sim_setup *setup, int days)
{
	struct sim *s = sim_new(setup);
	int64_t start = setup->world.start_ms;
	struct dice d = {.state = setup->seed + 99};

	for (size_t i = 1; i <= world_location_count(s->world); i++)
		if (dice_chance(&d, .2))
			operator_threshold(s, (int64_t)i, (int)dice_between(&d, 1, 20));
	if (setup->operators)
		s->operator_at = start + dice_between(&d, 1, 20) * HOUR;
	sim_until(s, start + (days - 1) * DAY);
	if (!s->broken)
		world_faults_clear(s->world);
	sim_until(s, start + days * DAY - 14 * HOUR);
	world_set_traffic(s->world, false);
	s->setup.kills_per_day = 0;
	s->fuse = 0;
	sim_until(s, start + days * DAY);
	if (!s->broken) {
		check_end(s);
		check_history(s);
	}
	return s;
}

struct sim *seed_run(uint64_t seed, int days, bool verbose)
{
	struct sim_setup setup = seed_setup(seed, days);

	setup.verbose = verbose;
	return seed_run_setup(&setup, days);
}
