/*
 * Surveys: slow looks at what moves seldom (the network of the nodes in AWS, permissions, the platform's own configuration). Each
 * leaves findings, which the join puts among the picture's issues with the survey's age. One that was not read is a finding itself:
 * a failed read never means that all is well.
 */
#ifndef BURSTD_FLEET_SURVEY_H
#define BURSTD_FLEET_SURVEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "fleet/check.h"
#include "fleet/survey_report.h"

struct survey_finding {
	enum check_id check;
	const char *subject;
	const char *message;
};

struct survey {
	const char *name;
	int64_t observed_at; /* when it began; 0 = not made yet */
	int unread;          /* reads that failed */
	struct survey_finding *findings;
	size_t n;
	size_t cap;
	struct arena *arena; /* owns everything above */
};

/* Without findings; NULL when out of memory. One owner, one thread. */
struct survey *survey_new(const char *name, int64_t observed_at);
void survey_free(struct survey *); /* NULL is fine */
DEFINE_FREEP(struct survey, survey_free)

/* Adds a finding; the same check about the same subject only once. What does not fit into memory is left out. */
void survey_find(struct survey *, enum check_id, const char *subject, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* --- judging: what was read against the guide's tables. Pure. ---------------------------------------------------- */

/* What a survey of a region's network is judged with. */
struct network_scope {
	const char *source; /* "ec2:eu-west-2" */
	const char *const
		*addresses; /* private addresses of all Conferencing Nodes and the Management Node */
	size_t n_addresses;
	const char *management_address; /* NULL = not known */
	size_t n_nodes;                 /* Conferencing Nodes of the platform */
	int platform_hd;                /* HD calls that its transcoding nodes take, all up */
	int api_per_minute;             /* burstd's own requests to the management API; -1 = not known */
	const struct node_placement *placements; /* of those that are known */
	size_t n_placements;
};
/*
 * The guide leaves "significant use of the management API" open. Ours: from a tenth of the 1,000 requests a minute that Infinity
 * lets through, which is twice what burstd needs for a platform of ordinary size.
 */
#define API_USE_SIGNIFICANT 100

/* survey_network.c: security groups, network ACLs, subnets, VPCs, key pairs, size of the Management Node, AWS's clock. */
void survey_judge_network(struct survey *, const struct network_report *, const struct network_scope *);
/* survey_platform.c: DNS, NTP, licences, certificates; `n_regions` that are configured. */
void survey_judge_platform(struct survey *, const struct platform_report *, size_t n_regions);
/* Reads that failed become findings about `source`. */
void survey_unread(struct survey *, const struct unread_list *, const char *source);

#endif
