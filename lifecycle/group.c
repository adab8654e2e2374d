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

enum step_result step_group_rules(struct job *job)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(GROUP_ARENA);
	struct group_rule want[RULES_MOST];
	enum step_result result = RESULT_DONE;
	struct managed_group g = {0};
	struct upstream_error e = {0};
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
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_authorize(job->ec2, g.id, want, n, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "added %zu rules", n);
}
