/*
 * The ports that the reconciler is given: the outside world as functions. In production the clients stand behind
 * them, in the simulation the embedded world does.
 */
#ifndef BURSTD_RECONCILE_PORTS_H
#define BURSTD_RECONCILE_PORTS_H

#include "clients/ec2/ec2.h"
#include "fleet/location.h"
#include "fleet/report.h"
#include "fleet/survey_report.h"
#include "fleet/upstream.h"

struct infinity_port {
	bool (*observe)(void *self, bool participants, struct infinity_report **ret, struct upstream_error *);
	bool (*set_maintenance)(void *self, int64_t node, bool on, const char *reason,
				struct upstream_error *);
	bool (*start_cloudnode)(void *self, const char *instance_id, struct upstream_error *);
	/* clients/infinity/infinity.h has their promises; *ret_id of find is 0 where there is none */
	bool (*find_location)(void *self, const char *name, int64_t *ret_id, struct upstream_error *);
	bool (*create_location)(void *self, const struct location_change *, int64_t *ret_id,
				struct upstream_error *);
	bool (*update_location)(void *self, int64_t id, const struct location_change *,
				struct upstream_error *);
	bool (*delete_location)(void *self, int64_t id, struct upstream_error *);
	void *self;
};

struct ec2_port {
	bool (*describe_tagged)(void *self, const char *tag_value, struct ec2_report **ret,
				struct upstream_error *);
	bool (*describe_addresses)(void *self, const char *const *addresses, size_t n,
				   struct ec2_report **ret, struct upstream_error *);
	bool (*describe_instance)(void *self, const char *instance_id, struct ec2_report **ret,
				  struct upstream_error *);
	bool (*start)(void *self, const char *instance_id, struct ec2_state_change *ret,
		      struct upstream_error *);
	bool (*stop)(void *self, const char *instance_id, struct ec2_state_change *ret,
		     struct upstream_error *);
	void *self;
};

/* What surveys ask: reads and dry runs alone. */
struct infinity_survey_port {
	bool (*platform)(void *self, struct platform_report **ret, struct upstream_error *);
	void *self;
};

struct ec2_survey_port {
	bool (*network)(void *self, const char *const *addresses, size_t n, struct network_report **ret,
			struct upstream_error *);
	/* Dry runs: true = it would be allowed. */
	bool (*may_start)(void *self, const char *instance_id, struct upstream_error *);
	bool (*may_stop)(void *self, const char *instance_id, struct upstream_error *);
	void *self;
};

#endif
