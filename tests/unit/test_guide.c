/* The guide's tables: what a reader of the tables relies on, and the IPv4 networks that they are held against. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/ipv4.h"
#include "fleet/check.h"
#include "fleet/guide.h"

static void networks_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		const char *means; /* NULL = refused */
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"192.0.2.7", "192.0.2.7/32"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"128.0.0.0/1", "128.0.0.0/1"},
		{"192.0.2.1/24", NULL},
		{"192.0.2.0/33", NULL},
		{"192.0.2.0/", NULL},
		{"192.0.2.0/024", NULL},
		{"192.0.2.0/ 24", NULL},
		{"192.0.2", NULL},
		{"192.0.2.256", NULL},
		{"::/0", NULL},
		{"", NULL},
		{"192.0.2.0/24/1", NULL},
		{"192.000.2.0/24", NULL},
	};
	char text[IPV4_NETWORK_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ipv4_network n;
		bool good = ipv4_network_parse(cases[i].text, &n);

		assert_int_equal(good, cases[i].means != NULL);
		if (good)
			assert_string_equal(ipv4_network_text(n, text), cases[i].means);
	}
}

static bool covers(const char *outer, const char *inner)
{
	struct ipv4_network o, i;

	assert_true(ipv4_network_parse(outer, &o));
	assert_true(ipv4_network_parse(inner, &i));
	return ipv4_network_covers(o, i);
}

static void networks_cover_each_other(void **state)
{
	(void)state;
	assert_true(covers("0.0.0.0/0", "10.0.0.0/8"));
	assert_true(covers("10.0.0.0/8", "10.255.255.255"));
	assert_true(covers("10.0.0.0/8", "10.0.0.0/8"));
	assert_false(covers("10.0.0.0/8", "11.0.0.0/8"));
	assert_false(covers("10.0.0.0/8", "10.0.0.0/7"));
	assert_false(covers("10.1.2.3", "10.1.2.2"));
}

/* An id names one rule of its direction; only the management station may be asked for by a range that it fills in. */
static void rules_are_told_apart(void **state)
{
	size_t n;
	const struct guide_rule *rules = guide_rules(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_true(rules[i].why && rules[i].missing && rules[i].section && rules[i].page > 0);
		assert_true(rules[i].from <= rules[i].to);
		for (size_t k = 0; k < i; k++)
			assert_true(rules[i].direction != rules[k].direction ||
				    strcmp(rules[i].id, rules[k].id));
	}
}

static void checks_are_told_apart(void **state)
{
	(void)state;
	for (int i = 0; i < CHECK_COUNT; i++) {
		const struct check *c = check_row((enum check_id)i);

		assert_true(c->id[0] && c->consequence[0] && c->remedy[0]);
		assert_true((c->section != NULL) == (c->page > 0));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(c->id, check_row((enum check_id)k)->id);
	}
}

/* RULE E8: nothing in the bursting policy can make, end or retag anything; and no change is allowed without a condition. */
static void bursting_policy_only_starts_and_stops(void **state)
{
	size_t n;
	const struct policy_statement *s = guide_policy(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		bool reads = !strncmp(s[i].actions, "ec2:Describe", 12) && !s[i].resources;

		if (!(s[i].scopes & 1u << POLICY_BURSTING) || reads)
			continue;
		assert_string_equal(s[i].actions, "ec2:StartInstances ec2:StopInstances");
		assert_string_equal(s[i].conditions[0].key, "ec2:ResourceTag/pexip-cloud");
		assert_string_equal(s[i].conditions[0].values, POLICY_TAG_VALUE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_are_read_strictly),
		cmocka_unit_test(networks_cover_each_other),
		cmocka_unit_test(rules_are_told_apart),
		cmocka_unit_test(checks_are_told_apart),
		cmocka_unit_test(bursting_policy_only_starts_and_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
