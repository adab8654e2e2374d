/* What a survey reads of EC2: instances with their places, security groups, subnets and network ACLs, trees into plain data. */
#include <stdlib.h>
#include <string.h>

#include "clients/ec2/listing.h"
#include "clients/ec2/request.h"

struct reading {
	struct network_report *report;
	size_t cap_instances, cap_groups, cap_acls, cap_subnets;
};

/* Room for one more in an array of the report's arena; NULL when it is full. */
static void *more(struct network_report *r, void *items, size_t *n, size_t *cap, size_t size)
{
	if (*n == *cap) {
		size_t grown_cap = *cap ? 2 * *cap : 16;
		void *grown = arena_array(r->arena, grown_cap, size);

		if (!grown)
			return NULL;
		if (*n)
			memcpy(grown, items, *n * size);
		*cap = grown_cap;
		items = grown;
	}
	++*n;
	return items;
}

#define MORE(reading, what)                                                                                  \
	({                                                                                                   \
		struct network_report *report_ = (reading)->report;                                          \
		void *items_ = more(report_, report_->what, &report_->n_##what, &(reading)->cap_##what,      \
				    sizeof(*report_->what));                                                 \
		if (items_)                                                                                  \
			report_->what = items_;                                                              \
		items_ ? &report_->what[report_->n_##what - 1] : NULL;                                       \
	})

static const char *text_or_null(const struct xml *node, const char *name)
{
	const char *text = xml_text(node, name);

	return *text ? text : NULL;
}

/* The texts of `name` in the items of a list. */
static const char **texts(struct arena *a, const struct xml *list, const char *name, size_t *ret_n)
{
	const char **all = arena_array(a, xml_count(list) + 1, sizeof(*all));

	*ret_n = 0;
	for (const struct xml *i = list ? list->child : NULL; all && i; i = i->next)
		if (*xml_text(i, name))
			all[(*ret_n)++] = xml_text(i, name);
	return all;
}

/* --- instances --------------------------------------------------------------------------------------------------- */

/* The private addresses of all interfaces: what a node may be known by. */
static const char **addresses_of(struct arena *a, const struct xml *item, size_t *ret_n)
{
	const struct xml *interfaces = xml_child(item, "networkInterfaceSet");
	size_t most = 2;
	const char **all;

	for (const struct xml *i = interfaces ? interfaces->child : NULL; i; i = i->next)
		most += 1 + xml_count(xml_child(i, "privateIpAddressesSet"));
	all = arena_array(a, most, sizeof(*all));
	*ret_n = 0;
	if (all && *xml_text(item, "privateIpAddress"))
		all[(*ret_n)++] = xml_text(item, "privateIpAddress");
	for (const struct xml *i = interfaces ? interfaces->child : NULL; all && i; i = i->next) {
		const struct xml *set = xml_child(i, "privateIpAddressesSet");

		for (const struct xml *k = set ? set->child : NULL; k; k = k->next)
			if (*xml_text(k, "privateIpAddress"))
				all[(*ret_n)++] = xml_text(k, "privateIpAddress");
	}
	return all;
}

const char *ec2_tag_of(const struct xml *item, const char *key)
{
	const struct xml *tags = xml_child(item, "tagSet");

	for (const struct xml *t = tags ? tags->child : NULL; t; t = t->next)
		if (!strcmp(xml_text(t, "key"), key))
			return xml_text(t, "value");
	return NULL;
}

static bool take_instance(struct reading *r, const struct xml *item)
{
	struct placed_instance *i = MORE(r, instances);
	struct arena *a = r->report->arena;

	if (!i)
		return false;
	*i = (struct placed_instance){
		.id = xml_text(item, "instanceId"),
		.type = xml_text(item, "instanceType"),
		.vpc = xml_text(item, "vpcId"),
		.subnet = xml_text(item, "subnetId"),
		.key_name = text_or_null(item, "keyName"),
		.tag_value = ec2_tag_of(item, TAG_NAME),
		.tenancy = text_or_null(xml_child(item, "placement"), "tenancy"),
	};
	if (instance_state_from_text(xml_text(xml_child(item, "instanceState"), "name"), &i->state))
		i->state = INSTANCE_TERMINATED;
	i->addresses = addresses_of(a, item, &i->n_addresses);
	i->groups = texts(a, xml_child(item, "groupSet"), "groupId", &i->n_groups);
	if (i->state == INSTANCE_TERMINATED || i->state == INSTANCE_SHUTTING_DOWN)
		r->report->n_instances--; /* it is nobody's any more */
	return i->addresses && i->groups;
}

static bool take_instances(void *self, const struct xml *root)
{
	const struct xml *set = xml_child(root, "reservationSet");

	for (const struct xml *reservation = set ? set->child : NULL; reservation;
	     reservation = reservation->next) {
		const struct xml *instances = xml_child(reservation, "instancesSet");

		for (const struct xml *i = instances ? instances->child : NULL; i; i = i->next)
			if (!take_instance(self, i))
				return false;
	}
	return true;
}

/* --- security groups --------------------------------------------------------------------------------------------- */

static const struct {
	const char *list, *text;
} peers[] = {{"ipRanges", "cidrIp"},
	     {"ipv6Ranges", "cidrIpv6"},
	     {"groups", "groupId"},
	     {"prefixListIds", "prefixListId"}};
enum { PEERS_IPV4, PEERS_IPV6, PEERS_GROUPS };

/* One row towards each peer of a permission. Returns how many. */
static size_t take_permission(const struct xml *permission, bool egress, struct group_rule *out)
{
	size_t n = 0;

	for (size_t p = 0; p < ARRAY_LEN(peers); p++) {
		const struct xml *list = xml_child(permission, peers[p].list);

		for (const struct xml *i = list ? list->child : NULL; i; i = i->next, n++)
			if (out)
				out[n] = (struct group_rule){
					.egress = egress,
					.protocol = xml_text(permission, "ipProtocol"),
					.from = xml_number(permission, "fromPort", -1),
					.to = xml_number(permission, "toPort", -1),
					.cidr = p <= PEERS_IPV6 ? xml_text(i, peers[p].text) : NULL,
					.group = p == PEERS_GROUPS ? xml_text(i, peers[p].text) : NULL,
				};
	}
	return n;
}

size_t ec2_rules_of(const struct xml *group, struct group_rule *out)
{
	static const char *const lists[] = {"ipPermissions", "ipPermissionsEgress"};
	size_t n = 0;

	for (size_t egress = 0; egress < ARRAY_LEN(lists); egress++) {
		const struct xml *list = xml_child(group, lists[egress]);

		for (const struct xml *i = list ? list->child : NULL; i; i = i->next)
			n += take_permission(i, egress == 1, out ? out + n : NULL);
	}
	return n;
}

static bool take_groups(void *self, const struct xml *root)
{
	struct reading *r = self;
	const struct xml *set = xml_child(root, "securityGroupInfo");

	for (const struct xml *item = set ? set->child : NULL; item; item = item->next) {
		struct security_group *g = MORE(r, groups);

		if (!g)
			return false;
		*g = (struct security_group){.id = xml_text(item, "groupId"),
					     .name = xml_text(item, "groupName")};
		g->n_rules = ec2_rules_of(item, NULL);
		g->rules = arena_array(r->report->arena, g->n_rules + 1, sizeof(*g->rules));
		if (!g->rules)
			return false;
		(void)ec2_rules_of(item, g->rules);
	}
	return true;
}

/* --- subnets and network ACLs ------------------------------------------------------------------------------------ */

static bool take_subnets(void *self, const struct xml *root)
{
	const struct xml *set = xml_child(root, "subnetSet");

	for (const struct xml *item = set ? set->child : NULL; item; item = item->next) {
		struct network_subnet *s = MORE((struct reading *)self, subnets);

		if (!s)
			return false;
		*s = (struct network_subnet){xml_text(item, "subnetId"), xml_text(item, "cidrBlock")};
	}
	return true;
}

static struct acl_entry take_entry(const struct xml *item)
{
	const struct xml *range = xml_child(item, "portRange");

	return (struct acl_entry){
		.number = xml_number(item, "ruleNumber", 65535),
		.egress = !strcmp(xml_text(item, "egress"), "true"),
		.allow = !strcmp(xml_text(item, "ruleAction"), "allow"),
		.protocol = xml_text(item, "protocol"),
		.cidr = text_or_null(item, "cidrBlock"),
		.from = xml_number(range, "from", -1),
		.to = xml_number(range, "to", -1),
	};
}

static bool take_acl(struct reading *r, const struct xml *item)
{
	const struct xml *entries = xml_child(item, "entrySet");
	struct network_acl *acl = MORE(r, acls);
	struct arena *a = r->report->arena;

	if (!acl)
		return false;
	*acl = (struct network_acl){.id = xml_text(item, "networkAclId")};
	acl->subnets = texts(a, xml_child(item, "associationSet"), "subnetId", &acl->n_subnets);
	acl->entries = arena_array(a, xml_count(entries) + 1, sizeof(*acl->entries));
	if (!acl->subnets || !acl->entries)
		return false;
	for (const struct xml *e = entries ? entries->child : NULL; e; e = e->next)
		acl->entries[acl->n_entries++] = take_entry(e);
	return true;
}

static bool take_acls(void *self, const struct xml *root)
{
	const struct xml *set = xml_child(root, "networkAclSet");

	for (const struct xml *item = set ? set->child : NULL; item; item = item->next)
		if (!take_acl(self, item))
			return false;
	return true;
}

/* --- the course of it -------------------------------------------------------------------------------------------- */

static void add_distinct(const char **list, size_t *n, const char *text)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(list[i], text))
			return;
	if (*text)
		list[(*n)++] = text;
}

