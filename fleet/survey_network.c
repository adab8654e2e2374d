/*
 * The network of the platform's instances in one region, held against the guide's table (fleet/guide.c).
 *
 * Security groups: the groups of an instance count together, as EC2 counts them. A rule of the guide is missing when nobody at all is
 * let in through it: the guide itself allows a narrower source than the whole internet. Too open is what the guide reserves for
 * the management station or for the platform's own nodes and what anyone can reach.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "fleet/guide.h"
#include "fleet/survey.h"

#define PORT_LAST 65535

/* An instance under judgement. */
struct judged {
	struct survey *s;
	const struct network_report *r;
	const struct network_scope *scope;
	const struct placed_instance *instance;
	char groups[120]; /* "sg-1+sg-2", the subject of findings about them */
};

/* --- security groups --------------------------------------------------------------------------------------------- */

static const struct security_group *group_of(const struct network_report *r, const char *id)
{
	for (size_t i = 0; i < r->n_groups; i++)
		if (!strcmp(r->groups[i].id, id))
			return &r->groups[i];
	return NULL;
}

static bool is_anyone(const struct group_rule *have)
{
	return have->cidr && (!strcmp(have->cidr, "0.0.0.0/0") || !strcmp(have->cidr, "::/0"));
}

static bool same_protocol(const struct group_rule *have, const struct guide_rule *want)
{
	return !strcmp(have->protocol, "-1") || !strcmp(have->protocol, want->protocol);
}

/* The next rule of the instance's groups in that direction; begin with group and rule 0. */
static const struct group_rule *next_rule(const struct judged *j, bool egress, size_t *group, size_t *rule)
{
	for (; *group < j->instance->n_groups; ++*group, *rule = 0) {
		const struct security_group *g = group_of(j->r, j->instance->groups[*group]);

		while (g && *rule < g->n_rules) {
			const struct group_rule *found = &g->rules[(*rule)++];

			if (found->egress == egress)
				return found;
		}
	}
	return NULL;
}

/* The last port that is open from `port` on through one rule; `port` - 1 when it is closed. */
static int open_up_to(const struct judged *j, const struct guide_rule *want, int port, bool to_anyone)
{
	bool egress = want->direction == GUIDE_OUTBOUND;
	const struct group_rule *have;
	size_t group = 0, rule = 0;
	int last = port - 1;

	while ((have = next_rule(j, egress, &group, &rule))) {
		bool all = have->from < 0 || want->from < 0 || !strcmp(have->protocol, "-1");

		if (!same_protocol(have, want) || (to_anyone && !is_anyone(have)))
			continue;
		if (all)
			return PORT_LAST;
		if (have->from <= port && have->to > last)
			last = have->to;
	}
	return last;
}

static int first_port(const struct guide_rule *want)
{
	return want->from < 0 ? 0 : want->from;
}

/* Whether every port of the guide's rule is open to somebody, through one rule or several. */
static bool is_open(const struct judged *j, const struct guide_rule *want)
{
	int port = first_port(want), last;

	do {
		last = open_up_to(j, want, port, false);
		if (last < port)
			return false;
		port = last + 1;
	} while (port <= want->to);
	return true;
}

static const char *ports_text(int from, int to, char out[32])
{
	if (from < 0)
		(void)snprintf(out, 32, "all");
	else if (from == to)
		(void)snprintf(out, 32, "%d", from);
	else
		(void)snprintf(out, 32, "%d-%d", from, to);
	return out;
}

static void judge_rule(const struct judged *j, const struct guide_rule *want)
{
	bool reserved = want->peer != GUIDE_ANYWHERE;
	char subject[200], ports[32];

	(void)snprintf(subject, sizeof(subject), "security group %s, rule %s", j->groups, want->id);
	ports_text(want->from, want->to, ports);
	if (reserved && open_up_to(j, want, first_port(want), true) >= first_port(want))
		survey_find(j->s, CHECK_GROUP_TOO_OPEN, subject,
			    "%s %s is open to the whole internet, not to %s alone", want->protocol, ports,
			    want->peer == GUIDE_MANAGEMENT ? "the management station"
							   : "the platform's own nodes");
	if (want->optional || is_open(j, want))
		return;
	if (want->peer == GUIDE_OWN_GROUP)
		survey_find(j->s, CHECK_GROUP_TUNNEL_BLOCKED, subject, "%s %s is open to nobody",
			    want->protocol, ports);
	else
		survey_find(j->s, CHECK_GROUP_RULE_MISSING, subject, "%s %s is open to nobody: %s",
			    want->protocol, ports, want->missing);
}

/* Within one of the guide's rules for that protocol, whoever may use it: what is wrong with that is told by judge_rule. */
static bool in_guide(const struct group_rule *have)
{
	size_t n;
	const struct guide_rule *rules = guide_rules(&n);

	for (size_t i = 0; i < n; i++) {
		const struct guide_rule *rule = &rules[i];
		bool same = rule->direction == GUIDE_INBOUND && !strcmp(rule->protocol, have->protocol);

		if (same && (rule->from < 0 || (have->from >= rule->from && have->to <= rule->to)))
			return true;
	}
	return false;
}

