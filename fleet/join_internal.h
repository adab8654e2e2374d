/* Shared by the files of the join (join.c, carry.c, issues.c); nobody else includes it. */
#ifndef BURSTD_FLEET_JOIN_INTERNAL_H
#define BURSTD_FLEET_JOIN_INTERNAL_H

#include "fleet/join.h"

/* An instance found at a node's address, and how much its list can be trusted. */
struct found_instance {
	const struct ec2_instance *instance; /* in the report; NULL = none found */
	const struct ec2_report
		*list;  /* the list that shows it, else the tag list of its region; NULL = never heard */
	bool ambiguous; /* two tagged instances claim the address */
};

struct join {
	const struct join_input *in;
	struct picture *picture;
	struct track_table *tracks;
	struct arena *arena; /* the picture's */
	struct event *events;
	size_t n_events;
	size_t cap_events;
};

/* Appends an event about a node; `reason` by format. Overflow of the arena is noticed at the end of the join. */
struct node;
void join_event(struct join *, enum event_type, const struct node *, const char *actor, const char *rule,
		const char *format, ...) __attribute__((format(printf, 6, 7)));

/*
 * Carries the track of a bursting node forward (RULES D2, D3, D4, E1, S4) and fills the node's phase and clocks from
 * it. `status` is the node's row in the Infinity report.
 */
void join_carry(struct join *, struct node *, struct node_track *, const struct infinity_node *status,
		const struct found_instance *);

/* Fills picture->issues (RULE V5 and the state of sources and nodes) and picture->surveys. */
void join_issues(struct join *);

/* The issues under way. What does not fit into memory is left out, which the end of the join notices. */
struct issues;
void issue_add(struct issues *, enum check_id, const char *subject, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Orphans, and capacity against the guide's figures (orphans.c). */
void join_orphans(struct issues *, const struct join *);

#endif
