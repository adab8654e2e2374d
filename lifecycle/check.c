/*
 * The first step of every operation: is all of it possible, and is it permitted? Nothing is changed here: reads, and EC2's dry runs.
 * What it finds of node and instance is kept, so that every later step can be undone. A refusal ends the operation as failed,
 * with nothing to clean up.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lifecycle/internal.h"

#define PASSED RESULT_DONE

/* --- permissions ---------------------------------------------------------------------------------------------------------- */

/* A dry run's answer. Only a plain no counts: a wrong state or an id that does not exist yet is the step's own business. */
static enum step_result permitted(struct job *job, bool allowed, const struct upstream_error *e,
				  const char *action)
{
	if (allowed)
		return PASSED;
	if (!strcmp(e->code, "UnauthorizedOperation") || !strcmp(e->code, "AccessDenied"))
		return job_refuse(
			job, "not_permitted",
			"Attach the policy of /v1/aws/iam-policy?scope=lifecycle to the credentials of "
			"life-cycle operations, then ask again.",
			"missing permission %s", action);
	if (e->class == UPSTREAM_RETRY || e->class == UPSTREAM_THROTTLED || upstream_account_wide(e))
		return job_failed(job, e);
	return PASSED;
}

struct question {
	const char *action;
	bool (*ask)(struct job *, struct upstream_error *);
};

static bool ask_start(struct job *job, struct upstream_error *e)
{
	struct ec2_state_change unused;

	return ec2_start_instance(job->ec2, job->op->intent.instance, true, &unused, e);
}

static bool ask_stop(struct job *job, struct upstream_error *e)
{
	struct ec2_state_change unused;

	return ec2_stop_instance(job->ec2, job->op->intent.instance, true, &unused, e);
}

static bool ask_terminate(struct job *job, struct upstream_error *e)
{
	return ec2_terminate(job->ec2, job->op->intent.instance, true, e);
}

static bool ask_type(struct job *job, struct upstream_error *e)
{
	return ec2_set_type(job->ec2, job->op->intent.instance, operation_text(job->op, VALUE_INSTANCE_TYPE),
			    true, e);
}

static bool ask_ena(struct job *job, struct upstream_error *e)
{
	return ec2_set_ena(job->ec2, job->op->intent.instance, true, e);
}

static bool ask_tag(struct job *job, struct upstream_error *e)
{
	_cleanup_(picture_unrefp) struct picture *p = reconciler_picture(job->l->o.reconciler);
	struct managed_tag tag = {TAG_NAME, p->tag_value};

	return ec2_tag(job->ec2, job->op->intent.instance, &tag, 1, true, e);
}

static bool ask_untag(struct job *job, struct upstream_error *e)
{
	return ec2_untag(job->ec2, job->op->intent.instance, TAG_NAME, true, e);
}

static bool ask_allocate(struct job *job, struct upstream_error *e)
{
	struct managed_tag mark = {TAG_OPERATION, job->op->intent.token};
	struct managed_address unused;

	return ec2_allocate_address(job->ec2, &mark, 1, true, &unused, e);
}

static bool ask_launch(struct job *job, struct upstream_error *e)
{
	return launch_dry_run(job, operation_text(job->op, VALUE_IMAGE), e);
}

static bool ask_create_group(struct job *job, struct upstream_error *e)
{
	struct managed_tag mark = {TAG_OPERATION, job->op->intent.token};
	char unused[EC2_ID_SIZE];

	return ec2_create_group(job->ec2, operation_text(job->op, VALUE_GROUP_NAME), "burstd",
				operation_text(job->op, VALUE_VPC), &mark, 1, true, unused, e);
}

static bool ask_authorize(struct job *job, struct upstream_error *e)
{
	const struct group_rule rule = {
		.protocol = "udp", .from = 500, .to = 500, .group = operation_text(job->op, VALUE_GROUP)};

	return ec2_authorize(job->ec2, operation_text(job->op, VALUE_GROUP), &rule, 1, true, e);
}

