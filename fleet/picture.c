#include "fleet/picture.h"

#include <assert.h>

const char *location_kind_text(enum location_kind kind)
{
	static const char *const texts[] = {[LOCATION_OTHER] = "other",
					    [LOCATION_PRINCIPAL] = "principal",
					    [LOCATION_OVERFLOW] = "overflow"};

	return texts[kind];
}

const char *location_state_text(enum location_state state)
{
	static const char *const texts[] = {[LOCATION_OK] = "ok",
					    [LOCATION_APPROACHING] = "approaching_threshold",
					    [LOCATION_REACHED] = "threshold_reached"};

	return texts[state];
}

struct picture *picture_ref(struct picture *picture)
{
	int before = __atomic_fetch_add(&picture->references, 1, __ATOMIC_RELAXED);

	assert(before > 0);
	return picture;
}

void picture_unref(struct picture *picture)
{
	if (picture && __atomic_sub_fetch(&picture->references, 1, __ATOMIC_ACQ_REL) == 0)
		arena_free(picture->arena);
}

const struct node *picture_node(const struct picture *picture, int64_t id)
{
	for (size_t i = 0; i < picture->n_nodes; i++)
		if (picture->nodes[i].id == id)
			return &picture->nodes[i];
	return NULL;
}

int picture_node_hd(const struct picture *p, const struct node *n)
{
	return n->max_hd > 0 ? n->max_hd : p->params.node_capacity_hd;
}

const struct location *picture_location(const struct picture *picture, int64_t id)
{
	for (size_t i = 0; i < picture->n_locations; i++)
		if (picture->locations[i].id == id)
			return &picture->locations[i];
	return NULL;
}
