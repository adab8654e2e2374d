/* Findings about what does not fit together or falls behind the guide's figures: orphans, and instances that are too small. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/guide.h"
#include "fleet/join_internal.h"
#include "fleet/lifecycle.h"

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The addresses of all nodes, sorted; NULL when the picture's arena is full. */
static const char **node_addresses(const struct join *j)
{
	const struct picture *p = j->picture;
	const char **all = arena_array(j->arena, p->n_nodes + 1, sizeof(*all));

	for (size_t i = 0; all && i < p->n_nodes; i++)
		all[i] = p->nodes[i].address;
	if (all)
		qsort(all, p->n_nodes, sizeof(*all), compare_texts);
	return all;
}

static bool has_node(const struct picture *p, const char **addresses, const struct ec2_instance *i)
{
	for (size_t a = 0; a < i->n_addresses; a++)
		if (bsearch(&i->addresses[a], addresses, p->n_nodes, sizeof(*addresses), compare_texts))
			return true;
	return false;
}

static const char *tag_of(const struct ec2_instance *i, const char *key)
{
	for (size_t t = 0; t < i->n_tags; t++)
		if (!strcmp(i->tags[t].key, key))
			return i->tags[t].value;
	return "";
}

/* An open operation launched the instance, or is about to terminate it: without a node it is under way, not lost. */
static bool in_operation(const struct join *j, const struct ec2_instance *i)
{
	for (size_t k = 0; k < j->in->n_intents; k++) {
		const struct intent *op = &j->in->intents[k];

		if (intent_has_steps(op->kind) &&
		    (!strcmp(op->instance, i->id) || !strcmp(op->token, tag_of(i, TAG_OPERATION))))
			return true;
	}
	return false;
}

static void instance_orphans(struct issues *is, const struct join *j)
{
	const char **addresses = node_addresses(j);
	char subject[60];

	for (size_t r = 0; addresses && r < j->in->n_ec2; r++) {
		const struct ec2_report *list = j->in->ec2[r];

		for (size_t i = 0; list && i < list->n_instances; i++) {
			const struct ec2_instance *found = &list->instances[i];

			if (found->state == INSTANCE_TERMINATED || found->state == INSTANCE_SHUTTING_DOWN ||
			    has_node(j->picture, addresses, found) || in_operation(j, found))
				continue;
			(void)snprintf(subject, sizeof(subject), "instance %.40s", found->id);
			issue_add(is, CHECK_INSTANCE_WITHOUT_NODE, subject,
				  "it carries the tag and is %s, and no Conferencing Node has its address %s",
				  instance_state_text(found->state),
				  found->n_addresses ? found->addresses[0] : "(none)");
		}
	}
}

/* A node that had an instance once, or that waits among bursting nodes and is not up: an always-on node elsewhere would be. */
static bool should_have_instance(const struct join *j, const struct node *n)
{
	const struct node_track *t = track_find(j->tracks, n->id);
	const struct location *l = n->location < 0 ? NULL : &j->picture->locations[n->location];

	return (t && t->instance[0]) || (l && l->kind == LOCATION_OVERFLOW && n->sync != SYNC_SYNCED);
}

static bool overflowed_to(const struct picture *p, int32_t location)
{
	for (size_t i = 0; i < p->n_locations; i++)
		if (p->locations[i].overflow1 == location || p->locations[i].overflow2 == location)
			return true;
	return false;
}

static void node_orphans(struct issues *is, const struct join *j, const struct node *n, const char *subject)
{
	const struct picture *p = j->picture;

	if (n->intent && intent_has_steps(n->intent->kind)) /* between two steps anything is possible */
		return;
	if (!n->instance && p->ec2_fresh && should_have_instance(j, n))
		issue_add(is, CHECK_NODE_WITHOUT_INSTANCE, subject,
			  "no instance has its address %s in the configured regions", n->address);
	if (n->bursting && n->location >= 0 && !overflowed_to(p, n->location))
		issue_add(is, CHECK_TAGGED_ALWAYS_ON, subject,
			  "its instance carries the tag, and no location overflows to \"%s\"",
			  p->locations[n->location].name);
}

static void capacity_issues(struct issues *is, const struct node *n, const char *subject)
{
	int vcpu = n->instance && n->instance->type ? guide_vcpu(n->instance->type) : 0;
	int least = n->role == ROLE_PROXYING ? GUIDE_PROXYING_VCPU : GUIDE_TRANSCODING_VCPU;

	if (vcpu && vcpu < least)
		issue_add(is, CHECK_SMALL_INSTANCE, subject, "instance type %s has %d vCPU, the guide's %d",
			  n->instance->type, vcpu, least);
	else if (vcpu && n->role == ROLE_TRANSCODING && n->max_hd > 0 && 4 * n->max_hd < 3 * GUIDE_NODE_HD)
		issue_add(is, CHECK_LOW_CAPACITY, subject,
			  "it takes %d HD calls on %s, the guide counts on %d", n->max_hd, n->instance->type,
			  GUIDE_NODE_HD);
}

/* Another issue says why nothing is found. */
static bool explained(const struct picture *p)
{
	for (size_t i = 0; i < p->n_issues; i++)
		if (p->issues[i].check == CHECK_TAG_MISMATCH || p->issues[i].check == CHECK_TAG_VALUE_UNKNOWN)
			return true;
	return false;
}

static void tagged_issues(struct issues *is, const struct join *j)
{
	size_t n = 0;

	for (size_t r = 0; r < j->in->n_ec2; r++)
		n += j->in->ec2[r] ? j->in->ec2[r]->n_instances : 0;
	if (!n && j->picture->ec2_fresh && !explained(j->picture))
		issue_add(is, CHECK_NO_TAGGED_INSTANCE, "bursting", "no instance has the tag " TAG_NAME "=%s",
			  j->picture->tag_value);
}

#define REPLICATION_WAIT_SECONDS 180

void join_orphans(struct issues *is, const struct join *j)
{
	const struct picture *p = j->picture;
	char subject[300];

	if (!j->in->infinity)
		return;
	instance_orphans(is, j);
	tagged_issues(is, j);
	for (size_t i = 0; i < p->n_nodes; i++) {
		(void)snprintf(subject, sizeof(subject), "node %s", p->nodes[i].name);
		node_orphans(is, j, &p->nodes[i], subject);
		capacity_issues(is, &p->nodes[i], subject);
	}
	if (p->n_nodes > GUIDE_REPLICATION && p->settings.replication_wait_seconds < REPLICATION_WAIT_SECONDS)
		issue_add(is, CHECK_REPLICATION_SLOW, "infinity",
			  "%zu Conferencing Nodes, and a drain waits %d s for replication", p->n_nodes,
			  p->settings.replication_wait_seconds);
}
