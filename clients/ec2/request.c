/* Owns the wire form of the actions that burstd uses. Everything it puts is percent-encoded. */
#include "clients/ec2/request.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "clients/ec2/query.h"
#include "fleet/report.h"

#define PAGE_ITEMS 1000 /* the most that EC2 allows */

void ec2_put_action(struct buf *b, const char *action)
{
	buf_printf(b, "Action=%s&Version=2016-11-15", action);
}

/* In a filter * and ? stand for other characters; a tag value may hold them, and then means them. */
static void put_literally(struct buf *b, const char *value)
{
	for (; *value; value++) {
		char one[2] = {*value, '\0'};

		if (strchr("*?\\", *value))
			buf_put_urlencoded(b, "\\");
		buf_put_urlencoded(b, one);
	}
}

void ec2_put_filter(struct buf *b, size_t number, const char *name, const char *const *values, size_t n,
		    bool wildcards)
{
	assert(n > 0 && n <= LIMIT_EC2_FILTER_VALUES);
	buf_printf(b, "&Filter.%zu.Name=", number);
	buf_put_urlencoded(b, name);
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "&Filter.%zu.Value.%zu=", number, i + 1);
		if (wildcards)
			buf_put_urlencoded(b, values[i]);
		else
			put_literally(b, values[i]);
	}
}

/* MaxResults goes with filters only: together with a list of ids EC2 refuses it. */
void ec2_put_page(struct buf *b, const char *token)
{
	buf_printf(b, "&MaxResults=%d", PAGE_ITEMS);
	if (token && *token)
		aws_put_pair(b, "NextToken", token);
}

void ec2_put_describe(struct buf *b, const char *action, const char *filter, const char *const *values,
		      size_t n, const char *token)
{
	ec2_put_action(b, action);
	ec2_put_filter(b, 1, filter, values, n, false);
	ec2_put_page(b, token);
}

void ec2_put_describe_tagged(struct buf *b, const char *tag_value, const char *token)
{
	ec2_put_describe(b, "DescribeInstances", "tag:" TAG_NAME, &tag_value, 1, token);
}

void ec2_put_describe_addresses(struct buf *b, const char *const *addresses, size_t n, const char *token)
{
	ec2_put_describe(b, "DescribeInstances", EC2_FILTER_ADDRESS, addresses, n, token);
}

void ec2_put_describe_instance(struct buf *b, const char *instance_id, const char *token)
{
	ec2_put_describe(b, "DescribeInstances", "instance-id", &instance_id, 1, token);
}

static void put_power(struct buf *b, const char *action, const char *instance_id, bool dry_run)
{
	ec2_put_action(b, action);
	aws_put_pair(b, "InstanceId.1", instance_id);
	if (dry_run)
		aws_put_pair(b, "DryRun", "true");
}

void ec2_put_start(struct buf *b, const char *instance_id, bool dry_run)
{
	put_power(b, "StartInstances", instance_id, dry_run);
}

/* Never with Force: EC2 would cut the power without a clean shutdown. */
void ec2_put_stop(struct buf *b, const char *instance_id, bool dry_run)
{
	put_power(b, "StopInstances", instance_id, dry_run);
}
