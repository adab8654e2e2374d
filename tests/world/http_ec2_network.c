/*
 * The network of the world's instances: one VPC with its subnets, one network ACL, and security groups: the one of the beginning, as the
 * deployment guide wants it, with what the control port's command "network" makes different, and those made through the API.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "fleet/guide.h"
#include "tests/world/http_ec2.h"

#define RULES_MOST 60

struct group *ec2_group(struct ec2_call *c, const char *id)
{
	for (size_t i = 0; i < c->world->n_groups; i++) {
		struct group *g = &c->world->groups[i];

		if (!g->gone && (g->region < 0 || g->region == c->region) && !strcmp(g->id, id))
			return g;
	}
	return NULL;
}

static void put_instance_groups(const struct ec2_call *c, const struct vm *v)
{
	struct buf *b = &c->reply->body;
	const char *first = WORLD_GROUP;
	const char **groups = v->n_groups ? v->groups : &first;

	buf_puts(b, "<groupSet>");
	for (size_t i = 0; i < (v->n_groups ? v->n_groups : 1); i++) {
		const struct group *g = ec2_group((struct ec2_call *)(uintptr_t)c, groups[i]);

		buf_puts(b, "<item>");
		ec2_element(b, "groupId", groups[i]);
		ec2_element(b, "groupName", g ? g->name : "");
		buf_puts(b, "</item>");
	}
	buf_puts(b, "</groupSet>");
}

void ec2_put_place(const struct ec2_call *c, const struct ec2_instance *i, const struct vm *v)
{
	const struct world_network *n = &c->world->network;
	struct buf *b = &c->reply->body;
	size_t len = strlen(i->addresses[0]);
	const char *key = v->made ? v->key_name : "node-key";

	/* with two VPCs, an instance belongs to the one that its address's last digit says */
	ec2_element(b, "vpcId",
		    n->two_vpcs && i->addresses[0][len - 1] & 1 ? "vpc-0world00000000002"
								: "vpc-0world00000000001");
	ec2_element(b, "subnetId", v->subnet ? v->subnet->id : WORLD_SUBNET);
	ec2_element(b, "keyName", n->no_key ? NULL : key);
	put_instance_groups(c, v);
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
		ec2_number(b, "fromPort", rule->from);
		ec2_number(b, "toPort", rule->to);
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

static void put_permission(struct buf *b, const struct permission *p)
{
	buf_puts(b, "<item>");
	ec2_element(b, "ipProtocol", p->protocol);
	if (strcmp(p->protocol, "-1") != 0) {
		ec2_number(b, "fromPort", p->from);
		ec2_number(b, "toPort", p->to);
	}
	if (p->group)
		buf_puts(b, "<groups><item>");
	else
		buf_puts(b, "<groups/><ipRanges><item>");
	ec2_element(b, p->group ? "groupId" : "cidrIp", p->group ? p->group : p->cidr);
	buf_puts(b, p->group ? "</item></groups><ipRanges/>" : "</item></ipRanges>");
	buf_puts(b, "<ipv6Ranges/><prefixListIds/></item>");
}

static void put_direction(struct ec2_call *c, const struct group *g, bool egress)
{
	const char *name = egress ? "ipPermissionsEgress" : "ipPermissions";
	struct buf *b = &c->reply->body;

	buf_printf(b, "<%s>", name);
	if (g->region < 0)
		put_rules(c, egress ? GUIDE_OUTBOUND : GUIDE_INBOUND);
	for (size_t i = 0; i < g->n_rules; i++)
		if (g->rules[i].egress == egress)
			put_permission(b, &g->rules[i]);
	buf_printf(b, "</%s>", name);
}

static void put_group(struct ec2_call *c, const struct group *g)
{
	struct buf *b = &c->reply->body;

	buf_puts(b, "<item><ownerId>111122223333</ownerId>");
	ec2_element(b, "groupId", g->id);
	ec2_element(b, "groupName", g->name);
	ec2_element(b, "groupDescription", g->description);
	ec2_element(b, "vpcId", g->vpc);
	put_direction(c, g, false);
	put_direction(c, g, true);
	ec2_put_tags(b, g->tags, g->n_tags);
	buf_puts(b, "</item>");
}

