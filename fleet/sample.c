/* What a sample consists of, and what a row of them says about the next minutes. Pure functions. */
#include "fleet/sample.h"

#include <math.h>

bool sample_make(const struct picture *p, const struct location *l, struct sample *ret)
{
	if (!p->infinity_fresh)
		return false;
	*ret = (struct sample){.time = p->made_at,
			       .location = l->id,
			       .samples = 1,
			       .free_hd = l->free_hd,
			       .free_hd_min = l->free_hd,
			       .free_hd_max = l->free_hd,
			       .max_hd = l->max_hd,
			       .threshold = l->threshold,
			       .media_load = l->media_load,
			       .nodes_known = p->ec2_fresh};
	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++)
		if (p->nodes[i].bursting)
			ret->nodes[p->nodes[i].phase]++;
	return true;
}

static bool is_reached(const struct sample *s) /* RULE S1 */
{
	return s->free_hd_min <= s->threshold;
}

bool sample_differs(const struct sample *before, const struct sample *now)
{
	bool differs = before->max_hd != now->max_hd || before->threshold != now->threshold ||
		       is_reached(before) != is_reached(now) || before->nodes_known != now->nodes_known;

	for (int i = 0; i < PHASE_COUNT; i++)
		differs |= before->nodes[i] != now->nodes[i];
	return differs;
}

double ramp_minutes(const struct ramp *r, int64_t window_ms, int free_hd, int threshold)
{
	double spread = r->xx - r->x * r->x;
	double slope;

	if (r->samples < RAMP_SAMPLES || r->last - r->first < window_ms / 3 || spread <= 0)
		return NAN;
	if (free_hd <= threshold)
		return 0;
	slope = (r->xy - r->x * r->y) / spread;
	if (-slope * (double)window_ms / MS_PER_MINUTE < RAMP_LEAST_HD)
		return NAN;
	return (free_hd - threshold) / -slope;
}
