/* Owns the wire form of the actions of life-cycle operations (docs/upstream.md, "Life-cycle actions"). */
#include "clients/ec2/manage_request.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "clients/ec2/query.h"
#include "clients/ec2/request.h"

/* "&PREFIX.Tag.1.Key=...&PREFIX.Tag.1.Value=..." */
static void put_tags(struct buf *b, const char *prefix, const struct managed_tag *tags, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "&%sTag.%zu.Key=", prefix, i + 1);
		buf_put_urlencoded(b, tags[i].key);
		buf_printf(b, "&%sTag.%zu.Value=", prefix, i + 1);
		buf_put_urlencoded(b, tags[i].value);
	}
}

/* Tags given at creation; nothing without tags. */
static void put_specification(struct buf *b, size_t number, const char *resource,
			      const struct managed_tag *tags, size_t n)
{
	char prefix[40];

	if (!n)
		return;
	(void)snprintf(prefix, sizeof(prefix), "TagSpecification.%zu.", number);
	buf_printf(b, "&%sResourceType=%s", prefix, resource);
	put_tags(b, prefix, tags, n);
}

void manage_put_launch(struct buf *b, const struct managed_launch *l)
{
	static const char *const tagged[] = {"instance", "volume", "network-interface"};

	ec2_put_action(b, MANAGE_LAUNCH);
	aws_put_pair(b, "ImageId", l->image);
	aws_put_pair(b, "InstanceType", l->type);
	buf_puts(b, "&MinCount=1&MaxCount=1");
	if (l->key_name && *l->key_name)
		aws_put_pair(b, "KeyName", l->key_name);
	aws_put_pair(b, "ClientToken", l->client_token);
	aws_put_pair(b, "Placement.Tenancy", l->tenancy);
	buf_puts(b, "&NetworkInterface.1.DeviceIndex=0");
	aws_put_pair(b, "NetworkInterface.1.SubnetId", l->subnet);
	for (size_t i = 0; i < l->n_groups; i++) {
		buf_printf(b, "&NetworkInterface.1.SecurityGroupId.%zu=", i + 1);
		buf_put_urlencoded(b, l->groups[i]);
	}
	aws_put_pair(b, "NetworkInterface.1.AssociatePublicIpAddress", l->public_address ? "true" : "false");
	for (size_t i = 0; i < ARRAY_LEN(tagged); i++)
		put_specification(b, i + 1, tagged[i], l->tags, l->n_tags);
}

void manage_put_id(struct buf *b, const char *action, const char *parameter, const char *id)
{
	ec2_put_action(b, action);
	aws_put_pair(b, parameter, id);
}

void manage_put_attribute(struct buf *b, const char *instance, const char *attribute, const char *value)
{
	manage_put_id(b, MANAGE_MODIFY, "InstanceId", instance);
	aws_put_pair(b, attribute, value);
}

void manage_put_tag(struct buf *b, const char *resource, const struct managed_tag *tags, size_t n)
{
	manage_put_id(b, MANAGE_TAG, "ResourceId.1", resource);
	put_tags(b, "", tags, n);
}

void manage_put_untag(struct buf *b, const char *resource, const char *key)
{
	manage_put_id(b, MANAGE_UNTAG, "ResourceId.1", resource);
	aws_put_pair(b, "Tag.1.Key", key);
}

void manage_put_allocate(struct buf *b, const struct managed_tag *tags, size_t n)
{
	ec2_put_action(b, MANAGE_ALLOCATE);
	buf_puts(b, "&Domain=vpc");
	put_specification(b, 1, "elastic-ip", tags, n);
}

void manage_put_associate(struct buf *b, const char *allocation, const char *instance)
{
	manage_put_id(b, MANAGE_ASSOCIATE, "AllocationId", allocation);
	aws_put_pair(b, "InstanceId", instance);
	buf_puts(b, "&AllowReassociation=false");
}

void manage_put_create_group(struct buf *b, const char *name, const char *description, const char *vpc,
			     const struct managed_tag *tags, size_t n)
{
	manage_put_id(b, MANAGE_CREATE_GROUP, "GroupName", name);
	aws_put_pair(b, "GroupDescription", description);
	aws_put_pair(b, "VpcId", vpc);
	put_specification(b, 1, "security-group", tags, n);
}

static bool one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

/* TCP and UDP need both ports; ICMP has type and code there, -1 = any; other protocols have none. */
static void put_ports(struct buf *b, size_t number, const struct group_rule *r)
{
	static const char *const with_ports[] = {"tcp", "udp", "6", "17", NULL};
	static const char *const with_types[] = {"icmp", "icmpv6", "1", "58", NULL};
	int from = r->from, to = r->to;

	if (one_of(r->protocol, with_ports)) {
		from = from < 0 ? 0 : from;
		to = to < 0 ? 65535 : to;
	} else if (!one_of(r->protocol, with_types)) {
		return;
	}
	buf_printf(b, "&IpPermissions.%zu.FromPort=%d&IpPermissions.%zu.ToPort=%d", number, from, number, to);
}

static void put_rule(struct buf *b, size_t number, const struct group_rule *r)
{
	buf_printf(b, "&IpPermissions.%zu.IpProtocol=", number);
	buf_put_urlencoded(b, r->protocol);
	put_ports(b, number, r);
	if (r->group)
		buf_printf(b, "&IpPermissions.%zu.Groups.1.GroupId=", number);
	else if (strchr(r->cidr, ':'))
		buf_printf(b, "&IpPermissions.%zu.Ipv6Ranges.1.CidrIpv6=", number);
	else
		buf_printf(b, "&IpPermissions.%zu.IpRanges.1.CidrIp=", number);
	buf_put_urlencoded(b, r->group ? r->group : r->cidr);
}

void manage_put_rules(struct buf *b, const char *action, const char *group, const struct group_rule *rules,
		      size_t n)
{
	manage_put_id(b, action, "GroupId", group);
	for (size_t i = 0; i < n; i++)
		put_rule(b, i + 1, &rules[i]);
}

void manage_put_dry_run(struct buf *b)
{
	buf_puts(b, "&DryRun=true");
}
