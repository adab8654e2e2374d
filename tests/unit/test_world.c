/* The world's model: placement, boots, maintenance mode, cutting, faults, and that the same seed is the same world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/world/world.h"

#define SECOND 1000LL
#define MINUTE 60000LL

struct small {
	struct world *w;
	int64_t start;
	int64_t principal, other, overflow;
	int64_t home;     /* the principal's node, 10 HD */
	int64_t burst[2]; /* 4 HD each */
};

/* One principal with one node, an overflow with two burst nodes, and a second principal with nothing. */
static struct small small_world(double scale)
{
	struct small s = {0};
	struct world_options o = world_options_default(7);

	o.principals = o.overflows = 0;
	o.traffic = false;
	o.ec2_lag_ms = 0;
	o.scale = scale;
	s.start = o.start_ms;
	s.w = world_new(&o);
	s.principal = world_add_location(s.w, &(struct world_location){.name = "Oslo"});
	s.other = world_add_location(s.w, &(struct world_location){.name = "London"});
	s.overflow = world_add_location(s.w, &(struct world_location){.name = "Burst"});
	world_link(s.w, s.principal, s.overflow, s.other);
	s.home = world_add_node(
		s.w, &(struct world_node){.name = "oslo-1", .location = s.principal, .max_hd = 10});
	for (int i = 0; i < 2; i++)
		s.burst[i] = world_add_node(s.w, &(struct world_node){.name = i ? "burst-2" : "burst-1",
								      .location = s.overflow,
								      .max_hd = 4,
								      .bursting = true,
								      .elastic = i == 0});
	return s;
}

static struct world_node_state state(struct small *s, int64_t node)
{
	struct world_node_state ret;

	assert_true(world_node_find(s->w, node, &ret));
	return ret;
}

static bool start(struct small *s, int64_t node, struct upstream_error *e)
{
	struct ec2_port port = world_ec2_port(s->w, "eu-west-1");
	struct ec2_state_change change;

	return port.start(port.self, state(s, node).instance, &change, e);
}

static bool stop(struct small *s, int64_t node, struct upstream_error *e)
{
	struct ec2_port port = world_ec2_port(s->w, "eu-west-1");
	struct ec2_state_change change;

	return port.stop(port.self, state(s, node).instance, &change, e);
}

static void pass(struct small *s, int64_t ms)
{
	world_advance(s->w, world_now(s->w) + ms);
}

static void boot(struct small *s, int64_t node)
{
	struct upstream_error e;

	assert_true(start(s, node, &e));
	pass(s, 7 * MINUTE);
	assert_true(state(s, node).synced);
}

/* --- what Infinity shows --- */

static struct infinity_report *look(struct small *s)
{
	struct infinity_port port = world_infinity_port(s->w);
	struct infinity_report *r = NULL;
	struct upstream_error e;

	assert_true(port.observe(port.self, true, &r, &e));
	return r;
}

static struct infinity_node seen(struct small *s, int64_t node)
{
	struct infinity_report *r = look(s);
	struct infinity_node n = r->nodes[node - 1];

	assert_int_equal(n.id, node);
	infinity_report_free(r);
	return n;
}

static struct ec2_instance described(struct small *s, int64_t node)
{
	struct ec2_port port = world_ec2_port(s->w, "eu-west-1");
	struct ec2_report *r = NULL;
	struct upstream_error e;

	assert_true(port.describe_instance(port.self, state(s, node).instance, &r, &e));
	assert_int_equal(r->n_instances, 1);
	struct ec2_instance i = r->instances[0];

	ec2_report_free(r);
	return i;
}

static void calls_overflow_and_are_refused(void **unused)
{
	struct small s = small_world(1);

	(void)unused;
	assert_int_equal(world_calls(s.w, s.principal, 10, 0), 10);
	assert_int_equal(world_calls(s.w, s.principal, 1, 0), 0); /* burst nodes are down */
	boot(&s, s.burst[0]);
	assert_int_equal(world_calls(s.w, s.principal, 6, 0), 4);
	assert_int_equal(state(&s, s.burst[0]).calls, 4);
	assert_int_equal(world_counters(s.w).calls_refused, 3);
	assert_int_equal(world_end_calls(s.w, s.principal, 10), 10); /* the oldest: those at home */
	assert_int_equal(state(&s, s.home).calls, 0);
	assert_int_equal(state(&s, s.burst[0]).calls, 4);
	world_free(s.w);
}

