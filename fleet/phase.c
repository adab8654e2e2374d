#include "fleet/phase.h"

#include <string.h>

static const char *const texts[PHASE_COUNT] = {
#define X(name, text) [PHASE_##name] = (text),
	NODE_PHASES(X)
#undef X
};

#define TO(name) (1u << PHASE_##name)
#define ANY      ((1u << PHASE_COUNT) - 1u)

/* The one table of moves (drawn in the header). A node may be started or stopped from outside at any time (RULE D3). */
static const unsigned next_phases[PHASE_COUNT] = {
	[PHASE_UNKNOWN] = ANY,
	[PHASE_STOPPED] = TO(STARTING) | TO(SERVING) | TO(FAILED) | TO(UNKNOWN) | TO(STOPPING),
	[PHASE_STARTING] = TO(SERVING) | TO(FAILED) | TO(STOPPED) | TO(STOPPING) | TO(DRAINING) | TO(UNKNOWN),
	[PHASE_SERVING] = TO(DRAINING) | TO(STOPPING) | TO(STOPPED) | TO(STARTING) | TO(UNKNOWN),
	[PHASE_DRAINING] = TO(SERVING) | TO(STOPPING) | TO(STOPPED) | TO(UNKNOWN) | TO(STARTING),
	[PHASE_STOPPING] = TO(STOPPED) | TO(STARTING) | TO(DRAINING) | TO(UNKNOWN),
	[PHASE_FAILED] = TO(STARTING) | TO(SERVING) | TO(STOPPED) | TO(STOPPING) | TO(UNKNOWN),
};

const char *phase_text(enum node_phase phase)
{
	return texts[phase];
}

enum node_phase phase_from_text(const char *text)
{
	for (int i = 0; i < PHASE_COUNT; i++)
		if (!strcmp(texts[i], text))
			return (enum node_phase)i;
	return PHASE_COUNT;
}

bool phase_may_move(enum node_phase from, enum node_phase to)
{
	return from == to || (next_phases[from] & (1u << to));
}

enum node_phase phase_move(enum node_phase from, enum node_phase to)
{
	return phase_may_move(from, to) ? to : PHASE_UNKNOWN;
}
