/* The steps and values of a life-cycle operation as JSON, and in words what of it stands. */
#include "handlers/view_steps.h"

#include <stdio.h>
#include <string.h>

/* --- steps ------------------------------------------------------------------------------------------------------ */

static void put_said(json_t *v, const char *key, const char *text)
{
	put_text(v, key, text[0] ? text : NULL);
}

json_t *view_plain_step(const char *step, const char *progress, int64_t time)
{
	json_t *v = json_object();

	put_text(v, "step", step);
	put_text(v, "does", NULL);
	put_text(v, "progress", progress);
	put_int(v, "attempts", 0);
	put_time(v, "time", time);
	put_time(v, "ended_at", 0);
	put_text(v, "detail", NULL);
	put_text(v, "error", NULL);
	return v;
}

static json_t *view_step(const struct operation_step *s)
{
	json_t *v = json_object();

	put_text(v, "step", step_text(s->name));
	put_text(v, "does", step_does(s->name));
	put_text(v, "progress", step_state_text(s->state));
	put_int(v, "attempts", s->attempts);
	put_time(v, "time", s->started_at);
	put_time(v, "ended_at", s->ended_at);
	put_said(v, "detail", s->detail);
	put_said(v, "error", s->error);
	return v;
}

json_t *view_lifecycle_steps(const struct operation *op)
{
	json_t *list = json_array();

	for (size_t i = 0; i < op->n_steps; i++)
		(void)json_array_append_new(list, view_step(&op->steps[i]));
	return list;
}

int lifecycle_attempts(const struct operation *op)
{
	int n = 0;

	for (size_t i = 0; i < op->n_steps; i++)
		n += op->steps[i].attempts;
	return n;
}

/* --- values ----------------------------------------------------------------------------------------------------- */

json_t *view_lifecycle_values(const struct operation *op)
{
	json_t *v = json_object();

	for (int i = 0; i < VALUE_COUNT; i++) {
		enum operation_value value = (enum operation_value)i;

		if (op->values[i] && operation_value_kind(value) != VALUE_SECRET)
			put_text(v, operation_value_text(value), op->values[i]);
	}
	return v;
}

/* --- where it stands --------------------------------------------------------------------------------------------- */

static const struct operation_step *present_step(const struct operation *op)
{
	size_t i = operation_present(op);

	return i < op->n_steps ? &op->steps[i] : NULL;
}

const char *lifecycle_waits_for(const struct operation *op)
{
	const struct operation_step *s = present_step(op);

	if (!s || intent_deed(op->intent.state) != ACTOR_LIFECYCLE)
		return NULL;
	return s->detail[0] ? s->detail : step_does(s->name);
}

const char *lifecycle_needs_person(const struct operation *op)
{
	return op->intent.state == INTENT_NEEDS_PERSON ? lifecycle_waits_for(op) : NULL;
}

static bool only_looks(enum step_name name)
{
	return name == STEP_CHECK || name == STEP_FIND_IMAGE || name == STEP_AWAIT_INSTANCE ||
	       name == STEP_AWAIT_SYNCED || name == STEP_DRAIN;
}

/* What was tried may have been done, whatever came of the answer. */
static bool leaves_something(const struct operation_step *s)
{
	bool tried = s->attempts > 0 && (s->state == STEP_RUNNING || s->state == STEP_HALTED);

	return !only_looks(s->name) && (s->state == STEP_DONE || s->state == STEP_UNDOING || tried);
}

static size_t append(char *out, size_t size, size_t len, const char *before, const char *text)
{
	int n = len < size ? snprintf(out + len, size - len, "%s%s", before, text) : 0;

	return n > 0 ? len + (size_t)n : len;
}

void lifecycle_stands(const struct operation *op, char out[LIFECYCLE_STANDS_SIZE])
{
	static const enum operation_value places[] = {VALUE_ALLOCATION, VALUE_PUBLIC_ADDRESS,
						      VALUE_MADE_GROUP};
	size_t len = 0, n = 0;

	for (size_t i = 0; i < op->n_steps; i++)
		if (leaves_something(&op->steps[i]))
			len = append(out, LIFECYCLE_STANDS_SIZE, len,
				     n++ ? ", " : "What stands: ", step_text(op->steps[i].name));
	if (!n) {
		(void)snprintf(out, LIFECYCLE_STANDS_SIZE, "Nothing was changed.");
		return;
	}
	if (op->intent.instance[0])
		len = append(out, LIFECYCLE_STANDS_SIZE, len, "; instance ", op->intent.instance);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (operation_text(op, places[i])[0])
			len = append(out, LIFECYCLE_STANDS_SIZE, len, "; ", operation_text(op, places[i]));
	(void)append(out, LIFECYCLE_STANDS_SIZE, len, ".", "");
}

/* --- what went wrong --------------------------------------------------------------------------------------------- */

static void halted_remedy(const struct operation *op, char out[1000])
{
	long long id = (long long)op->intent.id;
	const char *no_return = operation_no_return(op);
	char stands[LIFECYCLE_STANDS_SIZE];

	lifecycle_stands(op, stands);
	if (operation_undoing(op))
		(void)snprintf(out, 1000,
			       "Mend what is named, then go on undoing it with /v1/operations/%lld/resume, "
			       "or close it as it "
			       "is with /v1/operations/%lld/cancel and {\"undo\": false}. %s",
			       id, id, stands);
	else if (no_return)
		(void)snprintf(out, 1000,
			       "Mend what is named, then resume it with /v1/operations/%lld/resume. It "
			       "cannot be undone: "
			       "%s. %s",
			       id, no_return, stands);
	else
		(void)snprintf(
			out, 1000,
			"Mend what is named, then resume it with /v1/operations/%lld/resume, or undo it with "
			"/v1/operations/%lld/cancel. %s",
			id, id, stands);
}

static void remedy_of(const struct operation *op, char out[1000])
{
	char stands[LIFECYCLE_STANDS_SIZE];

	lifecycle_stands(op, stands);
	if (op->intent.state == INTENT_HALTED)
		halted_remedy(op, out);
	else if (op->intent.state == INTENT_FAILED)
		(void)snprintf(out, 1000, "Mend what is named, then ask again. %s", stands);
	else if (op->intent.closed_at)
		(void)snprintf(out, 1000, "%s", stands);
	else
		(void)snprintf(
			out, 1000,
			"It is tried again; it halts where it cannot go on, and then says what to do.");
}

json_t *view_lifecycle_error(const struct operation *op)
{
	const struct operation_step *s = present_step(op);
	const char *detail = op->intent.error[0] ? op->intent.error : s ? s->error : "";
	char remedy[1000];
	json_t *v;

	if (!detail[0])
		return NULL;
	remedy_of(op, remedy);
	v = json_object();
	put_text(v, "detail", detail);
	put_text(v, "remedy", remedy);
	return v;
}