/* Which questions each kind asks. An Elastic IP that is given needs no permission to allocate one. */
static enum step_result may_all(struct job *job, const struct question *questions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct upstream_error e = {0};
		bool allowed = questions[i].ask(job, &e);
		enum step_result result = permitted(job, allowed, &e, questions[i].action);

		if (result != PASSED)
			return result;
	}
	return PASSED;
}

#define MAY(...)                                                                                             \
	may_all(job, (const struct question[]){__VA_ARGS__},                                                 \
		sizeof((const struct question[]){__VA_ARGS__}) / sizeof(struct question))
#define Q_START                                                                                              \
	{                                                                                                    \
		"ec2:StartInstances", ask_start                                                              \
	}
#define Q_STOP                                                                                               \
	{                                                                                                    \
		"ec2:StopInstances", ask_stop                                                                \
	}
#define Q_ALLOCATE                                                                                           \
	{                                                                                                    \
		"ec2:AllocateAddress", ask_allocate                                                          \
	}

static enum step_result may_address(struct job *job)
{
	bool needed = job->op->intent.kind == INTENT_ASSIGN_ADDRESS ||
		      !strcmp(operation_text(job->op, VALUE_PUBLIC_ADDRESSING), "elastic");

	return needed && !operation_text(job->op, VALUE_ALLOCATION_ID)[0] ? MAY(Q_ALLOCATE) : PASSED;
}

static enum step_result may_deploy(struct job *job)
{
	enum step_result result = MAY({"ec2:RunInstances", ask_launch});

	return result == PASSED ? may_address(job) : result;
}

static enum step_result may_convert(struct job *job)
{
	return job_to_overflow(job) ? MAY({"ec2:CreateTags", ask_tag}, Q_STOP)
				    : MAY({"ec2:DeleteTags", ask_untag}, Q_START);
}

static enum step_result may(struct job *job)
{
	switch (job->op->intent.kind) {
	case INTENT_DEPLOY_NODE:
	case INTENT_DEPLOY_MANAGEMENT_NODE:
		return may_deploy(job);
	case INTENT_SHUT_DOWN:
		return MAY(Q_STOP);
	case INTENT_REINSTATE:
		return MAY(Q_START);
	case INTENT_REMOVE:
		return job->op->intent.instance[0] ? MAY({"ec2:TerminateInstances", ask_terminate}) : PASSED;
	case INTENT_CONVERT:
		return may_convert(job);
	case INTENT_RESIZE:
		return MAY(Q_STOP, Q_START, {"ec2:ModifyInstanceAttribute", ask_type});
	case INTENT_ENABLE_ENA:
		return MAY(Q_STOP, Q_START, {"ec2:ModifyInstanceAttribute", ask_ena});
	case INTENT_ASSIGN_ADDRESS:
		return may_address(job);
	case INTENT_SECURITY_GROUP:
		return operation_text(job->op, VALUE_GROUP)[0]
			       ? MAY({"ec2:AuthorizeSecurityGroupIngress", ask_authorize})
			       : MAY({"ec2:CreateSecurityGroup", ask_create_group});
	default:
		return PASSED;
	}
}

/* --- what stands now --------------------------------------------------------------------------------------------------------- */

static bool keep_text(struct job *job, enum operation_value value, const json_t *node, const char *field)
{
	const char *text = json_string_value(json_object_get(node, field));

	return operation_set(job->op, value, text ? text : "");
}

static enum step_result note_node(struct job *job)
{
	enum step_result result = PASSED;
	json_auto_t *node = job_node(job, &result);
	const char *location;
	bool kept;

	if (!node)
		return result;
	location = json_string_value(json_object_get(node, "system_location"));
	kept = keep_text(job, VALUE_ADDRESS, node, "address") &&
	       keep_text(job, VALUE_PREVIOUS_NAT, node, "static_nat_address") &&
	       operation_set(job->op, VALUE_PREVIOUS_DATABASE,
			     json_is_true(json_object_get(node, "enable_distributed_database")) ? "true"
												: "false") &&
	       operation_setf(
		       job->op, VALUE_PREVIOUS_LOCATION, "%lld",
		       (long long)(location ? infinity_reference_id(RESOURCE_SYSTEM_LOCATION, location) : 0));
	return kept ? PASSED : job_later(job, POLL_MS, "memory");
}

