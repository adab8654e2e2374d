/* One pass of the decision engine, and one join, over 1,000 locations and 10,000 nodes: CPU of the thread that runs them. */
#include "bursting/engine.h"
#include "tests/bench/bench.h"
#include "tests/bench/platform.h"

#define ROUNDS     60
#define PASSES     20 /* of the engine in a round */
#define PRINCIPALS 500
#define GOAL_PASS  1000.0 /* us */

static double pass_us(const struct picture *picture, struct burst_plan *plan)
{
	const struct burst_input in = {.picture = picture, .now = picture->made_at};
	double before = thread_cpu_us();

	for (int i = 0; i < PASSES; i++)
		burst_decide(&in, plan);
	if (plan->failed)
		bench_fail("out of memory");
	return (thread_cpu_us() - before) / PASSES;
}

static double join_us(const struct platform *platform, struct track_table *tracks)
{
	double before = thread_cpu_us();
	struct picture *picture = platform_join(platform, tracks);
	double took = thread_cpu_us() - before;

	picture_unref(picture);
	return took;
}

int main(void)
{
	static struct samples pass, join;
	struct platform platform;
	struct picture *picture;
	struct burst_plan plan = {0};
	struct track_table tracks = {0};

	platform_make(&platform, (struct platform_size){PRINCIPALS, 10, 10});
	picture = platform_picture(&platform);
	(void)pass_us(picture, &plan); /* warm */
	for (int i = 0; i < ROUNDS; i++) {
		sample(&pass, pass_us(picture, &plan));
		sample(&join, join_us(&platform, &tracks));
	}
	table_section("Deciding: %zu locations, %zu nodes (%d with an instance); %zu decisions, %zu refusals "
		      "in a pass",
		      picture->n_locations, picture->n_nodes, PRINCIPALS * 10, plan.n_decisions,
		      plan.n_refusals);
	table_goal("one pass of the engine", &pass, "us", GOAL_AT_MOST, GOAL_PASS);
	table_row("the join of the reports that it decides on", &join, "us");
	picture_unref(picture);
	burst_plan_free(&plan);
	track_table_free(&tracks);
	platform_free(&platform);
	return 0;
}
