/*
 * Surveys: each check of the network and of the platform fires for what it is about and is silent on the near side of its limit.
 * RULE V5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fleet/guide.h"
#include "fleet/survey.h"

#define NOW        1767250800000LL
#define DAY        (24 * 60 * MS_PER_MINUTE)
#define RULES_MOST 40

/* One instance in one group and one subnet, as the guide wants them; another node is outside of the subnet. */
struct site {
	struct network_report *r;
	struct network_scope scope;
	const char *addresses[4];
	struct group_rule rules[RULES_MOST];
	struct security_group groups[2];
	struct acl_entry entries[8];
	struct network_acl acl;
	const char *acl_subnets[1];
	struct network_subnet subnet;
	struct placed_instance instances[2];
	const char *own_address[1];
	const char *other_address[1];
	const char *own_groups[2];
	struct survey *s; /* of the last judgement */
};

static struct group_rule good_rule(const struct guide_rule *rule)
{
	bool all = !strcmp(rule->protocol, "all");

	return (struct group_rule){
		.egress = rule->direction == GUIDE_OUTBOUND,
		.protocol = all ? "-1" : rule->protocol,
		.from = rule->from,
		.to = rule->to,
		.cidr = rule->peer == GUIDE_OWN_GROUP    ? NULL
			: rule->peer == GUIDE_MANAGEMENT ? "192.0.2.0/24"
							 : "0.0.0.0/0",
		.group = rule->peer == GUIDE_OWN_GROUP ? "sg-1" : NULL,
	};
}

static void place(struct site *site)
{
	site->own_address[0] = "10.1.0.4";
	site->other_address[0] = "10.1.0.5";
	site->own_groups[0] = "sg-1";
	site->own_groups[1] = "sg-2";
	site->instances[0] = (struct placed_instance){.id = "i-1",
						      .type = "c5.2xlarge",
						      .state = INSTANCE_RUNNING,
						      .vpc = "vpc-1",
						      .subnet = "subnet-1",
						      .key_name = "key",
						      .addresses = site->own_address,
						      .n_addresses = 1,
						      .groups = site->own_groups,
						      .n_groups = 1};
	site->instances[1] = site->instances[0];
	site->instances[1].id = "i-2";
	site->instances[1].addresses = site->other_address;
	site->addresses[0] = "10.1.0.4";
	site->addresses[1] = "10.2.0.4";
	site->scope = (struct network_scope){
		.source = "ec2:here", .addresses = site->addresses, .n_addresses = 2, .n_nodes = 10};
}

static int setup(void **state)
{
	struct site *site = calloc(1, sizeof(*site));
	size_t n;
	const struct guide_rule *rules = guide_rules(&n);

	assert_non_null(site);
	site->r = network_report_new(NOW);
	place(site);
	site->groups[0] = (struct security_group){.id = "sg-1", .name = "nodes", .rules = site->rules};
	site->groups[1] = (struct security_group){.id = "sg-2", .name = "more"};
	for (size_t i = 0; i < n; i++)
		if (rules[i].direction != GUIDE_NETWORK_ACL)
			site->rules[site->groups[0].n_rules++] = good_rule(&rules[i]);
	for (int egress = 0; egress < 2; egress++)
		site->entries[site->acl.n_entries++] = (struct acl_entry){.number = 100,
									  .egress = egress,
									  .allow = true,
									  .protocol = "-1",
									  .cidr = "0.0.0.0/0",
									  .from = -1,
									  .to = -1};
	site->acl_subnets[0] = "subnet-1";
	site->acl.id = "acl-1";
	site->acl.subnets = site->acl_subnets;
	site->acl.n_subnets = 1;
	site->acl.entries = site->entries;
	site->subnet = (struct network_subnet){"subnet-1", "10.1.0.0/16"};
	site->r->instances = site->instances;
	site->r->n_instances = 1;
	site->r->groups = site->groups;
	site->r->n_groups = 2;
	site->r->acls = &site->acl;
	site->r->n_acls = 1;
	site->r->subnets = &site->subnet;
	site->r->n_subnets = 1;
	*state = site;
	return 0;
}

static int teardown(void **state)
{
	struct site *site = *state;

	survey_free(site->s);
	network_report_free(site->r);
	free(site);
	return 0;
}

static void judge(struct site *site)
{
	survey_free(site->s);
	site->s = survey_new("ec2:here", NOW);
	assert_non_null(site->s);
	survey_judge_network(site->s, site->r, &site->scope);
}

