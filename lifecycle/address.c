/* Elastic IP addresses, and the static NAT address that has to be the node's public address (guide, "IP addressing"). */
#include <string.h>

#include "lifecycle/internal.h"

/* What everything that an operation makes carries. The tag of bursting is what the IAM policy binds its rights to. */
#define ADDRESS_TAGS 3
static size_t tags_of(struct job *job, const struct picture *p, struct managed_tag out[ADDRESS_TAGS])
{
	size_t n = 0;

	out[n++] = (struct managed_tag){"Name", job->op->intent.node_name};
	out[n++] = (struct managed_tag){TAG_OPERATION, job->op->intent.token};
	if (p->tag_value[0])
		out[n++] = (struct managed_tag){TAG_NAME, p->tag_value};
	return n;
}

/* --- allocate -------------------------------------------------------------------------------------------------------------- */

static bool wants_elastic(const struct job *job)
{
	return job->op->intent.kind == INTENT_ASSIGN_ADDRESS ||
	       !strcmp(operation_text(job->op, VALUE_PUBLIC_ADDRESSING), "elastic");
}

static enum step_result keep_allocation(struct job *job, const struct managed_address *a, bool ours)
{
	if (!operation_set(job->op, VALUE_ALLOCATION, a->allocation) ||
	    !operation_set(job->op, VALUE_ALLOCATED, ours ? "true" : "false"))
		return job_later(job, POLL_MS, "memory");
	return job_done(job, "%s is %s", a->allocation, a->public_address);
}

static enum step_result use_given(struct job *job, const char *allocation)
{
	struct managed_address a = {0};
	struct upstream_error e = {0};

	if (!ec2_find_address(job->ec2, allocation, &a, &e))
		return job_failed(job, &e);
	if (!a.allocation[0])
		return job_refuse(job, "no_such_address",
				  "Give the allocation id of an Elastic IP of this region.",
				  "there is no Elastic IP %s", allocation);
	if (a.instance[0] && strcmp(a.instance, job->op->intent.instance) != 0)
		return job_refuse(job, "address_taken", "Give one that is free.",
				  "the Elastic IP %s belongs to instance %s", allocation, a.instance);
	return keep_allocation(job, &a, false);
}

enum step_result step_allocate(struct job *job)
{
	const struct managed_tag mark = {TAG_OPERATION, job->op->intent.token};
	_cleanup_(picture_unrefp) struct picture *p = NULL;
	struct managed_tag tags[ADDRESS_TAGS];
	struct managed_address a = {0};
	struct upstream_error e = {0};

	if (!wants_elastic(job))
		return job_skip(job, "no Elastic IP was asked for");
	if (operation_text(job->op, VALUE_ALLOCATION_ID)[0])
		return use_given(job, operation_text(job->op, VALUE_ALLOCATION_ID));
	if (!ec2_find_tagged_address(job->ec2, &mark, &a, &e))
		return job_failed(job, &e);
	if (a.allocation[0])
		return keep_allocation(job, &a, true);
	if (job->step->attempts && !job_settled(job))
		return job_later(job, POLL_MS, "waits for EC2 to show whether the address was allocated");
	p = reconciler_picture(job->l->o.reconciler);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_allocate_address(job->ec2, tags, tags_of(job, p, tags), false, &a, &e))
		return job_failed(job, &e);
	return keep_allocation(job, &a, true);
}

/* Gives the address back, after taking it off its instance. */
static enum step_result give_back(struct job *job, const struct managed_address *a)
{
	struct upstream_error e = {0};