static void judge_extra(const struct judged *j)
{
	const struct group_rule *have;
	size_t group = 0, rule = 0;
	char subject[200], ports[32];

	while ((have = next_rule(j, false, &group, &rule))) {
		const char *protocol = strcmp(have->protocol, "-1") ? have->protocol : "all";

		if (!is_anyone(have) || in_guide(have))
			continue;
		ports_text(have->from, have->to, ports);
		(void)snprintf(subject, sizeof(subject), "security group %s, %.10s %s", j->groups, protocol,
			       ports);
		survey_find(j->s, CHECK_GROUP_EXTRA_OPEN, subject, "%.10s %s is open to the whole internet",
			    protocol, ports);
	}
}

static bool is_management(const struct judged *j)
{
	for (size_t i = 0; j->scope->management_address && i < j->instance->n_addresses; i++)
		if (!strcmp(j->instance->addresses[i], j->scope->management_address))
			return true;
	return false;
}

static void judge_groups(struct judged *j)
{
	bool management = is_management(j), all_known = j->instance->n_groups > 0;
	size_t n, len = 0;
	const struct guide_rule *rules = guide_rules(&n);

	for (size_t i = 0; i < j->instance->n_groups && len < sizeof(j->groups); i++) {
		len += (size_t)snprintf(j->groups + len, sizeof(j->groups) - len, "%s%s", i ? "+" : "",
					j->instance->groups[i]);
		all_known &= group_of(j->r, j->instance->groups[i]) != NULL;
	}
	if (!all_known)
		return; /* a group that could not be read may allow everything: survey_unread tells of it */
	for (size_t i = 0; i < n;
	     i++) /* the guide: the Management Node may have a group without signalling and media */
		if (rules[i].direction != GUIDE_NETWORK_ACL &&
		    (!management || rules[i].peer != GUIDE_ANYWHERE))
			judge_rule(j, &rules[i]);
	judge_extra(j);
}

/* --- network ACLs ------------------------------------------------------------------------------------------------ */

static const struct network_acl *acl_of(const struct network_report *r, const char *subnet)
{
	for (size_t i = 0; i < r->n_acls; i++)
		for (size_t k = 0; k < r->acls[i].n_subnets; k++)
			if (!strcmp(r->acls[i].subnets[k], subnet))
				return &r->acls[i];
	return NULL;
}

static const struct network_subnet *subnet_of(const struct network_report *r, const char *id)
{
	for (size_t i = 0; i < r->n_subnets; i++)
		if (!strcmp(r->subnets[i].id, id))
			return &r->subnets[i];
	return NULL;
}

static bool entry_matches(const struct acl_entry *e, bool egress, const char *protocol, int port,
			  struct ipv4_network peer)
{
	struct ipv4_network n;

	if (e->egress != egress || !e->cidr || !ipv4_network_parse(e->cidr, &n) ||
	    !ipv4_network_covers(n, peer))
		return false;
	if (!strcmp(e->protocol, "-1"))
		return true;
	return !strcmp(e->protocol, protocol) && (e->from < 0 || (e->from <= port && port <= e->to));
}

/* EC2: the matching entry with the lowest number decides; without one the traffic is denied. */
static bool acl_allows(const struct network_acl *acl, bool egress, const char *protocol, int port,
		       struct ipv4_network peer)
{
	const struct acl_entry *first = NULL;

	for (size_t i = 0; i < acl->n_entries; i++) {
		const struct acl_entry *e = &acl->entries[i];

		if (entry_matches(e, egress, protocol, port, peer) && (!first || e->number < first->number))
			first = e;
	}
	return first && first->allow;
}

static void judge_direction(const struct judged *j, const struct network_acl *acl, bool egress,
			    const struct ipv4_network *peer, const char *address)
{
	static const struct {
		const char *number; /* of the protocol */
		int port;
		const char *text;
	} needed[] = {{"50", -1, "IP protocol 50 (ESP)"}, {"17", 500, "UDP 500 (IKE)"}};
	char subject[200];

	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		if (acl_allows(acl, egress, needed[i].number, needed[i].port, *peer))
			continue;
		(void)snprintf(subject, sizeof(subject), "network acl %.40s, %s %s", acl->id,
			       i == 0 ? "esp" : "ike", egress ? "outbound" : "inbound");
		survey_find(j->s, CHECK_ACL_BLOCKS, subject, "%s is denied %s %.40s", needed[i].text,
			    egress ? "to" : "from", address);
	}
}

