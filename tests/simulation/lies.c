/*
 * The self-test: rules are broken on purpose, by lies that burstd is told and the checker is not (wire.c, operator.c), and
 * the checker must find each under the number of its rule. A checker that finds nothing has then proved nothing.
 */
#include <string.h>

#include "store/sql.h"
#include "tests/simulation/sim.h"

static const struct {
	const char *rule;
	const char *text;
} lies[] = {
#define X(name, rule, text) {rule, text},
	SIM_LIES(X)
#undef X
};

#define TRIES 12 /* seeds in which a lie may show */

/* No faults, kills or people: what is found is the lie's doing. */
static struct sim_setup setup_for(enum sim_lie lie, uint64_t seed)
{
	struct sim_setup setup = sim_setup_default(seed);

	setup.lie = lie;
	setup.jump = true;
	setup.latency = true;
	setup.world.principals = 2;
	setup.world.overflows = 2;
	setup.world.traffic = true;
	setup.world.traffic_peak = 1.2;
	setup.settings.minimum_lifetime_minutes = lie == LIE_LIFETIME ? 40 : 8;
	return setup;
}

static struct sim *run(enum sim_lie lie, uint64_t seed)
{
	struct sim_setup setup = setup_for(lie, seed);
	struct sim *s = sim_new(&setup);

	if (lie == LIE_NO_STOP_EVENT) /* in the schema of this connection alone */
		(void)sql_script(
			s->store->db,
			"CREATE TEMP TRIGGER forget BEFORE INSERT ON main.event WHEN NEW.type = 'stop' "
			"BEGIN SELECT RAISE(IGNORE); END;",
			NULL);
	if (lie == LIE_LINKS) /* the second overflow location is only a secondary one */
		for (int64_t i = 1; i <= 2; i++)
			world_link(s->world, i, 3, 4);
	if (lie == LIE_BURSTING)
		operator_infinity_bursting(s, true);
	sim_run(s, DAY + 23 * HOUR);
	if (!s->broken)
		check_history(s);
	return s;
}

static bool found(enum sim_lie lie, char out[200])
{
	for (uint64_t seed = 1; seed <= TRIES; seed++) {
		_cleanup_(sim_freep) struct sim *s = run(lie, seed);

		snprintf(out, 200, "%s", s->rules);
		if (s->broken && strstr(s->rules, lies[lie].rule))
			return true;
		if (s->broken)
			return false; /* found, but under the name of another rule */
	}
	snprintf(out, 200, "nothing");
	return false;
}

int lies_run(int *ret_passed)
{
	int failed = 0;
	char what[200];

	for (int lie = LIE_NONE; lie < LIE_COUNT; lie++) {
		bool good = found((enum sim_lie)lie, what);

		if (lie == LIE_NONE) /* the same runs with the truth: nothing must be found */
			good = !strcmp(what, "nothing");
		printf("%s  lie: %s%s%s (found: %s)\n", good ? "ok  " : "FAIL", lies[lie].text,
		       lie == LIE_NONE ? "" : " -> ", lies[lie].rule, what);
		failed += !good;
	}
	*ret_passed += LIE_COUNT - failed;
	return failed;
}