static void joining_costs_a_backplane_on_a_further_node(void **unused)
{
	struct small s = small_world(1);
	int64_t first;

	(void)unused;
	boot(&s, s.burst[0]);
	first = world_call(s.w, s.principal, 0, 0);
	assert_int_equal(world_calls(s.w, s.principal, 9, 0), 9);
	assert_int_not_equal(world_call(s.w, s.principal, first, 0), 0);
	assert_int_equal(state(&s, s.burst[0]).calls, 2); /* the call and its backplane */
	world_free(s.w);
}

static void calls_end_by_themselves(void **unused)
{
	struct small s = small_world(60);

	(void)unused;
	world_calls(s.w, s.principal, 3, 10 * MINUTE);
	pass(&s, 9 * SECOND);
	assert_int_equal(state(&s, s.home).calls, 3);
	pass(&s, 2 * SECOND);
	assert_int_equal(state(&s, s.home).calls, 0);
	world_free(s.w);
}

static void a_boot_goes_through_its_states(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;

	(void)unused;
	assert_int_equal(seen(&s, s.burst[0]).sync, SYNC_SUSPENDED);
	assert_int_equal(described(&s, s.burst[0]).state, INSTANCE_STOPPED);
	assert_true(start(&s, s.burst[0], &e));
	assert_int_equal(described(&s, s.burst[0]).state, INSTANCE_PENDING);
	pass(&s, 30 * SECOND);
	assert_int_equal(described(&s, s.burst[0]).state, INSTANCE_RUNNING);
	assert_int_equal(described(&s, s.burst[0]).launch_time, s.start);
	assert_int_equal(seen(&s, s.burst[0]).sync, SYNC_SUSPENDED);
	pass(&s, 6 * MINUTE);
	assert_int_equal(seen(&s, s.burst[0]).sync, SYNC_SYNCED);
	assert_true(world_now(s.w) - seen(&s, s.burst[0]).last_updated < 15 * SECOND);
	assert_true(stop(&s, s.burst[0], &e));
	assert_int_equal(described(&s, s.burst[0]).state, INSTANCE_STOPPING);
	assert_false(start(&s, s.burst[0], &e)); /* not while stopping */
	assert_string_equal(e.code, "IncorrectInstanceState");
	pass(&s, MINUTE);
	assert_int_equal(described(&s, s.burst[0]).state, INSTANCE_STOPPED);
	assert_int_equal(seen(&s, s.burst[0]).sync, SYNC_SUSPENDED);
	assert_int_equal(world_counters(s.w).double_starts, 1);
	world_free(s.w);
}

static void only_an_elastic_address_stays(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;
	const char *before[2];

	(void)unused;
	assert_non_null(described(&s, s.burst[0]).public_address);
	assert_null(described(&s, s.burst[1]).public_address);
	for (int i = 0; i < 2; i++) {
		boot(&s, s.burst[i]);
		before[i] = described(&s, s.burst[i]).public_address;
		assert_true(stop(&s, s.burst[i], &e));
	}
	pass(&s, MINUTE);
	assert_null(described(&s, s.burst[1]).public_address);
	boot(&s, s.burst[0]);
	boot(&s, s.burst[1]);
	assert_string_equal(described(&s, s.burst[0]).public_address, before[0]);
	assert_string_not_equal(described(&s, s.burst[1]).public_address, before[1]);
	world_free(s.w);
}

static void stopping_a_busy_node_cuts_and_is_counted(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;
	size_t n;

	(void)unused;
	boot(&s, s.burst[0]);
	assert_int_not_equal(world_call_on_node(s.w, s.burst[0], 0), 0);
	assert_true(stop(&s, s.burst[0], &e));
	assert_int_equal(world_counters(s.w).calls_cut, 1);
	assert_int_equal(world_counters(s.w).stops_busy, 1);
	assert_int_equal(world_counters(s.w).stops_unmaintained, 1);
	const struct world_record *last = world_ledger(s.w, &n);

	last += n - 1;
	assert_int_equal(last->deed, WORLD_STOP);
	assert_int_equal(last->calls, 1);
	assert_int_equal(last->previous, INSTANCE_RUNNING);
	assert_int_equal(last->up_ms, 7 * MINUTE);
	world_free(s.w);
}

