/* Synthetic platforms of any size: the reports of both upstream systems, and the picture that the join makes of them. */
#ifndef BURSTD_TESTS_BENCH_PLATFORM_H
#define BURSTD_TESTS_BENCH_PLATFORM_H

#include "fleet/join.h"

struct platform_size {
	int principals;      /* each with an overflow location of its own */
	int always_on_nodes; /* in each principal */
	int burst_nodes; /* in each overflow location: running and busy, running and idle, and stopped in turn */
};

struct platform {
	int64_t now;
	struct bursting_settings settings;
	struct infinity_report *infinity;
	struct ec2_report *ec2;
	struct track_table tracks;
};

/* Half of the principals are short. Ends the program when out of memory; platform_free. */
void platform_make(struct platform *, struct platform_size);
void platform_free(struct platform *);
/* One join, from the tracks of the platform into `tracks`; the caller's reference. */
struct picture *platform_join(const struct platform *, struct track_table *tracks);
/* The picture after two reads, so that idle nodes are known to be idle. The caller's reference. */
struct picture *platform_picture(struct platform *);

#endif