static enum step_result note_instance(struct job *job, const struct managed_instance *i)
{
	struct managed_address a = {0};
	struct upstream_error e = {0};
	bool kept = operation_set(job->op, VALUE_WAS_RUNNING, instance_up(i) ? "true" : "false") &&
		    operation_set(job->op, VALUE_PREVIOUS_TYPE, i->type) &&
		    operation_set(job->op, VALUE_PREVIOUS_TAG, i->tagged ? i->tag_value : "") &&
		    operation_set(job->op, VALUE_PREVIOUS_ENA, i->ena ? "true" : "false");

	if (!kept)
		return job_later(job, POLL_MS, "memory");
	if (job->op->intent.kind != INTENT_REMOVE)
		return PASSED;
	if (!ec2_find_address_of(job->ec2, i->id, &a, &e))
		return job_failed(job, &e);
	return !a.allocation[0] || operation_set(job->op, VALUE_ALLOCATION, a.allocation)
		       ? PASSED
		       : job_later(job, POLL_MS, "memory");
}

static bool needs_ena(const char *type)
{
	return !strncmp(type, "c5", 2) || !strncmp(type, "m5", 2);
}

static enum step_result check_resize(struct job *job, const struct managed_instance *i)
{
	const char *type = operation_text(job->op, VALUE_INSTANCE_TYPE);
	struct upstream_error e = {0};
	bool offered = true;

	if (!strcmp(i->type, type))
		return job_refuse(job, "same_type", "Nothing is to be done.", "instance %s is a %s already",
				  i->id, type);
	if (needs_ena(type) && !i->ena)
		return job_refuse(job, "ena",
				  "Enable ENA support first (/v1/nodes/{id}/enable-ena), then resize.",
				  "a %s needs ENA support, which instance %s does not have", type, i->id);
	if (!ec2_type_offered(job->ec2, type, i->zone, &offered, &e))
		return job_failed(job, &e);
	return offered ? PASSED
		       : job_refuse(job, "type_not_offered", "Choose another type.",
				    "%s is not offered in %s", type, i->zone);
}

static enum step_result check_address(struct job *job, const struct managed_instance *i)
{
	struct managed_address a = {0};
	struct upstream_error e = {0};

	if (!ec2_find_address_of(job->ec2, i->id, &a, &e))
		return job_failed(job, &e);
	return a.allocation[0]
		       ? job_refuse(job, "has_address", "Nothing is to be done.",
				    "instance %s has the Elastic IP %s already", i->id, a.public_address)
		       : PASSED;
}

static enum step_result check_instance(struct job *job)
{
	enum step_result result = PASSED;
	struct managed_instance i = {0};

	if (!job->op->intent.instance[0]) /* removing a node whose instance is gone */
		return PASSED;
	if (job->op->intent.kind == INTENT_REMOVE) {
		struct upstream_error e = {0};

		if (!ec2_find_instance(job->ec2, job->op->intent.instance, &i, &e))
			return job_failed(job, &e);
		return instance_gone(&i) ? PASSED : note_instance(job, &i);
	}
	if (!job_instance(job, &i, &result))
		return result;
	if (job->op->intent.kind == INTENT_RESIZE) {
		result = check_resize(job, &i);
		if (result != PASSED)
			return result;
	}
	if (job->op->intent.kind == INTENT_ASSIGN_ADDRESS) {
		result = check_address(job, &i);
		if (result != PASSED)
			return result;
	}
	if (job->op->intent.kind == INTENT_ENABLE_ENA && i.ena)
		return job_refuse(job, "has_ena", "Nothing is to be done.",
				  "instance %s has ENA support already", i.id);
	return note_instance(job, &i);
}

