/* Virtual Meeting Rooms and their aliases (guide, "Configuring the Pexip Infinity platform", 6 and 7). */
#include <stdlib.h>
#include <string.h>

#include "lifecycle/platform.h"

static const struct platform_kind room_kind = {.resource = RESOURCE_CONFERENCE,
					       .name = "conference",
					       .key = "name",
					       .fields = {"service_type", "description", "allow_guests"},
					       .secrets = {"pin", "guest_pin"}};
static const struct platform_kind alias_kind = {.resource = RESOURCE_CONFERENCE_ALIAS,
						.name = "conference_alias",
						.key = "alias",
						.folded = true,
						.fields = {"conference"}};

/* --- rooms -------------------------------------------------------------------------------------------------------------------------- */

/* The aliases as a new room is sent with them: without those that belong to a room already. */
static json_t *embedded(const json_t *asked, const json_t *taken)
{
	json_t *list = json_array();
	json_t *alias;
	size_t i;
	int failed = 0;

	json_array_foreach(asked, i, alias)
	{
		json_t *object = json_pack("{sO}", "alias", alias);

		if (object && platform_find(&alias_kind, object, taken))
			json_decref(object);
		else
			failed |= json_array_append_new(list, object);
	}
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

/* The rooms as they are sent; NULL = out of memory. */
static json_t *wanted_rooms(const json_t *asked, const json_t *taken)
{
	json_t *list = json_array();
	json_t *room;
	size_t i;
	int failed = 0;

	json_array_foreach(asked, i, room)
	{
		json_t *copy = json_copy(room);

		if (json_object_get(room, "aliases"))
			failed |= json_object_set_new(copy, "aliases",
						      embedded(json_object_get(room, "aliases"), taken));
		failed |= json_array_append_new(list, copy);
	}
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

enum step_result step_vmr(struct job *job)
{
	_cleanup_(platform_look_end) struct platform_look look = {.kind = &room_kind};
	enum step_result result = RESULT_DONE;
	json_auto_t *request = platform_request(job, &result);
	const json_t *asked = json_object_get(request, "virtual_meeting_rooms");
	json_auto_t *taken = NULL;
	struct upstream_error e = {0};

	if (!request)
		return result;
	if (!json_array_size(asked))
		return job_skip(job, "not asked for");
	if (!infinity_resource_list(job->l->o.infinity, RESOURCE_CONFERENCE_ALIAS, &taken, &e))
		return job_failed(job, &e);
	look.wanted = wanted_rooms(asked, taken);
	if (!look.wanted)
		return platform_memory(job);
	result = platform_ensure(job, &look);
	return result == RESULT_DONE ? platform_tell(job, &look, "") : result;
}

enum step_result undo_vmr(struct job *job)
{
	return platform_undo(job, &room_kind, "");
}

/* --- aliases ---------------------------------------------------------------------------------------------------------------------- */

/* Each alias with the reference of its room; a room that is not there has none. NULL = out of memory. */
static json_t *wanted_aliases(const json_t *asked, const json_t *rooms)
{
	json_t *list = json_array();
	json_t *room, *alias;
	size_t i, k;
	int failed = 0;

	json_array_foreach(asked, i, room)
	{
		int64_t id = platform_id(&room_kind, platform_find(&room_kind, room, rooms));
		char reference[128] = "";

		if (id)
			infinity_reference(RESOURCE_CONFERENCE, id, reference);
		json_array_foreach(json_object_get(room, "aliases"), k, alias) failed |=
			json_array_append_new(list,
					      json_pack("{sO, ss}", "alias", alias, "conference", reference));
	}
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

/* A room that was there a moment ago. */
static const char *roomless(const json_t *aliases)
{
	const json_t *alias;
	size_t i;

	json_array_foreach(aliases, i, alias) if (
		!json_string_length(json_object_get(
			alias, "conference"))) return json_string_value(json_object_get(alias, "alias"));
	return NULL;
}

enum step_result step_alias(struct job *job)
{
	_cleanup_(platform_look_end) struct platform_look look = {.kind = &alias_kind};
	enum step_result result = RESULT_DONE;
	json_auto_t *request = platform_request(job, &result);
	const json_t *asked = json_object_get(request, "virtual_meeting_rooms");
	json_auto_t *rooms = NULL;
	struct upstream_error e = {0};

	if (!request)
		return result;
	if (!json_array_size(asked))
		return job_skip(job, "not asked for");
	if (!infinity_resource_list(job->l->o.infinity, RESOURCE_CONFERENCE, &rooms, &e))
		return job_failed(job, &e);
	look.wanted = wanted_aliases(asked, rooms);
	if (!look.wanted)
		return platform_memory(job);
	if (!platform_compares(job) && roomless(look.wanted))
		return job_refuse(job, "no_room", "Undo the operation, or close it, and ask again.",
				  "the Virtual Meeting Room of %.200s was deleted meanwhile",
				  roomless(look.wanted));
	result = platform_ensure(job, &look);
	return result == RESULT_DONE ? platform_tell(job, &look, "") : result;
}

enum step_result undo_alias(struct job *job)
{
	return platform_undo(job, &alias_kind, "");
}
