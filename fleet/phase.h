/*
 * The phase of a bursting node (docs/bursting.md "Words") and the one checked table of moves between phases.
 *
 *            start asked            synced              drain (E5)
 *   STOPPED ------------> STARTING --------> SERVING <------------> DRAINING
 *      ^                     |                 |       cancelled       |
 *      |                     v (S4, refused)   |                       v StopInstances
 *      +--------------------FAILED             +------------------> STOPPING ---> STOPPED
 *
 *   UNKNOWN (D2, missing or contradictory data) can be entered from and left to every phase.
 */
#ifndef BURSTD_FLEET_PHASE_H
#define BURSTD_FLEET_PHASE_H

#include <stdbool.h>

/*      name      text */
#define NODE_PHASES(X)                                                                                       \
	X(UNKNOWN, "unknown")                                                                                \
	X(STOPPED, "stopped")                                                                                \
	X(STARTING, "starting")                                                                              \
	X(SERVING, "serving")                                                                                \
	X(DRAINING, "draining")                                                                              \
	X(STOPPING, "stopping")                                                                              \
	X(FAILED, "failed")

enum node_phase {
#define X(name, text) PHASE_##name,
	NODE_PHASES(X)
#undef X
		PHASE_COUNT
};

const char *phase_text(enum node_phase);
/* PHASE_COUNT where the text names none. */
enum node_phase phase_from_text(const char *text);

/* Whether the table allows the move; staying is always allowed. */
bool phase_may_move(enum node_phase from, enum node_phase to);

/*
 * The phase to show for a node that was in `from` and now looks like `to`: `to` where the table allows it, else
 * PHASE_UNKNOWN. A jump the table does not know contradicts what we knew, and doubt is shown (RULE D2) until a later
 * look confirms it: from UNKNOWN every phase can be reached.
 */
enum node_phase phase_move(enum node_phase from, enum node_phase to);

#endif