/* The distinct groups or subnets of the instances. NULL when the arena is full. */
static const char **distinct(const struct network_report *r, bool groups, size_t *ret_n)
{
	size_t most = 1;
	const char **list;

	for (size_t i = 0; i < r->n_instances; i++)
		most += groups ? r->instances[i].n_groups : 1;
	list = arena_array(r->arena, most, sizeof(*list));
	*ret_n = 0;
	for (size_t i = 0; list && i < r->n_instances; i++)
		if (!groups)
			add_distinct(list, ret_n, r->instances[i].subnet);
		else
			for (size_t g = 0; g < r->instances[i].n_groups; g++)
				add_distinct(list, ret_n, r->instances[i].groups[g]);
	return list;
}

static void list_or_note(struct ec2_client *c, struct reading *r, struct ec2_listing l)
{
	struct upstream_error e = {0};

	l.arena = r->report->arena;
	l.self = r;
	if (!l.values || !ec2_list(c, &l, &e))
		unread_add(&r->report->unread, r->report->arena, l.action,
			   l.values ? e.message : "out of memory");
}

bool ec2_survey_network(struct ec2_client *c, const char *const *addresses, size_t n,
			struct network_report **ret, struct upstream_error *e)
{
	_cleanup_(network_report_freep) struct network_report *report = network_report_new(0);
	struct reading r = {.report = report};
	struct ec2_listing instances = {.action = "DescribeInstances",
					.filter = EC2_FILTER_ADDRESS,
					.values = addresses,
					.n_values = n,
					.take = take_instances,
					.self = &r};
	struct ec2_listing groups = {
		.action = "DescribeSecurityGroups", .filter = "group-id", .take = take_groups};
	struct ec2_listing subnets = {
		.action = "DescribeSubnets", .filter = "subnet-id", .take = take_subnets};
	struct ec2_listing acls = {
		.action = "DescribeNetworkAcls", .filter = "association.subnet-id", .take = take_acls};

	if (!report)
		return ec2_out_of_memory(e);
	instances.arena = report->arena;
	if (!ec2_list(c, &instances, e))
		return false;
	report->server_offset = ec2_server_offset(c);
	groups.values = distinct(report, true, &groups.n_values);
	subnets.values = distinct(report, false, &subnets.n_values);
	acls.values = subnets.values;
	acls.n_values = subnets.n_values;
	list_or_note(c, &r, groups);
	list_or_note(c, &r, subnets);
	list_or_note(c, &r, acls);
	*ret = take_ptr(report);
	return true;
}
