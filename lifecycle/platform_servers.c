/*
 * DNS and NTP servers (guide, "Configuring the Pexip Infinity platform", 1 and 2), and the system location that gets them (4):
 * its nodes resolve names and take the time from the servers that are assigned to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/platform.h"

const struct platform_kind platform_dns = {.resource = RESOURCE_DNS_SERVER,
					   .name = "dns_server",
					   .key = "address",
					   .folded = true,
					   .fields = {"description"}};
const struct platform_kind platform_ntp = {.resource = RESOURCE_NTP_SERVER,
					   .name = "ntp_server",
					   .key = "address",
					   .folded = true,
					   .fields = {"description", "key_id"},
					   .secrets = {"key"}};
static const struct platform_kind location_kind = {.resource = RESOURCE_SYSTEM_LOCATION,
						   .name = "system_location",
						   .key = "name",
						   .fields = {"description"}};

/* --- servers ---------------------------------------------------------------------------------------------------------------- */

/* The request's list of this name, made. RESULT_SKIPPED where it has none. */
static enum step_result ensure_list(struct job *job, const char *part, struct platform_look *look)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *request = platform_request(job, &result);

	if (!request)
		return result;
	look->wanted = json_incref(json_object_get(request, part));
	return json_array_size(look->wanted) ? platform_ensure(job, look) : job_skip(job, "not asked for");
}

enum step_result step_dns(struct job *job)
{
	_cleanup_(platform_look_end) struct platform_look look = {.kind = &platform_dns};
	enum step_result result = ensure_list(job, "dns_servers", &look);

	return result == RESULT_DONE ? platform_tell(job, &look, "") : result;
}

enum step_result undo_dns(struct job *job)
{
	return platform_undo(job, &platform_dns, "");
}

/* There are so many, or will be. */
static size_t count_servers(const struct platform_look *look)
{
	size_t n = json_array_size(look->there), i;
	const json_t *wanted;

	json_array_foreach(look->wanted, i, wanted) n += !platform_find(look->kind, wanted, look->there);
	return n;
}

enum step_result step_ntp(struct job *job)
{
	_cleanup_(platform_look_end) struct platform_look look = {.kind = &platform_ntp};
	enum step_result result = ensure_list(job, "ntp_servers", &look);
	char few[200] = "";
	size_t n;

	if (result != RESULT_DONE)
		return result;
	n = count_servers(&look);
	if (n < GUIDE_NTP_SERVERS)
		(void)snprintf(
			few, sizeof few,
			"only %zu NTP server%s where the guide wants at least three: the log entries of "
			"the nodes may not be in step",
			n, n == 1 ? "" : "s");
	return platform_tell(job, &look, few);
}

enum step_result undo_ntp(struct job *job)
{
	return platform_undo(job, &platform_ntp, "");
}

/* --- the location's servers --------------------------------------------------------------------------------------------------- */

struct assignment {
	const struct platform_kind *kind;
	const char *field; /* of the location, and of the request */
};
static const struct assignment assignments[] = {{&platform_dns, "dns_servers"},
						{&platform_ntp, "ntp_servers"}};

/* An object or a reference, as Infinity shows it (facts, 1.8). */
static int64_t assigned_id(const struct platform_kind *kind, const json_t *element)
{
	return json_is_string(element) ? infinity_reference_id(kind->resource, json_string_value(element))
				       : platform_id(kind, element);
}

static bool is_assigned(const struct platform_kind *kind, const json_t *list, int64_t id)
{
	const json_t *element;
	size_t i;

	json_array_foreach(list, i, element) if (assigned_id(kind, element) == id) return true;
	return false;
}

static int append_reference(json_t *list, const struct platform_kind *kind, int64_t id)
{
	char reference[128];

	infinity_reference(kind->resource, id, reference);
	return json_array_append_new(list, json_string(reference));
}

