/* /v1/aws: what has to be set up in AWS, from the tables of fleet/guide.c, ready to be used. Nothing is asked of AWS. */
#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "fleet/guide.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/views.h"

/* --- the IAM policy ------------------------------------------------------------------------------------------ */

struct policy {
	const struct config *config;
	const char *tag_value;
	const char *partition;
	enum policy_scope scope;
};

/* "a b c" as ["a", "b", "c"]. */
static json_t *words(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t len = strcspn(text, " ");

		(void)json_array_append_new(list, json_stringn(text, len));
		text += len + strspn(text + len, " ");
	}
	return list;
}

/* IAM replaces ${...} in a condition's value; "${$}" is how it spells the dollar sign itself. */
static json_t *plain_value(const char *text)
{
	struct buf b = BUF_INIT(8 * TAG_VALUE_SIZE);
	json_t *value;

	for (; *text; text++)
		if (text[0] == '$' && text[1] == '{')
			buf_puts(&b, "${$}");
		else
			buf_append(&b, text, 1);
	value = json_string(b.data ? b.data : "");
	buf_free(&b);
	return value;
}

static bool in_partition(const struct policy *p, size_t region)
{
	return !strcmp(config_partition(p->config, region), p->partition);
}

/* Each kind of resource in each of the regions. The account is whichever the policy is pasted into. */
static json_t *resources_of(const struct policy *p, const struct policy_statement *s)
{
	json_t *kinds = words(s->resources), *list = json_array(), *kind;
	size_t i;

	json_array_foreach(kinds, i, kind)
	{
		for (size_t r = 0; r < p->config->aws_regions.n; r++)
			if (in_partition(p, r))
				(void)json_array_append_new(list,
							    json_sprintf("arn:%s:ec2:%s:%s:%s", p->partition,
									 p->config->aws_regions.items[r],
									 s->no_account ? "" : "*",
									 json_string_value(kind)));
	}
	json_decref(kinds);
	return list;
}

static json_t *regions_of(const struct policy *p)
{
	json_t *list = json_array();

	for (size_t r = 0; r < p->config->aws_regions.n; r++)
		if (in_partition(p, r))
			(void)json_array_append_new(list, json_string(p->config->aws_regions.items[r]));
	return list;
}

/* What has no resource is at least bound to the regions. */
static json_t *conditions_of(const struct policy *p, const struct policy_statement *s)
{
	json_t *all = json_object();

	if (!s->resources)
		put(all, "StringEquals", json_pack("{s:o}", "aws:RequestedRegion", regions_of(p)));
	for (const struct policy_condition *c = s->conditions; c->operator_name; c++) {
		json_t *same = json_object_get(all, c->operator_name);
		bool tag = !strcmp(c->values, POLICY_TAG_VALUE);

		if (!same)
			put(all, c->operator_name, same = json_object());
		put(same, c->key, tag ? plain_value(p->tag_value) : words(c->values));
	}
	return all;
}

static json_t *view_statement(const struct policy *p, const struct policy_statement *s)
{
	json_t *v =
		json_pack("{s:s, s:s, s:o}", "Sid", s->id, "Effect", "Allow", "Action", words(s->actions));
	json_t *conditions = conditions_of(p, s);

	put(v, "Resource", s->resources ? resources_of(p, s) : json_string("*"));
	if (json_object_size(conditions))
		put(v, "Condition", conditions);
	else
		json_decref(conditions);
	return v;
}

static json_t *view_policy(const struct policy *p)
{
	json_t *list = json_array();
	size_t n;
	const struct policy_statement *s = guide_policy(&n);

	for (size_t i = 0; i < n; i++)
		if (s[i].scopes & 1u << p->scope)
			(void)json_array_append_new(list, view_statement(p, &s[i]));
	return json_pack("{s:s, s:o}", "Version", "2012-10-17", "Statement", list);
}

