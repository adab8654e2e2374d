/* What stands against a life-cycle operation on a node, and which of its steps the request alone rules out. Pure. */
#include <string.h>

#include "fleet/guide.h"
#include "handlers/lifecycle.h"
#include "handlers/plan.h"

/* --- what stands against it ----------------------------------------------------------------------------------------- */

/* RULE S9: one controller, and it is not us: whatever stops or ends an instance waits until it is. Not even with force. */
static bool stops_an_instance(enum intent_kind kind)
{
	return kind == INTENT_SHUT_DOWN || kind == INTENT_REMOVE || kind == INTENT_CONVERT ||
	       kind == INTENT_RESIZE || kind == INTENT_ENABLE_ENA;
}

static enum err check_instance(const struct picture *p, const struct node *n, const struct operation *op,
			       struct error *e)
{
	if (!n->instance)
		return error_set(e, ERR_CONFLICT, "no EC2 instance of %s is known", n->name);
	if (n->instance->state == INSTANCE_TERMINATED || n->instance->state == INSTANCE_SHUTTING_DOWN)
		return error_set(e, ERR_CONFLICT, "the instance of %s was terminated", n->name);
	if (p->infinity_bursting && stops_an_instance(op->intent.kind))
		return error_set(
			e, ERR_CONFLICT,
			"Infinity's own bursting is enabled, and burstd stops nothing meanwhile (%s): "
			"switch it off there first",
			n->name);
	return ERR_OK;
}

static enum err check_down(const struct node *n, struct error *e)
{
	enum instance_state state = n->instance->state;

	if (state != INSTANCE_STOPPED && state != INSTANCE_STOPPING)
		return ERR_OK;
	return error_set(e, ERR_CONFLICT, "%s is already %s", n->name, instance_state_text(state));
}

static enum err check_reinstate(const struct node *n, struct error *e)
{
	if (n->bursting)
		return error_set(e, ERR_CONFLICT,
				 "%s is a bursting node: ask for /v1/nodes/%lld/start, or wish its "
				 "maintenance mode off",
				 n->name, (long long)n->id);
	if (n->instance->state == INSTANCE_STOPPING)
		return error_set(e, ERR_CONFLICT,
				 "the instance of %s is stopping; ask again when it is stopped", n->name);
	if (n->instance->state != INSTANCE_STOPPED && !n->maintenance_configured)
		return error_set(e, ERR_CONFLICT, "%s is already up", n->name);
	return ERR_OK;
}

static enum err check_convert(const struct picture *p, const struct node *n, const struct operation *op,
			      struct error *e)
{
	bool overflow = !strcmp(operation_text(op, VALUE_TO), "overflow");

	if (overflow == n->bursting)
		return error_field(e, ERR_CONFLICT, "/to", "%s is already %s", n->name,
				   overflow ? "an overflow node" : "always on");
	if (overflow && n->role == ROLE_PROXYING)
		return error_field(e, ERR_CONFLICT, "/to",
				   "%s is a Proxying Edge Node: only transcoding nodes burst", n->name);
	if (overflow && !p->tag_value[0])
		return error_set(e, ERR_BUSY, "The tag value is not known yet: Infinity was not heard.");
	return ERR_OK;
}

enum err lifecycle_node_check(const struct picture *p, const struct node *n, const struct operation *op,
			      struct error *e)
{
	enum err err = check_instance(p, n, op, e);

	if (err)
		return err;
	switch (op->intent.kind) {
	case INTENT_SHUT_DOWN:
		return check_down(n, e);
	case INTENT_REINSTATE:
		return check_reinstate(n, e);
	case INTENT_CONVERT:
		return check_convert(p, n, op, e);
	case INTENT_RESIZE:
		if (n->instance->type && !strcmp(n->instance->type, operation_text(op, VALUE_INSTANCE_TYPE)))
			return error_field(e, ERR_CONFLICT, "/instance_type",
					   "the instance of %s is a %s already", n->name, n->instance->type);
		return ERR_OK;
	case INTENT_ASSIGN_ADDRESS:
		if (n->instance->elastic)
			return error_set(e, ERR_CONFLICT, "%s has a persistent address already: %s", n->name,
					 n->instance->public_address ? n->instance->public_address
								     : "unknown");
		return ERR_OK;
	default: /* what holds for all is enough */
		return ERR_OK;
	}
}

/* --- what does not belong together ------------------------------------------------------------------------------------- */

