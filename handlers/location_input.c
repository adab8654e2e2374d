/* The fields of a location as a request gives them. */
#include "handlers/location_input.h"

#include <stdio.h>
#include <string.h>

/* What Python's str.strip() takes away, which Infinity's forms use; control characters are refused anyway. */
static const char *const blanks[] = {" ",
				     "\xc2\x85",
				     "\xc2\xa0",
				     "\xe1\x9a\x80",
				     "\xe2\x80\x80",
				     "\xe2\x80\x81",
				     "\xe2\x80\x82",
				     "\xe2\x80\x83",
				     "\xe2\x80\x84",
				     "\xe2\x80\x85",
				     "\xe2\x80\x86",
				     "\xe2\x80\x87",
				     "\xe2\x80\x88",
				     "\xe2\x80\x89",
				     "\xe2\x80\x8a",
				     "\xe2\x80\xa8",
				     "\xe2\x80\xa9",
				     "\xe2\x80\xaf",
				     "\xe2\x81\x9f",
				     "\xe3\x80\x80"};

static bool trimmed(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(blanks); i++) {
		size_t n = strlen(blanks[i]);

		if (len >= n && (!memcmp(text, blanks[i], n) || !memcmp(text + len - n, blanks[i], n)))
			return false;
	}
	return true;
}

/* A wish that Infinity trims would never come true. */
static void check_text(struct input *in, const char *name, const struct input_value *v)
{
	size_t len = v->given && v->text ? strlen(v->text) : 0;

	if (!len)
		return;
	if (!trimmed(v->text, len)) {
		input_fail(in, name, "must not begin or end with a blank");
		return;
	}
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)v->text[i] < ' ' || v->text[i] == 0x7f) {
			input_fail(in, name, "may not hold control characters");
			return;
		}
}

static void read_text(struct input *in, const char *name, size_t least, unsigned field, char *out,
		      size_t size, struct location_change *c)
{
	struct input_value v = input_text(in, name, least, size - 1, false);

	check_text(in, name, &v);
	if (!v.given)
		return;
	c->fields |= field;
	(void)snprintf(out, size, "%s", v.text);
}

static void read_link(struct input *in, const char *name, const struct location_scope *scope, unsigned field,
		      int64_t *out, struct location_change *c)
{
	struct input_value v = input_int(in, name, 1, INT64_MAX, true);

	if (!v.given)
		return;
	c->fields |= field;
	*out = v.null ? 0 : v.number;
	if (*out && *out == scope->self)
		input_fail(in, name, "a location cannot overflow into itself");
	else if (*out && !picture_location(scope->picture, *out))
		input_fail(in, name, "there is no location with the id %lld", (long long)*out);
}

void location_read(struct input *in, const struct location_scope *scope, struct location_change *c)
{
	read_text(in, "name", 1, LOCATION_NAME, c->name, sizeof c->name, c);
	read_text(in, "description", 0, LOCATION_DESCRIPTION, c->description, sizeof c->description, c);
	read_link(in, "primary_overflow_location", scope, LOCATION_PRIMARY, &c->overflow1, c);
	read_link(in, "secondary_overflow_location", scope, LOCATION_SECONDARY, &c->overflow2, c);
}

unsigned location_read_release(struct input *in)
{
	struct input_value list = input_array(in, "release", 1, LOCATION_FIELD_COUNT);
	struct input item = {.object = in->object, .prefix = "/release", .errors = in->errors};
	unsigned release = 0;
	json_t *value;
	size_t i;

	if (!list.given)
		return 0;
	json_array_foreach(list.list, i, value)
	{
		const char *name = json_string_value(value);
		unsigned field = 1;
		char at[24];

		while (name && field <= LOCATION_ALL_FIELDS && strcmp(name, location_field_text(field)) != 0)
			field <<= 1;
		(void)snprintf(at, sizeof at, "%zu", i);
		if (!name || field > LOCATION_ALL_FIELDS)
			input_fail(&item, at, "must be the name of a field that can be wished");
		else if (json_object_get(in->object, name))
			input_fail(&item, at, "%s is given a value too", name);
		else
			release |= field;
	}
	return release;
}

/* --- against what there is ------------------------------------------------------------------------------------- */

static enum err taken(struct error *e, const char *name)
{
	return error_field(e, ERR_CONFLICT, "/name", "there is, or will be, another location named %.100s",
			   name);
}

static enum err check_name(const struct location_scope *s, const struct overlay *o,
			   const struct location_change *c, struct error *e)
{
	for (size_t i = 0; i < s->picture->n_locations; i++)
		if (s->picture->locations[i].id != s->self && !strcmp(s->picture->locations[i].name, c->name))
			return taken(e, c->name);
	for (size_t i = 0; i < o->n_location_wishes; i++) {
		const struct location_wish *w = &o->location_wishes[i];

		if (w->location != s->self && w->change.fields & LOCATION_NAME &&
		    !strcmp(w->change.name, c->name) && picture_location(s->picture, w->location))
			return taken(e, c->name);
	}
	for (size_t i = 0; i < o->n_intents; i++)
		if (o->intents[i].kind == INTENT_LOCATION_CREATE &&
		    !strcmp(o->intents[i].change.name, c->name))
			return taken(e, c->name);
	return ERR_OK;
}

/* A link to a location that is being deleted would stand against the deletion, or dangle. */
static enum err check_target(const struct overlay *o, int64_t target, const char *pointer, struct error *e)
{
	for (size_t i = 0; target && i < o->n_intents; i++)
		if (o->intents[i].kind == INTENT_LOCATION_DELETE && o->intents[i].location == target)
			return error_field(e, ERR_CONFLICT, pointer,
					   "location %lld is being deleted (operation %lld)",
					   (long long)target, (long long)o->intents[i].id);
	return ERR_OK;
}

enum err location_check(const struct location_scope *scope, const struct overlay *o,
			const struct location_change *c, const struct location_change *effective,
			struct error *e)
{
	enum err err = ERR_OK;

	if (effective->overflow1 && effective->overflow1 == effective->overflow2)
		return error_field(e, ERR_BAD_REQUEST,
				   c->fields & LOCATION_SECONDARY ? "/secondary_overflow_location"
								  : "/primary_overflow_location",
				   "location %lld is the other overflow location already",
				   (long long)effective->overflow1);
	if (c->fields & LOCATION_NAME)
		err = check_name(scope, o, c, e);
	if (!err && c->fields & LOCATION_PRIMARY)
		err = check_target(o, c->overflow1, "/primary_overflow_location", e);
	if (!err && c->fields & LOCATION_SECONDARY)
		err = check_target(o, c->overflow2, "/secondary_overflow_location", e);
	return err;
}
