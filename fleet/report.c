#include "fleet/report.h"

#include <string.h>

#include "base/limits.h"

static const struct {
	enum instance_state state;
	const char *text;
} states[] = {
	{INSTANCE_PENDING, "pending"},
	{INSTANCE_RUNNING, "running"},
	{INSTANCE_SHUTTING_DOWN, "shutting-down"},
	{INSTANCE_TERMINATED, "terminated"},
	{INSTANCE_STOPPING, "stopping"},
	{INSTANCE_STOPPED, "stopped"},
};

const char *instance_state_text(enum instance_state state)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (states[i].state == state)
			return states[i].text;
	return "unknown";
}

int instance_state_from_text(const char *text, enum instance_state *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (!strcmp(states[i].text, text)) {
			*ret = states[i].state;
			return 0;
		}
	return -1;
}

struct infinity_report *infinity_report_new(void)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(LIMIT_REPORT_BYTES);
	struct infinity_report *report = arena ? arena_alloc(arena, sizeof(*report)) : NULL;

	if (!report)
		return NULL;
	report->license_ports_used = report->license_ports_total = -1;
	report->arena = take_ptr(arena);
	return report;
}

struct ec2_report *ec2_report_new(const char *region)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(LIMIT_REPORT_BYTES);
	struct ec2_report *report = arena ? arena_alloc(arena, sizeof(*report)) : NULL;
	const char *name = report ? arena_strdup(arena, region) : NULL;

	if (!name)
		return NULL;
	report->region = name;
	report->arena = take_ptr(arena);
	return report;
}

/* A report lives in its own arena: freeing the arena frees it. */
void infinity_report_free(struct infinity_report *report)
{
	if (report)
		arena_free(report->arena);
}

void ec2_report_free(struct ec2_report *report)
{
	if (report)
		arena_free(report->arena);
}