const char *lifecycle_mixes_roles(const struct picture *p, const struct location *l, enum node_role role,
				  int64_t self)
{
	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++)
		if (p->nodes[i].id != self && p->nodes[i].role != role)
			return role == ROLE_PROXYING
				       ? "it holds transcoding nodes; a location should not mix them with "
					 "proxying nodes (guide, page 17)"
				       : "it holds proxying nodes; a location should not mix them with "
					 "transcoding nodes (guide, page 17)";
	return NULL;
}

const char *lifecycle_mixes_power(const struct picture *p, const struct location *l, bool bursting,
				  int64_t self)
{
	for (int32_t i = l->first_node; i < l->first_node + l->n_nodes; i++)
		if (p->nodes[i].id != self && p->nodes[i].bursting != bursting)
			return bursting ? "it holds nodes that are always on; they should not be mixed with "
					  "bursting nodes "
					  "(guide, page 21)"
					: "it holds bursting nodes; they should not be mixed with nodes that "
					  "are always on "
					  "(guide, page 21)";
	return NULL;
}

/* --- which steps ---------------------------------------------------------------------------------------------------- */

static bool address_step_skipped(const struct operation *op, enum step_name step)
{
	const char *how = operation_text(op, VALUE_PUBLIC_ADDRESSING);

	switch (step) {
	case STEP_ALLOCATE_ADDRESS:
		return strcmp(how, "elastic") != 0 || op->values[VALUE_ALLOCATION_ID];
	case STEP_ASSOCIATE_ADDRESS:
		return strcmp(how, "elastic") != 0;
	case STEP_STATIC_NAT:
		return !strcmp(how, "none");
	default:
		return false;
	}
}

/* Guide, "Setting up your bursting nodes": an overflow node is stopped in the end. */
static bool deploy_step_skipped(const struct operation *op, enum step_name step)
{
	bool out = step == STEP_MAINTENANCE_ON || step == STEP_DRAIN || step == STEP_STOP_INSTANCE ||
		   step == STEP_MAINTENANCE_OFF;

	return (out && !operation_flag(op, VALUE_BURSTING)) || address_step_skipped(op, step);
}

static bool convert_step_skipped(const struct operation *op, enum step_name step)
{
	bool overflow = !strcmp(operation_text(op, VALUE_TO), "overflow");

	if (step == STEP_TAG || step == STEP_STOP_INSTANCE)
		return !overflow;
	return overflow && (step == STEP_UNTAG || step == STEP_START_INSTANCE || step == STEP_STATIC_NAT ||
			    step == STEP_AWAIT_SYNCED);
}

bool lifecycle_step_skipped(const struct operation *op, enum step_name step)
{
	switch (op->intent.kind) {
	case INTENT_DEPLOY_NODE:
		return deploy_step_skipped(op, step);
	case INTENT_DEPLOY_MANAGEMENT_NODE:
		return address_step_skipped(op, step);
	case INTENT_CONVERT:
		return convert_step_skipped(op, step);
	case INTENT_REMOVE:
		return step == STEP_RELEASE_ADDRESS && !operation_flag(op, VALUE_RELEASE_ADDRESS);
	case INTENT_ASSIGN_ADDRESS:
		return step == STEP_ALLOCATE_ADDRESS && op->values[VALUE_ALLOCATION_ID];
	default: /* what they need shows when they are at it */
		return false;
	}
}

/* --- what speaks against the machine --------------------------------------------------------------------------------- */

static bool compute_family(const char *type)
{
	return !strncmp(type, "c4.", 3) || !strncmp(type, "c5", 2);
}

void lifecycle_tell_machine(const struct operation *op, enum node_role role, json_t *plan)
{
	const char *type = operation_text(op, VALUE_INSTANCE_TYPE);
	int vcpu = guide_vcpu(type);
	int least = op->intent.kind == INTENT_DEPLOY_MANAGEMENT_NODE ? GUIDE_MANAGEMENT_VCPU
		    : role == ROLE_PROXYING                          ? GUIDE_PROXYING_VCPU
								     : GUIDE_TRANSCODING_VCPU;

	if (compute_family(type) && vcpu >= GUIDE_VCPU_TOO_MANY)
		plan_consequence(plan,
				 "%s has %d vCPU: the deployment guide recommends no c4 or c5 with %d or "
				 "more (page 6).",
				 type, vcpu, GUIDE_VCPU_TOO_MANY);
	if (vcpu && vcpu < least)
		plan_consequence(plan, "%s has %d vCPU: the deployment guide recommends %d or more (page 6).",
				 type, vcpu, least);
	if (!strcmp(operation_text(op, VALUE_TENANCY), "default"))
		plan_consequence(plan, "The instance shares its hardware: oversubscription can lead to "
				       "dropped calls and poor "
				       "media; the deployment guide recommends dedicated tenancy (page 6).");
}
