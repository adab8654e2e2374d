/* The instance: launched, started, stopped, changed, tagged, terminated. Every step looks first, so that nothing happens twice. */
#include <stdio.h>
#include <string.h>

#include "base/ipv4.h"
#include "lifecycle/internal.h"

/* --- launch ------------------------------------------------------------------------------------------------------------------ */

#define LAUNCH_TAGS   40
#define LAUNCH_GROUPS 16

struct launch {
	struct managed_launch request;
	struct managed_tag tags[LAUNCH_TAGS];
	const char *groups[LAUNCH_GROUPS];
	char group_text[512];
	json_t *own_tags;
	struct picture *picture;
};

static void launch_end(struct launch *l)
{
	json_decref(l->own_tags);
	picture_unref(l->picture);
}

static void add_tag(struct launch *l, const char *key, const char *value)
{
	if (l->request.n_tags < LAUNCH_TAGS)
		l->tags[l->request.n_tags++] = (struct managed_tag){key, value};
}

static void add_tags(struct job *job, struct launch *l)
{
	const char *key;
	json_t *value;

	add_tag(l, "Name", job->op->intent.node_name);
	add_tag(l, TAG_OPERATION, job->op->intent.token);
	if (operation_flag(job->op, VALUE_BURSTING))
		add_tag(l, TAG_NAME, l->picture->tag_value);
	l->own_tags = json_loads(operation_text(job->op, VALUE_TAGS), 0, NULL);
	json_object_foreach(l->own_tags, key, value) add_tag(l, key, json_string_value(value));
	l->request.tags = l->tags;
}

static void add_groups(struct job *job, struct launch *l)
{
	char *rest = l->group_text;
	const char *group;

	(void)snprintf(l->group_text, sizeof l->group_text, "%s",
		       operation_text(job->op, VALUE_SECURITY_GROUPS));
	while ((group = strsep(&rest, ",")) && l->request.n_groups < LAUNCH_GROUPS)
		l->groups[l->request.n_groups++] = group;
	l->request.groups = l->groups;
}

/* What is sent is made of the operation alone, so a repeat is the same request (EC2 compares it with the client token's). */
static void launch_begin(struct job *job, const char *image, struct launch *l)
{
	*l = (struct launch){.request = {.image = image,
					 .type = operation_text(job->op, VALUE_INSTANCE_TYPE),
					 .tenancy = operation_text(job->op, VALUE_TENANCY),
					 .subnet = operation_text(job->op, VALUE_SUBNET),
					 .key_name = operation_text(job->op, VALUE_KEY_NAME),
					 .public_address = !strcmp(
						 operation_text(job->op, VALUE_PUBLIC_ADDRESSING), "auto"),
					 .client_token = job->op->intent.token},
			     .picture = reconciler_picture(job->l->o.reconciler)};
	add_tags(job, l);
	add_groups(job, l);
}

bool launch_dry_run(struct job *job, const char *image, struct upstream_error *e)
{
	_cleanup_(launch_end) struct launch l;
	struct managed_instance unused;

	launch_begin(job, image, &l);
	return ec2_launch(job->ec2, &l.request, true, &unused, e);
}

static enum step_result launched(struct job *job, const struct managed_instance *i)
{
	(void)snprintf(job->op->intent.instance, sizeof job->op->intent.instance, "%.32s", i->id);
	if (instance_gone(i))
		return job_refuse(job, "launch_failed", "Undo the operation; the reason is AWS's.",
				  "instance %s was launched and is %s%s%s", i->id,
				  instance_state_text(i->state), i->reason[0] ? ": " : "", i->reason);
	return job_done(job, "instance %s", i->id);
}

enum step_result step_launch(struct job *job)
{
	_cleanup_(launch_end) struct launch l = {0};
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (job->step->attempts) { /* the request may have gone out: lost answer, or kill -9 */
		if (!ec2_find_launched(job->ec2, job->op->intent.token, &i, &e))
			return job_failed(job, &e);
		if (i.id[0])
			return launched(job, &i);
		if (!job_settled(job))
			return job_later(job, POLL_MS,
					 "waits for EC2 to show whether the instance was launched");
	}
	launch_begin(job, operation_text(job->op, VALUE_IMAGE), &l);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_launch(job->ec2, &l.request, false, &i, &e))
		return job_failed(job, &e);
	return launched(job, &i);
}

