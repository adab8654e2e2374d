/*
 * Strict reading of a request's body: each field is asked for by name and type; what is wrong is collected with its JSON
 * pointer, so that one reply names every field at fault. Fields that nobody asked for are unknown, and an error.
 */
#ifndef BURSTD_HANDLERS_INPUT_H
#define BURSTD_HANDLERS_INPUT_H

#include "server/http.h"

#define INPUT_ERRORS 16
#define INPUT_FIELDS 32

struct input_errors {
	struct field_error list[INPUT_ERRORS];
	size_t n;
};

/* One JSON object under reading. */
struct input {
	json_t *object;     /* borrowed; NULL = an optional body that was not given */
	const char *prefix; /* JSON pointer of the object: "" or "/wishes" */
	const char *asked[INPUT_FIELDS];
	size_t n_asked;
	struct input_errors *errors;
};

/* What a field held. `given` is false where it is missing or of the wrong type (then an error is recorded). */
struct input_value {
	bool given;
	bool null;
	bool flag;
	int64_t number; /* also the index of a choice */
	const char *text;
	json_t *list;
};

/* Opens the body. false = not JSON, not an object, or missing though required; `e` is filled. */
bool input_open(struct input *, struct input_errors *, struct req *, bool required, struct error *e);
/* Opens the object in field `name` of `outer`; false where it is missing or no object. `prefix` is its pointer. */
bool input_open_object(struct input *, struct input *outer, const char *name, const char *prefix);

struct input_value input_bool(struct input *, const char *name, bool nullable);
struct input_value input_int(struct input *, const char *name, int64_t least, int64_t most, bool nullable);
/* Length in bytes. */
struct input_value input_text(struct input *, const char *name, size_t least, size_t most, bool nullable);
/* `choices` as "on|off". */
struct input_value input_choice(struct input *, const char *name, const char *choices, bool nullable);
struct input_value input_array(struct input *, const char *name, size_t least, size_t most);

/* Records an error of a field that only the caller can see. */
void input_fail(struct input *, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Records the fields that were not asked for. true = everything is right. */
bool input_end(struct input *);
struct done *reply_input(struct req *, const struct input_errors *);

/* "true" or "false" of a query parameter; `preset` where it is missing. false = neither; `e` filled. */
bool query_bool(struct req *, const char *name, bool preset, bool *ret, struct error *e);
/* A positive integer; 0 where it is missing. */
bool query_id(struct req *, const char *name, int64_t *ret, struct error *e);
/* RFC 3339; 0 where it is missing. */
bool query_time(struct req *, const char *name, int64_t *ret, struct error *e);
/* Index into "a|b|c"; -1 where it is missing. */
bool query_choice(struct req *, const char *name, const char *choices, int *ret, struct error *e);

#endif
