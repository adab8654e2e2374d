#include "lifecycle/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY_SIZE     600 /* of "conference/NAME" and its like */
#define LIST_MAX     (1024 * 1024)
#define SECTION_MAX  300 /* of a detail */
#define DATE_SECONDS 19  /* "2026-09-01T00:00:00"; a fraction or a zone behind it says nothing more */

void platform_look_end(struct platform_look *look)
{
	json_decref(look->wanted);
	json_decref(look->there);
}

enum step_result platform_memory(struct job *job)
{
	return job_later(job, POLL_MS, "memory");
}

/* --- the operation's comma lists ------------------------------------------------------------------------------------ */

/* The next entry of a comma list, its length in *ret_len; NULL at the end. */
static const char *next_entry(const char *list, const char *before, size_t *ret_len)
{
	const char *at = before ? before + *ret_len : list;

	at += before && *at == ',';
	*ret_len = strcspn(at, ",");
	return *at ? at : NULL;
}

static bool is_entry(const char *at, size_t len, const char *entry)
{
	return strlen(entry) == len && !strncmp(at, entry, len);
}

bool platform_noted(const struct job *job, enum operation_value list, const char *entry)
{
	const char *text = operation_text(job->op, list);
	size_t len = 0;

	for (const char *at = NULL; (at = next_entry(text, at, &len));)
		if (is_entry(at, len, entry))
			return true;
	return false;
}

/* The list without the entry, and with it at its end where `add`. */
static bool write_list(struct job *job, enum operation_value list, const char *entry, bool add)
{
	_cleanup_(buf_free) struct buf out = BUF_INIT(LIST_MAX);
	const char *text = operation_text(job->op, list);
	size_t len = 0;

	for (const char *at = NULL; (at = next_entry(text, at, &len));)
		if (!is_entry(at, len, entry))
			buf_printf(&out, "%s%.*s", out.len ? "," : "", (int)len, at);
	if (add)
		buf_printf(&out, "%s%s", out.len ? "," : "", entry);
	return !out.failed && operation_set(job->op, list, out.len ? out.data : NULL);
}

bool platform_note(struct job *job, enum operation_value list, const char *entry)
{
	return platform_noted(job, list, entry) || write_list(job, list, entry, true);
}

void platform_entry(const struct platform_kind *kind, int64_t id, char out[96])
{
	(void)snprintf(out, 96, "%.60s/%lld", kind->name, (long long)id);
}

/* The newest of this kind; 0 = none. */
static int64_t last_made(const struct job *job, const struct platform_kind *kind)
{
	const char *text = operation_text(job->op, VALUE_PLATFORM_MADE);
	size_t n = strlen(kind->name), len = 0;
	int64_t id = 0;

	for (const char *at = NULL; (at = next_entry(text, at, &len));)
		if (len > n && !strncmp(at, kind->name, n) && at[n] == '/')
			id = strtoll(at + n + 1, NULL, 10);
	return id;
}

/* --- objects ------------------------------------------------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

int64_t platform_id(const struct platform_kind *kind, const json_t *object)
{
	const json_t *id =
		json_object_get(object, kind->resource == RESOURCE_LICENCE ? "fulfillment_id" : "id");

	return json_is_string(id) ? strtoll(json_string_value(id), NULL, 10) : json_integer_value(id);
}

/* "dns_server/192.0.2.53": what PLATFORM_MAKING says of an object. */
static void making_text(const struct platform_kind *kind, const json_t *object, char out[KEY_SIZE])
{
	const char *also = kind->also ? text_of(object, kind->also) : "";

	(void)snprintf(out, KEY_SIZE, "%s/%s%s%.*s", kind->name, text_of(object, kind->key), *also ? " " : "",
		       DATE_SECONDS, also);
}

static bool same_key(const struct platform_kind *kind, const char *a, const char *b)
{
	return kind->folded ? !strcasecmp(a, b) : !strcmp(a, b);
}

static json_t *find_text(const struct platform_kind *kind, const char *text, const json_t *objects)
{
	char other[KEY_SIZE];
	json_t *object;
	size_t i;

	json_array_foreach(objects, i, object)
	{
		making_text(kind, object, other);
		if (same_key(kind, text, other))
			return object;
	}
	return NULL;
}

json_t *platform_find(const struct platform_kind *kind, const json_t *wanted, const json_t *objects)
{
	char text[KEY_SIZE];

	making_text(kind, wanted, text);
	return find_text(kind, text, objects);
}

