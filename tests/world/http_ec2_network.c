/*
 * The network of the world's instances: one VPC, one subnet, one network ACL and one security group in each region, as the deployment
 * guide wants them, and with what the control port's command "network" makes different.
 */
#include "fleet/guide.h"
#include "tests/world/http_ec2.h"

void ec2_put_place(const struct ec2_call *c, const struct ec2_instance *i)
{
	const struct world_network *n = &c->world->network;
	struct buf *b = &c->reply->body;
	size_t len = strlen(i->addresses[0]);

	/* with two VPCs, an instance belongs to the one that its address's last digit says */
	ec2_element(b, "vpcId",
		    n->two_vpcs && i->addresses[0][len - 1] & 1 ? "vpc-0world00000000002"
								: "vpc-0world00000000001");
	ec2_element(b, "subnetId", WORLD_SUBNET);
	ec2_element(b, "keyName", n->no_key ? NULL : "node-key");
	buf_puts(b, "<groupSet><item>");
	ec2_element(b, "groupId", WORLD_GROUP);
	ec2_element(b, "groupName", "conferencing-nodes");
	buf_puts(b, "</item></groupSet>");
}

static void put_number(struct buf *b, const char *name, int number)
{
	buf_printf(b, "<%s>%d</%s>", name, number, name);
}

static void put_peer(struct buf *b, const struct guide_rule *rule, bool to_anyone)
{
	bool group = rule->peer == GUIDE_OWN_GROUP && !to_anyone;

	buf_puts(b, group ? "<groups><item>" : "<groups/><ipRanges><item>");
	if (group)
		ec2_element(b, "groupId", WORLD_GROUP);
	else
		ec2_element(b, "cidrIp",
			    rule->peer == GUIDE_MANAGEMENT && !to_anyone ? "192.0.2.0/24" : "0.0.0.0/0");
	buf_puts(b, group ? "</item></groups><ipRanges/>" : "</item></ipRanges>");
	buf_puts(b, "<ipv6Ranges/><prefixListIds/>");
}

static void put_rule(struct buf *b, const struct guide_rule *rule, bool to_anyone)
{
	bool all = !strcmp(rule->protocol, "all");

	buf_puts(b, "<item>");
	ec2_element(b, "ipProtocol", all ? "-1" : rule->protocol);
	if (!all) {
		put_number(b, "fromPort", rule->from);
		put_number(b, "toPort", rule->to);
	}
	put_peer(b, rule, to_anyone);
	buf_puts(b, "</item>");
}

static void put_rules(struct ec2_call *c, enum guide_direction direction)
{
	const struct world_network *w = &c->world->network;
	struct buf *b = &c->reply->body;
	size_t n;
	const struct guide_rule *rules = guide_rules(&n);

	for (size_t i = 0; i < n; i++)
		if (rules[i].direction == direction && strcmp(rules[i].id, w->without_rule) != 0)
			put_rule(b, &rules[i], !strcmp(rules[i].id, w->open_rule));
	if (direction == GUIDE_INBOUND && w->open_port)
		buf_printf(b,
			   "<item><ipProtocol>tcp</ipProtocol><fromPort>%d</fromPort><toPort>%d</"
			   "toPort><ipRanges><item>"
			   "<cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>",
			   w->open_port, w->open_port);
}

static void put_groups(struct ec2_call *c)
{
	struct buf *b = &c->reply->body;

	buf_puts(b, "<securityGroupInfo><item>");
	ec2_element(b, "groupId", WORLD_GROUP);
	ec2_element(b, "groupName", "conferencing-nodes");
	buf_puts(b, "<ipPermissions>");
	put_rules(c, GUIDE_INBOUND);
	buf_puts(b, "</ipPermissions><ipPermissionsEgress>");
	put_rules(c, GUIDE_OUTBOUND);
	buf_puts(b, "</ipPermissionsEgress></item></securityGroupInfo>");
}

static void put_subnets(struct ec2_call *c)
{
	struct buf *b = &c->reply->body;

	buf_puts(b, "<subnetSet><item>");
	ec2_element(b, "subnetId", WORLD_SUBNET);
	ec2_element(b, "cidrBlock", "172.31.0.0/20");
	buf_puts(b, "</item></subnetSet>");
}

static void put_entry(struct buf *b, int number, const char *protocol, bool allow, bool egress)
{
	buf_puts(b, "<item>");
	put_number(b, "ruleNumber", number);
	ec2_element(b, "protocol", protocol);
	ec2_element(b, "ruleAction", allow ? "allow" : "deny");
	ec2_element(b, "egress", egress ? "true" : "false");
	ec2_element(b, "cidrBlock", "0.0.0.0/0");
	buf_puts(b, "</item>");
}

static void put_acls(struct ec2_call *c)
{
	const char *denied = c->world->network.acl_denies;
	struct buf *b = &c->reply->body;

	buf_puts(b, "<networkAclSet><item>");
	ec2_element(b, "networkAclId", "acl-0world00000000001");
	buf_puts(b, "<entrySet>");
	for (int egress = 0; egress < 2; egress++) {
		put_entry(b, 32767, "-1", false, egress);
		put_entry(b, 100, "-1", true, egress);
		if (*denied)
			put_entry(b, 90, denied, false, egress);
	}
	buf_puts(b, "</entrySet><associationSet><item>");
	ec2_element(b, "subnetId", WORLD_SUBNET);
	buf_puts(b, "</item></associationSet></item></networkAclSet>");
}

static const struct {
	const char *action;
	void (*put)(struct ec2_call *);
} actions[] = {
	{"DescribeSecurityGroups", put_groups},
	{"DescribeSubnets", put_subnets},
	{"DescribeNetworkAcls", put_acls},
};

bool ec2_serve_network(struct ec2_call *c, const char *action)
{
	static const struct verdict denied = {"UnauthorizedOperation", 403,
					      "You are not authorized to perform this operation."};

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (strcmp(actions[i].action, action) != 0)
			continue;
		if (!strcmp(c->world->network.unreadable, action)) {
			ec2_refuse(c, denied);
			return true;
		}
		ec2_open_answer(c, action);
		actions[i].put(c);
		buf_printf(&c->reply->body, "</%sResponse>", action);
		return true;
	}
	return false;
}