/* This is not found, and nothing else is. */
static void assert_silent(struct site *site, enum check_id check)
{
	judge(site);
	for (size_t i = 0; i < site->s->n; i++)
		fail_msg("%s where %s was to be silent: %s", check_row(site->s->findings[i].check)->id,
			 check_row(check)->id, site->s->findings[i].message);
}

/* Exactly one finding: this check, about something that holds `subject`. */
static void assert_found(struct site *site, enum check_id check, const char *subject)
{
	judge(site);
	if (site->s->n != 1)
		fail_msg("%zu findings, the last: %s", site->s->n,
			 site->s->n ? site->s->findings[site->s->n - 1].subject : "none");
	assert_int_equal(site->s->findings[0].check, check);
	if (!strstr(site->s->findings[0].subject, subject))
		fail_msg("about %s", site->s->findings[0].subject);
}

static struct group_rule *rule_for(struct site *site, const char *protocol, int from)
{
	for (size_t i = 0; i < site->groups[0].n_rules; i++)
		if (!strcmp(site->rules[i].protocol, protocol) && site->rules[i].from == from)
			return &site->rules[i];
	fail_msg("no rule for %s %d", protocol, from);
	return NULL;
}

static struct group_rule *add_rule(struct site *site, const char *protocol, int from, int to,
				   const char *cidr)
{
	struct group_rule *rule = &site->rules[site->groups[0].n_rules++];

	assert_true(site->groups[0].n_rules <= RULES_MOST);
	*rule = (struct group_rule){.protocol = protocol, .from = from, .to = to, .cidr = cidr};
	return rule;
}

static void drop(struct group_rule *rule)
{
	rule->protocol = "99";
	rule->cidr = "192.0.2.0/24";
}

/* --- security groups --------------------------------------------------------------------------------------------- */

static void the_guide_s_group_is_right(void **state)
{
	assert_silent(*state, CHECK_GROUP_RULE_MISSING);
}

static void each_rule_is_missed(void **state)
{
	struct site *site = *state;
	size_t n;
	const struct guide_rule *rules = guide_rules(&n);

	for (size_t i = 0; i < n; i++) {
		struct group_rule *have, kept;

		if (rules[i].direction == GUIDE_NETWORK_ACL)
			continue;
		have = rule_for(site, strcmp(rules[i].protocol, "all") ? rules[i].protocol : "-1",
				rules[i].from);
		kept = *have;
		drop(have);
		if (rules[i].optional)
			assert_silent(site, CHECK_GROUP_RULE_MISSING);
		else
			assert_found(site,
				     rules[i].peer == GUIDE_OWN_GROUP ? CHECK_GROUP_TUNNEL_BLOCKED
								      : CHECK_GROUP_RULE_MISSING,
				     rules[i].id);
		*have = kept;
	}
}

/* A hole of one port is a missing rule; two rules that join up are none, and the groups of an instance count together. */
static void a_range_in_pieces(void **state)
{
	struct site *site = *state;
	struct group_rule *media = rule_for(site, "udp", 40000), more;

	media->to = 44999;
	assert_found(site, CHECK_GROUP_RULE_MISSING, "media-udp");
	more = *media;
	more.from = 45001;
	more.to = 49999;
	site->groups[1].rules = &more;
	site->groups[1].n_rules = 1;
	site->instances[0].n_groups = 2;
	assert_found(site, CHECK_GROUP_RULE_MISSING, "sg-1+sg-2, rule media-udp");
	more.from = 44000;
	assert_silent(site, CHECK_GROUP_RULE_MISSING);
	site->instances[0].n_groups = 1;
	assert_found(site, CHECK_GROUP_RULE_MISSING, "media-udp");
}

/* The guide: "or a restricted subset of networks, as required". */
static void a_narrower_source_is_fine(void **state)
{
	struct site *site = *state;

	rule_for(site, "tcp", 443)->cidr = "10.0.0.0/8";
	assert_silent(site, CHECK_GROUP_RULE_MISSING);
}

static void reserved_ports_open_to_everyone(void **state)
{
	static const struct {
		const char *protocol;
		int from;
		const char *id;
	} cases[] = {
		{"tcp", 22, "ssh"}, {"tcp", 8443, "provisioning"}, {"icmp", -1, "icmp"}, {"udp", 500, "ike"}};
	struct site *site = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct group_rule *rule = rule_for(site, cases[i].protocol, cases[i].from), kept = *rule;

		rule->cidr = i & 1 ? "::/0" : "0.0.0.0/0";
		assert_found(site, CHECK_GROUP_TOO_OPEN, cases[i].id);
		*rule = kept;
		assert_silent(site, CHECK_GROUP_TOO_OPEN);
	}
}

