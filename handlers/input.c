/* Strict readers of body fields and query parameters. Pure apart from the errors they collect. */
#include "handlers/input.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Appends `name` as one step of a JSON pointer (RFC 6901: ~ and / are escaped), cut where it does not fit. */
static void pointer_make(char *out, size_t size, const char *prefix, const char *name)
{
	size_t len = (size_t)snprintf(out, size, "%s/", prefix);

	for (; *name && len + 3 < size; name++) {
		if (*name == '~' || *name == '/') {
			out[len++] = '~';
			out[len++] = *name == '~' ? '0' : '1';
		} else {
			out[len++] = *name;
		}
	}
	/* never cut within a character: the pointer goes into JSON */
	while (*name && len > 0 && ((unsigned char)out[len - 1] & 0x80))
		len--;
	out[len] = '\0';
}

void input_fail(struct input *in, const char *name, const char *format, ...)
{
	struct field_error *error = &in->errors->list[in->errors->n];
	va_list args;

	if (in->errors->n == INPUT_ERRORS)
		return;
	in->errors->n++;
	pointer_make(error->pointer, sizeof error->pointer, in->prefix, name);
	va_start(args, format);
	(void)vsnprintf(error->detail, sizeof error->detail, format, args);
	va_end(args);
	utf8_tidy(error->detail); /* a name may have been cut within a character */
}

bool input_open(struct input *in, struct input_errors *errors, struct req *r, bool required, struct error *e)
{
	json_t *body = req_body(r, e);

	errors->n = 0;
	*in = (struct input){.object = body, .prefix = "", .errors = errors};
	if (e->code)
		return false;
	if (!body && required)
		(void)error_set(e, ERR_BAD_REQUEST, "the body is missing; it must be a JSON object");
	else if (body && !json_is_object(body))
		(void)error_set(e, ERR_BAD_REQUEST, "the body must be a JSON object");
	return !e->code;
}

/* The field, noted as known; NULL where it is missing. */
static json_t *ask(struct input *in, const char *name)
{
	if (in->n_asked < INPUT_FIELDS)
		in->asked[in->n_asked++] = name;
	return in->object ? json_object_get(in->object, name) : NULL;
}

bool input_open_object(struct input *in, struct input *outer, const char *name, const char *prefix)
{
	json_t *value = ask(outer, name);

	*in = (struct input){.object = value, .prefix = prefix, .errors = outer->errors};
	if (value && !json_is_object(value)) {
		input_fail(outer, name, "must be an object");
		in->object = NULL;
	}
	return in->object != NULL;
}

/* Handles what all types share: missing and null. true = the value is there to be looked at. */
static bool present(struct input *in, const char *name, bool nullable, json_t **ret, struct input_value *v)
{
	*v = (struct input_value){0};
	*ret = ask(in, name);
	if (!*ret)
		return false;
	if (!json_is_null(*ret))
		return true;
	if (nullable)
		v->given = v->null = true;
	else
		input_fail(in, name, "must not be null");
	return false;
}

struct input_value input_bool(struct input *in, const char *name, bool nullable)
{
	struct input_value v;
	json_t *value;

	if (!present(in, name, nullable, &value, &v))
		return v;
	v.given = json_is_boolean(value);
	v.flag = json_is_true(value);
	if (!v.given)
		input_fail(in, name, "must be true or false%s", nullable ? ", or null" : "");
	return v;
}

struct input_value input_int(struct input *in, const char *name, int64_t least, int64_t most, bool nullable)
{
	struct input_value v;
	json_t *value;

	if (!present(in, name, nullable, &value, &v))
		return v;
	v.number = json_integer_value(value);
	v.given = json_is_integer(value) && v.number >= least && v.number <= most;
	if (!v.given)
		input_fail(in, name, "must be an integer from %lld to %lld%s", (long long)least,
			   (long long)most, nullable ? ", or null" : "");
	return v;
}

