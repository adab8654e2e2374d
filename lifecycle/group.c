/* The security group of the deployment guide: found or made, then completed with the rules of its table that are missing. */
#include <stdlib.h>
#include <string.h>

#include "lifecycle/internal.h"

#define GROUP_ARENA (4 * 1024 * 1024)

/* The group as it is: by id where one is known, else by name. False: *ret_result. */
static bool find_group(struct job *job, struct arena *arena, struct managed_group *ret,
		       enum step_result *ret_result)
{
	const char *made = operation_text(job->op, VALUE_MADE_GROUP);
	const char *given = operation_text(job->op, VALUE_GROUP);
	const char *id = made[0] ? made : given;
	struct upstream_error e = {0};

	if (ec2_find_group(job->ec2, id[0] ? id : NULL, operation_text(job->op, VALUE_VPC),
			   operation_text(job->op, VALUE_GROUP_NAME), arena, ret, &e))
		return true;
	*ret_result = job_failed(job, &e);
	return false;
}

static enum step_result make_group(struct job *job)
{
	_cleanup_(picture_unrefp) struct picture *p = reconciler_picture(job->l->o.reconciler);
	const struct managed_tag tags[] = {{"Name", operation_text(job->op, VALUE_GROUP_NAME)},
					   {TAG_OPERATION, job->op->intent.token},
					   {TAG_NAME, p->tag_value}};
	char id[EC2_ID_SIZE] = "";
	struct upstream_error e = {0};

	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_create_group(job->ec2, operation_text(job->op, VALUE_GROUP_NAME),
			      "Pexip Infinity nodes (deployment guide)", operation_text(job->op, VALUE_VPC),
			      tags, p->tag_value[0] ? 3 : 2, false, id, &e))
		return job_failed(job, &e);
	if (!operation_set(job->op, VALUE_MADE_GROUP, id))
		return job_later(job, POLL_MS, "memory");
	return job_done(job, "made %s", id);
}

enum step_result step_group(struct job *job)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(GROUP_ARENA);
	enum step_result result = RESULT_DONE;
	struct managed_group g = {0};

	if (!arena)
		return job_later(job, POLL_MS, "memory");
	if (!find_group(job, arena, &g, &result))
		return result;
	if (!g.id[0] && operation_text(job->op, VALUE_GROUP)[0])
		return job_refuse(job, "no_group", "Give the id of a group of this region.",
				  "there is no security group %s", operation_text(job->op, VALUE_GROUP));
	if (!g.id[0] && job->step->attempts && !job_settled(job))
		return job_later(job, POLL_MS, "waits for EC2 to show whether the group was made");
	if (!g.id[0])
		return make_group(job);
	if (job->step->attempts && !operation_set(job->op, VALUE_MADE_GROUP, g.id))
		return job_later(job, POLL_MS, "memory");
	return job_done(job, "%s, %s", g.id, g.name);
}

enum step_result undo_group(struct job *job)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(GROUP_ARENA);
	enum step_result result = RESULT_DONE;
	struct managed_group g = {0};
	struct upstream_error e = {0};

	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	if (!arena)
		return job_later(job, POLL_MS, "memory");
	if (!find_group(job, arena, &g, &result))
		return result;
	if (!g.id[0])
		return job_settled(job)
			       ? job_done(job, "there is no such group")
			       : job_later(job, POLL_MS, "waits for EC2 to show whether a group was made");
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_delete_group(job->ec2, g.id, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for %s to be gone", g.id);
}

/* --- rules -------------------------------------------------------------------------------------------------------------------- */

static const char *peer_of(const struct job *job, const struct guide_rule *r)
{
	return r->peer == GUIDE_MANAGEMENT ? operation_text(job->op, VALUE_MANAGEMENT_CIDR) : "0.0.0.0/0";
}

/* The guide's rule as EC2 has it; `group` is the group itself. */
static struct group_rule as_ec2(const struct job *job, const struct guide_rule *r, const char *group)
{
	bool own = r->peer == GUIDE_OWN_GROUP;

	return (struct group_rule){.egress = r->direction == GUIDE_OUTBOUND,
				   .protocol = strcmp(r->protocol, "all") ? r->protocol : "-1",
				   .from = r->from,
				   .to = r->to,
				   .cidr = own ? NULL : peer_of(job, r),
				   .group = own ? group : NULL};
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* A rule for everything, or for more ports to the same peer, covers it too. */
static bool covers(const struct group_rule *has, const struct group_rule *want)
{
	bool peer = same_text(has->cidr, want->cidr) && same_text(has->group, want->group);
	bool anyone = has->cidr && !strcmp(has->cidr, "0.0.0.0/0");

	if (has->egress != want->egress || !(peer || anyone))
		return false;
	if (!strcmp(has->protocol, "-1"))
		return true;
	return !strcmp(has->protocol, want->protocol) && (has->from < 0 || has->from <= want->from) &&
	       (has->to < 0 || (want->to >= 0 && has->to >= want->to));
}

static bool has_rule(const struct managed_group *g, const struct group_rule *want)
{
	for (size_t i = 0; i < g->n_rules; i++)
		if (covers(&g->rules[i], want))
			return true;
	return false;
}

#define RULES_MOST 32

/* The guide's rules of one direction that the group lacks; how many. */
static size_t missing(const struct job *job, const struct managed_group *g, bool egress,
		      struct group_rule out[RULES_MOST])
{
	size_t n_guide, n = 0;
	const struct guide_rule *guide = guide_rules(&n_guide);

