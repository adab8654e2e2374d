/*
 * POST /event-sink: what Infinity's event sinks send, one event or a bulk of them. An event says that something happened, not
 * how full anything is, so it only makes the observer look at Infinity now instead of at its next poll. Nothing is written,
 * and the reply waits for nobody: a publisher that gets no 2xx in time tries again, and stops for good in the end.
 *
 * The envelope (event, node, seq) is read strictly, because duplicates are told by it. Kinds of event and fields that are not
 * known are let pass: every version of Infinity brings some.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/sink_memory.h"
#include "handlers/views.h"

#define KIND_MAX 100
#define SEQ_MAX  ((int64_t)1 << 53) /* what every JSON parser holds exactly */
#define BULK     "eventsink_bulk"

/*
 * Events after which the load may be another one. A participant_updated may be a call that got its media, which a WebRTC call
 * begins without. The publisher's own: events before it may be lost. Left out: conference_updated (a lock, guests muted), the
 * qualities of media streams, which come every minute, and everything that we do not know.
 */
static const char *const load_kinds[] = {
	"conference_started",  "conference_ended",  "participant_connected", "participant_disconnected",
	"participant_updated", "eventsink_started", "eventsink_updated",     "eventsink_stopped",
};

static bool changes_load(const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(load_kinds); i++)
		if (!strcmp(load_kinds[i], kind))
			return true;
	return false;
}

/* A field that must be there. */
static struct input_value need(struct input *in, const char *name, struct input_value v)
{
	if (!json_object_get(in->object, name))
		input_fail(in, name, "is missing");
	return v;
}

/* Seconds since 1970; 0 where it is missing or null. */
static double read_time(struct input *in)
{
	json_t *value = json_object_get(in->object, "time");

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_number(value) || json_number_value(value) < 0)
		input_fail(in, "time", "must be the seconds since 1970");
	return json_number_value(value);
}

/* One envelope. */
static void read_event(struct input *in, struct sink_event *ret)
{
	struct input_value kind = need(in, "event", input_text(in, "event", 1, KIND_MAX, false));
	struct input_value node = need(in, "node", input_text(in, "node", 1, SINK_NODE_SIZE - 1, false));
	struct input_value seq = need(in, "seq", input_int(in, "seq", 0, SEQ_MAX, false));

	*ret = (struct sink_event){.node = node.text, .seq = seq.number, .time = read_time(in)};
	ret->load = kind.given && changes_load(kind.text);
	ret->started = kind.given && !strcmp(kind.text, "eventsink_started");
}

/* The envelopes in the `data` of a bulk, whose own node and seq say nothing. */
static void read_bulk(struct input *in, json_t *list, struct sink_event *events)
{
	char prefix[32], name[24];
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		struct input one = {.object = item, .prefix = prefix, .errors = in->errors};

		(void)snprintf(prefix, sizeof prefix, "/data/%zu", i);
		(void)snprintf(name, sizeof name, "%zu", i);
		if (json_is_object(item))
			read_event(&one, &events[i]);
		else
			input_fail(&(struct input){.prefix = "/data", .errors = in->errors}, name,
				   "must be an object");
	}
}

/* The events of the body, malloc'ed; what is wrong with them is recorded in `in`. NULL when out of memory, `e` filled. */
static struct sink_event *read_body(struct input *in, size_t *ret_n, struct error *e)
{
	const char *kind = json_string_value(json_object_get(in->object, "event"));
	bool bulk = kind && !strcmp(kind, BULK);
	struct input_value list = {.list = NULL};
	struct sink_event *events;

	if (bulk)
		list = need(in, "data", input_array(in, "data", 0, LIMIT_EVENTS_BYTES));
	*ret_n = bulk ? json_array_size(list.list) : 1;
	events = calloc(*ret_n + 1, sizeof *events);
	if (!events)
		(void)error_set(e, ERR_INTERNAL, "out of memory");
	else if (bulk)
		read_bulk(in, list.list, events);
	else
		read_event(in, events);
	return events;
}

static json_t *told(const int64_t counts[SINK_RESULT_COUNT])
{
	json_t *body = json_object();

	for (int i = 0; i < SINK_RESULT_COUNT; i++)
		put_int(body, sink_result_text((enum sink_result)i), counts[i]);
	return body;
}

struct done *events_receive(struct req *r)
{
	_cleanup_(freep) struct sink_event *events = NULL;
	int64_t counts[SINK_RESULT_COUNT] = {0};
	struct input_errors errors;
	struct input in;
	struct error e;
	size_t n = 0;

	if (!input_open(&in, &errors, r, true, &e))
		return reply_error(r, &e);
	events = read_body(&in, &n, &e);
	if (!events)
		return reply_error(r, &e);
	if (errors.n)
		return reply_input(r, &errors);
	sink_memory_take(r->app->sink, events, n, counts);
	if (counts[SINK_ACCEPTED])
		r->app->hint(r->app->self);
	return reply_value(r, 200, told(counts));
}
