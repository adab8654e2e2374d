/* Life-cycle operations on a node that is there: shut down, reinstate, remove, convert, resize, enable ENA, assign an address. */
#include <string.h>

#include "base/limits.h"
#include "handlers/aws_input.h"
#include "handlers/handlers.h"
#include "handlers/lifecycle.h"
#include "handlers/plan.h"

static const struct node *find(struct req *r, struct error *e)
{
	const struct picture *p = req_picture(r);
	const struct node *n = picture_node(p, r->number);

	if (!n)
		(void)error_set(e, ERR_NOT_FOUND, "there is no node with the id %lld%s", (long long)r->number,
				p->infinity_at ? "" : ": Infinity was not read yet");
	return n;
}

static void read_common(struct lifecycle_ask *a, struct input *in)
{
	a->op->intent.force = input_bool(in, "force", false).flag;
	a->reason = input_text(in, "reason", 1, LIMIT_REASON_BYTES, false).text;
}

/* A POST on a node; `fields` begins with read_common. */
static struct done *ask_node(struct lifecycle_ask *a, struct req *r, enum intent_kind kind, const char *does,
			     void (*fields)(struct lifecycle_ask *, struct input *))
{
	struct error e;

	a->r = r;
	a->node = find(r, &e);
	if (!a->node)
		return reply_error(r, &e);
	(void)snprintf(a->what, sizeof a->what, "%.60s %s", a->node->name, does);
	return lifecycle_ask_body(a, kind, fields);
}

/* --- stop and start again ------------------------------------------------------------------------------------------- */

/* Guide, "Reinstating": without an Elastic IP each start brings another public address. */
static void tell_new_address(const struct lifecycle_ask *a, json_t *plan)
{
	const struct ec2_instance *i = a->node->instance;

	if (!i->elastic && (i->public_address || a->node->static_nat))
		plan_consequence(plan,
				 "%s has no persistent address: it comes back with another public address, "
				 "and its static NAT "
				 "address is set to that.",
				 a->node->name);
}

static void tell_shut_down(const struct lifecycle_ask *a, json_t *plan)
{
	plan_consequence(plan,
			 "%s is always on: its capacity is missing in its location until it is reinstated.",
			 a->node->name);
}

struct done *lifecycle_shut_down(struct req *r, const struct node *n, bool force, const char *reason)
{
	struct lifecycle_ask a = {.r = r, .node = n, .reason = reason, .tell = tell_shut_down};

	a.op = lifecycle_new_operation(INTENT_SHUT_DOWN);
	if (!a.op)
		return lifecycle_out_of_memory(r);
	a.op->intent.force = force;
	(void)snprintf(a.op->intent.rule, sizeof a.op->intent.rule, "E7");
	(void)snprintf(a.what, sizeof a.what, "%.60s shut down", n->name);
	return lifecycle_ask(&a);
}

struct done *node_reinstate(struct req *r)
{
	struct lifecycle_ask a = {.tell = tell_new_address};

	return ask_node(&a, r, INTENT_REINSTATE, "reinstated", read_common);
}

/* --- remove ---------------------------------------------------------------------------------------------------------- */

static void tell_remove(const struct lifecycle_ask *a, json_t *plan)
{
	const struct ec2_instance *i = a->node->instance;

	plan_consequence(
		plan, "%s is deleted in Infinity and its instance %s is terminated: neither can be had back.",
		a->node->name, i->id);
	if (!i->elastic)
		return;
	if (operation_flag(a->op, VALUE_RELEASE_ADDRESS))
		plan_consequence(plan, "Its address %s is given back to AWS, and may become somebody else's.",
				 i->public_address ? i->public_address : "");
	else
		plan_consequence(plan,
				 "Its Elastic IP address %s stays in the account, and AWS charges for it.",
				 i->public_address ? i->public_address : "");
}

struct done *node_remove(struct req *r)
{
	struct lifecycle_ask a = {.r = r, .compares = true, .tell = tell_remove};
	bool force, release;
	struct error e;

	a.node = find(r, &e);
	if (!a.node || !query_bool(r, "force", false, &force, &e) ||
	    !query_bool(r, "release_address", false, &release, &e))
		return reply_error(r, &e);
	a.op = lifecycle_new_operation(INTENT_REMOVE);
	if (!a.op || !operation_set(a.op, VALUE_RELEASE_ADDRESS, release ? "true" : "false")) {
		operation_free(a.op);
		return lifecycle_out_of_memory(r);
	}
	a.op->intent.force = force;
	(void)snprintf(a.what, sizeof a.what, "%.60s removed", a.node->name);
	return lifecycle_ask(&a);
}