	for (size_t i = 0; i < n_guide && n < RULES_MOST; i++) {
		struct group_rule want = as_ec2(job, &guide[i], g->id);

		if (guide[i].direction == GUIDE_NETWORK_ACL || want.egress != egress ||
		    (guide[i].optional && !operation_flag(job->op, VALUE_SIP_UDP)))
			continue;
		if (!has_rule(g, &want))
			out[n++] = want;
	}
	return n;
}

/* --- which rules this operation added: ADDED_RULES ------------------------------------------------------------------------------ */

static json_t *rule_json(const struct group_rule *r)
{
	return json_pack("{sb, ss, si, si, ss*, ss*}", "egress", r->egress, "protocol", r->protocol, "from",
			 r->from, "to", r->to, "cidr", r->cidr, "group", r->group);
}

static bool same_rule(const struct group_rule *a, const struct group_rule *b)
{
	return a->egress == b->egress && !strcmp(a->protocol, b->protocol) && a->from == b->from &&
	       a->to == b->to && same_text(a->cidr, b->cidr) && same_text(a->group, b->group);
}

static bool set_added(struct job *job, const json_t *list)
{
	_cleanup_(freep) char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;

	return text && operation_set(job->op, VALUE_ADDED_RULES, text);
}

/* As it was read; NULL = none, or not readable. */
static json_t *added_rules(const struct job *job)
{
	return json_loads(operation_text(job->op, VALUE_ADDED_RULES), JSON_REJECT_DUPLICATES, NULL);
}

static bool has_json(const json_t *list, const json_t *rule)
{
	const json_t *other;
	size_t i;

	json_array_foreach(list, i, other) if (json_equal(other, rule)) return true;
	return false;
}

static bool note_rules(struct job *job, const struct group_rule *rules, size_t n)
{
	json_auto_t *list = added_rules(job);
	int failed = 0;

	if (!list)
		list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_auto_t *rule = rule_json(&rules[i]);

		if (!has_json(list, rule))
			failed |= json_array_append(list, rule);
	}
	return !failed && set_added(job, list);
}

/* Of one direction; how many. The texts are the list's. */
static size_t rules_of(const json_t *list, bool egress, struct group_rule out[RULES_MOST])
{
	const json_t *rule;
	size_t i, n = 0;

	json_array_foreach(list, i, rule)
	{
		if (json_is_true(json_object_get(rule, "egress")) != egress || n == RULES_MOST)
			continue;
		out[n++] =
			(struct group_rule){.egress = egress,
					    .protocol = json_string_value(json_object_get(rule, "protocol")),
					    .from = (int)json_integer_value(json_object_get(rule, "from")),
					    .to = (int)json_integer_value(json_object_get(rule, "to")),
					    .cidr = json_string_value(json_object_get(rule, "cidr")),
					    .group = json_string_value(json_object_get(rule, "group"))};
	}
	return n;
}

static enum step_result add_rules(struct job *job, const char *group, const struct group_rule *rules,
				  size_t n)
{
	_cleanup_(freep) char *before = strdup(operation_text(job->op, VALUE_ADDED_RULES));
	struct upstream_error e = {0};

	if (!before || !note_rules(job, rules, n))
		return job_later(job, POLL_MS, "memory");
	if (!job_attempt(job))
		return RESULT_LATER;
	if (ec2_authorize(job->ec2, group, rules, n, false, &e))
		return job_later(job, POLL_MS, "added %zu rules", n);
	if (e.class != UPSTREAM_RETRY &&
	    n == 1) /* refused as a whole: what somebody else adds later is not ours */
		(void)operation_set(job->op, VALUE_ADDED_RULES, *before ? before : NULL);
	return job_failed(job, &e);
}

enum step_result step_group_rules(struct job *job)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(GROUP_ARENA);
	struct group_rule want[RULES_MOST];
	enum step_result result = RESULT_DONE;
	struct managed_group g = {0};
	size_t n;

	if (!arena)
		return job_later(job, POLL_MS, "memory");
	if (!find_group(job, arena, &g, &result))
		return result;
	if (!g.id[0])
		return job_later(job, POLL_MS, "waits for EC2 to show the group");
	n = missing(job, &g, false, want);
	if (!n)
		n = missing(job, &g, true, want);
	if (!n)
		return job_done(job, "%s has every rule of the deployment guide", g.id);
	return add_rules(job, g.id, want, n);
}

/* Those of one direction that the group has still; RESULT_DONE when it has none of them. */
static enum step_result revoke(struct job *job, const struct managed_group *g, const json_t *added,
			       bool egress)
{
	struct group_rule rules[RULES_MOST];
	size_t n = rules_of(added, egress, rules), left = 0;
	struct upstream_error e = {0};

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < g->n_rules; k++)
			if (same_rule(&rules[i], &g->rules[k])) {
				rules[left++] = rules[i];
				break;
			}
	if (!left)
		return RESULT_DONE;
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_revoke(job->ec2, g->id, rules, left, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "took %zu rules back", left);
}

enum step_result undo_group_rules(struct job *job)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(GROUP_ARENA);
	json_auto_t *added = added_rules(job);
	enum step_result result = RESULT_DONE;
	struct managed_group g = {0};

	if (!added || operation_text(job->op, VALUE_MADE_GROUP)[0])
		return job_done(job, added ? "its rules go with the group" : "nothing to undo");
	if (!arena)
		return job_later(job, POLL_MS, "memory");
	if (!find_group(job, arena, &g, &result))
		return result;
	if (!g.id[0])
		return job_done(job, "there is no such group");
	result = revoke(job, &g, added, false);
	if (result == RESULT_DONE)
		result = revoke(job, &g, added, true);
	if (result == RESULT_DONE && !job_settled(job))
		return job_later(job, POLL_MS, "waits for EC2 to show the group without them");
	return result == RESULT_DONE ? job_done(job, "the rules that were added are taken back") : result;
}
