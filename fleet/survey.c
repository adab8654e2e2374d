#include "fleet/survey.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SURVEY_BYTES (4u * 1024 * 1024) /* 10,000 findings: more tell nobody more */

struct survey *survey_new(const char *name, int64_t observed_at)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(SURVEY_BYTES);
	struct survey *s = arena ? arena_alloc(arena, sizeof(*s)) : NULL;
	const char *copy = s ? arena_strdup(arena, name) : NULL;

	if (!copy)
		return NULL;
	*s = (struct survey){.name = copy, .observed_at = observed_at};
	s->arena = take_ptr(arena);
	return s;
}

void survey_free(struct survey *s)
{
	if (s)
		arena_free(s->arena);
}

static bool known(const struct survey *s, enum check_id check, const char *subject)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->findings[i].check == check && !strcmp(s->findings[i].subject, subject))
			return true;
	return false;
}

static bool grow(struct survey *s)
{
	size_t cap = s->cap ? 2 * s->cap : 16;
	struct survey_finding *grown = arena_array(s->arena, cap, sizeof(*grown));

	if (!grown)
		return false;
	if (s->n)
		memcpy(grown, s->findings, s->n * sizeof(*grown));
	s->findings = grown;
	s->cap = cap;
	return true;
}

void survey_find(struct survey *s, enum check_id check, const char *subject, const char *format, ...)
{
	struct survey_finding f = {.check = check};
	char message[400];
	va_list args;

	if (known(s, check, subject) || (s->n == s->cap && !grow(s)))
		return;
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	f.subject = arena_strdup(s->arena, subject);
	f.message = arena_strdup(s->arena, message);
	if (f.subject && f.message)
		s->findings[s->n++] = f;
}

void survey_unread(struct survey *s, const struct unread_list *list, const char *source)
{
	char subject[120];

	for (size_t i = 0; i < list->n; i++) {
		(void)snprintf(subject, sizeof(subject), "%.50s %.60s", source, list->rows[i].what);
		survey_find(s, CHECK_NOT_MADE, subject, "it could not be read: %s", list->rows[i].why);
		s->unread++;
	}
}
