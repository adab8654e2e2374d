/* Inside clients/ec2: one of EC2's short listings, page by page, as trees. */
#ifndef BURSTD_CLIENTS_EC2_LISTING_H
#define BURSTD_CLIENTS_EC2_LISTING_H

#include "clients/ec2/ec2.h"
#include "clients/ec2/xml.h"

struct ec2_listing {
	const char *action; /* "DescribeSubnets" */
	const char *filter; /* "subnet-id" */
	const char *const *values;
	size_t n_values;
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

/* AWS's clock minus ours, as of the last answer; 0 within 2 s. */
int64_t ec2_server_offset(const struct ec2_client *);

#endif
