/*
 * The rows of one read into a report. Joins by sorted arrays: a platform of 1,000 nodes and 5,000
 * participants costs some 150,000 comparisons. Pure.
 */
#include "clients/infinity/assemble.h"

#include <stdlib.h>
#include <string.h>

/* The nodes in two orders, pointing into the report. */
struct node_index {
	struct infinity_node **by_id;
	struct infinity_node **by_address;
	size_t n;
};

static int compare_int64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_id(const void *a, const void *b)
{
	return compare_int64((*(struct infinity_node *const *)a)->id,
			     (*(struct infinity_node *const *)b)->id);
}

static int compare_address(const void *a, const void *b)
{
	return strcmp((*(struct infinity_node *const *)a)->address,
		      (*(struct infinity_node *const *)b)->address);
}

static bool make_index(const struct infinity_report *report, struct arena *arena, struct node_index *ret)
{
	struct node_index index = {.by_id = arena_array(arena, report->n_nodes + 1, sizeof(void *)),
				   .by_address = arena_array(arena, report->n_nodes + 1, sizeof(void *)),
				   .n = report->n_nodes};

	if (!index.by_id || !index.by_address)
		return false;
	for (size_t i = 0; i < index.n; i++)
		index.by_id[i] = index.by_address[i] = &report->nodes[i];
	qsort(index.by_id, index.n, sizeof(void *), compare_id);
	qsort(index.by_address, index.n, sizeof(void *), compare_address);
	*ret = index;
	return true;
}

static struct infinity_node *find_id(const struct node_index *index, int64_t id)
{
	struct infinity_node key = {.id = id}, *wanted = &key;
	struct infinity_node **found = bsearch(&wanted, index->by_id, index->n, sizeof(void *), compare_id);

	return found ? *found : NULL;
}

/* First in by_address with this address; index->n = none. Addresses are unique by schema, but a veto must not
 * rest on it. */
static size_t find_address(const struct node_index *index, const char *address)
{
	size_t low = 0, high = index->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(index->by_address[middle]->address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->n && strcmp(index->by_address[low]->address, address) == 0 ? low : index->n;
}

static void copy_locations(const struct rows *rows, struct infinity_report *report)
{
	const struct location_row *row = rows->items;

	report->locations = arena_array(report->arena, rows->n + 1, sizeof *report->locations);
	if (!report->locations)
		return;
	for (size_t i = 0; i < rows->n; i++, row++)
		report->locations[i] = (struct infinity_location){
			.id = row->id,
			.name = arena_strdup(report->arena, row->name),
			.description = arena_strdup(report->arena, row->description),
			.overflow1 = row->overflow1,
			.overflow2 = row->overflow2};
	report->n_locations = rows->n;
}

/* A node as it is configured, before anything was heard of it. */
static struct infinity_node new_node(const struct node_row *row, bool participants, struct arena *arena)
{
	return (struct infinity_node){
		.id = row->id,
		.name = arena_strdup(arena, row->name),
		.address = arena_strdup(arena, row->address),
		.location = row->location,
		.role = row->role,
		.maintenance = row->maintenance,
		.maintenance_reason = arena_strdup(arena, row->maintenance_reason),
		.static_nat = arena_strdup(arena, row->static_nat),
		.distributed_database = row->distributed_database,
		.sync = SYNC_NEVER,
		.media_load = -1,
		.tokens_max = -1,
		.tokens_used = -1,
		.participants = participants ? 0 : -1,
	};
}

static void copy_nodes(const struct reading *reading, struct infinity_report *report)
{
	const struct rows *rows = &reading->rows[LIST_node];
	const struct node_row *row = rows->items;

	report->nodes = arena_array(report->arena, rows->n + 1, sizeof *report->nodes);
	if (!report->nodes)
		return;
	for (size_t i = 0; i < rows->n; i++, row++)
		report->nodes[i] = new_node(row, reading->participants, report->arena);
	report->n_nodes = rows->n;
}

/* A status without a configured node is that of a node just deleted: left out. */
static void join_status(const struct reading *reading, const struct node_index *index, struct arena *arena)
{
	const struct rows *rows = &reading->rows[LIST_status];
	const struct status_row *row = rows->items;

	for (size_t i = 0; i < rows->n; i++, row++) {
		struct infinity_node *node = find_id(index, row->node);

		if (!node)
			continue;
		node->sync = row->sync;
		node->sync_text = arena_strdup(arena, row->sync_text);
		node->status_maintenance = row->maintenance;
		node->last_updated = row->last_updated ? row->last_updated - reading->server_offset : 0;
		node->max_hd = row->max_hd;
		node->media_load = row->media_load;
		node->tokens_max = row->tokens_max;
		node->tokens_used = row->tokens_used;
		node->signaling = row->signaling;
	}
}

/* Returns false where a shard says no node: it may be on any of them (RULE D1). */
static bool count_shards(const struct rows *rows, const struct node_index *index)
{
	const struct shard_row *row = rows->items;
	bool placed = true;

	for (size_t i = 0; i < rows->n; i++, row++) {
		if (!row->node) {
			placed = false;
			continue;
		}
		for (size_t at = find_address(index, row->node);
		     at < index->n && strcmp(index->by_address[at]->address, row->node) == 0; at++)
			index->by_address[at]->conferences++;
	}
	return placed;
}

static void count_participant(const struct node_index *index, const char *address)
{
	if (!address)
		return;
	for (size_t at = find_address(index, address);
	     at < index->n && strcmp(index->by_address[at]->address, address) == 0; at++)
		index->by_address[at]->participants++;
}

static bool same_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* One participant counts once for a node, in however many roles the node serves it. */
static void count_participants(const struct rows *rows, const struct node_index *index)
{
	const struct participant_row *row = rows->items;

	for (size_t i = 0; i < rows->n; i++, row++) {
		count_participant(index, row->media);
		if (!same_text(row->signalling, row->media))
			count_participant(index, row->signalling);
		if (!same_text(row->proxy, row->media) && !same_text(row->proxy, row->signalling))
			count_participant(index, row->proxy);
	}
}

/* By location; of two figures for one location the careful one first: the smaller, and null (-1) last. */
static int compare_monitor(const void *a, const void *b)
{
	const struct infinity_monitor *x = a, *y = b;
	int order = compare_int64(x->location, y->location);

	return order ? order : compare_int64((unsigned)x->free_hd, (unsigned)y->free_hd);
}

/* A location that is both principal and overflow is in both lists, and once in the report. */
static void copy_monitors(const struct reading *reading, struct infinity_report *report)
{
	static const enum infinity_list_id lists[] = {LIST_monitored, LIST_overflow};
	size_t most = reading->rows[LIST_monitored].n + reading->rows[LIST_overflow].n;
	size_t n = 0, kept = 0;
	struct infinity_monitor *all = arena_array(report->arena, most + 1, sizeof *all);

	if (!all)
		return;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const struct monitor_row *row = reading->rows[lists[l]].items;

		for (size_t i = 0; i < reading->rows[lists[l]].n; i++, row++)
			all[n++] = (struct infinity_monitor){
				.location = row->location, .free_hd = row->free_hd, .max_hd = row->max_hd};
	}
	qsort(all, n, sizeof *all, compare_monitor);
	for (size_t i = 0; i < n; i++)
		if (!kept || all[kept - 1].location != all[i].location)
			all[kept++] = all[i];
	report->monitors = all;
	report->n_monitors = kept;
}

