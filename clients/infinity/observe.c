/*
 * One read of Infinity: which resources, in which order, and which may be missing.
 *
 * Needed for safety, so that any failure ends the read: global, system_location, both worker_vm lists,
 * conference_shard, and participant when asked for. May be missing (403 or 404: an older version, a role
 * without the right): management_vm and licensing, which only inform, and Infinity's own monitor, whose
 * figures the join can work out itself.
 *
 * All figures are of one moment, so nothing is skipped; only management_vm and licensing are remembered for a
 * minute. Live lists come after the configuration: a call that begins while we read is then seen rather than
 * missed.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "clients/infinity/assemble.h"
#include "clients/infinity/client.h"
#include "clients/infinity/list.h"

#define SLOW_REFRESH_MS     60000
#define OFFSET_TOLERANCE_MS 2000 /* the Date header has whole seconds: less cannot be told from none */

static void reading_end(struct reading *reading)
{
	for (size_t i = 0; i < LIST_COUNT; i++)
		infinity_rows_free(&reading->rows[i]);
	arena_free(reading->arena);
}

static bool read_global(struct infinity_client *client, struct reading *reading, struct upstream_error *e)
{
	char why[PARSE_WHY_SIZE];
	json_auto_t *object = infinity_get(client, GLOBAL_PATH, GLOBAL_RESOURCE, e);

	if (!object)
		return false;
	if (!json_is_object(object))
		return infinity_error_content(e, GLOBAL_RESOURCE, "the answer is not an object");
	return infinity_parse_global(object, reading->arena, &reading->global, why) ||
	       infinity_error_content(e, GLOBAL_RESOURCE, "%s", why);
}

static bool read_needed(struct infinity_client *client, struct reading *reading, enum infinity_list_id list,
			struct upstream_error *e)
{
	return infinity_list_read(client, &infinity_lists[list], reading->arena, &reading->rows[list], e);
}

/* A list that this Infinity or this account does not have is empty. */
static bool read_optional(struct infinity_client *client, struct reading *reading, enum infinity_list_id list,
			  struct upstream_error *e)
{
	if (read_needed(client, reading, list, e))
		return true;
	if (e->http_status != 403 && e->http_status != 404)
		return false;
	infinity_rows_free(&reading->rows[list]);
	return true;
}

/* The Management Node's host name: of the primary one, where there are several. Borrowed from the rows. */
static const char *management_host(const struct rows *rows)
{
	const struct manager_row *row = rows->items;
	const char *ret = NULL;

	for (size_t i = 0; i < rows->n; i++, row++)
		if (row->hostname && (!ret || row->primary))
			ret = row->hostname;
	return ret;
}

static bool remember(struct remembered *memory, const struct reading *reading, int64_t now,
		     struct upstream_error *e)
{
	const struct rows *licences = &reading->rows[LIST_licence];
	const struct licence_row *licence = licences->items;
	const char *host = management_host(&reading->rows[LIST_manager]);
	char *copy = host ? strdup(host) : NULL;

	if (host && !copy)
		return infinity_error_memory(e, infinity_lists[LIST_manager].resource);
	free(memory->management_host);
	*memory = (struct remembered){.valid = true,
				      .read_at = now,
				      .management_host = copy,
				      .license_used = licences->n ? licence->used : -1,
				      .license_total = licences->n ? licence->total : -1};
	return true;
}

static bool read_slow(struct infinity_client *client, struct reading *reading, struct upstream_error *e)
{
	struct remembered *memory = &client->remembered;
	int64_t now = clock_now(client->clock);
	double age = (double)(now - memory->read_at) * client->time_scale;

	/* A clock that was set back makes the age negative: read again. */
	if (memory->valid && age >= 0 && age < SLOW_REFRESH_MS)
		return true;
	return read_optional(client, reading, LIST_manager, e) &&
	       read_optional(client, reading, LIST_licence, e) && remember(memory, reading, now, e);
}

static bool read_monitors(struct infinity_client *client, struct reading *reading, struct upstream_error *e)
{
	if (!reading->global.bursting_enabled)
		return true;
	return read_optional(client, reading, LIST_monitored, e) &&
	       read_optional(client, reading, LIST_overflow, e);
}

static bool read_all(struct infinity_client *client, struct reading *reading, struct upstream_error *e)
{
	return read_global(client, reading, e) && read_slow(client, reading, e) &&
	       read_needed(client, reading, LIST_location, e) && read_needed(client, reading, LIST_node, e) &&
	       read_monitors(client, reading, e) && read_needed(client, reading, LIST_status, e) &&
	       read_needed(client, reading, LIST_shard, e) &&
	       (!reading->participants || read_needed(client, reading, LIST_participant, e));
}

static int64_t server_offset(const struct skew *skew)
{
	if (!skew->known || (skew->offset <= OFFSET_TOLERANCE_MS && skew->offset >= -OFFSET_TOLERANCE_MS))
		return 0;
	return skew->offset;
}

/* What the client remembers, into the report. */
static bool recall(const struct remembered *memory, struct infinity_report *report)
{
	report->management_host = arena_strdup(report->arena, memory->management_host);
	report->license_ports_used = memory->license_used;
	report->license_ports_total = memory->license_total;
	return !arena_overflowed(report->arena);
}

bool infinity_observe(struct infinity_client *client, bool participants, struct infinity_report **ret_report,
		      struct upstream_error *e)
{
	_cleanup_(reading_end) struct reading reading = {.arena = arena_new(LIMIT_REPORT_BYTES),
							 .participants = participants};
	_cleanup_(infinity_report_freep) struct infinity_report *report = NULL;
	int64_t observed_at = clock_now(client->clock);

	client->skew = (struct skew){0};
	if (!reading.arena)
		return infinity_error_memory(e, "the report");
	if (!read_all(client, &reading, e))
		return false;
	reading.server_offset = server_offset(&client->skew);
	report = infinity_assemble(&reading, e);
	if (!report)
		return false;
	if (!recall(&client->remembered, report))
		return infinity_error_memory(e, "the report");
	report->observed_at = observed_at;
	report->finished_at = clock_now(client->clock);
	*ret_report = take_ptr(report);
	return true;
}