	if (!job_attempt(job))
		return RESULT_LATER;
	if (a->association[0]) {
		if (!ec2_disassociate_address(job->ec2, a->association, false, &e))
			return job_failed(job, &e);
		return job_later(job, POLL_MS, "waits for %s to be free", a->allocation);
	}
	if (!ec2_release_address(job->ec2, a->allocation, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for %s to be gone", a->allocation);
}

enum step_result undo_allocate(struct job *job)
{
	const struct managed_tag mark = {TAG_OPERATION, job->op->intent.token};
	struct managed_address a = {0};
	struct upstream_error e = {0};

	if (!job->step->attempts || operation_text(job->op, VALUE_ALLOCATION_ID)[0])
		return job_done(job, "nothing to undo");
	if (!ec2_find_tagged_address(job->ec2, &mark, &a, &e))
		return job_failed(job, &e);
	if (a.allocation[0])
		return give_back(job, &a);
	if (!job_settled(job)) /* RULE D4: a lost answer may show late */
		return job_later(job, POLL_MS, "waits for EC2 to show whether an address is left");
	return job_done(job, "no address is left");
}

enum step_result step_release(struct job *job)
{
	const char *allocation = operation_text(job->op, VALUE_ALLOCATION);
	struct managed_address a = {0};
	struct upstream_error e = {0};

	if (!operation_flag(job->op, VALUE_RELEASE_ADDRESS) || !allocation[0])
		return job_skip(job, allocation[0] ? "the Elastic IP is kept, as asked"
						   : "there is no Elastic IP");
	if (!ec2_find_address(job->ec2, allocation, &a, &e))
		return job_failed(job, &e);
	if (!a.allocation[0])
		return job_done(job, "%s is given back", allocation);
	if (a.instance[0] && strcmp(a.instance, job->op->intent.instance) != 0)
		return job_skip(job, "%s belongs to %s by now", allocation, a.instance);
	return give_back(job, &a);
}

/* --- associate ---------------------------------------------------------------------------------------------------------------- */

static enum step_result associated(struct job *job, const struct managed_address *a)
{
	if (!operation_set(job->op, VALUE_ASSOCIATION, a->association) ||
	    !operation_set(job->op, VALUE_PUBLIC_ADDRESS, a->public_address))
		return job_later(job, POLL_MS, "memory");
	return job_done(job, "%s belongs to the instance", a->public_address);
}

enum step_result step_associate(struct job *job)
{
	const char *allocation = operation_text(job->op, VALUE_ALLOCATION);
	const char *instance = job->op->intent.instance;
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};
	struct managed_address a = {0};
	struct upstream_error e = {0};

	if (!allocation[0])
		return job_skip(job, "no Elastic IP was asked for");
	if (!ec2_find_address(job->ec2, allocation, &a, &e))
		return job_failed(job, &e);
	if (!strcmp(a.instance, instance))
		return associated(job, &a);
	if (a.instance[0])
		return job_refuse(job, "address_taken", "Free it and resume the operation, or undo it.",
				  "the Elastic IP %s belongs to instance %s", allocation, a.instance);
	if (!job_instance(job, &i, &result)) /* else EC2's refusal is taken for a state that passes */
		return result;
	/* The present public address goes with it, and the calls that use it. */
	if (job->op->intent.kind == INTENT_ASSIGN_ADDRESS && job_was_running(job) &&
	    !job_may_cut(job, &result))
		return result;
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_associate_address(job->ec2, allocation, instance, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for EC2 to show the association");
}

enum step_result undo_associate(struct job *job)
{
	const char *allocation = operation_text(job->op, VALUE_ALLOCATION);
	enum step_result result = RESULT_DONE;
	struct managed_address a = {0};
	struct upstream_error e = {0};

	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	if (!ec2_find_address(job->ec2, allocation, &a, &e))
		return job_failed(job, &e);
	if (strcmp(a.instance, job->op->intent.instance) != 0 || !a.association[0])
		return job_done(job, "the instance has no Elastic IP");
	if (job->op->intent.kind == INTENT_ASSIGN_ADDRESS && job_was_running(job) &&
	    !job_may_cut(job, &result))
		return result;
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_disassociate_address(job->ec2, a.association, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for EC2 to show that the address is free");
}

/* --- static NAT ---------------------------------------------------------------------------------------------------------------- */

/* Only a node that has one, or was given a public address by this operation, gets one: private nodes stay private. */
static bool nat_follows(const struct job *job)
{
	switch (job->op->intent.kind) {
	case INTENT_DEPLOY_NODE:
		return strcmp(operation_text(job->op, VALUE_PUBLIC_ADDRESSING), "none") != 0;
	case INTENT_ASSIGN_ADDRESS:
	case INTENT_FOLLOW_ADDRESS:
		return true;
	default:
		return operation_text(job->op, VALUE_PREVIOUS_NAT)[0];
	}
}

static enum step_result set_nat(struct job *job, const char *address)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *node = job_node(job, &result);
	const char *present;

	if (!node)
		return result;
	present = json_string_value(json_object_get(node, "static_nat_address"));
	if (!strcmp(present ? present : "", address))
		return job_done(job, "static NAT is %s", address[0] ? address : "off");
	if (!job->step->attempts && !operation_set(job->op, VALUE_PREVIOUS_NAT, present ? present : ""))
		return job_later(job, POLL_MS, "memory");
	result = job_patch_node(job, "static_nat_address", address[0] ? json_string(address) : json_null());
	return result == RESULT_DONE ? job_done(job, "static NAT is %s, was %s", address[0] ? address : "off",
						present ? present : "off")
				     : result;
}

enum step_result step_static_nat(struct job *job)
{
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};

	if (!nat_follows(job))
		return job_skip(job, "the node has no public address to follow");
	if (!job_instance(job, &i, &result))
		return result;
	if (i.state != INSTANCE_RUNNING)
		return job_skip(job, "the instance is %s: its address is followed at its next start",
				instance_state_text(i.state));
	if (!i.public_address[0])
		return job_later(job, POLL_MS, "waits for the instance's public address");
	if (!operation_set(job->op, VALUE_PUBLIC_ADDRESS, i.public_address))
		return job_later(job, POLL_MS, "memory");
	return set_nat(job, i.public_address);
}

enum step_result undo_static_nat(struct job *job)
{
	if (!job->step->attempts || job->op->intent.kind == INTENT_DEPLOY_NODE) /* the node itself goes */
		return job_done(job, "nothing to undo");
	return set_nat(job, operation_text(job->op, VALUE_PREVIOUS_NAT));
}