json_t *platform_request(struct job *job, enum step_result *ret_result)
{
	json_t *request = json_loads(operation_text(job->op, VALUE_PLATFORM), JSON_REJECT_DUPLICATES, NULL);

	if (!request)
		*ret_result = job_refuse(
			job, "request", "Undo the operation or close it, and ask for the configuration anew.",
			"what was asked for cannot be read any more");
	return request;
}

bool platform_compares(const struct job *job)
{
	return !strcmp(operation_text(job->op, VALUE_APPLY), "false");
}

/* --- making ----------------------------------------------------------------------------------------------------------------- */

bool platform_made(struct job *job, const struct platform_kind *kind, int64_t id)
{
	char entry[96];

	platform_entry(kind, id, entry);
	return operation_set(job->op, VALUE_PLATFORM_MAKING, NULL) &&
	       platform_note(job, VALUE_PLATFORM_MADE, entry);
}

/*
 * The object whose POST had no answer, if there is one of this kind: what is there under its key now is ours, as it was looked for
 * right before. False: *ret_result.
 */
static bool adopt(struct job *job, const struct platform_kind *kind, const json_t *there,
		  enum step_result *ret_result)
{
	const char *making = operation_text(job->op, VALUE_PLATFORM_MAKING);
	size_t n = strlen(kind->name);
	const json_t *object;

	if (strncmp(making, kind->name, n) || making[n] != '/')
		return true;
	object = find_text(kind, making, there);
	if (!object && !job_settled(job)) {
		*ret_result =
			job_later(job, POLL_MS, "waits for Infinity to show whether %.250s was made", making);
		return false;
	}
	if (object ? platform_made(job, kind, platform_id(kind, object))
		   : operation_set(job->op, VALUE_PLATFORM_MAKING, NULL))
		return true;
	*ret_result = platform_memory(job);
	return false;
}

bool platform_read(struct job *job, struct platform_look *look, enum step_result *ret_result)
{
	struct upstream_error e = {0};

	if (!infinity_resource_list(job->l->o.infinity, look->kind->resource, &look->there, &e)) {
		*ret_result = job_failed(job, &e);
		return false;
	}
	return adopt(job, look->kind, look->there, ret_result);
}

/* What is sent of the wanted object; a new one. */
static json_t *body_of(const struct platform_kind *kind, const json_t *wanted)
{
	json_t *body = json_copy((json_t *)(uintptr_t)wanted);

	if (body && kind->derived) {
		(void)json_object_del(body, kind->key);
		(void)json_object_del(body, kind->also);
	}
	return body;
}

static enum step_result make(struct job *job, struct platform_look *look, const json_t *wanted)
{
	json_auto_t *body = body_of(look->kind, wanted);
	json_auto_t *seen = json_copy((json_t *)(uintptr_t)wanted);
	struct upstream_error e = {0};
	char making[KEY_SIZE];
	int64_t id = 0;

	making_text(look->kind, wanted, making);
	if (!body || !seen || !operation_set(job->op, VALUE_PLATFORM_MAKING, making))
		return platform_memory(job);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!infinity_resource_create(job->l->o.infinity, look->kind->resource, body, &id, NULL, &e)) {
		/* Refused is not made; anything else may have been made all the same. */
		if (e.class != UPSTREAM_RETRY)
			(void)operation_set(job->op, VALUE_PLATFORM_MAKING, NULL);
		return job_failed(job, &e);
	}
	if (!platform_made(job, look->kind, id) || json_object_set_new(seen, "id", json_integer(id)) ||
	    json_array_append(look->there, seen))
		return platform_memory(job);
	return RESULT_DONE;
}

enum step_result platform_ensure(struct job *job, struct platform_look *look)
{
	enum step_result result = RESULT_DONE;
	const json_t *wanted;
	size_t i;

	if (!platform_read(job, look, &result))
		return result;
	json_array_foreach(look->wanted, i, wanted)
	{
		if (platform_compares(job) || platform_find(look->kind, wanted, look->there))
			continue;
		result = make(job, look, wanted);
		if (result != RESULT_DONE)
			return result;
	}
	return RESULT_DONE;
}

/* --- telling ---------------------------------------------------------------------------------------------------------------- */

static bool is_empty(const json_t *value)
{
	return json_is_null(value) || (json_is_string(value) && !json_string_length(value));
}