/* --- convert ---------------------------------------------------------------------------------------------------------- */

static void read_convert(struct lifecycle_ask *a, struct input *in)
{
	struct input_value to = input_choice(in, "to", "overflow|always_on", false);
	struct input_value location = input_int(in, "location", 1, INT64_MAX, false);

	read_common(a, in);
	input_needs(in, "to", "\"overflow\" or \"always_on\"");
	input_needs(in, "location", "the location that the node belongs into then");
	if (to.given)
		aws_set(in, "to", a->op, VALUE_TO, to.text);
	if (!location.given)
		return;
	a->op->intent.location = location.number;
	if (!picture_location(req_picture(a->r), location.number))
		input_fail(in, "location", "there is no location with the id %lld",
			   (long long)location.number);
}

/* The guide's steps name a location of the other kind, so a mixed one is refused here. */
static enum err check_place(const struct lifecycle_ask *a, struct store *store, const struct overlay *o,
			    struct error *e)
{
	const struct picture *p = req_picture(a->r);
	const struct location *l = picture_location(p, a->op->intent.location);
	bool bursting = !strcmp(operation_text(a->op, VALUE_TO), "overflow");
	const char *mixed = lifecycle_mixes_roles(p, l, a->node->role, a->node->id);

	(void)store;
	(void)o;
	mixed = mixed ? mixed : lifecycle_mixes_power(p, l, bursting, a->node->id);
	return mixed ? error_field(e, ERR_CONFLICT, "/location", "%.100s: %s", l->name, mixed) : ERR_OK;
}

static void tell_convert(const struct lifecycle_ask *a, json_t *plan)
{
	bool bursting = !strcmp(operation_text(a->op, VALUE_TO), "overflow");

	if (bursting)
		plan_consequence(plan, "%s is stopped in the end; burstd starts and stops it from then on.",
				 a->node->name);
	else
		plan_consequence(plan, "%s runs from then on, and burstd does not stop it any more.",
				 a->node->name);
	plan_consequence(
		plan, "The location and the distributed database change in Infinity; it waits its turn where "
		      "another node's database was changed minutes ago (guide, page 23).");
	if (!bursting)
		tell_new_address(a, plan);
}

struct done *node_convert(struct req *r)
{
	struct lifecycle_ask a = {.check = check_place, .tell = tell_convert};

	return ask_node(&a, r, INTENT_CONVERT, "converted", read_convert);
}

/* --- the machine -------------------------------------------------------------------------------------------------------- */

static void read_resize(struct lifecycle_ask *a, struct input *in)
{
	read_common(a, in);
	aws_read_type(in, a->op);
	input_needs(in, "instance_type", "such as c5.2xlarge");
	(void)snprintf(a->what, sizeof a->what, "%.60s resized to %.32s", a->node->name,
		       operation_text(a->op, VALUE_INSTANCE_TYPE));
}

static void tell_resize(const struct lifecycle_ask *a, json_t *plan)
{
	lifecycle_tell_machine(a->op, a->node->role, plan);
	tell_new_address(a, plan);
}

struct done *node_resize(struct req *r)
{
	struct lifecycle_ask a = {.tell = tell_resize};

	return ask_node(&a, r, INTENT_RESIZE, "resized", read_resize);
}

struct done *node_enable_ena(struct req *r)
{
	struct lifecycle_ask a = {.tell = tell_new_address};

	return ask_node(&a, r, INTENT_ENABLE_ENA, "gets ENA support", read_common);
}

/* --- the address -------------------------------------------------------------------------------------------------------- */

static void read_address(struct lifecycle_ask *a, struct input *in)
{
	read_common(a, in);
	aws_read_id(in, a->op, "allocation_id", "eipalloc-", VALUE_ALLOCATION_ID);
}

static void tell_address(const struct lifecycle_ask *a, json_t *plan)
{
	const char *address = a->node->instance->public_address;

	if (!a->op->values[VALUE_ALLOCATION_ID])
		plan_consequence(
			plan, "An Elastic IP address is allocated; AWS charges for it until it is released.");
	if (address)
		plan_consequence(
			plan,
			"%s gives up %s: DNS names and firewalls that know that address need the new one.",
			a->node->name, address);
}

struct done *node_assign_address(struct req *r)
{
	struct lifecycle_ask a = {.tell = tell_address};

	return ask_node(&a, r, INTENT_ASSIGN_ADDRESS, "gets a persistent address", read_address);
}
