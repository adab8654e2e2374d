#include "base/meter.h"

void meter_add(struct meter *m, const struct meter_bounds *bounds, int64_t took_us)
{
	int64_t took = took_us > 0 ? took_us : 0;
	size_t i = 0;

	while (i < METER_BOUNDS && took > bounds->us[i])
		i++;
	counter_add(&m->classes[i], 1);
	counter_add(&m->sum_us, (uint64_t)took);
}

struct meter_reading meter_read(const struct meter *m)
{
	struct meter_reading reading;

	for (size_t i = 0; i <= METER_BOUNDS; i++)
		reading.classes[i] = counter_read(&m->classes[i]);
	reading.sum_us = counter_read(&m->sum_us);
	return reading;
}