static const char *const group_filters[] = {"group-id", "group-name", "vpc-id"};

static bool group_matches(const char *name, const char *value, const void *row)
{
	const struct group *g = row;

	if (!strcmp(name, "group-id"))
		return ec2_matches(value, g->id);
	if (!strcmp(name, "group-name"))
		return ec2_matches(value, g->name);
	if (!strcmp(name, "vpc-id"))
		return ec2_matches(value, g->vpc);
	return ec2_tags_match(name, value, g->tags, g->n_tags);
}

void ec2_serve_describe_groups(struct ec2_call *c)
{
	const char *id;

	if (!ec2_filters_good(c, group_filters, ARRAY_LEN(group_filters)))
		return;
	for (int n = 1; (id = ec2_numbered(c, "GroupId.%d", n, 0)); n++) {
		if (!ec2_group(c, id)) {
			ec2_bad(c, "InvalidGroup.NotFound", "The security group does not exist");
			return;
		}
	}
	ec2_open_answer(c);
	buf_puts(&c->reply->body, "<securityGroupInfo>");
	for (size_t i = 0; i < c->world->n_groups; i++) {
		const struct group *g = &c->world->groups[i];

		if (ec2_group(c, g->id) == g && ec2_is_listed(c, "GroupId", g->id) &&
		    ec2_passes(c, group_matches, g))
			put_group(c, g);
	}
	buf_puts(&c->reply->body, "</securityGroupInfo>");
	ec2_close_answer(c);
}

/* --- groups made, filled and deleted --- */

static struct verdict check_group(struct ec2_call *c, const char *name, const char *vpc)
{
	if (strlen(name) > 255)
		return (struct verdict){"InvalidParameterValue", 400, "The group name is too long"};
	if (strcmp(vpc, "vpc-0world00000000001") != 0)
		return (struct verdict){"InvalidVpcID.NotFound", 400, "The VPC ID does not exist"};
	for (size_t i = 0; i < c->world->n_groups; i++) {
		const struct group *g = &c->world->groups[i];

		if (ec2_group(c, g->id) == g && !strcmp(g->name, name) && !strcmp(g->vpc, vpc))
			return (struct verdict){"InvalidGroup.Duplicate", 400,
						"The security group already exists"};
	}
	return (struct verdict){0};
}

void ec2_serve_create_group(struct ec2_call *c)
{
	struct world *w = c->world;
	const char *name = ec2_needed(c, "GroupName");
	const char *description = name ? ec2_needed(c, "GroupDescription") : NULL;
	const char *vpc = description ? ec2_needed(c, "VpcId") : NULL;
	struct verdict v = vpc ? check_group(c, name, vpc) : (struct verdict){0};
	struct group g = {.region = c->region};

	if (v.code)
		ec2_refuse(c, v);
	if (!vpc || v.code || !ec2_read_tags(c, "security-group", &g.tags, &g.n_tags) || ec2_dry(c))
		return;
	GROW(w->groups, w->n_groups, w->cap_groups);
	g.id = world_text(w, "sg-0%016llx",
			  (unsigned long long)chance_hash(w->options.seed ^ (w->n_groups << 16) ^ 0x56));
	g.name = world_text(w, "%s", name);
	g.description = world_text(w, "%s", description);
	g.vpc = world_text(w, "%s", vpc);
	GROW(g.rules, g.n_rules, g.cap_rules);
	/* a new group lets everything out */
	g.rules[g.n_rules++] = (struct permission){
		.egress = true, .protocol = "-1", .from = -1, .to = -1, .cidr = "0.0.0.0/0"};
	w->groups[w->n_groups++] = g;
	ec2_open_answer(c);
	ec2_element(&c->reply->body, "return", "true");
	ec2_element(&c->reply->body, "groupId", g.id);
	ec2_put_tags(&c->reply->body, g.tags, g.n_tags);
	ec2_close_answer(c);
}

