/* Which locations are principals and which overflow: a function of the links and of the nodes they hold. */
#include <stdio.h>

#include "fleet/picture.h"

/*
 * RULE V2: a principal is a location whose primary overflow location holds bursting nodes, and that has always-on nodes of its own
 * to be short of. A location of nothing but bursting nodes is no principal of the next one: bursting does not chain.
 */
static bool is_principal(const struct location *all, const struct location *l)
{
	return l->overflow1 >= 0 && &all[l->overflow1] != l && all[l->overflow1].n_bursting > 0 &&
	       l->has_always_on;
}

/* RULE S5 */
static void mark_only_secondary(struct location *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].overflow2 >= 0 && all[all[i].overflow2].kind == LOCATION_OVERFLOW)
			all[all[i].overflow2].only_secondary = true;
	for (size_t i = 0; i < n; i++)
		if (all[i].principal)
			all[all[i].overflow1].only_secondary = false;
}

void locations_judge(struct location *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct location *l = &all[i];

		l->principal = is_principal(all, l);
		l->only_secondary = false;
		l->kind = l->n_bursting > 0 ? LOCATION_OVERFLOW
			  : l->principal    ? LOCATION_PRINCIPAL
					    : LOCATION_OTHER;
	}
	mark_only_secondary(all, n);
}

struct location_change location_actual(const struct picture *p, const struct location *l)
{
	struct location_change c = {.fields = LOCATION_ALL_FIELDS};

	(void)snprintf(c.name, sizeof(c.name), "%s", l->name ? l->name : "");
	(void)snprintf(c.description, sizeof(c.description), "%s", l->description ? l->description : "");
	c.overflow1 = l->overflow1 < 0 ? 0 : p->locations[l->overflow1].id;
	c.overflow2 = l->overflow2 < 0 ? 0 : p->locations[l->overflow2].id;
	return c;
}
