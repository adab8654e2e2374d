/* The bursting settings (/v1/bursting) as operators set them, and the holds of RULE S8. */
#ifndef BURSTD_FLEET_SETTINGS_H
#define BURSTD_FLEET_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum burst_mode { MODE_OBSERVE, MODE_CONTROL };

#define TAG_VALUE_SIZE 257 /* EC2: a tag value has at most 256 characters */

/*
 * One row a number that an operator can set: field, JSON and column name, least, most, default.
 * Defaults are those of docs/bursting.md. All durations are real durations: scaling happens in struct burst_params.
 */
#define BURSTING_NUMBERS(X)                                                                                  \
	X(bursting_threshold, 1, 10000, 5)                                                                   \
	X(minimum_lifetime_minutes, 5, 10080, 50)                                                            \
	X(poll_infinity_seconds, 1, 60, 10)                                                                  \
	X(poll_ec2_seconds, 1, 60, 15)                                                                       \
	X(start_timeout_minutes, 1, 120, 10)                                                                 \
	X(replication_wait_seconds, 30, 3600, 90)                                                            \
	X(refused_rest_minutes, 1, 1440, 5)                                                                  \
	X(node_capacity_hd, 1, 1000, 17)                                                                     \
	X(approaching_margin_hd, 0, 1000, 2)

struct bursting_settings {
	bool enabled;                   /* bursting off until enabled */
	enum burst_mode mode;           /* observe: decide and show, act only on an operator's word */
	char tag_value[TAG_VALUE_SIZE]; /* "" = host name of the Management Node */
#define X(name, least, most, preset) int name;
	BURSTING_NUMBERS(X)
#undef X
	char aws_access_key_id[129];       /* "" = the usual credential chain */
	bool aws_secret_access_key_set;    /* the key itself stays in the store, sealed */
	bool allow_lifecycle;              /* life-cycle operations may be asked for */
	char lifecycle_access_key_id[129]; /* "" = those operations use the credentials of bursting */
	bool lifecycle_secret_access_key_set;
	int64_t version; /* grows with each change: the ETag's source */
};

extern const struct bursting_settings bursting_defaults;

const char *burst_mode_text(enum burst_mode);
int burst_mode_from_text(const char *, enum burst_mode *ret);

/* RULE S8. Either `location` and `count`, or `nodes`. */
struct hold {
	int64_t id;
	int64_t location; /* 0 = named nodes */
	int count;
	int64_t *nodes; /* owned by the list that holds the hold */
	size_t n_nodes;
	int64_t until; /* wall clock; the hold is over at this instant */
	const char *reason;
	const char *owner; /* token name, or "schedule:<name>" */
	int64_t created_at;
};

#endif