static void maintenance_mode_takes_its_time(void **unused)
{
	struct small s = small_world(1);
	struct infinity_port port = world_infinity_port(s.w);
	struct upstream_error e;

	(void)unused;
	boot(&s, s.burst[0]);
	world_calls(s.w, s.principal, 10, 0);
	assert_true(port.set_maintenance(port.self, s.burst[0], true, "burstd: idle", &e));
	assert_true(seen(&s, s.burst[0]).maintenance);
	assert_string_equal(seen(&s, s.burst[0]).maintenance_reason, "burstd: idle");
	pass(&s, 59 * SECOND);
	assert_int_equal(world_calls(s.w, s.principal, 1, 0), 1); /* the node does not know yet */
	pass(&s, 2 * SECOND);
	assert_int_equal(world_calls(s.w, s.principal, 1, 0), 0);
	pass(&s, 15 * SECOND);
	assert_true(seen(&s, s.burst[0]).status_maintenance);
	assert_int_equal(seen(&s, s.burst[0]).media_load, 100);
	assert_int_equal(seen(&s, s.burst[0]).conferences, 1);
	world_free(s.w);
}

static void status_is_as_old_as_its_report(void **unused)
{
	struct small s = small_world(1);
	int64_t before, after;

	(void)unused;
	pass(&s, 5 * MINUTE);
	before = seen(&s, s.home).last_updated;
	assert_in_range(world_now(s.w) - before, 0, 12 * SECOND);
	world_calls(s.w, s.principal, 5, 0);
	assert_int_equal(seen(&s, s.home).conferences, 0); /* not reported yet */
	pass(&s, 13 * SECOND);
	after = seen(&s, s.home).last_updated;
	assert_true(after > before);
	assert_int_equal(seen(&s, s.home).conferences, 5);
	assert_int_equal(seen(&s, s.home).tokens_used * 10, seen(&s, s.home).tokens_max * 5);
	world_free(s.w);
}

static void a_frozen_platform_shows_the_past(void **unused)
{
	struct small s = small_world(1);
	int64_t before;

	(void)unused;
	pass(&s, MINUTE);
	world_fault_add(s.w, &(struct world_fault){.kind = WORLD_INFINITY_FROZEN,
						   .until = world_now(s.w) + 5 * MINUTE});
	before = seen(&s, s.home).last_updated;
	world_calls(s.w, s.principal, 4, 0);
	pass(&s, 4 * MINUTE);
	assert_int_equal(seen(&s, s.home).last_updated, before);
	assert_int_equal(seen(&s, s.home).conferences, 0);
	pass(&s, 2 * MINUTE);
	assert_true(seen(&s, s.home).last_updated > before);
	assert_int_equal(seen(&s, s.home).conferences, 4);
	world_free(s.w);
}

static void infinity_fails_in_each_way(void **unused)
{
	static const enum world_fault_kind kinds[] = {WORLD_INFINITY_DOWN, WORLD_INFINITY_HTML,
						      WORLD_INFINITY_SLOW};
	struct small s = small_world(1);
	struct infinity_port port = world_infinity_port(s.w);
	struct infinity_report *r = NULL;
	struct upstream_error e;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		world_fault_add(s.w,
				&(struct world_fault){.kind = kinds[i], .until = INT64_MAX, .value = 30000});
		assert_true(world_fault_active(s.w, kinds[i], 0));
		assert_false(port.observe(port.self, true, &r, &e));
		assert_int_equal(e.class, UPSTREAM_RETRY);
		world_fault_clear(s.w, kinds[i], 0);
	}
	world_fault_add(s.w, &(struct world_fault){.kind = WORLD_INFINITY_HALF, .until = INT64_MAX});
	r = look(&s);
	assert_false(r->whole);
	assert_non_null(r->partial);
	assert_int_equal(r->n_nodes, 2);
	infinity_report_free(r);
	world_faults_clear(s.w);
	r = look(&s);
	assert_true(r->whole);
	assert_int_equal(r->n_nodes, 3);
	infinity_report_free(r);
	world_free(s.w);
}