/* A policy holds within one partition: an ARN of another is refused by IAM. */
static bool choose_partition(struct req *r, struct policy *p, struct error *e)
{
	const struct config *c = p->config;
	const char *asked = req_query(r, "partition");
	bool several = false;

	for (size_t i = 0; i < c->aws_regions.n; i++) {
		const char *its = config_partition(c, i);

		several |= p->partition && strcmp(p->partition, its) != 0;
		if (!p->partition || (asked && !strcmp(asked, its)))
			p->partition = its;
	}
	if (!p->partition)
		(void)error_set(e, ERR_CONFLICT, "No AWS region is configured: set BURSTD_AWS_REGIONS.");
	else if (asked && strcmp(asked, p->partition) != 0)
		(void)error_set(e, ERR_BAD_REQUEST,
				"the query parameter \"partition\" must be that of a configured region");
	else if (!asked && several)
		(void)error_set(
			e, ERR_BAD_REQUEST,
			"the query parameter \"partition\" is needed: the configured regions belong to "
			"several, and each has a policy of its own");
	else
		return true;
	return false;
}

struct done *iam_policy_get(struct req *r)
{
	struct policy p = {.config = r->app->config, .tag_value = req_picture(r)->tag_value};
	struct error e;
	int scope;

	if (!query_choice(r, "scope", "bursting|lifecycle", &scope, &e) || !choose_partition(r, &p, &e))
		return reply_error(r, &e);
	if (!p.tag_value || !*p.tag_value) {
		(void)error_set(
			&e, ERR_BUSY,
			"The tag value is not known: Infinity was not heard yet, and tag_value is not set "
			"in /v1/bursting. A policy without it would fit no instance.");
		return reply_error(r, &e);
	}
	p.scope = scope > 0 ? POLICY_LIFECYCLE : POLICY_BURSTING;
	return reply_value(r, 200, view_policy(&p));
}

/* --- the security group ---------------------------------------------------------------------------------------- */

/* As EC2 writes it. false: no IPv4 address or network, or the whole internet. */
static bool read_cidr(const char *text, char ret[IPV4_NETWORK_SIZE])
{
	struct ipv4_network n;

	if (!ipv4_network_parse(text, &n) || n.bits == 0)
		return false;
	(void)ipv4_network_text(n, ret);
	return true;
}

static json_t *view_cidr(const struct guide_rule *rule, const char *management)
{
	switch (rule->peer) {
	case GUIDE_ANYWHERE:
		return json_string("0.0.0.0/0");
	case GUIDE_MANAGEMENT:
		return management ? json_string(management) : NULL;
	case GUIDE_OWN_GROUP:
		break;
	}
	return NULL; /* a group's own id is known when it has been made */
}

static json_t *view_rule(const struct guide_rule *rule, const char *management)
{
	json_t *v = json_object();

	put_text(v, "id", rule->id);
	put_text(v, "protocol", rule->protocol);
	put_known(v, "from_port", rule->from);
	put_known(v, "to_port", rule->to);
	put_text(v, "peer", guide_peer_text(rule->peer));
	put(v, "cidr", view_cidr(rule, management));
	put_bool(v, "optional", rule->optional);
	put_text(v, "why", rule->why);
	put(v, "guide", json_pack("{s:s, s:i}", "section", rule->section, "page", rule->page));
	return v;
}

static json_t *view_rules(enum guide_direction direction, const char *management)
{
	json_t *list = json_array();
	size_t n;
	const struct guide_rule *rules = guide_rules(&n);

	for (size_t i = 0; i < n; i++)
		if (rules[i].direction == direction)
			(void)json_array_append_new(list, view_rule(&rules[i], management));
	return list;
}

struct done *security_group_get(struct req *r)
{
	const char *asked = req_query(r, "management_cidr");
	char management[IPV4_NETWORK_SIZE];
	struct error e;

	if (asked && !read_cidr(asked, management)) {
		(void)error_set(
			&e, ERR_BAD_REQUEST,
			"the query parameter \"management_cidr\" must be an IPv4 address or network such as "
			"192.0.2.0/24, without host bits and not the whole internet");
		return reply_error(r, &e);
	}
	asked = asked ? management : NULL;
	return reply_value(r, 200,
			   json_pack("{s:s?, s:o, s:o, s:o}", "management_cidr", asked, "inbound",
				     view_rules(GUIDE_INBOUND, asked), "outbound",
				     view_rules(GUIDE_OUTBOUND, asked), "network_acl",
				     view_rules(GUIDE_NETWORK_ACL, asked)));
}
