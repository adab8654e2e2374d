/*
 * The world of `make run`: a small platform on a weekday morning, 07:30 to 12:00, compressed by `scale`, then a quiet
 * pause, again and again. Oslo has 80 HD calls of its own and wants 98 at nine o'clock: two or three burst nodes.
 */
#include <stdio.h>

#include "tests/world/internal.h"

/* minutes after 07:30 */
static const struct world_curve_point oslo[] = {{0, 40},   {30, 66},  {60, 84},  {85, 95},
						{95, 98},  {110, 95}, {130, 78}, {160, 58},
						{200, 50}, {270, 44}, {300, 24}, {359, 24}};
static const struct world_curve_point london[] = {{0, 12}, {90, 30}, {150, 26}, {270, 16}, {359, 10}};

static void add_site_nodes(struct world *w, int64_t location, const char *prefix, int n, bool bursting,
			   int max_hd)
{
	char name[33];

	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s-%d", prefix, i + 1);
		(void)world_add_node(w, &(struct world_node){.name = name,
							     .location = location,
							     .max_hd = max_hd,
							     .bursting = bursting,
							     .elastic = bursting});
	}
}

struct world *world_demo(int64_t now, double scale, uint64_t seed)
{
	struct world_options o = world_options_default(seed);

	o.scale = scale;
	o.start_ms = now;
	o.principals = o.overflows = 0;
	o.traffic = false;

	struct world *w = world_new(&o);

	if (!w)
		return NULL;
	int64_t oslo_id = world_add_location(w, &(struct world_location){.name = "Oslo"});
	int64_t london_id = world_add_location(w, &(struct world_location){.name = "London"});
	int64_t burst_id = world_add_location(w, &(struct world_location){.name = "AWS burst"});

	world_link(w, oslo_id, burst_id, london_id);
	world_link(w, london_id, burst_id, oslo_id);
	add_site_nodes(w, oslo_id, "oslo", 5, false, 16);
	add_site_nodes(w, london_id, "london", 3, false, 16);
	add_site_nodes(w, burst_id, "burst", 4, true, 17);
	world_follow_curve(w, oslo_id, oslo, ARRAY_LEN(oslo), 360, 20, 50);
	world_follow_curve(w, london_id, london, ARRAY_LEN(london), 360, 20, 50);
	return w;
}