/* Only what this operation launched: the client token says so. The node is gone from Infinity by now, or never was there. */
enum step_result undo_launch(struct job *job)
{
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	if (!ec2_find_launched(job->ec2, job->op->intent.token, &i, &e))
		return job_failed(job, &e);
	if (!i.id[0] && !job_settled(job))
		return job_later(job, POLL_MS, "waits for EC2 to show whether an instance was launched");
	if (instance_gone(&i))
		return job_done(job, i.id[0] ? "instance %s is terminated" : "there is no instance", i.id);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_terminate(job->ec2, i.id, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for instance %s to terminate", i.id);
}

/* --- its network --------------------------------------------------------------------------------------------------------------- */

/* Guide, "Network mask" and "Gateway IPv4 address": of the subnet; the gateway is its first usable address. */
static bool network_of(const char *cidr, char netmask[IPV4_NETWORK_SIZE], char gateway[IPV4_NETWORK_SIZE])
{
	struct ipv4_network n;

	if (!ipv4_network_parse(cidr, &n) || n.bits < 1 || n.bits > 30)
		return false;
	(void)ipv4_address_text(ipv4_network_mask(n), netmask);
	(void)ipv4_address_text(n.address + 1, gateway);
	return true;
}

static enum step_result learn_network(struct job *job, const struct managed_instance *i)
{
	char netmask[IPV4_NETWORK_SIZE], gateway[IPV4_NETWORK_SIZE];
	struct managed_subnet subnet = {0};
	struct upstream_error e = {0};

	if (!ec2_find_subnet(job->ec2, i->subnet, &subnet, &e))
		return job_failed(job, &e);
	if (!network_of(subnet.cidr, netmask, gateway))
		return job_refuse(job, "subnet", "Undo the operation and choose another subnet.",
				  "the subnet %s has no usable IPv4 range (%s)", i->subnet, subnet.cidr);
	if (!operation_set(job->op, VALUE_ADDRESS, i->private_address) ||
	    !operation_set(job->op, VALUE_NETMASK, netmask) ||
	    !operation_set(job->op, VALUE_GATEWAY, gateway) ||
	    !operation_set(job->op, VALUE_FOUND_VPC, i->vpc) ||
	    !operation_set(job->op, VALUE_PUBLIC_ADDRESS, i->public_address[0] ? i->public_address : NULL))
		return job_later(job, POLL_MS, "memory");
	return job_done(job, "private address %s, netmask %s, gateway %s, public address %s",
			i->private_address, netmask, gateway,
			i->public_address[0] ? i->public_address : "none");
}

enum step_result step_await_instance(struct job *job)
{
	struct managed_instance i = {0};
	struct upstream_error e = {0};
	bool public = !strcmp(operation_text(job->op, VALUE_PUBLIC_ADDRESSING), "auto");

	if (!ec2_find_instance(job->ec2, job->op->intent.instance, &i, &e))
		return job_failed(job, &e);
	if (i.id[0] && instance_gone(&i))
		return launched(job, &i);
	if (!i.id[0] || i.state != INSTANCE_RUNNING || !i.private_address[0] ||
	    (public && !i.public_address[0]))
		return job_later(job, POLL_MS, "instance %s is %s", job->op->intent.instance,
				 i.id[0] ? instance_state_text(i.state) : "not shown by EC2 yet");
	return learn_network(job, &i);
}

/* --- power --------------------------------------------------------------------------------------------------------------------- */

static bool stops(const struct job *job)
{
	switch (job->op->intent.kind) {
	case INTENT_DEPLOY_NODE: /* guide, "Setting up your bursting nodes", 3c */
		return operation_flag(job->op, VALUE_BURSTING);
	case INTENT_CONVERT:
		return job_to_overflow(job);
	default:
		return true;
	}
}

/* RULE S9: not even a forced stop while Infinity's own bursting is on. */
static bool infinity_bursts(struct job *job)
{
	_cleanup_(picture_unrefp) struct picture *p = reconciler_picture(job->l->o.reconciler);

	return p->infinity_bursting || !p->infinity_at;
}

static enum step_result ensure_stopped(struct job *job)
{
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};
	struct ec2_state_change change;
	struct upstream_error e = {0};

	if (!job_instance(job, &i, &result))
		return result;
	if (i.state == INSTANCE_STOPPED)
		return job_done(job, "instance %s is stopped", i.id);
	if (!instance_up(&i))
		return job_later(job, POLL_MS, "instance %s is %s", i.id, instance_state_text(i.state));
	if (job->step->attempts && !job_settled(job))
		return job_later(job, POLL_MS, "waits for EC2 to stop instance %s", i.id);
	if (infinity_bursts(job))
		return job_later(job, POLL_MS,
				 "Infinity's own bursting is on, or was not read yet: burstd stops nothing");
	if (!job_may_cut(job, &result))
		return result;
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_stop_instance(job->ec2, i.id, false, &change, &e))
		return job_failed(job, &e);
	job_has_cut(job);
	return job_later(job, POLL_MS, "waits for EC2 to stop instance %s", i.id);
}

static enum step_result ensure_running(struct job *job)
{
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};
	struct ec2_state_change change;
	struct upstream_error e = {0};

	if (!job_instance(job, &i, &result))
		return result;
	if (i.state == INSTANCE_RUNNING)
		return job_done(job, "instance %s is running", i.id);
	if (i.state != INSTANCE_STOPPED)
		return job_later(job, POLL_MS, "instance %s is %s", i.id, instance_state_text(i.state));
	if (job->step->attempts && !job_settled(job))
		return job_later(job, POLL_MS, "waits for EC2 to start instance %s", i.id);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_start_instance(job->ec2, i.id, false, &change, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for EC2 to start instance %s", i.id);
}

