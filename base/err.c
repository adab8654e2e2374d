/* Owns the words of a failure: filling `struct error`, and the table from code to HTTP status, slug and
 * title. */
#include "base/err.h"

#include <stdio.h>

#include "base/utf8.h"

struct err_row {
	enum err code;
	int http_status;
	const char *slug;
	const char *title;
};

static const struct err_row rows[] = {
#define X(name, value, http, slug, title) {(value), (http), (slug), (title)},
	ERR_CODES(X)
#undef X
};

static const struct err_row *row_of(enum err code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return &rows[i];
	return row_of(ERR_INTERNAL); /* a code outside the table is a fault of ours */
}

__attribute__((format(printf, 4, 0))) static void fill(struct error *e, enum err code, const char *pointer,
						       const char *format, va_list args)
{
	if (!e)
		return;
	e->code = code;
	(void)snprintf(e->pointer, sizeof(e->pointer), "%s", pointer);
	(void)vsnprintf(e->detail, sizeof(e->detail), format, args);
	utf8_tidy(e->pointer);
	utf8_tidy(e->detail);
}

enum err error_set(struct error *e, enum err code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(e, code, "", format, args);
	va_end(args);
	return code;
}

enum err error_field(struct error *e, enum err code, const char *pointer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(e, code, pointer, format, args);
	va_end(args);
	return code;
}

int err_http_status(enum err code)
{
	return row_of(code)->http_status;
}

const char *err_slug(enum err code)
{
	return row_of(code)->slug;
}

const char *err_title(enum err code)
{
	return row_of(code)->title;
}