/* RULE D1: the first list that was not whole makes the report partial. */
static void judge_whole(const struct reading *reading, bool placed, struct infinity_report *report)
{
	for (size_t i = 0; i < LIST_COUNT && !report->partial; i++)
		if (i != LIST_manager && i != LIST_licence && reading->rows[i].partial[0])
			report->partial = arena_printf(report->arena, "%s: %s", infinity_lists[i].resource,
						       reading->rows[i].partial);
	if (!report->partial && !placed)
		report->partial = arena_printf(report->arena, "%s: an object names no node",
					       infinity_lists[LIST_shard].resource);
	report->whole = !report->partial;
}

struct infinity_report *infinity_assemble(const struct reading *reading, struct upstream_error *e)
{
	_cleanup_(infinity_report_freep) struct infinity_report *report = infinity_report_new();
	struct node_index index;

	if (!report) {
		infinity_error_memory(e, "the report");
		return NULL;
	}
	report->server_offset = reading->server_offset;
	report->bursting_enabled = reading->global.bursting_enabled;
	report->bursting_threshold = reading->global.bursting_threshold;
	report->bursting_lifetime = reading->global.bursting_lifetime;
	report->cloud_provider = arena_strdup(report->arena, reading->global.cloud_provider);
	report->aws_access_key = arena_strdup(report->arena, reading->global.aws_access_key);
	report->aws_secret_set = reading->global.aws_secret_set;
	copy_locations(&reading->rows[LIST_location], report);
	copy_nodes(reading, report);
	copy_monitors(reading, report);
	/* Refused memory leaves NULL addresses behind: nothing may be sorted by them. */
	if (arena_overflowed(report->arena) || !make_index(report, reading->arena, &index)) {
		infinity_error_memory(e, "the report");
		return NULL;
	}
	join_status(reading, &index, report->arena);
	count_participants(&reading->rows[LIST_participant], &index);
	judge_whole(reading, count_shards(&reading->rows[LIST_shard], &index), report);
	if (arena_overflowed(report->arena)) {
		infinity_error_memory(e, "the report");
		return NULL;
	}
	return take_ptr(report);
}