static enum step_result check_node(struct job *job)
{
	enum step_result result = note_node(job);

	return result == PASSED ? check_instance(job) : result;
}

/* --- a deployment ---------------------------------------------------------------------------------------------------------------- */

static bool same_field(const json_t *object, const char *field, const char *value)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text && value[0] && !strcasecmp(text, value);
}

/* Guide: name and hostname are unique; a location's nodes are all of one role. */
static enum step_result check_other(struct job *job, const json_t *other)
{
	const struct operation *op = job->op;
	const char *location = json_string_value(json_object_get(other, "system_location"));
	bool proxying = !strcmp(operation_text(op, VALUE_ROLE), "proxying");

	if (same_field(other, "name", op->intent.node_name))
		return job_refuse(job, "name_taken", "Choose another name.", "Infinity has a node named %s",
				  op->intent.node_name);
	if (same_field(other, "hostname", operation_text(op, VALUE_HOSTNAME)))
		return job_refuse(job, "hostname_taken", "Choose another hostname.",
				  "the node %.32s has the hostname %s",
				  json_string_value(json_object_get(other, "name")),
				  operation_text(op, VALUE_HOSTNAME));
	if (location && infinity_reference_id(RESOURCE_SYSTEM_LOCATION, location) == op->intent.location &&
	    same_field(other, "node_type", proxying ? "CONFERENCING" : "PROXYING"))
		return job_refuse(
			job, "roles_mixed",
			"Choose a location whose nodes have the same role (guide, \"System location\").",
			"the location holds nodes of the other role");
	return PASSED;
}

static enum step_result check_others(struct job *job)
{
	json_auto_t *list = NULL;
	struct upstream_error e = {0};
	const json_t *other;
	size_t i;

	if (!infinity_resource_list(job->l->o.infinity, RESOURCE_WORKER_VM, &list, &e))
		return job_failed(job, &e);
	json_array_foreach(list, i, other)
	{
		enum step_result result = check_other(job, other);

		if (result != PASSED)
			return result;
	}
	return PASSED;
}

static enum step_result check_location(struct job *job)
{
	json_auto_t *location = NULL;
	struct upstream_error e = {0};

	if (!infinity_resource_get(job->l->o.infinity, RESOURCE_SYSTEM_LOCATION, job->op->intent.location,
				   &location, &e))
		return job_failed(job, &e);
	return location ? PASSED
			: job_refuse(job, "no_location", "Make the location first.",
				     "Infinity has no system location %lld",
				     (long long)job->op->intent.location);
}

/* A name of a certificate may have a star for its first label (RFC 6125 6.4.3). */
static bool name_fits(const char *pattern, const char *name)
{
	const char *dot = strchr(name, '.');

	if (!strncmp(pattern, "*.", 2))
		return dot && !strcasecmp(pattern + 1, dot);
	return !strcasecmp(pattern, name);
}

static bool certificate_names(const json_t *certificate, const char *name)
{
	const json_t *names = json_object_get(certificate, "subject_alt_names");
	const char *subject = json_string_value(json_object_get(certificate, "subject_name"));
	char text[4096];
	char *rest = text, *one;

	if (subject && name_fits(subject, name))
		return true;
	for (size_t i = 0; i < json_array_size(names); i++)
		if (json_is_string(json_array_get(names, i)) &&
		    name_fits(json_string_value(json_array_get(names, i)), name))
			return true;
	(void)snprintf(text, sizeof text, "%s", json_is_string(names) ? json_string_value(names) : "");
	while ((one = strsep(&rest, ", ")))
		if (*one && name_fits(one, name))
			return true;
	return false;
}

/* Guide, "TLS certificate": it must contain the Configured FQDN. */
static enum step_result check_certificate(struct job *job)
{
	const char *name = operation_text(job->op, VALUE_CONFIGURED_FQDN);
	int64_t id = operation_number(job->op, VALUE_TLS_CERTIFICATE);
	json_auto_t *certificate = NULL;
	struct upstream_error e = {0};

