/* Elastic IPs: a public address that an instance keeps, stopped or not, until it is taken off. */
#include "tests/world/internal.h"

int32_t elastic_add(struct world *w, int32_t region, int32_t instance, const char *address)
{
	GROW(w->elastics, w->n_elastics, w->cap_elastics);
	uint64_t number = chance_hash(w->options.seed ^ (w->n_elastics << 24) ^ 0xe1a5);

	w->elastics[w->n_elastics] =
		(struct elastic){.allocation = world_text(w, "eipalloc-0%016llx", (unsigned long long)number),
				 .address = address,
				 .region = region,
				 .instance = instance};
	if (instance >= 0)
		w->elastics[w->n_elastics].association =
			world_text(w, "eipassoc-0%016llx", (unsigned long long)number);
	return (int32_t)w->n_elastics++;
}

int32_t elastic_of(const struct world *w, int32_t instance)
{
	for (size_t i = 0; i < w->n_elastics; i++)
		if (!w->elastics[i].gone && w->elastics[i].instance == instance)
			return (int32_t)i;
	return -1;
}

static void show(struct world *w, struct vm *v, bool elastic, const char *address)
{
	struct view next = *vm_view(v);

	v->elastic = v->row.elastic = elastic;
	next.public_address = address;
	vm_push(w, v, next);
}

void elastic_attach(struct world *w, int32_t elastic, int32_t instance)
{
	struct elastic *e = &w->elastics[elastic];

	if (e->instance >= 0)
		elastic_detach(w, elastic);
	e->instance = instance;
	e->association =
		world_text(w, "eipassoc-0%016llx",
			   (unsigned long long)chance_hash((uint64_t)w->now ^ (uint64_t)elastic << 32));
	show(w, &w->instances[instance], true, e->address);
}

void elastic_detach(struct world *w, int32_t elastic)
{
	struct elastic *e = &w->elastics[elastic];
	int32_t instance = e->instance;

	e->instance = -1;
	e->association = NULL;
	show(w, &w->instances[instance], false, NULL);
}