static void other_ports_open_to_everyone(void **state)
{
	struct site *site = *state;
	struct group_rule *rule = add_rule(site, "tcp", 3389, 3389, "10.0.0.0/8");

	assert_silent(site, CHECK_GROUP_EXTRA_OPEN);
	rule->cidr = "0.0.0.0/0";
	assert_found(site, CHECK_GROUP_EXTRA_OPEN, "tcp 3389");
	rule->from = 40000; /* a part of what the guide opens */
	rule->to = 40010;
	assert_silent(site, CHECK_GROUP_EXTRA_OPEN);
	rule->to = 50000;
	assert_found(site, CHECK_GROUP_EXTRA_OPEN, "tcp 40000-50000");
}

/* "All traffic" opens what is reserved, and more. */
static void everything_open_to_everyone(void **state)
{
	struct site *site = *state;

	add_rule(site, "-1", -1, -1, "0.0.0.0/0");
	judge(site);
	assert_int_equal(site->s->n, 5);
	assert_int_equal(site->s->findings[4].check, CHECK_GROUP_EXTRA_OPEN);
}

/* An ICMP rule for one type is one too. */
static void one_type_of_icmp(void **state)
{
	struct site *site = *state;
	struct group_rule *icmp = rule_for(site, "icmp", -1);

	icmp->from = 8;
	assert_silent(site, CHECK_GROUP_TOO_OPEN);
	icmp->cidr = "0.0.0.0/0";
	assert_found(site, CHECK_GROUP_TOO_OPEN, "icmp");
}

/* A group that could not be read may allow everything: nothing is concluded, and that is said. */
static void a_group_that_was_not_read(void **state)
{
	struct site *site = *state;

	site->r->n_groups = 0;
	assert_silent(site, CHECK_NOT_MADE);
	unread_add(&site->r->unread, site->r->arena, "DescribeSecurityGroups", "refused");
	assert_found(site, CHECK_NOT_MADE, "ec2:here DescribeSecurityGroups");
	assert_int_equal(site->s->unread, 1);
}

/* The guide lets the Management Node have a group without signalling and media. */
static void the_management_node_s_group(void **state)
{
	struct site *site = *state;

	drop(rule_for(site, "udp", 40000));
	site->instances[0].type = "m5.xlarge";
	site->scope.management_address = "10.1.0.4";
	assert_silent(site, CHECK_GROUP_TUNNEL_BLOCKED);
	drop(rule_for(site, "udp", 500));
	assert_found(site, CHECK_GROUP_TUNNEL_BLOCKED, "ike");
}

/* --- network ACLs ------------------------------------------------------------------------------------------------ */

static struct acl_entry *deny(struct site *site, int number, const char *protocol, bool egress,
			      const char *cidr)
{
	struct acl_entry *e = &site->entries[site->acl.n_entries++];

	*e = (struct acl_entry){
		.number = number, .egress = egress, .protocol = protocol, .cidr = cidr, .from = -1, .to = -1};
	return e;
}

/* The lowest number decides, wherever it stands in EC2's list. */
static void an_acl_denies(void **state)
{
	struct site *site = *state;
	struct acl_entry *e = deny(site, 90, "50", false, "0.0.0.0/0");

	assert_found(site, CHECK_ACL_BLOCKS, "esp inbound");
	e->egress = true;
	assert_found(site, CHECK_ACL_BLOCKS, "esp outbound");
	e->number = 110;
	assert_silent(site, CHECK_ACL_BLOCKS);
	*e = (struct acl_entry){.number = 90, .protocol = "17", .cidr = "0.0.0.0/0", .from = 400, .to = 600};
	assert_found(site, CHECK_ACL_BLOCKS, "ike inbound");
	e->to = 499;
	assert_silent(site, CHECK_ACL_BLOCKS);
	e->protocol = "6";
	e->to = 600;
	assert_silent(site, CHECK_ACL_BLOCKS);
}

/* Without an entry that matches, traffic is denied; one for another network does not match. */
static void an_acl_allows_another_network(void **state)
{
	struct site *site = *state;

	site->entries[0].cidr = "10.2.0.0/16";
	site->entries[1].cidr = "10.2.0.4/32";
	assert_silent(site, CHECK_ACL_BLOCKS);
	site->entries[1].cidr = "10.3.0.0/16";
	judge(site);
	assert_int_equal(site->s->n, 2);
	site->entries[1].cidr = NULL; /* for IPv6 */
	judge(site);
	assert_int_equal(site->s->n, 2);
}

