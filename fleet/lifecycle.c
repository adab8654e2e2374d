#include "fleet/lifecycle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/limits.h"

static const struct {
	const char *text;
	enum value_kind kind;
} values[VALUE_COUNT] = {
#define X(name, text, kind) [VALUE_##name] = {(text), VALUE_##kind},
	OPERATION_VALUES(X)
#undef X
};

static const struct {
	const char *text;
	const char *does;
	const char *no_return;
} steps[STEP_COUNT] = {
#define X(name, text, does, no_return) [STEP_##name] = {(text), (does), (no_return)},
	OPERATION_STEPS(X)
#undef X
};

static const char *const step_states[STEP_STATES] = {
	[STEP_WAITING] = "waiting", [STEP_RUNNING] = "running", [STEP_DONE] = "done",
	[STEP_SKIPPED] = "skipped", [STEP_HALTED] = "halted",   [STEP_UNDOING] = "undoing",
	[STEP_UNDONE] = "undone",
};

/* --- the steps of each kind ---------------------------------------------------------------------------------------- */

#define PLAN_OUT  STEP_MAINTENANCE_ON, STEP_DRAIN, STEP_STOP_INSTANCE
#define PLAN_BACK STEP_START_INSTANCE, STEP_STATIC_NAT, STEP_AWAIT_SYNCED, STEP_MAINTENANCE_OFF

/* clang-format off */
/* Guide, "Deploying a Conferencing Node in AWS"; the end is for overflow nodes ("Setting up your bursting nodes", 3c). */
static const enum step_name deploy_node[] = {STEP_CHECK, STEP_FIND_IMAGE, STEP_LAUNCH, STEP_AWAIT_INSTANCE,
	STEP_ALLOCATE_ADDRESS, STEP_ASSOCIATE_ADDRESS, STEP_CREATE_NODE, STEP_UPLOAD, STEP_AWAIT_SYNCED, STEP_STATIC_NAT, PLAN_OUT,
	STEP_MAINTENANCE_OFF};
/* Guide, "Deploying a Management Node in AWS". */
static const enum step_name deploy_management_node[] = {STEP_CHECK, STEP_FIND_IMAGE, STEP_LAUNCH, STEP_AWAIT_INSTANCE,
	STEP_ALLOCATE_ADDRESS, STEP_ASSOCIATE_ADDRESS, STEP_FIRST_LOGIN, STEP_WIZARD};
/* Guide, "Initial platform configuration", its seven steps. */
static const enum step_name configure_platform[] = {STEP_CHECK, STEP_DNS, STEP_NTP, STEP_LICENCE, STEP_LOCATION,
	STEP_CERTIFICATE, STEP_VMR, STEP_ALIAS};
/* Guide, "Temporarily removing (stopping) a Conferencing Node instance". */
static const enum step_name shut_down[] = {STEP_CHECK, PLAN_OUT};
/* Guide, "Reinstating (restarting) a stopped Conferencing Node instance". */
static const enum step_name reinstate[] = {STEP_CHECK, PLAN_BACK};
/* Guide, "Permanently removing a Conferencing Node instance": in this order. */
static const enum step_name remove_node[] = {STEP_CHECK, STEP_MAINTENANCE_ON, STEP_DRAIN, STEP_DELETE_NODE, STEP_TERMINATE,
	STEP_RELEASE_ADDRESS};
/*
 * Guide, "Converting between overflow and always on": steps that the direction does not need are skipped. A stopped node is moved
 * before it is started, not after: a change of location restarts a node that runs.
 */
static const enum step_name convert[] = {STEP_CHECK, STEP_MAINTENANCE_ON, STEP_DRAIN, STEP_TAG, STEP_UNTAG,
	STEP_STOP_INSTANCE, STEP_SET_LOCATION, STEP_DISTRIBUTED_DATABASE, STEP_START_INSTANCE, STEP_STATIC_NAT,
	STEP_AWAIT_SYNCED, STEP_MAINTENANCE_OFF};
/* Guide, "Recommended instance types": powered down first. */
static const enum step_name resize[] = {STEP_CHECK, PLAN_OUT, STEP_SET_TYPE, PLAN_BACK};
/* Guide, "Adding ENA support to an instance". */
static const enum step_name enable_ena[] = {STEP_CHECK, PLAN_OUT, STEP_SET_ENA, PLAN_BACK};
/* Guide, "Assigning a persistent public IP address". */
static const enum step_name assign_address[] = {STEP_CHECK, STEP_ALLOCATE_ADDRESS, STEP_MAINTENANCE_ON, STEP_DRAIN,
	STEP_ASSOCIATE_ADDRESS, STEP_STATIC_NAT, STEP_MAINTENANCE_OFF};
static const enum step_name follow_address[] = {STEP_STATIC_NAT};
/* Guide, "Configuring AWS security groups". */
static const enum step_name security_group[] = {STEP_CHECK, STEP_SECURITY_GROUP, STEP_GROUP_RULES};
static const enum step_name push_settings[] = {STEP_PUSH_SETTINGS};