/* An ACL stands at the border of its subnet: only nodes outside of it count. */
static void judge_acl(const struct judged *j)
{
	const struct network_acl *acl = acl_of(j->r, j->instance->subnet);
	const struct network_subnet *subnet = subnet_of(j->r, j->instance->subnet);
	struct ipv4_network inside, peer;

	if (!acl || !subnet || !ipv4_network_parse(subnet->cidr, &inside))
		return; /* not read: survey_unread tells of it */
	for (size_t i = 0; i < j->scope->n_addresses; i++) {
		const char *address = j->scope->addresses[i];

		if (!ipv4_network_parse(address, &peer) || ipv4_network_covers(inside, peer))
			continue;
		judge_direction(j, acl, false, &peer, address);
		judge_direction(j, acl, true, &peer, address);
	}
}

/* --- subnets ------------------------------------------------------------------------------------------------------ */

static const struct node_placement *placement_of(const struct judged *j)
{
	for (size_t i = 0; i < j->scope->n_placements; i++)
		for (size_t k = 0; k < j->instance->n_addresses; k++)
			if (!strcmp(j->scope->placements[i].address, j->instance->addresses[k]))
				return &j->scope->placements[i];
	return NULL;
}

/* The guide: the subnet's mask, and its first usable address as the gateway. */
static void judge_subnet(const struct judged *j)
{
	const struct network_subnet *subnet = subnet_of(j->r, j->instance->subnet);
	const struct node_placement *node = placement_of(j);
	char subject[100], mask[IPV4_NETWORK_SIZE], gateway[IPV4_NETWORK_SIZE];
	struct ipv4_network n, own;

	if (!subnet || !node || !ipv4_network_parse(subnet->cidr, &n) ||
	    !ipv4_network_parse(node->address, &own) ||
	    !ipv4_network_covers(
		    n, own)) /* the node's address may be that of another interface, in another subnet */
		return;
	(void)ipv4_address_text(ipv4_network_mask(n), mask);
	(void)ipv4_address_text(n.address + 1, gateway);
	if (!strcmp(node->netmask, mask) && !strcmp(node->gateway, gateway))
		return;
	(void)snprintf(subject, sizeof(subject), "node %s", node->name);
	survey_find(j->s, CHECK_NETWORK_DIFFERS, subject,
		    "network mask %s and gateway %s, its subnet %.20s has %s and %s", node->netmask,
		    node->gateway, subnet->cidr, mask, gateway);
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

static void judge_management(const struct judged *j)
{
	int vcpu = guide_vcpu(j->instance->type);
	bool large = j->scope->n_nodes > GUIDE_SMALL_PLATFORM;

	if (vcpu && (vcpu < GUIDE_MANAGEMENT_VCPU || (large && vcpu == GUIDE_MANAGEMENT_VCPU)))
		survey_find(j->s, CHECK_MANAGEMENT_SMALL, "management node",
			    "instance type %s for %zu Conferencing Nodes", j->instance->type,
			    j->scope->n_nodes);
}

/* The guide: a standard instance for up to about 100 concurrent calls, without significant use of the management API. */
static void judge_management_tenancy(const struct judged *j)
{
	bool busy = j->scope->api_per_minute >= API_USE_SIGNIFICANT;
	char use[80] = "";

	if (!j->instance->tenancy || strcmp(j->instance->tenancy, "default") != 0 ||
	    (j->scope->platform_hd <= GUIDE_SHARED_CALLS && !busy))
		return;
	if (busy)
		(void)snprintf(use, sizeof(use), ", and burstd alone asks its API %d times a minute",
			       j->scope->api_per_minute);
	survey_find(j->s, CHECK_MANAGEMENT_SHARED, "management node",
		    "instance %.40s runs with shared tenancy; the platform takes %d HD calls%s",
		    j->instance->id, j->scope->platform_hd, use);
}

static void judge_vpcs(struct survey *s, const struct network_report *r, const char *source)
{
	for (size_t i = 1; i < r->n_instances; i++)
		if (strcmp(r->instances[i].vpc, r->instances[0].vpc) != 0)
			survey_find(s, CHECK_SEVERAL_NETWORKS, source, "nodes are in the VPCs %s and %s",
				    r->instances[0].vpc, r->instances[i].vpc);
}

void survey_judge_network(struct survey *s, const struct network_report *r, const struct network_scope *scope)
{
	char subject[60];

	for (size_t i = 0; i < r->n_instances; i++) {
		struct judged j = {.s = s, .r = r, .scope = scope, .instance = &r->instances[i]};

		judge_groups(&j);
		judge_acl(&j);
		judge_subnet(&j);
		if (is_management(&j)) {
			judge_management(&j);
			judge_management_tenancy(&j);
		}
		(void)snprintf(subject, sizeof(subject), "instance %.40s", j.instance->id);
		if (!j.instance->key_name)
			survey_find(s, CHECK_NO_KEY_PAIR, subject, "it was launched without a key pair");
	}
	judge_vpcs(s, r, scope->source);
	if (check_of_clocks(r->server_offset) != CHECK_COUNT)
		survey_find(s, check_of_clocks(r->server_offset), scope->source,
			    "AWS's clock is %lld seconds %s ours", llabs(r->server_offset) / 1000,
			    r->server_offset < 0 ? "behind" : "ahead of");
	survey_unread(s, &r->unread, scope->source);
}