	if (!id || !name[0])
		return PASSED;
	if (!infinity_resource_get(job->l->o.infinity, RESOURCE_TLS_CERTIFICATE, id, &certificate, &e))
		return job_failed(job, &e);
	if (!certificate)
		return job_refuse(job, "no_certificate", "Upload the certificate first.",
				  "Infinity has no TLS certificate %lld", (long long)id);
	return certificate_names(certificate, name)
		       ? PASSED
		       : job_refuse(job, "certificate_name", "Choose a certificate that has this name.",
				    "the TLS certificate %lld does not contain %s", (long long)id, name);
}

static enum step_result check_groups(struct job *job, const char *vpc)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(8 * 1024 * 1024);
	char text[512];
	char *rest = text, *id;

	if (!arena)
		return job_later(job, POLL_MS, "memory");
	(void)snprintf(text, sizeof text, "%s", operation_text(job->op, VALUE_SECURITY_GROUPS));
	while ((id = strsep(&rest, ","))) {
		struct managed_group g = {0};
		struct upstream_error e = {0};

		if (!ec2_find_group(job->ec2, id, NULL, NULL, arena, &g, &e))
			return job_failed(job, &e);
		if (!g.id[0] || strcmp(g.vpc, vpc) != 0)
			return job_refuse(job, "group", "Give a security group of the subnet's VPC.",
					  "there is no security group %s in %s", id, vpc);
	}
	return PASSED;
}

static enum step_result check_place(struct job *job)
{
	const char *type = operation_text(job->op, VALUE_INSTANCE_TYPE);
	const char *key = operation_text(job->op, VALUE_KEY_NAME);
	struct managed_subnet subnet = {0};
	struct upstream_error e = {0};
	bool offered = false, keyed = false;

	if (!ec2_find_subnet(job->ec2, operation_text(job->op, VALUE_SUBNET), &subnet, &e))
		return job_failed(job, &e);
	if (!subnet.id[0] || !subnet.free_addresses)
		return job_refuse(job, "subnet", "Give a subnet of the region with free addresses.",
				  subnet.id[0] ? "the subnet %s has no free address"
					       : "there is no subnet %s",
				  operation_text(job->op, VALUE_SUBNET));
	if (!ec2_find_key_pair(job->ec2, key, &keyed, &e) ||
	    !ec2_type_offered(job->ec2, type, subnet.zone, &offered, &e))
		return job_failed(job, &e);
	if (!keyed)
		return job_refuse(job, "key_pair", "Make or import it in EC2 (guide, \"Limitations\").",
				  "there is no key pair %s in %s", key, job->op->intent.region);
	if (!offered)
		return job_refuse(job, "type_not_offered", "Choose another type or subnet.",
				  "%s is not offered in %s", type, subnet.zone);
	return check_groups(job, subnet.vpc);
}

static enum step_result check_deployment(struct job *job)
{
	bool node = job->op->intent.kind == INTENT_DEPLOY_NODE;
	enum step_result result = node ? check_others(job) : PASSED;

	if (result == PASSED && node)
		result = check_location(job);
	if (result == PASSED && node)
		result = check_certificate(job);
	if (result == PASSED)
		result = check_place(job);
	if (result != PASSED)
		return result;
	return step_find_image(job); /* the permission to launch is asked for this image */
}

/* --- all --------------------------------------------------------------------------------------------------------------------------- */

static enum step_result check_kind(struct job *job)
{
	switch (job->op->intent.kind) {
	case INTENT_DEPLOY_NODE:
	case INTENT_DEPLOY_MANAGEMENT_NODE:
		return check_deployment(job);
	case INTENT_CONFIGURE_PLATFORM:
	case INTENT_SECURITY_GROUP:
		return PASSED;
	default:
		return check_node(job);
	}
}

enum step_result step_check(struct job *job)
{
	enum step_result result = check_kind(job);

	if (result == PASSED)
		result = may(job);
	return result == PASSED ? job_done(job, "everything asked for is possible and permitted") : result;
}