/* The assigned ones as references; without those of PLATFORM_ADDED where `less`. NULL = out of memory. */
static json_t *references(const struct job *job, const struct platform_kind *kind, const json_t *assigned,
			  bool less)
{
	json_t *list = json_array();
	const json_t *element;
	char entry[96];
	int failed = 0;
	size_t i;

	json_array_foreach(assigned, i, element)
	{
		int64_t id = assigned_id(kind, element);

		platform_entry(kind, id, entry);
		if (!less || !platform_noted(job, VALUE_PLATFORM_ADDED, entry))
			failed |= append_reference(list, kind, id);
	}
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

struct gap {
	json_t *change;     /* the location's fields with what is wanted besides */
	struct buf lacks;   /* addresses */
	struct buf unknown; /* those that are no servers in Infinity */
	struct buf added;   /* entries for PLATFORM_ADDED */
	bool out_of_memory;
};

static void gap_end(struct gap *gap)
{
	json_decref(gap->change);
	buf_free(&gap->lacks);
	buf_free(&gap->unknown);
	buf_free(&gap->added);
}

static void put_address(struct buf *out, const json_t *server)
{
	buf_printf(out, "%s%s", out->len ? ", " : "", json_string_value(json_object_get(server, "address")));
}

static void fill_gap(struct job *job, const struct platform_look *servers, const struct assignment *a,
		     const json_t *location, struct gap *gap)
{
	const json_t *has = json_object_get(location, a->field), *wanted;
	json_auto_t *all = references(job, a->kind, has, false);
	size_t i, before = json_array_size(all);
	char entry[96];

	json_array_foreach(servers->wanted, i, wanted)
	{
		const json_t *server = platform_find(a->kind, wanted, servers->there);
		int64_t id = platform_id(a->kind, server);

		if (id && is_assigned(a->kind, has, id))
			continue;
		put_address(id ? &gap->lacks : &gap->unknown, wanted);
		if (!id)
			continue;
		platform_entry(a->kind, id, entry);
		buf_printf(&gap->added, "%s%s", gap->added.len ? "," : "", entry);
		gap->out_of_memory |= append_reference(all, a->kind, id) != 0;
	}
	if (json_array_size(all) > before)
		gap->out_of_memory |= json_object_set(gap->change, a->field, all) != 0;
	gap->out_of_memory |= !all || gap->added.failed;
}

/* Those that the location names by their addresses; where it names none, all that were asked for. A new reference. */
static json_t *servers_for_location(const json_t *request, const char *field)
{
	const json_t *named = json_object_get(json_object_get(request, "location"), field);
	json_t *list, *address;
	size_t i;

	if (!named)
		return json_incref(json_object_get(request, field));
	list = json_array();
	json_array_foreach(named, i, address)(void)
		json_array_append_new(list, json_pack("{sO}", "address", address));
	return list;
}

/* What of the wanted servers the location (NULL: a new one) lacks. False: *ret_result. */
static bool find_gap(struct job *job, const json_t *request, const json_t *location, struct gap *gap,
		     enum step_result *ret_result)
{
	*gap = (struct gap){.change = json_object(),
			    .lacks = BUF_INIT(PLATFORM_TEXT / 2),
			    .unknown = BUF_INIT(PLATFORM_TEXT / 2),
			    .added = BUF_INIT(64 * 1024)};
	for (size_t i = 0; i < ARRAY_LEN(assignments); i++) {
		const struct assignment *a = &assignments[i];
		_cleanup_(platform_look_end) struct platform_look servers = {
			.kind = a->kind, .wanted = servers_for_location(request, a->field)};

		if (!json_array_size(servers.wanted))
			continue;
		if (!platform_read(job, &servers, ret_result))
			return false;
		fill_gap(job, &servers, a, location, gap);
	}
	if (gap->out_of_memory)
		*ret_result = platform_memory(job);
	return !gap->out_of_memory;
}

/* --- the location ------------------------------------------------------------------------------------------------------------- */

static bool note_added(struct job *job, const struct gap *gap)
{
	const char *before = operation_text(job->op, VALUE_PLATFORM_ADDED);
	_cleanup_(buf_free) struct buf all = BUF_INIT(256 * 1024);

	buf_printf(&all, "%s%s%s", before, *before && gap->added.len ? "," : "",
		   gap->added.len ? gap->added.data : "");
	return !all.failed && operation_set(job->op, VALUE_PLATFORM_ADDED, all.data);
}

/* PATCH of a location that was there: with the servers it has, and those it lacks. */
static enum step_result assign(struct job *job, int64_t id, const struct gap *gap)
{
	_cleanup_(freep) char *before = strdup(operation_text(job->op, VALUE_PLATFORM_ADDED));
	struct upstream_error e = {0};

	if (!before || !note_added(job, gap))
		return platform_memory(job);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (infinity_resource_update(job->l->o.infinity, RESOURCE_SYSTEM_LOCATION, id, gap->change, &e))
		return RESULT_DONE;
	if (e.class != UPSTREAM_RETRY) /* refused: what somebody else adds later is not ours */
		(void)operation_set(job->op, VALUE_PLATFORM_ADDED, *before ? before : NULL);
	return job_failed(job, &e);
}

static void tell_gap(const struct gap *gap, bool assigned, char out[PLATFORM_TEXT])
{
	(void)snprintf(out, PLATFORM_TEXT, "%s%s%s%s%s",
		       !gap->lacks.len ? ""
		       : assigned      ? "servers assigned to it: "
				       : "it lacks the servers ",
		       gap->lacks.len ? gap->lacks.data : "", gap->lacks.len && gap->unknown.len ? "; " : "",
		       gap->unknown.len ? "not among Infinity's servers: " : "",
		       gap->unknown.len ? gap->unknown.data : "");
}

static enum step_result complete(struct job *job, const json_t *request, const struct platform_look *look)
{
	const json_t *location = platform_find(&location_kind, json_array_get(look->wanted, 0), look->there);
	_cleanup_(gap_end) struct gap gap = {0};
	enum step_result result = RESULT_DONE;
	char text[PLATFORM_TEXT] = "";
	bool assigns;

	if (!location)
		return platform_tell(job, look, "");
	if (!find_gap(job, request, location, &gap, &result))
		return result;
	assigns = json_object_size(gap.change) && !platform_compares(job);
	if (assigns)
		result = assign(job, platform_id(&location_kind, location), &gap);
	tell_gap(&gap, assigns, text);
	return result == RESULT_DONE ? platform_tell(job, look, text) : result;
}

/* The wanted location with references to all wanted servers, as it is sent where it is missing. */
static json_t *wanted_location(struct job *job, const json_t *request, enum step_result *ret_result)
{
	_cleanup_(gap_end) struct gap gap = {0};
	json_t *list;

	if (!find_gap(job, request, NULL, &gap, ret_result))
		return NULL;
	list = json_pack("[o]", json_copy(json_object_get(request, "location")));
	for (size_t i = 0; i < ARRAY_LEN(assignments); i++)
		(void)json_object_del(json_array_get(list, 0), assignments[i].field);
	if (list && !json_object_update(json_array_get(list, 0), gap.change))
		return list;
	json_decref(list);
	*ret_result = platform_memory(job);
	return NULL;
}

enum step_result step_location(struct job *job)
{
	_cleanup_(platform_look_end) struct platform_look look = {.kind = &location_kind};
	enum step_result result = RESULT_DONE;
	json_auto_t *request = platform_request(job, &result);

	if (!request)
		return result;
	if (!json_object_get(request, "location"))
		return job_skip(job, "not asked for");
	look.wanted = wanted_location(job, request, &result);
	if (!look.wanted)
		return result;
	result = platform_ensure(job, &look);
	return result == RESULT_DONE ? complete(job, request, &look) : result;
}

/* The servers that it got go again; the location itself where it was made. */
static enum step_result take_back(struct job *job, const json_t *location)
{
	json_auto_t *change = json_object();
	struct upstream_error e = {0};
	bool failed = false;

	for (size_t i = 0; i < ARRAY_LEN(assignments); i++) {
		const json_t *has = json_object_get(location, assignments[i].field);
		json_auto_t *rest = references(job, assignments[i].kind, has, true);

		failed |= !rest;
		if (json_array_size(rest) < json_array_size(has))
			failed |= json_object_set(change, assignments[i].field, rest) != 0;
	}
	if (failed || !change)
		return platform_memory(job);
	if (!json_object_size(change))
		return RESULT_DONE;
	if (!job_attempt(job))
		return RESULT_LATER;
	return infinity_resource_update(job->l->o.infinity, RESOURCE_SYSTEM_LOCATION,
					platform_id(&location_kind, location), change, &e)
		       ? RESULT_DONE
		       : job_failed(job, &e);
}

static enum step_result undo_assignments(struct job *job)
{
	_cleanup_(platform_look_end) struct platform_look look = {.kind = &location_kind};
	enum step_result result = RESULT_DONE;
	json_auto_t *request = platform_request(job, &result);
	const json_t *location;

	if (!request || !platform_read(job, &look, &result))
		return result;
	location = platform_find(&location_kind, json_object_get(request, "location"), look.there);
	if (location)
		result = take_back(job, location);
	if (result == RESULT_DONE && !operation_set(job->op, VALUE_PLATFORM_ADDED, NULL))
		return platform_memory(job);
	return result;
}

enum step_result undo_location(struct job *job)
{
	bool added = *operation_text(job->op, VALUE_PLATFORM_ADDED) != '\0';
	enum step_result result = added ? undo_assignments(job) : RESULT_DONE;

	return result == RESULT_DONE
		       ? platform_undo(job, &location_kind, added ? "the servers it got are taken back" : "")
		       : result;
}
