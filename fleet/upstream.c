/* Owns the filling of an upstream_error: words from outside come in here and leave fit to show. */
#include "fleet/upstream.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

const char *upstream_class_text(enum upstream_class class)
{
	switch (class) {
	case UPSTREAM_OK:
		return "ok";
	case UPSTREAM_RETRY:
		return "retry";
	case UPSTREAM_THROTTLED:
		return "throttled";
	case UPSTREAM_WAIT:
		return "wait";
	case UPSTREAM_NEXT:
		return "next";
	case UPSTREAM_OPERATOR:
		return "operator";
	case UPSTREAM_BUG:
		return "bug";
	}
	return "bug";
}

bool upstream_account_wide(const struct upstream_error *e)
{
	static const char *const issues[] = {"ec2_credentials", "ec2_credentials_expired", "ec2_clock_skew",
					     "ec2_account"};

	for (size_t i = 0; i < sizeof(issues) / sizeof(issues[0]); i++)
		if (!strcmp(e->issue, issues[i]))
			return true;
	return false;
}

uint64_t upstream_requests(const struct upstream_tally *t)
{
	uint64_t n = 0;

	for (int i = 0; i < UPSTREAM_CLASSES; i++)
		n += counter_read(&t->requests[i]);
	return n;
}

void upstream_error_set(struct upstream_error *e, enum upstream_class class, int http_status,
			const char *code, const char *issue, const char *remedy, const char *format, ...)
{
	va_list args;

	memset(e, 0, sizeof(*e));
	e->class = class;
	e->http_status = http_status;
	(void)snprintf(e->code, sizeof(e->code), "%s", code);
	(void)snprintf(e->issue, sizeof(e->issue), "%s", issue);
	(void)snprintf(e->remedy, sizeof(e->remedy), "%s", remedy);
	va_start(args, format);
	(void)vsnprintf(e->message, sizeof(e->message), format, args);
	va_end(args);
	utf8_tidy(e->code);
	utf8_tidy(e->issue);
	utf8_tidy(e->remedy);
	utf8_tidy(e->message);
}
