/*
 * EC2 Query API client: build a request, send it, parse the answer (docs/upstream.md). RULE E8: nothing here can
 * terminate, create or retag. POST / only, signed by libcurl's SigV4.
 * One client per thread and region; credentials and the limiter are shared between them and lock themselves.
 */
#ifndef BURSTD_CLIENTS_EC2_EC2_H
#define BURSTD_CLIENTS_EC2_EC2_H

#include "base/clock.h"
#include "clients/ec2/credentials.h"
#include "clients/transport.h"
#include "fleet/report.h"
#include "fleet/survey_report.h"

/* Client-side token bucket, one per region (docs/upstream.md, "Throttling"): shared by the region's threads, locks itself. */
struct ec2_limiter;
struct ec2_limiter *ec2_limiter_new(const struct clock *, double time_scale);
void ec2_limiter_free(struct ec2_limiter *);
DEFINE_FREEP(struct ec2_limiter, ec2_limiter_free)

struct ec2_client;
struct ec2_client_options {
	const char *region;
	const char *endpoint; /* NULL = ec2.REGION's public host; "{region}" in it is replaced */
	struct transport transport;
	struct credentials *credentials;       /* borrowed */
	struct ec2_limiter *limiter;           /* borrowed */
	const struct clock *clock;             /* borrowed */
	double time_scale;                     /* waits between attempts are divided by it */
	void (*pause)(void *self, int64_t ms); /* sleeps; returns early on shutdown. NULL = real sleep */
	void *pause_self;
	struct upstream_tally *tally; /* borrowed; NULL = nobody counts */
};
/* NULL when out of memory, or where the endpoint is too long. Copies region and endpoint; one owner. */
struct ec2_client *ec2_client_new(const struct ec2_client_options *);
void ec2_client_free(struct ec2_client *);
DEFINE_FREEP(struct ec2_client, ec2_client_free)

/* Whether burstd works with the region: China is refused (guide, "Limitations"). false fills `why` (>= 200 bytes). */
bool ec2_region_supported(const char *region, char *why, size_t why_size);
/* The partition as an ARN names it: "aws", "aws-us-gov", ... Static string. */
const char *ec2_region_partition(const char *region);

/*
 * DescribeInstances with tag:pexip-cloud = tag_value, all pages. Up to 3 attempts on retryable failures, backoff with
 * full jitter. true: *ret_report is the caller's. false: `e` filled, nothing returned: half a list is never returned.
 */
bool ec2_describe_tagged(struct ec2_client *, const char *tag_value, struct ec2_report **ret_report,
			 struct upstream_error *e);
/* The same by private address (all interfaces), LIMIT_EC2_FILTER_VALUES a request: finds nodes without the right tag. */
bool ec2_describe_addresses(struct ec2_client *, const char *const *addresses, size_t n,
			    struct ec2_report **ret_report, struct upstream_error *e);
/* One instance by the instance-id filter (an unknown id gives an empty report, not an error). */
bool ec2_describe_instance(struct ec2_client *, const char *instance_id, struct ec2_report **ret_report,
			   struct upstream_error *e);

/*
 * What a survey reads of the instances at these private addresses: where they are, their security groups, network ACLs and
 * subnets. DescribeInstances must succeed (false fills `e`); of the other reads, those that fail are noted in the report.
 */
bool ec2_survey_network(struct ec2_client *, const char *const *addresses, size_t n,
			struct network_report **ret, struct upstream_error *e);

struct ec2_state_change {
	enum instance_state previous;
	enum instance_state current;
};
/*
 * One attempt each (the caller's intent holds the attempts). Expired credentials are refreshed and the call repeated
 * once. With dry_run, permission present is UPSTREAM_OK with *ret untouched.
 */
bool ec2_start_instance(struct ec2_client *, const char *instance_id, bool dry_run,
			struct ec2_state_change *ret, struct upstream_error *e);
bool ec2_stop_instance(struct ec2_client *, const char *instance_id, bool dry_run,
		       struct ec2_state_change *ret, struct upstream_error *e);

/* Sorts an error code (docs/upstream.md, "Errors"); http_status decides only where the code is unknown. Pure. */
enum upstream_class ec2_error_class(const char *code, int http_status);

#endif
