/* Inside clients/ec2: one of EC2's short listings, page by page, as trees; and a change with its answer as a tree. */
#ifndef BURSTD_CLIENTS_EC2_LISTING_H
#define BURSTD_CLIENTS_EC2_LISTING_H

#include "clients/ec2/ec2.h"
#include "clients/ec2/limiter.h"
#include "clients/ec2/xml.h"

struct ec2_listing {
	const char *action; /* "DescribeSubnets" */
	const char *filter; /* "subnet-id" */
	const char *const *values;
	size_t n_values;
	bool wildcards;      /* * and ? in the values stand for other characters */
	bool unpaged;        /* the action knows neither MaxResults nor tokens */
	const char *more;    /* further parameters in their wire form, "&Owner.1=..."; NULL = none */
	struct arena *arena; /* the trees live here */
	/* One page's root. false = out of memory. */
	bool (*take)(void *self, const struct xml *root);
	void *self;
};

/*
 * LIMIT_EC2_FILTER_VALUES values a request, all pages, with the attempts of a describe. No values: nothing is asked, because no
 * value would mean everything. false fills `e`; pages that came before were taken.
 */
bool ec2_list(struct ec2_client *, const struct ec2_listing *, struct upstream_error *e);

/* A change: sent once, because its caller holds the attempts. */
struct ec2_change {
	const char *action;
	enum ec2_bucket bucket;
	const struct buf *body;
	struct arena *arena; /* the answer's tree lives here */
};
/* Expired credentials are refreshed and the call repeated once. false fills `e`; its class is UPSTREAM_OK for DryRunOperation. */
bool ec2_change(struct ec2_client *, const struct ec2_change *, const struct xml **ret_root,
		struct upstream_error *e);

/* Fills `e` for a good status with an unusable answer: what came of a change is not known. Returns false. */
bool ec2_bad_answer(const struct ec2_client *, const char *action, struct upstream_error *e, const char *why);
bool ec2_out_of_memory(struct upstream_error *e);

/* The value of the tag in an item with a tagSet; NULL = it has none of that key. */
const char *ec2_tag_of(const struct xml *item, const char *key);
/* The rules of an item of DescribeSecurityGroups, one towards each peer, texts in the tree; `out` NULL counts them. */
size_t ec2_rules_of(const struct xml *group, struct group_rule *out);

/* AWS's clock minus ours, as of the last answer; 0 within 2 s. */
int64_t ec2_server_offset(const struct ec2_client *);

#endif