/* An ACL stands at the border of its subnet: nodes inside are not concerned. */
static void an_acl_and_nodes_in_one_subnet(void **state)
{
	struct site *site = *state;

	deny(site, 1, "-1", false, "0.0.0.0/0");
	site->addresses[1] = "10.1.200.1";
	assert_silent(site, CHECK_ACL_BLOCKS);
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

static void keys_networks_and_clock(void **state)
{
	struct site *site = *state;

	site->instances[0].key_name = NULL;
	assert_found(site, CHECK_NO_KEY_PAIR, "instance i-1");
	site->instances[0].key_name = "key";
	assert_silent(site, CHECK_NO_KEY_PAIR);
	site->r->n_instances = 2;
	assert_silent(site, CHECK_SEVERAL_NETWORKS);
	site->instances[1].vpc = "vpc-2";
	assert_found(site, CHECK_SEVERAL_NETWORKS, "ec2:here");
	site->r->n_instances = 1;
	site->r->server_offset = 1999;
	assert_silent(site, CHECK_CLOCK_SKEW);
	site->r->server_offset = -3000;
	assert_found(site, CHECK_CLOCK_SKEW, "ec2:here");
	assert_non_null(strstr(site->s->findings[0].message, "3 seconds behind"));
	site->r->server_offset = 5 * MS_PER_MINUTE;
	assert_found(site, CHECK_CLOCK_FAR_OFF, "ec2:here");
}

/* The subnet's mask and its first usable address; a node whose address lies in another subnet is not judged. */
static void mask_and_gateway(void **state)
{
	struct node_placement node = {"burst-1", "10.1.0.4", "255.255.0.0", "10.1.0.1"};
	struct site *site = *state;

	site->scope.placements = &node;
	site->scope.n_placements = 1;
	assert_silent(site, CHECK_NETWORK_DIFFERS);
	memcpy(node.gateway, "10.1.0.2", 9);
	assert_found(site, CHECK_NETWORK_DIFFERS, "node burst-1");
	memcpy(node.gateway, "10.1.0.1", 9);
	memcpy(node.netmask, "255.255.255.0", 14);
	assert_found(site, CHECK_NETWORK_DIFFERS, "node burst-1");
	site->subnet.cidr = "10.7.0.0/16";
	site->addresses[1] = "10.7.0.9";
	assert_silent(site, CHECK_NETWORK_DIFFERS);
	site->r->n_subnets = 0;
	assert_silent(site, CHECK_NETWORK_DIFFERS);
}

static void size_of_the_management_node(void **state)
{
	static const struct {
		const char *type;
		size_t nodes;
		bool small;
	} cases[] = {{"m5.xlarge", 30, false},
		     {"m5.xlarge", 31, true},
		     {"m5.2xlarge", 31, false},
		     {"m5.large", 1, true},
		     {"strange", 100, false}};
	struct site *site = *state;

	site->scope.management_address = "10.1.0.4";
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		site->instances[0].type = cases[i].type;
		site->scope.n_nodes = cases[i].nodes;
		if (cases[i].small)
			assert_found(site, CHECK_MANAGEMENT_SMALL, "management node");
		else
			assert_silent(site, CHECK_MANAGEMENT_SMALL);
	}
	site->scope.management_address = "10.9.9.9"; /* somewhere else */
	site->instances[0].type = "c5.large";
	assert_silent(site, CHECK_MANAGEMENT_SMALL);
}

/* The guide: about 100 concurrent calls, and no significant use of the management API; a dedicated one may do as it likes. */
static void tenancy_of_the_management_node(void **state)
{
	static const struct {
		const char *tenancy;
		int hd, per_minute;
		const char *says; /* NULL = silent */
	} cases[] = {{"default", 100, 99, NULL},
		     {"default", 100, -1, NULL},
		     {"default", 101, -1, "takes 101 HD calls"},
		     {"default", 17, 100, "takes 17 HD calls, and burstd alone asks its API 100 times"},
		     {"dedicated", 5000, 900, NULL},
		     {"host", 5000, 900, NULL},
		     {NULL, 5000, 900, NULL}};
	struct site *site = *state;

	site->instances[0].type = "m5.xlarge";
	site->scope.management_address = "10.1.0.4";
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		site->instances[0].tenancy = cases[i].tenancy;
		site->scope.platform_hd = cases[i].hd;
		site->scope.api_per_minute = cases[i].per_minute;
		if (!cases[i].says) {
			assert_silent(site, CHECK_MANAGEMENT_SHARED);
			continue;
		}
		assert_found(site, CHECK_MANAGEMENT_SHARED, "management node");
		if (!strstr(site->s->findings[0].message, cases[i].says))
			fail_msg("%s", site->s->findings[0].message);
	}
	site->instances[0].tenancy = "default"; /* not the Management Node's: another check tells of it */
	site->scope.management_address = "10.9.9.9";
	assert_silent(site, CHECK_MANAGEMENT_SHARED);
}