/* A field that this version of Infinity does not show cannot be compared. */
static bool differs(const json_t *wanted, const json_t *has)
{
	return wanted && has && !(is_empty(wanted) && is_empty(has)) && !json_equal(wanted, has);
}

/* "description, no pin": "" where nothing differs. Never a value: a PIN may be one. */
static void differences(const struct platform_kind *kind, const json_t *wanted, const json_t *has,
			struct buf *out)
{
	for (const char *const *f = kind->fields; *f; f++)
		if (differs(json_object_get(wanted, *f), json_object_get(has, *f)))
			buf_printf(out, "%s%s", out->len ? ", " : "", *f);
	for (const char *const *f = kind->secrets; *f; f++) {
		const json_t *hidden = json_object_get(has, *f);

		if (*text_of(wanted, *f) && hidden && is_empty(hidden))
			buf_printf(out, "%sno %s", out->len ? ", " : "", *f);
	}
}

enum section { MADE, MISSING, DIFFERS, THERE, SECTIONS };

static void sort_in(const struct job *job, const struct platform_look *look, const json_t *wanted,
		    struct buf sections[SECTIONS])
{
	_cleanup_(buf_free) struct buf why = BUF_INIT(SECTION_MAX);
	const json_t *has = platform_find(look->kind, wanted, look->there);
	enum section section = has ? THERE : MISSING;
	char entry[96];

	if (has) {
		differences(look->kind, wanted, has, &why);
		platform_entry(look->kind, platform_id(look->kind, has), entry);
		if (platform_noted(job, VALUE_PLATFORM_MADE, entry))
			section = MADE;
		else if (why.len)
			section = DIFFERS;
	}
	buf_printf(&sections[section], "%s%s", sections[section].len ? ", " : "",
		   text_of(wanted, look->kind->key));
	if (section == DIFFERS)
		buf_printf(&sections[section], " (%s)", why.data);
}

enum step_result platform_tell(struct job *job, const struct platform_look *look, const char *first)
{
	static const char *const words[SECTIONS] = {
		"made: ", "missing: ", "there, but not as asked for: ", "there: "};
	_cleanup_(buf_free) struct buf text = BUF_INIT(2 * SECTIONS * SECTION_MAX);
	struct buf sections[SECTIONS];
	const json_t *wanted;
	size_t i;

	for (i = 0; i < SECTIONS; i++)
		sections[i] = BUF_INIT(SECTION_MAX);
	json_array_foreach(look->wanted, i, wanted) sort_in(job, look, wanted, sections);
	buf_puts(&text, first);
	for (i = 0; i < SECTIONS; i++) {
		if (sections[i].len)
			buf_printf(&text, "%s%s%s%s", text.len ? "; " : "", words[i], sections[i].data,
				   sections[i].failed ? ", ..." : "");
		buf_free(&sections[i]);
	}
	return job_done(job, "%s", text.len ? text.data : "");
}

/* --- taking back ------------------------------------------------------------------------------------------------------------ */

/* The list is needed only where it is not known whether the last one was made. */
static bool find_uncertain(struct job *job, const struct platform_kind *kind, enum step_result *ret_result)
{
	_cleanup_(platform_look_end) struct platform_look look = {.kind = kind};
	size_t n = strlen(kind->name);

	if (strncmp(operation_text(job->op, VALUE_PLATFORM_MAKING), kind->name, n))
		return true;
	return platform_read(job, &look, ret_result);
}

enum step_result platform_undo(struct job *job, const struct platform_kind *kind, const char *what)
{
	_cleanup_(buf_free) struct buf gone = BUF_INIT(SECTION_MAX);
	enum step_result result = RESULT_DONE;
	struct upstream_error e = {0};
	char entry[96];

	if (!find_uncertain(job, kind, &result))
		return result;
	for (int64_t id; (id = last_made(job, kind));) {
		if (!job_attempt(job))
			return RESULT_LATER;
		if (!infinity_resource_delete(job->l->o.infinity, kind->resource, id, &e) &&
		    e.http_status != 404)
			return job_failed(job, &e);
		platform_entry(kind, id, entry);
		if (!write_list(job, VALUE_PLATFORM_MADE, entry, false))
			return platform_memory(job);
		buf_printf(&gone, "%s%s", gone.len ? ", " : "", entry);
	}
	return job_done(job, "%s%s%s%s", what, *what ? "; " : "",
			gone.len ? "deleted in Infinity: " : "nothing of it was made by this operation",
			gone.len ? gone.data : "");
}