#define PLAN(list) {(list), sizeof(list) / sizeof((list)[0])}
static const struct {
	const enum step_name *list;
	size_t n;
} plans[INTENT_KINDS] = {
	[INTENT_DEPLOY_NODE] = PLAN(deploy_node),
	[INTENT_DEPLOY_MANAGEMENT_NODE] = PLAN(deploy_management_node),
	[INTENT_CONFIGURE_PLATFORM] = PLAN(configure_platform),
	[INTENT_SHUT_DOWN] = PLAN(shut_down),
	[INTENT_REINSTATE] = PLAN(reinstate),
	[INTENT_REMOVE] = PLAN(remove_node),
	[INTENT_CONVERT] = PLAN(convert),
	[INTENT_RESIZE] = PLAN(resize),
	[INTENT_ENABLE_ENA] = PLAN(enable_ena),
	[INTENT_ASSIGN_ADDRESS] = PLAN(assign_address),
	[INTENT_FOLLOW_ADDRESS] = PLAN(follow_address),
	[INTENT_SECURITY_GROUP] = PLAN(security_group),
	[INTENT_PUSH_SETTINGS] = PLAN(push_settings),
};
/* clang-format on */

bool intent_has_steps(enum intent_kind kind)
{
	return plans[kind].n > 0;
}

bool intent_needs_permission(enum intent_kind kind)
{
	return intent_has_steps(kind) && kind != INTENT_FOLLOW_ADDRESS && kind != INTENT_PUSH_SETTINGS;
}

void operation_plan(struct operation *op)
{
	op->n_steps = plans[op->intent.kind].n;
	for (size_t i = 0; i < op->n_steps; i++)
		op->steps[i] = (struct operation_step){.name = plans[op->intent.kind].list[i]};
}

/* --- where it stands ----------------------------------------------------------------------------------------------- */

bool operation_undoing(const struct operation *op)
{
	for (size_t i = 0; i < op->n_steps; i++)
		if (op->steps[i].state == STEP_UNDOING || op->steps[i].state == STEP_UNDONE)
			return true;
	return op->intent.state == INTENT_UNDOING;
}

static size_t last_to_undo(const struct operation *op)
{
	for (size_t i = op->n_steps; i-- > 0;)
		if (op->steps[i].state != STEP_WAITING && op->steps[i].state != STEP_SKIPPED &&
		    op->steps[i].state != STEP_UNDONE)
			return i;
	return op->n_steps;
}

size_t operation_present(const struct operation *op)
{
	if (operation_undoing(op))
		return last_to_undo(op);
	for (size_t i = 0; i < op->n_steps; i++)
		if (op->steps[i].state != STEP_DONE && op->steps[i].state != STEP_SKIPPED)
			return i;
	return op->n_steps;
}

const char *operation_no_return(const struct operation *op)
{
	for (size_t i = 0; i < op->n_steps; i++) {
		const struct operation_step *s = &op->steps[i];

		if (step_no_return(s->name) &&
		    (s->state == STEP_DONE || (s->state != STEP_WAITING && s->attempts > 0)))
			return step_no_return(s->name);
	}
	return NULL;
}

/* --- words ---------------------------------------------------------------------------------------------------------- */

const char *operation_value_text(enum operation_value value)
{
	return values[value].text;
}

enum value_kind operation_value_kind(enum operation_value value)
{
	return values[value].kind;
}

int operation_value_from_text(const char *text, enum operation_value *ret)
{
	for (int i = 0; i < VALUE_COUNT; i++)
		if (!strcmp(values[i].text, text)) {
			*ret = (enum operation_value)i;
			return 0;
		}
	return -1;
}

const char *step_text(enum step_name name)
{
	return steps[name].text;
}

const char *step_does(enum step_name name)
{
	return steps[name].does;
}

const char *step_no_return(enum step_name name)
{
	return steps[name].no_return;
}

int step_from_text(const char *text, enum step_name *ret)
{
	for (int i = 0; i < STEP_COUNT; i++)
		if (!strcmp(steps[i].text, text)) {
			*ret = (enum step_name)i;
			return 0;
		}
	return -1;
}

const char *step_state_text(enum step_state state)
{
	return step_states[state];
}

int step_state_from_text(const char *text, enum step_state *ret)
{
	for (int i = 0; i < STEP_STATES; i++)
		if (!strcmp(step_states[i], text)) {
			*ret = (enum step_state)i;
			return 0;
		}
	return -1;
}

/* --- values --------------------------------------------------------------------------------------------------------- */

static void value_free(struct operation *op, enum operation_value value)
{
	if (values[value].kind == VALUE_SECRET)
		secret_free(op->values[value]);
	else
		free(op->values[value]);
	op->values[value] = NULL;
}

void operation_free(struct operation *op)
{
	for (int i = 0; op && i < VALUE_COUNT; i++)
		value_free(op, (enum operation_value)i);
	free(op);
}

bool operation_set(struct operation *op, enum operation_value value, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return false;
	value_free(op, value);
	op->values[value] = copy;
	return true;
}

bool operation_setf(struct operation *op, enum operation_value value, const char *format, ...)
{
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return len >= 0 && (size_t)len < sizeof text && operation_set(op, value, text);
}

const char *operation_text(const struct operation *op, enum operation_value value)
{
	return op->values[value] ? op->values[value] : "";
}

bool operation_flag(const struct operation *op, enum operation_value value)
{
	return !strcmp(operation_text(op, value), "true");
}

int64_t operation_number(const struct operation *op, enum operation_value value)
{
	return strtoll(operation_text(op, value), NULL, 10);
}
