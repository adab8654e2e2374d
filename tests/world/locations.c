/*
 * The configuration of locations as the API changes it: what Infinity would validate, then the change. A deleted location keeps
 * its row, because ids are indexes; it is shown nowhere. What Infinity does with a link of a location to itself is not
 * documented; here it is refused, so that whoever sends one finds out.
 */
#include <string.h>

#include "tests/world/internal.h"

static bool refuse(struct site_refusal *r, const char *field, const char *why)
{
	*r = (struct site_refusal){field, why};
	return false;
}

static bool name_taken(const struct world *w, int64_t except, const char *name)
{
	for (size_t i = 0; i < w->n_sites; i++)
		if (!w->sites[i].gone && w->sites[i].id != except && !strcmp(w->sites[i].name, name))
			return true;
	return false;
}

static bool check_link(const struct world *w, int64_t id, int64_t link, const char *field,
		       struct site_refusal *r)
{
	if (link && site_index(w, link) < 0)
		return refuse(r, field, "Invalid hyperlink - object does not exist.");
	if (link && link == id)
		return refuse(r, field, "A location cannot overflow into itself.");
	return true;
}

static bool check(const struct world *w, int64_t id, const struct location_change *c, struct site_refusal *r)
{
	if (!id && !(c->fields & LOCATION_NAME))
		return refuse(r, "name", "This field is required.");
	if (c->fields & LOCATION_NAME && !*c->name)
		return refuse(r, "name", "This field may not be blank.");
	if (c->fields & LOCATION_NAME && name_taken(w, id, c->name))
		return refuse(r, "name", "System location with this Name already exists.");
	if (c->fields & LOCATION_PRIMARY && !check_link(w, id, c->overflow1, "overflow_location1", r))
		return false;
	return !(c->fields & LOCATION_SECONDARY) || check_link(w, id, c->overflow2, "overflow_location2", r);
}

bool site_write(struct world *w, int64_t id, const struct location_change *c, int64_t *ret_id,
		struct site_refusal *r)
{
	struct site *s;

	if (!check(w, id, c, r))
		return false;
	if (!id)
		id = world_add_location(w, &(struct world_location){.name = c->name});
	s = &w->sites[site_index(w, id)];
	if (c->fields & LOCATION_NAME)
		s->name = world_text(w, "%s", c->name);
	if (c->fields & LOCATION_DESCRIPTION)
		s->description = world_text(w, "%s", c->description);
	world_link(w, id, c->fields & LOCATION_PRIMARY ? c->overflow1 : site_id(w, s->overflow1),
		   c->fields & LOCATION_SECONDARY ? c->overflow2 : site_id(w, s->overflow2));
	w->counters.location_writes++;
	*ret_id = id;
	return true;
}

bool site_remove(struct world *w, int64_t id, struct site_refusal *r)
{
	int32_t index = site_index(w, id);

	if (w->sites[index].n_nodes)
		return refuse(r, "error", "Cannot delete: Conferencing Nodes refer to this location.");
	w->sites[index].gone = true;
	for (size_t i = 0; i < w->n_sites; i++) { /* links are set to null, as a database does it */
		if (w->sites[i].overflow1 == index)
			w->sites[i].overflow1 = -1;
		if (w->sites[i].overflow2 == index)
			w->sites[i].overflow2 = -1;
	}
	w->location_rows = NULL; /* reports may hold the old ones */
	w->counters.location_writes++;
	return true;
}

int64_t site_id(const struct world *w, int32_t index)
{
	return index < 0 ? 0 : w->sites[index].id;
}
