#include "fleet/intent.h"

#include <string.h>

static const char *const kinds[INTENT_KINDS] = {
	[INTENT_START] = "start",
	[INTENT_STOP] = "stop",
	[INTENT_MAINTENANCE] = "maintenance",
	[INTENT_LOCATION_CREATE] = "location_create",
	[INTENT_LOCATION_UPDATE] = "location_update",
	[INTENT_LOCATION_DELETE] = "location_delete",
	[INTENT_DEPLOY_NODE] = "deploy_node",
	[INTENT_DEPLOY_MANAGEMENT_NODE] = "deploy_management_node",
	[INTENT_CONFIGURE_PLATFORM] = "configure_platform",
	[INTENT_SHUT_DOWN] = "shut_down",
	[INTENT_REINSTATE] = "reinstate",
	[INTENT_REMOVE] = "remove",
	[INTENT_CONVERT] = "convert",
	[INTENT_RESIZE] = "resize",
	[INTENT_ENABLE_ENA] = "enable_ena",
	[INTENT_ASSIGN_ADDRESS] = "assign_address",
	[INTENT_FOLLOW_ADDRESS] = "follow_address",
	[INTENT_SECURITY_GROUP] = "security_group",
	[INTENT_PUSH_SETTINGS] = "push_settings",
};

static const struct {
	const char *text;
	enum intent_actor deed;
	bool open;
} states[INTENT_STATE_COUNT] = {
#define X(name, text, deed, open) [INTENT_##name] = {(text), (deed), (open)},
	INTENT_STATES(X)
#undef X
};

#define TO(name) (1u << INTENT_##name)

/* Staying is a move too: it records an attempt or a new time to try. */
static const unsigned start_moves[INTENT_STATE_COUNT] = {
	[INTENT_STARTING] = TO(STARTING) | TO(BOOTING) | TO(FAILED) | TO(ABANDONED),
	[INTENT_BOOTING] = TO(BOOTING) | TO(DONE) | TO(FAILED) | TO(ABANDONED),
};

static const unsigned stop_moves[INTENT_STATE_COUNT] = {
	[INTENT_MAINTENANCE_ON] = TO(MAINTENANCE_ON) | TO(WAITING) | TO(CANCELLING) | TO(STOPPING) |
				  TO(MAINTENANCE_OFF) | TO(ABANDONED),
	[INTENT_WAITING] = TO(WAITING) | TO(STOPPING) | TO(CANCELLING) | TO(MAINTENANCE_OFF) | TO(ABANDONED),
	[INTENT_STOPPING] = TO(STOPPING) | TO(WAITING) | TO(AWAITING_STOPPED) | TO(MAINTENANCE_OFF) |
			    TO(FAILED) | TO(ABANDONED),
	[INTENT_AWAITING_STOPPED] = TO(AWAITING_STOPPED) | TO(MAINTENANCE_OFF) | TO(ABANDONED),
	[INTENT_MAINTENANCE_OFF] = TO(MAINTENANCE_OFF) | TO(DONE) | TO(ABANDONED),
	[INTENT_CANCELLING] = TO(CANCELLING) | TO(CANCELLED) | TO(ABANDONED),
};

static const unsigned applying_moves[INTENT_STATE_COUNT] = {
	[INTENT_APPLYING] = TO(APPLYING) | TO(DONE) | TO(FAILED) | TO(ABANDONED),
};

static const unsigned lifecycle_moves[INTENT_STATE_COUNT] = {
	[INTENT_WORKING] = TO(WORKING) | TO(NEEDS_PERSON) | TO(HALTED) | TO(UNDOING) | TO(DONE) | TO(FAILED),
	[INTENT_NEEDS_PERSON] = TO(NEEDS_PERSON) | TO(WORKING) | TO(HALTED) | TO(UNDOING),
	[INTENT_HALTED] = TO(HALTED) | TO(WORKING) | TO(UNDOING) | TO(ABANDONED),
	[INTENT_UNDOING] = TO(UNDOING) | TO(HALTED) | TO(CANCELLED),
};

const char *intent_kind_text(enum intent_kind kind)
{
	return kinds[kind];
}

bool intent_of_location(enum intent_kind kind)
{
	return kind == INTENT_LOCATION_CREATE || kind == INTENT_LOCATION_UPDATE ||
	       kind == INTENT_LOCATION_DELETE;
}

int intent_kind_from_text(const char *text, enum intent_kind *ret)
{
	for (int i = 0; i < INTENT_KINDS; i++)
		if (!strcmp(kinds[i], text)) {
			*ret = (enum intent_kind)i;
			return 0;
		}
	return -1;
}

const char *intent_state_text(enum intent_state state)
{
	return states[state].text;
}

int intent_state_from_text(const char *text, enum intent_state *ret)
{
	for (int i = 0; i < INTENT_STATE_COUNT; i++)
		if (!strcmp(states[i].text, text)) {
			*ret = (enum intent_state)i;
			return 0;
		}
	return -1;
}

enum intent_actor intent_deed(enum intent_state state)
{
	return states[state].deed;
}

bool intent_is_open(enum intent_state state)
{
	return states[state].open;
}

bool intent_may_move(enum intent_kind kind, enum intent_state from, enum intent_state to)
{
	switch (kind) {
	case INTENT_START:
		return start_moves[from] & (1u << to);
	case INTENT_STOP:
		return stop_moves[from] & (1u << to);
	case INTENT_MAINTENANCE:
	case INTENT_LOCATION_CREATE:
	case INTENT_LOCATION_UPDATE:
	case INTENT_LOCATION_DELETE:
		return applying_moves[from] & (1u << to);
	case INTENT_DEPLOY_NODE:
	case INTENT_DEPLOY_MANAGEMENT_NODE:
	case INTENT_CONFIGURE_PLATFORM:
	case INTENT_SHUT_DOWN:
	case INTENT_REINSTATE:
	case INTENT_REMOVE:
	case INTENT_CONVERT:
	case INTENT_RESIZE:
	case INTENT_ENABLE_ENA:
	case INTENT_ASSIGN_ADDRESS:
	case INTENT_FOLLOW_ADDRESS:
	case INTENT_SECURITY_GROUP:
	case INTENT_PUSH_SETTINGS:
		return lifecycle_moves[from] & (1u << to);
	}
	return false;
}