enum step_result step_stop(struct job *job)
{
	return stops(job) ? ensure_stopped(job) : job_skip(job, "the node is to be always on");
}

enum step_result undo_stop(struct job *job)
{
	if (!job->step->attempts || !job_was_running(job))
		return job_done(job, "nothing to undo");
	return ensure_running(job);
}

enum step_result step_start(struct job *job)
{
	if (job->op->intent.kind == INTENT_CONVERT && job_to_overflow(job))
		return job_skip(job, "an overflow node is started when it is needed");
	if ((job->op->intent.kind == INTENT_RESIZE || job->op->intent.kind == INTENT_ENABLE_ENA) &&
	    !job_was_running(job))
		return job_skip(job, "the instance was not running before");
	return ensure_running(job);
}

/* Only what this operation started, unless its type has to go back: an instance that was up before stays up. */
enum step_result undo_start(struct job *job)
{
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};

	if (!job->step->attempts || (job_was_running(job) && job->op->intent.kind != INTENT_RESIZE))
		return job_done(job, "nothing to undo");
	if (!job_instance(job, &i, &result) || (instance_up(&i) && !job_take_out(job, &result)))
		return result;
	result = ensure_stopped(job);
	return result == RESULT_DONE ? job_put_back(job) : result;
}

enum step_result step_terminate(struct job *job)
{
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (!job->op->intent.instance[0])
		return job_skip(job, "the node has no instance");
	if (!ec2_find_instance(job->ec2, job->op->intent.instance, &i, &e))
		return job_failed(job, &e);
	if (instance_gone(&i))
		return job_done(job, "instance %s is terminated", job->op->intent.instance);
	if (job->step->attempts && !job_settled(job))
		return job_later(job, POLL_MS, "waits for instance %s to terminate", i.id);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_terminate(job->ec2, i.id, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for instance %s to terminate", i.id);
}

/* --- attributes ------------------------------------------------------------------------------------------------------------------ */

static enum step_result ensure_type(struct job *job, const char *type)
{
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (!job_instance(job, &i, &result))
		return result;
	if (!strcmp(i.type, type))
		return job_done(job, "instance %s is a %s", i.id, type);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_set_type(job->ec2, i.id, type, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for EC2 to show the type %s", type);
}

enum step_result step_set_type(struct job *job)
{
	return ensure_type(job, operation_text(job->op, VALUE_INSTANCE_TYPE));
}

enum step_result undo_set_type(struct job *job)
{
	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	return ensure_type(job, operation_text(job->op, VALUE_PREVIOUS_TYPE));
}

/* Guide, "Adding ENA support": with the instance shut down, and confirmed afterwards. It stays when the operation is undone: harmless. */
enum step_result step_set_ena(struct job *job)
{
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (!job_instance(job, &i, &result))
		return result;
	if (i.ena)
		return job_done(job, "EC2 confirms ENA support of instance %s", i.id);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_set_ena(job->ec2, i.id, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for EC2 to confirm ENA support");
}

/* --- the tag of bursting ------------------------------------------------------------------------------------------------------------ */

/* `value` NULL = no tag. */
static enum step_result ensure_tag(struct job *job, const char *value)
{
	struct managed_tag tag = {TAG_NAME, value};
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (!job_instance(job, &i, &result))
		return result;
	if (value ? i.tagged && !strcmp(i.tag_value, value) : !i.tagged)
		return job_done(job, value ? "the tag " TAG_NAME " is %s" : "there is no tag " TAG_NAME,
				value);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (value ? !ec2_tag(job->ec2, i.id, &tag, 1, false, &e)
		  : !ec2_untag(job->ec2, i.id, TAG_NAME, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for EC2 to show the change of the tag");
}

enum step_result step_tag(struct job *job)
{
	_cleanup_(picture_unrefp) struct picture *p = reconciler_picture(job->l->o.reconciler);

	if (!job_to_overflow(job))
		return job_skip(job, "the node is to be always on");
	if (!p->tag_value[0])
		return job_later(job, POLL_MS, "the tag value is not known yet");
	return ensure_tag(job, p->tag_value);
}

/*
 * The tag of bursting is also what the IAM policy binds its rights to. So the instance is marked first: without tag and mark
 * nobody could start it again with these credentials.
 */
enum step_result step_untag(struct job *job)
{
	const struct managed_tag mark = {TAG_OPERATION, job->op->intent.token};
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (job_to_overflow(job))
		return job_skip(job, "the node is to be an overflow node");
	if (!job_instance(job, &i, &result))
		return result;
	if (!i.tagged)
		return job_done(job, "there is no tag " TAG_NAME);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!ec2_tag(job->ec2, i.id, &mark, 1, false, &e) || !ec2_untag(job->ec2, i.id, TAG_NAME, false, &e))
		return job_failed(job, &e);
	return job_later(job, POLL_MS, "waits for EC2 to show the change of the tag");
}

enum step_result undo_tag(struct job *job)
{
	const char *previous = operation_text(job->op, VALUE_PREVIOUS_TAG);

	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	return ensure_tag(job, previous[0] ? previous : NULL);
}
