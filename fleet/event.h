/* History (RULE V3): every event with time, node, actor, reason and figures. */
#ifndef BURSTD_FLEET_EVENT_H
#define BURSTD_FLEET_EVENT_H

#include <stdint.h>

/*      name      text        when */
#define EVENT_TYPES(X)                                                                                       \
	X(START, "start")             /* an instance was started (EC2 accepted, or seen from outside) */     \
	X(RUNNING, "running")         /* the node is synced and serves */                                    \
	X(DRAIN, "drain")             /* phase one of a stop began: maintenance mode */                      \
	X(STOP, "stop")               /* StopInstances was accepted, or a stop from outside was seen */      \
	X(STOPPED, "stopped")         /* the instance is stopped */                                          \
	X(CANCEL, "cancel")           /* a drain was cancelled */                                            \
	X(FAIL, "fail")               /* a start was refused or timed out, an operation failed */            \
	X(MAINTENANCE, "maintenance") /* a wished maintenance mode was applied */                            \
	X(LOST, "lost")         /* an instance vanished from EC2, or a running node went silent (D2) */      \
	X(SETTINGS, "settings") /* bursting settings, or a location in Infinity or its threshold, changed */ \
	X(WISH, "wish")         /* a node's or location's wish was set or taken back */                      \
	X(HOLD, "hold")         /* a hold was made, ended or removed */                                      \
	X(OPERATION, "operation")   /* a life-cycle operation was asked for, did a step, halted or ended */  \
	X(CONTROLLER, "controller") /* burstd started, or the controller changed (RULE S9) */

enum event_type {
#define X(name, text) EVENT_##name,
	EVENT_TYPES(X)
#undef X
		EVENT_TYPE_COUNT
};

const char *event_type_text(enum event_type);
int event_type_from_text(const char *, enum event_type *ret);

struct event {
	int64_t id;
	int64_t time;
	enum event_type type;
	int64_t node; /* 0 = none */
	const char *node_name;
	int64_t location;  /* 0 = none */
	const char *actor; /* "controller", "infinity", "outside", a token's name, ... */
	const char *reason;
	const char *rule;    /* "" = none */
	const char *figures; /* JSON object text, or NULL */
	int64_t operation;   /* intent id, 0 = none */
};

#endif