struct input_value input_text(struct input *in, const char *name, size_t least, size_t most, bool nullable)
{
	struct input_value v;
	json_t *value;
	size_t len;

	if (!present(in, name, nullable, &value, &v))
		return v;
	len = json_string_length(value);
	v.text = json_string_value(value);
	v.given = v.text && len >= least && len <= most;
	if (!v.given)
		input_fail(in, name, "must be a text of %zu to %zu bytes%s", least, most,
			   nullable ? ", or null" : "");
	return v;
}

/* The index of `text` in "a|b|c", -1 where it is none of them. */
static int choice_index(const char *choices, const char *text)
{
	size_t len;
	int i;

	for (i = 0; *choices; i++) {
		len = strcspn(choices, "|");
		if (strlen(text) == len && strncmp(choices, text, len) == 0)
			return i;
		choices += choices[len] ? len + 1 : len;
	}
	return -1;
}

struct input_value input_choice(struct input *in, const char *name, const char *choices, bool nullable)
{
	struct input_value v;
	json_t *value;

	if (!present(in, name, nullable, &value, &v))
		return v;
	v.text = json_string_value(value);
	v.number = v.text ? choice_index(choices, v.text) : -1;
	v.given = v.number >= 0;
	if (!v.given)
		input_fail(in, name, "must be one of %s%s", choices, nullable ? ", or null" : "");
	return v;
}

struct input_value input_array(struct input *in, const char *name, size_t least, size_t most)
{
	struct input_value v;
	json_t *value;

	if (!present(in, name, false, &value, &v))
		return v;
	v.list = value;
	v.given = json_is_array(value) && json_array_size(value) >= least && json_array_size(value) <= most;
	if (!v.given)
		input_fail(in, name, "must be a list of %zu to %zu items", least, most);
	return v;
}

bool input_end(struct input *in)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach(in->object, key, value)
	{
		for (i = 0; i < in->n_asked && strcmp(in->asked[i], key) != 0; i++)
			continue;
		if (i == in->n_asked)
			input_fail(in, key, "unknown field");
	}
	return in->errors->n == 0;
}

struct done *reply_input(struct req *r, const struct input_errors *errors)
{
	return reply_fields(r, errors->list, errors->n);
}

/* --- query parameters ---------------------------------------------------------------------------------------- */

static bool query_fault(struct error *e, const char *name, const char *must)
{
	(void)error_set(e, ERR_BAD_REQUEST, "the query parameter \"%s\" must be %s", name, must);
	return false;
}

bool query_bool(struct req *r, const char *name, bool preset, bool *ret, struct error *e)
{
	const char *text = req_query(r, name);

	if (text && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return query_fault(e, name, "true or false");
	*ret = text ? strcmp(text, "true") == 0 : preset;
	return true;
}

#define ID_MOST 999999999999999999 /* what fits into a path: 18 digits */

bool query_id(struct req *r, const char *name, int64_t *ret, struct error *e)
{
	const char *text = req_query(r, name);
	char *end = NULL;

	*ret = 0;
	if (!text)
		return true;
	errno = 0;
	if (*text >= '1' && *text <= '9')
		*ret = strtoll(text, &end, 10);
	return (end && *end == '\0' && errno == 0 && *ret <= ID_MOST) ||
	       query_fault(e, name, "a positive integer");
}

bool query_time(struct req *r, const char *name, int64_t *ret, struct error *e)
{
	const char *text = req_query(r, name);

	*ret = 0;
	if (!text)
		return true;
	return (time_parse_rfc3339(text, ret) == 0 && *ret > 0) ||
	       query_fault(e, name, "a time such as 2026-01-31T08:00:00Z");
}

bool query_choice(struct req *r, const char *name, const char *choices, int *ret, struct error *e)
{
	const char *text = req_query(r, name);

	*ret = -1;
	if (!text)
		return true;
	*ret = choice_index(choices, text);
	return *ret >= 0 || query_fault(e, name, choices);
}
