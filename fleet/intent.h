/*
 * An intent: one outside change, committed to the store before it is carried out ("intent before effect"), with the
 * states it passes through. The API shows intents as operations.
 *
 *   start:        STARTING -> BOOTING -> DONE | FAILED | ABANDONED
 *   stop:         MAINTENANCE_ON -> WAITING -> STOPPING -> AWAITING_STOPPED -> MAINTENANCE_OFF -> DONE
 *                    any state before STOPPING -> CANCELLING -> CANCELLED      (RULE E5)
 *                    STOPPING -> WAITING when the last look finds the node busy (RULE E1)
 *   maintenance:  APPLYING -> DONE | FAILED
 *   location_create, location_update, location_delete:  APPLYING -> DONE | FAILED | ABANDONED
 *   life-cycle operations (fleet/lifecycle.h):
 *                 WORKING <-> NEEDS_PERSON -> DONE | FAILED (refused by the check: nothing was done)
 *                    -> HALTED -> WORKING (resumed) | UNDOING | ABANDONED
 *                    -> UNDOING -> CANCELLED | HALTED
 *
 * A state named after a deed is written before the deed, and every deed is safe to repeat.
 */
#ifndef BURSTD_FLEET_INTENT_H
#define BURSTD_FLEET_INTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/location.h"

enum intent_kind {
	INTENT_START,
	INTENT_STOP,
	INTENT_MAINTENANCE,
	INTENT_LOCATION_CREATE, /* those of locations have no node */
	INTENT_LOCATION_UPDATE,
	INTENT_LOCATION_DELETE,
	INTENT_DEPLOY_NODE, /* life-cycle operations: they have steps */
	INTENT_DEPLOY_MANAGEMENT_NODE,
	INTENT_CONFIGURE_PLATFORM,
	INTENT_SHUT_DOWN, /* of an always-on node; the stop of a bursting node is INTENT_STOP */
	INTENT_REINSTATE,
	INTENT_REMOVE,
	INTENT_CONVERT,
	INTENT_RESIZE,
	INTENT_ENABLE_ENA,
	INTENT_ASSIGN_ADDRESS,
	INTENT_FOLLOW_ADDRESS,
	INTENT_SECURITY_GROUP,
	INTENT_PUSH_SETTINGS,
};
#define INTENT_KINDS (INTENT_PUSH_SETTINGS + 1)

/*
 * Who carries the state's deed out: nobody (a wait that the engine ends, or a person), Infinity's actor, the region's actor, or
 * the life-cycle worker.
 */
enum intent_actor { ACTOR_NONE, ACTOR_INFINITY, ACTOR_EC2, ACTOR_LIFECYCLE };

/*      name              text                deed            open */
#define INTENT_STATES(X)                                                                                     \
	X(STARTING, "starting", ACTOR_EC2, true) /* StartInstances (or start_cloudnode, RULE S9) */          \
	X(BOOTING, "booting", ACTOR_NONE, true)  /* until synced, or the start timeout */                    \
	X(MAINTENANCE_ON, "maintenance_on", ACTOR_INFINITY, true) /* PATCH maintenance_mode true */          \
	X(WAITING, "waiting", ACTOR_NONE, true)  /* replication, then idle (E1), as long as it takes */      \
	X(STOPPING, "stopping", ACTOR_EC2, true) /* the last look, then StopInstances */                     \
	X(AWAITING_STOPPED, "awaiting_stopped", ACTOR_NONE, true) /* until EC2 says stopped */               \
	X(MAINTENANCE_OFF, "maintenance_off", ACTOR_INFINITY, true)                                          \
	X(CANCELLING, "cancelling", ACTOR_INFINITY, true) /* PATCH maintenance_mode false */                 \
	X(APPLYING, "applying", ACTOR_INFINITY, true) /* a wished maintenance_mode; a location's change */   \
	X(WORKING, "working", ACTOR_LIFECYCLE, true)  /* its steps tell how far it is */                     \
	X(NEEDS_PERSON, "needs_person", ACTOR_LIFECYCLE, true) /* a step that only a person can do */        \
	X(HALTED, "halted", ACTOR_NONE, true)                  /* resume it, or undo it */                   \
	X(UNDOING, "undoing", ACTOR_LIFECYCLE, true)                                                         \
	X(DONE, "done", ACTOR_NONE, false)                                                                   \
	X(CANCELLED, "cancelled", ACTOR_NONE, false)                                                         \
	X(FAILED, "failed", ACTOR_NONE, false)                                                               \
	X(ABANDONED, "abandoned", ACTOR_NONE, false)

enum intent_state {
#define X(name, text, deed, open) INTENT_##name,
	INTENT_STATES(X)
#undef X
		INTENT_STATE_COUNT
};

const char *intent_kind_text(enum intent_kind); /* "start", "stop", "maintenance", "location_create", ... */
/* Whether it is about a location itself, not about a node. */
bool intent_of_location(enum intent_kind);
int intent_kind_from_text(const char *, enum intent_kind *ret);
const char *intent_state_text(enum intent_state);
int intent_state_from_text(const char *, enum intent_state *ret);
enum intent_actor intent_deed(enum intent_state);
bool intent_is_open(enum intent_state);
/* The one table of moves; anything else is a bug of ours. */
bool intent_may_move(enum intent_kind, enum intent_state from, enum intent_state to);

/* Maintenance reasons that start with this were set by burstd; nothing else is ever cleared by a drain. */
#define MAINTENANCE_REASON_PREFIX "burstd: "

struct intent {
	int64_t id;
	char token[37]; /* idempotency token, a UUID */
	enum intent_kind kind;
	enum intent_state state;
	int64_t node; /* 0 = about a location */
	char node_name[33];
	int64_t location;  /* 0 = none, or not made yet */
	char instance[33]; /* EC2 instance id */
	char region[33];
	char actor[101];   /* "controller", "wish", token name, "hold:<id>" */
	char rule[4];      /* "S2", "E5", "S7", ... */
	char reason[400];  /* a sentence with the figures */
	char figures[640]; /* what it was decided from: JSON object text, or "" */
	bool force;        /* RULE E7: stop without a drain */
	bool via_infinity; /* RULE S9: start through start_cloudnode */
	bool maintenance;  /* INTENT_MAINTENANCE: the wished value */
	int attempts;      /* deeds tried in the present state; committed before each try */
	int64_t created_at;
	int64_t entered_at;            /* when the present state was entered */
	int64_t next_at;               /* not to be tried before */
	int64_t maintenance_at;        /* when Infinity acknowledged maintenance mode on; 0 = not yet */
	int64_t closed_at;             /* 0 while open */
	char error[400];               /* the last failure, for people */
	struct location_change change; /* what of the location is made or changed; no field for other kinds */
};

#endif
