/*
 * Instances that come and go through the API: launch, first boot, configuration, termination.
 *
 *   pending -> running -> (first boot) waits on port 8443 -> configured, reboots -> its node syncs.
 *
 * An instance and its node in Infinity find each other by address. The node syncs only where the instance has the document of the
 * node's present record: one of a record that was deleted since leads to a node that never appears.
 */
#include <stdio.h>

#include "tests/world/internal.h"

static void *keep(struct world *w, size_t n, size_t size)
{
	void *p = arena_array(w->strings, n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

/* --- tags --- */

void tags_set(struct world *w, struct instance_tag **tags, size_t *n, const char *key, const char *value)
{
	struct instance_tag *next = keep(w, *n + 1, sizeof(*next));
	size_t count = 0;
	bool found = false;

	for (size_t i = 0; i < *n; i++) {
		bool it = !strcmp((*tags)[i].key, key);

		found |= it;
		if (!it)
			next[count++] = (*tags)[i];
		else if (value)
			next[count++] = (struct instance_tag){(*tags)[i].key, world_text(w, "%s", value)};
	}
	if (!found && value)
		next[count++] = (struct instance_tag){world_text(w, "%s", key), world_text(w, "%s", value)};
	*tags = next;
	*n = count;
}

/* --- launch --- */

static bool address_taken(const struct world *w, const char *address)
{
	for (size_t i = 0; i < w->n_instances; i++) {
		const struct vm *v = &w->instances[i];

		for (size_t a = 0; !v->terminated_at && a < v->row.n_addresses; a++)
			if (!strcmp(v->row.addresses[a], address))
				return true;
	}
	return false;
}

/* NULL: the subnet is full. */
static const char *free_address(struct world *w, const struct world_subnet *s)
{
	char text[16];

	for (unsigned a = s->first; a <= s->last; a++) {
		(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255,
			       a & 255);
		if (!address_taken(w, text))
			return world_text(w, "%s", text);
	}
	return NULL;
}

static void fill_row(struct world *w, struct vm *v, const struct launch *l, const char *address)
{
	v->row.id = world_text(w, "i-0%016llx",
			       (unsigned long long)chance_hash(w->options.seed ^ (w->n_instances << 20)));
	v->row.type = l->type->name;
	v->row.region = w->regions[l->region].name;
	v->row.zone = world_text(w, "%s%c", v->row.region, l->subnet->zone);
	v->row.tenancy = l->tenancy;
	v->row.addresses = keep(w, 1, sizeof(char *));
	v->row.addresses[0] = address;
	v->row.n_addresses = 1;
	vm_set_tags(v, l->tags, l->n_tags);
}

static void first_boot(struct world *w, int32_t instance, bool late)
{
	struct vm *v = &w->instances[instance];
	int64_t pending = vm_about(w, w->options.pending_ms);

	v->generation++;
	v->fail_late = late;
	queue_add(&w->queue, w->now + pending, SCHED_INSTANCE, instance, v->generation);
	queue_add(&w->queue, w->now + pending + vm_about(w, world_scaled(w, FIRST_BOOT_MS)), SCHED_BOOTED,
		  instance, v->generation);
}

int32_t vm_launch(struct world *w, const struct launch *l)
{
	const char *address = free_address(w, l->subnet);
	int32_t index = (int32_t)w->n_instances;

	if (!address)
		return -1;
	GROW(w->instances, w->n_instances, w->cap_instances);
	struct vm *v = &w->instances[w->n_instances];

	*v = (struct vm){.node = -1,
			 .region = l->region,
			 .on_since = w->now,
			 .image = l->image->id,
			 .key_name = l->key_name,
			 .client_token = l->client_token,
			 .fingerprint = l->fingerprint,
			 .subnet = l->subnet,
			 .groups = l->groups,
			 .n_groups = l->n_groups,
			 .made = true,
			 .fresh = true,
			 .born = w->now,
			 .automatic = l->automatic,
			 .no_ena = !l->image->ena,
			 .manager = strstr(l->image->name, "Management Node") != NULL};
	v->blank = !v->manager;
	fill_row(w, v, l, address);
	v->known_from = w->now;
	if (w->options.ec2_lag_ms > 0)
		v->known_from += (int64_t)chance_below(&w->cloud, (uint64_t)w->options.ec2_lag_ms + 1);
	vm_push(w, v,
		(struct view){.state = INSTANCE_PENDING,
			      .launch = w->now,
			      .public_address = l->automatic ? public_address_new(w) : NULL});
	w->n_instances++;
	first_boot(w, index, l->late);
	ledger_add(w, WORLD_LAUNCH, NULL, v)->accepted = true;
	w->counters.launches++;
	machines_tie(w);
	return index;
}

/* --- end --- */

static void untie(struct world *w, struct vm *v)
{
	if (v->node >= 0)
		w->nodes[v->node].instance = -1;
	v->node = -1;
}

struct ec2_state_change vm_terminate(struct world *w, int32_t instance, bool outside)
{
	struct vm *v = &w->instances[instance];
	struct view next = *vm_view(v);
	enum instance_state previous = next.state;
	int32_t elastic = elastic_of(w, instance);

	if (previous == INSTANCE_SHUTTING_DOWN || previous == INSTANCE_TERMINATED)
		return (struct ec2_state_change){previous, previous};
	struct world_record *r = ledger_add(w, WORLD_TERMINATE, v->node >= 0 ? &w->nodes[v->node] : NULL, v);

	r->accepted = true;
	r->outside = outside;
	w->counters.terminations++;
	v->generation++;
	v->waits = v->booted = false;
	if (v->node >= 0)
		machine_down(w, &w->nodes[v->node], outside);
	untie(w, v);
	if (elastic >= 0) {
		elastic_detach(w, elastic);
		next = *vm_view(v);
	}
	next.state = INSTANCE_SHUTTING_DOWN;
	next.public_address = NULL;
	next.reason_code = "Client.UserInitiatedShutdown";
	next.reason_message = "Client.UserInitiatedShutdown: User initiated shutdown";
	vm_push(w, v, next);
	queue_add(&w->queue, w->now + vm_about(w, w->options.stopping_ms), SCHED_INSTANCE, instance,
		  v->generation);
	if (previous == INSTANCE_STOPPED)
		v->on_since = w->now; /* it costs nothing while it goes */
	return (struct ec2_state_change){previous, INSTANCE_SHUTTING_DOWN};
}

void vm_terminated(struct world *w, struct vm *v, struct view *next)
{
	next->state = INSTANCE_TERMINATED;
	next->public_address = NULL;
	v->terminated_at = w->now;
	v->waits = false;
	untie(w, v);
	w->counters.burst_running_ms += w->now - v->on_since;
}

/* --- configuration --- */

int32_t vm_at_address(struct world *w, const char *address)
{
	for (size_t i = 0; i < w->n_instances; i++) {
		struct vm *v = &w->instances[i];
		const char *public_address = vm_view(v)->public_address;

		if (v->terminated_at)
			continue;
		if (public_address && !strcmp(public_address, address))
			return (int32_t)i;
		for (size_t a = 0; a < v->row.n_addresses; a++)
			if (!strcmp(v->row.addresses[a], address))
				return (int32_t)i;
	}
	return -1;
}

const char *document_new(struct world *w, struct machine *m)
{
	uint64_t secret = chance_hash(w->options.seed ^ (w->n_documents << 28) ^ 0xd0c);

	GROW(w->documents, w->n_documents, w->cap_documents);
	w->documents[w->n_documents++] = (struct document){
		.node = (int32_t)(m - w->nodes),
		.xml = world_text(
			w,
			"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
			"<worker_vm>\r\n  <id>%lld</id>\n  <name>%s</name>\n\t<address>%s</address>\n"
			"  <secret>%016llx%016llx</secret>\n</worker_vm>\n",
			(long long)m->row.id, m->row.name, m->row.address, (unsigned long long)secret,
			(unsigned long long)chance_hash(secret)),
	};
	m->document = (int32_t)w->n_documents;
	return w->documents[w->n_documents - 1].xml;
}

bool vm_configure(struct world *w, struct vm *v, const char *xml, size_t len)
{
	int64_t boot = w->options.boot_ms;

	for (size_t i = 0; i < w->n_documents; i++) {
		if (strlen(w->documents[i].xml) != len || memcmp(w->documents[i].xml, xml, len) != 0)
			continue;
		v->document = (int32_t)i + 1;
		v->blank = v->waits = false;
		if (v->node >= 0 && w->nodes[v->node].boot_ms)
			boot = w->nodes[v->node].boot_ms;
		queue_add(&w->queue, w->now + vm_about(w, boot), SCHED_BOOTED, (int32_t)(v - w->instances),
			  v->generation);
		return true;
	}
	return false;
}
