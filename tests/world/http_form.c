/* application/x-www-form-urlencoded, as EC2 and the OAuth2 token endpoint get it. */
#include <ctype.h>

#include "tests/world/http_internal.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes in place; false at a broken escape or a NUL. */
static bool decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '%') {
			int high = hex(from[1]);
			int low = high < 0 ? -1 : hex(from[2]);

			if (low < 0 || high * 16 + low == 0)
				return false;
			*to++ = (char)(high * 16 + low);
			from += 2;
		} else {
			*to++ = *from == '+' ? ' ' : *from;
		}
	}
	*to = '\0';
	return true;
}

bool form_parse(struct form *f, const char *body, size_t len)
{
	char *rest;

	*f = (struct form){.text = strndup(body ? body : "", len)};
	if (!f->text)
		return false;
	rest = f->text;
	for (char *pair; (pair = strsep(&rest, "&"));) {
		char *value = strchr(pair, '=');

		if (!*pair)
			continue;
		if (value)
			*value++ = '\0';
		if (!decode(pair) || (value && !decode(value)))
			return false;
		form_add(f, pair, value);
	}
	return true;
}

void form_add(struct form *f, const char *name, const char *value)
{
	GROW(f->fields, f->n, f->cap);
	f->fields[f->n++] = (struct form_field){name, value ? value : ""};
}

void form_free(struct form *f)
{
	free(f->fields);
	free(f->text);
	*f = (struct form){0};
}

const char *form_get(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->fields[i].name, name))
			return f->fields[i].value;
	return NULL;
}
