#include "fleet/settings.h"

#include <string.h>

#include "fleet/picture.h"
#include "fleet/sample.h"

const struct bursting_settings bursting_defaults = {.enabled = false,
						    .mode = MODE_CONTROL,
#define X(name, least, most, preset) .name = (preset),
						    BURSTING_NUMBERS(X)
#undef X
};

const char *burst_mode_text(enum burst_mode mode)
{
	return mode == MODE_CONTROL ? "control" : "observe";
}

int burst_mode_from_text(const char *text, enum burst_mode *ret)
{
	if (!strcmp(text, "control"))
		*ret = MODE_CONTROL;
	else if (!strcmp(text, "observe"))
		*ret = MODE_OBSERVE;
	else
		return -1;
	return 0;
}

static int64_t scaled(int64_t ms, double scale)
{
	double real = (double)ms / scale;

	return real < 1 ? 1 : (int64_t)real;
}

#define STATUS_FRESH_MS                                                                                      \
	(3 * MS_PER_MINUTE) /* docs/upstream.md, "Load": eligible while last_updated <= 3 min */
#define FIGURES_MS         (60 * MS_PER_SECOND) /* RULE D1 */
#define SETTLE_MS          (20 * MS_PER_SECOND) /* RULE D4: EC2 is eventually consistent for "some seconds" */
#define FAILED_RECENTLY_MS (60 * MS_PER_MINUTE) /* RULE S6: "recent" */

struct burst_params burst_params_make(const struct bursting_settings *s, double scale)
{
	int64_t poll_infinity = s->poll_infinity_seconds * MS_PER_SECOND;
	int64_t poll_ec2 = s->poll_ec2_seconds * MS_PER_SECOND;

	return (struct burst_params){
		.lifetime_ms = scaled(s->minimum_lifetime_minutes * MS_PER_MINUTE, scale),
		.poll_infinity_ms = scaled(poll_infinity, scale),
		.poll_ec2_ms = scaled(poll_ec2, scale),
		.start_timeout_ms = scaled(s->start_timeout_minutes * MS_PER_MINUTE, scale),
		.replication_wait_ms = scaled(s->replication_wait_seconds * MS_PER_SECOND, scale),
		.refused_rest_ms = scaled(s->refused_rest_minutes * MS_PER_MINUTE, scale),
		.failed_recently_ms = scaled(FAILED_RECENTLY_MS, scale),
		.fresh_infinity_ms = scaled(3 * poll_infinity, scale), /* RULE D1: three poll intervals */
		.fresh_ec2_ms = scaled(3 * poll_ec2, scale),
		.figures_ms = scaled(FIGURES_MS, scale),
		.status_ms = scaled(STATUS_FRESH_MS, scale),
		.settle_ms = scaled(SETTLE_MS, scale),
		.ramp_ms = scaled(RAMP_WINDOW_MS, scale),
		.node_capacity_hd = s->node_capacity_hd,
		.approaching_margin_hd = s->approaching_margin_hd,
		.threshold = s->bursting_threshold,
	};
}
