#include <stdlib.h>
#include <string.h>

#include "fleet/join.h"

/* The first row whose node is not below `node`. */
static size_t track_lower_bound(const struct track_table *t, int64_t node)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->rows[middle].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct node_track *track_find(const struct track_table *t, int64_t node)
{
	size_t at = track_lower_bound(t, node);

	return at < t->n && t->rows[at].node == node ? &t->rows[at] : NULL;
}

static int track_grow(struct track_table *t)
{
	size_t cap = t->cap ? 2 * t->cap : 16;
	struct node_track *rows = realloc(t->rows, cap * sizeof(*rows));

	if (!rows)
		return -1;
	t->rows = rows;
	t->cap = cap;
	return 0;
}

struct node_track *track_get(struct track_table *t, int64_t node)
{
	size_t at = track_lower_bound(t, node);

	if (at < t->n && t->rows[at].node == node)
		return &t->rows[at];
	if (t->n == t->cap && track_grow(t))
		return NULL;
	memmove(&t->rows[at + 1], &t->rows[at], (t->n - at) * sizeof(*t->rows));
	t->rows[at] = (struct node_track){.node = node, .phase = PHASE_UNKNOWN};
	t->n++;
	return &t->rows[at];
}

void track_table_free(struct track_table *t)
{
	free(t->rows);
	*t = (struct track_table){0};
}

int track_table_copy(struct track_table *to, const struct track_table *from)
{
	while (to->cap < from->n)
		if (track_grow(to))
			return -1;
	if (from->n)
		memcpy(to->rows, from->rows, from->n * sizeof(*from->rows));
	to->n = from->n;
	return 0;
}

bool track_same(const struct node_track *a, const struct node_track *b)
{
	return a->node == b->node && !strcmp(a->instance, b->instance) && !strcmp(a->region, b->region) &&
	       a->phase == b->phase && a->phase_since == b->phase_since && a->state == b->state &&
	       a->state_known == b->state_known && a->started_at == b->started_at &&
	       a->running_at == b->running_at && a->serving_at == b->serving_at &&
	       a->stopped_at == b->stopped_at && a->acted_at == b->acted_at &&
	       a->refused_until == b->refused_until && !strcmp(a->refused_code, b->refused_code) &&
	       a->failed_at == b->failed_at && a->last_max_hd == b->last_max_hd;
}
