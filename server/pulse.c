#include "server/pulse.h"

void pulse_owe(struct pulse *p, int64_t due)
{
	atomic_store(&p->due, due);
}

void pulse_rest(struct pulse *p)
{
	atomic_store(&p->due, 0);
}

struct pulse *pulse_take(struct pulse *set, size_t n, int64_t due)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int64_t nothing = 0;

		if (atomic_compare_exchange_strong(&set[i].due, &nothing, due))
			return &set[i];
	}
	return NULL;
}

bool pulses_late(const struct pulse *set, size_t n, int64_t now)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int64_t due = atomic_load(&set[i].due);

		if (due && due < now)
			return true;
	}
	return false;
}