static void ec2_refuses_in_each_way(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;

	(void)unused;
	world_fault_add(
		s.w, &(struct world_fault){.kind = WORLD_CAPACITY, .target = s.burst[0], .until = INT64_MAX});
	assert_false(start(&s, s.burst[0], &e));
	assert_string_equal(e.code, "InsufficientInstanceCapacity");
	assert_true(start(&s, s.burst[1], &e)); /* only that instance */
	world_fault_clear(s.w, WORLD_CAPACITY, 0);

	world_fault_add(
		s.w, &(struct world_fault){.kind = WORLD_DENIED, .target = s.burst[0], .until = INT64_MAX});
	assert_false(start(&s, s.burst[0], &e));
	assert_string_equal(e.code, "UnauthorizedOperation");
	world_fault_clear(s.w, WORLD_DENIED, s.burst[0]);
	world_set_tag(s.w, s.burst[0], "another-manager");
	assert_false(start(&s, s.burst[0], &e));
	assert_string_equal(e.code, "UnauthorizedOperation");
	world_set_tag(s.w, s.burst[0], "mgr01");

	world_fault_add(s.w, &(struct world_fault){.kind = WORLD_EC2_THROTTLED, .until = INT64_MAX});
	assert_false(start(&s, s.burst[0], &e));
	assert_string_equal(e.code, "RequestLimitExceeded");
	world_faults_clear(s.w);
	assert_true(start(&s, s.burst[0], &e));
	world_free(s.w);
}

static void start_requests_are_limited(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;
	int taken = 0;

	(void)unused;
	for (int i = 0; i < 20; i++)
		taken += start(&s, s.burst[0], &e);
	assert_int_equal(taken, 5); /* the bucket of facts 6.1 */
	assert_int_equal(e.class, UPSTREAM_THROTTLED);
	pass(&s, SECOND);
	assert_true(start(&s, s.burst[0], &e));
	assert_int_equal(world_counters(s.w).starts, 1);
	assert_int_equal(world_counters(s.w).double_starts, 5);
	world_free(s.w);
}

static void capacity_may_fail_late(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;

	(void)unused;
	world_fault_add(s.w, &(struct world_fault){
				     .kind = WORLD_CAPACITY_LATE, .target = s.burst[0], .until = INT64_MAX});
	assert_true(start(&s, s.burst[0], &e));
	pass(&s, 30 * SECOND);
	assert_int_equal(described(&s, s.burst[0]).state, INSTANCE_STOPPED);
	assert_string_equal(described(&s, s.burst[0]).state_reason_code,
			    "Server.InsufficientInstanceCapacity");
	pass(&s, 10 * MINUTE);
	assert_false(state(&s, s.burst[0]).synced);
	world_free(s.w);
}

static void describes_may_be_stale(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;

	(void)unused;
	pass(&s, MINUTE);
	world_fault_add(s.w,
			&(struct world_fault){.kind = WORLD_EC2_STALE, .until = INT64_MAX, .value = 20000});
	assert_true(start(&s, s.burst[0], &e));
	pass(&s, 10 * SECOND);
	assert_int_equal(described(&s, s.burst[0]).state, INSTANCE_STOPPED);
	pass(&s, 15 * SECOND);
	assert_int_equal(described(&s, s.burst[0]).state, INSTANCE_PENDING);
	world_free(s.w);
}

static void a_lost_answer_is_carried_out(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;
	size_t n;

	(void)unused;
	world_fault_add(s.w, &(struct world_fault){.kind = WORLD_EC2_LOST, .until = INT64_MAX});
	assert_false(start(&s, s.burst[0], &e));
	assert_int_equal(e.http_status, 0);
	assert_int_equal(state(&s, s.burst[0]).state, INSTANCE_PENDING);
	assert_string_equal(world_ledger(s.w, &n)[0].code, "lost");
	world_free(s.w);
}

static void a_boot_may_never_end(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;

	(void)unused;
	world_fault_add(s.w, &(struct world_fault){
				     .kind = WORLD_NEVER_SYNC, .target = s.burst[0], .until = INT64_MAX});
	assert_true(start(&s, s.burst[0], &e));
	pass(&s, 60 * MINUTE);
	assert_false(state(&s, s.burst[0]).synced);
	assert_int_equal(state(&s, s.burst[0]).state, INSTANCE_RUNNING);
	world_faults_clear(s.w);
	assert_true(state(&s, s.burst[0]).synced);
	world_free(s.w);
}

