#include "fleet/survey_report.h"

#include "base/limits.h"

struct network_report *network_report_new(int64_t observed_at)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(LIMIT_REPORT_BYTES);
	struct network_report *r = arena ? arena_alloc(arena, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	r->observed_at = observed_at;
	r->arena = take_ptr(arena);
	return r;
}

struct platform_report *platform_report_new(int64_t observed_at)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(LIMIT_REPORT_BYTES);
	struct platform_report *r = arena ? arena_alloc(arena, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	r->observed_at = observed_at;
	r->n_dns = r->n_ntp = -1;
	r->arena = take_ptr(arena);
	return r;
}

void network_report_free(struct network_report *r)
{
	if (r)
		arena_free(r->arena);
}

void platform_report_free(struct platform_report *r)
{
	if (r)
		arena_free(r->arena);
}

void unread_add(struct unread_list *list, struct arena *arena, const char *what, const char *why)
{
	struct unread u = {arena_strdup(arena, what), arena_strdup(arena, why)};

	if (list->n < UNREAD_MAX && u.what && u.why)
		list->rows[list->n++] = u;
}
