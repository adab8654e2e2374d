/* What the control command fail_next wants of the next requests: of an EC2 action by name, of the other faces by part of the path. */
#include "tests/world/http_internal.h"

static bool is_meant(const struct failing *f, const struct request *r, const char *action)
{
	if (!f->times)
		return false;
	if (action)
		return !strcmp(f->action, action);
	return *f->path && strstr(r->path, f->path) && (!*f->method || !strcmp(f->method, r->method));
}

const struct failing *failing_take(const struct request *r, const char *action)
{
	for (size_t i = 0; i < r->server->n_failing; i++) {
		struct failing *f = &r->server->failing[i];

		if (!is_meant(f, r, action))
			continue;
		if (f->skip) {
			f->skip--;
			continue;
		}
		f->times--;
		return f;
	}
	return NULL;
}