static void a_crashed_node_is_silent_and_keeps_its_calls(void **unused)
{
	struct small s = small_world(1);
	int64_t last;

	(void)unused;
	boot(&s, s.burst[0]);
	world_call_on_node(s.w, s.burst[0], 0);
	pass(&s, MINUTE);
	world_fault_add(s.w, &(struct world_fault){.kind = WORLD_NODE_CRASH,
						   .target = s.burst[0],
						   .until = world_now(s.w) + 10 * MINUTE});
	last = seen(&s, s.burst[0]).last_updated;
	pass(&s, 9 * MINUTE);
	assert_int_equal(seen(&s, s.burst[0]).last_updated, last);
	assert_int_equal(state(&s, s.burst[0]).calls, 1);
	world_calls(s.w, s.principal, 14, 0);
	assert_int_equal(state(&s, s.burst[0]).calls, 1); /* no new ones */
	pass(&s, 2 * MINUTE);
	assert_true(seen(&s, s.burst[0]).last_updated > last);
	world_free(s.w);
}

static void somebody_outside_is_not_us(void **unused)
{
	struct small s = small_world(1);

	(void)unused;
	world_fault_add(s.w, &(struct world_fault){.kind = WORLD_OUTSIDE_START, .target = s.burst[0]});
	pass(&s, 7 * MINUTE);
	world_call_on_node(s.w, s.burst[0], 0);
	world_fault_add(s.w, &(struct world_fault){.kind = WORLD_OUTSIDE_STOP,
						   .target = s.burst[0],
						   .from = world_now(s.w) + MINUTE}); /* planned */
	assert_int_equal(state(&s, s.burst[0]).state, INSTANCE_RUNNING);
	pass(&s, 2 * MINUTE);
	assert_int_equal(state(&s, s.burst[0]).state, INSTANCE_STOPPED);
	assert_int_equal(world_counters(s.w).calls_cut, 0);
	assert_int_equal(world_counters(s.w).calls_cut_outside, 1);
	assert_int_equal(world_counters(s.w).stops, 0);
	world_free(s.w);
}

static void infinity_own_bursting_shows_monitors(void **unused)
{
	struct small s = small_world(1);
	struct infinity_port port = world_infinity_port(s.w);
	struct upstream_error e;
	struct infinity_report *r = look(&s);

	(void)unused;
	assert_int_equal(r->n_monitors, 0);
	infinity_report_free(r);
	assert_false(port.start_cloudnode(port.self, state(&s, s.burst[0]).instance, &e));
	world_set_infinity_bursting(s.w, true);
	pass(&s, MINUTE);
	r = look(&s);
	assert_true(r->bursting_enabled);
	assert_int_equal(r->n_monitors, 2);
	assert_int_equal(r->monitors[0].location, s.principal);
	assert_int_equal(r->monitors[0].free_hd, 10);
	infinity_report_free(r);
	assert_true(port.start_cloudnode(port.self, state(&s, s.burst[0]).instance, &e));
	assert_int_equal(state(&s, s.burst[0]).state, INSTANCE_PENDING);
	world_free(s.w);
}

static void a_list_holds_the_tagged_and_no_others(void **unused)
{
	struct small s = small_world(1);
	struct ec2_port port = world_ec2_port(s.w, "eu-west-1");
	struct ec2_report *r = NULL;
	struct upstream_error e;

	(void)unused;
	world_set_tag(s.w, s.burst[1], NULL);
	assert_true(port.describe_tagged(port.self, "mgr01", &r, &e));
	assert_int_equal(r->n_instances, 1);
	assert_true(r->whole);
	assert_string_equal(r->instances[0].addresses[0], seen(&s, s.burst[0]).address);
	ec2_report_free(r);

	const char *address = seen(&s, s.burst[1]).address;

	assert_true(port.describe_addresses(port.self, &address, 1, &r, &e));
	assert_int_equal(r->n_instances, 1);
	assert_null(r->instances[0].tag_value);
	ec2_report_free(r);
	world_fault_add(s.w, &(struct world_fault){.kind = WORLD_EC2_PARTIAL, .until = INT64_MAX});
	assert_false(port.describe_tagged(port.self, "mgr01", &r, &e));
	world_free(s.w);
}

