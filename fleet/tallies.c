#include "fleet/tallies.h"

#include <stdio.h>

#include "base/clock.h"

#define MS     1000LL
#define SECOND (MS_PER_SECOND * MS)
#define MINUTE (MS_PER_MINUTE * MS)

const struct meter_bounds observe_bounds = {{50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * SECOND, 2500 * MS,
					     5 * SECOND, 10 * SECOND, 15 * SECOND, 20 * SECOND, 30 * SECOND,
					     60 * SECOND}};
const struct meter_bounds decision_bounds = {{250, 500, 1 * MS, 2500, 5 * MS, 10 * MS, 25 * MS, 50 * MS,
					      100 * MS, 250 * MS, 1 * SECOND, 2500 * MS}};
const struct meter_bounds drain_bounds = {{1 * MINUTE, 2 * MINUTE, 3 * MINUTE, 5 * MINUTE, 10 * MINUTE,
					   20 * MINUTE, 30 * MINUTE, 60 * MINUTE, 120 * MINUTE, 240 * MINUTE,
					   480 * MINUTE, 1440 * MINUTE}};

const char *node_class_text(enum node_class class)
{
	static const char *const texts[] = {
#define X(name, text) [NODE_CLASS_##name] = (text),
		NODE_CLASSES(X)
#undef X
	};

	return texts[class];
}

struct tallies *tallies_new(const char *const *regions, size_t n)
{
	struct tallies *t = calloc(1, sizeof(*t) + (n + 1) * sizeof(t->observers[0]));

	if (!t)
		return NULL;
	t->n_observers = n + 1;
	(void)snprintf(t->observers[0].source, sizeof(t->observers[0].source), "infinity");
	for (size_t i = 0; i < n; i++)
		(void)snprintf(t->observers[i + 1].source, sizeof(t->observers[0].source), "ec2:%s",
			       regions[i]);
	return t;
}

void tallies_free(struct tallies *t)
{
	free(t);
}