/* The group named by GroupId; NULL = none, which is told. */
static struct group *asked_group(struct ec2_call *c)
{
	const char *id = ec2_needed(c, "GroupId");
	struct group *g = id ? ec2_group(c, id) : NULL;

	if (id && !g)
		ec2_bad(c, "InvalidGroup.NotFound", "The security group does not exist");
	return g;
}

static bool is_used(const struct world *w, const struct group *g)
{
	for (size_t i = 0; i < w->n_instances; i++)
		for (size_t k = 0; !w->instances[i].terminated_at && k < w->instances[i].n_groups; k++)
			if (!strcmp(w->instances[i].groups[k], g->id))
				return true;
	return g->region < 0 && w->n_instances;
}

void ec2_serve_delete_group(struct ec2_call *c)
{
	struct group *g = asked_group(c);

	if (!g)
		return;
	if (is_used(c->world, g)) {
		ec2_bad(c, "DependencyViolation", "The security group has a dependent object");
		return;
	}
	if (ec2_dry(c))
		return;
	g->gone = true;
	ec2_done(c);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Between the rules of the guide, which the group of the beginning has, too. */
static bool is_guides(const struct world *w, const struct permission *p)
{
	size_t n;
	const struct guide_rule *rules = guide_rules(&n);

	for (size_t i = 0; i < n; i++) {
		const struct guide_rule *r = &rules[i];
		bool group = r->peer == GUIDE_OWN_GROUP;
		const char *protocol = !strcmp(r->protocol, "all") ? "-1" : r->protocol;

		if (r->direction == (p->egress ? GUIDE_OUTBOUND : GUIDE_INBOUND) &&
		    strcmp(r->id, w->network.without_rule) != 0 && !strcmp(protocol, p->protocol) &&
		    (!strcmp(protocol, "-1") || (r->from == p->from && r->to == p->to)) &&
		    same_text(p->group, group ? WORLD_GROUP : NULL) &&
		    (group || same_text(p->cidr, r->peer == GUIDE_MANAGEMENT ? "192.0.2.0/24" : "0.0.0.0/0")))
			return true;
	}
	return false;
}

static struct permission *same_permission(const struct group *g, const struct permission *p)
{
	for (size_t i = 0; i < g->n_rules; i++) {
		struct permission *r = &g->rules[i];

		if (r->egress == p->egress && !strcmp(r->protocol, p->protocol) &&
		    (!strcmp(r->protocol, "-1") || (r->from == p->from && r->to == p->to)) &&
		    same_text(r->cidr, p->cidr) && same_text(r->group, p->group))
			return r;
	}
	return NULL;
}

static struct verdict check_permission(struct ec2_call *c, const struct group *g, const struct permission *p)
{
	char address[INET_ADDRSTRLEN] = "";
	struct in_addr in;
	bool duplicate = g->region < 0 && is_guides(c->world, p);

	if (p->cidr)
		(void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(p->cidr, "/"), p->cidr);
	if (!p->cidr == !p->group ||
	    (p->cidr && (!strchr(p->cidr, '/') || inet_pton(AF_INET, address, &in) != 1)))
		return (struct verdict){"InvalidPermission.Malformed", 400, "The rule is not valid"};
	if (p->group && !ec2_group(c, p->group))
		return (struct verdict){"InvalidGroup.NotFound", 400, "The security group does not exist"};
	if (strcmp(p->protocol, "-1") != 0 && strcmp(p->protocol, "icmp") != 0 &&
	    !strspn(p->protocol, "0123456789") && (p->from < 0 || p->to > 65535 || p->from > p->to))
		return (struct verdict){"InvalidPermission.Malformed", 400, "The ports are not valid"};
	if (duplicate || same_permission(g, p))
		return (struct verdict){"InvalidPermission.Duplicate", 400,
					"The specified rule already exists"};
	if (g->n_rules >= RULES_MOST)
		return (struct verdict){"RulesPerSecurityGroupLimitExceeded", 400, "The group is full"};
	return (struct verdict){0};
}

static int port_number(const char *text)
{
	return text ? (int)strtol(text, NULL, 10) : -1;
}

/* Calls fn with each permission of the request, one peer each, until one is refused. */
static struct verdict each_permission(struct ec2_call *c, struct group *g,
				      struct verdict (*fn)(struct ec2_call *, struct group *,
							   const struct permission *))
{
	struct verdict v = {0};
	const char *protocol, *peer;

	for (int n = 1; !v.code && (protocol = ec2_numbered(c, "IpPermissions.%d.IpProtocol", n, 0)); n++) {
		struct permission p = {
			.egress = strstr(c->action, "Egress") != NULL,
			.protocol = protocol,
			.from = port_number(ec2_numbered(c, "IpPermissions.%d.FromPort", n, 0)),
			.to = port_number(ec2_numbered(c, "IpPermissions.%d.ToPort", n, 0))};

		for (int m = 1;
		     !v.code && (peer = ec2_numbered(c, "IpPermissions.%d.IpRanges.%d.CidrIp", n, m)); m++) {
			p.cidr = peer;
			v = fn(c, g, &p);
		}
		p.cidr = NULL;
		for (int m = 1;
		     !v.code && (peer = ec2_numbered(c, "IpPermissions.%d.Groups.%d.GroupId", n, m)); m++) {
			p.group = peer;
			v = fn(c, g, &p);
		}
	}
	return v;
}

static struct verdict look(struct ec2_call *c, struct group *g, const struct permission *p)
{
	return check_permission(c, g, p);
}

static struct verdict add(struct ec2_call *c, struct group *g, const struct permission *p)
{
	struct world *w = c->world;

	GROW(g->rules, g->n_rules, g->cap_rules);
	g->rules[g->n_rules++] =
		(struct permission){.egress = p->egress,
				    .protocol = world_text(w, "%s", p->protocol),
				    .from = p->from,
				    .to = p->to,
				    .cidr = p->cidr ? world_text(w, "%s", p->cidr) : NULL,
				    .group = p->group ? world_text(w, "%s", p->group) : NULL};
	return (struct verdict){0};
}

/* The group of the beginning keeps the guide's rules: they are not in its list, so that they cannot be taken back. */
static struct verdict look_taken(struct ec2_call *c, struct group *g, const struct permission *p)
{
	(void)c;
	return same_permission(g, p)
		       ? (struct verdict){0}
		       : (struct verdict){"InvalidPermission.NotFound", 400,
					  "The specified rule does not exist in this security group."};
}

static struct verdict take(struct ec2_call *c, struct group *g, const struct permission *p)
{
	struct permission *r = same_permission(g, p);

	(void)c;
	if (r)
		*r = g->rules[--g->n_rules];
	return (struct verdict){0};
}

/* All rules of a call, or none. */
static void change_rules(struct ec2_call *c, typeof(look) *may, typeof(look) *change)
{
	struct group *g = asked_group(c);
	struct verdict v;

	if (!g || !ec2_needed(c, "IpPermissions.1.IpProtocol"))
		return;
	v = each_permission(c, g, may);
	if (v.code)
		ec2_refuse(c, v);
	if (v.code || ec2_dry(c))
		return;
	(void)each_permission(c, g, change);
	ec2_done(c);
}

void ec2_serve_authorize(struct ec2_call *c)
{
	change_rules(c, look, add);
}

void ec2_serve_revoke(struct ec2_call *c)
{
	change_rules(c, look_taken, take);
}

/* --- subnets --- */

static const char *const subnet_filters[] = {"subnet-id", "vpc-id", "cidr-block"};

static bool subnet_matches(const char *name, const char *value, const void *row)
{
	const struct world_subnet *s = row;

	if (!strcmp(name, "subnet-id"))
		return ec2_matches(value, s->id);
	if (!strcmp(name, "vpc-id"))
		return ec2_matches(value, s->vpc);
	return !strcmp(name, "cidr-block") && ec2_matches(value, s->cidr);
}

static int free_addresses(const struct ec2_call *c, const struct world_subnet *s)
{
	int count = (int)(s->last - s->first) + 1;

	for (size_t i = 0; i < c->world->n_instances; i++)
		count -= c->world->instances[i].subnet == s && !c->world->instances[i].terminated_at;
	return count;
}

static void put_subnet(struct ec2_call *c, const struct world_subnet *s)
{
	struct buf *b = &c->reply->body;
	char zone[64];

	(void)snprintf(zone, sizeof(zone), "%s%c", c->world->regions[c->region].name, s->zone);
	buf_puts(b, "<item>");
	ec2_element(b, "subnetId", s->id);
	ec2_element(b, "state", "available");
	ec2_element(b, "vpcId", s->vpc);
	ec2_element(b, "cidrBlock", s->cidr);
	ec2_number(b, "availableIpAddressCount", free_addresses(c, s));
	ec2_element(b, "availabilityZone", zone);
	ec2_element(b, "defaultForAz", "false");
	ec2_element(b, "mapPublicIpOnLaunch", s->public_on_launch ? "true" : "false");
	buf_puts(b, "</item>");
}

void ec2_serve_describe_subnets(struct ec2_call *c)
{
	size_t n_subnets;
	const struct world_subnet *subnets = catalog_subnets(&n_subnets);
	const char *id;

	if (!ec2_filters_good(c, subnet_filters, ARRAY_LEN(subnet_filters)))
		return;
	for (int n = 1; (id = ec2_numbered(c, "SubnetId.%d", n, 0)); n++) {
		if (!subnet_find(id)) {
			ec2_bad(c, "InvalidSubnetID.NotFound", "The subnet ID does not exist");
			return;
		}
	}
	ec2_open_answer(c);
	buf_puts(&c->reply->body, "<subnetSet>");
	for (size_t i = 0; i < n_subnets; i++)
		if (ec2_is_listed(c, "SubnetId", subnets[i].id) && ec2_passes(c, subnet_matches, &subnets[i]))
			put_subnet(c, &subnets[i]);
	buf_puts(&c->reply->body, "</subnetSet>");
	ec2_close_answer(c);
}

/* --- the network ACL of all subnets --- */

static void put_entry(struct buf *b, int number, const char *protocol, bool allow, bool egress)
{
	buf_puts(b, "<item>");
	ec2_number(b, "ruleNumber", number);
	ec2_element(b, "protocol", protocol);
	ec2_element(b, "ruleAction", allow ? "allow" : "deny");
	ec2_element(b, "egress", egress ? "true" : "false");
	ec2_element(b, "cidrBlock", "0.0.0.0/0");
	buf_puts(b, "</item>");
}

void ec2_serve_describe_acls(struct ec2_call *c)
{
	const char *denied = c->world->network.acl_denies;
	struct buf *b = &c->reply->body;
	size_t n;
	const struct world_subnet *subnets = catalog_subnets(&n);

	ec2_open_answer(c);
	buf_puts(b, "<networkAclSet><item>");
	ec2_element(b, "networkAclId", "acl-0world00000000001");
	buf_puts(b, "<entrySet>");
	for (int egress = 0; egress < 2; egress++) {
		put_entry(b, 32767, "-1", false, egress);
		put_entry(b, 100, "-1", true, egress);
		if (*denied)
			put_entry(b, 90, denied, false, egress);
	}
	buf_puts(b, "</entrySet><associationSet>");
	for (size_t i = 0; i < n; i++) {
		buf_puts(b, "<item>");
		ec2_element(b, "subnetId", subnets[i].id);
		buf_puts(b, "</item>");
	}
	buf_puts(b, "</associationSet></item></networkAclSet>");
	ec2_close_answer(c);
}