/* --- a week --- */

static uint64_t week(uint64_t seed, bool disturb, struct world_counters *ret)
{
	struct world_options o = world_options_default(seed);
	uint64_t print = 0;

	o.fault_level = disturb ? 1 : 0;
	o.faults_until_ms = o.start_ms + 6 * 24 * 60 * MINUTE;

	struct world *w = world_new(&o);

	while (world_now(w) < o.start_ms + 7 * 24 * 60 * MINUTE) {
		world_advance(w, world_now(w) + 10 * MINUTE);
		for (size_t i = 0; i < world_location_count(w); i++)
			print = print * 31 + (uint64_t)world_location_at(w, i).calls;
	}
	*ret = world_counters(w);
	world_free(w);
	return print;
}

static void the_same_seed_is_the_same_week(void **unused)
{
	struct world_counters a, b, c;

	(void)unused;
	assert_true(week(3, true, &a) == week(3, true, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(week(4, true, &c) != week(3, true, &b));
	assert_true(a.faults > 50);
}

static void a_week_has_mornings_that_do_not_fit(void **unused)
{
	struct world_counters c;

	(void)unused;
	(void)week(5, false, &c);
	assert_int_equal(c.faults, 0);
	assert_true(c.calls_placed > 5000);
	assert_true(c.calls_refused > 100); /* nobody starts a node */
}

static void an_idle_world_tells_its_next_event(void **unused)
{
	struct small s = small_world(1);
	struct upstream_error e;

	(void)unused;
	assert_true(world_next_event(s.w) == INT64_MAX);
	assert_true(start(&s, s.burst[0], &e));
	assert_in_range(world_next_event(s.w) - s.start, 15 * SECOND, 25 * SECOND);
	world_free(s.w);
}

static void the_morning_of_the_demonstration_needs_the_cloud(void **unused)
{
	struct world *w = world_demo(1767571200000, 240, 1);
	int least = 1000, waves = 0;

	(void)unused;
	for (int t = 0; t < 3 * 90000; t += 100) {
		world_advance(w, 1767571200000 + t);
		int free_hd = world_location_at(w, 0).free_hd;

		waves += free_hd <= 5 && least > 5;
		least = free_hd <= 5 ? free_hd : free_hd > 30 ? 1000 : least;
	}
	assert_int_equal(waves, 3); /* once in each period of 90 s */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_overflow_and_are_refused),
		cmocka_unit_test(joining_costs_a_backplane_on_a_further_node),
		cmocka_unit_test(calls_end_by_themselves),
		cmocka_unit_test(a_boot_goes_through_its_states),
		cmocka_unit_test(only_an_elastic_address_stays),
		cmocka_unit_test(stopping_a_busy_node_cuts_and_is_counted),
		cmocka_unit_test(maintenance_mode_takes_its_time),
		cmocka_unit_test(status_is_as_old_as_its_report),
		cmocka_unit_test(a_frozen_platform_shows_the_past),
		cmocka_unit_test(infinity_fails_in_each_way),
		cmocka_unit_test(ec2_refuses_in_each_way),
		cmocka_unit_test(start_requests_are_limited),
		cmocka_unit_test(capacity_may_fail_late),
		cmocka_unit_test(describes_may_be_stale),
		cmocka_unit_test(a_lost_answer_is_carried_out),
		cmocka_unit_test(a_boot_may_never_end),
		cmocka_unit_test(a_crashed_node_is_silent_and_keeps_its_calls),
		cmocka_unit_test(somebody_outside_is_not_us),
		cmocka_unit_test(infinity_own_bursting_shows_monitors),
		cmocka_unit_test(a_list_holds_the_tagged_and_no_others),
		cmocka_unit_test(the_same_seed_is_the_same_week),
		cmocka_unit_test(a_week_has_mornings_that_do_not_fit),
		cmocka_unit_test(an_idle_world_tells_its_next_event),
		cmocka_unit_test(the_morning_of_the_demonstration_needs_the_cloud),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