/* --- the platform ------------------------------------------------------------------------------------------------ */

static size_t platform_findings(const struct platform_report *r, size_t regions, enum check_id *ret_first)
{
	struct survey *s = survey_new("infinity", NOW);
	size_t n;

	survey_judge_platform(s, r, regions);
	n = s->n;
	*ret_first = n ? s->findings[0].check : CHECK_COUNT;
	survey_free(s);
	return n;
}

static void assert_found_platform(const struct platform_report *r, enum check_id expected)
{
	enum check_id first;

	assert_int_equal(platform_findings(r, 1, &first), 1);
	assert_int_equal(first, expected);
}

/* This is not found, and nothing else is. */
static void assert_silent_platform(const struct platform_report *r, enum check_id check)
{
	enum check_id first;

	if (platform_findings(r, 1, &first))
		fail_msg("%s where %s was to be silent", check_row(first)->id, check_row(check)->id);
}

static void platform_configuration(void **state)
{
	struct platform_report *r = platform_report_new(NOW);
	struct platform_item licence = {"port", NOW + 31 * DAY}, certificate = {"node", NOW + 31 * DAY};
	enum check_id first;

	(void)state;
	assert_silent_platform(r, CHECK_NO_LICENCE); /* nothing was read: nothing is concluded */
	*r = (struct platform_report){.n_dns = 1,
				      .n_ntp = 3,
				      .licences_read = true,
				      .licences = &licence,
				      .n_licences = 1,
				      .certificates = &certificate,
				      .n_certificates = 1,
				      .arena = r->arena};
	assert_silent_platform(r, CHECK_NO_DNS);
	r->n_dns = 0;
	assert_found_platform(r, CHECK_NO_DNS);
	r->n_dns = 1;
	assert_silent_platform(r, CHECK_FEW_NTP);
	r->n_ntp = 2;
	assert_found_platform(r, CHECK_FEW_NTP);
	r->n_ntp = 3;
	assert_silent_platform(r, CHECK_NO_LICENCE);
	r->n_licences = 0;
	assert_found_platform(r, CHECK_NO_LICENCE);
	r->n_licences = 1;
	assert_silent_platform(r, CHECK_LICENCE_ENDS_SOON);
	licence.ends_at = NOW + 30 * DAY;
	assert_found_platform(r, CHECK_LICENCE_ENDS_SOON);
	licence.ends_at = NOW;
	assert_found_platform(r, CHECK_LICENCE_EXPIRED);
	licence.ends_at = 0; /* without an end */
	assert_silent_platform(r, CHECK_LICENCE_EXPIRED);
	assert_silent_platform(r, CHECK_CERTIFICATE_ENDS_SOON);
	certificate.ends_at = NOW + 30 * DAY;
	assert_found_platform(r, CHECK_CERTIFICATE_ENDS_SOON);
	certificate.ends_at = NOW - 1;
	assert_found_platform(r, CHECK_CERTIFICATE_EXPIRED);
	certificate.ends_at = 0;
	assert_silent_platform(r, CHECK_CERTIFICATE_EXPIRED);
	assert_int_equal(platform_findings(r, 2, &first), 1);
	assert_int_equal(first, CHECK_SEVERAL_NETWORKS);
	platform_report_free(r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_guide_s_group_is_right),
		T(each_rule_is_missed),
		T(a_range_in_pieces),
		T(a_narrower_source_is_fine),
		T(reserved_ports_open_to_everyone),
		T(other_ports_open_to_everyone),
		T(everything_open_to_everyone),
		T(one_type_of_icmp),
		T(a_group_that_was_not_read),
		T(the_management_node_s_group),
		T(an_acl_denies),
		T(an_acl_allows_another_network),
		T(an_acl_and_nodes_in_one_subnet),
		T(keys_networks_and_clock),
		T(mask_and_gateway),
		T(size_of_the_management_node),
		T(tenancy_of_the_management_node),
		cmocka_unit_test(platform_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
